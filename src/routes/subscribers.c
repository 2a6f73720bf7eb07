/* subscribers.c: who hears of incidents, and what stayed unsent (doc/notices.md). Addresses are
 * masked in every answer; a webhook's secret is shown once, when it is made. */
#include <stdio.h>

#include "routes/board.h"

#define LIST_MOST 1000

/* The notices, if this caller may use the desk; answers and gives NULL otherwise. */
static struct notice *open_notice(struct call *c) {
    struct status_model *m = NULL;
    if (!board_open(c, &m)) return NULL;
    if (!c->routes->config.notice)
        answer_failure(c, "opening notices", ERR(ERR_NOTFOUND, "notices"));
    return c->routes->config.notice;
}

static void refuse(struct call *c, const char *doing, struct err e) {
    if (e.code == ERR_EXISTS)
        answer_error(c, 409, "exists", e.what, NULL);
    else if (e.code == ERR_NOTFOUND)
        answer_error(c, 404, "not_found", e.what, NULL);
    else if (e.code == ERR_DENIED)
        answer_error(c, 409, "state", e.what, NULL);
    else
        board_refuse(c, doing, e);
}

static void answer_done(struct call *c, const char *doing, struct err e) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, 64);
    buf_put_str(&out, STR("{\"ok\":true}"));
    if (e.code == ERR_OK)
        answer_json(c, &out);
    else
        refuse(c, doing, e);
}

static bool number(struct call *c, int64_t *out) {
    if (str_to_i64(c->key, out) && *out > 0) return true;
    answer_error(c, 404, "not_found", "there is no such subscriber", NULL);
    return false;
}

/* ---- adding ---- */

static bool read_components(struct call *c, struct notice_new *how) {
    const struct json *list = json_get(c->body, "components");
    if (!list || list->type == JSON_NULL) return true;
    bool ok = list->type == JSON_ARRAY && list->n <= NOTICE_COMPONENTS;
    struct str *ids = ok ? arena_array(c->q->arena, list->n + 1u, sizeof *ids) : NULL;
    for (const struct json *v = json_first(list); ids && v != json_end(list); v = json_next(v)) {
        ok = ok && v->type == JSON_STR;
        if (ok) ids[how->n_components++] = v->s;
    }
    how->components = ids;
    if (!ok || !ids) answer_error(c, 400, "invalid", "a list of at most 100 ids", "components");
    return ok && ids;
}

static bool read_new(struct call *c, struct notice_new *how) {
    static const char *const fields[] = {"kind",  "email",      "url",
                                         "label", "components", "confirmed"};
    struct str kind, email, url;
    if (!call_body(c) || !call_only(c, fields, 6) || !call_string(c, "kind", &kind) ||
        !call_string(c, "email", &email) || !call_string(c, "url", &url) ||
        !call_string(c, "label", &how->label) || !board_bool(c, "confirmed", &how->confirmed))
        return false;
    if (kind.n == 0) kind = STR("email");
    if (!notice_kind_parse(kind, &how->kind)) {
        answer_error(c, 400, "invalid", "email, webhook, slack, alertmanager-hook or alertmanager",
                     "kind");
        return false;
    }
    how->to = how->kind == NOTICE_MAIL ? email : url;
    return read_components(c, how);
}

static void answer_added(struct call *c, int64_t id, const char *secret) {
    AUTO(buf_done) struct buf out;
    struct jout j;
    buf_init(&out, 4096);
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "id");
    jout_i64(&j, id);
    if (secret[0]) {
        jout_keyz(&j, "secret");
        jout_strz(&j, secret);
    }
    jout_object_end(&j);
    answer_json(c, &out);
    buf_wipe_done(&out);
}

void subscribers_add(struct call *c) {
    struct notice *n = open_notice(c);
    struct notice_new how = {0};
    char secret[NOTICE_SECRET_CHARS];
    int64_t id = 0;
    if (!n || !read_new(c, &how)) return;
    struct err e = notice_add(n, &how, &id, secret);
    if (e.code == ERR_OK)
        answer_added(c, id, secret);
    else
        refuse(c, "adding a subscriber", e);
    secret_wipe(secret, sizeof secret);
}

/* ---- lists ---- */

static bool list_bounds(struct call *c, int64_t *after, int64_t *limit) {
    struct str text;
    bool ok = !edge_param(c->q, "after", &text) || (str_to_i64(text, after) && *after >= 0);
    ok = ok && (!edge_param(c->q, "limit", &text) ||
                (str_to_i64(text, limit) && *limit >= 1 && *limit <= LIST_MOST));
    if (!ok) answer_error(c, 400, "invalid", "after: an id; limit: 1 to 1000", "limit");
    return ok;
}

