/* merge_marks.c: what the kept rows still refer to.
 *
 * When every row of every source is kept, so is every term. Otherwise each column is read once, and
 * what no kept row shows is left out: this is what makes erasure true for texts as well as for
 * rows.
 */
#include "part/merge.h"

#include <math.h>

#define PIECE 4096u

/* Bits by row. */
static struct err mark_rows(const struct part_merging *x, uint64_t **kept) {
    for (uint32_t i = 0; i < x->n; i++) {
        kept[i] = part_bits_new(x->sources[i].p->file.rows);
        if (!kept[i]) return ERR(ERR_NOMEM, "part: marks");
    }
    for (size_t i = 0; i < x->runs_n; i++)
        for (uint32_t j = 0; j < x->runs[i].n; j++)
            part_bit_set(kept[x->runs[i].source], x->runs[i].row + j);
    return ERR_NONE;
}

static void mark_codes(const struct part *p, int column, const uint64_t *kept,
                       struct part_source_column *out) {
    uint32_t codes[PIECE];
    for (uint32_t row = 0; row < p->file.rows; row += PIECE) {
        uint32_t n = p->file.rows - row < PIECE ? p->file.rows - row : PIECE;
        part_codes(p, column, row, n, codes);
        for (uint32_t i = 0; i < n; i++) {
            if (codes[i] == 0 || !part_bit(kept, row + i)) continue;
            part_bit_set(out->seen, codes[i]);
            out->present++;
        }
    }
}

static void mark_numbers(const struct part *p, int column, const uint64_t *kept,
                         struct part_source_column *out) {
    double v[PIECE];
    for (uint32_t row = 0; row < p->file.rows; row += PIECE) {
        uint32_t n = p->file.rows - row < PIECE ? p->file.rows - row : PIECE;
        part_numbers(p, column, row, n, v);
        for (uint32_t i = 0; i < n; i++)
            out->present += !isnan(v[i]) && part_bit(kept, row + i);
    }
}

static struct err mark_columns(struct part_source *s, const uint64_t *kept) {
    for (uint32_t i = 0; i < s->p->file.columns; i++) {
        const struct part_column *c = &s->p->columns[i];
        if (!kept) {
            s->columns[i].present = c->info.present_rows;
        } else if (c->info.class == PART_NUMBER) {
            mark_numbers(s->p, (int)i, kept, &s->columns[i]);
        } else {
            s->columns[i].seen = part_bits_new((uint64_t)c->info.dictionary_n + 1);
            if (!s->columns[i].seen) return ERR(ERR_NOMEM, "part: marks");
            mark_codes(s->p, (int)i, kept, &s->columns[i]);
        }
    }
    return ERR_NONE;
}

/* ---- the output's columns ---- */

static int column_cmp(const void *a, const void *b) {
    const struct part_output_column *x = a, *y = b;
    int c = id128_cmp(x->property, y->property);
    return c != 0 ? c : (int)x->class - (int)y->class;
}

static int fullest_cmp(const void *a, const void *b) {
    const struct part_output_column *x = a, *y = b;
    if (x->readable != y->readable) return x->readable ? -1 : 1;
    if (x->present != y->present) return x->present > y->present ? -1 : 1;
    return column_cmp(a, b);
}

/* The fullest stay, those with a readable name before all others: names that one stranger makes up
 * drive nothing out. */
static void cut_columns(struct part_merging *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        x->columns[i].readable =
            x->m->readable && x->m->readable(x->m->ctx, x->columns[i].property);
    qsort(x->columns, n, sizeof *x->columns, fullest_cmp);
    for (size_t i = PART_MAX_COLUMNS; x->m->lost && i < n; i++)
        *x->m->lost += x->columns[i].present;
    qsort(x->columns, PART_MAX_COLUMNS, sizeof *x->columns, column_cmp);
    x->loses = true;
}

/* United over the sources. */
static struct err choose_columns(struct part_merging *x) {
    size_t total = 1, n = 0, k = 0;
    for (uint32_t i = 0; i < x->n; i++)
        total += x->sources[i].p->file.columns;
    x->columns = calloc(total, sizeof *x->columns);
    if (!x->columns) return ERR(ERR_NOMEM, "part: columns");
    for (uint32_t i = 0; i < x->n; i++)
        for (uint32_t j = 0; j < x->sources[i].p->file.columns; j++) {
            const struct part_column_info *c = &x->sources[i].p->columns[j].info;
            uint32_t present = x->sources[i].columns[j].present;
            if (present > 0)
                x->columns[n++] =
                    (struct part_output_column){c->property, c->class, present, false};
        }
    if (n > 1) qsort(x->columns, n, sizeof *x->columns, column_cmp);
    for (size_t i = 0; i < n; i++) {
        if (k > 0 && column_cmp(&x->columns[k - 1], &x->columns[i]) == 0)
            x->columns[k - 1].present += x->columns[i].present;
        else
            x->columns[k++] = x->columns[i];
    }
    if (k > PART_MAX_COLUMNS) {
        cut_columns(x, k);
        k = PART_MAX_COLUMNS;
    }
    x->info.columns = (uint32_t)k;
    return ERR_NONE;
}

