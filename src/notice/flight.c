/* flight.c: between the table and the courier: handing over what is marked, applying answers.
 *
 * The list of flights is the table's state 1 in memory, with the time of the last handing over.
 * What the courier has not answered for a while, or might have lost with its process, is handed
 * over again under the same number: it answers for what it knows and sends what it does not.
 */
#include "notice/inside.h"

#define AGAIN_US (90 * US_PER_S)
#define ARENA_BYTES ((size_t)16 << 20)

struct err notice_flights_load(struct notice *n) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r,
                   "SELECT id, story, subscriber, serial, hook FROM notice_row WHERE state=1 ORDER "
                   "BY id LIMIT ?",
                   "i", (int64_t)(2 * NOTICE_IN_FLIGHT)));
    n->n_flights = 0;
    while (meta_next(r, &e))
        n->flights[n->n_flights++] = (struct notice_flight){.row = meta_i64(r, 0),
                                                            .story = meta_i64(r, 1),
                                                            .subscriber = meta_i64(r, 2),
                                                            .serial = (uint32_t)meta_i64(r, 3),
                                                            .hook = meta_i64(r, 4) != 0};
    return e;
}

static int64_t number_of(const struct notice_flight *f) {
    return f->row * NOTICE_SERIALS + f->serial % NOTICE_SERIALS;
}

/* ---- handing over ---- */

struct parcel {
    struct notice_flight *flight;
    struct notice_story story;
    struct notice_reader reader;
};

/* A suspended subscriber's row is not sent; a pending one hears only the question. */
static struct err may_hear(struct notice *n, const struct parcel *p) {
    AUTO(meta_end) struct meta_row *r = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(n->meta, &r, "SELECT state FROM notice_subscriber WHERE id=?", "i",
                   p->reader.id));
    if (!meta_next(r, &e)) return e.code ? e : ERR(ERR_NOTFOUND, "gone");
    bool asks = p->story.about == NOTICE_OF_CONFIRM;
    bool may = meta_i64(r, 0) == NOTICE_ACTIVE || (asks && meta_i64(r, 0) == NOTICE_WAITING);
    return may ? ERR_NONE : ERR(ERR_NOTFOUND, "gone");
}

static struct err load(struct notice *n, struct arena *a, struct parcel *p) {
    TRY(notice_story_load(n, p->flight->story, a, &p->story));
    TRY(notice_reader_load(n, p->flight->subscriber, a, &p->reader));
    return may_hear(n, p);
}

/* An answer that we give ourselves; false: no room, later. */
static bool answer_own(struct notice *n, const struct notice_flight *f, const char *class) {
    pthread_mutex_lock(&n->lock);
    bool room = n->n_answers < sizeof n->answers / sizeof *n->answers;
    if (room) {
        struct notice_answered *a = &n->answers[n->n_answers++];
        *a = (struct notice_answered){.row = f->row, .serial = f->serial, .result = NOTICE_FAILED};
        memcpy(a->class, class, strlen(class) + 1);
        n->woken = true;
    }
    pthread_mutex_unlock(&n->lock);
    return room;
}

static bool send_parcel(struct notice *n, const struct parcel *p, struct buf *b) {
    struct jout j;
    buf_clear(b);
    jout_init(&j, b);
    jout_object(&j);
    jout_keyz(&j, "kind");
    jout_strz(&j, "send");
    jout_keyz(&j, "id");
    jout_i64(&j, number_of(p->flight));
    if (p->flight->hook)
        notice_hook_compose(&j, &n->head, &p->story, &p->reader, p->flight->row);
    else
        notice_mail_compose(&j, &n->head, &p->story, &p->reader);
    jout_object_end(&j);
    if (buf_err(b).code != ERR_OK) return answer_own(n, p->flight, "compose");
    return post_send(n->post, buf_str(b)).code == ERR_OK;
}

/* Loads what has to go, in one transaction. */
static struct err load_all(struct notice *n, int64_t now_us, struct arena *a, struct parcel *out,
                           size_t *out_n) {
    size_t k = 0;
    for (size_t i = 0; i < n->n_flights; i++) {
        struct notice_flight *f = &n->flights[i];
        if (f->handed_us && now_us - f->handed_us < AGAIN_US) continue;
        out[k].flight = f;
        struct err e = load(n, a, &out[k]);
        if (e.code == ERR_NOMEM) break; /* the rest with the next turn */
        if (e.code == ERR_NOTFOUND || e.code == ERR_CORRUPT) {
            if (e.code == ERR_CORRUPT) log_failure("a notice that cannot be read", e);
            if (answer_own(n, f, "gone")) f->handed_us = now_us;
            continue;
        }
        TRY(e);
        k++;
    }
    *out_n = k;
    return ERR_NONE;
}

