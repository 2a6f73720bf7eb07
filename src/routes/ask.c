/* ask.c: POST /api/v1/query: read, check the project, run, log what was revealed, answer. */
#include <time.h>

#include "routes/call.h"

#define THREADS 2
#define PLACE_SECONDS 30

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

static void run(struct call *c, const struct query *q) {
    struct query_rights rights;
    struct query_outcome outcome;
    AUTO(buf_done) struct buf out;
    buf_init(&out, ANSWER_BYTES);
    AUTO(store_world_free) struct store_world *w = call_world(c, query_project(q), &rights);
    if (!w) return;
    struct query_limits limits = {.threads = THREADS,
                                  .memory_bytes = QUESTION_BYTES,
                                  .cancel = (const volatile int *)&c->routes->stopping,
                                  .deadline_us = time_monotonic_us() + QUESTION_SECONDS * US_PER_S};
    struct err e = query_run(q, store_world_query(w), &rights, &limits, &out, &outcome);
    if (outcome.used_literal && !ask_log_literal(c, query_project(q))) return;
    if (e.code != ERR_OK)
        answer_fault(c, e, &outcome.fault);
    else
        answer_json(c, &out);
}

/* One of the places for running questions; answers 503 when none comes free in time or the server
 * stops. */
static bool take_place(struct call *c) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    for (int i = 0; i < PLACE_SECONDS && !atomic_load(&c->routes->stopping); i++) {
        until.tv_sec++;
        if (sem_timedwait(&c->routes->questions, &until) == 0) return true;
    }
    answer_error(c, 503, "busy", "too many questions are running; ask again", NULL);
    return false;
}

void ask_query(struct call *c) {
    AUTO(query_free) struct query *q = NULL;
    struct query_fault fault = {0};
    if (!call_body(c)) return;
    struct err e = query_parse(c->body, &q, &fault);
    if (e.code != ERR_OK) {
        answer_fault(c, e, &fault);
        return;
    }
    if (!call_project(c, query_project(q)) || !take_place(c)) return;
    run(c, q);
    sem_post(&c->routes->questions);
}
