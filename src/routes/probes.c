/* probes.c: monitors and agents: listed, made, changed, tried (doc/monitors.md). */
#include <stdio.h>

#include "monitor/monitor.h"
#include "routes/board.h"

static struct monitors *open_monitors(struct call *c, struct status_model **model) {
    if (!board_open(c, model)) return NULL;
    if (c->routes->config.monitors) return c->routes->config.monitors;
    answer_error(c, 404, "not_found", "there are no monitors here", NULL);
    return NULL;
}

/* fault is "member: what is wrong". */
static void refuse(struct call *c, struct err e, const char *fault) {
    char field[64] = "";
    const char *colon = strstr(fault, ": ");
    if (e.code == ERR_INVALID && colon) {
        (void)snprintf(field, sizeof field, "%.*s", (int)(colon - fault), fault);
        struct str kept = arena_str(c->q->arena, str_z(colon + 2));
        struct str name = arena_str(c->q->arena, str_z(field));
        answer_error(c, 400, "invalid", kept.p ? kept.p : "invalid", name.p);
    } else if (e.code == ERR_NOTFOUND) {
        answer_error(c, 404, "not_found", "there is no such monitor", NULL);
    } else {
        board_refuse(c, "changing monitors", e);
    }
}

static void begin(struct buf *b, struct jout *j) {
    buf_init(b, ANSWER_BYTES);
    jout_init(j, b);
}

static bool read_number(struct call *c, uint32_t *out) {
    int64_t n;
    bool ok = str_to_i64(c->key, &n) && n > 0 && n <= UINT32_MAX;
    if (ok)
        *out = (uint32_t)n;
    else
        answer_error(c, 404, "not_found", "there is no such monitor", NULL);
    return ok;
}

/* The body with `component` as a number, as the monitors know it. NULL: answered. */
static const struct json *read_body(struct call *c, const struct status_model *model) {
    AUTO(buf_done) struct buf b = {0};
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 17);
    struct jout j;
    const struct json *out = NULL;
    if (!call_body(c)) return NULL;
    buf_init(&b, 1u << 17);
    jout_init(&j, &b);
    jout_object(&j);
    for (const struct json *v = json_first(c->body); v != json_end(c->body); v = json_next(v)) {
        jout_key(&j, v->key);
        bool component = str_is(v->key, "component");
        struct status_component *k =
            component && v->type == JSON_STR ? board_component(model, v->s) : NULL;
        if (component && !k && v->type != JSON_NULL && !(v->type == JSON_STR && v->s.n == 0)) {
            answer_error(c, 400, "invalid", "there is no such component", "component");
            return NULL;
        }
        if (component)
            jout_i64(&j, k ? k->number : 0);
        else
            json_write(&j, v);
    }
    jout_object_end(&j);
    struct err e = p ? buf_err(&b) : ERR(ERR_NOMEM, "body");
    if (e.code == ERR_OK) e = json_parse_copy(p, buf_str(&b), c->q->arena, &out);
    if (e.code != ERR_OK) answer_error(c, 400, "invalid", "too large", NULL);
    return e.code == ERR_OK ? out : NULL;
}

void probes_list(struct call *c) {
    struct status_model *model = NULL;
    struct monitors *m = open_monitors(c, &model);
    AUTO(buf_done) struct buf out = {0};
    struct jout j;
    if (!m) return;
    begin(&out, &j);
    jout_object(&j);
    jout_keyz(&j, "monitors");
    struct err e = monitors_put_list(m, model, &j);
    jout_keyz(&j, "places");
    monitors_put_places(m, &j);
    jout_object_end(&j);
    if (e.code != ERR_OK)
        answer_failure(c, "listing monitors", e);
    else
        answer_json(c, &out);
}

static void put_results(struct jout *j, const struct status_model *model, uint32_t number) {
    static const char *const ups[] = {"down", "up", "pending", "maintenance"};
    const struct status_probe *p = NULL;
    for (size_t i = 0; i < model->n_probes; i++)
        if (model->probes[i].number == number) p = &model->probes[i];
    if (!p) return;
    jout_keyz(j, "uptime_24h");
    jout_f64(j, p->uptime_24h);
    jout_keyz(j, "uptime_30d");
    jout_f64(j, p->uptime_30d);
    jout_keyz(j, "avg_ms_24h");
    jout_f64(j, p->avg_ms_24h);
    jout_keyz(j, "results");
    jout_array(j);
    for (size_t i = 0; i < p->n_beats; i++) {
        jout_object(j);
        board_put_time(j, "at", p->beats[i].at_us);
        jout_keyz(j, "up");
        jout_strz(j, ups[p->beats[i].up & 3]);
        jout_keyz(j, "ms");
        if (p->beats[i].ms < 0)
            jout_null(j);
        else
            jout_i64(j, p->beats[i].ms);
        jout_object_end(j);
    }
    jout_array_end(j);
}

