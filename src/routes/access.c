/* access.c: login links, sessions, API keys. */
#include <stdio.h>
#include <stdlib.h>

#include "routes/call.h"
#include "routes/version.h"

static const char used_link[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Weir</title><h1>This link "
    "does not work any more</h1>"
    "<p>A login link works once and for 15 minutes. On the server, <code>weir login-link</code> "
    "makes a new one.</p>";

static void set_cookie(struct call *c, const char *value, int seconds) {
    bool secure = c->q->is_tls || strncmp(c->routes->config.team_url, "https:", 6) == 0;
    edge_reply_header(c->r, "Set-Cookie",
                      arena_printf(c->q->arena,
                                   "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                                   SESSION_COOKIE, value, seconds, secure ? "; Secure" : ""));
}

void access_login(struct call *c) {
    struct str code;
    char session[TRUST_SECRET_CHARS];
    edge_reply_header(c->r, "Cache-Control", STR("no-store"));
    if (c->q->method == EDGE_HEAD) return; /* mail scanners look at links so */
    if (!edge_param(c->q, "code", &code) ||
        trust_link_use(c->routes->config.trust, code, session).code != ERR_OK) {
        c->r->status = 403;
        c->r->content_type = "text/html; charset=utf-8";
        c->r->body = str_z(used_link);
        c->r->body_is_static = true;
        return;
    }
    set_cookie(c, session, 14 * 86400);
    secret_wipe(session, sizeof session);
    c->r->status = 303;
    edge_reply_header(c->r, "Location", STR("/"));
}

void access_logout(struct call *c) {
    struct str cookie = edge_cookie(c->q, SESSION_COOKIE);
    struct err e = cookie.n ? trust_session_end(c->routes->config.trust, cookie) : ERR_NONE;
    if (e.code != ERR_OK) {
        answer_failure(c, "logging out", e);
        return;
    }
    set_cookie(c, "", 0);
    c->r->body = STR("{\"ok\":true}");
    c->r->content_type = "application/json";
}

static void put_project(const struct call *c, struct jout *j, const struct store_project *p) {
    jout_object(j);
    jout_keyz(j, "id");
    jout_i64(j, (int64_t)p->id);
    jout_keyz(j, "name");
    jout_strz(j, p->name);
    jout_keyz(j, "timezone");
    jout_strz(j, p->timezone);
    jout_keyz(j, "crowd");
    jout_i64(j, p->crowd);
    jout_keyz(j, "test");
    jout_bool(j, p->test);
    if (c->actor.role == ROLE_ADMIN) {
        jout_keyz(j, "token");
        jout_strz(j, p->token);
    }
    jout_object_end(j);
}

static struct err put_projects(const struct call *c, struct jout *j) {
    struct store_project *all = NULL;
    size_t n = 0;
    TRY(store_projects(c->routes->config.store, &all, &n));
    jout_keyz(j, "projects");
    jout_array(j);
    for (size_t i = 0; i < n; i++)
        if (c->actor.project == 0 || c->actor.project == all[i].id) put_project(c, j, &all[i]);
    jout_array_end(j);
    free(all);
    return ERR_NONE;
}

void access_session(struct call *c) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, ANSWER_BYTES);
    struct jout j;
    jout_init(&j, &out);
    pthread_rwlock_rdlock(&c->routes->team_lock);
    bool on_server = c->routes->has_secret;
    pthread_rwlock_unlock(&c->routes->team_lock);
    jout_object(&j);
    jout_keyz(&j, "name");
    jout_strz(&j, c->actor.name);
    jout_keyz(&j, "role");
    jout_strz(&j, role_name(c->actor.role));
    jout_keyz(&j, "csrf");
    jout_strz(&j, c->actor.csrf);
    jout_keyz(&j, "team_key_on_server");
    jout_bool(&j, on_server);
    jout_keyz(&j, "version");
    jout_strz(&j, WEIR_VERSION);
    struct err e = put_projects(c, &j);
    jout_object_end(&j);
    if (e.code != ERR_OK)
        answer_failure(c, "listing projects", e);
    else
        answer_json(c, &out);
}

void access_link(struct call *c) {
    struct str member;
    char code[TRUST_SECRET_CHARS];
    if (!call_body(c) || !call_string(c, "member", &member)) return;
    struct err e = trust_link_create(c->routes->config.trust, member, code);
    if (e.code == ERR_NOTFOUND) {
        answer_error(c, 404, "not_found", "there is no such member", "member");
        return;
    }
    if (e.code != ERR_OK) {
        answer_failure(c, "making a login link", e);
        return;
    }
    AUTO(buf_done) struct buf out;
    buf_init(&out, 4096);
    buf_printf(&out, "{\"url\":\"%s/login?code=%s\"}", c->routes->config.team_url, code);
    secret_wipe(code, sizeof code);
    answer_json(c, &out);
}

/* The key is made whatever becomes of this; without it the public door knows the key within the
 * hour. */
static void tell_front(struct routes *r, enum role role) {
    if (role != ROLE_COLLECTOR && role != ROLE_ADMIN) return;
    struct err e = routes_republish(r);
    if (e.code != ERR_OK) log_failure("telling the public door of a key", e);
}

static void make_key(struct call *c, uint64_t project, enum role role, struct str name, int days) {
    char user[TRUST_SECRET_CHARS], secret[TRUST_SECRET_CHARS];
    struct trust_key_new n = {project, role, name, days};
    struct err e = trust_key_create(c->routes->config.trust, &n, user, secret);
    if (e.code == ERR_INVALID) {
        answer_error(c, 400, "invalid", e.what, NULL);
        return;
    }
    if (e.code != ERR_OK) {
        answer_failure(c, "making a key", e);
        return;
    }
    tell_front(c->routes, role);
    AUTO(buf_done) struct buf out;
    buf_init(&out, 4096);
    buf_printf(&out, "{\"user\":\"%s\",\"secret\":\"%s\"}", user, secret);
    answer_json(c, &out);
    buf_wipe_done(&out);
    secret_wipe(secret, sizeof secret);
}

void access_key(struct call *c) {
    static const char *const fields[] = {"project", "role", "name", "expires"};
    struct str role_text, name;
    int64_t project = 0, days = 0;
    enum role role = ROLE_NONE;
    if (!call_body(c) || !call_only(c, fields, 4) || !call_number(c, "project", 0, &project) ||
        !call_string(c, "role", &role_text) || !call_string(c, "name", &name) ||
        !call_number(c, "expires", 0, &days))
        return;
    if (!role_parse(role_text, &role)) {
        answer_error(c, 400, "invalid", "one of collector, analyst, exporter, admin", "role");
        return;
    }
    if (days < 0 || days > 36500) {
        answer_error(c, 400, "invalid", "days, from 1 to 36500", "expires");
        return;
    }
    if (call_project(c, (uint64_t)project)) make_key(c, (uint64_t)project, role, name, (int)days);
}

void access_keys(struct call *c) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, 16u << 20);
    struct jout j;
    struct str text;
    int64_t project = (int64_t)c->actor.project;
    if (edge_param(c->q, "project", &text)) {
        if (!str_to_i64(text, &project) || project <= 0) {
            answer_error(c, 400, "invalid", "a project's number", "project");
            return;
        }
        if (!call_project(c, (uint64_t)project)) return;
    }
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "keys");
    struct err e = trust_key_list(c->routes->config.trust, (uint64_t)project, &j);
    jout_object_end(&j);
    if (e.code != ERR_OK)
        answer_failure(c, "listing keys", e);
    else
        answer_json(c, &out);
}

/* An admin ends the keys that he may see, everybody the own one. When the answer comes the public
 * door knows. */
void access_key_end(struct call *c) {
    enum role role = ROLE_NONE;
    struct err e = trust_key_revoke(c->routes->config.trust, &c->actor, c->key, &role);
    if (e.code == ERR_NOTFOUND) {
        answer_error(c, 404, "not_found", "there is no such key", "key");
        return;
    }
    if (e.code == ERR_OK && (role == ROLE_COLLECTOR || role == ROLE_ADMIN))
        e = routes_republish(c->routes);
    if (e.code != ERR_OK) {
        answer_failure(c, "ending a key", e);
        return;
    }
    AUTO(buf_done) struct buf out;
    buf_init(&out, 64);
    buf_put_str(&out, STR("{\"ok\":true}"));
    answer_json(c, &out);
}
