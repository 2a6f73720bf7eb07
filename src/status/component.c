/* component.c: the page and its components: checked, written, taken away. */
#include "status/internal.h"

#include "status/filter.h"

static bool is_accent(struct str s) {
    if (s.n == 0) return true;
    uint8_t rgb[3];
    return s.n == 7 && s.p[0] == '#' && str_from_hex(str_from(s, 1), rgb, 3);
}

/* Links are put into pages and mails: only those that a browser follows without running anything.
 */
static bool is_link(struct str s) {
    if (s.n == 0) return true;
    return status_line_ok(s, 9, 2000) && !str_contains(s, STR(" ")) &&
           (str_starts(s, STR("https://")) || str_starts(s, STR("http://")) ||
            str_starts(s, STR("mailto:")));
}

static struct err check_page(const struct status_page *p) {
    AUTO(zone_free) struct zone *zone = NULL;
    if (!status_line_ok(p->name, 1, STATUS_NAME_BYTES))
        return ERR(ERR_INVALID, "name: 1 to 200 bytes on one line");
    if (!is_link(p->url)) return ERR(ERR_INVALID, "url: an http or https address");
    if (!is_link(p->support_url))
        return ERR(ERR_INVALID, "support_url: an http, https or mailto address");
    if (!status_text_ok(p->description, STATUS_BODY_BYTES))
        return ERR(ERR_INVALID, "description: 20,000 bytes of text at most");
    if (p->n_shared_networks > 200) return ERR(ERR_INVALID, "shared_networks: 200 at most");
    if (!is_accent(p->accent)) return ERR(ERR_INVALID, "accent: such as #3050c0, or empty");
    if (zone_open(p->time_zone, &zone).code != ERR_OK)
        return ERR(ERR_INVALID,
                   "time_zone: a name of the time zone database, such as Europe/Berlin");
    return ERR_NONE;
}

struct err status_page_set(struct status *s, const struct status_page *p) {
    struct store_project project;
    TRY(check_page(p));
    if (p->project && store_project(s->config.store, p->project, &project).code != ERR_OK)
        return ERR(ERR_INVALID, "project: there is no such project");
    TRY(meta_begin(s->config.meta));
    struct err e = meta_exec(
        s->config.meta,
        "UPDATE status_page SET name = ?, url = ?, time_zone = ?, description = ?, support_url = "
        "?, accent = ?, project = ?, takes_reports = ?, takes_comments = ?, shared = ?, updated_us "
        "= ?",
        "ssssssiiibi", p->name, p->url, p->time_zone, p->description, p->support_url, p->accent,
        (int64_t)p->project, (int64_t)p->takes_reports, (int64_t)p->takes_comments,
        (struct str){(const char *)p->shared_networks, p->n_shared_networks * sizeof(uint32_t)},
        status_now_us(s));
    return status_finish(s, e, &(struct status_touch){.setups = true});
}

/* ---- components ---- */

static struct err check_types(const struct status_component *c) {
    if (c->n_types > STATUS_TYPES_MAX) return ERR(ERR_INVALID, "types: 8 at most");
    for (size_t i = 0; i < c->n_types; i++) {
        if (!status_line_ok(c->types[i], 1, 80))
            return ERR(ERR_INVALID, "types: each of 1 to 80 bytes on one line");
        for (size_t k = 0; k < i; k++)
            if (str_eq(c->types[i], c->types[k]))
                return ERR(ERR_INVALID, "types: one is there twice");
    }
    return ERR_NONE;
}

static struct err check_component(const struct status_component *c) {
    if (!status_line_ok(c->name, 1, STATUS_NAME_BYTES))
        return ERR(ERR_INVALID, "name: 1 to 200 bytes on one line");
    if (!status_text_ok(c->description, 2000))
        return ERR(ERR_INVALID, "description: 2,000 bytes of text at most");
    if (c->is_group && c->group[0]) return ERR(ERR_INVALID, "group: a group is in no other");
    if (c->state > STATUS_MAJOR) return ERR(ERR_INVALID, "state: there is no such state");
    return check_types(c);
}

static struct err check_setup(const struct status_setup *setup) {
    TRY(status_filter_check(setup->events, false));
    return status_filter_check(setup->errors, true);
}

static struct err group_is_there(struct status *s, const char *group) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    if (!group[0]) return ERR_NONE;
    TRY(meta_query(s->config.meta, &row, "SELECT 1 FROM status_component WHERE id = ? AND is_group",
                   "s", str_z(group)));
    if (meta_next(row, &e)) return ERR_NONE;
    return e.code ? e : ERR(ERR_INVALID, "group: there is no such group");
}

/* The types as lines, "Other" last. */
static void put_types(const struct status_component *c, struct buf *out) {
    for (size_t i = 0; i < c->n_types; i++) {
        if (i) buf_put_char(out, '\n');
        buf_put_str(out, c->types[i]);
    }
}

