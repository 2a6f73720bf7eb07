/* agent.c: agents: who they are, and what each is given at the public door.
 *
 * A file per agent below front/status/agents, named by the hash of its key, so that the front finds
 * it by the key that is shown and needs no list: "weir-agent 1", the whole hash, the place's
 * number, the page's project, then the list of monitors as JSON. The key itself is nowhere.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "monitor/inside.h"

#define FILE_BYTES ((size_t)16 << 20)

const char *const monitors_agent_steps[1] = {
    "CREATE TABLE monitor_agent(number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL "
    "UNIQUE, key_hash BLOB NOT NULL, created_us INTEGER NOT NULL);"};

static struct err read_agents(struct monitors *m, struct agent *out, size_t *out_n) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e;
    TRY(meta_query(m->config.meta, &row,
                   "SELECT number, name, key_hash, created_us FROM monitor_agent ORDER BY number",
                   ""));
    while (*out_n < MONITOR_PLACES_MAX - 1 && meta_next(row, &e)) {
        struct agent *a = &out[(*out_n)++];
        struct str name = meta_str(row, 1);
        *a = (struct agent){.number = (uint32_t)meta_i64(row, 0), .created_us = meta_i64(row, 3)};
        (void)snprintf(a->name, sizeof a->name, STR_FMT, STR_ARG(name));
        struct str hash = meta_str(row, 2);
        if (hash.n == sizeof a->key_hash) memcpy(a->key_hash, hash.p, hash.n);
    }
    return ERR_NONE;
}

struct err monitors_load_agents(struct monitors *m) {
    struct agent agents[MONITOR_PLACES_MAX - 1];
    size_t n = 0;
    TRY(meta_begin(m->config.meta));
    struct err e = read_agents(m, agents, &n);
    meta_rollback(m->config.meta);
    TRY(e);
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m->n_agents; k++)
            if (m->agents[k].number == agents[i].number) agents[i].seen_us = m->agents[k].seen_us;
    memcpy(m->agents, agents, n * sizeof *agents);
    m->n_agents = n;
    pthread_mutex_unlock(&m->lock);
    return ERR_NONE;
}

/* ---- files ---- */

static void file_name(const struct agent *a, char out[33]) {
    str_to_hex(a->key_hash, 16, out);
    out[32] = 0;
}

static void put_file(struct monitors *m, const struct agent *a, struct buf *b) {
    struct jout j;
    buf_printf(b, "weir-agent 1\n");
    buf_put_hex(b, a->key_hash, sizeof a->key_hash);
    buf_printf(b, "\n%u\n%" PRIu64 "\n", a->number, m->project);
    jout_init(&j, b);
    jout_object(&j);
    jout_keyz(&j, "place");
    jout_i64(&j, a->number);
    jout_keyz(&j, "monitors");
    jout_array(&j);
    for (size_t i = 0; i < m->n; i++) {
        if (!monitors_runs_at(&m->list[i], a->number)) continue;
        struct share s = monitors_share(m, &m->list[i], a->number);
        monitors_put_config(&j, &m->list[i], &s);
    }
    jout_array_end(&j);
    jout_object_end(&j);
}

/* Files of agents that are gone go too: their keys open nothing from then on. */
static void remove_others(struct monitors *m, const char *folder) {
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *f; (f = readdir(d));) {
        bool known = f->d_name[0] == '.';
        for (size_t i = 0; i < m->n_agents; i++) {
            char name[33];
            file_name(&m->agents[i], name);
            known |= strcmp(f->d_name, name) == 0;
        }
        char path[4400];
        if (known) continue;
        path_join(path, sizeof path, folder, f->d_name);
        (void)unlink(path);
    }
    closedir(d);
}

void monitors_write_agents(struct monitors *m) {
    char folder[4200], path[4400], name[33];
    path_join(folder, sizeof folder, m->config.front_folder, "status/agents");
    if (m->n_agents == 0 && access(folder, F_OK) != 0) return;
    struct err e = io_make_folder(folder, 0700);
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->n_agents && e.code == ERR_OK; i++) {
        AUTO(buf_done) struct buf b = {0};
        buf_init(&b, FILE_BYTES);
        file_name(&m->agents[i], name);
        path_join(path, sizeof path, folder, name);
        put_file(m, &m->agents[i], &b);
        e = buf_err(&b);
        if (e.code == ERR_OK) e = io_replace_file(path, buf_str(&b), 0600);
    }
    remove_others(m, folder);
    pthread_mutex_unlock(&m->lock);
    if (e.code != ERR_OK) log_failure("writing an agent's list", e);
}

/* ---- editing ---- */

static bool is_name(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127) return false;
    return s.n >= 1 && s.n <= 40 && str_utf8_prefix(s) == s.n && !str_is(s, "local");
}

static struct err reload(struct monitors *m) {
    TRY(monitors_load_agents(m));
    TRY(monitors_load(m));
    monitors_write_agents(m); /* a key that ended opens nothing when this returns */
    return ERR_NONE;
}

static struct err insert(struct monitors *m, struct str name, const uint8_t hash[32],
                         uint32_t *out) {
    struct meta *db = m->config.meta;
    TRY(meta_begin(db));
    struct err e =
        meta_exec(db, "INSERT INTO monitor_agent(name, key_hash, created_us) VALUES(?, ?, ?)",
                  "sbi", name, (struct str){(const char *)hash, 32}, time_now_us());
    if (e.code == ERR_OK) {
        *out = (uint32_t)meta_last_id(db);
        return meta_commit(db);
    }
    meta_rollback(db);
    return e;
}

struct err monitors_agent_create(struct monitors *m, struct str name, uint32_t *out_number,
                                 char out_key[MONITOR_SECRET_BYTES]) {
    uint8_t hash[SEAL_SECRET_HASH_BYTES];
    if (!is_name(name)) return ERR(ERR_INVALID, "name: 1 to 40 bytes on one line, not \"local\"");
    (void)snprintf(out_key, MONITOR_SECRET_BYTES, "wa_");
    random_word(out_key + 3, 32);
    seal_secret_hash(str_z(out_key), hash);
    pthread_mutex_lock(&m->editing);
    struct err e = m->n_agents == MONITOR_PLACES_MAX - 1 ? ERR(ERR_LIMIT, "15 agents at most")
                                                         : insert(m, name, hash, out_number);
    if (e.code == ERR_OK) e = reload(m);
    pthread_mutex_unlock(&m->editing);
    return e;
}

struct err monitors_agent_drop(struct monitors *m, uint32_t number) {
    struct meta *db = m->config.meta;
    pthread_mutex_lock(&m->editing);
    struct err e = meta_begin(db);
    if (e.code == ERR_OK) {
        e = meta_exec(db, "DELETE FROM monitor_agent WHERE number = ?", "i", (int64_t)number);
        if (e.code == ERR_OK && meta_changes(db) == 0) e = ERR(ERR_NOTFOUND, "agent");
        if (e.code == ERR_OK)
            e = meta_commit(db);
        else
            meta_rollback(db);
    }
    if (e.code == ERR_OK) e = reload(m);
    pthread_mutex_unlock(&m->editing);
    return e;
}
