/* /import: who may, strict and not, lines, failed records. */
#include <stdio.h>
#include <string.h>

#include "rig.h"

static char *basic(const char *pair) {
    char *b64 = rig_base64(pair, strlen(pair)), *out = malloc(strlen(b64) + 7);
    sprintf(out, "Basic %s", b64);
    free(b64);
    return out;
}

static void open_import(struct rig *r) {
    rig_open(r);
    r->request.endpoint = INTAKE_IMPORT;
    rig_query(r, "strict=1&api_key=" RIG_SECRET);
}

#define GOOD                                                                                       \
    "{\"event\":\"E\",\"properties\":{\"time\":1795300000,\"distinct_id\":\"u\",\"$insert_id\":"   \
    "\"i-1\"}}"

static void a_strict_import_is_answered_as_json(void **state) {
    struct rig r;
    open_import(&r);
    rig_take(&r, "[" GOOD "," GOOD "]");
    rig_assert_reply(&r, 200, "{\"code\":200,\"num_records_imported\":2,\"status\":\"OK\"}");
    assert_int_equal(r.frame.n_records, 2);
    rig_close(&r);
}

static void the_node_sdk_gets_the_one_byte_1(void **state) {
    struct rig r;
    char body[2048];
    open_import(&r);
    char *b64 = rig_base64("[" GOOD "]", strlen("[" GOOD "]"));
    snprintf(body, sizeof body, "data=%s", b64);
    rig_query(&r, "ip=0&verbose=0&api_key=" RIG_SECRET);
    rig_take(&r, body);
    rig_assert_reply(&r, 200, "1");
    rig_query(&r, "ip=0&verbose=1&api_key=" RIG_SECRET);
    rig_take(&r, body);
    rig_assert_reply(&r, 200, "{\"error\":null,\"status\":1}");
    snprintf(body, sizeof body, "ip=0&verbose=0&data=%s&api_key=" RIG_SECRET, b64);
    rig_query(&r, body);
    rig_take(&r, "");
    rig_assert_reply(&r, 200, "1");
    free(b64);
    rig_close(&r);
}

#define SENDER "weir_the-secret-of-a-key"

static void only_the_secret_a_key_the_token_or_the_operator_may_import(void **state) {
    static const struct {
        const char *pair, *query;
        bool ok;
    } cases[] = {
        {RIG_SECRET ":", "", true},
        {"sa-user:" RIG_SECRET, "project_id=7", true},
        {"sa-user:" RIG_SECRET, "project_id=8", false},
        {"sa-user:" RIG_SECRET, "project_id=x", false},
        {"sa-user:wrong", "project_id=7", false},
        {"wk_abc:" SENDER, "project_id=7", true},
        {"wk_abc:" SENDER, "", true},
        {"wk_abc:" SENDER, "project_id=8", false},
        {SENDER ":", "project_id=7", false},
        {NULL, "api_key=" SENDER, false},
        {RIG_TOKEN ":", "", true},
        {RIG_TOKEN ":wrong", "", false},
        {"wrong:", "", false},
        {":", "", false},
        {"", "", false},
        {NULL, "", false},
        {NULL, "api_key=" RIG_SECRET, true},
        {NULL, "api_key=wrong", false},
        {NULL, "project_id=7", false},
        {NULL, "token=" RIG_TOKEN, false},
    };
    struct rig r;
    open_import(&r);
    uint8_t hash[SEAL_SECRET_HASH_BYTES];
    seal_secret_hash(STR(SENDER), hash);
    struct id128 sender = registry_sender_id(hash);
    r.project.senders = (struct id128_list){&sender, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *header = cases[i].pair ? basic(cases[i].pair) : NULL;
        r.request.authorization = str_z(header);
        rig_query(&r, cases[i].query);
        rig_send(&r, "[" GOOD "]");
        if (cases[i].ok)
            rig_assert_reply(&r, 200,
                             "{\"code\":200,\"num_records_imported\":1,\"status\":\"OK\"}");
        else
            rig_assert_reply(
                &r, 401,
                "{\"code\":401,\"error\":\"Invalid credentials\",\"status\":\"Unauthorized\"}");
        free(header);
    }
    r.request.authorization = STR("Basic ####");
    rig_send(&r, GOOD);
    assert_int_equal(r.reply.status, 401);
    r.request.authorization = (struct str){0};
    r.request.is_local = true;
    rig_query(&r, "project_id=7&strict=1");
    rig_send(&r, GOOD);
    assert_int_equal(r.reply.status, 200);
    rig_close(&r);
}

