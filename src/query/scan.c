/* scan.c: a slice of the range of pseudonyms, person by person.
 *
 * Every part is sorted by person, so the persons of a slice are one stretch of each. A slice is cut
 * into short stretches; in each, every part gives the persons who have wanted rows, with their hits
 * (batch.c), and these lists are merged like sorted files: the smallest id is next, and all sources
 * that stand on it give hits. With one source, by far the most, the hits stand in order and are
 * used where they lie; with several, they are merged by time (equal times: in the order of the
 * journal) and duplicates fold: of two rows with the same event, time and insert number, the later
 * one stays. Devices that became a person's are one more source; where one is met, the person's
 * rows are looked up run by run.
 *
 * Where a report does not ask whose an event is (`rowwise`), parts are read row by row instead, as
 * far as no duplicate can be: see scan_clash.
 */
#include <stdlib.h>

#include "query/batch.h"

#define CHECK_EVERY 256 /* persons between two looks at the clock, and turns for others */
#define FEW_EQUAL 32
#define FEW_RUNS 16
#define STRETCH_ROWS 24576 /* of all parts, about */

struct rows {
    uint32_t from, to;
    uint16_t part;
    uint8_t side;
};
/* One of the lists that are merged: a part's entries, or those of the devices. */
struct source {
    const struct batch_entry *at; /* up to the one behind the last */
    const struct batch *batch;    /* NULL: the devices */
};
struct scan {
    struct worker *w;
    struct span span;
    bool again;             /* the rows were counted by scan_flat */
    struct batch *batches;  /* [n_parts] */
    struct source *sources; /* [n] */
    uint32_t n;
    uint32_t left;  /* entries of all sources that were not visited */
    uint32_t *same; /* [n_same]: sources that stand on the person in hand */
    uint32_t n_same;
    uint32_t *upto;              /* [n_parts]: persons of earlier stretches */
    uint32_t device;             /* the same of devices */
    struct batch_entry *devices; /* of the stretch: one for each person */
    uint32_t devices_cap;
    struct rows *rows; /* of the person in hand */
    uint32_t n_rows, rows_cap;
};

/* ---- slices and stretches of them ---- */

/* The least pseudonym of piece `i` of n; false: behind the last. */
static bool piece_start(uint64_t i, uint64_t n, struct id128 *out) {
    if (i >= n) return false;
    uint64_t top = (uint64_t)(((unsigned __int128)i << 64) / n);
    *out = (struct id128){{0}};
    for (int b = 0; b < 8; b++)
        out->b[b] = (uint8_t)(top >> (56 - 8 * b));
    return true;
}

static bool id_after(struct id128 id, struct id128 *out) {
    for (int i = 15; i >= 0; i--) {
        if (++id.b[i]) break;
        if (i == 0) return false;
    }
    *out = id;
    return true;
}

