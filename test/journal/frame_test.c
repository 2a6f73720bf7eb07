/* The codec: what was put comes back, and no byte string gets past frame_parse that iteration could
 * trip over. */
#include "samples.h"

static struct team_secret team;

static int start(void **state) {
    (void)state;
    assert_ok(seal_start());
    team_generate(&team);
    return 0;
}

/* Reads every value of a cursor; returns how many, so that nothing is optimised away. */
static size_t walk_value(struct cursor c) {
    struct cursor before = c;
    frame_skip_value(&c);
    assert_false(c.bad);
    assert_int_equal(c.n, 0); /* a value's cursor holds exactly its bytes */
    uint8_t tag = cursor_u8(&before);
    if (tag != V_LIST && tag != V_OBJECT) return 1;
    uint32_t n = cursor_u32(&before);
    (void)cursor_u32(&before);
    size_t total = 1;
    for (uint32_t i = 0; i < n; i++) {
        if (tag == V_OBJECT) (void)cursor_u32(&before);
        struct cursor start = before;
        frame_skip_value(&before);
        total += walk_value((struct cursor){.p = start.p, .n = start.n - before.n});
    }
    assert_int_equal(before.n, 0);
    return total;
}

static size_t walk_frame(struct frame *f) {
    struct frame_event e;
    struct frame_profile p;
    size_t total = 0;
    uint32_t records = 0;
    for (enum frame_record_type type; (type = frame_next(f, &e, &p)) != 0; records++) {
        struct cursor props = type == RECORD_EVENT ? e.props : p.props;
        uint32_t path;
        struct cursor value;
        uint16_t n = 0;
        for (; frame_next_prop(&props, &path, &value); n++) {
            assert_true(path < f->n_texts);
            total += walk_value(value);
        }
        assert_int_equal(n, type == RECORD_EVENT ? e.n_props : p.n_props);
    }
    assert_int_equal(records, f->n_records);
    return total;
}

static void what_was_put_comes_back(void **state) {
    (void)state;
    struct str bytes = sample_frame(&team.pub, 42, 7);
    struct frame f;
    assert_ok(frame_parse(bytes, &f));
    assert_int_equal(f.project, 42);
    assert_int_equal(f.arrival_us, 1795297538915000);
    assert_int_equal(f.team_key_id, team.pub.id);
    assert_non_null(f.box);
    assert_int_equal(f.n_records, 3);
    struct frame_event e;
    struct frame_profile p;
    assert_int_equal(frame_next(&f, &e, &p), RECORD_EVENT);
    assert_true(id128_eq(e.person, sample_id(7)));
    assert_true(id128_eq(e.device, sample_id(8)));
    assert_true(id128_eq(e.sent_id, sample_id(9)));
    assert_int_equal(e.insert, 77);
    assert_int_equal(e.time_us, 1795297538915000 + 7);
    assert_true(str_is(f.texts[e.name].bytes, "Sign up"));
    assert_int_equal(e.n_props, 5);
    assert_int_equal(frame_next(&f, &e, &p), RECORD_USER);
    assert_int_equal(p.op, PROFILE_SET);
    assert_int_equal(p.group_key, FRAME_NO_PATH);
    assert_int_equal(frame_next(&f, &e, &p), RECORD_GROUP);
    assert_int_equal(p.op, PROFILE_ADD);
    assert_true(str_is(f.texts[p.id].bytes, "acme"));
    assert_true(str_is(f.texts[p.group_key].bytes, "company"));
    assert_int_equal(frame_next(&f, &e, &p), 0);
    frame_done(&f);
    free((char *)(uintptr_t)bytes.p);
}

