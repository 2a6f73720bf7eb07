/* Faults of a question name the field; defaults are as the interface says. */
#include <stdio.h>

#include "query/plan.h"
#include "query/world.h"

static int set_up(void **state) {
    *state = world_new("UTC");
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

#define HEAD "{\"project\":1,\"report\":\"insights\","
#define METRIC(m) HEAD "\"metrics\":[" m "]}"
#define FILTER(f) METRIC("{\"event\":\"A\",\"filters\":[" f "]}")

static void unknown_fields_are_named(void **state) {
    assert_fault(*state, HEAD "\"metric\":[]}", ERR_INVALID, "metric");
    assert_fault(*state, METRIC("{\"event\":\"A\",\"colour\":1}"), ERR_INVALID,
                 "metrics[0].colour");
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"is\",\"value\":1,\"not\":true}"),
                 ERR_INVALID, "metrics[0].filters[0].not");
    assert_fault(
        *state,
        "{\"project\":1,\"report\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"name\":\"B\"}]}",
        ERR_INVALID, "steps[1].name");
    assert_fault(*state,
                 "{\"project\":1,\"report\":\"funnel\",\"window\":{\"value\":1,\"units\":\"day\"}}",
                 ERR_INVALID, "window.units");
    assert_fault(*state, "{\"project\":1,\"report\":\"retention\",\"metrics\":[]}", ERR_INVALID,
                 "metrics");
}

static void project_and_report_are_required(void **state) {
    assert_fault(*state, "{\"report\":\"insights\"}", ERR_INVALID, "project");
    assert_fault(*state, "{\"project\":1}", ERR_INVALID, "report");
    assert_fault(*state, "{\"project\":1,\"report\":\"insight\"}", ERR_INVALID, "report");
    assert_fault(*state, "{\"project\":\"1\",\"report\":\"insights\"}", ERR_INVALID, "project");
    assert_fault(*state, "[]", ERR_INVALID, "");
}

static void values_out_of_place_are_named(void **state) {
    assert_fault(*state, HEAD "\"from\":\"2026-02-30\"}", ERR_INVALID, "from");
    assert_fault(*state, HEAD "\"to\":\"2026-01-01T25:00:00\"}", ERR_INVALID, "to");
    assert_fault(*state, HEAD "\"from\":\"2026-01-02\",\"to\":\"2026-01-01\"}", ERR_INVALID, "to");
    assert_fault(*state, HEAD "\"interval\":\"year\"}", ERR_INVALID, "interval");
    assert_fault(*state, HEAD "\"limit\":10001}", ERR_INVALID, "limit");
    assert_fault(*state, HEAD "\"limit\":-1}", ERR_INVALID, "limit");
    assert_fault(*state, HEAD "\"breakdown\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", ERR_INVALID,
                 "breakdown");
    assert_fault(*state, HEAD "\"breakdown\":[{\"user\":\"a\",\"group\":\"b\"}]}", ERR_INVALID,
                 "breakdown[0].group");
    assert_fault(*state, HEAD "\"breakdown\":[{\"group\":\"b\"}]}", ERR_INVALID, "breakdown[0]");
}

static void measures_say_what_they_need(void **state) {
    assert_fault(*state, METRIC("{\"event\":\"A\",\"measure\":\"mean\"}"), ERR_INVALID,
                 "metrics[0].measure");
    assert_fault(*state, METRIC("{\"event\":\"A\",\"measure\":\"sum\"}"), ERR_INVALID,
                 "metrics[0].property");
    assert_fault(*state, METRIC("{\"event\":\"A\",\"measure\":\"total\",\"property\":\"x\"}"),
                 ERR_INVALID, "metrics[0].property");
    assert_fault(*state, METRIC("{\"event\":\"A\",\"measure\":\"per_user_unique\"}"), ERR_INVALID,
                 "metrics[0].measure");
    assert_answer(*state,
                  METRIC("{\"event\":\"A\",\"measure\":\"per_user_sum\",\"property\":\"x\"}"),
                  "\"total\":0");
    assert_answer(*state,
                  METRIC("{\"event\":\"A\",\"measure\":\"per_user sum\",\"property\":\"x\"}"),
                  "\"total\":0");
}

static void formulas_are_checked(void **state) {
    static const char *const wrong[] = {"A+",  "(A",    "A)", "A B", "B/A",
                                        "A^2", "1.2.3", "",   "a",   "--"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char q[256];
        snprintf(q, sizeof q, HEAD "\"metrics\":[{\"event\":\"A\"}],\"formula\":\"%s\"}", wrong[i]);
        assert_fault(*state, q, ERR_INVALID, "formula");
    }
    assert_answer(*state,
                  HEAD "\"metrics\":[{\"event\":\"A\"}],\"formula\":\"-(A + 2) * 3 - 1/2\"}",
                  "\"total\":-6.5");
}

static void formula_depth_is_bounded(void **state) {
    char q[4096] = HEAD "\"metrics\":[{\"event\":\"A\"}],\"formula\":\"";
    size_t n = strlen(q);
    memset(q + n, '(', 2000);
    strcpy(q + n + 2000, "A\"}");
    assert_fault(*state, q, ERR_INVALID, "formula");
}

