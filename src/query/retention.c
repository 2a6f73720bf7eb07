/* retention.c: cohorts by the interval of the start event, and in which of the intervals after it
 * its people came back. Intervals lie beyond the range by the periods asked for; they are one list
 * of starts, so a cohort's interval n is entry cohort + n. */
#include "query/run.h"

#define MAX_CELLS 4000000
#define START 0
#define RETURN 1

struct retention {
    int64_t *starts; /* [range.n + periods + 2] */
    uint32_t n_starts;
    uint64_t *size;  /* [range.n] */
    uint64_t *cells; /* [range.n][periods + 1]: on: people; on_or_after: people whose last interval
                        it is */
};

/* Buckets of marks are the intervals, after one for all that was before where that matters. */
static void plan_marks(struct run *r) {
    const struct range *g = &r->range;
    uint32_t before = r->q->first_ever ? 1 : 0, n = g->n + r->q->periods + before;
    if (n > MARKS_MAX_BUCKETS || g->from_us != g->starts[0] || g->to_us != g->starts[g->n]) return;
    int64_t at = g->starts[0];
    if (before) r->mark_bounds[0] = INT64_MIN;
    for (uint32_t i = before; i < n; i++) {
        r->mark_bounds[i] = at;
        at = range_next(r->w->zone, r->q->interval, at);
    }
    r->mark_bounds[n] = at;
    r->marks_n = at == r->hi_us ? n : 0;
}

static struct err plan(struct run *r) {
    const struct query *q = r->q;
    TRY(range_buckets(&r->range, q->interval, r->arena, r->fault));
    if ((uint64_t)r->range.n * (q->periods + 1) > MAX_CELLS) {
        struct err e = run_fault(r, ERR_INVALID, "periods",
                                 "too many intervals times periods: choose a longer interval");
        r->fault->status = 413;
        r->fault->code = "too_large";
        return e;
    }
    run_add_selector(r, &q->start);
    if (!q->start.any) r->must = UINT64_C(1) << START;
    run_add_selector(r, &q->back);
    int64_t at = r->range.starts[r->range.n];
    for (uint32_t i = 0; i < q->periods; i++)
        at = range_next(r->w->zone, q->interval, at);
    r->hi_us = at;
    if (q->first_ever) r->lo_us = INT64_MIN;
    plan_marks(r);
    return ERR_NONE;
}

static struct err init(struct worker *w) {
    const struct range *r = &w->run->range;
    uint32_t periods = w->run->q->periods;
    struct retention *s = arena_alloc(w->arena, sizeof *s);
    w->state = s;
    if (!s) return ERR(ERR_NOMEM, "query: retention");
    s->n_starts = r->n + periods + 1;
    s->starts = arena_array(w->arena, s->n_starts, sizeof *s->starts);
    s->size = arena_array(w->arena, r->n, sizeof *s->size);
    s->cells = arena_array(w->arena, (size_t)r->n * (periods + 1), sizeof *s->cells);
    if (!s->starts || !s->size || !s->cells) return ERR(ERR_NOMEM, "query: retention");
    memcpy(s->starts, r->starts, (r->n + 1) * sizeof *s->starts);
    for (uint32_t i = r->n + 1; i < s->n_starts; i++)
        s->starts[i] = range_next(r->zone, r->interval, s->starts[i - 1]);
    return ERR_NONE;
}

/* The event that puts the person into a cohort, or NULL. */
static const struct hit *start_of(const struct run *r, const struct hit *hits, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        const struct hit *h = &hits[i];
        if (!(h->sel >> START & 1)) continue;
        if (h->t >= r->range.from_us) return h->t < r->range.to_us ? h : NULL;
        if (r->q->first_ever) return NULL;
    }
    return NULL;
}

static struct err person(struct worker *w, const struct hit *hits, uint32_t n) {
    struct retention *s = w->state;
    uint32_t periods = w->run->q->periods;
    const struct hit *start = start_of(w->run, hits, n);
    if (!start) return ERR_NONE;
    uint32_t cohort = range_bucket(&w->run->range, start->t, 0), at = cohort;
    uint64_t *cells = s->cells + (size_t)cohort * (periods + 1);
    bool counted = false;        /* interval `at` has the person */
    int64_t next = start->t + 1; /* events before it change nothing */
    s->size[cohort]++;
    for (const struct hit *h = start + 1; h < hits + n; h++) {
        if (h->t < next || !(h->sel >> RETURN & 1)) continue;
        uint32_t was = at;
        while (at + 1 < s->n_starts && s->starts[at + 1] <= h->t)
            at++;
        if (at - cohort > periods) break;
        if (counted && w->run->q->on_or_after)
            cells[was - cohort]--; /* only the last one is kept */
        cells[at - cohort]++;
        counted = true;
        if (at + 1 == s->n_starts) break;
        next = s->starts[at + 1];
    }
    return ERR_NONE;
}

static void marked(struct worker *w, const struct marks *m) {
    struct retention *s = w->state;
    const struct query *q = w->run->q;
    uint32_t before = q->first_ever ? 1 : 0;
    if (!m->all[START] || (before && m->all[START] & 1)) return;
    uint32_t first = (uint32_t)__builtin_ctzll(m->all[START]), cohort = first - before;
    if (cohort >= w->run->range.n) return;
    uint64_t *cells = s->cells + (size_t)cohort * (q->periods + 1);
    uint64_t back = m->after >> first;
    if (q->periods < 63) back &= (UINT64_C(2) << q->periods) - 1;
    s->size[cohort]++;
    if (q->on_or_after && back) back = UINT64_C(1) << (63 - __builtin_clzll(back));
    for (; back; back &= back - 1)
        cells[__builtin_ctzll(back)]++;
}

static struct err merge(struct worker *into, const struct worker *from) {
    struct retention *a = into->state;
    const struct retention *b = from->state;
    size_t n = into->run->range.n, cells = n * (into->run->q->periods + 1);
    for (size_t i = 0; i < n; i++)
        a->size[i] += b->size[i];
    for (size_t i = 0; i < cells; i++)
        a->cells[i] += b->cells[i];
    return ERR_NONE;
}

static void write_cohort(struct worker *w, struct jout *j, uint32_t cohort) {
    struct retention *s = w->state;
    const struct query *q = w->run->q;
    uint64_t *cells = s->cells + (size_t)cohort * (q->periods + 1);
    char label[32];
    for (uint32_t n = q->periods; q->on_or_after && n-- > 0;)
        cells[n] += cells[n + 1];
    range_label(&w->run->range, s->starts[cohort], label);
    jout_object(j);
    jout_keyz(j, "start");
    jout_strz(j, label);
    jout_keyz(j, "size");
    jout_i64(j, (int64_t)s->size[cohort]);
    jout_keyz(j, "returned");
    jout_array(j);
    for (uint32_t n = 0; n <= q->periods; n++) {
        if (s->starts[cohort + n] > w->run->w->now_us)
            jout_null(j);
        else
            jout_i64(j, (int64_t)cells[n]);
    }
    jout_array_end(j);
    jout_object_end(j);
}

static struct err emit(struct worker *w, struct jout *j) {
    jout_keyz(j, "cohorts");
    jout_array(j);
    for (uint32_t i = 0; i < w->run->range.n; i++)
        write_cohort(w, j, i);
    jout_array_end(j);
    return ERR_NONE;
}

const struct report query_retention = {.name = "retention",
                                       .plan = plan,
                                       .init = init,
                                       .person = person,
                                       .marked = marked,
                                       .merge = merge,
                                       .emit = emit};
