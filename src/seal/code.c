/* code.c: the recovery code: 8 groups of 5 characters that a person writes on paper and types back
 * in years.
 *
 * The alphabet is Crockford's base 32 (no I, L, O, U). The 40th character is his check: the 39
 * drawn ones, read as a number, modulo 37, which finds every single wrong character and every swap
 * of neighbours. Five of the 37 remainders would print as punctuation; a code with such a remainder
 * is drawn again, so that a code is letters and digits only.
 */
#include <assert.h>
#include <sodium.h>

#include "seal/wrapped.h"

#define DRAWN (SEAL_CODE_SYMBOLS - 1)
#define GROUP 5

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* 0..31, or -1. */
static int symbol_value(char c) {
    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

static unsigned check_of(const uint8_t values[DRAWN]) {
    unsigned remainder = 0;
    for (int i = 0; i < DRAWN; i++)
        remainder = (remainder * 32 + values[i]) % 37;
    return remainder;
}

void seal_code_draw(char out[RECOVERY_CODE_CHARS]) {
    uint8_t values[SEAL_CODE_SYMBOLS];
    unsigned check;
    do {
        randombytes_buf(values, DRAWN);
        for (int i = 0; i < DRAWN; i++)
            values[i] &= 31;
        check = check_of(values);
    } while (check >= 32);
    values[DRAWN] = (uint8_t)check;

    size_t at = 0;
    for (int i = 0; i < SEAL_CODE_SYMBOLS; i++) {
        if (i > 0 && i % GROUP == 0) out[at++] = '-';
        out[at++] = alphabet[values[i]];
    }
    out[at++] = '\0';
    assert(at == RECOVERY_CODE_CHARS);
    secret_wipe(values, sizeof values);
}

static bool is_spacing(char c) {
    return c == ' ' || c == '-' || c == '\t' || c == '\n' || c == '\r';
}

bool seal_code_read(struct str typed, char out[SEAL_CODE_SYMBOLS]) {
    uint8_t values[SEAL_CODE_SYMBOLS];
    size_t n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        if (is_spacing(typed.p[i])) continue;
        int value = symbol_value(typed.p[i]);
        if (value < 0 || n == SEAL_CODE_SYMBOLS) return false;
        values[n++] = (uint8_t)value;
    }
    bool good = n == SEAL_CODE_SYMBOLS && check_of(values) == values[DRAWN];
    for (size_t i = 0; good && i < SEAL_CODE_SYMBOLS; i++)
        out[i] = alphabet[values[i]];
    secret_wipe(values, sizeof values);
    return good;
}
