/* table.h: hash tables and growing arrays in an arena. Private to query.
 *
 * A table gives keys of one fixed width the numbers 0, 1, 2... in the order in which they first
 * came. Nothing is ever removed; the arena frees all.
 */
#pragma once

#include "base/base.h"

struct table {
    struct arena *arena;
    size_t key_bytes;
    uint8_t *keys; /* [n] of key_bytes each */
    uint32_t n, cap;
    uint32_t *slots; /* [mask + 1]: number + 1, 0: free */
    uint32_t mask;
};
#define TABLE_NONE UINT32_MAX

void table_init(struct table *t, struct arena *a, size_t key_bytes);
/* The number of the key, entered if new. TABLE_NONE: out of memory. */
uint32_t table_put(struct table *t, const void *key, bool *out_new /* may be NULL */);
/* The number of the key or TABLE_NONE. */
uint32_t table_find(const struct table *t, const void *key);
static inline const void *table_key(const struct table *t, uint32_t i) {
    return t->keys + (size_t)i * t->key_bytes;
}

/* Makes room for `need` elements: doubles, copies, zeroes the rest. NULL: out of memory, the array
 * stays as it was. */
void *table_grow_more(struct arena *a, void *array, uint32_t *cap, uint32_t need,
                      size_t each_bytes);
static inline void *table_grow(struct arena *a, void *array, uint32_t *cap, uint32_t need,
                               size_t each_bytes) {
    return need <= *cap && array ? array : table_grow_more(a, array, cap, need, each_bytes);
}
