/* doors.c: the folder's lock and the sockets that outlive every child.
 *
 * The lock is a flock on DIR/lock. Children keep the descriptor open (they never use it): a lock of
 * this kind is free only when all copies are closed, so a killed main whose front still hangs in a
 * sync keeps the next server away from the journal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervise/inside.h"

#define BACKLOG 4096
#define RETRY_MS 50
#define WHO_BYTES                                                                                  \
    7 /* the lock's content: who holds it, so that a command joins a server and waits for a        \
         command */

struct err supervise_lock(const struct settings *s, int *out_fd) {
    char path[4200];
    settings_path(s, "lock", path);
    AUTO(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return err_os("lock of the data folder");
    int64_t until = time_monotonic_us() + WAIT_US;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return err_os("lock of the data folder");
        if (time_monotonic_us() > until)
            return ERR(ERR_BUSY, "another weir runs on this data folder");
        (void)poll(NULL, 0, RETRY_MS);
    }
    const char *who = s->no_doors ? "command" : "serve  ";
    if (pwrite(fd, who, WHO_BYTES, 0) != WHO_BYTES) return err_os("lock of the data folder");
    *out_fd = fd;
    fd = -1;
    return ERR_NONE;
}

bool supervise_is_running(const struct settings *s) {
    char path[4200];
    settings_path(s, "lock", path);
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char who[WHO_BYTES];
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK &&
           pread(fd, who, sizeof who, 0) == WHO_BYTES && memcmp(who, "serve", 5) == 0;
}

/* ---- TCP ---- */

/* Splits "host:port" at the last colon; brackets of an IPv6 address come off. */
static bool split_address(const char *addr, char host[128], const char **port) {
    const char *colon = strrchr(addr, ':');
    if (!colon || colon[1] == 0) return false;
    size_t n = (size_t)(colon - addr);
    if (n >= 2 && addr[0] == '[' && addr[n - 1] == ']') {
        addr++;
        n -= 2;
    }
    if (n >= 128) return false;
    memcpy(host, addr, n);
    host[n] = 0;
    *port = colon + 1;
    return true;
}

static struct err bind_one(const struct addrinfo *a, int *out_fd) {
    AUTO(fd_close) int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return err_os("listening socket");
    int one = 1, zero = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    int64_t until = time_monotonic_us() + WAIT_US;
    while (bind(fd, a->ai_addr, a->ai_addrlen) != 0) {
        if (errno != EADDRINUSE || time_monotonic_us() > until) return err_os("binding a door");
        (void)poll(NULL, 0, RETRY_MS);
    }
    if (listen(fd, BACKLOG) != 0) return err_os("listening");
    *out_fd = fd;
    fd = -1;
    return ERR_NONE;
}

struct err supervise_listen(const char *addr, int *out_fd) {
    char host[128];
    const char *port;
    if (!split_address(addr, host, &port)) return ERR(ERR_INVALID, "a door's address is HOST:PORT");
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM},
                    *a;
    if (getaddrinfo(host[0] ? host : NULL, port, &hints, &a) != 0)
        return ERR(ERR_INVALID, "a door's address is HOST:PORT");
    struct err e = bind_one(a, out_fd);
    freeaddrinfo(a);
    return e;
}

void supervise_url(int fd, bool tls, char *out, size_t out_bytes) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t n = sizeof a;
    char text[INET6_ADDRSTRLEN] = "";
    if (out_bytes > 0) out[0] = 0;
    if (fd < 0 || getsockname(fd, &a.any, &n) != 0) return;
    bool six = a.any.sa_family == AF_INET6;
    const void *addr = six ? (const void *)&a.v6.sin6_addr : (const void *)&a.v4.sin_addr;
    (void)inet_ntop(a.any.sa_family, addr, text, sizeof text);
    unsigned port = ntohs(six ? a.v6.sin6_port : a.v4.sin_port);
    (void)snprintf(out, out_bytes, six ? "%s://[%s]:%u" : "%s://%s:%u", tls ? "https" : "http",
                   text, port);
}

/* ---- unix sockets ---- */

/* The folder may lie deep, and a socket's address holds 107 characters: it is named through the
 * folder's descriptor. */
struct err supervise_listen_local(const struct settings *s, const char *name, int *out_fd) {
    char folder[4200];
    settings_path(s, "run", folder);
    TRY(io_make_folder(folder, 0700));
    AUTO(fd_close) int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_os("folder of the local sockets");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s.sock", dir, name);
    if (n < 0 || (size_t)n >= sizeof a.sun_path) return ERR(ERR_INVALID, "local socket's name");
    char file[64];
    (void)snprintf(file, sizeof file, "%s.sock", name);
    (void)unlinkat(dir, file, 0); /* the lock says that nobody listens on it */
    AUTO(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return err_os("local socket");
    mode_t before = umask(0177);
    int bound = bind(fd, (const struct sockaddr *)&a, sizeof a);
    struct err e = bound == 0 ? ERR_NONE : err_os("local socket");
    umask(before);
    TRY(e);
    if (listen(fd, 64) != 0) return err_os("local socket");
    *out_fd = fd;
    fd = -1;
    return ERR_NONE;
}
