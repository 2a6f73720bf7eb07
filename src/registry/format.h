/* format.h: private to registry. The file, little-endian:
 *
 *      0   8  "WeirRG2\0"
 *      8   8  generation
 *     16  32  team public key
 *     48   4  n projects (at most REGISTRY_MAX_PROJECTS), ascending by id, each:
 *              id u64 | token u8 n, bytes | secret hash 32 | crowd u32 | test u8 | quota u32
 *              | time zone u8 n, bytes | pseudonym key 32 | hash key 16 | count key 16
 *              | five lists (published, measures, times, identities, senders), each u32 n, n x 16,
 * strictly ascending | origins u32 n, bytes end   8  checksum64 of all before
 *
 * Valid is: every size within its limit, nothing behind the last project, ids and lists strictly
 * ascending, tokens of 1 to 64 printable characters and all unlike, k within its limits, the team
 * key a usable point.
 */
#pragma once

#include "registry/registry.h"

#define REGISTRY_MAGIC "WeirRG2"
#define REGISTRY_MAX_FILE_BYTES ((size_t)256 << 20)
#define REGISTRY_LISTS 5
#define REGISTRY_MIN_K 2
#define REGISTRY_MAX_K 1000

/* The five lists of a project in the file's order. */
struct id128_list *registry_list(struct registry_project *p, int i);

/* NULL, or what is wrong with a project's own fields (a literal). Both the writer and the reader
 * ask. */
const char *registry_project_fault(const struct registry_project *p);

struct registry_index;
/* NULL: no memory. */
struct registry_index *registry_index_new(const struct registry *r);
void registry_index_free(struct registry_index *x);
/* Position of the project, or -1. */
int64_t registry_index_token(const struct registry_index *x, struct str token);
int64_t registry_index_secret(const struct registry_index *x, const uint8_t secret_hash[32]);
