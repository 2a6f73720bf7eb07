/* table.c: a query's answer as a table for people at a terminal.
 *
 * An answer is turned into rows of cells, and the cells are printed under each other. Names and
 * values are what strangers sent: a control character among them could drive the terminal, so each
 * is shown as '?'.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"

#define MAX_COLUMNS 64
#define MAX_SERIES_AS_COLUMNS 6
#define MAX_CELL_CHARS 60
#define MAX_CELL_BYTES (MAX_CELL_CHARS * 4)

struct table {
    struct arena *arena;
    struct str *cells; /* [n], row by row */
    size_t n, cap, columns;
    bool failed; /* no memory */
};

static void add(struct table *t, struct str text) {
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 256;
        struct str *cells = realloc(t->cells, cap * sizeof *cells);
        if (!cells) {
            t->failed = true;
            return;
        }
        t->cells = cells;
        t->cap = cap;
    }
    t->cells[t->n++] = text;
}

static void addz(struct table *t, const char *text) {
    add(t, str_z(text));
}

/* ---- values as text ---- */

static struct str as_json(struct table *t, const struct json *v) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1u << 20);
    struct jout j;
    jout_init(&j, &b);
    json_write(&j, v);
    return buf_err(&b).code ? STR("...") : arena_str(t->arena, buf_str(&b));
}

static struct str as_text(struct table *t, const struct json *v) {
    double d;
    if (!v || v->type == JSON_NULL) return STR("-");
    if (v->type == JSON_STR) return v->s;
    if (v->type == JSON_NUM && json_number(v, &d)) return arena_printf(t->arena, "%.6g", d);
    return as_json(t, v);
}

static void add_member(struct table *t, const struct json *row, const char *name) {
    add(t, as_text(t, json_get(row, name)));
}

static void add_percent(struct table *t, const struct json *v) {
    double d;
    if (json_number(v, &d))
        add(t, arena_printf(t->arena, "%.1f %%", 100 * d));
    else
        addz(t, "-");
}

/* "iOS, Chrome"; "all" without a breakdown. */
static struct str joined(struct table *t, const struct json *list, const char *between,
                         const char *empty) {
    if (!list || list->type != JSON_ARRAY || !list->n) return str_z(empty);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1u << 16);
    for (const struct json *c = json_first(list); c != json_end(list); c = json_next(c)) {
        if (b.n) buf_put_str(&b, str_z(between));
        buf_put_str(&b, as_text(t, c));
    }
    return arena_str(t->arena, buf_str(&b));
}

/* ---- printing ---- */

/* The cell as it is shown: no controls, cut at MAX_CELL_CHARS; returns its characters. */
static size_t clean(struct str s, char out[MAX_CELL_BYTES + 4]) {
    size_t chars = 0, n = 0;
    s.n = str_utf8_prefix(s);
    for (size_t i = 0; i < s.n && chars < MAX_CELL_CHARS; chars++) {
        size_t len = 1;
        while (i + len < s.n && ((unsigned char)s.p[i + len] & 0xC0) == 0x80)
            len++;
        unsigned char c = (unsigned char)s.p[i];
        bool control = c < 0x20 || c == 0x7F || (c == 0xC2 && (unsigned char)s.p[i + 1] < 0xA0);
        bool turns = len == 3 && c == 0xE2 && (unsigned char)s.p[i + 1] >= 0x80 &&
                     (unsigned char)s.p[i + 1] <= 0x81; /* marks that change the text's direction */
        if (control || turns)
            out[n++] = '?';
        else
            memcpy(out + n, s.p + i, len), n += len;
        i += len;
    }
    out[n] = 0;
    return chars;
}

static bool is_numeric(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("0123456789.+-e %", s.p[i]) || !s.p[i]) return false;
    return true;
}

static void print_row(const struct table *t, size_t row, const size_t *widths) {
    char text[MAX_CELL_BYTES + 4];
    for (size_t c = 0; c < t->columns; c++) {
        struct str cell = t->cells[row * t->columns + c];
        size_t pad = widths[c] - clean(cell, text);
        bool right = c > 0 && is_numeric(cell), last = c + 1 == t->columns;
        printf("%*s%s%*s", right ? (int)pad : 0, "", text, right || last ? 0 : (int)pad, "");
        fputs(last ? "\n" : "  ", stdout);
    }
}

static void print_all(const struct table *t) {
    size_t widths[MAX_COLUMNS] = {0}, rows = t->n / t->columns;
    char text[MAX_CELL_BYTES + 4];
    for (size_t i = 0; i < rows * t->columns; i++) {
        size_t chars = clean(t->cells[i], text);
        if (chars > widths[i % t->columns]) widths[i % t->columns] = chars;
    }
    for (size_t row = 0; row < rows; row++)
        print_row(t, row, widths);
}

/* ---- the reports ---- */

static const struct json *list_of(const struct json *v, const char *name) {
    const struct json *list = json_get(v, name);
    return list && list->type == JSON_ARRAY ? list : NULL;
}

static struct str series_name(struct table *t, const struct json *series) {
    struct str metric = as_text(t, json_get(series, "metric"));
    struct str by = joined(t, json_get(series, "breakdown"), ", ", "");
    return by.n ? arena_printf(t->arena, STR_FMT ": " STR_FMT, STR_ARG(metric), STR_ARG(by))
                : arena_printf(t->arena, "metric " STR_FMT, STR_ARG(metric));
}

