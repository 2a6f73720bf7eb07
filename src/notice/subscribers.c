/* subscribers.c: the table of who wants to hear, and how somebody gets into it and out.
 *
 * Mail is double opt-in: a pending row gets one mail with a link, again at most each ten minutes
 * and five times; only the link's POST makes it active. Whoever asks for an address learns nothing
 * about it: the public door answers the same whatever stands here.
 */
#include <stdio.h>

#include "notice/inside.h"

#define ASK_EACH_US (600 * US_PER_S)
#define ASK_MOST 5
#define LABEL_BYTES 100

static bool is_mail(enum notice_kind k) {
    return k == NOTICE_MAIL;
}

static const char *const kind_names[] = {
    "", "email", "webhook", "slack", "alertmanager-hook", "alertmanager"};
#define KINDS_N (sizeof kind_names / sizeof *kind_names)

bool notice_kind_parse(struct str name, enum notice_kind *out) {
    for (size_t i = 1; i < KINDS_N; i++) {
        if (!str_is(name, kind_names[i])) continue;
        *out = (enum notice_kind)i;
        return true;
    }
    return false;
}

const char *notice_kind_name(enum notice_kind k) {
    return (size_t)k < KINDS_N ? kind_names[k] : "";
}

/* ---- asking the address ---- */

/* Queues the mail with the link. Inside a transaction. */
static struct err ask(struct notice *n, int64_t id, int64_t now_us) {
    char event[64], word[13];
    int64_t story = 0;
    random_word(word, 12);
    snprintf(event, sizeof event, "confirm.%lld.%s", (long long)id, word);
    pthread_mutex_lock(&n->lock);
    char page[sizeof n->page];
    memcpy(page, n->page, sizeof page);
    pthread_mutex_unlock(&n->lock);
    struct notice_story s = {
        .event = str_z(event), .about = NOTICE_OF_CONFIRM, .at_us = now_us, .page = str_z(page)};
    TRY(notice_story_store(n, &s, &story));
    TRY(meta_exec(n->meta, "UPDATE notice_subscriber SET asked_us=?, asked_n=asked_n+1 WHERE id=?",
                  "ii", now_us, id));
    return notice_queue_one(n, story, id, now_us);
}

struct known {
    int64_t id, asked_us, asked_n;
    enum notice_state state;
};

static struct err find(struct notice *n, struct notice_lookup l, struct known *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r,
                   "SELECT id, state, asked_us, asked_n FROM notice_subscriber WHERE lookup=?", "h",
                   l.b));
    if (!meta_next(r, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "there is no such subscriber");
    *out = (struct known){.id = meta_i64(r, 0),
                          .state = (enum notice_state)meta_i64(r, 1),
                          .asked_us = meta_i64(r, 2),
                          .asked_n = meta_i64(r, 3)};
    return ERR_NONE;
}

/* A pending or suspended address wants to hear (again). */
static struct err ask_again(struct notice *n, const struct known *k, int64_t now_us) {
    if (k->state == NOTICE_ACTIVE) return ERR(ERR_EXISTS, "to: subscribed already");
    if (now_us - k->asked_us < ASK_EACH_US || k->asked_n >= ASK_MOST)
        return ERR(ERR_EXISTS, "to: asked already, the link is in its mail");
    TRY(meta_exec(n->meta, "UPDATE notice_subscriber SET state=0, strikes=0 WHERE id=?", "i",
                  k->id));
    TRY(ask(n, k->id, now_us));
    return ERR_NONE;
}

/* ---- adding ---- */

/* out_lane: what back-off goes by. */
static struct err check_new(const struct notice_new *how, struct str *out_lane) {
    struct str host;
    *out_lane = how->to;
    if (is_mail(how->kind)) {
        if (!notice_mail_ok(how->to)) return ERR(ERR_INVALID, "email: not a mail address");
        *out_lane = notice_mail_domain(how->to);
    } else if (!notice_url_ok(how->to, &host)) {
        return ERR(ERR_INVALID, "url: such as https://receiver.example/path, without a user");
    }
    if (how->label.n > LABEL_BYTES || str_utf8_prefix(how->label) != how->label.n)
        return ERR(ERR_INVALID, "label: at most 100 bytes of text");
    if (how->n_components > NOTICE_COMPONENTS) return ERR(ERR_INVALID, "components: at most 100");
    for (size_t i = 0; i < how->n_components; i++) {
        struct str c = how->components[i];
        bool ok = c.n == STATUS_ID_BYTES;
        for (size_t k = 0; k < c.n; k++)
            ok &= (c.p[k] >= 'a' && c.p[k] <= 'z') || (c.p[k] >= '0' && c.p[k] <= '9');
        if (!ok) return ERR(ERR_INVALID, "components: ids of components");
    }
    return ERR_NONE;
}

