/* subscribe.c: who wants notices, who confirms, who leaves: taken at the door as sealed letters
 * (letterbox.h). The door knows no subscriber and can open no letter, so it answers everybody the
 * same: nobody learns here whether an address is known or a link is good.
 *
 * Links open a page whose button posts: programs that look at every link in a mail confirm and end
 * nothing. One-click unsubscribe (RFC 8058) is that same POST.
 *
 * Floods: a prefix (/24, /48) may hand in LETTERS_PER_HOUR letters, all together LETTERS_PER_S a
 * second after a burst, and the letterbox holds 1,024. Prefixes are counted in a table of fixed
 * size under a random key; two that fall on one place share it.
 */
#include <stdio.h>

#include "front/inside.h"
#include "letterbox/letterbox.h"
#include "json/json.h"

#define LETTERS_PER_HOUR 40
#define LETTERS_PER_S 20
#define LETTERS_BURST 200
#define BODY_BYTES 16384
#define TOKEN_CHARS 48
#define EMAIL_BYTES 254
#define COMPONENTS 100

enum answer_as { AS_PAGE, AS_JSON };

/* ---- how many ---- */

static uint64_t prefix_of(const struct front *f, const uint8_t peer[16]) {
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t text[8 + 16] = {0};
    memcpy(text, &f->letters.key, 8);
    memcpy(text + 8, peer, memcmp(peer, v4, sizeof v4) == 0 ? 15 : 6);
    return checksum64(text, sizeof text);
}

static bool may_hand_in(struct front *f, const uint8_t peer[16]) {
    struct front_letters *l = &f->letters;
    if (l->key == 0) {
        l->key = random_u64() | 1;
        l->left_us = LETTERS_BURST * US_PER_S / LETTERS_PER_S;
        l->at = (uint32_t)random_u64() % LETTERBOX_SLOTS;
    }
    int64_t now = time_monotonic_us(), hour = now / (3600 * US_PER_S) + 1;
    l->left_us += now - l->last_us;
    l->last_us = now;
    if (l->left_us > LETTERS_BURST * US_PER_S / LETTERS_PER_S)
        l->left_us = LETTERS_BURST * US_PER_S / LETTERS_PER_S;
    struct front_letters_from *p = &l->from[prefix_of(f, peer) % FRONT_PREFIXES];
    if (p->hour != (uint32_t)hour) *p = (struct front_letters_from){.hour = (uint32_t)hour};
    if (p->n >= LETTERS_PER_HOUR || l->left_us < US_PER_S / LETTERS_PER_S) return false;
    p->n++;
    l->left_us -= US_PER_S / LETTERS_PER_S;
    return true;
}

/* ---- answers ---- */

