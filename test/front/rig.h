/* rig.h: a front as a process of its own, on a fresh folder, with a disk that the test can break.
 */
#pragma once

#include "front/inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct err ok_ = (call);                                                                   \
        if (ok_.code != ERR_OK) print_error("%s: %s (%d)\n", #call, ok_.what, ok_.os);             \
        assert_int_equal(ok_.code, ERR_OK);                                                        \
    } while (0)

struct rig {
    struct settings settings;
    struct channel channel;
    struct team_secret team;
    uint32_t quota;
    const char *second_token; /* a second project, once set and the registry written */
    int door, local_door, port;
    pid_t pid;
    int stop_fd;
};
/* What the front's process and the test share. */
struct disk {
    atomic_int fail; /* errno of each write to the journal; 0: it works */
    atomic_int appends;
    atomic_int slow_ms; /* each append takes so long */
};
extern struct disk *disk;

void rig_make(struct rig *r);
void rig_registry(struct rig *r); /* writes it, raises the generation, wakes */
void rig_start(struct rig *r);    /* and waits for ready */
void rig_kill(struct rig *r);
void rig_new_door(struct rig *r); /* what is queued at the old one is reset */
int rig_stop(struct rig *r);      /* drains; its exit code */
void rig_remove(struct rig *r);

int rig_connect(const struct rig *r);
/* One request on a connection of its own or on fd (-1: none); the status, 0 if the connection
 * broke. The answer's bytes in out. */
int rig_ask(const struct rig *r, int fd, const char *request, char *out, size_t max);
/* POST /track with one event of this person and plan. */
int rig_track(const struct rig *r, int fd, const char *token, const char *person, const char *plan);
const char *rig_body(const char *answer);
/* Events in the journal below the published position; calls see for each when it is not NULL. */
size_t rig_events(const struct rig *r,
                  void (*see)(void *ctx, struct frame *f, const struct frame_event *e), void *ctx);
