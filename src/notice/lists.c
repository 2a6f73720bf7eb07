/* lists.c: what the team sees of subscribers and of the outbox. Mail addresses are masked: nobody
 * needs to read them to run a status page. */
#include "notice/inside.h"

static const char *const state_names[] = {"pending", "active", "suspended"};
static const char *const row_names[] = {"waiting", "in_flight", "sent", "dead", "unknown"};

static const char *name_of(const char *const *names, size_t n, int64_t at) {
    return at >= 0 && (size_t)at < n ? names[at] : "?";
}

/* {name: n} of a statement that gives (number, count). */
static struct err put_counts(struct notice *n, const char *sql, const char *const *names, size_t k,
                             struct jout *j) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, sql, ""));
    while (meta_next(r, &e)) {
        jout_keyz(j, name_of(names, k, meta_i64(r, 0)));
        jout_i64(j, meta_i64(r, 1));
    }
    return e;
}

static struct err put_subscribers(struct notice *n, struct jout *j) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    int64_t kind = -1;
    TRY(meta_query(n->meta, &r,
                   "SELECT kind, state, count(*) FROM notice_subscriber GROUP BY 1, 2 ORDER BY 1",
                   ""));
    while (meta_next(r, &e)) {
        if (meta_i64(r, 0) != kind) {
            if (kind >= 0) jout_object_end(j);
            kind = meta_i64(r, 0);
            jout_keyz(j, notice_kind_name((enum notice_kind)kind));
            jout_object(j);
        }
        jout_keyz(j, name_of(state_names, 3, meta_i64(r, 1)));
        jout_i64(j, meta_i64(r, 2));
    }
    if (kind >= 0) jout_object_end(j);
    return e;
}

static struct err counts(struct notice *n, struct jout *j) {
    jout_object(j);
    jout_keyz(j, "subscribers");
    jout_object(j);
    TRY(put_subscribers(n, j));
    jout_object_end(j);
    jout_keyz(j, "outbox");
    jout_object(j);
    TRY(put_counts(n, "SELECT state, count(*) FROM notice_row GROUP BY 1 ORDER BY 1", row_names, 5,
                   j));
    jout_object_end(j);
    jout_keyz(j, "mail");
    jout_bool(j, n->head.mail_from.n > 0);
    jout_object_end(j);
    return ERR_NONE;
}

struct err notice_counts(struct notice *n, struct jout *j) {
    TRY(meta_begin(n->meta));
    struct err e = counts(n, j);
    meta_rollback(n->meta);
    return e;
}

/* ---- subscribers ---- */

static struct err put_choices(struct notice *n, int64_t id, struct jout *j) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, "SELECT component FROM notice_choice WHERE subscriber=?", "i", id));
    jout_keyz(j, "components");
    jout_array(j);
    while (meta_next(r, &e))
        jout_str(j, meta_str(r, 0));
    jout_array_end(j);
    return e;
}

static struct err put_to(struct notice *n, int64_t id, struct jout *j) {
    AUTO(arena_free) struct arena *a = arena_new(16384);
    AUTO(buf_done) struct buf masked;
    struct notice_reader reader;
    buf_init(&masked, 512);
    if (!a) return ERR(ERR_NOMEM, "notice: a list");
    arena_wipe_on_reset(a);
    TRY(notice_reader_load(n, id, a, &reader));
    jout_keyz(j, reader.kind == NOTICE_MAIL ? "email" : "url");
    if (reader.kind == NOTICE_MAIL) {
        notice_mail_mask(reader.to, &masked);
        jout_str(j, buf_str(&masked));
    } else { /* its path may be a secret, as Slack's are */
        struct str host = {0};
        (void)notice_url_ok(reader.to, &host);
        host.n = (size_t)(host.p + host.n - reader.to.p);
        buf_printf(&masked, STR_FMT "/...", (int)host.n, reader.to.p);
        jout_str(j, buf_str(&masked));
    }
    arena_reset(a);
    return ERR_NONE;
}

