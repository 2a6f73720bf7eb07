/* files.c: names, the folder's list, reading in large pieces, the walk over groups. */
#include "journal/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)
#define WINDOW_MAX_BYTES (JOURNAL_MAX_FRAME_BYTES + 2 * PIECE_BYTES)

void journal_file_name(uint64_t start, char out[JOURNAL_NAME_BYTES]) {
    (void)snprintf(out, JOURNAL_NAME_BYTES, "%020" PRIu64 ".wj", start);
}

void journal_damaged_name(uint64_t position, char out[JOURNAL_NAME_BYTES]) {
    (void)snprintf(out, JOURNAL_NAME_BYTES, "%020" PRIu64 ".damaged", position);
}

bool journal_is_damaged_name(const char *name) {
    return strspn(name, "0123456789") == 20 && strcmp(name + 20, ".damaged") == 0;
}

static bool parse_name(const char *name, uint64_t *out) {
    uint64_t v = 0;
    for (int i = 0; i < 20; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
        if (__builtin_mul_overflow(v, 10u, &v)) return false;
        if (__builtin_add_overflow(v, (uint64_t)(name[i] - '0'), &v)) return false;
    }
    *out = v;
    return strcmp(name + 20, ".wj") == 0;
}

static int compare_starts(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static struct err append_start(struct journal_files *f, size_t *cap, uint64_t start) {
    if (f->n == *cap) {
        size_t bigger = *cap ? *cap * 2 : 64;
        uint64_t *p = reallocarray(f->starts, bigger, sizeof *p);
        if (!p) return ERR(ERR_NOMEM, "journal: list of files");
        f->starts = p;
        *cap = bigger;
    }
    f->starts[f->n++] = start;
    return ERR_NONE;
}

struct err journal_files_list(const char *folder, struct journal_files *out) {
    DIR *d = opendir(folder);
    if (!d) return err_os("journal: open folder");
    struct journal_files f = {0};
    size_t cap = 0;
    struct err e = ERR_NONE;
    uint64_t start;
    for (struct dirent *entry; e.code == ERR_OK && (entry = readdir(d));)
        if (parse_name(entry->d_name, &start)) e = append_start(&f, &cap, start);
    closedir(d);
    if (e.code != ERR_OK) {
        journal_files_done(&f);
        return e;
    }
    if (f.n > 0) qsort(f.starts, f.n, sizeof *f.starts, compare_starts);
    *out = f;
    return ERR_NONE;
}

void journal_files_done(struct journal_files *f) {
    free(f->starts);
    *f = (struct journal_files){0};
}

struct err journal_file_open(const char *folder, uint64_t start, int flags, int *out_fd) {
    char name[JOURNAL_NAME_BYTES], path[4200];
    journal_file_name(start, name);
    path_join(path, sizeof path, folder, name);
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return err_os("journal: open file");
    *out_fd = fd;
    return ERR_NONE;
}

struct err journal_file_size(int fd, uint64_t *out) {
    struct stat st;
    if (fstat(fd, &st) != 0) return err_os("journal: size of file");
    *out = (uint64_t)st.st_size;
    return ERR_NONE;
}

/* ---- the window ---- */

void journal_window_init(struct journal_window *w, int fd) {
    *w = (struct journal_window){.fd = fd, .end = UINT64_MAX};
    buf_init(&w->bytes, WINDOW_MAX_BYTES);
}

void journal_window_done(struct journal_window *w) {
    buf_done(&w->bytes);
}

/* Reads up to n bytes behind what the window holds; short at the end of the file and at `end`. */
static struct err window_fill(struct journal_window *w, size_t n) {
    uint64_t have = w->at + w->bytes.n;
    if (have >= w->end) return ERR_NONE;
    if (w->end - have < n) n = (size_t)(w->end - have);
    char *to = buf_room(&w->bytes, n);
    if (!to) return buf_err(&w->bytes);
    while (n > 0) {
        ssize_t got = pread(w->fd, to, n, (off_t)(w->at + w->bytes.n));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_os("journal: read");
        if (got == 0) break;
        w->bytes.n += (size_t)got;
        to += got;
        n -= (size_t)got;
    }
    return ERR_NONE;
}

struct err journal_window_get(struct journal_window *w, uint64_t at, size_t n, struct str *out) {
    assert(n <= JOURNAL_MAX_FRAME_BYTES + PIECE_BYTES);
    if (at < w->at || at > w->at + w->bytes.n) {
        w->bytes.n = 0;
        w->at = at;
    }
    size_t skip = (size_t)(at - w->at);
    if (w->bytes.n - skip < n) {
        size_t keep = w->bytes.n - skip;
        if (skip > 0 && keep > 0) memmove(w->bytes.p, w->bytes.p + skip, keep);
        w->bytes.n = keep;
        w->at = at;
        skip = 0;
        TRY(window_fill(w, n - keep < PIECE_BYTES ? PIECE_BYTES : n - keep));
    }
    size_t have = w->bytes.n - skip;
    *out = (struct str){w->bytes.p + skip, have < n ? have : n};
    return ERR_NONE;
}

/* ---- groups ---- */

bool journal_group_read(const uint8_t record[GROUP_BYTES], struct journal_group *out) {
    if (memcmp(record, GROUP_MAGIC, MAGIC_BYTES) != 0) return false;
    if (checksum64(record, GROUP_BYTES - 8) != get_u64(record + GROUP_BYTES - 8)) return false;
    *out = (struct journal_group){.position = get_u64(record + 8),
                                  .bytes = get_u32(record + 16),
                                  .frames = get_u32(record + 20)};
    return true;
}

void journal_group_write(const struct journal_group *g, uint8_t record[GROUP_BYTES]) {
    memcpy(record, GROUP_MAGIC, MAGIC_BYTES);
    set_u64(record + 8, g->position);
    set_u32(record + 16, g->bytes);
    set_u32(record + 20, g->frames);
    set_u64(record + 24, checksum64(record, GROUP_BYTES - 8));
}

struct err journal_walk_begin(struct journal_walk *w, int fd, uint64_t start) {
    *w = (struct journal_walk){.start = start};
    journal_window_init(&w->window, fd);
    return journal_file_size(fd, &w->size);
}

void journal_walk_end(struct journal_walk *w) {
    journal_window_done(&w->window);
}

static struct err step_frame(struct journal_walk *w, const uint8_t *head, enum journal_step *out) {
    uint32_t length;
    *out = STEP_BAD;
    if (!journal_frame_length(head, &length) || length > w->size - w->at) return ERR_NONE;
    struct str frame;
    TRY(journal_window_get(&w->window, w->at, length, &frame));
    if (frame.n < length || !journal_frame_is_whole(frame)) return ERR_NONE;
    w->frame = frame;
    w->frame_at = w->at;
    w->at += length;
    w->group_frames++;
    *out = STEP_FRAME;
    return ERR_NONE;
}

static enum journal_step step_commit(struct journal_walk *w, const uint8_t *record) {
    struct journal_group g;
    if (!journal_group_read(record, &g) || w->group_frames == 0 || g.frames != w->group_frames ||
        g.position != w->start + w->group_at || g.bytes != w->at - w->group_at)
        return STEP_BAD;
    w->at += GROUP_BYTES;
    w->group_at = w->at;
    w->group_frames = 0;
    return STEP_COMMIT;
}

struct err journal_walk_step(struct journal_walk *w, enum journal_step *out) {
    *out = w->group_frames == 0 && w->at == w->size ? STEP_END : STEP_BAD;
    if (w->at >= w->size) return ERR_NONE;
    struct str head;
    TRY(journal_window_get(&w->window, w->at, FRAME_HEAD_BYTES, &head));
    if (head.n < GROUP_BYTES) return ERR_NONE;
    const uint8_t *p = (const uint8_t *)head.p;
    if (memcmp(p, GROUP_MAGIC, MAGIC_BYTES) == 0) {
        *out = step_commit(w, p);
        return ERR_NONE;
    }
    if (head.n < FRAME_HEAD_BYTES || memcmp(p, FRAME_MAGIC, MAGIC_NAME_BYTES) != 0) return ERR_NONE;
    if (p[MAGIC_NAME_BYTES] > (uint8_t)FRAME_MAGIC[MAGIC_NAME_BYTES] &&
        p[MAGIC_NAME_BYTES] <= '9') {
        *out = STEP_NEWER;
        return ERR_NONE;
    }
    return step_frame(w, p, out);
}

/* Any later record in these bytes? They may begin anywhere. */
static bool holds_later_record(struct str bytes, uint64_t behind) {
    while (bytes.n >= GROUP_BYTES) {
        const char *p =
            memmem(bytes.p, bytes.n - GROUP_BYTES + MAGIC_BYTES, GROUP_MAGIC, MAGIC_BYTES);
        if (!p) return false;
        struct journal_group g;
        if (journal_group_read((const uint8_t *)p, &g) && g.position > behind) return true;
        bytes = str_from(bytes, (size_t)(p - bytes.p) + 1);
    }
    return false;
}

struct err journal_walk_is_damage(struct journal_walk *w, bool *out) {
    uint64_t at = w->group_at;
    for (;;) {
        struct str piece;
        TRY(journal_window_get(&w->window, at, PIECE_BYTES, &piece));
        if (holds_later_record(piece, w->start + w->group_at)) {
            *out = true;
            return ERR_NONE;
        }
        if (piece.n < PIECE_BYTES) break;
        at += PIECE_BYTES - GROUP_BYTES + 1; /* a record may lie across two pieces */
    }
    *out = false;
    return ERR_NONE;
}
