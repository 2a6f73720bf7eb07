/* Checks against real sockets on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "probe/probe.h"

/* ---- a small server: answers by path ---- */

static int listener;
static unsigned port;
static _Atomic int last_has_key; /* the last request of /end carried X-Key */

static int listen_on(const char *address, unsigned *out_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    inet_pton(AF_INET, address, &a.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *out_port = ntohs(a.sin_port);
    return fd;
}

static void answer(int c, const char *head, const char *to, const char *body) {
    char out[2000];
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 %s\r\nContent-Length: %zu\r\nX-Version: 3\r\n%s%s%s\r\n%s", head,
                     strlen(body), to ? "Location: " : "", to ? to : "", to ? "\r\n" : "", body);
    (void)!write(c, out, (size_t)n);
    close(c);
}

static void *serve(void *unused) {
    (void)unused;
    for (;;) {
        char in[4000] = "", to[100];
        int c = accept(listener, NULL, NULL);
        if (c < 0) return NULL;
        (void)!read(c, in, sizeof in - 1);
        if (strstr(in, "/hang")) continue; /* kept open and silent */
        if (strstr(in, "/end")) atomic_store(&last_has_key, strstr(in, "X-Key") != NULL);
        snprintf(to, sizeof to, "http://127.0.0.1:%u/end", port);
        if (strstr(in, "/inside"))
            answer(c, "302 Found", to, "");
        else if (strstr(in, "/loop"))
            answer(c, "302 Found", "/loop", "");
        else if (strstr(in, "/file"))
            answer(c, "302 Found", "file:///etc/passwd", "");
        else if (strstr(in, "/near"))
            answer(c, "302 Found", "/end", "");
        else if (strstr(in, "/503"))
            answer(c, "503 Sorry", NULL, "");
        else if (strstr(in, "/cut"))
            close(c);
        else
            answer(c, "200 OK", NULL, "{\"state\":\"up\"}");
    }
}

/* ---- one check ---- */

static struct post_beat found;
static bool over;

static void done(void *ctx, void *user, const struct post_beat *b) {
    (void)ctx;
    (void)user;
    found = *b;
    over = true;
}

static enum post_fault check(const char *allow, const char *config, int64_t limit_us) {
    struct probe_guard guard;
    struct probe_config c;
    char fault[PROBE_FAULT_BYTES];
    const struct json *v;
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(POST_MAX_BYTES);
    AUTO(probe_engine_free) struct probe_engine *e = NULL;
    assert_int_equal(probe_guard_read(str_z(allow), &guard).code, ERR_OK);
    assert_int_equal(json_parse_copy(p, str_z(config), a, &v).code, ERR_OK);
    struct err read = probe_config_read(v, a, &c, fault);
    if (read.code) fail_msg("%s", fault);
    struct probe_engine_config how = {.guard = &guard, .done = done};
    assert_int_equal(probe_engine_new(&how, &e).code, ERR_OK);
    over = false;
    assert_int_equal(probe_start(e, &c, limit_us, &c).code, ERR_OK);
    while (!over) {
        struct pollfd in = {.fd = probe_engine_fd(e), .events = POLLIN};
        (void)poll(&in, 1, probe_engine_wait_ms(e));
        probe_engine_turn(e);
    }
    assert_int_equal(probe_engine_running(e), 0);
    return (enum post_fault)found.fault;
}

static enum post_fault http(const char *allow, const char *host, const char *path,
                            const char *more) {
    char config[600];
    snprintf(config, sizeof config, "{\"number\":1,\"target\":\"http://%s:%u%s\"%s}", host, port,
             path, more);
    return check(allow, config, 5 * US_PER_S);
}

static void an_answer_is_timed_by_phase(void **state) {
    (void)state;
    assert_int_equal(http("127.0.0.1", "127.0.0.1", "/", ""), POST_FINE);
    assert_int_equal(found.up, POST_UP);
    assert_int_equal(found.code, 200);
    assert_true(found.phase_us[POST_DNS] >= 0 && found.phase_us[POST_CONNECT] > 0);
    assert_true(found.phase_us[POST_FIRST_BYTE] > 0 && found.phase_us[POST_TRANSFER] >= 0);
    assert_int_equal(found.phase_us[POST_TLS_SHAKE], -1);
    assert_true(found.total_us > 0);
    assert_int_equal(http("127.0.0.1", "127.0.0.1", "/503", ""), POST_STATUS);
    assert_int_equal(found.code, 503);
    assert_int_equal(http("127.0.0.1", "127.0.0.1", "/", ",\"json\":\"state\",\"json_is\":\"up\""),
                     POST_FINE);
    assert_int_equal(
        http("127.0.0.1", "127.0.0.1", "/", ",\"header\":\"x-version\",\"header_is\":\"4\""),
        POST_HEADER);
    assert_int_equal(http("127.0.0.1", "127.0.0.1", "/cut", ""), POST_REFUSED);
}

static void an_internal_target_is_not_dialled_however_it_is_written(void **state) {
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost", "2130706433",
                                        "0x7f.1",    "127.1",     "0177.0.0.1",
                                        "0.0.0.0",   "[::1]",     "[::ffff:127.0.0.1]"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (http("", hosts[i], "/", "") != POST_FORBIDDEN)
            fail_msg("%s: %s", hosts[i], post_fault_name(found.fault));
}

