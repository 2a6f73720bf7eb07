/* profile.c: the profile operations of a frame -> the profiles' rows, in the follower's
 * transaction.
 *
 * A stranger's body may hold fifty thousand operations with half a million new texts for one
 * profile. So a frame's operations are applied to open documents first, and what is written is what
 * results: each profile once, and of the texts those that it shows.
 */
#include <assert.h>
#include <stdlib.h>

#include "store/profile_open.h"

#define BATCH_BYTES ((size_t)64 << 20) /* open documents of a frame, before they are written */
#define BATCH_PROFILES 50000

struct profile_entry {
    struct id128 group_key; /* zero: a user */
    struct id128 owner;     /* pseudonym, or the group id's hash */
    struct id128 id;        /* hash of the distinct_id's or group id's text */
    bool was_there, is_there, changed;
    struct profile_open *doc;
};

/* ---- rows ---- */

static struct err load(const struct profile_keeper *k, struct profile_entry *e) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(k->meta, &row,
                   "SELECT doc, id FROM profile WHERE project = ? AND group_key = ? AND owner = ?",
                   "ibb", k->project, store_blob(&e->group_key), store_blob(&e->owner)));
    struct err err = ERR_NONE;
    e->was_there = e->is_there = meta_next(row, &err);
    TRY(err);
    e->doc = profile_open_new(e->was_there ? meta_str(row, 0) : STR(""));
    return e->doc ? ERR_NONE : ERR(ERR_NOMEM, "profile");
}

static struct err write_row(const struct profile_keeper *k, const struct profile_entry *e) {
    AUTO(buf_done) struct buf doc;
    buf_init(&doc, 2 * (size_t)PROFILE_MAX_BYTES);
    profile_open_write(e->doc, &doc);
    TRY(buf_err(&doc));
    return meta_exec(
        k->meta,
        "INSERT OR REPLACE INTO profile(project, group_key, owner, id, doc) VALUES(?, ?, ?, ?, ?)",
        "ibbbb", k->project, store_blob(&e->group_key), store_blob(&e->owner), store_blob(&e->id),
        buf_str(&doc));
}

static struct err drop_row(const struct profile_keeper *k, const struct profile_entry *e) {
    return meta_exec(k->meta,
                     "DELETE FROM profile WHERE project = ? AND group_key = ? AND owner = ?", "ibb",
                     k->project, store_blob(&e->group_key), store_blob(&e->owner));
}

/* ---- writing an entry ---- */

static struct err exchange(void *ctx, struct id128 name, struct str was, struct str is) {
    if (!was.p && is.p) TRY(profile_text_hold(ctx, name));
    if (was.p && !is.p) TRY(profile_text_release(ctx, name));
    return profile_text_exchange(ctx, was, is);
}

static struct err hold_row(struct profile_keeper *k, const struct profile_entry *e) {
    if (e->is_there == e->was_there) return ERR_NONE;
    bool is_group = !id128_is_zero(e->group_key);
    if (!e->is_there) {
        if (is_group) TRY(profile_text_release(k, e->group_key));
        return profile_text_release(k, e->id);
    }
    if (is_group) TRY(profile_text_hold(k, e->group_key));
    return profile_text_hold(k, e->id);
}

static struct err save(struct profile_keeper *k, const struct profile_entry *e) {
    if (!e->changed) return ERR_NONE;
    TRY(profile_open_err(e->doc));
    TRY(hold_row(k, e));
    TRY(profile_open_changes(e->doc, exchange, k));
    if (e->is_there) return write_row(k, e);
    return e->was_there ? drop_row(k, e) : ERR_NONE;
}

/* ---- the batch ---- */

void profile_begin(struct profile_batch *b, struct meta *m, uint64_t project,
                   const struct frame *f) {
    *b = (struct profile_batch){.keeper = {.meta = m, .project = (int64_t)project, .frame = f}};
}

static void forget(struct profile_batch *b) {
    for (uint32_t i = 0; b->slots && i <= b->mask; i++) {
        if (!b->slots[i]) continue;
        profile_open_free(b->slots[i]->doc);
        free(b->slots[i]);
    }
    free(b->slots);
    b->slots = NULL;
    b->n = b->mask = 0;
    b->bytes = 0;
}

