/* Merges: few generations whatever is flushed, large ones left alone by small ones, and late events
 * of many months. */
#include "rig.h"

#include "store/internal.h"

#include <stdio.h>
#include <string.h>

#define MAX 4096

struct model {
    uint64_t rows[MAX];
    size_t n, most;
    uint64_t flushed, written;
};

static void settle(struct model *m, bool idle) {
    size_t first = 0, n = 0;
    while (merge_choose(m->rows, m->n, idle, &first, &n)) {
        uint64_t sum = 0;
        assert_true(n >= 2 && first + n <= m->n);
        for (size_t i = 0; i < n; i++)
            sum += m->rows[first + i];
        m->rows[first] = sum;
        m->written += sum;
        memmove(&m->rows[first + 1], &m->rows[first + n], (m->n - first - n) * sizeof *m->rows);
        m->n -= n - 1;
    }
}

static void flush(struct model *m, uint64_t rows) {
    m->rows[m->n++] = rows;
    m->flushed += rows;
    settle(m, false);
    if (m->n > m->most) m->most = m->n;
}

static uint64_t random_below(uint64_t *seed, uint64_t n) {
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (*seed >> 33) % n;
}

static void equal_flushes_leave_few_generations_and_are_rewritten_few_times(void **state) {
    (void)state;
    static struct model m;
    m = (struct model){0};
    for (int i = 0; i < 20000; i++)
        flush(&m, 500000);
    assert_true(m.most <= 24);
    assert_true(m.written / m.flushed <= 10); /* log3(20000) is 9 */
}

static void flushes_of_any_size_leave_few_generations(void **state) {
    (void)state;
    static struct model m;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        m = (struct model){0};
        uint64_t x = seed;
        for (int i = 0; i < 3000; i++)
            flush(&m, 1 + random_below(&x, UINT64_C(1) << random_below(&x, 20)));
        assert_true(m.most <= STORE_MOST_GENERATIONS + 1);
        assert_true(m.written / m.flushed <= 16);
    }
}

/* 1 3 1 9 1 3 1 27 ...: no four neighbours are ever worth it. */
static void sizes_in_the_worst_order_are_merged_all_the_same(void **state) {
    (void)state;
    static struct model m;
    m = (struct model){0};
    for (unsigned i = 1; i < 2000; i++) {
        uint64_t rows = 1;
        for (unsigned bits = i; bits % 2 == 0; bits /= 2)
            rows *= 3;
        flush(&m, rows);
    }
    assert_true(m.most <= STORE_MOST_GENERATIONS + 1);
}

static void a_large_generation_is_not_rewritten_for_small_ones(void **state) {
    (void)state;
    static struct model m;
    m = (struct model){0};
    flush(&m, 100000000);
    for (int i = 0; i < 1000; i++) {
        flush(&m, 1000);
        assert_int_equal(m.rows[0], 100000000);
    }
    assert_true(m.written < 10 * UINT64_C(1000) * 1000);
}

static void in_rest_small_generations_join_and_large_ones_stay(void **state) {
    (void)state;
    static struct model m;
    m = (struct model){0};
    flush(&m, 100000000);
    flush(&m, 1000);
    flush(&m, 900);
    settle(&m, true);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.rows[0], 100000000);
}

/* ---- the store itself ---- */

#define DAY 86400
#define T0 INT64_C(1672531200) /* 2023-01-01 */

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

static void put(struct rig *r, int n, int64_t time_s, int64_t step_s) {
    rig_begin(r);
    for (int i = 0; i < n; i++) {
        char who[16];
        snprintf(who, sizeof who, "u%d", i % 97);
        rig_event(
            r, (struct rig_event){"Late", who, NULL, time_s + i * step_s, NULL, NULL, NULL, false});
    }
    rig_commit(r);
    rig_flush(r);
}

static const char *first_file(struct rig *r) {
    static char path[4200]; /* a test's own, one thread */
    pthread_mutex_lock(&r->store->lock);
    snprintf(path, sizeof path, "%s", part_path(r->store->projects[0]->disk.parts[0]));
    pthread_mutex_unlock(&r->store->lock);
    return path;
}

static uint64_t parts_of(struct rig *r) {
    struct store_stats s;
    store_stats(r->store, &s);
    return s.parts;
}

static uint64_t rows_of(struct rig *r) {
    struct store_stats s;
    store_stats(r->store, &s);
    return s.events;
}

static void late_events_of_many_months_neither_multiply_parts_nor_rewrite_the_old(void **state) {
    struct rig *r = *state;
    put(r, 50000, T0, DAY / 48); /* three years */
    char before[4200];
    snprintf(before, sizeof before, "%s", first_file(r));
    for (int i = 0; i < 60; i++)
        put(r, 40, T0 + i * 13 * DAY, 20 * DAY); /* each flush: 40 events over two years */
    for (int i = 0; i < 100 && parts_of(r) > 12; i++) {
        struct timespec pause = {.tv_nsec = 50000000};
        nanosleep(&pause, NULL);
    }
    assert_true(parts_of(r) <= 12);
    assert_string_equal(first_file(r), before);
    assert_int_equal(rows_of(r), 50000 + 60 * 40);
}

static void a_flush_does_not_wait_for_a_merge(void **state) {
    struct rig *r = *state;
    pthread_mutex_lock(&r->store->merge_lock); /* a merge that takes very long */
    put(r, 1000, T0, 60);
    put(r, 1000, T0, 61);
    pthread_mutex_unlock(&r->store->merge_lock);
    assert_int_equal(rows_of(r), 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_flushes_leave_few_generations_and_are_rewritten_few_times),
        cmocka_unit_test(flushes_of_any_size_leave_few_generations),
        cmocka_unit_test(sizes_in_the_worst_order_are_merged_all_the_same),
        cmocka_unit_test(a_large_generation_is_not_rewritten_for_small_ones),
        cmocka_unit_test(in_rest_small_generations_join_and_large_ones_stay),
        cmocka_unit_test_setup_teardown(
            late_events_of_many_months_neither_multiply_parts_nor_rewrite_the_old, start, stop),
        cmocka_unit_test_setup_teardown(a_flush_does_not_wait_for_a_merge, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
