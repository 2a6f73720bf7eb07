/* shapes.c: the detectors, by hand, one pass each.
 *
 * Most texts are short words; one look at which bytes occur (a digit? an '@'? a ':'?) tells which
 * detectors can match at all, so that "pro" and "/pricing" cost one loop.
 *
 * A random token is told by how it is spelled: machines mix letters and digits, people put digits
 * at the ends of words. So a word (a run of letters and digits) counts as random when it is long
 * and changes often between letters and digits, or between cases with digits among them. Words
 * without a digit are judged only when they are very long and unpronounceable.
 */
#include "intake/shapes.h"

#include <arpa/inet.h>

#define MAX_LOOK_BYTES 8192

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
static bool is_alnum(char c) {
    return is_digit(c) || is_lower(c) || is_upper(c);
}
static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- e-mail ---- */

static bool beside_at(char c) {
    return is_alnum(c) || c == '.' || c == '_' || c == '+' || c == '-' || c == '%' || c == '\'' ||
           (c & 0x80);
}

bool intake_shape_email(struct str t) {
    for (size_t i = 1; i + 1 < t.n; i++) {
        if (t.p[i] == '@' && beside_at(t.p[i - 1]) && (is_alnum(t.p[i + 1]) || (t.p[i + 1] & 0x80)))
            return true;
    }
    return false;
}

/* ---- IP addresses ---- */

/* At `i` stands a number 0..255 of one to three digits: the place behind it, or 0. */
static size_t octet_end(struct str t, size_t i) {
    unsigned v = 0;
    size_t n = 0;
    while (i + n < t.n && n < 4 && is_digit(t.p[i + n]))
        v = v * 10 + (unsigned)(t.p[i + n++] - '0');
    return n > 0 && n < 4 && v <= 255 ? i + n : 0;
}

static bool v4_at(struct str t, size_t i) {
    if (i > 0 && (is_alnum(t.p[i - 1]) || t.p[i - 1] == '.')) return false;
    for (int part = 0; part < 4; part++) {
        size_t end = octet_end(t, i);
        if (end == 0) return false;
        if (part == 3)
            return end == t.n || !(is_alnum(t.p[end]) ||
                                   (t.p[end] == '.' && end + 1 < t.n && is_digit(t.p[end + 1])));
        if (end == t.n || t.p[end] != '.') return false;
        i = end + 1;
    }
    return false;
}

/* A run of hex digits, colons and dots with at least two colons that the system reads as an IPv6
 * address. */
static bool v6_run(struct str run) {
    char z[INET6_ADDRSTRLEN];
    unsigned char address[16];
    while (run.n > 0 && run.p[run.n - 1] == '.')
        run.n--;
    if (run.n < 3 || run.n >= sizeof z) return false;
    memcpy(z, run.p, run.n);
    z[run.n] = 0;
    return inet_pton(AF_INET6, z, address) == 1;
}

static bool has_v6(struct str t) {
    for (size_t i = 0; i < t.n;) {
        size_t n = 0, colons = 0;
        while (i + n < t.n && (is_hex(t.p[i + n]) || t.p[i + n] == ':' || t.p[i + n] == '.'))
            colons += t.p[i + n++] == ':';
        if (colons >= 2 && v6_run((struct str){t.p + i, n})) return true;
        i += n + 1;
    }
    return false;
}

bool intake_shape_ip(struct str t) {
    for (size_t i = 0; i + 6 < t.n; i++) {
        if (is_digit(t.p[i]) && v4_at(t, i)) return true;
    }
    return has_v6(t);
}

/* ---- cards ---- */

static bool luhn(const char *digits, size_t n) {
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(digits[n - 1 - i] - '0');
        if (i % 2 == 1) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
        sum += d;
    }
    return sum % 10 == 0;
}

bool intake_shape_card(struct str t) {
    for (size_t i = 0; i < t.n; i++) {
        if (!is_digit(t.p[i]) || (i > 0 && is_digit(t.p[i - 1]))) continue;
        char digits[20];
        size_t n = 0, at = i;
        for (; at < t.n && n < sizeof digits; at++) {
            if (is_digit(t.p[at]))
                digits[n++] = t.p[at];
            else if ((t.p[at] != ' ' && t.p[at] != '-') || at + 1 == t.n || !is_digit(t.p[at + 1]))
                break;
        }
        if (n >= 13 && n <= 19 && digits[0] >= '2' && digits[0] <= '6' && luhn(digits, n))
            return true;
    }
    return false;
}

/* ---- JWTs ---- */

static bool is_base64url(char c) {
    return is_alnum(c) || c == '-' || c == '_';
}

