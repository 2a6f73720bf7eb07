/* Time and crowds: slow clients, vanishing clients, groups, overload, threads, TLS. */
#include "rig.h"

#include <curl/curl.h>

#include "material.h"

static char out[2 << 20];
static const char later[] = "GET /later HTTP/1.1\r\nHost: h\r\n\r\n";

static void an_idle_connection_is_closed_late_and_not_early(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.idle_s = 6, .request_s = 1});
    int fd = rig_connect(&r);
    rig_say(fd, later);
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    assert_false(rig_closed(fd, 4000));
    assert_true(rig_closed(fd, 5000));
    close(fd);
    rig_stop(&r);
}

/* A byte now and then keeps a connection "active", but a request must be whole in time. */
static void a_dripped_request_is_cut_off(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.idle_s = 6, .request_s = 2});
    int head = rig_connect(&r), body = rig_connect(&r);
    rig_say(head, "GET /later HTTP/1.1\r\n");
    rig_say(body, "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    struct timeval t = {.tv_usec = 100000};
    (void)setsockopt(body, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    int64_t began = time_monotonic_us();
    int status = 0;
    bool gone = false;
    for (int i = 0; i < 100 && !gone; i++) {
        rig_say(head, "x");
        rig_say(body, "x");
        char some[256];
        ssize_t n = recv(body, some, sizeof some - 1, 0);
        if (n > 12) status = atoi(some + 9);
        gone = n == 0;
    }
    assert_true(gone);
    assert_int_equal(status, 408);
    assert_true(time_monotonic_us() - began < 5 * US_PER_S);
    assert_true(rig_closed(head, 9000));
    assert_int_equal(atomic_load(&r.asked), 0);
    struct edge_counters c;
    edge_count(r.edge, &c);
    assert_true(c.timeouts >= 1);
    close(head);
    close(body);
    rig_stop(&r);
}

/* The request line itself may be dripped: then the limit is the idle time and the request's
 * together. */
static void a_dripped_request_line_is_cut_off(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.idle_s = 6, .request_s = 1});
    int fd = rig_connect(&r);
    rig_say(fd, "GET /");
    bool gone = false;
    for (int i = 0; i < 100 && !gone; i++) {
        rig_say(fd, "x");
        gone = rig_closed(fd, 100);
    }
    assert_true(gone);
    close(fd);
    rig_stop(&r);
}

static void clients_that_vanish_leave_nothing_behind(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    static const char *const beginnings[] = {
        "",
        "GE",
        "GET /later HTTP/1.1\r\nHo",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhalf",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        later,
        "GET /large HTTP/1.1\r\nHost: h\r\n\r\n"};
    for (int i = 0; i < 210; i++) {
        int fd = rig_connect(&r);
        rig_say(fd, beginnings[i % 7]);
        struct linger now = {.l_onoff = 1};
        if (i % 2) (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* reset */
        close(fd);
    }
    assert_int_equal(rig_ask(&r, later, out, sizeof out), 200);
    for (int i = 0; i < 200 && edge_in_hand(r.edge) > 0; i++)
        usleep(10000);
    assert_int_equal(edge_in_hand(r.edge), 0);
    rig_stop(&r);
}

static void a_client_that_vanishes_while_its_group_waits_harms_nobody(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    atomic_store(&r.hold, true);
    int fds[10];
    for (int i = 0; i < 10; i++) {
        fds[i] = rig_connect(&r);
        rig_say(fds[i], later);
    }
    while (atomic_load(&r.asked) < 10)
        usleep(1000);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    usleep(50000);
    for (int i = 5; i < 10; i++)
        assert_false(rig_closed(fds[i], 10)); /* no answer before the commit */
    atomic_store(&r.hold, false);
    for (int i = 5; i < 10; i++) {
        assert_int_equal(rig_answer(fds[i], out, sizeof out), 200);
        close(fds[i]);
    }
    assert_int_equal(atomic_load(&r.groups), 1); /* one commit for all */
    rig_stop(&r);
}

static void a_busy_handler_is_asked_again(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    assert_int_equal(rig_ask(&r, "GET /busy HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_int_equal(atomic_load(&r.busy), 3);
    rig_stop(&r);
}

static void a_paused_edge_queues_and_loses_nothing(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    edge_pause(r.edge, true);
    usleep(50000);
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = rig_connect(&r);
        rig_say(fds[i], later);
    }
    usleep(200000);
    assert_int_equal(atomic_load(&r.asked), 0);
    edge_pause(r.edge, false);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(rig_answer(fds[i], out, sizeof out), 200);
        close(fds[i]);
    }
    rig_stop(&r);
}

static void more_connections_than_the_limit_wait_their_turn(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.max_connections = 4});
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = rig_connect(&r);
        rig_say(fds[i], "GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(rig_answer(fds[i], out, sizeof out), 200);
        close(fds[i]);
    }
    rig_stop(&r);
}

