/* draft.c: from news to incidents.
 *
 * One event, one incident: evidence joins the open incident of its component, or the one that was
 * drafted from evidence in the last 15 minutes and that nobody has touched; else an incident is
 * drafted. It is public at once where the component's rule says so, and, if only reports speak,
 * when they are spread enough (reports.h, the gate); a draft whose gate opens later goes public
 * then. What went public by itself, and that nobody touched, also grows and ends by itself.
 *
 * Each piece of evidence is one row, unique by component, source, probe and time of detection: a
 * replay after a crash tells the same news again and finds them written.
 */
#include <stdio.h>
#include <stdlib.h>

#include "status/watch.h"

#define TOGETHER_US (900 * US_PER_S)
#define NEAR_US (600 * US_PER_S) /* an alarm of another source opens the gate */

struct draft {
    struct status *status;
    const struct status_evidence *e;
    struct str name; /* the component's */
    enum status_rule rule;
    bool passed; /* may be public */
    int64_t people;
    double share; /* of the active people */
    struct arena *arena;
    char local[32];   /* the onset in the page's zone, "19:42 CET" */
    struct str alert; /* text of an alert, empty otherwise */
};

/* ---- what memory knows of the component ---- */

static void look(struct draft *d) {
    struct status *s = d->status;
    pthread_mutex_lock(&s->lock);
    struct guard *g = watch_guard(s->watch, d->e->component);
    d->people = -1;
    d->passed =
        d->e->source != STATUS_FROM_REPORTS; /* also of a component that is not watched yet */
    if (g) {
        struct gate_sight sight = {0};
        if (g->gate) sight = gate_look(g->gate, d->e->onset_us);
        int64_t apart = g->alarmed_us - d->e->detected_us;
        bool other = g->alarmed_us && apart < NEAR_US && apart > -NEAR_US;
        d->rule = g->rule;
        d->passed |= sight.passed || other;
        if (g->troubled) d->people = people_since(g->troubled, d->e->onset_us);
        int64_t active = g->active ? people_since(g->active, d->e->onset_us) : 0;
        if (active > 0 && d->people > 0) d->share = (double)d->people / (double)active;
    }
    pthread_mutex_unlock(&s->lock);
}

static enum status_state state_of(const struct draft *d) {
    if (d->e->source == STATUS_FROM_PROBE) return STATUS_MAJOR;
    if (d->e->source == STATUS_FROM_ALERT) return STATUS_DEGRADED;
    double ratio = d->e->peak_ratio;
    if (d->e->expected > 0 && d->e->source == STATUS_FROM_REPORTS && ratio == 0)
        ratio = (double)d->e->seen / d->e->expected;
    switch (health_severity(ratio, d->share > 1 ? 1 : d->share)) {
    case HEALTH_MINOR:
        return STATUS_DEGRADED;
    case HEALTH_MAJOR:
        return STATUS_PARTIAL;
    case HEALTH_CRITICAL:
        return STATUS_MAJOR;
    }
    return STATUS_DEGRADED;
}

/* ---- texts ---- */

static const char *what_of(enum status_source source) {
    switch (source) {
    case STATUS_FROM_REPORTS:
        return "Problem reports";
    case STATUS_FROM_EVENTS:
        return "Less traffic than usual";
    case STATUS_FROM_ERRORS:
        return "Elevated errors";
    case STATUS_FROM_PROBE:
        return "Not reachable";
    case STATUS_FROM_ALERT:
        return "Alert";
    }
    return "Problem";
}

static struct str title(const struct draft *d) {
    if (d->alert.n)
        return arena_printf(d->arena, STR_FMT ": " STR_FMT, STR_ARG(d->name), STR_ARG(d->alert));
    return arena_printf(d->arena, STR_FMT ": %s", STR_ARG(d->name), what_of(d->e->source));
}

