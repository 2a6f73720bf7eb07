/* resolve.c: names to addresses by c-ares, asked anew for each check: the time it takes is part of
 * the measurement, and a name that has moved is seen. Only addresses that the guard allows are
 * kept. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "probe/inside.h"

#define TRY_MS 1500
#define TRIES 3

/* ---- channels ---- */

static void socket_state(void *data, ares_socket_t fd, int in, int out) {
    struct probe_channel *c = data;
    probe_engine_watch(c->engine, fd, (in ? EPOLLIN : 0u) | (out ? EPOLLOUT : 0u),
                       (struct watch){WATCH_ARES, c});
}

static bool set_server(ares_channel c, const struct sockaddr_storage *a) {
    struct ares_addr_port_node node = {.family = a->ss_family};
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)a;
        node.addr.addr4 = in->sin_addr;
        node.udp_port = node.tcp_port = ntohs(in->sin_port);
    } else {
        const struct sockaddr_in6 *in = (const void *)a;
        memcpy(&node.addr.addr6, &in->sin6_addr, 16);
        node.udp_port = node.tcp_port = ntohs(in->sin6_port);
    }
    return ares_set_servers_ports(c, &node) == ARES_SUCCESS;
}

struct err probe_channel_new(struct probe_engine *e, const struct sockaddr_storage *server,
                             struct probe_channel **out) {
    struct probe_channel *c = calloc(1, sizeof *c);
    if (!c) return ERR(ERR_NOMEM, "probe: resolver");
    c->engine = e;
    struct ares_options o = {
        .timeout = TRY_MS, .tries = TRIES, .sock_state_cb = socket_state, .sock_state_cb_data = c};
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (ares_init_options(&c->ares, &o, mask) != ARES_SUCCESS) {
        free(c);
        return ERR(ERR_IO, "probe: resolver");
    }
    if (server && !set_server(c->ares, server)) {
        probe_channel_free(c);
        return ERR(ERR_IO, "probe: resolver's server");
    }
    *out = c;
    return ERR_NONE;
}

void probe_channel_free(struct probe_channel *c) {
    if (!c) return;
    ares_destroy(c->ares);
    free(c);
}

void probe_channel_turn(struct probe_channel *c, int fd, uint32_t events) {
    bool in = events & (EPOLLIN | EPOLLERR | EPOLLHUP), out = events & (EPOLLOUT | EPOLLERR);
    ares_process_fd(c->ares, fd >= 0 && in ? fd : ARES_SOCKET_BAD,
                    fd >= 0 && out ? fd : ARES_SOCKET_BAD);
}

int64_t probe_channel_due_us(const struct probe_channel *c, int64_t now_us) {
    struct timeval t;
    if (!c || !ares_timeout(c->ares, NULL, &t)) return INT64_MAX;
    return now_us + (int64_t)t.tv_sec * US_PER_S + t.tv_usec;
}

/* ---- addresses ---- */

void probe_set_port(struct sockaddr_storage *a, uint16_t port) {
    if (a->ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)a)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)a)->sin6_port = htons(port);
}

