#include "part/stream.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "part/internal.h"

static uint64_t rng = 88172645463325252u;

static uint64_t next_random(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

/* Encodes all, as part_stream_end would lay it out. */
static uint8_t *encode(const uint64_t *v, uint64_t n, size_t *out_n, struct part_stream *out) {
    uint64_t blocks = (n + PART_BLOCK_ROWS - 1) / PART_BLOCK_ROWS;
    uint8_t *bytes = calloc(blocks + 1, PART_BLOCK_BYTES + sizeof(struct part_block));
    struct part_block *table = calloc(blocks + 1, sizeof *table);
    size_t at = 0;
    for (uint64_t b = 0; b < blocks; b++) {
        uint32_t rows = n - b * PART_BLOCK_ROWS < PART_BLOCK_ROWS
                            ? (uint32_t)(n - b * PART_BLOCK_ROWS)
                            : PART_BLOCK_ROWS;
        size_t took = part_block_encode(v + b * PART_BLOCK_ROWS, rows, &table[b], bytes + at);
        assert_int_equal(took % 8, 0);
        table[b].at = (uint32_t)(at / 8);
        at += took;
    }
    memcpy(bytes + at, table, blocks * sizeof *table);
    free(table);
    *out_n = at + blocks * sizeof *table;
    assert_true(part_stream_view(bytes, *out_n, n, out));
    return bytes;
}

static void check_ranges(const struct part_stream *s, const uint64_t *v, uint64_t n) {
    uint64_t *wide = calloc(n + 1, sizeof *wide);
    uint32_t *narrow = calloc(n + 1, sizeof *narrow);
    for (int i = 0; i < 60; i++) {
        uint64_t at = i == 0 ? 0 : next_random() % n;
        uint32_t count = (uint32_t)(i == 0 ? n : next_random() % (n - at + 1));
        part_stream_get64(s, at, count, wide);
        part_stream_get32(s, at, count, narrow);
        for (uint32_t j = 0; j < count; j++) {
            assert_int_equal(wide[j], v[at + j]);
            assert_int_equal(narrow[j], (uint32_t)v[at + j]);
        }
        if (at < n) assert_int_equal(part_stream_at(s, at), v[at]);
    }
    struct part_equal run = {0};
    for (uint64_t at = 0; at < n; at += 1 + next_random() % 40) {
        if (!part_stream_run(s, at, &run)) continue;
        assert_true(at - run.row < run.n && run.row + run.n <= n);
        for (uint32_t j = 0; j < run.n; j++)
            assert_int_equal(run.code, (uint32_t)v[run.row + j]);
    }
    free(wide);
    free(narrow);
}

/* Encodes n numbers made by `make` and says which encoding the first block got. */
static enum part_encoding round_trip(uint64_t n, uint64_t (*make)(uint64_t i)) {
    uint64_t *v = calloc(n, sizeof *v);
    for (uint64_t i = 0; i < n; i++)
        v[i] = make(i);
    struct part_stream s;
    size_t bytes;
    uint8_t *stored = encode(v, n, &bytes, &s);
    check_ranges(&s, v, n);
    assert_true(part_stream_orderly(&s));
    enum part_encoding e = (enum part_encoding)s.blocks[0].encoding;
    free(stored);
    free(v);
    return e;
}

static uint64_t same(uint64_t i) {
    (void)i;
    return UINT64_C(0xfedcba9876543210);
}
static uint64_t runs(uint64_t i) {
    return i / 37 % 90 * 12345;
}
static uint64_t sparse(uint64_t i) {
    return i % 41 == 7 ? 1000000 + i % 13 : 0;
}
static uint64_t one_only(uint64_t i) {
    return i % 4096 == 4095 ? UINT64_MAX : 0;
}
static unsigned width;
static uint64_t packed(uint64_t i) {
    uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    return (i % 5 == 0 ? mask : next_random() & mask) + (width < 60 ? 1000 : 0);
}

static void every_encoding_is_chosen_where_it_is_cheapest(void **state) {
    (void)state;
    static const uint64_t sizes[] = {1, 2, 4095, 4096, 4097, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(round_trip(sizes[i], same), PART_CONST);
        if (sizes[i] < 4096) continue;
        assert_int_equal(round_trip(sizes[i], runs), PART_RUNS);
        assert_int_equal(round_trip(sizes[i], sparse), PART_SPARSE);
        assert_int_equal(round_trip(sizes[i], one_only), PART_SPARSE);
    }
}

static void every_width_packs_and_unpacks(void **state) {
    (void)state;
    for (width = 1; width <= 64; width++) {
        assert_int_equal(round_trip(5000, packed), PART_PACK);
        round_trip(3, packed);
        round_trip(17, packed);
    }
}

static uint64_t rising(uint64_t i) {
    return i * 3 + 5;
}

static void lower_bound_finds_the_first_not_below(void **state) {
    (void)state;
    uint64_t v[9000];
    for (uint64_t i = 0; i < 9000; i++)
        v[i] = rising(i);
    struct part_stream s;
    size_t bytes;
    uint8_t *stored = encode(v, 9000, &bytes, &s);
    assert_int_equal(part_stream_lower_bound(&s, 0), 0);
    assert_int_equal(part_stream_lower_bound(&s, 5), 0);
    assert_int_equal(part_stream_lower_bound(&s, 6), 1);
    assert_int_equal(part_stream_lower_bound(&s, rising(8999)), 8999);
    assert_int_equal(part_stream_lower_bound(&s, rising(8999) + 1), 9000);
    free(stored);
}

/* Rising lists of every shape: even, in clusters, with one far off. */
static void lower_bound_agrees_with_looking_at_all(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 9000; n = n * 3 + 1) {
        for (int shape = 0; shape < 4; shape++) {
            uint64_t *v = calloc(n, sizeof *v), at = 5;
            for (uint64_t i = 0; i < n; i++)
                v[i] = at += shape == 0   ? 7
                             : shape == 1 ? next_random() % 3
                             : shape == 2 ? i * i
                             : i == n - 1 ? UINT32_MAX
                                          : 1;
            struct part_stream s;
            size_t bytes;
            uint8_t *stored = encode(v, n, &bytes, &s);
            for (int i = 0; i < 200; i++) {
                uint64_t value = i < 100 ? v[next_random() % n] + (uint64_t)(i % 3) - 1
                                         : next_random() % (v[n - 1] + 9),
                         want = 0;
                while (want < n && v[want] < value)
                    want++;
                assert_int_equal(part_stream_lower_bound(&s, value), want);
            }
            free(stored);
            free(v);
        }
    }
}

