/* lane.h: a world with the detector that watches it; null years and outages on it. */
#pragma once

#include "world.h"

#define WARM_WEEKS 9
#define TICKS_PER_WEEK 60480
#define OUTAGE_TICKS 360
#define NOT_FOUND 1e9

struct lane {
    struct world world;
    struct health_detector *detector;
};

/* Warmed up for nine weeks. Exits when memory is out. */
void lane_begin(struct lane *l, const struct world_kind *kind, uint64_t seed);
void lane_end(struct lane *l);
/* One more tick without an outage. */
void lane_step(struct lane *l, struct health_news *out);

struct null_year {
    double years, alarms, prealarms; /* incidents opened; pre-alarms more than ten minutes apart */
    double alarms_all;               /* of those, opened by the series of all */
    bool trace;                      /* says each alarm on stderr */
};
void lane_null(struct lane *l, int64_t ticks, struct null_year *out);

/* Two lanes, one product: out->alarms counts when their pre-alarms agree, more than an hour apart.
 */
void lane_null_pair(struct lane *lanes, int64_t ticks, struct null_year *out);

struct found {
    double delay_s; /* from the tick of the first excess report to the alarm, both ticks counted;
                       NOT_FOUND */
    double onset_error_s; /* onset as told minus first excess report */
};
/* An outage of an hour on copies of the lanes; with two lanes an alarm of either, or pre-alarms of
 * both within ten minutes. False if an incident is open already. */
bool lane_outage(const struct lane *lanes, int lanes_n, const struct outage *o, struct found *out);
