/* feed.c: Atom (RFC 4287) and RSS 2.0, as feed readers of status pages expect them (protocols/
 * status.md 3c): one entry per incident, revised in place, its id never changing; the updates
 * newest first inside the content; readers take the state from the first <strong>.
 */
#include <stdio.h>

#include "page/inside.h"

#define MAX_FEED_BYTES ((size_t)8 << 20)
#define ENTRIES 50

/* The 50 newest of incidents and maintenances together; both lists are newest first. */
struct merge {
    const struct status_model *m;
    size_t incident, maintenance, given;
};

static const struct status_incident *next(struct merge *g) {
    const struct status_model *m = g->m;
    while (g->given < ENTRIES) {
        const struct status_incident *a =
            g->incident < m->n_incidents ? &m->incidents[g->incident] : NULL;
        const struct status_incident *b =
            g->maintenance < m->n_maintenances ? &m->maintenances[g->maintenance] : NULL;
        if (!a && !b) return NULL;
        bool first = a && (!b || a->created_us >= b->created_us);
        const struct status_incident *i = first ? a : b;
        if (first)
            g->incident++;
        else
            g->maintenance++;
        if (i->phase == STATUS_DRAFT) continue;
        g->given++;
        return i;
    }
    return NULL;
}

static void put_moment(struct work *w, struct buf *b, int64_t us) {
    struct civil c;
    page_time_parts(w, us, &c);
    buf_printf(b, "<small>%s <var data-var='date'>%2d</var>, <var data-var='time'>%02d:%02d</var> ",
               page_months[c.month - 1], c.day, c.hour, c.minute);
    int minutes = c.offset_s / 60;
    if (minutes == 0)
        buf_put_str(b, STR("UTC</small>"));
    else
        buf_printf(b, "UTC%c%d:%02d</small>", minutes < 0 ? '-' : '+',
                   (minutes < 0 ? -minutes : minutes) / 60,
                   (minutes < 0 ? -minutes : minutes) % 60);
}

/* "Update" is what a repeated phase is called. */
static const char *state_text(const struct status_incident *i, size_t at) {
    bool repeated = at + 1 < i->n_updates && i->updates[at + 1].phase == i->updates[at].phase;
    return repeated ? "Update" : page_phase_text(i->updates[at].phase);
}

static void put_content(struct work *w, struct buf *b, const struct status_incident *i) {
    for (size_t u = 0; u < i->n_updates; u++) {
        const struct status_update *one = &i->updates[u];
        if (one->phase == STATUS_DRAFT) continue;
        buf_put_str(b, STR("<p>"));
        put_moment(w, b, one->display_us ? one->display_us : one->created_us);
        buf_printf(b, "<br><strong>%s</strong> - ", state_text(i, u));
        page_escape_lines(b, one->body);
        buf_put_str(b, STR("</p>"));
    }
    if (b->n == 0) buf_printf(b, "<p><strong>%s</strong></p>", page_phase_text(i->phase));
}

static void put_escaped_content(struct work *w, struct buf *b, const struct status_incident *i) {
    AUTO(buf_done) struct buf html;
    buf_init(&html, MAX_FEED_BYTES);
    put_content(w, &html, i);
    page_escape(b, buf_str(&html));
}

static int64_t updated_of(const struct status_incident *i) {
    return i->updated_us > i->created_us ? i->updated_us : i->created_us;
}

static int64_t newest(const struct status_model *m) {
    int64_t at = m->page.updated_us;
    struct merge g = {.m = m};
    for (const struct status_incident *i; (i = next(&g));)
        if (updated_of(i) > at) at = updated_of(i);
    return at;
}

static void put_link(struct work *w, struct buf *b, const char *path) {
    page_escape(b, w->base.n ? w->base : STR("http://localhost"));
    buf_put(b, path, strlen(path));
}

static void put_iso(struct buf *b, const char *tag, int64_t us) {
    char iso[32];
    page_iso_seconds(us, iso);
    buf_printf(b, "<%s>%s</%s>\n", tag, iso, tag);
}

/* ---- Atom ---- */

