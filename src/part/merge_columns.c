/* merge_columns.c: all that is per row, one column at a time, following the runs.
 *
 * Each source is read through a window of 4096 rows that moves forward; rows that moved to another
 * person are out of that order and are read by themselves. A window in which a column has no value
 * says so, and its runs cost nothing but themselves.
 */
#include "part/merge.h"

#include <math.h>

#define WINDOW PART_BLOCK_ROWS

enum read_what { READ_TIMES, READ_EVENTS, READ_INSERTS, READ_CODES, READ_NUMBERS };

union values {
    uint32_t u32[WINDOW];
    uint64_t u64[WINDOW];
    int64_t i64[WINDOW];
    double f64[WINDOW];
};

struct window {
    const struct part *p;
    enum read_what what;
    int column; /* -1: the source has none */
    uint32_t from, n;
    bool any;
    uint32_t *code_out; /* READ_CODES: [dictionary + 1] */
    union values v, apart;
};

struct columns {
    struct part_merging *x;
    struct window *windows; /* [sources] */
    union values batch;     /* what goes out next */
    uint32_t *sparse_rows;  /* of a sparse output column */
    uint64_t *sparse_values;
    size_t sparse_n, sparse_cap;
};

static bool window_fill(struct window *w, uint32_t row, uint32_t n, union values *out) {
    bool any = false;
    switch (w->what) {
    case READ_TIMES:
        part_times(w->p, row, n, out->i64);
        return true;
    case READ_EVENTS:
        part_event_codes(w->p, row, n, out->u32);
        return true;
    case READ_INSERTS:
        part_inserts(w->p, row, n, out->u64);
        return true;
    case READ_CODES:
        part_codes(w->p, w->column, row, n, out->u32);
        for (uint32_t i = 0; i < n; i++)
            any |= out->u32[i] != 0;
        return any;
    case READ_NUMBERS:
        part_numbers(w->p, w->column, row, n, out->f64);
        for (uint32_t i = 0; i < n; i++)
            any |= !isnan(out->f64[i]);
        return any;
    }
    return any;
}

/* Values of a run from row `done` of it on: *out_n of them from out->[*out_at], or NULL if all of
 * them are absent. */
static const union values *window_read(struct window *w, const struct part_run *run, uint32_t done,
                                       uint32_t *out_at, uint32_t *out_n) {
    uint32_t row = run->row + done, left = run->n - done;
    *out_n = left < WINDOW ? left : WINDOW;
    *out_at = 0;
    if (w->column < 0 && w->what >= READ_CODES) return NULL;
    if (run->moved) return window_fill(w, row, *out_n, &w->apart) ? &w->apart : NULL;
    if (row < w->from || row >= w->from + w->n) {
        w->from = row / WINDOW * WINDOW;
        w->n = w->p->file.rows - w->from < WINDOW ? w->p->file.rows - w->from : WINDOW;
        w->any = window_fill(w, w->from, w->n, &w->v);
    }
    *out_at = row - w->from;
    if (*out_n > w->n - *out_at) *out_n = w->n - *out_at;
    return w->any ? &w->v : NULL;
}

static void open_windows(struct columns *c, enum read_what what) {
    for (uint32_t i = 0; i < c->x->n; i++) {
        struct window *w = &c->windows[i];
        w->what = what;
        w->n = w->from = 0;
        w->column = -1;
    }
}

/* ---- times, inserts, events ---- */

