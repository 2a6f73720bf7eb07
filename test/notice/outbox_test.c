/* outbox_test.c: each hears once, whatever dies; who fails waits alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "notice/inside.h"
#include "rig.h"

static struct rig r;

static int begin(void **state) {
    rig_begin(&r);
    return 0;
}
static int end(void **state) {
    rig_end(&r);
    return 0;
}

static int64_t rows(int state) {
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM notice_row WHERE state=%d", state);
    return rig_count(&r, sql);
}

/* The courier takes all, answers all alike; until nothing is handed over. How many there were. */
static size_t run_all(const char *result, const char *class, int code) {
    size_t n = 0;
    for (;;) {
        rig_turn(&r);
        rig_courier(&r);
        if (r.n_got == 0) return n;
        n += r.n_got;
        for (size_t i = 0; i < r.n_got; i++)
            rig_answer(&r, r.got[i].id, result, class, code);
        rig_deliver(&r);
    }
}

static void add_mails(int n) {
    for (int i = 0; i < n; i++) {
        char address[64];
        snprintf(address, sizeof address, "p%d@example.org", i);
        rig_add_mail(&r, address);
    }
}

static void each_subscriber_hears_of_an_update_once(void **state) {
    add_mails(150);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    assert_int_equal(notice_incident(r.notice, &r.model, &r.incident, &r.update).code, ERR_OK);
    assert_int_equal(run_all("ok", "", 250), 150);
    assert_int_equal(rows(NOTICE_ROW_SENT), 150);
    assert_int_equal(run_all("ok", "", 250), 0);
}

static void not_more_than_the_stated_number_is_at_the_courier(void **state) {
    add_mails(150);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, NOTICE_IN_FLIGHT);
    assert_int_equal(rows(NOTICE_ROW_FLIGHT), NOTICE_IN_FLIGHT);
}

static void a_console_that_dies_hands_over_the_same_numbers(void **state) {
    int64_t ids[NOTICE_IN_FLIGHT];
    add_mails(20);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 20);
    for (size_t i = 0; i < 20; i++)
        ids[i] = r.got[i].id;
    for (size_t i = 0; i < 5; i++) /* answers that wait in the post while nobody reads */
        rig_answer(&r, ids[i], "ok", "", 250);
    rig_restart(&r);
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 20);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(r.got[i].id, ids[i]);
    for (size_t i = 0; i < 20; i++)
        rig_answer(&r, ids[i], "ok", "", 250);
    rig_deliver(&r);
    rig_turn(&r);
    assert_int_equal(rows(NOTICE_ROW_SENT), 20);
    assert_int_equal(run_all("ok", "", 250), 0);
}

static void a_new_courier_is_told_of_what_was_in_flight(void **state) {
    add_mails(3);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 3);
    int64_t first = r.got[0].id;
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 0);
    rig_hello(&r);
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 3);
    assert_int_equal(r.got[0].id, first);
}

static void what_is_in_doubt_is_not_sent_again_but_by_a_person(void **state) {
    add_mails(1);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    assert_int_equal(run_all("unknown", "lost", 0), 1);
    assert_int_equal(rows(NOTICE_ROW_UNKNOWN), 1);
    r.now_us += US_PER_DAY;
    assert_int_equal(run_all("ok", "", 250), 0);
    int64_t row = rig_count(&r, "SELECT id FROM notice_row");
    assert_int_equal(notice_send_again(r.notice, row).code, ERR_OK);
    r.now_us = time_now_us();
    assert_int_equal(run_all("ok", "", 250), 1);
    assert_int_equal(rows(NOTICE_ROW_SENT), 1);
    assert_int_equal(notice_send_again(r.notice, row).code, ERR_NOTFOUND);
}

static void each_try_has_a_number_of_its_own(void **state) {
    add_mails(1);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_courier(&r);
    int64_t first = r.got[0].id;
    rig_answer(&r, first, "retry", "status", 451);
    rig_deliver(&r);
    rig_turn(&r);
    assert_int_equal(rows(NOTICE_ROW_WAITING), 1);
    r.now_us += 60 * US_PER_S;
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 1);
    assert_int_equal(r.got[0].id, first + 1);
    rig_answer(&r, first, "ok", "", 250); /* late, of the first try: not this row's */
    rig_deliver(&r);
    rig_turn(&r);
    assert_int_equal(rows(NOTICE_ROW_FLIGHT), 1);
}

