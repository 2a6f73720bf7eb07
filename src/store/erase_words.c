/* erase_words.c: readable words that nobody has any more.
 *
 * A word is readable because at least k people sent it, and stays readable when one of them goes:
 * what k - 1 others sent too says nothing of the one. But a word may have had no crowd: in a test
 * project, published by hand, or sent by one person who looked like ten. So each word that left
 * with the person is looked for in all that is left; where no row, profile or ciphertext's path has
 * it, it goes as well.
 *
 * The front must forget it first, or it would say "known" of a text that nobody holds. In order:
 *   1  the readable set that a starting front reads is written without the words; the journal files
 *      that could make them readable are gone already (erase.c)
 *   2  a file of what to forget is laid beside it, and the front reads its registry again: between
 *      two of its groups it forgets those words, and whatever candidates are in the list
 *   3  everything that it wrote before is followed; the follower stands still; what is still
 * without an owner goes. A word that came readable again since 2 is not touched (`doomed`).
 *
 * Forgetting is always safe: at worst a text is sealed until k people have sent it once more.
 */
#include "store/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_MS 60000

/* ---- what is still referred to ---- */

/* Both are in rising order: few are looked up, many are walked beside the part's. */
static void mark_part(struct erase_page *p, const struct part *part) {
    size_t n = 0, at = 0;
    const struct id128 *terms = part_terms(part, &n);
    bool few = p->n < n / 32;
    for (size_t i = 0; i < p->n; i++) {
        if (few) {
            if (!p->alive[i]) p->alive[i] = part_has_term(part, p->ids[i]);
            continue;
        }
        while (at < n && id128_cmp(terms[at], p->ids[i]) < 0)
            at++;
        if (at < n && id128_eq(terms[at], p->ids[i])) p->alive[i] = true;
    }
}

static struct err hold_parts(const struct erasing *x, struct part_list *out) {
    const struct part_list *lists[] = {&x->project->disk, &x->project->frozen, &x->project->tail};
    pthread_mutex_lock(&x->store->lock);
    struct err e = ERR_NONE;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < lists[i]->n && e.code == ERR_OK; k++) {
            struct part *p = part_ref(lists[i]->parts[k]);
            e = part_list_push(out, p);
            if (e.code != ERR_OK) part_unref(p);
        }
    pthread_mutex_unlock(&x->store->lock);
    return e;
}

static struct err mark_parts(struct erase_page *p, const struct erasing *x) {
    struct part_list all = {0};
    struct err e = hold_parts(x, &all);
    for (size_t i = 0; i < all.n && e.code == ERR_OK; i++)
        mark_part(p, all.parts[i]);
    part_list_done(&all);
    return e;
}

/* Keeps those of the page that nobody refers to. */
static void keep_dead(struct erase_page *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (!p->alive[i]) p->ids[n++] = p->ids[i];
    p->n = n;
    erase_page_index(p);
}

/* Inside a transaction. */
static struct err narrow(struct erase_page *p, const struct erasing *x) {
    if (p->n == 0) return ERR_NONE;
    TRY(mark_parts(p, x));
    TRY(erase_page_profiles(p, x, true));
    keep_dead(p);
    return ERR_NONE;
}

/* ---- the words that left with the person ---- */

/* In a test project no word needs a crowd, and a value that was replaced in a profile left with
 * nobody: so all of its few words are looked at. */
static struct err query_words(struct erasing *x, bool count, struct meta_row **out) {
    struct meta *m = x->store->meta;
    if (x->project->row.test)
        return meta_query(m, out,
                          count ? "SELECT count(*) FROM word WHERE project = ?"
                                : "SELECT hash FROM word WHERE project = ? ORDER BY hash",
                          "i", (int64_t)x->project->row.id);
    return meta_query(m, out,
                      count ? "SELECT count(*) FROM erasure_word WHERE erasure = ?"
                            : "SELECT hash FROM erasure_word WHERE erasure = ? ORDER BY hash",
                      "b", store_blob(&x->id));
}

static struct err count_words(struct erasing *x, size_t *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(query_words(x, true, &row));
    *out = meta_next(row, &e) ? (size_t)meta_i64(row, 0) : 0;
    return e;
}

static struct err read_words(struct erasing *x, struct erase_page *p, size_t most) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(query_words(x, false, &row));
    while (p->n < most && meta_next(row, &e))
        p->ids[p->n++] = store_id(meta_str(row, 0));
    erase_page_index(p);
    return e;
}

static struct err find_dead(struct erasing *x, struct erase_page *p) {
    size_t n = 0;
    TRY(meta_begin(x->store->meta));
    struct err e = count_words(x, &n);
    if (e.code == ERR_OK) e = erase_page_init(p, n);
    if (e.code == ERR_OK) e = read_words(x, p, n);
    if (e.code == ERR_OK) e = narrow(p, x);
    meta_rollback(x->store->meta);
    return e;
}

/* ---- the front ---- */

static int by_id(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id128));
}

void erase_reborn(struct project *p, struct id128 hash) {
    if (!p->n_doomed) return;
    struct id128 *at = bsearch(&hash, p->doomed, p->n_doomed, sizeof hash, by_id);
    if (!at) return;
    memmove(at, at + 1, (size_t)(p->doomed + p->n_doomed - at - 1) * sizeof *at);
    p->n_doomed--;
}

