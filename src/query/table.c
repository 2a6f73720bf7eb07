#include "query/table.h"

void *table_grow_more(struct arena *a, void *array, uint32_t *cap, uint32_t need,
                      size_t each_bytes) {
    uint64_t bigger = *cap ? (uint64_t)*cap * 2 : 16;
    while (bigger < need)
        bigger *= 2;
    if (bigger > UINT32_MAX) return NULL;
    void *grown = arena_array(a, bigger, each_bytes);
    if (!grown) return NULL;
    if (array && *cap) memcpy(grown, array, *cap * each_bytes);
    *cap = (uint32_t)bigger;
    return grown;
}

void table_init(struct table *t, struct arena *a, size_t key_bytes) {
    *t = (struct table){.arena = a, .key_bytes = key_bytes};
}

static uint32_t *slot_of(const struct table *t, const void *key) {
    uint32_t at = (uint32_t)checksum64(key, t->key_bytes) & t->mask;
    while (t->slots[at] && memcmp(table_key(t, t->slots[at] - 1), key, t->key_bytes) != 0)
        at = (at + 1) & t->mask;
    return &t->slots[at];
}

static bool rehash(struct table *t) {
    uint64_t n = t->slots ? ((uint64_t)t->mask + 1) * 2 : 32;
    if (n > UINT32_C(1) << 31) return false;
    uint32_t *slots = arena_array(t->arena, n, sizeof *slots);
    if (!slots) return false;
    t->slots = slots;
    t->mask = (uint32_t)n - 1;
    for (uint32_t i = 0; i < t->n; i++)
        *slot_of(t, table_key(t, i)) = i + 1;
    return true;
}

uint32_t table_find(const struct table *t, const void *key) {
    return t->slots ? *slot_of(t, key) - 1 : TABLE_NONE;
}

uint32_t table_put(struct table *t, const void *key, bool *out_new) {
    if (out_new) *out_new = false;
    if ((!t->slots || t->n >= t->mask - t->mask / 4) && !rehash(t)) return TABLE_NONE;
    uint32_t *slot = slot_of(t, key);
    if (*slot) return *slot - 1;
    uint8_t *keys = table_grow(t->arena, t->keys, &t->cap, t->n + 1, t->key_bytes);
    if (!keys) return TABLE_NONE;
    t->keys = keys;
    memcpy(t->keys + (size_t)t->n * t->key_bytes, key, t->key_bytes);
    if (out_new) *out_new = true;
    *slot = ++t->n;
    return t->n - 1;
}
