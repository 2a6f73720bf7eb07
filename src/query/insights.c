/* insights.c: metrics over buckets of time, by breakdown: init, person, merge, rank, emit. What a
 * measure does with an event is in insights_measure.c. */
#include "query/insights.h"

#include <math.h>

static const int trail_days[] = {1, 7, 30};

/* ---- plan ---- */

/* People by bucket: the buckets of marks are those of the answer, cut at the range's ends. */
static void plan_marks(struct run *r) {
    const struct range *g = &r->range;
    if (g->n > MARKS_MAX_BUCKETS) return;
    r->marks_n = g->n;
    memcpy(r->mark_bounds, g->starts, (g->n + 1) * sizeof *g->starts);
    r->mark_bounds[0] = g->from_us;
    r->mark_bounds[g->n] = g->to_us;
}

static struct err plan(struct run *r) {
    const struct query *q = r->q;
    TRY(range_buckets(&r->range, q->interval, r->arena, r->fault));
    for (size_t i = 0; i < q->n_metrics; i++) {
        const struct plan_metric *m = &q->metrics[i];
        run_add_selector(r, &m->what);
        uint32_t dim;
        if (m->has_ref) TRY(run_add_dim(r, &m->ref, false, &dim));
        int64_t lo = r->range.from_us;
        if (m->measure == MEASURE_SESSIONS) lo -= SESSION_GAP_US;
        if (measure_trails(m->measure))
            lo = range_day(r->w->zone, r->range.from_us, trail_days[m->measure - MEASURE_DAU]);
        if (lo < r->lo_us) r->lo_us = lo;
    }
    if (measure_is_plain(r) && q->metrics[0].measure == MEASURE_UNIQUE) plan_marks(r);
    return ERR_NONE;
}

static bool counts_rows(const struct plan_metric *m) {
    switch (m->measure) {
    case MEASURE_TOTAL:
    case MEASURE_SUM:
    case MEASURE_AVERAGE:
    case MEASURE_MIN:
    case MEASURE_MAX:
    case MEASURE_PERCENTILE:
    case MEASURE_DISTINCT:
        return !m->per_user;
    case MEASURE_UNIQUE:
    case MEASURE_SESSIONS:
    case MEASURE_DAU:
    case MEASURE_WAU:
    case MEASURE_MAU:
        break;
    }
    return false;
}

static bool rowwise(const struct run *r) {
    bool yes = true;
    for (size_t i = 0; i < r->q->n_metrics; i++)
        yes &= counts_rows(&r->q->metrics[i]);
    for (uint32_t i = 0; i < r->n_refs; i++)
        yes &= r->refs[i].plan->kind != REF_USER;
    for (uint32_t i = 0; i < r->q->n_leaves; i++)
        yes &= r->leaves[i].plan->kind != FILTER_COHORT;
    return yes;
}

/* ---- init ---- */

static struct err init_times(struct worker *w, struct insights *s) {
    const struct range *r = &w->run->range;
    s->ends = arena_array(w->arena, r->n, sizeof *s->ends);
    s->trail = arena_array(w->arena, (size_t)r->n * 3, sizeof *s->trail);
    if (!s->ends || !s->trail) return ERR(ERR_NOMEM, "query: insights");
    bool any = false;
    for (size_t i = 0; i < w->run->q->n_metrics; i++)
        any |= measure_trails(w->run->q->metrics[i].measure);
    for (uint32_t b = 0; b < r->n; b++) {
        s->ends[b] = r->starts[b + 1] < r->to_us ? r->starts[b + 1] : r->to_us;
        for (uint32_t k = 0; k < 3 && any; k++)
            s->trail[k * r->n + b] = range_day(r->zone, s->ends[b] - 1, trail_days[k] - 1);
    }
    return ERR_NONE;
}

