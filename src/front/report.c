/* report.c: POST /status/report: a click on the page's button, or the snippet's JSON, becomes the
 * event $problem_report in the journal of the page's project.
 *
 * Of the sender stays: who (a signed-in id, else a token of the device, else the network and the
 * kind of browser), the network as a number that means nothing after today, the country. The
 * address is dropped. What counts is decided by console, in the order of the journal.
 *
 * A form may come from the page itself only, so that no other site can make its visitors report;
 * JSON from wherever the project's origins allow. A form is answered by going to a page, which
 * works without script; JSON by JSON. Either only after the event is durable.
 */
#include <stdio.h>

#include "front/inside.h"

#define MAX_ID_BYTES 255
#define MAX_DEVICE_BYTES 64
#define NUMBER_MASK ((UINT64_C(1) << 53) - 1) /* whole numbers that a double holds */

struct wish {
    struct str component, type, comment, distinct_id, device;
    bool form;
};

/* What the answer needs when the event is durable. */
struct sent {
    uint32_t component;
    bool form;
    struct arena *arena;
};

/* ---- answers ---- */

static void go_to(struct edge_reply *r, struct str page) {
    r->status = 303;
    edge_reply_header(r, "Location", page);
    edge_reply_header(r, "Cache-Control", STR("no-store"));
}

static void refuse(struct edge_request *q, struct edge_reply *r, bool form, const char *field) {
    if (form)
        go_to(r, STR("/status/refused"));
    else
        edge_reply_error(q, r, 400, "invalid", "this report could not be taken", field);
}

static void answer(struct edge_request *q, struct edge_reply *r, bool durable, void *more) {
    struct sent *s = more;
    if (!durable) {
        edge_reply_error(q, r, 503, "busy", "the report could not be kept, try again", NULL);
        edge_reply_header(r, "Retry-After", STR("5"));
    } else if (s->form) {
        struct str page = arena_printf(s->arena, "/status/thanks/%u", s->component);
        go_to(r, page.p ? page : STR("/status/thanks"));
    } else {
        front_json(q, r, 200, "{\"ok\":true}");
    }
}

static void enough(struct edge_request *q, struct edge_reply *r, bool form) {
    if (form) {
        go_to(r, STR("/status/enough"));
        return;
    }
    edge_reply_error(q, r, 429, "enough", "many reports came from this network, try later", NULL);
    edge_reply_header(r, "Retry-After", STR("60"));
}

/* ---- reading ---- */

static struct str text_of(const struct json *v, const char *name) {
    const struct json *m = json_get(v, name);
    if (!m) return (struct str){0};
    if (m->type == JSON_STR) return m->s;
    return m->type == JSON_INT ? m->raw : (struct str){0};
}

static bool read_json(struct front *f, struct edge_request *q, struct wish *w) {
    const struct json *v;
    if (json_parse(f->json, q->body, q->arena, &v).code != ERR_OK || v->type != JSON_OBJECT)
        return false;
    *w = (struct wish){.component = text_of(v, "component"),
                       .type = text_of(v, "type"),
                       .comment = text_of(v, "comment"),
                       .distinct_id = text_of(v, "distinct_id"),
                       .device = text_of(v, "device")};
    return true;
}

static bool read_form(struct edge_request *q, struct wish *w) {
    struct {
        const char *name;
        struct str *to;
    } fields[] = {{"component", &w->component},
                  {"type", &w->type},
                  {"comment", &w->comment},
                  {"device", &w->device}};
    *w = (struct wish){.form = true};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!edge_form_param(q, fields[i].name, fields[i].to)) *fields[i].to = (struct str){0};
    return true;
}

static bool is_json(const struct edge_request *q) {
    return str_starts(q->content_type, STR("application/json")) ||
           (str_starts(q->content_type, STR("text/plain")) && q->body.n > 0 && q->body.p[0] == '{');
}

/* "https://host" of the request itself, by its Host header. */
static bool is_own_origin(const struct edge_request *q, struct str origin) {
    struct str host = edge_header(q, "Host");
    if (str_starts(origin, STR("https://")))
        origin = str_from(origin, 8);
    else if (str_starts(origin, STR("http://")))
        origin = str_from(origin, 7);
    else
        return false;
    return host.n > 0 && str_ieq(origin, host);
}

static bool may_come(const struct front *f, const struct edge_request *q, bool form) {
    struct str origin = edge_header(q, "Origin"), site = edge_header(q, "Sec-Fetch-Site");
    if (form && site.n > 0) return str_is(site, "same-origin") || str_is(site, "none");
    if (origin.n == 0 || is_own_origin(q, origin)) return true;
    const struct registry_project *p = registry_by_id(f->registry, f->door->project);
    return !form && p && registry_origin_allowed(p, origin);
}

/* ---- who, and from where ---- */

/* The /24 or /48 under the salt of the day; never 0. */
static uint64_t prefix_of(const struct front *f, const uint8_t peer[16]) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct seal_keys salt = {0};
    memcpy(salt.count, f->door->salt, sizeof salt.count);
    bool v4 = memcmp(peer, mapped, 12) == 0;
    uint64_t h =
        seal_person_fingerprint(&salt, (struct str){(const char *)peer, v4 ? 15 : 6}) & NUMBER_MASK;
    return h ? h : 1;
}

