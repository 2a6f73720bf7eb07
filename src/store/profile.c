/* profile.c: a profile operation of a frame -> the profile's row, in the follower's transaction. */
#include <stdlib.h>

#include "store/profile.h"

struct target {
    struct meta *meta;
    int64_t project;
    const struct frame *frame;
    struct id128 group_key; /* zero: a user */
    struct id128 owner;     /* pseudonym, or the group id's hash */
    struct id128 id;        /* hash of the distinct_id's or group id's text */
};

static struct err load(const struct target *t, struct buf *doc, bool *out_found) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(t->meta, &row,
                   "SELECT doc FROM profile WHERE project = ? AND group_key = ? AND owner = ?",
                   "ibb", t->project, store_blob(&t->group_key), store_blob(&t->owner)));
    struct err e = ERR_NONE;
    *out_found = meta_next(row, &e);
    if (*out_found) buf_put_str(doc, meta_str(row, 0));
    return e;
}

static struct err save(const struct target *t, const struct buf *doc) {
    return meta_exec(
        t->meta,
        "INSERT OR REPLACE INTO profile(project, group_key, owner, id, doc) VALUES(?, ?, ?, ?, ?)",
        "ibbbb", t->project, store_blob(&t->group_key), store_blob(&t->owner), store_blob(&t->id),
        buf_str(doc));
}

static struct err drop(const struct target *t) {
    return meta_exec(t->meta,
                     "DELETE FROM profile WHERE project = ? AND group_key = ? AND owner = ?", "ibb",
                     t->project, store_blob(&t->group_key), store_blob(&t->owner));
}

/* Keeps the ciphertext of a sealed text that a profile shows: profiles have no part to keep it. */
static struct err keep_text(const struct target *t, uint32_t index) {
    const struct frame *f = t->frame;
    const struct frame_text *text = &f->texts[index];
    if (text->state != FRAME_TEXT_SEALED || !f->box) return ERR_NONE;
    struct id128 path = {{0}};
    if (text->path != FRAME_NO_PATH) {
        path = f->texts[text->path].hash;
        TRY(keep_text(t, text->path));
    }
    TRY(meta_exec(t->meta, "INSERT OR IGNORE INTO profile_box(project, frame, box) VALUES(?, ?, ?)",
                  "ibb", t->project, store_blob(&f->id),
                  (struct str){(const char *)f->box, SEAL_BOX_BYTES}));
    return meta_exec(t->meta,
                     "INSERT OR IGNORE INTO profile_text(project, hash, kind, type, path, frame, "
                     "ordinal, ciphertext)"
                     " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
                     " WHERE NOT EXISTS (SELECT 1 FROM word WHERE project = ?1 AND hash = ?2)",
                     "ibiibbib", t->project, store_blob(&text->hash), (int64_t)text->kind,
                     (int64_t)text->type, store_blob(&path), store_blob(&f->id), (int64_t)index,
                     text->bytes);
}

/* All texts of one value, lists and objects included. */
static struct err keep_value(const struct target *t, struct cursor *value) {
    uint8_t tag = cursor_u8(value);
    if (tag == V_TEXT) return keep_text(t, cursor_u32(value));
    if (tag == V_NUMBER || tag == V_TIME) cursor_bytes(value, 8);
    if (tag != V_LIST && tag != V_OBJECT) return ERR_NONE;
    uint32_t count = cursor_u32(value), bytes = cursor_u32(value);
    struct cursor items = {cursor_bytes(value, bytes), bytes, false};
    for (uint32_t i = 0; i < count && !items.bad; i++) {
        if (tag == V_OBJECT) TRY(keep_text(t, cursor_u32(&items)));
        TRY(keep_value(t, &items));
    }
    return ERR_NONE;
}

/* The operation's properties as edits, their elements one after another in `bytes`. */
static struct err read_edits(const struct target *t, const struct frame_profile *op,
                             struct profile_edit *edits, struct buf *bytes, size_t *out_n) {
    struct cursor props = op->props, value;
    uint32_t path = 0;
    size_t n = 0, at = 0;
    for (uint16_t i = 0; i < op->n_props && frame_next_prop(&props, &path, &value); i++) {
        struct cursor again = value;
        TRY(keep_text(t, path));
        TRY(keep_value(t, &again));
        size_t start = bytes->n;
        profile_put_value(bytes, t->frame, &value);
        TRY(buf_err(bytes));
        edits[n] = (struct profile_edit){.name = t->frame->texts[path].hash,
                                         .element = {NULL, bytes->n - start}};
        if (edits[n].element.n <= PROFILE_MAX_BYTES)
            n++;
        else
            bytes->n = start;
    }
    for (size_t i = 0; i < n; at += edits[i++].element.n)
        edits[i].element.p = bytes->p + at;
    *out_n = n;
    return ERR_NONE;
}

static struct err change_all(const struct target *t, const struct frame_profile *op,
                             struct buf *doc) {
    AUTO(buf_done) struct buf bytes;
    buf_init(&bytes, 4 * (size_t)JOURNAL_MAX_FRAME_BYTES);
    struct profile_edit *edits = calloc((size_t)op->n_props + 1, sizeof *edits);
    size_t n = 0;
    if (!edits) return ERR(ERR_NOMEM, "profile");
    struct err e = read_edits(t, op, edits, &bytes, &n);
    if (e.code == ERR_OK) profile_change_all(doc, (enum profile_op)op->op, edits, n);
    free(edits);
    return e;
}

struct err profile_apply(struct meta *m, uint64_t project, const struct frame *f,
                         enum frame_record_type type, struct frame_profile *op) {
    struct target t = {
        .meta = m, .project = (int64_t)project, .frame = f, .id = f->texts[op->id].hash};
    if (type == RECORD_GROUP) t.group_key = f->texts[op->group_key].hash;
    t.owner = type == RECORD_GROUP ? t.id : op->person;
    if (op->op == PROFILE_DELETE) return drop(&t);
    AUTO(buf_done) struct buf doc;
    buf_init(&doc, 2 * PROFILE_MAX_BYTES);
    bool found = false;
    TRY(load(&t, &doc, &found));
    if (!found && op->op == PROFILE_UNSET) return ERR_NONE;
    TRY(keep_text(&t, op->id));
    if (type == RECORD_GROUP) TRY(keep_text(&t, op->group_key));
    TRY(change_all(&t, op, &doc));
    TRY(buf_err(&doc));
    return save(&t, &doc);
}
