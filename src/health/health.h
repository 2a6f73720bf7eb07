/* health.h: the detector: sees in counts per ten seconds that something broke, with a stated
 * false-alarm budget.
 *
 * One detector watches one signal of one component: its problem reports, its event traffic, or its
 * errors. It has series: number 0 is all, numbers 1 to subs_n are parts of it (each type, each
 * region; parts may overlap, as types and regions do). Every ten seconds health_tick takes one
 * count per series, compares thirteen sliding windows (10 s to 2 h) with what the baseline expects,
 * and tells what is new: a pre-alarm, an incident opened, an incident closed. doc/health.md
 * explains the method, the thresholds and their limits to operators; src/health/README.md names the
 * files.
 *
 * Time comes in as an argument; nothing here reads a clock, draws a random number or does I/O, so
 * the same calls give the same answers. Nothing is allocated after health_detector_new. A NaN never
 * leaves. A call takes about a microsecond for 21 series.
 *
 * Threading: a detector belongs to one thread at a time.
 * Depends on: base. Used by: routes, console.
 */
#pragma once

#include "base/base.h"

#define HEALTH_TICK_US (10 * US_PER_S)
#define HEALTH_SUBS_MAX 255
#define HEALTH_WINDOWS 13
#define HEALTH_COUNT_MAX (UINT32_C(1) << 28) /* larger counts of one tick are taken as this */

enum health_kind {
    HEALTH_REPORTS, /* problem reports, counted once per identity and hour: alarms when too many */
    HEALTH_EVENTS,  /* events of a component: alarms when too few */
    HEALTH_ERRORS   /* error events against all events: alarms when the share is too high */
};

struct health_setup {
    enum health_kind kind;
    uint16_t subs_n; /* 0..HEALTH_SUBS_MAX; numbers that are not in use yet cost little */
    bool harsh;      /* 6.25 instead of 6.0 for all: for very noisy or very busy components */
};

struct health_detector;

/* Memory for all time to come, zeroed, cold. NULL if memory is out. */
struct health_detector *health_detector_new(const struct health_setup *setup);
void health_detector_free(struct health_detector *d); /* takes NULL */
AUTO_DEFINE(struct health_detector *, health_detector_free);
struct health_setup health_setup_of(const struct health_detector *d);

/* ---- the tick ---- */

/* Why something is said: the series and window where it is clearest. */
struct health_evidence {
    uint16_t series;  /* 0: all */
    uint8_t window;   /* 0..HEALTH_WINDOWS - 1, see health_window_s */
    double z;         /* standard-normal score of the window's count, 0 if unremarkable */
    uint64_t seen;    /* in that window */
    double expected;  /* in that window; of a part, given what the rest did */
    int64_t onset_us; /* best estimate of when it began; start of a tick */
};

struct health_news {
    bool prealarm; /* some series stands above its pre-alarm threshold at this tick */
    bool opened;   /* an incident begins with this tick */
    bool closed;   /* the incident ended, see health_incident_of */
    struct health_evidence evidence; /* set when prealarm or opened */
};

/* Takes what was counted since the previous call. Call it every ten seconds, aligned or not.
 *
 * seen: [1 + subs_n] reports, events or errors. traffic: [1 + subs_n] all events including the
 * errors, for HEALTH_ERRORS only, else NULL. Both borrowed for the call.
 *
 * Clocks: a second call in the same ten seconds (or after a step back of up to a minute) is added
 * to the next. Up to six missing ticks are bridged: the counts are held against the whole time. A
 * longer gap, a larger step back, and the very first call only set the clock: windows start empty
 * and the counts are dropped, since nobody can say which time they cover. The quarter-hour with the
 * break is not learned; an open incident stays open.
 */
void health_tick(struct health_detector *d, int64_t now_us, const uint32_t *seen,
                 const uint32_t *traffic, struct health_news *out);

/* ---- what stands ---- */

struct health_incident {
    bool open;
    struct health_evidence first; /* at opening */
    int64_t opened_us;
    int64_t ended_us;  /* begin of the calm that closed it; set when closed */
    double peak_z;     /* over all series */
    double peak_ratio; /* largest seen / expected (for HEALTH_EVENTS expected / seen) of all in 5
                          min */
};
/* The open incident or the last one; opened_us is 0 if there was none. Borrowed until the next
 * call. */