static bool is_device(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = (char)(s.p[i] | 0x20);
        if (!((c >= 'a' && c <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
            return false;
    }
    return s.n >= 8 && s.n <= MAX_DEVICE_BYTES;
}

static bool is_signed_in(const struct wish *w) {
    return w->distinct_id.n > 0 && w->distinct_id.n <= MAX_ID_BYTES && w->distinct_id.p[0] != '$';
}

/* The identity that counts once within the hour: signed in, else the device, else network and
 * browser. */
static void put_identity(struct jout *j, const struct wish *w, uint64_t prefix, uint64_t agent) {
    char id[96];
    jout_keyz(j, "distinct_id");
    if (is_signed_in(w)) {
        jout_str(j, w->distinct_id);
        return;
    }
    if (is_device(w->device))
        (void)snprintf(id, sizeof id, "$device:" STR_FMT, STR_ARG(w->device));
    else
        (void)snprintf(id, sizeof id, "$device:net-%014llx-%016llx", (unsigned long long)prefix,
                       (unsigned long long)agent);
    jout_strz(j, id);
}

static struct str comment_of(const struct front *f, const struct wish *w) {
    struct str s = w->comment;
    if (!f->door->takes_comments) return (struct str){0};
    if (s.n > PAGE_COMMENT_BYTES) s.n = str_utf8_prefix((struct str){s.p, PAGE_COMMENT_BYTES});
    return str_trim(s);
}

static void put_number(struct jout *j, const char *key, uint64_t v) {
    jout_keyz(j, key);
    jout_i64(j, (int64_t)v);
}

static void put_event(struct front *f, struct edge_request *q, const struct wish *w,
                      const struct page_door_component *c, struct buf *b) {
    struct intake_origin from;
    struct jout j;
    struct str comment = comment_of(f, w);
    uint64_t prefix = prefix_of(f, q->peer);
    intake_origin_of(f->intake, q->peer, edge_header(q, "User-Agent"), &from);
    jout_init(&j, b);
    jout_object(&j);
    jout_keyz(&j, "event");
    jout_strz(&j, "$problem_report");
    jout_keyz(&j, "properties");
    jout_object(&j);
    jout_keyz(&j, "token");
    jout_str(&j, front_status_token(f));
    put_identity(&j, w, prefix, from.agent);
    put_number(&j, "component", c->number);
    put_number(&j, "type", page_door_type(c, w->type));
    put_number(&j, "prefix", prefix);
    put_number(&j, "asn", from.network);
    put_number(&j, "country",
               from.country[0] ? (uint64_t)(uint8_t)from.country[0] << 8 | (uint8_t)from.country[1]
                               : 0);
    jout_keyz(&j, "signed_in");
    jout_bool(&j, is_signed_in(w));
    if (comment.n > 0) {
        jout_keyz(&j, "comment");
        jout_str(&j, comment);
    }
    jout_object_end(&j);
    jout_object_end(&j);
}

/* A copy in the arena with the slack that the JSON reader wants. */
static struct str with_slack(struct arena *a, struct str s) {
    char *p = arena_alloc(a, s.n + JSON_SLACK_BYTES);
    if (p) memcpy(p, s.p, s.n);
    return (struct str){p, p ? s.n : 0};
}

static enum edge_verdict journal(struct front *f, struct edge_request *q, const struct wish *w,
                                 const struct page_door_component *c, struct edge_reply *r) {
    __attribute__((cleanup(buf_wipe_done))) struct buf b;
    struct sent *s = arena_alloc(q->arena, sizeof *s);
    buf_init(&b, 4 * FRONT_REPORT_BYTES);
    put_event(f, q, w, c, &b);
    struct str json = buf_err(&b).code == ERR_OK ? with_slack(q->arena, buf_str(&b)) : STR("");
    if (!s || json.n == 0) {
        edge_reply_error(q, r, 503, "busy", "out of memory, try again", NULL);
        return EDGE_ANSWERED;
    }
    *s = (struct sent){.component = c->number, .form = w->form, .arena = q->arena};
    return front_take_own(f, q, &(struct front_own){.json = json, .answer = answer, .more = s}, r);
}

static bool is_flood(struct front *f, const struct edge_request *q) {
    const struct front_cap all = {.minute = FRONT_REPORTS_ALL},
                           one = {FRONT_REPORTS_MINUTE, FRONT_REPORTS_HOUR};
    int64_t now = time_now_us();
    return !front_flood_take(f->flood, prefix_of(f, q->peer), one, now) ||
           !front_flood_take(f->flood, 0, all, now);
}

enum edge_verdict front_report(struct front *f, struct edge_request *q, struct edge_reply *r) {
    struct wish w;
    bool form = !is_json(q);
    if (!f->door->takes_reports || front_status_token(f).n == 0) {
        edge_reply_error(q, r, 404, "not_found", "this page takes no reports", NULL);
        return EDGE_ANSWERED;
    }
    if (q->body.n > FRONT_REPORT_BYTES) {
        edge_reply_error(q, r, 413, "too_large", "a report has at most 16 kB", NULL);
        return EDGE_ANSWERED;
    }
    const struct page_door_component *c = NULL;
    bool read = may_come(f, q, form) && (form ? read_form(q, &w) : read_json(f, q, &w));
    if (read) c = page_door_component(f->door, w.component);
    if (!c) {
        refuse(q, r, form, read ? "component" : NULL);
        return EDGE_ANSWERED;
    }
    if (is_flood(f, q)) {
        enough(q, r, form);
        return EDGE_ANSWERED;
    }
    return journal(f, q, &w, c, r);
}