static struct err count_rows(struct notice *n, const char *sql, int64_t *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, sql, ""));
    *out = meta_next(r, &e) ? meta_i64(r, 0) : 0;
    return e;
}

static struct err check_room(struct notice *n) {
    int64_t all = 0, pending = 0;
    TRY(count_rows(n, "SELECT count(*) FROM notice_subscriber", &all));
    TRY(count_rows(n, "SELECT count(*) FROM notice_subscriber WHERE state=0", &pending));
    if (all >= NOTICE_SUBSCRIBERS || pending >= NOTICE_PENDING)
        return ERR(ERR_LIMIT, "to: there are too many subscribers");
    return ERR_NONE;
}

static struct err insert(struct notice *n, const struct notice_new *how, struct str lane,
                         struct str secret, int64_t *out_id) {
    AUTO(buf_done) struct buf to;
    AUTO(buf_done) struct buf box;
    buf_init(&to, 8192);
    buf_init(&box, 8192);
    struct notice_lookup l = notice_lookup_of(&n->keys, how->kind, how->to);
    int64_t now = time_now_us();
    bool active = how->confirmed || !is_mail(how->kind);
    notice_box_seal(&n->keys, NOTICE_BOX_TO, l, how->to, &to);
    if (secret.n) notice_box_seal(&n->keys, NOTICE_BOX_SECRET, l, secret, &box);
    TRY(buf_err(&to));
    TRY(buf_err(&box));
    TRY(check_room(n));
    TRY(meta_exec(n->meta,
                  "INSERT INTO notice_subscriber (kind, state, lookup, address, secret, label, "
                  "lane, created_us, active_us) VALUES (?,?,?,?,?,?,?,?,?)",
                  "iihbbsiii", (int64_t)how->kind, (int64_t)active, l.b, buf_str(&to),
                  buf_str(&box), how->label, notice_lane_of(&n->keys, lane), now,
                  active ? now : 0));
    *out_id = meta_last_id(n->meta);
    for (size_t i = 0; i < how->n_components; i++)
        TRY(meta_exec(n->meta,
                      "INSERT OR IGNORE INTO notice_choice (subscriber, component) VALUES (?,?)",
                      "is", *out_id, how->components[i]));
    return active ? ERR_NONE : ask(n, *out_id, now);
}

/* Commits what went well (also ERR_EXISTS: a link may have been queued). */
static struct err leave(struct notice *n, struct err e) {
    if (e.code != ERR_OK && e.code != ERR_EXISTS) {
        meta_rollback(n->meta);
        return e;
    }
    struct err done = meta_commit(n->meta);
    notice_wake(n);
    return done.code ? done : e;
}

struct err notice_add(struct notice *n, const struct notice_new *how, int64_t *out_id,
                      char out_secret[NOTICE_SECRET_CHARS]) {
    struct str lane = {0};
    struct known k;
    int64_t id = 0;
    char secret[NOTICE_SECRET_CHARS] = "";
    TRY(check_new(how, &lane));
    if (!is_mail(how->kind)) random_word(secret, NOTICE_SECRET_CHARS - 1);
    TRY(meta_begin(n->meta));
    struct err e = find(n, notice_lookup_of(&n->keys, how->kind, how->to), &k);
    if (e.code == ERR_NOTFOUND)
        e = insert(n, how, lane, str_z(secret), &id);
    else if (e.code == ERR_OK && is_mail(how->kind))
        e = ask_again(n, &k, time_now_us());
    else if (e.code == ERR_OK)
        e = ERR(ERR_EXISTS, "url: subscribed already");
    e = leave(n, e);
    if (e.code == ERR_OK) {
        *out_id = id ? id : k.id;
        memcpy(out_secret, secret, sizeof secret);
    }
    secret_wipe(secret, sizeof secret);
    return e;
}

/* ---- leaving ---- */

static struct err remove_row(struct notice *n, int64_t id) {
    TRY(meta_exec(n->meta, "DELETE FROM notice_subscriber WHERE id=?", "i", id));
    if (meta_changes(n->meta) == 0) return ERR(ERR_NOTFOUND, "there is no such subscriber");
    TRY(meta_exec(n->meta, "DELETE FROM notice_choice WHERE subscriber=?", "i", id));
    return meta_exec(n->meta, "DELETE FROM notice_row WHERE subscriber=? AND state<>1", "i", id);
}

struct err notice_remove(struct notice *n, int64_t id) {
    TRY(meta_begin(n->meta));
    return leave(n, remove_row(n, id));
}

struct err notice_unsubscribe_token(struct notice *n, struct str token) {
    int64_t id;
    if (!notice_token_read(&n->keys, NOTICE_UNSUBSCRIBE, token, &id))
        return ERR(ERR_DENIED, "not one of our links");
    return notice_remove(n, id);
}

