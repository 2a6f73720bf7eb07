/* child.c: one child from fork to death. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "supervise/inside.h"

#define QUICK_US US_PER_S
#define FIRST_DELAY_US (US_PER_S / 10)
#define LONGEST_DELAY_US (5 * US_PER_S)

static int compare_fds(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors but these and the first three. */
static void keep_only(int *fds, size_t n) {
    qsort(fds, n, sizeof *fds, compare_fds);
    unsigned from = 3;
    for (size_t i = 0; i < n; i++) {
        if (fds[i] < (int)from) continue;
        if ((unsigned)fds[i] > from) (void)close_range(from, (unsigned)fds[i] - 1, 0);
        from = (unsigned)fds[i] + 1;
    }
    (void)close_range(from, ~0u, 0);
}

static void quiet_standard_streams(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    if (null > STDERR_FILENO) (void)close(null);
}

/* The terminal and the service manager signal whole groups; a child stops when main says so, so
 * that what is in hand is answered. Main's death ends it by SIGKILL. */
static void set_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
}

static _Noreturn void run_child(const struct child *c, const struct child_world *w, int ready_fd,
                                pid_t parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(1);
    set_signals();
    (void)prctl(PR_SET_NAME, c->row->name);
    log_open(c->row->name);
    int keep[] = {w->channel->page_fd,
                  w->channel->wake_console,
                  w->channel->wake_front,
                  w->lock_fd,
                  c->door,
                  c->local_door,
                  c->post_fd,
                  ready_fd,
                  c->stop_fd};
    keep_only(keep, sizeof keep / sizeof *keep);
    quiet_standard_streams();
    struct process_setup setup = {.settings = w->settings,
                                  .channel = w->channel,
                                  .door = c->door,
                                  .local_door = c->local_door,
                                  .post_fd = c->post_fd,
                                  .ready_fd = ready_fd,
                                  .stop_fd = c->stop_fd};
    exit(c->row->run(&setup)); /* exit, not _exit: sanitizers and profilers report at exit */
}

struct err supervise_child_start(struct child *c, const struct child_world *w) {
    int ready[2];
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->stop_fd < 0) return err_os("starting a child");
    if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0) {
        struct err e = err_os("starting a child");
        fd_close(c->stop_fd);
        c->stop_fd = -1;
        return e;
    }
    pid_t parent = getpid();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) run_child(c, w, ready[1], parent);
    struct err e = pid < 0 ? err_os("starting a child") : ERR_NONE;
    fd_close(ready[1]);
    if (pid < 0) {
        fd_close(ready[0]);
        fd_close(c->stop_fd);
        c->stop_fd = -1;
        return e;
    }
    c->pid = pid;
    c->ready_fd = ready[0];
    c->ready = false;
    c->started_us = time_monotonic_us();
    atomic_store(&w->channel->page->pids[c->row->id], (int32_t)pid);
    return ERR_NONE;
}

void supervise_child_died(struct child *c) {
    fd_close(c->stop_fd);
    fd_close(c->ready_fd);
    c->stop_fd = c->ready_fd = -1;
    c->pid = 0;
    int64_t now = time_monotonic_us(), delay = 0;
    c->quick = now - c->started_us < QUICK_US ? c->quick + 1 : 0;
    if (c->quick > 1) { /* the first time at once */
        delay = FIRST_DELAY_US;
        for (unsigned i = 2; i < c->quick && delay < LONGEST_DELAY_US; i++)
            delay *= 2;
        if (delay > LONGEST_DELAY_US) delay = LONGEST_DELAY_US;
    }
    c->restart_us = now + delay;
}

void supervise_child_stop(struct child *c) {
    c->stopping = true;
    if (c->stop_fd >= 0) channel_wake(c->stop_fd);
}
