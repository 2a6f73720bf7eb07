/* cmd_desk.c: the status desk at a terminal: `weir status`, `component`, `incident`, `maintenance`.
 * Thin over doc/status-api.md; components are named by id or exact name.
 */
#include <stdio.h>

#include "cli/command.h"

#define BASE "/api/v1/status-page"
#define MAX_ANSWER ((size_t)64 << 20)
#define MAX_NAMED 64

struct desk {
    struct command *command;
    struct session *session;
    struct arena *arena;
    struct json_parser *parser;
    const struct json *components; /* the list, once it was asked for */
    const char *named[MAX_NAMED];  /* values of --component, as given */
    size_t n_named;
};

/* ---- calls ---- */

/* 0, or the exit code of what was complained about. */
static int ask(struct desk *d, struct session_call *call, const struct json **out) {
    AUTO(buf_done) struct buf answer;
    buf_init(&answer, MAX_ANSWER);
    call->out = &answer;
    struct err e = session_call(d->session, call);
    if (e.code != ERR_OK) return command_fail(d->command, command_of_error(e), "%s", e.what);
    if (call->status != 200) return session_refused(d->command, call->status, buf_str(&answer));
    if (!out) return command_print(buf_str(&answer));
    e = json_parse_copy(d->parser, buf_str(&answer), d->arena, out);
    return e.code == ERR_OK ? 0 : command_fail(d->command, EXIT_ELSE, "the answer is not JSON");
}

static bool begin(struct desk *d, struct command *c) {
    *d = (struct desk){.command = c, .arena = arena_new(0), .parser = json_parser_new(MAX_ANSWER)};
    struct err e = d->arena && d->parser ? session_open(c, &d->session) : ERR(ERR_NOMEM, "memory");
    if (e.code == ERR_OK) return true;
    command_fail(c, command_of_error(e), "%s", e.what);
    return false;
}

static void end(struct desk *d) {
    session_close(d->session);
    json_parser_free(d->parser);
    arena_free(d->arena);
}
static void end_auto(struct desk *d) {
    end(d);
}

/* ---- words as JSON ---- */

static void put(struct jout *j, const char *key, const char *value) {
    if (!value) return;
    jout_keyz(j, key);
    jout_strz(j, value);
}

static bool take_named(struct desk *d) {
    const char *value;
    while ((value = command_option(d->command, "--component"))) {
        if (d->n_named == MAX_NAMED) {
            command_fail(d->command, EXIT_USAGE, "--component: at most 64");
            return false;
        }
        d->named[d->n_named++] = value;
    }
    return true;
}

/* The id of the component (or group) of this name or id; p NULL: complained. */
static struct str id_of(struct desk *d, struct str name) {
    const struct json *answer = NULL;
    if (!d->components) {
        struct session_call call = {.method = "GET", .path = BASE "/components"};
        if (ask(d, &call, &answer)) return (struct str){0};
        d->components = json_get(answer, "components");
    }
    const struct json *list = d->components;
    for (const struct json *v = list ? json_first(list) : NULL; v && v != json_end(list);
         v = json_next(v)) {
        const struct json *id = json_get(v, "id"), *n = json_get(v, "name");
        if (id && n && (str_eq(id->s, name) || str_eq(n->s, name))) return id->s;
    }
    command_fail(d->command, EXIT_REFUSED, "there is no component " STR_FMT, STR_ARG(name));
    return (struct str){0};
}

/* "components": {ID: STATE} of NAME=STATE, or [ID] when `states` is false. */
static bool put_named(struct desk *d, struct jout *j, bool states) {
    if (!d->n_named) return true;
    jout_keyz(j, "components");
    if (states)
        jout_object(j);
    else
        jout_array(j);
    for (size_t i = 0; i < d->n_named; i++) {
        struct str name = str_z(d->named[i]), state = STR("degraded_performance");
        const char *eq = states ? strrchr(d->named[i], '=') : NULL;
        if (eq) name.n = (size_t)(eq - d->named[i]), state = str_z(eq + 1);
        struct str id = id_of(d, name);
        if (!id.p) return false;
        if (states) jout_key(j, id);
        jout_str(j, states ? state : id);
    }
    if (states)
        jout_object_end(j);
    else
        jout_array_end(j);
    return true;
}

