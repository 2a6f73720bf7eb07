/* upkeep.c: what time brings by itself: a maintenance begins and ends, and the salt of the day
 * changes.
 *
 * A maintenance whose whole window passed while nothing ran is begun and ended in one go, so that
 * its history says both. The salt is replaced, not derived: yesterday's prefixes cannot be made
 * again by anybody.
 */
#include "status/internal.h"

#define MOST_AT_ONCE 20

struct due {
    char id[STATUS_ID_BYTES + 1];
    enum status_phase phase; /* to come */
    int64_t at_us;
};

static struct err find_due(struct status *s, int64_t now, struct due *out, size_t *n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT id, phase, for_us, until_us FROM status_incident WHERE maintenance = 1 "
                   "AND resolved_us = 0 AND ((phase = 6 AND auto_begin AND for_us <= ?) OR (phase "
                   "IN (7, 8) AND auto_end AND until_us <= ?)) LIMIT 20",
                   "ii", now, now));
    while (*n < MOST_AT_ONCE && meta_next(row, &e)) {
        bool begins = meta_i64(row, 1) == STATUS_SCHEDULED;
        struct due *d = &out[(*n)++];
        d->phase = begins ? STATUS_IN_PROGRESS : STATUS_COMPLETED;
        d->at_us = meta_i64(row, begins ? 2 : 3);
        status_copy_id(d->id, meta_str(row, 0));
    }
    return e;
}

static struct err move_on(struct status *s, const struct due *d) {
    struct status_touch t = {0};
    bool begins = d->phase == STATUS_IN_PROGRESS;
    struct status_update_new u = {
        .phase = (int)d->phase,
        .impact = STATUS_KEEP,
        .notify = true,
        .display_us = d->at_us,
        .body = begins ? STR("The scheduled maintenance is in progress.")
                       : STR("The scheduled maintenance has been completed.")};
    TRY(meta_begin(s->config.meta));
    return status_finish(s, status_incident_apply(s, str_z(d->id), &u, &t), &t);
}

static struct err maintain(struct status *s, int64_t now) {
    struct due due[MOST_AT_ONCE];
    size_t n = 0;
    TRY(meta_begin(s->config.meta));
    struct err e = find_due(s, now, due, &n);
    meta_rollback(s->config.meta);
    for (size_t i = 0; i < n && e.code == ERR_OK; i++)
        e = move_on(s, &due[i]);
    return e;
}

static struct err new_salt(struct status *s, int64_t day) {
    char salt[16];
    random_bytes(salt, sizeof salt);
    return meta_exec(s->config.meta, "UPDATE status_page SET salt = ?, salt_day = ?", "bi",
                     (struct str){salt, sizeof salt}, day);
}

static struct err renew_salt(struct status *s, int64_t now) {
    int64_t day = 0;
    TRY(meta_begin(s->config.meta));
    struct err e = status_number(s, &day, "SELECT salt_day FROM status_page WHERE one = ?", 1);
    if (e.code == ERR_OK && day == now / US_PER_DAY) {
        meta_rollback(s->config.meta);
        return e;
    }
    if (e.code == ERR_OK) e = new_salt(s, now / US_PER_DAY);
    return status_finish(s, e, NULL);
}

struct err status_upkeep(struct status *s, int64_t now_us) {
    TRY(maintain(s, now_us));
    return renew_salt(s, now_us);
}
