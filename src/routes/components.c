/* components.c: the status page, its components and the live board. */
#include <stdlib.h>

#include "routes/board.h"

struct answer {
    struct buf out;
    struct jout j;
};

static void begin(struct answer *a) {
    buf_init(&a->out, ANSWER_BYTES);
    jout_init(&a->j, &a->out);
}

static void end(struct call *c, struct answer *a, struct err e) {
    if (e.code != ERR_OK)
        answer_failure(c, "writing an answer", e);
    else
        answer_json(c, &a->out);
    buf_done(&a->out);
}

static struct err put_list(struct call *c, struct jout *j, const struct status_model *m) {
    struct err e = ERR_NONE;
    jout_keyz(j, "components");
    jout_array(j);
    for (size_t i = 0; i < m->n_components && e.code == ERR_OK; i++)
        e = board_put_component(c, j, m, &m->components[i], false);
    jout_array_end(j);
    return e;
}

static struct err put_open(struct call *c, struct jout *j, const struct status_model *m,
                           bool maintenances) {
    struct status_list which = {.maintenances = maintenances, .unresolved_only = true};
    struct status_incident *all = NULL;
    size_t n = 0;
    TRY(status_incidents(c->routes->config.status, &which, c->q->arena, &all, &n));
    jout_keyz(j, maintenances ? "maintenances" : "incidents");
    jout_array(j);
    for (size_t i = 0; i < n; i++)
        board_put_incident(j, m, &all[i], NULL, 0);
    jout_array_end(j);
    return ERR_NONE;
}

static void put_probes(struct jout *j, const struct status_model *m) {
    static const char *const words[] = {"down", "up", "pending", "maintenance"};
    jout_keyz(j, "probes");
    jout_array(j);
    for (size_t i = 0; i < m->n_probes; i++) {
        const struct status_probe *p = &m->probes[i];
        jout_object(j);
        jout_keyz(j, "number");
        jout_i64(j, p->number);
        jout_keyz(j, "name");
        jout_str(j, p->name);
        jout_keyz(j, "up");
        jout_strz(j, p->n_beats ? words[p->up & 3] : NULL);
        jout_keyz(j, "component");
        jout_strz(j, p->component ? board_id(m, p->component) : NULL);
        jout_keyz(j, "uptime_24h");
        jout_f64(j, p->uptime_24h);
        jout_object_end(j);
    }
    jout_array_end(j);
}

void components_board(struct call *c) {
    struct status_model *m = NULL;
    struct answer a;
    if (!board_open(c, &m)) return;
    begin(&a);
    jout_object(&a.j);
    jout_keyz(&a.j, "page");
    board_put_page(&a.j, &m->page);
    jout_keyz(&a.j, "generation");
    jout_i64(&a.j, (int64_t)m->generation);
    board_put_time(&a.j, "now", m->now_us);
    struct err e = put_list(c, &a.j, m);
    if (e.code == ERR_OK) e = put_open(c, &a.j, m, false);
    if (e.code == ERR_OK) e = put_open(c, &a.j, m, true);
    put_probes(&a.j, m);
    jout_object_end(&a.j);
    end(c, &a, e);
}

/* ---- the page ---- */

static bool read_networks(struct call *c, struct status_page *p) {
    const struct json *list = json_get(c->body, "shared_networks");
    if (!list) return true;
    uint32_t *all = list->type == JSON_ARRAY && list->n <= 200
                        ? arena_array(c->q->arena, list->n, sizeof *all)
                        : NULL;
    size_t n = 0;
    bool ok = all != NULL;
    for (const struct json *v = ok ? json_first(list) : NULL; ok && v != json_end(list);
         v = json_next(v)) {
        ok = v->type == JSON_INT && v->i > 0 && v->i <= UINT32_MAX;
        if (ok) all[n++] = (uint32_t)v->i;
    }
    p->shared_networks = all;
    p->n_shared_networks = n;
    if (!ok) answer_error(c, 400, "invalid", "at most 200 network numbers", "shared_networks");
    return ok;
}

static bool read_page(struct call *c, struct status_page *p) {
    static const char *const fields[] = {
        "name",   "url",     "time_zone",     "description",    "support_url",
        "accent", "project", "takes_reports", "takes_comments", "shared_networks"};
    int64_t project = (int64_t)p->project;
    if (!call_body(c) || !call_only(c, fields, sizeof fields / sizeof *fields) ||
        !board_text(c, "name", &p->name) || !board_text(c, "url", &p->url) ||
        !board_text(c, "time_zone", &p->time_zone) ||
        !board_text(c, "description", &p->description) ||
        !board_text(c, "support_url", &p->support_url) || !board_text(c, "accent", &p->accent) ||
        !board_bool(c, "takes_reports", &p->takes_reports) ||
        !board_bool(c, "takes_comments", &p->takes_comments) ||
        !call_number(c, "project", project, &project) || !read_networks(c, p))
        return false;
    if (project != 0 && project != (int64_t)p->project && !call_project(c, (uint64_t)project))
        return false;
    p->project = (uint64_t)project;
    return true;
}

