/* wrapped.c: the wrapped team key's file, read as a stranger's and printed.
 *
 * The reader knows just as much JSON as the format uses: objects of strings without escapes and of
 * non-negative integers, and one array of such objects. That is less than a JSON library and has
 * nothing to misunderstand: seal stands below the json module, and a member opens this file
 * offline, perhaps after it came by mail. Each object has a table of its members: name, kind, where
 * the value goes.
 */
#include <stddef.h>

#include "seal/wrapped.h"

struct scan {
    struct str rest;
    bool bad;
};

static char scan_peek(struct scan *s) {
    while (s->rest.n > 0 &&
           (*s->rest.p == ' ' || *s->rest.p == '\n' || *s->rest.p == '\t' || *s->rest.p == '\r'))
        s->rest = str_from(s->rest, 1);
    return s->rest.n > 0 ? *s->rest.p : '\0';
}

/* Takes c if it is next. */
static bool scan_char(struct scan *s, char c) {
    if (s->bad || s->rest.n == 0 || scan_peek(s) != c) return false;
    s->rest = str_from(s->rest, 1);
    return true;
}

static void scan_need(struct scan *s, char c) {
    if (!scan_char(s, c)) s->bad = true;
}

static struct str scan_string(struct scan *s) {
    scan_need(s, '"');
    if (s->bad) return STR("");
    struct str rest = s->rest;
    for (size_t i = 0; i < rest.n; i++) {
        if (rest.p[i] == '"') {
            s->rest = str_from(rest, i + 1);
            return (struct str){rest.p, i};
        }
        if (rest.p[i] < ' ' || rest.p[i] > '~' || rest.p[i] == '\\') break;
    }
    s->bad = true;
    return STR("");
}

static uint64_t scan_number(struct scan *s) {
    scan_peek(s);
    size_t n = 0;
    while (n < s->rest.n && n < 19 && s->rest.p[n] >= '0' && s->rest.p[n] <= '9')
        n++;
    int64_t value = 0;
    struct str digits = {s->rest.p, n};
    if (n == 0 || (n > 1 && *digits.p == '0') || !str_to_i64(digits, &value)) s->bad = true;
    s->rest = str_from(s->rest, n);
    return (uint64_t)value;
}

enum member_kind { MEMBER_NUMBER, MEMBER_HEX, MEMBER_WORD };

struct member {
    const char *name;
    enum member_kind kind;
    size_t at;    /* offset in the object's struct */
    size_t bytes; /* of MEMBER_HEX */
};

/* One member's value to where it belongs; unknown members are read and dropped. */
static void scan_value(struct scan *s, const struct member *m, void *object) {
    bool is_string = scan_peek(s) == '"';
    if (m && is_string == (m->kind == MEMBER_NUMBER)) s->bad = true;
    if (s->bad) return;
    uint8_t *at = m ? (uint8_t *)object + m->at : NULL;
    if (!is_string) {
        uint64_t value = scan_number(s);
        if (m) memcpy(at, &value, sizeof value);
        return;
    }
    struct str value = scan_string(s);
    if (!m || s->bad) return;
    if (m->kind == MEMBER_WORD)
        memcpy(at, &value, sizeof value);
    else if (!str_from_hex(value, at, m->bytes))
        s->bad = true;
}

/* `seen` gets a bit per member; a member named twice is refused. Returns the name of a member whose
 * value is an array and stands next, or an empty string at the object's end. */
static struct str scan_members(struct scan *s, const struct member *members, void *object,
                               unsigned *seen) {
    do {
        struct str name = scan_string(s);
        scan_need(s, ':');
        if (s->bad || scan_peek(s) == '[') return name;
        const struct member *m = members;
        while (m->name && !str_is(name, m->name))
            m++;
        unsigned bit = m->name ? 1u << (m - members) : 0;
        if (*seen & bit) s->bad = true;
        *seen |= bit;
        scan_value(s, m->name ? m : NULL, object);
    } while (scan_char(s, ','));
    return STR("");
}

struct slot_text {
    struct seal_slot slot;
    struct str way, kdf;
};

static const struct member slot_members[] = {
    {"way", MEMBER_WORD, offsetof(struct slot_text, way), 0},
    {"kdf", MEMBER_WORD, offsetof(struct slot_text, kdf), 0},
    {"ops", MEMBER_NUMBER, offsetof(struct slot_text, slot.ops), 0},
    {"mem", MEMBER_NUMBER, offsetof(struct slot_text, slot.mem_bytes), 0},
    {"salt", MEMBER_HEX, offsetof(struct slot_text, slot.salt), 16},
    {"nonce", MEMBER_HEX, offsetof(struct slot_text, slot.nonce), 24},
    {"key", MEMBER_HEX, offsetof(struct slot_text, slot.key), 48},
    {0},
};
#define ALL_SLOT_MEMBERS 0x7fu

