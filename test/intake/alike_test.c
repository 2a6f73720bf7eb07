/* Records of one request remember one another (seen.h): what they leave must be what each would
 * leave in a request of its own. */
#include "rig.h"

#include <stdio.h>
#include <string.h>

#define RECORDS 400
#define RECORD_BYTES 2048

static uint32_t state_of_chance;
static unsigned chance(unsigned n) {
    state_of_chance = state_of_chance * 1664525u + 1013904223u;
    return (state_of_chance >> 8) % n;
}

/* Mostly like the one before: few people, few values, the same names in the same order; now and
 * then one is left out, doubled, moved, nested, of another type, or too long to be remembered. */
static void put_member(struct buf *b, unsigned i) {
    static const char *const names[] = {"os",   "city",     "plan",    "session_id", "path",
                                        "page", "utm_term", "comment", "a.b",        "price"};
    const char *name = names[chance(12) == 0 ? chance(10) : i];
    switch (chance(24)) {
    case 0:
        return;
    case 1:
        buf_printf(b, ",\"%s\":%u", name, chance(3) * 7000000);
        return;
    case 2:
        buf_printf(b, ",\"%s\":{\"in\":\"v%u\",\"%s\":\"w\"}", name, chance(3), names[i]);
        return;
    case 3:
        buf_printf(b, ",\"%s\":[\"v%u\",{\"k\":\"v1\"}]", name, chance(3));
        return;
    case 4:
        buf_printf(b, ",\"%s\":\"%0*u\"", name, 60 + (int)chance(10), chance(2));
        return;
    case 5:
        buf_printf(b, ",\"%s\":null", name);
        return;
    case 6:
        buf_printf(b, ",\"%s\":\"https://shop.example/p%u/x?utm_source=s%u\"", name, chance(3),
                   chance(2));
        return;
    default:
        buf_printf(b, ",\"%s\":\"v%u\"", name, chance(6) == 0 ? chance(40) : 1);
    }
}

static void put_record(struct buf *b, unsigned *who) {
    if (chance(4) == 0) *who = chance(14);
    buf_printf(b, "{\"event\":\"e%u\",\"properties\":{\"token\":\"" RIG_TOKEN "\",\"time\":%u",
               chance(5) == 0 ? chance(3) : 0, 1795300000u - chance(500000));
    if (chance(9) > 0) buf_printf(b, ",\"distinct_id\":\"person-%u\"", *who);
    if (chance(9) == 0) buf_printf(b, ",\"$user_id\":\"user-%u\"", chance(4));
    if (chance(9) == 0) buf_printf(b, ",\"$device_id\":\"device-%u\"", chance(4));
    for (unsigned i = 0; i < 10; i++)
        put_member(b, i);
    buf_printf(b, "}}");
}

static bool is_readable_in(const struct frame *f, struct id128 hash) {
    for (uint32_t i = 0; i < f->n_texts; i++)
        if (id128_eq(f->texts[i].hash, hash) && f->texts[i].state == FRAME_TEXT_READABLE)
            return true;
    return false;
}

static void assert_same_value(const struct frame *a, struct cursor x, const struct frame *b,
                              struct cursor y) {
    assert_int_equal(x.n, y.n);
    uint8_t tag = cursor_u8(&x);
    assert_int_equal(tag, cursor_u8(&y));
    if (tag == V_TEXT) {
        const struct frame_text *t = &a->texts[cursor_u32(&x)], *u = &b->texts[cursor_u32(&y)];
        assert_memory_equal(t->hash.b, u->hash.b, 16);
        assert_int_equal(t->state == FRAME_TEXT_KNOWN, u->state == FRAME_TEXT_KNOWN);
    } else if (tag != V_LIST) { /* lists are put without being remembered */
        assert_memory_equal(x.p, y.p, x.n);
    }
}

