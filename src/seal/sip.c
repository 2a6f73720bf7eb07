/* sip.c: SipHash-2-4-128, after Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012),
 * with the 128-bit variant of its reference: the constants 0xee and 0xdd separate it from the
 * 64-bit one.
 *
 * The tail holds bytes that don't yet fill a word; `total & 7` says how many. All words are
 * little-endian: the loads below are memcpy on a little-endian machine, which the assertion at
 * compile time holds.
 */
#include "seal/sip.h"

#include <assert.h>

#include "seal/bytes.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded as they lie");

static inline uint64_t rotate(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

void seal_sip_init(struct seal_sip *s, const uint8_t key[16]) {
    uint64_t k0 = seal_get_u64(key), k1 = seal_get_u64(key + 8);
    s->v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
    s->v[1] = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
    s->v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
    s->v[3] = k1 ^ UINT64_C(0x7465646279746573);
    s->tail = 0;
    s->total = 0;
}

void seal_sip_feed(struct seal_sip *s, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    unsigned held = (unsigned)(s->total & 7);
    s->total += n;
    while (n > 0 && held > 0) {
        s->tail |= (uint64_t)*p++ << (8 * held);
        n--;
        if (++held == 8) {
            sip_word(s->v, s->tail);
            s->tail = 0;
            held = 0;
        }
    }
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        sip_word(s->v, word);
    }
    for (; n > 0; n--)
        s->tail |= (uint64_t)*p++ << (8 * held++);
}

static uint64_t sip_squeeze(uint64_t v[4]) {
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct id128 seal_sip_end(struct seal_sip *s) {
    struct id128 out;
    sip_word(s->v, s->tail | s->total << 56);
    s->v[2] ^= 0xee;
    seal_put_u64(out.b, sip_squeeze(s->v));
    s->v[1] ^= 0xdd;
    seal_put_u64(out.b + 8, sip_squeeze(s->v));
    secret_wipe(s, sizeof *s);
    return out;
}
