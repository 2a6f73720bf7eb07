/* part.h: an immutable columnar piece of one project's events, sorted by (person, time)
 * (doc/part-format.md).
 *
 * The same bytes serve on disk (mapped) and in memory (the tail): one format, one reader, one
 * merge. Building folds duplicates (same person, event, time, sent id, insert; the last in journal
 * order stays).
 *
 * Columns. Events carry properties; a property is known by the hash of its name (TEXT_PROPERTY). A
 * part holds, per property, up to two columns: PART_CODE (texts, booleans, null, times, lists,
 * empty objects: a code per row into the column's dictionary) and PART_NUMBER (doubles). A row has
 * a value in at most one of them. Codes are 1..n; 0 means that the row has no value here. A
 * dictionary is sorted by its entries' hashes, never by arrival.
 *
 * Reading is by range into the caller's arrays, so that an encoding can change behind it and no
 * query holds a whole column.
 *
 * Threading: a part is immutable; any thread reads. Depends on: base, seal, journal. Used by:
 * query, store, cli.
 */
#pragma once

#include "journal/journal.h"

#define PART_MAX_ROWS (1u << 31)
#define PART_MAX_COLUMNS                                                                           \
    4096 /* distinct (property, class) of one part; of more, readable names stay, then the fullest \
          */
#define PART_BATCH_ROWS 4096 /* ranges are asked in pieces of at most this by convention */

enum part_class { PART_CODE = 0, PART_NUMBER = 1 };

/* A dictionary entry. */
enum part_value_type {
    PV_NONE = 0,
    PV_TEXT, /* hash; readable text comes from the world's words, or the entry is sealed here */
    PV_FALSE,
    PV_TRUE,
    PV_NULL,
    PV_EMPTY_OBJECT,
    PV_TIME,   /* time_us */
    PV_NUMBER, /* only inside lists */
    PV_LIST,   /* elements: iterate with part_list_next */
    PV_OBJECT, /* only inside lists: opaque, for export only (part_object_next) */
};
struct part_value {
    enum part_value_type type;
    uint8_t text_type; /* PV_TEXT: enum text_type */
    struct id128 hash; /* PV_TEXT: the text's; else a content hash */
    bool sealed_here;  /* PV_TEXT: the part holds a ciphertext (it may have become readable since:
                          ask words first) */
    union {
        int64_t time_us;
        double number;
        struct cursor list; /* PV_LIST, PV_OBJECT */
    };
};

/* ============ building ============ */

/* Rows come from frames, in journal order. */
struct part_builder;
struct part_builder *part_builder_new(uint64_t project); /* NULL: no memory */
void part_builder_free(struct part_builder *b);
AUTO_DEFINE(struct part_builder *, part_builder_free);
/* Adds all events of a frame (other records are skipped). `f` is read from its start; the cursor is
 * not moved. ERR_NOMEM, ERR_LIMIT. */
struct err part_builder_add(struct part_builder *b, const struct frame *f);
size_t part_builder_rows(const struct part_builder *b);
/* Values that the last part_build left out, since their names were too many. */
uint64_t part_builder_lost(const struct part_builder *b);
/* Sorts, folds, encodes. seq_lo/seq_hi: journal positions covered. The bytes are owned by the part.
 * The builder stays as it is: more may be added and built again. *out is NULL when there are no
 * rows. */
struct part;
struct err part_build(struct part_builder *b, uint64_t seq_lo, uint64_t seq_hi, struct part **out);

/* Merging parts of one project, given in journal order (older first): rows ordered, duplicates
 * folded, dictionaries united, ciphertexts dropped for texts that `readable` says are readable now,
 * or that some part has readable. Rows of persons for whom `drop_person` says so are left out
 * (erasure, retention), and with them every string that only they had. from_us/to_us: only rows in
 * [from, to). Writes to a file when path is not NULL (then the result is mapped from it, synced),
 * else to memory. Bounded memory (merge.h says which): column by column. Rows of one person with
 * equal times: in the order of the parts; within a part rows that person_of moved come first, in
 * order of the person they had. drop_person is asked for the person a row has and for the one it
 * gets. */
struct part_merge {
    struct part *const *parts;
    size_t n_parts;
    bool (*readable)(void *ctx, struct id128 text);      /* may be NULL */
    bool (*drop_person)(void *ctx, struct id128 person); /* may be NULL */
    struct id128 (*person_of)(
        void *ctx, struct id128 person); /* identity map to apply physically; may be NULL */
    void *ctx;
    int64_t from_us, to_us;
    const char *path;
    uint64_t *lost; /* grows by the values left out, since their names were too many; may be NULL */
};
struct err part_merge(const struct part_merge *m,
                      struct part **out); /* *out NULL when no row is left */

/* ============ opening, life ============ */

struct err part_open(const char *path,
                     struct part **out); /* maps; checks header and footer; ERR_CORRUPT */
struct err part_write(const struct part *p,
                      const char *path);     /* an in-memory part to a synced file */
