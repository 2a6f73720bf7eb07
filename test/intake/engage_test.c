/* /engage and /groups: operations on profiles. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define TOKEN "\"$token\":\"" RIG_TOKEN "\""
#define WHO TOKEN ",\"$distinct_id\":\"user-1\""

static void open_engage(struct rig *r) {
    rig_open(r);
    r->request.endpoint = INTAKE_ENGAGE;
}

static uint8_t find(struct rig *r, const struct frame_profile *p, const char *name,
                    struct cursor *c) {
    return rig_find(r, p->props, p->n_props, name, c);
}

static void set_makes_a_record_with_the_person_and_its_id(void **state) {
    struct rig r;
    struct cursor c;
    open_engage(&r);
    rig_take(&r, "[{\"$set\":{\"plan\":\"pro\",\"n\":2,\"$email\":\"a@example.com\",\"address\":{"
                 "\"city\":\"Bonn\"}}," WHO "}]");
    rig_assert_reply(&r, 200, "1");
    struct frame_profile p = rig_profile(&r, 0, RECORD_USER);
    assert_int_equal(p.op, PROFILE_SET);
    assert_true(id128_eq(p.person, seal_pseudonym(&r.project.keys, STR("user-1"))));
    assert_int_equal(p.time_us, RIG_NOW);
    assert_int_equal(p.n_props, 4);
    assert_true(str_is(rig_text(&r, p.id), "user-1"));
    const struct frame_text *id = &r.frame.texts[p.id];
    assert_true(id128_eq(id->hash, seal_hash(&r.project.keys, TEXT_VALUE, TEXT_STRING,
                                             STR("distinct_id"), STR("user-1"))));
    assert_int_equal(find(&r, &p, "plan", &c), V_TEXT);
    uint32_t plan = cursor_u32(&c);
    assert_int_equal(r.frame.texts[plan].kind, TEXT_USER_VALUE);
    assert_int_equal(find(&r, &p, "address.city", &c), V_TEXT);
    assert_int_equal(find(&r, &p, "$email", &c), V_TEXT);
    assert_int_equal(rig_state(&r, cursor_u32(&c)), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void a_message_with_several_operations_makes_a_record_for_each(void **state) {
    struct rig r;
    struct cursor c;
    open_engage(&r);
    rig_take(&r, "[{\"$set\":{\"a\":1},\"$add\":{\"visits\":1,\"credits\":-2.5},\"$unset\":["
                 "\"old\",\"older\"]," WHO "},"
                 "{\"$append\":{\"tags\":\"y\",\"seen\":\"z\"}," WHO
                 "},{\"$remove\":{\"tags\":\"x\"}," WHO "},"
                 "{\"$union\":{\"tags\":[\"x\",\"q\"],\"one\":\"ie\"}," WHO
                 "},{\"$delete\":\"\"," WHO "},{\"$delete\":\"user-1\"," WHO "}]");
    rig_assert_reply(&r, 200, "1");
    static const uint8_t ops[] = {PROFILE_SET,    PROFILE_ADD,   PROFILE_UNSET,  PROFILE_APPEND,
                                  PROFILE_REMOVE, PROFILE_UNION, PROFILE_DELETE, PROFILE_DELETE};
    assert_int_equal(r.frame.n_records, sizeof ops);
    for (unsigned i = 0; i < sizeof ops; i++)
        assert_int_equal(rig_profile(&r, i, RECORD_USER).op, ops[i]);
    struct frame_profile p = rig_profile(&r, 1, RECORD_USER);
    assert_int_equal(find(&r, &p, "credits", &c), V_NUMBER);
    assert_true(cursor_f64(&c) == -2.5);
    p = rig_profile(&r, 2, RECORD_USER);
    assert_int_equal(p.n_props, 2);
    assert_int_equal(find(&r, &p, "older", &c), V_NULL);
    p = rig_profile(&r, 3, RECORD_USER);
    assert_int_equal(find(&r, &p, "tags", &c), V_TEXT);
    p = rig_profile(&r, 5, RECORD_USER);
    assert_int_equal(find(&r, &p, "one", &c), V_LIST);
    assert_int_equal(cursor_u32(&c), 1);
    p = rig_profile(&r, 6, RECORD_USER);
    assert_int_equal(p.n_props, 0);
    rig_close(&r);
}

static void transactions_are_appended_as_objects_in_a_list(void **state) {
    struct rig r;
    struct cursor c;
    open_engage(&r);
    rig_take(&r, "{\"$append\":{\"$transactions\":{\"$time\":\"2026-11-20T10:11:12.345Z\",\"$"
                 "amount\":25}}," WHO "}");
    rig_assert_reply(&r, 200, "1");
    struct frame_profile p = rig_profile(&r, 0, RECORD_USER);
    assert_int_equal(find(&r, &p, "$transactions", &c), V_LIST);
    assert_int_equal(cursor_u32(&c), 1);
    (void)cursor_u32(&c);
    assert_int_equal(cursor_u8(&c), V_OBJECT);
    rig_take(&r, "{\"$set\":{\"$transactions\":[]}," WHO "}");
    p = rig_profile(&r, 0, RECORD_USER);
    assert_int_equal(find(&r, &p, "$transactions", &c), V_LIST);
    assert_int_equal(cursor_u32(&c), 0);
    rig_close(&r);
}

/* n opened objects or lists around a 1. */
static void nest(char *to, unsigned n, bool lists) {
    for (unsigned i = 0; i < n; i++)
        to += sprintf(to, lists ? "[" : "{\"o\":");
    *to++ = '1';
    for (unsigned i = 0; i < n; i++)
        *to++ = lists ? ']' : '}';
    *to = 0;
}

