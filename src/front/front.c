/* front.c: the process: start in its order, the loop, the drain.
 *
 * The order of the start matters. All that the sandbox will forbid comes first: databases and
 * patterns are read, the journal is recovered and its frames are read once. Then files and system
 * calls are closed, then the door opens. From there on the process can read its own folder
 * (registry, sets) and write the journal's, and has no key that opens anything.
 */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "front/inside.h"
#include "sandbox/sandbox.h"

/* Chosen by measurement: the library clears this much at each request (32 kB: 157 k requests per
 * CPU second, 64 kB: 107 k, 128 kB: 75 k, 1 MB: 11 k). */
#define HEAD_BYTES ((size_t)64 << 10)
#define IDLE_S 65
#define REQUEST_S 60
#define CONNECTIONS 8192
#define PER_ADDRESS 1024
#define DRAIN_US (10 * US_PER_S)
#define TURN_MS 500
#define REST_US (5 * US_PER_S)
#define PATTERNS_PATH "/usr/share/uap-core/regexes.yaml"
#define PATTERNS_MAX_BYTES (8u << 20)
#define LARGE_BYTES (256 << 10)
#define KEPT_FREE_BYTES (2 << 20)

/* ---- what may be read later: the registry ---- */

/* The page's generation counts from zero in each life of the server, the file's may be of an
 * earlier one: so what was read is known by the page's number, taken before the file, and each
 * reading gets a number of its own for intake's caches. */
static struct err read_registry(struct front *f) {
    struct channel_page *page = f->channel->page;
    uint64_t wanted = atomic_load_explicit(&page->registry_generation, memory_order_acquire);
    struct registry *r = NULL;
    TRY(registry_read(f->registry_path, &r));
    r->generation = ++f->readings;
    struct registry *old = f->registry;
    f->registry = r;
    struct err e = front_projects_update(f);
    if (e.code != ERR_OK) {
        f->registry = old;
        registry_free(r);
        return e;
    }
    front_projects_forget(f);
    registry_free(old);
    f->seen = wanted;
    atomic_store_explicit(&page->registry_seen, wanted, memory_order_release);
    return ERR_NONE;
}

/* Between groups only: no frame is open that was begun under the old registry or for the old file.
 */
static void keep_up(struct front *f) {
    struct channel_page *page = f->channel->page;
    front_status_keep_up(f);
    uint64_t wanted = atomic_load_explicit(&page->registry_generation, memory_order_acquire);
    uint64_t asked = atomic_load_explicit(&page->rotate_asked, memory_order_acquire);
    if (wanted == f->seen && asked == f->rotated) return;
    if (time_monotonic_us() < f->retry_us) return;
    struct err e = wanted == f->seen ? ERR_NONE : read_registry(f);
    if (e.code != ERR_OK) log_failure("reading the registry again", e);
    if (e.code == ERR_OK && asked != f->rotated) {
        e = journal_rotate(f->journal);
        if (e.code != ERR_OK) log_failure("starting a new journal file", e);
    }
    if (e.code != ERR_OK) {
        f->retry_us = time_monotonic_us() + US_PER_S;
        return;
    }
    f->rotated = asked;
    atomic_store_explicit(&page->rotate_done, asked, memory_order_release);
}

/* ---- start ---- */

/* A fresh folder, or the file of an earlier version or a bad disk: console writes a good one when
 * it starts. */
static struct err wait_registry(struct front *f) {
    for (bool said = false;;) {
        struct err e = read_registry(f);
        if (e.code != ERR_NOTFOUND && e.code != ERR_CORRUPT) return e;
        if (e.code == ERR_CORRUPT && !said)
            log_failure("reading the registry, waiting for another", e);
        said = said || e.code == ERR_CORRUPT;
        char byte[8];
        if (read(f->setup->stop_fd, byte, sizeof byte) > 0) return ERR(ERR_CANCELLED, "stopped");
        usleep(20000);
    }
}

static struct err open_intake(struct front *f) {
    const struct settings *s = f->setup->settings;
    struct err e = io_read_file(PATTERNS_PATH, PATTERNS_MAX_BYTES, &f->patterns);
    if (e.code != ERR_OK) log_failure("device patterns (uap-core), going on without", e);
    struct intake_config c = {.geo_path = s->geo[0] ? s->geo : NULL};
    if (e.code == ERR_OK) c.device_patterns = buf_str(&f->patterns);
    return intake_new(&c, &f->intake);
}

