/* config.c: a monitor's JSON -> struct probe_config, strictly. A table says each member's type and
 * range; what depends on the kind (the target's shape, defaults) follows. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>

#include "probe/inside.h"

static const char *const kinds[PROBE_KINDS_N] = {"http", "tcp", "tls", "dns", "icmp", "push"};

const char *probe_kind_name(enum probe_kind k) {
    return kinds[k < PROBE_KINDS_N ? k : PROBE_PUSH];
}

enum shape { TEXT, SECONDS, NUMBER, FLAG, OTHER };
struct rule {
    const char *name;
    enum shape shape;
    size_t at;
    int64_t least, most; /* TEXT: bytes; SECONDS: thousandths of a second */
    const char *wants;
    struct err (*read)(const struct json *v, struct arena *a, struct probe_config *c); /* OTHER */
};

static struct err bad(const char *what) {
    return ERR(ERR_INVALID, what);
}

/* ---- members with a shape of their own ---- */

static struct err read_kind(const struct json *v, struct arena *a, struct probe_config *c) {
    (void)a;
    for (int i = 0; i < PROBE_KINDS_N; i++)
        if (json_is_str(v, kinds[i])) {
            c->kind = (enum probe_kind)i;
            return ERR_NONE;
        }
    return bad("is one of http, tcp, tls, dns, icmp, push");
}

static struct err read_number(const struct json *v, struct arena *a, struct probe_config *c) {
    (void)a;
    if (v->type != JSON_INT || v->i < 1 || v->i > UINT32_MAX) return bad("is a monitor's number");
    c->number = (uint32_t)v->i;
    return ERR_NONE;
}

static struct err read_family(const struct json *v, struct arena *a, struct probe_config *c) {
    (void)a;
    bool any = v->type == JSON_INT && v->i == 0, four = v->type == JSON_INT && v->i == 4;
    if (!any && !four && (v->type != JSON_INT || v->i != 6)) return bad("is 0, 4 or 6");
    c->family = any ? AF_UNSPEC : four ? AF_INET : AF_INET6;
    return ERR_NONE;
}

static bool is_token(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127 || strchr("()<>@,;:\\\"/[]?={}", s.p[i])) return false;
    return s.n > 0;
}

static bool is_header_value(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127) return false;
    return s.n <= 2000;
}

static struct err read_headers(const struct json *v, struct arena *a, struct probe_config *c) {
    if (v->type != JSON_OBJECT || v->n > PROBE_HEADERS_MAX)
        return bad("is an object of at most 20 headers");
    for (const struct json *h = json_first(v); h != json_end(v); h = json_next(h)) {
        if (!is_token(h->key) || h->key.n > 100 || h->type != JSON_STR || !is_header_value(h->s))
            return bad("holds what is no header");
        c->header_names[c->n_headers] = arena_str(a, h->key);
        c->header_values[c->n_headers] = arena_str(a, h->s);
        if (!c->header_names[c->n_headers].p || !c->header_values[c->n_headers].p)
            return ERR(ERR_NOMEM, "probe: config");
        c->n_headers++;
    }
    return ERR_NONE;
}

static struct err read_answers(const struct json *v, struct arena *a, struct probe_config *c) {
    if (v->type != JSON_ARRAY || v->n > PROBE_ANSWERS_MAX) return bad("is a list of at most 20");
    for (const struct json *s = json_first(v); s != json_end(v); s = json_next(s)) {
        if (s->type != JSON_STR || s->s.n == 0 || s->s.n > 500) return bad("is a list of texts");
        c->answers[c->n_answers] = arena_str(a, s->s);
        if (!c->answers[c->n_answers++].p) return ERR(ERR_NOMEM, "probe: config");
    }
    return ERR_NONE;
}

static struct err read_dns_type(const struct json *v, struct arena *a, struct probe_config *c) {
    (void)a;
    c->dns_type = v->type == JSON_STR ? probe_dns_type(v->s) : 0;
    return c->dns_type ? ERR_NONE : bad("is one of A, AAAA, CNAME, MX, NS, PTR, SOA, TXT");
}

