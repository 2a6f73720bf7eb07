/* edit.c: a monitor's JSON: split into what status keeps in columns and `how` for the rest, checked
 * by whoever will read it, saved. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "monitor/inside.h"

#define TRY_LIMIT_S 65

static struct err wrong(char fault[MONITOR_FAULT_BYTES], const char *text) {
    (void)snprintf(fault, MONITOR_FAULT_BYTES, "%s", text);
    return ERR(ERR_INVALID, "a monitor");
}

static struct err take_text(const struct json *v, struct str *out, const char *fault, char *to) {
    if (v->type != JSON_STR) return wrong(to, fault);
    *out = v->s;
    return ERR_NONE;
}

static struct err take_flag(const struct json *v, bool *out, const char *fault, char *to) {
    if (v->type != JSON_TRUE && v->type != JSON_FALSE) return wrong(to, fault);
    *out = v->type == JSON_TRUE;
    return ERR_NONE;
}

/* A member that has a column; *known false: it has none. */
static struct err take_column(const struct json *v, struct status_probe_setup *s, bool *known,
                              char *fault) {
    bool active = !s->is_off;
    struct err e = ERR_NONE;
    *known = true;
    if (str_is(v->key, "name")) return take_text(v, &s->name, "name: a text", fault);
    if (str_is(v->key, "group")) return take_text(v, &s->group, "group: a text", fault);
    if (str_is(v->key, "kind")) return take_text(v, &s->kind, "kind: a text", fault);
    if (str_is(v->key, "target")) return take_text(v, &s->target, "target: a text", fault);
    if (str_is(v->key, "public"))
        return take_flag(v, &s->is_public, "public: true or false", fault);
    if (str_is(v->key, "active")) {
        e = take_flag(v, &active, "active: true or false", fault);
        s->is_off = !active;
        return e;
    }
    if (str_is(v->key, "component")) {
        if (v->type != JSON_INT || v->i < 0 || v->i > UINT32_MAX)
            return wrong(fault, "component: there is no such component");
        s->component = (uint32_t)v->i;
        return ERR_NONE;
    }
    if (str_is(v->key, "interval_s")) {
        if (v->type != JSON_INT || v->i < 5 || v->i > 86400)
            return wrong(fault, "interval_s: 5 to 86400 whole seconds");
        s->every_s = (uint32_t)v->i;
        return ERR_NONE;
    }
    *known = false;
    return e;
}

