/* matrix_test.c: every row of the router's table, asked by everybody who could ask.
 *
 * The rows come from routes_row, so a new route is in this test the moment it exists. The real
 * edge, trust and store serve; curl asks.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "routes/routes.h"

static char folder[] = "/tmp/weir-routes-XXXXXX";

static struct {
    struct settings settings;
    struct channel channel;
    struct meta *meta;
    struct trust *trust;
    struct store *store;
    struct status *status;
    struct monitors *monitors;
    struct routes *routes;
    struct edge *edge;
    uint8_t root[32];
    struct team_secret team;
    unsigned port;
    char socket[100];
    char secrets[ROLE_ADMIN + 1][TRUST_SECRET_CHARS]; /* keys of project 1, by role */
    char stranger[TRUST_SECRET_CHARS];                /* an admin key of project 2 */
    uint64_t projects[2];
} t;

static uint64_t synced(void *ctx) {
    return 0;
}

/* ---- the house ---- */

static int tcp_listener(unsigned *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static int unix_listener(const char *path) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

static void make_project(size_t i, const char *name) {
    struct store_project p;
    char secret[65];
    struct store_project_new n = {.name = str_z(name), .crowd = 2};
    assert_int_equal(store_project_create(t.store, &n, &p, secret).code, ERR_OK);
    t.projects[i] = p.id;
}

static void make_keys(void) {
    char user[TRUST_SECRET_CHARS];
    for (enum role r = ROLE_COLLECTOR; r <= ROLE_ADMIN; r++)
        assert_int_equal(trust_key_create(t.trust,
                                          &(struct trust_key_new){t.projects[0], r, STR("k"), 1},
                                          user, t.secrets[r])
                             .code,
                         ERR_OK);
    assert_int_equal(
        trust_key_create(t.trust, &(struct trust_key_new){t.projects[1], ROLE_ADMIN, STR("k"), 1},
                         user, t.stranger)
            .code,
        ERR_OK);
}

static void open_store(void) {
    char path[4200];
    static const char *const folders[] = {"front", "journal", "parts", "run"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        settings_path(&t.settings, folders[i], path);
        assert_int_equal(io_make_folder(path, 0700).code, ERR_OK);
    }
    settings_path(&t.settings, "meta.db", path);
    assert_int_equal(meta_open(path, &t.meta).code, ERR_OK);
    assert_int_equal(trust_open(t.meta, &t.trust).code, ERR_OK);
    struct store_config how = {.data_folder = t.settings.data,
                               .meta = t.meta,
                               .synced = synced,
                               .wake_fd = t.channel.wake_console};
    assert_int_equal(store_open(&how, &t.store).code, ERR_OK);
    struct status_config page = {
        .meta = t.meta, .store = t.store, .root = t.root, .folder = t.settings.data};
    assert_int_equal(status_open(&page, &t.status).code, ERR_OK);
    struct monitors_config watched = {.meta = t.meta, .status = t.status, .front_folder = folder};
    assert_int_equal(monitors_open(&watched, &t.monitors).code, ERR_OK);
    assert_int_equal(store_start(t.store).code, ERR_OK);
}

static int begin(void **state) {
    assert_non_null(mkdtemp(folder));
    assert_int_equal(seal_start().code, ERR_OK);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    snprintf(t.settings.data, sizeof t.settings.data, "%s", folder);
    snprintf(t.socket, sizeof t.socket, "%s/console.sock", folder);
    assert_int_equal(channel_make(&t.channel).code, ERR_OK);
    atomic_store(&t.channel.page->registry_seen, 1000); /* a front that has read everything */
    atomic_store(&t.channel.page->recovered, 1);
    team_generate(&t.team);
    random_bytes(t.root, sizeof t.root);
    open_store();
    struct routes_config how = {.settings = &t.settings,
                                .channel = &t.channel,
                                .store = t.store,
                                .trust = t.trust,
                                .meta = t.meta,
                                .status = t.status,
                                .monitors = t.monitors,
                                .root = t.root,
                                .team = t.team.pub,
                                .secret = &t.team,
                                .team_url = "http://team"};
    assert_int_equal(routes_new(&how, &t.routes).code, ERR_OK);
    make_project(0, "First");
    make_project(1, "Second");
    make_keys();
    struct edge_config door = {.mode = EDGE_THREADS,
                               .handler = routes_handle,
                               .ctx = t.routes,
                               .max_head_bytes = 32768,
                               .max_body_bytes = 1 << 20,
                               .idle_s = 30,
                               .request_s = 30,
                               .max_connections = 50};
    door.listeners[0] = (struct edge_listener){tcp_listener(&t.port), false};
    door.listeners[1] = (struct edge_listener){unix_listener(t.socket), true};
    door.n_listeners = 2;
    return edge_open(&door, &t.edge).code;
}

static int end(void **state) {
    char command[100];
    routes_stop(t.routes);
    edge_close(t.edge, 1000);
    store_close(t.store);
    monitors_close(t.monitors);
    status_close(t.status);
    routes_free(t.routes);
    trust_close(t.trust);
    meta_close(t.meta);
    channel_done(&t.channel);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0;
}

/* ---- asking ---- */

struct asker {
    const char *bearer; /* NULL: none */
    const char *cookie, *csrf;
    bool is_operator;
};

static size_t take(char *bytes, size_t one, size_t n, void *ctx) {
    struct buf *b = ctx;
    buf_put(b, bytes, one * n);
    return one * n;
}

/* The status of an answer; its head and body in `out` when not NULL. A stream that does not end is
 * cut after 700 ms. */
static long ask(const char *method, const char *path, const struct asker *who, const char *body,
                struct buf *out) {
    char url[512], line[200];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    AUTO(buf_done) struct buf own;
    buf_init(&own, 1 << 20);
    CURL *h = curl_easy_init();
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", t.port, path);
    if (who->bearer) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", who->bearer);
        headers = curl_slist_append(headers, line);
    }
    if (who->csrf) {
        snprintf(line, sizeof line, "X-Weir-Csrf: %s", who->csrf);
        headers = curl_slist_append(headers, line);
    }
    if (who->cookie) curl_easy_setopt(h, CURLOPT_COOKIE, who->cookie);
    if (who->is_operator) curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, t.socket);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
    if (strcmp(method, "GET") != 0) curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 700L);
    curl_easy_setopt(h, CURLOPT_HEADER, 1L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, out ? out : &own);
    long status = 0;
    (void)curl_easy_perform(h);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(h);
    return status;
}

