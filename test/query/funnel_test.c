/* Funnels against truths counted by hand, and the search against trying everything. */
#include <stdlib.h>

#include "query/funnel.h"
#include "query/world.h"

static int set_up(void **state) {
    *state = world_new("UTC");
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

#define ABC "\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"},{\"event\":\"C\"}]"
#define ASK(rest)                                                                                  \
    "{\"project\":1,\"report\":\"funnel\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\"," rest "}"
#define COUNTS(a, b, c)                                                                            \
    "\"event\":\"A\",\"count\":" #a, "\"event\":\"B\",\"count\":" #b,                              \
        "\"event\":\"C\",\"count\":" #c

static void assert_counts(void **state, const char *query, const char *a, const char *b,
                          const char *c) {
    assert_answer(*state, query, a);
    assert_answer(*state, query, b);
    assert_answer(*state, query, c);
}

static void steps_in_order_inside_the_window(void **state) {
    world_part(*state,
               "[[\"ann\",\"A\",\"2026-01-01T00:00:00\"],[\"ann\",\"B\",\"2026-01-01T01:00:00\"],["
               "\"ann\",\"C\",\"2026-01-01T02:00:00\"],"
               "[\"bob\",\"B\",\"2026-01-01T00:00:00\"],[\"bob\",\"A\",\"2026-01-01T01:00:00\"],"
               "[\"cid\",\"A\",\"2026-01-01T00:00:00\"],[\"cid\",\"B\",\"2026-01-09T00:00:00\"],"
               "[\"dan\",\"A\",\"2026-01-03T00:00:00\"],[\"dan\",\"B\",\"2026-01-10T00:00:00\"],"
               "[\"eve\",\"A\",\"2026-01-04T00:00:00\"],[\"eve\",\"B\",\"2026-01-04T00:00:01\"]]");
    assert_counts(state, ASK(ABC), COUNTS(4, 2, 1));
    assert_answer(
        *state, ASK(ABC),
        "{\"event\":\"B\",\"count\":2,\"from_first\":0.5,\"from_previous\":0.5,\"median_s\":3600}");
    assert_answer(
        *state, ASK(ABC),
        "{\"event\":\"A\",\"count\":4,\"from_first\":1,\"from_previous\":1,\"median_s\":null}");
    /* dan's B is exactly the window after his A, and behind the range. */
    assert_counts(state, ASK(ABC ",\"window\":{\"value\":604799,\"unit\":\"second\"}"),
                  COUNTS(4, 1, 1));
}

static void a_later_start_may_be_deeper(void **state) {
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01T00:00:00\"],[\"ann\",\"A\",\"2026-01-01T05:00:"
                       "00\"],[\"ann\",\"B\",\"2026-01-01T05:30:00\"],"
                       "[\"ann\",\"C\",\"2026-01-01T06:00:00\"]]");
    assert_counts(state, ASK(ABC ",\"window\":{\"value\":1,\"unit\":\"hour\"}"), COUNTS(1, 1, 1));
    assert_answer(
        *state, ASK(ABC),
        "{\"event\":\"B\",\"count\":1,\"from_first\":1,\"from_previous\":1,\"median_s\":19800}");
}

static void each_event_serves_one_step(void **state) {
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01T00:00:00\"],[\"bob\",\"A\",\"2026-01-01T00:00:"
                       "00\"],[\"bob\",\"A\",\"2026-01-01T00:00:00\"]]");
    assert_answer(*state, ASK("\"steps\":[{\"event\":\"A\"},{\"event\":\"A\"}]"),
                  "\"steps\":[{\"event\":\"A\",\"count\":2,\"from_first\":1,\"from_previous\":1,"
                  "\"median_s\":null},{\"event\":\"A\",\"count\":1,");
}

static void equal_times_count_in_step_order(void **state) {
    world_part(*state, "[[\"ann\",\"C\",\"2026-01-01\"],[\"ann\",\"B\",\"2026-01-01\"],[\"ann\","
                       "\"A\",\"2026-01-01\"]]");
    assert_counts(state, ASK(ABC), COUNTS(1, 1, 1));
    assert_counts(state, ASK(ABC ",\"window\":{\"value\":0,\"unit\":\"day\"}"), COUNTS(1, 1, 1));
}