static uint32_t first_device(const struct run *r, struct id128 id) {
    size_t low = 0, high = r->n_devices;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (id128_cmp(r->devices[mid].person, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return (uint32_t)low;
}

/* ---- sources ---- */

static void open_source(struct scan *k, const struct batch *b, const struct batch_entry *entries,
                        uint32_t n) {
    if (n) k->sources[k->n++] = (struct source){entries, b};
    k->left += n;
}

/* The devices [k->device, end) as entries: [from, to) are those of one person. */
static struct err open_devices(struct scan *k, uint32_t end) {
    const struct device_run *d = k->w->run->devices;
    uint32_t n = 0;
    if (k->device == end) return ERR_NONE;
    k->devices = table_grow(k->w->arena, k->devices, &k->devices_cap, end - k->device + 1,
                            sizeof *k->devices);
    if (!k->devices) return ERR(ERR_NOMEM, "query: devices");
    for (uint32_t i = k->device, to; i < end; i = to) {
        for (to = i + 1; to < end && id128_eq(d[to].person, d[i].person);)
            to++;
        struct batch_entry *e = &k->devices[n++];
        batch_key(&d[i].person, e);
        e->from = i;
        e->to = to;
    }
    k->devices[n] = (struct batch_entry){.key = UINT64_MAX};
    open_source(k, NULL, k->devices, n);
    k->device = end;
    return ERR_NONE;
}

static bool at_end(const struct scan *k, const struct source *s) {
    return s->batch ? s->at == s->batch->entries + s->batch->n
                    : s->at->to == 0; /* a person of devices has at least one */
}

/* Of sources with the same first half, which is the greatest possible or whose second halves
 * differ: those that stand on a person, and on the least. Returns the bits that are left. */
static uint32_t keep_least(struct scan *k, uint32_t n) {
    uint32_t kept = 0;
    uint64_t rest = UINT64_MAX;
    for (uint32_t i = 0; i < n; i++) {
        const struct source *s = &k->sources[k->same[i]];
        if (!at_end(k, s) && s->at->rest < rest) rest = s->at->rest;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct source *s = &k->sources[k->same[i]];
        k->same[kept] = k->same[i];
        kept += !at_end(k, s) && s->at->rest == rest;
    }
    return kept;
}

/* The sources that stand on the next person, in the order of parts, devices last. Few parts are the
 * rule, so they are looked at one after another, without a branch that depends on the ids. */
static void find_same(struct scan *k) {
    uint64_t least = k->sources[0].at->key, differ = 0;
    for (uint32_t i = 1; i < k->n; i++) {
        uint64_t key = k->sources[i].at->key;
        least = key < least ? key : least;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->n; i++) {
        k->same[n] = i;
        n += k->sources[i].at->key == least;
    }
    const struct batch_entry *first = k->sources[k->same[0]].at;
    for (uint32_t i = 1; i < n; i++)
        differ |= k->sources[k->same[i]].at->rest ^ first->rest;
    if (differ || least == UINT64_MAX) n = keep_least(k, n);
    k->n_same = n;
    k->left -= n;
}

/* ---- the runs of one person ---- */

static struct err add_rows(struct scan *k, uint32_t part, uint32_t at, bool side) {
    struct rows *rows = table_grow(k->w->arena, k->rows, &k->rows_cap, k->n_rows + 1, sizeof *rows);
    if (!rows) return ERR(ERR_NOMEM, "query: runs");
    const struct active_part *a = &k->w->run->parts[part];
    k->rows = rows;
    rows[k->n_rows++] = (struct rows){a->starts[at], a->starts[at + 1], (uint16_t)part, side};
    return ERR_NONE;
}

/* Order of the journal as far as it can be known: parts in their order; in a part a device's rows,
 * then the person's own. */
static int cmp_rows(const void *a, const void *b) {
    const struct rows *x = a, *y = b;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    if (x->side != y->side) return x->side ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

static void order_rows(struct rows *rows, uint32_t n) {
    if (n > FEW_RUNS) qsort(rows, n, sizeof *rows, cmp_rows);
    for (uint32_t i = 1; n <= FEW_RUNS && i < n; i++) {
        struct rows x = rows[i];
        uint32_t at = i;
        for (; at > 0 && cmp_rows(&x, &rows[at - 1]) < 0; at--)
            rows[at] = rows[at - 1];
        rows[at] = x;
    }
}

/* ---- wanted rows ---- */

/* The picked rows of [row, row + 64), by their bits, if they lie in the span of time. Such a
 * stretch lies in one window. Hits are written field by field: copying one that was just put
 * together waits for its parts. */
static uint32_t take(struct scan *k, struct hit h, uint64_t bits, uint32_t n) {
    struct worker *w = k->w;
    const struct picker *picker = &w->parts[h.part].wanted.picker;
    for (uint32_t first = h.row; bits; bits &= bits - 1) {
        h.row = first + (uint32_t)__builtin_ctzll(bits);
        struct hit *out = &w->hits[n];
        out->t = worker_time(w, &h);
        out->sel = picker->wanted[picker_code(picker, h.row)];
        out->row = h.row;
        out->part = h.part;
        out->side = h.side;
        n += in_span(&k->span, out->t);
    }
    return n;
}

/* The bits of a run's rows among [row, row + 64). Persons' runs follow each other, so a word serves
 * all that it touches. */
static uint64_t bits_of(struct picks *p, const struct rows *rows, uint32_t row) {
    if (p->word[rows->side].at != row) {
        p->word[rows->side].at = row;
        p->word[rows->side].bits = picker_bits(&p->picker, row);
    }
    uint64_t bits = p->word[rows->side].bits;
    if (row < rows->from) bits &= UINT64_MAX << (rows->from - row);
    if (rows->to - row < 64) bits &= (UINT64_C(1) << (rows->to - row)) - 1;
    return bits;
}

static struct err collect(struct scan *k, const struct rows *rows, uint32_t *n) {
    struct worker *w = k->w;
    struct worker_part *p = &w->parts[rows->part];
    for (uint32_t row = rows->from & ~UINT32_C(63); row < rows->to; row += 64) {
        uint64_t bits = bits_of(&p->wanted, rows, row);
        if (!bits) continue;
        if (*n > UINT32_MAX - 64) return ERR(ERR_LIMIT, "query: rows of one person");
        struct hit *hits = table_grow(w->arena, w->hits, &w->hits_cap, *n + 64, sizeof *hits);
        if (!hits) return ERR(ERR_NOMEM, "query: rows of one person");
        w->hits = hits;
        *n = take(k, (struct hit){.row = row, .part = rows->part, .side = rows->side}, bits, *n);
    }
    return ERR_NONE;
}

/* Stable merge sort by time of hits that are a few sorted runs. */
static struct err order_hits(struct worker *w, uint32_t n) {
    bool sorted = true;
    for (uint32_t i = 1; i < n && sorted; i++)
        sorted = w->hits[i - 1].t <= w->hits[i].t;
    if (sorted) return ERR_NONE;
    struct hit *scratch = table_grow(w->arena, w->scratch, &w->scratch_cap, n, sizeof *scratch);
    if (!scratch) return ERR(ERR_NOMEM, "query: rows of one person");
    w->scratch = scratch;
    for (uint32_t width = 1; width<n; width = width> n / 2 ? n : width * 2) {
        for (uint32_t at = 0; at<n; at += width>(n - at) / 2 ? n - at : 2 * width) {
            uint32_t mid = n - at > width ? at + width : n, end = n - mid > width ? mid + width : n;
            for (uint32_t i = at, j = mid, o = at; o < end; o++)
                scratch[o] = j >= end || (i < mid && w->hits[i].t <= w->hits[j].t) ? w->hits[i++]
                                                                                   : w->hits[j++];
        }
        memcpy(w->hits, scratch, n * sizeof *scratch);
    }
    return ERR_NONE;
}

/* ---- duplicates ---- */

static struct id128 event_of(struct worker *w, const struct hit *h) {
    struct worker_part *p = &w->parts[h->part];
    return part_event_hash(p->active->part, worker_event(w, h));
}

static bool same_event(struct worker *w, const struct hit *a, const struct hit *b) {
    uint64_t insert = worker_insert(w, a);
    return insert && insert == worker_insert(w, b) && id128_eq(event_of(w, a), event_of(w, b));
}

struct twin {
    uint64_t insert;
    struct id128 event;
    uint32_t at;
};

static int cmp_twins(const void *a, const void *b) {
    const struct twin *x = a, *y = b;
    if (x->insert != y->insert) return x->insert < y->insert ? -1 : 1;
    int c = id128_cmp(x->event, y->event);
    return c ? c : (x->at > y->at) - (x->at < y->at);
}

/* Marks (sel = 0) all but the last of each set of equal events among many of one time. */
static struct err fold_many(struct worker *w, struct hit *hits, uint32_t n) {
    struct twin *twins = arena_array(w->arena, n, sizeof *twins);
    if (!twins) return ERR(ERR_NOMEM, "query: rows of one person");
    for (uint32_t i = 0; i < n; i++)
        twins[i] = (struct twin){worker_insert(w, &hits[i]), event_of(w, &hits[i]), i};
    qsort(twins, n, sizeof *twins, cmp_twins);
    for (uint32_t i = 0; i + 1 < n; i++) {
        if (twins[i].insert && twins[i].insert == twins[i + 1].insert &&
            id128_eq(twins[i].event, twins[i + 1].event))
            hits[twins[i].at].sel = 0;
    }
    return ERR_NONE;
}

static void fold_few(struct worker *w, struct hit *hits, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = i + 1; j < n && hits[i].sel; j++) {
            if (same_event(w, &hits[i], &hits[j])) hits[i].sel = 0;
        }
    }
}

static struct err fold(struct worker *w, uint32_t *n) {
    uint32_t kept = 0;
    for (uint32_t i = 0, j; i < *n; i = j) {
        for (j = i + 1; j < *n && w->hits[j].t == w->hits[i].t;)
            j++;
        if (j - i > FEW_EQUAL)
            TRY(fold_many(w, w->hits + i, j - i));
        else if (j - i > 1)
            fold_few(w, w->hits + i, j - i);
        for (; i < j; i++) {
            if (w->hits[i].sel) w->hits[kept++] = w->hits[i];
        }
    }
    *n = kept;
    return ERR_NONE;
}

/* ---- one person ---- */

/* The person's hits go to the filters and to the report; `hits` may be changed. */
static struct err give(struct worker *w, struct hit *hits, uint32_t n) {
    if (w->run->has_filters) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < n; i++) {
            if (!filter_hit(w, &hits[i])) continue;
            if (kept != i) hits[kept] = hits[i];
            kept++;
        }
        TRY(w->error);
        n = kept;
    }
    if (n == 0) return ERR_NONE;
    if (w->tape) tape_add(w->tape, w->person, hits, n);
    return w->run->report->person(w, hits, n);
}

