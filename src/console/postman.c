/* postman.c: a bell, and a look at the page when it rings. */
#include "console/postman.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_EACH_MS 60000
#define SNAPSHOT_BYTES ((size_t)256 << 20)

struct postman {
    int bell;
    struct status *status;
    struct notice *notice;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* guards stop */
    bool stop;
};

struct err postman_open(struct postman **out) {
    struct postman *p = calloc(1, sizeof *p);
    if (!p) return ERR(ERR_NOMEM, "postman");
    pthread_mutex_init(&p->lock, NULL);
    p->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct err e = p->bell < 0 ? err_os("postman") : ERR_NONE;
    if (e.code == ERR_OK)
        *out = p;
    else
        postman_close(p);
    return e;
}

void postman_look(struct postman *p) {
    uint64_t one = 1;
    if (write(p->bell, &one, sizeof one) < 0) return; /* it rings already */
}

static void look(struct postman *p) {
    AUTO(arena_free) struct arena *a = arena_new(SNAPSHOT_BYTES);
    struct status_model *m = NULL;
    struct err e = a ? status_snapshot(p->status, a, &m) : ERR(ERR_NOMEM, "a look at the page");
    if (e.code == ERR_OK) e = notice_catch_up(p->notice, m);
    if (e.code != ERR_OK) log_failure("queueing notices", e);
}

static bool must_stop(struct postman *p) {
    pthread_mutex_lock(&p->lock);
    bool stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    return stop;
}

static void *work(void *ctx) {
    struct postman *p = ctx;
    while (!must_stop(p)) {
        uint64_t rung = 0;
        struct pollfd bell = {.fd = p->bell, .events = POLLIN};
        look(p);
        (void)poll(&bell, 1, LOOK_EACH_MS);
        (void)!read(p->bell, &rung, sizeof rung);
    }
    return NULL;
}

struct err postman_start(struct postman *p, struct status *status, struct notice *notice) {
    p->status = status;
    p->notice = notice;
    if (pthread_create(&p->thread, NULL, work, p)) return ERR(ERR_NOMEM, "postman: a thread");
    p->running = true;
    return ERR_NONE;
}

void postman_stop(struct postman *p) {
    if (!p || !p->running) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_mutex_unlock(&p->lock);
    postman_look(p);
    pthread_join(p->thread, NULL);
    p->running = false;
}

void postman_close(struct postman *p) {
    if (!p) return;
    postman_stop(p);
    fd_close(p->bell);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
