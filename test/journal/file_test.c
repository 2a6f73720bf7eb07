/* The files: what was appended is read back, through every crash, cut and flipped bit. */
#include "samples.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define FIRST "00000000000000000000.wj"

static struct str groups[6][3]; /* frames of six groups: 1, 2, 3, 1, 2, 3 frames */
static size_t group_n[6];
static uint64_t group_end[7]; /* position behind group i - 1 */

static int start(void **state) {
    (void)state;
    assert_ok(seal_start());
    unsigned number = 0;
    for (size_t i = 0; i < 6; i++) {
        group_n[i] = i % 3 + 1;
        group_end[i + 1] = group_end[i] + 32;
        for (size_t k = 0; k < group_n[i]; k++) {
            groups[i][k] = sample_small(number++);
            group_end[i + 1] += groups[i][k].n;
        }
    }
    return 0;
}

static void fill(struct journal *j, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        uint64_t position;
        assert_ok(journal_append(j, groups[i], group_n[i], &position));
        assert_int_equal(position, journal_position(j));
    }
}

/* Reads frames up to the limit and holds them to groups [from, to). */
static void expect(const char *folder, uint64_t position, uint64_t limit, size_t from, size_t to) {
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    assert_ok(journal_reader_open(folder, position, &r));
    struct str frame;
    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < group_n[i]; k++) {
            assert_ok(journal_next(r, limit, &frame));
            assert_true(str_eq(frame, groups[i][k]));
        }
    assert_err(journal_next(r, limit, &frame), ERR_NOTFOUND);
    assert_int_equal(journal_reader_position(r), limit);
}

static void what_was_appended_is_read_back_after_opening_again(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    assert_int_equal(journal_position(j), 0);
    fill(j, 0, 3);
    journal_close(j);
    assert_ok(journal_open(folder, &j));
    assert_int_equal(journal_position(j), group_end[3]);
    fill(j, 3, 6);
    journal_close(j);
    expect(folder, 0, group_end[6], 0, 6);
    expect(folder, group_end[2], group_end[5], 2, 5);
    sample_remove(folder);
}

static void a_reader_follows_a_writer_over_rotations(void **state) {
    (void)state;
    char *folder = sample_folder();
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    assert_ok(journal_reader_open(folder, 0, &r)); /* before the writer has begun */
    struct str frame;
    assert_err(journal_next(r, 0, &frame), ERR_NOTFOUND);
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    for (size_t i = 0; i < 6; i++) {
        fill(j, i, i + 1);
        for (size_t k = 0; k < group_n[i]; k++) {
            assert_ok(journal_next(r, journal_position(j), &frame));
            assert_true(str_eq(frame, groups[i][k]));
        }
        assert_int_equal(journal_reader_position(r), journal_position(j));
        if (i % 2) assert_ok(journal_rotate(j));
        assert_ok(journal_rotate(j)); /* an empty file stays */
        assert_err(journal_next(r, journal_position(j), &frame), ERR_NOTFOUND);
    }
    journal_close(j);
    expect(folder, 0, group_end[6], 0, 6);
    sample_remove(folder);
}

static void a_reader_sees_nothing_beyond_its_limit(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 2);
    expect(folder, 0, group_end[1], 0, 1);
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    assert_ok(journal_reader_open(folder, 0, &r));
    struct str frame;
    assert_err(journal_next(r, groups[0][0].n - 1, &frame), ERR_NOTFOUND);
    assert_ok(journal_next(r, group_end[1], &frame));
    /* What lies behind the limit is cut back and written anew: the reader must not have kept it. */
    journal_close(j);
    char path[4200];
    path_join(path, sizeof path, folder, FIRST);
    assert_int_equal(truncate(path, (off_t)group_end[1]), 0);
    path_join(path, sizeof path, folder, "synced"); /* the note had not reached the disk */
    assert_int_equal(unlink(path), 0);
    assert_ok(journal_open(folder, &j));
    fill(j, 4, 5);
    assert_ok(journal_next(r, journal_position(j), &frame));
    assert_true(str_eq(frame, groups[4][0]));
    journal_close(j);
    sample_remove(folder);
}

