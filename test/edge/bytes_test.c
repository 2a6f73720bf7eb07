/* Real bytes on real sockets: what a client may send, well-formed or not, and what it sees. */
#include "rig.h"

#include <sys/wait.h>

static char out[2 << 20];

static void a_request_reaches_the_handler_decoded(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    assert_int_equal(
        rig_ask(&r, "GET /ec%68o?x=%20&y HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_string_equal(rig_body(out), "GET /echo x=%20&y 0 ");
    assert_int_equal(rig_ask(&r, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
                             out, sizeof out),
                     200);
    assert_string_equal(rig_body(out), "POST /echo  0 hello");
    assert_int_equal(
        rig_ask(&r, "GET http://elsewhere/echo HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_string_equal(rig_body(out), "GET /echo  0 ");
    assert_int_equal(rig_ask(&r, "POST /echo HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    rig_stop(&r);
}

static void a_head_request_has_no_body_in_its_answer(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    int fd = rig_connect(&r);
    rig_say(fd, "HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    char head[2048];
    size_t n = 0;
    while (n < sizeof head - 1 && !(n > 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0))
        assert_int_equal(recv(fd, head + n++, 1, 0), 1);
    head[n] = 0;
    assert_non_null(strstr(head, "Content-Length: 14"));
    assert_int_equal(rig_answer(fd, out, sizeof out), 200); /* the next answer follows at once */
    assert_string_equal(rig_body(out), "1");
    close(fd);
    rig_stop(&r);
}

static void chunked_bodies_are_put_together(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    const char *head = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    int fd = rig_connect(&r);
    rig_say(fd, head);
    const char *rest = "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
    for (const char *p = rest; *p; p++) { /* byte by byte */
        rig_send(fd, p, 1);
        if ((p - rest) % 8 == 0) usleep(1000);
    }
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    assert_string_equal(rig_body(out), "POST /echo  0 abcde");
    close(fd);
    rig_stop(&r);
}

static void a_bad_chunk_is_400_and_closes(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    static const char *const bad[] = {"zz\r\nabc\r\n", "-1\r\nabc\r\n", "3\r\nabcdef\r\n0\r\n\r\n",
                                      "ffffffffffffffffff\r\nabc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = rig_connect(&r);
        rig_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        rig_say(fd, bad[i]);
        int status = rig_answer(fd, out, sizeof out);
        assert_true(status == 400 || status == 413);
        assert_true(rig_closed(fd, 2000));
        close(fd);
    }
    assert_int_equal(atomic_load(&r.asked), 0);
    rig_stop(&r);
}

static void a_body_whose_end_is_in_doubt_is_refused(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    static const char *const bad[] = {
        ("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n"),
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3x\r\n\r\nabc",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = rig_connect(&r);
        rig_say(fd, bad[i]);
        assert_int_equal(rig_answer(fd, out, sizeof out), 400);
        assert_true(rig_closed(fd, 2000));
        close(fd);
    }
    assert_int_equal(rig_ask(&r,
                             "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
                             out, sizeof out),
                     501);
    assert_int_equal(atomic_load(&r.asked), 0);
    rig_stop(&r);
}

static void paths_with_nul_or_dots_are_refused(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    static const char *const bad[] = {"/a%00b",      "/../x", "/a/..", "/a/%2e%2e/b",
                                      "/a%2f..%2fb", "x",     "/.."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char request[256];
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", bad[i]);
        assert_int_equal(rig_ask(&r, request, out, sizeof out), 400);
    }
    assert_int_equal(rig_ask(&r, "GET /a..b HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 404);
    int fd = rig_connect(&r);
    rig_send(fd, "GET /ec\0ho HTTP/1.1\r\nHost: h\r\n\r\n", 32); /* a raw NUL */
    int status = rig_answer(fd, out, sizeof out);
    assert_true(status == 400 || status == 404);
    close(fd);
    struct edge_counters c;
    edge_count(r.edge, &c);
    assert_true(c.refused_400 >= 7);
    rig_stop(&r);
}

static void other_methods_are_405(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    assert_int_equal(rig_ask(&r, "TRACE /echo HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 405);
    assert_non_null(strstr(out, "Allow: GET"));
    assert_int_equal(rig_ask(&r, "BREW /echo HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 405);
    rig_stop(&r);
}

static void too_long_heads_are_refused_and_counted(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    char *request = malloc(300000);
    size_t n = (size_t)sprintf(request, "GET /echo?");
    memset(request + n, 'a', 200000);
    (void)sprintf(request + n + 200000, " HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(abs(rig_ask(&r, request, out, sizeof out)), 414);
    n = (size_t)sprintf(request, "GET /echo HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 5000; i++)
        n += (size_t)sprintf(request + n, "X-Flood-%d: 0123456789012345678901234567\r\n", i);
    (void)sprintf(request + n, "\r\n");
    assert_int_equal(abs(rig_ask(&r, request, out, sizeof out)), 431);
    struct edge_counters c;
    edge_count(r.edge, &c);
    assert_int_equal(c.refused_414, 2);
    assert_int_equal(c.refused_unread, 2);
    /* but a head of 40 kB is taken: site cookies arrive too, and trackers put events into the URL
     */
    n = (size_t)sprintf(request, "GET /echo?");
    memset(request + n, 'a', 20000);
    n += 20000;
    n += (size_t)sprintf(request + n, " HTTP/1.1\r\nHost: h\r\nCookie: ");
    memset(request + n, 'c', 20000);
    (void)sprintf(request + n + 20000, "\r\n\r\n");
    assert_int_equal(rig_ask(&r, request, out, sizeof out), 200);
    free(request);
    rig_stop(&r);
}

static void a_large_body_passes_and_a_too_large_one_is_answered(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.cors_any = true, .max_body_bytes = 1 << 20});
    char *body = malloc(4 << 20);
    memset(body, 'b', 4 << 20);
    int fd = rig_connect(&r);
    rig_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n");
    rig_send(fd, body, 1 << 20);
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    assert_int_equal(strlen(rig_body(out)), (1 << 20) + strlen("POST /echo  0 "));
    /* One byte more, by its length: the client sends it all and sees 413 with CORS, and the
     * connection lives. */
    rig_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nOrigin: https://a.example\r\nContent-Length: "
                "1048577\r\n\r\n");
    rig_send(fd, body, (1 << 20) + 1);
    assert_int_equal(rig_answer(fd, out, sizeof out), 413);
    assert_non_null(strstr(out, "Access-Control-Allow-Origin: https://a.example"));
    rig_say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    /* The same without a length. */
    rig_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n");
    rig_send(fd, body, 2 << 20);
    rig_say(fd, "\r\n0\r\n\r\n");
    assert_int_equal(rig_answer(fd, out, sizeof out), 413);
    close(fd);
    free(body);
    struct edge_counters c;
    edge_count(r.edge, &c);
    assert_int_equal(c.refused_413, 2);
    rig_stop(&r);
}

static void expect_continue_is_answered_before_the_body(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.max_body_bytes = 1 << 20});
    int fd = rig_connect(&r);
    rig_say(fd,
            "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(rig_answer(fd, out, sizeof out), 100);
    rig_say(fd, "abc");
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    assert_string_equal(rig_body(out), "POST /echo  0 abc");
    rig_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: "
                "99999999\r\n\r\n");
    assert_int_equal(rig_answer(fd, out, sizeof out), 413); /* without waiting for it */
    close(fd);
    rig_stop(&r);
}

static void pipelined_requests_are_answered_in_order(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    int fd = rig_connect(&r);
    for (int i = 0; i < 50; i++) {
        char request[256];
        (void)snprintf(
            request, sizeof request,
            "GET /echo?%d HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n", i);
        rig_say(fd, request);
    }
    for (int i = 0; i < 50; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "GET /echo %d 0 ", i);
        assert_int_equal(rig_answer(fd, out, sizeof out), 200);
        assert_string_equal(rig_body(out), want);
        assert_int_equal(rig_answer(fd, out, sizeof out), 200);
        assert_string_equal(rig_body(out), "1");
    }
    close(fd);
    rig_stop(&r);
}

static void cors_stands_on_every_answer(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.cors_any = true});
    static const struct {
        const char *line;
        int status;
    } asks[] = {{"GET /echo", 200},  {"GET /nowhere", 404}, {"GET /error", 422},
                {"GET /later", 200}, {"GET /a%00", 400},    {"TRACE /echo", 405}};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        char request[256];
        (void)snprintf(request, sizeof request,
                       "%s HTTP/1.1\r\nHost: h\r\nOrigin: https://shop.example\r\n\r\n",
                       asks[i].line);
        assert_int_equal(rig_ask(&r, request, out, sizeof out), asks[i].status);
        assert_non_null(strstr(out, "Access-Control-Allow-Origin: https://shop.example\r\n"));
        assert_non_null(strstr(out, "Access-Control-Allow-Credentials: true\r\n"));
        assert_non_null(strstr(out, "Vary: Origin\r\n"));
        assert_non_null(strstr(out, "Access-Control-Expose-Headers: Retry-After\r\n"));
    }
    assert_int_equal(rig_ask(&r, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_null(strstr(out, "Access-Control"));
    assert_int_equal(rig_ask(&r,
                             "OPTIONS /track/ HTTP/1.1\r\nHost: h\r\nOrigin: "
                             "null\r\nAccess-Control-Request-Method: POST\r\n"
                             "Access-Control-Request-Headers: authorization, traceparent\r\n\r\n",
                             out, sizeof out),
                     204);
    assert_non_null(strstr(out, "Access-Control-Allow-Origin: null\r\n"));
    assert_non_null(strstr(out, "Access-Control-Allow-Headers: authorization, traceparent\r\n"));
    assert_non_null(strstr(out, "Access-Control-Max-Age: 86400\r\n"));
    rig_stop(&r);
    rig_start(&r, (struct edge_config){0});
    assert_int_equal(
        rig_ask(&r, "GET /echo HTTP/1.1\r\nHost: h\r\nOrigin: https://x\r\n\r\n", out, sizeof out),
        200);
    assert_null(strstr(out, "Access-Control"));
    rig_stop(&r);
}

static void cached_answers_differ_by_all_that_makes_them(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.cors_any = true});
    for (int i = 0; i < 300; i++) {
        char request[256], want[128];
        (void)snprintf(request, sizeof request,
                       "GET /echo?%d HTTP/1.1\r\nHost: h\r\nOrigin: https://o%d.example\r\n\r\n",
                       i % 7, i % 11);
        assert_int_equal(rig_ask(&r, request, out, sizeof out), 200);
        (void)snprintf(want, sizeof want, "Access-Control-Allow-Origin: https://o%d.example\r\n",
                       i % 11);
        assert_non_null(strstr(out, want));
        (void)snprintf(want, sizeof want, "GET /echo %d 0 ", i % 7);
        assert_string_equal(rig_body(out), want);
    }
    rig_stop(&r);
}

static void keep_alive_is_promised_and_kept(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.idle_s = 7});
    int fd = rig_connect(&r);
    for (int i = 0; i < 3; i++) {
        rig_say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(rig_answer(fd, out, sizeof out), 200);
        assert_non_null(strstr(out, "Keep-Alive: timeout=2\r\n"));
        assert_false(rig_closed(fd, 2500)); /* well after what was promised */
    }
    close(fd);
    rig_stop(&r);
}

/* On the public door a broken stream reaches the handler as it was sent: trackers want their own
 * answer, not a 400 that makes them keep the batch for ever. */
static void gzip_bodies_are_unpacked_and_bombs_refused_by(enum edge_mode mode, int broken) {
    struct rig r;
    rig_start(&r, (struct edge_config){.mode = mode});
    char path[64], command[256];
    (void)snprintf(path, sizeof path, "/tmp/weir-gzip-%d", getpid());
    const struct {
        const char *make;
        int status;
        bool as_sent;
    } bodies[] = {{"printf hello | gzip -c", 200, false},
                  {"(printf hel | gzip -c; printf lo | gzip -c)", 200, false}, /* two members */
                  {"printf hello", 200, false}, /* named gzip, is not */
                  {"head -c 20000000 /dev/zero | gzip -c", 413, false},
                  {"printf hello | gzip -c | head -c 20", broken, true},
                  {"printf '\\037\\213garbage-and-more-garbage'", broken, true}};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        (void)snprintf(command, sizeof command, "%s > %s", bodies[i].make, path);
        assert_int_equal(system(command), 0);
        struct buf b;
        buf_init(&b, 1 << 20);
        assert_ok(io_read_file(path, 1 << 20, &b));
        int fd = rig_connect(&r);
        char head[256];
        (void)snprintf(head, sizeof head,
                       "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: "
                       "gzip\r\nContent-Length: %zu\r\n\r\n",
                       b.n);
        rig_say(fd, head);
        rig_send(fd, b.p, b.n);
        assert_int_equal(rig_answer(fd, out, sizeof out), bodies[i].status);
        if (bodies[i].status == 200 && !bodies[i].as_sent)
            assert_string_equal(rig_body(out), "POST /echo  0 hello");
        close(fd);
        buf_done(&b);
    }
    (void)unlink(path);
    assert_int_equal(
        rig_ask(
            &r,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
            out, sizeof out),
        415);
    rig_stop(&r);
}

static void gzip_bodies_are_unpacked_and_bombs_refused(void **state) {
    (void)state;
    gzip_bodies_are_unpacked_and_bombs_refused_by(EDGE_GROUP, 200);
    gzip_bodies_are_unpacked_and_bombs_refused_by(EDGE_THREADS, 400);
}

static void packed_answers_suit_the_client(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    assert_int_equal(rig_ask(&r, "GET /packed HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_string_equal(rig_body(out), "packed text");
    assert_int_equal(rig_ask(&r,
                             "GET /packed HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip;q=0\r\n\r\n",
                             out, sizeof out),
                     200);
    assert_string_equal(rig_body(out), "packed text");
    assert_int_equal(rig_ask(&r,
                             "GET /packed HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br, gzip\r\n\r\n",
                             out, sizeof out),
                     200);
    assert_non_null(strstr(out, "Content-Encoding: gzip\r\n"));
    assert_int_equal((uint8_t)rig_body(out)[0], 0x1f);
    rig_stop(&r);
}

static void parameters_and_cookies_are_decoded(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    assert_int_equal(rig_ask(&r,
                             "POST /param?b=1&a=x%2By+z&a=2 HTTP/1.1\r\nHost: h\r\nCookie: b=1; "
                             "c=crumb; d=2\r\nContent-Length: 11\r\n\r\n"
                             "%61=100%&b=",
                             out, sizeof out),
                     200);
    assert_string_equal(rig_body(out), "x+y z|100%|crumb");
    assert_int_equal(rig_ask(&r, "GET /param?a HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_string_equal(rig_body(out), "|none|");
    rig_stop(&r);
}

static void only_a_trusted_proxy_names_the_client(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.trusted_proxies = STR("10.0.0.0/8, 127.0.0.1, ::1/128")});
    static const struct {
        const char *forwarded, *peer;
    } asks[] = {
        {"203.0.113.7", "00000000000000000000ffffcb007107"},
        {"6.6.6.6, 203.0.113.7, 10.1.2.3",
         "00000000000000000000ffffcb007107"}, /* the left is a claim */
        {"203.0.113.7:4711", "00000000000000000000ffffcb007107"},
        {"[2001:db8::1]:80", "20010db8000000000000000000000001"},
        {"2001:db8::2", "20010db8000000000000000000000002"},
        {"unknown", "00000000000000000000ffff7f000001"},
        {"10.9.9.9", "00000000000000000000ffff0a090909"},
    };
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        char request[256];
        (void)snprintf(request, sizeof request,
                       "GET /peer HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: %s\r\n\r\n",
                       asks[i].forwarded);
        assert_int_equal(rig_ask(&r, request, out, sizeof out), 200);
        assert_string_equal(rig_body(out), asks[i].peer);
    }
    rig_stop(&r);
    rig_start(&r, (struct edge_config){0});
    assert_int_equal(
        rig_ask(&r, "GET /peer HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n", out,
                sizeof out),
        200);
    assert_string_equal(rig_body(out), "00000000000000000000ffff7f000001");
    rig_stop(&r);
    struct edge *e;
    struct edge_config bad = {.idle_s = 10, .trusted_proxies = STR("10.0.0.0/33")};
    bad.handler = (edge_handler)(uintptr_t)1;
    assert_int_equal(edge_open(&bad, &e).code, ERR_INVALID);
}

static void the_local_door_is_the_operators(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    int fd = rig_connect_local(&r);
    rig_say(fd, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    assert_string_equal(rig_body(out), "GET /echo  1 ");
    rig_say(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    close(fd);
    rig_stop(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reaches_the_handler_decoded),
        cmocka_unit_test(a_head_request_has_no_body_in_its_answer),
        cmocka_unit_test(chunked_bodies_are_put_together),
        cmocka_unit_test(a_bad_chunk_is_400_and_closes),
        cmocka_unit_test(a_body_whose_end_is_in_doubt_is_refused),
        cmocka_unit_test(paths_with_nul_or_dots_are_refused),
        cmocka_unit_test(other_methods_are_405),
        cmocka_unit_test(too_long_heads_are_refused_and_counted),
        cmocka_unit_test(a_large_body_passes_and_a_too_large_one_is_answered),
        cmocka_unit_test(expect_continue_is_answered_before_the_body),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(cors_stands_on_every_answer),
        cmocka_unit_test(cached_answers_differ_by_all_that_makes_them),
        cmocka_unit_test(keep_alive_is_promised_and_kept),
        cmocka_unit_test(gzip_bodies_are_unpacked_and_bombs_refused),
        cmocka_unit_test(packed_answers_suit_the_client),
        cmocka_unit_test(parameters_and_cookies_are_decoded),
        cmocka_unit_test(only_a_trusted_proxy_names_the_client),
        cmocka_unit_test(the_local_door_is_the_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
