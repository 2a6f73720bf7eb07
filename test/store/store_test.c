/* The store: what the journal holds is in every answer, once, before and after flush, merge and
 * restart. */
#include "rig.h"

#include "crowd/crowd.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define T0 INT64_C(1780272000) /* 2026-06-01 */

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

static void reopen(struct rig *r) {
    rig_close(r);
    rig_open(r);
}

static void put_events(struct rig *r, int from, int to) {
    rig_begin(r);
    for (int i = from; i < to; i++) {
        char who[16], insert[16];
        snprintf(who, sizeof who, "u%d", i % 7);
        snprintf(insert, sizeof insert, "i%d", i);
        rig_event(r, (struct rig_event){"Play", who, NULL, T0 + i, insert, "plan",
                                        i % 2 ? "pro" : "free", true});
    }
    rig_commit(r);
}

static void what_is_committed_is_visible(void **state) {
    struct rig *r = *state;
    put_events(r, 0, 50);
    assert_int_equal((int)rig_total(r, "Play", "total"), 50);
    assert_int_equal((int)rig_total(r, "Play", "unique"), 7);
}

static void answers_do_not_change_by_flush_or_restart(void **state) {
    struct rig *r = *state;
    for (int i = 0; i < 10; i++)
        put_events(r, i * 10, i * 10 + 10);
    rig_flush(r);
    assert_int_equal((int)rig_total(r, "Play", "total"), 100);
    put_events(r, 100, 120);
    reopen(r);
    assert_int_equal((int)rig_total(r, "Play", "total"), 120);
    struct store_stats s;
    store_stats(r->store, &s);
    assert_int_equal(s.events, 120);
    assert_true(s.parts >= 1);
    assert_int_equal(s.tail_rows, 20);
}

static void duplicates_fold_across_tail_parts_and_files(void **state) {
    struct rig *r = *state;
    for (int i = 0; i < 3; i++) {
        put_events(r, 0, 30);
        if (i < 2) rig_flush(r);
    }
    assert_int_equal((int)rig_total(r, "Play", "total"), 30);
}

/* Each commit is followed by itself: at most three parts of each power of four are left. */
static void a_tail_of_many_small_follows_has_few_parts(void **state) {
    struct rig *r = *state;
    struct store_stats s;
    uint64_t most = 0;
    for (int i = 0; i < 150; i++) {
        put_events(r, i * 5, i * 5 + (i % 5) + 1);
        store_stats(r->store, &s);
        if (s.tail_parts > most) most = s.tail_parts;
    }
    assert_in_range(most, 2, 12);
    assert_int_equal(s.tail_rows, 450);
    assert_int_equal((int)rig_total(r, "Play", "total"), 450);
}

static void many_flushes_are_merged_and_nothing_is_lost(void **state) {
    struct rig *r = *state;
    for (int i = 0; i < 24; i++) {
        put_events(r, i * 5, i * 5 + 10); /* half of each comes again with the next */
        rig_flush(r);
    }
    struct store_stats s;
    for (int i = 0; i < 200; i++) {
        store_stats(r->store, &s);
        if (s.parts < 8) break;
        struct timespec pause = {.tv_nsec = 20000000};
        nanosleep(&pause, NULL);
    }
    assert_true(s.parts < 8);
    assert_int_equal((int)rig_total(r, "Play", "total"), 125);
    reopen(r);
    assert_int_equal((int)rig_total(r, "Play", "total"), 125);
    AUTO(buf_done) struct buf report;
    buf_init(&report, 1 << 16);
    struct jout j;
    jout_init(&j, &report);
    jout_object(&j);
    assert_ok(store_check(r->folder, r->meta, &j));
}

