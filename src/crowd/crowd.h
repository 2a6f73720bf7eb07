/* crowd.h: the crowd rule's counting: which texts k different people of a project have sent
 * (CROWD.md).
 *
 * The readable set is exact (full 128-bit hashes, never a Bloom filter). The candidates are a
 * bounded table: full hash and up to `needed` short fingerprints of people. Eviction means zero:
 * flooding can only delay.
 *
 * Early marking is the danger: a text must not count as readable before the frame that carries it
 * readable is durable. So a verdict of CROWD_BECOMES leaves the text pending; crowd_commit moves
 * the pending into the set, crowd_abort puts them back among the candidates (with k people, so the
 * next sight tries again).
 *
 * Threading: belongs to the front's one thread. Depends on: base, seal. Used by: intake, front,
 * store (snapshots).
 */
#pragma once

#include "seal/seal.h"

#define CROWD_MIN_K 2
#define CROWD_MAX_K 1000
#define CROWD_DEFAULT_K 10
#define CROWD_PLACE_FACTOR 5 /* city and region need 5 k */

struct crowd; /* one project's */

enum crowd_verdict {
    CROWD_SEALED,  /* carry it sealed */
    CROWD_BECOMES, /* this person is the k-th, or the text is pending in this commit group: carry it
                      readable, with its text */
    CROWD_KNOWN,   /* in the durable set: the hash alone is enough */
};

/* candidates_max: entries of the table (a power of two is made of it). NULL: no memory. */
struct crowd *crowd_new(size_t candidates_max);
void crowd_free(struct crowd *c);
AUTO_DEFINE(struct crowd *, crowd_free);

/* One sight of text h by a person (0: nobody, which never counts). needed: k, or 5 k for places. */
enum crowd_verdict crowd_see(struct crowd *c, struct id128 h, uint64_t person, uint32_t needed);
/* A text that is readable by a list (published, closed list): BECOMES the first time, KNOWN after
 * its commit. */
enum crowd_verdict crowd_admit(struct crowd *c, struct id128 h);
bool crowd_is_readable(const struct crowd *c, struct id128 h);
/* A readable text met in a durable frame (start-up, following). */
struct err crowd_add(struct crowd *c, struct id128 h);

/* h is readable no longer, nor a candidate, until it comes again; between groups. */
void crowd_forget(struct crowd *c, struct id128 h);
void crowd_forget_candidates(struct crowd *c);

void crowd_commit(struct crowd *c);
void crowd_abort(struct crowd *c);
size_t crowd_readable_n(const struct crowd *c);
size_t crowd_candidates_n(const struct crowd *c);

/* The exact set as console saves it, with the journal position it is true for:
 * `front/crowd-<project>.set`. Sorted hashes, checksum, written by rename. */
struct err crowd_set_write(const char *path, uint64_t journal_position, const struct id128 *hashes,
                           size_t n);
struct err crowd_set_read(const char *path, struct crowd *into, uint64_t *out_journal_position);
/* What is to be forgotten after an erasure: `front/crowd-<project>.forget`. Between groups. The
 * texts are no longer readable, nor candidates; all: no text is a candidate any more. Forgetting is
 * always safe: it delays. */
struct err crowd_forget_write(const char *path, bool all, const struct id128 *hashes, size_t n);
struct err crowd_forget_read(const char *path, struct crowd *from); /* ERR_NOTFOUND: nothing */
/* Candidates, saved on a clean stop and removed once read: `front/crowd-<project>.candidates`. */
struct err crowd_candidates_write(const char *path, const struct crowd *c);
struct err crowd_candidates_read(const char *path, struct crowd *into);
