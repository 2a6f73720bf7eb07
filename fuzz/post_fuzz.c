// modules: base json post
/* One packet as the other process could send it. Invariant: what is read as a beat is written back
 * and read again as the same beat. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "post/post.h"

static void check_beat(const struct json *v, struct arena *a) {
    struct post_beat b, again;
    if (post_read_beat(v, &b).code != ERR_OK) return;
    AUTO(buf_done) struct buf out;
    buf_init(&out, POST_MAX_BYTES);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    post_put_beat(&j, &b);
    jout_object_end(&j);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(POST_MAX_BYTES);
    const struct json *back = NULL;
    struct err e = json_parse_copy(p, buf_str(&out), a, &back);
    assert(e.code == ERR_OK && post_read_beat(back, &again).code == ERR_OK);
    assert(memcmp(&b, &again, sizeof b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    int fd[2];
    if (n == 0 || n > POST_MAX_BYTES) return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) != 0) return 0;
    struct post *p = NULL;
    AUTO(arena_free) struct arena *a = arena_new(0);
    struct err e = post_open(fd[0], &p);
    assert(e.code == ERR_OK && write(fd[1], bytes, n) == (ssize_t)n);
    struct post_message m;
    e = post_next(p, a, &m);
    assert(e.code == ERR_OK || e.code == ERR_INVALID);
    if (e.code == ERR_OK) {
        assert(m.kind < POST_KINDS_N && m.text.n == n);
        check_beat(m.body, a);
    }
    post_close(p);
    close(fd[0]);
    close(fd[1]);
    return 0;
}
