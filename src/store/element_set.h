/* element_set.h: which elements a list holds; private to src/store.
 *
 * Strangers choose the lists: ten thousand elements are not walked for each of ten thousand.
 * Elements are known by their place in the list's bytes, which the caller gives each time, since
 * they may move.
 */
#pragma once

#include "store/internal.h"

struct element_set {
    uint32_t *slots; /* [mask + 1] place + 1, 0: free; NULL: no memory, everything is walked */
    uint32_t mask;
};
/* Room for at most `most` elements. */
void element_set_init(struct element_set *s, size_t most);
void element_set_done(struct element_set *s);
bool element_set_has(const struct element_set *s, struct str list, struct str element);
/* The element that stands at `at` of the list. */
void element_set_put(struct element_set *s, struct str list, size_t at);
