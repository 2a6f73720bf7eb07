/* gunzip.c: gzip with a cap. A kilobyte can claim to be a gigabyte: growth stops at the cap, not at
 * the end of the stream. */
#include <stdlib.h>
#include <zlib.h>

#include "edge/inside.h"

struct inflater {
    z_stream z;
    struct buf out;
};

/* One gzip member; several may follow one another (RFC 1952, 2.2). */
static struct err inflate_member(struct inflater *f) {
    for (;;) {
        size_t step = f->out.n < 4096 ? 16384 : f->out.n;
        if (step > f->out.max - f->out.n) step = f->out.max - f->out.n;
        if (step > 1u << 30) step = 1u << 30;
        char *to = buf_room(&f->out, step);
        if (!to) return buf_err(&f->out);
        f->z.next_out = (Bytef *)to;
        f->z.avail_out = (uInt)step;
        int r = inflate(&f->z, Z_NO_FLUSH);
        f->out.n += step - f->z.avail_out;
        if (r == Z_STREAM_END) return ERR_NONE;
        if (r == Z_MEM_ERROR) return ERR(ERR_NOMEM, "gunzip");
        if (r != Z_OK && r != Z_BUF_ERROR) return ERR(ERR_INVALID, "gunzip: broken stream");
        if (f->out.n == f->out.max) return ERR(ERR_LIMIT, "gunzip: larger than allowed");
        if (f->z.avail_in == 0) return ERR(ERR_INVALID, "gunzip: the stream ends early");
    }
}

static struct err inflate_all(struct inflater *f) {
    for (;;) {
        TRY(inflate_member(f));
        if (f->z.avail_in < 2 || f->z.next_in[0] != 0x1f || f->z.next_in[1] != 0x8b)
            return ERR_NONE;
        if (inflateReset(&f->z) != Z_OK) return ERR(ERR_INVALID, "gunzip: broken stream");
    }
}

struct err edge_gunzip(struct arena *a, struct str in, size_t max_bytes, struct str *out) {
    if (in.n > UINT32_MAX) return ERR(ERR_LIMIT, "gunzip: larger than allowed");
    struct inflater f = {.z = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n}};
    if (inflateInit2(&f.z, 15 + 16) != Z_OK) return ERR(ERR_NOMEM, "gunzip");
    buf_init(&f.out, max_bytes + 1); /* one more, to tell "exactly full" from "more to come" */
    struct err e = inflate_all(&f);
    (void)inflateEnd(&f.z);
    if (e.code == ERR_OK && f.out.n > max_bytes) e = ERR(ERR_LIMIT, "gunzip: larger than allowed");
    char *copy = e.code == ERR_OK ? arena_alloc(a, f.out.n + EDGE_SLACK_BYTES) : NULL;
    if (copy && f.out.n > 0) memcpy(copy, f.out.p, f.out.n);
    struct str result = {copy, f.out.n};
    buf_wipe_done(&f.out);
    TRY(e);
    if (!copy) return ERR(ERR_NOMEM, "gunzip: result");
    *out = result;
    return ERR_NONE;
}
