/* loop.c: the console's thread of the status page: closes cells that time has passed, opens and
 * follows incidents, begins and ends maintenance, saves its state.
 *
 * A cell is closed when the store has shown everything that is synced and what could still be on
 * its way had 300 ms to come. While the store is behind, the frames themselves move time.
 */
#include <stdlib.h>
#include <time.h>

#include "status/watch.h"

#define GRACE_US 300000
#define SLOW_US US_PER_S /* how often what lies in tables is looked at */
#define SAVE_US (60 * US_PER_S)
#define SAVE_BYTES_PER_S (256u << 10) /* a large state is saved less often than each minute */

struct loop {
    struct status *status;
    uint64_t compiled;              /* status.setups that is in force */
    uint64_t held;                  /* generation whose incidents the detectors are held for */
    int64_t slow_at_us, save_at_us; /* monotonic */
};

static void close_cells(struct status *s) {
    if (!store_tap_is_current(s->config.store)) return;
    pthread_mutex_lock(&s->lock);
    watch_advance(s->watch, status_clock(s, time_now_us() - GRACE_US));
    pthread_mutex_unlock(&s->lock);
}

/* ---- held detectors: what an incident or a maintenance covers is not learned ---- */

struct hold {
    uint32_t component;
    int64_t from_us;
};

static struct err read_holds(struct status *s, struct hold *out, size_t *n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT n.component, min(i.started_us) FROM status_named n JOIN status_incident "
                   "i ON i.id = n.incident WHERE i.phase IN (1, 2, 3, 7, 8) AND i.merged_into = '' "
                   "AND n.state > 0 GROUP BY n.component ORDER BY n.component",
                   ""));
    while (*n < STATUS_COMPONENTS_MAX && meta_next(row, &e))
        out[(*n)++] = (struct hold){(uint32_t)meta_i64(row, 0), meta_i64(row, 1)};
    return e;
}

static void hold_guard(struct watch *w, struct guard *g, int64_t from_us, int64_t now) {
    if ((g->held_from_us != 0) == (from_us != 0)) return;
    for (size_t k = 0; k < 3; k++) {
        struct health_detector *d = g->signals[k].detector;
        if (d && from_us) health_hold(d, from_us);
        if (d && !from_us) health_release(d, now);
    }
    if (!from_us) watch_tell_open(w, g);
    g->held_from_us = from_us;
}

static struct err hold(struct status *s) {
    struct hold *all = calloc(STATUS_COMPONENTS_MAX, sizeof *all);
    size_t n = 0, k = 0;
    if (!all) return ERR(ERR_NOMEM, "holding");
    struct err e = meta_begin(s->config.meta);
    if (e.code == ERR_OK) {
        e = read_holds(s, all, &n);
        meta_rollback(s->config.meta);
    }
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; e.code == ERR_OK && i < s->watch->n; i++) {
        struct guard *g = s->watch->guards[i];
        while (k < n && all[k].component < g->number)
            k++;
        bool held = k < n && all[k].component == g->number;
        hold_guard(s->watch, g, held ? all[k].from_us : 0, status_now_us(s));
    }
    pthread_mutex_unlock(&s->lock);
    free(all);
    return e;
}

/* ---- the turn ---- */

static void compile_if_changed(struct loop *l) {
    struct status *s = l->status;
    uint64_t setups = atomic_load(&s->setups);
    if (setups == l->compiled) return;
    struct err e = watch_compile(s);
    if (e.code == ERR_OK) e = status_probes_load(s);
    if (e.code != ERR_OK) log_failure("watching components", e);
    l->compiled = setups;
    l->held = 0;
}

static void look_at_tables(struct loop *l) {
    struct status *s = l->status;
    struct err e = status_upkeep(s, status_now_us(s));
    if (e.code == ERR_OK) e = draft_follow(s);
    if (e.code == ERR_OK) e = status_probes_flush(s);
    uint64_t generation = status_generation(s);
    if (e.code == ERR_OK && generation != l->held) e = hold(s);
    if (e.code == ERR_OK) l->held = generation;
    if (e.code != ERR_OK) log_failure("keeping the status page", e);
}

static void save_if_due(struct loop *l, bool now) {
    int64_t at = time_monotonic_us();
    size_t bytes = 0;
    if (!now && at < l->save_at_us) return;
    struct err e = watch_save(l->status, &bytes);
    if (e.code == ERR_BUSY && !now) return;
    if (e.code != ERR_OK) log_failure("saving the detectors' state", e);
    int64_t pause = (int64_t)(bytes / SAVE_BYTES_PER_S) * US_PER_S;
    l->save_at_us = time_monotonic_us() + (pause > SAVE_US ? pause : SAVE_US);
}

/* A failure (a full disk) is tried again after a pause, as long as it lasts. */
static void tell_news(struct status *s) {
    struct timespec pause = {.tv_nsec = 200000000};
    struct err e = draft_news(s);
    if (e.code == ERR_OK) return;
    log_failure("opening an incident", e);
    nanosleep(&pause, NULL);
}

static void turn(struct loop *l) {
    struct status *s = l->status;
    compile_if_changed(l);
    close_cells(s);
    tell_news(s);
    int64_t at = time_monotonic_us();
    if (at >= l->slow_at_us) {
        look_at_tables(l);
        l->slow_at_us = at + SLOW_US / (s->clock_factor > 10 ? 10 : s->clock_factor);
    }
    save_if_due(l, false);
}

/* Until there is news, or for a quarter of a cell, at most a second. */
static bool wait_for_news(struct status *s) {
    int64_t us = HEALTH_TICK_US / 4 / s->clock_factor;
    struct timespec until;
    if (us > US_PER_S) us = US_PER_S;
    if (us < 5000) us = 5000;
    clock_gettime(CLOCK_REALTIME, &until);
    us += until.tv_nsec / 1000;
    until.tv_sec += us / US_PER_S;
    until.tv_nsec = us % US_PER_S * 1000;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && s->watch->n_news == 0)
        if (pthread_cond_timedwait(&s->wake, &s->lock, &until)) break;
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return !stopping;
}

void *status_loop(void *status) {
    struct loop l = {.status = status,
                     .compiled = atomic_load(&((struct status *)status)->setups),
                     .save_at_us = time_monotonic_us() + SAVE_US};
    do
        turn(&l);
    while (wait_for_news(status));
    tell_news(status);
    save_if_due(&l, true);
    return NULL;
}

struct err status_start(struct status *s) {
    s->watch = watch_new();
    if (!s->watch) return ERR(ERR_NOMEM, "watching");
    s->watch->fill_ticks += s->clock_factor / 10; /* a second's pause of a fast clock */
    TRY(watch_compile(s));
    TRY(status_probes_load(s));
    TRY(watch_restore(s));
    struct store_tap tap = {.ctx = s, .from = s->watch->position, .take = status_take};
    if (tap.from == 0) tap.from = STORE_TAP_NOW;
    store_tap(s->config.store, &tap);
    if (pthread_create(&s->thread, NULL, status_loop, s)) return ERR(ERR_NOMEM, "status thread");
    s->runs = true;
    return ERR_NONE;
}
