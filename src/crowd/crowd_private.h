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
