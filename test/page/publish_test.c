#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "sample.h"

struct rig {
    struct arena *arena;
    char folder[64];
    struct page *page;
};

static void open_rig(struct rig *r) {
    *r = (struct rig){.arena = arena_new(0), .folder = "/tmp/weir-page-XXXXXX"};
    assert_non_null(mkdtemp(r->folder));
}

static void close_rig(struct rig *r) {
    char command[128];
    page_close(r->page);
    arena_free(r->arena);
    (void)snprintf(command, sizeof command, "rm -rf %s", r->folder);
    assert_int_equal(system(command), 0);
}

static void publish(struct rig *r, const struct status_model *m) {
    page_close(r->page);
    r->page = NULL;
    assert_int_equal(page_publish(m, r->folder).code, ERR_OK);
    assert_int_equal(page_open(r->folder, &r->page).code, ERR_OK);
}

static struct page_found found(struct rig *r, const char *path) {
    struct page_found f = {0};
    if (!page_find(r->page, str_z(path), STR(""), &f)) fail_msg("%s is not there", path);
    return f;
}

static void has(struct str text, const char *part) {
    if (!str_contains(text, str_z(part)))
        fail_msg("'%s' is missing in: %.*s", part, (int)text.n, text.p);
}

static void has_not(struct str text, const char *part) {
    if (str_contains(text, str_z(part))) fail_msg("'%s' is in there", part);
}

static void every_answer_is_there_and_has_its_type(void **state) {
    static const struct {
        const char *path, *type;
    } all[] = {
        {"/status", "text/html; charset=utf-8"},
        {"/status/", "text/html; charset=utf-8"},
        {"/status/history", "text/html; charset=utf-8"},
        {"/incidents/inci00000003", "text/html; charset=utf-8"},
        {"/status/incidents/inci00000003", "text/html; charset=utf-8"},
        {"/incidents/inci00000003.json", "application/json; charset=utf-8"},
        {"/incidents/inci00000013", "text/html; charset=utf-8"},
        {"/status/thanks", "text/html; charset=utf-8"},
        {"/status/thanks/3", "text/html; charset=utf-8"},
        {"/status/enough", "text/html; charset=utf-8"},
        {"/status/embed", "text/html; charset=utf-8"},
        {"/status/embed.js", "text/javascript; charset=utf-8"},
        {"/status/badge.svg", "image/svg+xml"},
        {"/status/components/comp00000003/badge.svg", "image/svg+xml"},
        {"/favicon.ico", "image/svg+xml"},
        {"/robots.txt", "text/plain; charset=utf-8"},
        {"/history.atom", "application/atom+xml; charset=utf-8"},
        {"/status/history.rss", "application/rss+xml; charset=utf-8"},
        {"/status/default/rss", "application/rss+xml; charset=utf-8"},
        {"/api/v2/summary.json", "application/json; charset=utf-8"},
        {"/api/v2/status.json", "application/json; charset=utf-8"},
        {"/api/v2/components.json", "application/json; charset=utf-8"},
        {"/api/v2/incidents.json", "application/json; charset=utf-8"},
        {"/api/v2/incidents/unresolved.json", "application/json; charset=utf-8"},
        {"/api/v2/scheduled-maintenances.json", "application/json; charset=utf-8"},
        {"/api/v2/scheduled-maintenances/upcoming.json", "application/json; charset=utf-8"},
        {"/api/v2/scheduled-maintenances/active.json", "application/json; charset=utf-8"},
        {"/api/status-page/default", "application/json; charset=utf-8"},
        {"/api/status-page/heartbeat/default", "application/json; charset=utf-8"},
        {"/api/status-page/status/incident-history", "application/json; charset=utf-8"},
        {"/api/status-page/default/badge", "image/svg+xml"},
        {"/api/v1/endpoints/statuses", "application/json; charset=utf-8"},
        {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
    };
    struct rig r;
    (void)state;
    open_rig(&r);
    publish(&r, sample_model(r.arena));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct page_found f = found(&r, all[i].path);
        assert_int_equal(f.status, 200);
        assert_string_equal(f.content_type, all[i].type);
        assert_true(f.plain.n > 0 && f.gzip.n < f.plain.n);
    }
    close_rig(&r);
}

