/* files.c: the two files of a project's crowd. Integers are little-endian, hashes are 16 bytes, the
 * last 8 bytes are checksum64 of all before. Files lie mode 0600: hashes confirm guesses to who has
 * the key.
 *
 *   crowd-<project>.set
 *      0   8  "WeirCS1\0"
 *      8   8  journal position it is true for
 *     16   8  n
 *     24 16n  hashes, strictly ascending, none zero
 *
 *   crowd-<project>.candidates
 *      0   8  "WeirCC1\0"
 *      8   8  n
 *     16      n times: hash 16 | people u16 (1 .. 5,000) | people x u32, strictly ascending
 *
 *   crowd-<project>.forget
 *      0   8  "WeirCF1\0"
 *      8   8  1: all candidates are to be forgotten; else 0
 *     16   8  n
 *     24 16n  hashes, as in the set
 *
 * Ascending order is part of validity: it makes "nobody counted twice, no text twice" a check of
 * neighbours, and it says nothing about the order in which texts or people came. A file is checked
 * to its end before anything of it is used.
 */
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "crowd/crowd_private.h"

#define SET_HEAD_BYTES 24
#define SET_MAX_BYTES (SET_HEAD_BYTES + 16 * CROWD_MAX_READABLE + 8)
#define CANDIDATES_MAX_BYTES ((size_t)1 << 30)
#define CANDIDATE_HEAD_BYTES 18

static int compare_ids(const void *a, const void *b) {
    return memcmp(a, b, 16);
}

static int compare_people(const void *a, const void *b) {
    uint32_t x, y;
    memcpy(&x, a, 4);
    memcpy(&y, b, 4);
    return (x > y) - (x < y);
}

/* ---- both ---- */

static struct err file_close(struct buf *b) {
    TRY(buf_err(b));
    buf_put_u64(b, checksum64(b->p, b->n));
    return buf_err(b);
}

/* The file behind its magic, without its checksum. */
static struct err file_open(struct str content, const char magic[8], struct cursor *out) {
    if (content.n < 24) return ERR(ERR_CORRUPT, "crowd file: too short");
    const uint8_t *p = (const uint8_t *)content.p;
    struct cursor end = {.p = p + content.n - 8, .n = 8};
    if (cursor_u64(&end) != checksum64(p, content.n - 8))
        return ERR(ERR_CORRUPT, "crowd file: checksum");
    if (memcmp(p, magic, 8) != 0) return ERR(ERR_CORRUPT, "crowd file: not of this version");
    *out = (struct cursor){.p = p + 8, .n = content.n - 16};
    return ERR_NONE;
}

/* ---- the set ---- */

/* Sorts and removes doubles and zeros, in place. */
static size_t tidy_ids(struct id128 *ids, size_t n) {
    size_t kept = 0;
    qsort(ids, n, sizeof *ids, compare_ids);
    for (size_t i = 0; i < n; i++) {
        bool is_new = kept == 0 || !id128_eq(ids[kept - 1], ids[i]);
        if (is_new && !id128_is_zero(ids[i])) ids[kept++] = ids[i];
    }
    return kept;
}

static struct err write_ids(const char *path, const char magic[8], uint64_t number,
                            const struct id128 *hashes, size_t n) {
    if (n > CROWD_MAX_READABLE) return ERR(ERR_LIMIT, "a project has at most 2^25 readable texts");
    AUTO(buf_done) struct buf b;
    buf_init(&b, SET_MAX_BYTES);
    buf_put(&b, magic, 8);
    buf_put_u64(&b, number);
    buf_put_u64(&b, 0); /* n, below */
    buf_put(&b, hashes, n * sizeof *hashes);
    TRY(buf_err(&b));
    uint64_t kept = tidy_ids((struct id128 *)(b.p + SET_HEAD_BYTES), n);
    memcpy(b.p + 16, &kept, 8);
    b.n = SET_HEAD_BYTES + (size_t)kept * sizeof *hashes;
    TRY(file_close(&b));
    return io_replace_file(path, buf_str(&b), 0600);
}

