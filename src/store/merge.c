/* merge.c: fewer, larger parts.
 *
 * A flush or a merge leaves a generation: one or more parts of one range of the journal, apart in
 * event time. Generations are ordered by that range and only neighbours are merged, so "later in
 * the list" always means "later in the journal", which is what decides between duplicates. Which
 * ones: choose.c. A merge is split by month of event time where the months are large; small ones
 * stay together, because strangers choose the times and must not choose the number of files.
 *
 * Merges run beside flushes: neither waits for the other. A flush adds behind the last part of a
 * list, a merge puts its result in the place of its sources.
 */
#include <stdlib.h>
#include <unistd.h>

#include "store/internal.h"

#define MAX_GENERATIONS 256
#define MAX_SPLITS 24
#define SPLIT_MIN_ROWS 131072
#define IDLE_US (20 * US_PER_S)
#define MONTHS 3200 /* from 1970; beyond 2230 all is one month */

struct generation {
    size_t first, n; /* parts in the list */
    uint64_t seq_lo, seq_hi, rows;
};

static size_t generations(const struct part_list *l, struct generation *out) {
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct part_info *info = part_info(l->parts[i]);
        bool same = n && out[n - 1].seq_lo == info->seq_lo && out[n - 1].seq_hi == info->seq_hi;
        if (!same) {
            if (n == MAX_GENERATIONS) break;
            out[n++] =
                (struct generation){.first = i, .seq_lo = info->seq_lo, .seq_hi = info->seq_hi};
        }
        out[n - 1].n++;
        out[n - 1].rows += info->rows;
    }
    return n;
}

/* The parts to merge, referenced. */
static bool pick(struct store *s, struct project *p, struct part_list *out) {
    struct generation g[MAX_GENERATIONS];
    uint64_t rows[MAX_GENERATIONS];
    pthread_mutex_lock(&s->lock);
    size_t n = generations(&p->disk, g), first = 0, count = 0;
    for (size_t i = 0; i < n; i++)
        rows[i] = g[i].rows;
    bool idle = s->tail_since_us == 0 && time_monotonic_us() - s->last_flush_us > IDLE_US;
    bool found = merge_choose(rows, n, idle, &first, &count);
    struct err e = ERR_NONE;
    for (size_t i = first; found && e.code == ERR_OK && i < first + count; i++)
        for (size_t k = 0; k < g[i].n && e.code == ERR_OK; k++) {
            e = part_list_push(out, part_ref(p->disk.parts[g[i].first + k]));
        }
    pthread_mutex_unlock(&s->lock);
    return found && e.code == ERR_OK;
}

static int month_of(int64_t us) {
    int64_t days = us / US_PER_DAY;
    int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t year = yoe + era * 400 + (mp >= 10), month = mp < 10 ? mp + 2 : mp - 10;
    int64_t m = (year - 1970) * 12 + month;
    return m < 0 ? 0 : m >= MONTHS ? MONTHS - 1 : (int)m;
}

static int64_t month_start(int month) {
    int64_t y = 1970 + month / 12, m = month % 12 + 1;
    y -= m <= 2;
    int64_t era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return (era * 146097 + doe - 719468) * US_PER_DAY;
}

static void count_months(const struct part *part, uint64_t rows[MONTHS]) {
    const struct part_info *info = part_info(part);
    if (month_of(info->min_time_us) == month_of(info->max_time_us)) {
        rows[month_of(info->min_time_us)] += info->rows;
        return;
    }
    int64_t times[PART_BATCH_ROWS];
    for (uint32_t at = 0; at < info->rows; at += PART_BATCH_ROWS) {
        uint32_t n = info->rows - at < PART_BATCH_ROWS ? info->rows - at : PART_BATCH_ROWS;
        part_times(part, at, n, times);
        for (uint32_t i = 0; i < n; i++)
            rows[month_of(times[i])]++;
    }
}

/* Bounds [n + 1] of time ranges, each with enough rows to be a file of its own. */
static size_t split(const struct part_list *l, int64_t bounds[MAX_SPLITS + 1]) {
    uint64_t *rows = calloc(MONTHS, sizeof *rows);
    bounds[0] = INT64_MIN;
    size_t n = 1;
    uint64_t total = part_list_rows(l), in_range = 0;
    uint64_t least =
        total / (MAX_SPLITS - 1) > SPLIT_MIN_ROWS ? total / (MAX_SPLITS - 1) : SPLIT_MIN_ROWS;
    if (rows && total >= 2 * SPLIT_MIN_ROWS) {
        for (size_t i = 0; i < l->n; i++)
            count_months(l->parts[i], rows);
        for (int m = 0; m < MONTHS - 1; m++) {
            in_range += rows[m];
            total -= rows[m];
            if (in_range < least || total < least || n == MAX_SPLITS) continue;
            bounds[n++] = month_start(m + 1);
            in_range = 0;
        }
    }
    free(rows);
    bounds[n] = INT64_MAX;
    return n;
}

struct merge {
    struct part_list from, to;
    int64_t ids[MAX_SPLITS]; /* of `to` */
    struct alias_array *aliases;
    struct project *project;
};

