/* render.c: answers made when they are asked for: Kuma's badges, which obey their query, and
 * Gatus' figures and badges of one endpoint.
 *
 * A badge of an unknown or private monitor says "N/A": so nothing can be learned from the
 * difference. Windows for which no figure is kept get the nearest one.
 */
#include <math.h>
#include <stdio.h>

#include "page/inside.h"

#define UP "#66c20a"
#define DOWN "#c2290a"
#define PENDING "#f8a306"
#define MAINTENANCE "#1747f5"
#define WARN "#eed202"
#define UNKNOWN "#999"

static const char *const wish_names[PAGE_WISHES] = {
    [PAGE_LABEL] = "label",
    [PAGE_LABEL_PREFIX] = "labelPrefix",
    [PAGE_LABEL_SUFFIX] = "labelSuffix",
    [PAGE_PREFIX] = "prefix",
    [PAGE_SUFFIX] = "suffix",
    [PAGE_COLOR] = "color",
    [PAGE_LABEL_COLOR] = "labelColor",
    [PAGE_STYLE] = "style",
    [PAGE_UP_LABEL] = "upLabel",
    [PAGE_DOWN_LABEL] = "downLabel",
    [PAGE_PENDING_LABEL] = "pendingLabel",
    [PAGE_MAINTENANCE_LABEL] = "maintenanceLabel",
    [PAGE_UP_COLOR] = "upColor",
    [PAGE_DOWN_COLOR] = "downColor",
    [PAGE_PENDING_COLOR] = "pendingColor",
    [PAGE_MAINTENANCE_COLOR] = "maintenanceColor",
    [PAGE_WARN_COLOR] = "warnColor",
};

const char *page_wish_name(enum page_wish w) {
    return wish_names[w];
}

/* One badge at work: what is asked, of whom, and the text so far. */
struct drawing {
    const struct page_ask *ask;
    const struct page_probe *probe; /* NULL: unknown */
    struct str window;              /* "24", "30d"; empty: the usual */
    char label[64], message[64];
    const char *color;
};

static struct str wish(const struct drawing *d, enum page_wish w, const char *otherwise) {
    return d->ask->wishes[w].n ? d->ask->wishes[w] : str_z(otherwise);
}

/* ---- windows ---- */

/* Hours of "24", "720", "24h", "30d", "1y"; 24 for what is none of these. */
static int64_t hours_of(struct str s) {
    int64_t n = 0, unit = 1;
    if (s.n == 0) return 24;
    char last = s.p[s.n - 1];
    if (last == 'd') unit = 24;
    if (last == 'y') unit = 8760;
    if (last == 'd' || last == 'y' || last == 'h') s.n--;
    bool ok = str_to_i64(s, &n) && n > 0 && n <= 100000;
    return ok ? n * unit : 24;
}

static double uptime_of(const struct page_probe *p, int64_t hours) {
    if (hours <= 1) return p->uptime_1h;
    if (hours <= 24) return p->uptime_24h;
    if (hours <= 24 * 7) return p->uptime_7d;
    return hours <= 24 * 31 ? p->uptime_30d : p->uptime_1y;
}

static int32_t last_ms(const struct page_probe *p) {
    return p->n_beats ? p->beats[p->n_beats - 1].ms : -1;
}

static const char *scale(double v, const double *steps, bool rising) {
    static const char *const colors[] = {"#40cc11", "#94cc11", "#ccd311",
                                         "#ccb311", "#cc8111", "#c7130a"};
    for (int i = 0; i < 5; i++)
        if (rising ? v >= steps[i] : v <= steps[i]) return colors[i];
    return colors[5];
}

static const char *uptime_color(double share) {
    static const double steps[] = {.975, .95, .9, .8, .65};
    return scale(share, steps, true);
}

static const char *response_color(double ms) {
    static const double steps[] = {50, 200, 300, 500, 750};
    return scale(ms, steps, false);
}

/* ---- putting a badge together ---- */

#define PART_BYTES 100

static void append(struct buf *b, struct str s) {
    if (s.n > PART_BYTES) s.n = PART_BYTES;
    s.n = str_utf8_prefix(s);
    buf_put_str(b, s);
}

