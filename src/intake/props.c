/* props.c: properties of events and profiles: collecting them (flattening, limits, doubles), and
 * putting them.
 *
 * Collecting first and putting after has two reasons: a strict import refuses a record before
 * anything of it is written, and a name that stands twice gets its later value, as JSON readers do.
 *
 * What is over a limit: properties beyond 255 and objects or lists nested deeper than 8 are left
 * out, names longer than 255 bytes likewise, lists are cut at 255 elements; the fault says it
 * first, so that strict callers refuse instead.
 */
#include <math.h>

#include "intake/record.h"

#define MAX_NAME_BYTES 255
#define MAX_PATH_BYTES 1024
#define FIRST_LONG_INTEGER 10000000 /* eight digits: from here on integers are text */

static void fault(struct intake_props *p, const char *message) {
    if (!p->fault.message) p->fault = (struct intake_fault){"properties", message};
}

/* ---- paths ---- */

static bool needs_escape(struct str key) {
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '.' || key.p[i] == '\\') return true;
    }
    return false;
}

/* prefix '.' key, with '.' and '\' of the key escaped: the key itself, or in `to`. Empty: too long.
 */
static struct str join(struct str prefix, struct str key, char to[MAX_PATH_BYTES]) {
    if (prefix.n == 0 && !needs_escape(key)) return key;
    if (prefix.n + 1 + 2 * key.n > MAX_PATH_BYTES) return (struct str){0};
    size_t n = prefix.n;
    if (n > 0) {
        memcpy(to, prefix.p, n);
        to[n++] = '.';
    }
    for (size_t i = 0; i < key.n; i++) {
        if (key.p[i] == '.' || key.p[i] == '\\') to[n++] = '\\';
        to[n++] = key.p[i];
    }
    return (struct str){to, n};
}

static unsigned dots(struct str path) {
    unsigned n = 0;
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '\\')
            i++;
        else
            n += path.p[i] == '.';
    }
    return n;
}

/* ---- collecting ---- */

/* How deep lists and objects nest in v, itself included. JSON text nests to JSON_MAX_DEPTH at most.
 */
static unsigned depth_of(const struct json *v) {
    unsigned deepest = 0;
    if (v->type != JSON_ARRAY && v->type != JSON_OBJECT) return 0;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        unsigned n = depth_of(c);
        if (n > deepest) deepest = n;
    }
    return deepest + 1;
}

static bool any_long_list(const struct json *v) {
    for (const struct json *c = v; c != json_end(v); c++) {
        if ((c->type == JSON_ARRAY || c->type == JSON_OBJECT) && c->n > INTAKE_MAX_LIST)
            return true;
    }
    return false;
}

void intake_props_begin(struct intake_props *p) {
    p->n = 0;
    p->fault = (struct intake_fault){NULL, NULL};
    memset(p->met, 0, sizeof p->met);
}

/* The one of the same name that is there already, or NULL. */
static struct intake_prop *find(struct intake_props *p, uint32_t index) {
    uint64_t *met = &p->met[index / 64 % 4], bit = UINT64_C(1) << index % 64;
    bool maybe = *met & bit;
    *met |= bit;
    for (size_t i = 0; maybe && i < p->n; i++)
        if (p->list[i].path.index == index) return &p->list[i];
    return NULL;
}

static void add_leaf(struct intake_door *d, const struct intake_scope *s, struct intake_props *p,
                     struct str name, const struct json *v) {
    struct intake_path path;
    intake_path_put(d, s, name, v->key, &path);
    if (v->type == JSON_STR) intake_value_expect(d, s, &path, v->s);
    struct intake_prop *twin = find(p, path.index);
    if (twin) {
        *twin = (struct intake_prop){.path = twin->path, .value = v};
        return;
    }
    if (name.p != v->key.p) path.name = arena_str(d->arena, name);
    if (!path.name.p) d->failed = ERR(ERR_NOMEM, "intake: property path");
    p->list[p->n++] = (struct intake_prop){.path = path, .value = v};
}

