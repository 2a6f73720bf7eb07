/* routes.h: the team door: URL -> handler: authorise, ask, answer (doc/team-api.md).
 *
 * The rows are in table.c; each names the least role that may ask. `routes_handle` is an
 * edge_handler for EDGE_THREADS: it blocks, and may be called by many threads at once.
 *
 * Depends on: all below it. Used by: console.
 */
#pragma once

#include "channel/channel.h"
#include "edge/edge.h"
#include "monitor/monitor.h"
#include "notice/notice.h"
#include "settings/settings.h"
#include "status/status.h"
#include "store/store.h"
#include "trust/trust.h"

struct routes_config {
    const struct settings *settings;
    struct channel *channel;
    struct store *store;
    struct trust *trust;
    struct meta *meta;
    struct status *status;            /* NULL: its routes fail */
    struct monitors *monitors;        /* the same */
    struct notice *notice;            /* NULL: the same */
    const uint8_t *root;              /* [32], borrowed for the life of routes */
    struct team_public team;          /* in force at start */
    const struct team_secret *secret; /* NULL: sealed; copied */
    char team_url[512]; /* where members reach the console, without a slash at the end */
    char public_url[512];
};
struct routes;
struct err routes_new(const struct routes_config *c, struct routes **out);
void routes_free(struct routes *r); /* wipes the secret */
AUTO_DEFINE(struct routes *, routes_free);

/* ctx: struct routes *. */
enum edge_verdict routes_handle(void *ctx, struct edge_request *q, struct edge_reply *r);
/* Makes live views and long waits end. */
void routes_stop(struct routes *r);

/* Writes front/registry with a new generation and waits until the front has it (2 s, no failure if
 * it is away: it reads the file when it starts). */
struct err routes_publish_registry(struct routes *r);
/* The same beside a running door: one at a time. Console calls it each hour, so that ended keys
 * end.
 */
struct err routes_republish(struct routes *r);
/* What the store asks of the front goes through here (store_attend). */
struct store_front routes_front(struct routes *r);
/* Ends a `weir seal` that a crash cut short (DIR/team.next is there); nothing otherwise. */
struct err routes_resume_seal(struct routes *r);
/* The rows, for tests that ask every route with every role: false behind the last. */
struct route_info {
    const char *method, *pattern;
    enum role least;
    bool operator_only, anyone;
};
bool routes_row(size_t i, struct route_info *out);
