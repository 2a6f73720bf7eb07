/* write.c: the registry's file, written whole and renamed into place. It holds keys, hence mode
 * 0600 and wiped memory. */
#include <stdlib.h>

#include "registry/format.h"

static int compare_ids(const void *a, const void *b) {
    return memcmp(a, b, 16);
}

/* Sorted and without doubles, in the buffer itself. */
static void put_list(struct buf *b, const struct id128_list *l) {
    size_t count_at = b->n, kept = 0;
    buf_put_u32(b, 0);
    size_t ids_at = b->n;
    buf_put(b, l->ids, l->n * sizeof *l->ids);
    if (buf_err(b).code != ERR_OK) return;
    struct id128 *ids = (struct id128 *)(b->p + ids_at);
    qsort(ids, l->n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < l->n; i++)
        if (kept == 0 || !id128_eq(ids[kept - 1], ids[i])) ids[kept++] = ids[i];
    uint32_t n = (uint32_t)kept;
    memcpy(b->p + count_at, &n, 4);
    b->n = ids_at + kept * sizeof *ids;
}

static void put_word(struct buf *b, const char *z) {
    size_t n = strlen(z);
    buf_put_u8(b, (uint8_t)n);
    buf_put(b, z, n);
}

static void put_project(struct buf *b, const struct registry_project *p) {
    buf_put_u64(b, p->id);
    put_word(b, p->token);
    buf_put(b, p->secret_hash, sizeof p->secret_hash);
    buf_put_u32(b, p->crowd);
    buf_put_u8(b, p->test);
    buf_put_u32(b, p->quota_per_minute);
    put_word(b, p->timezone);
    buf_put(b, p->keys.pseudonym, sizeof p->keys.pseudonym);
    buf_put(b, p->keys.hash, sizeof p->keys.hash);
    buf_put(b, p->keys.count, sizeof p->keys.count);
    put_list(b, &p->published);
    put_list(b, &p->measures);
    put_list(b, &p->times);
    put_list(b, &p->identities);
    put_list(b, &p->senders);
    buf_put_u32(b, (uint32_t)p->origins.n);
    buf_put(b, p->origins.p, p->origins.n);
}

static int compare_tokens(const void *a, const void *b) {
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Two projects with one token: the reader would refuse the whole file. */
static struct err tokens_are_unlike(const struct registry *r) {
    const char **tokens = calloc(r->n_projects + 1, sizeof *tokens);
    if (!tokens) return ERR(ERR_NOMEM, "registry");
    for (size_t i = 0; i < r->n_projects; i++)
        tokens[i] = r->projects[i].token;
    qsort(tokens, r->n_projects, sizeof *tokens, compare_tokens);
    bool unlike = true;
    for (size_t i = 1; i < r->n_projects; i++)
        unlike = unlike && strcmp(tokens[i - 1], tokens[i]) != 0;
    free(tokens);
    return unlike ? ERR_NONE : ERR(ERR_INVALID, "registry: two projects with one token");
}

static struct err check(const struct registry *r) {
    if (r->n_projects > REGISTRY_MAX_PROJECTS)
        return ERR(ERR_INVALID, "registry: too many projects");
    if (!team_public_valid(&r->team)) return ERR(ERR_INVALID, "registry: the team key");
    for (size_t i = 0; i < r->n_projects; i++) {
        const char *fault = registry_project_fault(&r->projects[i]);
        if (fault) return ERR(ERR_INVALID, fault);
        if (i > 0 && r->projects[i - 1].id >= r->projects[i].id)
            return ERR(ERR_INVALID, "registry: projects are not sorted by id");
    }
    return tokens_are_unlike(r);
}

struct err registry_write(const char *path, const struct registry *r) {
    TRY(check(r));
    __attribute__((cleanup(buf_wipe_done))) struct buf b;
    buf_init(&b, REGISTRY_MAX_FILE_BYTES);
    buf_put(&b, REGISTRY_MAGIC, 8);
    buf_put_u64(&b, r->generation);
    buf_put(&b, r->team.key, sizeof r->team.key);
    buf_put_u32(&b, (uint32_t)r->n_projects);
    for (size_t i = 0; i < r->n_projects; i++)
        put_project(&b, &r->projects[i]);
    buf_put_u64(&b, checksum64(b.p, b.n));
    TRY(buf_err(&b));
    return io_replace_file(path, buf_str(&b), 0600);
}
