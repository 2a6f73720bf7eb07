/* The team's key: its files, its wrapped file, its recovery code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seal/wrapped.h"

#define PASSPHRASE STR("correct horse battery staple")

struct world {
    char folder[64];
    char path[96];
    struct team_secret team;
    struct buf wrapped;
    char code[RECOVERY_CODE_CHARS];
};

static int world_make(void **state) {
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->folder, "/tmp/weir-team-XXXXXX");
    if (!mkdtemp(w->folder)) return 1;
    path_join(w->path, sizeof w->path, w->folder, "file");
    team_generate(&w->team);
    buf_init(&w->wrapped, SEAL_WRAPPED_MAX_BYTES);
    *state = w;
    return team_secret_wrap(&w->team, PASSPHRASE, w->code, &w->wrapped).code;
}

static int world_free(void **state) {
    struct world *w = *state;
    unlink(w->path);
    rmdir(w->folder);
    buf_done(&w->wrapped);
    free(w);
    return 0;
}

static void put_file(const struct world *w, const char *text) {
    assert_int_equal(io_replace_file(w->path, str_z(text), 0600).code, ERR_OK);
}

static void a_key_file_reads_back_and_is_for_its_owner_alone(void **state) {
    const struct world *w = *state;
    struct team_secret t;
    struct stat s;
    assert_int_equal(team_secret_write(w->path, &w->team).code, ERR_OK);
    assert_int_equal(stat(w->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
    assert_int_equal(team_secret_read(w->path, &t).code, ERR_OK);
    assert_memory_equal(&t, &w->team, sizeof t);
}

static void a_public_file_reads_back_and_is_no_secret_file(void **state) {
    const struct world *w = *state;
    struct team_public p;
    struct team_secret t;
    assert_int_equal(team_public_write(w->path, &w->team.pub).code, ERR_OK);
    assert_int_equal(team_public_read(w->path, &p).code, ERR_OK);
    assert_memory_equal(&p, &w->team.pub, sizeof p);
    assert_int_equal(team_secret_read(w->path, &t).code, ERR_CORRUPT);
}

static void broken_key_files_are_refused(void **state) {
    const struct world *w = *state;
    static const char *const broken[] = {
        "",
        "weir-team-public 1",
        "weir-team-public 1\n12\n",
        "weir-team-public 2\n",
        /* points of low order: zero, one */
        "weir-team-public 1\n0000000000000000000000000000000000000000000000000000000000000000\n",
        "weir-team-public 1\n0100000000000000000000000000000000000000000000000000000000000000\n",
        "weir-team-public 1\nzz00000000000000000000000000000000000000000000000000000000000000\n",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct team_public p;
        put_file(w, broken[i]);
        assert_int_equal(team_public_read(w->path, &p).code, ERR_CORRUPT);
    }
    struct team_public p;
    unlink(w->path);
    assert_int_equal(team_public_read(w->path, &p).code, ERR_NOTFOUND);
}

static void the_passphrase_opens_and_a_wrong_one_does_not(void **state) {
    const struct world *w = *state;
    struct team_secret t;
    assert_int_equal(team_secret_unwrap(buf_str(&w->wrapped), PASSPHRASE, &t).code, ERR_OK);
    assert_memory_equal(&t, &w->team, sizeof t);
    struct err e = team_secret_unwrap(buf_str(&w->wrapped), STR("correct horse"), &t);
    assert_int_equal(e.code, ERR_DENIED);
}

/* As a person types it: small letters, spaces, the letters that look like digits. */
static void the_recovery_code_opens_however_it_is_typed(void **state) {
    const struct world *w = *state;
    struct team_secret t;
    assert_int_equal(team_secret_unwrap(buf_str(&w->wrapped), str_z(w->code), &t).code, ERR_OK);
    assert_memory_equal(&t, &w->team, sizeof t);

    char typed[3 * RECOVERY_CODE_CHARS] = "  ";
    size_t n = 2;
    for (const char *c = w->code; *c; c++) {
        char small = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        if (small == '0') small = 'o';
        if (small == '1') small = n % 2 ? 'l' : 'I';
        typed[n++] = small;
        if (*c == '-') typed[n - 1] = ' ';
    }
    typed[n++] = '\n';
    assert_int_equal(team_secret_unwrap(buf_str(&w->wrapped), (struct str){typed, n}, &t).code,
                     ERR_OK);
}

