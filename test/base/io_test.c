#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"

static char folder[] = "/tmp/weir-io-XXXXXX";

static int make_folder(void **state) {
    return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state) {
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0;
}

static const char *at(const char *name) {
    static char path[256];
    path_join(path, sizeof path, folder, name);
    return path;
}

static void a_replaced_file_is_whole_and_has_its_mode(void **state) {
    assert_int_equal(io_replace_file(at("f"), STR("first"), 0644).code, ERR_OK);
    assert_int_equal(io_replace_file(at("f"), STR("second"), 0600).code, ERR_OK);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 100);
    buf_put_str(&b, STR("x:"));
    assert_int_equal(io_read_file(at("f"), 6, &b).code, ERR_OK);
    assert_true(str_is(buf_str(&b), "x:second"));
    struct stat st;
    assert_int_equal(stat(at("f"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(access(at("f.tmp"), F_OK), -1);
}

static void reading_more_than_allowed_is_refused(void **state) {
    assert_int_equal(io_replace_file(at("g"), STR("123456"), 0600).code, ERR_OK);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 100);
    assert_int_equal(io_read_file(at("g"), 5, &b).code, ERR_LIMIT);
    struct buf exact; /* a buffer whose maximum is the file's own is enough */
    buf_init(&exact, 6);
    assert_int_equal(io_read_file(at("g"), 6, &exact).code, ERR_OK);
    buf_done(&exact);
    assert_int_equal(io_read_file(at("missing"), 5, &b).code, ERR_NOTFOUND);
    assert_int_equal(io_read_file(folder, 5, &b).code, ERR_IO);
}

static void a_temporary_file_that_is_a_link_is_not_followed(void **state) {
    assert_int_equal(symlink("/dev/null", at("h.tmp")), 0);
    assert_int_not_equal(io_replace_file(at("h"), STR("x"), 0600).code, ERR_OK);
}

static void folders_are_made_with_their_parents(void **state) {
    assert_int_equal(io_make_folder(at("a/b//c/"), 0700).code, ERR_OK);
    assert_int_equal(io_make_folder(at("a/b/c"), 0700).code, ERR_OK);
    assert_int_equal(io_replace_file(at("a/file"), STR(""), 0600).code, ERR_OK);
    assert_int_equal(io_make_folder(at("a/file"), 0700).code, ERR_EXISTS);
    assert_int_not_equal(io_make_folder(at("a/file/below"), 0700).code, ERR_OK);
}

static void a_short_file_is_corrupt_at_an_offset(void **state) {
    assert_int_equal(io_replace_file(at("p"), STR("0123456789"), 0600).code, ERR_OK);
    AUTO(fd_close) int fd = open(at("p"), O_RDONLY | O_CLOEXEC);
    char out[8];
    assert_int_equal(io_pread_all(fd, out, 4, 6).code, ERR_OK);
    assert_memory_equal(out, "6789", 4);
    assert_int_equal(io_pread_all(fd, out, 4, 7).code, ERR_CORRUPT);
}

static void errno_becomes_the_code_that_callers_branch_on(void **state) {
    static const int rows[][2] = {
        {ENOSPC, ERR_FULL},     {EDQUOT, ERR_FULL},   {EROFS, ERR_FULL},
        {ENOENT, ERR_NOTFOUND}, {EEXIST, ERR_EXISTS}, {EACCES, ERR_DENIED},
        {EPERM, ERR_DENIED},    {ENOMEM, ERR_NOMEM},  {EIO, ERR_IO}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        errno = rows[i][0];
        struct err e = err_os("step");
        assert_int_equal(e.code, rows[i][1]);
        assert_int_equal(e.os, rows[i][0]);
    }
}

static void words_use_all_letters_evenly(void **state) {
    int count[256] = {0};
    char word[37];
    for (int i = 0; i < 10000; i++) {
        random_word(word, 36);
        assert_int_equal(strlen(word), 36);
        for (int k = 0; k < 36; k++)
            count[(unsigned char)word[k]]++;
    }
    for (int c = 0; c < 256; c++) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        assert_true(letter ? count[c] > 9400 && count[c] < 10600 : count[c] == 0);
    }
}

static void a_log_line_cannot_be_forged(void **state) {
    int saved = dup(STDERR_FILENO), file = open(at("log"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    dup2(file, STDERR_FILENO);
    log_open("front");
    log_error("a\nb%s", "\r2026");
    log_failure("journal", (struct err){ERR_FULL, ENOSPC, "append failed"});
    char *large = calloc(1, 5000);
    memset(large, 'x', 4999);
    log_info("%s", large);
    free(large);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 9000);
    assert_int_equal(io_read_file(at("log"), 8000, &b).code, ERR_OK);
    struct str rest = buf_str(&b), first = str_cut(&rest, '\n'), second = str_cut(&rest, '\n'),
               third = str_cut(&rest, '\n');
    assert_true(str_is(str_from(first, 20), " front error a b 2026"));
    assert_true(str_is(str_from(second, 20),
                       " front error journal: append failed (No space left on device)"));
    assert_true(third.n > 900 && third.n < 1024 && rest.n == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replaced_file_is_whole_and_has_its_mode),
        cmocka_unit_test(reading_more_than_allowed_is_refused),
        cmocka_unit_test(a_temporary_file_that_is_a_link_is_not_followed),
        cmocka_unit_test(folders_are_made_with_their_parents),
        cmocka_unit_test(a_short_file_is_corrupt_at_an_offset),
        cmocka_unit_test(errno_becomes_the_code_that_callers_branch_on),
        cmocka_unit_test(words_use_all_letters_evenly),
        cmocka_unit_test(a_log_line_cannot_be_forged),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
