/* jout.c: JSON out. One bit per depth remembers whether a comma is due; a key swallows the comma of
 * its value. */
#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

#define MAX_DEPTH 64
#define LARGEST_EXACT                                                                              \
    9007199254740992.0 /* 2^53: below it every integral double is its own shortest text */

void jout_init(struct jout *j, struct buf *b) {
    *j = (struct jout){.b = b};
}

/* What stands before a value or a key: a comma unless it is the first of its container or follows a
 * key. */
static void separate(struct jout *j) {
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->depth == 0) return;
    uint64_t bit = UINT64_C(1) << (j->depth - 1);
    if (j->has_item & bit) buf_put_char(j->b, ',');
    j->has_item |= bit;
}

static void open_container(struct jout *j, char c) {
    separate(j);
    assert(j->depth < MAX_DEPTH);
    j->depth++;
    j->has_item &= ~(UINT64_C(1) << (j->depth - 1));
    buf_put_char(j->b, c);
}

static void close_container(struct jout *j, char c) {
    assert(j->depth > 0 && !j->after_key);
    j->depth--;
    buf_put_char(j->b, c);
}

void jout_object(struct jout *j) {
    open_container(j, '{');
}

void jout_object_end(struct jout *j) {
    close_container(j, '}');
}

void jout_array(struct jout *j) {
    open_container(j, '[');
}

void jout_array_end(struct jout *j) {
    close_container(j, ']');
}

static void put_escape(struct buf *b, unsigned char c) {
    switch (c) {
    case '"':
        buf_put(b, "\\\"", 2);
        return;
    case '\\':
        buf_put(b, "\\\\", 2);
        return;
    case '\n':
        buf_put(b, "\\n", 2);
        return;
    case '\r':
        buf_put(b, "\\r", 2);
        return;
    case '\t':
        buf_put(b, "\\t", 2);
        return;
    default:
        buf_printf(b, "\\u%04x", c);
        return;
    }
}

/* s is valid UTF-8. */
static void put_escaped(struct buf *b, struct str s) {
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        buf_put(b, s.p + from, i - from);
        put_escape(b, c);
        from = i + 1;
    }
    buf_put(b, s.p + from, s.n - from);
}

static void put_quoted(struct buf *b, struct str s) {
    buf_put_char(b, '"');
    while (s.n > 0) {
        size_t good = str_utf8_prefix(s);
        put_escaped(b, (struct str){s.p, good});
        if (good == s.n) break;
        buf_put(b, "\xEF\xBF\xBD", 3);
        s = str_from(s, good + 1);
    }
    buf_put_char(b, '"');
}

void jout_key(struct jout *j, struct str key) {
    assert(j->depth > 0 && !j->after_key);
    separate(j);
    put_quoted(j->b, key);
    buf_put_char(j->b, ':');
    j->after_key = true;
}

void jout_keyz(struct jout *j, const char *key) {
    jout_key(j, str_z(key));
}

void jout_str(struct jout *j, struct str s) {
    separate(j);
    put_quoted(j->b, s);
}

void jout_strz(struct jout *j, const char *z) {
    if (z == NULL)
        jout_null(j);
    else
        jout_str(j, str_z(z));
}

void jout_i64(struct jout *j, int64_t v) {
    separate(j);
    buf_printf(j->b, "%" PRId64, v);
}

/* Decimals of few places: of at most 15 digits the text that reads back as v is the one that the
 * search below would find, and an exact division says whether this is it. */
static bool put_decimal(struct jout *j, double v, int64_t scale, int places) {
    double scaled = v * (double)scale;
    if (!(fabs(scaled) < 1e15) || fabs(v) < 1e-3) return false;
    int64_t x = llrint(scaled);
    if ((double)x / (double)scale != v) return false;
    char text[32];
    uint64_t whole = (uint64_t)(x < 0 ? -x : x);
    int at = (int)sizeof text;
    bool nonzero = false;
    for (int i = 0; i < places || whole; i++, whole /= 10) {
        nonzero |= whole % 10 != 0 || i >= places;
        if (i == places) text[--at] = '.';
        if (nonzero) text[--at] = (char)('0' + whole % 10);
    }
    if (fabs(v) < 1) {
        text[--at] = '.';
        text[--at] = '0';
    }
    if (x < 0) text[--at] = '-';
    separate(j);
    buf_put(j->b, text + at, sizeof text - (size_t)at);
    return true;
}

void jout_f64(struct jout *j, double v) {
    if (!isfinite(v)) {
        jout_null(j);
        return;
    }
    if (v == floor(v) && fabs(v) < LARGEST_EXACT && !(v == 0 && signbit(v))) {
        jout_i64(j, (int64_t)v);
        return;
    }
    if (put_decimal(j, v, 1000, 3) || put_decimal(j, v, 1000000, 6)) return;
    char text[32];
    int n = 0;
    int fewest = fabs(v) < DBL_MIN
                     ? 1
                     : DBL_DIG; /* %g drops zeros; only subnormals carry fewer than 15 digits */
    for (int digits = fewest; digits <= 17; digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    separate(j);
    buf_put(j->b, text, (size_t)n);
}

void jout_bool(struct jout *j, bool v) {
    separate(j);
    buf_put_str(j->b, v ? STR("true") : STR("false"));
}

void jout_null(struct jout *j) {
    separate(j);
    buf_put_str(j->b, STR("null"));
}

void jout_key_raw(struct jout *j, struct str json) {
    separate(j);
    buf_put_str(j->b, json);
    buf_put_char(j->b, ':');
    j->after_key = true;
}

void jout_raw(struct jout *j, struct str json) {
    separate(j);
    buf_put_str(j->b, json);
}
