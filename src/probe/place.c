/* place.c: has this place lost its own connection?
 *
 * A prober whose own link is gone sees everything down at once. What it then says must alarm
 * nobody. Three signs, strongest first: the kernel has no route; the references (name servers,
 * hosts that the operator named) do not answer; and, where nobody can be asked, most hosts fell
 * silent together. A reference that answers overrules the crowd: twenty monitors of one data centre
 * may well fail at once.
 */
#include <arpa/inet.h>
#include <unistd.h>

#include "probe/inside.h"

#define WITNESS_US (15 * US_PER_S) /* about as long as a failure takes to be confirmed */
#define LEAST_HOSTS 3

bool probe_fault_is_lost(enum post_fault f) {
    return f == POST_NO_NAME || f == POST_UNREACHABLE || f == POST_TIMEOUT;
}

void probe_place_note(struct probe_place *p, struct str host, bool lost, int64_t now_us) {
    uint32_t where = (uint32_t)checksum64(host.p, host.n);
    size_t at = p->next;
    for (size_t i = 0; i < PROBE_WITNESSES; i++)
        if (p->witnesses[i].at_us != 0 && p->witnesses[i].where == where) at = i;
    if (at == p->next) p->next = (p->next + 1) % PROBE_WITNESSES;
    p->witnesses[at] = (struct probe_witness){where, now_us, lost};
    if (!lost && p->has_references) p->reference_ok = true;
}

void probe_place_reference(struct probe_place *p, bool ok, int64_t now_us) {
    p->has_references = true;
    p->reference_ok = ok;
    p->reference_us = now_us;
}

bool probe_place_offline(const struct probe_place *p, int64_t now_us) {
    size_t hosts = 0, lost = 0;
    if (p->had_route && p->no_route) return true;
    if (p->has_references && p->reference_us != 0) return !p->reference_ok;
    for (size_t i = 0; i < PROBE_WITNESSES; i++) {
        const struct probe_witness *w = &p->witnesses[i];
        if (w->at_us == 0 || now_us - w->at_us > WITNESS_US) continue;
        hosts++;
        lost += w->lost;
    }
    return hosts >= LEAST_HOSTS && lost * 10 >= hosts * 6;
}

/* Connecting a datagram socket only looks up the route. The addresses are root name servers'. */
static bool has_route(const char *address) {
    struct sockaddr_storage a;
    if (!probe_read_address(str_z(address), 53, &a)) return false;
    AUTO(fd_close) int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&a, probe_address_bytes(&a)) == 0;
}

void probe_place_look(struct probe_place *p) {
    p->no_route = !has_route("198.41.0.4") && !has_route("2001:503:ba3e::2:30");
    p->had_route |= !p->no_route;
}
