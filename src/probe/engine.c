/* engine.c: many checks at once on one epoll descriptor.
 *
 * libcurl and c-ares tell which sockets they wait for; ours are beside them. A check ends in the
 * middle of somebody's callback, so its end is only noted there; at the end of the turn it is told
 * and freed. Every check has its own time limit, whatever the libraries think.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "probe/inside.h"

#define EVENTS_N 64
#define DESCRIPTORS_MAX 65536

struct err probe_engine_new(const struct probe_engine_config *c, struct probe_engine **out) {
    struct probe_engine *e = calloc(1, sizeof *e);
    if (!e) return ERR(ERR_NOMEM, "probe: engine");
    e->config = *c;
    e->curl_due_us = -1;
    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (e->epoll < 0) {
        struct err failed = err_os("probe: engine");
        free(e);
        return failed;
    }
    *out = e;
    return ERR_NONE;
}

static void run_free(struct probe_run *r) {
    probe_resolve_cancel(r);
    probe_http_free(r);
    probe_channel_free(r->dns);
    if (r->fd >= 0) {
        probe_engine_watch(r->engine, r->fd, 0, (struct watch){0});
        fd_close(r->fd);
    }
    free(r);
}

void probe_engine_free(struct probe_engine *e) {
    if (!e) return;
    for (struct probe_run *r = e->runs, *next; r; r = next) {
        next = r->next;
        run_free(r);
    }
    if (e->curl) curl_multi_cleanup(e->curl);
    probe_channel_free(e->names);
    fd_close(e->epoll);
    free(e->watches);
    free(e);
}

int probe_engine_fd(const struct probe_engine *e) {
    return e->epoll;
}

size_t probe_engine_running(const struct probe_engine *e) {
    return e->n_runs;
}

/* ---- descriptors ---- */

static bool grow_watches(struct probe_engine *e, int fd) {
    if ((size_t)fd < e->n_watches) return true;
    if (fd >= DESCRIPTORS_MAX) return false;
    size_t n = ((size_t)fd + 64) & ~(size_t)63;
    struct watch *w = realloc(e->watches, n * sizeof *w);
    if (!w) return false;
    memset(w + e->n_watches, 0, (n - e->n_watches) * sizeof *w);
    e->watches = w;
    e->n_watches = n;
    return true;
}

/* A descriptor may have been closed and opened again between two calls: the kernel forgot it then,
 * so a change that finds nothing adds. */
void probe_engine_watch(struct probe_engine *e, int fd, uint32_t events, struct watch w) {
    struct epoll_event v = {.events = events, .data.fd = fd};
    if (fd < 0 || !grow_watches(e, fd)) return;
    if (events == 0) {
        (void)epoll_ctl(e->epoll, EPOLL_CTL_DEL, fd, NULL);
        e->watches[fd] = (struct watch){0};
        return;
    }
    e->watches[fd] = w;
    if (epoll_ctl(e->epoll, EPOLL_CTL_MOD, fd, &v) != 0 && errno == ENOENT)
        (void)epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &v);
}

static void ready(struct probe_engine *e, int fd, uint32_t events) {
    if ((size_t)fd >= e->n_watches) return;
    struct watch w = e->watches[fd];
    switch (w.kind) {
    case WATCH_NONE:
        break;
    case WATCH_CURL:
        probe_http_socket_ready(e, fd, events);
        break;
    case WATCH_ARES:
        probe_channel_turn(w.owner, fd, events);
        break;
    case WATCH_RUN:
        probe_plain_ready(w.owner, events);
        break;
    }
}

/* ---- a check's life ---- */

