/* cmd_import.c: NDJSON files -> the server's /import, in order, with a progress bar.
 *
 * Lines go in batches of about BATCH_BYTES, cut at line ends, over one kept-alive local connection,
 * so that "the last one wins" means the last line. A reading thread fills the next batch and looks
 * through its lines while the server takes the one before. Duplicates within the command are
 * counted here, by fingerprints of the lines that carry an $insert_id and were taken.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/command.h"
#include "cli/fingerprints.h"
#include "cli/line.h"

#define BATCH_BYTES ((size_t)6 << 20)
#define MAX_LINE_BYTES ((size_t)3 << 20)
#define MAX_FAILED 1000
#define TRIES 60
#define READ_BYTES (1u << 18)

/* A line that is not empty: what the server counts. */
struct line {
    uint64_t number; /* of the command, from 1, empty ones counted */
    uint64_t print;  /* line_fingerprint */
};
struct batch {
    struct buf text;    /* whole lines; JSON_SLACK_BYTES behind are readable */
    struct line *lines; /* [n_lines], [cap_lines] */
    size_t n_lines, cap_lines;
    uint64_t read_bytes; /* of the files, so far */
    bool last;
    struct err error;
};

struct import {
    struct command *command;
    struct session *session;
    struct fingerprints *prints;
    uint64_t project, total_bytes; /* 0: unknown (a pipe) */
    /* the reader's side */
    gzFile file;
    struct line_reader *reader;
    int next_word;
    uint64_t line, files_bytes;
    struct buf carry; /* an unfinished line */
    /* the two batches that go round */
    struct batch batches[2];
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool full[2], stop;
    /* what came of it */
    uint64_t imported, failed_n;
    struct buf failed; /* JSON objects with commas between */
    int64_t started_us, shown_us;
};

/* ---- reading ---- */

static struct err open_next(struct import *im) {
    if (im->next_word >= im->command->n_words) return ERR(ERR_NOTFOUND, "no more files");
    const char *name = im->command->words[im->next_word++];
    int fd = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_os("a file to import cannot be opened");
    im->file = gzdopen(fd, "rb");
    if (!im->file) {
        close(fd);
        return ERR(ERR_NOMEM, "import");
    }
    gzbuffer(im->file, READ_BYTES / 2); /* plain bytes do not go through it then */
    return ERR_NONE;
}

static struct err close_file(struct import *im) {
    int code = gzclose_r(im->file);
    im->file = NULL;
    return code == Z_OK ? ERR_NONE : ERR(ERR_INVALID, "a .gz file is cut short or damaged");
}

/* Fills the batch with bytes up to its size; *out_end when all files are read. */
static struct err read_bytes(struct import *im, struct batch *b, bool *out_end) {
    while (b->text.n < BATCH_BYTES) {
        if (!im->file) {
            struct err e = open_next(im);
            *out_end = e.code == ERR_NOTFOUND && e.os == 0;
            if (*out_end) return ERR_NONE;
            TRY(e);
        }
        char *room = buf_room(&b->text, READ_BYTES);
        if (!room) return buf_err(&b->text);
        int n = gzread(im->file, room, READ_BYTES);
        if (n < 0) return ERR(ERR_INVALID, "a .gz file is damaged");
        b->text.n += (size_t)n;
        im->files_bytes += (uint64_t)n;
        if (n > 0) continue;
        TRY(close_file(im));
        if (b->text.n && b->text.p[b->text.n - 1] != '\n') buf_put_char(&b->text, '\n');
    }
    return ERR_NONE;
}

/* Keeps what follows the last line end for the next batch. */
static struct err cut_at_line(struct import *im, struct batch *b) {
    const char *end = b->text.n ? memrchr(b->text.p, '\n', b->text.n) : NULL;
    size_t keep = end ? (size_t)(end - b->text.p) + 1 : 0;
    buf_clear(&im->carry);
    buf_put(&im->carry, b->text.p + keep, b->text.n - keep);
    b->text.n = keep;
    if (im->carry.n > MAX_LINE_BYTES || buf_err(&im->carry).code)
        return ERR(ERR_LIMIT, "a line is longer than 3 MB");
    return ERR_NONE;
}

static struct err grow_lines(struct batch *b) {
    size_t cap = b->cap_lines ? b->cap_lines * 2 : 4096;
    struct line *lines = realloc(b->lines, cap * sizeof *lines);
    if (!lines) return ERR(ERR_NOMEM, "import");
    b->lines = lines;
    b->cap_lines = cap;
    return ERR_NONE;
}

static struct err look_through(struct import *im, struct batch *b) {
    b->n_lines = 0;
    for (struct str rest = buf_str(&b->text); rest.n > 0;) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        im->line++;
        if (line.n == 0) continue;
        if (b->n_lines == b->cap_lines) TRY(grow_lines(b));
        b->lines[b->n_lines++] =
            (struct line){.number = im->line, .print = line_fingerprint(im->reader, line)};
    }
    return ERR_NONE;
}

