/* plan.h: what a question says, after parsing and before it meets a world. Private to query.
 *
 * A plan holds texts as they were asked and no hash: hashes need the project's keys, which come
 * with the world. Everything lives in the plan's own arena and is immutable after query_parse.
 *
 * Depends on: base, json. Used by: parse*.c, run.c and the reports.
 */
#pragma once

#include "query/query.h"

#define PLAN_MAX_METRICS 26 /* A..Z */
#define PLAN_MAX_STEPS 32
#define PLAN_MAX_EXCLUDES 32
#define PLAN_MAX_SELECTORS 64 /* bits of a hit's mask */
#define PLAN_MAX_BREAKDOWN 4
#define PLAN_MAX_HOLD 4
#define PLAN_MAX_FILTERS 256 /* nodes of one list of filters */
#define PLAN_MAX_NESTING 8
#define PLAN_MAX_LITERALS 1000 /* of one filter */
#define PLAN_MAX_IDS 1000
#define PLAN_MAX_TEXT_BYTES 8192
#define PLAN_MAX_LIMIT 10000
#define PLAN_MAX_PERIODS 1000
#define PLAN_MAX_FLOW 10     /* steps each way */
#define PLAN_MAX_FORMULA 128 /* operations */
#define PLAN_FIELD_BYTES 96

enum plan_report {
    REPORT_INSIGHTS,
    REPORT_FUNNEL,
    REPORT_RETENTION,
    REPORT_FLOWS,
    REPORT_USERS,
    REPORT_GROUPS,
    REPORT_EVENTS,
};
#define PLAN_REPORTS 7

enum plan_interval {
    INTERVAL_MINUTE,
    INTERVAL_HOUR,
    INTERVAL_DAY,
    INTERVAL_WEEK,
    INTERVAL_MONTH,
    INTERVAL_TOTAL,
};

/* A property as asked: an event's, the person's, or that of the groups which the event names. */
enum plan_ref_kind { REF_EVENT, REF_USER, REF_GROUP, REF_TIME, REF_EVENT_NAME };
struct plan_ref {
    enum plan_ref_kind kind;
    struct str group; /* REF_GROUP: the group key */
    struct str name;
};

enum plan_op {
    OP_IS,
    OP_IS_NOT,
    OP_CONTAINS,
    OP_NOT_CONTAINS,
    OP_SET,
    OP_NOT_SET,
    OP_GT,
    OP_GTE,
    OP_LT,
    OP_LTE,
    OP_BETWEEN,
    OP_IS_TRUE,
    OP_IS_FALSE,
};

enum plan_literal_type {
    LITERAL_STRING,
    LITERAL_NUMBER,
    LITERAL_BOOL,
    LITERAL_NULL,
    LITERAL_HANDLE
};
struct plan_literal {
    enum plan_literal_type type;
    struct str text; /* the string, or the number's own text */
    double number;
    bool integer; /* LITERAL_NUMBER written without point and exponent */
    bool yes;     /* LITERAL_BOOL */
    struct id128 handle;
};

enum plan_filter_kind { FILTER_ALL, FILTER_ANY, FILTER_LEAF, FILTER_COHORT };
struct plan_filter {
    enum plan_filter_kind kind;
    struct plan_filter *children; /* [n]: FILTER_ALL, FILTER_ANY */
    size_t n;
    uint32_t leaf; /* FILTER_LEAF, FILTER_COHORT: its number in the plan */
    enum plan_op op;
    struct plan_ref ref;
    struct plan_literal *literals; /* [n_literals] */
    size_t n_literals;
    int64_t cohort;
    const char *field;             /* where it stands in the question, for faults found later */
    struct plan_filter *next_leaf; /* all leaves of a plan, in order */
};

/* Which events: by name or all, that pass the filter. */
struct plan_selector {
    bool any;
    struct str event;          /* the name, or "sealed:<hex>" */
    struct plan_filter filter; /* FILTER_ALL, perhaps of nothing */
    const char *field;
};

enum plan_measure {
    MEASURE_TOTAL,
    MEASURE_UNIQUE,
    MEASURE_SESSIONS,
    MEASURE_DAU,
    MEASURE_WAU,
    MEASURE_MAU,
    MEASURE_SUM,
    MEASURE_AVERAGE,
    MEASURE_MIN,
    MEASURE_MAX,
    MEASURE_PERCENTILE, /* `percent` says which */
    MEASURE_DISTINCT,
};
struct plan_metric {
    struct plan_selector what;
    enum plan_measure measure;
    unsigned percent;
    bool per_user;
    bool has_ref;
    struct plan_ref ref;
};

