/* Cohorts and who came back, counted by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    "{\"project\":1,\"report\":\"retention\",\"from\":\"2026-01-05\",\"to\":\"2026-01-18\","       \
    "\"interval\":\"week\",\"periods\":2,\"start\":{\"event\":\"S\"}," rest "}"

static void people(struct world *w) {
    world_part(w, "[[\"ann\",\"S\",\"2026-01-05T10:00:00\"],[\"ann\",\"R\",\"2026-01-06\"],"
                  "[\"ann\",\"R\",\"2026-01-20\"],[\"ann\",\"S\",\"2026-01-13\"],"
                  "[\"bob\",\"S\",\"2026-01-07\"],[\"bob\",\"R\",\"2026-01-07\"],"
                  "[\"bob\",\"R\",\"2026-01-12\"],[\"bob\",\"R\",\"2026-01-12T01:00:00\"],"
                  "[\"cid\",\"S\",\"2026-01-01\"],[\"cid\",\"S\",\"2026-01-14\"],"
                  "[\"cid\",\"R\",\"2026-01-13\"],[\"cid\",\"R\",\"2026-01-27\"]]");
}

static void on_counts_each_interval(void **state) {
    people(*state);
    assert_answer(*state, ASK("\"return\":{\"event\":\"R\"}"),
                  "\"cohorts\":[{\"start\":\"2026-01-05\",\"size\":2,\"returned\":[1,1,1]},"
                  "{\"start\":\"2026-01-12\",\"size\":1,\"returned\":[0,0,1]}]");
}

static void on_or_after_counts_that_or_any_later(void **state) {
    people(*state);
    assert_answer(*state, ASK("\"return\":{\"event\":\"R\"},\"mode\":\"on_or_after\""),
                  "\"cohorts\":[{\"start\":\"2026-01-05\",\"size\":2,\"returned\":[2,2,1]},"
                  "{\"start\":\"2026-01-12\",\"size\":1,\"returned\":[1,1,1]}]");
}

static void first_ever_looks_before_the_range(void **state) {
    people(*state);
    assert_answer(*state, ASK("\"return\":{\"event\":\"R\"},\"start_mode\":\"first_ever\""),
                  "{\"start\":\"2026-01-12\",\"size\":0,\"returned\":[0,0,0]}");
}

static void any_event_is_a_return(void **state) {
    people(*state);
    assert_answer(*state, ASK("\"return\":{\"event\":null}"),
                  "{\"start\":\"2026-01-05\",\"size\":2,\"returned\":[1,2,1]}");
}

/* Without filters people are counted by the buckets that they have events in; a filter that all
 * pass makes the engine look at the events. Parts that overlap leave it open which came first. */
static void buckets_and_events_give_the_same_cohorts(void **state) {
    static const char *const modes[] = {"\"mode\":\"on\"", "\"mode\":\"on_or_after\"",
                                        "\"start_mode\":\"first_ever\""};
    static const char *const returns[] = {"{\"event\":null", "{\"event\":\"R\"",
                                          "{\"event\":\"S\""};
    people(*state);
    world_part(*state, "[[\"ann\",\"R\",\"2026-01-05T09:00:00\"],[\"bob\",\"S\",\"2026-01-06\"],"
                       "[\"bob\",\"S\",\"2026-01-08\"],[\"cid\",\"R\",\"2026-01-14\"],"
                       "[\"dan\",\"S\",\"2026-01-12\"]]");
    world_part(*state, "[[\"dan\",\"S\",\"2026-01-12\"],[\"dan\",\"R\",\"2026-01-12\"],"
                       "[\"eve\",\"R\",\"2026-01-20\"],[\"ann\",\"S\",\"2026-01-04\"]]");
    for (int i = 0; i < 9; i++) {
        char marks[400], hits[400], *plain = NULL;
        snprintf(marks, sizeof marks, ASK("\"return\":%s},%s"), returns[i % 3], modes[i / 3]);
        snprintf(hits, sizeof hits,
                 ASK("\"return\":%s,\"filters\":[{\"property\":\"x\",\"op\":\"not_set\"}]},%s"),
                 returns[i % 3], modes[i / 3]);
        plain = strdup(world_ask(*state, marks));
        assert_string_equal(plain, world_ask(*state, hits));
        free(plain);
    }
}

static void intervals_that_have_not_begun_are_null(void **state) {
    struct world *w = *state;
    people(w);
    struct civil now = {.year = 2026, .month = 1, .day = 21};
    w->q.now_us = zone_instant(w->zone, &now);
    assert_answer(w, ASK("\"return\":{\"event\":\"R\"}"),
                  "{\"start\":\"2026-01-05\",\"size\":2,\"returned\":[1,1,1]},{\"start\":\"2026-01-"
                  "12\",\"size\":1,\"returned\":[0,0,null]}");
}

static void too_many_cells_are_refused(void **state) {
    assert_fault(*state,
                 "{\"project\":1,\"report\":\"retention\",\"from\":\"2025-01-01\",\"to\":\"2026-01-"
                 "01\",\"interval\":\"hour\",\"periods\":1000}",
                 ERR_INVALID, "periods");
    assert_int_equal(((struct world *)*state)->fault.status, 413);
}

static void start_and_return_have_filters(void **state) {
    world_part(*state, "[[\"ann\",\"S\",\"2026-01-05\",{\"k\":1}],[\"ann\",\"S\",\"2026-01-06\",{"
                       "\"k\":2}],[\"ann\",\"S\",\"2026-01-12\",{\"k\":2}]]");
    assert_answer(*state,
                  "{\"project\":1,\"report\":\"retention\",\"from\":\"2026-01-05\",\"to\":\"2026-"
                  "01-07\",\"interval\":\"day\",\"periods\":1,\"start\":{\"event\":\"S\","
                  "\"filters\":[{\"property\":\"k\",\"op\":\"is\",\"value\":2}]},\"return\":{"
                  "\"event\":\"S\"}}",
                  "{\"start\":\"2026-01-05\",\"size\":0,\"returned\":[0,0]},{\"start\":\"2026-01-"
                  "06\",\"size\":1,\"returned\":[0,0]}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(on_counts_each_interval),
        TEST(on_or_after_counts_that_or_any_later),
        TEST(first_ever_looks_before_the_range),
        TEST(any_event_is_a_return),
        TEST(buckets_and_events_give_the_same_cohorts),
        TEST(intervals_that_have_not_begun_are_null),
        TEST(too_many_cells_are_refused),
        TEST(start_and_return_have_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
