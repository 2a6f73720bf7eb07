/* edge.h: HTTP as bytes, no meaning: connections, limits, timeouts, gzip, CORS, TLS, on
 * libmicrohttpd.
 *
 * Two ways to run, one handler shape:
 *   EDGE_GROUP    front. One thread, external event loop. edge_turn reads all ready connections and
 * calls the handler for each whole request; handlers may answer at once or say EDGE_LATER. After
 * the turn the caller commits the group (one fdatasync) and calls edge_release, which asks each
 * EDGE_LATER request's handler again (phase EDGE_DONE) and sends the answers. EDGE_THREADS console.
 * A thread per connection; the handler may block; bodies may stream.
 *
 * Bad requests are answered here with the right status: 400, 405, 408, 413, 414, 415, 431, 501, 503
 * (too many large bodies at once). All are counted. A POST without length and coding has an empty
 * body. What the library itself refuses (a head that is no HTTP or does not fit: 400, 414, 431)
 * carries no CORS, since its Origin was never read. Every answer, 404 and errors included, carries
 * CORS when the request has an Origin: the origin echoed, credentials true, Vary: Origin,
 * Expose-Headers: Retry-After; OPTIONS is answered here: 204, the asked headers echoed, Max-Age
 * 86400. `Keep-Alive: timeout=N` with N = idle_s - 5: idle connections are closed well after what
 * was promised.
 *
 * Depends on: base, libmicrohttpd, zlib. Used by: routes, front, console, cli.
 */
#pragma once

#include "base/base.h"

enum edge_mode { EDGE_GROUP, EDGE_THREADS };
enum edge_method { EDGE_GET, EDGE_POST, EDGE_PUT, EDGE_DELETE, EDGE_PATCH, EDGE_HEAD, EDGE_OTHER };
enum edge_phase { EDGE_ASK, EDGE_DONE };
/* EDGE_BUSY (EDGE_GROUP only): nothing was taken; ask me again in the next turn, as if for the
 * first time. */
enum edge_verdict { EDGE_ANSWERED, EDGE_LATER, EDGE_BUSY };

struct edge_header {
    struct str name, value;
};

struct edge_request {
    enum edge_phase phase;
    enum edge_method method;
    struct str
        path; /* decoded, starts with '/', no query; refused with 400 if it holds NUL or "..", */
    struct str query; /* raw, without '?' */
    struct str body; /* after Content-Encoding: gzip; JSON_SLACK_BYTES (64) readable bytes follow */
    struct str content_type;
    bool is_local; /* came through a unix socket of the data folder: the operator */
    bool is_tls;
    uint8_t peer[16]; /* address of the client, v4 as ::ffff:a.b.c.d; behind trusted proxies the one
                         X-Forwarded-For names */
    uint16_t peer_port;
    struct arena *arena; /* lives as long as the request */
    void *connection;    /* private */
    void *user;          /* the handler's own, kept from EDGE_ASK to EDGE_DONE */
};

/* EDGE_THREADS: the client has closed its end (also half of it: nobody who waits for an answer
 * does). For handlers that take long. */
bool edge_gone(const struct edge_request *q);
/* A header of the request by name (case does not matter); empty if missing. */
struct str edge_header(const struct edge_request *q, const char *name);
/* Query or form parameter, percent-decoded into the arena; false if missing. edge_param looks in
 * the query only. */
bool edge_param(struct edge_request *q, const char *name, struct str *out);
bool edge_form_param(struct edge_request *q, const char *name, struct str *out);
/* Whether the client takes gzip. */
bool edge_accepts_gzip(const struct edge_request *q);
/* Decoding helpers, for dialects: '+' stays '+' when `plus_is_space` is false. */
struct str edge_percent_decode(struct arena *a, struct str s, bool plus_is_space);
/* Cookie by name. */
struct str edge_cookie(const struct edge_request *q, const char *name);
/* gunzip with a cap; ERR_INVALID broken, ERR_LIMIT a bomb. Result in the arena, with slack. */
struct err edge_gunzip(struct arena *a, struct str in, size_t max_bytes, struct str *out);

/* Streaming body: called until it gives 0 (end) or a negative value (abort). EDGE_THREADS only; may
 * block. */
typedef int64_t (*edge_stream)(void *ctx, char *out, size_t max_bytes);

