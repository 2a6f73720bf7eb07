/* marks.c: in which buckets of time a person has events, a bit each, without making hits.
 *
 * Uniques and retention without filters ask no more of a person than this: a set of at most 64
 * buckets for each of two selectors, when the first event of selector 0 was, and the buckets that
 * hold an event of selector 1 after it. Sets unite: rows that are duplicates mark the same bucket,
 * so nothing need be folded and parts need no order. Times stay the part's ticks; the bucket of a
 * tick is guessed by its high bits and put right by the boundaries.
 */
#include "query/batch.h"

#define MARK_CELLS 4096
#define FEW_EDGES 10

/* Eight rows at once; where the machine can't, the compiler takes them apart. */
typedef uint32_t eight __attribute__((vector_size(32), aligned(4)));

/* A part's ticks to buckets of its own: number 0 lies before edge[0], number i from edge[i - 1] on.
 * Number i is bucket i + first - 1 of the run. */
struct marker {
    uint32_t edge[MARKS_MAX_BUCKETS + 2]; /* [n], those that lie among the part's ticks */
    uint32_t n, first;
    uint64_t known;                /* bits of the part that are buckets of the run */
    uint8_t guess[MARK_CELLS + 1]; /* the number at the cell's begin */
    unsigned shift;
    uint8_t flags[256];  /* by code of one byte: bit per selector */
    bool all;            /* every row has all selectors */
    uint32_t *ticks;     /* [BATCH_ROWS + 8] */
    uint32_t *bits;      /* [BATCH_ROWS + 8]: 1 << number */
    uint32_t base, rows; /* decoded */
};

/* The first tick at or after a time. */
static uint32_t tick_of(struct part_ticks t, int64_t us) {
    if (us <= t.base_us) return 0;
    uint64_t away = (uint64_t)us - (uint64_t)t.base_us;
    uint64_t tick = away / t.unit_us + (away % t.unit_us != 0);
    return tick < UINT32_MAX ? (uint32_t)tick : UINT32_MAX;
}

/* Of the run's bounds those that are among the part's ticks. */
static void set_edges(struct marker *m, const struct run *r, struct part_ticks t) {
    while (m->first <= r->marks_n && tick_of(t, r->mark_bounds[m->first]) == 0)
        m->first++;
    for (uint32_t i = m->first; i <= r->marks_n; i++) {
        uint32_t edge = tick_of(t, r->mark_bounds[i]);
        if (edge > t.most) break;
        m->edge[m->n++] = edge;
    }
    for (uint32_t i = 0; i <= m->n; i++) {
        bool known = i + m->first >= 1 && i + m->first <= r->marks_n;
        m->known |= (uint64_t)known << i;
    }
    while (t.most >> m->shift >= MARK_CELLS)
        m->shift++;
    uint8_t at = 0;
    for (uint32_t cell = 0; cell <= t.most >> m->shift; cell++) {
        while (at < m->n && m->edge[at] <= (uint64_t)cell << m->shift)
            at++;
        m->guess[cell] = at;
    }
}

/* Bits of the part's buckets as bits of the run's. */
static uint64_t of_run(const struct marker *m, uint64_t bits) {
    bits &= m->known;
    return m->first ? bits << (m->first - 1) : bits >> 1;
}

bool marks_fit(const struct run *r) {
    if (r->has_filters || r->marks_n == 0 || r->marks_n > MARKS_MAX_BUCKETS) return false;
    for (uint32_t i = 0; i < r->n_parts; i++) {
        struct part_ticks t = part_ticks_of(r->parts[i].part);
        uint32_t width, edges = 0;
        (void)part_event_view(r->parts[i].part, &width);
        if (width != 1 || t.most >= UINT32_MAX) return false;
        for (uint32_t k = 0; k <= r->marks_n; k++) {
            uint32_t edge = tick_of(t, r->mark_bounds[k]);
            edges += edge > 0 && edge <= t.most;
        }
        if (edges > 31) return false;
    }
    return true;
}

static struct marker *marker_of(struct worker *w, struct batch *b) {
    const struct active_part *a = w->parts[b->part].active;
    if (b->marker) return b->marker;
    struct marker *m = arena_alloc(w->arena, sizeof *m);
    if (!m) return NULL;
    m->ticks = arena_array(w->arena, BATCH_ROWS + 8, sizeof *m->ticks);
    m->bits = arena_array(w->arena, BATCH_ROWS + 8, sizeof *m->bits);
    if (!m->ticks || !m->bits) return NULL;
    uint64_t every = (UINT64_C(1) << w->run->n_selectors) - 1;
    m->all = true;
    for (uint32_t code = 1; code <= a->n_events && code < 256; code++) {
        m->flags[code] = (uint8_t)a->wanted[code];
        m->all &= a->wanted[code] == every;
    }
    set_edges(m, w->run, part_ticks_of(a->part));
    b->marker = m;
    return m;
}

WIDE static void set_bits_few(struct marker *m) {
    const eight one = {1, 1, 1, 1, 1, 1, 1, 1};
    for (uint32_t i = 0; i < m->rows; i += 8) {
        eight ticks, number = {0};
        memcpy(&ticks, m->ticks + i, sizeof ticks);
        for (uint32_t k = 0; k < m->n; k++)
            number -= (eight)(ticks >= m->edge[k]);
        eight bits = one << number;
        memcpy(m->bits + i, &bits, sizeof bits);
    }
}

static void set_bits_many(struct marker *m) {
    for (uint32_t i = 0; i < m->rows; i++) {
        uint32_t tick = m->ticks[i], at = m->guess[tick >> m->shift & (MARK_CELLS - 1)];
        while (at < m->n && tick >= m->edge[at])
            at++;
        m->bits[i] = UINT32_C(1) << (at & 31);
    }
}

