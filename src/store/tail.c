/* tail.c: events not yet in a part on disk.
 *
 * Each follow makes one small in-memory part of what arrived; where four or more neighbours are of
 * one size or smaller they become one of the next, so a tail of n rows has at most three parts of
 * each power of four, and each row is moved once for each. (Joining two at a time, which keeps
 * fewer parts, moved each row twice as often.) Only the follower changes a tail; the merger takes a
 * frozen one away whole.
 */
#include "store/internal.h"

#define JOIN_FEWEST 4
#define JOIN_MOST 16
#define JOINED_ROWS (STORE_FREEZE_ROWS / 4) /* more than this wait for the freeze, not far away */

bool project_is_readable(void *ctx, struct id128 text) {
    struct project *p = ctx;
    pthread_rwlock_rdlock(&p->words_lock);
    bool yes = words_get(p->words, text).p != NULL;
    pthread_rwlock_unlock(&p->words_lock);
    return yes;
}

/* Neighbours of a tail that become one. */
struct joint {
    struct part *parts[JOIN_MOST]; /* [n], referenced; oldest first */
    size_t n;
};

static void joint_done(struct joint *j) {
    for (size_t i = 0; i < j->n; i++)
        part_unref(j->parts[i]);
    j->n = 0;
}

static struct err join(struct project *p, struct joint *j, struct part **out) {
    uint64_t lost = 0;
    struct part_merge m = {.parts = j->parts,
                           .n_parts = j->n,
                           .readable = project_is_readable,
                           .ctx = p,
                           .from_us = INT64_MIN,
                           .to_us = INT64_MAX,
                           .lost = &lost};
    TRY(part_merge(&m, out));
    atomic_fetch_add(&p->values_lost, lost);
    return ERR_NONE;
}

/* Its size as a power of JOIN_FEWEST. */
static unsigned class_of(const struct part *part) {
    unsigned c = 0;
    for (uint64_t rows = part_info(part)->rows; rows >= JOIN_FEWEST; rows /= JOIN_FEWEST)
        c++;
    return c;
}

/* The newest parts of the tail, as many as are no larger than the newest by class, if they are
 * enough. */
static bool pick(struct store *s, struct project *p, struct joint *out) {
    pthread_mutex_lock(&s->lock);
    const struct part_list *t = &p->tail;
    size_t n = 0;
    uint64_t rows = 0;
    unsigned most = t->n > 0 ? class_of(t->parts[t->n - 1]) : 0;
    for (; n < t->n && n < JOIN_MOST && class_of(t->parts[t->n - 1 - n]) <= most; n++)
        rows += part_info(t->parts[t->n - 1 - n])->rows;
    bool yes = n >= JOIN_FEWEST && rows <= JOINED_ROWS;
    for (size_t i = 0; yes && i < n; i++)
        out->parts[i] = part_ref(t->parts[t->n - n + i]);
    out->n = yes ? n : 0;
    pthread_mutex_unlock(&s->lock);
    return yes;
}

/* Puts `joined` in their place, unless a freeze took them meanwhile. */
static bool put(struct store *s, struct project *p, const struct joint *j, struct part *joined) {
    pthread_mutex_lock(&s->lock);
    struct part_list *t = &p->tail;
    bool there = t->n >= j->n && t->parts[t->n - j->n] == j->parts[0];
    if (there) {
        t->n -= j->n;
        for (size_t i = 0; i < j->n; i++)
            part_unref(t->parts[t->n + i]);
        t->parts[t->n++] = joined;
    }
    pthread_mutex_unlock(&s->lock);
    return there;
}

static struct err compact(struct store *s, struct project *p) {
    struct joint j = {0};
    struct err e = ERR_NONE;
    bool go_on = true;
    while (go_on && e.code == ERR_OK && pick(s, p, &j)) {
        struct part *joined = NULL;
        e = join(p, &j, &joined);
        go_on = joined && put(s, p, &j, joined);
        if (!go_on) part_unref(joined);
        joint_done(&j);
    }
    return e;
}

struct err tail_build(struct store *s, struct project *p, uint64_t seq_lo, uint64_t seq_hi) {
    AUTO(part_builder_free) struct part_builder *rows = p->builder;
    p->builder = NULL;
    if (part_builder_rows(rows) == 0) return ERR_NONE;
    pthread_mutex_lock(&s->lock);
    struct err e = part_list_reserve(&p->tail, 1);
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    TRY(part_build(rows, seq_lo, seq_hi, &p->fresh));
    atomic_fetch_add(&p->values_lost, part_builder_lost(rows));
    return ERR_NONE;
}

void tail_push(struct store *s, struct project *p) {
    pthread_mutex_lock(&s->lock);
    p->events += part_info(p->fresh)->rows;
    p->tail.parts[p->tail.n++] = p->fresh; /* there is room: only the follower adds and freezes */
    p->fresh = NULL;
    if (s->tail_since_us == 0) s->tail_since_us = time_monotonic_us();
    pthread_mutex_unlock(&s->lock);
    struct err e = compact(s, p);
    if (e.code != ERR_OK) log_failure("joining parts of the tail", e); /* they stay as they are */
}