static void deep_elements_are_left_out_and_nothing_is_given_up(void **state) {
    static const char *const ops[] = {"$append", "$union", "$remove", "$set"};
    struct rig r;
    char value[1024], body[2048];
    open_engage(&r);
    for (unsigned n = 1; n < 60; n++) {
        for (size_t i = 0; i < 8; i++) {
            nest(value, n, i % 2);
            snprintf(body, sizeof body, "{\"%s\":{\"deep\":%s,\"a\":1}," WHO "}", ops[i / 2],
                     value);
            rig_take(&r, body);
            rig_assert_reply(&r, 200, "1");
            assert_false(r.result.must_abort);
            unsigned props = rig_profile(&r, 0, RECORD_USER).n_props;
            assert_int_equal(props, n > 8 || (n > 7 && i < 6) ? 1 : 2);
        }
    }
    rig_close(&r);
}

static void endless_names_need_no_endless_memory(void **state) {
    struct rig r;
    size_t cap = 9u << 20;
    char *body = malloc(cap), *to = body;
    open_engage(&r);
    to += sprintf(to, "{\"$token\":\"" RIG_TOKEN "\",\"$distinct_id\":\"u\",\"$unset\":[\"\"");
    while (to < body + 900000)
        to += sprintf(to, ",\"x.y\"");
    to += sprintf(to, "],\"$set\":{\"%0240d\":{\"%0240d\":{\"%0240d\":{\"z\":0", 1, 2, 3);
    while (to < body + 1000000)
        to += sprintf(to, ",\"a\":1");
    sprintf(to, "}}}}}");
    rig_take(&r, body);
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(rig_profile(&r, 0, RECORD_USER).n_props, 1);
    assert_int_equal(rig_profile(&r, 1, RECORD_USER).n_props, 2);
    to = body + sprintf(body,
                        "[{\"$token\":\"" RIG_TOKEN
                        "\",\"$group_key\":\"%0255d\",\"$group_id\":\"g\",\"$set\":{",
                        1);
    for (int i = 0; i < 255; i++) {
        to += sprintf(to, "%s\"%0250d\":[\"/a#b\"", i ? "," : "", i);
        for (int e = 1; e < 255; e++)
            to += sprintf(to, ",\"/a#b\"");
        to += sprintf(to, "]");
    }
    sprintf(to, "}}]");
    r.request.endpoint = INTAKE_GROUPS;
    rig_take(&r, body);
    rig_assert_reply(&r, 200, "1");
    free(body);
    rig_close(&r);
}

