/* post.h: the messages between console and courier, and what a prober says of one check.
 *
 * One message is one JSON object of at most POST_MAX_BYTES in one packet of a SOCK_SEQPACKET pair
 * that main made: whole or not at all, in order. Its member "kind" names it. What is not known by
 * that name, is no object, is too long or is not UTF-8 is counted and dropped: neither side trusts
 * the other (the courier speaks with strangers). The pair outlives both processes: what was handed
 * over stays in it while one of them is started again.
 *
 *   console -> courier   probe.begin, probe.set*, probe.end (the whole list), probe.drop,
 * probe.now, probe.try; send, sent.ack (notices) courier -> console   hello (a courier began: it
 * knows nothing), beat, tried, place, sent
 *
 * Threading: post_send and post_flush from any thread; post_next from one.
 * Depends on: base, json. Used by: probe, monitor, courier, notice, front, routes, console.
 */
#pragma once

#include "json/json.h"

#define POST_MAX_BYTES ((size_t)65536)
#define POST_QUEUE_BYTES ((size_t)8 << 20) /* waiting to be sent; beyond it post_send refuses */

enum post_kind {
    POST_HELLO,
    POST_PROBE_BEGIN,
    POST_PROBE_SET,
    POST_PROBE_END,
    POST_PROBE_DROP,
    POST_PROBE_NOW,
    POST_PROBE_TRY,
    POST_SEND,
    POST_SENT_ACK,
    POST_BEAT,
    POST_TRIED,
    POST_PLACE,
    POST_SENT,
    POST_KINDS_N
};
const char *post_kind_name(enum post_kind k); /* "probe.set" */

struct post;
/* fd: this side's end, borrowed; made non-blocking. */
struct err post_open(int fd, struct post **out);
void post_close(struct post *p);
AUTO_DEFINE(struct post *, post_close);

/* Hands a message over, or keeps a copy until there is room. ERR_LIMIT: longer than POST_MAX_BYTES;
 * ERR_BUSY: the queue is full, nothing was taken. */
struct err post_send(struct post *p, struct str json);
/* Sends what waits. True while something still waits: ask again when the fd is writable. */
bool post_flush(struct post *p);

struct post_message {
    enum post_kind kind;
    const struct json *body; /* the whole object, in the arena */
    struct str text;         /* the same as it came, in the arena */
};
/* The next message into the arena. ERR_NOTFOUND: none now; ERR_INVALID: one was dropped, ask again;
 * ERR_IO: the pair is broken. */
struct err post_next(struct post *p, struct arena *a, struct post_message *out);
uint64_t post_dropped(const struct post *p);

/* ---- a beat: what one prober at one place found ---- */

enum post_up {            /* as in the journal's $heartbeat: never renumber */
               POST_DOWN, /* confirmed by this place's retries */
               POST_UP,
               POST_PENDING,     /* failed, being confirmed */
               POST_MAINTENANCE, /* not used by probers */
               POST_UNKNOWN      /* this place has lost its own connection, or may not check */
};
enum post_fault { /* why a check failed; never renumber */
                  POST_FINE,
                  POST_NO_NAME,     /* the name does not resolve */
                  POST_REFUSED,     /* connection refused or reset */
                  POST_UNREACHABLE, /* no route */
                  POST_TIMEOUT,
                  POST_TLS,
                  POST_CERTIFICATE, /* not trusted, wrong name, ended, or about to */
                  POST_STATUS,
                  POST_BODY,
                  POST_HEADER,
                  POST_JSON,
                  POST_REDIRECT,
                  POST_ANSWER,    /* DNS: not the answers that are expected */
                  POST_FORBIDDEN, /* an internal address (SSRF guard) */
                  POST_PROTOCOL,  /* not what this kind of server says */
                  POST_MISSED,    /* push: nothing came in time */
                  POST_TOLD,      /* push: the service itself said down */
                  POST_POWERLESS, /* this machine does not let us (ICMP) */
                  POST_FAULTS_N
};
const char *post_fault_name(enum post_fault f); /* "timeout" */
const char *post_fault_text(enum post_fault f); /* "no answer in time" */

enum post_phase {
    POST_DNS,
    POST_CONNECT,
    POST_TLS_SHAKE,
    POST_FIRST_BYTE,
    POST_TRANSFER,
    POST_PHASES_N
};
struct post_beat {
    uint32_t probe;
    uint32_t place;                  /* 0: the courier; else an agent's number */
    int64_t at_us;                   /* begin of the check */
    int32_t total_us;                /* -1: none */
    int32_t phase_us[POST_PHASES_N]; /* each -1 if it did not take part */
    int32_t late_us;                 /* begin behind schedule */
    int32_t code;                    /* HTTP status or DNS rcode, 0: none */
    int32_t cert_days;               /* until the first certificate of the chain ends; -1: none */
    uint8_t up;                      /* enum post_up */
    uint8_t fault;                   /* enum post_fault */
    uint8_t attempt;                 /* 0: by schedule, 1..: confirming */
};
/* Members without "kind"; the caller has the object open. */
void post_put_beat(struct jout *j, const struct post_beat *b);
/* Strict: every member there, in its range, nothing else but "kind". ERR_INVALID. */
struct err post_read_beat(const struct json *v, struct post_beat *out);
