// modules: base json seal registry crowd journal intake
/* A request's body, query and headers. Input: one byte of choices, the query up to a line break,
 * the body. Invariants: whatever frame results parses back with frame_parse and has no more records
 * than the result says; the answer has one of the statuses that trackers understand; a JSON answer
 * is JSON; nothing that is refused leaves a record. */
#include <stdlib.h>

#include "fuzz.h"
#include "intake/intake.h"

struct world {
    struct intake *in;
    struct registry reg;
    struct registry_project project;
    struct frame_writer *writer;
    struct crowd *crowd;
    struct arena *arena;
    struct json_parser *parser;
};

static struct frame_writer *writer_of(void *ctx, const struct registry_project *p) {
    return ((struct world *)ctx)->writer;
}
static struct crowd *crowd_of(void *ctx, const struct registry_project *p) {
    return ((struct world *)ctx)->crowd;
}

static void open_world(struct world *w) {
    static const uint8_t zero[32] = {0};
    const struct intake_config c = {0};
    struct team_secret team;
    struct err e = seal_start();
    assert(e.code == ERR_OK);
    team_generate(&team);
    w->project = (struct registry_project){.id = 1, .token = "t", .crowd = 2, .timezone = "UTC"};
    seal_secret_hash(STR("s"), w->project.secret_hash);
    seal_keys_derive(zero, zero, 1, &w->project.keys);
    w->reg = (struct registry){
        .generation = 1, .team = team.pub, .projects = &w->project, .n_projects = 1};
    e = intake_new(&c, &w->in);
    assert(e.code == ERR_OK);
    w->writer = frame_writer_new();
    w->crowd = crowd_new(4096);
    w->arena = arena_new(64u << 20);
    w->parser = json_parser_new(8u << 20);
    assert(w->writer && w->crowd && w->arena && w->parser);
}

static void check_frame(struct world *w, const struct intake_result *r) {
    struct str bytes;
    struct frame f;
    struct frame_event event;
    struct frame_profile profile;
    uint32_t records = 0;
    struct err e = frame_finish(w->writer, &bytes);
    assert(e.code == ERR_OK);
    e = frame_parse(bytes, &f);
    assert(e.code == ERR_OK);
    while (frame_next(&f, &event, &profile))
        records++;
    assert(records == f.n_records);
    assert(r->outcome != INTAKE_REFUSED || r->accepted > 0 || r->failed > 0 || records == 0);
    frame_done(&f);
    crowd_commit(w->crowd);
}

static void check_reply(struct world *w, const struct intake_request *q,
                        const struct intake_result *r) {
    struct intake_reply reply;
    const struct json *v;
    intake_reply(q, r, &reply);
    assert(reply.status == 200 || reply.status == 302 || q->endpoint == INTAKE_IMPORT);
    assert(reply.body.n > 0);
    if (!str_is(str_z(reply.content_type), "application/json")) return;
    struct err e = json_parse_copy(w->parser, reply.body, w->arena, &v);
    assert(e.code == ERR_OK && v->type == JSON_OBJECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static struct world w;
    static const uint8_t peer[16] = {0x20, 1, 0xd, 0xb8};
    if (n == 0 || n > 1u << 20) return 0;
    if (!w.in) open_world(&w);
    arena_reset(w.arena);
    char *copy = arena_alloc(w.arena, n + JSON_SLACK_BYTES);
    assert(copy);
    memcpy(copy, bytes + 1, n - 1);
    struct str rest = {copy, n - 1};
    struct str query = str_cut(&rest, '\n');
    struct intake_request q = {.endpoint = (enum intake_endpoint)(bytes[0] & 3),
                               .body = rest,
                               .query = query,
                               .content_type =
                                   bytes[0] & 4 ? STR("application/x-ndjson") : STR("text/plain"),
                               .authorization = bytes[0] & 8 ? STR("Basic czo=") : STR(""),
                               .user_agent = STR("Mozilla/5.0"),
                               .is_local = bytes[0] & 16,
                               .peer = peer,
                               .arrival_us = INT64_C(1795300600000000),
                               .arena = w.arena};
    w.project.test = bytes[0] & 32;
    w.reg.generation++;
    frame_begin(w.writer, 1, &w.reg.team, q.arrival_us);
    const struct intake_group g = {.ctx = &w, .writer = writer_of, .crowd = crowd_of};
    struct intake_result r;
    intake_take(w.in, &w.reg, &g, &q, &r);
    assert(!r.must_abort);
    check_reply(&w, &q, &r);
    check_frame(&w, &r);
    return 0;
}
