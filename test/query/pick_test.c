/* The bits of wanted rows: looked up 64 at a time and one by one, the same. */
#include <stdlib.h>

#include "query/run.h"
#include "query/world.h"

#define ROWS 1000

struct codes {
    uint8_t *bytes; /* exactly as many as there are rows: a read behind them is found */
    uint64_t *wanted;
    struct picker k;
};

static void codes_done(struct codes *c) {
    free(c->bytes);
    free(c->wanted);
}

/* Random codes, some above n_events as a damaged part may have them. */
static struct codes random_codes(uint32_t width, uint32_t rows, uint32_t n_events, unsigned seed) {
    struct codes c = {.bytes = malloc((size_t)rows * width),
                      .wanted = calloc(n_events + 1, sizeof *c.wanted)};
    assert_true(c.bytes && c.wanted);
    srand(seed);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t code = (uint32_t)rand() % (n_events + n_events / 4 + 2);
        memcpy(c.bytes + (size_t)i * width, &code, width);
    }
    for (uint32_t i = 1; i <= n_events; i++)
        c.wanted[i] = rand() % 3 == 0 ? (uint64_t)i << 5 : 0;
    c.k = (struct picker){
        .codes = c.bytes, .wanted = c.wanted, .width = width, .rows = rows, .n_events = n_events};
    picker_init(&c.k);
    return c;
}

static void assert_bits(const struct codes *c) {
    for (uint32_t row = 0; row < c->k.rows; row += 64) {
        uint64_t bits = picker_bits(&c->k, row);
        assert_int_equal(bits, picker_plain(&c->k, row));
        for (uint32_t i = 0; i < 64; i++) {
            uint32_t code = row + i < c->k.rows ? picker_code(&c->k, row + i) : 0;
            bool want = code <= c->k.n_events && c->wanted[code] != 0;
            assert_int_equal(bits >> i & 1, want);
        }
    }
}

static void every_way_picks_the_same_rows(void **state) {
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1},   {1, 15},  {1, 16},    {1, 20},    {1, 128},
                                        {1, 204}, {2, 300}, {2, 50000}, {4, 69999}, {1, 2}};
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned seed = 0; seed < 4; seed++) {
            struct codes c = random_codes(sizes[i][0], ROWS + seed * 13, sizes[i][1], seed);
            assert_bits(&c);
            codes_done(&c);
        }
    }
}

static void each_single_code_is_told_from_all_others(void **state) {
    (void)state;
    uint8_t bytes[256];
    for (uint32_t i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    for (uint32_t wish = 1; wish < 256; wish++) {
        uint64_t wanted[256] = {0};
        wanted[wish] = 1;
        struct picker k = {
            .codes = bytes, .wanted = wanted, .width = 1, .rows = 256, .n_events = 255};
        picker_init(&k);
        for (uint32_t row = 0; row < 256; row += 64)
            assert_int_equal(picker_bits(&k, row),
                             wish / 64 == row / 64 ? UINT64_C(1) << wish % 64 : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_picks_the_same_rows),
        cmocka_unit_test(each_single_code_is_told_from_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
