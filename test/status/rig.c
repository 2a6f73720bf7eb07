#include "rig.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t synced(void *ctx) {
    return atomic_load(&((struct rig *)ctx)->synced);
}

static void changed(void *ctx, uint64_t generation) {
    ((struct rig *)ctx)->changed++;
}

static void noticed(void *ctx, const char *incident, const char *update) {
    ((struct rig *)ctx)->noticed++;
}

void rig_open(struct rig *r, bool with_loop) {
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
    struct status_config s = {.meta = r->meta,
                              .store = r->store,
                              .root = r->root,
                              .folder = r->folder,
                              .hooks = {.ctx = r, .changed = changed, .noticed = noticed}};
    assert_ok(status_open(&s, &r->status));
    if (with_loop) assert_ok(status_start(r->status));
    assert_ok(store_start(r->store));
    r->arena = arena_new(0);
}

void rig_start(struct rig *r) {
    static const char *const folders[] = {"journal", "front"};
    *r = (struct rig){.folder = "/tmp/weir-status-XXXXXX"};
    assert_ok(seal_start());
    assert_non_null(mkdtemp(r->folder));
    for (size_t i = 0; i < 2; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", r->folder, folders[i]);
        assert_ok(io_make_folder(path, 0700));
    }
    team_generate(&r->team);
    memset(r->root, 7, sizeof r->root);
    rig_open(r, false);
    char secret[65];
    struct store_project_new n = {.name = STR("rig"), .crowd = 2};
    assert_ok(store_project_create(r->store, &n, &r->project, secret));
    seal_keys_derive(r->root, r->project.salt, r->project.id, &r->keys);
    struct status_page page = {.name = STR("Shop"),
                               .time_zone = STR("Europe/Berlin"),
                               .project = r->project.id,
                               .takes_reports = true};
    assert_ok(status_page_set(r->status, &page));
}

void rig_close(struct rig *r) {
    status_stop(r->status);
    store_close(r->store);
    status_close(r->status);
    meta_close(r->meta);
    journal_close(r->journal);
    frame_writer_free(r->frame);
    arena_free(r->arena);
}

void rig_remove(struct rig *r) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", r->folder);
    assert_int_equal(system(command), 0);
}

void rig_look(struct rig *r) {
    arena_reset(r->arena);
    assert_ok(status_snapshot(r->status, r->arena, &r->model));
}

uint32_t rig_component(struct rig *r, const char *name, enum status_rule rule) {
    struct status_component c = {
        .name = str_z(name), .types = {STR("Slow"), STR("Other")}, .n_types = 2};
    struct status_setup setup = {
        .rule = rule,
        .events = STR("[{\"event\":\"Request\"}]"),
        .errors =
            STR("[{\"event\":\"Request\",\"where\":[{\"property\":\"status\",\"min\":500}]}]")};
    assert_ok(status_component_save(r->status, &c, &setup));
    return c.number;
}

struct status_component *rig_find(struct rig *r, uint32_t number) {
    for (size_t i = 0; i < r->model->n_components; i++)
        if (r->model->components[i].number == number) return &r->model->components[i];
    fail_msg("component %u is not there", number);
    return NULL;
}

/* ---- frames ---- */

void rig_frame(struct rig *r, int64_t at_us) {
    frame_begin(r->frame, r->project.id, &r->team.pub, at_us);
}

static uint32_t text(struct rig *r, enum text_kind kind, const char *name) {
    uint32_t index = 0;
    struct frame_text t = {.hash = seal_hash(&r->keys, kind, TEXT_STRING, STR(""), str_z(name)),
                           .kind = (uint8_t)kind,
                           .type = TEXT_STRING,
                           .state = FRAME_TEXT_READABLE,
                           .path = FRAME_NO_PATH,
                           .bytes = str_z(name)};
    if (!frame_find_text(r->frame, t.hash, &index)) assert_ok(frame_add_text(r->frame, &t, &index));
    return index;
}

void rig_event(struct rig *r, struct rig_event e) {
    static const char *const report[] = {"component", "type",    "prefix",
                                         "asn",       "country", "signed_in"};
    static const char *const request[] = {"status"};
    bool is_report = strcmp(e.name, "$problem_report") == 0;
    const char *const *names = is_report ? report : request;
    size_t n = is_report ? 6 : 1;
    uint32_t paths[6];
    struct frame_event f = {.time_us = e.at_us, .name = text(r, TEXT_EVENT, e.name)};
    for (size_t i = 0; i < n; i++)
        paths[i] = text(r, TEXT_PROPERTY, names[i]);
    f.person = f.sent_id = seal_pseudonym(&r->keys, str_z(e.who));
    frame_event_begin(r->frame, &f);
    for (size_t i = 0; i < n; i++) {
        frame_put_prop(r->frame, paths[i]);
        frame_put_number(r->frame, e.numbers[i]);
    }
    assert_ok(frame_record_end(r->frame));
}

void rig_commit(struct rig *r) {
    struct str bytes;
    uint64_t position;
    assert_ok(frame_finish(r->frame, &bytes));
    assert_ok(journal_append(r->journal, &bytes, 1, &position));
    atomic_store(&r->synced, position);
    assert_ok(store_wait_visible(r->store, position, 10000));
}

int64_t rig_number(struct rig *r, const char *sql) {
    struct meta_row *row = NULL;
    struct err e;
    assert_ok(meta_begin(r->meta));
    assert_ok(meta_query(r->meta, &row, sql, ""));
    int64_t n = meta_next(row, &e) ? meta_i64(row, 0) : -1;
    meta_end(row);
    meta_rollback(r->meta);
    return n;
}
