/* Sealing and opening: what was sealed opens, and nothing that was touched does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>

#include "seal/box.h"

struct world {
    struct team_secret team, stranger;
    struct seal_frame frame;
    uint8_t box[SEAL_BOX_BYTES];
};

static int world_make(void **state) {
    struct world *w = calloc(1, sizeof *w);
    team_generate(&w->team);
    team_generate(&w->stranger);
    seal_frame_init(&w->frame, 42, &w->team.pub);
    seal_frame_box(&w->frame, &w->team.pub, w->box);
    *state = w;
    return 0;
}

static int world_free(void **state) {
    free(*state);
    return 0;
}

/* Seals value at ordinal into `out` and describes it. */
static struct sealed_text sealed(const struct world *w, uint64_t ordinal, struct str value,
                                 uint8_t *out) {
    size_t n = seal_text(&w->frame, ordinal, value, out);
    return (struct sealed_text){
        .frame = w->frame.id, .ordinal = ordinal, .ciphertext = {(const char *)out, n}};
}

static bool opens(const struct world *w, const struct sealed_text *t, struct str expected) {
    uint8_t out[4096];
    size_t n = 99999;
    struct err e = seal_open_text(w->frame.key, w->frame.project, t, out, &n);
    if (e.code != ERR_OK) {
        assert_int_equal(e.code, ERR_DENIED);
        assert_int_equal(n, 99999);
        return false;
    }
    return str_eq((struct str){(const char *)out, n}, expected);
}

static void every_length_opens_and_shows_its_class_of_16_only(void **state) {
    const struct world *w = *state;
    char value[600];
    uint8_t out[sizeof value + 32];
    memset(value, 'x', sizeof value);
    for (size_t n = 0; n <= sizeof value; n++) {
        struct str text = {value, n};
        struct sealed_text t = sealed(w, n, text, out);
        assert_int_equal(t.ciphertext.n, seal_text_bytes(n));
        assert_int_equal(t.ciphertext.n, n / 16 * 16 + 32);
        assert_true(opens(w, &t, text));
    }
}

static void the_largest_text_opens(void **state) {
    const struct world *w = *state;
    char *value = calloc(1, SEAL_MAX_TEXT_BYTES);
    uint8_t *out = malloc(SEAL_MAX_TEXT_BYTES + 32), *back = malloc(SEAL_MAX_TEXT_BYTES + 32);
    struct sealed_text t = sealed(w, 0, (struct str){value, SEAL_MAX_TEXT_BYTES}, out);
    size_t n = 0;
    assert_int_equal(seal_open_text(w->frame.key, 42, &t, back, &n).code, ERR_OK);
    assert_int_equal(n, SEAL_MAX_TEXT_BYTES);
    assert_memory_equal(value, back, n);
    free(value);
    free(out);
    free(back);
}

static void equal_texts_look_unlike(void **state) {
    const struct world *w = *state;
    uint8_t a[64], b[64];
    struct sealed_text x = sealed(w, 0, STR("gold"), a), y = sealed(w, 1, STR("gold"), b);
    assert_false(str_eq(x.ciphertext, y.ciphertext));
}

static void swapped_ciphertexts_do_not_open(void **state) {
    const struct world *w = *state;
    uint8_t a[64], b[64];
    struct sealed_text x = sealed(w, 0, STR("gold"), a), y = sealed(w, 1, STR("tin"), b);
    struct str held = x.ciphertext;
    assert_true(opens(w, &x, STR("gold")) && opens(w, &y, STR("tin")));
    x.ciphertext = y.ciphertext;
    y.ciphertext = held;
    assert_false(opens(w, &x, STR("tin")) || opens(w, &y, STR("gold")));
}

static void another_frame_project_or_key_does_not_open(void **state) {
    struct world *w = *state;
    uint8_t a[64];
    struct sealed_text x = sealed(w, 5, STR("gold"), a), y = x;
    y.frame.b[0] ^= 1;
    assert_false(opens(w, &y, STR("gold")));
    w->frame.project++;
    assert_false(opens(w, &x, STR("gold")));
    w->frame.project--;
    w->frame.key[31] ^= 1;
    assert_false(opens(w, &x, STR("gold")));
    w->frame.key[31] ^= 1;
    assert_true(opens(w, &x, STR("gold")));
}

