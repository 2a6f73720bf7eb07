#include <assert.h>
#include <sodium.h>

#include "base/sys.h"

#include <xxhash.h>

void random_bytes(void *out, size_t n) {
    randombytes_buf(out, n);
}

uint64_t random_u64(void) {
    uint64_t v;
    randombytes_buf(&v, sizeof v);
    return v;
}

void secret_wipe(void *p, size_t n) {
    if (n > 0) sodium_memzero(p, n);
}

bool secret_equal(const void *a, const void *b, size_t n) {
    return n == 0 || sodium_memcmp(a, b, n) == 0;
}

void random_word(char *out, size_t n) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const uint8_t fair =
        252; /* the largest multiple of 36 in a byte: above it letters would be uneven */
    uint8_t pool[64];
    size_t left = 0;
    for (size_t i = 0; i < n;) {
        if (left == 0) {
            randombytes_buf(pool, sizeof pool);
            left = sizeof pool;
        }
        uint8_t b = pool[--left];
        if (b < fair) out[i++] = letters[b % 36];
    }
    out[n] = 0;
    sodium_memzero(pool, sizeof pool);
}

uint64_t checksum64(const void *bytes, size_t n) {
    return XXH3_64bits(bytes, n);
}
