/* The sandbox: each power is tried before (it works) and after (it does not), in a child of its
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

static bool can_read(const char *path) {
    AUTO(fd_close) int fd = open(path, O_RDONLY);
    return fd >= 0;
}

static bool can_create(const char *path) {
    AUTO(fd_close) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 && unlink(path) == 0;
}

static bool can_dial(void) {
    AUTO(fd_close) int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd >= 0;
}

static bool can_exec(void) {
    pid_t pid = (pid_t)syscall(57 /* fork, not clone */);
    if (pid < 0) return false;
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return status == 0;
}

/* Bits of what goes: 1 read inside, 2 write inside, 4 read outside, 8 write outside, 16 dial, 32
 * exec. */
static int powers(const char *inside, const char *outside) {
    char a[128], b[128];
    snprintf(a, sizeof a, "%s/new", inside);
    snprintf(b, sizeof b, "%s/new", outside);
    return can_read(inside) | can_create(a) << 1 | can_read(outside) << 2 | can_create(b) << 3 |
           can_dial() << 4 | can_exec() << 5;
}

static int powers_after(const char *inside, const char *outside, bool write) {
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_path paths[] = {{inside, write}};
        if (sandbox_close(paths, 1).code != ERR_OK) _exit(255);
        _exit(powers(inside, outside));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

static void only_what_was_named_remains(void **state) {
    (void)state;
    char inside[] = "/tmp/weir-sandbox-in-XXXXXX", outside[] = "/tmp/weir-sandbox-out-XXXXXX";
    assert_non_null(mkdtemp(inside));
    assert_non_null(mkdtemp(outside));
    assert_int_equal(powers(inside, outside), 63);
    assert_int_equal(powers_after(inside, outside, true), 1 | 2);
    assert_int_equal(powers_after(inside, outside, false), 1);
    rmdir(inside);
    rmdir(outside);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_was_named_remains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
