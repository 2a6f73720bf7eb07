/* The verdicts: who counts, when a text becomes readable, and that it never does early. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "crowd/crowd.h"

static struct id128 text(uint64_t number) {
    static const struct seal_keys keys = {.hash = {1, 2, 3}};
    struct str value = {(const char *)&number, sizeof number};
    return seal_hash(&keys, TEXT_VALUE, TEXT_STRING, STR("p"), value);
}

static uint64_t person(uint64_t number) {
    static const struct seal_keys keys = {.count = {7}};
    return seal_person_fingerprint(&keys, (struct str){(const char *)&number, sizeof number});
}

/* People from..to-1 send it; gives the last verdict. */
static enum crowd_verdict seen_by(struct crowd *c, struct id128 h, uint64_t from, uint64_t to,
                                  uint32_t needed) {
    enum crowd_verdict v = CROWD_SEALED;
    for (uint64_t i = from; i < to; i++)
        v = crowd_see(c, h, person(i), needed);
    return v;
}

static void k_minus_one_is_sealed_and_k_becomes_readable(void **state) {
    static const uint32_t ks[] = {2, 3, 4, 5, 10, 14, 15, 50, 1000, 5000};
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
        AUTO(crowd_free) struct crowd *c = crowd_new(1024);
        for (uint64_t p = 0; p + 1 < ks[i]; p++)
            assert_int_equal(crowd_see(c, text(1), person(p), ks[i]), CROWD_SEALED);
        assert_int_equal(crowd_see(c, text(1), person(ks[i]), ks[i]), CROWD_BECOMES);
        assert_false(crowd_is_readable(c, text(1)));
        crowd_commit(c);
        assert_true(crowd_is_readable(c, text(1)));
        assert_int_equal(crowd_see(c, text(1), person(0), ks[i]), CROWD_KNOWN);
        assert_int_equal(crowd_candidates_n(c), 0);
        assert_int_equal(crowd_readable_n(c), 1);
    }
}

static void one_person_counts_once_however_often_they_send(void **state) {
    static const uint32_t ks[] = {2, 4, 10, 100};
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
        AUTO(crowd_free) struct crowd *c = crowd_new(1024);
        for (int round = 0; round < 50; round++)
            assert_int_equal(seen_by(c, text(1), 0, ks[i] - 1, ks[i]), CROWD_SEALED);
        assert_int_equal(crowd_see(c, text(1), person(ks[i]), ks[i]), CROWD_BECOMES);
    }
}

static void nobody_never_counts_and_leaves_no_trace(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    for (int i = 0; i < 100; i++)
        assert_int_equal(crowd_see(c, text(1), 0, 2), CROWD_SEALED);
    assert_int_equal(crowd_candidates_n(c), 0);
    assert_int_equal(crowd_see(c, text(1), person(1), 2), CROWD_SEALED);
    assert_int_equal(crowd_see(c, text(1), 0, 2), CROWD_SEALED);
}

static void texts_are_counted_apart(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(4096);
    for (uint64_t p = 0; p < 9; p++)
        for (uint64_t t = 0; t < 100; t++)
            assert_int_equal(crowd_see(c, text(t), person(p), 10), CROWD_SEALED);
    assert_int_equal(crowd_see(c, text(5), person(9), 10), CROWD_BECOMES);
    crowd_commit(c);
    assert_int_equal(crowd_see(c, text(6), person(0), 10), CROWD_SEALED);
    assert_int_equal(crowd_readable_n(c), 1);
}

static void a_place_needs_five_times_as_many(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    uint32_t needed = CROWD_DEFAULT_K * CROWD_PLACE_FACTOR;
    assert_int_equal(seen_by(c, text(1), 0, needed - 1, needed), CROWD_SEALED);
    assert_int_equal(crowd_see(c, text(1), person(needed), needed), CROWD_BECOMES);
}

/* All frames of one commit group carry it readable; only the commit makes it known. */
static void a_pending_text_is_carried_readable_by_everyone_until_commit(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    assert_int_equal(seen_by(c, text(1), 0, 10, 10), CROWD_BECOMES);
    assert_int_equal(crowd_see(c, text(1), person(0), 10), CROWD_BECOMES);
    assert_int_equal(crowd_see(c, text(1), 0, 10), CROWD_BECOMES);
    assert_false(crowd_is_readable(c, text(1)));
    crowd_commit(c);
    assert_int_equal(crowd_see(c, text(1), 0, 10), CROWD_KNOWN);
}

static void after_an_abort_it_is_not_readable_and_the_next_sight_tries_again(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    for (int round = 0; round < 5; round++) {
        assert_int_equal(seen_by(c, text(1), 0, 10, 10), CROWD_BECOMES);
        crowd_abort(c);
        assert_false(crowd_is_readable(c, text(1)));
        assert_int_equal(crowd_readable_n(c), 0);
        assert_int_equal(crowd_candidates_n(c), 1);
    }
    assert_int_equal(crowd_see(c, text(1), person(3), 10), CROWD_BECOMES);
    crowd_commit(c);
    assert_true(crowd_is_readable(c, text(1)));
    crowd_abort(c);
    assert_true(crowd_is_readable(c, text(1)));
}

