/* push.c: beats of push monitors, by the addresses that Uptime Kuma and Gatus gave them, so that a
 * cron line of theirs works unchanged: the token names the monitor, the beat becomes the event
 * $heartbeat of the page's project and is answered when it is durable.
 *
 *   ANY  /api/push/{token}?status=up|down&msg=…&ping=<ms>
 *   POST /api/v1/endpoints/{key}/external?success=true|false&error=…&duration=10s   Bearer {token}
 *
 * Messages are read over: they are a stranger's words about a machine, and nothing shows them.
 */
#include <stdio.h>

#include "front/inside.h"

#define MAX_TOKEN_BYTES 128
#define MAX_MS 1e9

struct beat {
    uint32_t probe;
    bool up;
    double ms; /* -1: none */
};

static const struct page_door_push *push_of(const struct front *f, struct str token) {
    uint8_t hash[SEAL_SECRET_HASH_BYTES];
    if (token.n == 0 || token.n > MAX_TOKEN_BYTES) return NULL;
    seal_secret_hash(token, hash);
    return page_door_push(f->door, hash);
}

static void put_number(struct jout *j, const char *key, int64_t v) {
    jout_keyz(j, key);
    jout_i64(j, v);
}

static void put_event(struct jout *j, struct str token, const struct beat *b) {
    char id[32];
    (void)snprintf(id, sizeof id, "$device:probe-%u", b->probe);
    jout_object(j);
    jout_keyz(j, "event");
    jout_strz(j, "$heartbeat");
    jout_keyz(j, "properties");
    jout_object(j);
    jout_keyz(j, "token");
    jout_str(j, token);
    jout_keyz(j, "distinct_id");
    jout_strz(j, id);
    put_number(j, "probe", b->probe);
    put_number(j, "up", b->up);
    put_number(j, "ms", (int64_t)b->ms);
    put_number(j, "place", 0);
    put_number(j, "code", 0);
    jout_object_end(j);
    jout_object_end(j);
}

/* In the request's arena, with the slack that the JSON reader wants; empty: no memory. */
static struct str event_of(struct front *f, struct edge_request *q, const struct beat *b) {
    AUTO(buf_done) struct buf text;
    struct jout j;
    buf_init(&text, 4096);
    jout_init(&j, &text);
    put_event(&j, front_status_token(f), b);
    char *p = arena_alloc(q->arena, text.n + JSON_SLACK_BYTES);
    if (!p || buf_err(&text).code != ERR_OK) return (struct str){0};
    memcpy(p, text.p, text.n);
    return (struct str){p, text.n};
}

static bool is_flood(struct front *f, uint32_t probe) {
    const struct front_cap cap = {.minute = FRONT_BEATS_MINUTE};
    return !front_flood_take(f->flood, (UINT64_C(1) << 60) + probe, cap, time_now_us());
}

/* ---- Kuma ---- */

static void answer_kuma(struct edge_request *q, struct edge_reply *r, bool durable, void *more) {
    (void)more;
    if (durable)
        front_json(q, r, 200, "{\"ok\":true}");
    else
        front_json(q, r, 503, "{\"ok\":false,\"msg\":\"The beat could not be kept, try again.\"}");
}

enum edge_verdict front_push_kuma(struct front *f, struct edge_request *q, struct edge_reply *r) {
    struct str token = str_from(q->path, sizeof "/api/push/" - 1), status, ping;
    const struct page_door_push *p = push_of(f, token);
    if (!p || front_status_token(f).n == 0) {
        front_json(q, r, 404, "{\"ok\":false,\"msg\":\"Monitor not found or not active.\"}");
        return EDGE_ANSWERED;
    }
    if (is_flood(f, p->probe)) {
        front_json(q, r, 429, "{\"ok\":false,\"msg\":\"Too many beats.\"}");
        return EDGE_ANSWERED;
    }
    struct beat b = {.probe = p->probe, .up = true, .ms = -1};
    if (edge_param(q, "status", &status)) b.up = str_is(status, "up");
    if (edge_param(q, "ping", &ping) && !(str_to_f64(ping, &b.ms) && b.ms >= 0 && b.ms <= MAX_MS))
        b.ms = -1;
    return front_take_own(
        f, q, &(struct front_own){.json = event_of(f, q, &b), .answer = answer_kuma}, r);
}

