/* Names of things: that equal inputs agree, unlike ones don't, and the streaming SipHash is
 * libsodium's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "seal/sip.h"

static struct seal_keys keys_of(uint8_t root_byte, uint8_t salt_byte) {
    uint8_t root[32], salt[32];
    struct seal_keys k;
    memset(root, root_byte, 32);
    memset(salt, salt_byte, 32);
    seal_keys_derive(root, salt, 7, &k);
    return k;
}

static struct id128 text(const struct seal_keys *k, const char *path, const char *value) {
    return seal_hash(k, TEXT_VALUE, TEXT_STRING, str_z(path), str_z(value));
}

static void streaming_siphash_is_libsodiums_at_every_length_and_cut(void **state) {
    uint8_t key[16], message[300];
    randombytes_buf(key, sizeof key);
    randombytes_buf(message, sizeof message);
    for (size_t n = 0; n <= sizeof message; n++) {
        struct id128 whole, cut;
        crypto_shorthash_siphashx24(whole.b, message, n, key);
        size_t a = n ? randombytes_uniform((uint32_t)n) : 0;
        size_t b = n - a ? randombytes_uniform((uint32_t)(n - a)) : 0;
        struct seal_sip s;
        seal_sip_init(&s, key);
        seal_sip_feed(&s, message, a);
        seal_sip_feed(&s, message + a, b);
        seal_sip_feed(&s, message + a + b, n - a - b);
        cut = seal_sip_end(&s);
        assert_memory_equal(whole.b, cut.b, 16);
    }
}

static void a_text_hash_is_siphash_of_the_documented_bytes(void **state) {
    struct seal_keys k = keys_of(1, 2);
    static const uint8_t message[] = {3, 's', 4, 0, 0, 0, 'p', 'l', 'a', 'n', 'g', 'o', 'l', 'd'};
    struct id128 expected;
    crypto_shorthash_siphashx24(expected.b, message, sizeof message, k.hash);
    assert_true(id128_eq(text(&k, "plan", "gold"), expected));
}

static void the_same_string_in_two_places_is_two_strangers(void **state) {
    struct seal_keys k = keys_of(1, 2), other_salt = keys_of(1, 3), other_root = keys_of(2, 2);
    struct id128 h = text(&k, "plan", "gold");
    assert_true(id128_eq(h, text(&k, "plan", "gold")));
    assert_false(id128_eq(h, text(&k, "tier", "gold")));
    assert_false(id128_eq(h, text(&k, "plang", "old")));
    assert_false(id128_eq(h, text(&k, "", "plangold")));
    assert_false(id128_eq(h, text(&other_salt, "plan", "gold")));
    assert_false(id128_eq(h, text(&other_root, "plan", "gold")));
    assert_false(
        id128_eq(h, seal_hash(&k, TEXT_USER_VALUE, TEXT_STRING, STR("plan"), STR("gold"))));
    assert_false(id128_eq(h, seal_hash(&k, TEXT_VALUE, TEXT_INTEGER, STR("plan"), STR("gold"))));
}

static void empty_and_nul_values_are_values(void **state) {
    struct seal_keys k = keys_of(1, 2);
    struct id128 empty = seal_hash(&k, TEXT_VALUE, TEXT_STRING, STR("p"), (struct str){NULL, 0});
    struct id128 nul = seal_hash(&k, TEXT_VALUE, TEXT_STRING, STR("p"), (struct str){"\0", 1});
    assert_false(id128_eq(empty, nul));
    assert_false(id128_is_zero(empty));
    assert_true(id128_is_zero((struct id128){{0}}));
}

static void the_four_keys_of_a_project_are_unlike(void **state) {
    struct seal_keys k = keys_of(1, 2);
    assert_int_equal(k.project, 7);
    assert_memory_not_equal(k.pseudonym, k.view, 32);
    assert_memory_not_equal(k.hash, k.count, 16);
    assert_memory_not_equal(k.hash, k.pseudonym, 16);
}

static void a_pseudonym_is_keyed_blake2b(void **state) {
    struct seal_keys k = keys_of(1, 2);
    struct id128 expected, p = seal_pseudonym(&k, STR("alice"));
    crypto_generichash(expected.b, 16, (const uint8_t *)"alice", 5, k.pseudonym, 32);
    assert_true(id128_eq(p, expected));
    assert_false(id128_eq(p, seal_pseudonym(&k, STR("Alice"))));
}

static void rotation_needs_no_plaintext_and_keeps_strangers_apart(void **state) {
    struct seal_keys old = keys_of(1, 2), next = keys_of(1, 9);
    struct id128 a = text(&old, "plan", "gold"), b = text(&old, "plan", "tin");
    struct id128 a2 = seal_hash_rotate(&next, a), b2 = seal_hash_rotate(&next, b);
    assert_false(id128_eq(a2, b2));
    assert_false(id128_eq(a2, a));
    assert_true(id128_eq(a2, seal_hash_rotate(&next, text(&old, "plan", "gold"))));
    /* the chain is not the new key's own hash: who asks must walk it */
    assert_false(id128_eq(a2, text(&next, "plan", "gold")));
    struct id128 p = seal_pseudonym(&old, STR("alice"));
    assert_false(id128_eq(seal_pseudonym_rotate(&next, p), p));
    assert_false(id128_eq(seal_pseudonym_rotate(&next, p), seal_pseudonym(&next, STR("alice"))));
}

