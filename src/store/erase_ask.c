/* erase_ask.c: an erasure is asked for: ids -> pseudonyms -> a row that the eraser will find.
 *
 * An id is meant as a question means it (query/person.c): as it was sent; if nobody is known by it,
 * as a device's id that its tracker sends as "$device:<id>"; or "person:<32 hex>", the handle that
 * answers show. The id itself is written nowhere.
 */
#include "store/erase.h"

#include <stdlib.h>

struct asking {
    struct store *store;
    struct project *project;
    struct seal_keys keys;
    struct part_list parts;
    struct erase_ids people, handles;
    struct err error;
};

static void asking_done(struct asking *a) {
    part_list_done(&a->parts);
    erase_ids_done(&a->people);
    erase_ids_done(&a->handles);
    secret_wipe(&a->keys, sizeof a->keys);
}

static void asking_done_auto(struct asking *a) {
    asking_done(a);
}

static struct err hold_list(struct asking *a, const struct part_list *l) {
    TRY(part_list_reserve(&a->parts, l->n));
    for (size_t i = 0; i < l->n; i++)
        a->parts.parts[a->parts.n++] = part_ref(l->parts[i]);
    return ERR_NONE;
}

static struct err hold_locked(struct asking *a, uint64_t project) {
    a->project = store_find(a->store, project);
    if (!a->project) return ERR(ERR_NOTFOUND, "project");
    TRY(hold_list(a, &a->project->disk));
    TRY(hold_list(a, &a->project->frozen));
    return hold_list(a, &a->project->tail);
}

/* ---- is anybody known by it ---- */

static bool has_rows(const struct asking *a, struct id128 person) {
    for (size_t i = 0; i < a->parts.n; i++) {
        const struct part *p = a->parts.parts[i];
        uint32_t at = part_find_person(p, person);
        if (at < part_info(p)->persons && id128_eq(part_persons(p)[at], person)) return true;
    }
    return false;
}

static bool is_device(const struct asking *a, struct id128 id) {
    pthread_mutex_lock(&a->store->lock);
    bool yes = aliases_has(a->project->aliases, id);
    pthread_mutex_unlock(&a->store->lock);
    return yes;
}

static struct err has_profile(const struct asking *a, struct id128 owner, bool *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    struct id128 no_group = {{0}};
    TRY(meta_query(a->store->meta, &row,
                   "SELECT 1 FROM profile WHERE project = ? AND group_key = ? AND owner = ?", "ibb",
                   (int64_t)a->project->row.id, store_blob(&no_group), store_blob(&owner)));
    *out = meta_next(row, &e);
    return e;
}

static struct err add_plain(struct asking *a, struct str id) {
    struct id128 person = seal_pseudonym(&a->keys, id);
    bool known = has_rows(a, person) || is_device(a, person);
    TRY(erase_ids_add(&a->people, person));
    if (!known) TRY(has_profile(a, person, &known));
    if (known || id.n > 1024) return ERR_NONE;
    char device[8 + 1024];
    memcpy(device, "$device:", 8);
    memcpy(device + 8, id.p, id.n);
    return erase_ids_add(&a->people, seal_pseudonym(&a->keys, (struct str){device, id.n + 8}));
}

/* ---- handles ---- */

static struct err try_handle(struct asking *a, struct id128 person) {
    bool wanted = erase_ids_has(&a->handles, seal_handle(&a->keys, HANDLE_PERSON, person));
    return wanted ? erase_ids_add(&a->people, person) : ERR_NONE;
}

static void try_person(void *ctx, struct id128 device, struct id128 person) {
    struct asking *a = ctx;
    (void)device;
    if (a->error.code == ERR_OK) a->error = try_handle(a, person);
}

static struct err find_owners(struct asking *a) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    struct id128 no_group = {{0}};
    TRY(meta_query(a->store->meta, &row,
                   "SELECT owner FROM profile WHERE project = ? AND group_key = ?", "ib",
                   (int64_t)a->project->row.id, store_blob(&no_group)));
    while (meta_next(row, &e))
        TRY(try_handle(a, store_id(meta_str(row, 0))));
    return e;
}

static struct err find_handles(struct asking *a) {
    if (a->handles.n == 0) return ERR_NONE;
    erase_ids_sort(&a->handles);
    for (size_t i = 0; i < a->parts.n; i++)
        for (uint32_t k = 0; k < part_info(a->parts.parts[i])->persons; k++)
            TRY(try_handle(a, part_persons(a->parts.parts[i])[k]));
    pthread_mutex_lock(&a->store->lock);
    aliases_each(a->project->aliases, try_person, a);
    pthread_mutex_unlock(&a->store->lock);
    TRY(a->error);
    return find_owners(a);
}

/* ---- writing it down ---- */

static struct err add_id(struct asking *a, struct str id) {
    struct id128 handle;
    if (id.n == 7 + 32 && str_starts(id, STR("person:")) &&
        str_from_hex(str_from(id, 7), handle.b, sizeof handle.b))
        return erase_ids_add(&a->handles, handle);
    return add_plain(a, id);
}

static struct err write_rows(struct asking *a, const struct store_erasure *e, struct id128 id) {
    struct meta *m = a->store->meta;
    for (size_t i = 0; i < e->n; i++)
        TRY(add_id(a, e->ids[i]));
    TRY(find_handles(a));
    erase_ids_sort(&a->people);
    TRY(meta_exec(m,
                  "INSERT INTO erasure(id, project, state, asked, asked_by, begun_us) VALUES(?, ?, "
                  "0, ?, ?, ?)",
                  "biisi", store_blob(&id), (int64_t)e->project, (int64_t)e->n, e->by,
                  time_now_us()));
    for (size_t i = 0; i < a->people.n; i++)
        TRY(meta_exec(m, "INSERT INTO erasure_person(erasure, person) VALUES(?, ?)", "bb",
                      store_blob(&id), store_blob(&a->people.ids[i])));
    return ERR_NONE;
}

static void wake(struct store *s) {
    pthread_mutex_lock(&s->lock);
    s->erase_asked = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

struct err store_erase(struct store *s, const struct store_erasure *how,
                       char out_id[STORE_ERASURE_CHARS]) {
    if (how->n == 0 || how->n > STORE_MAX_ERASED) return ERR(ERR_INVALID, "1 to 1,000 ids");
    AUTO(asking_done) struct asking a = {.store = s};
    struct id128 id;
    random_bytes(id.b, sizeof id.b);
    pthread_mutex_lock(&s->lock);
    struct err e = hold_locked(&a, how->project);
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    seal_keys_derive(how->root, a.project->row.salt, how->project, &a.keys);
    TRY(meta_begin(s->meta));
    e = write_rows(&a, how, id);
    if (e.code != ERR_OK) {
        meta_rollback(s->meta);
        return e;
    }
    TRY(meta_commit(s->meta));
    str_to_hex(id.b, sizeof id.b, out_id);
    out_id[STORE_ERASURE_CHARS - 1] = 0;
    wake(s);
    return ERR_NONE;
}
