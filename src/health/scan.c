/* scan.c: the sums of thirteen sliding windows, and how unlikely each is.
 *
 * The count of a window is held against a negative binomial with mean M (the baseline's sum over
 * the same cells) and variance M + phi M^2. Its tail as a standard-normal score comes from the
 * signed root of the deviance with the Barndorff-Nielsen correction, r* = w + ln(v/w)/w, v being
 * the Wald statistic in the canonical parameter; half a count of continuity correction. Two
 * logarithms per remarkable window, none for the rest: where (C-M)^2 < 6 (M + phi M^2) the score is
 * below 2.5 and counts as 0.
 *
 * A part is held against its share of the baseline given the rest of the product: that share times
 * (k + C_rest) / (k + M_rest), k = 1/phi of all, the mean of a gamma-distributed common factor once
 * the rest is counted. What moves everybody (a campaign, a holiday, the first hours of a day unlike
 * its weekday) so moves the part's expectation too, and halves its phi; what hits the part alone
 * stands out. What hits all is the business of the series of all.
 *
 * Why a scan and not a likelihood chart that accumulates: the charts are as quick where tuned, but
 * their thresholds move with noise and scale; the largest score of some windows keeps one threshold
 * over four orders of magnitude of traffic.
 *
 * Invariant: sum[w] equals the sum of the cells that the window holds. Short windows hold the last
 * ten-second cells; from 15 minutes up the running minute and the whole minutes before it.
 */
#include "health/detector.h"

#include <math.h>

static const uint16_t window_ticks[HEALTH_WINDOWS] = {1,  2,  3,   6,   12,  18, 30,
                                                      60, 90, 120, 180, 360, 720};

uint32_t health_window_ticks(uint32_t window) {
    return window_ticks[window];
}

int32_t health_window_s(uint8_t window) {
    assert(window < HEALTH_WINDOWS);
    return window_ticks[window] * 10;
}

static uint64_t *ten_row(const struct ring *r, int64_t tick) {
    return r->ten + (size_t)floor_mod(tick, TEN_N) * r->n;
}

static uint64_t *minute_row(const struct ring *r, int64_t minute) {
    return r->minute + (size_t)floor_mod(minute, MINUTE_N) * r->n;
}

static void row_add(uint64_t *to, const uint64_t *row, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        to[i] += row[i];
}

static void row_subtract(uint64_t *from, const uint64_t *row, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        from[i] -= row[i];
}

static void minute_begin(struct ring *r, int64_t minute) {
    for (uint32_t w = SHORT_N; w < HEALTH_WINDOWS; w++)
        row_subtract(r->sum + w * r->n, minute_row(r, minute - window_ticks[w] / TICKS_PER_MINUTE),
                     r->n);
    memset(minute_row(r, minute), 0, r->n * sizeof *r->minute);
}

void health_ring_push(struct ring *r, int64_t tick, const uint64_t *row) {
    int64_t minute = floor_div(tick, TICKS_PER_MINUTE);
    if (floor_mod(tick, TICKS_PER_MINUTE) == 0) minute_begin(r, minute);
    for (uint32_t w = 0; w < SHORT_N; w++)
        row_subtract(r->sum + w * r->n, ten_row(r, tick - window_ticks[w]), r->n);
    for (uint32_t w = 0; w < HEALTH_WINDOWS; w++)
        row_add(r->sum + w * r->n, row, r->n);
    memcpy(ten_row(r, tick), row, r->n * sizeof *row);
    row_add(minute_row(r, minute), row, r->n);
}

void health_ring_clear(struct ring *r) {
    memset(r->ten, 0, (size_t)TEN_N * r->n * sizeof *r->ten);
    memset(r->minute, 0, (size_t)MINUTE_N * r->n * sizeof *r->minute);
    memset(r->sum, 0, (size_t)HEALTH_WINDOWS * r->n * sizeof *r->sum);
}

