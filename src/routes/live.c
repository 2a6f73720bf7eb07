/* live.c: GET .../live: an EventSource stream of what arrives. */
#include <stdlib.h>

#include "routes/call.h"

#define WAIT_MS 1000
#define PING_EACH 15 /* waits */
#define MAX_PIECE ((size_t)1 << 20)

struct live {
    struct routes *routes;
    struct store_live *view;
    uint64_t project;
    enum role role;
    int quiet;       /* waits without news */
    struct buf text; /* what is to be sent */
    size_t sent;
};

/* Labels by the viewer's rights as they are now: a team key that has left meanwhile opens nothing
 * more. */
static struct err put_news(struct live *l) {
    struct query_rights rights;
    AUTO(store_world_free) struct store_world *w = NULL;
    TRY(call_open_world(l->routes, l->role, l->project, &rights, &w));
    buf_put_str(&l->text, STR("data: "));
    TRY(store_live_write(l->view, w, &rights, &l->text));
    buf_put_str(&l->text, STR("\n\n"));
    return buf_err(&l->text);
}

/* The next piece of the stream into text. False: the stream ends. */
static bool next_piece(struct live *l) {
    size_t n = 0;
    buf_clear(&l->text);
    l->sent = 0;
    struct err e = store_live_next(l->routes->config.store, l->view, WAIT_MS, &n);
    if (e.code != ERR_OK || atomic_load(&l->routes->stopping)) return false;
    if (n > 0) {
        l->quiet = 0;
        return put_news(l).code == ERR_OK;
    }
    if (++l->quiet % PING_EACH == 1) buf_put_str(&l->text, STR(": ping\n\n"));
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
    store_live_free(l->view);
    buf_done(&l->text);
    free(l);
}

void live_events(struct call *c) {
    struct live *l = calloc(1, sizeof *l);
    struct store_live *view = store_live_new(c->id);
    if (!l || !view) {
        store_live_free(view);
        free(l);
        answer_failure(c, "a live view", ERR(ERR_NOMEM, "live view"));
        return;
    }
    *l = (struct live){.routes = c->routes, .view = view, .project = c->id, .role = c->actor.role};
    buf_init(&l->text, MAX_PIECE + 64);
    c->r->content_type = "text/event-stream";
    edge_reply_header(c->r, "Cache-Control", STR("no-store"));
    c->r->stream = pull;
    c->r->stream_ctx = l;
    c->r->stream_free = release;
}
