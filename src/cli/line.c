/* line.c: fingerprints of lines without parsing them.
 *
 * The server parses every line anyway, and refuses what is no event; here only four values are
 * looked for, by one walk over the bytes that steps over all else. Where one of the four (or any
 * name on the way to them) is written with an escape or is no string and no number, the line is
 * parsed.
 */
#include "cli/line.h"

#include <stdlib.h>

struct line_reader {
    struct json_parser *parser;
    struct arena *arena;
};

enum { EVENT, TIME, DISTINCT_ID, INSERT_ID, PARTS_N };
struct prints {
    uint64_t of[PARTS_N]; /* 0: missing */
};

struct line_reader *line_reader_new(size_t max_line_bytes) {
    AUTO(line_reader_free) struct line_reader *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->parser = json_parser_new(max_line_bytes);
    r->arena = arena_new((size_t)256 << 20);
    if (!r->parser || !r->arena) return NULL;
    struct line_reader *made = r;
    r = NULL;
    return made;
}

void line_reader_free(struct line_reader *r) {
    if (!r) return;
    json_parser_free(r->parser);
    arena_free(r->arena);
    free(r);
}

static uint64_t print_of(const struct prints *p) {
    if (!p->of[INSERT_ID]) return 0;
    uint64_t sum = checksum64(p->of, sizeof p->of);
    return sum ? sum : 1;
}

/* A string and a number that read the same are two values. */
static uint64_t print_value(struct str bytes, bool is_string) {
    uint64_t sum = checksum64(bytes.p, bytes.n) + is_string;
    return sum ? sum : 1;
}

/* ---- the quick way ---- */

struct scan {
    const char *p, *end;
};

static void skip_space(struct scan *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
        s->p++;
}

static bool take(struct scan *s, char c) {
    skip_space(s);
    if (s->p == s->end || *s->p != c) return false;
    s->p++;
    return true;
}

/* At its opening quote; *out_plain: it holds no escape, so its bytes are its text. */
static bool take_string(struct scan *s, struct str *out, bool *out_plain) {
    const char *p = s->p + 1;
    *out_plain = true;
    for (; p < s->end && *p != '"'; p++) {
        if (*p != '\\') continue;
        *out_plain = false;
        p++;
    }
    if (p >= s->end) return false;
    *out = (struct str){s->p + 1, (size_t)(p - s->p) - 1};
    s->p = p + 1;
    return true;
}

static bool skip_container(struct scan *s) {
    struct str text;
    bool plain;
    size_t depth = 0;
    while (s->p < s->end) {
        char c = *s->p;
        if (c == '"') {
            if (!take_string(s, &text, &plain)) return false;
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        s->p++;
        if (depth == 0) return true;
    }
    return false;
}

static struct str take_token(struct scan *s) {
    const char *start = s->p;
    while (s->p < s->end && *s->p != ',' && *s->p != '}' && *s->p != ']' && *s->p > ' ')
        s->p++;
    return (struct str){start, (size_t)(s->p - start)};
}

/* Steps over a value; `print` is where its fingerprint goes, NULL: nowhere. */
static bool scan_value(struct scan *s, uint64_t *print) {
    struct str text = {0};
    bool plain = true;
    char c = *s->p;
    if (c == '"') {
        if (!take_string(s, &text, &plain)) return false;
        if (print) *print = print_value(text, true);
        return plain || !print;
    }
    if (c == '{' || c == '[') return !print && skip_container(s);
    text = take_token(s);
    if (text.n == 0) return false;
    if (!print) return true;
    *print = print_value(text, false);
    return c == '-' || (c >= '0' && c <= '9');
}

/* The next member of an object whose brace was taken: its name, and s at its value. False with
 * *out_end: there is none. */
static bool scan_name(struct scan *s, bool first, struct str *out_name, bool *out_end) {
    bool plain;
    *out_end = take(s, '}');
    if (*out_end || (!first && !take(s, ','))) return false;
    skip_space(s);
    if (s->p == s->end || *s->p != '"' || !take_string(s, out_name, &plain)) return false;
    if (!plain || !take(s, ':')) return false;
    skip_space(s);
    return s->p < s->end;
}

static bool scan_properties(struct scan *s, struct prints *p) {
    struct str name;
    bool end = false;
    if (!take(s, '{')) return false;
    p->of[TIME] = p->of[DISTINCT_ID] = p->of[INSERT_ID] = 0; /* of two the last one counts */
    for (bool first = true; scan_name(s, first, &name, &end); first = false) {
        uint64_t *print = NULL;
        if (str_is(name, "time")) print = &p->of[TIME];
        if (str_is(name, "distinct_id")) print = &p->of[DISTINCT_ID];
        if (str_is(name, "$insert_id")) print = &p->of[INSERT_ID];
        if (!scan_value(s, print)) return false;
    }
    return end;
}

bool line_scan(struct str line, uint64_t *out) {
    struct scan s = {line.p, line.p + line.n};
    struct prints p = {{0}};
    struct str name;
    bool end = false;
    if (!take(&s, '{')) return false;
    for (bool first = true; scan_name(&s, first, &name, &end); first = false) {
        bool ok = str_is(name, "properties")
                      ? scan_properties(&s, &p)
                      : scan_value(&s, str_is(name, "event") ? &p.of[EVENT] : NULL);
        if (!ok) return false;
    }
    skip_space(&s);
    if (!end || s.p != s.end) return false;
    *out = print_of(&p);
    return true;
}

/* ---- the slow way ---- */

static uint64_t print_node(const struct json *v) {
    if (!v) return 0;
    if (v->type == JSON_STR) return print_value(v->s, true);
    if (v->raw.n > 0) return print_value(v->raw, false);
    return UINT64_C(2) + v->type; /* true, null, a list: all of a kind count as the same */
}

uint64_t line_fingerprint(struct line_reader *r, struct str line) {
    uint64_t quick = 0;
    const struct json *v = NULL;
    if (line_scan(line, &quick)) return quick;
    arena_reset(r->arena);
    if (json_parse(r->parser, line, r->arena, &v).code != ERR_OK) return 0;
    const struct json *props = json_get(v, "properties");
    const struct prints p = {{print_node(json_get(v, "event")), print_node(json_get(props, "time")),
                              print_node(json_get(props, "distinct_id")),
                              print_node(json_get(props, "$insert_id"))}};
    return print_of(&p);
}
