#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>
#include <zlib.h>

static int64_t piece(void *ctx, char *out, size_t max) {
    int *left = ctx;
    if (*left == 0) return 0;
    if (*left < 0) return -1;
    return snprintf(out, max, "piece %d\n", (*left)--);
}

static struct str packed(struct arena *a) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    char *out = arena_alloc(a, 256);
    z.next_in = (Bytef *)(uintptr_t) "packed text";
    z.avail_in = 11;
    z.next_out = (Bytef *)out;
    z.avail_out = 256;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct str s = {out, 256 - z.avail_out};
    deflateEnd(&z);
    return s;
}

static void echo(struct edge_request *q, struct edge_reply *reply) {
    static const char *const names[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OTHER"};
    for (size_t i = 0; i < 64; i++) /* the slack is readable */
        (void)*(const volatile char *)(q->body.p + q->body.n + i);
    struct str head = arena_printf(q->arena, "%s " STR_FMT " " STR_FMT " %d ", names[q->method],
                                   STR_ARG(q->path), STR_ARG(q->query), q->is_local);
    char *all = arena_alloc(q->arena, head.n + q->body.n + 1);
    memcpy(all, head.p, head.n);
    memcpy(all + head.n, q->body.p, q->body.n);
    reply->body = (struct str){all, head.n + q->body.n};
}

static void params(struct edge_request *q, struct edge_reply *reply) {
    struct str a = STR("none"), b = STR("none");
    (void)edge_param(q, "a", &a);
    (void)edge_form_param(q, "a", &b);
    struct str c = edge_cookie(q, "c");
    reply->body =
        arena_printf(q->arena, STR_FMT "|" STR_FMT "|" STR_FMT, STR_ARG(a), STR_ARG(b), STR_ARG(c));
}

static void plain_routes(struct edge_request *q, struct edge_reply *reply) {
    if (str_is(q->path, "/echo"))
        echo(q, reply);
    else if (str_is(q->path, "/param"))
        params(q, reply);
    else if (str_is(q->path, "/error"))
        edge_reply_error(q, reply, 422, "bad", "not so", "name");
    else if (str_is(q->path, "/header"))
        reply->body = edge_header(q, "x-test");
    else if (str_is(q->path, "/peer")) {
        char *hex = arena_alloc(q->arena, 32);
        str_to_hex(q->peer, 16, hex);
        reply->body = (struct str){hex, 32};
    } else if (str_is(q->path, "/packed")) {
        reply->body = packed(q->arena);
        reply->precompressed_gzip = true;
    } else if (str_is(q->path, "/stream") || str_is(q->path, "/broken")) {
        int *left = malloc(sizeof *left);
        *left = str_is(q->path, "/stream") ? 10 : -1;
        reply->stream = piece;
        reply->stream_ctx = left;
        reply->stream_free = free;
    } else if (str_is(q->path, "/large")) {
        char *p = arena_alloc(q->arena, 1 << 20);
        memset(p, 'x', 1 << 20);
        reply->body = (struct str){p, 1 << 20};
    } else {
        reply->status = 404;
        reply->body = STR("not found");
        reply->body_is_static = true;
    }
}

static enum edge_verdict handler(void *ctx, struct edge_request *q, struct edge_reply *reply) {
    struct rig *r = ctx;
    if (q->phase == EDGE_DONE) {
        atomic_fetch_add(&r->done, 1);
        reply->body = STR("1");
        return EDGE_ANSWERED;
    }
    atomic_fetch_add(&r->asked, 1);
    if (str_is(q->path, "/later")) return EDGE_LATER;
    if (str_is(q->path, "/busy")) {
        if (atomic_fetch_add(&r->busy, 1) < 2) return EDGE_BUSY;
        reply->body = STR("1");
        return EDGE_ANSWERED;
    }
    plain_routes(q, reply);
    return EDGE_ANSWERED;
}

static void *loop(void *arg) {
    struct rig *r = arg;
    while (!atomic_load(&r->stop)) {
        if (atomic_load(&r->quiesce)) edge_quiesce(r->edge);
        size_t later;
        assert_ok(edge_turn(r->edge, 10, &later));
        if (later == 0 || atomic_load(&r->hold)) continue;
        if (later > atomic_load(&r->largest_group)) atomic_store(&r->largest_group, later);
        atomic_fetch_add(&r->groups, 1);
        edge_release(r->edge);
    }
    return NULL;
}

static int listen_tcp(int *out_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 512), 0);
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *out_port = ntohs(a.sin_port);
    return fd;
}

