/* compile.c: what is to be watched, from the tables into guards, filters and an index by event
 * name.
 *
 * The tables are read without the lock, the rest is built beside what runs, and then exchanged
 * under it. A signal keeps what it learned as long as its filters and flags are the same: its
 * `print`.
 */
#include <stdlib.h>

#include "status/watch.h"

struct plan_row {
    uint32_t number;
    enum status_rule rule;
    bool harsh;
    struct str events, errors;
};
struct plan {
    struct arena *arena;
    struct status_page page;
    struct plan_row *rows; /* [n], by number */
    size_t n;
};

static struct err read_rows(struct status *s, struct plan *p) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    p->rows = arena_array(p->arena, STATUS_COMPONENTS_MAX, sizeof *p->rows);
    if (!p->rows) return ERR(ERR_NOMEM, "watching");
    TRY(meta_query(s->config.meta, &row,
                   "SELECT number, rule, harsh, events, errors FROM status_component WHERE NOT "
                   "is_group ORDER BY number",
                   ""));
    while (p->n < STATUS_COMPONENTS_MAX && meta_next(row, &e)) {
        p->rows[p->n++] = (struct plan_row){.number = (uint32_t)meta_i64(row, 0),
                                            .rule = (enum status_rule)meta_i64(row, 1),
                                            .harsh = meta_i64(row, 2) != 0,
                                            .events = arena_str(p->arena, meta_str(row, 3)),
                                            .errors = arena_str(p->arena, meta_str(row, 4))};
    }
    return e;
}

static struct err read_plan(struct status *s, struct plan *p) {
    TRY(meta_begin(s->config.meta));
    struct err e = status_load_page(s, p->arena, &p->page);
    if (e.code == ERR_OK) e = read_rows(s, p);
    meta_rollback(s->config.meta);
    return e;
}

/* ---- the index of filters ---- */

static size_t slot_of(const struct watch *w, const struct id128 *event) {
    uint64_t h;
    memcpy(&h, event->b, sizeof h);
    size_t i = (size_t)h & (w->n_names - 1);
    while (!id128_is_zero(w->names[i].event) && !id128_eq(w->names[i].event, *event))
        i = (i + 1) & (w->n_names - 1);
    return i;
}

static void add_entries(struct watch *w, uint32_t guard, const struct status_filter *f,
                        bool errors) {
    for (size_t i = 0; i < f->n; i++) {
        struct watch_entry *e = &w->entries[w->n_entries];
        *e = (struct watch_entry){.guard = guard, .errors = errors, .how = f->any[i]};
        int32_t *first = &w->any_event;
        if (!f->any[i].any_event) {
            size_t slot = slot_of(w, &f->any[i].event);
            if (id128_is_zero(w->names[slot].event)) {
                w->names[slot].event = f->any[i].event;
                w->names[slot].first = -1;
            }
            first = &w->names[slot].first;
        }
        e->next = *first;
        *first = (int32_t)w->n_entries++;
    }
}

/* Errors without a filter of traffic are held against everything. */
static struct err add_filters(struct watch *w, uint32_t guard, const struct plan_row *row) {
    struct status_filter events, errors;
    struct str traffic = row->events.n || !row->errors.n ? row->events : STR("[{}]");
    TRY(status_filter_compile(traffic, &w->keys, &events));
    TRY(status_filter_compile(row->errors, &w->keys, &errors));
    add_entries(w, guard, &events, false);
    add_entries(w, guard, &errors, true);
    return ERR_NONE;
}

static struct err make_index(struct watch *w, const struct plan *p) {
    size_t most = p->n * 2 * STATUS_ALTERNATIVES + 1;
    w->n_names = 64;
    while (w->n_names < most * 2)
        w->n_names *= 2;
    w->entries = calloc(most, sizeof *w->entries);
    w->names = calloc(w->n_names, sizeof *w->names);
    if (!w->entries || !w->names) return ERR(ERR_NOMEM, "watching");
    for (size_t i = 0; i < p->n && w->project; i++)
        if (p->rows[i].rule != STATUS_RULE_OFF) TRY(add_filters(w, (uint32_t)i, &p->rows[i]));
    return ERR_NONE;
}

static void hash_names(struct watch *w) {
    static const char *const report[] = {"component", "type",    "prefix",
                                         "asn",       "country", "signed_in"};
    static const char *const beat[] = {"probe", "up", "ms", "place", "code"};
    const struct seal_keys *k = &w->keys;
    w->name_report = seal_hash(k, TEXT_EVENT, TEXT_STRING, STR(""), STR("$problem_report"));
    w->name_beat = seal_hash(k, TEXT_EVENT, TEXT_STRING, STR(""), STR("$heartbeat"));
    w->property_country = seal_hash(k, TEXT_PROPERTY, TEXT_STRING, STR(""), STR("mp_country_code"));
    for (size_t i = 0; i < 6; i++)
        w->properties[i] = seal_hash(k, TEXT_PROPERTY, TEXT_STRING, STR(""), str_z(report[i]));
    for (size_t i = 0; i < 5; i++)
        w->beat_properties[i] = seal_hash(k, TEXT_PROPERTY, TEXT_STRING, STR(""), str_z(beat[i]));
    for (uint32_t i = 0; i < WATCH_COUNTRIES; i++) {
        char name[3];
        uint64_t h;
        watch_country_name(i, name);
        struct id128 text =
            seal_hash(k, TEXT_VALUE, TEXT_STRING, STR("mp_country_code"), str_z(name));
        memcpy(&h, text.b, sizeof h);
        size_t at = (size_t)h % 2048;
        while (!id128_is_zero(w->countries[at].text))
            at = (at + 1) % 2048;
        w->countries[at].text = text;
        w->countries[at].index = (uint16_t)i;
    }
}

