/* project.c: projects in meta. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/internal.h"

#define MAX_NAME_BYTES 120

static bool token_is_valid(struct str t) {
    if (t.n < 4 || t.n > REGISTRY_TOKEN_BYTES) return false;
    for (size_t i = 0; i < t.n; i++)
        if (!isalnum((unsigned char)t.p[i]) && !strchr("-_.", t.p[i])) return false;
    return true;
}

static struct err check_new(const struct store_project_new *n) {
    if (n->name.n == 0 || n->name.n > MAX_NAME_BYTES || str_utf8_prefix(n->name) != n->name.n ||
        memchr(n->name.p, 0, n->name.n))
        return ERR(ERR_INVALID, "name: 1 to 120 bytes of UTF-8");
    if (n->crowd && (n->crowd < CROWD_MIN_K || n->crowd > CROWD_MAX_K))
        return ERR(ERR_INVALID, "crowd: a number from 2 to 1000");
    if (n->token.n && !token_is_valid(n->token))
        return ERR(ERR_INVALID, "token: 4 to 64 letters, digits, '-', '_' or '.'");
    if (n->secret.n && (n->secret.n < 4 || n->secret.n > 64))
        return ERR(ERR_INVALID, "secret: 4 to 64 bytes");
    if (n->retention_days > STORE_MAX_RETENTION)
        return ERR(ERR_INVALID, "retention_days: 0 (for ever) to 36500");
    if (n->timezone.n >= sizeof((struct store_project *)0)->timezone)
        return ERR(ERR_INVALID, "timezone: a name such as Europe/Berlin");
    return ERR_NONE;
}

static struct err check_zone(struct str name) {
    AUTO(zone_free) struct zone *z = NULL;
    if (zone_open(name, &z).code != ERR_OK)
        return ERR(ERR_INVALID,
                   "timezone: not in this system's database; a name such as Europe/Berlin");
    return ERR_NONE;
}

static void copy_text(char *out, size_t out_bytes, struct str s) {
    snprintf(out, out_bytes, STR_FMT, STR_ARG(s));
}

static void fill(const struct store_project_new *n, struct store_project *p, char secret[65]) {
    *p = (struct store_project){.crowd = n->crowd ? n->crowd : CROWD_DEFAULT_K,
                                .test = n->test,
                                .created_us = time_now_us()};
    copy_text(p->name, sizeof p->name, n->name);
    copy_text(p->timezone, sizeof p->timezone, n->timezone.n ? n->timezone : STR("UTC"));
    if (n->token.n)
        copy_text(p->token, sizeof p->token, n->token);
    else
        random_word(p->token, 32);
    if (n->secret.n)
        copy_text(secret, 65, n->secret);
    else
        random_word(secret, 32);
    seal_secret_hash(str_z(secret), p->secret_hash);
    random_bytes(p->salt, sizeof p->salt);
}

static struct err token_is_free(struct meta *m, const char *token) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(m, &row, "SELECT 1 FROM project WHERE token = ?", "s", str_z(token)));
    struct err e = ERR_NONE;
    if (meta_next(row, &e)) return ERR(ERR_EXISTS, "token: another project has it");
    return e;
}

static struct err insert(struct meta *m, struct store_project *p) {
    TRY(token_is_free(m, p->token));
    TRY(meta_exec(
        m,
        "INSERT INTO project(name, token, timezone, secret_hash, salt, crowd, test, created_us)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        "sssbbiii", str_z(p->name), str_z(p->token), str_z(p->timezone),
        (struct str){(const char *)p->secret_hash, sizeof p->secret_hash},
        (struct str){(const char *)p->salt, sizeof p->salt}, (int64_t)p->crowd, (int64_t)p->test,
        p->created_us));
    p->id = (uint64_t)meta_last_id(m);
    return ERR_NONE;
}

static struct err insert_retention(struct meta *m, uint64_t project, uint32_t days) {
    if (days == 0) return ERR_NONE;
    return meta_exec(m,
                     "INSERT INTO project_setting(project, quota_per_minute, origins, "
                     "retention_days) VALUES(?, 0, '', ?)",
                     "ii", (int64_t)project, (int64_t)days);
}

struct err store_project_create(struct store *s, const struct store_project_new *n,
                                struct store_project *out, char out_secret[65]) {
    TRY(check_new(n));
    struct store_project p;
    fill(n, &p, out_secret);
    TRY(check_zone(str_z(p.timezone)));
    TRY(meta_begin(s->meta));
    struct err e = insert(s->meta, &p);
    if (e.code == ERR_OK) e = insert_retention(s->meta, p.id, n->retention_days);
    if (e.code == ERR_OK)
        e = meta_commit(s->meta);
    else
        meta_rollback(s->meta);
    if (e.code == ERR_OK) e = store_project_add(s, &p, NULL);
    if (e.code == ERR_OK) retire_set(s, p.id, n->retention_days);
    if (e.code == ERR_OK) *out = p;
    return e;
}

static void read_row(struct meta_row *r, struct store_project *p) {
    *p = (struct store_project){.id = (uint64_t)meta_i64(r, 0),
                                .crowd = (uint32_t)meta_i64(r, 6),
                                .test = meta_i64(r, 7) != 0,
                                .created_us = meta_i64(r, 8)};
    copy_text(p->name, sizeof p->name, meta_str(r, 1));
    copy_text(p->token, sizeof p->token, meta_str(r, 2));
    copy_text(p->timezone, sizeof p->timezone, meta_str(r, 3));
    struct str hash = meta_str(r, 4), salt = meta_str(r, 5);
    if (hash.n == sizeof p->secret_hash) memcpy(p->secret_hash, hash.p, hash.n);
    if (salt.n == sizeof p->salt) memcpy(p->salt, salt.p, salt.n);
}

static struct err read_all(struct meta *m, struct store_project **out, size_t *out_n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(m, &row,
                   "SELECT id, name, token, timezone, secret_hash, salt, crowd, test, created_us "
                   "FROM project ORDER BY id",
                   ""));
    struct store_project *all = NULL;
    size_t n = 0;
    struct err e = ERR_NONE;
    while (meta_next(row, &e)) {
        struct store_project *grown = realloc(all, (n + 1) * sizeof *all);
        if (!grown) {
            free(all);
            return ERR(ERR_NOMEM, "projects");
        }
        all = grown;
        read_row(row, &all[n++]);
    }
    if (e.code != ERR_OK) {
        free(all);
        return e;
    }
    *out = all;
    *out_n = n;
    return ERR_NONE;
}

struct err store_projects(struct store *s, struct store_project **out, size_t *out_n) {
    TRY(meta_begin(s->meta));
    struct err e = read_all(s->meta, out, out_n);
    meta_rollback(s->meta);
    return e;
}

struct err store_project(struct store *s, uint64_t id, struct store_project *out) {
    pthread_mutex_lock(&s->lock);
    struct project *p = store_find(s, id);
    if (p) *out = p->row;
    pthread_mutex_unlock(&s->lock);
    return p ? ERR_NONE : ERR(ERR_NOTFOUND, "project");
}
