/* post.c: packets in, packets out. A send that does not fit the socket's buffer waits in a list
 * with a stated maximum, so that neither process ever blocks on the other. */
#include "post/post.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct letter {
    struct letter *next;
    size_t n;
    char text[];
};

struct post {
    int fd;
    pthread_mutex_t lock; /* guards first, last, waiting */
    struct letter *first, **last;
    size_t waiting; /* bytes */
    uint64_t dropped;
    struct json_parser *parser;
    char in[POST_MAX_BYTES + 1 + JSON_SLACK_BYTES];
};

static const char *const names[POST_KINDS_N] = {[POST_HELLO] = "hello",
                                                [POST_PROBE_BEGIN] = "probe.begin",
                                                [POST_PROBE_SET] = "probe.set",
                                                [POST_PROBE_END] = "probe.end",
                                                [POST_PROBE_DROP] = "probe.drop",
                                                [POST_PROBE_NOW] = "probe.now",
                                                [POST_PROBE_TRY] = "probe.try",
                                                [POST_SEND] = "send",
                                                [POST_SENT_ACK] = "sent.ack",
                                                [POST_BEAT] = "beat",
                                                [POST_TRIED] = "tried",
                                                [POST_PLACE] = "place",
                                                [POST_SENT] = "sent"};

const char *post_kind_name(enum post_kind k) {
    assert(k < POST_KINDS_N);
    return names[k];
}

struct err post_open(int fd, struct post **out) {
    assert(fd >= 0);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return err_os("post: its socket");
    struct post *p = calloc(1, sizeof *p);
    if (!p) return ERR(ERR_NOMEM, "post");
    p->parser = json_parser_new(POST_MAX_BYTES);
    if (!p->parser) {
        free(p);
        return ERR(ERR_NOMEM, "post");
    }
    p->fd = fd;
    p->last = &p->first;
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return ERR_NONE;
}

void post_close(struct post *p) {
    if (!p) return;
    for (struct letter *l = p->first, *next; l; l = next) {
        next = l->next;
        free(l);
    }
    json_parser_free(p->parser);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- out ---- */

/* False: no room now. A packet that cannot be sent for another reason is dropped. */
static bool hand_over(struct post *p, const char *text, size_t n) {
    ssize_t sent;
    do
        sent = send(p->fd, text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) return false;
    if (sent < 0) log_failure("post: sending", err_os("post: send"));
    return true;
}

static bool flush_locked(struct post *p) {
    while (p->first && hand_over(p, p->first->text, p->first->n)) {
        struct letter *l = p->first;
        p->first = l->next;
        if (!p->first) p->last = &p->first;
        p->waiting -= l->n;
        free(l);
    }
    return p->first != NULL;
}

bool post_flush(struct post *p) {
    pthread_mutex_lock(&p->lock);
    bool more = flush_locked(p);
    pthread_mutex_unlock(&p->lock);
    return more;
}

static struct err keep(struct post *p, struct str json) {
    if (p->waiting + json.n > POST_QUEUE_BYTES) return ERR(ERR_BUSY, "post: the queue is full");
    struct letter *l = malloc(sizeof *l + json.n);
    if (!l) return ERR(ERR_NOMEM, "post: a letter");
    l->next = NULL;
    l->n = json.n;
    memcpy(l->text, json.p, json.n);
    *p->last = l;
    p->last = &l->next;
    p->waiting += json.n;
    return ERR_NONE;
}

struct err post_send(struct post *p, struct str json) {
    if (json.n == 0 || json.n > POST_MAX_BYTES) return ERR(ERR_LIMIT, "post: too long a message");
    pthread_mutex_lock(&p->lock);
    struct err e = ERR_NONE;
    if (flush_locked(p) || !hand_over(p, json.p, json.n)) e = keep(p, json);
    pthread_mutex_unlock(&p->lock);
    return e;
}

/* ---- in ---- */

static bool kind_of(const struct json *v, enum post_kind *out) {
    const struct json *kind = v->type == JSON_OBJECT ? json_get(v, "kind") : NULL;
    for (int i = 0; kind && i < POST_KINDS_N; i++)
        if (json_is_str(kind, names[i])) {
            *out = (enum post_kind)i;
            return true;
        }
    return false;
}

struct err post_next(struct post *p, struct arena *a, struct post_message *out) {
    ssize_t n;
    do
        n = recv(p->fd, p->in, POST_MAX_BYTES + 1, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return ERR(ERR_NOTFOUND, "post: none");
    if (n < 0) return err_os("post: receiving");
    if (n == 0) return ERR(ERR_IO, "post: the other end is closed");
    struct str text = {p->in, (size_t)n};
    memset(p->in + n, 0, JSON_SLACK_BYTES);
    struct post_message m = {0};
    struct err e = text.n > POST_MAX_BYTES ? ERR(ERR_INVALID, "post: too long")
                                           : json_parse(p->parser, text, a, &m.body);
    if (e.code == ERR_OK && !kind_of(m.body, &m.kind)) e = ERR(ERR_INVALID, "post: unknown kind");
    if (e.code == ERR_OK) m.text = arena_str(a, text);
    if (e.code == ERR_OK && m.text.p) {
        *out = m;
        return ERR_NONE;
    }
    p->dropped++;
    return ERR(ERR_INVALID, "post: a message was dropped");
}

uint64_t post_dropped(const struct post *p) {
    return p->dropped;
}
