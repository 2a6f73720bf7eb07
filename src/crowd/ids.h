/* ids.h: private to crowd. An exact set of 128-bit hashes: open addressing, linear probing, at most
 * two thirds full.
 *
 * Hashes are keyed SipHash outputs, so their own bits spread them and no client can aim at a slot.
 * The zero hash marks an empty slot and is never a member.
 */
#pragma once

#include "seal/seal.h"

struct crowd_ids {
    struct id128 *slots; /* [slots_n], owned; NULL when slots_n is 0 */
    size_t slots_n;      /* power of two, or 0 */
    size_t n;
};
void crowd_ids_done(struct crowd_ids *s);
bool crowd_ids_has(const struct crowd_ids *s, struct id128 h);
/* Room for n members in all, so that adds up to there cannot fail. False: no memory, nothing
 * changed. */
bool crowd_ids_reserve(struct crowd_ids *s, size_t n);
/* Idempotent. Asserts that the room was reserved and h is not zero. */
void crowd_ids_add(struct crowd_ids *s, struct id128 h);
void crowd_ids_remove(struct crowd_ids *s, struct id128 h);
void crowd_ids_clear(struct crowd_ids *s); /* big memory goes back, small is kept */