static void decode(struct worker *w, const struct batch *b, struct marker *m, uint32_t row) {
    const struct active_part *a = w->parts[b->part].active;
    m->base = row;
    m->rows = a->rows - row < BATCH_ROWS ? a->rows - row : BATCH_ROWS;
    part_ticks(a->part, row, m->rows, m->ticks);
    if (m->n <= FEW_EDGES)
        set_bits_few(m);
    else
        set_bits_many(m);
}

/* A person's rows so far, in the part's buckets. */
struct tally {
    uint64_t all[2], after;
    uint32_t first;
};

/* Rows [at, to) of the window, all of which count for all selectors. Later rows than the first are
 * all those of other buckets, and of its own if one has another tick. */
WIDE static void add_every(const struct marker *m, uint32_t at, uint32_t to, struct tally *t) {
    uint32_t known = (uint32_t)m->known, all = 0;
    while (at < to && t->first == UINT32_MAX) {
        if (m->bits[at] & known) {
            t->first = m->ticks[at];
            t->all[0] = m->bits[at];
        }
        at++;
    }
    while (at < to && m->ticks[at] == t->first)
        at++;
    for (; at < to; at++)
        all |= m->bits[at];
    t->all[0] |= all;
    t->after |= all;
}

WIDE static void add_flagged(const struct marker *m, const uint8_t *codes, uint32_t at, uint32_t to,
                             struct tally *t) {
    uint32_t known = (uint32_t)m->known;
    uint32_t all0 = (uint32_t)t->all[0], all1 = (uint32_t)t->all[1], after = (uint32_t)t->after;
    uint32_t first = t->first;
    for (; at < to; at++) {
        uint32_t bit = m->bits[at] & known, flags = m->flags[codes[at]];
        uint32_t start = bit & -(flags & 1), back = bit & -(flags >> 1 & 1);
        uint32_t tick = m->ticks[at];
        all0 |= start;
        all1 |= back;
        first = start && tick < first ? tick : first;
        after |= tick > first ? back : 0;
    }
    *t = (struct tally){{all0, all1}, after, first};
}

static struct tally add_rows(struct worker *w, struct batch *b, uint32_t row, uint32_t to) {
    struct marker *m = b->marker;
    const uint8_t *codes = w->parts[b->part].wanted.picker.codes;
    struct tally t = {.first = UINT32_MAX};
    while (row < to) {
        if (row - m->base >= m->rows) decode(w, b, m, row);
        uint32_t at = row - m->base, end = to - m->base < m->rows ? to - m->base : m->rows;
        if (m->all)
            add_every(m, at, end, &t);
        else
            add_flagged(m, codes + m->base, at, end, &t);
        row = m->base + end;
    }
    if (m->all && w->run->n_selectors > 1) t.all[1] = t.all[0];
    return t;
}

static uint32_t mark_persons(struct worker *w, struct batch *b, uint32_t from, uint32_t to) {
    const struct active_part *a = w->parts[b->part].active;
    const struct marker *m = b->marker;
    struct part_ticks ticks = part_ticks_of(a->part);
    int64_t least = part_info(a->part)->min_time_us;
    bool whole = m->n == 0 && m->all && w->run->n_selectors == 1; /* of all the same is known */
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        struct tally t = {.all = {1}, .first = UINT32_MAX};
        if (!whole) t = add_rows(w, b, a->starts[i], a->starts[i + 1]);
        struct batch_entry *e = &b->entries[n];
        batch_key(&a->persons[i], e);
        e->at = i;
        e->from = n;
        e->needed = true;
        struct marks *marks = &b->marks[n];
        marks->all[0] = of_run(m, t.all[0]);
        marks->all[1] = of_run(m, t.all[1]);
        marks->after = of_run(m, t.after);
        marks->first_us = ticks.base_us + (int64_t)t.first * ticks.unit_us;
        if (t.first == UINT32_MAX) marks->first_us = INT64_MAX;
        marks->later_us = least;
        n += (marks->all[0] | marks->all[1]) && !active_hidden(a, i);
    }
    return n;
}

struct err marks_fill(struct worker *w, struct batch *b, uint32_t from, uint32_t to) {
    b->n = 0;
    if (from >= to) return ERR_NONE;
    struct batch_entry *entries =
        table_grow(w->arena, b->entries, &b->entries_cap, to - from + 1, sizeof *entries);
    struct marks *marks =
        table_grow(w->arena, b->marks, &b->marks_cap, to - from + 1, sizeof *marks);
    if (!entries || !marks || !marker_of(w, b)) return ERR(ERR_NOMEM, "query: stretch");
    b->entries = entries;
    b->marks = marks;
    b->n = mark_persons(w, b, from, to);
    entries[b->n] = (struct batch_entry){.key = UINT64_MAX};
    return ERR_NONE;
}

/* b's first start is not before a's. */
static bool unite(struct marks *a, const struct marks *b) {
    uint64_t bucket = a->all[0] & -a->all[0], later = ~(bucket | (bucket - 1));
    if (a->first_us == INT64_MAX) later = 0;
    if (a->first_us != INT64_MAX && b->all[1] & bucket) {
        /* Before the first start or after it? */
        if (b->later_us <= a->first_us) return false;
        later |= bucket;
    }
    a->after |= b->all[1] & later;
    a->all[0] |= b->all[0];
    a->all[1] |= b->all[1];
    a->later_us = b->later_us < a->later_us ? b->later_us : a->later_us;
    return true;
}

bool marks_unite(struct marks *a, const struct marks *b) {
    if (a->first_us <= b->first_us) return unite(a, b);
    struct marks first = *b;
    bool yes = unite(&first, a);
    *a = first;
    return yes;
}
