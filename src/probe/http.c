/* http.c: HTTP and TLS by libcurl, one request at a time for each check.
 *
 * libcurl neither resolves nor follows: names are resolved and checked before (resolve.c), the
 * checked addresses are what it is told, and a redirect comes back here to begin anew with its
 * name. The socket callback is the second lock on the same door. Connections are never used twice,
 * sessions never resumed: each check measures a whole beginning.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "probe/inside.h"

#define URL_BYTES 2100
#define HEADER_VALUE_BYTES 1000

struct http {
    CURL *easy; /* of the hop in hand; NULL between hops */
    struct curl_slist *headers, *addresses;
    char url[URL_BYTES], host[256], origin[300]; /* scheme://host:port of the first hop */
    int64_t port;
    int64_t hops; /* followed so far */
    bool https, foreign /* another origin than the first */, as_get, full;
    struct buf body;
    size_t seen_bytes;
    bool has_header;
    char value[HEADER_VALUE_BYTES];
    size_t value_n;
};

/* ---- libcurl's loop inside ours ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *of_socket) {
    (void)easy;
    (void)of_socket;
    uint32_t events = what == CURL_POLL_REMOVE ? 0u
                                               : (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                                                     (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    probe_engine_watch(data, fd, events, (struct watch){WATCH_CURL, NULL});
    return 0;
}

static int on_timer(CURLM *multi, long wait_ms, void *data) {
    (void)multi;
    struct probe_engine *e = data;
    e->curl_due_us = wait_ms < 0 ? -1 : time_monotonic_us() + wait_ms * 1000;
    return 0;
}

static bool open_multi(struct probe_engine *e) {
    if (e->curl) return true;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return false;
    e->curl = curl_multi_init();
    if (!e->curl) return false;
    curl_multi_setopt(e->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(e->curl, CURLMOPT_SOCKETDATA, e);
    curl_multi_setopt(e->curl, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(e->curl, CURLMOPT_TIMERDATA, e);
    return true;
}

void probe_http_socket_ready(struct probe_engine *e, int fd, uint32_t events) {
    int running = 0, what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                            (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                            (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(e->curl, fd, what, &running);
}

/* ---- callbacks of one hop ---- */

