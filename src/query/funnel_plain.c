/* funnel_plain.c: the common funnel: steps in order, nothing excluded, one value of what is held
 * and broken down by, no two events at one time. The search and the walk of funnel_search.c ("the
 * common case"), on the hits themselves; whoever is not so plain is left to them.
 *
 * What breaks a person's events apart (a held property, a breakdown) is most often the same for all
 * of them: one operating system, one country. Then there is one funnel to look at, and its row is
 * that of any of the events.
 */
#include "query/funnel.h"

#define NEVER INT64_MIN

bool funnel_may_be_plain(const struct query *q) {
    return !q->any_order && q->n_exclude == 0 && q->n_hold <= 1 && q->n_breakdown <= 1 &&
           q->n_steps > 0;
}

/* All hits have one value, and not none, of each dimension. */
static bool one_value(struct worker *w, const struct hit *hits, uint32_t n) {
    const struct query *q = w->run->q;
    for (uint32_t d = 0; d < q->n_hold + q->n_breakdown; d++) {
        uint32_t dim = d < q->n_hold ? d : w->run->breakdown_dim;
        uint32_t id;
        if (!dim_one(w, dim, hits, n, &id)) return false;
        if (d < q->n_hold && id == 0) return false;
    }
    return true;
}

static bool serves(const struct run *r, const struct hit *h, uint32_t step) {
    return (h->sel >> step & 1) && (step > 0 || h->t < r->range.to_us);
}

/* How deep hits from the first start on lead, and where they get there; 0: two of one time. */
static uint32_t search(const struct run *r, const struct hit *hits, uint32_t n, uint32_t *out_end) {
    int64_t latest[PLAN_MAX_STEPS + 1], before = NEVER, window = r->q->window_us;
    uint32_t n_steps = (uint32_t)r->q->n_steps, depth = 1;
    for (uint32_t k = 0; k <= n_steps; k++)
        latest[k] = NEVER;
    *out_end = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t t = hits[i].t;
        if (t == before) return 0;
        before = t;
        if (depth == n_steps && i > *out_end) break;
        for (uint64_t left = hits[i].sel; left;) {
            uint32_t d = 63u - (uint32_t)__builtin_clzll(left);
            left ^= UINT64_C(1) << d;
            int64_t first = d ? latest[d] : t < r->range.to_us ? t : NEVER;
            if (first == NEVER || t - first > window) continue;
            latest[d + 1] = first > latest[d + 1] ? first : latest[d + 1];
            if (d + 1 <= depth) continue;
            depth = d + 1;
            *out_end = i;
        }
    }
    return depth;
}

static void walk(const struct run *r, const struct hit *hits, uint32_t end,
                 struct funnel_path *out) {
    uint32_t last[PLAN_MAX_STEPS], k = out->depth - 1, i = end;
    last[0] = 0;
    for (last[k] = i; k > 0 && i > 0;) {
        if (serves(r, &hits[--i], k - 1)) last[--k] = i;
    }
    i = 0;
    while (i < last[0] && (hits[end].t - hits[i].t > r->q->window_us || !serves(r, &hits[i], 0)))
        i++;
    for (k = 0; k + 1 < out->depth; k++) {
        out->t[k] = hits[i].t;
        for (i++; i < last[k + 1] && !serves(r, &hits[i], k + 1);)
            i++;
    }
    out->t[k] = hits[end].t;
}

bool funnel_plain(struct worker *w, const struct hit *hits, uint32_t n, uint32_t *out_start,
                  struct funnel_path *out) {
    const struct run *r = w->run;
    uint32_t i = 0, end;
    out->depth = 0;
    while (i < n && !serves(r, &hits[i], 0))
        i++;
    *out_start = i;
    if (i == n) return true;
    if (i > 0 && hits[i - 1].t == hits[i].t) return false;
    if (!one_value(w, hits + i, n - i)) return false;
    out->depth = search(r, hits + i, n - i, &end);
    if (out->depth == 0) return false;
    if (out->depth > 1) walk(r, hits + i, end, out);
    return true;
}
