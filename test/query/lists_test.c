/* users, groups, events; the export, the lexicon and values. */
#include <stdio.h>

#include "query/world.h"

static int set_up(void **state) {
    *state = world_new("UTC");
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

static void handle(struct world *w, enum handle_domain d, struct id128 id, char out[33]) {
    struct id128 h = seal_handle(&w->keys, d, id);
    str_to_hex(h.b, 16, out);
    out[32] = 0;
}

static void users_are_profiles_with_their_events_span(void **state) {
    struct world *w = *state;
    world_part(w, "[[\"ann\",\"A\",\"2026-01-02T10:00:00\"],[\"dev\",\"A\",\"2026-01-01\"],["
                  "\"bob\",\"A\",\"2026-01-01\"]]");
    world_alias(w, "dev", "ann");
    world_user(w, "ann", "{\"plan\":\"pro\",\"a.b\":1,\"a.c\":\"secret\"}");
    world_user(w, "dev", "{\"plan\":\"old\"}"); /* has become ann: no person any more */
    char person[33], id[33], secret[33], want[512];
    handle(w, HANDLE_PERSON, seal_pseudonym(&w->keys, STR("ann")), person);
    handle(w, HANDLE_TEXT, world_hash(w, "distinct_id", "ann"), id);
    handle(w, HANDLE_TEXT,
           seal_hash(&w->keys, TEXT_USER_VALUE, TEXT_STRING, STR("a.c"), STR("secret")), secret);
    snprintf(
        want, sizeof want,
        "{\"report\":\"users\",\"total\":1,\"users\":[{\"person\":\"%s\",\"distinct_id\":\"sealed:%"
        "s\","
        "\"first_seen\":\"2026-01-01T00:00:00+00:00\",\"last_seen\":\"2026-01-02T10:00:00+00:00\","
        "\"properties\":{\"a\":{\"b\":1,\"c\":\"sealed:%s\"},\"plan\":\"pro\"}}]",
        person, id, secret);
    assert_answer(w, "{\"project\":1,\"report\":\"users\"}", want);
    w->rights.opened = true;
    assert_answer(w, "{\"project\":1,\"report\":\"users\"}", "\"distinct_id\":\"ann\"");
    assert_answer(w, "{\"project\":1,\"report\":\"users\"}", "{\"b\":1,\"c\":\"secret\"}");
}

static void any_id_of_a_person_finds_the_person(void **state) {
    struct world *w = *state;
    world_part(w, "[[\"ann\",\"A\",\"2026-01-02\"],[\"$device:d1\",\"A\",\"2026-01-01\"]]");
    world_alias(w, "$device:d1", "ann");
    world_user(w, "ann", "{\"plan\":\"pro\"}");
    world_user(w, "bob", "{\"plan\":\"free\"}");
    char query[256], hex[33];
    static const char *const ids[] = {"ann", "$device:d1", "d1"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(query, sizeof query,
                 "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"%s\"]}", ids[i]);
        assert_answer(w, query, "\"total\":1,");
        assert_answer(w, query, "\"plan\":\"pro\"");
    }
    handle(w, HANDLE_PERSON, seal_pseudonym(&w->keys, STR("ann")), hex);
    snprintf(query, sizeof query,
             "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"person:%s\"]}", hex);
    assert_answer(w, query, "\"total\":1,");
    handle(w, HANDLE_TEXT, world_hash(w, "distinct_id", "bob"), hex);
    snprintf(query, sizeof query,
             "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"sealed:%s\",\"ann\",\"d1\"]}",
             hex);
    assert_answer(w, query, "\"total\":2,");
    assert_answer(w, "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"nobody\"]}",
                  "\"total\":0,\"users\":[]");
    assert_answer(w, "{\"project\":1,\"report\":\"users\"}",
                  "\"first_seen\":null,\"last_seen\":null");
}

static void users_filter_and_page(void **state) {
    struct world *w = *state;
    for (int i = 0; i < 5; i++) {
        char id[16], props[64];
        snprintf(id, sizeof id, "u%d", i);
        snprintf(props, sizeof props, "{\"n\":%d}", i);
        world_user(w, id, props);
    }
    world_user(w, "ann", "{\"n\":9}");
#define USERS(rest) "{\"project\":1,\"report\":\"users\"," rest "}"
    assert_answer(w, USERS("\"filters\":[{\"property\":\"n\",\"op\":\"gt\",\"value\":2}]"),
                  "\"total\":3,");
    assert_answer(
        w, USERS("\"filters\":[{\"property\":{\"user\":\"n\"},\"op\":\"is\",\"value\":[0,1]}]"),
        "\"total\":2,");
    assert_answer(w, USERS("\"cohort\":7"), "\"total\":1,");
    assert_answer(w, USERS("\"cohort\":null,\"limit\":4,\"page\":2"), "\"total\":6,\"users\":[]");
    int seen = 0;
    for (int page = 0; page < 3; page++) {
        char query[128];
        snprintf(query, sizeof query, USERS("\"limit\":2,\"page\":%d"), page);
        const char *at = world_ask(w, query);
        assert_non_null(at);
        for (; (at = strstr(at, "\"person\":")); at++)
            seen++;
    }
    assert_int_equal(seen, 6);
}

static void groups_list_their_properties(void **state) {
    struct world *w = *state;
    world_group(w, "company", "acme", "{\"size\":10}");
    world_group(w, "company", "init", "{\"size\":20}");
    world_group(w, "team", "blue", "{}");
#define GROUPS(rest) "{\"project\":1,\"report\":\"groups\",\"group_key\":\"company\"" rest "}"
    assert_answer(w, GROUPS(""), "\"total\":2,\"groups\":[");
    assert_answer(w, GROUPS(",\"ids\":[\"acme\",\"blue\"]"),
                  "\"total\":1,\"groups\":[{\"group_key\":\"company\",\"group_id\":\"acme\","
                  "\"properties\":{\"size\":10}}]");
    assert_answer(w, GROUPS(",\"filters\":[{\"property\":\"size\",\"op\":\"gt\",\"value\":10}]"),
                  "\"group_id\":\"init\"");
    assert_answer(w,
                  GROUPS(",\"filters\":[{\"property\":{\"group\":\"company\",\"name\":\"size\"},"
                         "\"op\":\"is\",\"value\":10}]"),
                  "\"total\":1,");
    assert_fault(w,
                 GROUPS(",\"filters\":[{\"property\":{\"group\":\"team\",\"name\":\"size\"},\"op\":"
                        "\"is\",\"value\":10}]"),
                 ERR_INVALID, "filters");
}

static void events_come_newest_first(void **state) {
    struct world *w = *state;
    world_part(w, "[[\"ann\",\"A\",\"2026-01-01\",{\"n\":1,\"l\":[1,\"x\",null,true],\"o\":{},\"a."
                  "b.c\":2,\"a.d\":\"secret\",\"x\\\\.y\":3}],"
                  "[\"bob\",\"B\",\"2026-01-03\"],[\"ann\",\"$identify\",\"2026-01-02\"]]");
    world_part(w, "[[\"dev\",\"A\",\"2026-01-02\"]]");
    world_alias(w, "dev", "ann");
#define EVENTS(rest)                                                                               \
    "{\"project\":1,\"report\":\"events\",\"from\":\"2026-01-01\",\"to\":\"2026-01-31\"" rest "}"
    const char *answer = world_ask(w, EVENTS(""));
    assert_non_null(answer);
    const char *third = strstr(answer, "2026-01-01T00:00:00+00:00"),
               *second = strstr(answer, "2026-01-02"), *first = strstr(answer, "2026-01-03");
    assert_true(first && second && third && first < second && second < third);
    assert_null(strstr(answer, "$identify"));
    assert_non_null(strstr(answer, "\"properties\":{\"a\":{\"b\":{\"c\":2},\"d\":\"sealed:"));
    assert_non_null(strstr(answer, "\"l\":[1,\"x\",null,true],\"n\":1,\"o\":{},\"x.y\":3}"));
    assert_answer(w, EVENTS(",\"limit\":1"),
                  "\"events\":[{\"event\":\"B\",\"time\":\"2026-01-03T00:00:00+00:00\"");
    assert_answer(w, EVENTS(",\"distinct_id\":\"dev\",\"limit\":1"),
                  "\"events\":[{\"event\":\"A\",\"time\":\"2026-01-02T");
    assert_answer(w, EVENTS(",\"distinct_id\":\"nobody\""), "\"events\":[]");
    assert_answer(
        w, EVENTS(",\"event\":\"A\",\"filters\":[{\"property\":\"n\",\"op\":\"set\"}],\"limit\":0"),
        "\"events\":[]");
    assert_answer(w, EVENTS(",\"event\":\"B\",\"distinct_id\":null"),
                  "\"events\":[{\"event\":\"B\"");
}

/* ---- export ---- */

struct lines {
    struct buf b;
    int sealed;
    int stop_after;
};

static bool take(void *ctx, struct str s) {
    struct lines *l = ctx;
    buf_put_str(&l->b, s);
    return l->stop_after < 0 || l->stop_after-- > 0;
}

static void note(void *ctx, struct id128 h, struct id128 hash) {
    ((struct lines *)ctx)->sealed++;
}

static void an_export_gives_back_what_was_sent(void **state) {
    struct world *w = *state;
    struct lines l = {.stop_after = -1};
    buf_init(&l.b, 1u << 20);
    world_part(w, "[[\"ann\",\"A\",\"2026-01-01\",{\"a.b\":\"secret\",\"distinct_id\":\"secret\"},"
                  "9],[\"ann\",\"$identify\",\"2026-01-02\"],"
                  "[\"ann\",\"A\",\"2026-01-03\"]]");
    world_part(
        w, "[[\"ann\",\"A\",\"2026-01-01\",{\"a.b\":\"secret\",\"n\":1.5,\"big\":12345678},9]]");
    struct civil from = {.year = 2026, .month = 1, .day = 1},
                 to = {.year = 2026, .month = 1, .day = 3};
    struct query_export x = {.from_us = zone_instant(w->zone, &from),
                             .to_us = zone_instant(w->zone, &to),
                             .rights = &w->rights,
                             .write = take,
                             .ctx = &l,
                             .sealed = note};
    struct err e = query_export_run(&w->q, &x, &w->limits);
    assert_int_equal(e.code, ERR_OK);
    buf_put_char(&l.b, 0);
    char hex[33], want[512];
    handle(w, HANDLE_TEXT, world_hash(w, "a.b", "secret"), hex);
    snprintf(want, sizeof want,
             "{\"event\":\"A\",\"properties\":{\"time\":1767225600,\"a\":{\"b\":\"sealed:%s\"},"
             "\"big\":12345678,\"n\":1.5}}\n"
             "{\"event\":\"$identify\",\"properties\":{\"time\":1767312000}}\n",
             hex);
    assert_string_equal(l.b.p, want);
    assert_int_equal(l.sealed, 1);
    l.stop_after = 0;
    e = query_export_run(&w->q, &x, &w->limits);
    assert_int_equal(e.code, ERR_CANCELLED);
    buf_done(&l.b);
}

/* ---- lexicon ---- */

static void the_lexicon_names_what_there_is(void **state) {
    struct world *w = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1u << 20);
    world_part(w,
               "[[\"ann\",\"A\",\"2026-01-01\",{\"n\":1,\"s\":\"x\",\"m\":1,\"b\":true,\"l\":[1]}],"
               "[\"bob\",\"A\",\"2026-01-01\",{\"m\":\"y\",\"n\":2,\"s\":\"z\"}],"
               "[\"bob\",\"B\",\"2026-01-01\",{\"n\":2}],[\"bob\",\"$identify\",\"2026-01-01\"]]");
    struct err e = query_lexicon(&w->q, &w->rights, &b);
    assert_int_equal(e.code, ERR_OK);
    buf_put_char(&b, 0);
    assert_non_null(
        strstr(b.p, "\"events\":[{\"name\":\"A\",\"count\":2},{\"name\":\"B\",\"count\":1}]"));
    assert_non_null(strstr(b.p, "{\"name\":\"n\",\"type\":\"number\",\"count\":3}"));
    assert_non_null(strstr(b.p, "{\"name\":\"s\",\"type\":\"string\",\"count\":2}"));
    assert_non_null(strstr(b.p, "{\"name\":\"m\",\"type\":\"mixed\",\"count\":2}"));
    assert_non_null(strstr(b.p, "{\"name\":\"b\",\"type\":\"boolean\",\"count\":1}"));
    assert_non_null(strstr(b.p, "{\"name\":\"l\",\"type\":\"list\",\"count\":1}"));
}

