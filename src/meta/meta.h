/* meta.h: SQLite for what is not an event (WAL, synchronous=FULL, temp in memory): a thin, safe
 * layer.
 *
 * One writer connection behind a lock, held for a transaction; statements are prepared once and
 * cached by their text. Modules above own their tables: each registers its schema as numbered
 * steps, applied once in order (PRAGMA user_version is meta's own: a newer folder is refused with
 * ERR_CORRUPT "made by a newer weir").
 *
 * Threading: any thread; meta_begin blocks while another holds the connection. Depends on: base,
 * libsqlite3. Used by: store, trust, console, routes.
 */
#pragma once

#include "base/base.h"

struct meta;
struct err meta_open(const char *path, struct meta **out);
void meta_close(struct meta *m);
AUTO_DEFINE(struct meta *, meta_close);

/* Schema of one owner: steps [n], each SQL text; step i is applied if the owner's recorded version
 * is <= i. */
struct err meta_schema(struct meta *m, const char *owner, const char *const *steps, int n);

/* A transaction: begin takes the lock, commit or rollback gives it back. Not nested. */
struct err meta_begin(struct meta *m);
struct err meta_commit(struct meta *m);
void meta_rollback(struct meta *m);

/* A statement, prepared and cached; used inside a transaction. Binding: a format of one letter per
 * parameter: i int64_t   d double   s struct str (text)   b struct str (blob)   h struct
 * id128-sized 16 bytes (const uint8_t *)   n nothing (null) */
struct meta_row; /* a running statement */
struct err meta_exec(struct meta *m, const char *sql, const char *binding, ...);
/* for (meta_query(...); meta_next(row, &err); ) ... meta_end(row) */
struct err meta_query(struct meta *m, struct meta_row **out, const char *sql, const char *binding,
                      ...);
bool meta_next(struct meta_row *r, struct err *out); /* false at the end or on error */
void meta_end(struct meta_row *r);
AUTO_DEFINE(struct meta_row *, meta_end);
int64_t meta_i64(struct meta_row *r, int column);
double meta_f64(struct meta_row *r, int column);
struct str meta_str(struct meta_row *r,
                    int column); /* text or blob, borrowed until meta_next or meta_end */
bool meta_is_null(struct meta_row *r, int column);
int64_t meta_last_id(struct meta *m);
int64_t meta_changes(struct meta *m);
struct err meta_check(struct meta *m); /* PRAGMA integrity_check */
/* What was replaced or deleted is gone from the write-ahead log too (deleted pages are overwritten
 * as they go). Outside transactions. */
struct err meta_forget(struct meta *m);
/* Writes the file anew, without the free space in it, when it has at most so many bytes; that much
 * memory it takes. *out_left: the bytes of a larger file, in whose unused space copies of deleted
 * rows may stay; else 0. Outside transactions. */
struct err meta_compact(struct meta *m, int64_t most_bytes, int64_t *out_left);
struct err meta_backup(struct meta *m, const char *path);
