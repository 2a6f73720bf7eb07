/* dns.c: a DNS question, and whether the expected answers are among what comes back. The message is
 * read here, record by record, as hostile bytes; names in it are expanded by c-ares. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdio.h>

#include "probe/inside.h"

#define TEXT_BYTES 600
#define RECORDS_MAX 200

static const struct {
    const char *name;
    int64_t type;
} types[] = {{"A", ns_t_a},   {"AAAA", ns_t_aaaa}, {"CNAME", ns_t_cname}, {"MX", ns_t_mx},
             {"NS", ns_t_ns}, {"PTR", ns_t_ptr},   {"SOA", ns_t_soa},     {"TXT", ns_t_txt}};

int64_t probe_dns_type(struct str name) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_is(name, types[i].name)) return types[i].type;
    return 0;
}

/* ---- reading the message ---- */

struct message {
    const unsigned char *bytes, *at;
    int n;
};

static size_t left(const struct message *m) {
    return (size_t)(m->bytes + m->n - m->at);
}

static bool skip_name(struct message *m) {
    char *name = NULL;
    long used = 0;
    if (left(m) == 0 || ares_expand_name(m->at, m->bytes, m->n, &name, &used) != ARES_SUCCESS)
        return false;
    ares_free_string(name);
    if (used < 1 || (size_t)used > left(m)) return false;
    m->at += used;
    return true;
}

static unsigned two(const unsigned char *p) {
    return (unsigned)p[0] << 8 | p[1];
}

/* A name inside a record, as text without its last dot. */
static bool put_name(const struct message *m, const unsigned char *at, char *out) {
    char *name = NULL;
    long used = 0;
    if (ares_expand_name(at, m->bytes, m->n, &name, &used) != ARES_SUCCESS) return false;
    (void)snprintf(out, TEXT_BYTES, "%s", name);
    ares_free_string(name);
    return true;
}

/* The strings of a TXT record, joined. */
static bool put_text(const unsigned char *p, size_t n, char *out) {
    size_t used = 0;
    while (n > 0) {
        size_t one = p[0];
        if (one + 1 > n || used + one >= TEXT_BYTES) return false;
        memcpy(out + used, p + 1, one);
        used += one;
        p += one + 1;
        n -= one + 1;
    }
    out[used] = 0;
    return true;
}

/* One record's data as people write it; false: not readable. */
static bool put_record(const struct message *m, int64_t type, size_t n, char *out) {
    char name[TEXT_BYTES];
    switch (type) {
    case ns_t_a:
        return n == 4 && inet_ntop(AF_INET, m->at, out, TEXT_BYTES);
    case ns_t_aaaa:
        return n == 16 && inet_ntop(AF_INET6, m->at, out, TEXT_BYTES);
    case ns_t_txt:
        return put_text(m->at, n, out);
    case ns_t_mx:
        if (n < 3 || !put_name(m, m->at + 2, name)) return false;
        (void)snprintf(out, TEXT_BYTES, "%u %.590s", two(m->at), name);
        return true;
    default:
        return n >= 1 && put_name(m, m->at, out);
    }
}

static bool same_answer(struct str expected, const char *found) {
    struct str f = str_z(found);
    if (str_ends(expected, STR("."))) expected.n--;
    return str_ieq(expected, f);
}

/* Bits of the expected answers that are there; out_n: how many records of the type. */
static bool read_answers(const struct probe_config *c, struct message *m, uint32_t *out_met,
                         size_t *out_n) {
    if (m->n < 12) return false;
    unsigned questions = two(m->bytes + 4), answers = two(m->bytes + 6);
    m->at = m->bytes + 12;
    for (unsigned i = 0; i < questions; i++) {
        if (!skip_name(m) || left(m) < 4) return false;
        m->at += 4;
    }
    for (unsigned i = 0; i < answers && i < RECORDS_MAX; i++) {
        char text[TEXT_BYTES];
        if (!skip_name(m) || left(m) < 10) return false;
        unsigned type = two(m->at), n = two(m->at + 8);
        m->at += 10;
        if (n > left(m)) return false;
        if (type == c->dns_type && put_record(m, type, n, text)) {
            ++*out_n;
            for (size_t k = 0; k < c->n_answers; k++)
                if (same_answer(c->answers[k], text)) *out_met |= 1u << k;
        }
        m->at += n;
    }
    return true;
}

enum post_fault probe_dns_judge(const struct probe_config *c, const unsigned char *bytes, int n) {
    struct message m = {bytes, bytes, n};
    uint32_t met = 0;
    size_t records = 0;
    if (!read_answers(c, &m, &met, &records)) return POST_PROTOCOL;
    if (records == 0 || met != (1u << c->n_answers) - 1) return POST_ANSWER;
    return POST_FINE;
}

/* ---- asking ---- */

static void answered(void *data, int status, int timeouts, unsigned char *bytes, int n) {
    (void)timeouts;
    struct probe_run *r = data;
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED || r->over) return;
    r->beat.phase_us[POST_FIRST_BYTE] = probe_run_step(r);
    if (bytes && n >= 12) r->beat.code = bytes[3] & 0xf;
    if (status == ARES_SUCCESS)
        probe_run_end(r, probe_dns_judge(r->config, bytes, n));
    else if (status == ARES_ETIMEOUT)
        probe_run_end(r, POST_TIMEOUT);
    else if (status == ARES_ECONNREFUSED)
        probe_run_end(r, POST_REFUSED);
    else if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
        probe_run_end(r, POST_ANSWER);
    else
        probe_run_end(r, POST_PROTOCOL);
}

void probe_dns_begin(struct probe_run *r) {
    const struct probe_config *c = r->config;
    struct sockaddr_storage server;
    bool own = c->dns_server.n > 0 && probe_read_address(c->dns_server, 53, &server);
    if (own && !probe_may_reach(r, (const struct sockaddr *)&server)) {
        probe_run_end(r, POST_FORBIDDEN);
        return;
    }
    if (probe_channel_new(r->engine, own ? &server : NULL, &r->dns).code != ERR_OK) {
        probe_run_end(r, POST_POWERLESS);
        return;
    }
    ares_query(r->dns->ares, c->host.p, ns_c_in, (int)c->dns_type, answered, r);
}
