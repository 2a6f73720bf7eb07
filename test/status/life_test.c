/* The life of components, incidents and maintenance, as the snapshot shows it. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "status/internal.h"

static int start(void **state) {
    static struct rig r;
    rig_start(&r);
    *state = &r;
    return 0;
}

static int stop(void **state) {
    rig_close(*state);
    rig_remove(*state);
    return 0;
}

static struct status_incident_new about(const struct status_affected *a) {
    return (struct status_incident_new){.name = STR("It broke"),
                                        .body = STR("We look."),
                                        .phase = STATUS_INVESTIGATING,
                                        .impact = STATUS_KEEP,
                                        .affected = a,
                                        .n_affected = 1,
                                        .notify = true};
}

static enum status_state state_of(struct rig *r, uint32_t number) {
    rig_look(r);
    return rig_find(r, number)->state;
}

static void an_incident_goes_from_open_to_postmortem(void **state) {
    struct rig *r = *state;
    char id[STATUS_ID_BYTES + 1];
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    struct status_affected a = {api, STATUS_OPERATIONAL, STATUS_PARTIAL};
    struct status_incident_new n = about(&a);
    assert_ok(status_incident_open(r->status, &n, id));
    assert_int_equal(state_of(r, api), STATUS_PARTIAL);
    assert_int_equal(r->model->incidents[0].impact, STATUS_IMPACT_MAJOR);
    a.to = STATUS_MAJOR;
    struct status_update_new u = {.phase = STATUS_IDENTIFIED,
                                  .impact = STATUS_KEEP,
                                  .body = STR("The cable."),
                                  .affected = &a,
                                  .n_affected = 1,
                                  .notify = true};
    assert_ok(status_incident_update(r->status, str_z(id), &u));
    assert_int_equal(state_of(r, api), STATUS_MAJOR);
    assert_int_equal(r->model->incidents[0].impact, STATUS_IMPACT_CRITICAL);
    u = (struct status_update_new){.phase = STATUS_RESOLVED, .impact = STATUS_KEEP};
    assert_int_equal(status_incident_postmortem(r->status, str_z(id), STR("Why")).code,
                     ERR_INVALID);
    assert_ok(status_incident_update(r->status, str_z(id), &u));
    assert_int_equal(state_of(r, api), STATUS_OPERATIONAL);
    const struct status_incident *i = &r->model->incidents[0];
    assert_true(i->resolved_us != 0 && i->n_updates == 3);
    assert_int_equal(i->updates[0].affected[0].from, STATUS_MAJOR);
    assert_int_equal(i->updates[0].affected[0].to, STATUS_OPERATIONAL);
    assert_ok(status_incident_postmortem(r->status, str_z(id), STR("Why")));
    rig_look(r);
    assert_int_equal(r->model->incidents[0].phase, STATUS_POSTMORTEM);
    assert_int_equal(r->noticed, 2);
}

static void a_component_is_as_bad_as_the_worst_that_is_said_of_it(void **state) {
    struct rig *r = *state;
    char one[STATUS_ID_BYTES + 1], two[STATUS_ID_BYTES + 1];
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    struct status_affected a = {api, STATUS_OPERATIONAL, STATUS_PARTIAL};
    struct status_incident_new n = about(&a);
    assert_ok(status_incident_open(r->status, &n, one));
    a.to = STATUS_DEGRADED;
    assert_ok(status_incident_open(r->status, &n, two));
    assert_int_equal(state_of(r, api), STATUS_PARTIAL);
    struct status_update_new end = {.phase = STATUS_RESOLVED, .impact = STATUS_KEEP};
    assert_ok(status_incident_update(r->status, str_z(one), &end));
    assert_int_equal(state_of(r, api), STATUS_DEGRADED);
    struct status_setup setup;
    struct status_component *c = rig_find(r, api);
    assert_ok(status_component_setup(r->status, api, r->arena, &setup));
    c->state = STATUS_MAJOR; /* a person's word */
    assert_ok(status_component_save(r->status, c, &setup));
    assert_ok(status_incident_update(r->status, str_z(two), &end));
    assert_int_equal(state_of(r, api), STATUS_MAJOR);
}

