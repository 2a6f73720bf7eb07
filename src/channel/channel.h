/* channel.h: the page of shared memory by which the processes know of each other.
 *
 * main makes it (a memfd) and every child maps it. It holds numbers only: positions, generations,
 * counters. Readers treat them as hostile: a position is checked against the files, a counter only
 * shown.
 *
 * Each field has one writer, named in its comment. Threading: atomics, acquire and release.
 * Depends on: base. Used by: supervise, front, console, routes.
 */
#pragma once

#include <stdatomic.h>

#include "base/base.h"

#define CHANNEL_VERSION 2
#define CHANNEL_UNKNOWN_TOKENS 16

enum channel_counter { /* front writes, console shows */
                       COUNT_REQUESTS,
                       COUNT_EVENTS,
                       COUNT_PROFILE_OPS,
                       COUNT_FAILED_RECORDS,
                       COUNT_UNKNOWN_TOKEN_RECORDS,
                       COUNT_QUOTA_REFUSED,
                       COUNT_ORIGIN_REFUSED,
                       COUNT_REFUSED_400,
                       COUNT_REFUSED_413,
                       COUNT_REFUSED_414,
                       COUNT_REFUSED_UNREAD, /* of these: without CORS */
                       COUNT_REFUSED_503,
                       COUNT_TIMEOUTS,
                       COUNT_BYTES_IN,
                       COUNT_FRAMES,
                       COUNT_SYNCS,
                       COUNT_SYNC_US, /* sum */
                       COUNT_READABLE_TEXTS,
                       COUNT_CANDIDATES,
                       COUNTERS_N
};

struct channel_page {
    uint32_t version;
    _Atomic uint64_t synced;   /* front: journal position up to which everything is durable */
    _Atomic int32_t recovered; /* front: it has read the journal once, so `synced` is a position */
    _Atomic uint64_t
        registry_generation;        /* console: front/registry was written with this generation */
    _Atomic uint64_t registry_seen; /* front: generation in force */
    _Atomic uint64_t status_generation; /* console: counts publishings of front/status */
    _Atomic uint64_t status_seen;       /* front: publishing in force */
    _Atomic uint64_t rotate_asked;      /* console: counts requests to start a new journal file */
    _Atomic uint64_t rotate_done;       /* front */
    _Atomic uint64_t
        covered; /* console: parts and profiles hold everything below; front snapshots use it */
    _Atomic int32_t disk_full;             /* front: the last append failed for space */
    _Atomic int32_t disk_low;              /* console: less than 5 % or 1 GiB is left */
    _Atomic uint64_t restarts[4];          /* main: by process */
    _Atomic int32_t pids[4];               /* main */
    _Atomic uint64_t counters[COUNTERS_N]; /* front */
    struct {
        char masked[16]; /* front: first characters of the token, NUL-terminated; written before
                            count */
        _Atomic uint64_t count;
    } unknown_tokens[CHANNEL_UNKNOWN_TOKENS];
};

struct channel {
    struct channel_page *page; /* shared */
    int page_fd;
    int wake_console; /* eventfd: front writes after each sync */
    int wake_front;   /* eventfd: console writes after registry_generation, status_generation or
                        rotate_asked moved */
};
struct err channel_make(struct channel *out);
void channel_done(struct channel *c);
void channel_wake(int eventfd);
void channel_drain(int eventfd); /* reads it empty, never blocks */
void channel_count(struct channel *c, enum channel_counter n, uint64_t by);
/* Prometheus names of the counters, for /metrics ("weir_requests_total"). */
const char *channel_counter_name(enum channel_counter n);
