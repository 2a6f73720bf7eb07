/* run.c: a question from plan to answer: bind, find the parts that matter, let workers scan, merge,
 * emit. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "query/groups.h"
#include "query/turns.h"

#define MAX_THREADS 64
#define SLICES_PER_THREAD 16
#define PERSONS_PER_SLICE 512 /* at least */
#define DEFAULT_MEMORY_BYTES ((size_t)2 << 30)

/* ---- faults ---- */

static int status_of(int32_t code) {
    return code == ERR_DENIED ? 403 : code == ERR_NOTFOUND ? 404 : 400;
}

struct err run_fault(struct run *r, int32_t code, const char *field, const char *message) {
    struct query_fault *f = r->fault;
    snprintf(f->field, sizeof f->field, "%s", field);
    snprintf(f->message, sizeof f->message, "%s", message);
    f->status = status_of(code);
    f->code = code == ERR_DENIED ? "denied" : code == ERR_NOTFOUND ? "not_found" : "invalid";
    return ERR(code, "query: refused");
}

static void explain(struct query_fault *f, const char *code, int status, const char *message) {
    *f = (struct query_fault){.status = status, .code = code};
    snprintf(f->message, sizeof f->message, "%s", message);
}

static void explain_limit(struct query_fault *f, bool memory, long long limit) {
    *f = (struct query_fault){.status = memory ? 413 : 504,
                              .code = memory ? "too_large" : "timeout"};
    snprintf(f->message, sizeof f->message,
             memory ? "needs more than the %lld MB of memory that a question may have: choose a "
                      "shorter range or fewer values"
                    : "took longer than the %lld ms that a question may: choose a shorter range or "
                      "fewer filters",
             limit);
}

/* Failures that no field is to blame for. */
static void explain_failure(struct query_fault *f, struct err e, const struct query_limits *l,
                            int64_t began_us) {
    if (f->message[0]) return;
    if (e.code == ERR_NOMEM || e.code == ERR_LIMIT)
        explain_limit(f, true, (long long)(l->memory_bytes >> 20));
    else if (e.code == ERR_TIMEOUT)
        explain_limit(f, false, (long long)(l->deadline_us - began_us) / 1000);
    else if (e.code == ERR_CANCELLED)
        explain(f, "cancelled", 499, "was cancelled");
    else
        explain(f, "internal", 500, "failed; the log says why");
}

struct err run_check(const struct query_limits *l) {
    if (l->turn) turn_pass(l->turn);
    if (l->turn ? turn_cancelled(l->turn) : l->cancel && *l->cancel)
        return ERR(ERR_CANCELLED, "query: cancelled");
    if (l->deadline_us && time_monotonic_us() > l->deadline_us)
        return ERR(ERR_TIMEOUT, "query: took too long");
    return ERR_NONE;
}

uint32_t run_add_selector(struct run *r, const struct plan_selector *s) {
    r->selectors[r->n_selectors] = s;
    return (uint32_t)r->n_selectors++;
}

/* ---- workers ---- */

struct crew {
    const struct run *run;
    atomic_uint next;
    atomic_bool stop;
    uint32_t n_slices;
    bool plays; /* tapes instead of slices */
};
struct member {
    struct crew *crew;
    struct worker *worker;
    struct err error;
    pthread_t thread;
    bool started;
};

static void *work(void *arg) {
    struct member *m = arg;
    while (!atomic_load(&m->crew->stop) && m->error.code == ERR_OK) {
        unsigned slice = atomic_fetch_add(&m->crew->next, 1);
        if (slice >= m->crew->n_slices) break;
        m->error = m->crew->plays ? tape_play(m->worker, &m->crew->run->tapes[slice])
                                  : scan_slice(m->worker, slice, m->crew->n_slices);
        if (m->error.code != ERR_OK) atomic_store(&m->crew->stop, true);
    }
    return NULL;
}

static struct err hire(struct crew *c, struct member *members, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        members[i] = (struct member){.crew = c};
        TRY(worker_new(c->run, &members[i].worker));
        if (c->run->ranking) members[i].worker->tape = &c->run->tapes[i];
    }
    return ERR_NONE;
}

static void *work_in_turn(void *arg) {
    struct query_turn *turn = ((struct member *)arg)->crew->run->limits->turn;
    turn_take(turn);
    work(arg);
    turn_give(turn);
    return NULL;
}

/* The asking thread works too, and gives its turn away while it waits for the others. A thread that
 * can't be started is done without. */
