/* meta.c: one SQLite connection behind one lock.
 *
 * The lock is taken by meta_begin and given back by commit or rollback, so a transaction is also
 * the critical section: there is never a second writer to wait for, and SQLITE_BUSY means another
 * process. Statements are kept prepared, found by their text; a text that is already running (a
 * query inside the loop over the same query) gets a statement of its own for that once.
 *
 * SQLite may roll a transaction back by itself (disk full, I/O error). Commit notices, since then
 * no transaction is open.
 */
#include "meta/meta.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define META_VERSION 1 /* PRAGMA user_version: the folder's, not the owners' */
#define CACHED_MAX 512
#define BUSY_MS 10000

struct cached {
    const char *sql; /* SQLite's own copy of the text */
    sqlite3_stmt *statement;
};

struct meta {
    sqlite3 *db;
    pthread_mutex_t lock;
    bool open; /* a transaction is; guarded by lock */
    struct cached cached[CACHED_MAX];
    size_t cached_n;
};

struct meta_row {
    struct meta *meta;
    sqlite3_stmt *statement;
    bool own; /* not in the cache */
};

/* ---- errors ---- */

static struct err of_sqlite(struct meta *m, int rc, const char *what) {
    int os = m->db != NULL ? sqlite3_system_errno(m->db) : 0;
    struct err e = {.code = ERR_IO, .os = os, .what = what};
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_NONE;
    case SQLITE_FULL:
    case SQLITE_READONLY:
        e.code = ERR_FULL;
        break;
    case SQLITE_NOMEM:
        e.code = ERR_NOMEM;
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        e.code = ERR_CORRUPT;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        e.code = ERR_BUSY;
        break;
    case SQLITE_CONSTRAINT:
        e.code = rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ? ERR_EXISTS
                                                                                      : ERR_INVALID;
        break;
    case SQLITE_TOOBIG:
        e.code = ERR_LIMIT;
        break;
    default:
        if (os == ENOSPC || os == EDQUOT || os == EROFS) e.code = ERR_FULL;
        break;
    }
    return e;
}

static struct err run(struct meta *m, const char *sql, const char *what) {
    return of_sqlite(m, sqlite3_exec(m->db, sql, NULL, NULL, NULL), what);
}

/* ---- statements ---- */

static sqlite3_stmt *find_cached(struct meta *m, const char *sql) {
    for (size_t i = 0; i < m->cached_n; i++)
        if (strcmp(m->cached[i].sql, sql) == 0) return m->cached[i].statement;
    return NULL;
}

static struct err prepare(struct meta *m, const char *sql, sqlite3_stmt **out, bool *out_own) {
    sqlite3_stmt *s = find_cached(m, sql);
    *out_own = s != NULL && sqlite3_stmt_busy(s);
    if (s == NULL || *out_own) {
        const char *rest = NULL;
        int rc = sqlite3_prepare_v3(m->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, &rest);
        if (rc != SQLITE_OK) return of_sqlite(m, rc, "meta: prepare");
        assert(s != NULL && *rest == 0); /* one statement per text */
        if (m->cached_n == CACHED_MAX) *out_own = true;
        if (!*out_own) m->cached[m->cached_n++] = (struct cached){sqlite3_sql(s), s};
    }
    *out = s;
    return ERR_NONE;
}

static void give_back(sqlite3_stmt *s, bool own) {
    if (own) {
        (void)sqlite3_finalize(s);
        return;
    }
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
}

static int bind_bytes(sqlite3_stmt *s, int at, struct str v, bool text,
                      sqlite3_destructor_type life) {
    const char *p = v.n == 0 ? "" : v.p; /* a null pointer would bind NULL */
    return text ? sqlite3_bind_text64(s, at, p, v.n, life, SQLITE_UTF8)
                : sqlite3_bind_blob64(s, at, p, v.n, life);
}

static int bind_one(sqlite3_stmt *s, int at, char letter, va_list *args,
                    sqlite3_destructor_type life) {
    switch (letter) {
    case 'i':
        return sqlite3_bind_int64(s, at, va_arg(*args, int64_t));
    case 'd':
        return sqlite3_bind_double(s, at, va_arg(*args, double));
    case 's':
        return bind_bytes(s, at, va_arg(*args, struct str), true, life);
    case 'b':
        return bind_bytes(s, at, va_arg(*args, struct str), false, life);
    case 'h':
        return sqlite3_bind_blob64(s, at, va_arg(*args, const uint8_t *), 16, life);
    case 'n':
        return sqlite3_bind_null(s, at);
    default:
        break;
    }
    assert(false && "a letter that meta.h does not name");
    return SQLITE_MISUSE;
}

static struct err bind_all(struct meta *m, sqlite3_stmt *s, const char *binding, va_list *args,
                           sqlite3_destructor_type life) {
    assert((size_t)sqlite3_bind_parameter_count(s) == strlen(binding));
    for (int i = 0; binding[i] != 0; i++) {
        int rc = bind_one(s, i + 1, binding[i], args, life);
        if (rc != SQLITE_OK) return of_sqlite(m, rc, "meta: bind");
    }
    return ERR_NONE;
}

