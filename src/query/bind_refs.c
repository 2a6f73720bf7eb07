/* bind_refs.c: the properties that a question refers to meet the world: the columns that hold them,
 * the profiles that have them, and how their values are hashed. Names are bind_names.c's.
 */
#include "query/run.h"

/* ---- profiles ---- */

static void keep_value(void *ctx, struct id128 owner, const struct part_value *value) {
    struct profile_map *m = ctx;
    bool is_new = false;
    uint32_t i = table_put(&m->owners, &owner, &is_new);
    struct part_value *values =
        i == TABLE_NONE ? NULL : table_grow(m->arena, m->values, &m->cap, i + 1, sizeof *values);
    if (!values) m->out_of_memory = true;
    if (!values) return;
    m->values = values;
    if (!is_new) return;
    values[i] = *value;
    if ((value->type != PV_LIST && value->type != PV_OBJECT) || value->list.n == 0) return;
    uint8_t *copy = arena_alloc(m->arena, value->list.n);
    if (!copy) {
        m->out_of_memory = true;
        values[i] = (struct part_value){0};
        return;
    }
    memcpy(copy, value->list.p, value->list.n);
    values[i].list.p = copy;
}

static struct err load_profiles(struct run *r, struct bound_ref *b, const struct bound_name *names,
                                struct id128 key) {
    const struct query_profiles *p = &r->w->profiles;
    struct profile_map *m = arena_alloc(r->arena, sizeof *m);
    if (!m) return ERR(ERR_NOMEM, "query: profiles");
    table_init(&m->owners, r->arena, sizeof(struct id128));
    m->arena = r->arena;
    b->profiles = m;
    for (size_t i = 0; i < names->n && p->column; i++) {
        const struct query_column how = {b->plan->kind == REF_GROUP, key, names->name[i],
                                         keep_value, m};
        TRY(p->column(p->ctx, &how));
    }
    return m->out_of_memory ? ERR(ERR_NOMEM, "query: profiles") : ERR_NONE;
}

const struct part_value *bind_profile(const struct bound_ref *ref, struct id128 owner) {
    uint32_t i = table_find(&ref->profiles->owners, &owner);
    return i == TABLE_NONE ? NULL : &ref->profiles->values[i];
}

/* ---- references ---- */

/* The event property whose rows are read: the ref's own, or the group key's. */
static void read_names(struct bound_ref *b, const struct bound_name *names) {
    b->n = names->n;
    memcpy(b->name, names->name, sizeof b->name);
}

/* How clear values are hashed: not at all where only the name's handle is known. */
static void hash_under(struct bound_ref *b, enum text_kind kind, const struct bound_name *names) {
    b->value_kind = kind;
    b->by_handle = names->by_handle;
    b->n_values = names->by_handle ? 0 : names->n;
    for (size_t i = 0; i < b->n_values; i++)
        b->value_path[i] = names->path[i];
}

static struct err bind_event_ref(struct run *r, struct bound_ref *b) {
    const struct name_place at = {.kind = TEXT_PROPERTY};
    struct bound_name names;
    TRY(bind_name(r, &at, b->plan->name, &names));
    read_names(b, &names);
    hash_under(b, TEXT_VALUE, &names);
    return ERR_NONE;
}

static struct err bind_user_ref(struct run *r, struct bound_ref *b) {
    const struct name_place at = {.kind = TEXT_USER_PROPERTY};
    struct bound_name names;
    TRY(bind_name(r, &at, b->plan->name, &names));
    hash_under(b, TEXT_USER_VALUE, &names);
    return load_profiles(r, b, &names, (struct id128){{0}});
}

static struct err bind_group_ref(struct run *r, struct bound_ref *b) {
    const struct name_place ids = {.kind = TEXT_PROPERTY};
    struct name_place at = {.kind = TEXT_GROUP_PROPERTY, .group = b->plan->group};
    struct bound_name names;
    TRY(bind_name(r, &ids, b->plan->group, &names));
    read_names(b, &names);
    at.group_key = seal_hash(r->w->keys, TEXT_GROUP_KEY, TEXT_STRING, STR(""), b->plan->group);
    if (!bind_may_name(r, at.group_key)) at.group_key = (struct id128){{0}};
    TRY(bind_name(r, &at, b->plan->name, &names));
    hash_under(b, TEXT_GROUP_VALUE, &names);
    for (size_t i = 0; i < b->n_values; i++) {
        b->value_path[i] = arena_printf(r->arena, STR_FMT "\x1f" STR_FMT, STR_ARG(b->plan->group),
                                        STR_ARG(names.path[i]));
        if (!b->value_path[i].p) return ERR(ERR_NOMEM, "query: paths");
    }
    if (id128_is_zero(at.group_key)) names.n = 0; /* zero stands for users */
    return load_profiles(r, b, &names, at.group_key);
}

static struct err bind_ref(struct run *r, struct bound_ref *b) {
    switch (b->plan->kind) {
    case REF_EVENT:
        return bind_event_ref(r, b);
    case REF_USER:
        return bind_user_ref(r, b);
    case REF_GROUP:
        return bind_group_ref(r, b);
    case REF_EVENT_NAME:
        b->value_kind = TEXT_EVENT;
        b->value_path[0] = STR("");
        b->n_values = 1;
        return ERR_NONE;
    case REF_TIME:
        return ERR_NONE;
    }
    return ERR_NONE;
}

static bool same_ref(const struct plan_ref *a, const struct plan_ref *b) {
    return a->kind == b->kind && str_eq(a->group, b->group) && str_eq(a->name, b->name);
}

struct err run_add_ref(struct run *r, const struct plan_ref *ref, uint32_t *out) {
    for (uint32_t i = 0; i < r->n_refs; i++) {
        if (!same_ref(r->refs[i].plan, ref)) continue;
        *out = i;
        return ERR_NONE;
    }
    struct bound_ref *refs =
        table_grow(r->arena, r->refs, &r->refs_cap, r->n_refs + 1, sizeof *refs);
    if (!refs) return ERR(ERR_NOMEM, "query: references");
    r->refs = refs;
    refs[r->n_refs] = (struct bound_ref){.plan = ref};
    TRY(bind_ref(r, &refs[r->n_refs]));
    *out = r->n_refs++;
    return ERR_NONE;
}

struct err run_add_dim(struct run *r, const struct plan_ref *ref, bool whole, uint32_t *out) {
    uint32_t i = 0;
    TRY(run_add_ref(r, ref, &i));
    struct bound_dim *dims =
        table_grow(r->arena, r->dims, &r->dims_cap, r->n_dims + 1, sizeof *dims);
    if (!dims) return ERR(ERR_NOMEM, "query: dimensions");
    r->dims = dims;
    dims[r->n_dims] = (struct bound_dim){.ref = i, .whole = whole};
    *out = r->n_dims++;
    return ERR_NONE;
}
