/* build_columns.c: a column's cells, brought into row order and written.
 *
 * A dense column is scattered into one array of all rows; a sparse one (present in under 1 of 128
 * rows) is sorted by place instead, so that a part with thousands of rare properties costs what its
 * values cost.
 */
#include "part/builder.h"

struct columns {
    struct part_build *x;
    uint32_t *codes;   /* [rows] scratch */
    uint64_t *numbers; /* [rows] scratch, made when the first dense number column comes */
};

static int cmp32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Writes the dictionary and sets x->code[term] for its terms. A large one is found by walking all
 * terms in order, a small one sorted. */
static void write_dictionary(struct part_build *x, uint32_t index, uint32_t file_index) {
    uint32_t *terms = x->distinct + x->distinct_at[index];
    size_t n = x->distinct_at[index + 1] - x->distinct_at[index];
    uint32_t code = 0;
    part_stream_begin(x->stream, SEC_COLUMN_DICT, file_index);
    if (n > x->info.terms / 16) {
        for (size_t i = 0; i < n; i++)
            x->stamp[x->rank[terms[i]]] = index + 1;
        for (uint32_t r = 0; r < x->info.terms; r++) {
            if (x->stamp[r] != index + 1) continue;
            part_stream_put(x->stream, r);
            x->code[x->sorted[r]] = ++code;
        }
    } else {
        for (size_t i = 0; i < n; i++)
            terms[i] = x->rank[terms[i]];
        if (n > 1) qsort(terms, n, sizeof *terms, cmp32);
        part_stream_put32(x->stream, terms, n);
        for (size_t i = 0; i < n; i++)
            x->code[x->sorted[terms[i]]] = ++code;
    }
    part_stream_end(x->stream);
}

static uint64_t cell(const struct part_build *x, const struct part_build_column *c, uint32_t i,
                     struct part_number_form f) {
    return c->class == PART_CODE ? x->code[c->codes[i]] : part_number_encode(f, c->numbers[i]);
}

struct placed {
    uint32_t place, cell;
};

static int placed_cmp(const void *a, const void *b) {
    const struct placed *x = a, *y = b;
    return x->place < y->place ? -1 : x->place > y->place;
}

static struct err write_sparse(struct part_build *x, uint32_t index, uint32_t file_index,
                               struct part_number_form f) {
    const struct part_build_column *c = &x->b->columns[index];
    AUTO(part_free) struct placed *cells = malloc((size_t)c->n * sizeof *cells);
    if (!cells) return ERR(ERR_NOMEM, "part: sparse column");
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n; i++)
        if (x->place[c->rows[i]] != PART_NONE)
            cells[n++] = (struct placed){x->place[c->rows[i]], i};
    qsort(cells, n, sizeof *cells, placed_cmp);
    part_stream_begin(x->stream, SEC_COLUMN_ROWS, file_index);
    for (uint32_t i = 0; i < n; i++)
        part_stream_put(x->stream, cells[i].place);
    part_stream_end(x->stream);
    part_stream_begin(x->stream, SEC_COLUMN_VALUES, file_index);
    for (uint32_t i = 0; i < n; i++)
        part_stream_put(x->stream, cell(x, c, cells[i].cell, f));
    part_stream_end(x->stream);
    return ERR_NONE;
}

static struct err write_dense_codes(struct columns *s, uint32_t index, uint32_t file_index) {
    struct part_build *x = s->x;
    const struct part_build_column *c = &x->b->columns[index];
    if (!s->codes) s->codes = malloc((size_t)x->info.rows * sizeof *s->codes);
    if (!s->codes) return ERR(ERR_NOMEM, "part: column");
    memset(s->codes, 0, (size_t)x->info.rows * sizeof *s->codes);
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t place = x->place[c->rows[i]];
        if (place != PART_NONE) s->codes[place] = x->code[c->codes[i]];
    }
    part_stream_begin(x->stream, SEC_COLUMN_VALUES, file_index);
    part_stream_put32(x->stream, s->codes, x->info.rows);
    part_stream_end(x->stream);
    return ERR_NONE;
}

