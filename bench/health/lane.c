/* lane.c: see lane.h. A copy of a detector is made through its saved state, as a restart would. */
#include "lane.h"

#include <stdio.h>
#include <stdlib.h>

static void die(const char *what) {
    fprintf(stderr, "bench/health: %s\n", what);
    exit(1);
}

static void tick(struct lane *l, const struct counts *c, struct health_news *out) {
    bool errors = l->world.kind->kind == HEALTH_ERRORS;
    health_tick(l->detector, world_time_us(&l->world), c->seen, errors ? c->traffic : NULL, out);
}

void lane_step(struct lane *l, struct health_news *out) {
    struct counts c;
    world_step(&l->world, NULL, 0, &c);
    tick(l, &c, out);
}

void lane_begin(struct lane *l, const struct world_kind *kind, uint64_t seed) {
    struct health_setup setup = {kind->kind, REGIONS, kind->harsh};
    world_begin(&l->world, kind, seed);
    l->detector = health_detector_new(&setup);
    if (!l->detector) die("out of memory");
    struct health_news news;
    for (int64_t k = 0; k < (int64_t)WARM_WEEKS * TICKS_PER_WEEK; k++)
        lane_step(l, &news);
}

void lane_end(struct lane *l) {
    health_detector_free(l->detector);
}

static void say(const struct lane *l, int64_t tick, const struct health_evidence *e) {
    fprintf(stderr, "\n%s: week %.2f, series %d, %d s, z %.2f: %llu seen, %.2f expected\n",
            l->world.kind->name, (double)tick / TICKS_PER_WEEK, e->series,
            health_window_s(e->window), e->z, (unsigned long long)e->seen, e->expected);
}

void lane_null(struct lane *l, int64_t ticks, struct null_year *out) {
    struct health_news news;
    int64_t last = INT64_MIN / 2;
    out->years += (double)ticks * 10 / (365.25 * 86400);
    for (int64_t k = 0; k < ticks; k++) {
        lane_step(l, &news);
        out->alarms += news.opened;
        out->alarms_all += news.opened && news.evidence.series == 0;
        if (news.opened && out->trace) say(l, k, &news.evidence);
        if (!news.prealarm) continue;
        out->prealarms += k > last + 60;
        last = k;
    }
}

void lane_null_pair(struct lane *lanes, int64_t ticks, struct null_year *out) {
    struct health_fusion fusion;
    int64_t last = INT64_MIN / 2;
    health_fusion_init(&fusion);
    out->years += (double)ticks * 10 / (365.25 * 86400);
    for (int64_t k = 0; k < ticks; k++) {
        bool agreed = false;
        for (uint8_t i = 0; i < 2; i++) {
            struct health_news news;
            lane_step(&lanes[i], &news);
            agreed = (news.prealarm && health_fusion_take(&fusion, i, lanes[i].detector,
                                                          world_time_us(&lanes[i].world))) ||
                     agreed;
        }
        if (!agreed) continue;
        out->alarms += k > last + 360;
        last = k;
    }
}

static struct lane copy_of(const struct lane *l) {
    struct health_setup setup = health_setup_of(l->detector);
    struct lane copy = {.world = l->world};
    AUTO(buf_done) struct buf b;
    buf_init(&b, health_state_max_bytes(&setup));
    if (health_save(l->detector, &b).code != ERR_OK) die("save");
    if (health_restore(buf_str(&b), &copy.detector).code != ERR_OK) die("restore");
    return copy;
}

struct watch {
    struct health_fusion fusion;
    int64_t began, first; /* ticks: the outage, its first excess report */
    int lanes_n;
};

/* One tick of all lanes: true when it is found. */
static bool watch_tick(struct watch *t, struct lane *lanes, const struct outage *o,
                       struct found *out) {
    bool found = false;
    for (int k = 0; k < t->lanes_n; k++) {
        struct counts c;
        struct health_news news;
        world_step(&lanes[k].world, o, t->began, &c);
        if (t->first < 0 && (c.excess > 0 || o->factor < 1)) t->first = lanes[0].world.tick;
        tick(&lanes[k], &c, &news);
        bool agreed = news.prealarm && t->lanes_n > 1 &&
                      health_fusion_take(&t->fusion, (uint8_t)k, lanes[k].detector,
                                         world_time_us(&lanes[k].world));
        if (t->first < 0 || found || !(news.opened || agreed)) continue;
        found = true;
        out->delay_s = (double)(lanes[0].world.tick - t->first + 1) * 10;
        out->onset_error_s =
            (double)(news.evidence.onset_us - t->first * HEALTH_TICK_US) / (double)US_PER_S;
    }
    return found;
}

bool lane_outage(const struct lane *lanes, int lanes_n, const struct outage *o, struct found *out) {
    struct lane copies[2];
    struct watch t = {.began = lanes[0].world.tick + 1, .first = -1, .lanes_n = lanes_n};
    health_fusion_init(&t.fusion);
    *out = (struct found){NOT_FOUND, 0};
    for (int k = 0; k < lanes_n; k++)
        if (health_incident_of(lanes[k].detector)->open) return false;
    for (int k = 0; k < lanes_n; k++)
        copies[k] = copy_of(&lanes[k]);
    for (int k = 0; k < OUTAGE_TICKS && !watch_tick(&t, copies, o, out); k++)
        continue;
    for (int k = 0; k < lanes_n; k++)
        lane_end(&copies[k]);
    return true;
}
