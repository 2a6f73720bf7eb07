/* baseline.c: how many are expected in the next ten seconds.
 *
 * Reports and events: 672 quarter-hours of the week, each a mean b over its last weeks (weight 1/n,
 * then 1/6), learned from counts clipped to [e/2.5, 2.5 e + 10] around the expectation e, so that
 * one bad day cannot teach much; smoothed over three slots to each side (weights 4 - |d|),
 * interpolated between the slots' middles, times a level L = sum 0.97^k y / sum 0.97^k b (half of
 * it the last six hours), kept within 0.3 and 3. A part of the whole is its share, from means over
 * 14 days with 0.01 added to both: the parts' own weeks would be too thin to learn.
 *
 * Errors: the expected number is a share of the observed traffic, since traffic has the rhythm and
 * errors follow it: share = (mean errors + 0.01) / (mean traffic + 0.01 / share of all) over 14
 * days, times the level L of errors against that.
 *
 * Nothing is judged on the first day, of the whole or of a part that was never seen before.
 * Cold, with fewer than 14 days: the mean of the last 24 hours (one more report added), no slots.
 *
 * Learning goes quarter by quarter, and only whole, unbroken quarters outside of incidents are
 * learned. An incident is noticed after it began, so what the last twelve quarters changed is kept
 * and can be taken back (how many were learned is not: a detector that judges goes on judging).
 * What is in force between two quarters follows from the stored state alone (refresh), so that a
 * restart in the middle changes nothing.
 */
#include "health/detector.h"

#include <math.h>
#include <stdlib.h>

#define LEVEL_KEEP 0.97
#define LEVEL_MIN 0.3
#define LEVEL_MAX 3.0
#define SHARE_ADD 0.01
#define MEAN_N 1344 /* quarters of the exponential means: 14 days */

static double clamp(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}

/* Mean of the slots around, or -1 when none of them has been learned. */
static double smooth(const struct baseline *b, uint32_t slot) {
    double sum = 0, weights = 0;
    for (int32_t k = -3; k <= 3; k++) {
        uint32_t s = floor_mod((int64_t)slot + k, SLOTS);
        double weight = b->n[s] ? 4 - abs(k) : 0;
        sum += weight * b->b[s];
        weights += weight;
    }
    return weights > 0 ? fmax(sum / weights, SHARE_ADD) : -1;
}

static double level(const struct baseline *b) {
    return b->level_b > 0 ? clamp(b->level_y / b->level_b, LEVEL_MIN, LEVEL_MAX) : 1;
}

static double day_mean(const struct baseline *b) {
    double sum = 1;
    uint32_t n = 0;
    for (uint32_t k = 0; k < DAY_N; k++) {
        if (b->day_at[k] == NO_TICK || b->day_at[k] <= b->newest - DAY_N) continue;
        sum += (double)b->day[k];
        n++;
    }
    return n ? sum / n : b->mean[0] + SHARE_ADD;
}

static double error_share(const struct baseline *b, uint32_t i) {
    double all = (b->mean[0] + SHARE_ADD) / (b->asked[0] + 1);
    if (i == 0) return all;
    return (b->mean[i] + SHARE_ADD) / (b->asked[i] + SHARE_ADD / all);
}

/* Expected of a whole slot. */
static double slot_mean(const struct health_detector *d, int64_t quarter) {
    const struct baseline *b = &d->baseline;
    double mean = health_cold(d) ? -1 : smooth(b, slot_of(quarter));
    return mean < 0 ? day_mean(b) : mean * level(b);
}

void health_baseline_refresh(struct health_detector *d) {
    struct baseline *b = &d->baseline;
    bool errors = d->setup.kind == HEALTH_ERRORS;
    b->ready = b->learned_n >= READY_N;
    b->left = b->here = b->right = 0;
    if (b->ready && !errors) {
        b->left = slot_mean(d, b->quarter - 1) / TICKS_PER_QUARTER;
        b->here = slot_mean(d, b->quarter) / TICKS_PER_QUARTER;
        b->right = slot_mean(d, b->quarter + 1) / TICKS_PER_QUARTER;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        if (errors)
            b->rate[i] = fmin(error_share(b, i) * level(b), 1);
        else
            b->rate[i] = (i == 0 ? 1 : (b->mean[i] + SHARE_ADD) / (b->mean[0] + SHARE_ADD)) / UNIT;
    }
}

/* Where in its slot a tick lies: -0.5..0.5. */
static double place_in_slot(int64_t tick) {
    return (floor_mod(tick, TICKS_PER_QUARTER) + 0.5) / TICKS_PER_QUARTER - 0.5;
}

double health_baseline_tick(const struct health_detector *d, int64_t tick) {
    const struct baseline *b = &d->baseline;
    double at = place_in_slot(tick), other = at < 0 ? b->left : b->right;
    return b->here + fabs(at) * (other - b->here);
}

