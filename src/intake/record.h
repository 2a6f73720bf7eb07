/* record.h: one request at work, and one record of it. Private. Depends on: the headers above it in
 * this folder. */
#pragma once

#include "intake/decode.h"
#include "intake/seen.h"
#include "intake/state.h"

/* What is wrong with a record, in words for the client: literals. */
struct intake_fault {
    const char *field, *message; /* message NULL: nothing */
};

/* A request while it is taken. */
struct intake_job {
    struct intake *in;
    const struct registry *registry;
    const struct intake_group *group;
    const struct intake_request *request;
    struct intake_result *result;
    struct intake_params params;
    const struct registry_project
        *fixed; /* /import: the project that the request was authorised for */
    bool strict, is_import;
    struct intake_door door; /* of the project of the last record; project NULL: none yet */
    struct str token;        /* the one that led to it */
};

/* How a record ended. */
enum intake_taken { TAKEN, TAKEN_IGNORED, TAKEN_FAULTY, TAKEN_LATER };

/* The door of a token's project; on anything but TAKEN the fault says why. */
enum intake_taken intake_open_door(struct intake_job *j, struct str token,
                                   struct intake_fault *fault);
/* Whether the record's project would be taken from now; asked for all records before the first is
 * taken: what a request has staged when it is refused stays, and would come again. *last: the token
 * asked for last, empty at first. */
bool intake_has_room(struct intake_job *j, const struct json *v, struct str *last);
enum intake_taken intake_take_event(struct intake_job *j, const struct json *v,
                                    struct str *out_insert_id, struct intake_fault *fault);
enum intake_taken intake_take_profile(struct intake_job *j, const struct json *v,
                                      struct intake_fault *fault);
/* /import: which project, by secret, token or (operator) number. NULL: refused. */
const struct registry_project *intake_authorise(struct intake_job *j);

/* ---- times ---- */

enum intake_when { WHEN_OK, WHEN_MISSING, WHEN_BAD, WHEN_FAR };
/* Seconds (with fraction) or, from 1e11 on, milliseconds; numbers or their text; ISO dates.
 * WHEN_FAR: before 1971 or more than an hour ahead. v may be NULL. */
enum intake_when intake_when_read(const struct json *v, int64_t arrival_us, int64_t *out_us);
/* A number of seconds or milliseconds as microseconds; false: out of what an int64 holds. */
bool intake_when_number(double v, int64_t *out_us);

/* ---- identity ---- */

/* An id as the text that it stands for: strings, numbers and booleans as written; empty: missing.
 */
struct str intake_id_text(const struct json *v);
struct intake_ids {
    struct str distinct, user, device; /* as sent; empty: missing */
    const uint8_t *address;            /* [16] of the person's device, as far as known */
    struct str os, browser;
};
struct intake_who {
    struct id128 person, device, sent;
    bool refused; /* the distinct id is one that stands for nobody */
};
/* Person, device and sent id; and d->sender, whom the crowd counts. */
void intake_who_is(struct intake_door *d, const struct intake_ids *ids, struct intake_who *out);
struct id128 intake_pseudonym(struct intake_door *d, struct str id);
/* Fingerprint of an $insert_id; 0 only for the empty one. */
uint64_t intake_insert_fingerprint(const struct intake_door *d, struct str insert_id);

/* Test projects: whether a record of this person and time may come in. No message: it may. */
struct intake_fault intake_trial_check(struct intake_door *d, struct id128 person, int64_t time_us,
                                       int64_t now_us);

/* ---- properties ---- */

struct intake_prop {
    struct intake_path path;
    const struct json *value;
    struct intake_seen *seen; /* its place, or NULL */
    bool same;                /* the place's value is the same text */
};
struct intake_props {
    struct intake_prop list[INTAKE_MAX_PROPERTIES];
    size_t n;
    uint64_t met[4]; /* bits of the names' indices, so that few are compared with all before */
    struct intake_fault fault; /* the first thing that was dropped, cut or refused */
};
void intake_props_begin(struct intake_props *p);
/* A member of an event's properties whose place is remembered. */
void intake_props_add_seen(struct intake_door *d, struct intake_props *p, struct intake_seen *seen,
                           const struct json *member);
/* Adds a member: objects are flattened into paths; a path that is there already gets the later
 * value. */
void intake_props_add(struct intake_door *d, const struct intake_scope *s, struct intake_props *p,
                      struct str prefix, const struct json *member);
/* The same for a member whose value stays whole: objects of $append, $union, $remove are elements,
 * not paths. */
void intake_props_add_whole(struct intake_door *d, const struct intake_scope *s,
                            struct intake_props *p, const struct json *member);
/* Puts one property with its value into the record that is open. */
void intake_prop_put(struct intake_door *d, const struct intake_scope *s,
                     const struct intake_prop *p);
/* Puts a value after frame_put_prop, or as an element. */
void intake_json_put(struct intake_door *d, const struct intake_scope *s,
                     const struct intake_path *p, const struct json *v);
/* A text property that intake itself adds. */
void intake_extra_put(struct intake_door *d, const struct intake_scope *s, const char *name,
                      struct str value);
