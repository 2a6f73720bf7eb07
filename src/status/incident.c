/* incident.c: the life of an incident and of a scheduled maintenance.
 *
 * What an incident says of components now stands in status_named; an update changes it and notes
 * what it changed (status_affected). A draft names components without putting them into that state.
 * Ending sets what was named operational again, which the states of other open incidents and a
 * person's own word may still outweigh (change.c).
 */
#include "status/internal.h"

bool status_is_over(enum status_phase p) {
    return p == STATUS_RESOLVED || p == STATUS_POSTMORTEM || p == STATUS_COMPLETED;
}

bool status_is_public(enum status_phase p) {
    return p != STATUS_DRAFT && p != STATUS_SCHEDULED && !status_is_over(p);
}

static enum status_impact impact_of(enum status_state worst) {
    switch (worst) {
    case STATUS_OPERATIONAL:
        return STATUS_IMPACT_NONE;
    case STATUS_MAINTENANCE:
        return STATUS_IMPACT_MAINTENANCE;
    case STATUS_DEGRADED:
        return STATUS_IMPACT_MINOR;
    case STATUS_PARTIAL:
        return STATUS_IMPACT_MAJOR;
    case STATUS_MAJOR:
        return STATUS_IMPACT_CRITICAL;
    }
    return STATUS_IMPACT_NONE;
}

static enum status_state worst_of(const struct status_affected *a, size_t n) {
    enum status_state worst = STATUS_OPERATIONAL;
    for (size_t i = 0; i < n; i++)
        if (a[i].to > worst) worst = a[i].to;
    return worst;
}

/* ---- checks ---- */

static bool phase_of_kind(int phase, bool maintenance) {
    if (maintenance) return phase >= STATUS_SCHEDULED && phase <= STATUS_COMPLETED;
    return phase >= STATUS_DRAFT && phase <= STATUS_RESOLVED;
}

static struct err check_affected(const struct status_affected *a, size_t n) {
    if (n > STATUS_AFFECTED_MAX) return ERR(ERR_INVALID, "components: 200 at most");
    for (size_t i = 0; i < n; i++)
        if (a[i].to > STATUS_MAJOR) return ERR(ERR_INVALID, "components: there is no such state");
    return ERR_NONE;
}

static struct err check_new(const struct status_incident_new *n) {
    bool maintenance = n->scheduled_for_us != 0;
    if (!status_line_ok(n->name, 1, STATUS_NAME_BYTES))
        return ERR(ERR_INVALID, "name: 1 to 200 bytes on one line");
    if (!status_text_ok(n->body, STATUS_BODY_BYTES))
        return ERR(ERR_INVALID, "body: 20,000 bytes of text at most");
    if (!phase_of_kind((int)n->phase, maintenance))
        return ERR(ERR_INVALID, "status: not one of this kind");
    if (maintenance && n->scheduled_until_us <= n->scheduled_for_us)
        return ERR(ERR_INVALID, "scheduled_until: has to be after scheduled_for");
    if (n->impact > STATUS_IMPACT_MAINTENANCE) return ERR(ERR_INVALID, "impact: no such impact");
    return check_affected(n->affected, n->n_affected);
}

/* ---- rows ---- */

static struct err component_is_there(struct status *s, uint32_t number) {
    int64_t n = 0;
    TRY(status_number(s, &n, "SELECT count(*) FROM status_component WHERE number = ?", number));
    return n ? ERR_NONE : ERR(ERR_INVALID, "components: there is no such component");
}

/* Sets what the incident says of a component, and notes the change as the update's. */
static struct err name_component(struct status *s, struct str incident, const char *update,
                                 const struct status_affected *a) {
    struct meta *m = s->config.meta;
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(component_is_there(s, a->component));
    TRY(meta_query(m, &row, "SELECT state FROM status_named WHERE incident = ? AND component = ?",
                   "si", incident, (int64_t)a->component));
    int64_t was = meta_next(row, &e) ? meta_i64(row, 0) : STATUS_OPERATIONAL;
    TRY(e);
    TRY(meta_exec(m, "INSERT OR REPLACE INTO status_named VALUES(?, ?, ?)", "sii", incident,
                  (int64_t)a->component, (int64_t)a->to));
    return meta_exec(m, "INSERT OR REPLACE INTO status_affected VALUES(?, ?, ?, ?)", "siii",
                     str_z(update), (int64_t)a->component, was, (int64_t)a->to);
}

