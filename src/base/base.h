/* base.h: what every module stands on. Used by all, uses none.
 *
 *   err.h    the one way to fail; TRY, AUTO
 *   str.h    pointer and length
 *   arena.h  memory of a request or a query, freed whole, with a limit
 *   buf.h    growing buffer with a maximum; cursor; JSON out
 *   sys.h    time and zones, randomness, files, checksums, log
 *
 * Depends on: libc, libsodium, libxxhash. Used by: every module.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/sys.h"

/* Functions whose loops want wide registers and counting of bits: compiled twice, the loader takes
 * what the machine has. -Dplain=true builds without, and without any other path of a special
 * machine, so that tests reach the plain code. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(WEIR_PLAIN)
#define WIDE __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define WIDE
#endif
