/* The disk fails at its n-th write, sync or cut, for every n: nothing acknowledged is lost, nothing
 * refused stays.
 *
 * The program's own pwritev, fdatasync, fsync and ftruncate stand in front of libc's (with 64-bit
 * offsets the compiler emits them under glibc's 64-bit names, as it does the calls). */
#include "samples.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static struct {
    long left;   /* calls until one fails; negative: never */
    int os;      /* the errno it fails with */
    bool sticky; /* all later ones fail too */
    bool half;   /* a failing write takes half of its bytes first */
    long calls;
} disk;

static bool fails(void) {
    disk.calls++;
    if (disk.left < 0) return false;
    if (disk.left > 0) {
        disk.left--;
        return false;
    }
    if (!disk.sticky) disk.left = -1;
    errno = disk.os;
    return true;
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) {
    if (fails()) {
        if (disk.half && v[0].iov_len > 1)
            (void)syscall(SYS_pwrite64, fd, v[0].iov_base, v[0].iov_len / 2, at);
        errno = disk.os;
        return -1;
    }
    return syscall(SYS_pwritev, fd, v, n, at, 0);
}
int fdatasync(int fd) {
    return fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}
int fsync(int fd) {
    return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}
int ftruncate(int fd, off_t n) {
    return fails() ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

static int start(void **state) {
    (void)state;
    disk.left = -1;
    assert_ok(seal_start());
    return 0;
}

/* Appends groups 0..9, each tried until taken (with the disk healed after `patience` refusals);
 * counts the acknowledged. */
static void drive(struct journal *j, int patience) {
    for (unsigned i = 0; i < 10; i++) {
        struct str pair[2] = {sample_small(i * 2), sample_small(i * 2 + 1)};
        uint64_t position, before = journal_position(j);
        for (int tries = 0; journal_append(j, pair, 2, &position).code != ERR_OK; tries++) {
            assert_int_equal(journal_position(j), before);
            if (tries >= patience) disk.left = -1;
            assert_true(tries < patience + 3);
        }
        if (i == 5 && journal_rotate(j).code != ERR_OK) {
            disk.left = -1;
            assert_ok(journal_rotate(j));
        }
        free((char *)(uintptr_t)pair[0].p);
        free((char *)(uintptr_t)pair[1].p);
    }
}

/* Exactly the 20 frames, in order, whatever failed on the way. */
static void expect_twenty(const char *folder) {
    disk.left = -1;
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    AUTO(journal_reader_close) struct journal_reader *r = NULL;
    assert_ok(journal_reader_open(folder, 0, &r));
    for (unsigned i = 0; i < 20; i++) {
        struct str bytes;
        assert_ok(journal_next(r, journal_position(j), &bytes));
        struct frame f;
        assert_ok(frame_parse(bytes, &f));
        struct frame_event e;
        struct frame_profile p;
        assert_int_equal(frame_next(&f, &e, &p), RECORD_EVENT);
        assert_true(id128_eq(e.person, sample_id(i)));
        frame_done(&f);
    }
    struct str bytes;
    assert_err(journal_next(r, journal_position(j), &bytes), ERR_NOTFOUND);
    uint64_t frames, records, damage;
    assert_ok(journal_check(folder, &frames, &records, &damage));
    assert_int_equal(frames, 20);
    journal_close(j);
}

/* One run for each n, until a run makes fewer than n calls. */
static void fail_each(int os, bool sticky, bool half, int patience) {
    for (long n = 0;; n++) {
        char *folder = sample_folder();
        disk.left = -1;
        struct journal *j;
        assert_ok(journal_open(folder, &j));
        disk.left = n;
        disk.os = os;
        disk.sticky = sticky;
        disk.half = half;
        drive(j, patience);
        bool all_passed = disk.left > 0; /* the n-th call never came */
        journal_close(j);
        expect_twenty(folder);
        sample_remove(folder);
        if (all_passed) return;
    }
}

static void each_call_fails_once_with_an_io_error(void **state) {
    (void)state;
    fail_each(EIO, false, true, 0);
}

static void the_disk_is_full_from_each_call_on_and_recovers(void **state) {
    (void)state;
    fail_each(ENOSPC, true, true, 3);
}

static void even_the_cut_fails_for_a_while(void **state) {
    (void)state;
    fail_each(EIO, true, false, 5);
}

/* The process dies instead of retrying: what was acknowledged is there, what was not is whole or
 * gone. */
static void death_at_each_call_keeps_what_was_acknowledged(void **state) {
    (void)state;
    for (long n = 0; n < 40; n++) {
        char *folder = sample_folder();
        disk.left = -1;
        struct journal *j;
        assert_ok(journal_open(folder, &j));
        disk.left = n;
        disk.os = EIO;
        disk.sticky = true;
        disk.half = true;
        unsigned acknowledged = 0;
        for (unsigned i = 0; i < 10; i++) {
            struct str pair[2] = {sample_small(i * 2), sample_small(i * 2 + 1)};
            uint64_t position;
            struct err e = journal_append(j, pair, 2, &position);
            free((char *)(uintptr_t)pair[0].p);
            free((char *)(uintptr_t)pair[1].p);
            if (e.code != ERR_OK) break;
            acknowledged++;
        }
        disk.left = -1;
        journal_close(j); /* closing writes nothing: the same as dying */
        assert_ok(journal_open(folder, &j));
        uint64_t frames, records, damage;
        assert_ok(journal_check(folder, &frames, &records, &damage));
        assert_int_equal(frames % 2, 0); /* groups are whole */
        assert_true(frames >= acknowledged * 2 && frames <= (acknowledged + 1) * 2);
        journal_close(j);
        sample_remove(folder);
    }
}

static void a_full_disk_is_told_as_full(void **state) {
    (void)state;
    char *folder = sample_folder();
    struct journal *j;
    assert_ok(journal_open(folder, &j));
    struct str frame = sample_small(1);
    uint64_t position;
    disk.left = 0;
    disk.os = ENOSPC;
    disk.sticky = false;
    assert_err(journal_append(j, &frame, 1, &position), ERR_FULL);
    disk.left = 1; /* the write passes, the sync fails */
    disk.os = EIO;
    assert_err(journal_append(j, &frame, 1, &position), ERR_IO);
    disk.left = -1;
    assert_ok(journal_append(j, &frame, 1, &position));
    assert_int_equal(position, frame.n + 32);
    free((char *)(uintptr_t)frame.p);
    journal_close(j);
    sample_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_fails_once_with_an_io_error),
        cmocka_unit_test(the_disk_is_full_from_each_call_on_and_recovers),
        cmocka_unit_test(even_the_cut_fails_for_a_while),
        cmocka_unit_test(death_at_each_call_keeps_what_was_acknowledged),
        cmocka_unit_test(a_full_disk_is_told_as_full),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
