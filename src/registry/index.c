/* index.c: tokens and secrets to projects, by hash tables under a key that is drawn for each
 * registry.
 *
 * Every record of every tracker carries a token, and comparing it in constant time with ten
 * thousand others would cost more than the record. Under a random key a stranger can neither aim at
 * a slot nor learn from the time a probe takes.
 */
#include <sodium.h>
#include <stdlib.h>

#include "registry/format.h"

struct slot {
    uint64_t hash;  /* whole, so that a probe hardly ever meets a stranger */
    uint64_t place; /* position + 1, 0: empty */
};

struct registry_index {
    uint8_t key[crypto_shorthash_KEYBYTES];
    size_t slots_n;       /* power of two, at least twice the projects */
    struct slot *tokens;  /* [slots_n] */
    struct slot *secrets; /* [slots_n] */
};

static uint64_t hash_of(const struct registry_index *x, const void *bytes, size_t n) {
    uint8_t out[8];
    uint64_t h;
    crypto_shorthash(out, bytes, n, x->key);
    memcpy(&h, out, 8);
    return h;
}

static void enter(const struct registry_index *x, struct slot *slots, uint64_t hash,
                  size_t position) {
    size_t at = (size_t)hash & (x->slots_n - 1);
    while (slots[at].place)
        at = (at + 1) & (x->slots_n - 1);
    slots[at] = (struct slot){.hash = hash, .place = position + 1};
}

static int64_t find(const struct registry_index *x, const struct slot *slots, uint64_t hash) {
    size_t at = (size_t)hash & (x->slots_n - 1);
    for (; slots[at].place; at = (at + 1) & (x->slots_n - 1))
        if (slots[at].hash == hash) return (int64_t)slots[at].place - 1;
    return -1;
}

struct registry_index *registry_index_new(const struct registry *r) {
    struct registry_index *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    random_bytes(x->key, sizeof x->key);
    x->slots_n = 16;
    while (x->slots_n < 2 * r->n_projects)
        x->slots_n *= 2;
    x->tokens = calloc(x->slots_n, sizeof *x->tokens);
    x->secrets = calloc(x->slots_n, sizeof *x->secrets);
    if (!x->tokens || !x->secrets) {
        registry_index_free(x);
        return NULL;
    }
    for (size_t i = 0; i < r->n_projects; i++) {
        const struct registry_project *p = &r->projects[i];
        enter(x, x->tokens, hash_of(x, p->token, strlen(p->token)), i);
        enter(x, x->secrets, hash_of(x, p->secret_hash, 32), i);
    }
    return x;
}

void registry_index_free(struct registry_index *x) {
    if (!x) return;
    free(x->tokens);
    free(x->secrets);
    secret_wipe(x, sizeof *x);
    free(x);
}

int64_t registry_index_token(const struct registry_index *x, struct str token) {
    return find(x, x->tokens, hash_of(x, token.p, token.n));
}

int64_t registry_index_secret(const struct registry_index *x, const uint8_t secret_hash[32]) {
    return find(x, x->secrets, hash_of(x, secret_hash, 32));
}
