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
    jout_keyz(&j, "retention_days");
    jout_i64(&j, s->retention_days);
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
    bool quota, origins, retention;
    struct store_settings to;
};

static struct str named_in(const struct change *how, char out[64]) {
    snprintf(out, 64, "%s%s%s", how->quota ? "quota_per_minute " : "",
             how->origins ? "origins " : "", how->retention ? "retention_days" : "");
    struct str named = str_trim(str_z(out));
    return named.n ? named : STR("nothing");
}

/* Under the lock of registry writes, so that two changes do not undo each other. */
static struct err change(struct call *c, const struct change *how, struct store_settings *out) {
    struct routes *r = c->routes;
    char named[64];
    pthread_mutex_lock(&r->seal_lock);
    struct err e = store_settings(r->config.store, c->id, c->q->arena, out);
    if (how->quota) out->quota_per_minute = how->to.quota_per_minute;
    if (how->origins) out->origins = how->to.origins;
    if (how->retention) out->retention_days = how->to.retention_days;
    if (e.code == ERR_OK)
        e = trust_log(r->config.trust, &c->actor, c->id, "settings", named_in(how, named));
    if (e.code == ERR_OK) e = store_settings_set(r->config.store, c->id, out);
    if (e.code == ERR_OK) e = routes_publish_registry(r);
    pthread_mutex_unlock(&r->seal_lock);
    return e;
}

/* A number of the body from 0 to `most`, if it is named. False: answered. */
static bool read_number(struct call *c, const char *name, int64_t most, bool *out_named,
                        uint32_t *out) {
    const struct json *named = json_get(c->body, name);
    int64_t n = 0;
    char rule[64];
    if (!call_number(c, name, 0, &n)) return false;
    *out_named = named && named->type == JSON_INT;
    *out = (uint32_t)n;
    if (n >= 0 && n <= most) return true;
    snprintf(rule, sizeof rule, "a number from 0 (none) to %lld", (long long)most);
    answer_error(c, 400, "invalid", rule, name);
    return false;
}

/* False: answered. */
static bool read_change(struct call *c, struct change *how, struct buf *lines) {
    static const char *const fields[] = {"quota_per_minute", "origins", "retention_days"};
    if (!call_body(c) || !call_only(c, fields, 3) ||
        !read_number(c, fields[0], MAX_QUOTA, &how->quota, &how->to.quota_per_minute) ||
        !read_number(c, fields[2], STORE_MAX_RETENTION, &how->retention, &how->to.retention_days))
        return false;
    const struct json *origins = json_get(c->body, "origins");
    how->origins = origins && origins->type != JSON_NULL;
    if (how->origins && !read_origins(c, origins, lines)) return false;
    how->to.origins = buf_str(lines);
    if (buf_err(lines).code == ERR_OK) return true;
    answer_error(c, 400, "invalid", "16,384 bytes of sites at most", "origins");
    return false;
}

void rules_change_settings(struct call *c) {
    AUTO(buf_done) struct buf lines;
    struct change how = {.quota = false};
    struct store_settings now;
    buf_init(&lines, REGISTRY_MAX_ORIGINS_BYTES);
    if (!read_change(c, &how, &lines)) return;
    struct err e = change(c, &how, &now);
    if (e.code != ERR_OK)
        answer_failure(c, "changing settings", e);
    else
        put_settings(c, &now);
}