#define AT(field) offsetof(struct probe_config, field)
static const struct rule rules[] = {
    {"number", OTHER, 0, 0, 0, NULL, read_number},
    {"kind", OTHER, 0, 0, 0, NULL, read_kind},
    {"target", TEXT, AT(target), 1, 2000, "is a text of 1 to 2000 bytes", NULL},
    {"interval_s", SECONDS, AT(interval_us), 1000, 86400000, "is 1 to 86400 seconds", NULL},
    {"timeout_s", SECONDS, AT(timeout_us), 100, 60000, "is 0.1 to 60 seconds", NULL},
    {"confirm_s", SECONDS, AT(confirm_us), 100, 3600000, "is 0.1 to 3600 seconds", NULL},
    {"phase_s", SECONDS, AT(phase_us), 0, 86400000, "is 0 to 86400 seconds", NULL},
    {"retries", NUMBER, AT(retries), 0, 10, "is 0 to 10", NULL},
    {"redirects", NUMBER, AT(redirects), 0, 10, "is 0 to 10", NULL},
    {"cert_days", NUMBER, AT(least_days), 0, 365, "is 0 to 365", NULL},
    {"verify", FLAG, AT(verify), 0, 0, "is true or false", NULL},
    {"family", OTHER, 0, 0, 0, NULL, read_family},
    {"method", TEXT, AT(method), 1, 20, "is a method such as GET", NULL},
    {"headers", OTHER, 0, 0, 0, NULL, read_headers},
    {"body", TEXT, AT(body), 0, 16384, "is a text of at most 16384 bytes", NULL},
    {"status", TEXT, AT(statuses), 1, 100, "is a list such as 200-299,304", NULL},
    {"contains", TEXT, AT(contains), 1, 1000, "is a text of 1 to 1000 bytes", NULL},
    {"lacks", TEXT, AT(lacks), 1, 1000, "is a text of 1 to 1000 bytes", NULL},
    {"regex", TEXT, AT(regex), 1, 500, "is a pattern of 1 to 500 bytes", NULL},
    {"header", TEXT, AT(header), 1, 100, "is a header's name", NULL},
    {"header_is", TEXT, AT(header_is), 1, 500, "is a text of 1 to 500 bytes", NULL},
    {"json", TEXT, AT(json), 1, 500, "is a path such as data.0.state", NULL},
    {"json_is", TEXT, AT(json_is), 0, 500, "is a text of at most 500 bytes", NULL},
    {"ca", TEXT, AT(ca), 1, 16384, "is a certificate as PEM, at most 16384 bytes", NULL},
    {"dns_server", TEXT, AT(dns_server), 1, 100, "is an address, or address:port", NULL},
    {"dns_type", OTHER, 0, 0, 0, NULL, read_dns_type},
    {"answers", OTHER, 0, 0, 0, NULL, read_answers},
};
#define RULES_N (sizeof rules / sizeof *rules)

bool probe_config_knows(struct str member) {
    for (size_t i = 0; i < RULES_N; i++)
        if (str_is(member, rules[i].name)) return true;
    return false;
}

static struct err read_text(const struct json *v, struct arena *a, const struct rule *r,
                            void *field) {
    struct str *to = field;
    if (v->type != JSON_STR || v->s.n < (size_t)r->least || v->s.n > (size_t)r->most)
        return bad(r->wants);
    if (v->s.n > 0 && memchr(v->s.p, 0, v->s.n)) return bad("holds a NUL");
    *to = arena_str(a, v->s);
    return to->p ? ERR_NONE : ERR(ERR_NOMEM, "probe: config");
}

static struct err read_member(const struct json *v, struct arena *a, const struct rule *r,
                              struct probe_config *c) {
    void *field = (char *)c + r->at;
    double seconds = 0;
    switch (r->shape) {
    case TEXT:
        return read_text(v, a, r, field);
    case SECONDS:
        if (!json_number(v, &seconds) || !(seconds * 1e3 >= (double)r->least) ||
            seconds * 1e3 > (double)r->most)
            return bad(r->wants);
        *(int64_t *)field = (int64_t)(seconds * 1e6 + 0.5);
        return ERR_NONE;
    case NUMBER:
        if (v->type != JSON_INT || v->i < r->least || v->i > r->most) return bad(r->wants);
        *(int64_t *)field = v->i;
        return ERR_NONE;
    case FLAG:
        if (v->type != JSON_TRUE && v->type != JSON_FALSE) return bad(r->wants);
        *(bool *)field = v->type == JSON_TRUE;
        return ERR_NONE;
    case OTHER:
        break;
    }
    return r->read(v, a, c);
}

/* ---- what depends on the kind ---- */

static bool is_host(struct str s) {
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'z') ||
              (s.p[i] >= 'A' && s.p[i] <= 'Z') || strchr("-_.:", s.p[i])))
            return false;
    return s.n > 0 && s.n < 254;
}