static struct err init(struct worker *w) {
    const struct query *q = w->run->q;
    struct insights *s = arena_alloc(w->arena, sizeof *s);
    w->state = s;
    if (!s) return ERR(ERR_NOMEM, "query: insights");
    s->metrics = arena_array(w->arena, q->n_metrics, sizeof *s->metrics);
    if (!s->metrics) return ERR(ERR_NOMEM, "query: insights");
    TRY(init_times(w, s));
    s->plain = measure_is_plain(w->run);
    uint32_t dim = 0;
    for (size_t i = 0; i < q->n_metrics; i++) {
        struct metric *m = &s->metrics[i];
        m->plan = &q->metrics[i];
        table_init(&m->seen, w->arena, 3 * sizeof(uint32_t));
        if (!m->plan->has_ref) continue;
        m->dim = dim++; /* in the order in which plan enters them */
        m->ref = w->run->dims[m->dim].ref;
    }
    return ERR_NONE;
}

/* ---- person ---- */

static bool starts_session(struct worker *w, struct metric *m, const struct hit *h) {
    bool starts = m->last_serial != w->serial || h->t - m->last_t > SESSION_GAP_US;
    m->last_serial = w->serial;
    m->last_t = h->t;
    return starts;
}

static struct err person(struct worker *w, const struct hit *hits, uint32_t n) {
    struct insights *s = w->state;
    const struct range *r = &w->run->range;
    if (s->plain) return measure_plain(w, hits, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct hit *h = &hits[i];
        bool inside = h->t >= r->from_us && h->t < r->to_us, have = false;
        struct idset g = {0};
        for (uint64_t left = h->sel; left; left &= left - 1) {
            uint32_t m = (uint32_t)__builtin_ctzll(left);
            struct metric *metric = &s->metrics[m];
            enum plan_measure measure = metric->plan->measure;
            if (measure == MEASURE_SESSIONS) metric->starts = starts_session(w, metric, h);
            if (!inside && !measure_trails(measure)) continue;
            if (!have) g = groups_of(w, h, inside);
            have = true;
            if (measure == MEASURE_SESSIONS && !metric->starts && !metric->plan->per_user) continue;
            if (w->run->ranking && m > 0) continue;
            measure_add(w, m, h, g);
        }
    }
    for (uint32_t m = 0; m < w->run->q->n_metrics; m++)
        measure_person(w, m);
    return w->error;
}

/* ---- merge ---- */

static struct err merge_slot(struct worker *w, const struct plan_metric *m, struct slot *a,
                             const struct slot *b) {
    cell_merge(m, &a->whole, &b->whole);
    for (uint32_t i = 0; b->buckets && i <= w->run->range.n; i++) {
        struct cell *c = measure_cell(w, a, i);
        if (!c) return w->error;
        cell_merge(m, c, &b->buckets[i]);
    }
    if (!b->n_samples) return ERR_NONE;
    struct sample *samples = table_grow(w->arena, a->samples, &a->cap_samples,
                                        a->n_samples + b->n_samples, sizeof *samples);
    if (!samples || a->n_samples > UINT32_MAX - b->n_samples)
        return ERR(ERR_NOMEM, "query: samples");
    a->samples = samples;
    memcpy(samples + a->n_samples, b->samples, b->n_samples * sizeof *samples);
    a->n_samples += b->n_samples;
    return ERR_NONE;
}

static struct err merge_seen(struct worker *into, struct metric *a, const struct metric *b,
                             const uint32_t *map) {
    for (uint32_t i = 0; i < b->seen.n; i++) {
        uint32_t key[3];
        memcpy(key, table_key(&b->seen, i), sizeof key);
        key[0] = map[key[0]];
        key[2] = into->value_map[key[2]];
        bool is_new;
        if (table_put(&a->seen, key, &is_new) == TABLE_NONE)
            return ERR(ERR_NOMEM, "query: distinct");
        struct slot *s = measure_slot(into, a, key[0]);
        struct cell *c = !s ? NULL : key[1] == WHOLE ? &s->whole : measure_cell(into, s, key[1]);
        if (!c) return into->error;
        c->n += is_new;
    }
    return ERR_NONE;
}