static void an_abort_leaves_what_was_committed_before(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    seen_by(c, text(1), 0, 10, 10);
    crowd_commit(c);
    seen_by(c, text(2), 0, 10, 10);
    crowd_abort(c);
    crowd_commit(c);
    assert_true(crowd_is_readable(c, text(1)));
    assert_false(crowd_is_readable(c, text(2)));
}

static void a_raised_k_seals_and_a_lowered_one_opens_what_is_not_readable_yet(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    assert_int_equal(seen_by(c, text(1), 0, 10, 10), CROWD_BECOMES);
    crowd_abort(c);
    assert_int_equal(seen_by(c, text(1), 0, 19, 20), CROWD_SEALED);
    assert_int_equal(crowd_see(c, text(1), person(0), 5), CROWD_BECOMES);
}

static void admitted_texts_become_once_and_are_known_after_commit(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    assert_int_equal(crowd_admit(c, text(1)), CROWD_BECOMES);
    assert_int_equal(crowd_admit(c, text(1)), CROWD_BECOMES);
    crowd_abort(c);
    assert_false(crowd_is_readable(c, text(1)));
    assert_int_equal(crowd_admit(c, text(1)), CROWD_BECOMES);
    crowd_commit(c);
    assert_int_equal(crowd_admit(c, text(1)), CROWD_KNOWN);
    assert_int_equal(crowd_see(c, text(1), 0, 10), CROWD_KNOWN);
}

static void admitting_a_candidate_takes_it_out_of_the_table(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    seen_by(c, text(1), 0, 5, 10);
    assert_int_equal(crowd_admit(c, text(1)), CROWD_BECOMES);
    crowd_commit(c);
    assert_int_equal(crowd_candidates_n(c), 0);
}

static void a_text_met_in_a_durable_frame_is_known(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    seen_by(c, text(1), 0, 5, 10);
    assert_int_equal(crowd_add(c, text(1)).code, ERR_OK);
    assert_int_equal(crowd_add(c, text(1)).code, ERR_OK);
    assert_int_equal(crowd_see(c, text(1), person(0), 10), CROWD_KNOWN);
    assert_int_equal(crowd_candidates_n(c), 0);
    assert_int_equal(crowd_add(c, (struct id128){{0}}).code, ERR_INVALID);
}

static void the_zero_hash_is_never_readable(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    struct id128 zero = {{0}};
    assert_int_equal(seen_by(c, zero, 0, 50, 10), CROWD_SEALED);
    assert_int_equal(crowd_admit(c, zero), CROWD_SEALED);
    assert_false(crowd_is_readable(c, zero));
}

/* A flood of texts in a small table: nothing that fewer than k sent may pass, and what k send in a
 * row still does. */
static void flooding_only_delays(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(256);
    uint64_t flood = 1000;
    for (uint64_t p = 0; p < 9; p++) {
        assert_int_equal(crowd_see(c, text(1), person(p), 10), CROWD_SEALED);
        for (int i = 0; i < 5000; i++)
            assert_int_equal(crowd_see(c, text(flood++), person(p + 100), 10), CROWD_SEALED);
    }
    assert_true(crowd_candidates_n(c) <= 256);
    crowd_abort(c);
    assert_int_equal(crowd_readable_n(c), 0);
    assert_int_equal(seen_by(c, text(1), 20, 30, 10), CROWD_BECOMES);
}

/* Credit: with five people a text outlasts a flood of some 20 strangers for each bucket of 8; with
 * one it does not. */
static void a_growing_text_outlasts_a_flood_that_sweeps_one_time_texts_away(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    seen_by(c, text(1), 0, 5, 10);
    seen_by(c, text(2), 0, 1, 2);
    for (uint64_t flood = 1000; flood < 3500; flood++)
        crowd_see(c, text(flood), person(flood), 10);
    assert_int_equal(seen_by(c, text(1), 5, 10, 10), CROWD_BECOMES);
    assert_int_equal(crowd_see(c, text(2), person(1), 2), CROWD_SEALED);
}

/* Places of k = 1,000 have 5,000 people each; more of them than the pool holds, so that they evict
 * each other's people. */
static void large_crowds_fit_bounded_memory_and_are_never_early(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    for (uint64_t p = 0; p < 4999; p++)
        for (uint64_t t = 0; t < 6; t++)
            assert_int_equal(crowd_see(c, text(t), person(p), 5000), CROWD_SEALED);
    for (uint64_t t = 0; t < 6; t++) {
        assert_int_equal(seen_by(c, text(t), 0, 5000, 5000), CROWD_BECOMES);
        crowd_commit(c);
    }
}

/* Everything in the bucket pending: new texts wait, pending ones stay. */
static void pending_texts_are_never_evicted(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(8);
    for (uint64_t t = 0; t < 8; t++)
        assert_int_equal(seen_by(c, text(t), 0, 2, 2), CROWD_BECOMES);
    for (uint64_t t = 100; t < 200; t++)
        assert_int_equal(seen_by(c, text(t), 0, 5, 2), CROWD_SEALED);
    crowd_abort(c);
    for (uint64_t t = 0; t < 8; t++)
        assert_int_equal(crowd_see(c, text(t), person(0), 2), CROWD_BECOMES);
    crowd_commit(c);
    assert_int_equal(crowd_readable_n(c), 8);
}