/* ---- opening ---- */

static struct err read_version(struct meta *m, int *out) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(m->db, "PRAGMA user_version", -1, &s, NULL);
    if (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) *out = sqlite3_column_int(s, 0);
    int done = sqlite3_finalize(s);
    return of_sqlite(m, rc != SQLITE_OK ? rc : done, "meta: version");
}

static struct err begin_use(struct meta *m) {
    int version = 0;
    (void)sqlite3_busy_timeout(m->db, BUSY_MS);
    (void)sqlite3_extended_result_codes(m->db, 1);
    TRY(read_version(m, &version));
    if (version > META_VERSION) return ERR(ERR_CORRUPT, "meta: made by a newer weir");
    TRY(run(m,
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA "
            "foreign_keys=ON;"
            "PRAGMA cache_size=-65536; PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF; PRAGMA "
            "cell_size_check=ON",
            "meta: settings"));
    return run(m,
               "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS meta_owners (owner TEXT PRIMARY KEY, "
               "version INTEGER NOT NULL);"
               "PRAGMA user_version=1; COMMIT",
               "meta: first table");
}

/* SQLite would make the file readable by others. */
static struct err make_private(const char *path) {
    AUTO(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 ? ERR_NONE : err_os("meta: open the file");
}

struct err meta_open(const char *path, struct meta **out) {
    TRY(make_private(path));
    struct meta *m = calloc(1, sizeof *m);
    if (m == NULL) return ERR(ERR_NOMEM, "meta: memory");
    (void)pthread_mutex_init(&m->lock, NULL);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    struct err e = of_sqlite(m, sqlite3_open_v2(path, &m->db, flags, NULL), "meta: open");
    if (e.code == ERR_OK) e = begin_use(m);
    if (e.code != ERR_OK)
        meta_close(m);
    else
        *out = m;
    return e;
}

void meta_close(struct meta *m) {
    if (m == NULL) return;
    assert(!m->open);
    for (size_t i = 0; i < m->cached_n; i++)
        (void)sqlite3_finalize(m->cached[i].statement);
    (void)sqlite3_close(m->db);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

/* ---- transactions ---- */

struct err meta_begin(struct meta *m) {
    (void)pthread_mutex_lock(&m->lock);
    assert(!m->open);
    struct err e = run(m, "BEGIN IMMEDIATE", "meta: begin");
    if (e.code == ERR_OK)
        m->open = true;
    else
        (void)pthread_mutex_unlock(&m->lock);
    return e;
}

static void leave(struct meta *m) {
    m->open = false;
    (void)pthread_mutex_unlock(&m->lock);
}

void meta_rollback(struct meta *m) {
    assert(m->open);
    if (!sqlite3_get_autocommit(m->db)) (void)sqlite3_exec(m->db, "ROLLBACK", NULL, NULL, NULL);
    leave(m);
}

struct err meta_commit(struct meta *m) {
    assert(m->open);
    struct err e = sqlite3_get_autocommit(m->db)
                       ? ERR(ERR_IO, "meta: the transaction was rolled back")
                       : run(m, "COMMIT", "meta: commit");
    if (e.code != ERR_OK)
        meta_rollback(m);
    else
        leave(m);
    return e;
}

/* ---- asking ---- */

struct err meta_exec(struct meta *m, const char *sql, const char *binding, ...) {
    assert(m->open);
    sqlite3_stmt *s;
    bool own;
    TRY(prepare(m, sql, &s, &own));
    va_list args;
    va_start(args, binding);
    struct err e = bind_all(m, s, binding, &args, SQLITE_STATIC);
    va_end(args);
    int rc = SQLITE_ROW;
    while (e.code == ERR_OK && rc == SQLITE_ROW)
        rc = sqlite3_step(s);
    if (e.code == ERR_OK) e = of_sqlite(m, rc, "meta: write");
    give_back(s, own);
    return e;
}

struct err meta_query(struct meta *m, struct meta_row **out, const char *sql, const char *binding,
                      ...) {
    assert(m->open);
    struct meta_row *r = calloc(1, sizeof *r);
    if (r == NULL) return ERR(ERR_NOMEM, "meta: memory");
    r->meta = m;
    struct err e = prepare(m, sql, &r->statement, &r->own);
    if (e.code == ERR_OK) {
        va_list args;
        va_start(args, binding);
        e = bind_all(m, r->statement, binding, &args, SQLITE_TRANSIENT);
        va_end(args);
    }
    if (e.code != ERR_OK)
        meta_end(r);
    else
        *out = r;
    return e;
}

bool meta_next(struct meta_row *r, struct err *out) {
    int rc = sqlite3_step(r->statement);
    *out = of_sqlite(r->meta, rc, "meta: read");
    return rc == SQLITE_ROW;
}

void meta_end(struct meta_row *r) {
    if (r == NULL) return;
    if (r->statement != NULL) give_back(r->statement, r->own);
    free(r);
}

int64_t meta_i64(struct meta_row *r, int column) {
    return sqlite3_column_int64(r->statement, column);
}

double meta_f64(struct meta_row *r, int column) {
    return sqlite3_column_double(r->statement, column);
}

struct str meta_str(struct meta_row *r, int column) {
    const char *p = sqlite3_column_blob(r->statement, column);
    return (struct str){p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(r->statement, column)};
}

bool meta_is_null(struct meta_row *r, int column) {
    return sqlite3_column_type(r->statement, column) == SQLITE_NULL;
}

int64_t meta_last_id(struct meta *m) {
    return sqlite3_last_insert_rowid(m->db);
}

int64_t meta_changes(struct meta *m) {
    return sqlite3_changes64(m->db);
}

/* ---- schema ---- */

static struct err owner_version(struct meta *m, struct str owner, int64_t *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(m, &r, "SELECT version FROM meta_owners WHERE owner = ?", "s", owner));
    *out = meta_next(r, &e) ? meta_i64(r, 0) : 0;
    return e;
}

static struct err apply_steps(struct meta *m, struct str owner, const char *const *steps, int n) {
    int64_t version = 0;
    TRY(owner_version(m, owner, &version));
    if (version > n) return ERR(ERR_CORRUPT, "meta: made by a newer weir");
    if (version < 0) return ERR(ERR_CORRUPT, "meta: a schema's version");
    for (int64_t i = version; i < n; i++)
        TRY(run(m, steps[i], "meta: schema"));
    if (version == n) return ERR_NONE;
    return meta_exec(m, "INSERT OR REPLACE INTO meta_owners (owner, version) VALUES (?, ?)", "si",
                     owner, (int64_t)n);
}

struct err meta_schema(struct meta *m, const char *owner, const char *const *steps, int n) {
    TRY(meta_begin(m));
    struct err e = apply_steps(m, str_z(owner), steps, n);
    if (e.code == ERR_OK) return meta_commit(m);
    meta_rollback(m);
    return e;
}

/* ---- care ---- */

static struct err first_answer(struct meta *m, const char *sql, bool *out_ok) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e;
    TRY(meta_query(m, &r, sql, ""));
    *out_ok = meta_next(r, &e) && str_is(meta_str(r, 0), "ok");
    return e;
}

