#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "damage.h"
#include "part/format.h"
#include "world.h"

static const struct world_plan plan = {.seed = 42,
                                       .frames = 3,
                                       .rows_per_frame = 60,
                                       .persons = 12,
                                       .events = 4,
                                       .properties = 6,
                                       .values = 20,
                                       .fill = 70,
                                       .time_step_us = 1000,
                                       .time_steps = 100000,
                                       .rare = true};

struct file {
    char path[32];
    struct buf bytes;
};

static void make_file(struct file *f) {
    struct world w;
    world_make(&w, &plan);
    struct part *p = world_build(&w, 0, plan.frames);
    strcpy(f->path, "/tmp/weir-part-XXXXXX");
    close(mkstemp(f->path));
    assert_int_equal(part_write(p, f->path).code, ERR_OK);
    buf_init(&f->bytes, 1u << 30);
    assert_int_equal(io_read_file(f->path, 1u << 30, &f->bytes).code, ERR_OK);
    part_unref(p);
    world_free(&w);
}

static void drop_file(struct file *f) {
    unlink(f->path);
    buf_done(&f->bytes);
}

/* Opens bytes as a file. NULL: refused as damaged. */
static struct part *open_bytes(const struct file *f, const char *bytes, size_t n) {
    FILE *out = fopen(f->path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(out);
    struct part *p = NULL;
    struct err e = part_open(f->path, &p);
    if (e.code != ERR_OK) assert_int_equal(e.code, ERR_CORRUPT);
    return p;
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void)state;
    struct file f;
    make_file(&f);
    for (size_t n = 0; n < f.bytes.n; n += n < 200 || n + 200 > f.bytes.n ? 1 : 97) {
        struct part *p = open_bytes(&f, f.bytes.p, n);
        assert_null(p);
    }
    drop_file(&f);
}

static bool inside_a_section(const struct file *f, size_t at) {
    struct part_file_trailer t;
    struct part_file_info info;
    memcpy(&t, f->bytes.p + f->bytes.n - sizeof t, sizeof t);
    memcpy(&info, f->bytes.p + t.footer_at, sizeof info);
    for (uint32_t i = 0; i < info.sections; i++) {
        struct part_file_section s;
        memcpy(&s, f->bytes.p + t.footer_at + sizeof info + i * sizeof s, sizeof s);
        if (at >= s.at && at < s.at + s.bytes) return true;
    }
    return at < sizeof(struct part_file_header) || at >= t.footer_at;
}

static void every_flipped_bit_is_found(void **state) {
    (void)state;
    struct file f;
    make_file(&f);
    for (size_t at = 0; at < f.bytes.n; at += 13) {
        if (!inside_a_section(&f, at)) continue;
        f.bytes.p[at] ^= (char)(1 << at % 8);
        struct part *p = open_bytes(&f, f.bytes.p, f.bytes.n);
        if (p) {
            damage_read_all(p);
            assert_int_equal(part_check(p).code, ERR_CORRUPT);
        }
        part_unref(p);
        f.bytes.p[at] ^= (char)(1 << at % 8);
    }
    struct part *p = open_bytes(&f, f.bytes.p, f.bytes.n);
    assert_non_null(p);
    assert_int_equal(part_check(p).code, ERR_OK);
    part_unref(p);
    drop_file(&f);
}

/* The same with all checksums put right: as an attacker would. */
static void mend(struct file *f) {
    struct part_file_trailer t;
    struct part_file_info info;
    memcpy(&t, f->bytes.p + f->bytes.n - sizeof t, sizeof t);
    memcpy(&info, f->bytes.p + t.footer_at, sizeof info);
    for (uint32_t i = 0; i < info.sections; i++) {
        struct part_file_section s;
        char *entry = f->bytes.p + t.footer_at + sizeof info + i * sizeof s;
        memcpy(&s, entry, sizeof s);
        s.checksum = checksum64(f->bytes.p + s.at, s.bytes);
        memcpy(entry, &s, sizeof s);
    }
    t.checksum = checksum64(f->bytes.p + t.footer_at, t.footer_bytes);
    memcpy(f->bytes.p + f->bytes.n - sizeof t, &t, sizeof t);
}

static void hostile_files_are_read_within_bounds(void **state) {
    (void)state;
    struct file f;
    make_file(&f);
    struct buf good;
    buf_init(&good, 1u << 30);
    buf_put(&good, f.bytes.p, f.bytes.n);
    uint64_t rng = 99, opened = 0;
    for (int round = 0; round < 4000; round++) {
        memcpy(f.bytes.p, good.p, good.n);
        for (int i = 0; i < 1 + round % 3; i++) {
            rng = rng * 6364136223846793005u + 1442695040888963407u;
            size_t at = 32 + (size_t)(rng >> 33) % (f.bytes.n - 64 - 144 - 32 * 60);
            f.bytes.p[at] = (char)(rng >> 13);
        }
        mend(&f);
        struct part *p = open_bytes(&f, f.bytes.p, f.bytes.n);
        opened += p != NULL;
        if (p) damage_read_all(p);
        part_unref(p);
    }
    assert_true(opened > 100);
    buf_done(&good);
    drop_file(&f);
}

static void merging_a_hostile_part_stays_within_bounds(void **state) {
    (void)state;
    struct file f;
    make_file(&f);
    struct buf good;
    buf_init(&good, 1u << 30);
    buf_put(&good, f.bytes.p, f.bytes.n);
    struct part *whole = open_bytes(&f, good.p, good.n);
    char other[] = "/tmp/weir-part-XXXXXX";
    close(mkstemp(other));
    struct file g = {.bytes = f.bytes};
    strcpy(g.path, other);
    uint64_t rng = 7;
    for (int round = 0; round < 1500; round++) {
        memcpy(f.bytes.p, good.p, good.n);
        rng = rng * 6364136223846793005u + 1442695040888963407u;
        f.bytes.p[32 + (size_t)(rng >> 33) % (f.bytes.n - 3000)] = (char)(rng >> 13);
        mend(&f);
        struct part *p = open_bytes(&g, f.bytes.p, f.bytes.n), *out = NULL;
        if (!p) continue;
        struct part *two[2] = {whole, p};
        struct part_merge m = {.parts = two,
                               .n_parts = 2,
                               .from_us = round % 2 ? INT64_MIN : 1780272000000000 + 50000000,
                               .to_us = INT64_MAX};
        struct err e = part_merge(&m, &out);
        if (e.code == ERR_OK) part_unref(out);
        part_unref(p);
    }
    part_unref(whole);
    buf_done(&good);
    unlink(other);
    drop_file(&f);
}

static void another_version_is_refused(void **state) {
    (void)state;
    struct file f;
    make_file(&f);
    f.bytes.p[8]++;
    assert_null(open_bytes(&f, f.bytes.p, f.bytes.n));
    drop_file(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(hostile_files_are_read_within_bounds),
        cmocka_unit_test(merging_a_hostile_part_stays_within_bounds),
        cmocka_unit_test(another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
