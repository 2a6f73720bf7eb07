/* turns.c: many questions on few CPUs.
 *
 * As many threads compute at once as there are CPUs; the others wait. Who has computed least goes
 * first, so a short question is never behind a long one for more than one quantum, and long ones
 * get equal shares. A thread that has waited AGED_US goes before all, so that a stream of short
 * questions does not keep a long one out.
 *
 * What a question has used is counted in pieces of work (512 persons each), not in time: no clock
 * is read where nobody waits. `free` may be below zero: a cancelled thread goes ahead without its
 * turn, to find out and end; what it owes is taken from the next turns that are given back.
 */
#include "query/turns.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define QUANTUM_US 5000
#define AGED_US 300000
#define WAIT_MS 50
#define LOOK_US 20000

struct waiter {
    struct query_turn *turn;
    struct waiter *next;
    int64_t since_us;
    pthread_cond_t let_in;
    bool granted;
};

struct query_turns {
    pthread_mutex_t lock;
    int free;
    struct waiter *first;
    atomic_uint n_waiting;
};

struct query_turns *query_turns_new(unsigned at_once) {
    struct query_turns *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    pthread_mutex_init(&all->lock, NULL);
    all->free = at_once ? (int)at_once : 1;
    return all;
}

void query_turns_free(struct query_turns *all) {
    if (!all) return;
    pthread_mutex_destroy(&all->lock);
    free(all);
}

void turn_init(struct query_turn *t, const struct query_limits *l) {
    *t = (struct query_turn){.all = l->turns, .limits = l};
}

/* ---- the client ---- */

bool turn_cancelled(struct query_turn *t) {
    const struct query_limits *l = t->limits;
    if (atomic_load(&t->gone) || (l->cancel && *l->cancel)) return true;
    if (!l->gone) return false;
    int64_t now = time_monotonic_us();
    if (now < atomic_load(&t->look_us)) return false;
    atomic_store(&t->look_us, now + LOOK_US);
    if (l->gone(l->gone_ctx)) atomic_store(&t->gone, true);
    return atomic_load(&t->gone);
}

/* ---- the queue, under the lock ---- */

/* True: a goes before b. */
static bool before(const struct waiter *a, const struct waiter *b, int64_t now) {
    bool a_aged = now - a->since_us > AGED_US, b_aged = now - b->since_us > AGED_US;
    if (a_aged != b_aged) return a_aged;
    if (a_aged) return a->since_us < b->since_us;
    return atomic_load(&a->turn->used) < atomic_load(&b->turn->used);
}

static struct waiter *first_of(const struct query_turns *all, int64_t now) {
    struct waiter *best = all->first;
    for (struct waiter *w = best ? best->next : NULL; w; w = w->next)
        if (before(w, best, now)) best = w;
    return best;
}

static void leave(struct query_turns *all, const struct waiter *who) {
    struct waiter **at = &all->first;
    while (*at && *at != who)
        at = &(*at)->next;
    assert(who && *at == who);
    *at = who->next;
    atomic_fetch_sub(&all->n_waiting, 1);
}

static void let_in(struct query_turns *all, int64_t now) {
    while (all->free > 0 && all->first) {
        struct waiter *w = first_of(all, now);
        leave(all, w);
        w->granted = true;
        all->free--;
        pthread_cond_signal(&w->let_in);
    }
}

static void wait_turn(struct query_turns *all, struct query_turn *t) {
    struct waiter w = {.turn = t, .next = all->first, .since_us = time_monotonic_us()};
    pthread_cond_init(&w.let_in, NULL);
    all->first = &w;
    atomic_fetch_add(&all->n_waiting, 1);
    let_in(all, w.since_us);
    while (!w.granted) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WAIT_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&w.let_in, &all->lock, &until);
        if (w.granted || !turn_cancelled(t)) continue;
        leave(all, &w);
        all->free--;
        break;
    }
    pthread_cond_destroy(&w.let_in);
    atomic_store(&t->granted_us, time_monotonic_us());
}

/* ---- taking turns ---- */

void turn_take(struct query_turn *t) {
    if (!t || !t->all) return;
    pthread_mutex_lock(&t->all->lock);
    wait_turn(t->all, t);
    pthread_mutex_unlock(&t->all->lock);
}

void turn_give(struct query_turn *t) {
    if (!t || !t->all) return;
    pthread_mutex_lock(&t->all->lock);
    t->all->free++;
    let_in(t->all, time_monotonic_us());
    pthread_mutex_unlock(&t->all->lock);
}

void turn_pass(struct query_turn *t) {
    atomic_fetch_add_explicit(&t->used, 1, memory_order_relaxed);
    if (!t->all || atomic_load_explicit(&t->all->n_waiting, memory_order_relaxed) == 0) return;
    int64_t now = time_monotonic_us();
    if (now - atomic_load(&t->granted_us) < QUANTUM_US) return;
    struct waiter me = {.turn = t, .since_us = now};
    pthread_mutex_lock(&t->all->lock);
    struct waiter *first = first_of(t->all, now);
    if (first && before(first, &me, now)) {
        t->all->free++;
        wait_turn(t->all, t);
    }
    pthread_mutex_unlock(&t->all->lock);
}
