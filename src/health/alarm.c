/* alarm.c: what a score means: pre-alarm, incident, calm, and what learning does meanwhile.
 *
 * The thresholds are fixed: a year of one's own data cannot calibrate a once-a-year event. An
 * incident opens when any series reaches its own; the series furthest above names it. One incident
 * at a time: other series join it (involved), for the picture of what is affected.
 *
 * Closing looks at the involved series, in the window of 15 minutes (and up to the one that opened
 * the incident, for slow faults). Longer ones hold the fault itself for two hours after its end; in
 * shorter ones some series is above 2.5 by chance every few minutes. When all are below 2.5 and
 * within 1.3 times of the expected for 15 minutes on end, the incident ended where that calm began.
 * The windows then start empty, or the longest would open it again.
 */
#include "health/detector.h"

#include <math.h>

#define ALARM_ALL 6.0
#define ALARM_ALL_HARSH 6.25
#define ALARM_PART 6.5
#define ALARM_DROP 7.0
#define PREALARM_ALL 4.2
#define PREALARM_PART 4.7
#define PREALARM_DROP_MORE 0.5
#define COLD_MORE 1.0
#define CALM_Z 2.5
#define CALM_RATIO 1.3
#define CALM_TICKS 90
#define BEFORE_TICKS 180 /* not learned before the onset: 30 min */
#define AFTER_TICKS 720  /* not learned after the end: 2 h */

static double cold_more(const struct health_detector *d, uint32_t i) {
    return health_cold(d) || d->baseline.age[i] < WARM_N ? COLD_MORE : 0;
}

double health_alarm_at(const struct health_detector *d, uint16_t series) {
    assert(series < d->n);
    double all = d->setup.harsh ? ALARM_ALL_HARSH : ALARM_ALL;
    double z = d->setup.kind == HEALTH_EVENTS ? ALARM_DROP : series == 0 ? all : ALARM_PART;
    return z + cold_more(d, series);
}

double health_prealarm_at(const struct health_detector *d, uint16_t series) {
    assert(series < d->n);
    double drop = d->setup.kind == HEALTH_EVENTS ? PREALARM_DROP_MORE : 0;
    return (series == 0 ? PREALARM_ALL : PREALARM_PART) + drop + cold_more(d, series);
}

bool health_frozen(const struct health_detector *d, int64_t tick) {
    const struct alarm *a = &d->alarm;
    return a->incident.open || a->held || (a->frozen_to != NO_TICK && tick < a->frozen_to);
}

/* Learning stops, and forgets what it took in from half an hour before `onset`. */
static void freeze(struct health_detector *d, int64_t onset) {
    health_baseline_undo(d, onset - BEFORE_TICKS);
    health_phi_undo(d, onset - BEFORE_TICKS);
    health_phi_refresh(d);
}

static void thaw_after(struct health_detector *d, int64_t end) {
    if (d->alarm.frozen_to < end + AFTER_TICKS) d->alarm.frozen_to = end + AFTER_TICKS;
}

static int64_t tick_us(int64_t tick) {
    return tick * HEALTH_TICK_US;
}

static struct health_evidence evidence(const struct health_detector *d, uint32_t series) {
    struct health_evidence e = health_window(d, (uint16_t)series, d->window[series]);
    e.onset_us = tick_us(health_onset(d, series, d->window[series]));
    return e;
}

static void open_incident(struct health_detector *d, struct health_evidence first) {
    struct alarm *a = &d->alarm;
    a->incident = (struct health_incident){
        .open = true, .first = first, .opened_us = tick_us(d->tick), .peak_z = first.z};
    memset(a->involved, 0, d->n);
    a->window = first.window > WINDOW_15_MIN ? first.window : WINDOW_15_MIN;
    a->calm_n = 0;
    freeze(d, floor_div(first.onset_us, HEALTH_TICK_US));
}

