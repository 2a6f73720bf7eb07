/* world.h: a small world in memory, built through the real intake, frames and part builder; see
 * world.c. */
#pragma once

#include "intake/intake.h"
#include "query/query.h"

struct world_profile {
    struct id128 group_key, owner, id;
    struct buf doc; /* store/profile.h's form */
};
struct world_text {
    struct id128 hash;
    struct str text;
    bool readable; /* else only openable */
};
struct world {
    struct arena *arena;
    struct registry registry;
    struct registry_project project;
    struct team_secret team;
    struct seal_keys keys;
    struct zone *zone;
    int64_t now_us;
    bool clear; /* crowd 0: everything is readable */
    bool may_reveal, opened;
    struct intake *intake;
    struct frame_writer *writer;
    struct crowd *crowd;
    struct part **parts;
    size_t n_parts, parts_cap;
    struct query_alias *aliases;
    size_t n_aliases, aliases_cap;
    struct world_text *texts; /* sorted once built */
    size_t n_texts, texts_cap;
    struct world_profile *profiles; /* sorted by owner once built */
    size_t n_profiles, profiles_cap;
};

/* `v`:
 * {"timezone","now","crowd","parts":[[event…]…],"engage":[…],"groups":[…],"reveal":bool,"opened":bool}
 */
struct err world_new(const struct json *v, struct world **out, char fault[200]);
void world_free(struct world *w);
struct query_world world_query(struct world *w);

/* world_profiles.c */
struct err world_apply_profile(struct world *w, const struct frame *f, enum frame_record_type type,
                               struct frame_profile *op);
void world_sort_profiles(struct world *w);
struct query_profiles world_profiles(struct world *w);
void *world_grow(void *array, size_t *cap, size_t n, size_t each);
