/* story.c: what happened, in the words and shapes that receivers know (Statuspage's API v2).
 *
 * A story is written once, when its update is queued, and never changes: what the first of ten
 * thousand readers gets is what the last gets, whatever happens to the incident meanwhile.
 */
#include <stdio.h>

#include "notice/inside.h"

const char *notice_phase_text(enum status_phase p) {
    switch (p) {
    case STATUS_DRAFT:
        return "Draft";
    case STATUS_INVESTIGATING:
        return "Investigating";
    case STATUS_IDENTIFIED:
        return "Identified";
    case STATUS_MONITORING:
        return "Monitoring";
    case STATUS_RESOLVED:
        return "Resolved";
    case STATUS_POSTMORTEM:
        return "Postmortem";
    case STATUS_SCHEDULED:
        return "Scheduled";
    case STATUS_IN_PROGRESS:
        return "In progress";
    case STATUS_VERIFYING:
        return "Verifying";
    case STATUS_COMPLETED:
        return "Completed";
    }
    return "Update";
}

void notice_time(struct jout *j, const char *key, int64_t us) {
    jout_keyz(j, key);
    if (us == 0) {
        jout_null(j);
        return;
    }
    AUTO(zone_free) struct zone *utc = NULL;
    struct civil c = {.month = 1, .day = 1};
    char text[40];
    if (zone_open(STR("UTC"), &utc).code == ERR_OK) zone_civil(utc, us, &c);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day,
             c.hour, c.minute, c.second, (int)(us / 1000 % 1000));
    jout_strz(j, text);
}

static void put_str(struct jout *j, const char *key, struct str s) {
    jout_keyz(j, key);
    jout_str(j, s);
}
static void put_z(struct jout *j, const char *key, const char *z) {
    jout_keyz(j, key);
    jout_strz(j, z);
}
static void put_bool(struct jout *j, const char *key, bool v) {
    jout_keyz(j, key);
    jout_bool(j, v);
}

/* ---- the page ---- */

struct tally {
    size_t n, by[STATUS_MAJOR + 1];
};

static struct tally count_states(const struct status_model *m) {
    struct tally t = {0};
    for (size_t i = 0; i < m->n_components; i++) {
        if (m->components[i].is_group || m->components[i].state > STATUS_MAJOR) continue;
        t.n++;
        t.by[m->components[i].state]++;
    }
    return t;
}

/* shared/protocols: the texts are Statuspage's, the thresholds ours. */
static void put_page(struct jout *j, const struct status_model *m) {
    struct tally t = count_states(m);
    const char *indicator = "none", *text = "All Systems Operational";
    if (t.n && t.by[STATUS_MAJOR] == t.n)
        indicator = "critical", text = "Major System Outage";
    else if (t.by[STATUS_MAJOR] || (t.n && t.by[STATUS_PARTIAL] == t.n))
        indicator = "major", text = "Partial System Outage";
    else if (t.by[STATUS_PARTIAL])
        indicator = "minor", text = "Minor Service Outage";
    else if (t.n && t.by[STATUS_DEGRADED] == t.n)
        indicator = "minor", text = "Degraded System Service";
    else if (t.by[STATUS_DEGRADED])
        indicator = "minor", text = "Partially Degraded Service";
    else if (t.by[STATUS_MAINTENANCE])
        indicator = "maintenance", text = "Service Under Maintenance";
    jout_keyz(j, "page");
    jout_object(j);
    put_z(j, "id", m->page.id);
    put_z(j, "status_indicator", indicator);
    put_z(j, "status_description", text);
    jout_object_end(j);
}

/* ---- components ---- */

static const struct status_component *component_by(const struct status_model *m, uint32_t number) {
    for (size_t i = 0; i < m->n_components; i++)
        if (m->components[i].number == number) return &m->components[i];
    return NULL;
}

static void put_component(struct jout *j, const struct status_model *m,
                          const struct status_component *c) {
    jout_object(j);
    put_z(j, "id", c->id);
    put_str(j, "name", c->name);
    put_z(j, "status", status_state_name(c->state));
    notice_time(j, "created_at", c->created_us);
    notice_time(j, "updated_at", c->updated_us);
    jout_keyz(j, "position");
    jout_i64(j, c->position);
    jout_keyz(j, "description");
    if (c->description.n)
        jout_str(j, c->description);
    else
        jout_null(j);
    put_bool(j, "showcase", c->showcase);
    put_z(j, "start_date", NULL);
    put_z(j, "group_id", c->group[0] ? c->group : NULL);
    put_z(j, "page_id", m->page.id);
    put_bool(j, "group", c->is_group);
    put_bool(j, "only_show_if_degraded", c->only_if_degraded);
    jout_object_end(j);
}

/* ---- incidents ---- */