static void cut_or_flipped_at_any_byte_does_not_open(void **state) {
    const struct world *w = *state;
    uint8_t a[96];
    struct str value = STR("a text of more than two blocks of it");
    struct sealed_text x = sealed(w, 5, value, a);
    for (size_t n = 0; n < x.ciphertext.n; n++) {
        struct sealed_text cut = x;
        cut.ciphertext.n = n;
        assert_false(opens(w, &cut, value));
        a[n] ^= 0x40;
        assert_false(opens(w, &x, value));
        a[n] ^= 0x40;
    }
    assert_true(opens(w, &x, value));
}

/* Authentic but badly padded: only who has the frame's key can make it, and it is refused all the
 * same. */
static void a_padding_that_is_none_is_refused(void **state) {
    const struct world *w = *state;
    uint8_t plain[32] = "no end", out[48], ad[SEAL_AD_BYTES], nonce[SEAL_NONCE_BYTES];
    seal_text_ad(ad, 42, w->frame.id, 3);
    seal_text_nonce(nonce, 3);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, 32, ad, sizeof ad, NULL, nonce,
                                               w->frame.key);
    struct sealed_text t = {
        .frame = w->frame.id, .ordinal = 3, .ciphertext = {(const char *)out, sizeof out}};
    assert_false(opens(w, &t, STR("no end")));
}

static void the_box_gives_the_frames_key_to_the_team_alone(void **state) {
    const struct world *w = *state;
    uint8_t key[32] = {0};
    assert_int_equal(seal_open_box(w->box, &w->team, 42, w->frame.id, key).code, ERR_OK);
    assert_memory_equal(key, w->frame.key, 32);
    assert_int_equal(seal_open_box(w->box, &w->stranger, 42, w->frame.id, key).code, ERR_DENIED);
}

static void a_box_of_another_project_or_frame_is_refused(void **state) {
    const struct world *w = *state;
    uint8_t key[32] = {9};
    struct id128 other = w->frame.id;
    other.b[15] ^= 1;
    assert_int_equal(seal_open_box(w->box, &w->team, 43, w->frame.id, key).code, ERR_DENIED);
    assert_int_equal(seal_open_box(w->box, &w->team, 42, other, key).code, ERR_DENIED);
    assert_int_equal(key[0], 9);
}

static void a_box_flipped_at_any_byte_is_refused(void **state) {
    struct world *w = *state;
    uint8_t key[32];
    for (size_t i = 0; i < SEAL_BOX_BYTES; i++) {
        w->box[i] ^= 1;
        assert_int_equal(seal_open_box(w->box, &w->team, 42, w->frame.id, key).code, ERR_DENIED);
        w->box[i] ^= 1;
    }
}

/* Sealed to the right key by somebody else's program. */
static void a_box_with_foreign_content_is_refused(void **state) {
    const struct world *w = *state;
    uint8_t content[SEAL_BOX_CONTENT_BYTES], box[SEAL_BOX_BYTES], key[32];
    for (size_t at = 0; at < 24; at += 8) {
        seal_box_content(content, &w->frame);
        content[at] ^= 1;
        crypto_box_seal(box, content, sizeof content, w->team.pub.key);
        assert_int_equal(seal_open_box(box, &w->team, 42, w->frame.id, key).code, ERR_DENIED);
    }
}

static void a_rewrapped_box_opens_with_the_new_key_and_not_the_old(void **state) {
    const struct world *w = *state;
    uint8_t box[SEAL_BOX_BYTES], key[32];
    assert_int_equal(seal_box_rewrap(w->box, &w->team, &w->stranger.pub, box).code, ERR_OK);
    assert_int_equal(seal_open_box(box, &w->team, 42, w->frame.id, key).code, ERR_DENIED);
    assert_int_equal(seal_open_box(box, &w->stranger, 42, w->frame.id, key).code, ERR_OK);
    assert_memory_equal(key, w->frame.key, 32);
    assert_int_equal(seal_box_rewrap(box, &w->team, &w->stranger.pub, box).code, ERR_DENIED);
}

