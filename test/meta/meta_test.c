#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "meta/meta.h"

static char folder[] = "/tmp/weir-meta-XXXXXX";
static char path[64];

static int begin(void **state) {
    if (mkdtemp(folder) == NULL) return 1;
    path_join(path, sizeof path, folder, "meta.db");
    return 0;
}

static int end(void **state) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0;
}

static int clean(void **state) {
    char command[100];
    snprintf(command, sizeof command, "rm -f %s/*", folder);
    return system(command) != 0;
}

static const char *const steps[] = {
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, h BLOB, x REAL); CREATE INDEX t_h "
    "ON t (h)",
    "ALTER TABLE t ADD COLUMN later TEXT",
};

static struct meta *open_meta(void) {
    struct meta *m = NULL;
    assert_int_equal(meta_open(path, &m).code, ERR_OK);
    assert_int_equal(meta_schema(m, "test", steps, 1).code, ERR_OK);
    return m;
}

static int32_t insert(struct meta *m, const char *name) {
    return meta_exec(m, "INSERT INTO t (name) VALUES (?)", "s", str_z(name)).code;
}

static int64_t count(struct meta *m) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    assert_int_equal(meta_query(m, &r, "SELECT count(*) FROM t", "").code, ERR_OK);
    assert_true(meta_next(r, &e));
    return meta_i64(r, 0);
}

static void values_come_back_as_they_were_bound(void **state) {
    AUTO(meta_close) struct meta *m = open_meta();
    uint8_t h[16] = {1, 0, 2};
    struct err e;
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(meta_exec(m, "INSERT INTO t (id, name, h, x) VALUES (?, ?, ?, ?)", "ishd",
                               INT64_MIN, STR("a\0b"), h, -0.5)
                         .code,
                     ERR_OK);
    assert_int_equal(meta_last_id(m), INT64_MIN);
    assert_int_equal(meta_exec(m, "INSERT INTO t (id, name, h, x) VALUES (?, ?, ?, ?)", "isbn",
                               (int64_t)7, (struct str){0}, STR("blob"))
                         .code,
                     ERR_OK);
    AUTO(meta_end) struct meta_row *r = NULL;
    assert_int_equal(meta_query(m, &r, "SELECT id, name, h, x FROM t ORDER BY id", "").code,
                     ERR_OK);
    assert_true(meta_next(r, &e));
    assert_int_equal(meta_i64(r, 0), INT64_MIN);
    assert_true(str_eq(meta_str(r, 1), STR("a\0b")));
    assert_memory_equal(meta_str(r, 2).p, h, 16);
    assert_true(meta_f64(r, 3) == -0.5);
    assert_true(meta_next(r, &e));
    assert_true(!meta_is_null(r, 1) && meta_str(r, 1).n == 0);
    assert_true(meta_is_null(r, 3));
    assert_false(meta_next(r, &e));
    assert_int_equal(e.code, ERR_OK);
    meta_end(r);
    r = NULL;
    assert_int_equal(meta_exec(m, "DELETE FROM t", "").code, ERR_OK);
    assert_int_equal(meta_changes(m), 2);
    assert_int_equal(meta_commit(m).code, ERR_OK);
}

static void what_is_rolled_back_never_was(void **state) {
    AUTO(meta_close) struct meta *m = open_meta();
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(insert(m, "kept"), ERR_OK);
    assert_int_equal(meta_commit(m).code, ERR_OK);
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(insert(m, "gone"), ERR_OK);
    meta_rollback(m);
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(count(m), 1);
    assert_int_equal(insert(m, "kept"), ERR_EXISTS);
    assert_int_equal(insert(m, "another"), ERR_OK); /* a refused row does not end the transaction */
    assert_int_equal(meta_commit(m).code, ERR_OK);
}

static void the_same_query_can_run_inside_itself(void **state) {
    AUTO(meta_close) struct meta *m = open_meta();
    assert_int_equal(meta_begin(m).code, ERR_OK);
    insert(m, "a");
    insert(m, "b");
    insert(m, "c");
    int pairs = 0;
    struct err e;
    AUTO(meta_end) struct meta_row *outer = NULL;
    assert_int_equal(meta_query(m, &outer, "SELECT name FROM t", "").code, ERR_OK);
    while (meta_next(outer, &e)) {
        AUTO(meta_end) struct meta_row *inner = NULL;
        assert_int_equal(meta_query(m, &inner, "SELECT name FROM t", "").code, ERR_OK);
        while (meta_next(inner, &e))
            pairs++;
    }
    assert_int_equal(pairs, 9);
    meta_end(outer);
    outer = NULL;
    meta_rollback(m);
}

static void schema_steps_are_applied_once_in_order(void **state) {
    struct meta *m = open_meta();
    assert_int_equal(meta_schema(m, "test", steps, 2).code, ERR_OK);
    assert_int_equal(meta_schema(m, "test", steps, 2).code, ERR_OK);
    meta_close(m);
    assert_int_equal(meta_open(path, &m).code, ERR_OK);
    struct err e = meta_schema(m, "test", steps, 1);
    assert_int_equal(e.code, ERR_CORRUPT);
    assert_string_equal(e.what, "meta: made by a newer weir");
    static const char *const broken[] = {"CREATE TABLE u (a); CREATE TABLE u (a)"};
    assert_int_not_equal(meta_schema(m, "other", broken, 1).code, ERR_OK);
    static const char *const mended[] = {"CREATE TABLE u (a)"};
    assert_int_equal(meta_schema(m, "other", mended, 1).code,
                     ERR_OK); /* nothing of the broken step stayed */
    meta_close(m);
}

