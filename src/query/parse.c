/* parse.c: a question's JSON -> struct query. Each report has its table of fields; what is in no
 * table is an error that names the field. The reports' meaning is in INTERFACE.md's words and
 * doc/query-semantics.md. */
#include <stdio.h>
#include <stdlib.h>

#include "query/plan.h"

#define DAYS_MAX_WINDOW 3660

/* ---- members that several reports have ---- */

static struct err read_known(struct parser *p, const struct json *v, void *into) {
    return ERR_NONE; /* `report`: read before its table was chosen */
}

static struct err read_project(struct parser *p, const struct json *v, void *into) {
    return parse_uint(p, v, INT64_MAX, &((struct query *)into)->project);
}

static struct err read_from(struct parser *p, const struct json *v, void *into) {
    return parse_date(p, v, &((struct query *)into)->from);
}

static struct err read_to(struct parser *p, const struct json *v, void *into) {
    return parse_date(p, v, &((struct query *)into)->to);
}

static struct err read_interval(struct parser *p, const struct json *v, void *into) {
    static const char *const words[] = {"minute", "hour", "day", "week", "month", "total", NULL};
    int i = 0;
    TRY(parse_word(p, v, words, &i));
    ((struct query *)into)->interval = (enum plan_interval)i;
    return ERR_NONE;
}

static struct err read_filters(struct parser *p, const struct json *v, void *into) {
    return parse_filters(p, v, &((struct query *)into)->filter);
}

static struct err read_breakdown(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_BREAKDOWN, sizeof(struct plan_ref), parse_ref};
    struct query *q = into;
    return parse_list(p, v, &list, q->breakdown, &q->n_breakdown);
}

static struct err small(struct parser *p, const struct json *v, uint64_t max, uint32_t *out) {
    uint64_t n = 0;
    TRY(parse_uint(p, v, max, &n));
    *out = (uint32_t)n;
    return ERR_NONE;
}

static struct err read_limit(struct parser *p, const struct json *v, void *into) {
    return small(p, v, PLAN_MAX_LIMIT, &((struct query *)into)->limit);
}

static struct err read_page(struct parser *p, const struct json *v, void *into) {
    return small(p, v, UINT32_MAX / PLAN_MAX_LIMIT, &((struct query *)into)->page);
}

/* {"event":…,"filters":[…]} */
static struct err selector_filters(struct parser *p, const struct json *v, void *into) {
    return parse_filters(p, v, &((struct plan_selector *)into)->filter);
}

static struct err read_selector(struct parser *p, const struct json *v, void *into) {
    static const struct parse_field fields[] = {
        {"event", parse_event}, {"filters", selector_filters}, {0}};
    struct plan_selector *s = into;
    *s = (struct plan_selector){.any = true, .field = parse_path(p)};
    return parse_object(p, v, fields, s);
}

/* ---- insights ---- */

static struct err read_metrics(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_METRICS, sizeof(struct plan_metric),
                                           parse_metric};
    struct query *q = into;
    return parse_list(p, v, &list, q->metrics, &q->n_metrics);
}

static struct err read_formula(struct parser *p, const struct json *v, void *into) {
    return parse_formula(p, v, &((struct query *)into)->formula);
}

static struct err check_formula(struct parser *p, const struct query *q) {
    for (size_t i = 0; q->formula && i < q->formula->n; i++) {
        uint32_t m = q->formula->ops[i].metric;
        if (q->formula->ops[i].op != FORMULA_METRIC || m < q->n_metrics) continue;
        size_t mark;
        TRY(parse_enter(p, "formula", 7, &mark));
        return parse_fault(p, "%c names no metric: there are %zu", (char)('A' + m), q->n_metrics);
    }
    return ERR_NONE;
}

/* ---- windows ---- */

static struct err window_value(struct parser *p, const struct json *v, void *into) {
    uint64_t n = 0;
    TRY(parse_uint(p, v, UINT32_MAX, &n));
    ((int64_t *)into)[0] = (int64_t)n;
    return ERR_NONE;
}

static struct err window_unit(struct parser *p, const struct json *v, void *into) {
    static const char *const words[] = {"second", "minute", "hour", "day", "week", "month", NULL};
    static const int64_t seconds[] = {1, 60, 3600, 86400, 7 * 86400, 30 * 86400};
    int i = 0;
    TRY(parse_word(p, v, words, &i));
    ((int64_t *)into)[1] = seconds[i];
    return ERR_NONE;
}

