/* What operations do to a document, at sizes that strangers choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/profile.h"

static struct id128 name_of(uint32_t i) {
    struct id128 h = {{0}};
    memcpy(h.b, &i, sizeof i);
    h.b[15] = 1;
    return h;
}

static void put_number(struct buf *b, double v) {
    buf_put_u8(b, PV_NUMBER);
    buf_put_f64(b, v);
}

/* A list of the numbers [from, to). */
static void put_list(struct buf *b, int from, int to) {
    buf_put_u8(b, PV_LIST);
    buf_put_u32(b, (uint32_t)(to - from) * 9);
    for (int i = from; i < to; i++)
        put_number(b, i);
}

static void edit_list(struct buf *doc, enum profile_op op, int from, int to) {
    AUTO(buf_done) struct buf element;
    buf_init(&element, 1 << 20);
    put_list(&element, from, to);
    profile_change(doc, op, name_of(1), buf_str(&element));
}

/* The list's numbers are exactly [from, to), in order. */
static void assert_list(const struct buf *doc, int from, int to) {
    AUTO(buf_done) struct buf want;
    buf_init(&want, 1 << 20);
    put_list(&want, from, to);
    assert_true(str_eq(profile_find(buf_str(doc), name_of(1)), buf_str(&want)));
}

static void unions_of_long_lists_keep_each_element_once(void **state) {
    (void)state;
    AUTO(buf_done) struct buf doc;
    buf_init(&doc, 4 << 20);
    int64_t began = time_monotonic_us();
    edit_list(&doc, PROFILE_UNION, 0, 5000);
    edit_list(&doc, PROFILE_UNION, 0, 9999);
    edit_list(&doc, PROFILE_UNION, 0, PROFILE_MAX_LIST + 500);
    for (int i = 0; i < 200; i++)
        edit_list(&doc, PROFILE_UNION, i * 50, i * 50 + 250);
    assert_true(time_monotonic_us() - began < 5 * US_PER_S); /* walked for each: minutes */
    assert_list(&doc, 0, PROFILE_MAX_LIST);
    edit_list(&doc, PROFILE_REMOVE, 100, PROFILE_MAX_LIST);
    assert_list(&doc, 0, 100);
    edit_list(&doc, PROFILE_REMOVE, 0, 0);
    assert_list(&doc, 0, 100);
}

static double number_at(const struct buf *doc, uint32_t i) {
    struct str e = profile_find(buf_str(doc), name_of(i));
    if (!e.p) return -1;
    struct cursor c = {(const uint8_t *)e.p + 1, e.n - 1, false};
    return cursor_f64(&c);
}

/* edits[i] sets property first + i to value. */
static void set_many(struct buf *doc, enum profile_op op, uint32_t first, uint32_t n,
                     double value) {
    AUTO(buf_done) struct buf element;
    struct profile_edit *edits = calloc(n, sizeof *edits);
    buf_init(&element, 64);
    put_number(&element, value);
    for (uint32_t i = 0; i < n; i++)
        edits[i] = (struct profile_edit){.name = name_of(first + i), .element = buf_str(&element)};
    profile_change_all(doc, op, edits, n);
    free(edits);
}

static void one_record_changes_many_properties_of_a_large_document(void **state) {
    (void)state;
    AUTO(buf_done) struct buf doc;
    buf_init(&doc, 4 << 20);
    set_many(&doc, PROFILE_SET, 0, PROFILE_MAX_PROPS, 1);
    set_many(&doc, PROFILE_SET, PROFILE_MAX_PROPS, 10, 7); /* no room for more names */
    assert_true(number_at(&doc, PROFILE_MAX_PROPS) < 0);
    set_many(&doc, PROFILE_ADD, 10, 255, 2);
    set_many(&doc, PROFILE_SET_ONCE, 0, 20, 9);
    assert_true(number_at(&doc, 9) == 1 && number_at(&doc, 10) == 3 && number_at(&doc, 264) == 3 &&
                number_at(&doc, 265) == 1);
    set_many(&doc, PROFILE_UNSET, 0, 300, 0);
    assert_true(number_at(&doc, 299) < 0 && number_at(&doc, 300) == 1);
    set_many(&doc, PROFILE_SET, PROFILE_MAX_PROPS, 10, 7);
    assert_true(number_at(&doc, PROFILE_MAX_PROPS + 9) == 7);
    assert_int_equal(doc.n, (PROFILE_MAX_PROPS - 290) * 25);
}

static void what_would_be_too_large_stays_as_it_was(void **state) {
    (void)state;
    AUTO(buf_done) struct buf doc;
    AUTO(buf_done) struct buf element;
    buf_init(&doc, 4 << 20);
    buf_init(&element, 1 << 20);
    put_list(&element, 0, PROFILE_MAX_LIST);
    struct profile_edit edits[15];
    for (uint32_t i = 0; i < 15; i++)
        edits[i] = (struct profile_edit){.name = name_of(i), .element = buf_str(&element)};
    profile_change_all(&doc, PROFILE_SET, edits, 15); /* 90 kB each: eleven fit */
    assert_true(doc.n <= PROFILE_MAX_BYTES && doc.n > 11 * element.n);
    size_t before = doc.n;
    profile_change(&doc, PROFILE_SET, name_of(14), buf_str(&element));
    assert_int_equal(doc.n, before);
    assert_int_equal(buf_err(&doc).code, ERR_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unions_of_long_lists_keep_each_element_once),
        cmocka_unit_test(one_record_changes_many_properties_of_a_large_document),
        cmocka_unit_test(what_would_be_too_large_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