void subscribers_list(struct call *c) {
    struct notice *n = open_notice(c);
    int64_t after = 0, limit = 100;
    AUTO(buf_done) struct buf out;
    struct jout j;
    buf_init(&out, ANSWER_BYTES);
    if (!n || !list_bounds(c, &after, &limit)) return;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "subscribers");
    struct err e = notice_list(n, after, (size_t)limit, &j);
    jout_object_end(&j);
    if (e.code == ERR_OK)
        answer_json(c, &out);
    else
        answer_failure(c, "listing subscribers", e);
}

void subscribers_find(struct call *c) {
    static const char *const fields[] = {"kind", "email", "url"};
    struct notice *n = open_notice(c);
    struct str kind, email, url;
    enum notice_kind k = NOTICE_MAIL;
    int64_t id = 0;
    if (!n || !call_body(c) || !call_only(c, fields, 3) || !call_string(c, "kind", &kind) ||
        !call_string(c, "email", &email) || !call_string(c, "url", &url))
        return;
    if (kind.n && !notice_kind_parse(kind, &k)) {
        answer_error(c, 400, "invalid", "a kind of subscriber", "kind");
        return;
    }
    struct err e = notice_find(n, k, k == NOTICE_MAIL ? email : url, &id);
    if (e.code == ERR_OK)
        answer_added(c, id, "");
    else
        refuse(c, "finding a subscriber", e);
}

/* ---- one ---- */

void subscribers_remove(struct call *c) {
    struct notice *n = open_notice(c);
    int64_t id;
    if (n && number(c, &id)) answer_done(c, "removing a subscriber", notice_remove(n, id));
}

void subscribers_resend(struct call *c) {
    struct notice *n = open_notice(c);
    int64_t id;
    if (n && number(c, &id)) answer_done(c, "asking a subscriber", notice_resend(n, id));
}

void subscribers_test(struct call *c) {
    struct notice *n = open_notice(c);
    int64_t id;
    if (n && number(c, &id)) answer_done(c, "queueing a test", notice_test(n, id));
}

void subscribers_bounced(struct call *c) {
    static const char *const fields[] = {"email"};
    struct notice *n = open_notice(c);
    struct str email;
    if (!n || !call_body(c) || !call_only(c, fields, 1) || !call_string(c, "email", &email)) return;
    answer_done(c, "noting a bounce", notice_bounced(n, email));
}

/* ---- the outbox ---- */

void subscribers_notices(struct call *c) {
    struct notice *n = open_notice(c);
    AUTO(buf_done) struct buf out;
    struct jout j;
    buf_init(&out, ANSWER_BYTES);
    if (!n) return;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "counts");
    struct err e = notice_counts(n, &j);
    jout_keyz(&j, "unsent");
    if (e.code == ERR_OK) e = notice_unsent(n, 200, &j);
    jout_object_end(&j);
    if (e.code == ERR_OK)
        answer_json(c, &out);
    else
        answer_failure(c, "reading the outbox", e);
}

void subscribers_again(struct call *c) {
    struct notice *n = open_notice(c);
    int64_t row;
    if (n && number(c, &row)) answer_done(c, "sending again", notice_send_again(n, row));
}

/* ---- alerts that come in ---- */

static void answer_alerts(struct call *c, size_t taken, size_t unknown) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, 256);
    buf_printf(&out, "{\"status\":\"success\",\"taken\":%zu,\"unknown\":%zu}", taken, unknown);
    answer_json(c, &out);
}

/* Alertmanager and Prometheus look at the status alone: what names no component of ours is counted
 * and answered 200, or they would send it for ever. */
void subscribers_alerts(struct call *c) {
    struct notice *n = open_notice(c);
    struct notice_alert *alerts = NULL;
    size_t k = 0, taken = 0;
    if (!n) return;
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(c->q->body.n + 1);
    struct err e = p ? json_parse(p, c->q->body, c->q->arena, &c->body) : ERR(ERR_NOMEM, "body");
    if (e.code == ERR_OK) e = notice_alerts_read(c->body, time_now_us(), c->q->arena, &alerts, &k);
    if (e.code != ERR_OK) {
        answer_error(c, 400, "invalid", e.what, NULL);
        return;
    }
    for (size_t i = 0; i < k; i++) {
        struct status_alert a = {.component = alerts[i].component,
                                 .name = alerts[i].name,
                                 .summary = alerts[i].summary,
                                 .firing = alerts[i].firing,
                                 .since_us = alerts[i].since_us};
        e = alerts[i].ours ? ERR(ERR_NOTFOUND, "") : status_alert(c->routes->config.status, &a);
        taken += e.code == ERR_OK;
        if (e.code == ERR_OK || e.code == ERR_NOTFOUND || e.code == ERR_INVALID) continue;
        answer_failure(c, "taking an alert", e); /* it is sent again */
        return;
    }
    answer_alerts(c, taken, k - taken);
}
