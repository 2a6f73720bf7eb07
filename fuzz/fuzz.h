/* fuzz.h: what every fuzz target defines. See README.md. */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* One input; asserts an invariant on what was read. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
