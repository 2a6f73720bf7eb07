/* onset.c: when it began, judged afterwards.
 *
 * Of all starts before now the one is taken where the counts since then depart most from the
 * baseline: the largest log-likelihood ratio C ln(C/M) - (C - M) of a changed Poisson rate. Not
 * further back than twice the winning window (and two hours): a long stretch slightly above its
 * expectation is the restlessness of the product, and over two busy hours would outweigh the fault.
 */
#include "health/detector.h"

#include <math.h>

struct search {
    double seen, expected, best;
    bool down;
    int64_t start;
};

static void consider(struct search *s, uint64_t seen, double expected, int64_t start) {
    s->seen += (double)seen;
    s->expected += expected;
    double c = s->seen, m = s->expected;
    if (m <= 0 || (s->down ? c >= m : c <= m)) return;
    double gain = (c > 0 ? c * log(c / m) : 0) - (c - m);
    if (gain <= s->best) return;
    s->best = gain;
    s->start = start;
}

int64_t health_onset(const struct health_detector *d, uint32_t series, uint32_t window) {
    int64_t length = health_window_ticks(window);
    int64_t reach = length * 2 < 720 ? length * 2 : 720;
    struct search ten = {.down = d->setup.kind == HEALTH_EVENTS, .start = d->tick - length + 1};
    struct search minutes = ten;
    for (int64_t k = 0; k < TEN_N && k < reach; k++) {
        uint32_t row = floor_mod(d->tick - k, TEN_N);
        consider(&ten, d->seen.ten[row * d->n + series],
                 health_base(d, d->base.ten + row * d->base.n, series), d->tick - k);
    }
    int64_t now = floor_div(d->tick, TICKS_PER_MINUTE);
    for (int64_t k = 0; k < MINUTE_N && k * TICKS_PER_MINUTE < reach; k++) {
        uint32_t row = floor_mod(now - k, MINUTE_N);
        consider(&minutes, d->seen.minute[row * d->n + series],
                 health_base(d, d->base.minute + row * d->base.n, series),
                 (now - k) * TICKS_PER_MINUTE);
    }
    return minutes.best > ten.best ? minutes.start : ten.start;
}
