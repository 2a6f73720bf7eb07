#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

/* What the merge's callbacks know. */
struct knowledge {
    struct world *w;
    uint32_t frames;
    bool (*drop)(struct id128 person);
    struct id128 (*person_of)(struct id128 person);
};

static bool is_readable(void *ctx, struct id128 text) {
    const struct knowledge *k = ctx;
    int i = world_find_text(k->w, text);
    assert_true(i >= 0);
    return k->w->texts[i].from < k->frames;
}

static bool is_dropped(void *ctx, struct id128 person) {
    return ((const struct knowledge *)ctx)->drop(person);
}

static struct id128 moves_to(void *ctx, struct id128 person) {
    return ((const struct knowledge *)ctx)->person_of(person);
}

static struct part *merge(struct world *w, const struct world_choice *c, struct part *const *parts,
                          size_t n) {
    struct knowledge k = {w, c->to_frame, c->drop, c->person_of};
    struct part_merge m = {.parts = parts,
                           .n_parts = n,
                           .readable = is_readable,
                           .drop_person = c->drop ? is_dropped : NULL,
                           .person_of = c->person_of ? moves_to : NULL,
                           .ctx = &k,
                           .from_us = c->from_us,
                           .to_us = c->to_us};
    struct part *out = NULL;
    struct err e = part_merge(&m, &out);
    if (e.code != ERR_OK) fail_msg("merge: %s", e.what);
    return out;
}

/* Builds one part per `step` frames, merges them all at once, compares. */
static void split_merge_compare(struct world *w, uint32_t step, const struct world_choice *c) {
    struct part *parts[64] = {NULL};
    size_t n = 0;
    for (uint32_t at = 0; at < w->plan.frames; at += step) {
        uint32_t to = at + step < w->plan.frames ? at + step : w->plan.frames;
        parts[n++] = world_build(w, at, to);
    }
    struct part *merged = merge(w, c, parts, n);
    world_compare(w, c, merged);
    if (merged) assert_int_equal(part_info(merged)->seq_hi, w->plan.frames);
    part_unref(merged);
    for (size_t i = 0; i < n; i++)
        part_unref(parts[i]);
}

static struct world_choice everything(const struct world *w) {
    return (struct world_choice){
        .to_frame = w->plan.frames, .from_us = INT64_MIN, .to_us = INT64_MAX, .merged = true};
}

static struct world_plan random_plan(uint64_t seed) {
    return (struct world_plan){.seed = seed,
                               .frames = 2 + (uint32_t)seed % 5,
                               .rows_per_frame = 1 + (uint32_t)(seed * 37 % 150),
                               .persons = 1 + (uint32_t)seed % 30,
                               .events = 1 + (uint32_t)seed % 9,
                               .properties = 1 + (uint32_t)seed % 7,
                               .values = 1 + (uint32_t)(seed * seed % 50),
                               .fill = (uint32_t)(seed * 11 % 101),
                               .duplicates = seed % 3 == 0 ? 40 : 0,
                               .time_step_us = seed % 2 ? 1000 : 1 + (int64_t)seed * 77,
                               .time_steps = seed % 4 ? 1000000 : 5,
                               .rare = seed % 5 == 0};
}

static void every_split_merges_to_the_same(void **state) {
    (void)state;
    for (uint64_t seed = 100; seed < 140; seed++) {
        struct world w;
        struct world_plan plan = random_plan(seed);
        world_make(&w, &plan);
        struct world_choice all = everything(&w);
        for (uint32_t step = 1; step <= plan.frames; step++)
            split_merge_compare(&w, step, &all);
        world_free(&w);
    }
}

static void merging_in_steps_equals_merging_at_once(void **state) {
    (void)state;
    for (uint64_t seed = 200; seed < 215; seed++) {
        struct world w;
        struct world_plan plan = random_plan(seed);
        world_make(&w, &plan);
        struct world_choice all = everything(&w);
        struct part *so_far = world_build(&w, 0, 1);
        for (uint32_t i = 1; i < plan.frames; i++) {
            struct part *two[2] = {so_far, world_build(&w, i, i + 1)};
            struct world_choice part_of = all;
            part_of.to_frame = i + 1;
            struct part *next = merge(&w, &part_of, two, 2);
            part_unref(two[0]);
            part_unref(two[1]);
            so_far = next;
            world_compare(&w, &part_of, so_far);
        }
        part_unref(so_far);
        world_free(&w);
    }
}

