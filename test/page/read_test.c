/* What machines read: the badges and figures that depend on their query, and the door's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sample.h"

struct rig {
    struct arena *arena;
    char folder[64];
    struct page *page;
    struct buf body;
};

static void open_rig(struct rig *r) {
    *r = (struct rig){.arena = arena_new(0), .folder = "/tmp/weir-page-XXXXXX"};
    buf_init(&r->body, 1u << 20);
    assert_non_null(mkdtemp(r->folder));
    assert_int_equal(page_publish(sample_model(r->arena), r->folder).code, ERR_OK);
    assert_int_equal(page_open(r->folder, &r->page).code, ERR_OK);
}

static void close_rig(struct rig *r) {
    char command[128];
    page_close(r->page);
    arena_free(r->arena);
    buf_done(&r->body);
    (void)snprintf(command, sizeof command, "rm -rf %s", r->folder);
    assert_int_equal(system(command), 0);
}

/* The status, 0 for not ours; the text is in r->body. */
static int asked(struct rig *r, struct page_ask *a, const char *path) {
    struct page_found f = {0};
    buf_clear(&r->body);
    a->path = str_z(path);
    return page_render(r->page, a, &f, &r->body) ? f.status : 0;
}

static bool says(const struct rig *r, const char *part) {
    return str_contains(buf_str(&r->body), str_z(part));
}

static void kuma_badges_obey_their_query(void **state) {
    struct page_ask plain = {0}, wished = {.wishes = {[PAGE_LABEL] = STR("Web"),
                                                      [PAGE_UP_LABEL] = STR("fine & <well>"),
                                                      [PAGE_UP_COLOR] = STR("1e8e4e"),
                                                      [PAGE_LABEL_SUFFIX] = STR("!")}};
    struct rig r;
    (void)state;
    open_rig(&r);
    assert_int_equal(asked(&r, &plain, "/api/badge/1/status"), 200);
    assert_true(says(&r, ">Up</text>") && says(&r, "#66c20a"));
    assert_int_equal(asked(&r, &plain, "/api/badge/2/status"), 200);
    assert_true(says(&r, ">Down</text>") && says(&r, "#c2290a"));
    assert_int_equal(asked(&r, &wished, "/api/badge/1/status"), 200);
    assert_true(says(&r, "Web!") && says(&r, "fine &amp; &lt;well&gt;") && says(&r, "#1e8e4e"));
    assert_int_equal(asked(&r, &plain, "/api/badge/1/uptime/720"), 200);
    assert_true(says(&r, "Uptime (30d)") && says(&r, "93%"));
    assert_int_equal(asked(&r, &plain, "/api/badge/1/ping"), 200);
    assert_true(says(&r, "87 ms"));
    assert_int_equal(asked(&r, &plain, "/api/badge/1/cert-exp"), 200);
    assert_true(says(&r, "61 days"));
    assert_int_equal(asked(&r, &plain, "/api/badge/2/cert-exp"), 200);
    assert_true(says(&r, "N/A"));
    close_rig(&r);
}

static void a_private_monitor_and_none_look_the_same(void **state) {
    struct page_ask a = {0};
    struct rig r;
    (void)state;
    open_rig(&r);
    assert_int_equal(asked(&r, &a, "/api/badge/3/status"), 200);
    char *first = strndup(r.body.p, r.body.n);
    assert_int_equal(asked(&r, &a, "/api/badge/77/status"), 200);
    assert_true(str_is(buf_str(&r.body), first));
    assert_true(says(&r, "N/A") && says(&r, "#999"));
    assert_int_equal(asked(&r, &a, "/api/badge/x/status"), 200);
    assert_int_equal(asked(&r, &a, "/api/badge/1/nonsense"), 0);
    free(first);
    close_rig(&r);
}

static void a_badges_colour_is_a_colour_or_the_usual(void **state) {
    static const char *const bad[] = {"\"/><script>", "url(x)", "#12", "expression(1)", "#ggg"};
    struct rig r;
    (void)state;
    open_rig(&r);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct page_ask a = {
            .wishes = {[PAGE_COLOR] = str_z(bad[i]), [PAGE_LABEL_COLOR] = str_z(bad[i])}};
        assert_int_equal(asked(&r, &a, "/api/badge/1/status"), 200);
        assert_false(says(&r, bad[i]));
        assert_true(says(&r, "#999"));
    }
    close_rig(&r);
}

#define KEY "/api/v1/endpoints/Front--door_web-1/"