static void what_is_excluded_ends_an_attempt(void **state) {
#define NO_X ASK(ABC ",\"exclude\":[{\"event\":\"X\",\"after_step\":2}]")
    world_part(*state,
               "[[\"ann\",\"A\",\"2026-01-01T00:00:00\"],[\"ann\",\"B\",\"2026-01-01T01:00:00\"],["
               "\"ann\",\"X\",\"2026-01-01T02:00:00\"],"
               "[\"ann\",\"C\",\"2026-01-01T03:00:00\"],"
               "[\"bob\",\"A\",\"2026-01-01T00:00:00\"],[\"bob\",\"B\",\"2026-01-01T01:00:00\"],["
               "\"bob\",\"X\",\"2026-01-01T02:00:00\"],"
               "[\"bob\",\"B\",\"2026-01-01T02:30:00\"],[\"bob\",\"C\",\"2026-01-01T03:00:00\"],"
               "[\"cid\",\"A\",\"2026-01-01T00:00:00\"],[\"cid\",\"X\",\"2026-01-01T00:30:00\"],["
               "\"cid\",\"B\",\"2026-01-01T01:00:00\"],"
               "[\"cid\",\"X\",\"2026-01-01T01:00:00\"],[\"cid\",\"X\",\"2026-01-01T03:00:00\"],["
               "\"cid\",\"C\",\"2026-01-01T03:00:00\"]]");
    assert_counts(state, NO_X, COUNTS(3, 3, 2));
    /* bob's second step is the one after X: 2 h 30 min and 30 min; cid's X are not strictly
     * between. */
    assert_answer(*state, NO_X,
                  "{\"event\":\"C\",\"count\":2,\"from_first\":0.6666666666666666,\"from_"
                  "previous\":0.6666666666666666,\"median_s\":1800}");
}

static void a_held_property_is_shared_by_all_steps(void **state) {
    world_part(*state,
               "[[\"ann\",\"A\",\"2026-01-01T00:00:00\",{\"os\":\"x\"}],[\"ann\",\"B\",\"2026-01-"
               "01T01:00:00\",{\"os\":\"y\"}],"
               "[\"bob\",\"A\",\"2026-01-01T00:00:00\",{\"os\":\"x\"}],[\"bob\",\"A\",\"2026-01-"
               "01T00:10:00\",{\"os\":\"y\"}],"
               "[\"bob\",\"B\",\"2026-01-01T01:00:00\",{\"os\":\"y\"}],"
               "[\"cid\",\"A\",\"2026-01-01T00:00:00\"],[\"cid\",\"B\",\"2026-01-01T01:00:00\"]]");
    assert_counts(state, ASK(ABC ",\"hold\":[\"os\"]"), COUNTS(2, 1, 0));
}

static void a_breakdown_is_by_the_first_event(void **state) {
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01T00:00:00\",{\"os\":\"x\"}],[\"ann\",\"A\","
                       "\"2026-01-01T00:10:00\",{\"os\":\"y\"}],"
                       "[\"ann\",\"B\",\"2026-01-01T00:05:00\",{\"os\":\"y\"}],[\"bob\",\"A\","
                       "\"2026-01-01T00:00:00\",{\"os\":\"x\"}],"
                       "[\"cid\",\"A\",\"2026-01-01T00:00:00\"]]");
#define BY_OS "\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"breakdown\":[\"os\"]"
    assert_answer(*state, ASK(BY_OS),
                  "\"series\":[{\"breakdown\":[\"x\"],\"steps\":[{\"event\":\"A\",\"count\":2,");
    assert_answer(*state, ASK(BY_OS),
                  "\"from_previous\":0.5,\"median_s\":300}]},{\"breakdown\":[\"$none\"],\"steps\":["
                  "{\"event\":\"A\",\"count\":1,");
    assert_answer(*state, ASK(BY_OS),
                  "{\"breakdown\":[\"y\"],\"steps\":[{\"event\":\"A\",\"count\":1,\"from_first\":1,"
                  "\"from_previous\":1,"
                  "\"median_s\":null},{\"event\":\"B\",\"count\":0,");
    /* ann is in both of the rest: one person of $other. */
    assert_answer(*state, ASK(BY_OS ",\"limit\":1"),
                  "{\"breakdown\":[\"$other\"],\"steps\":[{\"event\":\"A\",\"count\":2,");
}

static void any_order_counts_distinct_steps_in_one_window(void **state) {
#define ANY(more) ASK(ABC ",\"order\":\"any\"" more)
    world_part(*state, "[[\"ann\",\"C\",\"2026-01-01T00:00:00\"],[\"ann\",\"A\",\"2026-01-01T01:00:"
                       "00\"],[\"ann\",\"C\",\"2026-01-01T02:00:00\"],"
                       "[\"bob\",\"B\",\"2026-01-01T00:00:00\"],[\"bob\",\"C\",\"2026-01-01T01:00:"
                       "00\"],[\"bob\",\"A\",\"2026-01-01T02:00:00\"]]");
    assert_counts(state, ANY(""), COUNTS(2, 2, 1));
    assert_counts(state, ANY(",\"window\":{\"value\":1,\"unit\":\"hour\"}"), COUNTS(2, 2, 0));
}

