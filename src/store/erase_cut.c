/* erase_cut.c: who is erased, and the moment of it.
 *
 * The follower stands still: what is applied to the tables is visible, all tails end at one
 * position. In one transaction the people are resolved with all their devices, their identities and
 * profiles go, and the position is written down. Then the tails are frozen, so that parts have what
 * came before, and only that.
 *
 * After a crash the frames before the cut may have to be read again: `applied` stands at the cut,
 * so they change no table, and the follower stops at the cut once more (hold_at), so that no part
 * holds rows of both sides.
 */
#include "store/erase.h"

#include <stdlib.h>

struct devices {
    struct erasing *x;
    struct erase_ids found;
    struct err error;
};

static void add_device(void *ctx, struct id128 device, struct id128 person) {
    struct devices *d = ctx;
    if (d->error.code == ERR_OK && (erase_has(d->x, person) || erase_has(d->x, device)))
        d->error = erase_ids_add(&d->found, device);
}

/* Asked ids -> persons -> persons and all their devices. Under the store's lock. */
static struct err resolve(struct erasing *x, size_t *out_devices) {
    struct alias_table *t = x->project->aliases;
    struct devices d = {.x = x};
    size_t asked = x->people.n;
    for (size_t i = 0; i < asked; i++) {
        struct id128 person;
        if (aliases_get(t, x->people.ids[i], &person)) TRY(erase_ids_add(&x->people, person));
    }
    erase_ids_sort(&x->people);
    aliases_each(t, add_device, &d);
    *out_devices = d.found.n;
    for (size_t i = 0; i < d.found.n && d.error.code == ERR_OK; i++)
        d.error = erase_ids_add(&x->people, d.found.ids[i]);
    erase_ids_done(&d.found);
    erase_ids_sort(&x->people);
    return d.error;
}

static struct err write_people(struct erasing *x) {
    for (size_t i = 0; i < x->people.n; i++)
        TRY(meta_exec(x->store->meta,
                      "INSERT OR IGNORE INTO erasure_person(erasure, person) VALUES(?, ?)", "bb",
                      store_blob(&x->id), store_blob(&x->people.ids[i])));
    return ERR_NONE;
}

/* ---- profiles ---- */

static struct err lose_hash(void *ctx, struct id128 hash) {
    struct erasing *x = ctx;
    TRY(erase_lose(x, hash));
    return project_is_readable(x->project, hash) ? erase_note_word(x, hash) : ERR_NONE;
}

static struct err read_profile(struct erasing *x, struct id128 owner, struct buf *doc,
                               struct id128 *out_id, bool *out_found) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    struct id128 no_group = {{0}};
    TRY(meta_query(x->store->meta, &row,
                   "SELECT id, doc FROM profile WHERE project = ? AND group_key = ? AND owner = ?",
                   "ibb", (int64_t)x->project->row.id, store_blob(&no_group), store_blob(&owner)));
    *out_found = meta_next(row, &e);
    if (*out_found) {
        *out_id = store_id(meta_str(row, 0));
        buf_put_str(doc, meta_str(row, 1));
    }
    TRY(e);
    return buf_err(doc);
}

/* What the profile showed has one holder less. */
static struct err release_texts(struct erasing *x, struct id128 id, struct str doc) {
    struct profile_keeper k = {.meta = x->store->meta, .project = (int64_t)x->project->row.id};
    struct cursor c = {(const uint8_t *)doc.p, doc.n, false};
    struct id128 name;
    struct str element;
    TRY(profile_text_release(&k, id));
    while (profile_next(&c, &name, &element)) {
        TRY(profile_text_release(&k, name));
        TRY(profile_text_exchange(&k, element, (struct str){0}));
    }
    return ERR_NONE;
}