static curl_socket_t on_open(void *data, curlsocktype purpose, struct curl_sockaddr *a) {
    struct probe_run *r = data;
    if (purpose != CURLSOCKTYPE_IPCXN || !probe_may_reach(r, &a->addr)) {
        r->met_forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static bool wants_body(const struct probe_config *c) {
    return c->contains.n > 0 || c->lacks.n > 0 || c->regex.n > 0 || c->json.n > 0;
}

/* Ends the transfer where no more is looked at. */
static size_t on_body(char *bytes, size_t one, size_t n, void *data) {
    struct probe_run *r = data;
    struct http *h = r->http;
    size_t all = one * n, room = PROBE_BODY_BYTES - h->seen_bytes;
    size_t taken = all < room ? all : room;
    if (wants_body(r->config)) buf_put(&h->body, bytes, taken);
    h->seen_bytes += taken;
    h->full = all > room;
    return h->full ? 0 : all;
}

static size_t on_header(char *bytes, size_t one, size_t n, void *data) {
    struct probe_run *r = data;
    struct http *h = r->http;
    struct str value = {bytes, one * n}, name;
    if (str_starts(value, STR("HTTP/"))) h->has_header = false;
    name = str_cut(&value, ':');
    if (r->config->header.n == 0 || !str_ieq(name, r->config->header)) return one * n;
    value = str_trim(value);
    h->has_header = true;
    h->value_n = value.n < sizeof h->value ? value.n : sizeof h->value;
    memcpy(h->value, value.p, h->value_n);
    return one * n;
}

/* ---- a hop ---- */

static bool add(struct curl_slist **list, const char *text) {
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer) *list = longer;
    return longer != NULL;
}

/* The team's own headers (keys among them) go to the first origin only. */
static bool make_headers(struct http *h, const struct probe_config *c) {
    char line[2200];
    bool ok = add(&h->headers, "Expect:");
    for (size_t i = 0; i < c->n_headers && !h->foreign; i++) {
        bool empty = c->header_values[i].n == 0; /* "Name;" is libcurl's word for an empty one */
        (void)snprintf(line, sizeof line, "%s%s%s", c->header_names[i].p, empty ? ";" : ": ",
                       c->header_values[i].p);
        ok &= add(&h->headers, line);
    }
    return ok;
}

/* "+host:port:address,address": what libcurl takes for the name's resolution, for a minute. */
static bool pin_addresses(struct probe_run *r) {
    struct http *h = r->http;
    char text[300 + ADDRESSES_MAX * 64], address[INET6_ADDRSTRLEN];
    if (h->host[0] == '[') return true; /* a literal is its own address */
    int n = snprintf(text, sizeof text, "+%s:%d:", h->host, (int)h->port);
    for (size_t i = 0; i < r->n_addresses; i++) {
        const struct sockaddr_storage *a = &r->addresses[i];
        const void *raw =
            a->ss_family == AF_INET
                ? (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr
                : &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        if (!inet_ntop(a->ss_family, raw, address, sizeof address)) return false;
        bool v4 = a->ss_family == AF_INET;
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%s%s%s", i ? "," : "", v4 ? "" : "[",
                      address, v4 ? "" : "]");
    }
    return add(&h->addresses, text);
}

static void set_tls(CURL *easy, const struct probe_config *c) {
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
    if (c->ca.n == 0) return;
    struct curl_blob ca = {(void *)(uintptr_t)c->ca.p, c->ca.n, CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

static void set_request(CURL *easy, struct probe_run *r) {
    const struct probe_config *c = r->config;
    struct http *h = r->http;
    const char *method = h->as_get ? "GET" : c->method.p;
    if (c->kind == PROBE_TLS) {
        curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
        return;
    }
    if (strcmp(method, "HEAD") == 0) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (c->body.n > 0 && !h->as_get && !h->foreign) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)c->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, c->body.p);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir-probe");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
}

static void set_connection(CURL *easy, struct probe_run *r) {
    struct http *h = r->http;
    curl_easy_setopt(easy, CURLOPT_URL, h->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_RESOLVE, h->addresses);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
    curl_easy_setopt(easy, CURLOPT_IPRESOLVE,
                     r->config->family == AF_INET    ? CURL_IPRESOLVE_V4
                     : r->config->family == AF_INET6 ? CURL_IPRESOLVE_V6
                                                     : CURL_IPRESOLVE_WHATEVER);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    set_tls(easy, r->config);
}

static void leave_hop(struct probe_run *r) {
    struct http *h = r->http;
    if (h->easy) {
        curl_multi_remove_handle(r->engine->curl, h->easy);
        curl_easy_cleanup(h->easy);
    }
    curl_slist_free_all(h->headers);
    curl_slist_free_all(h->addresses);
    h->easy = NULL;
    h->headers = h->addresses = NULL;
}

void probe_http_free(struct probe_run *r) {
    if (!r->http) return;
    leave_hop(r);
    buf_done(&r->http->body);
    free(r->http);
    r->http = NULL;
}

static void ask(struct probe_run *r) {
    struct http *h = r->http;
    h->easy = curl_easy_init();
    if (!h->easy || !make_headers(h, r->config) || !pin_addresses(r)) {
        probe_run_end(r, POST_POWERLESS);
        return;
    }
    set_connection(h->easy, r);
    set_request(h->easy, r);
    if (curl_multi_add_handle(r->engine->curl, h->easy) != CURLM_OK)
        probe_run_end(r, POST_POWERLESS);
}

/* Takes the URL apart; false: it is none that may be asked. */
static bool read_url(struct http *h, const char *url) {
    char *whole = NULL, *scheme = NULL, *host = NULL, *port = NULL;
    int64_t number = 0;
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
              str_to_i64(str_z(port), &number) && strlen(host) < sizeof h->host &&
              strlen(whole) < sizeof h->url;
    if (ok) {
        char origin[sizeof h->origin];
        (void)snprintf(h->url, sizeof h->url, "%s", whole);
        (void)snprintf(h->host, sizeof h->host, "%s", host);
        (void)snprintf(origin, sizeof origin, "%s://%s:%s", scheme, host, port);
        h->port = number;
        h->https = strcmp(scheme, "https") == 0;
        if (h->origin[0] == 0) memcpy(h->origin, origin, sizeof origin);
        h->foreign = strcmp(h->origin, origin) != 0;
    }
    curl_free(whole);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return ok;
}

static void begin_hop(struct probe_run *r, const char *url) {
    struct http *h = r->http;
    char bare[256];
    if (!read_url(h, url)) {
        probe_run_end(r, h->hops > 0 ? POST_REDIRECT : POST_PROTOCOL);
        return;
    }
    (void)snprintf(bare, sizeof bare, "%s", h->host[0] == '[' ? h->host + 1 : h->host);
    if (h->host[0] == '[') bare[strcspn(bare, "]")] = 0;
    probe_resolve(r, bare, (uint16_t)h->port, ask);
}

void probe_http_begin(struct probe_run *r) {
    const struct probe_config *c = r->config;
    char url[URL_BYTES];
    r->http = open_multi(r->engine) ? calloc(1, sizeof *r->http) : NULL;
    if (!r->http) {
        probe_run_end(r, POST_POWERLESS);
        return;
    }
    buf_init(&r->http->body, PROBE_BODY_BYTES);
    bool v6 = c->kind == PROBE_TLS && memchr(c->host.p, ':', c->host.n);
    if (c->kind == PROBE_TLS)
        (void)snprintf(url, sizeof url, "https://%s%s%s:%u/", v6 ? "[" : "", c->host.p,
                       v6 ? "]" : "", (unsigned)c->port);
    else
        (void)snprintf(url, sizeof url, "%s", c->target.p);
    begin_hop(r, url);
}

/* ---- the end of a hop ---- */

static int64_t info_us(CURL *easy, CURLINFO which) {
    curl_off_t us = 0;
    return curl_easy_getinfo(easy, which, &us) == CURLE_OK ? (int64_t)us : 0;
}

static void add_phase(struct probe_run *r, enum post_phase p, int64_t us) {
    if (us < 0) us = 0;
    int32_t *sum = &r->beat.phase_us[p];
    *sum = (int32_t)((*sum < 0 ? 0 : *sum) + (us < INT32_MAX / 16 ? us : INT32_MAX / 16));
}

static void take_times(struct probe_run *r, CURL *easy) {
    int64_t connect = info_us(easy, CURLINFO_CONNECT_TIME_T);
    int64_t tls = info_us(easy, CURLINFO_APPCONNECT_TIME_T);
    int64_t sent = info_us(easy, CURLINFO_PRETRANSFER_TIME_T);
    int64_t first = info_us(easy, CURLINFO_STARTTRANSFER_TIME_T);
    int64_t total = info_us(easy, CURLINFO_TOTAL_TIME_T);
    if (connect > 0)
        add_phase(r, POST_CONNECT, connect - info_us(easy, CURLINFO_NAMELOOKUP_TIME_T));
    if (tls > 0) add_phase(r, POST_TLS_SHAKE, tls - connect);
    if (r->config->kind == PROBE_TLS || first <= 0) return;
    add_phase(r, POST_FIRST_BYTE, first - sent);
    add_phase(r, POST_TRANSFER, total - first);
}

/* Whole days until the first certificate of the chain ends; below none counts as 0. */
static int32_t cert_days(CURL *easy) {
    struct curl_certinfo *chain = NULL;
    time_t ends = 0;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain) return -1;
    for (int i = 0; i < chain->num_of_certs; i++)
        for (struct curl_slist *s = chain->certinfo[i]; s; s = s->next) {
            if (strncmp(s->data, "Expire date:", 12) != 0) continue;
            time_t t = curl_getdate(s->data + 12, NULL);
            if (t > 0 && (ends == 0 || t < ends)) ends = t;
        }
    if (ends == 0) return -1;
    int64_t left = (int64_t)ends - time_now_us() / US_PER_S;
    return left <= 0 ? 0 : (int32_t)(left / 86400 < 100000 ? left / 86400 : 100000);
}

static enum post_fault fault_of(const struct probe_run *r, CURL *easy, CURLcode code) {
    long number = 0;
    if (r->met_forbidden) return POST_FORBIDDEN;
    switch ((int)code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return POST_NO_NAME;
    case CURLE_COULDNT_CONNECT:
        curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
        return probe_fault_of_errno((int)number);
    case CURLE_OPERATION_TIMEDOUT:
        return POST_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
        return POST_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return POST_CERTIFICATE;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
        return POST_REFUSED;
    default:
        return POST_PROTOCOL;
    }
}

static bool is_redirect(long status) {
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

/* True: another hop has begun (or the run ended trying). */
static bool follow(struct probe_run *r, CURL *easy, long status) {
    struct http *h = r->http;
    char *to = NULL, url[URL_BYTES];
    if (!is_redirect(status) || r->config->redirects == 0) return false;
    curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &to);
    if (!to || strlen(to) >= sizeof url || h->hops == r->config->redirects) {
        probe_run_end(r, POST_REDIRECT);
        return true;
    }
    (void)snprintf(url, sizeof url, "%s", to);
    bool post = strcmp(r->config->method.p, "GET") != 0 && strcmp(r->config->method.p, "HEAD") != 0;
    h->as_get |= status <= 303 && post;
    h->hops++;
    h->full = false;
    h->seen_bytes = 0;
    buf_clear(&h->body);
    leave_hop(r);
    begin_hop(r, url);
    return true;
}

static void hop_over(struct probe_run *r, CURLcode code) {
    struct http *h = r->http;
    CURL *easy = h->easy;
    long status = 0;
    if (r->over) return;
    take_times(r, easy);
    if (h->https) r->beat.cert_days = cert_days(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    r->beat.code = status > 0 && status < 1000 ? (int32_t)status : 0;
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && h->full)) {
        probe_run_end(r, fault_of(r, easy, code));
        return;
    }
    if (follow(r, easy, status)) return;
    bool ends_soon = r->beat.cert_days >= 0 && r->beat.cert_days < r->config->least_days;
    struct answer a = {status, buf_str(&h->body), h->has_header, {h->value, h->value_n}};
    enum post_fault f = r->config->kind == PROBE_TLS ? POST_FINE : probe_judge(r->config, &a);
    probe_run_end(r, f == POST_FINE && ends_soon ? POST_CERTIFICATE : f);
}

void probe_http_turn(struct probe_engine *e) {
    int running = 0, left = 0;
    if (e->curl_due_us >= 0 && e->curl_due_us <= time_monotonic_us()) {
        e->curl_due_us = -1;
        curl_multi_socket_action(e->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (CURLMsg *m; (m = curl_multi_info_read(e->curl, &left));) {
        struct probe_run *r = NULL;
        if (m->msg != CURLMSG_DONE) continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
        if (r) hop_over(r, code);
    }
}
