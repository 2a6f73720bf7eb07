/* The n-th allocation fails, for every n, and the n-th write or sync: an error comes back, nothing
 * leaks, the output is untouched, no file appears under the part's name, and the next try succeeds.
 *
 * The program's own malloc, write and so on stand in front of libc's. A sanitizer brings its own
 * malloc, so there only the disk is tested. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

static struct {
    bool armed;
    long left; /* until one fails */
    long live; /* allocations made while armed and not freed */
} memory, disk;

#ifndef __SANITIZE_ADDRESS__
static bool fails(void) {
    if (!memory.armed) return false;
    if (memory.left-- == 0) return true;
    memory.live++;
    return false;
}

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

void *malloc(size_t n) {
    return fails() ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t each) {
    return fails() ? NULL : __libc_calloc(n, each);
}
void *realloc(void *p, size_t n) {
    if (fails()) return NULL;
    if (p && memory.armed) memory.live--;
    return __libc_realloc(p, n);
}
void free(void *p) {
    if (p && memory.armed) memory.live--;
    __libc_free(p);
}
#endif

static bool disk_fails(void) {
    return disk.armed && disk.left-- == 0;
}
ssize_t write(int fd, const void *bytes, size_t n) {
    if (!disk_fails()) return syscall(SYS_write, fd, bytes, n);
    errno = ENOSPC;
    return -1;
}
int fdatasync(int fd) {
    if (!disk_fails()) return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

static const struct world_plan plan = {.seed = 77,
                                       .frames = 2,
                                       .rows_per_frame = 120,
                                       .persons = 10,
                                       .events = 4,
                                       .properties = 5,
                                       .values = 30,
                                       .fill = 70,
                                       .duplicates = 20,
                                       .time_step_us = 1000,
                                       .time_steps = 50};

static struct err build_all(struct world *w, struct part **out) {
    struct frame f;
    AUTO(part_builder_free) struct part_builder *b = part_builder_new(7);
    if (!b) return ERR(ERR_NOMEM, "builder");
    for (uint32_t i = 0; i < w->plan.frames; i++) {
        TRY(frame_parse(w->frames[i], &f));
        struct err e = part_builder_add(b, &f);
        frame_done(&f);
        TRY(e);
    }
    return part_build(b, 0, 2, out);
}

static bool some_dropped(void *ctx, struct id128 person) {
    (void)ctx;
    return person.b[0] % 4 == 0;
}
static struct id128 some_moved(void *ctx, struct id128 person) {
    (void)ctx;
    if (person.b[0] % 4 == 1) person.b[0] = 200;
    return person;
}

static struct part *halves[2];

static struct err merge_to(const char *path, struct part **out) {
    struct part_merge m = {.parts = halves,
                           .n_parts = 2,
                           .drop_person = some_dropped,
                           .person_of = some_moved,
                           .from_us = INT64_MIN,
                           .to_us = INT64_MAX,
                           .path = path};
    return part_merge(&m, out);
}

static struct err merge_in_memory(struct world *w, struct part **out) {
    (void)w;
    return merge_to(NULL, out);
}

/* Runs `work` with the n-th allocation failing until it succeeds. */
static void fail_each(struct world *w, struct err (*work)(struct world *, struct part **)) {
    for (long n = 0;; n++) {
        struct part *untouched = (struct part *)w, *out = untouched;
        memory.left = n;
        memory.live = 0;
        memory.armed = true;
        struct err e = work(w, &out);
        memory.armed = false;
        if (e.code == ERR_OK) {
            assert_true(n == 0 || n > 20);
            assert_non_null(out);
            part_unref(out);
            return;
        }
        assert_int_equal(e.code, ERR_NOMEM);
        assert_ptr_equal(out, untouched);
        assert_int_equal(memory.live, 0);
    }
}

static void a_build_survives_every_failed_allocation(void **state) {
    struct world *w = *state;
    fail_each(w, build_all);
}

static void a_merge_survives_every_failed_allocation(void **state) {
    struct world *w = *state;
    fail_each(w, merge_in_memory);
}

static void a_failed_write_or_sync_leaves_no_file(void **state) {
    (void)state;
    char folder[] = "/tmp/weir-part-XXXXXX", path[64], temp[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.part", folder);
    snprintf(temp, sizeof temp, "%s.tmp", path);
    struct part *out = NULL;
    for (long n = 0;; n++) {
        disk.left = n;
        disk.armed = true;
        struct err e = merge_to(path, &out);
        disk.armed = false;
        if (e.code == ERR_OK) break;
        assert_true(e.code == ERR_FULL || e.code == ERR_IO);
        assert_null(out);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access(temp, F_OK), -1);
    }
    assert_int_equal(part_check(out).code, ERR_OK);
    assert_int_equal(access(temp, F_OK), -1);
    part_unref(out);
    unlink(path);
    rmdir(folder);
}

static int start(void **state) {
    static struct world w;
    world_make(&w, &plan);
    halves[0] = world_build(&w, 0, 1);
    halves[1] = world_build(&w, 1, 2);
    *state = &w;
    return 0;
}

static int stop(void **state) {
    part_unref(halves[0]);
    part_unref(halves[1]);
    world_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_build_survives_every_failed_allocation),
        cmocka_unit_test(a_merge_survives_every_failed_allocation),
        cmocka_unit_test(a_failed_write_or_sync_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
