/* edge.c: the doors: opening, the turn of a group, slow connections, closing.
 *
 * EDGE_GROUP drives the library by hand. One turn: wait on the library's epoll descriptors, let it
 * run (it reads every ready connection and asks the handler), hand back how many requests wait. The
 * caller commits them with one sync; edge_release opens the next group and lets the library run
 * again: each waiting request's handler is called once more and answers.
 *
 * A connection that does nothing is closed by the library (idle_s without a byte). One that does
 * too little is closed here: a client that sends a byte now and then would be "active" for ever, so
 * each phase has its own limit, looked at once a second.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/inside.h"

#define SWEEP_EVERY_US US_PER_S
#define REPLY_FACTOR                                                                               \
    4 /* a client may take so many times request_s to read its answer (EDGE_GROUP) */
#define THREAD_STACK_BYTES ((size_t)1 << 20)
#define LOCAL_CONNECTIONS 64
#define SPARE_BODY_US (5 * US_PER_S) /* the spare body's memory goes back after this */

/* ---- connections ---- */

static void read_address(struct conn *c, struct MHD_Connection *m) {
    static const uint8_t loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    memcpy(c->addr, loopback, 16);
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(m, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!i || !i->client_addr) return;
    if (i->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)(const void *)i->client_addr;
        memcpy(c->addr + 12, &a->sin_addr, 4);
        c->port = ntohs(a->sin_port);
    } else if (i->client_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)(const void *)i->client_addr;
        memcpy(c->addr, &a->sin6_addr, 16);
        c->port = ntohs(a->sin6_port);
    }
}

static uint64_t inode_of(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

bool edge_conn_is_open(const struct conn *c) {
    return inode_of(c->fd) == c->inode;
}

static struct conn *conn_begin(struct door *d, struct MHD_Connection *m) {
    struct edge *e = d->edge;
    struct conn *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(m, MHD_CONNECTION_INFO_CONNECTION_FD);
    *c = (struct conn){.edge = e, .fd = i ? i->connect_fd : -1, .is_local = d->is_local};
    c->inode = inode_of(c->fd);
    if (!d->is_local) read_address(c, m);
    edge_conn_phase(c, CONN_IDLE);
    atomic_fetch_add(&e->connections, 1);
    pthread_mutex_lock(&e->lock);
    c->counted = e->addresses && !d->is_local && !edge_cidrs_have(&e->trusted, c->addr);
    if (c->counted) edge_address_add(e, c->addr);
    c->next = e->conns;
    if (c->next) c->next->prev = c;
    e->conns = c;
    pthread_mutex_unlock(&e->lock);
    return c;
}

static void conn_end(struct conn *c) {
    struct edge *e = c->edge;
    pthread_mutex_lock(&e->lock);
    if (c->counted) edge_address_remove(e, c->addr);
    if (c->prev)
        c->prev->next = c->next;
    else
        e->conns = c->next;
    if (c->next) c->next->prev = c->prev;
    pthread_mutex_unlock(&e->lock);
    free(c);
}

static void on_connection(void *cls, struct MHD_Connection *m, void **context,
                          enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = conn_begin(cls, m);
    } else if (*context) {
        conn_end(*context);
        *context = NULL;
    }
}