static enum seal_way slot_way(const struct slot_text *t) {
    if (str_is(t->way, "passphrase") && str_is(t->kdf, "argon2id13")) return SEAL_WAY_PASSPHRASE;
    if (str_is(t->way, "recovery") && str_is(t->kdf, "blake2b")) return SEAL_WAY_RECOVERY;
    return SEAL_WAY_UNKNOWN;
}

static void scan_slot(struct scan *s, struct seal_wrapped *w) {
    struct slot_text t = {0};
    unsigned seen = 0;
    scan_need(s, '{');
    if (!s->bad && scan_members(s, slot_members, &t, &seen).n > 0) s->bad = true;
    scan_need(s, '}');
    t.slot.way = slot_way(&t);
    if (s->bad || t.slot.way == SEAL_WAY_UNKNOWN) return;
    bool sane = seen == ALL_SLOT_MEMBERS && t.slot.ops <= SEAL_WRAPPED_MAX_OPS &&
                t.slot.mem_bytes <= SEAL_WRAPPED_MAX_MEM;
    if (!sane || w->slots_n == SEAL_WRAPPED_MAX_SLOTS)
        s->bad = true;
    else
        w->slots[w->slots_n++] = t.slot;
}

static void scan_slots(struct scan *s, struct seal_wrapped *w) {
    scan_need(s, '[');
    if (scan_char(s, ']')) return;
    do
        scan_slot(s, w);
    while (scan_char(s, ','));
    scan_need(s, ']');
}

struct file_text {
    struct seal_wrapped w;
    uint64_t version;
    uint8_t key_id[8]; /* most significant first */
};

static const struct member file_members[] = {
    {"weir_team", MEMBER_NUMBER, offsetof(struct file_text, version), 0},
    {"key_id", MEMBER_HEX, offsetof(struct file_text, key_id), 8},
    {"public", MEMBER_HEX, offsetof(struct file_text, w.pub.key), 32},
    {0},
};
#define ALL_FILE_MEMBERS 0x7u

static void scan_file(struct scan *s, struct file_text *f) {
    unsigned seen = 0;
    bool slots_seen = false;
    scan_need(s, '{');
    do {
        struct str array = scan_members(s, file_members, f, &seen);
        if (array.n == 0) break;
        if (s->bad || slots_seen || !str_is(array, "slots")) s->bad = true;
        if (!s->bad) scan_slots(s, &f->w);
        slots_seen = true;
    } while (scan_char(s, ','));
    scan_need(s, '}');
    scan_peek(s);
    if (seen != ALL_FILE_MEMBERS || !slots_seen || s->rest.n > 0) s->bad = true;
}

struct err seal_wrapped_parse(struct str file, struct seal_wrapped *out) {
    if (file.n > SEAL_WRAPPED_MAX_BYTES) return ERR(ERR_CORRUPT, "wrapped team key: file too long");
    struct file_text f = {0};
    struct scan s = {.rest = file};
    scan_file(&s, &f);
    if (s.bad) return ERR(ERR_CORRUPT, "wrapped team key: not in its format");
    if (f.version != 1) return ERR(ERR_CORRUPT, "wrapped team key: unknown version");
    for (int i = 0; i < 8; i++)
        f.w.pub.id = f.w.pub.id << 8 | f.key_id[i];
    if (!team_public_valid(&f.w.pub))
        return ERR(ERR_CORRUPT, "wrapped team key: its public key does not check");
    *out = f.w;
    return ERR_NONE;
}

static void print_slot(const struct seal_slot *s, struct buf *out) {
    bool passphrase = s->way == SEAL_WAY_PASSPHRASE;
    buf_printf(out, "\n  {\"way\":\"%s\",\"kdf\":\"%s\",\"ops\":%llu,\"mem\":%llu,\"salt\":\"",
               passphrase ? "passphrase" : "recovery", passphrase ? "argon2id13" : "blake2b",
               (unsigned long long)s->ops, (unsigned long long)s->mem_bytes);
    buf_put_hex(out, s->salt, sizeof s->salt);
    buf_put_str(out, STR("\",\"nonce\":\""));
    buf_put_hex(out, s->nonce, sizeof s->nonce);
    buf_put_str(out, STR("\",\"key\":\""));
    buf_put_hex(out, s->key, sizeof s->key);
    buf_put_str(out, STR("\"}"));
}

void seal_wrapped_print(const struct seal_wrapped *w, struct buf *out) {
    buf_printf(out, "{\"weir_team\":1,\"key_id\":\"%016llx\",\"public\":\"",
               (unsigned long long)w->pub.id);
    buf_put_hex(out, w->pub.key, sizeof w->pub.key);
    buf_put_str(out, STR("\",\"slots\":["));
    for (size_t i = 0; i < w->slots_n; i++) {
        if (i > 0) buf_put_char(out, ',');
        print_slot(&w->slots[i], out);
    }
    buf_put_str(out, STR("\n]}\n"));
}
