/* buf.h: a growing buffer that is told its maximum when made, and a JSON writer on it.
 *
 * Failure is sticky: after the limit or memory is reached every put does nothing, and buf_err
 * tells. So a long run of puts is checked once, at its end.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p;        /* owned; p[n] may be written up to cap */
    size_t n;       /* bytes used */
    size_t cap;     /* bytes allocated */
    size_t max;     /* stated maximum in bytes */
    int32_t failed; /* enum err_code, sticky */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);      /* frees; b is empty and usable again */
void buf_wipe_done(struct buf *b); /* the same, bytes wiped first */
static inline void buf_done_auto(struct buf *b) {
    buf_done(b);
} /* AUTO(buf_done) struct buf b; */

void buf_clear(struct buf *b); /* n = 0, failure forgotten, memory kept */
struct err buf_err(const struct buf *b);
struct str buf_str(const struct buf *b);

void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_put_str(struct buf *b, struct str s);
void buf_put_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at b->p + b->n, or NULL (failure is noted). Does not change b->n. */
char *buf_room(struct buf *b, size_t n);

/* Little-endian integers of the stored formats. */
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_i64(struct buf *b, int64_t v);
void buf_put_f64(struct buf *b, double v);
void buf_put_hex(struct buf *b, const uint8_t *bytes, size_t n);

/* The reading twin: a cursor over stored bytes. Reading past the end sets `bad`, and gives zeros
 * from then on. */
struct cursor {
    const uint8_t *p;
    size_t n; /* bytes left */
    bool bad;
};
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
int64_t cursor_i64(struct cursor *c);
double cursor_f64(struct cursor *c);
/* n bytes in place, or NULL with `bad` set. */
const uint8_t *cursor_bytes(struct cursor *c, size_t n);

/* JSON out: commas are put where they belong. Keys and values alternate inside objects as the
 * caller calls them. Depth at most 64. Doubles print as the shortest text that reads back the same;
 * integral ones without ".0"; NaN and infinities as null. Text that is not UTF-8 has its bad bytes
 * replaced by U+FFFD. */
struct jout {
    struct buf *b;
    uint64_t has_item; /* bit per depth */
    int depth;
    bool after_key;
};
void jout_init(struct jout *j, struct buf *b);
void jout_object(struct jout *j);
void jout_object_end(struct jout *j);
void jout_array(struct jout *j);
void jout_array_end(struct jout *j);
void jout_key(struct jout *j, struct str key);
void jout_keyz(struct jout *j, const char *key);
void jout_key_raw(struct jout *j, struct str json); /* already quoted and escaped */
void jout_str(struct jout *j, struct str s);
void jout_strz(struct jout *j, const char *z); /* NULL gives null */
void jout_i64(struct jout *j, int64_t v);
void jout_f64(struct jout *j, double v);
void jout_bool(struct jout *j, bool v);
void jout_null(struct jout *j);
void jout_raw(struct jout *j, struct str json); /* one value, already JSON */
