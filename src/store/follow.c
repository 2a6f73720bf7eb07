/* follow.c: the follower: journal frames -> meta (words, identities, profiles) and tails.
 *
 * One follow takes what the front has synced, at most FOLLOW_ROWS events, and makes three steps of
 * it: one transaction for meta, one small part per project for the tails, and the new `visible`.
 * When a step fails nothing of the follow is visible; it is tried again from the same position
 * after a second.
 *
 * Each step has a price of its own besides that of the rows, so follows do not come faster than
 * PACE_MS, and under a load no faster than BUSY_PACE_MS, unless somebody waits for a position
 * (store_wait_visible, store_flush). What comes after a quiet time is followed at once.
 */
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "store/internal.h"

#define FOLLOW_ROWS 200000
#define FOLLOW_WAIT_MS 1000
#define RETRY_S 1
#define PACE_MS 100
#define BUSY_PACE_MS 400
#define BUSY_ROWS 8000 /* of one follow */
#define POLL_MS 20     /* without an eventfd from the front */

struct follow {
    struct store *store;
    struct journal_reader *reader;
    uint64_t from, to; /* positions */
    size_t rows;
    bool changed; /* meta */
};

static struct err builder_add(struct project *p, const struct frame *f) {
    if (!p->builder) p->builder = part_builder_new(p->row.id);
    if (!p->builder) return ERR(ERR_NOMEM, "tail");
    return part_builder_add(p->builder, f);
}

static struct project *find_locked(struct store *s, uint64_t id) {
    pthread_mutex_lock(&s->lock);
    struct project *p = store_find(s, id);
    pthread_mutex_unlock(&s->lock);
    return p;
}

static struct err take_frame(struct follow *w, struct str bytes) {
    struct store *s = w->store;
    struct frame f;
    TRY(frame_parse(bytes, &f));
    uint64_t end = journal_reader_position(w->reader);
    struct project *p = find_locked(s, f.project);
    struct err e = ERR_NONE;
    if (p) {
        if (end > s->applied) e = apply_frame(s, p, &f, &w->changed);
        if (e.code == ERR_OK) e = builder_add(p, &f);
        if (e.code == ERR_OK && end > s->applied) live_add(s, p, &f);
        w->rows += f.n_records;
    }
    if (e.code == ERR_OK) tap_give(s, &f, end);
    frame_done(&f);
    w->to = end;
    return e;
}

static struct err take_frames(struct follow *w) {
    uint64_t limit = w->store->config.synced(w->store->config.synced_ctx);
    if (w->store->hold_at && w->store->hold_at < limit) limit = w->store->hold_at;
    while (w->rows < FOLLOW_ROWS) {
        struct str bytes;
        struct err e = journal_next(w->reader, limit, &bytes);
        if (e.code == ERR_NOTFOUND) return ERR_NONE;
        TRY(e);
        TRY(take_frame(w, bytes));
    }
    return ERR_NONE;
}

static struct err apply_and_commit(struct follow *w) {
    struct meta *m = w->store->meta;
    TRY(meta_begin(m));
    struct err e = take_frames(w);
    if (e.code == ERR_OK && w->changed) e = store_position_set(m, "applied", w->to);
    if (e.code != ERR_OK || !w->changed) {
        meta_rollback(m);
        return e;
    }
    TRY(meta_commit(m));
    pthread_mutex_lock(&w->store->lock);
    w->store->applied = w->to; /* also if the tails fail: what was applied is not applied again */
    pthread_mutex_unlock(&w->store->lock);
    return ERR_NONE;
}

