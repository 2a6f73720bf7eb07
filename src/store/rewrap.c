/* rewrap.c: `weir seal`: every sealing box of parts and profiles, from the old team key to the new
 * one.
 *
 * Parts are immutable, so each is written again beside itself and takes its place in one
 * transaction; a crash before it leaves the old files and strays. Boxes that the old key does not
 * open are the new key's already and stay.
 */
#include <stdlib.h>
#include <unistd.h>

#include "store/internal.h"

struct rewrap {
    struct store *store;
    const struct team_secret *old;
    const struct team_public *to;
    struct project *project;
};

/* The first disk part that is not in `done`, and its place; referenced. */
static struct part *part_at(const struct rewrap *r, size_t i) {
    pthread_mutex_lock(&r->store->lock);
    struct part_list *l = &r->project->disk;
    struct part *p = i < l->n ? part_ref(l->parts[i]) : NULL;
    pthread_mutex_unlock(&r->store->lock);
    return p;
}

static struct err swap_row(struct meta *m, int64_t old_id, int64_t new_id) {
    TRY(meta_begin(m));
    struct err e = meta_exec(m, "UPDATE part SET id = ? WHERE id = ?", "ii", new_id, old_id);
    if (e.code == ERR_OK) return meta_commit(m);
    meta_rollback(m);
    return e;
}

static struct err rewrap_part(const struct rewrap *r, size_t i, struct part *p) {
    char path[4200];
    int64_t id = store_part_next(r->store);
    store_part_path(r->store, id, path);
    TRY(part_rewrap(p, r->old, r->to, path));
    AUTO(part_unref) struct part *fresh = NULL;
    TRY(part_open(path, &fresh));
    TRY(swap_row(r->store->meta, store_part_id(p), id));
    pthread_mutex_lock(&r->store->lock);
    part_unref(r->project->disk.parts[i]);
    r->project->disk.parts[i] = fresh;
    fresh = NULL;
    pthread_mutex_unlock(&r->store->lock);
    unlink(part_path(p));
    return ERR_NONE;
}

static struct err rewrap_project(const struct rewrap *r) {
    for (size_t i = 0;; i++) {
        AUTO(part_unref) struct part *p = part_at(r, i);
        if (!p) return ERR_NONE;
        TRY(rewrap_part(r, i, p));
    }
}

struct box_row {
    struct id128 frame;
    int64_t project;
    uint8_t box[SEAL_BOX_BYTES];
};

static struct err read_boxes(struct meta *m, struct buf *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(m, &row, "SELECT project, frame, box FROM profile_box", ""));
    struct err e = ERR_NONE;
    while (meta_next(row, &e)) {
        struct box_row b = {.project = meta_i64(row, 0), .frame = store_id(meta_str(row, 1))};
        struct str box = meta_str(row, 2);
        if (box.n != sizeof b.box) return ERR(ERR_CORRUPT, "profile box");
        memcpy(b.box, box.p, box.n);
        buf_put(out, &b, sizeof b);
    }
    TRY(buf_err(out));
    return e;
}

static struct err rewrap_box(const struct rewrap *r, const struct box_row *b) {
    uint8_t fresh[SEAL_BOX_BYTES];
    struct err e = seal_box_rewrap(b->box, r->old, r->to, fresh);
    if (e.code == ERR_DENIED) return ERR_NONE;
    TRY(e);
    return meta_exec(
        r->store->meta, "UPDATE profile_box SET box = ? WHERE project = ? AND frame = ?", "bib",
        (struct str){(const char *)fresh, sizeof fresh}, b->project, store_blob(&b->frame));
}

static struct err rewrap_boxes(const struct rewrap *r) {
    AUTO(buf_done) struct buf rows;
    buf_init(&rows, (size_t)4 << 30);
    TRY(read_boxes(r->store->meta, &rows));
    for (size_t at = 0; at < rows.n; at += sizeof(struct box_row)) {
        struct box_row b;
        memcpy(&b, rows.p + at, sizeof b);
        TRY(rewrap_box(r, &b));
    }
    return ERR_NONE;
}

static struct err rewrap_profiles(const struct rewrap *r) {
    TRY(meta_begin(r->store->meta));
    struct err e = rewrap_boxes(r);
    if (e.code == ERR_OK) return meta_commit(r->store->meta);
    meta_rollback(r->store->meta);
    return e;
}

struct err store_rewrap(struct store *s, const struct team_secret *old,
                        const struct team_public *to) {
    struct rewrap r = {.store = s, .old = old, .to = to};
    pthread_mutex_lock(&s->merge_lock);
    pthread_mutex_lock(&s->flush_lock);
    struct err e = rewrap_profiles(&r);
    for (size_t i = 0; e.code == ERR_OK && (r.project = store_at(s, i)); i++)
        e = rewrap_project(&r);
    pthread_mutex_unlock(&s->flush_lock);
    pthread_mutex_unlock(&s->merge_lock);
    return e.code == ERR_OK ? meta_forget(s->meta) : e;
}
