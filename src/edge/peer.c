/* peer.c: whose connection it is: CIDRs, X-Forwarded-For, how many connections an address has.
 *
 * X-Forwarded-For is read from its right end, since every proxy appends: the first address that is
 * not one of ours is the client. What stands left of it is the client's own claim and is not looked
 * at.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "edge/inside.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Takes the port and brackets off: "[::1]:80", "1.2.3.4:80". A bare v6 address has more than one
 * colon. */
static struct str bare_address(struct str s) {
    s = str_trim(s);
    if (s.n > 0 && s.p[0] == '[') {
        const char *end = memchr(s.p, ']', s.n);
        return end ? (struct str){s.p + 1, (size_t)(end - s.p) - 1} : (struct str){0};
    }
    const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
    if (colon && !memchr(colon + 1, ':', s.n - (size_t)(colon + 1 - s.p)))
        s.n = (size_t)(colon - s.p);
    return s;
}

bool edge_address_read(struct str text, uint8_t out[16]) {
    char z[INET6_ADDRSTRLEN + 1];
    text = bare_address(text);
    if (text.n == 0 || text.n >= sizeof z) return false;
    memcpy(z, text.p, text.n);
    z[text.n] = 0;
    uint8_t four[4];
    if (inet_pton(AF_INET, z, four) == 1) {
        memcpy(out, mapped, 12);
        memcpy(out + 12, four, 4);
        return true;
    }
    return inet_pton(AF_INET6, z, out) == 1;
}

static bool parse_cidr(struct str s, struct cidr *out) {
    struct str rest = s, addr = str_cut(&rest, '/');
    if (!edge_address_read(addr, out->net)) return false;
    bool four = memcmp(out->net, mapped, 12) == 0 && !memchr(addr.p, ':', addr.n);
    int64_t bits = four ? 32 : 128;
    if (memchr(s.p, '/', s.n) && !str_to_i64(rest, &bits)) return false;
    if (bits < 0 || bits > (four ? 32 : 128)) return false;
    out->bits = (unsigned)bits + (four ? 96 : 0);
    return true;
}

struct err edge_cidrs_parse(struct str list, struct cidrs *out) {
    struct cidrs c = {.p = calloc(list.n / 2 + 1, sizeof *c.p)};
    if (!c.p) return ERR(ERR_NOMEM, "edge: trusted proxies");
    while (list.n > 0) {
        struct str one = str_trim(str_cut(&list, ','));
        if (one.n == 0) continue;
        if (!parse_cidr(one, &c.p[c.n])) {
            free(c.p);
            return ERR(ERR_INVALID, "edge: trusted proxies are not a list of CIDRs");
        }
        c.n++;
    }
    *out = c;
    return ERR_NONE;
}

void edge_cidrs_free(struct cidrs *c) {
    free(c->p);
    *c = (struct cidrs){0};
}

static bool in_net(const struct cidr *c, const uint8_t addr[16]) {
    size_t whole = c->bits / 8;
    if (memcmp(c->net, addr, whole) != 0) return false;
    unsigned rest = c->bits % 8;
    if (rest == 0) return true;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return ((c->net[whole] ^ addr[whole]) & mask) == 0;
}

bool edge_cidrs_have(const struct cidrs *c, const uint8_t addr[16]) {
    for (size_t i = 0; i < c->n; i++)
        if (in_net(&c->p[i], addr)) return true;
    return false;
}

/* Walks one header's list from the right; true when the client was found. */
static bool walk_forwarded(const struct edge *e, struct str list, uint8_t out[16]) {
    while (list.n > 0) {
        const char *comma = memrchr(list.p, ',', list.n);
        struct str one = comma ? str_from(list, (size_t)(comma - list.p) + 1) : list;
        list.n = comma ? (size_t)(comma - list.p) : 0;
        uint8_t addr[16];
        if (!edge_address_read(one, addr))
            return true; /* not an address: stay with the last proxy */
        memcpy(out, addr, 16);
        if (!edge_cidrs_have(&e->trusted, addr)) return true;
    }
    return false;
}

struct header_lines {
    struct str lines[8]; /* in order of arrival */
    size_t n;
};

static enum MHD_Result collect_forwarded(void *cls, enum MHD_ValueKind kind, const char *key,
                                         size_t key_n, const char *value, size_t value_n) {
    (void)kind;
    struct header_lines *h = cls;
    if (str_ieq((struct str){key, key_n}, STR("x-forwarded-for")) &&
        h->n < sizeof h->lines / sizeof *h->lines)
        h->lines[h->n++] = (struct str){value, value_n};
    return MHD_YES;
}

void edge_peer_of(struct request *r) {
    memcpy(r->q.peer, r->conn->addr, 16);
    r->q.peer_port = r->conn->port;
    if (r->conn->is_local || !edge_cidrs_have(&r->edge->trusted, r->conn->addr)) return;
    struct header_lines h = {.n = 0};
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, collect_forwarded, &h);
    while (h.n > 0)
        if (walk_forwarded(r->edge, h.lines[--h.n], r->q.peer)) break;
}

/* ---- connections by address ---- */

/* Open addressing; at most half full, since there are twice as many slots as connections. */
static struct address_count *address_slot(struct edge *e, const uint8_t addr[16]) {
    const uint8_t *key =
        memcmp(addr, mapped, 12) == 0 ? addr + 8 : addr; /* ::ffff: and the v4, or a /64 */
    size_t mask = e->address_slots - 1;
    for (size_t i = (size_t)checksum64(key, 8) & mask;; i = (i + 1) & mask) {
        struct address_count *a = &e->addresses[i];
        if (a->n > 0 && memcmp(a->key, key, 8) != 0) continue;
        if (a->n == 0) memcpy(a->key, key, 8);
        return a;
    }
}

bool edge_address_full(struct edge *e, const uint8_t addr[16]) {
    return address_slot(e, addr)->n >= e->config.max_per_address;
}

void edge_address_add(struct edge *e, const uint8_t addr[16]) {
    address_slot(e, addr)->n++;
}

void edge_address_remove(struct edge *e, const uint8_t addr[16]) {
    struct address_count *a = address_slot(e, addr);
    if (a->n == 0 || --a->n > 0) return;
    /* Close the hole: entries behind it may have been pushed past it. */
    size_t mask = e->address_slots - 1, hole = (size_t)(a - e->addresses);
    for (size_t i = (hole + 1) & mask; e->addresses[i].n > 0; i = (i + 1) & mask) {
        size_t home = (size_t)checksum64(e->addresses[i].key, 8) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        e->addresses[hole] = e->addresses[i];
        e->addresses[i].n = 0;
        hole = i;
    }
}
