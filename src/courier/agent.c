/* agent.c: `weir probe`: the prober at another place. What to check comes from the server's public
 * door, what is found goes there, both over HTTPS with the agent's key; nothing listens here.
 *
 * A thread of its own speaks with the server, so that a slow answer makes no check late. Beats wait
 * in a bounded list while the server is away; the oldest give way.
 */
#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "courier/courier.h"
#include "courier/prober.h"

#define BEATS_MOST 2000
#define POST_MOST 200
#define LIST_BYTES ((size_t)16 << 20)
#define LIST_EACH_US (5 * US_PER_S)
#define AGAIN_US (2 * US_PER_S)
#define TURN_MS 500

struct agent {
    struct prober *prober;
    char url[2200], key_line[200];
    pthread_mutex_t lock; /* guards what both threads touch */
    pthread_cond_t more;
    struct post_beat beats[BEATS_MOST];
    size_t n_beats;
    struct buf list;
    bool has_list, stopping;
    char etag[64];
};

/* ---- the prober's words ---- */

static void on_beat(void *ctx, const struct post_beat *b) {
    struct agent *a = ctx;
    pthread_mutex_lock(&a->lock);
    if (a->n_beats == BEATS_MOST) memmove(a->beats, a->beats + 1, --a->n_beats * sizeof *a->beats);
    a->beats[a->n_beats++] = *b;
    pthread_cond_signal(&a->more);
    pthread_mutex_unlock(&a->lock);
}

static void on_tried(void *ctx, int64_t id, const struct post_beat *b) {
    (void)ctx, (void)id, (void)b;
}

static void on_place(void *ctx, bool offline) {
    (void)ctx, (void)offline; /* its beats say it */
}

/* ---- speaking with the server: the reporter's thread ---- */

static size_t on_body(char *bytes, size_t one, size_t n, void *ctx) {
    struct buf *out = ctx;
    buf_put(out, bytes, one * n);
    return buf_err(out).code ? 0 : one * n;
}

static size_t on_header(char *bytes, size_t one, size_t n, void *ctx) {
    char *etag = ctx;
    struct str value = {bytes, one * n}, name = str_cut(&value, ':');
    value = str_trim(value);
    if (str_ieq(name, STR("ETag")) && value.n < 60)
        (void)snprintf(etag, 64, STR_FMT, STR_ARG(value));
    return one * n;
}

/* The status, 0 when nothing came. body.p NULL: GET. */
static long ask(struct agent *a, CURL *h, struct str body, struct buf *out, char *etag) {
    char match[100];
    long status = 0;
    (void)snprintf(match, sizeof match, "If-None-Match: %s", a->etag);
    struct curl_slist *headers = curl_slist_append(NULL, a->key_line);
    headers = curl_slist_append(headers, body.p ? "Content-Type: application/json" : match);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_reset(h);
    curl_easy_setopt(h, CURLOPT_URL, a->url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, etag);
    if (body.p) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)body.n);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, body.p);
    }
    if (curl_easy_perform(h) == CURLE_OK) curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return status;
}

static void fetch_list(struct agent *a, CURL *h, long *last) {
    AUTO(buf_done) struct buf out = {0};
    char etag[64] = "";
    buf_init(&out, LIST_BYTES);
    long status = ask(a, h, (struct str){0}, &out, etag);
    if (status != *last && status != 200 && status != 304)
        log_error("asking the server what to check: status %ld", status);
    if (status != *last && (status == 200 || status == 304)) log_info("the server answers");
    *last = status == 304 ? 200 : status;
    if (status != 200) return;
    pthread_mutex_lock(&a->lock);
    buf_clear(&a->list);
    buf_put_str(&a->list, buf_str(&out));
    a->has_list = true;
    memcpy(a->etag, etag, sizeof etag);
    pthread_mutex_unlock(&a->lock);
}

static void put_beats(const struct post_beat *beats, size_t n, struct buf *out) {
    struct jout j;
    jout_init(&j, out);
    jout_object(&j);
    jout_keyz(&j, "beats");
    jout_array(&j);
    for (size_t i = 0; i < n; i++) {
        jout_object(&j);
        post_put_beat(&j, &beats[i]);
        jout_object_end(&j);
    }
    jout_array_end(&j);
    jout_object_end(&j);
}

/* Takes some beats off the list; those that the server did not take go back to its front. */
static bool send_beats(struct agent *a, CURL *h) {
    static const size_t one = sizeof(struct post_beat);
    struct post_beat some[POST_MOST];
    AUTO(buf_done) struct buf body = {0};
    AUTO(buf_done) struct buf out = {0};
    char etag[64];
    buf_init(&body, 1u << 20);
    buf_init(&out, 65536);
    pthread_mutex_lock(&a->lock);
    size_t n = a->n_beats < POST_MOST ? a->n_beats : POST_MOST;
    memcpy(some, a->beats, n * one);
    a->n_beats -= n;
    memmove(a->beats, a->beats + n, a->n_beats * one);
    pthread_mutex_unlock(&a->lock);
    if (n == 0) return true;
    put_beats(some, n, &body);
    long status = ask(a, h, buf_str(&body), &out, etag);
    if (status == 200 || status == 400) return true;
    pthread_mutex_lock(&a->lock);
    size_t room = BEATS_MOST - a->n_beats, kept = n < room ? n : room;
    memmove(a->beats + kept, a->beats, a->n_beats * one);
    memcpy(a->beats, some + (n - kept), kept * one);
    a->n_beats += kept;
    pthread_mutex_unlock(&a->lock);
    return false;
}

