/* letterbox.h: how the public door hands the console what the door itself must not keep: addresses
 * of subscribers.
 *
 * A letter is sealed by the front to a key of which it has only the public half, lies as a small
 * file in DIR/front/letters until the console takes it, and is gone then. Files: one per letter,
 * named by a slot 0000..1023, so that strangers cannot fill the folder; written aside, synced, then
 * renamed without replacing. Content: crypto_box_seal(sodium_pad(letter, 64)).
 *
 * Threading: put by the front's loop, take by one thread of the console; no shared memory.
 * Depends on: base, libsodium. Used by: front, notice.
 */
#pragma once

#include "base/base.h"

#define LETTERBOX_SLOTS 1024
#define LETTERBOX_LETTER_BYTES 4096

struct letterbox_key {
    uint8_t pub[32], secret[32]; /* X25519 */
};
/* The pair that belongs to a seed; wipe it with secret_wipe. */
void letterbox_key_derive(const uint8_t seed[32], struct letterbox_key *out);

/* Console: makes folder/letters and writes folder/letterbox.pub ("weir-letterbox 1\n<hex>\n").
 * folder: DIR/front. */
struct err letterbox_prepare(const char *folder, const uint8_t pub[32]);

/* Front: seals a letter of at most LETTERBOX_LETTER_BYTES; durable when it returns. ERR_FULL: every
 * slot is taken, or the disk is; ERR_NOTFOUND: no key yet. `at` is the slot to try first and moves
 * behind the one used. */
struct err letterbox_put(const char *folder, struct str letter, uint32_t *at);

/* Console: opens each letter and calls `read`; the file is removed when that gives true and is
 * offered again next time when it gives false. What does not open is removed (out_bad counts it).
 * `letter` is borrowed for the call, wiped after it, and hostile: the front may be an intruder's.
 */
struct err letterbox_take(const char *folder, const struct letterbox_key *key,
                          bool (*read)(void *ctx, struct str letter), void *ctx, size_t *out_bad);
