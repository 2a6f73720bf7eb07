/* tree.c: lists and objects as bytes (doc/part-format.md, "Trees"), and the hashes of values that
 * are not text. */
#include "part/internal.h"

#include <sodium.h>

struct id128 part_simple_hash(enum part_value_type type) {
    struct id128 h = {"WeirTerm"};
    h.b[15] = (uint8_t)type;
    return h;
}

struct id128 part_time_hash(int64_t us) {
    struct id128 h = {"WeirTime"};
    uint64_t v = __builtin_bswap64((uint64_t)us ^ UINT64_C(1) << 63);
    memcpy(h.b + 8, &v, 8);
    return h;
}

int64_t part_time_of_hash(struct id128 hash) {
    uint64_t v;
    memcpy(&v, hash.b + 8, 8);
    return (int64_t)(__builtin_bswap64(v) ^ UINT64_C(1) << 63);
}

struct id128 part_tree_hash(const uint8_t *bytes, size_t n) {
    struct id128 h;
    crypto_generichash(h.b, sizeof h.b, bytes, n, NULL, 0);
    return h;
}

/* ---- reading ---- */

static bool read_hash(struct cursor *c, struct id128 *out) {
    const uint8_t *p = cursor_bytes(c, sizeof out->b);
    if (p) memcpy(out->b, p, sizeof out->b);
    return p != NULL;
}

static bool read_nested(struct cursor *c, struct cursor *out) {
    uint32_t n = cursor_u32(c);
    const uint8_t *p = c->bad ? NULL : cursor_bytes(c, n);
    if (!p) return false;
    *out = (struct cursor){.p = p, .n = n};
    return true;
}

static bool read_element(struct cursor *c, struct part_value *out) {
    uint8_t tag = cursor_u8(c);
    *out = (struct part_value){.type = (enum part_value_type)(tag & ~PART_TREE_SEALED)};
    switch (out->type) {
    case PV_TEXT:
        out->sealed_here = (tag & PART_TREE_SEALED) != 0;
        out->text_type = cursor_u8(c);
        return read_hash(c, &out->hash) && !c->bad;
    case PV_TIME:
        out->time_us = cursor_i64(c);
        out->hash = part_time_hash(out->time_us);
        return !c->bad;
    case PV_NUMBER:
        out->number = cursor_f64(c);
        return !c->bad;
    case PV_LIST:
    case PV_OBJECT: {
        struct cursor nested;
        if (!read_nested(c, &nested)) return false;
        out->list = nested;
        return true;
    }
    case PV_FALSE:
    case PV_TRUE:
    case PV_NULL:
    case PV_EMPTY_OBJECT:
        out->hash = part_simple_hash(out->type);
        return !c->bad;
    case PV_NONE:
        return false;
    }
    return false;
}

bool part_list_next(struct cursor *list, struct part_value *out) {
    if (list->n == 0 || list->bad) return false;
    if (read_element(list, out)) return true;
    list->bad = true;
    list->n = 0;
    return false;
}

bool part_object_next(struct cursor *object, struct id128 *out_key, struct part_value *out) {
    if (object->n == 0 || object->bad) return false;
    if (read_hash(object, out_key)) return part_list_next(object, out);
    object->bad = true;
    object->n = 0;
    return false;
}

/* ---- walking ---- */

struct walk {
    uint8_t *bytes; /* the same memory that the cursors read */
    part_tree_leaf *leaf;
    void *ctx;
    struct cursor open[PART_MAX_DEPTH]; /* the containers that are being read, outermost first */
    bool object[PART_MAX_DEPTH];
    int depth;
};

static bool step(struct walk *w) {
    struct cursor *c = &w->open[w->depth];
    if (w->object[w->depth]) {
        struct id128 key;
        if (!read_hash(c, &key) || !w->leaf(w->ctx, key, NULL)) return false;
    }
    uint8_t *tag = w->bytes + (c->p - w->bytes);
    struct part_value v;
    if (!read_element(c, &v)) return false;
    if (v.type == PV_TEXT) return w->leaf(w->ctx, v.hash, tag);
    if (v.type != PV_LIST && v.type != PV_OBJECT) return true;
    if (w->depth + 1 == PART_MAX_DEPTH) return false;
    w->depth++;
    w->open[w->depth] = v.list;
    w->object[w->depth] = v.type == PV_OBJECT;
    return true;
}

bool part_tree_walk(uint8_t *bytes, size_t n, part_tree_leaf *leaf, void *ctx) {
    struct walk w = {.bytes = bytes, .leaf = leaf, .ctx = ctx};
    w.open[0] = (struct cursor){.p = bytes, .n = n};
    while (w.depth >= 0) {
        if (w.open[w.depth].n == 0)
            w.depth--;
        else if (!step(&w))
            return false;
    }
    return true;
}

static bool any_leaf(void *ctx, struct id128 hash, uint8_t *tag) {
    (void)ctx, (void)hash, (void)tag;
    return true;
}

bool part_tree_valid(const uint8_t *bytes, size_t n) {
    /* The walk writes only through `leaf`, and any_leaf does not. */
    return part_tree_walk((uint8_t *)(uintptr_t)bytes, n, any_leaf, NULL);
}
