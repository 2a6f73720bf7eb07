/* Which reports count: the rules of the intake, and the gate before the page says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "status/reports.h"

#define T0 (INT64_C(1764700200) * US_PER_S) /* on a border of ten minutes */
#define MIN (60 * US_PER_S)

static struct report of(uint64_t who, uint64_t prefix, int64_t at_us) {
    return (struct report){.identity = who,
                           .prefix = prefix,
                           .component = 1,
                           .country = 'D' << 8 | 'E',
                           .at_us = at_us};
}

static enum reports_verdict take(struct reports *r, struct report p) {
    bool verified;
    return reports_take(r, &p, &verified);
}

static void an_identity_counts_once_an_hour_and_component(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    struct report p = of(1, 10, T0);
    assert_int_equal(take(r, p), REPORTS_COUNTED);
    p.at_us = T0 + 59 * MIN;
    assert_int_equal(take(r, p), REPORTS_REPEATED);
    p.component = 2;
    assert_int_equal(take(r, p), REPORTS_COUNTED);
    p.component = 1;
    p.at_us = T0 + 60 * MIN;
    assert_int_equal(take(r, p), REPORTS_COUNTED);
}

static void a_prefix_counts_three_a_minute_and_twenty_an_hour(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    int counted = 0;
    for (uint64_t i = 0; i < 100; i++)
        counted += take(r, of(100 + i, 10, T0)) == REPORTS_COUNTED;
    assert_int_equal(counted, 3);
    for (uint64_t i = 0; i < 600; i++)
        counted += take(r, of(1000 + i, 10, T0 + (int64_t)i * 6 * US_PER_S)) == REPORTS_COUNTED;
    assert_int_equal(counted, 20);
    assert_int_equal(take(r, of(5, 11, T0)), REPORTS_COUNTED); /* its neighbour is free */
    assert_int_equal(take(r, of(5000, 10, T0 + 61 * MIN)), REPORTS_COUNTED);
}

static void a_shared_network_has_four_times_the_cap(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    int counted = 0;
    for (uint64_t i = 0; i < 100; i++) {
        struct report p = of(100 + i, 10, T0);
        p.shared = true;
        counted += take(r, p) == REPORTS_COUNTED;
    }
    assert_int_equal(counted, 12);
}

static void one_network_is_at_most_a_third_of_the_anonymous(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    int own = 0, others = 0;
    for (uint64_t i = 0; i < 400; i++) {
        struct report p = of(i, 1000 + i, T0 + (int64_t)i * US_PER_S);
        p.network = i % 2 ? 64500 : (uint32_t)(1 + i);
        bool counted = take(r, p) == REPORTS_COUNTED;
        own += i % 2 && counted;
        others += i % 2 == 0 && counted;
    }
    assert_int_equal(others, 200);
    assert_true(own >= 70 && own * 100 <= (own + others) * 30 + 100);
}

static void a_flood_of_one_network_from_ten_thousand_addresses_counts_three(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    int counted = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        struct report p = of(i, 1000 + i, T0 + (int64_t)(i % 590) * US_PER_S);
        p.network = 64500;
        counted += take(r, p) == REPORTS_COUNTED;
    }
    assert_int_equal(counted, 3);
}

static void who_is_signed_in_does_not_fall_under_the_share_of_the_network(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    for (uint64_t i = 0; i < 20; i++) {
        struct report p = of(i, 1000 + i, T0);
        p.network = 64500;
        p.signed_in = true;
        assert_int_equal(take(r, p), REPORTS_COUNTED);
    }
}

static void own_errors_of_the_last_quarter_hour_verify(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    bool verified = true;
    struct report p = of(7, 10, T0 + 14 * MIN);
    reports_error(r, 7, 1, T0);
    reports_error(r, 8, 2, T0); /* another's, of another component */
    reports_take(r, &p, &verified);
    assert_true(verified);
    p = of(8, 11, T0 + MIN);
    reports_take(r, &p, &verified);
    assert_false(verified);
    p = of(7, 10, T0 + 15 * MIN);
    reports_take(r, &p, &verified);
    assert_false(verified);
}

