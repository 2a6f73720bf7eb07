/* cmd_seal.c: `weir seal`: the new key is in the member's hands, on disk and synced, before the
 * server lets go of the old. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"

static struct err prepare(struct session *s, struct str passphrase, struct buf *answer,
                          long *status) {
    struct buf body;
    buf_init(&body, 1u << 16);
    struct jout j;
    jout_init(&j, &body);
    jout_object(&j);
    jout_keyz(&j, "passphrase");
    jout_str(&j, passphrase);
    jout_object_end(&j);
    struct session_call call = {
        .method = "POST", .path = "/api/v1/seal/prepare", .body = buf_str(&body), .out = answer};
    struct err e = session_call(s, &call);
    *status = call.status;
    buf_wipe_done(&body);
    return e;
}

static struct err commit(struct session *s, struct buf *answer, long *status) {
    struct session_call call = {
        .method = "POST", .path = "/api/v1/seal/commit", .body = STR("{}"), .out = answer};
    buf_clear(answer);
    TRY(session_call(s, &call));
    *status = call.status;
    return ERR_NONE;
}

static int report(const struct command *c, struct str recovery, const char *file) {
    if (!c->json) {
        printf("The team key has left this server. Its wrapped half is in %s: give it to the "
               "members, keep copies.\n"
               "Recovery code (shown once; print it and lock it away):\n\n    " STR_FMT "\n\n",
               file, STR_ARG(recovery));
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_ELSE;
    }
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1u << 16);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "recovery_code");
    jout_str(&j, recovery);
    jout_keyz(&j, "file");
    jout_strz(&j, file);
    jout_object_end(&j);
    return command_print(buf_str(&out));
}

/* Damaged pieces of the journal that were emptied: on stderr, whatever stdout is for. */
static void tell_emptied(struct str answer) {
    AUTO(arena_free) struct arena *a = arena_new(16u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 20);
    const struct json *v = NULL;
    if (!a || !p || json_parse_copy(p, answer, a, &v).code) return;
    const struct json *n = json_get(v, "damaged_emptied");
    if (!n || n->type != JSON_INT || n->i == 0) return;
    fprintf(stderr,
            "weir: %lld damaged copies in journal/ (*.damaged) held texts under the old key that "
            "could not be re-wrapped; they are empty now\n",
            (long long)n->i);
}

/* The answer of prepare -> the wrapped file, then commit. */
static int finish(const struct command *c, struct session *s, struct buf *answer,
                  const char *file) {
    AUTO(arena_free) struct arena *a = arena_new(16u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 20);
    const struct json *v = NULL;
    long status = 0;
    if (!a || !p || json_parse_copy(p, buf_str(answer), a, &v).code)
        return command_fail(c, EXIT_ELSE, "no memory");
    const struct json *wrapped = json_get(v, "wrapped"), *recovery = json_get(v, "recovery_code");
    if (!wrapped || wrapped->type != JSON_STR || !recovery || recovery->type != JSON_STR)
        return command_fail(c, EXIT_ELSE, "the server's answer is not understood");
    struct err e = io_replace_file(file, wrapped->s, 0600);
    if (e.code)
        return command_fail(c, EXIT_ELSE, "%s could not be written; nothing was changed", file);
    e = commit(s, answer, &status);
    if (e.code) return command_fail(c, EXIT_ELSE, "%s; run weir seal again", e.what);
    if (status != 200) return session_refused(c, status, buf_str(answer));
    tell_emptied(buf_str(answer));
    return report(c, recovery->s, file);
}

static int seal(const struct command *c, struct str passphrase, const char *file) {
    AUTO(session_close) struct session *s = NULL;
    struct buf answer;
    long status = 0;
    buf_init(&answer, 1u << 20);
    struct err e = session_open(c, &s);
    if (e.code == ERR_OK) e = prepare(s, passphrase, &answer, &status);
    int code;
    if (e.code != ERR_OK)
        code = command_fail(c, command_of_error(e), "%s", e.what);
    else if (status != 200)
        code = session_refused(c, status, buf_str(&answer));
    else
        code = finish(c, s, &answer, file);
    buf_wipe_done(&answer);
    return code;
}

static struct err keep_older(const char *file) {
    char older[4400];
    if (access(file, F_OK) != 0) return ERR_NONE;
    snprintf(older, sizeof older, "%s.%lld", file, (long long)(time_now_us() / US_PER_S));
    return rename(file, older) == 0 ? ERR_NONE : err_os("an older key file could not be renamed");
}

int cmd_seal(struct command *c) {
    char beside[4200];
    const char *file = command_option(c, "--out");
    command_key_file(c, beside);
    if (!file) file = beside;
    struct buf passphrase;
    buf_init(&passphrase, 2048);
    struct err e = passphrase_read(c, true, &passphrase);
    if (e.code == ERR_OK) e = keep_older(file);
    int code = EXIT_USAGE;
    if (e.code != ERR_OK)
        code = command_fail(c, EXIT_USAGE, "%s", e.what);
    else if (command_words_ok(c, 1, 1, "seal [--passphrase-file F] [--out FILE]"))
        code = seal(c, buf_str(&passphrase), file);
    buf_wipe_done(&passphrase);
    return code;
}
