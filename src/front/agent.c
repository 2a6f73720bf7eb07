/* agent.c: the door of agents (`weir probe`): who checks from elsewhere.
 *
 *   GET  /status/agent   Bearer KEY   what to check: {"place","monitors":[…]}, with an ETag
 *   POST /status/agent   Bearer KEY   {"beats":[…]}: each becomes a $heartbeat of the page's
 * project, answered when it is durable
 *
 * Console writes a file per agent, named by the hash of its key; the whole hash stands in it and is
 * compared in constant time. An agent says what it found; which place it is, its key says.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "front/inside.h"
#include "post/post.h"

#define KEY_MOST 100
#define HEAD_BYTES 256 /* of the file: the lines before the list */
#define FILE_BYTES ((size_t)16 << 20)
#define BODY_BYTES ((size_t)512 << 10)
#define BEATS_MOST 500

struct agent {
    char path[4400];
    uint32_t place;
    uint64_t project;
    size_t list_at; /* of the file */
};

static void refuse(struct edge_request *q, struct edge_reply *r) {
    edge_reply_error(q, r, 401, "unauthorized", "an agent's key as Bearer authorisation", NULL);
    edge_reply_header(r, "WWW-Authenticate", STR("Bearer realm=\"weir\""));
}

/* "weir-agent 1", hash, place, project: one line each. */
static bool read_head(struct str head, const uint8_t hash[32], struct agent *out) {
    struct str rest = head;
    uint8_t stored[32];
    int64_t place, project;
    if (!str_is(str_cut(&rest, '\n'), "weir-agent 1")) return false;
    if (!str_from_hex(str_cut(&rest, '\n'), stored, sizeof stored)) return false;
    if (!str_to_i64(str_cut(&rest, '\n'), &place) || place < 1 || place > UINT32_MAX) return false;
    if (!str_to_i64(str_cut(&rest, '\n'), &project) || project < 0) return false;
    out->place = (uint32_t)place;
    out->project = (uint64_t)project;
    out->list_at = head.n - rest.n;
    return secret_equal(stored, hash, sizeof stored);
}

static bool find_agent(const struct front *f, const struct edge_request *q, struct agent *out) {
    char name[64] = "front/status/agents/", head[HEAD_BYTES];
    uint8_t hash[SEAL_SECRET_HASH_BYTES];
    struct str key = edge_header(q, "Authorization");
    if (!str_starts(key, STR("Bearer wa_")) || key.n > KEY_MOST) return false;
    seal_secret_hash(str_from(key, 7), hash);
    size_t n = strlen(name);
    str_to_hex(hash, 16, name + n);
    name[n + 32] = 0;
    settings_path(f->setup->settings, name, out->path);
    AUTO(fd_close) int fd = open(out->path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
    return got > 0 && read_head((struct str){head, (size_t)got}, hash, out);
}

/* ---- the list ---- */

static void give_list(const struct agent *a, struct edge_request *q, struct edge_reply *r) {
    AUTO(buf_done) struct buf file = {0};
    buf_init(&file, FILE_BYTES);
    struct err e = io_read_file(a->path, FILE_BYTES, &file);
    if (e.code != ERR_OK || file.n < a->list_at) {
        edge_reply_error(q, r, 503, "busy", "the list is just being written, try again", NULL);
        return;
    }
    struct str list = str_from(buf_str(&file), a->list_at);
    struct str tag = arena_printf(q->arena, "\"%016" PRIx64 "\"", checksum64(list.p, list.n));
    if (tag.p && str_eq(edge_header(q, "If-None-Match"), tag)) {
        r->status = 304;
    } else {
        r->body = arena_str(q->arena, list);
        r->content_type = "application/json";
    }
    if (tag.p) edge_reply_header(r, "ETag", tag);
    edge_reply_header(r, "Cache-Control", STR("no-store"));
}

/* ---- beats ---- */

static void answer(struct edge_request *q, struct edge_reply *r, bool durable, void *more) {
    (void)more;
    if (durable)
        front_json(q, r, 200, "{\"ok\":true}");
    else
        front_json(q, r, 503, "{\"ok\":false}");
}

/* State and fault stand above the code (monitor.c reads them). */
static void put_event(struct buf *b, struct str token, const struct agent *a,
                      const struct post_beat *beat) {
    uint32_t code = (uint32_t)beat->up << 24 | (uint32_t)beat->fault << 16 | (uint32_t)beat->code;
    int32_t ms = beat->total_us < 0 ? -1 : beat->total_us / 1000;
    buf_printf(b,
               "%s{\"event\":\"$heartbeat\",\"properties\":{\"token\":\"" STR_FMT
               "\",\"distinct_id\":\"$device:place-%u\",\"probe\":%u,\"up\":%d,\"ms\":%d,"
               "\"place\":%u,\"code\":%u}}",
               b->n > 1 ? "," : "", STR_ARG(token), a->place, beat->probe, beat->up == POST_UP, ms,
               a->place, code);
}

/* The beats as events; false: answered. */
static bool make_events(struct front *f, struct edge_request *q, const struct agent *a,
                        struct str *out) {
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(BODY_BYTES);
    AUTO(buf_done) struct buf b = {0};
    const struct json *v = NULL;
    buf_init(&b, 4 * BODY_BYTES);
    if (!p || json_parse(p, q->body, q->arena, &v).code != ERR_OK) return false;
    const struct json *beats = json_get(v, "beats");
    if (!beats || beats->type != JSON_ARRAY || beats->n == 0 || beats->n > BEATS_MOST) return false;
    buf_put_char(&b, '[');
    for (const struct json *one = json_first(beats); one != json_end(beats); one = json_next(one)) {
        struct post_beat beat;
        if (post_read_beat(one, &beat).code != ERR_OK) return false;
        put_event(&b, front_status_token(f), a, &beat);
    }
    buf_put_char(&b, ']');
    size_t n = b.n;
    for (int i = 0; i < JSON_SLACK_BYTES; i++)
        buf_put_char(&b, ' ');
    struct str copy = arena_str(q->arena, buf_str(&b));
    if (buf_err(&b).code != ERR_OK || !copy.p) return false;
    *out = (struct str){copy.p, n};
    return true;
}

static enum edge_verdict take_beats(struct front *f, struct edge_request *q, struct edge_reply *r,
                                    const struct agent *a) {
    struct str events;
    if (a->project == 0 || front_status_token(f).n == 0) {
        edge_reply_error(q, r, 404, "not_found", "the status page has no project yet", NULL);
        return EDGE_ANSWERED;
    }
    if (q->body.n > BODY_BYTES || !make_events(f, q, a, &events)) {
        edge_reply_error(q, r, 400, "invalid", "at most 500 beats, whole", "beats");
        return EDGE_ANSWERED;
    }
    return front_take_own(f, q, &(struct front_own){.json = events, .answer = answer}, r);
}

enum edge_verdict front_agent(struct front *f, struct edge_request *q, struct edge_reply *r) {
    struct agent a = {.place = 0};
    if (!find_agent(f, q, &a))
        refuse(q, r);
    else if (q->method == EDGE_GET)
        give_list(&a, q, r);
    else if (q->method == EDGE_POST)
        return take_beats(f, q, r, &a);
    else
        edge_reply_error(q, r, 405, "method_not_allowed", "GET or POST", NULL);
    return EDGE_ANSWERED;
}
