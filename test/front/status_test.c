/* The status page at the public door: read from memory, reports and beats into the journal. */
#include "rig.h"

#include <errno.h>
#include <sys/socket.h>

static const uint8_t root_key[32] = {1}, salt[32] = {2};

/* ---- a small published page ---- */

struct site {
    struct rig rig;
    struct status_component component;
    struct status_push push;
    struct status_model model;
    struct seal_keys keys;
};

static void publish(struct site *s) {
    char folder[4200];
    struct channel_page *page = s->rig.channel.page;
    settings_path(&s->rig.settings, "front/status", folder);
    assert_ok(page_publish(&s->model, folder));
    uint64_t generation = atomic_fetch_add(&page->status_generation, 1) + 1;
    channel_wake(s->rig.channel.wake_front);
    for (int i = 0; s->rig.pid > 0 && i < 500 && atomic_load(&page->status_seen) < generation; i++)
        usleep(10000);
}

static void open_site(struct site *s) {
    *s = (struct site){0};
    rig_make(&s->rig);
    seal_keys_derive(root_key, salt, 1, &s->keys);
    s->component = (struct status_component){
        .number = 3, .id = "comp00000003", .name = STR("Login"), .showcase = true, .n_types = 3};
    s->component.types[0] = STR("Slow");
    s->component.types[1] = STR("Errors");
    s->component.types[2] = STR("Other");
    s->push = (struct status_push){.probe = 7, .gatus_key = STR("core_web-1")};
    seal_secret_hash(STR("k1secrettoken"), s->push.token_hash);
    s->model = (struct status_model){.now_us = time_now_us(),
                                     .components = &s->component,
                                     .n_components = 1,
                                     .pushes = &s->push,
                                     .n_pushes = 1,
                                     .report_salt = {9, 8, 7}};
    s->model.page = (struct status_page){.id = "page00000001",
                                         .name = STR("Harbour"),
                                         .url = STR("https://status.example"),
                                         .project = 1,
                                         .takes_reports = true};
    publish(s);
    rig_start(&s->rig);
}

static void close_site(struct site *s) {
    assert_int_equal(rig_stop(&s->rig), 0);
    rig_remove(&s->rig);
}

/* ---- asking ---- */

static int get(struct site *s, const char *path, const char *headers, char out[1 << 16]) {
    char request[1024];
    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, headers);
    return rig_ask(&s->rig, -1, request, out, 1 << 16);
}

