/* builder_values.c: texts, lists and the rest as terms. */
#include "part/builder.h"

#include <math.h>
#include <xxhash.h>

uint64_t part_insert_fingerprint(struct id128 sent_id, uint64_t insert, int64_t time_us) {
    if (insert == 0) return 0;
    uint8_t bytes[24];
    memcpy(bytes, sent_id.b, 16);
    memcpy(bytes + 16, &insert, 8);
    uint64_t h = XXH3_64bits(bytes, sizeof bytes);
    if ((uint32_t)h == 0) h |= 1;
    return time_us % US_PER_S == 0 ? h : (uint32_t)h;
}

uint32_t part_builder_term(struct part_builder *b, struct id128 hash, uint16_t what) {
    uint32_t before = b->terms.n, term;
    if (before == b->term_cap && !part_grow(&b->term, &b->term_cap, sizeof *b->term))
        term = PART_NONE;
    else if (!part_idmap_put(&b->terms, hash, &term))
        term = PART_NONE;
    if (term == PART_NONE)
        b->failed = ERR(ERR_NOMEM, "part: terms");
    else if (b->terms.n > before)
        b->term[term] =
            (struct part_build_term){.path = PART_NONE, .property = PART_NONE, .what = what};
    return term;
}

static bool keep_bytes(struct part_builder *b, struct buf *to, struct part_build_term *t,
                       struct str bytes) {
    t->bytes_at = to->n;
    t->bytes_n = (uint32_t)bytes.n;
    buf_put(to, bytes.p, bytes.n);
    if (to->failed) b->failed = ERR(ERR_NOMEM, "part: texts");
    return !to->failed;
}

static bool enter_frame(struct part_builder *b, const struct frame *f) {
    if (b->frame != PART_NONE) return true;
    if (b->frames_n == b->frames_cap && !part_grow(&b->frames, &b->frames_cap, sizeof *b->frames)) {
        b->failed = ERR(ERR_NOMEM, "part: frames");
        return false;
    }
    b->frame = b->frames_n++;
    b->frames[b->frame].id = f->id;
    memset(b->frames[b->frame].box, 0, SEAL_BOX_BYTES);
    if (f->box) memcpy(b->frames[b->frame].box, f->box, SEAL_BOX_BYTES);
    return true;
}

/* Enters one text, without its path. A text that any frame had readable is never sealed here. */
static uint32_t enter_text(struct part_builder *b, const struct frame *f, uint32_t text) {
    const struct frame_text *t = &f->texts[text];
    uint32_t before = b->terms.n;
    uint32_t term = part_builder_term(b, t->hash, (uint16_t)part_what_text(t->kind, t->type));
    if (term == PART_NONE) return term;
    struct part_build_term *x = &b->term[term];
    if (t->state != FRAME_TEXT_SEALED) {
        x->what &= (uint16_t)~PART_WHAT_SEALED;
    } else if (b->terms.n > before) {
        if (t->bytes.n % 16 != 0) {
            b->failed = ERR(ERR_CORRUPT, "part: a ciphertext's length");
            return PART_NONE;
        }
        if (!enter_frame(b, f) || !keep_bytes(b, &b->cipher, x, t->bytes)) return PART_NONE;
        x->what |= PART_WHAT_SEALED;
        x->frame = b->frame;
        x->ordinal = text;
    }
    b->text_term[text] = term;
    return term;
}

uint32_t part_builder_text(struct part_builder *b, const struct frame *f, uint32_t text) {
    if (b->text_term[text] != PART_NONE) return b->text_term[text];
    uint32_t term = enter_text(b, f, text);
    uint32_t path = f->texts[text].path;
    if (term == PART_NONE || path == FRAME_NO_PATH) return term;
    uint32_t path_term =
        b->text_term[path] != PART_NONE ? b->text_term[path] : enter_text(b, f, path);
    if (path_term == PART_NONE) return PART_NONE;
    b->term[term].path = path_term;
    return term;
}

/* ---- values ---- */

static uint32_t simple_term(struct part_builder *b, enum part_value_type type) {
    if (b->simple[type] == PART_NONE)
        b->simple[type] =
            part_builder_term(b, part_simple_hash(type), (uint16_t)(PART_WHAT_OTHER + type));
    return b->simple[type];
}

static void tree_text(struct part_builder *b, const struct frame *f, uint32_t text, bool key) {
    uint32_t term = part_builder_text(b, f, text);
    if (term == PART_NONE) return;
    if (!key) {
        buf_put_u8(&b->tree, PV_TEXT);
        buf_put_u8(&b->tree, f->texts[text].type);
    }
    buf_put(&b->tree, f->texts[text].hash.b, 16);
}