static struct err write_dense_numbers(struct columns *s, uint32_t index, uint32_t file_index,
                                      struct part_number_form f) {
    struct part_build *x = s->x;
    const struct part_build_column *c = &x->b->columns[index];
    if (!s->numbers) s->numbers = malloc((size_t)x->info.rows * sizeof *s->numbers);
    if (!s->numbers) return ERR(ERR_NOMEM, "part: column");
    memset(s->numbers, 0, (size_t)x->info.rows * sizeof *s->numbers);
    for (uint32_t i = 0; i < c->n; i++) {
        uint32_t place = x->place[c->rows[i]];
        if (place != PART_NONE) s->numbers[place] = part_number_encode(f, c->numbers[i]);
    }
    part_stream_begin(x->stream, SEC_COLUMN_VALUES, file_index);
    part_stream_put64(x->stream, s->numbers, x->info.rows);
    part_stream_end(x->stream);
    return ERR_NONE;
}

/* Form and bounds of the living values. Folded rows may widen the form; that costs bits, not truth.
 */
static struct part_number_form describe_numbers(const struct part_build *x, uint32_t index,
                                                struct part_file_column *out) {
    const struct part_build_column *c = &x->b->columns[index];
    struct part_number_form f = part_number_form_of(c->numbers, c->n);
    bool first = true;
    for (uint32_t i = 0; i < c->n; i++) {
        if (x->place[c->rows[i]] == PART_NONE) continue;
        if (first || c->numbers[i] < out->min) out->min = c->numbers[i];
        if (first || c->numbers[i] > out->max) out->max = c->numbers[i];
        first = false;
    }
    out->number_kind = f.kind;
    out->scale = f.scale;
    out->base = f.base;
    return f;
}

static struct err write_column(struct columns *s, uint32_t index, uint32_t file_index,
                               struct part_file_column *out) {
    struct part_build *x = s->x;
    const struct part_build_column *c = &x->b->columns[index];
    bool sparse = (uint64_t)x->present[index] * 128 < x->info.rows;
    *out = (struct part_file_column){.property_term = x->rank[c->property_term],
                                     .class = (uint8_t)c->class,
                                     .layout = sparse ? PART_SPARSE_ROWS : PART_DENSE,
                                     .present = x->present[index]};
    struct part_number_form f = {0};
    if (c->class == PART_CODE) {
        out->dictionary = (uint32_t)(x->distinct_at[index + 1] - x->distinct_at[index]);
        write_dictionary(x, index, file_index);
    } else {
        f = describe_numbers(x, index, out);
    }
    if (sparse) return write_sparse(x, index, file_index, f);
    return c->class == PART_CODE ? write_dense_codes(s, index, file_index)
                                 : write_dense_numbers(s, index, file_index, f);
}

static int cmp64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct err part_build_write_columns(struct part_build *x) {
    _Static_assert(PART_BUILDER_COLUMNS <= 1 << 16, "a column's number fits the sort key");
    uint32_t n = 0;
    AUTO(part_free) uint64_t *keys = malloc(((size_t)x->b->columns_n + 1) * sizeof *keys);
    AUTO(part_free)
    struct part_file_column *records = calloc((size_t)x->b->columns_n + 1, sizeof *records);
    if (!keys || !records) return ERR(ERR_NOMEM, "part: columns");
    for (uint32_t i = 0; i < x->b->columns_n; i++) {
        const struct part_build_column *c = &x->b->columns[i];
        uint64_t property = x->rank[c->property_term];
        if (x->present[i] > 0) keys[n++] = property << 17 | (uint64_t)c->class << 16 | i;
    }
    qsort(keys, n, sizeof *keys, cmp64);
    struct columns s = {.x = x};
    struct err e = ERR_NONE;
    for (uint32_t i = 0; i < n && e.code == ERR_OK; i++)
        e = write_column(&s, keys[i] & 0xffff, i, &records[i]);
    free(s.codes);
    free(s.numbers);
    x->info.columns = n;
    part_out_raw(&x->out, SEC_COLUMNS, records, (size_t)n * sizeof *records);
    return e;
}
