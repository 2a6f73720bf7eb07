/* projects.c: making a project, and what there is to ask about in one. */
#include <stdio.h>
#include <stdlib.h>

#include "crowd/crowd.h"
#include "registry/registry.h"
#include "routes/call.h"

#define REGISTRY_WAIT_MS 2000

static bool front_has(struct routes *r, uint64_t generation) {
    return atomic_load_explicit(&r->config.channel->page->registry_seen, memory_order_acquire) >=
           generation;
}

static void wait_for_front(struct routes *r, uint64_t generation) {
    for (int ms = 0; ms < REGISTRY_WAIT_MS && !front_has(r, generation); ms += 2) {
        struct timespec pause = {.tv_nsec = 2000000};
        nanosleep(&pause, NULL);
    }
}

struct sender_list {
    struct store_sender *list; /* [n] */
    size_t n;
    bool failed; /* no memory */
};

/* Grows at powers of two. */
static void add_sender(void *ctx, uint64_t project, const uint8_t *hash) {
    struct sender_list *l = ctx;
    if (l->failed) return;
    if ((l->n & (l->n - 1)) == 0) {
        struct store_sender *grown = realloc(l->list, (l->n ? 2 * l->n : 1) * sizeof *grown);
        l->failed = !grown;
        if (!grown) return;
        l->list = grown;
    }
    l->list[l->n++] = (struct store_sender){project, registry_sender_id(hash)};
}

static struct err write_registry(struct routes *r, uint64_t generation) {
    char path[4200];
    struct sender_list senders = {0};
    settings_path(r->config.settings, "front/registry", path);
    pthread_rwlock_rdlock(&r->team_lock);
    struct team_public team = r->team;
    pthread_rwlock_unlock(&r->team_lock);
    struct err e = trust_senders(r->config.trust, add_sender, &senders);
    if (e.code == ERR_OK && senders.failed) e = ERR(ERR_NOMEM, "registry: keys");
    struct store_registry how = {.team = &team,
                                 .root = r->config.root,
                                 .generation = generation,
                                 .senders = senders.list,
                                 .n_senders = senders.n};
    if (e.code == ERR_OK) e = store_registry_write(r->config.store, path, &how);
    free(senders.list);
    return e;
}

/* Generations go on over restarts of the whole server: the page is new then, the front's file is
 * not. */
static uint64_t next_generation(struct routes *r) {
    char path[4200];
    AUTO(registry_free) struct registry *old = NULL;
    uint64_t now = atomic_load(&r->config.channel->page->registry_generation);
    settings_path(r->config.settings, "front/registry", path);
    if (now == 0 && registry_read(path, &old).code == ERR_OK) now = old->generation;
    return now + 1;
}

struct err routes_publish_registry(struct routes *r) {
    struct channel *ch = r->config.channel;
    uint64_t generation = next_generation(r);
    TRY(write_registry(r, generation));
    atomic_store_explicit(&ch->page->registry_generation, generation, memory_order_release);
    channel_wake(ch->wake_front);
    wait_for_front(r, generation);
    return ERR_NONE;
}

struct err routes_republish(struct routes *r) {
    pthread_mutex_lock(&r->seal_lock);
    struct err e = routes_publish_registry(r);
    pthread_mutex_unlock(&r->seal_lock);
    return e;
}

static struct err create(struct call *c, const struct store_project_new *n, struct store_project *p,
                         char secret[65]) {
    struct routes *r = c->routes;
    pthread_mutex_lock(&r->seal_lock);
    struct err e = store_project_create(r->config.store, n, p, secret);
    if (e.code == ERR_OK) e = routes_publish_registry(r);
    pthread_mutex_unlock(&r->seal_lock);
    return e;
}

static void answer_created(struct call *c, const struct store_project *p, const char *secret) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, 8192);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "project_id");
    jout_i64(&j, (int64_t)p->id);
    jout_keyz(&j, "token");
    jout_strz(&j, p->token);
    jout_keyz(&j, "secret");
    jout_strz(&j, secret);
    jout_object_end(&j);
    answer_json(c, &out);
    buf_wipe_done(&out);
}

