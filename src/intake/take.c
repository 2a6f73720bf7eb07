/* take.c: a request from its bytes to its result. Reading order of the folder starts here
 * (README.md).
 *
 *   parameters -> bytes decoded -> (import: authorised) -> JSON or lines -> each record -> the
 * result
 *
 * Everything of one request lives in the scratch arena, which is wiped at its end; a line's nodes
 * in one that is wiped with each line.
 */
#include <stdlib.h>

#include "intake/record.h"

/* A 10 MB body of the densest JSON is refused by this, no honest one is. */
#define SCRATCH_BYTES ((size_t)192 << 20)
#define RECORD_BYTES ((size_t)8 << 20) /* a record of 1 MB cannot need as much */
#define SCRATCH_KEPT_BYTES ((size_t)4 << 20)

struct err intake_new(const struct intake_config *c, struct intake **out) {
    AUTO(intake_free) struct intake *in = calloc(1, sizeof *in);
    if (!in) return ERR(ERR_NOMEM, "intake");
    in->parser = json_parser_new(INTAKE_MAX_BODY_BYTES);
    in->scratch = arena_new(SCRATCH_BYTES);
    in->line = arena_new(SCRATCH_BYTES);
    in->record = arena_new(RECORD_BYTES);
    in->known = pages_new(KNOWN_SLOTS * sizeof *in->known);
    in->names_known = pages_new(NAME_SLOTS * sizeof *in->names_known);
    in->persons = pages_new(PERSON_SLOTS * sizeof *in->persons);
    in->props = calloc(1, sizeof *in->props);
    in->last = calloc(1, sizeof *in->last);
    if (!in->parser || !in->scratch || !in->line || !in->record || !in->known || !in->names_known ||
        !in->persons || !in->props || !in->last)
        return ERR(ERR_NOMEM, "intake");
    arena_wipe_on_reset(in->scratch);
    arena_wipe_on_reset(in->line);
    arena_wipe_on_reset(in->record);
    /* The first block is kept over resets: make it large enough for usual requests. */
    if (!arena_reserve(in->scratch, SCRATCH_KEPT_BYTES)) return ERR(ERR_NOMEM, "intake");
    intake_names_init(&in->names);
    if (c->geo_path) TRY(intake_geo_open(c->geo_path, &in->geo));
    if (c->device_patterns.n > 0) TRY(intake_device_new(c->device_patterns, &in->device));
    *out = in;
    in = NULL;
    return ERR_NONE;
}

void intake_free(struct intake *in) {
    if (!in) return;
    json_parser_free(in->parser);
    arena_free(in->scratch);
    arena_free(in->line);
    arena_free(in->record);
    intake_geo_close(in->geo);
    intake_device_free(in->device);
    pages_free(in->known, KNOWN_SLOTS * sizeof *in->known);
    pages_free(in->names_known, NAME_SLOTS * sizeof *in->names_known);
    pages_free(in->persons, PERSON_SLOTS * sizeof *in->persons);
    free(in->props);
    free(in->last);
    free(in->trials);
    free(in);
}

/* ---- results ---- */

static bool is_browser(const struct intake_request *q) {
    return q->origin.n > 0 && str_starts(q->user_agent, STR("Mozilla/"));
}

/* The whole request is refused. Only /import hears of it by status; browsers hear 413, since they
 * halve their batch. */
static void refuse(struct intake_job *j, int status, const char *error) {
    bool tell = j->is_import || (status == 413 && is_browser(j->request));
    j->result->outcome = INTAKE_REFUSED;
    j->result->status = tell ? status : 200;
    j->result->error = error;
}

static const char busy[] = "the server is busy, try again";

static void later(struct intake_job *j, const char *error) {
    j->result->outcome = INTAKE_LATER;
    j->result->status = 503;
    j->result->error = error;
    j->result->must_abort = j->door.failed.code != ERR_OK;
}

static void refuse_error(struct intake_job *j, struct err e) {
    if (e.code == ERR_NOMEM)
        later(j, "out of memory, try again");
    else
        refuse(j, e.code == ERR_LIMIT ? 413 : 400, e.what);
}

static void note_failure(struct intake_job *j, uint32_t index, struct str insert_id,
                         const struct intake_fault *f) {
    struct intake_result *r = j->result;
    r->failed++;
    if (!r->error) r->error = f->message;
    if (!r->failures)
        r->failures = arena_array(j->request->arena, INTAKE_MAX_BATCH, sizeof *r->failures);
    if (!r->failures || r->n_failures == INTAKE_MAX_BATCH) return;
    if (insert_id.n > 255) insert_id.n = str_utf8_prefix((struct str){insert_id.p, 255});
    struct str copy = insert_id.n > 0 ? arena_str(j->request->arena, insert_id) : (struct str){0};
    if (!copy.p) copy.n = 0;
    r->failures[r->n_failures++] = (struct intake_failure){
        .index = index, .insert_id = copy, .field = f->field, .message = f->message};
}

