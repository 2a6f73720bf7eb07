/* build_terms.c: which terms live, their order, and what is stored of each.
 *
 * A term lives if a row that was not folded away refers to it, directly or through a list, or if it
 * is the path of a sealed text that lives. Only the living are ranked by hash and written, so a
 * folded row leaves no text behind.
 */
#include "part/builder.h"

#define DEAD 0u
#define LIVE UINT32_MAX

static bool keep_distinct(struct part_build *x, uint32_t term) {
    if (x->distinct_n == x->distinct_cap) {
        size_t cap = x->distinct_cap ? x->distinct_cap * 2 : 1024;
        uint32_t *grown = realloc(x->distinct, cap * sizeof *grown);
        if (!grown) return false;
        x->distinct = grown;
        x->distinct_cap = cap;
    }
    x->distinct[x->distinct_n++] = term;
    return true;
}

/* Counts each column's living cells. */
static void count_cells(struct part_build *x) {
    for (uint32_t i = 0; i < x->b->columns_n; i++) {
        const struct part_build_column *c = &x->b->columns[i];
        for (uint32_t k = 0; k < c->n; k++)
            x->present[i] += x->place[c->rows[k]] != PART_NONE;
    }
}

/* Lists a column's distinct living terms. stamp[term] = column + 1 says: listed already. */
static struct err list_distinct(struct part_build *x, uint32_t index) {
    const struct part_build_column *c = &x->b->columns[index];
    uint32_t n = x->present[index] > 0 && c->class == PART_CODE ? c->n : 0, stamp = index + 1;
    for (uint32_t i = 0; i < n; i++) {
        if (x->place[c->rows[i]] == PART_NONE || x->stamp[c->codes[i]] == stamp) continue;
        x->stamp[c->codes[i]] = stamp;
        if (!keep_distinct(x, c->codes[i])) return ERR(ERR_NOMEM, "part: dictionary");
    }
    x->distinct_at[index + 1] = x->distinct_n;
    return ERR_NONE;
}

static int more_first(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x > *y ? -1 : *x < *y;
}

/* Of too many columns those stay whose names a crowd has made readable, then the fullest, then the
 * first to come: names that one stranger makes up drive nothing out. */
static struct err choose_columns(struct part_build *x) {
    const struct part_builder *b = x->b;
    x->b->cut = 0;
    if (b->columns_n <= PART_MAX_COLUMNS) return ERR_NONE;
    AUTO(part_free) uint64_t *rank = malloc((size_t)b->columns_n * sizeof *rank);
    if (!rank) return ERR(ERR_NOMEM, "part: columns");
    for (uint32_t i = 0; i < b->columns_n; i++) {
        bool sealed = (b->term[b->columns[i].property_term].what & PART_WHAT_SEALED) != 0;
        rank[i] = (uint64_t)!sealed << 63 | (uint64_t)x->present[i] << 16 | (0xffff - i);
    }
    qsort(rank, b->columns_n, sizeof *rank, more_first);
    for (uint32_t i = PART_MAX_COLUMNS; i < b->columns_n; i++) {
        uint32_t column = 0xffff - (uint32_t)(rank[i] & 0xffff);
        x->b->cut += x->present[column];
        x->present[column] = 0;
    }
    return ERR_NONE;
}

static bool leaf_lives(void *ctx, struct id128 hash, uint8_t *tag) {
    struct part_build *x = ctx;
    uint32_t term;
    (void)tag;
    if (part_idmap_find(&x->b->terms, hash, &term)) x->stamp[term] = LIVE;
    return true;
}

static void mark(struct part_build *x) {
    struct part_builder *b = x->b;
    for (uint32_t i = 0; i < b->columns_n; i++)
        if (x->present[i] > 0) x->stamp[b->columns[i].property_term] = LIVE;
    for (uint32_t i = 0; i < x->info.rows; i++)
        x->stamp[b->row_event[x->order[i]]] = LIVE;
    for (uint32_t i = 0; i < b->terms.n; i++)
        if (x->stamp[i] != DEAD && b->term[i].what == PART_WHAT_OTHER + PV_LIST)
            part_tree_walk((uint8_t *)b->trees.p + b->term[i].bytes_at, b->term[i].bytes_n,
                           leaf_lives, x);
    for (uint32_t i = 0; i < b->terms.n; i++)
        if (x->stamp[i] != DEAD && b->term[i].path != PART_NONE) x->stamp[b->term[i].path] = LIVE;
}

