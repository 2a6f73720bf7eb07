/* schema.c: the tables of the store.
 *
 * `position` has two rows: `applied` (words, profiles and identities hold every frame below it) and
 * `parts` (so do the part files). A profile operation and the position that covers it change in one
 * transaction, so each is applied once.
 */
#include "store/internal.h"

static const char *const steps[] = {
    "CREATE TABLE position(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE project(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, token TEXT NOT "
    "NULL UNIQUE,"
    "  timezone TEXT NOT NULL, secret_hash BLOB NOT NULL, salt BLOB NOT NULL, crowd INTEGER NOT "
    "NULL,"
    "  test INTEGER NOT NULL, created_us INTEGER NOT NULL);"
    "CREATE TABLE part(id INTEGER PRIMARY KEY AUTOINCREMENT, project INTEGER NOT NULL,"
    "  seq_lo INTEGER NOT NULL, seq_hi INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT "
    "NULL);"
    "CREATE TABLE word(project INTEGER NOT NULL, hash BLOB NOT NULL, kind INTEGER NOT NULL, type "
    "INTEGER NOT NULL,"
    "  text BLOB NOT NULL, PRIMARY KEY(project, hash)) WITHOUT ROWID;"
    "CREATE TABLE alias(project INTEGER NOT NULL, device BLOB NOT NULL, person BLOB NOT NULL,"
    "  PRIMARY KEY(project, device)) WITHOUT ROWID;"
    "CREATE TABLE profile(project INTEGER NOT NULL, group_key BLOB NOT NULL, owner BLOB NOT NULL, "
    "id BLOB NOT NULL,"
    "  doc BLOB NOT NULL, PRIMARY KEY(project, group_key, owner)) WITHOUT ROWID;"
    "CREATE TABLE profile_text(project INTEGER NOT NULL, hash BLOB NOT NULL, kind INTEGER NOT "
    "NULL, type INTEGER NOT NULL,"
    "  path BLOB NOT NULL, frame BLOB NOT NULL, ordinal INTEGER NOT NULL, ciphertext BLOB NOT NULL,"
    "  PRIMARY KEY(project, hash)) WITHOUT ROWID;"
    "CREATE TABLE profile_box(project INTEGER NOT NULL, frame BLOB NOT NULL, box BLOB NOT NULL,"
    "  PRIMARY KEY(project, frame)) WITHOUT ROWID;",
    "CREATE TABLE project_setting(project INTEGER PRIMARY KEY, quota_per_minute INTEGER NOT NULL,"
    "  origins TEXT NOT NULL);"
    "CREATE TABLE mark(project INTEGER NOT NULL, property BLOB NOT NULL, mark INTEGER NOT NULL,"
    "  PRIMARY KEY(project, property)) WITHOUT ROWID;"
    "CREATE TABLE published(project INTEGER NOT NULL, text BLOB NOT NULL, kind INTEGER NOT NULL,"
    "  property BLOB NOT NULL, PRIMARY KEY(project, text)) WITHOUT ROWID;",
    /* NULL: written before holders were counted */
    ("ALTER TABLE profile_text ADD COLUMN holders INTEGER;"
     "ALTER TABLE profile_box ADD COLUMN holders INTEGER;"),
    /* erase.h says what the states are. What is kept of a person for good is the pseudonym: a
     * restored backup is erased by it again. */
    ("CREATE TABLE erasure(id BLOB PRIMARY KEY, project INTEGER NOT NULL, state INTEGER NOT NULL,"
     "  asked INTEGER NOT NULL, asked_by TEXT NOT NULL,"
     "  begun_us INTEGER NOT NULL, done_us INTEGER NOT NULL DEFAULT 0,"
     "  position INTEGER NOT NULL DEFAULT 0, rows INTEGER NOT NULL DEFAULT 0,"
     "  parts INTEGER NOT NULL DEFAULT 0, profiles INTEGER NOT NULL DEFAULT 0,"
     "  devices INTEGER NOT NULL DEFAULT 0, texts INTEGER NOT NULL DEFAULT 0,"
     "  words INTEGER NOT NULL DEFAULT 0, free_bytes INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
     "CREATE TABLE erasure_person(erasure BLOB NOT NULL, person BLOB NOT NULL,"
     "  PRIMARY KEY(erasure, person)) WITHOUT ROWID;"
     "CREATE TABLE erasure_word(erasure BLOB NOT NULL, hash BLOB NOT NULL,"
     "  PRIMARY KEY(erasure, hash)) WITHOUT ROWID;"),
    "ALTER TABLE project_setting ADD COLUMN retention_days INTEGER NOT NULL DEFAULT 0;",
};

struct err store_schema(struct meta *m) {
    return meta_schema(m, "store", steps, (int)(sizeof steps / sizeof *steps));
}

struct err store_position_get(struct meta *m, const char *name, uint64_t *out) {
    AUTO(meta_end) struct meta_row *row = NULL;
    TRY(meta_query(m, &row, "SELECT value FROM position WHERE name = ?", "s", str_z(name)));
    struct err e = ERR_NONE;
    *out = meta_next(row, &e) ? (uint64_t)meta_i64(row, 0) : 0;
    return e;
}

struct err store_position_set(struct meta *m, const char *name, uint64_t value) {
    return meta_exec(m, "INSERT OR REPLACE INTO position(name, value) VALUES(?, ?)", "si",
                     str_z(name), (int64_t)value);
}
