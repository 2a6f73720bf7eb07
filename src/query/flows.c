/* flows.c: what people do next (and before): a path per anchor event. Only whole paths are counted;
 * steps and links are read off them when the answer is written. A position without an event is
 * null. */
#include <stdlib.h>

#include "query/run.h"

#define ANCHOR 0
#define NOTHING UINT32_MAX
#define MAX_LENGTH (2 * PLAN_MAX_FLOW + 1)

struct flows {
    uint32_t length;
    struct table paths; /* uint32_t[length] of event numbers */
    uint64_t *count;    /* [paths.n] */
    uint32_t cap;
};

static struct err plan(struct run *r) {
    static const struct plan_selector every = {.any = true, .field = "anchor"};
    const struct query *q = r->q;
    run_add_selector(r, &q->anchor);
    r->must = UINT64_C(1) << ANCHOR;
    run_add_selector(r, &every);
    r->want_event_ids = true;
    if (q->backward) r->lo_us = r->range.from_us - q->window_us;
    if (q->forward) r->hi_us = r->range.to_us + q->window_us;
    return ERR_NONE;
}

static struct err init(struct worker *w) {
    struct flows *f = arena_alloc(w->arena, sizeof *f);
    if (!f) return ERR(ERR_NOMEM, "query: flows");
    f->length = w->run->q->backward + 1 + w->run->q->forward;
    table_init(&f->paths, w->arena, f->length * sizeof(uint32_t));
    w->state = f;
    return ERR_NONE;
}

static uint32_t event_of(struct worker *w, const struct hit *h) {
    return w->parts[h->part].active->event_ids[worker_event(w, h)];
}

static struct err add_path(struct worker *w, const uint32_t *path, uint64_t n) {
    struct flows *f = w->state;
    uint32_t i = table_put(&f->paths, path, NULL);
    uint64_t *count =
        i == TABLE_NONE ? NULL : table_grow(w->arena, f->count, &f->cap, i + 1, sizeof *count);
    if (!count) return ERR(ERR_NOMEM, "query: paths");
    f->count = count;
    count[i] += n;
    return ERR_NONE;
}

static struct err person(struct worker *w, const struct hit *hits, uint32_t n) {
    const struct run *r = w->run;
    uint32_t back = r->q->backward, ahead = r->q->forward;
    for (uint32_t i = 0; i < n; i++) {
        const struct hit *h = &hits[i];
        if (!(h->sel >> ANCHOR & 1) || h->t < r->range.from_us || h->t >= r->range.to_us) continue;
        uint32_t path[MAX_LENGTH];
        for (uint32_t k = 0; k < back + 1 + ahead; k++)
            path[k] = NOTHING;
        path[back] = event_of(w, h);
        for (uint32_t k = 1; k <= ahead && i + k < n && hits[i + k].t - h->t <= r->q->window_us;
             k++)
            path[back + k] = event_of(w, &hits[i + k]);
        for (uint32_t k = 1; k <= back && k <= i && h->t - hits[i - k].t <= r->q->window_us; k++)
            path[back - k] = event_of(w, &hits[i - k]);
        TRY(add_path(w, path, 1));
    }
    return ERR_NONE;
}

static struct err merge(struct worker *into, const struct worker *from) {
    const struct flows *b = from->state;
    for (uint32_t i = 0; i < b->paths.n; i++)
        TRY(add_path(into, table_key(&b->paths, i), b->count[i]));
    return ERR_NONE;
}

/* ---- emit ---- */

/* Things counted, to be shown largest first, equals by name. */
struct tally {
    struct worker *w;
    struct table keys; /* uint32_t[words]: position (if any), then events */
    uint64_t *count;
    uint32_t cap;
    uint32_t *order;   /* [keys.n] */
    struct str *names; /* [events + 1]: of events; the last is of nothing */
};

static struct err tally_add(struct tally *t, const uint32_t *key, uint64_t n) {
    uint32_t i = table_put(&t->keys, key, NULL);
    uint64_t *count =
        i == TABLE_NONE ? NULL : table_grow(t->w->arena, t->count, &t->cap, i + 1, sizeof *count);
    if (!count) return ERR(ERR_NOMEM, "query: flows");
    t->count = count;
    count[i] += n;
    return ERR_NONE;
}

static struct str name_of(const struct tally *t, uint32_t event) {
    return t->names[event == NOTHING ? t->w->run->events.n : event];
}

static int cmp_tally(const void *a, const void *b, void *ctx) {
    const struct tally *t = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (t->count[x] != t->count[y]) return t->count[x] > t->count[y] ? -1 : 1;
    const uint32_t *kx = table_key(&t->keys, x), *ky = table_key(&t->keys, y);
    for (size_t i = 0; i < t->keys.key_bytes / sizeof *kx; i++) {
        if (kx[i] == ky[i]) continue;
        int c = str_cmp(name_of(t, kx[i]), name_of(t, ky[i]));
        return c ? c : kx[i] < ky[i] ? -1 : 1;
    }
    return 0;
}

static struct err tally_sort(struct tally *t) {
    t->order = arena_array(t->w->arena, t->keys.n, sizeof *t->order);
    if (!t->order) return ERR(ERR_NOMEM, "query: flows");
    for (uint32_t i = 0; i < t->keys.n; i++)
        t->order[i] = i;
    if (t->keys.n) qsort_r(t->order, t->keys.n, sizeof *t->order, cmp_tally, t);
    return ERR_NONE;
}