static struct str body(const struct draft *d) {
    const char *where = d->e->country[0] ? d->e->country : NULL;
    struct str place = where ? arena_printf(d->arena, " from %s", where) : STR("");
    switch (d->e->source) {
    case STATUS_FROM_REPORTS:
        return arena_printf(d->arena,
                            "Since about %s we have received more problem reports%.*s than usual "
                            "for " STR_FMT ". We are looking into it.",
                            d->local, STR_ARG(place), STR_ARG(d->name));
    case STATUS_FROM_EVENTS:
        return arena_printf(d->arena,
                            "Since about %s there is less activity%.*s than usual in " STR_FMT
                            ". We are looking into it.",
                            d->local, STR_ARG(place), STR_ARG(d->name));
    case STATUS_FROM_ERRORS:
        return arena_printf(d->arena,
                            "Since about %s more requests%.*s than usual fail in " STR_FMT
                            ". We are looking into it.",
                            d->local, STR_ARG(place), STR_ARG(d->name));
    case STATUS_FROM_PROBE:
        return arena_printf(
            d->arena, STR_FMT " has not answered our checks since %s. We are looking into it.",
            STR_ARG(d->name), d->local);
    case STATUS_FROM_ALERT:
        return arena_printf(d->arena,
                            "Our monitoring reports a problem with " STR_FMT
                            " since %s. We are looking into it.",
                            STR_ARG(d->name), d->local);
    }
    return STR("");
}

static struct err read_texts(struct draft *d) {
    AUTO(meta_end) struct meta_row *row = NULL;
    AUTO(zone_free) struct zone *zone = NULL;
    struct civil at;
    struct err e = ERR_NONE;
    TRY(meta_query(
        d->status->config.meta, &row,
        "SELECT c.name, p.time_zone, c.rule FROM status_component c, status_page p WHERE "
        "c.number = ?",
        "i", (int64_t)d->e->component));
    if (!meta_next(row, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "component");
    d->name = arena_str(d->arena, meta_str(row, 0));
    d->rule = (enum status_rule)meta_i64(row, 2);
    struct str named = arena_str(d->arena, meta_str(row, 1));
    if (!d->name.p || !named.p) return ERR(ERR_NOMEM, "draft");
    if (zone_open(named, &zone).code != ERR_OK) TRY(zone_open(STR("UTC"), &zone));
    zone_civil(zone, d->e->onset_us, &at);
    snprintf(d->local, sizeof d->local, "%02d:%02d (UTC%+d:%02d)", at.hour, at.minute,
             at.offset_s / 3600, abs(at.offset_s) / 60 % 60);
    return ERR_NONE;
}

/* ---- rows of evidence ---- */

static void put_doc(const struct status_evidence *e, struct buf *b) {
    buf_put_u8(b, 1);
    buf_put(b, e->country, sizeof e->country);
    buf_put_u32(b, (uint32_t)e->type);
    buf_put_i64(b, e->onset_us);
    buf_put_u32(b, (uint32_t)e->window_s);
    buf_put_f64(b, e->z);
    buf_put_f64(b, e->peak_z);
    buf_put_f64(b, e->peak_ratio);
    buf_put_u64(b, e->seen);
    buf_put_f64(b, e->expected);
    buf_put_u8(b, e->fused);
    buf_put_u32(b, e->counted);
    buf_put_u32(b, e->verified);
    buf_put_u32(b, e->prefixes);
    buf_put_u32(b, e->networks);
    buf_put_i64(b, e->from_us);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        buf_put_u32(b, e->minutes[i]);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        buf_put_f64(b, (double)e->expected_minutes[i]);
}

static void get_doc(struct str bytes, struct status_evidence *e) {
    struct cursor c = {(const uint8_t *)bytes.p, bytes.n, false};
    if (cursor_u8(&c) != 1) return;
    const uint8_t *country = cursor_bytes(&c, sizeof e->country);
    if (country) memcpy(e->country, country, sizeof e->country - 1);
    e->type = (int32_t)cursor_u32(&c);
    e->onset_us = cursor_i64(&c);
    e->window_s = (int32_t)cursor_u32(&c);
    e->z = cursor_f64(&c);
    e->peak_z = cursor_f64(&c);
    e->peak_ratio = cursor_f64(&c);
    e->seen = cursor_u64(&c);
    e->expected = cursor_f64(&c);
    e->fused = cursor_u8(&c) != 0;
    e->counted = cursor_u32(&c);
    e->verified = cursor_u32(&c);
    e->prefixes = cursor_u32(&c);
    e->networks = cursor_u32(&c);
    e->from_us = cursor_i64(&c);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        e->minutes[i] = cursor_u32(&c);
    for (size_t i = 0; i < STATUS_MINUTES; i++)
        e->expected_minutes[i] = (float)cursor_f64(&c);
}

static struct err insert_evidence(struct status *s, struct str incident,
                                  const struct status_evidence *e) {
    AUTO(buf_done) struct buf doc;
    buf_init(&doc, 8192);
    put_doc(e, &doc);
    TRY(buf_err(&doc));
    return meta_exec(s->config.meta,
                     "INSERT INTO status_evidence(incident, component, source, probe, detected_us, "
                     "closed_us, fused, doc) VALUES(?, ?, ?, ?, ?, 0, ?, ?)",
                     "siiiiib", incident, (int64_t)e->component, (int64_t)e->source,
                     (int64_t)e->probe, e->detected_us, (int64_t)e->fused, buf_str(&doc));
}

static struct err is_known(struct status *s, const struct status_evidence *e, bool *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err failed = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT 1 FROM status_evidence WHERE component = ? AND source = ? AND probe = ? "
                   "AND detected_us = ?",
                   "iiii", (int64_t)e->component, (int64_t)e->source, (int64_t)e->probe,
                   e->detected_us));
    *out = meta_next(row, &failed);
    return failed;
}

