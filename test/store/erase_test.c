/* Erasing a person, cut short at each of its steps: what came before the moment of the erasure
 * goes, what came after stays, and nothing says done before it is. */
#include "rig.h"

#include "store/internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define T0 INT64_C(1780272000) /* 2026-06-01 */

/* A front that may be away. */
struct away {
    struct rig *rig;
    _Atomic bool rotate, reread;
    _Atomic int asked;
};

static struct err rotate(void *ctx) {
    struct away *a = ctx;
    a->asked++;
    return a->rotate ? ERR(ERR_TIMEOUT, "away") : journal_rotate(a->rig->journal);
}

static struct err reread(void *ctx) {
    struct away *a = ctx;
    a->asked++;
    return a->reread ? ERR(ERR_TIMEOUT, "away") : ERR_NONE;
}

static struct away front;

/* The store reads front before it needs it: nothing is to be erased yet, or the last run is undone.
 */
static void attend(struct rig *r) {
    front.rig = r;
    const struct store_front f = {rotate, reread, &front};
    store_attend(r->store, &f);
}

static int start(void **state) {
    static struct rig r;
    front = (struct away){0};
    rig_start(&r);
    attend(&r);
    *state = &r;
    return 0;
}

static int stop(void **state) {
    rig_close(*state);
    rig_remove(*state);
    return 0;
}

static void put(struct rig *r, const char *who, const char *device, int n, int64_t from_s) {
    rig_begin(r);
    for (int i = 0; i < n; i++)
        rig_event(r, (struct rig_event){"Play", who, device, T0 + from_s + i, NULL, "note",
                                        "only-theirs", true});
    rig_commit(r);
}

static void ask_for(struct rig *r, const char *who, char id[STORE_ERASURE_CHARS]) {
    struct str ids[] = {str_z(who)};
    const struct store_erasure e = {
        .project = r->project.id, .ids = ids, .n = 1, .root = r->root, .by = STR("test")};
    assert_ok(store_erase(r->store, &e, id));
}

static const char *told(struct rig *r, const char *id) {
    static char text[8192]; /* a test's own, one thread */
    AUTO(buf_done) struct buf out;
    struct jout j;
    buf_init(&out, sizeof text - 1);
    jout_init(&j, &out);
    assert_ok(store_erasure_write(r->store, r->project.id, str_z(id), &j));
    memcpy(text, out.p, out.n);
    text[out.n] = 0;
    return text;
}

static void wait_until(struct rig *r, const char *id, const char *what) {
    for (int i = 0; i < 400; i++) {
        if (strstr(told(r, id), what)) return;
        struct timespec pause = {.tv_nsec = 25000000};
        nanosleep(&pause, NULL);
    }
    fail_msg("never: %s in %s", what, told(r, id));
}

static void wait_asked(int n) {
    for (int i = 0; i < 400 && front.asked < n; i++) {
        struct timespec pause = {.tv_nsec = 25000000};
        nanosleep(&pause, NULL);
    }
    assert_true(front.asked >= n);
}

/* Reopens as it is after a crash: with the front as it is now. */
static void reopen(struct rig *r) {
    rig_close(r);
    r->attend = attend;
    rig_open(r);
}

static void all_devices_of_a_person_go_and_others_stay(void **state) {
    struct rig *r = *state;
    char id[STORE_ERASURE_CHARS];
    put(r, NULL, "phone", 3, 0);
    rig_flush(r);
    put(r, "ann", "phone", 1, 10);
    put(r, NULL, "phone", 2, 20);
    put(r, "ben", NULL, 5, 30);
    rig_begin(r);
    rig_user_set(r, "ann", "mail", "ann@example", false);
    rig_user_set(r, "ben", "mail", "ben@example", false);
    rig_commit(r);
    ask_for(r, "ann", id);
    wait_until(r, id, "\"state\":\"done\"");
    assert_non_null(strstr(told(r, id), "\"events\":6,\"device_ids\":1,\"profiles\":1"));
    assert_int_equal((int)rig_total(r, "Play", "total"), 5);
    assert_non_null(
        strstr(rig_ask(r, true, "{\"project\":1,\"report\":\"users\"}"), "\"total\":1"));
    reopen(r);
    assert_int_equal((int)rig_total(r, "Play", "total"), 5);
}

