/* html_incident.c: an incident or a maintenance, as a card of the status page and as a page of its
 * own, and the history of all.
 *
 * An incident tells when the fault began and how long it took to be noticed: the onset is found
 * afterwards by the detector, so the delay is shown even when it is not flattering. The number of
 * people is rounded to two digits.
 */
#include <math.h>
#include <stdio.h>

#include "page/inside.h"

#define MOST_PEOPLE INT64_C(100000000000)
#define MAX_HTML_BYTES ((size_t)4 << 20)

static void put_z(struct buf *b, const char *z) {
    buf_put(b, z, strlen(z));
}

enum status_state page_incident_state(const struct status_incident *i) {
    static const enum status_state by_impact[] = {
        [STATUS_IMPACT_NONE] = STATUS_OPERATIONAL,        [STATUS_IMPACT_MINOR] = STATUS_DEGRADED,
        [STATUS_IMPACT_MAJOR] = STATUS_PARTIAL,           [STATUS_IMPACT_CRITICAL] = STATUS_MAJOR,
        [STATUS_IMPACT_MAINTENANCE] = STATUS_MAINTENANCE,
    };
    if (i->scheduled_for_us) return STATUS_MAINTENANCE;
    return i->impact <= STATUS_IMPACT_MAINTENANCE ? by_impact[i->impact] : STATUS_MAJOR;
}

const char *page_phase_class(const struct status_incident *i) {
    return page_state_class(page_is_open(i) ? page_incident_state(i) : STATUS_OPERATIONAL);
}

/* ---- facts ---- */

static void put_people(struct buf *b, int64_t people) {
    if (people <= 0 || people > MOST_PEOPLE) return;
    int64_t unit = 1;
    while (people / unit >= 100)
        unit *= 10;
    int64_t rounded = (people + unit / 2) / unit * unit;
    buf_printf(b, "<span>%s<b>", unit > 1 ? "about " : "");
    page_put_count(b, rounded);
    put_z(b, rounded == 1 ? "</b> person affected</span>" : "</b> people affected</span>");
}

static void put_fact(struct work *w, struct buf *b, const char *what, int64_t us) {
    if (us <= 0) return;
    buf_printf(b, "<span>%s ", what);
    page_put_time(w, b, us);
    put_z(b, "</span>");
}

static void put_span_fact(struct buf *b, const char *before, int64_t us, const char *behind) {
    buf_printf(b, "<span>%s<b>", before);
    page_put_span(b, us);
    buf_printf(b, "</b>%s</span>", behind);
}

static void put_facts(struct work *w, struct buf *b, const struct status_incident *i) {
    int64_t start = i->started_us ? i->started_us : i->created_us;
    put_z(b, "<p class=\"tags\">");
    if (i->scheduled_for_us) {
        put_fact(w, b, "From", i->scheduled_for_us);
        put_fact(w, b, "until", i->scheduled_until_us);
    } else {
        put_fact(w, b, "Began", start);
        if (i->detected_us >= start && i->detected_us > 0)
            put_span_fact(b, "noticed after ", i->detected_us - start, "");
        if (i->resolved_us > start) put_span_fact(b, "lasted ", i->resolved_us - start, "");
        put_people(b, i->people);
    }
    put_z(b, "</p>");
}

static void put_affected(struct work *w, struct buf *b, const struct status_incident *i) {
    size_t n = 0;
    for (size_t k = 0; k < i->n_components; k++) {
        const struct status_component *c = page_component(w->m, i->components[k]);
        if (!c) continue;
        put_z(b, n++ ? ", " : "<p class=\"mute\">Affects ");
        page_escape(b, c->name);
    }
    if (n) put_z(b, "</p>");
}

/* ---- updates ---- */

static void put_updates(struct work *w, struct buf *b, const struct status_incident *i,
                        size_t most) {
    size_t n = 0;
    put_z(b, "<ol class=\"ups\">");
    for (size_t k = 0; k < i->n_updates && (most == 0 || n < most); k++) {
        const struct status_update *u = &i->updates[k];
        if (u->phase == STATUS_DRAFT) continue;
        n++;
        buf_printf(b, "<li><strong>%s</strong><p>", page_phase_text(u->phase));
        page_escape(b, u->body);
        put_z(b, "</p><small>");
        page_put_time(w, b, u->display_us ? u->display_us : u->created_us);
        put_z(b, "</small></li>");
    }
    put_z(b, "</ol>");
}

