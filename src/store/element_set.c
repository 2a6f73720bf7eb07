#include "store/element_set.h"

#include <stdlib.h>

#include "store/profile.h"

static struct str element_at(struct str list, size_t at) {
    struct cursor c = {(const uint8_t *)list.p + at, list.n - at, false};
    return profile_element(&c);
}

void element_set_init(struct element_set *s, size_t most) {
    uint32_t n = 16;
    while (n < 2 * most)
        n *= 2;
    *s = (struct element_set){.slots = calloc(n, sizeof *s->slots), .mask = n - 1};
}

void element_set_done(struct element_set *s) {
    free(s->slots);
}

/* The slot of an equal element, or the free one where it belongs. */
static uint32_t *slot_of(const struct element_set *s, struct str list, struct str e) {
    uint32_t i = (uint32_t)checksum64(e.p, e.n) & s->mask;
    while (s->slots[i] && !str_eq(element_at(list, s->slots[i] - 1), e))
        i = (i + 1) & s->mask;
    return &s->slots[i];
}

static bool walk(struct str list, struct str e) {
    struct cursor c = {(const uint8_t *)list.p, list.n, false};
    while (c.n) {
        struct str other = profile_element(&c);
        if (!other.p) return false;
        if (str_eq(other, e)) return true;
    }
    return false;
}

bool element_set_has(const struct element_set *s, struct str list, struct str e) {
    return s->slots ? *slot_of(s, list, e) != 0 : walk(list, e);
}

void element_set_put(struct element_set *s, struct str list, size_t at) {
    if (s->slots) *slot_of(s, list, element_at(list, at)) = (uint32_t)at + 1;
}