static void a_bad_line_fails_alone(void **state) {
    struct rig r;
    open_import(&r);
    rig_take(&r, GOOD "\n{\"event\":\n\n" GOOD "\r\nnot json\n" GOOD);
    assert_int_equal(r.reply.status, 400);
    assert_int_equal(r.frame.n_records, 3);
    rig_assert_contains(&r, "\"num_records_imported\":3");
    rig_assert_contains(&r, "{\"index\":1,\"insert_id\":\"\",\"$insert_id\":\"\",\"field\":\"\","
                            "\"message\":\"the line is not valid JSON\"}");
    rig_assert_contains(&r, "{\"index\":3,");
    rig_take(&r, "{broken\n" GOOD "\n");
    assert_int_equal(r.frame.n_records, 1);
    rig_assert_contains(&r, "{\"index\":0,");
    r.request.content_type = STR("application/x-ndjson");
    rig_take(&r, GOOD);
    rig_assert_reply(&r, 200, "{\"code\":200,\"num_records_imported\":1,\"status\":\"OK\"}");
    rig_close(&r);
}

static void a_pretty_printed_object_is_one_record(void **state) {
    struct rig r;
    open_import(&r);
    rig_take(&r, "{\n \"event\":\"E\",\n "
                 "\"properties\":\n{\n\"time\":1795300000,\"distinct_id\":\"u\"\n}\n}\n");
    rig_assert_reply(&r, 200, "{\"code\":200,\"num_records_imported\":1,\"status\":\"OK\"}");
    rig_close(&r);
}

static void strict_import_names_the_field_and_the_reason(void **state) {
    static const struct {
        const char *event, *part;
    } cases[] = {
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"$insert_id\":\"i-9\"}}",
         "{\"index\":0,\"insert_id\":\"i-9\",\"$insert_id\":\"i-9\",\"field\":\"properties.time\","
         "\"message\":\"'properties.time' is missing\"}"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"time\":\"x\"}}",
         "'properties.time' is invalid: must be specified as seconds since epoch"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"time\":5}}",
         "must lie between 1971 and one hour from now"},
        {"{\"properties\":{\"distinct_id\":\"u\",\"time\":1795300000}}",
         "\"field\":\"event\",\"message\":\"'event' is missing\""},
        {"{\"event\":null,\"properties\":{}}", "\"field\":\"event\""},
        {"{\"event\":\"E\"}", "\"field\":\"properties.time\""},
        {"{\"event\":\"E\",\"properties\":[]}", "\"field\":\"properties\""},
        {"{\"event\":\"E\",\"properties\":{\"time\":1795300000}}",
         "'properties.distinct_id' is missing"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"Undefined\",\"time\":1795300000}}",
         "stands for nobody"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":0,\"time\":1795300000}}",
         "stands for nobody"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":true,\"time\":1795300000}}",
         "stands for nobody"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":{},\"time\":1795300000}}",
         "stands for nobody"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"time\":1795300000,\"$insert_"
         "id\":\"a b\"}}",
         "properties.$insert_id"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"time\":1795300000,\"$insert_"
         "id\":\"0123456789012345678901234567890123456\"}}",
         "at most 36"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"time\":1795300000,\"a\":{\"b\":{"
         "\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":{\"j\":1}}}}}}}}}}}",
         "nested deeper than 8"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"time\":1795300000,\"a\":[[[[[[[["
         "[1]]]]]]]]]}}",
         "nested deeper than 8"},
        {"{\"event\":\"E\",\"properties\":{\"distinct_id\":\"u\",\"time\":1795300000,\"\":1}}",
         "name is empty"},
        {"17", "must be a JSON object"},
    };
    struct rig r;
    open_import(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[1024];
        snprintf(body, sizeof body, "[%s," GOOD "]", cases[i].event);
        rig_take(&r, body);
        assert_int_equal(r.reply.status, 400);
        rig_assert_contains(&r, cases[i].part);
        rig_assert_contains(&r, "{\"code\":400,\"error\":\"some data points in the request failed "
                                "validation\",\"failed_records\":[");
        rig_assert_contains(&r, "\"num_records_imported\":1,\"status\":\"Bad Request\"}");
        assert_int_equal(r.frame.n_records, 1);
    }
    rig_close(&r);
}

