/* Sums of the windows against whole histories; gaps and jumps of the clock. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "naive.h"
#include "rig.h"

#define HISTORY 2000

static uint64_t sum_of(const uint64_t *history, int64_t begin, int64_t tick, uint32_t w) {
    int64_t n = health_window_ticks(w), from = tick - n + 1;
    if (n >= 90)
        from = (floor_div(tick, 6) - n / 6 + 1) * 6; /* whole minutes and the running one */
    uint64_t sum = 0;
    for (int64_t t = from > begin ? from : begin; t <= tick; t++)
        sum += history[t - begin];
    return sum;
}

static void sums_are_those_of_the_history(void **state) {
    struct rig r;
    uint64_t random = 7, *history = calloc(HISTORY, sizeof *history);
    rig_begin(&r, HEALTH_REPORTS, 1);
    int64_t begin = floor_div(r.now_us, HEALTH_TICK_US);
    for (int64_t k = 0; k < HISTORY; k++) {
        uint32_t c = naive_random(&random) % 5;
        history[k] = c;
        rig_tick(&r, c, 0, c, 0);
        for (uint32_t w = 0; w < HEALTH_WINDOWS; w++) {
            uint64_t sum = sum_of(history, begin, begin + k, w);
            assert_int_equal(r.d->seen.sum[w * r.d->n], sum);
            assert_int_equal(r.d->seen.sum[w * r.d->n + 2], sum);
            assert_int_equal(r.d->seen.sum[w * r.d->n + 1], 0);
        }
    }
    free(history);
    rig_end(&r);
}

static void windows_are_as_long_as_told(void **state) {
    static const int32_t lengths[HEALTH_WINDOWS] = {10,  20,  30,   60,   120,  180, 300,
                                                    600, 900, 1200, 1800, 3600, 7200};
    for (uint8_t w = 0; w < HEALTH_WINDOWS; w++) {
        assert_int_equal(health_window_s(w), lengths[w]);
        assert_int_equal(health_window_ticks(w) * 10, lengths[w]);
    }
}

static void expectation_sums_do_not_drift(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 3);
    rig_warm(&r, 3);
    struct ring fresh = r.d->base;
    uint64_t sums[HEALTH_WINDOWS];
    fresh.sum = sums;
    health_ring_sum(&fresh, r.d->tick);
    assert_memory_equal(sums, r.d->base.sum, sizeof sums);
    rig_end(&r);
}

static void a_part_is_expected_to_have_its_share_given_the_rest(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 6);
    rig_warm(&r, 3);
    for (int k = 0; k < 400; k++) {
        r.rate = 6 + 3 * sin(k / 20.0);
        rig_run(&r, 1);
        for (uint8_t w = 0; w < HEALTH_WINDOWS; w++) {
            struct health_evidence all = health_window(r.d, 0, w);
            double phi = r.d->phi.in_force[w * r.d->n];
            for (uint16_t i = 1; i < RIG_SERIES; i++) {
                struct health_evidence part = health_window(r.d, i, w);
                double share =
                    health_expected(r.d, i, r.now_us) / health_expected(r.d, 0, r.now_us);
                double m = share * all.expected;
                double want =
                    m * (1 / phi + (double)(all.seen - part.seen)) / (1 / phi + all.expected - m);
                assert_true(fabs(part.expected - want) < 1e-9 * want);
            }
        }
    }
    rig_end(&r);
}

static void a_second_call_in_a_tick_is_added_to_the_next(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 1);
    rig_tick(&r, 2, 2, 0, 0);
    r.now_us -= HEALTH_TICK_US;
    rig_tick(&r, 3, 0, 3, 0);
    assert_int_equal(health_window(r.d, 0, 3).seen, 2);
    rig_tick(&r, 4, 0, 0, 4);
    assert_int_equal(health_window(r.d, 0, 3).seen, 9);
    assert_int_equal(health_window(r.d, 2, 3).seen, 3);
    rig_end(&r);
}

