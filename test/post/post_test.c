/* What crosses between console and courier, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "post/post.h"

struct rig {
    int fd[2];
    struct post *a, *b;
    struct arena *arena;
};

static int begin(void **state) {
    struct rig *r = calloc(1, sizeof *r);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, r->fd), 0);
    assert_int_equal(post_open(r->fd[0], &r->a).code, ERR_OK);
    assert_int_equal(post_open(r->fd[1], &r->b).code, ERR_OK);
    r->arena = arena_new(0);
    *state = r;
    return 0;
}

static int end(void **state) {
    struct rig *r = *state;
    post_close(r->a);
    post_close(r->b);
    close(r->fd[0]);
    close(r->fd[1]);
    arena_free(r->arena);
    free(r);
    return 0;
}

static const struct post_beat sample = {.probe = 4000000000u,
                                        .place = 7,
                                        .at_us = INT64_C(1763779200000000),
                                        .total_us = 12345,
                                        .phase_us = {1, 2, -1, 4, 5},
                                        .late_us = 9,
                                        .code = 503,
                                        .cert_days = -1,
                                        .up = POST_PENDING,
                                        .fault = POST_STATUS,
                                        .attempt = 2};

static struct str beat_text(struct buf *b, const struct post_beat *beat) {
    struct jout j;
    jout_init(&j, b);
    jout_object(&j);
    jout_keyz(&j, "kind");
    jout_strz(&j, "beat");
    post_put_beat(&j, beat);
    jout_object_end(&j);
    return buf_str(b);
}

static void a_message_arrives_whole_with_its_kind(void **state) {
    struct rig *r = *state;
    struct post_message m;
    assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_NOTFOUND);
    assert_int_equal(post_send(r->a, STR("{\"kind\":\"probe.drop\",\"probe\":3}")).code, ERR_OK);
    assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_OK);
    assert_int_equal(m.kind, POST_PROBE_DROP);
    assert_int_equal(json_get(m.body, "probe")->i, 3);
    assert_true(str_is(m.text, "{\"kind\":\"probe.drop\",\"probe\":3}"));
}

static void what_is_no_message_is_counted_and_dropped_and_the_next_one_arrives(void **state) {
    struct rig *r = *state;
    static const char *const bad[] = {"[]",
                                      "{}",
                                      "{\"kind\":7}",
                                      "{\"kind\":\"exec\"}",
                                      "x",
                                      "{\"kind\":\"beat\"",
                                      "{\"kind\":\"\xff\"}"};
    struct post_message m;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(write(r->fd[0], bad[i], strlen(bad[i])), (ssize_t)strlen(bad[i]));
        assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_INVALID);
        assert_int_equal(post_dropped(r->b), i + 1);
    }
    assert_int_equal(post_send(r->a, STR("{\"kind\":\"hello\"}")).code, ERR_OK);
    assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_OK);
}

static void messages_beyond_the_limit_are_refused_on_both_sides(void **state) {
    struct rig *r = *state;
    struct post_message m;
    char *large = malloc(POST_MAX_BYTES + 1);
    memset(large, ' ', POST_MAX_BYTES + 1);
    memcpy(large, "{\"kind\":\"hello\"}", 16);
    assert_int_equal(post_send(r->a, (struct str){large, POST_MAX_BYTES + 1}).code, ERR_LIMIT);
    assert_int_equal(post_send(r->a, (struct str){large, POST_MAX_BYTES}).code, ERR_OK);
    assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_OK);
    assert_true(write(r->fd[0], large, POST_MAX_BYTES + 1) > 0);
    assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_INVALID);
    free(large);
}

static void a_reader_that_sleeps_loses_nothing_and_blocks_nobody(void **state) {
    struct rig *r = *state;
    char text[600];
    size_t sent = 0, got = 0;
    memset(text, 'x', sizeof text);
    for (; sent < 5000; sent++) {
        int n = snprintf(text, sizeof text, "{\"kind\":\"probe.now\",\"probe\":%zu,\"x\":\"", sent);
        memset(text + n, 'y', sizeof text - (size_t)n);
        memcpy(text + sizeof text - 2, "\"}", 2);
        assert_int_equal(post_send(r->a, (struct str){text, sizeof text}).code, ERR_OK);
    }
    assert_true(post_flush(r->a));
    for (struct post_message m; got < sent; got++) {
        arena_reset(r->arena);
        struct err e = post_next(r->b, r->arena, &m);
        if (e.code == ERR_NOTFOUND) {
            post_flush(r->a);
            e = post_next(r->b, r->arena, &m);
        }
        assert_int_equal(e.code, ERR_OK);
        assert_int_equal(json_get(m.body, "probe")->i, got);
    }
    assert_false(post_flush(r->a));
}

static void a_full_queue_refuses_and_keeps_what_it_has(void **state) {
    struct rig *r = *state;
    static char text[60000];
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"kind\":\"hello\"}", 16);
    size_t taken = 0;
    while (post_send(r->a, (struct str){text, sizeof text}).code == ERR_OK && taken < 1000)
        taken++;
    assert_in_range(taken, POST_QUEUE_BYTES / sizeof text, POST_QUEUE_BYTES / sizeof text + 20);
    struct post_message m;
    for (size_t i = 0; i < taken; i++) {
        arena_reset(r->arena);
        post_flush(r->a);
        assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_OK);
    }
}

static void a_beat_reads_back_as_it_was_written(void **state) {
    struct rig *r = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, POST_MAX_BYTES);
    struct post_message m;
    struct post_beat back;
    assert_int_equal(post_send(r->a, beat_text(&b, &sample)).code, ERR_OK);
    assert_int_equal(post_next(r->b, r->arena, &m).code, ERR_OK);
    assert_int_equal(post_read_beat(m.body, &back).code, ERR_OK);
    assert_memory_equal(&back, &sample, sizeof back);
}

static struct err read_text(struct arena *a, const char *text) {
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(POST_MAX_BYTES);
    const struct json *v;
    struct post_beat b;
    struct err e = json_parse_copy(p, str_z(text), a, &v);
    return e.code ? e : post_read_beat(v, &b);
}

static void a_beat_with_a_member_too_few_too_many_or_out_of_range_is_refused(void **state) {
    struct rig *r = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, POST_MAX_BYTES);
    (void)beat_text(&b, &sample);
    buf_put_char(&b, 0);
    char text[2000];
    assert_int_equal(read_text(r->arena, b.p).code, ERR_OK);
    static const struct {
        const char *from, *to;
    } change[] = {{"\"up\":2", "\"up\":5"},
                  {"\"up\":2", "\"up\":\"2\""},
                  {"\"up\":2,", ""},
                  {"\"up\":2", "\"up\":2,\"up\":2"},
                  {"\"up\":2", "\"up\":2,\"x\":1"},
                  {"\"up\":2", "\"up\":2.5"},
                  {"\"fault\":7", "\"fault\":99"},
                  {"\"place\":7", "\"place\":-1"},
                  {"\"code\":503", "\"code\":70000"},
                  {"\"probe\":4000000000", "\"probe\":0"}};
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        char *at = strstr(b.p, change[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - b.p), b.p, change[i].to,
                 at + strlen(change[i].from));
        assert_int_equal(read_text(r->arena, text).code, ERR_INVALID);
    }
}

static void every_fault_has_a_name_and_a_text(void **state) {
    (void)state;
    for (int i = 0; i < POST_FAULTS_N; i++) {
        assert_non_null(post_fault_name((enum post_fault)i));
        assert_non_null(post_fault_text((enum post_fault)i));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(post_fault_name((enum post_fault)i),
                                    post_fault_name((enum post_fault)k));
    }
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_message_arrives_whole_with_its_kind),
        T(what_is_no_message_is_counted_and_dropped_and_the_next_one_arrives),
        T(messages_beyond_the_limit_are_refused_on_both_sides),
        T(a_reader_that_sleeps_loses_nothing_and_blocks_nobody),
        T(a_full_queue_refuses_and_keeps_what_it_has),
        T(a_beat_reads_back_as_it_was_written),
        T(a_beat_with_a_member_too_few_too_many_or_out_of_range_is_refused),
        T(every_fault_has_a_name_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
