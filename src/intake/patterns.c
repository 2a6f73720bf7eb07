/* patterns.c: reads the YAML as a stream of events. The file is a map of three lists of maps of
 * scalars; whatever else it holds is stepped over. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "intake/patterns.h"

#include <pcre2.h>
#include <stdlib.h>
#include <yaml.h>

#define MAX_TEXT_BYTES (8u << 20)

struct reading {
    struct intake_patterns *to;
    int list;  /* the list that events belong to, or -1 */
    int depth; /* open maps and lists */
    bool want_value;
    char key[40];
    struct intake_pattern now;
    enum { LINE_NONE, LINE_REGEX, LINE_FLAG, LINE_REPLACEMENT } line;
};

static int list_of(const char *name) {
    static const char *const names[PATTERN_LISTS] = {"user_agent_parsers", "os_parsers",
                                                     "device_parsers"};
    for (int i = 0; i < PATTERN_LISTS; i++) {
        if (strcmp(name, names[i]) == 0) return i;
    }
    return -1;
}

static struct err append(struct reading *r) {
    struct intake_patterns *p = r->to;
    if (r->list < 0 || r->now.regex.n == 0) return ERR_NONE;
    size_t n = p->n[r->list];
    if (n >= PATTERN_MAX) return ERR(ERR_LIMIT, "intake: too many device patterns");
    if (n % 256 == 0) {
        struct intake_pattern *bigger = realloc(p->list[r->list], (n + 256) * sizeof *bigger);
        if (!bigger) return ERR(ERR_NOMEM, "intake: device patterns");
        p->list[r->list] = bigger;
    }
    p->list[r->list][p->n[r->list]++] = r->now;
    return ERR_NONE;
}

static void key_is(struct reading *r, struct str s) {
    static const char *const replacements[PATTERN_LISTS] = {"family_replacement", "os_replacement",
                                                            "device_replacement"};
    r->line = LINE_NONE;
    if (str_is(s, "regex")) r->line = LINE_REGEX;
    if (str_is(s, "regex_flag")) r->line = LINE_FLAG;
    if (r->list >= 0 && str_is(s, replacements[r->list])) r->line = LINE_REPLACEMENT;
}

static struct err scalar(struct reading *r, struct str s) {
    bool is_key = !r->want_value;
    r->want_value = !r->want_value;
    if (r->depth == 1 && is_key) {
        snprintf(r->key, sizeof r->key, STR_FMT, STR_ARG(s));
        r->list = list_of(r->key);
    }
    if (r->depth != 3) return ERR_NONE;
    if (is_key) {
        key_is(r, s);
        return ERR_NONE;
    }
    if (r->line == LINE_FLAG) r->now.without_case = str_contains(s, STR("i"));
    if (r->line != LINE_REGEX && r->line != LINE_REPLACEMENT) return ERR_NONE;
    struct str copy = arena_str(r->to->text, s);
    if (!copy.p) return ERR(ERR_NOMEM, "intake: device patterns");
    *(r->line == LINE_REGEX ? &r->now.regex : &r->now.replacement) = copy;
    return ERR_NONE;
}

static struct err take(struct reading *r, const yaml_event_t *e) {
    switch (e->type) {
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        r->depth++;
        r->want_value = false;
        if (r->depth == 3) r->now = (struct intake_pattern){0};
        return ERR_NONE;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        r->want_value = false;
        if (r->depth-- == 3) return append(r);
        return ERR_NONE;
    case YAML_SCALAR_EVENT:
        return scalar(r, (struct str){(const char *)e->data.scalar.value, e->data.scalar.length});
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
        return ERR_NONE;
    }
    return ERR_NONE;
}

static struct err read_events(yaml_parser_t *parser, struct reading *r) {
    for (bool end = false; !end;) {
        yaml_event_t e;
        if (!yaml_parser_parse(parser, &e))
            return ERR(ERR_CORRUPT, "intake: device patterns are not YAML");
        end = e.type == YAML_STREAM_END_EVENT;
        struct err fault = take(r, &e);
        yaml_event_delete(&e);
        TRY(fault);
    }
    return ERR_NONE;
}

struct err intake_patterns_read(struct str yaml, struct intake_patterns *out) {
    *out = (struct intake_patterns){.text = arena_new(MAX_TEXT_BYTES)};
    if (!out->text) return ERR(ERR_NOMEM, "intake: device patterns");
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return ERR(ERR_NOMEM, "intake: device patterns");
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.p, yaml.n);
    struct reading r = {.to = out, .list = -1};
    struct err e = read_events(&parser, &r);
    yaml_parser_delete(&parser);
    TRY(e);
    if (out->n[PATTERN_BROWSER] == 0 || out->n[PATTERN_OS] == 0)
        return ERR(ERR_CORRUPT, "intake: no device patterns");
    return ERR_NONE;
}

void intake_patterns_done(struct intake_patterns *p) {
    for (int l = 0; l < PATTERN_LISTS; l++) {
        for (size_t i = 0; i < p->n[l]; i++)
            pcre2_code_free(p->list[l][i].code);
        free(p->list[l]);
    }
    arena_free(p->text);
    *p = (struct intake_patterns){0};
}
