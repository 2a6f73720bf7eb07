/* probe.h: one check of one target, when to make it, and what to think of it.
 *
 * Three parts that know nothing of processes, so that the courier and the agent (`weir probe`) are
 * the same prober: the config of a monitor (JSON -> struct), the engine (many checks at once on one
 * epoll loop: libcurl multi, c-ares, plain sockets), and pure judgement: the schedule with its
 * retries, and whether this place has lost its own connection.
 *
 * Addresses: a target is resolved first, its addresses are held against the guard, and the
 * connection goes to a checked one only (the socket itself is checked once more when it is made, so
 * a name that changes meanwhile gains nothing). Each redirect begins anew with that.
 *
 * Threading: an engine belongs to one thread; configs and guards are immutable once read.
 * Depends on: base, json, post, libcurl, libcares, libpcre2. Used by: monitor, courier, routes.
 */
#pragma once

#include <sys/socket.h>

#include "post/post.h"

/* ---- the guard: which addresses may be reached ---- */

#define PROBE_RANGES_MAX 64
struct probe_guard {
    struct probe_range {
        uint8_t net[16]; /* IPv4 as ::ffff:a.b.c.d */
        uint8_t bits;    /* 0..128 */
    } allowed[PROBE_RANGES_MAX];
    size_t n;
};
/* "10.0.0.0/8,fd00::/8": what the operator allows though it is internal. ERR_INVALID. */
struct err probe_guard_read(struct str ranges, struct probe_guard *out);
/* False for private, loopback, link-local, shared, metadata, multicast, reserved and unspecified
 * addresses, also those in IPv6's clothes (mapped, NAT64, 6to4, Teredo), unless allowed. */
bool probe_guard_allows(const struct probe_guard *g, const struct sockaddr *a);

/* ---- the config of a monitor ---- */

enum probe_kind {
    PROBE_HTTP,
    PROBE_TCP,
    PROBE_TLS,
    PROBE_DNS,
    PROBE_ICMP,
    PROBE_PUSH, /* nothing to do for a prober */
    PROBE_KINDS_N
};
const char *probe_kind_name(enum probe_kind k); /* "http" */

#define PROBE_HEADERS_MAX 20
#define PROBE_ANSWERS_MAX 20
#define PROBE_BODY_BYTES                                                                           \
    ((size_t)256 << 10) /* of an answer that is looked at; the rest is not read */
#define PROBE_FAULT_BYTES 128

/* All strings end with NUL too and live in the arena of probe_config_read. Empty: not asked for. */
struct probe_config {
    uint32_t number;
    enum probe_kind kind;
    struct str target;   /* http: URL; tcp, tls: host:port; dns: name; icmp: host */
    struct str host;     /* of tcp, tls, dns, icmp */
    uint16_t port;       /* of tcp, tls */
    int64_t interval_us; /* 1 s .. 1 day, default 30 s */
    int64_t timeout_us;  /* of the first attempt; default a sixth of the interval, 1..10 s */
    int64_t confirm_us;  /* from begin to begin of confirming attempts; default as the timeout */
    int64_t phase_us;    /* where in the interval it begins; default from its number */
    int64_t retries;     /* before a down is hard: 0..10, default 2 */
    int64_t redirects;   /* followed: 0..10, default 5 */
    int64_t least_days;  /* a certificate that ends sooner is a fault; default 0, tls 7 */
    bool verify;         /* the certificate; default true */
    bool trusted;        /* not of JSON: the operator's own word, so the guard is not asked */
    int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
    struct str method, body, statuses /* "200-299,304" */, contains, lacks, regex;
    struct str header, header_is;          /* name; what its value contains */
    struct str json, json_is;              /* path "data.0.state"; value as text */
    struct str ca;                         /* PEM, instead of the system's roots */
    struct str dns_server;                 /* address or address:port, instead of the system's */
    int64_t dns_type;                      /* RR type, default 1 (A) */
    struct str answers[PROBE_ANSWERS_MAX]; /* DNS: each must be among the answers */
    size_t n_answers;
    struct str header_names[PROBE_HEADERS_MAX], header_values[PROBE_HEADERS_MAX];
    size_t n_headers;
};
/* Strict: unknown members, wrong types and ranges give ERR_INVALID with "member: what is wrong" in
 * fault (never a value). ERR_NOMEM. */
