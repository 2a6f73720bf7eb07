/* arena.c: a chain of blocks, newest first; the first one made is kept over resets.
 *
 * Memory comes zeroed from calloc. `dirty` is how far a block was ever handed out: only that
 * stretch is zeroed again when the kept block is used anew, so a small request in a big block costs
 * what it uses.
 */
#include "base/arena.h"

#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/sys.h"

#define FIRST_BLOCK_BYTES ((size_t)16 << 10)
#define LARGEST_STEP_BYTES ((size_t)1 << 20)
#define MAPPED_BYTES ((size_t)2 << 20) /* a block this large is made of pages, used or not */
#define ALIGNMENT ((size_t)16)

struct block {
    struct block *older;
    size_t cap, used, dirty;
    unsigned char bytes[];
};
_Static_assert(sizeof(struct block) % 16 == 0, "blocks hand out 16-byte aligned memory");

struct arena {
    struct block *newest; /* NULL before the first allocation */
    size_t limit, used;   /* bytes; limit 0: none */
    bool wipe;
};

struct arena *arena_new(size_t limit_bytes) {
    struct arena *a = calloc(1, sizeof *a);
    if (a != NULL) a->limit = limit_bytes;
    return a;
}

static struct block *block_new(size_t cap) {
    size_t n = sizeof(struct block) + cap;
    struct block *b = cap >= MAPPED_BYTES ? pages_new(n) : calloc(1, n);
    if (b != NULL) b->cap = cap;
    return b;
}

static void block_free(struct block *b, bool wipe) {
    if (b->cap >= MAPPED_BYTES) {
        pages_free(b, sizeof *b + b->cap); /* the system hands pages out zeroed */
        return;
    }
    if (wipe) sodium_memzero(b->bytes, b->dirty);
    free(b);
}

void arena_free(struct arena *a) {
    if (a == NULL) return;
    for (struct block *b = a->newest, *older; b != NULL; b = older) {
        older = b->older;
        block_free(b, a->wipe);
    }
    free(a);
}

void arena_wipe_on_reset(struct arena *a) {
    a->wipe = true;
}

void arena_reset(struct arena *a) {
    struct block *b = a->newest;
    while (b != NULL && b->older != NULL) {
        struct block *older = b->older;
        block_free(b, a->wipe);
        b = older;
    }
    if (b != NULL) {
        if (a->wipe) sodium_memzero(b->bytes, b->dirty);
        if (a->wipe) b->dirty = 0;
        b->used = 0;
    }
    a->newest = b;
    a->used = 0;
}

static struct block *block_for(struct arena *a, size_t n) {
    size_t cap = a->newest == NULL ? FIRST_BLOCK_BYTES : a->newest->cap * 2;
    if (cap > LARGEST_STEP_BYTES) cap = LARGEST_STEP_BYTES;
    if (cap < n) cap = n;
    if (cap > SIZE_MAX - sizeof(struct block)) return NULL;
    struct block *b = block_new(cap);
    if (b == NULL) return NULL;
    b->older = a->newest;
    a->newest = b;
    return b;
}

bool arena_reserve(struct arena *a, size_t n_bytes) {
    return n_bytes <= SIZE_MAX / 2 && block_for(a, n_bytes) != NULL;
}

void *arena_alloc(struct arena *a, size_t n_bytes) {
    if (n_bytes > SIZE_MAX / 2) return NULL;
    size_t n = (n_bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (n == 0) n = ALIGNMENT;
    if (a->limit != 0 && n > a->limit - a->used) return NULL;
    struct block *b = a->newest;
    if (b == NULL || n > b->cap - b->used) b = block_for(a, n);
    if (b == NULL) return NULL;
    unsigned char *p = b->bytes + b->used;
    if (b->used < b->dirty) {
        size_t stale = b->dirty - b->used;
        memset(p, 0, stale < n ? stale : n);
    }
    b->used += n;
    if (b->used > b->dirty) b->dirty = b->used;
    a->used += n;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t each_bytes) {
    size_t n;
    if (__builtin_mul_overflow(count, each_bytes, &n)) return NULL;
    return arena_alloc(a, n);
}

struct str arena_str(struct arena *a, struct str s) {
    char *p = s.n == SIZE_MAX ? NULL : arena_alloc(a, s.n + 1);
    if (p == NULL) return (struct str){0};
    if (s.n > 0) memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return (struct str){p, s.n};
}

struct str arena_printf(struct arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    assert(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p != NULL) (void)vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return p == NULL ? (struct str){0} : (struct str){p, (size_t)n};
}

size_t arena_used_bytes(const struct arena *a) {
    return a->used;
}
