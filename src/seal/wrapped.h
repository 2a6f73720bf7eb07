/* wrapped.h: private to seal. The wrapped team key: its file, its slots, its recovery code.
 *
 * File: JSON, one object, at most SEAL_WRAPPED_MAX_BYTES. Strings are ASCII without escapes,
 * numbers are non-negative integers; members that a reader does not know are skipped if they are
 * strings or numbers.
 *
 *   {"weir_team":1,"key_id":"<16 hex>","public":"<64 hex>","slots":[
 *     {"way":"passphrase","kdf":"argon2id13","ops":3,"mem":268435456,"salt":"<32 hex>","nonce":"<48
 * hex>","key":"<96 hex>"},
 *     {"way":"recovery","kdf":"blake2b","ops":0,"mem":0,"salt":…,"nonce":…,"key":…}]}
 *
 * key_id is the 8 bytes of the id, most significant first. Slots of an unknown way are skipped, so
 * that a later version may add passkeys.
 *
 * A slot's key: passphrase: Argon2id13(passphrase bytes, salt, ops, mem), 32 bytes.
 *               recovery:   BLAKE2b-256(key = salt, "WeirRC1\0" | the first 39 characters, upper
 * case, no dashes). A slot's "key" = XChaCha20-Poly1305-IETF(slot key, nonce, AD, team secret key);
 *   AD = "WeirTK1\0" | way u8 (1 passphrase, 2 recovery) | public key 32 | salt 16 | ops u64 LE |
 * mem u64 LE
 */
#pragma once

#include "seal/seal.h"

#define SEAL_WRAPPED_MAX_BYTES 16384
#define SEAL_WRAPPED_MAX_SLOTS 8
#define SEAL_WRAPPED_MAX_OPS 16
#define SEAL_WRAPPED_MAX_MEM (UINT64_C(1) << 30) /* 1 GiB: a hostile file may not ask for more */

enum seal_way { SEAL_WAY_UNKNOWN = 0, SEAL_WAY_PASSPHRASE = 1, SEAL_WAY_RECOVERY = 2 };

struct seal_slot {
    enum seal_way way;
    uint64_t ops;
    uint64_t mem_bytes;
    uint8_t salt[16];
    uint8_t nonce[24];
    uint8_t key[48]; /* 32 and the tag */
};

struct seal_wrapped {
    struct team_public pub;
    size_t slots_n;
    struct seal_slot slots[SEAL_WRAPPED_MAX_SLOTS];
};

/* ERR_CORRUPT: not such a file, or a public key that is none. */
struct err seal_wrapped_parse(struct str file, struct seal_wrapped *out);
void seal_wrapped_print(const struct seal_wrapped *w, struct buf *out);

/* Tries the slots of one way. ERR_DENIED: none opens; ERR_NOMEM: Argon2id did not get its memory.
 */
struct err seal_wrapped_try(const struct seal_wrapped *w, enum seal_way way, struct str secret,
                            struct team_secret *out);

#define SEAL_CODE_SYMBOLS 40 /* 39 drawn (195 bits) and the check */
/* Draws a code, with dashes, NUL-terminated. */
void seal_code_draw(char out[RECOVERY_CODE_CHARS]);
/* Reads a code as people write it: any case, spaces and dashes anywhere, O for 0, I and L for 1.
 * Gives its symbols in canonical form, no NUL. False: not a code, or the check character disagrees.
 */
bool seal_code_read(struct str typed, char out[SEAL_CODE_SYMBOLS]);
