#include "part/idmap.h"

void part_idmap_init(struct part_idmap *m) {
    *m = (struct part_idmap){.seed = random_u64() | 1};
}

void part_idmap_done(struct part_idmap *m) {
    free(m->ids);
    free(m->slots);
    *m = (struct part_idmap){0};
}

static inline uint64_t mix(const struct part_idmap *m, struct id128 id) {
    uint64_t a, b;
    memcpy(&a, id.b, 8);
    memcpy(&b, id.b + 8, 8);
    uint64_t h = (a ^ m->seed) * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ h >> 32 ^ b) * UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 32;
}

static void place(struct part_idmap *m, uint64_t h, uint32_t number) {
    uint64_t at = h & m->mask;
    while (m->slots[at] != 0)
        at = (at + 1) & m->mask;
    m->slots[at] = h >> 32 << 32 | (number + 1);
}

static bool grow(struct part_idmap *m) {
    uint32_t cap = m->cap ? m->cap * 2 : 64;
    if (cap > PART_MAX_TERMS) return false;
    struct id128 *ids = realloc(m->ids, (size_t)cap * sizeof *ids);
    if (!ids) return false;
    m->ids = ids;
    uint64_t *slots = calloc((size_t)cap * 2, sizeof *slots);
    if (!slots) return false;
    free(m->slots);
    m->slots = slots;
    m->mask = (uint64_t)cap * 2 - 1;
    m->cap = cap;
    for (uint32_t i = 0; i < m->n; i++)
        place(m, mix(m, m->ids[i]), i);
    return true;
}

static bool seek(const struct part_idmap *m, struct id128 id, uint64_t h, uint32_t *out_number) {
    if (!m->slots) return false;
    for (uint64_t at = h & m->mask; m->slots[at] != 0; at = (at + 1) & m->mask) {
        if (m->slots[at] >> 32 != h >> 32) continue;
        uint32_t number = (uint32_t)m->slots[at] - 1;
        if (!id128_eq(m->ids[number], id)) continue;
        *out_number = number;
        return true;
    }
    return false;
}

bool part_idmap_find(const struct part_idmap *m, struct id128 id, uint32_t *out_number) {
    return seek(m, id, mix(m, id), out_number);
}

#define AHEAD 16u /* power of two */

static inline struct id128 id_at(const struct id128 *ids, size_t stride, uint32_t i) {
    struct id128 id;
    memcpy(&id, (const uint8_t *)ids + i * stride, sizeof id);
    return id;
}

/* The id that the first slot of h points to is most often the one that is sought. */
static inline void prefetch_id(const struct part_idmap *m, uint64_t h) {
    uint64_t slot = m->slots[h & m->mask];
    if (slot != 0) __builtin_prefetch(&m->ids[(uint32_t)slot - 1]);
}

void part_idmap_find_many(const struct part_idmap *m, const struct id128 *ids, size_t stride,
                          uint32_t n, uint32_t *out_numbers) {
    uint64_t hashes[AHEAD * 2];
    for (uint32_t i = 0; i < n + AHEAD * 2 && m->slots; i++) {
        uint64_t *h = &hashes[i % (AHEAD * 2)];
        if (i >= AHEAD * 2) {
            uint32_t at = i - AHEAD * 2;
            if (!seek(m, id_at(ids, stride, at), *h, &out_numbers[at]))
                out_numbers[at] = UINT32_MAX;
        }
        if (i < n) {
            *h = mix(m, id_at(ids, stride, i));
            __builtin_prefetch(&m->slots[*h & m->mask]);
        }
        if (i >= AHEAD && i - AHEAD < n) prefetch_id(m, hashes[(i - AHEAD) % (AHEAD * 2)]);
    }
    for (uint32_t i = 0; i < n && !m->slots; i++)
        out_numbers[i] = UINT32_MAX;
}

bool part_idmap_put(struct part_idmap *m, struct id128 id, uint32_t *out_number) {
    uint64_t h = mix(m, id);
    if (seek(m, id, h, out_number)) return true;
    if (m->n == m->cap && !grow(m)) return false;
    m->ids[m->n] = id;
    place(m, h, m->n);
    *out_number = m->n++;
    return true;
}

