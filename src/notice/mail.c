/* mail.c: a story and a subscriber become a mail.
 *
 * Threads (RFC 5322, 3.6.4): a notice of an incident is <incident.update@host>; later ones name the
 * first in References and In-Reply-To and keep its subject behind "Re: ", which is what mail
 * programs group by. Lists (RFC 2369, 8058): one-click unsubscribe by POST to a link that needs no
 * login. Auto-Submitted (RFC 3834) keeps vacation answers away.
 */
#include <stdio.h>

#include "notice/inside.h"

#define MAIL_BYTES ((size_t)44 << 10) /* with JSON's escapes it fits into a message */
#define TEXT_BYTES ((size_t)16 << 10)

static struct str host_of(const struct notice_letterhead *h) {
    return notice_mail_domain(h->mail_from);
}

static bool threads(const struct notice_story *s) {
    return s->about == NOTICE_OF_INCIDENT;
}

/* ---- words ---- */

static void put_subject(struct buf *b, const struct notice_story *s) {
    AUTO(buf_done) struct buf t;
    buf_init(&t, 4096);
    if (threads(s) && s->first.n) buf_put_str(&t, STR("Re: "));
    buf_printf(&t, "[" STR_FMT "] ", STR_ARG(s->page));
    if (s->about == NOTICE_OF_CONFIRM)
        buf_put_str(&t, STR("Please confirm your subscription"));
    else if (s->about == NOTICE_OF_TEST)
        buf_put_str(&t, STR("Test message"));
    else
        buf_put_str(&t, s->title);
    notice_mime_field(b, "Subject", buf_str(&t));
}

/* What the mail says, piece by piece: in text and in HTML alike. */
struct words {
    const char *head; /* "Investigating" */
    struct str title, body, more;
    char link[700], link_text[40], leave[700];
};

static void fill_words(const struct notice_letterhead *h, const struct notice_story *s,
                       const struct notice_reader *to, struct words *w) {
    char token[NOTICE_TOKEN_CHARS + 1];
    *w = (struct words){.head = notice_phase_text(s->phase), .title = s->title, .body = s->body};
    snprintf(w->link, sizeof w->link, STR_FMT "/status/incidents/" STR_FMT, STR_ARG(h->url),
             STR_ARG(s->incident));
    snprintf(w->link_text, sizeof w->link_text, "Follow this incident");
    notice_token_make(h->keys, NOTICE_UNSUBSCRIBE, to->id, token);
    snprintf(w->leave, sizeof w->leave, STR_FMT "/status/unsubscribe/%s", STR_ARG(h->url), token);
    if (s->components.n) w->more = s->components;
    if (s->about == NOTICE_OF_INCIDENT) return;
    w->head = "Test message";
    w->title = STR("Nothing happened");
    w->body = STR("The team sent this to see that its notices reach you.");
    snprintf(w->link, sizeof w->link, STR_FMT "/status", STR_ARG(h->url));
    snprintf(w->link_text, sizeof w->link_text, "The status page");
    if (s->about != NOTICE_OF_CONFIRM) return;
    notice_token_make(h->keys, NOTICE_CONFIRM, to->id, token);
    w->head = "Please confirm";
    w->title = s->page;
    w->body = STR("Somebody, hopefully you, asked for notices of incidents at this address. If it "
                  "was not you, do nothing: without your confirmation nothing more is sent.");
    snprintf(w->link, sizeof w->link, STR_FMT "/status/confirm/%s", STR_ARG(h->url), token);
    snprintf(w->link_text, sizeof w->link_text, "Confirm the subscription");
}

static void put_text(struct buf *b, const struct words *w) {
    buf_printf(b, "%s: " STR_FMT "\n\n" STR_FMT "\n\n", w->head, STR_ARG(w->title),
               STR_ARG(w->body));
    if (w->more.n) buf_printf(b, "Affected: " STR_FMT "\n\n", STR_ARG(w->more));
    buf_printf(b, "%s:\n%s\n\n-- \nUnsubscribe:\n%s\n", w->link_text, w->link, w->leave);
}

