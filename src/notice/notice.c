/* notice.c: open, the thread and its turn; how an update becomes rows. */
#include "notice/inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURN_US US_PER_S
#define STORY_BYTES ((size_t)64 << 10)

static const char *const schema[] = {
    "CREATE TABLE notice_subscriber (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, "
    "state INTEGER NOT NULL, lookup BLOB NOT NULL UNIQUE, address BLOB NOT NULL, secret BLOB NOT "
    "NULL, label TEXT NOT NULL, lane INTEGER NOT NULL, created_us INTEGER NOT NULL, active_us "
    "INTEGER NOT NULL, asked_us INTEGER NOT NULL DEFAULT 0, asked_n INTEGER NOT NULL DEFAULT 0, "
    "strikes INTEGER NOT NULL DEFAULT 0, failing_us INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX notice_subscriber_state ON notice_subscriber (state);"
    "CREATE TABLE notice_choice (subscriber INTEGER NOT NULL, component TEXT NOT NULL, PRIMARY KEY "
    "(subscriber, component)) WITHOUT ROWID;"
    "CREATE TABLE notice_now (component TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE notice_story (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL UNIQUE, "
    "about INTEGER NOT NULL, incident TEXT NOT NULL, at_us INTEGER NOT NULL, title TEXT NOT NULL, "
    "body TEXT NOT NULL, page TEXT NOT NULL, components TEXT NOT NULL, first TEXT NOT NULL, json "
    "TEXT NOT NULL, phase INTEGER NOT NULL, impact INTEGER NOT NULL, started_us INTEGER NOT NULL, "
    "resolved_us INTEGER NOT NULL);"
    "CREATE INDEX notice_story_incident ON notice_story (incident);"
    "CREATE TABLE notice_row (id INTEGER PRIMARY KEY AUTOINCREMENT, story INTEGER NOT NULL, "
    "subscriber INTEGER NOT NULL, hook INTEGER NOT NULL, lane INTEGER NOT NULL, state INTEGER NOT "
    "NULL DEFAULT 0, serial INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, since_us "
    "INTEGER NOT NULL, due_us INTEGER NOT NULL, code INTEGER NOT NULL DEFAULT 0, class TEXT NOT "
    "NULL DEFAULT '', UNIQUE (story, subscriber));"
    "CREATE INDEX notice_row_due ON notice_row (state, hook, due_us);"
    "CREATE INDEX notice_row_lane ON notice_row (lane, state);"
    "CREATE INDEX notice_row_subscriber ON notice_row (subscriber);"
    "CREATE TABLE notice_lane (lane INTEGER PRIMARY KEY, failures INTEGER NOT NULL, until_us "
    "INTEGER NOT NULL);"
    "CREATE TABLE notice_page (one INTEGER PRIMARY KEY CHECK (one=1), name TEXT NOT NULL)",
};

/* ---- what happened ---- */

static const struct status_component *component_by(const struct status_model *m, uint32_t number) {
    for (size_t i = 0; i < m->n_components; i++)
        if (m->components[i].number == number) return &m->components[i];
    return NULL;
}

/* The components of an incident by id, and their groups: who chose a group hears of its members. */
static struct err name_components(struct notice *n, const struct status_model *m,
                                  const struct status_incident *i, struct buf *names) {
    TRY(meta_exec(n->meta, "DELETE FROM notice_now", ""));
    for (size_t k = 0; k < i->n_components; k++) {
        const struct status_component *c = component_by(m, i->components[k]);
        if (!c) continue;
        if (names->n < 1024) {
            if (names->n) buf_put_str(names, STR(", "));
            buf_put_str(names, c->name);
        }
        TRY(meta_exec(n->meta, "INSERT OR IGNORE INTO notice_now (component) VALUES (?)", "s",
                      str_z(c->id)));
        if (c->group[0])
            TRY(meta_exec(n->meta, "INSERT OR IGNORE INTO notice_now (component) VALUES (?)", "s",
                          str_z(c->group)));
    }
    return buf_err(names);
}

