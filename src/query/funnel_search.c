/* funnel_search.c: the deepest sequence of steps in one person's events.
 *
 * Forward. For each depth k the search keeps latest[k]: of all sequences of k steps that may still
 * go on, the latest first event. A later start is never worse: more of the window is left, and what
 * may follow step k depends on when step k was only through excluded events, which remove every
 * sequence whose step k lies before them. So one pass over the events, k numbers of state, finds
 * the depth of the best sequence and the earliest time at which that depth is reached.
 *
 * Equal times count in step order whatever order they were stored in, and an event serves one step.
 * So events of one time are a group; from depth d it carries as far as steps d + 1, d + 2, ... find
 * an event each, all different: an assignment, made step by step with augmenting paths. Nearly all
 * groups hold one event.
 *
 * Backward. The depth and its end known, which sequence? Groups are walked back from the end, and a
 * group may be entered at depth k if it carries to some m from where the next group that may be
 * entered at m comes before an event excluded after step m. Then the earliest start whose window
 * reaches the end is taken, and from there always the earliest way on.
 */
#include "query/funnel.h"

#define NEVER INT64_MIN
#define MAX_MATCH 1024 /* events of one time that take part in an assignment */

int funnel_path_cmp(const struct funnel_path *a, const struct funnel_path *b) {
    if (a->depth != b->depth) return a->depth > b->depth ? -1 : 1;
    if (a->depth == 0) return 0;
    int64_t x = a->t[a->depth - 1], y = b->t[b->depth - 1];
    if (x != y) return x < y ? -1 : 1;
    for (uint32_t i = 0; i < a->depth; i++) {
        if (a->t[i] != b->t[i]) return a->t[i] < b->t[i] ? -1 : 1;
    }
    return 0;
}

/* ---- assignments ---- */

/* Events (rows) to steps (columns): taken[step] is the event that serves it, or -1. */
struct match {
    const struct funnel_event *events;
    const uint32_t *index; /* [n]: which events take part */
    uint32_t n;
    int32_t taken[PLAN_MAX_STEPS];
};

/* Finds a step for the event, moving others aside. */
static bool place_event(struct match *m, uint32_t at, uint32_t *tried) {
    uint32_t left = m->events[m->index[at]].steps & ~*tried;
    for (; left; left &= ~*tried & (left - 1)) {
        uint32_t step = (uint32_t)__builtin_ctz(left);
        *tried |= UINT32_C(1) << step;
        if (m->taken[step] >= 0 && !place_event(m, (uint32_t)m->taken[step], tried)) continue;
        m->taken[step] = (int32_t)at;
        return true;
    }
    return false;
}

static bool serves(const struct funnel_person *p, const struct funnel_event *e, uint32_t step) {
    return e->hold == p->hold && (e->steps >> step & 1) && (step > 0 || e->start);
}

/* Steps to events: used[event] is the step that it serves, or -1. */
struct group {
    const struct funnel_person *p;
    const uint32_t *index; /* [n] */
    uint32_t n;
    int8_t used[MAX_MATCH];
};

static bool place_step(struct group *g, uint32_t step, uint8_t *seen) {
    for (uint32_t i = 0; i < g->n; i++) {
        if (seen[i] || !serves(g->p, &g->p->events[g->index[i]], step)) continue;
        seen[i] = 1;
        if (g->used[i] >= 0 && !place_step(g, (uint32_t)g->used[i], seen)) continue;
        g->used[i] = (int8_t)step;
        return true;
    }
    return false;
}

/* Of many events of one time, those that an assignment can need: per set of steps as many as there
 * are steps. */
static uint32_t gather(const struct funnel_person *p, uint32_t from, uint32_t to, uint32_t *index) {
    uint32_t n = 0;
    for (uint32_t i = from; i < to && n < MAX_MATCH; i++) {
        const struct funnel_event *e = &p->events[i];
        uint32_t same = 0;
        if (e->hold != p->hold || !e->steps) continue;
        for (uint32_t k = 0; k < n; k++) {
            const struct funnel_event *o = &p->events[index[k]];
            same += o->steps == e->steps && o->start == e->start;
        }
        if (same < (uint32_t)__builtin_popcount(e->steps)) index[n++] = i;
    }
    return n;
}

/* How deep the group [from, to) carries from depth d. */
static uint32_t reach(const struct funnel_person *p, uint32_t from, uint32_t to, uint32_t d) {
    if (d >= p->n_steps) return d;
    if (to - from == 1) return d + (serves(p, &p->events[from], d) ? 1 : 0);
    uint32_t index[MAX_MATCH];
    struct group g = {.p = p, .index = index, .n = gather(p, from, to, index)};
    memset(g.used, -1, sizeof g.used);
    for (; d < p->n_steps; d++) {
        uint8_t seen[MAX_MATCH] = {0};
        if (!place_step(&g, d, seen)) break;
    }
    return d;
}