/* The person's hits in w->hits, in the order of their runs. `apart`: each run ends before the next
 * begins, so they stand in order and hold no duplicates. */
static struct err give_ordered(struct worker *w, uint32_t n, bool apart) {
    if (!apart) {
        TRY(order_hits(w, n));
        TRY(fold(w, &n));
    }
    return give(w, w->hits, n);
}

static struct err add_devices(struct scan *k, const struct batch_entry *e) {
    for (uint32_t i = e->from; i < e->to; i++) {
        const struct device_run *d = &k->w->run->devices[i];
        TRY(add_rows(k, d->part, d->at, true));
    }
    return ERR_NONE;
}

/* With rows of devices, or where marks don't tell the order: run by run. */
static struct err visit_rows(struct scan *k) {
    struct worker *w = k->w;
    uint32_t n = 0;
    bool apart = true;
    k->n_rows = 0;
    for (uint32_t i = 0; i < k->n_same; i++) {
        const struct source *s = &k->sources[k->same[i]];
        TRY(s->batch ? add_rows(k, s->batch->part, s->at->at, false) : add_devices(k, s->at));
    }
    order_rows(k->rows, k->n_rows);
    for (uint32_t i = 0; i < k->n_rows; i++) {
        uint32_t from = n;
        TRY(collect(k, &k->rows[i], &n));
        if (from && n > from) apart &= w->hits[from - 1].t < w->hits[from].t;
    }
    return n ? give_ordered(w, n, apart) : ERR_NONE;
}

