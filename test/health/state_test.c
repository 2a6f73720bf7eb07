/* A detector as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

static void save(const struct health_detector *d, struct buf *b) {
    struct health_setup setup = health_setup_of(d);
    buf_init(b, health_state_max_bytes(&setup));
    assert_int_equal(health_save(d, b).code, ERR_OK);
}

static int32_t restore(const struct buf *b) {
    AUTO(health_detector_free) struct health_detector *d = NULL;
    return health_restore(buf_str(b), &d).code;
}

static void same_news(const struct health_news *a, const struct health_news *b) {
    assert_true(a->prealarm == b->prealarm && a->opened == b->opened && a->closed == b->closed);
    const struct health_evidence *x = &a->evidence, *y = &b->evidence;
    assert_true(x->series == y->series && x->window == y->window && x->seen == y->seen);
    assert_true(x->onset_us == y->onset_us);
    assert_memory_equal(&x->z, &y->z, sizeof x->z);
    assert_memory_equal(&x->expected, &y->expected, sizeof x->expected);
}

static void same_bytes(const struct health_detector *a, const struct health_detector *b) {
    AUTO(buf_done) struct buf x, y;
    save(a, &x);
    save(b, &y);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.p, y.p, x.n);
}

/* One rig restarts after each so many ticks, the other never; both see the same, with an outage in
 * the middle. */
static void live_the_same(enum health_kind kind, int warm_ticks, int ticks, int restart_each) {
    struct rig a, b;
    rig_begin(&a, kind, 4);
    rig_begin(&b, kind, 4);
    rig_run(&a, warm_ticks);
    rig_run(&b, warm_ticks);
    for (int k = 0; k < ticks; k++) {
        a.rate = b.rate = k > ticks / 4 && k < ticks / 3 ? (kind == HEALTH_EVENTS ? 0.2 : 40) : 4;
        if (k % restart_each == 0) rig_restart(&b);
        rig_run(&a, 1);
        rig_run(&b, 1);
        same_news(&a.news, &b.news);
        for (uint16_t i = 0; i < RIG_SERIES; i++) {
            uint8_t w;
            double x = health_score(a.d, i, &w), y = health_score(b.d, i, &w);
            assert_memory_equal(&x, &y, sizeof x);
        }
    }
    same_bytes(a.d, b.d);
    if (kind != HEALTH_ERRORS) assert_true(a.opened_n > 0 && a.closed_n > 0);
    rig_end(&a);
    rig_end(&b);
}

static void a_restored_detector_has_the_same_future(void **state) {
    live_the_same(HEALTH_REPORTS, 5 * TICKS_PER_WEEK, 3000, 1);
    live_the_same(HEALTH_REPORTS, 100, 10 * 8640, 997);
    live_the_same(HEALTH_EVENTS, 3 * TICKS_PER_WEEK, 3000, 7);
    live_the_same(HEALTH_ERRORS, 3 * TICKS_PER_WEEK, 3000, 7);
}

static void a_fresh_and_a_forgetful_detector_are_states_too(void **state) {
    for (uint16_t subs = 0; subs <= HEALTH_SUBS_MAX; subs = (uint16_t)(subs + 51)) {
        struct health_setup setup = {HEALTH_REPORTS, subs, false};
        AUTO(health_detector_free)
        struct health_detector *d = health_detector_new(&setup), *e = NULL;
        AUTO(buf_done) struct buf b;
        save(d, &b);
        assert_int_equal(health_restore(buf_str(&b), &e).code, ERR_OK);
        assert_int_equal(health_setup_of(e).subs_n, subs);
        same_bytes(d, e);
    }
    struct rig r;
    rig_begin(&r, HEALTH_ERRORS, 4);
    rig_run(&r, 20000);
    health_forget(r.d);
    rig_restart(&r);
    rig_run(&r, 10);
    rig_end(&r);
}

static void the_largest_state_fits_its_stated_maximum(void **state) {
    for (int kind = HEALTH_REPORTS; kind <= HEALTH_ERRORS; kind++) {
        struct rig r;
        rig_begin(&r, (enum health_kind)kind, 4);
        for (int k = 0; k < 9000; k++)
            rig_tick(&r, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
        rig_restart(&r);
        rig_run(&r, 9000);
        rig_restart(&r);
        rig_end(&r);
    }
}

static void cut_or_changed_bytes_are_refused(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 4);
    rig_run(&r, 20000);
    AUTO(buf_done) struct buf b;
    save(r.d, &b);
    assert_int_equal(restore(&b), ERR_OK);
    size_t whole = b.n;
    for (b.n = 0; b.n < whole; b.n += b.n < 64 ? 1 : 977)
        assert_int_equal(restore(&b), ERR_CORRUPT);
    b.n = whole;
    for (size_t k = 0; k < whole; k += k < 64 ? 1 : 977) {
        b.p[k] ^= 4;
        assert_int_not_equal(restore(&b), ERR_OK);
        b.p[k] ^= 4;
    }
    assert_int_equal(restore(&b), ERR_OK);
    rig_end(&r);
}

static void seal(struct buf *b) {
    uint64_t sum = checksum64(b->p, b->n - 8);
    memcpy(b->p + b->n - 8, &sum, 8);
}

static void another_version_is_refused_as_such(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 4);
    AUTO(buf_done) struct buf b;
    save(r.d, &b);
    b.p[8] = 2;
    seal(&b);
    assert_int_equal(restore(&b), ERR_INVALID);
    b.p[8] = 1;
    b.p[10] = 3;
    seal(&b);
    assert_int_equal(restore(&b), ERR_CORRUPT);
    rig_end(&r);
}

/* Bytes at random places, with a right checksum: refused, or a detector that works. */
static void wrong_fields_do_no_harm(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 4);
    rig_run(&r, 3 * 8640);
    AUTO(buf_done) struct buf b;
    save(r.d, &b);
    uint32_t taken = 0;
    for (uint32_t k = 0; k < 400; k++) {
        size_t at = 14 + (k * 2654435761U) % (b.n - 22);
        char before = b.p[at];
        b.p[at] = (char)(k * 37);
        seal(&b);
        AUTO(health_detector_free) struct health_detector *d = NULL;
        struct err e = health_restore(buf_str(&b), &d);
        taken += e.code == ERR_OK;
        struct health_news news;
        for (int t = 0; d && t < 100; t++)
            health_tick(d, r.now_us + t * HEALTH_TICK_US, (uint32_t[4]){9, 4, 3, 2}, NULL, &news);
        b.p[at] = before;
    }
    assert_true(taken > 0);
    rig_end(&r);
}

static void a_full_buffer_is_told(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 4);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1000);
    assert_int_not_equal(health_save(r.d, &b).code, ERR_OK);
    rig_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_detector_has_the_same_future),
        cmocka_unit_test(a_fresh_and_a_forgetful_detector_are_states_too),
        cmocka_unit_test(the_largest_state_fits_its_stated_maximum),
        cmocka_unit_test(cut_or_changed_bytes_are_refused),
        cmocka_unit_test(another_version_is_refused_as_such),
        cmocka_unit_test(wrong_fields_do_no_harm),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
