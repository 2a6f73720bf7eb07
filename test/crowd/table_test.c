/* The bounded table from inside: chains of people stay whole while the pool takes from others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "crowd/table.h"

static struct id128 text(uint64_t number) {
    struct id128 h = {{0}};
    uint64_t spread = number * UINT64_C(0x9e3779b97f4a7c15);
    memcpy(h.b, &number, 8);
    memcpy(h.b + 8, &spread, 8);
    return h;
}

/* People 1..n of the entry in any order, each once. */
static void assert_people(const struct crowd_table *t, const struct crowd_entry *e, uint32_t n) {
    static uint32_t people[CROWD_MAX_PEOPLE];
    static bool met[CROWD_MAX_PEOPLE + 1];
    memset(met, 0, sizeof met);
    assert_int_equal(e->n, n);
    crowd_table_people(t, e, people);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(people[i] >= 1 && people[i] <= n && !met[people[i]]);
        met[people[i]] = true;
    }
}

/* Blocks on the free list, in chains and never used make up the pool. */
static void assert_no_block_is_lost(const struct crowd_table *t) {
    size_t n = t->blocks_n - t->blocks_fresh, entries_n = 0;
    for (uint32_t at = t->blocks_free; at; at = t->blocks[at].next)
        n++;
    for (size_t i = 0; i < t->buckets_n * CROWD_BUCKET; i++) {
        const struct crowd_entry *e = &t->entries[i];
        entries_n += !id128_is_zero(e->h);
        if (e->n <= CROWD_INLINE) continue;
        for (uint32_t at = e->chain.first; at; at = t->blocks[at].next) {
            assert_int_equal(t->blocks[at].owner, i);
            n++;
        }
    }
    assert_int_equal(n, t->blocks_n);
    assert_int_equal(entries_n, t->n);
}

static void chains_of_every_length_hold_each_person_once(void **state) {
    struct crowd_table t;
    assert_true(crowd_table_init(&t, 8));
    struct crowd_entry *e = crowd_table_enter(&t, text(1));
    for (uint32_t n = 1; n <= 200; n++) {
        for (uint32_t p = 1; p <= n; p++)
            crowd_table_count(&t, e, p);
        assert_people(&t, e, n);
    }
    assert_no_block_is_lost(&t);
    crowd_table_drop(&t, e);
    assert_null(crowd_table_find(&t, text(1)));
    assert_no_block_is_lost(&t);
    crowd_table_done(&t);
}

static void a_full_pool_takes_from_others_and_never_from_the_asker(void **state) {
    struct crowd_table t;
    assert_true(crowd_table_init(&t, 64));
    for (uint64_t round = 0; round < 20; round++) {
        struct crowd_entry *e = crowd_table_find(&t, text(round % 7 + 1));
        if (!e) e = crowd_table_enter(&t, text(round % 7 + 1));
        for (uint32_t p = 1; p <= CROWD_MAX_PEOPLE; p++)
            crowd_table_count(&t, e, p);
        assert_ptr_equal(crowd_table_find(&t, text(round % 7 + 1)), e);
        assert_people(&t, e, CROWD_MAX_PEOPLE);
        assert_no_block_is_lost(&t);
    }
    crowd_table_done(&t);
}

static void nobody_beyond_the_maximum_is_counted(void **state) {
    struct crowd_table t;
    assert_true(crowd_table_init(&t, 8));
    struct crowd_entry *e = crowd_table_enter(&t, text(1));
    for (uint32_t p = 1; p <= CROWD_MAX_PEOPLE + 100; p++)
        crowd_table_count(&t, e, p);
    assert_people(&t, e, CROWD_MAX_PEOPLE);
    crowd_table_done(&t);
}

/* When all blocks belong to pending texts, others keep what they have and count nobody more. */
static void pending_chains_are_left_alone(void **state) {
    struct crowd_table t;
    assert_true(crowd_table_init(&t, 64));
    struct crowd_entry *late = crowd_table_enter(&t, text(99));
    for (uint32_t p = 1; p <= 3; p++)
        crowd_table_count(&t, late, p);
    for (uint64_t i = 1; i <= 3; i++) {
        struct crowd_entry *e = crowd_table_enter(&t, text(i));
        e->pending = 1;
        for (uint32_t p = 1; p <= CROWD_MAX_PEOPLE; p++)
            crowd_table_count(&t, e, p);
    }
    crowd_table_count(&t, late, 4);
    assert_people(&t, late, 3);
    assert_no_block_is_lost(&t);
    crowd_table_done(&t);
}

static void random_use_loses_no_block(void **state) {
    struct crowd_table t;
    uint64_t seed = 1;
    assert_true(crowd_table_init(&t, 256));
    for (int step = 0; step < 300000; step++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        struct id128 h = text((seed >> 50) % 600 + 1);
        struct crowd_entry *e = crowd_table_find(&t, h);
        if (!e) e = crowd_table_enter(&t, h);
        crowd_table_count(&t, e, (uint32_t)(seed >> 33) % 400);
        if (seed >> 60 == 0 && step % 8 == 0) crowd_table_drop(&t, e);
        if (step % 10000 == 0) assert_no_block_is_lost(&t);
    }
    assert_no_block_is_lost(&t);
    crowd_table_done(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_of_every_length_hold_each_person_once),
        cmocka_unit_test(a_full_pool_takes_from_others_and_never_from_the_asker),
        cmocka_unit_test(nobody_beyond_the_maximum_is_counted),
        cmocka_unit_test(pending_chains_are_left_alone),
        cmocka_unit_test(random_use_loses_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
