/* serve.c: one request of the public door: its path decides, intake takes it, the group's commit
 * answers it. */
#include "front/inside.h"

#define FULL_GROUP_BYTES                                                                           \
    ((size_t)8                                                                                     \
     << 20) /* a group this large is committed before more is taken; intake's limit is 32 MB */
#define FOREIGN_ORIGIN "this origin may not send to the project"

/* What a request must remember from asking to answering; in its arena. */
struct waiting {
    struct intake_request q;
    struct intake_result result;
    struct front_own own; /* answer NULL: a tracker's request */
};

static struct str bare_path(struct str path) {
    if (path.n > 1 && path.p[path.n - 1] == '/') path.n--;
    return path;
}

static bool endpoint_of(struct str path, enum intake_endpoint *out) {
    static const struct {
        const char *path;
        enum intake_endpoint endpoint;
    } known[] = {{"/track", INTAKE_TRACK},
                 {"/engage", INTAKE_ENGAGE},
                 {"/groups", INTAKE_GROUPS},
                 {"/import", INTAKE_IMPORT}};
    path = bare_path(path);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!str_is(path, known[i].path)) continue;
        *out = known[i].endpoint;
        return true;
    }
    return false;
}

/* ---- counters ---- */

static void note_unknown(struct front *f, const struct intake_result *r) {
    if (r->unknown_token == 0) return;
    struct channel_page *page = f->channel->page;
    channel_count(f->channel, COUNT_UNKNOWN_TOKEN_RECORDS, r->unknown_token);
    if (r->unknown_token_masked[0] == 0) return;
    for (size_t i = 0; i < CHANNEL_UNKNOWN_TOKENS; i++) {
        char *masked = page->unknown_tokens[i].masked;
        if (masked[0] == 0)
            memcpy(masked, r->unknown_token_masked, sizeof page->unknown_tokens[i].masked);
        else if (strncmp(masked, r->unknown_token_masked, sizeof page->unknown_tokens[i].masked) !=
                 0)
            continue;
        masked[sizeof page->unknown_tokens[i].masked - 1] = 0;
        atomic_fetch_add_explicit(&page->unknown_tokens[i].count, r->unknown_token,
                                  memory_order_release);
        return;
    }
}

static void note_result(struct front *f, enum intake_endpoint endpoint,
                        const struct intake_result *r) {
    note_unknown(f, r);
    if (r->failed > 0) channel_count(f->channel, COUNT_FAILED_RECORDS, r->failed);
    for (size_t i = 0; i < r->n_failures; i++)
        if (strcmp(r->failures[i].message, FOREIGN_ORIGIN) == 0)
            channel_count(f->channel, COUNT_ORIGIN_REFUSED, 1);
    bool event = endpoint == INTAKE_TRACK || endpoint == INTAKE_IMPORT;
    if (event)
        f->events += r->accepted;
    else
        f->profile_ops += r->accepted;
}

/* ---- answers ---- */

/* Quotas are decided before the first record (intake_has_room). What was already taken when a
 * request had to stop for memory goes with its group. */
static void refuse_for_now(struct front *f, struct intake_result *r) {
    r->outcome = INTAKE_LATER;
    r->status = 503;
    r->accepted = 0;
    r->redirect = (struct str){0};
    if (!r->error) r->error = "the server cannot write now, try again";
    channel_count(f->channel, COUNT_REFUSED_503, 1);
}

static enum edge_verdict answer(const struct intake_request *q, const struct intake_result *r,
                                struct edge_reply *out) {
    struct intake_reply reply = {0};
    intake_reply(q, r, &reply);
    out->status = reply.status;
    out->content_type = reply.content_type;
    out->body = reply.body;
    if (reply.location.n > 0) edge_reply_header(out, "Location", reply.location);
    if (reply.status == 503) edge_reply_header(out, "Retry-After", STR("5"));
    return EDGE_ANSWERED;
}

static enum edge_verdict answer_waiting(struct front *f, struct edge_request *q,
                                        struct edge_reply *r) {
    struct waiting *w = q->user;
    if (f->failed) refuse_for_now(f, &w->result);
    if (w->own.answer) {
        w->own.answer(q, r, !f->failed, w->own.more);
        return EDGE_ANSWERED;
    }
    return answer(&w->q, &w->result, r);
}

/* ---- taking ---- */

static void fill(struct edge_request *q, enum intake_endpoint endpoint,
                 struct intake_request *out) {
    *out = (struct intake_request){.endpoint = endpoint,
                                   .body = q->body,
                                   .query = q->query,
                                   .content_type = q->content_type,
                                   .user_agent = edge_header(q, "User-Agent"),
                                   .authorization = edge_header(q, "Authorization"),
                                   .origin = edge_header(q, "Origin"),
                                   .peer = q->peer,
                                   .is_local = q->is_local,
                                   .arena = q->arena};
}

