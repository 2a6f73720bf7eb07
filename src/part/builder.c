/* builder.c: frames in, numbered rows and cells out.
 *
 * The cost of an event must not depend on the length of its texts: a text of a frame is looked up
 * by hash once per frame, then its index leads straight to a term number; a property's term leads
 * straight to its columns. What is left per value is one append of (row, value) to a column.
 */
#include "part/builder.h"

#include <math.h>

#define MAX_BYTES ((size_t)1 << 40)

bool part_grow(void *array, uint32_t *cap, size_t each) {
    uint32_t bigger = *cap ? *cap * 2 : 64;
    if (bigger < *cap || bigger > UINT32_C(1) << 31) return false;
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = realloc(old, (size_t)bigger * each);
    if (!grown) return false;
    memcpy(array, &grown, sizeof grown);
    *cap = bigger;
    return true;
}

struct part_builder *part_builder_new(uint64_t project) {
    struct part_builder *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->project = project;
    part_idmap_init(&b->persons);
    part_idmap_init(&b->terms);
    buf_init(&b->cipher, MAX_BYTES);
    buf_init(&b->trees, MAX_BYTES);
    buf_init(&b->tree, JOURNAL_MAX_FRAME_BYTES * 2);
    memset(b->simple, 0xff, sizeof b->simple);
    return b;
}

void part_builder_free(struct part_builder *b) {
    if (!b) return;
    part_idmap_done(&b->persons);
    part_idmap_done(&b->terms);
    for (uint32_t i = 0; i < b->columns_n; i++) {
        free(b->columns[i].rows);
        free(b->columns[i].codes);
        free(b->columns[i].numbers);
    }
    buf_done(&b->cipher);
    buf_done(&b->trees);
    buf_done(&b->tree);
    free(b->term);
    free(b->properties);
    free(b->columns);
    free(b->frames);
    free(b->row_person);
    free(b->row_event);
    free(b->row_time);
    free(b->row_insert);
    free(b->text_term);
    free(b);
}

size_t part_builder_rows(const struct part_builder *b) {
    return b->rows;
}

/* ---- columns ---- */

static struct part_build_property *property_of(struct part_builder *b, uint32_t term) {
    if (b->term[term].property != PART_NONE) return &b->properties[b->term[term].property];
    if (b->properties_n == b->properties_cap &&
        !part_grow(&b->properties, &b->properties_cap, sizeof *b->properties))
        return NULL;
    b->term[term].property = b->properties_n;
    struct part_build_property *p = &b->properties[b->properties_n++];
    *p = (struct part_build_property){
        .term = term, .column = {PART_NONE, PART_NONE}, .last_row = PART_NONE};
    return p;
}

/* NULL: no memory, or the part has its columns. */
static struct part_build_column *column_of(struct part_builder *b, struct part_build_property *p,
                                           enum part_class c) {
    if (p->column[c] != PART_NONE) return &b->columns[p->column[c]];
    if (b->columns_n == PART_MAX_COLUMNS) return NULL;
    if (b->columns_n == b->columns_cap &&
        !part_grow(&b->columns, &b->columns_cap, sizeof *b->columns)) {
        b->failed = ERR(ERR_NOMEM, "part: columns");
        return NULL;
    }
    p->column[c] = b->columns_n;
    struct part_build_column *column = &b->columns[b->columns_n++];
    *column = (struct part_build_column){.property_term = p->term, .class = c};
    return column;
}

static bool column_grow(struct part_build_column *c) {
    uint32_t cap = c->cap;
    if (!part_grow(&c->rows, &cap, sizeof *c->rows)) return false;
    cap = c->cap;
    bool grown = c->class == PART_CODE ? part_grow(&c->codes, &cap, sizeof *c->codes)
                                       : part_grow(&c->numbers, &cap, sizeof *c->numbers);
    if (grown) c->cap = cap;
    return grown;
}

/* The cell for this row's value, or NULL. An event that names a property twice keeps the later
 * value. */
