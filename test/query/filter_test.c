/* Operators on typed values, and what sealed text does to them. */
#include <stdio.h>

#include "query/world.h"

static int set_up(void **state) {
    *state = world_new("UTC");
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

/* How many events pass. */
static void assert_passes(void **state, const char *filter, int n) {
    char query[2048], want[64];
    snprintf(query, sizeof query,
             "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-01-01\","
             "\"metrics\":[{\"event\":\"E\"}],\"filters\":[%s]}",
             filter);
    snprintf(want, sizeof want, "\"total\":%d}]", n);
    assert_answer(*state, query, want);
}

static void assert_refused(void **state, const char *filter) {
    char query[2048];
    snprintf(query, sizeof query,
             "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-01-01\","
             "\"metrics\":[{\"event\":\"E\"}],\"filters\":[%s]}",
             filter);
    assert_fault(*state, query, ERR_DENIED, "filters[0]");
    assert_int_equal(((struct world *)*state)->fault.status, 403);
}

#define P(op) "{\"property\":\"p\",\"op\":\"" op "\"}"
#define PV(op, value) "{\"property\":\"p\",\"op\":\"" op "\",\"value\":" value "}"

static void of(void **state, const char *values) {
    struct world *w = *state;
    const struct json *v = NULL;
    char part[8192] = "[";
    AUTO(arena_free) struct arena *a = arena_new(0);
    struct err e = json_parse_copy(w->parser, str_z(values), a, &v);
    assert_int_equal(e.code, ERR_OK);
    int i = 0;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c), i++) {
        AUTO(buf_done) struct buf b;
        struct jout j;
        buf_init(&b, 4096);
        jout_init(&j, &b);
        json_write(&j, c);
        size_t n = strlen(part);
        snprintf(part + n, sizeof part - n, "%s[\"p%d\",\"E\",\"2026-01-01\",{\"p\":%.*s}]",
                 i ? "," : "", i, (int)b.n, b.p);
    }
    size_t n = strlen(part);
    snprintf(part + n, sizeof part - n, ",[\"none\",\"E\",\"2026-01-01\"]]");
    world_part(w, part);
}

static void equality_minds_the_type(void **state) {
    of(state, "[5,\"5\",true,\"true\",null,12345678,\"12345678\",0.5,{}]");
    assert_passes(state, PV("is", "5"), 1);
    assert_passes(state, PV("is", "5.0"), 1);
    assert_passes(state, PV("is", "\"5\""), 1);
    assert_passes(state, PV("is", "[5,\"5\",true]"), 3);
    assert_passes(state, PV("is", "true"), 1);
    assert_passes(state, PV("is", "12345678"), 1);
    assert_passes(state, PV("is", "\"12345678\""), 1);
    assert_passes(state, PV("is_not", "5"), 9);
    assert_passes(state, PV("is", "null"), 2);
    assert_passes(state, PV("is_not", "null"), 8);
    assert_passes(state, PV("is", "[]"), 0);
    assert_passes(state, P("set"), 8);
    assert_passes(state, P("not_set"), 2);
    assert_passes(state, P("is_true"), 1);
    assert_passes(state, P("is_false"), 0);
}

static void order_is_of_numbers_texts_and_times(void **state) {
    of(state, "[1,2,3,\"2\",\"apple\",\"pear\",{\"time_s\":1767225600},12345678]");
    assert_passes(state, PV("gt", "2"), 3);
    assert_passes(state, PV("gte", "2"), 4);
    assert_passes(state, PV("lt", "2"), 1);
    assert_passes(state, PV("between", "[1,2]"), 2);
    assert_passes(state, PV("gt", "\"b\""), 1);
    assert_passes(state, PV("lt", "\"2026-01-02\""), 2); /* the time, and "2" */
    assert_passes(state, PV("between", "[\"2026-01-01\",\"2026-01-01\"]"), 1);
    assert_passes(state, PV("gte", "12345678"), 2);
}

static void lists_pass_if_any_element_does(void **state) {
    of(state, "[[\"a\",\"b\"],[\"b\"],[],[null],[1,\"xbx\"]]");
    assert_passes(state, PV("is", "\"b\""), 2);
    assert_passes(state, PV("is_not", "\"a\""), 5);
    assert_passes(state, PV("contains", "\"b\""), 3);
    assert_passes(state, PV("not_contains", "\"b\""), 3);
    assert_passes(state, PV("gt", "0"), 1);
    assert_passes(state, P("set"), 3);
    assert_passes(state, P("not_set"), 3);
}

static void filters_nest(void **state) {
    of(state, "[1,2,3,4,5]");
    assert_passes(state, "{\"any\":[" PV("is", "1") "," PV("is", "2") "]}", 2);
    assert_passes(
        state, "{\"any\":[" PV("is", "1") ",{\"all\":[" PV("gt", "2") "," PV("lt", "5") "]}]}", 3);
    assert_passes(state, PV("gt", "1") "," PV("lt", "3"), 1);
    assert_passes(state, "{\"any\":[]}", 0);
    assert_passes(state, "{\"all\":[]}", 6);
}

