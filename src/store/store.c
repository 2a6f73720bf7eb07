/* store.c: life of the store: open, threads, waiting, figures. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "store/internal.h"

static void init_sync(struct store *s) {
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->merge_lock, NULL);
    pthread_mutex_init(&s->flush_lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

struct err store_open(const struct store_config *c, struct store **out) {
    assert(c->meta && c->synced);
    AUTO(store_close) struct store *s = calloc(1, sizeof *s);
    if (!s) return ERR(ERR_NOMEM, "store");
    init_sync(s);
    s->config = *c;
    s->meta = c->meta;
    snprintf(s->folder, sizeof s->folder, "%s", c->data_folder);
    if (s->nudge_fd < 0) return err_os("store: eventfd");
    TRY(store_schema(s->meta));
    TRY(store_load(s));
    s->last_flush_us = time_monotonic_us();
    *out = s;
    s = NULL;
    return ERR_NONE;
}

static void nudge(struct store *s) {
    uint64_t one = 1;
    if (write(s->nudge_fd, &one, sizeof one) < 0) log_error("store: could not wake the follower");
}

void store_attend(struct store *s, const struct store_front *f) {
    s->front = *f;
}

static void stop_threads(struct store *s) {
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    nudge(s);
    while (s->n_threads > 0)
        pthread_join(s->threads[--s->n_threads], NULL);
}

struct err store_start(struct store *s) {
    void *(*const mains[])(void *) = {follower_main, flusher_main, merger_main, eraser_main};
    for (size_t i = 0; i < sizeof mains / sizeof *mains; i++) {
        if (pthread_create(&s->threads[s->n_threads], NULL, mains[i], s)) {
            stop_threads(s);
            return ERR(ERR_NOMEM, "a thread of the store");
        }
        s->n_threads++;
    }
    return ERR_NONE;
}

void store_close(struct store *s) {
    if (!s) return;
    stop_threads(s);
    for (size_t i = 0; i < s->n_projects; i++)
        store_project_free(s->projects[i]);
    free(s->projects);
    fd_close(s->nudge_fd);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->merge_lock);
    pthread_mutex_destroy(&s->flush_lock);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Waits until *position reaches `want`. Under the lock. */
static struct err wait_for(struct store *s, const uint64_t *position, uint64_t want,
                           int timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    while (*position < want) {
        if (s->stopping) return ERR(ERR_CANCELLED, "store is stopping");
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) && *position < want)
            return ERR(ERR_TIMEOUT, "store is behind the journal");
    }
    return ERR_NONE;
}

struct err store_wait_visible(struct store *s, uint64_t position, int timeout_ms) {
    pthread_mutex_lock(&s->lock);
    if (s->visible < position) nudge(s);
    struct err e = wait_for(s, &s->visible, position, timeout_ms);
    pthread_mutex_unlock(&s->lock);
    return e;
}

struct err store_flush(struct store *s, uint64_t position, int timeout_ms) {
    pthread_mutex_lock(&s->lock);
    if (s->visible < position) nudge(s);
    struct err e = wait_for(s, &s->visible, position, timeout_ms);
    if (s->flush_asked < position) s->flush_asked = position;
    nudge(s);
    if (e.code == ERR_OK) e = wait_for(s, &s->covered, position, timeout_ms);
    pthread_mutex_unlock(&s->lock);
    return e;
}

uint64_t store_position(struct store *s) {
    pthread_mutex_lock(&s->lock);
    uint64_t p = s->visible;
    pthread_mutex_unlock(&s->lock);
    return p;
}

static void add_list(const struct part_list *l, bool tail, struct store_stats *out) {
    for (size_t i = 0; i < l->n; i++) {
        const struct part_info *info = part_info(l->parts[i]);
        out->events += info->rows;
        if (tail)
            out->tail_rows += info->rows;
        else
            out->part_bytes += info->bytes;
    }
    if (tail)
        out->tail_parts += l->n;
    else
        out->parts += l->n;
}

static void add_project(const struct project *p, struct store_stats *out) {
    add_list(&p->disk, false, out);
    add_list(&p->frozen, true, out);
    add_list(&p->tail, true, out);
    out->words += words_n(p->words);
    out->values_lost += atomic_load(&p->values_lost);
}

void store_project_stats(struct store *s, uint64_t id, struct store_stats *out) {
    *out = (struct store_stats){0};
    pthread_mutex_lock(&s->lock);
    const struct project *p = store_find(s, id);
    if (p) add_project(p, out);
    pthread_mutex_unlock(&s->lock);
}

void store_stats(struct store *s, struct store_stats *out) {
    *out = (struct store_stats){0};
    uint64_t synced = s->config.synced(s->config.synced_ctx);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_projects; i++)
        add_project(s->projects[i], out);
    out->position = s->visible;
    out->lag_bytes = synced > s->visible ? synced - s->visible : 0;
    out->journal_bytes = synced > s->covered ? synced - s->covered : 0;
    pthread_mutex_unlock(&s->lock);
    out->profile_cut = atomic_load(&s->profile_cut);
}

/* Pieces of addresses are hashed under paths that are kept as names ("home#path:/docs"): they name
 * no property. */
static bool is_piece_path(struct str name) {
    return str_contains(name, STR("#path:")) || str_contains(name, STR("#query:")) ||
           str_contains(name, STR("#fragment:")) ||
           (name.n >= 5 && str_is(str_from(name, name.n - 5), "#host"));
}

static void put_name(void *ctx, struct str text) {
    struct jout *j = ctx;
    if (is_piece_path(text)) return;
    jout_object(j);
    jout_keyz(j, "name");
    jout_str(j, text);
    jout_object_end(j);
}

static void put_names(struct buf *out, const struct project *p, const char *key,
                      enum text_kind kind) {
    struct jout j;
    buf_printf(out, ",\"%s\":", key);
    jout_init(&j, out);
    jout_array(&j);
    words_each(p->words, (uint8_t)kind, put_name, &j);
    jout_array_end(&j);
}

struct err store_lexicon_more(struct store *s, uint64_t project, struct buf *object) {
    pthread_mutex_lock(&s->lock);
    struct project *p = store_find(s, project);
    pthread_mutex_unlock(&s->lock);
    if (!p || object->n == 0) return ERR(ERR_NOTFOUND, "project");
    object->n--; /* the closing brace */
    pthread_rwlock_rdlock(&p->words_lock);
    put_names(object, p, "user_properties", TEXT_USER_PROPERTY);
    put_names(object, p, "group_keys", TEXT_GROUP_KEY);
    pthread_rwlock_unlock(&p->words_lock);
    buf_put_char(object, '}');
    return buf_err(object);
}
