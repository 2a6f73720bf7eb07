/* profile_text.c: the sealed texts that profiles show. Parts keep their own; profiles have no part,
 * so their texts' ciphertexts are rows, and the boxes of the frames that brought them.
 *
 * A row counts its holders, a box its rows, so that what no profile shows any more is not kept:
 * neither in the table nor, by SQLite's secure_delete, in the file. Rows of folders that were
 * written before holders were counted have none (NULL): they stay until their text is readable.
 */
#include <stdlib.h>

#include "store/profile.h"

/* ---- the frame's sealed texts by hash ---- */

static uint32_t home(const struct profile_keeper *k, struct id128 text) {
    uint32_t s;
    memcpy(&s, text.b, sizeof s); /* a keyed hash: uniform */
    return s & k->mask;
}

static uint32_t slot_of(const struct profile_keeper *k, struct id128 text) {
    uint32_t s = home(k, text);
    while (k->slots[s] && !id128_eq(k->frame->texts[k->slots[s] - 1].hash, text))
        s = (s + 1) & k->mask;
    return s;
}

static struct err index_frame(struct profile_keeper *k) {
    uint32_t n = 16;
    while (n < 2 * k->frame->n_texts)
        n *= 2;
    k->slots = calloc(n, sizeof *k->slots);
    if (!k->slots) return ERR(ERR_NOMEM, "profile texts");
    k->mask = n - 1;
    for (uint32_t i = 0; i < k->frame->n_texts; i++)
        if (k->frame->texts[i].state == FRAME_TEXT_SEALED)
            k->slots[slot_of(k, k->frame->texts[i].hash)] = i + 1;
    return ERR_NONE;
}

void profile_keeper_done(struct profile_keeper *k) {
    free(k->slots);
    k->slots = NULL;
}

/* ---- rows (RETURNING would be one statement, at four times the price) ---- */

/* *out_fresh: the row was not there. */
static struct err put_row(const struct profile_keeper *k, uint32_t index, struct id128 path,
                          bool *out_fresh) {
    const struct frame_text *t = &k->frame->texts[index];
    TRY(meta_exec(k->meta,
                  "INSERT OR IGNORE INTO profile_text(project, hash, kind, type, path, frame, "
                  "ordinal, ciphertext, holders)"
                  " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1"
                  " WHERE NOT EXISTS (SELECT 1 FROM word WHERE project = ?1 AND hash = ?2)",
                  "ibiibbib", k->project, store_blob(&t->hash), (int64_t)t->kind, (int64_t)t->type,
                  store_blob(&path), store_blob(&k->frame->id), (int64_t)index, t->bytes));
    *out_fresh = meta_changes(k->meta) == 1;
    if (*out_fresh) return ERR_NONE;
    return meta_exec(k->meta,
                     "UPDATE profile_text SET holders = holders + 1 WHERE project = ? AND hash = ?",
                     "ib", k->project, store_blob(&t->hash));
}

struct err profile_text_hold(struct profile_keeper *k, struct id128 text) {
    bool fresh = false;
    if (!k->frame->box) return ERR_NONE;
    if (!k->slots) TRY(index_frame(k));
    uint32_t i = k->slots[slot_of(k, text)];
    if (!i) return ERR_NONE;
    uint32_t path_index = k->frame->texts[i - 1].path;
    struct id128 path = {{0}};
    if (path_index != FRAME_NO_PATH) path = k->frame->texts[path_index].hash;
    TRY(put_row(k, i - 1, path, &fresh));
    if (!fresh) return ERR_NONE;
    k->fresh++;
    return path_index == FRAME_NO_PATH ? ERR_NONE : profile_text_hold(k, path);
}

static struct err release_box(const struct profile_keeper *k, struct id128 frame) {
    TRY(meta_exec(k->meta,
                  "UPDATE profile_box SET holders = holders - 1 WHERE project = ? AND frame = ?",
                  "ib", k->project, store_blob(&frame)));
    return meta_exec(k->meta,
                     "DELETE FROM profile_box WHERE project = ? AND frame = ? AND holders = 0",
                     "ib", k->project, store_blob(&frame));
}

struct text_row {
    struct id128 path, frame;
    int64_t holders; /* 0: not counted */
};

