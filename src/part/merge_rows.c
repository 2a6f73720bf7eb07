/* merge_rows.c: the order of the output's rows, once, as runs of source rows; every column then
 * follows the runs.
 *
 * Most persons have one stretch, or stretches that follow each other in time: those become runs
 * without a look at single rows. Where stretches overlap, their rows are sorted by (time, journal
 * order), and rows of equal time are compared for folding: within a source they are folded already,
 * but a moved person's rows may meet their twins.
 *
 * Journal order between stretches is the order of the parts; within one part rows that moved come
 * first (a device before the person it became), since a part keeps no order between persons.
 */
#include "part/merge.h"

uint32_t part_first_row(const struct part *p, uint32_t from, uint32_t to, int64_t us) {
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int64_t t;
        part_times(p, mid, 1, &t);
        if (t < us)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

struct row {
    int64_t time;
    uint32_t row, stretch; /* stretch PART_NONE: folded away */
};

struct rows {
    struct part_merging *x;
    struct part_persons persons;
    struct row *row; /* of one person */
    size_t n, cap;
    uint64_t total;
};

static void rows_done(struct rows *r) {
    part_persons_done(&r->persons);
    free(r->row);
}

static void rows_done_auto(struct rows *r) {
    rows_done(r);
}

/* ---- runs ---- */

static struct err put_run(struct rows *r, const struct part_stretch *s, uint32_t row, uint32_t n) {
    struct part_merging *x = r->x;
    r->total += n;
    while (n > 0) {
        struct part_run *last = x->runs_n > 0 ? &x->runs[x->runs_n - 1] : NULL;
        bool joins = last && last->source == s->source && last->moved == s->moved &&
                     last->row + last->n == row;
        uint32_t take = UINT16_MAX - (joins ? last->n : 0u);
        if (take > n) take = n;
        if (joins && take > 0) {
            last->n = (uint16_t)(last->n + take);
        } else {
            take = n < UINT16_MAX ? n : UINT16_MAX;
            if (x->runs_n == x->runs_cap) {
                size_t cap = x->runs_cap ? x->runs_cap * 2 : 4096;
                void *grown = realloc(x->runs, cap * sizeof *x->runs);
                if (!grown) return ERR(ERR_NOMEM, "part: runs");
                x->runs = grown;
                x->runs_cap = cap;
            }
            x->runs[x->runs_n++] = (struct part_run){.row = row,
                                                     .n = (uint16_t)take,
                                                     .source = (uint16_t)(s->source & 0x7fff),
                                                     .moved = s->moved};
        }
        row += take;
        n -= take;
    }
    return ERR_NONE;
}

/* ---- folding ---- */

struct twin {
    uint64_t insert;
    uint32_t event;
    uint32_t at; /* in the group */
};

static int twin_cmp(const void *a, const void *b) {
    const struct twin *x = a, *y = b;
    if (x->insert != y->insert) return x->insert < y->insert ? -1 : 1;
    if (x->event != y->event) return x->event < y->event ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* rows[0..n) have one time; the last of twins stays. */
static struct err fold(struct rows *r, struct row *rows, size_t n) {
    struct twin few[32];
    AUTO(part_free) struct twin *many = n > 32 ? malloc(n * sizeof *many) : NULL;
    struct twin *t = n > 32 ? many : few;
    if (!t) return ERR(ERR_NOMEM, "part: folding");
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        const struct part_source *s = &r->x->sources[r->persons.stretches[rows[i].stretch].source];
        uint32_t code;
        part_inserts(s->p, rows[i].row, 1, &t[k].insert);
        part_event_codes(s->p, rows[i].row, 1, &code);
        t[k].event = s->event[code];
        t[k].at = (uint32_t)i;
        k += t[k].insert != 0;
    }
    if (k > 1) qsort(t, k, sizeof *t, twin_cmp);
    for (size_t i = 1; i < k; i++) {
        if (t[i].insert != t[i - 1].insert || t[i].event != t[i - 1].event) continue;
        rows[t[i - 1].at].stretch = PART_NONE;
        r->x->loses = true;
    }
    return ERR_NONE;
}

static struct err fold_all(struct rows *r) {
    for (size_t from = 0, to; from < r->n; from = to) {
        bool mixed = false;
        for (to = from + 1; to < r->n && r->row[to].time == r->row[from].time; to++)
            mixed = mixed || r->row[to].stretch != r->row[from].stretch;
        if (mixed) TRY(fold(r, r->row + from, to - from));
    }
    return ERR_NONE;
}

/* ---- one person's rows, one by one ---- */

static int row_cmp(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    if (x->stretch != y->stretch) return x->stretch < y->stretch ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void sort_rows(struct row *rows, size_t n) {
    if (n > 48) {
        qsort(rows, n, sizeof *rows, row_cmp);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct row row = rows[i];
        size_t j = i;
        for (; j > 0 && row_cmp(&rows[j - 1], &row) > 0; j--)
            rows[j] = rows[j - 1];
        rows[j] = row;
    }
}

static struct err load(struct rows *r) {
    r->n = 0;
    for (uint32_t i = 0; i < r->persons.stretches_n; i++) {
        const struct part_stretch *s = &r->persons.stretches[i];
        size_t need = r->n + (s->to - s->from);
        if (need > r->cap) {
            size_t cap = need * 2;
            void *grown = realloc(r->row, cap * sizeof *r->row);
            if (!grown) return ERR(ERR_NOMEM, "part: rows");
            r->row = grown;
            r->cap = cap;
        }
        int64_t times[256];
        for (uint32_t row = s->from; row < s->to; row += 256) {
            uint32_t n = s->to - row < 256 ? s->to - row : 256;
            part_times(r->x->sources[s->source].p, row, n, times);
            for (uint32_t j = 0; j < n; j++)
                r->row[r->n++] = (struct row){times[j], row + j, i};
        }
    }
    return ERR_NONE;
}

static struct err interleave(struct rows *r) {
    TRY(load(r));
    sort_rows(r->row, r->n);
    TRY(fold_all(r));
    for (size_t i = 0; i < r->n; i++)
        if (r->row[i].stretch != PART_NONE)
            TRY(put_run(r, &r->persons.stretches[r->row[i].stretch], r->row[i].row, 1));
    return ERR_NONE;
}

/* Every stretch ends before the next begins. */
static bool consecutive(const struct rows *r) {
    int64_t before = 0;
    for (uint32_t i = 0; i < r->persons.stretches_n; i++) {
        const struct part_stretch *s = &r->persons.stretches[i];
        int64_t first, last;
        part_times(r->x->sources[s->source].p, s->from, 1, &first);
        if (i > 0 && first <= before) return false;
        part_times(r->x->sources[s->source].p, s->to - 1, 1, &last);
        before = last;
    }
    return true;
}

static struct err put_person(struct rows *r) {
    if (r->persons.stretches_n > 1 && !consecutive(r)) return interleave(r);
    for (uint32_t i = 0; i < r->persons.stretches_n; i++) {
        const struct part_stretch *s = &r->persons.stretches[i];
        TRY(put_run(r, s, s->from, s->to - s->from));
    }
    return ERR_NONE;
}

/* Event names get numbers common to all sources, so that rows can be compared across them. */
static struct err number_events(struct part_merging *x) {
    for (uint32_t i = 0; i < x->n; i++) {
        const struct part *p = x->sources[i].p;
        x->sources[i].event = calloc((size_t)p->file.events + 1, sizeof(uint32_t));
        if (!x->sources[i].event) return ERR(ERR_NOMEM, "part: events");
        for (uint32_t code = 1; code <= p->file.events; code++)
            if (!part_idmap_put(&x->events, part_event_hash(p, code), &x->sources[i].event[code]))
                return ERR(ERR_NOMEM, "part: events");
    }
    return ERR_NONE;
}

struct err part_merge_rows(struct part_merging *x) {
    size_t most = 1;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        most += x->sources[i].p->file.persons;
        rows += x->sources[i].p->file.rows;
    }
    x->persons = malloc(most * sizeof *x->persons);
    x->starts = malloc((most + 1) * sizeof *x->starts);
    if (!x->persons || !x->starts) return ERR(ERR_NOMEM, "part: persons");
    TRY(number_events(x));
    AUTO(rows_done) struct rows r = {.x = x};
    TRY(part_persons_begin(&r.persons, x));
    struct err e = ERR_NONE;
    uint32_t n = 0;
    while (part_persons_next(&r.persons, &x->persons[n], &e)) {
        x->starts[n++] = (uint32_t)r.total;
        TRY(put_person(&r));
        if (r.total >= PART_MAX_ROWS) return ERR(ERR_LIMIT, "part: rows");
    }
    TRY(e);
    x->starts[n] = (uint32_t)r.total;
    x->info.persons = n;
    x->info.rows = (uint32_t)r.total;
    x->loses = x->loses || r.total != rows;
    return ERR_NONE;
}
