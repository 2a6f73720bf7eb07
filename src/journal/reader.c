/* reader.c: follows the journal from a position; deletes what is covered; checks all of it.
 *
 * A reader looks only below the limit that it is told (the synced position), so it never sees a
 * byte that may yet be cut back. Behind a frame it steps over the commit record at once: after the
 * last frame its position is the limit itself.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal/files.h"

struct journal_reader {
    char folder[4096];
    int fd; /* -1: no file yet */
    uint64_t start, position;
    struct journal_window window;
};

/* The file in which a position lies, and where the one behind it starts (UINT64_MAX: none).
 * ERR_NOTFOUND: before all files. */
static struct err find_file(const char *folder, uint64_t position, uint64_t *out_start,
                            uint64_t *out_next) {
    struct journal_files files;
    TRY(journal_files_list(folder, &files));
    size_t i = 0;
    while (i < files.n && files.starts[i] <= position)
        i++;
    bool found = i > 0;
    if (found) {
        *out_start = files.starts[i - 1];
        *out_next = i < files.n ? files.starts[i] : UINT64_MAX;
    }
    journal_files_done(&files);
    return found ? ERR_NONE : ERR(ERR_NOTFOUND, "journal: no file holds the position");
}

static void use_file(struct journal_reader *r, int fd, uint64_t start) {
    fd_close(r->fd);
    journal_window_done(&r->window);
    journal_window_init(&r->window, fd);
    r->fd = fd;
    r->start = start;
    if (r->position < start) r->position = start; /* over a gap */
}

/* Opens the file of the position; one that is at its file's end and has a file behind it goes
 * there. */
static struct err seek_file(struct journal_reader *r) {
    uint64_t start, next, size;
    TRY(find_file(r->folder, r->position, &start, &next));
    AUTO(fd_close) int fd = -1;
    TRY(journal_file_open(r->folder, start, O_RDONLY, &fd));
    TRY(journal_file_size(fd, &size));
    if (r->position - start >= size && next != UINT64_MAX) {
        fd_close(fd);
        fd = -1;
        TRY(journal_file_open(r->folder, next, O_RDONLY, &fd));
        start = next;
    } else if (r->position - start > size) {
        return ERR(ERR_CORRUPT, "journal: it ends before the position");
    }
    use_file(r, fd, start);
    fd = -1;
    return ERR_NONE;
}

struct err journal_reader_open(const char *folder, uint64_t position, struct journal_reader **out) {
    AUTO(journal_reader_close) struct journal_reader *r = calloc(1, sizeof *r);
    if (!r) return ERR(ERR_NOMEM, "journal: reader");
    r->fd = -1;
    r->position = position;
    journal_window_init(&r->window, -1);
    if (strlen(folder) >= sizeof r->folder) return ERR(ERR_INVALID, "journal: long path");
    memcpy(r->folder, folder, strlen(folder) + 1);
    struct err e = seek_file(r);
    if (e.code == ERR_NOTFOUND) {
        struct journal_files files = {0};
        struct err list = journal_files_list(folder, &files);
        bool fresh = position == 0 && files.n == 0; /* the writer has not begun */
        journal_files_done(&files);
        if (list.code == ERR_NOTFOUND && position == 0) fresh = true;
        if (fresh) e = ERR_NONE;
    }
    TRY(e);
    *out = r;
    r = NULL;
    return ERR_NONE;
}

void journal_reader_close(struct journal_reader *r) {
    if (!r) return;
    journal_window_done(&r->window);
    fd_close(r->fd);
    free(r);
}

uint64_t journal_reader_position(const struct journal_reader *r) {
    return r->position;
}

/* Up to n bytes at the position, not beyond the limit. */
static struct err peek(struct journal_reader *r, uint64_t limit, size_t n, struct str *out) {
    if (limit - r->position < n) n = (size_t)(limit - r->position);
    r->window.end = limit - r->start; /* bytes behind the limit may be cut back and written anew */
    return journal_window_get(&r->window, r->position - r->start, n, out);
}

/* Steps over a commit record at p, if one is there. */
static bool step_commit(struct journal_reader *r, const char *p, size_t n) {
    struct journal_group g;
    if (n < GROUP_BYTES || !journal_group_read((const uint8_t *)p, &g)) return false;
    if (g.position + g.bytes != r->position) return false;
    r->position += GROUP_BYTES;
    return true;
}

/* The frame at the position, whose head was peeked. */
static struct err take_frame(struct journal_reader *r, uint64_t limit, const uint8_t *head,
                             struct str *out) {
    uint32_t length;
    if (!journal_frame_length(head, &length)) return ERR(ERR_CORRUPT, "journal: no frame here");
    if (limit - r->position < length) return ERR(ERR_NOTFOUND, "journal: no whole frame yet");
    struct str bytes;
    TRY(peek(r, limit, (size_t)length + GROUP_BYTES, &bytes));
    if (bytes.n < length || !journal_frame_is_whole((struct str){bytes.p, length}))
        return ERR(ERR_CORRUPT, "journal: frame does not check");
    *out = (struct str){bytes.p, length};
    r->position += length;
    (void)step_commit(r, bytes.p + length, bytes.n - length);
    return ERR_NONE;
}

struct err journal_next(struct journal_reader *r, uint64_t limit, struct str *out_frame) {
    for (;;) {
        if (r->position >= limit) return ERR(ERR_NOTFOUND, "journal: nothing new");
        struct str head = {0};
        if (r->fd >= 0) TRY(peek(r, limit, FRAME_HEAD_BYTES, &head));
        if (head.n == 0) { /* the file's end, and the limit is beyond it: the next file */
            uint64_t at = r->position, start = r->start;
            bool had = r->fd >= 0;
            TRY(seek_file(r));
            if (had && r->position == at && r->start == start)
                return ERR(ERR_CORRUPT, "journal: it ends before the limit");
            continue;
        }
        if (step_commit(r, head.p, head.n)) continue;
        if (head.n < FRAME_HEAD_BYTES) return ERR(ERR_CORRUPT, "journal: half a frame");
        return take_frame(r, limit, (const uint8_t *)head.p, out_frame);
    }
}

struct err journal_delete_below(const char *folder, uint64_t position) {
    struct journal_files files;
    TRY(journal_files_list(folder, &files));
    struct err e = ERR_NONE;
    for (size_t i = 0; e.code == ERR_OK && i + 1 < files.n && files.starts[i + 1] <= position;
         i++) {
        char name[JOURNAL_NAME_BYTES], path[4200];
        journal_file_name(files.starts[i], name);
        path_join(path, sizeof path, folder, name);
        if (unlink(path) != 0) e = err_os("journal: delete file");
    }
    journal_files_done(&files);
    return e.code == ERR_OK ? io_sync_folder(folder) : e;
}

struct err journal_first_position(const char *folder, uint64_t *out) {
    struct journal_files files;
    TRY(journal_files_list(folder, &files));
    uint64_t first = files.n > 0 ? files.starts[0] : 0;
    journal_files_done(&files);
    *out = first;
    return ERR_NONE;
}
