/* probe.c: probes: their list in the table, their results in memory and, by the loop, in tables:
 * the last beats as they are, sums by hour for eight days, by day for a year.
 *
 * A confirmed down is news of its component at once and closes with the next confirmed up. An
 * unconfirmed one is a pre-alarm that speaks for any place.
 */
#include <math.h>
#include <stdlib.h>

#include "status/watch.h"

#define KEEP_EACH_US (60 * US_PER_S)
#define HOUR_US (3600 * US_PER_S)
#define HOURS_KEPT 200
#define DAYS_KEPT 400
#define FUSION_FROM 3 /* sources of fusion that are not detectors */

struct line { /* one probe's */
    uint32_t number, component;
    size_t n;                                   /* beats ever */
    struct status_beat beats[STATUS_BEATS_MAX]; /* ring */
    int32_t cert_days;
    bool down; /* confirmed */
    bool dirty;
    uint32_t up, all, ms_n; /* not yet in the tables */
    int64_t ms_sum;
    int64_t seen_up, seen_all; /* of the last hour's figure */
    double uptime[4];          /* 24 h, 7 d, 30 d, 1 y */
    double avg_ms;
};
struct prober {
    struct line *lines; /* [n], by number */
    size_t n;
    int64_t kept_us, asked_us;
};

void status_prober_free(struct prober *p) {
    if (!p) return;
    free(p->lines);
    free(p);
}

