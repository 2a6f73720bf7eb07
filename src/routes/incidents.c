/* incidents.c: the incident desk: incidents and scheduled maintenance, opened, told about, ended.
 */
#include "routes/board.h"

#include <stdlib.h>

static bool is_maintenance(const struct call *c) {
    return str_contains(c->q->path, STR("/maintenances"));
}

static struct err find(struct call *c, struct str id, struct status_incident **out) {
    struct status_list which = {.maintenances = is_maintenance(c), .only = id};
    size_t n = 0;
    TRY(status_incidents(c->routes->config.status, &which, c->q->arena, out, &n));
    return n ? ERR_NONE : ERR(ERR_NOTFOUND, "incident");
}

static void answer_incident(struct call *c, const struct status_model *m, struct str id) {
    struct status_incident *i = NULL;
    struct status_evidence *e = NULL;
    size_t n = 0;
    struct err failed = find(c, id, &i);
    if (failed.code == ERR_OK)
        failed = status_evidence(c->routes->config.status, id, c->q->arena, &e, &n);
    if (failed.code != ERR_OK) {
        board_refuse(c, "reading an incident", failed);
        return;
    }
    AUTO(buf_done) struct buf out;
    struct jout j;
    buf_init(&out, ANSWER_BYTES);
    jout_init(&j, &out);
    board_put_incident(&j, m, i, e, n);
    answer_json(c, &out);
}

/* After a change: the incident as it is now. */
static void answer_change(struct call *c, struct str id, const char *doing, struct err e) {
    struct status_model *m = NULL;
    if (e.code != ERR_OK)
        board_refuse(c, doing, e);
    else if (board_open(c, &m))
        answer_incident(c, m, id);
}

void incidents_read(struct call *c) {
    struct status_model *m = NULL;
    if (board_open(c, &m)) answer_incident(c, m, c->key);
}

void incidents_list(struct call *c) {
    struct status_model *m = NULL;
    struct str state = STR("all"), limit = STR("50");
    struct status_list which = {.maintenances = is_maintenance(c)};
    struct status_incident *all = NULL;
    int64_t most = 0;
    size_t n = 0;
    struct status *s = board_open(c, &m);
    if (!s) return;
    edge_param(c->q, "state", &state);
    edge_param(c->q, "limit", &limit);
    which.drafts_only = str_is(state, "draft");
    which.unresolved_only = str_is(state, "open");
    if (!str_to_i64(limit, &most) || most < 1 || most > 200) {
        answer_error(c, 400, "invalid", "from 1 to 200", "limit");
        return;
    }
    which.most = (size_t)most;
    struct err e = status_incidents(s, &which, c->q->arena, &all, &n);
    if (e.code != ERR_OK) {
        answer_failure(c, "listing incidents", e);
        return;
    }
    AUTO(buf_done) struct buf out;
    struct jout j;
    buf_init(&out, ANSWER_BYTES);
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, which.maintenances ? "maintenances" : "incidents");
    jout_array(&j);
    for (size_t i = 0; i < n; i++)
        board_put_incident(&j, m, &all[i], NULL, 0);
    jout_array_end(&j);
    jout_object_end(&j);
    answer_json(c, &out);
}

/* ---- opening ---- */

static bool read_new(struct call *c, const struct status_model *m, struct status_incident_new *n) {
    static const char *const fields[] = {"name",       "status",     "impact", "body",
                                         "components", "started_at", "notify"};
    int phase = STATUS_INVESTIGATING;
    struct status_affected *a = NULL;
    if (!call_body(c) || !call_only(c, fields, sizeof fields / sizeof *fields) ||
        !board_text(c, "name", &n->name) || !board_text(c, "body", &n->body) ||
        !board_word(c, "status", status_phase_parse, &phase) ||
        !board_word(c, "impact", status_impact_parse, &n->impact) ||
        !board_bool(c, "notify", &n->notify) || !board_time(c, m, "started_at", &n->started_us) ||
        !board_affected(c, m, STATUS_DEGRADED, &a, &n->n_affected))
        return false;
    n->phase = (enum status_phase)phase;
    n->affected = a;
    return true;
}

