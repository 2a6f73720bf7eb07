/* hook.c: one webhook: a POST whose receiver a stranger may have named.
 *
 * So: HTTP and HTTPS alone, no redirect is followed, no proxy and no cookie, little of the answer
 * is read, and every address is asked for when its socket is made, whatever the name resolved to a
 * moment before.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "courier/send.h"

#define ANSWER_BYTES 65536 /* read and dropped; beyond it the connection is cut */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a) {
    struct send_letter *l = ctx;
    const struct send_config *c = &l->send->config;
    if (purpose != CURLSOCKTYPE_IPCXN || (c->allowed && !c->allowed(c->ctx, &a->addr))) {
        l->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    l->forbidden = false; /* another address of the same name may be allowed */
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t drop(char *bytes, size_t one, size_t n, void *ctx) {
    struct send_letter *l = ctx;
    l->at += one * n;
    return l->at > ANSWER_BYTES ? 0 : one * n;
}

struct err send_hook_begin(struct send_letter *l) {
    CURL *h = l->easy;
    curl_easy_setopt(h, CURLOPT_URL, l->to);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, l->list);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)l->data_n);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, l->data);
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "weir-notice");
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, l);
    /* A connection of an earlier request was checked when it was made, but not for this name. */
    curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, l);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)SEND_HOOK_S);
    return ERR_NONE;
}

void send_hook_end(struct send_letter *l, CURLcode code) {
    long status = 0;
    curl_off_t after = 0;
    (void)curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(l->easy, CURLINFO_RETRY_AFTER, &after);
    l->code = status > 0 && status < 1000 ? (int32_t)status : 0;
    l->after_s = after > 0 && after <= 3600 ? (int32_t)after : 0;
    l->result = SEND_RETRY;
    l->class = SEND_STATUS;
    bool answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && l->code);
    if (l->forbidden && !answered) {
        l->result = SEND_DEAD;
        l->class = SEND_FORBIDDEN;
    } else if (!answered) {
        l->class = send_class_of(code);
    } else if (l->code >= 200 && l->code < 300) {
        l->result = SEND_OK;
        l->class = SEND_FINE;
    } else if (l->code == 410) { /* gone, says the receiver */
        l->result = SEND_DEAD;
        l->class = SEND_REFUSED;
    }
}
