/* send.c: the list of numbers and the loop that works on it.
 *
 * A number goes queued -> active -> done. Handed over again it changes nothing but that what is
 * done is answered again; acknowledged, it is forgotten. Mails and hooks have slots of their own,
 * so hooks that hang keep no mail from going.
 */
#include "courier/send.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_US (10 * US_PER_S)
#define LOG_RECORDS 4096
#define LONGEST_DATA ((size_t)65536)

static const char *const results[SEND_RESULTS_N] = {"ok", "retry", "dead", "unknown"};
static const char *const classes[SEND_CLASSES_N] = {"",        "connect", "tls",       "auth",
                                                    "timeout", "sender",  "setup",     "status",
                                                    "refused", "lost",    "forbidden", "internal"};

enum send_class send_class_of(CURLcode code) {
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return SEND_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return SEND_TLS;
    default:
        return SEND_CONNECT;
    }
}

/* ---- letters ---- */

static void free_letter(struct send_letter *l) {
    if (!l) return;
    curl_slist_free_all(l->list);
    if (l->data) secret_wipe(l->data, l->data_n);
    free(l->from);
    free(l->to);
    free(l->data);
    free(l);
}

/* What was sent is not kept in memory. */
static void empty_letter(struct send_letter *l) {
    curl_slist_free_all(l->list);
    if (l->data) secret_wipe(l->data, l->data_n);
    free(l->data);
    l->list = NULL;
    l->data = NULL;
    l->data_n = 0;
}

static struct send_letter *find(struct send *s, int64_t id) {
    for (size_t i = 0; i < s->n_known; i++)
        if (s->known[i]->id == id) return s->known[i];
    return NULL;
}

static void forget_at(struct send *s, size_t i) {
    free_letter(s->known[i]);
    memmove(s->known + i, s->known + i + 1, (s->n_known - i - 1) * sizeof *s->known);
    s->n_known--;
}

/* Room for one more, or false. */
static bool make_room(struct send *s) {
    for (size_t i = 0; s->n_known == SEND_KNOWN && i < s->n_known; i++)
        if (s->known[i]->state == SEND_DONE) forget_at(s, i);
    return s->n_known < SEND_KNOWN;
}

static struct send_letter *add(struct send *s, int64_t id) {
    struct send_letter *l = make_room(s) ? calloc(1, sizeof *l) : NULL;
    if (!l) return NULL;
    l->id = id;
    l->send = s;
    s->known[s->n_known++] = l;
    return l;
}

static void answer(struct send *s, const struct send_letter *l) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    buf_init(&b, 1024);
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "kind");
    jout_strz(&j, "sent");
    jout_keyz(&j, "id");
    jout_i64(&j, l->id);
    jout_keyz(&j, "result");
    jout_strz(&j, results[l->result]);
    jout_keyz(&j, "class");
    jout_strz(&j, classes[l->class]);
    jout_keyz(&j, "code");
    jout_i64(&j, l->code);
    jout_keyz(&j, "after");
    jout_i64(&j, l->after_s);
    jout_object_end(&j);
    if (buf_err(&b).code == ERR_OK) s->config.answer(s->config.ctx, buf_str(&b));
}

/* ---- the log ---- */

static struct send_record record_of(const struct send_letter *l) {
    return (struct send_record){.id = l->id,
                                .what = l->state == SEND_DONE ? SEND_ENDED
                                        : l->begun            ? SEND_BEGUN
                                                              : SEND_SOON,
                                .result = (uint8_t)l->result,
                                .class = (uint8_t)l->class,
                                .code = l->code};
}

/* Only what has to be remembered: what is done and not acknowledged, and what has begun. */
static struct err rewrite_log(struct send *s) {
    struct send_record *records = calloc(SEND_KNOWN + 1, sizeof *records);
    size_t n = 0;
    if (!records) return ERR(ERR_NOMEM, "the log of what was sent");
    records[n++] = (struct send_record){.id = s->boot, .what = SEND_BOOT};
    for (size_t i = 0; i < s->n_known; i++)
        if (s->known[i]->soon || s->known[i]->state == SEND_DONE)
            records[n++] = record_of(s->known[i]);
    struct err e = send_log_rewrite(&s->log, records, n);
    free(records);
    return e;
}

