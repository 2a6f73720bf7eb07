/* vectors.h: the published vectors of test/vectors/, made by the real functions under a randomness
 * that repeats. */
#pragma once

#include "base/base.h"

#define VECTOR_FILES 5
#define VECTORS_MAX_BYTES ((size_t)1 << 20)

struct vector_file {
    const char *name; /* "names.json" */
    void (*write)(struct buf *out);
};
extern const struct vector_file vector_files[VECTOR_FILES];

/* The n-th case (one line of the file), empty behind the last; and a field of a case, all of which
 * are strings. */
struct str vector_case(struct str file, size_t n);
struct str vector_field(struct str line, const char *name);
/* A field of hexadecimal digits into out; gives the bytes. Asserts that it is one and fits. */
size_t vector_hex(struct str line, const char *name, uint8_t *out, size_t max_bytes);
uint64_t vector_number(struct str line, const char *name);