struct update_row {
    struct str incident, body;
    enum status_phase phase;
    int64_t display_us;
    bool notify;
};

static struct err insert_update(struct status *s, const struct update_row *u, char id[]) {
    int64_t now = status_now_us(s);
    random_word(id, STATUS_ID_BYTES);
    return meta_exec(s->config.meta,
                     "INSERT INTO status_update(id, incident, phase, body, created_us, display_us, "
                     "notify) VALUES(?, ?, ?, ?, ?, ?, ?)",
                     "ssisiii", str_z(id), u->incident, (int64_t)u->phase, u->body, now,
                     u->display_us ? u->display_us : now, (int64_t)u->notify);
}

static struct err room_for_one(struct status *s) {
    int64_t n = 0;
    TRY(status_number(s, &n,
                      "SELECT count(*) FROM status_incident WHERE resolved_us = ? AND merged_into "
                      "= ''",
                      0));
    return n < STATUS_OPEN_MAX ? ERR_NONE : ERR(ERR_LIMIT, "200 open incidents at most");
}

static struct err insert_row(struct status *s, const struct status_incident_new *n,
                             const char *id) {
    int64_t now = status_now_us(s), started = n->started_us;
    enum status_impact impact = n->impact == STATUS_KEEP
                                    ? impact_of(worst_of(n->affected, n->n_affected))
                                    : (enum status_impact)n->impact;
    if (n->scheduled_for_us) impact = STATUS_IMPACT_MAINTENANCE, started = n->scheduled_for_us;
    return meta_exec(
        s->config.meta,
        "INSERT INTO status_incident VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, '', -1, "
        "'', 0)",
        "ssiiiiiiiiiiii", str_z(id), n->name, (int64_t)(n->scheduled_for_us != 0),
        (int64_t)n->phase, (int64_t)impact, now, now, started ? started : now,
        n->phase == STATUS_MONITORING ? now : (int64_t)0,
        status_is_over(n->phase) ? now : (int64_t)0, n->scheduled_for_us, n->scheduled_until_us,
        (int64_t)n->auto_begin, (int64_t)n->auto_end);
}

struct err status_incident_insert(struct status *s, const struct status_incident_new *n,
                                  struct status_touch *t) {
    TRY(check_new(n));
    TRY(room_for_one(s));
    random_word(t->incident, STATUS_ID_BYTES);
    TRY(insert_row(s, n, t->incident));
    struct update_row u = {str_z(t->incident), n->body, n->phase, 0, n->notify};
    TRY(insert_update(s, &u, t->update));
    for (size_t i = 0; i < n->n_affected; i++)
        TRY(name_component(s, u.incident, t->update, &n->affected[i]));
    t->noticed = n->notify && n->phase != STATUS_DRAFT;
    return ERR_NONE;
}

struct err status_incident_open(struct status *s, const struct status_incident_new *n,
                                char out_id[STATUS_ID_BYTES + 1]) {
    struct status_touch t = {0};
    TRY(meta_begin(s->config.meta));
    struct err e = status_finish(s, status_incident_insert(s, n, &t), &t);
    if (e.code == ERR_OK) memcpy(out_id, t.incident, sizeof t.incident);
    return e;
}

/* ---- updates ---- */

struct standing {
    enum status_phase phase;
    bool maintenance;
    int64_t impact, monitoring_us, resolved_us;
};

static struct err find(struct status *s, struct str id, struct standing *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT phase, maintenance, impact, monitoring_us, resolved_us FROM "
                   "status_incident WHERE id = ? AND merged_into = ''",
                   "s", id));
    if (!meta_next(row, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "incident");
    *out = (struct standing){(enum status_phase)meta_i64(row, 0), meta_i64(row, 1) != 0,
                             meta_i64(row, 2), meta_i64(row, 3), meta_i64(row, 4)};
    return ERR_NONE;
}

