/* export.c: every event of a range as NDJSON, as Mixpanel's /export writes it: one worker, one
 * slice, all persons in order, each one's events in order of time, duplicates folded as in every
 * report. `$identify` and its like are exported: they were sent. */
#include "query/row.h"

#include <stdlib.h>

#define FLUSH_BYTES (256u << 10)
#define MAX_LINES_BYTES (64u << 20)
#define ROW_WINDOW 128

struct exporter {
    const struct query_export *x;
    struct buf lines;
    struct row_reader **readers; /* [n_parts] */
    struct str **names;          /* [n_parts] -> [n_events + 1]: event names as JSON */
};

static struct err plan(struct run *r) {
    static const struct plan_selector every = {.any = true, .field = "event"};
    run_add_selector(r, &every);
    return ERR_NONE;
}

static struct err init(struct worker *w) {
    struct exporter *e = w->run->export;
    e->readers = arena_array(w->arena, w->run->n_parts, sizeof *e->readers);
    e->names = arena_array(w->arena, w->run->n_parts, sizeof *e->names);
    w->state = e;
    return e->readers && e->names ? ERR_NONE : ERR(ERR_NOMEM, "query: export");
}

static struct err flush(struct exporter *e, size_t at_least) {
    TRY(buf_err(&e->lines));
    if (e->lines.n < at_least) return ERR_NONE;
    if (!e->x->write(e->x->ctx, buf_str(&e->lines)))
        return ERR(ERR_CANCELLED, "export: the reader went away");
    buf_clear(&e->lines);
    return ERR_NONE;
}

static void write_time(struct jout *j, int64_t us) {
    jout_keyz(j, "time");
    if (us % US_PER_S == 0)
        jout_i64(j, us / US_PER_S);
    else
        jout_f64(j, (double)us / (double)US_PER_S);
}

static struct err write_name(struct worker *w, const struct hit *h, struct jout *j) {
    struct exporter *e = w->state;
    const struct active_part *a = &w->run->parts[h->part];
    struct str **names = &e->names[h->part];
    if (!*names) *names = arena_array(w->arena, (size_t)a->n_events + 1, sizeof **names);
    if (!*names) return ERR(ERR_NOMEM, "query: export");
    struct str *name = &(*names)[column_code(w, h, &w->parts[h->part].names)];
    if (name->p) {
        jout_raw(j, *name);
        return ERR_NONE;
    }
    size_t from = e->lines.n;
    value_write_text(w->run, j,
                     part_event_hash(a->part, column_code(w, h, &w->parts[h->part].names)),
                     TEXT_STRING);
    TRY(buf_err(&e->lines));
    *name = arena_str(w->arena, (struct str){e->lines.p + from, e->lines.n - from});
    return name->p ? ERR_NONE : ERR(ERR_NOMEM, "query: export");
}

static struct err write_line(struct worker *w, const struct hit *h) {
    struct exporter *e = w->state;
    const struct part *p = w->run->parts[h->part].part;
    struct row_reader **rr = &e->readers[h->part];
    if (!*rr) TRY(row_reader_new(w->run, p, ROW_WINDOW, w->arena, rr));
    struct jout j;
    jout_init(&j, &e->lines);
    jout_object(&j);
    jout_keyz(&j, "event");
    TRY(write_name(w, h, &j));
    jout_keyz(&j, "properties");
    jout_object(&j);
    write_time(&j, h->t);
    TRY(row_write(*rr, h->row, &j));
    jout_object_end(&j);
    jout_object_end(&j);
    buf_put_char(&e->lines, '\n');
    return flush(e, FLUSH_BYTES);
}

static struct err person(struct worker *w, const struct hit *hits, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        TRY(write_line(w, &hits[i]));
    return ERR_NONE;
}

static const struct report export_report = {
    .name = "export", .plan = plan, .init = init, .person = person};

static struct err run_export(struct run *r) {
    struct worker *w = NULL;
    TRY(plan(r));
    TRY(active_parts(r));
    TRY(worker_new(r, &w));
    struct err e = scan_slice(w, 0, 1);
    if (e.code == ERR_OK) e = flush(r->export, 1);
    worker_free(w);
    return e;
}

struct err query_export_run(const struct query_world *w, const struct query_export *x,
                            const struct query_limits *l) {
    struct query_limits limits = *l;
    struct query_fault fault = {0};
    struct query q = {.interval = INTERVAL_TOTAL};
    struct exporter e = {.x = x};
    if (!limits.memory_bytes) limits.memory_bytes = (size_t)2 << 30;
    limits.threads = 1;
    AUTO(arena_free) struct arena *a = arena_new(limits.memory_bytes);
    struct run *r = calloc(1, sizeof *r);
    if (!a || !r) {
        free(r);
        return ERR(ERR_NOMEM, "query: export");
    }
    buf_init(&e.lines, MAX_LINES_BYTES);
    *r =
        (struct run){.q = &q,
                     .w = w,
                     .rights = x->rights,
                     .limits = &limits,
                     .report = &export_report,
                     .fault = &fault,
                     .arena = a,
                     .lo_us = w->oldest_us && w->oldest_us > x->from_us ? w->oldest_us : x->from_us,
                     .hi_us = x->to_us,
                     .want_hidden = true,
                     .export = &e};
    r->range = (struct range){.zone = w->zone, .from_us = x->from_us, .to_us = x->to_us};
    struct texts texts = {.sealed = x->sealed, .ctx = x->ctx, .arena = a};
    table_init(&texts.seen, a, sizeof(struct id128));
    table_init(&texts.opened, a, sizeof(struct id128));
    r->texts = &texts;
    struct err err = run_export(r);
    buf_done(&e.lines);
    free(r);
    return err;
}
