/* lexicon.c: what there is to ask about, read off the parts' tables without a scan: names with
 * their counts, and the most frequent values of a property. Counts are of rows in parts: a
 * duplicate that two parts hold counts twice until they merge. */
#include <math.h>
#include <stdlib.h>

#include "query/run.h"

#define SAMPLE 256       /* dictionary entries looked at for a column's type */
#define MAX_LISTED 10000 /* names of one answer */
#define MEMORY_BYTES ((size_t)1 << 30)

enum shape {
    SHAPE_STRING = 1,
    SHAPE_NUMBER = 2,
    SHAPE_BOOLEAN = 4,
    SHAPE_LIST = 8,
    SHAPE_NUMBER_TEXT = 16
};

struct entry {
    uint64_t count;
    unsigned shape; /* bits of enum shape */
    struct id128 hash;
};
struct names {
    struct arena *arena;
    struct table ids;
    struct entry *list;
    uint32_t cap;
};

static struct entry *entry_of(struct names *n, struct id128 hash) {
    uint32_t i = table_put(&n->ids, &hash, NULL);
    struct entry *list =
        i == TABLE_NONE ? NULL : table_grow(n->arena, n->list, &n->cap, i + 1, sizeof *list);
    if (!list) return NULL;
    n->list = list;
    list[i].hash = hash;
    return &list[i];
}

static unsigned shape_of(const struct part *p, int column) {
    const struct part_column_info *c = part_column(p, column);
    unsigned shape = 0;
    if (c->class == PART_NUMBER) return SHAPE_NUMBER;
    for (uint32_t code = 1; code <= c->dictionary_n && code <= SAMPLE; code++) {
        struct part_value v;
        part_entry(p, column, code, &v);
        if (v.type == PV_TEXT)
            shape |= v.text_type == TEXT_STRING ? SHAPE_STRING : SHAPE_NUMBER | SHAPE_NUMBER_TEXT;
        if (v.type == PV_TRUE || v.type == PV_FALSE) shape |= SHAPE_BOOLEAN;
        if (v.type == PV_TIME || v.type == PV_NUMBER) shape |= SHAPE_NUMBER;
        if (v.type == PV_LIST) shape |= SHAPE_LIST;
    }
    return shape;
}

static const char *shape_name(unsigned shape) {
    switch (shape & ~(unsigned)SHAPE_NUMBER_TEXT) {
    case SHAPE_NUMBER:
        return "number";
    case SHAPE_BOOLEAN:
        return "boolean";
    case SHAPE_LIST:
        return "list";
    case 0:
    case SHAPE_STRING:
        return "string";
    default:
        return "mixed";
    }
}

static int cmp_entries(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return id128_cmp(x->hash, y->hash);
}

static struct err read_names(const struct query_world *w, struct names *events,
                             struct names *properties) {
    for (size_t i = 0; i < w->n_parts; i++) {
        const struct part *p = w->parts[i];
        const struct part_info *info = part_info(p);
        for (uint32_t code = 1; code <= info->n_events; code++) {
            struct id128 hash = part_event_hash(p, code);
            if (active_is_hidden_event(w, hash)) continue;
            struct entry *e = entry_of(events, hash);
            if (!e) return ERR(ERR_NOMEM, "query: lexicon");
            e->count += part_event_rows(p, code);
        }
        for (size_t c = 0; c < info->n_columns; c++) {
            struct entry *e = entry_of(properties, part_column(p, (int)c)->property);
            if (!e) return ERR(ERR_NOMEM, "query: lexicon");
            e->count += part_column(p, (int)c)->present_rows;
            e->shape |= shape_of(p, (int)c);
        }
    }
    return ERR_NONE;
}

static void write_names(const struct run *r, struct jout *j, const char *key, struct names *n,
                        bool typed) {
    if (n->ids.n > 1) qsort(n->list, n->ids.n, sizeof *n->list, cmp_entries);
    jout_keyz(j, key);
    jout_array(j);
    for (uint32_t i = 0; i < n->ids.n && i < MAX_LISTED; i++) {
        jout_object(j);
        jout_keyz(j, "name");
        value_write_text(r, j, n->list[i].hash, TEXT_STRING);
        if (typed) jout_keyz(j, "type");
        if (typed) jout_strz(j, shape_name(n->list[i].shape));
        jout_keyz(j, "count");
        jout_i64(j, (int64_t)n->list[i].count);
        if (n->list[i].shape & SHAPE_NUMBER_TEXT) {
            jout_keyz(j, "number_text");
            jout_bool(j, true);
        }
        jout_object_end(j);
    }
    jout_array_end(j);
}

static void names_init(struct names *n, struct arena *a) {
    *n = (struct names){.arena = a};
    table_init(&n->ids, a, sizeof(struct id128));
}

struct err query_lexicon(const struct query_world *w, const struct query_rights *r,
                         struct buf *out) {
    AUTO(arena_free) struct arena *a = arena_new(MEMORY_BYTES);
    struct run *run = a ? arena_alloc(a, sizeof *run) : NULL;
    if (!run) return ERR(ERR_NOMEM, "query: lexicon");
    *run = (struct run){.w = w, .rights = r, .arena = a};
    struct names events, properties;
    names_init(&events, a);
    names_init(&properties, a);
    TRY(read_names(w, &events, &properties));
    struct jout j;
    jout_init(&j, out);
    jout_object(&j);
    write_names(run, &j, "events", &events, false);
    write_names(run, &j, "properties", &properties, true);
    jout_object_end(&j);
    return buf_err(out);
}

