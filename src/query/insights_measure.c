/* insights_measure.c: what each measure keeps of an event, and the value that it gives in the end.
 *
 *   total, sessions           a count per bucket
 *   unique                    a count of first events of a person in a bucket; slices hold whole
 * people, so counts add up dau wau mau               an event counts its person in every bucket
 * whose trailing days hold it. Those are a stretch of buckets that only moves forward with time, so
 * each event adds what is new of it, as a difference
 *                             (+1 at its first bucket, -1 behind its last) that measure_finish sums
 * up sum average min max       a number per bucket percentiles               all values, sorted in
 * the end distinct                  a set of (row, bucket, value) per_user                  a
 * person's values are kept until the person is done; then the measure is taken of them by bucket
 *                             and for the whole range, and its average over people is an ordinary
 * average
 */
#include <math.h>
#include <stdlib.h>

#include "query/insights.h"

#define MAX_NUMBERS 256 /* of one event's list */

bool measure_trails(enum plan_measure m) {
    return m == MEASURE_DAU || m == MEASURE_WAU || m == MEASURE_MAU;
}

/* ---- cells ---- */

static void two_sum(struct cell *c, double v) {
    double s = c->hi + v, b = s - c->hi;
    double lost = (c->hi - (s - b)) + (v - b);
    c->hi = s;
    c->lo += lost;
}

void cell_add(struct cell *c, double v) {
    two_sum(c, v);
    c->n++;
}

static double cell_sum(const struct cell *c) {
    double s = c->hi + c->lo;
    return isfinite(s) ? s : c->hi;
}

static void cell_extreme(struct cell *c, double v, bool least) {
    if (c->n == 0 || (least ? v < c->hi : v > c->hi)) c->hi = v;
    c->n++;
}

void cell_merge(const struct plan_metric *m, struct cell *into, const struct cell *from) {
    bool least = m->measure == MEASURE_MIN;
    if (!m->per_user && (least || m->measure == MEASURE_MAX)) {
        if (from->n && (into->n == 0 || (least ? from->hi < into->hi : from->hi > into->hi)))
            into->hi = from->hi;
    } else {
        two_sum(into, from->hi);
        into->lo += from->lo;
    }
    into->n += from->n;
}

/* ---- slots ---- */

struct slot *measure_slot(struct worker *w, struct metric *m, uint32_t row) {
    struct slot *slots = table_grow(w->arena, m->slots, &m->cap, row + 1, sizeof *slots);
    if (!slots) {
        worker_fail(w, ERR(ERR_NOMEM, "query: rows"));
        return NULL;
    }
    m->slots = slots;
    if (row >= m->n) m->n = row + 1;
    return &slots[row];
}

struct cell *measure_cell(struct worker *w, struct slot *s, uint32_t bucket) {
    if (!s->buckets && !w->run->ranking) {
        s->buckets = arena_array(w->arena, (size_t)w->run->range.n + 1, sizeof *s->buckets);
        if (!s->buckets) worker_fail(w, ERR(ERR_NOMEM, "query: buckets"));
    }
    return s->buckets ? &s->buckets[bucket] : NULL;
}

/* ---- adding ---- */

/* The person's first event in this bucket, and at all. */
static void add_unique(struct worker *w, struct slot *s, uint32_t bucket) {
    if (s->serial != w->serial) {
        s->serial = w->serial;
        s->reached = 0;
        s->whole.n++;
    }
    if (bucket < s->reached) return;
    s->reached = bucket + 1;
    struct cell *c = measure_cell(w, s, bucket);
    if (c) c->n++;
}

static void add_trailing(struct worker *w, struct slot *s, int64_t t, const int64_t *from) {
    const struct range *r = &w->run->range;
    const struct insights *i = w->state;
    uint32_t n = r->n;
    if (s->serial != w->serial) {
        s->serial = w->serial;
        s->reached = 0;
        s->in_whole = false;
    }
    if (!s->in_whole && t >= r->from_us && t < r->to_us) {
        s->in_whole = true;
        s->whole.n++;
    }
    uint32_t low = s->reached, high;
    while (low < n && i->ends[low] <= t)
        low++;
    for (high = low; high < n && from[high] <= t;)
        high++;
    if (low >= high) return;
    s->reached = high;
    struct cell *first = measure_cell(w, s, low), *behind = measure_cell(w, s, high);
    if (first) first->n++;
    if (behind) behind->n--;
}

