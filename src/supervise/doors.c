/* doors.c: what only one server may have: the folder's lock, its ports, its local sockets.
 *
 * The lock file says who holds it ("serve" or "command"), so that a command joins a server and
 * waits for another command. Unix socket paths are limited to 107 bytes and data folders are not:
 * the socket is named through the folder's descriptor.
 */
#include "supervise/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096
#define RETRY_US 20000

static const char *const local_names[PROCESSES_N] = {"front.sock", "console.sock", NULL};

static void pause_us(unsigned us) {
    struct timespec t = {.tv_nsec = (long)us * 1000};
    nanosleep(&t, NULL);
}

/* ---- the lock ---- */

static struct err hold_lock(const struct settings *s, int64_t until_us, int *out) {
    char path[4200], who[64];
    settings_path(s, "lock", path);
    AUTO(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return err_os("lock file");
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR) return err_os("lock");
        if (time_monotonic_us() > until_us)
            return ERR(ERR_BUSY, "another weir holds this data folder");
        pause_us(RETRY_US);
    }
    int n = snprintf(who, sizeof who, "%s %d\n", s->no_doors ? "command" : "serve", (int)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, who, (size_t)n, 0) != n) return err_os("lock file");
    *out = fd;
    fd = -1;
    return ERR_NONE;
}

bool supervise_is_running(const struct settings *s) {
    char path[4200], who[8] = "";
    settings_path(s, "lock", path);
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0) return false;
    return errno == EWOULDBLOCK && pread(fd, who, 5, 0) == 5 && memcmp(who, "serve", 5) == 0;
}

/* ---- TCP ---- */

/* "127.0.0.1:8100" or "[::1]:8100" into its two halves. */
static bool split_address(const char *text, char host[128], char port[16]) {
    const char *colon = strrchr(text, ':');
    if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) > 5) return false;
    struct str h = {text, (size_t)(colon - text)};
    if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']') h = (struct str){h.p + 1, h.n - 2};
    if (h.n >= 128) return false;
    snprintf(host, 128, STR_FMT, STR_ARG(h));
    snprintf(port, 16, "%s", colon + 1);
    return true;
}

static int bind_once(const struct addrinfo *a) {
    int one = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int os = errno;
    close(fd);
    errno = os;
    return -1;
}

static struct err listen_tcp(const char *address, int64_t until_us, int *out) {
    char host[128], port[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    if (!split_address(address, host, port))
        return ERR(ERR_INVALID, "an address has to be ADDR:PORT");
    if (getaddrinfo(host[0] ? host : NULL, port, &hints, &found) || !found)
        return ERR(ERR_INVALID, "an address is not understood");
    int fd = bind_once(found);
    while (fd < 0 && errno == EADDRINUSE && time_monotonic_us() < until_us) {
        pause_us(RETRY_US);
        fd = bind_once(found);
    }
    struct err e = fd < 0 ? err_os("a port cannot be had") : ERR_NONE;
    freeaddrinfo(found);
    if (fd >= 0) *out = fd;
    return e;
}

/* ---- unix ---- */

static struct err listen_local(int folder, const char *name, int *out) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", folder, name);
    unlinkat(folder, name, 0);
    AUTO(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return err_os("local socket");
    mode_t old = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&a, sizeof a);
    umask(old);
    if (bound || listen(fd, BACKLOG)) return err_os("local socket");
    *out = fd;
    fd = -1;
    return ERR_NONE;
}

static struct err listen_all_local(const struct settings *s, struct doors *d) {
    char path[4200];
    settings_path(s, "run", path);
    TRY(io_make_folder(path, 0700));
    AUTO(fd_close) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return err_os("run folder");
    for (int i = 0; i < PROCESSES_N; i++)
        if (local_names[i]) TRY(listen_local(folder, local_names[i], &d->local[i]));
    return ERR_NONE;
}

/* ---- all ---- */

static struct err open_all(const struct settings *s, struct doors *d, int64_t until_us,
                           const char **doing) {
    *doing = "the data folder";
    TRY(io_make_folder(s->data, 0700));
    *doing = "the data folder's lock";
    TRY(hold_lock(s, until_us, &d->lock));
    *doing = "the local sockets";
    TRY(listen_all_local(s, d));
    if (s->no_doors) return ERR_NONE;
    *doing = "the public door (--public)";
    TRY(listen_tcp(s->public_addr, until_us, &d->tcp[PROCESS_FRONT]));
    *doing = "the team door (--team)";
    return listen_tcp(s->team_addr, until_us, &d->tcp[PROCESS_CONSOLE]);
}

struct err doors_open(const struct settings *s, struct doors *out, char fault[256]) {
    const char *doing = "";
    *out = (struct doors){.lock = -1, .tcp = {-1, -1, -1}, .local = {-1, -1, -1}};
    struct err e = open_all(s, out, time_monotonic_us() + DOORS_WAIT_US, &doing);
    if (e.code == ERR_OK) return e;
    snprintf(fault, 256, "%s: %s%s%s", doing, e.what, e.os ? ": " : "", e.os ? strerror(e.os) : "");
    doors_close(out);
    return e;
}

void doors_close(struct doors *d) {
    for (int i = 0; i < PROCESSES_N; i++) {
        fd_close(d->tcp[i]);
        fd_close(d->local[i]);
    }
    fd_close(d->lock);
}

void doors_url(int fd, const char *own, bool tls, char *out, size_t out_bytes) {
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char host[128] = "", port[16] = "";
    if (own[0] || fd < 0 || getsockname(fd, (struct sockaddr *)&a, &n) ||
        getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        snprintf(out, out_bytes, "%s", own);
        return;
    }
    bool v6 = strchr(host, ':') != NULL;
    snprintf(out, out_bytes, "%s://%s%s%s:%s", tls ? "https" : "http", v6 ? "[" : "", host,
             v6 ? "]" : "", port);
}
