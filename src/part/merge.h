/* merge.h: a merge in progress. Private to src/part.
 *
 * Memory, beside output buffers of a few MB: 8 bytes per run of rows (a run is a stretch of one
 * source's rows; at worst one per row, in merges of consecutive time far fewer), 20 per person, 4
 * per term of every source, 8 per sealed text; when rows fall away also one bit per source row and
 * per dictionary entry. Columns pass through one at a time, 4096 rows per source.
 */
#pragma once

#include "part/internal.h"
#include "part/out.h"

#define PART_MAX_SOURCES 32767u
#define PART_NONE UINT32_MAX

/* A stretch of one source's rows. moved: they belong to another person there, so they are out of
 * the source's order. */
struct part_run {
    uint32_t row;
    uint16_t n;
    uint16_t source : 15;
    uint16_t moved : 1;
};
_Static_assert(sizeof(struct part_run) == 8, "8 bytes per run");

struct part_source_column {
    uint32_t present; /* kept rows that have a value */
    uint64_t *seen;   /* PART_CODE: bits by code; NULL: all */
};

struct part_source {
    const struct part *p;
    uint32_t *event; /* [events + 1] number common to all sources; later the code in the output */
    uint64_t *skip;  /* bits by person: dropped or moved; NULL: none */
    uint64_t *used;  /* bits by term; NULL: all */
    uint32_t *term_out;  /* [terms] PART_NONE: not in the output */
    uint32_t *frame_out; /* [frames] */
    struct part_source_column *columns;
};

/* A sealed text or list of the output: where it comes from. */
struct part_origin {
    uint32_t index; /* in the source's sealed texts, or trees */
    uint32_t source;
};

struct part_output_column {
    struct id128 property;
    enum part_class class;
    uint64_t present;
    bool readable; /* its name */
};

struct part_merging {
    const struct part_merge *m;
    struct part_source *sources; /* [m->n_parts] */
    uint32_t n;
    bool loses; /* some source row is not in the output */
    struct part_run *runs;
    size_t runs_n, runs_cap;
    struct id128 *persons; /* [info.persons] */
    uint32_t *starts;      /* [info.persons + 1] */
    struct part_idmap events;
    struct part_output_column *columns; /* [info.columns] */
    struct part_out out;
    struct part_stream_out *stream;
    struct part_file_info info;
};

static inline bool part_bit(const uint64_t *bits, uint64_t i) {
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}
static inline void part_bit_set(uint64_t *bits, uint64_t i) {
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline uint64_t *part_bits_new(uint64_t n) {
    return calloc(n / 64 + 1, sizeof(uint64_t));
}

/* The first row of [from, to), one person's rows, that is not before us; to if there is none. */
uint32_t part_first_row(const struct part *p, uint32_t from, uint32_t to, int64_t us);

/* In this order. */
struct err part_merge_rows(struct part_merging *x);  /* runs, persons, starts, events, loses */
struct err part_merge_marks(struct part_merging *x); /* sources' columns and used; output columns */
struct err
part_merge_terms(struct part_merging *x); /* term_out; writes terms, sealed texts, trees */
struct err part_merge_columns(struct part_merging *x); /* writes all that is per row */

/* Persons in the output's order, with the stretches of rows that become theirs (merge_persons.c).
 */
struct part_stretch {
    uint32_t source, from, to;
    bool moved;
};
struct part_moved {
    struct id128 to;
    uint32_t source, person;
};
struct part_persons {
    struct part_merging *x;
    uint32_t *at; /* [sources] next person */
    struct part_moved *moved;
    size_t moved_n, moved_cap, moved_at;
    struct part_stretch *stretches; /* of the person last given, in journal order */
    uint32_t stretches_n, stretches_cap;
};
struct err part_persons_begin(struct part_persons *w, struct part_merging *x);
void part_persons_done(struct part_persons *w);
static inline void part_persons_done_auto(struct part_persons *w) {
    part_persons_done(w);
}
/* false at the end, or with *out_err set. */
bool part_persons_next(struct part_persons *w, struct id128 *out, struct err *out_err);