static void a_draft_is_seen_by_the_desk_alone(void **state) {
    struct rig *r = *state;
    char id[STATUS_ID_BYTES + 1];
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    struct status_affected a = {api, STATUS_OPERATIONAL, STATUS_MAJOR};
    struct status_incident_new n = about(&a);
    n.phase = STATUS_DRAFT;
    assert_ok(status_incident_open(r->status, &n, id));
    assert_int_equal(state_of(r, api), STATUS_OPERATIONAL);
    assert_int_equal(r->model->n_incidents, 0);
    assert_int_equal(r->noticed, 0);
    assert_ok(status_incident_drop(r->status, str_z(id)));
    assert_int_equal(status_incident_drop(r->status, str_z(id)).code, ERR_NOTFOUND);
    n.phase = STATUS_INVESTIGATING;
    assert_ok(status_incident_open(r->status, &n, id));
    assert_int_equal(status_incident_drop(r->status, str_z(id)).code, ERR_INVALID);
    struct status_update_new back = {.phase = STATUS_DRAFT, .impact = STATUS_KEEP};
    assert_int_equal(status_incident_update(r->status, str_z(id), &back).code, ERR_INVALID);
}

static void merged_incidents_are_one(void **state) {
    struct rig *r = *state;
    char one[STATUS_ID_BYTES + 1], two[STATUS_ID_BYTES + 1];
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    uint32_t shop = rig_component(r, "Shop", STATUS_RULE_DRAFT);
    struct status_affected a = {api, STATUS_OPERATIONAL, STATUS_DEGRADED};
    struct status_affected b = {shop, STATUS_OPERATIONAL, STATUS_MAJOR};
    struct status_incident_new n = about(&a), m = about(&b);
    n.started_us = time_now_us() - 3600 * US_PER_S;
    assert_ok(status_incident_open(r->status, &n, one));
    assert_ok(status_incident_open(r->status, &m, two));
    assert_ok(status_incident_merge(r->status, str_z(one), str_z(two)));
    rig_look(r);
    assert_int_equal(r->model->n_incidents, 1);
    const struct status_incident *i = &r->model->incidents[0];
    assert_string_equal(i->id, two);
    assert_int_equal(i->n_components, 2);
    assert_int_equal(i->n_updates, 2);
    assert_int_equal(i->started_us, n.started_us);
    assert_int_equal(rig_find(r, api)->state, STATUS_DEGRADED);
    assert_int_equal(status_incident_merge(r->status, str_z(two), str_z(two)).code, ERR_INVALID);
    struct status_update_new u = {.phase = STATUS_KEEP, .impact = STATUS_KEEP};
    assert_int_equal(status_incident_update(r->status, str_z(one), &u).code, ERR_NOTFOUND);
}

static void a_maintenance_begins_and_ends_by_itself(void **state) {
    struct rig *r = *state;
    char id[STATUS_ID_BYTES + 1];
    int64_t now = time_now_us();
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    struct status_affected a = {api, STATUS_OPERATIONAL, STATUS_MAINTENANCE};
    struct status_incident_new n = about(&a);
    n.phase = STATUS_SCHEDULED;
    n.scheduled_for_us = now + 100 * US_PER_S;
    n.scheduled_until_us = now + 200 * US_PER_S;
    n.auto_begin = n.auto_end = true;
    assert_ok(status_incident_open(r->status, &n, id));
    assert_ok(status_upkeep(r->status, now + 99 * US_PER_S));
    assert_int_equal(state_of(r, api), STATUS_OPERATIONAL);
    assert_ok(status_upkeep(r->status, now + 100 * US_PER_S));
    assert_int_equal(state_of(r, api), STATUS_MAINTENANCE);
    assert_int_equal(r->model->maintenances[0].phase, STATUS_IN_PROGRESS);
    assert_ok(status_upkeep(r->status, now + 200 * US_PER_S));
    assert_int_equal(state_of(r, api), STATUS_OPERATIONAL);
    assert_int_equal(r->model->maintenances[0].phase, STATUS_COMPLETED);
    assert_int_equal(r->model->maintenances[0].n_updates, 3);
    assert_int_equal(r->model->n_incidents, 0);
}