static struct err rank(struct part_build *x) {
    struct part_builder *b = x->b;
    AUTO(part_free) struct id128 *ids = malloc(((size_t)b->terms.n + 1) * sizeof *ids);
    AUTO(part_free) uint32_t *live = malloc(((size_t)b->terms.n + 1) * sizeof *live);
    x->sorted = malloc(((size_t)b->terms.n + 1) * sizeof *x->sorted);
    if (!ids || !live || !x->sorted) return ERR(ERR_NOMEM, "part: terms");
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->terms.n; i++) {
        x->rank[i] = PART_NONE;
        if (x->stamp[i] == DEAD) continue;
        ids[n] = b->terms.ids[i];
        live[n++] = i;
    }
    TRY(part_id_order(ids, n, x->sorted));
    for (uint32_t i = 0; i < n; i++) {
        x->sorted[i] = live[x->sorted[i]];
        x->rank[x->sorted[i]] = i;
    }
    x->info.terms = n;
    return ERR_NONE;
}

struct err part_build_terms(struct part_build *x) {
    struct part_builder *b = x->b;
    size_t terms = (size_t)b->terms.n + 1;
    x->stamp = calloc(terms, sizeof *x->stamp);
    x->code = malloc(terms * sizeof *x->code);
    x->rank = malloc(terms * sizeof *x->rank);
    x->distinct_at = calloc((size_t)b->columns_n + 1, sizeof *x->distinct_at);
    x->present = calloc((size_t)b->columns_n + 1, sizeof *x->present);
    if (!x->stamp || !x->code || !x->rank || !x->distinct_at || !x->present)
        return ERR(ERR_NOMEM, "part: terms");
    count_cells(x);
    TRY(choose_columns(x));
    for (uint32_t i = 0; i < b->columns_n; i++)
        TRY(list_distinct(x, i));
    mark(x);
    TRY(rank(x));
    memset(x->stamp, 0, terms * sizeof *x->stamp);
    return ERR_NONE;
}

/* ---- writing ---- */

static const struct part_build_term *term_at(const struct part_build *x, uint32_t i) {
    return &x->b->term[x->sorted[i]];
}

static bool is_sealed(const struct part_build_term *t) {
    return part_what_is_text(t->what) && (t->what & PART_WHAT_SEALED) != 0;
}

static bool is_list(const struct part_build_term *t) {
    return t->what == PART_WHAT_OTHER + PV_LIST;
}

/* Frames that a living sealed text needs, by id; map: builder's frame -> place. Returns false
 * without memory. */
static bool write_frames(struct part_build *x, uint32_t *map) {
    struct part_builder *b = x->b;
    AUTO(part_free) struct id128 *ids = malloc(((size_t)b->frames_n + 1) * sizeof *ids);
    AUTO(part_free) uint32_t *used = malloc(((size_t)b->frames_n + 1) * sizeof *used);
    AUTO(part_free) uint32_t *order = malloc(((size_t)b->frames_n + 1) * sizeof *order);
    if (!ids || !used || !order) return false;
    memset(map, 0, (size_t)b->frames_n * sizeof *map);
    for (uint32_t i = 0; i < x->info.terms; i++)
        if (is_sealed(term_at(x, i))) map[term_at(x, i)->frame] = 1;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->frames_n; i++) {
        if (map[i] == 0) continue;
        ids[n] = b->frames[i].id;
        used[n++] = i;
    }
    if (part_id_order(ids, n, order).code != ERR_OK) return false;
    part_out_begin(&x->out, SEC_FRAMES, 0);
    for (uint32_t i = 0; i < n; i++) {
        map[used[order[i]]] = i;
        part_out_put(&x->out, &b->frames[used[order[i]]], sizeof b->frames[0]);
    }
    part_out_end(&x->out);
    x->info.frames = n;
    return true;
}

static uint64_t sealed_field(const struct part_build *x, const struct part_build_term *t,
                             enum part_section_kind kind, const uint32_t *frame_map) {
    if (kind == SEC_SEALED_FRAME) return frame_map[t->frame];
    if (kind == SEC_SEALED_ORDINAL) return t->ordinal;
    return t->path == PART_NONE ? 0 : (uint64_t)x->rank[t->path] + 1;
}

