/* stream_read.c: decoding ranges of a stream.
 *
 * part_stream_view checks once that every block's data lies inside the section, so that the loops
 * below need no bounds: a packed number is one unaligned 8-byte load, which may read up to 7 bytes
 * past the data, into the block table behind it. What the data itself claims (run ends, positions)
 * is clamped as it is used.
 */
#include "part/stream.h"

#include <assert.h>

/* Decoding is most of a scan: gcc unrolls and vectorises here, and picks AVX2 and BMI2 where the
 * machine has them. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

static inline uint64_t load64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint16_t load16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t packed_bytes(uint64_t n, unsigned width) {
    return (n * width + 63) / 64 * 8;
}

static inline uint64_t positions_bytes(uint64_t n) {
    return (n * 2 + 7) / 8 * 8;
}

static inline uint64_t unpack_one(const uint8_t *p, uint64_t i, unsigned width) {
    if (width == 64) return load64(p + i * 8);
    uint64_t bit = i * width;
    return load64(p + (bit >> 3)) >> (bit & 7) & ((UINT64_C(1) << width) - 1);
}

static uint64_t block_data_bytes(const struct part_block *b, uint32_t rows) {
    switch ((enum part_encoding)b->encoding) {
    case PART_CONST:
        return 0;
    case PART_PACK:
        return packed_bytes(rows, b->width);
    case PART_RUNS:
    case PART_SPARSE:
        return positions_bytes(b->count) + packed_bytes(b->count, b->width);
    }
    return UINT64_MAX;
}

static bool block_valid(const struct part_block *b, uint32_t rows, uint64_t data_bytes) {
    if (b->encoding > PART_SPARSE || (b->width > 57 && b->width != 64)) return false;
    if (b->count > rows || (b->encoding == PART_RUNS && b->count == 0)) return false;
    uint64_t at = (uint64_t)b->at * 8;
    uint64_t bytes = block_data_bytes(b, rows);
    return at <= data_bytes && bytes <= data_bytes - at;
}

static uint32_t block_rows(uint64_t n, uint64_t block) {
    uint64_t left = n - block * PART_BLOCK_ROWS;
    return left < PART_BLOCK_ROWS ? (uint32_t)left : PART_BLOCK_ROWS;
}

bool part_stream_view(const uint8_t *bytes, uint64_t n_bytes, uint64_t n, struct part_stream *out) {
    if (n > UINT64_C(1) << 40) return false;
    uint64_t blocks = (n + PART_BLOCK_ROWS - 1) / PART_BLOCK_ROWS;
    if (n_bytes < blocks * sizeof(struct part_block) || n_bytes % 8 != 0) return false;
    uint64_t data_bytes = n_bytes - blocks * sizeof(struct part_block);
    if (n == 0) {
        *out = (struct part_stream){0};
        return data_bytes == 0;
    }
    const struct part_block *table = (const void *)(bytes + data_bytes);
    for (uint64_t i = 0; i < blocks; i++)
        if (!block_valid(&table[i], block_rows(n, i), data_bytes)) return false;
    *out = (struct part_stream){.blocks = table, .data = bytes, .n = n};
    return true;
}

/* ---- one block into 32 or 64 bits: `wide` is a constant at each call ---- */

struct target {
    void *out;
    bool wide;
};

static inline __attribute__((always_inline)) void put(struct target t, uint32_t i, uint64_t v) {
    if (t.wide)
        ((uint64_t *)t.out)[i] = v;
    else
        ((uint32_t *)t.out)[i] = (uint32_t)v;
}

static inline __attribute__((always_inline)) void fill(struct target t, uint32_t from, uint32_t to,
                                                       uint64_t v) {
    for (uint32_t i = from; i < to; i++)
        put(t, i, v);
}

/* Any width up to 57. The empty asm keeps the compiler from gathering, which is slower than plain
 * loads and shifts. */
static inline __attribute__((always_inline)) void get_odd_width(const uint8_t *p,
                                                                const struct part_block *b,
                                                                uint32_t at, uint32_t n,
                                                                struct target t) {
    unsigned width = b->width;
    uint64_t base = b->base, bit = (uint64_t)at * width;
    uint64_t mask = (UINT64_C(1) << width) - 1;
    uint32_t i = 0;
    for (; width <= 28 && i + 2 <= n; i += 2, bit += 2 * width) {
        uint64_t two = load64(p + (bit >> 3)) >> (bit & 7);
        __asm__("" : "+r"(two));
        put(t, i, base + (two & mask));
        put(t, i + 1, base + (two >> width & mask));
    }
    for (; i < n; i++, bit += width) {
        uint64_t one = load64(p + (bit >> 3)) >> (bit & 7);
        __asm__("" : "+r"(one));
        put(t, i, base + (one & mask));
    }
}

