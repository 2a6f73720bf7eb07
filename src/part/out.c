#include "part/out.h"
#include "part/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

#define OUT_FLUSH_BYTES (1u << 20)

void part_out_fail(struct part_out *o, struct err e) {
    if (o->err.code == ERR_OK) o->err = e;
}

static struct err open_file(struct part_out *o, const char *path) {
    o->path = strdup(path);
    if (!o->path || asprintf(&o->temp, "%s.tmp", path) < 0) {
        o->temp = NULL;
        return ERR(ERR_NOMEM, "part: path");
    }
    o->fd = open(o->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return o->fd < 0 ? err_os("part: create") : ERR_NONE;
}

struct err part_out_open(const char *path, uint64_t project, struct part_out *out) {
    struct part_out o = {.fd = -1};
    o.hash = XXH3_createState();
    struct err e = o.hash ? ERR_NONE : ERR(ERR_NOMEM, "part: checksum");
    if (e.code == ERR_OK && path) e = open_file(&o, path);
    if (e.code != ERR_OK) {
        part_out_done(&o);
        return e;
    }
    struct part_file_header h = {
        .magic = PART_MAGIC, .version = PART_VERSION, .header_bytes = sizeof h, .project = project};
    part_out_put(&o, &h, sizeof h);
    *out = o;
    return ERR_NONE;
}

void part_out_done(struct part_out *o) {
    if (o->fd >= 0) {
        fd_close(o->fd);
        unlink(o->temp);
    }
    free(o->path);
    free(o->temp);
    free(o->bytes);
    free(o->sections);
    if (o->hash) XXH3_freeState(o->hash);
    *o = (struct part_out){.fd = -1};
}

static uint64_t position(const struct part_out *o) {
    return o->written + o->n;
}

static void flush(struct part_out *o) {
    if (o->err.code == ERR_OK) part_out_fail(o, io_write_all(o->fd, o->bytes, o->n));
    o->written += o->n;
    o->n = 0;
}

static bool room(struct part_out *o, size_t n) {
    if (o->fd >= 0 && o->n >= OUT_FLUSH_BYTES) flush(o);
    if (o->cap - o->n >= n) return true;
    size_t cap = o->cap ? o->cap : 4096;
    while (cap - o->n < n && cap <= SIZE_MAX / 2)
        cap *= 2;
    uint8_t *bytes = cap - o->n >= n ? realloc(o->bytes, cap) : NULL;
    if (!bytes) {
        part_out_fail(o, ERR(ERR_NOMEM, "part: bytes"));
        return false;
    }
    o->bytes = bytes;
    o->cap = cap;
    return true;
}

static void put_plain(struct part_out *o, const void *bytes, size_t n) {
    if (o->err.code != ERR_OK || n == 0 || !room(o, n)) return;
    memcpy(o->bytes + o->n, bytes, n);
    o->n += n;
}

void part_out_put(struct part_out *o, const void *bytes, size_t n) {
    put_plain(o, bytes, n);
    if (o->sections_n > 0 && n > 0) XXH3_64bits_update(o->hash, bytes, n);
}

static void align(struct part_out *o) {
    static const uint8_t zeros[PART_ALIGN];
    put_plain(o, zeros, (PART_ALIGN - position(o) % PART_ALIGN) % PART_ALIGN);
}

void part_out_begin(struct part_out *o, enum part_section_kind kind, uint32_t index) {
    if (o->sections_n == o->sections_cap) {
        uint32_t cap = o->sections_cap ? o->sections_cap * 2 : 64;
        void *grown = realloc(o->sections, cap * sizeof *o->sections);
        if (!grown) {
            part_out_fail(o, ERR(ERR_NOMEM, "part: sections"));
            return;
        }
        o->sections = grown;
        o->sections_cap = cap;
    }
    align(o);
    o->sections[o->sections_n++] =
        (struct part_file_section){.kind = (uint32_t)kind, .index = index, .at = position(o)};
    XXH3_64bits_reset(o->hash);
}

void part_out_end(struct part_out *o) {
    if (o->err.code != ERR_OK) return;
    struct part_file_section *s = &o->sections[o->sections_n - 1];
    s->bytes = position(o) - s->at;
    s->checksum = XXH3_64bits_digest(o->hash);
    if (s->bytes == 0) o->sections_n--;
}

void part_out_raw(struct part_out *o, enum part_section_kind kind, const void *bytes, size_t n) {
    part_out_begin(o, kind, 0);
    part_out_put(o, bytes, n);
    part_out_end(o);
}

static struct err publish(struct part_out *o, struct part **out) {
    flush(o);
    if (o->err.code != ERR_OK) return o->err;
    TRY(io_sync(o->fd));
    if (rename(o->temp, o->path) != 0) return err_os("part: rename");
    fd_close(o->fd);
    o->fd = -1;
    const char *slash = strrchr(o->path, '/');
    AUTO(part_free)
    char *folder = slash ? strndup(o->path, (size_t)(slash - o->path) + 1) : strdup(".");
    if (!folder) return ERR(ERR_NOMEM, "part: path");
    TRY(io_sync_folder(folder));
    return part_open(o->path, out);
}

static int section_cmp(const void *a, const void *b) {
    const struct part_file_section *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

struct err part_out_finish(struct part_out *o, const struct part_file_info *info,
                           struct part **out) {
    if (o->err.code != ERR_OK) return o->err;
    align(o);
    struct part_file_info i = *info;
    i.sections = o->sections_n;
    struct part_file_trailer t = {.magic = PART_END_MAGIC, .footer_at = position(o)};
    t.footer_bytes = sizeof i + (uint64_t)o->sections_n * sizeof *o->sections;
    if (o->sections_n > 0) qsort(o->sections, o->sections_n, sizeof *o->sections, section_cmp);
    XXH3_64bits_reset(o->hash);
    XXH3_64bits_update(o->hash, &i, sizeof i);
    XXH3_64bits_update(o->hash, o->sections, o->sections_n * sizeof *o->sections);
    t.checksum = XXH3_64bits_digest(o->hash);
    put_plain(o, &i, sizeof i);
    put_plain(o, o->sections, o->sections_n * sizeof *o->sections);
    put_plain(o, &t, sizeof t);
    if (o->err.code != ERR_OK) return o->err;
    if (o->fd >= 0) return publish(o, out);
    uint8_t *bytes = realloc(o->bytes, o->n);
    if (bytes) o->bytes = bytes;
    TRY(part_from_memory(o->bytes, o->n, out));
    o->bytes = NULL;
    return ERR_NONE;
}

/* ---- streams ---- */

struct part_stream_out *part_stream_out_new(struct part_out *o) {
    struct part_stream_out *s = calloc(1, sizeof *s);
    if (s) s->o = o;
    return s;
}

void part_stream_out_free(struct part_stream_out *s) {
    if (!s) return;
    free(s->blocks);
    free(s);
}

void part_stream_begin(struct part_stream_out *s, enum part_section_kind kind, uint32_t index) {
    assert(s->n == 0);
    s->total = s->data_bytes = 0;
    s->blocks_n = 0;
    part_out_begin(s->o, kind, index);
}

static void flush_block(struct part_stream_out *s) {
    if (s->blocks_n == s->blocks_cap) {
        size_t cap = s->blocks_cap ? s->blocks_cap * 2 : 64;
        void *grown = realloc(s->blocks, cap * sizeof *s->blocks);
        if (!grown) {
            part_out_fail(s->o, ERR(ERR_NOMEM, "part: blocks"));
            s->n = 0;
            return;
        }
        s->blocks = grown;
        s->blocks_cap = cap;
    }
    struct part_block *b = &s->blocks[s->blocks_n++];
    size_t bytes = part_block_encode(s->values, s->n, b, s->bytes);
    if (s->data_bytes / 8 > UINT32_MAX)
        part_out_fail(s->o, ERR(ERR_LIMIT, "part: a stream above 32 GB"));
    b->at = (uint32_t)(s->data_bytes / 8);
    part_out_put(s->o, s->bytes, bytes);
    s->data_bytes += bytes;
    s->n = 0;
}

void part_stream_put(struct part_stream_out *s, uint64_t v) {
    s->values[s->n++] = v;
    if (s->n == PART_BLOCK_ROWS) flush_block(s);
}

void part_stream_put32(struct part_stream_out *s, const uint32_t *v, size_t n) {
    while (n > 0) {
        size_t take = PART_BLOCK_ROWS - s->n < n ? PART_BLOCK_ROWS - s->n : n;
        for (size_t i = 0; i < take; i++)
            s->values[s->n + i] = v[i];
        s->n += (uint32_t)take;
        if (s->n == PART_BLOCK_ROWS) flush_block(s);
        v += take;
        n -= take;
    }
}

void part_stream_put64(struct part_stream_out *s, const uint64_t *v, size_t n) {
    while (n > 0) {
        size_t take = PART_BLOCK_ROWS - s->n < n ? PART_BLOCK_ROWS - s->n : n;
        memcpy(s->values + s->n, v, take * sizeof *v);
        s->n += (uint32_t)take;
        if (s->n == PART_BLOCK_ROWS) flush_block(s);
        v += take;
        n -= take;
    }
}

void part_stream_end(struct part_stream_out *s) {
    if (s->n > 0) flush_block(s);
    part_out_put(s->o, s->blocks, s->blocks_n * sizeof *s->blocks);
    part_out_end(s->o);
}
