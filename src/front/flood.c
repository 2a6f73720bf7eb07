/* flood.c: how much one network may have journalled by the report button, and one monitor by its
 * push address.
 *
 * What counts is decided in console (its caps are far below these); here only the journal and the
 * disk are kept from being filled. A fixed table, eight places to a bucket, the one not heard of
 * for longest gives way: so a flood from ever new networks forgets the quiet ones and never the
 * busy. Keys are mixed with a secret of the process, so that nobody can aim at a bucket. Beyond the
 * table one count of all holds.
 */
#include <stdlib.h>

#include "front/inside.h"

#define BUCKETS 8192
#define PLACES 8
#define MINUTE_US (60 * US_PER_S)

struct place {
    uint64_t key;              /* 0: free */
    uint32_t minute, hour;     /* numbers since 1970 */
    uint32_t n_minute, n_hour; /* in them */
};
struct front_flood {
    uint64_t secret;
    struct place all; /* key 0 */
    struct place places[BUCKETS][PLACES];
};

struct front_flood *front_flood_new(void) {
    struct front_flood *f = calloc(1, sizeof *f);
    if (f) f->secret = random_u64();
    return f;
}

void front_flood_free(struct front_flood *f) {
    free(f);
}

static struct place *place_of(struct front_flood *f, uint64_t key) {
    if (key == 0) return &f->all;
    uint64_t mixed[2] = {f->secret, key};
    uint64_t h = checksum64(mixed, sizeof mixed) | 1;
    struct place *bucket = f->places[(h >> 1) % BUCKETS], *oldest = bucket;
    for (size_t i = 0; i < PLACES; i++) {
        if (bucket[i].key == h) return &bucket[i];
        if (bucket[i].minute < oldest->minute) oldest = &bucket[i];
    }
    *oldest = (struct place){.key = h};
    return oldest;
}

bool front_flood_take(struct front_flood *f, uint64_t key, struct front_cap cap, int64_t now_us) {
    struct place *p = place_of(f, key);
    uint32_t minute = (uint32_t)(now_us / MINUTE_US), hour = minute / 60;
    if (p->hour != hour) p->n_hour = 0;
    if (p->minute != minute) p->n_minute = 0;
    p->minute = minute;
    p->hour = hour;
    if ((cap.minute && p->n_minute >= cap.minute) || (cap.hour && p->n_hour >= cap.hour))
        return false;
    p->n_minute++;
    p->n_hour++;
    return true;
}
