/* bind_names.c: the names of properties to the hashes that parts and profiles know them by, and who
 * may use which name.
 *
 * Intake writes a property's path with its keys joined by '.', and a '.' inside a key as "\.". A
 * question says "a.b" for both, so a name has several ways to be read; a row has a value under at
 * most one in practice, and the first that has one counts.
 *
 * A name is text under the crowd rule like a value: one that no crowd has sent can be somebody's
 * address. So a clear name that is not readable is dropped before anything is looked up, unless the
 * asker may reveal: the answer, its time and its scanned bytes are those of a property that nobody
 * has. Who may reveal has used a clear literal, whether or not the name is there. Everybody may use
 * the handle that answers show.
 */
#include "query/run.h"

/* ---- readings ---- */

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

static struct err read_paths(struct arena *a, struct str name, struct str *out, size_t *out_n) {
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

/* ---- the gate ---- */

bool bind_may_name(struct run *r, struct id128 name) {
    if (r->w->word(r->w->words_ctx, name).p) return true;
    r->used_literal |= r->rights->may_reveal;
    return r->rights->may_reveal;
}

/* ---- handles ---- */

struct search {
    const struct run *run;
    struct id128 handle;
    struct table seen; /* names looked at: profiles share few */
    struct bound_name *out;
    bool out_of_memory;
};

static bool is_it(struct search *s, struct id128 name) {
    if (!id128_eq(seal_handle(s->run->w->keys, HANDLE_TEXT, name), s->handle)) return false;
    s->out->name[s->out->n++] = name;
    return true;
}

static void search_parts(struct search *s) {
    for (size_t i = 0; i < s->run->w->n_parts; i++) {
        const struct part *p = s->run->w->parts[i];
        for (size_t c = 0; c < part_info(p)->n_columns; c++)
            if (is_it(s, part_column(p, (int)c)->property)) return;
    }
}

static bool search_profile(void *ctx, const struct query_profile *p) {
    struct search *s = ctx;
    for (size_t i = 0; i < p->n_props; i++) {
        bool is_new = false;
        if (table_put(&s->seen, &p->props[i].name, &is_new) == TABLE_NONE) {
            s->out_of_memory = true;
            return false;
        }
        if (is_new && is_it(s, p->props[i].name)) return false;
    }
    return true;
}

static struct err by_handle(struct run *r, const struct name_place *at, struct id128 handle,
                            struct bound_name *out) {
    struct search s = {.run = r, .handle = handle, .out = out};
    const struct query_walk how = {.groups = at->kind == TEXT_GROUP_PROPERTY,
                                   .group_key = at->group_key,
                                   .each = search_profile,
                                   .ctx = &s};
    out->by_handle = true;
    if (at->kind == TEXT_PROPERTY) search_parts(&s);
    if (at->kind != TEXT_USER_PROPERTY && at->kind != TEXT_GROUP_PROPERTY) return ERR_NONE;
    if (!r->w->profiles.walk) return ERR_NONE;
    table_init(&s.seen, r->arena, sizeof(struct id128));
    TRY(r->w->profiles.walk(r->w->profiles.ctx, &how));
    return s.out_of_memory ? ERR(ERR_NOMEM, "query: names") : ERR_NONE;
}

/* ---- names ---- */

struct err bind_name(struct run *r, const struct name_place *at, struct str name,
                     struct bound_name *out) {
    struct id128 handle;
    struct str paths[REF_MAX_VARIANTS];
    size_t n = 0;
    *out = (struct bound_name){0};
    if (plan_handle_read(name, &handle)) return by_handle(r, at, handle, out);
    TRY(read_paths(r->arena, name, paths, &n));
    for (size_t i = 0; i < n; i++) {
        struct id128 h = seal_hash(r->w->keys, at->kind, TEXT_STRING, at->group, paths[i]);
        if (!bind_may_name(r, h)) continue;
        out->name[out->n] = h;
        out->path[out->n++] = paths[i];
    }
    return ERR_NONE;
}
