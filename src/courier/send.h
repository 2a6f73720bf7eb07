/* send.h: the sending half of the courier: mails through the operator's server, webhooks to their
 * receivers. Private to src/courier.
 *
 * Promise: a number (the message's "id") is sent at most once, for mails even across kill -9 and a
 * power cut, so the console may hand anything over again. What is known of a number stands in a
 * small log (DIR/courier/sent), 24 bytes each:
 *
 *   bytes 0..7  id, little-endian      8      what: 1 begun, 2 done, 3 soon, 4 boot      9   result
 *   10          class                  11     zero     12..15 code       16..23 XXH3-64 of 0..15
 *
 *   soon    synced before a mail's connection is used
 *   begun   written, not synced, at the moment when the server is told that the mail is whole
 *   done    after its answer
 *   boot    the first record: a hash of this boot of the machine as the id
 *
 * After kill -9 the kernel still has all that was written: begun without done is in doubt, and the
 * doubt is as short as the server's answer takes. After a reboot what was not synced may be gone:
 * then soon without done is in doubt as well. What is in doubt is answered "unknown" and never sent
 * again. A torn record counts as not there. Webhooks are logged when done only: their receivers
 * tell repetitions by the Idempotency-Key.
 *
 * Messages in:  {"kind":"send","id","by":"mail","from","to","data"}
 *               {"kind":"send","id","by":"hook","url","headers":[…],"body"}
 *               {"kind":"sent.ack","ids":[…]}     may be forgotten
 * Messages out: {"kind":"sent","id","result":"ok"|"retry"|"dead"|"unknown","class","code","after"}
 *
 * Threading: a thread of its own, started with the first message; send_take from one thread.
 */
#pragma once

#include <curl/curl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/base.h"
#include "json/json.h"

#define SEND_MAILS 4    /* connections to the mail server at a time */
#define SEND_HOOKS 64   /* requests at a time */
#define SEND_KNOWN 1024 /* numbers remembered; beyond it the oldest that are done are forgotten */
#define SEND_MAIL_S 120
#define SEND_HOOK_S 10

struct send_config {
    const char *folder;      /* DIR/courier, there already */
    const char *smtp;        /* smtp://, smtps://, smtp+plain://; empty: mails are not sent */
    const char *credentials; /* file "user\npassword\n"; empty: none */
    /* May a webhook's connection go there? NULL: anywhere. From the thread. */
    bool (*allowed)(void *ctx, const struct sockaddr *a);
    void (*answer)(void *ctx, struct str message); /* from the thread, or from send_take */
    void *ctx;
};
struct send;
/* Reads the log and the credentials: before the sandbox. */
struct err send_open(const struct send_config *c, struct send **out);
void send_close(struct send *s); /* what is on its way is dropped: it is in the log. Takes NULL */
AUTO_DEFINE(struct send *, send_close);
/* A message of kind "send" or "sent.ack"; what is malformed is dropped. */
void send_take(struct send *s, const struct json *message);

/* ==== shared by send.c, send_log.c, mail.c, hook.c ==== */

enum send_result { SEND_OK, SEND_RETRY, SEND_DEAD, SEND_UNKNOWN, SEND_RESULTS_N }; /* stored */
enum send_class { /* stored: never renumber */
                  SEND_FINE,
                  SEND_CONNECT,
                  SEND_TLS,
                  SEND_AUTH,
                  SEND_TIMEOUT,
                  SEND_SENDER,    /* the mail server does not take our sender */
                  SEND_SETUP,     /* no mail server is set, or its URL is wrong */
                  SEND_STATUS,    /* an answer that is no success */
                  SEND_REFUSED,   /* for good */
                  SEND_LOST,      /* between the end of the mail and the answer */
                  SEND_FORBIDDEN, /* an internal address */
                  SEND_INTERNAL,
                  SEND_CLASSES_N
};
enum send_state { SEND_QUEUED, SEND_ACTIVE, SEND_DONE };

struct send_letter {
    int64_t id;
    enum send_state state;
    bool mail, soon, begun, forbidden;
    char phase; /* of SMTP: first letter of the last command */
    enum send_result result;
    enum send_class class;
    int32_t code, after_s;
    char *from, *to, *data; /* owned; `to` is the URL of a hook */
    size_t data_n, at;
    struct curl_slist *list; /* recipients or headers */
    CURL *easy;
    struct send *send;
};

struct send_log {
    int fd;
    size_t records;
    char path[4200];
};
struct send_record {
    int64_t id;
    uint8_t what, result, class;
    int32_t code;
};
enum { SEND_BEGUN = 1, SEND_ENDED = 2, SEND_SOON = 3, SEND_BOOT = 4 };
/* Calls `each` for every whole record. A missing file is an empty one. */
struct err send_log_open(const char *folder, struct send_log *out,
                         void (*each)(void *ctx, const struct send_record *r), void *ctx);
void send_log_close(struct send_log *l);
struct err send_log_put(struct send_log *l, const struct send_record *r);
struct err send_log_sync(struct send_log *l);
/* The file anew, with these records alone. */
struct err send_log_rewrite(struct send_log *l, const struct send_record *records, size_t n);

struct send {
    struct send_config config;
    char smtp[600], user[256], password[256];
    struct send_log log;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stop, running;
    struct send_letter *known[SEND_KNOWN]; /* [n_known], oldest first; owned */
    size_t n_known;
    pthread_t thread;
    CURLM *multi;        /* made by the thread for work, gone when idle; wakeups under the lock */
    size_t mails, hooks; /* active; the thread's */
    int64_t boot;        /* of this boot of the machine */
    int64_t boot_was;    /* of the log that was found; while it is read */
    bool unsynced;       /* a `soon` is not on disk yet: no mail may end. The thread's */
};
/* Marks that the mail may arrive from now on; false: it could not be written down. Thread. */
bool send_begun(struct send_letter *l);

/* mail.c, hook.c: fill the handle; judge how it ended. */
struct err send_mail_begin(struct send_letter *l);
void send_mail_end(struct send_letter *l, CURLcode code);
struct err send_hook_begin(struct send_letter *l);
void send_hook_end(struct send_letter *l, CURLcode code);
enum send_class send_class_of(CURLcode code);
