/* monitor.c: the thread: letters from the courier, heartbeats from the journal, and once a second
 * what only time can tell (a heartbeat that did not come, a parent that was waited for).
 *
 * A down is told when it is agreed on, nobody above it in its chain is failing, and every parent
 * has been looked at since then. The parents are asked at the first failure, so that their verdict
 * is there about when the child's is, and once more when the child is down: one that was well a
 * moment ago may have died with it.
 */
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "monitor/inside.h"

#define TICK_MS 1000
#define SOON_MS 250 /* while a change of the list is not told yet */
#define PARENT_WAIT_US (15 * US_PER_S)
#define CHAIN_MAX 8
#define LATE_US US_PER_S
#define FIRST_WAIT_US (15 * US_PER_S)
#define AGENT_LIVES_US (60 * US_PER_S)

void monitors_wake(struct monitors *m) {
    uint64_t one = 1;
    if (m->wake >= 0) (void)!write(m->wake, &one, sizeof one);
}

/* ---- to the courier ---- */

void monitors_post(struct monitors *m, const struct buf *message) {
    struct err e = buf_err(message);
    if (!m->config.post) return;
    if (e.code == ERR_OK) e = post_send(m->config.post, buf_str(message));
    if (e.code != ERR_OK) log_failure("telling the courier", e);
}

static void ask_now(struct monitors *m, const struct monitor *k) {
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 200);
    buf_printf(&b, "{\"kind\":\"probe.now\",\"probe\":%u}", k->number);
    if (monitors_runs_at(k, 0)) monitors_post(m, &b);
}

/* ---- what is told to status; collected under the lock, told without it ---- */

#define TOLD_MAX 64
struct told {
    struct status_result results[TOLD_MAX];
    size_t n;
};

static void tell(struct monitors *m, struct told *t) {
    for (size_t i = 0; i < t->n; i++)
        status_result(m->config.status, &t->results[i]);
    t->n = 0;
}

static void note(struct told *t, const struct monitor *k, const struct post_beat *b, uint8_t up,
                 bool hard) {
    if (t->n == TOLD_MAX) return; /* the next beat says the same */
    t->results[t->n++] = (struct status_result){
        .probe = k->number,
        .beat = {.at_us = b->at_us,
                 .up = up,
                 .ms = up == POST_UP && b->total_us >= 0 ? (b->total_us + 500) / 1000 : -1},
        .hard = hard,
        .cert_days = b->cert_days};
}

/* ---- parents ---- */

enum chain { CHAIN_WELL, CHAIN_UNSURE, CHAIN_BROKEN };

static enum chain chain_of(struct monitors *m, const struct monitor *k) {
    uint32_t parent = k->parent;
    int64_t now = time_monotonic_us();
    enum chain all = CHAIN_WELL;
    for (int i = 0; parent && i < CHAIN_MAX; i++) {
        const struct monitor *p = monitors_find(m, parent);
        if (!p || p->is_off) return all;
        if (p->state == ALL_DOWN) return CHAIN_BROKEN;
        bool waited = k->decided_us && now - k->decided_us > PARENT_WAIT_US;
        bool looked = p->kind == PROBE_PUSH;
        for (size_t w = 0; w < p->n_words; w++)
            looked |= p->words[w].beat.at_us >= k->decided_at_us;
        if (!waited && (p->state == FAILING || !looked)) all = CHAIN_UNSURE;
        parent = p->parent;
    }
    return all;
}

static void ask_parents(struct monitors *m, const struct monitor *k) {
    uint32_t parent = k->parent;
    for (int i = 0; parent && i < CHAIN_MAX; i++) {
        const struct monitor *p = monitors_find(m, parent);
        if (!p) return;
        ask_now(m, p);
        parent = p->parent;
    }
}

/* ---- one beat ---- */

static bool in_window(const struct monitor *k, int64_t us) {
    for (size_t i = 0; i < k->n_windows; i++)
        if (window_is_open(&k->windows[i], us)) return true;
    return false;
}

/* The place's slot; where all are taken, the one that was silent longest gives way. */
static struct word *word_of(struct monitor *k, uint32_t place) {
    struct word *oldest = &k->words[0];
    for (size_t i = 0; i < k->n_words; i++) {
        if (k->words[i].place == place) return &k->words[i];
        if (k->words[i].heard_us < oldest->heard_us) oldest = &k->words[i];
    }
    if (k->n_words < MONITOR_PLACES_MAX) oldest = &k->words[k->n_words++];
    *oldest = (struct word){.place = place};
    return oldest;
}

