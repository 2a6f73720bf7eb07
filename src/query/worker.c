/* worker.c: one thread's view of the world: windows of decoded rows into the columns that the
 * question reads. A window holds the 1024 rows around the row in hand, since a slice goes through a
 * part's rows in order; rows of devices lie elsewhere and have small windows of their own, so that
 * they don't throw the large ones away. Where a part stores one code for a run of rows, the run is
 * all that is read. Where only few rows of a stretch are wanted, decoding all
 * of it would be most of the work: so the first ones are read singly, and a window is decoded when
 * it turns out to be worth it. */
#include "query/groups.h"

#include <math.h>

void worker_fail(struct worker *w, struct err e) {
    if (w->error.code == ERR_OK) w->error = e;
}

/* ---- windows ---- */

/* Moves the window over the row and gives its memory, allocated at first use. False: no memory
 * (zeros are shown). */
static bool place(struct worker *w, struct window *win, const struct hit *h, size_t each_bytes) {
    uint32_t size = h->side ? SIDE_ROWS : WINDOW_ROWS;
    uint32_t rows = w->parts[h->part].active->rows;
    if (!win->codes || win->codes == w->zeros) {
        void *p = arena_array(w->arena, size, each_bytes);
        if (!p) worker_fail(w, ERR(ERR_NOMEM, "query: window"));
        win->codes = p ? p : w->zeros;
    }
    win->base = h->row / size * size;
    win->n = rows - win->base < size ? rows - win->base : size;
    return win->codes != w->zeros;
}

/* The row lies outside the decoded window: whether to read it alone. */
static bool alone(struct window *win, const struct hit *h) {
    uint32_t size = h->side ? SIDE_ROWS : WINDOW_ROWS, base = h->row / size * size;
    if (win->n || win->base != base) {
        win->base = base;
        win->n = win->singles = 0;
    }
    return win->singles++ < WINDOW_SINGLES;
}

uint32_t column_load_code(struct worker *w, const struct hit *h, struct column *c) {
    struct window *win = &c->win[h->side];
    const struct part *p = w->parts[h->part].active->part;
    if (c->index == COLUMN_EVENTS) {
        uint32_t code = worker_event(w, h);
        return code <= c->dictionary_n ? code : 0;
    }
    if (part_code_run(p, c->index, h->row, &c->run[h->side])) return c->run[h->side].code;
    c->run[h->side].n = 0;
    if (alone(win, h)) return part_code_at(p, c->index, h->row);
    if (place(w, win, h, sizeof *win->codes))
        part_codes(p, c->index, win->base, win->n, win->codes);
    return win->codes[h->row - win->base];
}

double column_load_number(struct worker *w, const struct hit *h, struct column *c) {
    struct window *win = &c->win[h->side];
    if (alone(win, h)) return part_number_at(w->parts[h->part].active->part, c->index, h->row);
    if (place(w, win, h, sizeof *win->numbers))
        part_numbers(w->parts[h->part].active->part, c->index, win->base, win->n, win->numbers);
    return win->numbers[h->row - win->base];
}

int64_t worker_load_time(struct worker *w, const struct hit *h) {
    struct window *win = &w->parts[h->part].times[h->side];
    if (alone(win, h)) return part_time_at(w->parts[h->part].active->part, h->row);
    if (place(w, win, h, sizeof *win->times))
        part_times(w->parts[h->part].active->part, win->base, win->n, win->times);
    return win->times[h->row - win->base];
}

uint64_t worker_insert(struct worker *w, const struct hit *h) {
    struct window *win = &w->parts[h->part].inserts[h->side];
    if (h->row - win->base >= win->n && place(w, win, h, sizeof *win->inserts))
        part_inserts(w->parts[h->part].active->part, win->base, win->n, win->inserts);
    return win->inserts[h->row - win->base];
}

void column_entry(const struct worker *w, uint32_t part, const struct column *c, uint32_t code,
                  struct part_value *out) {
    const struct part *p = w->parts[part].active->part;
    if (c->index != COLUMN_EVENTS) {
        part_entry(p, c->index, code, out);
        return;
    }
    *out = (struct part_value){
        .type = PV_TEXT, .text_type = TEXT_STRING, .hash = part_event_hash(p, code)};
}

/* ---- making one ---- */

static struct err column_init(struct worker *w, struct column *c) {
    c->memo = arena_array(w->arena, w->run->q->n_leaves, sizeof *c->memo);
    c->ids = arena_array(w->arena, w->run->n_dims, sizeof *c->ids);
    return c->memo && c->ids ? ERR_NONE : ERR(ERR_NOMEM, "query: column");
}