struct err crowd_set_write(const char *path, uint64_t journal_position, const struct id128 *hashes,
                           size_t n) {
    return write_ids(path, "WeirCS1", journal_position, hashes, n);
}

struct err crowd_forget_write(const char *path, bool all, const struct id128 *hashes, size_t n) {
    return write_ids(path, "WeirCF1", all, hashes, n);
}

/* Gives the hashes in place. */
static struct err set_check(struct cursor c, const uint8_t **out_ids, size_t *out_n) {
    uint64_t n = cursor_u64(&c);
    if (c.bad || c.n % 16 != 0 || n != c.n / 16 || n > CROWD_MAX_READABLE)
        return ERR(ERR_CORRUPT, "crowd set: length");
    static const uint8_t zero[16];
    const uint8_t *before = zero;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(before, c.p + 16 * i, 16) >= 0) return ERR(ERR_CORRUPT, "crowd set: order");
        before = c.p + 16 * i;
    }
    *out_ids = c.p;
    *out_n = (size_t)n;
    return ERR_NONE;
}

struct err crowd_set_parse(struct str content, struct crowd *into, uint64_t *out_journal_position) {
    struct cursor c;
    TRY(file_open(content, "WeirCS1", &c));
    uint64_t position = cursor_u64(&c);
    const uint8_t *ids;
    size_t n;
    TRY(set_check(c, &ids, &n));
    if (!crowd_ids_reserve(&into->readable, into->readable.n + into->pending.n + n))
        return ERR(ERR_NOMEM, "readable texts");
    for (size_t i = 0; i < n; i++) {
        struct id128 h;
        memcpy(h.b, ids + 16 * i, 16);
        TRY(crowd_add(into, h));
    }
    *out_journal_position = position;
    return ERR_NONE;
}

struct err crowd_set_read(const char *path, struct crowd *into, uint64_t *out_journal_position) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, SET_MAX_BYTES + 1);
    TRY(io_read_file(path, SET_MAX_BYTES, &b));
    return crowd_set_parse(buf_str(&b), into, out_journal_position);
}

/* ---- what is to be forgotten ---- */

struct err crowd_forget_parse(struct str content, struct crowd *from) {
    struct cursor c;
    const uint8_t *ids;
    size_t n;
    TRY(file_open(content, "WeirCF1", &c));
    bool all = cursor_u64(&c) != 0;
    TRY(set_check(c, &ids, &n));
    for (size_t i = 0; i < n; i++) {
        struct id128 h;
        memcpy(h.b, ids + 16 * i, 16);
        crowd_forget(from, h);
    }
    if (all) crowd_forget_candidates(from);
    return ERR_NONE;
}

struct err crowd_forget_read(const char *path, struct crowd *from) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, SET_MAX_BYTES + 1);
    TRY(io_read_file(path, SET_MAX_BYTES, &b));
    return crowd_forget_parse(buf_str(&b), from);
}

/* ---- the candidates ---- */

static int compare_entries(const void *a, const void *b) {
    const struct crowd_entry *const *x = a, *const *y = b;
    return id128_cmp((*x)->h, (*y)->h);
}

/* The table's entries in the order of their hashes; owned by the caller, NULL: no memory. */
static const struct crowd_entry **sorted_entries(const struct crowd_table *t) {
    const struct crowd_entry **entries = calloc(t->n + 1, sizeof *entries);
    if (!entries) return NULL;
    size_t n = 0;
    for (size_t i = 0; i < t->buckets_n * CROWD_BUCKET; i++)
        if (!id128_is_zero(t->entries[i].h)) entries[n++] = &t->entries[i];
    assert(n == t->n);
    qsort(entries, n, sizeof *entries, compare_entries);
    return entries;
}

