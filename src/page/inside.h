/* inside.h: what page's files share. Private.
 *
 *   words.c      names of states and phases, the rule of the overall indicator, look-ups in a model
 *   text.c       escaping for HTML and XML, times as people and feeds write them
 *   bars.c       90 days and 24 hours as inline SVG
 *   style.c      the style sheet and the script, and the policy that allows exactly them
 *   html.c       the status page; html_incident.c, html_small.c: the others
 *   statuspage.c /api/v2; kuma.c, gatus.c: the monitors' read APIs; feed.c: Atom and RSS; metrics.c
 *   badge.c      badges as SVG; probe.c: the table of probes and what is rendered from it
 *   bundle.c     the file `pages`; publish.c: all of them into it; find.c: path -> entry
 *   door.c       the file `intake`
 */
#pragma once

#include "page/page.h"

struct zone;

/* A publishing at work. */
struct work {
    const struct status_model *m;
    struct zone *zone; /* of the page */
    struct str base;   /* "https://status.example.com", no slash at the end; empty: addresses stay
                          relative */
    struct str host;   /* its host, for the feeds' ids */
    struct bundle_out *out;
};

/* ---- words.c ---- */

struct overall {
    const char *indicator;   /* "none", "minor", "major", "critical", "maintenance" */
    const char *description; /* "All Systems Operational" */
    enum status_state worst; /* for the colour */
};
void page_overall(const struct status_model *m, struct overall *out);
const char *page_state_word(enum status_state s);               /* "degraded_performance" */
const char *page_state_text(enum status_state s);               /* "Degraded performance" */
const char *page_state_class(enum status_state s);              /* one letter, for CSS */
const char *page_phase_word(enum status_phase p);               /* "in_progress" */
const char *page_phase_text(enum status_phase p);               /* "In progress" */
const char *page_impact_word(enum status_impact i);             /* "minor" */
bool page_is_open(const struct status_incident *i);             /* neither resolved nor completed */
bool page_is_active(const struct status_incident *maintenance); /* it runs now */
const struct status_component *page_component(const struct status_model *m, uint32_t number);
const struct status_component *page_group(const struct status_model *m,
                                          const struct status_component *c);
/* 0..1 over the days that have data; NAN: none has. */
double page_uptime(const struct status_component *c);

/* ---- text.c ---- */

void page_escape(struct buf *b,
                 struct str s); /* & < > " ' as entities; control characters dropped */
void page_escape_lines(struct buf *b, struct str s); /* the same, line ends as <br> */
void page_iso(int64_t us, char out[32]);             /* 2025-12-02T20:10:00.000Z */
void page_iso_seconds(int64_t us, char out[32]);     /* 2025-12-02T20:10:00Z */
void page_put_time(struct work *w, struct buf *b,
                   int64_t us); /* <time datetime=…>2 Dec 2025, 20:10 UTC</time> */
void page_put_day(struct work *w, struct buf *b, int64_t us); /* 2 Dec 2025 */
void page_put_span(struct buf *b, int64_t us);                /* "1 h 25 min" */
void page_put_count(struct buf *b, int64_t n);                /* 12,345 */
void page_put_percent(struct buf *b, double share);           /* "99.98" */
void page_time_parts(const struct work *w, int64_t us, struct civil *out);
extern const char *const page_months[12];

/* ---- bundle.c ---- */

enum page_type {
    PAGE_HTML,
    PAGE_EMBED,
    PAGE_JSON,
    PAGE_ATOM,
    PAGE_RSS,
    PAGE_SVG,
    PAGE_SCRIPT,
    PAGE_TEXT,
    PAGE_METRICS,
    PAGE_OPEN_METRICS,
    PAGE_TYPES_N
};
struct bundle_out;
struct bundle_out *page_bundle_new(void);
void page_bundle_free(struct bundle_out *o);
AUTO_DEFINE(struct bundle_out *, page_bundle_free);
/* Adds an entry; the content is copied. Failure is sticky. */
void page_bundle_add(struct bundle_out *o, const char *path, enum page_type type,
                     const struct buf *content);
/* Sorts, packs and finishes. old: the publishing before (NULL: none), for modification times. */
struct err page_bundle_finish(struct bundle_out *o, const struct status_model *m,
                              const struct page *old, struct buf *out);

struct page_entry {
    struct str path;
    enum page_type type;
    struct str plain, gzip;
    uint64_t etag;
    int64_t modified_us;
};
struct page_beat {
    int64_t at_us;
    int32_t ms;
    uint8_t up;
};
struct page_probe {
    uint32_t number;
    uint8_t up;
    int32_t cert_days;
    double uptime_1h, uptime_24h, uptime_7d, uptime_30d, uptime_1y, avg_ms;
    struct str name, group;
    char key[160];
    struct page_beat *beats; /* [n_beats], oldest first */
    size_t n_beats;
};
struct page {
    char *bytes;                /* owned: strings point into it */
    struct page_entry *entries; /* [n_entries], by path */
    size_t n_entries;
    struct page_probe *probes; /* [n_probes], by number */
    size_t n_probes;
    struct page_beat *beats; /* all of them */
};
const struct page_entry *page_entry(const struct page *p, struct str path);
void page_put_probes(struct buf *b, const struct status_model *m);
struct err page_take_probes(struct cursor *c, struct page *p);
/* One endpoint as JSON; page and page_size 0: the newest. */
void page_put_gatus_endpoint(struct buf *b, const struct page_probe *p, int64_t page,
                             int64_t page_size);

/* ---- the makers: each adds its entries ---- */

void page_make_html(struct work *w);
void page_make_incidents(struct work *w);
void page_make_small(struct work *w);
void page_make_statuspage(struct work *w);
void page_make_kuma(struct work *w);
void page_make_gatus(struct work *w);
void page_make_feeds(struct work *w);
void page_make_metrics(struct work *w);
void page_make_badges(struct work *w);

/* ---- html ---- */

/* Everything up to <main>; title: of the window. script: whether the page refreshes itself. */
void page_put_head(struct work *w, struct buf *b, struct str title, bool script);
void page_put_foot(struct work *w, struct buf *b, bool script);
/* html_subscribe.c */
void page_make_subscribe(struct work *w);
void page_put_icon(struct buf *b, enum status_state s);
/* An incident or maintenance as a card: at most `updates` updates, 0: all. */
void page_put_incident(struct work *w, struct buf *b, const struct status_incident *i,
                       size_t updates);
/* The state that colours an incident, and the words of its phase: green once it is over. */
enum status_state page_incident_state(const struct status_incident *i);
const char *page_phase_class(const struct status_incident *i);
/* 90 days. */
void page_put_bars(struct work *w, struct buf *b, const struct status_component *c);
/* 24 hours; reports and expected: [STATUS_CHART_N]. */
void page_put_chart(struct work *w, struct buf *b, const uint32_t *reports, const float *expected);

/* ---- style.c ---- */

extern const char page_script[];
void page_put_style(struct work *w, struct buf *b, bool embedded);
/* The policy of the pages (or of the embedded one), with the hashes of what is inline. */
void page_put_policy(struct work *w, struct buf *b, bool embedded);

/* ---- badge.c ---- */

struct badge {
    struct str label, message;
    struct str color, label_color; /* "#66c20a" or a plain word; checked here, else the default */
    bool square;                   /* style=flat-square */
};
void page_put_badge(struct buf *b, const struct badge *d);
