/* dims.c: the values of a breakdown as small numbers. A dictionary entry is numbered once per
 * worker: its slot then holds the number, or, for an entry of several values, where their list
 * lies. */
#include "query/run.h"

#include <math.h>

#define ID_LIST UINT32_C(0x80000000) /* the slot's rest is an offset into worker->lists */

struct collect {
    struct worker *w;
    const struct bound_ref *ref;
    bool whole;
};

static void add_id(struct worker *w, uint32_t id) {
    for (uint32_t i = 0; i < w->temp_n; i++) {
        if (w->temp[i] == id) return;
    }
    uint32_t *temp = table_grow(w->arena, w->temp, &w->temp_cap, w->temp_n + 1, sizeof *temp);
    if (!temp || id == TABLE_NONE) {
        worker_fail(w, ERR(ERR_NOMEM, "query: values"));
        return;
    }
    w->temp = temp;
    temp[w->temp_n++] = id;
}

static void add_value(const struct collect *c, const struct part_value *v) {
    if (v->type == PV_LIST && !c->whole && !value_is_none(v)) {
        struct cursor list = v->list;
        struct part_value element;
        while (part_list_next(&list, &element)) {
            if (!value_is_none(&element)) add_value(c, &element);
        }
        return;
    }
    if (value_is_none(v)) return;
    add_id(c->w, values_put(&c->w->values, c->w->arena, value_key(c->w->run, c->ref, v), v));
}

/* Group ids in an event: their profiles' values. */
static void add_groups(const struct collect *c, const struct part_value *v) {
    if (v->type == PV_LIST) {
        struct cursor list = v->list;
        struct part_value element;
        while (part_list_next(&list, &element))
            add_groups(c, &element);
        return;
    }
    const struct part_value *p = v->type == PV_TEXT ? bind_profile(c->ref, v->hash) : NULL;
    if (p) add_value(c, p);
}

static void collect(const struct collect *c, const struct part_value *v) {
    c->w->temp_n = 0;
    if (c->ref->plan->kind == REF_GROUP)
        add_groups(c, v);
    else
        add_value(c, v);
    if (c->w->temp_n == 0) add_id(c->w, 0);
}

/* Keeps what was collected; the slot value that leads to it. */
static uint32_t keep(struct worker *w) {
    if (w->temp_n == 1) return w->temp[0] + 1;
    uint32_t *lists =
        table_grow(w->arena, w->lists, &w->lists_cap, w->lists_n + w->temp_n + 1, sizeof *lists);
    if (!lists || w->lists_n >= ID_LIST) {
        worker_fail(w, ERR(ERR_NOMEM, "query: lists of values"));
        return 1;
    }
    w->lists = lists;
    uint32_t at = w->lists_n;
    lists[at] = w->temp_n;
    if (w->temp_n) memcpy(lists + at + 1, w->temp, w->temp_n * sizeof *lists);
    w->lists_n += w->temp_n + 1;
    return ID_LIST | at;
}

static struct idset set_of(struct worker *w, uint32_t dim, uint32_t slot) {
    if (slot & ID_LIST) {
        const uint32_t *list = w->lists + (slot & ~ID_LIST);
        return (struct idset){list + 1, list[0]};
    }
    w->dim_one[dim] = slot - 1;
    return (struct idset){&w->dim_one[dim], 1};
}

static struct idset code_ids(struct worker *w, uint32_t dim, const struct hit *h,
                             struct column *c) {
    const struct bound_dim *d = &w->run->dims[dim];
    uint32_t code = column_code(w, h, c);
    if (!c->ids[dim])
        c->ids[dim] = arena_array(w->arena, (size_t)c->dictionary_n + 1, sizeof(uint32_t));
    if (!c->ids[dim]) {
        worker_fail(w, ERR(ERR_NOMEM, "query: values"));
        return set_of(w, dim, 1);
    }
    uint32_t *slot = &c->ids[dim][code];
    if (*slot == 0) {
        struct part_value v;
        column_entry(w, h->part, c, code, &v);
        collect(&(struct collect){w, &w->run->refs[d->ref], d->whole}, &v);
        *slot = keep(w);
    }
    return set_of(w, dim, *slot);
}

static struct idset number_ids(struct worker *w, uint32_t dim, const struct part_value *v) {
    const struct bound_ref *ref = &w->run->refs[w->run->dims[dim].ref];
    uint32_t id = values_put(&w->values, w->arena, value_key(w->run, ref, v), v);
    if (id == TABLE_NONE) worker_fail(w, ERR(ERR_NOMEM, "query: values"));
    return set_of(w, dim, id == TABLE_NONE ? 1 : id + 1);
}

/* The slot of a person's profile value; one without the property has slot 1: $none. */
static uint32_t profile_slot(struct worker *w, uint32_t dim) {
    const struct bound_dim *d = &w->run->dims[dim];
    const struct bound_ref *ref = &w->run->refs[d->ref];
    uint32_t i = table_find(&ref->profiles->owners, &w->person);
    if (i == TABLE_NONE) return 1;
    if (!w->dim_profiles[dim])
        w->dim_profiles[dim] = arena_array(w->arena, ref->profiles->owners.n, sizeof(uint32_t));
    if (!w->dim_profiles[dim]) {
        worker_fail(w, ERR(ERR_NOMEM, "query: values"));
        return 1;
    }
    uint32_t *slot = &w->dim_profiles[dim][i];
    if (*slot == 0) {
        collect(&(struct collect){w, ref, d->whole}, &ref->profiles->values[i]);
        *slot = keep(w);
    }
    return *slot;
}

