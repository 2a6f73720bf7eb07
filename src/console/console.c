/* console.c: the console process, from start to end. */
#include "console/console.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "console/keys.h"
#include "console/postman.h"
#include "console/publisher.h"
#include "monitor/monitor.h"
#include "routes/routes.h"
#include "sandbox/sandbox.h"
#include "status/status.h"

#define HEAD_BYTES (32u << 10)
#define BODY_BYTES (16u << 20)
#define GRACE_MS 5000
#define DISK_EACH_MS 5000
#define PUBLISH_EACH_US (3600 * US_PER_S)
#define DISK_LOW_BYTES ((uint64_t)1 << 30)

struct console {
    const struct process_setup *setup;
    struct keys keys;
    struct meta *meta;
    struct store *store;
    struct trust *trust;
    struct status *status;
    struct publisher *publisher;
    struct post *post; /* to the courier; NULL: a command's server */
    struct monitors *monitors;
    char front_folder[4200];
    struct postman *postman;
    struct notice *notice;
    struct routes *routes;
    struct edge *edge;
    struct buf cert, key;
};

static uint64_t synced(void *ctx) {
    const struct channel *c = ctx;
    return atomic_load_explicit(&c->page->synced, memory_order_acquire);
}

static struct err make_folders(const struct settings *s) {
    static const char *const names[] = {"front", "journal", "parts"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4200];
        settings_path(s, names[i], path);
        TRY(io_make_folder(path, 0700));
    }
    return ERR_NONE;
}

static struct err open_store(struct console *c) {
    const struct settings *s = c->setup->settings;
    char path[4200];
    TRY(make_folders(s));
    TRY(keys_open(s, &c->keys));
    settings_path(s, "meta.db", path);
    TRY(meta_open(path, &c->meta));
    TRY(trust_open(c->meta, &c->trust));
    struct store_config how = {.data_folder = s->data,
                               .meta = c->meta,
                               .synced = synced,
                               .synced_ctx = c->setup->channel,
                               .wake_fd = c->setup->channel->wake_console};
    return store_open(&how, &c->store);
}

/* From status' threads: an update was published. */
static void on_noticed(void *ctx, const char *incident, const char *update) {
    struct console *c = ctx;
    postman_look(c->postman);
}

/* From the thread that reads the post: what is not of monitors. */
static void on_letter(void *ctx, const struct post_message *m) {
    const struct console *c = ctx;
    notice_post(c->notice, m);
}

static struct err open_notice(struct console *c) {
    const struct settings *s = c->setup->settings;
    char front[4200];
    settings_path(s, "front", front);
    if (!s->no_doors) TRY(post_open(c->setup->post_fd, &c->post)); /* a command's server is alone */
    TRY(postman_open(&c->postman));
    struct notice_config how = {.meta = c->meta,
                                .root = c->keys.root,
                                .front_folder = front,
                                .public_url = str_z(s->public_url),
                                .mail_from = str_z(s->smtp[0] ? s->mail_from : ""),
                                .post = c->post};
    return notice_open(&how, &c->notice);
}

static void on_changed(void *ctx, uint64_t generation) {
    (void)generation;
    publisher_wake(((struct console *)ctx)->publisher);
}

static struct err open_publisher(struct console *c) {
    char folder[4200];
    settings_path(c->setup->settings, "front/status", folder);
    return publisher_open(c->setup->channel, folder, c->setup->settings->public_url, &c->publisher);
}

static void on_heartbeat(void *ctx, const struct status_heartbeat *b) {
    const struct console *c = ctx;
    monitors_heartbeat(c->monitors, b);
}

static struct err open_monitors(struct console *c) {
    settings_path(c->setup->settings, "front", c->front_folder);
    struct monitors_config how = {.meta = c->meta,
                                  .status = c->status,
                                  .post = c->post,
                                  .front_folder = c->front_folder,
                                  .forward = on_letter,
                                  .ctx = c};
    return monitors_open(&how, &c->monitors);
}

static struct err open_status(struct console *c) {
    TRY(open_publisher(c));
    struct status_config how = {
        .meta = c->meta,
        .store = c->store,
        .root = c->keys.root,
        .folder = c->setup->settings->data,
        .test_clock = getenv("WEIR_TEST_CLOCK"),
        .hooks = {
            .ctx = c, .changed = on_changed, .noticed = on_noticed, .heartbeat = on_heartbeat}};
    return status_open(&how, &c->status);
}

static struct err open_routes(struct console *c) {
    struct routes_config how = {.settings = c->setup->settings,
                                .channel = c->setup->channel,
                                .store = c->store,
                                .trust = c->trust,
                                .meta = c->meta,
                                .status = c->status,
                                .monitors = c->monitors,
                                .notice = c->notice,
                                .root = c->keys.root,
                                .team = c->keys.team,
                                .secret = c->keys.has_secret ? &c->keys.secret : NULL};
    snprintf(how.team_url, sizeof how.team_url, "%s", c->setup->settings->team_url);
    snprintf(how.public_url, sizeof how.public_url, "%s", c->setup->settings->public_url);
    struct err e = routes_new(&how, &c->routes);
    secret_wipe(&c->keys.secret, sizeof c->keys.secret);
    return e;
}

