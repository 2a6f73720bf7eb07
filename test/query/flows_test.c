/* Paths around an anchor. */
#include "query/world.h"

static int set_up(void **state) {
    *state = world_new("UTC");
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

#define ASK(rest)                                                                                  \
    "{\"project\":1,\"report\":\"flows\",\"from\":\"2026-01-02\",\"to\":\"2026-01-03\","           \
    "\"anchor\":{\"event\":\"A\"}," rest "}"

static void people(struct world *w) {
    world_part(w, "[[\"ann\",\"Z\",\"2026-01-01\"],[\"ann\",\"A\",\"2026-01-02\"],"
                  "[\"ann\",\"B\",\"2026-01-03\"],[\"ann\",\"C\",\"2026-01-10\"],"
                  "[\"bob\",\"A\",\"2026-01-02\"],[\"bob\",\"$identify\",\"2026-01-02T00:00:01\"],"
                  "[\"bob\",\"B\",\"2026-01-02T00:00:02\"],[\"cid\",\"A\",\"2026-01-02\"],"
                  "[\"cid\",\"A\",\"2026-01-03\"],[\"dan\",\"A\",\"2026-01-04\"]]");
}

static void paths_end_in_null(void **state) {
    people(*state);
    assert_answer(*state, ASK("\"forward\":2"),
                  "\"paths\":[{\"events\":[\"A\",null,null],\"count\":1},{\"events\":[\"A\","
                  "\"A\",null],\"count\":1},{\"events\":[\"A\",\"B\",null],\"count\":1},"
                  "{\"events\":[\"A\",\"B\",\"C\"],\"count\":1}]");
}

static void steps_and_links_are_counted(void **state) {
    people(*state);
    assert_answer(*state, ASK("\"forward\":2"),
                  "\"steps\":[{\"at\":0,\"events\":[{\"event\":\"A\",\"count\":4}]},{\"at\":1,"
                  "\"events\":[{\"event\":\"B\",\"count\":2},{\"event\":\"A\",\"count\":1}]},"
                  "{\"at\":2,\"events\":[{\"event\":\"C\",\"count\":1}]}],\"links\":[{\"at\":0,"
                  "\"from\":\"A\",\"to\":\"B\",\"count\":2},{\"at\":0,\"from\":\"A\",\"to\":\"A\","
                  "\"count\":1},{\"at\":1,\"from\":\"B\",\"to\":\"C\",\"count\":1}]");
}

static void the_window_cuts_both_ways(void **state) {
    people(*state);
    assert_answer(*state,
                  ASK("\"forward\":2,\"backward\":1,\"window\":{\"value\":1,\"unit\":\"day\"}"),
                  "{\"events\":[\"Z\",\"A\",\"B\",null],\"count\":1}");
    assert_answer(*state,
                  ASK("\"forward\":1,\"backward\":1,\"window\":{\"value\":1,\"unit\":\"hour\"}"),
                  "{\"events\":[null,\"A\",null],\"count\":3}");
}

static void rows_bound_the_lists(void **state) {
    people(*state);
    assert_answer(*state, ASK("\"forward\":1,\"rows\":1"),
                  "\"paths\":[{\"events\":[\"A\",\"B\"],\"count\":2}],\"steps\":[{\"at\":0,"
                  "\"events\":[{\"event\":\"A\",\"count\":4}]},{\"at\":1,\"events\":[{\"event\":"
                  "\"B\",\"count\":2}]}],\"links\":[{\"at\":0,\"from\":\"A\",\"to\":\"B\","
                  "\"count\":2}]");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(paths_end_in_null),
        TEST(steps_and_links_are_counted),
        TEST(the_window_cuts_both_ways),
        TEST(rows_bound_the_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
