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
    free(b->frame_persons);
    free(b);
}

size_t part_builder_rows(const struct part_builder *b) {
    return b->rows;
}

uint64_t part_builder_lost(const struct part_builder *b) {
    return b->refused + b->cut;
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
    if (b->columns_n == PART_BUILDER_COLUMNS) {
        b->refused++;
        return NULL;
    }
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

static void add_number(struct part_builder *b, uint32_t property_term, double v) {
    if (!isfinite(v)) return;
    struct part_build_column *c = add_cell(b, property_term, PART_NUMBER);
    if (c) c->numbers[c->n++] = v == 0 ? 0 : v;
}

static void add_code(struct part_builder *b, uint32_t property_term, uint32_t term) {
    if (term == PART_NONE) return;
    struct part_build_column *c = add_cell(b, property_term, PART_CODE);
    if (c) c->codes[c->n++] = term;
}

static void add_value(struct part_builder *b, const struct frame *f, uint32_t path,
                      struct cursor value) {
    uint32_t property = part_builder_text(b, f, path);
    if (property != PART_NONE) add_code(b, property, part_builder_value(b, f, value));
}

/* Texts and numbers are nearly all values: they are read in place. The frame was checked as a whole
 * (frame_parse), so their bytes are there. */
static bool add_simple(struct part_builder *b, const struct frame *f, struct cursor *props) {
    uint8_t tag = props->p[4];
    if (tag != V_TEXT && tag != V_NUMBER) return false;
    uint32_t path, text;
    memcpy(&path, props->p, sizeof path);
    uint32_t property = part_builder_text(b, f, path);
    size_t bytes = tag == V_TEXT ? 9 : 13;
    if (property == PART_NONE) {
        /* no memory: noted */
    } else if (tag == V_TEXT) {
        memcpy(&text, props->p + 5, sizeof text);
        add_code(b, property, part_builder_text(b, f, text));
    } else {
        double v;
        memcpy(&v, props->p + 5, sizeof v);
        add_number(b, property, v);
    }
    props->p += bytes;
    props->n -= bytes;
    return true;
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
    uint32_t name = part_builder_text(b, f, e->name);
    if (name == PART_NONE || (b->rows == b->rows_cap && !rows_grow(b)) ||
        (b->frame_persons_n == b->frame_persons_cap &&
         !part_grow(&b->frame_persons, &b->frame_persons_cap, sizeof *b->frame_persons))) {
        b->failed = ERR(ERR_NOMEM, "part: rows");
        return;
    }
    b->frame_persons[b->frame_persons_n++] = e->person;
    uint32_t path;
    struct cursor value;
    for (uint16_t i = 0; i < e->n_props; i++) {
        if (add_simple(b, f, &e->props)) continue;
        if (!frame_next_prop(&e->props, &path, &value)) break;
        add_value(b, f, path, value);
    }
    b->row_event[b->rows] = name;
    b->row_time[b->rows] = e->time_us;
    b->row_insert[b->rows] = part_insert_fingerprint(e->sent_id, e->insert, e->time_us);
    b->rows++;
}

/* Looks up what is known already of the frame's texts. Those that are readable now may lie here
 * sealed from an earlier frame, whether or not this frame's events use them. */
static struct err find_texts(struct part_builder *b, const struct frame *f) {
    while (b->text_term_cap < f->n_texts)
        if (!part_grow(&b->text_term, &b->text_term_cap, sizeof *b->text_term))
            return ERR(ERR_NOMEM, "part: texts");
    if (f->n_texts == 0) return ERR_NONE;
    part_idmap_find_many(&b->terms, &f->texts[0].hash, sizeof f->texts[0], f->n_texts,
                         b->text_term);
    for (uint32_t i = 0; i < f->n_texts; i++)
        if (b->text_term[i] != PART_NONE && f->texts[i].state != FRAME_TEXT_SEALED)
            b->term[b->text_term[i]].what &= (uint16_t)~PART_WHAT_SEALED;
    return ERR_NONE;
}

static struct err number_persons(struct part_builder *b) {
    uint32_t n = b->frame_persons_n;
    uint32_t *numbers = b->row_person + (b->rows - n);
    if (n == 0) return ERR_NONE;
    part_idmap_find_many(&b->persons, b->frame_persons, sizeof *b->frame_persons, n, numbers);
    for (uint32_t i = 0; i < n; i++)
        if (numbers[i] == PART_NONE &&
            !part_idmap_put(&b->persons, b->frame_persons[i], &numbers[i]))
            return b->failed = ERR(ERR_NOMEM, "part: persons");
    return ERR_NONE;
}

struct err part_builder_add(struct part_builder *b, const struct frame *f) {
    TRY(b->failed);
    TRY(find_texts(b, f));
    b->frame_persons_n = 0;
    b->frame = PART_NONE;
    struct frame copy = *f;
    struct frame_event event;
    struct frame_profile profile;
    enum frame_record_type type;
    while (b->failed.code == ERR_OK && (type = frame_next(&copy, &event, &profile)) != 0)
        if (type == RECORD_EVENT) add_event(b, f, &event);
    TRY(b->failed);
    return number_persons(b);
}