static void a_block_that_leaves_the_section_is_refused(void **state) {
    (void)state;
    uint64_t v[5000];
    width = 13;
    for (uint64_t i = 0; i < 5000; i++)
        v[i] = packed(i);
    struct part_stream s;
    size_t n;
    uint8_t *stored = encode(v, 5000, &n, &s);
    struct part_block *table = (void *)(stored + n - 2 * sizeof *table);
    struct part_block good = table[1];
    table[1].at += 1;
    assert_false(part_stream_view(stored, n, 5000, &s));
    table[1] = good;
    table[1].width = 58;
    assert_false(part_stream_view(stored, n, 5000, &s));
    table[1].width = 14;
    assert_false(part_stream_view(stored, n, 5000, &s));
    table[1] = good;
    table[1].encoding = 4;
    assert_false(part_stream_view(stored, n, 5000, &s));
    table[1] = good;
    table[1].encoding = PART_RUNS;
    assert_false(part_stream_view(stored, n, 5000, &s)); /* no runs */
    table[1] = good;
    assert_false(part_stream_view(stored, n - 4, 5000, &s));
    assert_false(part_stream_view(stored, n, 4096 * 3, &s));
    assert_true(part_stream_view(stored, n, 5000, &s));
    free(stored);
}

/* Whatever positions and ends say, reading stays inside the caller's array; part_check sees the
 * disorder. */
