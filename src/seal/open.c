/* open.c: the opening side. Everything here is given by a stranger: boxes and ciphertexts come from
 * files, exports and answers, and the text that comes out was a client's.
 *
 * The order of the checks is CROWD.md's: the box opens under this key pair, its context is the one
 * asked for, the AEAD holds with project, frame and ordinal, the padding is whole, and last the
 * hash says that this text under this kind and path is the one that was meant. All failures look
 * alike (ERR_DENIED): which check failed is nobody's business but a debugger's, and `what` is
 * enough for that.
 */
#include <assert.h>
#include <sodium.h>

#include "seal/box.h"

/* Opens to the content and holds the magic and the key id to this secret. */
static struct err box_content(const uint8_t box[SEAL_BOX_BYTES], const struct team_secret *t,
                              uint8_t out[SEAL_BOX_CONTENT_BYTES]) {
    if (crypto_box_seal_open(out, box, SEAL_BOX_BYTES, t->pub.key, t->key) != 0)
        return ERR(ERR_DENIED, "the box does not open with this key");
    if (memcmp(out, "WeirFK1", 8) != 0 || seal_get_u64(out + 16) != t->pub.id) {
        secret_wipe(out, SEAL_BOX_CONTENT_BYTES);
        return ERR(ERR_DENIED, "the box is of another version or key");
    }
    return ERR_NONE;
}

struct err seal_open_box(const uint8_t box[SEAL_BOX_BYTES], const struct team_secret *t,
                         uint64_t project, struct id128 frame, uint8_t out_key[32]) {
    uint8_t content[SEAL_BOX_CONTENT_BYTES];
    TRY(box_content(box, t, content));
    bool meant =
        seal_get_u64(content + 8) == project && sodium_memcmp(content + 24, frame.b, 16) == 0;
    if (meant) memcpy(out_key, content + 40, 32);
    secret_wipe(content, sizeof content);
    return meant ? ERR_NONE : ERR(ERR_DENIED, "the box is of another project or frame");
}

/* The key id in the content names the key that opens it, so it moves with the key; the rest stays
 * as it was. */
struct err seal_box_rewrap(const uint8_t box[SEAL_BOX_BYTES], const struct team_secret *old,
                           const struct team_public *to, uint8_t out[SEAL_BOX_BYTES]) {
    uint8_t content[SEAL_BOX_CONTENT_BYTES], fresh[SEAL_BOX_BYTES];
    TRY(box_content(box, old, content));
    seal_put_u64(content + 16, to->id);
    int failed = crypto_box_seal(fresh, content, sizeof content, to->key);
    secret_wipe(content, sizeof content);
    if (failed) return ERR(ERR_INVALID, "the new team key is not a key");
    memcpy(out, fresh, sizeof fresh);
    return ERR_NONE;
}

struct err seal_open_text(const uint8_t frame_key[32], uint64_t project,
                          const struct sealed_text *t, uint8_t *out, size_t *out_n) {
    size_t n = t->ciphertext.n;
    if (n < SEAL_PAD_BYTES + SEAL_TAG_BYTES || n % SEAL_PAD_BYTES != 0 ||
        n > SEAL_MAX_TEXT_BYTES + SEAL_PAD_BYTES + SEAL_TAG_BYTES)
        return ERR(ERR_DENIED, "no sealed text has this length");

    uint8_t ad[SEAL_AD_BYTES], nonce[SEAL_NONCE_BYTES];
    seal_text_ad(ad, project, t->frame, t->ordinal);
    seal_text_nonce(nonce, t->ordinal);
    unsigned long long padded = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &padded, NULL,
                                                   (const uint8_t *)t->ciphertext.p, n, ad,
                                                   sizeof ad, nonce, frame_key) != 0)
        return ERR(ERR_DENIED, "the text does not open with this frame's key");

    size_t value_n = 0;
    if (sodium_unpad(&value_n, out, (size_t)padded, SEAL_PAD_BYTES) != 0) {
        secret_wipe(out, (size_t)padded);
        return ERR(ERR_DENIED, "the text's padding is broken");
    }
    *out_n = value_n;
    return ERR_NONE;
}

static bool kind_is_known(uint8_t kind) {
    return kind >= TEXT_EVENT && kind <= TEXT_GROUP_VALUE;
}

static bool type_is_known(uint8_t type) {
    return type == TEXT_STRING || type == TEXT_INTEGER || type == TEXT_DECIMAL;
}

bool seal_text_is(const struct seal_keys *k, const struct sealed_text *t, struct str path,
                  struct str text) {
    if (!kind_is_known(t->kind) || !type_is_known(t->type) || path.n > UINT32_MAX) return false;
    struct id128 h = seal_hash(k, (enum text_kind)t->kind, (enum text_type)t->type, path, text);
    return secret_equal(h.b, t->hash.b, sizeof h.b);
}
