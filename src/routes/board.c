/* board.c: the desk's shapes as JSON, and the members of its bodies. */
#include "routes/board.h"

#include <math.h>
#include <stdio.h>

struct status *board_open(struct call *c, struct status_model **m) {
    struct status *s = c->routes->config.status;
    struct err e = s ? status_snapshot(s, c->q->arena, m) : ERR(ERR_NOTFOUND, "status");
    if (e.code != ERR_OK) {
        answer_failure(c, "reading the status page", e);
        return NULL;
    }
    uint64_t project = (*m)->page.project;
    if (c->actor.project == 0 || project == 0 || c->actor.project == project) return s;
    answer_error(c, 404, "not_found", "the status page is another project's", NULL);
    return NULL;
}

void board_refuse(struct call *c, const char *doing, struct err e) {
    if (e.code == ERR_NOTFOUND) {
        answer_error(c, 404, "not_found", "there is no such thing on the status page", NULL);
        return;
    }
    if (e.code != ERR_INVALID && e.code != ERR_LIMIT) {
        answer_failure(c, doing, e);
        return;
    }
    struct str rest = str_z(e.what), field = str_cut(&rest, ':');
    char name[40];
    snprintf(name, sizeof name, STR_FMT, (int)(field.n < 39 ? field.n : 39), field.p);
    bool named = rest.n > 1;
    answer_error(c, 400, e.code == ERR_LIMIT ? "limit" : "invalid", named ? rest.p + 1 : e.what,
                 named ? name : NULL);
}

struct status_component *board_component(const struct status_model *m, struct str key) {
    for (size_t i = 0; i < m->n_components; i++)
        if (str_is(key, m->components[i].id)) return &m->components[i];
    return NULL;
}

const char *board_id(const struct status_model *m, uint32_t number) {
    for (size_t i = 0; i < m->n_components; i++)
        if (m->components[i].number == number) return m->components[i].id;
    return "";
}

/* ---- out ---- */

void board_put_time(struct jout *j, const char *key, int64_t us) {
    AUTO(zone_free) struct zone *utc = NULL;
    struct civil t;
    char text[40];
    jout_keyz(j, key);
    if (us == 0 || zone_open(STR("UTC"), &utc).code != ERR_OK) {
        jout_null(j);
        return;
    }
    zone_civil(utc, us, &t);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.year, t.month, t.day,
             t.hour, t.minute, t.second, (int)(us / 1000 % 1000));
    jout_strz(j, text);
}

static void put_text(struct jout *j, const char *key, struct str text) {
    jout_keyz(j, key);
    jout_str(j, text);
}

static void put_word(struct jout *j, const char *key, const char *word) {
    jout_keyz(j, key);
    jout_strz(j, word);
}

static void put_number(struct jout *j, const char *key, int64_t n) {
    jout_keyz(j, key);
    jout_i64(j, n);
}

static void put_bool(struct jout *j, const char *key, bool yes) {
    jout_keyz(j, key);
    jout_bool(j, yes);
}

static void put_counts(struct jout *j, const char *key, const uint32_t *n, size_t count) {
    jout_keyz(j, key);
    jout_array(j);
    for (size_t i = 0; i < count; i++)
        jout_i64(j, n[i]);
    jout_array_end(j);
}

static void put_floats(struct jout *j, const char *key, const float *n, size_t count) {
    jout_keyz(j, key);
    jout_array(j);
    for (size_t i = 0; i < count; i++)
        jout_f64(j, isfinite(n[i]) ? round((double)n[i] * 1000) / 1000 : (double)n[i]);
    jout_array_end(j);
}

void board_put_page(struct jout *j, const struct status_page *p) {
    jout_object(j);
    put_word(j, "id", p->id);
    put_text(j, "name", p->name);
    put_text(j, "url", p->url);
    put_text(j, "time_zone", p->time_zone);
    put_text(j, "description", p->description);
    put_text(j, "support_url", p->support_url);
    put_text(j, "accent", p->accent);
    put_number(j, "project", (int64_t)p->project);
    put_bool(j, "takes_reports", p->takes_reports);
    put_bool(j, "takes_comments", p->takes_comments);
    put_counts(j, "shared_networks", p->shared_networks, p->n_shared_networks);
    jout_object_end(j);
}

static void put_ids(struct jout *j, const struct status_model *m, const struct status_incident *i) {
    jout_keyz(j, "components");
    jout_array(j);
    for (size_t k = 0; k < i->n_components; k++)
        jout_strz(j, board_id(m, i->components[k]));
    jout_array_end(j);
}

static void put_update(struct jout *j, const struct status_model *m,
                       const struct status_update *u) {
    jout_object(j);
    put_word(j, "id", u->id);
    put_word(j, "status", status_phase_name(u->phase));
    put_text(j, "body", u->body);
    board_put_time(j, "created_at", u->created_us);
    board_put_time(j, "display_at", u->display_us);
    put_bool(j, "notify", u->notify);
    jout_keyz(j, "affected");
    jout_array(j);
    for (size_t k = 0; k < u->n_affected; k++) {
        jout_object(j);
        put_word(j, "component", board_id(m, u->affected[k].component));
        put_word(j, "from", status_state_name(u->affected[k].from));
        put_word(j, "to", status_state_name(u->affected[k].to));
        jout_object_end(j);
    }
    jout_array_end(j);
    jout_object_end(j);
}