static void filters_are_checked(void **state) {
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"like\"}"), ERR_INVALID,
                 "metrics[0].filters[0].op");
    assert_fault(*state, FILTER("{\"property\":\"p\"}"), ERR_INVALID, "metrics[0].filters[0]");
    assert_fault(*state, FILTER("{\"op\":\"set\"}"), ERR_INVALID, "metrics[0].filters[0]");
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"is\"}"), ERR_INVALID,
                 "metrics[0].filters[0].value");
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"is\",\"value\":{}}"), ERR_INVALID,
                 "metrics[0].filters[0].value");
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"between\",\"value\":[1]}"),
                 ERR_INVALID, "metrics[0].filters[0].value");
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"between\",\"value\":[1,\"b\"]}"),
                 ERR_INVALID, "metrics[0].filters[0].value");
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"set\",\"value\":1}"), ERR_INVALID,
                 "metrics[0].filters[0].value");
    assert_fault(*state, FILTER("{\"property\":\"p\",\"op\":\"contains\",\"value\":5}"),
                 ERR_INVALID, "metrics[0].filters[0].value");
    assert_fault(*state, FILTER("{\"any\":[{\"all\":[{\"property\":\"p\",\"op\":\"x\"}]}]}"),
                 ERR_INVALID, "metrics[0].filters[0].any[0].all[0].op");
    assert_fault(*state, FILTER("{\"cohort\":99}"), ERR_NOTFOUND, "metrics[0].filters[0].cohort");
}

static void nesting_is_bounded(void **state) {
    char q[1024] = HEAD "\"filters\":[";
    for (int i = 0; i < 10; i++)
        strcat(q, "{\"any\":[");
    for (int i = 0; i < 10; i++)
        strcat(q, "]}");
    strcat(q, "]}");
    const char *answer = world_ask(*state, q);
    assert_null(answer);
    assert_int_equal(((struct world *)*state)->code, ERR_INVALID);
}

static void funnels_are_checked(void **state) {
#define FUNNEL                                                                                     \
    "{\"project\":1,\"report\":\"funnel\",\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],"
    assert_fault(*state, FUNNEL "\"exclude\":[{\"event\":\"X\",\"after_step\":2}]}", ERR_INVALID,
                 "exclude[0].after_step");
    assert_fault(*state, FUNNEL "\"exclude\":[{\"event\":\"X\",\"after_step\":0}]}", ERR_INVALID,
                 "exclude[0].after_step");
    assert_fault(*state,
                 FUNNEL "\"order\":\"any\",\"exclude\":[{\"event\":\"X\",\"after_step\":1}]}",
                 ERR_INVALID, "exclude[0].after_step");
    assert_fault(*state, FUNNEL "\"order\":\"some\"}", ERR_INVALID, "order");
    assert_fault(*state, FUNNEL "\"window\":{\"unit\":\"day\"}}", ERR_INVALID, "window");
    assert_fault(*state, FUNNEL "\"window\":{\"value\":99999999,\"unit\":\"month\"}}", ERR_INVALID,
                 "window");
    assert_fault(*state, "{\"project\":1,\"report\":\"retention\",\"interval\":\"total\"}",
                 ERR_INVALID, "interval");
}

static void steps_are_at_most_32(void **state) {
    char q[2048] = "{\"project\":1,\"report\":\"funnel\",\"steps\":[{\"event\":\"A\"}";
    for (int i = 1; i < 32; i++)
        strcat(q, ",{\"event\":\"A\"}");
    size_t n = strlen(q);
    strcpy(q + n, "]}");
    assert_answer(*state, q, "\"steps\":[{\"event\":\"A\"");
    strcpy(q + n, ",{\"event\":\"A\"}]}");
    assert_fault(*state, q, ERR_INVALID, "steps");
}

static void lists_are_checked(void **state) {
    assert_fault(*state, "{\"project\":1,\"report\":\"groups\"}", ERR_INVALID, "group_key");
    assert_fault(*state,
                 "{\"project\":1,\"report\":\"users\",\"filters\":[{\"property\":{\"group\":\"a\","
                 "\"name\":\"b\"},\"op\":\"set\"}]}",
                 ERR_INVALID, "filters[0].property");
    assert_fault(*state, "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[5]}", ERR_INVALID,
                 "distinct_ids[0]");
    assert_fault(*state, "{\"project\":1,\"report\":\"events\",\"distinct_id\":7}", ERR_INVALID,
                 "distinct_id");
}

static void defaults_are_thirty_days_by_day(void **state) {
    const char *answer = world_ask(*state, "{\"project\":1,\"report\":\"insights\"}");
    assert_non_null(answer);
    assert_non_null(strstr(answer, "\"buckets\":[\"2026-01-03\","));
    assert_non_null(strstr(answer, ",\"2026-02-01\"],\"series\":[]"));
    assert_answer(*state, "{\"project\":1,\"report\":\"funnel\"}",
                  "\"series\":[{\"breakdown\":[],\"steps\":[]}]");
    assert_answer(*state, "{\"project\":1,\"report\":\"users\"}", "\"total\":0,\"users\":[]");
    assert_answer(*state, "{\"project\":1,\"report\":\"events\"}", "\"events\":[]");
    assert_answer(*state, "{\"project\":1,\"report\":\"flows\"}",
                  "\"paths\":[],\"steps\":[],\"links\":[]");
}

static void dates_read_as_days_or_times(void **state) {
    struct plan_date d;
    assert_true(plan_date_read(STR("2024-02-29"), &d));
    assert_false(d.has_time);
    assert_true(plan_date_read(STR("2026-01-31T14:30:05"), &d));
    assert_true(d.has_time);
    assert_int_equal(d.civil.second, 5);
    static const char *const wrong[] = {
        "2026-1-1",    "2026-02-29", "2026-13-01", "2026-01-01T",         "2026-01-01T10:00:60",
        "2026-01-01x", "1969-12-31", "",           "2026-01-01T10:00:00Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(plan_date_read(str_z(wrong[i]), &d));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unknown_fields_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(project_and_report_are_required, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_out_of_place_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(measures_say_what_they_need, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formulas_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formula_depth_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(filters_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(funnels_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(steps_are_at_most_32, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(defaults_are_thirty_days_by_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dates_read_as_days_or_times, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
