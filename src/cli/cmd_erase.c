/* cmd_erase.c: `weir erase`: asks for the erasure, watches it, prints its receipt. The server does
 * it: a command that is interrupted does not stop it. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"

#define USAGE "erase --project ID DISTINCT_ID..."
#define BAR 30

static void show(const struct command *c, const struct json *progress, bool end) {
    if (c->json || !isatty(STDERR_FILENO)) return;
    double done = 0;
    (void)json_number(progress, &done);
    char bar[BAR + 1] = "";
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(done * BAR) ? '#' : '.';
    fprintf(stderr, "\r%s %3.0f %% of the rows to write anew%s", bar, done * 100, end ? "\n" : "");
    fflush(stderr);
}

static struct err ask(struct session *s, const char *method, const char *path, struct str body,
                      struct buf *out, long *status) {
    struct session_call call = {.method = method, .path = path, .body = body, .out = out};
    buf_clear(out);
    TRY(session_call(s, &call));
    *status = call.status;
    return ERR_NONE;
}

/* The answer's "state" is done: prints the receipt. */
static bool finished(const struct command *c, struct str answer, int *out_code) {
    AUTO(arena_free) struct arena *a = arena_new(4u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 20);
    AUTO(buf_done) struct buf out;
    const struct json *v = NULL;
    buf_init(&out, 1u << 20);
    *out_code = EXIT_ELSE;
    if (!a || !p || json_parse_copy(p, answer, a, &v).code) return true;
    bool done = json_is_str(json_get(v, "state"), "done");
    show(c, json_get(v, "progress"), done);
    if (!done) return false;
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "receipt");
    json_write(&j, json_get(v, "receipt"));
    jout_object_end(&j);
    *out_code = command_print(buf_str(&out));
    return true;
}

static int failed(const struct command *c, struct err e) {
    return command_fail(c, command_of_error(e),
                        "%s; not done: an erasure that was taken goes on when a server runs on the "
                        "folder, and GET /api/v1/projects/ID/erasures tells of it",
                        e.what);
}

static int watch(const struct command *c, struct session *s, uint64_t project, struct buf *answer) {
    AUTO(arena_free) struct arena *a = arena_new(1u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 20);
    const struct json *v = NULL;
    char path[160];
    int code = EXIT_ELSE;
    if (!a || !p || json_parse_copy(p, buf_str(answer), a, &v).code)
        return command_fail(c, EXIT_ELSE, "the server's answer is not understood");
    const struct json *id = json_get(v, "erasure");
    if (!id || id->type != JSON_STR || id->s.n != 32)
        return command_fail(c, EXIT_ELSE, "the server's answer is not understood");
    snprintf(path, sizeof path, "/api/v1/projects/%llu/erasures/" STR_FMT,
             (unsigned long long)project, STR_ARG(id->s));
    while (!finished(c, buf_str(answer), &code)) {
        struct timespec pause = {.tv_nsec = 100000000};
        long status = 0;
        nanosleep(&pause, NULL);
        struct err e = ask(s, "GET", path, STR(""), answer, &status);
        if (e.code != ERR_OK) return failed(c, e);
        if (status != 200) return session_refused(c, status, buf_str(answer));
    }
    return code;
}

static void put_body(const struct command *c, struct buf *body) {
    struct jout j;
    jout_init(&j, body);
    jout_object(&j);
    jout_keyz(&j, "distinct_ids");
    jout_array(&j);
    for (int i = 1; i < c->n_words; i++)
        jout_strz(&j, c->words[i]);
    jout_array_end(&j);
    jout_object_end(&j);
}

int cmd_erase(struct command *c) {
    uint64_t project = 0;
    if (!command_project(c, &project) || !command_words_ok(c, 2, 1001, USAGE)) return EXIT_USAGE;
    AUTO(session_close) struct session *s = NULL;
    AUTO(buf_done) struct buf body;
    AUTO(buf_done) struct buf answer;
    char path[96];
    long status = 0;
    buf_init(&body, 4u << 20);
    buf_init(&answer, 4u << 20);
    put_body(c, &body);
    snprintf(path, sizeof path, "/api/v1/projects/%llu/erasures", (unsigned long long)project);
    struct err e = session_open(c, &s);
    if (e.code == ERR_OK) e = ask(s, "POST", path, buf_str(&body), &answer, &status);
    if (e.code != ERR_OK) return failed(c, e);
    if (status != 200) return session_refused(c, status, buf_str(&answer));
    return watch(c, s, project, &answer);
}
