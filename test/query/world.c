/* world.c: see world.h. */
#include <stdio.h>
#include <stdlib.h>

#include "query/world.h"

/* ---- life ---- */

static struct str word(void *ctx, struct id128 hash) {
    struct world *w = ctx;
    for (size_t i = 0; i < w->n_texts; i++) {
        if (id128_eq(w->texts[i].hash, hash))
            return w->texts[i].readable ? w->texts[i].text : (struct str){0};
    }
    return (struct str){0};
}

static bool open_text(void *ctx, struct id128 hash, struct arena *a, struct str *out) {
    struct world *w = ctx;
    for (size_t i = 0; i < w->n_texts; i++) {
        if (id128_eq(w->texts[i].hash, hash)) *out = w->texts[i].text;
        if (id128_eq(w->texts[i].hash, hash)) return true;
    }
    return false;
}

static bool cohort_has(void *ctx, struct id128 person) {
    struct world *w = ctx;
    return id128_eq(person, seal_pseudonym(&w->keys, STR("ann")));
}

/* Cohort 7 is ann. */
static struct err cohort(void *ctx, int64_t id, bool (**has)(void *, struct id128 person),
                         void **has_ctx) {
    *has = cohort_has;
    *has_ctx = ctx;
    return id == 7 ? ERR_NONE : ERR(ERR_NOTFOUND, "cohort");
}

static struct err column(void *ctx, const struct query_column *how) {
    struct world *w = ctx;
    struct id128 key = how->groups ? how->group_key : (struct id128){{0}};
    for (size_t i = 0; i < w->n_profiles; i++) {
        struct world_profile *p = &w->profiles[i];
        if (!id128_eq(p->group_key, key)) continue;
        for (size_t k = 0; k < p->n; k++) {
            if (id128_eq(p->props[k].name, how->property))
                how->each(how->ctx, p->owner, &p->props[k].value);
        }
    }
    return ERR_NONE;
}

static struct err walk(void *ctx, const struct query_walk *how) {
    struct world *w = ctx;
    struct id128 key = how->groups ? how->group_key : (struct id128){{0}};
    bool more = true;
    for (size_t i = 0; i < w->n_profiles && more; i++) {
        struct world_profile *p = &w->profiles[i];
        bool wanted = how->only == NULL;
        for (size_t k = 0; k < how->n_only; k++)
            wanted |= id128_eq(how->only[k], p->owner);
        if (!wanted || !id128_eq(p->group_key, key)) continue;
        more = how->each(how->ctx, &(struct query_profile){p->owner, p->id, p->props, p->n});
    }
    return ERR_NONE;
}

struct world *world_new(const char *zone) {
    static const uint8_t root[32] = {7}, salt[32] = {9};
    struct world *w = calloc(1, sizeof *w);
    struct err e = seal_start();
    assert_non_null(w);
    if (e.code == ERR_OK) e = zone_open(str_z(zone), &w->zone);
    assert_int_equal(e.code, ERR_OK);
    seal_keys_derive(root, salt, 1, &w->keys);
    team_generate(&w->team);
    w->arena = arena_new(0);
    w->parser = json_parser_new(1u << 20);
    buf_init(&w->answer, 8u << 20);
    struct civil now = {.year = 2026, .month = 2, .day = 1};
    w->rights = (struct query_rights){.may_reveal = true};
    w->limits = (struct query_limits){
        .threads = 2, .memory_bytes = (size_t)256 << 20, .persons_per_slice = 1};
    w->q = (struct query_world){.project = 1,
                                .parts = w->parts,
                                .keys = &w->keys,
                                .zone = w->zone,
                                .now_us = zone_instant(w->zone, &now),
                                .aliases = w->aliases,
                                .word = word,
                                .open = open_text,
                                .words_ctx = w,
                                .profiles = {w, column, walk},
                                .cohort = cohort};
    return w;
}

void world_free(struct world *w) {
    for (size_t i = 0; i < w->q.n_parts; i++)
        part_unref(w->parts[i]);
    json_parser_free(w->parser);
    arena_free(w->arena);
    zone_free(w->zone);
    buf_done(&w->answer);
    free(w);
}

static const struct json *parse(struct world *w, const char *text) {
    const struct json *v = NULL;
    struct err e = json_parse_copy(w->parser, str_z(text), w->arena, &v);
    if (e.code != ERR_OK) fail_msg("not JSON (%s): %s", e.what, text);
    return v;
}

/* ---- texts ---- */

static void keep(struct world *w, struct id128 hash, struct str text, bool readable) {
    struct str seen;
    if (open_text(w, hash, w->arena, &seen)) return;
    assert_true(w->n_texts < 4096);
    w->texts[w->n_texts].hash = hash;
    w->texts[w->n_texts].text = arena_str(w->arena, text);
    w->texts[w->n_texts++].readable = readable;
}

static bool is_readable(struct str s) {
    return !str_starts(s, STR("secret"));
}

struct id128 world_hash(struct world *w, const char *property, const char *text) {
    return seal_hash(&w->keys, TEXT_VALUE, TEXT_STRING, str_z(property), str_z(text));
}

