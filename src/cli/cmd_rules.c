/* cmd_rules.c: what a project is told beside events: `weir project set`, `weir lexicon`. */
#include <stdio.h>

#include "cli/command.h"

static const char set_usage[] =
    "project set ID [--quota N] [--origins A,B|none] [--retention DAYS]";
static const char lexicon_usage[] =
    "lexicon --project ID [measure|time|identity|none PROPERTY | publish EVENT | publish PROPERTY "
    "VALUE]";

static void put_origins(struct jout *j, const char *text) {
    struct str rest = str_z(text);
    if (!text) return;
    jout_keyz(j, "origins");
    jout_array(j);
    if (str_is(rest, "none")) rest.n = 0;
    while (rest.n)
        jout_str(j, str_trim(str_cut(&rest, ',')));
    jout_array_end(j);
}

int command_project_set(struct command *c) {
    int64_t id = 0, quota = 0, days = 0;
    char path[64];
    const char *quota_text = command_option(c, "--quota");
    const char *origins = command_option(c, "--origins");
    const char *retention = command_option(c, "--retention");
    if (!command_words_ok(c, 3, 3, set_usage)) return EXIT_USAGE;
    if (!str_to_i64(str_z(c->words[2]), &id) || id <= 0)
        return command_fail(c, EXIT_USAGE, "%s: a project's number, such as 1", c->words[2]);
    if (quota_text && (!str_to_i64(str_z(quota_text), &quota) || quota < 0))
        return command_fail(c, EXIT_USAGE, "--quota: events in a minute, 0 for none");
    if (retention && (!str_to_i64(str_z(retention), &days) || days < 0))
        return command_fail(c, EXIT_USAGE, "--retention: days, 0 for ever");
    AUTO(buf_done) struct buf body;
    buf_init(&body, 1 << 16);
    struct jout j;
    jout_init(&j, &body);
    jout_object(&j);
    if (retention) {
        jout_keyz(&j, "retention_days");
        jout_i64(&j, days);
    }
    if (quota_text) {
        jout_keyz(&j, "quota_per_minute");
        jout_i64(&j, quota);
    }
    put_origins(&j, origins);
    jout_object_end(&j);
    snprintf(path, sizeof path, "/api/v1/projects/%lld", (long long)id);
    struct session_call call = {.method = "PATCH", .path = path, .body = buf_str(&body)};
    return session_print(c, &call);
}

static void put_text(struct jout *j, const char *key, const char *value) {
    jout_keyz(j, key);
    jout_strz(j, value);
}

/* The body for the words behind `lexicon`; out_tail: the end of its address. False: no such words.
 */
static bool lexicon_body(const struct command *c, struct jout *j, const char **out_tail) {
    static const char *const marks[] = {"measure", "time", "identity", "none"};
    const char *verb = c->words[1];
    bool publish = strcmp(verb, "publish") == 0, mark = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        mark |= strcmp(verb, marks[i]) == 0;
    if ((!mark || c->n_words != 3) && (!publish || c->n_words < 3)) return false;
    *out_tail = publish ? "publish" : "lexicon/marks";
    jout_object(j);
    put_text(j, publish && c->n_words == 3 ? "event" : "property", c->words[2]);
    if (mark) put_text(j, "mark", verb);
    if (publish && c->n_words == 4) put_text(j, "value", c->words[3]);
    jout_object_end(j);
    return true;
}

int cmd_lexicon(struct command *c) {
    uint64_t project = 0;
    char path[96];
    const char *tail = "lexicon/marks";
    AUTO(buf_done) struct buf body;
    buf_init(&body, 1 << 16);
    struct jout j;
    jout_init(&j, &body);
    if (!command_project(c, &project) || !command_words_ok(c, 1, 4, lexicon_usage))
        return EXIT_USAGE;
    bool list = c->n_words == 1;
    if (!list && !lexicon_body(c, &j, &tail))
        return command_fail(c, EXIT_USAGE, "usage: weir %s", lexicon_usage);
    snprintf(path, sizeof path, "/api/v1/projects/%llu/%s", (unsigned long long)project, tail);
    struct session_call call = {
        .method = list ? "GET" : "POST", .path = path, .body = buf_str(&body)};
    return session_print(c, &call);
}