static struct err values_of(struct world *w, const char *property, struct buf *out) {
    const struct query_values_of of = {str_z(property), 10};
    w->used_literal = false;
    return query_values(&w->q, &w->rights, &of, out, &w->used_literal);
}

static void values_are_the_most_frequent_first(void **state) {
    struct world *w = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1u << 20);
    world_part(w, "[[\"a\",\"A\",\"2026-01-01\",{\"p\":\"x\"}],[\"a\",\"A\",\"2026-01-01\",{\"p\":"
                  "\"y\"}],[\"a\",\"A\",\"2026-01-02\",{\"p\":\"y\"}],"
                  "[\"a\",\"A\",\"2026-01-01\",{\"p\":[\"y\",7]}],[\"a\",\"A\",\"2026-01-01\",{"
                  "\"p\":7}],[\"a\",\"A\",\"2026-01-01\",{\"p\":null}]]");
    struct err e = values_of(w, "p", &b);
    assert_int_equal(e.code, ERR_OK);
    buf_put_char(&b, 0);
    assert_string_equal(b.p, "{\"values\":[\"y\",7,\"x\"]}");
    buf_clear(&b);
    e = values_of(w, "never", &b);
    assert_int_equal(e.code, ERR_OK);
    buf_put_char(&b, 0);
    assert_string_equal(b.p, "{\"values\":[]}");
}