/* What is open while a list is turned into a tree: where its length goes, and how much of the
 * frame's value it covers. */
struct open_list {
    size_t length_at;
    struct cursor rest;
    bool object;
};

static void tree_open(struct part_builder *b, enum part_value_type type, struct cursor *c,
                      struct open_list *out) {
    buf_put_u8(&b->tree, (uint8_t)type);
    out->length_at = b->tree.n;
    out->object = type == PV_OBJECT;
    buf_put_u32(&b->tree, 0);
    cursor_u32(c);
    uint32_t n = cursor_u32(c);
    const uint8_t *p = cursor_bytes(c, n);
    out->rest = (struct cursor){.p = p, .n = p ? n : 0};
}

static void tree_simple(struct part_builder *b, const struct frame *f, enum frame_value tag,
                        struct cursor *c) {
    static const uint8_t types[] = {[V_NULL] = PV_NULL,
                                    [V_FALSE] = PV_FALSE,
                                    [V_TRUE] = PV_TRUE,
                                    [V_EMPTY_OBJECT] = PV_EMPTY_OBJECT};
    if (tag == V_TEXT) {
        tree_text(b, f, cursor_u32(c), false);
    } else if (tag == V_NUMBER) {
        double v = cursor_f64(c);
        buf_put_u8(&b->tree, PV_NUMBER);
        buf_put_f64(&b->tree, v == 0 || !isfinite(v) ? 0 : v);
    } else if (tag == V_TIME) {
        buf_put_u8(&b->tree, PV_TIME);
        buf_put_i64(&b->tree, cursor_i64(c));
    } else {
        buf_put_u8(&b->tree, types[tag]);
    }
}

/* Elements of a list, nested ones on a stack of their own: depth is bounded by the frame's check,
 * and here again. */
static bool tree_build(struct part_builder *b, const struct frame *f, struct cursor elements) {
    struct open_list open[PART_MAX_DEPTH] = {{.rest = elements}};
    int depth = 0;
    buf_clear(&b->tree);
    while (depth >= 0) {
        struct cursor *c = &open[depth].rest;
        if (c->n == 0) {
            if (depth > 0 && !b->tree.failed) {
                uint32_t n = (uint32_t)(b->tree.n - open[depth].length_at - 4);
                memcpy(b->tree.p + open[depth].length_at, &n, sizeof n);
            }
            depth--;
            continue;
        }
        if (open[depth].object) tree_text(b, f, cursor_u32(c), true);
        enum frame_value tag = (enum frame_value)cursor_u8(c);
        if (tag != V_LIST && tag != V_OBJECT) {
            tree_simple(b, f, tag, c);
            continue;
        }
        if (depth + 1 == PART_MAX_DEPTH) return false;
        tree_open(b, tag == V_LIST ? PV_LIST : PV_OBJECT, c, &open[depth + 1]);
        depth++;
    }
    return !b->tree.failed;
}

static uint32_t list_term(struct part_builder *b, const struct frame *f, struct cursor value) {
    cursor_u32(&value);
    uint32_t n = cursor_u32(&value);
    const uint8_t *p = cursor_bytes(&value, n);
    if (!tree_build(b, f, (struct cursor){.p = p, .n = p ? n : 0})) {
        b->failed = ERR(ERR_NOMEM, "part: list");
        return PART_NONE;
    }
    uint32_t before = b->terms.n;
    struct id128 hash = part_tree_hash((const uint8_t *)b->tree.p, b->tree.n);
    uint32_t term = part_builder_term(b, hash, PART_WHAT_OTHER + PV_LIST);
    if (b->terms.n > before && !keep_bytes(b, &b->trees, &b->term[term], buf_str(&b->tree)))
        return PART_NONE;
    return term;
}

uint32_t part_builder_value(struct part_builder *b, const struct frame *f, struct cursor value) {
    switch ((enum frame_value)cursor_u8(&value)) {
    case V_TEXT:
        return part_builder_text(b, f, cursor_u32(&value));
    case V_NULL:
        return simple_term(b, PV_NULL);
    case V_FALSE:
        return simple_term(b, PV_FALSE);
    case V_TRUE:
        return simple_term(b, PV_TRUE);
    case V_EMPTY_OBJECT:
        return simple_term(b, PV_EMPTY_OBJECT);
    case V_TIME:
        return part_builder_term(b, part_time_hash(cursor_i64(&value)), PART_WHAT_OTHER + PV_TIME);
    case V_LIST:
        return list_term(b, f, value);
    case V_NUMBER:
    case V_OBJECT:
        return PART_NONE;
    }
    return PART_NONE;
}