struct err status_evidence(struct status *s, struct str incident, struct arena *a,
                           struct status_evidence **out, size_t *out_n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    const size_t most = 50;
    struct status_evidence *all = arena_array(a, most, sizeof *all);
    size_t n = 0;
    if (!all) return ERR(ERR_NOMEM, "evidence");
    TRY(meta_begin(s->config.meta));
    struct err e = meta_query(s->config.meta, &row,
                              "SELECT component, source, probe, detected_us, closed_us, doc FROM "
                              "status_evidence WHERE incident = ? ORDER BY id LIMIT 50",
                              "s", incident);
    while (e.code == ERR_OK && n < most && meta_next(row, &e)) {
        all[n] = (struct status_evidence){.component = (uint32_t)meta_i64(row, 0),
                                          .source = (enum status_source)meta_i64(row, 1),
                                          .probe = (uint32_t)meta_i64(row, 2),
                                          .detected_us = meta_i64(row, 3),
                                          .closed_us = meta_i64(row, 4)};
        get_doc(meta_str(row, 5), &all[n++]);
    }
    meta_end(row);
    row = NULL;
    meta_rollback(s->config.meta);
    *out = all;
    *out_n = n;
    return e;
}

/* ---- opening ---- */

/* The incident that this evidence belongs to: empty id: none. */
static struct err find_incident(const struct draft *d, char id[STATUS_ID_BYTES + 1]) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    id[0] = 0;
    TRY(meta_query(d->status->config.meta, &row,
                   "SELECT i.id FROM status_incident i WHERE i.maintenance = 0 AND i.resolved_us = "
                   "0 AND i.merged_into = '' AND (EXISTS (SELECT 1 FROM status_named n WHERE "
                   "n.incident = i.id AND n.component = ?) OR (i.detected_us > ? AND i.touched = "
                   "0)) ORDER BY i.created_us DESC LIMIT 1",
                   "ii", (int64_t)d->e->component, d->e->detected_us - TOGETHER_US));
    if (meta_next(row, &e)) status_copy_id(id, meta_str(row, 0));
    return e;
}

static struct err mark_detected(const struct draft *d, struct str id) {
    return meta_exec(d->status->config.meta,
                     "UPDATE status_incident SET detected_us = ?, people = ?, touched = 0 WHERE id "
                     "= ?",
                     "iis", d->e->detected_us, d->people, id);
}

static struct err open_new(const struct draft *d, struct status_touch *t) {
    struct status_affected a = {d->e->component, STATUS_OPERATIONAL, state_of(d)};
    bool is_public = d->rule == STATUS_RULE_PUBLIC && d->passed;
    struct status_incident_new n = {.name = title(d),
                                    .body = body(d),
                                    .phase = is_public ? STATUS_INVESTIGATING : STATUS_DRAFT,
                                    .impact = STATUS_KEEP,
                                    .affected = &a,
                                    .n_affected = 1,
                                    .notify = is_public,
                                    .started_us = d->e->onset_us};
    if (n.name.n > STATUS_NAME_BYTES) n.name.n = str_utf8_prefix((struct str){n.name.p, 200});
    TRY(status_incident_insert(d->status, &n, t));
    return mark_detected(d, str_z(t->incident));
}

