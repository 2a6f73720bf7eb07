/* text.c: texts of people into HTML and XML, and times as people, feeds and machines write them. */
#include <math.h>
#include <stdio.h>

#include "page/inside.h"

const char *const page_months[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const weekdays[7] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

/* ---- escaping ---- */

static const char *entity(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Neither control characters nor what XML refuses (U+FFFE, U+FFFF) get through. */
static bool is_dropped(struct str s, size_t at) {
    uint8_t c = (uint8_t)s.p[at];
    if (c < ' ') return c != '\t' && c != '\n';
    if (c == 0x7f) return true;
    return c == 0xef && at + 2 < s.n && (uint8_t)s.p[at + 1] == 0xbf &&
           (uint8_t)s.p[at + 2] >= 0xbe;
}

/* Text that is not UTF-8 goes on behind each bad byte, which becomes U+FFFD. */
static void escape(struct buf *b, struct str s, const char *line_end) {
    while (s.n > 0) {
        size_t good = str_utf8_prefix(s);
        for (size_t i = 0; i < good; i++) {
            const char *e = entity(s.p[i]);
            if (e)
                buf_put(b, e, strlen(e));
            else if (s.p[i] == '\n')
                buf_put(b, line_end, strlen(line_end));
            else if (!is_dropped(s, i))
                buf_put_char(b, s.p[i]);
            else if ((uint8_t)s.p[i] == 0xef)
                i += 2;
        }
        if (good < s.n) buf_put_str(b, STR("\xef\xbf\xbd"));
        s = str_from(s, good < s.n ? good + 1 : good);
    }
}

void page_escape(struct buf *b, struct str s) {
    escape(b, s, "\n");
}

void page_escape_lines(struct buf *b, struct str s) {
    escape(b, s, "<br>");
}

/* ---- times for machines: always UTC ---- */

static int year_of(const struct civil *c) {
    return c->year < 0 ? 0 : c->year % 10000;
}

/* "2025-12-02T20:10:00" and what follows the seconds. */
static void iso(int64_t us, const char *fraction, char out[32]) {
    struct civil c;
    zone_civil(NULL, us, &c);
    (void)snprintf(out, 32, "%04d-%02u-%02uT%02u:%02u:%02u%sZ", year_of(&c), (unsigned)c.month & 15,
                   (unsigned)c.day & 31, (unsigned)c.hour & 31, (unsigned)c.minute & 63,
                   (unsigned)c.second & 63, fraction);
}

void page_iso(int64_t us, char out[32]) {
    char fraction[8];
    if (us < 0) us = 0;
    (void)snprintf(fraction, sizeof fraction, ".%03u", (unsigned)(us % US_PER_S / 1000) % 1000);
    iso(us, fraction, out);
}

void page_iso_seconds(int64_t us, char out[32]) {
    iso(us, "", out);
}

void page_http_date(int64_t us, char out[40]) {
    struct civil c;
    zone_civil(NULL, us, &c);
    (void)snprintf(out, 40, "%s, %02u %s %04d %02u:%02u:%02u GMT", weekdays[c.weekday],
                   (unsigned)c.day & 31, page_months[c.month - 1], year_of(&c),
                   (unsigned)c.hour & 31, (unsigned)c.minute & 63, (unsigned)c.second & 63);
}

/* ---- times for people: in the page's zone ---- */

void page_time_parts(const struct work *w, int64_t us, struct civil *out) {
    zone_civil(w->zone, us, out);
}

static void put_zone(struct buf *b, const struct civil *c) {
    int minutes = (c->offset_s < 0 ? -c->offset_s : c->offset_s) / 60;
    if (minutes == 0)
        buf_put_str(b, STR(" UTC"));
    else if (minutes % 60)
        buf_printf(b, " UTC%c%d:%02d", c->offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    else
        buf_printf(b, " UTC%c%d", c->offset_s < 0 ? '-' : '+', minutes / 60);
}

void page_put_day(struct work *w, struct buf *b, int64_t us) {
    struct civil c;
    zone_civil(w->zone, us, &c);
    buf_printf(b, "%d %s %d", c.day, page_months[c.month - 1], c.year);
}

void page_put_time(struct work *w, struct buf *b, int64_t us) {
    struct civil c;
    char iso[32];
    zone_civil(w->zone, us, &c);
    page_iso_seconds(us, iso);
    buf_printf(b, "<time datetime=\"%s\">%d %s %d, %02d:%02d", iso, c.day, page_months[c.month - 1],
               c.year, c.hour, c.minute);
    put_zone(b, &c);
    buf_put_str(b, STR("</time>"));
}

void page_put_span(struct buf *b, int64_t us) {
    int64_t minutes = us > 0 ? (us + 30 * US_PER_S) / (60 * US_PER_S) : 0;
    if (minutes < 1)
        buf_put_str(b, STR("less than a minute"));
    else if (minutes < 60)
        buf_printf(b, "%lld min", (long long)minutes);
    else if (minutes < 48 * 60)
        buf_printf(b, "%lld h %lld min", (long long)(minutes / 60), (long long)(minutes % 60));
    else
        buf_printf(b, "%lld days", (long long)(minutes / (24 * 60)));
}

/* Rounded down: what was not whole is never 100. */
void page_put_percent(struct buf *b, double share) {
    double p = floor(share * 10000 + 1e-9) / 100;
    buf_printf(b, p >= 100 ? "%.0f" : "%.2f", p < 0 ? 0 : p);
}

void page_put_count(struct buf *b, int64_t n) {
    if (n >= 1000000)
        buf_printf(b, "%lld,%03lld,%03lld", (long long)(n / 1000000), (long long)(n / 1000 % 1000),
                   (long long)(n % 1000));
    else if (n >= 1000)
        buf_printf(b, "%lld,%03lld", (long long)(n / 1000), (long long)(n % 1000));
    else
        buf_printf(b, "%lld", (long long)n);
}
