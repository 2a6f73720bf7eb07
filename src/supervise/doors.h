/* doors.h: the listening sockets and the folder's lock; private to src/supervise. */
#pragma once

#include "supervise/supervise.h"

#define DOORS_WAIT_US (10 * US_PER_S)

struct doors {
    int lock;               /* held for as long as main lives */
    int tcp[PROCESSES_N];   /* -1: none */
    int local[PROCESSES_N]; /* unix sockets in DIR/run/ */
};
/* Folder, lock (waits), sockets (wait). The fault says what could not be had, for people. */
struct err doors_open(const struct settings *s, struct doors *out, char fault[256]);
void doors_close(struct doors *d);
/* Fills an empty URL with the socket's address as bound ("http://127.0.0.1:8100"); takes trailing
 * slashes off one that is there. */
void doors_url(int fd, bool tls, char url[512]);
