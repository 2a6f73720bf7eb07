// modules: base json seal health journal part registry crowd meta query store status page
/* The file that tells the public door whose reports and beats it takes. The checksum is put right.
 * Invariant: what is accepted is within its limits, and each component and token is found. */
#include <stdlib.h>

#include "fuzz.h"
#include "page/page.h"

static void check(const struct page_door *d) {
    for (size_t i = 0; i < d->n_components; i++) {
        const struct page_door_component *c = &d->components[i];
        assert(c->n_types <= STATUS_TYPES_MAX);
        for (size_t t = 0; t < c->n_types; t++) {
            struct str name = str_z(c->types[t]);
            assert(name.n <= PAGE_TYPE_BYTES && str_utf8_prefix(name) == name.n);
            assert(page_door_type(c, name) < c->n_types);
        }
    }
    for (size_t i = 0; i < d->n_pushes; i++) {
        assert(strlen(d->pushes[i].gatus_key) < sizeof d->pushes[i].gatus_key);
        assert(page_door_push(d, d->pushes[i].token_hash) == &d->pushes[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    AUTO(page_door_free) struct page_door *d = NULL;
    char *content = malloc(n + 8);
    if (!content) return 0;
    memcpy(content, bytes, n);
    uint64_t sum = checksum64(content, n);
    memcpy(content + n, &sum, 8);
    struct err e = page_door_parse((struct str){content, n + 8}, &d);
    free(content);
    assert(e.code == ERR_OK || (e.code == ERR_CORRUPT && d == NULL));
    if (d) check(d);
    return 0;
}
