/* bytes.h: private to seal. Little-endian integers inside what is hashed, sealed or authenticated.
 */
#pragma once

#include <stdint.h>

static inline uint8_t *seal_put_u32(uint8_t *at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (8 * i));
    return at + 4;
}

static inline uint8_t *seal_put_u64(uint8_t *at, uint64_t v) {
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(v >> (8 * i));
    return at + 8;
}

static inline uint64_t seal_get_u64(const uint8_t *at) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | at[i];
    return v;
}
