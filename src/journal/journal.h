/* journal.h: the append-only log of what was accepted, and the codec of its frames
 * (doc/journal-format.md).
 *
 * A position is a byte count since the first journal file: files are named by the position at which
 * they start
 * (`journal/00000000000000000000.wj`), so positions only grow, across files and restarts. One frame
 * per commit group and project. A frame is self-contained: its strings, its sealing box, its
 * records, one checksum.
 *
 * A 200 may go out only after journal_append returned success for the frame.
 *
 * Threading: a writer belongs to one thread; readers are independent of it.
 * Depends on: base, seal. Used by: intake, front, part, store, cli (check, seal).
 */
#pragma once

#include "seal/seal.h"

#define JOURNAL_MAX_FRAME_BYTES (64u << 20)
/* A file is closed when it grows past this. Small: the newest one is read at every start. */
#define JOURNAL_FILE_BYTES (32u << 20)
#define FRAME_MAX_STRINGS (4u << 20)
#define FRAME_MAX_RECORDS (1u << 20)

/* ============ frames: what one holds ============ */

/* One text of a frame. Records refer to texts by index. */
enum frame_text_state {
    FRAME_TEXT_SEALED = 1, /* `bytes` is the ciphertext, ordinal = index in the frame */
    FRAME_TEXT_READABLE =
        2,                /* `bytes` is the text; this frame makes it (or repeats it as) readable */
    FRAME_TEXT_KNOWN = 3, /* readable by an earlier durable frame: `bytes` is empty */
};
#define FRAME_NO_PATH UINT32_MAX
struct frame_text {
    struct id128 hash;
    uint8_t kind;  /* enum text_kind */
    uint8_t type;  /* enum text_type */
    uint8_t state; /* enum frame_text_state */
    uint32_t path; /* index of the text that is this one's path: TEXT_VALUE -> its TEXT_PROPERTY,
                      TEXT_USER_VALUE -> its TEXT_USER_PROPERTY, TEXT_GROUP_VALUE -> its
                      TEXT_GROUP_PROPERTY, TEXT_GROUP_PROPERTY -> its TEXT_GROUP_KEY; else
                      FRAME_NO_PATH. A path precedes what it is the path of. */
    struct str bytes;
};

/* Values of properties, as records carry them: one tag byte, then
 *   V_NULL V_FALSE V_TRUE V_EMPTY_OBJECT   nothing
 *   V_NUMBER  f64          V_TIME  i64 microseconds (a number that is a time; exported as it came:
 * seconds) V_TEXT    u32 text index V_LIST    u32 count, u32 byte length of what follows, then the
 * elements V_OBJECT  (only inside lists) u32 count, u32 byte length, then (u32 text index of the
 * key, TEXT_PROPERTY; value)... Objects outside lists are flattened into paths by intake. */
enum frame_value {
    V_NULL = 0,
    V_FALSE = 1,
    V_TRUE = 2,
    V_NUMBER = 3,
    V_TEXT = 4,
    V_LIST = 5,
    V_OBJECT = 6,
    V_EMPTY_OBJECT = 7,
    V_TIME = 8,
};

enum frame_record_type { RECORD_EVENT = 1, RECORD_USER = 2, RECORD_GROUP = 3 };

/* An event. person: pseudonym of the canonical id at its door: $user_id, else "$device:" +
 * $device_id, else distinct_id. device: pseudonym of "$device:" + $device_id when the event also
 * has a $user_id and the two differ (it maps device to person), else zero. insert: fingerprint of
 * $insert_id (0: none, then never folded). sent_id: pseudonym of distinct_id as sent. */
struct frame_event {
    struct id128 person;
    struct id128 device;
    struct id128 sent_id;
    uint64_t insert;
    int64_t time_us;
    uint32_t name; /* text index, TEXT_EVENT */
    uint16_t n_props;
    struct cursor props; /* n_props times: u32 text index of the path (TEXT_PROPERTY), value; decode
                            with frame_next_prop */
};

