/* Persons over parts: devices, duplicates, slices; and the ends of patience and memory. */
#include <stdio.h>
#include <stdlib.h>

#include "query/table.h"
#include "query/world.h"

static int set_up(void **state) {
    *state = world_new("UTC");
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

#define ASK(metrics)                                                                               \
    "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","        \
    "\"interval\":\"total\",\"metrics\":[" metrics "]}"
#define COUNT ASK("{\"event\":null},{\"event\":null,\"measure\":\"unique\"}")
#define COUNTED(total, unique)                                                                     \
    "\"values\":[" #total "],\"total\":" #total                                                    \
    "},{\"metric\":1,\"breakdown\":[],\"values\":[" #unique "],\"total\":" #unique "}"

static void a_device_is_its_person(void **state) {
    world_part(*state, "[[\"dev1\",\"A\",\"2026-01-01\"],[\"dev2\",\"A\",\"2026-01-01\"],[\"dev3\","
                       "\"A\",\"2026-01-01\"]]");
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-02\"],[\"dev1\",\"A\",\"2026-01-02\"]]");
    assert_answer(*state, COUNT, COUNTED(5, 4));
    world_alias(*state, "dev1", "ann");
    assert_answer(*state, COUNT, COUNTED(5, 3));
    world_alias(*state, "dev2", "ghost"); /* a person without rows of its own */
    assert_answer(*state, COUNT, COUNTED(5, 3));
    world_alias(*state, "dev3", "ann");
    assert_answer(*state, COUNT, COUNTED(5, 2));
}

static void the_later_part_wins_a_duplicate(void **state) {
    world_part(
        *state,
        "[[\"ann\",\"A\",\"2026-01-01\",{\"n\":1},77],[\"ann\",\"A\",\"2026-01-01\",{\"n\":1},78],"
        "[\"ann\",\"B\",\"2026-01-01\",{\"n\":1},77],[\"ann\",\"A\",\"2026-01-02\",{\"n\":1},77]]");
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01\",{\"n\":5},77]]");
    assert_answer(*state, COUNT, COUNTED(4, 1));
    assert_answer(*state, ASK("{\"event\":\"A\",\"measure\":\"sum\",\"property\":\"n\"}"),
                  "\"total\":7");
    /* What the later one says is what filters see. */
    assert_answer(
        *state,
        ASK("{\"event\":\"A\",\"filters\":[{\"property\":\"n\",\"op\":\"is\",\"value\":1}]}"),
        "\"total\":2");
}

/* Counts look at rows, not at persons, where two parts can't hold the same event: before, between
 * and after the times that they share. */
static void rows_are_counted_once_where_parts_overlap(void **state) {
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01T01:00:00\",{\"n\":1},1],"
                       "[\"ann\",\"A\",\"2026-01-01T05:00:00\",{\"n\":1},2],"
                       "[\"bob\",\"A\",\"2026-01-01T06:00:00\",{\"n\":1},3]]");
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01T05:00:00\",{\"n\":10},2],"
                       "[\"bob\",\"A\",\"2026-01-01T06:00:00\",{\"n\":10},4],"
                       "[\"bob\",\"A\",\"2026-01-01T09:00:00\",{\"n\":10},5]]");
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-02T09:00:00\",{\"n\":100},2]]");
    assert_answer(*state, ASK("{\"event\":\"A\"}"), "\"total\":6");
    assert_answer(*state, ASK("{\"event\":\"A\",\"measure\":\"sum\",\"property\":\"n\"}"),
                  "\"total\":132");
    world_alias(*state, "bob", "ann");
    assert_answer(*state, ASK("{\"event\":\"A\"}"), "\"total\":6");
}

static void without_an_insert_number_nothing_folds(void **state) {
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01\"]]");
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01\"]]");
    assert_answer(*state, COUNT, COUNTED(2, 1));
}

static void a_device_and_its_person_fold_what_was_sent_twice(void **state) {
    world_part(*state, "[[\"dev\",\"A\",\"2026-01-01\",{},5]]");
    world_part(*state, "[[\"ann\",\"A\",\"2026-01-01\",{},5]]");
    world_alias(*state, "dev", "ann");
    assert_answer(*state, COUNT, COUNTED(1, 1));
}

