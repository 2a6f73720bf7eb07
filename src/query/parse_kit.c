/* parse_kit.c: reading JSON members by tables of fields. The parser carries the path of where it
 * stands, so that a fault names the member as a person would: "steps[1].filters[0].op". */
#include <stdarg.h>
#include <stdio.h>

#include "query/plan.h"

struct err parse_fault(struct parser *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(p->fault->message, sizeof p->fault->message, format, args);
    va_end(args);
    memcpy(p->fault->field, p->path, p->path_n);
    p->fault->field[p->path_n] = 0;
    p->fault->status = 400;
    p->fault->code = "invalid";
    return ERR(ERR_INVALID, "query: a field is wrong");
}

const char *parse_path(struct parser *p) {
    struct str s = arena_str(p->q->arena, (struct str){p->path, p->path_n});
    return s.p ? s.p : "";
}

struct err parse_enter(struct parser *p, const char *name, size_t n, size_t *out_mark) {
    *out_mark = p->path_n;
    size_t dot = p->path_n && n && name[0] != '[' ? 1 : 0;
    size_t room = sizeof p->path - 1 - p->path_n;
    if (dot && room) p->path[p->path_n++] = '.';
    room -= dot && room ? 1 : 0;
    n = n < room ? n : room;
    n = str_utf8_prefix((struct str){name, n});
    if (n) memcpy(p->path + p->path_n, name, n);
    p->path_n += n;
    p->path[p->path_n] = 0;
    return ERR_NONE;
}

void parse_leave(struct parser *p, size_t mark) {
    p->path_n = mark;
    p->path[mark] = 0;
}

static const struct parse_field *find_field(const struct parse_field *fields, struct str name) {
    for (; fields->name; fields++) {
        if (str_is(name, fields->name)) return fields;
    }
    return NULL;
}

struct err parse_object(struct parser *p, const struct json *v, const struct parse_field *fields,
                        void *into) {
    if (v->type != JSON_OBJECT) return parse_fault(p, "must be an object");
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        size_t mark;
        TRY(parse_enter(p, c->key.p, c->key.n, &mark));
        const struct parse_field *f = find_field(fields, c->key);
        if (!f) return parse_fault(p, "unknown field");
        TRY(f->read(p, c, into));
        parse_leave(p, mark);
    }
    return ERR_NONE;
}

struct err parse_list(struct parser *p, const struct json *v, const struct parse_list *l,
                      void *into, size_t *out_n) {
    if (v->type != JSON_ARRAY) return parse_fault(p, "must be a list");
    if (v->n > l->max) return parse_fault(p, "holds %u, at most %zu are taken", v->n, l->max);
    size_t i = 0;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c), i++) {
        char index[24];
        int n = snprintf(index, sizeof index, "[%zu]", i);
        size_t mark;
        TRY(parse_enter(p, index, (size_t)n, &mark));
        TRY(l->each(p, c, (char *)into + i * l->each_bytes));
        parse_leave(p, mark);
    }
    *out_n = i;
    return ERR_NONE;
}

struct err parse_text(struct parser *p, const struct json *v, struct str *out) {
    if (v->type != JSON_STR || v->s.n == 0) return parse_fault(p, "must be a text, not empty");
    if (v->s.n > PLAN_MAX_TEXT_BYTES)
        return parse_fault(p, "is longer than %d bytes", PLAN_MAX_TEXT_BYTES);
    struct str s = arena_str(p->q->arena, v->s);
    if (!s.p) return ERR(ERR_NOMEM, "query: plan");
    *out = s;
    return ERR_NONE;
}

struct err parse_uint(struct parser *p, const struct json *v, uint64_t max, uint64_t *out) {
    if (v->type != JSON_INT || v->i < 0)
        return parse_fault(p, "must be a whole number, zero or more");
    if ((uint64_t)v->i > max)
        return parse_fault(p, "must be at most %llu", (unsigned long long)max);
    *out = (uint64_t)v->i;
    return ERR_NONE;
}

struct err parse_word(struct parser *p, const struct json *v, const char *const *words, int *out) {
    for (int i = 0; words[i]; i++) {
        if (json_is_str(v, words[i])) {
            *out = i;
            return ERR_NONE;
        }
    }
    char all[160] = "";
    size_t n = 0;
    for (int i = 0; words[i] && n + 1 < sizeof all; i++) {
        int k = snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", words[i]);
        n += k > 0 ? (size_t)k : 0;
    }
    return parse_fault(p, "must be one of %s", all);
}
