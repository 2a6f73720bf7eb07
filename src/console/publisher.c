/* publisher.c: one loop: wait for a change or for the minute, take a snapshot, make the page. */
#include "console/publisher.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "page/page.h"

#define EACH_S 60
#define PAUSE_MS                                                                                   \
    250 /* between two publishings: a change is out within a second, a burst is one                \
         */
#define SNAPSHOT_BYTES ((size_t)256 << 20)

struct publisher {
    struct channel *channel;
    struct status *status;
    const char *url;
    char folder[4200];
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* guards the two below */
    pthread_cond_t turn;
    bool changed, stop;
};

struct err publisher_open(struct channel *channel, const char *folder, const char *url,
                          struct publisher **out) {
    struct publisher *p = calloc(1, sizeof *p);
    pthread_condattr_t clock;
    if (!p) return ERR(ERR_NOMEM, "publisher");
    p->channel = channel;
    p->url = url;
    (void)snprintf(p->folder, sizeof p->folder, "%s", folder);
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&p->turn, &clock);
    pthread_condattr_destroy(&clock);
    *out = p;
    return ERR_NONE;
}

void publisher_wake(struct publisher *p) {
    pthread_mutex_lock(&p->lock);
    p->changed = true;
    pthread_cond_signal(&p->turn);
    pthread_mutex_unlock(&p->lock);
}

static struct err publish(struct publisher *p) {
    struct channel_page *shared = p->channel->page;
    AUTO(arena_free) struct arena *a = arena_new(SNAPSHOT_BYTES);
    struct status_model *m = NULL;
    if (!a) return ERR(ERR_NOMEM, "publisher");
    TRY(status_snapshot(p->status, a, &m));
    if (m->page.url.n == 0) m->page.url = str_z(p->url);
    TRY(page_publish(m, p->folder));
    atomic_fetch_add_explicit(&shared->status_generation, 1, memory_order_release);
    channel_wake(p->channel->wake_front);
    return ERR_NONE;
}

static struct timespec in_ms(int64_t ms) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Until there is something to publish; false: stop. */
static bool wait_turn(struct publisher *p) {
    struct timespec pause = in_ms(PAUSE_MS), minute = in_ms(EACH_S * 1000);
    pthread_mutex_lock(&p->lock);
    while (!p->stop && pthread_cond_timedwait(&p->turn, &p->lock, &pause) != ETIMEDOUT)
        ;
    while (!p->stop && !p->changed &&
           pthread_cond_timedwait(&p->turn, &p->lock, &minute) != ETIMEDOUT)
        ;
    p->changed = false;
    bool go = !p->stop;
    pthread_mutex_unlock(&p->lock);
    return go;
}

static void *run(void *arg) {
    struct publisher *p = arg;
    int32_t told = ERR_OK; /* one line for one trouble */
    do {
        struct err e = publish(p);
        if (e.code != ERR_OK && e.code != told) log_failure("publishing the status page", e);
        told = e.code;
    } while (wait_turn(p));
    return NULL;
}

struct err publisher_start(struct publisher *p, struct status *status) {
    p->status = status;
    if (pthread_create(&p->thread, NULL, run, p)) return ERR(ERR_NOMEM, "publisher: thread");
    p->running = true;
    return ERR_NONE;
}

void publisher_stop(struct publisher *p) {
    if (!p || !p->running) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->turn);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    p->running = false;
}

void publisher_close(struct publisher *p) {
    if (!p) return;
    pthread_cond_destroy(&p->turn);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