/* All that the incident names is operational again, as this update says. */
static struct err free_components(struct status *s, struct str id, const char *update) {
    struct meta *m = s->config.meta;
    TRY(meta_exec(m,
                  "INSERT OR REPLACE INTO status_affected SELECT ?, component, state, 0 FROM "
                  "status_named WHERE incident = ? AND state <> 0",
                  "ss", str_z(update), id));
    return meta_exec(m, "UPDATE status_named SET state = 0 WHERE incident = ?", "s", id);
}

static struct err write_standing(struct status *s, struct str id, const struct standing *now) {
    return meta_exec(s->config.meta,
                     "UPDATE status_incident SET phase = ?, impact = ?, monitoring_us = ?, "
                     "resolved_us = ?, updated_us = ?, touched = touched + 1 WHERE id = ?",
                     "iiiiis", (int64_t)now->phase, now->impact, now->monitoring_us,
                     now->resolved_us, status_now_us(s), id);
}

/* The incident's impact grows with what it says of components; only a person makes it smaller. */
static void move(struct status *s, const struct status_update_new *u, struct standing *now) {
    int64_t at = status_now_us(s);
    if (u->phase != STATUS_KEEP) now->phase = (enum status_phase)u->phase;
    enum status_impact seen = impact_of(worst_of(u->affected, u->n_affected));
    if (u->impact != STATUS_KEEP)
        now->impact = u->impact;
    else if (!now->maintenance && seen != STATUS_IMPACT_MAINTENANCE && (int64_t)seen > now->impact)
        now->impact = (int64_t)seen;
    if (now->phase == STATUS_MONITORING) now->monitoring_us = at;
    if (!status_is_over(now->phase))
        now->resolved_us = 0;
    else if (!now->resolved_us)
        now->resolved_us = at;
}

static struct err check_update(const struct status_update_new *u, const struct standing *now) {
    if (!status_text_ok(u->body, STATUS_BODY_BYTES))
        return ERR(ERR_INVALID, "body: 20,000 bytes of text at most");
    if (u->phase != STATUS_KEEP && !phase_of_kind(u->phase, now->maintenance))
        return ERR(ERR_INVALID, "status: not one of this kind");
    if (u->phase == STATUS_DRAFT && now->phase != STATUS_DRAFT)
        return ERR(ERR_INVALID, "status: what is public does not become a draft");
    if (u->impact > STATUS_IMPACT_MAINTENANCE) return ERR(ERR_INVALID, "impact: no such impact");
    return check_affected(u->affected, u->n_affected);
}

struct err status_incident_apply(struct status *s, struct str id, const struct status_update_new *u,
                                 struct status_touch *t) {
    struct standing now;
    TRY(find(s, id, &now));
    TRY(check_update(u, &now));
    status_copy_id(t->incident, id);
    move(s, u, &now);
    TRY(write_standing(s, id, &now));
    struct update_row row = {id, u->body, now.phase, u->display_us, u->notify};
    TRY(insert_update(s, &row, t->update));
    for (size_t i = 0; i < u->n_affected; i++)
        TRY(name_component(s, id, t->update, &u->affected[i]));
    if (status_is_over(now.phase)) TRY(free_components(s, id, t->update));
    t->noticed = u->notify && now.phase != STATUS_DRAFT;
    return ERR_NONE;
}

struct err status_incident_update(struct status *s, struct str id,
                                  const struct status_update_new *u) {
    struct status_touch t = {0};
    TRY(meta_begin(s->config.meta));
    return status_finish(s, status_incident_apply(s, id, u, &t), &t);
}

/* ---- the rest of its life ---- */

