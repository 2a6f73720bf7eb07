/* watch.c: the guards, their ticks, and what a tick tells. */
#include "status/watch.h"

#include <math.h>
#include <stdlib.h>

#define BREAK_TICKS 8 /* of events after a gap: longer than a detector bridges */
#define FUSED_CALM_US (1800 * US_PER_S)

struct watch *watch_new(void) {
    struct watch *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->tick = WATCH_NEVER;
    w->any_event = -1;
    w->fill_ticks = WATCH_FILL_TICKS;
    w->reports = reports_new();
    if (w->reports) return w;
    free(w);
    return NULL;
}

void watch_free(struct watch *w) {
    if (!w) return;
    for (size_t i = 0; i < w->n; i++)
        guard_free(w->guards[i]);
    free(w->guards);
    free(w->entries);
    free(w->names);
    reports_free(w->reports);
    status_prober_free(w->prober);
    secret_wipe(&w->keys, sizeof w->keys);
    free(w);
}

struct guard *watch_guard(const struct watch *w, uint32_t number) {
    size_t lo = 0, hi = w->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (w->guards[mid]->number == number) return w->guards[mid];
        if (w->guards[mid]->number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* ---- a guard's memory ---- */

static void signal_done(struct signal *s) {
    health_detector_free(s->detector);
    free(s->seen);
    free(s->traffic);
    *s = (struct signal){.kind = s->kind};
}

void guard_free(struct guard *g) {
    if (!g) return;
    for (size_t i = 0; i < 3; i++)
        signal_done(&g->signals[i]);
    free(g->chart);
    free(g->gate);
    free(g->active);
    free(g->troubled);
    free(g);
}

struct err signal_watch(struct signal *s, enum health_kind kind, bool harsh, uint64_t print) {
    struct health_setup setup = {kind, kind == HEALTH_REPORTS ? WATCH_SUBS : WATCH_REGIONS, harsh};
    if (s->detector && s->print == print) return ERR_NONE;
    signal_done(s);
    s->kind = kind;
    s->print = print;
    s->detector = health_detector_new(&setup);
    s->seen = calloc(1 + WATCH_SUBS, sizeof *s->seen);
    s->traffic = calloc(1 + WATCH_SUBS, sizeof *s->traffic);
    if (s->detector && s->seen && s->traffic) return ERR_NONE;
    signal_done(s);
    return ERR(ERR_NOMEM, "a signal");
}

void signal_leave(struct signal *s) {
    signal_done(s);
}

/* ---- evidence ---- */

static void name_part(const struct watch *w, const struct signal *s, uint16_t series,
                      struct status_evidence *e) {
    e->type = -1;
    if (series == 0) return;
    if (series <= WATCH_REGIONS) {
        if (series <= w->n_regions) watch_country_name(w->region[series], e->country);
    } else if (s->kind == HEALTH_REPORTS) {
        e->type = series - WATCH_REGIONS - 1;
    }
}

static void copy_minutes(const struct signal *s, struct status_evidence *e) {
    e->from_us = (s->minute - STATUS_MINUTES + 1) * WATCH_MINUTE_US;
    for (int64_t i = 0; i < STATUS_MINUTES; i++) {
        size_t k = (size_t)((s->minute + 1 + i) % STATUS_MINUTES);
        e->minutes[i] = s->minutes[k];
        e->expected_minutes[i] = s->expected[k];
    }
}

struct status_evidence watch_evidence(const struct watch *w, const struct guard *g,
                                      const struct signal *s, const struct health_evidence *from) {
    const struct health_incident *i = health_incident_of(s->detector);
    struct status_evidence e = {.source = (enum status_source)s->kind,
                                .component = g->number,
                                .onset_us = from->onset_us,
                                .detected_us = (w->tick + 1) * HEALTH_TICK_US,
                                .window_s = health_window_s(from->window),
                                .z = from->z,
                                .peak_z = i->open ? i->peak_z : from->z,
                                .peak_ratio = i->open ? i->peak_ratio : 0,
                                .seen = from->seen,
                                .expected = from->expected};
    name_part(w, s, from->series, &e);
    copy_minutes(s, &e);
    if (!g->gate) return e;
    struct gate_sight sight = gate_look(g->gate, from->onset_us);
    e.counted = sight.counted;
    e.verified = sight.verified;
    e.prefixes = sight.prefixes;
    e.networks = sight.networks;
    return e;
}

/* When nobody takes the news the oldest goes: the detectors' open incidents tell it again. */
void watch_tell(struct watch *w, const struct status_evidence *e, bool closed) {
    if (w->n_news == WATCH_NEWS) memmove(w->news, w->news + 1, --w->n_news * sizeof *w->news);
    w->news[w->n_news++] = (struct news){closed, *e};
}

void watch_tell_open(struct watch *w, const struct guard *g) {
    for (size_t k = 0; k < 3; k++) {
        const struct signal *s = &g->signals[k];
        const struct health_incident *i = s->detector ? health_incident_of(s->detector) : NULL;
        if (!i || !i->open) continue;
        struct status_evidence e = watch_evidence(w, g, s, &i->first);
        e.detected_us = i->opened_us + HEALTH_TICK_US;
        watch_tell(w, &e, false);
    }
}

/* ---- ticks ---- */

static void count_minute(struct signal *s, int64_t at_us) {
    int64_t minute = at_us / WATCH_MINUTE_US;
    if (minute - s->minute > STATUS_MINUTES || minute < s->minute)
        s->minute = minute - STATUS_MINUTES;
    while (s->minute < minute) {
        s->minute++;
        s->minutes[s->minute % STATUS_MINUTES] = 0;
        s->expected[s->minute % STATUS_MINUTES] = 0;
    }
    size_t k = (size_t)(minute % STATUS_MINUTES);
    double expected = health_expected(s->detector, 0, at_us);
    if (s->kind == HEALTH_ERRORS) expected *= s->traffic[0];
    s->minutes[k] += s->seen[0];
    s->expected[k] += (float)expected;
}

static void tell_opened(struct watch *w, struct guard *g, const struct signal *s,
                        const struct health_news *news) {
    struct status_evidence e = watch_evidence(w, g, s, &news->evidence);
    if (s->kind != HEALTH_REPORTS) g->alarmed_us = e.detected_us;
    watch_tell(w, &e, false);
}

static void fuse(struct watch *w, struct guard *g, const struct signal *s,
                 const struct health_news *news) {
    int64_t now = w->tick * HEALTH_TICK_US;
    if (!health_fusion_take(&g->fusion, (uint8_t)s->kind, s->detector, now)) return;
    bool is_new = !g->fused_open && !health_incident_of(s->detector)->open;
    g->fused_us = now;
    g->fused_open = true;
    g->alarmed_us = now;
    if (!is_new) return;
    struct status_evidence e = watch_evidence(w, g, s, &news->evidence);
    e.fused = true;
    watch_tell(w, &e, false);
}

static void tick_signal(struct watch *w, struct guard *g, struct signal *s) {
    struct health_news news = {0};
    int64_t now = w->tick * HEALTH_TICK_US;
    bool errors = s->kind == HEALTH_ERRORS;
    count_minute(s, now);
    if (w->tick >= s->skip_to)
        health_tick(s->detector, now, s->seen, errors ? s->traffic : NULL, &news);
    memset(s->seen, 0, (1 + WATCH_SUBS) * sizeof *s->seen);
    memset(s->traffic, 0, (1 + WATCH_SUBS) * sizeof *s->traffic);
    if (news.opened) tell_opened(w, g, s, &news);
    if (news.prealarm) fuse(w, g, s, &news);
    if (!news.closed) return;
    struct health_evidence last = health_incident_of(s->detector)->first;
    struct status_evidence e = watch_evidence(w, g, s, &last);
    e.peak_z = health_incident_of(s->detector)->peak_z;
    e.peak_ratio = health_incident_of(s->detector)->peak_ratio;
    e.closed_us = health_incident_of(s->detector)->ended_us;
    watch_tell(w, &e, true);
}

static void calm_fusion(struct watch *w, struct guard *g) {
    int64_t now = w->tick * HEALTH_TICK_US;
    if (!g->fused_open || now - g->fused_us < FUSED_CALM_US) return;
    g->fused_open = false;
    struct status_evidence e = {
        .component = g->number, .fused = true, .type = -1, .closed_us = g->fused_us};
    watch_tell(w, &e, true);
}

static void tick_all(struct watch *w, bool filled) {
    for (size_t i = 0; i < w->n; i++) {
        struct guard *g = w->guards[i];
        for (size_t k = 0; k < 3; k++)
            if (g->signals[k].detector && !(filled && k == HEALTH_EVENTS))
                tick_signal(w, g, &g->signals[k]);
        calm_fusion(w, g);
    }
}

/* Nobody knows what was in these cells: of events, no drop may be read out of them. */
static void break_events(struct watch *w) {
    for (size_t i = 0; i < w->n; i++)
        w->guards[i]->signals[HEALTH_EVENTS].skip_to = w->tick + BREAK_TICKS;
}

void watch_advance(struct watch *w, int64_t at_us) {
    int64_t tick = at_us / HEALTH_TICK_US;
    if (w->tick == WATCH_NEVER || tick < w->tick - 6) w->tick = tick; /* the clock was set back */
    if (tick <= w->tick) return;
    int64_t gap = tick - w->tick - 1;
    tick_all(w, false);
    for (int64_t i = 0; i < gap && gap <= w->fill_ticks; i++) {
        w->tick++;
        tick_all(w, true);
    }
    w->tick = tick;
    if (gap >= 1) break_events(w);
}

uint32_t watch_region(struct watch *w, uint32_t country) {
    if (country == 0) return 0;
    uint32_t k = country - 1;
    if (w->region_of[k]) return w->region_of[k];
    if (w->n_regions == WATCH_REGIONS || ++w->country_seen[k] < WATCH_REGION_AT) return 0;
    w->region[++w->n_regions] = (uint16_t)k;
    w->region_of[k] = w->n_regions;
    return w->n_regions;
}

/* ---- for readers ---- */

static void read_guard(const struct guard *g, int64_t now, struct arena *a,
                       struct status_component *out) {
    const struct signal *s = &g->signals[HEALTH_REPORTS];
    if (g->chart) {
        chart_turn(g->chart, now);
        chart_read(g->chart, out, a);
    }
    for (int64_t i = 0; i < STATUS_CHART_N && s->detector; i++) {
        int64_t at = (now / WATCH_CELL_US - STATUS_CHART_N + 1 + i) * WATCH_CELL_US;
        double m = health_expected(s->detector, 0, at + WATCH_CELL_US / 2) * 60;
        if (m > 0) out->expected[i] = (float)m;
    }
}

struct err status_watch_charts(struct status *s, struct arena *a, struct status_model *m) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; s->watch && i < m->n_components; i++) {
        const struct guard *g = watch_guard(s->watch, m->components[i].number);
        if (g) read_guard(g, m->now_us, a, &m->components[i]);
    }
    if (s->watch) status_probes_fill(s, m);
    pthread_mutex_unlock(&s->lock);
    return ERR_NONE;
}

