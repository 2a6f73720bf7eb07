/* batch.c: taking the wanted rows of a stretch of a part. In three sweeps without a branch that
 * depends on a person: bits of wanted codes, 64 rows at a time; of each set bit a hit, kept if its
 * time is wanted; and for each person the number of hits before its first row, by counting bits. */
#include "query/batch.h"

#define CHECK_EVERY 256 /* blocks of rows between two looks at the clock */
#define FEW_OF_BLOCK 24 /* of so many rows one is wanted: times are read one by one */

struct id128 batch_id(const struct batch_entry *e) {
    struct id128 id;
    uint64_t key = __builtin_bswap64(e->key), rest = __builtin_bswap64(e->rest);
    memcpy(id.b, &key, sizeof key);
    memcpy(id.b + 8, &rest, sizeof rest);
    return id;
}

static struct err make_room(struct worker *w, struct batch *b, uint32_t from, uint32_t to) {
    uint32_t words = (to - b->base + 63) / 64;
    b->bits = table_grow(w->arena, b->bits, &b->words_cap, words + 1, sizeof *b->bits);
    b->before = table_grow(w->arena, b->before, &b->before_cap, words + 1, sizeof *b->before);
    if (w->run->must)
        b->needed = table_grow(w->arena, b->needed, &b->needed_cap, words + 1, sizeof *b->needed);
    if (!b->times) b->times = arena_array(w->arena, BATCH_ROWS, sizeof *b->times);
    if (!b->ticks) b->ticks = arena_array(w->arena, BATCH_ROWS, sizeof *b->ticks);
    bool all = b->bits && b->before && b->times && b->ticks && (b->needed || !w->run->must);
    return all ? ERR_NONE : ERR(ERR_NOMEM, "query: stretch");
}

/* The bits of [row, row + 64) that lie in [from, to). */
static inline uint64_t inside(uint64_t bits, uint32_t row, uint32_t from, uint32_t to) {
    if (row < from) bits &= UINT64_MAX << (from - row);
    if (to - row < 64) bits &= (UINT64_C(1) << (to - row)) - 1;
    return bits;
}

WIDE static uint32_t pick(struct worker *w, struct batch *b, uint32_t row, uint32_t from,
                          uint32_t to) {
    const struct worker_part *p = &w->parts[b->part];
    uint32_t n = 0, word = (row - b->base) / 64;
    for (; row < to; row += 64, word++) {
        b->bits[word] = inside(picker_bits(&p->wanted.picker, row), row, from, to);
        if (w->run->must) b->needed[word] = picker_bits(&p->needed.picker, row);
        n += (uint32_t)__builtin_popcountll(b->bits[word]);
    }
    return n;
}

/* What taking needs of a part; kept in registers. */
struct taking {
    const struct part *part;
    const struct picker *picker;
    /* Of the rows from `row` on. Ticks, or else times; neither: read one by one. */
    const uint32_t *ticks;
    const int64_t *times;
    int64_t base_us, unit_us; /* of ticks */
    const struct span *span;
    uint16_t number;
};

/* Hits of one word of wanted rows; sets the bits that are kept. Returns how many. `plain`: there
 * are ticks and codes are bytes, a constant at each call. */
static inline __attribute__((always_inline)) uint32_t
take_word(const struct taking *k, uint32_t row, uint64_t *bits, struct hit *out, bool plain) {
    const uint64_t *wanted = k->picker->wanted;
    const uint8_t *codes = k->picker->codes;
    uint64_t from = (uint64_t)k->span->lo_us, wide = (uint64_t)k->span->hi_us - from;
    uint64_t skip = (uint64_t)k->span->skip_lo_us;
    uint64_t skip_wide =
        k->span->skip_lo_us < k->span->skip_hi_us ? (uint64_t)k->span->skip_hi_us - skip : 0;
    struct hit *begin = out;
    uint64_t kept = 0;
    for (uint64_t left = *bits; left; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(left), at = row + i;
        int64_t t = plain      ? k->base_us + (int64_t)k->ticks[i] * k->unit_us
                    : k->times ? k->times[i]
                               : part_time_at(k->part, at);
        out->t = t;
        out->sel = wanted[plain ? codes[at] : picker_code(k->picker, at)];
        out->row = at;
        out->part = k->number;
        out->side = 0;
        uint64_t in = ((uint64_t)t - from < wide) & !((uint64_t)t - skip < skip_wide);
        out += in;
        kept |= in << i;
    }
    *bits = kept;
    return (uint32_t)(out - begin);
}

WIDE static void take_words(struct batch *b, struct taking k, uint32_t row, uint32_t to) {
    uint64_t *bits = b->bits + (row - b->base) / 64;
    uint32_t *before = b->before + (row - b->base) / 64, n = b->n_hits;
    for (; row < to; row += 64, bits++) {
        *before++ = n;
        if (*bits && k.ticks)
            n += take_word(&k, row, bits, b->hits + n, true);
        else if (*bits)
            n += take_word(&k, row, bits, b->hits + n, false);
        if (k.ticks) k.ticks += 64;
        if (k.times) k.times += 64;
    }
    b->n_hits = n;
}

