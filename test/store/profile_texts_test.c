/* Which sealed texts of profiles are kept: those of the documents that result, each once, no longer
 * than a profile shows it, and at a price that the document's size bounds. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define N_TEXTS "SELECT count(*) FROM profile_text"
#define N_BOXES "SELECT count(*) FROM profile_box"
#define USERS "{\"project\":1,\"report\":\"users\"}"

static int start(void **state) {
    static struct rig r;
    rig_start(&r);
    *state = &r;
    return 0;
}

static int stop(void **state) {
    rig_close(*state);
    rig_remove(*state);
    return 0;
}

static void commit_timed(struct rig *r, const char *what, double most_s) {
    int64_t began = time_monotonic_us();
    rig_commit(r);
    double s = (double)(time_monotonic_us() - began) / US_PER_S;
    print_message("%s: %.3f s\n", what, s);
    assert_true(s < most_s);
}

static void a_body_of_new_strings_costs_what_the_document_keeps(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    for (int i = 0; i < 2000; i++)
        rig_user_list(r, PROFILE_UNION,
                      (struct rig_list){"ada", "tags", "new-", i * 250, i * 250 + 250});
    commit_timed(r, "500,000 new strings of one profile", 3); /* below one on a free machine */
    int64_t kept = rig_number(r, N_TEXTS);
    assert_true(kept >= 10000 && kept < 10010);
    assert_int_equal(rig_number(r, N_BOXES), 1);
    struct store_stats s;
    store_stats(r->store, &s);
    assert_int_equal(s.profile_cut, 1960); /* operations that found no room */
}

static void small_operations_of_many_people_stay_cheap(void **state) {
    struct rig *r = *state;
    char who[24], value[32];
    rig_begin(r);
    for (int i = 0; i < 10000; i++) {
        snprintf(who, sizeof who, "u%d", i);
        snprintf(value, sizeof value, "note of %d", i);
        rig_user_set(r, who, "note", value, false);
    }
    commit_timed(r, "10,000 $set of 10,000 people", 5);
    assert_int_equal(rig_number(r, N_TEXTS), 20000);
}

static void operations_that_alternate_on_a_long_list_stay_cheap(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    for (int i = 0; i < 40; i++)
        rig_user_list(r, PROFILE_UNION,
                      (struct rig_list){"ada", "tags", "new-", i * 250, i * 250 + 250});
    for (int i = 0; i < 20000; i++)
        rig_user_list(r, i % 2 ? PROFILE_UNION : PROFILE_REMOVE,
                      (struct rig_list){"ada", "tags", "new-", i / 2 % 9999, i / 2 % 9999 + 1});
    commit_timed(r, "20,000 $union and $remove on one long list", 5);
    int64_t kept = rig_number(r, N_TEXTS);
    assert_true(kept >= 10000 && kept < 10010);
}

static void a_text_goes_when_no_profile_shows_it(void **state) {
    struct rig *r = *state;
    const struct rig_list secret = {"ada", "note", "likes rain ", 0, 3};
    struct rig_list same = secret;
    same.who = "bob";
    rig_begin(r);
    rig_user_list(r, PROFILE_SET, secret);
    rig_user_list(r, PROFILE_SET, same);
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 5);
    rig_begin(r);
    rig_user_list(r, PROFILE_UNSET, (struct rig_list){"ada", "note", "", 0, 0});
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 5); /* bob's are the same */
    assert_non_null(strstr(rig_ask(r, true, USERS), "likes rain 2"));
    rig_begin(r);
    rig_user_list(r, PROFILE_REMOVE, (struct rig_list){"bob", "note", "likes rain ", 1, 2});
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 4);
    assert_non_null(strstr(rig_ask(r, true, USERS), "likes rain 2"));
    rig_begin(r);
    rig_user_delete(r, "bob");
    rig_user_delete(r, "ada");
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 0);
    assert_int_equal(rig_number(r, N_BOXES), 0);
}

static void what_never_enters_the_document_is_not_kept(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_user_set(r, "ada", "note", "first", false);
    rig_user_set(r, "ada", "note", "second", false);
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 2); /* the id and the second */
    rig_begin(r);
    rig_user_list(r, PROFILE_SET_ONCE, (struct rig_list){"ada", "note", "late", 0, 2});
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 2);
    assert_non_null(strstr(rig_ask(r, true, USERS), "second"));
}

static void a_text_that_becomes_readable_leaves_and_comes_no_more(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_user_set(r, "ada", "note", "rain", false);
    rig_commit(r);
    rig_begin(r);
    rig_user_set(r, "bob", "note", "rain", true);
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 2); /* two ids */
    rig_begin(r);
    rig_user_delete(r, "ada");
    rig_user_delete(r, "bob");
    rig_commit(r);
    assert_int_equal(rig_number(r, N_TEXTS), 0);
    assert_int_equal(rig_number(r, N_BOXES), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_of_new_strings_costs_what_the_document_keeps, start,
                                        stop),
        cmocka_unit_test_setup_teardown(small_operations_of_many_people_stay_cheap, start, stop),
        cmocka_unit_test_setup_teardown(operations_that_alternate_on_a_long_list_stay_cheap, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_text_goes_when_no_profile_shows_it, start, stop),
        cmocka_unit_test_setup_teardown(what_never_enters_the_document_is_not_kept, start, stop),
        cmocka_unit_test_setup_teardown(a_text_that_becomes_readable_leaves_and_comes_no_more,
                                        start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