static void no_memory(struct edge_request *q, struct edge_reply *r) {
    edge_reply_error(q, r, 503, "busy", "out of memory, try again", NULL);
    edge_reply_header(r, "Retry-After", STR("5"));
}

/* The records into the open group. EDGE_LATER: the answer waits for the commit; EDGE_ANSWERED:
 * w->result says what to answer at once. */
static enum edge_verdict enter(struct front *f, struct edge_request *q, struct waiting *w) {
    front_request_begin(f);
    w->q.arrival_us = f->arrival_us;
    intake_take(f->intake, f->registry, &f->group, &w->q, &w->result);
    front_request_end(f);
    note_result(f, w->q.endpoint, &w->result);
    if (w->result.outcome == INTAKE_LATER) {
        f->must_abort |= w->result.must_abort;
        refuse_for_now(f, &w->result);
        return EDGE_ANSWERED;
    }
    if (w->result.outcome == INTAKE_REFUSED || w->result.accepted == 0) return EDGE_ANSWERED;
    w->q.body = (struct str){0}; /* answers do not look at it */
    q->user = w;
    return EDGE_LATER;
}

static bool is_crowded(const struct front *f) {
    return front_group_bytes(f) >= FULL_GROUP_BYTES || f->must_abort;
}

static enum edge_verdict take(struct front *f, struct edge_request *q,
                              enum intake_endpoint endpoint, struct edge_reply *r) {
    if (is_crowded(f)) return EDGE_BUSY;
    struct waiting *w = arena_alloc(q->arena, sizeof *w);
    if (!w) {
        no_memory(q, r);
        return EDGE_ANSWERED;
    }
    fill(q, endpoint, &w->q);
    return enter(f, q, w) == EDGE_LATER ? EDGE_LATER : answer(&w->q, &w->result, r);
}

/* Neither the origin nor an authorisation count for what the front itself makes: who may cause it
 * was asked before. */
enum edge_verdict front_take_own(struct front *f, struct edge_request *q,
                                 const struct front_own *own, struct edge_reply *r) {
    if (is_crowded(f)) return EDGE_BUSY;
    struct waiting *w = arena_alloc(q->arena, sizeof *w);
    if (!w) {
        no_memory(q, r);
        return EDGE_ANSWERED;
    }
    fill(q, INTAKE_TRACK, &w->q);
    w->q.body = own->json;
    w->q.query = w->q.content_type = w->q.origin = w->q.authorization = (struct str){0};
    w->q.is_own = true;
    w->q.is_local = false;
    w->own = *own;
    if (enter(f, q, w) == EDGE_LATER) return EDGE_LATER;
    own->answer(q, r, false, own->more);
    return EDGE_ANSWERED;
}

static enum edge_verdict other(struct front *f, struct edge_request *q, struct edge_reply *r) {
    struct intake_reply side;
    if (str_is(bare_path(q->path), "/healthz")) {
        bool full = f->full; /* the last append failed */
        r->status = full ? 503 : 200;
        r->content_type = "application/json";
        r->body = full ? STR("{\"status\":\"cannot write\"}") : STR("{\"status\":\"ok\"}");
        r->body_is_static = true;
    } else if (intake_side_reply(q->path, &side)) {
        r->status = side.status;
        r->content_type = side.content_type;
        r->body = side.body;
    } else {
        edge_reply_error(q, r, 404, "not_found", "no such path", NULL);
    }
    return EDGE_ANSWERED;
}

enum edge_verdict front_serve(void *ctx, struct edge_request *q, struct edge_reply *r) {
    struct front *f = ctx;
    if (q->phase == EDGE_DONE) return answer_waiting(f, q, r);
    enum intake_endpoint endpoint;
    enum edge_verdict verdict;
    if (str_is(q->path, "/status/agent")) return front_agent(f, q, r);
    if (!endpoint_of(q->path, &endpoint) && front_subscribe(f, q, r)) return EDGE_ANSWERED;
    if (!endpoint_of(q->path, &endpoint))
        return front_status(f, q, r, &verdict) ? verdict : other(f, q, r);
    if (q->method == EDGE_GET || q->method == EDGE_POST) return take(f, q, endpoint, r);
    edge_reply_error(q, r, 405, "method_not_allowed", "GET or POST", NULL);
    edge_reply_header(r, "Allow", STR("GET, POST, OPTIONS"));
    return EDGE_ANSWERED;
}
