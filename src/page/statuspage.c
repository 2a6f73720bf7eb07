/* statuspage.c: the read API of Statuspage v2 (protocols/status.md 3a), field by field.
 *
 * Clients in typed languages bind fields of older payloads too, so those are sent as null or false.
 * Times are UTC with milliseconds. Descriptions and update bodies are plain text.
 */
#include <stdio.h>

#include "page/inside.h"

#define MAX_ANSWER_BYTES ((size_t)16 << 20)
#define MOST_RECENT 50

/* ---- pieces ---- */

static void put_time(struct jout *j, const char *key, int64_t us) {
    char iso[32];
    jout_keyz(j, key);
    if (us <= 0) {
        jout_null(j);
        return;
    }
    page_iso(us, iso);
    jout_strz(j, iso);
}

static void put_z(struct jout *j, const char *key, const char *value) {
    jout_keyz(j, key);
    jout_strz(j, value);
}

static void put_str(struct jout *j, const char *key, struct str value) {
    jout_keyz(j, key);
    jout_str(j, value);
}

static void put_flag(struct jout *j, const char *key, bool value) {
    jout_keyz(j, key);
    jout_bool(j, value);
}

static void put_nulls(struct jout *j, const char *const *keys) {
    for (; *keys; keys++)
        put_z(j, *keys, NULL);
}

static void put_shortlink(struct work *w, struct jout *j, const char *id) {
    char text[700];
    int n = snprintf(text, sizeof text, STR_FMT "/incidents/%s", STR_ARG(w->base), id);
    put_str(j, "shortlink", (struct str){text, (size_t)n < sizeof text ? (size_t)n : 0});
}

static void put_page(struct work *w, struct jout *j) {
    const struct status_page *p = &w->m->page;
    jout_keyz(j, "page");
    jout_object(j);
    put_z(j, "id", p->id);
    put_str(j, "name", p->name);
    put_str(j, "url", p->url);
    put_str(j, "time_zone", p->time_zone.n ? p->time_zone : STR("Etc/UTC"));
    put_time(j, "updated_at", p->updated_us ? p->updated_us : w->m->now_us);
    jout_object_end(j);
}

static void put_status(struct work *w, struct jout *j) {
    struct overall o;
    page_overall(w->m, &o);
    jout_keyz(j, "status");
    jout_object(j);
    put_z(j, "indicator", o.indicator);
    put_z(j, "description", o.description);
    jout_object_end(j);
}

/* ---- components ---- */

/* A group's state is the worst of its members'. */
static enum status_state state_of(struct work *w, const struct status_component *c) {
    enum status_state worst = STATUS_OPERATIONAL;
    if (!c->is_group) return c->state;
    for (size_t i = 0; i < w->m->n_components; i++) {
        const struct status_component *one = &w->m->components[i];
        if (!one->is_group && strcmp(one->group, c->id) == 0 && one->state > worst)
            worst = one->state;
    }
    return worst;
}

static void put_members(struct work *w, struct jout *j, const struct status_component *group) {
    jout_keyz(j, "components");
    jout_array(j);
    for (size_t i = 0; i < w->m->n_components; i++) {
        const struct status_component *c = &w->m->components[i];
        if (!c->is_group && strcmp(c->group, group->id) == 0) jout_strz(j, c->id);
    }
    jout_array_end(j);
}

static void put_component(struct work *w, struct jout *j, const struct status_component *c) {
    char start[32];
    page_iso(c->created_us, start);
    jout_object(j);
    put_z(j, "id", c->id);
    put_str(j, "name", c->name);
    put_z(j, "status", page_state_word(state_of(w, c)));
    put_time(j, "created_at", c->created_us);
    put_time(j, "updated_at", c->updated_us ? c->updated_us : c->created_us);
    jout_keyz(j, "position");
    jout_i64(j, c->position);
    if (c->description.n > 0)
        put_str(j, "description", c->description);
    else
        put_z(j, "description", NULL);
    put_flag(j, "showcase", c->showcase);
    put_str(j, "start_date", (struct str){start, 10});
    put_z(j, "group_id", c->group[0] ? c->group : NULL);
    put_z(j, "page_id", w->m->page.id);
    put_flag(j, "group", c->is_group);
    put_flag(j, "only_show_if_degraded", c->only_if_degraded);
    if (c->is_group) put_members(w, j, c);
    jout_object_end(j);
}

