/* sandbox.h: what a process may still do once it has what it needs: Landlock for files, seccomp for
 * system calls.
 *
 * Landlock binds the calling thread and what it starts: close before any thread. Rights that this
 * kernel's ABI does not know are masked; a kernel without Landlock or seccomp is logged once and
 * the process goes on with what there is. No new privileges, no core dumps, not dumpable (nobody
 * attaches, /proc is root's).
 *
 * Depends on: base, libseccomp. Used by: front, console, courier.
 */
#pragma once

#include "base/base.h"

enum sandbox_write {
    SANDBOX_READ,      /* read only */
    SANDBOX_WRITE,     /* (true) create, change, rename, remove below it, and read */
    SANDBOX_WRITE_ONLY /* create, change, remove below it, but read nothing there: front's journal
                        */
};
struct sandbox_path {
    const char *path; /* a folder (all below it) or a file; one that does not exist is left out */
    enum sandbox_write write;
};

/* Also refuses the calls that neither child has a use for: sockets of its own, connect, exec,
 * tracing, kernel doors. */
struct err sandbox_close(const struct sandbox_path *paths, size_t n);
/* The same for the process that dials out: TCP and UDP over IPv4 and IPv6, and pairs of its own,
 * are left. Nothing can be bound or listened on, and no local socket reached (Landlock does not
 * guard those). */
struct err sandbox_close_dialing(const struct sandbox_path *paths, size_t n);
