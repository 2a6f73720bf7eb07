/* internal.h: the module's own shapes, private to src/status.
 *
 * Locks: meta's first, then `lock`. The follower of the store holds meta's when it calls the tap,
 * which takes `lock`; so nobody asks meta while holding `lock`.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "status/status.h"

#define STATUS_NAME_BYTES 200
#define STATUS_BODY_BYTES 20000
#define STATUS_HISTORY_N 200 /* incidents in a snapshot, beside the unresolved */
#define STATUS_OPEN_MAX 200  /* unresolved ones, drafts included */
#define STATUS_AFFECTED_MAX 200
#define STATUS_PROBES_MAX 5000

struct watch; /* the loop's state: watch.h */

struct status {
    struct status_config config;
    int64_t clock_from_us; /* the loop's time is from + (now - from) * factor */
    int64_t clock_factor;  /* 1 in production */
    _Atomic uint64_t generation;
    _Atomic uint64_t setups; /* grows when what is watched changes: the loop compiles anew */
    pthread_mutex_t lock;    /* guards watch */
    pthread_cond_t wake;     /* the loop has something to do, or shall end */
    struct watch *watch;
    bool stopping, runs;
    pthread_t thread;
};

/* ---- status.c ---- */
int64_t status_clock(const struct status *s, int64_t real_us); /* of an arrival */
/* ---- schema.c ---- */
struct err status_schema(struct meta *m);

/* ---- change.c: a transaction and what follows it ---- */
struct status_touch {
    bool setups;  /* what is watched changed */
    bool noticed; /* the update below asks for notices */
    char incident[STATUS_ID_BYTES + 1], update[STATUS_ID_BYTES + 1];
};
/* Ends the transaction that meta_begin began: on success notes the components' new states, bumps
 * the generation, commits and calls the hooks; else takes all back. */
struct err status_finish(struct status *s, struct err e, const struct status_touch *t);
/* "field: ..." faults of texts. */
bool status_line_ok(struct str s, size_t least, size_t most); /* UTF-8, no controls */
bool status_text_ok(struct str s, size_t most);               /* the same with lines and tabs */
void status_copy_id(char out[STATUS_ID_BYTES + 1], struct str id);
/* One number of the first row, or 0. Inside a transaction. */
struct err status_number(struct status *s, int64_t *out, const char *sql, int64_t key);

/* ---- incident.c, shared with upkeep.c and draft.c; inside a transaction ---- */
struct err status_incident_insert(struct status *s, const struct status_incident_new *n,
                                  struct status_touch *t);
struct err status_incident_apply(struct status *s, struct str id, const struct status_update_new *u,
                                 struct status_touch *t);
bool status_is_over(enum status_phase p);
bool status_is_public(enum status_phase p); /* and in force: its components' states count */

/* ---- read.c ---- */
struct err status_load_page(struct status *s, struct arena *a, struct status_page *out);
struct err status_load_components(struct status *s, struct arena *a, struct status_model *out);
struct err status_load_incidents(struct status *s, const struct status_list *which, struct arena *a,
                                 struct status_incident **out, size_t *out_n);
/* ---- days.c: worst state and down time of each of the last 90 days, in the page's zone ---- */
struct err status_load_days(struct status *s, struct status_model *m);
/* ---- probe.c ---- */
struct err status_load_probes(struct status *s, struct arena *a, struct status_model *out);

/* ---- upkeep.c: what time brings: maintenance begins and ends, the salt of the day ---- */
struct err status_upkeep(struct status *s, int64_t now_us);
