/* opener.c: see opener.h.
 *
 * Each line gives ciphertext, box and the claim under which the text was hashed (kind, type, path).
 * A text counts as opened only if box, AEAD and padding check and if hashing it under its claim
 * gives the handle: so nobody can pass one person's text off as another's by exchanging lines. The
 * path may be sealed itself; names are opened before the values under them.
 */
#include "cli/opener.h"

#include <sodium.h>
#include <stdlib.h>

#define MAX_TEXTS 50000000

struct entry {
    struct id128 handle, path_handle; /* path_handle: when the path is sealed */
    struct sealed_text text;
    uint64_t project;
    struct str path; /* clear; p NULL: by path_handle */
    uint8_t box[SEAL_BOX_BYTES];
    struct str clear; /* the text itself, once opened */
    struct str value; /* as JSON */
};

struct opener {
    struct team_secret secret;
    struct arena *arena;
    struct entry *all;
    size_t n, cap, failed, opened;
    struct seal_keys *keys; /* [n_keys], one per project met */
    size_t n_keys;
};

struct opener *opener_new(const struct team_secret *t) {
    struct opener *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->secret = *t;
    o->arena = arena_new(0);
    if (o->arena) return o;
    free(o);
    return NULL;
}

void opener_free(struct opener *o) {
    if (!o) return;
    secret_wipe(&o->secret, sizeof o->secret);
    if (o->keys) secret_wipe(o->keys, o->n_keys * sizeof *o->keys);
    free(o->keys);
    free(o->all);
    arena_free(o->arena);
    free(o);
}

/* ---- taking ---- */

static struct str text_of(const struct json *v, const char *name) {
    const struct json *m = json_get(v, name);
    return m && m->type == JSON_STR ? m->s : (struct str){NULL, 0};
}

static int64_t number_of(const struct json *v, const char *name) {
    const struct json *m = json_get(v, name);
    return m && m->type == JSON_INT ? m->i : -1;
}

static bool base64(struct opener *o, struct str text, struct str *out) {
    uint8_t *bytes = arena_alloc(o->arena, text.n + 1);
    size_t n = 0;
    if (!bytes || !text.p ||
        sodium_base642bin(bytes, text.n + 1, text.p, text.n, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL))
        return false;
    *out = (struct str){(char *)bytes, n};
    return true;
}

static struct err take_keys(struct opener *o, const struct json *v) {
    struct str box;
    struct seal_keys keys;
    int64_t project = number_of(v, "project");
    if (project < 0 || !base64(o, text_of(v, "check"), &box) || box.n != SEAL_CHECK_BYTES)
        return ERR(ERR_INVALID, "a $sealed check line is damaged");
    TRY(seal_check_open((const uint8_t *)box.p, &o->secret, (uint64_t)project, &keys));
    struct seal_keys *grown = realloc(o->keys, (o->n_keys + 1) * sizeof *grown);
    if (!grown) return ERR(ERR_NOMEM, "open");
    o->keys = grown;
    o->keys[o->n_keys++] = keys;
    return ERR_NONE;
}

static bool read_path(struct opener *o, struct str text, struct entry *e) {
    if (!text.p) return false;
    if (str_starts(text, STR("sealed:")) && str_from_hex(str_from(text, 7), e->path_handle.b, 16))
        return true;
    e->path = arena_str(o->arena, text);
    return e->path.p != NULL;
}

static bool read_entry(struct opener *o, const struct json *v, struct entry *e) {
    struct str box, type = text_of(v, "type");
    int64_t ordinal = number_of(v, "ordinal"), kind = number_of(v, "kind"),
            project = number_of(v, "project");
    if (ordinal < 0 || kind < 0 || kind > 255 || project < 0 || type.n != 1) return false;
    e->text.ordinal = (uint64_t)ordinal;
    e->text.kind = (uint8_t)kind;
    e->text.type = (uint8_t)type.p[0];
    e->project = (uint64_t)project;
    if (!str_from_hex(text_of(v, "handle"), e->handle.b, 16) ||
        !str_from_hex(text_of(v, "frame"), e->text.frame.b, 16) ||
        !base64(o, text_of(v, "box"), &box) || box.n != SEAL_BOX_BYTES ||
        !base64(o, text_of(v, "ciphertext"), &e->text.ciphertext))
        return false;
    memcpy(e->box, box.p, SEAL_BOX_BYTES);
    return read_path(o, text_of(v, "path"), e);
}