static const struct json *nth(const struct json *list, uint32_t at) {
    if (!list || list->type != JSON_ARRAY || at >= list->n) return NULL;
    const struct json *c = json_first(list);
    while (at--)
        c = json_next(c);
    return c;
}

/* Few series: a row for each bucket; many: a row for each series with its total. */
static bool insights(struct table *t, const struct json *v) {
    const struct json *series = list_of(v, "series"), *buckets = list_of(v, "buckets");
    if (!series || !buckets) return false;
    bool narrow = series->n <= MAX_SERIES_AS_COLUMNS;
    t->columns = narrow ? series->n + 1 : 2;
    addz(t, narrow ? "" : "series");
    if (!narrow) addz(t, "total");
    for (const struct json *s = json_first(series); s != json_end(series); s = json_next(s)) {
        add(t, series_name(t, s));
        if (!narrow) add_member(t, s, "total");
    }
    if (!narrow) return true;
    for (uint32_t i = 0; i < buckets->n; i++) {
        add(t, as_text(t, nth(buckets, i)));
        for (const struct json *s = json_first(series); s != json_end(series); s = json_next(s))
            add(t, as_text(t, nth(json_get(s, "values"), i)));
    }
    addz(t, "total");
    for (const struct json *s = json_first(series); s != json_end(series); s = json_next(s))
        add_member(t, s, "total");
    return true;
}

static void funnel_steps(struct table *t, const struct json *series) {
    const struct json *steps = list_of(series, "steps");
    struct str by = joined(t, json_get(series, "breakdown"), ", ", "all");
    if (!steps) return;
    for (const struct json *s = json_first(steps); s != json_end(steps); s = json_next(s)) {
        add(t, by);
        add_member(t, s, "event");
        add_member(t, s, "count");
        add_percent(t, json_get(s, "from_first"));
        add_percent(t, json_get(s, "from_previous"));
        add_member(t, s, "median_s");
    }
}

static bool funnel(struct table *t, const struct json *v) {
    static const char *const heads[] = {"",         "step",        "people",
                                        "of first", "of previous", "median s"};
    const struct json *series = list_of(v, "series");
    if (!series) return false;
    t->columns = sizeof heads / sizeof *heads;
    for (size_t i = 0; i < t->columns; i++)
        addz(t, heads[i]);
    for (const struct json *s = json_first(series); s != json_end(series); s = json_next(s))
        funnel_steps(t, s);
    return true;
}

static bool retention(struct table *t, const struct json *v) {
    const struct json *cohorts = list_of(v, "cohorts");
    const struct json *first = nth(cohorts, 0),
                      *returned = first ? list_of(first, "returned") : NULL;
    if (!returned || returned->n > MAX_COLUMNS - 2) return false;
    uint32_t periods = returned->n;
    t->columns = periods + 2;
    addz(t, "cohort");
    addz(t, "size");
    for (uint32_t i = 0; i < periods; i++)
        add(t, arena_printf(t->arena, "%u", i));
    for (const struct json *c = json_first(cohorts); c != json_end(cohorts); c = json_next(c)) {
        add_member(t, c, "start");
        add_member(t, c, "size");
        for (uint32_t i = 0; i < periods; i++)
            add(t, as_text(t, nth(json_get(c, "returned"), i)));
    }
    return true;
}

static bool flows(struct table *t, const struct json *v) {
    const struct json *paths = list_of(v, "paths");
    if (!paths) return false;
    t->columns = 2;
    addz(t, "people");
    addz(t, "path");
    for (const struct json *p = json_first(paths); p != json_end(paths); p = json_next(p)) {
        add_member(t, p, "count");
        add(t, joined(t, json_get(p, "events"), " > ", "-"));
    }
    return true;
}

/* Lists of things: the named members of each, as columns. */
static bool things(struct table *t, const struct json *v, const char *list,
                   const char *const *names) {
    const struct json *all = list_of(v, list);
    if (!all) return false;
    for (t->columns = 0; names[t->columns]; t->columns++)
        addz(t, names[t->columns]);
    for (const struct json *row = json_first(all); row != json_end(all); row = json_next(row))
        for (size_t i = 0; i < t->columns; i++)
            add_member(t, row, names[i]);
    return true;
}

static bool fill(struct table *t, const struct json *v) {
    static const char *const user[] = {"distinct_id", "last_seen", "properties", NULL};
    static const char *const group[] = {"group_key", "group_id", "properties", NULL};
    static const char *const event[] = {"time", "event", "person", "properties", NULL};
    const struct json *report = json_get(v, "report");
    if (json_is_str(report, "insights")) return insights(t, v);
    if (json_is_str(report, "funnel")) return funnel(t, v);
    if (json_is_str(report, "retention")) return retention(t, v);
    if (json_is_str(report, "flows")) return flows(t, v);
    if (json_is_str(report, "users")) return things(t, v, "users", user);
    if (json_is_str(report, "groups")) return things(t, v, "groups", group);
    return json_is_str(report, "events") && things(t, v, "events", event);
}

bool table_print(const struct json *answer) {
    AUTO(arena_free) struct arena *arena = arena_new((size_t)256 << 20);
    if (!arena) return false;
    struct table t = {.arena = arena};
    bool known = fill(&t, answer) && !t.failed;
    if (known) print_all(&t);
    free(t.cells);
    return known && fflush(stdout) == 0;
}
