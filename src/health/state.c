/* state.c: a detector as bytes, and back.
 *
 *   0   8  "WEIRHLTH"
 *   8   2  version, 1           (integers little-endian)
 *   10  1  kind, 0..2
 *   11  1  harsh, 0 or 1
 *   12  2  subs_n
 *   14  .  the body: the fields in the order of the walk_ functions below, read and written by the
 *          same code; counts as LEB128 (7 bits per byte, low first), since most cells are zero;
 *          floats as IEEE bytes; arrays without lengths, which follow from kind and subs_n
 *   -8  8  XXH3-64 of all bytes before
 *
 * A state is whole if the checksum is right, the body ends exactly at it, and every field is in its
 * range (checked here, so that the rest of the module need not doubt itself: floats finite, counts
 * below 2^55, the quarter that of the tick). Sums, scores, rates and phi in force are not stored:
 * they follow, and are computed by the code that computes them always.
 */
#include "health/detector.h"

#include <math.h>

#define VERSION 1
#define HEAD_BYTES 14
#define SUM_BYTES 8
#define CELL_MAX (UINT64_C(1) << 55) /* above six ticks of 2^28 in units of 2^-24 */

static const char magic[8] = {'W', 'E', 'I', 'R', 'H', 'L', 'T', 'H'};

/* One direction at a time: out when writing, in when reading. */
struct codec {
    struct buf *out;
    struct cursor in;
    bool bad; /* a value out of its range was read */
};

static void put_varint(struct buf *b, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buf_put_u8(b, (uint8_t)(v | 0x80));
    buf_put_u8(b, (uint8_t)v);
}

/* Only the shortest form is a number, so that a state has one spelling. */
static uint64_t get_varint(struct codec *c) {
    uint64_t v = 0;
    for (uint32_t shift = 0; shift < 63; shift += 7) {
        uint8_t byte = cursor_u8(&c->in);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        if (byte == 0 && shift > 0) c->bad = true;
        return v;
    }
    c->bad = true;
    return 0;
}

static void walk_u64(struct codec *c, uint64_t *v, uint64_t max) {
    if (c->out) {
        put_varint(c->out, *v);
        return;
    }
    *v = get_varint(c);
    if (*v > max) c->bad = true;
}

static void walk_u64s(struct codec *c, uint64_t *v, size_t n) {
    for (size_t k = 0; k < n; k++)
        walk_u64(c, v + k, CELL_MAX);
}

static void walk_u32(struct codec *c, uint32_t *v, uint32_t max) {
    uint64_t wide = *v;
    walk_u64(c, &wide, max);
    *v = (uint32_t)wide;
}

static void walk_bool(struct codec *c, bool *v) {
    uint32_t number = *v;
    walk_u32(c, &number, 1);
    *v = number != 0;
}

static void walk_i64(struct codec *c, int64_t *v, int64_t most) {
    if (c->out) {
        buf_put_i64(c->out, *v);
        return;
    }
    *v = cursor_i64(&c->in);
    if (*v != NO_TICK && (*v > most || *v < -most)) c->bad = true;
}

/* Between least and 1e15. */
static void walk_f64(struct codec *c, double *v, double least) {
    if (c->out) {
        buf_put_f64(c->out, *v);
        return;
    }
    *v = cursor_f64(&c->in);
    if (!(*v >= least && *v <= 1e15)) c->bad = true;
}

static void walk_f64s(struct codec *c, double *v, size_t n) {
    for (size_t k = 0; k < n; k++)
        walk_f64(c, v + k, 0);
}

static void walk_f32s(struct codec *c, float *v, size_t n) {
    for (size_t k = 0; k < n; k++) {
        uint32_t bits;
        memcpy(&bits, v + k, sizeof bits);
        if (c->out) {
            buf_put_u32(c->out, bits);
            continue;
        }
        bits = cursor_u32(&c->in);
        memcpy(v + k, &bits, sizeof bits);
        if (!(fabsf(v[k]) < 1e33F)) c->bad = true;
    }
}

static const int64_t tick_most = INT64_MAX / HEALTH_TICK_US;