/* In several parts. */
static struct err visit_parts(struct scan *k) {
    struct worker *w = k->w;
    uint32_t n = 0;
    bool apart = true, needed = false;
    for (uint32_t i = 0; i < k->n_same; i++)
        needed |= k->sources[k->same[i]].at->needed;
    if (!needed) return ERR_NONE;
    for (uint32_t i = 0; i < k->n_same; i++) {
        const struct source *s = &k->sources[k->same[i]];
        const struct hit *from = s->batch->hits + s->at->from;
        uint32_t add = s->at->to - s->at->from;
        if (add > UINT32_MAX - n) return ERR(ERR_LIMIT, "query: rows of one person");
        struct hit *hits = table_grow(w->arena, w->hits, &w->hits_cap, n + add, sizeof *hits);
        if (!hits) return ERR(ERR_NOMEM, "query: rows of one person");
        w->hits = hits;
        apart &= n == 0 || hits[n - 1].t < from->t;
        for (uint32_t j = 0; j < add; j++)
            hits[n + j] = from[j];
        n += add;
    }
    return give_ordered(w, n, apart);
}

static struct err visit_marks(struct scan *k) {
    const struct source *s = &k->sources[k->same[0]];
    struct marks m = s->batch->marks[s->at->from];
    for (uint32_t i = 1; i < k->n_same; i++) {
        s = &k->sources[k->same[i]];
        if (marks_unite(&m, &s->batch->marks[s->at->from])) continue;
        k->w->person = batch_id(s->at);
        return visit_rows(k);
    }
    k->w->run->report->marked(k->w, &m);
    return ERR_NONE;
}

