#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

struct disk *disk;

/* In front of libc's: the journal writes by this call alone. */
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) {
    if (disk) {
        atomic_fetch_add(&disk->appends, 1);
        if (atomic_load(&disk->slow_ms) > 0) usleep((unsigned)atomic_load(&disk->slow_ms) * 1000);
        int fail = atomic_load(&disk->fail);
        if (fail) {
            (void)!syscall(SYS_pwrite64, fd, v[0].iov_base, v[0].iov_len / 2,
                           at); /* half of it is there */
            errno = fail;
            return -1;
        }
    }
    return syscall(SYS_pwritev, fd, v, n, at, 0);
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

static int listen_local(const struct rig *r) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%.80s/front.sock", r->settings.data);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

void rig_make(struct rig *r) {
    *r = (struct rig){0};
    assert_ok(seal_start());
    if (!disk)
        disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(disk != MAP_FAILED);
    memset((void *)disk, 0, sizeof *disk);
    strcpy(r->settings.data, "/tmp/weir-front-XXXXXX");
    assert_non_null(mkdtemp(r->settings.data));
    team_generate(&r->team);
    assert_ok(channel_make(&r->channel));
    r->door = listen_tcp(&r->port);
    r->local_door = listen_local(r);
    char folder[4200];
    settings_path(&r->settings, "front", folder);
    assert_ok(io_make_folder(folder, 0700));
    rig_registry(r);
}

static void fill_project(const struct rig *r, struct registry_project *p, uint64_t id,
                         const char *token) {
    static const uint8_t root[32] = {1}, salt[32] = {2};
    *p = (struct registry_project){.id = id, .crowd = 3, .quota_per_minute = r->quota};
    (void)snprintf(p->token, sizeof p->token, "%s", token);
    (void)snprintf(p->timezone, sizeof p->timezone, "UTC");
    seal_secret_hash(str_z(token), p->secret_hash);
    seal_keys_derive(root, salt, id, &p->keys);
    memset(p->keys.view, 0, sizeof p->keys.view);
}

void rig_registry(struct rig *r) {
    struct registry_project projects[2];
    fill_project(r, &projects[0], 1, "token1");
    if (r->second_token) fill_project(r, &projects[1], 2, r->second_token);
    struct channel_page *page = r->channel.page;
    uint64_t generation = atomic_load(&page->registry_generation) + 1;
    struct registry reg = {.generation = generation,
                           .team = r->team.pub,
                           .projects = projects,
                           .n_projects = r->second_token ? 2 : 1};
    char path[4200];
    settings_path(&r->settings, "front/registry", path);
    assert_ok(registry_write(path, &reg));
    atomic_store(&page->registry_generation, generation);
    channel_wake(r->channel.wake_front);
    for (int i = 0; r->pid > 0 && i < 500 && atomic_load(&page->registry_seen) < generation; i++)
        usleep(10000);
}

void rig_new_door(struct rig *r) {
    (void)shutdown(r->door, SHUT_RDWR);
    close(r->door);
    r->door = listen_tcp(&r->port);
}

void rig_start(struct rig *r) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    r->stop_fd = eventfd(0, EFD_NONBLOCK);
    r->pid = fork();
    if (r->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        log_open("front");
        close(ready[0]);
        struct process_setup s = {.settings = &r->settings,
                                  .channel = &r->channel,
                                  .door = r->door,
                                  .local_door = r->local_door,
                                  .ready_fd = ready[1],
                                  .stop_fd = r->stop_fd};
        _exit(front_run(&s));
    }
    close(ready[1]);
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

void rig_kill(struct rig *r) {
    kill(r->pid, SIGKILL);
    assert_int_equal(waitpid(r->pid, NULL, 0), r->pid);
    close(r->stop_fd);
    r->pid = 0;
}

int rig_stop(struct rig *r) {
    int status;
    channel_wake(r->stop_fd);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    close(r->stop_fd);
    r->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void rig_remove(struct rig *r) {
    char command[4300];
    (void)snprintf(command, sizeof command, "rm -rf %s", r->settings.data);
    assert_int_equal(system(command), 0);
    close(r->door);
    close(r->local_door);
    channel_done(&r->channel);
}

/* ---- the client ---- */

int rig_connect(const struct rig *r) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)r->port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval t = {.tv_sec = 20};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    (void)connect(fd, (struct sockaddr *)&a, sizeof a); /* refused: the first request says so */
    return fd;
}

const char *rig_body(const char *answer) {
    const char *p = strstr(answer, "\r\n\r\n");
    return p ? p + 4 : "";
}

static int read_answer(int fd, char *out, size_t max) {
    size_t n = 0;
    out[0] = 0;
    for (;;) {
        const char *body = strstr(out, "\r\n\r\n"),
                   *length = strcasestr(out, "\r\nContent-Length:");
        if (body && (!length || n - (size_t)(body + 4 - out) >= (size_t)atoll(length + 17))) break;
        ssize_t got = recv(fd, out + n, max - n - 1, 0);
        if (got <= 0) return 0;
        n += (size_t)got;
        out[n] = 0;
    }
    return atoi(out + 9);
}

int rig_ask(const struct rig *r, int fd, const char *request, char *out, size_t max) {
    int own = fd < 0 ? rig_connect(r) : fd;
    bool sent = send(own, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request);
    int status = sent ? read_answer(own, out, max) : 0;
    if (fd < 0) close(own);
    return status;
}

int rig_track(const struct rig *r, int fd, const char *token, const char *person,
              const char *plan) {
    char body[512], request[1024], out[2048];
    int n =
        snprintf(body, sizeof body,
                 "data={\"event\":\"Sign "
                 "up\",\"properties\":{\"token\":\"%s\",\"distinct_id\":\"%s\",\"plan\":\"%s\"}}",
                 token, person, plan);
    (void)snprintf(
        request, sizeof request,
        "POST /track HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: %d\r\n\r\n%s",
        n, body);
    return rig_ask(r, fd, request, out, sizeof out);
}

size_t rig_events(const struct rig *r,
                  void (*see)(void *ctx, struct frame *f, const struct frame_event *e), void *ctx) {
    char folder[4200];
    settings_path(&r->settings, "journal", folder);
    uint64_t limit = atomic_load(&r->channel.page->synced);
    AUTO(journal_reader_close) struct journal_reader *reader = NULL;
    assert_ok(journal_reader_open(folder, 0, &reader));
    size_t n = 0;
    for (struct str bytes; journal_next(reader, limit, &bytes).code == ERR_OK;) {
        struct frame f;
        struct frame_event e;
        struct frame_profile p;
        assert_ok(frame_parse(bytes, &f));
        for (enum frame_record_type t; (t = frame_next(&f, &e, &p)) != 0;) {
            if (t == RECORD_EVENT) n++;
            if (t == RECORD_EVENT && see) see(ctx, &f, &e);
        }
        frame_done(&f);
    }
    assert_int_equal(journal_reader_position(reader), limit);
    return n;
}