static void nulls_of_set_once_do_not_wipe(void **state) {
    struct rig r;
    struct cursor c;
    open_engage(&r);
    rig_take(&r,
             "{\"$set_once\":{\"initial_utm_source\":null,\"$initial_referrer\":\"$direct\"}," WHO
             "}");
    struct frame_profile p = rig_profile(&r, 0, RECORD_USER);
    assert_int_equal(p.op, PROFILE_SET_ONCE);
    assert_int_equal(p.n_props, 1);
    rig_take(&r, "{\"$set_once\":{\"initial_utm_source\":null}," WHO "}");
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(r.frame.n_records, 0);
    rig_take(&r, "{\"$set\":{\"a\":null}," WHO "}");
    p = rig_profile(&r, 0, RECORD_USER);
    assert_int_equal(find(&r, &p, "a", &c), V_NULL);
    rig_close(&r);
}

static void time_and_its_friends_at_the_top_are_read(void **state) {
    struct rig r;
    open_engage(&r);
    rig_take(
        &r,
        "{\"$set\":{\"a\":1}," WHO
        ",\"$time\":1763633472,\"$ignore_time\":true,\"$ip\":\"1.2.3.4\",\"$ignore_alias\":true}");
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(r.frame.n_records, 1);
    assert_int_equal(rig_profile(&r, 0, RECORD_USER).time_us, INT64_C(1763633472000000));
    assert_false(rig_frame_holds(&r, "1.2.3.4"));
    rig_close(&r);
}

static void phone_numbers_cannot_be_added(void **state) {
    struct rig r;
    open_engage(&r);
    rig_take(&r, "{\"$add\":{\"phone\":15551234567,\"n\":1,\"revenue\":123456789,\"s\":\"x\"}," WHO
                 "}");
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(rig_profile(&r, 0, RECORD_USER).n_props, 2);
    rig_close(&r);
}

static void bad_updates_are_answered_0_with_200(void **state) {
    static const char *const bad[] = {
        "{\"$set\":{\"a\":1}," TOKEN "}",
        "{\"$set\":{\"a\":1},\"$distinct_id\":\"u\"}",
        "{" WHO "}",
        "{\"$set\":5," WHO "}",
        "{\"$unset\":5," WHO "}",
        "{\"$set\":{\"a\":1},\"$token\":\"nobody's\",\"$distinct_id\":\"u\"}",
        "[[]]",
        "[1]",
        "",
        "{\"$set\":"};
    struct rig r;
    open_engage(&r);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_query(&r, "");
        rig_send(&r, bad[i]);
        rig_assert_reply(&r, 200, "0");
        rig_query(&r, "verbose=1");
        rig_send(&r, bad[i]);
        assert_int_equal(r.reply.status, 200);
        rig_assert_contains(&r, "\"status\":0}");
    }
    rig_close(&r);
}

static void strict_engage_names_what_failed_but_answers_200(void **state) {
    struct rig r;
    open_engage(&r);
    rig_query(&r, "strict=1");
    rig_take(&r, "[{\"$set\":{\"a\":1}," WHO "},{\"$set\":{\"a\":1}," TOKEN
                 ",\"$distinct_id\":\"undefined\"}]");
    assert_int_equal(r.reply.status, 200);
    rig_assert_contains(&r, "\"failed_records\":[{\"index\":1,");
    rig_assert_contains(&r, "stands for nobody");
    rig_assert_contains(&r, "\"num_records_imported\":1,\"status\":0}");
    rig_close(&r);
}

