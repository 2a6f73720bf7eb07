#include "sample.h"

#include <math.h>
#include <stdio.h>

static void id(char out[STATUS_ID_BYTES + 1], const char *kind, unsigned n) {
    (void)snprintf(out, STATUS_ID_BYTES + 1, "%.4s%08u", kind, n);
}

static const char *const type_names[] = {"Cannot log in", "Slow", "Errors", "Payments fail",
                                         "Something else"};

static void fill_days(struct status_component *c, unsigned n) {
    for (unsigned i = 0; i < STATUS_DAYS; i++) {
        c->days[i] = i < 5 && n == 2 ? 255 : STATUS_OPERATIONAL;
        unsigned x = (i * 7919 + n * 104729) % 97;
        if (n % 4 == 1 && x < 3) c->days[i] = STATUS_PARTIAL, c->down_s[i] = 1260;
        if (n % 4 == 2 && x < 2) c->days[i] = STATUS_DEGRADED;
        if (n % 4 == 3 && x == 40) c->days[i] = STATUS_MAJOR, c->down_s[i] = 4000;
        if (x == 50) c->days[i] = STATUS_MAINTENANCE;
    }
}

static void fill_reports(struct status_component *c, unsigned n, double scale) {
    for (unsigned i = 0; i < STATUS_CHART_N; i++) {
        double day = 1.2 + sin((double)i / STATUS_CHART_N * 6.28 - 1);
        c->expected[i] = (float)(day * scale);
        double surge = n == 3 && i > 126 ? (i - 126) * scale * 1.6 : 0;
        c->reports[i] = (uint32_t)(day * scale * (0.6 + ((i * 31 + n * 17) % 9) / 9.0) + surge);
        c->reports_24h += c->reports[i];
    }
    c->verified_24h = c->reports_24h / 6;
}

static void component(struct arena *a, struct status_component *c, unsigned n, const char *name) {
    *c = (struct status_component){.number = n,
                                   .name = arena_str(a, str_z(name)),
                                   .showcase = true,
                                   .position = (int32_t)n,
                                   .created_us = SAMPLE_NOW_US - 200 * US_PER_DAY,
                                   .updated_us = SAMPLE_NOW_US - US_PER_DAY};
    id(c->id, "comp", n);
    c->n_types = 5;
    for (size_t i = 0; i < 5; i++)
        c->types[i] = str_z(type_names[i]);
    for (unsigned i = 0; i < STATUS_CHART_N; i++)
        c->expected[i] = NAN;
    fill_days(c, n);
}

static struct status_update *update(struct status_incident *i, enum status_phase phase, int64_t us,
                                    const char *body) {
    struct status_update *u = &i->updates[i->n_updates++];
    *u = (struct status_update){
        .phase = phase, .body = str_z(body), .created_us = us, .display_us = us, .notify = true};
    id(u->id, "updt", (unsigned)(checksum64(body, strlen(body)) % 10000000));
    return u;
}

static void incident(struct arena *a, struct status_incident *i, unsigned n, const char *name) {
    *i = (struct status_incident){.name = str_z(name), .people = -1};
    id(i->id, "inci", n);
    i->updates = arena_array(a, 8, sizeof *i->updates);
    i->components = arena_array(a, 4, sizeof *i->components);
}

static void make_open(struct arena *a, struct status_incident *i) {
    int64_t start = SAMPLE_NOW_US - 34 * 60 * US_PER_S;
    incident(a, i, 3, "Payments are failing for some people");
    i->phase = STATUS_IDENTIFIED;
    i->impact = STATUS_IMPACT_MAJOR;
    i->started_us = start;
    i->detected_us = start + 150 * US_PER_S;
    i->created_us = start + 160 * US_PER_S;
    i->updated_us = SAMPLE_NOW_US - 4 * 60 * US_PER_S;
    i->people = 4137;
    i->components[i->n_components++] = 3;
    i->components[i->n_components++] = 4;
    struct status_update *u =
        update(i, STATUS_IDENTIFIED, i->updated_us,
               "A certificate of our payment provider expired.\nThey are renewing it; we expect "
               "recovery within 20 minutes.");
    u->affected = arena_array(a, 2, sizeof *u->affected);
    u->affected[0] = (struct status_affected){3, STATUS_DEGRADED, STATUS_MAJOR};
    u->affected[1] = (struct status_affected){4, STATUS_OPERATIONAL, STATUS_PARTIAL};
    u->n_affected = 2;
    update(i, STATUS_INVESTIGATING, start + 12 * 60 * US_PER_S,
           "Card payments fail more often than usual. Transfers are not affected.");
    update(i, STATUS_INVESTIGATING, i->created_us,
           "Many people report problems with payments. We are looking into it.");
}

