/* profile.h: a profile as stored bytes; private to src/store.
 *
 * A document is a run of properties: hash of the name (16), then one element in the form that parts
 * give the elements of their lists (doc/part-format.md, "Trees"), so that part_list_next reads
 * both.
 */
#pragma once

#include "store/internal.h"

#define PROFILE_MAX_BYTES (1u << 20)
#define PROFILE_MAX_PROPS 2000
#define PROFILE_MAX_LIST 10000 /* elements: what is appended beyond is left out */

/* Appends the element for a frame's value. */
void profile_put_value(struct buf *out, const struct frame *f, struct cursor *value);
/* The bytes of the element that the cursor stands on; moves it behind. */
struct str profile_element(struct cursor *c);
/* Walks a document. */
bool profile_next(struct cursor *doc, struct id128 *out_name, struct str *out_element);
/* The element of that property, p NULL: not there. */
struct str profile_find(struct str doc, struct id128 name);
/* One property of an operation; element: its value. */
struct profile_edit {
    struct id128 name;
    struct str element;
    bool done;
};
/* Applies an operation to `doc` (rewritten in place; failed: no memory). Edits that would make it
 * too large are left out. */
void profile_change_all(struct buf *doc, enum profile_op op, struct profile_edit *edits, size_t n);
void profile_change(struct buf *doc, enum profile_op op, struct id128 name, struct str element);