/* ---- groups of equal time ---- */

static struct err find_groups(struct funnel_person *p, uint32_t *out_n) {
    uint32_t n = 0;
    p->groups = table_grow(p->arena, p->groups, &p->groups_cap, p->n + 1, sizeof *p->groups);
    p->enter = table_grow(p->arena, p->enter, &p->enter_cap, p->n + 1, sizeof *p->enter);
    if (!p->groups || !p->enter) return ERR(ERR_NOMEM, "query: funnel");
    for (uint32_t i = 0; i < p->n; i++) {
        if (i == 0 || p->events[i].t != p->events[i - 1].t) p->groups[n++] = i;
    }
    p->groups[n] = p->n;
    *out_n = n;
    return ERR_NONE;
}

static uint32_t excluded_in(const struct funnel_person *p, uint32_t g) {
    uint32_t mask = 0;
    for (uint32_t i = p->groups[g]; i < p->groups[g + 1]; i++)
        mask |= p->events[i].excluded;
    return mask;
}

/* ---- forward ---- */

struct best {
    uint32_t depth;
    uint32_t end; /* group */
};

static void take_group(const struct funnel_person *p, uint32_t g, int64_t *latest, struct best *b) {
    int64_t t = p->events[p->groups[g]].t, fresh[PLAN_MAX_STEPS + 1];
    for (uint32_t k = 0; k <= p->n_steps; k++)
        fresh[k] = NEVER;
    for (uint32_t d = 0; d < p->n_steps; d++) {
        if (d && latest[d] != NEVER && t - latest[d] > p->window_us) latest[d] = NEVER;
        int64_t first = d ? latest[d] : t;
        if (first == NEVER) continue;
        uint32_t m = reach(p, p->groups[g], p->groups[g + 1], d);
        for (uint32_t k = d + 1; k <= m; k++)
            fresh[k] = first > fresh[k] ? first : fresh[k];
    }
    for (uint32_t x = excluded_in(p, g); x; x &= x - 1)
        latest[__builtin_ctz(x) + 1] = NEVER;
    for (uint32_t k = 1; k <= p->n_steps; k++) {
        latest[k] = fresh[k] > latest[k] ? fresh[k] : latest[k];
        if (fresh[k] != NEVER && k > b->depth) *b = (struct best){k, g};
    }
}

static struct best search(const struct funnel_person *p, uint32_t n_groups) {
    int64_t latest[PLAN_MAX_STEPS + 2];
    struct best b = {0, 0};
    for (uint32_t k = 0; k < PLAN_MAX_STEPS + 2; k++)
        latest[k] = NEVER;
    for (uint32_t g = 0; g < n_groups && b.depth < p->n_steps; g++)
        take_group(p, g, latest, &b);
    return b;
}

/* ---- backward ---- */

#define NOWHERE UINT32_MAX

/* Sets p->enter for the groups up to the end: bit k, the group may be entered at depth k. */
static void mark(const struct funnel_person *p, struct best b) {
    uint32_t next[PLAN_MAX_STEPS + 1], barred[PLAN_MAX_STEPS + 1];
    for (uint32_t k = 0; k <= PLAN_MAX_STEPS; k++)
        next[k] = barred[k] = NOWHERE;
    for (uint32_t g = b.end + 1; g-- > 0;) {
        uint32_t bits = 0;
        for (uint32_t k = 0; k < b.depth; k++) {
            uint32_t m = reach(p, p->groups[g], p->groups[g + 1], k);
            for (m = m < b.depth ? m : b.depth; m > k; m--) {
                bool on = m == b.depth ? g == b.end : next[m] != NOWHERE && next[m] <= barred[m];
                bits |= (uint32_t)on << k;
            }
        }
        p->enter[g] = bits;
        for (uint32_t x = bits; x; x &= x - 1)
            next[__builtin_ctz(x)] = g;
        for (uint32_t x = excluded_in(p, g); x; x &= x - 1)
            barred[__builtin_ctz(x) + 1] = g;
    }
}

/* The next group that may be entered at depth m, if nothing excluded comes before. */
static uint32_t onward(const struct funnel_person *p, struct best b, uint32_t g, uint32_t m) {
    for (g++; g <= b.end; g++) {
        if (p->enter[g] >> m & 1) return g;
        if (m && (excluded_in(p, g) >> (m - 1) & 1)) return NOWHERE;
    }
    return NOWHERE;
}

