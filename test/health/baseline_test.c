/* What is expected, against a slow recomputation from the whole history; freezing and taking back.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "naive.h"
#include "rig.h"

/* A quarter-hour of evenly spread counts, the same to the naive baseline. */
static void quarter(struct rig *r, struct naive *n, uint32_t a, uint32_t b, uint32_t c) {
    for (uint32_t k = 0; k < 90; k++) {
        uint32_t x = a / 90 + (k < a % 90), y = b / 90 + (k < b % 90), z = c / 90 + (k < c % 90);
        rig_tick(r, x + y + z, x, y, z);
    }
    double counts[RIG_SERIES] = {a + b + c, a, b, c};
    if (n) naive_learn(n, counts);
}

static void compare(struct rig *r, const struct naive *n) {
    rig_tick(r, 0, 0, 0, 0); /* the quarter turns */
    for (int tick = 0; tick < 90; tick += 11) {
        double want = naive_expected(n, tick);
        double got = health_baseline_tick(r->d, r->d->tick + tick);
        if (fabs(got - want) > 1e-9 * (1 + want))
            fail_msg("quarter %d tick %d: %.12g, not %.12g", n->quarters_n, tick, got, want);
    }
    for (int i = 1; i < RIG_SERIES; i++)
        assert_true(fabs(r->d->baseline.rate[i] * UNIT - naive_share(n, i)) < 1e-9);
}

/* Busy days, quiet nights, and a series that begins late. The rig's incidents would freeze
 * learning, so counts move gently. */
static void grow(struct rig *r, struct naive *n, int quarters, uint64_t *random) {
    for (int q = 0; q < quarters; q++) {
        double day = 300 + 120 * sin((n->quarters_n % 96) * 6.283185307179586 / 96);
        uint32_t a = (uint32_t)day + naive_random(random) % 40, b = 100 + naive_random(random) % 30;
        uint32_t c = n->quarters_n > 500 ? 8 + naive_random(random) % 3 : 0;
        quarter(r, n, a, b, c);
    }
}

static void expectations_are_those_of_the_formulas(void **state) {
    static const int checks[] = {96, 97, 600, 1343, 1344, 1345, 2100, 4800, 5376};
    struct rig r, copy;
    struct naive *n = calloc(1, sizeof *n);
    uint64_t random = 99;
    n->series_n = RIG_SERIES;
    rig_begin(&r, HEALTH_REPORTS, 1);
    quarter(&r, NULL, 0, 0, 0); /* the quarter that began with the clock is whole too */
    naive_learn(n, (double[4]){0});
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++) {
        grow(&r, n, checks[k] - n->quarters_n, &random);
        assert_int_equal(r.opened_n, 0);
        copy = r;
        AUTO(buf_done) struct buf b;
        buf_init(&b, 1 << 20);
        assert_int_equal(health_save(r.d, &b).code, ERR_OK);
        assert_int_equal(health_restore(buf_str(&b), &copy.d).code, ERR_OK);
        compare(&copy, n);
        rig_end(&copy);
    }
    free(n);
    rig_end(&r);
}

static void nothing_is_judged_on_the_first_day(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_run(&r, 90 * 90);
    for (int k = 0; k < 30; k++)
        rig_tick(&r, 5000, 5000, 0, 0);
    assert_int_equal(r.prealarm_n + r.opened_n, 0);
    assert_true(health_expected(r.d, 0, r.now_us) == 0);
    rig_end(&r);
}

static void the_cold_start_expects_the_last_day_and_asks_for_more(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_run(&r, 13 * 8640);
    assert_true(health_cold(r.d));
    assert_true(fabs(health_expected(r.d, 0, r.now_us) - 5) < 0.1);
    assert_true(health_alarm_at(r.d, 0) == 7.0 && health_alarm_at(r.d, 1) == 7.5);
    assert_true(health_prealarm_at(r.d, 0) == 5.2 && health_prealarm_at(r.d, 1) == 5.7);
    assert_true(r.d->phi.in_force[0] == 0.3);
    rig_run(&r, 8640 + 90);
    assert_false(health_cold(r.d));
    assert_true(health_alarm_at(r.d, 0) == 6.0 && health_alarm_at(r.d, 1) == 6.5);
    assert_true(r.d->phi.in_force[0] == .043 && r.d->phi.in_force[1] == .10);
    assert_int_equal(r.opened_n, 0);
    rig_end(&r);
}