static void write_times(struct columns *c) {
    struct part_merging *x = c->x;
    struct part_file_info *info = &x->info;
    info->time_unit_us = 1000;
    info->time_base_us = INT64_MAX;
    for (uint32_t i = 0; i < x->n; i++) {
        const struct part_file_info *f = &x->sources[i].p->file;
        if (f->time_unit_us == 1 || (f->min_time_us % 1000) != 0) info->time_unit_us = 1;
        if (f->min_time_us < info->time_base_us) info->time_base_us = f->min_time_us;
    }
    info->min_time_us = INT64_MAX;
    info->max_time_us = INT64_MIN;
    open_windows(c, READ_TIMES);
    part_stream_begin(x->stream, SEC_TIMES, 0);
    for (size_t r = 0; r < x->runs_n; r++) {
        const struct part_run *run = &x->runs[r];
        for (uint32_t done = 0, at, n; done < run->n; done += n) {
            const union values *v = window_read(&c->windows[run->source], run, done, &at, &n);
            for (uint32_t i = 0; i < n; i++) {
                int64_t t = v->i64[at + i];
                info->min_time_us = t < info->min_time_us ? t : info->min_time_us;
                info->max_time_us = t > info->max_time_us ? t : info->max_time_us;
                c->batch.u64[i] = ((uint64_t)t - (uint64_t)info->time_base_us) / info->time_unit_us;
            }
            part_stream_put64(x->stream, c->batch.u64, n);
        }
    }
    part_stream_end(x->stream);
}

static void write_inserts(struct columns *c, enum part_section_kind kind) {
    struct part_merging *x = c->x;
    unsigned shift = kind == SEC_INSERT_HIGH ? 32 : 0;
    open_windows(c, READ_INSERTS);
    part_stream_begin(x->stream, kind, 0);
    for (size_t r = 0; r < x->runs_n; r++) {
        const struct part_run *run = &x->runs[r];
        for (uint32_t done = 0, at, n; done < run->n; done += n) {
            const union values *v = window_read(&c->windows[run->source], run, done, &at, &n);
            for (uint32_t i = 0; i < n; i++)
                c->batch.u64[i] = v->u64[at + i] >> shift & UINT32_MAX;
            part_stream_put64(x->stream, c->batch.u64, n);
        }
    }
    part_stream_end(x->stream);
}

static int cmp32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The output's event names; s->event[code] becomes the code there. */
static struct err number_events(struct part_merging *x) {
    uint64_t all = 1;
    for (uint32_t i = 0; i < x->n; i++)
        all += x->sources[i].p->file.events;
    AUTO(part_free) uint32_t *terms = malloc(all * sizeof *terms);
    if (!terms) return ERR(ERR_NOMEM, "part: events");
    size_t n = 0, k = 0;
    for (uint32_t i = 0; i < x->n; i++)
        for (uint32_t code = 1; code <= x->sources[i].p->file.events; code++) {
            uint64_t term = part_stream_at(&x->sources[i].p->event_terms, code - 1);
            uint32_t to =
                term < x->sources[i].p->file.terms ? x->sources[i].term_out[term] : PART_NONE;
            x->sources[i].event[code] = to;
            if (to != PART_NONE) terms[n++] = to;
        }
    if (n > 1) qsort(terms, n, sizeof *terms, cmp32);
    for (size_t i = 0; i < n; i++)
        if (k == 0 || terms[k - 1] != terms[i]) terms[k++] = terms[i];
    for (uint32_t i = 0; i < x->n; i++)
        for (uint32_t code = 1; code <= x->sources[i].p->file.events; code++) {
            uint32_t *e = &x->sources[i].event[code];
            const uint32_t *at =
                *e == PART_NONE ? NULL : bsearch(e, terms, k, sizeof *terms, cmp32);
            *e = at ? (uint32_t)(at - terms) + 1 : 0;
        }
    part_stream_begin(x->stream, SEC_EVENT_TERMS, 0);
    part_stream_put32(x->stream, terms, k);
    part_stream_end(x->stream);
    x->info.events = (uint32_t)k;
    x->info.event_width = k <= UINT8_MAX ? 1 : k <= UINT16_MAX ? 2 : 4;
    return ERR_NONE;
}

