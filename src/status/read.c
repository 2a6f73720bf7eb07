/* read.c: the tables into an arena: the snapshot that pages, notices and answers are made of. */
#include "status/internal.h"

#include <stdlib.h>

#include "status/watch.h"

#define OOM ERR(ERR_NOMEM, "status snapshot")

/* Rows into an arena's array that grows by doubling; what it outgrew stays until the arena dies. */
struct list {
    struct arena *arena;
    size_t each, n, cap;
    void *p;
};

static void *push(struct list *l) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        void *grown = arena_array(l->arena, cap, l->each);
        if (!grown) return NULL;
        if (l->n) memcpy(grown, l->p, l->n * l->each);
        l->p = grown;
        l->cap = cap;
    }
    return (char *)l->p + l->n++ * l->each;
}

static struct str text(struct arena *a, struct meta_row *row, int column, bool *lost) {
    struct str s = arena_str(a, meta_str(row, column));
    *lost |= s.p == NULL;
    return s;
}

/* ---- the page ---- */

static struct err read_shared(struct str bytes, struct arena *a, struct status_page *out) {
    out->n_shared_networks = bytes.n / sizeof(uint32_t);
    out->shared_networks = arena_array(a, out->n_shared_networks, sizeof(uint32_t));
    if (!out->shared_networks) return OOM;
    if (bytes.n) memcpy(out->shared_networks, bytes.p, out->n_shared_networks * sizeof(uint32_t));
    return ERR_NONE;
}

struct err status_load_page(struct status *s, struct arena *a, struct status_page *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    bool lost = false;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT id, name, url, time_zone, description, support_url, accent, project, "
                   "takes_reports, takes_comments, updated_us, shared FROM status_page",
                   ""));
    if (!meta_next(row, &e)) return e.code ? e : ERR(ERR_CORRUPT, "the status page's row is gone");
    *out = (struct status_page){.name = text(a, row, 1, &lost),
                                .url = text(a, row, 2, &lost),
                                .time_zone = text(a, row, 3, &lost),
                                .description = text(a, row, 4, &lost),
                                .support_url = text(a, row, 5, &lost),
                                .accent = text(a, row, 6, &lost),
                                .project = (uint64_t)meta_i64(row, 7),
                                .takes_reports = meta_i64(row, 8) != 0,
                                .takes_comments = meta_i64(row, 9) != 0,
                                .updated_us = meta_i64(row, 10)};
    status_copy_id(out->id, meta_str(row, 0));
    return lost ? OOM : read_shared(meta_str(row, 11), a, out);
}

static struct err load_salt(struct status *s, struct status_model *m) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row, "SELECT salt, generation FROM status_page", ""));
    if (!meta_next(row, &e)) return e;
    struct str salt = meta_str(row, 0);
    if (salt.n == sizeof m->report_salt) memcpy(m->report_salt, salt.p, salt.n);
    m->generation = (uint64_t)meta_i64(row, 1);
    return ERR_NONE;
}

/* ---- components ---- */

static void read_types(struct str lines, struct status_component *c) {
    while (lines.n && c->n_types < STATUS_TYPES_MAX)
        c->types[c->n_types++] = str_cut(&lines, '\n');
}

static bool read_component(struct meta_row *row, struct arena *a, struct status_component *c) {
    bool lost = false;
    *c = (struct status_component){.number = (uint32_t)meta_i64(row, 0),
                                   .name = text(a, row, 3, &lost),
                                   .description = text(a, row, 4, &lost),
                                   .is_group = meta_i64(row, 5) != 0,
                                   .showcase = meta_i64(row, 6) != 0,
                                   .only_if_degraded = meta_i64(row, 7) != 0,
                                   .position = (int32_t)meta_i64(row, 8),
                                   .created_us = meta_i64(row, 9),
                                   .updated_us = meta_i64(row, 10),
                                   .state = (enum status_state)meta_i64(row, 11)};
    status_copy_id(c->id, meta_str(row, 1));
    status_copy_id(c->group, meta_str(row, 2));
    read_types(text(a, row, 12, &lost), c);
    memset(c->days, 255, sizeof c->days);
    for (size_t i = 0; i < STATUS_CHART_N; i++)
        c->expected[i] = __builtin_nanf("");
    return !lost;
}