static void write_sealed_places(struct part_build *x) {
    part_stream_begin(x->stream, SEC_SEALED_TERM, 0);
    for (uint32_t i = 0; i < x->info.terms; i++) {
        if (!is_sealed(term_at(x, i))) continue;
        part_stream_put(x->stream, i);
        x->info.sealed++;
    }
    part_stream_end(x->stream);
    if (x->info.sealed == 0) return;
    uint64_t at = 0;
    part_stream_begin(x->stream, SEC_SEALED_AT, 0);
    for (uint32_t i = 0; i < x->info.terms; i++) {
        if (!is_sealed(term_at(x, i))) continue;
        part_stream_put(x->stream, at);
        at += term_at(x, i)->bytes_n / 16;
    }
    part_stream_put(x->stream, at);
    part_stream_end(x->stream);
}

static void write_sealed(struct part_build *x) {
    AUTO(part_free) uint32_t *map = calloc((size_t)x->b->frames_n + 1, sizeof *map);
    if (!map || !write_frames(x, map)) {
        part_out_fail(&x->out, ERR(ERR_NOMEM, "part: frames"));
        return;
    }
    write_sealed_places(x);
    static const enum part_section_kind kinds[] = {SEC_SEALED_FRAME, SEC_SEALED_ORDINAL,
                                                   SEC_SEALED_PATH};
    for (size_t k = 0; k < 3; k++) {
        part_stream_begin(x->stream, kinds[k], 0);
        for (uint32_t i = 0; i < x->info.terms; i++)
            if (is_sealed(term_at(x, i)))
                part_stream_put(x->stream, sealed_field(x, term_at(x, i), kinds[k], map));
        part_stream_end(x->stream);
    }
    part_out_begin(&x->out, SEC_CIPHER, 0);
    for (uint32_t i = 0; i < x->info.terms; i++)
        if (is_sealed(term_at(x, i)))
            part_out_put(&x->out, x->b->cipher.p + term_at(x, i)->bytes_at, term_at(x, i)->bytes_n);
    part_out_end(&x->out);
}

static bool seal_leaf(void *ctx, struct id128 hash, uint8_t *tag) {
    const struct part_build *x = ctx;
    uint32_t term;
    if (tag && part_idmap_find(&x->b->terms, hash, &term) && is_sealed(&x->b->term[term]))
        *tag |= PART_TREE_SEALED;
    return true;
}

static void write_trees(struct part_build *x) {
    struct buf *copy = &x->b->tree;
    part_stream_begin(x->stream, SEC_TREE_TERM, 0);
    for (uint32_t i = 0; i < x->info.terms; i++) {
        if (!is_list(term_at(x, i))) continue;
        part_stream_put(x->stream, i);
        x->info.trees++;
    }
    part_stream_end(x->stream);
    if (x->info.trees == 0) return;
    uint64_t at = 0;
    part_stream_begin(x->stream, SEC_TREE_AT, 0);
    part_stream_put(x->stream, 0);
    for (uint32_t i = 0; i < x->info.terms; i++)
        if (is_list(term_at(x, i))) part_stream_put(x->stream, at += term_at(x, i)->bytes_n);
    part_stream_end(x->stream);
    part_out_begin(&x->out, SEC_TREES, 0);
    for (uint32_t i = 0; i < x->info.terms; i++) {
        const struct part_build_term *t = term_at(x, i);
        if (!is_list(t)) continue;
        buf_clear(copy);
        buf_put(copy, x->b->trees.p + t->bytes_at, t->bytes_n);
        if (copy->failed)
            part_out_fail(&x->out, buf_err(copy));
        else
            part_tree_walk((uint8_t *)copy->p, copy->n, seal_leaf, x);
        part_out_put(&x->out, copy->p, copy->n);
    }
    part_out_end(&x->out);
}

void part_build_write_terms(struct part_build *x) {
    part_out_begin(&x->out, SEC_TERMS, 0);
    for (uint32_t i = 0; i < x->info.terms; i++)
        part_out_put(&x->out, &x->b->terms.ids[x->sorted[i]], sizeof(struct id128));
    part_out_end(&x->out);
    part_stream_begin(x->stream, SEC_TERM_WHAT, 0);
    for (uint32_t i = 0; i < x->info.terms; i++)
        part_stream_put(x->stream, term_at(x, i)->what);
    part_stream_end(x->stream);
    write_sealed(x);
    write_trees(x);
}
