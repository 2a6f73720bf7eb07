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

/* Bits of what the dialing process may: 1 stream, 2 datagram, 4 local socket, 8 raw, 16 netlink, 32
 * bind, 64 a pair, 128 read outside. */
static int dialing_powers(const char *outside) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    AUTO(fd_close) int stream = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    AUTO(fd_close) int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    AUTO(fd_close) int local = socket(AF_UNIX, SOCK_STREAM, 0);
    AUTO(fd_close) int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    AUTO(fd_close) int netlink = socket(AF_NETLINK, SOCK_DGRAM, 0);
    int pair[2];
    bool bound = datagram >= 0 && bind(datagram, (struct sockaddr *)&any, sizeof any) == 0;
    return (stream >= 0) | (datagram >= 0) << 1 | (local >= 0) << 2 | (raw >= 0) << 3 |
           (netlink >= 0) << 4 | bound << 5 |
           (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) << 6 | can_read(outside) << 7;
}

static void the_dialing_process_may_dial_and_nothing_more(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct sandbox_path paths[] = {{.path = "/etc/hosts"}};
        if (sandbox_close_dialing(paths, 1).code != ERR_OK) _exit(255);
        _exit(dialing_powers("/etc/passwd"));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1 | 2 | 64);
    assert_int_equal(dialing_powers("/etc/passwd") & (4 | 16 | 32 | 128), 4 | 16 | 32 | 128);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_was_named_remains),
        cmocka_unit_test(the_dialing_process_may_dial_and_nothing_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
