/* table.c: candidates in bounded memory, where forgetting is safe.
 *
 * Most candidates are never sent by a second person (ids, addresses, free text), and a flood sends
 * millions. So something must always be forgotten, and what is forgotten starts at nobody again:
 * eviction only delays.
 *
 * A full bucket evicts by credit ("GreedyDual" without sizes): each person that is counted sets an
 * entry's credit to 16 per person so far; the entry with the least goes, and what it had is taken
 * off all others. So one-time texts push out one-time texts, a text on its way to k outlasts many
 * of them, and yet nothing stays forever unseen.
 *
 * A full pool of blocks takes them from the owner of the block under a hand that walks the pool in
 * a circle: the one who evicts is found in O(1), and a place on its way to 5,000 people cannot
 * starve all others for longer than one turn.
 *
 * Entries never move, so a block may name its owner by index. Pending entries are never evicted:
 * the commit group must find them again.
 *
 * Tried: open addressing over the whole table (deletion moves entries, so blocks lose their owners)
 * and one list of people per entry sized for k (k = 1,000 takes 4 kB for each of a million texts
 * that never get a second person).
 */
#include "crowd/table.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_ENTRIES ((size_t)1 << 26)
#define MIN_BLOCKS 1024
#define CREDIT_PER_PERSON 16
#define HAND_TRIES 1024 /* above the 358 blocks that one entry can own */

static_assert(sizeof(struct crowd_entry) == 32, "two to a cache line");
static_assert(sizeof(struct crowd_block) == 64, "one cache line");

bool crowd_table_init(struct crowd_table *t, size_t candidates_max) {
    if (candidates_max > MAX_ENTRIES) candidates_max = MAX_ENTRIES;
    size_t entries_n = CROWD_BUCKET;
    while (entries_n < candidates_max)
        entries_n *= 2;
    size_t blocks_n = entries_n / 4 > MIN_BLOCKS ? entries_n / 4 : MIN_BLOCKS;
    *t = (struct crowd_table){
        .entries = pages_new(entries_n * sizeof *t->entries),
        .buckets_n = entries_n / CROWD_BUCKET,
        .blocks = pages_new((blocks_n + 1) * sizeof *t->blocks),
        .blocks_n = (uint32_t)blocks_n,
    };
    if (t->entries && t->blocks) return true;
    crowd_table_done(t);
    return false;
}

void crowd_table_done(struct crowd_table *t) {
    pages_free(t->entries, t->buckets_n * CROWD_BUCKET * sizeof *t->entries);
    pages_free(t->blocks, ((size_t)t->blocks_n + 1) * sizeof *t->blocks);
    *t = (struct crowd_table){0};
}

static struct crowd_entry *bucket_of(const struct crowd_table *t, struct id128 h) {
    uint64_t high;
    memcpy(&high, h.b + 8, 8);
    return t->entries + ((size_t)high & (t->buckets_n - 1)) * CROWD_BUCKET;
}

struct crowd_entry *crowd_table_find(const struct crowd_table *t, struct id128 h) {
    struct crowd_entry *bucket = bucket_of(t, h);
    for (size_t i = 0; i < CROWD_BUCKET; i++)
        if (id128_eq(bucket[i].h, h) && !id128_is_zero(h)) return &bucket[i];
    return NULL;
}

void crowd_table_drop(struct crowd_table *t, struct crowd_entry *e) {
    if (e->n > CROWD_INLINE) {
        t->blocks[e->chain.last].next = t->blocks_free;
        t->blocks_free = e->chain.first;
    }
    *e = (struct crowd_entry){0};
    t->n--;
}

/* Frees the cheapest entry of a full bucket and ages the others. NULL: all are pending. */
static struct crowd_entry *evict_cheapest(struct crowd_table *t, struct crowd_entry *bucket) {
    struct crowd_entry *victim = NULL;
    for (size_t i = 0; i < CROWD_BUCKET; i++) {
        if (bucket[i].pending) continue;
        if (!victim || bucket[i].credit < victim->credit) victim = &bucket[i];
    }
    if (!victim) return NULL;
    uint8_t age = victim->credit;
    for (size_t i = 0; i < CROWD_BUCKET; i++)
        bucket[i].credit = bucket[i].credit > age ? (uint8_t)(bucket[i].credit - age) : 0;
    crowd_table_drop(t, victim);
    return victim;
}

