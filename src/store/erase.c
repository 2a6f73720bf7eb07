/* erase.c: a person is erased.
 *
 * A request is a row in meta; a thread of its own takes the oldest that is not done and goes
 * through the steps. Each step may be done again and ends in a transaction that says how far it is:
 * after a crash the next start goes on from there, and nothing says "done" before all of it is.
 *
 *   asked     -> cut        one moment of the journal (erase_cut.c)
 *   cut       -> rewritten  journal files rotated and deleted; parts written anew (erase_parts.c)
 *   rewritten -> done       ciphertexts, words, the front's memory; SQLite's own leftovers
 *
 * What was accepted before the cut goes, what comes after it is new data and stays: so merges,
 * which would mix the two, wait until the parts are rewritten. Flushes and questions do not.
 */
#include "store/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_MS 60000
#define SMALL_TABLES_BYTES                                                                         \
    ((int64_t)256 << 20) /* up to this meta is written anew after an erasure */

/* ---- sets of ids ---- */

struct err erase_ids_add(struct erase_ids *l, struct id128 id) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct id128 *grown = realloc(l->ids, cap * sizeof *grown);
        if (!grown) return ERR(ERR_NOMEM, "erasure");
        l->ids = grown;
        l->cap = cap;
    }
    l->ids[l->n++] = id;
    l->sorted = false;
    return ERR_NONE;
}

static int by_id(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id128));
}

void erase_ids_sort(struct erase_ids *l) {
    size_t kept = 0;
    if (l->n) qsort(l->ids, l->n, sizeof *l->ids, by_id);
    for (size_t i = 0; i < l->n; i++)
        if (kept == 0 || !id128_eq(l->ids[kept - 1], l->ids[i])) l->ids[kept++] = l->ids[i];
    l->n = kept;
    l->sorted = true;
}

bool erase_ids_has(const struct erase_ids *l, struct id128 id) {
    return l->n && bsearch(&id, l->ids, l->n, sizeof *l->ids, by_id) != NULL;
}

void erase_ids_done(struct erase_ids *l) {
    free(l->ids);
    *l = (struct erase_ids){0};
}

struct err erase_lose(struct erasing *x, struct id128 hash) {
    if (x->lost.n >= ERASE_MAX_LOST) erase_ids_sort(&x->lost);
    if (x->lost.n >= ERASE_MAX_LOST) x->lost_all = true;
    return x->lost_all ? ERR_NONE : erase_ids_add(&x->lost, hash);
}

/* ---- the row ---- */

struct err erase_count(struct erasing *x, enum erase_count what, int64_t n) {
    static const char *const statements[] = {
        [ERASED_ROWS] = "UPDATE erasure SET rows = rows + ? WHERE id = ?",
        [ERASED_PARTS] = "UPDATE erasure SET parts = parts + ? WHERE id = ?",
        [ERASED_PROFILES] = "UPDATE erasure SET profiles = profiles + ? WHERE id = ?",
        [ERASED_DEVICES] = "UPDATE erasure SET devices = devices + ? WHERE id = ?",
        [ERASED_TEXTS] = "UPDATE erasure SET texts = texts + ? WHERE id = ?",
        [ERASED_WORDS] = "UPDATE erasure SET words = words + ? WHERE id = ?",
    };
    return n ? meta_exec(x->store->meta, statements[what], "ib", n, store_blob(&x->id)) : ERR_NONE;
}

struct err erase_state_set(struct erasing *x, enum erase_state to) {
    return meta_exec(x->store->meta, "UPDATE erasure SET state = ? WHERE id = ?", "ib", (int64_t)to,
                     store_blob(&x->id));
}

struct err erase_note_word(struct erasing *x, struct id128 hash) {
    return meta_exec(x->store->meta,
                     "INSERT OR IGNORE INTO erasure_word(erasure, hash) VALUES(?, ?)", "bb",
                     store_blob(&x->id), store_blob(&hash));
}

static struct err read_people(struct erasing *x) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(x->store->meta, &row, "SELECT person FROM erasure_person WHERE erasure = ?", "b",
                   store_blob(&x->id)));
    while (meta_next(row, &e))
        TRY(erase_ids_add(&x->people, store_id(meta_str(row, 0))));
    erase_ids_sort(&x->people);
    return e;
}

static struct err read_oldest(struct erasing *x, uint64_t *out_project) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(
        x->store->meta, &row,
        "SELECT id, project, state, position FROM erasure WHERE state < 3 ORDER BY state "
        "DESC, begun_us LIMIT 1",
        ""));
    if (!meta_next(row, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "no erasure");
    x->id = store_id(meta_str(row, 0));
    *out_project = (uint64_t)meta_i64(row, 1);
    x->state = (enum erase_state)meta_i64(row, 2);
    x->position = (uint64_t)meta_i64(row, 3);
    return ERR_NONE;
}