static struct err put_record(struct send *s, const struct send_letter *l) {
    if (s->log.records > LOG_RECORDS) TRY(rewrite_log(s));
    struct send_record r = record_of(l);
    return send_log_put(&s->log, &r);
}

bool send_begun(struct send_letter *l) {
    struct send *s = l->send;
    struct err e = s->unsynced ? ERR(ERR_IO, "the log could not be synced") : ERR_NONE;
    pthread_mutex_lock(&s->lock);
    l->begun = e.code == ERR_OK;
    if (l->begun) e = put_record(s, l);
    l->begun = e.code == ERR_OK;
    pthread_mutex_unlock(&s->lock);
    if (e.code != ERR_OK) log_failure("writing down that a mail goes out", e);
    return l->begun;
}

/* The first record says in which boot the others were written. */
static void replay(void *ctx, const struct send_record *r) {
    struct send *s = ctx;
    if (r->what == SEND_BOOT) s->boot_was = r->id;
    if (r->what == SEND_BOOT || (r->what == SEND_SOON && s->boot_was == s->boot)) return;
    struct send_letter *l = find(s, r->id);
    if (!l) l = add(s, r->id);
    if (!l) return;
    /* Begun and no more: nobody knows whether it arrived. */
    bool ended = r->what == SEND_ENDED;
    l->state = SEND_DONE;
    l->soon = true;
    l->result = ended ? (enum send_result)r->result : SEND_UNKNOWN;
    l->class = ended ? (enum send_class)r->class : SEND_LOST;
    l->code = r->code;
}

/* ---- the loop ---- */

static bool begin(struct send *s, struct send_letter *l) {
    struct err e = ERR(ERR_NOMEM, "curl");
    l->easy = curl_easy_init();
    if (l->easy) {
        curl_easy_setopt(l->easy, CURLOPT_PRIVATE, l);
        curl_easy_setopt(l->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(l->easy, CURLOPT_NOPROXY, "*");
        e = l->mail ? send_mail_begin(l) : send_hook_begin(l);
    }
    if (e.code == ERR_OK && l->mail) {
        l->soon = s->unsynced = true;
        e = put_record(s, l);
    }
    l->class = e.code == ERR_INVALID ? SEND_SETUP : SEND_INTERNAL;
    if (e.code == ERR_OK && curl_multi_add_handle(s->multi, l->easy) == CURLM_OK) {
        l->state = SEND_ACTIVE;
        *(l->mail ? &s->mails : &s->hooks) += 1;
        return true;
    }
    if (e.code != ERR_OK) log_failure("beginning to send", e);
    curl_easy_cleanup(l->easy);
    l->easy = NULL;
    l->result = SEND_RETRY;
    return false;
}

/* Under the lock: it is over, and the console hears of it. */
static void settle(struct send *s, struct send_letter *l) {
    l->state = SEND_DONE;
    empty_letter(l);
    struct err e = put_record(s, l);
    if (e.code != ERR_OK) log_failure("writing down what was sent", e);
    answer(s, l);
}

static void finish(struct send *s, CURL *easy, CURLcode code) {
    struct send_letter *l = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&l);
    assert(l && l->easy == easy);
    if (l->mail)
        send_mail_end(l, code);
    else
        send_hook_end(l, code);
    *(l->mail ? &s->mails : &s->hooks) -= 1;
    curl_multi_remove_handle(s->multi, easy);
    curl_easy_cleanup(easy);
    l->easy = NULL;
    pthread_mutex_lock(&s->lock);
    settle(s, l);
    pthread_mutex_unlock(&s->lock);
}

/* Fills the slots from the queue, oldest first. True while anything is under way. */
static bool fill(struct send *s) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_known; i++) {
        struct send_letter *l = s->known[i];
        if (l->state != SEND_QUEUED) continue;
        if (l->mail ? s->mails >= SEND_MAILS : s->hooks >= SEND_HOOKS) continue;
        if (!begin(s, l)) settle(s, l);
    }
    if (s->unsynced) { /* nothing of theirs has been sent yet: libcurl works in the loop only */
        struct err e = send_log_sync(&s->log);
        s->unsynced = e.code != ERR_OK;
        if (s->unsynced) log_failure("syncing the log of what is sent", e);
    }
    pthread_mutex_unlock(&s->lock);
    return s->mails + s->hooks > 0;
}

