/* The front as a process: what is answered 200 is on disk, whatever dies or fills up. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sandbox/sandbox.h"

static char out[65536];

static uint64_t count_of(const struct rig *r, enum channel_counter n) {
    return atomic_load(&r->channel.page->counters[n]);
}

static void an_event_answered_is_in_the_journal(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "alice", "pro"), 200);
    assert_int_equal(rig_events(&r, NULL, NULL), 1);
    assert_int_equal(
        rig_ask(
            &r, -1,
            "GET "
            "/track/"
            "?data=eyJldmVudCI6IlgiLCJwcm9wZXJ0aWVzIjp7InRva2VuIjoidG9rZW4xIiwiZGlzdGluY3RfaWQiOiJi"
            "In19 HTTP/1.1\r\nHost: h\r\n\r\n",
            out, sizeof out),
        200);
    assert_string_equal(rig_body(out), "1");
    assert_int_equal(rig_events(&r, NULL, NULL), 2);
    assert_int_equal(count_of(&r, COUNT_EVENTS), 2);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

static void other_paths_are_answered_with_cors(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    static const struct {
        const char *line;
        int status;
        const char *body;
    } asks[] = {{"GET /healthz", 200, "ok"},
                {"GET /nowhere", 404, "not_found"},
                {"DELETE /track", 405, "method_not_allowed"},
                {"GET /settings/?$lib_version=1", 200, "sdk_config"},
                {"POST /flags", 200, "flags"},
                {"GET /track?img=1", 200, ""}};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        char request[256];
        (void)snprintf(request, sizeof request,
                       "%s HTTP/1.1\r\nHost: h\r\nOrigin: https://shop.example\r\n\r\n",
                       asks[i].line);
        assert_int_equal(rig_ask(&r, -1, request, out, sizeof out), asks[i].status);
        assert_non_null(strstr(out, "Access-Control-Allow-Origin: https://shop.example\r\n"));
        assert_non_null(strstr(rig_body(out), asks[i].body));
    }
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

static void unknown_tokens_are_counted_and_masked(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_track(&r, -1, "nobodys-secret-token", "alice", "pro"), 200);
    assert_int_equal(count_of(&r, COUNT_UNKNOWN_TOKEN_RECORDS), 3);
    assert_int_equal(atomic_load(&r.channel.page->unknown_tokens[0].count), 3);
    const char *masked = r.channel.page->unknown_tokens[0].masked;
    assert_true(masked[0] == 'n' && strlen(masked) < 16);
    assert_int_equal(rig_events(&r, NULL, NULL), 0);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

static void a_registry_written_while_serving_is_honoured(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token2", "alice", "pro"), 200);
    assert_int_equal(rig_events(&r, NULL, NULL), 0);
    r.second_token = "token2";
    rig_registry(&r);
    assert_int_equal(atomic_load(&r.channel.page->registry_seen),
                     atomic_load(&r.channel.page->registry_generation));
    assert_int_equal(rig_track(&r, -1, "token2", "alice", "pro"), 200);
    assert_int_equal(rig_events(&r, NULL, NULL), 1);
    r.second_token = NULL; /* and a project that is gone is */
    rig_registry(&r);
    assert_int_equal(rig_track(&r, -1, "token2", "alice", "pro"), 200);
    assert_int_equal(rig_events(&r, NULL, NULL), 1);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

static void a_rotation_asked_for_is_made(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "alice", "pro"), 200);
    uint64_t position = atomic_load(&r.channel.page->synced);
    atomic_fetch_add(&r.channel.page->rotate_asked, 1);
    channel_wake(r.channel.wake_front);
    for (int i = 0; i < 500 && atomic_load(&r.channel.page->rotate_done) == 0; i++)
        usleep(10000);
    assert_int_equal(atomic_load(&r.channel.page->rotate_done), 1);
    char name[64], path[4200];
    (void)snprintf(name, sizeof name, "journal/%020llu.wj", (unsigned long long)position);
    settings_path(&r.settings, name, path);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(rig_track(&r, -1, "token1", "bob", "pro"), 200);
    assert_int_equal(rig_events(&r, NULL, NULL), 2);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

/* ---- the crowd over restarts ---- */

