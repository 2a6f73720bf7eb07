/* filter.c: filters from JSON to hashes, and held against events. */
#include "status/filter.h"

#include <math.h>

static bool read_is(const struct json *is, struct str path, const struct seal_keys *k,
                    struct status_condition *out) {
    double n;
    if (is->type == JSON_TRUE || is->type == JSON_FALSE) {
        out->kind = STATUS_WHERE_TRUTH;
        out->truth = is->type == JSON_TRUE;
        return true;
    }
    if (is->type == JSON_STR) {
        out->kind = STATUS_WHERE_TEXT;
        out->text = seal_hash(k, TEXT_VALUE, TEXT_STRING, path, is->s);
        return is->s.n > 0;
    }
    if (!json_number(is, &n)) return false;
    out->kind = STATUS_WHERE_NUMBER;
    out->min = out->max = n;
    if (is->type == JSON_INT) out->text = seal_hash(k, TEXT_VALUE, TEXT_INTEGER, path, is->raw);
    return true;
}

static bool read_range(const struct json *c, struct status_condition *out) {
    const struct json *min = json_get(c, "min"), *max = json_get(c, "max");
    out->kind = STATUS_WHERE_NUMBER;
    out->min = -INFINITY;
    out->max = INFINITY;
    if (!min && !max) return false;
    return (!min || json_number(min, &out->min)) && (!max || json_number(max, &out->max));
}

static bool read_condition(const struct json *c, const struct seal_keys *k,
                           struct status_condition *out) {
    const struct json *property = json_get(c, "property"), *is = json_get(c, "is");
    if (c->type != JSON_OBJECT || !property || property->type != JSON_STR || !property->s.n)
        return false;
    out->property = seal_hash(k, TEXT_PROPERTY, TEXT_STRING, STR(""), property->s);
    return is ? read_is(is, property->s, k, out) : read_range(c, out);
}

static bool read_alternative(const struct json *v, const struct seal_keys *k,
                             struct status_alternative *out) {
    const struct json *event = json_get(v, "event"), *where = json_get(v, "where");
    if (v->type != JSON_OBJECT || (event && event->type != JSON_STR)) return false;
    out->any_event = !event || event->s.n == 0;
    if (event) out->event = seal_hash(k, TEXT_EVENT, TEXT_STRING, STR(""), event->s);
    if (!where) return true;
    if (where->type != JSON_ARRAY || where->n > STATUS_CONDITIONS) return false;
    for (const struct json *c = json_first(where); c != json_end(where); c = json_next(c))
        if (!read_condition(c, k, &out->where[out->n++])) return false;
    return true;
}

static bool read_all(const struct json *v, const struct seal_keys *k, struct status_filter *out) {
    if (v->type != JSON_ARRAY || v->n > STATUS_ALTERNATIVES) return false;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c))
        if (!read_alternative(c, k, &out->any[out->n++])) return false;
    return true;
}

struct err status_filter_compile(struct str json, const struct seal_keys *k,
                                 struct status_filter *out) {
    struct status_filter f = {0};
    const struct json *v = NULL;
    *out = f;
    if (json.n == 0) return ERR_NONE;
    AUTO(arena_free) struct arena *a = arena_new(1u << 20);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(STATUS_FILTER_BYTES);
    if (!a || !p) return ERR(ERR_NOMEM, "filter");
    TRY(json_parse_copy(p, json, a, &v));
    if (!read_all(v, k, &f)) return ERR(ERR_INVALID, "filter");
    *out = f;
    return ERR_NONE;
}

struct err status_filter_check(struct str json, bool errors) {
    static const struct seal_keys none;
    struct status_filter f;
    struct err e = status_filter_compile(json, &none, &f);
    if (e.code == ERR_OK || e.code == ERR_NOMEM) return e;
    return errors ? ERR(ERR_INVALID, "errors: a list of at most 8 objects of event and where")
                  : ERR(ERR_INVALID, "events: a list of at most 8 objects of event and where");
}

/* ---- holding it against an event ---- */

static bool value_fits(const struct status_condition *c, const struct frame *f,
                       struct cursor value) {
    double n;
    switch ((enum frame_value)cursor_u8(&value)) {
    case V_TRUE:
        return c->kind == STATUS_WHERE_TRUTH && c->truth;
    case V_FALSE:
        return c->kind == STATUS_WHERE_TRUTH && !c->truth;
    case V_NUMBER:
        n = cursor_f64(&value);
        return c->kind == STATUS_WHERE_NUMBER && n >= c->min && n <= c->max;
    case V_TEXT:
        return c->kind != STATUS_WHERE_TRUTH && !id128_is_zero(c->text) &&
               id128_eq(f->texts[cursor_u32(&value)].hash, c->text);
    case V_NULL:
    case V_LIST:
    case V_OBJECT:
    case V_EMPTY_OBJECT:
    case V_TIME:
        return false;
    }
    return false;
}

bool status_where_holds(const struct status_alternative *a, const struct frame *f,
                        const struct frame_event *e) {
    uint32_t held = 0, path = 0;
    struct cursor props = e->props, value;
    for (uint16_t i = 0; i < e->n_props && a->n && frame_next_prop(&props, &path, &value); i++)
        for (size_t k = 0; k < a->n; k++)
            if (id128_eq(f->texts[path].hash, a->where[k].property) &&
                value_fits(&a->where[k], f, value))
                held |= 1u << k;
    return held == (1u << a->n) - 1;
}