static void read_signal(const struct guard *g, const struct signal *s, struct status_signal *out) {
    uint8_t window = 0;
    *out = (struct status_signal){.component = g->number,
                                  .kind = s->kind,
                                  .cold = health_cold(s->detector),
                                  .open = health_incident_of(s->detector)->open,
                                  .held = g->held_from_us != 0,
                                  .alarm_at = health_alarm_at(s->detector, 0)};
    out->z = health_score(s->detector, 0, &window);
    out->top = health_window(s->detector, 0, window);
    for (int64_t i = 0; i < STATUS_MINUTES; i++) {
        size_t k = (size_t)((s->minute + 1 + i) % STATUS_MINUTES);
        out->minutes[i] = s->minutes[k];
        out->expected[i] = s->expected[k];
    }
}

static struct err read_signals(const struct watch *w, struct arena *a, struct status_signal **out,
                               size_t *out_n) {
    struct status_signal *all = arena_array(a, w ? w->n * 3 : 0, sizeof *all);
    size_t n = 0;
    if (!all) return ERR(ERR_NOMEM, "signals");
    for (size_t i = 0; w && i < w->n; i++)
        for (size_t k = 0; k < 3; k++)
            if (w->guards[i]->signals[k].detector)
                read_signal(w->guards[i], &w->guards[i]->signals[k], &all[n++]);
    *out = all;
    *out_n = n;
    return ERR_NONE;
}

struct err status_signals(struct status *s, struct arena *a, struct status_signal **out,
                          size_t *out_n) {
    pthread_mutex_lock(&s->lock);
    struct err e = read_signals(s->watch, a, out, out_n);
    pthread_mutex_unlock(&s->lock);
    return e;
}

static void forget(struct watch *w, const struct guard *g, const struct signal *s) {
    const struct health_incident *i = health_incident_of(s->detector);
    if (i->open) {
        struct status_evidence e = watch_evidence(w, g, s, &i->first);
        e.closed_us = w->tick * HEALTH_TICK_US;
        watch_tell(w, &e, true);
    }
    health_forget(s->detector);
}

struct err status_component_forget(struct status *s, uint32_t number) {
    pthread_mutex_lock(&s->lock);
    struct guard *g = s->watch ? watch_guard(s->watch, number) : NULL;
    for (size_t k = 0; g && k < 3; k++)
        if (g->signals[k].detector) forget(s->watch, g, &g->signals[k]);
    pthread_mutex_unlock(&s->lock);
    return g ? ERR_NONE : ERR(ERR_NOTFOUND, "component");
}