static void make_past(struct arena *a, struct status_incident *i) {
    incident(a, i, 2, SAMPLE_HOSTILE);
    i->phase = STATUS_POSTMORTEM;
    i->impact = STATUS_IMPACT_CRITICAL;
    i->created_us = i->started_us = SAMPLE_NOW_US - 5 * US_PER_DAY;
    i->monitoring_us = i->created_us + 3000 * US_PER_S;
    i->resolved_us = i->updated_us = i->created_us + 5100 * US_PER_S;
    i->postmortem =
        STR("What happened: " SAMPLE_HOSTILE "\n\nWhat we changed: 設定を見直しました。");
    i->components[i->n_components++] = 1;
    update(i, STATUS_RESOLVED, i->resolved_us, "Solved. " SAMPLE_HOSTILE);
    update(i, STATUS_MONITORING, i->monitoring_us, "We are watching. ]]> \x01\x02 é 漢字 🙂");
    update(i, STATUS_INVESTIGATING, i->created_us, "Nobody can log in.");
}

static void make_old(struct arena *a, struct status_incident *i) {
    incident(a, i, 1, "Slow search");
    i->phase = STATUS_RESOLVED;
    i->impact = STATUS_IMPACT_MINOR;
    i->created_us = i->started_us = SAMPLE_NOW_US - 40 * US_PER_DAY;
    i->resolved_us = i->updated_us = i->created_us + 900 * US_PER_S;
    update(i, STATUS_RESOLVED, i->resolved_us, "Search is fast again.");
}

static void make_maintenances(struct arena *a, struct status_model *m) {
    m->maintenances = arena_array(a, 4, sizeof *m->maintenances);
    m->n_maintenances = 3;
    struct status_incident *i = &m->maintenances[0];
    incident(a, i, 13, "Database upgrade");
    i->phase = STATUS_SCHEDULED;
    i->impact = STATUS_IMPACT_MAINTENANCE;
    i->created_us = i->updated_us = SAMPLE_NOW_US - US_PER_DAY;
    i->scheduled_for_us = SAMPLE_NOW_US + 3 * US_PER_DAY;
    i->scheduled_until_us = i->scheduled_for_us + 7200 * US_PER_S;
    i->components[i->n_components++] = 1;
    update(i, STATUS_SCHEDULED, i->created_us, "Logins may take a few seconds longer.");
    i = &m->maintenances[1];
    incident(a, i, 12, "Move of the search cluster");
    i->phase = STATUS_IN_PROGRESS;
    i->impact = STATUS_IMPACT_MAINTENANCE;
    i->created_us = SAMPLE_NOW_US - 2 * US_PER_DAY;
    i->updated_us = i->scheduled_for_us = SAMPLE_NOW_US - 1800 * US_PER_S;
    i->scheduled_until_us = SAMPLE_NOW_US + 1800 * US_PER_S;
    i->components[i->n_components++] = 6;
    update(i, STATUS_IN_PROGRESS, i->updated_us, "We have begun.");
    i = &m->maintenances[2];
    incident(a, i, 11, "New network cards");
    i->phase = STATUS_COMPLETED;
    i->impact = STATUS_IMPACT_MAINTENANCE;
    i->created_us = SAMPLE_NOW_US - 20 * US_PER_DAY;
    i->scheduled_for_us = i->created_us + US_PER_DAY;
    i->scheduled_until_us = i->resolved_us = i->updated_us = i->scheduled_for_us + 3600 * US_PER_S;
    update(i, STATUS_COMPLETED, i->resolved_us, "Done.");
}

static void make_components(struct arena *a, struct status_model *m) {
    static const char *const names[] = {
        "Accounts",  "Login",  "Money",        "Card payments",
        "Transfers", "Search", SAMPLE_HOSTILE, "Café notifications — 通知 🔔"};
    static const enum status_state states[] = {
        STATUS_OPERATIONAL, STATUS_OPERATIONAL, STATUS_OPERATIONAL, STATUS_MAJOR,
        STATUS_PARTIAL,     STATUS_OPERATIONAL, STATUS_MAINTENANCE, STATUS_DEGRADED};
    m->n_components = 8;
    m->components = arena_array(a, 8, sizeof *m->components);
    for (unsigned i = 0; i < 8; i++) {
        component(a, &m->components[i], i, names[i]);
        m->components[i].state = states[i];
    }
    m->components[2].is_group = true;
    m->components[0].n_types = 0; /* no types: "other" alone */
    memcpy(m->components[3].group, m->components[2].id, STATUS_ID_BYTES);
    memcpy(m->components[4].group, m->components[2].id, STATUS_ID_BYTES);
    m->components[3].description = STR("Visa, Mastercard, JCB");
    fill_reports(&m->components[3], 3, 6);
    fill_reports(&m->components[1], 1, 2);
    struct status_component *c = &m->components[3];
    c->type_share[3] = 612, c->type_share[1] = 94, c->type_share[2] = 94, c->type_share[4] = 3;
    c->areas = arena_array(a, 5, sizeof *c->areas);
    c->areas[c->n_areas++] = (struct status_area){"JP", 402};
    c->areas[c->n_areas++] = (struct status_area){"DE", 61};
    c->areas[c->n_areas++] = (struct status_area){"??", 17};
    c->areas[c->n_areas++] = (struct status_area){"FR", 4}; /* too few to be shown */
}

