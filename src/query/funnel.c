/* funnel.c: the funnel report: events of a person become bits, the search finds how deep the person
 * came, rows count people and keep the times between steps. A breakdown makes a funnel of each
 * value of the first event, a held property one of each of its values; a person counts once per
 * row, with the best of all. */
#include "query/funnel.h"

#include <stdlib.h>

struct gaps {
    uint64_t count; /* people who reached the step */
    int64_t *us;    /* [n]: from the step before */
    uint32_t n, cap;
};
struct pair {
    uint32_t row, event;
};
struct funnel {
    struct gaps **rows; /* [n] -> [n_steps]; NULL: nobody yet */
    uint32_t n, cap;
    struct funnel_event *events; /* of the person in hand */
    uint32_t events_cap;
    struct pair *starts; /* the person's starts by row */
    uint32_t n_starts, starts_cap;
    uint32_t *holds; /* held values of the starts in hand */
    uint32_t n_holds, holds_cap;
    struct table held; /* uint32_t[PLAN_MAX_HOLD] -> number */
    struct funnel_person person;
    bool may_be_plain;
};

static struct err plan(struct run *r) {
    const struct query *q = r->q;
    for (size_t i = 0; i < q->n_steps; i++)
        run_add_selector(r, &q->steps[i]);
    for (size_t i = 0; i < q->n_exclude; i++)
        run_add_selector(r, &q->exclude[i].what);
    for (size_t i = 0; i < q->n_hold; i++) {
        uint32_t dim;
        TRY(run_add_dim(r, &q->hold[i], true, &dim));
    }
    r->hi_us = r->range.to_us + q->window_us;
    if (!q->any_order && q->n_steps > 0) r->must = 1; /* step 1 */
    return ERR_NONE;
}

static struct err init(struct worker *w) {
    struct funnel *f = arena_alloc(w->arena, sizeof *f);
    if (!f) return ERR(ERR_NOMEM, "query: funnel");
    table_init(&f->held, w->arena, sizeof(uint32_t) * PLAN_MAX_HOLD);
    f->person = (struct funnel_person){.n_steps = (uint32_t)w->run->q->n_steps,
                                       .window_us = w->run->q->window_us,
                                       .arena = w->arena};
    f->may_be_plain = funnel_may_be_plain(w->run->q);
    w->state = f;
    return ERR_NONE;
}

/* ---- a person's events ---- */

static uint32_t hold_of(struct worker *w, const struct hit *h) {
    const struct query *q = w->run->q;
    struct funnel *f = w->state;
    uint32_t key[PLAN_MAX_HOLD] = {0};
    if (q->n_hold == 0) return 0;
    for (uint32_t d = 0; d < q->n_hold; d++) {
        key[d] = dim_ids(w, d, h).ids[0]; /* the held dims are the first */
        if (key[d] == 0) return FUNNEL_NO_HOLD;
    }
    if (q->n_hold == 1) return key[0]; /* a value's number is as good */
    uint32_t id = table_put(&f->held, key, NULL);
    if (id == TABLE_NONE) worker_fail(w, ERR(ERR_NOMEM, "query: held values"));
    return id;
}

static struct err read_events(struct worker *w, const struct hit *hits, uint32_t n) {
    struct funnel *f = w->state;
    const struct query *q = w->run->q;
    uint64_t steps = (UINT64_C(1) << q->n_steps) - 1;
    f->events = table_grow(w->arena, f->events, &f->events_cap, n, sizeof *f->events);
    if (!f->events) return ERR(ERR_NOMEM, "query: funnel");
    for (uint32_t i = 0; i < n; i++) {
        struct funnel_event *e = &f->events[i];
        e->t = hits[i].t;
        e->steps = (uint32_t)(hits[i].sel & steps);
        e->excluded = 0;
        e->start = false;
        for (uint64_t x = hits[i].sel >> q->n_steps; x; x &= x - 1) {
            uint32_t after = q->exclude[__builtin_ctzll(x)].after_step;
            e->excluded |= after ? UINT32_C(1) << (after - 1) : UINT32_MAX;
        }
        e->hold = e->steps ? hold_of(w, &hits[i]) : FUNNEL_NO_HOLD;
    }
    return w->error;
}

static struct err add_start(struct worker *w, uint32_t row, uint32_t event) {
    struct funnel *f = w->state;
    struct pair *p = table_grow(w->arena, f->starts, &f->starts_cap, f->n_starts + 1, sizeof *p);
    if (!p) return ERR(ERR_NOMEM, "query: funnel");
    f->starts = p;
    p[f->n_starts++] = (struct pair){row, event};
    return ERR_NONE;
}

