/* cmd_open.c: `weir open < sealed.ndjson`: events with their texts opened, on a machine that needs
 * no server.
 *
 * The sealed lines stand at the end of an export, so the input is kept in an unlinked file and read
 * twice: once for the sealed lines, once to write the events with every "sealed:<handle>" replaced.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/opener.h"

#define MAX_LINE_BYTES ((size_t)32 << 20)

struct open {
    struct opener *opener;
    struct json_parser *parser;
    FILE *spool;
};

/* ---- the key: a wrapped file with passphrase or recovery code, or team.key itself ---- */

static struct err unwrap(struct command *c, const char *file, struct team_secret *out) {
    AUTO(buf_done) struct buf wrapped;
    struct buf passphrase;
    buf_init(&wrapped, 1u << 20);
    buf_init(&passphrase, 2048);
    TRY(io_read_file(file, 1u << 20, &wrapped));
    struct err e = passphrase_read(c, false, &passphrase);
    if (e.code == ERR_OK) e = team_secret_unwrap(buf_str(&wrapped), buf_str(&passphrase), out);
    buf_wipe_done(&passphrase);
    return e;
}

static struct err read_key(struct command *c, struct team_secret *out) {
    char team_key[4200], beside[4200];
    const char *file = command_option(c, "--key");
    settings_path(&c->settings, "team.key", team_key);
    command_key_file(c, beside);
    if (file && team_secret_read(file, out).code == ERR_OK) return ERR_NONE;
    if (!file && team_secret_read(team_key, out).code == ERR_OK) return ERR_NONE;
    struct err e = unwrap(c, file ? file : beside, out);
    if (e.code == ERR_NOTFOUND)
        return ERR(ERR_NOTFOUND, "no key file: --key FILE names the one that `weir seal` wrote");
    return e;
}

/* ---- the two passes ---- */

static const struct json *sealed_of(struct open *o, struct arena *a, struct str line) {
    const struct json *v = NULL;
    if (!str_starts(line, STR("{\"$sealed\":"))) return NULL;
    return json_parse_copy(o->parser, line, a, &v).code == ERR_OK ? json_get(v, "$sealed") : NULL;
}

static struct err each_line(struct open *o, FILE *from,
                            struct err (*each)(struct open *o, struct str line)) {
    char *line = NULL;
    size_t cap = 0;
    struct err e = ERR_NONE;
    for (ssize_t n; e.code == ERR_OK && (n = getline(&line, &cap, from)) > 0;)
        e = (size_t)n > MAX_LINE_BYTES ? ERR(ERR_LIMIT, "a line is longer than 32 MB")
                                       : each(o, (struct str){line, (size_t)n});
    free(line);
    return e.code == ERR_OK && ferror(from) ? err_os("reading") : e;
}

static struct err take_line(struct open *o, struct str line) {
    AUTO(arena_free) struct arena *a = arena_new(4 * MAX_LINE_BYTES);
    if (!a) return ERR(ERR_NOMEM, "open");
    const struct json *sealed = sealed_of(o, a, line);
    if (sealed) return opener_take(o->opener, sealed);
    return fwrite(line.p, 1, line.n, o->spool) == line.n ? ERR_NONE : err_os("keeping the events");
}

/* Finds the next "\"sealed:<32 hex>\"" from `at`. */
static bool next_label(struct str line, size_t at, size_t *out_at, struct id128 *out) {
    static const char mark[] = "\"sealed:";
    while (at + 41 <= line.n) {
        const char *found = memmem(line.p + at, line.n - at, mark, sizeof mark - 1);
        if (!found) return false;
        *out_at = (size_t)(found - line.p);
        if (*out_at + 41 <= line.n && found[40] == '"' &&
            str_from_hex((struct str){found + 8, 32}, out->b, 16))
            return true;
        at = *out_at + 1;
    }
    return false;
}

static bool put(struct str s) {
    return fwrite(s.p, 1, s.n, stdout) == s.n;
}

/* A key stays a string, whatever type its text had. */
static bool put_opened(struct str value, bool is_key) {
    bool bare = is_key && value.n && value.p[0] != '"';
    return (!bare || put(STR("\""))) && put(value) && (!bare || put(STR("\"")));
}

static struct err write_line(struct open *o, struct str line) {
    size_t from = 0, at = 0;
    struct id128 handle;
    bool ok = true;
    while (ok && next_label(line, from, &at, &handle)) {
        struct str value = opener_find(o->opener, handle);
        ok = put((struct str){line.p + from, at - from});
        bool is_key = at + 41 < line.n && line.p[at + 41] == ':';
        ok = ok && (value.p ? put_opened(value, is_key) : put((struct str){line.p + at, 41}));
        from = at + 41;
    }
    return ok && put(str_from(line, from)) ? ERR_NONE : err_os("stdout");
}

static struct err run(struct open *o) {
    TRY(each_line(o, stdin, take_line));
    TRY(opener_open(o->opener));
    rewind(o->spool);
    TRY(each_line(o, o->spool, write_line));
    return fflush(stdout) == 0 ? ERR_NONE : err_os("stdout");
}

static struct err open_all(const struct team_secret *secret, size_t *out_failed) {
    AUTO(opener_free) struct opener *opener = opener_new(secret);
    AUTO(json_parser_free) struct json_parser *parser = json_parser_new(MAX_LINE_BYTES);
    struct open o = {.opener = opener, .parser = parser, .spool = tmpfile()};
    if (!opener || !parser || !o.spool) return ERR(ERR_NOMEM, "open");
    struct err e = run(&o);
    fclose(o.spool);
    *out_failed = opener_failed_n(opener);
    return e;
}

int cmd_open(struct command *c) {
    struct team_secret secret;
    size_t failed = 0;
    struct err e = seal_start();
    if (e.code == ERR_OK) e = read_key(c, &secret);
    if (e.code == ERR_OK &&
        !command_words_ok(c, 1, 1, "open [--passphrase-file F] [--key FILE] < sealed.ndjson"))
        return EXIT_USAGE;
    if (e.code == ERR_OK) e = open_all(&secret, &failed);
    secret_wipe(&secret, sizeof secret);
    if (e.code == ERR_DENIED)
        return command_fail(c, EXIT_REFUSED, "this key does not open it: %s", e.what);
    if (e.code != ERR_OK) return command_fail(c, command_of_error(e), "%s", e.what);
    if (failed)
        return command_fail(c, EXIT_DAMAGED, "%zu sealed texts could not be opened with this key",
                            failed);
    return EXIT_DONE;
}