static struct idset person_ids(struct worker *w, uint32_t dim) {
    if (w->dim_serial[dim] != w->serial) {
        w->dim_slot[dim] = profile_slot(w, dim);
        w->dim_serial[dim] = w->serial;
    }
    return set_of(w, dim, w->dim_slot[dim]);
}

static struct idset row_ids(struct worker *w, uint32_t dim, const struct hit *h) {
    const struct bound_dim *d = &w->run->dims[dim];
    struct reading *r = &w->parts[h->part].reads[d->ref];
    for (uint32_t i = 0; i < r->n_code; i++) {
        if (column_code(w, h, r->code[i])) return code_ids(w, dim, h, r->code[i]);
    }
    bool is_group = w->run->refs[d->ref].plan->kind == REF_GROUP;
    for (uint32_t i = 0; i < r->n_number && !is_group; i++) {
        struct part_value v = {.type = PV_NUMBER, .number = column_number(w, h, r->number[i])};
        if (!isnan(v.number)) return number_ids(w, dim, &v);
    }
    return set_of(w, dim, 1);
}

struct idset dim_ids(struct worker *w, uint32_t dim, const struct hit *h) {
    switch (w->run->refs[w->run->dims[dim].ref].plan->kind) {
    case REF_EVENT:
    case REF_GROUP:
    case REF_EVENT_NAME:
        return row_ids(w, dim, h);
    case REF_USER:
        return person_ids(w, dim);
    case REF_TIME:
        return number_ids(w, dim, &(struct part_value){.type = PV_TIME, .time_us = h->t});
    }
    return set_of(w, dim, 1);
}

/* Of codes that were met before the slot is at hand. */
static uint32_t slot_at_hand(struct worker *w, uint32_t dim, const struct hit *h) {
    struct reading *r = &w->parts[h->part].reads[w->run->dims[dim].ref];
    struct column *c = r->n_code == 1 && r->n_number == 0 ? r->code[0] : NULL;
    return c && c->ids[dim] ? c->ids[dim][column_code(w, h, c)] : 0;
}

bool dim_one(struct worker *w, uint32_t dim, const struct hit *hits, uint32_t n, uint32_t *out) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = slot_at_hand(w, dim, &hits[i]);
        if (!slot || slot & ID_LIST) {
            struct idset set = dim_ids(w, dim, &hits[i]);
            if (set.n != 1) return false;
            slot = set.ids[0] + 1;
        }
        if (i && slot - 1 != *out) return false;
        *out = slot - 1;
    }
    return n > 0;
}

/* ---- raw values, for numbers ---- */

struct each {
    const struct bound_ref *ref;
    void (*f)(void *ctx, const struct part_value *v);
    void *ctx;
};

static void give(const struct each *e, const struct part_value *v) {
    if (!v || value_is_none(v)) return;
    if (v->type != PV_LIST) {
        e->f(e->ctx, v);
        return;
    }
    struct cursor list = v->list;
    struct part_value element;
    while (part_list_next(&list, &element))
        give(e, &element);
}

static void give_groups(const struct each *e, const struct part_value *v) {
    if (v->type == PV_TEXT) give(e, bind_profile(e->ref, v->hash));
    if (v->type != PV_LIST) return;
    struct cursor list = v->list;
    struct part_value element;
    while (part_list_next(&list, &element))
        give_groups(e, &element);
}

static void row_each(struct worker *w, uint32_t ref, const struct hit *h, const struct each *e) {
    bool is_group = e->ref->plan->kind == REF_GROUP;
    struct reading *r = &w->parts[h->part].reads[ref];
    for (uint32_t i = 0; i < r->n_code; i++) {
        uint32_t code = column_code(w, h, r->code[i]);
        if (!code) continue;
        struct part_value v;
        column_entry(w, h->part, r->code[i], code, &v);
        if (is_group)
            give_groups(e, &v);
        else
            give(e, &v);
        return;
    }
    for (uint32_t i = 0; i < r->n_number && !is_group; i++) {
        struct part_value v = {.type = PV_NUMBER, .number = column_number(w, h, r->number[i])};
        if (isnan(v.number)) continue;
        e->f(e->ctx, &v);
        return;
    }
}

void dim_each(struct worker *w, uint32_t ref, const struct hit *h,
              void (*each)(void *ctx, const struct part_value *v), void *ctx) {
    struct each e = {&w->run->refs[ref], each, ctx};
    switch (e.ref->plan->kind) {
    case REF_EVENT:
    case REF_GROUP:
    case REF_EVENT_NAME:
        row_each(w, ref, h, &e);
        return;
    case REF_USER:
        give(&e, bind_profile(e.ref, w->person));
        return;
    case REF_TIME:
        each(ctx, &(struct part_value){.type = PV_TIME, .time_us = h->t});
        return;
    }
}

struct numbers {
    const struct run *run;
    double *out;
    uint32_t n, max;
};

static void add_number(void *ctx, const struct part_value *v) {
    struct numbers *s = ctx;
    double d;
    if (s->n < s->max && value_number(s->run, v, &d)) s->out[s->n++] = d;
}

uint32_t dim_numbers(struct worker *w, uint32_t ref, const struct hit *h, double *out,
                     uint32_t max) {
    struct numbers s = {w->run, out, 0, max};
    dim_each(w, ref, h, add_number, &s);
    return s.n;
}
