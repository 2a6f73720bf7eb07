/* range.h: a question's span of time and its buckets. Private to query. */
#pragma once

#include "query/plan.h"

#define RANGE_MAX_BUCKETS 100000

struct range {
    const struct zone *zone;
    enum plan_interval interval;
    int64_t from_us, to_us; /* [from, to) */
    uint32_t n;             /* buckets */
    int64_t *starts; /* [n + 1]; the first may lie before from_us, the last entry behind to_us */
    uint32_t *cells; /* bucket at the begin of each 2^shift microseconds from starts[0] on */
    unsigned shift;
};

/* from/to of the plan in the world's zone; ERR_INVALID with the fault filled when from is behind
 * to. */
struct err range_span(const struct query *q, const struct query_world *w, struct range *out,
                      struct query_fault *fault);
/* The buckets that touch the span. */
struct err range_buckets(struct range *r, enum plan_interval interval, struct arena *a,
                         struct query_fault *fault);
/* The bucket of a time inside the span; `hint` is where the last one was. */
uint32_t range_bucket(const struct range *r, int64_t us, uint32_t hint);
/* Start of the interval that holds `us`, and of the next one. */
int64_t range_floor(const struct zone *z, enum plan_interval interval, int64_t us);
int64_t range_next(const struct zone *z, enum plan_interval interval, int64_t start_us);
/* The name of a bucket: a date, or a time with offset. */
void range_label(const struct range *r, int64_t start_us, char out[32]);
/* Midnight of the day of `us`, `days` days before. */
int64_t range_day(const struct zone *z, int64_t us, int days);
