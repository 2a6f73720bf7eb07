#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/json.h"

#define LONGEST 100000

struct fixture {
    struct json_parser *parser;
    struct arena *arena;
};

static int begin(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->parser = json_parser_new(LONGEST);
    f->arena = arena_new(16 << 20);
    *state = f;
    return 0;
}

static int end(void **state) {
    struct fixture *f = *state;
    json_parser_free(f->parser);
    arena_free(f->arena);
    free(f);
    return 0;
}

static const struct json *parse(void **state, struct str text) {
    struct fixture *f = *state;
    const struct json *v = NULL;
    struct err e = json_parse_copy(f->parser, text, f->arena, &v);
    if (e.code != ERR_OK) fail_msg("%s: " STR_FMT, e.what, STR_ARG(text));
    return v;
}

static int32_t code_of(void **state, struct str text) {
    struct fixture *f = *state;
    const struct json *v = NULL;
    struct err e = json_parse_copy(f->parser, text, f->arena, &v);
    assert_true(e.code == ERR_OK || (v == NULL && e.what != NULL));
    return e.code;
}

static void what_is_written_is_what_was_read(void **state) {
    static const char *const texts[] = {
        "{\"a\":[1,-2.50,1e3,{\"b\":null}],\"c\":{\"d\":true,\"e\":false},\"\":\"\"}",
        "[]",
        "{}",
        "[[],[[]],{}]",
        "7",
        "\"x\"",
        "null",
        "true",
        "false",
        "-0",
        "1.5",
        "[123456789012345678901234567890,18446744073709551615,-9223372036854775808]",
        "[\"\\u0000\\\"\\\\\\n\",\"\xF0\x9F\x98\x80\"]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 10000);
        struct jout j;
        jout_init(&j, &b);
        json_write(&j, parse(state, str_z(texts[i])));
        assert_true(str_is(buf_str(&b), texts[i]));
    }
}

static void a_tree_is_walked_by_skips(void **state) {
    const struct json *v = parse(state, STR(" {\"a\":[1,[2,3]],\"b\":{\"c\":\"x\"},\"a\":5 } "));
    assert_int_equal(v->type, JSON_OBJECT);
    assert_int_equal(v->n, 3);
    assert_int_equal(v->skip, 9);
    const struct json *a = json_first(v), *b = json_next(a);
    assert_int_equal(a->n, 2);
    assert_int_equal(a->skip, 5);
    assert_true(str_is(b->key, "b"));
    assert_int_equal(json_get(v, "a")->i, 5); /* the last of a name */
    assert_true(json_is_str(json_get(b, "c"), "x"));
    assert_null(json_get(a, "c"));
    assert_null(json_get(NULL, "c"));
    assert_ptr_equal(json_next(json_next(b)), json_end(v));
}

static void numbers_keep_their_own_text(void **state) {
    const struct json *v =
        parse(state, STR("[1 , -9223372036854775808,9223372036854775808\n,1.50,1E2,-0,0]"));
    const struct json *c = json_first(v);
    static const uint8_t types[] = {JSON_INT, JSON_INT, JSON_BIGINT, JSON_NUM,
                                    JSON_NUM, JSON_INT, JSON_INT};
    static const char *const raw[] = {
        "1", "-9223372036854775808", "9223372036854775808", "1.50", "1E2", "-0", "0"};
    for (size_t i = 0; i < v->n; i++, c = json_next(c)) {
        assert_int_equal(c->type, types[i]);
        assert_true(str_is(c->raw, raw[i]));
    }
    double d = 0;
    assert_true(json_number(json_first(v) + 3, &d) && d == 1.5);
    assert_true(json_number(json_first(v), &d) && d == 1);
    assert_false(json_number(json_first(v) + 2, &d));
    assert_int_equal((json_first(v) + 1)->i, INT64_MIN);
    assert_true(str_is((json_first(v) + 2)->s, "9223372036854775808"));
}

static void strings_are_unescaped_and_may_hold_nul(void **state) {
    const struct json *v = parse(state, STR("{\"k\\u0065y\":\"a\\u0000b\\ud83d\\ude00\\/\"}"));
    assert_true(str_is(json_first(v)->key, "key"));
    assert_true(str_eq(json_first(v)->s, STR("a\0b\xF0\x9F\x98\x80/")));
}

