/* scan.c: a slice of the range of pseudonyms, person by person.
 *
 * Every part is sorted by person, so the persons of a slice are one stretch of each. The stretches,
 * and the list of devices under their persons, are merged like sorted files: the smallest id is
 * next, and all sources that stand on it give a run of its rows. A heap holds the sources. Wanted
 * rows are picked by bits (pick.c): a person without one costs a look at a word. With one run, by
 * far the most, the rows stand in order; with several, they are merged by time
 * (equal times: in the order of the journal) and duplicates fold: of two rows with the same event,
 * time and insert number, the later one stays.
 */
#include <stdlib.h>

#include "query/run.h"

#define CHECK_EVERY 512 /* persons between two looks at the clock */
#define FEW_EQUAL 32
#define FEW_RUNS 16
#define FEW_SOURCES 12

struct source {
    uint64_t key;           /* the first half of the id, as a number: nearly always decides */
    const struct id128 *id; /* where it stands: persons or the device list's person */
    uint32_t at, end;
    uint16_t part;
    bool devices;
};
struct rows {
    uint32_t from, to;
    uint16_t part;
    uint8_t side;
};
struct scan {
    struct worker *w;
    struct source *heap; /* [n], smallest id first */
    uint32_t n;
    struct rows *rows; /* of the person in hand */
    uint32_t n_rows, rows_cap;
};

/* ---- sources ---- */

static bool hidden(const struct active_part *a, uint32_t at) {
    return a->hidden && (a->hidden[at / 64] >> (at % 64) & 1);
}

/* Sets `id` to where the source stands, skipping hidden persons. False: at its end. */
static bool settle(const struct run *r, struct source *s) {
    if (s->devices) {
        if (s->at >= s->end) return false;
        s->id = &r->devices[s->at].person;
    } else {
        const struct active_part *a = &r->parts[s->part];
        while (s->at < s->end && hidden(a, s->at))
            s->at++;
        if (s->at >= s->end) return false;
        s->id = a->persons + s->at;
    }
    memcpy(&s->key, s->id->b, sizeof s->key);
    s->key = __builtin_bswap64(s->key);
    return true;
}

static uint64_t second_half(const struct id128 *id) {
    uint64_t v;
    memcpy(&v, id->b + 8, sizeof v);
    return __builtin_bswap64(v);
}

static bool before(const struct source *a, const struct source *b) {
    return a->key != b->key ? a->key < b->key : second_half(a->id) < second_half(b->id);
}

static void sift(struct scan *k, uint32_t i) {
    while (2 * i + 1 < k->n) {
        uint32_t least = i, left = 2 * i + 1;
        for (uint32_t c = left; c < left + 2 && c < k->n; c++) {
            if (before(&k->heap[c], &k->heap[least])) least = c;
        }
        if (least == i) return;
        struct source t = k->heap[i];
        k->heap[i] = k->heap[least];
        k->heap[least] = t;
        i = least;
    }
}