static void put_card(struct work *w, struct buf *b, const struct status_incident *i,
                     size_t updates) {
    enum status_state s = page_incident_state(i);
    buf_printf(b, "<section class=\"card inc b-%s\"><h2>", page_state_class(s));
    page_put_icon(b, s);
    buf_printf(b, " <a href=\"/incidents/%s\">", i->id);
    page_escape(b, i->name);
    put_z(b, "</a></h2>");
    put_facts(w, b, i);
    put_affected(w, b, i);
    put_updates(w, b, i, updates);
    put_z(b, "</section>");
}

void page_put_incident(struct work *w, struct buf *b, const struct status_incident *i,
                       size_t updates) {
    put_card(w, b, i, updates);
}

/* ---- a page of its own ---- */

static void put_whole(struct work *w, struct buf *b, const struct status_incident *i) {
    enum status_state s = page_incident_state(i);
    page_put_head(w, b, i->name, true);
    buf_printf(b, "<section class=\"card now b-%s\">", page_state_class(s));
    page_put_icon(b, s);
    put_z(b, "<div><h1>");
    page_escape(b, i->name);
    buf_printf(b, "</h1><p class=\"t-%s\"><b>%s</b></p></div></section>", page_phase_class(i),
               page_phase_text(i->phase));
    put_z(b, "<section class=\"card inc\">");
    put_facts(w, b, i);
    put_affected(w, b, i);
    put_z(b, "</section><section class=\"card inc\"><h2>Updates</h2>");
    put_updates(w, b, i, 0);
    put_z(b, "</section>");
    if (i->postmortem.n > 0) {
        put_z(b, "<section class=\"card inc\"><h2>Postmortem</h2><p class=\"pm\">");
        page_escape(b, i->postmortem);
        put_z(b, "</p></section>");
    }
    page_put_foot(w, b, true);
}

static void make_page(struct work *w, const struct status_incident *i) {
    char path[64];
    if (i->phase == STATUS_DRAFT) return;
    AUTO(buf_done) struct buf b;
    buf_init(&b, MAX_HTML_BYTES);
    put_whole(w, &b, i);
    (void)snprintf(path, sizeof path, "/incidents/%s", i->id);
    page_bundle_add(w->out, path, PAGE_HTML, &b);
}

/* ---- history ---- */

static void put_line(struct work *w, struct buf *b, const struct status_incident *i) {
    buf_printf(b, "<li><h3><a href=\"/incidents/%s\">", i->id);
    page_escape(b, i->name);
    buf_printf(b, "</a></h3><p class=\"tags\"><span class=\"t-%s\">%s</span>", page_phase_class(i),
               page_phase_text(i->phase));
    put_fact(w, b, "",
             i->scheduled_for_us ? i->scheduled_for_us
             : i->started_us     ? i->started_us
                                 : i->created_us);
    if (i->resolved_us > i->started_us && i->started_us > 0)
        put_span_fact(b, "lasted ", i->resolved_us - i->started_us, "");
    put_people(b, i->people);
    put_z(b, "</p></li>");
}

/* One list by month of its beginning; the list is newest first. */
static void put_months(struct work *w, struct buf *b, const struct status_incident *list,
                       size_t n) {
    int month = 0, year = 0;
    bool open = false;
    for (size_t i = 0; i < n; i++) {
        struct civil c;
        if (list[i].phase == STATUS_DRAFT) continue;
        page_time_parts(w, list[i].created_us, &c);
        if (!open || c.month != month || c.year != year) {
            if (open) put_z(b, "</ul></section>");
            buf_printf(b, "<section class=\"card month\"><h2>%s %d</h2><ul class=\"days\">",
                       page_months[c.month - 1], c.year);
            open = true;
            month = c.month;
            year = c.year;
        }
        put_line(w, b, &list[i]);
    }
    put_z(b, open ? "</ul></section>" : "<p class=\"card mute\">Nothing yet.</p>");
}

static void make_history(struct work *w) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, MAX_HTML_BYTES);
    page_put_head(w, &b, STR("History"), true);
    put_z(&b, "<h1>Incidents</h1>");
    put_months(w, &b, w->m->incidents, w->m->n_incidents);
    if (w->m->n_maintenances > 0) {
        put_z(&b, "<h1>Maintenance</h1>");
        put_months(w, &b, w->m->maintenances, w->m->n_maintenances);
    }
    page_put_foot(w, &b, true);
    page_bundle_add(w->out, "/status/history", PAGE_HTML, &b);
}

void page_make_incidents(struct work *w) {
    const struct status_model *m = w->m;
    for (size_t i = 0; i < m->n_incidents; i++)
        make_page(w, &m->incidents[i]);
    for (size_t i = 0; i < m->n_maintenances; i++)
        make_page(w, &m->maintenances[i]);
    make_history(w);
}