static struct err read_window(struct parser *p, const struct json *v, void *into) {
    static const struct parse_field fields[] = {
        {"value", window_value}, {"unit", window_unit}, {0}};
    int64_t w[2] = {-1, 86400};
    TRY(parse_object(p, v, fields, w));
    if (w[0] < 0) return parse_fault(p, "needs a value");
    if (w[0] > DAYS_MAX_WINDOW * INT64_C(86400) / w[1])
        return parse_fault(p, "is longer than %d days", DAYS_MAX_WINDOW);
    ((struct query *)into)->window_us = w[0] * w[1] * US_PER_S;
    return ERR_NONE;
}

/* ---- funnel ---- */

static struct err read_steps(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_STEPS, sizeof(struct plan_selector),
                                           read_selector};
    struct query *q = into;
    return parse_list(p, v, &list, q->steps, &q->n_steps);
}

static struct err read_order(struct parser *p, const struct json *v, void *into) {
    static const char *const words[] = {"ordered", "any", NULL};
    int i = 0;
    TRY(parse_word(p, v, words, &i));
    ((struct query *)into)->any_order = i == 1;
    return ERR_NONE;
}

static struct err exclude_event(struct parser *p, const struct json *v, void *into) {
    return parse_event(p, v, &((struct plan_exclude *)into)->what);
}

static struct err exclude_filters(struct parser *p, const struct json *v, void *into) {
    return parse_filters(p, v, &((struct plan_exclude *)into)->what.filter);
}

static struct err exclude_after(struct parser *p, const struct json *v, void *into) {
    struct plan_exclude *x = into;
    TRY(small(p, v, PLAN_MAX_STEPS, &x->after_step));
    return x->after_step ? ERR_NONE : parse_fault(p, "steps are numbered from 1");
}

static struct err read_one_exclude(struct parser *p, const struct json *v, void *into) {
    static const struct parse_field fields[] = {
        {"event", exclude_event}, {"filters", exclude_filters}, {"after_step", exclude_after}, {0}};
    struct plan_exclude *x = into;
    *x = (struct plan_exclude){.what = {.any = true, .field = parse_path(p)}};
    return parse_object(p, v, fields, x);
}

static struct err read_exclude(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_EXCLUDES, sizeof(struct plan_exclude),
                                           read_one_exclude};
    struct query *q = into;
    return parse_list(p, v, &list, q->exclude, &q->n_exclude);
}

static struct err read_hold(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_HOLD, sizeof(struct plan_ref), parse_ref};
    struct query *q = into;
    return parse_list(p, v, &list, q->hold, &q->n_hold);
}

static struct err check_funnel(struct parser *p, const struct query *q) {
    for (size_t i = 0; i < q->n_exclude; i++) {
        size_t mark;
        char name[48];
        int n = snprintf(name, sizeof name, "exclude[%zu].after_step", i);
        TRY(parse_enter(p, name, (size_t)n, &mark));
        uint32_t k = q->exclude[i].after_step;
        if (q->any_order) return parse_fault(p, "order \"any\" has no step to be after");
        if (k && k >= q->n_steps && q->n_steps)
            return parse_fault(p, "there is no step after step %u", k);
        parse_leave(p, mark);
    }
    return ERR_NONE;
}

/* ---- retention and flows ---- */

static struct err read_start(struct parser *p, const struct json *v, void *into) {
    return read_selector(p, v, &((struct query *)into)->start);
}

static struct err read_return(struct parser *p, const struct json *v, void *into) {
    return read_selector(p, v, &((struct query *)into)->back);
}

static struct err read_periods(struct parser *p, const struct json *v, void *into) {
    return small(p, v, PLAN_MAX_PERIODS, &((struct query *)into)->periods);
}

static struct err read_start_mode(struct parser *p, const struct json *v, void *into) {
    static const char *const words[] = {"first_in_range", "first_ever", NULL};
    int i = 0;
    TRY(parse_word(p, v, words, &i));
    ((struct query *)into)->first_ever = i == 1;
    return ERR_NONE;
}

static struct err read_mode(struct parser *p, const struct json *v, void *into) {
    static const char *const words[] = {"on", "on_or_after", NULL};
    int i = 0;
    TRY(parse_word(p, v, words, &i));
    ((struct query *)into)->on_or_after = i == 1;
    return ERR_NONE;
}

