/* table.c: the rows of the team door and the way of a request through them.
 *
 * identify -> match -> role -> CSRF -> project -> handler. What has no row gets 404 after the
 * caller is known, so that a stranger cannot tell routes apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "routes/call.h"

#define FRONT_WAIT_US (5 * US_PER_S)
#define FRONT_POLL_US 5000
#define CATCH_UP_MS 30000
#define FRESH_MS 1000

enum who { ANYONE, WITH_ROLE, OPERATOR };

struct route {
    enum edge_method method;
    const char *pattern; /* {id} stands for a project's number, {key} for any one piece; a '*' at
                            the end for any rest */
    enum who who;
    enum role least;
    route_run run;
};

static const struct route rows[] = {
    {EDGE_GET, "/healthz", ANYONE, ROLE_NONE, care_healthz},
    {EDGE_GET, "/login", ANYONE, ROLE_NONE, access_login},
    {EDGE_GET, "/metrics", WITH_ROLE, ROLE_ADMIN, care_metrics},
    {EDGE_GET, "/api/v1/session", WITH_ROLE, ROLE_COLLECTOR, access_session},
    {EDGE_POST, "/api/v1/logout", WITH_ROLE, ROLE_COLLECTOR, access_logout},
    {EDGE_GET, "/api/v1/status", WITH_ROLE, ROLE_ANALYST, care_status},
    {EDGE_POST, "/api/v1/query", WITH_ROLE, ROLE_ANALYST, ask_query},
    {EDGE_POST, "/api/v1/sealed", WITH_ROLE, ROLE_ANALYST, sealing_texts},
    {EDGE_GET, "/api/v1/projects/{id}/lexicon", WITH_ROLE, ROLE_ANALYST, projects_lexicon},
    {EDGE_GET, "/api/v1/projects/{id}/values", WITH_ROLE, ROLE_ANALYST, projects_values},
    {EDGE_GET, "/api/v1/projects/{id}/live", WITH_ROLE, ROLE_ANALYST, live_events},
    {EDGE_GET, "/api/v1/projects/{id}/export", WITH_ROLE, ROLE_EXPORTER, export_events},
    {EDGE_GET, "/api/v1/projects/{id}/snippet", WITH_ROLE, ROLE_ADMIN, projects_snippet},
    {EDGE_GET, "/api/v1/projects/{id}", WITH_ROLE, ROLE_ADMIN, rules_settings},
    {EDGE_PATCH, "/api/v1/projects/{id}", WITH_ROLE, ROLE_ADMIN, rules_change_settings},
    {EDGE_GET, "/api/v1/projects/{id}/lexicon/marks", WITH_ROLE, ROLE_ADMIN, lexicon_marks},
    {EDGE_POST, "/api/v1/projects/{id}/lexicon/marks", WITH_ROLE, ROLE_ADMIN, lexicon_mark},
    {EDGE_POST, "/api/v1/projects/{id}/publish", WITH_ROLE, ROLE_ADMIN, lexicon_publish},
    {EDGE_POST, "/api/v1/projects/{id}/erasures", WITH_ROLE, ROLE_ADMIN, erasing_begin},
    {EDGE_GET, "/api/v1/projects/{id}/erasures", WITH_ROLE, ROLE_ADMIN, erasing_list},
    {EDGE_GET, "/api/v1/projects/{id}/erasures/*", WITH_ROLE, ROLE_ADMIN, erasing_one},
    {EDGE_POST, "/api/v1/projects", WITH_ROLE, ROLE_ADMIN, projects_create},
    {EDGE_POST, "/api/v1/keys", WITH_ROLE, ROLE_ADMIN, access_key},
    {EDGE_GET, "/api/v1/keys", WITH_ROLE, ROLE_ADMIN, access_keys},
    {EDGE_DELETE, "/api/v1/keys/{key}", WITH_ROLE, ROLE_COLLECTOR, access_key_end},
    {EDGE_GET, "/api/v1/status-page", WITH_ROLE, ROLE_ANALYST, components_board},
    {EDGE_PATCH, "/api/v1/status-page", WITH_ROLE, ROLE_ADMIN, components_page},
    {EDGE_GET, "/api/v1/status-page/components", WITH_ROLE, ROLE_ANALYST, components_list},
    {EDGE_POST, "/api/v1/status-page/components", WITH_ROLE, ROLE_ADMIN, components_create},
    {EDGE_GET, "/api/v1/status-page/components/{key}", WITH_ROLE, ROLE_ANALYST, components_read},
    {EDGE_PATCH, "/api/v1/status-page/components/{key}", WITH_ROLE, ROLE_ADMIN, components_change},
    {EDGE_DELETE, "/api/v1/status-page/components/{key}", WITH_ROLE, ROLE_ADMIN, components_drop},
    {EDGE_POST, "/api/v1/status-page/components/{key}/normal", WITH_ROLE, ROLE_ADMIN,
     components_normal},
    {EDGE_GET, "/api/v1/status-page/signals", WITH_ROLE, ROLE_ANALYST, components_signals},
    {EDGE_GET, "/api/v1/status-page/incidents", WITH_ROLE, ROLE_ANALYST, incidents_list},
    {EDGE_POST, "/api/v1/status-page/incidents", WITH_ROLE, ROLE_ADMIN, incidents_open},
    {EDGE_GET, "/api/v1/status-page/incidents/{key}", WITH_ROLE, ROLE_ANALYST, incidents_read},
    {EDGE_PATCH, "/api/v1/status-page/incidents/{key}", WITH_ROLE, ROLE_ADMIN, incidents_rename},
    {EDGE_DELETE, "/api/v1/status-page/incidents/{key}", WITH_ROLE, ROLE_ADMIN, incidents_drop},
    {EDGE_POST, "/api/v1/status-page/incidents/{key}/updates", WITH_ROLE, ROLE_ADMIN,
     incidents_update},
    {EDGE_GET, "/api/v1/status-page/maintenances", WITH_ROLE, ROLE_ANALYST, incidents_list},
    {EDGE_POST, "/api/v1/status-page/maintenances", WITH_ROLE, ROLE_ADMIN, incidents_open},
    {EDGE_GET, "/api/v1/status-page/maintenances/{key}", WITH_ROLE, ROLE_ANALYST, incidents_read},
    {EDGE_PATCH, "/api/v1/status-page/maintenances/{key}", WITH_ROLE, ROLE_ADMIN, incidents_rename},
    {EDGE_DELETE, "/api/v1/status-page/maintenances/{key}", WITH_ROLE, ROLE_ADMIN, incidents_drop},
    {EDGE_POST, "/api/v1/status-page/maintenances/{key}/updates", WITH_ROLE, ROLE_ADMIN,
     incidents_update},
    {EDGE_POST, "/api/v1/status-page/incidents/{key}/merge", WITH_ROLE, ROLE_ADMIN,
     incidents_merge},
    {EDGE_POST, "/api/v1/status-page/incidents/{key}/postmortem", WITH_ROLE, ROLE_ADMIN,
     incidents_postmortem},
    {EDGE_GET, "/api/v1/status-page/monitors", WITH_ROLE, ROLE_ANALYST, probes_list},
    {EDGE_POST, "/api/v1/status-page/monitors", WITH_ROLE, ROLE_ADMIN, probes_create},
    {EDGE_POST, "/api/v1/status-page/monitors/try", WITH_ROLE, ROLE_ADMIN, probes_try},
    {EDGE_GET, "/api/v1/status-page/monitors/{key}", WITH_ROLE, ROLE_ANALYST, probes_read},
    {EDGE_PATCH, "/api/v1/status-page/monitors/{key}", WITH_ROLE, ROLE_ADMIN, probes_change},
    {EDGE_DELETE, "/api/v1/status-page/monitors/{key}", WITH_ROLE, ROLE_ADMIN, probes_drop},
    {EDGE_POST, "/api/v1/status-page/agents", WITH_ROLE, ROLE_ADMIN, probes_agent_create},
    {EDGE_DELETE, "/api/v1/status-page/agents/{key}", WITH_ROLE, ROLE_ADMIN, probes_agent_drop},
    {EDGE_GET, "/api/v1/status-page/subscribers", WITH_ROLE, ROLE_ADMIN, subscribers_list},
    {EDGE_POST, "/api/v1/status-page/subscribers", WITH_ROLE, ROLE_ADMIN, subscribers_add},
    {EDGE_POST, "/api/v1/status-page/subscribers/find", WITH_ROLE, ROLE_ADMIN, subscribers_find},
    {EDGE_DELETE, "/api/v1/status-page/subscribers/{key}", WITH_ROLE, ROLE_ADMIN,
     subscribers_remove},
    {EDGE_POST, "/api/v1/status-page/subscribers/{key}/resend", WITH_ROLE, ROLE_ADMIN,
     subscribers_resend},
    {EDGE_POST, "/api/v1/status-page/subscribers/{key}/test", WITH_ROLE, ROLE_ADMIN,
     subscribers_test},
    {EDGE_POST, "/api/v1/status-page/bounces", WITH_ROLE, ROLE_ADMIN, subscribers_bounced},
    {EDGE_GET, "/api/v1/status-page/notices", WITH_ROLE, ROLE_ANALYST, subscribers_notices},
    {EDGE_POST, "/api/v1/status-page/notices/{key}/again", WITH_ROLE, ROLE_ADMIN,
     subscribers_again},
    {EDGE_POST, "/api/v2/alerts", WITH_ROLE, ROLE_COLLECTOR, subscribers_alerts},
    {EDGE_POST, "/api/v1/login-links", OPERATOR, ROLE_ADMIN, access_link},
    {EDGE_POST, "/api/v1/flush", OPERATOR, ROLE_ADMIN, care_flush},
    {EDGE_POST, "/api/v1/check", OPERATOR, ROLE_ADMIN, care_check},
    {EDGE_POST, "/api/v1/seal/prepare", OPERATOR, ROLE_ADMIN, sealing_prepare},
    {EDGE_POST, "/api/v1/seal/commit", OPERATOR, ROLE_ADMIN, sealing_commit},
    {EDGE_GET, "/*", ANYONE, ROLE_NONE, routes_asset},
};
#define N_ROWS (sizeof rows / sizeof *rows)

