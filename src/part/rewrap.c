/* rewrap.c: the same part with its boxes sealed to another team key. Nothing else changes, and
 * damage is not carried over under fresh checksums: each section is checked as it is copied. */
#include "part/internal.h"
#include "part/out.h"

static struct err copy_frames(const struct part *p, const struct team_secret *old,
                              const struct team_public *to, struct part_out *o) {
    part_out_begin(o, SEC_FRAMES, 0);
    for (uint32_t i = 0; i < p->file.frames; i++) {
        struct part_file_frame f = p->frames[i];
        TRY(seal_box_rewrap(p->frames[i].box, old, to, f.box));
        part_out_put(o, &f, sizeof f);
    }
    part_out_end(o);
    return ERR_NONE;
}

struct err part_rewrap(const struct part *p, const struct team_secret *old,
                       const struct team_public *to, const char *path) {
    AUTO(part_out_done) struct part_out o = {.fd = -1};
    TRY(part_out_open(path, p->file.project, &o));
    for (uint32_t i = 0; i < p->file.sections; i++) {
        const struct part_file_section *s = &p->sections[i];
        if (checksum64(p->bytes + s->at, s->bytes) != s->checksum)
            return ERR(ERR_CORRUPT, "part: section checksum");
        if (s->kind == SEC_FRAMES) {
            TRY(copy_frames(p, old, to, &o));
            continue;
        }
        part_out_begin(&o, (enum part_section_kind)s->kind, s->index);
        part_out_put(&o, p->bytes + s->at, s->bytes);
        part_out_end(&o);
    }
    AUTO(part_unref) struct part *written = NULL;
    return part_out_finish(&o, &p->file, &written);
}
