/* vectors.c: makes and reads the vectors. libsodium's randomness is replaced by a ChaCha20 stream
 * of a fixed seed while a file is made, so frames, boxes and slots come out of the very functions
 * that the product calls, the same each time.
 */
#include "vectors.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "seal/box.h"
#include "seal/sip.h"
#include "seal/wrapped.h"

/* ---- randomness that repeats ---- */

static uint8_t stream_seed[randombytes_SEEDBYTES];

static const char *repeating_name(void) {
    return "repeating";
}
static void repeating_bytes(void *const out, const size_t n) {
    randombytes_buf_deterministic(out, n, stream_seed);
    sodium_increment(stream_seed, sizeof stream_seed);
}
static uint32_t repeating_word(void) {
    uint32_t word;
    repeating_bytes(&word, sizeof word);
    return word;
}
static struct randombytes_implementation repeating = {
    .implementation_name = repeating_name, .random = repeating_word, .buf = repeating_bytes};

static void repeating_begin(uint8_t seed) {
    memset(stream_seed, seed, sizeof stream_seed);
    randombytes_set_implementation(&repeating);
}
static void repeating_end(void) {
    randombytes_set_implementation(&randombytes_sysrandom_implementation);
}

/* ---- writing: one case a line, every value a string ---- */

static void file_begin(struct buf *b, const char *about) {
    buf_printf(b, "{\"about\":\"%s\",\"cases\":[", about);
}
static void file_end(struct buf *b) {
    buf_put_str(b, STR("\n]}\n"));
}
static void case_begin(struct buf *b) {
    bool first = b->p[b->n - 1] == '[';
    buf_put_str(b, first ? STR("\n{") : STR(",\n{"));
}
static void field_begin(struct buf *b, const char *name) {
    buf_printf(b, "%s\"%s\":\"", b->p[b->n - 1] == '{' ? "" : ",", name);
}
static void put_hex(struct buf *b, const char *name, const void *bytes, size_t n) {
    field_begin(b, name);
    buf_put_hex(b, bytes, n);
    buf_put_char(b, '"');
}
static void put_word(struct buf *b, const char *name, const char *word) {
    field_begin(b, name);
    buf_printf(b, "%s\"", word);
}
static void put_number(struct buf *b, const char *name, uint64_t n) {
    field_begin(b, name);
    buf_printf(b, "%llu\"", (unsigned long long)n);
}

/* ---- keys.json ---- */

static void keys_of(uint8_t which, struct seal_keys *out) {
    uint8_t root[32], salt[32];
    for (uint8_t i = 0; i < 32; i++) {
        root[i] = (uint8_t)(i * 7 + which);
        salt[i] = (uint8_t)(255 - i * 3 - which);
    }
    seal_keys_derive(root, salt, 1000u + which, out);
}

static void write_keys(struct buf *b) {
    file_begin(b, "master = BLAKE2b-256(key root, salt); subkeys by crypto_kdf, context WeirKeys, "
                  "ids 1 to 4");
    for (uint8_t which = 0; which < 4; which++) {
        uint8_t root[32], salt[32];
        struct seal_keys k;
        for (uint8_t i = 0; i < 32; i++) {
            root[i] = (uint8_t)(i * 7 + which);
            salt[i] = (uint8_t)(255 - i * 3 - which);
        }
        keys_of(which, &k);
        case_begin(b);
        put_hex(b, "root", root, 32);
        put_hex(b, "salt", salt, 32);
        put_hex(b, "pseudonym", k.pseudonym, 32);
        put_hex(b, "hash", k.hash, 16);
        put_hex(b, "count", k.count, 16);
        put_hex(b, "view", k.view, 32);
        buf_put_char(b, '}');
    }
    file_end(b);
}

/* ---- names.json ---- */

struct hashed {
    enum text_kind kind;
    enum text_type type;
    const char *path, *value;
};
static const struct hashed hashed[] = {
    {TEXT_EVENT, TEXT_STRING, "", "Sign up"},
    {TEXT_PROPERTY, TEXT_STRING, "", "plan"},
    {TEXT_VALUE, TEXT_STRING, "plan", "gold"},
    {TEXT_VALUE, TEXT_STRING, "tier", "gold"},
    {TEXT_VALUE, TEXT_STRING, "plang", "old"},
    {TEXT_VALUE, TEXT_STRING, "plan", ""},
    {TEXT_VALUE, TEXT_INTEGER, "phone", "4915112345678"},
    {TEXT_VALUE, TEXT_DECIMAL, "lat", "52.520008"},
    {TEXT_VALUE, TEXT_STRING, "distinct_id", "alice@example.com"},
    {TEXT_VALUE, TEXT_STRING, "a\\\\.b.c",
     "\xe2\x82\xac \xf0\x9f\xa6\x8a \xe6\x97\xa5\xe6\x9c\xac"},
    {TEXT_USER_PROPERTY, TEXT_STRING, "", "$name"},
    {TEXT_USER_VALUE, TEXT_STRING, "$name", "Alice Example"},
    {TEXT_GROUP_KEY, TEXT_STRING, "", "company"},
    {TEXT_GROUP_PROPERTY, TEXT_STRING, "company", "size"},
    {TEXT_GROUP_VALUE, TEXT_STRING, "company\x1fsize", "large"},
};