struct err probe_config_read(const struct json *v, struct arena *a, struct probe_config *out,
                             char fault[PROBE_FAULT_BYTES]);
/* Whether `how` may hold a member of this name for a prober. */
bool probe_config_knows(struct str member);

/* ---- the engine ---- */

struct probe_engine;
struct probe_engine_config {
    const struct probe_guard *guard; /* borrowed for life */
    /* A check is over: called from probe_engine_turn, may start others. */
    void (*done)(void *ctx, void *user, const struct post_beat *b);
    void *ctx;
};
struct err probe_engine_new(const struct probe_engine_config *c, struct probe_engine **out);
void probe_engine_free(struct probe_engine *e); /* running checks are dropped without a word */
AUTO_DEFINE(struct probe_engine *, probe_engine_free);
int probe_engine_fd(const struct probe_engine *e);      /* readable: turn */
int probe_engine_wait_ms(const struct probe_engine *e); /* turn at the latest then; -1: no need */
void probe_engine_turn(struct probe_engine *e);
size_t probe_engine_running(const struct probe_engine *e);
/* Begins a check; c is borrowed until `done` or probe_drop. The beat's place, attempt and late_us
 * are the caller's to fill; `up` is POST_UP, POST_DOWN, or POST_UNKNOWN when it could not be made.
 */
struct err probe_start(struct probe_engine *e, const struct probe_config *c, int64_t timeout_us,
                       void *user);
void probe_drop(struct probe_engine *e, const void *user); /* its `done` is not called any more */

/* ---- the schedule of one monitor at one place (pure) ---- */

struct probe_slot {
    const struct probe_config *config; /* borrowed */
    int64_t due_us;                    /* monotonic; when the next attempt begins */
    int64_t begun_us;                  /* of the attempt that runs */
    uint32_t failed;                   /* in a row */
    bool running, down;
};
/* The first attempt comes in the first interval, at the monitor's own place in it. */
void probe_slot_init(struct probe_slot *s, const struct probe_config *c, int64_t now_us);
/* An attempt begins; gives its time limit. late_us: how far behind schedule. */
int64_t probe_slot_begin(struct probe_slot *s, int64_t now_us, int32_t *out_late_us);
/* It is over: fills attempt, turns a failure into PENDING until it is confirmed, and says when to
 * go on. While `offline` a failure of the network kind is UNKNOWN and confirms nothing. */
void probe_slot_end(struct probe_slot *s, struct post_beat *b, bool offline, int64_t now_us);
/* Begin at once, out of turn, if none runs. */
void probe_slot_hurry(struct probe_slot *s, int64_t now_us);

/* ---- has this place lost its own connection? (pure) ---- */

#define PROBE_WITNESSES 64
struct probe_place {
    struct probe_witness {
        uint32_t where; /* hash of the target's host */
        int64_t at_us;
        bool lost;                /* failed in a way that a lost connection explains */
    } witnesses[PROBE_WITNESSES]; /* the last results, one per host, a ring */
    size_t next;
    int64_t reference_us; /* when the references last answered or failed; 0: never */
    bool reference_ok, has_references;
    bool had_route, no_route; /* the kernel knew a way out once; it knows none now */
};
/* A result of a target that is neither loopback nor allowed as internal. */
void probe_place_note(struct probe_place *p, struct str host, bool lost, int64_t now_us);
void probe_place_reference(struct probe_place *p, bool ok, int64_t now_us);
/* Asks the kernel (no packet is sent) whether it knows a way to the public internet. */
void probe_place_look(struct probe_place *p);
/* Offline: no route where there was one; or the references failed at the last look; or, where there
 * are none, at least three hosts were asked within the last 15 s and at least 60 % of them are
 * lost. */
bool probe_place_offline(const struct probe_place *p, int64_t now_us);
/* Does a lost connection explain this fault? */
bool probe_fault_is_lost(enum post_fault f);
