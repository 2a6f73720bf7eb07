/* The published vectors: what C computes is what is published, and C opens and refuses what is
 * published. The same files are read by test/vectors/vectors.test.js with libsodium's JavaScript.
 *
 * After a deliberate change of the format: WEIR_WRITE_VECTORS=1 build/test/seal-vectors_test
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "seal/seal.h"
#include "vectors.h"

static struct buf published(const char *name) {
    char path[512];
    struct buf b;
    path_join(path, sizeof path, TEST_SOURCE_ROOT "/test/vectors", name);
    buf_init(&b, VECTORS_MAX_BYTES);
    assert_int_equal(io_read_file(path, VECTORS_MAX_BYTES - 1, &b).code, ERR_OK);
    return b;
}

static void what_is_computed_is_what_is_published(void **state) {
    for (size_t i = 0; i < VECTOR_FILES; i++) {
        char path[512];
        AUTO(buf_done) struct buf made;
        buf_init(&made, VECTORS_MAX_BYTES);
        vector_files[i].write(&made);
        assert_int_equal(buf_err(&made).code, ERR_OK);
        path_join(path, sizeof path, TEST_SOURCE_ROOT "/test/vectors", vector_files[i].name);
        if (getenv("WEIR_WRITE_VECTORS"))
            assert_int_equal(io_replace_file(path, buf_str(&made), 0644).code, ERR_OK);
        AUTO(buf_done) struct buf there = published(vector_files[i].name);
        assert_true(str_eq(buf_str(&there), buf_str(&made)));
    }
}

enum refused { OPENED, AT_BOX, AT_TEXT, AT_HASH };

/* The opener's whole way for one published case. */
static enum refused open_case(struct str line, uint8_t *out, size_t *out_n) {
    struct team_secret team = {0};
    struct seal_keys keys = {0};
    struct sealed_text t = {0};
    uint8_t box[SEAL_BOX_BYTES], ciphertext[1024], path[64], frame_key[32];
    vector_hex(line, "team_public", team.pub.key, 32);
    vector_hex(line, "team_secret", team.key, 32);
    team.pub.id = team_key_id(team.pub.key);
    vector_hex(line, "hash_key", keys.hash, 16);
    vector_hex(line, "hash", t.hash.b, 16);
    vector_hex(line, "frame", t.frame.b, 16);
    vector_hex(line, "box", box, sizeof box);
    t.ordinal = vector_number(line, "ordinal");
    t.kind = (uint8_t)vector_number(line, "kind");
    t.type = (uint8_t)vector_number(line, "type");
    t.ciphertext = (struct str){(const char *)ciphertext,
                                vector_hex(line, "ciphertext", ciphertext, sizeof ciphertext)};
    struct str path_str = {(const char *)path, vector_hex(line, "path", path, sizeof path)};
    uint64_t project = vector_number(line, "project");

    if (seal_open_box(box, &team, project, t.frame, frame_key).code != ERR_OK) return AT_BOX;
    if (seal_open_text(frame_key, project, &t, out, out_n).code != ERR_OK) return AT_TEXT;
    struct str text = {(const char *)out, *out_n};
    return seal_text_is(&keys, &t, path_str, text) ? OPENED : AT_HASH;
}

static void what_is_published_opens(void **state) {
    AUTO(buf_done) struct buf file = published("sealed.json");
    size_t cases = 0;
    for (struct str line; (line = vector_case(buf_str(&file), cases)).n > 0; cases++) {
        uint8_t out[1024], value[1024];
        size_t n = 0, value_n = vector_hex(line, "value", value, sizeof value);
        assert_int_equal(open_case(line, out, &n), OPENED);
        assert_int_equal(n, value_n);
        assert_memory_equal(out, value, n);
    }
    assert_int_equal(cases, 8);
}

static void what_must_be_refused_is_and_at_its_check(void **state) {
    AUTO(buf_done) struct buf file = published("refused.json");
    size_t cases = 0;
    for (struct str line; (line = vector_case(buf_str(&file), cases)).n > 0; cases++) {
        uint8_t out[1024];
        size_t n = 0;
        struct str at = vector_field(line, "refused_at");
        enum refused expected = str_is(at, "box") ? AT_BOX : str_is(at, "text") ? AT_TEXT : AT_HASH;
        assert_int_equal(open_case(line, out, &n), expected);
    }
    assert_int_equal(cases, 20);
}

static void the_published_wrapped_key_opens_both_ways(void **state) {
    AUTO(buf_done) struct buf b = published("wrapped.json");
    struct str line = vector_case(buf_str(&b), 0);
    uint8_t file[4096], passphrase[64], secret[32];
    struct str wrapped = {(const char *)file, vector_hex(line, "file", file, sizeof file)};
    struct str words = {(const char *)passphrase,
                        vector_hex(line, "passphrase", passphrase, sizeof passphrase)};
    vector_hex(line, "team_secret", secret, 32);
    struct team_secret t;
    assert_int_equal(team_secret_unwrap(wrapped, words, &t).code, ERR_OK);
    assert_memory_equal(t.key, secret, 32);
    memset(&t, 0, sizeof t);
    assert_int_equal(team_secret_unwrap(wrapped, vector_field(line, "recovery"), &t).code, ERR_OK);
    assert_memory_equal(t.key, secret, 32);
}

int main(void) {
    if (seal_start().code != ERR_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_computed_is_what_is_published),
        cmocka_unit_test(what_is_published_opens),
        cmocka_unit_test(what_must_be_refused_is_and_at_its_check),
        cmocka_unit_test(the_published_wrapped_key_opens_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
