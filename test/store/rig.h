/* rig.h: a store on a folder of its own, fed by frames through a real journal. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "store/store.h"

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        struct err ok_err_ = (call);                                                               \
        if (ok_err_.code) fail_msg("%s: %s (%s)", #call, ok_err_.what, err_name(ok_err_.code));    \
    } while (0)

struct rig {
    char folder[64];
    struct meta *meta;
    struct store *store;
    struct journal *journal;
    struct frame_writer *frame;
    struct team_secret team;
    uint8_t root[32];
    struct store_project project;
    struct seal_keys keys;
    _Atomic uint64_t synced;
    void (*attend)(struct rig *r); /* before the store starts; NULL: nothing */
};

void rig_start(struct rig *r); /* a fresh folder with one project */
void rig_open(struct rig *r);  /* opens what is in the folder */
void rig_close(struct rig *r);
void rig_remove(struct rig *r);

/* One frame: rig_begin, puts, rig_commit. */
void rig_begin(struct rig *r);
uint32_t rig_text(struct rig *r, enum text_kind kind, const char *path, const char *text,
                  bool readable);
/* An event. who and device: NULL is none; with both it maps the device to who. insert NULL: none.
 */
struct rig_event {
    const char *name, *who, *device;
    int64_t time_s;
    const char *insert, *property, *value;
    bool readable; /* the value */
};
void rig_event(struct rig *r, struct rig_event e);
void rig_user_set(struct rig *r, const char *who, const char *property, const char *value,
                  bool readable);
void rig_user_add(struct rig *r, const char *who, const char *property, double number);
/* An operation with the sealed texts PREFIX + number, [from, to), as one list; none: of null. */
struct rig_list {
    const char *who, *property, *prefix;
    int from, to;
};
void rig_user_list(struct rig *r, enum profile_op op, struct rig_list l);
void rig_user_delete(struct rig *r, const char *who);
/* The number that an SQL question of meta answers. */
int64_t rig_number(struct rig *r, const char *sql);
void rig_commit(struct rig *r); /* appended, synced, visible */
void rig_flush(struct rig *r);  /* and in parts on disk */

/* An answer to a question (JSON text, owned by the rig until the next). */
const char *rig_ask(struct rig *r, bool admin, const char *question);
/* The number behind the first "total": of an answer. */
double rig_total(struct rig *r, const char *event, const char *measure);