static void work_all(struct member *members, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        members[i].started =
            pthread_create(&members[i].thread, NULL, work_in_turn, &members[i]) == 0;
    struct query_turn *turn = members[0].crew->run->limits->turn;
    work(&members[0]);
    turn_give(turn);
    for (uint32_t i = 1; i < n; i++) {
        if (members[i].started) pthread_join(members[i].thread, NULL);
    }
    turn_take(turn);
}

static struct err gather(const struct run *r, struct member *members, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        TRY(members[i].error);
        if (!members[i].worker->tape) continue;
        members[i].worker->tape->scanned = members[i].worker->scanned;
        members[i].worker->tape->unknown = members[i].worker->unknown;
    }
    struct worker *into = members[0].worker;
    for (uint32_t i = 1; i < n; i++) {
        TRY(run_check(r->limits));
        TRY(r->report->merge(into, members[i].worker));
        into->scanned += members[i].worker->scanned;
        into->unknown += members[i].worker->unknown;
        worker_free(members[i].worker);
        members[i].worker = NULL;
    }
    return into->error;
}

static uint64_t slice_count(const struct run *r) {
    unsigned persons =
        r->limits->persons_per_slice ? r->limits->persons_per_slice : PERSONS_PER_SLICE;
    return (r->total_persons + r->n_devices) / persons + 1;
}

static uint32_t thread_count(const struct run *r) {
    uint64_t useful = slice_count(r);
    uint64_t n = r->limits->threads ? r->limits->threads : 1;
    n = n < MAX_THREADS ? n : MAX_THREADS;
    return (uint32_t)(n < useful ? n : useful);
}

struct err run_workers(struct run *r, struct worker **out) {
    struct member members[MAX_THREADS] = {{0}};
    uint32_t n = thread_count(r);
    uint64_t slices = slice_count(r);
    struct crew c = {.run = r, .n_slices = n == 1 ? 1 : n * SLICES_PER_THREAD};
    if (slices < c.n_slices) c.n_slices = (uint32_t)slices;
    if (r->ranking) TRY(tapes_new(r, n));
    c.plays = !r->ranking && tapes_whole(r);
    if (c.plays) c.n_slices = r->n_tapes;
    struct err e = hire(&c, members, n);
    if (e.code == ERR_OK) {
        work_all(members, n);
        e = gather(r, members, n);
    }
    for (uint32_t i = e.code == ERR_OK ? 1 : 0; i < n; i++)
        worker_free(members[i].worker);
    if (e.code == ERR_OK) *out = members[0].worker;
    return e;
}

/* ---- passes ---- */

static struct err order_rows(struct worker *w) {
    const struct run *r = w->run;
    uint32_t n = groups_n(w);
    double *rank = arena_array(w->arena, n, sizeof *rank);
    w->order = arena_array(w->arena, n, sizeof *w->order);
    if (!rank || !w->order) return ERR(ERR_NOMEM, "query: rows");
    if (r->q->n_breakdown && !r->seeds) {
        for (uint32_t i = 0; i < n; i++)
            rank[i] = r->report->rank(w, i);
        return groups_rank(w, rank, w->order, &w->n_order);
    }
    for (uint32_t i = 0; i < n; i++)
        w->order[i] = i;
    w->n_order = n;
    return ERR_NONE;
}

static struct err one_pass(struct run *r, struct worker **out) {
    TRY(run_workers(r, out));
    struct err e = r->report->rank ? order_rows(*out) : ERR_NONE;
    if (e.code == ERR_OK) return ERR_NONE;
    worker_free(*out);
    *out = NULL;
    return e;
}

static bool trails(const struct query *q) {
    for (size_t i = 0; i < q->n_metrics; i++) {
        enum plan_measure m = q->metrics[i].measure;
        if (m == MEASURE_DAU || m == MEASURE_WAU || m == MEASURE_MAU) return true;
    }
    return false;
}

static struct err all_passes(struct run *r, struct seeds *seeds, struct worker **out) {
    r->ranking = r->report->rank && groups_many(r);
    TRY(one_pass(r, out));
    if (!r->report->rank || !r->q->n_breakdown) return ERR_NONE;
    if (!r->ranking && (*out)->n_order <= r->q->limit) return ERR_NONE;
    /* Events before the range make no row; where they count (trailing people), only the rows that
     * exist may take them. */
    seeds->closed = trails(r->q);
    struct err e = groups_seed(*out, (*out)->order, (*out)->n_order, r, seeds);
    worker_free(*out);
    *out = NULL;
    TRY(e);
    r->ranking = false;
    r->seeds = seeds;
    if (!tapes_whole(r)) tapes_free(r);
    return one_pass(r, out);
}

/* ---- one question ---- */