static void a_failing_receiver_waits_alone_and_is_tried_by_one_row(void **state) {
    rig_add_hook(&r, NOTICE_WEBHOOK, "https://dead.example/a");
    rig_add_hook(&r, NOTICE_WEBHOOK, "https://good.example/");
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 2);
    for (size_t i = 0; i < 2; i++)
        rig_answer(&r, r.got[i].id, strstr(r.got[i].to, "dead") ? "retry" : "ok", "timeout", 0);
    rig_deliver(&r);
    rig_turn(&r);
    assert_int_equal(rows(NOTICE_ROW_SENT), 1);
    rig_update(&r, STATUS_RESOLVED, "Over.");
    r.now_us += 30 * US_PER_S;
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 2); /* one that tries the dead one, of its two rows */
    assert_non_null(strstr(r.got[0].to, "good"));
    assert_non_null(strstr(r.got[1].to, "dead"));
}

static void many_dead_receivers_leave_half_of_the_slots(void **state) {
    for (int i = 0; i < 100; i++) {
        char url[64];
        snprintf(url, sizeof url, "https://dead.example/%d", i);
        rig_add_hook(&r, NOTICE_WEBHOOK, url);
    }
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    assert_int_equal(run_all("retry", "timeout", 0), 100);
    r.now_us += 30 * US_PER_S;
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, NOTICE_IN_FLIGHT / 2);
    rig_add_hook(&r, NOTICE_WEBHOOK, "https://good.example/");
    r.now_us += US_PER_S;
    rig_update(&r, STATUS_RESOLVED, "Over.");
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 1); /* nobody waits for the hanging */
    assert_non_null(strstr(r.got[0].to, "good"));
}

static void the_own_mail_server_away_costs_no_row_its_tries(void **state) {
    add_mails(100);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_courier(&r);
    for (size_t i = 0; i < r.n_got; i++)
        rig_answer(&r, r.got[i].id, "retry", "connect", 0);
    rig_deliver(&r);
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 0);
    assert_int_equal(rig_count(&r, "SELECT max(tries) FROM notice_row"), 0);
    r.now_us += 7 * US_PER_S;
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 1); /* one tries it */
    rig_answer(&r, r.got[0].id, "ok", "", 250);
    rig_deliver(&r);
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, NOTICE_IN_FLIGHT);
}

static void three_refused_mails_suspend_and_resend_revives(void **state) {
    int64_t id = rig_add_mail(&r, "gone@example.org");
    for (int i = 0; i < 3; i++) {
        rig_update(&r, STATUS_INVESTIGATING, "We look.");
        assert_int_equal(run_all("dead", "refused", 550), 1);
    }
    rig_update(&r, STATUS_RESOLVED, "Over.");
    assert_int_equal(run_all("ok", "", 250), 0);
    assert_int_equal(notice_resend(r.notice, id).code, ERR_OK);
    r.now_us = time_now_us();
    rig_update(&r, STATUS_POSTMORTEM, "Why.");
    assert_int_equal(run_all("ok", "", 250), 1);
}

static void an_undelivered_notice_is_given_up_after_a_day(void **state) {
    rig_add_hook(&r, NOTICE_WEBHOOK, "https://dead.example/a");
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    for (int i = 0; i < 60 && rows(NOTICE_ROW_DEAD) == 0; i++) {
        run_all("retry", "status", 500);
        r.now_us += 1800 * US_PER_S;
    }
    assert_int_equal(rows(NOTICE_ROW_DEAD), 1);
    assert_true(r.now_us - time_now_us() > 20 * 3600 * US_PER_S);
}

static void chosen_components_decide(void **state) {
    struct str search = STR("aaaaaaaaaaaa"), sign_in = STR("bbbbbbbbbbbb");
    struct notice_new how = {.kind = NOTICE_MAIL, .confirmed = true, .n_components = 1};
    int64_t id;
    char secret[NOTICE_SECRET_CHARS];
    how.to = STR("search@example.org");
    how.components = &search;
    assert_int_equal(notice_add(r.notice, &how, &id, secret).code, ERR_OK);
    how.to = STR("sign-in@example.org");
    how.components = &sign_in;
    assert_int_equal(notice_add(r.notice, &how, &id, secret).code, ERR_OK);
    rig_add_mail(&r, "all@example.org");
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 2);
    assert_string_equal(r.got[0].to, "search@example.org");
    assert_string_equal(r.got[1].to, "all@example.org");
    r.incident.n_components = 0; /* of no component: everybody's */
    rig_update(&r, STATUS_IDENTIFIED, "We know.");
    assert_int_equal(rig_count(&r, "SELECT count(*) FROM notice_row"), 5);
}

static void who_leaves_hears_no_more(void **state) {
    int64_t id = rig_add_mail(&r, "a@example.org");
    rig_add_mail(&r, "b@example.org");
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    assert_int_equal(notice_remove(r.notice, id).code, ERR_OK);
    assert_int_equal(run_all("ok", "", 250), 1);
    assert_int_equal(notice_remove(r.notice, id).code, ERR_NOTFOUND);
}

