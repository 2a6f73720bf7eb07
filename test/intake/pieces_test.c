/* The pieces alone: shapes, addresses, words of names, base64, UTF-8 repair. */
#include <stdio.h>
#include <string.h>

#include "intake/decode.h"
#include "intake/names.h"
#include "intake/shapes.h"
#include "intake/url.h"
#include "rig.h"

static void shapes_that_must_be_sealed(void **state) {
    static const char *const sealed[] = {"a@b.co",
                                         "\"alice\"<alice@example.com>",
                                         "o'brien@x.y",
                                         "x=a%40b.co",
                                         "user+tag@host",
                                         "1.2.3.4",
                                         "[1.2.3.4]",
                                         "1.2.3.4:8080",
                                         "host 255.255.255.255.",
                                         "::1",
                                         "fe80::1",
                                         "2001:db8:0:0:0:0:0:1",
                                         "[2001:db8::7]:443",
                                         "4242424242424242",
                                         "4242-4242-4242-4242",
                                         "card 5555 5555 5555 4444 ok",
                                         "378282246310005",
                                         "eyJhbGciOi.eyJzdWIi",
                                         "token=eyJhbGciOiJIUzI1NiJ9.e30.x",
                                         "d41d8cd98f00b204e9800998ecf8427e",
                                         "6fe9b40e-0a4b-4a51-9f0e-5d9e6d1c2b3a",
                                         "AKIAIOSFODNN7EXAMPLE1",
                                         "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
                                         "01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                         "V1StGXR8Z5",
                                         "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy",
                                         "qwrtpsdfghjklzxcvbnm"};
    for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++) {
        if (!intake_shape_sealed(str_z(sealed[i]))) fail_msg("not sealed: %s", sealed[i]);
    }
}

static void words_that_people_write_are_left_to_the_crowd(void **state) {
    static const char *const plain[] = {"",
                                        "pro",
                                        "/pricing",
                                        "Signed up",
                                        "view_item",
                                        "@alice",
                                        "hello @ all",
                                        "100% off",
                                        "v1.2.3",
                                        "1.2.3",
                                        "12:30:45",
                                        "2026-01-31T14:30:00Z",
                                        "2026-01-31",
                                        "Chrome 120",
                                        "how-to-build-a-house-2023",
                                        "iPhone15Pro",
                                        "getElementById",
                                        "TheQuickBrownFoxJumpsOver",
                                        "SM-G973F",
                                        "+49 228 123456",
                                        "12345678",
                                        "1234567890123",
                                        "de-DE",
                                        "Tüst",
                                        "北京",
                                        "summer_sale_2026_week_31",
                                        "utm_source",
                                        "en-US,en;q=0.9",
                                        "a:b:c",
                                        "Internationalization",
                                        "example.com",
                                        "localhost:33363",
                                        "antidisestablishmentarianism",
                                        "Black Friday 50%",
                                        "Windows 11 Home",
                                        "checkout_step_2_of_5",
                                        "2.83.0",
                                        "www.example.co.uk"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (intake_shape_sealed(str_z(plain[i]))) fail_msg("sealed: %s", plain[i]);
    }
}

static void addresses_fall_into_their_pieces(void **state) {
    struct intake_url u;
    assert_true(intake_url_split(STR("https://a.b:8080/c/d?e=f&g#h?i"), &u));
    assert_true(str_is(u.host, "a.b:8080"));
    assert_true(str_is(u.path, "/c/d"));
    assert_true(str_is(u.query, "e=f&g"));
    assert_true(str_is(u.fragment, "h?i"));
    assert_false(u.has_user);
    assert_true(intake_url_split(STR("HTTP://x"), &u));
    assert_true(str_is(u.host, "x"));
    assert_int_equal(u.path.n + u.query.n + u.fragment.n, 0);
    assert_true(intake_url_split(STR("http://u:p@x/"), &u));
    assert_true(u.has_user);
    assert_true(intake_url_split(STR("/a?b"), &u));
    assert_int_equal(u.host.n, 0);
    assert_true(intake_url_split(STR("?b=c"), &u));
    assert_false(intake_url_split(STR("/a/b"), &u));
    assert_false(intake_url_split(STR("http://"), &u));
    assert_false(intake_url_split(STR("http:///x"), &u));
    assert_false(intake_url_split(STR("hello"), &u));
    assert_false(intake_url_split(STR(""), &u));
    assert_false(intake_url_split(STR("?"), &u));
}

static void names_say_whether_they_measure(void **state) {
    static const char *const measures[] = {
        "amount", "order_amount_usd", "sizeBytes", "duration_ms",
        "Total",  "item count",       "$revenue",  "response-time-ms"};
    static const char *const others[] = {"price_id", "phone", "account_number", "discount_code",
                                         "country",  "plan",  "order",          "x",
                                         "",         "id",    "user_total_id",  "counter"};
    static const char *const coordinates[] = {"lat", "pickup_lat", "Longitude", "geoLng"};
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        assert_int_equal(intake_name_words(str_z(measures[i])), NAME_MEASURE);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(intake_name_words(str_z(others[i])), 0);
    for (size_t i = 0; i < sizeof coordinates / sizeof *coordinates; i++)
        assert_int_equal(intake_name_words(str_z(coordinates[i])), NAME_COORDINATE);
}

