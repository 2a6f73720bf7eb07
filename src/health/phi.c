/* phi.c: overdispersion: how much more than Poisson the counts of each window vary.
 *
 * Variance is M + phi M^2; phi = sum((C-M)^2 - M) / sum(M^2) over samples each five minutes of the
 * last eight weeks, per series and window, at
 * least 1e-4. It measures the product's own
 * restlessness and the baseline's errors together, which is what the score needs. Until four weeks
 * are learned a prior stands in, typical of products, and 0.3 in the cold start.
 *
 * The floor is 0.0025 from 5 minutes and 0.01 from 30: a day differs from its weekday, an odd hour
 * was learned. That is an error of 5 to 10 % in the baseline for some hours, and little in the
 * average that is measured; only long windows of quiet or busy products count well enough to mind.
 *
 * A sum of M^2 that is small says nothing (a part that sees two reports a week has a phi of
 * thousands the day both come at once): the prior stays in the sums with the weight of
 * PRIOR_SQUARE. At one expected report per window that is two days of samples.
 *
 * Sums are kept per week, so that old ones fall out. Samples of the last hours wait in buckets of
 * their own: an incident is noticed after it began, and its samples are dropped.
 */
#include "health/detector.h"

#include <math.h>

#define PHI_FLOOR 1e-4
#define PHI_FLOOR_MIDDLE 0.0025 /* from 5 minutes */
#define PHI_FLOOR_LONG 0.01     /* from 30 minutes */
#define PHI_COLD 0.3
#define PRIOR_SQUARE 1000.0

static const double prior_all[HEALTH_WINDOWS] = {.043, .043, .043, .043, .042, .041, .040,
                                                 .037, .034, .032, .027, .019, .011};
static const double prior_part[HEALTH_WINDOWS] = {.10,  .08,  .08,  .08,  .08,  .077, .075,
                                                  .069, .063, .058, .051, .035, .021};

static size_t bucket_size(const struct health_detector *d) {
    return (size_t)HEALTH_WINDOWS * d->n;
}

static void bucket_clear(struct health_detector *d, uint32_t bucket) {
    size_t n = bucket_size(d);
    memset(d->phi.excess + bucket * n, 0, n * sizeof(float));
    memset(d->phi.square + bucket * n, 0, n * sizeof(float));
}

static uint32_t hour_bucket(int64_t hour) {
    return PHI_WEEKS + floor_mod(hour, PHI_HOURS);
}

/* Moves what waited since `hour` into the week of that hour. */
static void commit(struct health_detector *d, int64_t hour) {
    struct phi *p = &d->phi;
    int64_t week = floor_div(hour * TICKS_PER_HOUR, TICKS_PER_WEEK);
    if (p->week == NO_TICK || week > p->week + PHI_WEEKS) p->week = week - PHI_WEEKS;
    for (; p->week < week; p->week++)
        bucket_clear(d, floor_mod(p->week + 1, PHI_WEEKS));
    size_t n = bucket_size(d), from = hour_bucket(hour) * n, to = floor_mod(week, PHI_WEEKS) * n;
    for (size_t k = 0; k < n; k++) {
        p->excess[to + k] += p->excess[from + k];
        p->square[to + k] += p->square[from + k];
    }
    bucket_clear(d, hour_bucket(hour));
}

void health_phi_turn(struct health_detector *d, int64_t tick) {
    struct phi *p = &d->phi;
    int64_t hour = floor_div(tick, TICKS_PER_HOUR);
    if (p->hour == NO_TICK || hour > p->hour + 2 * PHI_HOURS) {
        for (int64_t k = 0; p->hour != NO_TICK && k < PHI_HOURS; k++)
            commit(d, p->hour - PHI_HOURS + 1 + k);
        p->hour = hour;
    }
    for (; p->hour < hour; p->hour++)
        commit(d, p->hour + 1 - PHI_HOURS);
}

void health_phi_sample(struct health_detector *d) {
    for (uint32_t w = 0; w < HEALTH_WINDOWS; w++) {
        if (d->filled_n < health_window_ticks(w)) return;
        size_t row = hour_bucket(d->phi.hour) * bucket_size(d) + (size_t)w * d->n;
        for (uint32_t i = 0; i < d->n; i++) {
            double c = (double)d->seen.sum[w * d->n + i];
            double m = health_window_expected(d, w, i);
            d->phi.excess[row + i] += (float)((c - m) * (c - m) - m);
            d->phi.square[row + i] += (float)(m * m);
        }
    }
}

static double measured(const struct health_detector *d, size_t cell, double prior) {
    double excess = PRIOR_SQUARE * prior, square = PRIOR_SQUARE;
    for (size_t k = 0; k < PHI_WEEKS; k++) {
        excess += (double)d->phi.excess[k * bucket_size(d) + cell];
        square += (double)d->phi.square[k * bucket_size(d) + cell];
    }
    return excess / square;
}

static double floor_of(uint32_t w) {
    uint32_t ticks = health_window_ticks(w);
    return ticks < 30 ? PHI_FLOOR : ticks < 180 ? PHI_FLOOR_MIDDLE : PHI_FLOOR_LONG;
}

void health_phi_refresh(struct health_detector *d) {
    for (uint32_t w = 0; w < HEALTH_WINDOWS; w++) {
        for (uint32_t i = 0; i < d->n; i++) {
            size_t cell = (size_t)w * d->n + i;
            double phi = (i == 0 ? prior_all : prior_part)[w];
            if (health_cold(d) || d->baseline.age[i] < WARM_N)
                phi = PHI_COLD;
            else if (d->baseline.age[i] >= PHI_N && d->baseline.learned_n >= PHI_N)
                phi = fmax(measured(d, cell, phi), floor_of(w));
            d->phi.in_force[cell] = phi;
        }
    }
}

void health_phi_undo(struct health_detector *d, int64_t from) {
    for (int64_t h = d->phi.hour; d->phi.hour != NO_TICK && h > d->phi.hour - PHI_HOURS; h--)
        if ((h + 1) * TICKS_PER_HOUR > from) bucket_clear(d, hour_bucket(h));
}
