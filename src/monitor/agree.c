/* agree.c: what the places say together. Only those count that spoke lately and can see. One that
 * stands alone with its down is that place's trouble, not the service's. */
#include "monitor/inside.h"

enum together agree(const struct word *words, size_t n, uint32_t quorum, int64_t fresh_after_us) {
    size_t seeing = 0, up = 0, down = 0;
    for (size_t i = 0; i < n; i++) {
        const struct word *w = &words[i];
        if (w->heard_us == 0 || w->heard_us < fresh_after_us) continue;
        if (w->beat.up == POST_UNKNOWN || w->beat.up == POST_MAINTENANCE) continue;
        seeing++;
        up += w->beat.up == POST_UP;
        down += w->beat.up == POST_DOWN;
    }
    size_t need = quorum ? quorum : seeing / 2 + 1;
    if (need > seeing) need = seeing; /* a quorum that cannot be reached would never alarm */
    if (seeing == 0) return NOBODY_KNOWS;
    if (down >= need) return ALL_DOWN;
    return up > seeing / 2 ? ALL_UP : FAILING;
}