/* A further component of a young incident, or worse of one that it names. What people wrote stays
 * theirs: an incident that somebody touched gets the evidence and nothing else. */
static struct err join(const struct draft *d, struct str id) {
    struct meta *m = d->status->config.meta;
    return meta_exec(
        m,
        "INSERT INTO status_named SELECT id, ?, ? FROM status_incident WHERE id = ? AND "
        "touched = 0 AND detected_us > 0 ON CONFLICT DO UPDATE SET state = max(state, "
        "excluded.state)",
        "iis", (int64_t)d->e->component, (int64_t)state_of(d), id);
}

/* A maintenance silences what it covers; what outlasts it is told again (loop.c). */
static struct err is_silenced(const struct draft *d, bool *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(d->status->config.meta, &row,
                   "SELECT 1 FROM status_named n JOIN status_incident i ON i.id = n.incident WHERE "
                   "n.component = ? AND i.maintenance = 1 AND i.phase IN (7, 8)",
                   "i", (int64_t)d->e->component));
    *out = meta_next(row, &e);
    return e;
}

static struct err open_in(struct draft *d, struct status_touch *t) {
    char id[STATUS_ID_BYTES + 1];
    bool known = false, silenced = false;
    TRY(is_known(d->status, d->e, &known));
    TRY(is_silenced(d, &silenced));
    if (silenced) return ERR(ERR_EXISTS, "maintenance");
    if (known) return ERR(ERR_EXISTS, "evidence");
    TRY(read_texts(d));
    if (d->rule == STATUS_RULE_OFF) return ERR(ERR_EXISTS, "not watched");
    TRY(find_incident(d, id));
    if (id[0])
        TRY(join(d, str_z(id)));
    else
        TRY(open_new(d, t));
    return insert_evidence(d->status, str_z(id[0] ? id : t->incident), d->e);
}

static struct err open_evidence(struct status *s, const struct status_evidence *e,
                                struct str alert) {
    AUTO(arena_free) struct arena *a = arena_new(1u << 20);
    struct draft d = {.status = s, .e = e, .arena = a, .alert = alert};
    struct status_touch t = {0};
    if (!a) return ERR(ERR_NOMEM, "draft");
    look(&d);
    TRY(meta_begin(s->config.meta));
    struct err failed = status_finish(s, open_in(&d, &t), &t);
    /* What is known or gone is no failure. */
    return failed.code == ERR_EXISTS || failed.code == ERR_NOTFOUND ? ERR_NONE : failed;
}

/* ---- closing ---- */

struct ending {
    char id[STATUS_ID_BYTES + 1];
    bool resolves;
};

static struct err find_ending(struct status *s, const struct status_evidence *e,
                              struct ending *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err failed = ERR_NONE;
    TRY(meta_query(
        s->config.meta, &row,
        "SELECT i.id, i.touched = 0 AND i.phase IN (1, 2, 3) AND NOT EXISTS (SELECT 1 "
        "FROM status_evidence o WHERE o.incident = i.id AND o.closed_us = 0) FROM "
        "status_evidence v JOIN status_incident i ON i.id = v.incident WHERE v.component "
        "= ? AND (? OR (v.source = ? AND v.probe = ?)) AND v.closed_us = ? ORDER BY v.id "
        "DESC LIMIT 1",
        "iiiii", (int64_t)e->component, (int64_t)e->fused, (int64_t)e->source, (int64_t)e->probe,
        e->closed_us));
    if (!meta_next(row, &failed)) return failed;
    status_copy_id(out->id, meta_str(row, 0));
    out->resolves = meta_i64(row, 1) != 0;
    return ERR_NONE;
}

static struct err resolve(struct status *s, const struct ending *end, struct status_touch *t) {
    struct status_update_new u = {.phase = STATUS_RESOLVED,
                                  .impact = STATUS_KEEP,
                                  .notify = true,
                                  .body = STR("The numbers are back to normal.")};
    TRY(status_incident_apply(s, str_z(end->id), &u, t));
    return meta_exec(s->config.meta, "UPDATE status_incident SET touched = 0 WHERE id = ?", "s",
                     str_z(end->id));
}

