/* filter.c: filters with three outcomes.
 *
 * Text that is sealed is neither like nor unlike a fragment: `contains` on it is unknown, and so is
 * its negation. Outcomes are ordered no < unknown < yes, so that "all" is the least of its parts,
 * "any" the greatest, and a negation turns the scale around. An event whose outcome is unknown is
 * left out and counted, and the answer says how many there were.
 *
 * A leaf looks at a dictionary entry once per worker and remembers the outcome by code; only
 * numbers are compared per row.
 */
#include "query/run.h"

#include <math.h>

/* ---- one value ---- */

static bool hash_listed(const struct bound_leaf *l, struct id128 h) {
    size_t low = 0, high = l->n_hashes;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = id128_cmp(l->hashes[mid], h);
        if (c == 0) return true;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static bool handle_listed(const struct run *r, const struct bound_leaf *l, struct id128 h) {
    if (!l->has_handles) return false;
    struct id128 handle = seal_handle(r->w->keys, HANDLE_TEXT, h);
    for (size_t i = 0; i < l->plan->n_literals; i++) {
        const struct plan_literal *x = &l->plan->literals[i];
        if (x->type == LITERAL_HANDLE && id128_eq(x->handle, handle)) return true;
    }
    return false;
}

static bool equals_plain(const struct plan_literal *l, const struct part_value *v) {
    if (l->type == LITERAL_BOOL) return v->type == (l->yes ? PV_TRUE : PV_FALSE);
    if (l->type != LITERAL_NUMBER) return false;
    if (v->type == PV_NUMBER) return v->number == l->number;
    return v->type == PV_TIME && (double)v->time_us / (double)US_PER_S == l->number;
}

static enum tri test_is(const struct run *r, const struct bound_leaf *l,
                        const struct part_value *v) {
    if (v->type == PV_TEXT)
        return hash_listed(l, v->hash) || handle_listed(r, l, v->hash) ? TRI_YES : TRI_NO;
    for (size_t i = 0; i < l->plan->n_literals; i++) {
        if (equals_plain(&l->plan->literals[i], v)) return TRI_YES;
    }
    return TRI_NO;
}

static enum tri test_contains(const struct run *r, const struct bound_leaf *l,
                              const struct part_value *v) {
    if (v->type != PV_TEXT || v->text_type != TEXT_STRING) return TRI_NO;
    struct str word = r->w->word(r->w->words_ctx, v->hash);
    if (!word.p) return TRI_UNKNOWN;
    for (size_t i = 0; i < l->plan->n_literals; i++) {
        if (str_contains(word, l->plan->literals[i].text)) return TRI_YES;
    }
    return TRI_NO;
}

/* c: how the value compares with the first literal; high: with the second of `between`. */
static enum tri judge_order(enum plan_op op, int c, int high) {
    bool yes = (op == OP_GT && c > 0) || (op == OP_GTE && c >= 0) || (op == OP_LT && c < 0) ||
               (op == OP_LTE && c <= 0) || (op == OP_BETWEEN && c >= 0 && high <= 0);
    return yes ? TRI_YES : TRI_NO;
}

static int cmp_number(double a, double b) {
    return (a > b) - (a < b);
}

static enum tri test_order(const struct run *r, const struct bound_leaf *l,
                           const struct part_value *v) {
    const struct plan_literal *x = l->plan->literals;
    size_t last = l->plan->n_literals - 1;
    enum plan_op op = l->plan->op;
    struct str word = v->type == PV_TEXT ? r->w->word(r->w->words_ctx, v->hash) : (struct str){0};
    if (x->type == LITERAL_NUMBER) {
        double d;
        if (value_number(r, v, &d))
            return judge_order(op, cmp_number(d, x[0].number), cmp_number(d, x[last].number));
        return v->type == PV_TEXT && v->text_type != TEXT_STRING && !word.p ? TRI_UNKNOWN : TRI_NO;
    }
    if (v->type == PV_TIME && l->times[0] != INT64_MIN && l->times[last] != INT64_MIN) {
        int64_t t = v->time_us, low = l->times[0], high = l->times[last];
        return judge_order(op, (t > low) - (t < low), (t > high) - (t < high));
    }
    if (v->type != PV_TEXT || v->text_type != TEXT_STRING) return TRI_NO;
    return word.p ? judge_order(op, str_cmp(word, x[0].text), str_cmp(word, x[last].text))
                  : TRI_UNKNOWN;
}

static enum tri test_one(const struct run *r, const struct bound_leaf *l,
                         const struct part_value *v) {
    switch (l->plan->op) {
    case OP_IS:
    case OP_IS_NOT:
        return test_is(r, l, v);
    case OP_CONTAINS:
    case OP_NOT_CONTAINS:
        return test_contains(r, l, v);
    case OP_SET:
    case OP_NOT_SET:
        return value_is_none(v) ? TRI_NO : TRI_YES;
    case OP_GT:
    case OP_GTE:
    case OP_LT:
    case OP_LTE:
    case OP_BETWEEN:
        return test_order(r, l, v);
    case OP_IS_TRUE:
        return v->type == PV_TRUE ? TRI_YES : TRI_NO;
    case OP_IS_FALSE:
        return v->type == PV_FALSE ? TRI_YES : TRI_NO;
    }
    return TRI_NO;
}

/* A list passes if any element does. */
static enum tri test_value(const struct run *r, const struct bound_leaf *l,
                           const struct part_value *v) {
    if (v->type != PV_LIST) return test_one(r, l, v);
    struct cursor list = v->list;
    struct part_value element;
    enum tri best = TRI_NO;
    while (best != TRI_YES && part_list_next(&list, &element)) {
        enum tri t = test_value(r, l, &element);
        best = t > best ? t : best;
    }
    return best;
}

static bool negates(enum plan_op op) {
    return op == OP_IS_NOT || op == OP_NOT_CONTAINS || op == OP_NOT_SET;
}

static enum tri finish(const struct bound_leaf *l, enum tri t) {
    return negates(l->plan->op) ? (enum tri)(TRI_YES - t) : t;
}

/* `is null` finds what is missing as well as what is null. */
static enum tri test_missing(const struct bound_leaf *l) {
    if (l->plan->op != OP_IS && l->plan->op != OP_IS_NOT) return TRI_NO;
    for (size_t i = 0; i < l->plan->n_literals; i++) {
        if (l->plan->literals[i].type == LITERAL_NULL) return TRI_YES;
    }
    return TRI_NO;
}

static enum tri test_present(const struct run *r, const struct bound_leaf *l,
                             const struct part_value *v) {
    return value_is_none(v) ? test_missing(l) : test_value(r, l, v);
}

/* ---- where the value comes from ---- */

/* The groups of one entry of the group key's column: passes if any group does. */
static enum tri test_groups(const struct run *r, const struct bound_leaf *l,
                            const struct part_value *v) {
    if (v->type == PV_TEXT) {
        const struct part_value *p = bind_profile(&r->refs[l->ref], v->hash);
        return p ? test_present(r, l, p) : test_missing(l);
    }
    if (v->type != PV_LIST) return test_missing(l);
    struct cursor list = v->list;
    struct part_value element;
    enum tri best = TRI_NO;
    bool any = false;
    while (part_list_next(&list, &element)) {
        enum tri t = test_groups(r, l, &element);
        const struct part_value *p =
            element.type == PV_TEXT ? bind_profile(&r->refs[l->ref], element.hash) : NULL;
        if (value_is_none(p)) continue; /* a group without the value speaks only if no other does */
        any = true;
        best = t > best ? t : best;
    }
    return any ? best : test_missing(l);
}

static enum tri test_code(struct worker *w, const struct bound_leaf *l, const struct hit *h,
                          struct column *c, uint32_t code) {
    const struct run *r = w->run;
    uint32_t leaf = l->plan->leaf;
    if (!c->memo[leaf]) {
        c->memo[leaf] = arena_alloc(w->arena, (size_t)c->dictionary_n + 1);
        if (!c->memo[leaf]) {
            worker_fail(w, ERR(ERR_NOMEM, "query: filter"));
            return TRI_NO;
        }
    }
    uint8_t *memo = &c->memo[leaf][code];
    if (*memo == 0) {
        struct part_value v;
        column_entry(w, h->part, c, code, &v);
        enum tri t = r->refs[l->ref].plan->kind == REF_GROUP ? test_groups(r, l, &v)
                                                             : test_present(r, l, &v);
        *memo = (uint8_t)(t + 1);
    }
    return (enum tri)(*memo - 1);
}

static enum tri test_row(struct worker *w, const struct bound_leaf *l, const struct hit *h) {
    struct reading *reads = &w->parts[h->part].reads[l->ref];
    for (uint32_t i = 0; i < reads->n_code; i++) {
        uint32_t code = column_code(w, h, reads->code[i]);
        if (code) return test_code(w, l, h, reads->code[i], code);
    }
    for (uint32_t i = 0; i < reads->n_number; i++) {
        struct part_value v = {.type = PV_NUMBER, .number = column_number(w, h, reads->number[i])};
        if (!isnan(v.number))
            return w->run->refs[l->ref].plan->kind == REF_GROUP ? test_missing(l)
                                                                : test_one(w->run, l, &v);
    }
    return test_missing(l);
}

static enum tri test_person(struct worker *w, const struct bound_leaf *l) {
    uint32_t leaf = l->plan->leaf;
    if (w->leaf_serial[leaf] == w->serial) return (enum tri)w->leaf_result[leaf];
    enum tri t;
    if (l->plan->kind == FILTER_COHORT) {
        t = l->has(l->has_ctx, w->person) ? TRI_YES : TRI_NO;
    } else {
        const struct part_value *v = bind_profile(&w->run->refs[l->ref], w->person);
        t = v ? test_present(w->run, l, v) : test_missing(l);
    }
    w->leaf_serial[leaf] = w->serial;
    w->leaf_result[leaf] = (uint8_t)t;
    return t;
}

static enum tri test_leaf(struct worker *w, const struct plan_filter *f, const struct hit *h) {
    const struct bound_leaf *l = &w->run->leaves[f->leaf];
    if (f->kind == FILTER_COHORT) return test_person(w, l);
    struct part_value time = {.type = PV_TIME, .time_us = h->t};
    switch (f->ref.kind) {
    case REF_EVENT:
    case REF_GROUP:
    case REF_EVENT_NAME:
        return finish(l, test_row(w, l, h));
    case REF_USER:
        return finish(l, test_person(w, l));
    case REF_TIME:
        return finish(l, test_one(w->run, l, &time));
    }
    return TRI_NO;
}

/* ---- trees ---- */

enum tri filter_eval(struct worker *w, const struct plan_filter *f, const struct hit *h) {
    if (f->kind == FILTER_LEAF || f->kind == FILTER_COHORT) return test_leaf(w, f, h);
    bool all = f->kind == FILTER_ALL;
    enum tri result = all ? TRI_YES : TRI_NO, final = all ? TRI_NO : TRI_YES;
    for (size_t i = 0; i < f->n && result != final; i++) {
        enum tri t = filter_eval(w, &f->children[i], h);
        result = all ? (t < result ? t : result) : (t > result ? t : result);
    }
    return result;
}

/* Whether one of the question's own filters is known to fail for the codes of this row: of most
 * rows that fail, no more need be asked. */
static bool known_to_fail(struct worker *w, const struct hit *h) {
    const struct plan_filter *all = &w->run->q->filter;
    for (size_t i = 0; i < all->n; i++) {
        const struct plan_filter *f = &all->children[i];
        if (f->kind != FILTER_LEAF) continue;
        const struct bound_leaf *l = &w->run->leaves[f->leaf];
        const struct reading *reads = &w->parts[h->part].reads[l->ref];
        if (reads->n_code != 1 || reads->n_number) continue;
        uint32_t code = column_code(w, h, reads->code[0]);
        const uint8_t *memo = reads->code[0]->memo[f->leaf];
        if (!code || !memo || !memo[code]) continue;
        if (finish(l, (enum tri)(memo[code] - 1)) == TRI_NO) return true;
    }
    return false;
}

bool filter_hit(struct worker *w, struct hit *h) {
    const struct run *r = w->run;
    if (known_to_fail(w, h)) return false;
    enum tri common = r->q->filter.n ? filter_eval(w, &r->q->filter, h) : TRI_YES;
    bool unknown = common == TRI_UNKNOWN;
    uint64_t left = common == TRI_NO ? 0 : h->sel, passed = 0;
    for (; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        const struct plan_filter *f = &r->selectors[i]->filter;
        enum tri t = f->n ? filter_eval(w, f, h) : TRI_YES;
        t = t < common ? t : common;
        if (t == TRI_YES) passed |= UINT64_C(1) << i;
        unknown |= t == TRI_UNKNOWN;
    }
    h->sel = passed;
    w->unknown += unknown && h->t >= r->range.from_us && h->t < r->range.to_us;
    return passed != 0;
}

/* ---- profiles ---- */

enum tri filter_profile(const struct run *r, const struct plan_filter *f, struct id128 owner) {
    if (f->kind == FILTER_ALL || f->kind == FILTER_ANY) {
        bool all = f->kind == FILTER_ALL;
        enum tri result = all ? TRI_YES : TRI_NO;
        for (size_t i = 0; i < f->n; i++) {
            enum tri t = filter_profile(r, &f->children[i], owner);
            result = all ? (t < result ? t : result) : (t > result ? t : result);
        }
        return result;
    }
    const struct bound_leaf *l = &r->leaves[f->leaf];
    if (f->kind == FILTER_COHORT) return l->has(l->has_ctx, owner) ? TRI_YES : TRI_NO;
    const struct part_value *v = bind_profile(&r->refs[l->ref], owner);
    return finish(l, v ? test_present(r, l, v) : test_missing(l));
}