static void put_list(struct jout *j, const char *key, const char *commas) {
    struct str rest = str_z(commas);
    if (!commas) return;
    jout_keyz(j, key);
    jout_array(j);
    while (rest.n)
        jout_str(j, str_trim(str_cut(&rest, ',')));
    jout_array_end(j);
}

/* A filter given as JSON goes in as it is, once it parses. */
static bool put_json(struct desk *d, struct jout *j, const char *key, const char *text) {
    const struct json *v = NULL;
    if (!text) return true;
    if (json_parse_copy(d->parser, str_z(text), d->arena, &v).code != ERR_OK) {
        command_fail(d->command, EXIT_USAGE, "--%s: JSON, see doc/status-api.md", key);
        return false;
    }
    jout_keyz(j, key);
    json_write(j, v);
    return true;
}

/* ---- lines for people ---- */

static void print_member(const struct json *v, const char *name, const char *after) {
    const struct json *m = json_get(v, name);
    struct str text = m && m->type == JSON_STR ? m->s : STR("-");
    for (size_t i = 0; i < text.n; i++)
        putchar((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F ? '?' : text.p[i]);
    fputs(after, stdout);
}

static void print_component(const struct json *v) {
    print_member(v, "id", "  ");
    print_member(v, "state", "  ");
    print_member(v, "rule", "  ");
    print_member(v, "name", "\n");
}

static void print_incident(const struct json *v) {
    print_member(v, "id", "  ");
    print_member(v, "status", "  ");
    print_member(v, "impact", "  ");
    print_member(v, "started_at", "  ");
    print_member(v, "name", "\n");
}

static void print_maintenance(const struct json *v) {
    print_member(v, "id", "  ");
    print_member(v, "status", "  ");
    print_member(v, "scheduled_for", "  ");
    print_member(v, "scheduled_until", "  ");
    print_member(v, "name", "\n");
}

static void print_list(const struct json *answer, const char *name,
                       void (*print)(const struct json *)) {
    const struct json *list = json_get(answer, name);
    for (const struct json *v = list ? json_first(list) : NULL; v && v != json_end(list);
         v = json_next(v))
        print(v);
}

/* The call, printed as JSON, or as lines by `print` (of the list `name`, or of the one thing). */
static int show(struct desk *d, struct session_call *call, const char *name,
                void (*print)(const struct json *)) {
    const struct json *answer = NULL;
    if (d->command->json) return ask(d, call, NULL);
    int code = ask(d, call, &answer);
    if (code) return code;
    if (name)
        print_list(answer, name, print);
    else
        print(answer);
    return fflush(stdout) == EOF ? EXIT_ELSE : EXIT_DONE;
}

/* ---- weir status ---- */

static const char status_usage[] =
    "status [set [--name N] [--project ID] [--timezone TZ] [--url U] [--support U]]";

static void print_board(const struct json *v) {
    const struct json *page = json_get(v, "page");
    print_member(page, "name", "\n");
    print_list(v, "components", print_component);
    print_list(v, "incidents", print_incident);
    print_list(v, "maintenances", print_maintenance);
}

static void print_page(const struct json *v) {
    print_member(v, "id", "  ");
    print_member(v, "time_zone", "  ");
    print_member(v, "name", "\n");
}

static int status_set(struct desk *d) {
    struct command *c = d->command;
    const char *name = command_option(c, "--name"), *project = command_option(c, "--project");
    const char *zone = command_option(c, "--timezone"), *url = command_option(c, "--url");
    const char *support = command_option(c, "--support");
    int64_t number = 0;
    if (!command_words_ok(c, 2, 2, status_usage)) return EXIT_USAGE;
    if (project && !str_to_i64(str_z(project), &number))
        return command_fail(c, EXIT_USAGE, "--project: a project's number, 0 for none");
    AUTO(buf_done) struct buf body;
    struct jout j;
    buf_init(&body, 1 << 16);
    jout_init(&j, &body);
    jout_object(&j);
    put(&j, "name", name);
    put(&j, "time_zone", zone);
    put(&j, "url", url);
    put(&j, "support_url", support);
    if (project) {
        jout_keyz(&j, "project");
        jout_i64(&j, number);
    }
    jout_object_end(&j);
    struct session_call call = {.method = "PATCH", .path = BASE, .body = buf_str(&body)};
    return show(d, &call, NULL, print_page);
}

static bool word_is(const struct command *c, const char *word) {
    return c->n_words >= 2 && strcmp(c->words[1], word) == 0;
}

int cmd_status(struct command *c) {
    __attribute__((cleanup(end_auto))) struct desk d = {0};
    if (!begin(&d, c)) return EXIT_ELSE;
    if (word_is(c, "set")) return status_set(&d);
    if (!command_words_ok(c, 1, 1, status_usage)) return EXIT_USAGE;
    struct session_call call = {.method = "GET", .path = BASE};
    return show(&d, &call, NULL, print_board);
}

/* ---- weir component ---- */

static const char component_usage[] =
    "component create NAME [--group NAME] [--rule off|draft|public] [--types A,B] [--events JSON] "
    "[--errors JSON] [--description T] [--is-group] | component list";

static int component_create(struct desk *d) {
    struct command *c = d->command;
    const char *group = command_option(c, "--group"), *rule = command_option(c, "--rule");
    const char *types = command_option(c, "--types"), *events = command_option(c, "--events");
    const char *errors = command_option(c, "--errors");
    const char *description = command_option(c, "--description");
    bool is_group = command_flag(c, "--is-group");
    if (!command_words_ok(c, 3, 3, component_usage)) return EXIT_USAGE;
    struct str group_id = group ? id_of(d, str_z(group)) : STR("");
    if (!group_id.p) return EXIT_REFUSED;
    AUTO(buf_done) struct buf body;
    struct jout j;
    buf_init(&body, 1 << 16);
    jout_init(&j, &body);
    jout_object(&j);
    put(&j, "name", c->words[2]);
    put(&j, "rule", rule);
    put(&j, "description", description);
    put_list(&j, "types", types);
    if (!put_json(d, &j, "events", events) || !put_json(d, &j, "errors", errors)) return EXIT_USAGE;
    if (group) {
        jout_keyz(&j, "group");
        jout_str(&j, group_id);
    }
    jout_keyz(&j, "is_group");
    jout_bool(&j, is_group);
    jout_object_end(&j);
    struct session_call call = {
        .method = "POST", .path = BASE "/components", .body = buf_str(&body)};
    return show(d, &call, NULL, print_component);
}

int cmd_component(struct command *c) {
    __attribute__((cleanup(end_auto))) struct desk d = {0};
    bool create = word_is(c, "create");
    if (!create && !word_is(c, "list"))
        return command_fail(c, EXIT_USAGE, "usage: weir %s", component_usage);
    if (!begin(&d, c)) return EXIT_ELSE;
    if (create) return component_create(&d);
    if (!command_words_ok(c, 2, 2, component_usage)) return EXIT_USAGE;
    struct session_call call = {.method = "GET", .path = BASE "/components"};
    return show(&d, &call, "components", print_component);
}

/* ---- weir incident ---- */

static const char incident_usage[] =
    "incident open NAME | update ID | resolve ID [--component NAME=STATE]... [--status S] "
    "[--impact I] [--body T] [--quiet] | incident list [--state open|draft|all]";

/* open, update and resolve take the same options. */
static int incident_tell(struct desk *d, const char *verb) {
    struct command *c = d->command;
    bool open = strcmp(verb, "open") == 0, resolve = strcmp(verb, "resolve") == 0;
    const char *status = command_option(c, "--status"), *impact = command_option(c, "--impact");
    const char *text = command_option(c, "--body");
    bool quiet = command_flag(c, "--quiet");
    char path[160];
    if (!take_named(d) || !command_words_ok(c, 3, 3, incident_usage)) return EXIT_USAGE;
    AUTO(buf_done) struct buf body;
    struct jout j;
    buf_init(&body, 1 << 16);
    jout_init(&j, &body);
    jout_object(&j);
    if (open) put(&j, "name", c->words[2]);
    put(&j, "status", resolve ? "resolved" : status);
    put(&j, "impact", impact);
    put(&j, "body", text);
    if (!put_named(d, &j, true)) return EXIT_REFUSED;
    jout_keyz(&j, "notify");
    jout_bool(&j, !quiet);
    jout_object_end(&j);
    snprintf(path, sizeof path, BASE "/incidents%s%.60s%s", open ? "" : "/",
             open ? "" : c->words[2], open ? "" : "/updates");
    struct session_call call = {.method = "POST", .path = path, .body = buf_str(&body)};
    return show(d, &call, NULL, print_incident);
}

static int incident_list(struct desk *d) {
    struct command *c = d->command;
    const char *state = command_option(c, "--state");
    char path[100];
    if (!command_words_ok(c, 2, 2, incident_usage)) return EXIT_USAGE;
    if (state && strcmp(state, "open") != 0 && strcmp(state, "draft") != 0 &&
        strcmp(state, "all") != 0)
        return command_fail(c, EXIT_USAGE, "--state: open, draft or all");
    snprintf(path, sizeof path, BASE "/incidents?limit=200&state=%s", state ? state : "all");
    struct session_call call = {.method = "GET", .path = path};
    return show(d, &call, "incidents", print_incident);
}

/* An id is put into an address: nothing but what ids are made of. */
static bool is_id(const char *word) {
    return *word && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(word);
}

int cmd_incident(struct command *c) {
    __attribute__((cleanup(end_auto))) struct desk d = {0};
    bool list = word_is(c, "list"), open = word_is(c, "open");
    bool told = word_is(c, "update") || word_is(c, "resolve");
    if (!list && (c->n_words < 3 || (!open && !told)))
        return command_fail(c, EXIT_USAGE, "usage: weir %s", incident_usage);
    if (told && !is_id(c->words[2]))
        return command_fail(c, EXIT_USAGE, "an incident's id, such as `weir incident list` shows");
    if (!begin(&d, c)) return EXIT_ELSE;
    return list ? incident_list(&d) : incident_tell(&d, c->words[1]);
}

/* ---- weir maintenance ---- */

static const char maintenance_usage[] =
    "maintenance create NAME --from TIME --to TIME [--component NAME]... [--body T] [--quiet] | "
    "maintenance list";

static int maintenance_create(struct desk *d) {
    struct command *c = d->command;
    const char *from = command_option(c, "--from"), *to = command_option(c, "--to");
    const char *text = command_option(c, "--body");
    bool quiet = command_flag(c, "--quiet");
    if (!take_named(d) || !command_words_ok(c, 3, 3, maintenance_usage)) return EXIT_USAGE;
    AUTO(buf_done) struct buf body;
    struct jout j;
    buf_init(&body, 1 << 16);
    jout_init(&j, &body);
    jout_object(&j);
    put(&j, "name", c->words[2]);
    put(&j, "scheduled_for", from);
    put(&j, "scheduled_until", to);
    put(&j, "body", text);
    if (!put_named(d, &j, false)) return EXIT_REFUSED;
    jout_keyz(&j, "notify");
    jout_bool(&j, !quiet);
    jout_object_end(&j);
    struct session_call call = {
        .method = "POST", .path = BASE "/maintenances", .body = buf_str(&body)};
    return show(d, &call, NULL, print_maintenance);
}

int cmd_maintenance(struct command *c) {
    __attribute__((cleanup(end_auto))) struct desk d = {0};
    bool create = word_is(c, "create");
    if (!create && !word_is(c, "list"))
        return command_fail(c, EXIT_USAGE, "usage: weir %s", maintenance_usage);
    if (!begin(&d, c)) return EXIT_ELSE;
    if (create) return maintenance_create(&d);
    if (!command_words_ok(c, 2, 2, maintenance_usage)) return EXIT_USAGE;
    struct session_call call = {.method = "GET", .path = BASE "/maintenances?limit=200"};
    return show(&d, &call, "maintenances", print_maintenance);
}