static void names_and_texts_of_people_are_text_and_never_markup(void **state) {
    static const char *const pages[] = {"/status",
                                        "/status/history",
                                        "/incidents/inci00000002",
                                        "/incidents/inci00000003",
                                        "/status/thanks/6",
                                        "/history.atom",
                                        "/history.rss",
                                        "/status/embed"};
    struct rig r;
    (void)state;
    open_rig(&r);
    publish(&r, sample_model(r.arena));
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct str text = found(&r, pages[i]).plain;
        has_not(text, "<script>alert");
        has_not(text, "<img src=x");
        has_not(text, "\x01");
        assert_int_equal(str_utf8_prefix(text), text.n);
    }
    has(found(&r, "/status").plain, "&lt;script&gt;alert(1)");
    has(found(&r, "/incidents/inci00000002").plain, "設定を見直しました");
    has(found(&r, "/status").plain, "Café notifications — 通知 🔔");
    has_not(found(&r, "/status/components/comp00000006/badge.svg").plain, "<script");
    close_rig(&r);
}

static void a_name_that_is_not_utf8_still_gives_utf8(void **state) {
    struct rig r;
    (void)state;
    open_rig(&r);
    struct status_model *m = sample_model(r.arena);
    m->components[1].name = STR("Lo\xffgin\xc3");
    publish(&r, m);
    struct str text = found(&r, "/status").plain;
    assert_int_equal(str_utf8_prefix(text), text.n);
    has(text, "Lo\xef\xbf\xbdgin\xef\xbf\xbd");
    close_rig(&r);
}

static void cells_of_fewer_than_five_reports_are_nowhere(void **state) {
    struct rig r;
    (void)state;
    open_rig(&r);
    publish(&r, sample_model(r.arena));
    struct str page = found(&r, "/status").plain, metrics = found(&r, "/metrics").plain;
    has(page, "<span>DE</span><b>61</b>");
    has(metrics, "country=\"DE\"} 61");
    has_not(page, "<span>FR</span>");
    has_not(metrics, "country=\"FR\"");
    has_not(metrics, "type=\"Something else\"");
    close_rig(&r);
}

static void the_three_most_named_types_come_in_order_ties_by_their_place(void **state) {
    struct rig r;
    (void)state;
    open_rig(&r);
    publish(&r, sample_model(r.arena));
    has(found(&r, "/status").plain,
        "<li><span>Payments fail</span><b>76 %</b></li><li><span>Slow</span><b>12 %</b></li>"
        "<li><span>Errors</span><b>12 %</b></li></ul>");
    close_rig(&r);
}

static void a_calm_page_of_twelve_components_has_at_most_30_kilobytes(void **state) {
    struct rig r;
    (void)state;
    open_rig(&r);
    publish(&r, sample_calm(r.arena, 12, 12));
    struct page_found f = found(&r, "/status");
    print_message("calm page: %zu bytes, %zu as gzip\n", f.plain.n, f.gzip.n);
    assert_true(f.plain.n <= 30 << 10);
    publish(&r, sample_model(r.arena));
    f = found(&r, "/status");
    print_message("busy page: %zu bytes, %zu as gzip\n", f.plain.n, f.gzip.n);
    assert_true(f.gzip.n > 0 && f.gzip.n <= 10 << 10);
    close_rig(&r);
}

static void what_is_a_draft_or_private_is_in_no_answer(void **state) {
    struct rig r;
    struct page_found f;
    (void)state;
    open_rig(&r);
    struct status_model *m = sample_model(r.arena);
    m->incidents[0].phase = STATUS_DRAFT;
    m->incidents[0].name = STR("Drafted thing");
    publish(&r, m);
    for (size_t i = 0; i < 2; i++) {
        const char *word = i ? "secret probe" : "Drafted thing";
        has_not(found(&r, "/status").plain, word);
        has_not(found(&r, "/history.atom").plain, word);
        has_not(found(&r, "/api/v2/summary.json").plain, word);
        has_not(found(&r, "/api/v2/incidents.json").plain, word);
        has_not(found(&r, "/api/status-page/default").plain, word);
        has_not(found(&r, "/api/v1/endpoints/statuses").plain, word);
        has_not(found(&r, "/metrics").plain, word);
    }
    assert_true(page_find(r.page, STR("/incidents/inci00000003"), STR(""), &f));
    assert_int_equal(f.status, 404);
    close_rig(&r);
}