/* hooks_only: of Statuspage's shape. Who became active later has not asked for it. */
static struct err queue_all(struct notice *n, int64_t story, bool all, bool hooks_only,
                            int64_t at_us) {
    int64_t now = time_now_us(); /* at_us is the page's clock, which tests let run faster */
    return meta_exec(
        n->meta,
        "INSERT INTO notice_row (story, subscriber, hook, lane, since_us, due_us) "
        "SELECT ?1, s.id, s.kind<>1, s.lane, ?5, ?5 FROM notice_subscriber s WHERE s.state=1 AND "
        "s.active_us<=?2 AND (?3=0 OR s.kind=2) AND (?4=1 OR NOT EXISTS (SELECT 1 FROM "
        "notice_choice c WHERE c.subscriber=s.id) OR EXISTS (SELECT 1 FROM notice_choice c JOIN "
        "notice_now w ON w.component=c.component WHERE c.subscriber=s.id)) ORDER BY s.id",
        "iiiii", story, at_us, (int64_t)hooks_only, (int64_t)all, now);
}

struct err notice_story_known(struct notice *n, struct str event, bool *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, "SELECT 1 FROM notice_story WHERE event=?", "s", event));
    *out = meta_next(r, &e);
    return e;
}

static struct err first_of(struct notice *n, struct str incident, char out[64]) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    out[0] = 0;
    TRY(meta_query(n->meta, &r,
                   "SELECT event FROM notice_story WHERE incident=? ORDER BY id LIMIT 1", "s",
                   incident));
    if (meta_next(r, &e)) snprintf(out, 64, STR_FMT, STR_ARG(meta_str(r, 0)));
    return e;
}

static struct str cut(struct str s, size_t most) {
    if (s.n > most) s.n = most;
    s.n = str_utf8_prefix(s);
    return s;
}

static struct err queue_incident(struct notice *n, const struct notice_telling *t, struct str json,
                                 struct buf *names) {
    const struct status_incident *i = t->incident;
    const struct status_update *u = t->update;
    char first[64];
    int64_t story = 0;
    TRY(name_components(n, t->model, i, names));
    TRY(first_of(n, str_z(i->id), first));
    struct notice_story s = {.event = str_z(u->id),
                             .about = NOTICE_OF_INCIDENT,
                             .incident = str_z(i->id),
                             .at_us = u->created_us,
                             .title = cut(i->name, 300),
                             .body = cut(u->body, NOTICE_BODY_BYTES),
                             .page = cut(t->model->page.name, 200),
                             .components = buf_str(names),
                             .first = str_z(first),
                             .json = json,
                             .phase = u->phase,
                             .impact = i->impact,
                             .started_us = i->started_us,
                             .resolved_us = i->resolved_us};
    TRY(notice_story_store(n, &s, &story));
    return queue_all(n, story, i->n_components == 0, false, u->created_us);
}

static struct err finish(struct notice *n, struct err e) {
    if (e.code != ERR_OK) {
        meta_rollback(n->meta);
        return e;
    }
    TRY(meta_commit(n->meta));
    notice_wake(n);
    return ERR_NONE;
}

struct err notice_incident(struct notice *n, const struct status_model *m,
                           const struct status_incident *i, const struct status_update *u) {
    assert(u->phase != STATUS_DRAFT);
    AUTO(buf_done) struct buf json;
    AUTO(buf_done) struct buf names;
    bool known = false;
    buf_init(&json, STORY_BYTES);
    buf_init(&names, 4096);
    struct notice_telling t = {.model = m, .incident = i, .update = u, .url = n->head.url};
    notice_story_incident(&json, &t);
    TRY(buf_err(&json));
    TRY(meta_begin(n->meta));
    struct err e = notice_story_known(n, str_z(u->id), &known);
    if (e.code == ERR_OK && !known) e = queue_incident(n, &t, buf_str(&json), &names);
    return finish(n, e);
}

static struct err queue_component(struct notice *n, const struct status_component *c,
                                  const struct notice_story *s) {
    int64_t story = 0;
    TRY(meta_exec(n->meta, "DELETE FROM notice_now", ""));
    TRY(meta_exec(n->meta, "INSERT INTO notice_now (component) VALUES (?)", "s", str_z(c->id)));
    if (c->group[0])
        TRY(meta_exec(n->meta, "INSERT OR IGNORE INTO notice_now (component) VALUES (?)", "s",
                      str_z(c->group)));
    TRY(notice_story_store(n, s, &story));
    return queue_all(n, story, false, true, s->at_us);
}

