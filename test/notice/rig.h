/* rig.h: a notice module on a real database, a page with two components, and this test as the
 * courier at the other end of a real post. */
#pragma once

#include "notice/notice.h"
#include "json/json.h"

struct sent { /* what the courier was told to send */
    int64_t id;
    bool mail;
    char to[400];
    char *data; /* owned: the mail, or the body */
    char headers[600];
};
struct rig {
    char folder[64];
    struct meta *meta;
    struct notice *notice;
    struct post *post;    /* the console's end, borrowed by notice */
    struct post *courier; /* the other */
    int fds[2];
    uint8_t root[32];
    struct arena *arena;
    struct status_model model;
    struct status_component components[2];
    struct status_incident incident;
    struct status_update update;
    uint32_t affected[1];
    int64_t now_us;
    struct sent *got; /* [n_got] of the last rig_courier */
    size_t n_got;
};
void rig_begin(struct rig *r);
void rig_end(struct rig *r);
/* The console dies and starts again; the post stays. */
void rig_restart(struct rig *r);
void rig_turn(struct rig *r); /* one turn at now_us */
/* Reads what was handed over into got (freed by the next call). */
void rig_courier(struct rig *r);
void rig_answer(struct rig *r, int64_t id, const char *result, const char *class, int code);
void rig_hello(struct rig *r);
/* Passes answers that wait in the post to notice. */
void rig_deliver(struct rig *r);
int64_t rig_add_mail(struct rig *r, const char *address); /* active at once */
int64_t rig_add_hook(struct rig *r, enum notice_kind k, const char *url);
/* A new update of the incident, queued. */
void rig_update(struct rig *r, enum status_phase phase, const char *body);
int64_t rig_count(struct rig *r, const char *sql);
