/* pages.c: memory from the system itself, for tables that are large, looked into at random and
 * mostly empty: pages come zeroed when first touched, so what nobody uses costs nothing, also where
 * the allocator overwrites what it hands out (M_PERTURB).
 */
#include <stdio.h>
#include <sys/mman.h>

#include "base/sys.h"

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

static size_t whole(size_t n_bytes) {
    return (n_bytes + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
}

static void *map(size_t n) {
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Begins and ends where a huge page does: one more is asked for, and what is over given back. With
 * small pages most of the time of random access over megabytes goes into translating addresses. */
void *pages_new(size_t n_bytes) {
    if (n_bytes == 0 || n_bytes > SIZE_MAX / 4) return NULL;
    size_t n = whole(n_bytes);
    char *p = map(n + HUGE_PAGE_BYTES);
    if (!p) return NULL;
    size_t before = (HUGE_PAGE_BYTES - (uintptr_t)p % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
    if (before > 0) (void)munmap(p, before);
    if (before < HUGE_PAGE_BYTES) (void)munmap(p + before + n, HUGE_PAGE_BYTES - before);
    if (n_bytes >= 4 * HUGE_PAGE_BYTES) (void)madvise(p + before, n, MADV_HUGEPAGE);
    return p + before;
}

void pages_clear(void *p, size_t n_bytes) {
    if (p && madvise(p, whole(n_bytes), MADV_DONTNEED) != 0) memset(p, 0, n_bytes);
}

void pages_free(void *p, size_t n_bytes) {
    if (p) (void)munmap(p, whole(n_bytes));
}

/* A mapping that only shows a file's bytes: nothing was written to it here. */
struct view {
    uintptr_t from, to;
    bool of_file;
};

static bool read_head(const char *line, struct view *out) {
    unsigned long from, to;
    unsigned long long inode;
    char flags[5];
    if (sscanf(line, "%lx-%lx %4s %*s %*s %llu", &from, &to, flags, &inode) != 4) return false;
    bool readable =
        strcmp(flags, "r-xp") == 0 || strcmp(flags, "r--p") == 0 || strcmp(flags, "r--s") == 0;
    *out = (struct view){from, to, inode != 0 && readable};
    return true;
}

void pages_let_go(void) {
    FILE *f = fopen("/proc/self/smaps", "re");
    if (!f) return;
    char line[4400];
    struct view v = {0};
    unsigned long anonymous;
    while (fgets(line, sizeof line, f)) {
        if (read_head(line, &v) || sscanf(line, "Anonymous: %lu", &anonymous) != 1) continue;
        if (v.of_file && anonymous == 0)
            (void)madvise((void *)v.from, v.to - v.from, MADV_DONTNEED);
    }
    (void)fclose(f);
}
