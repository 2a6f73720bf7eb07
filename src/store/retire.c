/* retire.c: retention by age. Rows older than a project keeps them are hidden from every world at
 * once, left out by each flush and merge, and once a day the parts that still hold some are written
 * anew without them (those that hold nothing else just go).
 *
 * The border is the beginning of a day in the project's zone, so that a day is whole or gone.
 */
#include "store/internal.h"

int64_t retire_before(const struct project *p, int64_t now_us) {
    uint32_t days = atomic_load(&p->retention_days);
    if (days == 0) return INT64_MIN;
    struct civil c;
    zone_civil(p->zone, now_us, &c);
    c.day -= (int)days;
    c.hour = c.minute = c.second = 0;
    return zone_instant(p->zone, &c);
}

static int64_t day_of(const struct project *p, int64_t now_us) {
    struct civil c;
    zone_civil(p->zone, now_us, &c);
    return (c.year * INT64_C(12) + c.month) * 32 + c.day;
}

/* The first part that holds rows of before, referenced; NULL: none. */
static struct part *old_part(struct store *s, struct project *p, int64_t before_us) {
    struct part *found = NULL;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < p->disk.n && !found; i++)
        if (part_info(p->disk.parts[i])->min_time_us < before_us)
            found = part_ref(p->disk.parts[i]);
    pthread_mutex_unlock(&s->lock);
    return found;
}

static struct err retire_project(struct store *s, struct project *p, bool *out_worked) {
    int64_t now_us = time_now_us(), today = day_of(p, now_us);
    int64_t before_us = retire_before(p, now_us);
    if (before_us == INT64_MIN || atomic_load(&p->retired_day) == today) return ERR_NONE;
    AUTO(part_unref) struct part *old = old_part(s, p, before_us);
    if (!old) {
        atomic_store(&p->retired_day, today);
        return ERR_NONE;
    }
    *out_worked = true;
    return merge_one(s, p, old);
}

struct err retire_run(struct store *s, bool *out_worked) {
    struct project *p;
    for (size_t i = 0; !*out_worked && (p = store_at(s, i)); i++)
        TRY(retire_project(s, p, out_worked));
    return ERR_NONE;
}

/* ---- the setting in memory ---- */

struct err retire_load(struct store *s) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->meta, &row, "SELECT project, retention_days FROM project_setting", ""));
    while (meta_next(row, &e)) {
        struct project *p = store_find(s, (uint64_t)meta_i64(row, 0));
        if (p) atomic_store(&p->retention_days, (uint32_t)meta_i64(row, 1));
    }
    return e;
}

void retire_set(struct store *s, uint64_t project, uint32_t days) {
    pthread_mutex_lock(&s->lock);
    struct project *p = store_find(s, project);
    if (p) atomic_store(&p->retention_days, days);
    if (p) atomic_store(&p->retired_day, 0);
    pthread_mutex_unlock(&s->lock);
}