static void put_affected(struct jout *j, const struct status_model *m,
                         const struct status_update *u) {
    jout_keyz(j, "affected_components");
    jout_array(j);
    for (size_t i = 0; i < u->n_affected; i++) {
        const struct status_component *c = component_by(m, u->affected[i].component);
        if (!c) continue;
        jout_object(j);
        put_z(j, "code", c->id);
        put_str(j, "name", c->name);
        put_z(j, "old_status", status_state_name(u->affected[i].from));
        put_z(j, "new_status", status_state_name(u->affected[i].to));
        jout_object_end(j);
    }
    jout_array_end(j);
}

static void put_update(struct jout *j, const struct status_model *m,
                       const struct status_incident *i, const struct status_update *u) {
    jout_object(j);
    put_z(j, "id", u->id);
    put_z(j, "status", status_phase_name(u->phase));
    struct str body = u->body;
    if (body.n > NOTICE_BODY_BYTES) body.n = NOTICE_BODY_BYTES;
    body.n = str_utf8_prefix(body);
    put_str(j, "body", body);
    put_z(j, "incident_id", i->id);
    notice_time(j, "created_at", u->created_us);
    notice_time(j, "updated_at", u->created_us);
    notice_time(j, "display_at", u->display_us ? u->display_us : u->created_us);
    put_affected(j, m, u);
    put_bool(j, "deliver_notifications", u->notify);
    put_z(j, "custom_tweet", NULL);
    put_z(j, "tweet_id", NULL);
    jout_object_end(j);
}

static void put_updates(struct jout *j, const struct notice_telling *t) {
    const struct status_incident *i = t->incident;
    const struct status_update *now = t->update;
    size_t room = t->updates_bytes;
    jout_keyz(j, "incident_updates");
    jout_array(j);
    put_update(j, t->model, i, now);
    for (size_t k = 0; k < i->n_updates && k < 20; k++) {
        const struct status_update *u = &i->updates[k];
        if (u->created_us > now->created_us || strcmp(u->id, now->id) == 0) continue;
        if (u->body.n > room) break;
        room -= u->body.n;
        put_update(j, t->model, i, u);
    }
    jout_array_end(j);
}

static void put_incident_times(struct jout *j, const struct status_incident *i) {
    notice_time(j, "created_at", i->created_us);
    notice_time(j, "updated_at", i->updated_us);
    notice_time(j, "monitoring_at", i->monitoring_us);
    notice_time(j, "resolved_at", i->resolved_us);
    notice_time(j, "started_at", i->started_us ? i->started_us : i->created_us);
    if (!i->scheduled_for_us) return;
    notice_time(j, "scheduled_for", i->scheduled_for_us);
    notice_time(j, "scheduled_until", i->scheduled_until_us);
}

static void put_incident(struct jout *j, const struct notice_telling *t) {
    const struct status_model *m = t->model;
    const struct status_incident *i = t->incident;
    char link[600];
    snprintf(link, sizeof link, STR_FMT "/incidents/%s", STR_ARG(t->url), i->id);
    jout_object(j);
    put_z(j, "id", i->id);
    put_str(j, "name", i->name);
    put_z(j, "status", status_phase_name(t->update->phase));
    put_incident_times(j, i);
    put_z(j, "impact", status_impact_name(i->impact));
    put_z(j, "shortlink", link);
    put_z(j, "page_id", m->page.id);
    put_updates(j, t);
    jout_keyz(j, "components");
    jout_array(j);
    for (size_t k = 0; k < i->n_components && k < t->components_n; k++) {
        const struct status_component *c = component_by(m, i->components[k]);
        if (c) put_component(j, m, c);
    }
    jout_array_end(j);
    put_z(j, "reminder_intervals", NULL);
    put_z(j, "impact_override", NULL);
    put_bool(j, "backfilled", false);
    jout_object_end(j);
}

void notice_story_incident(struct buf *b, struct notice_telling *t) {
    static const struct {
        size_t updates_bytes, components_n;
    } briefer[] = {{3 * NOTICE_BODY_BYTES, NOTICE_COMPONENTS}, {0, 30}, {0, 0}};
    for (size_t k = 0; k < sizeof briefer / sizeof *briefer; k++) {
        struct jout j;
        buf_clear(b);
        jout_init(&j, b);
        t->updates_bytes = briefer[k].updates_bytes;
        t->components_n = briefer[k].components_n;
        jout_object(&j);
        put_page(&j, t->model);
        jout_keyz(&j, "incident");
        put_incident(&j, t);
        jout_object_end(&j);
        if (buf_err(b).code == ERR_OK && b->n <= NOTICE_JSON_BYTES) return;
    }
}

void notice_story_component(struct buf *b, const struct status_model *m,
                            const struct status_component *c, enum status_state from,
                            const char *id) {
    struct jout out, *j = &out;
    jout_init(j, b);
    jout_object(j);
    put_page(j, m);
    jout_keyz(j, "component_update");
    jout_object(j);
    notice_time(j, "created_at", c->updated_us);
    put_z(j, "new_status", status_state_name(c->state));
    put_z(j, "old_status", status_state_name(from));
    put_z(j, "id", id);
    put_z(j, "component_id", c->id);
    jout_object_end(j);
    jout_keyz(j, "component");
    put_component(j, m, c);
    jout_object_end(j);
}