static void steady_poisson_has_no_overdispersion_after_weeks(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_warm(&r, 9);
    for (uint32_t w = 0; w < HEALTH_WINDOWS; w++)
        assert_true(r.d->phi.in_force[w * r.d->n] < (w < 10 ? 0.007 : 0.0101));
    assert_int_equal(r.opened_n, 0);
    rig_end(&r);
}

static void phi_is_that_of_the_samples(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 20);
    rig_warm(&r, 4);
    double excess = 0, square = 0;
    while (floor_mod(r.d->tick, TICKS_PER_HOUR * 4) != TICKS_PER_HOUR * 4 - 1)
        rig_run(&r, 1);
    memset(r.d->phi.excess, 0, PHI_BUCKETS * HEALTH_WINDOWS * r.d->n * sizeof(float));
    memset(r.d->phi.square, 0, PHI_BUCKETS * HEALTH_WINDOWS * r.d->n * sizeof(float));
    for (int k = 0; k < 5 * 8640; k++) {
        /* the rate itself swings, in steps of five minutes */
        r.rate = 20 + (k / 30 % 2 ? 4 : -4);
        rig_run(&r, 1);
        if (floor_mod(r.d->tick, 30) != 29 || k >= 5 * 8640 - 4 * TICKS_PER_HOUR) continue;
        struct health_evidence e = health_window(r.d, 0, 6);
        excess += ((double)e.seen - e.expected) * ((double)e.seen - e.expected) - e.expected;
        square += e.expected * e.expected;
    }
    rig_run(&r, 1); /* the hour turns: what waited four hours is in */
    double want = (excess + 1000 * .040) / (square + 1000);
    assert_true(fabs(r.d->phi.in_force[6 * r.d->n] - want) < 1e-3 * want);
    assert_true(want > 0.02);
    rig_end(&r);
}

static double squares(const struct rig *r, uint32_t from, uint32_t to) {
    size_t n = (size_t)HEALTH_WINDOWS * r->d->n;
    double sum = 0;
    for (size_t k = from * n; k < to * n; k++)
        sum += (double)r->d->phi.square[k];
    return sum;
}

static void samples_that_wait_survive_a_jump_and_not_an_incident(void **state) {
    for (int64_t gap = 4; gap < 2000; gap += 331) {
        struct rig r;
        rig_begin(&r, HEALTH_REPORTS, 5);
        rig_warm(&r, 3);
        rig_run(&r, 1800);
        double all = squares(&r, 0, PHI_BUCKETS), waiting = squares(&r, PHI_WEEKS, PHI_BUCKETS);
        assert_true(waiting > 0 && waiting < all);
        struct rig held = r;
        r.now_us += gap * TICKS_PER_HOUR * HEALTH_TICK_US;
        rig_run(&r, 2);
        double after = squares(&r, 0, PHI_BUCKETS);
        if (gap < 7 * 168) assert_true(fabs(after - all) < 1e-6 * all);
        rig_run(&r, 5 * TICKS_PER_HOUR);
        if (gap > 9 * 168) assert_true(squares(&r, 0, PHI_BUCKETS) < 0.05 * all);
        health_hold(r.d, held.now_us); /* long past: all that waits goes */
        assert_true(squares(&r, PHI_WEEKS, PHI_BUCKETS) == 0);
        rig_end(&r);
    }
}

static void an_incident_takes_its_own_hours_only(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_warm(&r, 3);
    rig_run(&r, 4 * TICKS_PER_HOUR - 2);
    double waiting = squares(&r, PHI_WEEKS, PHI_BUCKETS);
    health_hold(r.d, r.now_us - 1700 * US_PER_S); /* 30 minutes before lie in the same hour */
    double after = squares(&r, PHI_WEEKS, PHI_BUCKETS);
    assert_true(after > waiting * 0.65 && after < waiting * 0.85);
    rig_end(&r);
}

