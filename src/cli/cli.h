/* cli.h: the command line (INTERFACE.md, "The command weir").
 *
 * One way to act: through the server's local sockets (DIR/run/front.sock, DIR/run/console.sock).
 * Where no server runs on the folder, a command starts one without doors for its own duration, so
 * that there is one code path to the data. `open` works offline.
 */
#pragma once

#include "supervise/supervise.h"

int cli_main(int argc, char **argv, const struct process_row *processes, int n);
