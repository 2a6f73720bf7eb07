/* compose_test.c: mails and bodies as they travel, with names that want to break out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "notice/inside.h"
#include "seal/seal.h"

static struct notice_keys keys;
static struct notice_letterhead head = {STR("https://status.example"), STR("status@example.com"),
                                        &keys};
static struct notice_reader reader = {7, NOTICE_MAIL, STR("ada@example.org"), STR("s3cret")};
static struct notice_story story;
static struct buf out;

static int begin(void **state) {
    static const uint8_t root[32] = {1};
    notice_keys_derive(root, &keys);
    story = (struct notice_story){.at_us = 1764683100 * US_PER_S, /* 2 Dec 2025 13:45 UTC */
                                  .about = NOTICE_OF_INCIDENT,
                                  .event = STR("uuuuuuuuuuuu"),
                                  .incident = STR("iiiiiiiiiiii"),
                                  .title = STR("Search is slow"),
                                  .body = STR("We look.\nMore soon."),
                                  .page = STR("Acme Status"),
                                  .components = STR("Search, Sign in"),
                                  .json = STR("{\"page\":{\"id\":\"p\"}}"),
                                  .phase = STATUS_IDENTIFIED,
                                  .impact = STATUS_IMPACT_MAJOR};
    buf_init(&out, 1u << 20);
    return 0;
}
static int end(void **state) {
    buf_done(&out);
    return 0;
}

static const char *written(void) {
    buf_put_char(&out, 0);
    assert_int_equal(buf_err(&out).code, ERR_OK);
    return out.p;
}
static const char *mail(void) {
    notice_mail_write(&out, &head, &story, &reader);
    return written();
}
static const char *hook(enum notice_kind k) {
    reader.kind = k;
    notice_hook_body(&out, &head, &story, &reader);
    reader.kind = NOTICE_MAIL;
    return written();
}

static bool has(const char *text, const char *needle) {
    return strstr(text, needle) != NULL;
}

/* Every line ends in CRLF, is at most 998 bytes, and holds no control character but tab. */
static void check_lines(const char *text) {
    size_t column = 0;
    for (const char *p = text; *p; p++) {
        if (p[0] == '\r') {
            assert_int_equal(p[1], '\n');
            p++;
            column = 0;
            continue;
        }
        assert_true((uint8_t)*p >= ' ' || *p == '\t');
        assert_true(++column <= 998);
    }
}

