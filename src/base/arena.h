/* arena.h: memory of one request or one query, freed whole, with a limit in bytes.
 *
 * Threading: an arena belongs to one thread at a time. Blocks are 16-byte aligned and zeroed.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct arena;

/* limit_bytes: at most this much is handed out between resets (0: no limit). NULL if memory is out.
 */
struct arena *arena_new(size_t limit_bytes);
void arena_free(struct arena *a); /* takes NULL */
AUTO_DEFINE(struct arena *, arena_free);

/* Everything handed out dies; the first block is kept for the next use, wiped if
 * arena_wipe_on_reset was called. */
void arena_reset(struct arena *a);
/* From now on memory is wiped when it dies: for arenas that hold clear values. */
void arena_wipe_on_reset(struct arena *a);

/* NULL when the limit or memory is reached: the caller turns that into ERR_NOMEM. n = 0 gives a
 * valid pointer. */
/* Makes room for n bytes in one block, which is kept over resets if it is the first. False: no
 * memory. */
bool arena_reserve(struct arena *a, size_t n_bytes);
void *arena_alloc(struct arena *a, size_t n_bytes);
void *arena_array(struct arena *a, size_t count, size_t each_bytes); /* overflow-checked */
/* A copy of s, with a NUL behind it that is not counted. p is NULL when out of memory. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
size_t arena_used_bytes(const struct arena *a);
