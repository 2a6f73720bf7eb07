/* store.h: console's keeper of events: follows the journal, holds the tail, writes and merges
 * parts, applies profiles and identity, and hands out worlds for questions.
 *
 * One consistent move: parts list, words, profiles, identities and the journal position they cover
 * change in one SQLite transaction. Profiles, identities and words are applied at each follow
 * (their own position); parts when the tail is flushed.
 *
 * Threads: a follower (started by store_start) and a merger; questions run on their callers'
 * threads. Everything published is a reference-counted immutable snapshot. Depends on: base, seal,
 * registry, crowd, journal, part, meta, query. Used by: routes, console.
 */
#pragma once

#include "journal/journal.h"
#include "meta/meta.h"
#include "part/part.h"
#include "query/query.h"
#include "registry/registry.h"

#define STORE_TAIL_ROWS (1u << 20) /* per project; at this the tail is flushed to a part */

struct store_config {
    const char *data_folder;
    struct meta *meta;
    /* Published synced journal position (front's); read with acquire order. */
    uint64_t (*synced)(void *ctx);
    void *synced_ctx;
    int wake_fd; /* eventfd that front writes after each sync; -1: poll each 50 ms */
};
struct store;
struct err store_open(const struct store_config *c,
                      struct store **out); /* recovers; removes part files that no row names */
struct err store_start(struct store *s);   /* threads */
void store_close(struct store *s); /* stops threads; saves nothing that is not durable already */
AUTO_DEFINE(struct store *, store_close);

/* ---- projects (the truth; registry is made from it) ---- */
struct store_project {
    uint64_t id;
    char name[128], token[65], timezone[64];
    uint8_t secret_hash[32], salt[32];
    uint32_t crowd;
    bool test;
    int64_t created_us;
};
struct store_project_new {
    struct str name, token, secret, timezone; /* token, secret empty: random */
    uint32_t crowd;                           /* 0: default */
    uint32_t retention_days;                  /* 0: for ever */
    bool test;
};
/* ERR_EXISTS: the token is taken. ERR_INVALID with `what`: name, crowd, timezone, token. out_secret
 * [65] gets the secret, shown once. */
struct err store_project_create(struct store *s, const struct store_project_new *n,
                                struct store_project *out, char out_secret[65]);
struct err store_projects(struct store *s, struct store_project **out /* malloc'd */,
                          size_t *out_n);
struct err store_project(struct store *s, uint64_t id,
                         struct store_project *out); /* ERR_NOTFOUND */
/* Writes front/registry from the projects and what members decided about them. */
struct store_sender {
    uint64_t project;
    struct id128 id; /* registry_sender_id of an API key */
};
struct store_registry {
    const struct team_public *team;
    const uint8_t *root; /* [32]: the installation's key */
    uint64_t generation;
    const struct store_sender *senders; /* [n_senders], by project; beyond REGISTRY_MAX_LIST of one
                                           project they are left out */
    size_t n_senders;
};
struct err store_registry_write(struct store *s, const char *path,
                                const struct store_registry *how);

/* ---- what members decided: settings, marks, published texts (rules.c) ----
 * In force at the front with the next registry. Texts stand here as hashes only. */
#define STORE_MAX_RETENTION 36500
struct store_settings {
    uint32_t quota_per_minute; /* events; 0: none of its own */
    struct str origins;        /* one per line; empty: all */
    uint32_t retention_days;   /* older rows vanish; 0: none do. At most STORE_MAX_RETENTION */
};
struct err store_settings(struct store *s, uint64_t project, struct arena *a,
                          struct store_settings *out);
struct err store_settings_set(struct store *s, uint64_t project, const struct store_settings *to);

/* What a property's values are; the numbers are stored. */
enum store_mark { MARK_NONE = 0, MARK_MEASURE = 1, MARK_TIME = 2, MARK_IDENTITY = 3 };
#define STORE_MAX_DECIDED 10000 /* marks of a project, and as many published texts */
/* property: hash of its name. ERR_LIMIT. */
struct err store_mark_set(struct store *s, uint64_t project, struct id128 property,
                          enum store_mark mark);
/* text: hash of an event's name (kind TEXT_EVENT, property zero) or of a property's value
 * (TEXT_VALUE). ERR_LIMIT. */
struct store_published {
    enum text_kind kind;
    struct id128 text, property;
};
struct err store_publish(struct store *s, uint64_t project, const struct store_published *p);
/* All of a project, into the arena, in the order of their hashes. */
struct store_marked {
    struct id128 property;
    enum store_mark mark;
};
struct err store_marks(struct store *s, uint64_t project, struct arena *a,
                       struct store_marked **out, size_t *out_n);
struct err store_published(struct store *s, uint64_t project, struct arena *a,
                           struct store_published **out, size_t *out_n);

/* ---- following ---- */
/* Everything up to `position` is visible to new worlds; waits up to timeout_ms. ERR_TIMEOUT. */
struct err store_wait_visible(struct store *s, uint64_t position, int timeout_ms);
/* ... and is in parts on disk (flushes the tail). */
struct err store_flush(struct store *s, uint64_t position, int timeout_ms);
uint64_t store_position(struct store *s);

