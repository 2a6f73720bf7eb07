/* bundle.c: the file `pages`: every ready answer of one publishing, little-endian:
 *
 *      0   8  "WeirPG1\0"
 *      8   8  generation of the model
 *     16   4  n entries, ascending by path, each:
 *              path u16 n, bytes | type u8 | etag u64 | modified i64 (us)
 *              | plain u32 n, bytes | gzip u32 n, bytes (0: no smaller than plain)
 *          4  n probes, ascending by number (probe.c)
 *    end   8  checksum64 of all before
 *
 * A hundredth of the answers change in a publishing, but all are written: one file, one rename, and
 * nobody sees half. An entry whose content is that of the publishing before keeps its time.
 */
#include <stdlib.h>
#include <zlib.h>

#include "page/inside.h"

#define MAGIC "WeirPG1"
#define MAX_PATH_BYTES 512
#define ENTRY_MIN_BYTES 27
#define GZIP_FROM_BYTES 400
#define GZIP_LEVEL 6

struct item {
    char path[MAX_PATH_BYTES];
    enum page_type type;
    size_t at, n; /* in bytes */
};
struct bundle_out {
    struct buf bytes;
    struct item *items; /* [n_items] */
    size_t n_items, cap;
    struct err failed;
};

/* ---- making ---- */

struct bundle_out *page_bundle_new(void) {
    struct bundle_out *o = calloc(1, sizeof *o);
    if (o) buf_init(&o->bytes, PAGE_MAX_BYTES);
    return o;
}

void page_bundle_free(struct bundle_out *o) {
    if (!o) return;
    buf_done(&o->bytes);
    free(o->items);
    free(o);
}

static struct item *new_item(struct bundle_out *o) {
    if (o->n_items == PAGE_MAX_ENTRIES) {
        o->failed = ERR(ERR_LIMIT, "page: too many answers");
        return NULL;
    }
    if (o->n_items == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 64;
        struct item *more = reallocarray(o->items, cap, sizeof *more);
        if (!more) {
            o->failed = ERR(ERR_NOMEM, "page: answers");
            return NULL;
        }
        o->items = more;
        o->cap = cap;
    }
    return &o->items[o->n_items++];
}

void page_bundle_add(struct bundle_out *o, const char *path, enum page_type type,
                     const struct buf *content) {
    struct err e = buf_err(content);
    size_t n = strlen(path);
    if (e.code == ERR_OK && n >= MAX_PATH_BYTES) e = ERR(ERR_LIMIT, "page: a path");
    if (o->failed.code == ERR_OK) o->failed = e;
    if (o->failed.code != ERR_OK) return;
    struct item *i = new_item(o);
    if (!i) return;
    *i = (struct item){.type = type, .at = o->bytes.n, .n = content->n};
    memcpy(i->path, path, n);
    buf_put_str(&o->bytes, buf_str(content));
}

static int by_path(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    return strcmp(x->path, y->path);
}

struct packer {
    z_stream z;
    struct buf *out;
};

/* The bytes as one gzip member behind a u32 of their length; 0 where that saves nothing. */
static struct err put_gzip(struct packer *k, struct str plain) {
    size_t at = k->out->n;
    buf_put_u32(k->out, 0);
    if (plain.n < GZIP_FROM_BYTES) return buf_err(k->out);
    if (deflateReset(&k->z) != Z_OK) return ERR(ERR_NOMEM, "page: gzip");
    char *room = buf_room(k->out, plain.n);
    if (!room) return buf_err(k->out);
    k->z.next_in = (Bytef *)(uintptr_t)plain.p;
    k->z.avail_in = (uInt)plain.n;
    k->z.next_out = (Bytef *)room;
    k->z.avail_out = (uInt)plain.n;
    if (deflate(&k->z, Z_FINISH) != Z_STREAM_END) return ERR_NONE; /* not smaller */
    uint32_t n = (uint32_t)(plain.n - k->z.avail_out);
    memcpy(k->out->p + at, &n, sizeof n);
    k->out->n += n;
    return ERR_NONE;
}

static struct err put_entry(struct packer *k, const struct item *i, struct str plain,
                            const struct status_model *m, const struct page *old) {
    uint64_t etag = checksum64(plain.p, plain.n);
    const struct page_entry *was = old ? page_entry(old, str_z(i->path)) : NULL;
    bool same = was && was->etag == etag && was->modified_us <= m->now_us;
    size_t n = strlen(i->path);
    buf_put_u16(k->out, (uint16_t)n);
    buf_put(k->out, i->path, n);
    buf_put_u8(k->out, (uint8_t)i->type);
    buf_put_u64(k->out, etag);
    buf_put_i64(k->out, same ? was->modified_us : m->now_us);
    buf_put_u32(k->out, (uint32_t)plain.n);
    buf_put_str(k->out, plain);
    return put_gzip(k, plain);
}