static void write_hash(struct buf *b, const struct seal_keys *k, const struct hashed *h) {
    struct str path = str_z(h->path), value = str_z(h->value);
    struct id128 out = seal_hash(k, h->kind, h->type, path, value);
    case_begin(b);
    put_word(b, "construction", "hash");
    put_hex(b, "key", k->hash, 16);
    put_number(b, "kind", h->kind);
    put_number(b, "type", h->type);
    put_hex(b, "path", path.p, path.n);
    put_hex(b, "value", value.p, value.n);
    put_hex(b, "out", out.b, 16);
    buf_put_char(b, '}');
}

/* A construction of one key and one input. */
static void write_named(struct buf *b, const char *construction, struct str key, struct str value,
                        struct str out) {
    case_begin(b);
    put_word(b, "construction", construction);
    put_hex(b, "key", key.p, key.n);
    put_hex(b, "value", value.p, value.n);
    put_hex(b, "out", out.p, out.n);
    buf_put_char(b, '}');
}

static struct str bytes(const void *p, size_t n) {
    return (struct str){p, n};
}

static void write_person(struct buf *b, const struct seal_keys *k, const struct seal_keys *next,
                         struct str id) {
    struct id128 p = seal_pseudonym(k, id), rotated = seal_pseudonym_rotate(next, p);
    uint64_t fingerprint = seal_person_fingerprint(k, id);
    struct id128 handle = seal_handle(k, HANDLE_PERSON, p);
    write_named(b, "pseudonym", bytes(k->pseudonym, 32), id, bytes(p.b, 16));
    write_named(b, "pseudonym_rotate", bytes(next->pseudonym, 32), bytes(p.b, 16),
                bytes(rotated.b, 16));
    write_named(b, "fingerprint", bytes(k->count, 16), id, bytes(&fingerprint, 8));
    write_named(b, "handle_person", bytes(k->view, 32), bytes(p.b, 16), bytes(handle.b, 16));
}

static void write_names(struct buf *b) {
    static const char *const ids[] = {"", "alice", "alice@example.com", "0f3c\xc3\xa9"};
    struct seal_keys k, next;
    keys_of(0, &k);
    keys_of(1, &next);
    file_begin(b, "text hashes, pseudonyms, fingerprints, handles, rotation; inputs in hex");
    for (size_t i = 0; i < sizeof hashed / sizeof *hashed; i++)
        write_hash(b, &k, &hashed[i]);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        write_person(b, &k, &next, str_z(ids[i]));
    struct id128 h = seal_hash(&k, TEXT_VALUE, TEXT_STRING, STR("plan"), STR("gold"));
    struct id128 rotated = seal_hash_rotate(&next, h), handle = seal_handle(&k, HANDLE_TEXT, h);
    write_named(b, "hash_rotate", bytes(next.hash, 16), bytes(h.b, 16), bytes(rotated.b, 16));
    write_named(b, "handle_text", bytes(k.view, 32), bytes(h.b, 16), bytes(handle.b, 16));
    file_end(b);
}

/* ---- sealed.json and refused.json ---- */

struct sealing {
    struct team_secret team, stranger;
    struct seal_keys keys;
    struct seal_frame frame;
    uint8_t box[SEAL_BOX_BYTES];
};

static void sealing_make(struct sealing *s) {
    team_generate(&s->team);
    team_generate(&s->stranger);
    keys_of(2, &s->keys);
    seal_frame_init(&s->frame, UINT64_C(0x0123456789abcdef), &s->team.pub);
    seal_frame_box(&s->frame, &s->team.pub, s->box);
}

/* What an opener is given. */
struct given {
    const struct team_secret *team;
    uint64_t project;
    struct id128 frame;
    const uint8_t *box;
    uint64_t ordinal;
    struct str path;
    struct id128 hash;
    struct str ciphertext;
};

