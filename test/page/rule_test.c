/* The words of the page as a whole, by the states of its components and the open incidents. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "page/inside.h"

#define O STATUS_OPERATIONAL
#define M STATUS_MAINTENANCE
#define D STATUS_DEGRADED
#define P STATUS_PARTIAL
#define X STATUS_MAJOR

static void the_rule_of_the_indicator_holds_for_each_mixture(void **state) {
    static const struct {
        enum status_state states[3];
        size_t n;
        const char *indicator, *description;
    } all[] = {
        {{0}, 0, "none", "All Systems Operational"},
        {{O, O, O}, 3, "none", "All Systems Operational"},
        {{X, X, X}, 3, "critical", "Major System Outage"},
        {{X}, 1, "critical", "Major System Outage"},
        {{X, O, O}, 3, "major", "Partial System Outage"},
        {{X, P, D}, 3, "major", "Partial System Outage"},
        {{P, P, P}, 3, "major", "Partial System Outage"},
        {{P, O, O}, 3, "minor", "Minor Service Outage"},
        {{P, D, M}, 3, "minor", "Minor Service Outage"},
        {{D, D, D}, 3, "minor", "Degraded System Service"},
        {{D, O, M}, 3, "minor", "Partially Degraded Service"},
        {{M, O, O}, 3, "maintenance", "Service Under Maintenance"},
        {{M, M, M}, 3, "maintenance", "Service Under Maintenance"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct status_component c[4] = {{.is_group = true, .state = X}};
        struct status_model m = {.components = c, .n_components = all[i].n + 1};
        struct overall o;
        for (size_t k = 0; k < all[i].n; k++)
            c[k + 1].state = all[i].states[k];
        page_overall(&m, &o);
        assert_string_equal(o.indicator, all[i].indicator);
        assert_string_equal(o.description, all[i].description);
    }
}

/* One component operational by now; an incident that had brought it to `to`. */
static const char *with_incident(enum status_impact impact, enum status_phase phase,
                                 enum status_state to) {
    struct status_component c = {.number = 1};
    struct status_affected affected = {1, O, to};
    struct status_update u = {.affected = &affected, .n_affected = 1};
    struct status_incident i = {.impact = impact, .phase = phase, .updates = &u, .n_updates = 1};
    struct status_model m = {
        .components = &c, .n_components = 1, .incidents = &i, .n_incidents = 1};
    struct overall o;
    page_overall(&m, &o);
    return o.indicator;
}

static void an_impact_above_the_states_lifts_the_page_while_the_incident_is_open(void **state) {
    (void)state;
    assert_string_equal(with_incident(STATUS_IMPACT_CRITICAL, STATUS_INVESTIGATING, O), "critical");
    assert_string_equal(with_incident(STATUS_IMPACT_MAJOR, STATUS_MONITORING, D), "major");
    assert_string_equal(with_incident(STATUS_IMPACT_MAJOR, STATUS_MONITORING, P), "none");
    assert_string_equal(with_incident(STATUS_IMPACT_CRITICAL, STATUS_RESOLVED, O), "none");
    assert_string_equal(with_incident(STATUS_IMPACT_CRITICAL, STATUS_DRAFT, O), "none");
}

static void uptime_is_of_the_days_that_have_data_and_never_rounds_up_to_whole(void **state) {
    struct status_component c = {0};
    AUTO(buf_done) struct buf b;
    (void)state;
    buf_init(&b, 64);
    memset(c.days, 255, sizeof c.days);
    assert_true(isnan(page_uptime(&c)));
    c.days[89] = c.days[88] = P;
    c.down_s[89] = 1;
    assert_true(page_uptime(&c) < 1);
    page_put_percent(&b, page_uptime(&c));
    assert_true(str_is(buf_str(&b), "99.99"));
    c.down_s[88] = UINT32_MAX; /* no day is longer than a day */
    assert_true(page_uptime(&c) >= 0.49 && page_uptime(&c) <= 0.5);
    buf_clear(&b);
    page_put_percent(&b, 1);
    assert_true(str_is(buf_str(&b), "100"));
}

static void times_are_written_as_feeds_and_machines_read_them(void **state) {
    char text[40];
    (void)state;
    page_iso(INT64_C(1764706200007999), text);
    assert_string_equal(text, "2025-12-02T20:10:00.007Z");
    page_iso_seconds(INT64_C(1764706200007999), text);
    assert_string_equal(text, "2025-12-02T20:10:00Z");
    page_http_date(INT64_C(1764706200007999), text);
    assert_string_equal(text, "Tue, 02 Dec 2025 20:10:00 GMT");
    page_iso(INT64_MAX, text);
    page_iso(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void a_gatus_key_has_its_signs_replaced(void **state) {
    char key[160];
    (void)state;
    page_gatus_key(STR("Front, door"), STR("web/a.b#c+d&e_f"), key);
    assert_string_equal(key, "Front--door_web-a-b-c-d-e-f");
    page_gatus_key(STR(""), STR("x"), key);
    assert_string_equal(key, "_x");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_of_the_indicator_holds_for_each_mixture),
        cmocka_unit_test(an_impact_above_the_states_lifts_the_page_while_the_incident_is_open),
        cmocka_unit_test(uptime_is_of_the_days_that_have_data_and_never_rounds_up_to_whole),
        cmocka_unit_test(times_are_written_as_feeds_and_machines_read_them),
        cmocka_unit_test(a_gatus_key_has_its_signs_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
