/* The watching, in made-up time: frames go to the tap as the store would give them, and what the
 * ticks tell is drafted at once. Two days of ordinary life, then something breaks. */
#include "rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "status/watch.h"

#define T0 (INT64_C(1764547200) * US_PER_S) /* 2025-12-01 00:00 UTC */
#define TEN (10 * US_PER_S)

struct world {
    struct rig rig;
    int64_t now_us; /* of the next cell */
    uint64_t random, people;
    uint64_t position;
    uint32_t component;
    double reports, requests, errors; /* a minute */
    uint32_t prefixes;                /* reports come from so many */
    bool signed_in;
};

static double uniform(struct world *w) {
    w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(w->random >> 11) / 9007199254740992.0;
}

static int poisson(struct world *w, double mean) {
    int n = 0;
    for (double p = uniform(w), limit = exp(-mean); p > limit; p *= uniform(w))
        n++;
    return n;
}

static void put_report(struct world *w) {
    char who[32];
    uint64_t n = w->people++;
    snprintf(who, sizeof who, "p%llu", (unsigned long long)n);
    struct rig_event e = {"$problem_report",
                          who,
                          w->now_us,
                          {w->component, (double)(n % 2), 1000 + (double)(n % w->prefixes),
                           (double)(64500 + n % 7), 'D' * 256 + 'E', w->signed_in}};
    rig_event(&w->rig, e);
}

static void put_request(struct world *w, double status) {
    char who[32];
    snprintf(who, sizeof who, "u%d", (int)(uniform(w) * 400));
    rig_event(&w->rig, (struct rig_event){"Request", who, w->now_us, {status}});
}

/* One cell of ten seconds. */
static void cell(struct world *w) {
    struct str bytes;
    struct frame f;
    rig_frame(&w->rig, w->now_us);
    for (int n = poisson(w, w->reports / 6); n > 0; n--)
        put_report(w);
    for (int n = poisson(w, w->requests / 6); n > 0; n--)
        put_request(w, 200);
    for (int n = poisson(w, w->errors / 6); n > 0; n--)
        put_request(w, 500);
    assert_ok(frame_finish(w->rig.frame, &bytes));
    assert_ok(frame_parse(bytes, &f));
    w->position += bytes.n;
    status_take(w->rig.status, &f, w->position);
    frame_done(&f);
    w->now_us += TEN;
    if (w->rig.status->watch->n_news) assert_ok(draft_news(w->rig.status));
}

static void run(struct world *w, double minutes) {
    for (int64_t end = w->now_us + (int64_t)(minutes * 60e6); w->now_us < end;)
        cell(w);
}

static void watch_anew(struct world *w) {
    w->rig.status->watch = watch_new();
    assert_ok(watch_compile(w->rig.status));
    assert_ok(status_probes_load(w->rig.status));
}

static int start(void **state) {
    static struct world w;
    w = (struct world){.now_us = T0, .random = 7, .prefixes = 5000};
    rig_start(&w.rig);
    w.component = rig_component(&w.rig, "API", STATUS_RULE_PUBLIC);
    watch_anew(&w);
    *state = &w;
    return 0;
}

static int stop(void **state) {
    rig_close(&((struct world *)*state)->rig);
    rig_remove(&((struct world *)*state)->rig);
    return 0;
}

static const struct status_incident *only(struct world *w, bool drafts, size_t n) {
    struct status_list which = {.drafts_only = drafts};
    struct status_incident *all = NULL;
    size_t got = 0;
    arena_reset(w->rig.arena);
    assert_ok(status_incidents(w->rig.status, &which, w->rig.arena, &all, &got));
    assert_int_equal(got, n);
    return all;
}

static struct status_evidence evidence_of(struct world *w, const char *incident) {
    struct status_evidence *all = NULL;
    size_t n = 0;
    assert_ok(status_evidence(w->rig.status, str_z(incident), w->rig.arena, &all, &n));
    assert_int_equal(n, 1);
    return all[0];
}

