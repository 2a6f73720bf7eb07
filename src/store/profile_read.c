/* profile_read.c: profiles for questions, and the sealed texts that only profiles hold. */
#include "store/profile.h"
#include "store/world.h"

static struct part_value value_of(struct str element) {
    struct cursor c = {(const uint8_t *)element.p, element.n, false};
    struct part_value v = {0};
    if (!part_list_next(&c, &v)) v.type = PV_NONE;
    return v;
}

/* ---- pages: rows are copied out, and given to the caller when the tables are free again, since
 * what the caller does with a profile may need them (opening a sealed text) ---- */

#define PAGE_ROWS 256
#define PAGE_ROWS_TEXT "256"
#define PAGE_BYTES ((size_t)512 << 20)    /* more than a page can have */
#define PAGE_FULL_BYTES ((size_t)4 << 20) /* a page ends behind the row that makes it so large */

struct page {
    struct store_world *world;
    struct id128 group_key, last; /* last: the owner up to which pages were read */
    bool started, ended;
    struct buf rows; /* owner (16), id (16), document bytes u32, document */
};

static void put_row(struct page *p, struct id128 owner, struct id128 id, struct str doc) {
    buf_put(&p->rows, owner.b, sizeof owner.b);
    buf_put(&p->rows, id.b, sizeof id.b);
    buf_put_u32(&p->rows, (uint32_t)doc.n);
    buf_put_str(&p->rows, doc);
}

static struct err read_rows(struct page *p) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(p->world->meta, &row,
                   "SELECT owner, id, doc FROM profile WHERE project = ? AND group_key = ? AND "
                   "owner > ? ORDER BY owner"
                   " LIMIT " PAGE_ROWS_TEXT,
                   "ibb", (int64_t)p->world->query.project, store_blob(&p->group_key),
                   p->started ? store_blob(&p->last) : STR("")));
    struct err e = ERR_NONE;
    size_t n = 0;
    for (; p->rows.n < PAGE_FULL_BYTES && meta_next(row, &e); n++) {
        p->last = store_id(meta_str(row, 0));
        put_row(p, p->last, store_id(meta_str(row, 1)), meta_str(row, 2));
    }
    p->started = true;
    p->ended = n < PAGE_ROWS && p->rows.n < PAGE_FULL_BYTES;
    return e;
}

static struct err read_one(struct page *p, struct id128 owner) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(p->world->meta, &row,
                   "SELECT id, doc FROM profile WHERE project = ? AND group_key = ? AND owner = ?",
                   "ibb", (int64_t)p->world->query.project, store_blob(&p->group_key),
                   store_blob(&owner)));
    struct err e = ERR_NONE;
    if (meta_next(row, &e)) put_row(p, owner, store_id(meta_str(row, 0)), meta_str(row, 1));
    return e;
}

/* The next rows in order of owner, or the one of `only`. */
static struct err next_page(struct page *p, const struct id128 *only) {
    buf_clear(&p->rows);
    TRY(meta_begin(p->world->meta));
    struct err e = only ? read_one(p, *only) : read_rows(p);
    meta_rollback(p->world->meta);
    TRY(e);
    return buf_err(&p->rows);
}

struct page_row {
    struct id128 owner, id;
    struct str doc;
};

static bool next_row(struct cursor *c, struct page_row *out) {
    if (c->n == 0) return false;
    memcpy(out->owner.b, cursor_bytes(c, 16), 16);
    memcpy(out->id.b, cursor_bytes(c, 16), 16);
    uint32_t n = cursor_u32(c);
    out->doc = (struct str){(const char *)cursor_bytes(c, n), n};
    return true;
}

static struct page page_of(struct store_world *w, bool groups, struct id128 group_key) {
    struct page p = {.world = w, .group_key = groups ? group_key : (struct id128){{0}}};
    buf_init(&p.rows, PAGE_BYTES);
    return p;
}

static struct cursor rows_of(const struct page *p) {
    return (struct cursor){(const uint8_t *)p->rows.p, p->rows.n, false};
}

/* ---- one property of all profiles ---- */

static struct err column(void *ctx, const struct query_column *how) {
    struct page p = page_of(ctx, how->groups, how->group_key);
    struct err e = ERR_NONE;
    while (!p.ended && (e = next_page(&p, NULL)).code == ERR_OK) {
        struct page_row r;
        for (struct cursor c = rows_of(&p); next_row(&c, &r);) {
            struct str element = profile_find(r.doc, how->property);
            if (!element.p) continue;
            struct part_value v = value_of(element);
            how->each(how->ctx, r.owner, &v);
        }
    }
    buf_done(&p.rows);
    return e;
}

/* ---- whole profiles ---- */

struct walk {
    struct page page;
    bool (*each)(void *ctx, const struct query_profile *profile);
    void *ctx;
};

static bool give(const struct walk *k, const struct page_row *r) {
    struct query_profile_prop props[PROFILE_MAX_PROPS];
    struct query_profile p = {.owner = r->owner, .id = r->id, .props = props};
    struct cursor c = {(const uint8_t *)r->doc.p, r->doc.n, false};
    struct str element;
    while (p.n_props < PROFILE_MAX_PROPS && profile_next(&c, &props[p.n_props].name, &element))
        props[p.n_props++].value = value_of(element);
    return k->each(k->ctx, &p);
}

static bool give_page(const struct walk *k) {
    struct page_row r;
    for (struct cursor c = rows_of(&k->page); next_row(&c, &r);)
        if (!give(k, &r)) return false;
    return true;
}

static struct err walk_these(struct walk *k, const struct id128 *only, size_t n) {
    for (size_t i = 0; i < n; i++) {
        TRY(next_page(&k->page, &only[i]));
        if (!give_page(k)) break;
    }
    return ERR_NONE;
}

static struct err walk_all(struct walk *k) {
    while (!k->page.ended) {
        TRY(next_page(&k->page, NULL));
        if (!give_page(k)) break;
    }
    return ERR_NONE;
}

static struct err walk(void *ctx, const struct query_walk *how) {
    struct walk k = {page_of(ctx, how->groups, how->group_key), how->each, how->ctx};
    struct err e = how->only ? walk_these(&k, how->only, how->n_only) : walk_all(&k);
    buf_done(&k.page.rows);
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
