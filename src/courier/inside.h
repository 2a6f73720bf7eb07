/* inside.h: what the courier's files share. Private.
 *
 *   courier.c   the process: start, sandbox, loop; messages in and out
 *   prober.c    all monitors of one place (prober.h)
 *   agent.c     `weir probe`: the same at another place
 */
#pragma once

#include "courier/courier.h"
#include "courier/prober.h"

struct courier {
    const struct process_setup *setup;
    struct post *post;
    struct arena *arena; /* of the message in hand */
    struct buf out;      /* of the message being written */
    struct prober *prober;
    int64_t resolver_was, resolver_look_us;
};