/* n properties, each `"pI":I`. */
static char *many_properties(unsigned n) {
    char *s = malloc(64 + n * 24),
         *to = s + sprintf(s, "{\"event\":\"E\",\"properties\":{\"time\":1795300000");
    for (unsigned i = 0; i < n; i++)
        to += sprintf(to, ",\"p%u\":%u", i, i);
    sprintf(to, ",\"distinct_id\":\"u\"}}");
    return s;
}

static void too_many_properties_fail_strictly_and_are_cut_otherwise(void **state) {
    struct rig r;
    open_import(&r);
    char *body = many_properties(300);
    rig_take(&r, body);
    assert_int_equal(r.reply.status, 400);
    rig_assert_contains(&r, "more than 255 properties");
    assert_int_equal(r.frame.n_records, 0);
    rig_query(&r, "strict=0&api_key=" RIG_SECRET);
    rig_take(&r, body);
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(rig_event(&r, 0).n_props, 255);
    free(body);
    body = many_properties(254);
    rig_query(&r, "strict=1&api_key=" RIG_SECRET);
    rig_take(&r, body);
    assert_int_equal(r.reply.status, 200);
    assert_int_equal(rig_event(&r, 0).n_props, 255);
    free(body);
    rig_close(&r);
}

static void long_lists_and_names_fail_strictly_and_are_cut_otherwise(void **state) {
    struct rig r;
    struct cursor c;
    char *body = malloc(8192);
    open_import(&r);
    char *to =
        body +
        sprintf(
            body,
            "{\"event\":\"E\",\"properties\":{\"time\":1795300000,\"distinct_id\":\"u\",\"l\":[0");
    for (int i = 0; i < 255; i++)
        to += sprintf(to, ",1");
    sprintf(to, "]}}");
    rig_send(&r, body);
    rig_assert_contains(&r, "a list has more than 255 elements");
    rig_query(&r, "strict=0&api_key=" RIG_SECRET);
    rig_take(&r, body);
    assert_int_equal(rig_event_prop(&r, 0, "l", &c), V_LIST);
    assert_int_equal(cursor_u32(&c), 255);
    sprintf(body,
            "{\"event\":\"E\",\"properties\":{\"time\":1795300000,\"distinct_id\":\"u\",\"%0256d\":"
            "1,\"%0255d\":2}}",
            1, 2);
    rig_take(&r, body);
    rig_assert_reply(&r, 200, "1");
    assert_int_equal(rig_event(&r, 0).n_props, 2);
    rig_query(&r, "strict=1&api_key=" RIG_SECRET);
    rig_send(&r, body);
    rig_assert_contains(&r, "longer than 255 bytes");
    sprintf(body,
            "{\"event\":\"%0256d\",\"properties\":{\"time\":1795300000,\"distinct_id\":\"u\"}}", 1);
    rig_send(&r, body);
    rig_assert_contains(&r, "'event' is invalid: longer than 255 bytes");
    free(body);
    rig_close(&r);
}

static void long_strings_are_cut_at_a_character(void **state) {
    struct rig r;
    struct cursor c;
    char *body = malloc(20000);
    open_import(&r);
    char *to =
        body +
        sprintf(
            body,
            "{\"event\":\"E\",\"properties\":{\"time\":1795300000,\"distinct_id\":\"u\",\"s\":\"x");
    for (int i = 0; i < 5000; i++)
        to += sprintf(to, "\xc3\xbc");
    sprintf(to, "\"}}");
    rig_take(&r, body);
    assert_int_equal(r.reply.status, 200);
    assert_int_equal(rig_event_prop(&r, 0, "s", &c), V_TEXT);
    assert_int_equal(rig_text(&r, cursor_u32(&c)).n, 8191);
    free(body);
    rig_close(&r);
}

