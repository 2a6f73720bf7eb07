/* inside.h: what supervise's files share. Private.
 *
 *   doors.c       the lock, the listening sockets, their addresses
 *   child.c       one child: fork, what it keeps open, its death
 *   supervise.c   the loop over signals, deaths and readiness
 */
#pragma once

#include <sys/types.h>

#include "supervise/supervise.h"

#define WAIT_US (10 * US_PER_S) /* for the lock and the ports */

/* doors.c */
struct err supervise_lock(const struct settings *s, int *out_fd);
/* A listening TCP socket; addr is "host:port", "[v6]:port". ERR_INVALID: not an address. */
struct err supervise_listen(const char *addr, int *out_fd);
struct err supervise_listen_local(const struct settings *s, const char *name, int *out_fd);
/* "http://127.0.0.1:8100" of a listening socket. */
void supervise_url(int fd, bool tls, char *out, size_t out_bytes);

/* child.c */
struct child {
    const struct process_row *row; /* NULL: not in the table */
    pid_t pid;                     /* 0: not running */
    int door, local_door;          /* owned by main, open while it lives; -1: none */
    int post_fd;                   /* its end of the console-courier pair, owned by main; -1 */
    int stop_fd, ready_fd;         /* of the running child; -1 otherwise */
    bool ready;
    bool stopping;
    int64_t started_us;
    int64_t restart_us; /* when to start it again */
    unsigned quick;     /* deaths in a row, each within 10 s of its start */
};
struct child_world {
    const struct settings *settings;
    struct channel *channel;
    int lock_fd;
};
struct err supervise_child_start(struct child *c, const struct child_world *w);
void supervise_child_died(struct child *c); /* sets restart_us */
void supervise_child_stop(struct child *c);