static struct err merge(struct worker *into, const struct worker *from) {
    struct insights *a = into->state;
    const struct insights *b = from->state;
    uint32_t *map;
    TRY(groups_merge(into, from, &map));
    for (size_t m = 0; m < into->run->q->n_metrics; m++) {
        bool distinct =
            a->metrics[m].plan->measure == MEASURE_DISTINCT && !a->metrics[m].plan->per_user;
        for (uint32_t i = 0; i < b->metrics[m].n && !distinct; i++) {
            struct slot *s = measure_slot(into, &a->metrics[m], map[i]);
            if (!s) return into->error;
            TRY(merge_slot(into, a->metrics[m].plan, s, &b->metrics[m].slots[i]));
        }
        if (distinct) TRY(merge_seen(into, &a->metrics[m], &b->metrics[m], map));
    }
    return ERR_NONE;
}

static double rank(struct worker *w, uint32_t group) {
    if (w->run->q->n_metrics == 0) return 0;
    if (group == 0) measure_finish(w, 0);
    return measure_value(w, 0, group, WHOLE);
}

/* ---- emit ---- */

static void write_number(struct jout *j, double v) {
    if (v == trunc(v) && fabs(v) < 9007199254740992.0)
        jout_i64(j, (int64_t)v);
    else
        jout_f64(j, v);
}

static void write_buckets(struct worker *w, struct jout *j) {
    const struct range *r = &w->run->range;
    jout_keyz(j, "buckets");
    jout_array(j);
    for (uint32_t b = 0; b < r->n; b++) {
        char label[32];
        range_label(r, r->starts[b], label);
        jout_strz(j, label);
    }
    jout_array_end(j);
}

static void write_series(struct worker *w, struct jout *j, uint32_t m, uint32_t row) {
    jout_object(j);
    jout_keyz(j, "metric");
    jout_i64(j, m);
    groups_write(w, j, row);
    jout_keyz(j, "values");
    jout_array(j);
    for (uint32_t b = 0; b < w->run->range.n; b++)
        write_number(j, measure_value(w, m, row, b));
    jout_array_end(j);
    jout_keyz(j, "total");
    write_number(j, measure_value(w, m, row, WHOLE));
    jout_object_end(j);
}

static double formula_at(struct worker *w, uint32_t row, uint32_t bucket) {
    double values[PLAN_MAX_METRICS];
    for (uint32_t m = 0; m < w->run->q->n_metrics; m++)
        values[m] = measure_value(w, m, row, bucket);
    return plan_formula_value(w->run->q->formula, values);
}

static void write_formula(struct worker *w, struct jout *j, uint32_t row) {
    jout_object(j);
    jout_keyz(j, "metric");
    jout_strz(j, "formula");
    groups_write(w, j, row);
    jout_keyz(j, "values");
    jout_array(j);
    for (uint32_t b = 0; b < w->run->range.n; b++)
        write_number(j, formula_at(w, row, b));
    jout_array_end(j);
    jout_keyz(j, "total");
    write_number(j, formula_at(w, row, WHOLE));
    jout_object_end(j);
}

static struct err emit(struct worker *w, struct jout *j) {
    const struct query *q = w->run->q;
    for (uint32_t m = 0; m < q->n_metrics; m++)
        measure_finish(w, m);
    write_buckets(w, j);
    jout_keyz(j, "series");
    jout_array(j);
    for (uint32_t m = 0; m < q->n_metrics; m++) {
        for (uint32_t i = 0; i < w->n_order; i++) {
            TRY(run_check(w->run->limits));
            write_series(w, j, m, w->order[i]);
        }
    }
    for (uint32_t i = 0; q->formula && i < w->n_order; i++)
        write_formula(w, j, w->order[i]);
    jout_array_end(j);
    return w->error;
}

const struct report query_insights = {.name = "insights",
                                      .plan = plan,
                                      .rowwise = rowwise,
                                      .init = init,
                                      .person = person,
                                      .marked = measure_marked,
                                      .merge = merge,
                                      .rank = rank,
                                      .emit = emit};