static struct err visit(struct scan *k) {
    const struct source *s = &k->sources[k->same[0]];
    bool devices = !k->sources[k->same[k->n_same - 1]].batch;
    k->w->serial++;
    if (k->w->run->marks && !devices) return visit_marks(k);
    k->w->person = batch_id(s->at);
    if (devices) return visit_rows(k);
    if (k->n_same > 1) return visit_parts(k);
    return s->at->needed ? give(k->w, s->batch->hits + s->at->from, s->at->to - s->at->from)
                         : ERR_NONE;
}

/* ---- one stretch, one slice ---- */

/* Persons below `to` (NULL: all that are left), from where the last stretch ended. */
static struct err stretch(struct scan *k, const struct id128 *to) {
    const struct run *r = k->w->run;
    k->n = k->left = 0;
    for (uint32_t i = 0; i < r->n_parts; i++) {
        const struct active_part *a = &r->parts[i];
        uint32_t from = k->upto[i], end = to ? part_find_person(a->part, *to) : a->n_persons;
        k->upto[i] = end;
        if (!k->again) k->w->scanned += a->starts[end] - a->starts[from];
        TRY(r->marks ? marks_fill(k->w, &k->batches[i], from, end)
                     : batch_fill(k->w, &k->batches[i], &k->span, from, end));
        open_source(k, &k->batches[i], k->batches[i].entries, k->batches[i].n);
    }
    TRY(open_devices(k, to ? first_device(r, *to) : (uint32_t)r->n_devices));
    for (uint32_t i = 1; k->left; i++) {
        if (i % CHECK_EVERY == 0) TRY(run_check(r->limits));
        find_same(k);
        TRY(visit(k));
        TRY(k->w->error);
        for (uint32_t j = 0; j < k->n_same; j++)
            k->sources[k->same[j]].at++;
    }
    return run_check(r->limits);
}

static bool is_timeless(const struct run *r, uint32_t part) {
    const struct part_info *i = part_info(r->parts[part].part);
    return r->timeless && i->min_time_us >= r->lo_us && i->max_time_us < r->hi_us &&
           r->clash_lo_us >= r->clash_hi_us;
}

/* A worker's lists serve all its slices. */
static struct err scan_of(struct worker *w, struct scan **out) {
    uint32_t n = w->run->n_parts + 1;
    struct scan *k = w->scan ? w->scan : arena_alloc(w->arena, sizeof *k);
    *out = k;
    if (w->scan) return ERR_NONE;
    if (!k) return ERR(ERR_NOMEM, "query: slice");
    k->w = w;
    k->batches = arena_array(w->arena, n, sizeof *k->batches);
    k->sources = arena_array(w->arena, n, sizeof *k->sources);
    k->same = arena_array(w->arena, n + 1, sizeof *k->same);
    k->upto = arena_array(w->arena, n, sizeof *k->upto);
    if (!k->batches || !k->sources || !k->same || !k->upto) return ERR(ERR_NOMEM, "query: slice");
    for (uint32_t i = 0; i < w->run->n_parts; i++)
        k->batches[i] = (struct batch){.part = i, .timeless = is_timeless(w->run, i)};
    w->scan = k;
    return ERR_NONE;
}

static void start_at(struct scan *k, struct id128 from) {
    for (uint32_t i = 0; i < k->w->run->n_parts; i++)
        k->upto[i] = part_find_person(k->w->run->parts[i].part, from);
    k->device = first_device(k->w->run, from);
}

