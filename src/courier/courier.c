/* courier.c: the process, from start to end: one loop over the post and the stop signal. */
#include "courier/courier.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "courier/inside.h"
#include "sandbox/sandbox.h"

#define TURN_MS 1000
#define RESOLVER_EACH_US (10 * US_PER_S)

static struct err close_sandbox(const struct settings *s) {
    char own[4200];
    settings_path(s, "courier", own);
    const struct sandbox_path paths[] = {{.path = own, .write = SANDBOX_WRITE},
                                         {.path = "/etc/ssl"},
                                         {.path = "/usr/lib/ssl"},
                                         {.path = "/usr/share/ca-certificates"},
                                         {.path = "/usr/local/share/ca-certificates"},
                                         {.path = "/etc/resolv.conf"},
                                         {.path = "/run/systemd/resolve"},
                                         {.path = "/etc/hosts"},
                                         {.path = "/etc/host.conf"},
                                         {.path = "/etc/nsswitch.conf"},
                                         {.path = "/etc/gai.conf"},
                                         {.path = "/etc/services"},
                                         {.path = "/etc/protocols"},
                                         {.path = "/etc/localtime"},
                                         {.path = "/lib"}, /* what the resolver loads late */
                                         {.path = "/lib64"},
                                         {.path = "/usr/lib"},
                                         {.path = "/etc/ld.so.cache"},
                                         {.path = "/usr/share/zoneinfo"},
                                         {.path = "/dev/urandom"},
                                         {.path = "/dev/null", .write = SANDBOX_WRITE}};
    return sandbox_close_dialing(paths, sizeof paths / sizeof *paths);
}

static struct err start(struct courier *c) {
    char own[4200];
    settings_path(c->setup->settings, "courier", own);
    TRY(io_make_folder(own, 0700));
    if (!(c->arena = arena_new(8u << 20))) return ERR(ERR_NOMEM, "courier");
    TRY(post_open(c->setup->post_fd, &c->post));
    return close_sandbox(c->setup->settings);
}

/* ---- the post ---- */

static void take(struct courier *c, const struct post_message *m) {
    (void)c;
    (void)m;
}

/* False: the pair is broken, which means that main is gone. */
static bool take_all(struct courier *c) {
    for (;;) {
        struct post_message m;
        arena_reset(c->arena);
        struct err e = post_next(c->post, c->arena, &m);
        if (e.code == ERR_NOTFOUND) return true;
        if (e.code == ERR_OK)
            take(c, &m);
        else if (e.code != ERR_INVALID)
            return false;
    }
}

/* ---- the loop ---- */

/* The resolver's file was replaced, and the sandbox knows only the old one: a new courier reads the
 * new one. main starts it at once, and the post waits meanwhile. */
static bool resolver_changed(struct courier *c) {
    int64_t now = time_monotonic_us();
    struct stat st;
    if (now < c->resolver_look_us) return false;
    c->resolver_look_us = now + RESOLVER_EACH_US;
    if (stat("/etc/resolv.conf", &st) != 0) return false;
    int64_t is = (int64_t)st.st_mtim.tv_sec ^ (int64_t)st.st_ino;
    bool changed = c->resolver_was != 0 && is != c->resolver_was;
    c->resolver_was = is;
    return changed;
}

static void serve(struct courier *c) {
    const struct process_setup *s = c->setup;
    if (write(s->ready_fd, "r", 1) != 1) log_error("main does not listen");
    close(s->ready_fd);
    struct err e = post_send(c->post, STR("{\"kind\":\"hello\"}"));
    if (e.code != ERR_OK) log_failure("greeting the console", e);
    for (bool more = false; !resolver_changed(c);) {
        struct pollfd fds[] = {
            {.fd = s->stop_fd, .events = POLLIN},
            {.fd = s->post_fd, .events = (short)(more ? POLLIN | POLLOUT : POLLIN)}};
        (void)poll(fds, 2, TURN_MS);
        if (fds[0].revents) break;
        if (!take_all(c)) break;
        more = post_flush(c->post);
    }
}

static void stop(struct courier *c) {
    post_close(c->post);
    arena_free(c->arena);
}

int courier_run(const struct process_setup *setup) {
    struct courier c = {.setup = setup};
    (void)signal(SIGPIPE, SIG_IGN);
    struct err e = start(&c);
    if (e.code == ERR_OK)
        serve(&c);
    else
        log_failure("starting the courier", e);
    stop(&c);
    return e.code == ERR_OK ? 0 : 1;
}
