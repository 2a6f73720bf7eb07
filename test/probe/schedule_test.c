/* When a monitor is checked, when its down is believed, and when the place itself is to blame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>

#include "probe/probe.h"

#define S US_PER_S

static const struct probe_config every_30 = {.number = 1,
                                             .interval_us = 30 * S,
                                             .timeout_us = 5 * S,
                                             .confirm_us = 5 * S,
                                             .phase_us = 7 * S,
                                             .retries = 2};

/* One attempt that takes `took`; gives how it is told. */
static int attempt(struct probe_slot *s, int64_t *now, int64_t took, bool ok, enum post_fault f,
                   bool offline) {
    int32_t late;
    if (*now < s->due_us) *now = s->due_us;
    int64_t limit = probe_slot_begin(s, *now, &late);
    *now += took < limit ? took : limit;
    struct post_beat b = {.up = ok ? POST_UP : POST_DOWN, .fault = (uint8_t)f};
    probe_slot_end(s, &b, offline, *now);
    return b.up;
}

/* From the fault until it is believed, for a fault at `at` of a running schedule. */
static int64_t time_to_hard(int64_t at, int64_t took, enum post_fault f) {
    struct probe_slot s;
    int64_t now = 1000 * S;
    probe_slot_init(&s, &every_30, now);
    for (;;) {
        if (s.due_us >= at) break;
        attempt(&s, &now, S / 10, true, POST_FINE, false);
    }
    while (attempt(&s, &now, took, false, f, false) != POST_DOWN)
        continue;
    return now - at;
}

static void a_dead_service_is_believed_dead_within_42_seconds_and_27_on_average(void **state) {
    (void)state;
    static const int64_t took[] = {S / 100, 100 * S};
    for (int how = 0; how < 2; how++) {
        int64_t most = 0, sum = 0;
        for (int i = 0; i < 300; i++) {
            int64_t t =
                time_to_hard(1100 * S + i * S / 10, took[how], how ? POST_TIMEOUT : POST_REFUSED);
            most = t > most ? t : most;
            sum += t;
        }
        print_message("%s: mean %.1f s, at most %.1f s\n", how ? "hangs" : "refuses",
                      (double)sum / 300 / 1e6, (double)most / 1e6);
        assert_true(most <= 42 * S);
        assert_true(sum / 300 <= 27 * S);
    }
}

static void one_lost_answer_is_pending_and_alarms_nobody(void **state) {
    (void)state;
    struct probe_slot s;
    int64_t now = 100 * S;
    probe_slot_init(&s, &every_30, now);
    assert_int_equal(attempt(&s, &now, S, false, POST_TIMEOUT, false), POST_PENDING);
    assert_int_equal(attempt(&s, &now, S, false, POST_TIMEOUT, false), POST_PENDING);
    assert_int_equal(attempt(&s, &now, S, true, POST_FINE, false), POST_UP);
    assert_int_equal(attempt(&s, &now, S, false, POST_TIMEOUT, false), POST_PENDING);
    attempt(&s, &now, S, false, POST_TIMEOUT, false);
    assert_int_equal(attempt(&s, &now, S, false, POST_TIMEOUT, false), POST_DOWN);
    assert_int_equal(attempt(&s, &now, S, false, POST_TIMEOUT, false), POST_DOWN);
    assert_int_equal(attempt(&s, &now, S, true, POST_FINE, false), POST_UP);
}

static void starts_keep_their_phase_and_what_was_missed_is_not_made_up_for(void **state) {
    (void)state;
    struct probe_slot s;
    int64_t now = 100 * S;
    probe_slot_init(&s, &every_30, now);
    assert_int_equal(s.due_us, 127 * S);
    attempt(&s, &now, S, true, POST_FINE, false);
    assert_int_equal(s.due_us, 157 * S);
    now = 1000 * S;
    attempt(&s, &now, S, true, POST_FINE, false);
    assert_int_equal(s.due_us, 1027 * S);
    int32_t late;
    probe_slot_begin(&s, 1028 * S, &late);
    assert_int_equal(late, S);
}

static void while_offline_lost_answers_are_unknown_and_other_faults_count(void **state) {
    (void)state;
    struct probe_slot s;
    int64_t now = 100 * S;
    probe_slot_init(&s, &every_30, now);
    for (int i = 0; i < 10; i++)
        assert_int_equal(attempt(&s, &now, S, false, POST_UNREACHABLE, true), POST_UNKNOWN);
    assert_int_equal(attempt(&s, &now, S, false, POST_STATUS, true), POST_PENDING);
}

static void note(struct probe_place *p, int host, bool lost, int64_t now) {
    char name[32];
    snprintf(name, sizeof name, "h%d.example", host);
    probe_place_note(p, str_z(name), lost, now);
}

static void most_hosts_silent_at_once_is_this_place_one_host_is_that_host(void **state) {
    (void)state;
    struct probe_place p = {0};
    for (int i = 0; i < 20; i++)
        note(&p, 1, true, 100 * S + i);
    assert_false(probe_place_offline(&p, 101 * S));
    note(&p, 2, true, 101 * S);
    assert_false(probe_place_offline(&p, 101 * S));
    note(&p, 3, true, 102 * S);
    assert_true(probe_place_offline(&p, 102 * S));
    for (int i = 4; i < 7; i++)
        note(&p, i, false, 103 * S);
    assert_false(probe_place_offline(&p, 103 * S));
}

static void
a_reference_that_answers_overrules_the_crowd_and_one_that_fails_is_enough(void **state) {
    (void)state;
    struct probe_place p = {0};
    for (int i = 0; i < 10; i++)
        note(&p, i, true, 100 * S);
    assert_true(probe_place_offline(&p, 100 * S));
    probe_place_reference(&p, true, 101 * S);
    assert_false(probe_place_offline(&p, 101 * S));
    probe_place_reference(&p, false, 102 * S);
    assert_true(probe_place_offline(&p, 102 * S));
    note(&p, 3, false, 103 * S);
    assert_false(probe_place_offline(&p, 103 * S));
}

static void a_route_that_was_there_and_is_gone_is_this_place(void **state) {
    (void)state;
    struct probe_place p = {.no_route = true};
    assert_false(probe_place_offline(&p, S)); /* a machine that never had one: internal targets */
    p.had_route = true;
    assert_true(probe_place_offline(&p, S));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_service_is_believed_dead_within_42_seconds_and_27_on_average),
        cmocka_unit_test(one_lost_answer_is_pending_and_alarms_nobody),
        cmocka_unit_test(starts_keep_their_phase_and_what_was_missed_is_not_made_up_for),
        cmocka_unit_test(while_offline_lost_answers_are_unknown_and_other_faults_count),
        cmocka_unit_test(most_hosts_silent_at_once_is_this_place_one_host_is_that_host),
        cmocka_unit_test(a_reference_that_answers_overrules_the_crowd_and_one_that_fails_is_enough),
        cmocka_unit_test(a_route_that_was_there_and_is_gone_is_this_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