static void an_outage_is_on_the_page_by_itself_and_leaves_it_by_itself(void **state) {
    struct world *w = *state;
    w->reports = 4;
    run(w, 2 * 1440);
    only(w, false, 0);
    int64_t began = w->now_us;
    w->reports = 150;
    run(w, 3);
    const struct status_incident *i = only(w, false, 1);
    assert_int_equal(i->phase, STATUS_INVESTIGATING);
    assert_int_equal(i->n_updates, 1);
    assert_true(str_contains(i->name, STR("API")));
    assert_true(i->detected_us - began <= 60 * US_PER_S);
    assert_true(llabs(i->started_us - began) <= 30 * US_PER_S);
    assert_true(w->rig.noticed == 1);
    struct status_evidence e = evidence_of(w, i->id);
    assert_int_equal(e.source, STATUS_FROM_REPORTS);
    assert_true((double)e.seen > e.expected * 3 && e.prefixes >= 8 && e.networks >= 3);
    assert_ok(draft_follow(w->rig.status)); /* as it grows */
    rig_look(&w->rig);
    assert_true(rig_find(&w->rig, w->component)->state >= STATUS_PARTIAL);
    run(w, 10);
    w->reports = 4;
    run(w, 60);
    i = only(w, false, 1);
    assert_int_equal(i->phase, STATUS_RESOLVED);
    assert_true(evidence_of(w, i->id).closed_us != 0);
    rig_look(&w->rig);
    assert_int_equal(rig_find(&w->rig, w->component)->state, STATUS_OPERATIONAL);
}

static void what_a_person_touched_ends_by_nobody_else(void **state) {
    struct world *w = *state;
    w->reports = 4;
    run(w, 2 * 1440);
    w->reports = 150;
    run(w, 3);
    struct status_update_new u = {
        .phase = STATUS_IDENTIFIED, .impact = STATUS_KEEP, .body = STR("A cable.")};
    assert_ok(status_incident_update(w->rig.status, str_z(only(w, false, 1)->id), &u));
    w->reports = 4;
    run(w, 60);
    assert_int_equal(only(w, false, 1)->phase, STATUS_IDENTIFIED);
}

static void reports_of_a_few_prefixes_stay_a_draft_until_the_gate_opens(void **state) {
    struct world *w = *state;
    w->reports = 0.2;
    run(w, 2 * 1440);
    w->reports = 60;
    w->prefixes = 6;
    run(w, 5);
    assert_int_equal(only(w, true, 1)->phase, STATUS_DRAFT);
    rig_look(&w->rig);
    assert_int_equal(w->rig.model->n_incidents, 0);
    assert_int_equal(rig_find(&w->rig, w->component)->state, STATUS_OPERATIONAL);
    assert_int_equal(w->rig.noticed, 0);
    w->prefixes = 5000;
    run(w, 2);
    assert_ok(draft_follow(w->rig.status));
    assert_int_equal(only(w, false, 1)->phase, STATUS_INVESTIGATING);
    assert_int_equal(w->rig.noticed, 1);
}

static void a_careful_component_waits_for_a_click(void **state) {
    struct world *w = *state;
    struct status_setup setup;
    rig_look(&w->rig);
    assert_ok(status_component_setup(w->rig.status, w->component, w->rig.arena, &setup));
    setup.rule = STATUS_RULE_DRAFT;
    assert_ok(status_component_save(w->rig.status, rig_find(&w->rig, w->component), &setup));
    assert_ok(watch_compile(w->rig.status));
    w->reports = 4;
    run(w, 2 * 1440);
    w->reports = 150;
    run(w, 5);
    assert_ok(draft_follow(w->rig.status));
    const struct status_incident *i = only(w, true, 1);
    struct status_update_new u = {
        .phase = STATUS_INVESTIGATING, .impact = STATUS_KEEP, .body = STR("We look.")};
    assert_ok(status_incident_update(w->rig.status, str_z(i->id), &u));
    rig_look(&w->rig);
    assert_int_equal(w->rig.model->n_incidents, 1);
    assert_int_equal(w->rig.model->incidents[0].n_updates,
                     1); /* the draft's own text is not public */
}

/* Drops are not judged in the first 14 days. */
static void too_few_events_are_an_incident_and_a_gap_is_none(void **state) {
    struct world *w = *state;
    w->requests = 12;
    run(w, 15 * 1440);
    w->now_us += 90 * US_PER_S; /* nobody saw these */
    run(w, 30);
    w->now_us += 4 * 3600 * US_PER_S; /* nor these */
    run(w, 60);
    only(w, false, 0);
    w->requests = 0.1;
    run(w, 45);
    const struct status_incident *i = only(w, false, 1);
    assert_int_equal(evidence_of(w, i->id).source, STATUS_FROM_EVENTS);
}

