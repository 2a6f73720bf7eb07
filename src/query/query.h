/* query.h: questions over parts: parse, run, answer as JSON (INTERFACE.md, "A query").
 *
 * A world is everything a question may look at: parts (disk and tail, in journal order), the
 * identity overlay, words, profiles. The store makes one per question; tests make them by hand.
 * query sees nothing else.
 *
 * Order of work: query_parse (JSON -> plan, names resolved to hashes), query_run (slices of persons
 * over threads; in each slice the parts' runs are merged person by person; a report is a table of
 * four functions: init, step, merge, emit).
 *
 * Threading: query_run may use several threads of its own; a world is immutable while it runs.
 * Depends on: base, json, seal, part. Used by: store, routes.
 */
#pragma once

#include "part/part.h"
#include "json/json.h"

/* ---- the world ---- */

struct query_profile_prop {
    struct id128 name;
    struct part_value value;
};
struct query_profile {
    struct id128 owner;                     /* person pseudonym, or the group id's hash */
    struct id128 id;                        /* hash of its distinct_id or group id text */
    const struct query_profile_prop *props; /* [n_props] */
    size_t n_props;
};

/* Which profiles, and who gets them. */
struct query_walk {
    bool groups; /* users, or the groups of group_key (a TEXT_GROUP_KEY hash) */
    struct id128 group_key;
    const struct id128 *only; /* [n_only] owners; NULL: all, in order of owner */
    size_t n_only;
    bool (*each)(void *ctx, const struct query_profile *profile); /* false stops */
    void *ctx;
};
struct query_column {
    bool groups;
    struct id128 group_key;
    struct id128 property;
    /* owner: a person's pseudonym, or the group id's TEXT_VALUE hash */
    void (*each)(void *ctx, struct id128 owner, const struct part_value *value);
    void *ctx;
};

/* Profiles as filters, breakdowns and lists see them; values have the shape of a part's entries.
 * Callbacks may ask the world. */
struct query_profiles {
    void *ctx;
    struct err (*column)(void *ctx,
                         const struct query_column *how); /* all profiles that have the property */
    struct err (*walk)(void *ctx, const struct query_walk *how);
};

struct query_world {
    uint64_t project;
    struct part *const *parts; /* [n_parts] in journal order; borrowed */
    size_t n_parts;
    const struct seal_keys *keys; /* to hash literals, make pseudonyms and handles */
    const struct zone *zone;      /* the project's */
    int64_t now_us;
    int64_t oldest_us; /* rows before it are not shown: the project keeps none (0: all are) */

    /* Identity overlay: devices -> persons, sorted by device. A device's rows belong to its person.
     */
    const struct query_alias { struct id128 device, person; } * aliases; /* [n_aliases] */
    size_t n_aliases;

    /* Readable text by hash (empty p NULL: not readable); `type` as it was sent. */
    struct str (*word)(void *ctx, struct id128 hash);
    /* Opened text for an admin while team.key is on the server; NULL: never. Into the arena. */
    bool (*open)(void *ctx, struct id128 hash, struct arena *a, struct str *out);
    void *words_ctx;
    struct query_profiles profiles;
    /* Cohort members as a filter; NULL: no cohorts. */
    struct err (*cohort)(void *ctx, int64_t id, bool (**has)(void *, struct id128 person),
                         void **has_ctx);
};

/* ---- the question ---- */

struct query_fault {
    char field[96];    /* "steps[1].filters[0].op" */
    char message[200]; /* what is wrong and what would be right */
    int status;        /* 400, 403, 404, 413, 504 */
    const char *code;  /* "invalid", "denied", "timeout", "too_large" */
};

struct query_rights {
    bool may_reveal; /* clear literals may be matched against sealed text */
    bool opened;     /* world.open is used for labels */
};

struct query;
/* Every field known, typed and in range, or ERR_INVALID with the fault filled. `v` is borrowed for
 * the call. */
struct err query_parse(const struct json *v, struct query **out, struct query_fault *fault);
void query_free(struct query *q);
AUTO_DEFINE(struct query *, query_free);
uint64_t query_project(const struct query *q);

/* CPUs that questions share: who has used least goes first. Used by many questions at once, on any
 * thread; freed behind the last. */
struct query_turns;
struct query_turns *query_turns_new(unsigned at_once); /* NULL: no memory */
void query_turns_free(struct query_turns *t);

struct query_limits {
    unsigned threads;
    size_t memory_bytes; /* of the whole run: half for what its threads share, half for the threads;
                            and an eighth more for a breakdown's second pass. 0: 2 GB */
    struct query_turns *turns; /* NULL: it need not wait for others */
    bool (*gone)(
        void *ctx); /* asked each 20 ms: the one who asked is gone, ERR_CANCELLED; may be NULL */
    void *gone_ctx;
    struct query_turn *turn;    /* query_run's own */
    int64_t deadline_us;        /* monotonic; 0: none */
    const volatile int *cancel; /* non-zero: stop with ERR_CANCELLED; may be NULL */
    unsigned persons_per_slice; /* 0: as it is best; tests make slices small */
};
struct query_outcome {
    struct query_fault fault; /* filled on failure */
    bool used_literal; /* the question asks by a clear literal that may match sealed text, whether
                          or not it does: the caller logs it, also when the answer failed */
};
/* Answers into out as one JSON value (appended; on failure `out` is as before). ERR_DENIED: it asks
 * by a literal that is not readable, without the right to. ERR_NOTFOUND: no such cohort. ERR_NOMEM
 * and ERR_LIMIT (413), ERR_TIMEOUT (504), ERR_CANCELLED. */
struct err query_run(const struct query *q, const struct query_world *w,
                     const struct query_rights *r, const struct query_limits *l, struct buf *out,
                     struct query_outcome *outcome);

/* ---- export: NDJSON of events, deduplicated, in time order within a person ---- */
struct query_export {
    int64_t from_us, to_us; /* [from, to) */
    const struct query_rights *rights;
    /* Called with whole lines; false stops (ERR_CANCELLED). */
    bool (*write)(void *ctx, struct str lines);
    void *ctx;
    /* Called once for each distinct sealed text that the lines show by handle, when not NULL
     * (`--sealed`). */
    void (*sealed)(void *ctx, struct id128 handle, struct id128 hash);
};
struct err query_export_run(const struct query_world *w, const struct query_export *x,
                            const struct query_limits *l);

/* ---- what there is to ask about (lexicon of the console): events, properties, values ---- */
/* {"events":[{"name","count"}],"properties":[{"name","type":"string|number|boolean|list|mixed","count",
 * "number_text":true where numbers of it are kept as text}]} */
struct err query_lexicon(const struct query_world *w, const struct query_rights *r,
                         struct buf *out);
/* {"values":["…"]}: the most frequent values of one event property, named as in a question.
 * *out_used_literal: as in query_outcome; false before the call. */
struct query_values_of {
    struct str property;
    size_t limit;
};
struct err query_values(const struct query_world *w, const struct query_rights *r,
                        const struct query_values_of *of, struct buf *out, bool *out_used_literal);