static void large_merges_cross_windows(void **state) {
    (void)state;
    struct world w;
    world_make(&w, &(struct world_plan){.seed = 300,
                                        .frames = 6,
                                        .rows_per_frame = 2500,
                                        .persons = 150,
                                        .events = 300,
                                        .properties = 12,
                                        .values = 100,
                                        .fill = 90,
                                        .duplicates = 5,
                                        .time_step_us = 1000,
                                        .time_steps = 3000000,
                                        .rare = true});
    struct world_choice all = everything(&w);
    split_merge_compare(&w, 1, &all);
    split_merge_compare(&w, 3, &all);
    world_free(&w);
}

static void a_time_range_keeps_only_its_rows_and_their_texts(void **state) {
    (void)state;
    for (uint64_t seed = 400; seed < 420; seed++) {
        struct world w;
        struct world_plan plan = random_plan(seed);
        world_make(&w, &plan);
        struct world_choice c = everything(&w);
        int64_t span = plan.time_step_us * plan.time_steps;
        c.from_us = 1780272000000000 + span / 4;
        c.to_us = 1780272000000000 + span / 2;
        split_merge_compare(&w, 1, &c);
        split_merge_compare(&w, plan.frames, &c);
        c.from_us = c.to_us;
        c.to_us = INT64_MAX;
        split_merge_compare(&w, 2, &c);
        world_free(&w);
    }
}

static bool drop_some(struct id128 person) {
    return person.b[3] % 3 == 0;
}

static void a_dropped_person_takes_texts_that_only_they_had(void **state) {
    (void)state;
    for (uint64_t seed = 500; seed < 520; seed++) {
        struct world w;
        struct world_plan plan = random_plan(seed);
        plan.values = 400;
        world_make(&w, &plan);
        struct world_choice c = everything(&w);
        c.drop = drop_some;
        split_merge_compare(&w, 1, &c);
        split_merge_compare(&w, plan.frames, &c);
        world_free(&w);
    }
}

static bool drop_all(struct id128 person) {
    (void)person;
    return true;
}

static void nothing_left_gives_no_part(void **state) {
    (void)state;
    struct world w;
    struct world_plan plan = random_plan(601);
    world_make(&w, &plan);
    struct world_choice c = everything(&w);
    c.drop = drop_all;
    split_merge_compare(&w, 1, &c);
    c = everything(&w);
    c.to_us = 0;
    split_merge_compare(&w, 1, &c);
    world_free(&w);
}

/* A person whose first byte is odd becomes the one that is all zeros but for three bits: several
 * join into one, old and new. */
static struct id128 move_some(struct id128 person) {
    struct id128 to = {{0}};
    if (person.b[0] % 2 == 0) return person;
    to.b[0] = person.b[1] & 7;
    return to;
}

/* The model keeps journal order for equal times; a merge puts moved rows first within a part. So
 * times are made unique here, and duplicates are left out. */
static void the_identity_map_is_applied_physically(void **state) {
    (void)state;
    for (uint64_t seed = 700; seed < 725; seed++) {
        struct world w;
        struct world_plan plan = random_plan(seed);
        plan.duplicates = 0;
        plan.time_steps = 1u << 31;
        world_make(&w, &plan);
        struct world_choice c = everything(&w);
        c.person_of = move_some;
        split_merge_compare(&w, 1, &c);
        split_merge_compare(&w, plan.frames, &c);
        c.drop = drop_some;
        split_merge_compare(&w, 2, &c);
        world_free(&w);
    }
}

/* ---- erasure, on the bytes ---- */

static bool bytes_contain(const struct str file, const void *needle, size_t n) {
    return memmem(file.p, file.n, needle, n) != NULL;
}

static struct id128 victim;
static bool drop_victim(struct id128 person) {
    return id128_eq(person, victim);
}

