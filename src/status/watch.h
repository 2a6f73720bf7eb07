/* watch.h: what the loop keeps in memory; private to src/status.
 *
 * One `guard` per component, with up to three signals (reports, events, errors), each a detector
 * and the running cell of ten seconds. The store's tap counts into the cells and closes them as
 * time goes on in what it follows; the loop closes them when nothing comes. What a tick tells is
 * queued as news, since opening an incident writes to meta, which the tap may not.
 *
 * Time is that of the frames' arrival, so the same journal gives the same ticks, and a restart goes
 * on where the saved state ends.
 */
#pragma once

#include "status/filter.h"
#include "status/reports.h"

#define WATCH_REGIONS 20                              /* series 1 to 20 of every signal */
#define WATCH_SUBS (WATCH_REGIONS + STATUS_TYPES_MAX) /* of reports: then the types */
#define WATCH_COUNTRIES (26 * 26)
#define WATCH_REGION_AT 20  /* counted events or reports that give a country its series */
#define WATCH_FILL_TICKS 30 /* missing cells that are told as empty: five minutes */
#define WATCH_NEWS 256
#define WATCH_AREAS 24
#define WATCH_PEOPLE_CELLS 12 /* of ten minutes */
#define WATCH_PEOPLE_BYTES 1024
#define WATCH_MINUTE_US (60 * US_PER_S)
#define WATCH_CELL_US (600 * US_PER_S) /* of a chart */
#define WATCH_NEVER INT64_MIN

/* ---- chart.c: what is shown of the last 24 hours; how many people ---- */

struct chart_area {
    uint16_t country;
    uint16_t reports[STATUS_CHART_N];
};
struct chart { /* rings by cell number % STATUS_CHART_N */
    int64_t cell;
    uint32_t reports[STATUS_CHART_N], verified[STATUS_CHART_N], refused[STATUS_CHART_N];
    uint16_t types[STATUS_CHART_N][STATUS_TYPES_MAX];
    struct chart_area areas[WATCH_AREAS];
};
void chart_add(struct chart *c, const struct report *r, bool counted, bool verified);
void chart_turn(struct chart *c, int64_t at_us); /* cells that time has passed are emptied */
void chart_read(const struct chart *c, struct status_component *out, struct arena *a);

/* Distinct people per ten minutes, as registers whose maxima can be united (HyperLogLog): about 3 %
 * off. */
struct people {
    int64_t cell[WATCH_PEOPLE_CELLS];
    uint8_t top[WATCH_PEOPLE_CELLS][WATCH_PEOPLE_BYTES];
};
void people_add(struct people *p, uint64_t identity, int64_t at_us);
int64_t people_since(const struct people *p, int64_t from_us);

/* ---- watch.c ---- */

