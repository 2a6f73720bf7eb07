/* rig.h: a running edge on a free port, and a client that speaks in raw bytes. */
#pragma once

#include "edge/edge.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct err ok_ = (call);                                                                   \
        if (ok_.code != ERR_OK) print_error("%s: %s (%d)\n", #call, ok_.what, ok_.os);             \
        assert_int_equal(ok_.code, ERR_OK);                                                        \
    } while (0)

struct rig {
    struct edge *edge;
    int listen_fd, port;
    char local_path[64]; /* of the unix socket, "" if none */
    int local_fd;
    pthread_t loop;
    bool has_loop;
    atomic_bool stop, hold, quiesce; /* hold: commits wait; quiesce: the loop calls edge_quiesce */
    atomic_int groups, asked, done, busy;
    atomic_size_t largest_group;
};
/* Fills what a test leaves at zero, opens the doors, starts the loop (EDGE_GROUP). The handler's
 * paths: /echo    METHOD PATH QUERY and the body      /later   EDGE_LATER, then "1" /busy EDGE_BUSY
 * twice, then "1"           /error   edge_reply_error 422 /peer    the peer's address in
 * hexadecimal   /param   the decoded parameters a of query and form, cookie c /stream  ten pieces
 * (EDGE_THREADS)           /packed  a precompressed body /large   a megabyte /header  the header
 * X-Test */
void rig_start(struct rig *r, struct edge_config config);
void rig_stop(struct rig *r);

int rig_connect(const struct rig *r);
int rig_connect_local(const struct rig *r);
void rig_send(int fd, const char *bytes, size_t n);
void rig_say(int fd, const char *text);
/* One answer off the connection into out (NUL-terminated): head and as many body bytes as it names
 * (or until the close). Returns the status, 0 when the connection closed before an answer. A
 * chunked body is read to its last chunk. */
int rig_answer(int fd, char *out, size_t max);
/* Whether the connection is closed by the server within ms. */
bool rig_closed(int fd, int ms);
/* Connects, says, reads the answer, closes. */
int rig_ask(const struct rig *r, const char *request, char *out, size_t max);
const char *rig_body(const char *answer);