static void finish(const struct drawing *d, struct buf *out) {
    AUTO(buf_done) struct buf label, message;
    bool known = d->message[0] != 0;
    buf_init(&label, 4 * PART_BYTES);
    buf_init(&message, 4 * PART_BYTES);
    append(&label, wish(d, PAGE_LABEL_PREFIX, ""));
    append(&label, wish(d, PAGE_LABEL, d->label));
    append(&label, wish(d, PAGE_LABEL_SUFFIX, ""));
    if (known) append(&message, wish(d, PAGE_PREFIX, ""));
    append(&message, known ? str_z(d->message) : STR("N/A"));
    if (known) append(&message, wish(d, PAGE_SUFFIX, ""));
    struct str style = wish(d, PAGE_STYLE, "");
    const struct badge b = {
        .label = buf_str(&label),
        .message = buf_str(&message),
        .color = known ? wish(d, PAGE_COLOR, d->color) : STR(UNKNOWN),
        .label_color = wish(d, PAGE_LABEL_COLOR, "#555"),
        .square = str_is(style, "flat-square") || str_is(style, "for-the-badge"),
    };
    page_put_badge(out, &b);
}

static void set_word(char out[64], struct str s) {
    if (s.n > 63) s.n = str_utf8_prefix((struct str){s.p, 63});
    if (s.n > 0) memcpy(out, s.p, s.n);
    out[s.n] = 0;
}

/* ---- Kuma ---- */

static void draw_status(struct drawing *d) {
    static const struct {
        enum page_wish label, color;
        const char *text, *rgb;
    } states[] = {{PAGE_DOWN_LABEL, PAGE_DOWN_COLOR, "Down", DOWN},
                  {PAGE_UP_LABEL, PAGE_UP_COLOR, "Up", UP},
                  {PAGE_PENDING_LABEL, PAGE_PENDING_COLOR, "Pending", PENDING},
                  {PAGE_MAINTENANCE_LABEL, PAGE_MAINTENANCE_COLOR, "Maintenance", MAINTENANCE}};
    unsigned up = d->probe->up & 3;
    set_word(d->message, wish(d, states[up].label, states[up].text));
    d->color = states[up].rgb;
}

static const char *window_text(const struct drawing *d, char out[32]) {
    int64_t hours = hours_of(d->window);
    bool days = hours % 24 == 0 && hours > 24;
    (void)snprintf(out, 32, "%lld%c", (long long)(days ? hours / 24 : hours), days ? 'd' : 'h');
    return out;
}

static void draw_uptime(struct drawing *d) {
    double share = uptime_of(d->probe, hours_of(d->window));
    if (!isfinite(share)) return;
    (void)snprintf(d->message, sizeof d->message, "%.4g%%", floor(share * 10000) / 100);
    d->color = uptime_color(share);
}

static void draw_ms(struct drawing *d, double ms) {
    if (!isfinite(ms) || ms < 0) return;
    (void)snprintf(d->message, sizeof d->message, "%.0f ms", ms);
    d->color = "#007ec6";
}

static void draw_cert(struct drawing *d) {
    int32_t days = d->probe->cert_days;
    if (days < 0) return;
    (void)snprintf(d->message, sizeof d->message, "%d days", days);
    d->color = days >= 14 ? UP : days >= 7 ? WARN : DOWN;
}

/* The colours that a query gives by state apply where no plain `color` does. */
static void obey_state_color(struct drawing *d, struct page_ask *ask) {
    static const enum page_wish by_state[] = {PAGE_DOWN_COLOR, PAGE_UP_COLOR, PAGE_PENDING_COLOR,
                                              PAGE_MAINTENANCE_COLOR};
    struct str own = ask->wishes[by_state[d->probe->up & 3]];
    if (ask->wishes[PAGE_COLOR].n == 0 && own.n > 0) ask->wishes[PAGE_COLOR] = own;
}

static bool draw_kuma(struct drawing *d, struct str kind, struct page_ask *ask) {
    char window[32];
    const struct page_probe *p = d->probe;
    if (str_is(kind, "status")) {
        set_word(d->label, STR("Status"));
        if (p) draw_status(d);
        if (p) obey_state_color(d, ask);
    } else if (str_is(kind, "uptime")) {
        (void)snprintf(d->label, sizeof d->label, "Uptime (%s)", window_text(d, window));
        if (p) draw_uptime(d);
    } else if (str_is(kind, "ping")) {
        (void)snprintf(d->label, sizeof d->label, "Avg. Ping (%s)", window_text(d, window));
        if (p) draw_ms(d, p->avg_ms);
    } else if (str_is(kind, "avg-response")) {
        (void)snprintf(d->label, sizeof d->label, "Avg. Response (%s)", window_text(d, window));
        if (p) draw_ms(d, p->avg_ms);
    } else if (str_is(kind, "response")) {
        set_word(d->label, STR("Response"));
        if (p) draw_ms(d, last_ms(p));
    } else if (str_is(kind, "cert-exp")) {
        set_word(d->label, STR("Cert Exp."));
        if (p) draw_cert(d);
    } else {
        return false;
    }
    return true;
}