static void persons_in_the_clear_need_the_right(void **state) {
    struct world *w = *state;
    char hex[33] = {0}, query[256];
    world_part(w, "[[\"ann\",\"A\",\"2026-01-01\",{}]]");
    world_user(w, "ann", "{\"plan\":\"pro\"}");
    world_group(w, "company", "secret firm", "{\"size\":5}");
    assert_answer(w, "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"ann\"]}",
                  "\"total\":1");
    assert_true(w->used_literal);
    w->rights.may_reveal = false;
    /* Hit and miss are refused alike. */
    assert_fault(w, "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"ann\"]}", ERR_DENIED,
                 "distinct_ids");
    assert_fault(w, "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"bob\"]}", ERR_DENIED,
                 "distinct_ids");
    assert_fault(w, EVENTS(",\"distinct_id\":\"ann\""), ERR_DENIED, "distinct_id");
    assert_fault(
        w,
        "{\"project\":1,\"report\":\"groups\",\"group_key\":\"company\",\"ids\":[\"secret firm\"]}",
        ERR_DENIED, "ids");
    str_to_hex(seal_handle(&w->keys, HANDLE_PERSON, seal_pseudonym(&w->keys, STR("ann"))).b, 16,
               hex);
    snprintf(query, sizeof query,
             "{\"project\":1,\"report\":\"users\",\"distinct_ids\":[\"person:%s\"]}", hex);
    assert_answer(w, query, "\"total\":1");
}

