/* ids.c: the exact set of readable texts. A false member would print a secret, so there is no
 * filter in front. */
#include "crowd/ids.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_SLOTS 64
#define KEPT_SLOTS 1024

void crowd_ids_done(struct crowd_ids *s) {
    free(s->slots);
    *s = (struct crowd_ids){0};
}

/* The slot that holds h, or the empty one where it would go. */
static size_t slot_of(const struct crowd_ids *s, struct id128 h) {
    uint64_t low;
    memcpy(&low, h.b, 8);
    size_t at = (size_t)low & (s->slots_n - 1);
    while (!id128_is_zero(s->slots[at]) && !id128_eq(s->slots[at], h))
        at = (at + 1) & (s->slots_n - 1);
    return at;
}

bool crowd_ids_has(const struct crowd_ids *s, struct id128 h) {
    return s->n > 0 && !id128_is_zero(h) && !id128_is_zero(s->slots[slot_of(s, h)]);
}

static bool is_roomy(size_t slots_n, size_t n) {
    return n <= slots_n / 3 * 2;
}

bool crowd_ids_reserve(struct crowd_ids *s, size_t n) {
    if (is_roomy(s->slots_n, n)) return true;
    size_t slots_n = s->slots_n ? s->slots_n : FIRST_SLOTS;
    while (!is_roomy(slots_n, n)) {
        if (slots_n > SIZE_MAX / sizeof *s->slots / 4) return false;
        slots_n *= 2;
    }
    struct crowd_ids bigger = {.slots = calloc(slots_n, sizeof *s->slots), .slots_n = slots_n};
    if (!bigger.slots) return false;
    for (size_t i = 0; i < s->slots_n; i++)
        if (!id128_is_zero(s->slots[i])) bigger.slots[slot_of(&bigger, s->slots[i])] = s->slots[i];
    bigger.n = s->n;
    free(s->slots);
    *s = bigger;
    return true;
}

void crowd_ids_add(struct crowd_ids *s, struct id128 h) {
    assert(!id128_is_zero(h));
    assert(s->slots_n > 0);
    size_t at = slot_of(s, h);
    if (!id128_is_zero(s->slots[at])) return;
    assert(is_roomy(s->slots_n, s->n + 1));
    s->slots[at] = h;
    s->n++;
}

/* What stands behind the hole and belongs in front of it moves up. */
void crowd_ids_remove(struct crowd_ids *s, struct id128 h) {
    if (!crowd_ids_has(s, h)) return;
    size_t hole = slot_of(s, h), mask = s->slots_n - 1;
    for (size_t i = (hole + 1) & mask; !id128_is_zero(s->slots[i]); i = (i + 1) & mask) {
        uint64_t low;
        memcpy(&low, s->slots[i].b, 8);
        if (((i - (size_t)low) & mask) < ((i - hole) & mask)) continue;
        s->slots[hole] = s->slots[i];
        hole = i;
    }
    s->slots[hole] = (struct id128){{0}};
    s->n--;
}

void crowd_ids_clear(struct crowd_ids *s) {
    if (s->slots_n > KEPT_SLOTS)
        crowd_ids_done(s);
    else if (s->n > 0)
        memset(s->slots, 0, s->slots_n * sizeof *s->slots);
    s->n = 0;
}
