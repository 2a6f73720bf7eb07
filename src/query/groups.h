/* groups.h: rows of an answer: one per tuple of breakdown values, the top `limit` of them, and
 * $other. Private to query.
 *
 * People, trailing people, percentiles and distinct values of $other can't be added up from the
 * rows that it holds, so a breakdown with many values takes two passes: the first ranks all groups
 * by the first metric's total, the second knows which groups are rows and puts the rest into $other
 * as it counts. A breakdown with few values needs one.
 */
#pragma once

#include "query/run.h"

#define GROUP_OTHER UINT32_MAX
struct group_state {
    bool seen;    /* an event inside the range has it: it is a row */
    uint32_t row; /* second pass: the row that it belongs to */
};
/* What the second pass starts from. */
struct seeds {
    uint32_t n_dims;
    uint32_t n;                                            /* groups */
    const struct value_info (*values)[PLAN_MAX_BREAKDOWN]; /* [n] */
    const struct id128 (*keys)[PLAN_MAX_BREAKDOWN];        /* [n] */
    const uint32_t *row;                                   /* [n]: row of each group */
    uint32_t rows;                                         /* with $other, if there is one */
    bool has_other;                                        /* the last row */
    bool closed; /* all groups that exist are here; a tuple that isn't counts nowhere. Else it is
                    $other */
};

bool groups_init(struct worker *w);
/* The rows of a hit, each once: numbers below groups_n. `counted`: it lies in the range, so it
 * makes its groups rows. */
struct idset groups_of(struct worker *w, const struct hit *h, bool counted);
uint32_t groups_n(const struct worker *w);
/* Enters the groups of `from`: map[i] is the number here of group i there. */
struct err groups_merge(struct worker *into, const struct worker *from, uint32_t **out_map);

/* The seen groups in the order of the answer. rank[i]: the total that orders group i; ties by
 * value. */
struct err groups_rank(struct worker *w, const double *rank /* [groups_n] */,
                       uint32_t *out_order /* [groups_n] */, uint32_t *out_n);
/* Whether there may be more groups than the limit shows: then two passes. */
bool groups_many(const struct run *r);
/* Seeds of the second pass from a ranked first one; `closed` of out is set by the caller. They live
 * in the run's arena. */
struct err groups_seed(struct worker *first, const uint32_t *order, uint32_t n, struct run *r,
                       struct seeds *out);
/* The "breakdown" member of a row. */
void groups_write(struct worker *w, struct jout *j, uint32_t group);
