#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

static void build_and_compare(const struct world_plan *plan) {
    struct world w;
    world_make(&w, plan);
    struct world_choice all = {.to_frame = plan->frames, .from_us = INT64_MIN, .to_us = INT64_MAX};
    struct part *p = world_build(&w, 0, plan->frames);
    world_compare(&w, &all, p);
    part_unref(p);
    world_free(&w);
}

static void random_worlds_build_to_what_the_model_says(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        build_and_compare(
            &(struct world_plan){.seed = seed,
                                 .frames = 1 + (uint32_t)seed % 5,
                                 .rows_per_frame = 1 + (uint32_t)(seed * 37 % 200),
                                 .persons = 1 + (uint32_t)seed % 30,
                                 .events = 1 + (uint32_t)seed % 9,
                                 .properties = 1 + (uint32_t)seed % 7,
                                 .values = 1 + (uint32_t)(seed * seed % 50),
                                 .fill = (uint32_t)(seed * 11 % 101),
                                 .duplicates = seed % 3 == 0 ? 30 : 0,
                                 .time_step_us = seed % 2 ? 1000 : 1 + (int64_t)seed * 77,
                                 .time_steps = seed % 4 ? 1000000 : 5});
}

static void many_rows_span_blocks(void **state) {
    (void)state;
    build_and_compare(&(struct world_plan){.seed = 5,
                                           .frames = 4,
                                           .rows_per_frame = 3000,
                                           .persons = 90,
                                           .events = 12,
                                           .properties = 6,
                                           .values = 300,
                                           .fill = 60,
                                           .duplicates = 5,
                                           .time_step_us = 1000,
                                           .time_steps = 4000000});
}

static void rare_properties_are_kept_sparsely(void **state) {
    (void)state;
    build_and_compare(&(struct world_plan){.seed = 6,
                                           .frames = 3,
                                           .rows_per_frame = 2000,
                                           .persons = 50,
                                           .events = 3,
                                           .properties = 30,
                                           .values = 20,
                                           .fill = 90,
                                           .time_step_us = 1000,
                                           .time_steps = 4000000,
                                           .rare = true});
}

static void more_than_255_events_need_wider_codes(void **state) {
    (void)state;
    build_and_compare(&(struct world_plan){.seed = 7,
                                           .frames = 2,
                                           .rows_per_frame = 1500,
                                           .persons = 50,
                                           .events = 600,
                                           .properties = 2,
                                           .values = 5,
                                           .fill = 50,
                                           .time_step_us = 1,
                                           .time_steps = 4000000});
}

static void one_person_at_one_instant_folds_by_insert(void **state) {
    (void)state;
    build_and_compare(&(struct world_plan){.seed = 8,
                                           .frames = 3,
                                           .rows_per_frame = 300,
                                           .persons = 1,
                                           .events = 2,
                                           .properties = 2,
                                           .values = 5,
                                           .fill = 50,
                                           .duplicates = 60,
                                           .time_step_us = 1,
                                           .time_steps = 1});
}

static void a_builder_goes_on_after_a_build(void **state) {
    (void)state;
    struct world w;
    world_make(&w, &(struct world_plan){.seed = 9,
                                        .frames = 4,
                                        .rows_per_frame = 100,
                                        .persons = 20,
                                        .events = 4,
                                        .properties = 4,
                                        .values = 9,
                                        .fill = 70,
                                        .duplicates = 20,
                                        .time_step_us = 1000,
                                        .time_steps = 1000});
    struct part_builder *b = part_builder_new(7);
    for (uint32_t i = 0; i < 4; i++) {
        struct frame f;
        assert_int_equal(frame_parse(w.frames[i], &f).code, ERR_OK);
        assert_int_equal(part_builder_add(b, &f).code, ERR_OK);
        frame_done(&f);
        struct part *p = NULL;
        assert_int_equal(part_build(b, 0, i, &p).code, ERR_OK);
        struct world_choice c = {.to_frame = i + 1, .from_us = INT64_MIN, .to_us = INT64_MAX};
        world_compare(&w, &c, p);
        part_unref(p);
    }
    part_builder_free(b);
    world_free(&w);
}