struct err notice_component(struct notice *n, const struct status_model *m,
                            const struct status_component *c, enum status_state from) {
    AUTO(buf_done) struct buf json;
    char id[STATUS_ID_BYTES + 1];
    buf_init(&json, STORY_BYTES);
    random_word(id, STATUS_ID_BYTES);
    notice_story_component(&json, m, c, from, id);
    TRY(buf_err(&json));
    struct notice_story s = {.event = str_z(id),
                             .about = NOTICE_OF_COMPONENT,
                             .at_us = time_now_us(),
                             .title = cut(c->name, 300),
                             .page = cut(m->page.name, 200),
                             .json = buf_str(&json)};
    TRY(meta_begin(n->meta));
    return finish(n, queue_component(n, c, &s));
}

/* ---- the page's name ---- */

struct err notice_set_page(struct notice *n, struct str name) {
    name = cut(name, sizeof n->page - 1);
    pthread_mutex_lock(&n->lock);
    bool same = str_is(name, n->page);
    snprintf(n->page, sizeof n->page, STR_FMT, STR_ARG(name));
    pthread_mutex_unlock(&n->lock);
    if (same) return ERR_NONE;
    TRY(meta_begin(n->meta));
    return finish(n, meta_exec(n->meta,
                               "INSERT INTO notice_page (one, name) VALUES (1, ?) ON CONFLICT "
                               "(one) DO UPDATE SET name=excluded.name",
                               "s", name));
}

static struct err load_page(struct notice *n) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, "SELECT name FROM notice_page", ""));
    struct str name = meta_next(r, &e) ? meta_str(r, 0) : STR("Status");
    snprintf(n->page, sizeof n->page, STR_FMT, STR_ARG(name));
    return e;
}

/* ---- the turn ---- */

void notice_wake(struct notice *n) {
    pthread_mutex_lock(&n->lock);
    n->woken = true;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
}

/* What has come in since the last turn. */
static size_t take_answers(struct notice *n, struct notice_answered *out) {
    pthread_mutex_lock(&n->lock);
    size_t k = n->n_answers;
    memcpy(out, n->answers, k * sizeof *out);
    if (n->courier_new)
        for (size_t i = 0; i < n->n_flights; i++)
            n->flights[i].handed_us = 0;
    n->courier_new = false;
    pthread_mutex_unlock(&n->lock);
    return k;
}

static void forget_answers(struct notice *n, size_t k) {
    pthread_mutex_lock(&n->lock);
    memmove(n->answers, n->answers + k, (n->n_answers - k) * sizeof *n->answers);
    n->n_answers -= k;
    pthread_mutex_unlock(&n->lock);
}

static struct err pick_all(struct notice *n, int64_t now_us) {
    if (!n->post) return ERR_NONE;
    if (n->head.mail_from.n) TRY(notice_pick(n, false, now_us));
    return notice_pick(n, true, now_us);
}

/* One transaction: answers are settled, then the free slots are filled. */
static struct err settle_and_pick(struct notice *n, struct notice_answered *answers, size_t k,
                                  int64_t now_us) {
    struct notice_flight before[2 * NOTICE_IN_FLIGHT];
    size_t n_before = n->n_flights;
    memcpy(before, n->flights, n_before * sizeof *before);
    TRY(meta_begin(n->meta));
    struct err e = notice_answers_apply(n, answers, k, now_us);
    if (e.code == ERR_OK) notice_answers_done(n, answers, k);
    if (e.code == ERR_OK) e = notice_clean(n, now_us);
    if (e.code == ERR_OK) e = pick_all(n, now_us);
    if (e.code == ERR_OK)
        e = meta_commit(n->meta);
    else
        meta_rollback(n->meta);
    if (e.code == ERR_OK) return e;
    memcpy(n->flights, before, n_before * sizeof *before);
    n->n_flights = n_before;
    return e;
}

