/* supervise.c: main's loop: start the children, restart the dead, drain at the end.
 *
 * Signals come as a descriptor (signalfd), so the loop is one poll. A child says ready by one byte
 * in a pipe, is told to stop by an eventfd, and dies with main (PDEATHSIG). One that dies before
 * the server was ever ready ends the server: what is wrong then (a certificate, a damaged folder)
 * would be wrong again.
 */
#include "supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/doors.h"

#define FIRST_PAUSE_US 100000
#define LONGEST_PAUSE_US (5 * US_PER_S)
#define SHORT_LIFE_US US_PER_S
#define DRAIN_MS 20000

struct child {
    const struct process_row *row;
    pid_t pid;    /* 0: not running */
    int ready_fd; /* our end of its pipe, -1 once it spoke or died */
    int stop_fd;
    bool ready;
    int64_t started_us, start_at_us, pause_us;
};

struct main {
    const struct settings *settings;
    struct doors doors;
    struct channel channel;
    struct child children[PROCESSES_N];
    int n;
    int signals;
    bool announced, stopping;
    int code;
    void (*on_ready)(const char *public_url, const char *team_url);
};

/* ---- a child's first steps ---- */

static void become(struct main *m, const struct child *c, int ready_fd) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C reaches the whole group; main drains us */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, c->row->name);
    close(m->signals);
    close(m->doors.lock);
    for (int i = 0; i < PROCESSES_N; i++) {
        if (i == (int)c->row->id) continue;
        fd_close(m->doors.tcp[i]);
        fd_close(m->doors.local[i]);
    }
    for (int i = 0; i < m->n; i++) {
        fd_close(m->children[i].ready_fd);
        if (&m->children[i] != c) fd_close(m->children[i].stop_fd);
    }
    log_open(c->row->name);
    struct process_setup setup = {.settings = m->settings,
                                  .channel = &m->channel,
                                  .door = m->doors.tcp[c->row->id],
                                  .local_door = m->doors.local[c->row->id],
                                  .ready_fd = ready_fd,
                                  .stop_fd = c->stop_fd};
    _exit(c->row->run(&setup));
}

static struct err start_child(struct main *m, struct child *c) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return err_os("pipe");
    fflush(NULL);
    pid_t main_pid = getpid();
    c->pid = fork();
    if (c->pid < 0) {
        c->pid = 0;
        close(ends[0]);
        close(ends[1]);
        return err_os("fork");
    }
    if (c->pid == 0) {
        close(ends[0]);
        if (getppid() != main_pid) _exit(1);
        become(m, c, ends[1]);
    }
    close(ends[1]);
    c->ready_fd = ends[0];
    c->started_us = time_monotonic_us();
    atomic_store(&m->channel.page->pids[c->row->id], (int32_t)c->pid);
    return ERR_NONE;
}

/* ---- events ---- */

static void announce(struct main *m) {
    char public_url[600], team_url[600];
    const struct settings *s = m->settings;
    bool tls = s->tls_cert[0] != 0;
    doors_url(m->doors.tcp[PROCESS_FRONT], s->public_url, tls, public_url, sizeof public_url);
    doors_url(m->doors.tcp[PROCESS_CONSOLE], s->team_url, tls, team_url, sizeof team_url);
    m->announced = true;
    if (m->on_ready) {
        m->on_ready(public_url, team_url);
        return;
    }
    printf("ready public=%s team=%s\n", public_url, team_url);
    fflush(stdout);
}

static void hear_ready(struct main *m, struct child *c) {
    char byte;
    c->ready = read(c->ready_fd, &byte, 1) == 1;
    fd_close(c->ready_fd);
    c->ready_fd = -1;
    bool all = true;
    for (int i = 0; i < m->n; i++)
        all &= m->children[i].ready;
    if (all && !m->announced) announce(m);
}

/* The first death is answered at once; dying again and again, right after the start, is paused for.
 */
static void plan_restart(struct main *m, struct child *c) {
    int64_t now = time_monotonic_us();
    int64_t pause = now - c->started_us < SHORT_LIFE_US ? c->pause_us : 0;
    c->pause_us = pause == 0                     ? FIRST_PAUSE_US
                  : pause < LONGEST_PAUSE_US / 2 ? pause * 2
                                                 : LONGEST_PAUSE_US;
    c->start_at_us = now + pause;
    atomic_fetch_add(&m->channel.page->restarts[c->row->id], 1);
}

