/* What members decided, and that the front's file says all of it and nothing more. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

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

static struct registry *written(struct rig *r, const struct store_sender *senders, size_t n) {
    char path[128];
    struct registry *out = NULL;
    struct store_registry how = {
        .team = &r->team.pub, .root = r->root, .generation = 5, .senders = senders, .n_senders = n};
    path_join(path, sizeof path, r->folder, "registry");
    assert_ok(store_registry_write(r->store, path, &how));
    assert_ok(registry_read(path, &out));
    return out;
}

static struct id128 id(uint8_t n) {
    return (struct id128){{n}};
}

static uint64_t another_project(struct rig *r) {
    struct store_project p;
    char secret[65];
    assert_ok(store_project_create(r->store, &(struct store_project_new){.name = STR("Another")},
                                   &p, secret));
    return p.id;
}

static void a_project_that_nobody_touched_has_no_rules(void **state) {
    struct rig *r = *state;
    AUTO(arena_free) struct arena *a = arena_new(1 << 20);
    AUTO(registry_free) struct registry *reg = written(r, NULL, 0);
    struct store_settings s = {9, STR("x"), 0};
    assert_ok(store_settings(r->store, r->project.id, a, &s));
    assert_true(s.quota_per_minute == 0 && s.origins.n == 0);
    const struct registry_project *p = registry_by_id(reg, r->project.id);
    assert_non_null(p);
    assert_int_equal(reg->generation, 5);
    assert_int_equal(p->quota_per_minute, 0);
    assert_int_equal(p->origins.n + p->measures.n + p->times.n + p->identities.n + p->published.n +
                         p->senders.n,
                     0);
}

static void each_rule_reaches_its_own_project_and_list(void **state) {
    struct rig *r = *state;
    uint64_t mine = r->project.id, other = another_project(r);
    const struct store_sender senders[] = {{mine, id(7)}, {other, id(8)}, {other + 1, id(9)}};
    const struct store_settings settings = {77, STR("https://a.example\nhttps://b.example"), 0};
    const struct store_published text = {TEXT_VALUE, id(5), id(6)};
    assert_ok(store_settings_set(r->store, other, &settings));
    assert_ok(store_mark_set(r->store, mine, id(1), MARK_MEASURE));
    assert_ok(store_mark_set(r->store, mine, id(2), MARK_TIME));
    assert_ok(store_mark_set(r->store, other, id(3), MARK_IDENTITY));
    assert_ok(store_publish(r->store, mine, &text));
    rig_close(r);
    rig_open(r);
    AUTO(registry_free) struct registry *reg = written(r, senders, 3);
    const struct registry_project *m = registry_by_id(reg, mine), *o = registry_by_id(reg, other);
    assert_true(m->quota_per_minute == 0 && m->origins.n == 0);
    assert_true(o->quota_per_minute == 77 && str_eq(o->origins, settings.origins));
    assert_true(m->measures.n == 1 && id128_list_has(&m->measures, id(1)));
    assert_true(m->times.n == 1 && id128_list_has(&m->times, id(2)));
    assert_true(m->published.n == 1 && id128_list_has(&m->published, id(5)));
    assert_true(m->identities.n == 0 && id128_list_has(&o->identities, id(3)));
    assert_true(o->measures.n + o->times.n + o->published.n == 0);
    assert_true(m->senders.n == 1 && id128_list_has(&m->senders, id(7)));
    assert_true(o->senders.n == 1 && id128_list_has(&o->senders, id(8)));
}

static void a_property_has_one_mark_and_none_takes_it_back(void **state) {
    struct rig *r = *state;
    AUTO(arena_free) struct arena *a = arena_new(1 << 22);
    struct store_marked *list = NULL;
    size_t n = 0;
    assert_ok(store_mark_set(r->store, r->project.id, id(1), MARK_MEASURE));
    assert_ok(store_mark_set(r->store, r->project.id, id(1), MARK_IDENTITY));
    assert_ok(store_mark_set(r->store, r->project.id, id(2), MARK_TIME));
    assert_ok(store_marks(r->store, r->project.id, a, &list, &n));
    assert_int_equal(n, 2);
    assert_true(id128_eq(list[0].property, id(1)) && list[0].mark == MARK_IDENTITY);
    assert_true(id128_eq(list[1].property, id(2)) && list[1].mark == MARK_TIME);
    assert_ok(store_mark_set(r->store, r->project.id, id(1), MARK_NONE));
    assert_ok(store_mark_set(r->store, r->project.id, id(9), MARK_NONE)); /* there was none */
    assert_ok(store_marks(r->store, r->project.id, a, &list, &n));
    assert_true(n == 1 && id128_eq(list[0].property, id(2)));
    assert_ok(store_marks(r->store, r->project.id + 1, a, &list, &n));
    assert_int_equal(n, 0);
}

