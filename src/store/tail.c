/* tail.c: events not yet in a part on disk.
 *
 * Each follow makes one small in-memory part of what arrived; small ones are merged geometrically
 * (a part joins its elder while the elder is not four times its size), so a tail of n rows has
 * about log4(n) parts and each row is moved as often. Only the follower changes a tail; the merger
 * takes a frozen one away whole.
 */
#include "store/internal.h"

bool project_is_readable(void *ctx, struct id128 text) {
    struct project *p = ctx;
    pthread_rwlock_rdlock(&p->words_lock);
    bool yes = words_get(p->words, text).p != NULL;
    pthread_rwlock_unlock(&p->words_lock);
    return yes;
}

static struct err join(struct project *p, struct part *older, struct part *younger,
                       struct part **out) {
    struct part *both[] = {older, younger};
    struct part_merge m = {.parts = both,
                           .n_parts = 2,
                           .readable = project_is_readable,
                           .ctx = p,
                           .from_us = INT64_MIN,
                           .to_us = INT64_MAX};
    return part_merge(&m, out);
}

static bool should_join(const struct part *older, const struct part *younger) {
    return part_info(older)->rows / 4 < part_info(younger)->rows;
}

/* The newest two of the tail, if they should become one; referenced. */
static bool pick(struct store *s, struct project *p, struct part **older, struct part **younger) {
    pthread_mutex_lock(&s->lock);
    struct part_list *t = &p->tail;
    bool yes = t->n >= 2 && should_join(t->parts[t->n - 2], t->parts[t->n - 1]);
    if (yes) {
        *older = part_ref(t->parts[t->n - 2]);
        *younger = part_ref(t->parts[t->n - 1]);
    }
    pthread_mutex_unlock(&s->lock);
    return yes;
}

/* Puts `joined` in the place of the newest two, unless a freeze took them meanwhile. */
static bool put(struct store *s, struct project *p, const struct part *older, struct part *joined) {
    pthread_mutex_lock(&s->lock);
    struct part_list *t = &p->tail;
    bool there = t->n >= 2 && t->parts[t->n - 2] == older;
    if (there) {
        part_unref(t->parts[t->n - 2]);
        part_unref(t->parts[t->n - 1]);
        t->parts[t->n - 2] = joined;
        t->n--;
    }
    pthread_mutex_unlock(&s->lock);
    return there;
}

static struct err compact(struct store *s, struct project *p) {
    struct part *a = NULL, *b = NULL;
    while (pick(s, p, &a, &b)) {
        AUTO(part_unref) struct part *older = a;
        AUTO(part_unref) struct part *younger = b;
        AUTO(part_unref) struct part *joined = NULL;
        TRY(join(p, older, younger, &joined));
        if (!joined || !put(s, p, older, joined)) return ERR_NONE;
        joined = NULL;
    }
    return ERR_NONE;
}

struct err tail_build(struct store *s, struct project *p, uint64_t seq_lo, uint64_t seq_hi) {
    AUTO(part_builder_free) struct part_builder *rows = p->builder;
    p->builder = NULL;
    if (part_builder_rows(rows) == 0) return ERR_NONE;
    pthread_mutex_lock(&s->lock);
    struct err e = part_list_reserve(&p->tail, 1);
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    return part_build(rows, seq_lo, seq_hi, &p->fresh);
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
