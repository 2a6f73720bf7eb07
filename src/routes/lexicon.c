/* lexicon.c: what members say about a project's words: what a property's values are, and which
 * texts are readable whoever sends them.
 *
 * Kept are hashes; what is shown for one is the word it has by now, or the label that every report
 * shows for it. Each change is written to the log first, by its handle.
 */
#include <stdio.h>

#include "intake/intake.h"
#include "routes/call.h"

#define MAX_PATH_BYTES 1024
#define MAX_EVENT_BYTES 255

static const char *const marks[] = {[MARK_NONE] = "none",
                                    [MARK_MEASURE] = "measure",
                                    [MARK_TIME] = "time",
                                    [MARK_IDENTITY] = "identity"};
#define N_MARKS (sizeof marks / sizeof *marks)

/* What the labels of one answer need. */
struct labels {
    const struct query_world *w;
    struct query_rights rights;
    struct arena *arena;
};

static struct str sealed_label(struct arena *a, const struct query_world *w, struct id128 hash) {
    char hex[32];
    struct id128 handle = seal_handle(w->keys, HANDLE_TEXT, hash);
    str_to_hex(handle.b, sizeof handle.b, hex);
    return arena_printf(a, "sealed:%.32s", hex);
}

static struct str label(const struct labels *l, struct id128 hash) {
    struct str text = l->w->word(l->w->words_ctx, hash);
    if (text.p) return text;
    if (l->rights.opened && l->w->open && l->w->open(l->w->words_ctx, hash, l->arena, &text))
        return text;
    return sealed_label(l->arena, l->w, hash);
}

/* ---- the lists ---- */

static void put_marks(const struct labels *l, struct jout *j, const struct store_marked *list,
                      size_t n) {
    jout_keyz(j, "marks");
    jout_array(j);
    for (size_t i = 0; i < n; i++) {
        jout_object(j);
        jout_keyz(j, "property");
        jout_str(j, label(l, list[i].property));
        jout_keyz(j, "mark");
        jout_strz(j, (size_t)list[i].mark < N_MARKS ? marks[list[i].mark] : "none");
        jout_object_end(j);
    }
    jout_array_end(j);
}

static void put_published(const struct labels *l, struct jout *j,
                          const struct store_published *list, size_t n) {
    jout_keyz(j, "published");
    jout_array(j);
    for (size_t i = 0; i < n; i++) {
        bool event = list[i].kind == TEXT_EVENT;
        jout_object(j);
        if (!event) {
            jout_keyz(j, "property");
            jout_str(j, label(l, list[i].property));
        }
        jout_keyz(j, event ? "event" : "value");
        jout_str(j, label(l, list[i].text));
        jout_keyz(j, "waiting");
        jout_bool(j, !l->w->word(l->w->words_ctx, list[i].text).p);
        jout_object_end(j);
    }
    jout_array_end(j);
}

void lexicon_marks(struct call *c) {
    struct labels l = {.arena = c->q->arena};
    struct store *s = c->routes->config.store;
    struct store_marked *marked = NULL;
    struct store_published *published = NULL;
    size_t n_marked = 0, n_published = 0;
    AUTO(store_world_free) struct store_world *w = call_world(c, c->id, &l.rights);
    if (!w) return;
    struct err e = store_marks(s, c->id, c->q->arena, &marked, &n_marked);
    if (e.code == ERR_OK) e = store_published(s, c->id, c->q->arena, &published, &n_published);
    if (e.code != ERR_OK) {
        answer_failure(c, "reading marks", e);
        return;
    }
    l.w = store_world_query(w);
    AUTO(buf_done) struct buf out;
    buf_init(&out, ANSWER_BYTES);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    put_marks(&l, &j, marked, n_marked);
    put_published(&l, &j, published, n_published);
    jout_object_end(&j);
    answer_json(c, &out);
}

/* ---- changing ---- */

/* Written down before it is done; `what` with the handle of the text it is about. */
static struct err write_down(struct call *c, const struct query_world *w, const char *what,
                             struct id128 hash) {
    return trust_log(c->routes->config.trust, &c->actor, c->id, what,
                     sealed_label(c->q->arena, w, hash));
}

