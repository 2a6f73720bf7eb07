/* cmd_monitor.c: `weir monitor`, `weir agent`, `weir probe`. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "courier/courier.h"

#define MONITORS "/api/v1/status-page/monitors"
static const char usage[] = "monitor create NAME TARGET | list | show N | set N | try TARGET|N | "
                            "delete N  [--kind K] [--every S] [--component ID] [--MEMBER=VALUE]...";

/* VALUE as JSON where it is a number, a list, an object, true, false or null; else as a text. */
static void put_value(struct jout *j, const char *text) {
    AUTO(arena_free) struct arena *a = arena_new(1u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 16);
    const struct json *v = NULL;
    if (a && p && json_parse_copy(p, str_z(text), a, &v).code == ERR_OK)
        json_write(j, v);
    else
        jout_strz(j, text);
}

/* Takes every "--member=value" out of the words. */
static void put_members(struct command *c, struct jout *j) {
    int kept = 0;
    for (int i = 0; i < c->n_words; i++) {
        struct str value = str_z(c->words[i]), name = str_cut(&value, '=');
        bool member = str_starts(name, STR("--")) && name.n > 2 && name.n < strlen(c->words[i]);
        if (!member) {
            c->words[kept++] = c->words[i];
            continue;
        }
        jout_key(j, str_from(name, 2));
        put_value(j, value.p);
    }
    c->n_words = kept;
}

static void put_text(struct jout *j, const char *key, const char *value) {
    if (!value) return;
    jout_keyz(j, key);
    jout_strz(j, value);
}

static void put_options(struct command *c, struct jout *j) {
    const char *every = command_option(c, "--every");
    put_text(j, "kind", command_option(c, "--kind"));
    put_text(j, "component", command_option(c, "--component"));
    if (every) {
        jout_keyz(j, "interval_s");
        put_value(j, every);
    }
    put_members(c, j);
}

static bool is_number(const char *word) {
    int64_t n;
    return str_to_i64(str_z(word), &n) && n > 0;
}

/* Method, address and the positional members by the word behind `monitor`; false: no such words. */
static bool plan(const struct command *c, struct session_call *call, char *path, struct jout *j) {
    const char *verb = c->n_words > 1 ? c->words[1] : "";
    const char *what = c->n_words > 2 ? c->words[2] : "";
    bool number = is_number(what) && c->n_words == 3;
    call->method = "GET";
    (void)snprintf(path, 200, "%s", MONITORS);
    if (strcmp(verb, "list") == 0) return c->n_words == 2;
    if (strcmp(verb, "create") == 0 && (c->n_words == 3 || c->n_words == 4)) {
        call->method = "POST";
        put_text(j, "name", what);
        put_text(j, "target", c->n_words == 4 ? c->words[3] : NULL);
        return true;
    }
    if (strcmp(verb, "try") == 0 && c->n_words == 3) {
        call->method = "POST";
        (void)snprintf(path, 200, "%s/try", MONITORS);
        if (!number) put_text(j, "target", what);
        if (number) jout_keyz(j, "number"), put_value(j, what);
        return true;
    }
    if (!number) return false;
    (void)snprintf(path, 200, "%s/%s", MONITORS, what);
    call->method = strcmp(verb, "delete") == 0 ? "DELETE"
                   : strcmp(verb, "set") == 0  ? "PATCH"
                                               : "GET";
    return strcmp(verb, "delete") == 0 || strcmp(verb, "set") == 0 || strcmp(verb, "show") == 0;
}

int cmd_monitor(struct command *c) {
    AUTO(buf_done) struct buf body = {0};
    struct jout j;
    char path[200];
    struct session_call call = {.path = path};
    buf_init(&body, 1 << 17);
    jout_init(&j, &body);
    jout_object(&j);
    put_options(c, &j);
    if (!plan(c, &call, path, &j)) return command_fail(c, EXIT_USAGE, "usage: weir %s", usage);
    jout_object_end(&j);
    bool reads = strcmp(call.method, "GET") == 0 || strcmp(call.method, "DELETE") == 0;
    call.body = reads ? (struct str){0} : buf_str(&body);
    return session_print(c, &call);
}

int cmd_agent(struct command *c) {
    AUTO(buf_done) struct buf body = {0};
    struct jout j;
    char path[200] = "/api/v1/status-page/agents";
    const char *verb = c->n_words == 3 ? c->words[1] : "";
    struct session_call call = {.method = "POST", .path = path};
    buf_init(&body, 4096);
    jout_init(&j, &body);
    if (strcmp(verb, "create") == 0) {
        jout_object(&j);
        put_text(&j, "name", c->words[2]);
        jout_object_end(&j);
        call.body = buf_str(&body);
        return session_print(c, &call);
    }
    if (strcmp(verb, "delete") != 0 || !is_number(c->words[2]))
        return command_fail(c, EXIT_USAGE, "usage: weir agent create NAME | delete N");
    (void)snprintf(path, sizeof path, "/api/v1/status-page/agents/%s", c->words[2]);
    call.method = "DELETE";
    return session_print(c, &call);
}

/* The key from the environment too, so that it need not stand in the list of processes. */
int cmd_probe(struct command *c) {
    const char *server = command_option(c, "--server"), *key = command_option(c, "--key");
    const char *place = command_option(c, "--place");
    char trimmed[2100];
    if (!key) key = getenv("WEIR_AGENT_KEY");
    if (!command_words_ok(c, 1, 1, "probe --server URL --key K [--place NAME]")) return EXIT_USAGE;
    if (!server || !key || strlen(server) > 2000 || strlen(key) > 100)
        return command_fail(c, EXIT_USAGE, "usage: weir probe --server URL --key K [--place NAME]");
    struct str url = str_z(server);
    while (str_ends(url, STR("/")))
        url.n--;
    if (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://")))
        return command_fail(c, EXIT_USAGE, "--server: the address of the public door");
    (void)snprintf(trimmed, sizeof trimmed, STR_FMT, STR_ARG(url));
    struct courier_agent how = {&c->settings, trimmed, key, place ? place : "unnamed"};
    return courier_agent_run(&how);
}
