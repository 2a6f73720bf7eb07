/* internal.h: the store's own shapes, private to src/store.
 *
 * One lock (`store.lock`) guards what is published: projects, their parts lists, tails, words and
 * aliases. It is held for pointer swaps and look-ups, never for work. SQLite has its own lock
 * (meta), taken first where both are needed.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "crowd/crowd.h"
#include "store/store.h"

#define STORE_FREEZE_ROWS                                                                          \
    (STORE_TAIL_ROWS / 2)                    /* a tail of this many rows is frozen and flushed     \
                                              */
#define STORE_FLUSH_AFTER_US (60 * US_PER_S) /* an idle tail is flushed after this */
#define STORE_MOST_GENERATIONS 48            /* beyond, even dear merges are made */
#define STORE_ROOM 64 /* places kept free in a list of parts while something is committed */
#define STORE_THREADS 4
#define STORE_LIVE_N 256
#define STORE_LIVE_PROPS 8

/* ---- a list of parts that changes by copy ---- */
struct part_list {
    struct part **parts; /* [n], each referenced */
    size_t n, cap;
};
struct err part_list_push(struct part_list *l, struct part *p /* moved on success */);
struct err part_list_reserve(struct part_list *l, size_t more);
void part_list_done(struct part_list *l);
uint64_t part_list_rows(const struct part_list *l);

/* ---- words: readable text by hash; only grows ---- */
struct word_table;
struct word_table *words_new(void);
void words_free(struct word_table *t);
struct err words_add(struct word_table *t, struct id128 hash, uint8_t kind, uint8_t type,
                     struct str text);
/* Forgets a word and wipes its bytes. */
void words_remove(struct word_table *t, struct id128 hash);
struct str words_get(const struct word_table *t, struct id128 hash); /* p NULL: not readable */
void words_each(const struct word_table *t, uint8_t kind, void (*each)(void *ctx, struct str text),
                void *ctx);
size_t words_n(const struct word_table *t);
/* All hashes, sorted; malloc'd. */
struct err words_hashes(const struct word_table *t, struct id128 **out, size_t *out_n);

/* ---- identity: device -> person, first mapping wins ---- */
struct alias_table;
struct alias_table *aliases_new(void);
void aliases_free(struct alias_table *t);
bool aliases_has(const struct alias_table *t, struct id128 device);
struct err aliases_add(struct alias_table *t, struct id128 device, struct id128 person);
/* The person of a device; false: none is known. */
bool aliases_get(const struct alias_table *t, struct id128 device, struct id128 *out);
/* All devices and their persons. */
void aliases_each(const struct alias_table *t,
                  void (*each)(void *ctx, struct id128 device, struct id128 person), void *ctx);
/* Forgets those for which `goes` says so. */
struct err aliases_remove(struct alias_table *t,
                          bool (*goes)(void *ctx, struct id128 device, struct id128 person),
                          void *ctx);
/* A sorted immutable copy, cached until the next add; reference-counted. */
struct alias_array {
    atomic_int refs;
    size_t n;
    struct query_alias all[];
};
struct err aliases_sorted(struct alias_table *t, struct alias_array **out /* referenced */);
void alias_array_unref(struct alias_array *a);

/* ---- live view ---- */
struct live_prop {
    struct id128 name;
    struct part_value value; /* scalars only */
};
struct live_event {
    uint64_t number; /* 1, 2, ...; 0: erased */
    struct id128 name, person;
    int64_t time_us;
    size_t n_props;
    struct live_prop props[STORE_LIVE_PROPS];
};
struct live_ring {
    uint64_t last; /* number of the newest */
    struct live_event events[STORE_LIVE_N];
};

/* ---- a project in memory ---- */
struct project {
    struct store_project row;
    struct zone *zone;
    struct part_list disk;   /* in journal order */
    struct part_list frozen; /* being flushed, older than tail */
    struct part_list tail;
    struct part_builder *builder; /* follower's own: rows of this follow, NULL between follows */
    struct part *fresh;           /* follower's own: those rows as a part, on its way to the tail */
    bool aliases_doubted; /* follower's own: some of the aliases may be in memory and not in meta */
    struct word_table *words;
    pthread_rwlock_t words_lock;
    struct alias_table *aliases;
    struct live_ring live;
    struct id128 *doomed; /* [n_doomed], sorted: words that may be removed, unless they come
                             readable again; with the words, under words_lock. See erase_words.c */
    size_t n_doomed;
    uint64_t events;                   /* rows accepted since start, for stats */
    atomic_bool crowd_dirty;           /* words were added since the crowd snapshot */
    atomic_uint_least64_t values_lost; /* their names were too many for a part */
    atomic_uint retention_days;        /* 0: for ever */
    atomic_int_least64_t retired_day;  /* the day on which old rows were last looked for */
};

