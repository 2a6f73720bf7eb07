/* detector.h: private to health: the detector's parts, and which file owns which.
 *
 * All arrays of a detector lie in one block behind its struct. A row of a matrix is one moment or
 * one window with all series side by side, since a tick touches whole rows. "Tick" is the number of
 * ten-second steps since 1970, "quarter" of quarter-hours, "slot" a quarter-hour of the week.
 */
#pragma once

#include <assert.h>

#include "health/health.h"

#define TICKS_PER_MINUTE 6
#define TICKS_PER_QUARTER 90
#define TICKS_PER_HOUR 360
#define TICKS_PER_WEEK 60480
#define NO_TICK INT64_MIN

#define TEN_N 60       /* cells of ten seconds */
#define MINUTE_N 120   /* cells of a minute */
#define SHORT_N 8      /* windows made of ten-second cells: 10 s to 10 min */
#define WINDOW_5_MIN 6 /* numbers of windows */
#define WINDOW_15_MIN 8

#define SLOTS 672
#define SLOT_N_MAX 6
#define DAY_N 96    /* quarters of the last 24 hours */
#define UNDO_N 12   /* quarters that learning can take back */
#define READY_N 96  /* learned quarters before a series is judged: one whole day */
#define WARM_N 1344 /* learned quarters that end the cold start: 14 days */
#define PHI_N 2688  /* learned quarters from which measured overdispersion is used: 4 weeks */

#define PHI_WEEKS 8
#define PHI_HOURS 4 /* hours that wait, so that an incident found late can be left out */
#define PHI_BUCKETS (PHI_WEEKS + PHI_HOURS)

/* Expected counts are kept in units of 2^-24, so that sums are exact and never drift. */
#define UNIT 16777216.0

/* ---- scan.c: sums of the windows, and their scores ---- */

struct ring {
    uint32_t n;       /* series per row */
    uint64_t *ten;    /* [TEN_N][n] row tick % TEN_N */
    uint64_t *minute; /* [MINUTE_N][n] row (tick / 6) % MINUTE_N; the newest is filling */
    uint64_t *sum;    /* [HEALTH_WINDOWS][n] */
};
void health_ring_push(struct ring *r, int64_t tick, const uint64_t *row);
void health_ring_clear(struct ring *r);
void health_ring_sum(struct ring *r, int64_t tick); /* recomputes sum from the cells */

/* Score of a count c where m are expected with variance m + phi m^2: upper side, or lower if down.
 */
double health_z(double c, double m, double phi, bool down);
/* Expected in a window; of a part, given the rest. */
double health_window_expected(const struct health_detector *d, uint32_t w, uint32_t i);
/* Scores of all series over all windows into z and window. */
void health_scan(struct health_detector *d);
/* Score of one series over the windows from 15 minutes to `last`. */
double health_scan_slow(const struct health_detector *d, uint32_t series, uint32_t last);
uint32_t health_window_ticks(uint32_t window);

/* ---- baseline.c: what is expected ---- */

struct undo {        /* a learned quarter, and what stood before it */
    int64_t quarter; /* NO_TICK: empty */
    uint32_t slot, slot_n;
    double slot_b, level_y, level_b;
};

struct baseline {
    double b[SLOTS];   /* mean count of the slot */
    uint32_t n[SLOTS]; /* how often learned, up to SLOT_N_MAX */
    double level_y, level_b;
    uint32_t learned_n;    /* quarters learned, up to PHI_N */
    int64_t newest;        /* newest quarter that was learned */
    int64_t day_at[DAY_N]; /* quarter of each count, NO_TICK: none */
    uint64_t day[DAY_N];
    double *mean, *asked; /* [n] exponential means per quarter: counts, traffic */
    uint32_t *age;        /* [n] quarters learned since the series' first count, up to PHI_N */
    struct undo undo[UNDO_N];
    double *undo_mean, *undo_asked; /* [UNDO_N][n] */
    uint32_t undo_next;
    /* the running quarter */
    int64_t quarter;
    uint32_t ticks_n;
    bool tainted;              /* not to be learned */
    uint64_t *sum, *asked_sum; /* [n] */
    /* in force until the quarter turns: follows from the above */
    bool ready;
    double left, here, right; /* expected per tick at the middle of the slots around */
    double *rate;             /* [n] expected = rate * sum of d->base */
};
void health_baseline_init(struct health_detector *d);
/* The quarter of `tick` begins: learns the last one if it may, and refreshes what is in force. */
void health_baseline_turn(struct health_detector *d, int64_t tick);
void health_baseline_refresh(struct health_detector *d);
/* Takes back the quarters that reach beyond tick `from`. */
void health_baseline_undo(struct health_detector *d, int64_t from);
/* Expected of all in a tick of the running quarter; in any tick. */
double health_baseline_tick(const struct health_detector *d, int64_t tick);
double health_baseline_at(const struct health_detector *d, int64_t tick);

/* ---- phi.c: overdispersion ---- */

struct phi {
    float *excess, *square; /* [PHI_BUCKETS][HEALTH_WINDOWS][n] weeks, then waiting hours */
    int64_t week, hour;     /* that the newest buckets are of; NO_TICK: none */
    double *in_force;       /* [HEALTH_WINDOWS][n] */
};
void health_phi_turn(struct health_detector *d,
                     int64_t tick); /* before the first sample of a quarter */
void health_phi_sample(struct health_detector *d);
void health_phi_refresh(struct health_detector *d);
void health_phi_undo(struct health_detector *d, int64_t from);

/* ---- onset.c ---- */

int64_t health_onset(const struct health_detector *d, uint32_t series, uint32_t window);

/* ---- alarm.c: thresholds, opening, closing, freezing ---- */

struct alarm {
    struct health_incident incident;
    uint32_t window; /* longest that closing looks at */
    uint32_t calm_n; /* ticks */
    bool held;
    int64_t frozen_to; /* tick from which learning goes on; NO_TICK: not frozen */
    uint8_t *involved; /* [n] 0 or 1 */
};
void health_judge(struct health_detector *d, struct health_news *out);
bool health_frozen(const struct health_detector *d, int64_t tick);

/* ---- detector.c ---- */

struct health_detector {
    struct health_setup setup;
    uint32_t n;        /* series: 1 + subs_n */
    int64_t tick;      /* last taken, NO_TICK before the first */
    uint32_t filled_n; /* ticks since the windows were empty, up to 720 */
    struct ring seen;  /* counts */
    struct ring
        base; /* what expectation is a share of: [1] expected of all in UNIT, or [n] traffic */
    uint64_t *carry, *asked_carry; /* [n] counts waiting for the next tick */
    double *z;                     /* [n] largest score, follows from the windows */
    uint8_t *window;               /* [n] where */
    struct baseline baseline;
    struct phi phi;
    struct alarm alarm;
};
size_t health_detector_bytes(const struct health_setup *setup); /* struct and arrays */
void health_windows_clear(struct health_detector *d);
static inline double health_base(const struct health_detector *d, const uint64_t *row, uint32_t i) {
    return d->baseline.rate[i] * (double)row[d->base.n == 1 ? 0 : i];
}
static inline int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}
static inline uint32_t floor_mod(int64_t a, int64_t b) {
    return (uint32_t)(a - floor_div(a, b) * b);
}
/* Slots begin on Monday 00:00 UTC; 1970 began on a Thursday. */
static inline uint32_t slot_of(int64_t quarter) {
    return floor_mod(quarter + 3 * DAY_N, SLOTS);
}
