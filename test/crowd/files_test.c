/* The set and the candidates on disk: what was saved comes back, and nothing that was touched does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crowd/crowd.h"

struct world {
    char folder[64];
    char path[96];
};

static int world_make(void **state) {
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->folder, "/tmp/weir-crowd-XXXXXX");
    if (!mkdtemp(w->folder)) return 1;
    path_join(w->path, sizeof w->path, w->folder, "file");
    *state = w;
    return 0;
}

static int world_free(void **state) {
    struct world *w = *state;
    unlink(w->path);
    rmdir(w->folder);
    free(w);
    return 0;
}

static struct id128 text(uint64_t number) {
    static const struct seal_keys keys = {.hash = {1, 2, 3}};
    struct str value = {(const char *)&number, sizeof number};
    return seal_hash(&keys, TEXT_VALUE, TEXT_STRING, STR("p"), value);
}

static void see(struct crowd *c, uint64_t t, uint64_t from, uint64_t to, uint32_t needed) {
    for (uint64_t p = from; p < to; p++)
        crowd_see(c, text(t), p * 0x9e3779b97f4a7c15 + 1, needed);
}

static struct buf file_bytes(const struct world *w) {
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(io_read_file(w->path, (1 << 20) - 1, &b).code, ERR_OK);
    return b;
}

/* Puts the checksum right again and writes the file. */
static void put_resealed(const struct world *w, struct buf *b) {
    uint64_t sum = checksum64(b->p, b->n - 8);
    memcpy(b->p + b->n - 8, &sum, 8);
    assert_int_equal(io_replace_file(w->path, buf_str(b), 0600).code, ERR_OK);
}

static int set_code(const struct world *w) {
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    uint64_t position = 77;
    int code = crowd_set_read(w->path, c, &position).code;
    if (code != ERR_OK) {
        assert_int_equal(position, 77);
        assert_int_equal(crowd_readable_n(c), 0);
    }
    return code;
}

static void a_set_reads_back_sorted_and_without_doubles(void **state) {
    const struct world *w = *state;
    struct id128 ids[1001];
    for (size_t i = 0; i < 1000; i++)
        ids[i] = text(i % 900);
    memset(&ids[1000], 0, 16);
    assert_int_equal(crowd_set_write(w->path, 123456, ids, 1001).code, ERR_OK);
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    uint64_t position = 0;
    assert_int_equal(crowd_set_read(w->path, c, &position).code, ERR_OK);
    assert_int_equal(position, 123456);
    assert_int_equal(crowd_readable_n(c), 900);
    for (uint64_t i = 0; i < 900; i++)
        assert_true(crowd_is_readable(c, text(i)));
    assert_false(crowd_is_readable(c, text(900)));
}

static void the_order_of_arrival_does_not_show(void **state) {
    const struct world *w = *state;
    struct id128 one[] = {text(1), text(2), text(3)}, two[] = {text(3), text(1), text(2)};
    assert_int_equal(crowd_set_write(w->path, 5, one, 3).code, ERR_OK);
    AUTO(buf_done) struct buf a = file_bytes(w);
    assert_int_equal(crowd_set_write(w->path, 5, two, 3).code, ERR_OK);
    AUTO(buf_done) struct buf b = file_bytes(w);
    assert_true(str_eq(buf_str(&a), buf_str(&b)));
}

static void an_empty_set_is_a_set_and_a_missing_file_is_not_found(void **state) {
    const struct world *w = *state;
    unlink(w->path);
    assert_int_equal(set_code(w), ERR_NOTFOUND);
    assert_int_equal(crowd_set_write(w->path, 0, NULL, 0).code, ERR_OK);
    assert_int_equal(set_code(w), ERR_OK);
}

static void a_set_joins_what_is_there(void **state) {
    const struct world *w = *state;
    struct id128 ids[] = {text(1), text(2)};
    assert_int_equal(crowd_set_write(w->path, 9, ids, 2).code, ERR_OK);
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    uint64_t position;
    assert_int_equal(crowd_add(c, text(2)).code, ERR_OK);
    crowd_admit(c, text(1));
    assert_int_equal(crowd_set_read(w->path, c, &position).code, ERR_OK);
    crowd_commit(c);
    assert_int_equal(crowd_readable_n(c), 2);
}

static void a_set_cut_or_flipped_anywhere_is_refused(void **state) {
    const struct world *w = *state;
    struct id128 ids[] = {text(1), text(2), text(3)};
    assert_int_equal(crowd_set_write(w->path, 9, ids, 3).code, ERR_OK);
    AUTO(buf_done) struct buf b = file_bytes(w);
    for (size_t i = 0; i < b.n; i++) {
        assert_int_equal(io_replace_file(w->path, (struct str){b.p, i}, 0600).code, ERR_OK);
        assert_int_equal(set_code(w), ERR_CORRUPT);
        b.p[i] ^= 1;
        assert_int_equal(io_replace_file(w->path, buf_str(&b), 0600).code, ERR_OK);
        assert_int_equal(set_code(w), ERR_CORRUPT);
        b.p[i] ^= 1;
    }
}

