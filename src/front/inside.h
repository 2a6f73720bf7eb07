/* inside.h: what front's files share. Private.
 *
 *   front.c     the process: start in its order, the loop, the drain
 *   project.c   per project: frame, crowd, quota; rebuilding the readable sets
 *   group.c     the commit group: finish, append, commit or abort, release
 *   calls.c     the system calls that are left
 *   subscribe.c letters of those who want notices, or no more
 *   serve.c     a request: path -> intake -> verdict and answer
 *   status.c    the status page: its files in memory, and the ready answers from them
 *   report.c    problem reports; push.c beats of push monitors: strangers' words into own events
 *   agent.c     probers at other places: their list, their beats
 *   flood.c     how much one network may have journalled
 */
#pragma once

#include "channel/channel.h"
#include "crowd/crowd.h"
#include "edge/edge.h"
#include "front/front.h"
#include "intake/intake.h"
#include "journal/journal.h"
#include "page/page.h"
#include "registry/registry.h"

#define FRONT_REPORT_BYTES ((size_t)16 << 10) /* largest body of a problem report */
#define FRONT_CANDIDATES ((size_t)1 << 17)    /* per project */

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

struct front_flood;
/* How many letters came, and from where; all of it is memory. */
#define FRONT_PREFIXES 4096
struct front_letters {
    uint64_t key; /* random; 0: not used yet */
    int64_t left_us, last_us;
    uint32_t at; /* slot of the letterbox to try next */
    struct front_letters_from {
        uint32_t hour, n;
    } from[FRONT_PREFIXES];
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
    int64_t busy_us;              /* when the last group was; 0: the front has come to rest since */
    struct edge_counters counted; /* already in the channel */
    struct buf patterns, cert, key;
    struct page *page;         /* NULL: none was ever published */
    struct page_door *door;    /* the same */
    uint64_t status_seen;      /* channel's status_generation when the two were read */
    struct front_flood *flood; /* counts of reports by network, of beats by monitor */
    struct json_parser *json;  /* of reports */
    struct front_letters letters;
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
void front_projects_rest(struct front *f); /* memory that is only for speed goes back */
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

/* subscribe.c: false: the path is not one of its own. Answers at once. */
bool front_subscribe(struct front *f, struct edge_request *q, struct edge_reply *r);

/* calls.c: after sandbox_close. */
struct err front_close_calls(void);

/* Journals one event that the front makes itself (`json`: a whole event, in the request's arena)
 * and answers when it is durable: `answer` is then asked, with `durable` false for what could not
 * be kept. */
struct front_own {
    struct str json;
    void (*answer)(struct edge_request *q, struct edge_reply *r, bool durable, void *more);
    void *more; /* in the request's arena */
};
enum edge_verdict front_take_own(struct front *f, struct edge_request *q,
                                 const struct front_own *own, struct edge_reply *r);

/* status.c */
/* Reads front/status if console published since; what cannot be read leaves the old in force. */
void front_status_keep_up(struct front *f);
void front_status_free(struct front *f);
/* Whether the path is the status page's; then the verdict is in out. */
bool front_status(struct front *f, struct edge_request *q, struct edge_reply *r,
                  enum edge_verdict *out);
/* The token of the page's project; empty: the registry has none. */
struct str front_status_token(const struct front *f);
/* A small JSON answer, by format. */
void front_json(struct edge_request *q, struct edge_reply *r, int status, const char *json);

/* report.c, push.c */
enum edge_verdict front_report(struct front *f, struct edge_request *q, struct edge_reply *r);
enum edge_verdict front_push_kuma(struct front *f, struct edge_request *q, struct edge_reply *r);
enum edge_verdict front_push_gatus(struct front *f, struct edge_request *q, struct edge_reply *r);
/* agent.c: /status/agent, of probers at other places */
enum edge_verdict front_agent(struct front *f, struct edge_request *q, struct edge_reply *r);

/* flood.c */
#define FRONT_REPORTS_MINUTE 30 /* of one prefix that are journalled */
#define FRONT_REPORTS_HOUR 300
#define FRONT_REPORTS_ALL 20000            /* a minute, of all */
#define FRONT_BEATS_MINUTE 120             /* of one monitor */
struct front_flood *front_flood_new(void); /* NULL: no memory; about 2 MB */
void front_flood_free(struct front_flood *f);
/* Notes one more of `key` (0: of all together); false: over one of the caps (0: no cap), and not
 * noted. */
struct front_cap {
    uint32_t minute, hour;
};
bool front_flood_take(struct front_flood *f, uint64_t key, struct front_cap cap, int64_t now_us);
