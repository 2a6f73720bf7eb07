/* funnel.h: one person's events as a funnel sees them, and the search for the deepest sequence;
 * private to funnel*.c. */
#pragma once

#include "query/groups.h"

struct funnel_event {
    int64_t t;
    uint32_t steps;    /* bit k: may be step k + 1 */
    uint32_t excluded; /* bit k: may not lie strictly between step k + 1 and step k + 2 */
    uint32_t hold;     /* number of the held values; FUNNEL_NO_HOLD: one is missing */
    bool start;        /* may be the first */
};
#define FUNNEL_NO_HOLD UINT32_MAX

struct funnel_person {
    const struct funnel_event *events; /* [n], in order of time */
    uint32_t n;
    uint32_t n_steps;
    int64_t window_us;
    uint32_t hold; /* only these events are steps */
    struct arena *arena;
    uint32_t *groups; /* scratch: starts of events of equal time, [n + 1] */
    uint32_t groups_cap;
    uint32_t *enter; /* scratch of the second search, [n] */
    uint32_t enter_cap;
};
struct funnel_path {
    uint32_t depth;            /* 0: no start */
    int64_t t[PLAN_MAX_STEPS]; /* [depth] */
};

/* The deepest sequence in order; of several the one that ends first, then begins first, and so on
 * step by step. */
struct err funnel_ordered(struct funnel_person *p, struct funnel_path *out);
/* The most distinct steps inside one window, in any order; t[k]: when k + 1 of them were there. */
struct err funnel_any(struct funnel_person *p, struct funnel_path *out);
/* Negative: a is better. */
int funnel_path_cmp(const struct funnel_path *a, const struct funnel_path *b);

/* funnel_plain.c: the same for one whose events are plain, of a question that may be; false: they
 * are not. depth 0: no start. `out_start`: the first hit that is one. */
bool funnel_may_be_plain(const struct query *q);
bool funnel_plain(struct worker *w, const struct hit *hits, uint32_t n, uint32_t *out_start,
                  struct funnel_path *out);
