/* outbox.c: the rows between what happened and who has heard of it.
 *
 *   waiting --pick--> flight --ok--> sent
 *      ^                |-----dead--> dead        refused for good, or given up after a day
 *      +----retry-------+--in doubt-> unknown     it may have arrived: a person decides
 *
 * Invariants:
 *   1. A story and a subscriber have one row (unique): however often an update is queued, each
 *      hears once.
 *   2. A row is `flight` in the database before its message leaves this process, and its serial
 *      grows each time it becomes that. (row, serial) is handed over under one number, which the
 *      courier sends at most once (courier/send.h): so what is in flight may be handed over again.
 *   3. A row leaves `flight` only by an answer to its own serial.
 *
 * Back-off goes by lane: a hook's URL, a mail address's domain, and one lane for the operator's own
 * mail server. A lane that fails waits, doubling from 5 s to an hour; while it fails one row at a
 * time tries it, and its rows come after those of lanes that work and take half of the slots at
 * most. So a dead receiver costs the others one slot for the time of its timeout. A hook has one
 * request at a time in any case, so that it hears of updates in their order.
 */
#include "notice/inside.h"

#define FIRST_US (5 * US_PER_S)
#define LONGEST_US (3600 * US_PER_S)
#define KEEP_US (30 * US_PER_DAY)
#define CLEAN_EACH_US (3600 * US_PER_S)

int64_t notice_backoff_us(unsigned failures) {
    int64_t wait = FIRST_US;
    for (unsigned i = 1; i < failures && wait < LONGEST_US; i++)
        wait *= 2;
    return wait < LONGEST_US ? wait : LONGEST_US;
}

/* A fifth more or less, so that those who failed together do not come back together. */
static int64_t with_jitter(int64_t us) {
    return us - us / 5 + (int64_t)(random_u64() % (uint64_t)(us / 5 * 2 + 1));
}

/* ---- stories ---- */

struct err notice_story_store(struct notice *n, const struct notice_story *s, int64_t *out_id) {
    TRY(meta_exec(n->meta,
                  "INSERT INTO notice_story (event, about, incident, at_us, title, body, page, "
                  "components, first, json, phase, impact, started_us, resolved_us) VALUES "
                  "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                  "sisissssssiiii", s->event, (int64_t)s->about, s->incident, s->at_us, s->title,
                  s->body, s->page, s->components, s->first, s->json, (int64_t)s->phase,
                  (int64_t)s->impact, s->started_us, s->resolved_us));
    *out_id = meta_last_id(n->meta);
    return ERR_NONE;
}

static struct str keep(struct arena *a, struct meta_row *r, int column) {
    return arena_str(a, meta_str(r, column));
}

struct err notice_story_load(struct notice *n, int64_t id, struct arena *a,
                             struct notice_story *out) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r,
                   "SELECT event, about, incident, at_us, title, body, page, components, first, "
                   "json, phase, impact, started_us, resolved_us FROM notice_story WHERE id=?",
                   "i", id));
    if (!meta_next(r, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "notice: no such story");
    *out = (struct notice_story){.id = id,
                                 .event = keep(a, r, 0),
                                 .about = (enum notice_about)meta_i64(r, 1),
                                 .incident = keep(a, r, 2),
                                 .at_us = meta_i64(r, 3),
                                 .title = keep(a, r, 4),
                                 .body = keep(a, r, 5),
                                 .page = keep(a, r, 6),
                                 .components = keep(a, r, 7),
                                 .first = keep(a, r, 8),
                                 .json = keep(a, r, 9),
                                 .phase = (enum status_phase)meta_i64(r, 10),
                                 .impact = (enum status_impact)meta_i64(r, 11),
                                 .started_us = meta_i64(r, 12),
                                 .resolved_us = meta_i64(r, 13)};
    return out->json.p ? ERR_NONE : ERR(ERR_NOMEM, "notice: a story");
}

struct err notice_queue_one(struct notice *n, int64_t story, int64_t subscriber, int64_t now_us) {
    return meta_exec(n->meta,
                     "INSERT INTO notice_row (story, subscriber, hook, lane, since_us, due_us) "
                     "SELECT ?, id, kind<>1, lane, ?, ? FROM notice_subscriber WHERE id=?",
                     "iiii", story, now_us, now_us, subscriber);
}

/* ---- picking ---- */

/* The operator's mail server has a lane of its own: while it fails, few mails try it. */
static struct err slots_left(struct notice *n, bool hook, int64_t now_us, int64_t *out) {
    int64_t left = NOTICE_IN_FLIGHT;
    for (size_t i = 0; i < n->n_flights; i++)
        left -= n->flights[i].hook == hook;
    *out = left;
    if (hook) return ERR_NONE;
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, "SELECT until_us FROM notice_lane WHERE lane=?", "i",
                   (int64_t)NOTICE_LANE_SMTP));
    if (!meta_next(r, &e)) return e;
    int64_t taken = NOTICE_IN_FLIGHT - left;
    *out = meta_i64(r, 0) > now_us || taken > 0 ? 0 : 1;
    return ERR_NONE;
}

