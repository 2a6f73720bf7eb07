/* session.c: members, one-time links, sessions. */
#include "trust/internal.h"

#define LINK_LIFE_US (15 * 60 * US_PER_S)
#define SESSION_IDLE_US (7 * US_PER_DAY)
#define SESSION_LIFE_US (30 * US_PER_DAY)
#define SEEN_STEP_US                                                                               \
    (10 * 60 * US_PER_S) /* "last seen" is written at most so often: each write is a sync */
#define CSRF_CHARS 32

/* ---- members ---- */

static struct err find_member(struct trust *t, struct str name, int64_t *out_id) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    if (name.n > 0)
        TRY(meta_query(t->meta, &r, "SELECT id FROM trust_members WHERE name = ?", "s", name));
    else
        TRY(meta_query(t->meta, &r,
                       "SELECT id FROM trust_members WHERE role = ? ORDER BY id LIMIT 1", "i",
                       (int64_t)ROLE_ADMIN));
    if (meta_next(r, &e)) {
        *out_id = meta_i64(r, 0);
        return ERR_NONE;
    }
    return e.code != ERR_OK ? e : ERR(ERR_NOTFOUND, "trust: no such member");
}

static struct err count_members(struct trust *t, int64_t *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(t->meta, &r, "SELECT count(*) FROM trust_members", ""));
    *out = meta_next(r, &e) ? meta_i64(r, 0) : 0;
    return e;
}

/* The member of that name; the very first one is made here. */
static struct err member_for_link(struct trust *t, struct str name, int64_t *out_id) {
    int64_t members;
    TRY(count_members(t, &members));
    if (members > 0) return find_member(t, name, out_id);
    struct str first = name.n > 0 ? name : STR("admin");
    if (!trust_is_name(first))
        return ERR(ERR_INVALID, "trust: a member's name is 1 to 64 bytes of plain text");
    TRY(meta_exec(t->meta, "INSERT INTO trust_members (name, role, created_us) VALUES (?, ?, ?)",
                  "sii", first, (int64_t)ROLE_ADMIN, time_now_us()));
    *out_id = meta_last_id(t->meta);
    return ERR_NONE;
}

/* ---- links ---- */

static struct err create_link(struct trust *t, struct str name, const uint8_t *hash) {
    int64_t member, now = time_now_us();
    TRY(member_for_link(t, name, &member));
    TRY(meta_exec(t->meta, "DELETE FROM trust_links WHERE expires_us < ?", "i", now));
    return meta_exec(t->meta, "INSERT INTO trust_links (hash, member, expires_us) VALUES (?, ?, ?)",
                     "bii", STR_HASH(hash), member, now + LINK_LIFE_US);
}

struct err trust_link_create(struct trust *t, struct str member,
                             char out_code[TRUST_SECRET_CHARS]) {
    char code[TRUST_SECRET_CHARS];
    uint8_t hash[SECRET_HASH_BYTES];
    trust_secret_make_word(code);
    seal_secret_hash(str_z(code), hash);
    TRY(meta_begin(t->meta));
    struct err e = trust_finish(t, create_link(t, member, hash));
    if (e.code == ERR_OK) memcpy(out_code, code, sizeof code);
    secret_wipe(code, sizeof code);
    return e;
}

static const struct err bad_link = {ERR_DENIED, 0, "trust: the link is unknown, used or old"};

static struct err find_link(struct trust *t, const uint8_t *hash, int64_t now,
                            int64_t *out_member) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(t->meta, &r,
                   "SELECT member FROM trust_links WHERE hash = ? AND used = 0 AND expires_us >= ?",
                   "bi", STR_HASH(hash), now));
    if (meta_next(r, &e)) {
        *out_member = meta_i64(r, 0);
        return ERR_NONE;
    }
    return e.code != ERR_OK ? e : bad_link;
}

static struct err use_link(struct trust *t, const uint8_t *link, const uint8_t *session) {
    int64_t member, now = time_now_us();
    char csrf[CSRF_CHARS + 1];
    TRY(find_link(t, link, now, &member));
    TRY(meta_exec(t->meta, "UPDATE trust_links SET used = 1 WHERE hash = ?", "b", STR_HASH(link)));
    TRY(meta_exec(t->meta, "DELETE FROM trust_sessions WHERE seen_us < ? OR created_us < ?", "ii",
                  now - SESSION_IDLE_US, now - SESSION_LIFE_US));
    random_word(csrf, CSRF_CHARS);
    return meta_exec(t->meta,
                     "INSERT INTO trust_sessions (hash, member, csrf, created_us, seen_us) VALUES "
                     "(?, ?, ?, ?, ?)",
                     "bisii", STR_HASH(session), member, str_z(csrf), now, now);
}

struct err trust_link_use(struct trust *t, struct str code, char out_session[TRUST_SECRET_CHARS]) {
    char session[TRUST_SECRET_CHARS];
    uint8_t link_hash[SECRET_HASH_BYTES], session_hash[SECRET_HASH_BYTES];
    trust_secret_make_word(session);
    seal_secret_hash(code, link_hash);
    seal_secret_hash(str_z(session), session_hash);
    TRY(meta_begin(t->meta));
    struct err e = trust_finish(t, use_link(t, link_hash, session_hash));
    if (e.code == ERR_OK) memcpy(out_session, session, sizeof session);
    secret_wipe(session, sizeof session);
    return e;
}

/* ---- sessions ---- */

static struct err find_session(struct trust *t, const uint8_t *hash, int64_t now, struct actor *out,
                               int64_t *out_seen) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(t->meta, &r,
                   "SELECT m.id, m.name, m.role, s.csrf, s.seen_us FROM trust_sessions s JOIN "
                   "trust_members m ON m.id = s.member"
                   " WHERE s.hash = ? AND s.seen_us >= ? AND s.created_us >= ?",
                   "bii", STR_HASH(hash), now - SESSION_IDLE_US, now - SESSION_LIFE_US));
    if (!meta_next(r, &e)) return e.code != ERR_OK ? e : ERR(ERR_DENIED, "trust: no such session");
    *out = (struct actor){.role = (enum role)meta_i64(r, 2), .member_id = meta_i64(r, 0)};
    trust_copy(out->name, sizeof out->name, meta_str(r, 1));
    trust_copy(out->csrf, sizeof out->csrf, meta_str(r, 3));
    *out_seen = meta_i64(r, 4);
    return ERR_NONE;
}

static struct err use_session(struct trust *t, const uint8_t *hash, struct actor *out) {
    int64_t seen, now = time_now_us();
    TRY(find_session(t, hash, now, out, &seen));
    if (now - seen < SEEN_STEP_US) return ERR_NONE;
    return meta_exec(t->meta, "UPDATE trust_sessions SET seen_us = ? WHERE hash = ?", "ib", now,
                     STR_HASH(hash));
}

struct err trust_session(struct trust *t, struct str session, struct actor *out) {
    uint8_t hash[SECRET_HASH_BYTES];
    struct actor found;
    seal_secret_hash(session, hash);
    TRY(meta_begin(t->meta));
    TRY(trust_finish(t, use_session(t, hash, &found)));
    *out = found;
    return ERR_NONE;
}

struct err trust_session_end(struct trust *t, struct str session) {
    uint8_t hash[SECRET_HASH_BYTES];
    seal_secret_hash(session, hash);
    TRY(meta_begin(t->meta));
    return trust_finish(
        t, meta_exec(t->meta, "DELETE FROM trust_sessions WHERE hash = ?", "b", STR_HASH(hash)));
}