/* Every fault with a right checksum: count, order, doubles, the zero hash, bytes behind the end. */
static void a_set_with_a_right_checksum_is_still_checked(void **state) {
    const struct world *w = *state;
    struct id128 ids[] = {text(1), text(2), text(3)};
    assert_int_equal(crowd_set_write(w->path, 9, ids, 3).code, ERR_OK);
    for (int fault = 0; fault < 5; fault++) {
        assert_int_equal(crowd_set_write(w->path, 9, ids, 3).code, ERR_OK);
        AUTO(buf_done) struct buf b = file_bytes(w);
        if (fault == 0) b.p[16]++;
        if (fault == 1) memcpy(b.p + 24, b.p + 40, 16);
        if (fault == 2) memset(b.p + 24, 0, 16);
        if (fault == 3) buf_put_u64(&b, 0);
        if (fault == 4) b.p[23] = 0x10; /* n above 2^60: 16 n wraps */
        put_resealed(w, &b);
        assert_int_equal(set_code(w), ERR_CORRUPT);
    }
}

static void candidates_go_on_where_they_stood_and_the_file_is_gone(void **state) {
    const struct world *w = *state;
    AUTO(crowd_free) struct crowd *before = crowd_new(4096), *after = crowd_new(4096);
    for (uint64_t t = 0; t < 100; t++)
        see(before, t, 0, t, 1000); /* text t has t people: inline, one block, several */
    see(before, 200, 0, 9, 10);
    assert_int_equal(crowd_candidates_write(w->path, before).code, ERR_OK);
    assert_int_equal(crowd_candidates_read(w->path, after).code, ERR_OK);
    assert_int_equal(access(w->path, F_OK), -1);
    assert_int_equal(crowd_candidates_n(after), 100);
    for (uint64_t t = 1; t < 100; t++) {
        see(after, t, 0, t, (uint32_t)t + 1); /* the same people: counted already */
        assert_int_equal(crowd_see(after, text(t), 0, (uint32_t)t + 1), CROWD_SEALED);
        assert_int_equal(crowd_see(after, text(t), 12345, (uint32_t)t + 1), CROWD_BECOMES);
    }
}

static void saved_candidates_do_not_show_who_sent_two_texts(void **state) {
    const struct world *w = *state;
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    see(c, 1, 0, 1, 10);
    see(c, 2, 0, 1, 10);
    assert_int_equal(crowd_candidates_write(w->path, c).code, ERR_OK);
    AUTO(buf_done) struct buf b = file_bytes(w);
    assert_int_equal(b.n, 16 + 2 * 22 + 8);
    assert_memory_not_equal(b.p + 16 + 18, b.p + 16 + 22 + 18, 4);
}

static void a_reload_into_a_smaller_table_forgets_and_never_invents(void **state) {
    const struct world *w = *state;
    AUTO(crowd_free) struct crowd *before = crowd_new(8192), *after = crowd_new(16);
    for (uint64_t t = 0; t < 2000; t++)
        see(before, t, 0, 9, 10);
    assert_int_equal(crowd_candidates_write(w->path, before).code, ERR_OK);
    assert_int_equal(crowd_candidates_read(w->path, after).code, ERR_OK);
    assert_true(crowd_candidates_n(after) <= 16);
    for (uint64_t t = 0; t < 2000; t++)
        see(after, t, 0, 9, 10);
    crowd_commit(after);
    assert_int_equal(crowd_readable_n(after), 0);
}

static void candidates_that_are_readable_or_counted_again_stay_as_they_are(void **state) {
    const struct world *w = *state;
    AUTO(crowd_free) struct crowd *before = crowd_new(64), *after = crowd_new(64);
    see(before, 1, 0, 9, 10);
    see(before, 2, 0, 9, 10);
    assert_int_equal(crowd_candidates_write(w->path, before).code, ERR_OK);
    assert_int_equal(crowd_add(after, text(1)).code, ERR_OK);
    see(after, 2, 50, 51, 10);
    assert_int_equal(crowd_candidates_read(w->path, after).code, ERR_OK);
    assert_int_equal(crowd_candidates_n(after), 1);
    assert_int_equal(crowd_see(after, text(2), 60, 3), CROWD_SEALED);
}

static int candidates_code(const struct world *w) {
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    int code = crowd_candidates_read(w->path, c).code;
    assert_int_equal(access(w->path, F_OK), -1);
    if (code != ERR_OK) assert_int_equal(crowd_candidates_n(c), 0);
    return code;
}

