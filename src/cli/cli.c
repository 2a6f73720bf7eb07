/* cli.c: the commands as a table, their words and options, and how they fail. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"

struct command_row {
    const char *name;
    int (*run)(struct command *c);
    const char *usage;
};

static const struct command_row commands[] = {
    {"serve", cmd_serve, "serve [--public ADDR:PORT] [--team ADDR:PORT]   run the server"},
    {"project", cmd_project,
     "project create NAME [--crowd K] [--timezone TZ] [--token T] [--secret S] [--test] "
     "[--retention DAYS]"},
    {"project", cmd_project, "project set ID [--quota N] [--origins A,B|none] [--retention DAYS]"},
    {"lexicon", cmd_lexicon,
     "lexicon --project ID [measure|time|identity|none PROPERTY | publish EVENT | publish PROPERTY "
     "VALUE]"},
    {"key", cmd_key,
     "key create --project ID --role collector|analyst|exporter|admin [--name N] [--expires DAYS]"},
    {"key", cmd_key, "key list [--project ID]"},
    {"key", cmd_key, "key revoke USER   ends it at once, at both doors"},
    {"login-link", cmd_login_link,
     "login-link [--member NAME]   a one-time address into the console"},
    {"import", cmd_import, "import --project ID FILE...   NDJSON, .gz too, - is stdin"},
    {"query", cmd_query, "query --project ID FILE|-   a question as JSON"},
    {"export", cmd_export, "export --project ID --from D --to D [--sealed]   NDJSON on stdout"},
    {"erase", cmd_erase,
     "erase --project ID DISTINCT_ID...   erase people: rows, strings, profile, journal"},
    {"check", cmd_check, "check   read and verify every frame, part and table"},
    {"seal", cmd_seal,
     "seal [--passphrase-file F] [--out FILE]   move the team key out of the data folder"},
    {"open", cmd_open,
     "open [--passphrase-file F] [--key FILE] < sealed.ndjson   open sealed text, offline"},
    {"status", cmd_status,
     "status [set [--name N] [--project ID] [--timezone TZ] [--url U]]   the status page"},
    {"component", cmd_component,
     "component create NAME [--group NAME] [--rule off|draft|public] [--types A,B] | component "
     "list"},
    {"incident", cmd_incident,
     "incident open NAME | update ID | resolve ID [--component NAME=STATE]... [--body T] | "
     "incident "
     "list"},
    {"maintenance", cmd_maintenance,
     "maintenance create NAME --from TIME --to TIME [--component NAME]... | maintenance list"},
    {"subscriber", cmd_subscriber,
     "subscriber add EMAIL|URL [--kind K] [--confirmed] | list | remove EMAIL|URL   who hears of "
     "incidents"},
    {"monitor", cmd_monitor,
     "monitor create NAME TARGET | list | show N | set N | try TARGET|N | delete N [--kind K] "
     "[--every S]"},
    {"agent", cmd_agent, "agent create NAME | delete N   who checks from another place"},
    {"probe", cmd_probe, "probe --server URL --key K [--place NAME]   run such an agent"},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

const char *command_option(struct command *c, const char *name) {
    for (int i = 1; i + 1 < c->n_words; i++) {
        if (strcmp(c->words[i], name) != 0) continue;
        const char *value = c->words[i + 1];
        for (int k = i; k + 2 < c->n_words; k++)
            c->words[k] = c->words[k + 2];
        c->n_words -= 2;
        return value;
    }
    return NULL;
}

bool command_flag(struct command *c, const char *name) {
    for (int i = 0; i < c->n_words; i++) {
        if (strcmp(c->words[i], name) != 0) continue;
        for (int k = i; k + 1 < c->n_words; k++)
            c->words[k] = c->words[k + 1];
        c->n_words--;
        return true;
    }
    return false;
}

int command_fail(const struct command *c, int code, const char *format, ...) {
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!c->json) {
        fprintf(stderr, "weir: %s\n", text);
        return code;
    }
    AUTO(buf_done) struct buf out;
    buf_init(&out, 8192);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "error");
    jout_object(&j);
    jout_keyz(&j, "message");
    jout_strz(&j, text);
    jout_object_end(&j);
    jout_object_end(&j);
    fprintf(stderr, STR_FMT "\n", STR_ARG(buf_str(&out)));
    return code;
}

bool command_words_ok(const struct command *c, int least, int most, const char *usage) {
    for (int i = 1; i < c->n_words; i++)
        if (c->words[i][0] == '-' && c->words[i][1]) {
            command_fail(c, EXIT_USAGE, "unknown option or missing value: %s; usage: weir %s",
                         c->words[i], usage);
            return false;
        }
    if (c->n_words >= least && c->n_words <= most) return true;
    command_fail(c, EXIT_USAGE, "usage: weir %s", usage);
    return false;
}

bool command_project(struct command *c, uint64_t *out) {
    const char *text = command_option(c, "--project");
    int64_t id = 0;
    if (text && str_to_i64(str_z(text), &id) && id > 0) {
        *out = (uint64_t)id;
        return true;
    }
    command_fail(c, EXIT_USAGE,
                 text ? "--project: a project's number, such as 1" : "--project ID is missing");
    return false;
}

int command_of_error(struct err e) {
    if (e.code == ERR_CORRUPT) return EXIT_DAMAGED;
    if (e.code == ERR_DENIED || e.code == ERR_EXISTS || e.code == ERR_INVALID) return EXIT_REFUSED;
    return EXIT_ELSE;
}

void command_key_file(const struct command *c, char *out) {
    snprintf(out, 4200, "%s.team-key", c->settings.data);
}

int command_print(struct str json) {
    bool line_end = json.n == 0 || json.p[json.n - 1] != '\n';
    if (fwrite(json.p, 1, json.n, stdout) != json.n || (line_end && putchar('\n') == EOF) ||
        fflush(stdout) == EOF)
        return EXIT_ELSE;
    return EXIT_DONE;
}

static int usage(FILE *to) {
    fprintf(to, "weir: product analytics and service health on your own machine\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  weir %s\n", commands[i].usage);
    fprintf(to, "\n  --data DIR (default ./weir-data) and --json go with every command.\n");
    return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

static int dispatch(struct command *c) {
    const char *name = c->n_words ? c->words[0] : "";
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return usage(stdout);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) return commands[i].run(c);
    if (!*name) return usage(stderr);
    return command_fail(c, EXIT_USAGE, "no such command: %s; `weir help` lists them", name);
}

int cli_main(int argc, char **argv, const struct process_row *processes, int n) {
    struct command c = {.processes = processes, .n_processes = n};
    c.words = calloc((size_t)argc + 1, sizeof *c.words);
    if (!c.words) return EXIT_ELSE;
    char fault[256] = "";
    log_open("weir");
    struct err e = settings_read(argc - 1, argv + 1, &c.settings, c.words, &c.n_words, fault);
    c.json = command_flag(&c, "--json");
    int code = e.code ? command_fail(&c, EXIT_USAGE, "%s", fault) : dispatch(&c);
    free(c.words);
    return code;
}
