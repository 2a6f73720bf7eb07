/* letters.c: what the public door handed in: {"do":"subscribe","email","components"}, {"do":
 * "confirm"|"unsubscribe","token"}. Letters may come twice, forged or broken; each is idempotent,
 * and none learns anything by it. */
#include "notice/inside.h"

static struct str text_of(const struct json *v, const char *name) {
    const struct json *c = json_get(v, name);
    return c && c->type == JSON_STR ? c->s : (struct str){"", 0};
}

static struct err subscribe(struct notice *n, const struct json *v) {
    struct str chosen[NOTICE_COMPONENTS];
    struct notice_new how = {.kind = NOTICE_MAIL, .to = text_of(v, "email"), .components = chosen};
    const struct json *list = json_get(v, "components");
    char secret[NOTICE_SECRET_CHARS];
    int64_t id = 0;
    if (list && list->type == JSON_ARRAY)
        for (const struct json *c = json_first(list); c != json_end(list); c = json_next(c))
            if (c->type == JSON_STR && how.n_components < NOTICE_COMPONENTS)
                chosen[how.n_components++] = c->s;
    return notice_add(n, &how, &id, secret);
}

static struct err act(struct notice *n, const struct json *v) {
    const struct json *what = json_get(v, "do");
    if (json_is_str(what, "subscribe")) return subscribe(n, v);
    if (json_is_str(what, "confirm")) return notice_confirm_token(n, text_of(v, "token"));
    if (json_is_str(what, "unsubscribe")) return notice_unsubscribe_token(n, text_of(v, "token"));
    return ERR(ERR_INVALID, "letter: unknown");
}

bool notice_letter(void *ctx, struct str letter) {
    struct notice *n = ctx;
    AUTO(arena_free) struct arena *a = arena_new(1u << 18);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(LETTERBOX_LETTER_BYTES);
    const struct json *v = NULL;
    if (!a || !p) return false;
    arena_wipe_on_reset(a);
    struct err e = json_parse_copy(p, letter, a, &v);
    if (e.code == ERR_OK) e = act(n, v);
    arena_reset(a);
    /* What the database could not take now is kept; what it will never take is not. */
    bool later = e.code == ERR_IO || e.code == ERR_FULL || e.code == ERR_BUSY ||
                 e.code == ERR_NOMEM || e.code == ERR_TIMEOUT;
    if (later) log_failure("taking a letter", e);
    return !later;
}
