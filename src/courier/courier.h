/* courier.h: the process that dials out: probes, mails, webhooks. It has no door, no data folder,
 * no key of the store; what it must know comes by post from the console, what it finds goes back
 * the same way.
 *
 * Steps at start: what the sandbox will forbid (its own folder DIR/courier), sandbox (outgoing TCP
 * and UDP; resolver files and TLS roots to read), ready, hello. Nothing of libcurl or c-ares is
 * touched before the first message that needs it, so that an idle courier costs about 3 MB.
 *
 * Depends on: base, json, settings, sandbox, post, probe, supervise. Used by: main.c, cli.
 */
#pragma once

#include "supervise/supervise.h"

int courier_run(const struct process_setup *s);

/* `weir probe`: the same prober at another place. Runs until SIGTERM or SIGINT; returns the exit
 * code. It asks the server's public door every five seconds what to check, and tells it what it
 * found within a second. The sandbox is the courier's, without a folder of its own. All borrowed
 * for the call. */
struct courier_agent {
    const struct settings *settings; /* allow_internal, references */
    const char *server;              /* "https://status.example.com", no slash at the end */
    const char *key, *place;         /* place: for the log */
};
int courier_agent_run(const struct courier_agent *how);