static void the_trackers_names_are_found_and_others_are_not(void **state) {
    struct intake_names n;
    intake_names_init(&n);
    assert_non_null(intake_name_find(&n, STR("$os")));
    assert_int_equal(intake_name_find(&n, STR("distinct_id"))->special, SPECIAL_DISTINCT_ID);
    assert_int_equal(intake_name_find(&n, STR("time"))->special, SPECIAL_TIME);
    assert_null(intake_name_find(&n, STR("$OS")));
    assert_null(intake_name_find(&n, STR("")));
    assert_null(intake_name_find(&n, STR("$osx")));
    assert_true(intake_value_listed(VALUES_COUNTRY, STR("JP")));
    assert_false(intake_value_listed(VALUES_COUNTRY, STR("J")));
    assert_false(intake_value_listed(VALUES_COUNTRY, STR("AD AE")));
    assert_false(intake_value_listed(VALUES_OS, STR("")));
    assert_false(intake_value_listed(VALUES_NONE, STR("Linux")));
    assert_true(intake_id_refused(STR("N/A")));
    assert_true(intake_id_refused(STR("00000000-0000-0000-0000-000000000000")));
    assert_false(intake_id_refused(STR("00")));
    assert_true(intake_campaign_param(STR("utm_source")));
    assert_true(intake_campaign_param(STR("gclid")));
    assert_false(intake_campaign_param(STR("utm_")));
    assert_false(intake_campaign_param(STR("utm_Alice1")));
    assert_false(intake_campaign_param(STR("token")));
}

static void base64_of_every_length_comes_back(void **state) {
    struct arena *a = arena_new(0);
    unsigned char bytes[67];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37 + 200);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct str out;
        char *b64 = rig_base64(bytes, n);
        assert_int_equal(intake_base64(a, str_z(b64), &out).code, ERR_OK);
        assert_int_equal(out.n, n);
        if (n) assert_memory_equal(out.p, bytes, n);
        free(b64);
    }
    struct str out;
    assert_int_equal(intake_base64(a, STR("ab*d"), &out).code, ERR_INVALID);
    arena_free(a);
}

static void repaired_text_is_utf8_whatever_it_was(void **state) {
    struct arena *a = arena_new(0);
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        static const char pool[] =
            "\xed\xa0\xbc\xbe\x89\xb0\xf0\x9f\x8e\xc3\xbf\\ud83c09x\"\xe2\x82\xac";
        char text[24];
        size_t n = (size_t)(round % 24);
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = pool[(seed >> 16) % (sizeof pool - 1)];
        }
        struct str out = intake_repair_utf8(a, (struct str){text, n});
        assert_int_equal(str_utf8_prefix(out), out.n);
        assert_true(out.n <= 3 * n);
        arena_reset(a);
    }
    struct str pair = intake_repair_utf8(a, STR("\xed\xa0\xbd\xed\xb8\x80"));
    assert_true(str_is(pair, "\xf0\x9f\x98\x80"));
    assert_true(
        str_is(intake_repair_utf8(a, STR("a\\ud83d\\ude00b\\ud83d")), "a\\ud83d\\ude00b\\ufffd"));
    arena_free(a);
}

static void percent_decoding_leaves_what_is_no_escape(void **state) {
    struct arena *a = arena_new(0);
    assert_true(str_is(intake_percent_decode(a, STR("a%20b+c%"), true), "a b c%"));
    assert_true(str_is(intake_percent_decode(a, STR("%4"), true), "%4"));
    assert_true(str_is(intake_percent_decode(a, STR("%zz+"), false), "%zz+"));
    arena_free(a);
}

static void parameters_come_from_the_query_before_the_form(void **state) {
    struct arena *a = arena_new(0);
    struct intake_params p = {0};
    assert_int_equal(intake_params_read(a, STR("verbose=1&ip=0&&=&x&project_id=7"), &p).code,
                     ERR_OK);
    assert_int_equal(intake_params_read(a, STR("verbose=0&data=%5B%5D&strict=true"), &p).code,
                     ERR_OK);
    assert_true(intake_param_on(p.verbose));
    assert_false(intake_param_on(p.ip));
    assert_true(intake_param_on(p.strict));
    assert_true(str_is(p.project_id, "7"));
    assert_true(p.has_data && str_is(p.data, "[]"));
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_that_must_be_sealed),
        cmocka_unit_test(words_that_people_write_are_left_to_the_crowd),
        cmocka_unit_test(addresses_fall_into_their_pieces),
        cmocka_unit_test(names_say_whether_they_measure),
        cmocka_unit_test(the_trackers_names_are_found_and_others_are_not),
        cmocka_unit_test(base64_of_every_length_comes_back),
        cmocka_unit_test(repaired_text_is_utf8_whatever_it_was),
        cmocka_unit_test(percent_decoding_leaves_what_is_no_escape),
        cmocka_unit_test(parameters_come_from_the_query_before_the_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
