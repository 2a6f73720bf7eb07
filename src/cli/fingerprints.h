/* fingerprints.h: how many of a long row of 64-bit fingerprints were there before, in bounded
 * memory; private to src/cli.
 *
 * Fingerprints are collected, sorted in runs of RUN_N (128 MB), spilled to an unlinked file, and
 * merged at the end.
 */
#pragma once

#include "base/base.h"

struct fingerprints;
/* folder: where a spill file may lie. NULL: no memory. */
struct fingerprints *fingerprints_new(const char *folder);
void fingerprints_free(struct fingerprints *f);
AUTO_DEFINE(struct fingerprints *, fingerprints_free);
struct err fingerprints_add(struct fingerprints *f, uint64_t value);
/* How many adds had been added before. Ends the collection. */
struct err fingerprints_duplicates(struct fingerprints *f, uint64_t *out);
