/* request.c: one request's way through the library's callbacks.
 *
 *   on_uri       the request line is there: a request is taken from the spares
 *   on_access    first call: the head is whole; it is judged here. Then pieces of the body. Then,
 * with no data, the whole request: the handler is asked. While no response is queued the library
 * calls again in each run, which is how EDGE_LATER and EDGE_BUSY wait: nothing is suspended,
 * nothing is resumed (that was measured at half the rate). on_completed the answer is out, or the
 * client is gone: memory is wiped and goes back
 *
 * A request that is refused for its size is still read to its end, up to a bound, before the answer
 * goes out: closing with bytes unread makes the client's system drop the answer.
 */
#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "edge/inside.h"

#define ARENA_FACTOR                                                                               \
    16 /* arena limit: so many times the largest body; parsed JSON is larger than its text */
#define SPARE_MAX 256
#define DISCARD_FACTOR 4
#define KEEP_BODY_BYTES ((size_t)256 << 10)

static const char no_body[EDGE_SLACK_BYTES + 1];

/* ---- life ---- */

void edge_request_free(struct request *r) {
    if (!r) return;
    arena_free(r->q.arena);
    buf_wipe_done(&r->body);
    free(r);
}

static struct request *request_new(struct edge *e) {
    struct request *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->q.arena = arena_new(e->config.max_body_bytes * ARENA_FACTOR + e->config.max_head_bytes * 4 +
                           (1u << 20));
    if (!r->q.arena) {
        free(r);
        return NULL;
    }
    arena_wipe_on_reset(r->q.arena);
    buf_init(&r->body, e->config.max_body_bytes + EDGE_SLACK_BYTES);
    return r;
}

static struct request *request_take(struct edge *e) {
    pthread_mutex_lock(&e->lock);
    struct request *r = e->spare;
    if (r) {
        e->spare = r->next;
        e->n_spare--;
    }
    pthread_mutex_unlock(&e->lock);
    return r ? r : request_new(e);
}

/* One large body's memory waits for the next one, for some seconds: asked of the system anew for
 * each it would be cleared page by page. False: there is one already. */
static bool keep_large(struct edge *e, const struct buf *body) {
    pthread_mutex_lock(&e->lock);
    bool keep = !e->spare_body.p;
    if (keep) e->spare_body = *body;
    e->spare_body_us = time_monotonic_us();
    pthread_mutex_unlock(&e->lock);
    return keep;
}

/* Moves a body that outgrows its own memory into the spare one, if that is there. */
static void use_large(struct request *r) {
    struct edge *e = r->edge;
    pthread_mutex_lock(&e->lock);
    struct buf large = e->spare_body;
    e->spare_body = (struct buf){0};
    pthread_mutex_unlock(&e->lock);
    if (!large.p) return;
    buf_put_str(&large, buf_str(&r->body)); /* it is larger: this cannot fail */
    buf_wipe_done(&r->body);
    r->body = large;
}

/* Wiped, and without memory when another body holds it from here on. */
static struct buf body_to_keep(struct edge *e, struct buf body) {
    if (body.n > 0) secret_wipe(body.p, body.n);
    buf_clear(&body);
    if (body.cap <= KEEP_BODY_BYTES) return body;
    if (!keep_large(e, &body)) buf_done(&body);
    return (struct buf){.max = body.max};
}

static void request_give_back(struct request *r) {
    struct edge *e = r->edge;
    atomic_fetch_sub(&e->large_bytes, r->large);
    struct arena *arena = r->q.arena;
    struct buf body = body_to_keep(e, r->body);
    arena_reset(arena);
    *r = (struct request){.q = {.arena = arena}, .body = body, .edge = e};
    pthread_mutex_lock(&e->lock);
    bool keep = e->n_spare < SPARE_MAX;
    if (keep) {
        r->next = e->spare;
        e->spare = r;
        e->n_spare++;
    }
    pthread_mutex_unlock(&e->lock);
    if (!keep) edge_request_free(r);
}

