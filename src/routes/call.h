/* call.h: one request on its way through the table; private to src/routes. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "routes/routes.h"
#include "json/json.h"

/* Questions at once, and what each may have (ask.c). */
#define SMALL_PLACES 28
#define SMALL_BYTES ((size_t)32 << 20)
#define SMALL_ANSWER_BYTES ((size_t)2 << 20)
#define LARGE_PLACES 2
#define LARGE_BYTES QUESTION_BYTES
#define LARGE_ANSWER_BYTES ((size_t)64 << 20)
#define QUESTION_THREADS 2
#define QUESTION_SECONDS 60
#define QUESTION_BYTES ((size_t)256 << 20)
#define ANSWER_BYTES ((size_t)256 << 20)
#define SESSION_COOKIE "weir_session"

struct routes {
    struct routes_config config;
    pthread_rwlock_t team_lock; /* guards team, secret, has_secret */
    struct team_public team;
    struct team_secret secret;
    bool has_secret;
    struct team_secret next; /* of a prepared `weir seal` */
    bool has_next;
    pthread_mutex_t seal_lock; /* one sealing or registry write at a time */
    sem_t questions, large;    /* places */
    struct query_turns *turns; /* CPUs that questions share */
    atomic_int running;        /* questions, now */
    atomic_int stopping;
    atomic_bool caught_up; /* what was durable when this process started is visible */
};

struct call {
    struct routes *routes;
    struct edge_request *q;
    struct edge_reply *r;
    struct actor actor;
    bool is_operator; /* the local socket */
    uint64_t id;      /* {id} of the path: a project the actor may see; 0: the pattern has none */
    struct str key;   /* {key} of the path, as it came; empty: the pattern has none */
    const struct json *body; /* NULL: none or not JSON (then answered) */
};
typedef void (*route_run)(struct call *c);

/* ---- answers (table.c) ---- */
void answer_json(struct call *c, const struct buf *json);
void answer_error(struct call *c, int status, const char *code, const char *message,
                  const char *field);
void answer_failure(struct call *c, const char *doing, struct err e); /* logs, hides */
/* The body as a JSON object; answers 400 and gives false if it is not one. */
bool call_body(struct call *c);
/* Members of the body: a missing one gives the empty string or `otherwise`. Wrong type: answers
 * 400, false. */
bool call_string(struct call *c, const char *name, struct str *out);
bool call_number(struct call *c, const char *name, int64_t otherwise, int64_t *out);
bool call_only(struct call *c, const char *const *names,
               size_t n); /* unknown members: 400 that names them */
/* May the actor see this project? Answers 404 if not. */
bool call_project(struct call *c, uint64_t id);
/* A world, and the rights that a role has in it. */
struct err call_open_world(struct routes *r, enum role role, uint64_t project,
                           struct query_rights *rights, struct store_world **out);
/* A world with the actor's rights; answers on failure. */
struct store_world *call_world(struct call *c, uint64_t project, struct query_rights *rights);

/* auth.c: fills actor. False: nobody. */
bool auth_identify(struct call *c);
bool auth_csrf_ok(const struct call *c);

/* ask.c: a clear literal was used: written down before the answer goes out. False: answered. */
bool ask_log_literal(struct call *c, uint64_t project);
/* handlers, by file */
void access_login(struct call *c);
void access_logout(struct call *c);
void access_session(struct call *c);
void access_link(struct call *c);
void access_key(struct call *c);
void access_keys(struct call *c);
void access_key_end(struct call *c);
void projects_create(struct call *c);
void projects_lexicon(struct call *c);
void projects_values(struct call *c);
void projects_snippet(struct call *c);
void rules_settings(struct call *c);
void rules_change_settings(struct call *c);
void lexicon_marks(struct call *c);
void lexicon_mark(struct call *c);
void lexicon_publish(struct call *c);
void ask_query(struct call *c);
void live_events(struct call *c);
void export_events(struct call *c);
void sealing_texts(struct call *c);
void sealing_prepare(struct call *c);
void sealing_commit(struct call *c);
void erasing_begin(struct call *c);
void erasing_one(struct call *c);
void erasing_list(struct call *c);
void care_status(struct call *c);
void care_metrics(struct call *c);
void care_healthz(struct call *c);
void care_flush(struct call *c);
void care_check(struct call *c);
void routes_asset(struct call *c);
void components_board(struct call *c);
void components_page(struct call *c);
void components_list(struct call *c);
void components_create(struct call *c);
void components_read(struct call *c);
void components_change(struct call *c);
void components_drop(struct call *c);
void components_normal(struct call *c);
void components_signals(struct call *c);
void incidents_list(struct call *c);
void incidents_open(struct call *c);
void incidents_read(struct call *c);
void incidents_rename(struct call *c);
void incidents_update(struct call *c);
void incidents_merge(struct call *c);
void incidents_postmortem(struct call *c);
void incidents_drop(struct call *c);
void probes_list(struct call *c);
void probes_create(struct call *c);
void probes_read(struct call *c);
void probes_change(struct call *c);
void probes_drop(struct call *c);
void probes_try(struct call *c);
void probes_agent_create(struct call *c);
void probes_agent_drop(struct call *c);

/* sealing.c: one text as `$sealed` and POST /sealed give it; false: it is not sealed (any more). */
bool sealing_put(struct jout *j, const struct store_world *w, struct id128 hash, struct arena *a);
/* A new journal file; what the front reads is in force there. ERR_TIMEOUT: it is away. */
struct err sealing_rotate(struct routes *r);
struct err sealing_wait_front(struct routes *r);
void sealing_put_check(struct jout *j, const struct store_world *w, const struct team_public *team);
void subscribers_add(struct call *c);
void subscribers_list(struct call *c);
void subscribers_find(struct call *c);
void subscribers_remove(struct call *c);
void subscribers_resend(struct call *c);
void subscribers_test(struct call *c);
void subscribers_bounced(struct call *c);
void subscribers_notices(struct call *c);
void subscribers_again(struct call *c);
void subscribers_alerts(struct call *c);
