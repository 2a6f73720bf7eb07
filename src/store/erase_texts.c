/* erase_texts.c: what profiles refer to; and ciphertexts of theirs that no profile shows any more.
 *
 * A sealed text of profiles goes with its last holder (profile_text.c). Rows that were written
 * before holders were counted have no count: of those all that nobody refers to goes here, since
 * nothing says whose they were.
 *
 * Memory is bounded: such a table is gone through in pages of hashes in rising order, and for each
 * page all profiles are read once.
 */
#include "store/erase.h"

#include <stdlib.h>

#define PAGE_HASHES ((size_t)1 << 18)

/* ---- what a document refers to ---- */

struct hash_sink {
    struct err (*each)(void *ctx, struct id128 hash);
    void *ctx;
    struct err error;
};

static void give(void *ctx, struct id128 hash) {
    struct hash_sink *k = ctx;
    if (k->error.code == ERR_OK) k->error = k->each(k->ctx, hash);
}

struct err erase_doc_each(struct str doc, struct err (*each)(void *ctx, struct id128 hash),
                          void *ctx) {
    struct hash_sink k = {each, ctx, ERR_NONE};
    struct cursor c = {(const uint8_t *)doc.p, doc.n, false};
    struct id128 name;
    struct str element;
    while (profile_next(&c, &name, &element)) {
        give(&k, name);
        profile_texts(element, give, &k);
    }
    return k.error;
}

/* ---- pages ---- */

struct err erase_page_init(struct erase_page *p, size_t most) {
    *p = (struct erase_page){.ids = calloc(most + 1, sizeof *p->ids),
                             .alive = calloc(most + 1, sizeof *p->alive),
                             .start = calloc(65537, sizeof *p->start)};
    if (p->ids && p->alive && p->start) return ERR_NONE;
    erase_page_done(p);
    return ERR(ERR_NOMEM, "erasure");
}

void erase_page_done(struct erase_page *p) {
    free(p->ids);
    free(p->alive);
    free(p->start);
    *p = (struct erase_page){0};
}

static uint32_t first_bytes(struct id128 id) {
    return (uint32_t)id.b[0] << 8 | id.b[1];
}

void erase_page_index(struct erase_page *p) {
    size_t at = 0;
    for (uint32_t i = 0; i <= 65536; i++) {
        while (at < p->n && first_bytes(p->ids[at]) < i)
            at++;
        p->start[i] = (uint32_t)at;
    }
    memset(p->alive, 0, p->n);
}

void erase_page_mark(struct erase_page *p, struct id128 hash) {
    uint32_t first = first_bytes(hash), low = p->start[first], high = p->start[first + 1];
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int c = id128_cmp(p->ids[mid], hash);
        if (c == 0) {
            p->alive[mid] = true;
            return;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
}

static struct err mark(void *ctx, struct id128 hash) {
    erase_page_mark(ctx, hash);
    return ERR_NONE;
}

static struct err mark_paths(struct erase_page *p, const struct erasing *x) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(x->store->meta, &row, "SELECT path FROM profile_text WHERE project = ?", "i",
                   (int64_t)x->project->row.id));
    while (meta_next(row, &e))
        erase_page_mark(p, store_id(meta_str(row, 0)));
    return e;
}

struct err erase_page_profiles(struct erase_page *p, const struct erasing *x, bool paths) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(x->store->meta, &row,
                   "SELECT group_key, owner, id, doc FROM profile WHERE project = ?", "i",
                   (int64_t)x->project->row.id));
    while (meta_next(row, &e)) {
        for (int i = 0; i < 3; i++)
            erase_page_mark(p, store_id(meta_str(row, i)));
        TRY(erase_doc_each(meta_str(row, 3), mark, p));
    }
    TRY(e);
    return paths ? mark_paths(p, x) : ERR_NONE;
}

/* ---- the sweep ---- */

/* Names are looked at after values, since a text that stays keeps its path. */
#define VALUES "kind IN (3, 5, 8)"
#define NAMES "kind NOT IN (3, 5, 8)"

static struct err read_page(struct erase_page *p, const struct erasing *x, bool names,
                            const struct id128 *after) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(x->store->meta, &row,
                   names ? "SELECT hash FROM profile_text WHERE project = ? AND hash > ? AND "
                           "holders IS NULL AND " NAMES " ORDER BY hash LIMIT ?"
                         : "SELECT hash FROM profile_text WHERE project = ? AND hash > ? AND "
                           "holders IS NULL AND " VALUES " ORDER BY hash LIMIT ?",
                   "ibi", (int64_t)x->project->row.id, after ? store_blob(after) : STR(""),
                   (int64_t)PAGE_HASHES));
    p->n = 0;
    while (meta_next(row, &e))
        p->ids[p->n++] = store_id(meta_str(row, 0));
    erase_page_index(p);
    return e;
}

static struct err drop_dead(const struct erase_page *p, struct erasing *x) {
    int64_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->alive[i]) continue;
        TRY(meta_exec(x->store->meta, "DELETE FROM profile_text WHERE project = ? AND hash = ?",
                      "ib", (int64_t)x->project->row.id, store_blob(&p->ids[i])));
        TRY(erase_lose(x, p->ids[i]));
        n++;
    }
    return erase_count(x, ERASED_TEXTS, n);
}

static struct err sweep(struct erase_page *p, struct erasing *x, bool names) {
    struct id128 last = {{0}};
    for (bool first = true;; first = false) {
        TRY(read_page(p, x, names, first ? NULL : &last));
        if (p->n == 0) return ERR_NONE;
        last = p->ids[p->n - 1];
        TRY(erase_page_profiles(p, x, names));
        TRY(drop_dead(p, x));
        if (p->n < PAGE_HASHES) return ERR_NONE;
    }
}

static struct err sweep_both(struct erase_page *p, struct erasing *x) {
    struct meta *m = x->store->meta;
    TRY(meta_begin(m));
    struct err e = sweep(p, x, false);
    if (e.code == ERR_OK) e = sweep(p, x, true);
    if (e.code == ERR_OK) return meta_commit(m);
    meta_rollback(m);
    return e;
}

struct err erase_texts(struct erasing *x) {
    struct erase_page p;
    TRY(erase_page_init(&p, PAGE_HASHES));
    struct err e = sweep_both(&p, x);
    erase_page_done(&p);
    return e;
}
