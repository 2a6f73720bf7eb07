/* secret.h: private to trust: how secrets look, and how they are kept.
 *
 * An API key's secret: "weir_", 32 letters of [a-z0-9] (165 bits), 6 of check. The prefix lets
 * secret scanners find it in code and logs, the check tells them a real one from a look-alike
 * without asking us. Sessions and links: 40 letters. Kept is only
 * seal_secret_hash of each.
 */
#pragma once

#include "trust/trust.h"

#define SECRET_HASH_BYTES SEAL_SECRET_HASH_BYTES

void trust_secret_make_key(char out[TRUST_SECRET_CHARS]);
void trust_secret_make_word(char out[TRUST_SECRET_CHARS]);
/* Prefix, length and check of a key's secret: what is no secret of ours costs no look into the
 * database. */
bool trust_secret_is_key(struct str secret);