bool intake_shape_jwt(struct str t) {
    for (size_t i = 0; i + 12 < t.n; i++) {
        if (memcmp(t.p + i, "eyJ", 3) != 0 || (i > 0 && is_base64url(t.p[i - 1]))) continue;
        size_t n = 3;
        while (i + n < t.n && is_base64url(t.p[i + n]))
            n++;
        if (n >= 10 && i + n + 1 < t.n && t.p[i + n] == '.' && is_base64url(t.p[i + n + 1]))
            return true;
    }
    return false;
}

/* ---- random tokens ---- */

struct spelling {
    size_t digits, uppers, lowers, hexes;
    size_t turns;  /* from letter to digit or back */
    size_t shifts; /* between any two of the three classes, but for a capital that begins small
                      letters */
    size_t longest_consonants;
};

static int class_of(char c) {
    return is_digit(c) ? 0 : is_upper(c) ? 1 : 2;
}

static bool is_vowel(char c) {
    return memchr("aeiouyAEIOUY", c, 12) != NULL;
}

static struct spelling spell(struct str w) {
    struct spelling s = {0};
    size_t consonants = 0;
    for (size_t i = 0; i < w.n; i++) {
        char c = w.p[i];
        s.digits += is_digit(c);
        s.uppers += is_upper(c);
        s.lowers += is_lower(c);
        s.hexes += is_hex(c);
        consonants = is_digit(c) || is_vowel(c) ? 0 : consonants + 1;
        if (consonants > s.longest_consonants) s.longest_consonants = consonants;
        if (i == 0) continue;
        int before = class_of(w.p[i - 1]), now = class_of(c);
        s.turns += (before == 0) != (now == 0);
        s.shifts += before != now && !(before == 1 && now == 2);
    }
    return s;
}

static bool word_is_random(struct str w) {
    if (w.n < 10) return false;
    struct spelling s = spell(w);
    if (s.digits == w.n) return false; /* numbers are the cards' and the crowd's business */
    if (s.digits == 0) return w.n >= 20 && s.longest_consonants >= 7;
    if (w.n >= 16 && s.hexes == w.n) return true;
    if (w.n >= 24 && s.turns >= 2) return true;
    if (w.n >= 16 && s.turns >= 3) return true;
    return s.uppers >= 2 && s.lowers >= 1 && s.digits >= 2 && s.shifts >= 4;
}

/* 8-4-4-4-12 hex digits. */
static bool uuid_at(struct str t, size_t i) {
    if (i + 36 > t.n) return false;
    for (size_t j = 0; j < 36; j++) {
        bool dash = j == 8 || j == 13 || j == 18 || j == 23;
        if (dash ? t.p[i + j] != '-' : !is_hex(t.p[i + j])) return false;
    }
    return true;
}

bool intake_shape_token(struct str t) {
    for (size_t i = 0; i < t.n;) {
        size_t n = 0;
        while (i + n < t.n && is_alnum(t.p[i + n]))
            n++;
        if (n == 8 && uuid_at(t, i)) return true;
        if (word_is_random((struct str){t.p + i, n})) return true;
        i += n + 1;
    }
    return false;
}

/* ---- all ---- */

struct seen {
    size_t digits, colons;
    size_t longest_word; /* of letters and digits */
    bool at, dot, percent;
};

static struct seen look(struct str t) {
    struct seen s = {0};
    size_t word = 0;
    for (size_t i = 0; i < t.n; i++) {
        char c = t.p[i];
        word = is_alnum(c) ? word + 1 : 0;
        if (word > s.longest_word) s.longest_word = word;
        s.digits += is_digit(c);
        s.colons += c == ':';
        s.at |= c == '@';
        s.dot |= c == '.';
        s.percent |= c == '%';
    }
    return s;
}

static bool plain_sealed(struct str t, const struct seen *s) {
    if (s->at && intake_shape_email(t)) return true;
    if (((s->dot && s->digits >= 4) || s->colons >= 2) && intake_shape_ip(t)) return true;
    if (s->digits >= 13 && intake_shape_card(t)) return true;
    if (s->dot && s->longest_word >= 3 && intake_shape_jwt(t)) return true;
    return s->longest_word >= 8 && intake_shape_token(t);
}

static int hex_value(char c) {
    return is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool intake_shape_sealed(struct str t) {
    if (t.n > MAX_LOOK_BYTES) return true;
    struct seen s = look(t);
    if (plain_sealed(t, &s)) return true;
    if (!s.percent) return false;
    char decoded[MAX_LOOK_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] == '%' && i + 2 < t.n && is_hex(t.p[i + 1]) && is_hex(t.p[i + 2])) {
            decoded[n++] = (char)(hex_value(t.p[i + 1]) * 16 + hex_value(t.p[i + 2]));
            i += 2;
        } else {
            decoded[n++] = t.p[i];
        }
    }
    struct str d = {decoded, n};
    s = look(d);
    return plain_sealed(d, &s);
}
