/* fusion.c: two sources that pre-alarm within ten minutes are an incident, though neither alone is.
 * A source pre-alarms about 100 times a year by chance; two independent ones together 0.4 times. */
#include "health/health.h"

#include <assert.h>

void health_fusion_init(struct health_fusion *f) {
    for (size_t k = 0; k < HEALTH_SOURCES_MAX; k++)
        f->at_us[k] = INT64_MIN;
}

bool health_fusion_note(struct health_fusion *f, uint8_t source, int64_t now_us) {
    assert(source < HEALTH_SOURCES_MAX);
    bool agreed = false;
    f->at_us[source] = now_us;
    for (size_t k = 0; k < HEALTH_SOURCES_MAX; k++) {
        int64_t at = f->at_us[k];
        if (k == source || at == INT64_MIN) continue;
        int64_t apart;
        if (__builtin_sub_overflow(now_us, at, &apart)) continue;
        agreed = agreed || (apart <= HEALTH_FUSION_US && apart >= -HEALTH_FUSION_US);
    }
    return agreed;
}
