// modules: base json letterbox meta seal registry crowd journal part query store health status post
// notice
/* First line: alerts as a stranger posts them; second: an address that wants notices; third: an
 * incident's name; the rest: an update's text. Invariants: what is taken as an address can stand in
 * an SMTP command; a mail is lines of ASCII that end in CRLF, has each of its fields once, and
 * three boundaries, whatever the texts say; a webhook's body is JSON. */
#include <stdlib.h>

#include "fuzz.h"
#include "notice/inside.h"

static void check_alerts(struct str text, struct arena *a) {
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 20);
    const struct json *v = NULL;
    struct notice_alert *alerts = NULL;
    size_t n = 0;
    int64_t now = INT64_C(1764683100) * US_PER_S;
    if (!p || json_parse_copy(p, text, a, &v).code != ERR_OK) return;
    if (notice_alerts_read(v, now, a, &alerts, &n).code != ERR_OK) return;
    assert(n <= NOTICE_ALERTS);
    for (size_t i = 0; i < n; i++)
        assert(alerts[i].since_us > 0 && alerts[i].since_us <= now);
}

static void check_address(struct str s) {
    struct str host;
    if (notice_mail_ok(s)) {
        assert(s.n <= 254 && notice_mail_domain(s).n > 0);
        for (size_t i = 0; i < s.n; i++)
            assert(s.p[i] > ' ' && s.p[i] < 0x7f && !strchr("<>\"(),:;[]\\", s.p[i]));
    }
    if (notice_url_ok(s, &host)) {
        assert(host.n > 0 && host.p >= s.p && host.p + host.n <= s.p + s.n);
        assert(!memchr(s.p, '\r', s.n) && !memchr(s.p, '\n', s.n) && !memchr(host.p, '@', host.n));
    }
}

static size_t count(struct str text, struct str needle) {
    size_t n = 0;
    for (size_t i = 0; i + needle.n <= text.n; i++)
        n += memcmp(text.p + i, needle.p, needle.n) == 0;
    return n;
}

static void check_mail(struct str m) {
    for (size_t i = 0, column = 0; i < m.n; i++) {
        bool end = m.p[i] == '\r';
        assert((uint8_t)m.p[i] < 0x7f && (uint8_t)m.p[i] >= (end ? '\r' : ' '));
        if (end) assert(i + 1 < m.n && m.p[++i] == '\n');
        column = end ? 0 : column + 1;
        assert(column <= 998);
    }
    struct str head = m;
    for (head.n = 0; memcmp(m.p + head.n, "\r\n\r\n", 4) != 0;)
        head.n++;
    static const char *const once[] = {"\r\nTo: ",         "\r\nFrom: ",    "\r\nSubject: ",
                                       "\r\nMessage-ID: ", "\r\nList-Id: ", "\r\nMIME-Version: "};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        assert(count(head, str_z(once[i])) == 1);
    assert(count(head, STR("\r\nBcc:")) == 0 && count(m, STR("\r\n--=_weir_")) == 3);
}

static void check_words(struct str title, struct str body, struct arena *a) {
    static const uint8_t root[32] = {7};
    struct notice_keys keys;
    notice_keys_derive(root, &keys);
    struct notice_letterhead head = {STR("https://status.example"), STR("s@example.com"), &keys};
    struct notice_story s = {.about = NOTICE_OF_INCIDENT,
                             .event = STR("uuuuuuuuuuuu"),
                             .incident = STR("iiiiiiiiiiii"),
                             .title = title,
                             .page = title,
                             .components = title,
                             .body = body};
    struct notice_reader to = {7, NOTICE_MAIL, STR("a@b.cc"), STR("secret")};
    AUTO(buf_done) struct buf b;
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(1u << 20);
    buf_init(&b, 1u << 20);
    notice_mail_write(&b, &head, &s, &to);
    if (buf_err(&b).code == ERR_OK) check_mail(buf_str(&b));
    for (int k = NOTICE_WEBHOOK; p && k <= NOTICE_ALERTMANAGER; k++) {
        const struct json *v = NULL;
        buf_clear(&b);
        to.kind = (enum notice_kind)k;
        notice_hook_body(&b, &head, &s, &to);
        assert(buf_err(&b).code == ERR_OK);
        assert(json_parse_copy(p, buf_str(&b), a, &v).code == ERR_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    struct str rest = {(const char *)bytes, n};
    if (n > 16384) return 0;
    AUTO(arena_free) struct arena *a = arena_new(0);
    check_alerts(str_cut(&rest, '\n'), a);
    check_address(str_cut(&rest, '\n'));
    struct str title = str_cut(&rest, '\n');
    if (title.n > 300) title.n = 300;
    if (rest.n > NOTICE_BODY_BYTES) rest.n = NOTICE_BODY_BYTES;
    check_words(title, rest, a);
    return 0;
}
