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

/* ---- what is found goes back ---- */

static void tell(struct courier *c, struct jout *j) {
    jout_object_end(j);
    struct err e = buf_err(j->b);
    if (e.code == ERR_OK) e = post_send(c->post, buf_str(j->b));
    if (e.code != ERR_OK) log_failure("telling the console", e);
}

static void begin_message(struct courier *c, struct jout *j, enum post_kind kind) {
    buf_clear(&c->out);
    jout_init(j, &c->out);
    jout_object(j);
    jout_keyz(j, "kind");
    jout_strz(j, post_kind_name(kind));
}

static void on_beat(void *ctx, const struct post_beat *b) {
    struct jout j;
    begin_message(ctx, &j, POST_BEAT);
    post_put_beat(&j, b);
    tell(ctx, &j);
}

static void on_tried(void *ctx, int64_t id, const struct post_beat *b) {
    struct jout j;
    begin_message(ctx, &j, POST_TRIED);
    jout_keyz(&j, "id");
    jout_i64(&j, id);
    jout_keyz(&j, "beat");
    jout_object(&j);
    post_put_beat(&j, b);
    jout_object_end(&j);
    tell(ctx, &j);
}

static void on_place(void *ctx, bool offline) {
    struct jout j;
    begin_message(ctx, &j, POST_PLACE);
    jout_keyz(&j, "offline");
    jout_bool(&j, offline);
    tell(ctx, &j);
}

/* ---- the post ---- */

static bool number_of(const struct json *body, uint32_t *out) {
    const struct json *v = json_get(body, "probe");
    if (!v || v->type != JSON_INT || v->i < 1 || v->i > UINT32_MAX) return false;
    *out = (uint32_t)v->i;
    return true;
}

static struct err try_now(struct courier *c, const struct json *body) {
    const struct json *id = json_get(body, "id"), *probe = json_get(body, "probe");
    if (!id || id->type != JSON_INT || !probe) return ERR(ERR_INVALID, "courier: what to try");
    return prober_try(c->prober, id->i, probe);
}

static struct err set(struct courier *c, const struct json *body) {
    const struct json *probe = json_get(body, "probe");
    return probe ? prober_set(c->prober, probe) : ERR(ERR_INVALID, "courier: a monitor");
}

static void take(struct courier *c, const struct post_message *m) {
    struct err e = ERR_NONE;
    uint32_t number = 0;
    switch (m->kind) {
    case POST_PROBE_BEGIN:
        prober_begin(c->prober);
        break;
    case POST_PROBE_SET:
        e = set(c, m->body);
        break;
    case POST_PROBE_END:
        prober_end(c->prober);
        break;
    case POST_PROBE_DROP:
        if (number_of(m->body, &number)) prober_drop(c->prober, number);
        break;
    case POST_PROBE_NOW:
        if (number_of(m->body, &number)) prober_hurry(c->prober, number);
        break;
    case POST_PROBE_TRY:
        e = try_now(c, m->body);
        break;
    case POST_SEND:
    case POST_SENT_ACK:
        send_take(c->send, m->body);
        break;
    case POST_HELLO:
    case POST_BEAT:
    case POST_TRIED:
    case POST_PLACE:
    case POST_SENT:
    case POST_KINDS_N:
        break;
    }
    if (e.code != ERR_OK) log_failure("doing what the console asked", e);
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

/* ---- start ---- */

struct err courier_close_sandbox(const char *own) {
    const struct sandbox_path paths[] = {{.path = own ? own : "/dev/null", .write = SANDBOX_WRITE},
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

/* Whether a webhook may go there. The guard never changes: asked by the sending thread. */
static bool may_reach(void *ctx, const struct sockaddr *a) {
    const struct courier *c = ctx;
    return probe_guard_allows(prober_guard(c->prober), a);
}

/* From the sending thread. What does not fit is asked for again. */
static void on_sent(void *ctx, struct str message) {
    struct courier *c = ctx;
    struct err e = post_send(c->post, message);
    if (e.code != ERR_OK && e.code != ERR_BUSY) log_failure("telling the console", e);
}

static struct err start(struct courier *c) {
    char own[4200];
    settings_path(c->setup->settings, "courier", own);
    TRY(io_make_folder(own, 0700));
    if (!(c->arena = arena_new(8u << 20))) return ERR(ERR_NOMEM, "courier");
    TRY(post_open(c->setup->post_fd, &c->post));
    buf_init(&c->out, POST_MAX_BYTES);
    struct prober_config how = {.settings = c->setup->settings,
                                .beat = on_beat,
                                .tried = on_tried,
                                .place = on_place,
                                .ctx = c};
    TRY(prober_new(&how, &c->prober));
    const struct settings *s = c->setup->settings;
    struct send_config sending = {.folder = own,
                                  .smtp = s->smtp,
                                  .credentials = s->smtp_credentials,
                                  .allowed = may_reach,
                                  .answer = on_sent,
                                  .ctx = c};
    TRY(send_open(&sending, &c->send));
    return courier_close_sandbox(own);
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
            {.fd = s->post_fd, .events = (short)(more ? POLLIN | POLLOUT : POLLIN)},
            {.fd = prober_fd(c->prober), .events = POLLIN}};
        int wait = prober_wait_ms(c->prober);
        (void)poll(fds, 3, wait < 0 || wait > TURN_MS ? TURN_MS : wait);
        if (fds[0].revents) break;
        if (!take_all(c)) break;
        prober_turn(c->prober);
        more = post_flush(c->post);
    }
}

static void stop(struct courier *c) {
    send_close(c->send);
    prober_free(c->prober);
    post_close(c->post);
    buf_done(&c->out);
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
