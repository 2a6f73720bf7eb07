/* metrics.c: the public figures for Prometheus, in its old text format and in OpenMetrics 1.0.
 *
 * One writer for both: all families are gauges, which the two write alike but for OpenMetrics' last
 * line, "# EOF". Families are not interleaved. Counts by type and country
 * with fewer than five reports are left out, as on the page. Kuma's and Gatus' families carry the
 * names that their dashboards ask for.
 */
#include <math.h>

#include "page/inside.h"

#define MAX_METRICS_BYTES ((size_t)16 << 20)
#define FEWEST 5

struct metrics {
    struct work *w;
    struct buf b;
};

/* ---- pieces ---- */

static void family(struct metrics *t, const char *name, const char *help) {
    buf_printf(&t->b, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void put_label_text(struct buf *b, struct str s) {
    s.n = str_utf8_prefix(s);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' || s.p[i] == '"') buf_put_char(b, '\\');
        if (s.p[i] == '\n')
            buf_put_str(b, STR("\\n"));
        else
            buf_put_char(b, s.p[i]);
    }
}

static void label(struct buf *b, const char *name, struct str value, bool more) {
    buf_printf(b, "%s=\"", name);
    put_label_text(b, value);
    buf_put(b, more ? "\"," : "\"", more ? 2 : 1);
}

static void number(struct buf *b, double v) {
    buf_printf(b, v == floor(v) && fabs(v) < 1e15 ? "%.0f\n" : "%.9g\n", isfinite(v) ? v : 0);
}

/* ---- components ---- */

static void component_sample(struct metrics *t, const char *name, const struct status_component *c,
                             double v) {
    buf_printf(&t->b, "%s{", name);
    label(&t->b, "component", c->name, true);
    label(&t->b, "id", str_z(c->id), false);
    buf_put_str(&t->b, STR("} "));
    number(&t->b, v);
}

typedef bool (*reading)(const struct status_component *c, double *out);

static bool state_of(const struct status_component *c, double *out) {
    *out = c->state;
    return true;
}
static bool uptime_of(const struct status_component *c, double *out) {
    *out = page_uptime(c);
    return isfinite(*out);
}
static bool reports_of(const struct status_component *c, double *out) {
    *out = c->reports_24h;
    return true;
}
static bool verified_of(const struct status_component *c, double *out) {
    *out = c->verified_24h;
    return true;
}
static bool now_of(const struct status_component *c, double *out) {
    *out = c->reports[STATUS_CHART_N - 1];
    return true;
}
static bool expected_of(const struct status_component *c, double *out) {
    *out = (double)c->expected[STATUS_CHART_N - 1];
    return isfinite(*out);
}

static void of_components(struct metrics *t, const char *name, const char *help, reading read) {
    double v;
    family(t, name, help);
    for (size_t i = 0; i < t->w->m->n_components; i++) {
        const struct status_component *c = &t->w->m->components[i];
        if (!c->is_group && read(c, &v)) component_sample(t, name, c, v);
    }
}

static void put_shares(struct metrics *t) {
    static const char name[] = "health_reports_by_type_24h";
    family(t, name, "Counted problem reports of the last 24 hours by type, from five up");
    for (size_t i = 0; i < t->w->m->n_components; i++) {
        const struct status_component *c = &t->w->m->components[i];
        for (size_t k = 0; k < c->n_types && k < STATUS_TYPES_MAX; k++) {
            if (c->is_group || c->type_share[k] < FEWEST) continue;
            buf_printf(&t->b, "%s{", name);
            label(&t->b, "component", c->name, true);
            label(&t->b, "id", str_z(c->id), true);
            buf_printf(&t->b, "index=\"%zu\",", k);
            label(&t->b, "type", c->types[k], false);
            buf_printf(&t->b, "} %u\n", c->type_share[k]);
        }
    }
}

static void put_areas(struct metrics *t) {
    static const char name[] = "health_reports_by_country_24h";
    family(t, name, "Counted problem reports of the last 24 hours by country, from five up");
    for (size_t i = 0; i < t->w->m->n_components; i++) {
        const struct status_component *c = &t->w->m->components[i];
        for (size_t k = 0; k < c->n_areas; k++) {
            if (c->is_group || c->areas[k].reports < FEWEST) continue;
            buf_printf(&t->b, "%s{", name);
            label(&t->b, "component", c->name, true);
            label(&t->b, "id", str_z(c->id), true);
            label(&t->b, "country", str_z(c->areas[k].country), false);
            buf_printf(&t->b, "} %u\n", c->areas[k].reports);
        }
    }
}

static void put_incidents(struct metrics *t) {
    unsigned n[STATUS_IMPACT_MAINTENANCE + 1] = {0};
    for (size_t i = 0; i < t->w->m->n_incidents; i++) {
        const struct status_incident *one = &t->w->m->incidents[i];
        if (page_is_open(one) && one->impact <= STATUS_IMPACT_MAINTENANCE) n[one->impact]++;
    }
    family(t, "health_incidents_open", "Public incidents that are not resolved, by impact");
    for (int i = 0; i <= STATUS_IMPACT_MAINTENANCE; i++)
        buf_printf(&t->b, "health_incidents_open{impact=\"%s\"} %u\n",
                   page_impact_word((enum status_impact)i), n[i]);
}

/* ---- probes, under the names of Kuma and Gatus ---- */

static void kuma_labels(struct buf *b, const struct status_probe *p) {
    buf_printf(b, "{monitor_id=\"%u\",", p->number);
    label(b, "monitor_name", p->name, true);
    label(b, "monitor_type", p->kind, true);
    label(b, "monitor_url", p->target, true);
    buf_put_str(b, STR("monitor_hostname=\"\",monitor_port=\"\""));
}

static void of_probes(struct metrics *t, const char *name, const char *help,
                      double (*read)(const struct status_probe *p)) {
    family(t, name, help);
    for (size_t i = 0; i < t->w->m->n_probes; i++) {
        const struct status_probe *p = &t->w->m->probes[i];
        double v = p->is_public ? read(p) : (double)NAN;
        if (!isfinite(v)) continue;
        buf_put(&t->b, name, strlen(name));
        kuma_labels(&t->b, p);
        buf_put_str(&t->b, STR("} "));
        number(&t->b, v);
    }
}

static double up_of(const struct status_probe *p) {
    return p->up;
}
static double last_ms_of(const struct status_probe *p) {
    return p->n_beats ? p->beats[p->n_beats - 1].ms : -1;
}
static double cert_days_of(const struct status_probe *p) {
    return p->cert_days < 0 ? (double)NAN : p->cert_days;
}
static double cert_valid_of(const struct status_probe *p) {
    return p->cert_days < 0 ? (double)NAN : p->cert_days > 0;
}

static void put_ratios(struct metrics *t) {
    static const char name[] = "monitor_uptime_ratio";
    family(t, name, "Share of time up, by window");
    for (size_t i = 0; i < t->w->m->n_probes; i++) {
        const struct status_probe *p = &t->w->m->probes[i];
        const struct {
            const char *window;
            double v;
        } windows[] = {{"1d", p->uptime_24h}, {"30d", p->uptime_30d}, {"365d", p->uptime_1y}};
        for (size_t k = 0; k < 3; k++) {
            if (!p->is_public || !isfinite(windows[k].v)) continue;
            buf_put(&t->b, name, sizeof name - 1);
            kuma_labels(&t->b, p);
            buf_printf(&t->b, ",window=\"%s\"} ", windows[k].window);
            number(&t->b, windows[k].v);
        }
    }
}

static void gatus_sample(struct metrics *t, const char *name, const struct status_probe *p,
                         double v) {
    char key[160];
    page_gatus_key(p->group, p->name, key);
    buf_printf(&t->b, "%s{", name);
    label(&t->b, "key", str_z(key), true);
    label(&t->b, "group", p->group, true);
    label(&t->b, "name", p->name, true);
    buf_printf(&t->b, "id=\"%u\",", p->number);
    label(&t->b, "type", p->kind, false);
    buf_put_str(&t->b, STR("} "));
    number(&t->b, v);
}

static void put_gatus(struct metrics *t) {
    static const char success[] = "gatus_results_endpoint_success",
                      seconds[] = "gatus_results_duration_seconds";
    const struct status_model *m = t->w->m;
    family(t, success, "Whether the endpoint's last result was a success");
    for (size_t i = 0; i < m->n_probes; i++)
        if (m->probes[i].is_public) gatus_sample(t, success, &m->probes[i], m->probes[i].up == 1);
    family(t, seconds, "Duration of the last result in seconds");
    for (size_t i = 0; i < m->n_probes; i++) {
        double ms = last_ms_of(&m->probes[i]);
        if (m->probes[i].is_public && ms >= 0) gatus_sample(t, seconds, &m->probes[i], ms / 1000);
    }
}

static void put_probes(struct metrics *t) {
    of_probes(t, "monitor_status", "0 down, 1 up, 2 pending, 3 maintenance", up_of);
    of_probes(t, "monitor_response_time", "Last response time in milliseconds, -1 when none",
              last_ms_of);
    of_probes(t, "monitor_cert_days_remaining", "Days until the certificate expires", cert_days_of);
    of_probes(t, "monitor_cert_is_valid", "Whether the certificate is valid", cert_valid_of);
    put_ratios(t);
    put_gatus(t);
}

static void make(struct work *w, bool open, const char *path) {
    struct metrics t = {.w = w};
    struct overall o;
    page_overall(w->m, &o);
    buf_init(&t.b, MAX_METRICS_BYTES);
    family(&t, "health_page_state",
           "The page as a whole: 0 operational, 1 maintenance, 2 degraded, 3 partial, 4 major");
    buf_printf(&t.b, "health_page_state %d\n", (int)o.worst);
    of_components(&t, "health_component_state",
                  "0 operational, 1 maintenance, 2 degraded, 3 partial, 4 major", state_of);
    of_components(&t, "health_component_uptime_ratio", "Share of the last 90 days up", uptime_of);
    of_components(&t, "health_reports_24h", "Counted problem reports of the last 24 hours",
                  reports_of);
    of_components(&t, "health_reports_verified_24h",
                  "Those among them whose sender's own events failed", verified_of);
    of_components(&t, "health_reports", "Counted problem reports of the running ten minutes",
                  now_of);
    of_components(&t, "health_reports_expected", "What the baseline expects in ten minutes",
                  expected_of);
    put_shares(&t);
    put_areas(&t);
    put_incidents(&t);
    put_probes(&t);
    if (open) buf_put_str(&t.b, STR("# EOF\n"));
    page_bundle_add(w->out, path, open ? PAGE_OPEN_METRICS : PAGE_METRICS, &t.b);
    buf_done(&t.b);
}

void page_make_metrics(struct work *w) {
    make(w, false, "/metrics");
    make(w, true, "/metrics#open");
}
