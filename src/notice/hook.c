/* hook.c: a story and a subscriber become a request: Statuspage's webhook, Slack's, Alertmanager's
 * webhook (version 4) or Alertmanager's own door (API v2).
 *
 * Each request carries Idempotency-Key, the same however often a row is tried, and X-Signature, an
 * HMAC-SHA256 of the raw body under the subscriber's secret.
 */
#include <stdio.h>

#include "notice/inside.h"

#define BODY_BYTES ((size_t)44 << 10)

static void put_str(struct jout *j, const char *key, struct str s) {
    jout_keyz(j, key);
    jout_str(j, s);
}
static void put_z(struct jout *j, const char *key, const char *z) {
    jout_keyz(j, key);
    jout_strz(j, z);
}

static bool is_over(enum status_phase p) {
    return p == STATUS_RESOLVED || p == STATUS_POSTMORTEM || p == STATUS_COMPLETED;
}

static struct str link_of(const struct notice_letterhead *h, const struct notice_story *s,
                          char out[700]) {
    if (s->incident.n)
        snprintf(out, 700, STR_FMT "/status/incidents/" STR_FMT, STR_ARG(h->url),
                 STR_ARG(s->incident));
    else
        snprintf(out, 700, STR_FMT "/status", STR_ARG(h->url));
    return str_z(out);
}

/* ---- Statuspage ---- */

static void put_webhook(struct jout *j, const struct notice_letterhead *h,
                        const struct notice_story *s, const struct notice_reader *to) {
    char token[NOTICE_TOKEN_CHARS + 1], url[700];
    notice_token_make(h->keys, NOTICE_UNSUBSCRIBE, to->id, token);
    snprintf(url, sizeof url, STR_FMT "/status/unsubscribe/%s", STR_ARG(h->url), token);
    jout_object(j);
    jout_keyz(j, "meta");
    jout_object(j);
    put_z(j, "unsubscribe", url);
    snprintf(url, sizeof url, STR_FMT "/status", STR_ARG(h->url));
    put_z(j, "documentation", url);
    notice_time(j, "generated_at", s->at_us);
    jout_object_end(j);
    if (s->json.n > 2) {
        buf_put_char(j->b, ','); /* members that were written when the story was */
        buf_put(j->b, s->json.p + 1, s->json.n - 2); /* without its braces */
    }
    jout_object_end(j);
}

/* ---- Slack ---- */

/* Slack's three: & < > (its documents: "Escaping text"). */
static void put_slack_text(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '&')
            buf_put_str(b, STR("&amp;"));
        else if (c == '<')
            buf_put_str(b, STR("&lt;"));
        else if (c == '>')
            buf_put_str(b, STR("&gt;"));
        else
            buf_put_char(b, c);
    }
}

static const char *colour_of(const struct notice_story *s) {
    if (is_over(s->phase)) return "#2e7d32";
    if (s->impact == STATUS_IMPACT_MAINTENANCE) return "#1565c0";
    return s->impact == STATUS_IMPACT_MINOR ? "#b26a00" : "#c62828";
}

static void put_slack(struct jout *j, const struct notice_letterhead *h,
                      const struct notice_story *s) {
    AUTO(buf_done) struct buf text;
    char link[700];
    buf_init(&text, 2 * BODY_BYTES);
    put_slack_text(&text, s->page);
    buf_printf(&text, ": *%s* - ",
               s->about == NOTICE_OF_TEST ? "Test message" : notice_phase_text(s->phase));
    put_slack_text(&text, s->about == NOTICE_OF_TEST ? STR("nothing happened") : s->title);
    buf_printf(&text, " <" STR_FMT "|Details>", STR_ARG(link_of(h, s, link)));
    jout_object(j);
    put_str(j, "text", buf_str(&text));
    if (s->body.n) {
        buf_clear(&text);
        put_slack_text(&text, s->body);
        jout_keyz(j, "attachments");
        jout_array(j);
        jout_object(j);
        put_z(j, "color", colour_of(s));
        put_str(j, "text", buf_str(&text));
        put_str(j, "fallback", buf_str(&text));
        jout_object_end(j);
        jout_array_end(j);
    }
    jout_object_end(j);
    if (buf_err(&text).code) j->b->failed = buf_err(&text).code;
}

/* ---- Alertmanager ---- */

static void put_labels(struct jout *j, const struct notice_story *s) {
    jout_object(j);
    put_str(j, "alertname",
            s->about == NOTICE_OF_TEST ? STR("WeirTestMessage") : STR("StatusIncident"));
    put_str(j, "incident", s->incident.n ? s->incident : s->event);
    put_z(j, "severity", status_impact_name(s->impact));
    put_z(j, "source", NOTICE_ALERT_SOURCE);
    jout_object_end(j);
}