size_t erase_leave_out(const struct project *p, struct id128 *hashes, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!p->n_doomed || !bsearch(&hashes[i], p->doomed, p->n_doomed, sizeof *hashes, by_id))
            hashes[kept++] = hashes[i];
    return kept;
}

static void doom(struct project *p, struct id128 *ids, size_t n) {
    pthread_rwlock_wrlock(&p->words_lock);
    p->doomed = ids;
    p->n_doomed = n;
    pthread_rwlock_unlock(&p->words_lock);
    atomic_store(&p->crowd_dirty, true);
}

static void forget_path(const struct erasing *x, char out[4200]) {
    char name[64];
    snprintf(name, sizeof name, "front/crowd-%llu.forget", (unsigned long long)x->project->row.id);
    path_join(out, 4200, x->store->folder, name);
}

/* What to forget: the words, and all that left with the person, candidates or not. */
static struct err write_forget(struct erasing *x, const struct erase_page *dead) {
    char path[4200];
    forget_path(x, path);
    for (size_t i = 0; i < dead->n; i++)
        TRY(erase_ids_add(&x->lost, dead->ids[i]));
    erase_ids_sort(&x->lost);
    return crowd_forget_write(path, x->lost_all, x->lost.ids, x->lost.n);
}

/* Of what was lost, texts that others have keep their candidates. */
static struct err narrow_lost(struct erasing *x) {
    struct erase_page p = {.ids = NULL};
    erase_ids_sort(&x->lost);
    TRY(erase_page_init(&p, x->lost.n));
    if (x->lost.n) memcpy(p.ids, x->lost.ids, x->lost.n * sizeof *p.ids);
    p.n = x->lost.n;
    erase_page_index(&p);
    struct err e = mark_parts(&p, x);
    if (e.code == ERR_OK) {
        keep_dead(&p);
        if (p.n) memcpy(x->lost.ids, p.ids, p.n * sizeof *p.ids);
        x->lost.n = p.n;
    }
    erase_page_done(&p);
    return e;
}

static struct err tell_front(struct erasing *x, const struct erase_page *dead) {
    struct store *s = x->store;
    TRY(narrow_lost(x));
    pthread_mutex_lock(&s->flush_lock);
    struct err e = flush_journal(s); /* the set without the doomed */
    pthread_mutex_unlock(&s->flush_lock);
    if (e.code == ERR_OK) e = write_forget(x, dead);
    if (e.code == ERR_OK && s->front.reread) e = s->front.reread(s->front.ctx);
    TRY(e);
    return store_wait_visible(s, s->config.synced(s->config.synced_ctx), WAIT_MS);
}

/* ---- the end of the words ---- */

static struct err drop_rows(struct erasing *x, const struct erase_page *p) {
    for (size_t i = 0; i < p->n; i++)
        TRY(meta_exec(x->store->meta, "DELETE FROM word WHERE project = ? AND hash = ?", "ib",
                      (int64_t)x->project->row.id, store_blob(&p->ids[i])));
    return erase_count(x, ERASED_WORDS, (int64_t)p->n);
}

static void drop_words(struct project *p, const struct erase_page *dead) {
    pthread_rwlock_wrlock(&p->words_lock);
    for (size_t i = 0; i < dead->n; i++)
        words_remove(p->words, dead->ids[i]);
    pthread_rwlock_unlock(&p->words_lock);
}

/* The follower stands still: no row can come that refers to one of them. */
static struct err drop_held(struct erasing *x, struct erase_page *p) {
    struct meta *m = x->store->meta;
    TRY(meta_begin(m));
    p->n = x->project->n_doomed; /* those that came readable again are not among them */
    if (p->n) memcpy(p->ids, x->project->doomed, p->n * sizeof *p->ids);
    erase_page_index(p);
    struct err e = narrow(p, x);
    if (e.code == ERR_OK) e = drop_rows(x, p);
    if (e.code != ERR_OK) {
        meta_rollback(m);
        return e;
    }
    TRY(meta_commit(m));
    drop_words(x->project, p);
    return ERR_NONE;
}

static struct err drop_dead(struct erasing *x, struct erase_page *dead) {
    if (dead->n == 0) return ERR_NONE;
    if (!erase_hold(x->store)) return ERR(ERR_CANCELLED, "store is stopping");
    struct err e = drop_held(x, dead);
    erase_release(x->store);
    return e;
}

static struct err forget(struct erasing *x, struct erase_page *dead) {
    char path[4200];
    struct id128 *doomed = calloc(dead->n + 1, sizeof *doomed);
    if (!doomed) return ERR(ERR_NOMEM, "erasure");
    if (dead->n) memcpy(doomed, dead->ids, dead->n * sizeof *doomed);
    doom(x->project, doomed, dead->n);
    struct err e = tell_front(x, dead);
    if (e.code == ERR_OK) e = drop_dead(x, dead);
    doom(x->project, NULL, 0);
    free(doomed);
    forget_path(x, path);
    if (e.code == ERR_OK) (void)unlink(path);
    return e;
}

struct err erase_words(struct erasing *x) {
    struct erase_page dead = {.n = 0};
    struct err e = find_dead(x, &dead);
    if (e.code == ERR_OK && (dead.n || x->lost.n || x->lost_all)) e = forget(x, &dead);
    erase_page_done(&dead);
    return e;
}
