/* range.c: dates of the project's zone to instants and buckets. Days, weeks and months are civil (a
 * day may have 23 or 25 hours); hours and minutes are steps of time that begin on the full local
 * hour or minute, so a doubled hour has two buckets that differ by their offset. */
#include "query/range.h"

#include <stdio.h>

#define DEFAULT_DAYS 30
#define MIN_CELLS 2048

int64_t range_day(const struct zone *z, int64_t us, int days) {
    struct civil c;
    zone_civil(z, us, &c);
    return zone_instant(z, &(struct civil){.year = c.year, .month = c.month, .day = c.day - days});
}

static int offset_at(const struct zone *z, int64_t us) {
    struct civil c;
    zone_civil(z, us, &c);
    return c.offset_s;
}

/* The first instant in (from_us, to_us] at which the offset of to_us is in force; the two differ.
 */
static int64_t change_of_offset(const struct zone *z, int64_t from_us, int64_t to_us) {
    int offset = offset_at(z, to_us);
    while (to_us - from_us > US_PER_S) {
        int64_t middle = from_us + (to_us - from_us) / (2 * US_PER_S) * US_PER_S;
        if (middle == from_us) break;
        if (offset_at(z, middle) == offset)
            to_us = middle;
        else
            from_us = middle;
    }
    return to_us;
}

/* The full local hour, or the change of offset behind it: an hour has one offset. */
static int64_t hour_floor(const struct zone *z, int64_t second_us, const struct civil *c) {
    int64_t start = second_us - (c->minute * 60 + c->second) * US_PER_S;
    return offset_at(z, start) == c->offset_s ? start : change_of_offset(z, start, second_us);
}

int64_t range_floor(const struct zone *z, enum plan_interval interval, int64_t us) {
    struct civil c;
    zone_civil(z, us, &c);
    int64_t second = us - ((us % US_PER_S) + US_PER_S) % US_PER_S;
    switch (interval) {
    case INTERVAL_MINUTE:
        return second - c.second * US_PER_S;
    case INTERVAL_HOUR:
        return hour_floor(z, second, &c);
    case INTERVAL_DAY:
        return range_day(z, us, 0);
    case INTERVAL_WEEK:
        return range_day(z, us, c.weekday);
    case INTERVAL_MONTH:
        return range_day(z, us, c.day - 1);
    case INTERVAL_TOTAL:
        break;
    }
    return us;
}

int64_t range_next(const struct zone *z, enum plan_interval interval, int64_t start_us) {
    switch (interval) {
    case INTERVAL_MINUTE:
        return start_us + 60 * US_PER_S;
    case INTERVAL_HOUR: {
        /* One that begins at a change of offset ends with its local hour. */
        struct civil c;
        zone_civil(z, start_us, &c);
        int64_t next = start_us + (3600 - c.minute * 60 - c.second) * US_PER_S;
        return offset_at(z, next) == c.offset_s ? next : change_of_offset(z, start_us, next);
    }
    case INTERVAL_DAY:
        return range_day(z, start_us, -1);
    case INTERVAL_WEEK:
        return range_day(z, start_us, -7);
    case INTERVAL_MONTH: {
        struct civil c;
        zone_civil(z, start_us, &c);
        return zone_instant(z, &(struct civil){.year = c.year, .month = c.month + 1, .day = 1});
    }
    case INTERVAL_TOTAL:
        break;
    }
    return INT64_MAX;
}

static struct civil day_of(const struct civil *c, int add) {
    return (struct civil){.year = c->year, .month = c->month, .day = c->day + add};
}