static struct err put_subscriber(struct notice *n, struct meta_row *r, struct jout *j) {
    int64_t id = meta_i64(r, 0);
    jout_object(j);
    jout_keyz(j, "id");
    jout_i64(j, id);
    jout_keyz(j, "kind");
    jout_strz(j, notice_kind_name((enum notice_kind)meta_i64(r, 1)));
    jout_keyz(j, "state");
    jout_strz(j, name_of(state_names, 3, meta_i64(r, 2)));
    jout_keyz(j, "label");
    jout_str(j, meta_str(r, 3));
    notice_time(j, "created_at", meta_i64(r, 4));
    jout_keyz(j, "strikes");
    jout_i64(j, meta_i64(r, 5));
    notice_time(j, "failing_since", meta_i64(r, 6));
    TRY(put_to(n, id, j));
    TRY(put_choices(n, id, j));
    jout_object_end(j);
    return ERR_NONE;
}

static struct err list(struct notice *n, int64_t after, size_t limit, struct jout *j) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r,
                   "SELECT id, kind, state, label, created_us, strikes, failing_us FROM "
                   "notice_subscriber WHERE id>? ORDER BY id LIMIT ?",
                   "ii", after, (int64_t)limit));
    jout_array(j);
    while (meta_next(r, &e))
        TRY(put_subscriber(n, r, j));
    jout_array_end(j);
    return e;
}

struct err notice_list(struct notice *n, int64_t after, size_t limit, struct jout *j) {
    TRY(meta_begin(n->meta));
    struct err e = list(n, after, limit, j);
    meta_rollback(n->meta);
    return e;
}

/* ---- what stayed unsent ---- */

static struct err unsent(struct notice *n, size_t limit, struct jout *j) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r,
                   "SELECT o.id, o.subscriber, o.state, o.tries, o.code, o.class, s.incident, "
                   "s.title, o.since_us FROM notice_row o JOIN notice_story s ON s.id=o.story "
                   "WHERE o.state IN (3,4) ORDER BY o.id DESC LIMIT ?",
                   "i", (int64_t)limit));
    jout_array(j);
    static const char *const numbers[] = {"row", "subscriber", NULL, "tries", "code"};
    while (meta_next(r, &e)) {
        jout_object(j);
        for (int i = 0; i < 5; i++) {
            if (!numbers[i]) continue;
            jout_keyz(j, numbers[i]);
            jout_i64(j, meta_i64(r, i));
        }
        jout_keyz(j, "state");
        jout_strz(j, name_of(row_names, 5, meta_i64(r, 2)));
        jout_keyz(j, "class");
        jout_str(j, meta_str(r, 5));
        jout_keyz(j, "incident");
        jout_str(j, meta_str(r, 6));
        jout_keyz(j, "title");
        jout_str(j, meta_str(r, 7));
        notice_time(j, "queued_at", meta_i64(r, 8));
        jout_object_end(j);
    }
    jout_array_end(j);
    return e;
}

struct err notice_unsent(struct notice *n, size_t limit, struct jout *j) {
    TRY(meta_begin(n->meta));
    struct err e = unsent(n, limit, j);
    meta_rollback(n->meta);
    return e;
}

struct err notice_send_again(struct notice *n, int64_t row) {
    int64_t now = time_now_us();
    TRY(meta_begin(n->meta));
    struct err e = meta_exec(n->meta,
                             "UPDATE notice_row SET state=0, tries=0, since_us=?, due_us=? WHERE "
                             "id=? AND state IN (3,4)",
                             "iii", now, now, row);
    if (e.code == ERR_OK && meta_changes(n->meta) == 0)
        e = ERR(ERR_NOTFOUND, "there is no such unsent notice");
    if (e.code != ERR_OK) {
        meta_rollback(n->meta);
        return e;
    }
    e = meta_commit(n->meta);
    notice_wake(n);
    return e;
}