struct plans {
    unsigned sealed, readable, known;
};
static void see_plan(void *ctx, struct frame *f, const struct frame_event *e) {
    struct plans *p = ctx;
    struct cursor props = e->props, value;
    uint32_t path;
    while (frame_next_prop(&props, &path, &value)) {
        if (cursor_u8(&value) != V_TEXT) continue;
        const struct frame_text *t = &f->texts[cursor_u32(&value)];
        if (t->bytes.n == 3 && memcmp(t->bytes.p, "pro", 3) == 0)
            p->readable++;
        else if (t->state == FRAME_TEXT_SEALED && t->bytes.n == 32)
            p->sealed++; /* plan and distinct_id alike */
        else if (t->state == FRAME_TEXT_KNOWN)
            p->known++;
    }
}

static void what_became_readable_stays_so_after_a_kill(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "u1", "pro"), 200);
    assert_int_equal(rig_track(&r, -1, "token1", "u2", "pro"), 200);
    struct plans p = {0};
    rig_events(&r, see_plan, &p);
    assert_int_equal(p.readable, 0);
    assert_int_equal(rig_track(&r, -1, "token1", "u3", "pro"), 200); /* the third of three */
    p = (struct plans){0};
    rig_events(&r, see_plan, &p);
    assert_int_equal(p.readable, 1);
    unsigned known = p.known;
    rig_kill(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "u9", "pro"), 200);
    p = (struct plans){0};
    rig_events(&r, see_plan, &p);
    assert_int_equal(p.readable, 1); /* its text is not sent again: it is known */
    assert_true(p.known > known);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

static void candidates_survive_a_clean_stop(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "u1", "pro"), 200);
    assert_int_equal(rig_track(&r, -1, "token1", "u2", "pro"), 200);
    assert_int_equal(rig_stop(&r), 0);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "u3", "pro"), 200);
    struct plans p = {0};
    rig_events(&r, see_plan, &p);
    assert_int_equal(p.readable, 1);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

/* A text that becomes readable in a group that is given up must not count as known. */
static void a_refused_group_makes_nothing_known(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "u1", "pro"), 200);
    assert_int_equal(rig_track(&r, -1, "token1", "u2", "pro"), 200);
    atomic_store(&disk->fail, ENOSPC);
    assert_int_equal(rig_track(&r, -1, "token1", "u3", "pro"), 503); /* after 8 s of patience */
    atomic_store(&disk->fail, 0);
    assert_int_equal(rig_track(&r, -1, "token1", "u4", "pro"), 200);
    struct plans p = {0};
    assert_int_equal(rig_events(&r, see_plan, &p), 3);
    assert_int_equal(p.readable, 1);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

/* ---- the disk ---- */

static void *heal(void *arg) {
    (void)arg;
    usleep(700000);
    atomic_store(&disk->fail, 0);
    return NULL;
}

static void a_full_disk_delays_before_it_refuses(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    atomic_store(&disk->fail, ENOSPC);
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, heal, NULL), 0);
    int64_t began = time_monotonic_us();
    assert_int_equal(rig_track(&r, -1, "token1", "u1", "pro"), 200);
    assert_true(time_monotonic_us() - began > US_PER_S / 2);
    pthread_join(t, NULL);
    assert_int_equal(rig_events(&r, NULL, NULL), 1);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

