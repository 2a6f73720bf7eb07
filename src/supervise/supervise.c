/* supervise.c: main's loop: signals, deaths, readiness. It holds no event, parses nothing, and has
 * one thread. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/inside.h"

#define DRAIN_US (30 * US_PER_S) /* then SIGKILL */

struct supervise {
    struct settings settings; /* with the addresses that the sockets got */
    struct channel channel;
    struct child_world world;
    struct child children[PROCESSES_N]; /* by enum process */
    int lock_fd, signal_fd;
    void (*on_ready)(const char *public_url, const char *team_url);
    bool announced, stopping;
    int code; /* of the process: a child's that gave up at the start, 1 for other failures */
    int64_t stop_by_us;
};

/* ---- what stands before the children ---- */

static struct err open_doors(struct supervise *v) {
    struct child *front = &v->children[PROCESS_FRONT], *console = &v->children[PROCESS_CONSOLE];
    bool tls = v->settings.tls_cert[0] != 0;
    if (!v->settings.no_doors) {
        TRY(supervise_listen(v->settings.public_addr, &front->door));
        TRY(supervise_listen(v->settings.team_addr, &console->door));
    }
    TRY(supervise_listen_local(&v->settings, "front", &front->local_door));
    TRY(supervise_listen_local(&v->settings, "console", &console->local_door));
    if (!v->settings.public_url[0])
        supervise_url(front->door, tls, v->settings.public_url, sizeof v->settings.public_url);
    if (!v->settings.team_url[0])
        supervise_url(console->door, tls, v->settings.team_url, sizeof v->settings.team_url);
    return ERR_NONE;
}

/* Open in main for as long as it lives: what one side sent waits while the other is started again.
 */
static struct err open_post(struct supervise *v) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return err_os("the pair between console and courier");
    v->children[PROCESS_CONSOLE].post_fd = ends[0];
    v->children[PROCESS_COURIER].post_fd = ends[1];
    return ERR_NONE;
}

static struct err catch_signals(struct supervise *v) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return err_os("signals");
    v->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return v->signal_fd >= 0 ? ERR_NONE : err_os("signals");
}

static struct err prepare(struct supervise *v) {
    umask(0077);
    (void)signal(SIGPIPE, SIG_IGN);
    TRY(io_make_folder(v->settings.data, 0700));
    TRY(supervise_lock(&v->settings, &v->lock_fd));
    TRY(open_doors(v));
    TRY(open_post(v));
    TRY(channel_make(&v->channel));
    v->world = (struct child_world){&v->settings, &v->channel, v->lock_fd};
    return catch_signals(v);
}

/* ---- events ---- */

static void announce(struct supervise *v) {
    for (int i = 0; i < PROCESSES_N; i++)
        if (v->children[i].row && !v->children[i].ready) return;
    v->announced = true;
    pages_let_go(); /* from here on this process only waits */
    if (v->on_ready) {
        v->on_ready(v->settings.public_url, v->settings.team_url);
        return;
    }
    printf("ready public=%s team=%s\n", v->settings.public_url, v->settings.team_url);
    (void)fflush(stdout);
}

static void hear_ready(struct supervise *v, struct child *c) {
    char byte;
    ssize_t n = read(c->ready_fd, &byte, 1);
    if (n < 0) return;
    fd_close(c->ready_fd);
    c->ready_fd = -1;
    if (n == 0) return; /* closed without a word: its death follows */
    c->ready = true;
    if (!v->announced) announce(v);
}

static void begin_stop(struct supervise *v) {
    if (v->stopping) return;
    v->stopping = true;
    v->stop_by_us = time_monotonic_us() + DRAIN_US;
    for (int i = 0; i < PROCESSES_N; i++)
        supervise_child_stop(&v->children[i]);
}

static void tell_death(const struct child *c, int status) {
    if (WIFSIGNALED(status))
        log_error("%s died of signal %d", c->row->name, WTERMSIG(status));
    else
        log_error("%s ended with code %d", c->row->name, WEXITSTATUS(status));
}

/* A child that gives up before the first readiness will do so again: its reason is in the log, and
 * the server ends. */
