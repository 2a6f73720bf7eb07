/* table.c: an answer as a table on a terminal: one row per series, person, path or event. */
#include <stdio.h>

#include "cli/command.h"

#define MAX_COLUMNS 14
#define MAX_CELL 28

struct cell {
    char text[MAX_CELL + 4];
};

static void set(struct cell *c, const struct json *v) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1u << 16);
    struct jout j;
    jout_init(&j, &b);
    if (!v)
        buf_put_str(&b, STR("-"));
    else if (v->type == JSON_STR)
        buf_put_str(&b, v->s);
    else
        json_write(&j, v);
    struct str s = buf_str(&b);
    size_t n = s.n > MAX_CELL ? str_utf8_prefix((struct str){s.p, MAX_CELL}) : s.n;
    snprintf(c->text, sizeof c->text, "%.*s%s", (int)n, s.p ? s.p : "", n < s.n ? "~" : "");
    for (char *p = c->text; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127) *p = '?';
}

static void print_row(const struct cell *cells, size_t n) {
    for (size_t i = 0; i < n; i++)
        printf(i == 0 ? "%-30s" : "  %12s", cells[i].text);
    putchar('\n');
}

/* "iOS, Berlin" of a breakdown, or "all". */
static void label(struct cell *c, const struct json *series) {
    const struct json *breakdown = json_get(series, "breakdown");
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    if (breakdown && breakdown->type == JSON_ARRAY)
        for (const struct json *v = json_first(breakdown); v != json_end(breakdown);
             v = json_next(v)) {
            struct cell one;
            set(&one, v);
            buf_printf(&b, "%s%s", b.n ? ", " : "", one.text);
        }
    snprintf(c->text, sizeof c->text, "%.*s", b.n ? (int)(b.n > MAX_CELL ? MAX_CELL : b.n) : 3,
             b.n ? b.p : "all");
}

static bool insights(const struct json *answer) {
    const struct json *buckets = json_get(answer, "buckets"), *series = json_get(answer, "series");
    if (!buckets || !series) return false;
    struct cell cells[MAX_COLUMNS] = {{"series"}, {"total"}};
    size_t n = 2, skip = buckets->n > MAX_COLUMNS - 2 ? buckets->n - (MAX_COLUMNS - 2) : 0, i = 0;
    for (const struct json *b = json_first(buckets); b != json_end(buckets); b = json_next(b))
        if (i++ >= skip) set(&cells[n++], b);
    print_row(cells, n);
    for (const struct json *s = json_first(series); s != json_end(series); s = json_next(s)) {
        const struct json *values = json_get(s, "values");
        label(&cells[0], s);
        set(&cells[1], json_get(s, "total"));
        n = 2, i = 0;
        for (const struct json *v = values ? json_first(values) : NULL; v && v != json_end(values);
             v = json_next(v))
            if (i++ >= skip && n < MAX_COLUMNS) set(&cells[n++], v);
        print_row(cells, n);
    }
    return true;
}

static bool funnel(const struct json *answer) {
    const struct json *series = json_get(answer, "series");
    if (!series) return false;
    for (const struct json *s = json_first(series); s != json_end(series); s = json_next(s)) {
        struct cell cells[4] = {{""}, {"people"}, {"of first"}, {"median s"}};
        label(&cells[0], s);
        print_row(cells, 4);
        const struct json *steps = json_get(s, "steps");
        for (const struct json *t = steps ? json_first(steps) : NULL; t && t != json_end(steps);
             t = json_next(t)) {
            set(&cells[0], json_get(t, "event"));
            set(&cells[1], json_get(t, "count"));
            set(&cells[2], json_get(t, "from_first"));
            set(&cells[3], json_get(t, "median_s"));
            print_row(cells, 4);
        }
    }
    return true;
}

/* A list of objects: a column per member of the first. Members that are lists take the rest of the
 * row. */
static bool objects(const struct json *list) {
    if (!list || list->type != JSON_ARRAY) return false;
    for (const struct json *o = json_first(list); o != json_end(list); o = json_next(o)) {
        struct cell cells[MAX_COLUMNS];
        size_t n = 0;
        if (o->type != JSON_OBJECT) return false;
        for (const struct json *m = json_first(o); m != json_end(o); m = json_next(m)) {
            if (m->type != JSON_ARRAY || m->n == 0) {
                if (n < MAX_COLUMNS) set(&cells[n++], m);
                continue;
            }
            for (const struct json *e = json_first(m); e != json_end(m); e = json_next(e))
                if (n < MAX_COLUMNS) set(&cells[n++], e);
        }
        print_row(cells, n);
    }
    return true;
}

bool table_print(const struct json *answer) {
    const struct json *report = json_get(answer, "report");
    if (json_is_str(report, "insights")) return insights(answer);
    if (json_is_str(report, "funnel")) return funnel(answer);
    static const char *const lists[] = {"cohorts", "paths", "users", "groups", "events"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (json_get(answer, lists[i])) return objects(json_get(answer, lists[i]));
    return false;
}
