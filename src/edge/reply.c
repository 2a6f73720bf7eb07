/* reply.c: what goes back: the library's response made of an edge_reply, with CORS and Keep-Alive.
 *
 * A tracker's answers are few and tiny ("1"), so in EDGE_GROUP the finished response objects of
 * small answers are kept and queued again: a direct-mapped table by a hash of all that goes into
 * them.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "edge/inside.h"

#define MAX_ORIGIN_BYTES 512
#define MAX_ASKED_BYTES 1024
#define CACHED_BODY_BYTES 64
#define STREAM_BLOCK_BYTES ((size_t)64 << 10)
#define EARLY_RESET_BYTES                                                                          \
    ((size_t)256 << 10) /* an arena fuller than this is emptied before the answer is sent */

const char *edge_reason(int status) {
    switch (status) {
    case 400:
        return "not a well-formed request";
    case 405:
        return "method not allowed";
    case 413:
        return "body too large";
    case 415:
        return "content coding not supported";
    case 501:
        return "transfer coding not supported";
    case 503:
        return "try again later";
    default:
        return "refused";
    }
}

void edge_reply_header(struct edge_reply *r, const char *name, struct str value) {
    assert(r->n_headers < sizeof r->headers / sizeof *r->headers);
    r->headers[r->n_headers++] = (struct edge_header){str_z(name), value};
}

void edge_reply_error(struct edge_request *q, struct edge_reply *r, int status, const char *code,
                      const char *message, const char *field) {
    struct buf b;
    buf_init(&b, 8192);
    struct jout j;
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "error");
    jout_object(&j);
    jout_keyz(&j, "code");
    jout_strz(&j, code);
    jout_keyz(&j, "message");
    jout_strz(&j, message);
    if (field) {
        jout_keyz(&j, "field");
        jout_strz(&j, field);
    }
    jout_object_end(&j);
    jout_object_end(&j);
    r->status = status;
    r->content_type = "application/json";
    r->stream = NULL;
    r->body = buf_err(&b).code == ERR_OK ? arena_str(q->arena, buf_str(&b)) : (struct str){0};
    if (!r->body.p) {
        r->body = STR("{\"error\":{\"code\":\"nomem\",\"message\":\"out of memory\"}}");
        r->body_is_static = true;
    }
    buf_done(&b);
}

/* ---- headers ---- */

/* The library wants C strings; what holds a control character is left out. */
static void add_header(struct MHD_Response *m, const char *name, struct str value, size_t max) {
    char small[256], *z = small;
    if (value.n > max) return;
    for (size_t i = 0; i < value.n; i++)
        if ((uint8_t)value.p[i] < ' ' || value.p[i] == 0x7f) return;
    if (value.n >= sizeof small && !(z = malloc(value.n + 1))) return;
    if (value.n > 0) memcpy(z, value.p, value.n);
    z[value.n] = 0;
    (void)MHD_add_response_header(m, name, z);
    if (z != small) free(z);
}

static bool wants_cors(const struct request *r) {
    return r->edge->config.cors_any && r->origin.n > 0 && r->origin.n <= MAX_ORIGIN_BYTES;
}

static void add_cors(const struct request *r, struct MHD_Response *m) {
    if (!wants_cors(r)) return;
    add_header(m, "Access-Control-Allow-Origin", r->origin, MAX_ORIGIN_BYTES);
    (void)MHD_add_response_header(m, "Access-Control-Allow-Credentials", "true");
    (void)MHD_add_response_header(m, "Access-Control-Expose-Headers", "Retry-After");
    (void)MHD_add_response_header(m, "Vary", "Origin");
}

/* Common to all answers. */
static void add_connection(const struct request *r, struct MHD_Response *m, bool close) {
    if (close)
        (void)MHD_add_response_header(m, "Connection", "close");
    else
        (void)MHD_add_response_header(m, "Keep-Alive", r->edge->keep_alive);
}

static enum MHD_Result queue(struct request *r, int status, struct MHD_Response *m) {
    r->state = REQUEST_QUEUED;
    edge_request_whole(r);
    edge_conn_phase(r->conn, CONN_REPLYING);
    return MHD_queue_response(r->mhd, (unsigned)status, m);
}

static bool closes(const struct request *r) {
    return atomic_load_explicit(&r->edge->quiesced, memory_order_relaxed);
}

static enum MHD_Result out_of_memory(const struct edge_reply *reply) {
    if (reply && reply->stream_free) reply->stream_free(reply->stream_ctx);
    return MHD_NO; /* the library closes the connection */
}

enum MHD_Result edge_send_preflight(struct request *r) {
    struct MHD_Response *m =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (!m) return MHD_NO;
    add_cors(r, m);
    add_connection(r, m, closes(r));
    static const char methods[] = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS";
    if (wants_cors(r)) {
        (void)MHD_add_response_header(m, "Access-Control-Allow-Methods", methods);
        add_header(m, "Access-Control-Allow-Headers",
                   edge_header(&r->q, "Access-Control-Request-Headers"), MAX_ASKED_BYTES);
        (void)MHD_add_response_header(m, "Access-Control-Max-Age", "86400");
    } else {
        (void)MHD_add_response_header(m, "Allow", methods);
    }
    enum MHD_Result result = queue(r, 204, m);
    MHD_destroy_response(m);
    return result;
}

enum MHD_Result edge_send_refusal(struct request *r, int status) {
    struct edge_reply reply = {.status = status};
    edge_reply_error(&r->q, &reply, status, status == 503 ? "busy" : "bad_request",
                     edge_reason(status), NULL);
    if (status == 405)
        edge_reply_header(&reply, "Allow", STR("GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"));
    if (status == 503) edge_reply_header(&reply, "Retry-After", STR("5"));
    /* Where the body was not read to its end the connection cannot go on. */
    reply.close = r->state != REQUEST_WHOLE;
    return edge_send_reply(r, &reply);
}

