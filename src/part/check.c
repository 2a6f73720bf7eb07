/* check.c: `weir check` of a part: what part_open leaves out because it would read every row.
 *
 * Checksums first, so that a flipped bit is called one; then every number that refers to something,
 * and every order of doc/part-format.md, "Invariants".
 */
#include "part/internal.h"

#include <math.h>
#include <stdlib.h>

#define PIECE 4096u

static struct err bad(const char *what) {
    return ERR(ERR_CORRUPT, what);
}

static struct err check_sums(const struct part *p) {
    for (uint32_t i = 0; i < p->file.sections; i++)
        if (checksum64(p->bytes + p->sections[i].at, p->sections[i].bytes) !=
            p->sections[i].checksum)
            return bad("part: section checksum");
    return ERR_NONE;
}

static struct err check_ids(const struct id128 *ids, uint64_t n, const char *what) {
    for (uint64_t i = 1; i < n; i++)
        if (id128_cmp(ids[i - 1], ids[i]) >= 0) return bad(what);
    return ERR_NONE;
}

/* Every number below `limit`; strictly rising if asked; blocks' own claims (run ends, positions) in
 * order. */
static struct err check_stream(const struct part_stream *s, uint64_t limit, bool rising,
                               const char *what) {
    uint64_t v[256], before = 0;
    for (uint64_t at = 0; at < s->n; at += 256) {
        uint32_t n = s->n - at < 256 ? (uint32_t)(s->n - at) : 256;
        part_stream_get64(s, at, n, v);
        for (uint32_t i = 0; i < n; i++) {
            if (v[i] >= limit || (rising && at + i > 0 && v[i] <= before)) return bad(what);
            before = v[i];
        }
    }
    return part_stream_orderly(s) ? ERR_NONE : bad(what);
}

/* ---- rows ---- */

struct row_key {
    uint64_t insert;
    uint32_t event;
};

