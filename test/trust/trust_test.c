#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trust/secret.h"
#include "trust/trust.h"

static char folder[] = "/tmp/weir-trust-XXXXXX";
static struct meta *meta;
static struct trust *trust;

static int begin(void **state) {
    return mkdtemp(folder) == NULL || seal_start().code != ERR_OK;
}

static int end(void **state) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0;
}

static int open_all(void **state) {
    char path[100];
    path_join(path, sizeof path, folder, "meta.db");
    if (meta_open(path, &meta).code != ERR_OK) return 1;
    return trust_open(meta, &trust).code != ERR_OK;
}

static int close_all(void **state) {
    trust_close(trust);
    meta_close(meta);
    char command[100];
    snprintf(command, sizeof command, "rm -f %s/*", folder);
    return system(command) != 0;
}

/* Moves what the tables know by so many seconds into the past. */
static void age(const char *sql, int64_t seconds) {
    assert_int_equal(meta_begin(meta).code, ERR_OK);
    assert_int_equal(meta_exec(meta, sql, "i", seconds * US_PER_S).code, ERR_OK);
    assert_int_equal(meta_commit(meta).code, ERR_OK);
}

static void log_in(char session[TRUST_SECRET_CHARS]) {
    char code[TRUST_SECRET_CHARS];
    assert_int_equal(trust_link_create(trust, STR(""), code).code, ERR_OK);
    assert_int_equal(trust_link_use(trust, str_z(code), session).code, ERR_OK);
}

static void roles_have_names_and_an_order(void **state) {
    enum role r = ROLE_NONE;
    assert_true(role_parse(STR("exporter"), &r) && r == ROLE_EXPORTER);
    assert_true(role_parse(STR("collector"), &r) && r == ROLE_COLLECTOR);
    assert_false(role_parse(STR("none"), &r) || role_parse(STR("Admin"), &r) ||
                 role_parse(STR(""), &r));
    assert_true(ROLE_COLLECTOR < ROLE_ANALYST && ROLE_ANALYST < ROLE_EXPORTER &&
                ROLE_EXPORTER < ROLE_ADMIN);
    assert_string_equal(role_name(ROLE_ADMIN), "admin");
}

static void a_link_logs_in_once(void **state) {
    char code[TRUST_SECRET_CHARS], session[TRUST_SECRET_CHARS], again[TRUST_SECRET_CHARS];
    struct actor a;
    assert_int_equal(trust_link_create(trust, STR(""), code).code, ERR_OK);
    assert_int_equal(trust_link_use(trust, STR("wrong"), session).code, ERR_DENIED);
    assert_int_equal(trust_link_use(trust, str_z(code), session).code, ERR_OK);
    assert_int_equal(trust_link_use(trust, str_z(code), again).code, ERR_DENIED);
    assert_int_equal(trust_session(trust, str_z(session), &a).code, ERR_OK);
    assert_int_equal(a.role, ROLE_ADMIN);
    assert_string_equal(a.name, "admin");
    assert_true(a.member_id != 0 && a.key_id == 0 && a.project == 0 && strlen(a.csrf) == 32);
    assert_int_equal(trust_session(trust, str_z(code), &a).code, ERR_DENIED);
    assert_int_equal(trust_session_end(trust, str_z(session)).code, ERR_OK);
    assert_int_equal(trust_session(trust, str_z(session), &a).code, ERR_DENIED);
}

static void a_link_lives_for_fifteen_minutes(void **state) {
    char code[TRUST_SECRET_CHARS], session[TRUST_SECRET_CHARS];
    assert_int_equal(trust_link_create(trust, STR(""), code).code, ERR_OK);
    age("UPDATE trust_links SET expires_us = expires_us - ?", 15 * 60 - 5);
    assert_int_equal(trust_link_use(trust, str_z(code), session).code, ERR_OK);
    assert_int_equal(trust_link_create(trust, STR(""), code).code, ERR_OK);
    age("UPDATE trust_links SET expires_us = expires_us - ?", 15 * 60 + 1);
    assert_int_equal(trust_link_use(trust, str_z(code), session).code, ERR_DENIED);
}

static void only_the_first_member_is_made_by_a_link(void **state) {
    char code[TRUST_SECRET_CHARS];
    assert_int_equal(trust_link_create(trust, STR("bad\nname"), code).code, ERR_INVALID);
    assert_int_equal(trust_link_create(trust, STR("Ada"), code).code, ERR_OK);
    assert_int_equal(trust_link_create(trust, STR("Ada"), code).code, ERR_OK);
    assert_int_equal(trust_link_create(trust, STR(""), code).code, ERR_OK);
    assert_int_equal(trust_link_create(trust, STR("Eve"), code).code, ERR_NOTFOUND);
    char session[TRUST_SECRET_CHARS];
    struct actor a;
    assert_int_equal(trust_link_create(trust, STR(""), code).code, ERR_OK);
    assert_int_equal(trust_link_use(trust, str_z(code), session).code, ERR_OK);
    assert_int_equal(trust_session(trust, str_z(session), &a).code, ERR_OK);
    assert_string_equal(a.name, "Ada");
}

