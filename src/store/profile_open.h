/* profile_open.h: a profile document that is open for changes; private to src/store.
 *
 * A change costs what it brings, not what the document holds: a frame may bring fifty thousand for
 * one document of a megabyte.
 */
#pragma once

#include "store/profile.h"

struct profile_open;
struct profile_open *profile_open_new(struct str doc /* copied */); /* NULL: no memory */
void profile_open_free(struct profile_open *o);
AUTO_DEFINE(struct profile_open *, profile_open_free);

/* Applies one property of an operation. Failures (no memory) stick. */
void profile_open_change(struct profile_open *o, enum profile_op op, struct id128 name,
                         struct str element);
void profile_open_clear(struct profile_open *o); /* every property goes */
struct err profile_open_err(const struct profile_open *o);
/* Operations of which something was left out, for a limit. */
size_t profile_open_cut(const struct profile_open *o);
/* Appends the document as it is now. */
void profile_open_write(const struct profile_open *o, struct buf *out);
/* Every property that a change has touched, as it was and as it is (p NULL: not there; borrowed for
 * the call). */
struct err profile_open_changes(const struct profile_open *o,
                                struct err (*each)(void *ctx, struct id128 name, struct str was,
                                                   struct str is),
                                void *ctx);
