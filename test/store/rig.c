#include "rig.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t synced(void *ctx) {
    return atomic_load(&((struct rig *)ctx)->synced);
}

void rig_open(struct rig *r) {
    char path[200];
    snprintf(path, sizeof path, "%s/meta.db", r->folder);
    assert_ok(meta_open(path, &r->meta));
    struct store_config c = {.data_folder = r->folder,
                             .meta = r->meta,
                             .synced = synced,
                             .synced_ctx = r,
                             .wake_fd = -1};
    assert_ok(store_open(&c, &r->store));
    snprintf(path, sizeof path, "%s/journal", r->folder);
    assert_ok(journal_open(path, &r->journal));
    atomic_store(&r->synced, journal_position(r->journal));
    r->frame = frame_writer_new();
    assert_non_null(r->frame);
    if (r->attend) r->attend(r);
    assert_ok(store_start(r->store));
    assert_ok(store_wait_visible(r->store, r->synced, 10000));
}

void rig_start(struct rig *r) {
    *r = (struct rig){.folder = "/tmp/weir-store-XXXXXX"};
    assert_ok(seal_start());
    assert_non_null(mkdtemp(r->folder));
    char path[200];
    snprintf(path, sizeof path, "%s/journal", r->folder);
    assert_ok(io_make_folder(path, 0700));
    snprintf(path, sizeof path, "%s/front", r->folder);
    assert_ok(io_make_folder(path, 0700));
    team_generate(&r->team);
    memset(r->root, 7, sizeof r->root);
    rig_open(r);
    char secret[65];
    struct store_project_new n = {.name = STR("rig"), .crowd = 2};
    assert_ok(store_project_create(r->store, &n, &r->project, secret));
    seal_keys_derive(r->root, r->project.salt, r->project.id, &r->keys);
}

void rig_close(struct rig *r) {
    store_close(r->store);
    meta_close(r->meta);
    journal_close(r->journal);
    frame_writer_free(r->frame);
}

void rig_remove(struct rig *r) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", r->folder);
    assert_int_equal(system(command), 0);
}

void rig_begin(struct rig *r) {
    frame_begin(r->frame, r->project.id, &r->team.pub, time_now_us());
}

uint32_t rig_text(struct rig *r, enum text_kind kind, const char *path, const char *text,
                  bool readable) {
    uint32_t path_index = FRAME_NO_PATH, index = 0;
    if (kind == TEXT_VALUE) path_index = rig_text(r, TEXT_PROPERTY, "", path, true);
    if (kind == TEXT_USER_VALUE) path_index = rig_text(r, TEXT_USER_PROPERTY, "", path, true);
    struct frame_text t = {.hash = seal_hash(&r->keys, kind, TEXT_STRING, str_z(path), str_z(text)),
                           .kind = (uint8_t)kind,
                           .type = TEXT_STRING,
                           .state = readable ? FRAME_TEXT_READABLE : FRAME_TEXT_SEALED,
                           .path = path_index,
                           .bytes = str_z(text)};
    if (!frame_find_text(r->frame, t.hash, &index)) assert_ok(frame_add_text(r->frame, &t, &index));
    return index;
}

void rig_event(struct rig *r, struct rig_event e) {
    struct frame_event f = {.time_us = e.time_s * US_PER_S,
                            .name = rig_text(r, TEXT_EVENT, "", e.name, true)};
    struct id128 device = {{0}};
    if (e.device) device = seal_pseudonym(&r->keys, str_z(e.device));
    f.person = e.who ? seal_pseudonym(&r->keys, str_z(e.who)) : device;
    if (e.who && e.device) f.device = device;
    f.sent_id = f.person;
    if (e.insert) f.insert = checksum64(e.insert, strlen(e.insert)) | 1;
    uint32_t path = 0, text = 0;
    if (e.property) {
        path = rig_text(r, TEXT_PROPERTY, "", e.property, true);
        text = rig_text(r, TEXT_VALUE, e.property, e.value, e.readable);
    }
    frame_event_begin(r->frame, &f);
    if (e.property) {
        frame_put_prop(r->frame, path);
        frame_put_text(r->frame, text);
    }
    assert_ok(frame_record_end(r->frame));
}

static struct frame_profile profile_of(struct rig *r, const char *who, enum profile_op op) {
    return (struct frame_profile){.op = (uint8_t)op,
                                  .person = seal_pseudonym(&r->keys, str_z(who)),
                                  .id = rig_text(r, TEXT_VALUE, "distinct_id", who, false),
                                  .group_key = FRAME_NO_PATH,
                                  .time_us = time_now_us()};
}