struct edge_reply {
    int status;               /* 200 when untouched */
    struct str body;          /* borrowed until the answer is out: arena or static memory */
    bool body_is_static;      /* not copied */
    const char *content_type; /* literal; "text/plain" when NULL */
    struct edge_header headers[12];
    size_t n_headers;
    bool precompressed_gzip; /* body is gzip already: Content-Encoding is set (the client accepts
                                it, or it is unpacked) */
    bool cors_public;        /* the same for everybody: Allow-Origin is '*', with no credentials */
    edge_stream stream;      /* instead of body */
    void *stream_ctx;
    void (*stream_free)(void *ctx);
    bool close;
};
void edge_reply_header(struct edge_reply *r, const char *name, struct str value); /* asserts room */
/* {"error":{"code","message","field"}} with the status; field may be NULL. */
void edge_reply_error(struct edge_request *q, struct edge_reply *r, int status, const char *code,
                      const char *message, const char *field);

typedef enum edge_verdict (*edge_handler)(void *ctx, struct edge_request *q, struct edge_reply *r);

struct edge_listener {
    int fd;        /* listening socket, borrowed; moved by nobody */
    bool is_local; /* unix socket */
};
struct edge_config {
    enum edge_mode mode;
    struct edge_listener listeners[4];
    size_t n_listeners;
    edge_handler handler;
    void *ctx;
    size_t max_head_bytes; /* memory pool per connection */
    size_t max_body_bytes; /* as sent, and again after gunzip */
    size_t large_bytes;    /* all bodies above 64 kB together, as sent and unpacked; 0: 512 MB */
    unsigned idle_s;       /* keep-alive idle limit; Keep-Alive: timeout=idle_s - 5 */
    unsigned request_s;    /* a request must be whole within this */
    unsigned max_connections;
    unsigned max_per_address; /* 0: no limit */
    bool
        cors_any; /* public door: CORS for every origin. Else none (the team door is same-origin) */
    struct str trusted_proxies;           /* CIDRs, comma-separated */
    struct str tls_cert_pem, tls_key_pem; /* empty: plain */
};
struct edge_counters {
    uint64_t requests, bytes_in, refused_400, refused_413, refused_414, timeouts, connections;
    uint64_t refused_unread; /* of the refused: by the library, before the head was read: no CORS */
};

struct edge;
struct err edge_open(const struct edge_config *c,
                     struct edge **out); /* ERR_INVALID: TLS material, CIDR */
/* Stops accepting, answers what is in hand (up to grace_ms), closes. In EDGE_GROUP the caller
 * drains first: edge_quiesce, then turns and releases until edge_in_hand gives 0 (or its patience
 * ends). Takes NULL. */
void edge_close(struct edge *e, unsigned grace_ms);
/* Stops accepting for good: the listening sockets stay open and queue. From now on every answer
 * closes its connection. */
void edge_quiesce(struct edge *e);
size_t edge_in_hand(const struct edge *e);    /* requests begun (request line read) and not yet
                                                 answered to the last byte */
size_t edge_unfinished(const struct edge *e); /* those of them that have not wholly arrived */
#define EDGE_UNFINISHED_MS                                                                         \
    1000 /* how long the end of a door waits for what is arriving, when all else is answered */
/* EDGE_GROUP, at the end: requests that have not wholly arrived get 503 with Retry-After (and
 * nothing under TLS) and are closed. Takes a tenth of a second when there are any. */
void edge_hang_up(struct edge *e);
/* EDGE_GROUP: a descriptor whose readability ends the wait of edge_turn early; at most 4. */
void edge_watch(struct edge *e, int fd);
/* EDGE_GROUP: the turn. Waits at most wait_ms (not at all while requests are LATER), reads all
 * ready connections, asks the handler. out_later: how many requests wait for edge_release, those
 * that a release itself took in included. */
struct err edge_turn(struct edge *e, int wait_ms, size_t *out_later);
/* Asks the handler of each LATER request again (EDGE_DONE) and begins to send; the next edge_turn
 * sends on. New requests may be asked meanwhile: they are of the next group. */
void edge_release(struct edge *e);
/* While paused no turn accepts, reads or asks (overload): sockets stay open and queue. edge_release
 * still answers. */
void edge_pause(struct edge *e, bool paused);
void edge_count(const struct edge *e, struct edge_counters *out);