static struct err find_starts(struct worker *w, const struct hit *hits, uint32_t n) {
    struct funnel *f = w->state;
    const struct run *r = w->run;
    uint32_t may_start = r->q->any_order ? UINT32_MAX : 1;
    f->n_starts = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct funnel_event *e = &f->events[i];
        if (!(e->steps & may_start) || e->hold == FUNNEL_NO_HOLD || e->t >= r->range.to_us)
            continue;
        struct idset rows = groups_of(w, &hits[i], true);
        for (uint32_t k = 0; k < rows.n; k++)
            TRY(add_start(w, rows.ids[k], i));
    }
    return w->error;
}

static int cmp_pairs(const void *a, const void *b) {
    const struct pair *x = a, *y = b;
    if (x->row != y->row) return x->row < y->row ? -1 : 1;
    return (x->event > y->event) - (x->event < y->event);
}

/* ---- rows ---- */

static struct gaps *row_of(struct worker *w, uint32_t row) {
    struct funnel *f = w->state;
    struct gaps **rows = table_grow(w->arena, f->rows, &f->cap, row + 1, sizeof *rows);
    if (!rows) return NULL;
    f->rows = rows;
    if (row >= f->n) f->n = row + 1;
    if (!rows[row]) rows[row] = arena_array(w->arena, w->run->q->n_steps, sizeof **rows);
    return rows[row];
}

static struct err add_gap(struct worker *w, struct gaps *g, int64_t us) {
    int64_t *grown = table_grow(w->arena, g->us, &g->cap, g->n + 1, sizeof *grown);
    if (!grown) return ERR(ERR_NOMEM, "query: funnel times");
    g->us = grown;
    grown[g->n++] = us;
    return ERR_NONE;
}

static struct err count(struct worker *w, uint32_t row, const struct funnel_path *path) {
    struct gaps *steps = row_of(w, row);
    if (!steps) return ERR(ERR_NOMEM, "query: funnel");
    for (uint32_t k = 0; k < path->depth; k++) {
        steps[k].count++;
        if (k && !w->run->ranking) TRY(add_gap(w, &steps[k], path->t[k] - path->t[k - 1]));
    }
    return ERR_NONE;
}

/* ---- person ---- */

/* The held values of starts [from, to), each once, into f->holds. */
static struct err find_holds(struct worker *w, uint32_t from, uint32_t to) {
    struct funnel *f = w->state;
    f->n_holds = 0;
    for (uint32_t i = from; i < to; i++) {
        uint32_t hold = f->events[f->starts[i].event].hold, k = 0;
        f->events[f->starts[i].event].start = true;
        while (k < f->n_holds && f->holds[k] != hold)
            k++;
        if (k < f->n_holds) continue;
        uint32_t *holds = table_grow(w->arena, f->holds, &f->holds_cap, k + 1, sizeof *holds);
        if (!holds) return ERR(ERR_NOMEM, "query: funnel");
        f->holds = holds;
        holds[f->n_holds++] = hold;
    }
    return ERR_NONE;
}

static struct err run_row(struct worker *w, uint32_t from, uint32_t to, uint32_t n) {
    struct funnel *f = w->state;
    struct funnel_path paths[2], *best = &paths[0], *path = &paths[1];
    best->depth = 1;
    if (w->run->ranking) return count(w, f->starts[from].row, best);
    best->depth = 0;
    TRY(find_holds(w, from, to));
    uint32_t first = f->starts[from].event;
    while (first && f->events[first - 1].t == f->events[first].t)
        first--;
    f->person.events = f->events + first;
    f->person.n = n - first;
    for (uint32_t i = 0; i < f->n_holds; i++) {
        f->person.hold = f->holds[i];
        TRY(w->run->q->any_order ? funnel_any(&f->person, path) : funnel_ordered(&f->person, path));
        if (best->depth && funnel_path_cmp(path, best) >= 0) continue;
        struct funnel_path *other = best;
        best = path;
        path = other;
    }
    for (uint32_t i = from; i < to; i++)
        f->events[f->starts[i].event].start = false;
    return count(w, f->starts[from].row, best);
}

/* The row of a person all of whose events are of one. */
static struct err count_plain(struct worker *w, const struct hit *start, struct funnel_path *path) {
    struct idset rows = groups_of(w, start, true);
    if (w->run->ranking) path->depth = 1;
    return rows.n ? count(w, rows.ids[0], path) : w->error;
}

static struct err person(struct worker *w, const struct hit *hits, uint32_t n) {
    struct funnel *f = w->state;
    struct funnel_path path;
    uint32_t start;
    if (f->may_be_plain && funnel_plain(w, hits, n, &start, &path))
        return path.depth ? count_plain(w, &hits[start], &path) : ERR_NONE;
    TRY(read_events(w, hits, n));
    TRY(find_starts(w, hits, n));
    if (f->n_starts > 1 && w->run->q->n_breakdown)
        qsort(f->starts, f->n_starts, sizeof *f->starts, cmp_pairs);
    for (uint32_t from = 0, to; from < f->n_starts; from = to) {
        for (to = from + 1; to < f->n_starts && f->starts[to].row == f->starts[from].row;)
            to++;
        if (from) TRY(run_check(w->run->limits));
        TRY(run_row(w, from, to, n));
    }
    return w->error;
}