static void more_than_2000_records_are_refused_whole_but_not_from_the_operator(void **state) {
    struct rig r;
    open_import(&r);
    char *lines = malloc(2001 * (sizeof GOOD + 1)), *to = lines;
    for (int i = 0; i < 2001; i++)
        to += sprintf(to, GOOD "\n");
    rig_take(&r, lines);
    rig_assert_reply(&r, 413,
                     "{\"code\":413,\"error\":\"more than 2000 records in one "
                     "request\",\"status\":\"Request Entity Too Large\"}");
    assert_int_equal(r.frame.n_records, 0);
    r.request.is_local = true;
    rig_query(&r, "project_id=7&strict=1");
    rig_take(&r, lines);
    rig_assert_reply(&r, 200, "{\"code\":200,\"num_records_imported\":2001,\"status\":\"OK\"}");
    r.request.is_local = false;
    r.request.endpoint = INTAKE_TRACK;
    rig_query(&r, "verbose=1");
    to = lines + sprintf(lines, "[0");
    for (int i = 0; i < 2000; i++)
        to += sprintf(to, ",0");
    sprintf(to, "]");
    rig_send(&r, lines);
    rig_assert_reply(&r, 200, "{\"error\":\"more than 2000 records in one request\",\"status\":0}");
    free(lines);
    rig_close(&r);
}

static void a_body_that_is_too_large_is_413_for_import_and_browsers(void **state) {
    struct rig r;
    open_import(&r);
    size_t n = INTAKE_MAX_BODY_BYTES + 1;
    char *big = malloc(n), *gz = malloc(1 << 16);
    memset(big, ' ', n);
    rig_send_bytes(&r, big, n);
    assert_int_equal(r.reply.status, 413);
    size_t packed = rig_gzip(big, n, gz, 1 << 16);
    rig_send_bytes(&r, gz, packed);
    assert_int_equal(r.reply.status, 413);
    rig_assert_contains(&r, "too large once unpacked");
    rig_send_bytes(&r, gz, packed / 2);
    assert_int_equal(r.reply.status, 400);
    r.request.endpoint = INTAKE_TRACK;
    rig_query(&r, "");
    rig_send_bytes(&r, big, n);
    rig_assert_reply(&r, 200, "0");
    r.request.user_agent = STR(RIG_UA);
    r.request.origin = STR("https://example.com");
    rig_send_bytes(&r, big, n);
    assert_int_equal(r.reply.status, 413);
    free(big);
    free(gz);
    rig_close(&r);
}

static void a_record_over_a_megabyte_fails_alone(void **state) {
    struct rig r;
    open_import(&r);
    size_t n = 1200 * 1024;
    char *body = malloc(n + 4096),
         *to = body + sprintf(body, GOOD "\n{\"event\":\"E\",\"properties\":{\"s\":\"");
    memset(to, 'x', n);
    sprintf(to + n, "\",\"time\":1795300000,\"distinct_id\":\"u\"}}\n" GOOD);
    rig_take(&r, body);
    assert_int_equal(r.frame.n_records, 2);
    rig_assert_contains(&r, "\"index\":1");
    rig_assert_contains(&r, "larger than 1 MB");
    to = body + sprintf(body, "[" GOOD ",{\"event\":\"E\",\"properties\":{\"s\":\"");
    memset(to, 'x', n);
    sprintf(to + n, "\",\"time\":1795300000,\"distinct_id\":\"u\"}}," GOOD "]");
    rig_take(&r, body);
    assert_int_equal(r.frame.n_records, 2);
    rig_assert_contains(&r, "larger than 1 MB");
    free(body);
    rig_close(&r);
}

static void densely_nested_bodies_are_refused_and_nothing_breaks(void **state) {
    struct rig r;
    open_import(&r);
    size_t n = 9u << 20;
    char *body = malloc(n + 1);
    const char *const units[] = {"[",     "{\"a\":",  "[],", "0,", "{},",
                                 "\"\",", "[[[[[[[[", "\\",  "\""};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t step = strlen(units[u]);
        body[0] = '[';
        for (size_t i = 1; i + step <= n; i += step)
            memcpy(body + i, units[u], step);
        rig_send_bytes(&r, body, n - step - 1);
        assert_true(r.reply.status == 400 || r.reply.status == 413);
    }
    free(body);
    rig_close(&r);
}