static void put_given(struct buf *b, const struct sealing *s, const struct given *g) {
    put_hex(b, "team_public", g->team->pub.key, 32);
    put_hex(b, "team_secret", g->team->key, 32);
    put_number(b, "project", g->project);
    put_hex(b, "frame", g->frame.b, 16);
    put_hex(b, "box", g->box, SEAL_BOX_BYTES);
    put_number(b, "ordinal", g->ordinal);
    put_number(b, "kind", TEXT_VALUE);
    put_number(b, "type", TEXT_STRING);
    put_hex(b, "hash_key", s->keys.hash, 16);
    put_hex(b, "path", g->path.p, g->path.n);
    put_hex(b, "hash", g->hash.b, 16);
    put_hex(b, "ciphertext", g->ciphertext.p, g->ciphertext.n);
}

static struct given given_of(const struct sealing *s, uint64_t ordinal, struct str value,
                             uint8_t *ciphertext) {
    size_t n = seal_text(&s->frame, ordinal, value, ciphertext);
    return (struct given){.team = &s->team,
                          .project = s->frame.project,
                          .frame = s->frame.id,
                          .box = s->box,
                          .ordinal = ordinal,
                          .path = STR("plan"),
                          .hash = seal_hash(&s->keys, TEXT_VALUE, TEXT_STRING, STR("plan"), value),
                          .ciphertext = {(const char *)ciphertext, n}};
}

static void write_sealed(struct buf *b) {
    static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 32, 300};
    struct sealing s;
    repeating_begin(1);
    sealing_make(&s);
    repeating_end();
    file_begin(b, "boxes and texts that open; padded is what is encrypted");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char value[320];
        uint8_t padded[320], ciphertext[352];
        size_t padded_n;
        for (size_t k = 0; k < lengths[i]; k++)
            value[k] = (char)('a' + k % 26);
        memcpy(padded, value, lengths[i]);
        sodium_pad(&padded_n, padded, lengths[i], 16, sizeof padded);
        struct given g =
            given_of(&s, i == 7 ? UINT64_MAX : i, (struct str){value, lengths[i]}, ciphertext);
        case_begin(b);
        put_given(b, &s, &g);
        put_hex(b, "frame_key", s.frame.key, 32);
        put_hex(b, "padded", padded, padded_n);
        put_hex(b, "value", value, lengths[i]);
        buf_put_char(b, '}');
    }
    file_end(b);
}

static void write_refusal(struct buf *b, const struct sealing *s, const char *what, const char *at,
                          const struct given *g) {
    case_begin(b);
    put_word(b, "what", what);
    put_word(b, "refused_at", at);
    put_given(b, s, g);
    buf_put_char(b, '}');
}

static void write_box_refusals(struct buf *b, const struct sealing *s, const struct given *good) {
    struct given g = *good;
    g.team = &s->stranger;
    write_refusal(b, s, "another team's key", "box", &g);
    g = *good;
    g.project++;
    write_refusal(b, s, "another project", "box", &g);
    g = *good;
    g.frame.b[0] ^= 1;
    write_refusal(b, s, "another frame", "box", &g);

    uint8_t box[SEAL_BOX_BYTES], content[SEAL_BOX_CONTENT_BYTES];
    g = *good;
    g.box = box;
    memcpy(box, good->box, sizeof box);
    box[SEAL_BOX_BYTES - 1] ^= 1;
    write_refusal(b, s, "a box with a flipped bit", "box", &g);
    static const char *const what[] = {
        "a box of another version", "a box that names another project",
        "a box that names another team key", "a box that names another frame"};
    for (size_t i = 0; i < 4; i++) {
        seal_box_content(content, &s->frame);
        content[i * 8] ^= 1;
        crypto_box_seal(box, content, sizeof content, s->team.pub.key);
        write_refusal(b, s, what[i], "box", &g);
    }
}