/* A power cut before the note of the synced position reached the disk. */
static void forget_note(const char *folder) {
    char path[4200];
    path_join(path, sizeof path, folder, "synced");
    assert_int_equal(unlink(path), 0);
}

static size_t whole_groups(size_t bytes) {
    size_t i = 0;
    while (i < 6 && group_end[i + 1] <= bytes)
        i++;
    return i;
}

static void torn_tail_is_cut_at_every_length(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 3);
    journal_close(j);
    struct str all = sample_read(folder, FIRST);
    assert_int_equal(all.n, group_end[3]);
    for (size_t n = 0; n <= all.n; n++) {
        sample_write(folder, FIRST, (struct str){all.p, n});
        forget_note(folder);
        size_t whole = whole_groups(n);
        assert_ok(journal_open(folder, &j));
        assert_int_equal(journal_position(j), group_end[whole]);
        fill(j, 5, 6); /* and it can be written on */
        uint64_t end = journal_position(j);
        journal_close(j);
        if (whole > 0) expect(folder, 0, group_end[whole], 0, whole);
        expect(folder, group_end[whole], end, 5, 6);
    }
    free((char *)(uintptr_t)all.p);
    sample_remove(folder);
}

/* Pages of the last group may reach the disk in any order: any of its bytes may be missing while
 * later ones are there. */
static void holes_in_the_last_group_cut_it_whole(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 3);
    journal_close(j);
    struct str all = sample_read(folder, FIRST);
    char *copy = malloc(all.n);
    for (size_t at = group_end[2]; at < all.n; at++) {
        memcpy(copy, all.p, all.n);
        memset(copy + at, 0, all.n - at < 64 ? all.n - at : 64);
        if (memcmp(copy, all.p, all.n) == 0) continue;
        sample_write(folder, FIRST, (struct str){copy, all.n});
        forget_note(folder);
        assert_ok(journal_open(folder, &j));
        assert_int_equal(journal_position(j), group_end[2]);
        journal_close(j);
    }
    free(copy);
    free((char *)(uintptr_t)all.p);
    sample_remove(folder);
}

/* A flipped bit before the last group is damage, not a tear: the prefix is kept, the rest is set
 * aside, and no position is given out twice. */
static void damage_before_the_last_group_is_set_aside_not_thrown_away(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 4);
    journal_close(j);
    struct str all = sample_read(folder, FIRST);
    char *copy = malloc(all.n);
    for (size_t at = group_end[1]; at < group_end[2]; at += 3) {
        memcpy(copy, all.p, all.n);
        copy[at] = (char)(copy[at] ^ 4);
        sample_write(folder, FIRST, (struct str){copy, all.n});
        forget_note(folder);
        assert_ok(journal_open(folder, &j));
        assert_int_equal(journal_position(j), group_end[4]);
        assert_true(journal_met_damage(j));
        char name[64], path[4200];
        (void)snprintf(name, sizeof name, "%020" PRIu64 ".damaged", group_end[1]);
        struct str aside = sample_read(folder, name);
        assert_true(str_eq(aside, (struct str){copy + group_end[1], all.n - group_end[1]}));
        free((char *)(uintptr_t)aside.p);
        uint64_t position;
        assert_ok(journal_append(j, groups[5], group_n[5], &position));
        journal_close(j);
        assert_ok(journal_open(folder, &j)); /* opening again changes nothing */
        assert_int_equal(journal_position(j), position);
        journal_close(j);

        AUTO(journal_reader_close) struct journal_reader *r = NULL;
        assert_ok(journal_reader_open(folder, 0, &r));
        struct str frame;
        assert_ok(journal_next(r, position, &frame));
        assert_true(str_eq(frame, groups[0][0]));
        assert_ok(journal_next(r, position, &frame)); /* over the gap */
        assert_true(str_eq(frame, groups[5][0]));

        uint64_t frames, records, damage = 0;
        assert_err(journal_check(folder, &frames, &records, &damage), ERR_CORRUPT);
        assert_int_equal(damage, group_end[1]);
        path_join(path, sizeof path, folder, name);
        assert_int_equal(unlink(path), 0);
        (void)snprintf(name, sizeof name, "%020" PRIu64 ".wj", group_end[4]);
        path_join(path, sizeof path, folder, name);
        assert_int_equal(unlink(path), 0);
    }
    free(copy);
    free((char *)(uintptr_t)all.p);
    sample_remove(folder);
}

