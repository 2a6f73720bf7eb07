#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/base.h"

#define assert_text(buffer, z) assert_true(str_is(buf_str(&(buffer)), (z)))

static void cutting_takes_pieces_until_nothing_is_left(void **state) {
    struct str rest = STR("a,bc,,d");
    assert_true(str_is(str_cut(&rest, ','), "a"));
    assert_true(str_is(str_cut(&rest, ','), "bc"));
    assert_true(str_is(str_cut(&rest, ','), ""));
    assert_true(str_is(str_cut(&rest, ','), "d"));
    assert_int_equal(rest.n, 0);
    struct str none = {0};
    assert_int_equal(str_cut(&none, ',').n, 0);
}

static void comparing_handles_empty_and_prefixes(void **state) {
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_int_equal(str_cmp(STR(""), (struct str){0}), 0);
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
    assert_true(str_ieq(STR("AbZ"), STR("aBz")) && !str_ieq(STR("a["), STR("a{")));
    assert_true(str_is(str_trim(STR(" \t x y\r\n")), "x y"));
    assert_true(str_contains(STR("abc"), STR("bc")) && !str_contains(STR("abc"), STR("cb")));
}

static void integers_are_read_to_their_edges(void **state) {
    int64_t v = 7;
    assert_true(str_to_i64(STR("9223372036854775807"), &v) && v == INT64_MAX);
    assert_true(str_to_i64(STR("-9223372036854775808"), &v) && v == INT64_MIN);
    assert_true(str_to_i64(STR("+12"), &v) && v == 12);
    static const char *const bad[] = {
        "", "-", "+", "9223372036854775808", "-9223372036854775809", "1 ", " 1", "1x", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(str_to_i64(str_z(bad[i]), &v));
    assert_int_equal(v, 12);
}

static void doubles_are_read_as_json_writes_them(void **state) {
    double v = 0;
    assert_true(str_to_f64(STR("-0.5e+3"), &v) && v == -500);
    assert_true(str_to_f64(STR("0"), &v) && v == 0);
    static const char *const bad[] = {"",    "-",   "01",   "1.",    ".5", "1e", "1e+",
                                      "inf", "nan", "0x10", "1e999", "1 ", "--1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(str_to_f64(str_z(bad[i]), &v));
}

static void hex_goes_there_and_back(void **state) {
    uint8_t in[256], out[256];
    char text[512];
    for (size_t i = 0; i < 256; i++)
        in[i] = (uint8_t)i;
    str_to_hex(in, 256, text);
    assert_true(str_from_hex((struct str){text, 512}, out, 256));
    assert_memory_equal(in, out, 256);
    assert_true(str_from_hex(STR("aBFf"), out, 2) && out[0] == 0xab && out[1] == 0xff);
    assert_false(str_from_hex(STR("abf"), out, 2));
    assert_false(str_from_hex(STR("abfg"), out, 2));
}

static void utf8_ends_at_the_first_bad_character(void **state) {
    static const struct {
        const char *text;
        size_t n, good;
    } rows[] = {
        {"abcdefghij\xC3\xA4", 12, 12},
        {"\xC0\x80", 2, 0},
        {"\xED\xA0\x80", 3, 0},
        {"\xED\x9F\xBF", 3, 3},
        {"\xE0\x9F\xBF", 3, 0},
        {"\xF0\x9F\x98\x80", 4, 4},
        {"\xF0\x8F\xBF\xBF", 4, 0},
        {"\xF4\x90\x80\x80", 4, 0},
        {"a\xF0\x9F\x98", 4, 1},
        {"12345678\x80", 9, 8},
        {"\xC3", 1, 0},
        {"a\0b", 3, 3},
        {"\xE2\x28\xA1", 3, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(str_utf8_prefix((struct str){rows[i].text, rows[i].n}), rows[i].good);
}

static void a_buffer_stops_at_its_maximum_and_stays_stopped(void **state) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 10);
    buf_put(&b, "123456", 6);
    assert_int_equal(buf_err(&b).code, ERR_OK);
    buf_put(&b, "12345", 5);
    assert_int_equal(buf_err(&b).code, ERR_LIMIT);
    buf_put_char(&b, 'x');
    assert_text(b, "123456");
    buf_clear(&b);
    buf_put(&b, "1234567890", 10);
    assert_int_equal(buf_err(&b).code, ERR_OK);
    assert_text(b, "1234567890");
}

static void stored_integers_read_back_and_the_end_is_noticed(void **state) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1000);
    buf_put_u8(&b, 0xfe);
    buf_put_u16(&b, 0xfedc);
    buf_put_u32(&b, 0xfedcba98);
    buf_put_u64(&b, UINT64_C(0xfedcba9876543210));
    buf_put_i64(&b, -5);
    buf_put_f64(&b, -0.1);
    assert_memory_equal(b.p, "\xfe\xdc\xfe\x98\xba\xdc\xfe\x10\x32\x54\x76", 11);
    for (size_t cut = 0; cut <= b.n; cut++) {
        struct cursor c = {(const uint8_t *)b.p, cut, false};
        bool same = cursor_u8(&c) == 0xfe && cursor_u16(&c) == 0xfedc &&
                    cursor_u32(&c) == 0xfedcba98 &&
                    cursor_u64(&c) == UINT64_C(0xfedcba9876543210) && cursor_i64(&c) == -5 &&
                    cursor_f64(&c) == -0.1;
        assert_int_equal(c.bad, cut < b.n);
        assert_int_equal(same, cut == b.n);
    }
}