static void handles_differ_by_domain_and_by_view_key(void **state) {
    struct seal_keys k = keys_of(1, 2), export = k;
    export.view[0] ^= 1;
    struct id128 h = text(&k, "plan", "gold");
    struct id128 handle = seal_handle(&k, HANDLE_TEXT, h);
    assert_false(id128_eq(handle, h));
    assert_false(id128_eq(handle, seal_handle(&k, HANDLE_PERSON, h)));
    assert_false(id128_eq(handle, seal_handle(&export, HANDLE_TEXT, h)));
}

static void a_person_has_a_fingerprint_that_is_never_nobody(void **state) {
    struct seal_keys k = keys_of(1, 2);
    uint64_t a = seal_person_fingerprint(&k, STR("alice"));
    assert_int_equal(a, seal_person_fingerprint(&k, STR("alice")));
    assert_true(a != seal_person_fingerprint(&k, STR("bob")));
    for (int i = 0; i < 1000; i++) {
        struct str s = {(const char *)&i, sizeof i};
        assert_true(seal_person_fingerprint(&k, s) != 0);
    }
}

static void a_secret_is_kept_as_blake2b_behind_its_domain(void **state) {
    uint8_t hash[SEAL_SECRET_HASH_BYTES], want[SEAL_SECRET_HASH_BYTES];
    assert_true(
        str_from_hex(STR("5ed8e402d7ca1c079a595867398e91c79a6392ea7c61f8a96a9ad4fa05e239c7"), want,
                     sizeof want));
    seal_secret_hash(STR("correct horse"), hash);
    assert_memory_equal(hash, want, sizeof want);
    seal_secret_hash(STR("correct horsf"), hash);
    assert_memory_not_equal(hash, want, sizeof want);
    seal_secret_hash(STR(""), hash); /* is a hash too; who looks one up refuses it first */
    assert_memory_not_equal(hash, want, sizeof want);
}

int main(void) {
    if (seal_start().code != ERR_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streaming_siphash_is_libsodiums_at_every_length_and_cut),
        cmocka_unit_test(a_text_hash_is_siphash_of_the_documented_bytes),
        cmocka_unit_test(a_secret_is_kept_as_blake2b_behind_its_domain),
        cmocka_unit_test(the_same_string_in_two_places_is_two_strangers),
        cmocka_unit_test(empty_and_nul_values_are_values),
        cmocka_unit_test(the_four_keys_of_a_project_are_unlike),
        cmocka_unit_test(a_pseudonym_is_keyed_blake2b),
        cmocka_unit_test(rotation_needs_no_plaintext_and_keeps_strangers_apart),
        cmocka_unit_test(handles_differ_by_domain_and_by_view_key),
        cmocka_unit_test(a_person_has_a_fingerprint_that_is_never_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