static bool read_new(struct call *c, struct store_project_new *n) {
    static const char *const fields[] = {"name",   "crowd", "timezone",      "token",
                                         "secret", "test",  "retention_days"};
    int64_t crowd = 0, days = 0;
    if (!call_body(c) || !call_only(c, fields, 7) || !call_number(c, "retention_days", 0, &days) ||
        !call_string(c, "name", &n->name) || !call_string(c, "timezone", &n->timezone) ||
        !call_string(c, "token", &n->token) || !call_string(c, "secret", &n->secret) ||
        !call_number(c, "crowd", 0, &crowd))
        return false;
    const struct json *test = json_get(c->body, "test");
    n->test = test && test->type == JSON_TRUE;
    n->retention_days =
        days < 0 || days > STORE_MAX_RETENTION ? STORE_MAX_RETENTION + 1 : (uint32_t)days;
    n->crowd = crowd < 0 || crowd > CROWD_MAX_K ? CROWD_MAX_K + 1 : (uint32_t)crowd;
    return true;
}

void projects_create(struct call *c) {
    struct store_project_new n = {0};
    struct store_project p;
    char secret[65], field[16];
    if (c->actor.project) {
        answer_error(c, 403, "forbidden", "a key of one project cannot make another", NULL);
        return;
    }
    if (!read_new(c, &n)) return;
    struct err e = create(c, &n, &p, secret);
    if (e.code == ERR_INVALID || e.code == ERR_EXISTS) {
        /* `what` is "field: rule" */
        struct str rule = str_z(e.what), name = str_cut(&rule, ':');
        snprintf(field, sizeof field, STR_FMT, STR_ARG(name));
        answer_error(c, e.code == ERR_EXISTS ? 409 : 400,
                     e.code == ERR_EXISTS ? "exists" : "invalid", rule.p + 1, field);
    } else if (e.code != ERR_OK) {
        answer_failure(c, "making a project", e);
    } else {
        answer_created(c, &p, secret);
    }
    secret_wipe(secret, sizeof secret);
}

void projects_lexicon(struct call *c) {
    struct query_rights rights;
    AUTO(store_world_free) struct store_world *w = call_world(c, c->id, &rights);
    AUTO(buf_done) struct buf out;
    buf_init(&out, ANSWER_BYTES);
    if (!w) return;
    struct err e = query_lexicon(store_world_query(w), &rights, &out);
    if (e.code == ERR_OK) e = store_lexicon_more(c->routes->config.store, c->id, &out);
    if (e.code != ERR_OK)
        answer_failure(c, "reading the lexicon", e);
    else
        answer_json(c, &out);
}

void projects_values(struct call *c) {
    struct str property, limit_text;
    int64_t limit = 50;
    if (!edge_param(c->q, "property", &property) || property.n == 0) {
        answer_error(c, 400, "invalid", "the name of an event property", "property");
        return;
    }
    if (edge_param(c->q, "limit", &limit_text) &&
        (!str_to_i64(limit_text, &limit) || limit < 1 || limit > 1000)) {
        answer_error(c, 400, "invalid", "a number from 1 to 1000", "limit");
        return;
    }
    struct query_rights rights;
    AUTO(store_world_free) struct store_world *w = call_world(c, c->id, &rights);
    AUTO(buf_done) struct buf out;
    buf_init(&out, ANSWER_BYTES);
    if (!w) return;
    const struct query_values_of of = {property, (size_t)limit};
    bool used_literal = false;
    struct err e = query_values(store_world_query(w), &rights, &of, &out, &used_literal);
    if (used_literal && !ask_log_literal(c, c->id)) return;
    if (e.code != ERR_OK)
        answer_failure(c, "reading values", e);
    else
        answer_json(c, &out);
}

void projects_snippet(struct call *c) {
    struct store_project p;
    if (store_project(c->routes->config.store, c->id, &p).code != ERR_OK) return;
    AUTO(buf_done) struct buf out;
    buf_init(&out, 8192);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "token");
    jout_strz(&j, p.token);
    jout_keyz(&j, "public_url");
    jout_strz(&j, c->routes->config.public_url);
    jout_object_end(&j);
    answer_json(c, &out);
}