static void steps_have_filters_and_people_devices(void **state) {
    world_part(*state, "[[\"dev\",\"A\",\"2026-01-01T00:00:00\"],[\"ann\",\"B\",\"2026-01-01T01:00:"
                       "00\",{\"n\":1}]]");
    world_part(*state, "[[\"ann\",\"B\",\"2026-01-01T02:00:00\",{\"n\":5}]]");
    world_alias(*state, "dev", "ann");
    assert_answer(
        *state,
        ASK("\"steps\":[{\"event\":\"A\"},{\"event\":\"B\",\"filters\":[{\"property\":\"n\",\"op\":"
            "\"gt\",\"value\":2}]}]"),
        "{\"event\":\"B\",\"count\":1,\"from_first\":1,\"from_previous\":1,\"median_s\":7200}");
}

/* ---- the search against trying everything ---- */

struct brute {
    const struct funnel_person *p;
    uint32_t path[PLAN_MAX_STEPS];
    struct funnel_path best;
};

static bool excluded_between(const struct funnel_person *p, uint32_t k, int64_t from, int64_t to) {
    for (uint32_t i = 0; i < p->n; i++) {
        if (p->events[i].t > from && p->events[i].t < to && (p->events[i].excluded >> (k - 1) & 1))
            return true;
    }
    return false;
}

static void extend(struct brute *b, uint32_t depth) {
    const struct funnel_person *p = b->p;
    struct funnel_path now = {.depth = depth};
    for (uint32_t i = 0; i < depth; i++)
        now.t[i] = p->events[b->path[i]].t;
    if (depth && (b->best.depth == 0 || funnel_path_cmp(&now, &b->best) < 0)) b->best = now;
    for (uint32_t i = 0; i < p->n && depth < p->n_steps; i++) {
        const struct funnel_event *e = &p->events[i];
        bool used = false;
        for (uint32_t k = 0; k < depth; k++)
            used |= b->path[k] == i;
        if (used || !(e->steps >> depth & 1) || (depth == 0 && !e->start)) continue;
        if (depth && (e->t < now.t[depth - 1] || e->t - now.t[0] > p->window_us)) continue;
        if (depth && excluded_between(p, depth, now.t[depth - 1], e->t)) continue;
        b->path[depth] = i;
        extend(b, depth + 1);
    }
}

static uint32_t roll(uint64_t *seed, uint32_t n) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % n;
}

static void the_search_finds_what_trying_everything_finds(void **state) {
    uint64_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        struct funnel_event events[8];
        AUTO(arena_free) struct arena *a = arena_new(0);
        struct funnel_person p = {
            .events = events, .n = 1 + roll(&seed, 8), .n_steps = 1 + roll(&seed, 4), .arena = a};
        int64_t t = 0;
        uint32_t masks = roll(&seed, 2) ? 16 : 3;
        p.window_us = 1 + roll(&seed, 12);
        for (uint32_t i = 0; i < p.n; i++) {
            t += roll(&seed, 3);
            bool x = roll(&seed, 6) == 0;
            events[i] = (struct funnel_event){
                .t = t, .steps = masks == 3 ? 1u << roll(&seed, 4) : roll(&seed, masks)};
            if (x) events[i].excluded = 1u << roll(&seed, 3);
            events[i].start = (events[i].steps & 1) && roll(&seed, 4);
        }
        struct brute b = {.p = &p};
        struct funnel_path got;
        extend(&b, 0);
        struct err e = funnel_ordered(&p, &got);
        assert_int_equal(e.code, ERR_OK);
        if (got.depth != b.best.depth || (got.depth && funnel_path_cmp(&got, &b.best) != 0)) {
            print_error("round %d: depth %u, want %u\n", round, got.depth, b.best.depth);
            for (uint32_t i = 0; i < p.n; i++)
                print_error("  t %lld steps %x excluded %x start %d\n", (long long)events[i].t,
                            events[i].steps, events[i].excluded, events[i].start);
            fail();
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(steps_in_order_inside_the_window),
        TEST(a_later_start_may_be_deeper),
        TEST(each_event_serves_one_step),
        TEST(equal_times_count_in_step_order),
        TEST(what_is_excluded_ends_an_attempt),
        TEST(a_held_property_is_shared_by_all_steps),
        TEST(a_breakdown_is_by_the_first_event),
        TEST(any_order_counts_distinct_steps_in_one_window),
        TEST(steps_have_filters_and_people_devices),
        TEST(the_search_finds_what_trying_everything_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
