/* key.c: API keys: made, used, ended by time. */
#include "trust/internal.h"

#define USER_WORD_CHARS 16
#define DEFAULT_DAYS 365
#define MOST_DAYS 36500
#define KEYS_LISTED 10000
#define USED_STEP_US                                                                               \
    (10 * 60 * US_PER_S) /* "last used" is written at most so often: each write is a sync */

static struct err insert_key(struct trust *t, const struct trust_key_new *k, int days,
                             const char *user, const char *secret) {
    int64_t now = time_now_us();
    uint8_t hash[SECRET_HASH_BYTES];
    seal_secret_hash(str_z(secret), hash);
    TRY(meta_begin(t->meta));
    return trust_finish(
        t,
        meta_exec(t->meta,
                  "INSERT INTO trust_keys (user, hash, project, role, name, created_us, expires_us)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)",
                  "sbiisii", str_z(user), STR_HASH(hash), (int64_t)k->project, (int64_t)k->role,
                  k->name, now, now + days * US_PER_DAY));
}

struct err trust_key_create(struct trust *t, const struct trust_key_new *n,
                            char out_user[TRUST_SECRET_CHARS],
                            char out_secret[TRUST_SECRET_CHARS]) {
    char user[TRUST_SECRET_CHARS] = "wk_", secret[TRUST_SECRET_CHARS];
    if (n->role == ROLE_NONE || n->project > INT64_MAX)
        return ERR(ERR_INVALID, "trust: a key's role or project");
    if (n->expires_days < 0 || n->expires_days > MOST_DAYS)
        return ERR(ERR_INVALID, "trust: a key lives for 1 to 36500 days");
    if (n->name.n > 0 && !trust_is_name(n->name))
        return ERR(ERR_INVALID, "trust: a key's name is at most 64 bytes of plain text");
    int days = n->expires_days == 0 ? DEFAULT_DAYS : n->expires_days;
    random_word(user + 3, USER_WORD_CHARS);
    trust_secret_make_key(secret);
    struct err e = insert_key(t, n, days, user, secret);
    if (e.code == ERR_OK) {
        memcpy(out_user, user, sizeof user);
        memcpy(out_secret, secret, sizeof secret);
    }
    secret_wipe(secret, sizeof secret);
    return e;
}

static const struct err denied = {ERR_DENIED, 0, "trust: no such key, or it has ended"};

struct found_key {
    struct actor actor;
    char user[TRUST_SECRET_CHARS];
    int64_t used_us;
};

static struct err find_key(struct trust *t, const uint8_t *hash, int64_t now,
                           struct found_key *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(
        t->meta, &r,
        "SELECT id, user, project, role, name, coalesce(used_us, 0), hash FROM trust_keys"
        " WHERE hash = ? AND revoked = 0 AND expires_us >= ?",
        "bi", STR_HASH(hash), now));
    if (!meta_next(r, &e)) return e.code != ERR_OK ? e : denied;
    struct str kept = meta_str(r, 6);
    if (kept.n != SECRET_HASH_BYTES || !secret_equal(kept.p, hash, SECRET_HASH_BYTES))
        return denied;
    *out = (struct found_key){.used_us = meta_i64(r, 5)};
    out->actor.key_id = meta_i64(r, 0);
    out->actor.project = (uint64_t)meta_i64(r, 2);
    out->actor.role = (enum role)meta_i64(r, 3);
    trust_copy(out->user, sizeof out->user, meta_str(r, 1));
    struct str name = meta_str(r, 4);
    trust_copy(out->actor.name, sizeof out->actor.name, name.n > 0 ? name : meta_str(r, 1));
    return ERR_NONE;
}

static struct err use_key(struct trust *t, const struct str *user, const uint8_t *hash,
                          struct found_key *out) {
    int64_t now = time_now_us();
    TRY(find_key(t, hash, now, out));
    if (user != NULL && !str_is(*user, out->user)) return denied;
    if (now - out->used_us < USED_STEP_US) return ERR_NONE;
    return meta_exec(t->meta, "UPDATE trust_keys SET used_us = ? WHERE id = ?", "ii", now,
                     out->actor.key_id);
}

/* user NULL: the secret alone names its key. The look-up is by the secret's hash, so time tells
 * nothing of the secret. */
static struct err identify(struct trust *t, const struct str *user, struct str secret,
                           struct actor *out) {
    uint8_t hash[SECRET_HASH_BYTES];
    struct found_key found;
    if (!trust_secret_is_key(secret)) return denied;
    seal_secret_hash(secret, hash);
    TRY(meta_begin(t->meta));
    TRY(trust_finish(t, use_key(t, user, hash, &found)));
    *out = found.actor;
    return ERR_NONE;
}

struct err trust_key(struct trust *t, struct str user, struct str secret, struct actor *out) {
    return identify(t, &user, secret, out);
}

