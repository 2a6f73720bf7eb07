/* inside.h: what edge's files share. Private.
 *
 *   edge.c      open, close, the turn, the sweep of slow connections
 *   request.c   the library's callbacks: head, body, asking the handler
 *   reply.c     edge_reply -> the library's response; CORS; the cache of small answers
 *   peer.c      addresses: CIDRs, X-Forwarded-For, connections by address
 *   param.c     percent decoding, parameters, cookies
 *   gunzip.c    gzip bodies with a cap
 *   leave.c     the end of a door: what is unfinished is put off
 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "edge/edge.h"

#define EDGE_SLACK_BYTES 64 /* readable bytes behind a body */
#define SMALL_BODY_BYTES ((size_t)64 << 10)
#define LARGE_BODIES_BYTES ((size_t)512 << 20) /* all bodies larger than the above together */
#define REPLY_CACHE_N 64

struct cidr {
    uint8_t net[16];
    unsigned bits; /* of 128 */
};
struct cidrs {
    struct cidr *p; /* [n], owned */
    size_t n;
};
struct address_count {
    uint8_t key[8]; /* IPv4 address, or the first 64 bits of IPv6 */
    uint32_t n;     /* 0: free */
};

enum conn_phase { CONN_IDLE, CONN_READING, CONN_WORKING, CONN_REPLYING };
/* One connection; lives from accept to close. */
struct conn {
    struct edge *edge;
    struct conn *prev, *next;
    int fd;
    uint64_t inode;           /* of the socket: a number that a reused fd does not have */
    _Atomic int64_t since_us; /* when its phase began */
    _Atomic int phase;        /* enum conn_phase */
    bool is_local, counted;
    uint8_t addr[16];
    uint16_t port;
    size_t daemon;
    struct request *request; /* begun and not answered; EDGE_GROUP looks at it, in its one thread */
};

enum request_state { REQUEST_LINE, REQUEST_BODY, REQUEST_WHOLE, REQUEST_LATER, REQUEST_QUEUED };
struct request {
    struct edge_request q; /* first: edge_request.connection points here */
    struct edge *edge;
    struct conn *conn;
    struct MHD_Connection *mhd;
    struct request *next; /* in the list of spares */
    struct buf body;
    struct str uri;    /* as sent */
    struct str origin; /* empty: none */
    enum request_state state;
    int refuse;     /* status to answer once the body is through; 0: none */
    uint64_t group; /* REQUEST_LATER: of which group */
    uint64_t discarded;
    size_t large;   /* bytes counted in edge.large_bytes */
    bool preflight; /* OPTIONS */
    bool is_whole;  /* or refused before: from here on the answer is ours to give */
};

struct cached_reply {
    uint64_t key; /* 0: free */
    struct MHD_Response *response;
};
struct door {
    struct MHD_Daemon *daemon;
    int epoll_fd;
    bool is_local;
    struct edge *edge; /* callbacks get a door */
    size_t later;      /* EDGE_LATER requests of the open group */
};
struct edge {
    struct edge_config config;
    struct door doors[4];
    size_t n_doors;
    int watch[4];
    size_t n_watch;
    struct cidrs trusted;
    char keep_alive[32]; /* "timeout=N" */
    bool paused;
    atomic_bool quiesced;
    uint64_t group; /* number of the open group; LATER requests of older ones are done */
    size_t n_later;
    int64_t swept_us;
    pthread_t sweeper; /* EDGE_THREADS */
    bool has_sweeper;
    atomic_bool stopping;
    _Atomic size_t in_hand, whole, large_bytes;
    _Atomic uint64_t requests, bytes_in, refused_400, refused_413, refused_414, timeouts,
        refused_unread, connections;
    /* Under the lock: */
    pthread_mutex_t lock;
    struct conn *conns;
    struct request *spare;
    size_t n_spare;
    struct buf spare_body;           /* memory of one large body, wiped; p NULL: none */
    int64_t spare_body_us;           /* when it was last given back */
    struct address_count *addresses; /* [address_slots] */
    size_t address_slots;
    struct cached_reply cache[REPLY_CACHE_N]; /* EDGE_GROUP only, so without the lock */
};

/* edge.c: whether the connection's descriptor is its own still. */
bool edge_conn_is_open(const struct conn *c);

/* request.c */
void edge_request_whole(struct request *r);
void *edge_on_uri(void *cls, const char *uri, struct MHD_Connection *c);
/* The library's shape of this callback (MHD_AccessHandlerCallback). */
#define EDGE_ACCESS_PARAMETERS                                                                     \
    void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version, \
        const char *data, size_t *data_n, void **req
enum MHD_Result edge_on_access(EDGE_ACCESS_PARAMETERS);
void edge_on_completed(void *cls, struct MHD_Connection *c, void **req,
                       enum MHD_RequestTerminationCode how);
void edge_request_free(struct request *r);
void edge_conn_phase(struct conn *c, enum conn_phase phase);

/* reply.c */
enum MHD_Result edge_send_reply(struct request *r, const struct edge_reply *reply);
enum MHD_Result edge_send_preflight(struct request *r);
enum MHD_Result edge_send_refusal(struct request *r, int status);
const char *edge_reason(int status);

/* peer.c */
struct err edge_cidrs_parse(struct str list, struct cidrs *out);
void edge_cidrs_free(struct cidrs *c);
bool edge_cidrs_have(const struct cidrs *c, const uint8_t addr[16]);
bool edge_address_read(struct str text,
                       uint8_t out[16]); /* v4, v6, [v6], each with or without a port */
void edge_peer_of(struct request *r);
/* Counting connections by address, under the lock. */
void edge_address_add(struct edge *e, const uint8_t addr[16]);
void edge_address_remove(struct edge *e, const uint8_t addr[16]);
bool edge_address_full(struct edge *e, const uint8_t addr[16]);
