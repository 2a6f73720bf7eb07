/* part_list.c: a small list of referenced parts. */
#include <stdlib.h>

#include "store/internal.h"

struct err part_list_reserve(struct part_list *l, size_t more) {
    if (l->n + more <= l->cap) return ERR_NONE;
    size_t cap = (l->n + more) * 2;
    struct part **grown = realloc(l->parts, cap * sizeof *grown);
    if (!grown) return ERR(ERR_NOMEM, "parts");
    l->parts = grown;
    l->cap = cap;
    return ERR_NONE;
}

struct err part_list_push(struct part_list *l, struct part *p) {
    TRY(part_list_reserve(l, 1));
    l->parts[l->n++] = p;
    return ERR_NONE;
}

void part_list_done(struct part_list *l) {
    for (size_t i = 0; i < l->n; i++)
        part_unref(l->parts[i]);
    free(l->parts);
    *l = (struct part_list){0};
}

uint64_t part_list_rows(const struct part_list *l) {
    uint64_t rows = 0;
    for (size_t i = 0; i < l->n; i++)
        rows += part_info(l->parts[i])->rows;
    return rows;
}
