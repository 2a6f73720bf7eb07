/* keys.c: libsodium's start, and a project's four keys from the installation's root key.
 *
 * The salt makes a project's keys unrelated to another's under the same root, and lets a project be
 * rotated or forgotten by itself: without its salt nothing of it can be recomputed.
 */
#include <assert.h>
#include <sodium.h>

#include "seal/seal.h"

struct err seal_start(void) {
    if (sodium_init() < 0) return ERR(ERR_IO, "libsodium does not start");
    return ERR_NONE;
}

static void subkey(uint8_t *out, size_t n, uint64_t id, const uint8_t master[32]) {
    int failed = crypto_kdf_derive_from_key(out, n, id, "WeirKeys", master);
    assert(failed == 0);
}

void seal_keys_derive(const uint8_t root[32], const uint8_t salt[32], uint64_t project,
                      struct seal_keys *out) {
    uint8_t master[crypto_kdf_KEYBYTES];
    int failed = crypto_generichash(master, sizeof master, salt, 32, root, 32);
    assert(failed == 0);
    out->project = project;
    subkey(out->pseudonym, sizeof out->pseudonym, 1, master);
    subkey(out->hash, sizeof out->hash, 2, master);
    subkey(out->count, sizeof out->count, 3, master);
    subkey(out->view, sizeof out->view, 4, master);
    secret_wipe(master, sizeof master);
}