/* The least pseudonym of slice `i` of n; false: behind the last. */
static bool slice_start(uint32_t i, uint32_t n, struct id128 *out) {
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

static void open_sources(struct scan *k, uint32_t slice, uint32_t n_slices) {
    const struct run *r = k->w->run;
    struct id128 from, to;
    (void)slice_start(slice, n_slices, &from);
    bool bounded = slice_start(slice + 1, n_slices, &to);
    if (r->has_only) {
        if (slice) return;
        from = r->only;
        bounded = id_after(from, &to);
    }
    for (uint32_t i = 0; i < r->n_parts; i++) {
        const struct active_part *a = &r->parts[i];
        struct source s = {.part = (uint16_t)i};
        s.at = part_find_person(a->part, from);
        s.end = bounded ? part_find_person(a->part, to) : a->n_persons;
        if (settle(r, &s)) k->heap[k->n++] = s;
    }
    struct source d = {.devices = true, .at = first_device(r, from)};
    d.end = bounded ? first_device(r, to) : (uint32_t)r->n_devices;
    if (settle(r, &d)) k->heap[k->n++] = d;
    for (uint32_t i = k->n / 2; i-- > 0;)
        sift(k, i);
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

static struct err add_source(struct scan *k, const struct source *s) {
    const struct device_run *d = s->devices ? &k->w->run->devices[s->at] : NULL;
    return d ? add_rows(k, d->part, d->at, true) : add_rows(k, s->part, s->at, false);
}

static struct err next_of_many(struct scan *k) {
    struct id128 person = *k->heap[0].id;
    uint64_t key = k->heap[0].key;
    while (k->n && k->heap[0].key == key && memcmp(k->heap[0].id->b + 8, person.b + 8, 8) == 0) {
        struct source *s = &k->heap[0];
        TRY(add_source(k, s));
        s->at++;
        if (!settle(k->w->run, s)) *s = k->heap[--k->n];
        sift(k, 0);
    }
    k->w->person = person;
    return ERR_NONE;
}

/* A few sources are looked at one after another: most persons stand in most parts, and a heap would
 * move all of them. */
static struct err next_of_few(struct scan *k) {
    uint32_t least = 0, kept = 0;
    for (uint32_t i = 1; i < k->n; i++) {
        if (before(&k->heap[i], &k->heap[least])) least = i;
    }
    struct id128 person = *k->heap[least].id;
    uint64_t key = k->heap[least].key;
    for (uint32_t i = 0; i < k->n; i++) {
        struct source *s = &k->heap[i];
        bool left = true;
        while (left && s->key == key && memcmp(s->id->b + 8, person.b + 8, 8) == 0) {
            TRY(add_source(k, s));
            s->at++;
            left = settle(k->w->run, s);
        }
        if (left && kept != i) k->heap[kept] = *s;
        kept += left;
    }
    k->n = kept;
    k->w->person = person;
    return ERR_NONE;
}

static struct err next_person(struct scan *k) {
    k->n_rows = 0;
    TRY(k->n <= FEW_SOURCES ? next_of_few(k) : next_of_many(k));
    if (k->n_rows > 1) order_rows(k->rows, k->n_rows);
    return ERR_NONE;
}

/* ---- wanted rows ---- */

/* One picked row becomes a hit, if it lies in the question's time. Written field by field: copying
 * one that was just put together waits for its parts. */
static inline uint32_t put_hit(struct worker *w, const struct hit *h, uint32_t n) {
    struct hit *out = &w->hits[n];
    out->t = h->t;
    out->sel = h->sel;
    out->row = h->row;
    out->part = h->part;
    out->side = h->side;
    return n + (h->t >= w->run->lo_us && h->t < w->run->hi_us);
}

/* The picked rows of [row, row + 64), by their bits. Such a stretch lies in one window. */
static uint32_t take(struct worker *w, struct hit h, uint64_t bits, uint32_t n) {
    const struct picker *k = &w->parts[h.part].wanted.picker;
    const struct window *times = &w->parts[h.part].times[h.side];
    const uint64_t *wanted = k->wanted;
    uint32_t first = h.row;
    for (; bits && first - times->base >= times->n; bits &= bits - 1) {
        h.row = first + (uint32_t)__builtin_ctzll(bits);
        h.t = worker_load_time(w, &h);
        h.sel = wanted[picker_code(k, h.row)];
        n = put_hit(w, &h, n);
    }
    for (; bits; bits &= bits - 1) {
        h.row = first + (uint32_t)__builtin_ctzll(bits);
        h.t = times->times[h.row - times->base];
        h.sel = wanted[picker_code(k, h.row)];
        n = put_hit(w, &h, n);
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

static bool has_needed(const struct scan *k) {
    for (uint32_t i = 0; i < k->n_rows; i++) {
        const struct rows *rows = &k->rows[i];
        struct picks *p = &k->w->parts[rows->part].needed;
        for (uint32_t row = rows->from & ~UINT32_C(63); row < rows->to; row += 64)
            if (bits_of(p, rows, row)) return true;
    }
    return false;
}

static struct err collect(struct worker *w, const struct rows *rows, uint32_t *n) {
    struct worker_part *p = &w->parts[rows->part];
    for (uint32_t row = rows->from & ~UINT32_C(63); row < rows->to; row += 64) {
        uint64_t bits = bits_of(&p->wanted, rows, row);
        if (!bits) continue;
        if (*n > UINT32_MAX - 64) return ERR(ERR_LIMIT, "query: rows of one person");
        struct hit *hits = table_grow(w->arena, w->hits, &w->hits_cap, *n + 64, sizeof *hits);
        if (!hits) return ERR(ERR_NOMEM, "query: rows of one person");
        w->hits = hits;
        *n = take(w, (struct hit){.row = row, .part = rows->part, .side = rows->side}, bits, *n);
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

/* ---- one person, one slice ---- */

static struct err visit(struct scan *k) {
    struct worker *w = k->w;
    uint32_t n = 0, kept = 0;
    bool apart = true; /* each run ends before the next begins: in order, and no duplicates */
    w->serial++;
    for (uint32_t i = 0; i < k->n_rows; i++)
        w->scanned += k->rows[i].to - k->rows[i].from;
    if (w->run->must && !w->run->has_filters && !has_needed(k)) return ERR_NONE;
    for (uint32_t i = 0; i < k->n_rows; i++) {
        uint32_t from = n;
        TRY(collect(w, &k->rows[i], &n));
        if (from && n > from) apart &= w->hits[from - 1].t < w->hits[from].t;
    }
    if (n == 0) return ERR_NONE;
    if (!apart) {
        TRY(order_hits(w, n));
        TRY(fold(w, &n));
    }
    if (!w->run->has_filters) kept = n;
    for (uint32_t i = kept; i < n; i++) {
        if (!filter_hit(w, &w->hits[i])) continue;
        if (kept != i) w->hits[kept] = w->hits[i];
        kept++;
    }
    TRY(w->error);
    if (kept == 0) return ERR_NONE;
    if (w->tape) tape_add(w->tape, w->person, w->hits, kept);
    return w->run->report->person(w, w->hits, kept);
}

struct err scan_slice(struct worker *w, uint32_t slice, uint32_t n_slices) {
    struct scan k = {.w = w};
    AUTO(arena_free) struct arena *heap = arena_new(0);
    k.heap = heap ? arena_array(heap, w->run->n_parts + 1, sizeof *k.heap) : NULL;
    if (!k.heap) return ERR(ERR_NOMEM, "query: slice");
    open_sources(&k, slice, n_slices);
    for (uint32_t i = 0; k.n; i++) {
        if (i % CHECK_EVERY == 0) TRY(run_check(w->run->limits));
        TRY(next_person(&k));
        TRY(visit(&k));
        TRY(w->error);
    }
    return ERR_NONE;
}