static void put_entry(const struct crowd_table *t, const struct crowd_entry *e, struct buf *b) {
    uint32_t people[CROWD_MAX_PEOPLE];
    crowd_table_people(t, e, people);
    qsort(people, e->n, sizeof *people, compare_people);
    buf_put(b, e->h.b, 16);
    buf_put_u16(b, e->n);
    for (size_t i = 0; i < e->n; i++)
        buf_put_u32(b, people[i]);
}

static bool is_worth_saving(const struct crowd_entry *e) {
    return e->n > 0;
}

struct err crowd_candidates_print(const struct crowd *c, struct buf *out) {
    const struct crowd_entry **entries = sorted_entries(&c->candidates);
    if (!entries) return ERR(ERR_NOMEM, "saving the candidates");
    buf_put(out, "WeirCC1", 8);
    uint64_t n = 0;
    for (size_t i = 0; i < c->candidates.n; i++)
        n += is_worth_saving(entries[i]);
    buf_put_u64(out, n);
    for (size_t i = 0; i < c->candidates.n; i++)
        if (is_worth_saving(entries[i])) put_entry(&c->candidates, entries[i], out);
    free(entries);
    return file_close(out);
}

struct err crowd_candidates_write(const char *path, const struct crowd *c) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, CANDIDATES_MAX_BYTES);
    TRY(crowd_candidates_print(c, &b));
    return io_replace_file(path, buf_str(&b), 0600);
}

/* Takes one entry off the cursor; `before` is the hash in front of it. False: broken. */
static bool take_entry(struct cursor *c, const uint8_t *before, struct cursor *out_people) {
    const uint8_t *h = cursor_bytes(c, 16);
    size_t n = cursor_u16(c);
    const uint8_t *people = cursor_bytes(c, 4 * n);
    if (c->bad || n == 0 || n > CROWD_MAX_PEOPLE || memcmp(before, h, 16) >= 0) return false;
    for (size_t i = 1; i < n; i++)
        if (compare_people(people + 4 * (i - 1), people + 4 * i) >= 0) return false;
    *out_people = (struct cursor){.p = people, .n = 4 * n};
    return true;
}

static struct err candidates_check(struct cursor c) {
    static const uint8_t zero[16];
    const uint8_t *before = zero;
    uint64_t n = cursor_u64(&c);
    if (n > c.n / CANDIDATE_HEAD_BYTES) return ERR(ERR_CORRUPT, "candidates: length");
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *h = c.p;
        struct cursor people;
        if (!take_entry(&c, before, &people)) return ERR(ERR_CORRUPT, "candidates: an entry");
        before = h;
    }
    return c.n == 0 ? ERR_NONE : ERR(ERR_CORRUPT, "candidates: bytes behind the end");
}

/* What is readable or already counted again stays as it is. */
static void candidates_enter(struct cursor c, struct crowd *into) {
    static const uint8_t zero[16];
    uint64_t n = cursor_u64(&c);
    for (uint64_t i = 0; i < n; i++) {
        struct id128 h;
        struct cursor people;
        memcpy(h.b, c.p, 16);
        take_entry(&c, zero, &people);
        if (crowd_is_readable(into, h) || crowd_table_find(&into->candidates, h)) continue;
        struct crowd_entry *e = crowd_table_enter(&into->candidates, h);
        while (e && people.n > 0)
            crowd_table_count(&into->candidates, e, cursor_u32(&people));
    }
}

struct err crowd_candidates_parse(struct str content, struct crowd *into) {
    struct cursor c;
    TRY(file_open(content, "WeirCC1", &c));
    TRY(candidates_check(c));
    candidates_enter(c, into);
    return ERR_NONE;
}

struct err crowd_candidates_read(const char *path, struct crowd *into) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, CANDIDATES_MAX_BYTES + 1);
    TRY(io_read_file(path, CANDIDATES_MAX_BYTES, &b));
    if (unlink(path) != 0) return err_os("removing the saved candidates");
    return crowd_candidates_parse(buf_str(&b), into);
}