static void a_device_becomes_its_user_at_once_and_stays_it(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_event(r, (struct rig_event){"Play", NULL, "$device:d1", T0, NULL, NULL, NULL, false});
    rig_event(r, (struct rig_event){"Play", NULL, "$device:d2", T0, NULL, NULL, NULL, false});
    rig_commit(r);
    assert_int_equal((int)rig_total(r, "Play", "unique"), 2);
    rig_begin(r);
    rig_event(r, (struct rig_event){"Play", "ada", "$device:d1", T0 + 9, NULL, NULL, NULL, false});
    rig_event(r, (struct rig_event){"Play", "ada", "$device:d2", T0 + 10, NULL, NULL, NULL, false});
    rig_event(r, (struct rig_event){"Play", "bob", "$device:d1", T0 + 11, NULL, NULL, NULL,
                                    false}); /* does not remap */
    rig_commit(r);
    assert_int_equal((int)rig_total(r, "Play", "unique"), 2);
    rig_flush(r);
    reopen(r);
    assert_int_equal((int)rig_total(r, "Play", "unique"), 2);
    assert_int_equal((int)rig_total(r, "Play", "total"), 5);
}

static void a_profile_operation_is_applied_once(void **state) {
    struct rig *r = *state;
    for (int i = 0; i < 5; i++) {
        rig_begin(r);
        rig_user_add(r, "ada", "logins", 2);
        rig_commit(r);
        if (i == 1) reopen(r);
        if (i == 3) rig_flush(r);
    }
    rig_begin(r);
    rig_user_set(r, "ada", "plan", "pro", true);
    rig_commit(r);
    reopen(r);
    const char *answer = rig_ask(r, false, "{\"project\":1,\"report\":\"users\"}");
    assert_non_null(strstr(answer, "\"logins\":10"));
    assert_non_null(strstr(answer, "\"plan\":\"pro\""));
    assert_non_null(strstr(answer, "\"total\":1"));
}

static void pieces_of_addresses_are_no_properties(void **state) {
    struct rig *r = *state;
    AUTO(buf_done) struct buf out;
    buf_init(&out, 4096);
    rig_begin(r);
    rig_user_set(r, "ada", "home", "https://a.example/x", true);
    rig_text(r, TEXT_USER_PROPERTY, "", "home#host", true);
    rig_text(r, TEXT_USER_PROPERTY, "", "company\x1fhome#path:/docs", true);
    rig_commit(r);
    buf_put_str(&out, STR("{\"events\":[]}"));
    assert_ok(store_lexicon_more(r->store, r->project.id, &out));
    buf_put_u8(&out, 0);
    assert_string_equal(
        out.p, "{\"events\":[],\"user_properties\":[{\"name\":\"home\"}],\"group_keys\":[]}");
}

static void sealed_profile_text_opens_for_an_admin_only(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_user_set(r, "ada", "note", "likes rain", false);
    rig_event(r,
              (struct rig_event){"Play", "ada", NULL, T0, NULL, "$current_url", "/secret", false});
    rig_commit(r);
    rig_flush(r);
    reopen(r);
    const char *users = "{\"project\":1,\"report\":\"users\"}";
    assert_null(strstr(rig_ask(r, false, users), "likes rain"));
    assert_non_null(strstr(rig_ask(r, false, users), "\"note\":\"sealed:"));
    const char *opened = rig_ask(r, true, users);
    assert_non_null(strstr(opened, "likes rain"));
    assert_non_null(strstr(opened, "\"ada\""));
}

static void rewrapped_text_opens_with_the_new_key_alone(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_user_set(r, "ada", "note", "likes rain", false);
    rig_event(
        r, (struct rig_event){"Play", "ada", NULL, T0, NULL, "where", "under the bridge", false});
    rig_commit(r);
    rig_flush(r);
    struct team_secret old = r->team, fresh;
    team_generate(&fresh);
    assert_ok(store_rewrap(r->store, &old, &fresh.pub));
    const char *events =
        "{\"project\":1,\"report\":\"events\",\"from\":\"2026-01-01\",\"to\":\"2026-12-31\"}";
    assert_null(strstr(rig_ask(r, true, events), "under the bridge"));
    char wal[200];
    snprintf(wal, sizeof wal, "%s/meta.db-wal", r->folder);
    AUTO(buf_done) struct buf left;
    buf_init(&left, 64u << 20);
    assert_ok(io_read_file(wal, 64u << 20, &left));
    assert_int_equal(left.n, 0); /* no box of the old key stays in the log */
    r->team = fresh;
    assert_non_null(strstr(rig_ask(r, true, events), "under the bridge"));
    assert_non_null(strstr(rig_ask(r, true, "{\"project\":1,\"report\":\"users\"}"), "likes rain"));
}

