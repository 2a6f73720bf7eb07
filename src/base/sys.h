/* sys.h: clock, zones, randomness, files, logging: where the outside comes in, so that a test can
 * hold it. */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* ---- time: the one type is microseconds since 1970 UTC, int64, in names `_us` ---- */

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_S)

int64_t time_now_us(void);       /* wall clock */
int64_t time_monotonic_us(void); /* for durations */

struct civil {
    int year, month, day;     /* month 1..12, day 1..31 */
    int hour, minute, second; /* 0..23, 0..59, 0..59 */
    int offset_s;             /* seconds east of UTC in force */
    int weekday;              /* 0 = Monday .. 6 = Sunday */
};

/* A time zone of the system's database, by name ("UTC", "Europe/Berlin"). Immutable, free of locks
 * once open, valid for years 1970 to 2100. ERR_INVALID: no such zone. */
struct zone;
struct err zone_open(struct str name, struct zone **out);
void zone_free(struct zone *z);
AUTO_DEFINE(struct zone *, zone_free);
void zone_civil(const struct zone *z, int64_t us, struct civil *out); /* z NULL: UTC */
/* The first instant that reads as this civil time or later (a time skipped by DST gives the instant
 * after the gap; a doubled one the earlier). Fields out of range are carried (month 13, day 0).
 * weekday and offset_s are ignored. */
int64_t zone_instant(const struct zone *z, const struct civil *c);
/* "2026-01-31T14:30:00+01:00" into out, NUL-terminated. */
void zone_format(const struct zone *z, int64_t us, char out[32]);

/* ---- randomness and secrets (libsodium behind it) ---- */
void random_bytes(void *out, size_t n);
uint64_t random_u64(void);
void secret_wipe(void *p, size_t n);
bool secret_equal(const void *a, const void *b, size_t n); /* constant time */
/* n characters of [a-z0-9], NUL-terminated: tokens, secrets, ids. */
void random_word(char *out /* [n + 1] */, size_t n);

/* ---- large tables: zeroed pages of the system's, resident when first touched ---- */
void *pages_new(size_t n_bytes);           /* NULL: no memory. In huge pages where it holds one */
void pages_clear(void *p, size_t n_bytes); /* zero again, its memory given back; takes NULL */
void pages_free(void *p, size_t n_bytes);  /* of pages_new, whole; takes NULL */
/* Lets go of this process's view of programs, libraries and shared files, which the system has in
 * memory anyway: for the end of a start, that touched much that is not touched again. */
void pages_let_go(void);

/* ---- files ---- */
struct err io_read_file(const char *path, size_t max_bytes, struct buf *out);
/* Writes path.tmp, syncs it, renames it over path, syncs the folder. mode as in open(2). */
struct err io_replace_file(const char *path, struct str content, mode_t mode);
struct err io_write_all(int fd, const void *bytes, size_t n);
struct err io_pread_all(int fd, void *out, size_t n, uint64_t at); /* ERR_CORRUPT on a short file */
struct err io_sync(int fd);                                        /* fdatasync */
struct err io_sync_folder(const char *path);
struct err io_make_folder(const char *path, mode_t mode); /* and its parents; existing is success */
void fd_close(int fd);                                    /* takes -1 */
AUTO_DEFINE(int, fd_close);
/* Joins folder and name into out, NUL-terminated; asserts that it fits. */
void path_join(char *out, size_t out_bytes, const char *folder, const char *name);

/* ---- checksums: XXH3-64 of stored bytes ---- */
uint64_t checksum64(const void *bytes, size_t n);

/* ---- diagnostics: one line each to stderr, "2026-11-21T23:35:16Z front error journal: append
 * failed (No space ...)". No secret and no value that a client sent goes into a line. ---- */
void log_open(const char *process_name); /* literal; before any thread */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line for a failure at an edge: "what: err.what (strerror)". */
void log_failure(const char *doing, struct err e);