void edge_conn_phase(struct conn *c, enum conn_phase phase) {
    atomic_store(&c->since_us, time_monotonic_us());
    atomic_store(&c->phase, (int)phase);
}

static struct conn *conn_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i ? i->socket_context : NULL;
}

void *edge_on_uri(void *cls, const char *uri, struct MHD_Connection *c) {
    struct door *d = cls;
    struct conn *conn = conn_of(c);
    struct request *r = conn ? request_take(d->edge) : NULL;
    if (!r) return NULL;
    r->edge = d->edge;
    r->conn = conn;
    r->mhd = c;
    r->q.connection = r;
    conn->request = r;
    atomic_fetch_add(&d->edge->in_hand, 1);
    r->uri = arena_str(r->q.arena, str_z(uri)); /* the library decodes its own copy in place */
    edge_conn_phase(conn, CONN_READING);
    return r;
}

void edge_on_completed(void *cls, struct MHD_Connection *c, void **req,
                       enum MHD_RequestTerminationCode how) {
    (void)c;
    (void)how;
    struct door *d = cls;
    struct request *r = *req;
    if (!r) return;
    *req = NULL;
    if (r->state == REQUEST_LATER &&
        r->group == d->edge->group) { /* the client is gone before the commit */
        d->later--;
        d->edge->n_later--;
    }
    edge_conn_phase(r->conn, CONN_IDLE);
    r->conn->request = NULL;
    if (r->is_whole) atomic_fetch_sub(&d->edge->whole, 1);
    request_give_back(r);
    atomic_fetch_sub(&d->edge->in_hand, 1);
}

/* ---- the head ---- */

struct str edge_header(const struct edge_request *q, const char *name) {
    const struct request *r = q->connection;
    const char *value = NULL;
    size_t n = 0;
    if (MHD_lookup_connection_value_n(r->mhd, MHD_HEADER_KIND, name, strlen(name), &value, &n) !=
            MHD_YES ||
        !value)
        return (struct str){0};
    return (struct str){value, n};
}