static struct err read_tls(struct front *f) {
    const struct settings *s = f->setup->settings;
    if (!s->tls_cert[0]) return ERR_NONE;
    TRY(io_read_file(s->tls_cert, 1u << 20, &f->cert));
    return io_read_file(s->tls_key, 1u << 20, &f->key);
}

static struct err close_sandbox(const struct front *f) {
    char own[4200];
    settings_path(f->setup->settings, "front", own);
    const struct sandbox_path paths[] = {{.path = own, .write = SANDBOX_WRITE},
                                         {.path = f->journal_path, .write = SANDBOX_WRITE_ONLY},
                                         {.path = "/etc/localtime"},
                                         {.path = "/dev/urandom"}};
    TRY(sandbox_close(paths, sizeof paths / sizeof *paths));
    return front_close_calls();
}

static struct err open_door(struct front *f) {
    const struct settings *s = f->setup->settings;
    struct edge_config c = {.mode = EDGE_GROUP,
                            .handler = front_serve,
                            .ctx = f,
                            .max_head_bytes = HEAD_BYTES,
                            .max_body_bytes = INTAKE_MAX_BODY_BYTES,
                            .idle_s = IDLE_S,
                            .request_s = REQUEST_S,
                            .max_connections = CONNECTIONS,
                            .max_per_address = PER_ADDRESS,
                            .cors_any = true,
                            .trusted_proxies = str_z(s->trust_proxy),
                            .tls_cert_pem = buf_str(&f->cert),
                            .tls_key_pem = buf_str(&f->key)};
    if (f->setup->door >= 0)
        c.listeners[c.n_listeners++] = (struct edge_listener){f->setup->door, false};
    c.listeners[c.n_listeners++] = (struct edge_listener){f->setup->local_door, true};
    TRY(edge_open(&c, &f->edge));
    edge_watch(f->edge, f->setup->stop_fd);
    edge_watch(f->edge, f->channel->wake_front);
    return ERR_NONE;
}

static struct err open_journal(struct front *f) {
    struct channel_page *page = f->channel->page;
    TRY(journal_open(f->journal_path, &f->journal));
    if (journal_met_damage(f->journal))
        log_error("journal: damage in durable bytes, set aside as a .damaged file; run weir check");
    f->rotated = atomic_load(&page->rotate_done);
    atomic_store_explicit(&page->synced, journal_position(f->journal), memory_order_release);
    atomic_store_explicit(&page->recovered, 1, memory_order_release);
    channel_wake(f->channel->wake_console);
    return ERR_NONE;
}

/* Freed memory holds no text: libraries free what they read unwiped (TLS records, gzip windows).
 * Pieces above LARGE_BYTES are pages of their own, which go back to the system when freed and need
 * no overwriting; left to itself the threshold would move up and they would be overwritten twice.
 */
static void set_malloc(void) {
    (void)mallopt(M_PERTURB, 0xa5);
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_FREE_BYTES);
}

static struct err open_status(struct front *f) {
    f->flood = front_flood_new();
    f->json = json_parser_new(FRONT_REPORT_BYTES);
    if (!f->flood || !f->json) return ERR(ERR_NOMEM, "front: reports");
    f->status_seen = UINT64_MAX; /* so that what lies there is read now, console or not */
    front_status_keep_up(f);
    return ERR_NONE;
}

static struct err start(struct front *f) {
    const struct settings *s = f->setup->settings;
    char own[4200];
    settings_path(s, "front", own);
    settings_path(s, "journal", f->journal_path);
    settings_path(s, "front/registry", f->registry_path);
    set_malloc();
    TRY(seal_start());
    TRY(io_make_folder(own, 0700));
    TRY(read_tls(f));
    TRY(open_intake(f));
    TRY(open_status(f));
    TRY(open_journal(f));
    TRY(wait_registry(f));
    TRY(front_projects_follow(f));
    (void)malloc_trim(0);
    pages_let_go();
    TRY(close_sandbox(f));
    return open_door(f);
}

/* ---- serving ---- */