static void a_token_belongs_to_one_project(void **state) {
    struct rig *r = *state;
    struct store_project p;
    char secret[65];
    struct store_project_new n = {.name = STR("two"), .token = str_z(r->project.token)};
    assert_int_equal(store_project_create(r->store, &n, &p, secret).code, ERR_EXISTS);
    n.token = STR("a b");
    assert_int_equal(store_project_create(r->store, &n, &p, secret).code, ERR_INVALID);
    n.token = STR("abcd");
    n.timezone = STR("Mars/Olympus");
    assert_int_equal(store_project_create(r->store, &n, &p, secret).code, ERR_INVALID);
    n.timezone = STR("Europe/Berlin");
    assert_ok(store_project_create(r->store, &n, &p, secret));
    assert_int_equal(p.id, 2);
    assert_int_equal(p.crowd, CROWD_DEFAULT_K);
}

static void look(struct rig *r, struct store_live *v, bool admin, int timeout_ms, struct buf *out) {
    size_t n = 0;
    AUTO(store_world_free) struct store_world *w = NULL;
    struct query_rights rights = {.may_reveal = admin, .opened = admin};
    buf_clear(out);
    assert_ok(store_live_next(r->store, v, timeout_ms, &n));
    assert_ok(store_world_open(r->store, r->project.id, r->root, admin ? &r->team : NULL, &w));
    assert_ok(store_live_write(v, w, &rights, out));
    buf_put_char(out, 0);
}

static void the_live_view_gives_what_arrives(void **state) {
    struct rig *r = *state;
    AUTO(store_live_free) struct store_live *v = store_live_new(r->project.id);
    AUTO(store_live_free) struct store_live *admin = store_live_new(r->project.id);
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    rig_begin(r);
    rig_event(r, (struct rig_event){"Play", "ada", NULL, T0, NULL, "plan", "pro", true});
    rig_event(r, (struct rig_event){"Pay", "ada", NULL, T0 + 1, NULL, "card", "4111", false});
    rig_commit(r);
    look(r, v, false, 2000, &out);
    assert_non_null(strstr(out.p, "\"event\":\"Play\""));
    assert_non_null(strstr(out.p, "\"card\":\"sealed:"));
    assert_null(strstr(out.p, "4111"));
    look(r, v, false, 0, &out);
    assert_string_equal(out.p, "[]");
    look(r, admin, true, 0, &out);
    assert_non_null(strstr(out.p, "\"card\":\"4111\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_committed_is_visible, start, stop),
        cmocka_unit_test_setup_teardown(answers_do_not_change_by_flush_or_restart, start, stop),
        cmocka_unit_test_setup_teardown(duplicates_fold_across_tail_parts_and_files, start, stop),
        cmocka_unit_test_setup_teardown(a_tail_of_many_small_follows_has_few_parts, start, stop),
        cmocka_unit_test_setup_teardown(many_flushes_are_merged_and_nothing_is_lost, start, stop),
        cmocka_unit_test_setup_teardown(a_device_becomes_its_user_at_once_and_stays_it, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_profile_operation_is_applied_once, start, stop),
        cmocka_unit_test_setup_teardown(pieces_of_addresses_are_no_properties, start, stop),
        cmocka_unit_test_setup_teardown(sealed_profile_text_opens_for_an_admin_only, start, stop),
        cmocka_unit_test_setup_teardown(rewrapped_text_opens_with_the_new_key_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_token_belongs_to_one_project, start, stop),
        cmocka_unit_test_setup_teardown(the_live_view_gives_what_arrives, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
