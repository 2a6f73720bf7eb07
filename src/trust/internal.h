/* internal.h: private to trust: what its files share. */
#pragma once

#include "trust/secret.h"
#include "trust/trust.h"

struct trust {
    struct meta *meta;
};

#define STR_HASH(h) ((struct str){(const char *)(h), SECRET_HASH_BYTES})

/* Copies text into a fixed field, NUL-terminated; longer is cut. */
void trust_copy(char *out, size_t out_bytes, struct str s);
/* Names of members and keys: 1 to 64 bytes of UTF-8 without control characters. */
bool trust_is_name(struct str name);
/* Ends a transaction: commits on success, else rolls back; gives the first failure. */
struct err trust_finish(struct trust *t, struct err e);
/* trust_log inside a transaction that is open. */
struct err trust_log_row(struct trust *t, const struct actor *a, uint64_t project, const char *what,
                         struct str detail);