static void many_events_of_one_time_fold_too(void **state) {
    char part[16384] = "[";
    for (int i = 0; i < 100; i++) {
        size_t n = strlen(part);
        snprintf(part + n, sizeof part - n, "%s[\"ann\",\"A\",\"2026-01-01\",{},%d]", i ? "," : "",
                 i + 1);
    }
    strcat(part, "]");
    world_part(*state, part);
    world_part(*state, part);
    assert_answer(*state, COUNT, COUNTED(100, 1));
}

static void slices_and_threads_do_not_change_answers(void **state) {
    struct world *w = *state;
    uint64_t seed = 3;
    for (int p = 0; p < 3; p++) {
        AUTO(buf_done) struct buf b;
        buf_init(&b, 1u << 20);
        buf_put_char(&b, '[');
        for (int i = 0; i < 1500; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            unsigned r = (unsigned)(seed >> 33);
            buf_printf(&b,
                       "%s[\"p%u\",\"%c\",\"2026-01-0%uT%02u:00:00\",{\"n\":%u.1,\"k\":\"v%u\"}]",
                       i ? "," : "", r % 400, "ABC"[r % 3], 1 + r % 3, r % 24, r % 50, r % 13);
        }
        buf_printf(&b, "]%c", 0);
        world_part(w, b.p);
    }
    for (int i = 0; i < 20; i++) {
        char from[16], to[16];
        snprintf(from, sizeof from, "p%d", i);
        snprintf(to, sizeof to, "p%d", 400 - i);
        world_alias(w, from, to);
    }
    static const char *const queries[] = {
        "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","
        "\"limit\":4,\"breakdown\":[\"k\"],"
        "\"metrics\":[{\"event\":\"A\",\"measure\":\"unique\"},{\"event\":\"B\",\"measure\":"
        "\"sum\",\"property\":\"n\"},"
        "{\"event\":\"C\",\"measure\":\"median\",\"property\":\"n\"},{\"event\":null,\"measure\":"
        "\"distinct\",\"property\":\"k\"},"
        "{\"event\":null,\"measure\":\"per_user_max\",\"property\":\"n\"},{\"event\":\"A\","
        "\"measure\":\"wau\"},{\"event\":null,\"measure\":\"sessions\"},"
        "{\"event\":\"A\",\"measure\":\"min\",\"property\":\"n\"}]}",
        "{\"project\":1,\"report\":\"funnel\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","
        "\"limit\":3,\"breakdown\":[\"k\"],"
        "\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"},{\"event\":null}]}",
        "{\"project\":1,\"report\":\"retention\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","
        "\"interval\":\"day\",\"start\":{\"event\":\"A\"}}",
        "{\"project\":1,\"report\":\"flows\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","
        "\"anchor\":{\"event\":\"A\"},\"backward\":1}",
        "{\"project\":1,\"report\":\"events\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","
        "\"limit\":20,\"event\":\"A\"}",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        w->limits.threads = 1;
        w->limits.persons_per_slice = 0;
        const char *one = world_ask(w, queries[i]);
        assert_non_null(one);
        AUTO(arena_free) struct arena *a = arena_new(0);
        struct str kept = arena_str(a, str_z(one));
        for (unsigned t = 2; t < 6; t++) {
            w->limits.threads = t;
            w->limits.persons_per_slice = 1;
            const char *many = world_ask(w, queries[i]);
            assert_non_null(many);
            assert_string_equal(many, kept.p);
        }
    }
}

static bool has_left(void *ctx) {
    return *(bool *)ctx;
}

static void a_question_ends_when_who_asked_is_gone(void **state) {
    struct world *w = *state;
    bool left = false;
    world_part(w, "[[\"ann\",\"A\",\"2026-01-01\"]]");
    w->limits.gone = has_left;
    w->limits.gone_ctx = &left;
    assert_non_null(world_ask(w, COUNT));
    left = true;
    assert_null(world_ask(w, COUNT));
    assert_int_equal(w->code, ERR_CANCELLED);
}

