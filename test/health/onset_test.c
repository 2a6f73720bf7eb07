/* When it began, against a search written the other way round. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

#define BACK 720

/* Counts and expectations of the last ticks of series 0, newest last. */
struct past {
    double seen[BACK], expected[BACK];
    int n;
};

static void live(struct rig *r, struct past *p, uint32_t count) {
    rig_tick(r, count, count, 0, 0);
    p->seen[p->n] = count;
    p->expected[p->n++] = health_window(r->d, 0, 0).expected;
}

static double gain(const struct past *p, int from, bool down) {
    double c = 0, m = 0;
    for (int k = from; k < p->n; k++) {
        c += p->seen[k];
        m += p->expected[k];
    }
    if (down ? c >= m : c <= m) return 0;
    return (c > 0 ? c * log(c / m) : 0) - (c - m);
}

/* The best start of the last 2 * `ticks` ones, the window's own if none is better than nothing: in
 * tens of seconds for ten minutes, then whole minutes.
 */
static int64_t slow_onset(const struct rig *r, const struct past *p, int ticks, bool down) {
    int64_t best = r->d->tick - ticks + 1;
    double most = 0;
    for (int back = 0; back < 2 * ticks && back < p->n; back++) {
        int64_t tick = r->d->tick - back;
        if (back >= 60 && floor_mod(tick, 6) != 0) continue;
        double g = gain(p, p->n - 1 - back, down);
        if (g > most + 1e-9) {
            most = g;
            best = tick;
        }
    }
    return best;
}

static void the_onset_is_the_start_that_explains_most(void **state) {
    for (int shape = 0; shape < 5; shape++) {
        struct rig r;
        struct past p = {.n = 0};
        bool down = shape == 4;
        rig_begin(&r, down ? HEALTH_EVENTS : HEALTH_REPORTS, 3);
        rig_warm(&r, 3);
        for (int k = 0; k < 300; k++)
            live(&r, &p, rig_poisson(&r, 3));
        for (int k = 0; k < 200; k++) {
            static const double rates[5] = {9, 30, 5, 0, 0.3};
            live(&r, &p, rig_poisson(&r, shape == 3 ? 3 + k * 0.3 : rates[shape]));
            for (uint32_t w = 2; w < 7; w++) {
                int length = (int)health_window_ticks(w);
                assert_int_equal(health_onset(r.d, 0, w), slow_onset(&r, &p, length, down));
            }
        }
        rig_end(&r);
    }
}

static void a_sharp_onset_is_found_to_the_tick(void **state) {
    struct rig r;
    rig_begin(&r, HEALTH_REPORTS, 3);
    rig_warm(&r, 3);
    rig_run(&r, 100);
    int64_t began = r.now_us;
    for (int k = 0; k < 3; k++)
        rig_tick(&r, 60, 60, 0, 0);
    const struct health_incident *i = health_incident_of(r.d);
    assert_true(i->open && i->first.onset_us == began);
    assert_true(i->opened_us == began);
    rig_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_onset_is_the_start_that_explains_most),
        cmocka_unit_test(a_sharp_onset_is_found_to_the_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