static struct line *line_of(const struct prober *p, uint32_t number) {
    size_t lo = 0, hi = p ? p->n : 0;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (p->lines[mid].number == number) return &p->lines[mid];
        if (p->lines[mid].number < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* ---- results ---- */

/* Down, or failed and being confirmed: the first of the row is when it began. */
static bool is_failing(const struct status_beat *b) {
    return b->up == 0 || b->up == 2;
}

static void tell_down(struct watch *w, const struct line *l, int64_t at_us, bool fused) {
    struct status_evidence e = {.source = STATUS_FROM_PROBE,
                                .component = l->component,
                                .probe = l->number,
                                .type = -1,
                                .onset_us = at_us,
                                .detected_us = at_us,
                                .fused = fused};
    size_t k = l->n;
    while (k > 0 && l->n - k < STATUS_BEATS_MAX &&
           is_failing(&l->beats[(k - 1) % STATUS_BEATS_MAX]))
        e.onset_us = l->beats[--k % STATUS_BEATS_MAX].at_us;
    watch_tell(w, &e, false);
}

static void tell_up(struct watch *w, const struct line *l, int64_t at_us) {
    struct status_evidence e = {.source = STATUS_FROM_PROBE,
                                .component = l->component,
                                .probe = l->number,
                                .type = -1,
                                .closed_us = at_us};
    watch_tell(w, &e, true);
}

static void judge(struct watch *w, struct line *l, const struct status_result *r) {
    struct guard *g = l->component ? watch_guard(w, l->component) : NULL;
    int64_t at = r->beat.at_us;
    if (!g || r->beat.up > 1) return;
    if (r->beat.up) {
        if (l->down && r->hard) tell_up(w, l, at);
        if (r->hard) l->down = false;
        return;
    }
    uint8_t source = (uint8_t)(FUSION_FROM + l->number % (HEALTH_SOURCES_MAX - FUSION_FROM));
    bool agreed = health_fusion_note(&g->fusion, source, HEALTH_ANY_PLACE, at);
    if (!r->hard && !(agreed && !g->fused_open)) return;
    g->alarmed_us = at;
    if (!r->hard) {
        g->fused_open = true;
        g->fused_us = at;
        tell_down(w, l, at, true);
    } else if (!l->down) {
        l->down = true;
        tell_down(w, l, at, false);
    }
}

void status_probe_take(struct status *s, const struct status_result *r) {
    struct line *l = line_of(s->watch->prober, r->probe);
    if (!l) return;
    l->beats[l->n++ % STATUS_BEATS_MAX] = r->beat;
    l->dirty = true;
    if (r->cert_days >= 0) l->cert_days = r->cert_days;
    if (r->beat.up <= 1) {
        l->all++;
        l->up += r->beat.up;
    }
    if (r->beat.ms >= 0) {
        l->ms_sum += r->beat.ms;
        l->ms_n++;
    }
    judge(s->watch, l, r);
}

void status_result(struct status *s, const struct status_result *r) {
    pthread_mutex_lock(&s->lock);
    if (s->watch) status_probe_take(s, r);
    if (s->watch && s->watch->n_news) pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- to the tables ---- */

static struct err keep_sums(struct status *s, const struct line *l, int64_t now) {
    struct meta *m = s->config.meta;
    TRY(meta_exec(m,
                  "INSERT INTO status_hour VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET up = "
                  "up + excluded.up, n = n + excluded.n, ms_sum = ms_sum + excluded.ms_sum, ms_n = "
                  "ms_n + excluded.ms_n",
                  "iiiiii", (int64_t)l->number, now / HOUR_US, (int64_t)l->up, (int64_t)l->all,
                  l->ms_sum, (int64_t)l->ms_n));
    return meta_exec(
        m,
        "INSERT INTO status_day VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET up = up + "
        "excluded.up, n = n + excluded.n",
        "iiii", (int64_t)l->number, now / US_PER_DAY, (int64_t)l->up, (int64_t)l->all);
}

static void put_recent(const struct line *l, struct buf *b) {
    size_t n = l->n < STATUS_BEATS_MAX ? l->n : STATUS_BEATS_MAX;
    for (size_t i = 0; i < n; i++) {
        const struct status_beat *t = &l->beats[(l->n - n + i) % STATUS_BEATS_MAX];
        buf_put_i64(b, t->at_us);
        buf_put_u8(b, t->up);
        buf_put_u32(b, (uint32_t)t->ms);
    }
}

static struct err keep_line(struct status *s, const struct line *l, int64_t now) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    put_recent(l, &b);
    TRY(meta_exec(s->config.meta, "INSERT OR REPLACE INTO status_beats VALUES(?, ?, ?, ?)", "iiib",
                  (int64_t)l->number, (int64_t)!l->down, (int64_t)l->cert_days, buf_str(&b)));
    return l->all || l->ms_n ? keep_sums(s, l, now) : ERR_NONE;
}

/* Dirty lines are copied out under the lock and their sums taken; they come back if the write
 * fails. */
static size_t take_dirty(struct status *s, struct line *out) {
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    struct prober *p = s->watch->prober;
    for (size_t i = 0; i < p->n; i++) {
        struct line *l = &p->lines[i];
        if (!l->dirty) continue;
        out[n++] = *l;
        l->dirty = false;
        l->up = l->all = l->ms_n = 0;
        l->ms_sum = 0;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void give_back(struct status *s, const struct line *lines, size_t n) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        struct line *l = line_of(s->watch->prober, lines[i].number);
        if (!l) continue;
        l->dirty = true;
        l->up += lines[i].up;
        l->all += lines[i].all;
        l->ms_n += lines[i].ms_n;
        l->ms_sum += lines[i].ms_sum;
    }
    pthread_mutex_unlock(&s->lock);
}

static struct err write_lines(struct status *s, const struct line *lines, size_t n, int64_t now) {
    struct meta *m = s->config.meta;
    TRY(meta_begin(m));
    struct err e = ERR_NONE;
    for (size_t i = 0; i < n && e.code == ERR_OK; i++)
        e = keep_line(s, &lines[i], now);
    if (e.code == ERR_OK)
        e = meta_exec(m, "DELETE FROM status_hour WHERE hour < ?", "i", now / HOUR_US - HOURS_KEPT);
    if (e.code == ERR_OK)
        e = meta_exec(m, "DELETE FROM status_day WHERE day < ?", "i", now / US_PER_DAY - DAYS_KEPT);
    if (e.code == ERR_OK) return meta_commit(m);
    meta_rollback(m);
    return e;
}

struct sum {
    const char *sql;
    int64_t from;
    int which; /* of line.uptime */
};

static struct err read_sum(struct status *s, const struct sum *sum) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row, sum->sql, "i", sum->from));
    while (meta_next(row, &e)) {
        double up = meta_f64(row, 1), n = meta_f64(row, 2), ms = meta_f64(row, 3),
               ms_n = meta_f64(row, 4);
        pthread_mutex_lock(&s->lock);
        struct line *l = line_of(s->watch->prober, (uint32_t)meta_i64(row, 0));
        if (l && n > 0) l->uptime[sum->which] = up / n;
        if (l && sum->which == 0 && ms_n > 0) l->avg_ms = ms / ms_n;
        pthread_mutex_unlock(&s->lock);
    }
    return e;
}

