// modules: base json
/* JSON text. Invariant: what is read is a well-formed tree of valid UTF-8, and written back and
 * read again it is the same tree. */
#include <stdlib.h>

#include "fuzz.h"
#include "json/json.h"

#define LONGEST (64u << 10)

static void check_tree(const struct json *v, int depth) {
    uint32_t n = 0;
    assert(depth <= JSON_MAX_DEPTH && v->skip >= 1);
    if (v->type == JSON_STR) assert(str_utf8_prefix(v->s) == v->s.n);
    if (v->type == JSON_BIGINT) assert(str_eq(v->s, v->raw));
    if (v->type != JSON_ARRAY && v->type != JSON_OBJECT) {
        assert(v->skip == 1);
        return;
    }
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c), n++) {
        assert(c < json_end(v) && str_utf8_prefix(c->key) == c->key.n);
        check_tree(c, depth + 1);
    }
    assert(n == v->n);
}

static bool same(const struct json *a, const struct json *b) {
    if (a->skip != b->skip) return false;
    for (uint32_t i = 0; i < a->skip; i++) {
        if (a[i].type != b[i].type || a[i].n != b[i].n || !str_eq(a[i].key, b[i].key) ||
            !str_eq(a[i].raw, b[i].raw))
            return false;
        if (a[i].type == JSON_STR && !str_eq(a[i].s, b[i].s)) return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(LONGEST);
    AUTO(arena_free) struct arena *a = arena_new(32u << 20);
    const struct json *v = NULL, *again = NULL;
    struct err e = json_parse_copy(p, (struct str){(const char *)bytes, n}, a, &v);
    if (e.code != ERR_OK) {
        assert(v == NULL && e.what != NULL);
        return 0;
    }
    check_tree(v, 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 8 * LONGEST);
    struct jout j;
    jout_init(&j, &b);
    json_write(&j, v);
    e = json_parse_copy(p, buf_str(&b), a, &again);
    assert(e.code == ERR_LIMIT ||
           (e.code == ERR_OK && same(v, again))); /* escapes may make it longer than allowed */
    return 0;
}