static void put_narrow(struct part_out *o, uint32_t width, uint32_t *codes, uint32_t n) {
    uint8_t *bytes = (uint8_t *)codes;
    if (width == 1) {
        for (uint32_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)codes[i];
    } else if (width == 2) {
        for (uint32_t i = 0; i < n; i++) {
            uint16_t v = (uint16_t)codes[i];
            memcpy(bytes + (size_t)i * 2, &v, sizeof v);
        }
    }
    part_out_put(o, bytes, (size_t)n * width);
}

static struct err write_events(struct columns *c) {
    struct part_merging *x = c->x;
    TRY(number_events(x));
    AUTO(part_free) uint64_t *rows = calloc((size_t)x->info.events + 1, sizeof *rows);
    if (!rows) return ERR(ERR_NOMEM, "part: events");
    open_windows(c, READ_EVENTS);
    part_out_begin(&x->out, SEC_EVENT_CODES, 0);
    for (size_t r = 0; r < x->runs_n; r++) {
        const struct part_run *run = &x->runs[r];
        const uint32_t *to = x->sources[run->source].event;
        for (uint32_t done = 0, at, n; done < run->n; done += n) {
            const union values *v = window_read(&c->windows[run->source], run, done, &at, &n);
            for (uint32_t i = 0; i < n; i++) {
                uint32_t code = c->batch.u32[i] = to[v->u32[at + i]];
                rows[code]++;
            }
            put_narrow(&x->out, x->info.event_width, c->batch.u32, n);
        }
    }
    part_out_end(&x->out);
    if (rows[0] != 0) return ERR(ERR_CORRUPT, "part: event code");
    part_out_raw(&x->out, SEC_EVENT_ROWS, rows + 1, (size_t)x->info.events * sizeof *rows);
    return ERR_NONE;
}

/* ---- properties ---- */

/* The next unseen entry of a source's dictionary that is in the output: its output term. */
struct entry {
    uint32_t code, term;
};

static void next_entry(const struct part_merging *x, uint32_t source, int column, struct entry *e) {
    const struct part_source *s = &x->sources[source];
    const struct part_column *c = &s->p->columns[column];
    const uint64_t *seen = s->columns[column].seen;
    for (e->code++; e->code <= c->info.dictionary_n; e->code++) {
        if (seen && !part_bit(seen, e->code)) continue;
        uint64_t term = part_stream_at(&c->dictionary, e->code - 1);
        e->term = term < s->p->file.terms ? s->term_out[term] : PART_NONE;
        if (e->term != PART_NONE) return;
    }
    e->term = PART_NONE;
}

/* Dictionaries keep their order under term_out, so they are merged like the terms were. */
static struct err unite_dictionaries(struct columns *c, uint32_t index,
                                     struct part_file_column *out) {
    struct part_merging *x = c->x;
    AUTO(part_free) struct entry *next = calloc(x->n, sizeof *next);
    if (!next) return ERR(ERR_NOMEM, "part: dictionary");
    for (uint32_t i = 0; i < x->n; i++) {
        struct window *w = &c->windows[i];
        next[i].term = PART_NONE;
        if (w->column < 0) continue;
        w->code_out =
            calloc((size_t)w->p->columns[w->column].info.dictionary_n + 1, sizeof *w->code_out);
        if (!w->code_out) return ERR(ERR_NOMEM, "part: dictionary");
        next_entry(x, i, w->column, &next[i]);
    }
    part_stream_begin(x->stream, SEC_COLUMN_DICT, index);
    for (;;) {
        uint32_t term = PART_NONE;
        for (uint32_t i = 0; i < x->n; i++)
            term = next[i].term < term ? next[i].term : term;
        if (term == PART_NONE) break;
        out->dictionary++;
        part_stream_put(x->stream, term);
        for (uint32_t i = 0; i < x->n; i++) {
            if (next[i].term != term) continue;
            c->windows[i].code_out[next[i].code] = out->dictionary;
            next_entry(x, i, c->windows[i].column, &next[i]);
        }
    }
    part_stream_end(x->stream);
    return ERR_NONE;
}

