/* auth.c: who is asking: the operator's socket, a session cookie, Basic or Bearer. */
#include <sodium.h>

#include "routes/call.h"

#define MAX_CREDENTIALS_BYTES 512

static bool by_basic(struct call *c, struct str encoded) {
    char plain[MAX_CREDENTIALS_BYTES];
    size_t n = 0;
    struct str b64 = str_trim(encoded);
    if (b64.n > sizeof plain ||
        sodium_base642bin((uint8_t *)plain, sizeof plain, b64.p, b64.n, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    struct str secret = {plain, n}, user = str_cut(&secret, ':');
    bool ok = trust_key(c->routes->config.trust, user, secret, &c->actor).code == ERR_OK;
    secret_wipe(plain, sizeof plain);
    return ok;
}

static bool by_header(struct call *c, struct str header) {
    struct str rest = header, scheme = str_cut(&rest, ' ');
    if (str_ieq(scheme, STR("Basic"))) return by_basic(c, rest);
    if (str_ieq(scheme, STR("Bearer")))
        return trust_bearer(c->routes->config.trust, str_trim(rest), &c->actor).code == ERR_OK;
    return false;
}

bool auth_identify(struct call *c) {
    if (c->is_operator) {
        c->actor = (struct actor){.role = ROLE_ADMIN, .name = "operator"};
        return true;
    }
    struct str header = edge_header(c->q, "Authorization");
    struct str cookie = edge_cookie(c->q, SESSION_COOKIE);
    bool known =
        header.n
            ? by_header(c, header)
            : cookie.n && trust_session(c->routes->config.trust, cookie, &c->actor).code == ERR_OK;
    if (!known) c->actor = (struct actor){.role = ROLE_NONE};
    return known;
}

bool auth_csrf_ok(const struct call *c) {
    if (c->is_operator || c->actor.key_id) return true;
    struct str sent = edge_header(c->q, "X-Weir-Csrf"), want = str_z(c->actor.csrf);
    return want.n && sent.n == want.n && secret_equal(sent.p, want.p, want.n);
}