/* ---- merge, emit ---- */

static struct err add_gaps(struct worker *w, struct gaps *into, const struct gaps *from) {
    if (from->n == 0) return ERR_NONE;
    if (from->n > UINT32_MAX - into->n) return ERR(ERR_LIMIT, "query: funnel times");
    int64_t *grown = table_grow(w->arena, into->us, &into->cap, into->n + from->n, sizeof *grown);
    if (!grown) return ERR(ERR_NOMEM, "query: funnel times");
    into->us = grown;
    memcpy(grown + into->n, from->us, from->n * sizeof *grown);
    into->n += from->n;
    return ERR_NONE;
}

static struct err merge(struct worker *into, const struct worker *from) {
    const struct funnel *b = from->state;
    uint32_t *map;
    TRY(groups_merge(into, from, &map));
    for (uint32_t i = 0; i < b->n; i++) {
        if (!b->rows[i]) continue;
        struct gaps *a = row_of(into, map[i]);
        if (!a) return ERR(ERR_NOMEM, "query: funnel");
        for (size_t k = 0; k < into->run->q->n_steps; k++) {
            const struct gaps *g = &b->rows[i][k];
            a[k].count += g->count;
            TRY(add_gaps(into, &a[k], g));
        }
    }
    return ERR_NONE;
}

static double rank(struct worker *w, uint32_t group) {
    struct funnel *f = w->state;
    return group < f->n && f->rows[group] && w->run->q->n_steps ? (double)f->rows[group][0].count
                                                                : 0;
}

/* The k-th smallest of n values, none negative: byte by byte from the highest that differs, only
 * those with the right byte are kept. The order of v is lost. */
static int64_t select_us(int64_t *v, uint32_t n, uint32_t k) {
    uint64_t differ = 0;
    for (uint32_t i = 0; i < n; i++)
        differ |= (uint64_t)(v[i] ^ v[0]);
    for (unsigned shift = differ ? (63u - (unsigned)__builtin_clzll(differ)) / 8 * 8 : 0; n > 1;
         shift -= 8) {
        uint32_t count[256] = {0}, byte = 0, kept = 0;
        for (uint32_t i = 0; i < n; i++)
            count[(uint64_t)v[i] >> shift & 255]++;
        while (k >= count[byte])
            k -= count[byte++];
        for (uint32_t i = 0; i < n; i++)
            if (((uint64_t)v[i] >> shift & 255) == byte) v[kept++] = v[i];
        n = kept;
        if (shift == 0) break;
    }
    return v[k];
}

static void write_ratio(struct jout *j, const char *name, uint64_t n, uint64_t of) {
    jout_keyz(j, name);
    if (of)
        jout_f64(j, (double)n / (double)of);
    else
        jout_null(j);
}

static void write_step(struct worker *w, struct jout *j, struct gaps *steps, uint32_t k) {
    const struct plan_selector *s = &w->run->q->steps[k];
    struct gaps *g = &steps[k];
    jout_object(j);
    jout_keyz(j, "event");
    if (s->any)
        jout_null(j);
    else
        jout_str(j, s->event);
    jout_keyz(j, "count");
    jout_i64(j, (int64_t)g->count);
    write_ratio(j, "from_first", g->count, steps[0].count);
    write_ratio(j, "from_previous", g->count, steps[k ? k - 1 : 0].count);
    jout_keyz(j, "median_s");
    if (g->n) {
        jout_f64(j, (double)select_us(g->us, g->n, (g->n - 1) / 2) / (double)US_PER_S);
    } else {
        jout_null(j);
    }
    jout_object_end(j);
}

static struct err emit(struct worker *w, struct jout *j) {
    jout_keyz(j, "series");
    jout_array(j);
    for (uint32_t i = 0; i < w->n_order; i++) {
        struct gaps *steps = row_of(w, w->order[i]);
        if (!steps) return ERR(ERR_NOMEM, "query: funnel");
        jout_object(j);
        groups_write(w, j, w->order[i]);
        jout_keyz(j, "steps");
        jout_array(j);
        for (uint32_t k = 0; k < w->run->q->n_steps; k++)
            write_step(w, j, steps, k);
        jout_array_end(j);
        jout_object_end(j);
    }
    jout_array_end(j);
    return ERR_NONE;
}

const struct report query_funnel = {.name = "funnel",
                                    .plan = plan,
                                    .init = init,
                                    .person = person,
                                    .merge = merge,
                                    .rank = rank,
                                    .emit = emit};