struct err probe_start(struct probe_engine *e, const struct probe_config *c, int64_t timeout_us,
                       void *user) {
    static void (*const begin[PROBE_KINDS_N])(struct probe_run *) = {
        [PROBE_HTTP] = probe_http_begin, [PROBE_TLS] = probe_http_begin,
        [PROBE_TCP] = probe_tcp_begin,   [PROBE_DNS] = probe_dns_begin,
        [PROBE_ICMP] = probe_icmp_begin,
    };
    assert(c->kind < PROBE_PUSH);
    struct probe_run *r = calloc(1, sizeof *r);
    if (!r) return ERR(ERR_NOMEM, "probe: a check");
    *r = (struct probe_run){.engine = e, .config = c, .user = user, .fd = -1, .next = e->runs};
    r->beat = (struct post_beat){.probe = c->number,
                                 .at_us = time_now_us(),
                                 .total_us = -1,
                                 .phase_us = {-1, -1, -1, -1, -1},
                                 .cert_days = -1};
    r->begun_us = r->step_us = time_monotonic_us();
    r->limit_us = r->begun_us + timeout_us;
    e->runs = r;
    e->n_runs++;
    begin[c->kind](r);
    return ERR_NONE;
}

void probe_drop(struct probe_engine *e, const void *user) {
    for (struct probe_run *r = e->runs; r; r = r->next)
        if (r->user == user) r->over = r->dropped = true;
}

void probe_run_end(struct probe_run *r, enum post_fault f) {
    if (r->over) return;
    r->over = true;
    int64_t took = time_monotonic_us() - r->begun_us;
    r->beat.total_us = (int32_t)(took < INT32_MAX ? took : INT32_MAX);
    r->beat.fault = (uint8_t)f;
    r->beat.up = f == POST_FINE ? POST_UP : f == POST_POWERLESS ? POST_UNKNOWN : POST_DOWN;
}

int32_t probe_run_step(struct probe_run *r) {
    int64_t now = time_monotonic_us(), took = now - r->step_us;
    r->step_us = now;
    return (int32_t)(took < INT32_MAX ? took : INT32_MAX);
}

enum post_fault probe_fault_of_errno(int number) {
    switch (number) {
    case ETIMEDOUT:
        return POST_TIMEOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
        return POST_UNREACHABLE;
    case EACCES:
    case EPERM:
        return POST_POWERLESS;
    default:
        return POST_REFUSED;
    }
}

/* ---- the turn ---- */

static void end_late(struct probe_engine *e) {
    int64_t now = time_monotonic_us();
    for (struct probe_run *r = e->runs; r; r = r->next)
        if (!r->over && r->limit_us <= now) probe_run_end(r, POST_TIMEOUT);
}

/* Tells and frees what is over. `done` may start or drop others: so the list is walked anew. */
static bool collect_one(struct probe_engine *e) {
    for (struct probe_run **at = &e->runs, *r; (r = *at); at = &r->next) {
        if (!r->over) continue;
        *at = r->next;
        e->n_runs--;
        struct post_beat b = r->beat;
        void *user = r->user;
        bool tell = !r->dropped;
        run_free(r);
        if (tell) e->config.done(e->config.ctx, user, &b);
        return true;
    }
    return false;
}

void probe_engine_turn(struct probe_engine *e) {
    struct epoll_event events[EVENTS_N];
    int n = epoll_wait(e->epoll, events, EVENTS_N, 0);
    for (int i = 0; i < n; i++)
        ready(e, events[i].data.fd, events[i].events);
    if (e->curl) probe_http_turn(e);
    if (e->names) probe_channel_turn(e->names, -1, 0);
    for (struct probe_run *r = e->runs; r; r = r->next)
        if (r->dns && !r->over) probe_channel_turn(r->dns, -1, 0);
    end_late(e);
    while (collect_one(e))
        continue;
}

int probe_engine_wait_ms(const struct probe_engine *e) {
    int64_t now = time_monotonic_us(), until = probe_channel_due_us(e->names, now);
    if (e->curl && e->curl_due_us >= 0 && e->curl_due_us < until) until = e->curl_due_us;
    for (const struct probe_run *r = e->runs; r; r = r->next) {
        if (r->over) return 0;
        if (r->limit_us < until) until = r->limit_us;
        int64_t dns = probe_channel_due_us(r->dns, now);
        if (dns < until) until = dns;
    }
    if (until == INT64_MAX) return -1;
    return until <= now ? 0 : (int)((until - now + 999) / 1000);
}