double health_baseline_at(const struct health_detector *d, int64_t tick) {
    int64_t quarter = floor_div(tick, TICKS_PER_QUARTER);
    double at = place_in_slot(tick), here = slot_mean(d, quarter);
    double other = slot_mean(d, at < 0 ? quarter - 1 : quarter + 1);
    return (here + fabs(at) * (other - here)) / TICKS_PER_QUARTER;
}

static void remember(struct health_detector *d, uint32_t slot) {
    struct baseline *b = &d->baseline;
    size_t row = (size_t)b->undo_next * d->n;
    b->undo[b->undo_next] = (struct undo){.quarter = b->quarter,
                                          .slot = slot,
                                          .slot_n = b->n[slot],
                                          .slot_b = b->b[slot],
                                          .level_y = b->level_y,
                                          .level_b = b->level_b};
    memcpy(b->undo_mean + row, b->mean, d->n * sizeof *b->mean);
    memcpy(b->undo_asked + row, b->asked, d->n * sizeof *b->asked);
    b->undo_next = (b->undo_next + 1) % UNDO_N;
}

/* y clipped around e, and both into the level. */
static double clip_and_level(struct baseline *b, double y, double before_level) {
    double e = before_level * level(b);
    y = clamp(y, (e - 10) / 2.5, 2.5 * e + 10);
    b->level_y = LEVEL_KEEP * b->level_y + y;
    b->level_b = LEVEL_KEEP * b->level_b + before_level;
    return y;
}

static void learn_slot(struct baseline *b, uint32_t slot) {
    double y = (double)b->sum[0];
    if (b->n[slot] > 0) y = clip_and_level(b, y, smooth(b, slot));
    if (b->n[slot] < SLOT_N_MAX) b->n[slot]++;
    b->b[slot] += (y - b->b[slot]) / b->n[slot];
}

static void learn_means(struct health_detector *d) {
    struct baseline *b = &d->baseline;
    for (uint32_t i = 0; i < d->n; i++) {
        if (b->age[i] == 0 && b->sum[i] == 0 && b->asked_sum[i] == 0) continue;
        if (b->age[i] < PHI_N) b->age[i]++;
        double n = b->age[i] < MEAN_N ? b->age[i] : MEAN_N;
        b->mean[i] += ((double)b->sum[i] - b->mean[i]) / n;
        b->asked[i] += ((double)b->asked_sum[i] - b->asked[i]) / n;
    }
}

static void learn(struct health_detector *d) {
    struct baseline *b = &d->baseline;
    uint32_t slot = slot_of(b->quarter);
    remember(d, slot);
    if (d->setup.kind != HEALTH_ERRORS)
        learn_slot(b, slot);
    else if (b->learned_n >= READY_N)
        (void)clip_and_level(b, (double)b->sum[0], error_share(b, 0) * (double)b->asked_sum[0]);
    learn_means(d);
    b->day_at[floor_mod(b->quarter, DAY_N)] = b->quarter;
    b->day[floor_mod(b->quarter, DAY_N)] = b->sum[0];
    b->newest = b->quarter;
    if (b->learned_n < PHI_N) b->learned_n++;
}

void health_baseline_turn(struct health_detector *d, int64_t tick) {
    struct baseline *b = &d->baseline;
    if (b->ticks_n == TICKS_PER_QUARTER && !b->tainted && b->quarter > b->newest) learn(d);
    b->quarter = floor_div(tick, TICKS_PER_QUARTER);
    b->ticks_n = 0;
    b->tainted = false;
    memset(b->sum, 0, d->n * sizeof *b->sum);
    memset(b->asked_sum, 0, d->n * sizeof *b->asked_sum);
    health_baseline_refresh(d);
}

void health_baseline_undo(struct health_detector *d, int64_t from) {
    struct baseline *b = &d->baseline;
    for (uint32_t k = 1; k <= UNDO_N; k++) {
        uint32_t at = (b->undo_next + UNDO_N - k) % UNDO_N;
        struct undo *u = &b->undo[at];
        if (u->quarter == NO_TICK) continue;
        if ((u->quarter + 1) * TICKS_PER_QUARTER <= from) break;
        b->b[u->slot] = u->slot_b;
        b->n[u->slot] = u->slot_n;
        b->level_y = u->level_y;
        b->level_b = u->level_b;
        memcpy(b->mean, b->undo_mean + (size_t)at * d->n, d->n * sizeof *b->mean);
        memcpy(b->asked, b->undo_asked + (size_t)at * d->n, d->n * sizeof *b->asked);
        b->day_at[floor_mod(u->quarter, DAY_N)] = NO_TICK;
        u->quarter = NO_TICK;
    }
    b->tainted = true;
    health_baseline_refresh(d);
}

void health_baseline_init(struct health_detector *d) {
    struct baseline *b = &d->baseline;
    b->newest = b->quarter = NO_TICK;
    for (uint32_t k = 0; k < DAY_N; k++)
        b->day_at[k] = NO_TICK;
    for (uint32_t k = 0; k < UNDO_N; k++)
        b->undo[k].quarter = NO_TICK;
}
