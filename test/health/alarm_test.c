/* What opens, what closes, what is said meanwhile. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

static struct rig warm(enum health_kind kind, double rate) {
    struct rig r;
    rig_begin(&r, kind, rate);
    rig_warm(&r, 5);
    assert_int_equal(r.opened_n, 0);
    r.prealarm_n = 0;
    return r;
}

/* Ticks until an incident opens, at most `most`; all counts times `factor`. */
static int64_t until_opened(struct rig *r, double factor, int64_t most) {
    double rate = r->rate;
    uint32_t before = r->opened_n;
    r->rate = rate * factor;
    int64_t k = 0;
    while (k < most && r->opened_n == before) {
        rig_run(r, 1);
        k++;
    }
    r->rate = rate;
    return r->opened_n > before ? k : -1;
}

static void many_reports_open_an_incident_with_its_evidence(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 2);
    int64_t began = r.now_us, k = until_opened(&r, 10, 60);
    assert_true(k > 0 && k <= 4);
    assert_true(r.news.prealarm);
    const struct health_evidence *e = &r.news.evidence;
    assert_int_equal(e->series, 0);
    assert_true(e->z >= 6 && (double)e->seen > e->expected);
    assert_true(e->onset_us >= began - 60 * US_PER_S && e->onset_us <= began + 20 * US_PER_S);
    const struct health_incident *i = health_incident_of(r.d);
    assert_true(i->open && i->opened_us == floor_div(r.now_us, HEALTH_TICK_US) * HEALTH_TICK_US -
                                               HEALTH_TICK_US);
    assert_memory_equal(&i->first, e, sizeof *e);
    assert_true(health_involved(r.d, 0));
    rig_end(&r);
}

static void a_part_alone_opens_one_and_names_itself(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 2);
    for (int k = 0; k < 60 && r.opened_n == 0; k++) {
        uint32_t a = rig_poisson(&r, 1), b = rig_poisson(&r, .66), c = 3;
        rig_tick(&r, a + b + c, a, b, c);
    }
    assert_int_equal(r.opened_n, 1);
    assert_int_equal(r.news.evidence.series, 3);
    assert_true(health_involved(r.d, 3) && !health_involved(r.d, 1));
    rig_end(&r);
}

static void what_hits_all_is_said_of_all(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 10);
    assert_true(until_opened(&r, 5, 60) > 0);
    r.rate = 50;
    rig_run(&r, 100);
    assert_int_equal(health_incident_of(r.d)->first.series, 0);
    assert_true(health_involved(r.d, 0));
    rig_end(&r);
}

static void two_identities_never_open_one(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 0.0005);
    for (int k = 0; k < 720; k++) {
        bool report = k == 10 || k == 11;
        rig_tick(&r, report, report, 0, 0);
        uint8_t window;
        assert_true(health_score(r.d, 0, &window) == 0);
    }
    assert_int_equal(r.prealarm_n, 0);
    for (int k = 0; k < 5; k++)
        rig_tick(&r, 1, 1, 0, 0);
    assert_int_equal(r.opened_n, 1);
    rig_end(&r);
}

static void silence_says_nothing(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 0);
    for (int k = 0; k < 5 * TICKS_PER_WEEK; k++)
        rig_tick(&r, 0, 0, 0, 0);
    assert_int_equal(r.prealarm_n, 0);
    rig_tick(&r, 1, 1, 0, 0);
    assert_int_equal(r.prealarm_n, 0);
    rig_end(&r);
}

static void a_flood_is_counted_and_closed_again(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 5);
    rig_tick(&r, 1000000, 1000000, 0, 0);
    assert_true(r.news.opened && isfinite(r.news.evidence.z));
    for (int k = 0; k < 20; k++)
        rig_tick(&r, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
    assert_int_equal(health_window(r.d, 0, 0).seen, HEALTH_COUNT_MAX);
    rig_run(&r, 2000);
    assert_int_equal(r.opened_n, 1);
    assert_int_equal(r.closed_n, 1);
    assert_true(health_incident_of(r.d)->peak_ratio > 1e6);
    rig_end(&r);
}

