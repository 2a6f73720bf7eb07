/* world_build.c: JSON of a world -> intake -> frames -> parts, words, devices, profiles. With crowd
 * 0 every text is sealed by the rule and then opened with the team's key, so that the world is
 * wholly readable without the limits of a test project. */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define BODY_BYTES (32u << 20)
#define SEALED_K 1000
#define AHEAD_US (4000 * US_PER_DAY)

void *world_grow(void *array, size_t *cap, size_t n, size_t each) {
    if (n < *cap) return array;
    *cap = *cap ? *cap * 2 : 64;
    void *p = realloc(array, *cap * each);
    if (!p) abort();
    return p;
}

/* ---- words ---- */

static void add_text(struct world *w, struct id128 hash, struct str text, bool readable) {
    w->texts = world_grow(w->texts, &w->texts_cap, w->n_texts, sizeof *w->texts);
    w->texts[w->n_texts++] = (struct world_text){hash, arena_str(w->arena, text), readable};
}

static struct err read_texts(struct world *w, const struct frame *f) {
    uint8_t key[32];
    if (f->box) TRY(seal_open_box(f->box, &w->team, w->keys.project, f->id, key));
    for (uint32_t i = 0; i < f->n_texts; i++) {
        const struct frame_text *t = &f->texts[i];
        if (t->state == FRAME_TEXT_READABLE) add_text(w, t->hash, t->bytes, true);
        if (t->state != FRAME_TEXT_SEALED) continue;
        struct sealed_text s = {t->hash, f->id, i, t->kind, t->type, t->bytes};
        uint8_t *clear = arena_alloc(w->arena, t->bytes.n + 1);
        size_t n = 0;
        TRY(seal_open_text(key, w->keys.project, &s, clear, &n));
        add_text(w, t->hash, (struct str){(char *)clear, n}, w->clear);
    }
    return ERR_NONE;
}

/* Readable ones first, so that a look-up finds them. */
static int cmp_texts(const void *a, const void *b) {
    const struct world_text *x = a, *y = b;
    int c = id128_cmp(x->hash, y->hash);
    return c ? c : (int)y->readable - (int)x->readable;
}

