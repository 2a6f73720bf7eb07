/* plain.c: TCP and ICMP echo by sockets of our own. */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "probe/inside.h"

#define ECHO_BYTES 16 /* header and eight random bytes by which the answer is known */

static void leave_socket(struct probe_run *r) {
    if (r->fd < 0) return;
    probe_engine_watch(r->engine, r->fd, 0, (struct watch){0});
    fd_close(r->fd);
    r->fd = -1;
}

/* ---- TCP ---- */

/* The next address; what the last one failed with, when there is none left. */
static void connect_next(struct probe_run *r, enum post_fault last) {
    leave_socket(r);
    while (r->at_address < r->n_addresses) {
        const struct sockaddr_storage *a = &r->addresses[r->at_address++];
        r->fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (r->fd < 0) {
            last = POST_POWERLESS;
            continue;
        }
        if (connect(r->fd, (const struct sockaddr *)a, probe_address_bytes(a)) == 0 ||
            errno == EINPROGRESS) {
            probe_engine_watch(r->engine, r->fd, EPOLLOUT, (struct watch){WATCH_RUN, r});
            return;
        }
        last = probe_fault_of_errno(errno);
        fd_close(r->fd);
        r->fd = -1;
    }
    probe_run_end(r, last);
}

static void connect_first(struct probe_run *r) {
    connect_next(r, POST_REFUSED);
}

void probe_tcp_begin(struct probe_run *r) {
    probe_resolve(r, r->config->host.p, r->config->port, connect_first);
}

static void connected(struct probe_run *r) {
    int fault = 0;
    socklen_t n = sizeof fault;
    if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &fault, &n) != 0) fault = errno;
    if (fault != 0) {
        connect_next(r, probe_fault_of_errno(fault));
        return;
    }
    r->beat.phase_us[POST_CONNECT] = probe_run_step(r);
    probe_run_end(r, POST_FINE);
}

/* ---- ICMP: the kernel's ping sockets, for which no right is needed but a range of groups ---- */

static void send_echo(struct probe_run *r) {
    const struct sockaddr_storage *a = &r->addresses[0];
    bool v4 = a->ss_family == AF_INET;
    uint8_t packet[ECHO_BYTES] = {v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST};
    r->fd = socket(a->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   v4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
    if (r->fd < 0) {
        probe_run_end(r, POST_POWERLESS);
        return;
    }
    r->echo = random_u64();
    memcpy(packet + 8, &r->echo, sizeof r->echo);
    if (connect(r->fd, (const struct sockaddr *)a, probe_address_bytes(a)) != 0 ||
        send(r->fd, packet, sizeof packet, 0) != (ssize_t)sizeof packet) {
        probe_run_end(r, probe_fault_of_errno(errno));
        return;
    }
    probe_engine_watch(r->engine, r->fd, EPOLLIN, (struct watch){WATCH_RUN, r});
}

void probe_icmp_begin(struct probe_run *r) {
    probe_resolve(r, r->config->host.p, 0, send_echo);
}

static void echoed(struct probe_run *r) {
    uint8_t packet[128];
    ssize_t n = recv(r->fd, packet, sizeof packet, 0);
    if (n < 0 && errno != EAGAIN) probe_run_end(r, probe_fault_of_errno(errno));
    if (n < ECHO_BYTES || memcmp(packet + 8, &r->echo, sizeof r->echo) != 0) return;
    if (packet[0] != ICMP_ECHOREPLY && packet[0] != ICMP6_ECHO_REPLY) return;
    r->beat.phase_us[POST_FIRST_BYTE] = probe_run_step(r);
    probe_run_end(r, POST_FINE);
}

void probe_plain_ready(struct probe_run *r, uint32_t events) {
    (void)events;
    if (r->over || r->fd < 0) return;
    if (r->config->kind == PROBE_TCP)
        connected(r);
    else
        echoed(r);
}