static void a_text_is_published_once(void **state) {
    struct rig *r = *state;
    AUTO(arena_free) struct arena *a = arena_new(1 << 22);
    struct store_published *list = NULL;
    size_t n = 0;
    const struct store_published event = {.kind = TEXT_EVENT, .text = id(4)};
    assert_ok(store_publish(r->store, r->project.id, &event));
    assert_ok(store_publish(r->store, r->project.id, &event));
    assert_ok(store_published(r->store, r->project.id, a, &list, &n));
    assert_int_equal(n, 1);
    assert_true(list[0].kind == TEXT_EVENT && id128_eq(list[0].text, id(4)) &&
                id128_is_zero(list[0].property));
}

static void settings_are_replaced_and_bounded(void **state) {
    struct rig *r = *state;
    AUTO(arena_free) struct arena *a = arena_new(1 << 20);
    static char many[REGISTRY_MAX_ORIGINS_BYTES + 1];
    memset(many, 'a', sizeof many);
    struct store_settings s = {UINT32_MAX, STR("https://a.example"), 30};
    assert_ok(store_settings_set(r->store, r->project.id, &s));
    s = (struct store_settings){0};
    assert_ok(store_settings(r->store, r->project.id, a, &s));
    assert_true(s.quota_per_minute == UINT32_MAX && str_is(s.origins, "https://a.example") &&
                s.retention_days == 30);
    struct store_settings long_list = {1, {many, sizeof many}, 0};
    assert_int_equal(store_settings_set(r->store, r->project.id, &long_list).code, ERR_LIMIT);
    assert_ok(
        store_settings_set(r->store, r->project.id, &(struct store_settings){.origins = STR("")}));
    assert_ok(store_settings(r->store, r->project.id, a, &s));
    assert_true(s.quota_per_minute == 0 && s.origins.n == 0);
}

static void there_is_an_end_to_what_can_be_decided(void **state) {
    struct rig *r = *state;
    assert_ok(meta_begin(r->meta));
    assert_ok(meta_exec(r->meta,
                        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < "
                        "?) INSERT INTO mark SELECT 1, CAST(printf('%016d', i) AS BLOB), 1 FROM n",
                        "i", (int64_t)STORE_MAX_DECIDED));
    assert_ok(meta_commit(r->meta));
    assert_int_equal(r->project.id, 1);
    assert_int_equal(store_mark_set(r->store, 1, id(1), MARK_TIME).code, ERR_LIMIT);
    assert_ok(store_mark_set(r->store, 2, id(1), MARK_TIME));
    AUTO(registry_free) struct registry *reg = written(r, NULL, 0);
    assert_int_equal(registry_by_id(reg, 1)->measures.n, STORE_MAX_DECIDED);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_project_that_nobody_touched_has_no_rules),
        TEST(each_rule_reaches_its_own_project_and_list),
        TEST(a_property_has_one_mark_and_none_takes_it_back),
        TEST(a_text_is_published_once),
        TEST(settings_are_replaced_and_bounded),
        TEST(there_is_an_end_to_what_can_be_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
