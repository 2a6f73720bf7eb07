/* cmd_subscriber.c: `weir subscriber`: who hears of incidents. Thin over doc/notices.md. */
#include <stdio.h>

#include "cli/command.h"

#define BASE "/api/v1/status-page/subscribers"
#define USAGE                                                                                      \
    "subscriber add EMAIL|URL [--kind K] [--label L] [--confirmed] | list | remove EMAIL|URL"

static bool is_url(const char *to) {
    return strncmp(to, "http", 4) == 0;
}

static void put(struct jout *j, const char *key, const char *value) {
    if (!value) return;
    jout_keyz(j, key);
    jout_strz(j, value);
}

/* The members that say who is meant; kind NULL: by the looks of it. */
static void put_who(struct jout *j, const char *to, const char *kind) {
    put(j, "kind", kind ? kind : is_url(to) ? "webhook" : "email");
    put(j, is_url(to) ? "url" : "email", to);
}

static int add(struct command *c) {
    const char *kind = command_option(c, "--kind"), *label = command_option(c, "--label");
    bool confirmed = command_flag(c, "--confirmed");
    AUTO(buf_done) struct buf body;
    struct jout j;
    buf_init(&body, 1 << 16);
    if (!command_words_ok(c, 3, 3, USAGE)) return EXIT_USAGE;
    jout_init(&j, &body);
    jout_object(&j);
    put_who(&j, c->words[2], kind);
    put(&j, "label", label);
    jout_keyz(&j, "confirmed");
    jout_bool(&j, confirmed);
    jout_object_end(&j);
    struct session_call call = {.method = "POST", .path = BASE, .body = buf_str(&body)};
    return session_print(c, &call);
}

static int list(struct command *c) {
    if (!command_words_ok(c, 2, 2, USAGE)) return EXIT_USAGE;
    struct session_call call = {.method = "GET", .path = BASE "?limit=1000"};
    return session_print(c, &call);
}

/* Its number, from the server's answer; 0: an exit code was printed into *code. */
static int64_t find(struct command *c, struct session *s, const char *kind, int *code) {
    AUTO(arena_free) struct arena *a = arena_new(1u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 16);
    AUTO(buf_done) struct buf body;
    AUTO(buf_done) struct buf out;
    struct jout j;
    const struct json *v = NULL;
    buf_init(&body, 1 << 16);
    buf_init(&out, 1 << 16);
    jout_init(&j, &body);
    jout_object(&j);
    put_who(&j, c->words[2], kind);
    jout_object_end(&j);
    struct session_call call = {
        .method = "POST", .path = BASE "/find", .body = buf_str(&body), .out = &out};
    struct err e = a && p ? session_call(s, &call) : ERR(ERR_NOMEM, "memory");
    *code = e.code != ERR_OK     ? command_fail(c, command_of_error(e), "%s", e.what)
            : call.status != 200 ? session_refused(c, call.status, buf_str(&out))
                                 : EXIT_DONE;
    if (*code || json_parse_copy(p, buf_str(&out), a, &v).code != ERR_OK) return 0;
    const struct json *id = json_get(v, "id");
    return id && id->type == JSON_INT ? id->i : 0;
}

static int take_out(struct command *c) {
    const char *kind = command_option(c, "--kind");
    AUTO(session_close) struct session *s = NULL;
    AUTO(buf_done) struct buf out;
    char path[100];
    int code = EXIT_ELSE;
    buf_init(&out, 1 << 16);
    if (!command_words_ok(c, 3, 3, USAGE)) return EXIT_USAGE;
    struct err e = session_open(c, &s);
    if (e.code != ERR_OK) return command_fail(c, command_of_error(e), "%s", e.what);
    int64_t id = find(c, s, kind, &code);
    if (!id) return code ? code : command_fail(c, EXIT_ELSE, "the answer is not understood");
    snprintf(path, sizeof path, BASE "/%lld", (long long)id);
    struct session_call call = {.method = "DELETE", .path = path, .out = &out};
    e = session_call(s, &call);
    if (e.code != ERR_OK) return command_fail(c, command_of_error(e), "%s", e.what);
    if (call.status != 200) return session_refused(c, call.status, buf_str(&out));
    return command_print(buf_str(&out));
}

int cmd_subscriber(struct command *c) {
    const char *verb = c->n_words > 1 ? c->words[1] : "";
    if (strcmp(verb, "add") == 0) return add(c);
    if (strcmp(verb, "list") == 0) return list(c);
    if (strcmp(verb, "remove") == 0) return take_out(c);
    return command_fail(c, EXIT_USAGE, "usage: weir %s", USAGE);
}