/* Fused evidence closes all of the component's that no detector keeps open. */
static struct err close_in(struct status *s, const struct status_evidence *e,
                           struct status_touch *t) {
    struct ending end = {0};
    struct meta *m = s->config.meta;
    if (e->fused)
        TRY(meta_exec(
            m,
            "UPDATE status_evidence SET closed_us = ? WHERE component = ? AND closed_us = "
            "0 AND fused",
            "ii", e->closed_us, (int64_t)e->component));
    else
        TRY(meta_exec(m,
                      "UPDATE status_evidence SET closed_us = ? WHERE component = ? AND source = ? "
                      "AND probe = ? AND closed_us = 0",
                      "iiii", e->closed_us, (int64_t)e->component, (int64_t)e->source,
                      (int64_t)e->probe));
    if (!meta_changes(m)) return ERR(ERR_NOTFOUND, "evidence");
    TRY(find_ending(s, e, &end));
    return end.resolves ? resolve(s, &end, t) : ERR_NONE;
}

static struct err close_evidence(struct status *s, const struct status_evidence *e) {
    struct status_touch t = {0};
    TRY(meta_begin(s->config.meta));
    struct err failed = status_finish(s, close_in(s, e, &t), &t);
    return failed.code == ERR_NOTFOUND ? ERR_NONE : failed;
}

/* ---- the queue ---- */

static bool take_news(struct status *s, struct news *out) {
    pthread_mutex_lock(&s->lock);
    struct watch *w = s->watch;
    bool any = w->n_news != 0;
    if (any) *out = w->news[0];
    pthread_mutex_unlock(&s->lock);
    return any;
}

static void drop_news(struct status *s) {
    pthread_mutex_lock(&s->lock);
    struct watch *w = s->watch;
    if (w->n_news) memmove(w->news, w->news + 1, --w->n_news * sizeof *w->news);
    pthread_mutex_unlock(&s->lock);
}

struct err draft_news(struct status *s) {
    struct news news;
    while (take_news(s, &news)) {
        if (news.closed)
            TRY(close_evidence(s, &news.e));
        else
            TRY(open_evidence(s, &news.e, STR("")));
        drop_news(s);
    }
    return ERR_NONE;
}

/* ---- what follows ---- */

struct follow_row {
    char id[STATUS_ID_BYTES + 1];
    struct status_evidence e;
    bool is_draft;
    enum status_state said;
};
#define FOLLOW_MOST 50

/* What evidence alone drives: untouched incidents whose evidence goes on. */
static struct err read_rows(struct status *s, struct follow_row *out, size_t *n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(
        s->config.meta, &row,
        "SELECT i.id, i.phase, v.component, v.source, v.probe, v.detected_us, v.doc, "
        "coalesce(n.state, 0) FROM status_incident i JOIN status_evidence v ON v.incident "
        "= i.id LEFT JOIN status_named n ON n.incident = i.id AND n.component = "
        "v.component WHERE i.resolved_us = 0 AND i.touched = 0 AND i.detected_us > 0 AND "
        "i.merged_into = '' AND v.closed_us = 0 LIMIT 50",
        ""));
    while (*n < FOLLOW_MOST && meta_next(row, &e)) {
        struct follow_row *r = &out[(*n)++];
        *r = (struct follow_row){.is_draft = meta_i64(row, 1) == STATUS_DRAFT,
                                 .said = (enum status_state)meta_i64(row, 7)};
        get_doc(meta_str(row, 6), &r->e);
        r->e.component = (uint32_t)meta_i64(row, 2);
        r->e.source = (enum status_source)meta_i64(row, 3);
        r->e.probe = (uint32_t)meta_i64(row, 4);
        r->e.detected_us = meta_i64(row, 5);
        status_copy_id(r->id, meta_str(row, 0));
    }
    return e;
}