struct err notice_hand_over(struct notice *n, int64_t now_us) {
    if (!n->post || n->n_flights == 0) return ERR_NONE;
    (void)post_flush(n->post); /* whoever reads the post may sleep while something waits */
    struct parcel parcels[2 * NOTICE_IN_FLIGHT];
    size_t k = 0;
    AUTO(arena_free) struct arena *a = arena_new(ARENA_BYTES);
    AUTO(buf_done) struct buf message;
    buf_init(&message, POST_MAX_BYTES);
    if (!a) return ERR(ERR_NOMEM, "notice: handing over");
    arena_wipe_on_reset(a);
    TRY(meta_begin(n->meta));
    struct err e = load_all(n, now_us, a, parcels, &k);
    meta_rollback(n->meta);
    for (size_t i = 0; e.code == ERR_OK && i < k; i++) {
        if (!send_parcel(n, &parcels[i], &message)) break;
        parcels[i].flight->handed_us = now_us;
    }
    buf_wipe_done(&message);
    arena_reset(a);
    return e;
}

/* ---- answers ---- */

static bool read_result(const struct json *v, enum notice_result *out) {
    static const char *const names[] = {"ok", "retry", "dead", "unknown"};
    for (int i = 0; i < 4; i++) {
        if (!json_is_str(v, names[i])) continue;
        *out = (enum notice_result)i;
        return true;
    }
    return false;
}

static int read_small(const struct json *v, int most) {
    return v && v->type == JSON_INT && v->i > 0 && v->i <= most ? (int)v->i : 0;
}

static bool read_sent(const struct json *v, struct notice_answered *out) {
    const struct json *id = json_get(v, "id"), *class = json_get(v, "class");
    *out = (struct notice_answered){0};
    if (!id || id->type != JSON_INT || id->i <= 0 ||
        !read_result(json_get(v, "result"), &out->result))
        return false;
    out->row = id->i / NOTICE_SERIALS;
    out->serial = (uint32_t)(id->i % NOTICE_SERIALS);
    out->code = read_small(json_get(v, "code"), 999);
    out->after_s = read_small(json_get(v, "after"), 3600);
    if (class && class->type == JSON_STR && class->s.n < sizeof out->class)
        memcpy(out->class, class->s.p, class->s.n);
    return true;
}

void notice_post(struct notice *n, const struct post_message *m) {
    struct notice_answered got;
    bool sent = m->kind == POST_SENT && read_sent(m->body, &got);
    if (!sent && m->kind != POST_HELLO) return;
    pthread_mutex_lock(&n->lock);
    n->courier_new |= m->kind == POST_HELLO;
    /* No room: the flight is asked about again. */
    if (sent && n->n_answers < sizeof n->answers / sizeof *n->answers)
        n->answers[n->n_answers++] = got;
    n->woken = true;
    pthread_cond_signal(&n->wake);
    pthread_mutex_unlock(&n->lock);
}

/* The flight that an answer is for: serials are told apart as far as the number carries them. */
static struct notice_flight *flight_of(struct notice *n, const struct notice_answered *a) {
    for (size_t i = 0; i < n->n_flights; i++)
        if (n->flights[i].row == a->row &&
            n->flights[i].serial % NOTICE_SERIALS == a->serial % NOTICE_SERIALS)
            return &n->flights[i];
    return NULL;
}

/* Inside a transaction; the caller takes flights and answers away when it is committed. */
struct err notice_answers_apply(struct notice *n, struct notice_answered *answers, size_t k,
                                int64_t now_us) {
    for (size_t i = 0; i < k; i++) {
        const struct notice_flight *f = flight_of(n, &answers[i]);
        if (!f) continue;
        answers[i].serial = f->serial;
        TRY(notice_settle(n, &answers[i], now_us));
    }
    return ERR_NONE;
}

void notice_answers_done(struct notice *n, const struct notice_answered *answers, size_t k) {
    for (size_t i = 0; i < k; i++) {
        struct notice_flight *f = flight_of(n, &answers[i]);
        if (f) *f = n->flights[--n->n_flights];
    }
}

/* Tells the courier what it may forget. Lost: it forgets by itself when its list is full. */
void notice_acknowledge(struct notice *n, const struct notice_answered *answers, size_t k) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    buf_init(&b, POST_MAX_BYTES);
    if (k == 0 || !n->post) return;
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "kind");
    jout_strz(&j, "sent.ack");
    jout_keyz(&j, "ids");
    jout_array(&j);
    for (size_t i = 0; i < k; i++)
        jout_i64(&j, answers[i].row * NOTICE_SERIALS + answers[i].serial % NOTICE_SERIALS);
    jout_array_end(&j);
    jout_object_end(&j);
    if (buf_err(&b).code == ERR_OK) {
        struct err e = post_send(n->post, buf_str(&b));
        if (e.code != ERR_OK && e.code != ERR_BUSY) log_failure("acknowledging", e);
    }
}
