/* A monitor's JSON, and what is thought of an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>

#include "probe/inside.h"

static struct arena *arena;
static char fault[PROBE_FAULT_BYTES];

static int begin(void **state) {
    (void)state;
    arena = arena_new(0);
    return 0;
}
static int end(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

static struct err read_config(const char *text, struct probe_config *c) {
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(POST_MAX_BYTES);
    const struct json *v;
    struct err e = json_parse_copy(p, str_z(text), arena, &v);
    return e.code ? e : probe_config_read(v, arena, c, fault);
}

static void a_monitor_with_a_target_alone_has_sound_defaults(void **state) {
    (void)state;
    struct probe_config c;
    assert_int_equal(read_config("{\"number\":1,\"target\":\"https://shop.example/x\"}", &c).code,
                     ERR_OK);
    assert_int_equal(c.kind, PROBE_HTTP);
    assert_int_equal(c.interval_us, 30 * US_PER_S);
    assert_int_equal(c.timeout_us, 5 * US_PER_S);
    assert_int_equal(c.confirm_us, 5 * US_PER_S);
    assert_int_equal(c.retries, 2);
    assert_true(c.verify);
    assert_true(str_is(c.host, "shop.example"));
    assert_in_range(c.phase_us, 0, c.interval_us - 1);
}

static void targets_are_held_to_their_kind(void **state) {
    (void)state;
    struct probe_config c;
    assert_int_equal(read_config("{\"kind\":\"tcp\",\"target\":\"[2001:db8::1]:22\"}", &c).code, 0);
    assert_true(str_is(c.host, "2001:db8::1"));
    assert_int_equal(c.port, 22);
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "{\"target\":\"ftp://x/\"}",
                                      "{\"target\":\"file:///etc/passwd\"}",
                                      "{\"target\":\"http:///\"}",
                                      "{\"kind\":\"tcp\",\"target\":\"x\"}",
                                      "{\"kind\":\"tcp\",\"target\":\"x:0\"}",
                                      "{\"kind\":\"tcp\",\"target\":\"x:65536\"}",
                                      "{\"kind\":\"icmp\",\"target\":\"a b\"}",
                                      "{\"kind\":\"gopher\",\"target\":\"x\"}",
                                      "{\"kind\":\"dns\",\"target\":\"x\",\"dns_server\":\"name\"}",
                                      "{\"kind\":\"dns\",\"target\":\"x\",\"dns_type\":\"ANY\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_config(bad[i], &c).code != ERR_INVALID) fail_msg("%s is taken", bad[i]);
}

static void members_out_of_range_or_unknown_are_named_and_refused(void **state) {
    (void)state;
    static const struct {
        const char *member, *names;
    } bad[] = {{"\"interval_s\":0.5", "interval_s"},
               {"\"interval_s\":\"30\"", "interval_s"},
               {"\"timeout_s\":61", "timeout_s"},
               {"\"retries\":11", "retries"},
               {"\"retries\":1.5", "retries"},
               {"\"verify\":1", "verify"},
               {"\"status\":\"2xx\"", "status"},
               {"\"status\":\"300-200\"", "status"},
               {"\"method\":\"GET /\"", "method"},
               {"\"regex\":\"(\"", "regex"},
               {"\"headers\":{\"X\":\"a\\r\\nHost: b\"}", "headers"},
               {"\"headers\":{\"X Y\":\"a\"}", "headers"},
               {"\"headers\":[]", "headers"},
               {"\"contains\":\"a\\u0000b\"", "contains"},
               {"\"family\":5", "family"},
               {"\"exec\":\"x\"", "monitor"}};
    struct probe_config c;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct str text =
            arena_printf(arena, "{\"target\":\"http://a.example/\",%s}", bad[i].member);
        assert_int_equal(read_config(text.p, &c).code, ERR_INVALID);
        if (!str_starts(str_z(fault), str_z(bad[i].names)))
            fail_msg("%s: %s", bad[i].member, fault);
    }
}

static enum post_fault judge(const char *members, long status, const char *body) {
    struct probe_config c;
    struct str text =
        arena_printf(arena, "{\"target\":\"http://a.example/\"%s%s}", *members ? "," : "", members);
    assert_int_equal(read_config(text.p, &c).code, ERR_OK);
    struct answer a = {status, str_z(body), true, STR("v=3; fast")};
    return probe_judge(&c, &a);
}

static void each_expectation_is_met_or_named(void **state) {
    (void)state;
    assert_int_equal(judge("", 204, ""), POST_FINE);
    assert_int_equal(judge("", 302, ""), POST_STATUS);
    assert_int_equal(judge("\"status\":\"200, 301-308\"", 302, ""), POST_FINE);
    assert_int_equal(judge("\"contains\":\"ok\"", 200, "all ok"), POST_FINE);
    assert_int_equal(judge("\"contains\":\"ok\"", 200, ""), POST_BODY);
    assert_int_equal(judge("\"lacks\":\"error\"", 200, "an error"), POST_BODY);
    assert_int_equal(judge("\"regex\":\"^v[0-9]+$\"", 200, "v12"), POST_FINE);
    assert_int_equal(judge("\"regex\":\"^v[0-9]+$\"", 200, "w12"), POST_BODY);
    assert_int_equal(judge("\"header\":\"X\",\"header_is\":\"fast\"", 200, ""), POST_FINE);
    assert_int_equal(judge("\"header\":\"X\",\"header_is\":\"slow\"", 200, ""), POST_HEADER);
    const char *json = "{\"a\":[{\"s\":\"up\",\"n\":3,\"b\":true,\"z\":null}]}";
    assert_int_equal(judge("\"json\":\"a.0.s\",\"json_is\":\"up\"", 200, json), POST_FINE);
    assert_int_equal(judge("\"json\":\"a.0.n\",\"json_is\":\"3\"", 200, json), POST_FINE);
    assert_int_equal(judge("\"json\":\"a.0.b\",\"json_is\":\"true\"", 200, json), POST_FINE);
    assert_int_equal(judge("\"json\":\"a.0.z\"", 200, json), POST_FINE);
    assert_int_equal(judge("\"json\":\"a.1.s\"", 200, json), POST_JSON);
    assert_int_equal(judge("\"json\":\"a.0.s\",\"json_is\":\"down\"", 200, json), POST_JSON);
    assert_int_equal(judge("\"json\":\"a\"", 200, "no json"), POST_JSON);
}

static void a_pattern_that_runs_wild_is_stopped_and_counts_as_no_match(void **state) {
    (void)state;
    static char body[20001];
    memset(body, 'a', 20000);
    int64_t begun = time_monotonic_us();
    assert_int_equal(judge("\"regex\":\"(a+)+b\"", 200, body), POST_BODY);
    assert_true(time_monotonic_us() - begun < US_PER_S);
}

/* ---- DNS messages ---- */

