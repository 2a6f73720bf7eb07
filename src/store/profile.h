/* profile.h: a profile as stored bytes, and the sealed texts that profiles show; private to
 * src/store.
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

/* ---- documents ---- */

/* Appends the element for a frame's value. */
void profile_put_value(struct buf *out, const struct frame *f, struct cursor *value);
/* The bytes of the element that the cursor stands on; moves it behind. */
struct str profile_element(struct cursor *c);
/* Walks a document. */
bool profile_next(struct cursor *doc, struct id128 *out_name, struct str *out_element);
/* The element of that property, p NULL: not there. */
struct str profile_find(struct str doc, struct id128 name);
/* The texts that an element names, keys of objects included; one may come more than once. */
void profile_texts(struct str element, void (*each)(void *ctx, struct id128 text), void *ctx);
/* One property of an operation; element: its value. */
struct profile_edit {
    struct id128 name;
    struct str element;
};
/* Applies an operation to `doc` (rewritten in place; failed: no memory). Edits that would make it
 * too large are left out. */
void profile_change_all(struct buf *doc, enum profile_op op, const struct profile_edit *edits,
                        size_t n);
void profile_change(struct buf *doc, enum profile_op op, struct id128 name, struct str element);

/* ---- sealed texts: a row of profile_text while a profile shows it (profile_text.c) ---- */

struct profile_keeper {
    struct meta *meta;
    int64_t project;
    const struct frame *frame; /* where new texts come from */
    uint32_t *slots;           /* [mask + 1] sealed text of the frame + 1 by hash; made at need */
    uint32_t mask;
    int64_t fresh; /* rows that need this frame's box, not yet counted at it */
};
/* One more, one less holder of that text: a profile for its id and group key, a property for its
 * name and each different text of its value, a row for its path. A text that is not sealed is held
 * by nobody. */
struct err profile_text_hold(struct profile_keeper *k, struct id128 text);
struct err profile_text_release(struct profile_keeper *k, struct id128 text);
/* The difference between two values of a property. */
struct err profile_text_exchange(struct profile_keeper *k, struct str was, struct str is);
/* Writes the frame's box for the rows that need it. */
struct err profile_text_box(struct profile_keeper *k);
/* The text has become readable: its row goes, whoever holds it. */
struct err profile_text_readable(struct meta *m, uint64_t project, struct id128 text);
void profile_keeper_done(struct profile_keeper *k);

/* ---- the operations of one frame (profile.c) ---- */

struct profile_batch {
    struct profile_keeper keeper;
    struct profile_entry **slots; /* [mask + 1] the profiles that are open */
    uint32_t mask, n;
    size_t bytes; /* about what they hold */
    size_t cut;   /* operations of which something was left out */
};
/* Each profile is read once, changed in memory and written once, with its texts: at the end of the
 * frame, or before when they hold too much. Inside the follower's transaction. */
void profile_begin(struct profile_batch *b, struct meta *m, uint64_t project,
                   const struct frame *f);
struct err profile_apply(struct profile_batch *b, enum frame_record_type type,
                         struct frame_profile *op);
struct err profile_end(struct profile_batch *b);
void profile_done(struct profile_batch *b);