static struct err check_retention(struct parser *p, const struct query *q) {
    if (q->interval != INTERVAL_TOTAL) return ERR_NONE;
    size_t mark;
    TRY(parse_enter(p, "interval", 8, &mark));
    return parse_fault(p, "retention needs minute, hour, day, week or month");
}

static struct err read_anchor(struct parser *p, const struct json *v, void *into) {
    return read_selector(p, v, &((struct query *)into)->anchor);
}

static struct err read_forward(struct parser *p, const struct json *v, void *into) {
    return small(p, v, PLAN_MAX_FLOW, &((struct query *)into)->forward);
}

static struct err read_backward(struct parser *p, const struct json *v, void *into) {
    return small(p, v, PLAN_MAX_FLOW, &((struct query *)into)->backward);
}

static struct err read_rows(struct parser *p, const struct json *v, void *into) {
    return small(p, v, PLAN_MAX_LIMIT, &((struct query *)into)->rows);
}

/* ---- lists ---- */

static struct err read_id(struct parser *p, const struct json *v, void *into) {
    return parse_text(p, v, into);
}

static struct err read_ids(struct parser *p, const struct json *v, void *into) {
    static const struct parse_list list = {PLAN_MAX_IDS, sizeof(struct str), read_id};
    struct query *q = into;
    if (v->type == JSON_NULL) return ERR_NONE;
    q->ids = arena_array(q->arena, PLAN_MAX_IDS, sizeof *q->ids);
    if (!q->ids) return ERR(ERR_NOMEM, "query: plan");
    TRY(parse_list(p, v, &list, q->ids, &q->n_ids));
    q->has_ids = q->n_ids > 0;
    return ERR_NONE;
}

static struct err read_cohort(struct parser *p, const struct json *v, void *into) {
    struct query *q = into;
    if (v->type == JSON_NULL) return ERR_NONE;
    q->has_cohort = true;
    return parse_cohort(p, v, &q->cohort);
}

static struct err read_group_key(struct parser *p, const struct json *v, void *into) {
    return parse_text(p, v, &((struct query *)into)->group_key);
}

static struct err read_person(struct parser *p, const struct json *v, void *into) {
    struct query *q = into;
    if (v->type == JSON_NULL) return ERR_NONE;
    q->has_person = true;
    return parse_text(p, v, &q->person);
}

static struct err read_stream_event(struct parser *p, const struct json *v, void *into) {
    return parse_event(p, v, &((struct query *)into)->stream);
}

static struct err check_groups(struct parser *p, const struct query *q) {
    size_t mark;
    if (!q->group_key.n) {
        TRY(parse_enter(p, "group_key", 9, &mark));
        return parse_fault(p, "groups need a group_key");
    }
    for (struct plan_filter *f = q->leaves; f; f = f->next_leaf) {
        if (!f->ref.group.n)
            f->ref.group = q->group_key; /* a bare name is the group's own property */
        if (str_eq(f->ref.group, q->group_key)) continue;
        TRY(parse_enter(p, "filters", 7, &mark));
        return parse_fault(p, "look at groups of another key than group_key");
    }
    return ERR_NONE;
}

/* ---- reports ---- */

static const struct parse_field insights_fields[] = {{"project", read_project},
                                                     {"report", read_known},
                                                     {"from", read_from},
                                                     {"to", read_to},
                                                     {"interval", read_interval},
                                                     {"metrics", read_metrics},
                                                     {"formula", read_formula},
                                                     {"filters", read_filters},
                                                     {"breakdown", read_breakdown},
                                                     {"limit", read_limit},
                                                     {0}};
static const struct parse_field funnel_fields[] = {{"project", read_project},
                                                   {"report", read_known},
                                                   {"from", read_from},
                                                   {"to", read_to},
                                                   {"steps", read_steps},
                                                   {"window", read_window},
                                                   {"order", read_order},
                                                   {"exclude", read_exclude},
                                                   {"hold", read_hold},
                                                   {"breakdown", read_breakdown},
                                                   {"filters", read_filters},
                                                   {"limit", read_limit},
                                                   {0}};
static const struct parse_field retention_fields[] = {
    {"project", read_project}, {"report", read_known},      {"from", read_from},
    {"to", read_to},           {"interval", read_interval}, {"start", read_start},
    {"return", read_return},   {"periods", read_periods},   {"start_mode", read_start_mode},
    {"mode", read_mode},       {"filters", read_filters},   {0}};