void intake_props_add_seen(struct intake_door *d, struct intake_props *p, struct intake_seen *seen,
                           const struct json *m) {
    bool leaf = m->type != JSON_OBJECT && m->type != JSON_ARRAY;
    bool known = leaf && d->failed.code == ERR_OK && p->n < INTAKE_MAX_PROPERTIES &&
                 intake_seen_holds(&seen->name_at, d);
    if (!known) {
        size_t before = p->n;
        intake_props_add(d, &intake_event_scope, p, STR(""), m);
        if (!leaf || p->n != before + 1 || p->list[before].path.name.p != m->key.p) return;
        p->list[before].seen = seen;
        intake_seen_name(seen, d, &p->list[before].path);
        return;
    }
    struct intake_prop prop = {.path = seen->path, .value = m, .seen = seen};
    if (m->type == JSON_STR) {
        prop.same = intake_seen_has_value(seen, d, m->s);
        if (!prop.same) intake_value_expect(d, &intake_event_scope, &prop.path, m->s);
    }
    struct intake_prop *twin = find(p, prop.path.index);
    if (!twin) twin = &p->list[p->n++];
    *twin = prop;
}

/* The member's path, or empty when it cannot be kept, with the reason as fault. */
static struct str path_of(struct intake_props *p, struct str prefix, struct str key,
                          char to[MAX_PATH_BYTES]) {
    struct str name = {0};
    if (key.n == 0)
        fault(p, "a property's name is empty");
    else if (key.n > MAX_NAME_BYTES)
        fault(p, "a property's name is longer than 255 bytes");
    else if (p->n == INTAKE_MAX_PROPERTIES)
        fault(p, "more than 255 properties");
    else if ((name = join(prefix, key, to)).n == 0)
        fault(p, "a property's path is longer than 1024 bytes");
    return name;
}

static bool fits(struct intake_props *p, const struct json *v, unsigned depth) {
    if (v->type != JSON_ARRAY && v->type != JSON_OBJECT) return true;
    if (any_long_list(v)) fault(p, "a list has more than 255 elements");
    if (depth + depth_of(v) <= INTAKE_MAX_DEPTH) return true;
    fault(p, "values are nested deeper than 8");
    return false;
}

void intake_props_add(struct intake_door *d, const struct intake_scope *s, struct intake_props *p,
                      struct str prefix, const struct json *m) {
    char bytes[MAX_PATH_BYTES];
    unsigned depth = prefix.n > 0 ? dots(prefix) + 1 : 0;
    if (d->failed.code != ERR_OK) return;
    struct str name = path_of(p, prefix, m->key, bytes);
    if (name.n == 0) return;
    if (m->type != JSON_OBJECT || m->n == 0) {
        if (fits(p, m, depth)) add_leaf(d, s, p, name, m);
        return;
    }
    if (depth + 1 > INTAKE_MAX_DEPTH) {
        fault(p, "values are nested deeper than 8");
        return;
    }
    for (const struct json *c = json_first(m); c != json_end(m); c = json_next(c))
        intake_props_add(d, s, p, name, c);
}

void intake_props_add_whole(struct intake_door *d, const struct intake_scope *s,
                            struct intake_props *p, const struct json *m) {
    char bytes[MAX_PATH_BYTES];
    if (d->failed.code != ERR_OK) return;
    struct str name = path_of(p, STR(""), m->key, bytes);
    if (name.n > 0 && fits(p, m, 1)) add_leaf(d, s, p, name, m);
}

/* ---- putting ---- */

static bool is_id_name(struct str name) {
    return str_is(name, "distinct_id") || str_is(name, "$user_id") || str_is(name, "$device_id");
}

static void put_text(struct intake_door *d, const struct intake_scope *s,
                     const struct intake_path *p, enum text_type type, struct str value) {
    frame_put_text(d->writer, intake_value_put(d, s, p, type, value));
}

/* Numbers are stored as they are, but for those that are names in disguise: long integers and
 * coordinates. */