static void publish(struct store *s, uint64_t to) {
    pthread_mutex_lock(&s->lock);
    s->visible = to;
    if (s->applied < to) s->applied = to;
    if (!s->hold && flush_is_due(s)) flush_freeze(s);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* All are built before the first is seen, so that a failure leaves none behind to be added twice.
 */
static struct err add_tails(struct store *s, uint64_t from, uint64_t to) {
    struct project *p;
    for (size_t i = 0; (p = store_at(s, i)); i++)
        if (p->builder) TRY(tail_build(s, p, from, to));
    for (size_t i = 0; (p = store_at(s, i)); i++)
        if (p->fresh) tail_push(s, p);
    return ERR_NONE;
}

static void doubt_aliases(struct store *s, bool doubted) {
    struct project *p;
    for (size_t i = 0; (p = store_at(s, i)); i++)
        p->aliases_doubted = doubted;
}

static void drop_rows(struct store *s) {
    struct project *p;
    for (size_t i = 0; (p = store_at(s, i)); i++) {
        part_builder_free(p->builder);
        part_unref(p->fresh);
        p->builder = NULL;
        p->fresh = NULL;
    }
}

/* One follow. *out_rows: how many it took. */
static struct err follow_once(struct store *s, struct journal_reader *r, size_t *out_rows) {
    struct follow w = {.store = s, .reader = r, .from = s->visible, .to = s->visible};
    struct err e = apply_and_commit(&w);
    if (e.code != ERR_OK || w.changed) doubt_aliases(s, e.code != ERR_OK);
    if (e.code == ERR_OK && w.to > w.from) e = add_tails(s, w.from, w.to);
    if (e.code != ERR_OK) {
        drop_rows(s);
        return e;
    }
    publish(s, w.to);
    *out_rows = w.rows;
    return ERR_NONE;
}

/* A tail may hold two freezes' worth: beyond that the journal keeps what comes until the merger has
 * caught up. */
static void wait_for_room(struct store *s) {
    pthread_mutex_lock(&s->lock);
    for (;;) {
        uint64_t most = 0;
        for (size_t i = 0; i < s->n_projects; i++) {
            uint64_t rows = part_list_rows(&s->projects[i]->tail);
            if (rows > most) most = rows;
        }
        if (s->stopping || s->freeze_at == 0 || most < STORE_FREEZE_ROWS) break;
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static void drain(int fd) {
    uint64_t n = 0;
    (void)!read(fd, &n, sizeof n); /* a counter that does not block: it may be zero by now */
}

/* Between two follows somebody else may want the tails to stand still (erase_hold). */
static void wait_while_held(struct store *s) {
    pthread_mutex_lock(&s->lock);
    uint64_t least = s->hold_at ? s->hold_at : s->applied;
    while (s->hold && !s->stopping && s->freeze_at == 0 && s->visible >= least) {
        s->held = true;
        pthread_cond_broadcast(&s->changed);
        pthread_cond_wait(&s->changed, &s->lock);
    }
    s->held = false;
    pthread_mutex_unlock(&s->lock);
}

static void wait_for_news(struct store *s, int ms) {
    struct pollfd fds[] = {{.fd = s->nudge_fd, .events = POLLIN},
                           {.fd = s->config.wake_fd, .events = POLLIN}};
    poll(fds, 2, s->config.wake_fd >= 0 ? ms : POLL_MS);
    for (size_t i = 0; i < 2; i++)
        if (fds[i].revents & POLLIN) drain(fds[i].fd);
}

/* Between a follow of so many rows, begun at `began_us`, and the next. A nudge ends it: true. */
static bool keep_pace(struct store *s, size_t rows, int64_t began_us) {
    int64_t pace_ms = rows > BUSY_ROWS ? BUSY_PACE_MS : PACE_MS;
    int64_t left_ms = pace_ms - (time_monotonic_us() - began_us) / 1000;
    struct pollfd nudge = {.fd = s->nudge_fd, .events = POLLIN};
    if (rows == 0 || left_ms <= 0 || poll(&nudge, 1, (int)left_ms) <= 0) return false;
    drain(s->nudge_fd);
    return true;
}

/* Only an end shortens it: under load the front has news all the time. */
static void pause_for_retry(struct store *s) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RETRY_S;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&s->lock);
}

static bool is_stopping(struct store *s) {
    pthread_mutex_lock(&s->lock);
    bool yes = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

static void follow_from_here(struct store *s) {
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    char folder[4200];
    path_join(folder, sizeof folder, s->folder, "journal");
    struct err e = journal_reader_open(folder, s->visible, &r);
    while (e.code == ERR_OK && !is_stopping(s)) {
        size_t rows = 0;
        int64_t began_us = time_monotonic_us();
        e = follow_once(s, r, &rows);
        bool more = rows >= FOLLOW_ROWS;
        if (e.code == ERR_OK && !more && !keep_pace(s, rows, began_us))
            wait_for_news(s, FOLLOW_WAIT_MS);
        wait_for_room(s);
        wait_while_held(s);
    }
    if (e.code == ERR_OK || is_stopping(s)) return;
    if (e.code != ERR_NOTFOUND) log_failure("following the journal", e);
    pause_for_retry(s);
}

void *follower_main(void *store) {
    struct store *s = store;
    tap_catch_up(s);
    while (!is_stopping(s)) {
        follow_from_here(s);
        wait_while_held(s);
    }
    return NULL;
}