static const struct world_text *find_text(const struct world *w, struct id128 hash) {
    size_t low = 0, high = w->n_texts;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (id128_cmp(w->texts[mid].hash, hash) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < w->n_texts && id128_eq(w->texts[low].hash, hash) ? &w->texts[low] : NULL;
}

static struct str word(void *ctx, struct id128 hash) {
    const struct world_text *t = find_text(ctx, hash);
    return t && t->readable ? t->text : (struct str){0};
}

static bool open_text(void *ctx, struct id128 hash, struct arena *a, struct str *out) {
    const struct world_text *t = find_text(ctx, hash);
    if (t) *out = t->text;
    return t != NULL;
}

/* ---- frames ---- */

static struct frame_writer *give_writer(void *ctx, const struct registry_project *p) {
    return ((struct world *)ctx)->writer;
}

static struct crowd *give_crowd(void *ctx, const struct registry_project *p) {
    return ((struct world *)ctx)->crowd;
}

static void add_alias(struct world *w, const struct frame_event *e) {
    if (id128_is_zero(e->device)) return;
    for (size_t i = 0; i < w->n_aliases; i++) {
        if (id128_eq(w->aliases[i].device, e->device)) return;
    }
    w->aliases = world_grow(w->aliases, &w->aliases_cap, w->n_aliases, sizeof *w->aliases);
    w->aliases[w->n_aliases++] = (struct query_alias){e->device, e->person};
}

static struct err apply_frame(struct world *w, struct str bytes) {
    struct frame f;
    struct frame_event event;
    struct frame_profile op;
    enum frame_record_type type;
    TRY(frame_parse(bytes, &f));
    TRY(read_texts(w, &f));
    AUTO(part_builder_free) struct part_builder *b = part_builder_new(w->keys.project);
    if (!b) return ERR(ERR_NOMEM, "builder");
    TRY(part_builder_add(b, &f));
    struct frame walk = f;
    while ((type = frame_next(&walk, &event, &op))) {
        if (type == RECORD_EVENT)
            add_alias(w, &event);
        else
            TRY(world_apply_profile(w, &f, type, &op));
    }
    if (part_builder_rows(b)) {
        w->parts = world_grow(w->parts, &w->parts_cap, w->n_parts, sizeof(struct part *));
        TRY(part_build(b, w->n_parts, w->n_parts + 1, &w->parts[w->n_parts]));
        w->n_parts++;
    }
    frame_done(&f);
    return ERR_NONE;
}

/* Records as a tracker would send them, with the token that profiles need. */
static void write_records(struct buf *body, const struct json *list, bool token) {
    struct jout j;
    jout_init(&j, body);
    jout_array(&j);
    for (const struct json *r = json_first(list); r != json_end(list); r = json_next(r)) {
        jout_object(&j);
        for (const struct json *m = json_first(r); m != json_end(r); m = json_next(m)) {
            jout_key(&j, m->key);
            json_write(&j, m);
        }
        if (token) jout_keyz(&j, "$token");
        if (token) jout_strz(&j, "token");
        jout_object_end(&j);
    }
    jout_array_end(&j);
}

static struct err take(struct world *w, enum intake_endpoint endpoint, const struct json *list,
                       char fault[200]) {
    static const uint8_t peer[16] = {0};
    AUTO(buf_done) struct buf body;
    buf_init(&body, BODY_BYTES);
    AUTO(arena_free) struct arena *a = arena_new(0);
    struct intake_group group = {w, give_writer, give_crowd};
    struct intake_result result;
    struct str frame;
    if (!list || list->type != JSON_ARRAY || list->n == 0) return ERR_NONE;
    write_records(&body, list, endpoint != INTAKE_IMPORT);
    struct intake_request q = {.endpoint = endpoint,
                               .body = buf_str(&body),
                               .query = STR("project_id=1&strict=1&verbose=1"),
                               .content_type = STR("application/json"),
                               .user_agent = STR("golden"),
                               .peer = peer,
                               .arrival_us = w->now_us + AHEAD_US,
                               .is_local = true,
                               .arena = a};
    if (!buf_room(&body, JSON_SLACK_BYTES)) return ERR(ERR_NOMEM, "body");
    q.body = buf_str(&body);
    frame_begin(w->writer, w->keys.project, &w->registry.team, q.arrival_us);
    intake_take(w->intake, &w->registry, &group, &q, &result);
    if (result.outcome != INTAKE_OK || result.accepted != list->n) {
        const char *why = result.error        ? result.error
                          : result.n_failures ? result.failures[0].message
                                              : "?";
        snprintf(fault, 200, "intake took %u of %u: %s", result.accepted, list->n, why);
        return ERR(ERR_INVALID, "intake");
    }
    TRY(frame_finish(w->writer, &frame));
    crowd_commit(w->crowd);
    return apply_frame(w, frame);
}

/* ---- worlds ---- */

static struct err set_up(struct world *w, const struct json *v) {
    static const uint8_t root[32] = {1}, salt[32] = {2};
    const struct json *zone = json_get(v, "timezone"), *now = json_get(v, "now"),
                      *crowd = json_get(v, "crowd");
    const struct json *reveal = json_get(v, "reveal"), *opened = json_get(v, "opened");
    struct intake_config config = {0};
    TRY(zone_open(zone ? zone->s : STR("UTC"), &w->zone));
    struct civil c = {0};
    if (!now || now->type != JSON_STR ||
        sscanf(now->s.p, "%d-%d-%dT%d:%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute,
               &c.second) < 6)
        return ERR(ERR_INVALID, "world.now");
    AUTO(zone_free) struct zone *utc = NULL;
    TRY(zone_open(STR("UTC"), &utc));
    w->now_us = zone_instant(utc, &c);
    w->clear = !crowd || crowd->i == 0;
    w->may_reveal = !reveal || reveal->type == JSON_TRUE;
    w->opened = opened && opened->type == JSON_TRUE;
    team_generate(&w->team);
    seal_keys_derive(root, salt, 1, &w->keys);
    w->project = (struct registry_project){.id = 1,
                                           .token = "token",
                                           .crowd = w->clear ? SEALED_K : (uint32_t)crowd->i,
                                           .keys = w->keys};
    struct str name = zone ? zone->s : STR("UTC");
    snprintf(w->project.timezone, sizeof w->project.timezone, STR_FMT, STR_ARG(name));
    w->registry = (struct registry){
        .generation = 1, .team = w->team.pub, .projects = &w->project, .n_projects = 1};
    w->writer = frame_writer_new();
    w->crowd = crowd_new(1u << 16);
    if (!w->writer || !w->crowd) return ERR(ERR_NOMEM, "world");
    return intake_new(&config, &w->intake);
}

static int cmp_aliases(const void *a, const void *b) {
    return id128_cmp(((const struct query_alias *)a)->device,
                     ((const struct query_alias *)b)->device);
}

static struct err fill(struct world *w, const struct json *v, char fault[200]) {
    const struct json *parts = json_get(v, "parts");
    TRY(set_up(w, v));
    for (const struct json *p = parts ? json_first(parts) : NULL; p && p != json_end(parts);
         p = json_next(p))
        TRY(take(w, INTAKE_IMPORT, p, fault));
    TRY(take(w, INTAKE_ENGAGE, json_get(v, "engage"), fault));
    TRY(take(w, INTAKE_GROUPS, json_get(v, "groups"), fault));
    if (w->n_aliases) qsort(w->aliases, w->n_aliases, sizeof *w->aliases, cmp_aliases);
    if (w->n_texts) qsort(w->texts, w->n_texts, sizeof *w->texts, cmp_texts);
    world_sort_profiles(w);
    return ERR_NONE;
}

struct err world_new(const struct json *v, struct world **out, char fault[200]) {
    struct world *w = calloc(1, sizeof *w);
    if (!w) return ERR(ERR_NOMEM, "world");
    w->arena = arena_new(0);
    struct err e = w->arena ? fill(w, v, fault) : ERR(ERR_NOMEM, "world");
    if (e.code != ERR_OK)
        world_free(w);
    else
        *out = w;
    return e;
}

void world_free(struct world *w) {
    if (!w) return;
    for (size_t i = 0; i < w->n_parts; i++)
        part_unref(w->parts[i]);
    for (size_t i = 0; i < w->n_profiles; i++)
        buf_done(&w->profiles[i].doc);
    free(w->parts);
    free(w->profiles);
    free(w->aliases);
    free(w->texts);
    intake_free(w->intake);
    frame_writer_free(w->writer);
    crowd_free(w->crowd);
    zone_free(w->zone);
    arena_free(w->arena);
    free(w);
}

struct query_world world_query(struct world *w) {
    return (struct query_world){.project = 1,
                                .parts = w->parts,
                                .n_parts = w->n_parts,
                                .keys = &w->keys,
                                .zone = w->zone,
                                .now_us = w->now_us,
                                .aliases = w->aliases,
                                .n_aliases = w->n_aliases,
                                .word = word,
                                .open = open_text,
                                .words_ctx = w,
                                .profiles = world_profiles(w)};
}