static void put_number(struct intake_door *d, const struct intake_scope *s,
                       const struct intake_path *p, const struct json *v) {
    double number = 0;
    int64_t us;
    bool big = v->type == JSON_BIGINT;
    if (big ? !str_to_f64(v->raw.n > 0 ? v->raw : v->s, &number) : !json_number(v, &number))
        number = 0;
    struct str raw = big && v->raw.n == 0 ? v->s : v->raw;
    enum text_type type = v->type == JSON_NUM ? TEXT_DECIMAL : TEXT_INTEGER;
    bool is_long = big || (fabs(number) >= FIRST_LONG_INTEGER && number == trunc(number));
    if (p->flags & NAME_SEALED)
        put_text(d, s, p, is_id_name(p->name) ? TEXT_STRING : type, raw);
    else if (p->flags & NAME_TIME && intake_when_number(number, &us))
        frame_put_time(d->writer, us);
    else if (!d->own && !(p->flags & NAME_MEASURE) && (is_long || p->flags & NAME_COORDINATE))
        put_text(d, s, p, type, raw);
    else
        frame_put_number(d->writer, isfinite(number) ? number : 0);
}

static void put_list(struct intake_door *d, const struct intake_scope *s,
                     const struct intake_path *p, const struct json *v) {
    unsigned n = 0;
    frame_put_list(d->writer);
    for (const struct json *c = json_first(v); c != json_end(v) && n < INTAKE_MAX_LIST;
         c = json_next(c), n++)
        intake_json_put(d, s, p, c);
    frame_put_list_end(d->writer);
}

/* Inside lists; its keys are event property names whatever the record is (journal.h). */
static void put_object(struct intake_door *d, const struct json *v) {
    unsigned n = 0;
    frame_put_object(d->writer);
    for (const struct json *c = json_first(v); c != json_end(v) && n < INTAKE_MAX_LIST;
         c = json_next(c), n++) {
        struct intake_path key;
        char bytes[MAX_PATH_BYTES];
        if (c->key.n == 0 || c->key.n > MAX_NAME_BYTES) continue;
        intake_path_put(d, &intake_event_scope, join(STR(""), c->key, bytes), c->key, &key);
        frame_put_prop(d->writer, key.index);
        intake_json_put(d, &intake_event_scope, &key, c);
    }
    frame_put_object_end(d->writer);
}

void intake_json_put(struct intake_door *d, const struct intake_scope *s,
                     const struct intake_path *p, const struct json *v) {
    switch ((enum json_type)v->type) {
    case JSON_NULL:
        frame_put_simple(d->writer, V_NULL);
        return;
    case JSON_FALSE:
        frame_put_simple(d->writer, V_FALSE);
        return;
    case JSON_TRUE:
        frame_put_simple(d->writer, V_TRUE);
        return;
    case JSON_INT:
    case JSON_BIGINT:
    case JSON_NUM:
        put_number(d, s, p, v);
        return;
    case JSON_STR:
        put_text(d, s, p, TEXT_STRING, v->s);
        return;
    case JSON_ARRAY:
        put_list(d, s, p, v);
        return;
    case JSON_OBJECT:
        if (v->n == 0)
            frame_put_simple(d->writer, V_EMPTY_OBJECT);
        else
            put_object(d, v);
        return;
    }
}

void intake_prop_put(struct intake_door *d, const struct intake_scope *s,
                     const struct intake_prop *p) {
    frame_put_prop(d->writer, p->path.index);
    if (p->same) {
        frame_put_text(d->writer, p->seen->value_at.index);
    } else if (p->seen && p->value->type == JSON_STR) {
        uint32_t index = intake_value_put(d, s, &p->path, TEXT_STRING, p->value->s);
        frame_put_text(d->writer, index);
        intake_seen_value(p->seen, d, p->value->s, index);
    } else {
        intake_json_put(d, s, &p->path, p->value);
    }
}

void intake_extra_put(struct intake_door *d, const struct intake_scope *s, const char *name,
                      struct str value) {
    struct intake_path p;
    if (value.n == 0) return;
    intake_path_put(d, s, str_z(name), str_z(name), &p);
    frame_put_prop(d->writer, p.index);
    frame_put_text(d->writer, intake_value_put(d, s, &p, TEXT_STRING, value));
}