static void put_html(struct buf *b, const struct notice_story *s, const struct words *w) {
    buf_put_str(b, STR("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"));
    notice_html(b, w->title);
    buf_put_str(b, STR("</title></head>\n<body style=\"font:16px/1.5 sans-serif;max-width:40em\">\n"
                       "<p><strong>"));
    buf_printf(b, "%s</strong> - ", w->head);
    notice_html(b, w->title);
    buf_put_str(b, STR("</p>\n<p>"));
    notice_html(b, w->body);
    buf_put_str(b, STR("</p>\n"));
    if (w->more.n) {
        buf_put_str(b, STR("<p>Affected: "));
        notice_html(b, w->more);
        buf_put_str(b, STR("</p>\n"));
    }
    buf_put_str(b, STR("<p><a href=\""));
    notice_html(b, str_z(w->link));
    buf_printf(b, "\">%s</a></p>\n<p style=\"font-size:13px;color:#555\">", w->link_text);
    notice_html(b, s->page);
    buf_put_str(b, STR(" &middot; <a href=\""));
    notice_html(b, str_z(w->leave));
    buf_put_str(b, STR("\">Unsubscribe</a></p>\n</body></html>\n"));
}

/* ---- the mail ---- */

static void put_thread(struct buf *b, const struct notice_letterhead *h,
                       const struct notice_story *s, int64_t reader) {
    struct str host = host_of(h);
    if (!threads(s)) {
        buf_printf(b, "Message-ID: <" STR_FMT ".%lld@" STR_FMT ">\r\n", STR_ARG(s->event),
                   (long long)reader, STR_ARG(host));
        return;
    }
    buf_printf(b, "Message-ID: <" STR_FMT "." STR_FMT "@" STR_FMT ">\r\n", STR_ARG(s->incident),
               STR_ARG(s->event), STR_ARG(host));
    if (!s->first.n) return;
    static const char *const names[] = {"In-Reply-To", "References"};
    for (size_t i = 0; i < 2; i++)
        buf_printf(b, "%s: <" STR_FMT "." STR_FMT "@" STR_FMT ">\r\n", names[i],
                   STR_ARG(s->incident), STR_ARG(s->first), STR_ARG(host));
}

static void put_list(struct buf *b, const struct notice_letterhead *h, const struct words *w) {
    buf_printf(b, "List-Id: <status." STR_FMT ">\r\n", STR_ARG(host_of(h)));
    buf_printf(b, "List-Unsubscribe:\r\n <%s>\r\n", w->leave);
    buf_put_str(b, STR("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                       "Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n"));
}

/* Neither encoding of a part can hold this: quoted-printable writes '=' as =3D. */
static void put_boundary(const struct notice_story *s, char out[40]) {
    snprintf(out, 40, "=_weir_%016llx",
             (unsigned long long)checksum64(s->event.p ? s->event.p : "", s->event.n));
}

void notice_mail_write(struct buf *b, const struct notice_letterhead *h,
                       const struct notice_story *s, const struct notice_reader *to) {
    AUTO(buf_done) struct buf part;
    struct words w;
    char boundary[40];
    buf_init(&part, 2 * TEXT_BYTES);
    fill_words(h, s, to, &w);
    put_boundary(s, boundary);
    notice_mime_date(b, s->at_us);
    notice_mime_from(b, "From", s->page, h->mail_from);
    buf_printf(b, "To: <" STR_FMT ">\r\n", STR_ARG(to->to));
    put_subject(b, s);
    put_thread(b, h, s, to->id);
    put_list(b, h, &w);
    buf_printf(b,
               "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n"
               "\r\n--%s\r\n",
               boundary, boundary);
    put_text(&part, &w);
    notice_mime_part(b, "text/plain", buf_str(&part));
    buf_printf(b, "\r\n--%s\r\n", boundary);
    buf_clear(&part);
    put_html(&part, s, &w);
    notice_mime_part(b, "text/html", buf_str(&part));
    buf_printf(b, "\r\n--%s--\r\n", boundary);
    if (buf_err(&part).code) b->failed = buf_err(&part).code;
}

void notice_mail_compose(struct jout *j, const struct notice_letterhead *h,
                         const struct notice_story *s, const struct notice_reader *to) {
    AUTO(buf_done) struct buf mail;
    buf_init(&mail, MAIL_BYTES);
    notice_mail_write(&mail, h, s, to);
    jout_keyz(j, "by");
    jout_strz(j, "mail");
    jout_keyz(j, "from");
    jout_str(j, h->mail_from);
    jout_keyz(j, "to");
    jout_str(j, to->to);
    jout_keyz(j, "data");
    jout_str(j, buf_str(&mail));
    if (buf_err(&mail).code) j->b->failed = buf_err(&mail).code;
}
