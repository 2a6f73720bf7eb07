/* main as a process of its own, with small children: what lives, what dies with whom, what stays
 * open. */
#include "supervise/supervise.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the children ---- */

static void write_pid(const struct process_setup *s, const char *name) {
    char path[4200], text[32];
    settings_path(s->settings, name, path);
    (void)snprintf(text, sizeof text, "%d\n", getpid());
    (void)io_replace_file(path, str_z(text), 0600).code;
}

/* Answers each connection of its door with its name, until told to stop; then says goodbye in a
 * file. */
static int serve(const struct process_setup *s, const char *name) {
    write_pid(s, name);
    struct pollfd fds[2] = {{.fd = s->stop_fd, .events = POLLIN},
                            {.fd = s->door, .events = POLLIN}};
    if (write(s->ready_fd, "r", 1) != 1) return 1;
    close(s->ready_fd);
    for (;;) {
        (void)poll(fds, 2, -1);
        if (fds[0].revents) break;
        int c = accept(s->door, NULL, NULL);
        if (c < 0) continue;
        (void)!write(c, name, strlen(name));
        close(c);
    }
    char bye[64];
    (void)snprintf(bye, sizeof bye, "%s.bye", name);
    write_pid(s, bye);
    return 0;
}

static int run_front(const struct process_setup *s) {
    return serve(s, "front");
}
static int run_console(const struct process_setup *s) {
    return serve(s, "console");
}
/* Sends two letters and serves; the courier below takes one per life. */
static int run_sender(const struct process_setup *s) {
    if (send(s->post_fd, "one", 3, 0) != 3 || send(s->post_fd, "two", 3, 0) != 3) return 1;
    return serve(s, "console");
}
static int run_courier(const struct process_setup *s) {
    char letter[8] = "", name[16];
    struct pollfd in = {.fd = s->post_fd, .events = POLLIN};
    (void)poll(&in, 1, 10000);
    if (recv(s->post_fd, letter, sizeof letter - 1, 0) != 3) return 1;
    (void)snprintf(name, sizeof name, "got-%s", letter);
    write_pid(s, name);
    if (strcmp(letter, "one") != 0) return serve(s, "courier");
    return write(s->ready_fd, "r", 1) == 1 ? 7 : 1;
}
static int run_failing(const struct process_setup *s) {
    (void)s;
    return 4;
}
/* Lists its open descriptors into a file. */
static int run_listing(const struct process_setup *s) {
    char path[4200];
    settings_path(s->settings, "descriptors", path);
    FILE *f = fopen(path, "we");
    int known[] = {s->door,
                   s->local_door,
                   s->ready_fd,
                   s->stop_fd,
                   s->channel->page_fd,
                   s->channel->wake_console,
                   s->channel->wake_front,
                   fileno(f)};
    for (int fd = 3; fd < 1024; fd++) {
        bool mine = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            mine |= known[i] == fd;
        if (!mine && fcntl(fd, F_GETFD) >= 0) fprintf(f, "%d\n", fd);
    }
    fclose(f);
    return serve(s, "front");
}

static const struct process_row both[] = {{PROCESS_FRONT, "front", run_front},
                                          {PROCESS_CONSOLE, "console", run_console}};

/* ---- the rig ---- */

struct rig {
    struct settings settings;
    pid_t main;
    int out; /* main's stdout */
    char line[512];
};

static void make_folder(struct rig *r) {
    *r = (struct rig){.out = -1};
    strcpy(r->settings.data, "/tmp/weir-supervise-XXXXXX");
    assert_non_null(mkdtemp(r->settings.data));
    strcpy(r->settings.public_addr, "127.0.0.1:0");
    strcpy(r->settings.team_addr, "127.0.0.1:0");
}

static void start_table(struct rig *r, const struct process_row *table, int n) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    r->main = fork();
    if (r->main == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        _exit(supervise_run(&r->settings, table, n, NULL));
    }
    close(ends[1]);
    r->out = ends[0];
}

static bool read_line(struct rig *r, int ms) {
    size_t n = 0;
    struct pollfd p = {.fd = r->out, .events = POLLIN};
    while (n < sizeof r->line - 1 && poll(&p, 1, ms) > 0 && read(r->out, r->line + n, 1) == 1)
        if (r->line[n++] == '\n') {
            r->line[n - 1] = 0;
            return true;
        }
    return false;
}

static int port_of(const char *line, const char *key) {
    const char *p = strstr(line, key);
    assert_non_null(p);
    return atoi(strrchr(strndupa(p, strcspn(p, " ")), ':') + 1);
}