static int listen_local(struct rig *r) {
    (void)snprintf(r->local_path, sizeof r->local_path, "/tmp/weir-edge-%d-%d", getpid(), r->port);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", r->local_path);
    (void)unlink(a.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

void rig_start(struct rig *r, struct edge_config c) {
    *r = (struct rig){.local_fd = -1};
    r->listen_fd = listen_tcp(&r->port);
    r->local_fd = listen_local(r);
    c.listeners[0] = (struct edge_listener){r->listen_fd, false};
    c.listeners[1] = (struct edge_listener){r->local_fd, true};
    c.n_listeners = 2;
    c.handler = handler;
    c.ctx = r;
    if (!c.max_head_bytes) c.max_head_bytes = 64 << 10;
    if (!c.max_body_bytes) c.max_body_bytes = 10 << 20;
    if (!c.idle_s) c.idle_s = 65;
    if (!c.request_s) c.request_s = 60;
    if (!c.max_connections) c.max_connections = 200;
    assert_ok(edge_open(&c, &r->edge));
    if (c.mode == EDGE_THREADS) return;
    assert_int_equal(pthread_create(&r->loop, NULL, loop, r), 0);
    r->has_loop = true;
}

void rig_stop(struct rig *r) {
    atomic_store(&r->stop, true);
    if (r->has_loop) pthread_join(r->loop, NULL);
    edge_close(r->edge, 2000);
    close(r->listen_fd);
    close(r->local_fd);
    (void)unlink(r->local_path);
}

static void patience(int fd) {
    struct timeval t = {.tv_sec = 20};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
}

int rig_connect(const struct rig *r) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)r->port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    patience(fd);
    return fd;
}

int rig_connect_local(const struct rig *r) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", r->local_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    patience(fd);
    return fd;
}

void rig_send(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) return; /* the server may have closed: the answer tells */
        bytes += sent;
        n -= (size_t)sent;
    }
}

void rig_say(int fd, const char *text) {
    rig_send(fd, text, strlen(text));
}

static bool more(int fd, char *out, size_t max, size_t *n) {
    if (*n + 1 >= max) return false;
    ssize_t got = recv(fd, out + *n, 1, 0);
    if (got <= 0) return false;
    *n += (size_t)got;
    out[*n] = 0;
    return true;
}

int rig_answer(int fd, char *out, size_t max) {
    size_t n = 0;
    out[0] = 0;
    while (!strstr(out, "\r\n\r\n"))
        if (!more(fd, out, max, &n)) return n ? -1 : 0;
    int status = atoi(out + 9);
    if (status == 100) return status;
    const char *length = strcasestr(out, "\r\nContent-Length:");
    size_t want = length ? (size_t)atoll(length + 17) : 0;
    bool chunked = strcasestr(out, "\r\nTransfer-Encoding: chunked") != NULL;
    size_t head = n;
    while (chunked ? !strstr(out + head - 2, "\r\n0\r\n\r\n") : n - head < want) {
        if (n + 1 >= max) break;
        size_t room = max - n - 1, step = chunked                    ? 1
                                          : want - (n - head) < room ? want - (n - head)
                                                                     : room;
        ssize_t got = recv(fd, out + n, step, 0);
        if (got <= 0) return -status;
        n += (size_t)got;
        out[n] = 0;
    }
    return status;
}

bool rig_closed(int fd, int ms) {
    int64_t until = time_monotonic_us() + ms * INT64_C(1000);
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = (until - time_monotonic_us()) / 1000;
        if (left < 0 || poll(&p, 1, (int)left) <= 0) return false;
        char rest[4096]; /* the library's own refusals may say more than their length */
        ssize_t n = recv(fd, rest, sizeof rest, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
    }
}

int rig_ask(const struct rig *r, const char *request, char *out, size_t max) {
    int fd = rig_connect(r);
    rig_say(fd, request);
    int status = rig_answer(fd, out, max);
    close(fd);
    return status;
}

const char *rig_body(const char *answer) {
    const char *p = strstr(answer, "\r\n\r\n");
    return p ? p + 4 : "";
}
