/* cmd_export.c: events of some days as NDJSON on stdout, streamed. */
#include <stdio.h>

#include "cli/command.h"

static bool write_piece(void *ctx, struct str piece) {
    (void)ctx;
    return fwrite(piece.p, 1, piece.n, stdout) == piece.n;
}

static bool is_day(const char *text) {
    if (!text || strlen(text) < 10 || strlen(text) > 19) return false;
    for (const char *p = text; *p; p++)
        if (!strchr("0123456789-T:", *p)) return false;
    return true;
}

int cmd_export(struct command *c) {
    uint64_t project = 0;
    if (!command_project(c, &project)) return EXIT_USAGE;
    const char *from = command_option(c, "--from"), *to = command_option(c, "--to");
    bool sealed = command_flag(c, "--sealed");
    if (!command_words_ok(c, 1, 1, "export --project ID --from D --to D [--sealed]"))
        return EXIT_USAGE;
    if (!is_day(from) || !is_day(to))
        return command_fail(c, EXIT_USAGE, "--from and --to: days such as 2026-01-31");
    char path[256];
    snprintf(path, sizeof path, "/api/v1/projects/%llu/export?from=%s&to=%s%s",
             (unsigned long long)project, from, to, sealed ? "&sealed=1" : "");
    AUTO(session_close) struct session *s = NULL;
    AUTO(buf_done) struct buf refusal;
    buf_init(&refusal, 1u << 20);
    struct session_call call = {
        .method = "GET", .path = path, .out = &refusal, .stream = write_piece};
    struct err e = session_open(c, &s);
    if (e.code == ERR_OK) e = session_call(s, &call);
    if (e.code != ERR_OK) return command_fail(c, command_of_error(e), "%s", e.what);
    if (call.status != 200) return session_refused(c, call.status, buf_str(&refusal));
    return fflush(stdout) == 0 ? EXIT_DONE
                               : command_fail(c, EXIT_ELSE, "stdout could not be written");
}