struct crowd_entry *crowd_table_enter(struct crowd_table *t, struct id128 h) {
    assert(!id128_is_zero(h));
    struct crowd_entry *bucket = bucket_of(t, h), *e = NULL;
    for (size_t i = 0; i < CROWD_BUCKET && !e; i++)
        if (id128_is_zero(bucket[i].h)) e = &bucket[i];
    if (!e) e = evict_cheapest(t, bucket);
    if (!e) return NULL;
    e->h = h;
    t->n++;
    return e;
}

/* Frees the chain of whoever owns the block under the hand. False: found only the asker's and
 * pending ones. */
static bool evict_for_block(struct crowd_table *t, uint32_t asker) {
    for (int i = 0; i < HAND_TRIES; i++) {
        t->hand = t->hand % t->blocks_n + 1;
        uint32_t owner = t->blocks[t->hand].owner;
        if (owner == asker || t->entries[owner].pending) continue;
        crowd_table_drop(t, &t->entries[owner]);
        return true;
    }
    return false;
}

/* 0: none to be had. */
static uint32_t block_take(struct crowd_table *t, uint32_t owner) {
    uint32_t block = 0;
    if (!t->blocks_free && t->blocks_fresh < t->blocks_n) {
        block = ++t->blocks_fresh;
    } else if (t->blocks_free || evict_for_block(t, owner)) {
        block = t->blocks_free;
        t->blocks_free = t->blocks[block].next;
    }
    t->blocks[block].owner = owner;
    t->blocks[block].next = 0;
    return block;
}

static bool is_among(const uint32_t *people, size_t n, uint32_t person) {
    bool found = false;
    for (size_t i = 0; i < n; i++)
        found |= people[i] == person;
    return found;
}

static bool is_counted(const struct crowd_table *t, const struct crowd_entry *e, uint32_t person) {
    if (e->n <= CROWD_INLINE) return is_among(e->people, e->n, person);
    size_t left = e->n;
    for (uint32_t at = e->chain.first; at; at = t->blocks[at].next) {
        size_t here = left < CROWD_BLOCK_PEOPLE ? left : CROWD_BLOCK_PEOPLE;
        if (is_among(t->blocks[at].people, here, person)) return true;
        left -= here;
    }
    return false;
}

/* Room behind the last of a chain of n people, moving the inline ones into their first block. */
static bool chain_grow(struct crowd_table *t, struct crowd_entry *e) {
    if (e->n > CROWD_INLINE && e->n % CROWD_BLOCK_PEOPLE != 0) return true;
    if (e->n < CROWD_INLINE) return true;
    uint32_t block = block_take(t, (uint32_t)(e - t->entries));
    if (!block) return false;
    if (e->n == CROWD_INLINE) {
        memcpy(t->blocks[block].people, e->people, sizeof e->people);
        e->chain.first = block;
    } else {
        t->blocks[e->chain.last].next = block;
    }
    e->chain.last = block;
    return true;
}

void crowd_table_count(struct crowd_table *t, struct crowd_entry *e, uint32_t person) {
    if (e->n == CROWD_MAX_PEOPLE || is_counted(t, e, person) || !chain_grow(t, e)) return;
    if (e->n < CROWD_INLINE)
        e->people[e->n] = person;
    else
        t->blocks[e->chain.last].people[e->n % CROWD_BLOCK_PEOPLE] = person;
    e->n++;
    unsigned credit = CREDIT_PER_PERSON * (unsigned)e->n;
    e->credit = credit < UINT8_MAX ? (uint8_t)credit : UINT8_MAX;
}

void crowd_table_people(const struct crowd_table *t, const struct crowd_entry *e,
                        uint32_t out[CROWD_MAX_PEOPLE]) {
    if (e->n <= CROWD_INLINE) {
        memcpy(out, e->people, e->n * sizeof *out);
        return;
    }
    size_t left = e->n;
    for (uint32_t at = e->chain.first; at; at = t->blocks[at].next) {
        size_t here = left < CROWD_BLOCK_PEOPLE ? left : CROWD_BLOCK_PEOPLE;
        memcpy(out, t->blocks[at].people, here * sizeof *out);
        out += here;
        left -= here;
    }
}
