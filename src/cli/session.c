/* session.c: how a command reaches the data: over the local sockets of the server that runs on the
 * folder, or of one that is started without doors for as long as the command runs. One code path to
 * the data, one holder of the lock.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"

#define WAIT_US (10 * US_PER_S)
#define MAX_ANSWER_BYTES ((size_t)1 << 30)

struct session {
    int folder;          /* DIR/run */
    char sockets[2][64]; /* by enum session_peer */
    CURL *curl[2];
    pid_t server; /* our own, 0: somebody else's */
};

/* In the forked child: the ready line goes into the pipe instead of to the command's own output. */
static void run_server(const struct command *c, int pipe_out) {
    struct settings own = c->settings;
    own.no_doors = true;
    if (dup2(pipe_out, STDOUT_FILENO) < 0) _exit(EXIT_ELSE);
    _exit(supervise_run(&own, c->processes, c->n_processes, NULL));
}

static bool wait_ready(int pipe_in) {
    char byte = 0;
    while (read(pipe_in, &byte, 1) == 1)
        if (byte == '\n') return true;
    return false;
}

static struct err start_server(const struct command *c, struct session *s) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return err_os("pipe");
    fflush(NULL);
    s->server = fork();
    if (s->server < 0) return err_os("fork");
    if (s->server == 0) {
        close(ends[0]);
        run_server(c, ends[1]);
    }
    close(ends[1]);
    bool ready = wait_ready(ends[0]);
    close(ends[0]);
    return ready ? ERR_NONE
                 : ERR(ERR_IO, "no server could start on this data folder (see the lines above)");
}

/* Unix socket paths are short and data folders need not be: the sockets are named through the
 * folder's descriptor. A server that is just starting makes them soon. */
static struct err name_sockets(const struct command *c, struct session *s) {
    char run[4200];
    settings_path(&c->settings, "run", run);
    int64_t until = time_monotonic_us() + WAIT_US;
    for (;;) {
        if (s->folder < 0) s->folder = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (s->folder >= 0 && faccessat(s->folder, "console.sock", F_OK, 0) == 0 &&
            faccessat(s->folder, "front.sock", F_OK, 0) == 0)
            break;
        if (time_monotonic_us() > until)
            return ERR(ERR_IO, "the server's local sockets are not there");
        struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
    }
    snprintf(s->sockets[TO_CONSOLE], sizeof s->sockets[0], "/proc/self/fd/%d/console.sock",
             s->folder);
    snprintf(s->sockets[TO_FRONT], sizeof s->sockets[0], "/proc/self/fd/%d/front.sock", s->folder);
    return ERR_NONE;
}

struct err session_open(const struct command *c, struct session **out) {
    AUTO(session_close) struct session *s = calloc(1, sizeof *s);
    if (!s) return ERR(ERR_NOMEM, "session");
    s->folder = -1;
    if (!supervise_is_running(&c->settings)) TRY(start_server(c, s));
    TRY(name_sockets(c, s));
    for (int i = 0; i < 2; i++)
        if (!(s->curl[i] = curl_easy_init())) return ERR(ERR_NOMEM, "curl");
    *out = s;
    s = NULL;
    return ERR_NONE;
}

void session_close(struct session *s) {
    if (!s) return;
    for (int i = 0; i < 2; i++)
        curl_easy_cleanup(s->curl[i]);
    if (s->server > 0) {
        kill(s->server, SIGTERM);
        while (waitpid(s->server, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    fd_close(s->folder);
    free(s);
}

static size_t take(char *bytes, size_t one, size_t n, void *ctx) {
    struct session_call *call = ctx;
    struct str piece = {bytes, one * n};
    if (call->stream && call->status == 200)
        return call->stream(call->stream_ctx, piece) ? piece.n : 0;
    buf_put_str(call->out, piece);
    return buf_err(call->out).code ? 0 : piece.n;
}

static size_t take_head(char *bytes, size_t one, size_t n, void *ctx) {
    struct session_call *call = ctx;
    struct str line = {bytes, one * n};
    if (!str_starts(line, STR("HTTP/"))) return line.n;
    str_cut(&line, ' ');
    int64_t status = 0;
    if (str_to_i64(str_cut(&line, ' '), &status) || str_to_i64(str_trim(line), &status))
        call->status = (long)status;
    return one * n;
}

struct err session_call(struct session *s, struct session_call *call) {
    CURL *h = s->curl[call->peer];
    char url[2048], type[128];
    snprintf(url, sizeof url, "http://weir%s", call->path);
    snprintf(type, sizeof type, "Content-Type: %s",
             call->content_type ? call->content_type : "application/json");
    struct curl_slist *headers = curl_slist_append(NULL, type);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_reset(h);
    curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, s->sockets[call->peer]);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    if (strcmp(call->method, "GET") != 0) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body.p ? call->body.p : "");
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
    }
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, call);
    call->status = 0;
    CURLcode code = curl_easy_perform(h);
    curl_slist_free_all(headers);
    return code == CURLE_OK ? ERR_NONE : ERR(ERR_IO, "the server went away during the command");
}

int session_refused(const struct command *c, long status, struct str body) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(MAX_ANSWER_BYTES);
    const struct json *v = NULL;
    int code = status >= 500 ? EXIT_ELSE : EXIT_REFUSED;
    if (a && p && json_parse_copy(p, body, a, &v).code == ERR_OK) {
        const struct json *error = json_get(v, "error");
        const struct json *message = json_get(error, "message"), *field = json_get(error, "field");
        const struct json *name = json_get(error, "code");
        if (json_is_str(name, "corrupt")) code = EXIT_DAMAGED;
        if (message && message->type == JSON_STR && field && field->type == JSON_STR)
            return command_fail(c, code, STR_FMT ": " STR_FMT, STR_ARG(field->s),
                                STR_ARG(message->s));
        if (message && message->type == JSON_STR)
            return command_fail(c, code, STR_FMT, STR_ARG(message->s));
    }
    return command_fail(c, code, "the server answered %ld", status);
}

int session_print(const struct command *c, struct session_call *call) {
    AUTO(session_close) struct session *s = NULL;
    AUTO(buf_done) struct buf out;
    buf_init(&out, MAX_ANSWER_BYTES);
    struct err e = session_open(c, &s);
    call->out = &out;
    if (e.code == ERR_OK) e = session_call(s, call);
    if (e.code != ERR_OK) return command_fail(c, command_of_error(e), "%s", e.what);
    if (call->status != 200) return session_refused(c, call->status, buf_str(&out));
    return command_print(buf_str(&out));
}