/* ---- Gatus ---- */

/* One number and its unit off the front of a Go duration; false: none there. */
static bool take_part(struct str *s, double *seconds) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"\xce\xbcs", 1e-6},
                 {"ms", 1e-3}, {"h", 3600},  {"m", 60},           {"s", 1}};
    size_t n = 0;
    double v;
    while (n < s->n && ((s->p[n] >= '0' && s->p[n] <= '9') || s->p[n] == '.'))
        n++;
    if (n == 0 || n > 20 || !str_to_f64((struct str){s->p, n}, &v)) return false;
    *s = str_from(*s, n);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!str_starts(*s, str_z(units[i].name))) continue;
        *s = str_from(*s, strlen(units[i].name));
        *seconds += v * units[i].seconds;
        return true;
    }
    return false;
}

/* "1m30.5s" in milliseconds, -1 for what is none. */
static double milliseconds(struct str duration) {
    double seconds = 0;
    if (duration.n == 0 || duration.n > 64) return -1;
    while (duration.n > 0)
        if (!take_part(&duration, &seconds)) return -1;
    return seconds * 1000 <= MAX_MS ? seconds * 1000 : -1;
}

static void say(struct edge_reply *r, int status, const char *text) {
    r->status = status;
    r->content_type = "text/plain; charset=utf-8";
    r->body = str_z(text);
    r->body_is_static = true;
}

static void answer_gatus(struct edge_request *q, struct edge_reply *r, bool durable, void *more) {
    (void)q;
    (void)more;
    say(r, durable ? 200 : 503, durable ? "" : "could not be kept, try again");
}

static bool has_key(const struct page_door *d, struct str key) {
    for (size_t i = 0; i < d->n_pushes; i++)
        if (str_is(key, d->pushes[i].gatus_key)) return true;
    return false;
}

/* NULL, with the refusal put. */
static const struct page_door_push *gatus_push(struct front *f, struct edge_request *q,
                                               struct edge_reply *r) {
    struct str key = str_from(q->path, sizeof "/api/v1/endpoints/" - 1);
    struct str bearer = edge_header(q, "Authorization");
    key.n -= sizeof "/external" - 1;
    bool shown = str_starts(bearer, STR("Bearer "));
    if (!shown || bearer.n == 7) {
        say(r, 401, "a bearer token is missing");
        return NULL;
    }
    if (!has_key(f->door, key)) {
        say(r, 404, "not found");
        return NULL;
    }
    const struct page_door_push *p = push_of(f, str_trim(str_from(bearer, 7)));
    if (p && str_is(key, p->gatus_key)) return p;
    say(r, 401, "the token is not this endpoint's");
    return NULL;
}

enum edge_verdict front_push_gatus(struct front *f, struct edge_request *q, struct edge_reply *r) {
    struct str success, duration;
    const struct page_door_push *p = gatus_push(f, q, r);
    if (!p) return EDGE_ANSWERED;
    bool told = edge_param(q, "success", &success);
    if (!told || (!str_is(success, "true") && !str_is(success, "false"))) {
        say(r, 400, "success must be true or false");
        return EDGE_ANSWERED;
    }
    if (is_flood(f, p->probe)) {
        say(r, 429, "too many results");
        return EDGE_ANSWERED;
    }
    struct beat b = {.probe = p->probe, .up = str_is(success, "true"), .ms = -1};
    if (edge_param(q, "duration", &duration)) b.ms = milliseconds(duration);
    return front_take_own(
        f, q, &(struct front_own){.json = event_of(f, q, &b), .answer = answer_gatus}, r);
}