static void finish_all(struct send *s) {
    int left = 0;
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));)
        if (m->msg == CURLMSG_DONE) finish(s, m->easy_handle, m->data.result);
}

static bool must_stop(struct send *s) {
    pthread_mutex_lock(&s->lock);
    bool stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return stop;
}

/* Works until nothing has been to do for a while; then connections are closed. */
static void work_until_idle(struct send *s) {
    int64_t busy_us = time_monotonic_us();
    while (!must_stop(s) && time_monotonic_us() - busy_us < IDLE_US) {
        int running = 0;
        if (fill(s)) busy_us = time_monotonic_us();
        (void)curl_multi_perform(s->multi, &running);
        finish_all(s);
        if (!fill(s) || running > 0) (void)curl_multi_poll(s->multi, NULL, 0, 500, NULL);
    }
}

static bool has_queued(const struct send *s) {
    for (size_t i = 0; i < s->n_known; i++)
        if (s->known[i]->state == SEND_QUEUED) return true;
    return false;
}

/* What is under way when the process stops is dropped; what has begun stands in the log. */
static void drop_active(struct send *s) {
    for (size_t i = 0; i < s->n_known; i++) {
        struct send_letter *l = s->known[i];
        if (!l->easy) continue;
        curl_multi_remove_handle(s->multi, l->easy);
        curl_easy_cleanup(l->easy);
        l->easy = NULL;
    }
}

