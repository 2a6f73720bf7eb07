/* trust.c: the tables, roles, and the log of reveals. */
#include <stdlib.h>

#include "trust/internal.h"

#define NAME_MAX_BYTES 64
#define LOG_LIST_MAX 10000
#define LOG_TRIM_EVERY 256

static const char *const steps[] = {
    "CREATE TABLE trust_members (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, role INTEGER "
    "NOT NULL, created_us INTEGER NOT NULL);"
    "CREATE TABLE trust_links (hash BLOB PRIMARY KEY, member INTEGER NOT NULL REFERENCES "
    "trust_members (id), expires_us INTEGER NOT NULL,"
    " used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE TABLE trust_sessions (hash BLOB PRIMARY KEY, member INTEGER NOT NULL REFERENCES "
    "trust_members (id), csrf TEXT NOT NULL,"
    " created_us INTEGER NOT NULL, seen_us INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE trust_keys (id INTEGER PRIMARY KEY, user TEXT NOT NULL UNIQUE, hash BLOB NOT "
    "NULL UNIQUE, project INTEGER NOT NULL,"
    " role INTEGER NOT NULL, name TEXT NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER "
    "NOT NULL, used_us INTEGER,"
    " revoked INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE trust_log (id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, who TEXT NOT NULL, "
    "member INTEGER NOT NULL,"
    " key INTEGER NOT NULL, project INTEGER NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL)",
    "CREATE INDEX trust_log_who ON trust_log (member, key, id)",
};

bool role_parse(struct str name, enum role *out) {
    for (enum role r = ROLE_COLLECTOR; r <= ROLE_ADMIN; r++) {
        if (!str_is(name, role_name(r))) continue;
        *out = r;
        return true;
    }
    return false;
}

const char *role_name(enum role r) {
    switch (r) {
    case ROLE_NONE:
        return "none";
    case ROLE_COLLECTOR:
        return "collector";
    case ROLE_ANALYST:
        return "analyst";
    case ROLE_EXPORTER:
        return "exporter";
    case ROLE_ADMIN:
        return "admin";
    }
    return "none";
}

struct err trust_open(struct meta *m, struct trust **out) {
    TRY(meta_schema(m, "trust", steps, (int)(sizeof steps / sizeof *steps)));
    struct trust *t = calloc(1, sizeof *t);
    if (t == NULL) return ERR(ERR_NOMEM, "trust: memory");
    t->meta = m;
    *out = t;
    return ERR_NONE;
}

void trust_close(struct trust *t) {
    free(t);
}

void trust_copy(char *out, size_t out_bytes, struct str s) {
    size_t n = s.n < out_bytes - 1 ? s.n : out_bytes - 1;
    memset(out, 0, out_bytes);
    if (n > 0) memcpy(out, s.p, n);
}

bool trust_is_name(struct str name) {
    if (name.n == 0 || name.n > NAME_MAX_BYTES || str_utf8_prefix(name) != name.n) return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7F) return false;
    return true;
}

struct err trust_finish(struct trust *t, struct err e) {
    if (e.code == ERR_OK) return meta_commit(t->meta);
    meta_rollback(t->meta);
    return e;
}

/* Now and then: to find the oldest that may stay, the index is walked over all that stay. */
static struct err forget_old(struct trust *t, const struct actor *a) {
    if (meta_last_id(t->meta) % LOG_TRIM_EVERY != 0) return ERR_NONE;
    return meta_exec(t->meta,
                     "DELETE FROM trust_log WHERE member = ?1 AND key = ?2 AND id <="
                     " (SELECT id FROM trust_log WHERE member = ?1 AND key = ?2 ORDER BY id DESC"
                     " LIMIT 1 OFFSET ?3)",
                     "iii", a->member_id, a->key_id, (int64_t)TRUST_LOG_ENTRIES);
}

struct err trust_log_row(struct trust *t, const struct actor *a, uint64_t project, const char *what,
                         struct str detail) {
    TRY(meta_exec(t->meta,
                  "INSERT INTO trust_log (at_us, who, member, key, project, what, detail)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)",
                  "isiiiss", time_now_us(), str_z(a->name), a->member_id, a->key_id,
                  (int64_t)project, str_z(what), detail));
    return forget_old(t, a);
}

struct err trust_log(struct trust *t, const struct actor *a, uint64_t project, const char *what,
                     struct str detail) {
    TRY(meta_begin(t->meta));
    return trust_finish(t, trust_log_row(t, a, project, what, detail));
}

static void put_entry(struct jout *j, const struct zone *utc, struct meta_row *r) {
    char at[32];
    zone_format(utc, meta_i64(r, 0), at);
    jout_object(j);
    jout_keyz(j, "at");
    jout_strz(j, at);
    jout_keyz(j, "who");
    jout_str(j, meta_str(r, 1));
    jout_keyz(j, "by_key");
    jout_bool(j, meta_i64(r, 2) != 0);
    jout_keyz(j, "project");
    jout_i64(j, meta_i64(r, 3));
    jout_keyz(j, "what");
    jout_str(j, meta_str(r, 4));
    jout_keyz(j, "detail");
    jout_str(j, meta_str(r, 5));
    jout_object_end(j);
}

static struct err list_entries(struct trust *t, const struct zone *utc, size_t limit,
                               struct jout *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    TRY(meta_query(
        t->meta, &r,
        "SELECT at_us, who, key, project, what, detail FROM trust_log ORDER BY id DESC LIMIT ?",
        "i", (int64_t)(limit < LOG_LIST_MAX ? limit : LOG_LIST_MAX)));
    struct err e;
    jout_array(out);
    while (meta_next(r, &e))
        put_entry(out, utc, r);
    jout_array_end(out);
    return e;
}

struct err trust_log_list(struct trust *t, size_t limit, struct jout *out) {
    AUTO(zone_free) struct zone *utc = NULL;
    TRY(zone_open(STR("UTC"), &utc));
    TRY(meta_begin(t->meta));
    return trust_finish(t, list_entries(t, utc, limit, out));
}