static void say_down(struct monitors *m, struct monitor *k, const struct post_beat *b,
                     struct told *t) {
    bool silent = !k->told_down && chain_of(m, k) != CHAIN_WELL;
    note(t, k, b, silent ? POST_PENDING : POST_DOWN, !silent);
    k->told_down |= !silent;
}

static bool has_word(const struct monitor *k, uint32_t place) {
    for (size_t i = 0; i < k->n_words; i++)
        if (k->words[i].place == place) return true;
    return false;
}

/* The first place to speak of a new monitor does not speak for those that are about to. */
static bool others_are_due(const struct monitors *m, const struct monitor *k, int64_t now) {
    if (now - k->born_us > k->interval_us * 3 / 2 + FIRST_WAIT_US || k->kind == PROBE_PUSH)
        return false;
    if (monitors_runs_at(k, 0) && !has_word(k, 0)) return true;
    for (size_t i = 0; i < m->n_agents; i++) {
        const struct agent *a = &m->agents[i];
        bool lives = time_now_us() - a->seen_us < AGENT_LIVES_US;
        if (lives && monitors_runs_at(k, a->number) && !has_word(k, a->number)) return true;
    }
    return false;
}

static void decide(struct monitors *m, struct monitor *k, const struct post_beat *b,
                   struct told *t) {
    int64_t now = time_monotonic_us();
    int64_t fresh = now - k->interval_us * 5 / 2 - 30 * US_PER_S;
    enum together was = k->state;
    k->state = agree(k->words, k->n_words, k->quorum, fresh);
    if (k->state == ALL_DOWN && others_are_due(m, k, now)) k->state = FAILING;
    bool failing = k->state == FAILING || k->state == ALL_DOWN;
    if (!failing) k->failing_us = k->decided_us = 0;
    if (failing && k->failing_us == 0) {
        k->failing_us = b->at_us;
        ask_parents(m, k);
    }
    if (k->state == ALL_DOWN && was != ALL_DOWN) {
        k->decided_us = now;
        k->decided_at_us = time_now_us();
        ask_parents(m, k);
    }
    if (in_window(k, b->at_us)) {
        note(t, k, b, POST_MAINTENANCE, false);
        return;
    }
    switch (k->state) {
    case ALL_UP:
        if (b->up == POST_UP) {
            note(t, k, b, POST_UP, true);
            k->told_down = false;
        }
        break;
    case ALL_DOWN:
        say_down(m, k, b, t);
        break;
    case FAILING:
    case NOBODY_KNOWS:
        note(t, k, b, POST_PENDING, false);
        break;
    }
}

static void take_beat(struct monitors *m, const struct post_beat *b, struct told *t) {
    struct monitor *k = monitors_find(m, b->probe);
    if (!k || k->is_off) return;
    struct word *w = word_of(k, b->place);
    *w = (struct word){b->place, time_monotonic_us(), *b};
    k->beats++;
    k->late += b->late_us > LATE_US;
    if ((uint64_t)b->late_us > k->worst_late_us) k->worst_late_us = (uint64_t)b->late_us;
    k->alive_us = w->heard_us;
    decide(m, k, b, t);
}

/* ---- heartbeats ---- */

void monitors_heartbeat(void *ctx, const struct status_heartbeat *b) {
    struct monitors *m = ctx;
    pthread_mutex_lock(&m->heard);
    if (m->n_heartbeats < HEARTBEATS_MAX)
        m->heartbeats[m->n_heartbeats++] = *b;
    else
        m->lost_heartbeats++;
    pthread_mutex_unlock(&m->heard);
    monitors_wake(m);
}

/* An agent's beat carries its state and fault above the code (doc/monitors.md). */
static void read_heartbeat(const struct status_heartbeat *h, struct post_beat *out) {
    uint32_t code = (uint32_t)h->code;
    int64_t us = h->ms < 0 ? -1 : h->ms * INT64_C(1000);
    *out = (struct post_beat){.probe = h->probe,
                              .place = h->place,
                              .at_us = h->at_us,
                              .total_us = us > INT32_MAX ? INT32_MAX : (int32_t)us,
                              .phase_us = {-1, -1, -1, -1, -1},
                              .cert_days = -1,
                              .code = (int32_t)(code & 0xffff),
                              .up = h->up ? POST_UP : POST_DOWN};
    if (h->place == 0) {
        out->fault = h->up ? POST_FINE : POST_TOLD;
        return;
    }
    uint8_t up = (uint8_t)(code >> 24 & 0xf), fault = (uint8_t)(code >> 16 & 0xff);
    out->up = up <= POST_UNKNOWN ? up : POST_UNKNOWN;
    out->fault = fault < POST_FAULTS_N ? fault : POST_PROTOCOL;
}

