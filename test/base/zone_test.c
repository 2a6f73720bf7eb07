#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/base.h"

static struct zone *open_zone(const char *name) {
    struct zone *z = NULL;
    assert_int_equal(zone_open(str_z(name), &z).code, ERR_OK);
    return z;
}

/* The C library is the reference: every few hours from 1970 to 2099 must read the same. */
static void civil_time_agrees_with_libc_in(const char *name, int64_t step_s) {
    AUTO(zone_free) struct zone *z = open_zone(name);
    setenv("TZ", name, 1);
    tzset();
    for (int64_t t = 0; t < INT64_C(4100000000); t += step_s) {
        time_t tt = (time_t)t;
        struct tm tm;
        localtime_r(&tt, &tm);
        struct civil c;
        zone_civil(z, t * US_PER_S + 999999, &c);
        if (c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 || c.day != tm.tm_mday ||
            c.hour != tm.tm_hour || c.minute != tm.tm_min || c.second != tm.tm_sec ||
            c.offset_s != tm.tm_gmtoff || c.weekday != (tm.tm_wday + 6) % 7)
            fail_msg("%s differs at %lld", name, (long long)t);
    }
}

static void civil_time_is_what_libc_says(void **state) {
    static const char *const names[] = {"UTC",
                                        "Europe/Berlin",
                                        "America/New_York",
                                        "Australia/Lord_Howe",
                                        "Asia/Kolkata",
                                        "America/Sao_Paulo",
                                        "Africa/Casablanca",
                                        "Europe/Dublin",
                                        "Pacific/Apia",
                                        "Asia/Tehran",
                                        "America/Godthab",
                                        "Antarctica/Troll",
                                        "Pacific/Chatham",
                                        "Asia/Gaza"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        civil_time_agrees_with_libc_in(names[i], 5003);
}

static void an_instant_reads_back_as_itself(void **state) {
    AUTO(zone_free) struct zone *z = open_zone("Europe/Berlin");
    int64_t doubled = 0;
    for (int64_t t = 0; t < INT64_C(4100000000); t += 1801) {
        struct civil c, again;
        zone_civil(z, t * US_PER_S, &c);
        int64_t back = zone_instant(z, &c);
        zone_civil(z, back, &again);
        assert_int_equal(again.hour, c.hour);
        assert_int_equal(again.day, c.day);
        if (back != t * US_PER_S) {
            assert_int_equal(back, (t - 3600) * US_PER_S); /* the earlier of a doubled hour */
            doubled++;
        }
    }
    assert_true(doubled > 100);
}

static int64_t instant(const char *zone, int y, int mo, int d, int h, int mi) {
    AUTO(zone_free) struct zone *z = open_zone(zone);
    struct civil c = {.year = y, .month = mo, .day = d, .hour = h, .minute = mi};
    return zone_instant(z, &c) / US_PER_S;
}

static void a_skipped_time_gives_the_instant_after_the_gap(void **state) {
    assert_int_equal(instant("Europe/Berlin", 2026, 3, 29, 2, 30), 1774746000); /* 01:00 UTC */
    assert_int_equal(instant("Europe/Berlin", 2026, 10, 25, 2, 30),
                     1792888200); /* 00:30 UTC, not 01:30 */
    assert_int_equal(instant("Pacific/Apia", 2011, 12, 30, 12, 0),
                     1325239200); /* a day that Samoa left out */
}

static void fields_out_of_range_are_carried(void **state) {
    assert_int_equal(instant("UTC", 2025, 13, 1, 0, 0), instant("UTC", 2026, 1, 1, 0, 0));
    assert_int_equal(instant("UTC", 2026, 0, 31, 0, 0), instant("UTC", 2025, 12, 31, 0, 0));
    assert_int_equal(instant("UTC", 2026, 3, 0, 0, 0), instant("UTC", 2026, 2, 28, 0, 0));
    assert_int_equal(instant("UTC", 2024, 3, 0, 24, 61), instant("UTC", 2024, 3, 1, 1, 1));
    assert_int_equal(instant("UTC", 1969, 12, 31, 23, 59), -60);
}

static void names_that_leave_the_folder_are_refused(void **state) {
    static const char *const bad[] = {
        "",       "/etc/passwd", "../../../etc/passwd", "Europe/../../x", "Nowhere/At_all",
        "Europe", "UTC\n",       "Europe/Berlin ",      "tzdata.zi"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct zone *z = NULL;
        assert_int_equal(zone_open(str_z(bad[i]), &z).code, ERR_INVALID);
        assert_null(z);
    }
    struct zone *z = NULL;
    assert_int_equal(zone_open((struct str){"UTC\0x", 5}, &z).code, ERR_INVALID);
}

static void times_print_with_their_offset(void **state) {
    char text[32];
    AUTO(zone_free) struct zone *berlin = open_zone("Europe/Berlin");
    zone_format(berlin, INT64_C(1769866200) * US_PER_S, text);
    assert_string_equal(text, "2026-01-31T14:30:00+01:00");
    AUTO(zone_free) struct zone *john = open_zone("America/St_Johns");
    zone_format(john, INT64_C(1769866200) * US_PER_S, text);
    assert_string_equal(text, "2026-01-31T10:00:00-03:30");
    zone_format(john, INT64_MAX, text); /* cut, but no overflow */
    zone_format(john, INT64_MIN, text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_time_is_what_libc_says),
        cmocka_unit_test(an_instant_reads_back_as_itself),
        cmocka_unit_test(a_skipped_time_gives_the_instant_after_the_gap),
        cmocka_unit_test(fields_out_of_range_are_carried),
        cmocka_unit_test(names_that_leave_the_folder_are_refused),
        cmocka_unit_test(times_print_with_their_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
