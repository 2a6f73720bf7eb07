/* bars.c: 90 days and 24 hours as inline SVG, small enough to be sent with every page.
 *
 * Days: a run of days of one state is one thick horizontal line whose dashes are the days, so a
 * component that was well for 90 days is one path of twenty characters. Days that were not well
 * have an invisible rectangle with a tooltip on top. For those who hear the page the label says
 * what the picture shows.
 *
 * Hours: reports as steps with a filled area, the baseline as a dashed line, one scale for both.
 * The area's outline runs outside of the picture on three sides, so one path is both line and area.
 */
#include <math.h>

#include "page/inside.h"

#define DAY_WIDTH 4
#define CELL_WIDTH 5
#define CHART_HEIGHT 120
#define FEWEST_ON_AXIS 5 /* a handful of reports does not fill the picture */

/* ---- days ---- */

/* Today is at least as bad as now. */
static uint8_t day_of(const struct status_component *c, size_t i) {
    bool now = i == STATUS_DAYS - 1 && (c->days[i] > STATUS_MAJOR || c->days[i] < c->state);
    return now ? (uint8_t)c->state : c->days[i];
}

static void put_runs(struct buf *b, const struct status_component *c) {
    for (size_t i = 0, end; i < STATUS_DAYS; i = end) {
        uint8_t state = day_of(c, i);
        for (end = i; end < STATUS_DAYS && day_of(c, end) == state;)
            end++;
        buf_printf(b, "<path class=\"%s\" d=\"M%zu 17h%zu\"/>",
                   page_state_class((enum status_state)state), i * DAY_WIDTH,
                   (end - i) * DAY_WIDTH - 1);
    }
}

static void put_tips(struct work *w, struct buf *b, const struct status_component *c) {
    for (size_t i = 0; i < STATUS_DAYS; i++) {
        uint8_t state = day_of(c, i);
        if (state == STATUS_OPERATIONAL || state > STATUS_MAJOR) continue;
        int64_t us = w->m->now_us - (int64_t)(STATUS_DAYS - 1 - i) * US_PER_DAY;
        buf_printf(b, "<rect x=\"%zu\" width=\"4\" height=\"34\"><title>", i * DAY_WIDTH);
        page_put_day(w, b, us);
        buf_printf(b, ": %s", page_state_text((enum status_state)state));
        if (c->down_s[i] > 0) {
            buf_put_str(b, STR(", "));
            page_put_span(b, (int64_t)c->down_s[i] * US_PER_S);
        }
        buf_put_str(b, STR("</title></rect>"));
    }
}

static void put_label(struct buf *b, const struct status_component *c) {
    size_t days = 0, bad = 0;
    for (size_t i = 0; i < STATUS_DAYS; i++) {
        uint8_t state = day_of(c, i);
        days += state <= STATUS_MAJOR;
        bad += state >= STATUS_DEGRADED && state <= STATUS_MAJOR;
    }
    page_escape(b, c->name);
    if (days == 0)
        buf_put_str(b, STR(", 90 days: no data yet"));
    else if (bad == 0)
        buf_printf(b, ", %zu days: no disruption", days);
    else
        buf_printf(b, ", %zu days: disruption on %zu", days, bad);
}

void page_put_bars(struct work *w, struct buf *b, const struct status_component *c) {
    double share = page_uptime(c);
    buf_put_str(b, STR("<svg class=\"bars\" viewBox=\"0 0 359 34\" preserveAspectRatio=\"none\" "
                       "role=\"img\" aria-label=\""));
    put_label(b, c);
    buf_put_str(b, STR("\">"));
    put_runs(b, c);
    put_tips(w, b, c);
    buf_put_str(b, STR("</svg><div class=\"scale\"><span>90 days ago</span><i></i>"));
    if (isfinite(share)) {
        buf_put_str(b, STR("<span>"));
        page_put_percent(b, share);
        buf_put_str(b, STR(" % uptime</span><i></i>"));
    }
    buf_put_str(b, STR("<span>Today</span></div>"));
}

/* ---- hours ---- */

static double highest(const uint32_t *reports, const float *expected) {
    double most = FEWEST_ON_AXIS;
    for (size_t i = 0; i < STATUS_CHART_N; i++) {
        if (reports[i] > most) most = reports[i];
        if (isfinite(expected[i]) && (double)expected[i] > most) most = (double)expected[i];
    }
    return most * 1.08;
}

static int height_of(double v, double most) {
    return (int)lround(CHART_HEIGHT - v * (CHART_HEIGHT - 2) / most);
}

/* Equal neighbours are one step. */
static void put_steps(struct buf *b, const uint32_t *reports, double most) {
    for (size_t i = 0, end; i < STATUS_CHART_N; i = end) {
        for (end = i; end < STATUS_CHART_N && reports[end] == reports[i];)
            end++;
        buf_printf(b, "V%dH%zu", height_of(reports[i], most), end * CELL_WIDTH);
    }
}

/* A point every half hour; where the baseline is not known the line stops. */
static void put_expected(struct buf *b, const float *expected, double most) {
    bool drawing = false;
    buf_put_str(b, STR("<path class=\"e\" d=\""));
    for (size_t i = 1; i < STATUS_CHART_N; i += 3) {
        bool known = isfinite(expected[i]);
        if (known)
            buf_printf(b, "%c%zu %d", drawing ? 'L' : 'M', i * CELL_WIDTH + CELL_WIDTH / 2,
                       height_of((double)expected[i], most));
        drawing = known;
    }
    buf_put_str(b, STR("\"/>"));
}

static void put_sentence(struct buf *b, const uint32_t *reports, const float *expected) {
    uint64_t sum = 0;
    uint32_t peak = 0;
    double usual = 0;
    for (size_t i = 0; i < STATUS_CHART_N; i++) {
        sum += reports[i];
        if (reports[i] > peak) peak = reports[i];
        usual += isfinite(expected[i]) ? (double)expected[i] : 0;
    }
    buf_printf(b, "%llu reports in 24 hours, at most %u in ten minutes; usual are %.0f a day",
               (unsigned long long)sum, peak, usual);
}

static void put_axis(struct work *w, struct buf *b) {
    buf_put_str(b, STR("<div class=\"axis\" aria-hidden=\"true\">"));
    for (int hours = 24; hours >= 0; hours -= 8) {
        struct civil c;
        page_time_parts(w, w->m->now_us - hours * INT64_C(3600) * US_PER_S, &c);
        if (hours)
            buf_printf(b, "<span>%02d:%02d</span>", c.hour, c.minute);
        else
            buf_put_str(b, STR("<span>now</span>"));
    }
    buf_put_str(b, STR("</div>"));
}

void page_put_chart(struct work *w, struct buf *b, const uint32_t *reports, const float *expected) {
    double most = highest(reports, expected);
    buf_printf(b,
               "<svg class=\"chart\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
               "role=\"img\" aria-label=\"",
               STATUS_CHART_N * CELL_WIDTH, CHART_HEIGHT);
    put_sentence(b, reports, expected);
    buf_printf(b, "\"><path class=\"l\" d=\"M-9 %d", CHART_HEIGHT + 9);
    put_steps(b, reports, most);
    buf_printf(b, "h9V%dz\"/>", CHART_HEIGHT + 9);
    put_expected(b, expected, most);
    buf_put_str(b, STR("</svg>"));
    put_axis(w, b);
}