/* One operation on a user or group profile, in the order of arrival. */
enum profile_op {
    PROFILE_SET = 1,
    PROFILE_SET_ONCE = 2,
    PROFILE_ADD = 3,
    PROFILE_APPEND = 4, /* a scalar is the new element; a list holds the new elements (lists and
                           objects are wrapped so) */
    PROFILE_UNION = 5,
    PROFILE_REMOVE = 6,
    PROFILE_UNSET = 7, /* each prop's value is V_NULL */
    PROFILE_DELETE = 8,
};
struct frame_profile {
    uint8_t op;          /* enum profile_op */
    struct id128 person; /* RECORD_USER: pseudonym of $distinct_id */
    uint32_t id;        /* text index: RECORD_USER the distinct_id (TEXT_VALUE, path "distinct_id");
                           RECORD_GROUP the group id (TEXT_VALUE, path = group key as a TEXT_PROPERTY) */
    uint32_t group_key; /* RECORD_GROUP: text index, TEXT_GROUP_KEY; else FRAME_NO_PATH */
    int64_t time_us;    /* arrival, or $time */
    uint16_t n_props;
    struct cursor props; /* as above; paths are TEXT_USER_PROPERTY or TEXT_GROUP_PROPERTY */
};

/* ============ writing a frame ============ */

/* Builds one frame in memory. Texts are entered once each (by hash) and numbered as they come. */
struct frame_writer;
struct frame_writer *frame_writer_new(void); /* NULL: no memory */
void frame_writer_free(struct frame_writer *w);
AUTO_DEFINE(struct frame_writer *, frame_writer_free);
/* Starts a frame of `project`, sealing to `team`. Forgets what was there. */
void frame_begin(struct frame_writer *w, uint64_t project, const struct team_public *team,
                 int64_t arrival_us);
/* The index of a text already in this frame, or false. */
bool frame_find_text(const struct frame_writer *w, struct id128 hash, uint32_t *out_index);
/* Tells this frame from all others (of its random id): what a caller remembers about it, such as a
 * text's index, is true while the tag is the same. */
uint64_t frame_tag(const struct frame_writer *w);
/* Whether a text of this frame was entered SEALED. A text can become readable inside the frame that
 * holds it sealed (the k-th person's event in the same batch): then it is entered once more,
 * READABLE, under a new index, which frame_find_text gives from then on. So two entries of a frame
 * may have the same hash; the later one wins. */
bool frame_text_is_sealed(const struct frame_writer *w, uint32_t index);
/* Whether it was entered KNOWN. */
bool frame_text_is_known(const struct frame_writer *w, uint32_t index);
/* Enters a text that frame_find_text did not find (or found sealed and is readable now). SEALED
 * texts are encrypted here under the frame's key. ERR_LIMIT, ERR_NOMEM. */
struct err frame_add_text(struct frame_writer *w,
                          const struct frame_text *t /* bytes: the clear text, for every state */,
                          uint32_t *out_index);
/* Records. Between begin and end, properties are put in order; end makes the record part of the
 * frame, drop forgets it (its texts stay: harmless). props and n_props of the argument are ignored.
 */
void frame_event_begin(struct frame_writer *w, const struct frame_event *e);
void frame_profile_begin(struct frame_writer *w, enum frame_record_type type,
                         const struct frame_profile *p);
void frame_put_prop(struct frame_writer *w, uint32_t path_text); /* then exactly one value */
void frame_put_simple(struct frame_writer *w,
                      enum frame_value v); /* NULL FALSE TRUE EMPTY_OBJECT */
void frame_put_number(struct frame_writer *w, double v);
void frame_put_time(struct frame_writer *w, int64_t us);
void frame_put_text(struct frame_writer *w, uint32_t text);
void frame_put_list(struct frame_writer *
                        w); /* then values, then frame_put_list_end; nests to 16, objects counted */
void frame_put_list_end(struct frame_writer *w);
void frame_put_object(struct frame_writer *w); /* inside lists: then (frame_put_prop, value)...,
                                                  then frame_put_object_end */
void frame_put_object_end(struct frame_writer *w);
struct err frame_record_end(struct frame_writer *w);
void frame_record_drop(struct frame_writer *w);
size_t frame_records_n(const struct frame_writer *w);
size_t frame_bytes(const struct frame_writer *w); /* so far, about */
/* The finished frame, borrowed until the next frame_begin; wipes the frame key. */
struct err frame_finish(struct frame_writer *w, struct str *out);

/* ============ reading a frame ============ */

