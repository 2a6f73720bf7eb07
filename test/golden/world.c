/* world.c: the engine as a line-speaking program, for the golden tests: a line {"world":{…}} makes
 * a world, a line {"query":{…}} asks it and is answered by one line. Events go the real way:
 * intake, frame, part builder, one part per inner list of `parts`. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "world.h"

#define LINE_MAX_BYTES (64u << 20)

static void say_fault(struct buf *out, const struct query_fault *f, struct err e) {
    struct jout j;
    jout_init(&j, out);
    jout_object(&j);
    jout_keyz(&j, "error");
    jout_object(&j);
    jout_keyz(&j, "code");
    jout_strz(&j, f->code ? f->code : err_name(e.code));
    jout_keyz(&j, "message");
    jout_strz(&j, f->message[0] ? f->message : e.what);
    jout_keyz(&j, "field");
    jout_strz(&j, f->field);
    jout_keyz(&j, "status");
    jout_i64(&j, f->status);
    jout_object_end(&j);
    jout_object_end(&j);
}

static struct err ask(struct world *w, const struct json *v, struct buf *out,
                      struct query_fault *fault) {
    AUTO(query_free) struct query *q = NULL;
    TRY(query_parse(v, &q, fault));
    struct query_world world = world_query(w);
    struct query_rights rights = {w->may_reveal, w->opened};
    struct query_limits limits = {
        .threads = 2, .memory_bytes = (size_t)512 << 20, .persons_per_slice = 1};
    struct query_outcome outcome;
    struct err e = query_run(q, &world, &rights, &limits, out, &outcome);
    *fault = outcome.fault;
    return e;
}

static void answer_line(struct world **w, const struct json *v, struct buf *out) {
    const struct json *query = json_get(v, "query"), *world = json_get(v, "world");
    struct query_fault fault = {0};
    struct err e = ERR(ERR_INVALID, "neither world nor query");
    if (world) {
        world_free(*w);
        *w = NULL;
        e = world_new(world, w, fault.message);
        if (e.code == ERR_OK) return;
        fprintf(stderr, "world: %s: %s\n", e.what, fault.message);
        return;
    }
    if (query && *w)
        e = ask(*w, query, out, &fault);
    else
        snprintf(fault.message, sizeof fault.message, "no world");
    if (e.code != ERR_OK) {
        out->n = 0;
        say_fault(out, &fault, e);
    }
    buf_put_char(out, '\n');
}

int main(void) {
    AUTO(json_parser_free) struct json_parser *parser = json_parser_new(LINE_MAX_BYTES);
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct world *w = NULL;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    if (seal_start().code != ERR_OK || !parser || !arena) return 1;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        const struct json *v;
        AUTO(buf_done) struct buf out;
        buf_init(&out, LINE_MAX_BYTES);
        arena_reset(arena);
        struct err e = json_parse_copy(parser, (struct str){line, (size_t)n}, arena, &v);
        if (e.code == ERR_OK)
            answer_line(&w, v, &out);
        else
            buf_printf(&out, "{\"error\":{\"message\":\"not JSON: %s\"}}\n", e.what);
        if (io_write_all(STDOUT_FILENO, out.p, out.n).code != ERR_OK) break;
    }
    free(line);
    world_free(w);
    return 0;
}