void components_page(struct call *c) {
    struct status_model *m = NULL;
    struct answer a;
    struct status *s = board_open(c, &m);
    if (!s || !read_page(c, &m->page)) return;
    struct err e = status_page_set(s, &m->page);
    if (e.code != ERR_OK) {
        board_refuse(c, "changing the status page", e);
        return;
    }
    begin(&a);
    board_put_page(&a.j, &m->page);
    end(c, &a, ERR_NONE);
}

/* ---- components ---- */

static bool read_types(struct call *c, struct status_component *k) {
    const struct json *list = json_get(c->body, "types");
    if (!list) return true;
    bool ok = list->type == JSON_ARRAY && list->n <= STATUS_TYPES_MAX;
    k->n_types = 0;
    for (const struct json *v = ok ? json_first(list) : NULL; ok && v != json_end(list);
         v = json_next(v)) {
        ok = v->type == JSON_STR;
        if (ok) k->types[k->n_types++] = str_trim(v->s);
    }
    if (!ok) answer_error(c, 400, "invalid", "at most 8 texts", "types");
    return ok;
}

/* A filter is kept as the text it came as. */
static bool read_filter(struct call *c, const char *name, struct str *out) {
    const struct json *v = json_get(c->body, name);
    if (!v) return true;
    AUTO(buf_done) struct buf text;
    struct jout j;
    buf_init(&text, 8192);
    jout_init(&j, &text);
    if (v->type == JSON_ARRAY && v->n) json_write(&j, v);
    *out = arena_str(c->q->arena, buf_str(&text));
    bool ok = (v->type == JSON_ARRAY || v->type == JSON_NULL) && !buf_err(&text).code && out->p;
    if (!ok) answer_error(c, 400, "invalid", "a list of objects of event and where", name);
    return ok;
}

static bool read_group(struct call *c, const struct status_model *m, struct status_component *k) {
    const struct json *v = json_get(c->body, "group");
    if (!v) return true;
    memset(k->group, 0, sizeof k->group);
    if (v->type == JSON_NULL || json_is_str(v, "")) return true;
    const struct status_component *g = v->type == JSON_STR ? board_component(m, v->s) : NULL;
    if (!g || !g->is_group) {
        answer_error(c, 400, "invalid", "a group's id, or null", "group");
        return false;
    }
    memcpy(k->group, g->id, sizeof k->group);
    return true;
}

static bool read_flags(struct call *c, struct status_component *k, struct status_setup *setup) {
    int state = (int)k->state, rule = (int)setup->rule;
    int64_t position = k->position;
    if (!board_bool(c, "showcase", &k->showcase) ||
        !board_bool(c, "only_if_degraded", &k->only_if_degraded) ||
        !board_bool(c, "harsh", &setup->harsh) ||
        !board_word(c, "state", status_state_parse, &state) ||
        !board_word(c, "rule", status_rule_parse, &rule) ||
        !call_number(c, "position", position, &position))
        return false;
    if (position < 0 || position > 1000000) {
        answer_error(c, 400, "invalid", "from 0 to 1000000", "position");
        return false;
    }
    k->state = (enum status_state)state;
    k->position = (int32_t)position;
    setup->rule = (enum status_rule)rule;
    return true;
}

static bool read_component(struct call *c, const struct status_model *m, struct status_component *k,
                           struct status_setup *setup) {
    static const char *const fields[] = {
        "name",     "description", "group", "is_group", "showcase", "only_if_degraded",
        "position", "state",       "types", "rule",     "harsh",    "events",
        "errors"};
    if (!call_body(c) || !call_only(c, fields, sizeof fields / sizeof *fields)) return false;
    if (k->number && json_get(c->body, "is_group")) {
        answer_error(c, 400, "invalid", "a component does not become a group", "is_group");
        return false;
    }
    return board_text(c, "name", &k->name) && board_text(c, "description", &k->description) &&
           board_bool(c, "is_group", &k->is_group) && read_group(c, m, k) && read_types(c, k) &&
           read_flags(c, k, setup) && read_filter(c, "events", &setup->events) &&
           read_filter(c, "errors", &setup->errors);
}

/* The component as it is now, charts and all. */
static void answer_component(struct call *c, uint32_t number) {
    struct status_model *m = NULL;
    struct answer a;
    if (!board_open(c, &m)) return;
    for (size_t i = 0; i < m->n_components; i++) {
        if (m->components[i].number != number) continue;
        begin(&a);
        struct err e = board_put_component(c, &a.j, m, &m->components[i], true);
        end(c, &a, e);
        return;
    }
    board_refuse(c, "reading a component", ERR(ERR_NOTFOUND, "component"));
}

