// modules: base edge
/* Percent decoding and parameters. Invariants: decoding never grows a text; what has no '%' and no
 * '+' comes out as it is; a parameter that is found lies in the arena, not in the query; finding is
 * a function of its input. */
#include <string.h>

#include "edge/edge.h"
#include "fuzz.h"

static void decode(struct arena *a, struct str s, bool plus) {
    struct str out = edge_percent_decode(a, s, plus);
    assert(out.p && out.n <= s.n);
    bool plain = !(s.n && (memchr(s.p, '%', s.n) || (plus && memchr(s.p, '+', s.n))));
    if (plain) assert(str_eq(out, s));
    if (!plus && s.n && memchr(s.p, '+', s.n)) assert(memchr(out.p, '+', out.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    assert(a);
    struct str s = {(const char *)bytes, n};
    decode(a, s, true);
    decode(a, s, false);
    struct edge_request q = {.query = s, .body = s, .arena = a};
    struct str first = {0}, second = {0};
    bool in_query = edge_param(&q, "data", &first), in_form = edge_form_param(&q, "data", &second);
    assert(in_query == in_form && str_eq(first, second));
    if (in_query) assert(first.n <= n && (first.p < s.p || first.p > s.p + n));
    return 0;
}
