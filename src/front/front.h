/* front.h: the process that parses what strangers send: edge (EDGE_GROUP) -> intake -> journal, and
 * nothing else.
 *
 * Steps at start: read front/registry, recover the journal, rebuild the readable sets (crowd
 * snapshot + later frames), close the sandbox, say ready. Each turn: read all ready requests,
 * append and sync one commit group, answer. Sees: front/ (read and write), journal/ (write), the
 * geo file; opens no stored event, dials nowhere.
 */
#pragma once

#include "supervise/supervise.h"

int front_run(const struct process_setup *s);
