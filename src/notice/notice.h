/* notice.h: who wants to hear of incidents, and that each of them hears once: subscribers, the
 * outbox, the composition of mails and webhooks (doc/notices.md).
 *
 * The truth lies in meta.db (owner "notice"). Addresses, URLs and secrets are encrypted there under
 * keys derived from the installation's root key. What is due is handed to the courier, at most
 * NOTICE_IN_FLIGHT at a time and kind; a row is marked in flight durably before it is handed over,
 * and carries a number that the courier answers at most once for (courier/send.h), so handing over
 * again is always safe.
 *
 * Threading: any thread; a thread of its own does the work (notice_start). Depends on: base, json,
 * letterbox, meta, status (types and words), post, libsodium. Used by: routes, console.
 */
#pragma once

#include "meta/meta.h"
#include "post/post.h"
#include "status/status.h"

#define NOTICE_IN_FLIGHT 64       /* rows at the courier, mails and hooks each */
#define NOTICE_SUBSCRIBERS 200000 /* at most */
#define NOTICE_PENDING 10000      /* not yet confirmed, at most */
#define NOTICE_COMPONENTS 100     /* chosen by one subscriber, at most */
#define NOTICE_URL_BYTES 2000     /* of a webhook, at most */
#define NOTICE_SECRET_CHARS 41    /* of a webhook's signing secret, with NUL */
#define NOTICE_STRIKES 3          /* refused mails in a row until a subscriber is suspended */
#define NOTICE_GIVE_UP_US US_PER_DAY
#define NOTICE_SUSPEND_US (3 * US_PER_DAY) /* a hook that fails as long is suspended */

struct notice_config {
    struct meta *meta;        /* borrowed for life */
    const uint8_t *root;      /* [32], borrowed for the call */
    const char *front_folder; /* DIR/front: the letterbox; NULL: none */
    struct str public_url;    /* of links, without a slash at the end; copied */
    struct str mail_from;     /* plain address; empty: no mail leaves */
    struct post *post;        /* to the courier, borrowed for life; NULL: nothing is handed over */
};
struct notice;
/* Makes tables, opens what was in flight again. */
struct err notice_open(const struct notice_config *c, struct notice **out);
struct err notice_start(struct notice *n); /* the thread: a turn each second or when woken */
void notice_close(struct notice *n);       /* stops the thread; takes NULL */
AUTO_DEFINE(struct notice *, notice_close);
/* One turn by hand, for tests: letters, answers, what is due. */
struct err notice_turn(struct notice *n, int64_t now_us);

/* What mails and bodies call the page; kept across restarts. */
struct err notice_set_page(struct notice *n, struct str name);

/* ---- what happened ---- */

/* Queues one notice of this update for each active subscriber of its components (an incident that
 * names none goes to all), in one transaction. An update is queued once however often this is
 * called: so whoever published calls it again after a crash. Not for drafts (asserts). */
struct err notice_incident(struct notice *n, const struct status_model *m,
                           const struct status_incident *i, const struct status_update *u);
/* The same for every update of the page of the last day that asks for notices and has none yet,
 * oldest first. Called when something changed and at start: so a kill between the desk's commit and
 * the queue loses nothing. Also notes the page's name. */
struct err notice_catch_up(struct notice *n, const struct status_model *m);
/* A component's state was changed by hand: webhooks of Statuspage's shape only. */
struct err notice_component(struct notice *n, const struct status_model *m,
                            const struct status_component *c, enum status_state from);
/* A message of the courier, POST_HELLO (it knows nothing: what is in flight is handed over again)
 * or POST_SENT; others are passed over. Any thread; quick. */
void notice_post(struct notice *n, const struct post_message *m);

/* ---- subscribers ---- */

enum notice_kind { /* stored; never renumber */
                   NOTICE_MAIL = 1,
                   NOTICE_WEBHOOK = 2,      /* Statuspage's shape */
                   NOTICE_SLACK = 3,        /* {"text","attachments"} */
                   NOTICE_ALERT_HOOK = 4,   /* Alertmanager's webhook, version 4 */
                   NOTICE_ALERTMANAGER = 5, /* Alertmanager's own door: POST .../api/v2/alerts */
};
enum notice_state { NOTICE_WAITING, NOTICE_ACTIVE, NOTICE_SUSPENDED };
bool notice_kind_parse(struct str name, enum notice_kind *out);
const char *notice_kind_name(enum notice_kind k);

struct notice_new {
    enum notice_kind kind;
    struct str to;                /* address or URL */
    struct str label;             /* for the team, at most 100 bytes; not for mail */
    const struct str *components; /* [n_components] ids; 0: all */
    size_t n_components;
    bool confirmed; /* a mail without double opt-in (the team answers for it); hooks always are */
};
/* out_secret: of a webhook, shown once. ERR_INVALID with `what` "field: rule"; ERR_EXISTS (a mail
 * address that is pending gets its link again, at most each ten minutes); ERR_LIMIT. */
struct err notice_add(struct notice *n, const struct notice_new *how, int64_t *out_id,
                      char out_secret[NOTICE_SECRET_CHARS]);
/* ERR_NOTFOUND. Waiting notices go with the subscriber; those in flight still arrive. */
struct err notice_remove(struct notice *n, int64_t id);
struct err notice_find(struct notice *n, enum notice_kind kind, struct str to, int64_t *out_id);
/* A pending one gets its link again; a suspended one is active again. */
struct err notice_resend(struct notice *n, int64_t id);
struct err notice_test(struct notice *n, int64_t id); /* queues a test message */
/* A mail came back otherwise than by SMTP's own answer: counts as a refusal. */
struct err notice_bounced(struct notice *n, struct str mail_address);
/* {"subscribers":{kind:{state:n}},"outbox":{state:n}}. */
struct err notice_counts(struct notice *n, struct jout *j);
/* An array of at most `limit` subscribers behind `after`, by id; mail addresses masked. */
struct err notice_list(struct notice *n, int64_t after, size_t limit, struct jout *j);
/* What stayed unsent: an array of at most `limit` outbox rows, newest first. */
struct err notice_unsent(struct notice *n, size_t limit, struct jout *j);
/* Sends one of those rows once more, as a person decided. */
struct err notice_send_again(struct notice *n, int64_t row);

/* ---- alerts that come in ---- */

struct notice_alert {
    struct str name;      /* label alertname */
    struct str component; /* label component, else service, else job; may be empty */
    struct str summary;   /* annotation */
    int64_t since_us;     /* startsAt */
    bool firing;
    bool ours; /* we sent it: a loop through an Alertmanager ends here */
};
#define NOTICE_ALERTS 500 /* in one body, at most */
/* Reads what Prometheus posts to /api/v2/alerts (an array) and what Alertmanager posts to a webhook
 * (version 4). Strings in the arena. now_us judges endsAt. ERR_INVALID with `what`. */
struct json;
struct err notice_alerts_read(const struct json *body, int64_t now_us, struct arena *a,
                              struct notice_alert **out, size_t *out_n);
