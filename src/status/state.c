/* state.c: the loop's memory in DIR/status.state, with the journal position that it covers.
 *
 *   "WEIRSTAT", u32 version, u64 position, i64 tick, regions, the tables of reports, then per
 * guard: number, gate, fusion, chart, people, and per signal its print, the running cell, the
 * minutes and the detector's own bytes; at the end XXH3-64 of all before. Integers little-endian.
 *
 * What fails its checksum or is of another version is left alone and everything starts cold: state
 * is what can be learned again. A signal whose filters changed since does not take its old state.
 */
#include <stdlib.h>

#include "status/watch.h"

#define VERSION 1
#define STATE_BYTES ((size_t)1 << 30)
#define DETECTOR_BYTES (4u << 20)
static const char magic[8] = {'W', 'E', 'I', 'R', 'S', 'T', 'A', 'T'};

static void file_of(const struct status *s, char out[4200]) {
    path_join(out, 4200, s->config.folder, "status.state");
}

/* ---- out ---- */

static void put_u32s(struct buf *b, const uint32_t *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        buf_put_u32(b, v[i]);
}

static void put_signal(struct buf *b, const struct signal *s) {
    AUTO(buf_done) struct buf state;
    buf_init(&state, DETECTOR_BYTES);
    buf_put_u8(b, s->detector != NULL);
    if (!s->detector) return;
    buf_put_u64(b, s->print);
    buf_put_i64(b, s->skip_to);
    buf_put_i64(b, s->minute);
    put_u32s(b, s->seen, 1 + WATCH_SUBS);
    put_u32s(b, s->traffic, 1 + WATCH_SUBS);
    put_u32s(b, s->minutes, STATUS_MINUTES);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        buf_put_f64(b, (double)s->expected[i]);
    if (health_save(s->detector, &state).code != ERR_OK) b->failed = ERR_NOMEM;
    buf_put_u32(b, (uint32_t)state.n);
    buf_put(b, state.p, state.n);
}

static void put_optional(struct buf *b, const void *p, size_t n) {
    buf_put_u8(b, p != NULL);
    if (p) buf_put(b, p, n);
}

/* Charts, gates and people are of this machine's own layout: the version tells. */
static void put_guard(struct buf *b, const struct guard *g) {
    buf_put_u32(b, g->number);
    buf_put_i64(b, g->fused_us);
    buf_put_u8(b, g->fused_open);
    buf_put_i64(b, g->alarmed_us);
    buf_put_i64(b, g->held_from_us);
    put_u32s(b, &g->fusion.at[0][0], sizeof g->fusion.at / sizeof(uint32_t));
    put_optional(b, g->chart, sizeof *g->chart);
    put_optional(b, g->gate, sizeof *g->gate);
    put_optional(b, g->active, sizeof *g->active);
    put_optional(b, g->troubled, sizeof *g->troubled);
    for (size_t k = 0; k < 3; k++)
        put_signal(b, &g->signals[k]);
}

static void put_all(struct buf *b, const struct watch *w) {
    buf_put(b, magic, sizeof magic);
    buf_put_u32(b, VERSION);
    buf_put_u64(b, w->position);
    buf_put_i64(b, w->tick);
    buf_put_u8(b, w->n_regions);
    for (size_t i = 1; i <= w->n_regions; i++)
        buf_put_u16(b, w->region[i]);
    put_u32s(b, w->country_seen, WATCH_COUNTRIES);
    reports_save(w->reports, w->tick * HEALTH_TICK_US, b);
    buf_put_u32(b, (uint32_t)w->n);
    for (size_t i = 0; i < w->n; i++) {
        if (w->guards[i]->gate)
            gate_forget(w->guards[i]->gate, w->tick * HEALTH_TICK_US - GATE_KEPT_US);
        put_guard(b, w->guards[i]);
    }
    buf_put_u64(b, checksum64(b->p, b->n));
}

struct err watch_save(struct status *s, size_t *out_bytes) {
    char path[4200];
    AUTO(buf_done) struct buf b;
    buf_init(&b, STATE_BYTES);
    pthread_mutex_lock(&s->lock);
    bool nothing = s->watch->n == 0, waits = s->watch->n_news != 0;
    if (!nothing && !waits) put_all(&b, s->watch);
    pthread_mutex_unlock(&s->lock);
    if (nothing) return ERR_NONE;
    if (waits) return ERR(ERR_BUSY, "news are not written yet");
    TRY(buf_err(&b));
    *out_bytes = b.n;
    file_of(s, path);
    return io_replace_file(path, buf_str(&b), 0600);
}

/* ---- in ---- */

static void get_u32s(struct cursor *c, uint32_t *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        v[i] = cursor_u32(c);
}

