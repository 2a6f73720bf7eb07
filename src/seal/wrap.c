/* wrap.c: the team's secret key behind a passphrase and behind a recovery code.
 *
 * A slot turns what a person has into a key, and that key encrypts the team's secret. A passphrase
 * is guessable, so its slot costs 256 MiB and over half a second a guess (Argon2id, libsodium's
 * MODERATE). A recovery code has 195 bits: nobody guesses it, so its slot needs only a hash. The
 * slot's own parameters and the public key are authenticated with it: a slot moved into another
 * file, or with its cost turned down, does not open.
 */
#include <assert.h>
#include <sodium.h>

#include "seal/bytes.h"
#include "seal/wrapped.h"

#define SLOT_AD_BYTES (8 + 1 + 32 + 16 + 8 + 8)
#define PASSPHRASE_MAX_BYTES 1024

static void slot_ad(const struct seal_slot *s, const struct team_public *pub,
                    uint8_t out[SLOT_AD_BYTES]) {
    memcpy(out, "WeirTK1", 8);
    out[8] = (uint8_t)s->way;
    memcpy(out + 9, pub->key, 32);
    memcpy(out + 41, s->salt, 16);
    seal_put_u64(seal_put_u64(out + 57, s->ops), s->mem_bytes);
}

static struct err passphrase_key(const struct seal_slot *s, struct str passphrase,
                                 uint8_t out[32]) {
    bool sane = s->ops >= crypto_pwhash_OPSLIMIT_MIN && s->mem_bytes >= crypto_pwhash_MEMLIMIT_MIN;
    if (!sane) return ERR(ERR_CORRUPT, "wrapped team key: a slot's cost is not a cost");
    if (crypto_pwhash(out, 32, passphrase.p, passphrase.n, s->salt, s->ops, (size_t)s->mem_bytes,
                      crypto_pwhash_ALG_ARGON2ID13) != 0)
        return ERR(ERR_NOMEM, "no memory to try the passphrase");
    return ERR_NONE;
}

/* `symbols` are the code's 40 in canonical form; the check character is not part of the secret. */
static void code_key(const struct seal_slot *s, struct str symbols, uint8_t out[32]) {
    assert(symbols.n == SEAL_CODE_SYMBOLS);
    uint8_t message[8 + SEAL_CODE_SYMBOLS - 1] = "WeirRC1";
    memcpy(message + 8, symbols.p, SEAL_CODE_SYMBOLS - 1);
    int failed = crypto_generichash(out, 32, message, sizeof message, s->salt, sizeof s->salt);
    assert(failed == 0);
    secret_wipe(message, sizeof message);
}

static struct err slot_key(const struct seal_slot *s, struct str secret, uint8_t out[32]) {
    if (s->way == SEAL_WAY_PASSPHRASE) return passphrase_key(s, secret, out);
    code_key(s, secret, out);
    return ERR_NONE;
}

/* Fills salt, nonce and key; way, ops and mem_bytes are set. */
static struct err slot_make(struct seal_slot *s, const struct team_secret *t, struct str secret) {
    uint8_t key[32], ad[SLOT_AD_BYTES];
    randombytes_buf(s->salt, sizeof s->salt);
    randombytes_buf(s->nonce, sizeof s->nonce);
    TRY(slot_key(s, secret, key));
    slot_ad(s, &t->pub, ad);
    crypto_aead_xchacha20poly1305_ietf_encrypt(s->key, NULL, t->key, 32, ad, sizeof ad, NULL,
                                               s->nonce, key);
    secret_wipe(key, sizeof key);
    return ERR_NONE;
}

/* ERR_DENIED: the secret is not this slot's. */
static struct err slot_open(const struct seal_slot *s, const struct team_public *pub,
                            struct str secret, struct team_secret *out) {
    uint8_t key[32], ad[SLOT_AD_BYTES], opened[32];
    TRY(slot_key(s, secret, key));
    slot_ad(s, pub, ad);
    int refused = crypto_aead_xchacha20poly1305_ietf_decrypt(
        opened, NULL, NULL, s->key, sizeof s->key, ad, sizeof ad, s->nonce, key);
    secret_wipe(key, sizeof key);
    if (refused) return ERR(ERR_DENIED, "does not open the team key");

    struct team_secret t = {0};
    struct err e = team_secret_from_key(opened, &t);
    secret_wipe(opened, sizeof opened);
    if (e.code == ERR_OK && memcmp(t.pub.key, pub->key, 32) != 0)
        e = ERR(ERR_CORRUPT, "wrapped team key: holds another key than it names");
    if (e.code == ERR_OK) *out = t;
    secret_wipe(&t, sizeof t);
    return e;
}

struct err seal_wrapped_try(const struct seal_wrapped *w, enum seal_way way, struct str secret,
                            struct team_secret *out) {
    for (size_t i = 0; i < w->slots_n; i++) {
        if (w->slots[i].way != way) continue;
        struct err e = slot_open(&w->slots[i], &w->pub, secret, out);
        if (e.code != ERR_DENIED) return e;
    }
    return ERR(ERR_DENIED, "does not open the team key");
}

struct err team_secret_wrap(const struct team_secret *t, struct str passphrase,
                            char recovery_out[RECOVERY_CODE_CHARS], struct buf *out_file) {
    if (passphrase.n == 0 || passphrase.n > PASSPHRASE_MAX_BYTES)
        return ERR(ERR_INVALID, "a passphrase has 1 to 1024 bytes");
    struct seal_wrapped w = {.pub = t->pub, .slots_n = 2};
    w.slots[0] = (struct seal_slot){.way = SEAL_WAY_PASSPHRASE,
                                    .ops = crypto_pwhash_OPSLIMIT_MODERATE,
                                    .mem_bytes = crypto_pwhash_MEMLIMIT_MODERATE};
    w.slots[1] = (struct seal_slot){.way = SEAL_WAY_RECOVERY};
    TRY(slot_make(&w.slots[0], t, passphrase));

    char code[RECOVERY_CODE_CHARS], symbols[SEAL_CODE_SYMBOLS];
    seal_code_draw(code);
    bool reads = seal_code_read(str_z(code), symbols);
    assert(reads);
    struct err e = slot_make(&w.slots[1], t, (struct str){symbols, sizeof symbols});
    if (e.code == ERR_OK) {
        seal_wrapped_print(&w, out_file);
        e = buf_err(out_file);
    }
    if (e.code == ERR_OK) memcpy(recovery_out, code, sizeof code);
    secret_wipe(code, sizeof code);
    secret_wipe(symbols, sizeof symbols);
    return e;
}

struct err team_secret_unwrap(struct str file, struct str passphrase_or_code,
                              struct team_secret *out) {
    struct seal_wrapped w;
    TRY(seal_wrapped_parse(file, &w));
    char symbols[SEAL_CODE_SYMBOLS];
    if (seal_code_read(passphrase_or_code, symbols)) {
        struct err e =
            seal_wrapped_try(&w, SEAL_WAY_RECOVERY, (struct str){symbols, sizeof symbols}, out);
        secret_wipe(symbols, sizeof symbols);
        if (e.code != ERR_DENIED) return e;
    }
    if (passphrase_or_code.n > PASSPHRASE_MAX_BYTES)
        return ERR(ERR_DENIED, "does not open the team key");
    return seal_wrapped_try(&w, SEAL_WAY_PASSPHRASE, passphrase_or_code, out);
}