/* The same reports in the same order are judged the same after a restart in the middle. */
static void verdicts_do_not_change_by_a_restart(void **state) {
    AUTO(reports_free) struct reports *one = reports_new();
    AUTO(reports_free) struct reports *two = reports_new();
    for (uint64_t i = 0; i < 5000; i++) {
        struct report p = of(i * 7919 % 3000, i % 400 + 1, T0 + (int64_t)i * US_PER_S);
        p.network = (uint32_t)(i % 9);
        bool a = false, b = false;
        if (i % 5 == 0) reports_error(one, p.identity, 1, p.at_us);
        if (i % 5 == 0) reports_error(two, p.identity, 1, p.at_us);
        assert_int_equal(reports_take(one, &p, &a), reports_take(two, &p, &b));
        assert_int_equal(a, b);
        if (i % 1000 != 999) continue;
        AUTO(buf_done) struct buf bytes;
        buf_init(&bytes, 16u << 20);
        reports_save(two, p.at_us, &bytes);
        reports_free(two);
        two = reports_new();
        struct cursor c = {(const uint8_t *)bytes.p, bytes.n, false};
        assert_true(reports_restore(two, &c));
        assert_int_equal(c.n, 0);
    }
}

static void cut_state_is_refused_at_every_length(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    AUTO(buf_done) struct buf bytes;
    buf_init(&bytes, 1u << 20);
    for (uint64_t i = 0; i < 20; i++)
        take(r, of(i, i + 1, T0));
    reports_save(r, T0, &bytes);
    for (size_t n = 0; n < bytes.n; n++) {
        AUTO(reports_free) struct reports *back = reports_new();
        struct cursor c = {(const uint8_t *)bytes.p, n, false};
        assert_false(reports_restore(back, &c));
    }
}

static void nobody_is_kept_on_disk_beyond_the_hour(void **state) {
    AUTO(reports_free) struct reports *r = reports_new();
    AUTO(buf_done) struct buf bytes;
    struct gate g = {0};
    buf_init(&bytes, 1u << 20);
    for (uint64_t i = 0; i < 20; i++) {
        struct report p = of(i, i + 1, T0);
        take(r, p);
        gate_put(&g, &p, false);
    }
    reports_save(r, T0 + 61 * MIN, &bytes);
    assert_int_equal(bytes.n, 4 * 8); /* four empty tables */
    gate_forget(&g, T0 + 1);
    for (size_t i = 0; i < GATE_N; i++)
        assert_true(g.last[i].identity == 0 && g.last[i].prefix == 0);
}

static void the_gate_wants_prefixes_and_networks(void **state) {
    struct gate g = {0};
    for (uint64_t i = 0; i < 8; i++) {
        struct report p = of(i, 100 + i, T0);
        p.network = (uint32_t)(1 + i % 2);
        gate_put(&g, &p, false);
    }
    assert_false(gate_look(&g, T0).passed); /* eight prefixes of two networks */
    struct report p = of(50, 100, T0);
    p.network = 3;
    gate_put(&g, &p, false);
    assert_true(gate_look(&g, T0).passed);
    assert_false(gate_look(&g, T0 + 1).passed); /* none since */
}

static void without_networks_it_wants_twelve_prefixes(void **state) {
    struct gate g = {0};
    for (uint64_t i = 0; i < 12; i++) {
        assert_false(gate_look(&g, T0).passed);
        struct report p = of(i, 100 + i, T0);
        gate_put(&g, &p, false);
    }
    assert_true(gate_look(&g, T0).passed);
}

static void three_signed_in_people_with_errors_of_their_own_open_it(void **state) {
    struct gate g = {0};
    for (uint64_t i = 0; i < 6; i++) {
        struct report p = of(i / 2, 100, T0); /* each twice, all of one prefix */
        p.signed_in = true;
        assert_false(gate_look(&g, T0).passed && i < 5);
        gate_put(&g, &p, true);
    }
    assert_true(gate_look(&g, T0).passed);
    assert_int_equal(gate_look(&g, T0).signed_in_verified, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_counts_once_an_hour_and_component),
        cmocka_unit_test(a_prefix_counts_three_a_minute_and_twenty_an_hour),
        cmocka_unit_test(a_shared_network_has_four_times_the_cap),
        cmocka_unit_test(one_network_is_at_most_a_third_of_the_anonymous),
        cmocka_unit_test(a_flood_of_one_network_from_ten_thousand_addresses_counts_three),
        cmocka_unit_test(who_is_signed_in_does_not_fall_under_the_share_of_the_network),
        cmocka_unit_test(own_errors_of_the_last_quarter_hour_verify),
        cmocka_unit_test(verdicts_do_not_change_by_a_restart),
        cmocka_unit_test(cut_state_is_refused_at_every_length),
        cmocka_unit_test(nobody_is_kept_on_disk_beyond_the_hour),
        cmocka_unit_test(the_gate_wants_prefixes_and_networks),
        cmocka_unit_test(without_networks_it_wants_twelve_prefixes),
        cmocka_unit_test(three_signed_in_people_with_errors_of_their_own_open_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
