/* chart.c: the last 24 hours of reports, and how many people. */
#include "status/watch.h"

#include <math.h>

static int64_t cell_of(int64_t at_us) {
    return at_us / WATCH_CELL_US;
}

static void empty_cell(struct chart *c, size_t k) {
    c->reports[k] = c->verified[k] = c->refused[k] = 0;
    memset(c->types[k], 0, sizeof c->types[k]);
    for (size_t i = 0; i < WATCH_AREAS; i++)
        c->areas[i].reports[k] = 0;
}

void chart_turn(struct chart *c, int64_t at_us) {
    int64_t now = cell_of(at_us);
    if (now - c->cell > STATUS_CHART_N || now < c->cell - 1) c->cell = now - STATUS_CHART_N;
    while (c->cell < now)
        empty_cell(c, (size_t)(++c->cell % STATUS_CHART_N));
}

static bool is_empty(const struct chart_area *a) {
    for (size_t i = 0; i < STATUS_CHART_N; i++)
        if (a->reports[i]) return false;
    return true;
}

/* The country's row; the first without a report of the day is free. NULL: more than WATCH_AREAS. */
static struct chart_area *area_of(struct chart *c, uint16_t country) {
    struct chart_area *empty = NULL;
    for (size_t i = 0; i < WATCH_AREAS; i++) {
        if (c->areas[i].country == country) return &c->areas[i];
        if (!empty && is_empty(&c->areas[i])) empty = &c->areas[i];
    }
    if (empty) *empty = (struct chart_area){.country = country};
    return empty;
}

void chart_add(struct chart *c, const struct report *r, bool counted, bool verified) {
    chart_turn(c, r->at_us);
    size_t k = (size_t)(c->cell % STATUS_CHART_N);
    if (!counted) {
        c->refused[k]++;
        return;
    }
    c->reports[k]++;
    c->verified[k] += verified;
    if (r->type < STATUS_TYPES_MAX) c->types[k][r->type]++;
    struct chart_area *a = area_of(c, r->country);
    if (a && a->reports[k] < UINT16_MAX) a->reports[k]++;
}

#define AREA_LEAST 5 /* fewer are not shown: they could be somebody */

static void read_area(const struct chart_area *from, struct status_component *out) {
    uint32_t sum = 0;
    for (size_t i = 0; i < STATUS_CHART_N; i++)
        sum += from->reports[i];
    if (sum < AREA_LEAST) return;
    struct status_area *a = &out->areas[out->n_areas++];
    *a = (struct status_area){.country = "??", .reports = sum};
    uint32_t country = watch_country(from->country);
    if (country) watch_country_name(country - 1, a->country);
}

void chart_read(const struct chart *c, struct status_component *out, struct arena *a) {
    out->areas = arena_array(a, WATCH_AREAS, sizeof *out->areas);
    for (size_t i = 0; i < STATUS_CHART_N; i++) {
        size_t k = (size_t)((c->cell + 1 + (int64_t)i) % STATUS_CHART_N);
        out->reports[i] = c->reports[k];
        out->reports_24h += c->reports[k];
        out->verified_24h += c->verified[k];
        out->refused_24h += c->refused[k];
        for (size_t t = 0; t < STATUS_TYPES_MAX; t++)
            out->type_share[t] += c->types[k][t];
    }
    for (size_t i = 0; i < WATCH_AREAS && out->areas; i++)
        read_area(&c->areas[i], out);
}

/* ---- people ---- */

void people_add(struct people *p, uint64_t identity, int64_t at_us) {
    int64_t cell = cell_of(at_us);
    size_t k = (size_t)(cell % WATCH_PEOPLE_CELLS);
    if (p->cell[k] != cell) {
        p->cell[k] = cell;
        memset(p->top[k], 0, sizeof p->top[k]);
    }
    uint64_t h = checksum64(&identity, sizeof identity);
    uint8_t rank = (uint8_t)(__builtin_clzll(h | 1023) + 1);
    uint8_t *top = &p->top[k][h % WATCH_PEOPLE_BYTES];
    if (rank > *top) *top = rank;
}

int64_t people_since(const struct people *p, int64_t from_us) {
    double sum = 0, m = WATCH_PEOPLE_BYTES;
    int zeros = 0;
    for (size_t i = 0; i < WATCH_PEOPLE_BYTES; i++) {
        uint8_t top = 0;
        for (size_t k = 0; k < WATCH_PEOPLE_CELLS; k++)
            if (p->cell[k] >= cell_of(from_us) && p->top[k][i] > top) top = p->top[k][i];
        sum += ldexp(1, -top);
        zeros += top == 0;
    }
    double estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    if (estimate < 2.5 * m && zeros) estimate = m * log(m / zeros);
    return (int64_t)(estimate + 0.5);
}
