/* files.h: the journal's folder as a list, and a walk over one file's groups. Private to the
 * module. */
#pragma once

#include "journal/layout.h"

#define JOURNAL_NAME_BYTES 40 /* "%020u.damaged" and NUL */

/* The folder's files, sorted by the position at which they start. */
struct journal_files {
    uint64_t *starts; /* [n], owned */
    size_t n;
};
/* ERR_NOTFOUND: no such folder. */
struct err journal_files_list(const char *folder, struct journal_files *out);
void journal_files_done(struct journal_files *f);
void journal_file_name(uint64_t start, char out[JOURNAL_NAME_BYTES]);
bool journal_is_damaged_name(const char *name);
void journal_damaged_name(uint64_t position, char out[JOURNAL_NAME_BYTES]);
struct err journal_file_open(const char *folder, uint64_t start, int flags, int *out_fd);
struct err journal_file_size(int fd, uint64_t *out);

/* A window of a file, read in large pieces. */
struct journal_window {
    int fd; /* borrowed */
    struct buf bytes;
    uint64_t at;  /* offset in the file of bytes.p[0] */
    uint64_t end; /* offset that is not read over: what lies behind may yet change. UINT64_MAX at
                     first */
};
void journal_window_init(struct journal_window *w, int fd);
void journal_window_done(struct journal_window *w);
/* n bytes at an offset, borrowed until the next call; fewer come back only at the end of the file
 * (out->n). */
struct err journal_window_get(struct journal_window *w, uint64_t at, size_t n, struct str *out);

/* A commit record. */
struct journal_group {
    uint64_t position; /* of its first frame */
    uint32_t bytes, frames;
};
bool journal_group_read(const uint8_t record[GROUP_BYTES], struct journal_group *out);
void journal_group_write(const struct journal_group *g, uint8_t record[GROUP_BYTES]);

/* The walk: frames and commit records in order, from the start of a file. */
enum journal_step {
    STEP_FRAME,  /* `frame` is whole; its group's record is still to come */
    STEP_COMMIT, /* the group that the last frames made is valid; `at` is behind it */
    STEP_END,    /* the file ends here, behind a valid group */
    STEP_BAD,    /* what follows is no valid group */
    STEP_NEWER,  /* a frame of a version that this program does not know */
};
struct journal_walk {
    struct journal_window window;
    uint64_t start, size; /* of the file: position, bytes */
    uint64_t at;          /* offset */
    uint64_t group_at;    /* offset at which the current group began: all before is valid */
    uint32_t group_frames;
    struct str frame;  /* the last STEP_FRAME's, borrowed until the next step */
    uint64_t frame_at; /* its offset */
};
struct err journal_walk_begin(struct journal_walk *w, int fd, uint64_t start);
void journal_walk_end(struct journal_walk *w);
/* STEP_BAD, STEP_NEWER and STEP_END stay what they are. Errors: ERR_IO, ERR_NOMEM only. */
struct err journal_walk_step(struct journal_walk *w, enum journal_step *out);
/* Whether behind group_at a commit record stands that names a group which begins behind it: then
 * what follows group_at was durable once, and is damage, not a torn tail. */
struct err journal_walk_is_damage(struct journal_walk *w, bool *out);