static void get_signal(struct cursor *c, struct signal *s) {
    struct signal t = {.kind = s->kind};
    uint32_t seen[1 + WATCH_SUBS], traffic[1 + WATCH_SUBS];
    if (!cursor_u8(c)) return;
    t.print = cursor_u64(c);
    t.skip_to = cursor_i64(c);
    t.minute = cursor_i64(c);
    get_u32s(c, seen, 1 + WATCH_SUBS);
    get_u32s(c, traffic, 1 + WATCH_SUBS);
    get_u32s(c, t.minutes, STATUS_MINUTES);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        t.expected[i] = (float)cursor_f64(c);
    size_t n = cursor_u32(c);
    const uint8_t *state = cursor_bytes(c, n);
    struct health_detector *d = NULL;
    if (!state || !s->detector || t.print != s->print) return;
    struct health_setup want = health_setup_of(s->detector), have;
    if (health_restore((struct str){(const char *)state, n}, &d).code != ERR_OK) return;
    have = health_setup_of(d);
    if (have.kind != want.kind || have.subs_n != want.subs_n || have.harsh != want.harsh) {
        health_detector_free(d);
        return;
    }
    health_detector_free(s->detector);
    memcpy(s->seen, seen, sizeof seen);
    memcpy(s->traffic, traffic, sizeof traffic);
    t.detector = d;
    t.seen = s->seen;
    t.traffic = s->traffic;
    *s = t;
}

static bool get_optional(struct cursor *c, void **p, size_t n) {
    if (!cursor_u8(c)) return true;
    const uint8_t *bytes = cursor_bytes(c, n);
    if (!bytes) return false;
    if (!*p) *p = malloc(n);
    if (*p) memcpy(*p, bytes, n);
    return *p != NULL;
}

static bool get_parts(struct cursor *c, struct guard *g) {
    void *chart = g->chart, *gate = g->gate, *active = g->active, *troubled = g->troubled;
    bool ok = get_optional(c, &chart, sizeof *g->chart) &&
              get_optional(c, &gate, sizeof *g->gate) &&
              get_optional(c, &active, sizeof *g->active) &&
              get_optional(c, &troubled, sizeof *g->troubled);
    g->chart = chart;
    g->gate = gate;
    g->active = active;
    g->troubled = troubled;
    return ok;
}

/* The bytes of a component that is gone are read into a guard that is thrown away. */
static bool get_guard(struct cursor *c, struct watch *w) {
    struct guard *g = watch_guard(w, cursor_u32(c));
    struct guard *lost = g ? NULL : calloc(1, sizeof *lost);
    if (!g) g = lost;
    if (!g) return false;
    g->fused_us = cursor_i64(c);
    g->fused_open = cursor_u8(c) != 0;
    g->alarmed_us = cursor_i64(c);
    g->held_from_us = cursor_i64(c);
    get_u32s(c, &g->fusion.at[0][0], sizeof g->fusion.at / sizeof(uint32_t));
    bool ok = get_parts(c, g);
    for (size_t k = 0; k < 3 && ok; k++)
        get_signal(c, &g->signals[k]);
    guard_free(lost);
    return ok && !c->bad;
}

static bool get_regions(struct cursor *c, struct watch *w) {
    uint8_t n = cursor_u8(c);
    if (n > WATCH_REGIONS) return false;
    for (uint8_t i = 1; i <= n; i++) {
        uint16_t country = cursor_u16(c);
        if (country >= WATCH_COUNTRIES) return false;
        w->region[i] = country;
        w->region_of[country] = i;
    }
    w->n_regions = n;
    get_u32s(c, w->country_seen, WATCH_COUNTRIES);
    return !c->bad;
}

static bool get_all(struct cursor *c, struct watch *w) {
    const uint8_t *m = cursor_bytes(c, sizeof magic);
    if (!m || memcmp(m, magic, sizeof magic) != 0 || cursor_u32(c) != VERSION) return false;
    uint64_t position = cursor_u64(c);
    int64_t tick = cursor_i64(c);
    if (!get_regions(c, w) || !reports_restore(w->reports, c)) return false;
    uint32_t n = cursor_u32(c);
    for (uint32_t i = 0; i < n; i++)
        if (!get_guard(c, w)) return false;
    w->position = position;
    w->tick = tick;
    return c->n == 0 && !c->bad;
}

static bool checks(struct str bytes) {
    if (bytes.n < 8) return false;
    struct cursor end = {(const uint8_t *)bytes.p + bytes.n - 8, 8, false};
    return cursor_u64(&end) == checksum64(bytes.p, bytes.n - 8);
}

struct err watch_restore(struct status *s) {
    char path[4200];
    AUTO(buf_done) struct buf b;
    buf_init(&b, STATE_BYTES);
    file_of(s, path);
    struct err e = io_read_file(path, STATE_BYTES, &b);
    if (e.code == ERR_NOTFOUND) return ERR_NONE;
    TRY(e);
    struct cursor c = {(const uint8_t *)b.p, b.n > 8 ? b.n - 8 : 0, false};
    if (!checks(buf_str(&b)) || !get_all(&c, s->watch))
        log_error("status.state does not check: the detectors begin anew");
    return ERR_NONE;
}