static struct err merge(struct status *s, struct str from, struct str into) {
    struct meta *m = s->config.meta;
    struct standing a, b;
    TRY(find(s, from, &a));
    TRY(find(s, into, &b));
    if (str_eq(from, into) || a.maintenance || b.maintenance)
        return ERR(ERR_INVALID, "into: another incident, and no maintenance");
    TRY(meta_exec(m,
                  "INSERT INTO status_named SELECT ?, component, state FROM status_named WHERE "
                  "incident = ? ON CONFLICT DO UPDATE SET state = max(state, excluded.state)",
                  "ss", into, from));
    TRY(meta_exec(m, "DELETE FROM status_named WHERE incident = ?", "s", from));
    TRY(meta_exec(m, "UPDATE status_update SET incident = ? WHERE incident = ? AND phase <> 0",
                  "ss", into, from));
    TRY(meta_exec(m, "UPDATE status_evidence SET incident = ? WHERE incident = ?", "ss", into,
                  from));
    TRY(meta_exec(m,
                  "UPDATE status_incident SET started_us = min(started_us, (SELECT started_us FROM "
                  "status_incident WHERE id = ?)), impact = max(impact, ?), updated_us = ? WHERE "
                  "id = ?",
                  "siis", from, a.impact, status_now_us(s), into));
    return meta_exec(m, "UPDATE status_incident SET merged_into = ?, resolved_us = ? WHERE id = ?",
                     "sis", into, status_now_us(s), from);
}

struct err status_incident_merge(struct status *s, struct str from, struct str into) {
    TRY(meta_begin(s->config.meta));
    return status_finish(s, merge(s, from, into), NULL);
}

static struct err write_postmortem(struct status *s, struct str id, struct str text) {
    struct standing now;
    struct status_touch t;
    TRY(find(s, id, &now));
    if (now.maintenance || !status_is_over(now.phase))
        return ERR(ERR_INVALID, "status: only a resolved incident has a postmortem");
    if (text.n == 0 || !status_text_ok(text, STATUS_BODY_BYTES))
        return ERR(ERR_INVALID, "body: 1 to 20,000 bytes of text");
    now.phase = STATUS_POSTMORTEM;
    TRY(write_standing(s, id, &now));
    struct update_row row = {id, text, STATUS_POSTMORTEM, 0, false};
    TRY(insert_update(s, &row, t.update));
    return meta_exec(s->config.meta, "UPDATE status_incident SET postmortem = ? WHERE id = ?", "ss",
                     text, id);
}

struct err status_incident_postmortem(struct status *s, struct str id, struct str text) {
    TRY(meta_begin(s->config.meta));
    return status_finish(s, write_postmortem(s, id, text), NULL);
}

static struct err drop(struct status *s, struct str id) {
    struct meta *m = s->config.meta;
    struct standing now;
    TRY(find(s, id, &now));
    if (now.phase != STATUS_DRAFT && now.phase != STATUS_SCHEDULED)
        return ERR(ERR_INVALID, "status: what was public is resolved, not dropped");
    TRY(meta_exec(m,
                  "DELETE FROM status_affected WHERE upd IN (SELECT id FROM status_update WHERE "
                  "incident = ?)",
                  "s", id));
    TRY(meta_exec(m, "DELETE FROM status_update WHERE incident = ?", "s", id));
    TRY(meta_exec(m, "DELETE FROM status_named WHERE incident = ?", "s", id));
    /* The evidence stays: it says that this alarm was seen, so a replay does not draft it again. */
    return meta_exec(m, "DELETE FROM status_incident WHERE id = ?", "s", id);
}

struct err status_incident_drop(struct status *s, struct str id) {
    TRY(meta_begin(s->config.meta));
    return status_finish(s, drop(s, id), NULL);
}

static struct err rename_row(struct status *s, struct str id, struct str name) {
    if (!status_line_ok(name, 1, STATUS_NAME_BYTES))
        return ERR(ERR_INVALID, "name: 1 to 200 bytes on one line");
    TRY(meta_exec(s->config.meta,
                  "UPDATE status_incident SET name = ?, updated_us = ? WHERE id = ? AND "
                  "merged_into = ''",
                  "sis", name, status_now_us(s), id));
    return meta_changes(s->config.meta) ? ERR_NONE : ERR(ERR_NOTFOUND, "incident");
}

struct err status_incident_rename(struct status *s, struct str id, struct str name) {
    TRY(meta_begin(s->config.meta));
    return status_finish(s, rename_row(s, id, name), NULL);
}