/* Refuses an address that has its share of connections already. */
static enum MHD_Result on_accept(void *cls, const struct sockaddr *from, socklen_t n) {
    struct door *d = cls;
    struct edge *e = d->edge;
    uint8_t addr[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (!e->addresses || d->is_local || n < sizeof(struct sockaddr_in)) return MHD_YES;
    if (from->sa_family == AF_INET)
        memcpy(addr + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    else if (from->sa_family == AF_INET6 && n >= sizeof(struct sockaddr_in6))
        memcpy(addr, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    if (edge_cidrs_have(&e->trusted, addr)) return MHD_YES;
    pthread_mutex_lock(&e->lock);
    bool full = edge_address_full(e, addr);
    pthread_mutex_unlock(&e->lock);
    return full ? MHD_NO : MHD_YES;
}

/* ---- slow connections ---- */

static int64_t limit_us(const struct edge *e, enum conn_phase phase) {
    int64_t request = (int64_t)e->config.request_s * US_PER_S;
    int64_t idle = (int64_t)e->config.idle_s * US_PER_S;
    switch (phase) {
    case CONN_IDLE: /* idle, or sending its request line byte by byte: the two look alike */
        return idle + request;
    case CONN_READING:
        return request;
    case CONN_WORKING:
        return INT64_MAX;
    case CONN_REPLYING: /* streams of EDGE_THREADS may last */
        return e->config.mode == EDGE_GROUP ? request * REPLY_FACTOR : INT64_MAX;
    }
    return INT64_MAX;
}

/* 408 by hand: the library takes no response in the middle of a request. Under TLS there is only
 * the close. */
static void cut_off(struct edge *e, const struct conn *c) {
    static const char late[] =
        "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    if (!edge_conn_is_open(c)) return; /* closed already, and the number is another's */
    bool reading = atomic_load(&c->phase) == CONN_READING;
    if (reading && (c->is_local || e->config.tls_cert_pem.n == 0))
        (void)!send(c->fd, late, sizeof late - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(c->fd, SHUT_RDWR);
    atomic_fetch_add(&e->timeouts, 1);
}

/* The library's edge-triggered loop misses a client that closed right behind its bytes: it waits
 * for an event that has been. */
static bool has_left(const struct edge *e, const struct conn *c) {
    int phase = atomic_load(&c->phase);
    if (e->config.mode != EDGE_GROUP || (phase != CONN_IDLE && phase != CONN_READING)) return false;
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void sweep(struct edge *e) {
    int64_t now = time_monotonic_us();
    pthread_mutex_lock(&e->lock);
    if (now - e->spare_body_us > SPARE_BODY_US) buf_done(&e->spare_body);
    for (struct conn *c = e->conns; c; c = c->next) {
        int64_t since = atomic_load(&c->since_us);
        int64_t limit = limit_us(e, (enum conn_phase)atomic_load(&c->phase));
        if (now - since > limit)
            cut_off(e, c);
        else if (has_left(e, c))
            (void)shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&e->lock);
}

static void *sweeper(void *arg) {
    struct edge *e = arg;
    while (!atomic_load(&e->stopping)) {
        (void)poll(NULL, 0, 250);
        if (time_monotonic_us() - e->swept_us < SWEEP_EVERY_US) continue;
        e->swept_us = time_monotonic_us();
        sweep(e);
    }
    return NULL;
}

/* What the library refuses by itself it only tells its log: "Error processing request (HTTP
 * response code is 414 (...". */
static void on_log(void *cls, const char *format, va_list args) {
    struct edge *e = cls;
    static const char refused[] = "Error processing request (HTTP response code is %u";
    if (strncmp(format, refused, sizeof refused - 1) != 0) return;
    unsigned status = va_arg(args, unsigned);
    atomic_fetch_add(&e->refused_unread, 1);
    if (status == 413)
        atomic_fetch_add(&e->refused_413, 1);
    else if (status == 414 || status == 431)
        atomic_fetch_add(&e->refused_414, 1);
    else
        atomic_fetch_add(&e->refused_400, 1);
}

/* ---- opening ---- */

static struct err start_daemon(struct edge *e, const struct edge_listener *l) {
    const struct edge_config *c = &e->config;
    struct door *d = &e->doors[e->n_doors];
    *d = (struct door){.is_local = l->is_local, .edge = e};
    int flags = fcntl(l->fd, F_GETFL);
    if (flags < 0 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_os("edge: listening socket");
    bool tls = c->tls_cert_pem.n > 0 && !l->is_local;
    unsigned how = MHD_USE_ERROR_LOG | MHD_USE_ITC | (tls ? MHD_USE_TLS : 0u) |
                   (c->mode == EDGE_GROUP
                        ? (unsigned)MHD_USE_EPOLL
                        : (unsigned)MHD_USE_THREAD_PER_CONNECTION |
                              (unsigned)MHD_USE_INTERNAL_POLLING_THREAD | (unsigned)MHD_USE_POLL);
    struct MHD_OptionItem options[12];
    size_t n = 0;
    if (tls) {
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                               (void *)(uintptr_t)c->tls_cert_pem.p};
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0,
                                               (void *)(uintptr_t)c->tls_key_pem.p};
        options[n++] = (struct MHD_OptionItem){
            MHD_OPTION_HTTPS_PRIORITIES, 0,
            (void *)(uintptr_t) "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
    }
    if (c->mode == EDGE_THREADS)
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_STACK_SIZE,
                                               (intptr_t)THREAD_STACK_BYTES, NULL};
    options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    d->daemon = MHD_start_daemon(
        how, 0, on_accept, d, edge_on_access, d, MHD_OPTION_EXTERNAL_LOGGER, on_log, e,
        MHD_OPTION_LISTEN_SOCKET, l->fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->max_head_bytes,
        MHD_OPTION_CONNECTION_LIMIT, l->is_local ? LOCAL_CONNECTIONS : c->max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, c->idle_s, MHD_OPTION_URI_LOG_CALLBACK, edge_on_uri, d,
        MHD_OPTION_NOTIFY_COMPLETED, edge_on_completed, d, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, d, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!d->daemon)
        return ERR(tls ? ERR_INVALID : ERR_IO, "edge: cannot serve the socket (TLS material?)");
    e->n_doors++;
    if (c->mode == EDGE_THREADS) return ERR_NONE;
    const union MHD_DaemonInfo *i = MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!i) return ERR(ERR_IO, "edge: no epoll descriptor");
    d->epoll_fd = i->epoll_fd;
    return ERR_NONE;
}

/* The library wants NUL behind PEM text. */
static struct err copy_pem(struct str *pem) {
    if (pem->n == 0) return ERR_NONE;
    char *p = malloc(pem->n + 1);
    if (!p) return ERR(ERR_NOMEM, "edge: TLS material");
    memcpy(p, pem->p, pem->n);
    p[pem->n] = 0;
    pem->p = p;
    return ERR_NONE;
}

static void free_pem(struct str *pem) {
    if (pem->n == 0) return;
    secret_wipe((void *)(uintptr_t)pem->p, pem->n);
    free((void *)(uintptr_t)pem->p);
    *pem = (struct str){0};
}

static struct err make_addresses(struct edge *e) {
    if (e->config.max_per_address == 0) return ERR_NONE;
    e->address_slots = 64;
    while (e->address_slots < (size_t)(e->config.max_connections + LOCAL_CONNECTIONS) * 2)
        e->address_slots *= 2;
    e->addresses = calloc(e->address_slots, sizeof *e->addresses);
    return e->addresses ? ERR_NONE : ERR(ERR_NOMEM, "edge: addresses");
}

static struct err open_all(struct edge *e) {
    const struct edge_config *c = &e->config;
    TRY(edge_cidrs_parse(c->trusted_proxies, &e->trusted));
    TRY(make_addresses(e));
    for (size_t i = 0; i < c->n_listeners; i++)
        TRY(start_daemon(e, &c->listeners[i]));
    if (c->mode != EDGE_THREADS) return ERR_NONE;
    if (pthread_create(&e->sweeper, NULL, sweeper, e) != 0) return ERR(ERR_NOMEM, "edge: thread");
    e->has_sweeper = true;
    return ERR_NONE;
}

struct err edge_open(const struct edge_config *c, struct edge **out) {
    assert(c->handler && c->n_listeners <= sizeof c->listeners / sizeof *c->listeners &&
           c->idle_s > 5);
    struct edge *e = calloc(1, sizeof *e);
    if (!e) return ERR(ERR_NOMEM, "edge");
    e->config = *c;
    if (e->config.large_bytes == 0) e->config.large_bytes = LARGE_BODIES_BYTES;
    e->config.tls_cert_pem = e->config.tls_key_pem = (struct str){0};
    e->group = 1;
    e->swept_us = time_monotonic_us();
    (void)snprintf(e->keep_alive, sizeof e->keep_alive, "timeout=%u", c->idle_s - 5);
    pthread_mutex_init(&e->lock, NULL);
    struct str cert = c->tls_cert_pem, key = c->tls_key_pem;
    struct err failed = copy_pem(&cert);
    if (failed.code == ERR_OK) {
        e->config.tls_cert_pem = cert;
        failed = copy_pem(&key);
    }
    if (failed.code == ERR_OK) {
        e->config.tls_key_pem = key;
        failed = open_all(e);
    }
    if (failed.code != ERR_OK) {
        edge_close(e, 0);
        return failed;
    }
    *out = e;
    return ERR_NONE;
}

/* ---- the turn ---- */

void edge_watch(struct edge *e, int fd) {
    assert(e->n_watch < sizeof e->watch / sizeof *e->watch);
    e->watch[e->n_watch++] = fd;
}

void edge_pause(struct edge *e, bool paused) {
    e->paused = paused;
}

/* How long the library allows to wait, at most wait_ms. */
static int wait_of(const struct edge *e, int wait_ms) {
    if (e->paused) return wait_ms;
    if (e->n_later > 0) return 0;
    for (size_t i = 0; i < e->n_doors; i++) {
        MHD_UNSIGNED_LONG_LONG ms;
        if (MHD_get_timeout(e->doors[i].daemon, &ms) == MHD_YES &&
            ms < (MHD_UNSIGNED_LONG_LONG)wait_ms)
            wait_ms = (int)ms;
    }
    return wait_ms;
}

struct err edge_turn(struct edge *e, int wait_ms, size_t *out_later) {
    assert(e->config.mode == EDGE_GROUP && wait_ms >= 0);
    struct pollfd fds[8];
    nfds_t n = 0;
    for (size_t i = 0; i < e->n_watch; i++)
        fds[n++] = (struct pollfd){.fd = e->watch[i], .events = POLLIN};
    for (size_t i = 0; i < e->n_doors && !e->paused; i++)
        fds[n++] = (struct pollfd){.fd = e->doors[i].epoll_fd, .events = POLLIN};
    int wait = wait_of(e, wait_ms);
    if (wait > 0) (void)poll(fds, n, wait);
    for (size_t i = 0; i < e->n_doors && !e->paused; i++)
        if (MHD_run(e->doors[i].daemon) != MHD_YES)
            return ERR(ERR_IO, "edge: the library's loop failed");
    int64_t now = time_monotonic_us();
    if (now - e->swept_us >= SWEEP_EVERY_US) {
        e->swept_us = now;
        sweep(e);
    }
    *out_later = e->n_later;
    return ERR_NONE;
}

void edge_release(struct edge *e) {
    assert(e->config.mode == EDGE_GROUP);
    bool due[4] = {false};
    for (size_t i = 0; i < e->n_doors; i++) {
        due[i] = e->doors[i].later > 0;
        e->doors[i].later = 0;
    }
    e->n_later = 0;
    e->group++;
    for (size_t i = 0; i < e->n_doors; i++)
        if (due[i]) (void)MHD_run(e->doors[i].daemon);
}

/* ---- closing ---- */

void edge_quiesce(struct edge *e) {
    if (atomic_exchange(&e->quiesced, true)) return;
    for (size_t i = 0; i < e->n_doors; i++)
        (void)MHD_quiesce_daemon(e->doors[i].daemon); /* gives the socket back, open */
}

/* Until nothing is in hand, or for UNFINISHED_MS nothing but what has not arrived. A group's LATER
 * requests are the caller's, who has drained them before. */
static void wait_for_answers(struct edge *e, unsigned grace_ms) {
    int64_t began = time_monotonic_us(), until = began + (int64_t)grace_ms * 1000;
    while (edge_in_hand(e) > 0 && time_monotonic_us() < until) {
        bool patient = time_monotonic_us() < began + EDGE_UNFINISHED_MS * 1000;
        if (!patient && edge_in_hand(e) == edge_unfinished(e)) return;
        size_t later;
        if (e->config.mode == EDGE_THREADS)
            (void)poll(NULL, 0, 10);
        else if (edge_turn(e, 10, &later).code != ERR_OK)
            return;
    }
}

static void free_edge(struct edge *e) {
    for (size_t i = 0; i < REPLY_CACHE_N; i++)
        if (e->cache[i].response) MHD_destroy_response(e->cache[i].response);
    for (struct request *r = e->spare, *next; r; r = next) {
        next = r->next;
        edge_request_free(r);
    }
    buf_done(&e->spare_body);
    edge_cidrs_free(&e->trusted);
    free(e->addresses);
    free_pem(&e->config.tls_cert_pem);
    free_pem(&e->config.tls_key_pem);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void edge_close(struct edge *e, unsigned grace_ms) {
    if (!e) return;
    edge_quiesce(e);
    if (grace_ms > 0) wait_for_answers(e, grace_ms);
    atomic_store(&e->stopping, true);
    if (e->has_sweeper) (void)pthread_join(e->sweeper, NULL);
    for (size_t i = 0; i < e->n_doors; i++)
        MHD_stop_daemon(e->doors[i].daemon);
    free_edge(e);
}

void edge_count(const struct edge *e, struct edge_counters *out) {
    *out = (struct edge_counters){.requests = atomic_load(&e->requests),
                                  .bytes_in = atomic_load(&e->bytes_in),
                                  .refused_400 = atomic_load(&e->refused_400),
                                  .refused_413 = atomic_load(&e->refused_413),
                                  .refused_414 = atomic_load(&e->refused_414),
                                  .timeouts = atomic_load(&e->timeouts),
                                  .refused_unread = atomic_load(&e->refused_unread),
                                  .connections = atomic_load(&e->connections)};
}