static const struct page_probe *by_number(const struct page *p, struct str number) {
    int64_t n;
    if (!str_to_i64(number, &n)) return NULL;
    for (size_t i = 0; i < p->n_probes; i++)
        if ((int64_t)p->probes[i].number == n) return &p->probes[i];
    return NULL;
}

static void as_svg(struct page_found *out) {
    *out = (struct page_found){.status = 200, .content_type = "image/svg+xml"};
}

static bool render_kuma(const struct page *p, const struct page_ask *ask, struct page_found *out,
                        struct buf *body) {
    struct page_ask own = *ask;
    struct str rest = str_from(ask->path, sizeof "/api/badge/" - 1);
    struct str number = str_cut(&rest, '/'), kind = str_cut(&rest, '/');
    struct drawing d = {.ask = &own, .probe = by_number(p, number), .window = rest};
    if (!draw_kuma(&d, kind, &own)) return false;
    finish(&d, body);
    as_svg(out);
    return true;
}

/* ---- Gatus ---- */

static const struct page_probe *by_key(const struct page *p, struct str key) {
    for (size_t i = 0; i < p->n_probes; i++)
        if (str_is(key, p->probes[i].key)) return &p->probes[i];
    return NULL;
}

static int64_t range_us(struct str window) {
    return hours_of(window) * 3600 * US_PER_S;
}

static bool in_range(const struct page_probe *p, size_t i, struct str window) {
    int64_t newest = p->beats[p->n_beats - 1].at_us;
    return p->beats[i].ms >= 0 && newest - p->beats[i].at_us <= range_us(window);
}

static void put_history(const struct page_probe *p, struct str window, struct buf *body) {
    struct jout j;
    jout_init(&j, body);
    jout_object(&j);
    for (int values = 0; values < 2; values++) {
        jout_keyz(&j, values ? "values" : "timestamps");
        jout_array(&j);
        for (size_t i = 0; i < p->n_beats; i++)
            if (in_range(p, i, window))
                jout_i64(&j, values ? p->beats[i].ms : p->beats[i].at_us / 1000);
        jout_array_end(&j);
    }
    jout_object_end(&j);
}

static void put_chart(const struct page_probe *p, struct str window, struct buf *b) {
    int32_t most = 1;
    for (size_t i = 0; i < p->n_beats; i++)
        if (in_range(p, i, window) && p->beats[i].ms > most) most = p->beats[i].ms;
    buf_put_str(b, STR("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"150\" "
                       "viewBox=\"0 0 600 150\" role=\"img\" aria-label=\"Response time\">"
                       "<rect width=\"600\" height=\"150\" rx=\"6\" fill=\"#10262d\"/><path d=\""));
    size_t n = p->n_beats > 1 ? p->n_beats - 1 : 1;
    for (size_t i = 0, put = 0; i < p->n_beats; i++) {
        if (!in_range(p, i, window)) continue;
        buf_printf(b, "%c%zu %lld", put++ ? 'L' : 'M', 10 + i * 580 / n,
                   (long long)(135 - (int64_t)p->beats[i].ms * 105 / most));
    }
    buf_printf(b,
               "\" fill=\"none\" stroke=\"#56bfd9\" stroke-width=\"2\"/><text x=\"10\" y=\"18\" "
               "fill=\"#e0ebed\" font-family=\"sans-serif\" font-size=\"12\">%d ms</text></svg>",
               most);
}

static const char *health_word(const struct page_probe *p) {
    return p->n_beats == 0 && p->up != 1 ? "?" : p->up == 1 ? "up" : "down";
}

static void put_shields(const struct page_probe *p, struct buf *body) {
    const char *word = health_word(p);
    buf_printf(
        body, "{\"schemaVersion\":1,\"label\":\"gatus\",\"message\":\"%s\",\"color\":\"%s\"}", word,
        word[0] == 'u'   ? "brightgreen"
        : word[0] == 'd' ? "red"
                         : "yellow");
}

