/* sip.h: private to seal. SipHash-2-4 with 128 bits of output, fed piece by piece.
 *
 * libsodium has the same function (crypto_shorthash_siphashx24) but wants the whole message in one
 * piece; a text's hash covers a head, a path and a value that lie apart, up to a megabyte. The test
 * holds the two equal.
 */
#pragma once

#include <stddef.h>

#include "seal/seal.h"

struct seal_sip {
    uint64_t v[4];
    uint64_t tail;  /* the last fewer than 8 bytes, little-endian */
    uint64_t total; /* bytes fed */
};
void seal_sip_init(struct seal_sip *s, const uint8_t key[16]);
void seal_sip_feed(struct seal_sip *s, const void *bytes, size_t n);
struct id128 seal_sip_end(struct seal_sip *s); /* wipes s */