struct err opener_take(struct opener *o, const struct json *v) {
    if (json_get(v, "check")) return take_keys(o, v);
    if (o->n == MAX_TEXTS) return ERR(ERR_LIMIT, "too many sealed texts");
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 1024;
        struct entry *grown = realloc(o->all, cap * sizeof *grown);
        if (!grown) return ERR(ERR_NOMEM, "open");
        o->all = grown;
        o->cap = cap;
    }
    struct entry e = {0};
    if (read_entry(o, v, &e))
        o->all[o->n++] = e;
    else
        o->failed++;
    return ERR_NONE;
}

/* ---- opening ---- */

static int by_handle(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id128)); /* the handle comes first in an entry */
}

static struct entry *find(const struct opener *o, struct id128 handle) {
    return o->n ? bsearch(&handle, o->all, o->n, sizeof *o->all, by_handle) : NULL;
}

static const struct seal_keys *keys_of(const struct opener *o, uint64_t project) {
    for (size_t i = 0; i < o->n_keys; i++)
        if (o->keys[i].project == project) return &o->keys[i];
    return NULL;
}

static bool is_what_it_claims(const struct opener *o, const struct entry *e, struct str path,
                              struct str clear) {
    const struct seal_keys *k = keys_of(o, e->project);
    if (!k) return false;
    struct id128 hash = seal_hash(k, e->text.kind, e->text.type, path, clear);
    return id128_eq(seal_handle(k, HANDLE_TEXT, hash), e->handle);
}

static bool put_value(struct opener *o, struct entry *e) {
    struct buf json;
    buf_init(&json, 16u << 20);
    struct jout j;
    double number = 0;
    jout_init(&j, &json);
    if (e->text.type != TEXT_STRING && str_to_f64(e->clear, &number))
        jout_raw(&j, e->clear);
    else
        jout_str(&j, e->clear);
    e->value = arena_str(o->arena, buf_str(&json));
    buf_wipe_done(&json);
    return e->value.p != NULL;
}

static bool open_entry(struct opener *o, struct entry *e) {
    uint8_t key[32];
    struct str path = e->path;
    if (!path.p) {
        const struct entry *name = find(o, e->path_handle);
        if (!name || !name->clear.p) return false;
        path = name->clear;
    }
    uint8_t *clear = arena_alloc(o->arena, e->text.ciphertext.n + 1);
    size_t n = 0;
    bool ok = clear &&
              seal_open_box(e->box, &o->secret, e->project, e->text.frame, key).code == ERR_OK &&
              seal_open_text(key, e->project, &e->text, clear, &n).code == ERR_OK;
    secret_wipe(key, sizeof key);
    e->clear = (struct str){(char *)clear, n};
    if (ok && is_what_it_claims(o, e, path, e->clear) && put_value(o, e)) return true;
    e->clear = (struct str){NULL, 0};
    return false;
}

static bool is_name(const struct entry *e) {
    return e->text.kind != TEXT_VALUE && e->text.kind != TEXT_USER_VALUE &&
           e->text.kind != TEXT_GROUP_VALUE;
}

struct err opener_open(struct opener *o) {
    if (o->n && o->n_keys == 0) return ERR(ERR_INVALID, "the line with the check keys is missing");
    if (o->n) qsort(o->all, o->n, sizeof *o->all, by_handle);
    for (int values = 0; values < 2; values++)
        for (size_t i = 0; i < o->n; i++) {
            if (is_name(&o->all[i]) == (values == 1)) continue;
            bool ok = open_entry(o, &o->all[i]);
            o->opened += ok;
            o->failed += !ok;
        }
    return ERR_NONE;
}

struct str opener_find(const struct opener *o, struct id128 handle) {
    const struct entry *e = find(o, handle);
    return e ? e->value : (struct str){NULL, 0};
}

size_t opener_opened_n(const struct opener *o) {
    return o->opened;
}

size_t opener_failed_n(const struct opener *o) {
    return o->failed;
}
