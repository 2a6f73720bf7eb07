#include "json/json.h"

const struct json *json_get(const struct json *v, const char *name) {
    if (v == NULL || v->type != JSON_OBJECT) return NULL;
    struct str wanted = str_z(name);
    const struct json *last = NULL;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c))
        if (str_eq(c->key, wanted)) last = c;
    return last;
}

bool json_is_str(const struct json *v, const char *z) {
    return v != NULL && v->type == JSON_STR && str_is(v->s, z);
}

bool json_number(const struct json *v, double *out) {
    if (v == NULL || (v->type != JSON_INT && v->type != JSON_NUM)) return false;
    *out = v->type == JSON_INT ? (double)v->i : v->d;
    return true;
}

static void write_container(struct jout *j, const struct json *v) {
    bool object = v->type == JSON_OBJECT;
    object ? jout_object(j) : jout_array(j);
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        if (object) jout_key(j, c->key);
        json_write(j, c);
    }
    object ? jout_object_end(j) : jout_array_end(j);
}

void json_write(struct jout *j, const struct json *v) {
    switch ((enum json_type)v->type) {
    case JSON_NULL:
        jout_null(j);
        return;
    case JSON_FALSE:
    case JSON_TRUE:
        jout_bool(j, v->type == JSON_TRUE);
        return;
    case JSON_INT:
    case JSON_BIGINT:
    case JSON_NUM:
        jout_raw(j, v->raw);
        return;
    case JSON_STR:
        jout_str(j, v->s);
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        write_container(j, v);
        return;
    }
}