static void sealed_text_is_neither_like_nor_unlike(void **state) {
    of(state, "[\"secret apple\",\"apple\",\"pear\",[\"secret x\",\"apple\"],[\"secret x\"],7]");
    assert_passes(state, PV("contains", "\"app\""), 2);
    assert_non_null(strstr(((struct world *)*state)->answer.p, "\"sealed_unknown\":2"));
    assert_passes(state, PV("not_contains", "\"app\""), 3);
    assert_passes(state, "{\"any\":[" PV("contains", "\"zzz\"") "," PV("is", "7") "]}", 1);
    assert_passes(state, PV("gt", "\"b\""), 1);
    assert_non_null(strstr(((struct world *)*state)->answer.p, "\"sealed_unknown\":3"));
}

static void a_text_that_is_not_readable_needs_the_right(void **state) {
    struct world *w = *state;
    of(state, "[\"secret\",\"secret two\",\"apple\"]");
    assert_passes(state, PV("is", "\"secret\""), 1);
    assert_true(w->used_literal);
    assert_passes(state, PV("is", "\"apple\""), 1);
    assert_false(w->used_literal);
    w->rights.may_reveal = false;
    assert_passes(state, PV("is", "\"apple\""), 1);
    /* Hit and miss are refused alike. */
    assert_refused(state, PV("is", "\"secret\""));
    assert_refused(state, PV("is", "\"never sent\""));
    assert_refused(state, PV("is_not", "[\"apple\",\"never sent\"]"));
    assert_refused(state, PV("is", "99999999"));
    assert_passes(state, PV("is", "42"), 0);
    assert_passes(state, PV("is", "\"sealed:00000000000000000000000000000000\""), 0);
}

static void nothing_sealed_nothing_to_reveal(void **state) {
    ((struct world *)*state)->rights.may_reveal = false;
    of(state, "[\"apple\",[\"pear\"]]");
    assert_passes(state, PV("is", "\"never sent\""), 0);
    assert_passes(state, PV("is_not", "\"never sent\""), 3);
}

static void handles_stand_for_sealed_text(void **state) {
    struct world *w = *state;
    of(state, "[\"secret\",\"secret two\",[\"secret\"],\"apple\"]");
    w->rights.may_reveal = false;
    struct id128 h = seal_handle(&w->keys, HANDLE_TEXT, world_hash(w, "p", "secret"));
    char hex[33] = {0}, filter[128];
    str_to_hex(h.b, 16, hex);
    snprintf(filter, sizeof filter, PV("is", "\"sealed:%s\""), hex);
    assert_passes(state, filter, 2);
    snprintf(filter, sizeof filter, PV("is_not", "\"sealed:%s\""), hex);
    assert_passes(state, filter, 3);
    assert_false(w->used_literal);
}

static void nested_and_dotted_names_are_both_found(void **state) {
    world_part(*state, "[[\"a\",\"E\",\"2026-01-01\",{\"a.b\":\"x\"}],[\"b\",\"E\",\"2026-01-01\",{"
                       "\"a\\\\.b\":\"x\"}],[\"c\",\"E\",\"2026-01-01\",{\"a.b\":1}]]");
    assert_passes(state, "{\"property\":\"a.b\",\"op\":\"is\",\"value\":\"x\"}", 2);
    assert_passes(state, "{\"property\":\"a.b\",\"op\":\"set\"}", 3);
    assert_answer(*state,
                  "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-"
                  "01-01\",\"metrics\":[{\"event\":\"E\"}],\"breakdown\":[\"a.b\"]}",
                  "\"breakdown\":[\"x\"],\"values\":[2],\"total\":2}");
}

static void people_groups_and_cohorts_filter(void **state) {
    world_part(*state, "[[\"ann\",\"E\",\"2026-01-01\",{\"company\":[\"acme\",\"init\"]}],"
                       "[\"bob\",\"E\",\"2026-01-01\",{\"company\":\"init\"}],"
                       "[\"cid\",\"E\",\"2026-01-01\"]]");
    world_user(*state, "ann", "{\"plan\":\"pro\",\"age\":30}");
    world_user(*state, "bob", "{\"plan\":\"free\"}");
    world_group(*state, "company", "acme", "{\"size\":10}");
    assert_passes(state, "{\"property\":{\"user\":\"plan\"},\"op\":\"is\",\"value\":\"pro\"}", 1);
    assert_passes(state, "{\"property\":{\"user\":\"plan\"},\"op\":\"is_not\",\"value\":\"pro\"}",
                  2);
    assert_passes(state, "{\"property\":{\"user\":\"age\"},\"op\":\"gt\",\"value\":29}", 1);
    assert_passes(
        state,
        "{\"property\":{\"group\":\"company\",\"name\":\"size\"},\"op\":\"gte\",\"value\":10}", 1);
    assert_passes(state,
                  "{\"property\":{\"group\":\"company\",\"name\":\"size\"},\"op\":\"not_set\"}", 2);
    assert_passes(state, "{\"cohort\":7}", 1);
    assert_passes(state,
                  "{\"any\":[{\"cohort\":7},{\"property\":{\"user\":\"plan\"},\"op\":\"is\","
                  "\"value\":\"free\"}]}",
                  2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(equality_minds_the_type),
        TEST(order_is_of_numbers_texts_and_times),
        TEST(lists_pass_if_any_element_does),
        TEST(filters_nest),
        TEST(sealed_text_is_neither_like_nor_unlike),
        TEST(a_text_that_is_not_readable_needs_the_right),
        TEST(nothing_sealed_nothing_to_reveal),
        TEST(handles_stand_for_sealed_text),
        TEST(nested_and_dotted_names_are_both_found),
        TEST(people_groups_and_cohorts_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
