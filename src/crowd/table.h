/* table.h: private to crowd. The bounded table of candidates: texts that somebody sent, and by whom
 * so far.
 *
 * An entry is 32 bytes in a fixed place of its bucket of 8 (256 bytes, four cache lines). Up to
 * three people's fingerprints lie in the entry; with the fourth they move into a chain of blocks
 * from a bounded pool.
 */
#pragma once

#include "seal/seal.h"

#define CROWD_BUCKET 8
#define CROWD_INLINE 3
#define CROWD_BLOCK_PEOPLE 14
#define CROWD_MAX_PEOPLE 5000 /* CROWD_MAX_K * CROWD_PLACE_FACTOR: more are never needed */

struct crowd_entry {
    struct id128 h;  /* zero: free */
    uint16_t n;      /* people */
    uint8_t credit;  /* worth when the bucket is full; see table.c */
    uint8_t pending; /* in the running commit group: not to be evicted */
    union {
        uint32_t people[CROWD_INLINE]; /* n <= CROWD_INLINE */
        struct {
            uint32_t first, last; /* block numbers */
        } chain;                  /* else */
    };
};

struct crowd_block {
    uint32_t owner; /* index of the entry; for a free block without meaning */
    uint32_t next;  /* block number, 0: last. Also links the free list */
    uint32_t people[CROWD_BLOCK_PEOPLE];
};

struct crowd_table {
    struct crowd_entry *entries; /* [buckets_n * CROWD_BUCKET], owned */
    size_t buckets_n;            /* power of two */
    size_t n;                    /* entries in use */
    struct crowd_block *blocks;  /* [blocks_n + 1], owned; block 0 is never used */
    uint32_t blocks_n;
    uint32_t
        blocks_fresh; /* blocks above this were never used, so untouched memory stays unmapped */
    uint32_t blocks_free; /* head of the free list, 0: empty */
    uint32_t hand;        /* where the pool looks for its next victim */
};

bool crowd_table_init(struct crowd_table *t, size_t candidates_max);
void crowd_table_done(struct crowd_table *t);
struct crowd_entry *crowd_table_find(const struct crowd_table *t, struct id128 h); /* NULL: none */
/* A new entry with nobody in it; h is not there yet. NULL: every entry of the bucket is pending. */
struct crowd_entry *crowd_table_enter(struct crowd_table *t, struct id128 h);
/* Counts a person, once. Nothing happens if they are counted already, or CROWD_MAX_PEOPLE are, or
 * the pool has no block to give. Never evicts e itself. */
void crowd_table_count(struct crowd_table *t, struct crowd_entry *e, uint32_t person);
void crowd_table_drop(struct crowd_table *t, struct crowd_entry *e);
/* The entry's people in the order they came. */
void crowd_table_people(const struct crowd_table *t, const struct crowd_entry *e,
                        uint32_t out[CROWD_MAX_PEOPLE]);
