/* mail.c: one mail through the operator's server (RFC 5321, by libcurl).
 *
 * A mail is the server's when it has read the line with the lone dot. libcurl sends that line only
 * after the reading callback has said that there is no more: so that is where `begun` is written
 * and synced. Killed before: the server never saw an end and drops the mail. Killed after: in
 * doubt.
 *
 * TLS: smtps:// from the first byte; smtp:// by STARTTLS, which is required but for a server on
 * this machine; smtp+plain:// never. A password goes over TLS or over loopback only.
 */
#include <stdio.h>
#include <stdlib.h>

#include "courier/send.h"

static size_t read_mail(char *out, size_t one, size_t n, void *ctx) {
    struct send_letter *l = ctx;
    size_t left = l->data_n - l->at, take = one * n < left ? one * n : left;
    if (take == 0 && left == 0 && !l->begun && !send_begun(l)) return CURL_READFUNC_ABORT;
    memcpy(out, l->data + l->at, take);
    l->at += take;
    return take;
}

/* Which command was answered last: MAIL, RCPT or DATA. */
static int note_command(CURL *h, curl_infotype type, char *text, size_t n, void *ctx) {
    struct send_letter *l = ctx;
    if (type == CURLINFO_HEADER_OUT && n > 0) l->phase = text[0];
    return 0;
}

static size_t drop(char *bytes, size_t one, size_t n, void *ctx) {
    return one * n;
}

static bool is_loopback(struct str host) {
    return str_is(host, "localhost") || str_is(host, "[::1]") || str_starts(host, STR("127."));
}

/* The URL for libcurl: its path is the name that we greet with. */
static struct err make_url(struct send_letter *l, char *url, size_t room, long *out_tls) {
    struct str rest = str_z(l->send->smtp), scheme = str_cut(&rest, ':'), host = rest;
    const char *at = strchr(l->from, '@');
    bool plain = str_is(scheme, "smtp+plain");
    if ((!plain && !str_is(scheme, "smtp") && !str_is(scheme, "smtps")) ||
        !str_starts(rest, STR("//")) || rest.n < 3 || !at)
        return ERR(ERR_INVALID, "smtp: such as smtp://mail.example:587");
    host = rest = str_from(rest, 2);
    host = str_cut(&host, '/');
    struct str server = host;
    struct str name = host.n && host.p[0] == '[' ? host : str_cut(&host, ':');
    if (name.n && name.p[0] == '[' && memchr(name.p, ']', name.n))
        name.n = (size_t)((char *)memchr(name.p, ']', name.n) - name.p) + 1;
    *out_tls = plain ? CURLUSESSL_NONE : is_loopback(name) ? CURLUSESSL_TRY : CURLUSESSL_ALL;
    if (l->send->user[0] && plain && !is_loopback(name))
        return ERR(ERR_INVALID, "smtp: a password goes over TLS only");
    snprintf(url, room, "%s://" STR_FMT "/%s", str_is(scheme, "smtps") ? "smtps" : "smtp",
             STR_ARG(server), at + 1);
    return ERR_NONE;
}

struct err send_mail_begin(struct send_letter *l) {
    char url[1200], from[300], to[300];
    long tls;
    TRY(make_url(l, url, sizeof url, &tls));
    snprintf(from, sizeof from, "<%s>", l->from);
    snprintf(to, sizeof to, "<%s>", l->to);
    if (!(l->list = curl_slist_append(NULL, to))) return ERR(ERR_NOMEM, "mail");
    curl_easy_setopt(l->easy, CURLOPT_URL, url);
    curl_easy_setopt(l->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(l->easy, CURLOPT_USE_SSL, tls);
    curl_easy_setopt(l->easy, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(l->easy, CURLOPT_MAIL_RCPT, l->list);
    curl_easy_setopt(l->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(l->easy, CURLOPT_READFUNCTION, read_mail);
    curl_easy_setopt(l->easy, CURLOPT_READDATA, l);
    curl_easy_setopt(l->easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(l->easy, CURLOPT_VERBOSE, 1L); /* for note_command; nothing is printed */
    curl_easy_setopt(l->easy, CURLOPT_DEBUGFUNCTION, note_command);
    curl_easy_setopt(l->easy, CURLOPT_DEBUGDATA, l);
    curl_easy_setopt(l->easy, CURLOPT_CONNECTTIMEOUT, 15L);
    curl_easy_setopt(l->easy, CURLOPT_TIMEOUT, (long)SEND_MAIL_S);
    if (!l->send->user[0]) return ERR_NONE;
    curl_easy_setopt(l->easy, CURLOPT_USERNAME, l->send->user);
    curl_easy_setopt(l->easy, CURLOPT_PASSWORD, l->send->password);
    return ERR_NONE;
}

static void judge(struct send_letter *l, enum send_result result, enum send_class class) {
    l->result = result;
    l->class = class;
}

/* A reply to one of the commands, or to the whole mail. */
static void judge_reply(struct send_letter *l) {
    bool for_good = l->code >= 500;
    if (l->code == 421)
        judge(l, SEND_RETRY, SEND_CONNECT); /* the server closes; RFC 5321, 3.8 */
    else if (l->phase == 'M')
        judge(l, SEND_RETRY, SEND_SENDER);
    else
        judge(l, for_good ? SEND_DEAD : SEND_RETRY, for_good ? SEND_REFUSED : SEND_STATUS);
}

void send_mail_end(struct send_letter *l, CURLcode code) {
    long reply = 0;
    (void)curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &reply);
    l->code = reply > 0 && reply < 1000 ? (int32_t)reply : 0;
    bool answered =
        l->code >= 400 && (code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY);
    if (code == CURLE_OK)
        judge(l, SEND_OK, SEND_FINE);
    else if (answered && (!l->begun || code == CURLE_WEIRD_SERVER_REPLY))
        judge_reply(l);
    else if (l->begun)
        judge(l, SEND_UNKNOWN, SEND_LOST);
    else if (code == CURLE_LOGIN_DENIED || code == CURLE_AUTH_ERROR)
        judge(l, SEND_RETRY, SEND_AUTH);
    else
        judge(l, SEND_RETRY, send_class_of(code));
}