static void sealed_text_opens_with_the_frame_key_alone(void **state) {
    (void)state;
    struct str bytes = sample_frame(&team.pub, 42, 7);
    struct frame f;
    assert_ok(frame_parse(bytes, &f));
    uint8_t key[32];
    assert_ok(seal_open_box(f.box, &team, f.project, f.id, key));
    bool seen = false;
    for (uint32_t i = 0; i < f.n_texts; i++) {
        if (f.texts[i].state != FRAME_TEXT_SEALED) continue;
        struct sealed_text t = {.hash = f.texts[i].hash,
                                .frame = f.id,
                                .ordinal = i,
                                .kind = f.texts[i].kind,
                                .type = f.texts[i].type,
                                .ciphertext = f.texts[i].bytes};
        uint8_t out[256];
        size_t n;
        assert_ok(seal_open_text(key, f.project, &t, out, &n));
        seen |= str_is((struct str){(char *)out, n}, "alice@example.org");
    }
    assert_true(seen);
    assert_null(memmem(bytes.p, bytes.n, "alice", 5)); /* and not in the clear */
    frame_done(&f);
    free((char *)(uintptr_t)bytes.p);
}

static void nothing_sealed_means_no_box(void **state) {
    (void)state;
    struct str bytes = sample_small(3);
    struct frame f;
    assert_ok(frame_parse(bytes, &f));
    assert_null(f.box);
    assert_int_equal(walk_frame(&f), 0);
    frame_done(&f);
    free((char *)(uintptr_t)bytes.p);
}

static void every_cut_and_every_flipped_bit_is_refused(void **state) {
    (void)state;
    struct str bytes = sample_frame(&team.pub, 1, 1);
    struct frame f;
    for (size_t n = 0; n < bytes.n; n++) {
        char *cut = malloc(n ? n : 1); /* exact, so that a sanitizer sees a read behind it */
        memcpy(cut, bytes.p, n);
        assert_err(frame_parse((struct str){cut, n}, &f), ERR_CORRUPT);
        free(cut);
    }
    char *p = (char *)(uintptr_t)bytes.p;
    for (size_t bit = 0; bit < bytes.n * 8; bit++) {
        p[bit / 8] = (char)(p[bit / 8] ^ (1 << bit % 8));
        assert_err(frame_parse(bytes, &f), ERR_CORRUPT);
        p[bit / 8] = (char)(p[bit / 8] ^ (1 << bit % 8));
    }
    assert_ok(frame_parse(bytes, &f));
    frame_done(&f);
    free(p);
}

/* A forger can compute the checksum: then the rules alone protect the reader. */
static void forged_bytes_are_refused_or_safe_to_walk(void **state) {
    (void)state;
    struct str bytes = sample_frame(&team.pub, 1, 1);
    uint8_t *p = (uint8_t *)(uintptr_t)bytes.p;
    unsigned passed = 0, refused = 0;
    static const uint8_t tries[] = {0, 1, 2, 5, 7, 8, 9, 16, 0x7f, 0x80, 0xff};
    for (size_t at = 0; at < bytes.n - 8; at++) {
        uint8_t was = p[at];
        for (size_t t = 0; t < sizeof tries; t++) {
            p[at] = tries[t];
            sample_resum(bytes);
            struct frame f;
            if (frame_parse(bytes, &f).code == ERR_OK) {
                (void)walk_frame(&f);
                frame_done(&f);
                passed++;
            } else {
                refused++;
            }
        }
        p[at] = was;
    }
    assert_true(passed > 100); /* project, ids, hashes, ciphertexts */
    assert_true(refused > 100);
    free(p);
}

static void random_forgeries_are_refused_or_safe_to_walk(void **state) {
    (void)state;
    struct str good = sample_frame(&team.pub, 1, 1);
    char *copy = malloc(good.n);
    for (unsigned round = 0; round < 200000; round++) {
        memcpy(copy, good.p, good.n);
        for (unsigned k = 0; k <= round % 4; k++) {
            uint64_t r = random_u64();
            copy[76 + r % (good.n - 84)] = (char)(r >> 40);
        }
        sample_resum((struct str){copy, good.n});
        struct frame f;
        if (frame_parse((struct str){copy, good.n}, &f).code != ERR_OK) continue;
        (void)walk_frame(&f);
        frame_done(&f);
    }
    free(copy);
    free((char *)(uintptr_t)good.p);
}