static void add_sample(struct worker *w, struct slot *s, uint32_t bucket, double v) {
    struct sample *samples =
        table_grow(w->arena, s->samples, &s->cap_samples, s->n_samples + 1, sizeof *samples);
    if (!samples) {
        worker_fail(w, ERR(ERR_NOMEM, "query: samples"));
        return;
    }
    s->samples = samples;
    samples[s->n_samples++] = (struct sample){v, bucket};
}

static void add_number(struct worker *w, const struct metric *m, struct slot *s, uint32_t bucket,
                       double v) {
    if (m->plan->measure == MEASURE_PERCENTILE) {
        add_sample(w, s, bucket, v);
        return;
    }
    struct cell *c = measure_cell(w, s, bucket);
    bool extreme = m->plan->measure == MEASURE_MIN || m->plan->measure == MEASURE_MAX;
    for (int k = 0; k < 2; k++) {
        struct cell *x = k ? &s->whole : c;
        if (!x) continue;
        if (extreme)
            cell_extreme(x, v, m->plan->measure == MEASURE_MIN);
        else
            cell_add(x, v);
    }
}

static void add_count(struct worker *w, struct slot *s, uint32_t bucket) {
    struct cell *c = measure_cell(w, s, bucket);
    if (c) c->n++;
    s->whole.n++;
}

static void add_distinct(struct worker *w, struct metric *m, uint32_t row, uint32_t bucket,
                         uint32_t value) {
    uint32_t key[3] = {row, bucket, value};
    bool is_new;
    if (table_put(&m->seen, key, &is_new) == TABLE_NONE)
        worker_fail(w, ERR(ERR_NOMEM, "query: distinct"));
    struct slot *s = is_new ? measure_slot(w, m, row) : NULL;
    struct cell *c = !s ? NULL : bucket == WHOLE ? &s->whole : measure_cell(w, s, bucket);
    if (c) c->n++;
}

static void own(struct worker *w, struct metric *m, uint32_t row, uint32_t bucket, double v) {
    struct owned *o = table_grow(w->arena, m->owned, &m->cap_owned, m->n_owned + 1, sizeof *o);
    if (!o) {
        worker_fail(w, ERR(ERR_NOMEM, "query: values of a person"));
        return;
    }
    m->owned = o;
    o[m->n_owned++] = (struct owned){row, bucket, v};
}

static uint32_t values_of(struct worker *w, const struct metric *m, const struct hit *h,
                          double *out) {
    if (m->plan->measure != MEASURE_DISTINCT)
        return m->plan->has_ref ? dim_numbers(w, m->ref, h, out, MAX_NUMBERS) : 0;
    struct idset ids = dim_ids(w, m->dim, h);
    uint32_t n = 0;
    for (uint32_t i = 0; i < ids.n && n < MAX_NUMBERS; i++) {
        if (ids.ids[i]) out[n++] = ids.ids[i];
    }
    return n;
}

/* per_user: a session that goes on, or an event without a value, still makes its person one of
 * those averaged over. */
static void add_owned(struct worker *w, struct metric *m, const struct hit *h, uint32_t row,
                      uint32_t bucket) {
    double v[MAX_NUMBERS];
    uint32_t n = values_of(w, m, h, v);
    for (uint32_t i = 0; i < n; i++)
        own(w, m, row, bucket, v[i]);
    if (n) return;
    bool counts =
        m->plan->measure == MEASURE_TOTAL || (m->plan->measure == MEASURE_SESSIONS && m->starts);
    own(w, m, row, bucket, counts ? 1 : (double)NAN);
}

static void add_one(struct worker *w, struct metric *m, const struct hit *h, uint32_t row,
                    uint32_t bucket) {
    struct insights *s = w->state;
    struct slot *slot = measure_slot(w, m, row);
    double v[MAX_NUMBERS];
    uint32_t n = 0;
    if (!slot) return;
    switch (m->plan->measure) {
    case MEASURE_TOTAL:
    case MEASURE_SESSIONS:
        add_count(w, slot, bucket);
        return;
    case MEASURE_UNIQUE:
        add_unique(w, slot, bucket);
        return;
    case MEASURE_DAU:
    case MEASURE_WAU:
    case MEASURE_MAU:
        add_trailing(w, slot, h->t,
                     s->trail + (size_t)(m->plan->measure - MEASURE_DAU) * w->run->range.n);
        return;
    case MEASURE_SUM:
    case MEASURE_AVERAGE:
    case MEASURE_MIN:
    case MEASURE_MAX:
    case MEASURE_PERCENTILE:
        n = values_of(w, m, h, v);
        for (uint32_t i = 0; i < n; i++)
            add_number(w, m, slot, bucket, v[i]);
        return;
    case MEASURE_DISTINCT:
        n = values_of(w, m, h, v);
        for (uint32_t i = 0; i < n; i++) {
            if (!w->run->ranking) add_distinct(w, m, row, bucket, (uint32_t)v[i]);
            add_distinct(w, m, row, WHOLE, (uint32_t)v[i]);
        }
        return;
    }
}