struct err meta_check(struct meta *m) {
    bool ok = false;
    TRY(meta_begin(m));
    struct err e = first_answer(m, "PRAGMA integrity_check(1)", &ok);
    meta_rollback(m);
    TRY(e);
    return ok ? ERR_NONE : ERR(ERR_CORRUPT, "meta: the integrity check found damage");
}

struct err meta_forget(struct meta *m) {
    (void)pthread_mutex_lock(&m->lock);
    struct err e =
        of_sqlite(m, sqlite3_wal_checkpoint_v2(m->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
                  "meta: emptying the write-ahead log");
    (void)pthread_mutex_unlock(&m->lock);
    return e;
}

static int64_t pragma_number(struct meta *m, const char *sql) {
    sqlite3_stmt *s = NULL;
    int64_t n = 0;
    if (sqlite3_prepare_v2(m->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return n;
}

struct err meta_compact(struct meta *m, int64_t most_bytes, int64_t *out_left) {
    (void)pthread_mutex_lock(&m->lock);
    int64_t page = pragma_number(m, "PRAGMA page_size");
    bool small = page * pragma_number(m, "PRAGMA page_count") <= most_bytes;
    struct err e = small ? run(m, "VACUUM", "meta: writing the file anew") : ERR_NONE;
    *out_left = small ? 0 : page * pragma_number(m, "PRAGMA page_count");
    (void)pthread_mutex_unlock(&m->lock);
    return e;
}

struct err meta_backup(struct meta *m, const char *path) {
    TRY(make_private(path));
    struct meta to = {0};
    struct err e = of_sqlite(&to, sqlite3_open_v2(path, &to.db, SQLITE_OPEN_READWRITE, NULL),
                             "meta: open the copy");
    (void)pthread_mutex_lock(&m->lock);
    sqlite3_backup *copy =
        e.code == ERR_OK ? sqlite3_backup_init(to.db, "main", m->db, "main") : NULL;
    if (copy != NULL) {
        (void)sqlite3_backup_step(copy, -1);
        e = of_sqlite(&to, sqlite3_backup_finish(copy), "meta: copy");
    } else if (e.code == ERR_OK) {
        e = of_sqlite(&to, sqlite3_errcode(to.db), "meta: start the copy");
    }
    (void)pthread_mutex_unlock(&m->lock);
    (void)sqlite3_close(to.db);
    return e;
}