static struct err read_sums(struct status *s, int64_t now) {
    static const char hours[] = "SELECT probe, sum(up), sum(n), sum(ms_sum), sum(ms_n) FROM "
                                "status_hour WHERE hour > ? GROUP BY probe";
    static const char days[] =
        "SELECT probe, sum(up), sum(n), 0, 0 FROM status_day WHERE day > ? GROUP BY probe";
    const struct sum sums[] = {{hours, now / HOUR_US - 24, 0},
                               {hours, now / HOUR_US - 168, 1},
                               {days, now / US_PER_DAY - 30, 2},
                               {days, now / US_PER_DAY - 365, 3}};
    TRY(meta_begin(s->config.meta));
    struct err e = ERR_NONE;
    for (size_t i = 0; i < 4 && e.code == ERR_OK; i++)
        e = read_sum(s, &sums[i]);
    meta_rollback(s->config.meta);
    return e;
}

struct err status_probes_flush(struct status *s) {
    int64_t now = status_now_us(s);
    struct prober *p = s->watch->prober;
    if (p->n == 0 || (now - p->kept_us < KEEP_EACH_US && now >= p->kept_us)) return ERR_NONE;
    struct line *lines = calloc(p->n, sizeof *lines);
    if (!lines) return ERR(ERR_NOMEM, "probes");
    size_t n = take_dirty(s, lines);
    struct err e = n ? write_lines(s, lines, n, now) : ERR_NONE;
    if (e.code != ERR_OK) give_back(s, lines, n);
    free(lines);
    TRY(e);
    p->kept_us = now;
    return read_sums(s, now);
}

/* ---- from the tables ---- */

static void get_recent(struct str bytes, struct line *l) {
    struct cursor c = {(const uint8_t *)bytes.p, bytes.n, false};
    while (c.n >= 13 && l->n < STATUS_BEATS_MAX) {
        struct status_beat *b = &l->beats[l->n++];
        b->at_us = cursor_i64(&c);
        b->up = cursor_u8(&c);
        b->ms = (int32_t)cursor_u32(&c);
    }
}

static struct err read_lines(struct status *s, struct prober *p) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT p.number, p.component, b.up, b.cert_days, b.recent FROM status_probe p "
                   "LEFT JOIN status_beats b ON b.probe = p.number WHERE NOT p.is_off ORDER BY "
                   "p.number",
                   ""));
    while (p->n < STATUS_PROBES_MAX && meta_next(row, &e)) {
        struct line *l = &p->lines[p->n++];
        *l = (struct line){.number = (uint32_t)meta_i64(row, 0),
                           .component = (uint32_t)meta_i64(row, 1),
                           .cert_days = meta_is_null(row, 3) ? -1 : (int32_t)meta_i64(row, 3),
                           .down = !meta_is_null(row, 2) && meta_i64(row, 2) == 0,
                           .uptime = {NAN, NAN, NAN, NAN},
                           .avg_ms = NAN};
        if (!meta_is_null(row, 4)) get_recent(meta_str(row, 4), l);
    }
    return e;
}

/* What is in memory is newer than the tables. */
static void keep_memory(const struct prober *old, struct prober *p) {
    for (size_t i = 0; i < p->n; i++) {
        const struct line *l = line_of(old, p->lines[i].number);
        uint32_t component = p->lines[i].component;
        if (!l) continue;
        p->lines[i] = *l;
        p->lines[i].component = component;
    }
}

struct err status_probes_load(struct status *s) {
    struct prober *p = calloc(1, sizeof *p);
    if (p) p->lines = calloc(STATUS_PROBES_MAX, sizeof *p->lines);
    struct err e = p && p->lines ? meta_begin(s->config.meta) : ERR(ERR_NOMEM, "probes");
    if (e.code == ERR_OK) {
        e = read_lines(s, p);
        meta_rollback(s->config.meta);
    }
    if (e.code != ERR_OK) {
        status_prober_free(p);
        return e;
    }
    pthread_mutex_lock(&s->lock);
    struct prober *old = s->watch->prober;
    keep_memory(old, p);
    s->watch->prober = p;
    pthread_mutex_unlock(&s->lock);
    status_prober_free(old);
    return ERR_NONE;
}

/* ---- the list ---- */