static void draw_gatus(struct drawing *d, struct str kind) {
    const struct page_probe *p = d->probe;
    if (str_is(kind, "uptimes")) {
        (void)snprintf(d->label, sizeof d->label, "uptime %.*s", (int)d->window.n, d->window.p);
        draw_uptime(d);
    } else if (str_is(kind, "response-times")) {
        (void)snprintf(d->label, sizeof d->label, "response time %.*s", (int)d->window.n,
                       d->window.p);
        draw_ms(d, p->avg_ms);
        d->color = response_color(p->avg_ms);
    } else {
        const char *word = health_word(p);
        set_word(d->label, STR("health"));
        set_word(d->message, str_z(word));
        d->color = word[0] == 'u' ? "#40cc11" : word[0] == 'd' ? "#c7130a" : "#ccd311";
    }
}

/* uptimes/{window} and response-times/{window}: the bare figure. */
static void put_figure(const struct page_probe *p, struct str kind, struct str window,
                       struct buf *body) {
    double share = uptime_of(p, hours_of(window));
    if (str_is(kind, "uptimes"))
        buf_printf(body, "%f", isfinite(share) ? share : 0);
    else
        buf_printf(body, "%.0f", isfinite(p->avg_ms) && p->avg_ms > 0 ? p->avg_ms : 0);
}

struct gatus_path {
    struct str kind, window, what; /* "uptimes", "7d", "badge.svg" */
};

static bool is_window(struct str s) {
    return str_is(s, "1h") || str_is(s, "24h") || str_is(s, "7d") || str_is(s, "30d");
}

static bool read_gatus(struct str rest, struct gatus_path *out) {
    *out = (struct gatus_path){.kind = str_cut(&rest, '/')};
    if (str_is(out->kind, "statuses")) return rest.n == 0;
    bool health = str_is(out->kind, "health");
    if (!health && !str_is(out->kind, "uptimes") && !str_is(out->kind, "response-times"))
        return false;
    if (!health) out->window = str_cut(&rest, '/');
    out->what = rest;
    return health ? out->what.n > 0 : is_window(out->window);
}

static bool render_endpoint(const struct page_probe *p, const struct gatus_path *g,
                            const struct page_ask *ask, struct page_found *out, struct buf *body) {
    bool times = str_is(g->kind, "response-times"), health = str_is(g->kind, "health");
    *out = (struct page_found){.status = 200, .content_type = "application/json; charset=utf-8"};
    if (str_is(g->kind, "statuses")) {
        page_put_gatus_endpoint(body, p, ask->page, ask->page_size);
    } else if (g->what.n == 0) {
        put_figure(p, g->kind, g->window, body);
        out->content_type = "text/plain; charset=utf-8";
    } else if (times && str_is(g->what, "history")) {
        put_history(p, g->window, body);
    } else if (times && str_is(g->what, "chart.svg")) {
        put_chart(p, g->window, body);
        as_svg(out);
    } else if (health && str_is(g->what, "badge.shields")) {
        put_shields(p, body);
    } else if (str_is(g->what, "badge.svg")) {
        struct drawing d = {.ask = ask, .probe = p, .window = g->window};
        draw_gatus(&d, g->kind);
        finish(&d, body);
        as_svg(out);
    } else {
        return false;
    }
    return true;
}

static bool render_gatus(const struct page *p, const struct page_ask *ask, struct page_found *out,
                         struct buf *body) {
    struct gatus_path g;
    struct str rest = str_from(ask->path, sizeof "/api/v1/endpoints/" - 1);
    struct str key = str_cut(&rest, '/');
    if (!read_gatus(rest, &g)) return false;
    const struct page_probe *probe = by_key(p, key);
    if (probe) return render_endpoint(probe, &g, ask, out, body);
    buf_printf(body, "endpoint not found");
    *out = (struct page_found){.status = 404, .content_type = "text/plain; charset=utf-8"};
    return true;
}

bool page_render(const struct page *p, const struct page_ask *ask, struct page_found *out,
                 struct buf *body) {
    bool done = false;
    if (page_is_empty(p)) return false;
    if (str_starts(ask->path, STR("/api/badge/")))
        done = render_kuma(p, ask, out, body);
    else if (str_starts(ask->path, STR("/api/v1/endpoints/")))
        done = render_gatus(p, ask, out, body);
    if (!done || buf_err(body).code != ERR_OK) return false;
    out->plain = buf_str(body);
    out->etag = checksum64(body->p, body->n);
    return true;
}
