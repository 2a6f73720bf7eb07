/* zone_table.c: reads a compiled zone (TZif, RFC 8536) into a table of changes.
 *
 * The file holds two blocks: one with 32-bit times for old readers, which is skipped, and one with
 * 64-bit times, followed by a line with a POSIX TZ rule for all later years
 * ("CET-1CEST,M3.5.0,M10.5.0/3"). The rule is spelled out year by year to 2100, so that readers of
 * the table know no rules.
 */
#include "base/zone_table.h"

#define LAST_YEAR 2100

struct header {
    uint32_t utc_n, standard_n, leap_n, time_n, type_n, char_n;
};

static const struct err broken = {ERR_INVALID, 0, "zone: the time zone's file is not understood"};

/* The file's numbers are big-endian. */
static uint64_t take_big(struct cursor *c, size_t n) {
    const uint8_t *p = cursor_bytes(c, n);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static bool read_header(struct cursor *c, struct header *h, uint8_t *version) {
    const uint8_t *start = cursor_bytes(c, 20);
    if (start == NULL || memcmp(start, "TZif", 4) != 0) return false;
    *version = start[4];
    h->utc_n = (uint32_t)take_big(c, 4);
    h->standard_n = (uint32_t)take_big(c, 4);
    h->leap_n = (uint32_t)take_big(c, 4);
    h->time_n = (uint32_t)take_big(c, 4);
    h->type_n = (uint32_t)take_big(c, 4);
    h->char_n = (uint32_t)take_big(c, 4);
    return !c->bad;
}

static void add_change(struct zone *z, int64_t at_s, int32_t offset_s) {
    if (z->n == ZONE_MAX_CHANGES || (z->n > 0 && at_s <= z->at_s[z->n - 1])) return;
    z->at_s[z->n] = at_s;
    z->offset_s[++z->n] = offset_s;
}

static int32_t type_offset(const uint8_t *types, size_t i) {
    struct cursor c = {types + 6 * i, 4, false};
    return (int32_t)(uint32_t)take_big(&c, 4);
}

static bool read_changes(struct cursor *c, const struct header *h, struct zone *z) {
    if (h->time_n > ZONE_MAX_CHANGES || h->type_n == 0 || h->type_n > 256) return false;
    struct cursor times = {cursor_bytes(c, (size_t)h->time_n * 8), (size_t)h->time_n * 8, false};
    const uint8_t *indices = cursor_bytes(c, h->time_n);
    const uint8_t *types = cursor_bytes(c, (size_t)h->type_n * 6);
    (void)cursor_bytes(c, (size_t)h->char_n + (size_t)h->leap_n * 12 + h->standard_n + h->utc_n);
    if (c->bad) return false;
    z->offset_s[0] = type_offset(types, 0);
    for (uint32_t i = 0; i < h->time_n; i++) {
        int64_t at = (int64_t)take_big(&times, 8);
        if (indices[i] >= h->type_n) return false;
        add_change(z, at, type_offset(types, indices[i]));
    }
    for (size_t i = 0; i <= z->n; i++)
        if (z->offset_s[i] > 26 * 3600 || z->offset_s[i] < -26 * 3600) return false;
    return true;
}

/* ---- the rule of the last line ---- */

static bool take_char(struct str *s, char c) {
    if (s->n == 0 || s->p[0] != c) return false;
    *s = str_from(*s, 1);
    return true;
}

static bool take_number(struct str *s, int *out) {
    size_t n = 0;
    int v = 0;
    while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
        v = v * 10 + (s->p[n++] - '0');
    *s = str_from(*s, n);
    *out = v;
    return n > 0;
}

/* [+-]h[h][:mm[:ss]] */
static bool take_time(struct str *s, int32_t *out_s) {
    bool negative = take_char(s, '-');
    if (!negative) (void)take_char(s, '+');
    int h, m = 0, sec = 0;
    if (!take_number(s, &h)) return false;
    if (take_char(s, ':') && !take_number(s, &m)) return false;
    if (take_char(s, ':') && !take_number(s, &sec)) return false;
    int32_t v = h * 3600 + m * 60 + sec;
    *out_s = negative ? -v : v;
    return v <= 168 * 3600;
}

/* "CET" or "<+03>" */
static bool take_name(struct str *s) {
    if (take_char(s, '<')) {
        size_t before = s->n;
        (void)str_cut(s, '>');
        return s->n < before;
    }
    size_t n = 0;
    while (n < s->n && ((s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z'))
        n++;
    *s = str_from(*s, n);
    return n >= 3;
}

struct rule_day {
    char form; /* 'M' month.week.weekday, 'J' day 1..365 without the leap day, '0' day 0..365 with
                  it */
    int a, b, c;
    int32_t time_s; /* of local time before the change */
};

static bool take_rule_day(struct str *s, struct rule_day *out) {
    *out = (struct rule_day){.form = '0', .time_s = 2 * 3600};
    if (!take_char(s, ',')) return false;
    if (take_char(s, 'M')) {
        out->form = 'M';
        if (!take_number(s, &out->a) || !take_char(s, '.') || !take_number(s, &out->b) ||
            !take_char(s, '.') || !take_number(s, &out->c))
            return false;
        if (out->a < 1 || out->a > 12 || out->b < 1 || out->b > 5 || out->c > 6) return false;
    } else {
        if (take_char(s, 'J')) out->form = 'J';
        if (!take_number(s, &out->a) || out->a > 366) return false;
    }
    return !take_char(s, '/') || take_time(s, &out->time_s);
}

static int64_t month_week_day(int64_t year, const struct rule_day *r) {
    int64_t first = zone_days(year, r->a, 1);
    int64_t next = r->a == 12 ? zone_days(year + 1, 1, 1) : zone_days(year, r->a + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 0 = Sunday, as the rule counts */
    int64_t day = first + (r->c - weekday + 7) % 7 + 7 * (r->b - 1);
    return day >= next ? day - 7 : day; /* week 5 is the last, be it the fourth */
}

/* Local seconds of the change in a year. */
static int64_t rule_seconds(int64_t year, const struct rule_day *r) {
    int64_t january = zone_days(year, 1, 1);
    bool leap = zone_days(year, 3, 1) - zone_days(year, 2, 1) == 29;
    int64_t day = january + r->a;
    if (r->form == 'J') day = january + r->a - 1 + (leap && r->a >= 60);
    if (r->form == 'M') day = month_week_day(year, r);
    return day * INT64_C(86400) + r->time_s;
}

static bool apply_rule(struct str rule, struct zone *z) {
    int32_t standard, summer;
    if (!take_name(&rule) || !take_time(&rule, &standard)) return false;
    if (rule.n == 0) return true; /* one offset for ever: the table ends with it */
    if (!take_name(&rule)) return false;
    summer = standard - 3600;
    if (rule.n > 0 && rule.p[0] != ',' && !take_time(&rule, &summer)) return false;
    struct rule_day begin, end;
    if (!take_rule_day(&rule, &begin) || !take_rule_day(&rule, &end) || rule.n != 0) return false;
    for (int64_t year = 1970; year <= LAST_YEAR;
         year++) { /* the rule's west is the table's minus */
        int64_t to_summer = rule_seconds(year, &begin) + standard,
                to_standard = rule_seconds(year, &end) + summer;
        bool north = to_summer < to_standard;
        add_change(z, north ? to_summer : to_standard, north ? -summer : -standard);
        add_change(z, north ? to_standard : to_summer, north ? -standard : -summer);
    }
    return true;
}

struct err zone_table_read(struct str file, struct zone *z) {
    struct cursor c = {(const uint8_t *)file.p, file.n, false};
    struct header h;
    uint8_t version;
    if (!read_header(&c, &h, &version) || version < '2') return broken;
    (void)cursor_bytes(&c, (size_t)h.time_n * 5 + (size_t)h.type_n * 6 + h.char_n +
                               (size_t)h.leap_n * 8 + h.standard_n + h.utc_n);
    if (!read_header(&c, &h, &version) || !read_changes(&c, &h, z)) return broken;
    struct str rest = {(const char *)c.p, c.n};
    if (!take_char(&rest, '\n')) return broken;
    struct str rule = str_cut(&rest, '\n');
    return rule.n == 0 || apply_rule(rule, z) ? ERR_NONE : broken;
}
