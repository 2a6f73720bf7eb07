/* seal.h: pseudonyms, text hashes, sealed text and the keys that open it (CROWD.md, "Keys and
 * bytes").
 *
 * Who holds what:
 *   hash keys      (struct seal_keys)   front and console: make hashes and pseudonyms, open nothing
 *   team key       (struct team_public) front and console: seals
 *   team secret    (struct team_secret) members; beside the data only in quick start (`team.key`)
 *
 * Threading: all functions are pure but for libsodium's randomness. Call seal_start once before
 * all. Depends on: base, libsodium. Used by: registry, crowd, journal, part, intake, query, store,
 * trust, routes, cli.
 */
#pragma once

#include "base/base.h"

/* 128 bits: a text hash, a pseudonym, a frame id, a handle. */
struct id128 {
    uint8_t b[16];
};
static inline bool id128_eq(struct id128 a, struct id128 b) {
    return memcmp(a.b, b.b, 16) == 0;
}
static inline int id128_cmp(struct id128 a, struct id128 b) {
    return memcmp(a.b, b.b, 16);
}
bool id128_is_zero(struct id128 a);

/* What a text is; part of its hash, so that equal strings of two kinds or two paths are strangers.
 * The numbers are stored and hashed: never renumber. */
enum text_kind {
    TEXT_EVENT = 1,          /* an event's name; path "" */
    TEXT_PROPERTY = 2,       /* an event property's name (canonical path); path "" */
    TEXT_VALUE = 3,          /* an event property's value; path: the canonical property path.
                                Also a group id, with the group key as path, and a profile's distinct_id with
                                path          "distinct_id": so profiles and events meet by hash */
    TEXT_USER_PROPERTY = 4,  /* a user profile property's name; path "" */
    TEXT_USER_VALUE = 5,     /* its value; path: its name */
    TEXT_GROUP_KEY = 6,      /* "company"; path "" */
    TEXT_GROUP_PROPERTY = 7, /* a group profile property's name; path: the group key */
    TEXT_GROUP_VALUE = 8,    /* its value; path: group key, '\x1f', property name */
};

/* The JSON type that a text had. Stored and hashed. */
enum text_type {
    TEXT_STRING = 's',
    TEXT_INTEGER = 'i', /* digits of an integer that is text by the crowd rule */
    TEXT_DECIMAL =
        'd', /* the same for a coordinate or an out-of-range decimal: the number's own JSON text */
};

/* A property path is the keys joined by '.'; a '.' or '\' inside a key is written "\." or "\\". */

/* ---- keys ---- */

#define SEAL_KEY_BYTES 32
struct seal_keys {
    uint64_t project;
    uint8_t pseudonym[32]; /* BLAKE2b key */
    uint8_t hash[16];      /* SipHash key of texts */
    uint8_t count[16];     /* SipHash key of crowd fingerprints of people */
    uint8_t view[32];      /* BLAKE2b key of handles shown outside */
};

/* Once per process; ERR_IO when libsodium cannot start. */
struct err seal_start(void);

/* master = BLAKE2b-256(key = root, project salt); subkeys by crypto_kdf, context "WeirKeys",
 * ids 1..4 in the order of the struct. A random salt per project, so that one project's keys say
 * nothing of another's. */
void seal_keys_derive(const uint8_t root[32], const uint8_t salt[32], uint64_t project,
                      struct seal_keys *out);

/* Text hash: SipHash-2-4-128(hash key, kind u8 | type u8 | path length u32 LE | path | value). */
struct id128 seal_hash(const struct seal_keys *k, enum text_kind kind, enum text_type type,
                       struct str path, struct str value);
/* Pseudonym: BLAKE2b-128(pseudonym key, distinct_id). */
struct id128 seal_pseudonym(const struct seal_keys *k, struct str distinct_id);
/* Rotation: h' = SipHash-2-4-128(new hash key, h); p' = BLAKE2b-128(new pseudonym key, p). */
struct id128 seal_hash_rotate(const struct seal_keys *next, struct id128 h);
struct id128 seal_pseudonym_rotate(const struct seal_keys *next, struct id128 p);
/* The crowd's fingerprint of a person: SipHash-2-4 of its identity bytes under the count key. */
uint64_t seal_person_fingerprint(const struct seal_keys *k, struct str identity);
/* The handle shown outside for a sealed text or a person: BLAKE2b-128(view key, domain u8 | id). */
enum handle_domain { HANDLE_TEXT = 1, HANDLE_PERSON = 2 };
struct id128 seal_handle(const struct seal_keys *k, enum handle_domain domain, struct id128 id);

/* What is kept of a secret that somebody shows at a door (project secrets, API keys, sessions,
 * links): BLAKE2b-256("weir secret 1" | secret). No slow hash: those that we make have more bits
 * than anyone can try. */
#define SEAL_SECRET_HASH_BYTES 32
void seal_secret_hash(struct str secret, uint8_t out[SEAL_SECRET_HASH_BYTES]);

/* ---- the team's key pair (X25519, crypto_box_seal) ---- */