/* After damage to the last group: it is set aside, and writing goes on behind it. */
static void expect_set_aside(const char *folder, struct str left) {
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    assert_true(journal_met_damage(j));
    assert_int_equal(journal_position(j), group_end[3]);
    char name[64], path[4200];
    (void)snprintf(name, sizeof name, "%020" PRIu64 ".damaged", group_end[2]);
    struct str aside = sample_read(folder, name);
    assert_true(str_eq(aside, left));
    free((char *)(uintptr_t)aside.p);
    uint64_t position, frames, records, damage = 0;
    assert_ok(journal_append(j, groups[5], group_n[5], &position));
    journal_close(j);
    expect(folder, group_end[3], position, 5, 6);
    assert_err(journal_check(folder, &frames, &records, &damage), ERR_CORRUPT);
    assert_int_equal(damage, group_end[2]);
    path_join(path, sizeof path, folder, name);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(name, sizeof name, "%020" PRIu64 ".wj", group_end[3]);
    path_join(path, sizeof path, folder, name);
    assert_int_equal(unlink(path), 0);
}

/* The note of the synced position tells damage to the last group, or its loss, from a tear: what
 * was answered 200 is not cut as if it had never been, and no position is given out twice. */
static void damage_to_the_last_group_is_told_by_the_note(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 3);
    journal_close(j);
    struct str all = sample_read(folder, FIRST), note = sample_read(folder, "synced");
    char *copy = malloc(all.n);
    for (size_t at = group_end[2]; at < all.n; at += 5) {
        memcpy(copy, all.p, all.n);
        copy[at] = (char)(copy[at] ^ 0x80);
        sample_write(folder, FIRST, (struct str){copy, all.n});
        sample_write(folder, "synced", note);
        expect_set_aside(folder, (struct str){copy + group_end[2], all.n - group_end[2]});
        sample_write(folder, FIRST, (struct str){all.p, at});
        sample_write(folder, "synced", note);
        expect_set_aside(folder, (struct str){all.p + group_end[2], at - group_end[2]});
    }
    free(copy);
    free((char *)(uintptr_t)all.p);
    free((char *)(uintptr_t)note.p);
    sample_remove(folder);
}

static void emptied_damage_is_gone_and_its_gap_stays_known(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 4);
    journal_close(j);
    struct str all = sample_read(folder, FIRST);
    ((char *)(uintptr_t)all.p)[group_end[1] + 40] ^= 4;
    sample_write(folder, FIRST, all);
    forget_note(folder);
    assert_ok(journal_open(folder, &j));
    assert_true(journal_met_damage(j));
    journal_close(j);
    size_t n = 0;
    assert_ok(journal_empty_damaged(folder, &n));
    assert_int_equal(n, 1);
    char name[64];
    (void)snprintf(name, sizeof name, "%020" PRIu64 ".damaged", group_end[1]);
    struct str left = sample_read(folder, name);
    assert_int_equal(left.n, 0);
    free((char *)(uintptr_t)left.p);
    assert_ok(journal_empty_damaged(folder, &n));
    assert_int_equal(n, 0);
    assert_ok(journal_open(folder, &j)); /* the gap is no missing file */
    assert_int_equal(journal_position(j), group_end[4]);
    journal_close(j);
    free((char *)(uintptr_t)all.p);
    sample_remove(folder);
}

