/* json.h: JSON text -> a flat array of nodes in an arena. simdjson On-Demand behind a C header.
 *
 * A value's children follow it in the array; `skip` leads past them. So a tree is walked without
 * pointers: for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) ...
 * Duplicate keys are kept; json_get gives the last one.
 *
 * Threading: a parser belongs to one thread at a time.
 * Depends on: base, libsimdjson (only in json.cpp). Used by: intake, query, routes, cli.
 */
#pragma once

#include "base/base.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_INT,    /* fits int64 */
    JSON_BIGINT, /* an integer that does not: `s` holds its digits */
    JSON_NUM,    /* anything with a point or exponent; finite */
    JSON_STR,    /* `s`: unescaped UTF-8, may hold NUL */
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json {
    uint8_t type;   /* enum json_type */
    uint32_t n;     /* children of an array or object */
    uint32_t skip;  /* nodes of this value, itself included */
    struct str key; /* name inside an object, else empty */
    union {
        int64_t i;
        double d;
        struct str s;
    };
    struct str raw; /* the number's own text (JSON_INT, JSON_NUM, JSON_BIGINT), else empty */
};

#define JSON_SLACK_BYTES 64 /* readable (any value) bytes that must follow the text */
#define JSON_MAX_DEPTH 64

struct json_parser;
struct json_parser *json_parser_new(size_t max_bytes /* of one text */); /* NULL: no memory */
void json_parser_free(struct json_parser *p);
AUTO_DEFINE(struct json_parser *, json_parser_free);

/* Parses exactly one value. `text` must be followed by JSON_SLACK_BYTES readable bytes. Nodes and
 * strings live in the arena; nothing points into `text`. ERR_INVALID with `what` naming the fault
 * (not JSON, not UTF-8, trailing bytes, deeper than JSON_MAX_DEPTH, number out of range);
 * ERR_LIMIT: longer than max_bytes; ERR_NOMEM. */
struct err json_parse(struct json_parser *p, struct str text, struct arena *a,
                      const struct json **out);
/* The same for text without slack: copies first. */
struct err json_parse_copy(struct json_parser *p, struct str text, struct arena *a,
                           const struct json **out);

static inline const struct json *json_first(const struct json *v) {
    return v + 1;
}
static inline const struct json *json_end(const struct json *v) {
    return v + v->skip;
}
static inline const struct json *json_next(const struct json *c) {
    return c + c->skip;
}
/* The last member of that name, or NULL (also when v is NULL or not an object). */
const struct json *json_get(const struct json *v, const char *name);
bool json_is_str(const struct json *v, const char *z);
/* JSON_INT or JSON_NUM as a double. False for other types and NULL. */
bool json_number(const struct json *v, double *out);
/* Writes v back. */
void json_write(struct jout *j, const struct json *v);
