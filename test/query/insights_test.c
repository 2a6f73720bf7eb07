/* Measures, buckets, breakdowns and formulas on worlds small enough to count by hand. */
#include "query/world.h"

static int set_up(void **state) {
    *state = world_new("UTC");
    return 0;
}

static int set_up_berlin(void **state) {
    *state = world_new("Europe/Berlin");
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

#define ASK(rest)                                                                                  \
    "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\"," rest "}"
#define ONE(measure) ASK("\"metrics\":[{\"event\":\"Buy\",\"measure\":\"" measure "\"}]")
#define OF(measure)                                                                                \
    ASK("\"metrics\":[{\"event\":\"Buy\",\"measure\":\"" measure "\",\"property\":\"n\"}]")

static void shop(struct world *w) {
    world_part(w, "[[\"ann\",\"Buy\",\"2026-01-01T10:00:00\",{\"n\":5,\"os\":\"iOS\"}],"
                  "[\"ann\",\"Buy\",\"2026-01-01T10:10:00\",{\"n\":1,\"os\":\"iOS\"}],"
                  "[\"ann\",\"Buy\",\"2026-01-03T10:00:00\",{\"n\":2,\"os\":\"Android\"}],"
                  "[\"bob\",\"Buy\",\"2026-01-01T09:00:00\",{\"n\":4}],"
                  "[\"bob\",\"Look\",\"2026-01-02T09:00:00\"]]");
    world_part(w, "[[\"cid\",\"Buy\",\"2026-01-03T23:59:59\",{\"n\":10,\"os\":\"iOS\"}],"
                  "[\"bob\",\"Buy\",\"2026-01-03T00:00:00\"],"
                  "[\"ann\",\"Buy\",\"2026-01-04T00:00:00\",{\"n\":99}],"
                  "[\"ann\",\"Buy\",\"2025-12-31T23:59:59\",{\"n\":99}]]");
}

static void totals_uniques_and_zeros(void **state) {
    shop(*state);
    assert_answer(
        *state, ONE("total"),
        "\"buckets\":[\"2026-01-01\",\"2026-01-02\",\"2026-01-03\"],\"series\":[{\"metric\":0,"
        "\"breakdown\":[],\"values\":[3,0,3],\"total\":6}]");
    assert_answer(*state, ONE("unique"), "\"values\":[2,0,3],\"total\":3");
    assert_answer(*state, ASK("\"metrics\":[{\"event\":\"Never\",\"measure\":\"unique\"}]"),
                  "\"values\":[0,0,0],\"total\":0");
    assert_answer(*state, ASK("\"metrics\":[{\"event\":null}]"), "\"values\":[3,1,3],\"total\":7");
}

static void numbers_of_a_property(void **state) {
    shop(*state);
    assert_answer(*state, OF("sum"), "\"values\":[10,0,12],\"total\":22");
    assert_answer(*state, OF("average"), "\"values\":[3.3333333333333335,0,6],\"total\":4.4");
    assert_answer(*state, OF("min"), "\"values\":[1,0,2],\"total\":1");
    assert_answer(*state, OF("max"), "\"values\":[5,0,10],\"total\":10");
    assert_answer(*state, OF("median"), "\"values\":[4,0,2],\"total\":4");
    assert_answer(*state, OF("p25"), "\"values\":[1,0,2],\"total\":2");
    assert_answer(*state, OF("p75"), "\"values\":[5,0,10],\"total\":5");
    assert_answer(*state, OF("p99"), "\"values\":[5,0,10],\"total\":10");
    assert_answer(*state, OF("distinct"), "\"values\":[3,0,2],\"total\":5");
}

static void per_user_averages_over_people(void **state) {
    shop(*state);
    assert_answer(*state, ONE("per_user_total"), "\"values\":[1.5,0,1],\"total\":2");
    /* ann 8, bob 4, cid 10; bob's event without n still makes him one of the third day's people */
    assert_answer(*state, OF("per_user_sum"), "\"values\":[5,0,4],\"total\":7.333333333333333");
    assert_answer(*state, OF("per_user_max"), "\"values\":[4.5,0,4],\"total\":6.333333333333333");
}

static void sums_do_not_depend_on_order(void **state) {
    world_part(*state, "[[\"a\",\"Buy\",\"2026-01-01T00:00:00\",{\"n\":0.1}],[\"b\",\"Buy\",\"2026-"
                       "01-01T00:00:00\",{\"n\":0.2}],"
                       "[\"c\",\"Buy\",\"2026-01-01T00:00:00\",{\"n\":0.3}],[\"d\",\"Buy\",\"2026-"
                       "01-01T00:00:00\",{\"n\":1e6}],"
                       "[\"e\",\"Buy\",\"2026-01-01T00:00:00\",{\"n\":-1e6}]]");
    assert_answer(*state, OF("sum"), "\"total\":0.6");
}

static void sessions_end_after_thirty_minutes_and_count_at_their_start(void **state) {
    world_part(
        *state,
        "[[\"ann\",\"Buy\",\"2025-12-31T23:50:00\"],[\"ann\",\"Buy\",\"2026-01-01T00:10:00\"],"
        "[\"ann\",\"Buy\",\"2026-01-01T00:40:00\"],[\"ann\",\"Buy\",\"2026-01-01T01:10:01\"],"
        "[\"ann\",\"Buy\",\"2026-01-01T23:45:00\"],[\"ann\",\"Buy\",\"2026-01-02T00:05:00\"]]");
    /* One begins before the range; a pause of exactly 30 minutes goes on; the last one spans
     * midnight. */
    assert_answer(*state, ONE("sessions"), "\"values\":[2,0,0],\"total\":2");
}

static void trailing_people_look_before_the_range(void **state) {
    world_part(
        *state,
        "[[\"ann\",\"Buy\",\"2025-12-27T12:00:00\"],[\"bob\",\"Buy\",\"2026-01-02T12:00:00\"],"
        "[\"bob\",\"Buy\",\"2026-01-02T13:00:00\"],[\"old\",\"Buy\",\"2025-12-04T00:00:00\"],"
        "[\"cid\",\"Buy\",\"2025-12-03T23:59:59\"]]");
    assert_answer(*state, ONE("dau"), "\"values\":[0,1,0],\"total\":1");
    assert_answer(*state, ONE("wau"), "\"values\":[1,2,1],\"total\":1");
    assert_answer(*state, ONE("mau"), "\"values\":[3,3,2],\"total\":1");
}

static void intervals_are_civil(void **state) {
#define BUCKETS(from, to, interval)                                                                \
    "{\"project\":1,\"report\":\"insights\",\"from\":\"" from "\",\"to\":\"" to                    \
    "\",\"interval\":\"" interval "\",\"metrics\":[{\"event\":\"Buy\"}]}"
    world_part(*state,
               "[[\"a\",\"Buy\",\"2026-03-29T01:30:00\"],[\"a\",\"Buy\",\"2026-03-29T03:00:00\"],"
               "[\"a\",\"Buy\",\"2026-03-25T00:00:00\"]]");
    assert_answer(*state, BUCKETS("2026-03-29T01:00:00", "2026-03-29T03:59:59", "hour"),
                  "\"buckets\":[\"2026-03-29T01:00:00+01:00\",\"2026-03-29T03:00:00+02:00\"],"
                  "\"series\":[{\"metric\":0,\"breakdown\":[],"
                  "\"values\":[1,1],\"total\":2}]");
    /* The day of the change back has 25 hours, one of them twice. */
    assert_answer(*state, BUCKETS("2026-10-25T02:00:00", "2026-10-25T03:30:00", "hour"),
                  "\"buckets\":[\"2026-10-25T02:00:00+02:00\",\"2026-10-25T02:00:00+01:00\",");
    assert_answer(*state, BUCKETS("2026-03-26", "2026-03-31", "week"),
                  "\"buckets\":[\"2026-03-23\",\"2026-03-30\"],\"series\":[{\"metric\":0,"
                  "\"breakdown\":[],\"values\":[2,0],\"total\":2}]");
    assert_answer(*state, BUCKETS("2026-03-26", "2026-04-01", "month"),
                  "\"buckets\":[\"2026-03-01\",\"2026-04-01\"]");
    assert_answer(*state, BUCKETS("2026-03-25", "2026-03-29", "total"),
                  "\"buckets\":[\"2026-03-25\"],\"series\":[{\"metric\":0,\"breakdown\":[],"
                  "\"values\":[3],\"total\":3}]");
    assert_answer(*state, BUCKETS("2026-03-29T01:29:00", "2026-03-29T01:30:00", "minute"),
                  "\"values\":[0,1],\"total\":1");
}

static void a_time_as_end_takes_its_whole_second(void **state) {
    world_part(*state,
               "[[\"a\",\"Buy\",\"2026-01-01T10:00:05\"],[\"a\",\"Buy\",\"2026-01-01T10:00:06\"]]");
    assert_answer(*state, BUCKETS("2026-01-01T10:00:05", "2026-01-01T10:00:05", "total"),
                  "\"total\":1");
}

static void too_many_buckets_are_refused(void **state) {
    const char *answer = world_ask(*state, BUCKETS("2020-01-01", "2026-01-01", "minute"));
    assert_null(answer);
    assert_int_equal(((struct world *)*state)->fault.status, 413);
    assert_string_equal(((struct world *)*state)->fault.field, "interval");
}

static void formulas_divide_metrics(void **state) {
    shop(*state);
    assert_answer(*state,
                  ASK("\"metrics\":[{\"event\":\"Buy\"},{\"event\":\"Buy\",\"measure\":\"unique\"}]"
                      ",\"formula\":\"A/B\""),
                  "{\"metric\":\"formula\",\"breakdown\":[],\"values\":[1.5,null,1],\"total\":2}");
}

static void breakdown_ranks_cuts_and_fills(void **state) {
    shop(*state);
    assert_answer(
        *state, ASK("\"metrics\":[{\"event\":\"Buy\"}],\"breakdown\":[\"os\"]"),
        "\"series\":[{\"metric\":0,\"breakdown\":[\"iOS\"],\"values\":[2,0,1],\"total\":3},"
        "{\"metric\":0,\"breakdown\":[\"$none\"],\"values\":[1,0,1],\"total\":2},"
        "{\"metric\":0,\"breakdown\":[\"Android\"],\"values\":[0,0,1],\"total\":1}]");
    /* People of $other are counted, not added: bob and ann. */
    assert_answer(
        *state,
        ASK("\"metrics\":[{\"event\":\"Buy\",\"measure\":\"unique\"}],\"breakdown\":[\"os\"],"
            "\"limit\":1"),
        "\"series\":[{\"metric\":0,\"breakdown\":[\"iOS\"],\"values\":[1,0,1],\"total\":2},"
        "{\"metric\":0,\"breakdown\":[\"$other\"],\"values\":[1,0,2],\"total\":2}]");
}

static void labels_keep_their_type_and_ties_their_order(void **state) {
    world_part(
        *state,
        "[[\"a\",\"Buy\",\"2026-01-01\",{\"x\":true}],[\"a\",\"Buy\",\"2026-01-01\",{\"x\":\"b\"}],"
        "[\"a\",\"Buy\",\"2026-01-01\",{\"x\":\"10\"}],[\"a\",\"Buy\",\"2026-01-01\",{\"x\":9}],"
        "[\"a\",\"Buy\",\"2026-01-01\",{\"x\":10}],[\"a\",\"Buy\",\"2026-01-01\",{\"x\":false}],"
        "[\"a\",\"Buy\",\"2026-01-01\",{\"x\":12345678}],[\"a\",\"Buy\",\"2026-01-01\",{\"x\":null}"
        "]]");
    const char *answer = world_ask(
        *state,
        ASK("\"interval\":\"total\",\"metrics\":[{\"event\":\"Buy\"}],\"breakdown\":[\"x\"]"));
    static const char *const order[] = {"[false]",    "[true]",      "[9]",      "[10]",
                                        "[12345678]", "[\"$none\"]", "[\"10\"]", "[\"b\"]"};
    assert_non_null(answer);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        answer = strstr(answer, order[i]);
        if (!answer) fail_msg("%s is missing or out of order", order[i]);
    }
}

