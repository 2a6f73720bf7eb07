/* builder.h: what frames have added so far. Private to src/part.
 *
 * Rows, persons and terms are numbered as they come; values lie by column as (row, value) cells.
 * Building sorts numbers, never bytes.
 */
#pragma once

#include "part/internal.h"
#include "part/out.h"

#define PART_NONE UINT32_MAX

struct part_build_term {
    uint64_t bytes_at; /* sealed text: in cipher; list: in trees */
    uint32_t bytes_n;
    uint32_t frame, ordinal; /* sealed text */
    uint32_t path;           /* term, PART_NONE */
    uint32_t property;       /* number of the property whose name this is, PART_NONE */
    uint16_t what;           /* as in TERM_WHAT; sealed unless some frame had it readable */
};

struct part_build_column {
    uint32_t property_term;
    enum part_class class;
    uint32_t n, cap;
    uint32_t *rows;  /* [n] rising */
    uint32_t *codes; /* PART_CODE: terms */
    double *numbers; /* PART_NUMBER */
};

struct part_build_property {
    uint32_t term;
    uint32_t column[2]; /* by class, PART_NONE */
    uint32_t last_row;
    enum part_class last_class;
};

/* Strangers choose names: more columns are taken than a part may have, so that it is not the first
 * to come that are kept (build_terms.c). */
#define PART_BUILDER_COLUMNS (1u << 16)

struct part_builder {
    uint64_t project;
    struct err failed; /* sticky: a half-added event must not be built */
    struct part_idmap persons, terms;
    struct part_build_term *term; /* [terms.cap] */
    uint32_t term_cap;
    struct part_build_property *properties;
    uint32_t properties_n, properties_cap;
    struct part_build_column *columns;
    uint32_t columns_n, columns_cap;
    uint64_t refused; /* values of names beyond PART_BUILDER_COLUMNS */
    uint64_t cut;     /* by the last build: of names beyond PART_MAX_COLUMNS */
    struct part_file_frame *frames;
    uint32_t frames_n, frames_cap;
    struct buf cipher, trees;

    uint32_t rows, rows_cap;
    uint32_t *row_person, *row_event;
    int64_t *row_time;
    uint64_t *row_insert; /* fingerprints */

    uint32_t *text_term; /* scratch of one frame: text index -> term */
    uint32_t text_term_cap;
    struct id128
        *frame_persons; /* scratch of one frame: its events' persons, which are numbered together */
    uint32_t frame_persons_n, frame_persons_cap;
    uint32_t frame; /* number of the frame being added, PART_NONE until something sealed is met */
    uint32_t simple[PV_OBJECT + 1]; /* terms of null, false, ... PART_NONE until met */
    struct buf tree;                /* scratch of one list */
};

/* The term of a text of the frame being added; PART_NONE: no memory. */
uint32_t part_builder_text(struct part_builder *b, const struct frame *f, uint32_t text);
/* The term of a value that is not a number; *out_skip: there is none (a number that is not finite).
 */
uint32_t part_builder_value(struct part_builder *b, const struct frame *f, struct cursor value);
/* A new or known term. */
uint32_t part_builder_term(struct part_builder *b, struct id128 hash, uint16_t what);
/* Doubles *cap and reallocates *array of items; keeps both on failure. */
bool part_grow(void *array, uint32_t *cap, size_t each);

/* ---- building ---- */

struct part_build {
    struct part_builder *b;
    struct part_out out;
    struct part_stream_out *stream;
    struct part_file_info info;
    uint32_t *person;   /* [persons] builder's person numbers, sorted */
    uint32_t *order;    /* [info.rows] builder's rows, sorted, folded */
    uint32_t *starts;   /* [persons + 1] */
    uint32_t *place;    /* [b->rows] place in order, PART_NONE: folded */
    uint32_t *stamp;    /* [terms] scratch */
    uint32_t *code;     /* [terms] scratch: code in the current dictionary */
    uint32_t *rank;     /* [terms] number in the file, PART_NONE: unused */
    uint32_t *sorted;   /* [info.terms] builder's term */
    uint32_t *distinct; /* all columns' terms, one after another */
    size_t distinct_n, distinct_cap;
    size_t *distinct_at; /* [columns + 1] */
    uint32_t *present;   /* [columns] live cells */
};
struct err part_build_order(struct part_build *x);
struct err part_build_terms(struct part_build *x);
void part_build_write_terms(struct part_build *x);
struct err part_build_write_columns(struct part_build *x);