static const char *method_name(enum edge_method m) {
    if (m == EDGE_GET) return "GET";
    if (m == EDGE_DELETE) return "DELETE";
    return m == EDGE_PATCH ? "PATCH" : "POST";
}

bool routes_row(size_t i, struct route_info *out) {
    if (i >= N_ROWS) return false;
    *out = (struct route_info){.method = method_name(rows[i].method),
                               .pattern = rows[i].pattern,
                               .least = rows[i].least,
                               .operator_only = rows[i].who == OPERATOR,
                               .anyone = rows[i].who == ANYONE};
    return true;
}

struct err routes_new(const struct routes_config *c, struct routes **out) {
    struct routes *r = calloc(1, sizeof *r);
    if (!r) return ERR(ERR_NOMEM, "routes");
    r->config = *c;
    r->team = c->team;
    r->has_secret = c->secret != NULL;
    if (c->secret) r->secret = *c->secret;
    r->config.secret = NULL;
    pthread_rwlock_init(&r->team_lock, NULL);
    pthread_mutex_init(&r->seal_lock, NULL);
    sem_init(&r->questions, 0, SMALL_PLACES);
    sem_init(&r->large, 0, LARGE_PLACES);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    r->turns = query_turns_new(cpus > 0 ? (unsigned)cpus : 1);
    if (!r->turns) {
        routes_free(r);
        return ERR(ERR_NOMEM, "routes");
    }
    *out = r;
    return ERR_NONE;
}