static void lists_count_once_per_element(void **state) {
    world_part(*state, "[[\"a\",\"Buy\",\"2026-01-01\",{\"tags\":[\"x\",\"y\",\"x\"],\"k\":[1,2]}],"
                       "[\"b\",\"Buy\",\"2026-01-01\",{\"tags\":[],\"k\":[1]}],[\"c\",\"Buy\","
                       "\"2026-01-01\",{\"tags\":[\"y\",null]}]]");
    assert_answer(
        *state,
        ASK("\"interval\":\"total\",\"metrics\":[{\"event\":\"Buy\"}],\"breakdown\":[\"tags\"]"),
        "\"series\":[{\"metric\":0,\"breakdown\":[\"y\"],\"values\":[2],\"total\":2},"
        "{\"metric\":0,\"breakdown\":[\"$none\"],\"values\":[1],\"total\":1},"
        "{\"metric\":0,\"breakdown\":[\"x\"],\"values\":[1],\"total\":1}]");
    assert_answer(
        *state,
        ASK("\"interval\":\"total\",\"metrics\":[{\"event\":\"Buy\"}],\"breakdown\":[\"tags\","
            "\"k\"],\"limit\":2"),
        "[\"$none\",1],\"values\":[1],\"total\":1},{\"metric\":0,\"breakdown\":[\"x\",1]");
    /* An event whose elements are all in $other is one event of it. */
    assert_answer(
        *state,
        ASK("\"interval\":\"total\",\"metrics\":[{\"event\":\"Buy\"}],\"breakdown\":[\"tags\"],"
            "\"limit\":0"),
        "\"series\":[{\"metric\":0,\"breakdown\":[\"$other\"],\"values\":[3],\"total\":3}]");
}

