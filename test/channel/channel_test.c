#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel/channel.h"

static bool rings(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void a_child_and_its_parent_see_one_page(void **state) {
    struct channel c;
    assert_int_equal(channel_make(&c).code, ERR_OK);
    assert_int_equal(c.page->version, CHANNEL_VERSION);
    pid_t child = fork();
    if (child == 0) {
        atomic_store_explicit(&c.page->synced, 4711, memory_order_release);
        channel_count(&c, COUNT_EVENTS, 5);
        channel_count(&c, COUNT_EVENTS, 6);
        channel_wake(c.wake_console);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(atomic_load_explicit(&c.page->synced, memory_order_acquire), 4711);
    assert_int_equal(c.page->counters[COUNT_EVENTS], 11);
    assert_true(rings(c.wake_console) && !rings(c.wake_front));
    channel_done(&c);
    assert_null(c.page);
    channel_done(&c); /* the half-built and the done are safe */
}

static void a_bell_rings_until_it_is_drained(void **state) {
    struct channel c;
    assert_int_equal(channel_make(&c).code, ERR_OK);
    for (int i = 0; i < 3; i++)
        channel_wake(c.wake_front);
    assert_true(rings(c.wake_front));
    channel_drain(c.wake_front);
    assert_false(rings(c.wake_front));
    channel_drain(c.wake_front); /* never blocks */
    channel_done(&c);
}

static void every_counter_has_its_own_name(void **state) {
    for (int i = 0; i < COUNTERS_N; i++) {
        const char *name = channel_counter_name((enum channel_counter)i);
        assert_non_null(name);
        assert_true(str_starts(str_z(name), STR("weir_")));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name, channel_counter_name((enum channel_counter)k));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_and_its_parent_see_one_page),
        cmocka_unit_test(a_bell_rings_until_it_is_drained),
        cmocka_unit_test(every_counter_has_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
