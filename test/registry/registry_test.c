/* The front's file of projects: what console wrote is what front reads, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/registry.h"

#define PROJECTS 50

struct world {
    char folder[64];
    char path[96];
    struct registry_project projects[PROJECTS];
    struct registry r;
    struct id128 ids[3];
};

static void project_fill(struct world *w, size_t i) {
    struct registry_project *p = &w->projects[i];
    char secret[32];
    uint8_t root[32] = {1}, salt[32] = {(uint8_t)i, 1};
    p->id = 10 * i + 1;
    snprintf(p->token, sizeof p->token, "token%zu", i);
    snprintf(secret, sizeof secret, "secret%zu", i);
    seal_secret_hash(str_z(secret), p->secret_hash);
    p->crowd = 10 + (uint32_t)i;
    p->test = i == 3;
    p->quota_per_minute = 1000;
    strcpy(p->timezone, "Europe/Berlin");
    seal_keys_derive(root, salt, p->id, &p->keys);
    p->published = (struct id128_list){w->ids, 3};
    p->identities = (struct id128_list){w->ids, 1};
    p->origins = STR("https://a.example\n");
}

static int world_make(void **state) {
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->folder, "/tmp/weir-registry-XXXXXX");
    if (!mkdtemp(w->folder)) return 1;
    path_join(w->path, sizeof w->path, w->folder, "registry");
    w->ids[0].b[0] = 3;
    w->ids[1].b[0] = 1;
    w->ids[2].b[0] = 3; /* unsorted, doubled: the writer tidies */
    for (size_t i = 0; i < PROJECTS; i++)
        project_fill(w, i);
    struct team_secret team;
    team_generate(&team);
    w->r = (struct registry){
        .generation = 99, .team = team.pub, .projects = w->projects, .n_projects = PROJECTS};
    *state = w;
    return registry_write(w->path, &w->r).code;
}

static int world_free(void **state) {
    struct world *w = *state;
    unlink(w->path);
    rmdir(w->folder);
    free(w);
    return 0;
}

static void what_was_written_is_read(void **state) {
    struct world *w = *state;
    AUTO(registry_free) struct registry *r = NULL;
    assert_int_equal(registry_read(w->path, &r).code, ERR_OK);
    assert_int_equal(r->generation, 99);
    assert_memory_equal(&r->team, &w->r.team, sizeof r->team);
    assert_int_equal(r->n_projects, PROJECTS);
    for (size_t i = 0; i < PROJECTS; i++) {
        const struct registry_project *a = &w->projects[i], *b = &r->projects[i];
        assert_int_equal(a->id, b->id);
        assert_string_equal(a->token, b->token);
        assert_memory_equal(a->secret_hash, b->secret_hash, 32);
        assert_int_equal(a->crowd, b->crowd);
        assert_int_equal(a->test, b->test);
        assert_int_equal(a->quota_per_minute, b->quota_per_minute);
        assert_string_equal(a->timezone, b->timezone);
        assert_int_equal(b->keys.project, a->id);
        assert_memory_equal(a->keys.pseudonym, b->keys.pseudonym, 32);
        assert_memory_equal(a->keys.hash, b->keys.hash, 16);
        assert_memory_equal(a->keys.count, b->keys.count, 16);
        assert_true(str_eq(a->origins, b->origins));
    }
}

static void the_view_key_never_reaches_the_file(void **state) {
    struct world *w = *state;
    static const uint8_t zero[32];
    AUTO(registry_free) struct registry *r = NULL;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(registry_read(w->path, &r).code, ERR_OK);
    assert_int_equal(io_read_file(w->path, (1 << 20) - 1, &b).code, ERR_OK);
    for (size_t i = 0; i < PROJECTS; i++) {
        assert_memory_equal(r->projects[i].keys.view, zero, 32);
        assert_memory_not_equal(w->projects[i].keys.view, zero, 32);
        struct str view = {(const char *)w->projects[i].keys.view, 32};
        assert_false(str_contains(buf_str(&b), view));
    }
}

static void lists_come_sorted_and_without_doubles(void **state) {
    struct world *w = *state;
    AUTO(registry_free) struct registry *r = NULL;
    assert_int_equal(registry_read(w->path, &r).code, ERR_OK);
    const struct id128_list *l = &r->projects[0].published;
    assert_int_equal(l->n, 2);
    assert_true(id128_list_has(l, w->ids[0]) && id128_list_has(l, w->ids[1]));
    assert_false(id128_list_has(l, (struct id128){{2}}));
    assert_false(id128_list_has(&r->projects[0].measures, w->ids[0]));
    assert_true(id128_list_has(&r->projects[0].identities, w->ids[0]));
}