static void times_without_an_offset_are_the_pages(void **state) {
    AUTO(zone_free) struct zone *berlin = NULL;
    int64_t a, b, c;
    assert_ok(zone_open(STR("Europe/Berlin"), &berlin));
    assert_true(status_time_parse(STR("2026-07-01T02:00"), berlin, &a));
    assert_true(status_time_parse(STR("2026-07-01T00:00:00Z"), berlin, &b));
    assert_true(status_time_parse(STR("2026-06-30 19:30:00.123-04:30"), berlin, &c));
    assert_true(a == b && b == c);
    assert_true(status_time_parse(STR("2026-12-01T02:00"), berlin, &a));
    assert_true(status_time_parse(STR("2026-12-01T01:00Z"), berlin, &b));
    assert_true(a == b);
    static const char *const wrong[] = {"",
                                        "2026-12-01",
                                        "2026-13-01T00:00",
                                        "2026-12-01T24:00",
                                        "2026-12-01T02:00+1",
                                        "2026-12-01T02:00 x",
                                        "2026/12/01T02:00"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(status_time_parse(str_z(wrong[i]), berlin, &a));
}

static void days_know_the_worst_and_the_seconds(void **state) {
    struct rig *r = *state;
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    AUTO(zone_free) struct zone *berlin = NULL;
    struct civil noon;
    assert_ok(zone_open(STR("Europe/Berlin"), &berlin));
    zone_civil(berlin, time_now_us(), &noon);
    noon.day -= 3;
    noon.hour = 12, noon.minute = noon.second = 0;
    int64_t at = zone_instant(berlin, &noon);
    const struct {
        int64_t at;
        int state;
    } history[] = {{at - 2 * 86400 * US_PER_S, 0},
                   {at, 4},
                   {at + 600 * US_PER_S, 3},
                   {at + 1600 * US_PER_S, 0}};
    assert_ok(meta_begin(r->meta));
    assert_ok(meta_exec(r->meta, "DELETE FROM status_change", ""));
    for (size_t i = 0; i < 4; i++)
        assert_ok(meta_exec(r->meta, "INSERT INTO status_change VALUES(?, ?, ?)", "iii",
                            (int64_t)api, history[i].at, (int64_t)history[i].state));
    assert_ok(meta_commit(r->meta));
    rig_look(r);
    const struct status_component *c = rig_find(r, api);
    assert_int_equal(c->days[STATUS_DAYS - 4], STATUS_MAJOR);
    assert_int_equal(c->down_s[STATUS_DAYS - 4], 600 + 300);
    assert_int_equal(c->days[STATUS_DAYS - 1], STATUS_OPERATIONAL);
    assert_int_equal(c->days[STATUS_DAYS - 6], STATUS_OPERATIONAL);
    assert_int_equal(c->days[STATUS_DAYS - 7], 255);
    assert_int_equal(c->days[0], 255);
}

static void what_breaks_a_rule_is_refused_and_changes_nothing(void **state) {
    struct rig *r = *state;
    char id[STATUS_ID_BYTES + 1];
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    uint64_t before = status_generation(r->status);
    struct status_affected a = {api + 7, STATUS_OPERATIONAL, STATUS_PARTIAL};
    struct status_incident_new n = about(&a);
    assert_int_equal(status_incident_open(r->status, &n, id).code, ERR_INVALID);
    a.component = api;
    n.name = STR("two\nlines");
    assert_int_equal(status_incident_open(r->status, &n, id).code, ERR_INVALID);
    n.name = STR("It broke");
    n.body = STR("\xff\xfe");
    assert_int_equal(status_incident_open(r->status, &n, id).code, ERR_INVALID);
    struct status_page page = {.name = STR("S"), .time_zone = STR("Nowhere/Here")};
    assert_int_equal(status_page_set(r->status, &page).code, ERR_INVALID);
    page.time_zone = STR("UTC");
    page.support_url = STR("javascript:alert(1)");
    assert_int_equal(status_page_set(r->status, &page).code, ERR_INVALID);
    struct status_component c = {.name = STR("X")};
    struct status_setup setup = {.events = STR("[{\"event\":1}]")};
    assert_int_equal(status_component_save(r->status, &c, &setup).code, ERR_INVALID);
    setup.events = STR("[{\"where\":[{\"property\":\"a\"}]}]");
    assert_int_equal(status_component_save(r->status, &c, &setup).code, ERR_INVALID);
    memcpy(c.group, "abcdefabcdef", 13);
    setup.events = STR("");
    assert_int_equal(status_component_save(r->status, &c, &setup).code, ERR_INVALID);
    assert_int_equal(status_generation(r->status), before);
    assert_int_equal(c.number, 0);
}

static void everything_is_there_after_a_restart(void **state) {
    struct rig *r = *state;
    char id[STATUS_ID_BYTES + 1];
    uint32_t api = rig_component(r, "API", STATUS_RULE_DRAFT);
    struct status_affected a = {api, STATUS_OPERATIONAL, STATUS_PARTIAL};
    struct status_incident_new n = about(&a);
    assert_ok(status_incident_open(r->status, &n, id));
    uint64_t generation = status_generation(r->status);
    rig_close(r);
    rig_open(r, true);
    assert_int_equal(status_generation(r->status), generation);
    assert_int_equal(state_of(r, api), STATUS_PARTIAL);
    assert_string_equal(r->model->incidents[0].id, id);
    assert_int_equal(rig_find(r, api)->n_types, 2);
}

static void a_dropped_group_sets_its_members_free(void **state) {
    struct rig *r = *state;
    struct status_component g = {.name = STR("Backend"), .is_group = true};
    struct status_setup setup = {.rule = STATUS_RULE_OFF};
    assert_ok(status_component_save(r->status, &g, &setup));
    struct status_component c = {.name = STR("API")};
    memcpy(c.group, g.id, sizeof c.group);
    assert_ok(status_component_save(r->status, &c, &setup));
    rig_look(r);
    assert_string_equal(rig_find(r, c.number)->group, g.id);
    assert_ok(status_component_drop(r->status, g.number));
    rig_look(r);
    assert_string_equal(rig_find(r, c.number)->group, "");
    assert_int_equal(r->model->n_components, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_incident_goes_from_open_to_postmortem, start, stop),
        cmocka_unit_test_setup_teardown(a_component_is_as_bad_as_the_worst_that_is_said_of_it,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_draft_is_seen_by_the_desk_alone, start, stop),
        cmocka_unit_test_setup_teardown(merged_incidents_are_one, start, stop),
        cmocka_unit_test_setup_teardown(a_maintenance_begins_and_ends_by_itself, start, stop),
        cmocka_unit_test_setup_teardown(times_without_an_offset_are_the_pages, start, stop),
        cmocka_unit_test_setup_teardown(days_know_the_worst_and_the_seconds, start, stop),
        cmocka_unit_test_setup_teardown(what_breaks_a_rule_is_refused_and_changes_nothing, start,
                                        stop),
        cmocka_unit_test_setup_teardown(everything_is_there_after_a_restart, start, stop),
        cmocka_unit_test_setup_teardown(a_dropped_group_sets_its_members_free, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
