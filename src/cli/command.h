/* command.h: what the commands share; private to src/cli. */
#pragma once

#include "cli/cli.h"
#include "json/json.h"

enum exit_code { EXIT_DONE = 0, EXIT_ELSE = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3, EXIT_DAMAGED = 4 };

struct command {
    struct settings settings;
    const struct process_row *processes;
    int n_processes;
    char **words; /* [n_words]: the command's own words and options, settings' taken out */
    int n_words;
    bool json; /* --json */
};

/* An option of the command with a value ("--project"), taken out of the words; NULL: not given. */
const char *command_option(struct command *c, const char *name);
bool command_flag(struct command *c, const char *name);
/* One line to stderr ("weir: ..."), as {"error":...} with --json; returns the code. */
int command_fail(const struct command *c, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Options that nobody took and words beyond `most` are usage errors: prints and returns false. */
bool command_words_ok(const struct command *c, int least, int most, const char *usage);
bool command_project(struct command *c, uint64_t *out); /* --project ID; prints its own complaint */
int command_of_error(struct err e);
/* Where `weir seal` puts the wrapped team key and `weir open` looks for it: DIR.team-key, beside
 * the data folder. out [4200]. */
void command_key_file(const struct command *c, char *out);
int command_print(struct str json); /* and a line end; checks that stdout took it */

/* ---- acting through a server: session.c ---- */
struct session; /* a running server's sockets, or a server of our own for this command */
struct err session_open(const struct command *c, struct session **out);
void session_close(struct session *s); /* stops our own server and waits for it */
AUTO_DEFINE(struct session *, session_close);

enum session_peer { TO_CONSOLE, TO_FRONT };
struct session_call {
    enum session_peer peer;
    const char *method; /* "GET", "POST" */
    const char *path;   /* with query */
    struct str body;
    const char *content_type;                    /* NULL: application/json */
    struct buf *out;                             /* the answer's body */
    bool (*stream)(void *ctx, struct str piece); /* instead of out, for a 200 */
    void *stream_ctx;
    long status; /* out */
};
/* ERR_NET-like failures come as ERR_IO with `what`; any HTTP status is success here. */
struct err session_call(struct session *s, struct session_call *call);
/* A call whose 200 is printed as it is, anything else as a failure; returns the exit code. */
int session_print(const struct command *c, struct session_call *call);
int session_refused(const struct command *c, long status, struct str body);

/* ---- the commands ---- */
int cmd_serve(struct command *c);
int cmd_project(struct command *c);
int cmd_key(struct command *c);
int command_project_set(struct command *c); /* cmd_rules.c: `weir project set` */
int cmd_lexicon(struct command *c);
int cmd_login_link(struct command *c);
int cmd_subscriber(struct command *c);
int cmd_monitor(struct command *c); /* cmd_monitor.c */
int cmd_agent(struct command *c);
int cmd_probe(struct command *c);
int cmd_import(struct command *c);
int cmd_query(struct command *c);
int cmd_export(struct command *c);
int cmd_erase(struct command *c);
int cmd_check(struct command *c);
int cmd_seal(struct command *c);
int cmd_open(struct command *c);
int cmd_status(struct command *c);
int cmd_component(struct command *c);
int cmd_incident(struct command *c);
int cmd_maintenance(struct command *c);

/* table.c: an answer as a table for people. False: not a shape it knows. */
bool table_print(const struct json *answer);
/* passphrase.c: from --passphrase-file, or asked on the terminal (twice when `confirm`). */
struct err passphrase_read(struct command *c, bool confirm, struct buf *out);
