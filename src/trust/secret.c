#include "trust/secret.h"

#define PREFIX "weir_"
#define PREFIX_CHARS (sizeof PREFIX - 1)
#define WORD_CHARS 32
#define CHECK_CHARS 6
#define KEY_CHARS (PREFIX_CHARS + WORD_CHARS + CHECK_CHARS)
#define SHORT_SECRET_CHARS 40
_Static_assert(KEY_CHARS < TRUST_SECRET_CHARS, "a key's secret and its NUL fit");

static void check_letters(const char *prefix_and_word, char out[CHECK_CHARS]) {
    uint64_t sum = checksum64(prefix_and_word, PREFIX_CHARS + WORD_CHARS);
    for (size_t i = 0; i < CHECK_CHARS; i++) {
        out[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[sum % 36];
        sum /= 36;
    }
}

void trust_secret_make_key(char out[TRUST_SECRET_CHARS]) {
    memset(out, 0, TRUST_SECRET_CHARS);
    memcpy(out, PREFIX, PREFIX_CHARS);
    random_word(out + PREFIX_CHARS, WORD_CHARS);
    check_letters(out, out + PREFIX_CHARS + WORD_CHARS);
}

void trust_secret_make_word(char out[TRUST_SECRET_CHARS]) {
    memset(out, 0, TRUST_SECRET_CHARS);
    random_word(out, SHORT_SECRET_CHARS);
}

bool trust_secret_is_key(struct str secret) {
    char check[CHECK_CHARS];
    if (secret.n != KEY_CHARS || !str_starts(secret, STR(PREFIX))) return false;
    check_letters(secret.p, check);
    return memcmp(check, secret.p + PREFIX_CHARS + WORD_CHARS, CHECK_CHARS) == 0;
}
