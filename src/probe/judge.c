/* judge.c: is this the answer that is expected? Bodies are strangers': the pattern runs with limits
 * on its steps and memory, the JSON within json's own. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "probe/inside.h"

#define MATCH_STEPS 200000
#define MATCH_DEPTH 1000
#define MATCH_KB 1024

/* ---- status ---- */

static bool read_status(struct str s, long *out) {
    int64_t n;
    if (!str_to_i64(s, &n) || n < 100 || n > 599) return false;
    *out = (long)n;
    return true;
}

/* list: "200-299,304". only_syntax: whether it is such a list at all. */
bool probe_status_matches(struct str list, long status, bool only_syntax) {
    bool met = false;
    if (list.n == 0) return false;
    while (list.n > 0) {
        struct str high = str_trim(str_cut(&list, ',')), whole = high, low = str_cut(&high, '-');
        long from, to;
        if (!read_status(low, &from)) return false;
        if (low.n == whole.n)
            to = from;
        else if (!read_status(high, &to) || to < from)
            return false;
        met |= status >= from && status <= to;
    }
    return met || only_syntax;
}

/* ---- pattern ---- */

static pcre2_code *compile(struct str pattern) {
    int fault;
    PCRE2_SIZE at;
    return pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
                         PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF, &fault, &at, NULL);
}

bool probe_regex_ok(struct str pattern) {
    pcre2_code *code = compile(pattern);
    pcre2_code_free(code);
    return code != NULL;
}

static bool regex_matches(struct str pattern, struct str body) {
    bool met = false;
    pcre2_code *code = compile(pattern);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = code ? pcre2_match_data_create_from_pattern(code, NULL) : NULL;
    if (code && limits && data) {
        pcre2_set_match_limit(limits, MATCH_STEPS);
        pcre2_set_depth_limit(limits, MATCH_DEPTH);
        pcre2_set_heap_limit(limits, MATCH_KB);
        met =
            pcre2_match(code, (PCRE2_SPTR)(body.p ? body.p : ""), body.n, 0, 0, data, limits) >= 0;
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
    return met;
}

/* ---- JSON ---- */

static const struct json *step(const struct json *v, struct str name) {
    if (v->type == JSON_OBJECT) {
        const struct json *found = NULL;
        for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c))
            if (str_eq(c->key, name)) found = c;
        return found;
    }
    int64_t n = 0, i = 0;
    if (v->type != JSON_ARRAY || !str_to_i64(name, &n)) return NULL;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c))
        if (i++ == n) return c;
    return NULL;
}

static bool json_is(const struct json *v, struct str wanted) {
    switch ((enum json_type)v->type) {
    case JSON_NULL:
        return str_is(wanted, "null");
    case JSON_FALSE:
        return str_is(wanted, "false");
    case JSON_TRUE:
        return str_is(wanted, "true");
    case JSON_INT:
    case JSON_NUM:
        return str_eq(v->raw, wanted);
    case JSON_BIGINT:
    case JSON_STR:
        return str_eq(v->s, wanted);
    case JSON_ARRAY:
    case JSON_OBJECT:
        return false;
    }
    return false;
}

static bool json_matches(const struct probe_config *c, struct str body) {
    AUTO(arena_free) struct arena *a = arena_new(8u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(PROBE_BODY_BYTES);
    const struct json *v = NULL;
    if (!a || !p || json_parse_copy(p, body, a, &v).code != ERR_OK) return false;
    for (struct str path = c->json; path.n > 0 && v;)
        v = step(v, str_cut(&path, '.'));
    return v && (!c->json_is.p || json_is(v, c->json_is));
}

enum post_fault probe_judge(const struct probe_config *c, const struct answer *a) {
    if (!probe_status_matches(c->statuses, a->status, false)) return POST_STATUS;
    if (c->header.n > 0 && (!a->has_header || !str_contains(a->header_value, c->header_is)))
        return POST_HEADER;
    if (c->contains.n > 0 && !str_contains(a->body, c->contains)) return POST_BODY;
    if (c->lacks.n > 0 && str_contains(a->body, c->lacks)) return POST_BODY;
    if (c->regex.n > 0 && !regex_matches(c->regex, a->body)) return POST_BODY;
    if (c->json.n > 0 && !json_matches(c, a->body)) return POST_JSON;
    return POST_FINE;
}
