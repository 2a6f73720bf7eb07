/* live.c: GET .../live: an EventSource stream of what arrives. */
#include <stdlib.h>

#include "routes/call.h"

#define WAIT_MS 1000
#define PING_EACH 15 /* waits */
#define MAX_PIECE ((size_t)1 << 20)

struct live {
    struct routes *routes;
    uint64_t project, cursor;
    int quiet;       /* waits without news */
    struct buf text; /* what is to be sent */
    size_t sent;
};

/* The next piece of the stream into text. False: the stream ends. */
static bool next_piece(struct live *l) {
    AUTO(buf_done) struct buf json;
    buf_init(&json, MAX_PIECE);
    struct query_rights rights = {0};
    buf_clear(&l->text);
    l->sent = 0;
    struct routes *r = l->routes;
    struct err e = store_live(r->config.store, l->project, &rights, r->config.root, &l->cursor,
                              WAIT_MS, &json);
    if (e.code != ERR_OK || atomic_load(&r->stopping)) return false;
    if (json.n > 2) {
        buf_printf(&l->text, "data: " STR_FMT "\n\n", STR_ARG(buf_str(&json)));
        l->quiet = 0;
    } else if (++l->quiet % PING_EACH == 1) {
        buf_put_str(&l->text, STR(": ping\n\n"));
    }
    return buf_err(&l->text).code == ERR_OK;
}

static int64_t pull(void *ctx, char *out, size_t max_bytes) {
    struct live *l = ctx;
    while (l->sent == l->text.n)
        if (!next_piece(l)) return 0;
    size_t n = l->text.n - l->sent < max_bytes ? l->text.n - l->sent : max_bytes;
    memcpy(out, l->text.p + l->sent, n);
    l->sent += n;
    return (int64_t)n;
}

static void release(void *ctx) {
    struct live *l = ctx;
    buf_done(&l->text);
    free(l);
}

void live_events(struct call *c) {
    struct live *l = calloc(1, sizeof *l);
    if (!l) {
        answer_failure(c, "a live view", ERR(ERR_NOMEM, "live view"));
        return;
    }
    *l = (struct live){.routes = c->routes, .project = c->id};
    buf_init(&l->text, MAX_PIECE + 64);
    c->r->content_type = "text/event-stream";
    edge_reply_header(c->r, "Cache-Control", STR("no-store"));
    c->r->stream = pull;
    c->r->stream_ctx = l;
    c->r->stream_free = release;
}