static void an_erased_persons_bytes_are_gone_from_the_file(void **state) {
    (void)state;
    struct world w;
    world_make(&w, &(struct world_plan){.seed = 800,
                                        .frames = 2,
                                        .rows_per_frame = 200,
                                        .persons = 30,
                                        .events = 3,
                                        .properties = 3,
                                        .values = 3000,
                                        .fill = 90,
                                        .time_step_us = 1000,
                                        .time_steps = 3000000});
    struct part *parts[2] = {world_build(&w, 0, 1), world_build(&w, 1, 2)};
    victim = part_persons(parts[0])[0];
    char path[] = "/tmp/weir-part-XXXXXX";
    close(mkstemp(path));
    struct knowledge k = {&w, 2, drop_victim, NULL};
    struct part_merge m = {.parts = parts,
                           .n_parts = 2,
                           .readable = is_readable,
                           .drop_person = is_dropped,
                           .ctx = &k,
                           .from_us = INT64_MIN,
                           .to_us = INT64_MAX,
                           .path = path};
    struct part *out = NULL;
    assert_int_equal(part_merge(&m, &out).code, ERR_OK);
    AUTO(buf_done) struct buf file;
    buf_init(&file, 1u << 30);
    assert_int_equal(io_read_file(path, 1u << 30, &file).code, ERR_OK);
    assert_false(bytes_contain(buf_str(&file), victim.b, 16));
    uint32_t gone = 0, stayed = 0;
    for (uint32_t i = 0; i < w.n_rows; i++)
        for (uint32_t j = 0; j < w.rows[i].n_texts; j++) {
            const struct world_text *t = &w.texts[w.rows[i].texts[j]];
            bool others = false;
            for (uint32_t a = 0; a < w.n_rows && !others; a++)
                for (uint32_t b = 0; b < w.rows[a].n_texts; b++)
                    others = others || (!drop_victim(w.rows[a].person) &&
                                        w.rows[a].texts[b] == w.rows[i].texts[j]);
            if (!others) gone++;
            if (others) stayed++;
            assert_int_equal(bytes_contain(buf_str(&file), t->t.hash.b, 16), others);
            struct part_sealed s;
            if (!others && part_sealed(parts[0], t->t.hash, &s))
                assert_false(
                    bytes_contain(buf_str(&file), s.text.ciphertext.p, s.text.ciphertext.n));
            assert_false(bytes_contain(buf_str(&file), t->t.bytes.p, t->t.bytes.n));
        }
    assert_true(gone > 10);
    assert_true(stayed > 10);
    part_unref(out);
    part_unref(parts[0]);
    part_unref(parts[1]);
    unlink(path);
    world_free(&w);
}

/* ---- readable by one of the parts ---- */

static void a_text_that_one_source_has_readable_loses_its_ciphertext(void **state) {
    (void)state;
    struct world w;
    struct world_plan plan = random_plan(851);
    plan.duplicates = 0;
    plan.frames = 6;
    plan.fill = 80;
    world_make(&w, &plan);
    struct part *parts[6], *out = NULL;
    for (uint32_t i = 0; i < 6; i++)
        parts[i] = world_build(&w, i, i + 1);
    struct part_merge m = {.parts = parts, .n_parts = 6, .from_us = INT64_MIN, .to_us = INT64_MAX};
    assert_int_equal(part_merge(&m, &out).code, ERR_OK);
    struct world_choice c = everything(&w);
    c.merged = false;
    world_compare(&w, &c, out);
    part_unref(out);
    for (uint32_t i = 0; i < 6; i++)
        part_unref(parts[i]);
    world_free(&w);
}

/* ---- rewrap ---- */

static void rewrapped_texts_open_with_the_new_key_only(void **state) {
    (void)state;
    struct world w;
    struct world_plan plan = random_plan(903);
    plan.fill = 90;
    world_make(&w, &plan);
    char path[] = "/tmp/weir-part-XXXXXX";
    close(mkstemp(path));
    struct team_secret next;
    team_generate(&next);
    struct part *p = world_build(&w, 0, plan.frames), *q = NULL;
    assert_int_equal(part_rewrap(p, &w.team, &next.pub, path).code, ERR_OK);
    assert_int_equal(part_open(path, &q).code, ERR_OK);
    struct part_sealed s;
    uint8_t key[32];
    size_t at = 0, n = 0;
    while (part_sealed_next(q, &at, &s)) {
        assert_int_equal(seal_open_box(s.box, &w.team, 7, s.text.frame, key).code, ERR_DENIED);
        assert_int_equal(seal_open_box(s.box, &next, 7, s.text.frame, key).code, ERR_OK);
        n++;
    }
    assert_true(n > 0);
    w.team = next;
    struct world_choice c = {.to_frame = plan.frames, .from_us = INT64_MIN, .to_us = INT64_MAX};
    world_compare(&w, &c, q);
    part_unref(p);
    part_unref(q);
    unlink(path);
    world_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_merges_to_the_same),
        cmocka_unit_test(merging_in_steps_equals_merging_at_once),
        cmocka_unit_test(large_merges_cross_windows),
        cmocka_unit_test(a_time_range_keeps_only_its_rows_and_their_texts),
        cmocka_unit_test(a_dropped_person_takes_texts_that_only_they_had),
        cmocka_unit_test(nothing_left_gives_no_part),
        cmocka_unit_test(the_identity_map_is_applied_physically),
        cmocka_unit_test(an_erased_persons_bytes_are_gone_from_the_file),
        cmocka_unit_test(a_text_that_one_source_has_readable_loses_its_ciphertext),
        cmocka_unit_test(rewrapped_texts_open_with_the_new_key_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
