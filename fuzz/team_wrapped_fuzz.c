// modules: base seal
/* The wrapped team key's file.
 * Invariants: what parses and is printed parses to the same; a recovery code that is not its own
 * opens nothing; the reader of codes takes only what it would print. */
#include "fuzz.h"
#include "seal/wrapped.h"

static void check_wrapped(const struct seal_wrapped *w) {
    AUTO(buf_done) struct buf b;
    buf_init(&b, SEAL_WRAPPED_MAX_BYTES);
    seal_wrapped_print(w, &b);
    struct seal_wrapped again;
    struct err e = seal_wrapped_parse(buf_str(&b), &again);
    assert(e.code == ERR_OK && again.slots_n == w->slots_n);
    assert(memcmp(&again.pub, &w->pub, sizeof again.pub) == 0);
    for (size_t i = 0; i < w->slots_n; i++) {
        const struct seal_slot *a = &w->slots[i], *c = &again.slots[i];
        assert(a->way == c->way && a->ops == c->ops && a->mem_bytes == c->mem_bytes);
        assert(memcmp(a->key, c->key, sizeof a->key) == 0);
    }
    static const char code[SEAL_CODE_SYMBOLS] = {'0'};
    struct team_secret t;
    e = seal_wrapped_try(w, SEAL_WAY_RECOVERY, (struct str){code, sizeof code}, &t);
    assert(e.code == ERR_DENIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct err started = seal_start();
    assert(started.code == ERR_OK);
    struct str input = {(const char *)bytes, n};
    struct seal_wrapped w;
    if (seal_wrapped_parse(input, &w).code == ERR_OK) check_wrapped(&w);

    char symbols[SEAL_CODE_SYMBOLS], again[SEAL_CODE_SYMBOLS];
    if (seal_code_read(input, symbols)) {
        bool reads = seal_code_read((struct str){symbols, sizeof symbols}, again);
        assert(reads && memcmp(symbols, again, sizeof again) == 0);
    }
    return 0;
}
