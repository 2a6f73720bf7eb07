/* erasing.c: a person is erased: asked for here, done by the store, told by its receipt. And what
 * the store asks of the front meanwhile. */
#include <stdio.h>

#include "routes/call.h"

static bool read_ids(struct call *c, struct str ids[STORE_MAX_ERASED], size_t *out_n) {
    const struct json *list = json_get(c->body, "distinct_ids");
    size_t n = 0;
    if (!list || list->type != JSON_ARRAY || list->n == 0 || list->n > STORE_MAX_ERASED) {
        answer_error(c, 400, "invalid", "a list of 1 to 1,000 ids", "distinct_ids");
        return false;
    }
    for (const struct json *v = json_first(list); v != json_end(list); v = json_next(v)) {
        if (v->type != JSON_STR || v->s.n == 0) {
            answer_error(c, 400, "invalid", "each id is a string that is not empty",
                         "distinct_ids");
            return false;
        }
        ids[n++] = v->s;
    }
    *out_n = n;
    return true;
}

static void answer_erasure(struct call *c, struct str id) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, 1u << 16);
    struct jout j;
    jout_init(&j, &out);
    struct err e = store_erasure_write(c->routes->config.store, c->id, id, &j);
    if (e.code == ERR_NOTFOUND)
        answer_error(c, 404, "not_found", "there is no such erasure", NULL);
    else if (e.code != ERR_OK)
        answer_failure(c, "reading an erasure", e);
    else
        answer_json(c, &out);
}

/* The log names the erasure and how many ids it has, none of them. */
static struct err log_it(struct call *c, const char *id, size_t n) {
    char detail[96];
    snprintf(detail, sizeof detail, "%s, %zu ids", id, n);
    return trust_log(c->routes->config.trust, &c->actor, c->id, "erasure", str_z(detail));
}

void erasing_begin(struct call *c) {
    static const char *const fields[] = {"distinct_ids"};
    struct str ids[STORE_MAX_ERASED];
    char id[STORE_ERASURE_CHARS];
    size_t n = 0;
    if (!call_body(c) || !call_only(c, fields, 1) || !read_ids(c, ids, &n)) return;
    const struct store_erasure how = {.project = c->id,
                                      .ids = ids,
                                      .n = n,
                                      .root = c->routes->config.root,
                                      .by =
                                          c->is_operator ? STR("operator") : str_z(c->actor.name)};
    struct err e = store_erase(c->routes->config.store, &how, id);
    if (e.code == ERR_OK) e = log_it(c, id, n);
    if (e.code != ERR_OK)
        answer_failure(c, "asking for an erasure", e);
    else
        answer_erasure(c, str_z(id));
}

void erasing_one(struct call *c) {
    struct str rest = c->q->path, last = {0};
    while (rest.n)
        last = str_cut(&rest, '/');
    answer_erasure(c, last);
}

void erasing_list(struct call *c) {
    AUTO(buf_done) struct buf out;
    buf_init(&out, ANSWER_BYTES);
    struct jout j;
    jout_init(&j, &out);
    jout_object(&j);
    jout_keyz(&j, "erasures");
    struct err e = store_erasures_write(c->routes->config.store, c->id, &j);
    jout_object_end(&j);
    if (e.code != ERR_OK)
        answer_failure(c, "reading erasures", e);
    else
        answer_json(c, &out);
}

/* ---- the front, for the store ---- */

static struct err rotate(void *ctx) {
    return sealing_rotate(ctx);
}

static struct err reread(void *ctx) {
    TRY(routes_republish(ctx));
    return sealing_wait_front(ctx);
}

struct store_front routes_front(struct routes *r) {
    return (struct store_front){.rotate = rotate, .reread = reread, .ctx = r};
}