static inline __attribute__((always_inline)) void
get_packed(const uint8_t *p, const struct part_block *b, uint32_t at, uint32_t n, struct target t) {
    unsigned width = b->width;
    uint64_t base = b->base;
    if (width == 8) {
        for (uint32_t i = 0; i < n; i++)
            put(t, i, base + p[at + i]);
    } else if (width == 16) {
        for (uint32_t i = 0; i < n; i++)
            put(t, i, base + load16(p + (size_t)(at + i) * 2));
    } else if (width == 32) {
        for (uint32_t i = 0; i < n; i++)
            put(t, i, base + load32(p + (size_t)(at + i) * 4));
    } else if (width == 64) {
        for (uint32_t i = 0; i < n; i++)
            put(t, i, base + load64(p + (size_t)(at + i) * 8));
    } else {
        get_odd_width(p, b, at, n, t);
    }
}

/* The first of count rising positions that is >= value. */
static uint32_t first_position(const uint8_t *positions, uint32_t count, uint32_t value) {
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (load16(positions + (size_t)mid * 2) < value)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Most runs are short: eight numbers at once where they fit in n, since the next run writes over
 * what is too much. */
static inline __attribute__((always_inline)) void fill_run(struct target t, uint32_t from,
                                                           uint32_t to, uint32_t n, uint64_t v) {
    if (from + 8 <= n) {
        fill(t, from, from + 8, v);
        from += 8;
    }
    if (from < to) fill(t, from, to, v);
}

static inline __attribute__((always_inline)) void
get_runs(const uint8_t *p, const struct part_block *b, uint32_t at, uint32_t n, struct target t) {
    const uint8_t *numbers = p + positions_bytes(b->count);
    uint32_t run = first_position(p, b->count, at + 1);
    uint32_t done = 0;
    for (; done < n && run < b->count; run++) {
        uint32_t end = load16(p + (size_t)run * 2);
        if (end <= at + done) continue;
        if (end > at + n) end = at + n;
        uint64_t v = b->base + unpack_one(numbers, run, b->width);
        fill_run(t, done, end - at, n, v);
        done = end - at;
    }
    fill(t, done, n, 0);
}

static inline __attribute__((always_inline)) void
get_sparse(const uint8_t *p, const struct part_block *b, uint32_t at, uint32_t n, struct target t) {
    const uint8_t *numbers = p + positions_bytes(b->count);
    fill(t, 0, n, 0);
    for (uint32_t i = first_position(p, b->count, at); i < b->count; i++) {
        uint32_t position = load16(p + (size_t)i * 2);
        if (position >= at + n) break;
        if (position >= at) put(t, position - at, b->base + unpack_one(numbers, i, b->width));
    }
}

static inline __attribute__((always_inline)) void
get_block(const struct part_stream *s, uint64_t block, uint32_t at, uint32_t n, struct target t) {
    const struct part_block *b = &s->blocks[block];
    const uint8_t *p = s->data + (size_t)b->at * 8;
    switch ((enum part_encoding)b->encoding) {
    case PART_CONST:
        fill(t, 0, n, b->base);
        return;
    case PART_PACK:
        get_packed(p, b, at, n, t);
        return;
    case PART_RUNS:
        get_runs(p, b, at, n, t);
        return;
    case PART_SPARSE:
        get_sparse(p, b, at, n, t);
        return;
    }
}

WIDE void part_stream_get32(const struct part_stream *s, uint64_t at, uint32_t n, uint32_t *out) {
    assert(at <= s->n && n <= s->n - at);
    while (n > 0) {
        uint32_t inside = (uint32_t)(at % PART_BLOCK_ROWS);
        uint32_t take = PART_BLOCK_ROWS - inside < n ? PART_BLOCK_ROWS - inside : n;
        get_block(s, at / PART_BLOCK_ROWS, inside, take, (struct target){out, false});
        at += take;
        n -= take;
        out += take;
    }
}

WIDE void part_stream_get64(const struct part_stream *s, uint64_t at, uint32_t n, uint64_t *out) {
    assert(at <= s->n && n <= s->n - at);
    while (n > 0) {
        uint32_t inside = (uint32_t)(at % PART_BLOCK_ROWS);
        uint32_t take = PART_BLOCK_ROWS - inside < n ? PART_BLOCK_ROWS - inside : n;
        get_block(s, at / PART_BLOCK_ROWS, inside, take, (struct target){out, true});
        at += take;
        n -= take;
        out += take;
    }
}

uint64_t part_stream_at(const struct part_stream *s, uint64_t i) {
    assert(i < s->n);
    const struct part_block *b = &s->blocks[i / PART_BLOCK_ROWS];
    if (b->encoding == PART_CONST) return b->base;
    if (b->encoding == PART_PACK)
        return b->base + unpack_one(s->data + (size_t)b->at * 8, i % PART_BLOCK_ROWS, b->width);
    const uint8_t *p = s->data + (size_t)b->at * 8, *numbers = p + positions_bytes(b->count);
    uint32_t inside = (uint32_t)(i % PART_BLOCK_ROWS);
    bool runs = b->encoding == PART_RUNS;
    uint32_t at = first_position(p, b->count, inside + (runs ? 1 : 0));
    if (at >= b->count || (!runs && load16(p + (size_t)at * 2) != inside)) return 0;
    return b->base + unpack_one(numbers, at, b->width);
}

/* The run that holds row `inside` of a block, from the one that was found last in this block if it
 * is not far. */
static uint32_t find_run(const uint8_t *ends, const struct part_block *b, uint32_t inside,
                         uint32_t last) {
    uint32_t near =
        last < b->count && (last == 0 || load16(ends + (size_t)(last - 1) * 2) <= inside)
            ? last
            : b->count;
    for (uint32_t i = 0; i < 8 && near < b->count; i++, near++)
        if (load16(ends + (size_t)near * 2) > inside) return near;
    return first_position(ends, b->count, inside + 1);
}

bool part_stream_run(const struct part_stream *s, uint64_t i, struct part_equal *run) {
    assert(i < s->n);
    uint64_t block = i / PART_BLOCK_ROWS;
    const struct part_block *b = &s->blocks[block];
    uint32_t first = (uint32_t)(block * PART_BLOCK_ROWS), inside = (uint32_t)(i % PART_BLOCK_ROWS);
    if (b->encoding == PART_CONST) {
        *run = (struct part_equal){first, block_rows(s->n, block), (uint32_t)b->base, 0};
        return true;
    }
    if (b->encoding != PART_RUNS) return false;
    const uint8_t *ends = s->data + (size_t)b->at * 8;
    bool same = run->n && run->row / PART_BLOCK_ROWS == block;
    uint32_t at = find_run(ends, b, inside, same ? run->number : 0);
    if (at >= b->count) return false;
    uint32_t begin = at ? load16(ends + (size_t)(at - 1) * 2) : 0,
             end = load16(ends + (size_t)at * 2);
    if (begin > inside || end <= inside) return false; /* damaged */
    uint64_t v = b->base + unpack_one(ends + positions_bytes(b->count), at, b->width);
    *run = (struct part_equal){first + begin, end - begin, (uint32_t)v, at};
    return true;
}

/* Lists of terms rise nearly evenly: a few guesses between what is known, then by halves, first
 * near the last guess. */
uint64_t part_stream_lower_bound(const struct part_stream *s, uint64_t value) {
    uint64_t low = 0, high = s->n;
    if (high == 0) return 0;
    uint64_t least = part_stream_at(s, 0), most = part_stream_at(s, high - 1);
    if (value <= least) return 0;
    if (value > most) return high;
    for (int tries = 0; tries < 3 && high - low > 8 && value >= least && most > least; tries++) {
        uint64_t step =
            (uint64_t)((unsigned __int128)(value - least) * (high - low - 1) / (most - least));
        uint64_t guess = low + (step < high - low ? step : high - low - 1);
        uint64_t found = part_stream_at(s, guess);
        if (found < value) {
            low = guess + 1;
            least = found;
            if (low + 64 < high && part_stream_at(s, low + 63) >= value) high = low + 63;
        } else {
            high = guess;
            most = found;
            if (high > low + 64 && part_stream_at(s, high - 64) < value) low = high - 63;
        }
    }
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (part_stream_at(s, mid) < value)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool block_orderly(const uint8_t *positions, const struct part_block *b, uint32_t rows) {
    if (b->encoding != PART_RUNS && b->encoding != PART_SPARSE) return true;
    uint32_t next = b->encoding == PART_RUNS ? 1 : 0;
    uint32_t limit = b->encoding == PART_RUNS ? rows + 1 : rows;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t position = load16(positions + (size_t)i * 2);
        if (position < next || position >= limit) return false;
        next = position + 1;
    }
    return b->encoding == PART_SPARSE || next == rows + 1;
}

bool part_stream_orderly(const struct part_stream *s) {
    for (uint64_t i = 0; i * PART_BLOCK_ROWS < s->n; i++)
        if (!block_orderly(s->data + (size_t)s->blocks[i].at * 8, &s->blocks[i],
                           block_rows(s->n, i)))
            return false;
    return true;
}