static struct err check_probe(const struct status_probe_setup *p) {
    if (!status_line_ok(p->name, 1, STATUS_NAME_BYTES))
        return ERR(ERR_INVALID, "name: 1 to 200 bytes on one line");
    if (!status_line_ok(p->group, 0, STATUS_NAME_BYTES))
        return ERR(ERR_INVALID, "group: 200 bytes on one line at most");
    if (!status_line_ok(p->kind, 1, 20)) return ERR(ERR_INVALID, "kind: there is no such kind");
    if (!status_line_ok(p->target, 0, 2000))
        return ERR(ERR_INVALID, "target: 2,000 bytes on one line at most");
    if (p->how.n > STATUS_BODY_BYTES) return ERR(ERR_INVALID, "how: 20,000 bytes at most");
    if (p->every_s < 5 || p->every_s > 86400)
        return ERR(ERR_INVALID, "every_s: from 5 to 86400 seconds");
    return ERR_NONE;
}

static struct err save_probe(struct status *s, struct status_probe_setup *p) {
    struct meta *m = s->config.meta;
    int64_t n = 0;
    struct str hash = {(const char *)p->token_hash, sizeof p->token_hash};
    if (!p->number) {
        TRY(status_number(s, &n, "SELECT count(*) FROM status_probe WHERE 1 = ?", 1));
        if (n >= STATUS_PROBES_MAX) return ERR(ERR_LIMIT, "5,000 probes at most");
        TRY(meta_exec(m,
                      "INSERT INTO status_probe(name, grp, kind, target, how, is_public, is_off, "
                      "component, every_s, token_hash) VALUES('', '', '', '', '', 0, 0, 0, 0, x'')",
                      ""));
        p->number = (uint32_t)meta_last_id(m);
    }
    TRY(meta_exec(m,
                  "UPDATE status_probe SET name = ?, grp = ?, kind = ?, target = ?, how = ?, "
                  "is_public = ?, is_off = ?, component = ?, every_s = ?, token_hash = ? WHERE "
                  "number = ?",
                  "sssssiiiibi", p->name, p->group, p->kind, p->target, p->how,
                  (int64_t)p->is_public, (int64_t)p->is_off, (int64_t)p->component,
                  (int64_t)p->every_s, hash, (int64_t)p->number));
    return meta_changes(m) ? ERR_NONE : ERR(ERR_NOTFOUND, "probe");
}

struct err status_probe_save(struct status *s, struct status_probe_setup *p) {
    TRY(check_probe(p));
    bool is_new = p->number == 0;
    TRY(meta_begin(s->config.meta));
    struct err e = status_finish(s, save_probe(s, p), &(struct status_touch){.setups = true});
    if (e.code != ERR_OK && is_new) p->number = 0;
    return e;
}

static struct err drop_probe(struct status *s, int64_t number) {
    struct meta *m = s->config.meta;
    TRY(meta_exec(m, "DELETE FROM status_beats WHERE probe = ?", "i", number));
    TRY(meta_exec(m, "DELETE FROM status_hour WHERE probe = ?", "i", number));
    TRY(meta_exec(m, "DELETE FROM status_day WHERE probe = ?", "i", number));
    TRY(meta_exec(m, "DELETE FROM status_probe WHERE number = ?", "i", number));
    return meta_changes(m) ? ERR_NONE : ERR(ERR_NOTFOUND, "probe");
}

struct err status_probe_drop(struct status *s, uint32_t number) {
    TRY(meta_begin(s->config.meta));
    return status_finish(s, drop_probe(s, number), &(struct status_touch){.setups = true});
}

static struct err list_probes(struct status *s, struct arena *a, struct status_probe_setup **out,
                              size_t *out_n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    int64_t most = 0;
    TRY(status_number(s, &most, "SELECT count(*) FROM status_probe WHERE 1 = ?", 1));
    struct status_probe_setup *all = arena_array(a, (size_t)most, sizeof *all);
    size_t n = 0;
    if (!all) return ERR(ERR_NOMEM, "probes");
    TRY(meta_query(s->config.meta, &row,
                   "SELECT number, name, grp, kind, target, how, is_public, is_off, component, "
                   "every_s, token_hash FROM status_probe ORDER BY number",
                   ""));
    while (n < (size_t)most && meta_next(row, &e)) {
        struct status_probe_setup *p = &all[n++];
        *p = (struct status_probe_setup){.number = (uint32_t)meta_i64(row, 0),
                                         .name = arena_str(a, meta_str(row, 1)),
                                         .group = arena_str(a, meta_str(row, 2)),
                                         .kind = arena_str(a, meta_str(row, 3)),
                                         .target = arena_str(a, meta_str(row, 4)),
                                         .how = arena_str(a, meta_str(row, 5)),
                                         .is_public = meta_i64(row, 6) != 0,
                                         .is_off = meta_i64(row, 7) != 0,
                                         .component = (uint32_t)meta_i64(row, 8),
                                         .every_s = (uint32_t)meta_i64(row, 9)};
        struct str hash = meta_str(row, 10);
        if (hash.n == sizeof p->token_hash) memcpy(p->token_hash, hash.p, hash.n);
        if (!p->how.p) return ERR(ERR_NOMEM, "probes");
    }
    *out = all;
    *out_n = n;
    return e;
}