void health_ring_sum(struct ring *r, int64_t tick) {
    int64_t minute = floor_div(tick, TICKS_PER_MINUTE);
    memset(r->sum, 0, (size_t)HEALTH_WINDOWS * r->n * sizeof *r->sum);
    for (uint32_t w = 0; w < HEALTH_WINDOWS; w++) {
        bool ten = w < SHORT_N;
        int64_t cells = ten ? window_ticks[w] : window_ticks[w] / TICKS_PER_MINUTE;
        for (int64_t k = 0; k < cells; k++)
            row_add(r->sum + w * r->n, ten ? ten_row(r, tick - k) : minute_row(r, minute - k),
                    r->n);
    }
}

double health_z(double c, double m, double phi, bool down) {
    double x = down ? c + 0.5 : c - 0.5;
    if (m <= 0 || (down ? x >= m : x <= m)) return 0;
    double k = 1 / phi;
    double ratio = log(x / m), shrunk = log1p((x - m) / (m + k));
    double deviance = x * ratio - (x + k) * shrunk;
    if (!(deviance > 0)) return 0;
    double w = sqrt(2 * deviance), v = fabs(ratio - shrunk) * sqrt(x + phi * x * x);
    return w + log(v / w) / w;
}

/* What the scores of one window have in common. */
struct view {
    const struct health_detector *d;
    const uint64_t *seen, *base; /* rows */
    const double *phi;           /* row */
    double all_seen, all_expected, k;
    double least; /* seen, below which nothing is said */
    bool down;
};

/* At least three identities: an identity counts once an hour, so at most twice in two hours. */
static double least_seen(const struct health_detector *d, uint32_t w) {
    if (d->setup.kind == HEALTH_EVENTS) return 0;
    return w == HEALTH_WINDOWS - 1 ? 5 : 3;
}

static struct view view_of(const struct health_detector *d, uint32_t w) {
    struct view v = {.d = d,
                     .seen = d->seen.sum + w * d->n,
                     .base = d->base.sum + w * d->base.n,
                     .phi = d->phi.in_force + w * d->n,
                     .least = least_seen(d, w),
                     .down = d->setup.kind == HEALTH_EVENTS};
    v.all_seen = (double)v.seen[0];
    v.all_expected = health_base(d, v.base, 0);
    v.k = 1 / v.phi[0];
    return v;
}

/* The factor of a part with c seen and m expected, as a fraction: above / below. */
static double above_of(const struct view *v, double c) {
    return v->k + (v->all_seen > c ? v->all_seen - c : 0);
}

static double below_of(const struct view *v, double m) {
    return v->k + (v->all_expected > m ? v->all_expected - m : 0);
}

double health_window_expected(const struct health_detector *d, uint32_t w, uint32_t i) {
    struct view v = view_of(d, w);
    if (i == 0) return v.all_expected;
    double m = health_base(d, v.base, i);
    return m * above_of(&v, (double)v.seen[i]) / below_of(&v, m);
}

/* Cheapest questions first: this runs for all windows of all series in each tick. */
static double score(const struct view *v, uint32_t i) {
    double c = (double)v->seen[i];
    if (c < v->least || v->d->baseline.age[i] < READY_N) return 0;
    double m = health_base(v->d, v->base, i);
    if (i > 0) {
        double above = above_of(v, c), below = below_of(v, m);
        if (v->down ? c * below >= m * above : c * below <= m * above) return 0;
        m *= above / below;
    }
    if (v->down ? c >= m : c <= m) return 0;
    double phi = v->phi[i];
    if ((c - m) * (c - m) < 6 * (m + phi * m * m)) return 0;
    return health_z(c, m, phi, v->down);
}

void health_scan(struct health_detector *d) {
    memset(d->z, 0, d->n * sizeof *d->z);
    memset(d->window, 0, d->n * sizeof *d->window);
    if (!d->baseline.ready) return;
    for (uint32_t w = 0; w < HEALTH_WINDOWS; w++) {
        struct view v = view_of(d, w);
        for (uint32_t i = 0; i < d->n; i++) {
            double z = score(&v, i);
            if (z <= d->z[i]) continue;
            d->z[i] = z;
            d->window[i] = (uint8_t)w;
        }
    }
}

double health_scan_slow(const struct health_detector *d, uint32_t series, uint32_t last) {
    double best = 0;
    for (uint32_t w = WINDOW_15_MIN; w <= last && d->baseline.ready; w++) {
        struct view v = view_of(d, w);
        best = fmax(best, score(&v, series));
    }
    return best;
}
