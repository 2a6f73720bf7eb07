// modules: base health
/* A detector's state. Invariant: what restores saves the same bytes again, works, and stays finite.
 * The first byte of the input chooses kind and series, the rest overwrites a fresh state's body
 * from a place it names. */
#include <math.h>
#include <stdlib.h>

#include "fuzz.h"
#include "health/health.h"

static void check_again(const struct health_detector *d, struct str bytes) {
    struct health_setup setup = health_setup_of(d);
    AUTO(buf_done) struct buf again;
    buf_init(&again, health_state_max_bytes(&setup));
    struct err e = health_save(d, &again);
    assert(e.code == ERR_OK && str_eq(buf_str(&again), bytes));
}

static void live(struct health_detector *d, int64_t from_us) {
    struct health_setup setup = health_setup_of(d);
    static uint32_t seen[1 + HEALTH_SUBS_MAX], traffic[1 + HEALTH_SUBS_MAX];
    for (uint32_t k = 0; k < 200; k++) {
        struct health_news news;
        for (uint32_t i = 0; i <= setup.subs_n; i++) {
            seen[i] = k % 50 < 40 ? k % 3 : 100000;
            traffic[i] = 200000;
        }
        health_tick(d, from_us + (int64_t)k * HEALTH_TICK_US, seen,
                    setup.kind == HEALTH_ERRORS ? traffic : NULL, &news);
        uint8_t window;
        for (uint16_t i = 0; i <= setup.subs_n; i++)
            assert(isfinite(health_score(d, i, &window)) && window < HEALTH_WINDOWS);
    }
}

/* With the checksum put right, since no mutation would get past it. */
static void try_bytes(char *p, size_t n, int64_t from_us) {
    uint64_t sum = checksum64(p, n - 8);
    memcpy(p + n - 8, &sum, 8);
    AUTO(health_detector_free) struct health_detector *d = NULL;
    struct err e = health_restore((struct str){p, n}, &d);
    if (e.code != ERR_OK) return;
    check_again(d, (struct str){p, n});
    live(d, from_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (n < 12) return 0;
    struct health_setup setup = {(enum health_kind)(bytes[0] % 3), bytes[1] % 4, bytes[0] & 0x80};
    struct health_detector *fresh = health_detector_new(&setup);
    struct buf b;
    buf_init(&b, 1 << 20);
    live(fresh, 0);
    struct err e = health_save(fresh, &b);
    health_detector_free(fresh);
    size_t at = (bytes[2] | (size_t)bytes[3] << 8) % b.n;
    int64_t from_us;
    memcpy(&from_us, bytes + 4, sizeof from_us);
    if (from_us > INT64_MAX / 4 || from_us < INT64_MIN / 4) from_us = INT64_C(2000000000);
    for (size_t k = 12; k < n && at + k - 12 < b.n; k++)
        b.p[at + k - 12] = (char)bytes[k];
    if (e.code == ERR_OK) try_bytes(b.p, b.n, from_us);
    buf_done(&b);
    return 0;
}
