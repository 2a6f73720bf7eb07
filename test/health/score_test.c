/* The score against the exact negative-binomial tail. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "health/detector.h"
#include "naive.h"

static const double means[] = {0.05, 0.2, 1, 4, 20, 100, 600};
static const double phis[] = {1e-4, 0.01, 0.043, 0.1, 0.3};
#define N(list) (sizeof(list) / sizeof *(list))

/* Largest difference where the exact score is between 2.5 and 9. */
static double worst(double m, double phi, bool down) {
    double most = 0;
    for (double c = down ? floor(m) : ceil(m); c >= 0 && c < 40 * m + 60; c += down ? -1 : 1) {
        double exact = naive_score(naive_tail(c, m, phi, down));
        if (exact > 9) break;
        if (exact < 2.5) continue;
        double error = fabs(health_z(c, m, phi, down) - exact);
        if (error > most) most = error;
    }
    return most;
}

static void scores_of_many_are_near_the_exact_tail(void **state) {
    for (size_t i = 0; i < N(means); i++) {
        for (size_t k = 0; k < N(phis); k++) {
            double m = means[i], e = worst(m, phis[k], false);
            double most = m < 0.1 ? 0.7 : m < 1 ? 0.3 : 0.12;
            if (e > most) fail_msg("m %g phi %g: off by %g", m, phis[k], e);
        }
    }
}

static void scores_of_few_are_near_the_exact_tail(void **state) {
    for (size_t i = 0; i < N(means); i++) {
        for (size_t k = 0; k < N(phis); k++) {
            double e = worst(means[i], phis[k], true);
            if (e > 0.25) fail_msg("m %g phi %g: off by %g", means[i], phis[k], e);
        }
    }
}

static void the_score_grows_with_the_count(void **state) {
    for (size_t i = 0; i < N(means); i++) {
        for (size_t k = 0; k < N(phis); k++) {
            double before = 0;
            double c = ceil(means[i] + 2 * sqrt(means[i] + phis[k] * means[i] * means[i])) + 1;
            for (int n = 0; n < 200; n++, c++) {
                double z = health_z(c, means[i], phis[k], false);
                assert_true(z >= before);
                before = z;
            }
        }
    }
}

static void the_other_side_and_nothing_expected_score_zero(void **state) {
    assert_true(health_z(3, 10, 0.1, false) == 0);
    assert_true(health_z(30, 10, 0.1, true) == 0);
    assert_true(health_z(1, 0.5, 0.1, false) == 0); /* half a count is no excess */
    assert_true(health_z(5, 0, 0.1, false) == 0);
    assert_true(health_z(0, 0, 0.1, true) == 0);
}

static void extremes_stay_numbers(void **state) {
    static const double counts[] = {0, 1, 1e6, 2e11}, expected[] = {1e-12, 1, 1e6, 2e11};
    for (size_t i = 0; i < N(counts); i++) {
        for (size_t k = 0; k < N(expected); k++) {
            for (int down = 0; down < 2; down++) {
                double z = health_z(counts[i], expected[k], 1e-4, down);
                assert_true(z >= 0 && z < 1e7);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_of_many_are_near_the_exact_tail),
        cmocka_unit_test(scores_of_few_are_near_the_exact_tail),
        cmocka_unit_test(the_score_grows_with_the_count),
        cmocka_unit_test(the_other_side_and_nothing_expected_score_zero),
        cmocka_unit_test(extremes_stay_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
