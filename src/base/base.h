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
