#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

#define PATH_BYTES 4200

void fd_close(int fd) {
    if (fd >= 0) (void)close(fd);
}

void path_join(char *out, size_t out_bytes, const char *folder, const char *name) {
    int n = snprintf(out, out_bytes, "%s/%s", folder, name);
    assert(n > 0 && (size_t)n < out_bytes);
}

struct err io_read_file(const char *path, size_t max_bytes, struct buf *out) {
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_os("read a file: open");
    size_t before = out->n;
    for (;;) {
        size_t left = max_bytes - (out->n - before);
        size_t want = left < 65536 ? left : 65536;
        char beyond;
        char *room = want > 0 ? buf_room(out, want) : &beyond;
        if (room == NULL) return buf_err(out);
        ssize_t got = read(fd, room, want > 0 ? want : 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_os("read a file: read");
        if (got == 0) return ERR_NONE;
        if (want == 0) return ERR(ERR_LIMIT, "read a file: larger than allowed");
        out->n += (size_t)got;
    }
}

struct err io_write_all(int fd, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t wrote = write(fd, p, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return err_os("write");
        p += wrote;
        n -= (size_t)wrote;
    }
    return ERR_NONE;
}

struct err io_pread_all(int fd, void *out, size_t n, uint64_t at) {
    char *p = out;
    while (n > 0) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return err_os("read at an offset");
        if (got == 0) return ERR(ERR_CORRUPT, "read at an offset: the file is too short");
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return ERR_NONE;
}

struct err io_sync(int fd) {
    return fdatasync(fd) == 0 ? ERR_NONE : err_os("sync");
}

struct err io_sync_folder(const char *path) {
    AUTO(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_os("sync a folder: open");
    return fsync(fd) == 0 ? ERR_NONE : err_os("sync a folder");
}

static struct err sync_folder_of(const char *path) {
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return io_sync_folder(".");
    size_t n = slash == path ? 1 : (size_t)(slash - path);
    assert(n < sizeof folder);
    memcpy(folder, path, n);
    folder[n] = 0;
    return io_sync_folder(folder);
}

static struct err write_whole(const char *path, struct str content, mode_t mode) {
    AUTO(fd_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return err_os("replace a file: create");
    if (fchmod(fd, mode) != 0) return err_os("replace a file: mode");
    TRY(io_write_all(fd, content.p, content.n));
    return fsync(fd) == 0 ? ERR_NONE : err_os("replace a file: sync");
}

struct err io_replace_file(const char *path, struct str content, mode_t mode) {
    char temporary[PATH_BYTES];
    int n = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return ERR(ERR_INVALID, "replace a file: long path");
    struct err e = write_whole(temporary, content, mode);
    if (e.code == ERR_OK && rename(temporary, path) != 0) e = err_os("replace a file: rename");
    if (e.code != ERR_OK) {
        (void)unlink(temporary);
        return e;
    }
    return sync_folder_of(path);
}

static struct err make_one(const char *path, mode_t mode) {
    if (mkdir(path, mode) == 0) return ERR_NONE;
    int saved = errno; /* an unwritable parent says EROFS or EACCES even for what is there */
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return ERR_NONE;
    errno = saved;
    return err_os("make a folder");
}

struct err io_make_folder(const char *path, mode_t mode) {
    char prefix[PATH_BYTES];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof prefix) return ERR(ERR_INVALID, "make a folder: length of the path");
    for (size_t i = 1; i <= n; i++) {
        if (i < n && path[i] != '/') continue;
        memcpy(prefix, path, i);
        prefix[i] = 0;
        TRY(make_one(prefix, mode));
    }
    return ERR_NONE;
}
