/* page.c: the console's own files. */
#include "routes/call.h"
#include "web/web.h"

void routes_asset(struct call *c) {
    struct web_asset a;
    if (!web_asset(c->q->path, &a)) {
        answer_error(c, 404, "not_found", "there is nothing at this address", NULL);
        return;
    }
    edge_reply_header(c->r, "Content-Security-Policy", STR(WEB_CSP));
    edge_reply_header(c->r, "Cache-Control",
                      a.immutable ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
    edge_reply_header(c->r, "ETag", a.etag);
    c->r->content_type = a.type.p;
    if (str_eq(edge_header(c->q, "If-None-Match"), a.etag)) {
        c->r->status = 304;
        return;
    }
    c->r->body = a.gzip;
    c->r->body_is_static = true;
    c->r->precompressed_gzip = true;
}