static void put_evidence(struct jout *j, const struct status_model *m,
                         const struct status_evidence *e) {
    jout_object(j);
    put_word(j, "source", status_source_name(e->source));
    put_word(j, "component", board_id(m, e->component));
    put_number(j, "probe", e->probe);
    put_word(j, "country", e->country[0] ? e->country : NULL);
    put_number(j, "type", e->type);
    board_put_time(j, "onset_at", e->onset_us);
    board_put_time(j, "detected_at", e->detected_us);
    board_put_time(j, "closed_at", e->closed_us);
    put_number(j, "window_s", e->window_s);
    jout_keyz(j, "z");
    jout_f64(j, e->z);
    jout_keyz(j, "peak_z");
    jout_f64(j, e->peak_z);
    jout_keyz(j, "peak_ratio");
    jout_f64(j, e->peak_ratio);
    put_number(j, "seen", (int64_t)e->seen);
    jout_keyz(j, "expected");
    jout_f64(j, e->expected);
    put_bool(j, "fused", e->fused);
    put_number(j, "counted", e->counted);
    put_number(j, "verified", e->verified);
    put_number(j, "prefixes", e->prefixes);
    put_number(j, "networks", e->networks);
    board_put_time(j, "from", e->from_us);
    put_counts(j, "minutes", e->minutes, STATUS_MINUTES);
    put_floats(j, "expected_minutes", e->expected_minutes, STATUS_MINUTES);
    jout_object_end(j);
}

static void put_times(struct jout *j, const struct status_incident *i) {
    board_put_time(j, "created_at", i->created_us);
    board_put_time(j, "updated_at", i->updated_us);
    board_put_time(j, "started_at", i->started_us);
    board_put_time(j, "detected_at", i->detected_us);
    board_put_time(j, "monitoring_at", i->monitoring_us);
    board_put_time(j, "resolved_at", i->resolved_us);
    board_put_time(j, "scheduled_for", i->scheduled_for_us);
    board_put_time(j, "scheduled_until", i->scheduled_until_us);
}

void board_put_incident(struct jout *j, const struct status_model *m,
                        const struct status_incident *i, const struct status_evidence *e,
                        size_t n_evidence) {
    jout_object(j);
    put_word(j, "id", i->id);
    put_text(j, "name", i->name);
    put_word(j, "status", status_phase_name(i->phase));
    put_word(j, "impact", status_impact_name(i->impact));
    put_times(j, i);
    jout_keyz(j, "people");
    if (i->people < 0)
        jout_null(j);
    else
        jout_i64(j, i->people);
    put_ids(j, m, i);
    jout_keyz(j, "updates");
    jout_array(j);
    for (size_t k = 0; k < i->n_updates; k++)
        put_update(j, m, &i->updates[k]);
    jout_array_end(j);
    put_text(j, "postmortem", i->postmortem);
    if (e) {
        jout_keyz(j, "evidence");
        jout_array(j);
        for (size_t k = 0; k < n_evidence; k++)
            put_evidence(j, m, &e[k]);
        jout_array_end(j);
    }
    jout_object_end(j);
}

/* ---- a component ---- */

static void put_types(struct jout *j, const struct status_component *k) {
    jout_keyz(j, "types");
    jout_array(j);
    for (size_t i = 0; i < k->n_types; i++)
        jout_str(j, k->types[i]);
    jout_array_end(j);
}

/* Share of the seconds of known days that were up. */
static double uptime(const struct status_component *k) {
    double known = 0, down = 0;
    for (size_t i = 0; i < STATUS_DAYS; i++) {
        if (k->days[i] == 255) continue;
        known += 86400;
        down += k->down_s[i];
    }
    return known > 0 ? 1 - down / known : NAN;
}

static void put_days(struct jout *j, const struct status_model *m,
                     const struct status_component *k) {
    AUTO(zone_free) struct zone *zone = NULL;
    struct civil today, day;
    if (zone_open(m->page.time_zone, &zone).code != ERR_OK) return;
    zone_civil(zone, m->now_us, &today);
    today.hour = 12, today.minute = today.second = 0;
    jout_keyz(j, "days");
    jout_array(j);
    for (int i = 0; i < STATUS_DAYS; i++) {
        char date[40];
        struct civil noon = today;
        noon.day -= STATUS_DAYS - 1 - i;
        zone_civil(zone, zone_instant(zone, &noon), &day);
        snprintf(date, sizeof date, "%04d-%02d-%02d", day.year, day.month, day.day);
        jout_object(j);
        put_word(j, "date", date);
        put_word(j, "worst",
                 k->days[i] == 255 ? NULL : status_state_name((enum status_state)k->days[i]));
        put_number(j, "down_s", k->down_s[i]);
        jout_object_end(j);
    }
    jout_array_end(j);
}

