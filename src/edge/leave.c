/* leave.c: the end of a door that has stopped accepting: what is whole is answered, what is not is
 * told to come again.
 *
 * A half-sent upload may never end, and three hundred of them would hold a stop for as long as the
 * server has patience. They get a moment to arrive (most are on their way), then 503 by hand, with
 * CORS where the head has come: a tracker in a browser keeps what was answered so, and drops what a
 * reset took. Closing with bytes unread makes the system reset the connection and the answer with
 * it; so what still comes is read away for a blink.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/inside.h"

#define READ_AWAY_MS 100
#define READ_AWAY_STEP_MS 10
#define ORIGIN_MAX_BYTES 512

size_t edge_in_hand(const struct edge *e) {
    return atomic_load(&e->in_hand);
}

size_t edge_unfinished(const struct edge *e) {
    size_t all = atomic_load(&e->in_hand), whole = atomic_load(&e->whole);
    return all > whole ? all - whole : 0;
}

static bool is_unfinished(const struct conn *c) {
    return c->request && !c->request->is_whole && edge_conn_is_open(c);
}

static bool plain(const struct edge *e, const struct conn *c) {
    return c->is_local || e->config.tls_cert_pem.n == 0;
}

static bool may_echo(const struct edge *e, struct str origin) {
    if (!e->config.cors_any || origin.n == 0 || origin.n > ORIGIN_MAX_BYTES) return false;
    for (size_t i = 0; i < origin.n; i++)
        if ((uint8_t)origin.p[i] <= ' ' || origin.p[i] == 0x7f) return false;
    return true;
}

static void put_off(const struct edge *e, const struct conn *c) {
    char head[1024], cors[768] = "";
    struct str origin = c->request->origin;
    if (may_echo(e, origin))
        (void)snprintf(cors, sizeof cors,
                       "Access-Control-Allow-Origin: " STR_FMT
                       "\r\nAccess-Control-Allow-Credentials: true\r\n"
                       "Access-Control-Expose-Headers: Retry-After\r\nVary: Origin\r\n",
                       STR_ARG(origin));
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
                     "Content-Length: 0\r\n%s\r\n",
                     cors);
    if (plain(e, c)) (void)!send(c->fd, head, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(c->fd, SHUT_WR);
}

static void read_away(const struct edge *e) {
    char bytes[16384];
    for (const struct conn *c = e->conns; c; c = c->next)
        while (is_unfinished(c) && recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            continue;
    secret_wipe(bytes, sizeof bytes);
}

void edge_hang_up(struct edge *e) {
    if (e->config.mode != EDGE_GROUP || edge_unfinished(e) == 0) return;
    pthread_mutex_lock(&e->lock);
    for (struct conn *c = e->conns; c; c = c->next)
        if (is_unfinished(c)) put_off(e, c);
    for (int ms = 0; ms < READ_AWAY_MS; ms += READ_AWAY_STEP_MS) {
        (void)poll(NULL, 0, READ_AWAY_STEP_MS);
        read_away(e);
    }
    pthread_mutex_unlock(&e->lock);
}