static void missing_ticks_are_held_against_the_whole_time(void **state) {
    for (int64_t missing = 0; missing <= 6; missing++) {
        struct rig r;
        rig_begin(&r, HEALTH_REPORTS, 10);
        rig_warm(&r, 1);
        rig_run(&r, 10);
        double one = health_expected(r.d, 0, r.now_us);
        double before = health_window(r.d, 0, 4).expected;
        r.now_us += missing * HEALTH_TICK_US;
        rig_tick(&r, 70, 70, 0, 0);
        struct health_evidence e = health_window(r.d, 0, 0);
        assert_int_equal(e.seen, 70);
        assert_true(fabs(e.expected - one * (double)(missing + 1)) < 1e-3);
        assert_true(fabs(health_window(r.d, 0, 4).expected - before) < before * 0.01);
        rig_end(&r);
    }
}

/* Jumps by `by`, and holds that nothing is said and all windows are empty. */
static void jump(int64_t by_ticks) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 10);
    rig_warm(&r, 1);
    uint32_t learned = r.d->baseline.learned_n;
    r.now_us += by_ticks * HEALTH_TICK_US;
    rig_tick(&r, 100000, 100000, 0, 0);
    assert_false(r.news.opened || r.news.prealarm);
    for (uint8_t w = 0; w < HEALTH_WINDOWS; w++)
        assert_int_equal(health_window(r.d, 0, w).seen, 0);
    r.opened_n = 0;
    rig_run(&r, 89);
    assert_int_equal(r.opened_n, 0);
    assert_true(r.d->baseline.learned_n <= learned + 1);
    rig_run(&r, 360);
    if (by_ticks > 0) assert_true(r.d->baseline.learned_n >= learned + 3);
    rig_end(&r);
}

static void the_clock_may_jump_forward(void **state) {
    jump(7);
    jump(360);
    jump(TICKS_PER_WEEK * INT64_C(100));
}

static void the_clock_may_jump_backward(void **state) {
    jump(-9);
    jump(-360);
    jump(-TICKS_PER_WEEK * INT64_C(3000)); /* before 1970 */
}

static void a_small_step_back_is_waited_out(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 1);
    rig_run(&r, 100);
    uint64_t before = health_window(r.d, 0, 8).seen;
    r.now_us -= 5 * HEALTH_TICK_US;
    for (int k = 0; k < 5; k++)
        rig_tick(&r, 1, 1, 0, 0);
    assert_int_equal(health_window(r.d, 0, 8).seen, before);
    rig_tick(&r, 1, 1, 0, 0);
    assert_int_equal(health_window(r.d, 0, 0).seen, 6);
    rig_end(&r);
}

static void time_learned_twice_teaches_once(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 10);
    rig_warm(&r, 1);
    rig_run(&r, 1);
    uint32_t learned = r.d->baseline.learned_n;
    r.now_us -= 3600 * US_PER_S;
    rig_run(&r, 300);
    assert_int_equal(r.d->baseline.learned_n, learned);
    rig_end(&r);
}

static void the_ends_of_time_are_survived(void **state) {
    static const int64_t times[] = {INT64_MIN, INT64_MAX, 0, -1, INT64_MIN + 1, INT64_MAX - 1};
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 10);
    rig_warm(&r, 1);
    for (int k = 0; k < 60; k++) {
        r.now_us = times[k % 6];
        struct health_news news;
        uint32_t seen[RIG_SERIES] = {5, 5, 0, 0};
        health_tick(r.d, r.now_us, seen, NULL, &news);
        assert_false(news.opened);
    }
    rig_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_history),
        cmocka_unit_test(windows_are_as_long_as_told),
        cmocka_unit_test(expectation_sums_do_not_drift),
        cmocka_unit_test(a_part_is_expected_to_have_its_share_given_the_rest),
        cmocka_unit_test(a_second_call_in_a_tick_is_added_to_the_next),
        cmocka_unit_test(missing_ticks_are_held_against_the_whole_time),
        cmocka_unit_test(the_clock_may_jump_forward),
        cmocka_unit_test(the_clock_may_jump_backward),
        cmocka_unit_test(a_small_step_back_is_waited_out),
        cmocka_unit_test(time_learned_twice_teaches_once),
        cmocka_unit_test(the_ends_of_time_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