static void write_name(const struct tally *t, struct jout *j, uint32_t event) {
    if (event == NOTHING)
        jout_null(j);
    else
        jout_str(j, name_of(t, event));
}

static struct err read_names(struct worker *w, struct str **out) {
    const struct run *r = w->run;
    struct str *names = arena_array(w->arena, (size_t)r->events.n + 1, sizeof *names);
    if (!names) return ERR(ERR_NOMEM, "query: names");
    for (uint32_t i = 0; i < r->events.n; i++) {
        struct id128 hash;
        bool sealed;
        memcpy(&hash, table_key(&r->events, i), sizeof hash);
        names[i] = value_text(r, hash, w->arena, &sealed);
        if (!names[i].p) return ERR(ERR_NOMEM, "query: names");
    }
    *out = names;
    return ERR_NONE;
}

static struct err write_paths(struct worker *w, struct jout *j, struct str *names) {
    struct flows *f = w->state;
    struct tally t = {.w = w, .keys = f->paths, .count = f->count, .names = names};
    TRY(tally_sort(&t));
    jout_keyz(j, "paths");
    jout_array(j);
    for (uint32_t i = 0; i < f->paths.n && i < w->run->q->rows; i++) {
        const uint32_t *path = table_key(&f->paths, t.order[i]);
        jout_object(j);
        jout_keyz(j, "events");
        jout_array(j);
        for (uint32_t k = 0; k < f->length; k++)
            write_name(&t, j, path[k]);
        jout_array_end(j);
        jout_keyz(j, "count");
        jout_i64(j, (int64_t)f->count[t.order[i]]);
        jout_object_end(j);
    }
    jout_array_end(j);
    return ERR_NONE;
}

/* Events at one position; shown[event] is set for those that are listed. */
static struct err write_step(struct worker *w, struct jout *j, struct str *names, uint32_t at,
                             struct table *shown) {
    struct flows *f = w->state;
    struct tally t = {.w = w, .names = names};
    table_init(&t.keys, w->arena, sizeof(uint32_t));
    table_init(shown, w->arena, sizeof(uint32_t));
    for (uint32_t i = 0; i < f->paths.n; i++) {
        const uint32_t *path = table_key(&f->paths, i);
        if (path[at] != NOTHING) TRY(tally_add(&t, &path[at], f->count[i]));
    }
    TRY(tally_sort(&t));
    if (t.keys.n == 0) return ERR_NONE;
    jout_object(j);
    jout_keyz(j, "at");
    jout_i64(j, (int64_t)at - (int64_t)w->run->q->backward);
    jout_keyz(j, "events");
    jout_array(j);
    for (uint32_t i = 0; i < t.keys.n && i < w->run->q->rows; i++) {
        uint32_t event;
        memcpy(&event, table_key(&t.keys, t.order[i]), sizeof event);
        if (table_put(shown, &event, NULL) == TABLE_NONE) return ERR(ERR_NOMEM, "query: flows");
        jout_object(j);
        jout_keyz(j, "event");
        write_name(&t, j, event);
        jout_keyz(j, "count");
        jout_i64(j, (int64_t)t.count[t.order[i]]);
        jout_object_end(j);
    }
    jout_array_end(j);
    jout_object_end(j);
    return ERR_NONE;
}

static struct err write_links(struct worker *w, struct jout *j, struct str *names, uint32_t at,
                              const struct table *shown) {
    struct flows *f = w->state;
    struct tally t = {.w = w, .names = names};
    table_init(&t.keys, w->arena, 2 * sizeof(uint32_t));
    for (uint32_t i = 0; i < f->paths.n; i++) {
        const uint32_t *path = table_key(&f->paths, i);
        bool both = table_find(&shown[at], &path[at]) != TABLE_NONE &&
                    table_find(&shown[at + 1], &path[at + 1]) != TABLE_NONE;
        if (both) TRY(tally_add(&t, &path[at], f->count[i]));
    }
    TRY(tally_sort(&t));
    for (uint32_t i = 0; i < t.keys.n; i++) {
        const uint32_t *key = table_key(&t.keys, t.order[i]);
        jout_object(j);
        jout_keyz(j, "at");
        jout_i64(j, (int64_t)at - (int64_t)w->run->q->backward);
        jout_keyz(j, "from");
        write_name(&t, j, key[0]);
        jout_keyz(j, "to");
        write_name(&t, j, key[1]);
        jout_keyz(j, "count");
        jout_i64(j, (int64_t)t.count[t.order[i]]);
        jout_object_end(j);
    }
    return ERR_NONE;
}

static struct err emit(struct worker *w, struct jout *j) {
    struct flows *f = w->state;
    struct table shown[MAX_LENGTH] = {{0}};
    struct str *names;
    TRY(read_names(w, &names));
    TRY(write_paths(w, j, names));
    jout_keyz(j, "steps");
    jout_array(j);
    for (uint32_t at = 0; at < f->length; at++)
        TRY(write_step(w, j, names, at, &shown[at]));
    jout_array_end(j);
    jout_keyz(j, "links");
    jout_array(j);
    for (uint32_t at = 0; at + 1 < f->length; at++)
        TRY(write_links(w, j, names, at, shown));
    jout_array_end(j);
    return ERR_NONE;
}

const struct report query_flows = {
    .name = "flows", .plan = plan, .init = init, .person = person, .merge = merge, .emit = emit};
