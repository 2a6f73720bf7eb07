/* zone.c: clock and zones. A zone is a table of changes of offset; between two changes local time
 * is UTC plus a constant.
 *
 * From an instant to its civil time is a search in the table. The way back walks the pieces from
 * the earliest that could reach the wanted local time (offsets are less than 26 hours) and takes
 * the first instant that does: so a skipped time gives the change itself, and a doubled one its
 * earlier reading.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/zone_table.h"

#define S_PER_DAY INT64_C(86400)
#define LARGEST_OFFSET_S (26 * 3600)
#define FILE_MAX_BYTES (256u << 10)

static int64_t clock_us(clockid_t clock) {
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

int64_t time_now_us(void) {
    return clock_us(CLOCK_REALTIME);
}

int64_t time_monotonic_us(void) {
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Eras of 400 years, years that begin in March: the leap day is the last of its year. */
int64_t zone_days(int64_t year, int month, int64_t day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_of_days(int64_t days, struct civil *out) {
    int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    out->year = (int)(yoe + era * 400 + (out->month <= 2));
}

/* A name of the database and nothing else: no way out of its folder. */
static bool is_zone_name(struct str name) {
    if (name.n == 0 || name.n > 63 || name.p[0] == '/' || str_contains(name, STR("..")))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && strchr("_+-/", c) == NULL) return false;
        if (c == 0) return false;
    }
    return true;
}

static struct err load(struct str name, struct zone *z) {
    char path[128];
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/" STR_FMT, STR_ARG(name));
    AUTO(buf_done) struct buf file;
    buf_init(&file, FILE_MAX_BYTES);
    struct err e = io_read_file(path, FILE_MAX_BYTES - 1, &file);
    if (e.code != ERR_OK) return (struct err){ERR_INVALID, e.os, "zone: no such time zone"};
    return zone_table_read(buf_str(&file), z);
}

struct err zone_open(struct str name, struct zone **out) {
    if (!is_zone_name(name)) return ERR(ERR_INVALID, "zone: not a time zone's name");
    struct zone *z = calloc(1, sizeof *z);
    if (z == NULL) return ERR(ERR_NOMEM, "zone: memory");
    struct err e =
        str_is(name, "UTC") ? ERR_NONE : load(name, z); /* UTC needs no database: an empty table */
    if (e.code != ERR_OK) {
        free(z);
        return e;
    }
    *out = z;
    return ERR_NONE;
}

void zone_free(struct zone *z) {
    free(z);
}

/* Index of the offset in force at t: the number of changes at or before it. */
static size_t piece_of(const struct zone *z, int64_t t) {
    size_t low = 0, high = z->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (z->at_s[mid] <= t)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void zone_civil(const struct zone *z, int64_t us, struct civil *out) {
    int64_t t = floor_div(us, US_PER_S);
    out->offset_s = z ? z->offset_s[piece_of(z, t)] : 0;
    int64_t local = t + out->offset_s, days = floor_div(local, S_PER_DAY),
            s = local - days * S_PER_DAY;
    date_of_days(days, out);
    out->hour = (int)(s / 3600);
    out->minute = (int)(s / 60 % 60);
    out->second = (int)(s % 60);
    int64_t weekday = (days + 3) % 7; /* 1970-01-01 was a Thursday */
    out->weekday = (int)(weekday < 0 ? weekday + 7 : weekday);
}

static int64_t local_seconds(const struct civil *c) {
    int64_t months = (int64_t)c->year * 12 + c->month - 1;
    int64_t year = floor_div(months, 12);
    int64_t days = zone_days(year, (int)(months - year * 12) + 1, c->day);
    return days * S_PER_DAY + (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second;
}

int64_t zone_instant(const struct zone *z, const struct civil *c) {
    int64_t local = local_seconds(c);
    for (size_t i = piece_of(z, local - LARGEST_OFFSET_S);; i++) {
        int64_t t = local - z->offset_s[i];
        if (i > 0 && t < z->at_s[i - 1]) t = z->at_s[i - 1];
        if (i == z->n || t < z->at_s[i]) return t * US_PER_S;
    }
}

void zone_format(const struct zone *z, int64_t us, char out[32]) {
    struct civil c;
    zone_civil(z, us, &c);
    int minutes = abs(c.offset_s) / 60;
    char text[128]; /* room for any int; a year of more than four digits is cut off */
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", c.year, c.month,
                   c.day, c.hour, c.minute, c.second, c.offset_s < 0 ? '-' : '+', minutes / 60,
                   minutes % 60);
    text[31] = 0;
    memcpy(out, text, 32);
}