struct err status_load_components(struct status *s, struct arena *a, struct status_model *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct list l = {a, sizeof(struct status_component), 0, 0, NULL};
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT c.number, c.id, c.grp, c.name, c.description, c.is_group, c.showcase, "
                   "c.only_if_degraded, c.position, c.created_us, c.updated_us, coalesce((SELECT "
                   "state FROM status_change h WHERE h.component = c.number ORDER BY at_us DESC "
                   "LIMIT 1), c.state), c.types FROM status_component c ORDER BY c.position, "
                   "c.number",
                   ""));
    while (meta_next(row, &e)) {
        struct status_component *c = push(&l);
        if (!c || !read_component(row, a, c)) return OOM;
    }
    out->components = l.p;
    out->n_components = l.n;
    return e;
}

/* ---- incidents ---- */

static struct err load_named(struct status *s, struct arena *a, struct status_incident *i) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct list l = {a, sizeof(uint32_t), 0, 0, NULL};
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT component FROM status_named WHERE incident = ? ORDER BY component", "s",
                   str_z(i->id)));
    while (meta_next(row, &e)) {
        uint32_t *number = push(&l);
        if (!number) return OOM;
        *number = (uint32_t)meta_i64(row, 0);
    }
    i->components = l.p;
    i->n_components = l.n;
    return e;
}

static struct err load_affected(struct status *s, struct arena *a, struct status_update *u) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct list l = {a, sizeof(struct status_affected), 0, 0, NULL};
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT component, was, state FROM status_affected WHERE upd = ?", "s",
                   str_z(u->id)));
    while (meta_next(row, &e)) {
        struct status_affected *f = push(&l);
        if (!f) return OOM;
        *f = (struct status_affected){(uint32_t)meta_i64(row, 0),
                                      (enum status_state)meta_i64(row, 1),
                                      (enum status_state)meta_i64(row, 2)};
    }
    u->affected = l.p;
    u->n_affected = l.n;
    return e;
}

static struct err load_updates(struct status *s, struct arena *a, struct status_incident *i) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct list l = {a, sizeof(struct status_update), 0, 0, NULL};
    struct err e = ERR_NONE;
    bool lost = false;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT id, phase, body, created_us, display_us, notify FROM status_update "
                   "WHERE incident = ? AND (phase <> 0 OR ?) ORDER BY created_us DESC, display_us "
                   "DESC",
                   "si", str_z(i->id), (int64_t)(i->phase == STATUS_DRAFT)));
    while (meta_next(row, &e)) {
        struct status_update *u = push(&l);
        if (!u) return OOM;
        *u = (struct status_update){.phase = (enum status_phase)meta_i64(row, 1),
                                    .body = text(a, row, 2, &lost),
                                    .created_us = meta_i64(row, 3),
                                    .display_us = meta_i64(row, 4),
                                    .notify = meta_i64(row, 5) != 0};
        status_copy_id(u->id, meta_str(row, 0));
        TRY(load_affected(s, a, u));
    }
    i->updates = l.p;
    i->n_updates = l.n;
    return lost ? OOM : e;
}

static bool read_incident(struct meta_row *row, struct arena *a, struct status_incident *i) {
    bool lost = false;
    *i = (struct status_incident){.name = text(a, row, 1, &lost),
                                  .phase = (enum status_phase)meta_i64(row, 2),
                                  .impact = (enum status_impact)meta_i64(row, 3),
                                  .created_us = meta_i64(row, 4),
                                  .updated_us = meta_i64(row, 5),
                                  .started_us = meta_i64(row, 6),
                                  .monitoring_us = meta_i64(row, 7),
                                  .resolved_us = meta_i64(row, 8),
                                  .detected_us = meta_i64(row, 9),
                                  .scheduled_for_us = meta_i64(row, 10),
                                  .scheduled_until_us = meta_i64(row, 11),
                                  .postmortem = text(a, row, 12, &lost),
                                  .people = meta_i64(row, 13)};
    status_copy_id(i->id, meta_str(row, 0));
    return !lost;
}

