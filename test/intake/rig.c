#include "rig.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

static struct frame_writer *give_writer(void *ctx, const struct registry_project *p) {
    struct rig *r = ctx;
    return r->no_writer ? NULL : r->writer;
}
static struct crowd *give_crowd(void *ctx, const struct registry_project *p) {
    return ((struct rig *)ctx)->crowd;
}

void rig_open_with(struct rig *r, const struct intake_config *c) {
    static const uint8_t v4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7};
    static const uint8_t root[32] = {1}, salt[32] = {2};
    memset(r, 0, sizeof *r);
    assert_int_equal(seal_start().code, ERR_OK);
    team_generate(&r->secret);
    r->project =
        (struct registry_project){.id = 7, .token = RIG_TOKEN, .crowd = 10, .timezone = "UTC"};
    seal_secret_hash(STR(RIG_SECRET), r->project.secret_hash);
    seal_keys_derive(root, salt, 7, &r->project.keys);
    r->reg = (struct registry){
        .generation = 1, .team = r->secret.pub, .projects = &r->project, .n_projects = 1};
    assert_int_equal(intake_new(c, &r->in).code, ERR_OK);
    r->writer = frame_writer_new();
    r->crowd = crowd_new(1 << 16);
    r->arena = arena_new((size_t)64 << 20);
    assert_true(r->writer && r->crowd && r->arena);
    frame_begin(r->writer, 7, &r->reg.team, RIG_NOW);
    r->request = (struct intake_request){
        .endpoint = INTAKE_TRACK, .peer = v4, .arrival_us = RIG_NOW, .arena = r->arena};
}

void rig_open(struct rig *r) {
    const struct intake_config none = {0};
    rig_open_with(r, &none);
}

static void drop_frame(struct rig *r) {
    if (r->has_frame) frame_done(&r->frame);
    free(r->bytes);
    r->bytes = NULL;
    r->has_frame = false;
}

void rig_close(struct rig *r) {
    drop_frame(r);
    intake_free(r->in);
    frame_writer_free(r->writer);
    crowd_free(r->crowd);
    arena_free(r->arena);
    free(r->body);
}

void rig_send_bytes(struct rig *r, const void *body, size_t n) {
    const struct intake_group g = {.ctx = r, .writer = give_writer, .crowd = give_crowd};
    arena_reset(r->arena);
    free(r->body);
    r->body = calloc(1, n + JSON_SLACK_BYTES);
    assert_non_null(r->body);
    if (n > 0) memcpy(r->body, body, n);
    r->request.body = (struct str){r->body, n};
    intake_take(r->in, &r->reg, &g, &r->request, &r->result);
    intake_reply(&r->request, &r->result, &r->reply);
}

void rig_send(struct rig *r, const char *body) {
    rig_send_bytes(r, body, strlen(body));
}

void rig_query(struct rig *r, const char *query) {
    r->request.query = str_z(query);
}

void rig_finish(struct rig *r) {
    struct str bytes;
    drop_frame(r);
    assert_int_equal(frame_finish(r->writer, &bytes).code, ERR_OK);
    r->bytes = malloc(bytes.n);
    assert_non_null(r->bytes);
    memcpy(r->bytes, bytes.p, bytes.n);
    assert_int_equal(frame_parse((struct str){r->bytes, bytes.n}, &r->frame).code, ERR_OK);
    r->has_frame = true;
    if (r->frame.box)
        assert_int_equal(seal_open_box(r->frame.box, &r->secret, 7, r->frame.id, r->frame_key).code,
                         ERR_OK);
    crowd_commit(r->crowd);
    frame_begin(r->writer, 7, &r->reg.team, RIG_NOW);
}

void rig_take(struct rig *r, const char *body) {
    rig_send(r, body);
    rig_finish(r);
}

/* ---- looking ---- */

enum frame_text_state rig_state(const struct rig *r, uint32_t index) {
    assert_true(index < r->frame.n_texts);
    return (enum frame_text_state)r->frame.texts[index].state;
}

struct str rig_text(struct rig *r, uint32_t index) {
    assert_true(index < r->frame.n_texts);
    const struct frame_text *t = &r->frame.texts[index];
    if (t->state == FRAME_TEXT_READABLE) return t->bytes;
    if (t->state == FRAME_TEXT_KNOWN) return STR("known");
    uint8_t *out = arena_alloc(r->arena, t->bytes.n + 1);
    size_t n = 0;
    const struct sealed_text s = {.hash = t->hash,
                                  .frame = r->frame.id,
                                  .ordinal = index,
                                  .kind = t->kind,
                                  .type = t->type,
                                  .ciphertext = t->bytes};
    assert_int_equal(seal_open_text(r->frame_key, 7, &s, out, &n).code, ERR_OK);
    return (struct str){(char *)out, n};
}

