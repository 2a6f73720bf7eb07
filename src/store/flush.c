/* flush.c: frozen tails -> parts on disk, and the loops of the flusher and the merger: two threads,
 * so that no tail waits for a merge.
 *
 * A freeze takes all projects' tails at one position, so that "parts hold everything below" is one
 * number. While the files are written the frozen parts go on answering; then parts, position and
 * lists change together: first in SQLite, then in memory. A crash between file and row leaves a
 * stray file, which the next start removes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/internal.h"

bool flush_is_due(const struct store *s) {
    if (s->freeze_at) return false;
    if (s->flush_asked > s->covered) return true;
    if (s->tail_since_us && time_monotonic_us() - s->tail_since_us > STORE_FLUSH_AFTER_US)
        return true;
    for (size_t i = 0; i < s->n_projects; i++)
        if (part_list_rows(&s->projects[i]->tail) >= STORE_FREEZE_ROWS) return true;
    return false;
}

void flush_freeze(struct store *s) {
    if (s->freeze_at || s->visible == s->covered) return;
    for (size_t i = 0; i < s->n_projects; i++) {
        struct project *p = s->projects[i];
        p->frozen = p->tail;
        p->tail = (struct part_list){0};
    }
    s->freeze_at = s->visible;
    s->tail_since_us = 0;
    pthread_cond_broadcast(&s->changed);
}

struct err store_part_insert(struct store *s, const struct project *p, int64_t id,
                             const struct part *part) {
    const struct part_info *i = part_info(part);
    return meta_exec(
        s->meta,
        "INSERT INTO part(id, project, seq_lo, seq_hi, rows, bytes) VALUES(?, ?, ?, ?, ?, ?)",
        "iiiiii", id, (int64_t)p->row.id, (int64_t)i->seq_lo, (int64_t)i->seq_hi, (int64_t)i->rows,
        (int64_t)i->bytes);
}

static struct err write_frozen(struct store *s, struct project *p, struct part **out,
                               int64_t *out_id) {
    if (p->frozen.n == 0) return ERR_NONE;
    char path[4200];
    *out_id = store_part_next(s);
    store_part_path(s, *out_id, path);
    struct part_merge m = {.parts = p->frozen.parts,
                           .n_parts = p->frozen.n,
                           .readable = project_is_readable,
                           .ctx = p,
                           .from_us = retire_before(p, time_now_us()),
                           .to_us = INT64_MAX,
                           .path = path};
    return part_merge(&m, out);
}

/* Room for one more part, so that what was committed can be published without failing. */
static struct err reserve(struct store *s) {
    struct project *p;
    for (size_t i = 0; (p = store_at(s, i)); i++) {
        pthread_mutex_lock(&s->lock);
        struct err e = part_list_reserve(&p->disk, STORE_ROOM);
        pthread_mutex_unlock(&s->lock);
        TRY(e);
    }
    return ERR_NONE;
}

struct flush {
    size_t n;            /* projects that this flush looks at */
    struct part **parts; /* [n], NULL where there was nothing */
    int64_t *ids;        /* [n] */
};

static void flush_done(struct flush *f) {
    for (size_t i = 0; f->parts && i < f->n; i++)
        part_unref(f->parts[i]);
    free(f->parts);
    free(f->ids);
}

/* After a failure: it comes again each second with new files, and the disk may be full. A file that
 * the tables name stays, whatever the commit said. */
static void remove_written(struct store *s, const struct flush *f) {
    for (size_t i = 0; f->parts && i < f->n; i++)
        if (f->parts[i]) store_part_remove(s, f->parts[i]);
}

static struct err commit_flush(struct store *s, const struct flush *f) {
    TRY(meta_begin(s->meta));
    struct err e = store_position_set(s->meta, "parts", s->freeze_at);
    for (size_t i = 0; i < f->n && e.code == ERR_OK; i++)
        if (f->parts[i]) e = store_part_insert(s, store_at(s, i), f->ids[i], f->parts[i]);
    if (e.code == ERR_OK) return meta_commit(s->meta);
    meta_rollback(s->meta);
    return e;
}

