/* door.c: the file `intake`: what the public door must know to take problem reports and beats
 * without asking console. Little-endian:
 *
 *      0   8  "WeirPI1\0"
 *      8   8  project | u8 takes reports | u8 takes comments | salt 16
 *          4  n components, ascending by number, each:
 *              number u32 | id 12 | n types u8, each: u8 n, bytes
 *          4  n push tokens, strictly ascending by hash, each:
 *              probe u32 | hash 32 | gatus key u8 n, bytes
 *    end   8  checksum64 of all before
 *
 * Of a push token only its hash is here; the salt makes prefixes of addresses into numbers that
 * mean nothing tomorrow. Hence mode 0600.
 */
#include <stdlib.h>

#include "page/inside.h"

#define MAGIC "WeirPI1"
#define MAX_FILE_BYTES ((size_t)8 << 20)
#define COMPONENT_MIN_BYTES 17
#define PUSH_MIN_BYTES 37

/* ---- writing ---- */

static void put_word(struct buf *b, struct str s, size_t max) {
    if (s.n > max) s.n = str_utf8_prefix((struct str){s.p, max});
    const char *nul = s.n > 0 ? memchr(s.p, 0, s.n) : NULL;
    if (nul) s.n = (size_t)(nul - s.p);
    buf_put_u8(b, (uint8_t)s.n);
    buf_put_str(b, s);
}

static int by_number(const void *a, const void *b) {
    const struct status_component *const *x = a, *const *y = b;
    return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

static struct err put_components(struct buf *b, const struct status_model *m) {
    const struct status_component **order = calloc(m->n_components + 1, sizeof(*order));
    if (!order) return ERR(ERR_NOMEM, "page: components");
    size_t n = 0;
    for (size_t i = 0; i < m->n_components; i++)
        if (!m->components[i].is_group) order[n++] = &m->components[i];
    qsort(order, n, sizeof *order, by_number);
    buf_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct status_component *c = order[i];
        size_t types = c->n_types < STATUS_TYPES_MAX ? c->n_types : STATUS_TYPES_MAX;
        buf_put_u32(b, c->number);
        buf_put(b, c->id, STATUS_ID_BYTES);
        buf_put_u8(b, (uint8_t)types);
        for (size_t t = 0; t < types; t++)
            put_word(b, c->types[t], PAGE_TYPE_BYTES);
    }
    free(order);
    return buf_err(b);
}

static int by_hash(const void *a, const void *b) {
    const struct status_push *const *x = a, *const *y = b;
    return memcmp((*x)->token_hash, (*y)->token_hash, 32);
}

/* Two monitors with one token: the first keeps it. */
static struct err put_pushes(struct buf *b, const struct status_model *m) {
    size_t all = m->n_pushes < PAGE_MAX_PUSHES ? m->n_pushes : PAGE_MAX_PUSHES, n = 0;
    const struct status_push **order = calloc(all + 1, sizeof(*order));
    if (!order) return ERR(ERR_NOMEM, "page: push tokens");
    for (size_t i = 0; i < all; i++)
        order[i] = &m->pushes[i];
    qsort(order, all, sizeof *order, by_hash);
    size_t count_at = b->n;
    buf_put_u32(b, 0);
    for (size_t i = 0; i < all; i++) {
        if (i > 0 && memcmp(order[i - 1]->token_hash, order[i]->token_hash, 32) == 0) continue;
        buf_put_u32(b, order[i]->probe);
        buf_put(b, order[i]->token_hash, 32);
        put_word(b, order[i]->gatus_key, 159);
        n++;
    }
    free(order);
    TRY(buf_err(b));
    uint32_t count = (uint32_t)n;
    memcpy(b->p + count_at, &count, sizeof count);
    return ERR_NONE;
}

struct err page_door_write(const char *path, const struct status_model *m) {
    static const struct status_model none;
    __attribute__((cleanup(buf_wipe_done))) struct buf b;
    buf_init(&b, MAX_FILE_BYTES);
    if (m->page.project == 0) m = &none;
    buf_put(&b, MAGIC, 8);
    buf_put_u64(&b, m->page.project);
    buf_put_u8(&b, m->page.takes_reports);
    buf_put_u8(&b, m->page.takes_comments);
    buf_put(&b, m->report_salt, sizeof m->report_salt);
    TRY(put_components(&b, m));
    TRY(put_pushes(&b, m));
    buf_put_u64(&b, checksum64(b.p, b.n));
    TRY(buf_err(&b));
    return io_replace_file(path, buf_str(&b), 0600);
}

/* ---- reading ---- */

static void take(struct cursor *c, void *out, size_t n) {
    const uint8_t *p = cursor_bytes(c, n);
    if (p) memcpy(out, p, n);
}

/* out has room for max bytes and a NUL, and is zeroed. */
static void take_word(struct cursor *c, char *out, size_t max) {
    size_t n = cursor_u8(c);
    if (n > max) c->bad = true;
    if (!c->bad) take(c, out, n);
    if (!c->bad && (strlen(out) != n || str_utf8_prefix((struct str){out, n}) != n)) c->bad = true;
}

static struct err take_component(struct cursor *c, struct page_door_component *out) {
    out->number = cursor_u32(c);
    take(c, out->id, STATUS_ID_BYTES);
    out->n_types = cursor_u8(c);
    if (out->n_types > STATUS_TYPES_MAX) c->bad = true;
    for (size_t i = 0; i < out->n_types && !c->bad; i++)
        take_word(c, out->types[i], PAGE_TYPE_BYTES);
    return c->bad ? ERR(ERR_CORRUPT, "page: a component") : ERR_NONE;
}

