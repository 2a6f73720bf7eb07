/* rig.h: a status page on a folder of its own, with a real store and a real journal. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "status/status.h"

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct err ok_err_ = (call);                                                               \
        if (ok_err_.code) fail_msg("%s: %s (%s)", #call, ok_err_.what, err_name(ok_err_.code));    \
    } while (0)

struct rig {
    char folder[64];
    struct meta *meta;
    struct store *store;
    struct status *status;
    struct journal *journal;
    struct frame_writer *frame;
    struct team_secret team;
    uint8_t root[32];
    struct store_project project;
    struct seal_keys keys;
    _Atomic uint64_t synced;
    struct arena *arena;
    struct status_model *model; /* of the last rig_look */
    int changed, noticed;       /* calls of the hooks */
};
void rig_start(struct rig *r); /* a fresh folder with a project, a page that takes its reports */
void rig_open(struct rig *r, bool with_loop);
void rig_close(struct rig *r);
void rig_remove(struct rig *r);
void rig_look(struct rig *r); /* a snapshot into r->model; the one before dies */

/* A component; gives its number. */
uint32_t rig_component(struct rig *r, const char *name, enum status_rule rule);
struct status_component *rig_find(struct rig *r, uint32_t number); /* of the last look */

/* One frame that arrived at `at_us`: rig_frame, events, rig_commit. */
void rig_frame(struct rig *r, int64_t at_us);
struct rig_event {
    const char *name, *who;
    int64_t at_us;
    double numbers[6]; /* of a $problem_report, or `status` in the first */
};
void rig_event(struct rig *r, struct rig_event e);
void rig_commit(struct rig *r); /* appended, synced, shown to the tap */
int64_t rig_number(struct rig *r, const char *sql);
