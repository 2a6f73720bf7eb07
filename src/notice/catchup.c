/* catchup.c: what the page says and nobody was told yet.
 *
 * The desk commits an update and tells nobody what it was: we look at the page and find the updates
 * without a story. One way for the ordinary case and for the one after a crash.
 */
#include <stdlib.h>

#include "notice/inside.h"

struct untold {
    const struct status_incident *incident;
    const struct status_update *update;
};
#define UNTOLD_MOST 256 /* in one look; the rest with the next */

static int by_time(const void *a, const void *b) {
    const struct untold *x = a, *y = b;
    return (x->update->created_us > y->update->created_us) -
           (x->update->created_us < y->update->created_us);
}

static struct err gather(struct notice *n, const struct status_incident *list, size_t n_list,
                         int64_t since_us, struct untold *out, size_t *out_n) {
    for (size_t i = 0; i < n_list; i++) {
        for (size_t k = 0; k < list[i].n_updates && *out_n < UNTOLD_MOST; k++) {
            const struct status_update *u = &list[i].updates[k];
            bool known = false;
            if (!u->notify || u->phase == STATUS_DRAFT || u->created_us < since_us) continue;
            TRY(notice_story_known(n, str_z(u->id), &known));
            if (!known) out[(*out_n)++] = (struct untold){&list[i], u};
        }
    }
    return ERR_NONE;
}

struct err notice_catch_up(struct notice *n, const struct status_model *m) {
    struct untold untold[UNTOLD_MOST];
    size_t k = 0;
    int64_t since = m->now_us - NOTICE_GIVE_UP_US;
    TRY(notice_set_page(n, m->page.name));
    TRY(meta_begin(n->meta));
    struct err e = gather(n, m->incidents, m->n_incidents, since, untold, &k);
    if (e.code == ERR_OK) e = gather(n, m->maintenances, m->n_maintenances, since, untold, &k);
    meta_rollback(n->meta);
    TRY(e);
    qsort(untold, k, sizeof *untold, by_time);
    for (size_t i = 0; i < k; i++)
        TRY(notice_incident(n, m, untold[i].incident, untold[i].update));
    return ERR_NONE;
}
