#include "query/groups.h"

#include <stdlib.h>

#define MAX_COMBINATIONS 65536 /* of one event's lists */
#define MAX_UNITED 1024        /* entries of a dictionary that is looked through */

/* ---- in a worker ---- */

static uint32_t group_put(struct worker *w, const uint32_t key[PLAN_MAX_BREAKDOWN]) {
    bool is_new;
    uint32_t g = table_put(&w->groups, key, &is_new);
    if (g == TABLE_NONE || !is_new) return g;
    struct group_state *s = table_grow(w->arena, w->group, &w->group_cap, g + 1, sizeof *s);
    if (!s) return TABLE_NONE;
    w->group = s;
    return g;
}

static bool seed_worker(struct worker *w, const struct seeds *s) {
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t key[PLAN_MAX_BREAKDOWN] = {0};
        for (uint32_t d = 0; d < s->n_dims; d++) {
            key[d] = values_put(&w->values, w->arena, s->keys[i][d], &s->values[i][d].v);
            if (key[d] == TABLE_NONE) return false;
        }
        uint32_t g = group_put(w, key);
        if (g == TABLE_NONE) return false;
        w->group[g] = (struct group_state){.seen = true, .row = s->row[i]};
    }
    return true;
}

bool groups_init(struct worker *w) {
    const uint32_t none[PLAN_MAX_BREAKDOWN] = {0};
    table_init(&w->groups, w->arena, sizeof none);
    if (w->run->seeds) return seed_worker(w, w->run->seeds);
    if (w->run->q->n_breakdown) return true;
    uint32_t g = group_put(w, none);
    if (g == 0) w->group[0].seen = true;
    return g == 0;
}

uint32_t groups_n(const struct worker *w) {
    return w->run->seeds ? w->run->seeds->rows : w->groups.n;
}

/* The row of one tuple of values, or GROUP_OTHER if it is none. */
static uint32_t row_of_tuple(struct worker *w, const uint32_t key[PLAN_MAX_BREAKDOWN],
                             bool counted) {
    const struct seeds *s = w->run->seeds;
    if (s) {
        uint32_t g = table_find(&w->groups, key);
        if (g != TABLE_NONE) return w->group[g].row;
        return s->closed || !s->has_other ? GROUP_OTHER : s->rows - 1;
    }
    uint32_t g = group_put(w, key);
    if (g == TABLE_NONE) {
        worker_fail(w, ERR(ERR_NOMEM, "query: groups"));
        return GROUP_OTHER;
    }
    w->group[g].seen |= counted;
    return g;
}

/* The same; of a single dimension, by the value's number, once it is known. */
static uint32_t row_of(struct worker *w, const uint32_t key[PLAN_MAX_BREAKDOWN], bool counted) {
    if (w->run->q->n_breakdown > 1) return row_of_tuple(w, key, counted);
    uint32_t *known =
        table_grow(w->arena, w->row_of_value, &w->row_of_value_cap, key[0] + 1, sizeof *known);
    if (!known) {
        worker_fail(w, ERR(ERR_NOMEM, "query: groups"));
        return GROUP_OTHER;
    }
    w->row_of_value = known;
    uint32_t *state = &known[key[0]];
    if (*state >> 1 && (*state & 1 || !counted)) return (*state >> 1) - 1;
    uint32_t row = row_of_tuple(w, key, counted);
    if (row < UINT32_MAX / 2) *state = (row + 1) << 1 | counted;
    return row;
}

static bool add_row(struct worker *w, uint32_t row, uint32_t *n) {
    if (row == GROUP_OTHER) return true;
    for (uint32_t i = 0; w->run->seeds && i < *n; i++) {
        if (w->group_list[i] == row) return true;
    }
    uint32_t *list = table_grow(w->arena, w->group_list, &w->group_list_cap, *n + 1, sizeof *list);
    if (!list) worker_fail(w, ERR(ERR_NOMEM, "query: groups"));
    if (!list) return false;
    w->group_list = list;
    list[(*n)++] = row;
    return true;
}

