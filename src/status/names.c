/* names.c: the words of states, phases and impacts, as Statuspage's clients know them. */
#include "status/status.h"

static const char *const states[] = {"operational", "under_maintenance", "degraded_performance",
                                     "partial_outage", "major_outage"};
static const char *const phases[] = {"draft",     "investigating", "identified", "monitoring",
                                     "resolved",  "postmortem",    "scheduled",  "in_progress",
                                     "verifying", "completed"};
static const char *const impacts[] = {"none", "minor", "major", "critical", "maintenance"};
static const char *const rules[] = {"off", "draft", "public"};
static const char *const sources[] = {"reports", "events", "errors", "probe", "alert"};
#define N(list) (sizeof(list) / sizeof *(list))

static int find(const char *const *list, size_t n, struct str word) {
    for (size_t i = 0; i < n; i++)
        if (str_is(word, list[i])) return (int)i;
    return -1;
}

const char *status_state_name(enum status_state s) {
    return states[s];
}
const char *status_phase_name(enum status_phase p) {
    return phases[p];
}
const char *status_impact_name(enum status_impact i) {
    return impacts[i];
}
const char *status_rule_name(enum status_rule r) {
    return rules[r];
}
const char *status_source_name(enum status_source s) {
    return sources[s];
}
int status_state_parse(struct str word) {
    return find(states, N(states), word);
}
int status_phase_parse(struct str word) {
    return find(phases, N(phases), word);
}
int status_impact_parse(struct str word) {
    return find(impacts, N(impacts), word);
}
int status_rule_parse(struct str word) {
    return find(rules, N(rules), word);
}

/* Two digits at `at`, or -1. */
static int digits(struct str s, size_t at, size_t n) {
    int v = 0;
    for (size_t i = at; i < at + n; i++) {
        if (i >= s.n || s.p[i] < '0' || s.p[i] > '9') return -1;
        v = v * 10 + (s.p[i] - '0');
    }
    return v;
}

static bool read_offset(struct str rest, int *minutes) {
    if (str_is(rest, "Z")) return true;
    if (rest.n != 6 || (rest.p[0] != '+' && rest.p[0] != '-') || rest.p[3] != ':') return false;
    int h = digits(rest, 1, 2), m = digits(rest, 4, 2);
    *minutes = (h * 60 + m) * (rest.p[0] == '-' ? -1 : 1);
    return h >= 0 && h < 24 && m >= 0 && m < 60;
}

/* "2026-12-01 02:00", with 'T', seconds and fractions as they come; a zone's if it names one. */
bool status_time_parse(struct str text, const struct zone *zone, int64_t *out_us) {
    struct civil c = {.year = digits(text, 0, 4),
                      .month = digits(text, 5, 2),
                      .day = digits(text, 8, 2),
                      .hour = digits(text, 11, 2),
                      .minute = digits(text, 14, 2)};
    if (c.year < 1971 || c.year > 2099 || c.month < 1 || c.month > 12 || c.day < 1 || c.day > 31 ||
        c.hour < 0 || c.hour > 23 || c.minute < 0 || c.minute > 59)
        return false;
    if (text.p[4] != '-' || text.p[7] != '-' || text.p[13] != ':' ||
        (text.p[10] != 'T' && text.p[10] != ' '))
        return false;
    size_t at = 16;
    if (at < text.n && text.p[at] == ':') {
        c.second = digits(text, at + 1, 2);
        if (c.second < 0 || c.second > 59) return false;
        at += 3;
    }
    if (at < text.n && text.p[at] == '.')
        for (at++; at < text.n && text.p[at] >= '0' && text.p[at] <= '9';)
            at++;
    AUTO(zone_free) struct zone *utc = NULL;
    int minutes = 0;
    bool named = at < text.n;
    if (named && !read_offset(str_from(text, at), &minutes)) return false;
    if (named && zone_open(STR("UTC"), &utc).code != ERR_OK) return false;
    *out_us = zone_instant(named ? utc : zone, &c) - (int64_t)minutes * 60 * US_PER_S;
    return true;
}