/* ---- bodies ---- */

struct stream {
    edge_stream read;
    void *ctx;
    void (*free_ctx)(void *ctx);
};

static ssize_t stream_read(void *cls, uint64_t at, char *out, size_t max) {
    (void)at;
    struct stream *s = cls;
    int64_t n = s->read(s->ctx, out, max);
    if (n == 0) return MHD_CONTENT_READER_END_OF_STREAM;
    if (n < 0 || (uint64_t)n > max) return MHD_CONTENT_READER_END_WITH_ERROR;
    return (ssize_t)n;
}

static void stream_free(void *cls) {
    struct stream *s = cls;
    if (s->free_ctx) s->free_ctx(s->ctx);
    free(s);
}

static struct MHD_Response *stream_response(const struct edge_reply *reply) {
    struct stream *s = malloc(sizeof *s);
    if (!s) return NULL;
    *s = (struct stream){reply->stream, reply->stream_ctx, reply->stream_free};
    struct MHD_Response *m = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                               stream_read, s, stream_free);
    if (!m) free(s); /* the caller frees the context */
    return m;
}

bool edge_accepts_gzip(const struct edge_request *q) {
    struct str list = edge_header(q, "Accept-Encoding");
    while (list.n > 0) {
        struct str params = str_cut(&list, ','), name = str_trim(str_cut(&params, ';'));
        if (!str_ieq(name, STR("gzip")) && !str_is(name, "*")) continue;
        struct str quality = str_trim(params);
        double weight = 1;
        if (str_starts(quality, STR("q=")) && !str_to_f64(str_from(quality, 2), &weight))
            weight = 0;
        return weight > 0;
    }
    return false;
}

static struct MHD_Response *body_response(struct request *r, const struct edge_reply *reply,
                                          bool *out_gzip) {
    struct str body = reply->body;
    *out_gzip = false;
    if (reply->precompressed_gzip) {
        *out_gzip = edge_accepts_gzip(&r->q);
        struct str plain;
        if (!*out_gzip) {
            if (edge_gunzip(r->q.arena, body, (size_t)64 << 20, &plain).code != ERR_OK) return NULL;
            body = plain;
        }
    }
    bool copy = !reply->body_is_static && r->edge->config.mode == EDGE_GROUP;
    return MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)(body.n ? body.p : ""),
                                           copy ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *build(struct request *r, const struct edge_reply *reply) {
    bool gzip = false;
    struct MHD_Response *m =
        reply->stream ? stream_response(reply) : body_response(r, reply, &gzip);
    if (!m) return NULL;
    (void)MHD_add_response_header(m, "Content-Type",
                                  reply->content_type ? reply->content_type : "text/plain");
    if (gzip) (void)MHD_add_response_header(m, "Content-Encoding", "gzip");
    if (reply->precompressed_gzip) (void)MHD_add_response_header(m, "Vary", "Accept-Encoding");
    for (size_t i = 0; i < reply->n_headers; i++)
        add_header(m, reply->headers[i].name.p, reply->headers[i].value, 16384);
    if (!reply->cors_public)
        add_cors(r, m);
    else if (r->edge->config.cors_any)
        (void)MHD_add_response_header(m, "Access-Control-Allow-Origin", "*");
    add_connection(r, m, reply->close || closes(r));
    return m;
}

/* ---- the cache ---- */

/* A key of all that makes the response, or 0: it is not one to keep. */
static uint64_t cache_key(const struct request *r, const struct edge_reply *reply) {
    if (r->edge->config.mode != EDGE_GROUP || reply->stream || reply->n_headers > 0 ||
        reply->precompressed_gzip || reply->cors_public || reply->close || closes(r) ||
        reply->body.n > CACHED_BODY_BYTES || r->origin.n > 128)
        return 0;
    char all[CACHED_BODY_BYTES + 128 + 64];
    int n = snprintf(all, sizeof all, "%d %zu %p ", reply->status, reply->body.n,
                     (const void *)reply->content_type);
    size_t at = (size_t)n;
    if (reply->body.n > 0) memcpy(all + at, reply->body.p, reply->body.n);
    at += reply->body.n;
    if (r->origin.n > 0) memcpy(all + at, r->origin.p, r->origin.n);
    return checksum64(all, at + r->origin.n) | 1;
}

static void early_reset(struct request *r) {
    if (r->edge->config.mode != EDGE_GROUP || arena_used_bytes(r->q.arena) < EARLY_RESET_BYTES)
        return;
    arena_reset(r->q.arena); /* the answer is copied; path, body and uri are gone with it */
    r->q.path = r->q.body = r->uri = (struct str){0};
}

enum MHD_Result edge_send_reply(struct request *r, const struct edge_reply *reply) {
    int status = reply->status ? reply->status : 200;
    uint64_t key = cache_key(r, reply);
    struct cached_reply *slot = &r->edge->cache[(key >> 1) % REPLY_CACHE_N];
    if (key && slot->key == key) {
        enum MHD_Result result = queue(r, status, slot->response);
        early_reset(r);
        return result;
    }
    struct MHD_Response *m = build(r, reply);
    if (!m) return out_of_memory(reply);
    enum MHD_Result result = queue(r, status, m);
    early_reset(r);
    if (!key) {
        MHD_destroy_response(m);
        return result;
    }
    if (slot->response) MHD_destroy_response(slot->response);
    *slot = (struct cached_reply){key, m};
    return result;
}