static int post(struct site *s, const char *path, const char *headers, const char *body,
                char out[1 << 16]) {
    static char request[1 << 16];
    (void)snprintf(request, sizeof request,
                   "POST %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s", path, headers,
                   strlen(body), body);
    return rig_ask(&s->rig, -1, request, out, 1 << 16);
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"
#define JSON "Content-Type: application/json\r\n"

/* ---- what the journal holds ---- */

struct record {
    struct id128 person, name;
    double numbers[8];
    size_t texts; /* among its values */
};
struct sight {
    struct site *site;
    struct record records[64];
    size_t n;
};
static const char *const names[] = {"component", "type",      "prefix", "asn",
                                    "country",   "signed_in", "up",     "ms"};

static void see(void *ctx, struct frame *f, const struct frame_event *e) {
    struct sight *t = ctx;
    struct record *r = &t->records[t->n++ % 64];
    struct cursor props = e->props, value;
    uint32_t path;
    *r = (struct record){.person = e->person, .name = f->texts[e->name].hash};
    while (frame_next_prop(&props, &path, &value)) {
        uint8_t type = cursor_u8(&value);
        double v = type == V_NUMBER ? cursor_f64(&value) : type == V_TRUE ? 1 : 0;
        r->texts += type == V_TEXT;
        for (size_t i = 0; i < 8; i++)
            if (id128_eq(f->texts[path].hash, seal_hash(&t->site->keys, TEXT_PROPERTY, TEXT_STRING,
                                                        STR(""), str_z(names[i]))))
                r->numbers[i] = v;
    }
}

static size_t look(struct site *s, struct sight *t) {
    *t = (struct sight){.site = s};
    return rig_events(&s->rig, see, t);
}

static bool is_event(struct site *s, const struct record *r, const char *name) {
    return id128_eq(r->name, seal_hash(&s->keys, TEXT_EVENT, TEXT_STRING, STR(""), str_z(name)));
}

/* ---- reading ---- */

static void the_page_is_read_with_a_tag_and_costs_nothing_unchanged(void **state) {
    static char out[1 << 16], again[1 << 16];
    struct site s;
    (void)state;
    open_site(&s);
    assert_int_equal(get(&s, "/status", "Origin: https://a.example\r\n", out), 200);
    assert_non_null(strstr(out, "Access-Control-Allow-Origin: *\r\n"));
    assert_null(strstr(out, "Allow-Credentials"));
    assert_non_null(strstr(out, "Cache-Control: public, max-age=10\r\n"));
    assert_non_null(strstr(out, "Content-Security-Policy: default-src 'none'"));
    assert_non_null(strstr(rig_body(out), "All Systems Operational"));
    char *tag = strstr(out, "ETag: W/\""), header[128], *date = strstr(out, "Last-Modified: ");
    assert_non_null(tag);
    (void)snprintf(header, sizeof header, "If-None-Match: \"x\", %.20s\r\n", tag + 6);
    assert_int_equal(get(&s, "/status", header, again), 304);
    assert_int_equal(strlen(rig_body(again)), 0);
    (void)snprintf(header, sizeof header, "If-Modified-Since: %.29s\r\n", date + 15);
    assert_int_equal(get(&s, "/status", header, again), 304);
    assert_int_equal(get(&s, "/status", "If-None-Match: \"other\"\r\n", again), 200);
    assert_int_equal(get(&s, "/status", "Accept-Encoding: gzip\r\n", again), 200);
    assert_non_null(strstr(again, "Content-Encoding: gzip\r\n"));
    close_site(&s);
}

/* Until the connection closes: the length of a HEAD's answer is not that of its body. */
static void head(struct site *s, char out[1 << 16]) {
    static const char request[] = "HEAD /status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    int fd = rig_connect(&s->rig);
    size_t n = 0;
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    for (ssize_t got; (got = recv(fd, out + n, (1 << 16) - n - 1, 0)) > 0;)
        n += (size_t)got;
    out[n] = 0;
    close(fd);
}

static void heads_have_no_body_and_other_methods_are_refused(void **state) {
    static char out[1 << 16];
    struct site s;
    (void)state;
    open_site(&s);
    head(&s, out);
    assert_memory_equal(out, "HTTP/1.1 200", 12);
    assert_non_null(strstr(out, "ETag: "));
    assert_int_equal(strlen(rig_body(out)), 0);
    assert_int_equal(post(&s, "/api/v2/summary.json", FORM, "a=b", out), 405);
    assert_int_equal(get(&s, "/status/report", "", out), 405);
    assert_int_equal(get(&s, "/incidents/abcdefghijkl", "", out), 404);
    assert_non_null(strstr(rig_body(out), "There is no such page"));
    assert_int_equal(get(&s, "/nothing", "", out), 404);
    assert_int_equal(get(&s, "/", "", out), 302);
    assert_non_null(strstr(out, "Location: /status\r\n"));
    assert_int_equal(get(&s, "/robots.txt", "", out), 200);
    assert_int_equal(get(&s, "/api/badge/99/status", "", out), 200);
    assert_non_null(strstr(rig_body(out), "N/A"));
    close_site(&s);
}

static void a_new_publishing_is_served_and_a_damaged_one_is_not(void **state) {
    static char out[1 << 16];
    char path[4200];
    struct site s;
    (void)state;
    open_site(&s);
    s.component.state = STATUS_MAJOR;
    publish(&s);
    assert_int_equal(get(&s, "/api/v2/status.json", "", out), 200);
    assert_non_null(strstr(rig_body(out), "\"critical\""));
    settings_path(&s.rig.settings, "front/status/pages", path);
    assert_ok(io_replace_file(path, STR("WeirPG1\0 and then nothing of sense"), 0600));
    uint64_t generation = atomic_fetch_add(&s.rig.channel.page->status_generation, 1) + 1;
    channel_wake(s.rig.channel.wake_front);
    for (int i = 0; i < 500 && atomic_load(&s.rig.channel.page->status_seen) < generation; i++)
        usleep(10000);
    assert_int_equal(get(&s, "/api/v2/status.json", "", out), 200);
    assert_non_null(strstr(rig_body(out), "\"critical\""));
    s.model.page.project = 0;
    publish(&s);
    assert_int_equal(get(&s, "/status", "", out), 404);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3", out), 404);
    close_site(&s);
}

/* ---- reports ---- */

static void a_click_is_in_the_journal_before_the_thanks(void **state) {
    static char out[1 << 16];
    struct site s;
    struct sight t;
    (void)state;
    open_site(&s);
    assert_int_equal(post(&s, "/status/report",
                          FORM "Origin: http://h\r\nSec-Fetch-Site: same-origin\r\n", "component=3",
                          out),
                     303);
    assert_non_null(strstr(out, "Location: /status/thanks/3\r\n"));
    assert_int_equal(look(&s, &t), 1);
    const struct record *r = &t.records[0];
    assert_true(is_event(&s, r, "$problem_report"));
    assert_true(r->numbers[0] == 3 && r->numbers[1] == 2); /* the last type: other */
    assert_true(r->numbers[2] >= 1 && r->numbers[2] < 9007199254740992.0);
    assert_true(r->numbers[5] == 0);
    close_site(&s);
}

static void json_names_component_type_and_person(void **state) {
    static char out[1 << 16];
    struct site s;
    struct sight t;
    (void)state;
    open_site(&s);
    assert_int_equal(
        post(&s, "/status/report", JSON "Origin: https://app.example\r\n",
             "{\"component\":\"comp00000003\",\"type\":\"errors\",\"distinct_id\":\"ann\"}", out),
        200);
    assert_string_equal(rig_body(out), "{\"ok\":true}");
    assert_int_equal(look(&s, &t), 1);
    assert_true(t.records[0].numbers[0] == 3 && t.records[0].numbers[1] == 1);
    assert_true(t.records[0].numbers[5] == 1);
    assert_true(id128_eq(t.records[0].person, seal_pseudonym(&s.keys, STR("ann"))));
    close_site(&s);
}

static void without_a_name_the_device_counts_and_without_it_the_network(void **state) {
    static char out[1 << 16];
    struct site s;
    struct sight t;
    (void)state;
    open_site(&s);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3", out), 303);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3&type=1", out), 303);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3&device=abcd-1234", out), 303);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3&device=no", out), 303);
    assert_int_equal(post(&s, "/status/report", JSON,
                          "{\"component\":3,\"distinct_id\":\"$device:victim\"}", out),
                     200);
    assert_int_equal(look(&s, &t), 5);
    assert_true(id128_eq(t.records[0].person, t.records[1].person));
    assert_false(id128_eq(t.records[0].person, t.records[2].person));
    assert_true(id128_eq(t.records[2].person, seal_pseudonym(&s.keys, STR("$device:abcd-1234"))));
    assert_true(id128_eq(t.records[0].person, t.records[3].person));
    assert_true(id128_eq(t.records[0].person, t.records[4].person)); /* a forged device is none */
    assert_true(t.records[4].numbers[5] == 0);
    assert_true(t.records[0].numbers[2] == t.records[2].numbers[2]);
    close_site(&s);
}