static const struct parse_field flows_fields[] = {{"project", read_project},
                                                  {"report", read_known},
                                                  {"from", read_from},
                                                  {"to", read_to},
                                                  {"anchor", read_anchor},
                                                  {"forward", read_forward},
                                                  {"backward", read_backward},
                                                  {"rows", read_rows},
                                                  {"window", read_window},
                                                  {"filters", read_filters},
                                                  {0}};
static const struct parse_field users_fields[] = {
    {"project", read_project},  {"report", read_known},
    {"from", read_from},        {"to", read_to},
    {"distinct_ids", read_ids}, {"filters", read_filters},
    {"cohort", read_cohort},    {"limit", read_limit},
    {"page", read_page},        {0}};
static const struct parse_field groups_fields[] = {
    {"project", read_project},     {"report", read_known},
    {"from", read_from},           {"to", read_to},
    {"group_key", read_group_key}, {"ids", read_ids},
    {"filters", read_filters},     {"limit", read_limit},
    {"page", read_page},           {0}};
static const struct parse_field events_fields[] = {
    {"project", read_project}, {"report", read_known},       {"from", read_from},
    {"to", read_to},           {"distinct_id", read_person}, {"event", read_stream_event},
    {"filters", read_filters}, {"limit", read_limit},        {0}};

/* In the order of enum plan_report. */
static const struct report_syntax {
    const struct parse_field *fields;
    enum plan_ref_kind plain_ref;
    struct err (*check)(struct parser *p, const struct query *q);
} syntax[PLAN_REPORTS] = {
    {insights_fields, REF_EVENT, check_formula},
    {funnel_fields, REF_EVENT, check_funnel},
    {retention_fields, REF_EVENT, check_retention},
    {flows_fields, REF_EVENT, NULL},
    {users_fields, REF_USER, NULL},
    {groups_fields, REF_GROUP, check_groups},
    {events_fields, REF_EVENT, NULL},
};

static struct err read_report(struct parser *p, const struct json *v) {
    static const char *const words[] = {"insights", "funnel", "retention", "flows",
                                        "users",    "groups", "events",    NULL};
    const struct json *r = json_get(v, "report");
    size_t mark;
    int i = 0;
    TRY(parse_enter(p, "report", 6, &mark));
    if (!r)
        return parse_fault(
            p, "must be one of insights, funnel, retention, flows, users, groups, events");
    TRY(parse_word(p, r, words, &i));
    p->q->report = (enum plan_report)i;
    parse_leave(p, mark);
    return ERR_NONE;
}

static struct err check_project(struct parser *p, const struct json *v) {
    if (json_get(v, "project")) return ERR_NONE;
    size_t mark;
    TRY(parse_enter(p, "project", 7, &mark));
    return parse_fault(p, "names the project: a number");
}

static void set_defaults(struct query *q) {
    q->leaves_end = &q->leaves;
    q->interval = INTERVAL_DAY;
    q->limit = 10;
    q->periods = 12;
    q->forward = 3;
    q->rows = 10;
    q->start.any = q->back.any = q->anchor.any = q->stream.any = true;
    q->start.field = "start";
    q->back.field = "return";
    q->anchor.field = "anchor";
    q->stream.field = "event";
    q->window_us = 7 * US_PER_DAY;
}

static struct err read_query(struct parser *p, const struct json *v) {
    if (v->type != JSON_OBJECT) return parse_fault(p, "a query must be an object");
    TRY(read_report(p, v));
    const struct report_syntax *s = &syntax[p->q->report];
    if (p->q->report == REPORT_FLOWS) p->q->window_us = 30 * US_PER_DAY;
    p->plain_ref = s->plain_ref;
    TRY(parse_object(p, v, s->fields, p->q));
    TRY(check_project(p, v));
    return s->check ? s->check(p, p->q) : ERR_NONE;
}

struct err query_parse(const struct json *v, struct query **out, struct query_fault *fault) {
    *fault = (struct query_fault){.status = 400, .code = "invalid"};
    struct arena *a = arena_new(16u << 20);
    struct query *q = a ? arena_alloc(a, sizeof *q) : NULL;
    if (!q) {
        arena_free(a);
        return ERR(ERR_NOMEM, "query: plan");
    }
    q->arena = a;
    set_defaults(q);
    struct parser p = {.q = q, .fault = fault};
    struct err e = read_query(&p, v);
    if (e.code != ERR_OK) {
        query_free(q);
        return e;
    }
    *out = q;
    return ERR_NONE;
}

void query_free(struct query *q) {
    if (q) arena_free(q->arena);
}

uint64_t query_project(const struct query *q) {
    return q->project;
}