static struct err hash_project(struct status *s, struct watch *w) {
    struct store_project project;
    if (!w->project) return ERR_NONE;
    TRY(store_project(s->config.store, w->project, &project));
    seal_keys_derive(s->config.root, project.salt, project.id, &w->keys);
    secret_wipe(&project, sizeof project);
    hash_names(w);
    return ERR_NONE;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void copy_page(struct watch *w, const struct status_page *page) {
    w->project = page->project;
    for (size_t i = 0; i < page->n_shared_networks && i < 200; i++)
        w->shared[w->n_shared++] = page->shared_networks[i];
    qsort(w->shared, w->n_shared, sizeof *w->shared, by_number);
}

/* ---- guards ---- */

static uint64_t print_of(const struct plan_row *row, uint64_t project, bool errors) {
    uint64_t parts[4] = {checksum64(row->events.p, row->events.n),
                         errors ? checksum64(row->errors.p, row->errors.n) : 0, project,
                         row->harsh};
    return checksum64(parts, sizeof parts);
}

static struct err fit_guard(struct guard *g, const struct plan_row *row, uint64_t project) {
    uint64_t reports[2] = {project, row->harsh};
    bool on = row->rule != STATUS_RULE_OFF && project;
    g->number = row->number;
    g->rule = row->rule;
    g->harsh = row->harsh;
    struct signal *s = g->signals;
    for (size_t k = 0; k < 3; k++)
        s[k].kind = (enum health_kind)k;
    if (on)
        TRY(signal_watch(&s[HEALTH_REPORTS], HEALTH_REPORTS, row->harsh,
                         checksum64(reports, sizeof reports)));
    else
        signal_leave(&s[HEALTH_REPORTS]);
    if (on && row->events.n)
        TRY(signal_watch(&s[HEALTH_EVENTS], HEALTH_EVENTS, row->harsh,
                         print_of(row, project, false)));
    else
        signal_leave(&s[HEALTH_EVENTS]);
    if (on && row->errors.n)
        return signal_watch(&s[HEALTH_ERRORS], HEALTH_ERRORS, row->harsh,
                            print_of(row, project, true));
    signal_leave(&s[HEALTH_ERRORS]);
    return ERR_NONE;
}

static struct guard *take_guard(struct watch *w, uint32_t number) {
    for (size_t i = 0; i < w->n; i++) {
        struct guard *g = w->guards[i];
        if (!g || g->number != number) continue;
        w->guards[i] = NULL;
        return g;
    }
    struct guard *g = calloc(1, sizeof *g);
    if (g) health_fusion_init(&g->fusion);
    return g;
}

/* Old guards move into the new list; the others are freed. Under the lock. */
static struct err fit_guards(struct watch *w, const struct plan *p) {
    struct guard **all = calloc(p->n + 1, sizeof *all);
    struct err e = all ? ERR_NONE : ERR(ERR_NOMEM, "watching");
    size_t n = 0;
    for (size_t i = 0; all && i < p->n; i++) {
        struct guard *g = take_guard(w, p->rows[i].number);
        if (!g) {
            e = ERR(ERR_NOMEM, "watching");
            break;
        }
        all[n++] = g;
        struct err failed = fit_guard(g, &p->rows[i], w->project);
        if (failed.code != ERR_OK) e = failed;
    }
    if (!all) return e;
    for (size_t i = 0; i < w->n; i++)
        guard_free(w->guards[i]);
    free(w->guards);
    w->guards = all;
    w->n = n;
    return e;
}

/* The index and the names of `from`, which was made aside, into the watch that runs. */
static void exchange(struct watch *w, struct watch *from) {
    free(w->entries);
    free(w->names);
    w->project = from->project;
    w->keys = from->keys;
    w->entries = from->entries;
    w->n_entries = from->n_entries;
    w->names = from->names;
    w->n_names = from->n_names;
    w->any_event = from->any_event;
    memcpy(w->countries, from->countries, sizeof w->countries);
    w->name_report = from->name_report;
    w->name_beat = from->name_beat;
    w->property_country = from->property_country;
    memcpy(w->properties, from->properties, sizeof w->properties);
    memcpy(w->beat_properties, from->beat_properties, sizeof w->beat_properties);
    memcpy(w->shared, from->shared, sizeof w->shared);
    w->n_shared = from->n_shared;
    from->entries = NULL;
    from->names = NULL;
}

struct err watch_compile(struct status *s) {
    AUTO(arena_free) struct arena *a = arena_new(64u << 20);
    AUTO(watch_free) struct watch *aside = watch_new();
    struct plan p = {.arena = a};
    if (!a || !aside) return ERR(ERR_NOMEM, "watching");
    TRY(read_plan(s, &p));
    copy_page(aside, &p.page);
    TRY(hash_project(s, aside));
    TRY(make_index(aside, &p));
    pthread_mutex_lock(&s->lock);
    exchange(s->watch, aside);
    struct err e = fit_guards(s->watch, &p);
    pthread_mutex_unlock(&s->lock);
    return e;
}
