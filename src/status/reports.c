/* reports.c: the rules against floods and forgeries (doc/health.md, "What counts").
 *
 * Order: who reported this component within the hour only repeats; then the caps of the prefix;
 * then the share of the network. Only what counts is remembered as an identity's: who was refused
 * for company may count later in the hour.
 *
 * The prefix's hour begins with its first report and is then fixed, as are the minutes and the ten
 * minutes of a network's share: a sliding window would need every report. A cap may so be passed
 * twice around a border, never more.
 */
#include "status/reports.h"

#include <stdlib.h>

#define WAYS 8

struct place {
    uint64_t key; /* 0: free */
    int64_t at_us;
    uint32_t a, b;
};
struct table {
    size_t buckets; /* a power of two */
    int64_t life_us;
    struct place *places; /* [buckets * WAYS] */
};
enum { IDENTITIES, PREFIXES, NETWORKS, ERRORS, TABLES };
struct reports {
    struct table tables[TABLES];
};

static const struct {
    size_t buckets;
    int64_t life_us;
} sizes[TABLES] = {[IDENTITIES] = {8192, REPORTS_IDENTITY_US},
                   [PREFIXES] = {8192, 3600 * US_PER_S},
                   [NETWORKS] = {2048, REPORTS_NETWORK_US},
                   [ERRORS] = {8192, REPORTS_VERIFIED_US}};

struct reports *reports_new(void) {
    struct reports *r = calloc(1, sizeof *r);
    for (size_t i = 0; r && i < TABLES; i++) {
        r->tables[i] = (struct table){.buckets = sizes[i].buckets, .life_us = sizes[i].life_us};
        r->tables[i].places = calloc(sizes[i].buckets * WAYS, sizeof(struct place));
        if (r->tables[i].places) continue;
        reports_free(r);
        return NULL;
    }
    return r;
}

void reports_free(struct reports *r) {
    if (!r) return;
    for (size_t i = 0; i < TABLES; i++)
        free(r->tables[i].places);
    free(r);
}

static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t both[2] = {a, b};
    uint64_t h = checksum64(both, sizeof both);
    return h ? h : 1;
}

/* The key's place; `make`: else the bucket's oldest, emptied for it; else NULL if it is not there.
 */
static struct place *find(const struct table *t, uint64_t key, bool make) {
    struct place *bucket = t->places + (key & (t->buckets - 1)) * WAYS, *oldest = bucket;
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i].key == key) return &bucket[i];
        if (bucket[i].key == 0 || (oldest->key != 0 && bucket[i].at_us < oldest->at_us))
            oldest = &bucket[i];
    }
    if (!make) return NULL;
    *oldest = (struct place){.key = key};
    return oldest;
}

static bool within(const struct table *t, const struct place *p, int64_t now) {
    return p && p->key && now - p->at_us < t->life_us && now >= p->at_us - 60 * US_PER_S;
}

static uint64_t identity_key(const struct report *p) {
    return mix(p->identity, p->component);
}

static bool repeats(const struct reports *r, const struct report *p) {
    const struct table *t = &r->tables[IDENTITIES];
    return within(t, find(t, identity_key(p), false), p->at_us);
}

/* a: in the hour, b: minute << 8 | in the minute. */
static bool prefix_has_room(struct reports *r, const struct report *p) {
    const struct table *t = &r->tables[PREFIXES];
    uint32_t times = p->shared ? REPORTS_SHARED_TIMES : 1;
    uint32_t minute = (uint32_t)(p->at_us / (60 * US_PER_S)) << 8;
    if (p->prefix == 0) return true;
    struct place *place = find(t, mix(p->prefix, 0), true);
    if (!within(t, place, p->at_us)) *place = (struct place){.key = place->key, .at_us = p->at_us};
    if ((place->b & ~UINT32_C(255)) != minute) place->b = minute;
    return place->a < REPORTS_PREFIX_HOUR * times &&
           (place->b & 255) < REPORTS_PREFIX_MINUTE * times;
}

static struct place *window_of(struct reports *r, const struct report *p, uint32_t network) {
    const struct table *t = &r->tables[NETWORKS];
    uint64_t key = mix((uint64_t)p->component << 32 | network, 1);
    int64_t begin = p->at_us - p->at_us % REPORTS_NETWORK_US;
    struct place *place = find(t, key, true);
    if (place->at_us != begin) *place = (struct place){.key = key, .at_us = begin};
    return place;
}

static bool network_has_room(struct reports *r, const struct report *p) {
    if (p->signed_in || p->network == 0) return true;
    uint32_t all = window_of(r, p, 0)->a, own = window_of(r, p, p->network)->a;
    return own < REPORTS_NETWORK_FREE || (own + 1) * 100 <= (all + 1) * REPORTS_NETWORK_PERCENT;
}