static void a_dropped_record_leaves_no_trace(void **state) {
    (void)state;
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    frame_begin(w, 1, &team.pub, 1);
    struct frame_event e = {
        .name = sample_text(w, TEXT_EVENT, FRAME_TEXT_READABLE, FRAME_NO_PATH, "x")};
    size_t before = frame_bytes(w);
    frame_event_begin(w, &e);
    frame_record_drop(w);
    assert_int_equal(frame_bytes(w), before);
    frame_event_begin(w, &e);
    assert_ok(frame_record_end(w));
    assert_int_equal(frame_records_n(w), 1);
    struct str out;
    assert_ok(frame_finish(w, &out));
    struct frame f;
    assert_ok(frame_parse(out, &f));
    assert_int_equal(f.n_records, 1);
    frame_done(&f);
}

/* Each step breaks one rule; the record is refused and the frame stays good. */
static void broken_record(struct frame_writer *w, int which, uint32_t name, uint32_t path) {
    struct frame_event e = {.name = which == 0 ? path : which == 1 ? 99 : name};
    frame_event_begin(w, &e);
    if (which == 2) frame_put_simple(w, V_NULL); /* no path before it */
    if (which == 3) frame_put_prop(w, path);     /* no value behind it */
    if (which == 4) frame_put_prop(w, name), frame_put_simple(w, V_NULL);
    if (which == 5) frame_put_prop(w, path), frame_put_number(w, 1.0 / 0.0);
    if (which == 6) frame_put_prop(w, path), frame_put_text(w, path);
    if (which == 7) frame_put_prop(w, path), frame_put_list(w);
    if (which == 8) frame_put_prop(w, path), frame_put_object(w), frame_put_object_end(w);
    if (which == 9) frame_put_prop(w, path), frame_put_list(w), frame_put_object_end(w);
    if (which == 10) frame_put_list_end(w);
    if (which == 11)
        for (int i = 0; i < 20; i++) {
            if (i == 0) frame_put_prop(w, path);
            frame_put_list(w);
        }
    if (which == 12) frame_put_prop(w, path), frame_put_prop(w, path), frame_put_simple(w, V_NULL);
    if (which == 13)
        for (int i = 0; i < 65536; i++)
            frame_put_prop(w, path), frame_put_simple(w, V_NULL);
}

static void a_record_that_breaks_a_rule_is_refused_alone(void **state) {
    (void)state;
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    frame_begin(w, 1, &team.pub, 1);
    uint32_t name = sample_text(w, TEXT_EVENT, FRAME_TEXT_READABLE, FRAME_NO_PATH, "x");
    uint32_t path = sample_text(w, TEXT_PROPERTY, FRAME_TEXT_READABLE, FRAME_NO_PATH, "p");
    for (int which = 0; which <= 13; which++) {
        broken_record(w, which, name, path);
        assert_true(frame_record_end(w).code != ERR_OK);
    }
    assert_int_equal(frame_records_n(w), 0);
    struct frame_event e = {.name = name};
    frame_event_begin(w, &e);
    assert_ok(frame_record_end(w));
    struct str out;
    assert_ok(frame_finish(w, &out));
    struct frame f;
    assert_ok(frame_parse(out, &f));
    frame_done(&f);
}

static void a_text_that_breaks_a_rule_is_refused(void **state) {
    (void)state;
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    frame_begin(w, 1, &team.pub, 1);
    uint32_t i;
    struct frame_text t = {
        .kind = TEXT_VALUE, .type = 's', .state = FRAME_TEXT_SEALED, .path = FRAME_NO_PATH};
    assert_err(frame_add_text(w, &t, &i), ERR_INVALID); /* a value has a path */
    t.path = 0;
    assert_err(frame_add_text(w, &t, &i), ERR_INVALID); /* that is there */
    t.kind = 9;
    assert_err(frame_add_text(w, &t, &i), ERR_INVALID);
    t.kind = TEXT_EVENT;
    assert_err(frame_add_text(w, &t, &i), ERR_INVALID); /* a name has none */
    t.path = FRAME_NO_PATH;
    t.bytes = (struct str){"", SEAL_MAX_TEXT_BYTES + 1};
    assert_err(frame_add_text(w, &t, &i), ERR_LIMIT);
    t.bytes.n = 0;
    assert_ok(frame_add_text(w, &t, &i));
    assert_int_equal(i, 0);
}