const struct health_incident *health_incident_of(const struct health_detector *d);
/* Whether this series stood above its alarm threshold during the open incident (or the last). */
bool health_involved(const struct health_detector *d, uint16_t series);

/* A window of a series as of the last tick, for charts and texts. onset_us is 0. */
struct health_evidence health_window(const struct health_detector *d, uint16_t series,
                                     uint8_t window);
/* Length of a window in seconds: 10, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200.
 * From 15 minutes up a window is whole minutes and the running one, so up to 50 s shorter. */
int32_t health_window_s(uint8_t window);
/* Largest z of a series over its windows, and which; as of the last tick. */
double health_score(const struct health_detector *d, uint16_t series, uint8_t *out_window);
/* The thresholds in force for a series: alarm alone and pre-alarm. */
double health_alarm_at(const struct health_detector *d, uint16_t series);
double health_prealarm_at(const struct health_detector *d, uint16_t series);
/* Expected number in the ten seconds that hold this time, for a series: the baseline of charts. 0
 * when unknown. For HEALTH_ERRORS the expected share of errors. */
double health_expected(const struct health_detector *d, uint16_t series, int64_t at_us);
/* Fewer than 14 days are learned. */
bool health_cold(const struct health_detector *d);

/* ---- learning ---- */

/* An incident known from elsewhere (a probe, a person, fused pre-alarms, a maintenance window):
 * nothing is learned from 30 minutes before from_us (what was is taken back, up to three hours)
 * until health_release, and 2 hours more. Incidents of the detector itself do this by themselves.
 */
void health_hold(struct health_detector *d, int64_t from_us);
void health_release(struct health_detector *d, int64_t ended_us);
/* "This is normal now": closes the incident and starts cold, with everything learned forgotten. */
void health_forget(struct health_detector *d);

/* ---- two sources that agree ---- */

#define HEALTH_SOURCES_MAX 8
#define HEALTH_FUSION_US (600 * US_PER_S)
#define HEALTH_ANY_PLACE (HEALTH_SUBS_MAX + 1)

/* Per component. A source is a whole detector or a probe; series of one detector share their counts
 * and do not confirm each other. Two sources agree when both pre-alarmed at the same place within
 * ten minutes: all with all, a region with the same region; a probe speaks for any place. So the
 * detectors of a component must give a region the same series number. */
struct health_fusion {
    uint32_t at[HEALTH_SOURCES_MAX]
               [HEALTH_ANY_PLACE + 1]; /* tick of the last pre-alarm; 0: never */
};
void health_fusion_init(struct health_fusion *f);
/* Source `source` pre-alarms now at `place` (a series number, or HEALTH_ANY_PLACE). True when
 * another one agrees: open an incident. Times before 1970 or after 3330 are never. */
bool health_fusion_note(struct health_fusion *f, uint8_t source, uint16_t place, int64_t now_us);
/* The same for all series of a detector that pre-alarm as of its last tick. */
bool health_fusion_take(struct health_fusion *f, uint8_t source, const struct health_detector *d,
                        int64_t now_us);

enum health_severity { HEALTH_MINOR, HEALTH_MAJOR, HEALTH_CRITICAL };
/* ratio: health_incident.peak_ratio; people: share of active people with error events, 0..1 (0 if
 * unknown). Critical from ratio 30 or a quarter of the people, major from ratio 5 or 5 %. */
enum health_severity health_severity(double ratio, double people);

/* ---- across restarts ---- */

/* Everything a detector is, as versioned, checksummed bytes: a restored one has the same future,
 * bit by bit. About 30 to 60 kB for 20 parts; `out` needs room for health_state_max_bytes. */
size_t health_state_max_bytes(const struct health_setup *setup);
struct err health_save(const struct health_detector *d, struct buf *out);
/* ERR_CORRUPT: not such bytes, cut or changed; ERR_INVALID: of another version; ERR_NOMEM. *out is
 * owned by the caller. */
struct err health_restore(struct str bytes, struct health_detector **out);