static void people_and_groups_break_down(void **state) {
    shop(*state);
    world_user(*state, "ann", "{\"plan\":\"pro\"}");
    world_user(*state, "bob", "{\"plan\":\"free\"}");
    assert_answer(*state,
                  ASK("\"interval\":\"total\",\"metrics\":[{\"event\":\"Buy\"}],\"breakdown\":[{"
                      "\"user\":\"plan\"}]"),
                  "[\"pro\"],\"values\":[3],\"total\":3},{\"metric\":0,\"breakdown\":[\"free\"],"
                  "\"values\":[2],\"total\":2},"
                  "{\"metric\":0,\"breakdown\":[\"$none\"],\"values\":[1]");
    world_part(*state, "[[\"a\",\"Pay\",\"2026-01-01\",{\"company\":[\"acme\",\"init\"]}],[\"a\","
                       "\"Pay\",\"2026-01-01\",{\"company\":\"acme\"}],"
                       "[\"b\",\"Pay\",\"2026-01-01\",{\"company\":\"none such\"}]]");
    world_group(*state, "company", "acme", "{\"size\":10}");
    world_group(*state, "company", "init", "{\"size\":20}");
    assert_answer(*state,
                  ASK("\"interval\":\"total\",\"metrics\":[{\"event\":\"Pay\"}],\"breakdown\":[{"
                      "\"group\":\"company\",\"name\":\"size\"}]"),
                  "[10],\"values\":[2],\"total\":2},{\"metric\":0,\"breakdown\":[20],\"values\":[1]"
                  ",\"total\":1},"
                  "{\"metric\":0,\"breakdown\":[\"$none\"],\"values\":[1]");
}

