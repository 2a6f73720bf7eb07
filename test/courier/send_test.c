/* send_test.c: a number is sent at most once: the log before and after a crash, and what a small
 * mail server on loopback gets and answers. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "courier/send.h"

static char folder[] = "/tmp/weir-send-XXXXXX";

/* ---- a mail server: one connection at a time ---- */

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    atomic_int mails, connections;
    _Atomic(const char *) rcpt; /* answers */
    _Atomic(const char *) dot;  /* NULL: the connection is cut instead */
} server;

static bool read_line(FILE *in, char *line, int n) {
    return fgets(line, n, in) != NULL;
}

static void talk(int fd) {
    FILE *in = fdopen(dup(fd), "r");
    char line[4096];
    bool data = false;
    dprintf(fd, "220 test\r\n");
    while (read_line(in, line, sizeof line)) {
        if (data && strcmp(line, ".\r\n") != 0) continue;
        if (data) {
            const char *answer = server.dot;
            server.mails++;
            data = false;
            if (!answer) break;
            dprintf(fd, "%s\r\n", answer);
        } else if (strncmp(line, "RCPT", 4) == 0) {
            dprintf(fd, "%s\r\n", server.rcpt);
        } else if (strncmp(line, "DATA", 4) == 0) {
            data = true;
            dprintf(fd, "354 go\r\n");
        } else if (strncmp(line, "QUIT", 4) == 0) {
            break;
        } else {
            dprintf(fd, "250 ok\r\n");
        }
    }
    fclose(in);
}

static void *serve(void *ctx) {
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);
        if (fd < 0) return NULL;
        server.connections++;
        talk(fd);
        close(fd);
    }
}