struct idset groups_of(struct worker *w, const struct hit *h, bool counted) {
    size_t dims = w->run->q->n_breakdown;
    struct idset sets[PLAN_MAX_BREAKDOWN];
    uint32_t at[PLAN_MAX_BREAKDOWN] = {0}, key[PLAN_MAX_BREAKDOWN] = {0}, n = 0;
    uint64_t combinations = 1;
    if (dims == 0) {
        static const uint32_t only = 0;
        return (struct idset){&only, 1};
    }
    for (size_t d = 0; d < dims; d++) {
        sets[d] = dim_ids(w, w->run->breakdown_dim + (uint32_t)d, h);
        combinations *= sets[d].n;
        if (combinations > MAX_COMBINATIONS) {
            worker_fail(w, ERR(ERR_LIMIT, "query: one event's lists make too many groups"));
            return (struct idset){0};
        }
    }
    for (; combinations; combinations--) {
        for (size_t d = 0; d < dims; d++)
            key[d] = sets[d].ids[at[d]];
        if (!add_row(w, row_of(w, key, counted), &n)) break;
        for (size_t d = dims; d-- > 0 && ++at[d] == sets[d].n;)
            at[d] = 0;
    }
    return (struct idset){w->group_list, n};
}

/* ---- merging workers ---- */

struct err groups_merge(struct worker *into, const struct worker *from, uint32_t **out_map) {
    uint32_t n = groups_n(from);
    uint32_t *map = arena_array(into->arena, n, sizeof *map);
    uint32_t *values = arena_array(into->arena, from->values.ids.n, sizeof *values);
    if (!map || !values) return ERR(ERR_NOMEM, "query: merge");
    for (uint32_t i = 0; i < from->values.ids.n; i++) {
        struct id128 key;
        memcpy(&key, table_key(&from->values.ids, i), sizeof key);
        values[i] = values_put(&into->values, into->arena, key, &from->values.list[i].v);
        if (values[i] == TABLE_NONE) return ERR(ERR_NOMEM, "query: merge");
    }
    into->value_map = values;
    for (uint32_t i = 0; i < n; i++) {
        map[i] = i; /* rows are the same in every worker of a second pass */
        if (into->run->seeds) continue;
        uint32_t key[PLAN_MAX_BREAKDOWN];
        memcpy(key, table_key(&from->groups, i), sizeof key);
        for (size_t d = 0; d < PLAN_MAX_BREAKDOWN; d++)
            key[d] = values[key[d]];
        map[i] = group_put(into, key);
        if (map[i] == TABLE_NONE) return ERR(ERR_NOMEM, "query: merge");
        into->group[map[i]].seen |= from->group[i].seen;
    }
    *out_map = map;
    return ERR_NONE;
}

/* ---- order ---- */

struct ranked {
    struct worker *w;
    const double *rank;
};

static int cmp_groups(const void *a, const void *b, void *ctx) {
    const struct ranked *r = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (r->rank[x] != r->rank[y]) return r->rank[x] > r->rank[y] ? -1 : 1;
    uint32_t kx[PLAN_MAX_BREAKDOWN], ky[PLAN_MAX_BREAKDOWN];
    memcpy(kx, table_key(&r->w->groups, x), sizeof kx);
    memcpy(ky, table_key(&r->w->groups, y), sizeof ky);
    for (size_t d = 0; d < r->w->run->q->n_breakdown; d++) {
        int c = values_order(r->w->run, &r->w->values, kx[d], ky[d]);
        if (c) return c;
    }
    return 0;
}

struct err groups_rank(struct worker *w, const double *rank, uint32_t *out_order, uint32_t *out_n) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->groups.n; i++) {
        if (w->group[i].seen) out_order[n++] = i;
    }
    struct ranked r = {w, rank};
    qsort_r(out_order, n, sizeof *out_order, cmp_groups, &r);
    *out_n = n;
    return w->error;
}

/* ---- two passes ---- */

/* How many values a property may have at most. The parts' dictionaries hold much the same, so small
 * ones are united. */
