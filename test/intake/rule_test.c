/* The crowd rule, at intake: who counts, what becomes readable when, what never does. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

/* One event of `who` with one property (JSON text); the frame stays open. */
static void send_as(struct rig *r, const char *who, const char *property) {
    char body[4096];
    snprintf(body, sizeof body,
             "{\"event\":\"Seen\",\"properties\":{\"token\":\"" RIG_TOKEN
             "\",\"distinct_id\":\"%s\",%s}}",
             who, property);
    rig_send(r, body);
    rig_assert_reply(r, 200, "1");
}

/* n people send the property, each in a frame of its own. */
static void crowd_sends(struct rig *r, unsigned n, const char *property) {
    for (unsigned i = 0; i < n; i++) {
        char who[32];
        snprintf(who, sizeof who, "person-%u", i);
        send_as(r, who, property);
        rig_finish(r);
    }
}

static enum frame_text_state state_of(struct rig *r, unsigned record, const char *name) {
    struct cursor c;
    assert_int_equal(rig_event_prop(r, record, name, &c), V_TEXT);
    return rig_state(r, cursor_u32(&c));
}

static void the_tenth_person_makes_a_text_readable_and_the_eleventh_finds_it_known(void **state) {
    struct rig r;
    rig_open(&r);
    crowd_sends(&r, 9, "\"plan\":\"pro\"");
    assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_SEALED);
    assert_false(rig_frame_holds(&r, "plan"));
    assert_false(rig_frame_holds(&r, "Seen"));
    crowd_sends(&r, 9, "\"plan\":\"pro\""); /* the same nine again */
    assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_SEALED);
    send_as(&r, "the-tenth", "\"plan\":\"pro\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_READABLE);
    assert_true(rig_frame_holds(&r, "pro"));
    for (int i = 0; i < 2; i++) {
        send_as(&r, "another", "\"plan\":\"pro\"");
        rig_finish(&r);
        assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_KNOWN);
        assert_false(rig_frame_holds(&r, "pro"));
    }
    rig_close(&r);
}

