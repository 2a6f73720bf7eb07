/* Names of properties under the crowd rule: nobody without the right to reveal learns from a clear
 * name whether it is among the sealed ones, wherever a question takes a name; everybody may use the
 * handles that answers show. */
#include <stdio.h>

#include "query/world.h"

#define RANGE "\"from\":\"2026-01-01\",\"to\":\"2026-01-31\""
#define QUESTIONS 13

static int set_up(void **state) {
    struct world *w = *state = world_new("UTC");
    world_part(w,
               "[[\"ann\",\"A\",\"2026-01-01\",{\"secret-p\":\"x\",\"secret-a.q\":5,\"seen\":1,"
               "\"secret-team\":\"blue\"}],[\"bob\",\"A\",\"2026-01-02\",{\"secret-p\":\"y\"}]]");
    world_user(w, "ann", "{\"secret-u\":\"x\",\"plan\":\"pro\"}");
    world_group(w, "secret-team", "blue", "{\"size\":10}");
    world_group(w, "company", "acme", "{\"secret-g\":1}");
    w->rights = (struct query_rights){0};
    return 0;
}

static int tear_down(void **state) {
    world_free(*state);
    return 0;
}

/* Every place that takes a property's name; %s is the name. */
static const char *const places[QUESTIONS][2] = {
    {"{\"project\":1,\"report\":\"insights\"," RANGE
     ",\"interval\":\"total\",\"metrics\":[{\"event\":\"A\",\"measure\":\"total\"}],"
     "\"breakdown\":[\"%s\"]}",
     "secret-p"},
    {"{\"project\":1,\"report\":\"insights\"," RANGE
     ",\"interval\":\"total\",\"metrics\":[{\"event\":\"A\",\"measure\":\"sum\",\"property\":\"%"
     "s\"}"
     "]}",
     "secret-a.q"},
    {"{\"project\":1,\"report\":\"insights\"," RANGE
     ",\"interval\":\"total\",\"metrics\":[{\"event\":\"A\",\"measure\":\"total\",\"filters\":[{"
     "\"property\":\"%s\",\"op\":\"set\"}]}]}",
     "secret-p"},
    {"{\"project\":1,\"report\":\"insights\"," RANGE
     ",\"interval\":\"total\",\"metrics\":[{\"event\":\"A\"}],\"filters\":[{\"property\":\"%s\","
     "\"op\":\"is\",\"value\":\"x\"}]}",
     "secret-p"},
    {"{\"project\":1,\"report\":\"insights\"," RANGE
     ",\"interval\":\"total\",\"metrics\":[{\"event\":\"A\"}],\"filters\":[{\"property\":\"%s\","
     "\"op\":\"not_contains\",\"value\":\"x\"}]}",
     "secret-p"},
    {"{\"project\":1,\"report\":\"insights\"," RANGE
     ",\"interval\":\"total\",\"metrics\":[{\"event\":\"A\"}],\"breakdown\":[{\"user\":\"%s\"}]}",
     "secret-u"},
    {"{\"project\":1,\"report\":\"insights\"," RANGE
     ",\"interval\":\"total\",\"metrics\":[{\"event\":\"A\"}],\"breakdown\":[{\"group\":\"%s\","
     "\"name\":\"size\"}]}",
     "secret-team"},
    {"{\"project\":1,\"report\":\"funnel\"," RANGE
     ",\"steps\":[{\"event\":\"A\"},{\"event\":\"A\"}],\"hold\":[\"%s\"]}",
     "secret-p"},
    {"{\"project\":1,\"report\":\"retention\"," RANGE
     ",\"interval\":\"week\",\"periods\":2,\"start\":{\"event\":\"A\",\"filters\":[{\"property\":"
     "\"%s\",\"op\":\"set\"}]},\"return\":{\"event\":\"A\"}}",
     "secret-p"},
    {"{\"project\":1,\"report\":\"users\",\"filters\":[{\"property\":\"%s\",\"op\":\"set\"}]}",
     "secret-u"},
    {"{\"project\":1,\"report\":\"groups\",\"group_key\":\"company\",\"filters\":[{\"property\":\"%"
     "s"
     "\",\"op\":\"set\"}]}",
     "secret-g"},
    {"{\"project\":1,\"report\":\"groups\",\"group_key\":\"%s\"}", "secret-team"},
    {"{\"project\":1,\"report\":\"events\"," RANGE
     ",\"filters\":[{\"property\":\"%s\",\"op\":\"set\"}]}",
     "secret-p"},
};

static void question(char out[1024], size_t place, const char *name) {
    const char *at = strstr(places[place][0], "%s");
    snprintf(out, 1024, "%.*s%s%s", (int)(at - places[place][0]), places[place][0], name, at + 2);
}