static struct err put_entries(struct bundle_out *o, const struct status_model *m,
                              const struct page *old, struct buf *out) {
    struct packer k = {.out = out};
    if (deflateInit2(&k.z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return ERR(ERR_NOMEM, "page: gzip");
    if (o->n_items > 0) qsort(o->items, o->n_items, sizeof *o->items, by_path);
    struct err e = ERR_NONE;
    for (size_t i = 0; i < o->n_items && e.code == ERR_OK; i++) {
        const struct item *item = &o->items[i];
        if (i > 0 && strcmp(o->items[i - 1].path, item->path) == 0)
            e = ERR(ERR_EXISTS, "page: two answers of one path");
        else
            e = put_entry(&k, item, (struct str){o->bytes.p + item->at, item->n}, m, old);
    }
    (void)deflateEnd(&k.z);
    return e;
}

struct err page_bundle_finish(struct bundle_out *o, const struct status_model *m,
                              const struct page *old, struct buf *out) {
    if (o->failed.code != ERR_OK) return o->failed;
    TRY(buf_err(&o->bytes));
    buf_put(out, MAGIC, 8);
    buf_put_u64(out, m->generation);
    buf_put_u32(out, (uint32_t)o->n_items);
    TRY(put_entries(o, m, old, out));
    page_put_probes(out, m);
    buf_put_u64(out, checksum64(out->p, out->n));
    return buf_err(out);
}

/* ---- reading ---- */

static struct str take_str(struct cursor *c, size_t n) {
    const uint8_t *p = cursor_bytes(c, n);
    return p ? (struct str){(const char *)p, n} : (struct str){0};
}

static struct err take_entry(struct cursor *c, struct page_entry *out) {
    out->path = take_str(c, cursor_u16(c));
    uint8_t type = cursor_u8(c);
    out->etag = cursor_u64(c);
    out->modified_us = cursor_i64(c);
    out->plain = take_str(c, cursor_u32(c));
    out->gzip = take_str(c, cursor_u32(c));
    if (c->bad || type >= PAGE_TYPES_N || out->path.n == 0 || out->path.n >= MAX_PATH_BYTES)
        return ERR(ERR_CORRUPT, "page: an answer");
    out->type = (enum page_type)type;
    return ERR_NONE;
}

static struct err take_entries(struct cursor *c, struct page *p) {
    size_t n = cursor_u32(c);
    if (c->bad || n > PAGE_MAX_ENTRIES || n > c->n / ENTRY_MIN_BYTES)
        return ERR(ERR_CORRUPT, "page: number of answers");
    p->entries = calloc(n + 1, sizeof *p->entries);
    if (!p->entries) return ERR(ERR_NOMEM, "page");
    p->n_entries = n;
    for (size_t i = 0; i < n; i++) {
        TRY(take_entry(c, &p->entries[i]));
        if (i > 0 && str_cmp(p->entries[i - 1].path, p->entries[i].path) >= 0)
            return ERR(ERR_CORRUPT, "page: order of answers");
    }
    return ERR_NONE;
}

static struct err parse_into(struct page *p, size_t n) {
    struct cursor c = {.p = (const uint8_t *)p->bytes + 16, .n = n - 24};
    TRY(take_entries(&c, p));
    TRY(page_take_probes(&c, p));
    return c.n == 0 && !c.bad ? ERR_NONE : ERR(ERR_CORRUPT, "page: bytes behind the end");
}

/* Takes bytes over, also on error. */
static struct err parse(char *bytes, size_t n, struct page **out) {
    AUTO(page_close) struct page *p = calloc(1, sizeof *p);
    if (!p) {
        free(bytes);
        return ERR(ERR_NOMEM, "page");
    }
    p->bytes = bytes;
    if (n < 24 || n > PAGE_MAX_BYTES) return ERR(ERR_CORRUPT, "page: length");
    struct cursor end = {.p = (const uint8_t *)bytes + n - 8, .n = 8};
    if (cursor_u64(&end) != checksum64(bytes, n - 8)) return ERR(ERR_CORRUPT, "page: checksum");
    if (memcmp(bytes, MAGIC, 8) != 0) return ERR(ERR_CORRUPT, "page: not of this version");
    TRY(parse_into(p, n));
    *out = p;
    p = NULL;
    return ERR_NONE;
}

struct err page_parse(struct str content, struct page **out) {
    char *copy = malloc(content.n + 1);
    if (!copy) return ERR(ERR_NOMEM, "page");
    if (content.n > 0) memcpy(copy, content.p, content.n);
    return parse(copy, content.n, out);
}

struct err page_open(const char *folder, struct page **out) {
    char path[4300];
    struct buf b;
    path_join(path, sizeof path, folder, "pages");
    buf_init(&b, PAGE_MAX_BYTES + 1);
    struct err e = io_read_file(path, PAGE_MAX_BYTES, &b);
    if (e.code == ERR_LIMIT) e = ERR(ERR_CORRUPT, "page: file too long");
    if (e.code == ERR_OK && !b.p) e = ERR(ERR_CORRUPT, "page: length");
    if (e.code == ERR_OK) return parse(b.p, b.n, out);
    buf_done(&b);
    return e;
}

void page_close(struct page *p) {
    if (!p) return;
    free(p->bytes);
    free(p->entries);
    free(p->probes);
    free(p->beats);
    free(p);
}
