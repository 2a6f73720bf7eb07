/* parse_metric.c: metrics and their measures, and formulas over them (a precedence climber into
 * reverse Polish order). */
#include <math.h>

#include "query/plan.h"

/* ---- measures ---- */

struct measure_name {
    const char *name;
    enum plan_measure measure;
    unsigned percent;
    bool needs_property;
    bool per_user; /* may stand behind per_user */
};
static const struct measure_name names[] = {
    {"total", MEASURE_TOTAL, 0, false, true},
    {"unique", MEASURE_UNIQUE, 0, false, false},
    {"sessions", MEASURE_SESSIONS, 0, false, true},
    {"dau", MEASURE_DAU, 0, false, false},
    {"wau", MEASURE_WAU, 0, false, false},
    {"mau", MEASURE_MAU, 0, false, false},
    {"sum", MEASURE_SUM, 0, true, true},
    {"average", MEASURE_AVERAGE, 0, true, true},
    {"min", MEASURE_MIN, 0, true, true},
    {"max", MEASURE_MAX, 0, true, true},
    {"median", MEASURE_PERCENTILE, 50, true, true},
    {"p25", MEASURE_PERCENTILE, 25, true, true},
    {"p75", MEASURE_PERCENTILE, 75, true, true},
    {"p90", MEASURE_PERCENTILE, 90, true, true},
    {"p99", MEASURE_PERCENTILE, 99, true, true},
    {"distinct", MEASURE_DISTINCT, 0, true, true},
};

static const struct measure_name *find_measure(struct str word) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_is(word, names[i].name)) return &names[i];
    }
    return NULL;
}

static struct err read_measure(struct parser *p, const struct json *v, void *into) {
    struct plan_metric *m = into;
    struct str word = v->type == JSON_STR ? v->s : (struct str){0};
    m->per_user = str_starts(word, STR("per_user_")) || str_starts(word, STR("per_user "));
    if (m->per_user) word = str_from(word, sizeof "per_user");
    const struct measure_name *n = find_measure(word);
    if (!n)
        return parse_fault(
            p, "must be total, unique, sessions, dau, wau, mau, or with a property sum, average, "
               "min, max, "
               "median, p25, p75, p90, p99, distinct; per_user_ in front averages over people");
    if (m->per_user && !n->per_user)
        return parse_fault(p, "%s counts people: per_user does not apply", n->name);
    m->measure = n->measure;
    m->percent = n->percent;
    return ERR_NONE;
}

static struct err read_metric_event(struct parser *p, const struct json *v, void *into) {
    return parse_event(p, v, &((struct plan_metric *)into)->what);
}

static struct err read_metric_filters(struct parser *p, const struct json *v, void *into) {
    return parse_filters(p, v, &((struct plan_metric *)into)->what.filter);
}

static struct err read_metric_property(struct parser *p, const struct json *v, void *into) {
    struct plan_metric *m = into;
    if (v->type == JSON_NULL) return ERR_NONE;
    m->has_ref = true;
    return parse_ref(p, v, &m->ref);
}

struct err parse_metric(struct parser *p, const struct json *v, void *into) {
    static const struct parse_field fields[] = {{"event", read_metric_event},
                                                {"measure", read_measure},
                                                {"property", read_metric_property},
                                                {"filters", read_metric_filters},
                                                {0}};
    struct plan_metric *m = into;
    *m = (struct plan_metric){.what = {.any = true, .field = parse_path(p)},
                              .measure = MEASURE_TOTAL};
    TRY(parse_object(p, v, fields, m));
    bool needs = m->measure >= MEASURE_SUM;
    size_t mark;
    TRY(parse_enter(p, "property", 8, &mark));
    if (needs && !m->has_ref) return parse_fault(p, "this measure needs a property");
    if (!needs && m->has_ref) return parse_fault(p, "this measure takes no property");
    parse_leave(p, mark);
    return ERR_NONE;
}

/* ---- formulas ---- */

struct climber {
    struct parser *p;
    struct str rest;
    struct plan_formula *f;
    unsigned depth;
};

static struct err put(struct climber *c, enum plan_formula_op op, double number, uint32_t metric) {
    if (c->f->n == PLAN_MAX_FORMULA)
        return parse_fault(c->p, "is longer than %d operations", PLAN_MAX_FORMULA);
    c->f->ops[c->f->n].op = op;
    c->f->ops[c->f->n].number = number;
    c->f->ops[c->f->n].metric = metric;
    c->f->n++;
    return ERR_NONE;
}