/* The answer to a name, with the name itself taken out of it. */
static void answer_to(struct world *w, size_t place, const char *name, char out[4096]) {
    char text[1024];
    question(text, place, name);
    const char *answer = world_ask(w, text), *at = answer ? strstr(answer, name) : NULL;
    if (at && strncmp(name, "sealed:", 7) == 0) at = NULL; /* a property of what is listed */
    if (!answer)
        snprintf(out, 4096, "%s %s", w->fault.code, w->fault.message);
    else if (at)
        snprintf(out, 4096, "%.*s%s", (int)(at - answer), answer, at + strlen(name));
    else
        snprintf(out, 4096, "%s", answer);
}

static void a_guess_of_a_name_answers_alike_on_hit_and_miss(void **state) {
    struct world *w = *state;
    char hit[4096], miss[4096];
    for (size_t i = 0; i < QUESTIONS; i++) {
        answer_to(w, i, places[i][1], hit);
        assert_false(w->used_literal);
        answer_to(w, i, "secret-nobody-has", miss);
        assert_string_equal(hit, miss);
    }
}

static void with_the_right_a_name_is_found_and_its_use_is_noted(void **state) {
    struct world *w = *state;
    char hit[4096], miss[4096];
    w->rights.may_reveal = true;
    for (size_t i = 0; i < QUESTIONS; i++) {
        answer_to(w, i, places[i][1], hit);
        assert_true(w->used_literal);
        answer_to(w, i, "secret-nobody-has", miss);
        assert_true(w->used_literal);
        if (strcmp(hit, miss) == 0) fail_msg("place %zu: the name is not found", i);
    }
    assert_non_null(world_ask(w, "{\"project\":1,\"report\":\"events\"," RANGE
                                 ",\"filters\":[{\"property\":\"seen\",\"op\":\"set\"}]}"));
    assert_false(w->used_literal);
}

static void handle_of(struct world *w, enum text_kind kind, const char *group, const char *name,
                      char out[48]) {
    struct id128 h = seal_handle(&w->keys, HANDLE_TEXT,
                                 seal_hash(&w->keys, kind, TEXT_STRING, str_z(group), str_z(name)));
    char hex[32];
    str_to_hex(h.b, sizeof h.b, hex);
    snprintf(out, 48, "sealed:%.32s", hex);
}

static void a_name_may_be_asked_by_its_handle(void **state) {
    struct world *w = *state;
    static const struct {
        size_t place;
        enum text_kind kind;
        const char *group;
    } by[] = {{0, TEXT_PROPERTY, ""},      {1, TEXT_PROPERTY, ""},
              {2, TEXT_PROPERTY, ""},      {5, TEXT_USER_PROPERTY, ""},
              {7, TEXT_PROPERTY, ""},      {8, TEXT_PROPERTY, ""},
              {9, TEXT_USER_PROPERTY, ""}, {10, TEXT_GROUP_PROPERTY, "company"},
              {12, TEXT_PROPERTY, ""}};
    char handle[48], answer[4096], clear[4096];
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        w->rights.may_reveal = true;
        answer_to(w, by[i].place, places[by[i].place][1], clear);
        w->rights.may_reveal = false;
        handle_of(w, by[i].kind, by[i].group, places[by[i].place][1], handle);
        answer_to(w, by[i].place, handle, answer);
        assert_false(w->used_literal);
        assert_string_equal(answer, clear);
    }
}

static void values_of_a_name_by_handle_are_asked_by_handle(void **state) {
    struct world *w = *state;
    char handle[48], text[1024];
    handle_of(w, TEXT_PROPERTY, "", "secret-p", handle);
    question(text, 3, handle);
    assert_fault(w, text, ERR_INVALID, "filters[0]");
}

static void values_by_name_follow_the_same_rule(void **state) {
    struct world *w = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1u << 20);
    char handle[48];
    handle_of(w, TEXT_PROPERTY, "", "secret-p", handle);
    const char *names[] = {"secret-p", "secret-nobody-has", handle, "secret-p"};
    const char *want[] = {"{\"values\":[]}", "{\"values\":[]}", "{\"values\":[\"x\",\"y\"]}",
                          "{\"values\":[\"x\",\"y\"]}"};
    for (size_t i = 0; i < 4; i++) {
        bool used = false;
        const struct query_values_of of = {str_z(names[i]), 10};
        w->rights.may_reveal = i == 3;
        buf_clear(&b);
        assert_int_equal(query_values(&w->q, &w->rights, &of, &b, &used).code, ERR_OK);
        buf_put_char(&b, 0);
        assert_string_equal(b.p, want[i]);
        assert_int_equal(used, i == 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_guess_of_a_name_answers_alike_on_hit_and_miss, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(with_the_right_a_name_is_found_and_its_use_is_noted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_name_may_be_asked_by_its_handle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_of_a_name_by_handle_are_asked_by_handle, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(values_by_name_follow_the_same_rule, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