static void count(struct front *f) {
    int64_t now = time_monotonic_us();
    if (now - f->counted_us < US_PER_S) return;
    f->counted_us = now;
    struct edge_counters c, *was = &f->counted;
    edge_count(f->edge, &c);
    channel_count(f->channel, COUNT_REQUESTS, c.requests - was->requests);
    channel_count(f->channel, COUNT_BYTES_IN, c.bytes_in - was->bytes_in);
    channel_count(f->channel, COUNT_REFUSED_400, c.refused_400 - was->refused_400);
    channel_count(f->channel, COUNT_REFUSED_413, c.refused_413 - was->refused_413);
    channel_count(f->channel, COUNT_REFUSED_414, c.refused_414 - was->refused_414);
    channel_count(f->channel, COUNT_REFUSED_UNREAD, c.refused_unread - was->refused_unread);
    channel_count(f->channel, COUNT_TIMEOUTS, c.timeouts - was->timeouts);
    *was = c;
    uint64_t readable = 0, candidates = 0;
    for (size_t i = 0; i < f->n_projects; i++) {
        readable += crowd_readable_n(f->projects[i].crowd);
        candidates += crowd_candidates_n(f->projects[i].crowd);
    }
    atomic_store(&f->channel->page->counters[COUNT_READABLE_TEXTS], readable);
    atomic_store(&f->channel->page->counters[COUNT_CANDIDATES], candidates);
}

/* After some seconds without a group: buffers as large as the largest frame, hot texts. */
static void rest(struct front *f, bool group) {
    if (group) f->busy_us = time_monotonic_us();
    if (group || f->busy_us == 0 || time_monotonic_us() - f->busy_us < REST_US) return;
    f->busy_us = 0;
    front_projects_rest(f);
    intake_rest(f->intake);
    (void)malloc_trim(0);
}

/* One turn: requests in, one commit, answers out. A frame may be open without a waiting request
 * (its client is gone, or all its records were refused): it is committed all the same. */
static struct err turn(struct front *f, int wait_ms) {
    size_t later = 0;
    TRY(edge_turn(f->edge, wait_ms, &later));
    bool group = later > 0 || f->n_open > 0;
    if (group)
        front_commit(f);
    else
        channel_drain(f->channel->wake_front);
    keep_up(f);
    if (group) edge_release(f->edge);
    rest(f, group);
    count(f);
    return ERR_NONE;
}

static bool stop_asked(const struct front *f) {
    uint64_t n;
    return read(f->setup->stop_fd, &n, sizeof n) == (ssize_t)sizeof n;
}

static bool has_work(const struct front *f, int64_t began) {
    int64_t spent = time_monotonic_us() - began;
    size_t unfinished = edge_unfinished(f->edge);
    if (edge_in_hand(f->edge) > unfinished || f->n_open > 0) return spent < DRAIN_US;
    return unfinished > 0 && spent < EDGE_UNFINISHED_MS * INT64_C(1000);
}

/* No new connections; what is in hand is answered; all of it is on disk by then. What has not
 * arrived by then is put off. */
static void drain(struct front *f) {
    int64_t began = time_monotonic_us();
    edge_quiesce(f->edge);
    do
        if (turn(f, 20).code != ERR_OK) break;
    while (has_work(f, began));
    edge_hang_up(f->edge);
}

static struct err serve(struct front *f) {
    if (write(f->setup->ready_fd, "r", 1) != 1) log_error("main does not listen");
    (void)close(f->setup->ready_fd);
    while (!stop_asked(f))
        TRY(turn(f, TURN_MS));
    drain(f);
    return ERR_NONE;
}

static void stop(struct front *f, bool clean) {
    edge_close(f->edge, 0);
    if (clean) front_projects_save(f);
    front_projects_free(f);
    front_status_free(f);
    journal_close(f->journal);
    intake_free(f->intake);
    registry_free(f->registry);
    buf_done(&f->patterns);
    buf_wipe_done(&f->cert);
    buf_wipe_done(&f->key);
    free(f);
}

int front_run(const struct process_setup *setup) {
    struct front *f = calloc(1, sizeof *f);
    if (!f) return 1;
    f->setup = setup;
    f->channel = setup->channel;
    f->group = (struct intake_group){.ctx = f, .writer = front_writer, .crowd = front_crowd};
    buf_init(&f->patterns, PATTERNS_MAX_BYTES);
    buf_init(&f->cert, 1u << 20);
    buf_init(&f->key, 1u << 20);
    (void)signal(SIGPIPE, SIG_IGN);
    struct err e = start(f);
    bool started = e.code == ERR_OK;
    if (started) e = serve(f);
    bool clean = e.code == ERR_OK;
    if (!clean && e.code != ERR_CANCELLED)
        log_failure(started ? "serving" : "starting the front", e);
    stop(f, clean);
    return clean || e.code == ERR_CANCELLED ? 0 : 1;
}