/* Parameters: maintenance, only, only, drafts only, with drafts, unresolved only, unresolved only,
 * maintenance, most. */
#define INCIDENTS                                                                                  \
    "SELECT id, name, phase, impact, created_us, updated_us, started_us, monitoring_us, "          \
    "resolved_us, detected_us, for_us, until_us, postmortem, people FROM status_incident WHERE "   \
    "maintenance = ? AND merged_into = '' AND (? = '' OR id = ?) AND (phase = 0 OR NOT ?) AND "    \
    "(phase <> 0 OR ?) AND (resolved_us = 0 OR (NOT ? AND id IN (SELECT id FROM status_incident "  \
    "WHERE maintenance = ? AND merged_into = '' AND (? <> '' OR phase <> 0) ORDER BY created_us "  \
    "DESC LIMIT ?))) ORDER BY created_us DESC, id"

static struct err load_rows(struct status *s, const struct status_list *w, bool drafts,
                            struct list *l) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    int64_t most = w->only.n ? INT64_MAX : w->most ? (int64_t)w->most : STATUS_HISTORY_N;
    TRY(meta_query(s->config.meta, &row, INCIDENTS, "issiiiisi", (int64_t)w->maintenances, w->only,
                   w->only, (int64_t)w->drafts_only, (int64_t)(drafts || w->drafts_only),
                   (int64_t)w->unresolved_only, (int64_t)w->maintenances, w->only, most));
    while (meta_next(row, &e)) {
        struct status_incident *i = push(l);
        if (!i || !read_incident(row, l->arena, i)) return OOM;
    }
    return e;
}

static struct err load_list(struct status *s, const struct status_list *w, bool drafts,
                            struct list *l) {
    TRY(load_rows(s, w, drafts, l));
    struct status_incident *all = l->p;
    for (size_t i = 0; i < l->n; i++) {
        TRY(load_named(s, l->arena, &all[i]));
        TRY(load_updates(s, l->arena, &all[i]));
    }
    return ERR_NONE;
}

struct err status_load_incidents(struct status *s, const struct status_list *which, struct arena *a,
                                 struct status_incident **out, size_t *out_n) {
    struct list l = {a, sizeof(struct status_incident), 0, 0, NULL};
    TRY(load_list(s, which, true, &l));
    *out = l.p;
    *out_n = l.n;
    return ERR_NONE;
}

struct err status_incidents(struct status *s, const struct status_list *which, struct arena *a,
                            struct status_incident **out, size_t *out_n) {
    TRY(meta_begin(s->config.meta));
    struct err e = status_load_incidents(s, which, a, out, out_n);
    meta_rollback(s->config.meta);
    return e;
}

/* ---- the whole ---- */

static struct err load_public(struct status *s, bool maintenances, struct arena *a,
                              struct status_model *m) {
    struct list l = {a, sizeof(struct status_incident), 0, 0, NULL};
    TRY(load_list(s, &(struct status_list){.maintenances = maintenances}, false, &l));
    if (maintenances) {
        m->maintenances = l.p;
        m->n_maintenances = l.n;
    } else {
        m->incidents = l.p;
        m->n_incidents = l.n;
    }
    return ERR_NONE;
}

static struct err load_all(struct status *s, struct arena *a, struct status_model *m) {
    TRY(status_load_page(s, a, &m->page));
    TRY(load_salt(s, m));
    TRY(status_load_components(s, a, m));
    TRY(status_load_days(s, m));
    TRY(load_public(s, false, a, m));
    TRY(load_public(s, true, a, m));
    return status_load_probes(s, a, m);
}

struct err status_snapshot(struct status *s, struct arena *a, struct status_model **out) {
    struct status_model *m = arena_alloc(a, sizeof *m);
    if (!m) return OOM;
    m->now_us = status_now_us(s);
    TRY(meta_begin(s->config.meta));
    struct err e = load_all(s, a, m);
    meta_rollback(s->config.meta);
    TRY(e);
    TRY(status_watch_charts(s, a, m));
    *out = m;
    return ERR_NONE;
}

uint64_t status_generation(struct status *s) {
    return atomic_load(&s->generation);
}