static int row_key_cmp(const void *a, const void *b) {
    const struct row_key *x = a, *y = b;
    if (x->insert != y->insert) return x->insert < y->insert ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

/* Rows [from, to) share person and time: none may be another's duplicate. */
static struct err check_group(const struct part *p, uint32_t from, uint32_t to) {
    AUTO(part_free) struct row_key *keys = malloc((size_t)(to - from) * sizeof *keys);
    if (!keys) return ERR(ERR_NOMEM, "part: check");
    uint32_t n = 0;
    for (uint32_t row = from; row < to; row++) {
        part_inserts(p, row, 1, &keys[n].insert);
        part_event_codes(p, row, 1, &keys[n].event);
        n += keys[n].insert != 0;
    }
    if (n > 1) qsort(keys, n, sizeof *keys, row_key_cmp);
    for (uint32_t i = 1; i < n; i++)
        if (row_key_cmp(&keys[i - 1], &keys[i]) == 0) return bad("part: duplicate rows");
    return ERR_NONE;
}

struct bounds {
    int64_t min, max;
};

static struct err check_person_times(const struct part *p, uint32_t person, struct bounds *b) {
    int64_t t[256], before = INT64_MIN;
    uint32_t group = p->starts[person];
    for (uint32_t row = group, end = p->starts[person + 1]; row < end; row += 256) {
        uint32_t n = end - row < 256 ? end - row : 256;
        part_times(p, row, n, t);
        for (uint32_t i = 0; i < n; i++) {
            if (t[i] < before) return bad("part: times fall");
            if (t[i] > before && row + i - group > 1) TRY(check_group(p, group, row + i));
            if (t[i] > before) group = row + i;
            before = t[i];
            b->min = t[i] < b->min ? t[i] : b->min;
            b->max = t[i] > b->max ? t[i] : b->max;
        }
    }
    uint32_t end = p->starts[person + 1];
    return end - group > 1 ? check_group(p, group, end) : ERR_NONE;
}

static struct err check_times(const struct part *p) {
    struct bounds b = {INT64_MAX, INT64_MIN};
    for (uint32_t i = 0; i < p->file.persons; i++)
        TRY(check_person_times(p, i, &b));
    if (b.min != p->file.min_time_us || b.max != p->file.max_time_us)
        return bad("part: time bounds");
    return ERR_NONE;
}

static struct err check_events(const struct part *p) {
    AUTO(part_free) uint64_t *rows = calloc((size_t)p->file.events + 1, sizeof *rows);
    if (!rows) return ERR(ERR_NOMEM, "part: check");
    uint32_t codes[PIECE];
    for (uint32_t row = 0; row < p->file.rows; row += PIECE) {
        uint32_t n = p->file.rows - row < PIECE ? p->file.rows - row : PIECE;
        part_event_codes(p, row, n, codes);
        for (uint32_t i = 0; i < n; i++)
            rows[codes[i]]++;
    }
    if (rows[0] != 0) return bad("part: event code");
    for (uint32_t i = 1; i <= p->file.events; i++)
        if (rows[i] == 0 || rows[i] != p->event_rows[i - 1]) return bad("part: event count");
    return ERR_NONE;
}

static struct err check_insert_rule(const struct part *p) {
    uint64_t inserts[PIECE];
    int64_t times[PIECE];
    for (uint32_t row = 0; row < p->file.rows; row += PIECE) {
        uint32_t n = p->file.rows - row < PIECE ? p->file.rows - row : PIECE;
        part_inserts(p, row, n, inserts);
        part_times(p, row, n, times);
        for (uint32_t i = 0; i < n; i++) {
            if (inserts[i] != 0 && (uint32_t)inserts[i] == 0)
                return bad("part: insert fingerprint");
            if (inserts[i] >> 32 != 0 && times[i] % US_PER_S != 0)
                return bad("part: insert fingerprint");
        }
    }
    return ERR_NONE;
}

/* ---- columns ---- */

static struct err check_column(const struct part *p, uint32_t index) {
    const struct part_column *c = &p->columns[index];
    bool sparse = c->layout == PART_SPARSE_ROWS;
    if (index > 0) {
        const struct part_column *before = c - 1;
        int order = id128_cmp(before->info.property, c->info.property);
        if (order > 0 || (order == 0 && before->info.class >= c->info.class))
            return bad("part: column order");
    }
    TRY(check_stream(&c->dictionary, p->file.terms, true, "part: dictionary"));
    if (sparse) TRY(check_stream(&c->rows, p->file.rows, true, "part: sparse rows"));
    uint64_t limit = c->info.class == PART_CODE ? (uint64_t)c->info.dictionary_n + 1 : UINT64_MAX;
    TRY(check_stream(&c->values, limit, false, "part: column values"));
    uint64_t present = 0, v[256];
    for (uint64_t at = 0; at < c->values.n; at += 256) {
        uint32_t n = c->values.n - at < 256 ? (uint32_t)(c->values.n - at) : 256;
        part_stream_get64(&c->values, at, n, v);
        for (uint32_t i = 0; i < n; i++)
            present += v[i] != 0;
    }
    return present == c->info.present_rows ? ERR_NONE : bad("part: present rows");
}

static struct err check_number_bounds(const struct part *p, uint32_t index) {
    const struct part_column_info *c = &p->columns[index].info;
    if (c->class != PART_NUMBER) return ERR_NONE;
    double v[PIECE];
    for (uint32_t row = 0; row < p->file.rows; row += PIECE) {
        uint32_t n = p->file.rows - row < PIECE ? p->file.rows - row : PIECE;
        part_numbers(p, (int)index, row, n, v);
        for (uint32_t i = 0; i < n; i++)
            if (!isnan(v[i]) && !(v[i] >= c->min && v[i] <= c->max))
                return bad("part: number bounds");
    }
    return ERR_NONE;
}

/* Two columns of one property must not meet in a row. */
static struct err check_disjoint(const struct part *p, uint32_t index) {
    if (index == 0 ||
        !id128_eq(p->columns[index - 1].info.property, p->columns[index].info.property))
        return ERR_NONE;
    uint32_t codes[PIECE];
    double v[PIECE];
    for (uint32_t row = 0; row < p->file.rows; row += PIECE) {
        uint32_t n = p->file.rows - row < PIECE ? p->file.rows - row : PIECE;
        part_codes(p, (int)index - 1, row, n, codes);
        part_numbers(p, (int)index, row, n, v);
        for (uint32_t i = 0; i < n; i++)
            if (codes[i] != 0 && !isnan(v[i])) return bad("part: two values in one row");
    }
    return ERR_NONE;
}

/* ---- terms ---- */

static struct err check_what(const struct part *p) {
    uint64_t sealed = 0, lists = 0;
    for (uint64_t i = 0; i < p->file.terms; i++) {
        uint64_t what = part_stream_at(&p->term_what, i);
        if (what > PART_WHAT_OTHER + PV_LIST || what == PART_WHAT_OTHER ||
            what == PART_WHAT_OTHER + PV_TEXT || what == PART_WHAT_OTHER + PV_NUMBER)
            return bad("part: term");
        lists += what == PART_WHAT_OTHER + PV_LIST;
        sealed += what < PART_WHAT_OTHER && (what & PART_WHAT_SEALED) != 0;
    }
    return sealed == p->file.sealed && lists == p->file.trees ? ERR_NONE : bad("part: term counts");
}

static struct err check_sealed(const struct part *p) {
    TRY(check_stream(&p->sealed_term, p->file.terms, true, "part: sealed terms"));
    TRY(check_stream(&p->sealed_frame, p->file.frames, false, "part: sealed frames"));
    TRY(check_stream(&p->sealed_path, (uint64_t)p->file.terms + 1, false, "part: sealed paths"));
    for (uint32_t i = 1; i < p->file.frames; i++)
        if (id128_cmp(p->frames[i - 1].id, p->frames[i].id) >= 0) return bad("part: frames");
    struct part_sealed s;
    for (uint64_t i = 0; i < p->sealed_term.n; i++) {
        uint64_t what = part_stream_at(&p->term_what, part_stream_at(&p->sealed_term, i));
        if (!part_sealed_at(p, i, &s) || what >= PART_WHAT_OTHER ||
            (what & PART_WHAT_SEALED) == 0 || s.text.ciphertext.n < SEAL_TAG_BYTES + 16)
            return bad("part: sealed text");
    }
    if (p->sealed_term.n > 0 &&
        part_stream_at(&p->sealed_at, p->sealed_term.n) * 16 != p->cipher_bytes)
        return bad("part: ciphertexts");
    return ERR_NONE;
}

struct leaf_check {
    const struct part *p;
    bool good;
};

static bool check_leaf(void *ctx, struct id128 hash, uint8_t *tag) {
    struct leaf_check *c = ctx;
    uint32_t term = part_find_term(c->p, hash);
    if (term == UINT32_MAX) return c->good = false;
    uint64_t what = part_stream_at(&c->p->term_what, term);
    bool sealed = (what & PART_WHAT_SEALED) != 0;
    if (what >= PART_WHAT_OTHER || (tag && sealed != ((*tag & PART_TREE_SEALED) != 0)))
        return c->good = false;
    return true;
}

static bool clear_leaf(void *ctx, struct id128 hash, uint8_t *tag) {
    (void)ctx, (void)hash;
    if (tag) *tag &= (uint8_t)~PART_TREE_SEALED;
    return true;
}

static struct err check_tree(const struct part *p, uint64_t i, struct buf *copy) {
    uint64_t term = part_stream_at(&p->tree_term, i);
    struct str tree = part_tree_of(p, (uint32_t)term);
    struct leaf_check c = {p, true};
    buf_clear(copy);
    buf_put_str(copy, tree);
    TRY(buf_err(copy));
    if (part_stream_at(&p->term_what, term) != PART_WHAT_OTHER + PV_LIST)
        return bad("part: tree term");
    if (!part_tree_walk((uint8_t *)copy->p, copy->n, check_leaf, &c) || !c.good)
        return bad("part: tree leaf");
    part_tree_walk((uint8_t *)copy->p, copy->n, clear_leaf, NULL);
    if (!id128_eq(part_tree_hash((uint8_t *)copy->p, copy->n), p->terms[term]))
        return bad("part: tree hash");
    return ERR_NONE;
}

static struct err check_trees(const struct part *p) {
    TRY(check_stream(&p->tree_term, p->file.terms, true, "part: tree terms"));
    AUTO(buf_done) struct buf copy;
    buf_init(&copy, SIZE_MAX / 2);
    for (uint64_t i = 0; i < p->tree_term.n; i++)
        TRY(check_tree(p, i, &copy));
    return ERR_NONE;
}

struct err part_check(const struct part *p) {
    TRY(check_sums(p));
    TRY(check_ids(p->persons, p->file.persons, "part: persons"));
    TRY(check_ids(p->terms, p->file.terms, "part: terms"));
    TRY(check_stream(&p->term_what, UINT64_MAX, false, "part: terms"));
    TRY(check_stream(&p->event_terms, p->file.terms, true, "part: event names"));
    TRY(check_stream(&p->times, UINT64_MAX, false, "part: times"));
    TRY(check_stream(&p->insert_low, UINT64_C(1) << 32, false, "part: inserts"));
    TRY(check_stream(&p->insert_high, UINT64_C(1) << 32, false, "part: inserts"));
    TRY(check_events(p));
    TRY(check_times(p));
    TRY(check_insert_rule(p));
    TRY(check_what(p));
    TRY(check_sealed(p));
    TRY(check_trees(p));
    for (uint32_t i = 0; i < p->file.columns; i++) {
        TRY(check_column(p, i));
        TRY(check_number_bounds(p, i));
        TRY(check_disjoint(p, i));
    }
    return ERR_NONE;
}
