/* erase.h: an erasure on its way; private to src/store.
 *
 *   erase_ask.c      a request is written down
 *   erase.c          the thread, the steps in order
 *   erase_cut.c      the moment: everything before it goes; identities and profiles go here
 *   erase_parts.c    parts written anew without the person
 *   erase_texts.c    ciphertexts that no profile shows any more
 *   erase_words.c    readable words that nobody has any more, and what the front remembers
 *   erase_receipt.c  what is told about it
 */
#pragma once

#include "store/profile.h"

enum erase_state {
    ERASE_ASKED = 0,     /* in the table, nothing done */
    ERASE_CUT = 1,       /* the position is fixed; identities and profiles are gone */
    ERASE_REWRITTEN = 2, /* so are journal and rows */
    ERASE_DONE = 3,
};

/* A set of ids. Sorted (and without doubles) after erase_ids_sort. */
struct erase_ids {
    struct id128 *ids; /* [n], owned */
    size_t n, cap;
    bool sorted;
};
struct err erase_ids_add(struct erase_ids *l, struct id128 id);
void erase_ids_sort(struct erase_ids *l);
bool erase_ids_has(const struct erase_ids *l, struct id128 id); /* sorted */
void erase_ids_done(struct erase_ids *l);

#define ERASE_MAX_LOST ((size_t)2 << 20) /* hashes told to the front; of more, it forgets all */

struct erasing {
    struct store *store;
    struct project *project;
    struct id128 id;
    enum erase_state state;
    uint64_t position;       /* of the cut */
    struct erase_ids people; /* pseudonyms: asked for; from the cut on with all their devices */
    struct erase_ids lost;   /* hashes that left a part or a profile; this run's only */
    bool lost_all;           /* too many, or of an earlier run: not known */
};
static inline bool erase_has(const struct erasing *x, struct id128 person) {
    return erase_ids_has(&x->people, person);
}
struct err erase_lose(struct erasing *x, struct id128 hash);
/* Adds to counters of the erasure's row; inside a transaction. */
enum erase_count {
    ERASED_ROWS,
    ERASED_PARTS,
    ERASED_PROFILES,
    ERASED_DEVICES,
    ERASED_TEXTS,
    ERASED_WORDS
};
struct err erase_count(struct erasing *x, enum erase_count what, int64_t n);
struct err erase_state_set(struct erasing *x, enum erase_state to); /* inside a transaction */
/* A word that left with the person, to be looked at later; inside a transaction. */
struct err erase_note_word(struct erasing *x, struct id128 hash);

/* The steps. Each may be done again. */
struct err erase_cut(struct erasing *x);       /* under merge_lock */
struct err erase_reach_cut(struct erasing *x); /* after a restart: the journal up to the cut */
struct err erase_parts(struct erasing *x);     /* under merge_lock */
struct err erase_texts(struct erasing *x);
struct err erase_words(struct erasing *x);

/* Every hash that a profile document refers to: names, texts, keys. */
struct err erase_doc_each(struct str doc, struct err (*each)(void *ctx, struct id128 hash),
                          void *ctx);

/* Holds the follower between two follows, everything that is applied visible and no flush begun.
 * False: the store stops. */
bool erase_hold(struct store *s);
void erase_release(struct store *s);

/* Marks of a page of hashes that somebody still refers to. */
struct erase_page {
    struct id128 *ids; /* [n], sorted */
    bool *alive;       /* [n] */
    size_t n;
    uint32_t *start; /* [65537]: by the first two bytes */
};
struct err erase_page_init(struct erase_page *p, size_t most);
void erase_page_index(struct erase_page *p); /* after ids and n were filled */
void erase_page_done(struct erase_page *p);
void erase_page_mark(struct erase_page *p, struct id128 hash);
/* By all profiles of the project, and (paths) by what profiles' ciphertexts name; inside a
 * transaction. */
struct err erase_page_profiles(struct erase_page *p, const struct erasing *x, bool paths);
