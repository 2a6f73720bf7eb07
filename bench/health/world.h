/* world.h: a made-up product whose reports, events and errors the detector watches.
 *
 * Counts are a doubly stochastic Poisson process in ten-second ticks over 20 regions:
 *
 *   rate of a region = share x day curve x weekend x level x day effect x common noise x own noise
 *
 * day curve: from low to high and back within 24 hours, a sine in the logarithm (peak at 15:00);
 * weekend x 0.8; level: exp of an Ornstein-Uhlenbeck process, sd 15 %, time constant 30 days; day
 * effect: sd 10 %, new each midnight; common noise: OU, 20 minutes; own noise: the same per region.
 * All factors have mean 1. Noises move each minute. In an error world the errors are a share of the
 * traffic with noises of their own.
 */
#pragma once

#include "health/health.h"
#include "random.h"

#define REGIONS 20
#define SERIES (REGIONS + 1)

struct world_kind {
    const char *name;
    enum health_kind kind;
    double low, high;            /* per minute, of all: reports, or events */
    double common_sd, region_sd; /* of what is judged */
    double traffic_sd;           /* HEALTH_ERRORS: of the events, common and per region */
    double day_sd;               /* of the day effect */
    double error_share;          /* HEALTH_ERRORS */
    bool harsh;                  /* which thresholds an operator would choose there */
};

/* An outage: `factor` times the rate in `region` (-1: all), and `add` reports a minute over all
 * regions, growing evenly for `ramp_min` minutes. */
struct outage {
    const char *name;
    int region;
    double factor, add, ramp_min;
};

struct world {
    const struct world_kind *kind;
    struct random random;
    int64_t tick;
    double level, common, own[REGIONS], day; /* OU states of unit variance; day: factor */
    double traffic_common, traffic_own[REGIONS];
    double mean[REGIONS], none[REGIONS]; /* per tick, of what is judged; exp(-mean) */
    double traffic_mean[REGIONS], traffic_none[REGIONS];
};

struct counts {
    uint32_t seen[SERIES], traffic[SERIES]; /* 0: all */
    uint32_t excess;                        /* how many of them an outage added */
};

extern const double world_shares[REGIONS];

void world_begin(struct world *w, const struct world_kind *kind, uint64_t seed);
/* The next ten seconds; outage NULL, or one that began at tick `since`. */
void world_step(struct world *w, const struct outage *outage, int64_t since, struct counts *out);
int64_t world_time_us(const struct world *w); /* in the middle of the last tick */
