// modules: base seal crowd
/* The saved candidates, checksum put right.
 * Invariants: nothing becomes readable by reading; what was read and printed reads and prints the
 * same again. */
#include <stdlib.h>

#include "crowd/crowd_private.h"
#include "fuzz.h"

#define PRINTED_MAX_BYTES ((size_t)64 << 20)

static void print_again(const struct buf *first) {
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    AUTO(buf_done) struct buf again;
    buf_init(&again, PRINTED_MAX_BYTES);
    assert(c);
    struct err e = crowd_candidates_parse(buf_str(first), c);
    assert(e.code == ERR_OK);
    e = crowd_candidates_print(c, &again);
    assert(e.code == ERR_OK && str_eq(buf_str(first), buf_str(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    AUTO(buf_done) struct buf printed;
    buf_init(&printed, PRINTED_MAX_BYTES);
    char *content = malloc(n + 8);
    assert(c && content);
    memcpy(content, bytes, n);
    uint64_t sum = checksum64(content, n);
    memcpy(content + n, &sum, 8);
    struct err e = crowd_candidates_parse((struct str){content, n + 8}, c);
    free(content);
    assert(crowd_readable_n(c) == 0 && crowd_candidates_n(c) <= 64);
    assert(e.code == ERR_OK || (e.code == ERR_CORRUPT && crowd_candidates_n(c) == 0));
    if (e.code != ERR_OK) return 0;
    e = crowd_candidates_print(c, &printed);
    assert(e.code == ERR_OK);
    print_again(&printed);
    return 0;
}