static void a_frame_never_grows_past_its_limit(void **state) {
    (void)state;
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    frame_begin(w, 1, &team.pub, 1);
    char *mb = calloc(1, SEAL_MAX_TEXT_BYTES);
    uint32_t i = 0;
    struct err e = ERR_NONE;
    for (uint64_t n = 0; n < 100 && e.code == ERR_OK; n++) {
        struct frame_text t = {.hash = sample_id(n),
                               .kind = TEXT_EVENT,
                               .type = 's',
                               .state = FRAME_TEXT_READABLE,
                               .path = FRAME_NO_PATH,
                               .bytes = {mb, SEAL_MAX_TEXT_BYTES}};
        e = frame_add_text(w, &t, &i);
    }
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(i, 62);
    struct str out;
    assert_ok(frame_finish(w, &out)); /* what fitted is whole */
    assert_true(out.n <= JOURNAL_MAX_FRAME_BYTES);
    struct frame f;
    assert_ok(frame_parse(out, &f));
    frame_done(&f);
    free(mb);
}

static void a_new_frame_knows_no_text_of_the_last(void **state) {
    (void)state;
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    uint32_t index;
    for (uint64_t round = 0; round < 3; round++) {
        frame_begin(w, 1, &team.pub, 1);
        for (uint64_t n = 0; n < 20000; n++) {
            assert_false(frame_find_text(w, sample_id(n), &index));
            struct frame_text t = {.hash = sample_id(n),
                                   .kind = TEXT_EVENT,
                                   .type = 's',
                                   .state = FRAME_TEXT_KNOWN,
                                   .path = FRAME_NO_PATH};
            assert_ok(frame_add_text(w, &t, &index));
        }
        for (uint64_t n = 0; n < 20000; n++) {
            assert_true(frame_find_text(w, sample_id(n), &index));
            assert_int_equal(index, n);
        }
    }
}

static void two_frames_of_the_same_records_share_no_key(void **state) {
    (void)state;
    struct str a = sample_frame(&team.pub, 1, 1), b = sample_frame(&team.pub, 1, 1);
    struct frame fa, fb;
    assert_ok(frame_parse(a, &fa));
    assert_ok(frame_parse(b, &fb));
    assert_false(id128_eq(fa.id, fb.id));
    for (uint32_t i = 0; i < fa.n_texts; i++)
        if (fa.texts[i].state == FRAME_TEXT_SEALED)
            assert_false(str_eq(fa.texts[i].bytes, fb.texts[i].bytes));
    frame_done(&fa);
    frame_done(&fb);
    free((char *)(uintptr_t)a.p);
    free((char *)(uintptr_t)b.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(sealed_text_opens_with_the_frame_key_alone),
        cmocka_unit_test(nothing_sealed_means_no_box),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(forged_bytes_are_refused_or_safe_to_walk),
        cmocka_unit_test(random_forgeries_are_refused_or_safe_to_walk),
        cmocka_unit_test(a_dropped_record_leaves_no_trace),
        cmocka_unit_test(a_record_that_breaks_a_rule_is_refused_alone),
        cmocka_unit_test(a_text_that_breaks_a_rule_is_refused),
        cmocka_unit_test(a_frame_never_grows_past_its_limit),
        cmocka_unit_test(a_new_frame_knows_no_text_of_the_last),
        cmocka_unit_test(two_frames_of_the_same_records_share_no_key),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
