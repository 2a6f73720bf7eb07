/* aliases.c: device -> person. The first mapping of a device stays; two persons never merge.
 *
 * A table for look-ups while following, and a sorted array for questions, made when a world is
 * opened after a change and shared until the next one.
 */
#include <stdlib.h>

#include "store/internal.h"

struct alias_table {
    struct query_alias *slots; /* [cap]; a zero device is a free slot */
    size_t cap, n;
    struct alias_array *sorted; /* cached, or NULL */
};

struct alias_table *aliases_new(void) {
    struct alias_table *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->cap = 256;
    t->slots = calloc(t->cap, sizeof *t->slots);
    if (t->slots) return t;
    free(t);
    return NULL;
}

void aliases_free(struct alias_table *t) {
    if (!t) return;
    alias_array_unref(t->sorted);
    free(t->slots);
    free(t);
}

static struct query_alias *slot_of(const struct alias_table *t, struct id128 device) {
    uint64_t h = 0;
    memcpy(&h, device.b, sizeof h);
    size_t i = (size_t)h & (t->cap - 1);
    while (!id128_is_zero(t->slots[i].device) && !id128_eq(t->slots[i].device, device))
        i = (i + 1) & (t->cap - 1);
    return &t->slots[i];
}

bool aliases_has(const struct alias_table *t, struct id128 device) {
    return !id128_is_zero(slot_of(t, device)->device);
}

bool aliases_get(const struct alias_table *t, struct id128 device, struct id128 *out) {
    const struct query_alias *a = slot_of(t, device);
    if (id128_is_zero(a->device)) return false;
    *out = a->person;
    return true;
}

void aliases_each(const struct alias_table *t,
                  void (*each)(void *ctx, struct id128 device, struct id128 person), void *ctx) {
    for (size_t i = 0; i < t->cap; i++)
        if (!id128_is_zero(t->slots[i].device)) each(ctx, t->slots[i].device, t->slots[i].person);
}

struct err aliases_remove(struct alias_table *t,
                          bool (*goes)(void *ctx, struct id128 device, struct id128 person),
                          void *ctx) {
    struct query_alias *old = t->slots;
    struct query_alias *slots = calloc(t->cap, sizeof *slots);
    if (!slots) return ERR(ERR_NOMEM, "aliases");
    t->slots = slots;
    t->n = 0;
    for (size_t i = 0; i < t->cap; i++) {
        if (id128_is_zero(old[i].device) || goes(ctx, old[i].device, old[i].person)) continue;
        *slot_of(t, old[i].device) = old[i];
        t->n++;
    }
    free(old);
    alias_array_unref(t->sorted);
    t->sorted = NULL;
    return ERR_NONE;
}

static struct err grow(struct alias_table *t) {
    struct query_alias *old = t->slots;
    size_t old_cap = t->cap;
    struct query_alias *slots = calloc(old_cap * 2, sizeof *slots);
    if (!slots) return ERR(ERR_NOMEM, "aliases");
    t->slots = slots;
    t->cap = old_cap * 2;
    for (size_t i = 0; i < old_cap; i++)
        if (!id128_is_zero(old[i].device)) *slot_of(t, old[i].device) = old[i];
    free(old);
    return ERR_NONE;
}

struct err aliases_add(struct alias_table *t, struct id128 device, struct id128 person) {
    if (aliases_has(t, device)) return ERR_NONE;
    if (t->n * 10 >= t->cap * 7) TRY(grow(t));
    *slot_of(t, device) = (struct query_alias){device, person};
    t->n++;
    alias_array_unref(t->sorted);
    t->sorted = NULL;
    return ERR_NONE;
}

static int by_device(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id128));
}

struct err aliases_sorted(struct alias_table *t, struct alias_array **out) {
    if (!t->sorted) {
        struct alias_array *a = malloc(sizeof *a + t->n * sizeof *a->all);
        if (!a) return ERR(ERR_NOMEM, "aliases");
        atomic_init(&a->refs, 1);
        a->n = 0;
        for (size_t i = 0; i < t->cap; i++)
            if (!id128_is_zero(t->slots[i].device)) a->all[a->n++] = t->slots[i];
        qsort(a->all, a->n, sizeof *a->all, by_device);
        t->sorted = a;
    }
    atomic_fetch_add(&t->sorted->refs, 1);
    *out = t->sorted;
    return ERR_NONE;
}

void alias_array_unref(struct alias_array *a) {
    if (a && atomic_fetch_sub(&a->refs, 1) == 1) free(a);
}