void routes_free(struct routes *r) {
    if (!r) return;
    pthread_rwlock_destroy(&r->team_lock);
    pthread_mutex_destroy(&r->seal_lock);
    sem_destroy(&r->questions);
    sem_destroy(&r->large);
    query_turns_free(r->turns);
    secret_wipe(r, sizeof *r);
    free(r);
}

void routes_stop(struct routes *r) {
    atomic_store(&r->stopping, 1);
}

/* ---- answers ---- */

void answer_json(struct call *c, const struct buf *json) {
    struct str copy = arena_str(c->q->arena, buf_str(json));
    if (buf_err(json).code || !copy.p) {
        answer_error(c, 500, "memory", "the answer does not fit in memory", NULL);
        return;
    }
    c->r->body = copy;
    c->r->content_type = "application/json";
    edge_reply_header(c->r, "Cache-Control", STR("no-store"));
}

void answer_error(struct call *c, int status, const char *code, const char *message,
                  const char *field) {
    edge_reply_error(c->q, c->r, status, code, message, field);
}

void answer_failure(struct call *c, const char *doing, struct err e) {
    log_failure(doing, e);
    int status = e.code == ERR_FULL || e.code == ERR_TIMEOUT || e.code == ERR_BUSY ? 503 : 500;
    answer_error(c, status, err_name(e.code),
                 status == 503 ? "not possible now; try again"
                               : "the server failed; its log says more",
                 NULL);
}

