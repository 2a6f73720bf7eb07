/* url.c: splitting addresses. Nothing is decoded: two spellings of one address are two texts, as
 * they were sent. */
#include "intake/url.h"

static bool starts_without_case(struct str s, struct str lower) {
    return s.n >= lower.n && str_ieq((struct str){s.p, lower.n}, lower);
}

/* Cuts `s` at the first of the characters; the rest starts with it. */
static struct str until(struct str *s, const char *stops) {
    size_t i = 0;
    while (i < s->n && (s->p[i] == 0 || !strchr(stops, s->p[i])))
        i++;
    struct str head = {s->p, i};
    *s = str_from(*s, i);
    return head;
}

bool intake_url_split(struct str t, struct intake_url *out) {
    *out = (struct intake_url){0};
    struct str rest = t;
    if (starts_without_case(t, STR("http://")) || starts_without_case(t, STR("https://"))) {
        rest = str_from(t, t.p[4] == ':' ? 7 : 8);
        out->host = until(&rest, "/?#\\");
        if (out->host.n == 0) return false;
        out->has_user = memchr(out->host.p, '@', out->host.n) != NULL;
    } else if (t.n == 0 || (t.p[0] != '/' && t.p[0] != '?')) {
        return false;
    }
    out->path = until(&rest, "?#");
    if (rest.n > 0 && rest.p[0] == '?') {
        rest = str_from(rest, 1);
        out->query = until(&rest, "#");
    }
    if (rest.n > 0) out->fragment = str_from(rest, 1);
    return out->host.n > 0 || out->query.n > 0 || out->fragment.n > 0;
}