static void a_deadline_and_a_cancelled_question_end_the_scan(void **state) {
    struct world *w = *state;
    const int stop = 1;
    world_part(w, "[[\"ann\",\"A\",\"2026-01-01\"]]");
    w->limits.deadline_us = time_monotonic_us() - 1;
    assert_null(world_ask(w, COUNT));
    assert_int_equal(w->code, ERR_TIMEOUT);
    assert_int_equal(w->fault.status, 504);
    assert_non_null(strstr(w->fault.message, " ms that a question may"));
    w->limits.deadline_us = 0;
    w->limits.cancel = &stop;
    assert_null(world_ask(w, COUNT));
    assert_int_equal(w->code, ERR_CANCELLED);
    assert_string_equal(w->fault.code, "cancelled");
    assert_int_equal(w->answer.n, 0);
}

static void every_limit_of_memory_ends_in_a_clear_fault(void **state) {
    struct world *w = *state;
    int refused = 0;
    world_part(w, "[[\"ann\",\"A\",\"2026-01-01\",{\"k\":[\"x\",\"y\"],\"n\":1}],[\"bob\",\"A\","
                  "\"2026-01-02\",{\"k\":\"x\"}],[\"dev\",\"B\",\"2026-01-02\"]]");
    world_part(w, "[[\"ann\",\"B\",\"2026-01-01\",{\"k\":\"z\",\"n\":2}]]");
    world_alias(w, "dev", "ann");
    world_user(w, "ann", "{\"plan\":\"pro\"}");
    static const char *const queries[] = {
        "{\"project\":1,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","
        "\"breakdown\":[\"k\",{\"user\":\"plan\"}],\"limit\":1,"
        "\"metrics\":[{\"event\":\"A\",\"measure\":\"p90\",\"property\":\"n\"},{\"event\":null,"
        "\"measure\":\"distinct\",\"property\":\"k\"},"
        "{\"event\":null,\"measure\":\"per_user_sum\",\"property\":\"n\"}],\"filters\":[{"
        "\"property\":\"k\",\"op\":\"set\"}]}",
        "{\"project\":1,\"report\":\"funnel\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\","
        "\"steps\":[{\"event\":\"A\"},{\"event\":\"B\"}],\"hold\":[\"k\"],\"breakdown\":[\"n\"]}",
        "{\"project\":1,\"report\":\"flows\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\"}",
        "{\"project\":1,\"report\":\"retention\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\"}",
        "{\"project\":1,\"report\":\"events\",\"from\":\"2026-01-01\",\"to\":\"2026-01-03\"}",
        "{\"project\":1,\"report\":\"users\",\"filters\":[{\"property\":\"plan\",\"op\":\"is\","
        "\"value\":\"pro\"}]}",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        for (size_t bytes = 256;; bytes += bytes / 8) {
            w->limits.memory_bytes = bytes;
            if (world_ask(w, queries[i])) break;
            refused++;
            if (w->fault.status != 413)
                fail_msg("%zu bytes: status %d, %s", bytes, w->fault.status, w->fault.message);
        }
    }
    assert_true(refused > 50);
}

static void tables_number_keys_as_they_come(void **state) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    struct table t;
    table_init(&t, a, sizeof(uint64_t));
    for (uint64_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 5000; i++) {
            uint64_t key = i * 0x9e3779b97f4a7c15u;
            bool is_new;
            assert_int_equal(table_put(&t, &key, &is_new), i);
            assert_int_equal(is_new, round == 0);
        }
    }
    uint64_t absent = 12345;
    assert_int_equal(table_find(&t, &absent), TABLE_NONE);
    assert_int_equal(t.n, 5000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_device_is_its_person),
        TEST(the_later_part_wins_a_duplicate),
        TEST(rows_are_counted_once_where_parts_overlap),
        TEST(without_an_insert_number_nothing_folds),
        TEST(a_device_and_its_person_fold_what_was_sent_twice),
        TEST(many_events_of_one_time_fold_too),
        TEST(slices_and_threads_do_not_change_answers),
        TEST(a_question_ends_when_who_asked_is_gone),
        TEST(a_deadline_and_a_cancelled_question_end_the_scan),
        TEST(every_limit_of_memory_ends_in_a_clear_fault),
        TEST(tables_number_keys_as_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