struct text {
    enum text_kind kind;
    enum text_type type;
    struct str path;     /* hashed with it */
    uint32_t path_index; /* in the frame */
    struct str value;
};

static uint32_t enter(struct world *w, struct frame_writer *f, const struct text *t) {
    struct id128 h = seal_hash(&w->keys, t->kind, t->type, t->path, t->value);
    uint32_t index = 0;
    if (frame_find_text(f, h, &index)) return index;
    bool readable = is_readable(t->value);
    struct frame_text ft = {.hash = h,
                            .kind = (uint8_t)t->kind,
                            .type = (uint8_t)t->type,
                            .state = readable ? FRAME_TEXT_READABLE : FRAME_TEXT_SEALED,
                            .path = t->path_index,
                            .bytes = t->value};
    struct err e = frame_add_text(f, &ft, &index);
    assert_int_equal(e.code, ERR_OK);
    keep(w, h, t->value, readable);
    return index;
}

/* ---- events ---- */

static void put_value(struct world *w, struct frame_writer *f, struct str path, uint32_t path_index,
                      const struct json *v) {
    struct text t = {TEXT_VALUE, TEXT_STRING, path, path_index,
                     v->type == JSON_STR ? v->s : v->raw};
    double d = 0;
    switch ((enum json_type)v->type) {
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        frame_put_simple(f, v->type == JSON_NULL   ? V_NULL
                            : v->type == JSON_TRUE ? V_TRUE
                                                   : V_FALSE);
        return;
    case JSON_STR:
        frame_put_text(f, enter(w, f, &t));
        return;
    case JSON_INT:
    case JSON_NUM:
        t.type = TEXT_INTEGER;
        if (v->raw.n >= 8)
            frame_put_text(f, enter(w, f, &t)); /* a long number is text */
        else if (json_number(v, &d))
            frame_put_number(f, d);
        return;
    case JSON_ARRAY:
        frame_put_list(f);
        for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c))
            put_value(w, f, path, path_index, c);
        frame_put_list_end(f);
        return;
    case JSON_OBJECT:
        if (json_get(v, "time_s")) /* a number that is a time */
            frame_put_time(f, json_get(v, "time_s")->i * US_PER_S);
        else
            frame_put_simple(f, V_EMPTY_OBJECT);
        return;
    case JSON_BIGINT:
        fail();
    }
}