static void what_is_frozen_is_not_learned_and_what_was_is_taken_back(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_warm(&r, 3);
    rig_run(&r, 2);
    static struct baseline before;
    double *mean = malloc(r.d->n * sizeof *mean);
    before = r.d->baseline;
    memcpy(mean, before.mean, r.d->n * sizeof *mean);
    r.rate = 6; /* creeps in for two hours, then someone tells since when it was wrong */
    int64_t wrong_us = r.now_us;
    rig_run(&r, 720);
    assert_memory_not_equal(before.b, r.d->baseline.b, sizeof before.b);
    health_hold(r.d, wrong_us + 1800 * US_PER_S);
    assert_memory_equal(before.b, r.d->baseline.b, sizeof before.b);
    assert_memory_equal(before.n, r.d->baseline.n, sizeof before.n);
    assert_true(before.level_y == r.d->baseline.level_y);
    assert_memory_equal(mean, r.d->baseline.mean, r.d->n * sizeof *mean);
    r.rate = 5;
    rig_run(&r, 1000);
    health_release(r.d, r.now_us);
    rig_run(&r, 710);
    assert_memory_equal(before.b, r.d->baseline.b, sizeof before.b);
    rig_run(&r, 200);
    assert_memory_not_equal(before.b, r.d->baseline.b, sizeof before.b);
    free(mean);
    rig_end(&r);
}

static void a_broken_quarter_is_not_learned(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_run(&r, 90 * 100 - 1);
    uint32_t learned = r.d->baseline.learned_n;
    rig_run(&r, 40);
    assert_int_equal(r.d->baseline.learned_n, learned + 1);
    r.now_us += 100 * HEALTH_TICK_US;
    rig_run(&r, 90 - 1);
    assert_int_equal(r.d->baseline.learned_n, learned + 1);
    rig_end(&r);
}

static void a_wild_day_teaches_little(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_warm(&r, 4);
    rig_run(&r, 10);
    struct baseline *b = &r.d->baseline;
    double before = b->b[slot_of(b->quarter)];
    uint32_t slot = slot_of(b->quarter);
    b->tainted = false;
    for (uint32_t i = 0; i < r.d->n; i++)
        b->sum[i] += 100000; /* as if no detector had seen it */
    rig_run(&r, 90);
    assert_true(b->b[slot] > before && b->b[slot] < before * 1.45);
    rig_end(&r);
}

static void forgetting_starts_cold(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_warm(&r, 3);
    health_forget(r.d);
    assert_true(health_cold(r.d));
    assert_int_equal(r.d->baseline.learned_n, 0);
    rig_run(&r, 8640 * 2);
    assert_int_equal(r.opened_n, 0);
    assert_true(fabs(health_expected(r.d, 0, r.now_us) - 5) < 0.2);
    rig_end(&r);
}

static void a_chart_s_baseline_is_that_of_the_tick(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 5);
    rig_warm(&r, 3);
    for (int64_t t = floor_div(r.d->tick, 90) * 90; t <= r.d->tick; t++)
        assert_true(fabs(health_expected(r.d, 0, t * HEALTH_TICK_US) -
                         health_baseline_tick(r.d, t)) < 1e-9);
    assert_true(health_expected(r.d, 1, r.now_us + 3600 * US_PER_S) > 2.3);
    rig_end(&r);
}

static void errors_are_expected_as_a_share_of_traffic(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_ERRORS, 5);
    rig_warm(&r, 3);
    assert_true(fabs(health_expected(r.d, 0, r.now_us) - 0.01) < 0.0006);
    struct health_evidence e = health_window(r.d, 0, 6);
    assert_true(fabs(e.expected - 150) < 9);
    /* four times the traffic with four times the errors is nothing */
    r.rate = 20;
    rig_run(&r, 1000);
    assert_int_equal(r.opened_n, 0);
    rig_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expectations_are_those_of_the_formulas),
        cmocka_unit_test(nothing_is_judged_on_the_first_day),
        cmocka_unit_test(the_cold_start_expects_the_last_day_and_asks_for_more),
        cmocka_unit_test(steady_poisson_has_no_overdispersion_after_weeks),
        cmocka_unit_test(phi_is_that_of_the_samples),
        cmocka_unit_test(samples_that_wait_survive_a_jump_and_not_an_incident),
        cmocka_unit_test(an_incident_takes_its_own_hours_only),
        cmocka_unit_test(what_is_frozen_is_not_learned_and_what_was_is_taken_back),
        cmocka_unit_test(a_broken_quarter_is_not_learned),
        cmocka_unit_test(a_wild_day_teaches_little),
        cmocka_unit_test(forgetting_starts_cold),
        cmocka_unit_test(a_chart_s_baseline_is_that_of_the_tick),
        cmocka_unit_test(errors_are_expected_as_a_share_of_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
