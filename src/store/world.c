/* world.c: everything that one question may look at, held still: referenced parts, the identity
 * array, and look-ups. */
#include <stdlib.h>

#include "store/internal.h"
#include "store/world.h"

static struct err hold_list(struct store_world *w, const struct part_list *l) {
    TRY(part_list_reserve(&w->parts, l->n));
    for (size_t i = 0; i < l->n; i++)
        w->parts.parts[w->parts.n++] = part_ref(l->parts[i]);
    return ERR_NONE;
}

static struct err hold(struct store *s, struct store_world *w, uint64_t project) {
    w->project = store_find(s, project);
    if (!w->project) return ERR(ERR_NOTFOUND, "project");
    TRY(hold_list(w, &w->project->disk));
    TRY(hold_list(w, &w->project->frozen));
    TRY(hold_list(w, &w->project->tail));
    return aliases_sorted(w->project->aliases, &w->aliases);
}

static struct str word(void *ctx, struct id128 hash) {
    struct project *p = ((struct store_world *)ctx)->project;
    pthread_rwlock_rdlock(&p->words_lock);
    struct str text = words_get(p->words, hash);
    pthread_rwlock_unlock(&p->words_lock);
    return text;
}

/* Looks in part `*where` first, and says in which it was found. */
static bool find_sealed(const struct store_world *w, struct id128 hash, size_t *where,
                        struct store_sealed *out) {
    for (size_t k = 0; k < w->parts.n; k++) {
        struct part_sealed found;
        size_t i = (k + *where) % w->parts.n;
        if (!part_sealed(w->parts.parts[i], hash, &found)) continue;
        *where = i;
        out->text = found.text;
        out->path_hash = found.path_hash;
        memcpy(out->box, found.box, SEAL_BOX_BYTES);
        return true;
    }
    return false;
}

bool store_world_sealed(const struct store_world *w, struct id128 hash, struct arena *a,
                        struct store_sealed *out) {
    size_t where = 0;
    return find_sealed(w, hash, &where, out) || profile_sealed(w, hash, a, out);
}

/* Where the frame's key is or goes: a frame has one place, and the next one with the same place
 * takes it. */
static struct world_frame_key *frame_key_of(struct store_world *w, struct id128 frame) {
    uint32_t at;
    if (!w->frame_keys) w->frame_keys = calloc(WORLD_FRAME_KEYS, sizeof *w->frame_keys);
    memcpy(&at, frame.b, sizeof at);
    return w->frame_keys ? &w->frame_keys[at % WORLD_FRAME_KEYS] : NULL;
}

static bool frame_key(struct store_world *w, const struct store_sealed *s,
                      const uint8_t **out_key) {
    struct world_frame_key *k = frame_key_of(w, s->text.frame);
    if (!k) return false;
    *out_key = k->key;
    if (k->is_set && id128_eq(k->frame, s->text.frame)) return true;
    k->is_set =
        seal_open_box(s->box, &w->secret, w->query.project, s->text.frame, k->key).code == ERR_OK;
    k->frame = s->text.frame;
    return k->is_set;
}

static bool open_text(void *ctx, struct id128 hash, struct arena *a, struct str *out) {
    struct store_world *w = ctx;
    struct store_sealed sealed;
    const uint8_t *key;
    if (!find_sealed(w, hash, &w->sealed_in, &sealed) && !profile_sealed(w, hash, a, &sealed))
        return false;
    uint8_t *clear = arena_alloc(a, sealed.text.ciphertext.n + 1);
    size_t n = 0;
    if (!clear || !frame_key(w, &sealed, &key) ||
        seal_open_text(key, w->query.project, &sealed.text, clear, &n).code != ERR_OK)
        return false;
    *out = (struct str){(char *)clear, n};
    return true;
}

static void fill(struct store_world *w) {
    const struct project *p = w->project;
    w->query = (struct query_world){.project = p->row.id,
                                    .parts = w->parts.parts,
                                    .n_parts = w->parts.n,
                                    .keys = &w->keys,
                                    .zone = p->zone,
                                    .now_us = time_now_us(),
                                    .oldest_us = retire_before(p, time_now_us()),
                                    .aliases = w->aliases->all,
                                    .n_aliases = w->aliases->n,
                                    .word = word,
                                    .open = w->has_secret ? open_text : NULL,
                                    .words_ctx = w,
                                    .profiles = profile_source(w)};
}

struct err store_world_open(struct store *s, uint64_t project, const uint8_t root[32],
                            const struct team_secret *secret_or_null, struct store_world **out) {
    AUTO(store_world_free) struct store_world *w = calloc(1, sizeof *w);
    if (!w) return ERR(ERR_NOMEM, "world");
    w->meta = s->meta;
    if (secret_or_null) {
        w->secret = *secret_or_null;
        w->has_secret = true;
    }
    pthread_mutex_lock(&s->lock);
    struct err e = hold(s, w, project);
    pthread_mutex_unlock(&s->lock);
    TRY(e);
    seal_keys_derive(root, w->project->row.salt, project, &w->keys);
    fill(w);
    *out = w;
    w = NULL;
    return ERR_NONE;
}

const struct query_world *store_world_query(const struct store_world *w) {
    return &w->query;
}

void store_world_free(struct store_world *w) {
    if (!w) return;
    part_list_done(&w->parts);
    alias_array_unref(w->aliases);
    free(w->handles);
    if (w->frame_keys) secret_wipe(w->frame_keys, WORLD_FRAME_KEYS * sizeof *w->frame_keys);
    free(w->frame_keys);
    secret_wipe(w, sizeof *w);
    free(w);
}

/* ---- handles back to hashes: a table of all sealed texts of the world, made at the first call
 * ---- */

static int by_handle(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id128));
}

struct handle_sink {
    struct store_world *w;
    size_t cap;
    bool failed;
};

static void add_handle(void *ctx, struct id128 hash) {
    struct handle_sink *k = ctx;
    struct store_world *w = k->w;
    if (w->n_handles == k->cap) {
        size_t cap = k->cap ? k->cap * 2 : 1024;
        struct world_handle *grown = realloc(w->handles, cap * sizeof *grown);
        if (!grown) {
            k->failed = true;
            return;
        }
        w->handles = grown;
        k->cap = cap;
    }
    w->handles[w->n_handles++] =
        (struct world_handle){seal_handle(&w->keys, HANDLE_TEXT, hash), hash};
}

static bool make_handles(struct store_world *w) {
    struct handle_sink sink = {.w = w};
    for (size_t i = 0; i < w->parts.n; i++) {
        struct part_sealed text;
        for (size_t at = 0; part_sealed_next(w->parts.parts[i], &at, &text) && !sink.failed;)
            add_handle(&sink, text.text.hash);
    }
    profile_sealed_each(w, add_handle, &sink);
    if (sink.failed) return false;
    if (w->n_handles) qsort(w->handles, w->n_handles, sizeof *w->handles, by_handle);
    w->has_handles = true;
    return true;
}

bool store_world_by_handle(const struct store_world *cw, struct id128 handle,
                           struct id128 *out_hash) {
    struct store_world *w =
        (struct store_world *)cw; /* the table is a cache; a world has one user */
    if (!w->has_handles && !make_handles(w)) return false;
    struct world_handle *found =
        w->n_handles ? bsearch(&handle, w->handles, w->n_handles, sizeof *w->handles, by_handle)
                     : NULL;
    if (found) *out_hash = found->hash;
    return found != NULL;
}