struct err trust_bearer(struct trust *t, struct str secret, struct actor *out) {
    return identify(t, NULL, secret, out);
}

/* ---- what there is, and its end ---- */

static void put_time(struct jout *j, const struct zone *utc, const char *name, int64_t us) {
    char at[32];
    jout_keyz(j, name);
    zone_format(utc, us, at);
    jout_strz(j, us ? at : NULL);
}

static void put_key(struct jout *j, const struct zone *utc, struct meta_row *r) {
    jout_object(j);
    jout_keyz(j, "user");
    jout_str(j, meta_str(r, 0));
    jout_keyz(j, "project");
    jout_i64(j, meta_i64(r, 1));
    jout_keyz(j, "role");
    jout_strz(j, role_name((enum role)meta_i64(r, 2)));
    jout_keyz(j, "name");
    jout_str(j, meta_str(r, 3));
    put_time(j, utc, "created", meta_i64(r, 4));
    put_time(j, utc, "expires", meta_i64(r, 5));
    put_time(j, utc, "used", meta_i64(r, 6));
    jout_keyz(j, "revoked");
    jout_bool(j, meta_i64(r, 7) != 0);
    jout_object_end(j);
}

static struct err list_keys(struct trust *t, uint64_t project, const struct zone *utc,
                            struct jout *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(t->meta, &r,
                   "SELECT user, project, role, name, created_us, expires_us, coalesce(used_us, "
                   "0), revoked FROM trust_keys WHERE ?1 = 0 OR project = ?1 ORDER BY id DESC"
                   " LIMIT ?2",
                   "ii", (int64_t)project, (int64_t)KEYS_LISTED));
    jout_array(out);
    while (meta_next(r, &e))
        put_key(out, utc, r);
    jout_array_end(out);
    return e;
}

struct err trust_key_list(struct trust *t, uint64_t project, struct jout *out) {
    AUTO(zone_free) struct zone *utc = NULL;
    TRY(zone_open(STR("UTC"), &utc));
    TRY(meta_begin(t->meta));
    return trust_finish(t, list_keys(t, project, utc, out));
}

static struct err find_live(struct trust *t, const struct actor *a, struct str user,
                            struct actor *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(t->meta, &r,
                   "SELECT id, project, role FROM trust_keys WHERE user = ? AND revoked = 0", "s",
                   user));
    bool there = meta_next(r, &e);
    TRY(e);
    if (there)
        *out = (struct actor){.key_id = meta_i64(r, 0),
                              .project = (uint64_t)meta_i64(r, 1),
                              .role = (enum role)meta_i64(r, 2)};
    bool own = there && a->key_id != 0 && a->key_id == out->key_id;
    bool his = there && a->role == ROLE_ADMIN && (!a->project || a->project == out->project);
    return own || his ? ERR_NONE : ERR(ERR_NOTFOUND, "trust: no such key");
}

static struct err revoke(struct trust *t, const struct actor *a, struct str user,
                         struct actor *gone) {
    TRY(find_live(t, a, user, gone));
    TRY(trust_log_row(t, a, gone->project, "revoke key", user));
    return meta_exec(t->meta, "UPDATE trust_keys SET revoked = 1 WHERE id = ?", "i", gone->key_id);
}

struct err trust_key_revoke(struct trust *t, const struct actor *a, struct str user,
                            enum role *out_role) {
    struct actor gone = {0};
    TRY(meta_begin(t->meta));
    TRY(trust_finish(t, revoke(t, a, user, &gone)));
    *out_role = gone.role;
    return ERR_NONE;
}

/* ---- who may send ---- */

static struct err each_sender(struct trust *t, void (*each)(void *, uint64_t, const uint8_t *),
                              void *ctx) {
    AUTO(meta_end) struct meta_row *r = NULL;
    TRY(meta_query(t->meta, &r,
                   "SELECT project, hash FROM trust_keys WHERE role IN (?, ?) AND revoked = 0 AND "
                   "expires_us >= ? ORDER BY project, id DESC",
                   "iii", (int64_t)ROLE_COLLECTOR, (int64_t)ROLE_ADMIN, time_now_us()));
    struct err e;
    while (meta_next(r, &e)) {
        struct str hash = meta_str(r, 1);
        if (hash.n == SECRET_HASH_BYTES)
            each(ctx, (uint64_t)meta_i64(r, 0), (const uint8_t *)hash.p);
    }
    return e;
}

struct err trust_senders(struct trust *t,
                         void (*each)(void *ctx, uint64_t project,
                                      const uint8_t hash[SEAL_SECRET_HASH_BYTES]),
                         void *ctx) {
    TRY(meta_begin(t->meta));
    return trust_finish(t, each_sender(t, each, ctx));
}