static const struct report *report_of(enum plan_report kind) {
    switch (kind) {
    case REPORT_INSIGHTS:
        return &query_insights;
    case REPORT_FUNNEL:
        return &query_funnel;
    case REPORT_RETENTION:
        return &query_retention;
    case REPORT_FLOWS:
        return &query_flows;
    case REPORT_EVENTS:
        return &query_events;
    case REPORT_USERS:
    case REPORT_GROUPS:
        break;
    }
    return NULL;
}

static struct err scan_report(struct run *r, struct jout *j, uint64_t *out_scanned,
                              uint64_t *out_unknown) {
    struct seeds seeds = {0};
    struct worker *w = NULL;
    TRY(range_span(r->q, r->w, &r->range, r->fault));
    r->lo_us = r->range.from_us;
    r->hi_us = r->range.to_us;
    TRY(r->report->plan(r));
    if (r->w->oldest_us && r->lo_us < r->w->oldest_us) r->lo_us = r->w->oldest_us;
    TRY(bind_all(r));
    r->breakdown_dim = r->n_dims;
    for (size_t i = 0; i < r->q->n_breakdown; i++) {
        uint32_t dim;
        TRY(run_add_dim(r, &r->q->breakdown[i], false, &dim));
    }
    TRY(active_parts(r));
    r->marks = r->marks_n && marks_fit(r);
    r->rowwise = r->report->rowwise && r->report->rowwise(r);
    r->timeless = r->rowwise && r->range.n == 1;
    for (uint32_t i = 0; i < r->n_refs; i++)
        r->timeless &= r->refs[i].plan->kind != REF_TIME;
    if (r->rowwise) scan_clash(r, &r->clash_lo_us, &r->clash_hi_us);
    TRY(all_passes(r, &seeds, &w));
    jout_keyz(j, "report");
    jout_strz(j, r->report->name);
    struct err e = r->report->emit(w, j);
    if (e.code == ERR_OK) e = w->error;
    *out_scanned = w->scanned;
    *out_unknown = w->unknown;
    worker_free(w);
    return e;
}

static struct err answer(struct run *r, struct buf *out) {
    int64_t began = time_monotonic_us();
    uint64_t scanned = 0, unknown = 0;
    struct jout j;
    jout_init(&j, out);
    jout_object(&j);
    TRY(run_check(r->limits));
    if (r->report)
        TRY(scan_report(r, &j, &scanned, &unknown));
    else
        TRY(profiles_report(r, &j, &unknown));
    jout_keyz(&j, "scanned_events");
    jout_i64(&j, (int64_t)scanned);
    if (unknown) {
        jout_keyz(&j, "sealed_unknown");
        jout_i64(&j, (int64_t)unknown);
    }
    jout_keyz(&j, "elapsed_ms");
    jout_f64(&j, (double)((time_monotonic_us() - began) / 10) / 100);
    jout_object_end(&j);
    return buf_err(out);
}

/* The half that the threads have not; users and groups have no threads. */
static struct arena *shared_arena(const struct query *q, const struct query_limits *l) {
    return arena_new(report_of(q->report) ? l->memory_bytes / 2 : l->memory_bytes);
}

static struct err run_one(struct run *run, struct buf *out) {
    struct texts texts = {.arena = run->arena};
    table_init(&texts.opened, run->arena, sizeof(struct id128));
    run->texts = &texts;
    turn_take(run->limits->turn);
    struct err e = answer(run, out);
    turn_give(run->limits->turn);
    return e;
}

struct err query_run(const struct query *q, const struct query_world *w,
                     const struct query_rights *r, const struct query_limits *l, struct buf *out,
                     struct query_outcome *outcome) {
    int64_t began_us = time_monotonic_us();
    struct query_limits limits = *l;
    struct query_turn turn;
    struct run *run = calloc(1, sizeof *run);
    *outcome = (struct query_outcome){0};
    if (!limits.memory_bytes) limits.memory_bytes = DEFAULT_MEMORY_BYTES;
    if (!limits.threads) limits.threads = 1;
    turn_init(&turn, &limits);
    limits.turn = &turn;
    struct arena *a = shared_arena(q, &limits);
    struct err e = ERR(ERR_NOMEM, "query: run");
    size_t before = out->n;
    int32_t failed = out->failed;
    if (run && a) {
        *run = (struct run){.q = q,
                            .w = w,
                            .rights = r,
                            .limits = &limits,
                            .report = report_of(q->report),
                            .fault = &outcome->fault,
                            .arena = a};
        e = run_one(run, out);
        outcome->used_literal = run->used_literal;
    }
    if (e.code != ERR_OK) {
        explain_failure(&outcome->fault, e, &limits, began_us);
        out->n = before;
        out->failed = failed;
    }
    if (run) tapes_free(run);
    arena_free(a);
    free(run);
    return e;
}