socklen_t probe_address_bytes(const struct sockaddr_storage *a) {
    return a->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53". */
bool probe_read_address(struct str text, uint16_t otherwise, struct sockaddr_storage *out) {
    char host[64];
    int64_t port = otherwise;
    struct sockaddr_storage a = {0};
    struct str name = text, rest = text;
    if (text.n > 0 && text.p[0] == '[') {
        name = str_cut(&rest, ']');
        name = str_from(name, 1);
    } else if (text.n > 0 && !str_contains(text, STR("::")) && memchr(text.p, '.', text.n)) {
        name = str_cut(&rest, ':');
        if (name.n < text.n) rest = (struct str){rest.p - 1, rest.n + 1};
    } else {
        rest = (struct str){0};
    }
    if (rest.n > 0 && (rest.p[0] != ':' || !str_to_i64(str_from(rest, 1), &port))) return false;
    if (name.n == 0 || name.n >= sizeof host || port < 1 || port > 65535) return false;
    memcpy(host, name.p, name.n);
    host[name.n] = 0;
    a.ss_family = AF_INET;
    if (inet_pton(AF_INET, host, &((struct sockaddr_in *)(void *)&a)->sin_addr) != 1) {
        a.ss_family = AF_INET6;
        if (inet_pton(AF_INET6, host, &((struct sockaddr_in6 *)(void *)&a)->sin6_addr) != 1)
            return false;
    }
    probe_set_port(&a, (uint16_t)port);
    *out = a;
    return true;
}

/* ---- a name ---- */

/* Outlives its run, since c-ares calls back in any case. */
struct lookup {
    struct probe_run *run; /* NULL: nobody waits any more */
    uint16_t port;
    void (*then)(struct probe_run *r);
};

bool probe_may_reach(const struct probe_run *r, const struct sockaddr *a) {
    return r->config->trusted || probe_guard_allows(r->engine->config.guard, a);
}

static void keep_if_allowed(struct probe_run *r, const struct sockaddr *a, uint16_t port) {
    if (r->n_addresses == ADDRESSES_MAX) return;
    if (!probe_may_reach(r, a)) {
        r->met_forbidden = true;
        return;
    }
    struct sockaddr_storage *to = &r->addresses[r->n_addresses++];
    memset(to, 0, sizeof *to);
    memcpy(to, a,
           a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    probe_set_port(to, port);
}

static void keep_allowed(struct probe_run *r, const struct ares_addrinfo *list, uint16_t port) {
    for (const struct ares_addrinfo_node *n = list->nodes; n; n = n->ai_next)
        if (n->ai_family == AF_INET || n->ai_family == AF_INET6)
            keep_if_allowed(r, n->ai_addr, port);
}

static void note_time(struct probe_run *r) {
    int32_t took = probe_run_step(r), *sum = &r->beat.phase_us[POST_DNS];
    *sum = *sum < 0 ? took : *sum + took;
}

static void go_on(struct probe_run *r, void (*then)(struct probe_run *r)) {
    if (r->n_addresses > 0)
        then(r);
    else
        probe_run_end(r, r->met_forbidden ? POST_FORBIDDEN : POST_NO_NAME);
}

static void resolved(void *data, int status, int timeouts, struct ares_addrinfo *list) {
    (void)timeouts;
    struct lookup *l = data;
    struct probe_run *r = l->run;
    if (!r || r->over) {
        if (r) r->lookup = NULL;
        ares_freeaddrinfo(list);
        free(l);
        return;
    }
    r->lookup = NULL;
    note_time(r);
    if (status == ARES_SUCCESS && list) keep_allowed(r, list, l->port);
    ares_freeaddrinfo(list);
    void (*then)(struct probe_run *) = l->then;
    free(l);
    go_on(r, then);
}

void probe_resolve(struct probe_run *r, const char *host, uint16_t port,
                   void (*then)(struct probe_run *r)) {
    struct probe_engine *e = r->engine;
    struct sockaddr_storage literal;
    r->n_addresses = r->at_address = 0;
    r->met_forbidden = false;
    (void)probe_run_step(r);
    if (!strchr(host, '[') && probe_read_address(str_z(host), 1, &literal)) {
        keep_if_allowed(r, (const struct sockaddr *)&literal, port);
        note_time(r);
        go_on(r, then);
        return;
    }
    struct err opened = e->names ? ERR_NONE : probe_channel_new(e, NULL, &e->names);
    struct lookup *l = opened.code == ERR_OK ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        log_failure("resolving a name", opened);
        probe_run_end(r, POST_POWERLESS);
        return;
    }
    *l = (struct lookup){r, port, then};
    r->lookup = l;
    struct ares_addrinfo_hints hints = {.ai_family = r->config->family, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(e->names->ares, host, NULL, &hints, resolved, l);
}

void probe_resolve_cancel(struct probe_run *r) {
    if (r->lookup) r->lookup->run = NULL;
    r->lookup = NULL;
}
