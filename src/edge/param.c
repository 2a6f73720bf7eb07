/* param.c: percent decoding, query and form parameters, cookies. All input is a stranger's. */
#include "edge/inside.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* A '%' without two hexadecimal digits behind it stands for itself. */
struct str edge_percent_decode(struct arena *a, struct str s, bool plus_is_space) {
    char *out = arena_alloc(a, s.n + EDGE_SLACK_BYTES);
    if (!out) return (struct str){0};
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '+' && plus_is_space) c = ' ';
        if (c == '%' && s.n - i > 2) {
            int high = hex_digit(s.p[i + 1]), low = hex_digit(s.p[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            }
        }
        out[n++] = c;
    }
    return (struct str){out, n};
}

/* Finds name in "a=1&b=2"; names are compared decoded. */
static bool find_param(struct arena *a, struct str list, const char *name, struct str *out) {
    while (list.n > 0) {
        struct str value = str_cut(&list, '&'), key = str_cut(&value, '=');
        bool coded = key.n > 0 && (memchr(key.p, '%', key.n) || memchr(key.p, '+', key.n));
        if (coded && key.n <= 3 * strlen(name)) key = edge_percent_decode(a, key, true);
        if (!str_is(key, name)) continue;
        struct str decoded = edge_percent_decode(a, value, true);
        if (!decoded.p) return false;
        *out = decoded;
        return true;
    }
    return false;
}

bool edge_param(struct edge_request *q, const char *name, struct str *out) {
    return find_param(q->arena, q->query, name, out);
}

bool edge_form_param(struct edge_request *q, const char *name, struct str *out) {
    return find_param(q->arena, q->body, name, out);
}

struct str edge_cookie(const struct edge_request *q, const char *name) {
    struct str list = edge_header(q, "Cookie");
    while (list.n > 0) {
        struct str value = str_trim(str_cut(&list, ';')), key = str_cut(&value, '=');
        if (str_is(str_trim(key), name)) return str_trim(value);
    }
    return (struct str){0};
}