static void publish_flush(struct store *s, struct flush *f) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < f->n; i++) {
        struct project *p = s->projects[i];
        part_list_done(&p->frozen);
        if (!f->parts[i]) continue;
        p->disk.parts[p->disk.n++] = f->parts[i];
        f->parts[i] = NULL;
    }
    s->covered = s->freeze_at;
    s->freeze_at = 0;
    s->last_flush_us = time_monotonic_us();
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* The front rebuilds its readable sets from these files and the frames behind them; so they come
 * before the journal files that they replace go. */
static struct err write_crowd_sets(struct store *s) {
    struct project *p;
    for (size_t i = 0; (p = store_at(s, i)); i++) {
        if (!atomic_exchange(&p->crowd_dirty, false)) continue;
        char name[64], path[4200];
        snprintf(name, sizeof name, "front/crowd-%llu.set", (unsigned long long)p->row.id);
        path_join(path, sizeof path, s->folder, name);
        struct id128 *hashes = NULL;
        size_t n = 0;
        pthread_rwlock_rdlock(&p->words_lock);
        struct err e = words_hashes(p->words, &hashes, &n);
        if (e.code == ERR_OK) n = erase_leave_out(p, hashes, n);
        pthread_rwlock_unlock(&p->words_lock);
        if (e.code == ERR_OK) e = crowd_set_write(path, s->covered, hashes, n);
        free(hashes);
        if (e.code != ERR_OK) atomic_store(&p->crowd_dirty, true);
        TRY(e);
    }
    return ERR_NONE;
}

struct err flush_journal(struct store *s) {
    char folder[4200];
    TRY(write_crowd_sets(s));
    path_join(folder, sizeof folder, s->folder, "journal");
    return journal_delete_below(folder, s->covered);
}

struct err flush_run(struct store *s) {
    pthread_mutex_lock(&s->lock);
    struct flush f = {.n = s->n_projects};
    pthread_mutex_unlock(&s->lock);
    f.parts = calloc(f.n + 1, sizeof *f.parts);
    f.ids = calloc(f.n + 1, sizeof *f.ids);
    struct err e = f.parts && f.ids ? ERR_NONE : ERR(ERR_NOMEM, "flush");
    for (size_t i = 0; i < f.n && e.code == ERR_OK; i++)
        e = write_frozen(s, store_at(s, i), &f.parts[i], &f.ids[i]);
    if (e.code == ERR_OK) e = reserve(s);
    if (e.code == ERR_OK) e = commit_flush(s, &f);
    if (e.code != ERR_OK) remove_written(s, &f);
    if (e.code == ERR_OK) publish_flush(s, &f);
    flush_done(&f);
    TRY(e);
    return flush_journal(s);
}

/* Waits for `ms`, for the end, or (flush) for a freeze: the follower's, at the end of a follow,
 * since only then do all tails end at one position. */
static bool wait_for_work(struct store *s, int ms, bool flush) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    int waited = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping && !(flush && s->freeze_at) && waited == 0)
        waited = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    bool go_on = !s->stopping;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void pause_after(struct store *s, const char *doing, struct err e) {
    if (e.code == ERR_OK) return;
    log_failure(doing, e);
    (void)wait_for_work(s, 1000, false);
}

void *flusher_main(void *store) {
    struct store *s = store;
    while (wait_for_work(s, 500, true)) {
        pthread_mutex_lock(&s->flush_lock);
        struct err e = s->freeze_at ? flush_run(s) : ERR_NONE;
        pthread_mutex_unlock(&s->flush_lock);
        pause_after(s, "writing a part", e);
    }
    return NULL;
}

void *merger_main(void *store) {
    struct store *s = store;
    bool merged = false;
    while (wait_for_work(s, merged ? 1 : 500, false)) {
        merged = false;
        pthread_mutex_lock(&s->merge_lock);
        struct err e = retire_run(s, &merged);
        if (e.code == ERR_OK && !merged) e = merge_run(s, &merged);
        pthread_mutex_unlock(&s->merge_lock);
        pause_after(s, "merging parts", e);
    }
    return NULL;
}
