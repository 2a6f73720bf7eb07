/* merge_terms.c: the terms of all sources as one sorted table.
 *
 * The tables are sorted, so they are merged in one pass, which numbers the output's terms (a
 * source's numbers keep their order: a dictionary that is remapped stays sorted). A text stays
 * sealed only if it is sealed in every source that has it and nobody reads it by now; its
 * ciphertext comes from the first source.
 */
#include "part/merge.h"

struct terms {
    struct part_merging *x;
    uint32_t *at;                       /* [sources] next term */
    uint32_t *sealed_at, *tree_at;      /* [sources] next sealed text, next list */
    uint64_t *sealed_out;               /* bits by output term */
    struct part_origin *sealed, *trees; /* in order of output term */
    uint32_t *sealed_term, *tree_term;  /* output terms */
    uint32_t sealed_n, trees_n;
};

static void terms_done(struct terms *t) {
    free(t->at);
    free(t->sealed_at);
    free(t->tree_at);
    free(t->sealed_out);
    free(t->sealed);
    free(t->trees);
    free(t->sealed_term);
    free(t->tree_term);
}

static void terms_done_auto(struct terms *t) {
    terms_done(t);
}

static struct err terms_begin(struct terms *t, struct part_merging *x) {
    uint64_t all = 0, sealed = 0, trees = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        struct part_source *s = &x->sources[i];
        s->term_out = malloc(((size_t)s->p->file.terms + 1) * sizeof *s->term_out);
        if (!s->term_out) return ERR(ERR_NOMEM, "part: terms");
        memset(s->term_out, 0xff, ((size_t)s->p->file.terms + 1) * sizeof *s->term_out);
        all += s->p->file.terms;
        sealed += s->p->file.sealed;
        trees += s->p->file.trees;
    }
    if (all >= PART_MAX_TERMS) return ERR(ERR_LIMIT, "part: terms");
    t->x = x;
    t->at = calloc(x->n, sizeof *t->at);
    t->sealed_at = calloc(x->n, sizeof *t->sealed_at);
    t->tree_at = calloc(x->n, sizeof *t->tree_at);
    t->sealed_out = part_bits_new(all);
    t->sealed = malloc((sealed + 1) * sizeof *t->sealed);
    t->trees = malloc((trees + 1) * sizeof *t->trees);
    t->sealed_term = malloc((sealed + 1) * sizeof *t->sealed_term);
    t->tree_term = malloc((trees + 1) * sizeof *t->tree_term);
    bool made = t->at && t->sealed_at && t->tree_at && t->sealed_out && t->sealed && t->trees &&
                t->sealed_term && t->tree_term;
    return made ? ERR_NONE : ERR(ERR_NOMEM, "part: terms");
}

static void skip_unused(struct terms *t, uint32_t source) {
    const struct part_source *s = &t->x->sources[source];
    uint32_t at = t->at[source];
    while (s->used && at < s->p->file.terms && !part_bit(s->used, at))
        at++;
    t->at[source] = at;
}

/* The source whose next term is least; PART_NONE at the end. */
static uint32_t least(const struct terms *t) {
    uint32_t best = PART_NONE;
    const struct id128 *least_id = NULL;
    for (uint32_t i = 0; i < t->x->n; i++) {
        const struct part *p = t->x->sources[i].p;
        if (t->at[i] == p->file.terms) continue;
        const struct id128 *id = &p->terms[t->at[i]];
        if (least_id && id128_cmp(*id, *least_id) >= 0) continue;
        best = i;
        least_id = id;
    }
    return best;
}

/* The place of a term in a rising list that is walked once. */
static bool advance(const struct part_stream *list, uint32_t *at, uint32_t term) {
    while (*at < list->n && part_stream_at(list, *at) < term)
        ++*at;
    return *at < list->n && part_stream_at(list, *at) == term;
}

/* One output term: all sources that have it get its number. */
struct group {
    uint32_t first, what;
    bool sealed;
};

static struct group take_group(struct terms *t, uint32_t first, struct id128 id) {
    struct part_merging *x = t->x;
    struct group g = {.first = first, .sealed = true};
    g.what = (uint32_t)part_stream_at(&x->sources[first].p->term_what, t->at[first]);
    for (uint32_t i = first; i < x->n; i++) {
        const struct part *p = x->sources[i].p;
        uint32_t term = t->at[i];
        if (term == p->file.terms || !id128_eq(p->terms[term], id)) continue;
        x->sources[i].term_out[term] = x->info.terms;
        g.sealed = g.sealed && (part_stream_at(&p->term_what, term) & PART_WHAT_SEALED) != 0;
    }
    return g;
}

static void leave_group(struct terms *t, uint32_t first, struct id128 id) {
    for (uint32_t i = first; i < t->x->n; i++) {
        const struct part *p = t->x->sources[i].p;
        if (t->at[i] == p->file.terms || !id128_eq(p->terms[t->at[i]], id)) continue;
        t->at[i]++;
        skip_unused(t, i);
    }
}