/* The row's pattern as an address of project 1. */
static void address(const char *pattern, char out[256]) {
    const char *hole = strstr(pattern, "{id}");
    if (hole)
        snprintf(out, 256, "%.*s%llu%s", (int)(hole - pattern), pattern,
                 (unsigned long long)t.projects[0], hole + 4);
    else
        snprintf(out, 256, "%s", strcmp(pattern, "/*") == 0 ? "/no-such-page" : pattern);
}

static bool refused(long status) {
    return status == 401 || status == 403;
}

static void each_role_reaches_its_rows_and_no_other(void **state) {
    struct route_info row;
    size_t rows = 0, closed = 0;
    for (size_t i = 0; routes_row(i, &row); i++, rows++) {
        char path[256];
        address(row.pattern, path);
        for (enum role r = ROLE_COLLECTOR; r <= ROLE_ADMIN; r++) {
            struct asker who = {.bearer = t.secrets[r]};
            bool allowed = row.anyone ? strcmp(row.pattern, "/login") != 0
                                      : !row.operator_only && r >= row.least;
            long status = ask(row.method, path, &who, "{}", NULL);
            if (strcmp(row.pattern, "/api/v1/projects") == 0 && r == ROLE_ADMIN)
                allowed = false; /* a key is its project's */
            if (status < 200 || refused(status) == allowed)
                fail_msg("%s %s as %s: %ld", row.method, row.pattern, role_name(r), status);
            closed += !allowed;
        }
    }
    assert_true(rows >= 20 && closed >= 25);
}

static void a_stranger_reaches_only_what_is_for_anyone(void **state) {
    static const char *const wrong[] = {NULL, "", "wrong",
                                        "weir_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbb"};
    struct route_info row;
    for (size_t i = 0; routes_row(i, &row); i++) {
        char path[256];
        address(row.pattern, path);
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            struct asker who = {.bearer = wrong[k]};
            long status = ask(row.method, path, &who, "{}", NULL);
            if (!row.anyone && status != 401)
                fail_msg("%s %s: %ld", row.method, row.pattern, status);
        }
    }
    struct asker nobody = {0};
    assert_int_equal(ask("GET", "/healthz", &nobody, NULL, NULL), 200);
    assert_int_equal(ask("GET", "/login?code=guess", &nobody, NULL, NULL), 403);
    assert_int_equal(ask("POST", "/api/v1/nothing", &nobody, "{}", NULL), 401);
}