static void a_disk_that_stays_full_is_503_and_recovers_by_itself(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    atomic_store(&disk->fail, ENOSPC);
    const char *post =
        "POST /track?verbose=1 HTTP/1.1\r\nHost: h\r\nOrigin: "
        "https://shop.example\r\nContent-Length: "
        "73\r\n\r\n"
        "{\"event\":\"X\",\"properties\":{\"token\":\"token1\",\"distinct_id\":\"a\",\"n\":12345}}";
    int fd = rig_connect(&r);
    int64_t began = time_monotonic_us();
    int st = rig_ask(&r, fd, post, out, sizeof out);
    if (st != 503) print_error("%s\n", out);
    assert_int_equal(st, 503);
    assert_true(time_monotonic_us() - began > 7 * US_PER_S &&
                time_monotonic_us() - began < 10 * US_PER_S);
    assert_non_null(strstr(out, "Retry-After: "));
    assert_non_null(strstr(out, "Access-Control-Allow-Origin: https://shop.example\r\n"));
    assert_int_equal(atomic_load(&r.channel.page->disk_full), 1);
    began = time_monotonic_us();
    assert_int_equal(rig_ask(&r, fd, post, out, sizeof out), 503); /* now at once */
    assert_true(time_monotonic_us() - began < US_PER_S);
    assert_int_equal(rig_ask(&r, -1, "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", out, sizeof out),
                     503);
    assert_int_equal(count_of(&r, COUNT_REFUSED_503), 2);
    atomic_store(&disk->fail, 0);
    assert_int_equal(rig_ask(&r, fd, post, out, sizeof out), 200); /* on the same connection */
    assert_int_equal(atomic_load(&r.channel.page->disk_full), 0);
    assert_int_equal(rig_events(&r, NULL, NULL), 1);
    close(fd);
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

static void a_quota_refuses_for_a_while(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    r.quota = 5;
    rig_registry(&r);
    rig_start(&r);
    int refused = 0;
    for (int i = 0; i < 20; i++)
        refused += rig_track(&r, -1, "token1", "u1", "pro") == 503;
    assert_true(refused == 15 || refused == 10); /* a minute may end meanwhile */
    assert_true(count_of(&r, COUNT_QUOTA_REFUSED) > 0);
    assert_int_equal(rig_events(&r, NULL, NULL), (size_t)(20 - refused));
    assert_int_equal(rig_stop(&r), 0);
    rig_remove(&r);
}

/* ---- death ---- */

struct sender {
    const struct rig *r;
    int number;
    int sent, acknowledged;
};

static void *send_until_broken(void *arg) {
    struct sender *s = arg;
    int fd = rig_connect(s->r);
    for (;; s->sent++) {
        char person[64];
        (void)snprintf(person, sizeof person, "p%d-%d", s->number, s->sent);
        if (rig_track(s->r, fd, "token1", person, "pro") != 200) break;
        s->acknowledged = s->sent + 1;
    }
    close(fd);
    return NULL;
}

static void kill_nine_under_load_loses_nothing_acknowledged(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    size_t acknowledged = 0, sent = 0;
    for (int round = 0; round < 20; round++) {
        rig_start(&r);
        pthread_t threads[8];
        static struct sender senders[8];
        for (int i = 0; i < 8; i++) {
            senders[i] = (struct sender){.r = &r, .number = round * 8 + i};
            assert_int_equal(pthread_create(&threads[i], NULL, send_until_broken, &senders[i]), 0);
        }
        usleep(20000 + (unsigned)(random_u64() % 60000));
        kill(r.pid, SIGKILL);
        rig_new_door(&r);
        for (int i = 0; i < 8; i++) {
            pthread_join(threads[i], NULL);
            acknowledged += (size_t)senders[i].acknowledged;
            sent += (size_t)senders[i].sent + 1;
        }
        rig_kill(&r);
        rig_start(&r); /* recovers and publishes what is durable */
        size_t events = rig_events(&r, NULL, NULL);
        assert_true(events >= acknowledged);
        assert_true(events <= sent);
        rig_kill(&r);
    }
    assert_true(acknowledged > 100);
    rig_remove(&r);
}

static void stopping_answers_what_is_in_hand(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    atomic_store(&disk->slow_ms, 300);
    pthread_t threads[4];
    static struct sender senders[4];
    for (int i = 0; i < 4; i++) {
        senders[i] = (struct sender){.r = &r, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_until_broken, &senders[i]), 0);
    }
    usleep(400000);
    assert_int_equal(rig_stop(&r), 0);
    size_t acknowledged = 0, sent = 0;
    shutdown(r.door, SHUT_RDWR);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        acknowledged += (size_t)senders[i].acknowledged;
        sent += (size_t)senders[i].sent;
    }
    assert_int_equal(
        sent, acknowledged); /* each was answered, and then the connection closed between two */
    assert_int_equal(rig_events(&r, NULL, NULL), acknowledged);
    assert_true(acknowledged >= 4);
    rig_remove(&r);
}

/* ---- the sandbox ---- */