void profile_done(struct profile_batch *b) {
    forget(b);
    profile_keeper_done(&b->keeper);
}

static struct err write_all(struct profile_batch *b) {
    for (uint32_t i = 0; b->slots && i <= b->mask; i++) {
        if (!b->slots[i]) continue;
        b->cut += profile_open_cut(b->slots[i]->doc);
        TRY(save(&b->keeper, b->slots[i]));
    }
    forget(b);
    return profile_text_box(&b->keeper);
}

struct err profile_end(struct profile_batch *b) {
    return write_all(b);
}

static struct profile_entry **slot_of(struct profile_batch *b, struct id128 group_key,
                                      struct id128 owner) {
    uint32_t s;
    memcpy(&s, owner.b, sizeof s); /* a keyed hash: uniform */
    for (s &= b->mask; b->slots[s]; s = (s + 1) & b->mask) {
        const struct profile_entry *e = b->slots[s];
        if (id128_eq(e->owner, owner) && id128_eq(e->group_key, group_key)) break;
    }
    return &b->slots[s];
}

static struct err make_room(struct profile_batch *b) {
    if (b->bytes > BATCH_BYTES || b->n >= BATCH_PROFILES) TRY(write_all(b));
    if (b->slots && 2 * b->n < b->mask) return ERR_NONE;
    struct profile_batch old = *b;
    b->mask = b->slots ? 2 * b->mask + 1 : 15;
    b->slots = calloc((size_t)b->mask + 1, sizeof(struct profile_entry *));
    if (!b->slots) {
        *b = old;
        return ERR(ERR_NOMEM, "profiles");
    }
    for (uint32_t i = 0; old.slots && i <= old.mask; i++)
        if (old.slots[i]) *slot_of(b, old.slots[i]->group_key, old.slots[i]->owner) = old.slots[i];
    free(old.slots);
    return ERR_NONE;
}

static struct err entry_of(struct profile_batch *b, const struct profile_entry *like,
                           struct profile_entry **out) {
    TRY(make_room(b));
    struct profile_entry **slot = slot_of(b, like->group_key, like->owner);
    if (!*slot) {
        *slot = calloc(1, sizeof **slot);
        if (!*slot) return ERR(ERR_NOMEM, "profile");
        **slot = *like;
        b->n++;
        TRY(load(&b->keeper, *slot));
        b->bytes += 1024;
    }
    *out = *slot;
    return ERR_NONE;
}

static struct err change(struct profile_batch *b, struct profile_entry *e,
                         const struct frame_profile *op) {
    AUTO(buf_done) struct buf element;
    struct cursor props = op->props, value;
    uint32_t path = 0;
    buf_init(&element, 4 * (size_t)JOURNAL_MAX_FRAME_BYTES);
    for (uint16_t i = 0; i < op->n_props && frame_next_prop(&props, &path, &value); i++) {
        buf_clear(&element);
        profile_put_value(&element, b->keeper.frame, &value);
        TRY(buf_err(&element));
        profile_open_change(e->doc, (enum profile_op)op->op, b->keeper.frame->texts[path].hash,
                            buf_str(&element));
        b->bytes += 64 + element.n;
    }
    return ERR_NONE;
}

struct err profile_apply(struct profile_batch *b, enum frame_record_type type,
                         struct frame_profile *op) {
    const struct frame *f = b->keeper.frame;
    struct profile_entry like = {.id = f->texts[op->id].hash}, *e = NULL;
    if (type == RECORD_GROUP) like.group_key = f->texts[op->group_key].hash;
    like.owner = type == RECORD_GROUP ? like.id : op->person;
    TRY(entry_of(b, &like, &e));
    assert(e);
    if (op->op == PROFILE_UNSET && !e->is_there) return ERR_NONE;
    e->changed = true;
    e->is_there = op->op != PROFILE_DELETE;
    if (op->op != PROFILE_DELETE) return change(b, e, op);
    profile_open_clear(e->doc);
    return ERR_NONE;
}