/* A question for shop.example, and answers by pointer to its name. */
static size_t dns_message(unsigned char *out, const unsigned char *answers, size_t n,
                          unsigned count) {
    static const unsigned char question[] = "\x04shop\x07"
                                            "example\0\0\x01\0\x01";
    unsigned char head[12] = {0, 1, 0x81, 0x80, 0, 1, 0, (unsigned char)count};
    memcpy(out, head, 12);
    memcpy(out + 12, question, sizeof question - 1);
    memcpy(out + 12 + sizeof question - 1, answers, n);
    return 12 + sizeof question - 1 + n;
}

static void expected_answers_have_to_be_among_those_that_come(void **state) {
    (void)state;
    static const unsigned char answers[] = "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x01\x02\x03\x04"
                                           "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x05\x06\x07\x08";
    unsigned char m[200];
    struct probe_config c;
    size_t n = dns_message(m, answers, sizeof answers - 1, 2);
    const char *one = "{\"kind\":\"dns\",\"target\":\"shop.example\",\"answers\":[\"5.6.7.8\"]}";
    assert_int_equal(read_config(one, &c).code, ERR_OK);
    assert_int_equal(probe_dns_judge(&c, m, (int)n), POST_FINE);
    c.answers[0] = STR("9.9.9.9");
    assert_int_equal(probe_dns_judge(&c, m, (int)n), POST_ANSWER);
    c.dns_type = 28;
    c.n_answers = 0;
    assert_int_equal(probe_dns_judge(&c, m, (int)n), POST_ANSWER);
}

static void a_dns_message_cut_or_bent_anywhere_is_read_within_its_bytes(void **state) {
    (void)state;
    static const unsigned char answers[] =
        "\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x07\0\x0a\x02mx\xc0\x0c"
        "\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x06\x02hi\x02yo";
    unsigned char m[200];
    struct probe_config c;
    const char *mx = "{\"kind\":\"dns\",\"target\":\"shop.example\",\"dns_type\":\"MX\","
                     "\"answers\":[\"10 mx.shop.example.\"]}";
    assert_int_equal(read_config(mx, &c).code, ERR_OK);
    size_t n = dns_message(m, answers, sizeof answers - 1, 2);
    assert_int_equal(probe_dns_judge(&c, m, (int)n), POST_FINE);
    for (size_t cut = 0; cut < n; cut++) {
        unsigned char *exact = malloc(cut ? cut : 1); /* so that a sanitizer sees the end */
        memcpy(exact, m, cut);
        (void)probe_dns_judge(&c, exact, (int)cut);
        free(exact);
    }
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            unsigned char *bent = malloc(n);
            memcpy(bent, m, n);
            bent[at] ^= (unsigned char)(1 << bit);
            (void)probe_dns_judge(&c, bent, (int)n);
            free(bent);
        }
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_monitor_with_a_target_alone_has_sound_defaults),
        T(targets_are_held_to_their_kind),
        T(members_out_of_range_or_unknown_are_named_and_refused),
        T(each_expectation_is_met_or_named),
        T(a_pattern_that_runs_wild_is_stopped_and_counts_as_no_match),
        T(expected_answers_have_to_be_among_those_that_come),
        T(a_dns_message_cut_or_bent_anywhere_is_read_within_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
