/* window.c: maintenance windows that come back each week, in the zone of those who keep them: 02:00
 * in Berlin stays 02:00 when the clocks change. */
#include <stdio.h>

#include "monitor/inside.h"

static const char *const days[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static bool read_time(const struct json *v, int *out) {
    int64_t hour, minute;
    if (!v || v->type != JSON_STR || v->s.n != 5) return false;
    struct str rest = v->s, h = str_cut(&rest, ':');
    if (h.n != 2 || !str_to_i64(h, &hour) || !str_to_i64(rest, &minute)) return false;
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || hour * 60 + minute > 1440)
        return false;
    *out = (int)(hour * 60 + minute);
    return true;
}

static bool read_days(const struct json *v, uint8_t *out) {
    *out = 0x7f;
    if (!v) return true;
    if (v->type != JSON_ARRAY || v->n == 0) return false;
    *out = 0;
    for (const struct json *d = json_first(v); d != json_end(v); d = json_next(d)) {
        int i = 0;
        while (i < 7 && !json_is_str(d, days[i]))
            i++;
        if (i == 7) return false;
        *out |= (uint8_t)(1u << i);
    }
    return true;
}

struct err window_read(const struct json *v, struct window *out) {
    struct window w = {0};
    const struct json *zone = json_get(v, "zone");
    if (!read_days(json_get(v, "days"), &w.days))
        return ERR(ERR_INVALID, "windows: days are mon, tue, wed, thu, fri, sat, sun");
    if (!read_time(json_get(v, "from"), &w.from) || !read_time(json_get(v, "to"), &w.until))
        return ERR(ERR_INVALID, "windows: from and to are times such as 22:30");
    struct str name = zone && zone->type == JSON_STR ? zone->s : STR("UTC");
    if (zone_open(name, &w.zone).code != ERR_OK)
        return ERR(ERR_INVALID, "windows: there is no such time zone");
    *out = w;
    return ERR_NONE;
}

bool window_is_open(const struct window *w, int64_t us) {
    struct civil c;
    zone_civil(w->zone, us, &c);
    int minute = c.hour * 60 + c.minute;
    bool today = w->days >> c.weekday & 1, yesterday = w->days >> (c.weekday + 6) % 7 & 1;
    if (w->from < w->until) return today && minute >= w->from && minute < w->until;
    return (today && minute >= w->from) || (yesterday && minute < w->until);
}

void window_done(struct window *w) {
    zone_free(w->zone);
    w->zone = NULL;
}