static void note_death(struct main *m, struct child *c, int status) {
    c->pid = 0;
    fd_close(c->ready_fd);
    c->ready_fd = -1;
    c->ready = false;
    atomic_store(&m->channel.page->pids[c->row->id], 0);
    if (m->stopping) return;
    if (WIFSIGNALED(status))
        log_error("%s died of signal %d", c->row->name, WTERMSIG(status));
    else
        log_error("%s ended with code %d", c->row->name, WEXITSTATUS(status));
    if (m->announced) {
        plan_restart(m, c);
        return;
    }
    m->stopping = true;
    m->code = WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
}

static void bury(struct main *m) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < m->n; i++)
            if (m->children[i].pid == pid) note_death(m, &m->children[i], status);
}

static void hear_signals(struct main *m) {
    struct signalfd_siginfo info;
    while (read(m->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD) m->stopping = true;
    bury(m);
}

/* ---- the loop ---- */

static int time_to_next(const struct main *m) {
    int64_t now = time_monotonic_us(), least = INT64_MAX;
    for (int i = 0; i < m->n; i++)
        if (m->children[i].pid == 0 && m->children[i].start_at_us < least)
            least = m->children[i].start_at_us;
    if (least == INT64_MAX) return -1;
    return least <= now ? 0 : (int)((least - now) / 1000 + 1);
}

static void start_due(struct main *m) {
    int64_t now = time_monotonic_us();
    for (int i = 0; i < m->n; i++) {
        struct child *c = &m->children[i];
        if (c->pid || c->start_at_us > now) continue;
        struct err e = start_child(m, c);
        if (e.code == ERR_OK) continue;
        log_failure("starting a process", e);
        c->start_at_us = now + US_PER_S;
    }
}

static void run_until_stopped(struct main *m) {
    while (!m->stopping) {
        start_due(m);
        struct pollfd fds[1 + PROCESSES_N] = {{.fd = m->signals, .events = POLLIN}};
        for (int i = 0; i < m->n; i++)
            fds[1 + i] = (struct pollfd){.fd = m->children[i].ready_fd, .events = POLLIN};
        if (poll(fds, (nfds_t)(1 + m->n), time_to_next(m)) < 0 && errno != EINTR) break;
        for (int i = 0; i < m->n; i++)
            if (fds[1 + i].revents) hear_ready(m, &m->children[i]);
        if (fds[0].revents) hear_signals(m);
    }
}

/* Asks one child to end and waits for it; kills what does not. */
static void drain(struct main *m, struct child *c) {
    if (!c->pid) return;
    channel_wake(c->stop_fd);
    struct pollfd fd = {.fd = m->signals, .events = POLLIN};
    int64_t until = time_monotonic_us() + DRAIN_MS * 1000;
    while (c->pid && time_monotonic_us() < until) {
        poll(&fd, 1, 100);
        struct signalfd_siginfo info;
        while (read(m->signals, &info, sizeof info) > 0)
            continue;
        bury(m);
    }
    if (!c->pid) return;
    log_error("%s did not end in time", c->row->name);
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
}

static struct err take_signals(struct main *m) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL)) return err_os("signals");
    m->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return m->signals < 0 ? err_os("signals") : ERR_NONE;
}

static struct err prepare(struct main *m, const struct process_row *table, int n) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    for (int i = 0; i < n && i < PROCESSES_N; i++) {
        m->children[i] = (struct child){.row = &table[i], .ready_fd = -1};
        m->children[i].stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (m->children[i].stop_fd < 0) return err_os("eventfd");
        m->n = i + 1;
    }
    TRY(take_signals(m));
    return channel_make(&m->channel);
}

static void finish(struct main *m) {
    for (int i = 0; i < m->n; i++)
        drain(m, &m->children[i]);
    for (int i = 0; i < m->n; i++)
        fd_close(m->children[i].stop_fd);
    fd_close(m->signals);
    channel_done(&m->channel);
    doors_close(&m->doors);
}

int supervise_run(const struct settings *s, const struct process_row *table, int n,
                  void (*on_ready)(const char *public_url, const char *team_url)) {
    struct main m = {.settings = s, .signals = -1, .on_ready = on_ready};
    char fault[256];
    struct err e = doors_open(s, &m.doors, fault);
    if (e.code != ERR_OK) {
        log_error("%s", fault);
        return 1;
    }
    e = prepare(&m, table, n);
    if (e.code == ERR_OK)
        run_until_stopped(&m);
    else
        log_failure("starting", e);
    finish(&m);
    return e.code != ERR_OK ? 1 : m.code;
}