static bool read_maintenance(struct call *c, const struct status_model *m,
                             struct status_incident_new *n) {
    static const char *const fields[] = {
        "name",   "body",       "components", "scheduled_for", "scheduled_until",
        "notify", "auto_begin", "auto_end"};
    struct status_affected *a = NULL;
    n->phase = STATUS_SCHEDULED;
    n->auto_begin = n->auto_end = true;
    if (!call_body(c) || !call_only(c, fields, sizeof fields / sizeof *fields) ||
        !board_text(c, "name", &n->name) || !board_text(c, "body", &n->body) ||
        !board_bool(c, "notify", &n->notify) || !board_bool(c, "auto_begin", &n->auto_begin) ||
        !board_bool(c, "auto_end", &n->auto_end) ||
        !board_time(c, m, "scheduled_for", &n->scheduled_for_us) ||
        !board_time(c, m, "scheduled_until", &n->scheduled_until_us) ||
        !board_affected(c, m, STATUS_MAINTENANCE, &a, &n->n_affected))
        return false;
    if (!n->scheduled_for_us || !n->scheduled_until_us) {
        answer_error(c, 400, "invalid", "a maintenance has a begin and an end",
                     n->scheduled_for_us ? "scheduled_until" : "scheduled_for");
        return false;
    }
    n->affected = a;
    return true;
}

void incidents_open(struct call *c) {
    struct status_model *m = NULL;
    struct status_incident_new n = {.impact = STATUS_KEEP, .notify = true};
    char id[STATUS_ID_BYTES + 1] = "";
    struct status *s = board_open(c, &m);
    if (!s || !(is_maintenance(c) ? read_maintenance(c, m, &n) : read_new(c, m, &n))) return;
    struct err e = status_incident_open(s, &n, id);
    answer_change(c, str_z(id), "opening an incident", e);
}

/* ---- telling and ending ---- */

void incidents_update(struct call *c) {
    static const char *const fields[] = {"status",     "impact", "body",
                                         "components", "notify", "display_at"};
    struct status_model *m = NULL;
    struct status_update_new u = {.phase = STATUS_KEEP, .impact = STATUS_KEEP, .notify = true};
    struct status_affected *a = NULL;
    struct status_incident *found = NULL;
    struct status *s = board_open(c, &m);
    if (!s || !call_body(c) || !call_only(c, fields, sizeof fields / sizeof *fields) ||
        !board_word(c, "status", status_phase_parse, &u.phase) ||
        !board_word(c, "impact", status_impact_parse, &u.impact) ||
        !board_text(c, "body", &u.body) || !board_bool(c, "notify", &u.notify) ||
        !board_time(c, m, "display_at", &u.display_us) ||
        !board_affected(c, m, STATUS_DEGRADED, &a, &u.n_affected))
        return;
    u.affected = a;
    struct err e = find(c, c->key, &found);
    if (e.code == ERR_OK) e = status_incident_update(s, c->key, &u);
    answer_change(c, c->key, "updating an incident", e);
}

void incidents_rename(struct call *c) {
    static const char *const fields[] = {"name"};
    struct status_model *m = NULL;
    struct str name;
    struct status_incident *found = NULL;
    struct status *s = board_open(c, &m);
    if (!s || !call_body(c) || !call_only(c, fields, 1) || !call_string(c, "name", &name)) return;
    struct err e = find(c, c->key, &found);
    if (e.code == ERR_OK) e = status_incident_rename(s, c->key, name);
    answer_change(c, c->key, "renaming an incident", e);
}

void incidents_merge(struct call *c) {
    static const char *const fields[] = {"into"};
    struct status_model *m = NULL;
    struct str into;
    struct status *s = board_open(c, &m);
    if (!s || !call_body(c) || !call_only(c, fields, 1) || !call_string(c, "into", &into)) return;
    answer_change(c, into, "merging incidents", status_incident_merge(s, c->key, into));
}

void incidents_postmortem(struct call *c) {
    static const char *const fields[] = {"body"};
    struct status_model *m = NULL;
    struct str body;
    struct status *s = board_open(c, &m);
    if (!s || !call_body(c) || !call_only(c, fields, 1) || !call_string(c, "body", &body)) return;
    answer_change(c, c->key, "writing a postmortem", status_incident_postmortem(s, c->key, body));
}

void incidents_drop(struct call *c) {
    struct status_model *m = NULL;
    struct status_incident *found = NULL;
    struct status *s = board_open(c, &m);
    if (!s) return;
    struct err e = find(c, c->key, &found);
    if (e.code == ERR_OK) e = status_incident_drop(s, c->key);
    if (e.code != ERR_OK) {
        board_refuse(c, "dropping an incident", e);
        return;
    }
    c->r->body = STR("{\"ok\":true}");
    c->r->content_type = "application/json";
}
