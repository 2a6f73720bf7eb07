/* /track and /import: what comes in, what lies in the frame, what goes out. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define EVENT                                                                                      \
    "{\"event\":\"Signed up\",\"properties\":{\"token\":\"" RIG_TOKEN                              \
    "\",\"distinct_id\":\"user-1\",\"plan\":\"pro\",\"n\":3}}"

static void a_plain_event_is_answered_with_the_one_byte_1(void **state) {
    struct rig r;
    rig_open(&r);
    rig_take(&r, EVENT);
    rig_assert_reply(&r, 200, "1");
    assert_string_equal(r.reply.content_type, "text/plain");
    struct frame_event e = rig_event(&r, 0);
    struct id128 person = seal_pseudonym(&r.project.keys, STR("user-1"));
    assert_true(id128_eq(e.person, person));
    assert_true(id128_eq(e.sent_id, person));
    assert_true(id128_is_zero(e.device));
    assert_int_equal(e.time_us, RIG_NOW);
    assert_true(str_is(rig_text(&r, e.name), "Signed up"));
    rig_text_prop(&r, 0, "plan", "pro");
    rig_text_prop(&r, 0, "distinct_id", "user-1");
    rig_number_prop(&r, 0, "n", 3);
    rig_close(&r);
}

static void token_time_ip_and_insert_id_are_not_stored(void **state) {
    struct rig r;
    struct cursor c;
    rig_open(&r);
    rig_take(&r, "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                 "\",\"distinct_id\":\"u\",\"time\":1795300000.25,"
                 "\"ip\":\"198.51.100.1\",\"$ip\":\"198.51.100.1\",\"$insert_id\":\"abc-1\",\"$"
                 "latitude\":48.1,\"$longitude\":11.5,"
                 "\"$user_agent\":\"x\",\"ua\":\"Mozilla/5.0 (X11)\"}}");
    rig_assert_reply(&r, 200, "1");
    struct frame_event e = rig_event(&r, 0);
    assert_int_equal(e.time_us, INT64_C(1795300000250000));
    assert_int_not_equal(e.insert, 0);
    assert_int_equal(e.n_props, 1);
    assert_int_equal(rig_event_prop(&r, 0, "distinct_id", &c), V_TEXT);
    assert_int_equal(rig_find_text(&r, TEXT_VALUE, "198.51.100.1"), FRAME_NO_PATH);
    assert_int_equal(rig_find_text(&r, TEXT_VALUE, RIG_TOKEN), FRAME_NO_PATH);
    rig_close(&r);
}

static void every_form_of_body_gives_the_same_event(void **state) {
    struct rig r;
    char form[4096], gz[4096], all[4096];
    rig_open(&r);
    char *b64 = rig_base64(EVENT, strlen(EVENT));
    const char *bodies[] = {EVENT, "[" EVENT "]", b64, form, all, "  \n" EVENT};
    snprintf(form, sizeof form, "data=%s", b64);
    snprintf(all, sizeof all, "verbose=0&data=%s&ip=1", EVENT);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        rig_take(&r, bodies[i]);
        rig_assert_reply(&r, 200, "1");
        rig_text_prop(&r, 0, "plan", "pro");
        size_t n = rig_gzip(bodies[i], strlen(bodies[i]), gz, sizeof gz);
        rig_send_bytes(&r, gz, n);
        rig_finish(&r);
        rig_assert_reply(&r, 200, "1");
        rig_text_prop(&r, 0, "plan", "pro");
    }
    char query[4096];
    snprintf(query, sizeof query, "ip=0&verbose=0&data=%s", b64);
    rig_query(&r, query);
    rig_take(&r, "");
    rig_assert_reply(&r, 200, "1");
    rig_text_prop(&r, 0, "plan", "pro");
    free(b64);
    rig_close(&r);
}

static void base64_survives_plus_signs_spaces_url_alphabet_and_missing_padding(void **state) {
    struct rig r;
    rig_open(&r);
    static const char text[] =
        "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
        "\",\"distinct_id\":\"u\",\"s\":\"\xc3\xbf?>~\xc3\xbf\xc3\xbf?>>\"}}";
    char *b64 = rig_base64(text, sizeof text - 1);
    assert_non_null(strpbrk(b64, "+/"));
    for (int form = 0; form < 4; form++) {
        char body[1024];
        snprintf(body, sizeof body, "data=%s", b64);
        for (char *c = body + 5; *c; c++) {
            if (form == 1 && *c == '+') *c = ' ';
            if (form >= 2 && *c == '+') *c = '-';
            if (form >= 2 && *c == '/') *c = '_';
            if (form == 3 && *c == '=') *c = 0;
            if (!*c) break;
        }
        rig_take(&r, body);
        rig_assert_reply(&r, 200, "1");
        rig_text_prop(&r, 0, "s", "\xc3\xbf?>~\xc3\xbf\xc3\xbf?>>");
    }
    free(b64);
    rig_close(&r);
}

static void percent_encoded_json_of_a_form_is_read(void **state) {
    struct rig r;
    rig_open(&r);
    rig_take(
        &r, "data=%5B%7B%22event%22%3A%22A+b%22%2C%22properties%22%3A%7B%22token%22%3A%22" RIG_TOKEN
            "%22%2C%22distinct_id%22%3A%22u%22%7D%7D%5D&verbose=1&ip=0");
    rig_assert_reply(&r, 200, "{\"error\":null,\"status\":1}");
    assert_true(str_is(rig_text(&r, rig_event(&r, 0).name), "A b"));
    rig_close(&r);
}

static void surrogate_pairs_are_joined_and_lone_halves_replaced(void **state) {
    struct rig r;
    rig_open(&r);
    static const char body[] = "[{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                               "\",\"distinct_id\":\"u\",\"a\":\"x\xed\xa0\xbc\xed\xbe\x89y\","
                               "\"b\":\"\xed\xa0\xbc!\",\"c\":\"\xff\xfe\",\"d\":\"\\ud83c\",\"e\":"
                               "\"\\ud83c\\udf89\",\"f\":\"q\\\\ud83c\"}}]";
    rig_take(&r, body);
    rig_assert_reply(&r, 200, "1");
    rig_text_prop(&r, 0, "a", "x\xf0\x9f\x8e\x89y");
    rig_text_prop(&r, 0, "b", "\xef\xbf\xbd!");
    rig_text_prop(&r, 0, "c", "\xef\xbf\xbd\xef\xbf\xbd");
    rig_text_prop(&r, 0, "d", "\xef\xbf\xbd");
    rig_text_prop(&r, 0, "e", "\xf0\x9f\x8e\x89");
    rig_text_prop(&r, 0, "f", "q\\ud83c");
    rig_close(&r);
}

static void bad_data_never_gives_a_4xx_on_track(void **state) {
    struct rig r;
    rig_open(&r);
    static const char *const bad[] = {"",
                                      "{",
                                      "[{\"event\":}]",
                                      "data=",
                                      "data=!!!!",
                                      "not json at all",
                                      "\x1f\x8b\x08",
                                      "\"string\"",
                                      "5",
                                      "data=eyJhIjo",
                                      "[1,2,3]",
                                      "[[]]",
                                      "{\"event\":\"E\"}",
                                      "{\"event\":5,\"properties\":{\"token\":\"" RIG_TOKEN "\"}}",
                                      "{\"event\":\"\",\"properties\":{\"token\":\"" RIG_TOKEN
                                      "\"}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_query(&r, "");
        rig_send(&r, bad[i]);
        rig_assert_reply(&r, 200, "0");
        assert_int_equal(r.result.outcome, INTAKE_REFUSED);
        rig_query(&r, "verbose=1");
        rig_send(&r, bad[i]);
        assert_int_equal(r.reply.status, 200);
        rig_assert_contains(&r, "\"status\":0");
        rig_assert_contains(&r, "{\"error\":\"");
    }
    rig_finish(&r);
    assert_int_equal(r.frame.n_records, 0);
    rig_close(&r);
}

static void an_unknown_token_is_counted_and_masked(void **state) {
    struct rig r;
    rig_open(&r);
    rig_query(&r, "verbose=1");
    rig_send(&r, "[{\"event\":\"E\",\"properties\":{\"token\":\"somebody-elses-token\",\"distinct_"
                 "id\":\"u\"}}]");
    rig_assert_reply(&r, 200, "{\"error\":\"the token is unknown\",\"status\":0}");
    assert_int_equal(r.result.unknown_token, 1);
    assert_string_equal(r.result.unknown_token_masked, "some...");
    rig_close(&r);
}

static void one_good_event_makes_a_batch_good(void **state) {
    struct rig r;
    rig_open(&r);
    rig_take(&r, "[{\"event\":5}," EVENT "]");
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(r.result.accepted, 1);
    assert_int_equal(r.result.failed, 1);
    assert_int_equal(r.frame.n_records, 1);
    rig_send(&r, "[]");
    rig_assert_reply(&r, 200, "1");
    rig_close(&r);
}

static void times_are_seconds_milliseconds_or_dates(void **state) {
    static const struct {
        const char *time;
        int64_t us;
    } good[] = {{"1795300000", INT64_C(1795300000000000)},
                {"1795300000.926", INT64_C(1795300000926000)},
                {"1795300000926", INT64_C(1795300000926000)},
                {"\"1795300000\"", INT64_C(1795300000000000)},
                {"\"2026-01-31\"", INT64_C(1769817600000000)},
                {"\"2026-01-31T14:30:00\"", INT64_C(1769869800000000)},
                {"\"2026-01-31T14:30:00.5Z\"", INT64_C(1769869800500000)},
                {"\"2026-01-31T14:30:00+01:00\"", INT64_C(1769866200000000)},
                {"31536000", INT64_C(31536000000000)},
                {"null", RIG_NOW},
                {"\"\"", RIG_NOW},
                {"1795304199", INT64_C(1795304199000000)}};
    static const char *const bad[] = {"31535999",
                                      "0",
                                      "-5",
                                      "1795304201",
                                      "\"tomorrow\"",
                                      "true",
                                      "[]",
                                      "{}",
                                      "1e300",
                                      "9007199254740993000",
                                      "123456789012345678901234567890",
                                      "\"2026-13-01\"",
                                      "\"2026-01-31T25:00\""};
    struct rig r;
    char body[512];
    rig_open(&r);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(body, sizeof body,
                 "{\"event\":\"E\",\"properties\":{\"time\":%s,\"token\":\"" RIG_TOKEN
                 "\",\"distinct_id\":\"u\"}}",
                 good[i].time);
        rig_take(&r, body);
        rig_assert_reply(&r, 200, "1");
        assert_int_equal(rig_event(&r, 0).time_us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(body, sizeof body,
                 "{\"event\":\"E\",\"properties\":{\"time\":%s,\"token\":\"" RIG_TOKEN
                 "\",\"distinct_id\":\"u\"}}",
                 bad[i]);
        rig_send(&r, body);
        rig_assert_reply(&r, 200, "0");
    }
    rig_close(&r);
}

static void identity_follows_the_simplified_merge(void **state) {
    static const struct {
        const char *props, *person, *device, *sent;
    } cases[] = {
        {"\"distinct_id\":\"u1\"", "u1", NULL, "u1"},
        {"\"distinct_id\":\"$device:d1\",\"$device_id\":\"d1\"", "$device:d1", NULL, "$device:d1"},
        {"\"distinct_id\":\"u1\",\"$device_id\":\"d1\",\"$user_id\":\"u1\"", "u1", "$device:d1",
         "u1"},
        {"\"distinct_id\":\"user-1\",\"$device_id\":\"d1\",\"$user_id\":\"alias-1\"", "alias-1",
         "$device:d1", "user-1"},
        {"\"$device_id\":\"d1\"", "$device:d1", NULL, ""},
        {"\"distinct_id\":12345", "12345", NULL, "12345"},
        {"\"distinct_id\":\"u1\",\"$device_id\":\"d1\",\"$user_id\":\"anonymous\"", "$device:d1",
         NULL, "u1"},
        {"\"distinct_id\":\"u1\",\"$device_id\":\"undefined\",\"$user_id\":\"u1\"", "u1", NULL,
         "u1"},
        {"\"distinct_id\":\"undefined\"", "undefined", NULL, "undefined"},
    };
    struct rig r;
    char body[512];
    rig_open(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(body, sizeof body,
                 "{\"event\":\"E\",\"properties\":{%s,\"token\":\"" RIG_TOKEN "\"}}",
                 cases[i].props);
        rig_take(&r, body);
        rig_assert_reply(&r, 200, "1");
        struct frame_event e = rig_event(&r, 0);
        assert_true(id128_eq(e.person, seal_pseudonym(&r.project.keys, str_z(cases[i].person))));
        assert_true(id128_eq(e.sent_id, seal_pseudonym(&r.project.keys, str_z(cases[i].sent))));
        if (cases[i].device)
            assert_true(
                id128_eq(e.device, seal_pseudonym(&r.project.keys, str_z(cases[i].device))));
        else
            assert_true(id128_is_zero(e.device));
    }
    rig_close(&r);
}

static void the_same_insert_id_gives_the_same_fingerprint_and_none_gives_zero(void **state) {
    struct rig r;
    rig_open(&r);
    rig_take(&r,
             "[{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN "\",\"$insert_id\":\"a\"}},"
             "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN "\",\"$insert_id\":\"a\"}},"
             "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN "\",\"$insert_id\":\"b\"}},"
             "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN "\"}}]");
    assert_int_equal(rig_event(&r, 0).insert, rig_event(&r, 1).insert);
    assert_int_not_equal(rig_event(&r, 0).insert, rig_event(&r, 2).insert);
    assert_int_equal(rig_event(&r, 3).insert, 0);
    rig_close(&r);
}

static void ignored_events_are_accepted_and_dropped(void **state) {
    struct rig r;
    rig_open(&r);
    rig_take(&r, "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN "\",\"$ignore\":true}}");
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(r.frame.n_records, 0);
    rig_close(&r);
}

static void nested_objects_become_paths_and_lists_keep_theirs(void **state) {
    struct rig r;
    struct cursor c;
    rig_open(&r);
    rig_take(&r,
             "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
             "\",\"a\":{\"b\":{\"c\":1},\"d.e\":2,\"f\":{}},"
             "\"l\":[1,\"x\",null,[true],{\"k\":\"v\",\"o\":{\"p\":false}}],\"back\\\\slash\":4}}");
    rig_assert_reply(&r, 200, "1");
    rig_number_prop(&r, 0, "a.b.c", 1);
    rig_number_prop(&r, 0, "a.d\\.e", 2);
    rig_number_prop(&r, 0, "back\\\\slash", 4);
    assert_int_equal(rig_event_prop(&r, 0, "a.f", &c), V_EMPTY_OBJECT);
    assert_int_equal(rig_event_prop(&r, 0, "l", &c), V_LIST);
    assert_int_equal(cursor_u32(&c), 5);
    (void)cursor_u32(&c);
    assert_int_equal(cursor_u8(&c), V_NUMBER);
    assert_true(cursor_f64(&c) == 1.0);
    assert_int_equal(cursor_u8(&c), V_TEXT);
    assert_true(str_is(rig_text(&r, cursor_u32(&c)), "x"));
    assert_int_equal(cursor_u8(&c), V_NULL);
    frame_skip_value(&c);
    assert_int_equal(cursor_u8(&c), V_OBJECT);
    assert_int_equal(cursor_u32(&c), 2);
    (void)cursor_u32(&c);
    assert_true(str_is(rig_text(&r, cursor_u32(&c)), "k"));
    rig_close(&r);
}

static void a_name_that_stands_twice_has_its_later_value(void **state) {
    struct rig r;
    rig_open(&r);
    rig_take(&r, "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                 "\",\"a\":1,\"b\":2,\"a\":3,\"c\":{\"d\":1},\"c\":{\"d\":9}}}");
    assert_int_equal(rig_event(&r, 0).n_props, 3);
    rig_number_prop(&r, 0, "a", 3);
    rig_number_prop(&r, 0, "c.d", 9);
    rig_close(&r);
}

static void numbers_beyond_2_to_the_53_keep_their_digits(void **state) {
    struct rig r;
    rig_open(&r);
    rig_take(&r, "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                 "\",\"a\":9007199254740993,\"b\":18446744073709551616,"
                 "\"c\":1234567,\"d\":12345678,\"e\":15551234567.0,\"amount\":123456789,\"lat\":48."
                 "1371,\"price_id\":99999999,\"f\":-12345678,\"g\":1.5}}");
    rig_assert_reply(&r, 200, "1");
    rig_text_prop(&r, 0, "a", "9007199254740993");
    rig_text_prop(&r, 0, "b", "18446744073709551616");
    rig_number_prop(&r, 0, "c", 1234567);
    uint32_t d = rig_text_prop(&r, 0, "d", "12345678");
    assert_int_equal(r.frame.texts[d].type, TEXT_INTEGER);
    rig_text_prop(&r, 0, "e", "15551234567.0");
    rig_number_prop(&r, 0, "amount", 123456789);
    uint32_t lat = rig_text_prop(&r, 0, "lat", "48.1371");
    assert_int_equal(r.frame.texts[lat].type, TEXT_DECIMAL);
    rig_text_prop(&r, 0, "price_id", "99999999");
    rig_text_prop(&r, 0, "f", "-12345678");
    rig_number_prop(&r, 0, "g", 1.5);
    rig_close(&r);
}

static void img_callback_and_redirect_are_answered_in_kind(void **state) {
    struct rig r;
    rig_open(&r);
    rig_query(&r, "img=1");
    rig_send(&r, EVENT);
    assert_string_equal(r.reply.content_type, "image/gif");
    assert_int_equal(r.reply.body.n, 43);
    assert_memory_equal(r.reply.body.p, "GIF89a", 6);
    rig_send(&r, ""); /* the SDK sends no data with img=1 and POST */
    assert_string_equal(r.reply.content_type, "image/gif");
    rig_query(&r, "callback=cb.done");
    rig_send(&r, EVENT);
    rig_assert_reply(&r, 200, "/**/cb.done(1);");
    assert_string_equal(r.reply.content_type, "text/javascript");
    rig_query(&r, "callback=alert(1)//");
    rig_send(&r, EVENT);
    rig_assert_reply(&r, 200, "1");
    rig_query(&r, "redirect=https%3A%2F%2Fexample.com%2Fx");
    rig_send(&r, EVENT);
    assert_int_equal(r.reply.status, 302);
    assert_true(str_is(r.reply.location, "https://example.com/x"));
    rig_query(&r, "redirect=javascript%3Aalert(1)");
    rig_send(&r, EVENT);
    assert_int_equal(r.reply.status, 200);
    rig_query(&r, "redirect=https%3A%2F%2Fexample.com%2F%0d%0aX");
    rig_send(&r, EVENT);
    assert_int_equal(r.reply.status, 200);
    rig_query(&r,
              "redirect=https%3A%2F%2Fexample.com%2Fx"); /* nothing taken: nobody is led anywhere */
    rig_send(&r, "{}");
    assert_int_equal(r.reply.status, 200);
    rig_close(&r);
}