static enum frame_record_type nth(struct rig *r, unsigned n, struct frame_event *e,
                                  struct frame_profile *p) {
    struct frame f = r->frame;
    enum frame_record_type type = 0;
    for (unsigned i = 0; i <= n; i++)
        type = frame_next(&f, e, p);
    return type;
}

struct frame_event rig_event(struct rig *r, unsigned n) {
    struct frame_event e;
    struct frame_profile p;
    assert_int_equal(nth(r, n, &e, &p), RECORD_EVENT);
    return e;
}

struct frame_profile rig_profile(struct rig *r, unsigned n, enum frame_record_type type) {
    struct frame_event e;
    struct frame_profile p;
    assert_int_equal(nth(r, n, &e, &p), type);
    return p;
}

/* The hash that a known text has: names of all kinds. */
static bool path_is(struct rig *r, uint32_t index, const char *name) {
    const struct frame_text *t = &r->frame.texts[index];
    if (t->state != FRAME_TEXT_KNOWN) return str_is(rig_text(r, index), name);
    struct str path = STR("");
    if (t->kind == TEXT_GROUP_PROPERTY) path = rig_text(r, t->path);
    struct id128 h = seal_hash(&r->project.keys, t->kind, t->type, path, str_z(name));
    return id128_eq(h, t->hash);
}

uint8_t rig_find(struct rig *r, struct cursor props, unsigned n_props, const char *name,
                 struct cursor *out) {
    uint32_t path;
    for (unsigned i = 0; i < n_props; i++) {
        assert_true(frame_next_prop(&props, &path, out));
        if (path_is(r, path, name)) return cursor_u8(out);
    }
    return 255;
}

uint8_t rig_event_prop(struct rig *r, unsigned record, const char *name, struct cursor *out) {
    struct frame_event e = rig_event(r, record);
    return rig_find(r, e.props, e.n_props, name, out);
}

uint32_t rig_text_prop(struct rig *r, unsigned record, const char *name, const char *value) {
    struct cursor c;
    assert_int_equal(rig_event_prop(r, record, name, &c), V_TEXT);
    uint32_t index = cursor_u32(&c);
    struct str s = rig_text(r, index);
    if (rig_state(r, index) != FRAME_TEXT_KNOWN) {
        if (!str_is(s, value))
            fail_msg("%s is \"" STR_FMT "\", not \"%s\"", name, STR_ARG(s), value);
    }
    return index;
}

void rig_number_prop(struct rig *r, unsigned record, const char *name, double value) {
    struct cursor c;
    assert_int_equal(rig_event_prop(r, record, name, &c), V_NUMBER);
    assert_true(cursor_f64(&c) == value);
}

uint32_t rig_find_text(struct rig *r, enum text_kind kind, const char *text) {
    uint32_t found = FRAME_NO_PATH;
    for (uint32_t i = 0; i < r->frame.n_texts; i++) {
        if (r->frame.texts[i].kind == kind && str_is(rig_text(r, i), text)) found = i;
    }
    return found;
}

bool rig_frame_holds(const struct rig *r, const char *bytes) {
    size_t n = 0;
    memcpy(&n, r->bytes + 8, 4);
    return memmem(r->bytes, n, bytes, strlen(bytes)) != NULL;
}

void rig_assert_reply(const struct rig *r, int status, const char *body) {
    if (r->reply.status != status || !str_is(r->reply.body, body))
        fail_msg("answered %d " STR_FMT ", not %d %s", r->reply.status, STR_ARG(r->reply.body),
                 status, body);
}

void rig_assert_contains(const struct rig *r, const char *part) {
    if (!str_contains(r->reply.body, str_z(part)))
        fail_msg("no %s in " STR_FMT, part, STR_ARG(r->reply.body));
}

size_t rig_gzip(const void *in, size_t n, void *out, size_t cap) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
                  .avail_in = (uInt)n,
                  .next_out = out,
                  .avail_out = (uInt)cap};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

char *rig_base64(const void *in, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = in;
    char *out = malloc(n / 3 * 4 + 5), *to = out;
    assert_non_null(out);
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);
        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *to++ = i + 2 < n ? digits[v & 63] : '=';
    }
    *to = 0;
    return out;
}