struct err range_span(const struct query *q, const struct query_world *w, struct range *out,
                      struct query_fault *fault) {
    struct civil today;
    zone_civil(w->zone, w->now_us, &today);
    struct civil from = q->from.civil, to = q->to.civil;
    if (!q->to.given) to = today;
    if (!q->from.given) from = day_of(&to, 1 - DEFAULT_DAYS);
    bool to_time = q->to.given && q->to.has_time, from_time = q->from.given && q->from.has_time;
    struct civil last = to_time ? to : day_of(&to, 1);
    struct civil first = from_time ? from : day_of(&from, 0);
    *out = (struct range){.zone = w->zone, .interval = INTERVAL_TOTAL};
    out->from_us = zone_instant(w->zone, &first);
    out->to_us = zone_instant(w->zone, &last) + (to_time ? US_PER_S : 0);
    if (out->from_us < out->to_us) return ERR_NONE;
    if (q->from.given && !q->to.given) { /* a range that begins in the future is empty, not wrong */
        out->to_us = out->from_us + US_PER_DAY;
        return ERR_NONE;
    }
    *fault = (struct query_fault){
        .field = "to", .message = "lies before from", .status = 400, .code = "invalid"};
    return ERR(ERR_INVALID, "query: range");
}

/* Cells of equal length, at least two for each bucket: what lies in one is near its first bucket.
 */
static struct err set_cells(struct range *r, struct arena *a) {
    uint64_t span = (uint64_t)r->starts[r->n] - (uint64_t)r->starts[0];
    uint64_t most = r->n < MIN_CELLS / 2 ? MIN_CELLS : (uint64_t)r->n * 2;
    for (r->shift = 0; span >> r->shift >= most;)
        r->shift++;
    uint64_t n = (span >> r->shift) + 1;
    r->cells = arena_array(a, n, sizeof *r->cells);
    if (!r->cells) return ERR(ERR_NOMEM, "query: buckets");
    uint32_t at = 0;
    for (uint64_t i = 0; i < n; i++) {
        while (at + 1 < r->n && (uint64_t)(r->starts[at + 1] - r->starts[0]) <= i << r->shift)
            at++;
        r->cells[i] = at;
    }
    return ERR_NONE;
}

static struct err set_starts(struct range *r, struct arena *a, struct query_fault *fault) {
    uint32_t cap = 0;
    int64_t at = range_floor(r->zone, r->interval, r->from_us);
    for (;; at = range_next(r->zone, r->interval, at)) {
        if (r->n >= cap) {
            uint32_t bigger = cap ? cap * 4 : 64;
            int64_t *starts = arena_array(a, bigger, sizeof *starts);
            if (!starts) return ERR(ERR_NOMEM, "query: buckets");
            if (r->n) memcpy(starts, r->starts, r->n * sizeof *starts);
            r->starts = starts;
            cap = bigger;
        }
        r->starts[r->n] = at;
        if (at >= r->to_us) return ERR_NONE;
        if (++r->n > RANGE_MAX_BUCKETS) break;
    }
    *fault = (struct query_fault){.field = "interval", .status = 413, .code = "too_large"};
    snprintf(fault->message, sizeof fault->message,
             "more than %d buckets: choose a longer interval or a shorter range",
             RANGE_MAX_BUCKETS);
    return ERR(ERR_LIMIT, "query: buckets");
}

struct err range_buckets(struct range *r, enum plan_interval interval, struct arena *a,
                         struct query_fault *fault) {
    r->interval = interval;
    r->n = 0;
    r->starts = NULL;
    TRY(set_starts(r, a, fault));
    return set_cells(r, a);
}

uint32_t range_bucket(const struct range *r, int64_t us, uint32_t hint) {
    if (hint < r->n && r->starts[hint] <= us && us < r->starts[hint + 1]) return hint;
    if (us < r->starts[0]) return 0;
    if (us >= r->starts[r->n]) return r->n - 1;
    uint32_t at = r->cells[((uint64_t)us - (uint64_t)r->starts[0]) >> r->shift];
    while (us >= r->starts[at + 1])
        at++;
    return at;
}

void range_label(const struct range *r, int64_t start_us, char out[32]) {
    if (r->interval == INTERVAL_HOUR || r->interval == INTERVAL_MINUTE) {
        zone_format(r->zone, start_us, out);
        return;
    }
    struct civil c;
    zone_civil(r->zone, start_us, &c);
    snprintf(out, 32, "%04d-%02d-%02d", c.year % 10000, c.month % 100, c.day % 100);
}
