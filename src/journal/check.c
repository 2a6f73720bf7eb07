/* check.c: walks every file, group, frame and record, for `weir check`. */
#include <fcntl.h>

#include "journal/files.h"

struct check {
    uint64_t frames, records;
    uint64_t damage_at; /* set when an ERR_CORRUPT is returned */
};

static struct err damaged(struct check *c, uint64_t at, const char *what) {
    c->damage_at = at;
    return ERR(ERR_CORRUPT, what);
}

static struct err check_frame(struct check *c, const struct journal_walk *w) {
    struct frame f;
    struct err e = frame_parse(w->frame, &f);
    if (e.code == ERR_CORRUPT) c->damage_at = w->start + w->frame_at;
    TRY(e);
    c->frames++;
    c->records += f.n_records;
    frame_done(&f);
    return ERR_NONE;
}

static struct err check_walk(struct check *c, struct journal_walk *w, bool last) {
    for (;;) {
        enum journal_step step;
        TRY(journal_walk_step(w, &step));
        switch (step) {
        case STEP_FRAME:
            TRY(check_frame(c, w));
            break;
        case STEP_COMMIT:
            break;
        case STEP_END:
            return ERR_NONE;
        case STEP_NEWER:
            return damaged(c, w->start + w->at, "journal: written by a newer weir");
        case STEP_BAD: {
            bool damage = true; /* in the last file it may be a group that is being written */
            if (last) TRY(journal_walk_is_damage(w, &damage));
            return damage ? damaged(c, w->start + w->group_at, "journal: group does not check")
                          : ERR_NONE;
        }
        }
    }
}

static struct err check_file(struct check *c, const char *folder, uint64_t start, uint64_t next) {
    AUTO(fd_close) int fd = -1;
    TRY(journal_file_open(folder, start, O_RDONLY, &fd));
    struct journal_walk w;
    struct err e = journal_walk_begin(&w, fd, start);
    if (e.code == ERR_OK) e = check_walk(c, &w, next == UINT64_MAX);
    uint64_t end = start + w.size;
    journal_walk_end(&w);
    TRY(e);
    if (next != UINT64_MAX && end != next) return damaged(c, end, "journal: gap between files");
    return ERR_NONE;
}

struct err journal_check(const char *folder, uint64_t *out_frames, uint64_t *out_records,
                         uint64_t *out_damage_at) {
    struct journal_files files;
    TRY(journal_files_list(folder, &files));
    struct check c = {0};
    struct err e = ERR_NONE;
    for (size_t i = 0; e.code == ERR_OK && i < files.n; i++)
        e = check_file(&c, folder, files.starts[i],
                       i + 1 < files.n ? files.starts[i + 1] : UINT64_MAX);
    journal_files_done(&files);
    *out_frames = c.frames;
    *out_records = c.records;
    if (e.code == ERR_CORRUPT) *out_damage_at = c.damage_at;
    return e;
}