static void put_components(struct work *w, struct jout *j) {
    jout_keyz(j, "components");
    jout_array(j);
    for (size_t i = 0; i < w->m->n_components; i++)
        put_component(w, j, &w->m->components[i]);
    jout_array_end(j);
}

/* ---- updates ---- */

/* "Group - Component", as the vendor names it there. */
static void put_full_name(struct work *w, struct jout *j, const struct status_component *c) {
    const struct status_component *group = page_group(w->m, c);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    if (group) {
        buf_put_str(&b, group->name);
        buf_put_str(&b, STR(" - "));
    }
    buf_put_str(&b, c->name);
    put_str(j, "name", buf_str(&b));
}

static void put_affected(struct work *w, struct jout *j, const struct status_update *u) {
    jout_keyz(j, "affected_components");
    if (u->n_affected == 0) {
        jout_null(j);
        return;
    }
    jout_array(j);
    for (size_t i = 0; i < u->n_affected; i++) {
        const struct status_component *c = page_component(w->m, u->affected[i].component);
        if (!c) continue;
        jout_object(j);
        put_z(j, "code", c->id);
        put_full_name(w, j, c);
        put_z(j, "old_status", page_state_word(u->affected[i].from));
        put_z(j, "new_status", page_state_word(u->affected[i].to));
        jout_object_end(j);
    }
    jout_array_end(j);
}

static void put_update(struct work *w, struct jout *j, const struct status_incident *i,
                       const struct status_update *u) {
    static const char *const nulls[] = {"custom_tweet", "tweet_id", "twitter_updated_at", NULL};
    jout_object(j);
    put_z(j, "id", u->id);
    put_z(j, "status", page_phase_word(u->phase));
    put_str(j, "body", u->body);
    put_z(j, "incident_id", i->id);
    put_time(j, "created_at", u->created_us);
    put_time(j, "updated_at", u->created_us);
    put_time(j, "display_at", u->display_us ? u->display_us : u->created_us);
    put_affected(w, j, u);
    put_flag(j, "deliver_notifications", u->notify);
    put_flag(j, "wants_twitter_update", false);
    put_nulls(j, nulls);
    jout_object_end(j);
}

/* ---- incidents ---- */

static void put_postmortem(struct jout *j, const struct status_incident *i) {
    bool has = i->postmortem.n > 0;
    if (has)
        put_str(j, "postmortem_body", i->postmortem);
    else
        put_z(j, "postmortem_body", NULL);
    put_time(j, "postmortem_body_last_updated_at", has ? i->updated_us : 0);
    put_flag(j, "postmortem_ignored", false);
    put_time(j, "postmortem_published_at", has ? i->updated_us : 0);
    put_flag(j, "postmortem_notified_subscribers", false);
    put_flag(j, "postmortem_notified_twitter", false);
}

/* What only maintenances have a value for. */
static void put_schedule(struct jout *j, const struct status_incident *i) {
    bool planned = i->scheduled_for_us != 0;
    put_time(j, "scheduled_for", i->scheduled_for_us);
    put_time(j, "scheduled_until", i->scheduled_until_us);
    put_flag(j, "scheduled_remind_prior", false);
    put_z(j, "scheduled_reminded_at", NULL);
    put_flag(j, "scheduled_auto_in_progress", planned);
    put_flag(j, "scheduled_auto_completed", planned);
}

static void put_lists(struct work *w, struct jout *j, const struct status_incident *i) {
    jout_keyz(j, "incident_updates");
    jout_array(j);
    for (size_t u = 0; u < i->n_updates; u++)
        if (i->updates[u].phase != STATUS_DRAFT) put_update(w, j, i, &i->updates[u]);
    jout_array_end(j);
    jout_keyz(j, "components");
    jout_array(j);
    for (size_t c = 0; c < i->n_components; c++) {
        const struct status_component *one = page_component(w->m, i->components[c]);
        if (one) put_component(w, j, one);
    }
    jout_array_end(j);
}

