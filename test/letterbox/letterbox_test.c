/* letterbox_test.c: letters in real files: sealed, bounded, offered until they are taken. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "letterbox/letterbox.h"
#include <sodium.h>

static char folder[] = "/tmp/weir-letterbox-XXXXXX";
static struct letterbox_key key;
static struct {
    char last[LETTERBOX_LETTER_BYTES + 1];
    size_t n, last_n;
    bool refuse;
} got;

static int begin(void **state) {
    uint8_t seed[32];
    if (sodium_init() < 0 || !mkdtemp(folder)) return 1;
    random_bytes(seed, 32);
    letterbox_key_derive(seed, &key);
    return letterbox_prepare(folder, key.pub).code;
}

static int end(void **state) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0;
}

static int clean(void **state) {
    char command[100];
    memset(&got, 0, sizeof got);
    snprintf(command, sizeof command, "rm -f %s/letters/*", folder);
    return system(command) != 0;
}

static bool keep(void *ctx, struct str letter) {
    if (got.refuse) return false;
    got.n++;
    got.last_n = letter.n;
    memcpy(got.last, letter.p, letter.n);
    return true;
}

static struct err take(size_t *bad) {
    return letterbox_take(folder, &key, keep, NULL, bad);
}

static size_t files(void) {
    char path[200];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/letters", folder);
    DIR *d = opendir(path);
    for (struct dirent *x; (x = readdir(d));)
        n += x->d_name[0] != '.';
    closedir(d);
    return n;
}

static void a_letter_arrives_as_it_was_written_and_is_gone(void **state) {
    uint32_t at = 1023;
    size_t bad = 9;
    assert_int_equal(letterbox_put(folder, STR("ada@example.com"), &at).code, ERR_OK);
    assert_int_equal(at, 0);
    assert_int_equal(take(&bad).code, ERR_OK);
    assert_int_equal(got.n, 1);
    assert_int_equal(bad, 0);
    assert_string_equal(got.last, "ada@example.com");
    assert_int_equal(files(), 0);
}

static void the_longest_and_the_empty_letter_fit(void **state) {
    static char text[LETTERBOX_LETTER_BYTES];
    uint32_t at = 0;
    size_t bad;
    memset(text, 'x', sizeof text);
    assert_int_equal(letterbox_put(folder, (struct str){text, sizeof text}, &at).code, ERR_OK);
    assert_int_equal(take(&bad).code, ERR_OK);
    assert_int_equal(got.last_n, sizeof text);
    assert_int_equal(letterbox_put(folder, STR(""), &at).code, ERR_OK);
    assert_int_equal(take(&bad).code, ERR_OK);
    assert_int_equal(got.last_n, 0);
    assert_int_equal(got.n, 2);
}

static void nothing_readable_lies_in_the_folder(void **state) {
    char command[200];
    uint32_t at = 0;
    assert_int_equal(letterbox_put(folder, STR("planted-value@example.com"), &at).code, ERR_OK);
    snprintf(command, sizeof command, "grep -rq planted-value %s", folder);
    assert_int_not_equal(system(command), 0);
}

static void a_letter_that_could_not_be_stored_is_offered_again(void **state) {
    uint32_t at = 0;
    size_t bad;
    assert_int_equal(letterbox_put(folder, STR("x"), &at).code, ERR_OK);
    got.refuse = true;
    assert_int_equal(take(&bad).code, ERR_OK);
    assert_int_equal(files(), 1);
    got.refuse = false;
    assert_int_equal(take(&bad).code, ERR_OK);
    assert_int_equal(got.n, 1);
    assert_int_equal(files(), 0);
}

static void strangers_cannot_fill_the_folder(void **state) {
    uint32_t at = 17;
    for (int i = 0; i < LETTERBOX_SLOTS; i++)
        assert_int_equal(letterbox_put(folder, STR("x"), &at).code, ERR_OK);
    assert_int_equal(letterbox_put(folder, STR("x"), &at).code, ERR_FULL);
    assert_int_equal(files(), LETTERBOX_SLOTS);
    size_t bad;
    assert_int_equal(take(&bad).code, ERR_OK);
    assert_int_equal(got.n, LETTERBOX_SLOTS);
}

static void what_does_not_open_is_removed_and_counted(void **state) {
    char command[200];
    size_t bad = 0;
    snprintf(command, sizeof command,
             "cd %s/letters && head -c 300 /dev/urandom >0001 && head -c 9000 /dev/zero >0002 && "
             "touch 0003",
             folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(take(&bad).code, ERR_OK);
    assert_int_equal(bad, 3);
    assert_int_equal(got.n, 0);
    assert_int_equal(files(), 0);
}

static void without_a_key_nothing_is_taken(void **state) {
    uint32_t at = 0;
    assert_int_equal(letterbox_put("/tmp/weir-no-such-folder", STR("x"), &at).code, ERR_NOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_letter_arrives_as_it_was_written_and_is_gone, clean),
        cmocka_unit_test_setup(the_longest_and_the_empty_letter_fit, clean),
        cmocka_unit_test_setup(nothing_readable_lies_in_the_folder, clean),
        cmocka_unit_test_setup(a_letter_that_could_not_be_stored_is_offered_again, clean),
        cmocka_unit_test_setup(strangers_cannot_fill_the_folder, clean),
        cmocka_unit_test_setup(what_does_not_open_is_removed_and_counted, clean),
        cmocka_unit_test_setup(without_a_key_nothing_is_taken, clean),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