static void a_redirect_into_an_internal_address_is_refused(void **state) {
    (void)state;
    /* 127.0.0.9 is allowed and redirects to 127.0.0.1, which is not. */
    assert_int_equal(http("127.0.0.9", "127.0.0.9", "/near", ""), POST_FINE);
    atomic_store(&last_has_key, -1);
    assert_int_equal(http("127.0.0.9", "127.0.0.9", "/inside", ""), POST_FORBIDDEN);
    assert_int_equal(atomic_load(&last_has_key), -1); /* nobody was asked */
    assert_int_equal(http("127.0.0.9", "127.0.0.9", "/file", ""), POST_REDIRECT);
    assert_int_equal(http("127.0.0.9", "127.0.0.9", "/loop", ""), POST_REDIRECT);
    assert_int_equal(http("127.0.0.9", "127.0.0.9", "/near", ",\"redirects\":0"), POST_STATUS);
}

static void headers_of_the_team_stay_with_the_first_origin(void **state) {
    (void)state;
    const char *key = ",\"headers\":{\"X-Key\":\"secret\"}";
    assert_int_equal(http("127.0.0.0/8", "127.0.0.9", "/near", key), POST_FINE);
    assert_int_equal(atomic_load(&last_has_key), 1);
    assert_int_equal(http("127.0.0.0/8", "127.0.0.9", "/inside", key), POST_FINE);
    assert_int_equal(atomic_load(&last_has_key), 0);
}

static void silence_ends_at_the_limit(void **state) {
    (void)state;
    char config[200];
    snprintf(config, sizeof config, "{\"number\":1,\"target\":\"http://127.0.0.1:%u/hang\"}", port);
    int64_t begun = time_monotonic_us();
    assert_int_equal(check("127.0.0.1", config, US_PER_S / 5), POST_TIMEOUT);
    assert_in_range(time_monotonic_us() - begun, US_PER_S / 5, US_PER_S);
}

static void ports_are_open_closed_or_forbidden(void **state) {
    (void)state;
    char config[200];
    unsigned closed;
    snprintf(config, sizeof config, "{\"number\":1,\"kind\":\"tcp\",\"target\":\"localhost:%u\"}",
             port);
    assert_int_equal(check("127.0.0.1", config, US_PER_S), POST_FINE);
    assert_int_equal(check("", config, US_PER_S), POST_FORBIDDEN);
    close(listen_on("127.0.0.1", &closed));
    snprintf(config, sizeof config, "{\"number\":1,\"kind\":\"tcp\",\"target\":\"127.0.0.1:%u\"}",
             closed);
    assert_int_equal(check("127.0.0.1", config, US_PER_S), POST_REFUSED);
    assert_int_equal(found.up, POST_DOWN);
}

static void a_server_that_speaks_no_tls_is_named_so(void **state) {
    (void)state;
    char config[200];
    snprintf(config, sizeof config, "{\"number\":1,\"kind\":\"tls\",\"target\":\"127.0.0.1:%u\"}",
             port);
    assert_int_equal(check("127.0.0.1", config, 2 * US_PER_S), POST_TLS);
}

static void a_name_server_inside_is_not_asked(void **state) {
    (void)state;
    const char *config = "{\"number\":1,\"kind\":\"dns\",\"target\":\"shop.example\","
                         "\"dns_server\":\"127.0.0.1:5353\"}";
    assert_int_equal(check("", config, US_PER_S), POST_FORBIDDEN);
    assert_int_not_equal(check("127.0.0.1", config, US_PER_S), POST_FORBIDDEN);
}

static void a_dropped_check_says_nothing_and_frees_everything(void **state) {
    (void)state;
    struct probe_guard guard;
    AUTO(probe_engine_free) struct probe_engine *e = NULL;
    struct probe_engine_config how = {.guard = &guard, .done = done};
    struct probe_config c = {.number = 1, .kind = PROBE_TCP, .host = STR("127.0.0.1"), .port = 9};
    assert_int_equal(probe_guard_read(STR("127.0.0.1"), &guard).code, ERR_OK);
    assert_int_equal(probe_engine_new(&how, &e).code, ERR_OK);
    over = false;
    for (int i = 0; i < 50; i++)
        assert_int_equal(probe_start(e, &c, US_PER_S, &c).code, ERR_OK);
    assert_int_equal(probe_engine_running(e), 50);
    probe_drop(e, &c);
    probe_engine_turn(e);
    assert_int_equal(probe_engine_running(e), 0);
    assert_false(over);
}

static int begin(void **state) {
    (void)state;
    pthread_t thread;
    listener = listen_on("0.0.0.0", &port);
    assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
    pthread_detach(thread);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_timed_by_phase),
        cmocka_unit_test(an_internal_target_is_not_dialled_however_it_is_written),
        cmocka_unit_test(a_redirect_into_an_internal_address_is_refused),
        cmocka_unit_test(headers_of_the_team_stay_with_the_first_origin),
        cmocka_unit_test(silence_ends_at_the_limit),
        cmocka_unit_test(ports_are_open_closed_or_forbidden),
        cmocka_unit_test(a_server_that_speaks_no_tls_is_named_so),
        cmocka_unit_test(a_name_server_inside_is_not_asked),
        cmocka_unit_test(a_dropped_check_says_nothing_and_frees_everything),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
