/* frame.c: the sealing side: a frame's key, its box, its texts.
 *
 * The front holds a frame's key only while the frame is written. A retry of the same frame draws id
 * and key anew: an ordinal could otherwise meet two texts under one key, and XChaCha20 under one
 * nonce gives their XOR away.
 *
 * The padding hides a text's length inside classes of 16 bytes; it is not optional and is checked
 * on opening.
 */
#include <assert.h>
#include <sodium.h>

#include "seal/box.h"

static_assert(SEAL_BOX_BYTES == SEAL_BOX_CONTENT_BYTES + crypto_box_SEALBYTES, "box size");
static_assert(SEAL_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag size");
static_assert(SEAL_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce size");

void seal_frame_init(struct seal_frame *f, uint64_t project, const struct team_public *team) {
    f->project = project;
    f->team_key_id = team->id;
    randombytes_buf(f->id.b, sizeof f->id.b);
    randombytes_buf(f->key, sizeof f->key);
}

void seal_frame_done(struct seal_frame *f) {
    secret_wipe(f, sizeof *f);
}

void seal_frame_box(const struct seal_frame *f, const struct team_public *team,
                    uint8_t out[SEAL_BOX_BYTES]) {
    assert(team->id == f->team_key_id);
    uint8_t content[SEAL_BOX_CONTENT_BYTES];
    seal_box_content(content, f);
    int failed = crypto_box_seal(out, content, sizeof content, team->key);
    secret_wipe(content, sizeof content);
    assert(failed == 0); /* only a low-order key fails: team_public_valid keeps those out */
}

size_t seal_text_bytes(size_t value_bytes) {
    return (value_bytes / SEAL_PAD_BYTES + 1) * SEAL_PAD_BYTES + SEAL_TAG_BYTES;
}

size_t seal_text(const struct seal_frame *f, uint64_t ordinal, struct str value, uint8_t *out) {
    assert(value.n <= SEAL_MAX_TEXT_BYTES);
    size_t padded = seal_text_bytes(value.n) - SEAL_TAG_BYTES, check = 0;
    if (value.n > 0) memmove(out, value.p, value.n);
    int failed = sodium_pad(&check, out, value.n, SEAL_PAD_BYTES, padded);
    assert(failed == 0 && check == padded);

    uint8_t ad[SEAL_AD_BYTES], nonce[SEAL_NONCE_BYTES];
    seal_text_ad(ad, f->project, f->id, ordinal);
    seal_text_nonce(nonce, ordinal);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, out, padded, ad, sizeof ad, NULL, nonce,
                                               f->key);
    return padded + SEAL_TAG_BYTES;
}
