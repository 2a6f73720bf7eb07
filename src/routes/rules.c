/* rules.c: what a project is told about its public door: how many events in a minute, and from
 * which sites. */
#include <stdio.h>

#include "routes/call.h"

#define MAX_QUOTA 1000000000
#define MAX_ORIGINS 100
#define MAX_ORIGIN_BYTES 255

static bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(".-_:[]", c));
}

/* Scheme, "://", host and perhaps port, or "*." in front of the host; nothing behind it. */
static bool is_origin(struct str origin) {
    struct str host = origin;
    struct str scheme = str_cut(&host, ':');
    if (origin.n > MAX_ORIGIN_BYTES || scheme.n == 0 || !str_starts(host, STR("//"))) return false;
    for (size_t i = 0; i < scheme.n; i++)
        if (!is_host_char(scheme.p[i])) return false;
    host = str_from(host, 2);
    if (str_starts(host, STR("*."))) host = str_from(host, 2);
    for (size_t i = 0; i < host.n; i++)
        if (!is_host_char(host.p[i])) return false;
    return host.n > 0;
}

static bool refuse_origin(struct call *c, size_t i) {
    char field[32];
    snprintf(field, sizeof field, "origins[%zu]", i);
    answer_error(c, 400, "invalid", "such as https://shop.example or https://*.shop.example",
                 field);
    return false;
}

/* The list as lines. False: answered. */
static bool read_origins(struct call *c, const struct json *list, struct buf *lines) {
    size_t i = 0;
    if (list->type != JSON_ARRAY || list->n > MAX_ORIGINS) {
        answer_error(c, 400, "invalid", "a list of at most 100 sites", "origins");
        return false;
    }
    for (const struct json *v = json_first(list); v != json_end(list); v = json_next(v), i++) {
        struct str origin = v->type == JSON_STR ? str_trim(v->s) : (struct str){0};
        if (str_ends(origin, STR("/"))) origin.n--;
        if (!is_origin(origin)) return refuse_origin(c, i);
        if (lines->n) buf_put_char(lines, '\n');
        buf_put_str(lines, origin);
    }
    return true;
}

static void put_settings(struct call *c, const struct store_settings *s) {
    struct store_project p = {0};
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1u << 20);
    struct jout j;
    if (store_project(c->routes->config.store, c->id, &p).code != ERR_OK) return;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "id");
    jout_i64(&j, (int64_t)p.id);
    jout_keyz(&j, "name");
    jout_strz(&j, p.name);
    jout_keyz(&j, "quota_per_minute");
    jout_i64(&j, s->quota_per_minute);
    jout_keyz(&j, "origins");
    jout_array(&j);
    for (struct str rest = s->origins; rest.n;)
        jout_str(&j, str_cut(&rest, '\n'));
    jout_array_end(&j);
    jout_object_end(&j);
    answer_json(c, &out);
}

void rules_settings(struct call *c) {
    struct store_settings s;
    struct err e = store_settings(c->routes->config.store, c->id, c->q->arena, &s);
    if (e.code != ERR_OK)
        answer_failure(c, "reading settings", e);
    else
        put_settings(c, &s);
}

struct change {
    bool quota, origins;
    struct store_settings to;
};

static const char *named_in(const struct change *how) {
    if (how->quota && how->origins) return "quota_per_minute, origins";
    return how->quota ? "quota_per_minute" : how->origins ? "origins" : "nothing";
}

/* Under the lock of registry writes, so that two changes do not undo each other. */
static struct err change(struct call *c, const struct change *how, struct store_settings *out) {
    struct routes *r = c->routes;
    pthread_mutex_lock(&r->seal_lock);
    struct err e = store_settings(r->config.store, c->id, c->q->arena, out);
    if (how->quota) out->quota_per_minute = how->to.quota_per_minute;
    if (how->origins) out->origins = how->to.origins;
    if (e.code == ERR_OK)
        e = trust_log(r->config.trust, &c->actor, c->id, "settings", str_z(named_in(how)));
    if (e.code == ERR_OK) e = store_settings_set(r->config.store, c->id, out);
    if (e.code == ERR_OK) e = routes_publish_registry(r);
    pthread_mutex_unlock(&r->seal_lock);
    return e;
}

void rules_change_settings(struct call *c) {
    static const char *const fields[] = {"quota_per_minute", "origins"};
    int64_t quota = -1;
    AUTO(buf_done) struct buf lines;
    buf_init(&lines, REGISTRY_MAX_ORIGINS_BYTES);
    if (!call_body(c) || !call_only(c, fields, 2) ||
        !call_number(c, "quota_per_minute", -1, &quota))
        return;
    const struct json *named = json_get(c->body, "quota_per_minute");
    const struct json *origins = json_get(c->body, "origins");
    struct change how = {.quota = named && named->type == JSON_INT,
                         .origins = origins && origins->type != JSON_NULL};
    if (how.quota && (quota < 0 || quota > MAX_QUOTA)) {
        answer_error(c, 400, "invalid", "events in a minute, from 0 (none) to 1000000000",
                     "quota_per_minute");
        return;
    }
    if (how.origins && !read_origins(c, origins, &lines)) return;
    if (buf_err(&lines).code != ERR_OK) {
        answer_error(c, 400, "invalid", "16,384 bytes of sites at most", "origins");
        return;
    }
    how.to = (struct store_settings){(uint32_t)quota, buf_str(&lines)};
    struct store_settings now;
    struct err e = change(c, &how, &now);
    if (e.code != ERR_OK)
        answer_failure(c, "changing settings", e);
    else
        put_settings(c, &now);
}
