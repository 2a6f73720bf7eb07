/* world.h: what a world holds; private to src/store. */
#pragma once

#include "store/internal.h"

struct world_handle {
    struct id128 handle, hash;
};

/* Frame keys that were opened, by frame id: opening a box costs a hundred times what a text does,
 * and a frame sealed the texts of thousands of events. */
#define WORLD_FRAME_KEYS 4096 /* a power of two */
struct world_frame_key {
    struct id128 frame;
    uint8_t key[32];
    bool is_set;
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
    size_t sealed_in; /* the part that held the last text opened */
    struct world_frame_key
        *frame_keys; /* [WORLD_FRAME_KEYS]; NULL until the first text is opened */
    struct query_world query;
};

/* profile_read.c */
struct query_profiles profile_source(struct store_world *w);
bool profile_sealed(const struct store_world *w, struct id128 hash, struct arena *a,
                    struct store_sealed *out);
void profile_sealed_each(const struct store_world *w, void (*each)(void *ctx, struct id128 hash),
                         void *ctx);