struct err status_probes(struct status *s, struct arena *a, struct status_probe_setup **out,
                         size_t *out_n) {
    TRY(meta_begin(s->config.meta));
    struct err e = list_probes(s, a, out, out_n);
    meta_rollback(s->config.meta);
    return e;
}

/* ---- the snapshot ---- */

static double last_hour(const struct line *l, int64_t now) {
    double up = 0, n = 0;
    for (size_t i = 0; i < l->n && i < STATUS_BEATS_MAX; i++) {
        const struct status_beat *b = &l->beats[i];
        if (b->at_us < now - HOUR_US || b->up > 1) continue;
        n++;
        up += b->up;
    }
    return n > 0 ? up / n : NAN;
}

static void read_line(const struct line *l, int64_t now, struct status_probe *out) {
    size_t n = l->n < STATUS_BEATS_MAX ? l->n : STATUS_BEATS_MAX;
    for (size_t i = 0; i < n; i++)
        out->beats[i] = l->beats[(l->n - n + i) % STATUS_BEATS_MAX];
    out->n_beats = n;
    out->up = n ? out->beats[n - 1].up : 2;
    out->uptime_1h = last_hour(l, now);
    out->uptime_24h = l->uptime[0];
    out->uptime_7d = l->uptime[1];
    out->uptime_30d = l->uptime[2];
    out->uptime_1y = l->uptime[3];
    out->avg_ms_24h = l->avg_ms;
    out->cert_days = l->cert_days;
}

/* Gatus' key of an endpoint: group and name, in both of which what an address cannot hold is '-'.
 */
static struct str gatus_key(struct arena *a, const struct status_probe_setup *p) {
    struct str key = arena_printf(a, STR_FMT "_" STR_FMT, STR_ARG(p->group), STR_ARG(p->name));
    char *c = (char *)key.p;
    for (size_t i = 0; c && i < key.n; i++)
        if (i != p->group.n && strchr("/_,.#+& ", c[i])) c[i] = '-';
    return key;
}

static bool is_zero(const uint8_t hash[32]) {
    static const uint8_t zero[32];
    return memcmp(hash, zero, 32) == 0;
}

struct err status_load_probes(struct status *s, struct arena *a, struct status_model *out) {
    struct status_probe_setup *all = NULL;
    size_t n = 0;
    TRY(list_probes(s, a, &all, &n));
    out->probes = arena_array(a, n, sizeof *out->probes);
    struct status_push *pushes = arena_array(a, n, sizeof *pushes);
    if (!out->probes || !pushes) return ERR(ERR_NOMEM, "probes");
    for (size_t i = 0; i < n; i++) {
        if (all[i].is_off) continue;
        struct status_probe *p = &out->probes[out->n_probes++];
        *p = (struct status_probe){.number = all[i].number,
                                   .name = all[i].name,
                                   .group = all[i].group,
                                   .kind = all[i].kind,
                                   .target = all[i].is_public ? all[i].target : STR(""),
                                   .is_public = all[i].is_public,
                                   .component = all[i].component,
                                   .up = 2,
                                   .uptime_1h = NAN,
                                   .uptime_24h = NAN,
                                   .uptime_7d = NAN,
                                   .uptime_30d = NAN,
                                   .uptime_1y = NAN,
                                   .avg_ms_24h = NAN,
                                   .cert_days = -1};
        if (is_zero(all[i].token_hash)) continue;
        struct status_push *push = &pushes[out->n_pushes++];
        push->probe = all[i].number;
        memcpy(push->token_hash, all[i].token_hash, sizeof push->token_hash);
        push->gatus_key = gatus_key(a, &all[i]);
        if (!push->gatus_key.p) return ERR(ERR_NOMEM, "probes");
    }
    out->pushes = pushes;
    return ERR_NONE;
}

void status_probes_fill(struct status *s, struct status_model *m) {
    for (size_t i = 0; i < m->n_probes; i++) {
        const struct line *l = line_of(s->watch->prober, m->probes[i].number);
        if (l) read_line(l, m->now_us, &m->probes[i]);
    }
}
