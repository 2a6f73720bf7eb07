/* rewrap.c: every frame's box for a new team key (`weir seal`), file by file, by rename.
 *
 * A crash leaves each file whole, under the old key or the new: running again passes over what is
 * done.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/files.h"

struct rewrap {
    const struct team_secret *old;
    const struct team_public *to;
    struct buf frame; /* the copy that is changed */
    int out_fd;
    bool changed;
};

static struct err rewrap_frame(struct rewrap *r, struct str frame) {
    buf_clear(&r->frame);
    buf_put_str(&r->frame, frame);
    TRY(buf_err(&r->frame));
    uint8_t *p = (uint8_t *)r->frame.p;
    bool box = (get_u32(p + FRAME_AT_FLAGS) & FRAME_FLAG_BOX) != 0;
    if (!box || get_u64(p + FRAME_AT_TEAM) == r->to->id)
        return io_write_all(r->out_fd, frame.p, frame.n);
    uint8_t fresh[SEAL_BOX_BYTES];
    TRY(seal_box_rewrap(p + FRAME_HEAD_BYTES, r->old, r->to, fresh));
    memcpy(p + FRAME_HEAD_BYTES, fresh, sizeof fresh);
    set_u64(p + FRAME_AT_TEAM, r->to->id);
    set_u64(p + frame.n - FRAME_SUM_BYTES, checksum64(p, frame.n - FRAME_SUM_BYTES));
    r->changed = true;
    return io_write_all(r->out_fd, p, frame.n);
}

static struct err rewrap_walk(struct rewrap *r, struct journal_walk *w) {
    for (;;) {
        uint64_t group_at = w->group_at;
        uint32_t frames = w->group_frames;
        enum journal_step step;
        TRY(journal_walk_step(w, &step));
        if (step == STEP_END) return ERR_NONE;
        if (step == STEP_FRAME) {
            TRY(rewrap_frame(r, w->frame));
        } else if (step == STEP_COMMIT) {
            struct journal_group g = {.position = w->start + group_at,
                                      .bytes = (uint32_t)(w->at - group_at - GROUP_BYTES),
                                      .frames = frames};
            uint8_t record[GROUP_BYTES];
            journal_group_write(&g, record);
            TRY(io_write_all(r->out_fd, record, sizeof record));
        } else {
            return ERR(ERR_CORRUPT, "journal: group does not check");
        }
    }
}

static struct err rewrap_to(struct rewrap *r, const char *folder, uint64_t start) {
    AUTO(fd_close) int fd = -1;
    TRY(journal_file_open(folder, start, O_RDONLY, &fd));
    struct journal_walk w;
    struct err e = journal_walk_begin(&w, fd, start);
    if (e.code == ERR_OK) e = rewrap_walk(r, &w);
    journal_walk_end(&w);
    TRY(e);
    return fsync(r->out_fd) == 0 ? ERR_NONE : err_os("journal: sync rewrapped file");
}

static struct err rewrap_file(struct rewrap *r, const char *folder, uint64_t start) {
    char name[JOURNAL_NAME_BYTES], path[4200], temporary[4200];
    journal_file_name(start, name);
    path_join(path, sizeof path, folder, name);
    path_join(temporary, sizeof temporary, folder, "rewrap.tmp");
    AUTO(fd_close) int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return err_os("journal: create rewrapped file");
    r->out_fd = fd;
    r->changed = false;
    struct err e = rewrap_to(r, folder, start);
    if (e.code == ERR_OK && r->changed && rename(temporary, path) != 0)
        e = err_os("journal: rename rewrapped file");
    if (e.code != ERR_OK || !r->changed) (void)unlink(temporary);
    return e;
}

static struct err rewrap_all(struct rewrap *r, const char *folder) {
    struct journal_files files;
    TRY(journal_files_list(folder, &files));
    struct err e = ERR_NONE;
    for (size_t i = 0; e.code == ERR_OK && i < files.n; i++)
        e = rewrap_file(r, folder, files.starts[i]);
    journal_files_done(&files);
    return e.code == ERR_OK ? io_sync_folder(folder) : e;
}

/* ---- damaged copies ---- */

static struct err overwrite(int fd, uint64_t bytes) {
    static const char zeros[4096];
    for (uint64_t at = 0; at < bytes; at += sizeof zeros) {
        size_t n = bytes - at < sizeof zeros ? (size_t)(bytes - at) : sizeof zeros;
        TRY(io_write_all(fd, zeros, n));
    }
    if (fsync(fd) != 0 || ftruncate(fd, 0) != 0 || fsync(fd) != 0)
        return err_os("journal: emptying a damaged copy");
    return ERR_NONE;
}

static struct err empty_one(const char *folder, const char *name, size_t *n) {
    char path[4200];
    uint64_t bytes = 0;
    path_join(path, sizeof path, folder, name);
    AUTO(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return err_os("journal: open a damaged copy");
    TRY(journal_file_size(fd, &bytes));
    if (bytes == 0) return ERR_NONE;
    TRY(overwrite(fd, bytes));
    ++*n;
    return ERR_NONE;
}

struct err journal_empty_damaged(const char *folder, size_t *out_n) {
    size_t n = 0;
    DIR *d = opendir(folder);
    if (!d) return err_os("journal: open folder");
    struct err e = ERR_NONE;
    for (struct dirent *entry; e.code == ERR_OK && (entry = readdir(d));)
        if (journal_is_damaged_name(entry->d_name)) e = empty_one(folder, entry->d_name, &n);
    closedir(d);
    TRY(e);
    *out_n = n;
    return ERR_NONE;
}

/* ---- all of it ---- */

struct err journal_rewrap(const char *folder, const struct team_secret *old,
                          const struct team_public *to) {
    struct journal *j;
    TRY(journal_open(folder, &j)); /* a torn tail goes first */
    journal_close(j);
    struct rewrap r = {.old = old, .to = to};
    buf_init(&r.frame, JOURNAL_MAX_FRAME_BYTES);
    struct err e = rewrap_all(&r, folder);
    buf_done(&r.frame);
    size_t emptied = 0;
    return e.code == ERR_OK ? journal_empty_damaged(folder, &emptied) : e;
}