/* ---- order ---- */

struct keyed {
    uint64_t head, tail;
    uint32_t number;
};

static int keyed_cmp(const void *a, const void *b) {
    const struct keyed *x = a, *y = b;
    if (x->head != y->head) return x->head < y->head ? -1 : 1;
    if (x->tail != y->tail) return x->tail < y->tail ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void sort_bucket(struct keyed *k, size_t n) {
    if (n > 24) {
        qsort(k, n, sizeof *k, keyed_cmp);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct keyed x = k[i];
        size_t j = i;
        for (; j > 0 && keyed_cmp(&x, &k[j - 1]) < 0; j--)
            k[j] = k[j - 1];
        k[j] = x;
    }
}

static struct keyed keyed_of(struct id128 id, uint32_t number) {
    uint64_t tail;
    memcpy(&tail, id.b + 8, 8);
    return (struct keyed){part_id_head(id), __builtin_bswap64(tail), number};
}

/* Ids are uniform, so one pass by their leading bits leaves about eight in a bucket. */
struct err part_id_order(const struct id128 *ids, uint32_t n, uint32_t *order) {
    unsigned bits = 1;
    while (bits < 20 && (UINT32_C(8) << bits) < n)
        bits++;
    size_t buckets = (size_t)1 << bits;
    AUTO(part_free) uint32_t *ends = calloc(buckets + 1, sizeof *ends);
    AUTO(part_free) struct keyed *k = malloc(((size_t)n + 1) * sizeof *k);
    if (!ends || !k) return ERR(ERR_NOMEM, "ordering ids");
    for (uint32_t i = 0; i < n; i++)
        ends[(part_id_head(ids[i]) >> (64 - bits)) + 1]++;
    for (size_t i = 1; i <= buckets; i++)
        ends[i] += ends[i - 1];
    for (uint32_t i = 0; i < n; i++)
        k[ends[part_id_head(ids[i]) >> (64 - bits)]++] = keyed_of(ids[i], i);
    size_t from = 0;
    for (size_t i = 0; i < buckets; i++) {
        sort_bucket(k + from, ends[i] - from);
        from = ends[i];
    }
    for (uint32_t i = 0; i < n; i++)
        order[i] = k[i].number;
    return ERR_NONE;
}

/* ---- looking up ---- */

static uint64_t head(struct id128 id) {
    uint64_t v;
    memcpy(&v, id.b, sizeof v);
    return __builtin_bswap64(v);
}

/* Between low and high by halves, but first by steps that double from the end where it is likely.
 */
static uint64_t gallop(const struct id128 *ids, uint64_t low, uint64_t high, struct id128 id,
                       bool from_low) {
    for (uint64_t step = 1; low < high && step < high - low; step *= 2) {
        uint64_t at = from_low ? low + step : high - step;
        bool below = id128_cmp(ids[at], id) < 0;
        if (below)
            low = at + 1;
        else
            high = at;
        if (below != from_low) break;
    }
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (id128_cmp(ids[mid], id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Ids are hashes, so where one lies among the others can be told from its first half: a few
 * guesses, each between what the former have shown, leave a handful. Ids that are not so cost no
 * more than by halves. */
uint64_t part_id_lower_bound(const struct id128 *ids, uint64_t n, struct id128 id) {
    uint64_t low = 0, high = n, low_head = 0, high_head = UINT64_MAX, want = head(id);
    bool near_low = true;
    for (int tries = 0; tries < 3 && high - low > 8 && low_head < high_head; tries++) {
        unsigned __int128 part = (unsigned __int128)(want - low_head) * (high - low);
        uint64_t guess = low + (uint64_t)(part / ((unsigned __int128)(high_head - low_head) + 1));
        near_low = id128_cmp(ids[guess], id) < 0;
        if (near_low) {
            low_head = head(ids[guess]);
            low = guess + 1;
        } else {
            high_head = head(ids[guess]);
            high = guess;
        }
    }
    return gallop(ids, low, high, id, near_low);
}
