/* batch.h: the wanted rows of a stretch of a part, taken at once. Private to query.
 *
 * Going person by person through a part costs a few mispredicted branches each; most of a scan is
 * that. So a slice is cut into stretches of persons, and for each part the wanted rows of the
 * stretch become hits in one go, and persons who have none are left out of the list of entries that
 * scan.c merges.
 */
#pragma once

#include "query/run.h"

/* Which times are taken: [lo, hi), but for [skip_lo, skip_hi). */
struct span {
    int64_t lo_us, hi_us;
    int64_t skip_lo_us, skip_hi_us; /* lo not below hi: nothing is skipped */
};

static inline bool in_span(const struct span *s, int64_t t) {
    return (t >= s->lo_us) & (t < s->hi_us) & !((t >= s->skip_lo_us) & (t < s->skip_hi_us));
}

/* A person of a part and its hits [from, to). The id in two halves, as numbers in its order: the
 * first nearly always decides. */
struct batch_entry {
    uint64_t key, rest;
    uint32_t at; /* among the part's persons */
    uint32_t from, to;
    bool needed; /* one of its rows is what the run says that a person must have */
};
struct marker;
struct batch {
    uint32_t part;
    bool timeless; /* all of the part is in the span and when does not matter: no time is read */
    struct marker *marker; /* marks.c */
    struct marks *marks;   /* [n]: instead of hits */
    uint32_t marks_cap;
    struct hit *hits; /* [n_hits] */
    uint32_t n_hits, hits_cap;
    uint64_t *bits;   /* [words]: bit of row base + i set: it is a hit */
    uint32_t *before; /* [words + 1]: hits in the words before */
    uint32_t words_cap, before_cap;
    uint32_t base;               /* a multiple of 64 */
    struct batch_entry *entries; /* [n + 1]; the last is none, with the greatest key */
    uint32_t n, entries_cap;
    uint64_t *needed; /* as bits: rows of what a person must have; only if there is such */
    uint32_t needed_cap;
    uint32_t *ticks; /* [BATCH_ROWS] */
    int64_t *times;  /* [BATCH_ROWS] */
};
#define BATCH_ROWS 4096 /* whose times are decoded at once */

static inline void batch_key(const struct id128 *id, struct batch_entry *out) {
    memcpy(&out->key, id->b, sizeof out->key);
    memcpy(&out->rest, id->b + 8, sizeof out->rest);
    out->key = __builtin_bswap64(out->key);
    out->rest = __builtin_bswap64(out->rest);
}
struct id128 batch_id(const struct batch_entry *e);
/* The hits among rows [from, to), in order. Earlier ones are forgotten. */
struct err batch_take(struct worker *w, struct batch *b, const struct span *s, uint32_t from,
                      uint32_t to);
/* The same for the rows of persons [from, to), with an entry for each who has hits; but for
 * devices, whose rows belong to others. */
struct err batch_fill(struct worker *w, struct batch *b, const struct span *s, uint32_t from,
                      uint32_t to);

/* marks.c: instead of hits, where the run asks for marks: an entry for each person of [from, to)
 * who has any; `from` of the entry is its number in b->marks. */
struct err marks_fill(struct worker *w, struct batch *b, uint32_t from, uint32_t to);
/* Adds a person's marks of another part. False: which came first can't be told from marks. */
bool marks_unite(struct marks *a, const struct marks *b);
