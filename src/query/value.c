/* value.c: values as answers show them, their identity across parts, and their order. */
#include <math.h>

#include "query/run.h"

#define OPEN_SCRATCH_BYTES (4u << 20)

/* ---- identity ---- */

/* Identities that are not hashes: a type and eight bytes. A hash that looks like one is as likely
 * as two equal hashes. */
static struct id128 plain_key(enum part_value_type type, uint64_t bits) {
    struct id128 k = {{0}};
    k.b[0] = (uint8_t)type;
    memcpy(k.b + 8, &bits, sizeof bits);
    return k;
}

struct id128 value_key(const struct run *r, const struct bound_ref *ref,
                       const struct part_value *v) {
    uint64_t bits = 0;
    switch (v->type) {
    case PV_TEXT:
        if (ref->n_values > 1) {
            /* The same text under two ways to write the path: one value, where it can be read. */
            struct str word = r->w->word(r->w->words_ctx, v->hash);
            if (word.p)
                return seal_hash(r->w->keys, ref->value_kind, v->text_type, ref->value_path[0],
                                 word);
        }
        return v->hash;
    case PV_NUMBER: {
        double d = v->number == 0 ? 0 : v->number; /* -0 is 0 */
        memcpy(&bits, &d, sizeof bits);
        return plain_key(PV_NUMBER, bits);
    }
    case PV_TIME: {
        double d = (double)v->time_us / (double)US_PER_S;
        memcpy(&bits, &d, sizeof bits);
        return plain_key(PV_NUMBER, bits);
    }
    case PV_FALSE:
    case PV_TRUE:
    case PV_EMPTY_OBJECT:
        return plain_key(v->type, 0);
    case PV_LIST:
    case PV_OBJECT:
        return v->hash;
    case PV_NONE:
    case PV_NULL:
        break;
    }
    return plain_key(PV_NONE, 0);
}

bool value_is_none(const struct part_value *v) {
    if (!v || v->type == PV_NONE || v->type == PV_NULL) return true;
    if (v->type != PV_LIST) return false;
    struct cursor list = v->list;
    struct part_value element;
    while (part_list_next(&list, &element)) {
        if (!value_is_none(&element)) return false;
    }
    return true;
}

bool value_number(const struct run *r, const struct part_value *v, double *out) {
    if (v->type == PV_NUMBER) {
        *out = v->number;
        return true;
    }
    if (v->type == PV_TIME) {
        *out = (double)v->time_us / (double)US_PER_S;
        return true;
    }
    if (v->type != PV_TEXT || v->text_type == TEXT_STRING) return false;
    struct str word = r->w->word(r->w->words_ctx, v->hash);
    return word.p && str_to_f64(word, out);
}

/* ---- texts ---- */

static bool open_text(const struct run *r, struct id128 hash, struct arena *a, struct str *out) {
    struct texts *t = r->texts;
    if (!r->rights->opened || !r->w->open) return false;
    if (!t || t->opened.n >= TEXTS_MAX_OPENED) return r->w->open(r->w->words_ctx, hash, a, out);
    uint32_t i = table_find(&t->opened, &hash);
    if (i == TABLE_NONE) {
        struct str clear;
        if (!r->w->open(r->w->words_ctx, hash, t->arena, &clear)) return false;
        struct str *grown = table_grow(t->arena, t->clear, &t->cap, t->opened.n + 1, sizeof *grown);
        i = grown ? table_put(&t->opened, &hash, NULL) : TABLE_NONE;
        if (i == TABLE_NONE) return false;
        t->clear = grown;
        t->clear[i] = clear;
    }
    *out = t->clear[i];
    return true;
}

struct str value_text(const struct run *r, struct id128 hash, struct arena *a, bool *out_sealed) {
    *out_sealed = false;
    struct str s = r->w->word(r->w->words_ctx, hash);
    if (s.p || open_text(r, hash, a, &s)) return s;
    *out_sealed = true;
    char hex[32];
    struct id128 handle = seal_handle(r->w->keys, HANDLE_TEXT, hash);
    bool is_new = false;
    if (r->texts && r->texts->sealed) (void)table_put(&r->texts->seen, &handle, &is_new);
    if (is_new) r->texts->sealed(r->texts->ctx, handle, hash);
    str_to_hex(handle.b, 16, hex);
    return arena_printf(a, "sealed:%.32s", hex);
}

void value_write_text(const struct run *r, struct jout *j, struct id128 hash, uint8_t text_type) {
    bool sealed = false;
    double d;
    struct str s = r->w->word(r->w->words_ctx, hash);
    struct arena *a = s.p ? NULL : arena_new(OPEN_SCRATCH_BYTES);
    if (a) s = value_text(r, hash, a, &sealed);
    if (!s.p)
        jout_null(j);
    else if (text_type != TEXT_STRING && !sealed && str_to_f64(s, &d))
        jout_raw(j, s);
    else
        jout_str(j, s);
    arena_free(a);
}

