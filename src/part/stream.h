/* stream.h: n unsigned numbers in blocks of 4096, each block in the cheapest of four encodings
 * (doc/part-format.md, "Streams"). Private to src/part.
 *
 * Reading is by range: cost O(range), but for the search of the first run. Everything a part stores
 * per row goes through here, except event codes, which stay plain for in-place scans.
 */
#pragma once

#include "part/format.h"

enum part_encoding { PART_CONST = 0, PART_PACK = 1, PART_RUNS = 2, PART_SPARSE = 3 };

struct part_block {
    uint64_t base;
    uint32_t at; /* in units of 8 bytes */
    uint8_t encoding, width;
    uint16_t count;
};
_Static_assert(sizeof(struct part_block) == 16, "stored");

struct part_stream {
    const struct part_block *blocks;
    const uint8_t *data;
    uint64_t n;
};

/* A view of a stored stream of n numbers. false: the bytes are not one. */
bool part_stream_view(const uint8_t *bytes, uint64_t n_bytes, uint64_t n, struct part_stream *out);
/* Ranges must lie inside: asserted. */
void part_stream_get32(const struct part_stream *s, uint64_t at, uint32_t n,
                       uint32_t *out /* [n] */);
void part_stream_get64(const struct part_stream *s, uint64_t at, uint32_t n,
                       uint64_t *out /* [n] */);
uint64_t part_stream_at(const struct part_stream *s, uint64_t i);
/* The stretch of equal numbers around i, if its block is stored as such; `run` is what the last
 * call found, from where the next is looked for, or zeros. */
bool part_stream_run(const struct part_stream *s, uint64_t i, struct part_equal *run);
/* The first index whose number is >= value in a rising stream; s->n if there is none. */
uint64_t part_stream_lower_bound(const struct part_stream *s, uint64_t value);

/* Reads the whole stream's positions and run ends: rising, inside their block, runs covering all of
 * it. For part_check. */
bool part_stream_orderly(const struct part_stream *s);

/* Picks the cheapest encoding of up to 4096 numbers and writes its data to out (room for
 * PART_BLOCK_BYTES). Returns the data's bytes, a multiple of 8. block->at is left to the caller. */
#define PART_BLOCK_BYTES (PART_BLOCK_ROWS * 10u + 16u)
size_t part_block_encode(const uint64_t *v, uint32_t n, struct part_block *block, uint8_t *out);
