/* prober.c: see prober.h. Due monitors are found by walking all of them: some microseconds for a
 * thousand, and nothing to keep in order. */
#include "courier/prober.h"

#include <assert.h>
#include <stdlib.h>

#define CONFIG_BYTES ((size_t)128 << 10)
#define REFERENCES_MAX 8
#define REFERENCE_LIMIT_US (3 * US_PER_S)
#define REFERENCE_FRESH_US (5 * US_PER_S)
#define OFFLINE_EACH_US (5 * US_PER_S)
#define NEIGHBOURS 8 /* asked at once when nobody can vouch for the place */
#define TRIES_MAX 20

enum user_kind { MONITOR, TRIAL, REFERENCE };
struct monitor {
    enum user_kind kind; /* first in all three: the engine's `user` points here */
    struct arena *arena; /* of the config */
    struct probe_config config;
    struct probe_slot slot;
    uint64_t sum; /* of the config's JSON: whether it changed */
    int32_t late_us;
    bool marked, local;
    int64_t id; /* of a trial */
};

struct prober {
    struct prober_config how;
    struct probe_guard guard;
    struct probe_engine *engine;
    struct probe_place place;
    struct monitor **monitors; /* [n], any order */
    size_t n;
    struct monitor *trials[TRIES_MAX]; /* on their way; NULL: free */
    struct monitor references[REFERENCES_MAX];
    size_t n_references, asking; /* of references: how many are on their way */
    bool any_answered, offline;
    int64_t look_us; /* when to look at the place again */
};

/* ---- references ---- */

static void add_reference(struct prober *p, enum probe_kind kind, struct str host, uint16_t port) {
    if (p->n_references == REFERENCES_MAX || host.n == 0) return;
    struct monitor *m = &p->references[p->n_references];
    *m = (struct monitor){.kind = REFERENCE, .arena = arena_new(4096)};
    if (!m->arena) return;
    m->config = (struct probe_config){.kind = kind, .port = port, .trusted = true, .dns_type = 2};
    m->config.host = m->config.target = arena_str(m->arena, host);
    if (m->config.host.p) p->n_references++;
}

static struct err read_references(struct prober *p) {
    for (struct str rest = str_z(p->how.settings->references); rest.n > 0;) {
        struct str port = str_trim(str_cut(&rest, ',')), host = str_cut(&port, ':');
        int64_t number;
        if (!str_to_i64(port, &number) || number < 1 || number > 65535)
            return ERR(ERR_INVALID, "references: host:port, separated by commas");
        add_reference(p, PROBE_TCP, host, (uint16_t)number);
    }
    return ERR_NONE;
}

static bool is_loopback(struct str host) {
    return str_starts(host, STR("127.")) || str_is(host, "::1") || str_is(host, "[::1]") ||
           str_ieq(host, STR("localhost"));
}

/* The machine's name servers vouch for its connection, unless they are the machine itself. */
static void add_resolver(struct prober *p) {
    AUTO(buf_done) struct buf text = {0};
    buf_init(&text, 65536);
    if (io_read_file("/etc/resolv.conf", 65536, &text).code != ERR_OK) return;
    for (struct str rest = buf_str(&text); rest.n > 0;) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        if (!str_starts(line, STR("nameserver"))) continue;
        if (is_loopback(str_trim(str_from(line, 10)))) continue;
        add_reference(p, PROBE_DNS, STR("."), 0);
        return;
    }
}

static void ask_references(struct prober *p) {
    if (p->asking > 0) return;
    p->any_answered = false;
    for (size_t i = 0; i < p->n_references; i++) {
        struct monitor *m = &p->references[i];
        if (probe_start(p->engine, &m->config, REFERENCE_LIMIT_US, m).code == ERR_OK) p->asking++;
    }
}

static void reference_done(struct prober *p, const struct post_beat *b) {
    int64_t now = time_monotonic_us();
    p->asking--;
    bool ok = b->up == POST_UP || !probe_fault_is_lost((enum post_fault)b->fault);
    p->any_answered |= ok;
    if (ok || (p->asking == 0 && !p->any_answered)) probe_place_reference(&p->place, ok, now);
}

/* ---- the place ---- */

static void hurry_neighbours(struct prober *p, const struct monitor *first) {
    size_t asked = 0;
    int64_t now = time_monotonic_us();
    for (size_t i = 0; i < p->n && asked < NEIGHBOURS; i++) {
        struct monitor *m = p->monitors[i];
        if (m->local || m->slot.running || m->slot.failed > 0 ||
            str_eq(m->config.host, first->config.host))
            continue;
        probe_slot_hurry(&m->slot, now);
        asked++;
    }
}

