/* insights.h: the accumulators of the insights report; private to insights*.c. */
#pragma once

#include "query/groups.h"

#define SESSION_GAP_US (INT64_C(1800) * US_PER_S)
#define WHOLE UINT32_MAX /* the bucket that is the whole range */

/* One bucket of one row: a count, and a number that is kept to twice the precision of a double, so
 * that sums do not depend on the order in which slices were added up. */
struct cell {
    int64_t n;
    double hi, lo;
};
void cell_add(struct cell *c, double v);
void cell_merge(const struct plan_metric *m, struct cell *into, const struct cell *from);

struct sample {
    double v;
    uint32_t bucket;
};
/* One row of one metric. */
struct slot {
    struct cell *buckets; /* [range.n + 1]; NULL until the first event */
    struct cell whole;
    struct sample *samples; /* percentiles: every value */
    uint32_t n_samples, cap_samples;
    uint32_t serial;  /* the person that the next two speak of */
    bool in_whole;    /* trailing: the total has the person already */
    uint32_t reached; /* buckets below this have the person already */
};
/* A person's value for per_user measures, kept until the person is done. */
struct owned {
    uint32_t row, bucket;
    double v; /* NaN: an event without a value */
};
struct metric {
    const struct plan_metric *plan;
    uint32_t ref;       /* numeric measures */
    uint32_t dim;       /* distinct */
    struct slot *slots; /* [groups] */
    uint32_t n, cap;
    struct table seen; /* distinct: {row, bucket, value} */
    int64_t last_t;    /* sessions: the person's last event */
    uint32_t last_serial;
    bool starts; /* sessions: the event in hand starts one */
    bool finished;
    uint32_t bucket; /* of the last event */
    struct owned *owned;
    uint32_t n_owned, cap_owned;
};
struct insights {
    struct metric *metrics; /* [q->n_metrics] */
    bool plain;             /* one count of events or people, no breakdown */
    int64_t *ends;          /* [range.n]: of buckets, cut at the range's end */
    int64_t *trail; /* [3][range.n]: start of the trailing days of a bucket, for dau, wau, mau */
};

/* insights_measure.c */
/* One event that metric m counts, for the rows `g`. */
void measure_add(struct worker *w, uint32_t m, const struct hit *h, struct idset g);
/* The same for all of a person's hits, where the question is as plain as can be. */
bool measure_is_plain(const struct run *r);
struct err measure_plain(struct worker *w, const struct hit *hits, uint32_t n);
void measure_marked(struct worker *w, const struct marks *m);
/* The person is done: per_user values become averages' parts. */
void measure_person(struct worker *w, uint32_t m);
struct slot *measure_slot(struct worker *w, struct metric *m, uint32_t row);
struct cell *measure_cell(struct worker *w, struct slot *s, uint32_t bucket);
/* The value that an answer shows. bucket WHOLE: the total. */
double measure_value(struct worker *w, uint32_t m, uint32_t row, uint32_t bucket);
/* Once, before values are asked for: sorts samples, sums differences. */
void measure_finish(struct worker *w, uint32_t m);
bool measure_trails(enum plan_measure m);