static void fill(struct import *im, struct batch *b) {
    bool end = false;
    buf_clear(&b->text);
    buf_put_str(&b->text, buf_str(&im->carry));
    b->error = read_bytes(im, b, &end);
    if (b->error.code == ERR_OK && !end) b->error = cut_at_line(im, b);
    b->last = end || b->error.code != ERR_OK;
    b->read_bytes = im->files_bytes;
    if (!buf_room(&b->text, JSON_SLACK_BYTES)) b->error = buf_err(&b->text);
    struct err e = look_through(im, b);
    if (e.code != ERR_OK) b->error = e;
}

static void *read_all(void *ctx) {
    struct import *im = ctx;
    for (int i = 0;; i ^= 1) {
        pthread_mutex_lock(&im->lock);
        while (im->full[i] && !im->stop)
            pthread_cond_wait(&im->moved, &im->lock);
        bool stop = im->stop;
        pthread_mutex_unlock(&im->lock);
        if (stop) return NULL;
        fill(im, &im->batches[i]);
        bool last = im->batches[i].last;
        pthread_mutex_lock(&im->lock);
        im->full[i] = true;
        pthread_cond_broadcast(&im->moved);
        pthread_mutex_unlock(&im->lock);
        if (last) return NULL;
    }
}

/* ---- sending ---- */

static void put_failure(struct import *im, uint64_t number, const struct json *f) {
    const struct json *field = json_get(f, "field"), *message = json_get(f, "message");
    if (im->failed.n) buf_put_char(&im->failed, ',');
    struct jout j;
    jout_init(&j, &im->failed);
    jout_object(&j);
    jout_keyz(&j, "line");
    jout_i64(&j, (int64_t)number);
    jout_keyz(&j, "field");
    if (field && field->type == JSON_STR)
        jout_str(&j, field->s);
    else
        jout_null(&j);
    jout_keyz(&j, "message");
    if (message && message->type == JSON_STR)
        jout_str(&j, message->s);
    else
        jout_null(&j);
    jout_object_end(&j);
}

/* A line that was refused is no duplicate of another. */
static void note_failures(struct import *im, struct batch *b, const struct json *answer) {
    const struct json *failed = json_get(answer, "failed_records");
    if (!failed || failed->type != JSON_ARRAY) return;
    for (const struct json *f = json_first(failed); f != json_end(failed); f = json_next(f)) {
        const struct json *index = json_get(f, "index");
        im->failed_n++;
        if (!index || index->type != JSON_INT || (uint64_t)index->i >= b->n_lines) continue;
        struct line *line = &b->lines[index->i];
        line->print = 0;
        if (im->failed_n <= MAX_FAILED) put_failure(im, line->number, f);
    }
}

static struct err count_duplicates(struct import *im, const struct batch *b) {
    for (size_t i = 0; i < b->n_lines; i++)
        if (b->lines[i].print) TRY(fingerprints_add(im->prints, b->lines[i].print));
    return ERR_NONE;
}

static struct err read_answer(struct import *im, struct batch *b, struct str text) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new((size_t)64 << 20);
    const struct json *v = NULL;
    if (!a || !p) return ERR(ERR_NOMEM, "import");
    TRY(json_parse_copy(p, text, a, &v));
    const struct json *n = json_get(v, "num_records_imported");
    if (!n || n->type != JSON_INT) return ERR(ERR_DENIED, "the server refused the import");
    im->imported += (uint64_t)n->i;
    note_failures(im, b, v);
    return count_duplicates(im, b);
}

/* Sends until it is taken: a full disk or a busy server answers 503, and the same bytes go again.
 */
static struct err send_batch(struct import *im, struct batch *b) {
    char path[128];
    snprintf(path, sizeof path, "/import?strict=1&project_id=%llu",
             (unsigned long long)im->project);
    AUTO(buf_done) struct buf answer;
    buf_init(&answer, (size_t)64 << 20);
    struct session_call call = {.peer = TO_FRONT,
                                .method = "POST",
                                .path = path,
                                .body = buf_str(&b->text),
                                .content_type = "application/x-ndjson",
                                .out = &answer};
    for (int i = 0; i < TRIES; i++) {
        buf_clear(&answer);
        TRY(session_call(im->session, &call));
        if (call.status != 503) return read_answer(im, b, buf_str(&answer));
        sleep(1);
    }
    return ERR(ERR_BUSY, "the server cannot take events now (is its disk full?)");
}

/* ---- progress ---- */