static void what_is_no_report_is_told_so_and_not_kept(void **state) {
    static const struct {
        const char *headers, *body;
        int status;
        const char *part;
    } bad[] = {
        {JSON, "{", 400, "invalid"},
        {JSON, "[]", 400, "invalid"},
        {JSON, "{\"component\":9}", 400, "\"field\":\"component\""},
        {JSON, "{\"component\":{\"a\":1}}", 400, "component"},
        {JSON, "{\"component\":\"<script>alert(1)</script>\"}", 400, "component"},
        {FORM, "component=99999999999999999999", 303, "/status/refused"},
        {FORM, "", 303, "/status/refused"},
        {FORM "Sec-Fetch-Site: cross-site\r\n", "component=3", 303, "/status/refused"},
        {FORM "Origin: https://evil.example\r\n", "component=3", 303, "/status/refused"},
        {FORM "Origin: null\r\n", "component=3", 303, "/status/refused"},
    };
    static char out[1 << 16];
    struct site s;
    (void)state;
    open_site(&s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(post(&s, "/status/report", bad[i].headers, bad[i].body, out),
                         bad[i].status);
        assert_non_null(strstr(out, bad[i].part));
        assert_null(strstr(out, "<script>"));
    }
    static char large[20000];
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(post(&s, "/status/report", FORM, large, out), 413);
    assert_int_equal(rig_events(&s.rig, NULL, NULL), 0);
    close_site(&s);
}