static void page(struct edge_request *q, struct edge_reply *r, const char *title, const char *text,
                 const char *button) {
    struct str html = arena_printf(
        q->arena,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">"
        "<title>%s</title><style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,"
        "sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}button{font:inherit;"
        "padding:.6rem 1.2rem;min-height:44px}</style></head><body><main><h1>%s</h1><p>%s</p>%s%s%s"
        "<p><a href=\"/status\">Status page</a></p></main></body></html>\n",
        title, title, text, button ? "<form method=\"post\"><button type=\"submit\">" : "",
        button ? button : "", button ? "</button></form>" : "");
    r->body = html.p ? html : STR("out of memory");
    r->content_type = "text/html; charset=utf-8";
    edge_reply_header(r, "Cache-Control", STR("no-store"));
    edge_reply_header(r, "Referrer-Policy", STR("no-referrer"));
    edge_reply_header(r, "X-Content-Type-Options", STR("nosniff"));
    edge_reply_header(r, "Content-Security-Policy",
                      STR("default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                          "base-uri 'none'; frame-ancestors 'none'"));
}

static void answer(struct edge_request *q, struct edge_reply *r, enum answer_as as,
                   const char *title, const char *text) {
    if (as == AS_PAGE) {
        page(q, r, title, text, NULL);
        return;
    }
    r->body = STR("{\"ok\":true}");
    r->body_is_static = true;
    r->content_type = "application/json";
}

static void refuse(struct edge_request *q, struct edge_reply *r, enum answer_as as, int status,
                   const char *text) {
    if (as == AS_JSON)
        edge_reply_error(q, r, status, status == 400 ? "invalid" : "busy", text, "email");
    else
        page(q, r, status == 400 ? "That did not work" : "Please try again", text, NULL);
    r->status = status;
    if (status == 503 || status == 429) edge_reply_header(r, "Retry-After", STR("60"));
}

/* ---- handing in ---- */

/* False: answered. */
static bool hand_in(struct front *f, struct edge_request *q, struct edge_reply *r,
                    enum answer_as as, const struct buf *letter) {
    char folder[4200];
    if (!may_hand_in(f, q->peer)) {
        refuse(q, r, as, 429, "There were too many requests. Please try again later.");
        return false;
    }
    settings_path(f->setup->settings, "front", folder);
    struct err e = buf_err(letter);
    if (e.code == ERR_OK && letter->n > LETTERBOX_LETTER_BYTES)
        e = ERR(ERR_LIMIT, "a letter is too long");
    if (e.code == ERR_OK) e = letterbox_put(folder, buf_str(letter), &f->letters.at);
    if (e.code == ERR_OK) return true;
    log_failure("taking a letter", e);
    refuse(q, r, as, 503, "The server cannot take this now. Please try again.");
    return false;
}

/* ---- subscribing ---- */

struct wish {
    struct str email, components[COMPONENTS];
    size_t n;
};

static void wish_add(struct wish *w, struct str name, struct str value) {
    bool component = str_is(name, "component") || str_is(name, "components[]") ||
                     str_is(name, "component_ids[]");
    if (str_is(name, "email") || str_is(name, "subscriber[email]"))
        w->email = str_trim(value);
    else if (component && value.n && w->n < COMPONENTS)
        w->components[w->n++] = value;
}

static void read_form(struct edge_request *q, struct wish *w) {
    for (struct str rest = q->body; rest.n;) {
        struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');
        wish_add(w, edge_percent_decode(q->arena, name, true),
                 edge_percent_decode(q->arena, value, true));
    }
}

static void read_json(struct edge_request *q, struct wish *w) {
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(BODY_BYTES + 1);
    const struct json *v = NULL;
    if (!p || json_parse(p, q->body, q->arena, &v).code != ERR_OK) return;
    const struct json *email = json_get(v, "email"), *list = json_get(v, "components");
    if (!email) email = json_get(json_get(v, "subscriber"), "email");
    if (email && email->type == JSON_STR) w->email = str_trim(email->s);
    if (!list || list->type != JSON_ARRAY) return;
    for (const struct json *c = json_first(list); c != json_end(list); c = json_next(c))
        if (c->type == JSON_STR) wish_add(w, STR("component"), c->s);
}

/* Roughly an address: the console decides. */
static bool looks_like_mail(struct str s) {
    const char *at = s.n ? memchr(s.p, '@', s.n) : NULL;
    return at && at > s.p && at + 1 < s.p + s.n && s.n <= EMAIL_BYTES;
}

static void subscribe(struct front *f, struct edge_request *q, struct edge_reply *r) {
    AUTO(buf_done) struct buf letter;
    struct jout j;
    bool json = str_starts(q->content_type, STR("application/json"));
    enum answer_as as = json || str_starts(q->path, STR("/api/")) ? AS_JSON : AS_PAGE;
    struct wish *w = arena_alloc(q->arena, sizeof *w);
    buf_init(&letter, BODY_BYTES);
    const struct settings *set = f->setup->settings;
    if (!set->smtp[0] || !set->mail_from[0]) {
        refuse(q, r, as, 503, "Notices by mail are not set up here. There are feeds, though.");
        return;
    }
    if (!w || q->body.n > BODY_BYTES) {
        refuse(q, r, as, 400, "The form is too large.");
        return;
    }
    if (json)
        read_json(q, w);
    else
        read_form(q, w);
    if (!looks_like_mail(w->email)) {
        refuse(q, r, as, 400, "Please enter a mail address, such as you@example.com.");
        return;
    }
    jout_init(&j, &letter);
    jout_object(&j);
    jout_keyz(&j, "do");
    jout_strz(&j, "subscribe");
    jout_keyz(&j, "email");
    jout_str(&j, w->email);
    jout_keyz(&j, "components");
    jout_array(&j);
    for (size_t i = 0; i < w->n; i++)
        jout_str(&j, w->components[i]);
    jout_array_end(&j);
    jout_object_end(&j);
    if (hand_in(f, q, r, as, &letter))
        answer(q, r, as, "Please look into your mail",
               "If this address is new here, it gets a mail with a link that confirms it.");
    buf_wipe_done(&letter);
}

/* ---- links ---- */

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) return false;
    return s.n == TOKEN_CHARS;
}

static void link(struct front *f, struct edge_request *q, struct edge_reply *r, struct str token,
                 bool confirm) {
    AUTO(buf_done) struct buf letter;
    buf_init(&letter, 256);
    if (!is_token(token)) {
        refuse(q, r, AS_PAGE, 400, "This link is not complete. Please copy all of it.");
        r->status = 404;
        return;
    }
    if (q->method != EDGE_POST) {
        if (confirm)
            page(q, r, "Confirm your subscription",
                 "You will get a mail when something happens to the service.", "Confirm");
        else
            page(q, r, "Unsubscribe", "You will get no more mail from us.", "Unsubscribe");
        return;
    }
    buf_printf(&letter, "{\"do\":\"%s\",\"token\":\"" STR_FMT "\"}",
               confirm ? "confirm" : "unsubscribe", STR_ARG(token));
    if (!hand_in(f, q, r, AS_PAGE, &letter)) return;
    if (confirm)
        answer(q, r, AS_PAGE, "Thank you", "Your subscription is confirmed.");
    else
        answer(q, r, AS_PAGE, "Unsubscribed", "You will get no more mail from us.");
}

static void not_allowed(struct edge_request *q, struct edge_reply *r, struct str allow) {
    edge_reply_error(q, r, 405, "method_not_allowed", "not with this method", NULL);
    edge_reply_header(r, "Allow", allow);
}

bool front_subscribe(struct front *f, struct edge_request *q, struct edge_reply *r) {
    static const struct str confirm = STR("/status/confirm/"), leave = STR("/status/unsubscribe/");
    bool get = q->method == EDGE_GET || q->method == EDGE_HEAD, post = q->method == EDGE_POST;
    bool is_confirm = str_starts(q->path, confirm), is_leave = str_starts(q->path, leave);
    if (str_is(q->path, "/status/subscribe") && get) return false; /* the form: the page's */
    if (str_is(q->path, "/status/subscribe") || str_is(q->path, "/api/v2/subscribers.json")) {
        if (post)
            subscribe(f, q, r);
        else
            not_allowed(q, r, STR("POST, OPTIONS"));
        return true;
    }
    if (!is_confirm && !is_leave) return false;
    if (get || post)
        link(f, q, r, str_from(q->path, is_confirm ? confirm.n : leave.n), is_confirm);
    else
        not_allowed(q, r, STR("GET, POST, OPTIONS"));
    return true;
}
