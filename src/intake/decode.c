/* decode.c: encodings off, one after the other, until JSON lies there.
 *
 *   body -> [gunzip] -> form? -> data= percent-decoded -> JSON? else base64 -> [gunzip] -> JSON
 *
 * Form and base64 share the character '+': mixpanel-node posts base64 that is not percent-encoded,
 * so the decoder reads
 * '+' as a space, as forms want it (python sends plain JSON that way), and base64 reads spaces as
 * '+' again.
 */
#include "intake/decode.h"

#include <zlib.h>

static char *room(struct arena *a, size_t n) {
    return n > SIZE_MAX - DECODE_SLACK_BYTES ? NULL : arena_alloc(a, n + DECODE_SLACK_BYTES);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    char l = (char)(c | 0x20);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

struct str intake_percent_decode(struct arena *a, struct str s, bool plus_is_space) {
    char *to = room(a, s.n);
    if (!to) return (struct str){0};
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%' && i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0) {
            c = (char)(hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        to[n++] = c;
    }
    return (struct str){to, n};
}

/* ---- base64 ---- */

enum { B64_BAD = 64, B64_SKIP = 65, B64_END = 66 };

static unsigned char b64_value(unsigned char c) {
    if (c >= 'A' && c <= 'Z') return (unsigned char)(c - 'A');
    if (c >= 'a' && c <= 'z') return (unsigned char)(c - 'a' + 26);
    if (c >= '0' && c <= '9') return (unsigned char)(c - '0' + 52);
    if (c == '+' || c == '-' || c == ' ') return 62;
    if (c == '/' || c == '_') return 63;
    if (c == '=') return B64_END;
    return c == '\r' || c == '\n' ? B64_SKIP : B64_BAD;
}

struct err intake_base64(struct arena *a, struct str s, struct str *out) {
    unsigned char values[256];
    for (unsigned c = 0; c < 256; c++)
        values[c] = b64_value((unsigned char)c);
    s = (struct str){s.p, s.n};
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    char *to = room(a, s.n / 4 * 3 + 3);
    if (!to) return ERR(ERR_NOMEM, "intake: base64");
    size_t n = 0;
    uint32_t bits = 0, held = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char v = values[(unsigned char)s.p[i]];
        if (v == B64_SKIP) continue;
        if (v == B64_END) break;
        if (v == B64_BAD) return ERR(ERR_INVALID, "the data is neither JSON nor base64");
        bits = bits << 6 | v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[n++] = (char)(bits >> held);
        }
    }
    *out = (struct str){to, n};
    return ERR_NONE;
}

/* ---- gzip ---- */

static void inflate_end_auto(z_stream *z) {
    inflateEnd(z);
}

struct err intake_gunzip(struct arena *a, struct str in, size_t max_bytes, struct str *out) {
    AUTO(inflate_end) z_stream z = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
    if (in.n > UINT32_MAX) return ERR(ERR_LIMIT, "the request is too large");
    if (inflateInit2(&z, 15 + 16) != Z_OK) return ERR(ERR_NOMEM, "intake: gunzip");
    AUTO(buf_done) struct buf b;
    buf_init(&b, max_bytes + 1);
    int rc = Z_OK;
    while (rc != Z_STREAM_END) {
        size_t piece = b.n < max_bytes + 1 - 65536 ? 65536 : max_bytes + 1 - b.n;
        char *at = piece > 0 ? buf_room(&b, piece) : NULL;
        if (piece == 0) return ERR(ERR_LIMIT, "the request is too large once unpacked");
        if (!at) return ERR(ERR_NOMEM, "intake: gunzip");
        z.next_out = (Bytef *)at;
        z.avail_out = (uInt)piece;
        rc = inflate(&z, Z_NO_FLUSH);
        b.n += piece - z.avail_out;
        if (rc != Z_OK && rc != Z_STREAM_END) return ERR(ERR_INVALID, "the gzip data is broken");
    }
    if (b.n > max_bytes) return ERR(ERR_LIMIT, "the request is too large once unpacked");
    char *to = room(a, b.n);
    if (!to) return ERR(ERR_NOMEM, "intake: gunzip");
    if (b.n > 0) memcpy(to, b.p, b.n);
    secret_wipe(b.p, b.n);
    *out = (struct str){to, b.n};
    return ERR_NONE;
}

static bool is_gzip(struct str s) {
    return s.n >= 2 && (unsigned char)s.p[0] == 0x1f && (unsigned char)s.p[1] == 0x8b;
}

/* ---- UTF-8 ---- */

/* At p stands ED A0..AF xx ED B0..BF xx: the pair as one code point, else 0. */
static uint32_t cesu_pair(const unsigned char *p, size_t n) {
    if (n < 6 || p[0] != 0xed || (p[1] & 0xf0) != 0xa0 || (p[2] & 0xc0) != 0x80) return 0;
    if (p[3] != 0xed || (p[4] & 0xf0) != 0xb0 || (p[5] & 0xc0) != 0x80) return 0;
    uint32_t high = ((uint32_t)(p[1] & 0x0f) << 6) | (p[2] & 0x3f);
    uint32_t low = ((uint32_t)(p[4] & 0x0f) << 6) | (p[5] & 0x3f);
    return 0x10000 + (high << 10) + low;
}

