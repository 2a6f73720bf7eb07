/* bind_refs.c: the names of properties to the hashes that parts and profiles know them by.
 *
 * Intake writes a property's path with its keys joined by '.', and a '.' inside a key as "\.". A
 * question says "a.b" for both, so a name has several ways to be read; a row has a value under at
 * most one in practice, and the first that has one counts.
 */
#include "query/run.h"

/* One reading: dot number i is literal where bit i of `literal` is set; backslashes are of the key
 * unless `raw`. */
static struct str one_path(struct arena *a, struct str name, uint32_t literal, bool raw) {
    char *p = arena_alloc(a, name.n * 2 + 1);
    if (!p) return (struct str){0};
    size_t n = 0;
    uint32_t dot = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (!raw &&
            (name.p[i] == '\\' || (name.p[i] == '.' && (literal >> (dot < 31 ? dot : 31) & 1))))
            p[n++] = '\\';
        if (name.p[i] == '.') dot++;
        p[n++] = name.p[i];
    }
    return (struct str){p, n};
}

struct err bind_paths(struct arena *a, struct str name, struct str *out, size_t *out_n) {
    size_t dots = 0, slashes = 0, n = 0;
    for (size_t i = 0; i < name.n; i++) {
        dots += name.p[i] == '.';
        slashes += name.p[i] == '\\';
    }
    bool every = dots <= 3;
    uint32_t ways = every ? 1u << dots : 2;
    for (uint32_t i = 0; i < ways; i++)
        out[n++] = one_path(a, name, every ? i : i ? UINT32_MAX : 0, false);
    if (slashes) out[n++] = one_path(a, name, 0, true);
    for (size_t i = 0; i < n; i++) {
        if (!out[i].p) return ERR(ERR_NOMEM, "query: paths");
    }
    *out_n = n;
    return ERR_NONE;
}

static struct id128 hash_of(const struct run *r, enum text_kind kind, struct str path,
                            struct str value) {
    return seal_hash(r->w->keys, kind, TEXT_STRING, path, value);
}

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

static struct err load_profiles(struct run *r, struct bound_ref *b, const struct str *names,
                                size_t n) {
    const struct query_profiles *p = &r->w->profiles;
    struct profile_map *m = arena_alloc(r->arena, sizeof *m);
    if (!m) return ERR(ERR_NOMEM, "query: profiles");
    table_init(&m->owners, r->arena, sizeof(struct id128));
    m->arena = r->arena;
    b->profiles = m;
    bool groups = b->plan->kind == REF_GROUP;
    struct id128 key =
        groups ? hash_of(r, TEXT_GROUP_KEY, STR(""), b->plan->group) : (struct id128){0};
    for (size_t i = 0; i < n && p->column; i++) {
        struct id128 property = groups ? hash_of(r, TEXT_GROUP_PROPERTY, b->plan->group, names[i])
                                       : hash_of(r, TEXT_USER_PROPERTY, STR(""), names[i]);
        const struct query_column how = {groups, key, property, keep_value, m};
        TRY(p->column(p->ctx, &how));
    }
    return m->out_of_memory ? ERR(ERR_NOMEM, "query: profiles") : ERR_NONE;
}

const struct part_value *bind_profile(const struct bound_ref *ref, struct id128 owner) {
    uint32_t i = table_find(&ref->profiles->owners, &owner);
    return i == TABLE_NONE ? NULL : &ref->profiles->values[i];
}

/* ---- references ---- */

static struct err bind_event_ref(struct run *r, struct bound_ref *b) {
    TRY(bind_paths(r->arena, b->plan->name, b->path, &b->n));
    b->value_kind = TEXT_VALUE;
    b->n_values = b->n;
    for (size_t i = 0; i < b->n; i++) {
        b->name[i] = hash_of(r, TEXT_PROPERTY, STR(""), b->path[i]);
        b->value_path[i] = b->path[i];
    }
    return ERR_NONE;
}

static struct err bind_user_ref(struct run *r, struct bound_ref *b) {
    b->value_kind = TEXT_USER_VALUE;
    TRY(bind_paths(r->arena, b->plan->name, b->value_path, &b->n_values));
    return load_profiles(r, b, b->value_path, b->n_values);
}

/* Reads the event property that is the group key; its values are the ids of profiles. */
static struct err bind_group_ref(struct run *r, struct bound_ref *b) {
    struct str names[REF_MAX_VARIANTS];
    TRY(bind_paths(r->arena, b->plan->group, b->path, &b->n));
    for (size_t i = 0; i < b->n; i++)
        b->name[i] = hash_of(r, TEXT_PROPERTY, STR(""), b->path[i]);
    TRY(bind_paths(r->arena, b->plan->name, names, &b->n_values));
    b->value_kind = TEXT_GROUP_VALUE;
    for (size_t i = 0; i < b->n_values; i++) {
        b->value_path[i] = arena_printf(r->arena, STR_FMT "\x1f" STR_FMT, STR_ARG(b->plan->group),
                                        STR_ARG(names[i]));
        if (!b->value_path[i].p) return ERR(ERR_NOMEM, "query: paths");
    }
    return load_profiles(r, b, names, b->n_values);
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