static void sealed_event_names_are_not_confirmed(void **state) {
    struct world *w = *state;
#define NAMED(name)                                                                                \
    "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-01-01\","        \
    "\"metrics\":[{\"event\":\"" name "\"}]}"
    w->rights.may_reveal = false;
    world_part(w, "[[\"ann\",\"A\",\"2026-01-01\",{}]]");
    assert_answer(w, NAMED("never sent"), "\"total\":0"); /* nothing sealed, nothing to reveal */
    world_part(w, "[[\"ann\",\"secret deed\",\"2026-01-01\",{}]]");
    assert_answer(w, NAMED("A"), "\"total\":1");
    assert_fault(w, NAMED("secret deed"), ERR_DENIED, "event");
    assert_fault(w, NAMED("never sent"), ERR_DENIED, "event");
    w->rights.may_reveal = true;
    assert_answer(w, NAMED("secret deed"), "\"total\":1");
    assert_true(w->used_literal);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(users_are_profiles_with_their_events_span),
        TEST(any_id_of_a_person_finds_the_person),
        TEST(users_filter_and_page),
        TEST(groups_list_their_properties),
        TEST(events_come_newest_first),
        TEST(an_export_gives_back_what_was_sent),
        TEST(the_lexicon_names_what_there_is),
        TEST(values_are_the_most_frequent_first),
        TEST(persons_in_the_clear_need_the_right),
        TEST(sealed_event_names_are_not_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
