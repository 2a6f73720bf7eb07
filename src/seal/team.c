/* team.c: the team's key pair and its two plain files.
 *
 *   team.pub   "weir-team-public 1\n" 64 hex digits "\n"
 *   team.key   "weir-team-secret 1\n" 64 hex digits "\n", mode 0600
 *
 * The secret's file does not repeat the public key: it is computed, so the two cannot disagree. A
 * public key is a stranger's bytes until team_public_valid has seen it: a point of low order would
 * seal to a key that everybody knows (libsodium refuses to, and the front would have nothing to
 * write).
 */
#include <assert.h>
#include <sodium.h>

#include "seal/bytes.h"
#include "seal/seal.h"

#define TEAM_FILE_MAX_BYTES 256

uint64_t team_key_id(const uint8_t public_key[32]) {
    uint8_t digest[16];
    int failed = crypto_generichash(digest, sizeof digest, public_key, 32, NULL, 0);
    assert(failed == 0);
    return seal_get_u64(digest);
}

bool team_public_valid(const struct team_public *t) {
    uint8_t scalar[crypto_scalarmult_SCALARBYTES], shared[crypto_scalarmult_BYTES];
    randombytes_buf(scalar, sizeof scalar);
    bool low_order = crypto_scalarmult(shared, scalar, t->key) != 0;
    secret_wipe(shared, sizeof shared);
    return !low_order && t->id == team_key_id(t->key);
}

void team_generate(struct team_secret *out) {
    crypto_box_keypair(out->pub.key, out->key);
    out->pub.id = team_key_id(out->pub.key);
}

struct err team_secret_from_key(const uint8_t key[32], struct team_secret *out) {
    struct team_secret t;
    memcpy(t.key, key, 32);
    if (crypto_scalarmult_base(t.pub.key, t.key) != 0) return ERR(ERR_CORRUPT, "team key is weak");
    t.pub.id = team_key_id(t.pub.key);
    *out = t;
    secret_wipe(&t, sizeof t);
    return ERR_NONE;
}

static struct err key_file_read(const char *path, struct str title, uint8_t out[32]) {
    __attribute__((cleanup(buf_wipe_done))) struct buf b;
    buf_init(&b, TEAM_FILE_MAX_BYTES + 1);
    TRY(io_read_file(path, TEAM_FILE_MAX_BYTES, &b));
    struct str rest = str_trim(buf_str(&b));
    struct str head = str_trim(str_cut(&rest, '\n'));
    uint8_t key[32];
    if (!str_eq(head, title)) return ERR(ERR_CORRUPT, "not a team key file of this version");
    if (!str_from_hex(str_trim(rest), key, sizeof key))
        return ERR(ERR_CORRUPT, "a team key is 64 hexadecimal digits");
    memcpy(out, key, 32);
    secret_wipe(key, sizeof key);
    return ERR_NONE;
}

static struct err key_file_write(const char *path, struct str title, const uint8_t key[32],
                                 mode_t mode) {
    __attribute__((cleanup(buf_wipe_done))) struct buf b;
    buf_init(&b, TEAM_FILE_MAX_BYTES);
    buf_put_str(&b, title);
    buf_put_char(&b, '\n');
    buf_put_hex(&b, key, 32);
    buf_put_char(&b, '\n');
    TRY(buf_err(&b));
    return io_replace_file(path, buf_str(&b), mode);
}

struct err team_public_read(const char *path, struct team_public *out) {
    struct team_public t;
    TRY(key_file_read(path, STR("weir-team-public 1"), t.key));
    t.id = team_key_id(t.key);
    if (!team_public_valid(&t)) return ERR(ERR_CORRUPT, "team public key is not a usable point");
    *out = t;
    return ERR_NONE;
}

struct err team_public_write(const char *path, const struct team_public *t) {
    return key_file_write(path, STR("weir-team-public 1"), t->key, 0644);
}

struct err team_secret_read(const char *path, struct team_secret *out) {
    uint8_t key[32];
    TRY(key_file_read(path, STR("weir-team-secret 1"), key));
    struct err e = team_secret_from_key(key, out);
    secret_wipe(key, sizeof key);
    return e;
}

struct err team_secret_write(const char *path, const struct team_secret *t) {
    return key_file_write(path, STR("weir-team-secret 1"), t->key, 0600);
}