/* ---- records ---- */

/* Bytes of the record's strings and numbers: more than a megabyte of them is too much. */
static bool too_large(const struct json *v) {
    size_t n = 0;
    for (const struct json *c = v; c != json_end(v); c++)
        n += c->key.n + c->raw.n + (c->type == JSON_STR ? c->s.n : 0) + 4;
    return n > INTAKE_MAX_EVENT_BYTES;
}

/* False: stop, the request has to come again. */
static bool take_record(struct intake_job *j, uint32_t index, const struct json *v,
                        bool check_size) {
    struct str insert_id = {0};
    struct intake_fault fault = {0};
    arena_reset(j->in->record);
    j->door.id = (struct str){0}; /* its bytes may be gone, and others at their address */
    enum intake_taken taken = TAKEN_FAULTY;
    if (check_size && too_large(v))
        fault = (struct intake_fault){"", "the record is larger than 1 MB"};
    else if (j->is_import || j->request->endpoint == INTAKE_TRACK)
        taken = intake_take_event(j, v, &insert_id, &fault);
    else
        taken = intake_take_profile(j, v, &fault);
    switch (taken) {
    case TAKEN:
    case TAKEN_IGNORED:
        j->result->accepted++;
        return true;
    case TAKEN_FAULTY:
        note_failure(j, index, insert_id, &fault);
        return true;
    case TAKEN_LATER:
        later(j, busy);
        return false;
    }
    return false;
}

/* Parses; text that is no UTF-8 is repaired and tried again, so that good text pays nothing for it.
 */
static struct err parse(struct intake_job *j, struct str text, struct arena *a,
                        const struct json **out) {
    struct err e = json_parse(j->in->parser, text, a, out);
    if (e.code != ERR_INVALID || str_utf8_prefix(text) == text.n) return e;
    text = intake_repair_utf8(a, text);
    if (!text.p) return ERR(ERR_NOMEM, "intake: repair");
    if (text.n > INTAKE_MAX_BODY_BYTES) return ERR(ERR_LIMIT, "the request is too large");
    return json_parse(j->in->parser, text, a, out);
}

/* A line is forgotten with the next: twenty thousand of them would be memory by the megabyte, cold
 * and to be wiped. */
static struct err parse_line(struct intake_job *j, struct str line, const struct json **out) {
    if (line.n > INTAKE_MAX_EVENT_BYTES) return ERR(ERR_LIMIT, "the line is too long");
    arena_reset(j->in->line);
    return parse(j, line, j->in->line, out);
}

static void take_value(struct intake_job *j, const struct json *v, size_t text_bytes) {
    bool check = text_bytes > INTAKE_MAX_EVENT_BYTES;
    if (v->type != JSON_ARRAY) {
        take_record(j, 0, v, check);
        return;
    }
    if (v->n > INTAKE_MAX_BATCH && !j->request->is_local) {
        refuse(j, 413, "more than 2000 records in one request");
        return;
    }
    uint32_t index = 0;
    struct str last = {0};
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        if (intake_has_room(j, c, &last)) continue;
        later(j, busy);
        return;
    }
    j->in->last->on = v->n > 1;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        if (!take_record(j, index++, c, check)) return;
    }
}

/* ---- lines ---- */

static struct str next_line(struct str *rest) {
    while (rest->n > 0) {
        struct str line = str_trim(str_cut(rest, '\n'));
        if (line.n > 0) return line;
    }
    return (struct str){0};
}

static size_t count_lines(struct str text) {
    size_t n = 0;
    while (next_line(&text).n > 0)
        n++;
    return n;
}

static const struct intake_fault *line_fault(struct err e) {
    static const struct intake_fault broken = {"", "the line is not valid JSON"},
                                     large = {"", "the record is larger than 1 MB"},
                                     dense = {"", "the request holds too many values"};
    return e.code == ERR_LIMIT ? &large : e.code == ERR_NOMEM ? &dense : &broken;
}

/* Lines of a request whose records name their projects are read twice: /import names one for all.
 */
static bool lines_have_room(struct intake_job *j, struct str text) {
    struct str last = {0};
    const struct json *v;
    if (j->fixed) return true;
    for (struct str line = next_line(&text); line.n > 0; line = next_line(&text)) {
        if (parse_line(j, line, &v).code == ERR_OK && !intake_has_room(j, v, &last)) return false;
    }
    return true;
}

/* A line that does not parse fails alone. */
static void take_lines(struct intake_job *j, struct str text) {
    if (!j->request->is_local && count_lines(text) > INTAKE_MAX_BATCH) {
        refuse(j, 413, "more than 2000 records in one request");
        return;
    }
    if (!lines_have_room(j, text)) {
        later(j, busy);
        return;
    }
    uint32_t index = 0;
    j->in->last->on = true;
    for (struct str line = next_line(&text); line.n > 0; line = next_line(&text), index++) {
        const struct json *v = NULL;
        struct err e = parse_line(j, line, &v);
        if (e.code != ERR_OK)
            note_failure(j, index, (struct str){0}, line_fault(e));
        else if (!take_record(j, index, v, false))
            return;
    }
}