static void put_entry(struct work *w, struct buf *b, const struct status_incident *i) {
    char path[64];
    (void)snprintf(path, sizeof path, "/incidents/%s", i->id);
    buf_put_str(b, STR("<entry>\n<id>tag:"));
    page_escape(b, w->host);
    buf_printf(b, ",2005:Incident/%s</id>\n", i->id);
    put_iso(b, "published", i->created_us);
    put_iso(b, "updated", updated_of(i));
    buf_put_str(b, STR("<link rel=\"alternate\" type=\"text/html\" href=\""));
    put_link(w, b, path);
    buf_put_str(b, STR("\"/>\n<title>"));
    page_escape(b, i->name);
    buf_put_str(b, STR("</title>\n<content type=\"html\">"));
    put_escaped_content(w, b, i);
    buf_put_str(b, STR("</content>\n</entry>\n"));
}

static void put_atom_head(struct work *w, struct buf *b) {
    buf_put_str(b, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<feed xml:lang=\"en-US\" xmlns=\"http://www.w3.org/2005/Atom\">\n"
                       "<id>tag:"));
    page_escape(b, w->host);
    buf_put_str(b, STR(",2005:/history</id>\n<link rel=\"alternate\" type=\"text/html\" href=\""));
    put_link(w, b, "/status");
    buf_put_str(b, STR("\"/>\n<link rel=\"self\" type=\"application/atom+xml\" href=\""));
    put_link(w, b, "/history.atom");
    buf_put_str(b, STR("\"/>\n<title>"));
    page_escape(b, w->m->page.name);
    buf_put_str(b, STR(" Status - Incident History</title>\n"));
    put_iso(b, "updated", newest(w->m));
    buf_put_str(b, STR("<author><name>"));
    page_escape(b, w->m->page.name);
    buf_put_str(b, STR("</name></author>\n"));
}

static void make_atom(struct work *w) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, MAX_FEED_BYTES);
    put_atom_head(w, &b);
    struct merge g = {.m = w->m};
    for (const struct status_incident *i; (i = next(&g));)
        put_entry(w, &b, i);
    buf_put_str(&b, STR("</feed>\n"));
    page_bundle_add(w->out, "/history.atom", PAGE_ATOM, &b);
}

/* ---- RSS ---- */

static void put_item(struct work *w, struct buf *b, const struct status_incident *i) {
    char path[64], date[40];
    (void)snprintf(path, sizeof path, "/incidents/%s", i->id);
    page_http_date(i->created_us, date);
    buf_put_str(b, STR("<item>\n<title>"));
    page_escape(b, i->name);
    buf_put_str(b, STR("</title>\n<description>"));
    put_escaped_content(w, b, i);
    buf_printf(b, "</description>\n<pubDate>%s</pubDate>\n<link>", date);
    put_link(w, b, path);
    buf_put_str(b, STR("</link>\n<guid>"));
    put_link(w, b, path);
    buf_put_str(b, STR("</guid>\n</item>\n"));
}

static void make_rss(struct work *w) {
    char date[40];
    AUTO(buf_done) struct buf b;
    buf_init(&b, MAX_FEED_BYTES);
    page_http_date(newest(w->m), date);
    buf_put_str(&b, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\">\n"
                        "<channel>\n<title>"));
    page_escape(&b, w->m->page.name);
    buf_put_str(&b, STR(" Status - Incident History</title>\n<link>"));
    put_link(w, &b, "/status");
    buf_put_str(&b, STR("</link>\n<atom:link rel=\"self\" type=\"application/rss+xml\" href=\""));
    put_link(w, &b, "/history.rss");
    buf_put_str(&b, STR("\"/>\n<description>Incidents and maintenance of "));
    page_escape(&b, w->m->page.name);
    buf_printf(&b, "</description>\n<pubDate>%s</pubDate>\n<language>en</language>\n", date);
    struct merge g = {.m = w->m};
    for (const struct status_incident *i; (i = next(&g));)
        put_item(w, &b, i);
    buf_put_str(&b, STR("</channel>\n</rss>\n"));
    page_bundle_add(w->out, "/history.rss", PAGE_RSS, &b);
}

void page_make_feeds(struct work *w) {
    make_atom(w);
    make_rss(w);
}
