#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "settings/settings.h"

#define COUNT(words) ((int)(sizeof(words) / sizeof *(words)))

static char folder[] = "/tmp/weir-settings-XXXXXX";
static struct settings got;
static char *rest[32];
static int rest_n;
static char fault[256];

static int begin(void **state) {
    return mkdtemp(folder) == NULL;
}

static int end(void **state) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0;
}

static void conf(const char *text) {
    char path[100];
    path_join(path, sizeof path, folder, "weir.conf");
    assert_int_equal(io_replace_file(path, str_z(text), 0600).code, ERR_OK);
}

static int32_t read_line(int n, const char **words) {
    return settings_read(n, (char **)(uintptr_t)words, &got, rest, &rest_n, fault).code;
}

static int forget(void **state) {
    conf("");
    unsetenv("WEIR_PUBLIC");
    unsetenv("WEIR_TRUST_PROXY");
    unsetenv("WEIR_DATA");
    unsetenv("CREDENTIALS_DIRECTORY");
    return 0;
}

static void defaults_hold_without_a_source(void **state) {
    char cwd[4096];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(read_line(0, NULL), ERR_OK);
    assert_true(str_starts(str_z(got.data), str_z(cwd)) &&
                str_ends(str_z(got.data), STR("/weir-data")));
    assert_string_equal(got.public_addr, "127.0.0.1:8100");
    assert_string_equal(got.team_url, "http://127.0.0.1:8101");
    assert_true(str_ends(str_z(got.keys_file), STR("/weir-data/keys")));
    assert_int_equal(got.max_events_per_minute, 0);
}

static void the_command_line_beats_the_environment_beats_the_file(void **state) {
    conf("# doors\n public = 1.1.1.1:1 \n\ntrust-proxy=10.0.0.0/8\nteam = "
         "2.2.2.2:2\nmax-events-per-minute = 600\r\n");
    setenv("WEIR_PUBLIC", "3.3.3.3:3", 1);
    setenv("WEIR_TRUST_PROXY", "192.168.0.0/16", 1);
    const char *words[] = {"serve",     "--data", folder, "--trust-proxy=::1/128",
                           "--project", "7",      "-"};
    assert_int_equal(read_line(COUNT(words), words), ERR_OK);
    assert_string_equal(got.public_addr, "3.3.3.3:3");
    assert_string_equal(got.team_addr, "2.2.2.2:2");
    assert_string_equal(got.trust_proxy, "::1/128");
    assert_string_equal(got.public_url, "http://3.3.3.3:3");
    assert_int_equal(got.max_events_per_minute, 600);
    assert_int_equal(rest_n, 4);
    assert_string_equal(rest[0], "serve");
    assert_string_equal(rest[1], "--project");
    assert_string_equal(rest[3], "-");
}

static void the_folder_may_come_from_the_environment(void **state) {
    setenv("WEIR_DATA", folder, 1);
    conf("public=9.9.9.9:9\n");
    assert_int_equal(read_line(0, NULL), ERR_OK);
    assert_string_equal(got.data, folder);
    assert_string_equal(got.public_addr, "9.9.9.9:9");
    const char *words[] = {"--data", "/nowhere"};
    assert_int_equal(read_line(2, words), ERR_OK);
    assert_string_equal(got.data, "/nowhere");
    assert_string_equal(got.public_addr, "127.0.0.1:8100");
}

static void a_free_port_has_no_address_yet(void **state) {
    const char *words[] = {"--public", "127.0.0.1:0", "--team-url", "https://weir.example"};
    assert_int_equal(read_line(COUNT(words), words), ERR_OK);
    assert_string_equal(got.public_url, "");
    assert_string_equal(got.team_url, "https://weir.example");
}

static void mistakes_are_named_without_their_values(void **state) {
    const char *missing[] = {"--geo"};
    assert_int_equal(read_line(1, missing), ERR_INVALID);
    assert_string_equal(fault, "command line: geo wants a value");
    const char *number[] = {"--max-events-per-minute", "-5secret"};
    assert_int_equal(read_line(2, number), ERR_INVALID);
    assert_null(strstr(fault, "secret"));
    const char *half[] = {"--tls-cert", "x.pem"};
    assert_int_equal(read_line(2, half), ERR_INVALID);
    char long_address[300];
    memset(long_address, 'x', sizeof long_address);
    long_address[299] = 0;
    const char *large[] = {"--public", long_address};
    assert_int_equal(read_line(2, large), ERR_INVALID);
    conf("colour = red\n");
    const char *words[] = {"--data", folder};
    assert_int_equal(read_line(2, words), ERR_INVALID);
    assert_string_equal(fault, "weir.conf: colour is no option");
    conf("data = /etc\n");
    assert_int_equal(read_line(2, words), ERR_INVALID);
}

static void keys_come_from_the_credentials_where_they_lie_there(void **state) {
    char path[200];
    const char *words[] = {"--data", folder};
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    assert_int_equal(read_line(2, words), ERR_OK);
    path_join(path, sizeof path, folder, "keys");
    assert_string_equal(got.keys_file, path);
    path_join(path, sizeof path, folder, "weir-keys");
    assert_int_equal(io_replace_file(path, STR("x"), 0600).code, ERR_OK);
    assert_int_equal(read_line(2, words), ERR_OK);
    assert_string_equal(got.keys_file, path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_hold_without_a_source, forget),
        cmocka_unit_test_setup(the_command_line_beats_the_environment_beats_the_file, forget),
        cmocka_unit_test_setup(the_folder_may_come_from_the_environment, forget),
        cmocka_unit_test_setup(a_free_port_has_no_address_yet, forget),
        cmocka_unit_test_setup(mistakes_are_named_without_their_values, forget),
        cmocka_unit_test_setup(keys_come_from_the_credentials_where_they_lie_there, forget),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
