/* bind.c: the leaves of filters meet the world: literals become hashes, cohorts become membership
 * tests, and the right to ask by a clear literal is decided.
 *
 * The rule of asking by literal. A text literal of `is` or `is_not` that is a readable word may be
 * asked by anyone. One that is not readable needs the right to reveal as soon as the property holds
 * any sealed text in this world, whether or not the literal is among it: so a refusal tells nothing
 * about the literal, and a hit and a miss take the same way. Where the property holds no sealed
 * text, a literal that is not readable can't be there: it simply matches nothing.
 */
#include <stdlib.h>

#include "query/run.h"

#define LONG_DIGITS 8 /* integers from here on may be text by the crowd rule */

static bool readable(const struct run *r, struct id128 hash) {
    return r->w->word(r->w->words_ctx, hash).p != NULL;
}

static bool value_sealed(const struct run *r, const struct part_value *v) {
    if (v->type == PV_TEXT) return !readable(r, v->hash);
    if (v->type != PV_LIST) return false;
    struct cursor list = v->list;
    struct part_value element;
    while (part_list_next(&list, &element)) {
        if (value_sealed(r, &element)) return true;
    }
    return false;
}

static bool column_sealed(const struct run *r, const struct part *p, int column) {
    uint32_t n = part_column(p, column)->dictionary_n;
    for (uint32_t code = 1; code <= n; code++) {
        struct part_value v;
        part_entry(p, column, code, &v);
        if (value_sealed(r, &v)) return true;
    }
    return false;
}

/* Whether the world holds a value of this property that is sealed. */
static bool ref_sealed(const struct run *r, const struct bound_ref *b) {
    for (uint32_t i = 0; b->profiles && i < b->profiles->owners.n; i++) {
        if (value_sealed(r, &b->profiles->values[i])) return true;
    }
    for (size_t i = 0; b->plan->kind == REF_EVENT && i < r->w->n_parts; i++) {
        for (size_t k = 0; k < b->n; k++) {
            int column = part_find_column(r->w->parts[i], b->name[k], PART_CODE);
            if (column >= 0 && column_sealed(r, r->w->parts[i], column)) return true;
        }
    }
    return false;
}

static bool may_be_text(const struct plan_literal *l) {
    if (l->type == LITERAL_STRING) return true;
    return l->type == LITERAL_NUMBER && (!l->integer || l->text.n >= LONG_DIGITS);
}

/* Appends the hashes under which the literal may be stored; says whether one is readable. */
static bool literal_hashes(const struct run *r, const struct bound_ref *b,
                           const struct plan_literal *l, struct bound_leaf *out) {
    enum text_type type = l->type == LITERAL_STRING ? TEXT_STRING
                          : l->integer              ? TEXT_INTEGER
                                                    : TEXT_DECIMAL;
    bool any = false;
    for (size_t i = 0; i < b->n_values; i++) {
        struct id128 h = seal_hash(r->w->keys, b->value_kind, type, b->value_path[i], l->text);
        any |= readable(r, h);
        out->hashes[out->n_hashes++] = h;
    }
    return any;
}

static int cmp_ids(const void *a, const void *b) {
    return id128_cmp(*(const struct id128 *)a, *(const struct id128 *)b);
}

static struct err check_reveal(struct run *r, const struct bound_ref *b,
                               const struct plan_filter *f) {
    if (b->plan->kind == REF_EVENT_NAME) {
        r->used_literal = true;
        return ERR_NONE;
    }
    if (!ref_sealed(r, b)) return ERR_NONE;
    if (!r->rights->may_reveal) {
        return run_fault(r, ERR_DENIED, f->field,
                         "holds a text that is not readable: asking by it needs the right to "
                         "reveal; ask by its sealed: handle");
    }
    r->used_literal = true;
    return ERR_NONE;
}

static bool has_clear_text(const struct plan_filter *f) {
    for (size_t i = 0; i < f->n_literals; i++)
        if (f->literals[i].type == LITERAL_STRING) return true;
    return false;
}

static struct err bind_equality(struct run *r, struct bound_leaf *leaf) {
    const struct plan_filter *f = leaf->plan;
    const struct bound_ref *b = &r->refs[leaf->ref];
    if (b->by_handle && has_clear_text(f))
        return run_fault(r, ERR_INVALID, f->field,
                         "a property that is named by its handle takes texts by their sealed: "
                         "handles too");
    leaf->hashes = arena_array(r->arena, f->n_literals * b->n_values + 1, sizeof *leaf->hashes);
    if (!leaf->hashes) return ERR(ERR_NOMEM, "query: literals");
    bool unreadable = false;
    for (size_t i = 0; i < f->n_literals; i++) {
        const struct plan_literal *l = &f->literals[i];
        leaf->has_handles |= l->type == LITERAL_HANDLE;
        if (l->type != LITERAL_STRING && l->type != LITERAL_NUMBER) continue;
        bool known = literal_hashes(r, b, l, leaf);
        unreadable |= !known && may_be_text(l);
    }
    if (leaf->n_hashes) qsort(leaf->hashes, leaf->n_hashes, sizeof *leaf->hashes, cmp_ids);
    return unreadable ? check_reveal(r, b, f) : ERR_NONE;
}

static struct err bind_order(struct run *r, struct bound_leaf *leaf) {
    const struct plan_filter *f = leaf->plan;
    leaf->times = arena_array(r->arena, f->n_literals, sizeof *leaf->times);
    if (!leaf->times) return ERR(ERR_NOMEM, "query: literals");
    for (size_t i = 0; i < f->n_literals; i++) {
        struct plan_date d = {0};
        bool is_date =
            f->literals[i].type == LITERAL_STRING && plan_date_read(f->literals[i].text, &d);
        leaf->times[i] = is_date ? zone_instant(r->w->zone, &d.civil) : INT64_MIN;
    }
    return ERR_NONE;
}

static struct err bind_cohort(struct run *r, struct bound_leaf *leaf) {
    const struct plan_filter *f = leaf->plan;
    if (!r->w->cohort) return run_fault(r, ERR_NOTFOUND, f->field, "there is no such cohort");
    struct err e = r->w->cohort(r->w->words_ctx, f->cohort, &leaf->has, &leaf->has_ctx);
    if (e.code == ERR_NOTFOUND)
        return run_fault(r, ERR_NOTFOUND, f->field, "there is no such cohort");
    return e;
}

static struct err bind_leaf(struct run *r, const struct plan_filter *f) {
    struct bound_leaf *leaf = &r->leaves[f->leaf];
    leaf->plan = f;
    if (f->kind == FILTER_COHORT) return bind_cohort(r, leaf);
    TRY(run_add_ref(r, &f->ref, &leaf->ref));
    switch (f->op) {
    case OP_IS:
    case OP_IS_NOT:
        return bind_equality(r, leaf);
    case OP_GT:
    case OP_GTE:
    case OP_LT:
    case OP_LTE:
    case OP_BETWEEN:
        return bind_order(r, leaf);
    case OP_CONTAINS:
    case OP_NOT_CONTAINS:
    case OP_SET:
    case OP_NOT_SET:
    case OP_IS_TRUE:
    case OP_IS_FALSE:
        break;
    }
    return ERR_NONE;
}

struct err bind_all(struct run *r) {
    r->leaves = arena_array(r->arena, r->q->n_leaves, sizeof *r->leaves);
    if (!r->leaves) return ERR(ERR_NOMEM, "query: filters");
    for (const struct plan_filter *f = r->q->leaves; f; f = f->next_leaf)
        TRY(bind_leaf(r, f));
    return ERR_NONE;
}
