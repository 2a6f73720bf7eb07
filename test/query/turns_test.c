/* Turns: who has computed least goes first, nobody waits for ever, and a cancelled question does
 * not wait at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <time.h>

#include "query/turns.h"

static void sleep_ms(int ms) {
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}

struct guest {
    struct query_limits limits;
    struct query_turn turn;
    pthread_t thread;
    atomic_int *order; /* counts who was let in */
    int place;
    int64_t waited_us;
};

static void *enter(void *arg) {
    struct guest *g = arg;
    int64_t began = time_monotonic_us();
    turn_take(&g->turn);
    g->waited_us = time_monotonic_us() - began;
    g->place = atomic_fetch_add(g->order, 1) + 1;
    turn_give(&g->turn);
    return NULL;
}

static void guest_start(struct guest *g, struct query_turns *all, atomic_int *order,
                        unsigned used) {
    g->limits.turns = all;
    g->order = order;
    turn_init(&g->turn, &g->limits);
    atomic_store(&g->turn.used, used);
    assert_int_equal(pthread_create(&g->thread, NULL, enter, g), 0);
    sleep_ms(20);
}

static void who_has_used_least_goes_first(void **state) {
    (void)state;
    struct query_turns *all = query_turns_new(1);
    struct guest holder = {.place = 0}, many = {.place = 0}, few = {.place = 0},
                 none = {.place = 0};
    atomic_int order = 0;
    holder.limits.turns = all;
    turn_init(&holder.turn, &holder.limits);
    turn_take(&holder.turn);
    guest_start(&many, all, &order, 1000);
    guest_start(&few, all, &order, 10);
    guest_start(&none, all, &order, 0);
    turn_give(&holder.turn);
    pthread_join(many.thread, NULL);
    pthread_join(few.thread, NULL);
    pthread_join(none.thread, NULL);
    assert_int_equal(none.place, 1);
    assert_int_equal(few.place, 2);
    assert_int_equal(many.place, 3);
    query_turns_free(all);
}

static void a_long_one_lets_a_short_one_in_and_comes_back(void **state) {
    (void)state;
    struct query_turns *all = query_turns_new(1);
    struct guest holder = {.place = 0}, guest = {.place = 0};
    atomic_int order = 0;
    holder.limits.turns = all;
    turn_init(&holder.turn, &holder.limits);
    turn_take(&holder.turn);
    for (int i = 0; i < 100; i++)
        turn_pass(&holder.turn); /* nobody waits: it goes on */
    guest_start(&guest, all, &order, 0);
    assert_int_equal(atomic_load(&order), 0);
    turn_pass(&holder.turn); /* returns when it is its turn again */
    pthread_join(guest.thread, NULL);
    assert_int_equal(atomic_load(&order), 1);
    turn_give(&holder.turn);
    query_turns_free(all);
}

static void who_has_waited_long_goes_before_the_new(void **state) {
    (void)state;
    struct query_turns *all = query_turns_new(1);
    struct guest holder = {.place = 0}, old = {.place = 0}, young = {.place = 0};
    atomic_int order = 0;
    holder.limits.turns = all;
    turn_init(&holder.turn, &holder.limits);
    turn_take(&holder.turn);
    guest_start(&old, all, &order, 1000000);
    sleep_ms(350);
    guest_start(&young, all, &order, 0);
    turn_give(&holder.turn);
    pthread_join(old.thread, NULL);
    pthread_join(young.thread, NULL);
    assert_int_equal(old.place, 1);
    query_turns_free(all);
}

static bool has_left(void *ctx) {
    return *(bool *)ctx;
}

static void a_cancelled_question_does_not_wait_and_takes_no_turn_away(void **state) {
    (void)state;
    struct query_turns *all = query_turns_new(1);
    bool left = true;
    struct guest holder = {.place = 0}, guest = {.limits = {.gone = has_left, .gone_ctx = &left}};
    struct guest last = {.place = 0};
    atomic_int order = 0;
    holder.limits.turns = all;
    turn_init(&holder.turn, &holder.limits);
    turn_take(&holder.turn);
    guest_start(&guest, all, &order, 0);
    pthread_join(guest.thread, NULL);
    assert_true(guest.waited_us < 1000000);
    assert_true(turn_cancelled(&guest.turn));
    turn_give(&holder.turn);
    guest_start(&last, all, &order, 0);
    pthread_join(last.thread, NULL);
    assert_int_equal(last.place, 2);
    query_turns_free(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_used_least_goes_first),
        cmocka_unit_test(a_long_one_lets_a_short_one_in_and_comes_back),
        cmocka_unit_test(who_has_waited_long_goes_before_the_new),
        cmocka_unit_test(a_cancelled_question_does_not_wait_and_takes_no_turn_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