static void a_comment_is_kept_sealed_and_only_where_the_page_wants_it(void **state) {
    static char out[1 << 16], body[8000];
    struct site s;
    struct sight t;
    (void)state;
    open_site(&s);
    (void)snprintf(body, sizeof body, "component=3&device=abcd-1234&comment=%04000d", 7);
    assert_int_equal(post(&s, "/status/report", FORM, body, out), 303);
    look(&s, &t);
    size_t without = t.records[0].texts;
    s.model.page.takes_comments = true;
    publish(&s);
    assert_int_equal(post(&s, "/status/report", FORM, body, out), 303);
    look(&s, &t);
    assert_int_equal(t.records[1].texts, without + 1);
    char command[4400], path[4200];
    settings_path(&s.rig.settings, "journal", path);
    (void)snprintf(body, sizeof body, "component=3&device=abcd-1234&comment=planted-comment-7");
    assert_int_equal(post(&s, "/status/report", FORM, body, out), 303);
    (void)snprintf(command, sizeof command, "! grep -rq planted-comment %s", path);
    assert_int_equal(system(command), 0);
    close_site(&s);
}

static void a_flood_from_one_network_is_journalled_only_up_to_its_cap(void **state) {
    static char out[1 << 16];
    struct site s;
    (void)state;
    open_site(&s);
    int taken = 0, enough = 0;
    for (int i = 0; i < 2 * FRONT_REPORTS_MINUTE + 20; i++) {
        char body[128];
        (void)snprintf(body, sizeof body, "{\"component\":3,\"distinct_id\":\"forged-%d\"}", i);
        int status = post(&s, "/status/report", JSON, body, out);
        taken += status == 200;
        enough += status == 429;
        if (status == 429) assert_non_null(strstr(out, "Retry-After: 60"));
    }
    assert_true(taken >= FRONT_REPORTS_MINUTE && taken <= 2 * FRONT_REPORTS_MINUTE);
    assert_true(enough >= 20);
    assert_int_equal(rig_events(&s.rig, NULL, NULL), taken);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3", out), 303);
    assert_non_null(strstr(out, "/status/enough"));
    close_site(&s);
}

static void nobody_makes_reports_or_beats_by_a_trackers_door(void **state) {
    static const char *const forged[] = {"$problem_report", "$heartbeat", "$subscriber"};
    static char out[1 << 16];
    struct site s;
    (void)state;
    open_site(&s);
    for (size_t i = 0; i < 3; i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "[{\"event\":\"%s\",\"properties\":{\"token\":\"token1\",\"distinct_id\":"
                       "\"a\",\"component\":3,\"prefix\":%zu}}]",
                       forged[i], i);
        assert_int_equal(post(&s, "/track?verbose=1", JSON, body, out), 200);
        assert_non_null(strstr(rig_body(out), "the server itself makes this event"));
    }
    assert_int_equal(rig_events(&s.rig, NULL, NULL), 0);
    close_site(&s);
}

static void on_a_full_disk_a_report_is_not_thanked_for(void **state) {
    static char out[1 << 16];
    struct site s;
    (void)state;
    open_site(&s);
    atomic_store(&disk->fail, ENOSPC);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3", out), 503);
    assert_int_equal(get(&s, "/status", "", out), 200); /* the page is still read */
    assert_int_equal(get(&s, "/api/push/k1secrettoken", "", out), 503);
    atomic_store(&disk->fail, 0);
    assert_int_equal(post(&s, "/status/report", FORM, "component=3", out), 303);
    assert_int_equal(rig_events(&s.rig, NULL, NULL), 1);
    close_site(&s);
}