/* Into how many stretches slices are cut. */
static uint64_t stretches(const struct run *r, uint32_t n_slices) {
    uint64_t rows = 0;
    if (r->limits->persons_per_slice) return 3;
    for (uint32_t i = 0; i < r->n_parts; i++)
        rows += r->parts[i].rows;
    return rows / n_slices / STRETCH_ROWS + 1;
}

static struct err walk(struct scan *k, uint32_t slice, uint32_t n_slices) {
    const struct run *r = k->w->run;
    uint64_t each = stretches(r, n_slices);
    struct id128 from, to;
    if (r->has_only) {
        if (slice) return ERR_NONE;
        start_at(k, r->only);
        return stretch(k, id_after(r->only, &to) ? &to : NULL);
    }
    (void)piece_start(slice * each, n_slices * each, &from);
    start_at(k, from);
    for (uint64_t i = 1; i <= each; i++)
        TRY(stretch(k, piece_start(slice * each + i, n_slices * each, &to) ? &to : NULL));
    return ERR_NONE;
}

/* ---- row by row ---- */

void scan_clash(const struct run *r, int64_t *out_lo_us, int64_t *out_hi_us) {
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (uint32_t i = 0; i < r->n_parts; i++) {
        const struct part_info *a = part_info(r->parts[i].part);
        int64_t from = a->min_time_us, to = a->max_time_us;
        bool clashes = r->parts[i].hidden != NULL;
        for (uint32_t j = 0; j < r->n_parts && !clashes; j++) {
            const struct part_info *b = part_info(r->parts[j].part);
            int64_t later = from > b->min_time_us ? from : b->min_time_us;
            int64_t sooner = to < b->max_time_us ? to : b->max_time_us;
            if (j == i || later > sooner) continue;
            lo = later < lo ? later : lo;
            hi = sooner > hi ? sooner : hi;
        }
        if (!clashes) continue;
        lo = from < lo ? from : lo;
        hi = to > hi ? to : hi;
    }
    *out_lo_us = lo < hi || lo == hi ? lo : 0;
    *out_hi_us = lo <= hi && hi < INT64_MAX ? hi + 1 : 0;
}

/* The slice's share of every part's rows, outside the clash. */
static struct err flat(struct scan *k, uint32_t slice, uint32_t n_slices) {
    struct worker *w = k->w;
    for (uint32_t i = 0; i < w->run->n_parts; i++) {
        uint64_t rows = w->run->parts[i].rows;
        uint32_t at = (uint32_t)(rows * slice / n_slices);
        uint32_t end = (uint32_t)(rows * (slice + 1) / n_slices);
        w->scanned += end - at;
        for (uint32_t to; at < end; at = to) {
            to = end - at > BATCH_ROWS ? (at / BATCH_ROWS + 1) * BATCH_ROWS : end;
            TRY(batch_take(w, &k->batches[i], &k->span, at, to));
            if (k->batches[i].n_hits) TRY(give(w, k->batches[i].hits, k->batches[i].n_hits));
            TRY(w->error);
            TRY(run_check(w->run->limits));
        }
    }
    return ERR_NONE;
}

struct err scan_slice(struct worker *w, uint32_t slice, uint32_t n_slices) {
    const struct run *r = w->run;
    struct scan *k;
    TRY(scan_of(w, &k));
    k->again = false;
    k->span = (struct span){.lo_us = r->lo_us, .hi_us = r->hi_us};
    if (!r->rowwise) return walk(k, slice, n_slices);
    k->span.skip_lo_us = r->clash_lo_us;
    k->span.skip_hi_us = r->clash_hi_us;
    TRY(flat(k, slice, n_slices));
    if (r->clash_lo_us >= r->clash_hi_us) return ERR_NONE;
    k->again = true;
    k->span = (struct span){.lo_us = r->lo_us > r->clash_lo_us ? r->lo_us : r->clash_lo_us,
                            .hi_us = r->hi_us < r->clash_hi_us ? r->hi_us : r->clash_hi_us};
    return walk(k, slice, n_slices);
}