struct err notice_confirm_token(struct notice *n, struct str token) {
    int64_t id;
    if (!notice_token_read(&n->keys, NOTICE_CONFIRM, token, &id))
        return ERR(ERR_DENIED, "not one of our links");
    TRY(meta_begin(n->meta));
    return leave(n, meta_exec(n->meta,
                              "UPDATE notice_subscriber SET state=1, active_us=?, strikes=0, "
                              "asked_n=0 WHERE id=? AND state=0",
                              "ii", time_now_us(), id));
}

/* ---- one subscriber ---- */

struct err notice_find(struct notice *n, enum notice_kind kind, struct str to, int64_t *out_id) {
    struct known k = {0};
    TRY(meta_begin(n->meta));
    struct err e = find(n, notice_lookup_of(&n->keys, kind, to), &k);
    meta_rollback(n->meta);
    if (e.code == ERR_OK) *out_id = k.id;
    return e;
}

struct err notice_reader_load(struct notice *n, int64_t id, struct arena *a,
                              struct notice_reader *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    struct notice_lookup l;
    TRY(meta_query(n->meta, &r,
                   "SELECT kind, lookup, address, secret FROM notice_subscriber WHERE id=?", "i",
                   id));
    if (!meta_next(r, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "there is no such subscriber");
    struct str lookup = meta_str(r, 1);
    *out = (struct notice_reader){.id = id, .kind = (enum notice_kind)meta_i64(r, 0)};
    if (lookup.n != sizeof l.b) return ERR(ERR_CORRUPT, "notice: a row's lookup");
    memcpy(l.b, lookup.p, sizeof l.b);
    TRY(notice_box_open(&n->keys, NOTICE_BOX_TO, l, meta_str(r, 2), a, &out->to));
    if (meta_str(r, 3).n == 0) return ERR_NONE;
    return notice_box_open(&n->keys, NOTICE_BOX_SECRET, l, meta_str(r, 3), a, &out->secret);
}

static struct err state_of(struct notice *n, int64_t id, enum notice_state *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, "SELECT state FROM notice_subscriber WHERE id=?", "i", id));
    if (!meta_next(r, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "there is no such subscriber");
    *out = (enum notice_state)meta_i64(r, 0);
    return ERR_NONE;
}

struct err notice_resend(struct notice *n, int64_t id) {
    enum notice_state state = NOTICE_ACTIVE;
    TRY(meta_begin(n->meta));
    struct err e = state_of(n, id, &state);
    if (e.code == ERR_OK && state == NOTICE_WAITING) e = ask(n, id, time_now_us());
    if (e.code == ERR_OK && state == NOTICE_SUSPENDED)
        e = meta_exec(n->meta,
                      "UPDATE notice_subscriber SET state=1, strikes=0, failing_us=0, active_us=? "
                      "WHERE id=?",
                      "ii", time_now_us(), id);
    return leave(n, e);
}

static struct err queue_test(struct notice *n, int64_t id) {
    char event[64], word[13];
    int64_t story = 0;
    enum notice_state state = NOTICE_WAITING;
    TRY(state_of(n, id, &state));
    if (state != NOTICE_ACTIVE) return ERR(ERR_DENIED, "the subscriber is not active");
    random_word(word, 12);
    snprintf(event, sizeof event, "test.%lld.%s", (long long)id, word);
    pthread_mutex_lock(&n->lock);
    char page[sizeof n->page];
    memcpy(page, n->page, sizeof page);
    pthread_mutex_unlock(&n->lock);
    struct notice_story s = {.event = str_z(event),
                             .about = NOTICE_OF_TEST,
                             .at_us = time_now_us(),
                             .page = str_z(page),
                             .title = STR("Test message"),
                             .body = STR("Nothing happened; the team tries its notices.")};
    TRY(notice_story_store(n, &s, &story));
    return notice_queue_one(n, story, id, s.at_us);
}

struct err notice_test(struct notice *n, int64_t id) {
    TRY(meta_begin(n->meta));
    return leave(n, queue_test(n, id));
}

struct err notice_bounced(struct notice *n, struct str mail_address) {
    struct known k;
    TRY(meta_begin(n->meta));
    struct err e = find(n, notice_lookup_of(&n->keys, NOTICE_MAIL, mail_address), &k);
    if (e.code == ERR_OK)
        e = meta_exec(n->meta,
                      "UPDATE notice_subscriber SET strikes=strikes+1, state=CASE WHEN "
                      "strikes+1>=? AND state=1 THEN 2 ELSE state END WHERE id=?",
                      "ii", (int64_t)NOTICE_STRIKES, k.id);
    return leave(n, e);
}