static void identity_events_are_never_counted(void **state) {
    world_part(*state, "[[\"a\",\"$identify\",\"2026-01-01\"],[\"a\",\"$create_alias\",\"2026-01-"
                       "01\"],[\"a\",\"$merge\",\"2026-01-01\"],"
                       "[\"a\",\"Buy\",\"2026-01-01\"]]");
    assert_answer(*state, ASK("\"metrics\":[{\"event\":null},{\"event\":\"$identify\"}]"),
                  "\"values\":[1,0,0],\"total\":1},{\"metric\":1,\"breakdown\":[],\"values\":[0,0,"
                  "0],\"total\":0}");
}

static void the_event_name_and_its_time_are_properties(void **state) {
    shop(*state);
    assert_answer(
        *state,
        ASK("\"interval\":\"total\",\"metrics\":[{\"event\":null}],\"breakdown\":[\"$event\"]"),
        "[\"Buy\"],\"values\":[6],\"total\":6},{\"metric\":0,\"breakdown\":[\"Look\"]");
    assert_answer(*state,
                  ASK("\"metrics\":[{\"event\":null,\"filters\":[{\"property\":\"time\",\"op\":"
                      "\"gte\",\"value\":\"2026-01-03T10:00:00\"}]}]"),
                  "\"values\":[0,0,2],\"total\":2");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(totals_uniques_and_zeros),
        TEST(numbers_of_a_property),
        TEST(per_user_averages_over_people),
        TEST(sums_do_not_depend_on_order),
        TEST(sessions_end_after_thirty_minutes_and_count_at_their_start),
        TEST(trailing_people_look_before_the_range),
        cmocka_unit_test_setup_teardown(intervals_are_civil, set_up_berlin, tear_down),
        TEST(a_time_as_end_takes_its_whole_second),
        TEST(too_many_buckets_are_refused),
        TEST(formulas_divide_metrics),
        TEST(breakdown_ranks_cuts_and_fills),
        TEST(labels_keep_their_type_and_ties_their_order),
        TEST(lists_count_once_per_element),
        TEST(people_and_groups_break_down),
        TEST(identity_events_are_never_counted),
        TEST(the_event_name_and_its_time_are_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
