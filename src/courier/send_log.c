/* send_log.c: what is known of each number, on disk. See send.h for the bytes. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "courier/send.h"

#define RECORD_BYTES 24
#define FILE_BYTES ((size_t)16 << 20)

static void encode(const struct send_record *r, struct buf *out) {
    size_t from = out->n;
    buf_put_u64(out, (uint64_t)r->id);
    buf_put_u8(out, r->what);
    buf_put_u8(out, r->result);
    buf_put_u8(out, r->class);
    buf_put_u8(out, 0);
    buf_put_u32(out, (uint32_t)r->code);
    if (buf_err(out).code == ERR_OK) buf_put_u64(out, checksum64(out->p + from, 16));
}

static bool decode(struct cursor *c, struct send_record *r) {
    uint64_t sum = checksum64(c->p, 16);
    *r = (struct send_record){.id = cursor_i64(c)};
    r->what = cursor_u8(c);
    r->result = cursor_u8(c);
    r->class = cursor_u8(c);
    (void)cursor_u8(c);
    r->code = (int32_t)cursor_u32(c);
    return cursor_u64(c) == sum && r->id > 0 && r->what >= SEND_BEGUN && r->what <= SEND_BOOT &&
           r->result < SEND_RESULTS_N && r->class < SEND_CLASSES_N;
}

static struct err read_all(const char *path, void (*each)(void *ctx, const struct send_record *r),
                           void *ctx) {
    AUTO(buf_done) struct buf file;
    buf_init(&file, FILE_BYTES);
    struct err e = io_read_file(path, FILE_BYTES, &file);
    if (e.code == ERR_NOTFOUND) return ERR_NONE;
    TRY(e);
    struct cursor c = {(const uint8_t *)file.p, file.n, false};
    while (c.n >= RECORD_BYTES) {
        struct send_record r;
        if (decode(&c, &r)) each(ctx, &r);
    }
    return ERR_NONE;
}

/* O_APPEND behind a torn tail would shift all that follows: so the file is always begun anew, by
 * whoever opened the log (send_log_rewrite). */
static struct err open_end(struct send_log *l) {
    l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return l->fd >= 0 ? ERR_NONE : err_os("the log of what was sent");
}

struct err send_log_open(const char *folder, struct send_log *out,
                         void (*each)(void *ctx, const struct send_record *r), void *ctx) {
    out->fd = -1;
    out->records = 0;
    path_join(out->path, sizeof out->path, folder, "sent");
    return read_all(out->path, each, ctx);
}

void send_log_close(struct send_log *l) {
    fd_close(l->fd);
    l->fd = -1;
}

struct err send_log_put(struct send_log *l, const struct send_record *r) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, RECORD_BYTES);
    encode(r, &b);
    TRY(buf_err(&b));
    TRY(io_write_all(l->fd, b.p, b.n));
    l->records++;
    return ERR_NONE;
}

struct err send_log_sync(struct send_log *l) {
    return io_sync(l->fd);
}

struct err send_log_rewrite(struct send_log *l, const struct send_record *records, size_t n) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, FILE_BYTES);
    for (size_t i = 0; i < n; i++)
        encode(&records[i], &b);
    TRY(buf_err(&b));
    TRY(io_replace_file(l->path, buf_str(&b), 0600));
    send_log_close(l);
    l->records = n;
    return open_end(l);
}