/* The oldest that is not done. ERR_NOTFOUND: none. */
static struct err oldest(struct erasing *x) {
    uint64_t project = 0;
    TRY(meta_begin(x->store->meta));
    struct err e = read_oldest(x, &project);
    if (e.code == ERR_OK) e = read_people(x);
    meta_rollback(x->store->meta);
    TRY(e);
    x->lost_all = x->state != ERASE_ASKED;
    pthread_mutex_lock(&x->store->lock);
    x->project = store_find(x->store, project);
    x->store->erasing = x->id;
    x->store->erase_total = x->store->erase_done = 0;
    pthread_mutex_unlock(&x->store->lock);
    return x->project ? ERR_NONE : ERR(ERR_CORRUPT, "erasure of no project");
}

struct err erase_hold_at(struct store *s, uint64_t *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    *out = 0;
    TRY(meta_query(s->meta, &row, "SELECT max(position) FROM erasure WHERE state = 1", ""));
    if (meta_next(row, &e) && (uint64_t)meta_i64(row, 0) > s->covered)
        *out = (uint64_t)meta_i64(row, 0);
    return e;
}

/* ---- holding the follower ---- */

bool erase_hold(struct store *s) {
    uint64_t one = 1;
    pthread_mutex_lock(&s->lock);
    s->hold = true;
    if (write(s->nudge_fd, &one, sizeof one) < 0) log_error("store: could not wake the follower");
    while (!s->held && !s->stopping)
        pthread_cond_wait(&s->changed, &s->lock);
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    if (!go_on) erase_release(s);
    return go_on;
}

void erase_release(struct store *s) {
    pthread_mutex_lock(&s->lock);
    s->hold = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the steps ---- */

/* Behind it no file of the journal holds what was accepted before the cut. */
static struct err drop_journal(struct store *s) {
    if (s->front.rotate) TRY(s->front.rotate(s->front.ctx));
    TRY(store_flush(s, s->config.synced(s->config.synced_ctx), FLUSH_MS));
    pthread_mutex_lock(&s->flush_lock);
    struct err e = flush_journal(s);
    pthread_mutex_unlock(&s->flush_lock);
    return e;
}

static struct err commit_state(struct erasing *x, enum erase_state to) {
    TRY(meta_begin(x->store->meta));
    struct err e = erase_state_set(x, to);
    if (e.code == ERR_OK) {
        TRY(meta_commit(x->store->meta));
        x->state = to;
        return ERR_NONE;
    }
    meta_rollback(x->store->meta);
    return e;
}

static struct err cut_and_rewrite(struct erasing *x) {
    if (x->state == ERASE_ASKED)
        TRY(erase_cut(x));
    else
        TRY(erase_reach_cut(x));
    TRY(drop_journal(x->store));
    TRY(erase_parts(x));
    return commit_state(x, ERASE_REWRITTEN);
}

static struct err write_end(struct erasing *x, int64_t free_bytes) {
    struct meta *m = x->store->meta;
    TRY(meta_exec(m, "DELETE FROM erasure_word WHERE erasure = ?", "b", store_blob(&x->id)));
    TRY(meta_exec(m, "UPDATE erasure SET done_us = ?, free_bytes = ? WHERE id = ?", "iib",
                  time_now_us(), free_bytes, store_blob(&x->id)));
    return erase_state_set(x, ERASE_DONE);
}

/* SQLite overwrites what it deletes, but not the copies that it left when it moved rows between
 * pages: those go with a new file. */
static struct err finish(struct erasing *x) {
    int64_t left = 0;
    TRY(meta_compact(x->store->meta, SMALL_TABLES_BYTES, &left));
    TRY(meta_forget(x->store->meta));
    TRY(meta_begin(x->store->meta));
    struct err e = write_end(x, left);
    if (e.code == ERR_OK) return meta_commit(x->store->meta);
    meta_rollback(x->store->meta);
    return e;
}

static struct err run(struct erasing *x) {
    struct store *s = x->store;
    if (x->state < ERASE_REWRITTEN) {
        pthread_mutex_lock(&s->merge_lock);
        struct err e = cut_and_rewrite(x);
        pthread_mutex_unlock(&s->merge_lock);
        TRY(e);
    }
    TRY(erase_texts(x));
    TRY(erase_words(x));
    return finish(x);
}

static struct err run_oldest(struct store *s, bool *out_worked) {
    struct erasing x = {.store = s};
    struct err e = oldest(&x);
    *out_worked = e.code != ERR_NOTFOUND;
    if (e.code == ERR_OK) e = run(&x);
    erase_ids_done(&x.people);
    erase_ids_done(&x.lost);
    pthread_mutex_lock(&s->lock);
    s->erasing = (struct id128){{0}};
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return e.code == ERR_NOTFOUND ? ERR_NONE : e;
}

/* Waits for a request or an end; after a failure a second. */
static bool wait_for_request(struct store *s, int seconds) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    int waited = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && (seconds > 1 ? !s->erase_asked : true) && waited == 0)
        waited = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    if (seconds > 1) s->erase_asked = false;
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

void *eraser_main(void *store) {
    struct store *s = store;
    bool failed = false, worked = false;
    do {
        struct err e = run_oldest(s, &worked);
        failed = e.code != ERR_OK;
        if (failed && e.code != ERR_CANCELLED) log_failure("erasing", e);
    } while (wait_for_request(s, failed ? 1 : worked ? 0 : 3600));
    return NULL;
}
