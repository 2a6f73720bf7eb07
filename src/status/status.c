/* status.c: opening and closing, and the clock. */
#include "status/internal.h"

#include <stdlib.h>

#include "status/watch.h"

#define FACTOR_MAX 100000

/* "FACTOR@SECONDS" */
static struct err read_clock(struct status *s, const char *text) {
    int64_t factor, seconds;
    struct str rest = str_z(text), first;
    if (!text || !*text) return ERR_NONE;
    first = str_cut(&rest, '@');
    if (!str_to_i64(first, &factor) || !str_to_i64(rest, &seconds) || factor < 1 ||
        factor > FACTOR_MAX || seconds < 0 || seconds > INT64_C(4000000000))
        return ERR(ERR_INVALID, "the test clock: FACTOR@SECONDS");
    s->clock_factor = factor;
    s->clock_from_us = seconds * US_PER_S;
    return ERR_NONE;
}

int64_t status_clock(const struct status *s, int64_t real_us) {
    return s->clock_from_us + (real_us - s->clock_from_us) * s->clock_factor;
}

int64_t status_now_us(const struct status *s) {
    return status_clock(s, time_now_us());
}

static struct err read_generation(struct status *s) {
    int64_t n = 0;
    TRY(meta_begin(s->config.meta));
    struct err e = status_number(s, &n, "SELECT generation FROM status_page WHERE one = ?", 1);
    meta_rollback(s->config.meta);
    atomic_store(&s->generation, (uint64_t)n);
    return e;
}

struct err status_open(const struct status_config *c, struct status **out) {
    AUTO(status_close) struct status *s = calloc(1, sizeof *s);
    if (!s) return ERR(ERR_NOMEM, "status");
    s->config = *c;
    s->clock_factor = 1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    TRY(read_clock(s, c->test_clock));
    TRY(status_schema(c->meta));
    TRY(read_generation(s));
    *out = s;
    s = NULL;
    return ERR_NONE;
}

void status_stop(struct status *s) {
    if (!s || !s->runs) return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->runs = false;
}

void status_close(struct status *s) {
    if (!s) return;
    status_stop(s);
    watch_free(s->watch);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