/* lanes [n] */
static bool is_among(const int64_t *lanes, size_t n, int64_t lane) {
    for (size_t i = 0; i < n; i++)
        if (lanes[i] == lane) return true;
    return false;
}

static size_t failing_flights(const struct notice *n, bool hook) {
    size_t k = 0;
    for (size_t i = 0; i < n->n_flights; i++)
        k += n->flights[i].failing && n->flights[i].hook == hook;
    return k;
}

static struct err find_due(struct notice *n, bool hook, int64_t now_us, int64_t slots,
                           struct notice_flight *found, size_t *out_n) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    int64_t lanes[NOTICE_IN_FLIGHT];
    /* Rows of a lane that waits or is taken are passed over in the statement. */
    TRY(meta_query(
        n->meta, &r,
        "SELECT o.id, o.story, o.subscriber, o.serial, o.lane, l.lane IS NOT NULL "
        "FROM notice_row o LEFT JOIN notice_lane l ON l.lane=o.lane "
        "WHERE o.state=0 AND o.hook=? AND o.due_us<=? AND coalesce(l.until_us,0)<=? AND "
        "(o.hook=0 AND l.lane IS NULL OR NOT EXISTS (SELECT 1 FROM notice_row f WHERE f.state=1 "
        "AND f.lane=o.lane)) ORDER BY l.lane IS NOT NULL, o.due_us, o.id LIMIT 1024",
        "iii", (int64_t)hook, now_us, now_us));
    size_t k = 0, failing_n = failing_flights(n, hook);
    while ((int64_t)k < slots && meta_next(r, &e)) {
        bool failing = meta_i64(r, 5) != 0;
        lanes[k] = meta_i64(r, 4);
        if (failing && failing_n >= NOTICE_IN_FLIGHT / 2) break;
        if ((hook || failing) && is_among(lanes, k, lanes[k])) continue;
        failing_n += failing;
        found[k++] = (struct notice_flight){.row = meta_i64(r, 0),
                                            .story = meta_i64(r, 1),
                                            .subscriber = meta_i64(r, 2),
                                            .serial = (uint32_t)meta_i64(r, 3) + 1,
                                            .hook = hook,
                                            .failing = failing};
    }
    *out_n = k;
    return e;
}

struct err notice_pick(struct notice *n, bool hook, int64_t now_us) {
    struct notice_flight found[NOTICE_IN_FLIGHT];
    int64_t slots = 0;
    size_t k = 0;
    TRY(slots_left(n, hook, now_us, &slots));
    if (slots <= 0) return ERR_NONE;
    TRY(find_due(n, hook, now_us, slots, found, &k));
    for (size_t i = 0; i < k; i++) {
        TRY(meta_exec(n->meta, "UPDATE notice_row SET state=1, serial=? WHERE id=?", "ii",
                      (int64_t)found[i].serial, found[i].row));
        n->flights[n->n_flights++] = found[i];
    }
    return ERR_NONE;
}

/* ---- settling ---- */

struct settled {
    int64_t lane, since_us, subscriber, tries;
    bool hook;
};

static struct err read_row(struct notice *n, const struct notice_answered *a, struct settled *s) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r,
                   "SELECT lane, since_us, subscriber, tries, hook FROM notice_row WHERE id=? AND "
                   "serial=? AND state=1",
                   "ii", a->row, (int64_t)a->serial));
    if (!meta_next(r, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "notice: not in flight");
    *s = (struct settled){.lane = meta_i64(r, 0),
                          .since_us = meta_i64(r, 1),
                          .subscriber = meta_i64(r, 2),
                          .tries = meta_i64(r, 3),
                          .hook = meta_i64(r, 4) != 0};
    return ERR_NONE;
}

static struct err set_row(struct notice *n, const struct notice_answered *a, enum notice_row state,
                          int64_t tries, int64_t due_us) {
    return meta_exec(
        n->meta, "UPDATE notice_row SET state=?, tries=?, due_us=?, code=?, class=? WHERE id=?",
        "iiiisi", (int64_t)state, tries, due_us, (int64_t)a->code, str_z(a->class), a->row);
}

/* The failure of the way to the operator's own server is no fault of the row's. */
static bool is_our_server(const struct settled *s, const struct notice_answered *a) {
    static const char *const ours[] = {"connect", "tls", "auth", "timeout", "sender", "setup"};
    for (size_t i = 0; !s->hook && i < sizeof ours / sizeof *ours; i++)
        if (strcmp(a->class, ours[i]) == 0) return true;
    return false;
}

static struct err lane_fails(struct notice *n, int64_t lane, const struct notice_answered *a,
                             int64_t now_us) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    int64_t failures = 0, until_us = 0;
    TRY(meta_query(n->meta, &r, "SELECT failures, until_us FROM notice_lane WHERE lane=?", "i",
                   lane));
    if (meta_next(r, &e)) {
        failures = meta_i64(r, 0);
        until_us = meta_i64(r, 1);
    }
    TRY(e);
    if (until_us > now_us) return ERR_NONE; /* its companions failed just now: one failure */
    failures++;
    int64_t wait = with_jitter(notice_backoff_us((unsigned)failures));
    if (a->after_s * US_PER_S > wait) wait = a->after_s * US_PER_S;
    if (wait > LONGEST_US) wait = LONGEST_US;
    return meta_exec(
        n->meta,
        "INSERT INTO notice_lane (lane, failures, until_us) VALUES (?,?,?) ON CONFLICT "
        "(lane) DO UPDATE SET failures=excluded.failures, until_us=excluded.until_us",
        "iii", lane, failures, now_us + wait);
}