static struct err insert(struct status *s, struct status_component *c) {
    int64_t n = 0;
    TRY(status_number(s, &n, "SELECT count(*) FROM status_component WHERE 1 = ?", 1));
    if (n >= STATUS_COMPONENTS_MAX) return ERR(ERR_LIMIT, "1,000 components at most");
    random_word(c->id, STATUS_ID_BYTES);
    c->created_us = status_now_us(s);
    TRY(meta_exec(s->config.meta,
                  "INSERT INTO status_component(id, grp, name, description, is_group, showcase, "
                  "only_if_degraded, position, created_us, updated_us, state, types, rule, harsh, "
                  "events, errors) VALUES(?, '', '', '', ?, 0, 0, 0, ?, 0, 0, '', 0, 0, '', '')",
                  "sii", str_z(c->id), (int64_t)c->is_group, c->created_us));
    c->number = (uint32_t)meta_last_id(s->config.meta);
    return ERR_NONE;
}

static struct err write_component(struct status *s, const struct status_component *c) {
    AUTO(buf_done) struct buf types;
    buf_init(&types, 4096);
    put_types(c, &types);
    TRY(buf_err(&types));
    TRY(meta_exec(s->config.meta,
                  "UPDATE status_component SET grp = ?, name = ?, description = ?, showcase = ?, "
                  "only_if_degraded = ?, position = ?, updated_us = ?, state = ?, types = ? WHERE "
                  "number = ?",
                  "sssiiiiisi", str_z(c->group), c->name, c->description, (int64_t)c->showcase,
                  (int64_t)c->only_if_degraded, (int64_t)c->position, status_now_us(s),
                  (int64_t)c->state, buf_str(&types), (int64_t)c->number));
    return meta_changes(s->config.meta) ? ERR_NONE : ERR(ERR_NOTFOUND, "component");
}

static struct err write_setup(struct status *s, uint32_t number, const struct status_setup *setup) {
    return meta_exec(
        s->config.meta,
        "UPDATE status_component SET rule = ?, harsh = ?, events = ?, errors = ? WHERE "
        "number = ?",
        "iissi", (int64_t)setup->rule, (int64_t)setup->harsh, setup->events, setup->errors,
        (int64_t)number);
}

struct err status_component_save(struct status *s, struct status_component *c,
                                 const struct status_setup *setup) {
    TRY(check_component(c));
    TRY(check_setup(setup));
    bool is_new = c->number == 0;
    TRY(meta_begin(s->config.meta));
    struct err e = group_is_there(s, c->group);
    if (e.code == ERR_OK && is_new) e = insert(s, c);
    if (e.code == ERR_OK) e = write_component(s, c);
    if (e.code == ERR_OK) e = write_setup(s, c->number, setup);
    e = status_finish(s, e, &(struct status_touch){.setups = true});
    if (e.code != ERR_OK && is_new) c->number = 0;
    return e;
}

static struct err drop(struct status *s, int64_t number) {
    struct meta *m = s->config.meta;
    TRY(meta_exec(m,
                  "UPDATE status_component SET grp = '' WHERE grp = (SELECT id FROM "
                  "status_component WHERE number = ?)",
                  "i", number));
    TRY(meta_exec(m, "DELETE FROM status_component WHERE number = ?", "i", number));
    if (!meta_changes(m)) return ERR(ERR_NOTFOUND, "component");
    TRY(meta_exec(m, "DELETE FROM status_change WHERE component = ?", "i", number));
    TRY(meta_exec(m, "DELETE FROM status_named WHERE component = ?", "i", number));
    return meta_exec(m, "UPDATE status_probe SET component = 0 WHERE component = ?", "i", number);
}

struct err status_component_drop(struct status *s, uint32_t number) {
    TRY(meta_begin(s->config.meta));
    return status_finish(s, drop(s, number), &(struct status_touch){.setups = true});
}

struct err status_component_setup(struct status *s, uint32_t number, struct arena *a,
                                  struct status_setup *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_begin(s->config.meta));
    struct err e = meta_query(s->config.meta, &row,
                              "SELECT rule, harsh, events, errors FROM status_component WHERE "
                              "number = ?",
                              "i", (int64_t)number);
    bool found = e.code == ERR_OK && meta_next(row, &e);
    if (found)
        *out = (struct status_setup){.rule = (enum status_rule)meta_i64(row, 0),
                                     .harsh = meta_i64(row, 1) != 0,
                                     .events = arena_str(a, meta_str(row, 2)),
                                     .errors = arena_str(a, meta_str(row, 3))};
    meta_end(row);
    row = NULL;
    meta_rollback(s->config.meta);
    if (e.code == ERR_OK && !found) e = ERR(ERR_NOTFOUND, "component");
    if (found && (!out->events.p || !out->errors.p)) e = ERR(ERR_NOMEM, "component");
    return e;
}

struct err status_component_word(struct status *s, uint32_t number, enum status_state *out) {
    int64_t state = 0;
    TRY(meta_begin(s->config.meta));
    struct err e =
        status_number(s, &state, "SELECT state FROM status_component WHERE number = ?", number);
    meta_rollback(s->config.meta);
    if (e.code == ERR_OK) *out = (enum status_state)state;
    return e;
}