static void a_newer_folder_and_a_broken_one_are_refused(void **state) {
    struct meta *m = open_meta();
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(meta_exec(m, "PRAGMA user_version=2", "").code, ERR_OK);
    assert_int_equal(meta_commit(m).code, ERR_OK);
    meta_close(m);
    m = NULL;
    struct err e = meta_open(path, &m);
    assert_int_equal(e.code, ERR_CORRUPT);
    assert_string_equal(e.what, "meta: made by a newer weir");
    clean(NULL);
    assert_int_equal(
        io_replace_file(path, STR("this is no database, whatever its name may promise to whom"),
                        0600)
            .code,
        ERR_OK);
    assert_int_equal(meta_open(path, &m).code, ERR_CORRUPT);
    assert_null(m);
}

static void others_cannot_read_the_file(void **state) {
    AUTO(meta_close) struct meta *m = open_meta();
    assert_non_null(m);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_was_committed_survives_a_kill(void **state) {
    pid_t child = fork();
    if (child == 0) {
        struct meta *m = open_meta();
        for (int i = 0; i < 10; i++) {
            char name[16];
            snprintf(name, sizeof name, "n%d", i);
            if (meta_begin(m).code != ERR_OK || insert(m, name) != ERR_OK ||
                meta_commit(m).code != ERR_OK)
                _exit(1);
        }
        if (meta_begin(m).code != ERR_OK || insert(m, "not committed") != ERR_OK) _exit(1);
        _exit(0); /* with the transaction open */
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    AUTO(meta_close) struct meta *m = open_meta();
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(count(m), 10);
    meta_rollback(m);
    assert_int_equal(meta_check(m).code, ERR_OK);
}

static void *add_hundred(void *meta) {
    struct meta *m = meta;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(meta_begin(m).code, ERR_OK);
        int64_t before = count(m);
        assert_int_equal(meta_exec(m, "INSERT INTO t (x) VALUES (?)", "d", 1.0).code, ERR_OK);
        assert_int_equal(count(m), before + 1);
        assert_int_equal(meta_commit(m).code, ERR_OK);
    }
    return NULL;
}

static void threads_take_turns(void **state) {
    AUTO(meta_close) struct meta *m = open_meta();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_hundred, m), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(count(m), 400);
    meta_rollback(m);
}

static void damage_is_found(void **state) {
    struct meta *m = open_meta();
    assert_int_equal(meta_begin(m).code, ERR_OK);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(
            meta_exec(m, "INSERT INTO t (name, h) VALUES (?, randomblob(100))", "s", str_z(""))
                        .code == ERR_OK ||
                i > 0,
            1);
    assert_int_equal(meta_exec(m,
                               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                               "WHERE i < 3000) INSERT INTO t (h) SELECT randomblob(100) FROM n",
                               "")
                         .code,
                     ERR_OK);
    assert_int_equal(meta_commit(m).code, ERR_OK);
    meta_close(m);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char zeros[4096] = {0};
    for (int page = 4; page < 30; page += 3)
        assert_int_equal(pwrite(fd, zeros, sizeof zeros, page * 4096), sizeof zeros);
    close(fd);
    m = NULL;
    assert_int_equal(meta_open(path, &m).code, ERR_OK);
    assert_int_equal(meta_check(m).code, ERR_CORRUPT);
    meta_close(m);
}

static void a_copy_holds_what_was_committed(void **state) {
    struct meta *m = open_meta();
    char copy[80];
    path_join(copy, sizeof copy, folder, "copy.db");
    assert_int_equal(meta_begin(m).code, ERR_OK);
    insert(m, "a");
    assert_int_equal(meta_commit(m).code, ERR_OK);
    assert_int_equal(meta_backup(m, copy).code, ERR_OK);
    meta_close(m);
    assert_int_equal(meta_open(copy, &m).code, ERR_OK);
    assert_int_equal(meta_begin(m).code, ERR_OK);
    assert_int_equal(count(m), 1);
    meta_rollback(m);
    meta_close(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(values_come_back_as_they_were_bound, clean),
        cmocka_unit_test_setup(what_is_rolled_back_never_was, clean),
        cmocka_unit_test_setup(the_same_query_can_run_inside_itself, clean),
        cmocka_unit_test_setup(schema_steps_are_applied_once_in_order, clean),
        cmocka_unit_test_setup(a_newer_folder_and_a_broken_one_are_refused, clean),
        cmocka_unit_test_setup(others_cannot_read_the_file, clean),
        cmocka_unit_test_setup(what_was_committed_survives_a_kill, clean),
        cmocka_unit_test_setup(threads_take_turns, clean),
        cmocka_unit_test_setup(damage_is_found, clean),
        cmocka_unit_test_setup(a_copy_holds_what_was_committed, clean),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
