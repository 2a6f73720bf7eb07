/* parse_filter.c: filters, property references and event selectors. */
#include "query/plan.h"

bool plan_handle_read(struct str s, struct id128 *out) {
    struct str prefix = STR("sealed:");
    return s.n == prefix.n + 32 && str_starts(s, prefix) &&
           str_from_hex(str_from(s, prefix.n), out->b, 16);
}

/* ---- property references ---- */

static struct err read_user(struct parser *p, const struct json *v, void *into) {
    struct plan_ref *r = into;
    r->kind = REF_USER;
    return parse_text(p, v, &r->name);
}

static struct err read_group(struct parser *p, const struct json *v, void *into) {
    struct plan_ref *r = into;
    r->kind = REF_GROUP;
    return parse_text(p, v, &r->group);
}

static struct err read_group_name(struct parser *p, const struct json *v, void *into) {
    struct plan_ref *r = into;
    r->kind = REF_GROUP;
    return parse_text(p, v, &r->name);
}

static struct err check_ref(struct parser *p, const struct plan_ref *r) {
    if (p->plain_ref == REF_USER && r->kind != REF_USER)
        return parse_fault(p, "users have only their own properties: a name or {\"user\":name}");
    if (p->plain_ref == REF_GROUP && r->kind != REF_GROUP)
        return parse_fault(
            p, "groups have only their own properties: a name or {\"group\":key,\"name\":name}");
    return ERR_NONE;
}

static struct err read_plain_ref(struct parser *p, const struct json *v, struct plan_ref *r) {
    r->kind = p->plain_ref;
    TRY(parse_text(p, v, &r->name));
    if (r->kind == REF_EVENT && str_is(r->name, "time")) r->kind = REF_TIME;
    if (r->kind == REF_EVENT && str_is(r->name, "$event")) r->kind = REF_EVENT_NAME;
    return ERR_NONE;
}

struct err parse_ref(struct parser *p, const struct json *v, void *into) {
    static const struct parse_field user[] = {{"user", read_user}, {0}};
    static const struct parse_field group[] = {
        {"group", read_group}, {"name", read_group_name}, {0}};
    struct plan_ref *r = into;
    *r = (struct plan_ref){0};
    if (v->type == JSON_STR) return read_plain_ref(p, v, r);
    TRY(parse_object(p, v, json_get(v, "user") ? user : group, r));
    if (r->name.n == 0 || (r->kind == REF_GROUP && r->group.n == 0))
        return parse_fault(p, "must be a name, {\"user\":name} or {\"group\":key,\"name\":name}");
    return check_ref(p, r);
}

/* ---- literals ---- */

static struct err read_literal(struct parser *p, const struct json *v, void *into) {
    struct plan_literal *l = into;
    *l = (struct plan_literal){0};
    switch ((enum json_type)v->type) {
    case JSON_NULL:
        l->type = LITERAL_NULL;
        return ERR_NONE;
    case JSON_FALSE:
    case JSON_TRUE:
        l->type = LITERAL_BOOL;
        l->yes = v->type == JSON_TRUE;
        return ERR_NONE;
    case JSON_INT:
    case JSON_BIGINT:
    case JSON_NUM:
        l->type = LITERAL_NUMBER;
        l->integer = v->type != JSON_NUM;
        l->text = arena_str(p->q->arena, v->type == JSON_BIGINT && !v->raw.n ? v->s : v->raw);
        if (!json_number(v, &l->number) && !str_to_f64(l->text, &l->number))
            return parse_fault(p, "is a number out of range");
        return l->text.p ? ERR_NONE : ERR(ERR_NOMEM, "query: plan");
    case JSON_STR:
        if (v->s.n > PLAN_MAX_TEXT_BYTES)
            return parse_fault(p, "is longer than %d bytes", PLAN_MAX_TEXT_BYTES);
        l->type = plan_handle_read(v->s, &l->handle) ? LITERAL_HANDLE : LITERAL_STRING;
        l->text = arena_str(p->q->arena, v->s);
        return l->text.p ? ERR_NONE : ERR(ERR_NOMEM, "query: plan");
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return parse_fault(p, "must be a text, a number, true, false or null");
}

static struct err read_value(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_LITERALS, sizeof(struct plan_literal),
                                           read_literal};
    struct plan_filter *f = into;
    size_t n = v->type == JSON_ARRAY ? v->n : 1;
    if (n > PLAN_MAX_LITERALS)
        return parse_fault(p, "holds %zu values, at most %d are taken", n, PLAN_MAX_LITERALS);
    f->literals = arena_array(p->q->arena, n, sizeof *f->literals);
    if (!f->literals) return ERR(ERR_NOMEM, "query: plan");
    f->n_literals = 1;
    if (v->type == JSON_ARRAY) return parse_list(p, v, &list, f->literals, &f->n_literals);
    return read_literal(p, v, f->literals);
}

/* ---- one filter ---- */

static struct err read_property(struct parser *p, const struct json *v, void *into) {
    return parse_ref(p, v, &((struct plan_filter *)into)->ref);
}

static struct err read_op(struct parser *p, const struct json *v, void *into) {
    /* In the order of enum plan_op. */
    static const char *const words[] = {
        "is",  "is_not", "contains", "not_contains", "set",     "not_set",  "gt",
        "gte", "lt",     "lte",      "between",      "is_true", "is_false", NULL};
    int op = 0;
    TRY(parse_word(p, v, words, &op));
    ((struct plan_filter *)into)->op = (enum plan_op)op;
    return ERR_NONE;
}

