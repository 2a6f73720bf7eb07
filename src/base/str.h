/* str.h: a string is a pointer and a length; NUL only at system calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes; `p` may be NULL only when n is 0. */
struct str {
    const char *p;
    size_t n; /* bytes */
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_z(const char *z) {
    return (struct str){z, z ? strlen(z) : 0};
}
static inline bool str_eq(struct str a, struct str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_is(struct str a, const char *z) {
    return str_eq(a, str_z(z));
}
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_ieq(struct str a, struct str b);     /* ASCII letters without case */
int str_cmp(struct str a, struct str b);      /* byte order, shorter first */
struct str str_from(struct str s, size_t at); /* the rest from byte `at` (at <= n) */
struct str str_cut(struct str *rest,
                   char separator); /* takes up to the separator; rest moves behind it */
struct str str_trim(struct str s);  /* ASCII white space off both ends */
bool str_contains(struct str s, struct str needle);
bool str_to_i64(struct str s, int64_t *out); /* whole string, decimal, optional sign */
bool str_to_f64(struct str s, double *out);  /* whole string, as JSON writes numbers */

/* Hexadecimal, lower case. str_from_hex wants exactly 2 * n digits, either case. */
void str_to_hex(const uint8_t *bytes, size_t n, char *out /* [2 * n], no NUL */);
bool str_from_hex(struct str hex, uint8_t *out, size_t n);

/* Length of the longest valid UTF-8 prefix of s (Unicode 15, no surrogates, no overlong forms). */
size_t str_utf8_prefix(struct str s);