static void the_operator_needs_no_key(void **state) {
    struct asker me = {.is_operator = true};
    struct route_info row;
    for (size_t i = 0; routes_row(i, &row); i++) {
        char path[256];
        address(row.pattern, path);
        if (strcmp(row.pattern, "/login") == 0) continue;
        long status = ask(row.method, path, &me, "{}", NULL);
        if (refused(status) || status < 200)
            fail_msg("%s %s: %ld", row.method, row.pattern, status);
    }
}

static void the_key_of_one_project_does_not_see_another(void **state) {
    struct asker other = {.bearer = t.stranger};
    struct route_info row;
    for (size_t i = 0; routes_row(i, &row); i++) {
        if (!strstr(row.pattern, "{id}")) continue;
        char path[256];
        address(row.pattern, path);
        if (ask(row.method, path, &other, "{}", NULL) != 404)
            fail_msg("%s %s", row.method, row.pattern);
    }
    char body[200];
    snprintf(body, sizeof body, "{\"project\":%llu,\"report\":\"insights\"}",
             (unsigned long long)t.projects[0]);
    assert_int_equal(ask("POST", "/api/v1/query", &other, body, NULL), 404);
    snprintf(body, sizeof body, "{\"project\":%llu,\"handles\":[]}",
             (unsigned long long)t.projects[0]);
    assert_int_equal(ask("POST", "/api/v1/sealed", &other, body, NULL), 404);
    snprintf(body, sizeof body, "{\"project\":%llu,\"role\":\"admin\"}",
             (unsigned long long)t.projects[0]);
    assert_int_equal(ask("POST", "/api/v1/keys", &other, body, NULL), 404);
    assert_int_equal(
        ask("POST", "/api/v1/keys", &other, "{\"project\":0,\"role\":\"admin\"}", NULL), 404);
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(ask("GET", "/api/v1/session", &other, NULL, &out), 200);
    assert_true(str_contains(buf_str(&out), STR("Second")) &&
                !str_contains(buf_str(&out), STR("First")));
}

static void a_key_of_one_project_sees_no_figures_of_the_server(void **state) {
    static const char *const of_all[] = {"journal_bytes", "disk_free_bytes", "unknown_tokens",
                                         "refused_414",   "weir_requests",   "weir_disk_free",
                                         "weir_journal"};
    struct asker key = {.bearer = t.secrets[ROLE_ADMIN]}, me = {.is_operator = true};
    AUTO(buf_done) struct buf out;
    AUTO(buf_done) struct buf all;
    buf_init(&out, 1 << 20);
    buf_init(&all, 1 << 20);
    assert_int_equal(ask("GET", "/api/v1/status", &key, NULL, &out), 200);
    assert_int_equal(ask("GET", "/metrics", &key, NULL, &out), 200);
    assert_int_equal(ask("GET", "/api/v1/status", &me, NULL, &all), 200);
    assert_int_equal(ask("GET", "/metrics", &me, NULL, &all), 200);
    assert_true(str_contains(buf_str(&out), STR("\"events\":0,\"parts\":0")));
    assert_true(str_contains(buf_str(&out), STR("weir_stored_events 0")));
    for (size_t i = 0; i < sizeof of_all / sizeof *of_all; i++) {
        assert_false(str_contains(buf_str(&out), str_z(of_all[i])));
        assert_true(str_contains(buf_str(&all), str_z(of_all[i])));
    }
}

static void keys_are_listed_and_ended_by_project(void **state) {
    char user[TRUST_SECRET_CHARS], secret[TRUST_SECRET_CHARS], path[100];
    struct asker own = {.bearer = secret}, admin = {.bearer = t.secrets[ROLE_ADMIN]},
                 other = {.bearer = t.stranger};
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 2; i++) {
        struct trust_key_new n = {t.projects[0], ROLE_COLLECTOR, STR("short"), 1};
        assert_int_equal(trust_key_create(t.trust, &n, user, secret).code, ERR_OK);
        snprintf(path, sizeof path, "/api/v1/keys/%s", user);
        assert_int_equal(ask("DELETE", path, &other, "", NULL), 404);
        assert_int_equal(ask("GET", "/api/v1/session", &own, NULL, NULL), 200);
        assert_int_equal(ask("DELETE", path, i ? &own : &admin, "", NULL), 200);
        assert_int_equal(ask("GET", "/api/v1/session", &own, NULL, NULL), 401);
    }
    assert_int_equal(ask("GET", "/api/v1/keys", &other, NULL, &out), 200);
    assert_false(str_contains(buf_str(&out), STR("short")));
    buf_clear(&out);
    assert_int_equal(ask("GET", "/api/v1/keys", &admin, NULL, &out), 200);
    assert_true(str_contains(buf_str(&out), STR("\"name\":\"short\"")));
    assert_false(str_contains(buf_str(&out), str_z(secret)));
    snprintf(path, sizeof path, "/api/v1/keys?project=%llu", (unsigned long long)t.projects[1]);
    assert_int_equal(ask("GET", path, &admin, NULL, NULL), 404);
}

