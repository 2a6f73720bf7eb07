/* inside.h: what monitor's files share. Private.
 *
 *   window.c   maintenance windows (pure)
 *   agree.c    what the places say together (pure)
 *   list.c     the list: from status' table, to the courier and the agents
 *   edit.c     a monitor's JSON: checked, merged, saved
 *   put.c      as JSON for people
 *   agent.c    agents and their files
 *   monitor.c  the thread: post, heartbeats, deadlines, dependencies
 */
#pragma once

#include <pthread.h>

#include "monitor/monitor.h"
#include "probe/probe.h"
#include "seal/seal.h"

#define MONITORS_MAX 5000
#define WINDOWS_MAX 8
#define HOW_BYTES 20000
#define HEARTBEATS_MAX 4096
#define TRIES_MAX 16

/* ---- window.c ---- */
struct window {
    struct zone *zone; /* owned */
    uint8_t days;      /* bit 0: Monday; on which it begins */
    int from, until;   /* minutes of the day; until <= from: over midnight */
};
/* "windows": [{"zone","days":["mon",…],"from":"22:30","to":"02:00"}]; fault: what is wrong. */
struct err window_read(const struct json *v, struct window *out);
bool window_is_open(const struct window *w, int64_t us);
void window_done(struct window *w);

/* ---- agree.c ---- */
enum together { ALL_UP, FAILING, ALL_DOWN, NOBODY_KNOWS };
struct word { /* one place's last */
    uint32_t place;
    int64_t heard_us; /* monotonic; 0: never */
    struct post_beat beat;
};
/* quorum 0: more than half of those who see. */
enum together agree(const struct word *words, size_t n, uint32_t quorum, int64_t fresh_after_us);

/* ---- the list ---- */
struct monitor {
    uint32_t number, component, parent, quorum;
    enum probe_kind kind;
    bool is_off, is_public;
    struct str name, group, target, how; /* in the list's arena */
    int64_t interval_us, grace_us;
    uint32_t places[MONITOR_PLACES_MAX]; /* [n_places]; none: all */
    size_t n_places;
    struct window windows[WINDOWS_MAX];
    size_t n_windows;
    uint8_t token_hash[32];
    /* what is known, kept over reloads */
    struct word words[MONITOR_PLACES_MAX];
    size_t n_words;
    enum together state;
    bool told_down;        /* status was told, hard */
    int64_t failing_us;    /* wall: since when; 0: it is not */
    int64_t decided_us;    /* monotonic: when down was agreed on; 0: it is not */
    int64_t decided_at_us; /* the same by the wall clock: parents have to be looked at since */
    int64_t alive_us;      /* push: monotonic of the last beat, or of the first load */
    int64_t born_us;       /* monotonic of the first load */
    uint64_t late, worst_late_us, beats;
};
struct agent {
    uint32_t number;
    char name[44];
    uint8_t key_hash[32];
    int64_t created_us, seen_us; /* seen: wall; 0: not since the start */
};
struct trial {
    int64_t id; /* 0: free */
    bool over;
    struct post_beat beat;
};
struct monitors {
    struct monitors_config config;
    pthread_mutex_t lock;    /* guards all below; never held while asking status or meta */
    pthread_mutex_t editing; /* one change at a time; taken before lock */
    pthread_cond_t tried;
    struct arena *arena;  /* of the list */
    struct monitor *list; /* [n], by number */
    size_t n;
    struct agent agents[MONITOR_PLACES_MAX - 1];
    size_t n_agents;
    struct trial trials[TRIES_MAX];
    int64_t next_trial;
    uint64_t generation; /* of status, when the list was read */
    uint64_t project;    /* whose journal takes agents' beats */
    uint64_t sum, told;  /* of what courier and agents need: of the list, of what they were told */
    int64_t told_us;     /* monotonic */
    bool offline, stopping, runs;
    int wake, post_fd;
    pthread_t thread;
    pthread_mutex_t heard; /* guards what follows: taken alone, and by the store's follower */
    struct status_heartbeat heartbeats[HEARTBEATS_MAX];
    size_t n_heartbeats;
    uint64_t lost_heartbeats;
};
struct monitor *monitors_find(struct monitors *m, uint32_t number); /* under lock */

/* list.c */
struct err monitors_load(struct monitors *m); /* under editing */
void monitors_tell(struct monitors *m);       /* the list to courier and agents, if it changed */
/* {"number","kind",…} of a prober for this place: the index-th of n that share the interval. */
struct share {
    uint32_t place;
    size_t index, n;
};
void monitors_put_config(struct jout *j, const struct monitor *k, const struct share *s);
bool monitors_runs_at(const struct monitor *k, uint32_t place);
struct share monitors_share(const struct monitors *m, const struct monitor *k, uint32_t place);
void monitors_list_free(struct arena *a, struct monitor *list, size_t n);
/* Members of `how` that are this module's. fault: as monitors_save. */
struct err monitors_read_how(const struct json *how, struct monitor *out,
                             char fault[MONITOR_FAULT_BYTES]);

/* agent.c */
extern const char *const monitors_agent_steps[1];
struct err monitors_load_agents(struct monitors *m); /* under editing */
void monitors_write_agents(struct monitors *m);

/* monitor.c */
void monitors_wake(struct monitors *m);
void monitors_post(struct monitors *m, const struct buf *message);
