/* registry.h: what the front must know of each project, as one file that console writes and front
 * reads.
 *
 * Console owns the truth (meta.db) and writes `front/registry` whole, by rename, whenever it
 * changes; front maps a generation number in shared memory to "read it again". So a restarted front
 * needs nobody. The file is parsed as hostile: sizes checked, checksum at the end.
 *
 * Threading: a registry is immutable once read.
 * Depends on: base, seal. Used by: intake, front, store, console, routes.
 */
#pragma once

#include "seal/seal.h"

#define REGISTRY_MAX_PROJECTS 10000
#define REGISTRY_MAX_LIST 100000 /* entries of one list */
#define REGISTRY_TOKEN_BYTES 64
#define REGISTRY_MAX_ORIGINS_BYTES 16384

struct id128_list {
    struct id128 *ids; /* [n], sorted; owned by the registry */
    size_t n;
};
bool id128_list_has(const struct id128_list *l, struct id128 id);

struct registry_project {
    uint64_t id;
    char token[REGISTRY_TOKEN_BYTES + 1];
    uint8_t secret_hash[32];   /* seal_secret_hash of the project secret */
    uint32_t crowd;            /* k */
    bool test;                 /* the rule is off */
    uint32_t quota_per_minute; /* events; 0: none */
    char timezone[64];
    struct seal_keys keys;       /* view key left zero: front has no use for it */
    struct id128_list published; /* texts that members published */
    struct id128_list
        measures; /* hashes (TEXT_PROPERTY) of properties whose big integers are numbers */
    struct id128_list times;      /* ... whose numbers are times */
    struct id128_list identities; /* ... whose values are always sealed */
    struct id128_list senders;    /* registry_sender_id of the API keys that may send */
    struct str origins;           /* allowed browser origins, one per line; empty: all */
};

struct registry {
    uint64_t generation;
    struct team_public team;
    struct registry_project *projects; /* [n_projects], sorted by id */
    size_t n_projects;
    struct registry_index *index; /* private: made by registry_read; NULL in one that is only
                                     written: lookups then scan */
};

/* ERR_NOTFOUND, ERR_CORRUPT (length, checksum, version, any limit). The result is owned. */
struct err registry_read(const char *path, struct registry **out);
/* The same from bytes in memory. */
struct err registry_parse(struct str content, struct registry **out);
/* Lists may come unsorted and with doubles; projects sorted by id, tokens unlike. ERR_INVALID with
 * `what`: a field that the reader would refuse. r's view keys are not written. Mode 0600. */
struct err registry_write(const char *path, const struct registry *r);
void registry_free(struct registry *r); /* wipes the keys */
AUTO_DEFINE(struct registry *, registry_free);

/* By token, compared in constant time; NULL: unknown. */
const struct registry_project *registry_by_token(const struct registry *r, struct str token);
const struct registry_project *registry_by_id(const struct registry *r, uint64_t id);
/* By project secret (its hash, constant time); NULL: none. */
const struct registry_project *registry_by_secret(const struct registry *r, struct str secret);
/* By the secret of an API key that may send: in project `id`, or in any when it is 0. NULL: none.
 */
const struct registry_project *registry_by_sender(const struct registry *r, uint64_t id,
                                                  struct str secret);
/* How a key stands in `senders`: the first 16 bytes of seal_secret_hash. */
struct id128 registry_sender_id(const uint8_t secret_hash[SEAL_SECRET_HASH_BYTES]);
/* Whether a browser origin may send to this project: the list is empty, or a line of it is the
 * origin without regard to case, or has "*." in front of its host and the origin is a subdomain of
 * it. An empty origin (not a browser) is always allowed. */
bool registry_origin_allowed(const struct registry_project *p, struct str origin);