static void *work(void *ctx) {
    struct send *s = ctx;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        while (!s->stop && !has_queued(s))
            pthread_cond_wait(&s->wake, &s->lock);
        if (s->stop) break;
        s->multi = curl_multi_init();
        pthread_mutex_unlock(&s->lock);
        if (s->multi) work_until_idle(s);
        pthread_mutex_lock(&s->lock);
        if (s->multi) drop_active(s);
        curl_multi_cleanup(s->multi);
        s->multi = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- messages ---- */

static bool copy(const struct json *v, size_t most, char **out, size_t *out_n) {
    if (!v || v->type != JSON_STR || v->s.n > most || memchr(v->s.p ? v->s.p : "", 0, v->s.n))
        return false;
    *out = malloc(v->s.n + 1);
    if (!*out) return false;
    memcpy(*out, v->s.p ? v->s.p : "", v->s.n);
    (*out)[v->s.n] = 0;
    if (out_n) *out_n = v->s.n;
    return true;
}

/* No line may end before its end: SMTP's commands and HTTP's fields are made of these. */
static bool is_line(const char *z) {
    for (; *z; z++)
        if ((unsigned char)*z < ' ' || *z == 0x7f) return false;
    return true;
}

static bool read_mail(struct send_letter *l, const struct json *v) {
    return copy(json_get(v, "from"), 254, &l->from, NULL) &&
           copy(json_get(v, "to"), 254, &l->to, NULL) &&
           copy(json_get(v, "data"), LONGEST_DATA, &l->data, &l->data_n) && is_line(l->from) &&
           is_line(l->to) && !strpbrk(l->from, "<> ") && !strpbrk(l->to, "<> ");
}

static bool read_hook(struct send_letter *l, const struct json *v) {
    const struct json *headers = json_get(v, "headers");
    if (!copy(json_get(v, "url"), 2048, &l->to, NULL) || !is_line(l->to) ||
        !copy(json_get(v, "body"), LONGEST_DATA, &l->data, &l->data_n) || !headers ||
        headers->type != JSON_ARRAY || headers->n > 16)
        return false;
    for (const struct json *h = json_first(headers); h != json_end(headers); h = json_next(h)) {
        char *line = NULL;
        bool ok = copy(h, 1024, &line, NULL) && is_line(line);
        struct curl_slist *list = ok ? curl_slist_append(l->list, line) : NULL;
        free(line);
        if (!list) return false;
        l->list = list;
    }
    return true;
}

static void take_letter(struct send *s, int64_t id, const struct json *v) {
    struct send_letter *l = find(s, id);
    if (l && l->state == SEND_DONE) answer(s, l);
    if (l || !(l = add(s, id))) return;
    l->mail = json_is_str(json_get(v, "by"), "mail");
    if (l->mail ? read_mail(l, v) : read_hook(l, v)) return;
    l->result = SEND_DEAD;
    l->class = SEND_INTERNAL;
    settle(s, l);
}

static void acknowledge(struct send *s, const struct json *ids) {
    if (!ids || ids->type != JSON_ARRAY) return;
    for (const struct json *c = json_first(ids); c != json_end(ids); c = json_next(c))
        for (size_t i = 0; c->type == JSON_INT && i < s->n_known; i++)
            if (s->known[i]->id == c->i && s->known[i]->state == SEND_DONE) {
                forget_at(s, i);
                break;
            }
}

static void start_thread(struct send *s) {
    if (s->running) return;
    s->running = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
                 pthread_create(&s->thread, NULL, work, s) == 0;
    if (!s->running) log_error("the sending thread cannot start");
}

void send_take(struct send *s, const struct json *message) {
    const struct json *kind = json_get(message, "kind"), *id = json_get(message, "id");
    pthread_mutex_lock(&s->lock);
    if (json_is_str(kind, "sent.ack")) acknowledge(s, json_get(message, "ids"));
    if (json_is_str(kind, "send") && id && id->type == JSON_INT && id->i > 0) {
        take_letter(s, id->i, message);
        start_thread(s);
        pthread_cond_signal(&s->wake);
        if (s->multi) (void)curl_multi_wakeup(s->multi);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- open and close ---- */

static struct err read_credentials(struct send *s, const char *path) {
    if (!path || !path[0]) return ERR_NONE;
    struct buf text;
    buf_init(&text, 1024);
    struct err e = io_read_file(path, 1024, &text);
    struct str rest = buf_str(&text), user = str_trim(str_cut(&rest, '\n')),
               password = str_cut(&rest, '\n');
    if (e.code == ERR_OK && (user.n >= sizeof s->user || password.n >= sizeof s->password))
        e = ERR(ERR_LIMIT, "the mail server's credentials are too long");
    if (e.code == ERR_OK) {
        memcpy(s->user, user.p, user.n);
        memcpy(s->password, password.p ? password.p : "", password.n);
    }
    buf_wipe_done(&text);
    return e;
}

/* A number for this boot of the machine; without one every boot is another. */
static int64_t boot_number(void) {
    AUTO(buf_done) struct buf id;
    buf_init(&id, 256);
    if (io_read_file("/proc/sys/kernel/random/boot_id", 256, &id).code != ERR_OK || id.n == 0)
        return (int64_t)(random_u64() >> 1 | 1);
    return (int64_t)(checksum64(id.p, id.n) >> 1 | 1);
}

static struct err fill_in(const struct send_config *c, struct send *s) {
    s->boot = boot_number();
    s->config = *c;
    s->log.fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    if (snprintf(s->smtp, sizeof s->smtp, "%s", c->smtp ? c->smtp : "") >= (int)sizeof s->smtp)
        return ERR(ERR_LIMIT, "the mail server's URL is too long");
    TRY(read_credentials(s, c->credentials));
    TRY(send_log_open(c->folder, &s->log, replay, s));
    return rewrite_log(s);
}

struct err send_open(const struct send_config *c, struct send **out) {
    struct send *s = calloc(1, sizeof *s);
    if (!s) return ERR(ERR_NOMEM, "sending");
    struct err e = fill_in(c, s);
    if (e.code == ERR_OK)
        *out = s;
    else
        send_close(s);
    return e;
}

void send_close(struct send *s) {
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->wake);
    if (s->multi) (void)curl_multi_wakeup(s->multi);
    pthread_mutex_unlock(&s->lock);
    if (s->running) pthread_join(s->thread, NULL);
    while (s->n_known)
        forget_at(s, s->n_known - 1);
    send_log_close(&s->log);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    secret_wipe(s, sizeof *s);
    free(s);
}