static void take_heartbeat(struct monitors *m, const struct status_heartbeat *h, struct told *t) {
    struct post_beat b;
    const struct monitor *k = monitors_find(m, h->probe);
    bool known = h->place == 0;
    if (!k || (h->place == 0) != (k->kind == PROBE_PUSH)) return;
    read_heartbeat(h, &b);
    for (size_t i = 0; i < m->n_agents; i++)
        if (m->agents[i].number == h->place) {
            m->agents[i].seen_us = h->at_us;
            known = true;
        }
    /* What was followed late, after a restart, is history and no news. */
    bool old = time_now_us() - h->at_us > k->interval_us * 2 + 60 * US_PER_S;
    if (known && !old) take_beat(m, &b, t);
}

static size_t next_heartbeats(struct monitors *m, struct status_heartbeat *out, size_t most) {
    pthread_mutex_lock(&m->heard);
    size_t n = m->n_heartbeats < most ? m->n_heartbeats : most;
    memcpy(out, m->heartbeats, n * sizeof *out);
    m->n_heartbeats -= n;
    memmove(m->heartbeats, m->heartbeats + n, m->n_heartbeats * sizeof *out);
    pthread_mutex_unlock(&m->heard);
    return n;
}

static void take_heartbeats(struct monitors *m) {
    struct status_heartbeat some[32];
    struct told t = {.n = 0};
    for (size_t n; (n = next_heartbeats(m, some, 32)) > 0;) {
        pthread_mutex_lock(&m->lock);
        for (size_t i = 0; i < n; i++)
            take_heartbeat(m, &some[i], &t);
        pthread_mutex_unlock(&m->lock);
        tell(m, &t);
    }
}

/* ---- letters ---- */

static void take_tried(struct monitors *m, const struct json *body) {
    struct post_beat b;
    const struct json *id = json_get(body, "id"), *beat = json_get(body, "beat");
    if (!id || id->type != JSON_INT || !beat || post_read_beat(beat, &b).code != ERR_OK) return;
    for (size_t i = 0; i < TRIES_MAX; i++)
        if (m->trials[i].id == id->i && id->i > 0) {
            m->trials[i].beat = b;
            m->trials[i].over = true;
        }
    pthread_cond_broadcast(&m->tried);
}

static void take_letter(struct monitors *m, const struct post_message *l) {
    struct told t = {.n = 0};
    struct post_beat b;
    const struct json *offline = json_get(l->body, "offline");
    if ((l->kind == POST_HELLO || l->kind == POST_SENT) && m->config.forward)
        m->config.forward(m->config.ctx, l);
    pthread_mutex_lock(&m->lock);
    if (l->kind == POST_HELLO) m->told = 0; /* it knows nothing */
    if (l->kind == POST_BEAT && post_read_beat(l->body, &b).code == ERR_OK) {
        b.place = 0;
        take_beat(m, &b, &t);
    }
    if (l->kind == POST_TRIED) take_tried(m, l->body);
    if (l->kind == POST_PLACE && offline) m->offline = offline->type == JSON_TRUE;
    pthread_mutex_unlock(&m->lock);
    tell(m, &t);
}

static void take_letters(struct monitors *m, struct arena *a) {
    for (;;) {
        struct post_message l;
        arena_reset(a);
        struct err e = post_next(m->config.post, a, &l);
        if (e.code == ERR_OK) take_letter(m, &l);
        if (e.code != ERR_OK && e.code != ERR_INVALID) return;
    }
}

/* ---- time ---- */

static bool is_missing(const struct monitor *k, int64_t now_us) {
    return k->kind == PROBE_PUSH && !k->is_off &&
           now_us - k->alive_us > k->interval_us + k->grace_us;
}

