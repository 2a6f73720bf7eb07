/* profile_read.c: profiles for questions, and the sealed texts that only profiles hold. */
#include "store/profile.h"
#include "store/world.h"

static struct part_value value_of(struct str element) {
    struct cursor c = {(const uint8_t *)element.p, element.n, false};
    struct part_value v = {0};
    if (!part_list_next(&c, &v)) v.type = PV_NONE;
    return v;
}

struct column {
    struct store_world *world;
    struct id128 group_key, property;
    void (*each)(void *ctx, struct id128 owner, const struct part_value *value);
    void *ctx;
};

static struct err read_column(const struct column *c) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(c->world->meta, &row,
                   "SELECT owner, doc FROM profile WHERE project = ? AND group_key = ?", "ib",
                   (int64_t)c->world->query.project, store_blob(&c->group_key)));
    struct err e = ERR_NONE;
    while (meta_next(row, &e)) {
        struct str element = profile_find(meta_str(row, 1), c->property);
        if (!element.p) continue;
        struct part_value v = value_of(element);
        c->each(c->ctx, store_id(meta_str(row, 0)), &v);
    }
    return e;
}

static struct err column(void *ctx, bool groups, struct id128 group_key, struct id128 property,
                         void (*each)(void *each_ctx, struct id128 owner,
                                      const struct part_value *value),
                         void *each_ctx) {
    struct store_world *w = ctx;
    struct column c = {w, groups ? group_key : (struct id128){{0}}, property, each, each_ctx};
    TRY(meta_begin(w->meta));
    struct err e = read_column(&c);
    meta_rollback(w->meta);
    return e;
}

struct walk {
    struct store_world *world;
    struct id128 group_key;
    bool (*each)(void *ctx, const struct query_profile *profile);
    void *ctx;
};

static bool give(const struct walk *k, struct id128 owner, struct id128 id, struct str doc) {
    struct query_profile_prop props[PROFILE_MAX_PROPS];
    struct query_profile p = {.owner = owner, .id = id, .props = props};
    struct cursor c = {(const uint8_t *)doc.p, doc.n, false};
    struct str element;
    while (p.n_props < PROFILE_MAX_PROPS && profile_next(&c, &props[p.n_props].name, &element))
        props[p.n_props++].value = value_of(element);
    return k->each(k->ctx, &p);
}

static struct err walk_all(const struct walk *k) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(
        k->world->meta, &row,
        "SELECT owner, id, doc FROM profile WHERE project = ? AND group_key = ? ORDER BY owner",
        "ib", (int64_t)k->world->query.project, store_blob(&k->group_key)));
    struct err e = ERR_NONE;
    while (meta_next(row, &e))
        if (!give(k, store_id(meta_str(row, 0)), store_id(meta_str(row, 1)), meta_str(row, 2)))
            break;
    return e;
}

static struct err walk_one(const struct walk *k, struct id128 owner, bool *out_more) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(k->world->meta, &row,
                   "SELECT id, doc FROM profile WHERE project = ? AND group_key = ? AND owner = ?",
                   "ibb", (int64_t)k->world->query.project, store_blob(&k->group_key),
                   store_blob(&owner)));
    struct err e = ERR_NONE;
    if (meta_next(row, &e))
        *out_more = give(k, owner, store_id(meta_str(row, 0)), meta_str(row, 1));
    return e;
}

static struct err walk_these(const struct walk *k, const struct id128 *only, size_t n) {
    bool more = true;
    for (size_t i = 0; i < n && more; i++)
        TRY(walk_one(k, only[i], &more));
    return ERR_NONE;
}

static struct err walk(void *ctx, bool groups, struct id128 group_key, const struct id128 *only,
                       size_t n_only,
                       bool (*each)(void *each_ctx, const struct query_profile *profile),
                       void *each_ctx) {
    struct store_world *w = ctx;
    struct walk k = {w, groups ? group_key : (struct id128){{0}}, each, each_ctx};
    TRY(meta_begin(w->meta));
    struct err e = only ? walk_these(&k, only, n_only) : walk_all(&k);
    meta_rollback(w->meta);
    return e;
}

struct query_profiles profile_source(struct store_world *w) {
    return (struct query_profiles){.ctx = w, .column = column, .walk = walk};
}

/* ---- sealed texts of profiles ---- */

static struct err read_sealed(const struct store_world *w, struct id128 hash, struct arena *a,
                              struct store_sealed *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(
        w->meta, &row,
        "SELECT t.kind, t.type, t.path, t.frame, t.ordinal, t.ciphertext, b.box FROM profile_text t"
        " JOIN profile_box b ON b.project = t.project AND b.frame = t.frame WHERE t.project = ? "
        "AND t.hash = ?",
        "ib", (int64_t)w->query.project, store_blob(&hash)));
    struct err e = ERR_NONE;
    if (!meta_next(row, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "sealed text");
    struct str box = meta_str(row, 6);
    if (box.n != SEAL_BOX_BYTES) return ERR(ERR_CORRUPT, "profile box");
    memcpy(out->box, box.p, SEAL_BOX_BYTES);
    out->text = (struct sealed_text){.hash = hash,
                                     .frame = store_id(meta_str(row, 3)),
                                     .ordinal = (uint64_t)meta_i64(row, 4),
                                     .kind = (uint8_t)meta_i64(row, 0),
                                     .type = (uint8_t)meta_i64(row, 1),
                                     .ciphertext = arena_str(a, meta_str(row, 5))};
    out->path_hash = store_id(meta_str(row, 2));
    return out->text.ciphertext.p ? ERR_NONE : ERR(ERR_NOMEM, "sealed text");
}

bool profile_sealed(const struct store_world *w, struct id128 hash, struct arena *a,
                    struct store_sealed *out) {
    if (meta_begin(w->meta).code != ERR_OK) return false;
    struct err e = read_sealed(w, hash, a, out);
    meta_rollback(w->meta);
    return e.code == ERR_OK;
}

static struct err each_sealed(const struct store_world *w,
                              void (*each)(void *ctx, struct id128 hash), void *ctx) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(w->meta, &row, "SELECT hash FROM profile_text WHERE project = ?", "i",
                   (int64_t)w->query.project));
    struct err e = ERR_NONE;
    while (meta_next(row, &e))
        each(ctx, store_id(meta_str(row, 0)));
    return e;
}

void profile_sealed_each(const struct store_world *w, void (*each)(void *ctx, struct id128 hash),
                         void *ctx) {
    if (meta_begin(w->meta).code != ERR_OK) return;
    struct err e = each_sealed(w, each, ctx);
    if (e.code != ERR_OK) log_failure("reading profile texts", e);
    meta_rollback(w->meta);
}