static void take_death(struct supervise *v, struct child *c, int status) {
    bool gave_up = WIFEXITED(status) && !v->announced && !c->ready;
    if (!c->stopping || !WIFEXITED(status) || WEXITSTATUS(status) != 0) tell_death(c, status);
    if (c->stopping && v->code == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        v->code = 1;
    supervise_child_died(c);
    atomic_store(&v->channel.page->pids[c->row->id], 0);
    if (v->stopping) return;
    if (gave_up) {
        v->code = WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
        begin_stop(v);
        return;
    }
    atomic_fetch_add(&v->channel.page->restarts[c->row->id], 1);
}

static void reap(struct supervise *v) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < PROCESSES_N; i++)
            if (v->children[i].pid == pid) take_death(v, &v->children[i], status);
}

static void hear_signals(struct supervise *v) {
    struct signalfd_siginfo s;
    while (read(v->signal_fd, &s, sizeof s) == (ssize_t)sizeof s)
        if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT) begin_stop(v);
    reap(v);
}

/* ---- the loop ---- */

static void start_due(struct supervise *v) {
    int64_t now = time_monotonic_us();
    for (int i = 0; i < PROCESSES_N && !v->stopping; i++) {
        struct child *c = &v->children[i];
        if (!c->row || c->pid != 0 || c->restart_us > now) continue;
        struct err e = supervise_child_start(c, &v->world);
        if (e.code == ERR_OK) continue;
        log_failure("starting a child", e);
        c->restart_us = now + US_PER_S;
    }
}

static int wait_ms(const struct supervise *v) {
    int64_t now = time_monotonic_us(), until = v->stopping ? v->stop_by_us : INT64_MAX;
    for (int i = 0; i < PROCESSES_N && !v->stopping; i++)
        if (v->children[i].row && v->children[i].pid == 0 && v->children[i].restart_us < until)
            until = v->children[i].restart_us;
    if (until == INT64_MAX) return -1;
    return until <= now ? 0 : (int)((until - now) / 1000 + 1);
}

static bool any_alive(const struct supervise *v) {
    for (int i = 0; i < PROCESSES_N; i++)
        if (v->children[i].pid != 0) return true;
    return false;
}

static void kill_late(struct supervise *v) {
    if (!v->stopping || time_monotonic_us() < v->stop_by_us) return;
    log_error("a child did not stop in time");
    v->code = 1;
    for (int i = 0; i < PROCESSES_N; i++)
        if (v->children[i].pid != 0) (void)kill(v->children[i].pid, SIGKILL);
    v->stop_by_us = time_monotonic_us() + US_PER_S;
}

static void loop(struct supervise *v) {
    while (!v->stopping || any_alive(v)) {
        start_due(v);
        struct pollfd fds[1 + PROCESSES_N] = {{.fd = v->signal_fd, .events = POLLIN}};
        for (int i = 0; i < PROCESSES_N; i++)
            fds[1 + i] = (struct pollfd){.fd = v->children[i].ready_fd, .events = POLLIN};
        if (poll(fds, 1 + PROCESSES_N, wait_ms(v)) < 0 && errno != EINTR) return;
        for (int i = 0; i < PROCESSES_N; i++)
            if (fds[1 + i].revents) hear_ready(v, &v->children[i]);
        hear_signals(v);
        kill_late(v);
    }
}

static void done(struct supervise *v) {
    for (int i = 0; i < PROCESSES_N; i++) {
        fd_close(v->children[i].door);
        fd_close(v->children[i].local_door);
        fd_close(v->children[i].post_fd);
    }
    if (v->channel.page) channel_done(&v->channel);
    fd_close(v->signal_fd);
    fd_close(v->lock_fd);
}

int supervise_run(const struct settings *s, const struct process_row *table, int n,
                  void (*on_ready)(const char *public_url, const char *team_url)) {
    struct supervise *v = calloc(1, sizeof *v);
    if (!v) return 1;
    v->settings = *s;
    v->on_ready = on_ready;
    v->lock_fd = v->signal_fd = -1;
    for (int i = 0; i < PROCESSES_N; i++)
        v->children[i] = (struct child){
            .door = -1, .local_door = -1, .post_fd = -1, .stop_fd = -1, .ready_fd = -1};
    for (int i = 0; i < n; i++) {
        assert(table[i].id < PROCESSES_N);
        if (s->no_doors && table[i].id == PROCESS_COURIER) continue;
        v->children[table[i].id].row = &table[i];
    }
    struct err e = prepare(v);
    if (e.code == ERR_OK)
        loop(v);
    else
        log_failure("starting", e);
    int code = e.code != ERR_OK ? 1 : v->code;
    done(v);
    free(v);
    return code;
}