static struct err lane_works(struct notice *n, const struct settled *s) {
    TRY(meta_exec(n->meta, "DELETE FROM notice_lane WHERE lane=?", "i", s->lane));
    if (s->hook) return ERR_NONE;
    return meta_exec(n->meta, "DELETE FROM notice_lane WHERE lane=?", "i",
                     (int64_t)NOTICE_LANE_SMTP);
}

/* A mail that is refused is a strike; three in a row suspend. A hook is suspended when nothing has
 * arrived there for three days, or when it says that it is gone (410). */
static struct err subscriber_fails(struct notice *n, const struct settled *s,
                                   const struct notice_answered *a, int64_t now_us) {
    if (!s->hook)
        return meta_exec(n->meta,
                         "UPDATE notice_subscriber SET strikes=strikes+1, state=CASE WHEN "
                         "strikes+1>=? THEN 2 ELSE state END WHERE id=?",
                         "ii", (int64_t)NOTICE_STRIKES, s->subscriber);
    return meta_exec(n->meta,
                     "UPDATE notice_subscriber SET failing_us=CASE WHEN failing_us=0 THEN ? ELSE "
                     "failing_us END, state=CASE WHEN ?=410 OR failing_us>0 AND failing_us<? THEN "
                     "2 ELSE state END WHERE id=?",
                     "iiii", now_us, (int64_t)a->code, now_us - NOTICE_SUSPEND_US, s->subscriber);
}

static struct err settle_retry(struct notice *n, const struct settled *s,
                               const struct notice_answered *a, int64_t now_us) {
    bool ours = is_our_server(s, a);
    int64_t tries = s->tries + !ours;
    int64_t wait = ours ? 0 : with_jitter(notice_backoff_us((unsigned)tries));
    if (s->hook) TRY(subscriber_fails(n, s, a, now_us));
    TRY(lane_fails(n, ours ? NOTICE_LANE_SMTP : s->lane, a, now_us));
    bool late = now_us + wait > s->since_us + NOTICE_GIVE_UP_US;
    return set_row(n, a, late ? NOTICE_ROW_DEAD : NOTICE_ROW_WAITING, tries, now_us + wait);
}

struct err notice_settle(struct notice *n, const struct notice_answered *a, int64_t now_us) {
    struct settled s;
    struct err e = read_row(n, a, &s);
    if (e.code == ERR_NOTFOUND) return ERR_NONE; /* settled before, or its subscriber has left */
    TRY(e);
    switch (a->result) {
    case NOTICE_OK:
        TRY(lane_works(n, &s));
        TRY(meta_exec(n->meta, "UPDATE notice_subscriber SET strikes=0, failing_us=0 WHERE id=?",
                      "i", s.subscriber));
        return set_row(n, a, NOTICE_ROW_SENT, s.tries + 1, now_us);
    case NOTICE_RETRY:
        return settle_retry(n, &s, a, now_us);
    case NOTICE_FAILED:
        TRY(subscriber_fails(n, &s, a, now_us));
        return set_row(n, a, NOTICE_ROW_DEAD, s.tries + 1, now_us);
    case NOTICE_IN_DOUBT:
        return set_row(n, a, NOTICE_ROW_UNKNOWN, s.tries + 1, now_us);
    }
    return ERR_NONE;
}

/* ---- cleaning ---- */

/* What is settled is kept for thirty days; who never confirmed is forgotten after seven. */
struct err notice_clean(struct notice *n, int64_t now_us) {
    if (now_us - n->cleaned_us < CLEAN_EACH_US) return ERR_NONE;
    n->cleaned_us = now_us;
    TRY(meta_exec(n->meta, "DELETE FROM notice_row WHERE state>1 AND since_us<?", "i",
                  now_us - KEEP_US));
    TRY(meta_exec(n->meta,
                  "DELETE FROM notice_story WHERE at_us<? AND NOT EXISTS (SELECT 1 FROM notice_row "
                  "WHERE story=notice_story.id)",
                  "i", now_us - KEEP_US));
    TRY(meta_exec(n->meta,
                  "DELETE FROM notice_row WHERE subscriber IN (SELECT id FROM notice_subscriber "
                  "WHERE state=0 AND asked_us<?)",
                  "i", now_us - 7 * US_PER_DAY));
    TRY(meta_exec(n->meta,
                  "DELETE FROM notice_choice WHERE subscriber IN (SELECT id FROM "
                  "notice_subscriber WHERE state=0 AND asked_us<?)",
                  "i", now_us - 7 * US_PER_DAY));
    return meta_exec(n->meta, "DELETE FROM notice_subscriber WHERE state=0 AND asked_us<?", "i",
                     now_us - 7 * US_PER_DAY);
}
