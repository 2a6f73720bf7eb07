/* idmap.h: 128-bit ids numbered as they come, and the order of many ids. Private to src/part.
 *
 * Ids are keyed hashes, so their own bytes are the hash; they are mixed all the same, since test
 * ids and hostile files are not uniform.
 */
#pragma once

#include "part/format.h"

struct part_idmap {
    struct id128 *ids; /* [n], in the order of arrival */
    uint32_t n, cap;
    uint64_t *slots; /* tag << 32 | number + 1; 0: free */
    uint64_t mask;
    uint64_t seed;
};
void part_idmap_init(struct part_idmap *m);
void part_idmap_done(struct part_idmap *m);
/* The id's number; enters it if it is new (then *out_number is n - 1 after the call). false: no
 * memory. */
bool part_idmap_put(struct part_idmap *m, struct id128 id, uint32_t *out_number);
bool part_idmap_find(const struct part_idmap *m, struct id128 id, uint32_t *out_number);
/* Finds n ids that lie `stride` bytes apart; UINT32_MAX: not there. A table of millions is far from
 * the cache, so the look-ups overlap their waits: five times as fast as one by one. */
void part_idmap_find_many(const struct part_idmap *m, const struct id128 *ids, size_t stride,
                          uint32_t n, uint32_t *out_numbers /* [n] */);

/* order[i] = number of the i-th smallest id. ERR_NOMEM. */
struct err part_id_order(const struct id128 *ids, uint32_t n, uint32_t *order /* [n] */);

static inline uint64_t part_id_head(struct id128 id) {
    uint64_t v;
    memcpy(&v, id.b, 8);
    return __builtin_bswap64(v);
}
/* The first of n rising ids that is >= id. */
uint64_t part_id_lower_bound(const struct id128 *ids, uint64_t n, struct id128 id);
