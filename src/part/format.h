/* format.h: the bytes of a part file (doc/part-format.md). Private to src/part. */
#pragma once

#include <stdlib.h>

#include "part/part.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored integers are read in place");

#define PART_MAGIC "WEIRPRT1"
#define PART_END_MAGIC "WEIREND1"
#define PART_VERSION 1u
#define PART_ALIGN 16u
#define PART_BLOCK_ROWS 4096u
#define PART_MAX_DEPTH 20
#define PART_MAX_TERMS (1u << 31)

struct part_file_header {
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t project, zero;
};
_Static_assert(sizeof(struct part_file_header) == 32, "stored");

struct part_file_info {
    uint64_t project, seq_lo, seq_hi;
    int64_t min_time_us, max_time_us, time_base_us;
    uint32_t rows, persons;
    uint32_t time_unit_us, event_width;
    uint32_t events, columns;
    uint32_t terms, sealed;
    uint32_t frames, trees;
    uint32_t sections, zero32;
    uint64_t zero[6];
};
_Static_assert(sizeof(struct part_file_info) == 144, "stored");

struct part_file_trailer {
    uint64_t footer_at, footer_bytes, checksum;
    char magic[8];
};
_Static_assert(sizeof(struct part_file_trailer) == 32, "stored");

enum part_section_kind {
    SEC_PERSONS = 1,
    SEC_STARTS,
    SEC_TIMES,
    SEC_EVENT_CODES,
    SEC_EVENT_TERMS,
    SEC_EVENT_ROWS,
    SEC_INSERT_LOW,
    SEC_INSERT_HIGH,
    SEC_TERMS,
    SEC_TERM_WHAT,
    SEC_SEALED_TERM,
    SEC_SEALED_FRAME,
    SEC_SEALED_ORDINAL,
    SEC_SEALED_PATH,
    SEC_SEALED_AT,
    SEC_CIPHER,
    SEC_FRAMES,
    SEC_TREE_TERM,
    SEC_TREE_AT,
    SEC_TREES,
    SEC_COLUMNS,
    SEC_COLUMN_DICT,
    SEC_COLUMN_ROWS,
    SEC_COLUMN_VALUES,
    SEC_KINDS
};

struct part_file_section {
    uint32_t kind, index;
    uint64_t at, bytes, checksum;
};
_Static_assert(sizeof(struct part_file_section) == 32, "stored");

struct part_file_frame {
    struct id128 id;
    uint8_t box[SEAL_BOX_BYTES];
};
_Static_assert(sizeof(struct part_file_frame) == 136, "stored");

enum part_layout { PART_DENSE = 0, PART_SPARSE_ROWS = 1 };
enum part_number_kind { PART_INTEGER = 0, PART_RAW = 1 };

/* How a PART_NUMBER column's doubles become the unsigned numbers of a stream. */
struct part_number_form {
    uint8_t kind;  /* enum part_number_kind */
    uint8_t scale; /* PART_INTEGER: values are integers / 10^scale, exactly */
    int64_t base;  /* PART_INTEGER: no integer is below */
};

struct part_file_column {
    uint32_t property_term;
    uint8_t class, layout, number_kind, scale;
    uint32_t dictionary, present;
    double min, max;
    int64_t base;
    uint64_t zero[3];
};
_Static_assert(sizeof(struct part_file_column) == 64, "stored");

/* TERM_WHAT. */
#define PART_WHAT_SEALED 1u
#define PART_WHAT_OTHER 64u
/* In trees. */
#define PART_TREE_SEALED 128u

static inline uint32_t part_what_text(uint8_t kind, uint8_t type) {
    uint32_t code = type == TEXT_INTEGER ? 1u : type == TEXT_DECIMAL ? 2u : 0u;
    return code << 1 | (uint32_t)(kind - 1u) << 3;
}
static inline bool part_what_is_text(uint32_t what) {
    return what < PART_WHAT_OTHER;
}
static inline uint8_t part_what_type(uint32_t what) {
    static const uint8_t types[4] = {TEXT_STRING, TEXT_INTEGER, TEXT_DECIMAL, TEXT_STRING};
    return types[what >> 1 & 3u];
}
static inline uint8_t part_what_kind(uint32_t what) {
    return (uint8_t)((what >> 3 & 7u) + 1u);
}

/* The hash of a value that is not text, and back. */
struct id128 part_simple_hash(enum part_value_type type);
struct id128 part_time_hash(int64_t us);
int64_t part_time_of_hash(struct id128 hash);

/* A row's sent id and insert id as one number; 0 when insert is 0. */
uint64_t part_insert_fingerprint(struct id128 sent_id, uint64_t insert, int64_t time_us);

static inline void part_free_auto(void *held) {
    free(*(void **)held);
}
