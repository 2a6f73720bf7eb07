/* registry.c: the file that tells the front of the projects: their rows, what members decided about
 * them, and which keys may send.
 *
 * Everything comes sorted by project and is dealt out in one walk beside the projects.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/internal.h"

static void to_registry(const struct store_project *p, const uint8_t root[32],
                        struct registry_project *out) {
    *out = (struct registry_project){.id = p->id, .crowd = p->crowd, .test = p->test};
    snprintf(out->token, sizeof out->token, "%s", p->token);
    snprintf(out->timezone, sizeof out->timezone, "%s", p->timezone);
    memcpy(out->secret_hash, p->secret_hash, sizeof out->secret_hash);
    seal_keys_derive(root, p->salt, p->id, &out->keys);
    secret_wipe(out->keys.view, sizeof out->keys.view);
}

/* Grows at powers of two; what a list cannot hold is left out. */
static struct err push(struct id128_list *l, struct id128 id) {
    if (l->n >= REGISTRY_MAX_LIST) return ERR_NONE;
    if ((l->n & (l->n - 1)) == 0) {
        struct id128 *grown = realloc(l->ids, (l->n ? 2 * l->n : 1) * sizeof *grown);
        if (!grown) return ERR(ERR_NOMEM, "registry");
        l->ids = grown;
    }
    l->ids[l->n++] = id;
    return ERR_NONE;
}

/* The project of that id at or behind *at, which moves there; NULL: there is none. */
static struct registry_project *next_project(struct registry *r, size_t *at, uint64_t id) {
    while (*at < r->n_projects && r->projects[*at].id < id)
        ++*at;
    return *at < r->n_projects && r->projects[*at].id == id ? &r->projects[*at] : NULL;
}

static struct err put_senders(struct registry *r, const struct store_registry *how) {
    size_t at = 0;
    for (size_t i = 0; i < how->n_senders; i++) {
        struct registry_project *p = next_project(r, &at, how->senders[i].project);
        if (p) TRY(push(&p->senders, how->senders[i].id));
    }
    return ERR_NONE;
}

static struct err put_settings(struct meta *m, struct registry *r) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    size_t at = 0;
    TRY(meta_query(
        m, &row, "SELECT project, quota_per_minute, origins FROM project_setting ORDER BY project",
        ""));
    while (meta_next(row, &e)) {
        struct registry_project *p = next_project(r, &at, (uint64_t)meta_i64(row, 0));
        if (!p) continue;
        p->quota_per_minute = (uint32_t)meta_i64(row, 1);
        struct str origins = meta_str(row, 2);
        char *copy = origins.n ? malloc(origins.n) : NULL;
        if (origins.n && !copy) return ERR(ERR_NOMEM, "registry");
        if (copy) memcpy(copy, origins.p, origins.n);
        p->origins = (struct str){copy, origins.n};
    }
    return e;
}

static struct id128_list *list_of(struct registry_project *p, int64_t mark) {
    if (mark == MARK_MEASURE) return &p->measures;
    if (mark == MARK_TIME) return &p->times;
    return mark == MARK_IDENTITY ? &p->identities : NULL;
}

static struct err put_marks(struct meta *m, struct registry *r) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    size_t at = 0;
    TRY(meta_query(m, &row, "SELECT project, property, mark FROM mark ORDER BY project", ""));
    while (meta_next(row, &e)) {
        struct registry_project *p = next_project(r, &at, (uint64_t)meta_i64(row, 0));
        struct id128_list *list = p ? list_of(p, meta_i64(row, 2)) : NULL;
        if (list) TRY(push(list, store_id(meta_str(row, 1))));
    }
    return e;
}

static struct err put_published(struct meta *m, struct registry *r) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    size_t at = 0;
    TRY(meta_query(m, &row, "SELECT project, text FROM published ORDER BY project", ""));
    while (meta_next(row, &e)) {
        struct registry_project *p = next_project(r, &at, (uint64_t)meta_i64(row, 0));
        if (p) TRY(push(&p->published, store_id(meta_str(row, 1))));
    }
    return e;
}

static struct err put_decided(struct store *s, struct registry *r) {
    TRY(meta_begin(s->meta));
    struct err e = put_settings(s->meta, r);
    if (e.code == ERR_OK) e = put_marks(s->meta, r);
    if (e.code == ERR_OK) e = put_published(s->meta, r);
    meta_rollback(s->meta);
    return e;
}

struct err store_registry_write(struct store *s, const char *path,
                                const struct store_registry *how) {
    struct store_project *rows = NULL;
    size_t n = 0;
    AUTO(registry_free) struct registry *r = calloc(1, sizeof *r);
    if (!r) return ERR(ERR_NOMEM, "registry");
    TRY(store_projects(s, &rows, &n));
    r->generation = how->generation;
    r->team = *how->team;
    r->projects = calloc(n + 1, sizeof *r->projects);
    if (r->projects) r->n_projects = n;
    for (size_t i = 0; i < r->n_projects; i++)
        to_registry(&rows[i], how->root, &r->projects[i]);
    free(rows);
    if (!r->projects) return ERR(ERR_NOMEM, "registry");
    TRY(put_decided(s, r));
    TRY(put_senders(r, how));
    return registry_write(path, r);
}
