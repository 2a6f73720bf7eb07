/* guard.c: which addresses a prober may reach.
 *
 * A target's address comes from strangers: a monitor's owner, a name server, a redirect. Inside the
 * operator's network lie things that trust whoever can reach them, so everything that is not
 * plainly the public internet is refused unless the operator names it. The ranges are those of the
 * IANA special-purpose registries (RFC 6890 and its successors). All is compared as IPv6.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "probe/probe.h"

#define V4(a, b, c, d, bits)                                                                       \
    { {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (bits) }
static const struct probe_range internal[] = {
    V4(0, 0, 0, 0, 8),       /* this network */
    V4(10, 0, 0, 0, 8),      /* private */
    V4(100, 64, 0, 0, 10),   /* shared by carriers; also some clouds' metadata */
    V4(127, 0, 0, 0, 8),     /* loopback */
    V4(169, 254, 0, 0, 16),  /* link-local, and the clouds' metadata service */
    V4(172, 16, 0, 0, 12),   /* private */
    V4(192, 0, 0, 0, 24),    /* protocol assignments; one cloud's metadata */
    V4(192, 0, 2, 0, 24),    /* documentation */
    V4(192, 88, 99, 0, 24),  /* 6to4 relays, deprecated */
    V4(192, 168, 0, 0, 16),  /* private */
    V4(198, 18, 0, 0, 15),   /* benchmarks */
    V4(198, 51, 100, 0, 24), /* documentation */
    V4(203, 0, 113, 0, 24),  /* documentation */
    V4(224, 0, 0, 0, 4),     /* multicast */
    V4(240, 0, 0, 0, 4),     /* reserved, broadcast */
    V4(168, 63, 129, 16, 32) /* one cloud's host, of a public range */
};

/* Of IPv6 only 2000::/3 is the public internet; within it these are not, or hide an IPv4 address.
 */
static const struct probe_range odd[] = {
    {{0x20, 0x01, 0, 0}, 23},       /* protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4: an IPv4 address inside */
    {{0x3f, 0xff}, 20},             /* documentation */
};
static const struct probe_range public6 = {{0x20}, 3}, mapped = {{[10] = 0xff, [11] = 0xff}, 96};

static bool in_range(const uint8_t a[16], const struct probe_range *r) {
    size_t whole = r->bits / 8, rest = r->bits % 8;
    if (memcmp(a, r->net, whole) != 0) return false;
    return rest == 0 || ((a[whole] ^ r->net[whole]) >> (8 - rest)) == 0;
}

static bool as_bytes(const struct sockaddr *a, uint8_t out[16]) {
    if (a->sa_family == AF_INET) {
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
        return true;
    }
    if (a->sa_family != AF_INET6) return false;
    memcpy(out, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
    return true;
}

bool probe_guard_allows(const struct probe_guard *g, const struct sockaddr *a) {
    uint8_t b[16];
    if (!as_bytes(a, b)) return false;
    for (size_t i = 0; i < g->n; i++)
        if (in_range(b, &g->allowed[i])) return true;
    if (!in_range(b, &mapped)) {
        if (!in_range(b, &public6)) return false; /* NAT64, unique local, link-local, ::1 ... */
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
            if (in_range(b, &odd[i])) return false;
        return true;
    }
    for (size_t i = 0; i < sizeof internal / sizeof *internal; i++)
        if (in_range(b, &internal[i])) return false;
    return true;
}

static bool read_range(struct str text, struct probe_range *out) {
    char address[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    struct str bits = text, net = str_cut(&bits, '/');
    int64_t n = -1;
    bool has_bits = net.n < text.n;
    if (net.n == 0 || net.n >= sizeof address || (has_bits && !str_to_i64(bits, &n))) return false;
    memcpy(address, net.p, net.n);
    address[net.n] = 0;
    *out = (struct probe_range){.bits = 128};
    if (inet_pton(AF_INET, address, &v4) == 1) {
        out->net[10] = out->net[11] = 0xff;
        memcpy(out->net + 12, &v4, 4);
        if (has_bits && (n < 0 || n > 32)) return false;
        if (has_bits) out->bits = (uint8_t)(96 + n);
        return true;
    }
    if (inet_pton(AF_INET6, address, &v6) != 1 || (has_bits && (n < 0 || n > 128))) return false;
    memcpy(out->net, &v6, 16);
    if (has_bits) out->bits = (uint8_t)n;
    return true;
}

struct err probe_guard_read(struct str ranges, struct probe_guard *out) {
    struct probe_guard g = {0};
    while (ranges.n > 0) {
        struct str one = str_trim(str_cut(&ranges, ','));
        if (one.n == 0) continue;
        if (g.n == PROBE_RANGES_MAX) return ERR(ERR_INVALID, "too many allowed ranges");
        if (!read_range(one, &g.allowed[g.n++]))
            return ERR(ERR_INVALID, "an allowed range is no CIDR");
    }
    *out = g;
    return ERR_NONE;
}