static void many_texts_stay_exact_while_the_set_grows(void **state) {
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    for (uint64_t t = 0; t < 100000; t++) {
        assert_int_equal(crowd_admit(c, text(t)), CROWD_BECOMES);
        if (t % 1000 == 999) crowd_commit(c);
    }
    assert_int_equal(crowd_readable_n(c), 100000);
    for (uint64_t t = 0; t < 100000; t++)
        assert_true(crowd_is_readable(c, text(t)));
    for (uint64_t t = 100000; t < 200000; t++)
        assert_false(crowd_is_readable(c, text(t)));
}

/* Against the obvious model: a table of bits, with commits and aborts at random. The table is big
 * enough to forget nothing. */
static void verdicts_agree_with_the_obvious_model(void **state) {
    enum { TEXTS = 40, PEOPLE = 64, STEPS = 200000 };
    AUTO(crowd_free) struct crowd *c = crowd_new(4096);
    uint64_t people[TEXTS] = {0}, seed = 1;
    bool readable[TEXTS] = {0}, pending[TEXTS] = {0};
    for (int step = 0; step < STEPS; step++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t t = (size_t)(seed >> 40) % TEXTS;
        uint64_t p = (seed >> 20) % PEOPLE;
        uint32_t needed = 2 + (uint32_t)t;
        if (!readable[t] && !pending[t] && (uint32_t)__builtin_popcountll(people[t]) < needed)
            people[t] |= UINT64_C(1) << p;
        bool enough = (uint32_t)__builtin_popcountll(people[t]) >= needed;
        enum crowd_verdict expected = readable[t]            ? CROWD_KNOWN
                                      : pending[t] || enough ? CROWD_BECOMES
                                                             : CROWD_SEALED;
        assert_int_equal(crowd_see(c, text(t), person(p), needed), expected);
        pending[t] = expected == CROWD_BECOMES;
        if (seed >> 58 == 0) {
            for (size_t i = 0; i < TEXTS; i++)
                readable[i] = readable[i] || pending[i];
            crowd_commit(c);
        } else if (seed >> 58 < 4) {
            crowd_abort(c);
        } else {
            continue;
        }
        memset(pending, 0, sizeof pending);
    }
}

/* A bound that only catches a changed order of growth: the machine may be busy. */
static void a_known_text_costs_tens_of_nanoseconds(void **state) {
    enum { TEXTS = 20000, SIGHTS = 2000000 };
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    static struct id128 texts[TEXTS];
    for (uint64_t t = 0; t < TEXTS; t++) {
        texts[t] = text(t);
        assert_int_equal(crowd_add(c, texts[t]).code, ERR_OK);
    }
    int64_t start_us = time_monotonic_us();
    size_t known = 0;
    for (size_t i = 0; i < SIGHTS; i++)
        known += crowd_see(c, texts[i * 7919 % TEXTS], 1, 10) == CROWD_KNOWN;
    int64_t took_us = time_monotonic_us() - start_us;
    printf("crowd_see, known text: %.1f ns\n", (double)took_us * 1000 / SIGHTS);
    assert_int_equal(known, SIGHTS);
    assert_true(took_us < 2 * US_PER_S);
}

int main(void) {
    if (seal_start().code != ERR_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k_minus_one_is_sealed_and_k_becomes_readable),
        cmocka_unit_test(one_person_counts_once_however_often_they_send),
        cmocka_unit_test(nobody_never_counts_and_leaves_no_trace),
        cmocka_unit_test(texts_are_counted_apart),
        cmocka_unit_test(a_place_needs_five_times_as_many),
        cmocka_unit_test(a_pending_text_is_carried_readable_by_everyone_until_commit),
        cmocka_unit_test(after_an_abort_it_is_not_readable_and_the_next_sight_tries_again),
        cmocka_unit_test(an_abort_leaves_what_was_committed_before),
        cmocka_unit_test(a_raised_k_seals_and_a_lowered_one_opens_what_is_not_readable_yet),
        cmocka_unit_test(admitted_texts_become_once_and_are_known_after_commit),
        cmocka_unit_test(admitting_a_candidate_takes_it_out_of_the_table),
        cmocka_unit_test(a_text_met_in_a_durable_frame_is_known),
        cmocka_unit_test(the_zero_hash_is_never_readable),
        cmocka_unit_test(flooding_only_delays),
        cmocka_unit_test(a_growing_text_outlasts_a_flood_that_sweeps_one_time_texts_away),
        cmocka_unit_test(large_crowds_fit_bounded_memory_and_are_never_early),
        cmocka_unit_test(pending_texts_are_never_evicted),
        cmocka_unit_test(many_texts_stay_exact_while_the_set_grows),
        cmocka_unit_test(verdicts_agree_with_the_obvious_model),
        cmocka_unit_test(a_known_text_costs_tens_of_nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