static void a_component_changed_by_hand_goes_to_webhooks_alone(void **state) {
    rig_add_mail(&r, "a@example.org");
    rig_add_hook(&r, NOTICE_SLACK, "https://chat.example/x");
    rig_add_hook(&r, NOTICE_WEBHOOK, "https://good.example/");
    r.now_us = time_now_us() + US_PER_S;
    assert_int_equal(
        notice_component(r.notice, &r.model, &r.components[0], STATUS_OPERATIONAL).code, ERR_OK);
    rig_turn(&r);
    rig_courier(&r);
    assert_int_equal(r.n_got, 1);
    assert_non_null(strstr(r.got[0].data, "\"component_update\":{"));
    assert_non_null(strstr(r.got[0].data, "\"old_status\":\"operational\""));
    assert_non_null(strstr(r.got[0].data, "\"new_status\":\"partial_outage\""));
}

static void ten_thousand_are_queued_well_within_five_seconds(void **state) {
    assert_int_equal(meta_begin(r.meta).code, ERR_OK);
    for (int i = 0; i < 10000; i++) {
        char lookup[17];
        snprintf(lookup, sizeof lookup, "%016d", i);
        assert_int_equal(
            meta_exec(r.meta,
                      "INSERT INTO notice_subscriber (kind, state, lookup, address, secret, label, "
                      "lane, created_us, active_us) VALUES (1,1,?,x'00',x'','',1,0,0)",
                      "h", (uint8_t *)lookup)
                .code,
            ERR_OK);
    }
    assert_int_equal(meta_commit(r.meta).code, ERR_OK);
    int64_t from = time_monotonic_us();
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    int64_t took = time_monotonic_us() - from;
    print_message("10,000 queued in %lld ms\n", (long long)took / 1000);
    assert_int_equal(rig_count(&r, "SELECT count(*) FROM notice_row"), 10000);
    assert_true(took < 5 * US_PER_S);
}

static void back_off_doubles_to_an_hour(void **state) {
    assert_int_equal(notice_backoff_us(1), 5 * US_PER_S);
    assert_int_equal(notice_backoff_us(2), 10 * US_PER_S);
    assert_int_equal(notice_backoff_us(5), 80 * US_PER_S);
    assert_int_equal(notice_backoff_us(60), 3600 * US_PER_S);
    assert_int_equal(notice_backoff_us(4000000000u), 3600 * US_PER_S);
}

static void nonsense_from_the_courier_changes_nothing(void **state) {
    add_mails(1);
    rig_update(&r, STATUS_INVESTIGATING, "We look.");
    rig_turn(&r);
    rig_courier(&r);
    char line[200];
    snprintf(line, sizeof line, "{\"kind\":\"sent\",\"id\":%lld,\"result\":\"perhaps\"}",
             (long long)r.got[0].id);
    assert_int_equal(post_send(r.courier, str_z(line)).code, ERR_OK);
    rig_answer(&r, -5, "ok", "", 250);
    rig_answer(&r, 0, "ok", "", 250);
    rig_answer(&r, INT64_MAX, "ok", "a class that is far too long for its place", 250);
    assert_int_equal(post_send(r.courier, STR("{\"kind\":\"sent\"}")).code, ERR_OK);
    rig_deliver(&r);
    rig_turn(&r);
    assert_int_equal(rows(NOTICE_ROW_FLIGHT), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_subscriber_hears_of_an_update_once),
        TEST(not_more_than_the_stated_number_is_at_the_courier),
        TEST(a_console_that_dies_hands_over_the_same_numbers),
        TEST(a_new_courier_is_told_of_what_was_in_flight),
        TEST(what_is_in_doubt_is_not_sent_again_but_by_a_person),
        TEST(each_try_has_a_number_of_its_own),
        TEST(a_failing_receiver_waits_alone_and_is_tried_by_one_row),
        TEST(many_dead_receivers_leave_half_of_the_slots),
        TEST(the_own_mail_server_away_costs_no_row_its_tries),
        TEST(three_refused_mails_suspend_and_resend_revives),
        TEST(an_undelivered_notice_is_given_up_after_a_day),
        TEST(chosen_components_decide),
        TEST(who_leaves_hears_no_more),
        TEST(a_component_changed_by_hand_goes_to_webhooks_alone),
        TEST(ten_thousand_are_queued_well_within_five_seconds),
        TEST(back_off_doubles_to_an_hour),
        TEST(nonsense_from_the_courier_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
