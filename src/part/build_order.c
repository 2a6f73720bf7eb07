/* build_order.c: rows in the order of a part, duplicates folded.
 *
 * Persons are numbered by the builder, so ordering rows is a counting sort by the person's rank,
 * which keeps journal order, and then a sort by time within each person, which most often finds
 * nothing to do.
 */
#include "part/builder.h"

struct timed {
    int64_t time;
    uint32_t row;
};

static int timed_cmp(const void *a, const void *b) {
    const struct timed *x = a, *y = b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Rows come in journal order, which is the builder's numbering. */
static void sort_person(const int64_t *times, uint32_t *rows, uint32_t n) {
    for (uint32_t i = 1; i < n; i++) {
        uint32_t row = rows[i], j = i;
        for (; j > 0 && times[rows[j - 1]] > times[row]; j--)
            rows[j] = rows[j - 1];
        rows[j] = row;
    }
}

static bool in_order(const int64_t *times, const uint32_t *rows, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        if (times[rows[i - 1]] > times[rows[i]]) return false;
    return true;
}

static struct err sort_large(const int64_t *times, uint32_t *rows, uint32_t n) {
    AUTO(part_free) struct timed *t = malloc((size_t)n * sizeof *t);
    if (!t) return ERR(ERR_NOMEM, "part: sorting");
    for (uint32_t i = 0; i < n; i++)
        t[i] = (struct timed){times[rows[i]], rows[i]};
    qsort(t, n, sizeof *t, timed_cmp);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = t[i].row;
    return ERR_NONE;
}

static struct err sort_times(struct part_build *x) {
    const int64_t *times = x->b->row_time;
    for (uint32_t i = 0; i < x->b->persons.n; i++) {
        uint32_t *rows = x->order + x->starts[i], n = x->starts[i + 1] - x->starts[i];
        if (n < 2 || in_order(times, rows, n)) continue;
        if (n <= 32)
            sort_person(times, rows, n);
        else
            TRY(sort_large(times, rows, n));
    }
    return ERR_NONE;
}

/* ---- folding: marks x->place[row] = PART_NONE ---- */

struct twin {
    uint64_t insert;
    uint32_t event, row;
};

static int twin_cmp(const void *a, const void *b) {
    const struct twin *x = a, *y = b;
    if (x->insert != y->insert) return x->insert < y->insert ? -1 : 1;
    if (x->event != y->event) return x->event < y->event ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* rows[0..n) share person and time. */
static struct err fold_group(struct part_build *x, const uint32_t *rows, uint32_t n) {
    struct twin few[16];
    AUTO(part_free) struct twin *many = n > 16 ? malloc((size_t)n * sizeof *many) : NULL;
    struct twin *t = n > 16 ? many : few;
    if (!t) return ERR(ERR_NOMEM, "part: folding");
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t insert = x->b->row_insert[rows[i]];
        if (insert != 0) t[k++] = (struct twin){insert, x->b->row_event[rows[i]], rows[i]};
    }
    if (k > 1) qsort(t, k, sizeof *t, twin_cmp);
    for (uint32_t i = 1; i < k; i++)
        if (t[i].insert == t[i - 1].insert && t[i].event == t[i - 1].event)
            x->place[t[i - 1].row] = PART_NONE;
    return ERR_NONE;
}

static struct err fold_person(struct part_build *x, const uint32_t *rows, uint32_t n) {
    const int64_t *times = x->b->row_time;
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && times[rows[to]] == times[rows[from]];)
            to++;
        if (to - from > 1) TRY(fold_group(x, rows + from, to - from));
    }
    return ERR_NONE;
}

/* Closes the gaps that folded rows leave, and numbers the places. */
static void compact(struct part_build *x) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->b->persons.n; i++) {
        uint32_t from = x->starts[i], to = x->starts[i + 1];
        x->starts[i] = n;
        for (uint32_t j = from; j < to; j++) {
            uint32_t row = x->order[j];
            if (x->place[row] == PART_NONE) continue;
            x->place[row] = n;
            x->order[n++] = row;
        }
    }
    x->starts[x->b->persons.n] = n;
    x->info.rows = n;
}

struct err part_build_order(struct part_build *x) {
    const struct part_builder *b = x->b;
    uint32_t persons = b->persons.n;
    AUTO(part_free) uint32_t *next = calloc((size_t)persons + 1, sizeof *next);
    x->person = malloc((size_t)persons * sizeof *x->person);
    x->starts = malloc(((size_t)persons + 1) * sizeof *x->starts);
    x->order = malloc((size_t)b->rows * sizeof *x->order);
    x->place = calloc(b->rows, sizeof *x->place);
    if (!next || !x->person || !x->starts || !x->order || !x->place)
        return ERR(ERR_NOMEM, "part: order");
    TRY(part_id_order(b->persons.ids, persons, x->person));
    for (uint32_t i = 0; i < b->rows; i++)
        next[b->row_person[i]]++;
    uint32_t at = 0;
    for (uint32_t i = 0; i < persons; i++) {
        uint32_t n = next[x->person[i]];
        x->starts[i] = next[x->person[i]] = at;
        at += n;
    }
    x->starts[persons] = at;
    for (uint32_t i = 0; i < b->rows; i++)
        x->order[next[b->row_person[i]]++] = i;
    TRY(sort_times(x));
    for (uint32_t i = 0; i < persons; i++)
        if (x->starts[i + 1] - x->starts[i] > 1)
            TRY(fold_person(x, x->order + x->starts[i], x->starts[i + 1] - x->starts[i]));
    compact(x);
    x->info.persons = persons;
    return ERR_NONE;
}