/* Logs in over the link; the cookie as "weir_session=...". */
static void log_in(char cookie[128], char csrf[64]) {
    char code[TRUST_SECRET_CHARS], path[128];
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1 << 20);
    struct asker nobody = {0};
    assert_int_equal(trust_link_create(t.trust, STR(""), code).code, ERR_OK);
    snprintf(path, sizeof path, "/login?code=%s", code);
    assert_int_equal(ask("HEAD", path, &nobody, NULL, NULL), 200); /* a look spends no link */
    assert_int_equal(ask("GET", path, &nobody, NULL, &out), 303);
    buf_put_char(&out, 0);
    const char *set = strcasestr(out.p, "set-cookie: ");
    assert_non_null(set);
    assert_non_null(strcasestr(set, "HttpOnly"));
    assert_non_null(strcasestr(set, "SameSite=Strict"));
    assert_int_equal(sscanf(set + 12, "%100[^;]", cookie), 1);
    buf_clear(&out);
    struct asker me = {.cookie = cookie};
    assert_int_equal(ask("GET", "/api/v1/session", &me, NULL, &out), 200);
    buf_put_char(&out, 0);
    const char *token = strstr(out.p, "\"csrf\":\"");
    assert_non_null(token);
    assert_int_equal(sscanf(token + 8, "%40[^\"]", csrf), 1);
    assert_int_equal(ask("GET", path, &nobody, NULL, NULL), 403); /* the link is used */
}

static void a_session_changes_nothing_without_its_csrf_token(void **state) {
    char cookie[128], csrf[64];
    log_in(cookie, csrf);
    struct route_info row;
    for (size_t i = 0; routes_row(i, &row); i++) {
        if (strcmp(row.method, "GET") == 0 || row.anyone) continue;
        char path[256];
        address(row.pattern, path);
        struct asker without = {.cookie = cookie},
                     wrong = {.cookie = cookie, .csrf = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
        assert_int_equal(ask(row.method, path, &without, "{}", NULL), 403);
        assert_int_equal(ask(row.method, path, &wrong, "{}", NULL), 403);
    }
    struct asker me = {.cookie = cookie, .csrf = csrf};
    assert_int_equal(ask("POST", "/api/v1/projects", &me, "{\"name\":\"Third\"}", NULL), 200);
    assert_int_equal(ask("POST", "/api/v1/login-links", &me, "{}", NULL),
                     403); /* the operator's alone */
    assert_int_equal(ask("POST", "/api/v1/logout", &me, "{}", NULL), 200);
    assert_int_equal(ask("GET", "/api/v1/session", &me, NULL, NULL), 401);
}

static void what_is_no_route_is_not_there(void **state) {
    struct asker admin = {.bearer = t.secrets[ROLE_ADMIN]};
    assert_int_equal(ask("GET", "/api/v1/nothing", &admin, NULL, NULL), 404);
    assert_int_equal(ask("GET", "/api/v1/projects/x/lexicon", &admin, NULL, NULL), 404);
    assert_int_equal(ask("GET", "/api/v1/projects/-1/lexicon", &admin, NULL, NULL), 404);
    assert_int_equal(ask("GET", "/api/v1/query", &admin, NULL, NULL), 405);
    assert_int_equal(ask("DELETE", "/api/v1/query", &admin, NULL, NULL), 405);
    assert_int_equal(ask("POST", "/api/v1/query", &admin, "[1", NULL), 400);
    assert_int_equal(ask("POST", "/api/v1/query", &admin, "[]", NULL), 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_reaches_its_rows_and_no_other),
        cmocka_unit_test(a_stranger_reaches_only_what_is_for_anyone),
        cmocka_unit_test(the_operator_needs_no_key),
        cmocka_unit_test(the_key_of_one_project_does_not_see_another),
        cmocka_unit_test(a_key_of_one_project_sees_no_figures_of_the_server),
        cmocka_unit_test(keys_are_listed_and_ended_by_project),
        cmocka_unit_test(a_session_changes_nothing_without_its_csrf_token),
        cmocka_unit_test(what_is_no_route_is_not_there),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
