/* pick.c: which rows have an event that the question wants: a bit per row, 64 at a time, from the
 * event codes where they lie in the part.
 *
 * A code of one byte is looked up by its halves, a set of any of the 256 at once: table[0][low] has
 * a bit for each high half below 8, table[1][low] for the others; a byte shuffle reads 32 of them
 * in one go where the machine has AVX2. What a damaged part may hold above n_events is in no set,
 * so who walks the bits needs no further check of the code.
 */
#include "query/run.h"

#if defined(__x86_64__) && !defined(WEIR_PLAIN)
#include <immintrin.h>
#endif

void picker_init(struct picker *k) {
    for (uint32_t code = 1; k->width == 1 && code <= k->n_events && code < 256; code++) {
        if (k->wanted[code]) k->table[code >> 7][code & 15] |= (uint8_t)(1u << (code >> 4 & 7));
    }
#if defined(__x86_64__) && !defined(WEIR_PLAIN)
    k->wide = k->width == 1 && __builtin_cpu_supports("avx2");
#endif
}

uint64_t picker_plain(const struct picker *k, uint32_t row) {
    uint32_t n = k->rows - row < 64 ? k->rows - row : 64;
    uint64_t bits = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t code = picker_code(k, row + i);
        bits |= (uint64_t)(code <= k->n_events && k->wanted[code]) << i;
    }
    return bits;
}

#if defined(__x86_64__) && !defined(WEIR_PLAIN)
struct halves {
    __m256i low, high;
};

__attribute__((target("avx2"))) static uint32_t pick_32(const uint8_t *codes, struct halves t) {
    const __m256i bit =
        _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16,
                         32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i c = _mm256_loadu_si256((const void *)codes);
    __m256i low = _mm256_and_si256(c, nibble);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(c, 4), nibble);
    __m256i row =
        _mm256_blendv_epi8(_mm256_shuffle_epi8(t.low, low), _mm256_shuffle_epi8(t.high, low), c);
    __m256i hit = _mm256_and_si256(row, _mm256_shuffle_epi8(bit, high));
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(hit, _mm256_setzero_si256()));
}

__attribute__((target("avx2"))) static uint64_t pick_wide(const struct picker *k, uint32_t row) {
    struct halves t = {
        .low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)k->table[0])),
        .high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)k->table[1]))};
    return pick_32(k->codes + row, t) | (uint64_t)pick_32(k->codes + row + 32, t) << 32;
}
#endif

uint64_t picker_bits(const struct picker *k, uint32_t row) {
#if defined(__x86_64__) && !defined(WEIR_PLAIN)
    if (k->wide && k->rows - row >= 64) return pick_wide(k, row);
#endif
    return picker_plain(k, row);
}
