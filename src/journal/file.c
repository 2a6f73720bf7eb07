/* file.c: the writer: recovery at opening, groups that are all or nothing, new files.
 *
 * The order of one append: frames, commit record, fdatasync; only then does the position move, and
 * is noted in the file `synced` (not synced itself: a note that a power cut took back is lower,
 * never higher). By it opening tells a torn group from a damaged one, also when it is the last.
 * Whatever fails in between, the file is cut back to the position before; if the cut itself fails
 * (a full disk rarely refuses it, a broken one may), `dirty` makes the next append begin with it,
 * so that no byte of a refused group stays in front of an accepted one.
 *
 * The writer never reads a file after opening: front's sandbox allows it to write this folder, not
 * to read it.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "journal/files.h"

#define VECTOR_N 64
#define MARK_BYTES 16

struct journal {
    int folder_fd, fd, mark_fd;
    uint64_t start; /* position at which the file begins */
    uint64_t end;   /* durable bytes of the file */
    bool dirty;     /* there may be bytes behind `end` */
    bool set_aside; /* opening met damage */
};

/* ---- opening ---- */

static bool has_damaged(const char *folder, uint64_t position) {
    char name[JOURNAL_NAME_BYTES], path[4200];
    journal_damaged_name(position, name);
    path_join(path, sizeof path, folder, name);
    return access(path, F_OK) == 0;
}

/* Files before the last must follow one another; a gap is allowed where damage was set aside. */
static struct err check_chain(const char *folder, const struct journal_files *files) {
    for (size_t i = 0; i + 1 < files->n; i++) {
        AUTO(fd_close) int fd = -1;
        uint64_t size, end;
        TRY(journal_file_open(folder, files->starts[i], O_RDONLY, &fd));
        TRY(journal_file_size(fd, &size));
        if (__builtin_add_overflow(files->starts[i], size, &end) || end > files->starts[i + 1])
            return ERR(ERR_CORRUPT, "journal: files overlap");
        if (end < files->starts[i + 1] && !has_damaged(folder, end))
            return ERR(ERR_CORRUPT, "journal: a file is missing or too short");
    }
    return ERR_NONE;
}

/* ---- the note of the synced position: u64 position, u64 checksum ---- */

static uint64_t read_mark(int fd) {
    uint8_t mark[MARK_BYTES];
    if (io_pread_all(fd, mark, sizeof mark, 0).code != ERR_OK) return 0;
    return checksum64(mark, 8) == get_u64(mark + 8) ? get_u64(mark) : 0;
}

static struct err copy_tail(const char *folder, int fd, uint64_t at, uint64_t start,
                            uint64_t size) {
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    char *room = buf_room(&b, (size_t)(size - at) + 1); /* nothing may be left to copy */
    struct err e = room ? io_pread_all(fd, room, (size_t)(size - at), at) : buf_err(&b);
    if (e.code == ERR_OK) {
        char name[JOURNAL_NAME_BYTES], path[4200];
        journal_damaged_name(start + at, name);
        path_join(path, sizeof path, folder, name);
        e = io_replace_file(path, (struct str){room, (size_t)(size - at)}, 0600);
    }
    buf_done(&b);
    return e;
}

struct tail {
    uint64_t valid, size; /* bytes of the file */
    bool damage;
};

/* Finds the end of the last valid group, and what follows it. */
static struct err examine(int fd, uint64_t start, struct tail *out) {
    struct journal_walk w;
    struct err e = journal_walk_begin(&w, fd, start);
    enum journal_step step = STEP_FRAME;
    while (e.code == ERR_OK && (step == STEP_FRAME || step == STEP_COMMIT))
        e = journal_walk_step(&w, &step);
    if (e.code == ERR_OK && step == STEP_NEWER)
        e = ERR(ERR_CORRUPT, "journal: written by a newer weir");
    bool damage = false;
    if (e.code == ERR_OK && step == STEP_BAD) e = journal_walk_is_damage(&w, &damage);
    if (e.code == ERR_OK)
        *out = (struct tail){.valid = w.group_at, .size = w.size, .damage = damage};
    journal_walk_end(&w);
    return e;
}

/* Makes the last file end with a valid group, durably. `next_start` is where the next file must
 * begin when damage was set aside, else 0: behind all that was ever given out (synced). */
static struct err recover(const char *folder, uint64_t start, uint64_t synced, uint64_t *out_end,
                          uint64_t *out_next_start) {
    AUTO(fd_close) int fd = -1;
    TRY(journal_file_open(folder, start, O_RDWR, &fd));
    struct tail t;
    TRY(examine(fd, start, &t));
    t.damage |= start + t.valid < synced;
    if (t.damage) {
        TRY(copy_tail(folder, fd, t.valid, start, t.size));
    }
    if (t.valid < t.size && ftruncate(fd, (off_t)t.valid) != 0)
        return err_os("journal: cut the tail");
    if (fsync(fd) != 0) return err_os("journal: sync after recovery");
    *out_end = t.valid;
    uint64_t behind = start + t.size > synced ? start + t.size : synced;
    *out_next_start = t.damage ? behind : 0;
    return ERR_NONE;
}

static struct err create_file(int folder_fd, uint64_t start, int *out_fd) {
    char name[JOURNAL_NAME_BYTES];
    journal_file_name(start, name);
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return err_os("journal: create file");
    if (fsync(folder_fd) != 0) {
        struct err e = err_os("journal: sync folder");
        (void)close(fd);
        (void)unlinkat(folder_fd, name, 0);
        return e;
    }
    *out_fd = fd;
    return ERR_NONE;
}