static void gatus_figures_have_gatus_forms(void **state) {
    struct page_ask a = {0};
    struct rig r;
    (void)state;
    open_rig(&r);
    assert_int_equal(asked(&r, &a, KEY "uptimes/24h"), 200);
    assert_true(str_is(buf_str(&r.body), "0.998710"));
    assert_int_equal(asked(&r, &a, KEY "response-times/24h"), 200);
    assert_true(str_is(buf_str(&r.body), "87"));
    assert_int_equal(asked(&r, &a, KEY "health/badge.shields"), 200);
    assert_true(str_is(buf_str(&r.body), "{\"schemaVersion\":1,\"label\":\"gatus\",\"message\":"
                                         "\"up\",\"color\":\"brightgreen\"}"));
    assert_int_equal(asked(&r, &a, KEY "uptimes/7d/badge.svg"), 200);
    assert_true(says(&r, "#94cc11"));
    assert_int_equal(asked(&r, &a, KEY "response-times/7d/history"), 200);
    assert_true(says(&r, "{\"timestamps\":[1764"));
    assert_int_equal(asked(&r, &a, KEY "response-times/30d/chart.svg"), 200);
    assert_int_equal(asked(&r, &a, KEY "uptimes/9d"), 0);
    assert_int_equal(asked(&r, &a, "/api/v1/endpoints/nobody/uptimes/24h"), 404);
    close_rig(&r);
}

static unsigned results_in(const struct rig *r) {
    unsigned n = 0;
    struct str rest = buf_str(&r->body);
    for (const char *p; (p = memmem(rest.p, rest.n, "\"duration\"", 10));
         rest = str_from(rest, (size_t)(p - rest.p) + 10))
        n++;
    return n;
}

static void a_gatus_endpoint_comes_by_pages_newest_first(void **state) {
    struct page_ask a = {.page = 1, .page_size = 20};
    struct rig r;
    (void)state;
    open_rig(&r);
    assert_int_equal(asked(&r, &a, KEY "statuses"), 200);
    assert_int_equal(results_in(&r), 20);
    assert_true(says(&r, "\"timestamp\":\"2025-12-02T20:09:30.000Z\""));
    assert_true(says(&r, "\"type\":\"UNHEALTHY\""));
    a.page = 3;
    assert_int_equal(asked(&r, &a, KEY "statuses"), 200);
    assert_int_equal(results_in(&r), 20);
    a.page = 4;
    assert_int_equal(asked(&r, &a, KEY "statuses"), 200);
    assert_int_equal(results_in(&r), 0);
    a = (struct page_ask){.page = INT64_MAX, .page_size = INT64_MAX};
    assert_int_equal(asked(&r, &a, KEY "statuses"), 200);
    close_rig(&r);
}

static void the_door_knows_what_it_needs_and_no_token(void **state) {
    struct rig r;
    char path[96];
    AUTO(page_door_free) struct page_door *d = NULL;
    (void)state;
    open_rig(&r);
    (void)snprintf(path, sizeof path, "%s/intake", r.folder);
    assert_int_equal(page_door_read(path, &d).code, ERR_OK);
    assert_true(d->project == 1 && d->takes_reports && d->takes_comments && d->salt[2] == 22);
    const struct page_door_component *c = page_door_component(d, STR("comp00000003"));
    assert_ptr_equal(c, page_door_component(d, STR("3")));
    assert_null(page_door_component(d, STR("2"))); /* a group */
    assert_null(page_door_component(d, STR("-1")));
    assert_null(page_door_component(d, STR("")));
    assert_int_equal(page_door_type(c, STR("sLOW")), 1);
    assert_int_equal(page_door_type(c, STR("3")), 3);
    assert_int_equal(page_door_type(c, STR("99")), 4);
    assert_int_equal(page_door_type(c, STR("-1")), 4);
    assert_int_equal(page_door_type(page_door_component(d, STR("0")), STR("x")), 0);
    uint8_t hash[32];
    for (uint8_t i = 0; i < 32; i++)
        hash[i] = i;
    assert_int_equal(page_door_push(d, hash)->probe, 2);
    hash[31] = 99;
    assert_null(page_door_push(d, hash));
    close_rig(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kuma_badges_obey_their_query),
        cmocka_unit_test(a_private_monitor_and_none_look_the_same),
        cmocka_unit_test(a_badges_colour_is_a_colour_or_the_usual),
        cmocka_unit_test(gatus_figures_have_gatus_forms),
        cmocka_unit_test(a_gatus_endpoint_comes_by_pages_newest_first),
        cmocka_unit_test(the_door_knows_what_it_needs_and_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
