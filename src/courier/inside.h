/* inside.h: what the courier's files share. Private.
 *
 *   courier.c   the process: start, sandbox, loop
 */
#pragma once

#include "courier/courier.h"
#include "post/post.h"

struct courier {
    const struct process_setup *setup;
    struct post *post;
    struct arena *arena; /* of the message in hand */
    int64_t resolver_was, resolver_look_us;
};
