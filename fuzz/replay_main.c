/* replay_main.c: runs a fuzz target over its corpus as a plain test, under any compiler and
 * sanitizer.
 *
 *   NAME_replay FOLDER     every file of FOLDER, and the empty input; a missing FOLDER is an empty
 * one
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "fuzz.h"

#define INPUT_MAX_BYTES ((size_t)16 << 20)

static bool replay(const char *folder, const char *name) {
    char path[4096];
    AUTO(buf_done) struct buf b;
    buf_init(&b, INPUT_MAX_BYTES + 1);
    path_join(path, sizeof path, folder, name);
    struct err e = io_read_file(path, INPUT_MAX_BYTES, &b);
    if (e.code != ERR_OK) {
        log_failure(path, e);
        return false;
    }
    /* an exact copy, so that a sanitizer sees a read behind its end */
    uint8_t *copy = malloc(b.n ? b.n : 1);
    if (!copy) return false;
    if (b.n > 0) memcpy(copy, b.p, b.n);
    LLVMFuzzerTestOneInput(copy, b.n);
    free(copy);
    return true;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    log_open("fuzz-replay");
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    DIR *folder = opendir(argv[1]);
    int inputs_n = 0, failed_n = 0;
    for (struct dirent *d; folder && (d = readdir(folder));) {
        if (d->d_name[0] == '.') continue;
        inputs_n++;
        failed_n += !replay(argv[1], d->d_name);
    }
    if (folder) closedir(folder);
    printf("%d inputs replayed\n", inputs_n);
    return failed_n > 0;
}