static void it_closes_where_the_calm_began(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 5);
    assert_true(until_opened(&r, 6, 60) > 0);
    r.rate = 30;
    rig_run(&r, 300);
    assert_int_equal(r.closed_n, 0);
    r.rate = 5;
    int64_t ended = r.now_us;
    int64_t k = 0;
    while (r.closed_n == 0 && k < 400) {
        rig_run(&r, 1);
        k++;
    }
    assert_true(k >= 90 && k <= 185); /* 15 minutes of calm, after at most 15 in the windows */
    const struct health_incident *i = health_incident_of(r.d);
    assert_false(i->open);
    assert_true(i->ended_us >= ended && i->ended_us <= ended + 960 * US_PER_S);
    assert_int_equal(r.now_us - HEALTH_TICK_US - i->ended_us, 890 * US_PER_S); /* 90 ticks */
    assert_true(i->peak_z > 15 && i->peak_ratio > 5 && i->peak_ratio < 7);
    rig_run(&r, 8640); /* and stays closed */
    assert_int_equal(r.opened_n, 1);
    rig_end(&r);
}

static void a_second_outage_is_a_second_incident(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 5);
    assert_true(until_opened(&r, 6, 60) > 0);
    rig_run(&r, 400);
    assert_int_equal(r.closed_n, 1);
    assert_true(until_opened(&r, 6, 60) > 0);
    rig_run(&r, 400);
    assert_int_equal(r.closed_n, 2);
    rig_end(&r);
}

static void learning_is_frozen_until_two_hours_after_the_end(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 5);
    rig_run(&r, 45);
    static double b[SLOTS];
    memcpy(b, r.d->baseline.b, sizeof b);
    assert_true(until_opened(&r, 6, 60) > 0);
    int64_t opened = r.d->tick;
    /* half an hour before the onset is taken back: two or three slots stand as they stood before */
    uint32_t taken_back = 0;
    for (size_t s = 0; s < SLOTS; s++)
        taken_back += r.d->baseline.b[s] < b[s] || r.d->baseline.b[s] > b[s];
    assert_true(taken_back >= 1 && taken_back <= 3);
    memcpy(b, r.d->baseline.b, sizeof b);
    r.rate = 30;
    rig_run(&r, 360);
    r.rate = 5;
    rig_run(&r, 250);
    assert_int_equal(r.closed_n, 1);
    int64_t thaw = floor_div(health_incident_of(r.d)->ended_us, HEALTH_TICK_US) + 720;
    while (r.d->tick < thaw - 1)
        rig_run(&r, 1);
    assert_memory_equal(b, r.d->baseline.b, sizeof b);
    rig_run(&r, 182);
    assert_memory_not_equal(b, r.d->baseline.b, sizeof b);
    assert_true(thaw > opened);
    rig_end(&r);
}

static void a_drop_of_events_opens_one_and_a_surge_does_not(void **state) {
    struct rig r = warm(HEALTH_EVENTS, 100);
    assert_int_equal(until_opened(&r, 5, 100), -1);
    rig_run(&r, 720);
    int64_t k = until_opened(&r, 0.1, 20);
    assert_true(k > 0 && k <= 3);
    assert_true(r.news.evidence.z >= 7 && (double)r.news.evidence.seen < r.news.evidence.expected);
    r.rate = 10;
    rig_run(&r, 60);
    r.rate = 100;
    rig_run(&r, 400);
    assert_int_equal(r.closed_n, 1);
    assert_true(health_incident_of(r.d)->peak_ratio > 5);
    rig_end(&r);
}

static void a_complete_stop_is_a_drop(void **state) {
    struct rig r = warm(HEALTH_EVENTS, 3);
    int k = 0;
    for (; k < 100 && r.opened_n == 0; k++)
        rig_tick(&r, 0, 0, 0, 0);
    assert_true(k < 30);
    rig_end(&r);
}

static void a_share_of_errors_opens_one(void **state) {
    struct rig r = warm(HEALTH_ERRORS, 2);
    int k = 0;
    for (; k < 60 && r.opened_n == 0; k++) {
        uint32_t a = rig_poisson(&r, 5), b = rig_poisson(&r, 3), c = rig_poisson(&r, 2);
        rig_tick(&r, a + b + c, a, b, c);
    }
    assert_true(k < 20);
    assert_int_equal(r.news.evidence.series, 0);
    rig_end(&r);
}

static void harsh_components_have_a_higher_threshold(void **state) {
    struct health_setup setup = {HEALTH_REPORTS, 2, true};
    AUTO(health_detector_free) struct health_detector *d = health_detector_new(&setup);
    assert_true(health_alarm_at(d, 0) == 7.25 && health_alarm_at(d, 2) == 7.5);
    assert_true(health_setup_of(d).harsh);
}