static char peek(struct climber *c) {
    while (c->rest.n && (*c->rest.p == ' ' || *c->rest.p == '\t'))
        c->rest = str_from(c->rest, 1);
    return c->rest.n ? *c->rest.p : 0;
}

static struct err sum(struct climber *c);

static struct err number(struct climber *c) {
    size_t n = 0;
    while (n < c->rest.n && ((c->rest.p[n] >= '0' && c->rest.p[n] <= '9') || c->rest.p[n] == '.'))
        n++;
    double v = 0;
    if (!str_to_f64((struct str){c->rest.p, n}, &v))
        return parse_fault(c->p, "holds a number that does not read");
    c->rest = str_from(c->rest, n);
    return put(c, FORMULA_NUMBER, v, 0);
}

static struct err bracket(struct climber *c) {
    c->rest = str_from(c->rest, 1);
    TRY(sum(c));
    if (peek(c) != ')') return parse_fault(c->p, "lacks a closing bracket");
    c->rest = str_from(c->rest, 1);
    return ERR_NONE;
}

static struct err factor(struct climber *c) {
    char k = peek(c);
    if (++c->depth > 64) return parse_fault(c->p, "is nested too deep");
    struct err e;
    if (k == '-') {
        c->rest = str_from(c->rest, 1);
        e = factor(c);
        if (e.code == ERR_OK) e = put(c, FORMULA_NEG, 0, 0);
    } else if (k == '(') {
        e = bracket(c);
    } else if (k >= 'A' && k <= 'Z') {
        c->rest = str_from(c->rest, 1);
        e = put(c, FORMULA_METRIC, 0, (uint32_t)(k - 'A'));
    } else if ((k >= '0' && k <= '9') || k == '.') {
        e = number(c);
    } else {
        e = parse_fault(c->p, "takes A to Z for the metrics, numbers, + - * / and brackets");
    }
    c->depth--;
    return e;
}

static struct err product(struct climber *c) {
    TRY(factor(c));
    for (char k = peek(c); k == '*' || k == '/'; k = peek(c)) {
        c->rest = str_from(c->rest, 1);
        TRY(factor(c));
        TRY(put(c, k == '*' ? FORMULA_MUL : FORMULA_DIV, 0, 0));
    }
    return ERR_NONE;
}

static struct err sum(struct climber *c) {
    TRY(product(c));
    for (char k = peek(c); k == '+' || k == '-'; k = peek(c)) {
        c->rest = str_from(c->rest, 1);
        TRY(product(c));
        TRY(put(c, k == '+' ? FORMULA_ADD : FORMULA_SUB, 0, 0));
    }
    return ERR_NONE;
}

struct err parse_formula(struct parser *p, const struct json *v, void *into) {
    struct plan_formula **out = into;
    if (v->type == JSON_NULL) return ERR_NONE;
    if (v->type != JSON_STR) return parse_fault(p, "must be a text like \"B/A\"");
    struct plan_formula *f = arena_alloc(p->q->arena, sizeof *f);
    if (!f) return ERR(ERR_NOMEM, "query: plan");
    struct climber c = {.p = p, .rest = v->s, .f = f};
    TRY(sum(&c));
    if (peek(&c)) return parse_fault(p, "goes on where it should end");
    *out = f;
    return ERR_NONE;
}

/* NaN is null and stays so; x/0 is NaN by rule, not infinity. */
static double apply(enum plan_formula_op op, double a, double b) {
    switch (op) {
    case FORMULA_ADD:
        return a + b;
    case FORMULA_SUB:
        return a - b;
    case FORMULA_MUL:
        return a * b;
    case FORMULA_DIV:
        return b == 0 ? (double)NAN : a / b;
    case FORMULA_NUMBER:
    case FORMULA_METRIC:
    case FORMULA_NEG:
        break;
    }
    return (double)NAN;
}

double plan_formula_value(const struct plan_formula *f, const double *values) {
    double stack[PLAN_MAX_FORMULA];
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        enum plan_formula_op op = f->ops[i].op;
        if (op == FORMULA_NUMBER) {
            stack[n++] = f->ops[i].number;
        } else if (op == FORMULA_METRIC) {
            stack[n++] = values[f->ops[i].metric];
        } else if (op == FORMULA_NEG) {
            stack[n - 1] = -stack[n - 1];
        } else {
            n--;
            stack[n - 1] = apply(op, stack[n - 1], stack[n]);
        }
    }
    return isfinite(stack[0]) ? stack[0] : (double)NAN;
}
