/* inside.h: what notice's files share. Private.
 *
 *   keys.c         keys from the root key; boxes for addresses; tokens of links
 *   address.c      which mail addresses and URLs are taken
 *   mime.c         header fields and encodings of mail
 *   story.c        what happened as one immutable record; its words
 *   mail.c         a story and a subscriber -> a mail
 *   hook.c         a story and a subscriber -> a request to a receiver
 *   subscribers.c  the table of who wants to hear
 *   catchup.c      updates that nobody has queued yet
 *   lists.c        what the team sees
 *   letters.c      what the public door handed in
 *   outbox.c       the rows, what is due, back-off
 *   flight.c       handing over and answers
 *   notice.c       open, thread, turn
 *   alerts.c       Alertmanager's bodies, coming in
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "letterbox/letterbox.h"
#include "notice/notice.h"
#include "json/json.h"

#define NOTICE_TOKEN_CHARS 48  /* of a link, without NUL */
#define NOTICE_BODY_BYTES 5000 /* of an update's text in a notice; then it is cut */

/* ---- keys.c ---- */
struct notice_keys {
    uint8_t box[32], lookup[32], link[32], lane[32];
    struct letterbox_key letters;
};
void notice_keys_derive(const uint8_t root[32], struct notice_keys *out);
/* Keyed hash of kind and address (ASCII case does not matter for mail): finds a row without
 * opening any. */
struct notice_lookup {
    uint8_t b[16];
};
struct notice_lookup notice_lookup_of(const struct notice_keys *k, enum notice_kind kind,
                                      struct str to);
/* nonce 24 | XChaCha20-Poly1305(value), bound to the row's lookup and to what it is. */
enum notice_box { NOTICE_BOX_TO = 1, NOTICE_BOX_SECRET = 2 };
void notice_box_seal(const struct notice_keys *k, enum notice_box what, struct notice_lookup row,
                     struct str value, struct buf *out);
/* Into the arena; ERR_CORRUPT when it does not open. */
struct err notice_box_open(const struct notice_keys *k, enum notice_box what,
                           struct notice_lookup row, struct str box, struct arena *a,
                           struct str *out);
/* Links carry the subscriber's number and a MAC over it and the purpose: nothing is stored. */
enum notice_purpose { NOTICE_CONFIRM = 1, NOTICE_UNSUBSCRIBE = 2 };
void notice_token_make(const struct notice_keys *k, enum notice_purpose p, int64_t id,
                       char out[NOTICE_TOKEN_CHARS + 1]);
bool notice_token_read(const struct notice_keys *k, enum notice_purpose p, struct str token,
                       int64_t *out_id);
/* A receiver's lane: keyed hash of a mail's domain or a hook's URL, positive. */
int64_t notice_lane_of(const struct notice_keys *k, struct str name);
void notice_hmac_hex(struct str secret, struct str body, char out[65]);

/* ---- address.c ---- */
bool notice_mail_ok(struct str address); /* ASCII dot-atom and a domain of two labels or more */
struct str notice_mail_domain(struct str address);
bool notice_url_ok(struct str url, struct str *out_host);   /* http(s), no user part, printable */
void notice_mail_mask(struct str address, struct buf *out); /* "a...@example.com" */

/* ---- mime.c ---- */
void notice_mime_field(struct buf *b, const char *name,
                       struct str text); /* RFC 2047 where needed */
/* Name <address>; the address is known to be plain. */
void notice_mime_from(struct buf *b, const char *name, struct str phrase, struct str address);
void notice_mime_date(struct buf *b, int64_t at_us);
/* Content-Type, -Transfer-Encoding, empty line, body: quoted-printable, or base64 where mostly not
 * ASCII. */
void notice_mime_part(struct buf *b, const char *type, struct str text);
void notice_html(struct buf *b, struct str text); /* escaped; line ends become <br> */

/* ---- story.c ---- */
enum notice_about { /* stored */
                    NOTICE_OF_INCIDENT = 1,
                    NOTICE_OF_CONFIRM = 2,
                    NOTICE_OF_TEST = 3,
                    NOTICE_OF_COMPONENT = 4,
};
struct notice_story {
    int64_t id, at_us;
    enum notice_about about;
    struct str event;      /* unique: what makes it queued once */
    struct str incident;   /* id, or empty */
    struct str title;      /* incident's or component's name */
    struct str body;       /* the update's text, cut */
    struct str page;       /* the page's name */
    struct str components; /* names, ", " between */
    struct str first;      /* event of the incident's first notice; empty: this is it */
    struct str json;       /* members of Statuspage's webhook: "page":{...},"incident":{...} */
    enum status_phase phase;
    enum status_impact impact;
    int64_t started_us, resolved_us;
};
const char *notice_phase_text(enum status_phase p); /* "Investigating" */
/* An object whose members go into webhooks: page and incident, or page and component. A webhook's
 * body has to fit into one message to the courier: where all of it is too much, older updates and
 * components are left out. */