static void put_charts(struct jout *j, const struct status_component *k) {
    put_counts(j, "reports", k->reports, STATUS_CHART_N);
    put_floats(j, "expected", k->expected, STATUS_CHART_N);
    put_counts(j, "type_share", k->type_share, k->n_types);
    jout_keyz(j, "areas");
    jout_array(j);
    for (size_t i = 0; i < k->n_areas; i++) {
        jout_object(j);
        put_word(j, "country", k->areas[i].country);
        put_number(j, "reports", k->areas[i].reports);
        jout_object_end(j);
    }
    jout_array_end(j);
}

static void put_setup(struct jout *j, const struct status_setup *setup) {
    put_word(j, "rule", status_rule_name(setup->rule));
    put_bool(j, "harsh", setup->harsh);
    jout_keyz(j, "events");
    jout_raw(j, setup->events.n ? setup->events : STR("[]"));
    jout_keyz(j, "errors");
    jout_raw(j, setup->errors.n ? setup->errors : STR("[]"));
}

struct err board_put_component(struct call *c, struct jout *j, const struct status_model *m,
                               const struct status_component *k, bool whole) {
    struct status_setup setup;
    TRY(status_component_setup(c->routes->config.status, k->number, c->q->arena, &setup));
    jout_object(j);
    put_word(j, "id", k->id);
    put_number(j, "number", k->number);
    put_text(j, "name", k->name);
    put_text(j, "description", k->description);
    put_word(j, "group", k->group[0] ? k->group : NULL);
    put_bool(j, "is_group", k->is_group);
    put_bool(j, "showcase", k->showcase);
    put_bool(j, "only_if_degraded", k->only_if_degraded);
    put_number(j, "position", k->position);
    put_word(j, "state", status_state_name(k->state));
    put_types(j, k);
    put_setup(j, &setup);
    board_put_time(j, "created_at", k->created_us);
    board_put_time(j, "updated_at", k->updated_us);
    jout_keyz(j, "uptime_90d");
    jout_f64(j, uptime(k));
    put_number(j, "reports_24h", k->reports_24h);
    put_number(j, "verified_24h", k->verified_24h);
    put_number(j, "refused_24h", k->refused_24h);
    if (whole) put_days(j, m, k);
    if (whole) put_charts(j, k);
    jout_object_end(j);
    return ERR_NONE;
}

/* ---- in ---- */

static bool wrong(struct call *c, const char *name, const char *message) {
    answer_error(c, 400, "invalid", message, name);
    return false;
}

bool board_bool(struct call *c, const char *name, bool *out) {
    const struct json *v = json_get(c->body, name);
    if (!v) return true;
    if (v->type != JSON_TRUE && v->type != JSON_FALSE)
        return wrong(c, name, "has to be true or false");
    *out = v->type == JSON_TRUE;
    return true;
}

bool board_text(struct call *c, const char *name, struct str *out) {
    if (!json_get(c->body, name)) return true;
    return call_string(c, name, out);
}

bool board_time(struct call *c, const struct status_model *m, const char *name, int64_t *out) {
    const struct json *v = json_get(c->body, name);
    AUTO(zone_free) struct zone *zone = NULL;
    if (!v || v->type == JSON_NULL) return true;
    if (zone_open(m->page.time_zone, &zone).code == ERR_OK && v->type == JSON_STR &&
        status_time_parse(v->s, zone, out))
        return true;
    return wrong(c, name,
                 "a time such as 2026-12-01T02:00, in the page's zone unless it names one");
}

bool board_word(struct call *c, const char *name, int (*parse)(struct str), int *out) {
    const struct json *v = json_get(c->body, name);
    if (!v || v->type == JSON_NULL) return true;
    int word = v->type == JSON_STR ? parse(v->s) : -1;
    if (word < 0) return wrong(c, name, "not one of its words; see doc/status-api.md");
    *out = word;
    return true;
}

static bool read_affected(const struct status_model *m, const struct json *v, bool named,
                          struct status_affected *a) {
    struct str id = named ? v->key : v->type == JSON_STR ? v->s : (struct str){0};
    const struct status_component *k = board_component(m, id);
    int state = named ? v->type == JSON_STR ? status_state_parse(v->s) : -1 : (int)a->to;
    if (!k || k->is_group || state < 0) return false;
    *a = (struct status_affected){k->number, k->state, (enum status_state)state};
    return true;
}

bool board_affected(struct call *c, const struct status_model *m, enum status_state otherwise,
                    struct status_affected **out, size_t *out_n) {
    const struct json *list = json_get(c->body, "components");
    if (!list) return true;
    bool named = list->type == JSON_OBJECT;
    if ((!named && list->type != JSON_ARRAY) || list->n > m->n_components)
        return wrong(c, "components", "an object of component id and state, or a list of ids");
    struct status_affected *all = arena_array(c->q->arena, list->n, sizeof *all);
    size_t n = 0;
    if (!all) return wrong(c, "components", "too many");
    for (const struct json *v = json_first(list); v != json_end(list); v = json_next(v), n++) {
        all[n].to = otherwise;
        if (!read_affected(m, v, named, &all[n]))
            return wrong(c, "components", "a component's id (not a group's) and a state's name");
    }
    *out = all;
    *out_n = n;
    return true;
}