static uint64_t values_at_most(const struct run *r, const struct bound_ref *ref, struct arena *a) {
    struct table seen;
    uint64_t most = 0;
    table_init(&seen, a, sizeof(struct id128));
    for (uint32_t p = 0; p < r->n_parts; p++) {
        for (size_t i = 0; i < ref->n; i++) {
            int code = part_find_column(r->parts[p].part, ref->name[i], PART_CODE);
            int number = part_find_column(r->parts[p].part, ref->name[i], PART_NUMBER);
            uint32_t n = code >= 0 ? part_column(r->parts[p].part, code)->dictionary_n : 0;
            if (number >= 0) most += part_column(r->parts[p].part, number)->present_rows;
            if (n > MAX_UNITED) most += n;
            for (uint32_t c = 1; c <= n && n <= MAX_UNITED; c++) {
                struct part_value v;
                part_entry(r->parts[p].part, code, c, &v);
                if (v.type == PV_LIST || table_put(&seen, &v.hash, NULL) == TABLE_NONE) most++;
            }
        }
    }
    return most + seen.n;
}

bool groups_many(const struct run *r) {
    uint64_t product = 1;
    AUTO(arena_free) struct arena *scratch = arena_new(0);
    if (!scratch) return true;
    for (size_t d = 0; d < r->q->n_breakdown && product <= r->q->limit; d++) {
        const struct bound_ref *ref = &r->refs[r->dims[r->breakdown_dim + d].ref];
        uint64_t most = 1; /* $none */
        if (ref->profiles) {
            most += ref->profiles->owners.n;
        } else if (ref->plan->kind != REF_EVENT) {
            return true;
        }
        if (!ref->profiles) most += values_at_most(r, ref, scratch);
        product = most > UINT32_MAX / product ? UINT32_MAX : product * most;
    }
    return r->q->n_breakdown && product > r->q->limit;
}

struct err groups_seed(struct worker *first, const uint32_t *order, uint32_t n, struct run *r,
                       struct seeds *out) {
    uint32_t dims = (uint32_t)r->q->n_breakdown, top = n < r->q->limit ? n : r->q->limit;
    uint32_t keep = out->closed ? n : top;
    struct id128(*keys)[PLAN_MAX_BREAKDOWN] = arena_array(r->arena, keep, sizeof *keys);
    struct value_info(*values)[PLAN_MAX_BREAKDOWN] = arena_array(r->arena, keep, sizeof *values);
    uint32_t *row = arena_array(r->arena, keep, sizeof *row);
    if (!keys || !values || !row) return ERR(ERR_NOMEM, "query: groups");
    for (uint32_t i = 0; i < keep; i++) {
        uint32_t key[PLAN_MAX_BREAKDOWN];
        memcpy(key, table_key(&first->groups, order[i]), sizeof key);
        for (uint32_t d = 0; d < dims; d++) {
            memcpy(&keys[i][d], table_key(&first->values.ids, key[d]), sizeof keys[i][d]);
            values[i][d].v = first->values.list[key[d]].v;
        }
        row[i] = i < top ? i : top;
    }
    out->has_other = n > top;
    out->rows = top + (out->has_other ? 1 : 0);
    out->n = keep;
    out->n_dims = dims;
    out->keys = (const struct id128(*)[PLAN_MAX_BREAKDOWN])keys;
    out->values = (const struct value_info(*)[PLAN_MAX_BREAKDOWN])values;
    out->row = row;
    return ERR_NONE;
}

/* ---- JSON ---- */

void groups_write(struct worker *w, struct jout *j, uint32_t group) {
    const struct run *r = w->run;
    uint32_t key[PLAN_MAX_BREAKDOWN];
    bool other = r->seeds && r->seeds->has_other && group == r->seeds->rows - 1;
    if (!other) memcpy(key, table_key(&w->groups, group), sizeof key);
    jout_keyz(j, "breakdown");
    jout_array(j);
    for (size_t d = 0; d < r->q->n_breakdown; d++) {
        if (other)
            jout_strz(j, "$other");
        else if (value_is_none(&w->values.list[key[d]].v))
            jout_strz(j, "$none");
        else
            value_write(r, j, &w->values.list[key[d]].v);
    }
    jout_array_end(j);
}
