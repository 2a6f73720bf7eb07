/* Main's promises, with children that are small functions of this program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervise/supervise.h"

struct rig {
    struct settings settings;
    pid_t main_pid;
    int out; /* main's stdout */
};

/* A child that answers each connection of its local door with its pid, until told to stop. */
static int answer_pid(const struct process_setup *s) {
    struct pollfd fds[] = {{.fd = s->local_door, .events = POLLIN},
                           {.fd = s->stop_fd, .events = POLLIN}};
    if (write(s->ready_fd, "r", 1) != 1) return 1;
    close(s->ready_fd);
    while (poll(fds, 2, -1) > 0 && !(fds[1].revents & POLLIN)) {
        int fd = accept(s->local_door, NULL, NULL);
        pid_t pid = getpid();
        if (fd >= 0 && write(fd, &pid, sizeof pid) != sizeof pid) return 1;
        fd_close(fd);
    }
    return 0;
}

static int fail_at_once(const struct process_setup *s) {
    (void)s;
    return 4;
}

static const struct process_row good[] = {{PROCESS_FRONT, "front", answer_pid},
                                          {PROCESS_CONSOLE, "console", answer_pid}};
static const struct process_row bad[] = {{PROCESS_FRONT, "front", answer_pid},
                                         {PROCESS_CONSOLE, "console", fail_at_once}};

static void start(struct rig *r, const struct process_row *table) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    r->main_pid = fork();
    assert_true(r->main_pid >= 0);
    if (r->main_pid == 0) {
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[1]);
        _exit(supervise_run(&r->settings, table, 2, NULL));
    }
    close(ends[1]);
    r->out = ends[0];
}

static void make_settings(struct rig *r) {
    char fault[256], *rest[4];
    int rest_n = 0;
    char folder[] = "/tmp/weir-supervise-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char options[][16] = {"--data", "", "--public", "127.0.0.1:0", "--team", "127.0.0.1:0"};
    char *argv[] = {options[0], folder, options[2], options[3], options[4], options[5]};
    assert_int_equal(settings_read(6, argv, &r->settings, rest, &rest_n, fault).code, ERR_OK);
}

static void read_line(struct rig *r, char line[256]) {
    size_t n = 0;
    while (n < 255 && read(r->out, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = 0;
}

static pid_t ask(const struct rig *r, const char *name) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%.60s/run/%s.sock", r->settings.data, name);
    AUTO(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t pid = 0;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) || read(fd, &pid, sizeof pid) != sizeof pid)
        return 0;
    return pid;
}

static int end(struct rig *r) {
    int status = -1;
    close(r->out);
    waitpid(r->main_pid, &status, 0);
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%.100s'", r->settings.data);
    assert_int_equal(system(command), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static void the_ready_line_names_both_doors_and_term_drains(void **state) {
    (void)state;
    struct rig r;
    char line[256];
    make_settings(&r);
    start(&r, good);
    read_line(&r, line);
    unsigned a = 0, b = 0;
    assert_int_equal(
        sscanf(line, "ready public=http://127.0.0.1:%u team=http://127.0.0.1:%u", &a, &b), 2);
    assert_true(a > 0 && b > 0 && a != b);
    struct stat st;
    char path[4200];
    settings_path(&r.settings, "run/front.sock", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(supervise_is_running(&r.settings));
    kill(r.main_pid, SIGTERM);
    assert_int_equal(end(&r), 0);
    assert_false(supervise_is_running(&r.settings));
}

static void a_killed_child_comes_back_and_nobody_is_refused(void **state) {
    (void)state;
    struct rig r;
    char line[256];
    make_settings(&r);
    start(&r, good);
    read_line(&r, line);
    pid_t console = ask(&r, "console");
    for (int i = 0; i < 5; i++) {
        pid_t front = ask(&r, "front");
        assert_true(front > 0);
        kill(front, SIGKILL);
        pid_t next =
            ask(&r, "front"); /* waits in the socket's queue until the new child takes it */
        if (next == front) next = ask(&r, "front");
        assert_true(next > 0 && next != front);
        assert_int_equal(ask(&r, "console"), console); /* the other one serves on */
    }
    kill(r.main_pid, SIGTERM);
    assert_int_equal(end(&r), 0);
}

static void children_die_with_main(void **state) {
    (void)state;
    struct rig r;
    char line[256];
    make_settings(&r);
    start(&r, good);
    read_line(&r, line);
    pid_t front = ask(&r, "front");
    kill(r.main_pid, SIGKILL);
    assert_int_equal(end(&r), 100 + SIGKILL);
    for (int i = 0; i < 500 && kill(front, 0) == 0; i++) {
        struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
    }
    assert_int_equal(kill(front, 0), -1);
}

static void what_fails_at_the_start_ends_the_server_with_its_code(void **state) {
    (void)state;
    struct rig r;
    make_settings(&r);
    start(&r, bad);
    assert_int_equal(end(&r), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ready_line_names_both_doors_and_term_drains),
        cmocka_unit_test(a_killed_child_comes_back_and_nobody_is_refused),
        cmocka_unit_test(children_die_with_main),
        cmocka_unit_test(what_fails_at_the_start_ends_the_server_with_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
