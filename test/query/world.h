/* world.h: worlds for the engine's tests, written as JSON and put into parts by hand: no intake, so
 * that a test says exactly what a part holds. A text that begins with "secret" is sealed, all
 * others are readable. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query/query.h"

#define WORLD_MAX 64

struct world_profile {
    struct id128 group_key, owner, id;
    struct query_profile_prop props[16];
    size_t n;
};
struct world {
    struct query_world q;
    struct query_rights rights;
    struct query_limits limits;
    struct seal_keys keys;
    struct team_secret team;
    struct zone *zone;
    struct arena *arena;
    struct json_parser *parser;
    struct part *parts[WORLD_MAX];
    struct query_alias aliases[WORLD_MAX];
    struct world_profile profiles[WORLD_MAX];
    size_t n_profiles;
    struct {
        struct id128 hash;
        struct str text;
        bool readable;
    } texts[4096];
    size_t n_texts;
    bool used_literal;
    struct query_fault fault;
    int32_t code; /* of the last question */
    struct buf answer;
};

/* A world of UTC at 2026-02-01T00:00:00Z (or another zone). */
struct world *world_new(const char *zone);
void world_free(struct world *w);
/* One part: a list of [person, event, "2026-01-01T10:00:00", {properties}] with, as a fifth, the
 * insert number. Times are of the world's zone. */
void world_part(struct world *w, const char *json);
/* The device's rows belong to the person. */
void world_alias(struct world *w, const char *device, const char *person);
void world_user(struct world *w, const char *person, const char *json);
void world_group(struct world *w, const char *key, const char *id, const char *json);
struct id128 world_hash(struct world *w, const char *property, const char *text);

/* Asks; the answer without scanned_events and elapsed_ms, NUL-terminated, until the next question.
 * NULL: it failed. */
const char *world_ask(struct world *w, const char *query);
/* world_ask must succeed with an answer that holds `part` as it stands. */
#define assert_answer(w, query, part) world_assert_answer(w, query, part, __FILE__, __LINE__)
void world_assert_answer(struct world *w, const char *query, const char *part, const char *file,
                         int line);
/* It must fail with this code and field. */
#define assert_fault(w, query, code, field)                                                        \
    world_assert_fault(w, query, code, field, __FILE__, __LINE__)
void world_assert_fault(struct world *w, const char *query, int32_t code, const char *field,
                        const char *file, int line);