static void disorder_inside_a_block_is_read_safely(void **state) {
    (void)state;
    static uint64_t (*const makers[])(uint64_t) = {runs, sparse};
    for (size_t m = 0; m < 2; m++) {
        uint64_t v[4096];
        for (uint64_t i = 0; i < 4096; i++)
            v[i] = makers[m](i);
        struct part_stream s;
        size_t n;
        uint8_t *stored = encode(v, 4096, &n, &s);
        for (int round = 0; round < 2000; round++) {
            stored[next_random() % (s.blocks[0].count * 2u)] = (uint8_t)next_random();
            uint64_t out[66] = {0};
            uint64_t at = next_random() % 4032;
            out[64] = out[65] = 77;
            part_stream_get64(&s, at, 64, out);
            assert_int_equal(out[64], 77);
            assert_int_equal(out[65], 77);
        }
        assert_false(part_stream_orderly(&s));
        free(stored);
    }
}

/* ---- numbers ---- */

static void numbers_come_back_exactly_in_their_form(void **state) {
    (void)state;
    static const struct {
        double v[4];
        uint8_t kind, scale;
    } cases[] = {
        {{0, 1, 2, NAN}, PART_INTEGER, 0},
        {{-5, 1e15, 7, NAN}, PART_INTEGER, 0},
        {{19.99, 0.01, -3.5, NAN}, PART_INTEGER, 2},
        {{0.000001, 12.5, 3, NAN}, PART_INTEGER, 6},
        {{9007199254740992.0, 0, 1, NAN}, PART_INTEGER, 0},
        {{9007199254740992.0, 0.5, 1, NAN}, PART_RAW, 0},
        {{1.0 / 3, 2, 5, NAN}, PART_RAW, 0},
        {{1e300, -1e-300, 5, NAN}, PART_RAW, 0},
        {{NAN, NAN, NAN, NAN}, PART_INTEGER, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct part_number_form f = part_number_form_of(cases[i].v, 4);
        assert_int_equal(f.kind, cases[i].kind);
        assert_int_equal(f.scale, cases[i].scale);
        uint64_t coded[4];
        double back[4];
        for (int j = 0; j < 4; j++)
            coded[j] = part_number_encode(f, cases[i].v[j]);
        part_numbers_decode(f, coded, 4, back);
        for (int j = 0; j < 4; j++) {
            if (isnan(cases[i].v[j]))
                assert_true(isnan(back[j]));
            else
                assert_true(back[j] == cases[i].v[j]);
        }
    }
}

static void joined_forms_hold_both(void **state) {
    (void)state;
    double cents[] = {19.99, -100.25}, whole[] = {-7, 5e9}, huge[] = {9e15}, raw[] = {1.0 / 3};
    struct part_number_form c = part_number_form_of(cents, 2), w = part_number_form_of(whole, 2);
    struct part_number_form j = part_number_form_join(c, w, 5e9);
    assert_int_equal(j.kind, PART_INTEGER);
    assert_int_equal(j.scale, 2);
    double all[] = {19.99, -100.25, -7, 5e9}, back[4];
    uint64_t coded[4];
    for (int i = 0; i < 4; i++)
        coded[i] = part_number_encode(j, all[i]);
    part_numbers_decode(j, coded, 4, back);
    assert_memory_equal(all, back, sizeof all);
    assert_int_equal(part_number_form_join(c, part_number_form_of(huge, 1), 9e15).kind, PART_RAW);
    assert_int_equal(part_number_form_join(c, part_number_form_of(raw, 1), 100).kind, PART_RAW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_encoding_is_chosen_where_it_is_cheapest),
        cmocka_unit_test(every_width_packs_and_unpacks),
        cmocka_unit_test(lower_bound_finds_the_first_not_below),
        cmocka_unit_test(lower_bound_agrees_with_looking_at_all),
        cmocka_unit_test(a_block_that_leaves_the_section_is_refused),
        cmocka_unit_test(disorder_inside_a_block_is_read_safely),
        cmocka_unit_test(numbers_come_back_exactly_in_their_form),
        cmocka_unit_test(joined_forms_hold_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