/* Many questions are just this: a count of events or of people, without a breakdown. One loop over
 * the person's hits, with the bucket moving on. */
bool measure_is_plain(const struct run *r) {
    const struct plan_metric *m = r->q->metrics;
    return r->q->n_metrics == 1 && r->q->n_breakdown == 0 && !m->per_user &&
           (m->measure == MEASURE_TOTAL || m->measure == MEASURE_UNIQUE);
}

struct err measure_plain(struct worker *w, const struct hit *hits, uint32_t n) {
    const struct range *r = &w->run->range;
    struct metric *m = &((struct insights *)w->state)->metrics[0];
    struct slot *s = measure_slot(w, m, 0);
    if (!s || !measure_cell(w, s, 0)) return w->error;
    bool people = m->plan->measure == MEASURE_UNIQUE;
    uint32_t bucket = 0, last = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        int64_t t = hits[i].t;
        if (t < r->from_us || t >= r->to_us) continue;
        if (t < r->starts[bucket] || t >= r->starts[bucket + 1])
            bucket = range_bucket(r, t, bucket);
        if (people && bucket == last) continue;
        s->buckets[bucket].n++;
        s->whole.n += !people || last == UINT32_MAX;
        last = bucket;
        if (people && bucket + 1 == r->n) break;
    }
    return w->error;
}

/* The same of a person's buckets. */
void measure_marked(struct worker *w, const struct marks *m) {
    struct slot *s = measure_slot(w, &((struct insights *)w->state)->metrics[0], 0);
    if (!s || !measure_cell(w, s, 0)) return;
    s->whole.n++;
    for (uint64_t left = m->all[0]; left; left &= left - 1)
        s->buckets[__builtin_ctzll(left)].n++;
}

void measure_add(struct worker *w, uint32_t m, const struct hit *h, struct idset g) {
    struct metric *metric = &((struct insights *)w->state)->metrics[m];
    const struct range *r = &w->run->range;
    bool inside = h->t >= r->from_us && h->t < r->to_us;
    if (inside) metric->bucket = range_bucket(r, h->t, metric->bucket);
    for (uint32_t i = 0; i < g.n; i++) {
        if (metric->plan->per_user)
            add_owned(w, metric, h, g.ids[i], metric->bucket);
        else
            add_one(w, metric, h, g.ids[i], metric->bucket);
    }
}

/* ---- per_user ---- */

static int cmp_owned(const void *a, const void *b) {
    const struct owned *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->bucket > y->bucket) - (x->bucket < y->bucket);
}

static int cmp_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Lower nearest rank: the least value that at least `percent` of a hundred are not above. */
static double percentile(const double *sorted, size_t n, unsigned percent) {
    size_t at = (n * percent + 99) / 100;
    return n ? sorted[at ? at - 1 : 0] : 0;
}

/* The measure of one person's values; `v` is sorted. */
static double of_person(const struct plan_metric *p, const double *v, size_t n) {
    struct cell sum = {0};
    size_t distinct = 0;
    if (n == 0) return 0;
    for (size_t i = 0; i < n; i++) {
        cell_add(&sum, v[i]);
        distinct += i == 0 || v[i] != v[i - 1];
    }
    switch (p->measure) {
    case MEASURE_AVERAGE:
        return cell_sum(&sum) / (double)n;
    case MEASURE_MIN:
        return v[0];
    case MEASURE_MAX:
        return v[n - 1];
    case MEASURE_PERCENTILE:
        return percentile(v, n, p->percent);
    case MEASURE_DISTINCT:
        return (double)distinct;
    case MEASURE_TOTAL:
    case MEASURE_SESSIONS:
    case MEASURE_SUM:
    case MEASURE_UNIQUE:
    case MEASURE_DAU:
    case MEASURE_WAU:
    case MEASURE_MAU:
        break;
    }
    return cell_sum(&sum);
}

