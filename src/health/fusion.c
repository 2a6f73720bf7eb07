/* fusion.c: two sources that pre-alarm at the same place within ten minutes are an incident, though
 * neither alone is.
 *
 * All of a source's series together pre-alarm about 200 times a year by chance. Any two of two
 * sources would meet more than once a year; of the same place about once in three years.
 */
#include "health/detector.h"

#define FUSION_TICKS (HEALTH_FUSION_US / HEALTH_TICK_US)

void health_fusion_init(struct health_fusion *f) {
    memset(f, 0, sizeof *f);
}

static bool near(uint32_t at, int64_t tick) {
    return at != 0 && tick - at <= FUSION_TICKS && tick - at >= -FUSION_TICKS;
}

static bool agrees(const uint32_t *at, uint16_t place, int64_t tick) {
    if (near(at[HEALTH_ANY_PLACE], tick)) return true;
    if (place != HEALTH_ANY_PLACE) return near(at[place], tick);
    bool agreed = false;
    for (uint32_t p = 0; p < HEALTH_ANY_PLACE; p++)
        agreed = agreed || near(at[p], tick);
    return agreed;
}

bool health_fusion_note(struct health_fusion *f, uint8_t source, uint16_t place, int64_t now_us) {
    assert(source < HEALTH_SOURCES_MAX && place <= HEALTH_ANY_PLACE);
    int64_t tick = floor_div(now_us, HEALTH_TICK_US);
    if (tick <= 0 || tick > UINT32_MAX) return false;
    f->at[source][place] = (uint32_t)tick;
    bool agreed = false;
    for (uint32_t k = 0; k < HEALTH_SOURCES_MAX; k++)
        agreed = agreed || (k != source && agrees(f->at[k], place, tick));
    return agreed;
}

bool health_fusion_take(struct health_fusion *f, uint8_t source, const struct health_detector *d,
                        int64_t now_us) {
    bool agreed = false;
    for (uint16_t i = 0; i < d->n; i++)
        if (d->z[i] >= health_prealarm_at(d, i))
            agreed = health_fusion_note(f, source, i, now_us) || agreed;
    return agreed;
}