/* ---- the body ---- */

bool call_body(struct call *c) {
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(c->q->body.n + 1);
    struct err e = p ? json_parse(p, c->q->body, c->q->arena, &c->body) : ERR(ERR_NOMEM, "body");
    if (e.code == ERR_OK && c->body->type == JSON_OBJECT) return true;
    answer_error(c, 400, "invalid", e.code ? e.what : "the body has to be a JSON object", NULL);
    return false;
}

bool call_string(struct call *c, const char *name, struct str *out) {
    const struct json *v = json_get(c->body, name);
    *out = (struct str){"", 0};
    if (!v || v->type == JSON_NULL) return true;
    if (v->type == JSON_STR) {
        *out = v->s;
        return true;
    }
    answer_error(c, 400, "invalid", "has to be a string", name);
    return false;
}

bool call_number(struct call *c, const char *name, int64_t otherwise, int64_t *out) {
    const struct json *v = json_get(c->body, name);
    *out = otherwise;
    if (!v || v->type == JSON_NULL) return true;
    if (v->type == JSON_INT) {
        *out = v->i;
        return true;
    }
    answer_error(c, 400, "invalid", "has to be a whole number", name);
    return false;
}

bool call_only(struct call *c, const char *const *names, size_t n) {
    for (const struct json *m = json_first(c->body); m != json_end(c->body); m = json_next(m)) {
        bool known = false;
        for (size_t i = 0; i < n; i++)
            known |= str_is(m->key, names[i]);
        if (known) continue;
        char field[64];
        snprintf(field, sizeof field, STR_FMT, (int)(m->key.n < 60 ? m->key.n : 60), m->key.p);
        answer_error(c, 400, "invalid", "there is no such field", field);
        return false;
    }
    return true;
}

/* ---- rights ---- */

bool call_project(struct call *c, uint64_t id) {
    struct store_project p;
    bool may = c->actor.project == 0 || c->actor.project == id;
    if (may && store_project(c->routes->config.store, id, &p).code == ERR_OK) return true;
    answer_error(c, 404, "not_found", "there is no such project", "project");
    return false;
}

/* What was acknowledged is in every later answer: a question waits until the store has taken what
 * is durable now. After a start that is all that the parts do not hold yet, and no answer is given
 * before; later it is what a moment brought, and a store that is behind its load is not waited for
 * longer than a second. */
static struct err catch_up(struct routes *r) {
    const struct channel_page *page = r->config.channel->page;
    bool before = atomic_load(&r->caught_up);
    int64_t until_us = time_monotonic_us() + FRONT_WAIT_US;
    while (!before && !atomic_load_explicit(&page->recovered, memory_order_acquire)) {
        if (time_monotonic_us() > until_us)
            return ERR(ERR_BUSY, "the front has not read its journal yet");
        usleep(FRONT_POLL_US);
    }
    uint64_t durable = atomic_load_explicit(&page->synced, memory_order_acquire);
    struct err e = store_wait_visible(r->config.store, durable, before ? FRESH_MS : CATCH_UP_MS);
    if (before && e.code == ERR_TIMEOUT) return ERR_NONE;
    if (e.code == ERR_OK) atomic_store(&r->caught_up, true);
    return e;
}

