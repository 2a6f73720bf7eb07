/* The table of embedded files: every one inflates, and the page names only files that are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <zlib.h>

#include "web/web.h"

enum { PLAIN_MAX = 4 << 20 };

/* The inflated body; freed by the caller. Fails the test unless the stream is whole. */
static char *inflated(const struct web_asset *a, size_t *out_n) {
    char *plain = malloc(PLAIN_MAX + 1);
    assert_non_null(plain);
    z_stream z = {0};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)a->gzip.p;
    z.avail_in = (uInt)a->gzip.n;
    z.next_out = (Bytef *)plain;
    z.avail_out = PLAIN_MAX;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    *out_n = z.total_out;
    plain[z.total_out] = '\0';
    inflateEnd(&z);
    return plain;
}

static void every_file_inflates_to_its_end(void **state) {
    (void)state;
    struct web_asset a;
    size_t i = 0;
    for (; web_asset_at(i, &a); i++) {
        size_t n = 0;
        char *plain = inflated(&a, &n);
        assert_true(n > 0);
        free(plain);
    }
    assert_true(i >= 3);
}

static void every_file_is_found_by_its_path(void **state) {
    (void)state;
    struct web_asset a;
    struct web_asset found;
    for (size_t i = 0; web_asset_at(i, &a); i++) {
        assert_true(web_asset(a.path, &found));
        assert_ptr_equal(found.gzip.p, a.gzip.p);
        assert_true(found.etag.n > 10 && found.etag.p[0] == '"');
    }
}

static void the_page_is_html_and_asked_for_anew(void **state) {
    (void)state;
    struct web_asset a;
    assert_true(web_asset(STR("/"), &a));
    assert_true(str_is(a.type, "text/html; charset=utf-8"));
    assert_false(a.immutable);
}

static void hashed_files_are_immutable(void **state) {
    (void)state;
    struct web_asset a;
    for (size_t i = 0; web_asset_at(i, &a); i++)
        assert_int_equal(a.immutable, str_starts(a.path, STR("/assets/")));
}

static void an_unknown_path_is_refused(void **state) {
    (void)state;
    struct web_asset a = {.immutable = true};
    assert_false(web_asset(STR("/assets/../main.c"), &a));
    assert_false(web_asset(STR(""), &a));
    assert_false(web_asset(STR("/index.htm"), &a));
    assert_true(a.immutable && a.path.n == 0);
}

/* Each "/assets/..." between quotes in the page is a file of the table; nothing else is loaded. */
static void the_page_names_only_files_that_are_there(void **state) {
    (void)state;
    struct web_asset page;
    assert_true(web_asset(STR("/"), &page));
    size_t n = 0;
    char *html = inflated(&page, &n);
    int named = 0;
    for (char *at = strstr(html, "\"/assets/"); at; at = strstr(at, "\"/assets/")) {
        at++;
        struct web_asset a;
        assert_true(web_asset((struct str){at, strcspn(at, "\"")}, &a));
        named++;
    }
    assert_true(named >= 2);
    assert_null(strstr(html, "<style"));
    assert_null(strstr(html, "://"));
    free(html);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_inflates_to_its_end),
        cmocka_unit_test(every_file_is_found_by_its_path),
        cmocka_unit_test(the_page_is_html_and_asked_for_anew),
        cmocka_unit_test(hashed_files_are_immutable),
        cmocka_unit_test(an_unknown_path_is_refused),
        cmocka_unit_test(the_page_names_only_files_that_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
