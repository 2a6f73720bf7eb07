/* cmd_small.c: the commands that are one call: serve, project, key, login-link, query, check. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"

#define MAX_QUERY_BYTES (1u << 20)
#define USER_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

int cmd_serve(struct command *c) {
    if (!command_words_ok(c, 1, 1, "serve [--public ADDR:PORT] [--team ADDR:PORT] [--data DIR]"))
        return EXIT_USAGE;
    return supervise_run(&c->settings, c->processes, c->n_processes, NULL);
}

static bool is_create(struct command *c, const char *usage) {
    if (c->n_words >= 2 && strcmp(c->words[1], "create") == 0) return true;
    command_fail(c, EXIT_USAGE, "usage: weir %s", usage);
    return false;
}

static bool number_option(struct command *c, const char *name, int64_t least, int64_t most,
                          int64_t *out) {
    const char *text = command_option(c, name);
    if (!text) return true;
    if (str_to_i64(str_z(text), out) && *out >= least && *out <= most) return true;
    command_fail(c, EXIT_USAGE, "%s: a number from %lld to %lld", name, (long long)least,
                 (long long)most);
    return false;
}

static void put_option(struct jout *j, const char *key, const char *value) {
    if (!value) return;
    jout_keyz(j, key);
    jout_strz(j, value);
}

int cmd_project(struct command *c) {
    const char *usage =
        "project create NAME [--crowd K] [--timezone TZ] [--token T] [--secret S] [--test] "
        "[--retention DAYS]";
    int64_t crowd = 0, days = 0;
    if (c->n_words >= 2 && strcmp(c->words[1], "set") == 0) return command_project_set(c);
    if (!is_create(c, usage) || !number_option(c, "--crowd", 2, 1000, &crowd) ||
        !number_option(c, "--retention", 0, 36500, &days))
        return EXIT_USAGE;
    const char *zone = command_option(c, "--timezone"), *token = command_option(c, "--token"),
               *secret = command_option(c, "--secret");
    bool test = command_flag(c, "--test");
    if (!command_words_ok(c, 3, 3, usage)) return EXIT_USAGE;
    AUTO(buf_done) struct buf body;
    buf_init(&body, 1 << 16);
    struct jout j;
    jout_init(&j, &body);
    jout_object(&j);
    put_option(&j, "name", c->words[2]);
    put_option(&j, "timezone", zone);
    put_option(&j, "token", token);
    put_option(&j, "secret", secret);
    if (crowd) {
        jout_keyz(&j, "crowd");
        jout_i64(&j, crowd);
    }
    jout_keyz(&j, "retention_days");
    jout_i64(&j, days);
    jout_keyz(&j, "test");
    jout_bool(&j, test);
    jout_object_end(&j);
    struct session_call call = {
        .method = "POST", .path = "/api/v1/projects", .body = buf_str(&body)};
    return session_print(c, &call);
}

static int list_keys(struct command *c) {
    char path[64] = "/api/v1/keys";
    int64_t project = 0;
    if (!number_option(c, "--project", 1, INT64_MAX, &project) ||
        !command_words_ok(c, 2, 2, "key list [--project ID]"))
        return EXIT_USAGE;
    if (project) snprintf(path, sizeof path, "/api/v1/keys?project=%lld", (long long)project);
    struct session_call call = {.method = "GET", .path = path};
    return session_print(c, &call);
}

static int revoke_key(struct command *c) {
    char path[96];
    if (!command_words_ok(c, 3, 3, "key revoke USER")) return EXIT_USAGE;
    struct str user = str_z(c->words[2]);
    for (size_t i = 0; i < user.n; i++)
        if (!strchr(USER_CHARS, user.p[i])) user.n = 0;
    if (user.n == 0 || user.n > 40)
        return command_fail(c, EXIT_USAGE, "a key's user, such as wk_1a2b (`weir key list`)");
    snprintf(path, sizeof path, "/api/v1/keys/" STR_FMT, STR_ARG(user));
    struct session_call call = {.method = "DELETE", .path = path};
    return session_print(c, &call);
}

int cmd_key(struct command *c) {
    const char *usage = "key create --project ID --role ROLE [--name N] [--expires DAYS]";
    if (c->n_words >= 2 && strcmp(c->words[1], "list") == 0) return list_keys(c);
    if (c->n_words >= 2 && strcmp(c->words[1], "revoke") == 0) return revoke_key(c);
    uint64_t project = 0;
    int64_t days = 0;
    if (!is_create(c, usage) || !command_project(c, &project) ||
        !number_option(c, "--expires", 1, 36500, &days))
        return EXIT_USAGE;
    const char *role = command_option(c, "--role"), *name = command_option(c, "--name");
    if (!role)
        return command_fail(c, EXIT_USAGE,
                            "--role is missing: collector, analyst, exporter or admin");
    if (!command_words_ok(c, 2, 2, usage)) return EXIT_USAGE;
    AUTO(buf_done) struct buf body;
    buf_init(&body, 1 << 16);
    struct jout j;
    jout_init(&j, &body);
    jout_object(&j);
    jout_keyz(&j, "project");
    jout_i64(&j, (int64_t)project);
    put_option(&j, "role", role);
    put_option(&j, "name", name);
    if (days) {
        jout_keyz(&j, "expires");
        jout_i64(&j, days);
    }
    jout_object_end(&j);
    struct session_call call = {.method = "POST", .path = "/api/v1/keys", .body = buf_str(&body)};
    return session_print(c, &call);
}

int cmd_login_link(struct command *c) {
    const char *member = command_option(c, "--member");
    if (!command_words_ok(c, 1, 1, "login-link [--member NAME]")) return EXIT_USAGE;
    AUTO(buf_done) struct buf body;
    buf_init(&body, 1 << 16);
    struct jout j;
    jout_init(&j, &body);
    jout_object(&j);
    put_option(&j, "member", member);
    jout_object_end(&j);
    struct session_call call = {
        .method = "POST", .path = "/api/v1/login-links", .body = buf_str(&body)};
    return session_print(c, &call);
}

static struct err read_question(const char *path, struct buf *out) {
    if (strcmp(path, "-") != 0) return io_read_file(path, MAX_QUERY_BYTES, out);
    for (;;) {
        char *room = buf_room(out, 4096);
        if (!room) return buf_err(out);
        ssize_t n = read(STDIN_FILENO, room, 4096);
        if (n < 0) return err_os("reading the question");
        if (n == 0) return ERR_NONE;
        out->n += (size_t)n;
    }
}

/* The question with --project put into it when it names none. */
static struct err with_project(struct str question, uint64_t project, struct buf *out) {
    AUTO(arena_free) struct arena *a = arena_new(64u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(MAX_QUERY_BYTES);
    const struct json *v = NULL;
    if (!a || !p) return ERR(ERR_NOMEM, "question");
    TRY(json_parse_copy(p, question, a, &v));
    struct str rest = str_trim(question);
    if (v->type != JSON_OBJECT || json_get(v, "project")) {
        buf_put_str(out, rest);
        return buf_err(out);
    }
    buf_printf(out, "{\"project\":%llu%s", (unsigned long long)project, v->n ? "," : "");
    buf_put_str(out, str_from(rest, 1));
    return buf_err(out);
}

static int show(const struct command *c, struct str answer) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new((size_t)1 << 30);
    const struct json *v = NULL;
    bool table = !c->json && isatty(STDOUT_FILENO) && a && p &&
                 json_parse_copy(p, answer, a, &v).code == ERR_OK;
    return table && table_print(v) ? EXIT_DONE : command_print(answer);
}