static void take_time(struct monitors *m) {
    struct told t = {.n = 0};
    int64_t now = time_monotonic_us();
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->n && t.n < TOLD_MAX; i++) {
        struct monitor *k = &m->list[i];
        struct post_beat b = {.probe = k->number,
                              .at_us = time_now_us(),
                              .total_us = -1,
                              .cert_days = -1,
                              .phase_us = {-1, -1, -1, -1, -1}};
        if (is_missing(k, now)) {
            b.fault = POST_MISSED;
            take_beat(m, &b, &t);
        } else if (k->state == ALL_DOWN && !k->told_down && !in_window(k, b.at_us) &&
                   chain_of(m, k) == CHAIN_WELL) {
            say_down(m, k, &b, &t);
        }
    }
    pthread_mutex_unlock(&m->lock);
    tell(m, &t);
}

static void follow_list(struct monitors *m) {
    if (status_generation(m->config.status) == m->generation) return;
    pthread_mutex_lock(&m->editing);
    struct err e = monitors_load(m);
    pthread_mutex_unlock(&m->editing);
    if (e.code != ERR_OK) log_failure("reading the list of monitors", e);
}

static bool has_news(struct monitors *m) {
    pthread_mutex_lock(&m->lock);
    bool news = m->sum != m->told;
    pthread_mutex_unlock(&m->lock);
    return news;
}

static bool turn(struct monitors *m, struct arena *a, int64_t *tick_us) {
    bool more = m->config.post && post_flush(m->config.post);
    struct pollfd fds[] = {{.fd = m->wake, .events = POLLIN},
                           {.fd = m->post_fd, .events = (short)(more ? POLLIN | POLLOUT : POLLIN)}};
    (void)poll(fds, m->config.post ? 2 : 1, has_news(m) ? SOON_MS : TICK_MS);
    uint64_t n;
    if (fds[0].revents) (void)!read(m->wake, &n, sizeof n);
    if (m->config.post) take_letters(m, a);
    take_heartbeats(m);
    monitors_tell(m);
    if (time_monotonic_us() - *tick_us >= TICK_MS * 1000) {
        *tick_us = time_monotonic_us();
        take_time(m);
        follow_list(m);
    }
    pthread_mutex_lock(&m->lock);
    bool stop = m->stopping;
    pthread_mutex_unlock(&m->lock);
    return !stop;
}

static void *run(void *ctx) {
    struct monitors *m = ctx;
    int64_t tick_us = 0;
    AUTO(arena_free) struct arena *a = arena_new(8u << 20);
    while (a && turn(m, a, &tick_us))
        continue;
    return NULL;
}

/* ---- life ---- */

struct err monitors_open(const struct monitors_config *c, struct monitors **out) {
    AUTO(monitors_close) struct monitors *m = calloc(1, sizeof *m);
    if (!m) return ERR(ERR_NOMEM, "monitors");
    m->config = *c;
    m->post_fd = -1;
    m->next_trial = 1;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&m->tried, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->editing, NULL);
    pthread_mutex_init(&m->heard, NULL);
    m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->wake < 0) return err_os("monitors");
    TRY(meta_schema(c->meta, "monitor", monitors_agent_steps, 1));
    TRY(monitors_load_agents(m));
    *out = m;
    m = NULL;
    return ERR_NONE;
}

struct err monitors_start(struct monitors *m, int post_fd) {
    m->post_fd = post_fd;
    pthread_mutex_lock(&m->editing);
    struct err e = monitors_load(m);
    pthread_mutex_unlock(&m->editing);
    TRY(e);
    if (!m->config.post) return ERR_NONE; /* a command's server: nothing is checked, nothing late */
    if (pthread_create(&m->thread, NULL, run, m) != 0) return ERR(ERR_IO, "monitors: thread");
    m->runs = true;
    return ERR_NONE;
}

void monitors_stop(struct monitors *m) {
    if (!m) return;
    pthread_mutex_lock(&m->lock);
    m->stopping = true;
    pthread_cond_broadcast(&m->tried);
    pthread_mutex_unlock(&m->lock);
    monitors_wake(m);
}

void monitors_close(struct monitors *m) {
    if (!m) return;
    monitors_stop(m);
    if (m->runs) pthread_join(m->thread, NULL);
    monitors_list_free(m->arena, m->list, m->n);
    fd_close(m->wake);
    pthread_cond_destroy(&m->tried);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->editing);
    pthread_mutex_destroy(&m->heard);
    free(m);
}