static struct err read_row(const struct profile_keeper *k, struct id128 text, struct text_row *out,
                           bool *out_there) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(k->meta, &row,
                   "SELECT path, frame, holders FROM profile_text WHERE project = ? AND hash = ?",
                   "ib", k->project, store_blob(&text)));
    *out_there = meta_next(row, &e);
    if (*out_there)
        *out = (struct text_row){store_id(meta_str(row, 0)), store_id(meta_str(row, 1)),
                                 meta_i64(row, 2)};
    return e;
}

/* Deletes the row and what only it needed. */
static struct err drop_row(struct profile_keeper *k, struct id128 text,
                           const struct text_row *row) {
    TRY(meta_exec(k->meta, "DELETE FROM profile_text WHERE project = ? AND hash = ?", "ib",
                  k->project, store_blob(&text)));
    TRY(release_box(k, row->frame));
    return id128_is_zero(row->path) ? ERR_NONE : profile_text_release(k, row->path);
}

struct err profile_text_release(struct profile_keeper *k, struct id128 text) {
    struct text_row row;
    bool there = false;
    TRY(read_row(k, text, &row, &there));
    if (!there) return ERR_NONE;
    if (row.holders == 1) return drop_row(k, text, &row);
    return meta_exec(k->meta,
                     "UPDATE profile_text SET holders = holders - 1 WHERE project = ? AND hash = ?",
                     "ib", k->project, store_blob(&text));
}

struct err profile_text_box(struct profile_keeper *k) {
    if (!k->fresh) return ERR_NONE;
    int64_t n = k->fresh;
    k->fresh = 0;
    return meta_exec(
        k->meta,
        "INSERT INTO profile_box(project, frame, box, holders) VALUES(?, ?, ?, ?)"
        " ON CONFLICT(project, frame) DO UPDATE SET holders = holders + excluded.holders",
        "ibbi", k->project, store_blob(&k->frame->id),
        (struct str){(const char *)k->frame->box, SEAL_BOX_BYTES}, n);
}

struct err profile_text_readable(struct meta *m, uint64_t project, struct id128 text) {
    struct profile_keeper k = {.meta = m, .project = (int64_t)project};
    struct text_row row;
    bool there = false;
    TRY(read_row(&k, text, &row, &there));
    return there ? drop_row(&k, text, &row) : ERR_NONE;
}

/* ---- values ---- */

static void collect(void *ctx, struct id128 text) {
    buf_put(ctx, text.b, sizeof text.b);
}

static int by_bytes(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id128));
}

/* The different texts of an element, sorted. */
static struct err texts_of(struct str element, struct buf *out) {
    if (element.p) profile_texts(element, collect, out);
    TRY(buf_err(out));
    size_t n = out->n / sizeof(struct id128), kept = 0;
    if (n > 1) qsort(out->p, n, sizeof(struct id128), by_bytes);
    for (size_t i = 0; i < n; i++) {
        char *at = out->p + i * sizeof(struct id128), *to = out->p + kept * sizeof(struct id128);
        if (kept > 0 && memcmp(to - sizeof(struct id128), at, sizeof(struct id128)) == 0) continue;
        if (to != at) memcpy(to, at, sizeof(struct id128));
        kept++;
    }
    out->n = kept * sizeof(struct id128);
    return ERR_NONE;
}

struct err profile_text_exchange(struct profile_keeper *k, struct str was, struct str is) {
    AUTO(buf_done) struct buf old, new;
    buf_init(&old, 2 * (size_t)PROFILE_MAX_BYTES);
    buf_init(&new, 2 * (size_t)PROFILE_MAX_BYTES);
    TRY(texts_of(was, &old));
    TRY(texts_of(is, &new));
    for (size_t i = 0, j = 0; i < old.n || j < new.n;) {
        int c = i == old.n ? 1 : j == new.n ? -1 : by_bytes(old.p + i, new.p + j);
        struct id128 text;
        memcpy(text.b, c < 0 ? old.p + i : new.p + j, sizeof text.b);
        if (c < 0) TRY(profile_text_release(k, text));
        if (c > 0) TRY(profile_text_hold(k, text));
        i += c <= 0 ? sizeof text.b : 0;
        j += c >= 0 ? sizeof text.b : 0;
    }
    return ERR_NONE;
}