bool edge_gone(const struct edge_request *q) {
    const struct request *r = q->connection;
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd p = {.fd = i ? i->connect_fd : -1, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static enum edge_method method_of(const char *m) {
    static const struct {
        const char *name;
        enum edge_method method;
    } known[] = {{"GET", EDGE_GET}, {"POST", EDGE_POST},     {"HEAD", EDGE_HEAD},
                 {"PUT", EDGE_PUT}, {"DELETE", EDGE_DELETE}, {"PATCH", EDGE_PATCH}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(m, known[i].name) == 0) return known[i].method;
    return EDGE_OTHER;
}

static bool path_ok(struct str path) {
    if (path.n == 0 || path.p[0] != '/' || memchr(path.p, 0, path.n)) return false;
    struct str rest = path;
    while (rest.n > 0)
        if (str_is(str_cut(&rest, '/'), "..")) return false;
    return true;
}

/* Splits the target ("/a?b", or a proxy's "http://host/a?b"). */
static bool read_target(struct request *r) {
    struct str target = r->uri;
    if (str_starts(target, STR("http://")) || str_starts(target, STR("https://"))) {
        target = str_from(target, target.p[4] == 's' ? 8 : 7);
        const char *slash = memchr(target.p, '/', target.n);
        target = slash ? str_from(target, (size_t)(slash - target.p)) : STR("/");
    }
    r->q.query = target;
    struct str path = str_cut(&r->q.query, '?');
    if (r->preflight && str_is(path, "*")) return true;
    r->q.path = edge_percent_decode(r->q.arena, path, false);
    return path_ok(r->q.path);
}

struct lengths {
    unsigned n_length, n_coding;
    struct str length, coding;
};

static enum MHD_Result collect_lengths(void *cls, enum MHD_ValueKind kind, const char *key,
                                       size_t key_n, const char *value, size_t value_n) {
    (void)kind;
    struct lengths *l = cls;
    struct str k = {key, key_n};
    if (str_ieq(k, STR("content-length"))) {
        l->n_length++;
        l->length = (struct str){value, value_n};
    } else if (str_ieq(k, STR("transfer-encoding"))) {
        l->n_coding++;
        l->coding = (struct str){value, value_n};
    }
    return MHD_YES;
}

static bool all_digits(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return s.n > 0;
}

/* Where the body ends must be beyond doubt, or a proxy in front and we see two different requests
 * (RFC 9112, 6.3). */
static int judge_length(struct request *r) {
    struct lengths l = {0};
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, collect_lengths, &l);
    if (l.n_length + l.n_coding > 1) return 400;
    if (l.n_coding == 1) return str_ieq(l.coding, STR("chunked")) ? 0 : 501;
    if (l.n_length == 0) return 0;
    int64_t n;
    if (!all_digits(l.length)) return 400;
    if (!str_to_i64(l.length, &n) || (uint64_t)n > r->edge->config.max_body_bytes) return 413;
    return 0;
}

/* Fills the request from the head; a status to refuse with, or 0. */
static int read_head(struct request *r, const char *method) {
    struct edge_request *q = &r->q;
    q->method = method_of(method);
    r->preflight = strcmp(method, "OPTIONS") == 0;
    q->is_local = r->conn->is_local;
    q->is_tls = !q->is_local && r->edge->config.tls_cert_pem.n > 0;
    r->origin = edge_header(q, "Origin");
    q->content_type = edge_header(q, "Content-Type");
    edge_peer_of(r);
    if (!r->uri.p) return 503; /* memory */
    int length = judge_length(r);
    if (length == 400 || length == 501) return length;
    if (!read_target(r)) return 400;
    if (q->method == EDGE_OTHER && !r->preflight) return 405;
    return length;
}

static void count_refusal(struct edge *e, int status) {
    if (status == 413)
        atomic_fetch_add(&e->refused_413, 1);
    else if (status != 503)
        atomic_fetch_add(&e->refused_400, 1);
}

static enum MHD_Result first_call(struct request *r, const char *method) {
    r->state = REQUEST_BODY;
    atomic_fetch_add(&r->edge->requests, 1);
    r->refuse = read_head(r, method);
    if (r->refuse) count_refusal(r->edge, r->refuse);
    bool waits =
        edge_header(&r->q, "Expect").n > 0; /* nothing to discard: the client has not sent it */
    /* A body whose end is in doubt cannot be read to its end. */
    if (r->refuse && (waits || r->refuse == 400 || r->refuse == 501))
        return edge_send_refusal(r, r->refuse);
    return MHD_YES;
}

/* ---- the body ---- */

static void refuse_body(struct request *r, int status) {
    r->refuse = status;
    count_refusal(r->edge, status);
    atomic_fetch_sub(&r->edge->large_bytes, r->large);
    r->large = 0;
    size_t max = r->body.max;
    buf_wipe_done(&r->body);
    buf_init(&r->body, max);
}

/* Bodies above the small ones share a budget, so that many slow uploads cannot take all memory. */
static bool account(struct request *r) {
    if (r->body.cap <= SMALL_BODY_BYTES || r->body.cap == r->large) return true;
    size_t more = r->body.cap - r->large;
    r->large = r->body.cap;
    return atomic_fetch_add(&r->edge->large_bytes, more) + more <= r->edge->config.large_bytes;
}

/* What was unpacked lies in the arena until the answer: ten kilobytes sent are ten megabytes held.
 */
static bool account_unpacked(struct request *r) {
    size_t n = r->q.body.n;
    if (n <= SMALL_BODY_BYTES) return true;
    r->large += n;
    return atomic_fetch_add(&r->edge->large_bytes, n) + n <= r->edge->config.large_bytes;
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t *n) {
    struct edge *e = r->edge;
    atomic_fetch_add(&e->bytes_in, *n);
    if (!r->refuse) {
        if (*n > e->config.max_body_bytes - r->body.n)
            refuse_body(r, 413);
        else {
            if (r->body.cap <= KEEP_BODY_BYTES && *n > KEEP_BODY_BYTES - r->body.n) use_large(r);
            buf_put(&r->body, data, *n);
            if (buf_err(&r->body).code != ERR_OK || !account(r)) refuse_body(r, 503);
        }
    }
    if (r->refuse) {
        r->discarded += *n;
        if (r->discarded > (uint64_t)e->config.max_body_bytes * DISCARD_FACTOR) return MHD_NO;
    }
    *n = 0;
    return MHD_YES;
}

/* Content-Encoding by its word and by the bytes: some trackers name gzip and send plain text. */
static int decode_body(struct request *r) {
    struct str coding = str_trim(edge_header(&r->q, "Content-Encoding"));
    if (coding.n == 0 || str_ieq(coding, STR("identity"))) return 0;
    if (!str_ieq(coding, STR("gzip")) && !str_ieq(coding, STR("x-gzip"))) return 415;
    struct str b = r->q.body;
    if (b.n < 2 || (uint8_t)b.p[0] != 0x1f || (uint8_t)b.p[1] != 0x8b) return 0;
    struct err e = edge_gunzip(r->q.arena, b, r->edge->config.max_body_bytes, &r->q.body);
    switch (e.code) {
    case ERR_OK:
        return account_unpacked(r) ? 0 : 503;
    case ERR_LIMIT:
        return 413;
    case ERR_NOMEM:
        return 503;
    default: /* a tracker's broken body is answered in the tracker's words: the handler sees it as
                sent */
        return r->edge->config.mode == EDGE_GROUP ? 0 : 400;
    }
}

void edge_request_whole(struct request *r) {
    if (!r->is_whole) atomic_fetch_add(&r->edge->whole, 1);
    r->is_whole = true;
}

static void whole_body(struct request *r) {
    r->state = REQUEST_WHOLE;
    edge_request_whole(r);
    edge_conn_phase(r->conn, CONN_WORKING);
    r->q.body = (struct str){no_body, 0};
    if (r->refuse || r->body.n == 0) return;
    if (!buf_room(&r->body, EDGE_SLACK_BYTES)) {
        r->refuse = 503;
        return;
    }
    memset(r->body.p + r->body.n, 0, EDGE_SLACK_BYTES);
    r->q.body = buf_str(&r->body);
    r->refuse = decode_body(r);
    if (r->refuse) count_refusal(r->edge, r->refuse);
}

/* ---- asking ---- */

static enum MHD_Result ask(struct door *d, struct request *r) {
    struct edge *e = r->edge;
    if (r->refuse) return edge_send_refusal(r, r->refuse);
    if (r->preflight) return edge_send_preflight(r);
    if (r->state == REQUEST_LATER) {
        if (r->group == e->group) return MHD_YES; /* its group is not committed yet */
        r->q.phase = EDGE_DONE;
    } else if (e->paused) {
        return MHD_YES;
    }
    struct edge_reply reply = {.status = 200};
    switch (e->config.handler(e->config.ctx, &r->q, &reply)) {
    case EDGE_ANSWERED:
        return edge_send_reply(r, &reply);
    case EDGE_LATER:
        assert(e->config.mode == EDGE_GROUP && r->q.phase == EDGE_ASK);
        r->state = REQUEST_LATER;
        r->group = e->group;
        d->later++;
        e->n_later++;
        return MHD_YES;
    case EDGE_BUSY:
        assert(e->config.mode == EDGE_GROUP && r->q.phase == EDGE_ASK);
        return MHD_YES;
    }
    return MHD_NO;
}

enum MHD_Result edge_on_access(EDGE_ACCESS_PARAMETERS) {
    (void)c;
    (void)url;
    (void)version;
    struct request *r = *req;
    if (!r) return MHD_NO; /* no memory for a request */
    if (r->state == REQUEST_LINE) return first_call(r, method);
    if (*data_n > 0) return take_body(r, data, data_n);
    if (r->state == REQUEST_QUEUED) return MHD_YES;
    if (r->state == REQUEST_BODY) whole_body(r);
    return ask(cls, r);
}
