/* supervise.h: `main`: owns the listening sockets, starts the children from a table, restarts the
 * dead, and drains on SIGTERM.
 *
 * Depends on: base, settings, channel. Used by: main.c, cli.
 */
#pragma once

#include "channel/channel.h"
#include "settings/settings.h"

enum process { PROCESS_FRONT, PROCESS_CONSOLE, PROCESS_COURIER, PROCESSES_N };

/* What a child gets. Descriptors not meant for it are closed before `run`. */
struct process_setup {
    const struct settings *settings;
    struct channel *channel;
    int door;       /* listening TCP socket, -1 when no_doors */
    int local_door; /* unix socket in DIR/run/, mode 0600 */
    int post_fd;    /* console's and courier's ends of the pair between them; front: -1 */
    int ready_fd;   /* write one byte when serving, then close */
    int stop_fd;    /* readable (eventfd): drain and exit 0 */
};
typedef int (*process_run)(const struct process_setup *s);
struct process_row {
    enum process id;
    const char *name; /* "front" */
    process_run run;
};

/* Runs until SIGTERM/SIGINT; returns the exit code. Steps: folder, lock (waits 10 s), sockets (wait
 * 10 s), page, children, ready line. Without doors there is no courier: a command needs none. A
 * child that dies is restarted: first at once, then after 100 ms doubling to 5 s while it keeps
 * dying within a second. Children die with main (PDEATHSIG). on_ready (may be NULL) is called
 * instead of printing the ready line. */
int supervise_run(const struct settings *s, const struct process_row *table, int n,
                  void (*on_ready)(const char *public_url, const char *team_url));
/* Whether a server with doors holds the folder (a command that started one for itself does not
 * count). */
bool supervise_is_running(const struct settings *s);