static bool is_readable(void *ctx, struct id128 text) {
    return project_is_readable(((struct merge *)ctx)->project, text);
}

static struct id128 person_of(void *ctx, struct id128 person) {
    const struct alias_array *a = ((struct merge *)ctx)->aliases;
    size_t lo = 0, hi = a->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (id128_cmp(a->all[mid].device, person) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < a->n && id128_eq(a->all[lo].device, person) ? a->all[lo].person : person;
}

static struct err write_parts(struct store *s, struct merge *m) {
    int64_t bounds[MAX_SPLITS + 1], oldest_us = retire_before(m->project, time_now_us());
    size_t n = split(&m->from, bounds);
    TRY(part_list_reserve(&m->to, n));
    for (size_t i = 0; i < n; i++) {
        char path[4200];
        int64_t id = store_part_next(s);
        uint64_t lost = 0;
        store_part_path(s, id, path);
        struct part_merge how = {.parts = m->from.parts,
                                 .n_parts = m->from.n,
                                 .readable = is_readable,
                                 .person_of = m->aliases->n ? person_of : NULL,
                                 .ctx = m,
                                 .from_us = bounds[i] > oldest_us ? bounds[i] : oldest_us,
                                 .to_us = bounds[i + 1],
                                 .path = path,
                                 .lost = &lost};
        struct part *out = NULL;
        TRY(part_merge(&how, &out));
        atomic_fetch_add(&m->project->values_lost, lost);
        if (!out) continue;
        m->ids[m->to.n] = id;
        TRY(part_list_push(&m->to, out));
    }
    return ERR_NONE;
}

static struct err commit_rows(struct store *s, const struct merge *m) {
    for (size_t i = 0; i < m->from.n; i++)
        TRY(meta_exec(s->meta, "DELETE FROM part WHERE id = ?", "i",
                      store_part_id(m->from.parts[i])));
    for (size_t i = 0; i < m->to.n; i++)
        TRY(store_part_insert(s, m->project, m->ids[i], m->to.parts[i]));
    return ERR_NONE;
}

static struct err commit(struct store *s, const struct merge *m) {
    TRY(meta_begin(s->meta));
    struct err e = commit_rows(s, m);
    if (e.code == ERR_OK) return meta_commit(s->meta);
    meta_rollback(s->meta);
    return e;
}

/* Same list with the merged ones in place of their sources; capacity was reserved. */
static void publish(struct store *s, struct merge *m) {
    pthread_mutex_lock(&s->lock);
    struct part_list *l = &m->project->disk;
    size_t at = 0;
    while (at < l->n && l->parts[at] != m->from.parts[0])
        at++;
    for (size_t i = 0; i < m->from.n; i++)
        part_unref(l->parts[at + i]);
    size_t behind = l->n - at - m->from.n;
    memmove(&l->parts[at + m->to.n], &l->parts[at + m->from.n], behind * sizeof *l->parts);
    for (size_t i = 0; i < m->to.n; i++)
        l->parts[at + i] = part_ref(m->to.parts[i]);
    l->n = at + m->to.n + behind;
    pthread_mutex_unlock(&s->lock);
}

static void remove_files(const struct part_list *l) {
    for (size_t i = 0; i < l->n; i++)
        unlink(part_path(l->parts[i]));
}

static struct err write_and_commit(struct store *s, struct merge *m) {
    TRY(write_parts(s, m));
    pthread_mutex_lock(&s->lock);
    struct err e = part_list_reserve(&m->project->disk, m->to.n + STORE_ROOM);
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    return commit(s, m);
}

static struct err run(struct store *s, struct merge *m) {
    struct err e = write_and_commit(s, m);
    for (size_t i = 0; e.code != ERR_OK && i < m->to.n; i++)
        store_part_remove(s, m->to.parts[i]);
    TRY(e);
    publish(s, m);
    remove_files(&m->from);
    return ERR_NONE;
}

static struct err run_chosen(struct store *s, struct merge *m) {
    pthread_mutex_lock(&s->lock);
    struct err e = aliases_sorted(m->project->aliases, &m->aliases);
    pthread_mutex_unlock(&s->lock);
    if (e.code == ERR_OK) e = run(s, m);
    part_list_done(&m->from);
    part_list_done(&m->to);
    alias_array_unref(m->aliases);
    return e;
}

static struct err merge_project(struct store *s, struct project *p, bool *out_worked) {
    struct merge m = {.project = p};
    *out_worked = pick(s, p, &m.from);
    if (*out_worked) return run_chosen(s, &m);
    part_list_done(&m.from);
    return ERR_NONE;
}

struct err merge_one(struct store *s, struct project *p, struct part *part) {
    struct merge m = {.project = p};
    TRY(part_list_reserve(&m.from, 1));
    m.from.parts[m.from.n++] = part_ref(part);
    return run_chosen(s, &m);
}

struct err merge_run(struct store *s, bool *out_worked) {
    struct project *p;
    for (size_t i = 0; !*out_worked && (p = store_at(s, i)); i++)
        TRY(merge_project(s, p, out_worked));
    return ERR_NONE;
}