static void a_mail_has_its_fields_and_two_parts(void **state) {
    const char *m = mail();
    check_lines(m);
    assert_true(has(m, "Date: Tue, 02 Dec 2025 13:45:00 +0000\r\n"));
    assert_true(has(m, "From: \"Acme Status\"\r\n <status@example.com>\r\n"));
    assert_true(has(m, "To: <ada@example.org>\r\n"));
    assert_true(has(m, "Subject: [Acme Status] Search is slow\r\n"));
    assert_true(has(m, "Message-ID: <iiiiiiiiiiii.uuuuuuuuuuuu@example.com>\r\n"));
    assert_false(has(m, "In-Reply-To"));
    assert_true(has(m, "Auto-Submitted: auto-generated\r\n"));
    assert_true(has(m, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    assert_true(has(m, "Content-Type: text/plain; charset=utf-8\r\n"));
    assert_true(has(m, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_true(has(m, "Identified: Search is slow\r\n\r\nWe look.\r\nMore soon.\r\n"));
    assert_true(has(m, "https://status.example/status/incidents/iiiiiiiiiiii"));
}

static void later_mails_of_an_incident_name_the_first(void **state) {
    story.first = STR("ffffffffffff");
    const char *m = mail();
    assert_true(has(m, "Subject: Re: [Acme Status] Search is slow\r\n"));
    assert_true(has(m, "In-Reply-To: <iiiiiiiiiiii.ffffffffffff@example.com>\r\n"));
    assert_true(has(m, "References: <iiiiiiiiiiii.ffffffffffff@example.com>\r\n"));
}

static void the_link_to_leave_is_the_readers_own(void **state) {
    char token[NOTICE_TOKEN_CHARS + 1], want[200];
    int64_t id = 0;
    notice_token_make(&keys, NOTICE_UNSUBSCRIBE, 7, token);
    snprintf(want, sizeof want,
             "List-Unsubscribe:\r\n <https://status.example/status/unsubscribe/%s>\r\n", token);
    assert_true(has(mail(), want));
    assert_true(notice_token_read(&keys, NOTICE_UNSUBSCRIBE, str_z(token), &id));
    assert_int_equal(id, 7);
    assert_false(notice_token_read(&keys, NOTICE_CONFIRM, str_z(token), &id));
    for (size_t i = 0; i < NOTICE_TOKEN_CHARS; i++) {
        token[i] ^= 1;
        assert_false(notice_token_read(&keys, NOTICE_UNSUBSCRIBE, str_z(token), &id));
        token[i] ^= 1;
    }
}

static size_t fields(const char *m, const char *name) {
    size_t n = 0, k = strlen(name);
    const char *stop = strstr(m, "\r\n\r\n");
    for (const char *p = m; p && p < stop; p = strstr(p, "\r\n") ? strstr(p, "\r\n") + 2 : NULL)
        n += strncmp(p, name, k) == 0;
    return n;
}

static void no_name_can_add_a_field(void **state) {
    static const char *const hostile[] = {"x\r\nBcc: everybody@example.com",
                                          "x\nBcc: a@b.cc\n\nbody",
                                          "\r\n\r\nBcc: x",
                                          "=?UTF-8?Q?=0D=0ABcc:_x?=",
                                          "x\0Bcc: y",
                                          "\"quoted\\\" <evil@x.yz>",
                                          ("\xe2\x80\xa8"
                                           "Bcc: x"),
                                          "\xff\xfe\r\nBcc: x"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        buf_clear(&out);
        story.title = story.page = str_z(hostile[i]);
        const char *m = mail();
        check_lines(m);
        assert_int_equal(fields(m, "Bcc"), 0);
        assert_int_equal(fields(m, "To:"), 1);
        assert_int_equal(fields(m, "From:"), 1);
        assert_int_equal(fields(m, "Subject:"), 1);
    }
}

static void a_body_cannot_end_its_part(void **state) {
    const char *m = mail();
    const char *at = strstr(m, "boundary=\"");
    char boundary[60] = "", body[400];
    sscanf(at, "boundary=\"%50[^\"]", boundary);
    snprintf(body, sizeof body, "x\n--%s--\r\n.\r\nMAIL FROM:<x>\nFrom here\n--%s\n", boundary,
             boundary);
    buf_clear(&out);
    story.body = str_z(body);
    m = mail();
    size_t n = 0;
    for (const char *p = m; (p = strstr(p, boundary)); p++)
        n++;
    assert_int_equal(n, 4); /* the field, two parts, the end */
    assert_false(has(m, "\r\n.\r\n"));
}

static void html_is_escaped(void **state) {
    story.title = STR("<script>alert(1)</script>");
    story.body = STR("\"><img src=x onerror=alert(1)>&'");
    const char *m = mail();
    const char *html = strstr(m, "text/html");
    assert_false(has(html, "<script"));
    assert_false(has(html, "<img"));
}

static void other_scripts_travel_as_encoded_words_and_base64(void **state) {
    story.title = STR("検索が遅い検索が遅い検索が遅い検索が遅い検索が遅い検索が遅い");
    story.body =
        STR("調査中です。調査中です。調査中です。調査中です。調査中です。調査中です。調査中です。"
            "調査中です。調査中です。調査中です。調査中です。調査中です。調査中です。調査中です。");
    const char *m = mail();
    check_lines(m);
    assert_true(has(m, "Subject: =?UTF-8?B?"));
    assert_true(has(m, "Content-Transfer-Encoding: base64"));
    for (const char *p = m; *p; p++)
        assert_true((uint8_t)*p < 0x80);
    for (const char *p = strstr(m, "Subject:"); p && *p != 'M'; p = strstr(p, "\r\n") + 2)
        assert_true(strstr(p, "\r\n") - p <= 76);
}

static void quoted_printable_keeps_lines_short_and_spaces_at_their_end(void **state) {
    char body[3000];
    memset(body, 'a', sizeof body);
    memcpy(body + 100, "= \n \n\xc3\xa9", 7);
    story.body = (struct str){body, sizeof body};
    const char *m = strstr(mail(), "quoted-printable");
    assert_true(has(m, "=3D=20\r\n=20\r\n=C3=A9"));
    for (const char *p = m, *q; (q = strstr(p, "\r\n")); p = q + 2)
        assert_true(q - p <= 76);
}

static void confirming_mails_carry_their_link(void **state) {
    char token[NOTICE_TOKEN_CHARS + 1], want[100];
    story.about = NOTICE_OF_CONFIRM;
    story.incident = (struct str){0};
    story.event = STR("confirm.7.abc");
    notice_token_make(&keys, NOTICE_CONFIRM, 7, token);
    snprintf(want, sizeof want, "https://status.example/status/confirm/%.20s", token);
    const char *m = mail();
    assert_true(has(m, want));
    assert_true(has(m, "Subject: [Acme Status] Please confirm your subscription\r\n"));
    assert_true(has(m, "Message-ID: <confirm.7.abc.7@example.com>\r\n"));
}

static void addresses_are_taken_narrowly(void **state) {
    static const char *const good[] = {"a@b.cc", "first.last+tag@sub.example.org",
                                       "o'hara@x-y.museum", "1@2.example"};
    static const char *const bad[] = {"",         "a",          "@b.cc",         "a@",
                                      "a@b",      "a@b.",       "a@.b",          "a..b@c.dd",
                                      ".a@b.cc",  "a.@b.cc",    "a b@c.dd",      "a@b.cc\r\nRCPT",
                                      "a@b@c.dd", "\"a\"@b.cc", "a@[127.0.0.1]", "a@1.2.3.4",
                                      "a@-b.cc",  "<a@b.cc>",   "a@b.cc>",       "\xc3\xa9@b.cc",
                                      "a@b_c.dd", "a,b@c.dd",   "a;b@c.dd"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(notice_mail_ok(str_z(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(notice_mail_ok(str_z(bad[i])));
    assert_false(notice_mail_ok((struct str){"a@b.cc\0x", 8}));
}

static void urls_are_taken_narrowly(void **state) {
    struct str host;
    assert_true(notice_url_ok(STR("https://hooks.example/x?y=%20z"), &host));
    assert_true(str_is(host, "hooks.example"));
    assert_true(notice_url_ok(STR("http://127.0.0.1:8080"), &host));
    assert_true(notice_url_ok(STR("http://[::1]:8080/x"), &host));
    static const char *const bad[] = {"",
                                      "ftp://x",
                                      "https://",
                                      "https:///x",
                                      "https://user@host/",
                                      "https://good.example\\@evil.example/",
                                      "https://x/\r\nHost: y",
                                      "https://x/ y",
                                      "https://x#y",
                                      "file:///etc/passwd",
                                      "https://:80/",
                                      "HTTPS://x/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(notice_url_ok(str_z(bad[i]), &host));
}

static void bodies_have_their_receivers_shapes(void **state) {
    const char *b = hook(NOTICE_WEBHOOK);
    assert_true(has(b, "{\"meta\":{\"unsubscribe\":\"https://status.example/status/unsubscribe/"));
    assert_true(has(b, "\"generated_at\":\"2025-12-02T13:45:00.000Z\"},\"page\":{\"id\":\"p\"}}"));
    buf_clear(&out);
    b = hook(NOTICE_SLACK);
    assert_true(has(b, "{\"text\":\"Acme Status: *Identified* - Search is slow "
                       "<https://status.example/status/incidents/iiiiiiiiiiii|Details>\""));
    buf_clear(&out);
    b = hook(NOTICE_ALERT_HOOK);
    assert_true(has(b, "\"version\":\"4\""));
    assert_true(has(b, "\"status\":\"firing\""));
    buf_clear(&out);
    story.phase = STATUS_RESOLVED;
    b = hook(NOTICE_ALERT_HOOK);
    assert_true(has(b, "\"status\":\"resolved\""));
    buf_clear(&out);
    b = hook(NOTICE_ALERTMANAGER);
    assert_int_equal(b[0], '[');
    assert_true(has(b, "\"endsAt\":\"2025-12-02T13:45:00.000Z\""));
}

static void slack_links_cannot_be_forged(void **state) {
    story.title = STR("<!channel> <https://evil.example|click> & more");
    const char *b = hook(NOTICE_SLACK);
    assert_false(has(b, "<!channel>"));
    assert_true(has(b, "&lt;!channel&gt;"));
}

static void signatures_are_what_receivers_compute(void **state) {
    char hex[65];
    /* RFC 4231, case 2 */
    notice_hmac_hex(STR("Jefe"), STR("what do ya want for nothing?"), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    reader.kind = NOTICE_WEBHOOK;
    notice_hook_compose(&j, &head, &story, &reader, 5);
    reader.kind = NOTICE_MAIL;
    jout_object_end(&j);
    const char *m = written();
    assert_true(has(m, "X-Signature: sha256="));
    assert_true(has(m, "Idempotency-Key: "));
}

/* The largest notice that there can be still fits into a message to the courier. */
static void the_largest_notice_fits_into_a_message(void **state) {
    static char body[NOTICE_BODY_BYTES], json[NOTICE_JSON_BYTES];
    memset(body, '"', sizeof body);
    memset(json, '"', sizeof json);
    json[0] = '{';
    json[sizeof json - 1] = '}';
    story.body = (struct str){body, sizeof body};
    story.json = (struct str){json, sizeof json};
    for (int kind = NOTICE_MAIL; kind <= NOTICE_ALERTMANAGER; kind++) {
        struct jout j;
        struct buf b;
        buf_init(&b, POST_MAX_BYTES);
        jout_init(&j, &b);
        jout_object(&j);
        reader.kind = (enum notice_kind)kind;
        if (kind == NOTICE_MAIL)
            notice_mail_compose(&j, &head, &story, &reader);
        else
            notice_hook_compose(&j, &head, &story, &reader, 5);
        jout_object_end(&j);
        struct err e = buf_err(&b);
        if (e.code) print_message("kind %d: %zu bytes\n", kind, b.n);
        buf_done(&b);
        assert_int_equal(e.code, ERR_OK);
    }
    reader.kind = NOTICE_MAIL;
}

static void alerts_come_in_both_shapes(void **state) {
    static const char *const texts[] = {
        "[{\"labels\":{\"alertname\":\"Slow\",\"service\":\"search\"},\"annotations\":{\"summary\":"
        "\"p99\"},\"startsAt\":\"2025-12-02T13:45:00Z\"},{\"labels\":{\"alertname\":\"Old\"},"
        "\"endsAt\":\"2025-12-02T14:00:00.123+01:00\"}]",
        "{\"version\":\"4\",\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\",\"labels\":{"
        "\"alertname\":\"Slow\",\"component\":\"search\",\"job\":\"x\"},\"annotations\":{"
        "\"description\":\"p99\"},\"startsAt\":\"2025-12-02T13:45:00Z\",\"endsAt\":"
        "\"0001-01-01T00:00:00Z\"},{\"status\":\"resolved\",\"labels\":{\"alertname\":\"Old\"}}]}"};
    for (int i = 0; i < 2; i++) {
        struct arena *a = arena_new(1u << 20);
        struct json_parser *p = json_parser_new(1u << 16);
        const struct json *v;
        struct notice_alert *alerts;
        size_t n = 0;
        int64_t now = 1764684000 * US_PER_S;
        assert_int_equal(json_parse_copy(p, str_z(texts[i]), a, &v).code, ERR_OK);
        assert_int_equal(notice_alerts_read(v, now, a, &alerts, &n).code, ERR_OK);
        assert_int_equal(n, 2);
        assert_true(str_is(alerts[0].name, "Slow"));
        assert_true(str_is(alerts[0].component, "search"));
        assert_true(str_is(alerts[0].summary, "p99"));
        assert_true(alerts[0].firing);
        assert_int_equal(alerts[0].since_us, 1764683100 * US_PER_S);
        assert_false(alerts[1].firing);
        json_parser_free(p);
        arena_free(a);
    }
}

static void our_own_alerts_are_known_when_they_come_back(void **state) {
    struct arena *a = arena_new(1u << 20);
    struct json_parser *p = json_parser_new(1u << 16);
    const struct json *v;
    struct notice_alert *alerts;
    size_t n = 0;
    const char *b = hook(NOTICE_ALERTMANAGER);
    assert_int_equal(json_parse_copy(p, str_z(b), a, &v).code, ERR_OK);
    assert_int_equal(notice_alerts_read(v, story.at_us, a, &alerts, &n).code, ERR_OK);
    assert_int_equal(n, 1);
    assert_true(alerts[0].ours);
    json_parser_free(p);
    arena_free(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_mail_has_its_fields_and_two_parts),
        TEST(later_mails_of_an_incident_name_the_first),
        TEST(the_link_to_leave_is_the_readers_own),
        TEST(no_name_can_add_a_field),
        TEST(a_body_cannot_end_its_part),
        TEST(html_is_escaped),
        TEST(other_scripts_travel_as_encoded_words_and_base64),
        TEST(quoted_printable_keeps_lines_short_and_spaces_at_their_end),
        TEST(confirming_mails_carry_their_link),
        TEST(addresses_are_taken_narrowly),
        TEST(urls_are_taken_narrowly),
        TEST(bodies_have_their_receivers_shapes),
        TEST(slack_links_cannot_be_forged),
        TEST(signatures_are_what_receivers_compute),
        TEST(the_largest_notice_fits_into_a_message),
        TEST(alerts_come_in_both_shapes),
        TEST(our_own_alerts_are_known_when_they_come_back),
    };
    if (seal_start().code) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