static bool is_ours(struct str key) {
    static const char *const ours[] = {"parent", "windows", "places", "quorum", "grace_s"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (str_is(key, ours[i])) return true;
    return false;
}

/* `how` as it was with the body's members over it. */
static struct err merge_how(const struct json *old, const struct json *body, struct buf *out,
                            char *fault) {
    struct jout j;
    jout_init(&j, out);
    jout_object(&j);
    for (const struct json *v = old ? json_first(old) : NULL; v && v != json_end(old);
         v = json_next(v)) {
        char name[64];
        (void)snprintf(name, sizeof name, STR_FMT, (int)(v->key.n < 60 ? v->key.n : 60), v->key.p);
        if (json_get(body, name)) continue;
        jout_key(&j, v->key);
        json_write(&j, v);
    }
    for (const struct json *v = json_first(body); v != json_end(body); v = json_next(v)) {
        struct status_probe_setup unused = {0};
        bool column;
        char ignored[MONITOR_FAULT_BYTES];
        struct err e = take_column(v, &unused, &column, ignored);
        if (e.code == ERR_OK && column) continue;
        if (column) continue;
        bool known = is_ours(v->key) || (probe_config_knows(v->key) && !str_is(v->key, "number") &&
                                         !str_is(v->key, "phase_s"));
        if (!known) return wrong(fault, "monitor: a member that is not known");
        if (v->type == JSON_NULL) continue;
        jout_key(&j, v->key);
        json_write(&j, v);
    }
    jout_object_end(&j);
    return buf_err(out).code ? wrong(fault, "monitor: 20,000 bytes at most") : ERR_NONE;
}

/* Asks those who will read it: the prober and this module. */
static struct err check(struct monitors *m, const struct status_probe_setup *s, struct arena *a,
                        char *fault) {
    struct monitor k = {.number = s->number ? s->number : 1, .how = s->how, .target = s->target};
    struct probe_config config;
    const struct json *v = NULL, *how = NULL;
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(POST_MAX_BYTES);
    AUTO(buf_done) struct buf b = {0};
    struct jout j;
    bool kind = false;
    buf_init(&b, POST_MAX_BYTES - 100); /* what goes by post has to fit it */
    for (int i = 0; i < PROBE_KINDS_N; i++)
        if (str_is(s->kind, probe_kind_name((enum probe_kind)i))) {
            k.kind = (enum probe_kind)i;
            kind = true;
        }
    if (!kind) return wrong(fault, "kind: one of http, tcp, tls, dns, icmp, push");
    if (!p) return ERR(ERR_NOMEM, "monitor");
    TRY(json_parse_copy(p, s->how, a, &how));
    k.interval_us = s->every_s * US_PER_S;
    struct err e = monitors_read_how(how, &k, fault);
    for (size_t i = 0; i < k.n_windows; i++)
        window_done(&k.windows[i]);
    TRY(e);
    if (k.parent && k.parent == s->number) return wrong(fault, "parent: not the monitor itself");
    jout_init(&j, &b);
    if (s->target.n == 0 && k.kind == PROBE_PUSH) k.target = STR("-");
    monitors_put_config(&j, &k, &(struct share){0});
    if (buf_err(&b).code) return wrong(fault, "monitor: 64 kB at most");
    TRY(json_parse_copy(p, buf_str(&b), a, &v));
    return probe_config_read(v, a, &config, fault);
}

/* The setup that `body` makes of *s, in the arena, checked. */
static struct err apply(struct monitors *m, const struct json *body, struct status_probe_setup *s,
                        struct arena *a, char *fault) {
    const struct json *old = NULL;
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(HOW_BYTES + 1);
    AUTO(buf_done) struct buf how = {0};
    buf_init(&how, HOW_BYTES);
    if (body->type != JSON_OBJECT) return wrong(fault, "monitor: an object");
    if (!p) return ERR(ERR_NOMEM, "monitor");
    if (s->how.n > 0) TRY(json_parse_copy(p, s->how, a, &old));
    for (const struct json *v = json_first(body); v != json_end(body); v = json_next(v)) {
        bool column;
        TRY(take_column(v, s, &column, fault));
    }
    TRY(merge_how(old, body, &how, fault));
    s->how = arena_str(a, buf_str(&how));
    if (!s->how.p) return ERR(ERR_NOMEM, "monitor");
    return check(m, s, a, fault);
}

static struct err find_setup(struct monitors *m, uint32_t number, struct arena *a,
                             struct status_probe_setup *out) {
    struct status_probe_setup *all = NULL;
    size_t n = 0;
    TRY(status_probes(m->config.status, a, &all, &n));
    for (size_t i = 0; i < n; i++)
        if (all[i].number == number) {
            *out = all[i];
            return ERR_NONE;
        }
    return ERR(ERR_NOTFOUND, "monitor");
}

static struct err start_setup(struct monitors *m, uint32_t number, struct arena *a,
                              struct status_probe_setup *out) {
    *out = (struct status_probe_setup){
        .kind = STR("http"), .every_s = 30, .is_public = true, .how = STR("{}"), .group = STR("")};
    return number ? find_setup(m, number, a, out) : ERR_NONE;
}

/* A chain of parents that leads back to its beginning would silence all of it. */
static struct err check_chain(struct monitors *m, const struct status_probe_setup *s, char *fault) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(HOW_BYTES + 1);
    const struct json *how = NULL;
    if (!a || !p) return ERR(ERR_NOMEM, "monitor");
    TRY(json_parse_copy(p, s->how, a, &how));
    const struct json *parent = json_get(how, "parent");
    uint32_t at = parent && parent->type == JSON_INT ? (uint32_t)parent->i : 0;
    struct err e = ERR_NONE;
    pthread_mutex_lock(&m->lock);
    if (at && !monitors_find(m, at)) e = wrong(fault, "parent: there is no such monitor");
    for (int i = 0; at && e.code == ERR_OK; i++) {
        const struct monitor *k = monitors_find(m, at);
        at = k ? k->parent : 0;
        if (i == 8 || (s->number && at == s->number))
            e = wrong(fault, "parent: a chain that is longer than 8 or bites its tail");
    }
    pthread_mutex_unlock(&m->lock);
    return e;
}