void rig_user_set(struct rig *r, const char *who, const char *property, const char *value,
                  bool readable) {
    struct frame_profile p = profile_of(r, who, PROFILE_SET);
    uint32_t path = rig_text(r, TEXT_USER_PROPERTY, "", property, true);
    uint32_t text = rig_text(r, TEXT_USER_VALUE, property, value, readable);
    frame_profile_begin(r->frame, RECORD_USER, &p);
    frame_put_prop(r->frame, path);
    frame_put_text(r->frame, text);
    assert_ok(frame_record_end(r->frame));
}

void rig_user_add(struct rig *r, const char *who, const char *property, double number) {
    struct frame_profile p = profile_of(r, who, PROFILE_ADD);
    uint32_t path = rig_text(r, TEXT_USER_PROPERTY, "", property, true);
    frame_profile_begin(r->frame, RECORD_USER, &p);
    frame_put_prop(r->frame, path);
    frame_put_number(r->frame, number);
    assert_ok(frame_record_end(r->frame));
}

void rig_user_list(struct rig *r, enum profile_op op, struct rig_list l) {
    uint32_t texts[512];
    char text[64];
    struct frame_profile p = profile_of(r, l.who, op);
    uint32_t path = rig_text(r, TEXT_USER_PROPERTY, "", l.property, true);
    assert_true(l.to - l.from <= 512);
    for (int i = l.from; i < l.to; i++) {
        snprintf(text, sizeof text, "%s%d", l.prefix, i);
        texts[i - l.from] = rig_text(r, TEXT_USER_VALUE, l.property, text, false);
    }
    frame_profile_begin(r->frame, RECORD_USER, &p);
    frame_put_prop(r->frame, path);
    if (l.from == l.to) frame_put_simple(r->frame, V_NULL);
    if (l.from < l.to) frame_put_list(r->frame);
    for (int i = l.from; i < l.to; i++)
        frame_put_text(r->frame, texts[i - l.from]);
    if (l.from < l.to) frame_put_list_end(r->frame);
    assert_ok(frame_record_end(r->frame));
}

void rig_user_delete(struct rig *r, const char *who) {
    struct frame_profile p = profile_of(r, who, PROFILE_DELETE);
    frame_profile_begin(r->frame, RECORD_USER, &p);
    assert_ok(frame_record_end(r->frame));
}

int64_t rig_number(struct rig *r, const char *sql) {
    struct err e = ERR_NONE;
    assert_ok(meta_begin(r->meta));
    struct meta_row *row = NULL;
    assert_ok(meta_query(r->meta, &row, sql, ""));
    assert_true(meta_next(row, &e));
    int64_t n = meta_i64(row, 0);
    meta_end(row);
    meta_rollback(r->meta);
    return n;
}

void rig_commit(struct rig *r) {
    struct str bytes;
    uint64_t position = 0;
    assert_ok(frame_finish(r->frame, &bytes));
    assert_ok(journal_append(r->journal, &bytes, 1, &position));
    atomic_store(&r->synced, position);
    assert_ok(store_wait_visible(r->store, position, 20000));
}

void rig_flush(struct rig *r) {
    assert_ok(store_flush(r->store, r->synced, 20000));
}

const char *rig_ask(struct rig *r, bool admin, const char *question) {
    static char answer[65536]; /* a test's own, one thread */
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *parser = json_parser_new(1 << 20);
    AUTO(query_free) struct query *q = NULL;
    AUTO(store_world_free) struct store_world *w = NULL;
    AUTO(buf_done) struct buf out;
    buf_init(&out, sizeof answer - 1);
    const struct json *json = NULL;
    struct query_fault fault = {0};
    assert_ok(json_parse_copy(parser, str_z(question), a, &json));
    struct err e = query_parse(json, &q, &fault);
    if (e.code) fail_msg("query_parse: %s: %s", fault.field, fault.message);
    assert_ok(store_world_open(r->store, r->project.id, r->root, admin ? &r->team : NULL, &w));
    struct query_rights rights = {.may_reveal = admin, .opened = admin};
    struct query_limits limits = {.threads = 2, .memory_bytes = 64u << 20};
    struct query_outcome outcome;
    e = query_run(q, store_world_query(w), &rights, &limits, &out, &outcome);
    if (e.code) fail_msg("query_run: %s: %s", outcome.fault.field, outcome.fault.message);
    memcpy(answer, out.p, out.n);
    answer[out.n] = 0;
    return answer;
}

double rig_total(struct rig *r, const char *event, const char *measure) {
    char question[512];
    snprintf(question, sizeof question,
             "{\"project\":%llu,\"report\":\"insights\",\"from\":\"2026-01-01\",\"to\":\"2026-12-"
             "31\",\"interval\":\"month\","
             "\"metrics\":[{\"event\":\"%s\",\"measure\":\"%s\"}]}",
             (unsigned long long)r->project.id, event, measure);
    const char *at = strstr(rig_ask(r, false, question), "\"total\":");
    assert_non_null(at);
    return atof(at + 8);
}
