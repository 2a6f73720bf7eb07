/* read.c: the registry's file, read as a stranger's although console wrote it: the front has no
 * other source, and a damaged disk writes too. A project is entered into the result before its
 * lists are, so that registry_free finds all.
 */
#include <stdlib.h>

#include "registry/format.h"

/* Smallest size of a project: two words of one character and empty lists. Bounds the allocation by
 * the file. */
#define PROJECT_MIN_BYTES 141

static void take(struct cursor *c, void *out, size_t n) {
    const uint8_t *p = cursor_bytes(c, n);
    if (p) memcpy(out, p, n);
}

/* out has room for `max` characters and a NUL, and is zeroed. */
static void take_word(struct cursor *c, char *out, size_t max) {
    size_t n = cursor_u8(c);
    if (n > max) c->bad = true;
    if (!c->bad) take(c, out, n);
    if (!c->bad && strlen(out) != n) c->bad = true;
}

static struct err take_list(struct cursor *c, struct id128_list *out) {
    size_t n = cursor_u32(c);
    const uint8_t *p = n <= REGISTRY_MAX_LIST ? cursor_bytes(c, n * sizeof *out->ids) : NULL;
    if (c->bad || n > REGISTRY_MAX_LIST) return ERR(ERR_CORRUPT, "registry: a list");
    if (n == 0) return ERR_NONE;
    out->ids = calloc(n, sizeof *out->ids);
    if (!out->ids) return ERR(ERR_NOMEM, "registry");
    memcpy(out->ids, p, n * sizeof *out->ids);
    out->n = n;
    for (size_t i = 1; i < n; i++)
        if (id128_cmp(out->ids[i - 1], out->ids[i]) >= 0)
            return ERR(ERR_CORRUPT, "registry: a list's order");
    return ERR_NONE;
}

static struct err take_origins(struct cursor *c, struct str *out) {
    size_t n = cursor_u32(c);
    const uint8_t *p = n <= REGISTRY_MAX_ORIGINS_BYTES ? cursor_bytes(c, n) : NULL;
    if (c->bad || n > REGISTRY_MAX_ORIGINS_BYTES) return ERR(ERR_CORRUPT, "registry: origins");
    if (n == 0) return ERR_NONE;
    char *copy = malloc(n);
    if (!copy) return ERR(ERR_NOMEM, "registry");
    memcpy(copy, p, n);
    *out = (struct str){copy, n};
    return ERR_NONE;
}

static struct err take_project(struct cursor *c, struct registry_project *p) {
    p->id = cursor_u64(c);
    take_word(c, p->token, REGISTRY_TOKEN_BYTES);
    take(c, p->secret_hash, sizeof p->secret_hash);
    p->crowd = cursor_u32(c);
    uint8_t test = cursor_u8(c);
    p->test = test == 1;
    p->quota_per_minute = cursor_u32(c);
    take_word(c, p->timezone, sizeof p->timezone - 1);
    p->keys.project = p->id;
    take(c, p->keys.pseudonym, sizeof p->keys.pseudonym);
    take(c, p->keys.hash, sizeof p->keys.hash);
    take(c, p->keys.count, sizeof p->keys.count);
    if (c->bad || test > 1) return ERR(ERR_CORRUPT, "registry: a project");
    for (int i = 0; i < REGISTRY_LISTS; i++)
        TRY(take_list(c, registry_list(p, i)));
    TRY(take_origins(c, &p->origins));
    const char *fault = registry_project_fault(p);
    return fault ? ERR(ERR_CORRUPT, fault) : ERR_NONE;
}

static struct err take_projects(struct cursor *c, size_t n, struct registry *r) {
    if (n > REGISTRY_MAX_PROJECTS || n > c->n / PROJECT_MIN_BYTES)
        return ERR(ERR_CORRUPT, "registry: number of projects");
    r->projects = calloc(n + 1, sizeof *r->projects);
    if (!r->projects) return ERR(ERR_NOMEM, "registry");
    for (size_t i = 0; i < n; i++) {
        r->n_projects = i + 1;
        TRY(take_project(c, &r->projects[i]));
        if (i > 0 && r->projects[i - 1].id >= r->projects[i].id)
            return ERR(ERR_CORRUPT, "registry: order of projects");
    }
    return c->n == 0 ? ERR_NONE : ERR(ERR_CORRUPT, "registry: bytes behind the end");
}

/* Every token leads to its own project, so no two are alike. */
static struct err index_tokens(struct registry *r) {
    r->index = registry_index_new(r);
    if (!r->index) return ERR(ERR_NOMEM, "registry");
    for (size_t i = 0; i < r->n_projects; i++)
        if (registry_by_token(r, str_z(r->projects[i].token)) != &r->projects[i])
            return ERR(ERR_CORRUPT, "registry: two projects with one token");
    return ERR_NONE;
}

static struct err parse_into(struct cursor c, struct registry *r) {
    r->generation = cursor_u64(&c);
    take(&c, r->team.key, sizeof r->team.key);
    size_t n = cursor_u32(&c);
    if (c.bad) return ERR(ERR_CORRUPT, "registry: too short");
    r->team.id = team_key_id(r->team.key);
    if (!team_public_valid(&r->team)) return ERR(ERR_CORRUPT, "registry: the team key");
    TRY(take_projects(&c, n, r));
    return index_tokens(r);
}

struct err registry_parse(struct str content, struct registry **out) {
    if (content.n < 16) return ERR(ERR_CORRUPT, "registry: too short");
    struct cursor end = {.p = (const uint8_t *)content.p + content.n - 8, .n = 8};
    if (cursor_u64(&end) != checksum64(content.p, content.n - 8))
        return ERR(ERR_CORRUPT, "registry: checksum");
    if (memcmp(content.p, REGISTRY_MAGIC, 8) != 0)
        return ERR(ERR_CORRUPT, "registry: not of this version");
    AUTO(registry_free) struct registry *r = calloc(1, sizeof *r);
    if (!r) return ERR(ERR_NOMEM, "registry");
    struct cursor body = {.p = (const uint8_t *)content.p + 8, .n = content.n - 16};
    TRY(parse_into(body, r));
    *out = r;
    r = NULL;
    return ERR_NONE;
}

struct err registry_read(const char *path, struct registry **out) {
    __attribute__((cleanup(buf_wipe_done))) struct buf b;
    buf_init(&b, REGISTRY_MAX_FILE_BYTES + 1);
    struct err e = io_read_file(path, REGISTRY_MAX_FILE_BYTES, &b);
    if (e.code == ERR_LIMIT) return ERR(ERR_CORRUPT, "registry: file too long");
    TRY(e);
    return registry_parse(buf_str(&b), out);
}
