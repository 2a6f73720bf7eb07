/* words.c: the words in which state is said, the rule of the overall indicator, and look-ups.
 *
 * The rule (protocols/status.md 3a): all components major -> critical; any major, or all partial ->
 * major; any partial, all degraded, any degraded -> minor; only maintenance -> maintenance. Groups
 * have no state and do not count. An open incident whose impact is more than the worst state that
 * it gave its components (somebody said so, or it names none) lifts the indicator to at least its
 * impact.
 */
#include <math.h>

#include "page/inside.h"

static const struct {
    const char *word, *text, *css;
} states[] = {
    [STATUS_OPERATIONAL] = {"operational", "Operational", "o"},
    [STATUS_MAINTENANCE] = {"under_maintenance", "Under maintenance", "m"},
    [STATUS_DEGRADED] = {"degraded_performance", "Degraded performance", "d"},
    [STATUS_PARTIAL] = {"partial_outage", "Partial outage", "p"},
    [STATUS_MAJOR] = {"major_outage", "Major outage", "x"},
};

static const struct {
    const char *word, *text;
} phases[] = {
    [STATUS_DRAFT] = {"draft", "Draft"},
    [STATUS_INVESTIGATING] = {"investigating", "Investigating"},
    [STATUS_IDENTIFIED] = {"identified", "Identified"},
    [STATUS_MONITORING] = {"monitoring", "Monitoring"},
    [STATUS_RESOLVED] = {"resolved", "Resolved"},
    [STATUS_POSTMORTEM] = {"postmortem", "Postmortem"},
    [STATUS_SCHEDULED] = {"scheduled", "Scheduled"},
    [STATUS_IN_PROGRESS] = {"in_progress", "In progress"},
    [STATUS_VERIFYING] = {"verifying", "Verifying"},
    [STATUS_COMPLETED] = {"completed", "Completed"},
};

static const char *const impacts[] = {"none", "minor", "major", "critical", "maintenance"};

const char *page_state_word(enum status_state s) {
    return states[s <= STATUS_MAJOR ? s : STATUS_MAJOR].word;
}
const char *page_state_text(enum status_state s) {
    return states[s <= STATUS_MAJOR ? s : STATUS_MAJOR].text;
}
const char *page_state_class(enum status_state s) {
    return s <= STATUS_MAJOR ? states[s].css : "n";
}
const char *page_phase_word(enum status_phase p) {
    return phases[p <= STATUS_COMPLETED ? p : STATUS_COMPLETED].word;
}
const char *page_phase_text(enum status_phase p) {
    return phases[p <= STATUS_COMPLETED ? p : STATUS_COMPLETED].text;
}
const char *page_impact_word(enum status_impact i) {
    return impacts[i <= STATUS_IMPACT_MAINTENANCE ? i : STATUS_IMPACT_MAINTENANCE];
}

bool page_is_open(const struct status_incident *i) {
    return i->phase != STATUS_RESOLVED && i->phase != STATUS_POSTMORTEM &&
           i->phase != STATUS_COMPLETED && i->phase != STATUS_DRAFT;
}

bool page_is_active(const struct status_incident *i) {
    return i->phase == STATUS_IN_PROGRESS || i->phase == STATUS_VERIFYING;
}

const struct status_component *page_component(const struct status_model *m, uint32_t number) {
    for (size_t i = 0; i < m->n_components; i++)
        if (m->components[i].number == number) return &m->components[i];
    return NULL;
}

const struct status_component *page_group(const struct status_model *m,
                                          const struct status_component *c) {
    if (!c->group[0]) return NULL;
    for (size_t i = 0; i < m->n_components; i++)
        if (m->components[i].is_group && strcmp(m->components[i].id, c->group) == 0)
            return &m->components[i];
    return NULL;
}

double page_uptime(const struct status_component *c) {
    uint64_t days = 0, down = 0;
    for (size_t i = 0; i < STATUS_DAYS; i++) {
        if (c->days[i] > STATUS_MAJOR) continue;
        days++;
        down += c->down_s[i] < 86400 ? c->down_s[i] : 86400;
    }
    return days ? 1 - (double)down / ((double)days * 86400) : (double)NAN;
}

/* ---- the overall indicator ---- */

struct tally {
    size_t all, at[STATUS_MAJOR + 1];
};

static struct overall by_components(const struct tally *t) {
    if (t->all == 0 || t->at[STATUS_OPERATIONAL] == t->all)
        return (struct overall){"none", "All Systems Operational", STATUS_OPERATIONAL};
    if (t->at[STATUS_MAJOR] == t->all)
        return (struct overall){"critical", "Major System Outage", STATUS_MAJOR};
    if (t->at[STATUS_MAJOR] > 0 || t->at[STATUS_PARTIAL] == t->all)
        return (struct overall){"major", "Partial System Outage", STATUS_MAJOR};
    if (t->at[STATUS_PARTIAL] > 0)
        return (struct overall){"minor", "Minor Service Outage", STATUS_PARTIAL};
    if (t->at[STATUS_DEGRADED] == t->all)
        return (struct overall){"minor", "Degraded System Service", STATUS_DEGRADED};
    if (t->at[STATUS_DEGRADED] > 0)
        return (struct overall){"minor", "Partially Degraded Service", STATUS_DEGRADED};
    return (struct overall){"maintenance", "Service Under Maintenance", STATUS_MAINTENANCE};
}

static int rank(const char *indicator) {
    for (int i = 0; i <= STATUS_IMPACT_CRITICAL; i++)
        if (strcmp(indicator, impacts[i]) == 0) return i;
    return 0; /* maintenance: an incident's impact says more */
}

static void lift(struct overall *o, enum status_impact impact) {
    static const struct overall least[] = {
        [STATUS_IMPACT_MINOR] = {"minor", "Partially Degraded Service", STATUS_DEGRADED},
        [STATUS_IMPACT_MAJOR] = {"major", "Partial System Outage", STATUS_PARTIAL},
        [STATUS_IMPACT_CRITICAL] = {"critical", "Major System Outage", STATUS_MAJOR},
    };
    if (impact < STATUS_IMPACT_MINOR || impact > STATUS_IMPACT_CRITICAL) return;
    if (rank(o->indicator) < (int)impact) *o = least[impact];
}

/* What the states of the incident's components alone would make of it, over its whole life. */
static enum status_impact impact_of_states(const struct status_incident *i) {
    enum status_state worst = STATUS_OPERATIONAL;
    for (size_t u = 0; u < i->n_updates; u++)
        for (size_t k = 0; k < i->updates[u].n_affected; k++)
            if (i->updates[u].affected[k].to > worst) worst = i->updates[u].affected[k].to;
    if (worst == STATUS_MAJOR) return STATUS_IMPACT_CRITICAL;
    if (worst == STATUS_PARTIAL) return STATUS_IMPACT_MAJOR;
    return worst == STATUS_DEGRADED ? STATUS_IMPACT_MINOR : STATUS_IMPACT_NONE;
}

void page_overall(const struct status_model *m, struct overall *out) {
    struct tally t = {0};
    for (size_t i = 0; i < m->n_components; i++) {
        const struct status_component *c = &m->components[i];
        if (c->is_group || c->state > STATUS_MAJOR) continue;
        t.all++;
        t.at[c->state]++;
    }
    *out = by_components(&t);
    for (size_t i = 0; i < m->n_incidents; i++)
        if (page_is_open(&m->incidents[i]) &&
            m->incidents[i].impact > impact_of_states(&m->incidents[i]))
            lift(out, m->incidents[i].impact);
}
