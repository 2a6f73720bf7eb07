/* html_subscribe.c: the page with the form by which a visitor asks for notices by mail. It works
 * without script; the door answers it (front/subscribe.c) and the address is sealed there. */
#include "page/inside.h"

#define LISTED 40 /* components with a box of their own; a longer list shows groups alone */

static void put_z(struct buf *b, const char *z) {
    buf_put_str(b, str_z(z));
}

static void put_choice(struct buf *b, const struct status_component *c) {
    buf_printf(b, "<label><input type=\"checkbox\" name=\"component\" value=\"%s\"> ", c->id);
    page_escape(b, c->name);
    put_z(b, "</label> ");
}

static void put_choices(struct work *w, struct buf *b) {
    const struct status_model *m = w->m;
    bool many = m->n_components > LISTED;
    size_t n = 0;
    if (m->n_components < 2) return;
    put_z(b, "<fieldset><legend class=\"mute\">Only about (none chosen: everything)</legend>");
    for (size_t i = 0; i < m->n_components && n < LISTED; i++) {
        if (many && !m->components[i].is_group) continue;
        put_choice(b, &m->components[i]);
        n++;
    }
    put_z(b, "</fieldset>");
}

void page_make_subscribe(struct work *w) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, (size_t)1 << 20);
    page_put_head(w, &b, STR("Get notices by mail"), false);
    put_z(&b, "<section class=\"card stack\"><h1>Get notices by mail</h1>"
              "<form class=\"stack\" method=\"post\" action=\"/status/subscribe\"><p><label>Your "
              "mail address <input type=\"email\" name=\"email\" required autocomplete=\"email\" "
              "maxlength=\"254\"></label></p>");
    put_choices(w, &b);
    put_z(&b, "<p><button>Subscribe</button></p><p class=\"mute\">You get a mail with a link that "
              "confirms it. Each notice has a link that ends it. The address is used for nothing "
              "else.</p></form></section>");
    page_put_foot(w, &b, false);
    page_bundle_add(w->out, "/status/subscribe", PAGE_HTML, &b);
}