static void an_origin_that_is_not_allowed_may_not_send(void **state) {
    struct rig r;
    rig_open(&r);
    r.project.origins = STR("https://app.example.com\n");
    r.request.origin = STR("https://evil.example");
    rig_query(&r, "verbose=1");
    rig_send(&r, EVENT);
    rig_assert_reply(&r, 200,
                     "{\"error\":\"this origin may not send to the project\",\"status\":0}");
    r.request.origin = STR("https://app.example.com");
    rig_send(&r, EVENT);
    rig_assert_reply(&r, 200, "{\"error\":null,\"status\":1}");
    rig_query(&r, "redirect=https%3A%2F%2Fevil.example%2Fx");
    rig_send(&r, EVENT);
    assert_int_equal(r.reply.status, 200);
    rig_query(&r, "redirect=https%3A%2F%2Fapp.example.com%2Fx%3Fy");
    rig_send(&r, EVENT);
    assert_int_equal(r.reply.status, 302);
    rig_close(&r);
}

static void no_writer_and_a_full_frame_are_answered_503(void **state) {
    struct rig r;
    rig_open(&r);
    r.no_writer = true;
    rig_send(&r, EVENT);
    assert_int_equal(r.result.outcome, INTAKE_LATER);
    assert_int_equal(r.reply.status, 503);
    assert_false(r.result.must_abort);
    rig_close(&r);
}