static void projects_are_found_by_token_id_and_secret(void **state) {
    struct world *w = *state;
    AUTO(registry_free) struct registry *r = NULL;
    assert_int_equal(registry_read(w->path, &r).code, ERR_OK);
    const struct registry *both[] = {r, &w->r}; /* with an index and without */
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < PROJECTS; i++) {
            char token[32], secret[32];
            snprintf(token, sizeof token, "token%zu", i);
            snprintf(secret, sizeof secret, "secret%zu", i);
            const struct registry_project *p = &both[k]->projects[i];
            assert_ptr_equal(registry_by_token(both[k], str_z(token)), p);
            assert_ptr_equal(registry_by_secret(both[k], str_z(secret)), p);
            assert_ptr_equal(registry_by_id(both[k], 10 * i + 1), p);
        }
        assert_null(registry_by_token(both[k], STR("token")));
        assert_null(registry_by_token(both[k], STR("token0 ")));
        assert_null(registry_by_token(both[k], (struct str){"token0\0x", 8}));
        assert_null(registry_by_token(both[k], (struct str){"token0\0", 7}));
        assert_null(registry_by_token(both[k], STR("")));
        assert_null(registry_by_secret(both[k], STR("")));
        assert_null(registry_by_secret(both[k], STR("secret")));
        assert_null(registry_by_id(both[k], 2));
        assert_null(registry_by_id(both[k], 0));
        assert_null(registry_by_id(both[k], UINT64_MAX));
    }
}

static void a_key_sends_to_its_own_project_only(void **state) {
    struct world *w = *state;
    AUTO(registry_free) struct registry *r = NULL;
    uint8_t hash[2][SEAL_SECRET_HASH_BYTES];
    seal_secret_hash(STR("key one"), hash[0]);
    seal_secret_hash(STR("key two"), hash[1]);
    struct id128 ids[2] = {registry_sender_id(hash[0]), registry_sender_id(hash[1])};
    w->projects[2].senders = (struct id128_list){ids, 2};
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_OK);
    w->projects[2].senders = (struct id128_list){0};
    assert_int_equal(registry_read(w->path, &r).code, ERR_OK);
    const struct registry_project *p = &r->projects[2];
    assert_ptr_equal(registry_by_sender(r, 21, STR("key one")), p);
    assert_ptr_equal(registry_by_sender(r, 0, STR("key two")), p);
    assert_null(registry_by_sender(r, 31, STR("key one")));
    assert_null(registry_by_sender(r, 22, STR("key one")));
    assert_null(registry_by_sender(r, 21, STR("key three")));
    assert_null(registry_by_sender(r, 0, STR("secret2")));
    assert_null(registry_by_sender(r, 0, STR("")));
    assert_null(registry_by_secret(r, STR("key one")));
}

static void a_token_of_any_length_is_looked_up_safely(void **state) {
    struct world *w = *state;
    AUTO(registry_free) struct registry *r = NULL;
    assert_int_equal(registry_read(w->path, &r).code, ERR_OK);
    char long_token[1000];
    memset(long_token, 't', sizeof long_token);
    for (size_t n = 0; n <= sizeof long_token; n++) {
        assert_null(registry_by_token(r, (struct str){long_token, n}));
        assert_null(registry_by_token(&w->r, (struct str){long_token, n}));
    }
}

static void a_file_cut_or_flipped_anywhere_is_refused(void **state) {
    struct world *w = *state;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1 << 20);
    w->r.n_projects = 2;
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_OK);
    w->r.n_projects = PROJECTS;
    assert_int_equal(io_read_file(w->path, (1 << 20) - 1, &b).code, ERR_OK);
    for (size_t i = 0; i < b.n; i++) {
        struct registry *r = NULL;
        assert_int_equal(registry_parse((struct str){b.p, i}, &r).code, ERR_CORRUPT);
        b.p[i] ^= 0x10;
        assert_int_equal(registry_parse(buf_str(&b), &r).code, ERR_CORRUPT);
        b.p[i] ^= 0x10;
        assert_null(r);
    }
}

/* With a right checksum too: every byte to several values either fails or gives a registry that can
 * be written again. */