static void json_puts_commas_where_they_belong(void **state) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1000);
    struct jout j;
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "a");
    jout_array(&j);
    jout_i64(&j, INT64_MIN);
    jout_bool(&j, true);
    jout_object(&j);
    jout_object_end(&j);
    jout_array(&j);
    jout_array_end(&j);
    jout_null(&j);
    jout_array_end(&j);
    jout_keyz(&j, "b\"");
    jout_strz(&j, NULL);
    jout_keyz(&j, "c");
    jout_raw(&j, STR("[1]"));
    jout_object_end(&j);
    assert_text(b, "{\"a\":[-9223372036854775808,true,{},[],null],\"b\\\"\":null,\"c\":[1]}");
}

static void json_text_is_escaped_and_made_utf8(void **state) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1000);
    struct jout j;
    jout_init(&j, &b);
    jout_str(&j, (struct str){"\x01\n\r\t\\\"/\0\xFF\xC3\xA4\xED\xA0\x80", 14});
    assert_text(b, "\"\\u0001\\n\\r\\t\\\\\\\"/"
                   "\\u0000\xEF\xBF\xBD\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void expect_number(double v, const char *text) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 100);
    struct jout j;
    jout_init(&j, &b);
    jout_f64(&j, v);
    assert_true(str_is(buf_str(&b), text));
}

static void doubles_print_shortest(void **state) {
    expect_number(0.1, "0.1");
    expect_number(1.0 / 3, "0.3333333333333333");
    expect_number(5e-324, "5e-324");
    expect_number(1e22, "1e+22");
    expect_number(-3, "-3");
    expect_number(9007199254740993.0, "9007199254740992");
    expect_number(0.30000000000000004, "0.30000000000000004");
    expect_number((double)NAN, "null");
    expect_number((double)-INFINITY, "null");
    expect_number(-0.0, "-0");
}

/* Decimals take a shorter way: the same text as the shortest that reads back. */
static void decimals_print_as_the_search_finds_them(void **state) {
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = random_u64();
        double scale = i % 3 == 0 ? 100 : i % 3 == 1 ? 1000 : 1000000;
        double v = (double)((int64_t)bits >> (12 + bits % 50)) / scale;
        char text[40];
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, v);
            if (strtod(text, NULL) == v) break;
        }
        if (v != trunc(v)) expect_number(v, text);
    }
}

static void doubles_read_back_exactly(void **state) {
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = random_u64();
        double v, again = 0;
        memcpy(&v, &bits, 8);
        if (!isfinite(v)) continue;
        AUTO(buf_done) struct buf b;
        buf_init(&b, 100);
        struct jout j;
        jout_init(&j, &b);
        jout_f64(&j, v);
        assert_true(str_to_f64(buf_str(&b), &again));
        assert_true(v == again);
    }
}

static void arena_memory_is_zero_aligned_and_limited(void **state) {
    AUTO(arena_free) struct arena *a = arena_new(1 << 20);
    for (int round = 0; round < 3; round++) {
        size_t given = 0;
        for (size_t n = 0; n < 700; n += 7) {
            unsigned char *p = arena_alloc(a, n);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xee, n);
            given += n;
        }
        assert_true(arena_used_bytes(a) >= given);
        assert_null(arena_alloc(a, 1 << 20));
        assert_null(arena_alloc(a, SIZE_MAX));
        assert_null(arena_array(a, SIZE_MAX / 2, 4));
        arena_reset(a);
        if (round == 1) arena_wipe_on_reset(a);
    }
    struct str s = arena_str(a, STR("text"));
    assert_string_equal(s.p, "text");
    assert_true(str_is(arena_printf(a, "%d-%s", 5, "x"), "5-x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cutting_takes_pieces_until_nothing_is_left),
        cmocka_unit_test(comparing_handles_empty_and_prefixes),
        cmocka_unit_test(integers_are_read_to_their_edges),
        cmocka_unit_test(doubles_are_read_as_json_writes_them),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(utf8_ends_at_the_first_bad_character),
        cmocka_unit_test(a_buffer_stops_at_its_maximum_and_stays_stopped),
        cmocka_unit_test(stored_integers_read_back_and_the_end_is_noticed),
        cmocka_unit_test(json_puts_commas_where_they_belong),
        cmocka_unit_test(json_text_is_escaped_and_made_utf8),
        cmocka_unit_test(doubles_print_shortest),
        cmocka_unit_test(decimals_print_as_the_search_finds_them),
        cmocka_unit_test(doubles_read_back_exactly),
        cmocka_unit_test(arena_memory_is_zero_aligned_and_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