struct err notice_turn(struct notice *n, int64_t now_us) {
    struct notice_answered answers[4 * NOTICE_IN_FLIGHT];
    size_t bad = 0;
    if (n->front_folder[0])
        TRY(letterbox_take(n->front_folder, &n->keys.letters, notice_letter, n, &bad));
    if (bad) log_error("letterbox: %zu letters did not open and are gone", bad);
    size_t k = take_answers(n, answers);
    TRY(settle_and_pick(n, answers, k, now_us));
    forget_answers(n, k);
    notice_acknowledge(n, answers, k);
    return notice_hand_over(n, now_us);
}

static void wait_turn(struct notice *n) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TURN_US / US_PER_S;
    pthread_mutex_lock(&n->lock);
    while (!n->woken && !n->stop)
        if (pthread_cond_timedwait(&n->wake, &n->lock, &until)) break;
    n->woken = false;
    pthread_mutex_unlock(&n->lock);
}

static bool stopping(struct notice *n) {
    pthread_mutex_lock(&n->lock);
    bool stop = n->stop;
    pthread_mutex_unlock(&n->lock);
    return stop;
}

static void *work(void *ctx) {
    struct notice *n = ctx;
    int32_t said = ERR_OK;
    while (!stopping(n)) {
        struct err e = notice_turn(n, time_now_us());
        if (e.code != ERR_OK && e.code != said) log_failure("notices", e);
        said = e.code;
        wait_turn(n);
    }
    return NULL;
}

/* ---- open and close ---- */

static struct err load_all(struct notice *n) {
    TRY(meta_begin(n->meta));
    struct err e = load_page(n);
    if (e.code == ERR_OK) e = notice_flights_load(n);
    meta_rollback(n->meta);
    return e;
}

static struct err copy_letterhead(const struct notice_config *c, struct notice *n) {
    if (c->public_url.n >= sizeof n->url || c->mail_from.n >= sizeof n->from)
        return ERR(ERR_INVALID, "notice: the public URL or the sender is too long");
    if (c->mail_from.n && !notice_mail_ok(c->mail_from))
        return ERR(ERR_INVALID, "mail-from is not a plain mail address");
    memcpy(n->url, c->public_url.p ? c->public_url.p : "", c->public_url.n);
    memcpy(n->from, c->mail_from.p ? c->mail_from.p : "", c->mail_from.n);
    n->head =
        (struct notice_letterhead){{n->url, c->public_url.n}, {n->from, c->mail_from.n}, &n->keys};
    return ERR_NONE;
}

static struct err begin(const struct notice_config *c, struct notice *n) {
    pthread_condattr_t how;
    pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&n->wake, &how);
    pthread_condattr_destroy(&how);
    n->meta = c->meta;
    n->post = c->post;
    notice_keys_derive(c->root, &n->keys);
    TRY(copy_letterhead(c, n));
    TRY(meta_schema(n->meta, "notice", schema, sizeof schema / sizeof *schema));
    if (c->front_folder) {
        snprintf(n->front_folder, sizeof n->front_folder, "%s", c->front_folder);
        TRY(letterbox_prepare(n->front_folder, n->keys.letters.pub));
    }
    return load_all(n);
}

struct err notice_open(const struct notice_config *c, struct notice **out) {
    struct notice *n = calloc(1, sizeof *n);
    if (!n) return ERR(ERR_NOMEM, "notice");
    struct err e = begin(c, n);
    if (e.code == ERR_OK)
        *out = n;
    else
        notice_close(n);
    return e;
}

struct err notice_start(struct notice *n) {
    if (pthread_create(&n->thread, NULL, work, n)) return ERR(ERR_NOMEM, "notice: a thread");
    n->running = true;
    return ERR_NONE;
}

void notice_close(struct notice *n) {
    if (!n) return;
    pthread_mutex_lock(&n->lock);
    n->stop = true;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
    if (n->running) pthread_join(n->thread, NULL);
    pthread_cond_destroy(&n->wake);
    pthread_mutex_destroy(&n->lock);
    secret_wipe(n, sizeof *n);
    free(n);
}