struct team_public {
    uint64_t id; /* key id: first 8 bytes of BLAKE2b-128(public key), little-endian */
    uint8_t key[32];
};
struct team_secret {
    struct team_public pub;
    uint8_t key[32];
};
void team_generate(struct team_secret *out);
uint64_t team_key_id(const uint8_t public_key[32]);
/* The whole pair from its secret half. ERR_CORRUPT: not a key. */
struct err team_secret_from_key(const uint8_t key[32], struct team_secret *out);
/* That the id is the key's and the key is a point one can seal to (not of low order). Whoever takes
 * a public key from a file or a socket asks this before seal_frame_box, which asserts it. */
bool team_public_valid(const struct team_public *t);

/* Files. team.pub and team.key are short text files ("weir-team-public 1\n<hex>\n"); the wrapped
 * file holds key slots (passphrase by Argon2id, recovery code), each able to open the key alone. */
struct err team_public_read(const char *path, struct team_public *out);
struct err team_public_write(const char *path, const struct team_public *t);
struct err team_secret_read(const char *path, struct team_secret *out);
struct err team_secret_write(const char *path, const struct team_secret *t);
/* Makes `weir-team.wrapped`'s content: JSON, versioned, one slot per way in. recovery_out gets the
 * code, shown once: 8 groups of 5 characters of Crockford base32 with a check character at the end,
 * NUL-terminated. */
#define RECOVERY_CODE_CHARS 48 /* with dashes and NUL, at most */
struct err team_secret_wrap(const struct team_secret *t, struct str passphrase,
                            char recovery_out[RECOVERY_CODE_CHARS], struct buf *out_file);
/* Opens with a passphrase or a recovery code (told apart by trying). ERR_DENIED: neither opens it.
 */
struct err team_secret_unwrap(struct str file, struct str passphrase_or_code,
                              struct team_secret *out);

/* ---- sealing a frame's texts ---- */

#define SEAL_BOX_BYTES 120 /* crypto_box_seal of the 72 bytes below */
#define SEAL_TAG_BYTES 16
#define SEAL_MAX_TEXT_BYTES (1u << 20)

/* One journal frame's sealing: random id and key, fresh on every retry, wiped by seal_frame_done.
 */
struct seal_frame {
    uint64_t project;
    uint64_t team_key_id;
    struct id128 id;
    uint8_t key[32];
};
void seal_frame_init(struct seal_frame *f, uint64_t project, const struct team_public *team);
void seal_frame_done(struct seal_frame *f);
/* Box = crypto_box_seal("WeirFK1\0" | project u64 LE | team key id u64 LE | frame id 16 | Kf 32) to
 * the team key. */
void seal_frame_box(const struct seal_frame *f, const struct team_public *team,
                    uint8_t out[SEAL_BOX_BYTES]);
/* p = sodium_pad(value, 16); nonce = ordinal u64 LE | 16 zeros; AD = "WeirST1\0" | project u64 LE |
 * frame id | ordinal u64 LE; c = XChaCha20-Poly1305-IETF(Kf, nonce, AD, p). Returns its length:
 * padded + 16. out must hold n + 32 bytes. */
size_t seal_text_bytes(size_t value_bytes);
size_t seal_text(const struct seal_frame *f, uint64_t ordinal, struct str value, uint8_t *out);

/* Re-sealing a box for a new team key (`weir seal` re-wraps): opens with old, seals the same
 * content to `to`. */
struct err seal_box_rewrap(const uint8_t box[SEAL_BOX_BYTES], const struct team_secret *old,
                           const struct team_public *to, uint8_t out[SEAL_BOX_BYTES]);

/* ---- opening ---- */

/* What is needed to open one text, as it travels in exports and answers. */
struct sealed_text {
    struct id128 hash;
    struct id128 frame;
    uint64_t ordinal;
    uint8_t kind;          /* enum text_kind */
    uint8_t type;          /* enum text_type */
    struct str ciphertext; /* borrowed */
};

/* Opens a box; checks length, context, project, team key id against the secret's, and frame id.
 * ERR_DENIED otherwise. */
struct err seal_open_box(const uint8_t box[SEAL_BOX_BYTES], const struct team_secret *t,
                         uint64_t project, struct id128 frame, uint8_t out_key[32]);
/* Opens a text with a frame's key; checks AEAD, padding and length. out must hold ciphertext.n
 * bytes; the text is hostile. */
struct err seal_open_text(const uint8_t frame_key[32], uint64_t project,
                          const struct sealed_text *t, uint8_t *out, size_t *out_n);
/* That the opened text under its claimed kind, type and path has the claimed hash. */
bool seal_text_is(const struct seal_keys *k, const struct sealed_text *t, struct str path,
                  struct str text);

/* ---- checking opened texts offline ----
 * An export carries the project's hash and view keys, sealed to the team, so that an opener without
 * a server can hold each opened text to its handle: crypto_box_seal("WeirHK1\0" | project u64 LE |
 * hash key 16 | view key 32). */
#define SEAL_CHECK_BYTES 112
void seal_check_make(const struct seal_keys *k, const struct team_public *team,
                     uint8_t out[SEAL_CHECK_BYTES]);
/* ERR_DENIED: not for this key or project. Only project, hash and view of `out` are filled. */
struct err seal_check_open(const uint8_t box[SEAL_CHECK_BYTES], const struct team_secret *t,
                           uint64_t project, struct seal_keys *out);