static void broken_candidates_are_refused_and_removed(void **state) {
    const struct world *w = *state;
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    see(c, 1, 0, 2, 10);
    see(c, 2, 0, 5, 10);
    assert_int_equal(crowd_candidates_write(w->path, c).code, ERR_OK);
    AUTO(buf_done) struct buf b = file_bytes(w);
    for (size_t i = 0; i < b.n; i++) {
        assert_int_equal(io_replace_file(w->path, (struct str){b.p, i}, 0600).code, ERR_OK);
        assert_int_equal(candidates_code(w), ERR_CORRUPT);
        b.p[i] ^= 1;
        assert_int_equal(io_replace_file(w->path, buf_str(&b), 0600).code, ERR_OK);
        assert_int_equal(candidates_code(w), ERR_CORRUPT);
        b.p[i] ^= 1;
    }
}

/* A person twice in one text would make it readable early. */
static void candidates_with_a_person_twice_are_refused(void **state) {
    const struct world *w = *state;
    for (int fault = 0; fault < 5; fault++) {
        AUTO(crowd_free) struct crowd *c = crowd_new(64);
        see(c, 1, 0, 3, 10);
        see(c, 2, 0, 3, 10);
        assert_int_equal(crowd_candidates_write(w->path, c).code, ERR_OK);
        AUTO(buf_done) struct buf b = file_bytes(w);
        if (fault == 0) memcpy(b.p + 34, b.p + 38, 4);  /* one person twice */
        if (fault == 1) memcpy(b.p + 46, b.p + 16, 16); /* one text twice */
        if (fault == 2) memset(b.p + 32, 0, 2);         /* nobody */
        if (fault == 3) memset(b.p + 32, 0xff, 2);      /* more than ever needed */
        if (fault == 4) b.p[8] = 1;                     /* an entry behind the last */
        put_resealed(w, &b);
        assert_int_equal(candidates_code(w), ERR_CORRUPT);
    }
}

static void files_are_for_their_owner_alone(void **state) {
    const struct world *w = *state;
    AUTO(crowd_free) struct crowd *c = crowd_new(64);
    struct stat s;
    assert_int_equal(crowd_candidates_write(w->path, c).code, ERR_OK);
    assert_int_equal(stat(w->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(crowd_set_write(w->path, 0, NULL, 0).code, ERR_OK);
    assert_int_equal(stat(w->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
}

static void what_an_erasure_wants_forgotten_is_and_the_rest_stays(void **state) {
    struct world *w = *state;
    enum { N = 3000 };
    AUTO(crowd_free) struct crowd *c = crowd_new(1024);
    static struct id128 gone[N];
    size_t n = 0;
    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(crowd_add(c, text(i)).code, ERR_OK);
        if (i % 3 == 0) gone[n++] = text(i);
    }
    assert_int_equal(crowd_see(c, text(N), 1, 3), CROWD_SEALED);
    assert_int_equal(crowd_see(c, text(N + 1), 1, 3), CROWD_SEALED);
    gone[n++] = text(N);
    assert_int_equal(crowd_forget_write(w->path, false, gone, n).code, ERR_OK);
    assert_int_equal(crowd_forget_read(w->path, c).code, ERR_OK);
    for (uint64_t i = 0; i < N; i++)
        assert_int_equal(crowd_is_readable(c, text(i)), i % 3 != 0);
    assert_int_equal(crowd_readable_n(c), N - N / 3);
    assert_int_equal(crowd_candidates_n(c), 1);
    assert_int_equal(crowd_see(c, text(0), 1, 2), CROWD_SEALED); /* it begins at nobody again */
    assert_int_equal(crowd_see(c, text(0), 2, 2), CROWD_BECOMES);
    crowd_commit(c);
    assert_true(crowd_is_readable(c, text(0)));
    assert_int_equal(crowd_forget_write(w->path, true, NULL, 0).code, ERR_OK);
    assert_int_equal(crowd_forget_read(w->path, c).code, ERR_OK);
    assert_int_equal(crowd_candidates_n(c), 0);
    assert_true(crowd_is_readable(c, text(1)));
}

int main(void) {
    if (seal_start().code != ERR_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_reads_back_sorted_and_without_doubles),
        cmocka_unit_test(the_order_of_arrival_does_not_show),
        cmocka_unit_test(an_empty_set_is_a_set_and_a_missing_file_is_not_found),
        cmocka_unit_test(a_set_joins_what_is_there),
        cmocka_unit_test(a_set_cut_or_flipped_anywhere_is_refused),
        cmocka_unit_test(a_set_with_a_right_checksum_is_still_checked),
        cmocka_unit_test(candidates_go_on_where_they_stood_and_the_file_is_gone),
        cmocka_unit_test(saved_candidates_do_not_show_who_sent_two_texts),
        cmocka_unit_test(a_reload_into_a_smaller_table_forgets_and_never_invents),
        cmocka_unit_test(candidates_that_are_readable_or_counted_again_stay_as_they_are),
        cmocka_unit_test(broken_candidates_are_refused_and_removed),
        cmocka_unit_test(candidates_with_a_person_twice_are_refused),
        cmocka_unit_test(what_an_erasure_wants_forgotten_is_and_the_rest_stays),
        cmocka_unit_test(files_are_for_their_owner_alone),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