static struct err add_column(struct worker *w, struct worker_part *p, struct id128 name,
                             enum part_class class, struct column **out) {
    *out = NULL;
    int index = part_find_column(p->active->part, name, class);
    if (index < 0) return ERR_NONE;
    for (uint32_t i = 0; i < p->n_columns; i++) {
        if (p->columns[i].index == index) *out = &p->columns[i];
    }
    if (*out) return ERR_NONE;
    struct column *c = &p->columns[p->n_columns++];
    *c = (struct column){.index = index, .class = class};
    c->dictionary_n = class == PART_CODE ? part_column(p->active->part, index)->dictionary_n : 0;
    *out = c;
    return column_init(w, c);
}

static struct err bind_reading(struct worker *w, struct worker_part *p, uint32_t ref) {
    const struct bound_ref *b = &w->run->refs[ref];
    struct reading *r = &p->reads[ref];
    if (b->plan->kind == REF_EVENT_NAME) r->code[r->n_code++] = &p->names;
    for (size_t i = 0; i < b->n; i++) {
        struct column *c;
        TRY(add_column(w, p, b->name[i], PART_CODE, &c));
        if (c) r->code[r->n_code++] = c;
        TRY(add_column(w, p, b->name[i], PART_NUMBER, &c));
        if (c) r->number[r->n_number++] = c;
    }
    return ERR_NONE;
}

static void picks_init(struct picks *p, const struct active_part *a, const uint64_t *wanted) {
    p->picker = (struct picker){.rows = a->rows, .n_events = a->n_events, .wanted = wanted};
    p->picker.codes = part_event_view(a->part, &p->picker.width);
    picker_init(&p->picker);
    p->word[0].at = p->word[1].at = UINT32_MAX;
}

static struct err part_init(struct worker *w, struct worker_part *p, const struct active_part *a) {
    size_t columns = 0;
    for (uint32_t i = 0; i < w->run->n_refs; i++)
        columns += 2 * w->run->refs[i].n;
    p->active = a;
    picks_init(&p->wanted, a, a->wanted);
    picks_init(&p->needed, a, a->needed);
    p->names = (struct column){.index = COLUMN_EVENTS, .dictionary_n = a->n_events};
    p->columns = arena_array(w->arena, columns, sizeof *p->columns);
    p->reads = arena_array(w->arena, w->run->n_refs, sizeof *p->reads);
    if (!p->columns || !p->reads) return ERR(ERR_NOMEM, "query: worker");
    TRY(column_init(w, &p->names));
    for (uint32_t i = 0; i < w->run->n_refs; i++)
        TRY(bind_reading(w, p, i));
    return ERR_NONE;
}

static struct err worker_fill(struct worker *w) {
    const struct run *r = w->run;
    uint32_t leaves = r->q->n_leaves, dims = r->n_dims;
    w->parts = arena_array(w->arena, r->n_parts, sizeof *w->parts);
    w->zeros = arena_alloc(w->arena, WINDOW_ROWS * sizeof(uint64_t));
    w->leaf_result = arena_array(w->arena, leaves, sizeof *w->leaf_result);
    w->leaf_serial = arena_array(w->arena, leaves, sizeof *w->leaf_serial);
    w->dim_slot = arena_array(w->arena, dims, sizeof *w->dim_slot);
    w->dim_profiles = arena_array(w->arena, dims, sizeof *w->dim_profiles);
    w->dim_serial = arena_array(w->arena, dims, sizeof *w->dim_serial);
    w->dim_one = arena_array(w->arena, dims, sizeof *w->dim_one);
    if (!w->parts || !w->zeros || !w->leaf_result || !w->leaf_serial || !w->dim_slot ||
        !w->dim_profiles || !w->dim_serial || !w->dim_one)
        return ERR(ERR_NOMEM, "query: worker");
    for (uint32_t i = 0; i < r->n_parts; i++)
        TRY(part_init(w, &w->parts[i], &r->parts[i]));
    if (!values_init(&w->values, w->arena) || !groups_init(w))
        return ERR(ERR_NOMEM, "query: worker");
    return r->report->init(w);
}

struct err worker_new(const struct run *r, struct worker **out) {
    unsigned threads = r->limits->threads ? r->limits->threads : 1;
    struct arena *a = arena_new(r->limits->memory_bytes / 2 / threads);
    struct worker *w = a ? arena_alloc(a, sizeof *w) : NULL;
    if (!w) {
        arena_free(a);
        return ERR(ERR_NOMEM, "query: worker");
    }
    w->run = r;
    w->arena = a;
    struct err e = worker_fill(w);
    if (e.code != ERR_OK)
        worker_free(w);
    else
        *out = w;
    return e;
}

void worker_free(struct worker *w) {
    if (w) arena_free(w->arena);
}