/* A note that is not whole says nothing. */
static void a_torn_note_is_no_note(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 3);
    journal_close(j);
    struct str all = sample_read(folder, FIRST), note = sample_read(folder, "synced");
    for (size_t n = 0; n <= note.n; n++) {
        char bytes[16];
        assert_true(note.n == sizeof bytes);
        memcpy(bytes, note.p, sizeof bytes);
        if (n < sizeof bytes) bytes[n] = (char)(bytes[n] ^ 1);
        sample_write(folder, "synced",
                     (struct str){bytes, n < sizeof bytes ? sizeof bytes : n - 1});
        sample_write(folder, FIRST, (struct str){all.p, all.n - 1});
        assert_ok(journal_open(folder, &j));
        assert_false(journal_met_damage(j));
        assert_int_equal(journal_position(j), group_end[2]);
        journal_close(j);
    }
    free((char *)(uintptr_t)all.p);
    free((char *)(uintptr_t)note.p);
    sample_remove(folder);
}

static void a_newer_version_is_refused_and_untouched(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 2);
    journal_close(j);
    struct str all = sample_read(folder, FIRST);
    ((char *)(uintptr_t)all.p)[group_end[1] + 7] = '2';
    sample_write(folder, FIRST, all);
    assert_err(journal_open(folder, &j), ERR_CORRUPT);
    struct str again = sample_read(folder, FIRST);
    assert_true(str_eq(all, again));
    free((char *)(uintptr_t)all.p);
    free((char *)(uintptr_t)again.p);
    sample_remove(folder);
}

static void a_damaged_older_file_is_told(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 2);
    assert_ok(journal_rotate(j));
    fill(j, 2, 3);
    journal_close(j);
    struct str all = sample_read(folder, FIRST);
    sample_write(folder, FIRST, (struct str){all.p, all.n - 1});
    assert_err(journal_open(folder, &j), ERR_CORRUPT); /* too short */
    ((char *)(uintptr_t)all.p)[group_end[1] + 50] ^= 1;
    sample_write(folder, FIRST, all);
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    assert_ok(journal_reader_open(folder, 0, &r));
    struct str frame;
    assert_ok(journal_next(r, group_end[3], &frame));
    assert_err(journal_next(r, group_end[3], &frame), ERR_CORRUPT);
    uint64_t frames, records, damage = 0;
    assert_err(journal_check(folder, &frames, &records, &damage), ERR_CORRUPT);
    assert_int_equal(damage, group_end[1]);
    assert_int_equal(frames, 1);
    free((char *)(uintptr_t)all.p);
    sample_remove(folder);
}

static void covered_files_go_and_their_positions_are_gone(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    for (size_t i = 0; i < 3; i++) {
        fill(j, i, i + 1);
        assert_ok(journal_rotate(j));
    }
    assert_ok(journal_delete_below(folder, group_end[2] - 1));
    struct journal_reader *r;
    assert_err(journal_reader_open(folder, 0, &r), ERR_NOTFOUND);
    expect(folder, group_end[1], group_end[3], 1, 3);
    assert_ok(
        journal_delete_below(folder, UINT64_MAX)); /* the last file stays: it holds the position */
    journal_close(j);
    assert_ok(journal_open(folder, &j));
    assert_int_equal(journal_position(j), group_end[3]);
    fill(j, 3, 4);
    expect(folder, group_end[3], group_end[4], 3, 4);
    assert_err(journal_reader_open(folder, group_end[4] + 1, &r), ERR_CORRUPT);
    journal_close(j);
    sample_remove(folder);
}

static void check_counts_all_of_it(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    fill(j, 0, 3);
    assert_ok(journal_rotate(j));
    fill(j, 3, 6);
    uint64_t frames, records, damage;
    assert_ok(journal_check(folder, &frames, &records, &damage));
    assert_int_equal(frames, 12);
    assert_int_equal(records, 12);
    journal_close(j);
    sample_remove(folder);
}

