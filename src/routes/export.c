/* export.c: GET .../export: a thread runs the export into a pipe, the connection's thread reads it:
 * so the slowest of the two sets the pace, and nothing piles up in memory. A client that goes away
 * closes the pipe, which ends the run.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "routes/call.h"

#define MAX_SEALED_BYTES ((size_t)2 << 30)

struct export {
    struct routes *routes;
    struct store_world *world;
    struct query_rights rights;
    int64_t from_us, to_us;
    bool sealed;
    struct buf hashes; /* of the sealed texts shown: struct id128 each */
    int in, out;       /* the pipe: in is written by the run */
    pthread_t thread;
};

static bool write_lines(void *ctx, struct str lines) {
    return io_write_all(((struct export *)ctx)->in, lines.p, lines.n).code == ERR_OK;
}

static void note_sealed(void *ctx, struct id128 handle, struct id128 hash) {
    (void)handle;
    buf_put(&((struct export *)ctx)->hashes, hash.b, sizeof hash.b);
}

static bool write_json_line(struct export *x, struct buf *line) {
    buf_put_char(line, '\n');
    bool ok = buf_err(line).code == ERR_OK && write_lines(x, buf_str(line));
    buf_clear(line);
    return ok;
}

static void put_check(struct export *x, struct buf *line) {
    struct jout j;
    jout_init(&j, line);
    pthread_rwlock_rdlock(&x->routes->team_lock);
    struct team_public team = x->routes->team;
    pthread_rwlock_unlock(&x->routes->team_lock);
    jout_object(&j);
    jout_keyz(&j, "$sealed");
    sealing_put_check(&j, x->world, &team);
    jout_object_end(&j);
}

/* {"$sealed":{...}}: the keys to check with, then each text that the lines show by handle. */
static void write_sealed(struct export *x) {
    AUTO(buf_done) struct buf line;
    buf_init(&line, 8u << 20);
    put_check(x, &line);
    bool ok = write_json_line(x, &line);
    for (size_t at = 0; ok && at < x->hashes.n; at += sizeof(struct id128)) {
        AUTO(arena_free) struct arena *a = arena_new(8u << 20);
        struct id128 hash;
        memcpy(&hash, x->hashes.p + at, sizeof hash);
        struct jout j;
        jout_init(&j, &line);
        jout_object(&j);
        jout_keyz(&j, "$sealed");
        bool there = a && sealing_put(&j, x->world, hash, a);
        jout_object_end(&j);
        if (there)
            ok = write_json_line(x, &line);
        else
            buf_clear(&line);
    }
}

static void *run(void *ctx) {
    struct export *x = ctx;
    struct query_export how = {.from_us = x->from_us,
                               .to_us = x->to_us,
                               .rights = &x->rights,
                               .write = write_lines,
                               .ctx = x,
                               .sealed = x->sealed ? note_sealed : NULL};
    struct query_limits limits = {.threads = 1, .memory_bytes = QUESTION_BYTES};
    struct err e = query_export_run(store_world_query(x->world), &how, &limits);
    if (e.code == ERR_OK && x->sealed) write_sealed(x);
    if (e.code != ERR_OK && e.code != ERR_CANCELLED) log_failure("an export", e);
    close(x->in);
    return NULL;
}

static int64_t pull(void *ctx, char *out, size_t max_bytes) {
    ssize_t n = read(((struct export *)ctx)->out, out, max_bytes);
    return n < 0 ? -1 : n;
}

static void release(void *ctx) {
    struct export *x = ctx;
    close(x->out);
    pthread_join(x->thread, NULL);
    store_world_free(x->world);
    buf_done(&x->hashes);
    free(x);
}

/* A day (its start, or with `end` its end) or a time to the second, of the project's zone. */
static bool read_time(const struct zone *z, struct str text, bool end, int64_t *out) {
    char copy[32];
    struct civil c = {0};
    int used = 0;
    if (text.n >= sizeof copy) return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    if (sscanf(copy, "%4d-%2d-%2d%n", &c.year, &c.month, &c.day, &used) != 3 || used != 10)
        return false;
    bool has_time = copy[10] == 'T';
    if (has_time &&
        (sscanf(copy + 10, "T%2d:%2d:%2d%n", &c.hour, &c.minute, &c.second, &used) != 3 ||
         used != 9))
        return false;
    if (copy[has_time ? 19 : 10] != 0 || c.year < 1971 || c.year > 2100 || c.month < 1 ||
        c.month > 12 || c.day < 1 || c.day > 31)
        return false;
    if (end && has_time) c.second++;
    if (end && !has_time) c.day++;
    *out = zone_instant(z, &c);
    return true;
}

static bool read_range(struct call *c, struct export *x) {
    const struct zone *z = store_world_query(x->world)->zone;
    struct str from, to, flag;
    if (!edge_param(c->q, "from", &from) || !read_time(z, from, false, &x->from_us)) {
        answer_error(c, 400, "invalid", "a day such as 2026-01-31", "from");
        return false;
    }
    if (!edge_param(c->q, "to", &to) || !read_time(z, to, true, &x->to_us)) {
        answer_error(c, 400, "invalid", "a day such as 2026-01-31", "to");
        return false;
    }
    x->sealed = edge_param(c->q, "sealed", &flag) && str_is(flag, "1");
    if (x->sealed) x->rights.opened = false;
    return true;
}

static bool start(struct call *c, struct export *x) {
    int ends[2];
    struct err e = trust_log(c->routes->config.trust, &c->actor, c->id, "export", STR("events"));
    if (e.code == ERR_OK && pipe2(ends, O_CLOEXEC)) e = err_os("pipe");
    if (e.code != ERR_OK) {
        answer_failure(c, "an export", e);
        return false;
    }
    x->out = ends[0];
    x->in = ends[1];
    if (pthread_create(&x->thread, NULL, run, x) == 0) return true;
    close(ends[0]);
    close(ends[1]);
    answer_failure(c, "an export", ERR(ERR_NOMEM, "export thread"));
    return false;
}

void export_events(struct call *c) {
    struct export *x = calloc(1, sizeof *x);
    if (!x) {
        answer_failure(c, "an export", ERR(ERR_NOMEM, "export"));
        return;
    }
    x->routes = c->routes;
    buf_init(&x->hashes, MAX_SEALED_BYTES);
    x->world = call_world(c, c->id, &x->rights);
    if (!x->world || !read_range(c, x) || !start(c, x)) {
        store_world_free(x->world);
        free(x);
        return;
    }
    c->r->content_type = "application/x-ndjson";
    edge_reply_header(c->r, "Cache-Control", STR("no-store"));
    c->r->stream = pull;
    c->r->stream_ctx = x;
    c->r->stream_free = release;
}
