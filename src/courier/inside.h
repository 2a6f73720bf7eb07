/* inside.h: what the courier's files share. Private.
 *
 *   courier.c   the process: start, sandbox, loop; messages in and out
 *   prober.c    all monitors of one place (prober.h)
 *   agent.c     `weir probe`: the same at another place
 *   send.c      mails and webhooks: the list of numbers and its loop (send.h)
 *   send_log.c  what is known of each number, on disk
 *   mail.c      one mail
 *   hook.c      one webhook
 */
#pragma once

#include "courier/courier.h"
#include "courier/prober.h"
#include "courier/send.h"

struct courier {
    const struct process_setup *setup;
    struct post *post;
    struct arena *arena; /* of the message in hand */
    struct buf out;      /* of the message being written */
    struct prober *prober;
    struct send *send; /* mails and webhooks */
    int64_t resolver_was, resolver_look_us;
};