static void a_session_ends_when_it_is_idle_or_old(void **state) {
    char session[TRUST_SECRET_CHARS];
    struct actor a;
    log_in(session);
    age("UPDATE trust_sessions SET seen_us = seen_us - ?", 6 * 86400);
    assert_int_equal(trust_session(trust, str_z(session), &a).code, ERR_OK); /* and is seen now */
    age("UPDATE trust_sessions SET seen_us = seen_us - ?", 6 * 86400);
    assert_int_equal(trust_session(trust, str_z(session), &a).code, ERR_OK);
    age("UPDATE trust_sessions SET seen_us = seen_us - ?", 8 * 86400);
    assert_int_equal(trust_session(trust, str_z(session), &a).code, ERR_DENIED);
    log_in(session);
    age("UPDATE trust_sessions SET created_us = created_us - ?", 31 * 86400);
    assert_int_equal(trust_session(trust, str_z(session), &a).code, ERR_DENIED);
}

struct sender_seen {
    uint64_t project[8];
    uint8_t hash[8][SEAL_SECRET_HASH_BYTES];
    size_t n;
};

static void see_sender(void *ctx, uint64_t project, const uint8_t *hash) {
    struct sender_seen *seen = ctx;
    assert_true(seen->n < 8);
    seen->project[seen->n] = project;
    memcpy(seen->hash[seen->n++], hash, SEAL_SECRET_HASH_BYTES);
}

static void senders_are_the_live_keys_of_collectors_and_admins(void **state) {
    static const enum role roles[] = {ROLE_COLLECTOR, ROLE_ANALYST, ROLE_EXPORTER, ROLE_ADMIN};
    char user[TRUST_SECRET_CHARS], secret[4][TRUST_SECRET_CHARS];
    struct sender_seen seen = {0};
    uint8_t hash[SEAL_SECRET_HASH_BYTES];
    for (size_t i = 0; i < 4; i++) {
        struct trust_key_new n = {9 - i, roles[i], STR(""), 1};
        assert_int_equal(trust_key_create(trust, &n, user, secret[i]).code, ERR_OK);
    }
    assert_int_equal(trust_senders(trust, see_sender, &seen).code, ERR_OK);
    assert_int_equal(seen.n, 2);
    assert_true(seen.project[0] == 6 && seen.project[1] == 9);
    seal_secret_hash(str_z(secret[0]), hash);
    assert_memory_equal(seen.hash[1], hash, sizeof hash);
    age("UPDATE trust_keys SET revoked = 1 WHERE project = 9 AND ? > 0", 1);
    seen.n = 0;
    assert_int_equal(trust_senders(trust, see_sender, &seen).code, ERR_OK);
    assert_true(seen.n == 1 && seen.project[0] == 6);
    age("UPDATE trust_keys SET expires_us = expires_us - ?", 86400 + 1);
    seen.n = 0;
    assert_int_equal(trust_senders(trust, see_sender, &seen).code, ERR_OK);
    assert_int_equal(seen.n, 0);
}

static void a_key_is_known_by_user_and_secret_or_by_secret_alone(void **state) {
    char user[TRUST_SECRET_CHARS], secret[TRUST_SECRET_CHARS], other[TRUST_SECRET_CHARS],
        second[TRUST_SECRET_CHARS];
    struct actor a;
    assert_int_equal(trust_key_create(trust,
                                      &(struct trust_key_new){7, ROLE_ANALYST, STR("reports"), 0},
                                      user, secret)
                         .code,
                     ERR_OK);
    assert_int_equal(
        trust_key_create(trust, &(struct trust_key_new){8, ROLE_ADMIN, STR(""), 1}, other, second)
            .code,
        ERR_OK);
    assert_true(str_starts(str_z(user), STR("wk_")) && str_starts(str_z(secret), STR("weir_")));
    assert_int_equal(trust_key(trust, str_z(user), str_z(secret), &a).code, ERR_OK);
    assert_int_equal(a.role, ROLE_ANALYST);
    assert_int_equal(a.project, 7);
    assert_string_equal(a.name, "reports");
    assert_true(a.key_id != 0 && a.member_id == 0 && a.csrf[0] == 0);
    assert_int_equal(trust_bearer(trust, str_z(second), &a).code, ERR_OK);
    assert_int_equal(a.project, 8);
    assert_string_equal(a.name, other);
    a.project = 99;
    assert_int_equal(trust_key(trust, str_z(user), str_z(second), &a).code, ERR_DENIED);
    assert_int_equal(trust_key(trust, str_z(""), str_z(secret), &a).code, ERR_DENIED);
    assert_int_equal(trust_bearer(trust, str_z(user), &a).code, ERR_DENIED);
    assert_int_equal(trust_bearer(trust, STR(""), &a).code, ERR_DENIED);
    assert_int_equal(a.project, 99); /* untouched on error */
}