const char *part_path(const struct part *p); /* the file it was opened from; NULL: in memory */
struct part *part_ref(struct part *p);
void part_unref(struct part *p);
AUTO_DEFINE(struct part *, part_unref);
struct err
part_check(const struct part *p); /* every checksum, every code, every order; for `weir check` */
/* `weir seal`: rewraps the boxes into a new file. */
struct err part_rewrap(const struct part *p, const struct team_secret *old,
                       const struct team_public *to, const char *path);

/* ============ reading ============ */

struct part_info {
    uint64_t project;
    uint64_t seq_lo, seq_hi;
    uint32_t rows, persons;
    int64_t min_time_us, max_time_us;
    size_t bytes;
    bool in_memory;
    size_t n_columns, n_events;
};
const struct part_info *part_info(const struct part *p);

/* Persons, sorted; person i has rows [starts[i], starts[i + 1]). */
const struct id128 *part_persons(const struct part *p);   /* [persons] */
const uint32_t *part_person_starts(const struct part *p); /* [persons + 1] */
/* First person >= id. */
uint32_t part_find_person(const struct part *p, struct id128 id);
struct id128 part_row_person(const struct part *p, uint32_t row);

void part_times(const struct part *p, uint32_t row, uint32_t n, int64_t *out_us /* [n] */);
/* Times as they are stored: base_us + tick x unit_us. part_ticks only where `most`, the greatest,
 * is below 2^32. */
struct part_ticks {
    int64_t base_us;
    uint32_t unit_us;
    uint64_t most;
};
struct part_ticks part_ticks_of(const struct part *p);
void part_ticks(const struct part *p, uint32_t row, uint32_t n, uint32_t *out /* [n] */);
/* Event names: codes 1..n_events into a dictionary sorted by hash. */
void part_event_codes(const struct part *p, uint32_t row, uint32_t n, uint32_t *out /* [n] */);
/* The same codes where they lie, 1, 2 or 4 bytes each, little-endian and unaligned, for scans in
 * place. Not clamped: a damaged part may hold codes above n_events. Borrowed while the part is. */
const uint8_t *part_event_view(const struct part *p, uint32_t *out_width);
struct id128 part_event_hash(const struct part *p, uint32_t code);
uint32_t part_find_event(const struct part *p, struct id128 hash); /* 0: not in this part */
uint64_t part_event_rows(const struct part *p, uint32_t code);     /* how many rows have it */
/* Duplicate folding across parts: a row's sent id and insert fingerprint folded to one number (0:
 * never folds). */
void part_inserts(const struct part *p, uint32_t row, uint32_t n, uint64_t *out /* [n] */);

/* Columns. */
int part_find_column(const struct part *p, struct id128 property, enum part_class c); /* -1: none */
struct part_column_info {
    struct id128 property;
    enum part_class class;
    uint32_t dictionary_n; /* PART_CODE */
    uint32_t present_rows;
    double min, max; /* PART_NUMBER */
};
const struct part_column_info *part_column(const struct part *p, int column);
void part_codes(const struct part *p, int column, uint32_t row, uint32_t n,
                uint32_t *out /* [n], 0: no value */);
/* NaN: no value (stored numbers are finite). */
void part_numbers(const struct part *p, int column, uint32_t row, uint32_t n,
                  double *out /* [n] */);
/* One row, for those who want few of many. */
int64_t part_time_at(const struct part *p, uint32_t row);
uint32_t part_code_at(const struct part *p, int column, uint32_t row);
/* The rows around `row` that have the same code, where they are stored so; `run` is zeros at first,
 * then what the last call found: rows in order are found at once. False: use the others. */
struct part_equal {
    uint32_t row, n; /* [row, row + n) */
    uint32_t code;
    uint32_t number; /* of the run in its block */
};
bool part_code_run(const struct part *p, int column, uint32_t row, struct part_equal *run);
double part_number_at(const struct part *p, int column, uint32_t row);
void part_entry(const struct part *p, int column, uint32_t code, struct part_value *out);
uint32_t part_find_code(const struct part *p, int column, struct id128 hash); /* 0: not there */
bool part_list_next(struct cursor *list, struct part_value *out); /* elements in order */
bool part_object_next(struct cursor *object, struct id128 *out_key, struct part_value *out);

/* The hashes of all that the part refers to (names, values, paths), rising. Borrowed. */
const struct id128 *part_terms(const struct part *p, size_t *out_n);
bool part_has_term(const struct part *p, struct id128 hash);

/* Sealed texts. */
struct part_sealed {
    struct sealed_text text; /* what seal_open_text needs */
    struct id128 path_hash;  /* the property's name */
    const uint8_t *box;      /* [SEAL_BOX_BYTES] */
};
/* Any text of the part by hash (values, names, keys); false: not sealed here. */
bool part_sealed(const struct part *p, struct id128 text, struct part_sealed *out);
/* Walks all sealed texts, for export and re-wrap. */
bool part_sealed_next(const struct part *p, size_t *at, struct part_sealed *out);
