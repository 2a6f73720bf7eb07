/* words.c: readable text by hash, in memory: open addressing on the hash itself (it is uniform),
 * texts in big chunks. What a crowd has made readable stays readable; only what nobody has any more
 * after an erasure goes. Its bytes are wiped where they lie: a question that is just showing it
 * shows zeros.
 */
#include <stdlib.h>

#include "store/internal.h"

#define CHUNK_BYTES (256u << 10)

struct word {
    struct id128 hash;
    const char *text; /* NULL: free slot */
    uint32_t n;
    uint8_t kind, type;
};

struct chunk {
    struct chunk *next;
    size_t used, cap;
    char bytes[];
};

struct word_table {
    struct word *slots; /* [cap] */
    size_t cap, n;      /* cap is a power of two */
    struct chunk *chunks;
};

struct word_table *words_new(void) {
    struct word_table *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->cap = 256;
    t->slots = calloc(t->cap, sizeof *t->slots);
    if (t->slots) return t;
    free(t);
    return NULL;
}

void words_free(struct word_table *t) {
    if (!t) return;
    while (t->chunks) {
        struct chunk *next = t->chunks->next;
        free(t->chunks);
        t->chunks = next;
    }
    free(t->slots);
    free(t);
}

static size_t home(const struct word_table *t, struct id128 hash) {
    uint64_t h = 0;
    memcpy(&h, hash.b, sizeof h);
    return (size_t)h & (t->cap - 1);
}

static struct word *slot_of(const struct word_table *t, struct id128 hash) {
    size_t i = home(t, hash);
    while (t->slots[i].text && !id128_eq(t->slots[i].hash, hash))
        i = (i + 1) & (t->cap - 1);
    return &t->slots[i];
}

static struct err grow(struct word_table *t) {
    struct word *old = t->slots;
    size_t old_cap = t->cap;
    struct word *slots = calloc(old_cap * 2, sizeof *slots);
    if (!slots) return ERR(ERR_NOMEM, "words");
    t->slots = slots;
    t->cap = old_cap * 2;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].text) *slot_of(t, old[i].hash) = old[i];
    free(old);
    return ERR_NONE;
}

static const char *keep(struct word_table *t, struct str text) {
    struct chunk *c = t->chunks;
    if (!c || c->cap - c->used < text.n + 1) {
        size_t cap = text.n + 1 > CHUNK_BYTES ? text.n + 1 : CHUNK_BYTES;
        c = malloc(sizeof *c + cap);
        if (!c) return NULL;
        *c = (struct chunk){.next = t->chunks, .cap = cap};
        t->chunks = c;
    }
    char *at = c->bytes + c->used;
    if (text.n) memcpy(at, text.p, text.n);
    at[text.n] = 0;
    c->used += text.n + 1;
    return at;
}

struct err words_add(struct word_table *t, struct id128 hash, uint8_t kind, uint8_t type,
                     struct str text) {
    if (slot_of(t, hash)->text) return ERR_NONE;
    if (t->n * 10 >= t->cap * 7) TRY(grow(t));
    const char *kept = keep(t, text);
    if (!kept) return ERR(ERR_NOMEM, "words");
    *slot_of(t, hash) = (struct word){hash, kept, (uint32_t)text.n, kind, type};
    t->n++;
    return ERR_NONE;
}

/* What stands behind the hole and belongs in front of it moves up. */
void words_remove(struct word_table *t, struct id128 hash) {
    struct word *w = slot_of(t, hash);
    if (!w->text) return;
    secret_wipe((char *)(uintptr_t)w->text, w->n);
    size_t hole = (size_t)(w - t->slots), mask = t->cap - 1;
    for (size_t i = (hole + 1) & mask; t->slots[i].text; i = (i + 1) & mask) {
        if (((i - home(t, t->slots[i].hash)) & mask) < ((i - hole) & mask)) continue;
        t->slots[hole] = t->slots[i];
        hole = i;
    }
    t->slots[hole] = (struct word){0};
    t->n--;
}

struct str words_get(const struct word_table *t, struct id128 hash) {
    const struct word *w = slot_of(t, hash);
    return (struct str){w->text, w->n};
}

size_t words_n(const struct word_table *t) {
    return t->n;
}

static int by_hash(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id128));
}

struct err words_hashes(const struct word_table *t, struct id128 **out, size_t *out_n) {
    struct id128 *all = malloc((t->n + 1) * sizeof *all);
    if (!all) return ERR(ERR_NOMEM, "words");
    size_t n = 0;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].text) all[n++] = t->slots[i].hash;
    qsort(all, n, sizeof *all, by_hash);
    *out = all;
    *out_n = n;
    return ERR_NONE;
}

void words_each(const struct word_table *t, uint8_t kind, void (*each)(void *ctx, struct str text),
                void *ctx) {
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].text && t->slots[i].kind == kind)
            each(ctx, (struct str){t->slots[i].text, t->slots[i].n});
}