static void what_comes_after_the_moment_stays_whatever_happens(void **state) {
    struct rig *r = *state;
    char id[STORE_ERASURE_CHARS];
    put(r, "ann", "phone", 4, 0);
    put(r, "ben", NULL, 3, 0);
    front.rotate = true; /* the moment is written down, and no further */
    ask_for(r, "ann", id);
    wait_asked(1);
    put(r, "ann", "phone", 2, 50); /* sent again */
    assert_non_null(strstr(told(r, id), "running"));
    front.rotate = false;
    reopen(r); /* the journal of both sides is read again */
    wait_until(r, id, "\"state\":\"done\"");
    assert_non_null(strstr(told(r, id), "\"events\":4,"));
    assert_int_equal((int)rig_total(r, "Play", "total"), 5);
    reopen(r);
    assert_int_equal((int)rig_total(r, "Play", "total"), 5);
    assert_int_equal((int)rig_total(r, "Play", "unique"), 2);
}

static bool has_word(struct rig *r, const char *value) {
    struct id128 h = seal_hash(&r->keys, TEXT_VALUE, TEXT_STRING, STR("note"), str_z(value));
    return project_is_readable(r->store->projects[0], h);
}

static void a_word_goes_only_when_nobody_has_it_and_the_front_has_forgotten_it(void **state) {
    struct rig *r = *state;
    char id[STORE_ERASURE_CHARS], path[4200];
    put(r, "ann", NULL, 4, 0);
    rig_begin(r);
    rig_event(r, (struct rig_event){"Play", "ann", NULL, T0, NULL, "note", "shared", true});
    rig_event(r, (struct rig_event){"Play", "ben", NULL, T0, NULL, "note", "shared", true});
    rig_commit(r);
    front.reread = true;
    ask_for(r, "ann", id);
    wait_asked(2);
    assert_true(has_word(r, "only-theirs"));
    snprintf(path, sizeof path, "%s/front/crowd-1.forget", r->folder);
    assert_int_equal(access(path, F_OK), 0);
    front.reread = false;
    reopen(r); /* rows are gone, words are not */
    wait_until(r, id, "\"state\":\"done\"");
    assert_false(has_word(r, "only-theirs"));
    assert_true(has_word(r, "shared"));
    assert_int_equal(access(path, F_OK), -1);
    assert_non_null(strstr(told(r, id), "\"words\":1,"));
}

static void a_word_that_comes_again_meanwhile_stays(void **state) {
    struct rig *r = *state;
    char id[STORE_ERASURE_CHARS];
    put(r, "ann", NULL, 4, 0);
    front.reread = true;
    ask_for(r, "ann", id);
    wait_asked(2);
    put(r, "cleo", NULL, 1, 0); /* the same text, readable in its frame */
    front.reread = false;
    wait_until(r, id, "\"state\":\"done\"");
    assert_true(has_word(r, "only-theirs"));
    assert_non_null(strstr(
        rig_ask(
            r, false,
            "{\"project\":1,\"report\":\"events\",\"from\":\"2026-06-01\",\"to\":\"2026-06-02\"}"),
        "only-theirs"));
}

static void many_people_are_erased_one_after_another(void **state) {
    struct rig *r = *state;
    char id[5][STORE_ERASURE_CHARS], who[8];
    for (int i = 0; i < 10; i++) {
        snprintf(who, sizeof who, "p%d", i);
        put(r, who, NULL, 2, i);
    }
    for (int i = 0; i < 5; i++) {
        snprintf(who, sizeof who, "p%d", i);
        ask_for(r, who, id[i]);
    }
    for (int i = 0; i < 5; i++)
        wait_until(r, id[i], "\"state\":\"done\"");
    assert_int_equal((int)rig_total(r, "Play", "total"), 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_devices_of_a_person_go_and_others_stay, start, stop),
        cmocka_unit_test_setup_teardown(what_comes_after_the_moment_stays_whatever_happens, start,
                                        stop),
        cmocka_unit_test_setup_teardown(
            a_word_goes_only_when_nobody_has_it_and_the_front_has_forgotten_it, start, stop),
        cmocka_unit_test_setup_teardown(a_word_that_comes_again_meanwhile_stays, start, stop),
        cmocka_unit_test_setup_teardown(many_people_are_erased_one_after_another, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