static void give_token(struct status_probe_setup *s, bool is_new, char *out_token) {
    out_token[0] = 0;
    if (!is_new || !str_is(s->kind, "push")) return;
    random_word(out_token, 32);
    seal_secret_hash(str_z(out_token), s->token_hash);
}

struct err monitors_save(struct monitors *m, const struct json *body, uint32_t *number,
                         char *out_token, char fault[MONITOR_FAULT_BYTES]) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    struct status_probe_setup s;
    if (!a) return ERR(ERR_NOMEM, "monitor");
    fault[0] = 0;
    pthread_mutex_lock(&m->editing);
    struct err e = start_setup(m, *number, a, &s);
    struct str kind = s.kind;
    if (e.code == ERR_OK) e = apply(m, body, &s, a, fault);
    if (e.code == ERR_OK && *number && !str_eq(kind, s.kind))
        e = wrong(fault, "kind: stays as it is; make another monitor");
    if (e.code == ERR_OK) e = check_chain(m, &s, fault);
    if (e.code == ERR_OK) {
        give_token(&s, *number == 0, out_token);
        e = status_probe_save(m->config.status, &s);
        if (e.code == ERR_INVALID) (void)wrong(fault, e.what);
    }
    if (e.code == ERR_OK) {
        *number = s.number;
        e = monitors_load(m);
    }
    pthread_mutex_unlock(&m->editing);
    return e;
}

struct err monitors_drop(struct monitors *m, uint32_t number) {
    pthread_mutex_lock(&m->editing);
    struct err e = status_probe_drop(m->config.status, number);
    if (e.code == ERR_OK) e = monitors_load(m);
    pthread_mutex_unlock(&m->editing);
    return e;
}

/* ---- trying ---- */

static struct trial *free_trial(struct monitors *m) {
    for (size_t i = 0; i < TRIES_MAX; i++)
        if (m->trials[i].id == 0) return &m->trials[i];
    return NULL;
}

static void post_trial(struct monitors *m, const struct monitor *k, int64_t id) {
    AUTO(buf_done) struct buf b = {0};
    struct jout j;
    buf_init(&b, POST_MAX_BYTES);
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "kind");
    jout_strz(&j, post_kind_name(POST_PROBE_TRY));
    jout_keyz(&j, "id");
    jout_i64(&j, id);
    jout_keyz(&j, "probe");
    monitors_put_config(&j, k, &(struct share){0});
    jout_object_end(&j);
    monitors_post(m, &b);
}

static struct err wait_trial(struct monitors *m, const struct monitor *k, struct post_beat *out) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TRY_LIMIT_S;
    pthread_mutex_lock(&m->lock);
    struct trial *t = free_trial(m);
    int woken = 0;
    if (t) {
        *t = (struct trial){.id = m->next_trial++};
        post_trial(m, k, t->id);
    }
    while (t && !t->over && !m->stopping && woken != ETIMEDOUT)
        woken = pthread_cond_timedwait(&m->tried, &m->lock, &until);
    bool over = t && t->over;
    if (over) *out = t->beat;
    if (t) t->id = 0;
    pthread_mutex_unlock(&m->lock);
    if (!t) return ERR(ERR_BUSY, "too many trials at once");
    return over ? ERR_NONE : ERR(ERR_TIMEOUT, "the courier did not answer");
}

struct err monitors_try(struct monitors *m, const struct json *body, struct post_beat *out,
                        char fault[MONITOR_FAULT_BYTES]) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    struct status_probe_setup s;
    const struct json *number = json_get(body, "number");
    fault[0] = 0;
    if (!a) return ERR(ERR_NOMEM, "monitor");
    if (!m->runs) return ERR(ERR_BUSY, "nothing is checked without a running server");
    uint32_t known = number && number->type == JSON_INT && number->i > 0 && number->i <= UINT32_MAX
                         ? (uint32_t)number->i
                         : 0;
    TRY(start_setup(m, known, a, &s));
    TRY(apply(m, body, &s, a, fault));
    struct monitor k = {.number = known ? known : 1, .target = s.target, .how = s.how};
    for (int i = 0; i < PROBE_KINDS_N; i++)
        if (str_is(s.kind, probe_kind_name((enum probe_kind)i))) k.kind = (enum probe_kind)i;
    k.interval_us = s.every_s * US_PER_S;
    if (k.kind == PROBE_PUSH) return wrong(fault, "kind: a push monitor is not asked");
    return wait_trial(m, &k, out);
}