/* Lines are told by their first one: it is a whole object and more follows. */
static bool is_lines(struct intake_job *j, struct str text) {
    const struct json *v;
    struct str rest = text;
    if (str_starts(j->request->content_type, STR("application/x-ndjson"))) return true;
    if (text.n == 0 || text.p[0] != '{') return false;
    struct str first = next_line(&rest);
    return next_line(&rest).n > 0 && parse_line(j, first, &v).code == ERR_OK;
}

static void take_text(struct intake_job *j, struct str text) {
    const struct json *v;
    if (is_lines(j, text)) {
        take_lines(j, text);
        return;
    }
    struct err e = parse(j, text, j->in->scratch, &v);
    struct str rest = text;
    bool lines = e.code == ERR_INVALID && j->is_import && text.p[0] == '{' &&
                 next_line(&rest).n > 0 && next_line(&rest).n > 0;
    if (lines)
        take_lines(j, text);
    else if (e.code == ERR_NOMEM)
        refuse(j, 413, "the request holds too many values");
    else if (e.code != ERR_OK)
        refuse(j, e.code == ERR_LIMIT ? 413 : 400,
               e.code == ERR_LIMIT ? "the request is too large" : "the data is not valid JSON");
    else
        take_value(j, v, text.n);
}

/* ---- the request ---- */

/* How the client wants to be answered. */
static void read_wishes(struct intake_job *j, enum intake_body from) {
    struct intake_result *r = j->result;
    const struct intake_params *p = &j->params;
    r->verbose = intake_param_on(p->verbose);
    r->img = intake_param_on(p->img);
    /* /import is strict unless told otherwise, but for the SDKs that send it as a form and know no
     * strictness. */
    r->strict = p->strict.n > 0 ? intake_param_on(p->strict) : j->is_import && from == BODY_JSON;
    j->strict = r->strict;
    r->json_reply = j->is_import && r->strict;
    struct arena *a = j->request->arena;
    if (p->callback.n > 0) r->callback = arena_str(a, p->callback);
    if (p->redirect.n > 0) r->redirect = arena_str(a, p->redirect);
    if (!r->callback.p) r->callback.n = 0;
    if (!r->redirect.p) r->redirect.n = 0;
}

/* scheme://host of an address, as origins are written. */
static struct str origin_of(struct str address) {
    size_t n = 0, slashes = 0;
    while (n < address.n && (slashes += address.p[n] == '/') < 3)
        n++;
    return (struct str){address.p, n};
}

static void settle(struct intake_job *j) {
    struct intake_result *r = j->result;
    if (r->outcome != INTAKE_OK || r->status != 0) return;
    bool none = r->accepted == 0 && r->failed > 0;
    r->outcome = none ? INTAKE_REFUSED : INTAKE_OK;
    r->status = r->json_reply && r->failed > 0 ? 400 : 200;
    bool foreign = j->door.project && r->redirect.n > 0 &&
                   !registry_origin_allowed(j->door.project, origin_of(r->redirect));
    if (none || foreign || r->accepted == 0) r->redirect = (struct str){0};
}

static void take(struct intake_job *j) {
    struct intake_decoded decoded = {0};
    struct err e = intake_params_read(j->in->scratch, j->request->query, &j->params);
    if (e.code == ERR_OK) {
        size_t max = INTAKE_MAX_BODY_BYTES;
        e = intake_decode(j->in->scratch, j->request->body, max, &j->params, &decoded);
    }
    read_wishes(j, decoded.from);
    if (j->is_import) j->fixed = intake_authorise(j);
    if (j->is_import && !j->fixed)
        refuse(j, 401, "Invalid credentials");
    else if (e.code != ERR_OK)
        refuse_error(j, e);
    else
        take_text(j, decoded.text);
    settle(j);
}

void intake_rest(struct intake *in) {
    pages_clear(in->known, KNOWN_SLOTS * sizeof *in->known);
    pages_clear(in->names_known, NAME_SLOTS * sizeof *in->names_known);
    pages_clear(in->persons, PERSON_SLOTS * sizeof *in->persons);
}

void intake_take(struct intake *in, const struct registry *reg, const struct intake_group *g,
                 const struct intake_request *q, struct intake_result *out) {
    struct intake_job j = {.in = in,
                           .registry = reg,
                           .group = g,
                           .request = q,
                           .result = out,
                           .is_import = q->endpoint == INTAKE_IMPORT};
    *out = (struct intake_result){0};
    if (reg->generation != in->generation) { /* lists, keys or k may be others now */
        intake_rest(in);
        in->generation = reg->generation;
    }
    take(&j);
    intake_last_forget(in->last);
    arena_reset(in->record);
    arena_reset(in->line);
    arena_reset(in->scratch);
}
