// modules: base seal journal
/* A journal file after a crash or worse. The input is a script: it appends groups, then breaks the
 * file. 0x00..0x7f  append a group of (b & 3) + 1 frames          0x80..0xbf  flip the bits of the
 * next byte at the offset of the two after 0xc0..0xdf  cut the file to the offset of the next three
 * 0xe0..0xff  append so many raw bytes of the input Invariant: opening succeeds unless a newer
 * version is claimed; all groups before the first broken byte are kept, in order; opening again
 * changes nothing; what is appended then is read back. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "journal/files.h"

#define MAX_BYTES 65536
#define MAX_GROUPS 64

/* Syncing would only cost time here: nothing is cut from power. */
int fdatasync(int fd) {
    (void)fd;
    return 0;
}
int fsync(int fd) {
    (void)fd;
    return 0;
}

struct script {
    uint8_t file[MAX_BYTES];
    size_t n, intact; /* bytes; those before the first broken one */
    bool broken;      /* what is appended now follows no valid group */
    size_t group_end[MAX_GROUPS];
    size_t n_groups;
};

static struct str small_frame(void) {
    static char bytes[256];
    static size_t n;
    if (n > 0) return (struct str){bytes, n};
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    assert(w);
    frame_begin(w, 1, &(struct team_public){.id = 1}, 1);
    struct frame_text t = {
        .kind = TEXT_EVENT, .type = 's', .state = FRAME_TEXT_KNOWN, .path = FRAME_NO_PATH};
    uint32_t index;
    struct err e = frame_add_text(w, &t, &index);
    assert(e.code == ERR_OK);
    frame_event_begin(w, &(struct frame_event){.name = index});
    e = frame_record_end(w);
    assert(e.code == ERR_OK);
    struct str out;
    e = frame_finish(w, &out);
    assert(e.code == ERR_OK && out.n <= sizeof bytes);
    memcpy(bytes, out.p, n = out.n);
    return (struct str){bytes, n};
}

static void append_group(struct script *s, unsigned frames) {
    struct str f = small_frame();
    struct journal_group g = {
        .position = s->n, .bytes = (uint32_t)(frames * f.n), .frames = frames};
    if (s->n + g.bytes + GROUP_BYTES > MAX_BYTES || s->n_groups == MAX_GROUPS) return;
    for (unsigned i = 0; i < frames; i++, s->n += f.n)
        memcpy(s->file + s->n, f.p, f.n);
    journal_group_write(&g, s->file + s->n);
    s->n += GROUP_BYTES;
    if (s->broken) return;
    s->intact = s->n;
    s->group_end[s->n_groups++] = s->n;
}

static void run_script(struct script *s, struct cursor c) {
    while (c.n > 0) {
        uint8_t op = cursor_u8(&c);
        if (op < 0x80) {
            append_group(s, (op & 3u) + 1);
        } else if (op < 0xc0) {
            uint8_t bits = cursor_u8(&c);
            size_t at = cursor_u16(&c);
            if (at >= s->n || bits == 0) continue;
            s->file[at] ^= bits;
            s->broken = true;
            if (at < s->intact) s->intact = at;
        } else if (op < 0xe0) {
            size_t to = cursor_u16(&c) + ((size_t)(cursor_u8(&c) & 1) << 16);
            if (to >= s->n) continue;
            s->n = to;
            s->broken = true;
            if (s->intact > s->n) s->intact = s->n;
        } else {
            size_t n = op & 31u;
            if (n > c.n) n = c.n;
            if (s->n + n > MAX_BYTES) n = 0;
            const uint8_t *p = cursor_bytes(&c, n);
            if (n > 0) memcpy(s->file + s->n, p, n);
            s->n += n;
            s->broken |= n > 0;
        }
    }
}

static const char *folder(void) {
    static char name[64];
    if (!name[0]) (void)snprintf(name, sizeof name, "/tmp/weir-fuzz-journal-%d", getpid());
    (void)mkdir(name, 0700);
    DIR *d = opendir(name);
    assert(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    return name;
}

static void expect_groups(const char *where, uint64_t limit, size_t frames) {
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    struct err e = journal_reader_open(where, 0, &r);
    assert(e.code == ERR_OK);
    struct str bytes;
    size_t seen = 0;
    while ((e = journal_next(r, limit, &bytes)).code == ERR_OK)
        seen++;
    assert(e.code == ERR_NOTFOUND && seen >= frames);
    assert(journal_reader_position(r) == limit);
}

static void check(const struct script *s, const char *where) {
    struct journal *j = NULL;
    struct err e = journal_open(where, &j);
    assert(e.code == ERR_OK ||
           e.code == ERR_CORRUPT); /* a newer version's magic may have come up */
    if (e.code != ERR_OK) return;
    size_t kept = 0;
    for (size_t i = 0; i < s->n_groups; i++)
        if (s->group_end[i] <= s->intact) kept = s->group_end[i];
    uint64_t position = journal_position(j), after;
    assert(position >= kept);
    struct str frame = small_frame();
    e = journal_append(j, &frame, 1, &after);
    assert(e.code == ERR_OK && after == position + frame.n + GROUP_BYTES);
    journal_close(j);
    e = journal_open(where, &j);
    assert(e.code == ERR_OK && journal_position(j) == after);
    journal_close(j);
    expect_groups(where, after, kept / (frame.n * 4 + GROUP_BYTES) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct err started = seal_start();
    assert(started.code == ERR_OK);
    struct script *s = calloc(1, sizeof *s);
    if (!s) return 0;
    run_script(s, (struct cursor){.p = bytes, .n = n});
    const char *where = folder();
    char path[4200];
    path_join(path, sizeof path, where, "00000000000000000000.wj");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct err e = io_write_all(fd, s->file, s->n);
    assert(fd >= 0 && e.code == ERR_OK);
    close(fd);
    check(s, where);
    (void)folder(); /* empties it */
    (void)rmdir(where);
    free(s);
    return 0;
}
