/* crowd.c: the verdicts.
 *
 * A text's way:  unknown -> candidate (1 .. needed - 1 people) -> pending -> readable
 *                              ^                                    |
 *                              +--------------- abort --------------+
 *
 * Invariants:
 * 1. KNOWN is said only of texts that a durable frame carries readable: the readable set grows by
 * crowd_commit, crowd_add and the snapshot, and by nothing else.
 * 2. A pending text that came by counting keeps its candidate, with all its people, unevictable:
 * abort has only to forget that it was pending.
 * 3. The readable set has room for the pending, so a commit cannot fail. No memory means sealed.
 * 4. Whatever is missing (memory, a slot, a block, the count before a crash) errs on the side of
 * sealed.
 */
#include "crowd/crowd_private.h"

#include <assert.h>
#include <stdlib.h>

static_assert(CROWD_MAX_PEOPLE == CROWD_MAX_K * CROWD_PLACE_FACTOR, "candidates hold all people");

struct crowd *crowd_new(size_t candidates_max) {
    struct crowd *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    if (crowd_table_init(&c->candidates, candidates_max)) return c;
    free(c);
    return NULL;
}

void crowd_free(struct crowd *c) {
    if (!c) return;
    crowd_ids_done(&c->readable);
    crowd_ids_done(&c->pending);
    crowd_table_done(&c->candidates);
    free(c);
}

/* Room in the readable set for all pending and one more. */
static bool readable_reserve(struct crowd *c) {
    size_t n = c->readable.n + c->pending.n + 1;
    return n <= CROWD_MAX_READABLE && crowd_ids_reserve(&c->readable, n);
}

static enum crowd_verdict make_pending(struct crowd *c, struct id128 h, struct crowd_entry *e) {
    if (!readable_reserve(c) || !crowd_ids_reserve(&c->pending, c->pending.n + 1))
        return CROWD_SEALED;
    crowd_ids_add(&c->pending, h);
    if (e) e->pending = 1;
    return CROWD_BECOMES;
}

/* A person's fingerprint within one text. Mixed with the text's hash, so that two people whose 32
 * bits collide do so in one text and not in all, and so that saved candidates don't show which
 * texts one person sent. */
static uint32_t person_in_text(struct id128 h, uint64_t person) {
    uint64_t low;
    memcpy(&low, h.b, 8);
    uint64_t x = person ^ low;
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(x >> 32);
}

enum crowd_verdict crowd_see(struct crowd *c, struct id128 h, uint64_t person, uint32_t needed) {
    assert(needed >= 1 && needed <= CROWD_MAX_PEOPLE);
    if (crowd_ids_has(&c->readable, h)) return CROWD_KNOWN;
    if (crowd_ids_has(&c->pending, h)) return CROWD_BECOMES;
    if (id128_is_zero(h)) return CROWD_SEALED;

    struct crowd_entry *e = crowd_table_find(&c->candidates, h);
    if (!e && person) e = crowd_table_enter(&c->candidates, h);
    if (!e) return CROWD_SEALED;
    if (person && e->n < needed) crowd_table_count(&c->candidates, e, person_in_text(h, person));
    return e->n >= needed ? make_pending(c, h, e) : CROWD_SEALED;
}

enum crowd_verdict crowd_admit(struct crowd *c, struct id128 h) {
    if (crowd_ids_has(&c->readable, h)) return CROWD_KNOWN;
    if (crowd_ids_has(&c->pending, h)) return CROWD_BECOMES;
    if (id128_is_zero(h)) return CROWD_SEALED;
    return make_pending(c, h, crowd_table_find(&c->candidates, h));
}

bool crowd_is_readable(const struct crowd *c, struct id128 h) {
    return crowd_ids_has(&c->readable, h);
}

struct err crowd_add(struct crowd *c, struct id128 h) {
    if (id128_is_zero(h)) return ERR(ERR_INVALID, "no text has the zero hash");
    if (crowd_ids_has(&c->readable, h)) return ERR_NONE;
    if (c->readable.n + c->pending.n >= CROWD_MAX_READABLE)
        return ERR(ERR_LIMIT, "a project has at most 2^25 readable texts");
    if (!readable_reserve(c)) return ERR(ERR_NOMEM, "readable texts");
    crowd_ids_add(&c->readable, h);
    struct crowd_entry *e = crowd_table_find(&c->candidates, h);
    if (e && !e->pending) crowd_table_drop(&c->candidates, e);
    return ERR_NONE;
}

void crowd_forget(struct crowd *c, struct id128 h) {
    assert(c->pending.n == 0);
    crowd_ids_remove(&c->readable, h);
    struct crowd_entry *e = crowd_table_find(&c->candidates, h);
    if (e) crowd_table_drop(&c->candidates, e);
}

void crowd_forget_candidates(struct crowd *c) {
    assert(c->pending.n == 0);
    for (size_t i = 0; i < c->candidates.buckets_n * CROWD_BUCKET; i++)
        if (!id128_is_zero(c->candidates.entries[i].h))
            crowd_table_drop(&c->candidates, &c->candidates.entries[i]);
}

void crowd_commit(struct crowd *c) {
    if (c->pending.n == 0) return;
    for (size_t i = 0; i < c->pending.slots_n; i++) {
        struct id128 h = c->pending.slots[i];
        if (id128_is_zero(h)) continue;
        crowd_ids_add(&c->readable, h);
        struct crowd_entry *e = crowd_table_find(&c->candidates, h);
        if (e) crowd_table_drop(&c->candidates, e);
    }
    crowd_ids_clear(&c->pending);
}

void crowd_abort(struct crowd *c) {
    if (c->pending.n == 0) return;
    for (size_t i = 0; i < c->pending.slots_n; i++) {
        struct crowd_entry *e = crowd_table_find(&c->candidates, c->pending.slots[i]);
        if (e) e->pending = 0;
    }
    crowd_ids_clear(&c->pending);
}

size_t crowd_readable_n(const struct crowd *c) {
    return c->readable.n;
}

size_t crowd_candidates_n(const struct crowd *c) {
    return c->candidates.n;
}
