#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/fingerprints.h"

static void every_repeat_is_counted_once_for_each_time_it_comes_back(void **state) {
    AUTO(fingerprints_free) struct fingerprints *f = fingerprints_new("/tmp");
    static const uint64_t values[] = {5, 1, 5, UINT64_MAX, 5, 2, UINT64_MAX, 1};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(fingerprints_add(f, values[i]).code, ERR_OK);
    uint64_t n = 99;
    assert_int_equal(fingerprints_duplicates(f, &n).code, ERR_OK);
    assert_int_equal(n, 4);
}

static void none_has_no_duplicates(void **state) {
    AUTO(fingerprints_free) struct fingerprints *f = fingerprints_new("/tmp");
    uint64_t n = 99;
    assert_int_equal(fingerprints_duplicates(f, &n).code, ERR_OK);
    assert_int_equal(n, 0);
}

/* More than one run: the spilled file is merged. Every third value repeats one of long ago. */
static void what_lies_in_different_runs_meets_in_the_merge(void **state) {
    AUTO(fingerprints_free) struct fingerprints *f = fingerprints_new("/tmp");
    const uint64_t total = UINT64_C(17) << 20;
    uint64_t expected = 0;
    for (uint64_t i = 0; i < total; i++) {
        bool repeats = i % 1000 == 999 && i > total / 2;
        uint64_t of = repeats ? i - total / 2 : i;
        expected += repeats && of % 1000 != 999;
        if (repeats && of % 1000 == 999) of = i;
        assert_int_equal(fingerprints_add(f, of * UINT64_C(0x9E3779B97F4A7C15)).code, ERR_OK);
    }
    uint64_t n = 0;
    assert_int_equal(fingerprints_duplicates(f, &n).code, ERR_OK);
    assert_int_equal(n, expected);
    assert_true(expected > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_repeat_is_counted_once_for_each_time_it_comes_back),
        cmocka_unit_test(none_has_no_duplicates),
        cmocka_unit_test(what_lies_in_different_runs_meets_in_the_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