static struct err drop_profile(struct erasing *x, struct id128 owner) {
    AUTO(buf_done) struct buf doc;
    struct id128 id, no_group = {{0}};
    bool found = false;
    buf_init(&doc, 4 * PROFILE_MAX_BYTES);
    TRY(read_profile(x, owner, &doc, &id, &found));
    if (!found) return ERR_NONE;
    TRY(lose_hash(x, id));
    TRY(erase_doc_each(buf_str(&doc), lose_hash, x));
    TRY(release_texts(x, id, buf_str(&doc)));
    TRY(meta_exec(x->store->meta,
                  "DELETE FROM profile WHERE project = ? AND group_key = ? AND owner = ?", "ibb",
                  (int64_t)x->project->row.id, store_blob(&no_group), store_blob(&owner)));
    return erase_count(x, ERASED_PROFILES, 1);
}

static struct err count_texts(struct erasing *x, int64_t *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(x->store->meta, &row, "SELECT count(*) FROM profile_text WHERE project = ?", "i",
                   (int64_t)x->project->row.id));
    *out = meta_next(row, &e) ? meta_i64(row, 0) : 0;
    return e;
}

static struct err drop_profiles(struct erasing *x) {
    int64_t before = 0, after = 0;
    TRY(count_texts(x, &before));
    for (size_t i = 0; i < x->people.n; i++)
        TRY(drop_profile(x, x->people.ids[i]));
    TRY(count_texts(x, &after));
    return erase_count(x, ERASED_TEXTS, before - after);
}

/* ---- the transaction ---- */

static struct err drop_aliases(struct erasing *x) {
    for (size_t i = 0; i < x->people.n; i++)
        TRY(meta_exec(x->store->meta, "DELETE FROM alias WHERE project = ? AND device = ?", "ib",
                      (int64_t)x->project->row.id, store_blob(&x->people.ids[i])));
    return ERR_NONE;
}

static struct err change(struct erasing *x) {
    struct store *s = x->store;
    size_t devices = 0;
    pthread_mutex_lock(&s->lock);
    struct err e = resolve(x, &devices);
    x->position = s->visible;
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    TRY(write_people(x));
    TRY(drop_aliases(x));
    TRY(drop_profiles(x));
    TRY(erase_count(x, ERASED_DEVICES, (int64_t)devices));
    TRY(store_position_set(s->meta, "applied", x->position));
    TRY(meta_exec(s->meta, "UPDATE erasure SET position = ? WHERE id = ?", "ib",
                  (int64_t)x->position, store_blob(&x->id)));
    return erase_state_set(x, ERASE_CUT);
}

static bool alias_goes(void *ctx, struct id128 device, struct id128 person) {
    return erase_has(ctx, device) || erase_has(ctx, person);
}

static bool is_erased(void *ctx, struct id128 person) {
    return erase_has(ctx, person);
}

/* What is in memory follows what was committed. */
static struct err follow_tables(struct erasing *x) {
    struct store *s = x->store;
    pthread_mutex_lock(&s->lock);
    struct err e = aliases_remove(x->project->aliases, alias_goes, x);
    if (s->applied < x->position) s->applied = x->position;
    live_forget(x->project, is_erased, x);
    flush_freeze(s);
    s->hold_at = 0;
    pthread_mutex_unlock(&s->lock);
    return e;
}

static struct err cut_held(struct erasing *x) {
    struct meta *m = x->store->meta;
    TRY(meta_begin(m));
    struct err e = change(x);
    if (e.code != ERR_OK) {
        meta_rollback(m);
        return e;
    }
    TRY(meta_commit(m));
    x->state = ERASE_CUT;
    return follow_tables(x);
}

struct err erase_cut(struct erasing *x) {
    if (!erase_hold(x->store)) return ERR(ERR_CANCELLED, "store is stopping");
    struct err e = cut_held(x);
    erase_release(x->store);
    return e;
}

struct err erase_reach_cut(struct erasing *x) {
    if (!erase_hold(x->store)) return ERR(ERR_CANCELLED, "store is stopping");
    struct err e = follow_tables(x);
    erase_release(x->store);
    return e;
}
