// modules: base edge
/* A gzip body. Invariant: never more than the cap comes out, its slack is readable, and what zlib
 * packed unpacks to itself. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "edge/edge.h"
#include "fuzz.h"

#define CAP_BYTES 4096

static void unpack(struct arena *a, const uint8_t *bytes, size_t n) {
    struct str out = {0};
    struct err e = edge_gunzip(a, (struct str){(const char *)bytes, n}, CAP_BYTES, &out);
    assert(e.code == ERR_OK || e.code == ERR_INVALID || e.code == ERR_LIMIT);
    if (e.code != ERR_OK) return;
    assert(out.n <= CAP_BYTES);
    for (size_t i = 0; i < out.n + 64; i++)
        (void)*(const volatile char *)(out.p + i);
}

static void round_trip(struct arena *a, const uint8_t *bytes, size_t n) {
    z_stream z = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return;
    size_t max = deflateBound(&z, n) + 64;
    uint8_t *packed = malloc(max);
    assert(packed);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)max;
    int r = deflate(&z, Z_FINISH);
    assert(r == Z_STREAM_END);
    struct str out = {0};
    struct err e =
        edge_gunzip(a, (struct str){(const char *)packed, max - z.avail_out}, CAP_BYTES, &out);
    assert(n > CAP_BYTES ? e.code == ERR_LIMIT : e.code == ERR_OK && out.n == n);
    if (e.code == ERR_OK && n > 0) assert(memcmp(out.p, bytes, n) == 0);
    deflateEnd(&z);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    AUTO(arena_free) struct arena *a = arena_new(1u << 20);
    assert(a);
    unpack(a, bytes, n);
    if (n < 100000) round_trip(a, bytes, n);
    return 0;
}
