/* More properties than a part may have columns: whose values are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "part/part.h"

#define JUNK 4200 /* a part has 4096 columns */

struct bench {
    struct seal_keys keys;
    struct team_secret team;
    struct frame_writer *f;
    struct id128 plan; /* the honest property */
};

static void start(struct bench *b) {
    assert_int_equal(seal_start().code, ERR_OK);
    *b = (struct bench){0};
    memset(&b->keys, 3, sizeof b->keys);
    team_generate(&b->team);
    b->f = frame_writer_new();
    assert_non_null(b->f);
    b->plan = seal_hash(&b->keys, TEXT_PROPERTY, TEXT_STRING, STR(""), STR("plan"));
}

static uint32_t text(struct bench *b, enum text_kind kind, const char *value, bool readable) {
    uint32_t index;
    struct frame_text t = {.hash = seal_hash(&b->keys, kind, TEXT_STRING, STR(""), str_z(value)),
                           .kind = (uint8_t)kind,
                           .type = TEXT_STRING,
                           .state = readable ? FRAME_TEXT_READABLE : FRAME_TEXT_SEALED,
                           .path = FRAME_NO_PATH,
                           .bytes = str_z(value)};
    if (!frame_find_text(b->f, t.hash, &index))
        assert_int_equal(frame_add_text(b->f, &t, &index).code, ERR_OK);
    return index;
}

static void event(struct bench *b, int64_t second) {
    struct frame_event e = {.person = {{1}}, .time_us = second * US_PER_S};
    e.name = text(b, TEXT_EVENT, "Play", true);
    frame_event_begin(b->f, &e);
}

/* A stranger's names, `times` times each, in front of one honest event. */
static struct part *build(struct bench *b, int from, int times, uint64_t *out_lost) {
    char name[32];
    frame_begin(b->f, 1, &b->team.pub, 0);
    for (int i = 0; i < JUNK * times; i++) {
        if (i % 200 == 0) event(b, i);
        snprintf(name, sizeof name, "junk%d", from + i % JUNK);
        frame_put_prop(b->f, text(b, TEXT_PROPERTY, name, false));
        frame_put_number(b->f, 1);
        if (i % 200 == 199 || i + 1 == JUNK * times)
            assert_int_equal(frame_record_end(b->f).code, ERR_OK);
    }
    event(b, 1000000);
    frame_put_prop(b->f, text(b, TEXT_PROPERTY, "plan", true));
    frame_put_simple(b->f, V_TRUE);
    assert_int_equal(frame_record_end(b->f).code, ERR_OK);
    struct str bytes;
    struct frame f;
    struct part *p = NULL;
    assert_int_equal(frame_finish(b->f, &bytes).code, ERR_OK);
    assert_int_equal(frame_parse(bytes, &f).code, ERR_OK);
    struct part_builder *rows = part_builder_new(1);
    assert_int_equal(part_builder_add(rows, &f).code, ERR_OK);
    assert_int_equal(part_build(rows, 0, 1, &p).code, ERR_OK);
    *out_lost = part_builder_lost(rows);
    part_builder_free(rows);
    frame_done(&f);
    return p;
}

static void assert_kept(const struct bench *b, const struct part *p) {
    int column = part_find_column(p, b->plan, PART_CODE);
    assert_true(column >= 0);
    assert_int_equal(part_column(p, column)->present_rows > 0, 1);
    assert_int_equal(part_info(p)->n_columns, PART_MAX_COLUMNS);
    assert_int_equal(part_check(p).code, ERR_OK);
}

static bool is_plan(void *ctx, struct id128 text) {
    return id128_eq(((struct bench *)ctx)->plan, text);
}

static void made_up_names_do_not_drive_out_a_readable_one(void **state) {
    (void)state;
    struct bench b;
    start(&b);
    uint64_t lost[3] = {0};
    struct part *both[] = {build(&b, 0, 3, &lost[0]), build(&b, JUNK, 3, &lost[1])}, *merged = NULL;
    assert_int_equal(lost[0], 3 * (JUNK + 1 - PART_MAX_COLUMNS));
    assert_int_equal(lost[1], lost[0]);
    assert_kept(&b, both[0]);
    assert_kept(&b, both[1]);
    struct part_merge m = {.parts = both,
                           .n_parts = 2,
                           .readable = is_plan,
                           .ctx = &b,
                           .from_us = INT64_MIN,
                           .to_us = INT64_MAX,
                           .lost = &lost[2]};
    assert_int_equal(part_merge(&m, &merged).code, ERR_OK);
    assert_kept(&b, merged);
    assert_int_equal(lost[2], 3 * (PART_MAX_COLUMNS - 1)); /* of one of the two */
    part_unref(merged);
    part_unref(both[0]);
    part_unref(both[1]);
    frame_writer_free(b.f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_up_names_do_not_drive_out_a_readable_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
