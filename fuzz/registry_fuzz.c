// modules: base seal registry
/* The registry file. The checksum is put right, else no input would get past it.
 * Invariant: what is accepted is within its limits, and each project is found by its own token and
 * id. */
#include <stdlib.h>

#include "fuzz.h"
#include "registry/format.h"

static void check_project(const struct registry *r, struct registry_project *p) {
    assert(registry_project_fault(p) == NULL);
    assert(registry_by_token(r, str_z(p->token)) == p);
    assert(registry_by_id(r, p->id) == p);
    for (int i = 0; i < REGISTRY_LISTS; i++) {
        const struct id128_list *l = registry_list(p, i);
        for (size_t k = 0; k < l->n; k++)
            assert(id128_list_has(l, l->ids[k]));
    }
    registry_origin_allowed(p, STR("https://a.example"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct err started = seal_start();
    assert(started.code == ERR_OK);
    AUTO(registry_free) struct registry *r = NULL;
    char *content = malloc(n + 8);
    if (!content) return 0;
    memcpy(content, bytes, n);
    uint64_t sum = checksum64(content, n);
    memcpy(content + n, &sum, 8);
    struct err e = registry_parse((struct str){content, n + 8}, &r);
    free(content);
    assert(e.code == ERR_OK || (e.code == ERR_CORRUPT && r == NULL));
    for (size_t i = 0; r && i < r->n_projects; i++)
        check_project(r, &r->projects[i]);
    return 0;
}
