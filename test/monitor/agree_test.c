/* What places say together, and when a window is open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "monitor/inside.h"

#define S US_PER_S

static struct word word(uint32_t place, enum post_up up, int64_t heard) {
    return (struct word){place, heard, {.up = (uint8_t)up}};
}

static void one_place_alone_decides(void **state) {
    (void)state;
    struct word w = word(0, POST_UP, 100 * S);
    assert_int_equal(agree(&w, 1, 0, 90 * S), ALL_UP);
    w.beat.up = POST_PENDING;
    assert_int_equal(agree(&w, 1, 0, 90 * S), FAILING);
    w.beat.up = POST_DOWN;
    assert_int_equal(agree(&w, 1, 0, 90 * S), ALL_DOWN);
    w.beat.up = POST_UNKNOWN;
    assert_int_equal(agree(&w, 1, 0, 90 * S), NOBODY_KNOWS);
    assert_int_equal(agree(&w, 0, 0, 90 * S), NOBODY_KNOWS);
}

static void of_three_two_have_to_say_down(void **state) {
    (void)state;
    struct word w[] = {word(0, POST_DOWN, 100 * S), word(1, POST_UP, 100 * S),
                       word(2, POST_UP, 100 * S)};
    assert_int_equal(agree(w, 3, 0, 90 * S), ALL_UP);
    w[1].beat.up = POST_PENDING;
    assert_int_equal(agree(w, 3, 0, 90 * S), FAILING);
    w[1].beat.up = POST_DOWN;
    assert_int_equal(agree(w, 3, 0, 90 * S), ALL_DOWN);
}

static void a_place_that_cannot_see_or_is_silent_has_no_voice(void **state) {
    (void)state;
    struct word w[] = {word(0, POST_DOWN, 100 * S), word(1, POST_UNKNOWN, 100 * S),
                       word(2, POST_UP, 10 * S)};
    assert_int_equal(agree(w, 3, 0, 90 * S), ALL_DOWN);
    w[0].beat.up = POST_UNKNOWN;
    assert_int_equal(agree(w, 3, 0, 90 * S), NOBODY_KNOWS);
}

static void a_quorum_is_kept_as_far_as_there_are_places(void **state) {
    (void)state;
    struct word w[] = {word(0, POST_DOWN, 100 * S), word(1, POST_DOWN, 100 * S),
                       word(2, POST_UP, 100 * S)};
    assert_int_equal(agree(w, 3, 1, 90 * S), ALL_DOWN);
    assert_int_equal(agree(w, 3, 3, 90 * S), FAILING);
    w[2].beat.up = POST_UNKNOWN;
    assert_int_equal(agree(w, 3, 3, 90 * S), ALL_DOWN);
}

/* ---- windows ---- */

static struct err read_window(const char *text, struct window *out) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1000);
    const struct json *v;
    struct err e = json_parse_copy(p, str_z(text), a, &v);
    return e.code ? e : window_read(v, out);
}

static int64_t at(const char *zone, int month, int day, int hour, int minute) {
    AUTO(zone_free) struct zone *z = NULL;
    assert_int_equal(zone_open(str_z(zone), &z).code, ERR_OK);
    struct civil c = {.year = 2026, .month = month, .day = day, .hour = hour, .minute = minute};
    return zone_instant(z, &c);
}

static void a_window_keeps_its_hour_when_the_clocks_change(void **state) {
    (void)state;
    struct window w;
    const char *berlin = "Europe/Berlin";
    assert_int_equal(
        read_window("{\"zone\":\"Europe/Berlin\",\"from\":\"02:30\",\"to\":\"04:00\"}", &w).code,
        ERR_OK);
    for (int month = 1; month <= 12; month++) {
        assert_false(window_is_open(&w, at(berlin, month, 15, 2, 29)));
        assert_true(window_is_open(&w, at(berlin, month, 15, 2, 30)));
        assert_true(window_is_open(&w, at(berlin, month, 15, 3, 59)));
        assert_false(window_is_open(&w, at(berlin, month, 15, 4, 0)));
    }
    assert_true(window_is_open(&w, at("UTC", 1, 15, 1, 30)));  /* winter: UTC + 1 */
    assert_false(window_is_open(&w, at("UTC", 7, 15, 2, 30))); /* summer: 04:30 there */
    assert_true(window_is_open(&w, at("UTC", 7, 15, 0, 30)));
    window_done(&w);
}

static void a_window_over_midnight_belongs_to_the_day_on_which_it_begins(void **state) {
    (void)state;
    struct window w;
    assert_int_equal(
        read_window("{\"days\":[\"sun\"],\"from\":\"22:30\",\"to\":\"02:00\"}", &w).code, ERR_OK);
    assert_false(window_is_open(&w, at("UTC", 11, 22, 1, 0))); /* Sunday's first hour */
    assert_true(window_is_open(&w, at("UTC", 11, 22, 23, 0)));
    assert_true(window_is_open(&w, at("UTC", 11, 23, 1, 59))); /* Monday */
    assert_false(window_is_open(&w, at("UTC", 11, 23, 2, 0)));
    assert_false(window_is_open(&w, at("UTC", 11, 23, 23, 0)));
    window_done(&w);
}

static void what_is_no_window_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"from\":\"2:00\",\"to\":\"03:00\"}",
        "{\"from\":\"02:60\",\"to\":\"03:00\"}",
        "{\"from\":\"24:01\",\"to\":\"03:00\"}",
        "{\"from\":\"02:00\"}",
        "{\"from\":\"02:00\",\"to\":\"03:00\",\"zone\":\"Mars/Base\"}",
        "{\"from\":\"02:00\",\"to\":\"03:00\",\"days\":[\"someday\"]}",
        "{\"from\":\"02:00\",\"to\":\"03:00\",\"days\":[]}"};
    struct window w;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_window(bad[i], &w).code != ERR_INVALID) fail_msg("%s is taken", bad[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_place_alone_decides),
        cmocka_unit_test(of_three_two_have_to_say_down),
        cmocka_unit_test(a_place_that_cannot_see_or_is_silent_has_no_voice),
        cmocka_unit_test(a_quorum_is_kept_as_far_as_there_are_places),
        cmocka_unit_test(a_window_keeps_its_hour_when_the_clocks_change),
        cmocka_unit_test(a_window_over_midnight_belongs_to_the_day_on_which_it_begins),
        cmocka_unit_test(what_is_no_window_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
