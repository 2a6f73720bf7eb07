/* inside.h: what probe's files share. Private.
 *
 *   guard.c     which addresses may be reached
 *   config.c    a monitor's JSON
 *   schedule.c  when, and when a down is believed
 *   place.c     this place's own connection
 *   engine.c    many checks at once: the loop, time limits, the end of a check
 *   resolve.c   names -> checked addresses
 *   http.c      HTTP and TLS by libcurl
 *   judge.c     is this the answer that is expected?
 *   plain.c     TCP and ICMP by sockets of our own
 *   dns.c       DNS questions
 */
#pragma once

#include <ares.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include "probe/probe.h"

#define ADDRESSES_MAX 8

/* One check on its way. Freed by the engine at the end of a turn once it is over. */
struct probe_run {
    struct probe_run *next;
    struct probe_engine *engine;
    const struct probe_config *config;
    void *user;
    struct post_beat beat;
    int64_t begun_us, step_us, limit_us; /* monotonic: the check, its present step, its end */
    bool over, dropped;
    struct lookup *lookup; /* a name being resolved; NULL: none */
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    size_t n_addresses, at_address;
    bool met_forbidden;        /* an address was refused */
    int fd;                    /* of TCP and ICMP, -1 */
    uint64_t echo;             /* ICMP: what comes back */
    struct probe_channel *dns; /* of a DNS check */
    struct http *http;         /* of HTTP and TLS */
};

/* ---- engine.c ---- */
enum watch_kind { WATCH_NONE, WATCH_CURL, WATCH_ARES, WATCH_RUN };
struct watch {
    enum watch_kind kind;
    void *owner; /* WATCH_ARES: struct probe_channel; WATCH_RUN: its run */
};
struct probe_engine {
    struct probe_engine_config config;
    int epoll;
    struct watch *watches; /* [n_watches], by descriptor */
    size_t n_watches;
    struct probe_run *runs;
    size_t n_runs;
    CURLM *curl;                 /* NULL until needed */
    int64_t curl_due_us;         /* -1: none */
    struct probe_channel *names; /* for targets; NULL until needed */
};
/* events: EPOLLIN, EPOLLOUT; 0: no more. */
void probe_engine_watch(struct probe_engine *e, int fd, uint32_t events, struct watch w);
void probe_run_end(struct probe_run *r, enum post_fault f);
/* The time since the step began, in microseconds; a new step begins. */
int32_t probe_run_step(struct probe_run *r);
enum post_fault probe_fault_of_errno(int number);

/* ---- resolve.c ---- */
/* Fills the run's addresses with those that may be reached and calls `then`; or ends the run. */
void probe_resolve(struct probe_run *r, const char *host, uint16_t port,
                   void (*then)(struct probe_run *r));
bool probe_may_reach(const struct probe_run *r, const struct sockaddr *a);
void probe_resolve_cancel(struct probe_run *r);
/* One c-ares channel and the engine that waits for its sockets. server: NULL: the system's. */
struct probe_channel {
    struct probe_engine *engine;
    ares_channel ares;
};
struct err probe_channel_new(struct probe_engine *e, const struct sockaddr_storage *server,
                             struct probe_channel **out);
void probe_channel_free(struct probe_channel *c);
/* fd -1: only what is late. */
void probe_channel_turn(struct probe_channel *c, int fd, uint32_t events);
int64_t probe_channel_due_us(const struct probe_channel *c, int64_t now_us); /* takes NULL */
bool probe_read_address(struct str text, uint16_t otherwise, struct sockaddr_storage *out);
void probe_set_port(struct sockaddr_storage *a, uint16_t port);
socklen_t probe_address_bytes(const struct sockaddr_storage *a);

/* ---- http.c ---- */
void probe_http_begin(struct probe_run *r);
void probe_http_free(struct probe_run *r);
void probe_http_socket_ready(struct probe_engine *e, int fd, uint32_t events);
void probe_http_turn(struct probe_engine *e); /* timers, and what is over */

/* ---- judge.c ---- */
bool probe_status_matches(struct str list, long status, bool only_syntax);
bool probe_regex_ok(struct str pattern);
struct answer {
    long status;
    struct str body;
    bool has_header;
    struct str header_value;
};
enum post_fault probe_judge(const struct probe_config *c, const struct answer *a);

/* ---- plain.c, dns.c ---- */
void probe_tcp_begin(struct probe_run *r);
void probe_icmp_begin(struct probe_run *r);
void probe_plain_ready(struct probe_run *r, uint32_t events);
void probe_dns_begin(struct probe_run *r);
int64_t probe_dns_type(struct str name); /* "MX" -> 15; 0: not known */
enum post_fault probe_dns_judge(const struct probe_config *c, const unsigned char *bytes, int n);
