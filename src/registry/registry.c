/* registry.c: what a registry is and how a project is found in it.
 *
 * A token or secret is looked up by a stranger, so the way there must not tell how much of it was
 * right. The index is keyed at random per process (index.c), so what its probing tells is noise;
 * the last comparison is in constant time.
 */
#include <stdlib.h>

#include "registry/format.h"

bool id128_list_has(const struct id128_list *l, struct id128 id) {
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = id128_cmp(l->ids[middle], id);
        if (order == 0) return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

struct id128_list *registry_list(struct registry_project *p, int i) {
    struct id128_list *lists[REGISTRY_LISTS] = {&p->published, &p->measures, &p->times,
                                                &p->identities, &p->senders};
    return lists[i];
}

static bool is_printable(const char *z, size_t max) {
    size_t n = strnlen(z, max + 1);
    if (n == 0 || n > max) return false;
    for (size_t i = 0; i < n; i++)
        if (z[i] <= ' ' || z[i] > '~') return false;
    return true;
}

const char *registry_project_fault(const struct registry_project *p) {
    if (!is_printable(p->token, REGISTRY_TOKEN_BYTES)) return "registry: a token";
    if (!is_printable(p->timezone, sizeof p->timezone - 1)) return "registry: a time zone";
    if (p->crowd < REGISTRY_MIN_K || p->crowd > REGISTRY_MAX_K) return "registry: a crowd";
    if (p->origins.n > REGISTRY_MAX_ORIGINS_BYTES) return "registry: origins";
    bool lists_fit = p->published.n <= REGISTRY_MAX_LIST && p->measures.n <= REGISTRY_MAX_LIST &&
                     p->times.n <= REGISTRY_MAX_LIST && p->identities.n <= REGISTRY_MAX_LIST &&
                     p->senders.n <= REGISTRY_MAX_LIST;
    return lists_fit ? NULL : "registry: a list";
}

void registry_free(struct registry *r) {
    if (!r) return;
    for (size_t i = 0; i < r->n_projects; i++) {
        struct registry_project *p = &r->projects[i];
        for (int l = 0; l < REGISTRY_LISTS; l++)
            free(registry_list(p, l)->ids);
        free((void *)(uintptr_t)p->origins.p);
        secret_wipe(p, sizeof *p);
    }
    free(r->projects);
    registry_index_free(r->index);
    free(r);
}

static bool token_is(const struct registry_project *p, struct str token) {
    char padded[REGISTRY_TOKEN_BYTES + 1] = {0};
    if (token.n == 0 || token.n > REGISTRY_TOKEN_BYTES) return false;
    memcpy(padded, token.p, token.n);
    /* a NUL at the end of what was sent would compare like the padding */
    if (memchr(token.p, '\0', token.n)) return false;
    return secret_equal(padded, p->token, sizeof padded);
}

const struct registry_project *registry_by_token(const struct registry *r, struct str token) {
    if (r->index) {
        int64_t at = registry_index_token(r->index, token);
        return at >= 0 && token_is(&r->projects[at], token) ? &r->projects[at] : NULL;
    }
    const struct registry_project *found = NULL;
    for (size_t i = 0; i < r->n_projects; i++)
        if (token_is(&r->projects[i], token)) found = &r->projects[i];
    return found;
}

const struct registry_project *registry_by_id(const struct registry *r, uint64_t id) {
    size_t low = 0, high = r->n_projects;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->projects[middle].id == id) return &r->projects[middle];
        if (r->projects[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct registry_project *registry_by_secret(const struct registry *r, struct str secret) {
    if (secret.n == 0) return NULL;
    uint8_t hash[32];
    seal_secret_hash(secret, hash);
    const struct registry_project *found = NULL;
    if (r->index) {
        int64_t at = registry_index_secret(r->index, hash);
        if (at >= 0 && secret_equal(hash, r->projects[at].secret_hash, 32))
            found = &r->projects[at];
    } else {
        for (size_t i = 0; i < r->n_projects; i++)
            if (secret_equal(hash, r->projects[i].secret_hash, 32)) found = &r->projects[i];
    }
    secret_wipe(hash, sizeof hash);
    return found;
}

struct id128 registry_sender_id(const uint8_t secret_hash[SEAL_SECRET_HASH_BYTES]) {
    struct id128 id;
    memcpy(id.b, secret_hash, sizeof id.b);
    return id;
}

/* The search may stop early: what its time tells is about the hash of a secret of 165 bits. */
const struct registry_project *registry_by_sender(const struct registry *r, uint64_t id,
                                                  struct str secret) {
    uint8_t hash[SEAL_SECRET_HASH_BYTES];
    if (secret.n == 0) return NULL;
    seal_secret_hash(secret, hash);
    struct id128 sender = registry_sender_id(hash);
    secret_wipe(hash, sizeof hash);
    if (id != 0) {
        const struct registry_project *p = registry_by_id(r, id);
        return p && id128_list_has(&p->senders, sender) ? p : NULL;
    }
    for (size_t i = 0; i < r->n_projects; i++)
        if (id128_list_has(&r->projects[i].senders, sender)) return &r->projects[i];
    return NULL;
}

/* With "*." before the host example.com in the line, a.example.com and a.b.example.com fit, and
 * example.com does not. */
static bool origin_fits(struct str line, struct str origin) {
    if (str_ieq(line, origin)) return true;
    for (size_t i = 0; i + 1 < line.n; i++) {
        if (line.p[i] != '*') continue;
        struct str head = {line.p, i}, tail = str_from(line, i + 1);
        if (!str_ends(head, STR("://")) || !str_starts(tail, STR("."))) return false;
        if (origin.n <= head.n + tail.n) return false;
        struct str origin_tail = str_from(origin, origin.n - tail.n);
        return str_ieq((struct str){origin.p, i}, head) && str_ieq(origin_tail, tail);
    }
    return false;
}

bool registry_origin_allowed(const struct registry_project *p, struct str origin) {
    struct str rest = p->origins;
    bool listed = false, any = false;
    while (rest.n > 0) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        if (str_ends(line, STR("/"))) line.n--;
        if (line.n == 0) continue;
        any = true;
        listed = listed || origin_fits(line, origin);
    }
    return !any || listed || origin.n == 0;
}