int cmd_query(struct command *c) {
    uint64_t project = 0;
    if (!command_project(c, &project) || !command_words_ok(c, 2, 2, "query --project ID FILE|-"))
        return EXIT_USAGE;
    AUTO(buf_done) struct buf question;
    AUTO(buf_done) struct buf body;
    AUTO(buf_done) struct buf answer;
    buf_init(&question, MAX_QUERY_BYTES);
    buf_init(&body, MAX_QUERY_BYTES + 64);
    buf_init(&answer, (size_t)1 << 30);
    struct err e = read_question(c->words[1], &question);
    if (e.code == ERR_OK) e = with_project(buf_str(&question), project, &body);
    if (e.code != ERR_OK) return command_fail(c, EXIT_USAGE, "%s: %s", c->words[1], e.what);
    AUTO(session_close) struct session *s = NULL;
    struct session_call call = {
        .method = "POST", .path = "/api/v1/query", .body = buf_str(&body), .out = &answer};
    e = session_open(c, &s);
    if (e.code == ERR_OK) e = session_call(s, &call);
    if (e.code != ERR_OK) return command_fail(c, command_of_error(e), "%s", e.what);
    if (call.status != 200) return session_refused(c, call.status, buf_str(&answer));
    return show(c, buf_str(&answer));
}

int cmd_check(struct command *c) {
    if (!command_words_ok(c, 1, 1, "check")) return EXIT_USAGE;
    struct session_call call = {.method = "POST", .path = "/api/v1/check", .body = STR("{}")};
    AUTO(session_close) struct session *s = NULL;
    AUTO(buf_done) struct buf out;
    buf_init(&out, 64u << 20);
    call.out = &out;
    struct err e = session_open(c, &s);
    if (e.code == ERR_OK) e = session_call(s, &call);
    if (e.code != ERR_OK) return command_fail(c, command_of_error(e), "%s", e.what);
    if (call.status != 200) return session_refused(c, call.status, buf_str(&out));
    int printed = command_print(buf_str(&out));
    return str_contains(buf_str(&out), STR("\"ok\":true")) ? printed : EXIT_DAMAGED;
}
