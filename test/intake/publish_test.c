/* What a member may publish by hand, and that the rule holds to it even where somebody published
 * more. */
#include "rig.h"

static void what_identifies_people_is_not_published(void **state) {
    assert_true(intake_may_publish(STR(""), STR("Sign up")));
    assert_true(intake_may_publish(STR("plan"), STR("pro")));
    assert_true(intake_may_publish(STR("$os"), STR("Plan 9")));
    assert_false(intake_may_publish(STR(""), STR("mail to ada@example.com")));
    assert_false(intake_may_publish(STR("note"), STR("ada@example.com")));
    assert_false(intake_may_publish(STR("note"), STR("192.0.2.7")));
    assert_false(intake_may_publish(STR("distinct_id"), STR("ada")));
    assert_false(intake_may_publish(STR("$email"), STR("x")));
    assert_false(intake_may_publish(STR("owner.$name"), STR("Ada")));
    assert_true(intake_may_publish(STR("owner\\.$name"), STR("Ada"))); /* one key with a dot */
    assert_true(intake_may_publish(STR("."), STR("x")));
}

static struct id128 value_hash(const struct rig *r, const char *path, const char *value) {
    return seal_hash(&r->project.keys, TEXT_VALUE, TEXT_STRING, str_z(path), str_z(value));
}

static void a_published_value_is_readable_from_one_person(void **state) {
    struct rig r;
    rig_open(&r);
    struct id128 plan = value_hash(&r, "plan", "pro");
    r.project.published = (struct id128_list){&plan, 1};
    rig_take(&r, "[{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                 "\",\"distinct_id\":\"ada\",\"plan\":\"pro\",\"note\":\"pro\"}}]");
    assert_int_equal(rig_state(&r, rig_text_prop(&r, 0, "plan", "pro")), FRAME_TEXT_READABLE);
    assert_int_equal(rig_state(&r, rig_text_prop(&r, 0, "note", "pro")), FRAME_TEXT_SEALED);
    rig_close(&r);
}

static void identity_and_shape_go_before_publication(void **state) {
    struct rig r;
    rig_open(&r);
    struct id128 texts[] = {value_hash(&r, "seat", "window"),
                            value_hash(&r, "note", "ada@example.com")};
    if (id128_cmp(texts[0], texts[1]) > 0) {
        struct id128 first = texts[1];
        texts[1] = texts[0];
        texts[0] = first;
    }
    struct id128 seat =
        seal_hash(&r.project.keys, TEXT_PROPERTY, TEXT_STRING, STR(""), STR("seat"));
    r.project.published = (struct id128_list){texts, 2};
    r.project.identities = (struct id128_list){&seat, 1};
    rig_take(&r, "[{\"event\":\"E\",\"properties\":{\"token\":\"" RIG_TOKEN
                 "\",\"distinct_id\":\"ada\",\"seat\":\"window\",\"note\":\"ada@example.com\"}}]");
    assert_int_equal(rig_state(&r, rig_text_prop(&r, 0, "seat", "window")), FRAME_TEXT_SEALED);
    assert_int_equal(rig_state(&r, rig_text_prop(&r, 0, "note", "ada@example.com")),
                     FRAME_TEXT_SEALED);
    assert_false(rig_frame_holds(&r, "ada@example.com"));
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_identifies_people_is_not_published),
        cmocka_unit_test(a_published_value_is_readable_from_one_person),
        cmocka_unit_test(identity_and_shape_go_before_publication),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
