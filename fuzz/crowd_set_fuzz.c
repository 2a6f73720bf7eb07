// modules: base seal crowd
/* The saved set of readable texts, checksum put right.
 * Invariant: all of an accepted file's hashes are readable and nothing else is; of a refused one,
 * nothing. */
#include <stdlib.h>

#include "crowd/crowd_private.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    AUTO(crowd_free) struct crowd *c = crowd_new(8);
    char *content = malloc(n + 8);
    assert(c && content);
    memcpy(content, bytes, n);
    uint64_t sum = checksum64(content, n), position = 0;
    memcpy(content + n, &sum, 8);
    struct err e = crowd_set_parse((struct str){content, n + 8}, c, &position);
    free(content);
    assert(e.code == ERR_OK || e.code == ERR_CORRUPT);
    if (e.code != ERR_OK) {
        assert(crowd_readable_n(c) == 0);
        return 0;
    }
    assert(crowd_readable_n(c) == (n - 24) / 16);
    for (size_t at = 24; at < n; at += 16) {
        struct id128 h;
        memcpy(h.b, bytes + at, 16);
        assert(crowd_is_readable(c, h));
    }
    return 0;
}
