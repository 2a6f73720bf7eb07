#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NUMBER_MAX_CHARS 1024 /* longer number texts are refused */

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool str_starts(struct str s, struct str prefix) {
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix) {
    return s.n >= suffix.n && str_eq(str_from(s, s.n - suffix.n), suffix);
}

bool str_ieq(struct str a, struct str b) {
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i])) return false;
    return true;
}

int str_cmp(struct str a, struct str b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (c != 0) return c;
    return (a.n > b.n) - (a.n < b.n);
}

struct str str_from(struct str s, size_t at) {
    assert(at <= s.n);
    return s.p == NULL ? s : (struct str){s.p + at, s.n - at};
}

struct str str_cut(struct str *rest, char separator) {
    struct str all = *rest;
    const char *hit = all.n == 0 ? NULL : memchr(all.p, separator, all.n);
    if (hit == NULL) {
        *rest = str_from(all, all.n);
        return all;
    }
    size_t n = (size_t)(hit - all.p);
    *rest = str_from(all, n + 1);
    return (struct str){all.p, n};
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s) {
    while (s.n > 0 && is_space(s.p[0]))
        s = str_from(s, 1);
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool str_contains(struct str s, struct str needle) {
    if (needle.n == 0) return true;
    return s.n >= needle.n && memmem(s.p, s.n, needle.p, needle.n) != NULL;
}

bool str_to_i64(struct str s, int64_t *out) {
    bool negative = s.n > 0 && s.p[0] == '-';
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    if (i == s.n) return false;
    int64_t v = 0; /* counted downwards: the negative side is the larger one */
    for (; i < s.n; i++) {
        if (!is_digit(s.p[i])) return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, v, &v)) return false;
    *out = v;
    return true;
}

static size_t skip_digits(struct str s, size_t at) {
    while (at < s.n && is_digit(s.p[at]))
        at++;
    return at;
}

/* JSON's number: -? (0 | [1-9][0-9]*) (.[0-9]+)? ([eE][+-]?[0-9]+)? */
static bool is_json_number(struct str s) {
    size_t at = s.n > 0 && s.p[0] == '-' ? 1 : 0;
    size_t end = skip_digits(s, at);
    if (end == at || (s.p[at] == '0' && end > at + 1)) return false;
    if (end < s.n && s.p[end] == '.') {
        at = end + 1;
        end = skip_digits(s, at);
        if (end == at) return false;
    }
    if (end < s.n && (s.p[end] == 'e' || s.p[end] == 'E')) {
        at = end + 1;
        if (at < s.n && (s.p[at] == '+' || s.p[at] == '-')) at++;
        end = skip_digits(s, at);
        if (end == at) return false;
    }
    return end == s.n;
}

bool str_to_f64(struct str s, double *out) {
    char text[NUMBER_MAX_CHARS];
    if (s.n >= sizeof text || !is_json_number(s)) return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    double v = strtod(text, NULL);
    if (!isfinite(v)) return false;
    *out = v;
    return true;
}

void str_to_hex(const uint8_t *bytes, size_t n, char *out) {
    static const char digits[16] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

static int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_from_hex(struct str hex, uint8_t *out, size_t n) {
    if (hex.n != 2 * n) return false;
    for (size_t i = 0; i < hex.n; i++)
        if (hex_digit(hex.p[i]) < 0) return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(hex_digit(hex.p[2 * i]) << 4 | hex_digit(hex.p[2 * i + 1]));
    return true;
}

/* Bytes of the well-formed character at p (n left), 0 if it is none. Table 3-7 of the Unicode
 * standard. */
static size_t utf8_character(const unsigned char *p, size_t n) {
    unsigned char c = p[0], low = 0x80, high = 0xBF;
    size_t len = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (len <= 1) return len;
    if (len > n) return 0;
    if (c == 0xE0) low = 0xA0;
    if (c == 0xED) high = 0x9F;
    if (c == 0xF0) low = 0x90;
    if (c == 0xF4) high = 0x8F;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return len;
}

size_t str_utf8_prefix(struct str s) {
    size_t at = 0;
    while (at < s.n) {
        uint64_t eight;
        if (s.n - at >= 8) {
            memcpy(&eight, s.p + at, 8);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += 8;
                continue;
            }
        }
        size_t len = utf8_character((const unsigned char *)s.p + at, s.n - at);
        if (len == 0) break;
        at += len;
    }
    return at;
}
