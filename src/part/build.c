/* build.c: a builder's rows as a part. The builder is left as it was, so that more can be added and
 * built again. */
#include "part/builder.h"

static void done(struct part_build *x) {
    part_out_done(&x->out);
    part_stream_out_free(x->stream);
    free(x->person);
    free(x->order);
    free(x->starts);
    free(x->place);
    free(x->stamp);
    free(x->code);
    free(x->rank);
    free(x->sorted);
    free(x->distinct);
    free(x->distinct_at);
    free(x->present);
}

static void done_auto(struct part_build *x) {
    done(x);
}

static void write_persons(struct part_build *x) {
    part_out_begin(&x->out, SEC_PERSONS, 0);
    for (uint32_t i = 0; i < x->info.persons; i++)
        part_out_put(&x->out, &x->b->persons.ids[x->person[i]], sizeof(struct id128));
    part_out_end(&x->out);
    part_out_raw(&x->out, SEC_STARTS, x->starts, ((size_t)x->info.persons + 1) * sizeof *x->starts);
}

static void write_times(struct part_build *x) {
    const int64_t *times = x->b->row_time;
    int64_t min = times[x->order[0]], max = min;
    bool whole = true;
    for (uint32_t i = 0; i < x->info.rows; i++) {
        int64_t t = times[x->order[i]];
        min = t < min ? t : min;
        max = t > max ? t : max;
        whole = whole && t % 1000 == 0;
    }
    x->info.min_time_us = x->info.time_base_us = min;
    x->info.max_time_us = max;
    x->info.time_unit_us = whole ? 1000 : 1;
    part_stream_begin(x->stream, SEC_TIMES, 0);
    for (uint32_t i = 0; i < x->info.rows; i++)
        part_stream_put(x->stream,
                        ((uint64_t)times[x->order[i]] - (uint64_t)min) / x->info.time_unit_us);
    part_stream_end(x->stream);
}

static void write_inserts(struct part_build *x) {
    const uint64_t *inserts = x->b->row_insert;
    part_stream_begin(x->stream, SEC_INSERT_LOW, 0);
    for (uint32_t i = 0; i < x->info.rows; i++)
        part_stream_put(x->stream, (uint32_t)inserts[x->order[i]]);
    part_stream_end(x->stream);
    part_stream_begin(x->stream, SEC_INSERT_HIGH, 0);
    for (uint32_t i = 0; i < x->info.rows; i++)
        part_stream_put(x->stream, inserts[x->order[i]] >> 32);
    part_stream_end(x->stream);
}

/* The event names in use, in order of hash: x->code[term] = code. rows: per code. */
static struct err number_events(struct part_build *x, uint64_t **out_rows) {
    const uint32_t *events = x->b->row_event;
    uint64_t *rows = calloc((size_t)x->info.terms + 1, sizeof *rows);
    if (!rows) return ERR(ERR_NOMEM, "part: events");
    for (uint32_t i = 0; i < x->info.rows; i++)
        rows[x->rank[events[x->order[i]]]]++;
    uint32_t n = 0;
    part_stream_begin(x->stream, SEC_EVENT_TERMS, 0);
    for (uint32_t r = 0; r < x->info.terms; r++) {
        if (rows[r] == 0) continue;
        part_stream_put(x->stream, r);
        rows[n++] = rows[r];
        x->code[x->sorted[r]] = n;
    }
    part_stream_end(x->stream);
    x->info.events = n;
    x->info.event_width = n <= UINT8_MAX ? 1 : n <= UINT16_MAX ? 2 : 4;
    *out_rows = rows;
    return ERR_NONE;
}

static struct err write_events(struct part_build *x) {
    AUTO(part_free) uint64_t *rows = NULL;
    TRY(number_events(x, &rows));
    part_out_raw(&x->out, SEC_EVENT_ROWS, rows, (size_t)x->info.events * sizeof *rows);
    uint8_t piece[4096];
    uint32_t width = x->info.event_width, used = 0;
    part_out_begin(&x->out, SEC_EVENT_CODES, 0);
    for (uint32_t i = 0; i < x->info.rows; i++) {
        memcpy(piece + used, &x->code[x->b->row_event[x->order[i]]], width);
        used += width;
        if (used < sizeof piece && i + 1 < x->info.rows) continue;
        part_out_put(&x->out, piece, used);
        used = 0;
    }
    part_out_end(&x->out);
    return ERR_NONE;
}

struct err part_build(struct part_builder *b, uint64_t seq_lo, uint64_t seq_hi, struct part **out) {
    TRY(b->failed);
    if (b->rows == 0) {
        *out = NULL;
        return ERR_NONE;
    }
    AUTO(done) struct part_build x = {.b = b, .out.fd = -1};
    x.info.project = b->project;
    x.info.seq_lo = seq_lo;
    x.info.seq_hi = seq_hi;
    TRY(part_build_order(&x));
    TRY(part_build_terms(&x));
    TRY(part_out_open(NULL, b->project, &x.out));
    x.stream = part_stream_out_new(&x.out);
    if (!x.stream) return ERR(ERR_NOMEM, "part: build");
    write_persons(&x);
    write_times(&x);
    write_inserts(&x);
    TRY(write_events(&x));
    part_build_write_terms(&x);
    TRY(part_build_write_columns(&x));
    return part_out_finish(&x.out, &x.info, out);
}