static void walk(const struct funnel_person *p, struct best b, struct funnel_path *out) {
    int64_t end = p->events[p->groups[b.end]].t;
    uint32_t g = 0, k = 0;
    while (!(p->enter[g] & 1) || end - p->events[p->groups[g]].t > p->window_us)
        g++;
    out->depth = b.depth;
    while (k < b.depth) {
        uint32_t m = reach(p, p->groups[g], p->groups[g + 1], k), to = NOWHERE;
        for (m = m < b.depth ? m : b.depth; m > k; m--) {
            if (m == b.depth && g == b.end) break;
            to = m < b.depth ? onward(p, b, g, m) : NOWHERE;
            if (to != NOWHERE) break;
        }
        for (; k < m; k++)
            out->t[k] = p->events[p->groups[g]].t;
        if (k < b.depth) g = to;
    }
}

/* ---- the common case: no two events of one time, nothing excluded ---- */

static bool is_plain(const struct funnel_person *p) {
    bool plain = true;
    for (uint32_t i = 0; i < p->n && plain; i++)
        plain = !p->events[i].excluded && (i == 0 || p->events[i - 1].t < p->events[i].t);
    return plain;
}

/* `search` where each group is one event: from the deepest step down, so that an event that may be
 * several steps is used once. */
static struct best search_plain(const struct funnel_person *p) {
    int64_t latest[PLAN_MAX_STEPS + 1];
    uint32_t steps = (uint32_t)((UINT64_C(1) << p->n_steps) - 1);
    struct best b = {0, 0};
    for (uint32_t k = 0; k <= p->n_steps; k++)
        latest[k] = NEVER;
    for (uint32_t i = 0; i < p->n && b.depth < p->n_steps; i++) {
        const struct funnel_event *e = &p->events[i];
        uint32_t left = e->hold == p->hold ? e->steps & steps : 0;
        while (left) {
            uint32_t d = 31u - (uint32_t)__builtin_clz(left);
            left ^= UINT32_C(1) << d;
            int64_t first = d ? latest[d] : e->start ? e->t : NEVER;
            if (first == NEVER || e->t - first > p->window_us) continue;
            latest[d + 1] = first > latest[d + 1] ? first : latest[d + 1];
            if (d + 1 > b.depth) b = (struct best){d + 1, i};
        }
    }
    return b;
}

/* `mark` and `walk`: an event may be step k + 1 if it does not come after the last one from which
 * the end can still be reached. */
static void walk_plain(const struct funnel_person *p, struct best b, struct funnel_path *out) {
    uint32_t last[PLAN_MAX_STEPS];
    int64_t end = p->events[b.end].t;
    uint32_t k = b.depth - 1, i = b.end;
    for (last[k] = i; k > 0 && i > 0;) {
        if (serves(p, &p->events[--i], k - 1)) last[--k] = i;
    }
    out->depth = b.depth;
    for (i = 0;
         i < last[0] && (end - p->events[i].t > p->window_us || !serves(p, &p->events[i], 0));)
        i++;
    for (k = 0; k + 1 < b.depth; k++) {
        out->t[k] = p->events[i].t;
        for (i++; i < last[k + 1] && !serves(p, &p->events[i], k + 1);)
            i++;
    }
    out->t[k] = end;
}

struct err funnel_ordered(struct funnel_person *p, struct funnel_path *out) {
    uint32_t n = 0;
    out->depth = 0;
    if (is_plain(p)) {
        struct best plain = search_plain(p);
        if (plain.depth) walk_plain(p, plain, out);
        return ERR_NONE;
    }
    TRY(find_groups(p, &n));
    struct best b = search(p, n);
    if (b.depth == 0) return ERR_NONE;
    mark(p, b);
    walk(p, b, out);
    return ERR_NONE;
}

/* ---- any order ---- */

static void any_from(const struct funnel_person *p, uint32_t first, uint32_t *index,
                     struct funnel_path *out) {
    struct match m = {.events = p->events, .index = index};
    memset(m.taken, -1, sizeof m.taken);
    out->depth = 0;
    int64_t t0 = p->events[first].t;
    for (uint32_t i = first;
         i < p->n && p->events[i].t - t0 <= p->window_us && out->depth < p->n_steps; i++) {
        if (p->events[i].hold != p->hold || !p->events[i].steps) continue;
        uint32_t tried = 0;
        index[m.n] = i;
        if (!place_event(&m, m.n, &tried)) continue;
        m.n++;
        out->t[out->depth++] = p->events[i].t;
    }
}

struct err funnel_any(struct funnel_person *p, struct funnel_path *out) {
    uint32_t n = 0, index[PLAN_MAX_STEPS + 1];
    out->depth = 0;
    TRY(find_groups(p, &n));
    for (uint32_t g = 0; g < n; g++) {
        bool starts = false;
        for (uint32_t i = p->groups[g]; i < p->groups[g + 1]; i++)
            starts |= p->events[i].start && p->events[i].hold == p->hold;
        if (!starts) continue;
        struct funnel_path path;
        any_from(p, p->groups[g], index, &path);
        if (out->depth == 0 || funnel_path_cmp(&path, out) < 0) *out = path;
    }
    return ERR_NONE;
}
