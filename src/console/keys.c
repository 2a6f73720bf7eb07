/* keys.c: the root key (`keys`, or a file that the operator names) and the team's key pair. */
#include "console/keys.h"

#include <unistd.h>

#define ROOT_HEX 64

static struct err parse_root(struct str text, uint8_t root[32]) {
    struct str line = str_trim(text);
    if (line.n == 32 && text.n == 32) {
        memcpy(root, text.p, 32); /* a raw key, as credential stores give it */
        return ERR_NONE;
    }
    if (!str_from_hex(line, root, 32))
        return ERR(ERR_CORRUPT, "the root key file does not hold 64 hex digits");
    return ERR_NONE;
}

static struct err read_root(const char *path, uint8_t root[32]) {
    struct buf text;
    buf_init(&text, 4096);
    struct err e = io_read_file(path, 4096, &text);
    if (e.code == ERR_OK) e = parse_root(buf_str(&text), root);
    buf_wipe_done(&text);
    return e;
}

static struct err make_root(const char *path, uint8_t root[32]) {
    char hex[ROOT_HEX + 1];
    random_bytes(root, 32);
    str_to_hex(root, 32, hex);
    hex[ROOT_HEX] = '\n';
    struct err e = io_replace_file(path, (struct str){hex, sizeof hex}, 0600);
    secret_wipe(hex, sizeof hex);
    return e;
}

static struct err open_root(const struct settings *s, uint8_t root[32]) {
    char path[4200], meta[4200];
    if (s->keys_file[0])
        path_join(path, sizeof path, s->keys_file, "");
    else
        settings_path(s, "keys", path);
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = 0;
    settings_path(s, "meta.db", meta);
    struct err e = read_root(path, root);
    if (e.code != ERR_NOTFOUND) return e;
    if (access(meta, F_OK) == 0)
        return ERR(ERR_NOTFOUND, "the root key file is missing, but there is data made with it");
    return make_root(path, root);
}

static struct err make_team(const struct settings *s, struct keys *k) {
    char path[4200];
    team_generate(&k->secret);
    k->team = k->secret.pub;
    k->has_secret = true;
    settings_path(s, "team.key", path);
    TRY(team_secret_write(path, &k->secret));
    settings_path(s, "team.pub", path);
    return team_public_write(path, &k->team);
}

static struct err open_team(const struct settings *s, struct keys *k) {
    char path[4200];
    settings_path(s, "team.pub", path);
    struct err e = team_public_read(path, &k->team);
    if (e.code == ERR_NOTFOUND) return make_team(s, k);
    TRY(e);
    settings_path(s, "team.key", path);
    e = team_secret_read(path, &k->secret);
    k->has_secret = e.code == ERR_OK;
    return e.code == ERR_NOTFOUND ? ERR_NONE : e;
}

struct err keys_open(const struct settings *s, struct keys *out) {
    struct keys k = {0};
    struct err e = open_root(s, k.root);
    if (e.code == ERR_OK) e = open_team(s, &k);
    if (e.code == ERR_OK) *out = k;
    keys_done(&k);
    return e;
}

void keys_done(struct keys *k) {
    secret_wipe(k, sizeof *k);
}