/* ---- values ---- */

struct tally {
    const struct run *run;
    const struct bound_ref *ref;
    struct values values;
    uint64_t *count;
    uint32_t cap;
};

static struct err tally_value(struct tally *t, const struct part_value *v, uint64_t n) {
    struct cursor list = v->list;
    struct part_value element;
    if (v->type == PV_LIST) {
        while (part_list_next(&list, &element))
            TRY(tally_value(t, &element, n));
        return ERR_NONE;
    }
    if (value_is_none(v)) return ERR_NONE;
    struct arena *a = t->run->arena;
    uint32_t i = values_put(&t->values, a, value_key(t->run, t->ref, v), v);
    uint64_t *count =
        i == TABLE_NONE ? NULL : table_grow(a, t->count, &t->cap, i + 1, sizeof *count);
    if (!count) return ERR(ERR_NOMEM, "query: values");
    t->count = count;
    count[i] += n;
    return ERR_NONE;
}

static struct err tally_codes(struct tally *t, const struct part *p, int column) {
    uint32_t n = part_column(p, column)->dictionary_n, rows = part_info(p)->rows,
             codes[PART_BATCH_ROWS];
    uint64_t *counts = arena_array(t->run->arena, (size_t)n + 1, sizeof *counts);
    if (!counts) return ERR(ERR_NOMEM, "query: values");
    for (uint32_t row = 0, k; row < rows; row += k) {
        k = rows - row < PART_BATCH_ROWS ? rows - row : PART_BATCH_ROWS;
        part_codes(p, column, row, k, codes);
        for (uint32_t i = 0; i < k; i++)
            counts[codes[i]]++;
    }
    for (uint32_t code = 1; code <= n; code++) {
        struct part_value v;
        part_entry(p, column, code, &v);
        if (counts[code]) TRY(tally_value(t, &v, counts[code]));
    }
    return ERR_NONE;
}

static struct err tally_numbers(struct tally *t, const struct part *p, int column) {
    uint32_t rows = part_info(p)->rows;
    double numbers[PART_BATCH_ROWS];
    for (uint32_t row = 0, k; row < rows; row += k) {
        k = rows - row < PART_BATCH_ROWS ? rows - row : PART_BATCH_ROWS;
        part_numbers(p, column, row, k, numbers);
        for (uint32_t i = 0; i < k; i++) {
            struct part_value v = {.type = PV_NUMBER, .number = numbers[i]};
            if (!isnan(numbers[i])) TRY(tally_value(t, &v, 1));
        }
    }
    return ERR_NONE;
}

static struct err tally_all(struct tally *t) {
    const struct query_world *w = t->run->w;
    for (size_t i = 0; i < w->n_parts; i++) {
        for (size_t k = 0; k < t->ref->n; k++) {
            int code = part_find_column(w->parts[i], t->ref->name[k], PART_CODE);
            int number = part_find_column(w->parts[i], t->ref->name[k], PART_NUMBER);
            if (code >= 0) TRY(tally_codes(t, w->parts[i], code));
            if (number >= 0) TRY(tally_numbers(t, w->parts[i], number));
        }
    }
    return ERR_NONE;
}

static int cmp_tally(const void *a, const void *b, void *ctx) {
    struct tally *t = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (t->count[x] != t->count[y]) return t->count[x] > t->count[y] ? -1 : 1;
    return values_order(t->run, &t->values, x, y);
}

static struct err write_values(struct tally *t, size_t limit, struct buf *out) {
    uint32_t n = t->values.ids.n, shown = 0;
    uint32_t *order = arena_array(t->run->arena, n, sizeof *order);
    if (!order) return ERR(ERR_NOMEM, "query: values");
    for (uint32_t i = 1; i < n; i++)
        order[i - 1] = i; /* 0 is $none */
    if (n > 1) qsort_r(order, n - 1, sizeof *order, cmp_tally, t);
    struct jout j;
    jout_init(&j, out);
    jout_object(&j);
    jout_keyz(&j, "values");
    jout_array(&j);
    for (; shown + 1 < n && shown < limit; shown++)
        value_write(t->run, &j, &t->values.list[order[shown]].v);
    jout_array_end(&j);
    jout_object_end(&j);
    return buf_err(out);
}

struct err query_values(const struct query_world *w, const struct query_rights *r,
                        const struct query_values_of *of, struct buf *out, bool *out_used_literal) {
    AUTO(arena_free) struct arena *a = arena_new(MEMORY_BYTES);
    struct run *run = a ? arena_alloc(a, sizeof *run) : NULL;
    if (!run) return ERR(ERR_NOMEM, "query: values");
    if (of->property.n == 0 || of->property.n > PLAN_MAX_TEXT_BYTES)
        return ERR(ERR_INVALID, "query: property name");
    *run = (struct run){.w = w, .rights = r, .arena = a};
    const struct plan_ref ref = {.kind = REF_EVENT, .name = of->property};
    uint32_t i;
    TRY(run_add_ref(run, &ref, &i));
    *out_used_literal = run->used_literal;
    struct tally t = {.run = run, .ref = &run->refs[i]};
    if (!values_init(&t.values, a)) return ERR(ERR_NOMEM, "query: values");
    TRY(tally_all(&t));
    return write_values(&t, of->limit, out);
}
