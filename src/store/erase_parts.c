/* erase_parts.c: parts that hold the person are written anew without them; the others are not
 * touched. A part carries its own dictionaries and keeps nothing that no row refers to, so the
 * strings that only this person had there go with the rows. Each part takes its old one's place in
 * a transaction of its own, with the counts of what went: so a crash costs at most one part's work,
 * and no count.
 */
#include "store/erase.h"

#include <unistd.h>

static bool holds(const struct erasing *x, const struct part *p) {
    for (size_t i = 0; i < x->people.n; i++) {
        uint32_t at = part_find_person(p, x->people.ids[i]);
        if (at < part_info(p)->persons && id128_eq(part_persons(p)[at], x->people.ids[i]))
            return true;
    }
    return false;
}

/* The next part of before the cut that holds them, referenced; NULL: none. */
static struct part *next_part(const struct erasing *x) {
    struct part *found = NULL;
    pthread_mutex_lock(&x->store->lock);
    const struct part_list *l = &x->project->disk;
    for (size_t i = 0; i < l->n && !found; i++)
        if (part_info(l->parts[i])->seq_lo < x->position && holds(x, l->parts[i]))
            found = part_ref(l->parts[i]);
    pthread_mutex_unlock(&x->store->lock);
    return found;
}

static void count_work(const struct erasing *x) {
    struct store *s = x->store;
    pthread_mutex_lock(&s->lock);
    const struct part_list *l = &x->project->disk;
    s->erase_total = s->erase_done = 0;
    for (size_t i = 0; i < l->n; i++)
        if (part_info(l->parts[i])->seq_lo < x->position && holds(x, l->parts[i]))
            s->erase_total += part_info(l->parts[i])->rows;
    pthread_mutex_unlock(&s->lock);
}

/* ---- writing ---- */

static bool is_erased(void *ctx, struct id128 person) {
    return erase_has(ctx, person);
}

static bool is_readable(void *ctx, struct id128 text) {
    return project_is_readable(((struct erasing *)ctx)->project, text);
}

static struct err write_part(struct erasing *x, struct part *old, int64_t id, struct part **out) {
    char path[4200];
    store_part_path(x->store, id, path);
    struct part_merge m = {.parts = &old,
                           .n_parts = 1,
                           .readable = is_readable,
                           .drop_person = is_erased,
                           .ctx = x,
                           .from_us = INT64_MIN,
                           .to_us = INT64_MAX,
                           .path = path};
    return part_merge(&m, out);
}

/* ---- what went with it ---- */

static struct err lose(struct erasing *x, struct id128 hash) {
    TRY(erase_lose(x, hash));
    return project_is_readable(x->project, hash) ? erase_note_word(x, hash) : ERR_NONE;
}

/* Both have their hashes in rising order. */
static struct err lose_between(struct erasing *x, const struct part *old,
                               const struct part *fresh) {
    size_t n = 0, kept_n = 0, k = 0;
    const struct id128 *all = part_terms(old, &n),
                       *kept = fresh ? part_terms(fresh, &kept_n) : NULL;
    for (size_t i = 0; i < n; i++) {
        while (k < kept_n && id128_cmp(kept[k], all[i]) < 0)
            k++;
        if (k < kept_n && id128_eq(kept[k], all[i])) continue;
        TRY(lose(x, all[i]));
    }
    return ERR_NONE;
}

static struct err change_rows(struct erasing *x, const struct part *old, int64_t id,
                              const struct part *fresh) {
    int64_t rows = (int64_t)part_info(old)->rows - (fresh ? (int64_t)part_info(fresh)->rows : 0);
    TRY(lose_between(x, old, fresh));
    TRY(meta_exec(x->store->meta, "DELETE FROM part WHERE id = ?", "i", store_part_id(old)));
    if (fresh) TRY(store_part_insert(x->store, x->project, id, fresh));
    TRY(erase_count(x, ERASED_ROWS, rows));
    return erase_count(x, ERASED_PARTS, 1);
}

static struct err commit(struct erasing *x, const struct part *old, int64_t id,
                         const struct part *fresh) {
    TRY(meta_begin(x->store->meta));
    struct err e = change_rows(x, old, id, fresh);
    if (e.code == ERR_OK) return meta_commit(x->store->meta);
    meta_rollback(x->store->meta);
    return e;
}

/* Flushes add behind; nobody else changes the list. */
static void publish(struct erasing *x, struct part *old, struct part *fresh) {
    struct store *s = x->store;
    pthread_mutex_lock(&s->lock);
    struct part_list *l = &x->project->disk;
    size_t at = 0;
    while (l->parts[at] != old)
        at++;
    part_unref(old);
    if (fresh) {
        l->parts[at] = part_ref(fresh);
    } else {
        memmove(&l->parts[at], &l->parts[at + 1], (l->n - at - 1) * sizeof *l->parts);
        l->n--;
    }
    s->erase_done += part_info(old)->rows;
    pthread_mutex_unlock(&s->lock);
}

static struct err rewrite(struct erasing *x, struct part *old) {
    AUTO(part_unref) struct part *fresh = NULL;
    int64_t id = store_part_next(x->store);
    TRY(write_part(x, old, id, &fresh));
    struct err e = commit(x, old, id, fresh);
    if (e.code != ERR_OK && fresh) store_part_remove(x->store, fresh);
    TRY(e);
    publish(x, old, fresh);
    (void)unlink(part_path(old));
    return ERR_NONE;
}

static bool is_stopping(struct store *s) {
    pthread_mutex_lock(&s->lock);
    bool yes = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

struct err erase_parts(struct erasing *x) {
    char folder[4200];
    count_work(x);
    for (;;) {
        AUTO(part_unref) struct part *p = next_part(x);
        if (!p) break;
        if (is_stopping(x->store)) return ERR(ERR_CANCELLED, "store is stopping");
        TRY(rewrite(x, p));
    }
    path_join(folder, sizeof folder, x->store->folder, "parts");
    return io_sync_folder(folder);
}