static bool is_chosen(const struct part_merging *x, const struct part_column_info *c) {
    struct part_output_column key = {.property = c->property, .class = c->class};
    return x->info.columns > 0 &&
           bsearch(&key, x->columns, x->info.columns, sizeof key, column_cmp) != NULL;
}

/* ---- terms ---- */

struct leaf_mark {
    struct part_source *s;
};

static bool mark_leaf(void *ctx, struct id128 hash, uint8_t *tag) {
    struct leaf_mark *l = ctx;
    uint32_t term = part_find_term(l->s->p, hash);
    (void)tag;
    if (term != UINT32_MAX) part_bit_set(l->s->used, term);
    return true;
}

static void mark_dictionary(const struct part_merging *x, struct part_source *s, uint32_t column) {
    const struct part_column *c = &s->p->columns[column];
    const struct part_source_column *marks = &s->columns[column];
    if (marks->present == 0 || !is_chosen(x, &c->info)) return;
    part_bit_set(s->used, c->property_term);
    for (uint32_t code = 1; code <= c->info.dictionary_n; code++) {
        if (marks->seen && !part_bit(marks->seen, code)) continue;
        uint64_t term = part_stream_at(&c->dictionary, code - 1);
        if (term < s->p->file.terms) part_bit_set(s->used, term);
    }
}

static void mark_events(struct part_source *s, const uint64_t *kept) {
    uint32_t codes[PIECE];
    for (uint32_t row = 0; row < s->p->file.rows; row += PIECE) {
        uint32_t n = s->p->file.rows - row < PIECE ? s->p->file.rows - row : PIECE;
        part_event_codes(s->p, row, n, codes);
        for (uint32_t i = 0; i < n; i++) {
            if (codes[i] == 0 || (kept && !part_bit(kept, row + i))) continue;
            uint64_t term = part_stream_at(&s->p->event_terms, codes[i] - 1);
            if (term < s->p->file.terms) part_bit_set(s->used, term);
        }
    }
}

/* Lists keep their leaves, sealed texts their paths. */
static void mark_dependents(struct part_source *s) {
    const struct part *p = s->p;
    struct leaf_mark leaf = {s};
    for (uint64_t i = 0; i < p->tree_term.n; i++) {
        uint64_t term = part_stream_at(&p->tree_term, i);
        if (term >= p->file.terms || !part_bit(s->used, term)) continue;
        struct str tree = part_tree_of(p, (uint32_t)term);
        part_tree_walk((uint8_t *)(uintptr_t)tree.p, tree.n, mark_leaf, &leaf);
    }
    for (uint64_t i = 0; i < p->sealed_term.n; i++) {
        uint64_t term = part_stream_at(&p->sealed_term, i),
                 path = part_stream_at(&p->sealed_path, i);
        if (term < p->file.terms && part_bit(s->used, term) && path > 0 && path <= p->file.terms)
            part_bit_set(s->used, path - 1);
    }
}

static struct err mark_terms(const struct part_merging *x, struct part_source *s,
                             const uint64_t *kept) {
    s->used = part_bits_new(s->p->file.terms);
    if (!s->used) return ERR(ERR_NOMEM, "part: marks");
    for (uint32_t i = 0; i < s->p->file.columns; i++)
        mark_dictionary(x, s, i);
    mark_events(s, kept);
    mark_dependents(s);
    return ERR_NONE;
}

static struct err mark_all(struct part_merging *x, uint64_t **kept) {
    if (x->loses) TRY(mark_rows(x, kept));
    for (uint32_t i = 0; i < x->n; i++) {
        struct part_source *s = &x->sources[i];
        s->columns = calloc((size_t)s->p->file.columns + 1, sizeof *s->columns);
        if (!s->columns) return ERR(ERR_NOMEM, "part: marks");
        TRY(mark_columns(s, kept[i]));
    }
    TRY(choose_columns(x));
    for (uint32_t i = 0; x->loses && i < x->n; i++)
        TRY(mark_terms(x, &x->sources[i], kept[i]));
    return ERR_NONE;
}

struct err part_merge_marks(struct part_merging *x) {
    uint64_t **kept = calloc(x->n, sizeof *kept);
    struct err e = kept ? mark_all(x, kept) : ERR(ERR_NOMEM, "part: marks");
    for (uint32_t i = 0; kept && i < x->n; i++)
        free(kept[i]);
    free(kept);
    return e;
}
