/* beat.c: one prober's finding as JSON and back; the names and texts of faults. */
#include <assert.h>

#include "post/post.h"

static const struct {
    const char *name, *text;
} faults[POST_FAULTS_N] = {
    [POST_FINE] = {"none", "all is well"},
    [POST_NO_NAME] = {"dns", "the name does not resolve"},
    [POST_REFUSED] = {"refused", "the connection was refused"},
    [POST_UNREACHABLE] = {"unreachable", "there is no way to the address"},
    [POST_TIMEOUT] = {"timeout", "no answer in time"},
    [POST_TLS] = {"tls", "TLS failed"},
    [POST_CERTIFICATE] = {"certificate", "the certificate is not good"},
    [POST_STATUS] = {"status", "not the status that is expected"},
    [POST_BODY] = {"body", "not the body that is expected"},
    [POST_HEADER] = {"header", "not the header that is expected"},
    [POST_JSON] = {"json", "not the JSON value that is expected"},
    [POST_REDIRECT] = {"redirect", "too many redirects, or one that cannot be followed"},
    [POST_ANSWER] = {"answer", "not the answers that are expected"},
    [POST_FORBIDDEN] = {"forbidden", "an internal address, which the operator did not allow"},
    [POST_PROTOCOL] = {"protocol", "not what such a server says"},
    [POST_MISSED] = {"missed", "no heartbeat came in time"},
    [POST_TOLD] = {"told", "the service said that it is down"},
    [POST_POWERLESS] = {"powerless", "this machine does not allow such a check"},
};

const char *post_fault_name(enum post_fault f) {
    return faults[f < POST_FAULTS_N ? f : POST_PROTOCOL].name;
}

const char *post_fault_text(enum post_fault f) {
    return faults[f < POST_FAULTS_N ? f : POST_PROTOCOL].text;
}

/* ---- the beat's members, as a table ---- */

#define MEMBER(member_name, field, least, most)                                                    \
    {                                                                                              \
        member_name, offsetof(struct post_beat, field), sizeof(((struct post_beat *)0)->field),    \
            least, most                                                                            \
    }
#define LONGEST_US INT64_C(2000000000)
static const struct member {
    const char *name;
    size_t at, bytes;
    int64_t least, most;
} members[] = {
    MEMBER("probe", probe, 1, UINT32_MAX),
    MEMBER("place", place, 0, UINT32_MAX),
    MEMBER("at_us", at_us, 0, INT64_C(4102444800) * US_PER_S),
    MEMBER("total_us", total_us, -1, LONGEST_US),
    MEMBER("dns_us", phase_us[POST_DNS], -1, LONGEST_US),
    MEMBER("connect_us", phase_us[POST_CONNECT], -1, LONGEST_US),
    MEMBER("tls_us", phase_us[POST_TLS_SHAKE], -1, LONGEST_US),
    MEMBER("first_us", phase_us[POST_FIRST_BYTE], -1, LONGEST_US),
    MEMBER("transfer_us", phase_us[POST_TRANSFER], -1, LONGEST_US),
    MEMBER("late_us", late_us, 0, LONGEST_US),
    MEMBER("code", code, 0, 65535),
    MEMBER("cert_days", cert_days, -1, 100000),
    MEMBER("up", up, POST_DOWN, POST_UNKNOWN),
    MEMBER("fault", fault, 0, POST_FAULTS_N - 1),
    MEMBER("attempt", attempt, 0, 255),
};
#define MEMBERS_N (sizeof members / sizeof *members)
_Static_assert(MEMBERS_N < 32, "one bit each");

static int64_t get(const struct post_beat *b, const struct member *m) {
    const char *at = (const char *)b + m->at;
    uint8_t small;
    int32_t middle;
    int64_t large;
    if (m->bytes == 1) return memcpy(&small, at, 1), small;
    if (m->bytes == 8) return memcpy(&large, at, 8), large;
    memcpy(&middle, at, 4);
    return m->least < 0 || m->most <= INT32_MAX ? middle : (int64_t)(uint32_t)middle;
}

static void set(struct post_beat *b, const struct member *m, int64_t v) {
    char *at = (char *)b + m->at;
    uint8_t small = (uint8_t)v;
    uint32_t middle = (uint32_t)v;
    if (m->bytes == 1)
        memcpy(at, &small, 1);
    else if (m->bytes == 8)
        memcpy(at, &v, 8);
    else
        memcpy(at, &middle, 4);
}

void post_put_beat(struct jout *j, const struct post_beat *b) {
    for (size_t i = 0; i < MEMBERS_N; i++) {
        jout_keyz(j, members[i].name);
        jout_i64(j, get(b, &members[i]));
    }
}

struct err post_read_beat(const struct json *v, struct post_beat *out) {
    struct post_beat b = {0};
    uint32_t seen = 0;
    if (v->type != JSON_OBJECT) return ERR(ERR_INVALID, "a beat is an object");
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        size_t i = 0;
        while (i < MEMBERS_N && !str_is(c->key, members[i].name))
            i++;
        if (i == MEMBERS_N && str_is(c->key, "kind")) continue;
        if (i == MEMBERS_N) return ERR(ERR_INVALID, "a beat has no such member");
        if (c->type != JSON_INT || c->i < members[i].least || c->i > members[i].most)
            return ERR(ERR_INVALID, "a beat's member is out of its range");
        if (seen & (1u << i)) return ERR(ERR_INVALID, "a beat's member stands twice");
        seen |= 1u << i;
        set(&b, &members[i], c->i);
    }
    if (seen != (1u << MEMBERS_N) - 1) return ERR(ERR_INVALID, "a beat misses a member");
    *out = b;
    return ERR_NONE;
}
