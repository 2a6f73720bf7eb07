/* address.c: which addresses and URLs are taken. Narrow on purpose: what passes here is put into
 * SMTP commands, header fields and request lines as it is. */
#include "notice/inside.h"

#define LOCAL_BYTES 64
#define ADDRESS_BYTES 254 /* RFC 5321: a path of 256 with its angle brackets */
#define LABEL_BYTES 63

static bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_atext(char c) { /* RFC 5322 */
    return is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool local_ok(struct str s) {
    if (s.n == 0 || s.n > LOCAL_BYTES) return false;
    bool dot = true; /* none at the start, at the end, or two in a row */
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' ? dot : !is_atext(s.p[i])) return false;
        dot = s.p[i] == '.';
    }
    return !dot;
}

static bool label_ok(struct str s) {
    if (s.n == 0 || s.n > LABEL_BYTES || s.p[0] == '-' || s.p[s.n - 1] == '-') return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_alnum(s.p[i]) && s.p[i] != '-') return false;
    return true;
}

static bool domain_ok(struct str s) {
    size_t labels = 0;
    struct str last = {0};
    if (s.n == 0 || s.p[s.n - 1] == '.') return false;
    while (s.n) {
        last = str_cut(&s, '.');
        if (!label_ok(last)) return false;
        labels++;
    }
    /* A top-level domain is not all digits: that would be an IP address. */
    bool letters = false;
    for (size_t i = 0; i < last.n; i++)
        letters |= last.p[i] < '0' || last.p[i] > '9';
    return labels >= 2 && letters;
}

struct str notice_mail_domain(struct str address) {
    while (address.n && memchr(address.p, '@', address.n))
        (void)str_cut(&address, '@');
    return address;
}

bool notice_mail_ok(struct str address) {
    struct str domain = address;
    if (address.n > ADDRESS_BYTES || !memchr(address.p ? address.p : "", '@', address.n))
        return false;
    struct str local = str_cut(&domain, '@');
    return local_ok(local) && domain_ok(domain);
}

bool notice_url_ok(struct str url, struct str *out_host) {
    bool tls = str_starts(url, STR("https://"));
    if (url.n > NOTICE_URL_BYTES || (!tls && !str_starts(url, STR("http://")))) return false;
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] >= 0x7f || strchr("\"<>\\^`{|}#", url.p[i])) return false;
    struct str host = str_from(url, tls ? 8 : 7);
    size_t n = 0;
    while (n < host.n && host.p[n] != '/' && host.p[n] != '?')
        n++;
    host.n = n;
    for (size_t i = 0; i < host.n; i++)
        if (!is_alnum(host.p[i]) && !strchr(".-_:[]", host.p[i])) return false;
    if (host.n == 0 || host.n > 255 || host.p[0] == ':') return false;
    *out_host = host;
    return true;
}

void notice_mail_mask(struct str address, struct buf *out) {
    buf_put(out, address.p, address.n ? 1 : 0);
    buf_put_str(out, STR("...@"));
    buf_put_str(out, notice_mail_domain(address));
}