/* ---- beats ---- */

static void a_kuma_push_line_is_a_beat(void **state) {
    static char out[1 << 16];
    struct site s;
    struct sight t;
    (void)state;
    open_site(&s);
    assert_int_equal(get(&s, "/api/push/k1secrettoken?status=up&msg=OK&ping=123", "", out), 200);
    assert_string_equal(rig_body(out), "{\"ok\":true}");
    assert_int_equal(post(&s, "/api/push/k1secrettoken?status=down&ping=-5", FORM, "", out), 200);
    assert_int_equal(get(&s, "/api/push/k1secrettoken", "", out), 200);
    assert_int_equal(get(&s, "/api/push/wrong?status=up", "", out), 404);
    assert_string_equal(rig_body(out),
                        "{\"ok\":false,\"msg\":\"Monitor not found or not active.\"}");
    assert_int_equal(get(&s, "/api/push/", "", out), 404);
    assert_int_equal(look(&s, &t), 3);
    assert_true(is_event(&s, &t.records[0], "$heartbeat"));
    assert_true(t.records[0].numbers[6] == 1 && t.records[0].numbers[7] == 123);
    assert_true(t.records[1].numbers[6] == 0 && t.records[1].numbers[7] == -1);
    assert_true(t.records[2].numbers[6] == 1 && t.records[2].numbers[7] == -1);
    close_site(&s);
}

#define ENDPOINT "/api/v1/endpoints/core_web-1/external"
#define BEARER "Authorization: Bearer k1secrettoken\r\n"

static void a_gatus_external_result_is_a_beat(void **state) {
    static const struct {
        const char *path, *headers;
        int status;
    } asks[] = {
        {ENDPOINT "?success=true&duration=1m2.5s", BEARER, 200},
        {ENDPOINT "?success=false&error=x&duration=250ms", BEARER, 200},
        {ENDPOINT "?success=true&duration=soon", BEARER, 200},
        {ENDPOINT "?success=yes", BEARER, 400},
        {ENDPOINT, BEARER, 400},
        {ENDPOINT "?success=true", "", 401},
        {ENDPOINT "?success=true", "Authorization: Bearer wrong\r\n", 401},
        {"/api/v1/endpoints/core_other/external?success=true", BEARER, 404},
    };
    static char out[1 << 16];
    struct site s;
    struct sight t;
    (void)state;
    open_site(&s);
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        assert_int_equal(post(&s, asks[i].path, asks[i].headers, "", out), asks[i].status);
    assert_int_equal(look(&s, &t), 3);
    assert_true(t.records[0].numbers[6] == 1 && t.records[0].numbers[7] == 62500);
    assert_true(t.records[1].numbers[6] == 0 && t.records[1].numbers[7] == 250);
    assert_true(t.records[2].numbers[6] == 1 && t.records[2].numbers[7] == -1);
    close_site(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_read_with_a_tag_and_costs_nothing_unchanged),
        cmocka_unit_test(heads_have_no_body_and_other_methods_are_refused),
        cmocka_unit_test(a_new_publishing_is_served_and_a_damaged_one_is_not),
        cmocka_unit_test(a_click_is_in_the_journal_before_the_thanks),
        cmocka_unit_test(json_names_component_type_and_person),
        cmocka_unit_test(without_a_name_the_device_counts_and_without_it_the_network),
        cmocka_unit_test(what_is_no_report_is_told_so_and_not_kept),
        cmocka_unit_test(a_comment_is_kept_sealed_and_only_where_the_page_wants_it),
        cmocka_unit_test(a_flood_from_one_network_is_journalled_only_up_to_its_cap),
        cmocka_unit_test(nobody_makes_reports_or_beats_by_a_trackers_door),
        cmocka_unit_test(on_a_full_disk_a_report_is_not_thanked_for),
        cmocka_unit_test(a_kuma_push_line_is_a_beat),
        cmocka_unit_test(a_gatus_external_result_is_a_beat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
