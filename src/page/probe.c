/* probe.c: the table of public probes in the file `pages`, little-endian:
 *
 *      4  n probes, strictly ascending by number, each:
 *          number u32 | up u8 | cert days i32 | six f64: uptimes 1h 24h 7d 30d 1y, average ms
 *          | name u16 n, bytes | group u16 n, bytes | u8 n beats, each: at i64 | ms i32 | up u8
 */
#include <stdlib.h>

#include "page/inside.h"

#define PROBE_MIN_BYTES 62
#define BEAT_BYTES 13
#define LAST_US (INT64_C(253402300799) * US_PER_S) /* the year 9999 */
#define MAX_NAME_BYTES 512

/* ---- writing ---- */

static int by_number(const void *a, const void *b) {
    const struct status_probe *const *x = a, *const *y = b;
    return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static void put_text(struct buf *b, struct str s) {
    if (s.n > MAX_NAME_BYTES) s.n = MAX_NAME_BYTES;
    s.n = str_utf8_prefix(s);
    buf_put_u16(b, (uint16_t)s.n);
    buf_put_str(b, s);
}

static void put_probe(struct buf *b, const struct status_probe *p) {
    const double figures[] = {p->uptime_1h,  p->uptime_24h, p->uptime_7d,
                              p->uptime_30d, p->uptime_1y,  p->avg_ms_24h};
    size_t n = p->n_beats < STATUS_BEATS_MAX ? p->n_beats : STATUS_BEATS_MAX;
    buf_put_u32(b, p->number);
    buf_put_u8(b, p->up);
    buf_put_u32(b, (uint32_t)p->cert_days);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        buf_put_f64(b, figures[i]);
    put_text(b, p->name);
    put_text(b, p->group);
    buf_put_u8(b, (uint8_t)n);
    for (size_t i = 0; i < n; i++) {
        int64_t at = p->beats[i].at_us;
        buf_put_i64(b, at < 0 ? 0 : at > LAST_US ? LAST_US : at);
        buf_put_u32(b, (uint32_t)p->beats[i].ms);
        buf_put_u8(b, p->beats[i].up);
    }
}

void page_put_probes(struct buf *b, const struct status_model *m) {
    const struct status_probe **order = calloc(m->n_probes + 1, sizeof(*order));
    size_t n = 0, put = 0;
    if (!order) {
        b->failed = ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < m->n_probes && n < PAGE_MAX_PROBES; i++)
        if (m->probes[i].is_public) order[n++] = &m->probes[i];
    qsort(order, n, sizeof *order, by_number);
    size_t at = b->n;
    buf_put_u32(b, 0);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && order[i - 1]->number == order[i]->number) continue;
        put_probe(b, order[i]);
        put++;
    }
    free(order);
    uint32_t count = (uint32_t)put;
    if (buf_err(b).code == ERR_OK) memcpy(b->p + at, &count, sizeof count);
}

/* ---- reading ---- */

static struct str take_text(struct cursor *c) {
    size_t n = cursor_u16(c);
    if (n > MAX_NAME_BYTES) c->bad = true;
    const uint8_t *p = c->bad ? NULL : cursor_bytes(c, n);
    struct str s = {(const char *)p, p ? n : 0};
    if (str_utf8_prefix(s) != s.n) c->bad = true;
    return s;
}

static void take_beats(struct cursor *c, struct page *p, struct page_probe *out) {
    size_t n = cursor_u8(c);
    if (n > STATUS_BEATS_MAX || n > c->n / BEAT_BYTES) {
        c->bad = true;
        return;
    }
    out->beats = &p->beats[(size_t)(out - p->probes) * STATUS_BEATS_MAX];
    out->n_beats = n;
    for (size_t i = 0; i < n; i++) {
        out->beats[i] = (struct page_beat){.at_us = cursor_i64(c)};
        out->beats[i].ms = (int32_t)cursor_u32(c);
        out->beats[i].up = cursor_u8(c) & 3;
        if (out->beats[i].at_us < 0 || out->beats[i].at_us > LAST_US) c->bad = true;
    }
}

static void take_probe(struct cursor *c, struct page *p, struct page_probe *out) {
    out->number = cursor_u32(c);
    out->up = cursor_u8(c) & 3;
    out->cert_days = (int32_t)cursor_u32(c);
    double *const figures[] = {&out->uptime_1h,  &out->uptime_24h, &out->uptime_7d,
                               &out->uptime_30d, &out->uptime_1y,  &out->avg_ms};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        *figures[i] = cursor_f64(c);
    out->name = take_text(c);
    out->group = take_text(c);
    take_beats(c, p, out);
    if (!c->bad) page_gatus_key(out->group, out->name, out->key);
}

struct err page_take_probes(struct cursor *c, struct page *p) {
    size_t n = cursor_u32(c);
    if (c->bad || n > PAGE_MAX_PROBES || n > c->n / PROBE_MIN_BYTES)
        return ERR(ERR_CORRUPT, "page: number of probes");
    p->probes = calloc(n + 1, sizeof *p->probes);
    p->beats = calloc(n * STATUS_BEATS_MAX + 1, sizeof *p->beats);
    if (!p->probes || !p->beats) return ERR(ERR_NOMEM, "page");
    p->n_probes = n;
    for (size_t i = 0; i < n; i++) {
        take_probe(c, p, &p->probes[i]);
        if (c->bad || (i > 0 && p->probes[i - 1].number >= p->probes[i].number))
            return ERR(ERR_CORRUPT, "page: a probe");
    }
    return ERR_NONE;
}