static void an_unknown_incident_is_told_to_be_none_and_other_paths_are_not_ours(void **state) {
    static const char *const foreign[] = {"/",         "/track",       "/api/v2/nothing.json",
                                          "#404",      "/status#",     "/api/status-page/other",
                                          "/statuses", "/metrics#open"};
    struct rig r;
    struct page_found f;
    (void)state;
    open_rig(&r);
    publish(&r, sample_model(r.arena));
    assert_true(page_find(r.page, STR("/incidents/<script>"), STR(""), &f));
    assert_int_equal(f.status, 404);
    has(f.plain, "There is no such page");
    has_not(f.plain, "<script>");
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_false(page_find(r.page, str_z(foreign[i]), STR(""), &f));
    close_rig(&r);
}

static void the_policy_allows_exactly_what_is_inline_and_no_host(void **state) {
    struct rig r;
    (void)state;
    open_rig(&r);
    publish(&r, sample_model(r.arena));
    struct page_found f = found(&r, "/status"), e = found(&r, "/status/embed");
    has(f.policy, "default-src 'none'");
    has(f.policy, "frame-ancestors 'none'");
    has(e.policy, "frame-ancestors *");
    has_not(f.policy, "unsafe");
    has_not(f.policy, "http");
    assert_int_equal(found(&r, "/history.atom").policy.n, 0);
    close_rig(&r);
}

static void no_page_loads_anything_from_elsewhere(void **state) {
    static const char *const loads[] = {"src=", "@import", "url(", "<link rel=\"stylesheet",
                                        "<iframe"};
    struct rig r;
    (void)state;
    open_rig(&r);
    struct status_model *m = sample_calm(r.arena, 3, 0);
    publish(&r, m);
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++)
        has_not(found(&r, "/status").plain, loads[i]);
    close_rig(&r);
}

static void an_answer_that_did_not_change_keeps_its_time_and_tag(void **state) {
    struct rig r;
    (void)state;
    open_rig(&r);
    struct status_model *m = sample_model(r.arena);
    publish(&r, m);
    struct page_found page = found(&r, "/status"), feed = found(&r, "/history.atom");
    int64_t page_at = page.modified_us, feed_at = feed.modified_us;
    uint64_t page_tag = page.etag, feed_tag = feed.etag;
    m->now_us += 60 * US_PER_S;
    m->generation++;
    publish(&r, m);
    assert_int_equal(found(&r, "/history.atom").modified_us, feed_at);
    assert_int_equal(found(&r, "/history.atom").etag, feed_tag);
    assert_true(found(&r, "/status").modified_us > page_at); /* it says when it was made */
    assert_true(found(&r, "/status").etag != page_tag);
    close_rig(&r);
}

static void a_page_taken_back_leaves_nothing_behind(void **state) {
    struct rig r;
    struct page_found f;
    char path[96];
    (void)state;
    open_rig(&r);
    struct status_model *m = sample_model(r.arena);
    publish(&r, m);
    m->page.project = 0;
    publish(&r, m);
    assert_true(page_is_empty(r.page));
    assert_false(page_find(r.page, STR("/status"), STR(""), &f));
    AUTO(page_door_free) struct page_door *d = NULL;
    (void)snprintf(path, sizeof path, "%s/intake", r.folder);
    assert_int_equal(page_door_read(path, &d).code, ERR_OK);
    assert_int_equal(d->project, 0);
    assert_int_equal(d->n_pushes, 0);
    close_rig(&r);
}

