/* check.c: what an export carries so that opened texts can be held to their handles without a
 * server. */
#include <sodium.h>

#include "seal/bytes.h"
#include "seal/seal.h"

#define CONTENT_BYTES 64

_Static_assert(SEAL_CHECK_BYTES == CONTENT_BYTES + crypto_box_SEALBYTES, "the check box's size");

void seal_check_make(const struct seal_keys *k, const struct team_public *team,
                     uint8_t out[SEAL_CHECK_BYTES]) {
    uint8_t content[CONTENT_BYTES];
    memcpy(content, "WeirHK1", 8);
    seal_put_u64(content + 8, k->project);
    memcpy(content + 16, k->hash, 16);
    memcpy(content + 32, k->view, 32);
    crypto_box_seal(out, content, sizeof content, team->key);
    sodium_memzero(content, sizeof content);
}

struct err seal_check_open(const uint8_t box[SEAL_CHECK_BYTES], const struct team_secret *t,
                           uint64_t project, struct seal_keys *out) {
    uint8_t content[CONTENT_BYTES];
    bool ok = crypto_box_seal_open(content, box, SEAL_CHECK_BYTES, t->pub.key, t->key) == 0 &&
              memcmp(content, "WeirHK1", 8) == 0 && seal_get_u64(content + 8) == project;
    if (ok) {
        *out = (struct seal_keys){.project = project};
        memcpy(out->hash, content + 16, 16);
        memcpy(out->view, content + 32, 32);
    }
    sodium_memzero(content, sizeof content);
    return ok ? ERR_NONE : ERR(ERR_DENIED, "check box: not for this key and project");
}