/* Short texts, each another: what grows most when sealed. */
static size_t put_many_texts(char *body, size_t cap, unsigned *next) {
    char *to = body + sprintf(body, "[");
    while ((size_t)(to - body) < cap - 600000) {
        to += sprintf(
            to, "%s{\"event\":\"E\",\"properties\":{\"time\":1795300000,\"distinct_id\":\"u\"",
            to == body + 1 ? "" : ",");
        for (int p = 0; p < 200; p++) {
            to += sprintf(to, ",\"p%d\":[\"\"", p);
            for (int i = 0; i < 250; i++)
                to += sprintf(to, ",\"%x\"", (*next)++);
            to += sprintf(to, "]");
        }
        to += sprintf(to, "}}");
    }
    return (size_t)(to - body) + (size_t)sprintf(to, "]");
}

static void a_request_whose_texts_fill_the_frame_loses_only_its_last_records(void **state) {
    struct rig r;
    open_import(&r);
    size_t cap = 10u << 20;
    unsigned next = 0x100000;
    char *body = malloc(cap);
    size_t n = put_many_texts(body, cap, &next);
    rig_send_bytes(&r, body, n);
    assert_int_equal(r.reply.status, 400);
    rig_assert_contains(&r, "the request holds too much text");
    assert_true(r.result.accepted > 5 && r.result.failed > 0);
    assert_false(r.result.must_abort);
    rig_send(&r, GOOD); /* the frame is full: another time */
    assert_int_equal(r.result.outcome, INTAKE_LATER);
    assert_false(r.result.must_abort);
    unsigned accepted = r.result.accepted;
    assert_int_equal(accepted, 0);
    rig_finish(&r);
    rig_send(&r, GOOD);
    assert_int_equal(r.reply.status, 200);
    free(body);
    rig_close(&r);
}

static void every_cut_of_a_good_body_is_survived(void **state) {
    static const char body[] =
        "[{\"event\":\"E\\u00e9\",\"properties\":{\"time\":1795300000.5,\"distinct_id\":\"u\","
        "\"l\":[1,{\"k\":[null]}],\"o\":{\"p\":\"q\"}}}]";
    struct rig r;
    char gz[512];
    open_import(&r);
    for (size_t n = 0; n < sizeof body; n++) {
        rig_send_bytes(&r, body, n);
        assert_int_equal(r.reply.status, n == sizeof body - 1 ? 200 : 400);
    }
    size_t packed = rig_gzip(body, sizeof body - 1, gz, sizeof gz);
    for (size_t n = 0; n < packed; n++) {
        rig_send_bytes(&r, gz, n);
        assert_int_equal(r.reply.status, 400);
    }
    rig_finish(&r);
    rig_close(&r);
}

static void nul_bytes_in_texts_are_kept(void **state) {
    struct rig r;
    struct cursor c;
    open_import(&r);
    rig_take(&r, "{\"event\":\"E\",\"properties\":{\"time\":1795300000,\"distinct_id\":\"u\",\"s\":"
                 "\"a\\u0000b\",\"n\\u0000m\":1}}");
    assert_int_equal(r.reply.status, 200);
    assert_int_equal(rig_event_prop(&r, 0, "s", &c), V_TEXT);
    struct str s = rig_text(&r, cursor_u32(&c));
    assert_true(str_eq(s, STR("a\0b")));
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_strict_import_is_answered_as_json),
        cmocka_unit_test(the_node_sdk_gets_the_one_byte_1),
        cmocka_unit_test(only_the_secret_a_key_the_token_or_the_operator_may_import),
        cmocka_unit_test(a_bad_line_fails_alone),
        cmocka_unit_test(a_pretty_printed_object_is_one_record),
        cmocka_unit_test(strict_import_names_the_field_and_the_reason),
        cmocka_unit_test(too_many_properties_fail_strictly_and_are_cut_otherwise),
        cmocka_unit_test(long_lists_and_names_fail_strictly_and_are_cut_otherwise),
        cmocka_unit_test(long_strings_are_cut_at_a_character),
        cmocka_unit_test(more_than_2000_records_are_refused_whole_but_not_from_the_operator),
        cmocka_unit_test(a_body_that_is_too_large_is_413_for_import_and_browsers),
        cmocka_unit_test(a_record_over_a_megabyte_fails_alone),
        cmocka_unit_test(densely_nested_bodies_are_refused_and_nothing_breaks),
        cmocka_unit_test(a_request_whose_texts_fill_the_frame_loses_only_its_last_records),
        cmocka_unit_test(every_cut_of_a_good_body_is_survived),
        cmocka_unit_test(nul_bytes_in_texts_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