static void a_held_detector_still_sees(void **state) {
    struct rig r = warm(HEALTH_REPORTS, 5);
    health_hold(r.d, r.now_us);
    assert_true(until_opened(&r, 6, 60) > 0);
    health_release(r.d, r.now_us);
    health_release(r.d, r.now_us); /* twice is once */
    rig_end(&r);
}

static void two_sources_agree_within_ten_minutes(void **state) {
    static struct health_fusion f;
    health_fusion_init(&f);
    int64_t t = MONDAY_US, ten = HEALTH_FUSION_US;
    assert_false(health_fusion_note(&f, 0, 0, t));
    assert_false(health_fusion_note(&f, 0, 0, t + HEALTH_TICK_US)); /* itself is no second */
    assert_false(health_fusion_note(&f, 1, 0, t + 2 * HEALTH_TICK_US + ten));
    assert_true(health_fusion_note(&f, 0, 0, t + 2 * HEALTH_TICK_US + 2 * ten));
    assert_true(health_fusion_note(&f, 7, 0, t + HEALTH_TICK_US + 2 * ten)); /* a step back */
    assert_false(health_fusion_note(&f, 3, 0, INT64_MIN));
    assert_false(health_fusion_note(&f, 4, 0, INT64_MAX));
}

static void sources_agree_on_a_place(void **state) {
    static struct health_fusion f;
    int64_t t = MONDAY_US;
    health_fusion_init(&f);
    assert_false(health_fusion_note(&f, 0, 3, t));
    assert_false(health_fusion_note(&f, 1, 4, t));
    assert_false(health_fusion_note(&f, 1, 0, t));
    assert_true(health_fusion_note(&f, 1, 3, t));
    health_fusion_init(&f);
    assert_false(health_fusion_note(&f, 0, 3, t));
    assert_true(health_fusion_note(&f, 2, HEALTH_ANY_PLACE, t)); /* a probe */
    assert_true(health_fusion_note(&f, 1, HEALTH_SUBS_MAX, t));
    assert_true(health_fusion_note(&f, 3, HEALTH_ANY_PLACE, t));
}

static void two_detectors_agree_below_the_alarm(void **state) {
    static struct health_fusion f;
    struct rig a = warm(HEALTH_REPORTS, 5), b = warm(HEALTH_REPORTS, 5);
    health_fusion_init(&f);
    bool agreed = false;
    a.rate = b.rate = 6.2;
    for (int k = 0; k < 400 && !agreed; k++) {
        rig_run(&a, 1);
        rig_run(&b, 1);
        bool first = health_fusion_take(&f, 0, a.d, a.now_us);
        agreed = health_fusion_take(&f, 1, b.d, b.now_us) || first;
    }
    assert_true(agreed && a.opened_n + b.opened_n == 0);
    rig_end(&a);
    rig_end(&b);
}

static void severity_is_the_worse_of_ratio_and_people(void **state) {
    assert_int_equal(health_severity(2, 0.01), HEALTH_MINOR);
    assert_int_equal(health_severity(5, 0), HEALTH_MAJOR);
    assert_int_equal(health_severity(2, 0.05), HEALTH_MAJOR);
    assert_int_equal(health_severity(30, 0), HEALTH_CRITICAL);
    assert_int_equal(health_severity(1, 0.25), HEALTH_CRITICAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_reports_open_an_incident_with_its_evidence),
        cmocka_unit_test(a_part_alone_opens_one_and_names_itself),
        cmocka_unit_test(what_hits_all_is_said_of_all),
        cmocka_unit_test(two_identities_never_open_one),
        cmocka_unit_test(silence_says_nothing),
        cmocka_unit_test(a_flood_is_counted_and_closed_again),
        cmocka_unit_test(it_closes_where_the_calm_began),
        cmocka_unit_test(a_second_outage_is_a_second_incident),
        cmocka_unit_test(learning_is_frozen_until_two_hours_after_the_end),
        cmocka_unit_test(a_drop_of_events_opens_one_and_a_surge_does_not),
        cmocka_unit_test(a_complete_stop_is_a_drop),
        cmocka_unit_test(a_share_of_errors_opens_one),
        cmocka_unit_test(harsh_components_have_a_higher_threshold),
        cmocka_unit_test(a_held_detector_still_sees),
        cmocka_unit_test(two_sources_agree_within_ten_minutes),
        cmocka_unit_test(sources_agree_on_a_place),
        cmocka_unit_test(two_detectors_agree_below_the_alarm),
        cmocka_unit_test(severity_is_the_worse_of_ratio_and_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