static struct err open_door(struct console *c) {
    const struct settings *s = c->setup->settings;
    struct edge_config how = {.mode = EDGE_THREADS,
                              .handler = routes_handle,
                              .ctx = c->routes,
                              .max_head_bytes = HEAD_BYTES,
                              .max_body_bytes = BODY_BYTES,
                              .idle_s = 65,
                              .request_s = 60,
                              .max_connections = 256,
                              .trusted_proxies = str_z(s->trust_proxy),
                              .tls_cert_pem = buf_str(&c->cert),
                              .tls_key_pem = buf_str(&c->key)};
    if (c->setup->door >= 0)
        how.listeners[how.n_listeners++] = (struct edge_listener){c->setup->door, false};
    how.listeners[how.n_listeners++] = (struct edge_listener){c->setup->local_door, true};
    return edge_open(&how, &c->edge);
}

static struct err read_tls(struct console *c) {
    const struct settings *s = c->setup->settings;
    buf_init(&c->cert, 1u << 20);
    buf_init(&c->key, 1u << 20);
    if (!s->tls_cert[0]) return ERR_NONE;
    TRY(io_read_file(s->tls_cert, 1u << 20, &c->cert));
    return io_read_file(s->tls_key, 1u << 20, &c->key);
}

/* The console's powers over files: all of the data folder, zones and randomness to read, room for
 * temporary files. */
static struct err close_sandbox(const struct settings *s) {
    const struct sandbox_path paths[] = {
        {s->data, true},           {"/tmp", true},          {"/usr/share/zoneinfo", false},
        {"/etc/localtime", false}, {"/dev/urandom", false}, {"/dev/null", true},
        {"/proc/self", false},
    };
    return sandbox_close(paths, sizeof paths / sizeof *paths);
}

/* Before the sandbox what it will forbid, then the sandbox, then threads. */
static struct err start(struct console *c) {
    TRY(seal_start());
    TRY(open_store(c));
    TRY(open_notice(c));
    TRY(open_status(c));
    TRY(open_monitors(c));
    TRY(read_tls(c));
    TRY(open_routes(c));
    struct store_front front = routes_front(c->routes);
    store_attend(c->store, &front);
    TRY(close_sandbox(c->setup->settings));
    TRY(status_start(c->status));
    TRY(publisher_start(c->publisher, c->status));
    TRY(monitors_start(c->monitors, c->setup->post_fd));
    TRY(store_start(c->store));
    TRY(routes_publish_registry(c->routes));
    TRY(routes_resume_seal(c->routes));
    TRY(postman_start(c->postman, c->status, c->notice));
    TRY(notice_start(c->notice));
    return open_door(c);
}

static void stop(struct console *c) {
    if (c->routes) routes_stop(c->routes);
    monitors_stop(c->monitors);
    if (c->edge) edge_close(c->edge, GRACE_MS);
    publisher_stop(c->publisher);
    postman_stop(c->postman);
    status_stop(c->status);
    store_close(c->store);
    monitors_close(c->monitors);
    status_close(c->status);
    publisher_close(c->publisher);
    notice_close(c->notice);
    postman_close(c->postman);
    post_close(c->post);
    routes_free(c->routes);
    trust_close(c->trust);
    meta_close(c->meta);
    keys_done(&c->keys);
    buf_wipe_done(&c->cert);
    buf_wipe_done(&c->key);
}

static void look_at_disk(struct console *c, bool *was_low) {
    struct statvfs v;
    if (statvfs(c->setup->settings->data, &v)) return;
    uint64_t left = (uint64_t)v.f_bavail * v.f_frsize, all = (uint64_t)v.f_blocks * v.f_frsize;
    bool low = left < DISK_LOW_BYTES && left < all / 5;
    low |= left < all / 20 && left < 20 * DISK_LOW_BYTES;
    if (low && !*was_low)
        log_error("the disk is nearly full: %llu MB left", (unsigned long long)(left >> 20));
    *was_low = low;
    atomic_store(&c->setup->channel->page->disk_low, low);
}

/* Keys end by time: the front learns it from the next registry. */
static void publish_hourly(struct console *c, int64_t *published_us) {
    int64_t now = time_monotonic_us();
    if (now - *published_us < PUBLISH_EACH_US) return;
    *published_us = now;
    struct err e = routes_republish(c->routes);
    if (e.code != ERR_OK) log_failure("writing the registry again", e);
}

static void serve(struct console *c) {
    bool low = false;
    int64_t published_us = time_monotonic_us();
    struct pollfd end = {.fd = c->setup->stop_fd, .events = POLLIN};
    pages_let_go();
    if (write(c->setup->ready_fd, "r", 1) != 1) log_error("main does not listen");
    close(c->setup->ready_fd);
    do {
        look_at_disk(c, &low);
        publish_hourly(c, &published_us);
    } while (poll(&end, 1, DISK_EACH_MS) <= 0);
}

int console_run(const struct process_setup *setup) {
    struct console c = {.setup = setup};
    signal(SIGPIPE, SIG_IGN);
    struct err e = start(&c);
    if (e.code == ERR_OK)
        serve(&c);
    else
        log_failure("starting the console", e);
    stop(&c);
    return e.code == ERR_OK ? 0 : 1;
}