static void put_annotations(struct jout *j, const struct notice_story *s) {
    jout_object(j);
    put_str(j, "summary", s->title);
    put_str(j, "description", s->body);
    put_z(j, "state", status_phase_name(s->phase));
    if (s->components.n) put_str(j, "components", s->components);
    jout_object_end(j);
}

/* The members of one alert, in both shapes. A firing one ends by itself after a day, so that a lost
 * resolution does not stand for ever. */
static void put_alert(struct jout *j, const struct notice_story *s, struct str link) {
    bool over = is_over(s->phase) || s->about == NOTICE_OF_TEST;
    int64_t since = s->started_us ? s->started_us : s->at_us;
    jout_keyz(j, "labels");
    put_labels(j, s);
    jout_keyz(j, "annotations");
    put_annotations(j, s);
    notice_time(j, "startsAt", since);
    notice_time(j, "endsAt", over ? s->at_us : s->at_us + US_PER_DAY);
    put_str(j, "generatorURL", link);
}

static void put_alert_hook(struct jout *j, const struct notice_letterhead *h,
                           const struct notice_story *s) {
    char link[700], print[17], key[300];
    struct str url = link_of(h, s, link), id = s->incident.n ? s->incident : s->event;
    const char *state = is_over(s->phase) ? "resolved" : "firing";
    snprintf(print, sizeof print, "%016llx", (unsigned long long)checksum64(id.p, id.n));
    snprintf(key, sizeof key, "{}:{incident=\"%.*s\"}", (int)(id.n < 200 ? id.n : 200), id.p);
    jout_object(j);
    put_z(j, "version", "4");
    put_z(j, "groupKey", key);
    jout_keyz(j, "truncatedAlerts");
    jout_i64(j, 0);
    put_z(j, "status", state);
    put_z(j, "receiver", "weir");
    jout_keyz(j, "groupLabels");
    put_labels(j, s);
    jout_keyz(j, "commonLabels");
    put_labels(j, s);
    jout_keyz(j, "commonAnnotations");
    put_annotations(j, s);
    put_str(j, "externalURL", h->url);
    jout_keyz(j, "alerts");
    jout_array(j);
    jout_object(j);
    put_z(j, "status", state);
    put_alert(j, s, url);
    put_z(j, "fingerprint", print);
    jout_object_end(j);
    jout_array_end(j);
    jout_object_end(j);
}

static void put_alertmanager(struct jout *j, const struct notice_letterhead *h,
                             const struct notice_story *s) {
    char link[700];
    jout_array(j);
    jout_object(j);
    put_alert(j, s, link_of(h, s, link));
    jout_object_end(j);
    jout_array_end(j);
}

/* ---- the request ---- */

void notice_hook_body(struct buf *b, const struct notice_letterhead *h,
                      const struct notice_story *s, const struct notice_reader *to) {
    struct jout j;
    jout_init(&j, b);
    switch (to->kind) {
    case NOTICE_MAIL:
    case NOTICE_WEBHOOK:
        put_webhook(&j, h, s, to);
        break;
    case NOTICE_SLACK:
        put_slack(&j, h, s);
        break;
    case NOTICE_ALERT_HOOK:
        put_alert_hook(&j, h, s);
        break;
    case NOTICE_ALERTMANAGER:
        put_alertmanager(&j, h, s);
        break;
    }
}

static void put_headers(struct jout *j, const struct notice_letterhead *h,
                        const struct notice_reader *to, struct str body, int64_t row) {
    char text[128], hex[65];
    jout_keyz(j, "headers");
    jout_array(j);
    jout_strz(j, "Content-Type: application/json");
    /* The row's number means nothing to the receiver and counts our notices: so it is hashed. */
    snprintf(text, sizeof text, "row %lld", (long long)row);
    notice_hmac_hex((struct str){(const char *)h->keys->link, 32}, str_z(text), hex);
    snprintf(text, sizeof text, "Idempotency-Key: %.32s", hex);
    jout_strz(j, text);
    if (to->secret.n) {
        notice_hmac_hex(to->secret, body, hex);
        snprintf(text, sizeof text, "X-Signature: sha256=%s", hex);
        jout_strz(j, text);
    }
    jout_array_end(j);
}

void notice_hook_compose(struct jout *j, const struct notice_letterhead *h,
                         const struct notice_story *s, const struct notice_reader *to,
                         int64_t row) {
    AUTO(buf_done) struct buf body;
    buf_init(&body, BODY_BYTES);
    notice_hook_body(&body, h, s, to);
    jout_keyz(j, "by");
    jout_strz(j, "hook");
    jout_keyz(j, "url");
    jout_str(j, to->to);
    put_headers(j, h, to, buf_str(&body), row);
    jout_keyz(j, "body");
    jout_str(j, buf_str(&body));
    if (buf_err(&body).code) j->b->failed = buf_err(&body).code;
}