static int start_server(void **state) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!mkdtemp(folder) || bind(server.fd, (struct sockaddr *)&a, n) || listen(server.fd, 8) ||
        getsockname(server.fd, (struct sockaddr *)&a, &n))
        return 1;
    server.port = ntohs(a.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop_server(void **state) {
    char command[100];
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* ---- the sender ---- */

static struct {
    struct send *send;
    pthread_mutex_t lock;
    char answers[64][200];
    size_t n;
} t = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_answer(void *ctx, struct str message) {
    pthread_mutex_lock(&t.lock);
    if (t.n < 64) snprintf(t.answers[t.n++], sizeof t.answers[0], STR_FMT, STR_ARG(message));
    pthread_mutex_unlock(&t.lock);
}

static void open_send(void) {
    static char url[64];
    snprintf(url, sizeof url, "smtp+plain://127.0.0.1:%u", server.port);
    struct send_config c = {.folder = folder, .smtp = url, .answer = on_answer};
    assert_int_equal(send_open(&c, &t.send).code, ERR_OK);
}

static int begin(void **state) {
    char path[100];
    snprintf(path, sizeof path, "%s/sent", folder);
    unlink(path);
    server.mails = server.connections = 0;
    server.rcpt = "250 ok";
    server.dot = "250 ok";
    t.n = 0;
    open_send();
    return 0;
}

static int end(void **state) {
    send_close(t.send);
    t.send = NULL;
    return 0;
}

static void restart(void) {
    send_close(t.send);
    t.n = 0;
    open_send();
}

static void tell(const char *text) {
    struct arena *a = arena_new(1u << 20);
    struct json_parser *p = json_parser_new(1u << 17);
    const struct json *v;
    assert_int_equal(json_parse_copy(p, str_z(text), a, &v).code, ERR_OK);
    send_take(t.send, v);
    json_parser_free(p);
    arena_free(a);
}

static void mail(int id) {
    char text[400];
    snprintf(text, sizeof text,
             "{\"kind\":\"send\",\"id\":%d,\"by\":\"mail\",\"from\":\"a@b.cc\",\"to\":\"d@e.ff\","
             "\"data\":\"Subject: x\\r\\n\\r\\nHello\\r\\n.dot\\r\\n\"}",
             id);
    tell(text);
}

/* Waits until n answers have come; gives the last. */
static const char *answers(size_t n) {
    for (int i = 0; i < 3000; i++) {
        pthread_mutex_lock(&t.lock);
        size_t have = t.n;
        pthread_mutex_unlock(&t.lock);
        if (have >= n) return t.answers[n - 1];
        usleep(5000);
    }
    fail_msg("no answer");
    return "";
}

static bool says(const char *answer, const char *result, const char *class) {
    char want[100];
    snprintf(want, sizeof want, "\"result\":\"%s\",\"class\":\"%s\"", result, class);
    return strstr(answer, want) != NULL;
}

static void log_record(uint8_t what, int64_t id) {
    struct send_log l;
    struct send_record r = {.id = id, .what = what};
    char path[100];
    snprintf(path, sizeof path, "%s/sent", folder);
    FILE *f = fopen(path, "a");
    l = (struct send_log){.fd = fileno(f)};
    assert_int_equal(send_log_put(&l, &r).code, ERR_OK);
    fclose(f);
}

static void a_number_is_sent_once_however_often_it_is_handed_over(void **state) {
    mail(5);
    assert_true(says(answers(1), "ok", ""));
    mail(5);
    assert_true(says(answers(2), "ok", ""));
    restart();
    mail(5);
    assert_true(says(answers(1), "ok", ""));
    assert_int_equal(server.mails, 1);
}

static void begun_without_done_is_in_doubt_and_stays_so(void **state) {
    log_record(SEND_SOON, 7);
    log_record(SEND_BEGUN, 7);
    restart();
    mail(7);
    assert_true(says(answers(1), "unknown", "lost"));
    restart();
    mail(7);
    assert_true(says(answers(1), "unknown", "lost"));
    assert_int_equal(server.mails, 0);
}

static void soon_alone_is_sent_in_the_same_boot_and_in_doubt_after_another(void **state) {
    log_record(SEND_SOON, 8);
    restart();
    mail(8);
    assert_true(says(answers(1), "ok", ""));
    log_record(SEND_BOOT, 12345); /* what follows was written in another boot */
    log_record(SEND_SOON, 9);
    restart();
    mail(9);
    assert_true(says(answers(1), "unknown", "lost"));
    assert_int_equal(server.mails, 1);
}

static void a_torn_or_damaged_record_counts_as_not_there(void **state) {
    char command[200];
    log_record(SEND_BEGUN, 10);
    log_record(SEND_BEGUN, 11);
    snprintf(command, sizeof command, "truncate -s -5 %s/sent", folder);
    assert_int_equal(system(command), 0);
    restart();
    mail(10);
    assert_true(says(answers(1), "unknown", "lost"));
    mail(11);
    assert_true(says(answers(2), "ok", ""));
}

static void what_is_acknowledged_is_forgotten(void **state) {
    mail(12);
    answers(1);
    tell("{\"kind\":\"sent.ack\",\"ids\":[12,13,\"x\",null]}");
    mail(12); /* the console would not: it shows that nothing is left of it */
    answers(2);
    assert_int_equal(server.mails, 2);
}

static void refusals_are_told_apart(void **state) {
    server.rcpt = "550 no such user";
    mail(20);
    assert_true(says(answers(1), "dead", "refused"));
    server.rcpt = "451 later";
    mail(21);
    assert_true(says(answers(2), "retry", "status"));
    server.rcpt = "250 ok";
    server.dot = "554 spam";
    mail(22);
    assert_true(says(answers(3), "dead", "refused"));
    server.dot = "451 later";
    mail(23);
    assert_true(says(answers(4), "retry", "status"));
}

static void an_answer_that_never_comes_is_in_doubt(void **state) {
    server.dot = NULL;
    mail(30);
    assert_true(says(answers(1), "unknown", "lost"));
    assert_int_equal(server.mails, 1);
}

static void hostile_messages_do_nothing(void **state) {
    tell("{\"kind\":\"send\"}");
    tell("{\"kind\":\"send\",\"id\":-1,\"by\":\"mail\"}");
    tell("{\"kind\":\"sent.ack\",\"ids\":{}}");
    tell("{\"kind\":\"send\",\"id\":40,\"by\":\"mail\",\"from\":\"a@b.cc\",\"to\":\"d@e.ff>"
         "\\r\\nRCPT "
         "TO:<x@y.zz\",\"data\":\"x\"}");
    assert_true(says(answers(1), "dead", "internal"));
    tell("{\"kind\":\"send\",\"id\":41,\"by\":\"hook\",\"url\":\"http://127.0.0.1/"
         "\",\"headers\":[\"A: "
         "b\\r\\nHost: c\"],\"body\":\"\"}");
    assert_true(says(answers(2), "dead", "internal"));
    tell("{\"kind\":\"send\",\"id\":42,\"by\":\"hook\",\"url\":\"file:///etc/"
         "passwd\",\"headers\":[],"
         "\"body\":\"\"}");
    assert_true(says(answers(3), "retry", "connect"));
    assert_int_equal(server.mails, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_number_is_sent_once_however_often_it_is_handed_over),
        TEST(begun_without_done_is_in_doubt_and_stays_so),
        TEST(soon_alone_is_sent_in_the_same_boot_and_in_doubt_after_another),
        TEST(a_torn_or_damaged_record_counts_as_not_there),
        TEST(what_is_acknowledged_is_forgotten),
        TEST(refusals_are_told_apart),
        TEST(an_answer_that_never_comes_is_in_doubt),
        TEST(hostile_messages_do_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
