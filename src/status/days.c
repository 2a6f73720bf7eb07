/* days.c: the bars of the last 90 days, from the history of states.
 *
 * A day is one of the page's time zone: where summer time begins it is 23 hours long. Down time is
 * what was major, and what was partial at 0.3; a degraded or maintained component is up.
 */
#include "status/internal.h"

#define PARTIAL_TENTHS 3

struct days {
    int64_t begin_us[STATUS_DAYS + 1]; /* of each day, and now */
};

static struct err make_days(const struct status_model *m, struct days *out) {
    AUTO(zone_free) struct zone *zone = NULL;
    struct err e = zone_open(m->page.time_zone, &zone);
    if (e.code != ERR_OK) TRY(zone_open(STR("UTC"), &zone));
    struct civil today;
    zone_civil(zone, m->now_us, &today);
    today.hour = today.minute = today.second = 0;
    for (int i = 0; i < STATUS_DAYS; i++) {
        struct civil day = today;
        day.day -= STATUS_DAYS - 1 - i;
        out->begin_us[i] = zone_instant(zone, &day);
    }
    out->begin_us[STATUS_DAYS] = m->now_us;
    return ERR_NONE;
}

/* The component was in this state from one instant to another. */
static void add(struct status_component *c, const struct days *d, enum status_state state,
                int64_t from, int64_t to) {
    for (int i = 0; i < STATUS_DAYS; i++) {
        int64_t a = from > d->begin_us[i] ? from : d->begin_us[i];
        int64_t b = to < d->begin_us[i + 1] ? to : d->begin_us[i + 1];
        if (a > b || (a == b && !(i == STATUS_DAYS - 1 && a == to))) continue;
        if (c->days[i] == 255 || state > c->days[i]) c->days[i] = (uint8_t)state;
        int64_t s = (b - a) / US_PER_S;
        if (state == STATUS_PARTIAL) s = s * PARTIAL_TENTHS / 10;
        if (state >= STATUS_PARTIAL) c->down_s[i] += (uint32_t)s;
    }
}

static struct err load_one(struct status *s, const struct days *d, struct status_component *c) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    int64_t from = INT64_MAX;
    enum status_state state = STATUS_OPERATIONAL;
    TRY(meta_query(s->config.meta, &row,
                   "SELECT at_us, state FROM status_change WHERE component = ? AND at_us >= "
                   "coalesce((SELECT max(at_us) FROM status_change WHERE component = ? AND at_us "
                   "<= ?), 0) ORDER BY at_us",
                   "iii", (int64_t)c->number, (int64_t)c->number, d->begin_us[0]));
    while (meta_next(row, &e)) {
        int64_t at = meta_i64(row, 0);
        if (from < at) add(c, d, state, from, at);
        from = at;
        state = (enum status_state)meta_i64(row, 1);
    }
    if (from <= d->begin_us[STATUS_DAYS]) add(c, d, state, from, d->begin_us[STATUS_DAYS]);
    return e;
}

struct err status_load_days(struct status *s, struct status_model *m) {
    struct days d;
    TRY(make_days(m, &d));
    for (size_t i = 0; i < m->n_components; i++)
        if (!m->components[i].is_group) TRY(load_one(s, &d, &m->components[i]));
    return ERR_NONE;
}
