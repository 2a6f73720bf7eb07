#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

#define MB ((size_t)1 << 20)

static size_t resident_kb(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long all = 0, resident = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &all, &resident), 2);
    fclose(f);
    return resident * 4;
}

static void pages_are_zero_at_first_and_after_they_were_cleared(void **state) {
    static const size_t sizes[] = {1, 4096, 2 * MB - 1, 2 * MB, 9 * MB + 17};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        unsigned char *p = pages_new(n);
        assert_non_null(p);
        for (int round = 0; round < 2; round++) {
            for (size_t k = 0; k < n; k += 997)
                assert_int_equal(p[k], 0);
            memset(p, 0xee, n);
            pages_clear(p, n);
        }
        pages_free(p, n);
    }
    assert_null(pages_new(0));
    assert_null(pages_new(SIZE_MAX));
    pages_clear(NULL, 5);
    pages_free(NULL, 5);
}

static void an_arena_with_a_large_block_is_zeroed_and_wiped_like_any_other(void **state) {
    AUTO(arena_free) struct arena *a = arena_new(16 * MB);
    arena_wipe_on_reset(a);
    assert_true(arena_reserve(a, 4 * MB));
    const unsigned char *first = NULL;
    for (int round = 0; round < 3; round++) {
        unsigned char *p = arena_alloc(a, 3 * MB), *more = arena_alloc(a, 5 * MB);
        assert_non_null(p);
        assert_non_null(more);
        if (round > 0) assert_ptr_equal(p, first); /* the first block is kept */
        first = p;
        for (size_t k = 0; k < 3 * MB; k += 61)
            assert_int_equal(p[k], 0);
        memset(p, 0xee, 3 * MB);
        memset(more, 0xee, 5 * MB);
        arena_reset(a);
    }
    assert_null(arena_alloc(a, 17 * MB));
}

static void what_nobody_uses_of_a_table_is_not_resident(void **state) {
    size_t before = resident_kb();
    char *p = pages_new(6 * MB);
    p[3 * MB] = 1;
    assert_true(resident_kb() < before + 3 * 1024);
    pages_free(p, 6 * MB);
}

/* Everything works on after it, from constants to calls into libraries. */
static void a_process_that_let_go_of_its_files_reads_them_again(void **state) {
    char text[64];
    pages_let_go();
    snprintf(text, sizeof text, "%s %d", "still here", 42);
    assert_string_equal(text, "still here 42");
    assert_int_equal(checksum64("a", 1), checksum64("a", 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_zero_at_first_and_after_they_were_cleared),
        cmocka_unit_test(an_arena_with_a_large_block_is_zeroed_and_wiped_like_any_other),
        cmocka_unit_test(what_nobody_uses_of_a_table_is_not_resident),
        cmocka_unit_test(a_process_that_let_go_of_its_files_reads_them_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