static void a_key_ends_on_its_day(void **state) {
    char user[TRUST_SECRET_CHARS], secret[TRUST_SECRET_CHARS];
    struct actor a;
    assert_int_equal(trust_key_create(trust, &(struct trust_key_new){1, ROLE_EXPORTER, STR("x"), 2},
                                      user, secret)
                         .code,
                     ERR_OK);
    age("UPDATE trust_keys SET expires_us = expires_us - ?", 2 * 86400 - 60);
    assert_int_equal(trust_bearer(trust, str_z(secret), &a).code, ERR_OK);
    age("UPDATE trust_keys SET expires_us = expires_us - ?", 120);
    assert_int_equal(trust_bearer(trust, str_z(secret), &a).code, ERR_DENIED);
    assert_int_equal(
        trust_key_create(trust, &(struct trust_key_new){1, ROLE_NONE, STR("x"), 2}, user, secret)
            .code,
        ERR_INVALID);
    assert_int_equal(
        trust_key_create(trust, &(struct trust_key_new){1, ROLE_ADMIN, STR("x"), -1}, user, secret)
            .code,
        ERR_INVALID);
    assert_int_equal(trust_key_create(trust, &(struct trust_key_new){1, ROLE_ADMIN, STR("a\tb"), 1},
                                      user, secret)
                         .code,
                     ERR_INVALID);
}

static void a_secret_carries_a_check_that_one_wrong_letter_breaks(void **state) {
    char secret[TRUST_SECRET_CHARS];
    for (int round = 0; round < 50; round++) {
        trust_secret_make_key(secret);
        assert_int_equal(strlen(secret), 43);
        assert_true(trust_secret_is_key(str_z(secret)));
        size_t at = 5 + random_u64() % 38;
        secret[at] = secret[at] == 'q' ? 'r' : 'q';
        assert_false(trust_secret_is_key(str_z(secret)));
    }
    assert_false(trust_secret_is_key((struct str){secret, 42}));
}

/* The folder's bytes hold no secret: what a thief of the disk would look for. */
static void no_secret_lies_on_the_disk(void **state) {
    char user[TRUST_SECRET_CHARS], secret[TRUST_SECRET_CHARS], session[TRUST_SECRET_CHARS],
        command[300];
    log_in(session);
    assert_int_equal(trust_key_create(trust,
                                      &(struct trust_key_new){1, ROLE_ADMIN, STR("control"), 2},
                                      user, secret)
                         .code,
                     ERR_OK);
    snprintf(command, sizeof command, "grep -qra %s %s", user, folder);
    assert_int_equal(system(command), 0); /* the search does find what is there */
    snprintf(command, sizeof command, "grep -qra -e %s -e %s %s", secret + 5, session, folder);
    assert_int_not_equal(system(command), 0);
}

static void the_log_lists_the_newest_first(void **state) {
    struct actor a = {.role = ROLE_ADMIN, .key_id = 3, .name = "Ada"};
    assert_int_equal(trust_log(trust, &a, 7, "export", STR("2026-01-01..2026-01-31")).code, ERR_OK);
    a.key_id = 0;
    assert_int_equal(trust_log(trust, &a, 7, "reveal", STR("2 handles")).code, ERR_OK);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 10000);
    struct jout j;
    jout_init(&j, &b);
    assert_int_equal(trust_log_list(trust, 1, &j).code, ERR_OK);
    assert_true(str_contains(buf_str(&b), STR("\"who\":\"Ada\",\"by_key\":false,\"project\":7,"
                                              "\"what\":\"reveal\",\"detail\":\"2 handles\"}]")));
    assert_false(str_contains(buf_str(&b), STR("export")));
    buf_clear(&b);
    jout_init(&j, &b);
    assert_int_equal(trust_log_list(trust, 10, &j).code, ERR_OK);
    assert_true(str_contains(buf_str(&b), STR("\"by_key\":true")));
}

static void make_key(uint64_t project, enum role role, char user[TRUST_SECRET_CHARS],
                     char secret[TRUST_SECRET_CHARS], struct actor *out) {
    struct trust_key_new n = {project, role, STR("probe"), 1};
    assert_int_equal(trust_key_create(trust, &n, user, secret).code, ERR_OK);
    assert_int_equal(trust_bearer(trust, str_z(secret), out).code, ERR_OK);
}

