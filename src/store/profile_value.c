/* profile_value.c: profile documents as bytes: writing a frame's value, walking, and the texts that
 * an element names. */
#include "store/profile.h"

#define NAME_BYTES 16

static void put_list(struct buf *out, const struct frame *f, struct cursor *value) {
    uint32_t count = cursor_u32(value), bytes = cursor_u32(value);
    struct cursor items = {cursor_bytes(value, bytes), bytes, false};
    buf_put_u8(out, PV_LIST);
    size_t at = out->n;
    buf_put_u32(out, 0);
    for (uint32_t i = 0; i < count && i < PROFILE_MAX_LIST; i++)
        profile_put_value(out, f, &items);
    if (buf_err(out).code != ERR_OK) return;
    uint32_t n = (uint32_t)(out->n - at - 4);
    memcpy(out->p + at, &n, sizeof n);
}

static void put_object(struct buf *out, const struct frame *f, struct cursor *value) {
    uint32_t count = cursor_u32(value), bytes = cursor_u32(value);
    struct cursor items = {cursor_bytes(value, bytes), bytes, false};
    buf_put_u8(out, PV_OBJECT);
    size_t at = out->n;
    buf_put_u32(out, 0);
    for (uint32_t i = 0; i < count; i++) {
        buf_put(out, f->texts[cursor_u32(&items)].hash.b, NAME_BYTES);
        profile_put_value(out, f, &items);
    }
    if (buf_err(out).code != ERR_OK) return;
    uint32_t n = (uint32_t)(out->n - at - 4);
    memcpy(out->p + at, &n, sizeof n);
}

static void put_text(struct buf *out, const struct frame *f, struct cursor *value) {
    const struct frame_text *t = &f->texts[cursor_u32(value)];
    buf_put_u8(out, PV_TEXT);
    buf_put_u8(out, t->type);
    buf_put(out, t->hash.b, sizeof t->hash.b);
}

void profile_put_value(struct buf *out, const struct frame *f, struct cursor *value) {
    switch ((enum frame_value)cursor_u8(value)) {
    case V_NULL:
        buf_put_u8(out, PV_NULL);
        break;
    case V_FALSE:
        buf_put_u8(out, PV_FALSE);
        break;
    case V_TRUE:
        buf_put_u8(out, PV_TRUE);
        break;
    case V_EMPTY_OBJECT:
        buf_put_u8(out, PV_EMPTY_OBJECT);
        break;
    case V_NUMBER:
        buf_put_u8(out, PV_NUMBER);
        buf_put_f64(out, cursor_f64(value));
        break;
    case V_TIME:
        buf_put_u8(out, PV_TIME);
        buf_put_i64(out, cursor_i64(value));
        break;
    case V_TEXT:
        put_text(out, f, value);
        break;
    case V_LIST:
        put_list(out, f, value);
        break;
    case V_OBJECT:
        put_object(out, f, value);
        break;
    }
}

struct str profile_element(struct cursor *c) {
    const uint8_t *start = c->p;
    switch ((enum part_value_type)(cursor_u8(c) & 127)) {
    case PV_TEXT:
        cursor_bytes(c, 1 + NAME_BYTES);
        break;
    case PV_NUMBER:
    case PV_TIME:
        cursor_bytes(c, 8);
        break;
    case PV_LIST:
    case PV_OBJECT:
        cursor_bytes(c, cursor_u32(c));
        break;
    case PV_NONE:
    case PV_FALSE:
    case PV_TRUE:
    case PV_NULL:
    case PV_EMPTY_OBJECT:
        break;
    }
    return c->bad ? (struct str){NULL, 0}
                  : (struct str){(const char *)start, (size_t)(c->p - start)};
}

bool profile_next(struct cursor *doc, struct id128 *out_name, struct str *out_element) {
    if (doc->n == 0) return false;
    const uint8_t *name = cursor_bytes(doc, NAME_BYTES);
    if (!name) return false;
    memcpy(out_name->b, name, NAME_BYTES);
    *out_element = profile_element(doc);
    return out_element->p != NULL;
}

struct str profile_find(struct str doc, struct id128 name) {
    struct cursor c = {(const uint8_t *)doc.p, doc.n, false};
    struct id128 at;
    struct str element;
    while (profile_next(&c, &at, &element))
        if (id128_eq(at, name)) return element;
    return (struct str){NULL, 0};
}

void profile_texts(struct str element, void (*each)(void *ctx, struct id128 text), void *ctx) {
    struct cursor c = {(const uint8_t *)element.p, element.n, false};
    struct id128 text;
    uint8_t tag = cursor_u8(&c) & 127;
    if (tag == PV_TEXT) {
        cursor_u8(&c);
        const uint8_t *hash = cursor_bytes(&c, NAME_BYTES);
        if (!hash) return;
        memcpy(text.b, hash, NAME_BYTES);
        each(ctx, text);
    }
    if (tag != PV_LIST && tag != PV_OBJECT) return;
    uint32_t bytes = cursor_u32(&c);
    struct cursor items = {cursor_bytes(&c, bytes), bytes, false};
    struct str e;
    if (tag == PV_LIST) {
        while (items.p && items.n && (e = profile_element(&items)).p)
            profile_texts(e, each, ctx);
        return;
    }
    while (items.p && profile_next(&items, &text, &e)) {
        each(ctx, text);
        profile_texts(e, each, ctx);
    }
}
