/* stream_write.c: choosing and writing the encoding of one block.
 *
 * One pass over the numbers counts what each encoding would cost; the smallest wins, and packing
 * wins ties within an eighth, since it decodes fastest.
 */
#include "part/stream.h"

#include <assert.h>

struct shape {
    uint64_t min, max;         /* of all */
    uint64_t min_set, max_set; /* of those that are not 0 */
    uint32_t runs, set;
};

static unsigned width_of(uint64_t range) {
    unsigned width = range == 0 ? 0 : 64u - (unsigned)__builtin_clzll(range);
    return width > 57 ? 64 : width;
}

static struct shape measure(const uint64_t *v, uint32_t n) {
    struct shape s = {.min = v[0], .max = v[0], .min_set = UINT64_MAX, .runs = 1};
    uint64_t before = v[0];
    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = v[i];
        s.min = x < s.min ? x : s.min;
        s.max = x > s.max ? x : s.max;
        s.min_set = x - 1 < s.min_set - 1 ? x : s.min_set;
        s.runs += x != before;
        s.set += x != 0;
        before = x;
    }
    s.max_set = s.max;
    return s;
}

static size_t pack(const uint64_t *v, uint32_t n, const struct part_block *b, uint8_t *out) {
    unsigned width = b->width;
    size_t bytes = ((size_t)n * width + 63) / 64 * 8;
    if (width == 64) {
        for (uint32_t i = 0; i < n; i++) {
            uint64_t x = v[i] - b->base;
            memcpy(out + (size_t)i * 8, &x, 8);
        }
        return bytes;
    }
    uint64_t word = 0;
    unsigned used = 0;
    uint8_t *p = out;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = v[i] - b->base;
        word |= x << used;
        used += width;
        if (used < 64) continue;
        memcpy(p, &word, 8);
        p += 8;
        used -= 64;
        word = used > 0 ? x >> (width - used) : 0;
    }
    if (used > 0) memcpy(p, &word, 8);
    return bytes;
}

/* Positions padded to 8 bytes, then the numbers. `numbers` is compacted by the caller. */
static size_t put_listed(const uint16_t *positions, const uint64_t *numbers, struct part_block *b,
                         uint8_t *out) {
    size_t bytes = ((size_t)b->count * 2 + 7) / 8 * 8;
    memset(out, 0, bytes);
    memcpy(out, positions, (size_t)b->count * 2);
    return bytes + pack(numbers, b->count, b, out + bytes);
}

static size_t put_runs(const uint64_t *v, uint32_t n, struct part_block *b, uint8_t *out) {
    uint16_t ends[PART_BLOCK_ROWS];
    uint64_t numbers[PART_BLOCK_ROWS];
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && v[i] != v[i - 1]) k++;
        numbers[k] = v[i];
        ends[k] = (uint16_t)(i + 1);
    }
    assert(k + 1 == b->count);
    return put_listed(ends, numbers, b, out);
}

static size_t put_sparse(const uint64_t *v, uint32_t n, struct part_block *b, uint8_t *out) {
    uint16_t positions[PART_BLOCK_ROWS];
    uint64_t numbers[PART_BLOCK_ROWS];
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        positions[k] = (uint16_t)i;
        numbers[k] = v[i];
        k += v[i] != 0;
        if (k == b->count) break;
    }
    return put_listed(positions, numbers, b, out);
}

size_t part_block_encode(const uint64_t *v, uint32_t n, struct part_block *block, uint8_t *out) {
    assert(n > 0 && n <= PART_BLOCK_ROWS);
    struct shape s = measure(v, n);
    unsigned width = width_of(s.max - s.min);
    unsigned set_width = s.set > 0 ? width_of(s.max_set - s.min_set) : 0;
    *block = (struct part_block){.base = s.min, .encoding = PART_CONST};
    if (width == 0) return 0;
    size_t packed = (size_t)n * width;
    size_t runs = (size_t)s.runs * (16 + width);
    size_t sparse = (size_t)s.set * (16 + set_width);
    if (sparse < runs && sparse < packed - packed / 8) {
        *block = (struct part_block){.base = s.min_set,
                                     .encoding = PART_SPARSE,
                                     .width = (uint8_t)set_width,
                                     .count = (uint16_t)s.set};
        return put_sparse(v, n, block, out);
    }
    block->width = (uint8_t)width;
    if (runs < packed - packed / 8) {
        block->encoding = PART_RUNS;
        block->count = (uint16_t)s.runs;
        return put_runs(v, n, block, out);
    }
    block->encoding = PART_PACK;
    return pack(v, n, block, out);
}