enum attempt {
    READ_JOURNAL,
    READ_PASSWD,
    WRITE_OUTSIDE,
    DIAL,
    EXEC,
    MAKE_CODE,
    WRITE_JOURNAL,
    READ_OWN
};

/* 0: it worked, 1: it was refused. */
static int attempt(enum attempt what, const char *journal, const char *own) {
    char path[4200];
    int fd = -1;
    switch (what) {
    case READ_JOURNAL:
        path_join(path, sizeof path, journal, "00000000000000000000.wj");
        fd = open(path, O_RDONLY);
        break;
    case READ_PASSWD:
        fd = open("/etc/passwd", O_RDONLY);
        break;
    case WRITE_OUTSIDE:
        fd = open("/tmp/weir-escaped", O_WRONLY | O_CREAT, 0600);
        break;
    case DIAL:
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0) connect(3, (const struct sockaddr *)"", 0);
        break;
    case EXEC:
        execl("/bin/true", "true", NULL);
        break;
    case MAKE_CODE: {
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
        return p == MAP_FAILED;
    }
    case WRITE_JOURNAL:
        path_join(path, sizeof path, journal, "00000000000000000777.wj");
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        break;
    case READ_OWN:
        path_join(path, sizeof path, own, "registry");
        fd = open(path, O_RDONLY);
        break;
    }
    return fd < 0;
}

static int try_closed(enum attempt what, const char *journal, const char *own) {
    pid_t pid = fork();
    if (pid == 0) {
        const struct sandbox_path paths[] = {{.path = own, .write = SANDBOX_WRITE},
                                             {.path = journal, .write = SANDBOX_WRITE_ONLY}};
        if (sandbox_close(paths, 2).code != ERR_OK || front_close_calls().code != ERR_OK) _exit(77);
        _exit(attempt(what, journal, own));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void the_sandbox_leaves_only_what_serving_needs(void **state) {
    (void)state;
    struct rig r;
    rig_make(&r);
    rig_start(&r);
    assert_int_equal(rig_track(&r, -1, "token1", "u1", "pro"), 200);
    assert_int_equal(rig_stop(&r), 0);
    char journal[4200], own[4200];
    settings_path(&r.settings, "journal", journal);
    settings_path(&r.settings, "front", own);
    assert_int_equal(attempt(READ_JOURNAL, journal, own), 0); /* it can be read from outside */
    assert_int_equal(try_closed(WRITE_JOURNAL, journal, own), 0);
    assert_int_equal(try_closed(READ_OWN, journal, own), 0);
    assert_int_equal(try_closed(READ_JOURNAL, journal, own), 1);
    assert_int_equal(try_closed(READ_PASSWD, journal, own), 1);
    assert_int_equal(try_closed(WRITE_OUTSIDE, journal, own), 1);
    assert_int_equal(try_closed(MAKE_CODE, journal, own), 1);
    assert_int_equal(try_closed(DIAL, journal, own), -SIGSYS);
    assert_int_equal(try_closed(EXEC, journal, own), -SIGSYS);
    rig_remove(&r);
}

int main(int argc, char **argv) {
    if (argc > 1) cmocka_set_test_filter(argv[1]); /* a name, with '*' */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_answered_is_in_the_journal),
        cmocka_unit_test(other_paths_are_answered_with_cors),
        cmocka_unit_test(unknown_tokens_are_counted_and_masked),
        cmocka_unit_test(a_registry_written_while_serving_is_honoured),
        cmocka_unit_test(a_rotation_asked_for_is_made),
        cmocka_unit_test(what_became_readable_stays_so_after_a_kill),
        cmocka_unit_test(candidates_survive_a_clean_stop),
        cmocka_unit_test(a_refused_group_makes_nothing_known),
        cmocka_unit_test(a_full_disk_delays_before_it_refuses),
        cmocka_unit_test(a_disk_that_stays_full_is_503_and_recovers_by_itself),
        cmocka_unit_test(a_quota_refuses_for_a_while),
        cmocka_unit_test(kill_nine_under_load_loses_nothing_acknowledged),
        cmocka_unit_test(stopping_answers_what_is_in_hand),
        cmocka_unit_test(the_sandbox_leaves_only_what_serving_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