static void groups_have_their_own_kinds_and_meet_events_by_hash(void **state) {
    struct rig r;
    struct cursor c;
    rig_open(&r);
    rig_send(&r, "{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                 "\",\"distinct_id\":\"u\",\"company\":[\"acme\"]}}");
    r.request.endpoint = INTAKE_GROUPS;
    rig_take(&r, "{" TOKEN ",\"$group_key\":\"company\",\"$group_id\":\"acme\",\"$set\":{\"$name\":"
                 "\"Acme\",\"seats\":5,\"tier\":\"gold\"}}");
    rig_assert_reply(&r, 200, "1");
    struct frame_profile p = rig_profile(&r, 1, RECORD_GROUP);
    assert_true(str_is(rig_text(&r, p.group_key), "company"));
    assert_int_equal(r.frame.texts[p.group_key].kind, TEXT_GROUP_KEY);
    assert_true(str_is(rig_text(&r, p.id), "acme"));
    assert_int_equal(rig_event_prop(&r, 0, "company", &c), V_LIST);
    assert_int_equal(cursor_u32(&c), 1);
    (void)cursor_u32(&c);
    assert_int_equal(cursor_u8(&c), V_TEXT);
    assert_int_equal(cursor_u32(&c), p.id);
    assert_int_equal(find(&r, &p, "tier", &c), V_TEXT);
    const struct frame_text *tier = &r.frame.texts[cursor_u32(&c)];
    assert_int_equal(tier->kind, TEXT_GROUP_VALUE);
    assert_true(id128_eq(tier->hash, seal_hash(&r.project.keys, TEXT_GROUP_VALUE, TEXT_STRING,
                                               STR("company\x1ftier"), STR("gold"))));
    const struct frame_text *name = &r.frame.texts[tier->path];
    assert_true(id128_eq(name->hash, seal_hash(&r.project.keys, TEXT_GROUP_PROPERTY, TEXT_STRING,
                                               STR("company"), STR("tier"))));
    rig_close(&r);
}

static void all_group_operations_are_taken(void **state) {
    static const char *const ops[] = {"\"$delete\":\"\"",
                                      "\"$remove\":{\"features\":\"a\"}",
                                      "\"$set_once\":{\"since\":2020}",
                                      "\"$union\":{\"features\":[\"a\"]}",
                                      "\"$unset\":[\"seats\"]",
                                      "\"$add\":{\"n\":1}"};
    struct rig r;
    rig_open(&r);
    r.request.endpoint = INTAKE_GROUPS;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        char body[256];
        snprintf(body, sizeof body, "{%s," TOKEN ",\"$group_key\":\"company\",\"$group_id\":7}",
                 ops[i]);
        rig_take(&r, body);
        rig_assert_reply(&r, 200, "1");
        assert_true(str_is(rig_text(&r, rig_profile(&r, 0, RECORD_GROUP).id), "7"));
    }
    rig_send(&r, "{\"$set\":{\"a\":1}," TOKEN ",\"$group_id\":\"acme\"}");
    rig_assert_reply(&r, 200, "0");
    rig_send(&r, "{\"$set\":{\"a\":1}," TOKEN ",\"$group_key\":\"company\"}");
    rig_assert_reply(&r, 200, "0");
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_makes_a_record_with_the_person_and_its_id),
        cmocka_unit_test(a_message_with_several_operations_makes_a_record_for_each),
        cmocka_unit_test(transactions_are_appended_as_objects_in_a_list),
        cmocka_unit_test(deep_elements_are_left_out_and_nothing_is_given_up),
        cmocka_unit_test(endless_names_need_no_endless_memory),
        cmocka_unit_test(nulls_of_set_once_do_not_wipe),
        cmocka_unit_test(time_and_its_friends_at_the_top_are_read),
        cmocka_unit_test(phone_numbers_cannot_be_added),
        cmocka_unit_test(bad_updates_are_answered_0_with_200),
        cmocka_unit_test(strict_engage_names_what_failed_but_answers_200),
        cmocka_unit_test(groups_have_their_own_kinds_and_meet_events_by_hash),
        cmocka_unit_test(all_group_operations_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