static void save(struct call *c, const struct status_model *m, struct status_component *k,
                 struct status_setup *setup) {
    if (!read_component(c, m, k, setup)) return;
    struct err e = status_component_save(c->routes->config.status, k, setup);
    if (e.code != ERR_OK)
        board_refuse(c, "saving a component", e);
    else
        answer_component(c, k->number);
}

void components_create(struct call *c) {
    struct status_model *m = NULL;
    struct status_component k = {.position = 0};
    struct status_setup setup = {.rule = STATUS_RULE_DRAFT};
    if (!board_open(c, &m)) return;
    for (size_t i = 0; i < m->n_components; i++)
        if (m->components[i].position >= k.position) k.position = m->components[i].position + 1;
    save(c, m, &k, &setup);
}

/* The named one; answers 404 and gives NULL otherwise. */
static struct status_component *named(struct call *c, struct status_model **m) {
    if (!board_open(c, m)) return NULL;
    struct status_component *k = board_component(*m, c->key);
    if (!k) board_refuse(c, "finding a component", ERR(ERR_NOTFOUND, "component"));
    return k;
}

/* The snapshot's state is what is shown; a person's word lies in the table and stays unless named.
 */
void components_change(struct call *c) {
    struct status_model *m = NULL;
    struct status_setup setup;
    struct status_component *k = named(c, &m);
    if (!k) return;
    struct err e = status_component_setup(c->routes->config.status, k->number, c->q->arena, &setup);
    if (e.code == ERR_OK) e = status_component_word(c->routes->config.status, k->number, &k->state);
    if (e.code != ERR_OK)
        board_refuse(c, "reading a component", e);
    else
        save(c, m, k, &setup);
}

void components_read(struct call *c) {
    struct status_model *m = NULL;
    const struct status_component *k = named(c, &m);
    if (k) answer_component(c, k->number);
}

void components_list(struct call *c) {
    struct status_model *m = NULL;
    struct answer a;
    if (!board_open(c, &m)) return;
    begin(&a);
    jout_object(&a.j);
    struct err e = put_list(c, &a.j, m);
    jout_object_end(&a.j);
    end(c, &a, e);
}

static void answer_done(struct call *c, const char *doing, struct err e) {
    if (e.code != ERR_OK) {
        board_refuse(c, doing, e);
        return;
    }
    c->r->body = STR("{\"ok\":true}");
    c->r->content_type = "application/json";
}

void components_drop(struct call *c) {
    struct status_model *m = NULL;
    const struct status_component *k = named(c, &m);
    if (!k) return;
    answer_done(c, "dropping a component",
                status_component_drop(c->routes->config.status, k->number));
}

void components_normal(struct call *c) {
    struct status_model *m = NULL;
    const struct status_component *k = named(c, &m);
    if (!k) return;
    answer_done(c, "forgetting what was learned",
                status_component_forget(c->routes->config.status, k->number));
}

/* ---- the live board ---- */

static void put_signal(struct jout *j, const struct status_model *m,
                       const struct status_signal *s) {
    static const char *const kinds[] = {"reports", "events", "errors"};
    jout_object(j);
    jout_keyz(j, "component");
    jout_strz(j, board_id(m, s->component));
    jout_keyz(j, "kind");
    jout_strz(j, kinds[s->kind]);
    jout_keyz(j, "cold");
    jout_bool(j, s->cold);
    jout_keyz(j, "open");
    jout_bool(j, s->open);
    jout_keyz(j, "held");
    jout_bool(j, s->held);
    jout_keyz(j, "z");
    jout_f64(j, s->z);
    jout_keyz(j, "alarm_at");
    jout_f64(j, s->alarm_at);
    jout_keyz(j, "window_s");
    jout_i64(j, health_window_s(s->top.window));
    jout_keyz(j, "seen");
    jout_i64(j, (int64_t)s->top.seen);
    jout_keyz(j, "expected");
    jout_f64(j, s->top.expected);
    jout_keyz(j, "minutes");
    jout_array(j);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        jout_i64(j, s->minutes[i]);
    jout_array_end(j);
    jout_keyz(j, "expected_minutes");
    jout_array(j);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        jout_f64(j, (double)s->expected[i]);
    jout_array_end(j);
    jout_object_end(j);
}

void components_signals(struct call *c) {
    struct status_model *m = NULL;
    struct status_signal *all = NULL;
    size_t n = 0;
    struct answer a;
    struct status *s = board_open(c, &m);
    if (!s) return;
    struct err e = status_signals(s, c->q->arena, &all, &n);
    begin(&a);
    jout_object(&a.j);
    jout_keyz(&a.j, "signals");
    jout_array(&a.j);
    for (size_t i = 0; i < n; i++)
        put_signal(&a.j, m, &all[i]);
    jout_array_end(&a.j);
    jout_object_end(&a.j);
    end(c, &a, e);
}