static void walk_ring(struct codec *c, struct ring *r) {
    walk_u64s(c, r->ten, (size_t)TEN_N * r->n);
    walk_u64s(c, r->minute, (size_t)MINUTE_N * r->n);
}

static void walk_undo(struct codec *c, struct undo *u) {
    walk_i64(c, &u->quarter, tick_most);
    walk_u32(c, &u->slot, SLOTS - 1);
    walk_u32(c, &u->slot_n, SLOT_N_MAX);
    walk_f64(c, &u->slot_b, 0);
    walk_f64(c, &u->level_y, 0);
    walk_f64(c, &u->level_b, 0);
}

static void walk_baseline(struct codec *c, struct baseline *b, uint32_t n) {
    walk_f64s(c, b->b, SLOTS);
    for (size_t k = 0; k < SLOTS; k++)
        walk_u32(c, b->n + k, SLOT_N_MAX);
    walk_f64(c, &b->level_y, 0);
    walk_f64(c, &b->level_b, 0);
    walk_u32(c, &b->learned_n, PHI_N);
    walk_i64(c, &b->newest, tick_most);
    for (size_t k = 0; k < DAY_N; k++)
        walk_i64(c, b->day_at + k, tick_most);
    walk_u64s(c, b->day, DAY_N);
    walk_f64s(c, b->mean, n);
    walk_f64s(c, b->asked, n);
    for (size_t k = 0; k < n; k++)
        walk_u32(c, b->age + k, PHI_N);
    for (size_t k = 0; k < UNDO_N; k++)
        walk_undo(c, b->undo + k);
    walk_f64s(c, b->undo_mean, (size_t)UNDO_N * n);
    walk_f64s(c, b->undo_asked, (size_t)UNDO_N * n);
    walk_u32(c, &b->undo_next, UNDO_N - 1);
    walk_i64(c, &b->quarter, tick_most);
    walk_u32(c, &b->ticks_n, 2 * TICKS_PER_QUARTER);
    walk_bool(c, &b->tainted);
    walk_u64s(c, b->sum, n);
    walk_u64s(c, b->asked_sum, n);
}

static void walk_phi(struct codec *c, struct phi *p, uint32_t n) {
    size_t cells = (size_t)PHI_BUCKETS * HEALTH_WINDOWS * n;
    walk_f32s(c, p->excess, cells);
    walk_f32s(c, p->square, cells);
    walk_i64(c, &p->week, tick_most);
    walk_i64(c, &p->hour, tick_most);
}

static void walk_incident(struct codec *c, struct health_incident *i, uint32_t n) {
    uint32_t series = i->first.series, window = i->first.window;
    walk_bool(c, &i->open);
    walk_u32(c, &series, n - 1);
    walk_u32(c, &window, HEALTH_WINDOWS - 1);
    i->first.series = (uint16_t)series;
    i->first.window = (uint8_t)window;
    walk_f64(c, &i->first.z, 0);
    walk_u64(c, &i->first.seen, CELL_MAX);
    walk_f64(c, &i->first.expected, 0);
    walk_i64(c, &i->first.onset_us, INT64_MAX);
    walk_i64(c, &i->opened_us, INT64_MAX);
    walk_i64(c, &i->ended_us, INT64_MAX);
    walk_f64(c, &i->peak_z, 0);
    walk_f64(c, &i->peak_ratio, 0);
}

static void walk_alarm(struct codec *c, struct alarm *a, uint32_t n) {
    walk_incident(c, &a->incident, n);
    walk_u32(c, &a->window, HEALTH_WINDOWS - 1);
    walk_u32(c, &a->calm_n, TICKS_PER_QUARTER);
    walk_bool(c, &a->held);
    walk_i64(c, &a->frozen_to, tick_most);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t involved = a->involved[i];
        walk_u32(c, &involved, 1);
        a->involved[i] = (uint8_t)involved;
    }
}

