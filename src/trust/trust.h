/* trust.h: who may do what: members, sessions, one-time login links, API keys, the log of reveals.
 *
 * Secrets are stored as hashes (seal_secret_hash) and compared in constant time. Sessions are
 * cookies with a CSRF token; links work once and for 15 minutes.
 *
 * Threading: any thread (through meta). Depends on: base, seal, meta. Used by: routes, console.
 */
#pragma once

#include "meta/meta.h"
#include "seal/seal.h"

enum role {
    ROLE_NONE = 0,
    ROLE_COLLECTOR, /* sends, reads nothing */
    ROLE_ANALYST,   /* asks; no literals on sealed text */
    ROLE_EXPORTER,  /* analyst + export */
    ROLE_ADMIN,     /* all, opened labels while team.key is on the server */
};
bool role_parse(struct str name, enum role *out);
const char *role_name(enum role r);

struct trust;
struct err trust_open(struct meta *m, struct trust **out);
void trust_close(struct trust *t);
AUTO_DEFINE(struct trust *, trust_close);

/* Who is asking. */
struct actor {
    enum role role;
    uint64_t project;  /* API key's; 0: all projects (members, the operator's socket) */
    int64_t member_id; /* 0: a key or the operator */
    int64_t key_id;
    char name[65];
    char csrf[33]; /* sessions only: state-changing requests must carry it in X-Weir-Csrf */
};

#define TRUST_SECRET_CHARS 48 /* of sessions, links and keys, with NUL at most */

/* One-time link for a member (created as admin if there is no member yet; name empty: "admin").
 * ERR_NOTFOUND: unknown member. */
struct err trust_link_create(struct trust *t, struct str member, char out_code[TRUST_SECRET_CHARS]);
/* Uses a link: ERR_DENIED when unknown, used or expired. Gives the session cookie's value. */
struct err trust_link_use(struct trust *t, struct str code, char out_session[TRUST_SECRET_CHARS]);
struct err trust_session(struct trust *t, struct str session, struct actor *out); /* ERR_DENIED */
struct err trust_session_end(struct trust *t, struct str session);

/* API keys: user "wk_" + id word, secret with prefix and checksum for scanners. expires_days 0:
 * 365. */
struct trust_key_new {
    uint64_t project;
    enum role role;
    struct str name;  /* at most 64 bytes of plain text, may be empty */
    int expires_days; /* 0: 365; at most 36500 */
};
struct err trust_key_create(struct trust *t, const struct trust_key_new *n,
                            char out_user[TRUST_SECRET_CHARS],
                            char out_secret[TRUST_SECRET_CHARS]); /* ERR_INVALID */
struct err trust_key(struct trust *t, struct str user, struct str secret,
                     struct actor *out); /* ERR_DENIED */
/* The keys of a project (0: of all), newest first: [{"user","project","role","name","created",
 * "expires","used" or null,"revoked":bool}]. Times to the second, UTC; no secret. */
struct err trust_key_list(struct trust *t, uint64_t project, struct jout *out);
/* Ends a key by its user: an admin's of his project (0: all), or the actor's own whatever its role.
 * Written to the log first. ERR_NOTFOUND: no such key, ended already, or not his to end.
 * *out_role: what the key was. */
struct err trust_key_revoke(struct trust *t, const struct actor *a, struct str user,
                            enum role *out_role);
/* The keys that may send now (collector, admin; neither ended nor revoked), by project and newest
 * first: calls `each` with seal_secret_hash of the secret. Inside a transaction of trust's own:
 * `each` asks no database. */
struct err trust_senders(struct trust *t,
                         void (*each)(void *ctx, uint64_t project,
                                      const uint8_t hash[SEAL_SECRET_HASH_BYTES]),
                         void *ctx);
/* Bearer: the secret alone names its key. */
struct err trust_bearer(struct trust *t, struct str secret, struct actor *out);

/* Reveals and exports: one row each, written and synced before the answer. `what`: literal kind;
 * detail: no clear values. Of each member and each key the last TRUST_LOG_ENTRIES stay, or some
 * hundreds more: nobody can push the entries of another out. */
#define TRUST_LOG_ENTRIES 100000
struct err trust_log(struct trust *t, const struct actor *a, uint64_t project, const char *what,
                     struct str detail);
struct err trust_log_list(struct trust *t, size_t limit, struct jout *out);