static void half_a_surrogate_pair_becomes_the_replacement_character(void **state) {
    static const char *const rows[][2] = {
        {"[\"\\ud83d\"]", "\xEF\xBF\xBD"},
        {"[\"a\\ud83d \\\\\"]", "a\xEF\xBF\xBD \\"},
        {"[\"\\ude00x\"]", "\xEF\xBF\xBDx"},
        {"[\"\\ud83d\\u0041\"]", "\xEF\xBF\xBD"
                                 "A"},
        {"[\"\\ud83d\\ud83d\\ude00\"]", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
        {"[\"\\ud83d\\n\\u00e4\"]", "\xEF\xBF\xBD\n\xC3\xA4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(json_is_str(json_first(parse(state, str_z(rows[i][0]))), rows[i][1]));
    const struct json *v =
        parse(state, STR("{\"a\\udc00\":1,\"b\":\"\\ud800\",\"c\":\"\\ud801\"}"));
    assert_true(str_is(json_first(v)->key, "a\xEF\xBF\xBD"));
    assert_true(json_is_str(json_get(v, "c"), "\xEF\xBF\xBD"));
    assert_true(json_is_str(parse(state, STR("\"\\ud83d\"")), "\xEF\xBF\xBD"));
}

static const char *const no_json[] = {
    "",
    " ",
    "{",
    "[",
    "}",
    "]",
    "{]",
    "[}",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{1:2}",
    "'a'",
    "\"",
    "\"a",
    "[\"a]",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud83d\\u12\"",
    "nul",
    "nulll",
    "tru",
    "truex",
    "falsey",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x10",
    "1a",
    "[1a]",
    "[01]",
    "[1.]",
    "[-]",
    "[nulll]",
    "[truefalse]",
    "[nul]",
    "1 2",
    "{} {}",
    "[] x",
    "[1],",
    "{}}",
    "[]]",
    "\"a\" 1",
    "[\"a\tb\"]",
    "[\"a\nb\"]",
    "[1e999]",
    "1e400",
    "-1e400",
    "[\"a\"\"b\"]",
    "[[1]",
    "{\"a\":[}",
    "/*c*/1",
    "[1]//x",
    "null null",
    "true,",
};

static void what_is_not_json_is_refused(void **state) {
    for (size_t i = 0; i < sizeof no_json / sizeof *no_json; i++)
        if (code_of(state, str_z(no_json[i])) != ERR_INVALID) fail_msg("taken: %s", no_json[i]);
    assert_int_equal(code_of(state, (struct str){"[1]\0", 4}), ERR_INVALID);
    assert_int_equal(code_of(state, (struct str){"null\0", 5}), ERR_INVALID);
    assert_int_equal(code_of(state, (struct str){"\xEF\xBB\xBF[", 4}), ERR_INVALID);
}

static void bytes_that_are_not_utf8_are_refused(void **state) {
    static const char *const bad[] = {"\"\xFF\"",   "[\"\xC0\x80\"]", "[\"\xED\xA0\x80\"]",
                                      "[\"\xC3\"]", "{\"\x80\":1}",   "[1,\"\xF4\x90\x80\x80\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(code_of(state, str_z(bad[i])), ERR_INVALID);
}

static void depth_ends_at_its_limit(void **state) {
    char text[400];
    for (int depth = 60; depth < 150; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(code_of(state, (struct str){text, 2 * (size_t)depth}),
                         depth <= JSON_MAX_DEPTH ? ERR_OK : ERR_INVALID);
    }
    memset(text, '[', sizeof text);
    assert_int_equal(code_of(state, (struct str){text, sizeof text}), ERR_INVALID);
}

static void size_ends_at_its_limit(void **state) {
    char *text = calloc(1, LONGEST + 1);
    memset(text, 'x', LONGEST + 1);
    text[0] = text[LONGEST - 1] = '"';
    assert_int_equal(code_of(state, (struct str){text, LONGEST}), ERR_OK);
    assert_int_equal(code_of(state, (struct str){text, LONGEST + 1}), ERR_LIMIT);
    memset(text, ',', LONGEST);
    for (size_t i = 1; i < LONGEST; i += 2)
        text[i] = '0';
    text[0] = '[', text[LONGEST - 2] = ' ', text[LONGEST - 1] = ']', text[LONGEST - 3] = '0',
    text[LONGEST - 4] = ',';
    text[LONGEST - 3] = '0';
    int32_t code = code_of(state, (struct str){text, LONGEST}); /* one value in two bytes */
    assert_int_equal(code, ERR_LIMIT);
    free(text);
}

static void an_arena_that_is_full_is_out_of_memory(void **state) {
    struct fixture *f = *state;
    AUTO(arena_free) struct arena *small = arena_new(600);
    const struct json *v = NULL;
    assert_int_equal(
        json_parse_copy(f->parser, STR("[1,2,3,4,5,6,7,8,9,10,11,12,13]"), small, &v).code,
        ERR_NOMEM);
    assert_null(v);
}

/* Every prefix, and every byte replaced: nothing crashes, and what is taken is written back as
 * itself. */
static void damaged_text_never_surprises(void **state) {
    struct fixture *f = *state;
    struct str whole = STR("{\"event\":\"Sign "
                           "\\u00fcp\",\"properties\":{\"time\":1700000000.25,\"n\":[1,-2,{\"x\":"
                           "null,\"y\":\"\\ud83d\"}],\"big\":"
                           "12345678901234567890123,\"t\":true,\"f\":false}}");
    static const char bytes[] = "\"\\{}[],:0-.eEnt \x00\x80\xC3\xED";
    char text[256];
    for (size_t at = 0; at < whole.n; at++) {
        assert_int_equal(code_of(state, (struct str){whole.p, at}), ERR_INVALID);
        for (size_t k = 0; k < sizeof bytes - 1; k++) {
            memcpy(text, whole.p, whole.n);
            text[at] = bytes[k];
            const struct json *v = NULL, *again = NULL;
            if (json_parse_copy(f->parser, (struct str){text, whole.n}, f->arena, &v).code !=
                ERR_OK)
                continue;
            AUTO(buf_done) struct buf b;
            buf_init(&b, 10000);
            struct jout j;
            jout_init(&j, &b);
            json_write(&j, v);
            assert_int_equal(json_parse_copy(f->parser, buf_str(&b), f->arena, &again).code,
                             ERR_OK);
            assert_int_equal(v->skip, again->skip);
        }
        arena_reset(f->arena);
    }
}

static void nothing_points_into_the_text(void **state) {
    struct fixture *f = *state;
    char text[64 + JSON_SLACK_BYTES] = "{\"key\":[\"value\",1.25,12345678901234567890]}";
    const struct json *v = NULL;
    assert_int_equal(json_parse(f->parser, (struct str){text, strlen(text)}, f->arena, &v).code,
                     ERR_OK);
    memset(text, 'z', sizeof text);
    (void)parse(state, STR("[\"other text that is longer than the first\"]"));
    const struct json *list = json_get(v, "key");
    assert_true(json_is_str(json_first(list), "value"));
    assert_true(str_is(json_first(list)[1].raw, "1.25"));
    assert_true(str_is(json_first(list)[2].s, "12345678901234567890"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_what_was_read, begin, end),
        cmocka_unit_test_setup_teardown(a_tree_is_walked_by_skips, begin, end),
        cmocka_unit_test_setup_teardown(numbers_keep_their_own_text, begin, end),
        cmocka_unit_test_setup_teardown(strings_are_unescaped_and_may_hold_nul, begin, end),
        cmocka_unit_test_setup_teardown(half_a_surrogate_pair_becomes_the_replacement_character,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_json_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(bytes_that_are_not_utf8_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(depth_ends_at_its_limit, begin, end),
        cmocka_unit_test_setup_teardown(size_ends_at_its_limit, begin, end),
        cmocka_unit_test_setup_teardown(an_arena_that_is_full_is_out_of_memory, begin, end),
        cmocka_unit_test_setup_teardown(damaged_text_never_surprises, begin, end),
        cmocka_unit_test_setup_teardown(nothing_points_into_the_text, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
