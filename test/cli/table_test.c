#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/command.h"

/* What table_print writes for an answer, or NULL when it does not know the shape. */
static char *shown(const char *answer) {
    static char text[8192];
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1 << 20);
    const struct json *v = NULL;
    assert_int_equal(json_parse_copy(p, str_z(answer), a, &v).code, ERR_OK);
    char path[] = "/tmp/weir-table-XXXXXX";
    int file = mkstemp(path), saved = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    bool known = table_print(v);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ssize_t n = pread(file, text, sizeof text - 1, 0);
    close(file);
    unlink(path);
    assert_true(n >= 0);
    text[n] = 0;
    return known ? text : NULL;
}

static void few_series_stand_side_by_side(void **state) {
    assert_string_equal(shown("{\"report\":\"insights\",\"buckets\":[\"2026-01-01\",\"2026-01-02\"]"
                              ",\"series\":[{\"metric\":0,\"breakdown\":"
                              "[\"iOS\"],\"values\":[12,3],\"total\":15},{\"metric\":\"formula\","
                              "\"breakdown\":[],\"values\":[0.5,null],"
                              "\"total\":0.25}]}"),
                        "            0: iOS  metric formula\n"
                        "2026-01-01      12             0.5\n"
                        "2026-01-02       3               -\n"
                        "total           15            0.25\n");
}

static void many_series_are_rows_with_their_totals(void **state) {
    char text[2000] = "{\"report\":\"insights\",\"buckets\":[\"d\"],\"series\":[";
    for (int i = 0; i < 8; i++)
        sprintf(text + strlen(text),
                "%s{\"metric\":0,\"breakdown\":[\"v%d\"],\"values\":[%d],\"total\":%d}",
                i ? "," : "", i, i, i);
    strcat(text, "]}");
    char *out = shown(text);
    assert_true(str_starts(str_z(out), STR("series  total\n0: v0       0\n0: v1       1\n")));
}

static void a_funnel_shows_its_shares(void **state) {
    assert_string_equal(shown("{\"report\":\"funnel\",\"series\":[{\"breakdown\":[],\"steps\":[{"
                              "\"event\":\"Sign up\",\"count\":1000,"
                              "\"from_first\":1.0,\"from_previous\":1.0,\"median_s\":null},{"
                              "\"event\":\"Pay\",\"count\":125,\"from_first\":0.125,"
                              "\"from_previous\":0.125,\"median_s\":61.5}]}]}"),
                        "     step     people  of first  of previous  median s\n"
                        "all  Sign up    1000   100.0 %      100.0 %         -\n"
                        "all  Pay         125    12.5 %       12.5 %      61.5\n");
}

static void retention_and_flows_are_tables_too(void **state) {
    assert_string_equal(shown("{\"report\":\"retention\",\"cohorts\":[{\"start\":\"2026-01-05\","
                              "\"size\":100,\"returned\":[90,7,null]}]}"),
                        "cohort      size   0  1  2\n"
                        "2026-01-05   100  90  7  -\n");
    assert_string_equal(shown("{\"report\":\"flows\",\"paths\":[{\"events\":[\"A\",\"B\",null],"
                              "\"count\":7}],\"steps\":[],\"links\":[]}"),
                        "people  path\n7       A > B > -\n");
}

static void control_characters_of_strangers_reach_no_terminal(void **state) {
    char *out = shown("{\"report\":\"events\",\"events\":[{\"event\":\"\\u001b["
                      "2J\\u0007\\u009b\\u202e\\n\",\"time\":\"t\",\"person\":\"p\","
                      "\"properties\":{\"a\":\"\\u001b]0;x\"}}]}");
    assert_string_equal(
        out,
        "time  event     person  properties\nt     ?[2J????  p       {\"a\":\"\\u001b]0;x\"}\n");
}

static void long_cells_are_cut_at_a_character(void **state) {
    char text[2000] = "{\"report\":\"events\",\"events\":[{\"event\":\"";
    for (int i = 0; i < 100; i++)
        strcat(text, "\xC3\xA4");
    strcat(text, "\"}]}");
    char *out = shown(text);
    assert_int_equal(str_utf8_prefix(str_z(out)), strlen(out));
    int n = 0;
    for (char *p = out; (p = strstr(p, "\xC3\xA4")); p++)
        n++;
    assert_int_equal(n, 60);
}

static void what_is_no_report_is_left_to_json(void **state) {
    assert_null(shown("{\"ok\":true}"));
    assert_null(shown("[]"));
    assert_null(shown("{\"report\":\"insights\",\"series\":5}"));
    assert_null(shown("{\"report\":\"retention\",\"cohorts\":[]}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_series_stand_side_by_side),
        cmocka_unit_test(many_series_are_rows_with_their_totals),
        cmocka_unit_test(a_funnel_shows_its_shares),
        cmocka_unit_test(retention_and_flows_are_tables_too),
        cmocka_unit_test(control_characters_of_strangers_reach_no_terminal),
        cmocka_unit_test(long_cells_are_cut_at_a_character),
        cmocka_unit_test(what_is_no_report_is_left_to_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