/* Until there are beats, it is time for the list, or the end. False: the end. */
static bool wait_for_work(struct agent *a, int64_t until_us, bool want_beats) {
    struct timespec t = {.tv_sec = until_us / US_PER_S, .tv_nsec = until_us % US_PER_S * 1000};
    int woken = 0;
    pthread_mutex_lock(&a->lock);
    while (!a->stopping && !(want_beats && a->n_beats > 0) && woken == 0)
        woken = pthread_cond_timedwait(&a->more, &a->lock, &t);
    bool go_on = !a->stopping;
    pthread_mutex_unlock(&a->lock);
    return go_on;
}

static void *report(void *ctx) {
    struct agent *a = ctx;
    CURL *h = curl_easy_init();
    long last = -1;
    int64_t list_us = 0, again_us = 0;
    while (h) {
        int64_t now = time_monotonic_us();
        if (now >= list_us) {
            fetch_list(a, h, &last);
            list_us = now + LIST_EACH_US;
        }
        bool may_send = now >= again_us;
        if (may_send && !send_beats(a, h)) again_us = now + AGAIN_US;
        may_send = time_monotonic_us() >= again_us;
        int64_t until = may_send || list_us < again_us ? list_us : again_us;
        if (!wait_for_work(a, until, may_send)) break;
    }
    curl_easy_cleanup(h);
    return NULL;
}

/* ---- the prober's thread ---- */

static void take_list(struct agent *a) {
    AUTO(arena_free) struct arena *memory = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(LIST_BYTES);
    AUTO(buf_done) struct buf text = {0};
    const struct json *v = NULL;
    buf_init(&text, LIST_BYTES);
    pthread_mutex_lock(&a->lock);
    bool has = a->has_list;
    a->has_list = false;
    if (has) buf_put_str(&text, buf_str(&a->list));
    pthread_mutex_unlock(&a->lock);
    if (!has || !memory || !p) return;
    struct err e = json_parse_copy(p, buf_str(&text), memory, &v);
    const struct json *all = e.code == ERR_OK ? json_get(v, "monitors") : NULL;
    if (!all || all->type != JSON_ARRAY) {
        log_error("the server's list cannot be read");
        return;
    }
    prober_begin(a->prober);
    for (const struct json *m = json_first(all); m != json_end(all); m = json_next(m)) {
        e = prober_set(a->prober, m);
        if (e.code != ERR_OK) log_failure("taking a monitor", e);
    }
    prober_end(a->prober);
}

static int catch_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void serve(struct agent *a, int signals) {
    for (;;) {
        struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                               {.fd = prober_fd(a->prober), .events = POLLIN}};
        int wait = prober_wait_ms(a->prober);
        (void)poll(fds, 2, wait < 0 || wait > TURN_MS ? TURN_MS : wait);
        if (fds[0].revents) return;
        take_list(a);
        prober_turn(a->prober);
    }
}

static struct err start(struct agent *a, const struct courier_agent *how, pthread_t *thread) {
    struct prober_config prober = {
        .settings = how->settings, .beat = on_beat, .tried = on_tried, .place = on_place, .ctx = a};
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->more, &clock);
    pthread_condattr_destroy(&clock);
    buf_init(&a->list, LIST_BYTES);
    (void)snprintf(a->url, sizeof a->url, "%s/status/agent", how->server);
    (void)snprintf(a->key_line, sizeof a->key_line, "Authorization: Bearer %s", how->key);
    TRY(prober_new(&prober, &a->prober));
    TRY(courier_close_sandbox(NULL));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return ERR(ERR_NOMEM, "libcurl");
    if (pthread_create(thread, NULL, report, a) != 0) return ERR(ERR_IO, "the agent's thread");
    return ERR_NONE;
}

int courier_agent_run(const struct courier_agent *how) {
    struct agent *a = calloc(1, sizeof *a);
    pthread_t thread;
    (void)signal(SIGPIPE, SIG_IGN);
    int signals = catch_signals();
    struct err e = a && signals >= 0 ? start(a, how, &thread) : ERR(ERR_NOMEM, "agent");
    if (e.code == ERR_OK) {
        log_info("checking from the place %s", how->place);
        serve(a, signals);
        pthread_mutex_lock(&a->lock);
        a->stopping = true;
        pthread_cond_signal(&a->more);
        pthread_mutex_unlock(&a->lock);
        pthread_join(thread, NULL);
    } else {
        log_failure("starting the agent", e);
    }
    if (a) {
        prober_free(a->prober);
        buf_done(&a->list);
    }
    fd_close(signals);
    free(a);
    return e.code == ERR_OK ? 0 : 1;
}