static struct part_number_form join_forms(const struct columns *c) {
    struct part_number_form f = {0};
    double magnitude = 0;
    bool first = true;
    for (uint32_t i = 0; i < c->x->n; i++) {
        const struct window *w = &c->windows[i];
        if (w->column < 0) continue;
        const struct part_column *column = &w->p->columns[w->column];
        magnitude = fmax(magnitude, fmax(fabs(column->info.min), fabs(column->info.max)));
        f = first ? column->form : part_number_form_join(f, column->form, magnitude);
        first = false;
    }
    return part_number_form_join(f, f, magnitude);
}

struct writing {
    struct part_file_column *column;
    struct part_number_form form;
    uint64_t row; /* of the output */
};

/* Maps n values into c->batch.u64. */
static void map_codes(struct columns *c, const struct window *w, const uint32_t *codes, uint32_t n,
                      struct writing *out) {
    uint32_t present = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t code = w->code_out[codes[i]];
        c->batch.u64[i] = code;
        present += code != 0;
    }
    out->column->present += present;
}

static void map_numbers(struct columns *c, const double *v, uint32_t n, struct writing *out) {
    struct part_file_column *column = out->column;
    for (uint32_t i = 0; i < n; i++) {
        c->batch.u64[i] = part_number_encode(out->form, v[i]);
        if (isnan(v[i])) continue;
        column->min = column->present == 0 || v[i] < column->min ? v[i] : column->min;
        column->max = column->present == 0 || v[i] > column->max ? v[i] : column->max;
        column->present++;
    }
}

static struct err keep_sparse(struct columns *c, uint64_t row, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (c->batch.u64[i] == 0) continue;
        if (c->sparse_n == c->sparse_cap) {
            size_t cap = c->sparse_cap ? c->sparse_cap * 2 : 1024;
            void *rows = realloc(c->sparse_rows, cap * sizeof *c->sparse_rows);
            if (rows) c->sparse_rows = rows;
            void *values = rows ? realloc(c->sparse_values, cap * sizeof *c->sparse_values) : NULL;
            if (!values) return ERR(ERR_NOMEM, "part: sparse column");
            c->sparse_values = values;
            c->sparse_cap = cap;
        }
        c->sparse_rows[c->sparse_n] = (uint32_t)(row + i);
        c->sparse_values[c->sparse_n++] = c->batch.u64[i];
    }
    return ERR_NONE;
}

/* One run's values to the stream, or to the sparse list. */
static struct err write_run(struct columns *c, const struct part_run *run, struct writing *out) {
    struct window *w = &c->windows[run->source];
    bool sparse = out->column->layout == PART_SPARSE_ROWS;
    for (uint32_t done = 0, at, n; done < run->n; done += n, out->row += n) {
        const union values *v = window_read(w, run, done, &at, &n);
        if (!v && sparse) continue;
        if (!v)
            memset(c->batch.u64, 0, n * sizeof *c->batch.u64);
        else if (w->what == READ_CODES)
            map_codes(c, w, v->u32 + at, n, out);
        else
            map_numbers(c, v->f64 + at, n, out);
        if (sparse)
            TRY(keep_sparse(c, out->row, n));
        else
            part_stream_put64(c->x->stream, c->batch.u64, n);
    }
    return ERR_NONE;
}

static struct err write_values(struct columns *c, uint32_t index, struct writing *out) {
    struct part_merging *x = c->x;
    bool sparse = out->column->layout == PART_SPARSE_ROWS;
    c->sparse_n = 0;
    if (!sparse) part_stream_begin(x->stream, SEC_COLUMN_VALUES, index);
    for (size_t r = 0; r < x->runs_n; r++)
        TRY(write_run(c, &x->runs[r], out));
    if (!sparse) {
        part_stream_end(x->stream);
        return ERR_NONE;
    }
    part_stream_begin(x->stream, SEC_COLUMN_ROWS, index);
    part_stream_put32(x->stream, c->sparse_rows, c->sparse_n);
    part_stream_end(x->stream);
    part_stream_begin(x->stream, SEC_COLUMN_VALUES, index);
    part_stream_put64(x->stream, c->sparse_values, c->sparse_n);
    part_stream_end(x->stream);
    return ERR_NONE;
}