static int64_t read_time(struct world *w, struct str s) {
    struct civil c = {0};
    char text[64];
    snprintf(text, sizeof text, STR_FMT, STR_ARG(s));
    int n =
        sscanf(text, "%d-%d-%dT%d:%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute, &c.second);
    assert_true(n >= 3);
    return zone_instant(w->zone, &c);
}

static void put_event(struct world *w, struct frame_writer *f, const struct json *row) {
    const struct json *person = json_first(row), *event = json_next(person),
                      *time = json_next(event);
    const struct json *props = row->n > 3 ? json_next(time) : NULL;
    struct frame_event e = {.person = seal_pseudonym(&w->keys, person->s),
                            .time_us = read_time(w, time->s)};
    e.sent_id = e.person;
    if (row->n > 4) {
        e.insert = (uint64_t)json_next(props)->i;
        e.sent_id = seal_pseudonym(&w->keys, STR("as sent"));
    }
    e.name = enter(w, f, &(struct text){TEXT_EVENT, TEXT_STRING, STR(""), FRAME_NO_PATH, event->s});
    frame_event_begin(f, &e);
    for (const struct json *p = props ? json_first(props) : NULL; p && p != json_end(props);
         p = json_next(p)) {
        uint32_t name =
            enter(w, f, &(struct text){TEXT_PROPERTY, TEXT_STRING, STR(""), FRAME_NO_PATH, p->key});
        frame_put_prop(f, name);
        put_value(w, f, p->key, name, p);
    }
    struct err err = frame_record_end(f);
    assert_int_equal(err.code, ERR_OK);
}

void world_part(struct world *w, const char *json) {
    struct frame_writer *f = frame_writer_new();
    struct part_builder *b = part_builder_new(1);
    const struct json *rows = parse(w, json);
    struct str bytes;
    struct frame frame;
    assert_true(f && b && w->q.n_parts < WORLD_MAX);
    frame_begin(f, 1, &w->team.pub, w->q.now_us);
    for (const struct json *r = json_first(rows); r != json_end(rows); r = json_next(r))
        put_event(w, f, r);
    struct err e = frame_finish(f, &bytes);
    if (e.code == ERR_OK) e = frame_parse(bytes, &frame);
    if (e.code == ERR_OK) e = part_builder_add(b, &frame);
    if (e.code == ERR_OK)
        e = part_build(b, w->q.n_parts, w->q.n_parts + 1, &w->parts[w->q.n_parts]);
    if (e.code != ERR_OK) fail_msg("%s", e.what);
    w->q.n_parts++;
    frame_done(&frame);
    part_builder_free(b);
    frame_writer_free(f);
}

void world_alias(struct world *w, const char *device, const char *person) {
    struct query_alias a = {seal_pseudonym(&w->keys, str_z(device)),
                            seal_pseudonym(&w->keys, str_z(person))};
    size_t at = w->q.n_aliases++;
    for (; at > 0 && id128_cmp(w->aliases[at - 1].device, a.device) > 0; at--)
        w->aliases[at] = w->aliases[at - 1];
    w->aliases[at] = a;
}

/* ---- profiles ---- */

static struct part_value profile_value(struct world *w, enum text_kind kind, struct str path,
                                       const struct json *v) {
    struct part_value out = {.type = PV_NULL};
    if (v->type == JSON_TRUE || v->type == JSON_FALSE)
        out.type = v->type == JSON_TRUE ? PV_TRUE : PV_FALSE;
    if (json_number(v, &out.number)) out.type = PV_NUMBER;
    if (v->type != JSON_STR) return out;
    out = (struct part_value){.type = PV_TEXT, .text_type = TEXT_STRING};
    out.hash = seal_hash(&w->keys, kind, TEXT_STRING, path, v->s);
    keep(w, out.hash, v->s, is_readable(v->s));
    return out;
}

static void add_profile(struct world *w, const struct world_profile *head, const char *key,
                        const char *json) {
    struct world_profile *p = &w->profiles[w->n_profiles];
    const struct json *v = parse(w, json);
    *p = *head;
    for (const struct json *m = json_first(v); m != json_end(v); m = json_next(m)) {
        struct query_profile_prop *prop = &p->props[p->n++];
        struct str path =
            key ? arena_printf(w->arena, "%s\x1f" STR_FMT, key, STR_ARG(m->key)) : m->key;
        prop->name = seal_hash(&w->keys, key ? TEXT_GROUP_PROPERTY : TEXT_USER_PROPERTY,
                               TEXT_STRING, str_z(key ? key : ""), m->key);
        keep(w, prop->name, m->key, is_readable(m->key));
        prop->value = profile_value(w, key ? TEXT_GROUP_VALUE : TEXT_USER_VALUE, path, m);
    }
    size_t at = w->n_profiles++;
    for (; at > 0 && id128_cmp(w->profiles[at - 1].owner, w->profiles[at].owner) > 0; at--) {
        struct world_profile t = w->profiles[at];
        w->profiles[at] = w->profiles[at - 1];
        w->profiles[at - 1] = t;
    }
}

void world_user(struct world *w, const char *person, const char *json) {
    struct world_profile p = {.owner = seal_pseudonym(&w->keys, str_z(person)),
                              .id = world_hash(w, "distinct_id", person)};
    keep(w, p.id, str_z(person), false);
    add_profile(w, &p, NULL, json);
}

void world_group(struct world *w, const char *key, const char *id, const char *json) {
    struct world_profile p = {
        .group_key = seal_hash(&w->keys, TEXT_GROUP_KEY, TEXT_STRING, STR(""), str_z(key))};
    keep(w, p.group_key, str_z(key), is_readable(str_z(key)));
    p.owner = p.id = world_hash(w, key, id);
    keep(w, p.id, str_z(id), is_readable(str_z(id)));
    add_profile(w, &p, key, json);
}

/* ---- asking ---- */

static struct err ask(struct world *w, const char *query) {
    AUTO(query_free) struct query *q = NULL;
    w->fault = (struct query_fault){0};
    w->used_literal = false;
    buf_clear(&w->answer);
    TRY(query_parse(parse(w, query), &q, &w->fault));
    struct query_outcome outcome;
    struct err e = query_run(q, &w->q, &w->rights, &w->limits, &w->answer, &outcome);
    w->fault = outcome.fault;
    w->used_literal = outcome.used_literal;
    return e;
}

/* Cuts what differs from run to run. */
static void cut(char *answer) {
    char *from = strstr(answer, ",\"scanned_events\":"),
         *to = from ? strpbrk(from + 1, ",}") : NULL;
    if (to) memmove(from, to, strlen(to) + 1);
    from = strstr(answer, ",\"elapsed_ms\":");
    if (from) strcpy(from, "}");
}

const char *world_ask(struct world *w, const char *query) {
    struct err e = ask(w, query);
    w->code = e.code;
    if (e.code != ERR_OK) return NULL;
    buf_put_char(&w->answer, 0);
    cut(w->answer.p);
    return w->answer.p;
}

void world_assert_answer(struct world *w, const char *query, const char *part, const char *file,
                         int line) {
    const char *answer = world_ask(w, query);
    if (answer && strstr(answer, part)) return;
    print_error("asked  %s\nwanted %s\ngot    %s\nfault  %s: %s\n", query, part,
                answer ? answer : "nothing", w->fault.field, w->fault.message);
    _fail(file, line);
}

void world_assert_fault(struct world *w, const char *query, int32_t code, const char *field,
                        const char *file, int line) {
    const char *answer = world_ask(w, query);
    if (!answer && w->code == code && strcmp(w->fault.field, field) == 0 && w->fault.message[0])
        return;
    print_error("asked  %s\nwanted a fault of %s\ngot    %s, fault at '%s': %s\n", query, field,
                answer ? answer : "nothing", w->fault.field, w->fault.message);
    _fail(file, line);
}