struct frame {
    uint64_t project;
    struct id128 id;
    int64_t arrival_us;
    uint64_t team_key_id;
    const uint8_t *box;       /* [SEAL_BOX_BYTES], NULL when nothing is sealed */
    struct frame_text *texts; /* [n_texts]; owned by the frame */
    uint32_t n_texts;
    uint32_t n_records;
    struct cursor records;
};
/* Parses bytes as one whole frame and checks everything: magic, version, checksum, lengths, every
 * index, every tag of every record. After success the iteration below cannot fail. `bytes` is
 * borrowed until frame_done. ERR_CORRUPT. */
struct err frame_parse(struct str bytes, struct frame *out);
void frame_done(struct frame *f);
/* The next record, or 0 at the end. Fills the one that the type says. */
enum frame_record_type frame_next(struct frame *f, struct frame_event *event,
                                  struct frame_profile *profile);
/* One property off a record's cursor: its path's text index; `value` is a cursor standing on the
 * value's tag byte with exactly its bytes. */
bool frame_next_prop(struct cursor *props, uint32_t *out_path, struct cursor *value);
/* Steps over one value. */
void frame_skip_value(struct cursor *c);

/* ============ the journal's files ============ */

struct journal; /* a writer */
/* Opens folder (made if missing) for appending; recovers: keeps the longest prefix of whole commit
 * groups of the last file, cuts the rest, syncs. On success everything before journal_position is
 * durable. If what follows the prefix was durable once (a later commit record stands in it, or the
 * note `synced` names a position in it), it is damage, not a torn tail: it goes to
 * `<position>.damaged`, and the next file begins behind it, so that no position is given out twice.
 * After opening nothing in the folder is read again. ERR_CORRUPT: an older file is missing or too
 * short, or a frame is of a newer version. */
struct err journal_open(const char *folder, struct journal **out);
void journal_close(struct journal *j);
AUTO_DEFINE(struct journal *, journal_close);
uint64_t journal_position(const struct journal *j); /* end of the last durable frame */
bool journal_met_damage(
    const struct journal *j); /* opening set something aside: worth a line in the log */
/* Appends frames of one commit group and syncs once. All or nothing: on any error the file is cut
 * back to the position before (at once, or before the next append if even that fails) and the
 * caller answers 503. ERR_FULL, ERR_IO. */
struct err journal_append(struct journal *j, const struct str *frames, size_t n,
                          uint64_t *out_position);
/* Starts a new file (erasure, size). */
struct err journal_rotate(struct journal *j);

/* Where the oldest file that is left begins; 0 in an empty folder. */
struct err journal_first_position(const char *folder, uint64_t *out);

struct journal_reader; /* follows from a position */
struct err journal_reader_open(const char *folder, uint64_t position,
                               struct journal_reader **out); /* ERR_NOTFOUND: that part is gone */
void journal_reader_close(struct journal_reader *r);
AUTO_DEFINE(struct journal_reader *, journal_reader_close);
/* The next whole frame that ends at or before `limit` (the published synced position), borrowed
 * until the next call. ERR_NOTFOUND: none yet. ERR_CORRUPT: bytes below the limit do not check.
 * Reads in large pieces. */
struct err journal_next(struct journal_reader *r, uint64_t limit, struct str *out_frame);
uint64_t journal_reader_position(
    const struct journal_reader *r); /* behind the frame last given, and behind its group's
                                        commit record if it was the last: then the limit itself */
/* Deletes the files that lie wholly below position. */
struct err journal_delete_below(const char *folder, uint64_t position);
/* Walks every file and frame; for `weir check`. Counts frames and records; stops at the first
 * damage: ERR_CORRUPT, with its position (the other two are counts so far). A group at the end of
 * the last file that is being written is not damage. */
struct err journal_check(const char *folder, uint64_t *out_frames, uint64_t *out_records,
                         uint64_t *out_damage_at);
/* Rewrites every frame's box in place for a new team key (`weir seal`): the frame's checksum
 * changes with it, its length does not. Runs with no writer; crash-safe: a frame file is replaced
 * by rename. */
struct err journal_rewrap(const char *folder, const struct team_secret *old,
                          const struct team_public *to);
/* The end of the `.damaged` copies: their bytes are overwritten and cut to nothing (`weir seal`:
 * the boxes in them are the old key's, and what does not check cannot be wrapped anew). The names
 * stay, since they say that the gap in the positions is known. *out_n: how many held something. */
struct err journal_empty_damaged(const char *folder, size_t *out_n);
