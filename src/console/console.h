/* console.h: the process that keeps and answers: store, trust, team door. Cannot dial out.
 *
 * Steps at start: keys (root key, team key pair: made on first start), meta, store, registry for
 * front, sandbox, threads, ready.
 */
#pragma once

#include "supervise/supervise.h"

int console_run(const struct process_setup *s);