/* ---- JSON ---- */

static void write_list(const struct run *r, struct jout *j, struct cursor list) {
    struct part_value v;
    jout_array(j);
    while (part_list_next(&list, &v))
        value_write(r, j, &v);
    jout_array_end(j);
}

static void write_object(const struct run *r, struct jout *j, struct cursor object) {
    struct part_value v;
    struct id128 key;
    jout_object(j);
    while (part_object_next(&object, &key, &v)) {
        struct arena *a = arena_new(OPEN_SCRATCH_BYTES);
        bool sealed;
        struct str s = a ? value_text(r, key, a, &sealed) : (struct str){0};
        jout_key(j, s.p ? s : STR("?"));
        arena_free(a);
        value_write(r, j, &v);
    }
    jout_object_end(j);
}

static void write_time(struct jout *j, int64_t us) {
    if (us % US_PER_S == 0)
        jout_i64(j, us / US_PER_S);
    else
        jout_f64(j, (double)us / (double)US_PER_S);
}

void value_write(const struct run *r, struct jout *j, const struct part_value *v) {
    switch (v->type) {
    case PV_TEXT:
        value_write_text(r, j, v->hash, v->text_type);
        return;
    case PV_FALSE:
    case PV_TRUE:
        jout_bool(j, v->type == PV_TRUE);
        return;
    case PV_EMPTY_OBJECT:
        jout_object(j);
        jout_object_end(j);
        return;
    case PV_TIME:
        write_time(j, v->time_us);
        return;
    case PV_NUMBER:
        jout_f64(j, v->number);
        return;
    case PV_LIST:
        write_list(r, j, v->list);
        return;
    case PV_OBJECT:
        write_object(r, j, v->list);
        return;
    case PV_NONE:
    case PV_NULL:
        break;
    }
    jout_null(j);
}

/* ---- numbering ---- */

bool values_init(struct values *vs, struct arena *a) {
    table_init(&vs->ids, a, sizeof(struct id128));
    vs->list = NULL;
    vs->cap = 0;
    struct part_value none = {.type = PV_NONE};
    return values_put(vs, a, plain_key(PV_NONE, 0), &none) == 0;
}

uint32_t values_put(struct values *vs, struct arena *a, struct id128 key,
                    const struct part_value *v) {
    bool is_new;
    uint32_t i = table_put(&vs->ids, &key, &is_new);
    if (i == TABLE_NONE || !is_new) return i;
    struct value_info *list = table_grow(a, vs->list, &vs->cap, i + 1, sizeof *list);
    if (!list) return TABLE_NONE;
    vs->list = list;
    list[i] = (struct value_info){.v = *v};
    return i;
}

/* ---- order ---- */

enum rank { RANK_FALSE, RANK_TRUE, RANK_NUMBER, RANK_TEXT, RANK_REST };

static enum rank rank_of(const struct run *r, const struct part_value *v, double *out_number) {
    if (value_is_none(v) || (v->type == PV_TEXT && v->text_type == TEXT_STRING)) return RANK_TEXT;
    if (v->type == PV_FALSE) return RANK_FALSE;
    if (v->type == PV_TRUE) return RANK_TRUE;
    if (value_number(r, v, out_number)) return RANK_NUMBER;
    return v->type == PV_TEXT ? RANK_TEXT : RANK_REST;
}

static struct str label(const struct run *r, struct values *vs, uint32_t i) {
    struct value_info *info = &vs->list[i];
    bool sealed;
    if (info->label.p) return info->label;
    info->label = value_is_none(&info->v) ? STR("$none")
                                          : value_text(r, info->v.hash, vs->ids.arena, &sealed);
    if (!info->label.p) info->label = STR("");
    return info->label;
}

int values_order(const struct run *r, struct values *vs, uint32_t a, uint32_t b) {
    double x = 0, y = 0;
    if (a == b) return 0;
    enum rank ra = rank_of(r, &vs->list[a].v, &x), rb = rank_of(r, &vs->list[b].v, &y);
    if (ra != rb) return ra < rb ? -1 : 1;
    if (ra == RANK_NUMBER) return (x > y) - (x < y);
    int c = ra == RANK_TEXT ? str_cmp(label(r, vs, a), label(r, vs, b)) : 0;
    return c ? c : memcmp(table_key(&vs->ids, a), table_key(&vs->ids, b), sizeof(struct id128));
}