static struct err check_ordered(struct parser *p, const struct plan_filter *f) {
    size_t need = f->op == OP_BETWEEN ? 2 : 1;
    if (f->n_literals != need)
        return parse_fault(p, need == 2 ? "between takes [low, high]" : "takes one number or text");
    for (size_t i = 0; i < need; i++) {
        enum plan_literal_type t = f->literals[i].type;
        if (t != LITERAL_NUMBER && t != LITERAL_STRING)
            return parse_fault(p, "is compared with a number or a text");
        if (t != f->literals[0].type) return parse_fault(p, "low and high must be of one type");
    }
    return ERR_NONE;
}

static struct err check_contains(struct parser *p, const struct plan_filter *f) {
    if (f->n_literals == 0) return parse_fault(p, "takes a text");
    for (size_t i = 0; i < f->n_literals; i++) {
        if (f->literals[i].type != LITERAL_STRING || f->literals[i].text.n == 0)
            return parse_fault(p, "takes a text, not empty");
    }
    return ERR_NONE;
}

static struct err check_op(struct parser *p, const struct plan_filter *f) {
    switch (f->op) {
    case OP_IS:
    case OP_IS_NOT:
        return f->literals ? ERR_NONE : parse_fault(p, "takes a value or a list of values");
    case OP_CONTAINS:
    case OP_NOT_CONTAINS:
        return check_contains(p, f);
    case OP_GT:
    case OP_GTE:
    case OP_LT:
    case OP_LTE:
    case OP_BETWEEN:
        return check_ordered(p, f);
    case OP_SET:
    case OP_NOT_SET:
    case OP_IS_TRUE:
    case OP_IS_FALSE:
        if (f->n_literals == 0 || (f->n_literals == 1 && f->literals[0].type == LITERAL_NULL))
            return ERR_NONE;
        return parse_fault(p, "this op takes no value");
    }
    return ERR_NONE;
}

static void add_leaf(struct parser *p, struct plan_filter *f) {
    f->leaf = p->q->n_leaves++;
    *p->q->leaves_end = f;
    p->q->leaves_end = &f->next_leaf;
    f->field = parse_path(p);
}

static struct err read_leaf(struct parser *p, const struct json *v, struct plan_filter *f) {
    static const struct parse_field fields[] = {
        {"property", read_property}, {"op", read_op}, {"value", read_value}, {0}};
    f->kind = FILTER_LEAF;
    if (!json_get(v, "property")) return parse_fault(p, "needs a property (or any, all, cohort)");
    if (!json_get(v, "op")) return parse_fault(p, "needs an op");
    TRY(parse_object(p, v, fields, f));
    size_t mark;
    TRY(parse_enter(p, "value", 5, &mark));
    TRY(check_op(p, f));
    parse_leave(p, mark);
    add_leaf(p, f);
    return ERR_NONE;
}

static struct err read_cohort_id(struct parser *p, const struct json *v, void *into) {
    uint64_t id = 0;
    TRY(parse_uint(p, v, INT64_MAX, &id));
    ((struct plan_filter *)into)->cohort = (int64_t)id;
    return ERR_NONE;
}

struct err parse_cohort(struct parser *p, const struct json *v, void *into) {
    struct plan_filter *f = into;
    *f = (struct plan_filter){.kind = FILTER_COHORT};
    if (p->plain_ref == REF_GROUP) return parse_fault(p, "groups are in no cohort");
    TRY(read_cohort_id(p, v, f));
    add_leaf(p, f);
    return ERR_NONE;
}

static struct err read_any(struct parser *p, const struct json *v, void *into) {
    TRY(parse_filters(p, v, into));
    ((struct plan_filter *)into)->kind = FILTER_ANY;
    return ERR_NONE;
}

static struct err read_filter(struct parser *p, const struct json *v, void *into) {
    static const struct parse_field any[] = {{"any", read_any}, {0}};
    static const struct parse_field all[] = {{"all", parse_filters}, {0}};
    static const struct parse_field cohort[] = {{"cohort", parse_cohort}, {0}};
    struct plan_filter *f = into;
    *f = (struct plan_filter){0};
    if (p->q->n_leaves >= PLAN_MAX_FILTERS)
        return parse_fault(p, "more than %d filters", PLAN_MAX_FILTERS);
    if (v->type != JSON_OBJECT) return parse_fault(p, "must be an object");
    if (json_get(v, "any")) return parse_object(p, v, any, f);
    if (json_get(v, "all")) return parse_object(p, v, all, f);
    if (json_get(v, "cohort")) return parse_object(p, v, cohort, f);
    return read_leaf(p, v, f);
}

struct err parse_filters(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_FILTERS, sizeof(struct plan_filter),
                                           read_filter};
    struct plan_filter *f = into;
    *f = (struct plan_filter){.kind = FILTER_ALL};
    if (v->type != JSON_ARRAY) return parse_fault(p, "must be a list of filters");
    if (v->n > PLAN_MAX_FILTERS) return parse_fault(p, "more than %d filters", PLAN_MAX_FILTERS);
    if (++p->nesting > PLAN_MAX_NESTING)
        return parse_fault(p, "nested deeper than %d", PLAN_MAX_NESTING);
    f->children = arena_array(p->q->arena, v->n, sizeof *f->children);
    if (!f->children) return ERR(ERR_NOMEM, "query: plan");
    TRY(parse_list(p, v, &list, f->children, &f->n));
    p->nesting--;
    return ERR_NONE;
}

struct err parse_event(struct parser *p, const struct json *v, void *into) {
    struct plan_selector *s = into;
    s->field = parse_path(p);
    s->any = v->type == JSON_NULL;
    return s->any ? ERR_NONE : parse_text(p, v, &s->event);
}