struct signal {
    struct health_detector *detector; /* NULL: not watched */
    enum health_kind kind;
    uint64_t print;    /* of the filters and flags that it learned under */
    uint32_t *seen;    /* [1 + WATCH_SUBS] running cell */
    uint32_t *traffic; /* [1 + WATCH_SUBS], errors only */
    int64_t skip_to;   /* ticks before this are not told: nobody knows what they held */
    int64_t minute;    /* newest of the ring below */
    uint32_t minutes[STATUS_MINUTES];
    float expected[STATUS_MINUTES];
};
struct guard {
    uint32_t number;
    enum status_rule rule;
    bool harsh;
    uint64_t events_print, errors_print;
    uint64_t serial[2];       /* of the last event that matched events, errors */
    struct signal signals[3]; /* by enum health_kind */
    struct health_fusion fusion;
    int64_t fused_us; /* when two sources last agreed; 0: they do not */
    bool fused_open;
    int64_t alarmed_us;               /* last alarm of events, errors or a probe: opens the gate */
    int64_t held_from_us;             /* 0: free */
    struct chart *chart;              /* made with the first report */
    struct gate *gate;                /* the same */
    struct people *active, *troubled; /* made with the first event */
};
struct watch_entry { /* an alternative of a filter */
    uint32_t guard;
    bool errors;
    struct status_alternative how;
    int32_t next; /* of the same event name, -1: none */
};
struct news {
    bool closed;
    struct status_evidence e;
};
struct watch {
    uint64_t project; /* the page's, 0: none */
    struct seal_keys keys;
    struct guard **guards; /* [n], by number */
    size_t n;
    struct watch_entry *entries;
    size_t n_entries;
    struct { /* open addressing by event name */
        struct id128 event;
        int32_t first;
    } * names; /* [n_names], a power of two */
    size_t n_names;
    int32_t any_event; /* first entry of those for every event, -1: none */
    struct {           /* hashes of the texts "AA" to "ZZ" as mp_country_code, open addressing */
        struct id128 text;
        uint16_t index;
    } countries[2048];
    struct id128 name_report, name_beat, property_country;
    struct id128 properties[6]; /* of $problem_report, in the order of tap.c */
    struct id128 beat_properties[5];
    uint32_t shared[200]; /* networks, sorted */
    size_t n_shared;
    struct reports *reports;
    struct prober *prober;
    uint32_t country_seen[WATCH_COUNTRIES];
    uint8_t region_of[WATCH_COUNTRIES]; /* series, 0: none yet */
    uint16_t region[WATCH_REGIONS + 1]; /* index of the country, by series */
    uint8_t n_regions;
    int64_t tick;       /* the running cell, WATCH_NEVER: none yet */
    int64_t fill_ticks; /* WATCH_FILL_TICKS, more under a test's clock */
    uint64_t position;  /* of the journal, taken so far */
    uint64_t serial;
    struct news news[WATCH_NEWS]; /* [n_news] */
    size_t n_news;
};
struct watch *watch_new(void);
void watch_free(struct watch *w);
AUTO_DEFINE(struct watch *, watch_free);
void guard_free(struct guard *g);
/* The detector of these settings: what was learned stays when `print` is the same. */
struct err signal_watch(struct signal *s, enum health_kind kind, bool harsh, uint64_t print);
void signal_leave(struct signal *s);
struct guard *watch_guard(const struct watch *w, uint32_t number); /* NULL: none */
/* Time is now at_us: cells before it are closed. */
void watch_advance(struct watch *w, int64_t at_us);
void watch_tell(struct watch *w, const struct status_evidence *e, bool closed);
/* What stands open, once more: after a maintenance, which silenced it. */
void watch_tell_open(struct watch *w, const struct guard *g);
struct status_evidence watch_evidence(const struct watch *w, const struct guard *g,
                                      const struct signal *s, const struct health_evidence *e);
uint32_t watch_region(struct watch *w, uint32_t country /* index + 1, 0: unknown */);
static inline uint32_t watch_country(uint16_t packed) { /* 'A' << 8 | 'B' -> index + 1 */
    uint32_t a = (uint32_t)(packed >> 8) - 'A', b = (uint32_t)(packed & 255) - 'A';
    return a < 26 && b < 26 ? a * 26 + b + 1 : 0;
}
static inline void watch_country_name(uint32_t index, char out[3]) {
    out[0] = (char)('A' + index / 26);
    out[1] = (char)('A' + index % 26);
    out[2] = 0;
}

/* ---- compile.c: what is to be watched, from the tables; keeps what was learned under the same
 * filters ---- */
struct err watch_compile(struct status *s);

/* ---- tap.c ---- */
void status_take(void *status, struct frame *f, uint64_t end);

/* ---- state.c ---- */
struct err watch_save(struct status *s, size_t *out_bytes); /* ERR_BUSY: news wait */
struct err watch_restore(struct status *s);                 /* nothing there: success */

/* ---- draft.c: news -> evidence, drafts, incidents; loop only ---- */
struct err draft_news(struct status *s); /* on failure what is left waits */
/* Gates that open later, severities that rise. */
struct err draft_follow(struct status *s);

/* ---- probe.c ---- */
struct prober; /* results in memory */
void status_prober_free(struct prober *p);
struct err status_probes_load(struct status *s); /* at start, and when the list changed */
void status_probe_take(struct status *s, const struct status_result *r); /* under the lock */
void status_probes_fill(struct status *s, struct status_model *m);       /* under the lock */
struct err status_probes_flush(struct status *s); /* results to the tables; loop only */

/* ---- loop.c ---- */
void *status_loop(void *status);

/* ---- for read.c: charts, areas and shares of the last 24 hours into the components ---- */
struct err status_watch_charts(struct status *s, struct arena *a, struct status_model *m);
