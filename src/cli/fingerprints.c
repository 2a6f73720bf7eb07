#include "cli/fingerprints.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define RUN_N ((size_t)16 << 20)
#define MAX_RUNS 1024
#define READ_N 8192

struct fingerprints {
    char folder[4200];
    uint64_t *values, *scratch; /* [cap] */
    size_t n, cap;
    int fd; /* spill file, -1: none yet */
    uint64_t spilled_n;
    size_t run_n[MAX_RUNS];
    size_t runs;
};

struct fingerprints *fingerprints_new(const char *folder) {
    struct fingerprints *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->fd = -1;
    path_join(f->folder, sizeof f->folder, folder, "");
    return f;
}

void fingerprints_free(struct fingerprints *f) {
    if (!f) return;
    fd_close(f->fd);
    free(f->values);
    free(f->scratch);
    free(f);
}

/* Radix sort, a byte at a time; the values are uniform, so every pass does its work. */
static void sort(uint64_t *a, uint64_t *b, size_t n) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t at[256] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            at[(a[i] >> shift) & 255]++;
        for (size_t k = 0; k < 256; k++) {
            size_t count = at[k];
            at[k] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            b[at[(a[i] >> shift) & 255]++] = a[i];
        uint64_t *swap = a;
        a = b;
        b = swap;
    }
}

static struct err spill(struct fingerprints *f) {
    if (f->runs == MAX_RUNS) return ERR(ERR_LIMIT, "too many lines for one import");
    if (f->fd < 0) f->fd = open(f->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (f->fd < 0) return err_os("spill file");
    sort(f->values, f->scratch, f->n);
    TRY(io_write_all(f->fd, f->values, f->n * sizeof *f->values));
    f->run_n[f->runs++] = f->n;
    f->spilled_n += f->n;
    f->n = 0;
    return ERR_NONE;
}

static struct err grow(struct fingerprints *f) {
    size_t cap = f->cap ? f->cap * 4 : 65536;
    uint64_t *values = realloc(f->values, cap * sizeof *values);
    if (values) f->values = values;
    uint64_t *scratch = realloc(f->scratch, cap * sizeof *scratch);
    if (scratch) f->scratch = scratch;
    if (!values || !scratch) return ERR(ERR_NOMEM, "fingerprints");
    f->cap = cap;
    return ERR_NONE;
}

struct err fingerprints_add(struct fingerprints *f, uint64_t value) {
    if (f->n == f->cap) TRY(f->cap < RUN_N ? grow(f) : spill(f));
    f->values[f->n++] = value;
    return ERR_NONE;
}

/* ---- merging the runs ---- */

struct run {
    uint64_t at, left; /* in the file, in values */
    uint64_t window[READ_N];
    size_t i, n;
};

static struct err refill(int fd, struct run *r) {
    r->i = 0;
    r->n = r->left < READ_N ? (size_t)r->left : READ_N;
    if (r->n) TRY(io_pread_all(fd, r->window, r->n * sizeof *r->window, r->at * sizeof *r->window));
    r->at += r->n;
    r->left -= r->n;
    return ERR_NONE;
}

static struct err merge(struct fingerprints *f, struct run *runs, uint64_t *out) {
    uint64_t at = 0, duplicates = 0, last = 0;
    for (size_t k = 0; k < f->runs; k++) {
        runs[k] = (struct run){.at = at, .left = f->run_n[k]};
        at += f->run_n[k];
        TRY(refill(f->fd, &runs[k]));
    }
    for (uint64_t i = 0; i < f->spilled_n; i++) {
        struct run *least = NULL;
        for (size_t k = 0; k < f->runs; k++)
            if (runs[k].n && (!least || runs[k].window[runs[k].i] < least->window[least->i]))
                least = &runs[k];
        assert(least); /* the runs hold exactly spilled_n values */
        uint64_t value = least->window[least->i++];
        duplicates += i > 0 && value == last;
        last = value;
        if (least->i == least->n) TRY(refill(f->fd, least));
    }
    *out = duplicates;
    return ERR_NONE;
}

struct err fingerprints_duplicates(struct fingerprints *f, uint64_t *out) {
    if (f->runs == 0) {
        if (f->n) sort(f->values, f->scratch, f->n);
        *out = 0;
        for (size_t i = 1; i < f->n; i++)
            *out += f->values[i] == f->values[i - 1];
        return ERR_NONE;
    }
    TRY(spill(f));
    struct run *runs = calloc(f->runs, sizeof *runs);
    if (!runs) return ERR(ERR_NOMEM, "fingerprints");
    struct err e = merge(f, runs, out);
    free(runs);
    return e;
}