static void one_address_has_its_share(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.max_per_address = 3});
    int fds[4];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            fds[i] = rig_connect(&r);
            rig_say(fds[i], later);
            assert_int_equal(rig_answer(fds[i], out, sizeof out), 200);
        }
        fds[3] = rig_connect(&r);
        assert_true(rig_closed(fds[3], 2000));
        for (int i = 0; i < 4; i++)
            close(fds[i]);
        usleep(100000);
    }
    rig_stop(&r);
}

struct load {
    const struct rig *r;
    int answered;
};
static void *send_many(void *arg) {
    struct load *l = arg;
    int fd = rig_connect(l->r);
    char answer[1024];
    for (int i = 0; i < 500; i++) {
        rig_say(fd, "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nabcd");
        if (rig_answer(fd, answer, sizeof answer) == 200) l->answered++;
    }
    close(fd);
    return NULL;
}

static void requests_of_many_connections_share_a_group(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    pthread_t threads[16];
    struct load loads[16];
    for (int i = 0; i < 16; i++) {
        loads[i] = (struct load){&r, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &loads[i]), 0);
    }
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(loads[i].answered, 500);
    }
    assert_int_equal(atomic_load(&r.asked), 8000);
    assert_int_equal(atomic_load(&r.done), 8000);
    assert_true(atomic_load(&r.largest_group) > 1);
    assert_true(atomic_load(&r.groups) < 8000);
    rig_stop(&r);
}

/* Eight requests of a kilobyte that each unpack to a megabyte, while a commit waits. */
static void unpacked_bodies_share_the_budget_of_large_ones(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.large_bytes = 4u << 20});
    char path[64], command[128], head[160];
    (void)snprintf(path, sizeof path, "/tmp/weir-unpacked-%d", getpid());
    (void)snprintf(command, sizeof command, "head -c 1000000 /dev/zero | gzip -c > %s", path);
    assert_int_equal(system(command), 0);
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(io_read_file(path, 1 << 20, &b));
    (void)unlink(path);
    (void)snprintf(head, sizeof head,
                   "POST /later HTTP/1.1\r\nHost: h\r\nContent-Encoding: "
                   "gzip\r\nContent-Length: %zu\r\n\r\n",
                   b.n);
    for (int round = 0; round < 2; round++) { /* what was counted is given back */
        int fds[8], taken = 0, put_off = 0;
        atomic_store(&r.hold, true);
        for (int i = 0; i < 8; i++) {
            fds[i] = rig_connect(&r);
            rig_say(fds[i], head);
            rig_send(fds[i], b.p, b.n);
        }
        while (atomic_load(&r.asked) < 4 * (round + 1))
            usleep(1000);
        usleep(100000);
        atomic_store(&r.hold, false);
        for (int i = 0; i < 8; i++) {
            int status = rig_answer(fds[i], out, sizeof out);
            taken += status == 200;
            put_off += status == 503;
            close(fds[i]);
        }
        assert_int_equal(taken, 4);
        assert_int_equal(put_off, 4);
        while (edge_in_hand(r.edge) > 0)
            usleep(1000);
    }
    rig_stop(&r);
}

