/* read.c: rows of a part, by range. Decoded codes are clamped, so that a damaged file can't make a
 * caller index out of its tables. */
#include "part/internal.h"

#include <assert.h>
#include <math.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

const struct part_info *part_info(const struct part *p) {
    return &p->info;
}

const struct id128 *part_persons(const struct part *p) {
    return p->persons;
}

const uint32_t *part_person_starts(const struct part *p) {
    return p->starts;
}

uint32_t part_find_person(const struct part *p, struct id128 id) {
    return (uint32_t)part_id_lower_bound(p->persons, p->file.persons, id);
}

struct id128 part_row_person(const struct part *p, uint32_t row) {
    assert(row < p->file.rows);
    uint32_t low = 0, high = p->file.persons - 1;
    while (low < high) {
        uint32_t mid = low + (high - low + 1) / 2;
        if (p->starts[mid] <= row)
            low = mid;
        else
            high = mid - 1;
    }
    return p->persons[low];
}

void part_times(const struct part *p, uint32_t row, uint32_t n, int64_t *out_us) {
    uint64_t base = (uint64_t)p->file.time_base_us;
    for (uint32_t done = 0; done < n; done += 512) { /* pieces that stay in the nearest cache */
        uint32_t take = n - done < 512 ? n - done : 512;
        uint64_t *v = (uint64_t *)out_us + done;
        part_stream_get64(&p->times, (uint64_t)row + done, take, v);
        if (p->file.time_unit_us == 1)
            for (uint32_t i = 0; i < take; i++)
                v[i] += base;
        else
            for (uint32_t i = 0; i < take; i++)
                v[i] = base + v[i] * 1000;
    }
}

/* A merge may leave the stream's base far below the least time, so ticks count from that. */
static uint64_t first_tick(const struct part *p, uint32_t unit) {
    return ((uint64_t)p->file.min_time_us - (uint64_t)p->file.time_base_us) / unit;
}

struct part_ticks part_ticks_of(const struct part *p) {
    uint32_t unit = p->file.time_unit_us == 1 ? 1 : 1000;
    uint64_t base = (uint64_t)p->file.time_base_us + first_tick(p, unit) * unit;
    uint64_t away = (uint64_t)p->file.max_time_us - base;
    return (struct part_ticks){.base_us = (int64_t)base, .unit_us = unit, .most = away / unit};
}

void part_ticks(const struct part *p, uint32_t row, uint32_t n, uint32_t *out) {
    uint32_t first = (uint32_t)first_tick(p, p->file.time_unit_us == 1 ? 1 : 1000);
    part_stream_get32(&p->times, row, n, out); /* modulo 2^32, as the difference is then */
    for (uint32_t i = 0; i < n; i++)
        out[i] -= first;
}

static void clamp(uint32_t *v, uint32_t n, uint32_t max) {
    for (uint32_t i = 0; i < n; i++)
        v[i] = v[i] <= max ? v[i] : 0;
}

void part_event_codes(const struct part *p, uint32_t row, uint32_t n, uint32_t *out) {
    assert(row <= p->file.rows && n <= p->file.rows - row);
    const uint8_t *codes = p->event_codes + (size_t)row * p->file.event_width;
    if (p->file.event_width == 1) {
        for (uint32_t i = 0; i < n; i++)
            out[i] = codes[i];
    } else if (p->file.event_width == 2) {
        for (uint32_t i = 0; i < n; i++) {
            uint16_t v;
            memcpy(&v, codes + (size_t)i * 2, sizeof v);
            out[i] = v;
        }
    } else {
        memcpy(out, codes, (size_t)n * 4);
    }
    clamp(out, n, p->file.events);
}

const uint8_t *part_event_view(const struct part *p, uint32_t *out_width) {
    *out_width = p->file.event_width;
    return p->event_codes;
}

void part_inserts(const struct part *p, uint32_t row, uint32_t n, uint64_t *out) {
    part_stream_get64(&p->insert_low, row, n, out);
    uint64_t high[256];
    for (uint32_t done = 0; done < n; done += 256) {
        uint32_t take = n - done < 256 ? n - done : 256;
        part_stream_get64(&p->insert_high, (uint64_t)row + done, take, high);
        for (uint32_t i = 0; i < take; i++)
            out[done + i] |= high[i] << 32;
    }
}

int part_find_column(const struct part *p, struct id128 property, enum part_class c) {
    uint32_t low = 0, high = p->file.columns;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        const struct part_column_info *i = &p->columns[mid].info;
        int order = id128_cmp(i->property, property);
        if (order < 0 || (order == 0 && i->class < c))
            low = mid + 1;
        else
            high = mid;
    }
    if (low == p->file.columns) return -1;
    const struct part_column_info *i = &p->columns[low].info;
    return id128_eq(i->property, property) && i->class == c ? (int)low : -1;
}

const struct part_column_info *part_column(const struct part *p, int column) {
    assert(column >= 0 && (uint32_t)column < p->file.columns);
    return &p->columns[column].info;
}

/* One piece of a sparse column's values inside [row, row + n): their positions and where they
 * begin. */
struct piece {
    uint32_t rows[256];
    uint64_t at;
    uint32_t n;
};