static void walk(struct codec *c, struct health_detector *d) {
    walk_i64(c, &d->tick, tick_most);
    walk_u32(c, &d->filled_n, 720);
    walk_ring(c, &d->seen);
    walk_ring(c, &d->base);
    walk_u64s(c, d->carry, d->n);
    walk_u64s(c, d->asked_carry, d->n);
    walk_baseline(c, &d->baseline, d->n);
    walk_phi(c, &d->phi, d->n);
    walk_alarm(c, &d->alarm, d->n);
}

size_t health_state_max_bytes(const struct health_setup *setup) {
    return HEAD_BYTES + health_detector_bytes(setup) / 4 * 5 + 256 + SUM_BYTES;
}

struct err health_save(const struct health_detector *d, struct buf *out) {
    size_t begin = out->n;
    buf_put(out, magic, sizeof magic);
    buf_put_u16(out, VERSION);
    buf_put_u8(out, (uint8_t)d->setup.kind);
    buf_put_u8(out, d->setup.harsh);
    buf_put_u16(out, d->setup.subs_n);
    struct codec c = {.out = out};
    walk(&c, (struct health_detector *)(uintptr_t)d); /* writes to out only */
    TRY(buf_err(out));
    buf_put_u64(out, checksum64(out->p + begin, out->n - begin));
    return buf_err(out);
}

/* What holds between fields. */
static bool consistent(const struct health_detector *d) {
    const struct baseline *b = &d->baseline;
    if (d->tick == NO_TICK)
        return b->quarter == NO_TICK && b->learned_n == 0 && b->newest == NO_TICK;
    for (uint32_t k = 0; k < DAY_N; k++)
        if (b->day_at[k] != NO_TICK && b->day_at[k] > b->newest) return false;
    return b->quarter == floor_div(d->tick, TICKS_PER_QUARTER) && d->phi.hour != NO_TICK &&
           (b->learned_n == 0 || b->newest != NO_TICK);
}

/* What is not stored. */
static void derive(struct health_detector *d) {
    if (d->tick == NO_TICK) return;
    health_ring_sum(&d->seen, d->tick);
    health_ring_sum(&d->base, d->tick);
    health_baseline_refresh(d);
    health_phi_refresh(d);
    health_scan(d);
}

static struct err read_head(struct cursor *in, struct health_setup *out) {
    const uint8_t *word = cursor_bytes(in, sizeof magic);
    if (!word || memcmp(word, magic, sizeof magic) != 0)
        return ERR(ERR_CORRUPT, "health: not a detector's state");
    uint16_t version = cursor_u16(in);
    uint8_t kind = cursor_u8(in), harsh = cursor_u8(in);
    uint16_t subs_n = cursor_u16(in);
    if (version != VERSION) return ERR(ERR_INVALID, "health: state of another version");
    if (in->bad || kind > HEALTH_ERRORS || harsh > 1 || subs_n > HEALTH_SUBS_MAX)
        return ERR(ERR_CORRUPT, "health: state's head");
    *out = (struct health_setup){(enum health_kind)kind, subs_n, harsh != 0};
    return ERR_NONE;
}

struct err health_restore(struct str bytes, struct health_detector **out) {
    if (bytes.n < HEAD_BYTES + SUM_BYTES) return ERR(ERR_CORRUPT, "health: state is cut");
    struct codec c = {.in = {(const uint8_t *)bytes.p, bytes.n - SUM_BYTES, false}};
    struct cursor sum = {(const uint8_t *)bytes.p + c.in.n, SUM_BYTES, false};
    if (checksum64(bytes.p, c.in.n) != cursor_u64(&sum))
        return ERR(ERR_CORRUPT, "health: state's checksum");
    struct health_setup setup;
    TRY(read_head(&c.in, &setup));
    AUTO(health_detector_free) struct health_detector *d = health_detector_new(&setup);
    if (!d) return ERR(ERR_NOMEM, "health: state");
    walk(&c, d);
    if (c.bad || c.in.bad || c.in.n > 0 || !consistent(d))
        return ERR(ERR_CORRUPT, "health: state's fields");
    derive(d);
    *out = d;
    d = NULL;
    return ERR_NONE;
}
