/* detector.c: a detector's memory, its clock, and the order of a tick. */
#include "health/detector.h"

#include <stdlib.h>

#define BRIDGE_TICKS 6 /* missing ticks that are bridged, and how far back a clock may step */

#define STRUCT_BYTES ((sizeof(struct health_detector) + 15) / 16 * 16)

struct block {
    char *p; /* NULL: only measuring */
    size_t used;
};

static void *take(struct block *b, size_t count, size_t each) {
    void *at = b->p ? b->p + b->used : NULL;
    b->used += (count * each + 15) / 16 * 16;
    return at;
}

static void place_ring(struct block *b, struct ring *r, uint32_t n) {
    r->n = n;
    r->ten = take(b, (size_t)TEN_N * n, sizeof *r->ten);
    r->minute = take(b, (size_t)MINUTE_N * n, sizeof *r->minute);
    r->sum = take(b, (size_t)HEALTH_WINDOWS * n, sizeof *r->sum);
}

static void place_baseline(struct block *b, struct baseline *l, uint32_t n) {
    l->mean = take(b, n, sizeof *l->mean);
    l->asked = take(b, n, sizeof *l->asked);
    l->age = take(b, n, sizeof *l->age);
    l->undo_mean = take(b, (size_t)UNDO_N * n, sizeof *l->undo_mean);
    l->undo_asked = take(b, (size_t)UNDO_N * n, sizeof *l->undo_asked);
    l->sum = take(b, n, sizeof *l->sum);
    l->asked_sum = take(b, n, sizeof *l->asked_sum);
    l->rate = take(b, n, sizeof *l->rate);
}

static void place(struct health_detector *d, struct block *b) {
    uint32_t n = d->n;
    size_t phi_n = (size_t)PHI_BUCKETS * HEALTH_WINDOWS * n;
    place_ring(b, &d->seen, n);
    place_ring(b, &d->base, d->setup.kind == HEALTH_ERRORS ? n : 1);
    place_baseline(b, &d->baseline, n);
    d->carry = take(b, n, sizeof *d->carry);
    d->asked_carry = take(b, n, sizeof *d->asked_carry);
    d->z = take(b, n, sizeof *d->z);
    d->window = take(b, n, sizeof *d->window);
    d->phi.excess = take(b, phi_n, sizeof *d->phi.excess);
    d->phi.square = take(b, phi_n, sizeof *d->phi.square);
    d->phi.in_force = take(b, (size_t)HEALTH_WINDOWS * n, sizeof *d->phi.in_force);
    d->alarm.involved = take(b, n, sizeof *d->alarm.involved);
}

size_t health_detector_bytes(const struct health_setup *setup) {
    assert(setup->subs_n <= HEALTH_SUBS_MAX && setup->kind <= HEALTH_ERRORS);
    struct health_detector shape = {.setup = *setup, .n = 1U + setup->subs_n};
    struct block b = {.used = STRUCT_BYTES};
    place(&shape, &b);
    return b.used;
}

/* A fresh detector in zeroed memory. */
static void begin(struct health_detector *d, const struct health_setup *setup) {
    d->setup = *setup;
    d->n = 1U + setup->subs_n;
    struct block b = {(char *)d, STRUCT_BYTES};
    place(d, &b);
    d->tick = NO_TICK;
    d->phi.week = d->phi.hour = d->alarm.frozen_to = NO_TICK;
    health_baseline_init(d);
}

struct health_detector *health_detector_new(const struct health_setup *setup) {
    struct health_detector *d = calloc(1, health_detector_bytes(setup));
    if (d) begin(d, setup);
    return d;
}

void health_detector_free(struct health_detector *d) {
    free(d);
}

struct health_setup health_setup_of(const struct health_detector *d) {
    return d->setup;
}

void health_forget(struct health_detector *d) {
    struct health_setup setup = d->setup;
    memset(d, 0, health_detector_bytes(&setup));
    begin(d, &setup);
}

void health_windows_clear(struct health_detector *d) {
    health_ring_clear(&d->seen);
    health_ring_clear(&d->base);
    d->filled_n = 0;
    memset(d->z, 0, d->n * sizeof *d->z);
    memset(d->window, 0, d->n * sizeof *d->window);
}

static void gather(uint64_t *carry, const uint32_t *counts, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        carry[i] += counts[i];
        if (carry[i] > HEALTH_COUNT_MAX) carry[i] = HEALTH_COUNT_MAX;
    }
}

static void drop_carry(struct health_detector *d) {
    memset(d->carry, 0, d->n * sizeof *d->carry);
    memset(d->asked_carry, 0, d->n * sizeof *d->asked_carry);
}

