/* layout.h: the byte offsets of doc/journal-format.md, shared by the writer, the readers and
 * recovery. Private. */
#pragma once

#include "journal/journal.h"

#define FRAME_MAGIC "WeirFrm1"
#define GROUP_MAGIC "WeirGrp1"
#define MAGIC_BYTES 8
#define MAGIC_NAME_BYTES 7 /* without the version */

enum frame_offset {
    FRAME_AT_LENGTH = 8,
    FRAME_AT_FLAGS = 12,
    FRAME_AT_PROJECT = 16,
    FRAME_AT_ID = 24,
    FRAME_AT_ARRIVAL = 40,
    FRAME_AT_TEAM = 48,
    FRAME_AT_TEXTS = 56,
    FRAME_AT_RECORDS = 60,
    FRAME_AT_TEXT_BYTES = 64,
    FRAME_AT_RECORD_BYTES = 68,
    FRAME_HEAD_BYTES = 76,
};
#define FRAME_FLAG_BOX 1u
#define FRAME_SUM_BYTES 8
#define FRAME_MIN_BYTES (FRAME_HEAD_BYTES + FRAME_SUM_BYTES)

enum text_offset {
    TEXT_AT_HASH = 0,
    TEXT_AT_KIND = 16,
    TEXT_AT_TYPE = 17,
    TEXT_AT_STATE = 18,
    TEXT_AT_PATH = 20,
    TEXT_AT_BYTES = 24,
    TEXT_ENTRY_BYTES = 28,
};

#define GROUP_BYTES 32 /* a commit record */
#define EVENT_HAS_DEVICE 1u
#define EVENT_HAS_SENT_ID 2u
#define EVENT_HAS_INSERT 4u
#define FRAME_MAX_NEST 16

static inline uint32_t get_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint64_t get_u64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void set_u32(uint8_t *p, uint32_t v) {
    memcpy(p, &v, sizeof v);
}
static inline void set_u64(uint8_t *p, uint64_t v) {
    memcpy(p, &v, sizeof v);
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored integers are little-endian");

/* The kind that the path of a text of this kind must have; 0: it has no path. */
static inline uint8_t path_kind_of(uint8_t kind) {
    switch (kind) {
    case TEXT_VALUE:
        return TEXT_PROPERTY;
    case TEXT_USER_VALUE:
        return TEXT_USER_PROPERTY;
    case TEXT_GROUP_VALUE:
        return TEXT_GROUP_PROPERTY;
    case TEXT_GROUP_PROPERTY:
        return TEXT_GROUP_KEY;
    default:
        return 0;
    }
}
/* The kind of a record's property paths. */
static inline uint8_t prop_kind_of(enum frame_record_type type) {
    return type == RECORD_EVENT  ? (uint8_t)TEXT_PROPERTY
           : type == RECORD_USER ? (uint8_t)TEXT_USER_PROPERTY
                                 : (uint8_t)TEXT_GROUP_PROPERTY;
}
static inline bool is_value_kind(uint8_t kind) {
    return kind == TEXT_VALUE || kind == TEXT_USER_VALUE || kind == TEXT_GROUP_VALUE;
}
static inline bool is_text_kind(uint8_t kind) {
    return kind >= TEXT_EVENT && kind <= TEXT_GROUP_VALUE;
}
static inline bool is_text_type(uint8_t type) {
    return type == TEXT_STRING || type == TEXT_INTEGER || type == TEXT_DECIMAL;
}

/* The length that a frame's head names; false when magic or length cannot be a frame's. */
bool journal_frame_length(const uint8_t head[FRAME_HEAD_BYTES], uint32_t *out);
/* Whether bytes are exactly one whole frame (magic, sizes, checksum); its texts and records are not
 * looked at. */
bool journal_frame_is_whole(struct str bytes);
