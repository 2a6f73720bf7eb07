/* world.c: see world.h. */
#include "world.h"

#define TICKS_PER_DAY 8640
#define FIRST_TICK (INT64_C(1767571200) / 10) /* Monday 2026-01-05 00:00 UTC */
#define TAU_MIN 20.0
#define LEVEL_MIN (30.0 * 1440)
#define LEVEL_SD 0.15
#define TURN 6.283185307179586

const double world_shares[REGIONS] = {.20, .10, .08, .06, .05, .05, .05, .04, .04, .04,
                                      .03, .03, .03, .03, .03, .03, .03, .03, .03, .02};

static double lognormal(double sd, double x) {
    return exp(sd * x - sd * sd / 2);
}

static void ou(struct random *r, double *x, double keep, double kick) {
    *x = keep * *x + kick * random_normal(r);
}

static double day_curve(const struct world *w) {
    int64_t day = w->tick / TICKS_PER_DAY;
    double hour = (double)(w->tick % TICKS_PER_DAY) / 360;
    double swing = log(w->kind->high / w->kind->low) / 2;
    double rate = sqrt(w->kind->low * w->kind->high) * exp(swing * sin(TURN * (hour - 9) / 24));
    bool weekend = (day + 3) % 7 >= 5; /* day 0 was a Thursday */
    return rate * (weekend ? 0.8 : 1);
}

static void move_noise(struct world *w) {
    double keep = exp(-1 / TAU_MIN), kick = sqrt(1 - keep * keep);
    double level_keep = exp(-1 / LEVEL_MIN), level_kick = sqrt(1 - level_keep * level_keep);
    ou(&w->random, &w->level, level_keep, level_kick);
    ou(&w->random, &w->common, keep, kick);
    ou(&w->random, &w->traffic_common, keep, kick);
    for (int i = 0; i < REGIONS; i++) {
        ou(&w->random, &w->own[i], keep, kick);
        if (w->kind->kind == HEALTH_ERRORS) ou(&w->random, &w->traffic_own[i], keep, kick);
    }
}

static void set_rates(struct world *w) {
    const struct world_kind *k = w->kind;
    bool errors = k->kind == HEALTH_ERRORS;
    double rate = day_curve(w) / 6 * lognormal(LEVEL_SD, w->level) * w->day;
    double traffic = rate * lognormal(k->traffic_sd, w->traffic_common);
    double judged = (errors ? traffic * k->error_share : rate) * lognormal(k->common_sd, w->common);
    for (int i = 0; i < REGIONS; i++) {
        double moved = errors ? lognormal(k->traffic_sd, w->traffic_own[i]) : 1;
        w->traffic_mean[i] = traffic * world_shares[i] * moved;
        w->traffic_none[i] = exp(-w->traffic_mean[i]);
        w->mean[i] = judged * world_shares[i] * moved * lognormal(k->region_sd, w->own[i]);
        w->none[i] = exp(-w->mean[i]);
    }
}

void world_begin(struct world *w, const struct world_kind *kind, uint64_t seed) {
    *w = (struct world){.kind = kind, .tick = FIRST_TICK - 1, .day = 1};
    random_begin(&w->random, seed);
    w->level = random_normal(&w->random);
    w->common = random_normal(&w->random);
    w->traffic_common = random_normal(&w->random);
    for (int i = 0; i < REGIONS; i++) {
        w->own[i] = random_normal(&w->random);
        w->traffic_own[i] = random_normal(&w->random);
    }
}

static uint32_t draw(struct random *r, double mean, double none) {
    return random_poisson(r, mean, none);
}

/* What the outage adds to region i in this tick; a factor below 1 thins instead, see below. */
static double excess_mean(const struct world *w, const struct outage *o, int64_t since, int i) {
    double minutes = ((double)(w->tick - since) + 0.5) / 6;
    double grown = o->ramp_min > 0 ? fmin(minutes / o->ramp_min, 1) : 1;
    double excess = o->add / 6 * grown * world_shares[i];
    if (o->factor > 1 && (o->region < 0 || o->region == i)) excess += (o->factor - 1) * w->mean[i];
    return excess;
}

static void step_region(struct world *w, const struct outage *o, int64_t since, int i,
                        struct counts *out) {
    uint32_t seen, excess = 0, traffic = 0;
    if (o && o->factor < 1)
        seen = draw(&w->random, w->mean[i] * o->factor, exp(-w->mean[i] * o->factor));
    else
        seen = draw(&w->random, w->mean[i], w->none[i]);
    if (o) {
        double mean = excess_mean(w, o, since, i);
        excess = mean > 0 ? draw(&w->random, mean, exp(-mean)) : 0;
    }
    if (w->kind->kind == HEALTH_ERRORS)
        traffic = draw(&w->random, w->traffic_mean[i], w->traffic_none[i]);
    seen += excess;
    if (traffic < seen) traffic = seen;
    out->seen[0] += out->seen[i + 1] = seen;
    out->traffic[0] += out->traffic[i + 1] = traffic;
    out->excess += excess;
}

void world_step(struct world *w, const struct outage *outage, int64_t since, struct counts *out) {
    w->tick++;
    if (w->tick % TICKS_PER_DAY == 0)
        w->day = lognormal(w->kind->day_sd, random_normal(&w->random));
    if (w->tick % 6 == 0) {
        move_noise(w);
        set_rates(w);
    }
    out->seen[0] = out->traffic[0] = out->excess = 0;
    for (int i = 0; i < REGIONS; i++)
        step_region(w, outage, since, i, out);
}

int64_t world_time_us(const struct world *w) {
    return w->tick * HEALTH_TICK_US + HEALTH_TICK_US / 2;
}