static struct err split_target(struct probe_config *c, struct arena *a) {
    const char *colon = NULL;
    for (size_t i = 0; i < c->target.n; i++)
        if (c->target.p[i] == ':') colon = c->target.p + i;
    int64_t port = 0;
    if (!colon) return bad("is host:port");
    struct str host = {c->target.p, (size_t)(colon - c->target.p)};
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){host.p + 1, host.n - 2};
    if (!is_host(host) ||
        !str_to_i64(str_from(c->target, (size_t)(colon - c->target.p) + 1), &port))
        return bad("is host:port");
    if (port < 1 || port > 65535) return bad("is host:port");
    c->port = (uint16_t)port;
    c->host = arena_str(a, host);
    return c->host.p ? ERR_NONE : ERR(ERR_NOMEM, "probe: config");
}

static struct err check_url(struct probe_config *c, struct arena *a) {
    char *scheme = NULL, *host = NULL;
    CURLU *u = curl_url();
    if (!u) return ERR(ERR_NOMEM, "probe: config");
    bool ok = curl_url_set(u, CURLUPART_URL, c->target.p, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (ok) c->host = arena_str(a, str_z(host));
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);
    return ok ? ERR_NONE : bad("is an address such as https://shop.example/health");
}

static struct err check_target(struct probe_config *c, struct arena *a) {
    if (c->kind == PROBE_PUSH) return ERR_NONE;
    if (c->target.n == 0) return bad("is missing");
    if (c->kind == PROBE_HTTP) return check_url(c, a);
    if (c->kind == PROBE_TCP || c->kind == PROBE_TLS) return split_target(c, a);
    c->host = c->target;
    return is_host(c->host) ? ERR_NONE : bad("is a host's name or address");
}

static void set_defaults(struct probe_config *c) {
    if (c->interval_us == 0) c->interval_us = 30 * US_PER_S;
    if (c->timeout_us == 0) {
        c->timeout_us = c->interval_us / 6;
        if (c->timeout_us < US_PER_S) c->timeout_us = US_PER_S;
        if (c->timeout_us > 10 * US_PER_S) c->timeout_us = 10 * US_PER_S;
    }
    if (c->confirm_us == 0) {
        c->confirm_us = c->interval_us / 6;
        if (c->confirm_us > 10 * US_PER_S) c->confirm_us = 10 * US_PER_S;
    }
    /* Neighbours in number lie far apart in time, and any run of numbers lies evenly. */
    if (c->phase_us < 0)
        c->phase_us = (int64_t)((double)(c->number * UINT32_C(2654435769)) / 4294967296.0 *
                                (double)c->interval_us);
    if (c->statuses.n == 0) c->statuses = STR("200-299");
    if (c->method.n == 0) c->method = STR("GET");
    if (c->least_days < 0) c->least_days = c->kind == PROBE_TLS ? 7 : 0;
    if (c->dns_type == 0) c->dns_type = 1;
}

static struct err check_rest(const struct probe_config *c, const char **out_member) {
    *out_member = "status";
    if (!probe_status_matches(c->statuses, 200, true)) return bad("is a list such as 200-299,304");
    *out_member = "method";
    if (!is_token(c->method)) return bad("is a method such as GET");
    *out_member = "regex";
    if (c->regex.n > 0 && !probe_regex_ok(c->regex)) return bad("is no pattern that can be used");
    *out_member = "dns_server";
    struct sockaddr_storage server;
    if (c->dns_server.n > 0 && !probe_read_address(c->dns_server, 53, &server))
        return bad("is an address, or address:port");
    return ERR_NONE;
}

static struct err tell(struct err e, const char *member, char fault[PROBE_FAULT_BYTES]) {
    if (e.code == ERR_INVALID) (void)snprintf(fault, PROBE_FAULT_BYTES, "%s: %s", member, e.what);
    return e;
}

struct err probe_config_read(const struct json *v, struct arena *a, struct probe_config *out,
                             char fault[PROBE_FAULT_BYTES]) {
    struct probe_config c = {.retries = 2,
                             .redirects = 5,
                             .verify = true,
                             .phase_us = -1,
                             .least_days = -1,
                             .kind = PROBE_HTTP};
    const char *member = "target";
    fault[0] = 0;
    if (v->type != JSON_OBJECT) return tell(bad("is an object"), "monitor", fault);
    for (const struct json *m = json_first(v); m != json_end(v); m = json_next(m)) {
        size_t i = 0;
        while (i < RULES_N && !str_is(m->key, rules[i].name))
            i++;
        if (i == RULES_N) return tell(bad("has a member that is not known"), "monitor", fault);
        struct err e = read_member(m, a, &rules[i], &c);
        if (e.code != ERR_OK) return tell(e, rules[i].name, fault);
    }
    set_defaults(&c);
    struct err e = check_target(&c, a);
    if (e.code != ERR_OK) return tell(e, member, fault);
    e = check_rest(&c, &member);
    if (e.code != ERR_OK) return tell(e, member, fault);
    *out = c;
    return ERR_NONE;
}