static void rewrapped_frames_open_with_the_new_key_alone(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct team_secret old, next;
    team_generate(&old);
    team_generate(&next);
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    uint64_t position;
    for (unsigned i = 0; i < 3; i++) {
        struct str pair[2] = {sample_frame(&old.pub, 5, i), sample_small(i)};
        assert_ok(journal_append(j, pair, 2, &position));
        assert_ok(journal_rotate(j));
        free((char *)(uintptr_t)pair[0].p);
        free((char *)(uintptr_t)pair[1].p);
    }
    journal_close(j);
    assert_ok(journal_rewrap(folder, &old, &next.pub));
    assert_ok(journal_rewrap(folder, &old, &next.pub)); /* again: nothing to do */
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    assert_ok(journal_reader_open(folder, 0, &r));
    for (unsigned i = 0; i < 6; i++) {
        struct str bytes;
        assert_ok(journal_next(r, position, &bytes));
        struct frame f;
        assert_ok(frame_parse(bytes, &f));
        uint8_t key[32];
        if (f.box) {
            assert_int_equal(f.team_key_id, next.pub.id);
            assert_ok(seal_open_box(f.box, &next, f.project, f.id, key));
            assert_err(seal_open_box(f.box, &old, f.project, f.id, key), ERR_DENIED);
        }
        frame_done(&f);
    }
    sample_remove(folder);
}

static void a_file_is_closed_when_it_has_grown(void **state) {
    (void)state;
    char *folder = sample_folder();
    AUTO(frame_writer_free) struct frame_writer *w = frame_writer_new();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    char *mb = calloc(1, 1 << 20);
    struct team_public team = {.id = 1};
    frame_begin(w, 1, &team, 1);
    for (uint64_t n = 0; n < 60; n++) {
        struct frame_text t = {.hash = sample_id(n),
                               .kind = TEXT_EVENT,
                               .type = 's',
                               .state = 2,
                               .path = FRAME_NO_PATH,
                               .bytes = {mb, 1 << 20}};
        uint32_t i;
        assert_ok(frame_add_text(w, &t, &i));
    }
    struct str big;
    assert_ok(frame_finish(w, &big));
    uint64_t position = 0;
    for (int i = 0; i < 6; i++)
        assert_ok(journal_append(j, &big, 1, &position));
    journal_close(j);
    char name[64], path[4200];
    (void)snprintf(name, sizeof name, "%020" PRIu64 ".wj", 5 * (big.n + 32));
    path_join(path, sizeof path, folder, name);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    assert_ok(journal_reader_open(folder, 0, &r));
    struct str frame;
    for (int i = 0; i < 6; i++) {
        assert_ok(journal_next(r, position, &frame));
        assert_true(str_eq(frame, big));
    }
    assert_err(journal_next(r, position, &frame), ERR_NOTFOUND);
    free(mb);
    sample_remove(folder);
}

static int stop(void **state) {
    (void)state;
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < group_n[i]; k++)
            free((char *)(uintptr_t)groups[i][k].p);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_is_read_back_after_opening_again),
        cmocka_unit_test(a_reader_follows_a_writer_over_rotations),
        cmocka_unit_test(a_reader_sees_nothing_beyond_its_limit),
        cmocka_unit_test(torn_tail_is_cut_at_every_length),
        cmocka_unit_test(holes_in_the_last_group_cut_it_whole),
        cmocka_unit_test(damage_before_the_last_group_is_set_aside_not_thrown_away),
        cmocka_unit_test(emptied_damage_is_gone_and_its_gap_stays_known),
        cmocka_unit_test(damage_to_the_last_group_is_told_by_the_note),
        cmocka_unit_test(a_torn_note_is_no_note),
        cmocka_unit_test(a_newer_version_is_refused_and_untouched),
        cmocka_unit_test(a_damaged_older_file_is_told),
        cmocka_unit_test(covered_files_go_and_their_positions_are_gone),
        cmocka_unit_test(check_counts_all_of_it),
        cmocka_unit_test(rewrapped_frames_open_with_the_new_key_alone),
        cmocka_unit_test(a_file_is_closed_when_it_has_grown),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