/* ---- the tap: what is followed, for one listener ---- */
#define STORE_TAP_NOW UINT64_MAX
struct store_tap {
    void *ctx;
    uint64_t from; /* the listener has everything below; STORE_TAP_NOW: begin with what comes */
    /* Each frame once, in the journal's order, of all projects; `end` is the position behind it.
     * Called by the follower, which holds meta's lock: no call of meta or of this store, and
     * microseconds, not milliseconds. The frame is borrowed for the call and may be walked. What
     * the journal no longer has is passed over. */
    void (*take)(void *ctx, struct frame *f, uint64_t end);
};
void store_tap(struct store *s, const struct store_tap *t); /* between open and start */
/* The listener was shown everything that is synced. */
bool store_tap_is_current(struct store *s);

/* ---- worlds ---- */
struct store_world; /* holds references; free after the question */
struct err store_world_open(struct store *s, uint64_t project, const uint8_t root[32],
                            const struct team_secret *secret_or_null, struct store_world **out);
const struct query_world *store_world_query(const struct store_world *w);
void store_world_free(struct store_world *w);
AUTO_DEFINE(struct store_world *, store_world_free);
/* What opens a sealed text of this project by its handle or hash: ciphertext, box. False: not
 * there. */
struct store_sealed {
    struct sealed_text text; /* ciphertext in the arena */
    struct id128 path_hash;
    uint8_t box[SEAL_BOX_BYTES];
};
bool store_world_sealed(const struct store_world *w, struct id128 hash, struct arena *a,
                        struct store_sealed *out);
bool store_world_by_handle(const struct store_world *w, struct id128 handle,
                           struct id128 *out_hash);

/* ---- live view: the last events as they arrive ---- */
struct store_live;                                   /* one viewer's place in the stream */
struct store_live *store_live_new(uint64_t project); /* NULL: no memory */
void store_live_free(struct store_live *v);
AUTO_DEFINE(struct store_live *, store_live_free);
/* Blocks up to timeout_ms for events behind the last; *out_n: how many there are now (at most 32,
 * the newest). The first call gives the last ones that there were. ERR_NOTFOUND: no such project;
 * ERR_CANCELLED: the store stops. */
struct err store_live_next(struct store *s, struct store_live *v, int timeout_ms, size_t *out_n);
/* Those events as a JSON array of {event, time, person, properties: a few}, labelled by the world
 * and the rights. */
struct err store_live_write(const struct store_live *v, const struct store_world *w,
                            const struct query_rights *r, struct buf *out);

/* ---- erasing a person (erase.c, doc/erasure.md) ---- */
/* What the store asks of the front, by way of its owner. Both block; ERR_TIMEOUT: it is away. */
struct store_front {
    struct err (*rotate)(void *ctx); /* a new journal file begins */
    struct err (*reread)(
        void *ctx); /* the registry is written, and what lies in front/ was read again */
    void *ctx;
};
void store_attend(struct store *s, const struct store_front *f); /* before store_start; copied */

#define STORE_MAX_ERASED 1000
#define STORE_ERASURE_CHARS 33
struct store_erasure {
    uint64_t project;
    const struct str *ids; /* [n]: distinct_ids as they were sent, or "person:<32 hex>" */
    size_t n;              /* 1 to STORE_MAX_ERASED */
    const uint8_t *root;   /* [32] */
    struct str by;         /* who asked, at most 64 bytes */
};
/* Writes the request down; a thread of the store does the rest, and goes on after a restart until
 * it is done. ERR_NOTFOUND: project. ERR_INVALID: too many. */
struct err store_erase(struct store *s, const struct store_erasure *e,
                       char out_id[STORE_ERASURE_CHARS]);
/* {"erasure","state":"running|done","progress":0..1,"receipt":{…}|null} as one JSON value.
 * ERR_NOTFOUND. */
struct err store_erasure_write(struct store *s, uint64_t project, struct str id, struct jout *out);
/* All of a project, newest first, at most 1,000, as an array of the same. */
struct err store_erasures_write(struct store *s, uint64_t project, struct jout *out);

/* The readable names that profiles have: takes the object that query_lexicon wrote and adds
 * "user_properties" and "group_keys" to it. */
struct err store_lexicon_more(struct store *s, uint64_t project, struct buf *object);

/* ---- care ---- */
struct store_stats {
    uint64_t events, parts, tail_rows, tail_parts, part_bytes, journal_bytes, words, profiles;
    uint64_t position, lag_bytes;
    uint64_t values_lost; /* since start: their names were too many for a part (part.h) */
    uint64_t profile_cut; /* since start: profile operations of which something found no room */
};
void store_stats(struct store *s, struct store_stats *out);
/* Of one project: events, parts, tail_rows, part_bytes, words, values_lost; the rest is the
 * server's and zero.
 */
void store_project_stats(struct store *s, uint64_t id, struct store_stats *out);
struct err store_check(const char *data_folder, struct meta *m,
                       struct jout *report); /* offline or running: parts, positions, tables */
/* `weir seal`: every box of parts and profiles to the new key. */
struct err store_rewrap(struct store *s, const struct team_secret *old,
                        const struct team_public *to);
