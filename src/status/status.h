/* status.h: what the service says of itself: page, components, incidents, maintenance, probes'
 * results, and the loop that watches reports, probes and events and drafts incidents from evidence.
 *
 * The truth lies in meta.db (owner "status"); every change bumps `generation`. Readers take a
 * snapshot into an arena and never look at tables. The loop runs in the console, every ten seconds.
 *
 * Threading: any thread. Depends on: base, json, meta, health, store. Used by: page (the types),
 * notice, routes, console.
 */
#pragma once

#include "base/base.h"

#define STATUS_ID_BYTES 12 /* ids in URLs: [a-z0-9]{12}, opaque, stable */
#define STATUS_COMPONENTS_MAX 1000
#define STATUS_TYPES_MAX 8
#define STATUS_DAYS 90
#define STATUS_CHART_N 144 /* ten-minute cells: the last 24 hours */
#define STATUS_BEATS_MAX 100

enum status_state { /* of a component, rising */
                    STATUS_OPERATIONAL,
                    STATUS_MAINTENANCE,
                    STATUS_DEGRADED,
                    STATUS_PARTIAL,
                    STATUS_MAJOR
};
enum status_impact {
    STATUS_IMPACT_NONE,
    STATUS_IMPACT_MINOR,
    STATUS_IMPACT_MAJOR,
    STATUS_IMPACT_CRITICAL,
    STATUS_IMPACT_MAINTENANCE
};
enum status_phase {               /* of an incident; of a maintenance */
                    STATUS_DRAFT, /* not public */
                    STATUS_INVESTIGATING,
                    STATUS_IDENTIFIED,
                    STATUS_MONITORING,
                    STATUS_RESOLVED,
                    STATUS_POSTMORTEM,
                    STATUS_SCHEDULED,
                    STATUS_IN_PROGRESS,
                    STATUS_VERIFYING,
                    STATUS_COMPLETED
};

/* One component; a group has is_group and no state of its own. Strings are in the snapshot's arena.
 */
struct status_area {
    char country[3]; /* ISO 3166-1 alpha-2, "??" unknown */
    uint32_t reports;
};
struct status_component {
    uint32_t number;                 /* in events: property `component` of $problem_report */
    char id[STATUS_ID_BYTES + 1];    /* in URLs and JSON */
    char group[STATUS_ID_BYTES + 1]; /* empty: none */
    struct str name, description;
    bool is_group, showcase, only_if_degraded;
    int32_t position;
    int64_t created_us, updated_us;
    enum status_state state;
    struct str
        types[STATUS_TYPES_MAX]; /* what can be reported, "other" last; index = type number */
    size_t n_types;
    uint8_t days[STATUS_DAYS]; /* worst enum status_state of each day, oldest first; 255: no data */
    uint32_t down_s[STATUS_DAYS];          /* seconds partial (counted at 0.3) or major that day */
    uint32_t reports[STATUS_CHART_N];      /* counted reports per ten minutes, oldest first */
    float expected[STATUS_CHART_N];        /* the baseline of the same cells; NAN: unknown */
    uint32_t type_share[STATUS_TYPES_MAX]; /* counted in the last 24 h */
    struct status_area *areas;             /* last 24 h, only those with >= 5 reports */
    size_t n_areas;
    uint32_t verified_24h, reports_24h;
};

struct status_affected {
    uint32_t component; /* number */
    enum status_state from, to;
};
struct status_update {
    char id[STATUS_ID_BYTES + 1];
    enum status_phase phase;
    struct str body; /* plain text, to be escaped */
    int64_t created_us, display_us;
    struct status_affected *affected;
    size_t n_affected;
    bool notify;
};
/* An incident, or a scheduled maintenance (scheduled_for_us != 0). */
struct status_incident {
    char id[STATUS_ID_BYTES + 1];
    struct str name;
    enum status_phase phase;
    enum status_impact impact;
    int64_t created_us, updated_us, started_us /* onset */, monitoring_us,
        resolved_us;     /* 0: not yet */
    int64_t detected_us; /* 0: opened by hand */
    int64_t scheduled_for_us, scheduled_until_us;
    uint32_t *components; /* numbers */
    size_t n_components;
    struct status_update *updates; /* newest first */
    size_t n_updates;
    struct str postmortem;
    int64_t people; /* affected people, -1: unknown */
};

struct status_beat {
    int64_t at_us;
    uint8_t up; /* 0 down, 1 up, 2 pending, 3 maintenance */
    int32_t ms; /* -1: none */
};
struct status_probe {
    uint32_t number;
    struct str name, group, kind, target; /* target only when public */
    bool is_public;
    uint8_t up;                                 /* as beat */
    struct status_beat beats[STATUS_BEATS_MAX]; /* oldest first */
    size_t n_beats;
    double uptime_1h, uptime_24h, uptime_7d, uptime_30d, uptime_1y; /* 0..1; NAN: no data */
    double avg_ms_24h;
    int32_t cert_days;  /* -1: none */
    uint32_t component; /* 0: none */
};
/* A push monitor's key as the door knows it: never the token itself. */
struct status_push {
    uint32_t probe;
    uint8_t token_hash[32]; /* seal_secret_hash */
    struct str gatus_key;   /* "<group>_<name>" */
};

struct status_page {
    char id[STATUS_ID_BYTES + 1];
    struct str name, url, time_zone, description, support_url,
        accent;       /* accent: #rrggbb or empty */
    uint64_t project; /* whose journal takes reports; 0: no page is published */
    bool takes_reports, takes_comments;
    int64_t updated_us;
};

struct status_model {
    uint64_t generation;
    int64_t now_us;
    struct status_page page;
    struct status_component *components; /* [n_components], by position */
    size_t n_components;
    struct status_incident *incidents; /* public ones, newest first, <= 200 and all unresolved */
    size_t n_incidents;
    struct status_incident *maintenances; /* the same */
    size_t n_maintenances;
    struct status_probe *probes;
    size_t n_probes;
    const struct status_push *pushes; /* for the door */
    size_t n_pushes;
    uint8_t report_salt[16]; /* of the day: prefixes are hashed under it at the door */
};
