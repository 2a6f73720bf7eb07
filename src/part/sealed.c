/* sealed.c: finding the ciphertext of a text. */
#include "part/internal.h"

bool part_sealed_at(const struct part *p, uint64_t i, struct part_sealed *out) {
    uint64_t term = part_stream_at(&p->sealed_term, i);
    uint64_t frame = part_stream_at(&p->sealed_frame, i);
    uint64_t path = part_stream_at(&p->sealed_path, i);
    uint64_t from = part_stream_at(&p->sealed_at, i), to = part_stream_at(&p->sealed_at, i + 1);
    if (term >= p->file.terms || frame >= p->file.frames || path > p->file.terms) return false;
    if (from > to || to > p->cipher_bytes / 16) return false;
    uint32_t what = (uint32_t)part_stream_at(&p->term_what, term);
    *out = (struct part_sealed){
        .text = {.hash = p->terms[term],
                 .frame = p->frames[frame].id,
                 .ordinal = part_stream_at(&p->sealed_ordinal, i),
                 .kind = part_what_kind(what),
                 .type = part_what_type(what),
                 .ciphertext = {(const char *)p->cipher + from * 16, (size_t)(to - from) * 16}},
        .box = p->frames[frame].box};
    if (path > 0) out->path_hash = p->terms[path - 1];
    return true;
}

bool part_sealed(const struct part *p, struct id128 text, struct part_sealed *out) {
    uint32_t term = part_find_term(p, text);
    if (term == UINT32_MAX) return false;
    uint64_t i = part_stream_lower_bound(&p->sealed_term, term);
    return i < p->sealed_term.n && part_stream_at(&p->sealed_term, i) == term &&
           part_sealed_at(p, i, out);
}

bool part_sealed_next(const struct part *p, size_t *at, struct part_sealed *out) {
    while (*at < p->sealed_term.n)
        if (part_sealed_at(p, (*at)++, out)) return true;
    return false;
}
