/* samples.h: frames that the journal's tests share. */
#pragma once

#include "journal/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct err ok_ = (call);                                                                   \
        if (ok_.code != ERR_OK) print_error("%s: %s (%d)\n", #call, ok_.what, ok_.os);             \
        assert_int_equal(ok_.code, ERR_OK);                                                        \
    } while (0)
#define assert_err(call, wanted)                                                                   \
    do {                                                                                           \
        struct err err_ = (call);                                                                  \
        assert_int_equal(err_.code, wanted);                                                       \
    } while (0)

/* A text of this kind in w, found or added; path FRAME_NO_PATH where the kind has none. */
uint32_t sample_text(struct frame_writer *w, enum text_kind kind, enum frame_text_state state,
                     uint32_t path, const char *text);
struct id128 sample_id(uint64_t n); /* 16 bytes made of n */
/* One frame with each record type, each value, nested lists; `number` makes frames differ. Owned by
 * out (malloc). */
struct str sample_frame(const struct team_public *team, uint64_t project, unsigned number);
/* A small frame: one event, nothing sealed. */
struct str sample_small(unsigned number);
void sample_resum(struct str frame); /* sets the checksum right again after a change */

/* A fresh folder under /tmp; sample_remove takes it away with its files. */
char *sample_folder(void);
void sample_remove(char *folder);
struct str sample_read(const char *folder, const char *name); /* whole file, malloc */
void sample_write(const char *folder, const char *name, struct str bytes);