/* Expected of `gone` ticks up to `tick`, in UNIT. */
static uint64_t expected_units(const struct health_detector *d, int64_t tick, int64_t gone) {
    double units = health_baseline_tick(d, tick) * (double)gone * UNIT;
    double most = HEALTH_COUNT_MAX * UNIT;
    return (uint64_t)(units < most ? units : most);
}

static void push(struct health_detector *d, int64_t tick, const uint64_t *seen,
                 const uint64_t *base) {
    health_ring_push(&d->seen, tick, seen);
    health_ring_push(&d->base, tick, base);
    if (d->filled_n < 720) d->filled_n++;
}

/* Cells of the missing ticks stay empty on both sides; the last one holds the whole time. */
static void push_all(struct health_detector *d, int64_t tick, int64_t gone) {
    static const uint64_t nothing[1 + HEALTH_SUBS_MAX];
    for (int64_t k = tick - gone + 1; k < tick; k++)
        push(d, k, nothing, nothing);
    uint64_t expected = expected_units(d, tick, gone);
    push(d, tick, d->carry, d->setup.kind == HEALTH_ERRORS ? d->asked_carry : &expected);
}

static void add_to_quarter(struct health_detector *d, int64_t gone) {
    struct baseline *b = &d->baseline;
    b->ticks_n += (uint32_t)gone;
    for (uint32_t i = 0; i < d->n; i++) {
        b->sum[i] += d->carry[i];
        b->asked_sum[i] += d->asked_carry[i];
    }
}

/* A new quarter-hour. What was counted before anything was expected is no evidence. */
static void turn(struct health_detector *d, int64_t tick) {
    bool ready = d->baseline.ready;
    health_phi_turn(d, tick);
    health_baseline_turn(d, tick);
    health_phi_refresh(d);
    if (d->baseline.ready && !ready) health_windows_clear(d);
}

/* The clock is somewhere else: nothing is known about the time between. */
static void jump(struct health_detector *d, int64_t tick) {
    health_windows_clear(d);
    drop_carry(d);
    turn(d, tick);
    d->baseline.tainted = true;
    d->tick = tick;
}

static void advance(struct health_detector *d, int64_t tick, int64_t gone) {
    if (floor_div(tick, TICKS_PER_QUARTER) != d->baseline.quarter) {
        turn(d, tick);
        d->baseline.tainted = gone > 1;
    }
    push_all(d, tick, gone);
    add_to_quarter(d, gone);
    if (health_frozen(d, tick)) d->baseline.tainted = true;
    drop_carry(d);
    d->tick = tick;
}

void health_tick(struct health_detector *d, int64_t now_us, const uint32_t *seen,
                 const uint32_t *traffic, struct health_news *out) {
    assert((traffic != NULL) == (d->setup.kind == HEALTH_ERRORS));
    *out = (struct health_news){0};
    int64_t far = INT64_MAX / 2; /* so that no sum of times overflows */
    int64_t tick = floor_div(now_us > far ? far : now_us < -far ? -far : now_us, HEALTH_TICK_US);
    gather(d->carry, seen, d->n);
    if (traffic) gather(d->asked_carry, traffic, d->n);
    int64_t gone = d->tick == NO_TICK ? INT64_MAX : tick - d->tick;
    if (gone <= 0 && gone >= -BRIDGE_TICKS) return;
    if (gone <= 0 || gone > BRIDGE_TICKS + 1) {
        jump(d, tick);
        return;
    }
    advance(d, tick, gone);
    health_scan(d);
    health_judge(d, out);
    bool sample = floor_mod(tick, 30) == 29 && !health_cold(d) && d->baseline.ready;
    if (sample && !health_frozen(d, tick)) health_phi_sample(d);
}

struct health_evidence health_window(const struct health_detector *d, uint16_t series,
                                     uint8_t window) {
    assert(series < d->n && window < HEALTH_WINDOWS);
    struct health_evidence e = {.series = series, .window = window};
    e.seen = d->seen.sum[window * d->n + series];
    e.expected = health_window_expected(d, window, series);
    if (d->baseline.ready && e.expected > 0)
        e.z = health_z((double)e.seen, e.expected, d->phi.in_force[window * d->n + series],
                       d->setup.kind == HEALTH_EVENTS);
    return e;
}

double health_score(const struct health_detector *d, uint16_t series, uint8_t *out_window) {
    assert(series < d->n);
    *out_window = d->window[series];
    return d->z[series];
}

double health_expected(const struct health_detector *d, uint16_t series, int64_t at_us) {
    assert(series < d->n);
    if (!d->baseline.ready) return 0;
    if (d->setup.kind == HEALTH_ERRORS) return d->baseline.rate[series];
    int64_t tick = floor_div(at_us, HEALTH_TICK_US);
    return health_baseline_at(d, tick) * d->baseline.rate[series] * UNIT;
}

bool health_cold(const struct health_detector *d) {
    return d->baseline.learned_n < WARM_N;
}
