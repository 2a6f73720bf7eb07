/* care.c: status, metrics, flush, check. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "routes/call.h"
#include "routes/version.h"

#define FLUSH_MS 600000

void care_healthz(struct call *c) {
    c->r->body = STR("ok");
    c->r->body_is_static = true;
}

static uint64_t disk_free(const struct routes *r) {
    struct statvfs v;
    if (statvfs(r->config.settings->data, &v)) return 0;
    return (uint64_t)v.f_bavail * v.f_frsize;
}

static void put_number(struct jout *j, const char *key, uint64_t n) {
    jout_keyz(j, key);
    jout_i64(j, (int64_t)n);
}

static void put_unknown_tokens(struct jout *j, struct channel_page *page) {
    jout_keyz(j, "unknown_tokens");
    jout_array(j);
    for (size_t i = 0; i < CHANNEL_UNKNOWN_TOKENS; i++) {
        uint64_t count = atomic_load(&page->unknown_tokens[i].count);
        if (!count) continue;
        struct str masked = {page->unknown_tokens[i].masked, 0};
        masked.n = strnlen(masked.p, sizeof page->unknown_tokens[i].masked);
        jout_object(j);
        jout_keyz(j, "token");
        jout_str(j, masked);
        put_number(j, "count", count);
        jout_object_end(j);
    }
    jout_array_end(j);
}

/* The figures that are a project's own; the key of one project sees no others. */
static void put_stored(struct jout *j, const struct store_stats *s) {
    put_number(j, "events", s->events);
    put_number(j, "parts", s->parts);
    put_number(j, "tail_rows", s->tail_rows);
    put_number(j, "part_bytes", s->part_bytes);
}

static void put_server(struct call *c, struct jout *j, const struct store_stats *s) {
    struct channel_page *page = c->routes->config.channel->page;
    put_number(j, "journal_bytes", s->journal_bytes);
    put_number(j, "lag_bytes", s->lag_bytes);
    put_number(j, "disk_free_bytes", disk_free(c->routes));
    jout_keyz(j, "disk_low");
    jout_bool(j, atomic_load(&page->disk_low));
    jout_keyz(j, "disk_full");
    jout_bool(j, atomic_load(&page->disk_full));
    put_number(j, "refused_414", atomic_load(&page->counters[COUNT_REFUSED_414]));
    if (c->actor.role == ROLE_ADMIN) put_unknown_tokens(j, page);
}

static void read_stats(struct call *c, struct store_stats *out) {
    struct store *s = c->routes->config.store;
    if (c->actor.project)
        store_project_stats(s, c->actor.project, out);
    else
        store_stats(s, out);
}

void care_status(struct call *c) {
    struct store_stats s;
    read_stats(c, &s);
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1u << 20);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    put_stored(&j, &s);
    if (!c->actor.project) put_server(c, &j, &s);
    jout_object_end(&j);
    answer_json(c, &out);
}

static void put_metric(struct buf *out, const char *name, const char *type, uint64_t value) {
    buf_printf(out, "# TYPE %s %s\n%s %" PRIu64 "\n", name, type, name, value);
}

static void put_server_metrics(struct call *c, struct buf *out, const struct store_stats *s) {
    struct channel_page *page = c->routes->config.channel->page;
    for (enum channel_counter n = 0; n < COUNTERS_N; n++)
        put_metric(out, channel_counter_name(n), "counter", atomic_load(&page->counters[n]));
    put_metric(out, "weir_journal_bytes", "gauge", s->journal_bytes);
    put_metric(out, "weir_journal_lag_bytes", "gauge", s->lag_bytes);
    put_metric(out, "weir_profile_operations_cut_total", "counter", s->profile_cut);
    put_metric(out, "weir_disk_free_bytes", "gauge", disk_free(c->routes));
    put_metric(out, "weir_disk_low", "gauge", (uint64_t)atomic_load(&page->disk_low));
    put_metric(out, "weir_disk_full", "gauge", (uint64_t)atomic_load(&page->disk_full));
    for (size_t i = 0; i < 2; i++)
        buf_printf(out, "weir_process_restarts_total{process=\"%s\"} %" PRIu64 "\n",
                   i ? "console" : "front", atomic_load(&page->restarts[i]));
}

void care_metrics(struct call *c) {
    struct store_stats s;
    read_stats(c, &s);
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1u << 20);
    buf_printf(&out, "# TYPE weir_info gauge\nweir_info{version=\"%s\"} 1\n", WEIR_VERSION);
    put_metric(&out, "weir_stored_events", "gauge", s.events);
    put_metric(&out, "weir_parts", "gauge", s.parts);
    put_metric(&out, "weir_tail_rows", "gauge", s.tail_rows);
    put_metric(&out, "weir_part_bytes", "gauge", s.part_bytes);
    put_metric(&out, "weir_words", "gauge", s.words);
    put_metric(&out, "weir_values_lost_total", "counter", s.values_lost);
    put_metric(&out, "weir_questions_running", "gauge", (uint64_t)atomic_load(&c->routes->running));
    if (!c->actor.project) put_server_metrics(c, &out, &s);
    answer_json(c, &out);
    c->r->content_type = "text/plain; version=0.0.4; charset=utf-8";
}

void care_flush(struct call *c) {
    struct routes *r = c->routes;
    int64_t position = 0;
    if (!call_body(c) || !call_number(c, "position", 0, &position)) return;
    uint64_t synced = atomic_load_explicit(&r->config.channel->page->synced, memory_order_acquire);
    uint64_t want = position > 0 && (uint64_t)position < synced ? (uint64_t)position : synced;
    struct err e = store_flush(r->config.store, want, FLUSH_MS);
    if (e.code != ERR_OK) {
        answer_failure(c, "flushing", e);
        return;
    }
    c->r->body = arena_printf(c->q->arena, "{\"position\":%" PRIu64 "}", want);
    c->r->content_type = "application/json";
}

static bool check_journal(struct routes *r, struct jout *j) {
    char folder[4200];
    uint64_t frames = 0, records = 0, damage = 0;
    settings_path(r->config.settings, "journal", folder);
    struct err e = journal_check(folder, &frames, &records, &damage);
    put_number(j, "journal_frames", frames);
    put_number(j, "journal_records", records);
    if (e.code != ERR_OK) put_number(j, "journal_damage_at", damage);
    return e.code == ERR_OK;
}

static bool check_meta(struct routes *r, struct jout *j) {
    struct err e = meta_check(r->config.meta);
    jout_keyz(j, "tables");
    jout_bool(j, e.code == ERR_OK);
    return e.code == ERR_OK;
}

void care_check(struct call *c) {
    struct routes *r = c->routes;
    AUTO(buf_done) struct buf body;
    AUTO(buf_done) struct buf out;
    buf_init(&body, 16u << 20);
    buf_init(&out, 16u << 20);
    struct jout j;
    jout_init(&j, &body);
    jout_object(&j);
    bool ok = check_journal(r, &j);
    ok &= check_meta(r, &j);
    ok &= store_check(r->config.settings->data, r->config.meta, &j).code == ERR_OK;
    jout_object_end(&j);
    buf_printf(&out, "{\"ok\":%s,", ok ? "true" : "false");
    buf_put_str(&out, str_from(buf_str(&body), 1));
    answer_json(c, &out);
}
