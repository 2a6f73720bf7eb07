/* inside.h: what front's files share. Private.
 *
 *   front.c     the process: start in its order, the loop, the drain
 *   project.c   per project: frame, crowd, quota; rebuilding the readable sets
 *   group.c     the commit group: finish, append, commit or abort, release
 *   calls.c     the system calls that are left
 *   serve.c     a request: path -> intake -> verdict and answer
 */
#pragma once

#include "channel/channel.h"
#include "crowd/crowd.h"
#include "edge/edge.h"
#include "front/front.h"
#include "intake/intake.h"
#include "journal/journal.h"
#include "registry/registry.h"

#define FRONT_CANDIDATES ((size_t)1 << 17) /* per project */

/* One project of the registry, for as long as the process lives. */
struct front_project {
    uint64_t id;
    struct crowd *crowd;
    struct frame_writer *writer; /* NULL until its first record */
    bool open;                   /* the writer holds a frame of the open group */
    bool touched;                /* by the request in hand */
    size_t records_before;       /* of the frame, before the request in hand */
    int64_t minute;              /* the quota's: minutes since 1970 */
    uint64_t used;               /* records in it */
};

struct front {
    const struct process_setup *setup;
    struct channel *channel;
    char registry_path[4200], journal_path[4200];
    struct registry *registry;
    uint64_t seen, readings;        /* the page's generation when it was read; how often it was */
    struct front_project *projects; /* [n_projects], sorted by id */
    size_t n_projects;
    struct front_project **open; /* [n_projects]: those with a frame in the open group */
    struct front_project *
        *touched; /* [n_projects]: those that the request in hand has records of */
    size_t n_open, n_touched;
    struct intake *intake;
    struct journal *journal;
    struct edge *edge;
    struct intake_group group;
    int64_t arrival_us; /* of the request in hand */
    bool must_abort;    /* the open group cannot be kept */
    bool failed;        /* EDGE_DONE requests of the group being released are answered 503 */
    bool full;          /* the last append failed: the next is not held */
    uint64_t events, profile_ops; /* accepted in the open group */
    int64_t retry_us;             /* when keep_up tries again what failed */
    uint64_t rotated;             /* channel's rotate_asked that was served */
    int64_t counted_us;
    struct edge_counters counted; /* already in the channel */
    struct buf patterns, cert, key;
};

/* project.c */
struct front_project *front_project(struct front *f, uint64_t id); /* NULL: not in the registry */
/* The registry's projects become f's: new ones are added with their sets as read from front/, gone
 * ones dropped. */
struct err front_projects_update(struct front *f);
/* Readable texts of the journal's frames behind each project's saved set. Before the sandbox. */
struct err front_projects_follow(struct front *f);
/* Texts that console asks to forget (front/crowd-*.forget), between groups. */
void front_projects_forget(struct front *f);
void front_projects_save(struct front *f); /* candidates, at a clean stop */
void front_projects_free(struct front *f);
struct frame_writer *front_writer(void *ctx, const struct registry_project *p); /* intake_group */
struct crowd *front_crowd(void *ctx, const struct registry_project *p);
void front_request_begin(struct front *f);
void front_request_end(struct front *f); /* counts the quotas */
size_t front_group_bytes(const struct front *f);

/* group.c */
void front_commit(
    struct front *f); /* the open group: durable and answered 200, or given up and answered 503 */

/* serve.c */
enum edge_verdict front_serve(void *ctx, struct edge_request *q, struct edge_reply *r);

/* calls.c: after sandbox_close. */
struct err front_close_calls(void);
