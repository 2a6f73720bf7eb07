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

#include "health/health.h"
#include "meta/meta.h"
#include "store/store.h"
#include "json/json.h"

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
    uint32_t refused_24h; /* repeats and floods, not counted: for staff, not for the page */
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
    /* Networks (ASN) whose many users share few addresses: reports of a prefix there are capped at
     * four times the usual. */
    uint32_t *shared_networks;
    size_t n_shared_networks; /* <= 200 */
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

/* ============ the module ============ */

struct status;
struct status_heartbeat {
    uint32_t probe, place;
    bool up;
    int32_t ms, code; /* ms -1: none */
    int64_t at_us;    /* its arrival */
};
/* Called after a change is committed, from the thread that made it, with no lock held; must be
 * quick (set a flag, wake a thread). Each may be NULL. */
struct status_hooks {
    void *ctx;
    void (*changed)(void *ctx, uint64_t generation);
    /* An update of a public incident or maintenance that asks for notices. Ids are borrowed for the
     * call; after kill -9 between commit and call nobody calls again: status_update.notify stays in
     * the table for whoever keeps a list of what was sent. */
    void (*noticed)(void *ctx, const char *incident, const char *update);
    /* A `$heartbeat` that the public door journalled (push monitors, agents). From the store's
     * follower, with locks held: copy it and return, call nothing of status. NULL: it is taken as a
     * confirmed result of its probe. */
    void (*heartbeat)(void *ctx, const struct status_heartbeat *b);
};
struct status_config {
    struct meta *meta;
    struct store *store; /* open, not started: the tap is set here */
    const uint8_t *root; /* [32] the installation's key, borrowed for life */
    const char *folder;  /* the data folder, borrowed for life */
    /* Tests only: "FACTOR@SECONDS": from that Unix time on status' clock runs so many times faster
     * (1 to 100000), for what it follows too. NULL in production. */
    const char *test_clock;
    struct status_hooks hooks;
};
struct err status_open(const struct status_config *c, struct status **out);
/* Restores the loop's state and starts its thread; before store_start, or what the store follows in
 * between is missed. */
struct err status_start(struct status *s);
/* Before store_close: ends the thread and saves its state; what is followed after that is followed
 * again at the next start. Takes NULL. */
void status_stop(struct status *s);
void status_close(struct status *s); /* after store_close, whose tap it holds */
AUTO_DEFINE(struct status *, status_close);
int64_t status_now_us(const struct status *s); /* the loop's clock */

/* ---- reading ---- */
uint64_t status_generation(struct status *s);
/* Everything that may be public, and probes' results, as of now. All in the arena: 1,000 components
 * take about 3 MB. ERR_NOMEM. */
struct err status_snapshot(struct status *s, struct arena *a, struct status_model **out);
/* Incidents (or maintenances) newest first, drafts included; `only` is an id or empty. */
struct status_list {
    bool maintenances, drafts_only, unresolved_only;
    struct str only;
    size_t most; /* 0: 200 */
};
struct err status_incidents(struct status *s, const struct status_list *which, struct arena *a,
                            struct status_incident **out, size_t *out_n);

/* ---- writing. ERR_INVALID carries "field: what is wrong" in `what`; ERR_NOTFOUND: no such id;
 * ERR_LIMIT. Each is one transaction; hooks are called after it. ---- */
struct err status_page_set(struct status *s, const struct status_page *p);

/* What a component's watching does about evidence. */
enum status_rule {
    STATUS_RULE_OFF,   /* is not watched */
    STATUS_RULE_DRAFT, /* drafts an incident that waits for a click */
    STATUS_RULE_PUBLIC /* opens it publicly by itself, behind the spread gate */
};
struct status_setup {
    enum status_rule rule;
    bool harsh;                /* health_setup.harsh */
    struct str events, errors; /* filters as JSON (doc/status-api.md); empty: none */
};
struct err status_component_setup(struct status *s, uint32_t number, struct arena *a,
                                  struct status_setup *out);
/* A person's word, which the snapshot's state may be worse than. */
struct err status_component_word(struct status *s, uint32_t number, enum status_state *out);
/* Makes it when c->number is 0 (and sets number and id), else changes it. group, name, description,
 * types, flags and position are taken; state too (a person's word, in force until evidence or an
 * incident says otherwise). */
struct err status_component_save(struct status *s, struct status_component *c,
                                 const struct status_setup *setup);
struct err status_component_drop(struct status *s,
                                 uint32_t number); /* a group sets its members free */
/* "This is normal now": its detectors start cold. */
struct err status_component_forget(struct status *s, uint32_t number);

#define STATUS_KEEP (-1)
struct status_incident_new {
    struct str name, body;
    enum status_phase phase; /* DRAFT, or public at once; a maintenance: SCHEDULED */
    int impact;              /* enum status_impact, or STATUS_KEEP: from the components' states */
    const struct status_affected *affected; /* [n_affected] component and `to` */
    size_t n_affected;
    bool notify;
    int64_t started_us;                           /* 0: now */
    int64_t scheduled_for_us, scheduled_until_us; /* both: a maintenance */
    bool auto_begin, auto_end;
};
struct err status_incident_open(struct status *s, const struct status_incident_new *n,
                                char out_id[STATUS_ID_BYTES + 1]);