static void metrics_come_in_the_format_that_is_asked_for(void **state) {
    struct rig r;
    struct page_found f;
    (void)state;
    open_rig(&r);
    publish(&r, sample_model(r.arena));
    assert_true(page_find(r.page, STR("/metrics"),
                          STR("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"), &f));
    assert_string_equal(f.content_type,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_true(str_ends(f.plain, STR("\n# EOF\n")));
    has_not(found(&r, "/metrics").plain, "# EOF");
    has(f.plain, "health_component_state{component=\"Card payments\",id=\"comp00000003\"} 4\n");
    has(f.plain, "health_incidents_open{impact=\"major\"} 1\n");
    close_rig(&r);
}

static void a_thousand_components_and_probes_still_publish(void **state) {
    struct rig r;
    (void)state;
    open_rig(&r);
    int64_t began = time_monotonic_us();
    publish(&r, sample_calm(r.arena, 1000, 1000));
    print_message("1,000 components and probes: %lld ms, page %zu bytes, %zu as gzip\n",
                  (long long)(time_monotonic_us() - began) / 1000, found(&r, "/status").plain.n,
                  found(&r, "/status").gzip.n);
    assert_true(found(&r, "/api/v1/endpoints/statuses").plain.n < 8u << 20);
    close_rig(&r);
}

static void any_changed_byte_makes_the_file_invalid(void **state) {
    struct rig r;
    char path[96];
    AUTO(buf_done) struct buf b;
    (void)state;
    open_rig(&r);
    assert_int_equal(page_publish(sample_calm(r.arena, 1, 1), r.folder).code, ERR_OK);
    buf_init(&b, PAGE_MAX_BYTES);
    (void)snprintf(path, sizeof path, "%s/pages", r.folder);
    assert_int_equal(io_read_file(path, PAGE_MAX_BYTES, &b).code, ERR_OK);
    for (size_t i = 0; i < b.n; i += 97) {
        b.p[i] = (char)(b.p[i] ^ 1);
        assert_int_equal(page_parse(buf_str(&b), &r.page).code, ERR_CORRUPT);
        assert_int_equal(page_parse((struct str){b.p, i}, &r.page).code, ERR_CORRUPT);
        b.p[i] = (char)(b.p[i] ^ 1);
    }
    assert_int_equal(page_parse(buf_str(&b), &r.page).code, ERR_OK);
    close_rig(&r);
}

/* With a folder as argument: publishes the sample there, for those who want to look at it. */
int main(int argc, char **argv) {
    if (argc > 1) {
        struct arena *a = arena_new(0);
        struct status_model *m = argc > 3
                                     ? sample_calm(a, (size_t)atoi(argv[2]), (size_t)atoi(argv[3]))
                                     : sample_model(a);
        int bad = page_publish(m, argv[1]).code != ERR_OK;
        arena_free(a);
        return bad;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_there_and_has_its_type),
        cmocka_unit_test(names_and_texts_of_people_are_text_and_never_markup),
        cmocka_unit_test(a_name_that_is_not_utf8_still_gives_utf8),
        cmocka_unit_test(cells_of_fewer_than_five_reports_are_nowhere),
        cmocka_unit_test(the_three_most_named_types_come_in_order_ties_by_their_place),
        cmocka_unit_test(a_calm_page_of_twelve_components_has_at_most_30_kilobytes),
        cmocka_unit_test(what_is_a_draft_or_private_is_in_no_answer),
        cmocka_unit_test(an_unknown_incident_is_told_to_be_none_and_other_paths_are_not_ours),
        cmocka_unit_test(the_policy_allows_exactly_what_is_inline_and_no_host),
        cmocka_unit_test(no_page_loads_anything_from_elsewhere),
        cmocka_unit_test(an_answer_that_did_not_change_keeps_its_time_and_tag),
        cmocka_unit_test(a_page_taken_back_leaves_nothing_behind),
        cmocka_unit_test(metrics_come_in_the_format_that_is_asked_for),
        cmocka_unit_test(a_thousand_components_and_probes_still_publish),
        cmocka_unit_test(any_changed_byte_makes_the_file_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