static void put_incident(struct work *w, struct jout *j, const struct status_incident *i) {
    jout_object(j);
    put_z(j, "id", i->id);
    put_str(j, "name", i->name);
    put_z(j, "status", page_phase_word(i->phase));
    put_time(j, "created_at", i->created_us);
    put_time(j, "updated_at", i->updated_us ? i->updated_us : i->created_us);
    put_time(j, "monitoring_at", i->monitoring_us);
    put_time(j, "resolved_at", i->resolved_us);
    put_z(j, "impact", page_impact_word(i->impact));
    put_shortlink(w, j, i->id);
    put_time(j, "started_at", i->started_us ? i->started_us : i->created_us);
    put_z(j, "page_id", w->m->page.id);
    put_lists(w, j, i);
    put_z(j, "reminder_intervals", NULL);
    put_postmortem(j, i);
    put_flag(j, "backfilled", false);
    put_z(j, "impact_override", NULL);
    put_schedule(j, i);
    jout_object_end(j);
}

/* ---- answers ---- */

typedef bool (*wanted)(const struct status_incident *i);

static bool is_public(const struct status_incident *i) {
    return i->phase != STATUS_DRAFT;
}
static bool is_upcoming(const struct status_incident *i) {
    return i->phase == STATUS_SCHEDULED;
}

static void put_list(struct work *w, struct jout *j, bool maintenances, wanted which) {
    const struct status_model *m = w->m;
    const struct status_incident *list = maintenances ? m->maintenances : m->incidents;
    size_t n = maintenances ? m->n_maintenances : m->n_incidents, put = 0;
    jout_keyz(j, maintenances ? "scheduled_maintenances" : "incidents");
    jout_array(j);
    for (size_t i = 0; i < n && (which != is_public || put < MOST_RECENT); i++) {
        if (!is_public(&list[i]) || !which(&list[i])) continue;
        put_incident(w, j, &list[i]);
        put++;
    }
    jout_array_end(j);
}

enum parts { WITH_STATUS = 1, WITH_COMPONENTS = 2, WITH_INCIDENTS = 4, WITH_MAINTENANCES = 8 };

static void answer(struct work *w, const char *path, unsigned parts, wanted which) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    buf_init(&b, MAX_ANSWER_BYTES);
    jout_init(&j, &b);
    jout_object(&j);
    put_page(w, &j);
    if (parts & WITH_COMPONENTS) put_components(w, &j);
    if (parts & WITH_INCIDENTS) put_list(w, &j, false, which);
    if (parts & WITH_MAINTENANCES) put_list(w, &j, true, which);
    if (parts & WITH_STATUS) put_status(w, &j);
    jout_object_end(&j);
    page_bundle_add(w->out, path, PAGE_JSON, &b);
}

static void answer_each(struct work *w, const struct status_incident *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!is_public(&list[i])) continue;
        char path[64];
        AUTO(buf_done) struct buf b;
        struct jout j;
        buf_init(&b, MAX_ANSWER_BYTES);
        jout_init(&j, &b);
        put_incident(w, &j, &list[i]);
        (void)snprintf(path, sizeof path, "/incidents/%s.json", list[i].id);
        page_bundle_add(w->out, path, PAGE_JSON, &b);
    }
}

void page_make_statuspage(struct work *w) {
    const struct status_model *m = w->m;
    answer(w, "/api/v2/summary.json",
           WITH_STATUS | WITH_COMPONENTS | WITH_INCIDENTS | WITH_MAINTENANCES, page_is_open);
    answer(w, "/api/v2/status.json", WITH_STATUS, NULL);
    answer(w, "/api/v2/components.json", WITH_COMPONENTS, NULL);
    answer(w, "/api/v2/incidents.json", WITH_INCIDENTS, is_public);
    answer(w, "/api/v2/incidents/unresolved.json", WITH_INCIDENTS, page_is_open);
    answer(w, "/api/v2/scheduled-maintenances.json", WITH_MAINTENANCES, is_public);
    answer(w, "/api/v2/scheduled-maintenances/upcoming.json", WITH_MAINTENANCES, is_upcoming);
    answer(w, "/api/v2/scheduled-maintenances/active.json", WITH_MAINTENANCES, page_is_active);
    answer_each(w, m->incidents, m->n_incidents);
    answer_each(w, m->maintenances, m->n_maintenances);
}