/* A failure that a lost connection explains: find out whether it does, before it is believed. */
static void suspect(struct prober *p, const struct monitor *m, int64_t now_us) {
    probe_place_look(&p->place);
    if (p->n_references == 0 && m->slot.failed == 0)
        hurry_neighbours(p, m);
    else if (now_us - p->place.reference_us > REFERENCE_FRESH_US / 2)
        ask_references(p);
}

/* References exist, but nobody has asked them since this trouble began. */
static bool is_unsure(const struct prober *p, int64_t now_us) {
    return p->n_references > 0 && !p->place.no_route &&
           (p->place.reference_us == 0 || now_us - p->place.reference_us > REFERENCE_FRESH_US);
}

static void watch_place(struct prober *p) {
    int64_t now = time_monotonic_us();
    if (p->offline && now >= p->look_us) {
        probe_place_look(&p->place);
        ask_references(p);
        p->look_us = now + OFFLINE_EACH_US;
    }
    bool offline = probe_place_offline(&p->place, now);
    if (offline == p->offline) return;
    p->offline = offline;
    p->look_us = now + OFFLINE_EACH_US;
    log_info(offline ? "this place has lost its own connection: results are unknown"
                     : "this place is connected again");
    p->how.place(p->how.ctx, offline);
}

/* ---- the end of a check ---- */

static void monitor_free(struct monitor *m) {
    if (!m) return;
    arena_free(m->arena);
    free(m);
}

static void monitor_done(struct prober *p, struct monitor *m, const struct post_beat *found) {
    struct post_beat b = *found;
    int64_t now = time_monotonic_us();
    bool lost = b.up == POST_DOWN && probe_fault_is_lost((enum post_fault)b.fault);
    b.late_us = m->late_us;
    if (!m->local && b.up != POST_UNKNOWN) probe_place_note(&p->place, m->config.host, lost, now);
    bool was_down = m->slot.down, believed = m->slot.failed >= (uint64_t)m->config.retries;
    if (lost && !m->local) {
        bool unsure = is_unsure(p, now);
        suspect(p, m, now);
        watch_place(p);
        if (unsure && believed && !was_down && !p->offline) {
            probe_slot_end(&m->slot, &b, true, now);
            m->slot.due_us = now + US_PER_S;
            p->how.beat(p->how.ctx, &b);
            return;
        }
    }
    probe_slot_end(&m->slot, &b, p->offline && !m->local, now);
    p->how.beat(p->how.ctx, &b);
}

/* The place of a trial, or with NULL a free one; NULL if there is none. */
static struct monitor **find_trial(struct prober *p, const struct monitor *m) {
    for (size_t i = 0; i < TRIES_MAX; i++)
        if (p->trials[i] == m) return &p->trials[i];
    return NULL;
}

static void trial_done(struct prober *p, struct monitor *m, const struct post_beat *b) {
    struct monitor **place = find_trial(p, m);
    assert(place);
    *place = NULL;
    p->how.tried(p->how.ctx, m->id, b);
    monitor_free(m);
}

static void done(void *ctx, void *user, const struct post_beat *b) {
    struct prober *p = ctx;
    struct monitor *m = user;
    switch (m->kind) {
    case MONITOR:
        monitor_done(p, m, b);
        break;
    case REFERENCE:
        reference_done(p, b);
        break;
    case TRIAL:
        trial_done(p, m, b);
        break;
    }
}

/* ---- life ---- */

struct err prober_new(const struct prober_config *c, struct prober **out) {
    AUTO(prober_free) struct prober *p = calloc(1, sizeof *p);
    if (!p) return ERR(ERR_NOMEM, "prober");
    p->how = *c;
    p->monitors = calloc(PROBER_MONITORS_MAX, sizeof(struct monitor *));
    if (!p->monitors) return ERR(ERR_NOMEM, "prober");
    TRY(probe_guard_read(str_z(c->settings->allow_internal), &p->guard));
    TRY(read_references(p));
    add_resolver(p);
    probe_place_look(&p->place);
    struct probe_engine_config engine = {.guard = &p->guard, .done = done, .ctx = p};
    TRY(probe_engine_new(&engine, &p->engine));
    *out = p;
    p = NULL;
    return ERR_NONE;
}

void prober_free(struct prober *p) {
    if (!p) return;
    probe_engine_free(p->engine);
    for (size_t i = 0; i < p->n; i++)
        monitor_free(p->monitors[i]);
    for (size_t i = 0; i < TRIES_MAX; i++)
        monitor_free(p->trials[i]);
    for (size_t i = 0; i < p->n_references; i++)
        arena_free(p->references[i].arena);
    free(p->monitors);
    free(p);
}

/* ---- the list ---- */

static size_t find(const struct prober *p, uint32_t number) {
    size_t i = 0;
    while (i < p->n && p->monitors[i]->config.number != number)
        i++;
    return i;
}