static double five_minute_ratio(const struct health_detector *d) {
    struct health_evidence e = health_window(d, 0, WINDOW_5_MIN);
    double c = (double)e.seen, m = e.expected;
    if (d->setup.kind == HEALTH_EVENTS) return m / fmax(c, 1);
    return m > 0 ? c / m : 0;
}

/* The open incident takes in this tick's scores. */
static void follow(struct health_detector *d) {
    struct alarm *a = &d->alarm;
    for (uint32_t i = 0; i < d->n; i++) {
        if (d->z[i] < health_alarm_at(d, (uint16_t)i)) continue;
        a->involved[i] = 1;
        a->incident.peak_z = fmax(a->incident.peak_z, d->z[i]);
    }
    a->incident.peak_ratio = fmax(a->incident.peak_ratio, five_minute_ratio(d));
}

static bool calm(const struct health_detector *d, uint32_t i) {
    struct health_evidence e = health_window(d, (uint16_t)i, WINDOW_15_MIN);
    double c = (double)e.seen, m = e.expected;
    bool near = d->setup.kind == HEALTH_EVENTS ? c * CALM_RATIO >= m : c <= CALM_RATIO * m;
    return near && health_scan_slow(d, i, d->alarm.window) < CALM_Z;
}

static void close_incident(struct health_detector *d, int64_t end) {
    d->alarm.incident.open = false;
    d->alarm.incident.ended_us = tick_us(end);
    thaw_after(d, end);
    health_windows_clear(d);
}

/* True when the incident closes with this tick. A component nobody uses now (nothing expected) is
 * not calm, only unknown. */
static bool close_when_calm(struct health_detector *d) {
    struct alarm *a = &d->alarm;
    bool all = d->baseline.ready;
    for (uint32_t i = 0; i < d->n && all; i++)
        all = !a->involved[i] || calm(d, i);
    a->calm_n = all ? a->calm_n + 1 : 0;
    if (a->calm_n < CALM_TICKS) return false;
    close_incident(d, d->tick - CALM_TICKS + 1);
    return true;
}

void health_judge(struct health_detector *d, struct health_news *out) {
    uint32_t top = 0, pre = 0;
    double top_by = -INFINITY, pre_by = -INFINITY;
    for (uint32_t i = 0; i < d->n; i++) {
        if (d->z[i] < PREALARM_ALL) continue;
        double by = d->z[i] - health_alarm_at(d, (uint16_t)i);
        if (by > top_by) top_by = by, top = i;
        by = d->z[i] - health_prealarm_at(d, (uint16_t)i);
        if (by > pre_by) pre_by = by, pre = i;
    }
    out->prealarm = pre_by >= 0;
    out->opened = top_by >= 0 && !d->alarm.incident.open;
    if (out->prealarm || out->opened) out->evidence = evidence(d, out->opened ? top : pre);
    if (out->opened) open_incident(d, out->evidence);
    if (!d->alarm.incident.open) return;
    follow(d);
    out->closed = close_when_calm(d);
}

const struct health_incident *health_incident_of(const struct health_detector *d) {
    return &d->alarm.incident;
}

bool health_involved(const struct health_detector *d, uint16_t series) {
    assert(series < d->n);
    return d->alarm.involved[series] != 0;
}

void health_hold(struct health_detector *d, int64_t from_us) {
    d->alarm.held = true;
    freeze(d, floor_div(from_us, HEALTH_TICK_US));
}

void health_release(struct health_detector *d, int64_t ended_us) {
    if (!d->alarm.held) return;
    d->alarm.held = false;
    int64_t end = floor_div(ended_us, HEALTH_TICK_US);
    if (d->tick != NO_TICK && end > d->tick) end = d->tick;
    thaw_after(d, end);
}

enum health_severity health_severity(double ratio, double people) {
    if (ratio >= 30 || people >= 0.25) return HEALTH_CRITICAL;
    return ratio >= 5 || people >= 0.05 ? HEALTH_MAJOR : HEALTH_MINOR;
}