static struct part_build_column *add_cell(struct part_builder *b, uint32_t property_term,
                                          enum part_class class) {
    struct part_build_property *p = property_of(b, property_term);
    if (!p) {
        b->failed = ERR(ERR_NOMEM, "part: properties");
        return NULL;
    }
    if (p->last_row == b->rows) b->columns[p->column[p->last_class]].n--;
    p->last_row = PART_NONE;
    struct part_build_column *c = column_of(b, p, class);
    if (!c) return NULL;
    if (c->n == c->cap && !column_grow(c)) {
        b->failed = ERR(ERR_NOMEM, "part: cells");
        return NULL;
    }
    p->last_row = b->rows;
    p->last_class = class;
    c->rows[c->n] = b->rows;
    return c;
}

static void add_number(struct part_builder *b, uint32_t property_term, struct cursor value) {
    cursor_u8(&value);
    double v = cursor_f64(&value);
    if (!isfinite(v)) return;
    struct part_build_column *c = add_cell(b, property_term, PART_NUMBER);
    if (c) c->numbers[c->n++] = v == 0 ? 0 : v;
}

static void add_value(struct part_builder *b, const struct frame *f, uint32_t path,
                      struct cursor value) {
    uint32_t property = part_builder_text(b, f, path);
    if (property == PART_NONE) return;
    if (value.p[0] == V_NUMBER) {
        add_number(b, property, value);
        return;
    }
    uint32_t term = part_builder_value(b, f, value);
    if (term == PART_NONE) return;
    struct part_build_column *c = add_cell(b, property, PART_CODE);
    if (c) c->codes[c->n++] = term;
}

/* ---- rows ---- */

static bool rows_grow(struct part_builder *b) {
    uint32_t cap = b->rows_cap;
    if (!part_grow(&b->row_person, &cap, sizeof *b->row_person)) return false;
    cap = b->rows_cap;
    if (!part_grow(&b->row_event, &cap, sizeof *b->row_event)) return false;
    cap = b->rows_cap;
    if (!part_grow(&b->row_time, &cap, sizeof *b->row_time)) return false;
    cap = b->rows_cap;
    if (!part_grow(&b->row_insert, &cap, sizeof *b->row_insert)) return false;
    b->rows_cap = cap;
    return true;
}

static void add_event(struct part_builder *b, const struct frame *f, struct frame_event *e) {
    if (b->rows == PART_MAX_ROWS - 1) {
        b->failed = ERR(ERR_LIMIT, "part: rows");
        return;
    }
    uint32_t person, name = part_builder_text(b, f, e->name);
    if (name == PART_NONE || (b->rows == b->rows_cap && !rows_grow(b)) ||
        !part_idmap_put(&b->persons, e->person, &person)) {
        b->failed = ERR(ERR_NOMEM, "part: rows");
        return;
    }
    uint32_t path;
    struct cursor value;
    for (uint16_t i = 0; i < e->n_props && frame_next_prop(&e->props, &path, &value); i++)
        add_value(b, f, path, value);
    b->row_person[b->rows] = person;
    b->row_event[b->rows] = name;
    b->row_time[b->rows] = e->time_us;
    b->row_insert[b->rows] = part_insert_fingerprint(e->sent_id, e->insert, e->time_us);
    b->rows++;
}

/* Texts that the events of this frame did not use, but that it says are readable, may lie here
 * sealed from an earlier frame. */
static void note_readable(struct part_builder *b, const struct frame *f) {
    for (uint32_t i = 0; i < f->n_texts; i++) {
        uint32_t term;
        if (b->text_term[i] != PART_NONE || f->texts[i].state == FRAME_TEXT_SEALED) continue;
        if (part_idmap_find(&b->terms, f->texts[i].hash, &term))
            b->term[term].what &= (uint16_t)~PART_WHAT_SEALED;
    }
}

struct err part_builder_add(struct part_builder *b, const struct frame *f) {
    TRY(b->failed);
    while (b->text_term_cap < f->n_texts)
        if (!part_grow(&b->text_term, &b->text_term_cap, sizeof *b->text_term))
            return ERR(ERR_NOMEM, "part: texts");
    if (f->n_texts > 0) memset(b->text_term, 0xff, (size_t)f->n_texts * sizeof *b->text_term);
    b->frame = PART_NONE;
    struct frame copy = *f;
    struct frame_event event;
    struct frame_profile profile;
    enum frame_record_type type;
    while (b->failed.code == ERR_OK && (type = frame_next(&copy, &event, &profile)) != 0)
        if (type == RECORD_EVENT) add_event(b, f, &event);
    TRY(b->failed);
    note_readable(b, f);
    return ERR_NONE;
}
