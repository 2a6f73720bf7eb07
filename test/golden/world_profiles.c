/* world_profiles.c: profiles of a small world: the store's documents in an array instead of a
 * table. */
#include <stdlib.h>

#include "store/profile.h"
#include "world.h"

#define MAX_BYTES (2 * PROFILE_MAX_BYTES)

static struct world_profile *find(struct world *w, struct id128 group_key, struct id128 owner) {
    for (size_t i = 0; i < w->n_profiles; i++) {
        if (id128_eq(w->profiles[i].group_key, group_key) && id128_eq(w->profiles[i].owner, owner))
            return &w->profiles[i];
    }
    return NULL;
}

static void drop(struct world *w, struct world_profile *p) {
    buf_done(&p->doc);
    *p = w->profiles[--w->n_profiles];
}

static void change_all(struct world_profile *p, const struct frame *f,
                       const struct frame_profile *op) {
    struct cursor props = op->props, value;
    uint32_t path = 0;
    for (uint16_t i = 0; i < op->n_props && frame_next_prop(&props, &path, &value); i++) {
        AUTO(buf_done) struct buf element;
        buf_init(&element, PROFILE_MAX_BYTES);
        profile_put_value(&element, f, &value);
        profile_change(&p->doc, (enum profile_op)op->op, f->texts[path].hash, buf_str(&element));
    }
}

struct err world_apply_profile(struct world *w, const struct frame *f, enum frame_record_type type,
                               struct frame_profile *op) {
    struct id128 id = f->texts[op->id].hash, key = {{0}};
    if (type == RECORD_GROUP) key = f->texts[op->group_key].hash;
    struct id128 owner = type == RECORD_GROUP ? id : op->person;
    struct world_profile *p = find(w, key, owner);
    if (op->op == PROFILE_DELETE) {
        if (p) drop(w, p);
        return ERR_NONE;
    }
    if (!p && op->op == PROFILE_UNSET) return ERR_NONE;
    if (!p) {
        w->profiles = world_grow(w->profiles, &w->profiles_cap, w->n_profiles, sizeof *w->profiles);
        p = &w->profiles[w->n_profiles++];
        *p = (struct world_profile){key, owner, id, {0}};
        buf_init(&p->doc, MAX_BYTES);
    }
    change_all(p, f, op);
    return buf_err(&p->doc);
}

static int cmp_owners(const void *a, const void *b) {
    return id128_cmp(((const struct world_profile *)a)->owner,
                     ((const struct world_profile *)b)->owner);
}

void world_sort_profiles(struct world *w) {
    if (w->n_profiles) qsort(w->profiles, w->n_profiles, sizeof *w->profiles, cmp_owners);
}

static struct part_value value_of(struct str element) {
    struct cursor c = {(const uint8_t *)element.p, element.n, false};
    struct part_value v = {0};
    if (!part_list_next(&c, &v)) v.type = PV_NONE;
    return v;
}

static struct err column(void *ctx, const struct query_column *how) {
    struct world *w = ctx;
    struct id128 key = how->groups ? how->group_key : (struct id128){{0}};
    for (size_t i = 0; i < w->n_profiles; i++) {
        if (!id128_eq(w->profiles[i].group_key, key)) continue;
        struct str element = profile_find(buf_str(&w->profiles[i].doc), how->property);
        if (!element.p) continue;
        struct part_value v = value_of(element);
        how->each(how->ctx, w->profiles[i].owner, &v);
    }
    return ERR_NONE;
}

static bool wanted(const struct id128 *only, size_t n, struct id128 owner) {
    for (size_t i = 0; i < n; i++) {
        if (id128_eq(only[i], owner)) return true;
    }
    return only == NULL;
}

static struct err walk(void *ctx, const struct query_walk *how) {
    struct world *w = ctx;
    struct id128 key = how->groups ? how->group_key : (struct id128){{0}};
    bool more = true;
    for (size_t i = 0; i < w->n_profiles && more; i++) {
        struct world_profile *p = &w->profiles[i];
        if (!id128_eq(p->group_key, key) || !wanted(how->only, how->n_only, p->owner)) continue;
        struct query_profile_prop props[PROFILE_MAX_PROPS];
        struct query_profile out = {.owner = p->owner, .id = p->id, .props = props};
        struct cursor c = {(const uint8_t *)p->doc.p, p->doc.n, false};
        struct str element;
        while (out.n_props < PROFILE_MAX_PROPS &&
               profile_next(&c, &props[out.n_props].name, &element))
            props[out.n_props++].value = value_of(element);
        more = how->each(how->ctx, &out);
    }
    return ERR_NONE;
}

struct query_profiles world_profiles(struct world *w) {
    return (struct query_profiles){w, column, walk};
}
