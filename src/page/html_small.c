/* html_small.c: the pages beside the page: thanks for a report (with the optional second click), a
 * full ear, nothing found; and what other sites embed.
 *
 * The thanks of a component ask what exactly is wrong: the second report of the same person within
 * the hour is not counted again, it only says more. So the first click stays the only one needed.
 */
#include <stdio.h>

#include "page/inside.h"

#define MAX_HTML_BYTES ((size_t)1 << 20)

static void put_z(struct buf *b, const char *z) {
    buf_put(b, z, strlen(z));
}

static void put_note(struct work *w, struct buf *b, const char *title, const char *text) {
    page_put_head(w, b, str_z(title), false);
    buf_printf(b,
               "<section class=\"card stack\"><h1>%s</h1><p>%s</p>"
               "<p><a href=\"/status\">Back to the status page</a></p></section>",
               title, text);
}

static void make_note(struct work *w, const char *path, const char *title, const char *text) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, MAX_HTML_BYTES);
    put_note(w, &b, title, text);
    page_put_foot(w, &b, false);
    page_bundle_add(w->out, path, PAGE_HTML, &b);
}

/* ---- thanks ---- */

#define THANKS "Thank you, we have your report"
#define COUNTED                                                                                    \
    "It counts from now on. If many people report the same, this page says so within minutes."

static void put_types(struct work *w, struct buf *b, const struct status_component *c) {
    bool comments = w->m->page.takes_comments;
    buf_printf(b, "<form class=\"card stack\" method=\"post\" action=\"/status/report\">"
                  "<h2>What is wrong with ");
    page_escape(b, c->name);
    buf_printf(b,
               "?</h2><input type=\"hidden\" name=\"component\" value=\"%u\">"
               "<input type=\"hidden\" name=\"more\" value=\"1\">",
               c->number);
    if (comments)
        buf_printf(b,
                   "<label for=\"comment\">In your words (no names, please)</label>"
                   "<textarea id=\"comment\" name=\"comment\" maxlength=\"%d\"></textarea>",
                   PAGE_COMMENT_BYTES);
    put_z(b, "<div class=\"choices\">");
    for (size_t i = 0; i < c->n_types && i < STATUS_TYPES_MAX; i++) {
        buf_printf(b, "<button name=\"type\" value=\"%zu\">", i);
        page_escape(b, c->types[i]);
        put_z(b, "</button>");
    }
    put_z(b, "</div></form>");
}

static void make_thanks(struct work *w, const struct status_component *c) {
    char path[96];
    AUTO(buf_done) struct buf b;
    buf_init(&b, MAX_HTML_BYTES);
    put_note(w, &b, THANKS, COUNTED);
    if (c->n_types > 1) put_types(w, &b, c);
    page_put_foot(w, &b, false);
    (void)snprintf(path, sizeof path, "/status/thanks/%u", c->number);
    page_bundle_add(w->out, path, PAGE_HTML, &b);
}

/* ---- for other sites ---- */

static void make_embed(struct work *w) {
    struct overall o;
    AUTO(buf_done) struct buf b;
    buf_init(&b, MAX_HTML_BYTES);
    page_overall(w->m, &o);
    put_z(&b, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    page_escape(&b, w->m->page.name);
    put_z(&b, " Status</title><style>");
    page_put_style(w, &b, true);
    put_z(&b, "</style></head><body><main><a href=\"/status\" target=\"_blank\" rel=\"noopener\">");
    page_put_icon(&b, o.worst);
    buf_printf(&b, "<h1>%s</h1></a></main></body></html>\n", o.description);
    page_bundle_add(w->out, "/status/embed", PAGE_EMBED, &b);
}

static void make_embed_script(struct work *w) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    put_z(&b, "(()=>{const s=document.currentScript,f=document.createElement('iframe');"
              "f.src=new URL('/status/embed',s.src);f.title='Service status';f.width=280;"
              "f.height=36;f.style.cssText='border:0;display:inline-block;color-scheme:normal';"
              "f.loading='lazy';s.after(f)})();\n");
    page_bundle_add(w->out, "/status/embed.js", PAGE_SCRIPT, &b);
}

static void make_robots(struct work *w) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, 4096);
    put_z(&b, "User-agent: *\nDisallow: /api/\nDisallow: /status/thanks\n");
    page_bundle_add(w->out, "/robots.txt", PAGE_TEXT, &b);
}

void page_make_small(struct work *w) {
    make_note(w, "/status/thanks", THANKS, COUNTED);
    make_note(w, "/status/enough", "We have heard your network",
              "Many reports came from where you are. They are counted; there is no need to send "
              "more for now.");
    make_note(w, "/status/refused", "This report could not be taken",
              "Please go back to the status page and use its button.");
    make_note(w, "#404", "There is no such page",
              "The incident may have been removed, or the address is not complete.");
    for (size_t i = 0; i < w->m->n_components; i++)
        if (!w->m->components[i].is_group) make_thanks(w, &w->m->components[i]);
    make_embed(w);
    make_embed_script(w);
    make_robots(w);
}
