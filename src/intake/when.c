/* when.c: the times that clients write: seconds with fraction (browser), milliseconds (node,
 * mobile), ISO dates (people). */
#include <math.h>

#include "intake/record.h"

#define FIRST_MILLISECONDS 1e11 /* as seconds this is the year 5138 */

bool intake_when_number(double v, int64_t *out_us) {
    if (!(fabs(v) < 9e15)) return false;
    double us = fabs(v) >= FIRST_MILLISECONDS ? v * 1e3 : v * 1e6;
    if (!(fabs(us) < 9e18)) return false;
    *out_us = llround(us);
    return true;
}

static bool digits(struct str *s, size_t n, int *out) {
    if (s->n < n) return false;
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9') return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = str_from(*s, n);
    *out = v;
    return true;
}

static bool sign(struct str *s, char c) {
    if (s->n == 0 || s->p[0] != c) return false;
    *s = str_from(*s, 1);
    return true;
}

/* ".123456": microseconds; further digits are dropped. */
static bool fraction(struct str *s, int64_t *out_us) {
    *out_us = 0;
    if (!sign(s, '.') && !sign(s, ',')) return true;
    int64_t unit = US_PER_S;
    size_t n = 0;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; n++, *s = str_from(*s, 1)) {
        unit /= 10;
        *out_us += (s->p[0] - '0') * unit;
    }
    return n > 0;
}

/* "Z", "+01:00", "+0100", or nothing for UTC: seconds east. */
static bool offset(struct str *s, int *out_s) {
    *out_s = 0;
    if (s->n == 0 || sign(s, 'Z')) return s->n == 0;
    int direction = sign(s, '+') ? 1 : sign(s, '-') ? -1 : 0, hours, minutes;
    if (direction == 0 || !digits(s, 2, &hours)) return false;
    (void)sign(s, ':');
    if (!digits(s, 2, &minutes) || hours > 15 || minutes > 59) return false;
    *out_s = direction * (hours * 3600 + minutes * 60);
    return s->n == 0;
}

/* Days since 1970 of a civil date of the Gregorian calendar, counted in years that begin in March.
 */
static int64_t days_of(int year, int month, int day) {
    int64_t y = year - (month <= 2);
    int64_t era = y / 400, of_era = y % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool iso(struct str s, int64_t *out_us) {
    int year, month, day, hour = 0, minute = 0, second = 0, east = 0;
    int64_t us = 0;
    if (!digits(&s, 4, &year) || !sign(&s, '-') || !digits(&s, 2, &month) || !sign(&s, '-') ||
        !digits(&s, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    if (s.n > 0) {
        if (!sign(&s, 'T') && !sign(&s, ' ')) return false;
        if (!digits(&s, 2, &hour) || !sign(&s, ':') || !digits(&s, 2, &minute)) return false;
        if (sign(&s, ':') && (!digits(&s, 2, &second) || !fraction(&s, &us))) return false;
        if (hour > 24 || minute > 59 || second > 60 || !offset(&s, &east)) return false;
    }
    *out_us = days_of(year, month, day) * US_PER_DAY +
              (hour * 3600 + minute * 60 + second - east) * US_PER_S + us;
    return true;
}

enum intake_when intake_when_read(const struct json *v, int64_t arrival_us, int64_t *out_us) {
    double number;
    int64_t us;
    if (!v || v->type == JSON_NULL) return WHEN_MISSING;
    if (v->type == JSON_STR) {
        struct str s = str_trim(v->s);
        if (s.n == 0) return WHEN_MISSING;
        if (!iso(s, &us) && (!str_to_f64(s, &number) || !intake_when_number(number, &us)))
            return WHEN_BAD;
    } else if (v->type == JSON_BIGINT) {
        return WHEN_FAR;
    } else if (!json_number(v, &number)) {
        return WHEN_BAD;
    } else if (!intake_when_number(number, &us)) {
        return WHEN_FAR;
    }
    if (us < INTAKE_MIN_TIME_US || us > arrival_us + INTAKE_MAX_AHEAD_US) return WHEN_FAR;
    *out_us = us;
    return WHEN_OK;
}
