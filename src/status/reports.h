/* reports.h: which problem reports count; private to src/status.
 *
 * Pure and deterministic: the same reports and errors in the same order give the same verdicts,
 * whatever the clock says now. All memory is bounded and taken at the start: four tables of eight
 * places per bucket, in which the newest displaces the oldest of its bucket. Keys are keyed hashes,
 * so that nobody can aim at a bucket.
 */
#pragma once

#include "base/base.h"

#define REPORTS_IDENTITY_US (3600 * US_PER_S) /* once per identity and component */
#define REPORTS_PREFIX_MINUTE 3
#define REPORTS_PREFIX_HOUR 20
#define REPORTS_SHARED_TIMES 4              /* a shared network's caps */
#define REPORTS_NETWORK_US (600 * US_PER_S) /* window of the share */
#define REPORTS_NETWORK_PERCENT 30
#define REPORTS_NETWORK_FREE 3 /* of a network that always count */
#define REPORTS_VERIFIED_US (900 * US_PER_S)

enum reports_verdict {
    REPORTS_COUNTED,
    REPORTS_REPEATED,    /* the same identity within the hour */
    REPORTS_PREFIX_FULL, /* too many of one prefix */
    REPORTS_NETWORK_FULL /* too large a share of one network, anonymous */
};
struct report {
    uint64_t identity, prefix;   /* keyed hashes; prefix 0: unknown */
    uint32_t component, network; /* network (ASN) 0: unknown */
    uint16_t country;            /* 'A' << 8 | 'B', 0 unknown */
    uint8_t type;
    bool signed_in, shared; /* shared: the network is one of those that share addresses */
    int64_t at_us;
};
struct reports;
struct reports *reports_new(void); /* NULL: no memory; about 6 MB */
void reports_free(struct reports *r);
AUTO_DEFINE(struct reports *, reports_free);
/* `verified`: this identity had an error event of the component in the 15 minutes before. */
enum reports_verdict reports_take(struct reports *r, const struct report *p, bool *verified);
void reports_error(struct reports *r, uint64_t identity, uint32_t component, int64_t at_us);
/* Into and out of the saved state; what is too old to matter at now_us is left out, so that no
 * identity outlives its hour on disk. */
void reports_save(const struct reports *r, int64_t now_us, struct buf *out);
bool reports_restore(struct reports *r, struct cursor *c); /* false: not such bytes */

/* ---- the last counted reports of a component, for the gate before a public change ---- */
#define GATE_N 256
#define GATE_KEPT_US (3 * 3600 * US_PER_S) /* longer than any window */
#define GATE_PREFIXES 8
#define GATE_NETWORKS 3
#define GATE_PREFIXES_ALONE 12 /* where no network is known */
#define GATE_VERIFIED 3

struct gate_report {
    int64_t at_us;
    uint64_t identity, prefix;
    uint32_t network;
    uint8_t type;
    bool signed_in, verified;
};
struct gate {
    uint32_t n; /* ever put; the last GATE_N are here */
    struct gate_report last[GATE_N];
};
struct gate_sight {
    uint32_t counted, verified, prefixes, networks, signed_in_verified;
    bool passed;
};
void gate_put(struct gate *g, const struct report *p, bool verified);
void gate_forget(struct gate *g, int64_t before_us); /* identities and prefixes of older ones */
struct gate_sight gate_look(const struct gate *g, int64_t from_us);
