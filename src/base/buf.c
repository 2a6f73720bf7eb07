#include "base/buf.h"

#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST_BYTES ((size_t)256)

void buf_init(struct buf *b, size_t max_bytes) {
    *b = (struct buf){.max = max_bytes};
}

void buf_done(struct buf *b) {
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_wipe_done(struct buf *b) {
    if (b->p != NULL) sodium_memzero(b->p, b->cap);
    buf_done(b);
}

void buf_clear(struct buf *b) {
    b->n = 0;
    b->failed = ERR_OK;
}

struct err buf_err(const struct buf *b) {
    if (b->failed == ERR_LIMIT) return ERR(ERR_LIMIT, "buffer: its maximum is reached");
    if (b->failed != ERR_OK) return ERR(ERR_NOMEM, "buffer: out of memory");
    return ERR_NONE;
}

struct str buf_str(const struct buf *b) {
    return (struct str){b->p, b->n};
}

static void *fail(struct buf *b, enum err_code code) {
    b->failed = (int32_t)code;
    return NULL;
}

char *buf_room(struct buf *b, size_t n) {
    if (b->failed != ERR_OK) return NULL;
    if (n <= b->cap - b->n && b->p != NULL) return b->p + b->n;
    if (n > b->max - b->n) return fail(b, ERR_LIMIT);
    size_t cap = b->cap < SMALLEST_BYTES ? SMALLEST_BYTES : b->cap;
    while (cap < b->n + n)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    if (cap > b->max) cap = b->max;
    char *p = realloc(b->p, cap == 0 ? 1 : cap);
    if (p == NULL) return fail(b, ERR_NOMEM);
    b->p = p;
    b->cap = cap;
    return b->p + b->n;
}

void buf_put(struct buf *b, const void *bytes, size_t n) {
    char *room = n == 0 ? NULL : buf_room(b, n);
    if (room == NULL) return;
    memcpy(room, bytes, n);
    b->n += n;
}

void buf_put_str(struct buf *b, struct str s) {
    buf_put(b, s.p, s.n);
}

void buf_put_char(struct buf *b, char c) {
    buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...) {
    char text[512];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(text, sizeof text, format, args);
    assert(n >= 0);
    if ((size_t)n < sizeof text) {
        buf_put(b, text, (size_t)n);
    } else {
        char *room = buf_room(b, (size_t)n + 1); /* vsnprintf writes its NUL too */
        if (room != NULL) b->n += (size_t)vsnprintf(room, (size_t)n + 1, format, again);
    }
    va_end(again);
    va_end(args);
}

static void put_little_endian(struct buf *b, uint64_t v, size_t n) {
    unsigned char bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(v >> (8 * i));
    buf_put(b, bytes, n);
}

void buf_put_u8(struct buf *b, uint8_t v) {
    put_little_endian(b, v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v) {
    put_little_endian(b, v, 2);
}

void buf_put_u32(struct buf *b, uint32_t v) {
    put_little_endian(b, v, 4);
}

void buf_put_u64(struct buf *b, uint64_t v) {
    put_little_endian(b, v, 8);
}

void buf_put_i64(struct buf *b, int64_t v) {
    put_little_endian(b, (uint64_t)v, 8);
}

void buf_put_f64(struct buf *b, double v) {
    uint64_t bits;
    memcpy(&bits, &v, 8);
    put_little_endian(b, bits, 8);
}

void buf_put_hex(struct buf *b, const uint8_t *bytes, size_t n) {
    char *room = n > SIZE_MAX / 2 ? fail(b, ERR_LIMIT) : buf_room(b, 2 * n);
    if (room == NULL) return;
    str_to_hex(bytes, n, room);
    b->n += 2 * n;
}

const uint8_t *cursor_bytes(struct cursor *c, size_t n) {
    if (c->bad || n > c->n) {
        c->bad = true;
        c->n = 0;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    c->n -= n;
    return p;
}

static uint64_t take_little_endian(struct cursor *c, size_t n) {
    const uint8_t *p = cursor_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t cursor_u8(struct cursor *c) {
    return (uint8_t)take_little_endian(c, 1);
}

uint16_t cursor_u16(struct cursor *c) {
    return (uint16_t)take_little_endian(c, 2);
}

uint32_t cursor_u32(struct cursor *c) {
    return (uint32_t)take_little_endian(c, 4);
}

uint64_t cursor_u64(struct cursor *c) {
    return take_little_endian(c, 8);
}

int64_t cursor_i64(struct cursor *c) {
    return (int64_t)take_little_endian(c, 8);
}

double cursor_f64(struct cursor *c) {
    uint64_t bits = take_little_endian(c, 8);
    double v;
    memcpy(&v, &bits, 8);
    return v;
}
