/* html.c: the status page itself, and the frame that all pages share.
 *
 * From the top: what is the matter now; what is being done about it; whether others report the
 * same; each component with its 90 days and its one-click report; what was. One form holds all
 * components: a click on a component's button is the whole report, and the page that thanks asks
 * for more.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "page/inside.h"

#define MAX_HTML_BYTES ((size_t)16 << 20)
#define FEWEST 5 /* reports of a cell that is shown */
#define RECENT_DAYS 14
#define FEW_COMPONENTS 12 /* groups of a page this small lie open */

static void put_z(struct buf *b, const char *z) {
    buf_put(b, z, strlen(z));
}

/* ---- the frame ---- */

void page_put_head(struct work *w, struct buf *b, struct str title, bool script) {
    put_z(b, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    page_escape(b, title);
    put_z(b, "</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
             "<link rel=\"icon\" href=\"/status/favicon.svg\" type=\"image/svg+xml\">"
             "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Incidents\" "
             "href=\"/history.atom\"><style>");
    page_put_style(w, b, false);
    put_z(b, "</style></head><body><a class=\"skip\" href=\"#main\">Skip to the content</a>"
             "<header class=\"wrap top\"><a class=\"brand\" href=\"/status\">");
    page_escape(b, w->m->page.name);
    put_z(b, " Status</a><nav aria-label=\"Pages\"><a href=\"/status/history\">History</a>"
             "<a href=\"/history.atom\">Atom</a><a href=\"/history.rss\">RSS</a></nav></header>"
             "<main class=\"wrap\" id=\"main\" tabindex=\"-1\">");
    (void)script;
}

/* Only addresses of the web become links. */
static void put_link(struct buf *b, struct str url, const char *text) {
    if (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://")) &&
        !str_starts(url, STR("mailto:")))
        return;
    put_z(b, "<a href=\"");
    page_escape(b, url);
    buf_printf(b, "\" rel=\"noopener\">%s</a>", text);
}

void page_put_foot(struct work *w, struct buf *b, bool script) {
    put_z(b, "</main><footer><div class=\"wrap\"><p>As of ");
    page_put_time(w, b, w->m->now_us);
    put_z(b, "</p>");
    put_link(b, w->m->page.support_url, "Contact support");
    put_z(b, "<a href=\"/api/v2/summary.json\">JSON</a><a href=\"/metrics\">Metrics</a></div>"
             "</footer>");
    if (script) {
        put_z(b, "<script>");
        put_z(b, page_script);
        put_z(b, "</script>");
    }
    put_z(b, "</body></html>\n");
}

void page_put_icon(struct buf *b, enum status_state s) {
    static const char *const marks[] = {
        [STATUS_OPERATIONAL] = "M6 10.4l2.8 2.8 5.2-6",
        [STATUS_MAINTENANCE] = "M10 5.6v4.6l3 2",
        [STATUS_DEGRADED] = ("M6 8.2c2-2 3.4 1.6 5.2.6 1.2-.6 1.8-1.2 2.8-.6"
                             "M6 12c2-2 3.4 1.6 5.2.6 1.2-.6 1.8-1.2 2.8-.6"),
        [STATUS_PARTIAL] = "M10 5.4v5.4M10 14.2v.1",
        [STATUS_MAJOR] = "M7 7l6 6M13 7l-6 6",
    };
    if (s > STATUS_MAJOR) s = STATUS_MAJOR;
    buf_printf(b,
               "<svg class=\"icon\" viewBox=\"0 0 20 20\" aria-hidden=\"true\"><circle "
               "class=\"%s\" cx=\"10\" cy=\"10\" r=\"9\"/><path class=\"w\" d=\"%s\"/></svg>",
               page_state_class(s), marks[s]);
}

/* ---- now ---- */

static void put_now(struct work *w, struct buf *b) {
    struct overall o;
    page_overall(w->m, &o);
    buf_printf(b, "<section class=\"card now b-%s\">", page_state_class(o.worst));
    page_put_icon(b, o.worst);
    buf_printf(b, "<div><h1>%s</h1><p class=\"mute\">As of ", o.description);
    page_put_time(w, b, w->m->now_us);
    put_z(b, "</p></div></section>");
    if (w->m->page.description.n > 0) {
        put_z(b, "<p class=\"intro\">");
        page_escape(b, w->m->page.description);
        put_z(b, "</p>");
    }
}

static void put_open(struct work *w, struct buf *b) {
    const struct status_model *m = w->m;
    for (size_t i = 0; i < m->n_incidents; i++)
        if (page_is_open(&m->incidents[i])) page_put_incident(w, b, &m->incidents[i], 3);
    for (size_t i = 0; i < m->n_maintenances; i++)
        if (page_is_active(&m->maintenances[i])) page_put_incident(w, b, &m->maintenances[i], 3);
}

static void put_upcoming(struct work *w, struct buf *b) {
    const struct status_model *m = w->m;
    bool any = false;
    for (size_t i = m->n_maintenances; i-- > 0;) { /* soonest first */
        if (m->maintenances[i].phase != STATUS_SCHEDULED) continue;
        if (!any) put_z(b, "<h2>Scheduled maintenance</h2>");
        any = true;
        page_put_incident(w, b, &m->maintenances[i], 1);
    }
}

/* ---- reports of all components together ---- */

static void add_up(const struct status_model *m, uint32_t *reports, float *expected) {
    for (size_t k = 0; k < STATUS_CHART_N; k++) {
        reports[k] = 0;
        expected[k] = NAN;
    }
    for (size_t i = 0; i < m->n_components; i++) {
        const struct status_component *c = &m->components[i];
        for (size_t k = 0; k < STATUS_CHART_N && !c->is_group; k++) {
            reports[k] += c->reports[k];
            if (isfinite(c->expected[k]))
                expected[k] = (isfinite(expected[k]) ? expected[k] : 0) + c->expected[k];
        }
    }
}

static void put_key(struct buf *b, const uint32_t *reports, const float *expected) {
    bool known = false;
    uint32_t peak = 0;
    for (size_t i = 0; i < STATUS_CHART_N; i++) {
        known = known || isfinite(expected[i]);
        peak = reports[i] > peak ? reports[i] : peak;
    }
    put_z(b, "<p class=\"key\"><span><i></i>Reports in ten minutes");
    if (peak > 0) {
        put_z(b, ", at most ");
        page_put_count(b, peak);
    }
    put_z(b, "</span>");
    if (known) put_z(b, "<span><i class=\"dash\"></i>Usual at this time</span>");
    put_z(b, "</p>");
}

static void put_counts(struct buf *b, uint32_t reports, uint32_t verified) {
    page_put_count(b, reports);
    put_z(b, reports == 1 ? " report" : " reports");
    if (verified == 0) return;
    put_z(b, ", ");
    page_put_count(b, verified);
    put_z(b, " of them verified");
}

static void put_reports(struct work *w, struct buf *b) {
    uint32_t reports[STATUS_CHART_N], all = 0, verified = 0;
    float expected[STATUS_CHART_N];
    if (!w->m->page.takes_reports) return;
    add_up(w->m, reports, expected);
    for (size_t i = 0; i < w->m->n_components; i++) {
        all += w->m->components[i].reports_24h;
        verified += w->m->components[i].verified_24h;
    }
    put_z(b, "<section class=\"card\"><div class=\"split\"><h2>Problem reports, last 24 hours</h2>"
             "<p class=\"mute\">");
    put_counts(b, all, verified);
    put_z(b, "</p></div>");
    page_put_chart(w, b, reports, expected);
    put_key(b, reports, expected);
    put_z(b, "</section>");
}

/* ---- one component ---- */

static void put_state(struct buf *b, enum status_state s) {
    buf_printf(b, "<span class=\"state t-%s\">", page_state_class(s));
    page_put_icon(b, s);
    buf_printf(b, "%s</span>", page_state_text(s));
}

/* The three most named types. */
static void put_types(struct buf *b, const struct status_component *c) {
    uint32_t sum = 0, below = UINT32_MAX;
    size_t last = STATUS_TYPES_MAX;
    for (size_t i = 0; i < c->n_types && i < STATUS_TYPES_MAX; i++)
        sum += c->type_share[i];
    if (sum < FEWEST) return;
    put_z(b, "<div><h4>What people report</h4><ul>");
    for (int shown = 0; shown < 3; shown++) {
        size_t best = STATUS_TYPES_MAX;
        for (size_t i = 0; i < c->n_types && i < STATUS_TYPES_MAX; i++) {
            uint32_t n = c->type_share[i];
            bool is_next = n < below || (n == below && last != STATUS_TYPES_MAX && i > last);
            if (n >= FEWEST && is_next && (best == STATUS_TYPES_MAX || n > c->type_share[best]))
                best = i;
        }
        if (best == STATUS_TYPES_MAX) break;
        put_z(b, "<li><span>");
        page_escape(b, c->types[best]);
        buf_printf(b, "</span><b>%.0f %%</b></li>", 100.0 * c->type_share[best] / sum);
        below = c->type_share[best];
        last = best;
    }
    put_z(b, "</ul></div>");
}

static void put_areas(struct buf *b, const struct status_component *c) {
    bool any = false;
    for (size_t i = 0; i < c->n_areas && i < 8; i++) {
        if (c->areas[i].reports < FEWEST) continue;
        if (!any) put_z(b, "<div><h4>From where</h4><ul>");
        any = true;
        put_z(b, "<li><span>");
        if (str_is(str_z(c->areas[i].country), "??"))
            put_z(b, "Unknown");
        else
            page_escape(b, str_z(c->areas[i].country));
        put_z(b, "</span><b>");
        page_put_count(b, c->areas[i].reports);
        put_z(b, "</b></li>");
    }
    if (any) put_z(b, "</ul></div>");
}

static void put_more(struct work *w, struct buf *b, const struct status_component *c) {
    if (!w->m->page.takes_reports || c->reports_24h == 0) return;
    buf_printf(b, "<details class=\"more\" id=\"c-%s\"><summary>", c->id);
    put_counts(b, c->reports_24h, c->verified_24h);
    put_z(b, "</summary>");
    page_put_chart(w, b, c->reports, c->expected);
    put_z(b, "<div class=\"facts\">");
    put_types(b, c);
    put_areas(b, c);
    put_z(b, "</div></details>");
}

static void put_button(struct work *w, struct buf *b, const struct status_component *c) {
    if (!w->m->page.takes_reports) return;
    buf_printf(b, "<button name=\"component\" value=\"%u\" aria-label=\"I have a problem with ",
               c->number);
    page_escape(b, c->name);
    put_z(b, "\">I have a problem</button>");
}

static bool is_shown(const struct status_component *c) {
    return !c->is_group && (!c->only_if_degraded || c->state != STATUS_OPERATIONAL);
}

static void put_component(struct work *w, struct buf *b, const struct status_component *c) {
    put_z(b, "<div class=\"row\"><h3>");
    page_escape(b, c->name);
    put_z(b, "</h3>");
    put_state(b, c->state);
    put_button(w, b, c);
    if (c->description.n > 0) {
        put_z(b, "<p class=\"desc mute\">");
        page_escape(b, c->description);
        put_z(b, "</p>");
    }
    page_put_bars(w, b, c);
    put_more(w, b, c);
    put_z(b, "</div>");
}

/* ---- all of them ---- */

static bool is_of(const struct status_component *c, const struct status_component *group) {
    return is_shown(c) && strcmp(c->group, group->id) == 0;
}

static void put_group(struct work *w, struct buf *b, const struct status_component *group) {
    const struct status_model *m = w->m;
    enum status_state worst = STATUS_OPERATIONAL;
    size_t n = 0;
    for (size_t i = 0; i < m->n_components; i++) {
        if (!is_of(&m->components[i], group)) continue;
        n++;
        if (m->components[i].state > worst) worst = m->components[i].state;
    }
    if (n == 0) return;
    bool open = worst != STATUS_OPERATIONAL || m->n_components <= FEW_COMPONENTS;
    buf_printf(b, "<details class=\"grp\" id=\"g-%s\"%s><summary><h3>", group->id,
               open ? " open" : "");
    page_escape(b, group->name);
    put_z(b, "</h3>");
    put_state(b, worst);
    put_z(b, "</summary>");
    for (size_t i = 0; i < m->n_components; i++)
        if (is_of(&m->components[i], group)) put_component(w, b, &m->components[i]);
    put_z(b, "</details>");
}

static void put_components(struct work *w, struct buf *b) {
    const struct status_model *m = w->m;
    if (m->n_components == 0) return;
    put_z(b, "<form class=\"card list\" method=\"post\" action=\"/status/report\">"
             "<h2>Components</h2>");
    for (size_t i = 0; i < m->n_components; i++) {
        const struct status_component *c = &m->components[i];
        if (c->is_group)
            put_group(w, b, c);
        else if (is_shown(c) && !page_group(m, c))
            put_component(w, b, c);
    }
    put_z(b, "</form>");
}

/* ---- what was ---- */

static void put_past_one(struct work *w, struct buf *b, const struct status_incident *i) {
    buf_printf(b, "<li><h3><a href=\"/incidents/%s\">", i->id);
    page_escape(b, i->name);
    buf_printf(b, "</a></h3><p class=\"tags\"><span class=\"t-%s\">%s</span><span>",
               page_phase_class(i), page_phase_text(i->phase));
    page_put_time(w, b, i->started_us ? i->started_us : i->created_us);
    put_z(b, "</span>");
    if (i->resolved_us > i->started_us && i->started_us > 0) {
        put_z(b, "<span>lasted ");
        page_put_span(b, i->resolved_us - i->started_us);
        put_z(b, "</span>");
    }
    put_z(b, "</p></li>");
}

static void put_past(struct work *w, struct buf *b) {
    const struct status_model *m = w->m;
    size_t n = 0;
    buf_printf(b,
               "<section class=\"card days\"><div class=\"split\"><h2>The last %d days</h2>"
               "<a href=\"/status/history\">All incidents</a></div><ul class=\"days\">",
               RECENT_DAYS);
    for (size_t i = 0; i < m->n_incidents; i++) {
        const struct status_incident *one = &m->incidents[i];
        if (one->phase == STATUS_DRAFT || page_is_open(one)) continue;
        if (one->created_us < m->now_us - RECENT_DAYS * US_PER_DAY) continue;
        put_past_one(w, b, one);
        n++;
    }
    if (n == 0) put_z(b, "<li class=\"mute\">No incidents.</li>");
    put_z(b, "</ul></section>");
}

void page_make_html(struct work *w) {
    AUTO(buf_done) struct buf b, title;
    buf_init(&b, MAX_HTML_BYTES);
    buf_init(&title, 4096);
    buf_put_str(&title, w->m->page.name);
    put_z(&title, " Status");
    page_put_head(w, &b, buf_str(&title), true);
    put_now(w, &b);
    put_open(w, &b);
    put_reports(w, &b);
    put_components(w, &b);
    put_upcoming(w, &b);
    put_past(w, &b);
    put_z(&b, "<p><a href=\"/status/subscribe\">Get notices by mail</a></p>");
    page_put_foot(w, &b, true);
    page_bundle_add(w->out, "/status", PAGE_HTML, &b);
    page_make_subscribe(w);
}
