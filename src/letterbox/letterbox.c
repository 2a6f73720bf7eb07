/* letterbox.c: sealed letters as files in a ring of slots. */
#include "letterbox/letterbox.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PAD_BYTES 64
#define PATH_BYTES 4200
#define FILE_BYTES (LETTERBOX_LETTER_BYTES + PAD_BYTES + crypto_box_SEALBYTES)
#define HEAD "weir-letterbox 1\n"

void letterbox_key_derive(const uint8_t seed[32], struct letterbox_key *out) {
    int bad = crypto_box_seed_keypair(out->pub, out->secret, seed);
    assert(bad == 0);
}

struct err letterbox_prepare(const char *folder, const uint8_t pub[32]) {
    char path[PATH_BYTES], text[sizeof HEAD + 65];
    path_join(path, sizeof path, folder, "letters");
    TRY(io_make_folder(path, 0700));
    memcpy(text, HEAD, sizeof HEAD - 1);
    str_to_hex(pub, 32, text + sizeof HEAD - 1);
    text[sizeof HEAD - 1 + 64] = '\n';
    path_join(path, sizeof path, folder, "letterbox.pub");
    return io_replace_file(path, (struct str){text, sizeof HEAD - 1 + 65}, 0600);
}

/* ---- front ---- */

static struct err read_public(const char *folder, uint8_t pub[32]) {
    char path[PATH_BYTES];
    AUTO(buf_done) struct buf text;
    buf_init(&text, 256);
    path_join(path, sizeof path, folder, "letterbox.pub");
    TRY(io_read_file(path, 256, &text));
    struct str s = buf_str(&text);
    if (!str_starts(s, STR(HEAD)) || !str_from_hex(str_trim(str_from(s, sizeof HEAD - 1)), pub, 32))
        return ERR(ERR_CORRUPT, "letterbox: the public key's file");
    return ERR_NONE;
}

static struct err write_aside(const char *path, struct str bytes) {
    AUTO(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return err_os("letterbox: a letter");
    TRY(io_write_all(fd, bytes.p, bytes.n));
    return io_sync(fd);
}

/* Renames the letter to the first free slot from *at on. */
static struct err post_it(const char *letters, const char *aside, uint32_t *at) {
    for (unsigned i = 0; i < LETTERBOX_SLOTS; i++) {
        char name[8], path[PATH_BYTES];
        snprintf(name, sizeof name, "%04u", *at % LETTERBOX_SLOTS);
        path_join(path, sizeof path, letters, name);
        *at = (*at + 1) % LETTERBOX_SLOTS;
        if (renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
            return io_sync_folder(letters);
        if (errno != EEXIST) return err_os("letterbox: a letter's slot");
    }
    (void)unlink(aside);
    return ERR(ERR_FULL, "letterbox: every slot is taken");
}

struct err letterbox_put(const char *folder, struct str letter, uint32_t *at) {
    assert(letter.n <= LETTERBOX_LETTER_BYTES);
    uint8_t pub[32], plain[LETTERBOX_LETTER_BYTES + PAD_BYTES], sealed[FILE_BYTES];
    char letters[PATH_BYTES], aside[PATH_BYTES];
    size_t n = 0;
    TRY(read_public(folder, pub));
    memcpy(plain, letter.p, letter.n);
    int bad = sodium_pad(&n, plain, letter.n, PAD_BYTES, sizeof plain);
    assert(bad == 0);
    bad = crypto_box_seal(sealed, plain, n, pub);
    secret_wipe(plain, sizeof plain);
    if (bad) return ERR(ERR_CORRUPT, "letterbox: a key that nobody can seal to");
    path_join(letters, sizeof letters, folder, "letters");
    path_join(aside, sizeof aside, letters, "new");
    TRY(write_aside(aside, (struct str){(char *)sealed, n + crypto_box_SEALBYTES}));
    return post_it(letters, aside, at);
}

/* ---- console ---- */

static bool open_letter(const struct letterbox_key *key, struct str file, uint8_t *out, size_t *n) {
    if (file.n < crypto_box_SEALBYTES + PAD_BYTES || file.n > FILE_BYTES) return false;
    if (crypto_box_seal_open(out, (const uint8_t *)file.p, file.n, key->pub, key->secret))
        return false;
    return sodium_unpad(n, out, file.n - crypto_box_SEALBYTES, PAD_BYTES) == 0;
}

struct reader {
    const struct letterbox_key *key;
    bool (*read)(void *ctx, struct str letter);
    void *ctx;
    size_t bad;
};

static struct err take_one(struct reader *r, const char *path) {
    uint8_t plain[FILE_BYTES];
    size_t n = 0;
    AUTO(buf_done) struct buf file;
    buf_init(&file, FILE_BYTES);
    struct err e = io_read_file(path, FILE_BYTES, &file);
    if (e.code != ERR_OK && e.code != ERR_LIMIT) return e;
    bool opened = e.code == ERR_OK && open_letter(r->key, buf_str(&file), plain, &n);
    bool done = !opened || r->read(r->ctx, (struct str){(char *)plain, n});
    secret_wipe(plain, sizeof plain);
    r->bad += !opened;
    if (done && unlink(path)) return err_os("letterbox: removing a letter");
    return ERR_NONE;
}

static bool is_slot(const char *name) {
    return strlen(name) == 4 && strspn(name, "0123456789") == 4;
}

struct err letterbox_take(const char *folder, const struct letterbox_key *key,
                          bool (*read)(void *ctx, struct str letter), void *ctx, size_t *out_bad) {
    struct reader r = {.key = key, .read = read, .ctx = ctx};
    char letters[PATH_BYTES], path[PATH_BYTES];
    path_join(letters, sizeof letters, folder, "letters");
    DIR *d = opendir(letters);
    if (!d) return err_os("letterbox: the folder");
    struct err e = ERR_NONE;
    for (struct dirent *x; e.code == ERR_OK && (x = readdir(d));) {
        if (!is_slot(x->d_name)) continue;
        path_join(path, sizeof path, letters, x->d_name);
        e = take_one(&r, path);
    }
    (void)closedir(d);
    *out_bad = r.bad;
    return e;
}