static bool next_piece(const struct part_column *c, uint64_t end_row, struct piece *piece) {
    uint64_t at = piece->at + piece->n;
    uint64_t left = c->rows.n - at;
    piece->at = at;
    piece->n = left < 256 ? (uint32_t)left : 256;
    part_stream_get32(&c->rows, at, piece->n, piece->rows);
    uint32_t keep = 0;
    while (keep < piece->n && piece->rows[keep] < end_row)
        keep++;
    piece->n = keep;
    return keep > 0;
}

static void sparse_codes(const struct part_column *c, uint32_t row, uint32_t n, uint32_t *out) {
    memset(out, 0, (size_t)n * sizeof *out);
    struct piece piece = {.at = part_stream_lower_bound(&c->rows, row)};
    while (next_piece(c, (uint64_t)row + n, &piece)) {
        uint32_t v[256];
        part_stream_get32(&c->values, piece.at, piece.n, v);
        for (uint32_t i = 0; i < piece.n; i++)
            if (piece.rows[i] >= row) out[piece.rows[i] - row] = v[i];
    }
}

void part_codes(const struct part *p, int column, uint32_t row, uint32_t n, uint32_t *out) {
    assert(column >= 0 && (uint32_t)column < p->file.columns && row <= p->file.rows &&
           n <= p->file.rows - row);
    const struct part_column *c = &p->columns[column];
    assert(c->info.class == PART_CODE);
    if (c->layout == PART_SPARSE_ROWS)
        sparse_codes(c, row, n, out);
    else
        part_stream_get32(&c->values, row, n, out);
    clamp(out, n, c->info.dictionary_n);
}

static void sparse_numbers(const struct part_column *c, uint32_t row, uint32_t n, double *out) {
    for (uint32_t i = 0; i < n; i++)
        out[i] = NAN;
    struct piece piece = {.at = part_stream_lower_bound(&c->rows, row)};
    while (next_piece(c, (uint64_t)row + n, &piece)) {
        uint64_t raw[256];
        double v[256];
        part_stream_get64(&c->values, piece.at, piece.n, raw);
        part_numbers_decode(c->form, raw, piece.n, v);
        for (uint32_t i = 0; i < piece.n; i++)
            if (piece.rows[i] >= row) out[piece.rows[i] - row] = v[i];
    }
}

void part_numbers(const struct part *p, int column, uint32_t row, uint32_t n, double *out) {
    assert(column >= 0 && (uint32_t)column < p->file.columns && row <= p->file.rows &&
           n <= p->file.rows - row);
    const struct part_column *c = &p->columns[column];
    assert(c->info.class == PART_NUMBER);
    if (c->layout == PART_SPARSE_ROWS) {
        sparse_numbers(c, row, n, out);
        return;
    }
    uint64_t raw[512];
    for (uint32_t done = 0; done < n; done += 512) {
        uint32_t take = n - done < 512 ? n - done : 512;
        part_stream_get64(&c->values, (uint64_t)row + done, take, raw);
        part_numbers_decode(c->form, raw, take, out + done);
    }
}

/* ---- one row ---- */

int64_t part_time_at(const struct part *p, uint32_t row) {
    uint64_t unit = p->file.time_unit_us == 1 ? 1 : 1000;
    return (int64_t)((uint64_t)p->file.time_base_us + part_stream_at(&p->times, row) * unit);
}

/* Where the row's value lies among the column's; false: it has none. */
static bool value_place(const struct part_column *c, uint32_t row, uint64_t *out) {
    *out = row;
    if (c->layout != PART_SPARSE_ROWS) return true;
    *out = part_stream_lower_bound(&c->rows, row);
    return *out < c->rows.n && part_stream_at(&c->rows, *out) == row;
}

uint32_t part_code_at(const struct part *p, int column, uint32_t row) {
    assert(column >= 0 && (uint32_t)column < p->file.columns && row < p->file.rows);
    const struct part_column *c = &p->columns[column];
    assert(c->info.class == PART_CODE);
    uint64_t at;
    if (!value_place(c, row, &at)) return 0;
    uint32_t code = (uint32_t)part_stream_at(&c->values, at);
    return code <= c->info.dictionary_n ? code : 0;
}

bool part_code_run(const struct part *p, int column, uint32_t row, struct part_equal *run) {
    assert(column >= 0 && (uint32_t)column < p->file.columns && row < p->file.rows);
    const struct part_column *c = &p->columns[column];
    if (c->layout == PART_SPARSE_ROWS || !part_stream_run(&c->values, row, run)) return false;
    if (run->code > c->info.dictionary_n) run->code = 0;
    return true;
}

double part_number_at(const struct part *p, int column, uint32_t row) {
    assert(column >= 0 && (uint32_t)column < p->file.columns && row < p->file.rows);
    const struct part_column *c = &p->columns[column];
    assert(c->info.class == PART_NUMBER);
    uint64_t at;
    double v = NAN;
    if (!value_place(c, row, &at)) return v;
    uint64_t raw = part_stream_at(&c->values, at);
    part_numbers_decode(c->form, &raw, 1, &v);
    return v;
}
