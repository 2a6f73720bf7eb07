/* hash.c: the keyed names of things: text hashes, pseudonyms, fingerprints, handles, and their
 * rotation.
 *
 * Every one of them is a keyed function of the clear text, so who lacks the key learns nothing and
 * who has it can confirm a guess: that is the documented limit, and why asking by a clear literal
 * needs a right and a budget.
 *
 * A text's hash covers its kind, type and path in front of its value. The path's length stands
 * before it, so no two pairs (path, value) run into the same bytes: ("a", "bc") and ("ab", "c") are
 * strangers.
 */
#include <assert.h>
#include <sodium.h>

#include "seal/bytes.h"
#include "seal/sip.h"

bool id128_is_zero(struct id128 a) {
    static const struct id128 zero;
    return id128_eq(a, zero);
}

struct id128 seal_hash(const struct seal_keys *k, enum text_kind kind, enum text_type type,
                       struct str path, struct str value) {
    assert(path.n <= UINT32_MAX);
    uint8_t head[6] = {(uint8_t)kind, (uint8_t)type};
    seal_put_u32(head + 2, (uint32_t)path.n);
    struct seal_sip s;
    seal_sip_init(&s, k->hash);
    seal_sip_feed(&s, head, sizeof head);
    seal_sip_feed(&s, path.p, path.n);
    seal_sip_feed(&s, value.p, value.n);
    return seal_sip_end(&s);
}

static struct id128 blake128(const uint8_t key[32], const void *bytes, size_t n) {
    struct id128 out;
    int failed = crypto_generichash(out.b, sizeof out.b, bytes, n, key, 32);
    assert(failed == 0);
    return out;
}

struct id128 seal_pseudonym(const struct seal_keys *k, struct str distinct_id) {
    return blake128(k->pseudonym, distinct_id.p, distinct_id.n);
}

struct id128 seal_hash_rotate(const struct seal_keys *next, struct id128 h) {
    struct seal_sip s;
    seal_sip_init(&s, next->hash);
    seal_sip_feed(&s, h.b, sizeof h.b);
    return seal_sip_end(&s);
}

struct id128 seal_pseudonym_rotate(const struct seal_keys *next, struct id128 p) {
    return blake128(next->pseudonym, p.b, sizeof p.b);
}

/* Zero is the crowd's "nobody": the one fingerprint in 2^64 that would say so is moved. */
uint64_t seal_person_fingerprint(const struct seal_keys *k, struct str identity) {
    uint8_t out[crypto_shorthash_BYTES];
    crypto_shorthash(out, (const uint8_t *)identity.p, identity.n, k->count);
    uint64_t fingerprint = seal_get_u64(out);
    return fingerprint ? fingerprint : 1;
}

struct id128 seal_handle(const struct seal_keys *k, enum handle_domain domain, struct id128 id) {
    uint8_t message[17] = {(uint8_t)domain};
    memcpy(message + 1, id.b, 16);
    return blake128(k->view, message, sizeof message);
}

void seal_secret_hash(struct str secret, uint8_t out[SEAL_SECRET_HASH_BYTES]) {
    static const char domain[] = "weir secret 1";
    crypto_generichash_state state;
    int failed = crypto_generichash_init(&state, NULL, 0, SEAL_SECRET_HASH_BYTES);
    failed |= crypto_generichash_update(&state, (const uint8_t *)domain, sizeof domain - 1);
    if (secret.n > 0)
        failed |= crypto_generichash_update(&state, (const uint8_t *)secret.p, secret.n);
    failed |= crypto_generichash_final(&state, out, SEAL_SECRET_HASH_BYTES);
    assert(failed == 0);
    sodium_memzero(&state, sizeof state);
}