/* token: of a push monitor just made, told this once. */
static void answer_one(struct call *c, struct monitors *m, uint32_t number, const char *token) {
    struct status_model *model = NULL;
    AUTO(buf_done) struct buf out = {0};
    struct jout j;
    if (!board_open(c, &model)) return;
    begin(&out, &j);
    struct err e = monitors_put_one(m, number, model, &j);
    if (e.code != ERR_OK) {
        refuse(c, e, "");
        return;
    }
    put_results(&j, model, number);
    if (token && *token) {
        struct str url =
            arena_printf(c->q->arena, "%s/api/push/%s", c->routes->config.public_url, token);
        jout_keyz(&j, "token");
        jout_strz(&j, token);
        jout_keyz(&j, "push_url");
        jout_str(&j, url);
    }
    jout_object_end(&j);
    answer_json(c, &out);
}

static void save(struct call *c, uint32_t number) {
    struct status_model *model = NULL;
    struct monitors *m = open_monitors(c, &model);
    char token[MONITOR_SECRET_BYTES] = "", fault[MONITOR_FAULT_BYTES] = "";
    const struct json *body = m ? read_body(c, model) : NULL;
    if (!body) return;
    struct err e = monitors_save(m, body, &number, token, fault);
    if (e.code != ERR_OK)
        refuse(c, e, fault);
    else
        answer_one(c, m, number, token);
    secret_wipe(token, sizeof token);
}

void probes_create(struct call *c) {
    save(c, 0);
}

void probes_change(struct call *c) {
    uint32_t number;
    if (read_number(c, &number)) save(c, number);
}

void probes_read(struct call *c) {
    uint32_t number;
    struct status_model *model = NULL;
    struct monitors *m = open_monitors(c, &model);
    if (m && read_number(c, &number)) answer_one(c, m, number, NULL);
}

static void answer_ok(struct call *c) {
    c->r->body = STR("{\"ok\":true}");
    c->r->content_type = "application/json";
}

void probes_drop(struct call *c) {
    uint32_t number;
    struct status_model *model = NULL;
    struct monitors *m = open_monitors(c, &model);
    if (!m || !read_number(c, &number)) return;
    struct err e = monitors_drop(m, number);
    if (e.code != ERR_OK)
        refuse(c, e, "");
    else
        answer_ok(c);
}

void probes_try(struct call *c) {
    struct status_model *model = NULL;
    struct monitors *m = open_monitors(c, &model);
    char fault[MONITOR_FAULT_BYTES] = "";
    struct post_beat b;
    const struct json *body = m ? read_body(c, model) : NULL;
    AUTO(buf_done) struct buf out = {0};
    struct jout j;
    if (!body) return;
    struct err e = monitors_try(m, body, &b, fault);
    if (e.code != ERR_OK) {
        refuse(c, e, fault);
        return;
    }
    begin(&out, &j);
    monitors_put_beat(&j, &b);
    answer_json(c, &out);
}

/* ---- agents ---- */

void probes_agent_create(struct call *c) {
    static const char *const fields[] = {"name"};
    struct status_model *model = NULL;
    struct monitors *m = open_monitors(c, &model);
    char key[MONITOR_SECRET_BYTES] = "";
    struct str name;
    uint32_t number = 0;
    AUTO(buf_done) struct buf out = {0};
    struct jout j;
    if (!m || !call_body(c) || !call_only(c, fields, 1) || !call_string(c, "name", &name)) return;
    struct err e = monitors_agent_create(m, name, &number, key);
    if (e.code != ERR_OK) {
        refuse(c, e, e.code == ERR_INVALID ? e.what : "");
        return;
    }
    begin(&out, &j);
    jout_object(&j);
    jout_keyz(&j, "number");
    jout_i64(&j, number);
    jout_keyz(&j, "name");
    jout_str(&j, name);
    jout_keyz(&j, "key");
    jout_strz(&j, key);
    jout_object_end(&j);
    answer_json(c, &out);
    secret_wipe(key, sizeof key);
}

void probes_agent_drop(struct call *c) {
    uint32_t number;
    struct status_model *model = NULL;
    struct monitors *m = open_monitors(c, &model);
    if (!m || !read_number(c, &number)) return;
    struct err e = monitors_agent_drop(m, number);
    if (e.code != ERR_OK)
        refuse(c, e, "");
    else
        answer_ok(c);
}
