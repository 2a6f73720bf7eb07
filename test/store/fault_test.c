/* What a failing step leaves behind: the tables refuse a write, and later take it. */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crowd/crowd.h"
#include "rig.h"

#define T0 1767225600 /* 2026-01-01 */

static int setup(void **state) {
    struct rig *r = malloc(sizeof *r);
    rig_start(r);
    *state = r;
    return 0;
}

static int teardown(void **state) {
    struct rig *r = *state;
    rig_close(r);
    rig_remove(r);
    free(r);
    return 0;
}

/* ---- tables that refuse ---- */

static void tables_do(struct rig *r, const char *sql) {
    assert_ok(meta_begin(r->meta));
    assert_ok(meta_exec(r->meta, sql, ""));
    assert_ok(meta_commit(r->meta));
}

static void refuse(struct rig *r, const char *table) {
    char sql[160];
    snprintf(sql, sizeof sql,
             "CREATE TRIGGER refuse BEFORE INSERT ON %s BEGIN SELECT RAISE(FAIL, 'full'); END",
             table);
    tables_do(r, sql);
}

static void allow(struct rig *r) {
    tables_do(r, "DROP TRIGGER refuse");
}

static int64_t rows_of(struct rig *r, const char *table) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_ok(meta_begin(r->meta));
    struct meta_row *row = NULL;
    struct err e;
    assert_ok(meta_query(r->meta, &row, sql, ""));
    assert_true(meta_next(row, &e));
    int64_t n = meta_i64(row, 0);
    meta_end(row);
    meta_rollback(r->meta);
    return n;
}

/* Appended and synced; the follower cannot take it yet. */
static uint64_t append(struct rig *r) {
    struct str bytes;
    uint64_t position = 0;
    assert_ok(frame_finish(r->frame, &bytes));
    assert_ok(journal_append(r->journal, &bytes, 1, &position));
    atomic_store(&r->synced, position);
    return position;
}

static void what_a_refused_transaction_held_is_applied_whole_later(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_event(r, (struct rig_event){.name = "Play", .device = "$device:d", .time_s = T0});
    rig_commit(r);
    refuse(r, "profile");
    rig_begin(r);
    rig_event(r, (struct rig_event){
                     .name = "Play", .who = "ada", .device = "$device:d", .time_s = T0 + 1});
    rig_user_add(r, "ada", "logins", 2);
    uint64_t position = append(r);
    assert_int_equal(store_wait_visible(r->store, position, 1500).code, ERR_TIMEOUT);
    assert_int_equal(rows_of(r, "alias"), 0);
    allow(r);
    assert_ok(store_wait_visible(r->store, position, 10000));
    assert_int_equal(rows_of(r, "alias"), 1);
    assert_int_equal((int)rig_total(r, "Play", "unique"), 1);
    rig_flush(r);
    rig_close(r);
    rig_open(r);
    assert_int_equal((int)rig_total(r, "Play", "unique"), 1);
    assert_int_equal((int)rig_total(r, "Play", "total"), 2);
    assert_non_null(
        strstr(rig_ask(r, false, "{\"project\":1,\"report\":\"users\"}"), "\"logins\":2"));
}

/* ---- parts that no row names ---- */

static int part_files(struct rig *r) {
    char path[100];
    snprintf(path, sizeof path, "%s/parts", r->folder);
    DIR *d = opendir(path);
    assert_non_null(d);
    int n = 0;
    for (struct dirent *f = readdir(d); f; f = readdir(d))
        n += f->d_name[0] != '.';
    closedir(d);
    return n;
}

static void a_flush_that_fails_leaves_no_files(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_event(r, (struct rig_event){.name = "Play", .who = "ada", .time_s = T0});
    rig_commit(r);
    refuse(r, "part");
    assert_int_equal(store_flush(r->store, r->synced, 2500).code, ERR_TIMEOUT);
    usleep(500000); /* between two tries */
    int left = part_files(r);
    allow(r);
    rig_flush(r);
    assert_true(left <= 1); /* the one being tried */
    assert_int_equal(part_files(r), 1);
    assert_int_equal((int)rig_total(r, "Play", "total"), 1);
}

/* ---- the front's sets ---- */

static bool set_holds(struct rig *r, const char *property, const char *text) {
    char path[120];
    snprintf(path, sizeof path, "%s/front/crowd-1.set", r->folder);
    AUTO(crowd_free) struct crowd *c = crowd_new(16);
    uint64_t position;
    assert_non_null(c);
    if (crowd_set_read(path, c, &position).code != ERR_OK) return false;
    return crowd_is_readable(
        c, seal_hash(&r->keys, TEXT_VALUE, TEXT_STRING, str_z(property), str_z(text)));
}

/* The words were applied before the end, their frames are deleted after it. */
static void words_of_before_a_restart_are_in_the_set_before_their_frames_go(void **state) {
    struct rig *r = *state;
    rig_begin(r);
    rig_event(r, (struct rig_event){.name = "Play",
                                    .who = "ada",
                                    .time_s = T0,
                                    .property = "plan",
                                    .value = "pro",
                                    .readable = true});
    rig_commit(r);
    rig_close(r);
    rig_open(r);
    assert_false(set_holds(r, "plan", "pro"));
    rig_flush(r);
    for (int ms = 0; ms < 5000 && !set_holds(r, "plan", "pro"); ms += 20)
        usleep(20000); /* the set is written right behind the parts */
    assert_true(set_holds(r, "plan", "pro"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_refused_transaction_held_is_applied_whole_later,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_flush_that_fails_leaves_no_files, setup, teardown),
        cmocka_unit_test_setup_teardown(
            words_of_before_a_restart_are_in_the_set_before_their_frames_go, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
