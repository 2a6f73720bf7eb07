/* box.h: private to seal. What lies in a frame's box, and what a text's ciphertext is bound to.
 *
 * Box content, 72 bytes:
 *    0  8  "WeirFK1\0"
 *    8  8  project, little-endian
 *   16  8  team key id, little-endian
 *   24 16  frame id
 *   40 32  frame key
 * A sealed box carries no associated data, so the context stands inside and the opener compares it.
 *
 * Associated data of a text, 40 bytes:
 *    0  8  "WeirST1\0"
 *    8  8  project, little-endian
 *   16 16  frame id
 *   32  8  ordinal, little-endian
 */
#pragma once

#include "seal/bytes.h"
#include "seal/seal.h"

#define SEAL_BOX_CONTENT_BYTES 72
#define SEAL_AD_BYTES 40
#define SEAL_NONCE_BYTES 24
#define SEAL_PAD_BYTES 16

static inline void seal_box_content(uint8_t out[SEAL_BOX_CONTENT_BYTES],
                                    const struct seal_frame *f) {
    memcpy(out, "WeirFK1", 8);
    seal_put_u64(out + 8, f->project);
    seal_put_u64(out + 16, f->team_key_id);
    memcpy(out + 24, f->id.b, 16);
    memcpy(out + 40, f->key, 32);
}

static inline void seal_text_ad(uint8_t out[SEAL_AD_BYTES], uint64_t project, struct id128 frame,
                                uint64_t ordinal) {
    memcpy(out, "WeirST1", 8);
    seal_put_u64(out + 8, project);
    memcpy(out + 16, frame.b, 16);
    seal_put_u64(out + 32, ordinal);
}

/* Ordinals never repeat under one frame key, so neither does a nonce. */
static inline void seal_text_nonce(uint8_t out[SEAL_NONCE_BYTES], uint64_t ordinal) {
    memset(out, 0, SEAL_NONCE_BYTES);
    seal_put_u64(out, ordinal);
}
