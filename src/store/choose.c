/* choose.c: which generations to merge: arithmetic only, so that it can be simulated.
 *
 * A generation is rewritten only in company that is worth it: four neighbours or more, of which the
 * largest has at most half of what the others have together. So each merge makes one of at least
 * three times the largest, and a row is rewritten at most log3(rows / flush) times: a few late
 * events wait beside the old months, and do not have them rewritten. Of all such windows the one
 * with the fewest rows goes first.
 *
 * Sizes in an unlucky order (small ones between large ones) could make that wait for ever; so
 * beyond STORE_MOST_GENERATIONS the cheapest four neighbours are merged whatever their sizes.
 *
 * Tried: tiers by powers of four, merging four neighbours "of no tier above t": a large generation
 * followed by three small ones is four of no tier above its own, and was rewritten at every third
 * flush.
 */
#include "store/internal.h"

#define FAN_IN 4
#define WORTH 2

struct window {
    size_t first, n;
    uint64_t rows, largest;
};

static void take_less(struct window *best, const struct window *w) {
    if (best->n == 0 || w->rows < best->rows) *best = *w;
}

static struct window cheapest(const uint64_t *rows, size_t n, bool any) {
    struct window best = {0};
    for (size_t i = 0; i + FAN_IN <= n; i++) {
        struct window w = {.first = i};
        for (size_t k = i; k < n; k++) {
            w.n++;
            w.rows += rows[k];
            if (rows[k] > w.largest) w.largest = rows[k];
            if (w.n < FAN_IN) continue;
            if (any || w.rows - w.largest >= WORTH * w.largest) take_less(&best, &w);
            if (any) break;
        }
    }
    return best;
}

/* When nothing arrives: the youngest pair that is worth it. */
static struct window idle_pair(const uint64_t *rows, size_t n) {
    for (size_t i = n; i-- > 1;)
        if (rows[i] * 8 >= rows[i - 1])
            return (struct window){.first = i - 1, .n = 2, .rows = rows[i] + rows[i - 1]};
    return (struct window){0};
}

bool merge_choose(const uint64_t *rows, size_t n, bool idle, size_t *out_first, size_t *out_n) {
    struct window w = cheapest(rows, n, false);
    if (w.n == 0 && n > STORE_MOST_GENERATIONS) w = cheapest(rows, n, true);
    if (w.n == 0 && idle) w = idle_pair(rows, n);
    *out_first = w.first;
    *out_n = w.n;
    return w.n > 0;
}