static void errors_are_an_incident_with_the_people_counted(void **state) {
    struct world *w = *state;
    w->requests = 120;
    w->errors = 1;
    run(w, 2 * 1440);
    w->errors = 100;
    run(w, 5);
    const struct status_incident *i = only(w, false, 1);
    struct status_evidence e = evidence_of(w, i->id);
    assert_int_equal(e.source, STATUS_FROM_ERRORS);
    assert_ok(draft_follow(w->rig.status));
    assert_true(only(w, false, 1)->people > 5);
}

static void news_told_twice_are_drafted_once(void **state) {
    struct world *w = *state;
    w->reports = 4;
    run(w, 2 * 1440);
    w->reports = 150;
    for (int k = 0; k < 30 && !rig_number(&w->rig, "SELECT count(*) FROM status_evidence"); k++)
        cell(w);
    struct status_evidence e = evidence_of(w, only(w, false, 1)->id);
    assert_ok(status_incident_update(
        w->rig.status, str_z(only(w, false, 1)->id),
        &(struct status_update_new){.phase = STATUS_RESOLVED, .impact = STATUS_KEEP}));
    watch_tell(w->rig.status->watch, &e, false);
    assert_ok(draft_news(w->rig.status));
    only(w, false, 1);
}

/* Saved and restored in the middle of an outage's begin, everything that follows is the same. */
static void a_restart_changes_nothing(void **state) {
    struct world *w = *state;
    size_t bytes = 0;
    w->reports = 4;
    w->requests = 60;
    w->errors = 1;
    run(w, 1440 + 300);
    w->reports = 60;
    run(w, 0.5);
    struct watch *before = w->rig.status->watch;
    assert_ok(watch_save(w->rig.status, &bytes));
    assert_true(bytes > 1000);
    watch_anew(w);
    assert_ok(watch_restore(w->rig.status));
    struct watch *after = w->rig.status->watch;
    assert_int_equal(after->position, before->position);
    assert_int_equal(after->tick, before->tick);
    struct world copy = *w;
    w->rig.status->watch = before;
    run(w, 5);
    struct status_evidence first = evidence_of(w, only(w, false, 1)->id);
    assert_ok(status_incident_update(
        w->rig.status, str_z(only(w, false, 1)->id),
        &(struct status_update_new){.phase = STATUS_RESOLVED, .impact = STATUS_KEEP}));
    *w = copy;
    w->rig.status->watch = after;
    run(w, 5);
    only(w, false, 1); /* the same evidence again: known */
    struct health_detector *a = before->guards[0]->signals[0].detector,
                           *b = after->guards[0]->signals[0].detector;
    assert_true(health_incident_of(a)->opened_us == health_incident_of(b)->opened_us);
    assert_true(first.detected_us == health_incident_of(b)->opened_us + TEN);
    watch_free(before);
}

static void damaged_state_is_left_alone(void **state) {
    struct world *w = *state;
    size_t bytes = 0;
    char path[200];
    w->reports = 4;
    run(w, 60);
    assert_ok(watch_save(w->rig.status, &bytes));
    snprintf(path, sizeof path, "%s/status.state", w->rig.folder);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, (long)bytes / 2, SEEK_SET);
    fputc(0x5a, f);
    fputc(0xa5, f);
    fclose(f);
    watch_free(w->rig.status->watch);
    watch_anew(w);
    assert_ok(watch_restore(w->rig.status));
    assert_int_equal(w->rig.status->watch->position, 0);
}

static void a_maintenance_silences_what_it_covers(void **state) {
    struct world *w = *state;
    char id[STATUS_ID_BYTES + 1];
    struct status_affected a = {w->component, STATUS_OPERATIONAL, STATUS_MAINTENANCE};
    struct status_incident_new n = {.name = STR("Works"),
                                    .phase = STATUS_SCHEDULED,
                                    .impact = STATUS_KEEP,
                                    .affected = &a,
                                    .n_affected = 1,
                                    .scheduled_for_us = T0,
                                    .scheduled_until_us = T0 + 1};
    struct status_update_new u = {.phase = STATUS_IN_PROGRESS, .impact = STATUS_KEEP};
    assert_ok(status_incident_open(w->rig.status, &n, id));
    assert_ok(status_incident_update(w->rig.status, str_z(id), &u));
    w->reports = 4;
    run(w, 2 * 1440);
    w->reports = 150;
    run(w, 3);
    only(w, false, 0);
    u.phase = STATUS_COMPLETED;
    assert_ok(status_incident_update(w->rig.status, str_z(id), &u));
    watch_tell_open(w->rig.status->watch, w->rig.status->watch->guards[0]);
    assert_ok(draft_news(w->rig.status));
    only(w, false, 1); /* it outlasts the maintenance */
    assert_ok(status_component_forget(w->rig.status, w->component));
    assert_ok(draft_news(w->rig.status));
    assert_int_equal(only(w, false, 1)->phase, STATUS_RESOLVED); /* "this is normal now" */
}