#define NOTICE_JSON_BYTES ((size_t)24 << 10)
struct notice_telling {
    const struct status_model *model;
    const struct status_incident *incident;
    const struct status_update *update;
    struct str url;
    size_t updates_bytes, components_n; /* private: how brief */
};
void notice_story_incident(struct buf *b, struct notice_telling *t);
/* id: of the change. */
void notice_story_component(struct buf *b, const struct status_model *m,
                            const struct status_component *c, enum status_state from,
                            const char *id);
void notice_time(struct jout *j, const char *key, int64_t us); /* ISO with ms; 0: null */

/* ---- who gets it ---- */
struct notice_reader {
    int64_t id;
    enum notice_kind kind;
    struct str to, secret;
};
struct notice_letterhead {
    struct str url;       /* public, without a slash at the end */
    struct str mail_from; /* plain address */
    const struct notice_keys *keys;
};

/* ---- mail.c, hook.c: the members of a message to the courier, behind kind and id ---- */
void notice_mail_compose(struct jout *j, const struct notice_letterhead *h,
                         const struct notice_story *s, const struct notice_reader *to);
void notice_hook_compose(struct jout *j, const struct notice_letterhead *h,
                         const struct notice_story *s, const struct notice_reader *to, int64_t row);
/* The mail alone, as it travels. */
void notice_mail_write(struct buf *b, const struct notice_letterhead *h,
                       const struct notice_story *s, const struct notice_reader *to);
void notice_hook_body(struct buf *b, const struct notice_letterhead *h,
                      const struct notice_story *s, const struct notice_reader *to);

#define NOTICE_ALERT_SOURCE "weir-status-page" /* label `source` of every alert that we send */

/* ---- outbox.c ---- */
enum notice_row { /* stored */
                  NOTICE_ROW_WAITING = 0,
                  NOTICE_ROW_FLIGHT = 1,
                  NOTICE_ROW_SENT = 2,
                  NOTICE_ROW_DEAD = 3,
                  NOTICE_ROW_UNKNOWN = 4, /* it may have arrived: not sent again by itself */
};
enum notice_result { NOTICE_OK, NOTICE_RETRY, NOTICE_FAILED, NOTICE_IN_DOUBT };
struct notice_answered {
    int64_t row;
    uint32_t serial;
    enum notice_result result;
    int code;        /* of SMTP or HTTP; 0: none */
    int32_t after_s; /* the receiver asked for it; 0: did not */
    char class[12];  /* connect, tls, auth, ... */
};
#define NOTICE_SERIALS 1024 /* hand-overs of one row that are told apart */
#define NOTICE_LANE_SMTP 0  /* the operator's own mail server */

/* One row at the courier. */
struct notice_flight {
    int64_t row, story, subscriber;
    uint32_t serial;
    bool hook, failing; /* failing: its lane was when it was picked */
    int64_t handed_us;  /* 0: not yet since it was marked or since we started */
};

struct notice {
    struct meta *meta;
    struct notice_keys keys;
    struct notice_letterhead head;
    char front_folder[4200], url[512], from[256];
    struct post *post;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool woken, stop, running;
    struct notice_answered answers[4 * NOTICE_IN_FLIGHT];
    size_t n_answers;
    bool courier_new; /* it has started: everything in flight is handed over again */
    char page[256];
    pthread_t thread;
    /* the thread's (or, without one, notice_turn's caller's) */
    struct notice_flight flights[2 * NOTICE_IN_FLIGHT];
    size_t n_flights;
    int64_t cleaned_us;
};
void notice_wake(struct notice *n);
/* Inside a transaction. */
struct err notice_story_store(struct notice *n, const struct notice_story *s, int64_t *out_id);
struct err notice_story_known(struct notice *n, struct str event, bool *out);
struct err notice_story_load(struct notice *n, int64_t id, struct arena *a,
                             struct notice_story *out); /* ERR_NOTFOUND */
struct err notice_queue_one(struct notice *n, int64_t story, int64_t subscriber, int64_t now_us);
struct err notice_pick(struct notice *n, bool hook, int64_t now_us);
struct err notice_settle(struct notice *n, const struct notice_answered *a, int64_t now_us);
struct err notice_clean(struct notice *n, int64_t now_us);
/* How long the n-th failure in a row makes wait, without jitter. */
int64_t notice_backoff_us(unsigned failures);
/* flight.c */
struct err notice_hand_over(struct notice *n, int64_t now_us);
struct err notice_flights_load(struct notice *n);
struct err notice_answers_apply(struct notice *n, struct notice_answered *answers, size_t k,
                                int64_t now_us);
void notice_answers_done(struct notice *n, const struct notice_answered *answers, size_t k);
void notice_acknowledge(struct notice *n, const struct notice_answered *answers, size_t k);
/* letters.c: stores what one letter says; false: try again later. */
bool notice_letter(void *ctx, struct str letter);
/* subscribers.c */
struct err notice_confirm_token(struct notice *n, struct str token);
struct err notice_unsubscribe_token(struct notice *n, struct str token);
struct err notice_reader_load(struct notice *n, int64_t id, struct arena *a,
                              struct notice_reader *out);