static struct err take_components(struct cursor *c, struct page_door *d) {
    size_t n = cursor_u32(c);
    if (c->bad || n > STATUS_COMPONENTS_MAX || n > c->n / COMPONENT_MIN_BYTES)
        return ERR(ERR_CORRUPT, "page: number of components");
    d->components = calloc(n + 1, sizeof *d->components);
    if (!d->components) return ERR(ERR_NOMEM, "page");
    d->n_components = n;
    for (size_t i = 0; i < n; i++) {
        TRY(take_component(c, &d->components[i]));
        if (i > 0 && d->components[i - 1].number >= d->components[i].number)
            return ERR(ERR_CORRUPT, "page: order of components");
    }
    return ERR_NONE;
}

static struct err take_pushes(struct cursor *c, struct page_door *d) {
    size_t n = cursor_u32(c);
    if (c->bad || n > PAGE_MAX_PUSHES || n > c->n / PUSH_MIN_BYTES)
        return ERR(ERR_CORRUPT, "page: number of push tokens");
    d->pushes = calloc(n + 1, sizeof *d->pushes);
    if (!d->pushes) return ERR(ERR_NOMEM, "page");
    d->n_pushes = n;
    for (size_t i = 0; i < n; i++) {
        struct page_door_push *p = &d->pushes[i];
        p->probe = cursor_u32(c);
        take(c, p->token_hash, sizeof p->token_hash);
        take_word(c, p->gatus_key, sizeof p->gatus_key - 1);
        if (c->bad) return ERR(ERR_CORRUPT, "page: a push token");
        if (i > 0 && memcmp(p[-1].token_hash, p->token_hash, 32) >= 0)
            return ERR(ERR_CORRUPT, "page: order of push tokens");
    }
    return ERR_NONE;
}

static struct err parse_into(struct cursor c, struct page_door *d) {
    d->project = cursor_u64(&c);
    uint8_t reports = cursor_u8(&c), comments = cursor_u8(&c);
    take(&c, d->salt, sizeof d->salt);
    if (c.bad || reports > 1 || comments > 1) return ERR(ERR_CORRUPT, "page: the head");
    d->takes_reports = reports;
    d->takes_comments = comments;
    TRY(take_components(&c, d));
    TRY(take_pushes(&c, d));
    return c.n == 0 ? ERR_NONE : ERR(ERR_CORRUPT, "page: bytes behind the end");
}

struct err page_door_parse(struct str content, struct page_door **out) {
    if (content.n < 16) return ERR(ERR_CORRUPT, "page: too short");
    struct cursor end = {.p = (const uint8_t *)content.p + content.n - 8, .n = 8};
    if (cursor_u64(&end) != checksum64(content.p, content.n - 8))
        return ERR(ERR_CORRUPT, "page: checksum");
    if (memcmp(content.p, MAGIC, 8) != 0) return ERR(ERR_CORRUPT, "page: not of this version");
    AUTO(page_door_free) struct page_door *d = calloc(1, sizeof *d);
    if (!d) return ERR(ERR_NOMEM, "page");
    struct cursor body = {.p = (const uint8_t *)content.p + 8, .n = content.n - 16};
    TRY(parse_into(body, d));
    *out = d;
    d = NULL;
    return ERR_NONE;
}

struct err page_door_read(const char *path, struct page_door **out) {
    __attribute__((cleanup(buf_wipe_done))) struct buf b;
    buf_init(&b, MAX_FILE_BYTES + 1);
    struct err e = io_read_file(path, MAX_FILE_BYTES, &b);
    if (e.code == ERR_LIMIT) return ERR(ERR_CORRUPT, "page: file too long");
    TRY(e);
    return page_door_parse(buf_str(&b), out);
}

void page_door_free(struct page_door *d) {
    if (!d) return;
    secret_wipe(d->salt, sizeof d->salt);
    free(d->components);
    free(d->pushes);
    free(d);
}

/* ---- looking up ---- */

const struct page_door_component *page_door_component(const struct page_door *d, struct str which) {
    int64_t number = -1;
    if (which.n != STATUS_ID_BYTES && !str_to_i64(which, &number)) return NULL;
    for (size_t i = 0; i < d->n_components; i++) {
        const struct page_door_component *c = &d->components[i];
        if (number >= 0 ? (int64_t)c->number == number
                        : str_eq(which, (struct str){c->id, STATUS_ID_BYTES}))
            return c;
    }
    return NULL;
}

uint32_t page_door_type(const struct page_door_component *c, struct str which) {
    int64_t index;
    uint32_t other = c->n_types > 0 ? c->n_types - 1 : 0;
    if (str_to_i64(which, &index))
        return index >= 0 && index < (int64_t)c->n_types ? (uint32_t)index : other;
    for (uint32_t i = 0; i < c->n_types; i++)
        if (str_ieq(which, str_z(c->types[i]))) return i;
    return other;
}

const struct page_door_push *page_door_push(const struct page_door *d,
                                            const uint8_t token_hash[32]) {
    size_t low = 0, high = d->n_pushes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(d->pushes[middle].token_hash, token_hash, 32);
        if (order == 0) return &d->pushes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- Gatus' keys ---- */

static size_t put_part(char *out, size_t room, struct str s) {
    size_t n = s.n < room ? s.n : str_utf8_prefix((struct str){s.p, room});
    for (size_t i = 0; i < n; i++)
        out[i] = s.p[i] && strchr(" /_,.#+&", s.p[i]) ? '-' : s.p[i] ? s.p[i] : '-';
    return n;
}

void page_gatus_key(struct str group, struct str name, char out[160]) {
    size_t n = put_part(out, 79, group);
    out[n++] = '_';
    n += put_part(out + n, 79, name);
    out[n] = 0;
}