static double fold_owned(struct worker *w, struct metric *m, uint32_t from, uint32_t to) {
    double *v = (double *)table_grow(w->arena, w->doubles, &w->doubles_cap, to - from, sizeof *v);
    size_t n = 0;
    if (!v) {
        worker_fail(w, ERR(ERR_NOMEM, "query: values of a person"));
        return 0;
    }
    w->doubles = v;
    for (uint32_t i = from; i < to; i++) {
        if (!isnan(m->owned[i].v)) v[n++] = m->owned[i].v;
    }
    if (n) qsort(v, n, sizeof *v, cmp_doubles);
    return of_person(m->plan, v, n);
}

void measure_person(struct worker *w, uint32_t i) {
    struct metric *m = &((struct insights *)w->state)->metrics[i];
    if (m->n_owned == 0) return;
    qsort(m->owned, m->n_owned, sizeof *m->owned, cmp_owned);
    for (uint32_t from = 0, to; from < m->n_owned; from = to) {
        struct slot *s = measure_slot(w, m, m->owned[from].row);
        if (!s) return;
        for (to = from; to < m->n_owned && m->owned[to].row == m->owned[from].row;) {
            uint32_t at = to;
            while (to < m->n_owned && m->owned[to].row == m->owned[at].row &&
                   m->owned[to].bucket == m->owned[at].bucket)
                to++;
            struct cell *c = measure_cell(w, s, m->owned[at].bucket);
            if (c) cell_add(c, fold_owned(w, m, at, to));
        }
        cell_add(&s->whole, fold_owned(w, m, from, to));
    }
    m->n_owned = 0;
}

/* ---- values ---- */

static int cmp_samples(const void *a, const void *b) {
    const struct sample *x = a, *y = b;
    if (x->bucket != y->bucket) return x->bucket < y->bucket ? -1 : 1;
    return (x->v > y->v) - (x->v < y->v);
}

/* Puts the percentile of every bucket and of the whole into the cells. */
static void finish_samples(struct worker *w, const struct metric *m, struct slot *s) {
    double *v =
        (double *)table_grow(w->arena, w->doubles, &w->doubles_cap, s->n_samples, sizeof *v);
    if (!v) {
        worker_fail(w, ERR(ERR_NOMEM, "query: samples"));
        return;
    }
    w->doubles = v;
    qsort(s->samples, s->n_samples, sizeof *s->samples, cmp_samples);
    for (uint32_t i = 0; i < s->n_samples; i++)
        v[i] = s->samples[i].v;
    for (uint32_t from = 0, to; from < s->n_samples; from = to) {
        for (to = from; to < s->n_samples && s->samples[to].bucket == s->samples[from].bucket;)
            to++;
        struct cell *c = measure_cell(w, s, s->samples[from].bucket);
        if (c) c->hi = percentile(v + from, to - from, m->plan->percent);
    }
    qsort(v, s->n_samples, sizeof *v, cmp_doubles);
    s->whole.hi = percentile(v, s->n_samples, m->plan->percent);
}

void measure_finish(struct worker *w, uint32_t i) {
    struct metric *m = &((struct insights *)w->state)->metrics[i];
    if (m->finished || m->plan->per_user) return;
    m->finished = true;
    for (uint32_t row = 0; row < m->n; row++) {
        struct slot *s = &m->slots[row];
        if (m->plan->measure == MEASURE_PERCENTILE && s->n_samples) finish_samples(w, m, s);
        for (uint32_t b = 1; measure_trails(m->plan->measure) && s->buckets && b < w->run->range.n;
             b++)
            s->buckets[b].n += s->buckets[b - 1].n;
    }
}

double measure_value(struct worker *w, uint32_t i, uint32_t row, uint32_t bucket) {
    const struct metric *m = &((const struct insights *)w->state)->metrics[i];
    if (row >= m->n) return 0;
    const struct slot *s = &m->slots[row];
    const struct cell *c = bucket == WHOLE ? &s->whole : s->buckets ? &s->buckets[bucket] : NULL;
    if (!c) return 0;
    if (m->plan->per_user) return c->n ? cell_sum(c) / (double)c->n : 0;
    switch (m->plan->measure) {
    case MEASURE_TOTAL:
    case MEASURE_SESSIONS:
    case MEASURE_UNIQUE:
    case MEASURE_DAU:
    case MEASURE_WAU:
    case MEASURE_MAU:
    case MEASURE_DISTINCT:
        return (double)c->n;
    case MEASURE_SUM:
        return cell_sum(c);
    case MEASURE_AVERAGE:
        return c->n ? cell_sum(c) / (double)c->n : 0;
    case MEASURE_MIN:
    case MEASURE_MAX:
    case MEASURE_PERCENTILE:
        break;
    }
    return c->hi;
}
