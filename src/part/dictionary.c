/* dictionary.c: what codes stand for. A part's hashes stand once, sorted, in its terms; event names
 * and each column's dictionary are rising lists of term numbers (so a dictionary is sorted by
 * hash), and a code is a place in such a list. */
#include "part/internal.h"

#include <assert.h>

uint32_t part_find_term(const struct part *p, struct id128 hash) {
    uint64_t at = part_id_lower_bound(p->terms, p->file.terms, hash);
    return at < p->file.terms && id128_eq(p->terms[at], hash) ? (uint32_t)at : UINT32_MAX;
}

/* The code of a term in a rising list of terms, 0 if it is not there. */
static uint32_t code_of(const struct part_stream *list, uint32_t term) {
    if (term == UINT32_MAX) return 0;
    uint64_t at = part_stream_lower_bound(list, term);
    return at < list->n && part_stream_at(list, at) == term ? (uint32_t)at + 1 : 0;
}

struct id128 part_event_hash(const struct part *p, uint32_t code) {
    assert(code <= p->file.events);
    uint64_t term = code == 0 ? UINT64_MAX : part_stream_at(&p->event_terms, code - 1);
    return term < p->file.terms ? p->terms[term] : (struct id128){0};
}

uint32_t part_find_event(const struct part *p, struct id128 hash) {
    return code_of(&p->event_terms, part_find_term(p, hash));
}

uint64_t part_event_rows(const struct part *p, uint32_t code) {
    return code == 0 || code > p->file.events ? 0 : p->event_rows[code - 1];
}

struct str part_tree_of(const struct part *p, uint32_t term) {
    uint64_t i = part_stream_lower_bound(&p->tree_term, term);
    if (i >= p->tree_term.n || part_stream_at(&p->tree_term, i) != term) return (struct str){0};
    uint64_t from = part_stream_at(&p->tree_at, i), to = part_stream_at(&p->tree_at, i + 1);
    if (from > to || to > p->trees_bytes) return (struct str){0};
    return (struct str){(const char *)p->trees + from, to - from};
}

void part_entry(const struct part *p, int column, uint32_t code, struct part_value *out) {
    assert(column >= 0 && (uint32_t)column < p->file.columns);
    const struct part_column *c = &p->columns[column];
    *out = (struct part_value){.type = PV_NONE};
    if (code == 0 || code > c->dictionary.n) return;
    uint64_t term = part_stream_at(&c->dictionary, code - 1);
    if (term >= p->file.terms) return;
    uint32_t what = (uint32_t)part_stream_at(&p->term_what, term);
    out->hash = p->terms[term];
    if (part_what_is_text(what)) {
        out->type = PV_TEXT;
        out->text_type = part_what_type(what);
        out->sealed_here = (what & PART_WHAT_SEALED) != 0;
        return;
    }
    uint32_t type = what - PART_WHAT_OTHER;
    if (type > PV_OBJECT || type == PV_NUMBER || type == PV_OBJECT || type == PV_TEXT) return;
    out->type = (enum part_value_type)type;
    if (out->type == PV_TIME) out->time_us = part_time_of_hash(out->hash);
    if (out->type != PV_LIST) return;
    struct str tree = part_tree_of(p, (uint32_t)term);
    out->list = (struct cursor){.p = (const uint8_t *)tree.p, .n = tree.n};
}

uint32_t part_find_code(const struct part *p, int column, struct id128 hash) {
    assert(column >= 0 && (uint32_t)column < p->file.columns);
    return code_of(&p->columns[column].dictionary, part_find_term(p, hash));
}

const struct id128 *part_terms(const struct part *p, size_t *out_n) {
    *out_n = p->file.terms;
    return p->terms;
}

bool part_has_term(const struct part *p, struct id128 hash) {
    return part_find_term(p, hash) != UINT32_MAX;
}
