#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/line.h"

#define EVENT(props) "{\"event\":\"buy\",\"properties\":{" props "}}"

static uint64_t print_of(const char *line) {
    AUTO(line_reader_free) struct line_reader *r = line_reader_new(1 << 20);
    char bytes[512 + JSON_SLACK_BYTES] = {0};
    size_t n = strlen(line);
    assert_non_null(r);
    assert_true(n <= 512);
    memcpy(bytes, line, n);
    return line_fingerprint(r, (struct str){bytes, n});
}

static bool is_quick(const char *line) {
    uint64_t print;
    return line_scan(str_z(line), &print);
}

static void one_event_has_one_fingerprint_however_it_is_written(void **state) {
    static const char plain[] =
        EVENT("\"time\":12,\"distinct_id\":\"a/b\",\"$insert_id\":\"x1\",\"os\":\"Linux\"");
    static const char *const same[] = {
        EVENT("\"$insert_id\":\"x1\",\"distinct_id\":\"a/b\",\"time\":12"),
        " { \"properties\" : { \"$insert_id\" : \"x1\" , \"distinct_id\" : \"a/b\",\"time\" : 12 "
        "}\t, \"event\" : \"buy\" } ",
        EVENT("\"time\":12,\"distinct_id\":\"a\\/b\",\"$insert_id\":\"x1\""),
        EVENT("\"time\":12,\"distinct_id\":\"a/b\",\"$insert\\u005fid\":\"\\u00781\""),
        EVENT("\"$insert_id\":\"old\",\"time\":12,\"distinct_id\":\"a/b\",\"$insert_id\":\"x1\""),
        EVENT("\"o\":{\"$insert_id\":[\"}\\\"\",{}]},\"time\":12,\"distinct_id\":\"a/"
              "b\",\"$insert_id\":\"x1\""),
        "{\"properties\":{\"$insert_id\":\"no\"},\"event\":\"buy\",\"properties\":{\"time\":12,"
        "\"distinct_id\":\"a/b\",\"$insert_id\":\"x1\"}}",
    };
    assert_true(is_quick(plain));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_int_equal(print_of(same[i]), print_of(plain));
}

static void another_name_time_person_or_insert_id_is_another_event(void **state) {
    static const char *const all[] = {
        EVENT("\"time\":12,\"distinct_id\":\"a\",\"$insert_id\":\"x\""),
        EVENT("\"time\":13,\"distinct_id\":\"a\",\"$insert_id\":\"x\""),
        EVENT("\"time\":\"12\",\"distinct_id\":\"a\",\"$insert_id\":\"x\""),
        EVENT("\"time\":12,\"distinct_id\":\"b\",\"$insert_id\":\"x\""),
        EVENT("\"time\":12,\"$insert_id\":\"x\""),
        EVENT("\"time\":12,\"distinct_id\":true,\"$insert_id\":\"x\""),
        EVENT("\"time\":12,\"distinct_id\":\"a\",\"$insert_id\":\"y\""),
        ("{\"event\":\"sell\",\"properties\":{\"time\":12,\"distinct_id\":\"a\",\"$insert_id\":"
         "\"x\"}}"),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(print_of(all[i]), print_of(all[k]));
}

static void a_line_without_insert_id_or_that_is_no_json_has_none(void **state) {
    static const char *const none[] = {EVENT("\"time\":12,\"distinct_id\":\"a\""),
                                       EVENT("\"o\":{\"$insert_id\":\"x\"}"),
                                       "{\"event\":\"buy\",\"$insert_id\":\"x\"}",
                                       "{\"event\":\"buy\",\"properties\":{\"$insert_id\":\"x\"}",
                                       EVENT("\"$insert_id\":\"x\"") "}",
                                       EVENT("\"$insert_id\":\"x"),
                                       EVENT("\"$insert_id\":\"x\\\""),
                                       EVENT("\"$insert_id\""),
                                       EVENT("\"$insert_id\":"),
                                       "[1]",
                                       "{",
                                       "{\"",
                                       ""};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(print_of(none[i]), 0);
}

static void a_line_cut_anywhere_is_never_a_whole_one(void **state) {
    static const char line[] = EVENT("\"time\":12,\"distinct_id\":\"a\",\"$insert_id\":\"x\"");
    for (size_t n = 0; n + 1 < sizeof line - 1; n++) {
        uint64_t print = 7;
        assert_false(line_scan((struct str){line, n}, &print));
        assert_int_equal(print, 7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_has_one_fingerprint_however_it_is_written),
        cmocka_unit_test(another_name_time_person_or_insert_id_is_another_event),
        cmocka_unit_test(a_line_without_insert_id_or_that_is_no_json_has_none),
        cmocka_unit_test(a_line_cut_anywhere_is_never_a_whole_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