static void a_builder_without_rows_gives_no_part(void **state) {
    (void)state;
    struct part_builder *b = part_builder_new(1);
    struct part *p = (struct part *)b;
    assert_int_equal(part_build(b, 0, 0, &p).code, ERR_OK);
    assert_null(p);
    part_builder_free(b);
}

static void a_written_part_reads_back_the_same(void **state) {
    (void)state;
    struct world w;
    struct world_plan plan = {.seed = 10,
                              .frames = 3,
                              .rows_per_frame = 900,
                              .persons = 40,
                              .events = 5,
                              .properties = 5,
                              .values = 40,
                              .fill = 60,
                              .duplicates = 5,
                              .time_step_us = 1000,
                              .time_steps = 100000};
    world_make(&w, &plan);
    char path[] = "/tmp/weir-part-XXXXXX";
    close(mkstemp(path));
    struct part *p = world_build(&w, 0, 3), *q = NULL;
    assert_int_equal(part_write(p, path).code, ERR_OK);
    assert_int_equal(part_open(path, &q).code, ERR_OK);
    assert_false(part_info(q)->in_memory);
    assert_true(part_info(p)->in_memory);
    struct world_choice all = {.to_frame = 3, .from_us = INT64_MIN, .to_us = INT64_MAX};
    world_compare(&w, &all, q);
    part_unref(p);
    part_unref(q);
    unlink(path);
    world_free(&w);
}

static void ranges_read_the_same_as_single_rows(void **state) {
    (void)state;
    struct world w;
    world_make(&w, &(struct world_plan){.seed = 11,
                                        .frames = 4,
                                        .rows_per_frame = 3000,
                                        .persons = 200,
                                        .events = 5,
                                        .properties = 9,
                                        .values = 40,
                                        .fill = 80,
                                        .time_step_us = 1000,
                                        .time_steps = 100000000,
                                        .rare = true});
    struct part *p = world_build(&w, 0, 4);
    uint32_t rows = part_info(p)->rows;
    uint32_t *codes = calloc(rows, sizeof *codes);
    double *numbers = calloc(rows, sizeof *numbers);
    for (int c = 0; c < (int)part_info(p)->n_columns; c++) {
        uint32_t from = world_random(&w, rows), n = world_random(&w, rows - from), present = 0;
        bool code = part_column(p, c)->class == PART_CODE;
        if (code)
            part_codes(p, c, from, n, codes);
        else
            part_numbers(p, c, from, n, numbers);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t one = 0;
            double number = 0;
            if (code)
                part_codes(p, c, from + i, 1, &one);
            else
                part_numbers(p, c, from + i, 1, &number);
            if (code)
                assert_int_equal(one, codes[i]);
            else
                assert_memory_equal(&number, &numbers[i], sizeof number);
            number = code ? 0 : part_number_at(p, c, from + i);
            if (code)
                assert_int_equal(part_code_at(p, c, from + i), codes[i]);
            else
                assert_true(number == numbers[i] || (isnan(number) && isnan(numbers[i])));
        }
        if (code)
            part_codes(p, c, 0, rows, codes);
        else
            part_numbers(p, c, 0, rows, numbers);
        for (uint32_t i = 0; i < rows; i++)
            present += code ? codes[i] != 0 : numbers[i] == numbers[i];
        assert_int_equal(present, part_column(p, c)->present_rows);
    }
    for (uint32_t row = 0; row < rows; row++) {
        int64_t time;
        part_times(p, row, 1, &time);
        assert_int_equal(part_time_at(p, row), time);
    }
    free(codes);
    free(numbers);
    part_unref(p);
    world_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_worlds_build_to_what_the_model_says),
        cmocka_unit_test(many_rows_span_blocks),
        cmocka_unit_test(rare_properties_are_kept_sparsely),
        cmocka_unit_test(more_than_255_events_need_wider_codes),
        cmocka_unit_test(one_person_at_one_instant_folds_by_insert),
        cmocka_unit_test(a_builder_goes_on_after_a_build),
        cmocka_unit_test(a_builder_without_rows_gives_no_part),
        cmocka_unit_test(a_written_part_reads_back_the_same),
        cmocka_unit_test(ranges_read_the_same_as_single_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