static void draining_answers_what_is_in_hand_and_closes(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    int fd = rig_connect(&r);
    rig_say(fd, "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    while (edge_in_hand(r.edge) == 0)
        usleep(1000);
    atomic_store(&r.quiesce, true);
    usleep(50000);
    int late = rig_connect(&r); /* the socket is open still: it queues */
    rig_say(late, later);
    rig_say(fd, "cd");
    assert_int_equal(rig_answer(fd, out, sizeof out), 200);
    assert_non_null(strstr(out, "Connection: close"));
    assert_true(rig_closed(fd, 2000));
    assert_false(rig_closed(late, 200));
    close(fd);
    close(late);
    rig_stop(&r);
}

static void threads_stream_and_block(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.mode = EDGE_THREADS});
    assert_int_equal(rig_ask(&r, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_non_null(strstr(out, "piece 10\n"));
    assert_non_null(strstr(out, "piece 1\n"));
    int fd = rig_connect(&r); /* a stream that breaks closes without its last chunk */
    rig_say(fd, "GET /broken HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(rig_answer(fd, out, sizeof out) <= 0);
    close(fd);
    assert_int_equal(rig_ask(&r, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out), 200);
    assert_int_equal(strlen(rig_body(out)), 1 << 20);
    const char *post = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok";
    assert_int_equal(rig_ask(&r, post, out, sizeof out), 200);
    assert_string_equal(rig_body(out), "POST /echo  0 ok");
    rig_stop(&r);
}

static void threads_cut_off_drips_too(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){.mode = EDGE_THREADS, .request_s = 1, .idle_s = 6});
    int fd = rig_connect(&r);
    rig_say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    bool gone = false;
    for (int i = 0; i < 40 && !gone; i++) {
        rig_say(fd, "x");
        gone = rig_closed(fd, 100);
    }
    assert_true(gone);
    close(fd);
    rig_stop(&r);
}

static size_t collect(char *p, size_t size, size_t n, void *ctx) {
    buf_put(ctx, p, size * n);
    return size * n;
}

static void fetch_tls(enum edge_mode mode) {
    struct rig r;
    rig_start(&r, (struct edge_config){
                      .mode = mode, .tls_cert_pem = str_z(cert), .tls_key_pem = str_z(key)});
    CURL *c = curl_easy_init();
    char url[64];
    (void)snprintf(url, sizeof url, "https://localhost:%d/echo", r.port);
    curl_easy_setopt(c, CURLOPT_URL, url);
    struct curl_blob ca = {(void *)(uintptr_t)cert, sizeof cert - 1, CURL_BLOB_COPY};
    curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, "sealed letter");
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
    for (int i = 0; i < 5; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &b);
        assert_int_equal(curl_easy_perform(c), CURLE_OK);
        assert_true(str_is(buf_str(&b), "POST /echo  0 sealed letter"));
        buf_done(&b);
    }
    curl_easy_cleanup(c);
    rig_stop(&r);
}

static void tls_serves_both_ways(void **state) {
    (void)state;
    fetch_tls(EDGE_GROUP);
    fetch_tls(EDGE_THREADS);
}

static void bad_tls_material_is_refused(void **state) {
    (void)state;
    struct rig r;
    rig_start(&r, (struct edge_config){0});
    struct edge_config bad = {
        .idle_s = 10,
        .handler = (edge_handler)(uintptr_t)1,
        .tls_cert_pem = STR("no"),
        .tls_key_pem = STR("no"),
        .max_connections = 4,
        .max_head_bytes = 65536,
        .listeners = {{dup(r.listen_fd), false}}, /* the library closes it when it fails */
        .n_listeners = 1};
    struct edge *e;
    assert_int_equal(edge_open(&bad, &e).code, ERR_INVALID);
    rig_stop(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_is_closed_late_and_not_early),
        cmocka_unit_test(a_dripped_request_is_cut_off),
        cmocka_unit_test(a_dripped_request_line_is_cut_off),
        cmocka_unit_test(clients_that_vanish_leave_nothing_behind),
        cmocka_unit_test(a_client_that_vanishes_while_its_group_waits_harms_nobody),
        cmocka_unit_test(a_busy_handler_is_asked_again),
        cmocka_unit_test(a_paused_edge_queues_and_loses_nothing),
        cmocka_unit_test(more_connections_than_the_limit_wait_their_turn),
        cmocka_unit_test(one_address_has_its_share),
        cmocka_unit_test(requests_of_many_connections_share_a_group),
        cmocka_unit_test(unpacked_bodies_share_the_budget_of_large_ones),
        cmocka_unit_test(draining_answers_what_is_in_hand_and_closes),
        cmocka_unit_test(threads_stream_and_block),
        cmocka_unit_test(threads_cut_off_drips_too),
        cmocka_unit_test(tls_serves_both_ways),
        cmocka_unit_test(bad_tls_material_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