/* A formula in reverse Polish order. */
enum plan_formula_op {
    FORMULA_NUMBER,
    FORMULA_METRIC,
    FORMULA_ADD,
    FORMULA_SUB,
    FORMULA_MUL,
    FORMULA_DIV,
    FORMULA_NEG
};
struct plan_formula {
    size_t n;
    struct {
        enum plan_formula_op op;
        double number;
        uint32_t metric;
    } ops[PLAN_MAX_FORMULA];
};

struct plan_date {
    bool given, has_time;
    struct civil civil;
};

struct plan_exclude {
    struct plan_selector what;
    uint32_t after_step; /* 1-based; 0: after any */
};

struct query {
    struct arena *arena;
    uint64_t project;
    enum plan_report report;
    struct plan_date from, to;
    enum plan_interval interval;
    uint32_t limit, page;
    struct plan_filter filter;  /* the question's own filters: FILTER_ALL */
    struct plan_filter *leaves; /* first of the list by next_leaf */
    struct plan_filter **leaves_end;
    uint32_t n_leaves;

    struct plan_metric metrics[PLAN_MAX_METRICS];
    size_t n_metrics;
    struct plan_formula *formula; /* NULL: none */
    struct plan_ref breakdown[PLAN_MAX_BREAKDOWN];
    size_t n_breakdown;

    struct plan_selector steps[PLAN_MAX_STEPS];
    size_t n_steps;
    struct plan_exclude exclude[PLAN_MAX_EXCLUDES];
    size_t n_exclude;
    struct plan_ref hold[PLAN_MAX_HOLD];
    size_t n_hold;
    bool any_order;
    int64_t window_us;

    struct plan_selector start, back; /* retention */
    uint32_t periods;
    bool first_ever, on_or_after;

    struct plan_selector anchor; /* flows */
    uint32_t forward, backward, rows;

    struct str *ids; /* [n_ids]: users' distinct_ids, groups' ids */
    size_t n_ids;
    bool has_ids;
    bool has_cohort;
    struct plan_filter cohort; /* FILTER_COHORT */
    struct str group_key;
    bool has_person;
    struct str person;
    struct plan_selector stream; /* events */
};

/* ---- parse_kit.c: typed reading of JSON with faults that name the field ---- */

struct parser {
    struct query *q;
    struct query_fault *fault;
    enum plan_ref_kind plain_ref; /* what a bare property name means in this report */
    unsigned nesting;
    char path[PLAN_FIELD_BYTES];
    size_t path_n;
};

/* Fills the fault at the parser's place; always ERR_INVALID. */
struct err parse_fault(struct parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *parse_path(struct parser *p); /* a copy in the plan's arena; "" when memory is out */

/* A reader of one value into a target that it knows. */
typedef struct err parse_reader(struct parser *p, const struct json *v, void *into);
struct parse_field {
    const char *name; /* NULL ends a list */
    parse_reader *read;
};
/* An object whose every member is in `fields`. */
struct err parse_object(struct parser *p, const struct json *v, const struct parse_field *fields,
                        void *into);
/* A list: `each` is called per element with into + i * each_bytes. */
struct parse_list {
    size_t max;
    size_t each_bytes;
    parse_reader *each;
};
struct err parse_list(struct parser *p, const struct json *v, const struct parse_list *l,
                      void *into, size_t *out_n);
struct err parse_text(struct parser *p, const struct json *v,
                      struct str *out); /* non-empty string, copied */
struct err parse_uint(struct parser *p, const struct json *v, uint64_t max, uint64_t *out);
/* One of `words` (NULL-terminated): its place. */
struct err parse_word(struct parser *p, const struct json *v, const char *const *words, int *out);
struct err parse_enter(struct parser *p, const char *name, size_t n, size_t *out_mark);
void parse_leave(struct parser *p, size_t mark);

/* ---- the other parsers ---- */
struct err parse_filters(struct parser *p, const struct json *v,
                         void *into /* struct plan_filter */);
struct err parse_cohort(struct parser *p, const struct json *v,
                        void *into /* struct plan_filter */);
struct err parse_ref(struct parser *p, const struct json *v, void *into /* struct plan_ref */);
struct err parse_event(struct parser *p, const struct json *v,
                       void *into /* struct plan_selector */);
struct err parse_date(struct parser *p, const struct json *v, void *into /* struct plan_date */);
struct err parse_metric(struct parser *p, const struct json *v,
                        void *into /* struct plan_metric */);
struct err parse_formula(struct parser *p, const struct json *v,
                         void *into /* struct plan_formula * */);

/* "2026-01-31" or "2026-01-31T14:30:00" (or with a blank for the T). */
bool plan_date_read(struct str s, struct plan_date *out);
/* "sealed:<32 hex>". */
bool plan_handle_read(struct str s, struct id128 *out);
/* The value of a formula: `values` by metric; NaN stands for null. */
double plan_formula_value(const struct plan_formula *f, const double *values);
