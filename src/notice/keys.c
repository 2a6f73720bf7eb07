/* keys.c: the keys of notices, all from the installation's root key, and what they make.
 *
 * master = BLAKE2b-256(key = root, "weir notice 1"); subkeys by crypto_kdf, context "WeirNote":
 * 1 boxes, 2 lookups, 3 links, 4 lanes, 5 the letterbox's seed. Links are not stored: a token is
 * the subscriber's number and a MAC, so a stolen table gives nobody a working link.
 */
#include <assert.h>
#include <sodium.h>

#include "notice/inside.h"

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define MAC_BYTES 16

void notice_keys_derive(const uint8_t root[32], struct notice_keys *out) {
    uint8_t master[32], seed[32];
    static const uint8_t name[] = "weir notice 1";
    crypto_generichash(master, sizeof master, name, sizeof name - 1, root, 32);
    uint8_t *const to[] = {out->box, out->lookup, out->link, out->lane, seed};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        crypto_kdf_derive_from_key(to[i], 32, i + 1, "WeirNote", master);
    letterbox_key_derive(seed, &out->letters);
    secret_wipe(master, sizeof master);
    secret_wipe(seed, sizeof seed);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

struct notice_lookup notice_lookup_of(const struct notice_keys *k, enum notice_kind kind,
                                      struct str to) {
    struct notice_lookup l;
    crypto_generichash_state s;
    uint8_t head = (uint8_t)kind;
    crypto_generichash_init(&s, k->lookup, 32, sizeof l.b);
    crypto_generichash_update(&s, &head, 1);
    for (size_t i = 0; i < to.n; i++) {
        uint8_t c = (uint8_t)(kind == NOTICE_MAIL ? lower(to.p[i]) : to.p[i]);
        crypto_generichash_update(&s, &c, 1);
    }
    crypto_generichash_final(&s, l.b, sizeof l.b);
    return l;
}

/* What a box is bound to: its purpose and its row. */
static void bind_box(enum notice_box what, struct notice_lookup row, uint8_t ad[17]) {
    ad[0] = (uint8_t)what;
    memcpy(ad + 1, row.b, 16);
}

void notice_box_seal(const struct notice_keys *k, enum notice_box what, struct notice_lookup row,
                     struct str value, struct buf *out) {
    uint8_t ad[17], nonce[NONCE_BYTES];
    bind_box(what, row, ad);
    random_bytes(nonce, sizeof nonce);
    buf_put(out, nonce, sizeof nonce);
    char *room = buf_room(out, value.n + TAG_BYTES);
    if (!room) return;
    crypto_aead_xchacha20poly1305_ietf_encrypt((uint8_t *)room, NULL, (const uint8_t *)value.p,
                                               value.n, ad, sizeof ad, NULL, nonce, k->box);
    out->n += value.n + TAG_BYTES;
}

struct err notice_box_open(const struct notice_keys *k, enum notice_box what,
                           struct notice_lookup row, struct str box, struct arena *a,
                           struct str *out) {
    uint8_t ad[17];
    if (box.n < NONCE_BYTES + TAG_BYTES) return ERR(ERR_CORRUPT, "notice: a box is too short");
    size_t n = box.n - NONCE_BYTES - TAG_BYTES;
    char *room = arena_alloc(a, n + 1);
    if (!room) return ERR(ERR_NOMEM, "notice: a box");
    bind_box(what, row, ad);
    const uint8_t *p = (const uint8_t *)box.p;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)room, NULL, NULL, p + NONCE_BYTES,
                                                   box.n - NONCE_BYTES, ad, sizeof ad, p, k->box))
        return ERR(ERR_CORRUPT, "notice: a box does not open (another root key?)");
    *out = (struct str){room, n};
    return ERR_NONE;
}

/* ---- links: 16 hex digits of the number, 32 of the MAC ---- */

static void mac_of(const struct notice_keys *k, enum notice_purpose p, int64_t id,
                   uint8_t out[MAC_BYTES]) {
    uint8_t text[9] = {(uint8_t)p};
    for (int i = 0; i < 8; i++)
        text[1 + i] = (uint8_t)((uint64_t)id >> (56 - 8 * i));
    crypto_generichash(out, MAC_BYTES, text, sizeof text, k->link, 32);
}

void notice_token_make(const struct notice_keys *k, enum notice_purpose p, int64_t id,
                       char out[NOTICE_TOKEN_CHARS + 1]) {
    uint8_t bytes[8 + MAC_BYTES];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)id >> (56 - 8 * i));
    mac_of(k, p, id, bytes + 8);
    str_to_hex(bytes, sizeof bytes, out);
    out[NOTICE_TOKEN_CHARS] = 0;
}

bool notice_token_read(const struct notice_keys *k, enum notice_purpose p, struct str token,
                       int64_t *out_id) {
    uint8_t bytes[8 + MAC_BYTES], mac[MAC_BYTES];
    if (token.n != NOTICE_TOKEN_CHARS || !str_from_hex(token, bytes, sizeof bytes)) return false;
    uint64_t id = 0;
    for (int i = 0; i < 8; i++)
        id = id << 8 | bytes[i];
    mac_of(k, p, (int64_t)id, mac);
    if (!secret_equal(mac, bytes + 8, MAC_BYTES) || (int64_t)id <= 0) return false;
    *out_id = (int64_t)id;
    return true;
}

int64_t notice_lane_of(const struct notice_keys *k, struct str name) {
    uint8_t hash[crypto_generichash_BYTES_MIN];
    crypto_generichash_state s;
    crypto_generichash_init(&s, k->lane, 32, sizeof hash);
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = (uint8_t)lower(name.p[i]);
        crypto_generichash_update(&s, &c, 1);
    }
    crypto_generichash_final(&s, hash, sizeof hash);
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | hash[i];
    v >>= 1;
    return v ? (int64_t)v : 1; /* 0 is NOTICE_LANE_SMTP */
}

void notice_hmac_hex(struct str secret, struct str body, char out[65]) {
    crypto_auth_hmacsha256_state s;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_init(&s, (const uint8_t *)secret.p, secret.n);
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)body.p, body.n);
    crypto_auth_hmacsha256_final(&s, mac);
    str_to_hex(mac, sizeof mac, out);
    out[64] = 0;
}