struct status_update_new {
    int phase;  /* enum status_phase, or STATUS_KEEP */
    int impact; /* the same */
    struct str body;
    const struct status_affected *affected; /* [n_affected]; others keep their states. Ending an
                                               incident sets them all operational */
    size_t n_affected;
    bool notify;
    int64_t display_us; /* 0: now */
};
struct err status_incident_update(struct status *s, struct str id,
                                  const struct status_update_new *u);
/* What both know becomes `into`'s; `from` leaves the lists. */
struct err status_incident_merge(struct status *s, struct str from, struct str into);
/* A resolved incident's: the phase becomes POSTMORTEM. */
struct err status_incident_postmortem(struct status *s, struct str id, struct str text);
/* A draft that is none, or a maintenance that will not be. */
struct err status_incident_drop(struct status *s, struct str id);
struct err status_incident_rename(struct status *s, struct str id, struct str name);

/* ---- evidence: why an incident was drafted ---- */
#define STATUS_MINUTES 120
enum status_source {
    STATUS_FROM_REPORTS,
    STATUS_FROM_EVENTS,
    STATUS_FROM_ERRORS,
    STATUS_FROM_PROBE,
    STATUS_FROM_ALERT
};
struct status_evidence {
    enum status_source source;
    uint32_t component, probe;
    char country[3];                          /* of the winning part, empty: everything */
    int32_t type;                             /* of the winning part, -1: every type */
    int64_t onset_us, detected_us, closed_us; /* closed_us 0: goes on */
    int32_t window_s;
    double z, peak_z, peak_ratio;
    uint64_t seen;
    double expected;
    bool fused;                                     /* two pre-alarms that agreed */
    uint32_t counted, verified, prefixes, networks; /* reports of the window, for the spread gate */
    int64_t from_us;                                /* of the first minute below */
    uint32_t minutes[STATUS_MINUTES];               /* the series as it was: counts by minute */
    float expected_minutes[STATUS_MINUTES];
};
struct err status_evidence(struct status *s, struct str incident, struct arena *a,
                           struct status_evidence **out, size_t *out_n);

/* ---- probes: what others measured. Their making is the courier's and the agents'. ---- */
struct status_probe_setup {
    uint32_t number; /* 0: new */
    struct str name, group, kind /* http tcp dns tls icmp push */, target;
    struct str how; /* JSON, the prober's own: method, headers, expectations, retries */
    bool is_public, is_off;
    uint32_t component, every_s;
    uint8_t token_hash[32]; /* push: seal_secret_hash of its token, else zero */
};
struct err status_probes(struct status *s, struct arena *a, struct status_probe_setup **out,
                         size_t *out_n);
struct err status_probe_save(struct status *s, struct status_probe_setup *p);
struct err status_probe_drop(struct status *s, uint32_t number);
/* One result, from any thread; kept in memory and written by the loop. `hard`: confirmed by retries
 * and by the places' agreement: opens an incident per the component's rule; else a down is a
 * pre-alarm, which agrees with reports and events of its component. */
struct status_result {
    uint32_t probe;
    struct status_beat beat;
    bool hard;
    int32_t cert_days; /* -1: none */
};
void status_result(struct status *s, const struct status_result *r);

/* An alert from elsewhere (Alertmanager), of the component with this id or name (case does not
 * matter): evidence for an incident per the component's rule; firing again changes nothing, not
 * firing closes it. ERR_NOTFOUND: no such component. */
struct status_alert {
    struct str component, name, summary;
    bool firing;
    int64_t since_us;
};
struct err status_alert(struct status *s, const struct status_alert *a);

/* ---- the live board ---- */
struct status_signal {
    uint32_t component;
    enum health_kind kind;
    bool cold, open, held;
    double z, alarm_at;
    struct health_evidence top; /* series 0, its best window */
    uint32_t minutes[STATUS_MINUTES];
    float expected[STATUS_MINUTES];
};
struct err status_signals(struct status *s, struct arena *a, struct status_signal **out,
                          size_t *out_n);

/* ---- words ---- */
/* "degraded_performance", "in_progress", "critical", ... as the API and Statuspage's clients have
 * them; parse gives -1 for another word. */
const char *status_state_name(enum status_state s);
const char *status_phase_name(enum status_phase p);
const char *status_impact_name(enum status_impact i);
const char *status_rule_name(enum status_rule r); /* off, draft, public */
const char *status_source_name(enum status_source s);
int status_state_parse(struct str word);
int status_phase_parse(struct str word);
int status_impact_parse(struct str word);
int status_rule_parse(struct str word);
/* "2026-12-01T02:00", seconds and fraction as they come, with Z or an offset; without one in
 * `zone`. */
bool status_time_parse(struct str text, const struct zone *zone, int64_t *out_us);