static void probe(struct arena *a, struct status_probe *p, unsigned n) {
    *p = (struct status_probe){.number = n,
                               .name = arena_printf(a, "web %u", n),
                               .group = n % 2 ? STR("Front, door") : STR(""),
                               .kind = STR("http"),
                               .is_public = true,
                               .up = 1,
                               .uptime_1h = 1,
                               .uptime_24h = 0.99871,
                               .uptime_7d = 0.97,
                               .uptime_30d = 0.93,
                               .uptime_1y = NAN,
                               .avg_ms_24h = 87.4,
                               .cert_days = n % 2 ? 61 : -1};
    for (unsigned i = 0; i < 60; i++) {
        p->beats[p->n_beats++] =
            (struct status_beat){.at_us = SAMPLE_NOW_US - (60 - (int64_t)i) * 30 * US_PER_S,
                                 .up = i == 30 || i == 31 ? 0 : 1,
                                 .ms = i == 30 ? -1 : (int32_t)(70 + i % 17)};
    }
}

static void make_probes(struct arena *a, struct status_model *m, size_t n) {
    m->probes = arena_array(a, n + 1, sizeof *m->probes);
    m->n_probes = n;
    for (size_t i = 0; i < n; i++)
        probe(a, &m->probes[i], (unsigned)i + 1);
}

static struct status_model *make_page(struct arena *a) {
    struct status_model *m = arena_alloc(a, sizeof *m);
    m->generation = 7;
    m->now_us = SAMPLE_NOW_US;
    m->page = (struct status_page){.name = STR("Harbour Bank"),
                                   .url = STR("https://status.example.com/"),
                                   .time_zone = STR("Asia/Tokyo"),
                                   .support_url = STR("https://example.com/help"),
                                   .accent = STR("#0a6a84"),
                                   .project = 1,
                                   .takes_reports = true,
                                   .takes_comments = true,
                                   .updated_us = SAMPLE_NOW_US - 60 * US_PER_S};
    id(m->page.id, "page", 1);
    for (uint8_t i = 0; i < 16; i++)
        m->report_salt[i] = (uint8_t)(i * 11);
    return m;
}

struct status_model *sample_model(struct arena *a) {
    struct status_model *m = make_page(a);
    m->page.description = STR("Live state of our services. If something does not work for you, "
                              "tell us with one click.");
    make_components(a, m);
    m->incidents = arena_array(a, 4, sizeof *m->incidents);
    m->n_incidents = 3;
    make_open(a, &m->incidents[0]);
    make_past(a, &m->incidents[1]);
    make_old(a, &m->incidents[2]);
    make_maintenances(a, m);
    make_probes(a, m, 3);
    m->probes[1].up = 0;
    m->probes[2].is_public = false;
    m->probes[2].name = STR("secret probe");
    struct status_push *push = arena_array(a, 2, sizeof *push);
    for (uint8_t i = 0; i < 32; i++)
        push[0].token_hash[i] = (uint8_t)(200 - i), push[1].token_hash[i] = i;
    push[0].probe = 1;
    push[1].probe = 2;
    push[0].gatus_key = STR("Front--door_web-1");
    push[1].gatus_key = STR("_web-2");
    m->pushes = push;
    m->n_pushes = 2;
    return m;
}

struct status_model *sample_calm(struct arena *a, size_t n_components, size_t n_probes) {
    struct status_model *m = make_page(a);
    m->n_components = n_components;
    m->components = arena_array(a, n_components + 1, sizeof *m->components);
    for (size_t i = 0; i < n_components; i++) {
        component(a, &m->components[i], (unsigned)i + 1, arena_printf(a, "Service %zu", i + 1).p);
        if (i % 3 == 0) fill_reports(&m->components[i], 9, 2);
    }
    make_probes(a, m, n_probes);
    return m;
}