static size_t put_code_point(char *to, uint32_t c) {
    to[0] = (char)(0xf0 | (c >> 18));
    to[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    to[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    to[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* \uXXXX at p: its value, or -1. */
static int escape_value(const char *p, size_t n) {
    if (n < 6 || p[0] != '\\' || p[1] != 'u') return -1;
    int v = 0;
    for (int i = 2; i < 6; i++) {
        int h = hex_value(p[i]);
        if (h < 0) return -1;
        v = v * 16 + h;
    }
    return v;
}

/* A backslash at p: copies the escape (a pair whole, a lone half as U+FFFD). Returns how many bytes
 * were read. */
static size_t copy_escape(const char *p, size_t n, char *to, size_t *out_n) {
    int v = escape_value(p, n);
    if (v < 0xd800 || v > 0xdfff) {
        size_t take = n >= 2 && !((unsigned char)p[1] & 0x80) ? 2 : 1;
        memcpy(to, p, take);
        *out_n = take;
        return take;
    }
    int low = v < 0xdc00 ? escape_value(p + 6, n - 6) : -1;
    if (low >= 0xdc00 && low <= 0xdfff) {
        memcpy(to, p, 12);
        *out_n = 12;
        return 12;
    }
    memcpy(to, "\\ufffd", 6);
    *out_n = 6;
    return 6;
}

struct str intake_repair_utf8(struct arena *a, struct str s) {
    if (s.n > SIZE_MAX / 3 - DECODE_SLACK_BYTES) return (struct str){0};
    char *to = room(a, s.n * 3); /* one bad byte becomes three */
    if (!to) return (struct str){0};
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] == '\\') {
            size_t put = 0;
            i += copy_escape(s.p + i, s.n - i, to + n, &put);
            n += put;
            continue;
        }
        const char *slash = memchr(s.p + i, '\\', s.n - i);
        struct str piece = {s.p + i, slash ? (size_t)(slash - s.p) - i : s.n - i};
        size_t good = str_utf8_prefix(piece);
        memcpy(to + n, piece.p, good);
        n += good;
        i += good;
        if (good == piece.n) continue;
        uint32_t c = cesu_pair((const unsigned char *)s.p + i, s.n - i);
        if (c) {
            n += put_code_point(to + n, c);
            i += 6;
        } else {
            memcpy(to + n, "\xef\xbf\xbd", 3);
            n += 3;
            bool half = s.n - i >= 3 && (unsigned char)s.p[i] == 0xed &&
                        ((unsigned char)s.p[i + 1] & 0xe0) == 0xa0;
            i += half ? 3 : 1;
        }
    }
    return (struct str){to, n};
}

/* ---- the whole ---- */

static struct str trim_front(struct str s) {
    size_t i = 0;
    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t'))
        i++;
    if (s.n - i >= 3 && memcmp(s.p + i, "\xef\xbb\xbf", 3) == 0) i += 3; /* a byte order mark */
    return str_from(s, i);
}

static bool is_json(struct str s) {
    return s.n > 0 && (s.p[0] == '{' || s.p[0] == '[');
}

/* data= or a bare body that is not JSON: base64, perhaps of gzip. */
static struct err unwrap(struct arena *a, struct str s, size_t max_bytes, struct str *out) {
    struct str text = trim_front(s);
    if (is_json(text)) {
        *out = text;
        return ERR_NONE;
    }
    TRY(intake_base64(a, text, &text));
    if (is_gzip(text)) TRY(intake_gunzip(a, text, max_bytes, &text));
    text = trim_front(text);
    if (!is_json(text)) return ERR(ERR_INVALID, "the data is neither JSON nor base64 of JSON");
    *out = text;
    return ERR_NONE;
}

/* name=value at the start, with a name of the kind that forms have. */
static bool is_form(struct str s) {
    size_t i = 0;
    while (i < s.n && i < 32 && ((s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_'))
        i++;
    if (i == 0 || i == s.n || s.p[i] != '=') return false;
    return str_starts(s, STR("data=")) || memmem(s.p, s.n, "&data=", 6) != NULL;
}

struct err intake_decode(struct arena *a, struct str body, size_t max_bytes,
                         struct intake_params *p, struct intake_decoded *out) {
    *out = (struct intake_decoded){.from = BODY_FORM};
    if (body.n > max_bytes) return ERR(ERR_LIMIT, "the request is too large");
    if (is_gzip(body)) TRY(intake_gunzip(a, body, max_bytes, &body));
    struct str text = trim_front(body);
    if (is_form(text)) {
        TRY(intake_params_read(a, text, p));
    } else if (text.n > 0) {
        out->from = BODY_JSON;
        return unwrap(a, text, max_bytes, &out->text);
    }
    if (!p->has_data || p->data.n == 0) return ERR(ERR_NOTFOUND, "there is no data");
    return unwrap(a, p->data, max_bytes, &out->text);
}
