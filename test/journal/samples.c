#include "samples.h"

#include <dirent.h>
#include <fcntl.h>

struct id128 sample_id(uint64_t n) {
    struct id128 id = {0};
    uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
    memcpy(id.b, &mixed, 8);
    memcpy(id.b + 8, &n, 8);
    return id;
}

static uint64_t name_number(const char *text, uint64_t n) {
    for (; *text; text++)
        n = n * 131 + (unsigned char)*text;
    return n;
}

uint32_t sample_text(struct frame_writer *w, enum text_kind kind, enum frame_text_state state,
                     uint32_t path, const char *text) {
    uint64_t n = name_number(text, (uint64_t)kind * 1000003 + path);
    uint32_t index;
    if (frame_find_text(w, sample_id(n), &index)) return index;
    struct frame_text t = {.hash = sample_id(n),
                           .kind = (uint8_t)kind,
                           .type = TEXT_STRING,
                           .state = (uint8_t)state,
                           .path = path,
                           .bytes = str_z(text)};
    assert_ok(frame_add_text(w, &t, &index));
    return index;
}

static void put_nested(struct frame_writer *w, uint32_t path, uint32_t value) {
    frame_put_prop(w, path);
    frame_put_list(w);
    frame_put_text(w, value);
    frame_put_list(w);
    frame_put_list_end(w);
    frame_put_object(w);
    frame_put_prop(w, path);
    frame_put_number(w, -0.5);
    frame_put_prop(w, path);
    frame_put_list(w);
    frame_put_simple(w, V_TRUE);
    frame_put_list_end(w);
    frame_put_object_end(w);
    frame_put_simple(w, V_EMPTY_OBJECT);
    frame_put_list_end(w);
}

static void put_event(struct frame_writer *w, unsigned number) {
    uint32_t name = sample_text(w, TEXT_EVENT, FRAME_TEXT_READABLE, FRAME_NO_PATH, "Sign up");
    uint32_t plan = sample_text(w, TEXT_PROPERTY, FRAME_TEXT_KNOWN, FRAME_NO_PATH, "plan");
    uint32_t pro = sample_text(w, TEXT_VALUE, FRAME_TEXT_SEALED, plan, "alice@example.org");
    struct frame_event e = {.person = sample_id(number),
                            .device = sample_id(number + 1),
                            .sent_id = sample_id(number + 2),
                            .insert = 77,
                            .time_us = 1795297538915000 + number,
                            .name = name};
    frame_event_begin(w, &e);
    frame_put_prop(w, plan);
    frame_put_text(w, pro);
    frame_put_prop(w, plan);
    frame_put_number(w, number);
    frame_put_prop(w, plan);
    frame_put_time(w, -5);
    frame_put_prop(w, plan);
    frame_put_simple(w, V_NULL);
    put_nested(w, plan, pro);
    assert_ok(frame_record_end(w));
}

static void put_profiles(struct frame_writer *w, unsigned number) {
    uint32_t id_path =
        sample_text(w, TEXT_PROPERTY, FRAME_TEXT_READABLE, FRAME_NO_PATH, "distinct_id");
    uint32_t id = sample_text(w, TEXT_VALUE, FRAME_TEXT_SEALED, id_path, "alice");
    uint32_t prop = sample_text(w, TEXT_USER_PROPERTY, FRAME_TEXT_KNOWN, FRAME_NO_PATH, "$name");
    uint32_t value = sample_text(w, TEXT_USER_VALUE, FRAME_TEXT_SEALED, prop, "Alice");
    struct frame_profile user = {
        .op = PROFILE_SET, .person = sample_id(number), .id = id, .time_us = 5};
    frame_profile_begin(w, RECORD_USER, &user);
    frame_put_prop(w, prop);
    frame_put_text(w, value);
    assert_ok(frame_record_end(w));

    uint32_t key = sample_text(w, TEXT_GROUP_KEY, FRAME_TEXT_READABLE, FRAME_NO_PATH, "company");
    uint32_t key_path =
        sample_text(w, TEXT_PROPERTY, FRAME_TEXT_READABLE, FRAME_NO_PATH, "company");
    uint32_t group = sample_text(w, TEXT_VALUE, FRAME_TEXT_READABLE, key_path, "acme");
    uint32_t size = sample_text(w, TEXT_GROUP_PROPERTY, FRAME_TEXT_KNOWN, key, "size");
    struct frame_profile g = {.op = PROFILE_ADD, .id = group, .group_key = key, .time_us = 6};
    frame_profile_begin(w, RECORD_GROUP, &g);
    frame_put_prop(w, size);
    frame_put_number(w, 3);
    assert_ok(frame_record_end(w));
}

static struct str copy_finished(struct frame_writer *w) {
    struct str out;
    assert_ok(frame_finish(w, &out));
    char *p = malloc(out.n);
    assert_non_null(p);
    memcpy(p, out.p, out.n);
    return (struct str){p, out.n};
}

struct str sample_frame(const struct team_public *team, uint64_t project, unsigned number) {
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    assert_non_null(w);
    frame_begin(w, project, team, 1795297538915000);
    put_event(w, number);
    put_profiles(w, number);
    return copy_finished(w);
}

struct str sample_small(unsigned number) {
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    assert_non_null(w);
    frame_begin(w, 1, &(struct team_public){.id = 9}, 1);
    struct frame_event e = {.person = sample_id(number), .sent_id = sample_id(number)};
    e.name = sample_text(w, TEXT_EVENT, FRAME_TEXT_KNOWN, FRAME_NO_PATH, "x");
    frame_event_begin(w, &e);
    assert_ok(frame_record_end(w));
    return copy_finished(w);
}

void sample_resum(struct str frame) {
    uint64_t sum = checksum64(frame.p, frame.n - 8);
    memcpy((char *)(uintptr_t)frame.p + frame.n - 8, &sum, 8);
}

char *sample_folder(void) {
    char *name = strdup("/tmp/weir-journal-XXXXXX");
    assert_non_null(mkdtemp(name));
    return name;
}

void sample_remove(char *folder) {
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

struct str sample_read(const char *folder, const char *name) {
    char path[4200];
    path_join(path, sizeof path, folder, name);
    struct buf b;
    buf_init(&b, 512u << 20);
    assert_ok(io_read_file(path, 512u << 20, &b));
    return (struct str){b.p, b.n};
}

void sample_write(const char *folder, const char *name, struct str bytes) {
    char path[4200];
    path_join(path, sizeof path, folder, name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_ok(io_write_all(fd, bytes.p, bytes.n));
    close(fd);
}
