/* ask.c: POST /api/v1/query: read, check the project, run, log what was revealed, answer.
 *
 * Many questions run at once and share the CPUs by turns (query/turns.c). Their memory is bounded
 * by two kinds of places: each begins in one of many small ones; one that needs more gives it back,
 * waits for one of the few large ones and begins again. So what many small questions need is always
 * there, and the whole is at most SMALL_PLACES small and LARGE_PLACES large ones (routes/README.md
 * has the sum). A question ends within some 50 ms of its client going away.
 */
#include <time.h>

#include "routes/call.h"

#define PLACE_SECONDS 30
#define TICK_US 20000

static void answer_fault(struct call *c, struct err e, const struct query_fault *f) {
    if (f->status && f->code)
        answer_error(c, f->status, f->code, f->message, f->field[0] ? f->field : NULL);
    else
        answer_failure(c, "a question", e);
}

/* A clear literal that may name sealed text is written down before the answer goes out. */
bool ask_log_literal(struct call *c, uint64_t project) {
    struct err e = trust_log(c->routes->config.trust, &c->actor, project, "literal", STR("query"));
    if (e.code == ERR_OK) return true;
    answer_failure(c, "logging a reveal", e);
    return false;
}

struct asking {
    struct call *call;
    const struct query *query;
    struct query_outcome outcome;
    struct buf out;
};

static bool gone(void *request) {
    return edge_gone(request);
}

/* *out_more: the place was too small. Failures are answered. */
static bool run(struct asking *a, bool large, bool *out_more) {
    struct call *c = a->call;
    struct query_rights rights;
    AUTO(store_world_free) struct store_world *w = call_world(c, query_project(a->query), &rights);
    if (!w) return false;
    struct query_limits limits = {.threads = QUESTION_THREADS,
                                  .memory_bytes = large ? LARGE_BYTES : SMALL_BYTES,
                                  .turns = c->routes->turns,
                                  .gone = gone,
                                  .gone_ctx = c->q,
                                  .cancel = (const volatile int *)&c->routes->stopping,
                                  .deadline_us = time_monotonic_us() + QUESTION_SECONDS * US_PER_S};
    buf_init(&a->out, large ? LARGE_ANSWER_BYTES : SMALL_ANSWER_BYTES);
    struct err e =
        query_run(a->query, store_world_query(w), &rights, &limits, &a->out, &a->outcome);
    *out_more = !large && (e.code == ERR_NOMEM || e.code == ERR_LIMIT);
    if (*out_more) return false;
    if (a->outcome.used_literal && !ask_log_literal(c, query_project(a->query))) return false;
    if (e.code != ERR_OK) answer_fault(c, e, &a->outcome.fault);
    return e.code == ERR_OK;
}

/* Answers 503 when no place comes free in time or the server stops; nobody when the client is gone.
 */
static bool take_place(struct call *c, sem_t *places) {
    int64_t until_us = time_monotonic_us() + PLACE_SECONDS * US_PER_S;
    while (!atomic_load(&c->routes->stopping) && time_monotonic_us() < until_us &&
           !edge_gone(c->q)) {
        struct timespec tick;
        clock_gettime(CLOCK_REALTIME, &tick);
        tick.tv_nsec += TICK_US * 1000L;
        if (tick.tv_nsec >= 1000000000L) {
            tick.tv_nsec -= 1000000000L;
            tick.tv_sec++;
        }
        if (sem_timedwait(places, &tick) == 0) return true;
    }
    answer_error(c, 503, "busy",
                 places == &c->routes->large
                     ? "two questions that need much memory are running; ask again"
                     : "28 questions are running; ask again",
                 NULL);
    return false;
}

static bool run_in(struct asking *a, bool large, bool *out_more) {
    struct routes *r = a->call->routes;
    sem_t *places = large ? &r->large : &r->questions;
    *out_more = false;
    if (!take_place(a->call, places)) return false;
    atomic_fetch_add(&r->running, 1);
    bool ok = run(a, large, out_more);
    atomic_fetch_sub(&r->running, 1);
    sem_post(places);
    return ok;
}

static void ask(struct call *c, const struct query *q) {
    struct asking a = {.call = c, .query = q};
    bool more = false;
    buf_init(&a.out, 0);
    bool ok = run_in(&a, false, &more);
    if (more) {
        buf_done(&a.out);
        ok = run_in(&a, true, &more);
    }
    if (ok) answer_json(c, &a.out);
    buf_done(&a.out);
}

void ask_query(struct call *c) {
    AUTO(query_free) struct query *q = NULL;
    struct query_fault fault = {0};
    if (!call_body(c)) return;
    struct err e = query_parse(c->body, &q, &fault);
    if (e.code != ERR_OK)
        answer_fault(c, e, &fault);
    else if (call_project(c, query_project(q)))
        ask(c, q);
}