/* The times of rows [row, to), of which n are wanted from `first` on. */
static void read_times(struct batch *b, struct taking *k, uint32_t first, uint32_t row,
                       uint32_t to) {
    struct part_ticks t = part_ticks_of(k->part);
    k->base_us = t.base_us;
    k->unit_us = t.unit_us;
    if (b->timeless) { /* all at the part's first: ticks stay zeros */
        k->base_us = part_info(k->part)->min_time_us;
        k->ticks = b->ticks;
    } else if (t.most < UINT32_MAX) {
        part_ticks(k->part, first, to - first, b->ticks + (first - row));
        k->ticks = b->ticks;
    } else {
        part_times(k->part, first, to - first, b->times + (first - row));
        k->times = b->times;
    }
    if (k->picker->width == 1 || !k->ticks) return;
    for (uint32_t i = 0; i < to - row; i++)
        b->times[i] = k->base_us + (int64_t)b->ticks[i] * k->unit_us;
    k->ticks = NULL;
    k->times = b->times;
}

/* Rows [row, to) of one block, `row` a multiple of 64, those before `from` left out. */
static struct err take_block(struct worker *w, struct batch *b, const struct span *s, uint32_t row,
                             uint32_t from, uint32_t to) {
    const struct part *p = w->parts[b->part].active->part;
    uint32_t n = pick(w, b, row, from, to), first = row > from ? row : from;
    if (n > UINT32_MAX - b->n_hits - 1) return ERR(ERR_LIMIT, "query: rows of a stretch");
    struct hit *hits = table_grow(w->arena, b->hits, &b->hits_cap, b->n_hits + n + 1, sizeof *hits);
    if (!hits) return ERR(ERR_NOMEM, "query: rows of a stretch");
    b->hits = hits;
    struct taking k = {.part = p,
                       .picker = &w->parts[b->part].wanted.picker,
                       .span = s,
                       .number = (uint16_t)b->part};
    if (b->timeless || (n && n >= (to - first) / FEW_OF_BLOCK)) read_times(b, &k, first, row, to);
    take_words(b, k, row, to);
    return ERR_NONE;
}

struct err batch_take(struct worker *w, struct batch *b, const struct span *s, uint32_t from,
                      uint32_t to) {
    b->base = from & ~UINT32_C(63);
    b->n_hits = 0;
    TRY(make_room(w, b, from, to));
    uint32_t blocks = 0;
    for (uint32_t row = b->base; row < to; row += BATCH_ROWS) {
        if (++blocks % CHECK_EVERY == 0) TRY(run_check(w->run->limits));
        TRY(take_block(w, b, s, row, from, to - row > BATCH_ROWS ? row + BATCH_ROWS : to));
    }
    b->before[(to - b->base + 63) / 64] = b->n_hits;
    b->bits[(to - b->base + 63) / 64] = 0;
    return ERR_NONE;
}

/* How many hits lie before a row of the stretch. */
static inline uint32_t rank_of(const struct batch *b, uint32_t row) {
    uint32_t at = row - b->base;
    uint64_t below = b->bits[at / 64] & ((UINT64_C(1) << at % 64) - 1);
    return b->before[at / 64] + (uint32_t)__builtin_popcountll(below);
}

static inline bool has_needed(const struct batch *b, uint32_t from, uint32_t to) {
    uint64_t found = 0;
    for (uint32_t row = from & ~UINT32_C(63); row < to; row += 64)
        found |= inside(b->needed[(row - b->base) / 64], row, from, to);
    return found != 0;
}

/* Entries of persons [from, to); `entries` has room for all. */
WIDE static uint32_t list_entries(struct worker *w, const struct batch *b,
                                  struct batch_entry *entries, uint32_t from, uint32_t to) {
    const struct active_part *a = w->parts[b->part].active;
    bool must = w->run->must && !w->run->has_filters;
    uint32_t n = 0, first = 0;
    for (uint32_t i = from; i < to; i++) {
        uint32_t behind = rank_of(b, a->starts[i + 1]);
        struct batch_entry *e = &entries[n];
        batch_key(&a->persons[i], e);
        e->at = i;
        e->from = first;
        e->to = behind;
        e->needed = !must || (behind > first && has_needed(b, a->starts[i], a->starts[i + 1]));
        n += (behind > first) & !active_hidden(a, i);
        first = behind;
    }
    return n;
}

struct err batch_fill(struct worker *w, struct batch *b, const struct span *s, uint32_t from,
                      uint32_t to) {
    const struct active_part *a = w->parts[b->part].active;
    b->n = b->n_hits = 0;
    if (from >= to) return ERR_NONE;
    TRY(batch_take(w, b, s, a->starts[from], a->starts[to]));
    struct batch_entry *entries =
        table_grow(w->arena, b->entries, &b->entries_cap, to - from + 1, sizeof *entries);
    if (!entries) return ERR(ERR_NOMEM, "query: stretch");
    b->entries = entries;
    b->n = list_entries(w, b, entries, from, to);
    entries[b->n] = (struct batch_entry){.key = UINT64_MAX};
    return ERR_NONE;
}