/* The detector's incident as it stands now. */
static void refresh(struct status *s, struct status_evidence *e) {
    pthread_mutex_lock(&s->lock);
    const struct guard *g = watch_guard(s->watch, e->component);
    const struct health_detector *d =
        g && e->source <= STATUS_FROM_ERRORS ? g->signals[e->source].detector : NULL;
    if (d && health_incident_of(d)->open) {
        e->peak_z = health_incident_of(d)->peak_z;
        e->peak_ratio = health_incident_of(d)->peak_ratio;
    }
    pthread_mutex_unlock(&s->lock);
}

static struct err advance(struct status *s, const struct follow_row *r, const struct draft *d) {
    struct status_touch t = {0};
    enum status_state now = state_of(d);
    bool opens = r->is_draft && d->rule == STATUS_RULE_PUBLIC && d->passed;
    bool grows = !r->is_draft && now > r->said;
    struct status_affected a = {r->e.component, r->said, now > r->said ? now : r->said};
    struct status_update_new u = {.phase = opens ? STATUS_INVESTIGATING : STATUS_KEEP,
                                  .impact = STATUS_KEEP,
                                  .affected = &a,
                                  .n_affected = 1,
                                  .notify = opens,
                                  .body = opens ? body(d) : STR("More people are affected.")};
    if (!opens && !grows) return ERR_NONE;
    TRY(meta_begin(s->config.meta));
    struct err e = status_incident_apply(s, str_z(r->id), &u, &t);
    if (e.code == ERR_OK)
        e = meta_exec(
            s->config.meta,
            "UPDATE status_incident SET touched = 0, people = max(people, ?) WHERE id = ?", "is",
            d->people, str_z(r->id));
    return status_finish(s, e, &t);
}

static struct err follow_one(struct status *s, struct follow_row *r) {
    AUTO(arena_free) struct arena *a = arena_new(1u << 20);
    refresh(s, &r->e);
    struct draft d = {.status = s, .e = &r->e, .arena = a};
    if (!a) return ERR(ERR_NOMEM, "draft");
    look(&d);
    TRY(meta_begin(s->config.meta));
    struct err e = read_texts(&d);
    meta_rollback(s->config.meta);
    return e.code == ERR_OK ? advance(s, r, &d) : e;
}

struct err draft_follow(struct status *s) {
    struct follow_row *rows = calloc(FOLLOW_MOST, sizeof *rows);
    size_t n = 0;
    if (!rows) return ERR(ERR_NOMEM, "draft");
    struct err e = meta_begin(s->config.meta);
    if (e.code == ERR_OK) {
        e = read_rows(s, rows, &n);
        meta_rollback(s->config.meta);
    }
    for (size_t i = 0; i < n && e.code == ERR_OK; i++)
        e = follow_one(s, &rows[i]);
    free(rows);
    return e;
}

/* ---- alerts from elsewhere ---- */

static struct err find_component(struct status *s, struct str named, uint32_t *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_begin(s->config.meta));
    e = meta_query(s->config.meta, &row,
                   "SELECT number FROM status_component WHERE NOT is_group AND (id = ? OR "
                   "lower(name) = lower(?)) ORDER BY number LIMIT 1",
                   "ss", named, named);
    *out = e.code == ERR_OK && meta_next(row, &e) ? (uint32_t)meta_i64(row, 0) : 0;
    meta_end(row);
    row = NULL;
    meta_rollback(s->config.meta);
    if (e.code == ERR_OK && *out == 0) e = ERR(ERR_NOTFOUND, "component");
    return e;
}

/* An alert's name tells it from others of the component, as a probe's number does. */
struct err status_alert(struct status *s, const struct status_alert *a) {
    uint32_t component = 0;
    TRY(find_component(s, a->component, &component));
    if (!status_line_ok(a->name, 1, STATUS_NAME_BYTES))
        return ERR(ERR_INVALID, "name: 1 to 200 bytes on one line");
    struct status_evidence e = {.source = STATUS_FROM_ALERT,
                                .component = component,
                                .probe = (uint32_t)checksum64(a->name.p, a->name.n),
                                .type = -1,
                                .onset_us = a->since_us,
                                .detected_us = a->since_us,
                                .closed_us = a->firing ? 0 : status_now_us(s)};
    return a->firing ? open_evidence(s, &e, a->name) : close_evidence(s, &e);
}