static void show(struct import *im, uint64_t read_bytes, bool end) {
    int64_t now = time_monotonic_us();
    if (im->command->json || !isatty(STDERR_FILENO) || (!end && now - im->shown_us < 200000))
        return;
    im->shown_us = now;
    double seconds = (double)(now - im->started_us) / 1e6;
    double share = im->total_bytes ? (double)read_bytes / (double)im->total_bytes : 0;
    char bar[33];
    for (int i = 0; i < 32; i++)
        bar[i] = share * 32 > i ? '#' : '.';
    bar[32] = 0;
    fprintf(stderr, "\r[%s] %llu events, %.0f/s   ", im->total_bytes ? bar : "reading",
            (unsigned long long)im->imported, seconds > 0 ? (double)im->imported / seconds : 0);
    if (end) fputc('\n', stderr);
}

/* Plain files tell how much there is; a pipe or a .gz does not. */
static uint64_t size_of_all(const struct command *c) {
    uint64_t sum = 0;
    for (int i = 1; i < c->n_words; i++) {
        struct stat st;
        if (str_ends(str_z(c->words[i]), STR(".gz")) || stat(c->words[i], &st) ||
            !S_ISREG(st.st_mode))
            return 0;
        sum += (uint64_t)st.st_size;
    }
    return sum;
}

/* ---- the whole ---- */

static struct err take(struct import *im, struct batch *b) {
    if (b->text.n) TRY(send_batch(im, b));
    show(im, b->read_bytes, b->last);
    return b->error;
}

static struct err send_all(struct import *im) {
    struct err e = ERR_NONE;
    bool last = false;
    for (int i = 0; !last && e.code == ERR_OK; i ^= 1) {
        pthread_mutex_lock(&im->lock);
        while (!im->full[i])
            pthread_cond_wait(&im->moved, &im->lock);
        pthread_mutex_unlock(&im->lock);
        e = take(im, &im->batches[i]);
        last = im->batches[i].last;
        pthread_mutex_lock(&im->lock);
        im->full[i] = false;
        im->stop = e.code != ERR_OK;
        pthread_cond_broadcast(&im->moved);
        pthread_mutex_unlock(&im->lock);
    }
    return e;
}

static struct err run(struct import *im) {
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_all, im)) return ERR(ERR_NOMEM, "reading thread");
    struct err e = send_all(im);
    pthread_join(reader, NULL);
    TRY(e);
    AUTO(buf_done) struct buf answer;
    buf_init(&answer, 1u << 20);
    struct session_call call = {
        .method = "POST", .path = "/api/v1/flush", .body = STR("{}"), .out = &answer};
    TRY(session_call(im->session, &call));
    return call.status == 200
               ? ERR_NONE
               : ERR(ERR_IO, "the events are in the journal, but parts could not be written");
}

static int report(struct import *im) {
    uint64_t duplicates = 0;
    struct err e = fingerprints_duplicates(im->prints, &duplicates);
    if (e.code) return command_fail(im->command, EXIT_ELSE, "%s", e.what);
    AUTO(buf_done) struct buf out;
    buf_init(&out, (size_t)16 << 20);
    /* Every line is one of the three. */
    uint64_t imported = im->imported > duplicates ? im->imported - duplicates : 0;
    buf_printf(&out, "{\"imported\":%llu,\"duplicates\":%llu,\"failed\":[",
               (unsigned long long)imported, (unsigned long long)duplicates);
    buf_put_str(&out, buf_str(&im->failed));
    buf_printf(&out, "],\"failed_total\":%llu}", (unsigned long long)im->failed_n);
    return command_print(buf_str(&out));
}

static int import_all(struct import *im) {
    struct err e = session_open(im->command, &im->session);
    im->started_us = time_monotonic_us();
    if (e.code == ERR_OK) e = run(im);
    if (e.code == ERR_OK) return report(im);
    return command_fail(im->command, command_of_error(e), "%s (imported before it: %llu)", e.what,
                        (unsigned long long)im->imported);
}

int cmd_import(struct command *c) {
    struct import im = {.command = c, .next_word = 1};
    if (!command_project(c, &im.project) ||
        !command_words_ok(c, 2, 100000, "import --project ID FILE..."))
        return EXIT_USAGE;
    im.total_bytes = size_of_all(c);
    pthread_mutex_init(&im.lock, NULL);
    pthread_cond_init(&im.moved, NULL);
    buf_init(&im.carry, 2 * BATCH_BYTES);
    buf_init(&im.failed, (size_t)8 << 20);
    for (int i = 0; i < 2; i++)
        buf_init(&im.batches[i].text, 3 * BATCH_BYTES);
    im.prints = fingerprints_new("/tmp");
    im.reader = line_reader_new(MAX_LINE_BYTES + 1);
    int code = im.prints && im.reader ? import_all(&im) : command_fail(c, EXIT_ELSE, "no memory");
    if (im.file) gzclose_r(im.file);
    session_close(im.session);
    fingerprints_free(im.prints);
    line_reader_free(im.reader);
    buf_done(&im.carry);
    buf_done(&im.failed);
    for (int i = 0; i < 2; i++) {
        buf_done(&im.batches[i].text);
        free(im.batches[i].lines);
    }
    return code;
}
