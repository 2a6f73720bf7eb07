/* rules.c: what members decided about a project: its settings, what its properties mean, which
 * texts are published by hand. Of texts only hashes are kept: a list of published words in the
 * clear would be a place where words lie that no crowd has sent.
 */
#include "store/internal.h"

static struct err finish(struct store *s, struct err e) {
    if (e.code == ERR_OK) return meta_commit(s->meta);
    meta_rollback(s->meta);
    return e;
}

/* ---- settings ---- */

static struct err read_settings(struct meta *m, uint64_t project, struct arena *a,
                                struct store_settings *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(
        m, &row,
        "SELECT quota_per_minute, origins, retention_days FROM project_setting WHERE project = ?",
        "i", (int64_t)project));
    *out = (struct store_settings){.origins = {"", 0}};
    if (!meta_next(row, &e)) return e;
    struct str origins = arena_str(a, meta_str(row, 1));
    if (!origins.p) return ERR(ERR_NOMEM, "settings");
    *out = (struct store_settings){.quota_per_minute = (uint32_t)meta_i64(row, 0),
                                   .origins = origins,
                                   .retention_days = (uint32_t)meta_i64(row, 2)};
    return ERR_NONE;
}

struct err store_settings(struct store *s, uint64_t project, struct arena *a,
                          struct store_settings *out) {
    TRY(meta_begin(s->meta));
    return finish(s, read_settings(s->meta, project, a, out));
}

struct err store_settings_set(struct store *s, uint64_t project, const struct store_settings *to) {
    if (to->origins.n > REGISTRY_MAX_ORIGINS_BYTES) return ERR(ERR_LIMIT, "too many origins");
    TRY(meta_begin(s->meta));
    TRY(finish(s, meta_exec(s->meta,
                            "INSERT OR REPLACE INTO project_setting(project, quota_per_minute, "
                            "origins, retention_days) VALUES(?, ?, ?, ?)",
                            "iisi", (int64_t)project, (int64_t)to->quota_per_minute, to->origins,
                            (int64_t)to->retention_days)));
    retire_set(s, project, to->retention_days);
    return ERR_NONE;
}

/* ---- marks and published texts ---- */

/* ERR_LIMIT when a statement that counts says that there are as many as there may be. */
static struct err has_room(struct meta *m, const char *count, uint64_t project) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(m, &row, count, "i", (int64_t)project));
    if (meta_next(row, &e) && meta_i64(row, 0) >= STORE_MAX_DECIDED)
        return ERR(ERR_LIMIT, "the project has 10,000 of them");
    return e;
}

static struct err set_mark(struct meta *m, uint64_t project, struct id128 property,
                           enum store_mark mark) {
    if (mark == MARK_NONE)
        return meta_exec(m, "DELETE FROM mark WHERE project = ? AND property = ?", "ib",
                         (int64_t)project, store_blob(&property));
    TRY(has_room(m, "SELECT count(*) FROM mark WHERE project = ?", project));
    return meta_exec(m, "INSERT OR REPLACE INTO mark(project, property, mark) VALUES(?, ?, ?)",
                     "ibi", (int64_t)project, store_blob(&property), (int64_t)mark);
}

struct err store_mark_set(struct store *s, uint64_t project, struct id128 property,
                          enum store_mark mark) {
    TRY(meta_begin(s->meta));
    return finish(s, set_mark(s->meta, project, property, mark));
}

static struct err publish(struct meta *m, uint64_t project, const struct store_published *p) {
    TRY(has_room(m, "SELECT count(*) FROM published WHERE project = ?", project));
    return meta_exec(
        m, "INSERT OR REPLACE INTO published(project, text, kind, property) VALUES(?, ?, ?, ?)",
        "ibib", (int64_t)project, store_blob(&p->text), (int64_t)p->kind, store_blob(&p->property));
}

struct err store_publish(struct store *s, uint64_t project, const struct store_published *p) {
    TRY(meta_begin(s->meta));
    return finish(s, publish(s->meta, project, p));
}

static struct err read_marks(struct meta *m, uint64_t project, struct store_marked *list,
                             size_t *out_n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    size_t n = 0;
    TRY(meta_query(m, &row, "SELECT property, mark FROM mark WHERE project = ? ORDER BY property",
                   "i", (int64_t)project));
    while (n < STORE_MAX_DECIDED && meta_next(row, &e))
        list[n++] =
            (struct store_marked){store_id(meta_str(row, 0)), (enum store_mark)meta_i64(row, 1)};
    *out_n = n;
    return e;
}

struct err store_marks(struct store *s, uint64_t project, struct arena *a,
                       struct store_marked **out, size_t *out_n) {
    *out = arena_array(a, STORE_MAX_DECIDED, sizeof **out);
    if (!*out) return ERR(ERR_NOMEM, "marks");
    TRY(meta_begin(s->meta));
    return finish(s, read_marks(s->meta, project, *out, out_n));
}

static struct err read_published(struct meta *m, uint64_t project, struct store_published *list,
                                 size_t *out_n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    size_t n = 0;
    TRY(meta_query(m, &row,
                   "SELECT kind, text, property FROM published WHERE project = ? ORDER BY text",
                   "i", (int64_t)project));
    while (n < STORE_MAX_DECIDED && meta_next(row, &e))
        list[n++] =
            (struct store_published){(enum text_kind)meta_i64(row, 0), store_id(meta_str(row, 1)),
                                     store_id(meta_str(row, 2))};
    *out_n = n;
    return e;
}

struct err store_published(struct store *s, uint64_t project, struct arena *a,
                           struct store_published **out, size_t *out_n) {
    *out = arena_array(a, STORE_MAX_DECIDED, sizeof **out);
    if (!*out) return ERR(ERR_NOMEM, "published texts");
    TRY(meta_begin(s->meta));
    return finish(s, read_published(s->meta, project, *out, out_n));
}