static void a_code_has_eight_groups_of_five(void **state) {
    const struct world *w = *state;
    assert_int_equal(strlen(w->code), 47);
    for (size_t i = 0; i < 47; i++)
        assert_true(i % 6 == 5 ? w->code[i] == '-' : w->code[i] != '-' && w->code[i] != 'U');
}

static void one_wrong_character_or_a_swap_is_noticed(void **state) {
    const struct world *w = *state;
    char symbols[SEAL_CODE_SYMBOLS];
    for (size_t i = 0; i < 47; i++) {
        char code[RECOVERY_CODE_CHARS];
        memcpy(code, w->code, sizeof code);
        if (code[i] == '-') continue;
        code[i] = code[i] == '7' ? '8' : '7';
        assert_false(seal_code_read(str_z(code), symbols));
        memcpy(code, w->code, sizeof code);
        size_t j = code[i + 1] == '-' ? i + 2 : i + 1;
        if (j >= 47 || code[i] == code[j]) continue;
        char held = code[i];
        code[i] = code[j];
        code[j] = held;
        assert_false(seal_code_read(str_z(code), symbols));
    }
}

static void another_code_does_not_open(void **state) {
    const struct world *w = *state;
    struct seal_wrapped file;
    struct team_secret t;
    char code[RECOVERY_CODE_CHARS], symbols[SEAL_CODE_SYMBOLS];
    assert_int_equal(seal_wrapped_parse(buf_str(&w->wrapped), &file).code, ERR_OK);
    for (int i = 0; i < 100; i++) {
        seal_code_draw(code);
        assert_true(seal_code_read(str_z(code), symbols));
        struct err e =
            seal_wrapped_try(&file, SEAL_WAY_RECOVERY, (struct str){symbols, sizeof symbols}, &t);
        assert_int_equal(e.code, ERR_DENIED);
    }
}

/* A cheaper slot would make guessing cheap; a slot of another team would open the wrong key. */
static void a_slots_cost_salt_and_team_are_authenticated(void **state) {
    const struct world *w = *state;
    struct seal_wrapped file, changed;
    struct team_secret t, other;
    team_generate(&other);
    char symbols[SEAL_CODE_SYMBOLS];
    assert_true(seal_code_read(str_z(w->code), symbols));
    struct str code = {symbols, sizeof symbols};
    assert_int_equal(seal_wrapped_parse(buf_str(&w->wrapped), &file).code, ERR_OK);
    assert_int_equal(seal_wrapped_try(&file, SEAL_WAY_RECOVERY, code, &t).code, ERR_OK);
    changed = file;
    changed.slots[1].ops = 1;
    assert_int_equal(seal_wrapped_try(&changed, SEAL_WAY_RECOVERY, code, &t).code, ERR_DENIED);
    changed = file;
    changed.slots[1].salt[0] ^= 1;
    assert_int_equal(seal_wrapped_try(&changed, SEAL_WAY_RECOVERY, code, &t).code, ERR_DENIED);
    changed = file;
    changed.pub = other.pub;
    assert_int_equal(seal_wrapped_try(&changed, SEAL_WAY_RECOVERY, code, &t).code, ERR_DENIED);
}

static void the_wrapped_file_shows_no_secret(void **state) {
    const struct world *w = *state;
    char hex[64];
    str_to_hex(w->team.key, 32, hex);
    assert_false(str_contains(buf_str(&w->wrapped), (struct str){hex, 16}));
    assert_false(str_contains(buf_str(&w->wrapped), STR("horse")));
    assert_false(str_contains(buf_str(&w->wrapped), (struct str){w->code, 5}));
}

static void a_wrapped_file_cut_anywhere_is_refused(void **state) {
    const struct world *w = *state;
    struct seal_wrapped file;
    for (size_t n = 0; n + 2 < w->wrapped.n; n++) {
        struct str cut = {w->wrapped.p, n};
        assert_int_equal(seal_wrapped_parse(cut, &file).code, ERR_CORRUPT);
    }
}

