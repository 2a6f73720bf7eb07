/* badge.c: a flat two-part badge as SVG, and the badges of the page and its components.
 *
 * Widths come from a coarse table of a common sans serif at 11 pixels; textLength then makes every
 * renderer keep them. Words from a query are escaped, colours from it are hex digits or letters.
 */
#include <stdio.h>

#include "page/inside.h"

#define MAX_TEXT_BYTES 120
#define PADDING 6

/* Tenths of a pixel. */
static unsigned width_of(uint8_t c) {
    if (c >= 0x80) return (c & 0xc0) == 0x80 ? 0 : 90;
    if (strchr("iIl.,:;|!'", c)) return 37;
    if (strchr("fjrt()[]/- ", c)) return 45;
    if (strchr("mwMW%@", c)) return 105;
    return c >= 'A' && c <= 'Z' ? 75 : 66;
}

static unsigned text_width(struct str s) {
    unsigned tenths = 0;
    for (size_t i = 0; i < s.n; i++)
        tenths += width_of((uint8_t)s.p[i]);
    return (tenths + 9) / 10;
}

static struct str shortened(struct str s) {
    if (s.n > MAX_TEXT_BYTES) s.n = MAX_TEXT_BYTES;
    s.n = str_utf8_prefix(s);
    return s;
}

static const char *named_color(struct str s) {
    static const struct {
        const char *name, *color;
    } names[] = {{"brightgreen", "#40cc11"}, {"green", "#97ca00"},    {"yellow", "#dfb317"},
                 {"orange", "#fe7d37"},      {"red", "#e05d44"},      {"blue", "#007ec6"},
                 {"lightgrey", "#9f9f9f"},   {"lightgray", "#9f9f9f"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_is(s, names[i].name)) return names[i].color;
    return NULL;
}

static bool all_of(struct str s, bool hex) {
    for (size_t i = 0; i < s.n; i++) {
        char c = (char)(s.p[i] | 0x20);
        bool ok =
            hex ? (s.p[i] >= '0' && s.p[i] <= '9') || (c >= 'a' && c <= 'f') : c >= 'a' && c <= 'z';
        if (!ok) return false;
    }
    return true;
}

static void put_color(struct buf *b, struct str s, const char *otherwise) {
    const char *named = named_color(s);
    struct str digits = s.n > 0 && s.p[0] == '#' ? str_from(s, 1) : s;
    bool hex = (digits.n == 3 || digits.n == 6) && all_of(digits, true);
    if (named)
        buf_put(b, named, strlen(named));
    else if (hex)
        buf_printf(b, "#" STR_FMT, STR_ARG(digits));
    else if (s.n >= 3 && s.n <= 20 && all_of(s, false))
        buf_put_str(b, s);
    else
        buf_put(b, otherwise, strlen(otherwise));
}

static void put_part(struct buf *b, unsigned x, unsigned width, struct str text) {
    if (text.n == 0) return;
    for (int shadow = 1; shadow >= 0; shadow--) {
        buf_printf(b, "<text x=\"%u\" y=\"%d\" textLength=\"%u\"%s>", x + PADDING, 14 + shadow,
                   width - 2 * PADDING, shadow ? " fill=\"#000\" fill-opacity=\".25\"" : "");
        page_escape(b, text);
        buf_put_str(b, STR("</text>"));
    }
}

void page_put_badge(struct buf *b, const struct badge *d) {
    struct str label = shortened(d->label), message = shortened(d->message);
    unsigned left = label.n ? text_width(label) + 2 * PADDING : 0;
    unsigned right = text_width(message) + 2 * PADDING, all = left + right;
    buf_printf(b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"20\" "
               "role=\"img\" aria-label=\"",
               all);
    page_escape(b, label);
    buf_put_str(b, label.n ? STR(": ") : STR(""));
    page_escape(b, message);
    buf_put_str(b, STR("\"><title>"));
    page_escape(b, label);
    buf_put_str(b, label.n ? STR(": ") : STR(""));
    page_escape(b, message);
    buf_printf(b,
               "</title><clipPath id=\"r\"><rect width=\"%u\" height=\"20\" rx=\"%d\"/></clipPath>"
               "<g clip-path=\"url(#r)\"><rect width=\"%u\" height=\"20\" fill=\"",
               all, d->square ? 0 : 3, left);
    put_color(b, d->label_color, "#555");
    buf_printf(b, "\"/><rect x=\"%u\" width=\"%u\" height=\"20\" fill=\"", left, right);
    put_color(b, d->color, "#999");
    buf_put_str(b, STR("\"/></g><g fill=\"#fff\" font-size=\"11\" "
                       "font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\">"));
    put_part(b, 0, left, label);
    put_part(b, left, right, message);
    buf_put_str(b, STR("</g></svg>"));
}

/* ---- the page's own ---- */

static struct str color_of(enum status_state s) {
    static const char *const colors[] = {"#1e8e4e", "#3f62b5", "#b07a00", "#c75a12", "#c22f2f"};
    return str_z(colors[s <= STATUS_MAJOR ? s : STATUS_MAJOR]);
}

static void add(struct work *w, const char *path, const struct badge *d) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 16384);
    page_put_badge(&b, d);
    page_bundle_add(w->out, path, PAGE_SVG, &b);
}

static void put_favicon(struct work *w, enum status_state s) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    buf_printf(&b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><circle cx=\"16\" "
               "cy=\"16\" r=\"14\" fill=\"%s\"/><path d=\"%s\" fill=\"none\" stroke=\"#fff\" "
               "stroke-width=\"3.4\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>",
               color_of(s).p,
               s == STATUS_OPERATIONAL ? "M9.5 16.5l4.5 4.5 8.5-9.5" : "M16 8.5v9.5M16 23.4v.1");
    page_bundle_add(w->out, "/status/favicon.svg", PAGE_SVG, &b);
}

void page_make_badges(struct work *w) {
    struct overall o;
    page_overall(w->m, &o);
    struct badge d = {.label = w->m->page.name, .message = str_z(o.description)};
    d.color = color_of(o.worst);
    add(w, "/status/badge.svg", &d);
    d.label = STR("status");
    add(w, "/api/status-page/status/badge", &d);
    put_favicon(w, o.worst);
    for (size_t i = 0; i < w->m->n_components; i++) {
        const struct status_component *c = &w->m->components[i];
        char path[96];
        if (c->is_group) continue;
        (void)snprintf(path, sizeof path, "/status/components/%s/badge.svg", c->id);
        add(w, path,
            &(struct badge){.label = c->name,
                            .message = str_z(page_state_text(c->state)),
                            .color = color_of(c->state)});
    }
}