static void count(struct reports *r, const struct report *p) {
    find(&r->tables[IDENTITIES], identity_key(p), true)->at_us = p->at_us;
    if (p->prefix) {
        struct place *place = find(&r->tables[PREFIXES], mix(p->prefix, 0), true);
        place->a++;
        place->b++;
    }
    window_of(r, p, 0)->a++;
    if (p->network && !p->signed_in) window_of(r, p, p->network)->a++;
}

static bool had_errors(const struct reports *r, const struct report *p) {
    const struct table *t = &r->tables[ERRORS];
    return within(t, find(t, identity_key(p), false), p->at_us);
}

enum reports_verdict reports_take(struct reports *r, const struct report *p, bool *verified) {
    *verified = had_errors(r, p);
    if (repeats(r, p)) return REPORTS_REPEATED;
    if (!prefix_has_room(r, p)) return REPORTS_PREFIX_FULL;
    if (!network_has_room(r, p)) return REPORTS_NETWORK_FULL;
    count(r, p);
    return REPORTS_COUNTED;
}

void reports_error(struct reports *r, uint64_t identity, uint32_t component, int64_t at_us) {
    find(&r->tables[ERRORS], mix(identity, component), true)->at_us = at_us;
}

/* ---- state ---- */

void reports_save(const struct reports *r, int64_t now_us, struct buf *out) {
    for (size_t i = 0; i < TABLES; i++) {
        const struct table *t = &r->tables[i];
        for (size_t k = 0; k < t->buckets * WAYS; k++) {
            const struct place *p = &t->places[k];
            if (!within(t, p, now_us)) continue;
            buf_put_u64(out, p->key);
            buf_put_i64(out, p->at_us);
            buf_put_u32(out, p->a);
            buf_put_u32(out, p->b);
        }
        buf_put_u64(out, 0);
    }
}

bool reports_restore(struct reports *r, struct cursor *c) {
    for (size_t i = 0; i < TABLES; i++) {
        const struct table *t = &r->tables[i];
        for (size_t n = 0;; n++) {
            uint64_t key = cursor_u64(c);
            if (c->bad || n > t->buckets * WAYS) return false;
            if (key == 0) break;
            struct place *p = find(t, key, true);
            p->at_us = cursor_i64(c);
            p->a = cursor_u32(c);
            p->b = cursor_u32(c);
        }
    }
    return !c->bad;
}

/* ---- the gate ---- */

void gate_put(struct gate *g, const struct report *p, bool verified) {
    g->last[g->n++ % GATE_N] = (struct gate_report){.at_us = p->at_us,
                                                    .identity = p->identity,
                                                    .prefix = p->prefix,
                                                    .network = p->network,
                                                    .type = p->type,
                                                    .signed_in = p->signed_in,
                                                    .verified = verified};
}

void gate_forget(struct gate *g, int64_t before_us) {
    for (size_t i = 0; i < GATE_N; i++)
        if (g->last[i].at_us < before_us) g->last[i] = (struct gate_report){.at_us = 0};
}

/* Whether report i is the first since from_us with its prefix (or network, or identity). */
static bool is_first(const struct gate *g, uint32_t i, int64_t from_us, int what) {
    const struct gate_report *r = &g->last[i];
    for (uint32_t k = 0; k < i; k++) {
        const struct gate_report *q = &g->last[k];
        if (q->at_us < from_us) continue;
        if (what == 0 && q->prefix == r->prefix) return false;
        if (what == 1 && q->network == r->network) return false;
        if (what == 2 && q->identity == r->identity && q->signed_in && q->verified) return false;
    }
    return true;
}

struct gate_sight gate_look(const struct gate *g, int64_t from_us) {
    struct gate_sight s = {0};
    uint32_t n = g->n < GATE_N ? g->n : GATE_N;
    for (uint32_t i = 0; i < n; i++) {
        const struct gate_report *r = &g->last[i];
        if (r->at_us < from_us) continue;
        s.counted++;
        s.verified += r->verified;
        s.prefixes += r->prefix && is_first(g, i, from_us, 0);
        s.networks += r->network && is_first(g, i, from_us, 1);
        s.signed_in_verified += r->signed_in && r->verified && is_first(g, i, from_us, 2);
    }
    s.passed = (s.prefixes >= GATE_PREFIXES && s.networks >= GATE_NETWORKS) ||
               (s.networks == 0 && s.prefixes >= GATE_PREFIXES_ALONE) ||
               s.signed_in_verified >= GATE_VERIFIED;
    return s;
}