static int parse_code(const char *pub, const char *id, const char *members, const char *slots) {
    char text[2048];
    struct seal_wrapped file;
    int n = snprintf(text, sizeof text,
                     "{\"weir_team\":1,\"key_id\":\"%s\",\"public\":\"%s\"%s,\"slots\":[%s]}", id,
                     pub, members, slots);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return seal_wrapped_parse((struct str){text, (size_t)n}, &file).code;
}

static void foreign_members_and_ways_are_skipped_and_doubles_refused(void **state) {
    const struct world *w = *state;
    char pub[65] = {0}, id[17];
    str_to_hex(w->team.pub.key, 32, pub);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)w->team.pub.id);
    const char *later = "{\"way\":\"passkey\",\"x\":\"y\"}";
    assert_int_equal(parse_code(pub, id, "", later), ERR_OK);
    assert_int_equal(parse_code(pub, id, "", ""), ERR_OK);
    assert_int_equal(parse_code(pub, id, "", ","), ERR_CORRUPT);
    assert_int_equal(parse_code(pub, id, ",\"made\":\"2026\",\"n\":3", later), ERR_OK);
    assert_int_equal(parse_code(pub, id, ",\"weir_team\":1", later), ERR_CORRUPT);
    assert_int_equal(parse_code(pub, id, ",\"x\":\"\\n\"", later), ERR_CORRUPT);
    assert_int_equal(parse_code(pub, id, ",\"x\":{}", later), ERR_CORRUPT);
    assert_int_equal(parse_code(pub, id, ",\"x\":01", later), ERR_CORRUPT);
    assert_int_equal(parse_code(pub, id, ",\"x\":-1", later), ERR_CORRUPT);
    assert_int_equal(parse_code(pub, id, "", "{\"way\":\"recovery\",\"kdf\":\"blake2b\"}"),
                     ERR_CORRUPT);
    assert_int_equal(parse_code(pub, "0000000000000000", "", later), ERR_CORRUPT);
    assert_int_equal(parse_code("00", id, "", later), ERR_CORRUPT);
}

static void a_slot_that_asks_for_too_much_is_refused(void **state) {
    const struct world *w = *state;
    struct seal_wrapped file;
    AUTO(buf_done) struct buf b;
    buf_init(&b, SEAL_WRAPPED_MAX_BYTES);
    assert_int_equal(seal_wrapped_parse(buf_str(&w->wrapped), &file).code, ERR_OK);
    file.slots[0].mem_bytes = SEAL_WRAPPED_MAX_MEM + 1;
    seal_wrapped_print(&file, &b);
    assert_int_equal(seal_wrapped_parse(buf_str(&b), &file).code, ERR_CORRUPT);
}

static void an_empty_passphrase_is_not_one(void **state) {
    const struct world *w = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, SEAL_WRAPPED_MAX_BYTES);
    char code[RECOVERY_CODE_CHARS];
    assert_int_equal(team_secret_wrap(&w->team, STR(""), code, &b).code, ERR_INVALID);
    assert_int_equal(b.n, 0);
}

int main(void) {
    if (seal_start().code != ERR_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_file_reads_back_and_is_for_its_owner_alone),
        cmocka_unit_test(a_public_file_reads_back_and_is_no_secret_file),
        cmocka_unit_test(broken_key_files_are_refused),
        cmocka_unit_test(the_passphrase_opens_and_a_wrong_one_does_not),
        cmocka_unit_test(the_recovery_code_opens_however_it_is_typed),
        cmocka_unit_test(a_code_has_eight_groups_of_five),
        cmocka_unit_test(one_wrong_character_or_a_swap_is_noticed),
        cmocka_unit_test(another_code_does_not_open),
        cmocka_unit_test(a_slots_cost_salt_and_team_are_authenticated),
        cmocka_unit_test(the_wrapped_file_shows_no_secret),
        cmocka_unit_test(a_wrapped_file_cut_anywhere_is_refused),
        cmocka_unit_test(foreign_members_and_ways_are_skipped_and_doubles_refused),
        cmocka_unit_test(a_slot_that_asks_for_too_much_is_refused),
        cmocka_unit_test(an_empty_passphrase_is_not_one),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
