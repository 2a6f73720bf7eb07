/* Which addresses a prober may reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "probe/inside.h"

static bool allows(const struct probe_guard *g, const char *address) {
    struct sockaddr_storage a;
    assert_true(probe_read_address(str_z(address), 80, &a));
    return probe_guard_allows(g, (const struct sockaddr *)&a);
}

static void internal_addresses_are_refused_in_every_clothing(void **state) {
    (void)state;
    static const char *const refused[] = {"0.0.0.0",
                                          "0.1.2.3",
                                          "10.0.0.1",
                                          "10.255.255.255",
                                          "100.64.0.1",
                                          "100.100.100.200",
                                          "100.127.255.255",
                                          "127.0.0.1",
                                          "127.255.0.1",
                                          "169.254.169.254",
                                          "169.254.0.1",
                                          "172.16.0.1",
                                          "172.31.255.255",
                                          "192.0.0.192",
                                          "192.0.2.1",
                                          "192.168.0.1",
                                          "192.168.255.255",
                                          "198.18.0.1",
                                          "198.19.255.255",
                                          "198.51.100.7",
                                          "203.0.113.9",
                                          "224.0.0.1",
                                          "239.255.255.255",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "168.63.129.16",
                                          "::",
                                          "::1",
                                          "::ffff:10.0.0.1",
                                          "::ffff:127.0.0.1",
                                          "::127.0.0.1",
                                          "::ffff:169.254.169.254",
                                          "64:ff9b::a00:1",
                                          "64:ff9b:1::1",
                                          "fc00::1",
                                          "fd00:ec2::254",
                                          "fe80::1",
                                          "fec0::1",
                                          "ff02::1",
                                          "2001::1",
                                          "2001:db8::1",
                                          "2002:7f00:1::",
                                          "2002:a00:1::1",
                                          "100::1",
                                          "5f00::1",
                                          "3fff::1"};
    struct probe_guard none = {0};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (allows(&none, refused[i])) fail_msg("%s is allowed", refused[i]);
}

static void public_addresses_are_allowed_up_to_the_edges_of_the_ranges(void **state) {
    (void)state;
    static const char *const allowed[] = {
        "1.1.1.1",      "9.255.255.255",   "11.0.0.0",      "100.63.255.255",
        "100.128.0.0",  "126.255.255.255", "128.0.0.0",     "169.253.255.255",
        "169.255.0.0",  "172.15.255.255",  "172.32.0.0",    "192.167.255.255",
        "192.169.0.0",  "223.255.255.255", "168.63.129.15", "2600::1",
        "2a00:1450::1", "::ffff:8.8.8.8",  "2001:200::1"};
    struct probe_guard none = {0};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (!allows(&none, allowed[i])) fail_msg("%s is refused", allowed[i]);
}

static void the_operator_may_open_ranges_and_nothing_beside_them(void **state) {
    (void)state;
    struct probe_guard g;
    assert_int_equal(probe_guard_read(STR(" 10.1.0.0/16, 127.0.0.1,fd00::/8 "), &g).code, ERR_OK);
    assert_int_equal(g.n, 3);
    assert_true(allows(&g, "10.1.255.255"));
    assert_true(allows(&g, "::ffff:10.1.0.1"));
    assert_false(allows(&g, "10.2.0.0"));
    assert_true(allows(&g, "127.0.0.1"));
    assert_false(allows(&g, "127.0.0.2"));
    assert_true(allows(&g, "fdff::1"));
    assert_false(allows(&g, "fc00::1"));
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0/8", "x",          "10.0.0.0/",
                                      "::/129",      "/8",       "10.0.0.0/-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(probe_guard_read(str_z(bad[i]), &g).code, ERR_INVALID);
}

static void a_local_or_unknown_family_is_never_allowed(void **state) {
    (void)state;
    struct probe_guard g;
    assert_int_equal(probe_guard_read(STR("::/0"), &g).code, ERR_OK);
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(probe_guard_allows(&g, &local));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(internal_addresses_are_refused_in_every_clothing),
        cmocka_unit_test(public_addresses_are_allowed_up_to_the_edges_of_the_ranges),
        cmocka_unit_test(the_operator_may_open_ranges_and_nothing_beside_them),
        cmocka_unit_test(a_local_or_unknown_family_is_never_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