struct store {
    struct store_config config;
    char folder[4000];
    struct meta *meta;
    pthread_mutex_t lock;
    pthread_mutex_t merge_lock; /* held while part files are replaced; before flush_lock */
    pthread_mutex_t flush_lock; /* held while tails become part files */
    pthread_cond_t changed;     /* broadcast: positions moved, live events, stop */
    struct project **projects;  /* [n_projects]; grows, never shrinks */
    size_t n_projects;
    uint64_t applied;             /* words, profiles, identities: durable in meta */
    uint64_t visible;             /* new worlds see everything below */
    uint64_t covered;             /* parts on disk hold everything below */
    uint64_t freeze_at;           /* position of the frozen tails; 0: none */
    uint64_t flush_asked;         /* somebody waits for covered >= this */
    int64_t next_part;            /* ids of part files */
    int64_t last_flush_us;        /* monotonic */
    int64_t tail_since_us;        /* monotonic time of the oldest row in the tails; 0: empty */
    bool hold, held, erase_asked; /* the follower is asked to wait; it waits */
    _Atomic uint64_t hold_at;     /* it goes no further than this; 0: as far as it may */
    struct store_front front;
    struct id128 erasing;             /* the erasure in hand; zero: none */
    uint64_t erase_total, erase_done; /* rows of the parts to be written anew */
    /* profile operations of which something found no room */
    atomic_uint_least64_t profile_cut;
    bool stopping;
    pthread_t threads[STORE_THREADS];
    size_t n_threads; /* that run */
    int nudge_fd;     /* eventfd: the follower should look */
    struct store_tap tap;
    _Atomic uint64_t tapped; /* the tap's listener was shown everything below */
};

/* ---- files of the module ---- */
/* ids as blobs of SQLite */
static inline struct str store_blob(const struct id128 *id) {
    return (struct str){(const char *)id->b, sizeof id->b};
}
struct id128 store_id(struct str blob); /* zero if it is not 16 bytes */
/* schema.c */
struct err store_schema(struct meta *m);
struct err store_position_get(struct meta *m, const char *name, uint64_t *out);
struct err store_position_set(struct meta *m, const char *name, uint64_t value);
/* flush.c */
struct err store_part_insert(struct store *s, const struct project *p, int64_t id,
                             const struct part *part);
/* load.c */
struct err store_load(struct store *s);
struct project *store_find(struct store *s, uint64_t id); /* under the lock */
/* The i-th project, NULL behind the last. Takes the lock: the list may move when a project is made.
 */
struct project *store_at(struct store *s, size_t i);
struct err store_project_add(struct store *s, const struct store_project *row,
                             struct project **out);
void store_project_free(struct project *p);
void store_part_path(const struct store *s, int64_t part_id, char out[4200]);
int64_t store_part_id(const struct part *part); /* its file's and its row's */
int64_t store_part_next(struct store *s);       /* an id that no part had */
/* Removes the file of a part that no row names. */
void store_part_remove(struct store *s, const struct part *part);
/* apply.c: what a frame changes in meta; inside one transaction */
struct err apply_frame(struct store *s, struct project *p, struct frame *f, bool *changed);
/* erase.c */
void *eraser_main(void *store);
/* A word has come readable (again); under words_lock, for writing. */
void erase_reborn(struct project *p, struct id128 hash);
/* Takes doomed words out of a sorted list; gives its new length. Under words_lock. */
size_t erase_leave_out(const struct project *p, struct id128 *hashes, size_t n);
/* Where the follower has to stop after a restart: the cut of an erasure that parts don't cover yet;
 * 0: nowhere. Inside a transaction. */
struct err erase_hold_at(struct store *s, uint64_t *out);
/* follow.c */
void *follower_main(void *store);
/* tap.c: follower only */
void tap_give(struct store *s, const struct frame *f, uint64_t end);
void tap_catch_up(struct store *s);
/* flush.c */
void *flusher_main(void *store);
void *merger_main(void *store);
bool flush_is_due(const struct store *s); /* under the lock */
void flush_freeze(struct store *s);       /* follower only, between follows, under the lock */
struct err flush_run(struct store *s);    /* the frozen tails to parts; under flush_lock */
/* Saves the readable sets and deletes journal files that the parts cover; under flush_lock. */
struct err flush_journal(struct store *s);
/* merge.c */
struct err merge_run(struct store *s, bool *out_worked); /* at most one merge; under merge_lock */
/* One part written anew, under merge_lock: duplicates, identities and old rows as in any merge. */
struct err merge_one(struct store *s, struct project *p, struct part *part);
/* retire.c: rows before this are not kept; INT64_MIN: all are. */
int64_t retire_before(const struct project *p, int64_t now_us);
struct err retire_run(struct store *s, bool *out_worked); /* at most one part; under merge_lock */
struct err retire_load(struct store *s);                  /* inside a transaction */
void retire_set(struct store *s, uint64_t project, uint32_t days);
/* choose.c: which of a project's generations to merge now: [out_first, out_first + out_n) of rows
 * [n], oldest first. */
bool merge_choose(const uint64_t *rows, size_t n, bool idle, size_t *out_first, size_t *out_n);
/* tail.c */
bool project_is_readable(void *project, struct id128 text);
/* The builder's rows as p->fresh. */
struct err tail_build(struct store *s, struct project *p, uint64_t seq_lo, uint64_t seq_hi);
void tail_push(struct store *s, struct project *p); /* p->fresh to the tail; cannot fail */
/* live.c */
void live_add(struct store *s, struct project *p, struct frame *f);
/* Empties the places of those people's events; under the lock. */
void live_forget(struct project *p, bool (*gone)(void *ctx, struct id128 person), void *ctx);
