/* alerts.c: alerts that come in, in the two shapes of Alertmanager's world: the array that
 * Prometheus posts (API v2) and the object that Alertmanager posts to a webhook (version 4). */
#include "notice/inside.h"

static struct str label(const struct json *labels, const char *name) {
    const struct json *v = json_get(labels, name);
    return v && v->type == JSON_STR ? v->s : (struct str){"", 0};
}

/* RFC 3339. 0 when it is missing, not a time, or Go's zero time (year 1). */
static int64_t time_of(const struct json *v, const struct zone *utc) {
    int64_t us = 0;
    if (!v || v->type != JSON_STR || !status_time_parse(v->s, utc, &us)) return 0;
    return us > 0 ? us : 0;
}

static bool read_one(const struct json *v, const struct zone *utc, int64_t now_us,
                     struct notice_alert *out) {
    const struct json *labels = json_get(v, "labels"), *status = json_get(v, "status");
    static const char *const names[] = {"component", "service", "job"};
    if (!labels || labels->type != JSON_OBJECT) return false;
    int64_t ends = time_of(json_get(v, "endsAt"), utc);
    bool over = json_is_str(status, "resolved") || (ends && ends <= now_us);
    *out = (struct notice_alert){.name = label(labels, "alertname"),
                                 .since_us = time_of(json_get(v, "startsAt"), utc),
                                 .firing = !over};
    out->ours = str_is(label(labels, "source"), NOTICE_ALERT_SOURCE);
    for (size_t i = 0; i < 3 && out->component.n == 0; i++)
        out->component = label(labels, names[i]);
    out->summary = label(json_get(v, "annotations"), "summary");
    if (out->summary.n == 0) out->summary = label(json_get(v, "annotations"), "description");
    if (out->since_us == 0 || out->since_us > now_us) out->since_us = now_us;
    return true;
}

struct err notice_alerts_read(const struct json *body, int64_t now_us, struct arena *a,
                              struct notice_alert **out, size_t *out_n) {
    const struct json *list = body->type == JSON_OBJECT ? json_get(body, "alerts") : body;
    if (!list || list->type != JSON_ARRAY)
        return ERR(ERR_INVALID, "an array of alerts, or Alertmanager's webhook");
    if (list->n > NOTICE_ALERTS) return ERR(ERR_INVALID, "at most 500 alerts at a time");
    struct notice_alert *alerts = arena_array(a, list->n + 1u, sizeof *alerts);
    size_t n = 0;
    AUTO(zone_free) struct zone *utc = NULL;
    TRY(zone_open(STR("UTC"), &utc));
    if (!alerts) return ERR(ERR_NOMEM, "alerts");
    for (const struct json *v = json_first(list); v != json_end(list); v = json_next(v))
        if (!read_one(v, utc, now_us, &alerts[n++]))
            return ERR(ERR_INVALID, "each alert needs its labels");
    *out = alerts;
    *out_n = n;
    return ERR_NONE;
}