static void finish(struct call *c, struct err e) {
    if (e.code == ERR_OK) e = routes_republish(c->routes);
    if (e.code == ERR_LIMIT) {
        answer_error(c, 409, "limit", "a project has at most 10,000 of them", NULL);
        return;
    }
    if (e.code != ERR_OK) {
        answer_failure(c, "changing the lexicon", e);
        return;
    }
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1u << 20);
    struct jout j;
    jout_init(&j, &out);
    json_write(&j, c->body);
    answer_json(c, &out);
}

/* A text of the body with 1 to `most` bytes. False: answered. */
static bool text_of(struct call *c, const char *name, size_t most, struct str *out) {
    char message[64];
    if (!call_string(c, name, out)) return false;
    if (out->n > 0 && out->n <= most) return true;
    snprintf(message, sizeof message, "a text of 1 to %zu bytes", most);
    answer_error(c, 400, "invalid", message, name);
    return false;
}

/* By name, or as answers show it while it is sealed. */
static struct id128 property_hash(const struct store_world *w, struct str name) {
    struct id128 handle, hash;
    if (str_starts(name, STR("sealed:")) && str_from_hex(str_from(name, 7), handle.b, 16) &&
        store_world_by_handle(w, handle, &hash))
        return hash;
    return seal_hash(store_world_query(w)->keys, TEXT_PROPERTY, TEXT_STRING, STR(""), name);
}

static bool mark_of(struct call *c, enum store_mark *out) {
    struct str name;
    if (!call_string(c, "mark", &name)) return false;
    for (size_t i = 0; i < N_MARKS; i++) {
        if (!str_is(name, marks[i])) continue;
        *out = (enum store_mark)i;
        return true;
    }
    answer_error(c, 400, "invalid", "one of measure, time, identity, none", "mark");
    return false;
}

void lexicon_mark(struct call *c) {
    static const char *const fields[] = {"property", "mark"};
    struct str name;
    enum store_mark mark;
    struct query_rights rights;
    if (!call_body(c) || !call_only(c, fields, 2) ||
        !text_of(c, "property", MAX_PATH_BYTES, &name) || !mark_of(c, &mark))
        return;
    AUTO(store_world_free) struct store_world *w = call_world(c, c->id, &rights);
    if (!w) return;
    struct id128 hash = property_hash(w, name);
    char what[32];
    snprintf(what, sizeof what, "mark %s", marks[mark]);
    struct err e = write_down(c, store_world_query(w), what, hash);
    if (e.code == ERR_OK) e = store_mark_set(c->routes->config.store, c->id, hash, mark);
    finish(c, e);
}

/* False: answered. */
static bool read_publish(struct call *c, struct str *property, struct str *text) {
    static const char *const fields[] = {"event", "property", "value"};
    if (!call_body(c) || !call_only(c, fields, 3)) return false;
    *property = (struct str){0};
    bool event = json_get(c->body, "event") != NULL;
    if (event && (json_get(c->body, "property") || json_get(c->body, "value"))) {
        answer_error(c, 400, "invalid", "either an event, or a property and one value of it",
                     "event");
        return false;
    }
    if (event ? !text_of(c, "event", MAX_EVENT_BYTES, text)
              : !text_of(c, "property", MAX_PATH_BYTES, property) ||
                    !text_of(c, "value", INTAKE_MAX_STRING_BYTES, text))
        return false;
    if (intake_may_publish(*property, *text)) return true;
    answer_error(c, 400, "always_sealed",
                 "this is always sealed: it identifies people, or looks like it",
                 event ? "event" : "value");
    return false;
}

void lexicon_publish(struct call *c) {
    struct str property, text;
    struct query_rights rights;
    if (!read_publish(c, &property, &text)) return;
    AUTO(store_world_free) struct store_world *w = call_world(c, c->id, &rights);
    if (!w) return;
    const struct query_world *q = store_world_query(w);
    struct store_published p = {.kind = property.n ? TEXT_VALUE : TEXT_EVENT};
    p.text = seal_hash(q->keys, p.kind, TEXT_STRING, property, text);
    if (property.n) p.property = seal_hash(q->keys, TEXT_PROPERTY, TEXT_STRING, STR(""), property);
    struct err e = write_down(c, q, "publish", p.text);
    if (e.code == ERR_OK) e = store_publish(c->routes->config.store, c->id, &p);
    finish(c, e);
}
