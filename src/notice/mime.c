/* mime.c: header fields and bodies of mail, so that no text of anybody can end a field or a part.
 *
 * Every control character in a header becomes a space before anything else is looked at; what is
 * not plain printable ASCII, is long, or looks like an encoded word travels as encoded words
 * (RFC 2047, B). Bodies are text in canonical form: CRLF between lines, quoted-printable (RFC 2045,
 * 6.7) or base64.
 */
#include <assert.h>
#include <sodium.h>

#include "notice/inside.h"

#define LINE_CHARS 76
#define WORD_BYTES 39 /* of text in one encoded word: 52 of base64, 64 with its frame */
#define PHRASE_BYTES 512

/* ---- fields ---- */

static bool is_plain(struct str text, size_t room) {
    if (text.n > room || str_contains(text, STR("=?"))) return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~') return false;
    return true;
}

static void put_base64(struct buf *b, struct str s) {
    size_t n = sodium_base64_ENCODED_LEN(s.n, sodium_base64_VARIANT_ORIGINAL);
    char *room = buf_room(b, n);
    if (!room) return;
    sodium_bin2base64(room, n, (const uint8_t *)s.p, s.n, sodium_base64_VARIANT_ORIGINAL);
    b->n += n - 1;
}

/* At most WORD_BYTES, never inside a character. */
static struct str next_word(struct str *rest) {
    struct str word = *rest;
    if (word.n > WORD_BYTES) {
        word.n = WORD_BYTES;
        while (word.n > WORD_BYTES - 4 && ((uint8_t)rest->p[word.n] & 0xc0) == 0x80)
            word.n--;
    }
    *rest = str_from(*rest, word.n);
    return word;
}

static void put_words(struct buf *b, struct str text) {
    for (bool first = true; text.n; first = false) {
        if (!first) buf_put_str(b, STR("\r\n "));
        buf_put_str(b, STR("=?UTF-8?B?"));
        put_base64(b, next_word(&text));
        buf_put_str(b, STR("?="));
    }
}

/* A copy without control characters, cut to whole valid characters. */
static struct str tame(struct str text, char out[PHRASE_BYTES]) {
    text.n = str_utf8_prefix(text);
    if (text.n > PHRASE_BYTES) {
        text.n = PHRASE_BYTES;
        text.n = str_utf8_prefix(text);
    }
    for (size_t i = 0; i < text.n; i++)
        out[i] = (uint8_t)text.p[i] < ' ' || text.p[i] == 0x7f ? ' ' : text.p[i];
    return str_trim((struct str){out, text.n});
}

void notice_mime_field(struct buf *b, const char *name, struct str text) {
    char copy[PHRASE_BYTES];
    text = tame(text, copy);
    size_t head = strlen(name) + 2;
    assert(head < LINE_CHARS / 2);
    buf_printf(b, "%s: ", name);
    if (is_plain(text, LINE_CHARS - head))
        buf_put_str(b, text);
    else
        put_words(b, text);
    buf_put_str(b, STR("\r\n"));
}

void notice_mime_from(struct buf *b, const char *name, struct str phrase, struct str address) {
    char copy[PHRASE_BYTES];
    phrase = tame(phrase, copy);
    buf_printf(b, "%s: ", name);
    bool quotable = is_plain(phrase, LINE_CHARS / 2) && !str_contains(phrase, STR("\"")) &&
                    !str_contains(phrase, STR("\\"));
    if (phrase.n && quotable)
        buf_printf(b, "\"" STR_FMT "\"", STR_ARG(phrase));
    else if (phrase.n)
        put_words(b, phrase);
    buf_printf(b, "%s<" STR_FMT ">\r\n", phrase.n ? "\r\n " : "", STR_ARG(address));
}

void notice_mime_date(struct buf *b, int64_t at_us) {
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    AUTO(zone_free) struct zone *utc = NULL;
    struct civil c;
    if (zone_open(STR("UTC"), &utc).code != ERR_OK) return;
    zone_civil(utc, at_us, &c);
    buf_printf(b, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[c.weekday], c.day,
               months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* ---- bodies ---- */

/* The next character of the text in canonical form: any line end is '\n'. */
static int next_char(struct str *s) {
    char c = s->p[0];
    if (c == '\r' && s->n > 1 && s->p[1] == '\n') *s = str_from(*s, 1);
    *s = str_from(*s, 1);
    return c == '\r' ? '\n' : (uint8_t)c;
}

static bool at_line_end(struct str s) {
    return s.n == 0 || s.p[0] == '\n' || s.p[0] == '\r';
}

static void put_quoted(struct buf *b, struct str s) {
    size_t column = 0;
    while (s.n) {
        int c = next_char(&s);
        if (c == '\n') {
            buf_put_str(b, STR("\r\n"));
            column = 0;
            continue;
        }
        bool first = column == 0 && (c == '.' || c == 'F'); /* "From " and dots, for old relays */
        bool plain = c >= ' ' && c <= '~' && c != '=' && !first;
        if (c == ' ' && at_line_end(s)) plain = false;
        size_t needs = plain ? 1 : 3;
        if (column + needs > LINE_CHARS - 1) {
            buf_put_str(b, STR("=\r\n"));
            column = 0;
        }
        if (plain)
            buf_put_char(b, (char)c);
        else
            buf_printf(b, "=%02X", (unsigned)c);
        column += needs;
    }
    if (column) buf_put_str(b, STR("\r\n"));
}

static void put_base64_lines(struct buf *b, struct str s) {
    AUTO(buf_done) struct buf canonical;
    buf_init(&canonical, b->max);
    while (s.n) {
        int c = next_char(&s);
        if (c == '\n') buf_put_char(&canonical, '\r');
        buf_put_char(&canonical, (char)c);
    }
    struct str rest = buf_str(&canonical);
    if (buf_err(&canonical).code) b->failed = buf_err(&canonical).code;
    while (rest.n) {
        struct str line = rest;
        if (line.n > 57) line.n = 57; /* 76 characters */
        rest = str_from(rest, line.n);
        put_base64(b, line);
        buf_put_str(b, STR("\r\n"));
    }
}

void notice_mime_part(struct buf *b, const char *type, struct str text) {
    size_t odd = 0;
    for (size_t i = 0; i < text.n; i++)
        odd += (uint8_t)text.p[i] >= 0x7f;
    bool base64 = odd > text.n / 6; /* there three bytes for one cost more than four for three */
    buf_printf(b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n", type,
               base64 ? "base64" : "quoted-printable");
    if (base64)
        put_base64_lines(b, text);
    else
        put_quoted(b, text);
}

void notice_html(struct buf *b, struct str text) {
    while (text.n) {
        int c = next_char(&text);
        if (c == '&')
            buf_put_str(b, STR("&amp;"));
        else if (c == '<')
            buf_put_str(b, STR("&lt;"));
        else if (c == '>')
            buf_put_str(b, STR("&gt;"));
        else if (c == '"')
            buf_put_str(b, STR("&quot;"));
        else if (c == '\'')
            buf_put_str(b, STR("&#39;"));
        else if (c == '\n')
            buf_put_str(b, STR("<br>\n"));
        else if (c >= ' ' || c == '\t')
            buf_put_char(b, (char)c);
    }
}
