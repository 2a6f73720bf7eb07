/* erase_receipt.c: what is told about an erasure: counts, never an id of the person. A receipt is
 * there when all of it is done, and says what no erasure here can reach. */
#include "store/erase.h"

#include <stdio.h>

#define COLUMNS                                                                                    \
    "SELECT id, state, asked, asked_by, begun_us, done_us, rows, devices, profiles, texts, "       \
    "words, "                                                                                      \
    "parts, free_bytes FROM erasure "

static void put_number(struct jout *j, const char *key, int64_t n) {
    jout_keyz(j, key);
    jout_i64(j, n);
}

static void put_time(struct jout *j, const char *key, int64_t us) {
    char text[40];
    struct tm t;
    time_t seconds = (time_t)(us / US_PER_S);
    if (!gmtime_r(&seconds, &t) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t)) return;
    jout_keyz(j, key);
    jout_strz(j, text);
}

static void put_removed(struct jout *j, struct meta_row *row) {
    static const char *const names[] = {"events",        "device_ids", "profiles",
                                        "profile_texts", "words",      "parts_rewritten"};
    jout_keyz(j, "removed");
    jout_object(j);
    for (int i = 0; i < 6; i++)
        put_number(j, names[i], meta_i64(row, 6 + i));
    jout_object_end(j);
}

static void put_not_reached(struct jout *j, bool large_tables) {
    jout_keyz(j, "not_reached");
    jout_array(j);
    jout_strz(j, "backups and other copies of the data folder made before");
    jout_strz(j, "exports, answers and messages that have left this server");
    jout_strz(j, "what others sent about this person in their own events and profiles");
    jout_strz(j, "freed disk blocks, until the file system or the drive writes over them");
    jout_strz(j, "logs of proxies in front of this server");
    if (large_tables) jout_strz(j, "unused space inside meta.db, until it is written over");
    jout_array_end(j);
}

static void put_receipt(struct jout *j, uint64_t project, struct meta_row *row, struct str id) {
    jout_object(j);
    jout_keyz(j, "id");
    jout_str(j, id);
    put_number(j, "project", (int64_t)project);
    put_number(j, "asked", meta_i64(row, 2));
    jout_keyz(j, "by");
    jout_str(j, meta_str(row, 3));
    put_time(j, "begun", meta_i64(row, 4));
    put_time(j, "done", meta_i64(row, 5));
    put_removed(j, row);
    jout_keyz(j, "kept");
    jout_strz(j, "the keyed hash of the ids, to erase them again from a restored backup");
    put_not_reached(j, meta_i64(row, 12) != 0);
    jout_object_end(j);
}

static double progress_of(struct store *s, struct id128 id, bool done) {
    if (done) return 1;
    pthread_mutex_lock(&s->lock);
    bool now = id128_eq(s->erasing, id) && s->erase_total;
    double p = now ? (double)s->erase_done / (double)s->erase_total : 0;
    pthread_mutex_unlock(&s->lock);
    return p;
}

static void put_erasure(struct store *s, struct jout *j, uint64_t project, struct meta_row *row) {
    struct id128 id = store_id(meta_str(row, 0));
    bool done = meta_i64(row, 1) == ERASE_DONE;
    char hex[32];
    str_to_hex(id.b, sizeof id.b, hex);
    jout_object(j);
    jout_keyz(j, "erasure");
    jout_str(j, (struct str){hex, sizeof hex});
    jout_keyz(j, "state");
    jout_strz(j, done ? "done" : "running");
    jout_keyz(j, "progress");
    jout_f64(j, progress_of(s, id, done));
    jout_keyz(j, "receipt");
    if (done)
        put_receipt(j, project, row, (struct str){hex, sizeof hex});
    else
        jout_null(j);
    jout_object_end(j);
}

static struct err write_one(struct store *s, uint64_t project, struct id128 id, struct jout *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->meta, &row, COLUMNS "WHERE project = ? AND id = ?", "ib", (int64_t)project,
                   store_blob(&id)));
    if (!meta_next(row, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "erasure");
    put_erasure(s, out, project, row);
    return ERR_NONE;
}

struct err store_erasure_write(struct store *s, uint64_t project, struct str text,
                               struct jout *out) {
    struct id128 id;
    if (text.n != 32 || !str_from_hex(text, id.b, sizeof id.b)) return ERR(ERR_NOTFOUND, "erasure");
    TRY(meta_begin(s->meta));
    struct err e = write_one(s, project, id, out);
    meta_rollback(s->meta);
    return e;
}

static struct err write_all(struct store *s, uint64_t project, struct jout *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->meta, &row, COLUMNS "WHERE project = ? ORDER BY begun_us DESC LIMIT 1000",
                   "i", (int64_t)project));
    while (meta_next(row, &e))
        put_erasure(s, out, project, row);
    return e;
}

struct err store_erasures_write(struct store *s, uint64_t project, struct jout *out) {
    TRY(meta_begin(s->meta));
    jout_array(out);
    struct err e = write_all(s, project, out);
    jout_array_end(out);
    meta_rollback(s->meta);
    return e;
}
