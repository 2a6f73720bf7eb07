/* world.h: what a world holds; private to src/store. */
#pragma once

#include "store/internal.h"

struct world_handle {
    struct id128 handle, hash;
};

struct store_world {
    struct meta *meta;
    struct project *project; /* projects are never freed while the store lives */
    struct part_list parts;
    struct alias_array *aliases;
    struct seal_keys keys;
    struct team_secret secret;
    bool has_secret, has_handles;
    struct world_handle *handles; /* [n_handles], sorted by handle */
    size_t n_handles;
    struct query_world query;
};

/* profile_read.c */
struct query_profiles profile_source(struct store_world *w);
bool profile_sealed(const struct store_world *w, struct id128 hash, struct arena *a,
                    struct store_sealed *out);
void profile_sealed_each(const struct store_world *w, void (*each)(void *ctx, struct id128 hash),
                         void *ctx);