static void a_crowd_within_one_batch_makes_its_text_readable_in_that_frame(void **state) {
    struct rig r;
    rig_open(&r);
    for (unsigned i = 0; i < 12; i++) {
        char who[32];
        snprintf(who, sizeof who, "person-%u", i);
        send_as(&r, who, "\"plan\":\"pro\"");
    }
    rig_finish(&r);
    assert_int_equal(state_of(&r, 8, "plan"), FRAME_TEXT_SEALED);
    assert_int_equal(state_of(&r, 9, "plan"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 11, "plan"), FRAME_TEXT_READABLE);
    send_as(&r, "x", "\"plan\":\"pro\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_KNOWN);
    rig_close(&r);
}

static void a_group_that_was_given_up_carries_the_label_again(void **state) {
    struct rig r;
    rig_open(&r);
    crowd_sends(&r, 9, "\"plan\":\"pro\"");
    send_as(&r, "the-tenth", "\"plan\":\"pro\"");
    crowd_abort(r.crowd); /* the frame never became durable */
    frame_begin(r.writer, 7, &r.reg.team, RIG_NOW);
    send_as(&r, "the-tenth", "\"plan\":\"pro\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_READABLE);
    rig_close(&r);
}

static void one_person_with_ten_devices_is_one(void **state) {
    struct rig r;
    rig_open(&r);
    for (unsigned i = 0; i < 30; i++) {
        char who[64], property[128];
        snprintf(who, sizeof who, "$device:d-%u", i);
        snprintf(
            property, sizeof property,
            "\"$device_id\":\"d-%u\",\"$os\":\"Linux\",\"$browser\":\"Chrome\",\"plan\":\"pro\"",
            i);
        send_as(&r, who, property);
    }
    rig_finish(&r);
    assert_int_equal(state_of(&r, 29, "plan"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void anonymous_devices_of_ten_networks_are_a_crowd(void **state) {
    struct rig r;
    uint8_t peer[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 1};
    rig_open(&r);
    r.request.peer = peer;
    for (unsigned i = 0; i < 10; i++) {
        peer[15] = (uint8_t)i; /* within the /24: the same person */
        send_as(&r, "$device:d", "\"$device_id\":\"d\",\"plan\":\"pro\"");
    }
    rig_finish(&r);
    assert_int_equal(state_of(&r, 9, "plan"), FRAME_TEXT_SEALED);
    for (unsigned i = 0; i < 10; i++) {
        peer[14] = (uint8_t)i;
        send_as(&r, "$device:d", "\"$device_id\":\"d\",\"plan\":\"pro\"");
    }
    rig_finish(&r);
    assert_int_equal(state_of(&r, 9, "plan"), FRAME_TEXT_READABLE);
    rig_close(&r);
}

static void refused_and_missing_ids_count_as_nobody(void **state) {
    static const char *const nobody[] = {"anonymous", "undefined", "0",       "-1",  "NULL",
                                         "none",      "nil",       "unknown", "n/a", "na",
                                         "<nil>",     "[]",        ""};
    struct rig r;
    rig_open(&r);
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        send_as(&r, nobody[i], "\"plan\":\"pro\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, sizeof nobody / sizeof *nobody - 1, "plan"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void identity_properties_are_sealed_however_many_send_them(void **state) {
    static const char *const names[] = {
        "$user_id",       "$device_id", "alias",       "$anon_distinct_id",
        "$identified_id", "$name",      "$first_name", "$last_name",
        "$email",         "$phone",     "$avatar",     "nested.$email"};
    struct rig r;
    rig_open(&r);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char property[128];
        bool nested = strchr(names[i], '.') != NULL;
        snprintf(property, sizeof property,
                 nested ? "\"nested\":{\"$email\":\"pro\"}" : "\"%s\":\"pro\"", names[i]);
        crowd_sends(&r, 12, property);
        assert_int_equal(state_of(&r, 0, names[i]), FRAME_TEXT_SEALED);
        assert_int_equal(state_of(&r, 0, "distinct_id"), FRAME_TEXT_SEALED);
    }
    crowd_sends(&r, 12, "\"$phone\":123,\"$user_id\":77");
    assert_int_equal(state_of(&r, 0, "$phone"), FRAME_TEXT_SEALED);
    assert_int_equal(state_of(&r, 0, "$user_id"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void shapes_are_sealed_in_any_property(void **state) {
    static const char *const values[] = {"alice@example.com",
                                         "mail alice@x now",
                                         "203.0.113.9",
                                         "at 203.0.113.9:80",
                                         "2001:db8::1",
                                         "4111 1111 1111 1111",
                                         "4111111111111111",
                                         "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
                                         "8f14e45fceea167a5a36dedd4bea2543",
                                         "6fe9b40e-0a4b-4a51-9f0e-5d9e6d1c2b3a",
                                         "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
                                         "alice%40example.com",
                                         "/reset/8f14e45fceea167a5a36dedd4bea2543"};
    struct rig r;
    rig_open(&r);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char property[128];
        snprintf(property, sizeof property, "\"note\":\"%s\",\"$os\":\"%s\"", values[i], values[i]);
        crowd_sends(&r, 12, property);
        assert_int_equal(state_of(&r, 0, "note"), FRAME_TEXT_SEALED);
        assert_int_equal(state_of(&r, 0, "$os"), FRAME_TEXT_SEALED);
    }
    crowd_sends(&r, 12, "\"note\":4111111111111111,\"phone\":15551234567");
    assert_int_equal(state_of(&r, 0, "note"), FRAME_TEXT_SEALED);
    assert_int_not_equal(state_of(&r, 0, "phone"),
                         FRAME_TEXT_SEALED); /* a number that twelve people sent: a crowd's */
    rig_close(&r);
}

static void closed_lists_are_readable_at_once_and_nothing_beside_them(void **state) {
    struct rig r;
    rig_open(&r);
    send_as(&r, "u",
            "\"$os\":\"Linux\",\"$browser\":\"Chrome\",\"mp_lib\":\"web\",\"mp_country_code\":"
            "\"DE\",\"$initial_referrer\":\"$direct\","
            "\"nickname\":\"Linux\",\"$device\":\"Linux\",\"$manufacturer\":\"alice\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "$os"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 0, "$browser"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 0, "mp_lib"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 0, "mp_country_code"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 0, "$initial_referrer"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 0, "nickname"), FRAME_TEXT_SEALED);
    assert_int_equal(state_of(&r, 0, "$device"), FRAME_TEXT_SEALED);
    assert_true(rig_frame_holds(&r, "$manufacturer"));
    assert_false(rig_frame_holds(&r, "nickname"));
    assert_false(rig_frame_holds(&r, "alice"));
    send_as(&r, "u", "\"$os\":\"alice's machine\",\"mp_country_code\":\"XX\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "$os"), FRAME_TEXT_SEALED);
    assert_int_equal(state_of(&r, 0, "mp_country_code"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void names_of_events_and_properties_are_counted_like_values(void **state) {
    struct rig r;
    rig_open(&r);
    crowd_sends(&r, 10, "\"seat\":1,\"alice@example.com\":1,\"o\":{\"p\":1}");
    assert_true(rig_frame_holds(&r, "Seen"));
    assert_true(rig_frame_holds(&r, "seat"));
    assert_true(rig_frame_holds(&r, "o.p"));
    assert_false(rig_frame_holds(&r, "alice"));
    rig_close(&r);
}

static void the_same_text_in_two_properties_is_two_candidates(void **state) {
    struct rig r;
    rig_open(&r);
    crowd_sends(&r, 10, "\"a\":\"gold\"");
    send_as(&r, "u", "\"a\":\"gold\",\"b\":\"gold\",\"l\":[\"gold\"]");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "a"), FRAME_TEXT_KNOWN);
    assert_int_equal(state_of(&r, 0, "b"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void city_and_region_need_five_crowds(void **state) {
    struct rig r;
    rig_open(&r);
    crowd_sends(&r, 49, "\"$city\":\"Bonn\",\"town\":\"Bonn\"");
    assert_int_equal(state_of(&r, 0, "town"), FRAME_TEXT_KNOWN);
    assert_int_equal(state_of(&r, 0, "$city"), FRAME_TEXT_SEALED);
    send_as(&r, "the-fiftieth", "\"$city\":\"Bonn\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "$city"), FRAME_TEXT_READABLE);
    rig_close(&r);
}

static void an_address_is_readable_when_all_its_pieces_are(void **state) {
    struct rig r;
    rig_open(&r);
    crowd_sends(&r, 9, "\"$current_url\":\"https://example.com/docs/intro?utm_source=news#top\"");
    assert_int_equal(state_of(&r, 0, "$current_url"), FRAME_TEXT_SEALED);
    assert_false(rig_frame_holds(&r, "example.com"));
    send_as(&r, "the-tenth",
            "\"$current_url\":\"https://example.com/docs/intro?utm_source=news#top\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "$current_url"), FRAME_TEXT_READABLE);
    assert_int_not_equal(rig_find_text(&r, TEXT_VALUE, "example.com"), FRAME_NO_PATH);
    assert_int_not_equal(rig_find_text(&r, TEXT_PROPERTY, "$current_url#path:/docs"),
                         FRAME_NO_PATH);
    assert_int_not_equal(rig_find_text(&r, TEXT_PROPERTY, "$current_url#query:utm_source"),
                         FRAME_NO_PATH);
    send_as(&r, "another",
            "\"$current_url\":\"https://example.com/docs\""); /* pieces known, the whole never sent
                                                                 before */
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "$current_url"), FRAME_TEXT_READABLE);
    send_as(&r, "another", "\"$current_url\":\"https://example.com/docs/alice\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "$current_url"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

/* The pieces' paths begin with the key. */
static void a_sealed_group_key_is_not_named_by_the_pieces_of_an_address(void **state) {
    static const char *const keys[] = {"company", "al@x.example"};
    for (int k = 0; k < 2; k++) {
        struct rig r;
        rig_open(&r);
        r.request.endpoint = INTAKE_GROUPS;
        for (int i = 0; i < 12; i++) {
            char body[512];
            snprintf(body, sizeof body,
                     "{\"$token\":\"" RIG_TOKEN
                     "\",\"$group_key\":\"%s\",\"$group_id\":\"g\",\"$distinct_id\":\"u%d\","
                     "\"$set\":{\"$current_url\":\"https://site.example/about\"}}",
                     keys[k], i);
            rig_take(&r, body);
            assert_false(rig_frame_holds(&r, "al@x"));
            if (i != 9) continue;
            assert_true(rig_frame_holds(&r, "site.example"));
            assert_int_equal(rig_frame_holds(&r, "company\x1f$current_url#path:"), k == 0);
        }
        rig_close(&r);
    }
}

static void tokens_and_unknown_parameters_in_addresses_stay_sealed(void **state) {
    static const char *const urls[] = {
        "https://example.com/reset?token=abc",
        "https://example.com/reset/8f14e45fceea167a5a36dedd4bea2543/now",
        "https://alice:secret@example.com/",
        "https://example.com/#access_token=abc",
        "https://203.0.113.9/",
        "https://example.com/u/alice%40example.com",
        "https://example.com/?utm_source=a@example.com",
        "/reset?token=abc",
        "?token=abc",
        "HTTPS://example.com/x?y=z",
        "https://example.com/?gclid=EAIaIQobChMI8f14e45fceea"};
    struct rig r;
    rig_open(&r);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char property[256];
        snprintf(property, sizeof property, "\"link\":\"%s\"", urls[i]);
        crowd_sends(&r, 12, property);
        if (state_of(&r, 0, "link") != FRAME_TEXT_SEALED) fail_msg("readable: %s", urls[i]);
        assert_false(rig_frame_holds(&r, "8f14e45"));
        assert_false(rig_frame_holds(&r, "alice"));
        assert_int_equal(
            rig_find_text(&r, TEXT_PROPERTY, "link#path:/reset/8f14e45fceea167a5a36dedd4bea2543"),
            FRAME_NO_PATH);
    }
    rig_close(&r);
}

static void published_texts_are_readable_at_once_but_not_what_is_always_sealed(void **state) {
    struct rig r;
    rig_open(&r);
    struct id128 hashes[2] = {
        seal_hash(&r.project.keys, TEXT_VALUE, TEXT_STRING, STR("plan"), STR("pro")),
        seal_hash(&r.project.keys, TEXT_VALUE, TEXT_STRING, STR("$email"), STR("a@example.com"))};
    if (id128_cmp(hashes[0], hashes[1]) > 0) {
        struct id128 t = hashes[0];
        hashes[0] = hashes[1];
        hashes[1] = t;
    }
    r.project.published = (struct id128_list){hashes, 2};
    send_as(&r, "u", "\"plan\":\"pro\",\"$email\":\"a@example.com\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 0, "$email"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void the_lexicon_makes_measures_times_and_identities(void **state) {
    struct rig r;
    struct cursor c;
    rig_open(&r);
    struct id128 measure =
        seal_hash(&r.project.keys, TEXT_PROPERTY, TEXT_STRING, STR(""), STR("big"));
    struct id128 time =
        seal_hash(&r.project.keys, TEXT_PROPERTY, TEXT_STRING, STR(""), STR("born"));
    struct id128 identity =
        seal_hash(&r.project.keys, TEXT_PROPERTY, TEXT_STRING, STR(""), STR("member"));
    crowd_sends(&r, 12, "\"big\":123456789,\"born\":1795300000,\"member\":\"gold\"");
    assert_int_equal(rig_event_prop(&r, 0, "big", &c), V_TEXT);
    assert_int_equal(state_of(&r, 0, "member"), FRAME_TEXT_KNOWN);
    r.project.measures = (struct id128_list){&measure, 1};
    r.project.times = (struct id128_list){&time, 1};
    r.project.identities = (struct id128_list){&identity, 1};
    r.reg.generation++;
    crowd_sends(&r, 1, "\"big\":123456789,\"born\":1795300000,\"member\":\"gold\"");
    rig_number_prop(&r, 0, "big", 123456789);
    assert_int_equal(rig_event_prop(&r, 0, "born", &c), V_TIME);
    assert_int_equal(cursor_i64(&c), INT64_C(1795300000000000));
    assert_int_equal(state_of(&r, 0, "member"), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void a_test_project_has_the_rule_switched_off(void **state) {
    struct rig r;
    rig_open(&r);
    r.project.test = true;
    send_as(&r, "alice", "\"plan\":\"pro\",\"$email\":\"alice@example.com\"");
    rig_finish(&r);
    assert_int_equal(state_of(&r, 0, "plan"), FRAME_TEXT_READABLE);
    assert_int_equal(state_of(&r, 0, "$email"), FRAME_TEXT_READABLE);
    assert_null(r.frame.box);
    rig_close(&r);
}

static void a_test_project_refuses_the_101st_person_and_the_31st_day(void **state) {
    struct rig r;
    char body[256];
    rig_open(&r);
    r.project.test = true;
    for (unsigned i = 0; i <= 101; i++) {
        unsigned who = i == 101 ? 5 : i; /* the last is one of the hundred */
        snprintf(body, sizeof body,
                 "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                 "\",\"distinct_id\":\"p-%u\"}}",
                 who);
        rig_send(&r, body);
        rig_assert_reply(&r, 200, i == 100 ? "0" : "1");
    }
    rig_finish(&r);
    snprintf(body, sizeof body,
             "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
             "\",\"distinct_id\":\"p-5\",\"time\":%lld}}",
             (long long)(RIG_NOW / US_PER_S - 31 * 86400));
    rig_send(&r, body);
    rig_assert_reply(&r, 200, "0");
    r.project.test = false;
    rig_send(&r, body);
    rig_assert_reply(&r, 200, "1");
    rig_close(&r);
}

static void a_frame_of_one_person_holds_nothing_of_them_in_the_clear(void **state) {
    struct rig r;
    rig_open(&r);
    send_as(&r, "alice-the-user",
            "\"note\":\"planted-one\",\"l\":[\"planted-two\",{\"planted-key\":\"planted-three\"}],"
            "\"o\":{\"planted-four\":1},"
            "\"$current_url\":\"https://planted-five.example/"
            "planted-six?planted-seven=1#planted-eight\","
            "\"phone\":15557654321,\"lat\":48.13712");
    r.request.endpoint = INTAKE_ENGAGE;
    rig_send(&r, "{\"$token\":\"" RIG_TOKEN "\",\"$distinct_id\":\"alice-the-user\",\"$set\":{\"$"
                 "name\":\"planted-nine\",\"x\":\"planted-ten\"}}");
    r.request.endpoint = INTAKE_GROUPS;
    rig_send(&r,
             "{\"$token\":\"" RIG_TOKEN "\",\"$group_key\":\"planted-a\",\"$group_id\":\"planted-"
             "b\",\"$set\":{\"planted-c\":\"planted-d\"}}");
    rig_finish(&r);
    assert_int_equal(r.frame.n_records, 3);
    assert_false(rig_frame_holds(&r, "planted"));
    assert_false(rig_frame_holds(&r, "alice"));
    assert_false(rig_frame_holds(&r, "5557654321"));
    assert_false(rig_frame_holds(&r, "48.13"));
    assert_false(rig_frame_holds(&r, RIG_TOKEN));
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tenth_person_makes_a_text_readable_and_the_eleventh_finds_it_known),
        cmocka_unit_test(a_crowd_within_one_batch_makes_its_text_readable_in_that_frame),
        cmocka_unit_test(a_group_that_was_given_up_carries_the_label_again),
        cmocka_unit_test(one_person_with_ten_devices_is_one),
        cmocka_unit_test(anonymous_devices_of_ten_networks_are_a_crowd),
        cmocka_unit_test(refused_and_missing_ids_count_as_nobody),
        cmocka_unit_test(identity_properties_are_sealed_however_many_send_them),
        cmocka_unit_test(shapes_are_sealed_in_any_property),
        cmocka_unit_test(closed_lists_are_readable_at_once_and_nothing_beside_them),
        cmocka_unit_test(names_of_events_and_properties_are_counted_like_values),
        cmocka_unit_test(the_same_text_in_two_properties_is_two_candidates),
        cmocka_unit_test(city_and_region_need_five_crowds),
        cmocka_unit_test(an_address_is_readable_when_all_its_pieces_are),
        cmocka_unit_test(a_sealed_group_key_is_not_named_by_the_pieces_of_an_address),
        cmocka_unit_test(tokens_and_unknown_parameters_in_addresses_stay_sealed),
        cmocka_unit_test(published_texts_are_readable_at_once_but_not_what_is_always_sealed),
        cmocka_unit_test(the_lexicon_makes_measures_times_and_identities),
        cmocka_unit_test(a_test_project_has_the_rule_switched_off),
        cmocka_unit_test(a_test_project_refuses_the_101st_person_and_the_31st_day),
        cmocka_unit_test(a_frame_of_one_person_holds_nothing_of_them_in_the_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