static void a_key_is_ended_by_its_projects_admin_or_by_itself(void **state) {
    char user[4][TRUST_SECRET_CHARS], secret[4][TRUST_SECRET_CHARS];
    struct actor a[4], server = {.role = ROLE_ADMIN};
    enum role was = ROLE_NONE;
    make_key(1, ROLE_ADMIN, user[0], secret[0], &a[0]);
    make_key(2, ROLE_ADMIN, user[1], secret[1], &a[1]);
    make_key(1, ROLE_COLLECTOR, user[2], secret[2], &a[2]);
    make_key(1, ROLE_ANALYST, user[3], secret[3], &a[3]);
    assert_int_equal(trust_key_revoke(trust, &a[1], str_z(user[2]), &was).code, ERR_NOTFOUND);
    assert_int_equal(trust_key_revoke(trust, &a[3], str_z(user[2]), &was).code, ERR_NOTFOUND);
    assert_int_equal(trust_key_revoke(trust, &a[0], str_z(user[2]), &was).code, ERR_OK);
    assert_int_equal(was, ROLE_COLLECTOR);
    assert_int_equal(trust_bearer(trust, str_z(secret[2]), &a[2]).code, ERR_DENIED);
    assert_int_equal(trust_key_revoke(trust, &a[0], str_z(user[2]), &was).code, ERR_NOTFOUND);
    assert_int_equal(trust_key_revoke(trust, &a[3], str_z(user[3]), &was).code, ERR_OK);
    assert_int_equal(trust_key_revoke(trust, &server, str_z(user[1]), &was).code, ERR_OK);
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    struct jout j;
    jout_init(&j, &out);
    assert_int_equal(trust_key_list(trust, 1, &j).code, ERR_OK);
    buf_put_char(&out, 0);
    assert_null(strstr(out.p, user[1]));
    assert_non_null(strstr(out.p, "\"role\":\"collector\",\"name\":\"probe\",\"created\":\"2"));
    assert_non_null(strstr(out.p, "\"revoked\":true"));
    for (int i = 0; i < 4; i++)
        assert_null(strstr(out.p, secret[i]));
    struct jout log;
    buf_clear(&out);
    jout_init(&log, &out);
    assert_int_equal(trust_log_list(trust, 100, &log).code, ERR_OK);
    buf_put_char(&out, 0);
    assert_non_null(strstr(out.p, user[2]));
}

static int64_t entries_of(int64_t key) {
    struct meta_row *r = NULL;
    struct err e;
    assert_int_equal(meta_begin(meta).code, ERR_OK);
    assert_int_equal(
        meta_query(meta, &r, "SELECT count(*) FROM trust_log WHERE key = ?", "i", key).code,
        ERR_OK);
    assert_true(meta_next(r, &e));
    int64_t n = meta_i64(r, 0);
    meta_end(r);
    meta_rollback(meta);
    return n;
}

static void the_log_keeps_the_last_entries_of_each_key(void **state) {
    struct actor loud = {.key_id = 7, .name = "loud"}, quiet = {.key_id = 8, .name = "quiet"};
    assert_int_equal(trust_log(trust, &quiet, 1, "literal", STR("kept")).code, ERR_OK);
    assert_int_equal(meta_begin(meta).code, ERR_OK);
    assert_int_equal(
        meta_exec(meta,
                  "INSERT INTO trust_log (at_us, who, member, key, project, what, "
                  "detail) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                  "FROM n WHERE i < ?) SELECT i, 'loud', 0, 7, 1, 'literal', '' FROM n",
                  "i", (int64_t)TRUST_LOG_ENTRIES + 5000)
            .code,
        ERR_OK);
    assert_int_equal(meta_commit(meta).code, ERR_OK);
    for (int i = 0; i < 256; i++)
        assert_int_equal(trust_log(trust, &loud, 1, "literal", STR("late")).code, ERR_OK);
    assert_in_range(entries_of(7), TRUST_LOG_ENTRIES, TRUST_LOG_ENTRIES + 256);
    assert_int_equal(entries_of(8), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_ended_by_its_projects_admin_or_by_itself, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(the_log_keeps_the_last_entries_of_each_key, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(roles_have_names_and_an_order, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_link_logs_in_once, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_link_lives_for_fifteen_minutes, open_all, close_all),
        cmocka_unit_test_setup_teardown(only_the_first_member_is_made_by_a_link, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(a_session_ends_when_it_is_idle_or_old, open_all, close_all),
        cmocka_unit_test_setup_teardown(senders_are_the_live_keys_of_collectors_and_admins,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(a_key_is_known_by_user_and_secret_or_by_secret_alone,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(a_key_ends_on_its_day, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_secret_carries_a_check_that_one_wrong_letter_breaks,
                                        open_all, close_all),
        cmocka_unit_test_setup_teardown(no_secret_lies_on_the_disk, open_all, close_all),
        cmocka_unit_test_setup_teardown(the_log_lists_the_newest_first, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
