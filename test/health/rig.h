/* rig.h: a detector fed with made-up counts. */
#pragma once

#include "health/detector.h"

#define MONDAY_US (INT64_C(1767571200) * US_PER_S) /* 2026-01-05 00:00 UTC */
#define RIG_SERIES 4

struct rig {
    struct health_detector *d;
    enum health_kind kind;
    int64_t now_us; /* of the next tick */
    uint64_t random;
    double rate; /* per tick, of all; parts 1..3 have a half, a third, a sixth of it */
    struct health_news news;
    uint32_t opened_n, closed_n, prealarm_n;
};

void rig_begin(struct rig *r, enum health_kind kind, double rate);
void rig_end(struct rig *r);
/* Ticks with Poisson counts at `rate` (errors: in 100 times as much traffic). */
void rig_run(struct rig *r, int64_t ticks);
/* One tick with these counts of all (0) and of the three parts. */
void rig_tick(struct rig *r, uint32_t all, uint32_t a, uint32_t b, uint32_t c);
/* All weights up to warm: `weeks` of rig_run. */
void rig_warm(struct rig *r, int weeks);
uint32_t rig_poisson(struct rig *r, double mean);
/* The detector replaced by what its saved state gives. */
void rig_restart(struct rig *r);