static void a_resealed_file_is_refused_or_whole(void **state) {
    struct world *w = *state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1 << 20);
    w->r.n_projects = 2;
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_OK);
    w->r.n_projects = PROJECTS;
    assert_int_equal(io_read_file(w->path, (1 << 20) - 1, &b).code, ERR_OK);
    for (size_t i = 0; i < 3 * (b.n - 8); i++) {
        AUTO(registry_free) struct registry *r = NULL;
        b.p[i / 3] ^= (char)masks[i % 3];
        uint64_t sum = checksum64(b.p, b.n - 8);
        memcpy(b.p + b.n - 8, &sum, 8);
        struct err e = registry_parse(buf_str(&b), &r);
        if (e.code == ERR_OK)
            assert_non_null(registry_by_token(r, str_z(r->projects[0].token)));
        else
            assert_int_equal(e.code, ERR_CORRUPT);
        b.p[i / 3] ^= (char)masks[i % 3];
    }
}

static void what_the_reader_would_refuse_is_not_written(void **state) {
    struct world *w = *state;
    struct registry_project saved = w->projects[7];
    struct registry_project *p = &w->projects[7];
    strcpy(p->token, "token8");
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_INVALID);
    *p = saved;
    p->token[0] = '\0';
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_INVALID);
    *p = saved;
    p->crowd = 1;
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_INVALID);
    *p = saved;
    p->id = w->projects[6].id;
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_INVALID);
    *p = saved;
    p->published.n = REGISTRY_MAX_LIST + 1;
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_INVALID);
    *p = saved;
    struct registry no_team = w->r;
    memset(&no_team.team, 0, sizeof no_team.team);
    assert_int_equal(registry_write(w->path, &no_team).code, ERR_INVALID);
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_OK);
}

static void a_registry_without_projects_is_one(void **state) {
    struct world *w = *state;
    struct registry empty = {.team = w->r.team};
    AUTO(registry_free) struct registry *r = NULL;
    assert_int_equal(registry_write(w->path, &empty).code, ERR_OK);
    assert_int_equal(registry_read(w->path, &r).code, ERR_OK);
    assert_int_equal(r->n_projects, 0);
    assert_null(registry_by_token(r, STR("x")));
}

static void a_missing_file_is_not_found_and_a_written_one_private(void **state) {
    struct world *w = *state;
    struct registry *r = NULL;
    struct stat s;
    unlink(w->path);
    assert_int_equal(registry_read(w->path, &r).code, ERR_NOTFOUND);
    assert_int_equal(registry_write(w->path, &w->r).code, ERR_OK);
    assert_int_equal(stat(w->path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
}

static bool allowed(const char *list, const char *origin) {
    struct registry_project p = {.origins = str_z(list)};
    return registry_origin_allowed(&p, str_z(origin));
}

static void origins_are_held_to_their_list(void **state) {
    assert_true(allowed("", "https://any.example"));
    assert_true(allowed("\n \n", "https://any.example"));
    assert_true(allowed("https://a.example\nhttps://b.example", "https://b.example"));
    assert_true(allowed("https://a.example/\r\n", "https://A.example"));
    assert_false(allowed("https://a.example", "https://b.example"));
    assert_false(allowed("https://a.example", "http://a.example"));
    assert_false(allowed("https://a.example", "https://a.example.evil"));
    assert_false(allowed("https://a.example", "null"));
    assert_true(allowed("https://a.example", ""));
}

static void a_star_stands_for_subdomains_only(void **state) {
    const char *list = "https://*.a.example";
    assert_true(allowed(list, "https://x.a.example"));
    assert_true(allowed(list, "https://x.y.A.example"));
    assert_false(allowed(list, "https://a.example"));
    assert_false(allowed(list, "https://.a.example"));
    assert_false(allowed(list, "https://evila.example"));
    assert_false(allowed(list, "http://x.a.example"));
    assert_false(allowed("*", "https://x.a.example"));
    assert_false(allowed("https://*", "https://x.a.example"));
    assert_false(allowed("https://x.*.example", "https://x.a.example"));
}

int main(void) {
    if (seal_start().code != ERR_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_view_key_never_reaches_the_file),
        cmocka_unit_test(lists_come_sorted_and_without_doubles),
        cmocka_unit_test(projects_are_found_by_token_id_and_secret),
        cmocka_unit_test(a_key_sends_to_its_own_project_only),
        cmocka_unit_test(a_token_of_any_length_is_looked_up_safely),
        cmocka_unit_test(a_file_cut_or_flipped_anywhere_is_refused),
        cmocka_unit_test(a_resealed_file_is_refused_or_whole),
        cmocka_unit_test(what_the_reader_would_refuse_is_not_written),
        cmocka_unit_test(a_registry_without_projects_is_one),
        cmocka_unit_test(a_missing_file_is_not_found_and_a_written_one_private),
        cmocka_unit_test(origins_are_held_to_their_list),
        cmocka_unit_test(a_star_stands_for_subdomains_only),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