static void side_endpoints_answer_with_and_without_slash(void **state) {
    static const char *const paths[] = {"/flags",
                                        "/flags/",
                                        "/flags/definitions",
                                        "/flags/definitions/",
                                        "/flags/abc/first-time-events",
                                        "/settings",
                                        "/settings/",
                                        "/decide",
                                        "/decide/",
                                        "/record",
                                        "/record/"};
    struct intake_reply reply;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_true(intake_side_reply(str_z(paths[i]), &reply));
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.content_type, "application/json");
    }
    assert_true(intake_side_reply(STR("/record/"), &reply));
    assert_true(str_is(reply.body, "{\"code\":200,\"status\":\"OK\"}"));
    assert_false(intake_side_reply(STR("/track"), &reply));
    assert_false(intake_side_reply(STR("/flagships"), &reply));
    assert_false(intake_side_reply(STR("/"), &reply));
    assert_false(intake_side_reply(STR(""), &reply));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_event_is_answered_with_the_one_byte_1),
        cmocka_unit_test(token_time_ip_and_insert_id_are_not_stored),
        cmocka_unit_test(every_form_of_body_gives_the_same_event),
        cmocka_unit_test(base64_survives_plus_signs_spaces_url_alphabet_and_missing_padding),
        cmocka_unit_test(percent_encoded_json_of_a_form_is_read),
        cmocka_unit_test(surrogate_pairs_are_joined_and_lone_halves_replaced),
        cmocka_unit_test(bad_data_never_gives_a_4xx_on_track),
        cmocka_unit_test(an_unknown_token_is_counted_and_masked),
        cmocka_unit_test(one_good_event_makes_a_batch_good),
        cmocka_unit_test(times_are_seconds_milliseconds_or_dates),
        cmocka_unit_test(identity_follows_the_simplified_merge),
        cmocka_unit_test(the_same_insert_id_gives_the_same_fingerprint_and_none_gives_zero),
        cmocka_unit_test(ignored_events_are_accepted_and_dropped),
        cmocka_unit_test(nested_objects_become_paths_and_lists_keep_theirs),
        cmocka_unit_test(a_name_that_stands_twice_has_its_later_value),
        cmocka_unit_test(numbers_beyond_2_to_the_53_keep_their_digits),
        cmocka_unit_test(img_callback_and_redirect_are_answered_in_kind),
        cmocka_unit_test(an_origin_that_is_not_allowed_may_not_send),
        cmocka_unit_test(no_writer_and_a_full_frame_are_answered_503),
        cmocka_unit_test(side_endpoints_answer_with_and_without_slash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
