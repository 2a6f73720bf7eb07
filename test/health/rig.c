#include "rig.h"

#include <math.h>

#include "naive.h"

void rig_begin(struct rig *r, enum health_kind kind, double rate) {
    struct health_setup setup = {kind, RIG_SERIES - 1, false};
    *r = (struct rig){.kind = kind,
                      .now_us = MONDAY_US - HEALTH_TICK_US,
                      .random = UINT64_C(88172645463325252),
                      .rate = rate};
    r->d = health_detector_new(&setup);
    assert(r->d);
    rig_tick(r, 0, 0, 0, 0); /* sets the clock */
}

void rig_end(struct rig *r) {
    health_detector_free(r->d);
}

uint32_t rig_poisson(struct rig *r, double mean) {
    uint32_t n = 0;
    double p = exp(-mean), sum = p, u = naive_random(&r->random) / 4294967296.0;
    while (u > sum && n < 10000) {
        p *= mean / ++n;
        sum += p;
    }
    return n;
}

static void count_news(struct rig *r) {
    r->opened_n += r->news.opened;
    r->closed_n += r->news.closed;
    r->prealarm_n += r->news.prealarm;
}

void rig_tick(struct rig *r, uint32_t all, uint32_t a, uint32_t b, uint32_t c) {
    uint32_t seen[RIG_SERIES] = {all, a, b, c};
    double t = r->rate * 100;
    uint32_t traffic[RIG_SERIES] = {(uint32_t)t, (uint32_t)(t / 2), (uint32_t)(t / 3),
                                    (uint32_t)(t / 6)};
    health_tick(r->d, r->now_us, seen, r->kind == HEALTH_ERRORS ? traffic : NULL, &r->news);
    count_news(r);
    r->now_us += HEALTH_TICK_US;
}

void rig_run(struct rig *r, int64_t ticks) {
    for (int64_t k = 0; k < ticks; k++) {
        uint32_t a = rig_poisson(r, r->rate / 2), b = rig_poisson(r, r->rate / 3),
                 c = rig_poisson(r, r->rate / 6);
        rig_tick(r, a + b + c, a, b, c);
    }
}

void rig_warm(struct rig *r, int weeks) {
    rig_run(r, (int64_t)weeks * TICKS_PER_WEEK);
}

void rig_restart(struct rig *r) {
    struct health_setup setup = health_setup_of(r->d);
    AUTO(buf_done) struct buf b;
    buf_init(&b, health_state_max_bytes(&setup));
    struct err e = health_save(r->d, &b);
    assert(e.code == ERR_OK);
    health_detector_free(r->d);
    r->d = NULL;
    e = health_restore(buf_str(&b), &r->d);
    if (e.code != ERR_OK) log_failure("restore", e);
    assert(e.code == ERR_OK);
}
