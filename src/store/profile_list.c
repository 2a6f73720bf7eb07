/* profile_list.c: an open list: its elements in one buffer, their places in an array, and a table
 * of places by their bytes, made when an element is first looked for. A removed place keeps its
 * slot, so that chains hold; it is of no length.
 */
#include "store/profile_list.h"

#include <stdlib.h>

#include "store/profile.h"

#define MAX_BYTES (2 * (size_t)JOURNAL_MAX_FRAME_BYTES + PROFILE_MAX_BYTES)

struct place {
    uint32_t at, n; /* in the bytes; n 0: removed */
};

static struct str at(const struct profile_list *l, uint32_t i) {
    return (struct str){l->bytes.p + l->places[i].at, l->places[i].n};
}

/* ---- the table ---- */

static void enter(struct profile_list *l, uint32_t i) {
    struct str e = at(l, i);
    uint32_t s = (uint32_t)checksum64(e.p, e.n) & l->mask;
    while (l->slots[s])
        s = (s + 1) & l->mask;
    l->slots[s] = i + 1;
}

/* A table for twice the places that there are, removed ones left out. */
static void index_again(struct profile_list *l) {
    uint32_t n = 16;
    while (n < 4 * l->n)
        n *= 2;
    free(l->slots);
    l->slots = calloc(n, sizeof *l->slots);
    l->mask = n - 1;
    l->failed |= !l->slots;
    for (uint32_t i = 0; l->slots && i < l->n; i++)
        if (l->places[i].n) enter(l, i);
}

/* ---- what is told ---- */

void profile_list_init(struct profile_list *l, struct cursor elements) {
    *l = (struct profile_list){0};
    buf_init(&l->bytes, MAX_BYTES);
    while (elements.n) {
        struct str e = profile_element(&elements);
        if (!e.p) break;
        profile_list_append(l, e);
    }
}

void profile_list_done(struct profile_list *l) {
    buf_done(&l->bytes);
    free(l->places);
    free(l->slots);
    *l = (struct profile_list){0};
}

static bool grow(struct profile_list *l) {
    if (l->n < l->cap) return true;
    size_t cap = l->cap ? 2 * l->cap : 16;
    struct place *more = realloc(l->places, cap * sizeof *more);
    if (!more) return false;
    l->places = more;
    l->cap = cap;
    return true;
}

void profile_list_append(struct profile_list *l, struct str element) {
    size_t start = l->bytes.n;
    buf_put_str(&l->bytes, element);
    if (buf_err(&l->bytes).code != ERR_OK || !grow(l)) {
        l->failed = true;
        return;
    }
    l->places[l->n++] = (struct place){(uint32_t)start, (uint32_t)element.n};
    l->live++;
    l->live_bytes += element.n;
    if (!l->slots) return;
    if (2 * l->n > l->mask)
        index_again(l);
    else
        enter(l, (uint32_t)l->n - 1);
}

/* Walks the places that may equal the element: the next one, or UINT32_MAX. */
static uint32_t next_equal(struct profile_list *l, struct str element, uint32_t *slot) {
    for (; l->slots[*slot]; *slot = (*slot + 1) & l->mask) {
        uint32_t i = l->slots[*slot] - 1;
        if (!str_eq(at(l, i), element)) continue;
        *slot = (*slot + 1) & l->mask;
        return i;
    }
    return UINT32_MAX;
}

static uint32_t first_slot(struct profile_list *l, struct str element) {
    if (!l->slots) index_again(l);
    return l->slots ? (uint32_t)checksum64(element.p, element.n) & l->mask : 0;
}

bool profile_list_has(struct profile_list *l, struct str element) {
    uint32_t slot = first_slot(l, element);
    return l->slots && next_equal(l, element, &slot) != UINT32_MAX;
}

void profile_list_remove(struct profile_list *l, struct str element) {
    uint32_t slot = first_slot(l, element), i = 0;
    while (l->slots && (i = next_equal(l, element, &slot)) != UINT32_MAX) {
        l->live--;
        l->live_bytes -= l->places[i].n;
        l->places[i].n = 0;
    }
}

void profile_list_write(const struct profile_list *l, struct buf *out) {
    buf_put_u8(out, PV_LIST);
    buf_put_u32(out, (uint32_t)l->live_bytes);
    for (uint32_t i = 0; i < l->n; i++)
        if (l->places[i].n) buf_put_str(out, at(l, i));
}