struct err call_open_world(struct routes *r, enum role role, uint64_t project,
                           struct query_rights *rights, struct store_world **out) {
    TRY(catch_up(r));
    *rights = (struct query_rights){.may_reveal = role == ROLE_ADMIN};
    pthread_rwlock_rdlock(&r->team_lock);
    rights->opened = rights->may_reveal && r->has_secret;
    struct err e = store_world_open(r->config.store, project, r->config.root,
                                    rights->opened ? &r->secret : NULL, out);
    pthread_rwlock_unlock(&r->team_lock);
    return e;
}

struct store_world *call_world(struct call *c, uint64_t project, struct query_rights *rights) {
    struct store_world *w = NULL;
    struct err e = call_open_world(c->routes, c->actor.role, project, rights, &w);
    if (e.code == ERR_OK) return w;
    answer_failure(c, "opening a world", e);
    return NULL;
}

/* ---- matching ---- */

static bool match(const char *pattern, struct str path, struct call *c) {
    struct str want = str_z(pattern);
    while (want.n) {
        if (want.p[0] == '*') return true;
        struct str a = str_cut(&want, '/'), b = str_cut(&path, '/');
        int64_t number = 0;
        if (str_is(a, "*")) return true;
        if (str_is(a, "{id}") && str_to_i64(b, &number) && number > 0)
            c->id = (uint64_t)number;
        else if (str_is(a, "{key}") && b.n)
            c->key = b;
        else if (!str_eq(a, b))
            return false;
        if ((want.n == 0) != (path.n == 0) && !str_is(want, "*")) return false;
    }
    return path.n == 0;
}

static const struct route *find(struct call *c, bool *other_method) {
    enum edge_method method = c->q->method == EDGE_HEAD ? EDGE_GET : c->q->method;
    for (size_t i = 0; i < N_ROWS; i++) {
        if (!match(rows[i].pattern, c->q->path, c)) continue;
        if (rows[i].method == method) return &rows[i];
        *other_method = true;
    }
    return NULL;
}

static bool is_api(struct str path) {
    return str_starts(path, STR("/api/")) || str_is(path, "/metrics");
}

static bool may(struct call *c, const struct route *row) {
    if (row->who == ANYONE) return true;
    if (c->actor.role == ROLE_NONE) {
        answer_error(c, 401, "unauthorized",
                     "log in, or send a key by Basic or Bearer authorisation", NULL);
        /* A browser answers a Basic challenge with a dialog of its own, which would hide the
         * console's page. */
        bool tried = edge_header(c->q, "Authorization").n > 0;
        edge_reply_header(c->r, "WWW-Authenticate",
                          tried ? STR("Basic realm=\"weir\"") : STR("Bearer realm=\"weir\""));
        return false;
    }
    if (c->actor.role < row->least || (row->who == OPERATOR && !c->is_operator)) {
        answer_error(c, 403, "forbidden", "this needs another role", NULL);
        return false;
    }
    if (row->method == EDGE_GET || auth_csrf_ok(c)) return true;
    answer_error(c, 403, "csrf", "the X-Weir-Csrf header is missing or wrong", NULL);
    return false;
}

enum edge_verdict routes_handle(void *ctx, struct edge_request *q, struct edge_reply *r) {
    struct call c = {.routes = ctx, .q = q, .r = r, .is_operator = q->is_local};
    bool other_method = false;
    const struct route *row = find(&c, &other_method);
    auth_identify(&c);
    edge_reply_header(r, "X-Content-Type-Options", STR("nosniff"));
    edge_reply_header(r, "Referrer-Policy", STR("no-referrer"));
    if (row && row->run == routes_asset && is_api(q->path)) row = NULL;
    if (!row && c.actor.role == ROLE_NONE)
        answer_error(&c, 401, "unauthorized",
                     "log in, or send a key by Basic or Bearer authorisation", NULL);
    else if (!row)
        answer_error(&c, other_method ? 405 : 404, other_method ? "method" : "not_found",
                     other_method ? "not with this method" : "there is nothing at this address",
                     NULL);
    else if (may(&c, row) && (c.id == 0 || call_project(&c, c.id)))
        row->run(&c);
    secret_wipe(&c.actor, sizeof c.actor);
    return EDGE_ANSWERED;
}
