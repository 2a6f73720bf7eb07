/* intake.h: a tracker's body -> events and profile operations -> crowd rule -> a journal frame.
 *
 * Steps: decode (form, base64, gzip by content, NDJSON; CESU-8 joined), parse, dialect
 * (Mixpanel's), normalise (time, identity, paths), enrich (place, device), crowd rule (crowd.h),
 * frame (journal.h). All bytes are a stranger's.
 *
 * Threading: an intake belongs to the front's one thread. Depends on: base, json, seal, registry,
 * crowd, journal, libmaxminddb, libpcre2, libyaml (uap-core's patterns). Used by: routes, front.
 */
#pragma once

#include "crowd/crowd.h"
#include "journal/journal.h"
#include "registry/registry.h"
#include "json/json.h"

#define INTAKE_MAX_BATCH                                                                           \
    2000 /* records of one /track, /engage, /groups, /import request; more: refused whole with a   \
            clear error */
#define INTAKE_MAX_BODY_BYTES (10u << 20) /* after gunzip */
#define INTAKE_MAX_EVENT_BYTES (1u << 20)
#define INTAKE_MAX_PROPERTIES 255
#define INTAKE_MAX_DEPTH 8
#define INTAKE_MAX_LIST 255
#define INTAKE_MAX_STRING_BYTES                                                                    \
    8192 /* longer values are cut at a character; a name longer than 255 bytes is refused */
#define INTAKE_MIN_TIME_US INT64_C(31536000000000) /* 1971-01-01 */
#define INTAKE_MAX_AHEAD_US (INT64_C(3600) * US_PER_S)

struct intake; /* geo and device databases, JSON parser, scratch memory */
struct intake_config {
    const char *geo_path;       /* MaxMind-format database or NULL */
    struct str device_patterns; /* uap-core's regexes.yaml */
};
struct err intake_new(const struct intake_config *c, struct intake **out);
void intake_free(struct intake *in);
AUTO_DEFINE(struct intake *, intake_free);
/* Forgets what it remembers for speed (hot texts, people), and gives that memory back: for a time
 * without requests. */
void intake_rest(struct intake *in);

/* One open commit group: a frame under construction for each project that has records in it. Owned
 * by the front. */
struct intake_group {
    void *ctx;
    /* The frame writer and crowd of a project; NULL writer: no memory (the request gets 503). */
    struct frame_writer *(*writer)(void *ctx, const struct registry_project *p);
    struct crowd *(*crowd)(void *ctx, const struct registry_project *p);
};

enum intake_endpoint { INTAKE_TRACK, INTAKE_ENGAGE, INTAKE_GROUPS, INTAKE_IMPORT };

struct intake_request {
    enum intake_endpoint endpoint;
    struct str body;  /* raw after Content-Encoding; JSON_SLACK_BYTES follow. Empty for GET */
    struct str query; /* raw query string */
    struct str content_type;
    struct str user_agent;
    struct str authorization; /* the header, for /import */
    struct str origin;
    const uint8_t *peer; /* [16] */
    int64_t arrival_us;
    bool is_own;   /* the front made it itself, of a problem report or a beat: its numbers are
                      numbers however long, and only here may its events' names stand */
    bool is_local; /* the operator's socket: /import is authorised by project_id alone, any size of
                      batch up to the body limit */
    struct arena *arena;
};

enum intake_outcome {
    INTAKE_OK, /* at least one record is in the group (or none was invalid): commit, then answer */
    INTAKE_REFUSED, /* nothing kept: answer now */
    INTAKE_LATER,   /* cannot take now (memory): 503 + Retry-After */
};
struct intake_failure {
    uint32_t index;
    struct str insert_id; /* may be empty */
    const char *field;    /* literal */
    const char *message;  /* literal */
};
struct intake_result {
    enum intake_outcome outcome;
    int status;                               /* of the answer that reply() will give */
    uint32_t accepted, failed, unknown_token; /* records */
    bool must_abort; /* with INTAKE_LATER: a text's verdict may not be in the frame; the project's
                        whole group must be given up (crowd_abort, no journal_append) and all its
                        requests answered 503 */
    struct intake_failure *failures; /* arena; at most INTAKE_MAX_BATCH are kept */
    size_t n_failures;
    const char *error; /* literal, or NULL */
    /* How the client wants to be answered, read from query and form: */
    bool verbose, img, strict, json_reply;
    struct str callback, redirect;
    char unknown_token_masked[16]; /* first characters of one unknown token, for the admin */
};
/* A request that meets a larger frame is put off (INTAKE_LATER) before anything of it is entered;
 * the front commits the group and asks again. A request that itself makes a frame grow past the
 * second size has its further records refused. Between that and JOURNAL_MAX_FRAME_BYTES lies more
 * than one record of INTAKE_MAX_EVENT_BYTES can need (texts grow about thirteenfold at worst: short
 * ones, sealed), so an entry does not fail halfway. */
#define INTAKE_FULL_BYTES (32u << 20)
#define INTAKE_CROWDED_BYTES (48u << 20)

/* Decodes, checks and enters all records. Never fails on what a client sent: the result says what
 * to answer. */
void intake_take(struct intake *in, const struct registry *reg, const struct intake_group *g,
                 const struct intake_request *q, struct intake_result *out);
/* The exact answer of the dialect for a result (after the commit, or at once when refused): status,
 * content type, body. */
struct intake_reply {
    int status;
    const char *content_type;
    struct str body;     /* arena or static */
    struct str location; /* redirect= */
};
void intake_reply(const struct intake_request *q, const struct intake_result *r,
                  struct intake_reply *out);

/* What a problem report keeps of where it came from; the address itself is forgotten. */
struct intake_origin {
    char country[3];  /* ISO 3166-1 alpha-2, NUL-terminated; empty: unknown */
    uint32_t network; /* autonomous system; 0: no database names it */
    uint64_t agent;   /* a number for the system and the browser that the User-Agent names */
};
void intake_origin_of(struct intake *in, const uint8_t address[16], struct str user_agent,
                      struct intake_origin *out);

/* Whether a text published by hand can become readable at all: false for what is sealed in any
 * case, by its property or its shape. property: empty for an event's name. */
bool intake_may_publish(struct str property, struct str text);

/* Answers of /flags, /flags/definitions, /settings, /decide, /record, so that no SDK stalls. False:
 * not such a path. */
bool intake_side_reply(struct str path, struct intake_reply *out);