static void remove_at(struct prober *p, size_t i) {
    probe_drop(p->engine, p->monitors[i]);
    probe_engine_turn(p->engine); /* the dropped check still borrows the config */
    monitor_free(p->monitors[i]);
    p->monitors[i] = p->monitors[--p->n];
}

void prober_begin(struct prober *p) {
    for (size_t i = 0; i < p->n; i++)
        p->monitors[i]->marked = false;
}

void prober_end(struct prober *p) {
    for (size_t i = 0; i < p->n;)
        if (p->monitors[i]->marked)
            i++;
        else
            remove_at(p, i);
}

void prober_drop(struct prober *p, uint32_t number) {
    size_t i = find(p, number);
    if (i < p->n) remove_at(p, i);
}

static uint64_t sum_of(const struct json *config) {
    AUTO(buf_done) struct buf text = {0};
    struct jout j;
    buf_init(&text, POST_MAX_BYTES);
    jout_init(&j, &text);
    json_write(&j, config);
    return checksum64(text.p, text.n);
}

static struct err read_monitor(const struct json *config, struct monitor **out) {
    char fault[PROBE_FAULT_BYTES];
    struct monitor *m = calloc(1, sizeof *m);
    if (!m || !(m->arena = arena_new(CONFIG_BYTES))) {
        monitor_free(m);
        return ERR(ERR_NOMEM, "prober: a monitor");
    }
    struct err e = probe_config_read(config, m->arena, &m->config, fault);
    if (e.code == ERR_OK && (m->config.number == 0 || m->config.kind == PROBE_PUSH))
        e = ERR(ERR_INVALID, "prober: not a monitor to check");
    if (e.code != ERR_OK) {
        monitor_free(m);
        return e;
    }
    m->local = is_loopback(m->config.host);
    *out = m;
    return ERR_NONE;
}

struct err prober_set(struct prober *p, const struct json *config) {
    struct monitor *m = NULL;
    TRY(read_monitor(config, &m));
    m->kind = MONITOR;
    m->marked = true;
    m->sum = sum_of(config);
    size_t i = find(p, m->config.number);
    if (i < p->n && p->monitors[i]->sum == m->sum) {
        p->monitors[i]->marked = true;
        monitor_free(m);
        return ERR_NONE;
    }
    if (i < p->n) remove_at(p, i);
    if (p->n == PROBER_MONITORS_MAX) {
        monitor_free(m);
        return ERR(ERR_LIMIT, "prober: too many monitors");
    }
    probe_slot_init(&m->slot, &m->config, time_monotonic_us());
    p->monitors[p->n++] = m;
    return ERR_NONE;
}

void prober_hurry(struct prober *p, uint32_t number) {
    size_t i = find(p, number);
    bool calm = i < p->n && p->monitors[i]->slot.failed == 0; /* retries keep their pauses */
    if (calm) probe_slot_hurry(&p->monitors[i]->slot, time_monotonic_us());
}

struct err prober_try(struct prober *p, int64_t id, const struct json *config) {
    struct monitor *m = NULL;
    struct monitor **place = find_trial(p, NULL);
    if (!place) return ERR(ERR_LIMIT, "prober: too many trials at once");
    TRY(read_monitor(config, &m));
    m->kind = TRIAL;
    m->id = id;
    struct err e = probe_start(p->engine, &m->config, m->config.timeout_us, m);
    if (e.code == ERR_OK)
        *place = m;
    else
        monitor_free(m);
    return e;
}

/* ---- the loop ---- */

int prober_fd(const struct prober *p) {
    return probe_engine_fd(p->engine);
}

const struct probe_guard *prober_guard(const struct prober *p) {
    return &p->guard;
}

int prober_wait_ms(struct prober *p) {
    int64_t now = time_monotonic_us(), until = p->offline ? p->look_us : INT64_MAX;
    for (size_t i = 0; i < p->n; i++)
        if (!p->monitors[i]->slot.running && p->monitors[i]->slot.due_us < until)
            until = p->monitors[i]->slot.due_us;
    int engine = probe_engine_wait_ms(p->engine);
    if (until == INT64_MAX) return engine;
    int own = until <= now ? 0 : (int)((until - now + 999) / 1000);
    return engine >= 0 && engine < own ? engine : own;
}

static void begin_due(struct prober *p) {
    int64_t now = time_monotonic_us();
    for (size_t i = 0; i < p->n; i++) {
        struct monitor *m = p->monitors[i];
        if (m->slot.running || m->slot.due_us > now) continue;
        int64_t limit = probe_slot_begin(&m->slot, now, &m->late_us);
        if (probe_start(p->engine, &m->config, limit, m).code == ERR_OK) continue;
        m->slot.running = false;
        m->slot.due_us = now + US_PER_S;
    }
}

void prober_turn(struct prober *p) {
    begin_due(p);
    probe_engine_turn(p->engine);
    watch_place(p);
}