static void assert_same_event(const struct frame *a, const struct frame_event *x,
                              const struct frame *b, const struct frame_event *y) {
    assert_memory_equal(x->person.b, y->person.b, 16);
    assert_memory_equal(x->device.b, y->device.b, 16);
    assert_memory_equal(x->sent_id.b, y->sent_id.b, 16);
    assert_memory_equal(a->texts[x->name].hash.b, b->texts[y->name].hash.b, 16);
    assert_int_equal(x->time_us, y->time_us);
    assert_int_equal(x->n_props, y->n_props);
    struct cursor p = x->props, q = y->props, v, w;
    uint32_t path = 0, other = 0;
    for (uint16_t i = 0; i < x->n_props; i++) {
        assert_true(frame_next_prop(&p, &path, &v));
        assert_true(frame_next_prop(&q, &other, &w));
        assert_memory_equal(a->texts[path].hash.b, b->texts[other].hash.b, 16);
        assert_same_value(a, v, b, w);
    }
}

static void assert_same_frame(const struct frame *a, const struct frame *b) {
    struct frame x = *a, y = *b;
    struct frame_event e, f;
    struct frame_profile none;
    enum frame_record_type type;
    assert_int_equal(a->n_records, b->n_records);
    while ((type = frame_next(&x, &e, &none))) {
        assert_int_equal(frame_next(&y, &f, &none), type);
        assert_same_event(a, &e, b, &f);
    }
    for (uint32_t i = 0; i < a->n_texts; i++)
        if (a->texts[i].state == FRAME_TEXT_READABLE)
            assert_true(is_readable_in(b, a->texts[i].hash));
    for (uint32_t i = 0; i < b->n_texts; i++)
        if (b->texts[i].state == FRAME_TEXT_READABLE)
            assert_true(is_readable_in(a, b->texts[i].hash));
}

/* `together`: as lines or as a list. Three frames each, so that what became readable in one is
 * known in the next. */
static void compare(uint32_t seed, bool lines) {
    struct rig together, alone;
    unsigned who = 0;
    state_of_chance = seed;
    rig_open(&together);
    rig_open(&alone);
    for (int round = 0; round < 3; round++) {
        AUTO(buf_done) struct buf all, one;
        buf_init(&all, RECORDS * RECORD_BYTES);
        buf_init(&one, RECORD_BYTES);
        for (int i = 0; i < RECORDS; i++) {
            buf_clear(&one);
            put_record(&one, &who);
            if (!lines) buf_put_char(&all, i == 0 ? '[' : ',');
            buf_put_str(&all, buf_str(&one));
            if (lines) buf_put_char(&all, '\n');
            rig_send_bytes(&alone, one.p, one.n);
            assert_int_equal(alone.result.accepted, 1);
        }
        if (!lines) buf_put_char(&all, ']');
        rig_send_bytes(&together, all.p, all.n);
        assert_int_equal(together.result.accepted, RECORDS);
        rig_finish(&together);
        rig_finish(&alone);
        assert_same_frame(&together.frame, &alone.frame);
        assert_int_equal(crowd_readable_n(together.crowd), crowd_readable_n(alone.crowd));
        assert_int_equal(crowd_candidates_n(together.crowd), crowd_candidates_n(alone.crowd));
    }
    assert_true(crowd_readable_n(together.crowd) > 10);
    rig_close(&together);
    rig_close(&alone);
}

static void a_list_of_events_leaves_what_each_alone_leaves(void **state) {
    for (uint32_t seed = 1; seed <= 6; seed++)
        compare(seed, false);
}

static void lines_leave_what_each_alone_leaves(void **state) {
    for (uint32_t seed = 11; seed <= 16; seed++)
        compare(seed, true);
}

static void a_name_that_moves_is_kept_once_with_its_last_value(void **state) {
    struct rig r;
    rig_open(&r);
#define E(props)                                                                                   \
    "{\"event\":\"e\",\"properties\":{\"token\":\"" RIG_TOKEN "\",\"distinct_id\":\"p\"," props "}}"
    rig_take(&r, "[" E("\"a\":\"1\",\"x\":\"1\",\"b\":\"1\"") "," E("\"b\":\"1\"") "," E(
                     "\"b\":\"2\",\"x\":\"1\",\"b\":\"3\"") "]");
    struct frame_event e = rig_event(&r, 2);
    assert_int_equal(e.n_props, 3);
    (void)rig_text_prop(&r, 2, "b", "3");
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_events_leaves_what_each_alone_leaves),
        cmocka_unit_test(lines_leave_what_each_alone_leaves),
        cmocka_unit_test(a_name_that_moves_is_kept_once_with_its_last_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