/* Where the ciphertext or the list's elements are; decides whether a text stays sealed. */
static void note_origin(struct terms *t, struct group *g, struct id128 id) {
    struct part_merging *x = t->x;
    const struct part *p = x->sources[g->first].p;
    uint32_t term = t->at[g->first];
    if (part_what_is_text(g->what)) {
        g->sealed = g->sealed && !(x->m->readable && x->m->readable(x->m->ctx, id)) &&
                    advance(&p->sealed_term, &t->sealed_at[g->first], term);
        g->what = (g->what & ~PART_WHAT_SEALED) | (g->sealed ? PART_WHAT_SEALED : 0);
        if (!g->sealed) return;
        part_bit_set(t->sealed_out, x->info.terms);
        t->sealed_term[t->sealed_n] = x->info.terms;
        t->sealed[t->sealed_n++] = (struct part_origin){t->sealed_at[g->first], g->first};
    } else if (g->what == PART_WHAT_OTHER + PV_LIST &&
               advance(&p->tree_term, &t->tree_at[g->first], term)) {
        t->tree_term[t->trees_n] = x->info.terms;
        t->trees[t->trees_n++] = (struct part_origin){t->tree_at[g->first], g->first};
    }
}

/* Two sections are written side by side, so what each term is waits in bytes (it is below 256). */
static struct err unite(struct terms *t) {
    struct part_merging *x = t->x;
    AUTO(buf_done) struct buf what;
    buf_init(&what, PART_MAX_TERMS);
    for (uint32_t i = 0; i < x->n; i++)
        skip_unused(t, i);
    part_out_begin(&x->out, SEC_TERMS, 0);
    for (uint32_t first; (first = least(t)) != PART_NONE; x->info.terms++) {
        struct id128 id = x->sources[first].p->terms[t->at[first]];
        struct group g = take_group(t, first, id);
        note_origin(t, &g, id);
        leave_group(t, first, id);
        part_out_put(&x->out, &id, sizeof id);
        buf_put_u8(&what, (uint8_t)g.what);
    }
    part_out_end(&x->out);
    TRY(buf_err(&what));
    part_stream_begin(x->stream, SEC_TERM_WHAT, 0);
    for (size_t i = 0; i < what.n; i++)
        part_stream_put(x->stream, (uint8_t)what.p[i]);
    part_stream_end(x->stream);
    return ERR_NONE;
}

/* ---- sealed texts ---- */

/* The frames in use, united by id: two sources that were split from one part share frames. */
static struct err write_frames(struct terms *t) {
    struct part_merging *x = t->x;
    AUTO(part_free) struct part_origin *frames = NULL;
    AUTO(part_free) struct id128 *ids = NULL;
    AUTO(part_free) uint32_t *order = NULL;
    uint32_t n = 0;
    uint64_t all = 1;
    for (uint32_t i = 0; i < x->n; i++) {
        struct part_source *s = &x->sources[i];
        all += s->p->file.frames;
        s->frame_out = calloc((size_t)s->p->file.frames + 1, sizeof *s->frame_out);
        if (!s->frame_out) return ERR(ERR_NOMEM, "part: frames");
    }
    frames = malloc(all * sizeof *frames);
    ids = malloc(all * sizeof *ids);
    order = malloc(all * sizeof *order);
    if (!frames || !ids || !order || all > UINT32_MAX) return ERR(ERR_NOMEM, "part: frames");
    for (uint32_t i = 0; i < t->sealed_n; i++) {
        struct part_source *s = &x->sources[t->sealed[i].source];
        uint64_t frame = part_stream_at(&s->p->sealed_frame, t->sealed[i].index);
        if (frame >= s->p->file.frames) return ERR(ERR_CORRUPT, "part: sealed frame");
        if (s->frame_out[frame] != 0) continue;
        s->frame_out[frame] = 1;
        ids[n] = s->p->frames[frame].id;
        frames[n++] = (struct part_origin){(uint32_t)frame, t->sealed[i].source};
    }
    TRY(part_id_order(ids, n, order));
    part_out_begin(&x->out, SEC_FRAMES, 0);
    for (uint32_t i = 0; i < n; i++) {
        const struct part_origin *o = &frames[order[i]];
        struct part_source *s = &x->sources[o->source];
        bool new = i == 0 || !id128_eq(ids[order[i]], ids[order[i - 1]]);
        if (new) part_out_put(&x->out, &s->p->frames[o->index], sizeof *s->p->frames);
        x->info.frames += new;
        s->frame_out[o->index] = x->info.frames - 1;
    }
    part_out_end(&x->out);
    return ERR_NONE;
}

static uint64_t sealed_field(const struct part_source *s, uint32_t index,
                             enum part_section_kind kind) {
    if (kind == SEC_SEALED_FRAME) return s->frame_out[part_stream_at(&s->p->sealed_frame, index)];
    if (kind == SEC_SEALED_ORDINAL) return part_stream_at(&s->p->sealed_ordinal, index);
    uint64_t path = part_stream_at(&s->p->sealed_path, index);
    if (path == 0 || path > s->p->file.terms || s->term_out[path - 1] == PART_NONE) return 0;
    return (uint64_t)s->term_out[path - 1] + 1;
}

