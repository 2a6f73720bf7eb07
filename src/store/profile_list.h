/* profile_list.h: a list of a profile, open for changes; private to src/store.
 *
 * Strangers choose the lists and how often they change: adding, finding and removing an element
 * costs the element, not the list. Equal elements are found by their bytes.
 */
#pragma once

#include "store/internal.h"

struct profile_list {
    struct buf bytes;     /* elements one after another; removed ones stay until it is written */
    struct place *places; /* [n] */
    size_t n, cap;
    size_t live, live_bytes; /* what is not removed */
    uint32_t *slots;         /* [mask + 1] index of a place + 1, 0: free; NULL: not needed yet */
    uint32_t mask;
    bool failed; /* no memory; sticky */
};

/* A list of the elements that the cursor stands before. */
void profile_list_init(struct profile_list *l, struct cursor elements);
void profile_list_done(struct profile_list *l);
void profile_list_append(struct profile_list *l, struct str element);
bool profile_list_has(struct profile_list *l, struct str element);
void profile_list_remove(struct profile_list *l, struct str element); /* all that equal it */
/* As an element of a document: PV_LIST. */
void profile_list_write(const struct profile_list *l, struct buf *out);