static void a_box_may_be_rewrapped_in_place_and_a_weak_key_leaves_it(void **state) {
    const struct world *w = *state;
    uint8_t box[SEAL_BOX_BYTES], key[32];
    memcpy(box, w->box, sizeof box);
    struct team_public weak = {.id = 1};
    assert_int_equal(seal_box_rewrap(box, &w->team, &weak, box).code, ERR_INVALID);
    assert_memory_equal(box, w->box, sizeof box);
    assert_int_equal(seal_box_rewrap(box, &w->team, &w->stranger.pub, box).code, ERR_OK);
    assert_int_equal(seal_open_box(box, &w->stranger, 42, w->frame.id, key).code, ERR_OK);
}

static void every_frame_draws_anew_and_done_wipes(void **state) {
    const struct world *w = *state;
    struct seal_frame again;
    static const uint8_t zero[sizeof again.key];
    seal_frame_init(&again, 42, &w->team.pub);
    assert_false(id128_eq(again.id, w->frame.id));
    assert_memory_not_equal(again.key, w->frame.key, 32);
    seal_frame_done(&again);
    assert_memory_equal(again.key, zero, sizeof zero);
}

static void an_opened_text_must_be_the_one_its_hash_names(void **state) {
    uint8_t root[32] = {1}, salt[32] = {2};
    struct seal_keys k;
    seal_keys_derive(root, salt, 42, &k);
    struct sealed_text t = {.kind = TEXT_VALUE, .type = TEXT_STRING};
    t.hash = seal_hash(&k, TEXT_VALUE, TEXT_STRING, STR("plan"), STR("gold"));
    assert_true(seal_text_is(&k, &t, STR("plan"), STR("gold")));
    assert_false(seal_text_is(&k, &t, STR("plan"), STR("tin")));
    assert_false(seal_text_is(&k, &t, STR("tier"), STR("gold")));
    t.kind = TEXT_USER_VALUE;
    assert_false(seal_text_is(&k, &t, STR("plan"), STR("gold")));
    t.kind = 200;
    assert_false(seal_text_is(&k, &t, STR("plan"), STR("gold")));
    t = (struct sealed_text){.kind = TEXT_VALUE, .type = 'x', .hash = t.hash};
    assert_false(seal_text_is(&k, &t, STR("plan"), STR("gold")));
}

static void an_exports_check_box_gives_its_names_keys_to_the_team_alone(void **state) {
    const struct world *w = *state;
    uint8_t root[32] = {1}, salt[32] = {2}, box[SEAL_CHECK_BYTES];
    struct seal_keys k, got = {.project = 9};
    seal_keys_derive(root, salt, 42, &k);
    seal_check_make(&k, &w->team.pub, box);
    assert_int_equal(seal_check_open(box, &w->stranger, 42, &got).code, ERR_DENIED);
    assert_int_equal(seal_check_open(box, &w->team, 43, &got).code, ERR_DENIED);
    assert_int_equal(got.project, 9);
    assert_int_equal(seal_check_open(box, &w->team, 42, &got).code, ERR_OK);
    assert_memory_equal(got.hash, k.hash, 16);
    assert_memory_equal(got.view, k.view, 32);
    box[50] ^= 1;
    assert_int_equal(seal_check_open(box, &w->team, 42, &got).code, ERR_DENIED);
}

int main(void) {
    if (seal_start().code != ERR_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_opens_and_shows_its_class_of_16_only),
        cmocka_unit_test(the_largest_text_opens),
        cmocka_unit_test(equal_texts_look_unlike),
        cmocka_unit_test(swapped_ciphertexts_do_not_open),
        cmocka_unit_test(another_frame_project_or_key_does_not_open),
        cmocka_unit_test(cut_or_flipped_at_any_byte_does_not_open),
        cmocka_unit_test(a_padding_that_is_none_is_refused),
        cmocka_unit_test(the_box_gives_the_frames_key_to_the_team_alone),
        cmocka_unit_test(a_box_of_another_project_or_frame_is_refused),
        cmocka_unit_test(a_box_flipped_at_any_byte_is_refused),
        cmocka_unit_test(a_box_with_foreign_content_is_refused),
        cmocka_unit_test(a_rewrapped_box_opens_with_the_new_key_and_not_the_old),
        cmocka_unit_test(a_box_may_be_rewrapped_in_place_and_a_weak_key_leaves_it),
        cmocka_unit_test(every_frame_draws_anew_and_done_wipes),
        cmocka_unit_test(an_opened_text_must_be_the_one_its_hash_names),
        cmocka_unit_test(an_exports_check_box_gives_its_names_keys_to_the_team_alone),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
