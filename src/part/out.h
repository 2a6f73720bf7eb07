/* out.h: writing a part's bytes in one forward pass, to memory or to a file. Private to src/part.
 *
 * Failure is sticky, as in struct buf: puts after it do nothing, part_out_finish tells. A file
 * appears under its name only when it is whole and synced.
 */
#pragma once

#include "part/stream.h"

struct part_out {
    int fd;            /* -1: memory */
    char *path, *temp; /* owned; file only */
    uint8_t *bytes;    /* memory: all; file: what is not written yet */
    size_t n, cap;
    uint64_t written; /* file: before bytes[0] */
    struct part_file_section *sections;
    uint32_t sections_n, sections_cap;
    void *hash; /* XXH3 state of the section that is open */
    struct err err;
};
struct err part_out_open(const char *path /* NULL: memory */, uint64_t project,
                         struct part_out *out);
void part_out_done(struct part_out *o); /* also removes an unfinished file */
static inline void part_out_done_auto(struct part_out *o) {
    part_out_done(o);
}
void part_out_begin(struct part_out *o, enum part_section_kind kind, uint32_t index);
void part_out_put(struct part_out *o, const void *bytes, size_t n);
void part_out_end(struct part_out *o);
void part_out_fail(struct part_out *o, struct err e);
/* One section of plain bytes. */
void part_out_raw(struct part_out *o, enum part_section_kind kind, const void *bytes, size_t n);
/* Footer, sync, rename; then opens what was written. */
struct err part_out_finish(struct part_out *o, const struct part_file_info *info,
                           struct part **out);

/* A stream going into the section that part_stream_begin opens. */
struct part_stream_out {
    struct part_out *o;
    uint64_t values[PART_BLOCK_ROWS];
    uint32_t n; /* pending in values */
    uint64_t total, data_bytes;
    struct part_block *blocks;
    size_t blocks_n, blocks_cap;
    uint8_t bytes[PART_BLOCK_BYTES];
};
struct part_stream_out *part_stream_out_new(struct part_out *o);
void part_stream_out_free(struct part_stream_out *s);
AUTO_DEFINE(struct part_stream_out *, part_stream_out_free);
void part_stream_begin(struct part_stream_out *s, enum part_section_kind kind, uint32_t index);
void part_stream_put(struct part_stream_out *s, uint64_t v);
void part_stream_put32(struct part_stream_out *s, const uint32_t *v, size_t n);
void part_stream_put64(struct part_stream_out *s, const uint64_t *v, size_t n);
void part_stream_end(struct part_stream_out *s);
