/* load.c: what is on disk -> what is in memory, at start. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/internal.h"

void store_part_path(const struct store *s, int64_t part_id, char out[4200]) {
    snprintf(out, 4200, "%s/parts/%012lld.part", s->folder, (long long)part_id);
}

int64_t store_part_id(const struct part *part) {
    const char *name = strrchr(part_path(part), '/');
    return name ? atoll(name + 1) : 0;
}

int64_t store_part_next(struct store *s) {
    pthread_mutex_lock(&s->lock);
    int64_t id = s->next_part++;
    pthread_mutex_unlock(&s->lock);
    return id;
}

struct project *store_find(struct store *s, uint64_t id) {
    for (size_t i = 0; i < s->n_projects; i++)
        if (s->projects[i]->row.id == id) return s->projects[i];
    return NULL;
}

struct project *store_at(struct store *s, size_t i) {
    pthread_mutex_lock(&s->lock);
    struct project *p = i < s->n_projects ? s->projects[i] : NULL;
    pthread_mutex_unlock(&s->lock);
    return p;
}

void store_project_free(struct project *p) {
    if (!p) return;
    zone_free(p->zone);
    part_list_done(&p->disk);
    part_list_done(&p->frozen);
    part_list_done(&p->tail);
    part_builder_free(p->builder);
    part_unref(p->fresh);
    words_free(p->words);
    aliases_free(p->aliases);
    pthread_rwlock_destroy(&p->words_lock);
    secret_wipe(&p->row, sizeof p->row);
    free(p);
}

static struct err project_make(const struct store_project *row, struct project **out) {
    struct project *p = calloc(1, sizeof *p);
    if (!p) return ERR(ERR_NOMEM, "project");
    pthread_rwlock_init(&p->words_lock, NULL);
    p->row = *row;
    p->words = words_new();
    p->aliases = aliases_new();
    struct err e = zone_open(str_z(row->timezone), &p->zone);
    if (e.code == ERR_OK && (!p->words || !p->aliases)) e = ERR(ERR_NOMEM, "project");
    if (e.code == ERR_OK)
        *out = p;
    else
        store_project_free(p);
    return e;
}

struct err store_project_add(struct store *s, const struct store_project *row,
                             struct project **out) {
    struct project *p = NULL;
    TRY(project_make(row, &p));
    pthread_mutex_lock(&s->lock);
    struct project **grown = realloc(s->projects, (s->n_projects + 1) * sizeof *grown);
    if (grown) {
        s->projects = grown;
        s->projects[s->n_projects++] = p;
    }
    pthread_mutex_unlock(&s->lock);
    if (!grown) {
        store_project_free(p);
        return ERR(ERR_NOMEM, "project");
    }
    if (out) *out = p;
    return ERR_NONE;
}

static struct err load_projects(struct store *s) {
    struct store_project *rows = NULL;
    size_t n = 0;
    TRY(store_projects(s, &rows, &n));
    struct err e = ERR_NONE;
    for (size_t i = 0; i < n && e.code == ERR_OK; i++)
        e = store_project_add(s, &rows[i], NULL);
    free(rows);
    return e;
}

struct id128 store_id(struct str blob) {
    struct id128 id = {{0}};
    if (blob.n == sizeof id) memcpy(&id, blob.p, sizeof id);
    return id;
}

static struct err load_words(struct store *s) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(s->meta, &row, "SELECT project, hash, kind, type, text FROM word", ""));
    struct err e = ERR_NONE;
    while (meta_next(row, &e)) {
        struct project *p = store_find(s, (uint64_t)meta_i64(row, 0));
        if (!p) continue;
        TRY(words_add(p->words, store_id(meta_str(row, 1)), (uint8_t)meta_i64(row, 2),
                      (uint8_t)meta_i64(row, 3), meta_str(row, 4)));
        atomic_store(&p->crowd_dirty, true); /* the set may be older than these */
    }
    return e;
}

static struct err load_aliases(struct store *s) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(s->meta, &row, "SELECT project, device, person FROM alias", ""));
    struct err e = ERR_NONE;
    while (meta_next(row, &e)) {
        struct project *p = store_find(s, (uint64_t)meta_i64(row, 0));
        if (p) TRY(aliases_add(p->aliases, store_id(meta_str(row, 1)), store_id(meta_str(row, 2))));
    }
    return e;
}

static struct err load_parts(struct store *s) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(s->meta, &row, "SELECT id, project FROM part ORDER BY project, seq_lo, id", ""));
    struct err e = ERR_NONE;
    s->next_part = 1;
    while (meta_next(row, &e)) {
        if (meta_i64(row, 0) >= s->next_part) s->next_part = meta_i64(row, 0) + 1;
        struct project *p = store_find(s, (uint64_t)meta_i64(row, 1));
        if (!p) continue;
        char path[4200];
        store_part_path(s, meta_i64(row, 0), path);
        AUTO(part_unref) struct part *part = NULL;
        TRY(part_open(path, &part));
        TRY(part_list_push(&p->disk, part));
        part = NULL;
    }
    return e;
}

static struct err part_is_listed(struct store *s, const char *name, bool *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(s->meta, &row, "SELECT 1 FROM part WHERE id = ?", "i", (int64_t)atoll(name)));
    struct err e = ERR_NONE;
    *out = meta_next(row, &e);
    return e;
}

void store_part_remove(struct store *s, const struct part *part) {
    const char *name = strrchr(part_path(part), '/');
    bool listed = true;
    if (!name || meta_begin(s->meta).code != ERR_OK) return;
    struct err e = part_is_listed(s, name + 1, &listed);
    meta_rollback(s->meta);
    if (e.code == ERR_OK && !listed) (void)unlink(part_path(part));
}

/* Files that no row names are what a crash left of an unfinished flush or merge. */
static struct err remove_strays(struct store *s) {
    char folder[4200];
    snprintf(folder, sizeof folder, "%s/parts", s->folder);
    DIR *d = opendir(folder);
    if (!d) return err_os("parts folder");
    struct err e = ERR_NONE;
    for (struct dirent *f = readdir(d); f && e.code == ERR_OK; f = readdir(d)) {
        if (f->d_name[0] == '.') continue;
        bool listed = false;
        e = part_is_listed(s, f->d_name, &listed);
        if (e.code == ERR_OK && !listed) unlinkat(dirfd(d), f->d_name, 0);
    }
    closedir(d);
    return e;
}

struct err store_load(struct store *s) {
    char folder[4200];
    snprintf(folder, sizeof folder, "%s/parts", s->folder);
    TRY(io_make_folder(folder, 0700));
    TRY(load_projects(s));
    TRY(meta_begin(s->meta));
    struct err e = store_position_get(s->meta, "applied", &s->applied);
    if (e.code == ERR_OK) e = store_position_get(s->meta, "parts", &s->covered);
    uint64_t hold_at = 0;
    if (e.code == ERR_OK) e = erase_hold_at(s, &hold_at);
    atomic_store(&s->hold_at, hold_at);
    if (e.code == ERR_OK) e = retire_load(s);
    if (e.code == ERR_OK) e = load_words(s);
    if (e.code == ERR_OK) e = load_aliases(s);
    if (e.code == ERR_OK) e = load_parts(s);
    if (e.code == ERR_OK) e = remove_strays(s);
    meta_rollback(s->meta);
    s->visible = s->covered;
    if (s->applied < s->covered) s->applied = s->covered;
    return e;
}
