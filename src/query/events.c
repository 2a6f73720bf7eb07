/* events.c: the stream of events, newest first: each worker keeps the newest `limit` rows, cutting
 * its list when it has grown to twice that; the rows themselves are read only for what is shown. */
#include <stdlib.h>

#include "query/row.h"

#define ROW_WINDOW 16

struct stream_row {
    int64_t t;
    struct id128 person;
    uint32_t row;
    uint16_t part;
};
struct stream {
    struct stream_row *rows;
    uint32_t n, cap;
};

static struct err plan(struct run *r) {
    run_add_selector(r, &r->q->stream);
    if (!r->q->has_person) return ERR_NONE;
    r->has_only = true;
    return person_find(r, r->q->person, &r->only);
}

static struct err init(struct worker *w) {
    w->state = arena_alloc(w->arena, sizeof(struct stream));
    return w->state ? ERR_NONE : ERR(ERR_NOMEM, "query: events");
}

static int newest_first(const void *a, const void *b) {
    const struct stream_row *x = a, *y = b;
    if (x->t != y->t) return x->t > y->t ? -1 : 1;
    if (x->part != y->part) return x->part > y->part ? -1 : 1;
    return (x->row < y->row) - (x->row > y->row);
}

static void cut(struct stream *s, uint32_t limit) {
    if (s->n > 1) qsort(s->rows, s->n, sizeof *s->rows, newest_first);
    s->n = s->n < limit ? s->n : limit;
}

static struct err add(struct worker *w, const struct stream_row *row) {
    struct stream *s = w->state;
    uint32_t limit = w->run->q->limit;
    struct stream_row *rows = table_grow(w->arena, s->rows, &s->cap, 2 * limit + 2, sizeof *rows);
    if (!rows) return ERR(ERR_NOMEM, "query: events");
    s->rows = rows;
    if (s->n > 2 * limit) cut(s, limit);
    rows[s->n++] = *row;
    return ERR_NONE;
}

static struct err person(struct worker *w, const struct hit *hits, uint32_t n) {
    uint32_t limit = w->run->q->limit;
    for (uint32_t i = n > limit ? n - limit : 0; i < n; i++)
        TRY(add(w, &(struct stream_row){hits[i].t, w->person, hits[i].row, hits[i].part}));
    return ERR_NONE;
}

static struct err merge(struct worker *into, const struct worker *from) {
    const struct stream *s = from->state;
    for (uint32_t i = 0; i < s->n; i++)
        TRY(add(into, &s->rows[i]));
    return ERR_NONE;
}

static struct err write_event(struct worker *w, struct jout *j, const struct stream_row *row,
                              struct row_reader **readers) {
    const struct run *r = w->run;
    const struct part *p = r->parts[row->part].part;
    struct row_reader **rr = &readers[row->part];
    if (!*rr) TRY(row_reader_new(r, p, ROW_WINDOW, w->arena, rr));
    uint32_t code;
    char time[32], hex[32];
    struct id128 handle = seal_handle(r->w->keys, HANDLE_PERSON, row->person);
    str_to_hex(handle.b, 16, hex);
    part_event_codes(p, row->row, 1, &code);
    zone_format(r->w->zone, row->t, time);
    jout_object(j);
    jout_keyz(j, "event");
    value_write_text(r, j, part_event_hash(p, code), TEXT_STRING);
    jout_keyz(j, "time");
    jout_strz(j, time);
    jout_keyz(j, "person");
    jout_str(j, (struct str){hex, sizeof hex});
    jout_keyz(j, "properties");
    jout_object(j);
    TRY(row_write(*rr, row->row, j));
    jout_object_end(j);
    jout_object_end(j);
    return buf_err(j->b);
}

static struct err emit(struct worker *w, struct jout *j) {
    struct stream *s = w->state;
    struct row_reader **readers = arena_array(w->arena, w->run->n_parts, sizeof *readers);
    if (!readers) return ERR(ERR_NOMEM, "query: events");
    cut(s, w->run->q->limit);
    jout_keyz(j, "events");
    jout_array(j);
    for (uint32_t i = 0; i < s->n; i++) {
        if (i % 64 == 0) TRY(run_check(w->run->limits));
        TRY(write_event(w, j, &s->rows[i], readers));
    }
    jout_array_end(j);
    return ERR_NONE;
}

const struct report query_events = {
    .name = "events", .plan = plan, .init = init, .person = person, .merge = merge, .emit = emit};
