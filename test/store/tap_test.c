/* The tap: each frame once, in order, across failed follows, flushes and restarts. */
#include "rig.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct seen {
    uint64_t ends[200];
    size_t n, events;
};

static void take(void *ctx, struct frame *f, uint64_t end) {
    struct seen *s = ctx;
    struct frame_event event;
    struct frame_profile op;
    enum frame_record_type type;
    assert_true(s->n == 0 || end > s->ends[s->n - 1]);
    s->ends[s->n++] = end;
    while ((type = frame_next(f, &event, &op)))
        s->events += type == RECORD_EVENT;
}

static uint64_t synced(void *ctx) {
    return atomic_load(&((struct rig *)ctx)->synced);
}

/* The rig's store is opened anew with a tap from `from`. */
static void reopen(struct rig *r, struct seen *s, uint64_t from) {
    struct store_config c = {.data_folder = r->folder,
                             .meta = r->meta,
                             .synced = synced,
                             .synced_ctx = r,
                             .wake_fd = -1};
    struct store_tap tap = {.ctx = s, .from = from, .take = take};
    store_close(r->store);
    assert_ok(store_open(&c, &r->store));
    store_tap(r->store, &tap);
    assert_ok(store_start(r->store));
    assert_ok(store_wait_visible(r->store, r->synced, 10000));
}

static void put(struct rig *r, int n) {
    for (int i = 0; i < n; i++) {
        rig_begin(r);
        rig_event(r, (struct rig_event){.name = "Play", .who = "u", .time_s = 1780272000 + i});
        rig_commit(r);
    }
}

static void each_frame_is_shown_once_across_restarts(void **state) {
    struct rig r;
    struct seen s = {0};
    rig_start(&r);
    reopen(&r, &s, STORE_TAP_NOW);
    put(&r, 10);
    assert_int_equal(s.events, 10);
    assert_true(store_tap_is_current(r.store));
    uint64_t middle = s.ends[4];
    rig_flush(&r); /* parts hold them: the follower begins behind them */
    put(&r, 5);
    struct seen again = {0};
    reopen(&r, &again, middle);
    assert_int_equal(again.events, 10);
    assert_memory_equal(again.ends, s.ends + 5, 10 * sizeof *s.ends);
    put(&r, 3);
    assert_int_equal(again.events, 13);
    struct seen now = {0};
    reopen(&r, &now, again.ends[again.n - 1]);
    assert_int_equal(now.events, 0);
    assert_true(store_tap_is_current(r.store));
    rig_close(&r);
    rig_remove(&r);
}

/* What the journal no longer has is passed over. */
static void a_position_that_is_gone_begins_with_what_is_there(void **state) {
    struct rig r;
    struct seen s = {0};
    char folder[200];
    rig_start(&r);
    put(&r, 4);
    rig_flush(&r);
    assert_ok(journal_rotate(r.journal));
    snprintf(folder, sizeof folder, "%s/journal", r.folder);
    assert_ok(journal_delete_below(folder, store_position(r.store)));
    reopen(&r, &s, 1);
    put(&r, 2);
    assert_int_equal(s.events, 2);
    rig_close(&r);
    rig_remove(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_is_shown_once_across_restarts),
        cmocka_unit_test(a_position_that_is_gone_begins_with_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