static struct err open_last(struct journal *j, const char *folder) {
    struct journal_files files;
    TRY(journal_files_list(folder, &files));
    uint64_t synced = read_mark(j->mark_fd);
    uint64_t last = files.n > 0 ? files.starts[files.n - 1] : 0, next = files.n > 0 ? 0 : synced;
    struct err e = check_chain(folder, &files);
    bool fresh = files.n == 0;
    journal_files_done(&files);
    TRY(e);
    if (!fresh) TRY(recover(folder, last, synced, &j->end, &next));
    j->start = last;
    j->set_aside = next > 0;
    if (fresh || next > 0) {
        j->start = next;
        j->end = 0;
        return create_file(j->folder_fd, j->start, &j->fd);
    }
    return journal_file_open(folder, j->start, O_WRONLY, &j->fd);
}

struct err journal_open(const char *folder, struct journal **out) {
    TRY(io_make_folder(folder, 0700));
    AUTO(journal_close) struct journal *j = calloc(1, sizeof *j);
    if (!j) return ERR(ERR_NOMEM, "journal: writer");
    j->fd = j->mark_fd = -1;
    j->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->folder_fd < 0) return err_os("journal: open folder");
    j->mark_fd = openat(j->folder_fd, "synced", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (j->mark_fd < 0) return err_os("journal: open the note of the position");
    TRY(open_last(j, folder));
    if (fsync(j->folder_fd) != 0) return err_os("journal: sync folder");
    *out = j;
    j = NULL;
    return ERR_NONE;
}

void journal_close(struct journal *j) {
    if (!j) return;
    fd_close(j->fd);
    fd_close(j->mark_fd);
    fd_close(j->folder_fd);
    free(j);
}

bool journal_met_damage(const struct journal *j) {
    return j->set_aside;
}

uint64_t journal_position(const struct journal *j) {
    return j->start + j->end;
}

/* ---- appending ---- */

static struct err write_vector(int fd, struct iovec *v, int n, uint64_t at) {
    while (n > 0) {
        ssize_t wrote = pwritev(fd, v, n, (off_t)at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return err_os("journal: write");
        if (wrote == 0) return ERR(ERR_IO, "journal: write took nothing");
        at += (uint64_t)wrote;
        size_t left = (size_t)wrote;
        while (n > 0 && left >= v->iov_len) {
            left -= v->iov_len;
            v++;
            n--;
        }
        if (n > 0) {
            v->iov_base = (char *)v->iov_base + left;
            v->iov_len -= left;
        }
    }
    return ERR_NONE;
}

static struct err write_group(struct journal *j, const struct str *frames, size_t n,
                              uint8_t record[GROUP_BYTES]) {
    struct iovec v[VECTOR_N];
    uint64_t at = j->end;
    size_t i = 0;
    bool recorded = false;
    while (!recorded) {
        int k = 0;
        uint64_t bytes = 0;
        for (; i < n && k < VECTOR_N - 1; i++, k++) {
            v[k] = (struct iovec){(void *)(uintptr_t)frames[i].p, frames[i].n};
            bytes += frames[i].n;
        }
        if (i == n) {
            v[k++] = (struct iovec){record, GROUP_BYTES};
            recorded = true;
        }
        TRY(write_vector(j->fd, v, k, at));
        at += bytes;
    }
    return ERR_NONE;
}

/* Best effort: without it, damage to the last group is taken for a tear. */
static void note_synced(const struct journal *j) {
    uint8_t mark[MARK_BYTES];
    set_u64(mark, journal_position(j));
    set_u64(mark + 8, checksum64(mark, 8));
    (void)write_vector(j->mark_fd, &(struct iovec){mark, sizeof mark}, 1, 0).code;
}

static struct err cut_back(struct journal *j) {
    j->dirty = true;
    if (ftruncate(j->fd, (off_t)j->end) != 0) return err_os("journal: cut back");
    j->dirty = false;
    return ERR_NONE;
}

static struct err group_of(const struct journal *j, const struct str *frames, size_t n,
                           struct journal_group *out) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        assert(frames[i].n >= FRAME_MIN_BYTES && frames[i].n <= JOURNAL_MAX_FRAME_BYTES);
        bytes += frames[i].n;
        if (bytes > UINT32_MAX) return ERR(ERR_LIMIT, "journal: group too large");
    }
    *out = (struct journal_group){
        .position = journal_position(j), .bytes = (uint32_t)bytes, .frames = (uint32_t)n};
    return ERR_NONE;
}

struct err journal_append(struct journal *j, const struct str *frames, size_t n,
                          uint64_t *out_position) {
    assert(n > 0);
    struct journal_group g = {0};
    uint8_t record[GROUP_BYTES];
    TRY(group_of(j, frames, n, &g));
    if (j->dirty) TRY(cut_back(j));
    journal_group_write(&g, record);
    struct err e = write_group(j, frames, n, record);
    if (e.code == ERR_OK) e = io_sync(j->fd);
    if (e.code != ERR_OK) {
        (void)cut_back(j).code; /* if it fails, `dirty` stands */
        return e;
    }
    j->end += g.bytes + GROUP_BYTES;
    *out_position = journal_position(j);
    note_synced(j);
    if (j->end > JOURNAL_FILE_BYTES) (void)journal_rotate(j).code; /* tried again after the next */
    return ERR_NONE;
}

struct err journal_rotate(struct journal *j) {
    if (j->dirty) {
        TRY(cut_back(j));
        TRY(io_sync(j->fd)); /* the next file begins here: the cut must not come undone */
    }
    if (j->end == 0) return ERR_NONE;
    int fd = -1;
    TRY(create_file(j->folder_fd, journal_position(j), &fd));
    fd_close(j->fd);
    j->fd = fd;
    j->start += j->end;
    j->end = 0;
    return ERR_NONE;
}
