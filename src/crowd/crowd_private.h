/* crowd_private.h: private to crowd. One project's state. */
#pragma once

#include "crowd/crowd.h"
#include "crowd/ids.h"
#include "crowd/table.h"

/* Texts that can be readable in one project: 1.5 GiB of memory when reached. */
#define CROWD_MAX_READABLE ((size_t)1 << 25)

struct crowd {
    struct crowd_ids readable; /* durable; always has room for the pending */
    struct crowd_ids pending;  /* of the running commit group */
    struct crowd_table candidates;
};

/* The files' contents in memory, for the fuzz targets: parse what read reads, print what write
 * writes. */
struct err crowd_set_parse(struct str content, struct crowd *into, uint64_t *out_journal_position);
struct err crowd_forget_parse(struct str content, struct crowd *from);
struct err crowd_candidates_parse(struct str content, struct crowd *into);
struct err crowd_candidates_print(const struct crowd *c, struct buf *out);