static void write_text_refusals(struct buf *b, const struct sealing *s, const struct given *good,
                                const struct given *other) {
    struct given g = *good;
    g.ciphertext = other->ciphertext;
    write_refusal(b, s, "another text's ciphertext", "text", &g);
    g = *good;
    g.ordinal++;
    write_refusal(b, s, "another ordinal", "text", &g);
    g = *good;
    g.ciphertext.n -= 16;
    write_refusal(b, s, "cut by a block", "text", &g);
    g = *good;
    g.ciphertext.n--;
    write_refusal(b, s, "cut by a byte", "text", &g);
    g.ciphertext.n = 16;
    write_refusal(b, s, "a tag alone", "text", &g);
    g.ciphertext.n = 0;
    write_refusal(b, s, "nothing", "text", &g);

    uint8_t plain[32] = "no padding here", out[48], ad[SEAL_AD_BYTES], nonce[SEAL_NONCE_BYTES];
    g = *good;
    g.ciphertext = (struct str){(const char *)out, sizeof out};
    seal_text_ad(ad, g.project, g.frame, g.ordinal);
    seal_text_nonce(nonce, g.ordinal);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, 32, ad, sizeof ad, NULL, nonce,
                                               s->frame.key);
    write_refusal(b, s, "a padding of zeros only", "text", &g);
    plain[31] = 0x81;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, 32, ad, sizeof ad, NULL, nonce,
                                               s->frame.key);
    write_refusal(b, s, "a padding with a wrong mark", "text", &g);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, 32, ad, 32, NULL, nonce,
                                               s->frame.key);
    write_refusal(b, s, "associated data without the ordinal", "text", &g);
}

static void write_refused(struct buf *b) {
    struct sealing s;
    uint8_t one[96], two[96];
    repeating_begin(2);
    sealing_make(&s);
    struct given good = given_of(&s, 3, STR("gold, and a few more words than that"), one);
    struct given other = given_of(&s, 4, STR("tin"), two), g = good;
    file_begin(b, "what an opener must refuse, and at which check at the latest");
    write_box_refusals(b, &s, &good);
    write_text_refusals(b, &s, &good, &other);
    g.hash.b[0] ^= 1;
    write_refusal(b, &s, "another hash", "hash", &g);
    g = good;
    g.path = STR("tier");
    write_refusal(b, &s, "another path", "hash", &g);
    g = good;
    g.hash = other.hash;
    write_refusal(b, &s, "the hash of another text", "hash", &g);
    file_end(b);
    repeating_end();
}

/* ---- wrapped.json ---- */

static void write_wrapped(struct buf *b) {
    struct team_secret t;
    struct str passphrase = STR("correct horse \xe2\x82\xac staple");
    char code[RECOVERY_CODE_CHARS];
    AUTO(buf_done) struct buf file;
    buf_init(&file, SEAL_WRAPPED_MAX_BYTES);
    repeating_begin(3);
    team_generate(&t);
    struct err e = team_secret_wrap(&t, passphrase, code, &file);
    repeating_end();
    assert(e.code == ERR_OK);
    file_begin(b, "a wrapped team key; file and passphrase are UTF-8 in hex");
    case_begin(b);
    put_hex(b, "file", file.p, file.n);
    put_hex(b, "passphrase", passphrase.p, passphrase.n);
    put_word(b, "recovery", code);
    put_hex(b, "team_public", t.pub.key, 32);
    put_hex(b, "team_secret", t.key, 32);
    field_begin(b, "key_id");
    buf_printf(b, "%016llx\"}", (unsigned long long)t.pub.id);
    file_end(b);
}

const struct vector_file vector_files[VECTOR_FILES] = {
    {"keys.json", write_keys},       {"names.json", write_names},     {"sealed.json", write_sealed},
    {"refused.json", write_refused}, {"wrapped.json", write_wrapped},
};

/* ---- reading ---- */

struct str vector_case(struct str file, size_t n) {
    str_cut(&file, '\n'); /* the line of `about` */
    for (; file.n > 0; n--) {
        struct str line = str_cut(&file, '\n');
        if (!str_starts(line, STR("{"))) break;
        if (n == 0) return line;
    }
    return STR("");
}

struct str vector_field(struct str line, const char *name) {
    char key[64];
    int n = snprintf(key, sizeof key, "\"%s\":\"", name);
    assert(n > 0 && (size_t)n < sizeof key);
    for (size_t at = 0; at + (size_t)n <= line.n; at++) {
        if (memcmp(line.p + at, key, (size_t)n) != 0) continue;
        struct str rest = str_from(line, at + (size_t)n);
        return str_cut(&rest, '"');
    }
    fprintf(stderr, "no field %s\n", name);
    abort();
}

size_t vector_hex(struct str line, const char *name, uint8_t *out, size_t max_bytes) {
    struct str hex = vector_field(line, name);
    bool good = hex.n / 2 <= max_bytes && str_from_hex(hex, out, hex.n / 2);
    assert(good);
    return hex.n / 2;
}

uint64_t vector_number(struct str line, const char *name) {
    char digits[32] = {0};
    struct str s = vector_field(line, name);
    assert(s.n > 0 && s.n < sizeof digits);
    memcpy(digits, s.p, s.n);
    return strtoull(digits, NULL, 10);
}