/* What the child behind the port says, "" if nobody is there. */
static void ask(int port, char out[64]) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval t = {.tv_sec = 10};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    out[0] = 0;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        ssize_t n = recv(fd, out, 63, MSG_WAITALL);
        out[n > 0 ? n : 0] = 0;
    }
    close(fd);
}

static pid_t pid_in(struct rig *r, const char *name) {
    char path[4200];
    settings_path(&r->settings, name, path);
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    if (fd >= 0) (void)!read(fd, text, sizeof text - 1);
    return atoi(text);
}

static pid_t wait_new_pid(struct rig *r, const char *name, pid_t old) {
    for (int i = 0; i < 1000; i++) {
        pid_t pid = pid_in(r, name);
        if (pid > 0 && pid != old) return pid;
        usleep(10000);
    }
    fail_msg("no new %s", name);
    return 0;
}

static int end(struct rig *r) {
    int status;
    assert_int_equal(waitpid(r->main, &status, 0), r->main);
    close(r->out);
    char command[4300];
    (void)snprintf(command, sizeof command, "rm -rf %s", r->settings.data);
    assert_int_equal(system(command), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- the tests ---- */

static void it_says_ready_serves_and_drains(void **state) {
    (void)state;
    struct rig r;
    make_folder(&r);
    start_table(&r, both, 2);
    assert_true(read_line(&r, 10000));
    assert_int_equal(strncmp(r.line, "ready public=http://127.0.0.1:", 30), 0);
    char said[64];
    ask(port_of(r.line, "public="), said);
    assert_string_equal(said, "front");
    ask(port_of(r.line, "team="), said);
    assert_string_equal(said, "console");
    struct stat st;
    char path[4200];
    settings_path(&r.settings, "run/front.sock", path);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    kill(r.main, SIGTERM);
    pid_t front = wait_new_pid(&r, "front.bye", 0);
    assert_int_equal(front, pid_in(&r, "front"));
    wait_new_pid(&r, "console.bye", 0);
    assert_int_equal(end(&r), 0);
}

/* The whole group gets a terminal's signal; the children wait for main's word. */
static void children_ignore_signals_of_the_group(void **state) {
    (void)state;
    struct rig r;
    make_folder(&r);
    start_table(&r, both, 2);
    assert_true(read_line(&r, 10000));
    pid_t front = pid_in(&r, "front");
    kill(front, SIGINT);
    kill(front, SIGTERM);
    usleep(100000);
    char said[64];
    ask(port_of(r.line, "public="), said);
    assert_string_equal(said, "front");
    assert_int_equal(pid_in(&r, "front"), front);
    kill(r.main, SIGINT);
    assert_int_equal(end(&r), 0);
}

static void a_killed_child_comes_back_and_its_door_never_closed(void **state) {
    (void)state;
    struct rig r;
    make_folder(&r);
    start_table(&r, both, 2);
    assert_true(read_line(&r, 10000));
    int port = port_of(r.line, "public=");
    pid_t front = pid_in(&r, "front"), console = pid_in(&r, "console");
    int64_t began = time_monotonic_us();
    for (int i = 0; i < 3; i++) {
        kill(front, SIGKILL);
        char said[64];
        ask(port, said); /* queued by the socket while nobody serves it */
        assert_string_equal(said, "front");
        front = wait_new_pid(&r, "front", front);
    }
    assert_true(time_monotonic_us() - began < 3 * US_PER_S);
    assert_int_equal(pid_in(&r, "console"), console); /* the other was not disturbed */
    assert_int_equal(kill(console, 0), 0);
    assert_false(read_line(&r, 100)); /* ready is said once */
    kill(r.main, SIGTERM);
    assert_int_equal(end(&r), 0);
}

static void children_die_with_main(void **state) {
    (void)state;
    struct rig r;
    make_folder(&r);
    start_table(&r, both, 2);
    assert_true(read_line(&r, 10000));
    pid_t front = pid_in(&r, "front"), console = pid_in(&r, "console");
    kill(r.main, SIGKILL);
    bool gone = false;
    for (int i = 0; i < 500 && !gone; i++) {
        usleep(10000);
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/%d/fd/1", front); /* a zombie of init has none */
        gone = access(path, F_OK) != 0;
        (void)snprintf(path, sizeof path, "/proc/%d/fd/1", console);
        gone = gone && access(path, F_OK) != 0;
    }
    assert_true(gone);
    assert_false(supervise_is_running(&r.settings));
    assert_int_equal(end(&r), -SIGKILL);
}

static void one_server_holds_the_folder(void **state) {
    (void)state;
    struct rig r, second;
    make_folder(&r);
    assert_false(supervise_is_running(&r.settings));
    start_table(&r, both, 2);
    assert_true(read_line(&r, 10000));
    assert_true(supervise_is_running(&r.settings));
    second = r;
    start_table(&second, both, 2); /* waits for the lock */
    assert_false(read_line(&second, 500));
    kill(r.main, SIGTERM);
    int status;
    assert_int_equal(waitpid(r.main, &status, 0), r.main);
    assert_true(read_line(&second, 10000)); /* and gets it */
    close(r.out);
    kill(second.main, SIGTERM);
    assert_int_equal(end(&second), 0);
}

/* While a child of a killed main still hangs, the folder is not free: two fronts would write one
 * journal. */
static void the_lock_is_held_by_the_children_too(void **state) {
    (void)state;
    struct rig r;
    make_folder(&r);
    start_table(&r, both, 2);
    assert_true(read_line(&r, 10000));
    char path[4200], link[64], target[4200] = "";
    settings_path(&r.settings, "lock", path);
    bool held = false;
    for (int fd = 3; fd < 64 && !held; fd++) {
        (void)snprintf(link, sizeof link, "/proc/%d/fd/%d", pid_in(&r, "front"), fd);
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n > 0) target[n] = 0;
        held = n > 0 && strcmp(target, path) == 0;
    }
    assert_true(held);
    kill(r.main, SIGTERM);
    assert_int_equal(end(&r), 0);
}

static void a_child_gets_its_descriptors_and_the_lock_alone(void **state) {
    (void)state;
    static const struct process_row table[] = {{PROCESS_FRONT, "front", run_listing},
                                               {PROCESS_CONSOLE, "console", run_console}};
    struct rig r;
    make_folder(&r);
    start_table(&r, table, 2);
    assert_true(read_line(&r, 10000));
    char path[4200];
    settings_path(&r.settings, "descriptors", path);
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(io_read_file(path, 4096, &b).code, ERR_OK);
    size_t lines = 0;
    for (size_t i = 0; i < b.n; i++)
        lines += b.p[i] == '\n';
    assert_int_equal(lines, 1);
    buf_done(&b);
    kill(r.main, SIGTERM);
    assert_int_equal(end(&r), 0);
}

static void a_child_that_cannot_start_ends_the_server(void **state) {
    (void)state;
    static const struct process_row table[] = {{PROCESS_FRONT, "front", run_failing},
                                               {PROCESS_CONSOLE, "console", run_console}};
    struct rig r;
    make_folder(&r);
    start_table(&r, table, 2);
    assert_false(read_line(&r, 10000));
    assert_int_equal(end(&r), 4); /* with its code */
}

static void what_was_posted_waits_for_a_courier_that_is_started_again(void **state) {
    (void)state;
    static const struct process_row table[] = {{PROCESS_FRONT, "front", run_front},
                                               {PROCESS_CONSOLE, "console", run_sender},
                                               {PROCESS_COURIER, "courier", run_courier}};
    struct rig r;
    make_folder(&r);
    start_table(&r, table, 3);
    char path[4200];
    settings_path(&r.settings, "got-two", path);
    int64_t until = time_monotonic_us() + 10 * US_PER_S;
    while (access(path, F_OK) != 0 && time_monotonic_us() < until)
        (void)poll(NULL, 0, 20);
    assert_int_equal(access(path, F_OK), 0);
    kill(r.main, SIGTERM);
    (void)end(&r);
}

static void without_doors_only_the_local_sockets_are_there(void **state) {
    (void)state;
    static const struct process_row table[] = {{PROCESS_CONSOLE, "console", run_console}};
    struct rig r;
    make_folder(&r);
    r.settings.no_doors = true;
    start_table(&r, table, 1);
    assert_true(read_line(&r, 10000));
    assert_string_equal(r.line, "ready public= team=");
    kill(r.main, SIGTERM);
    assert_int_equal(end(&r), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_ready_serves_and_drains),
        cmocka_unit_test(children_ignore_signals_of_the_group),
        cmocka_unit_test(a_killed_child_comes_back_and_its_door_never_closed),
        cmocka_unit_test(children_die_with_main),
        cmocka_unit_test(one_server_holds_the_folder),
        cmocka_unit_test(the_lock_is_held_by_the_children_too),
        cmocka_unit_test(a_child_gets_its_descriptors_and_the_lock_alone),
        cmocka_unit_test(a_child_that_cannot_start_ends_the_server),
        cmocka_unit_test(what_was_posted_waits_for_a_courier_that_is_started_again),
        cmocka_unit_test(without_doors_only_the_local_sockets_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