static struct err write_ciphers(struct terms *t) {
    struct part_merging *x = t->x;
    struct part_sealed s;
    uint64_t at = 0;
    part_stream_begin(x->stream, SEC_SEALED_AT, 0);
    for (uint32_t i = 0; i < t->sealed_n; i++) {
        part_stream_put(x->stream, at);
        if (!part_sealed_at(x->sources[t->sealed[i].source].p, t->sealed[i].index, &s))
            return ERR(ERR_CORRUPT, "part: sealed text");
        at += s.text.ciphertext.n / 16;
    }
    part_stream_put(x->stream, at);
    part_stream_end(x->stream);
    part_out_begin(&x->out, SEC_CIPHER, 0);
    for (uint32_t i = 0; i < t->sealed_n; i++) {
        part_sealed_at(x->sources[t->sealed[i].source].p, t->sealed[i].index, &s);
        part_out_put(&x->out, s.text.ciphertext.p, s.text.ciphertext.n);
    }
    part_out_end(&x->out);
    return ERR_NONE;
}

static struct err write_sealed(struct terms *t) {
    struct part_merging *x = t->x;
    x->info.sealed = t->sealed_n;
    if (t->sealed_n == 0) return ERR_NONE;
    TRY(write_frames(t));
    part_stream_begin(x->stream, SEC_SEALED_TERM, 0);
    part_stream_put32(x->stream, t->sealed_term, t->sealed_n);
    part_stream_end(x->stream);
    static const enum part_section_kind kinds[] = {SEC_SEALED_FRAME, SEC_SEALED_ORDINAL,
                                                   SEC_SEALED_PATH};
    for (size_t k = 0; k < 3; k++) {
        part_stream_begin(x->stream, kinds[k], 0);
        for (uint32_t i = 0; i < t->sealed_n; i++)
            part_stream_put(x->stream, sealed_field(&x->sources[t->sealed[i].source],
                                                    t->sealed[i].index, kinds[k]));
        part_stream_end(x->stream);
    }
    return write_ciphers(t);
}

/* ---- lists ---- */

struct leaf_seal {
    const struct terms *t;
    const struct part_source *s;
};

/* A leaf that was sealed may be readable now; the other way never happens. */
static bool unseal_leaf(void *ctx, struct id128 hash, uint8_t *tag) {
    const struct leaf_seal *l = ctx;
    if (!tag || (*tag & PART_TREE_SEALED) == 0) return true;
    uint32_t term = part_find_term(l->s->p, hash);
    uint32_t to = term == UINT32_MAX ? PART_NONE : l->s->term_out[term];
    if (to == PART_NONE || !part_bit(l->t->sealed_out, to)) *tag &= (uint8_t)~PART_TREE_SEALED;
    return true;
}

static struct str tree_at(const struct terms *t, uint32_t i) {
    const struct part *p = t->x->sources[t->trees[i].source].p;
    uint64_t from = part_stream_at(&p->tree_at, t->trees[i].index),
             to = part_stream_at(&p->tree_at, t->trees[i].index + 1);
    return (struct str){(const char *)p->trees + from, to - from};
}

static struct err write_trees(struct terms *t) {
    struct part_merging *x = t->x;
    x->info.trees = t->trees_n;
    if (t->trees_n == 0) return ERR_NONE;
    part_stream_begin(x->stream, SEC_TREE_TERM, 0);
    part_stream_put32(x->stream, t->tree_term, t->trees_n);
    part_stream_end(x->stream);
    uint64_t at = 0;
    part_stream_begin(x->stream, SEC_TREE_AT, 0);
    part_stream_put(x->stream, 0);
    for (uint32_t i = 0; i < t->trees_n; i++)
        part_stream_put(x->stream, at += tree_at(t, i).n);
    part_stream_end(x->stream);
    AUTO(buf_done) struct buf copy;
    buf_init(&copy, SIZE_MAX / 2);
    part_out_begin(&x->out, SEC_TREES, 0);
    for (uint32_t i = 0; i < t->trees_n; i++) {
        struct leaf_seal leaf = {t, &x->sources[t->trees[i].source]};
        buf_clear(&copy);
        buf_put_str(&copy, tree_at(t, i));
        TRY(buf_err(&copy));
        part_tree_walk((uint8_t *)copy.p, copy.n, unseal_leaf, &leaf);
        part_out_put(&x->out, copy.p, copy.n);
    }
    part_out_end(&x->out);
    return ERR_NONE;
}

struct err part_merge_terms(struct part_merging *x) {
    AUTO(terms_done) struct terms t = {0};
    TRY(terms_begin(&t, x));
    TRY(unite(&t));
    TRY(write_sealed(&t));
    return write_trees(&t);
}
