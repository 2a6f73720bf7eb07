/* monitor.h: the console's half of the probes: the list of monitors for the courier and the agents,
 * and what their beats mean together.
 *
 * A beat is one place's word. A monitor is down when most of the places that can see say so (or as
 * many as its quorum asks), each after its own retries; a place that has lost its own connection
 * says nothing. A monitor whose parent is down, or that is in a maintenance window, raises nothing.
 * What is left goes to status_result: that opens incidents.
 *
 * The table of monitors is status' (`how` holds everything of a prober and of this module as JSON).
 * Here are the agents (owner "monitor" in meta.db), the places' last words, and the thread that
 * reads the post.
 *
 * Threading: any thread. Depends on: base, json, seal, meta, status, post, probe.
 * Used by: routes, console.
 */
#pragma once

#include "post/post.h"
#include "status/status.h"

#define MONITOR_PLACES_MAX 16 /* the courier and the agents */
#define MONITOR_SECRET_BYTES 40
#define MONITOR_FAULT_BYTES 160

struct monitors;
struct monitors_config {
    struct meta *meta;
    struct status *status;
    struct post
        *post; /* to the courier, borrowed for life; NULL: a command's server, nothing is checked */
    const char *front_folder; /* DIR/front: lists for agents go below it; borrowed for life */
    /* hello and sent, which are others' too; may be NULL. */
    void (*forward)(void *ctx, const struct post_message *m);
    void *ctx;
};
struct err monitors_open(const struct monitors_config *c, struct monitors **out);
/* Reads the list, starts the thread. post_fd: of c->post, polled. */
struct err monitors_start(struct monitors *m, int post_fd);
void monitors_stop(struct monitors *m);  /* whoever waits for a trial waits no more; takes NULL */
void monitors_close(struct monitors *m); /* stops the thread; takes NULL */
AUTO_DEFINE(struct monitors *, monitors_close);
/* status_hooks.heartbeat: copies it and returns. ctx: struct monitors *. */
void monitors_heartbeat(void *ctx, const struct status_heartbeat *b);

/* ---- editing (doc/monitors.md has the members). ERR_INVALID with "member: what is wrong" in
 * fault; ERR_NOTFOUND. ---- */

/* A new monitor, or with *number the changed one: members that are not named stay, null takes one
 * away. `component` is a number here. out_token [MONITOR_SECRET_BYTES]: of a new push monitor, else
 * empty. */
struct err monitors_save(struct monitors *m, const struct json *body, uint32_t *number,
                         char *out_token, char fault[MONITOR_FAULT_BYTES]);
struct err monitors_drop(struct monitors *m, uint32_t number);
/* One check by the courier, of a monitor as `body` would make it. Waits for it (at most 65 s);
 * ERR_TIMEOUT, ERR_BUSY. */
struct err monitors_try(struct monitors *m, const struct json *body, struct post_beat *out,
                        char fault[MONITOR_FAULT_BYTES]);

/* ---- reading: JSON values ---- */

/* model: names the components. */
struct err monitors_put_list(struct monitors *m, const struct status_model *model, struct jout *j);
struct err
monitors_put_one(struct monitors *m, uint32_t number, const struct status_model *model,
                 struct jout *j); /* with each place's last beat; the object is left open */
void monitors_put_places(struct monitors *m, struct jout *j);
void monitors_put_beat(struct jout *j, const struct post_beat *b); /* as people read it */

/* ---- agents ---- */

/* name: of the place, plain text of 1 to 40 bytes, unique. The key is told once. */
struct err monitors_agent_create(struct monitors *m, struct str name, uint32_t *out_number,
                                 char out_key[MONITOR_SECRET_BYTES]);
struct err monitors_agent_drop(struct monitors *m, uint32_t number);