/* Opens the windows on one output column and finds the term of its name. */
static uint32_t open_column(struct columns *c, const struct part_output_column *o) {
    uint32_t term = PART_NONE;
    open_windows(c, o->class == PART_CODE ? READ_CODES : READ_NUMBERS);
    for (uint32_t i = 0; i < c->x->n; i++) {
        struct window *w = &c->windows[i];
        int column = part_find_column(w->p, o->property, o->class);
        if (column < 0 || c->x->sources[i].columns[column].present == 0) continue;
        w->column = column;
        if (term == PART_NONE)
            term = c->x->sources[i].term_out[w->p->columns[column].property_term];
    }
    return term;
}

static void close_column(struct columns *c) {
    for (uint32_t i = 0; i < c->x->n; i++) {
        free(c->windows[i].code_out);
        c->windows[i].code_out = NULL;
    }
}

static struct err write_column(struct columns *c, uint32_t index, struct part_file_column *out) {
    struct part_merging *x = c->x;
    const struct part_output_column *o = &x->columns[index];
    *out = (struct part_file_column){.class = (uint8_t)o->class};
    out->property_term = open_column(c, o);
    out->layout = o->present * 128 < x->info.rows ? PART_SPARSE_ROWS : PART_DENSE;
    struct writing writing = {.column = out};
    if (o->class == PART_CODE) {
        TRY(unite_dictionaries(c, index, out));
    } else {
        writing.form = join_forms(c);
        out->number_kind = writing.form.kind;
        out->scale = writing.form.scale;
        out->base = writing.form.base;
    }
    TRY(write_values(c, index, &writing));
    if (out->present != o->present || out->property_term == PART_NONE)
        return ERR(ERR_CORRUPT, "part: column");
    return x->out.err;
}

static struct err write_columns(struct columns *c) {
    struct part_merging *x = c->x;
    AUTO(part_free)
    struct part_file_column *records = calloc((size_t)x->info.columns + 1, sizeof *records);
    if (!records) return ERR(ERR_NOMEM, "part: columns");
    struct err e = ERR_NONE;
    for (uint32_t i = 0; i < x->info.columns && e.code == ERR_OK; i++) {
        e = write_column(c, i, &records[i]);
        close_column(c);
    }
    part_out_raw(&x->out, SEC_COLUMNS, records, (size_t)x->info.columns * sizeof *records);
    return e;
}

static struct err write_all(struct columns *c) {
    part_out_raw(&c->x->out, SEC_PERSONS, c->x->persons,
                 (size_t)c->x->info.persons * sizeof *c->x->persons);
    part_out_raw(&c->x->out, SEC_STARTS, c->x->starts,
                 ((size_t)c->x->info.persons + 1) * sizeof *c->x->starts);
    write_times(c);
    write_inserts(c, SEC_INSERT_LOW);
    write_inserts(c, SEC_INSERT_HIGH);
    TRY(write_events(c));
    return write_columns(c);
}

struct err part_merge_columns(struct part_merging *x) {
    struct columns *c = calloc(1, sizeof *c);
    if (!c) return ERR(ERR_NOMEM, "part: columns");
    c->x = x;
    c->windows = calloc(x->n, sizeof *c->windows);
    struct err e = c->windows ? ERR_NONE : ERR(ERR_NOMEM, "part: columns");
    for (uint32_t i = 0; c->windows && i < x->n; i++)
        c->windows[i].p = x->sources[i].p;
    if (e.code == ERR_OK) e = write_all(c);
    free(c->windows);
    free(c->sparse_rows);
    free(c->sparse_values);
    free(c);
    return e;
}