static void a_confirmed_down_is_an_incident_and_ends_with_the_next_up(void **state) {
    struct world *w = *state;
    struct status_probe_setup p = {.name = STR("front"),
                                   .kind = STR("http"),
                                   .target = STR("https://shop.example/"),
                                   .component = w->component,
                                   .every_s = 30};
    assert_ok(status_probe_save(w->rig.status, &p));
    assert_ok(status_probes_load(w->rig.status));
    struct status_result r = {.probe = p.number, .beat = {.at_us = T0, .up = 0, .ms = -1}};
    status_result(w->rig.status, &r);
    assert_ok(draft_news(w->rig.status));
    only(w, false, 0); /* not confirmed */
    r.hard = true;
    r.beat.at_us += 30 * US_PER_S;
    status_result(w->rig.status, &r);
    assert_ok(draft_news(w->rig.status));
    const struct status_incident *i = only(w, false, 1);
    assert_int_equal(i->started_us, T0);
    rig_look(&w->rig);
    assert_int_equal(rig_find(&w->rig, w->component)->state, STATUS_MAJOR);
    assert_int_equal(w->rig.model->n_probes, 1);
    assert_int_equal(w->rig.model->probes[0].n_beats, 2);
    r.beat.up = 1;
    status_result(w->rig.status, &r);
    assert_ok(draft_news(w->rig.status));
    assert_int_equal(only(w, false, 1)->phase, STATUS_RESOLVED);
}

static void an_alert_from_elsewhere_fires_and_ends(void **state) {
    struct world *w = *state;
    struct status_alert a = {
        .component = STR("api"), .name = STR("HighLatency"), .firing = true, .since_us = T0};
    assert_ok(status_alert(w->rig.status, &a));
    assert_ok(status_alert(w->rig.status, &a));
    assert_true(str_contains(only(w, false, 1)->name, STR("HighLatency")));
    a.firing = false;
    assert_ok(status_alert(w->rig.status, &a));
    assert_int_equal(only(w, false, 1)->phase, STATUS_RESOLVED);
    a.component = STR("nothing");
    assert_int_equal(status_alert(w->rig.status, &a).code, ERR_NOTFOUND);
}

static void the_chart_shows_what_was_counted_and_hides_small_areas(void **state) {
    struct world *w = *state;
    w->now_us = time_now_us() - 3600 * US_PER_S;
    w->reports = 2;
    run(w, 55);
    rig_look(&w->rig);
    const struct status_component *c = rig_find(&w->rig, w->component);
    assert_true(c->reports_24h > 50);
    assert_int_equal(c->type_share[0] + c->type_share[1], c->reports_24h);
    assert_int_equal(c->n_areas, 1);
    assert_string_equal(c->areas[0].country, "DE");
    assert_int_equal(c->areas[0].reports, c->reports_24h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_outage_is_on_the_page_by_itself_and_leaves_it_by_itself,
                                        start, stop),
        cmocka_unit_test_setup_teardown(what_a_person_touched_ends_by_nobody_else, start, stop),
        cmocka_unit_test_setup_teardown(reports_of_a_few_prefixes_stay_a_draft_until_the_gate_opens,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_careful_component_waits_for_a_click, start, stop),
        cmocka_unit_test_setup_teardown(too_few_events_are_an_incident_and_a_gap_is_none, start,
                                        stop),
        cmocka_unit_test_setup_teardown(errors_are_an_incident_with_the_people_counted, start,
                                        stop),
        cmocka_unit_test_setup_teardown(news_told_twice_are_drafted_once, start, stop),
        cmocka_unit_test_setup_teardown(a_restart_changes_nothing, start, stop),
        cmocka_unit_test_setup_teardown(damaged_state_is_left_alone, start, stop),
        cmocka_unit_test_setup_teardown(a_maintenance_silences_what_it_covers, start, stop),
        cmocka_unit_test_setup_teardown(a_confirmed_down_is_an_incident_and_ends_with_the_next_up,
                                        start, stop),
        cmocka_unit_test_setup_teardown(an_alert_from_elsewhere_fires_and_ends, start, stop),
        cmocka_unit_test_setup_teardown(the_chart_shows_what_was_counted_and_hides_small_areas,
                                        start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
