/* profile_open.c: what each operation does to one property of an open document.
 *
 * The document is read once into an array of properties with a table of their names. A property
 * that is changed gets a value of its own, a list the open form (profile_list.h). Two numbers, the
 * bytes and the properties that the document would have now, hold it to its limits: a value that
 * does not fit stays as it was, a list takes the elements that fit. */
#include "store/profile_open.h"

#include <stdlib.h>

#include "store/profile_list.h"

#define NAME_BYTES 16
#define LIST_HEAD_BYTES 5
#define NOTHING ((struct str){NULL, 0})

struct change {
    bool is_list;
    struct buf value; /* n 0: the property is gone */
    struct profile_list list;
};

struct prop {
    struct id128 name;
    struct str was;        /* in the document as it was opened; p NULL: not there */
    struct change *change; /* NULL: as it was */
};

struct profile_open {
    char *doc; /* owned; what `was` points into */
    struct prop *props;
    size_t n, cap;
    uint32_t *slots; /* [mask + 1] property + 1 by name, 0: free */
    uint32_t mask;
    size_t bytes, live; /* of the document with all changes so far */
    size_t cut;
    bool failed;
};

/* ---- names ---- */

static uint32_t *slot_of(const struct profile_open *o, struct id128 name) {
    uint32_t s;
    memcpy(&s, name.b, sizeof s); /* a keyed hash: uniform */
    for (s &= o->mask; o->slots[s]; s = (s + 1) & o->mask)
        if (id128_eq(o->props[o->slots[s] - 1].name, name)) break;
    return &o->slots[s];
}

static bool index_for(struct profile_open *o, size_t props) {
    uint32_t n = 16;
    while (n < 2 * props)
        n *= 2;
    free(o->slots);
    o->slots = calloc(n, sizeof *o->slots);
    o->mask = n - 1;
    for (uint32_t i = 0; o->slots && i < o->n; i++)
        *slot_of(o, o->props[i].name) = i + 1;
    return o->slots != NULL;
}

/* A new property at the end; NULL: no memory. */
static struct prop *add_prop(struct profile_open *o, struct id128 name, struct str was) {
    if (o->n == o->cap) {
        size_t cap = o->cap ? 2 * o->cap : 16;
        struct prop *more = realloc(o->props, cap * sizeof *more);
        if (!more) return NULL;
        o->props = more;
        o->cap = cap;
        if (!index_for(o, cap)) return NULL;
    }
    struct prop *p = &o->props[o->n++];
    *p = (struct prop){.name = name, .was = was};
    *slot_of(o, name) = (uint32_t)o->n;
    return p;
}

static struct prop *find(const struct profile_open *o, struct id128 name) {
    uint32_t i = o->n ? *slot_of(o, name) : 0;
    return i ? &o->props[i - 1] : NULL;
}

/* ---- opening and closing ---- */

static bool read_doc(struct profile_open *o, struct str doc) {
    o->doc = malloc(doc.n + 1);
    if (!o->doc) return false;
    if (doc.n) memcpy(o->doc, doc.p, doc.n);
    struct cursor c = {(const uint8_t *)o->doc, doc.n, false};
    struct id128 name;
    struct str element;
    while (profile_next(&c, &name, &element))
        if (!find(o, name) && !add_prop(o, name, element)) return false;
    o->bytes = doc.n;
    o->live = o->n;
    return true;
}

struct profile_open *profile_open_new(struct str doc) {
    struct profile_open *o = calloc(1, sizeof *o);
    if (o && read_doc(o, doc)) return o;
    profile_open_free(o);
    return NULL;
}

static void free_change(struct change *c) {
    if (!c) return;
    buf_done(&c->value);
    profile_list_done(&c->list);
    free(c);
}

void profile_open_free(struct profile_open *o) {
    if (!o) return;
    for (size_t i = 0; i < o->n; i++)
        free_change(o->props[i].change);
    free(o->props);
    free(o->slots);
    free(o->doc);
    free(o);
}

/* ---- one property ---- */

static uint8_t tag(struct str element) {
    return element.p ? (uint8_t)element.p[0] : (uint8_t)PV_NONE;
}

/* The elements of a list, or the scalar as one; null and nothing have none. */
static struct cursor items(struct str element) {
    const uint8_t *p = (const uint8_t *)element.p;
    if (!p || tag(element) == PV_NULL) return (struct cursor){(const uint8_t *)"", 0, false};
    return tag(element) == PV_LIST
               ? (struct cursor){p + LIST_HEAD_BYTES, element.n - LIST_HEAD_BYTES, false}
               : (struct cursor){p, element.n, false};
}

static double number(struct str element) {
    struct cursor c = {(const uint8_t *)element.p + 1, element.n - 1, false};
    return cursor_f64(&c);
}

/* The value now, but for open lists. */
static struct str value_of(const struct prop *p) {
    if (!p) return NOTHING;
    if (!p->change) return p->was;
    return p->change->value.n ? buf_str(&p->change->value) : NOTHING;
}

static bool is_there(const struct prop *p) {
    return p && ((p->change && p->change->is_list) || value_of(p).p);
}

static size_t bytes_of(const struct prop *p) {
    if (!is_there(p)) return 0;
    size_t n = p->change && p->change->is_list ? LIST_HEAD_BYTES + p->change->list.live_bytes
                                               : value_of(p).n;
    return NAME_BYTES + n;
}

static bool fits(const struct profile_open *o, const struct prop *p, size_t value_bytes) {
    size_t had = bytes_of(p), now = NAME_BYTES + value_bytes;
    if (!is_there(p) && o->live >= PROFILE_MAX_PROPS) return false;
    return now <= had || o->bytes - had + now <= PROFILE_MAX_BYTES;
}

/* The property with a change of its own; NULL: no memory. */
static struct prop *touch(struct profile_open *o, struct id128 name) {
    struct prop *p = find(o, name);
    if (!p) p = add_prop(o, name, NOTHING);
    if (p && !p->change) {
        p->change = calloc(1, sizeof *p->change);
        if (p->change) {
            buf_init(&p->change->value, PROFILE_MAX_BYTES);
            buf_put_str(&p->change->value, p->was);
        }
    }
    if (!p || !p->change) o->failed = true;
    return o->failed ? NULL : p;
}

static void account(struct profile_open *o, size_t had, const struct prop *p) {
    o->bytes = o->bytes - had + bytes_of(p);
    o->live = o->live - (had > 0) + (bytes_of(p) > 0);
}

static void set(struct profile_open *o, struct id128 name, struct str element) {
    size_t had = bytes_of(find(o, name));
    if (element.p && !fits(o, find(o, name), element.n)) {
        o->cut++;
        return;
    }
    if (!element.p && !had) return;
    struct prop *p = touch(o, name);
    if (!p) return;
    if (p->change->is_list) profile_list_done(&p->change->list);
    p->change->is_list = false;
    buf_clear(&p->change->value);
    buf_put_str(&p->change->value, element);
    o->failed |= buf_err(&p->change->value).code != ERR_OK;
    account(o, had, p);
}

static void add(struct profile_open *o, struct id128 name, struct str operand) {
    struct prop *p = find(o, name);
    if (tag(operand) != PV_NUMBER) return;
    bool is_list = p && p->change && p->change->is_list;
    double old = !is_list && tag(value_of(p)) == PV_NUMBER ? number(value_of(p)) : 0;
    AUTO(buf_done) struct buf b;
    buf_init(&b, 1 + sizeof(double));
    buf_put_u8(&b, PV_NUMBER);
    buf_put_f64(&b, old + number(operand));
    set(o, name, buf_str(&b));
}

/* The property as an open list; NULL: no memory. */
static struct prop *open_list(struct profile_open *o, struct id128 name) {
    struct prop *p = touch(o, name);
    if (!p || p->change->is_list) return p;
    profile_list_init(&p->change->list, items(value_of(p)));
    p->change->is_list = true;
    buf_clear(&p->change->value);
    return p;
}

static void extend(struct profile_open *o, struct id128 name, struct cursor more, bool only_new) {
    size_t had = bytes_of(find(o, name));
    if (!fits(o, find(o, name), LIST_HEAD_BYTES)) {
        o->cut++;
        return;
    }
    struct prop *p = open_list(o, name);
    if (!p) return;
    struct profile_list *l = &p->change->list;
    account(o, had, p);
    bool cut = false;
    while (more.n) {
        struct str e = profile_element(&more);
        if (!e.p) break;
        if (only_new && profile_list_has(l, e)) continue;
        cut = l->live >= PROFILE_MAX_LIST || o->bytes + e.n > PROFILE_MAX_BYTES;
        if (cut) break;
        profile_list_append(l, e);
        o->bytes += e.n;
    }
    o->cut += cut;
    o->failed |= l->failed;
}

static void remove_items(struct profile_open *o, struct id128 name, struct cursor gone) {
    struct prop *p = find(o, name);
    bool is_list =
        is_there(p) && ((p->change && p->change->is_list) || tag(value_of(p)) == PV_LIST);
    if (!is_list) return;
    size_t had = bytes_of(p);
    p = open_list(o, name);
    if (!p) return;
    while (gone.n) {
        struct str e = profile_element(&gone);
        if (!e.p) break;
        profile_list_remove(&p->change->list, e);
    }
    o->failed |= p->change->list.failed;
    account(o, had, p);
}

void profile_open_change(struct profile_open *o, enum profile_op op, struct id128 name,
                         struct str element) {
    if (o->failed) return;
    /* A scalar null is an element for $append; lists carry what is to be added (journal.h). */
    struct cursor whole = {(const uint8_t *)element.p, element.n, false};
    switch (op) {
    case PROFILE_SET:
        set(o, name, element);
        break;
    case PROFILE_SET_ONCE:
        if (!is_there(find(o, name)) && tag(element) != PV_NULL) set(o, name, element);
        break;
    case PROFILE_ADD:
        add(o, name, element);
        break;
    case PROFILE_APPEND:
        extend(o, name, tag(element) == PV_LIST ? items(element) : whole, false);
        break;
    case PROFILE_UNION:
        extend(o, name, items(element), true);
        break;
    case PROFILE_REMOVE:
        remove_items(o, name, items(element));
        break;
    case PROFILE_UNSET:
    case PROFILE_DELETE:
        set(o, name, NOTHING);
        break;
    }
}

/* ---- the document as a whole ---- */

void profile_open_clear(struct profile_open *o) {
    for (size_t i = 0; i < o->n && !o->failed; i++)
        set(o, o->props[i].name, NOTHING);
}

struct err profile_open_err(const struct profile_open *o) {
    return o->failed ? ERR(ERR_NOMEM, "profile") : ERR_NONE;
}

size_t profile_open_cut(const struct profile_open *o) {
    return o->cut;
}

static void write_value(const struct prop *p, struct buf *out) {
    if (p->change && p->change->is_list)
        profile_list_write(&p->change->list, out);
    else
        buf_put_str(out, value_of(p));
}

void profile_open_write(const struct profile_open *o, struct buf *out) {
    for (size_t i = 0; i < o->n; i++) {
        if (!is_there(&o->props[i])) continue;
        buf_put(out, o->props[i].name.b, NAME_BYTES);
        write_value(&o->props[i], out);
    }
}

struct err profile_open_changes(const struct profile_open *o,
                                struct err (*each)(void *ctx, struct id128 name, struct str was,
                                                   struct str is),
                                void *ctx) {
    AUTO(buf_done) struct buf now;
    buf_init(&now, 2 * (size_t)PROFILE_MAX_BYTES);
    for (size_t i = 0; i < o->n; i++) {
        const struct prop *p = &o->props[i];
        if (!p->change) continue;
        buf_clear(&now);
        write_value(p, &now);
        TRY(buf_err(&now));
        TRY(each(ctx, p->name, p->was, is_there(p) ? buf_str(&now) : NOTHING));
    }
    return ERR_NONE;
}

void profile_change_all(struct buf *doc, enum profile_op op, const struct profile_edit *edits,
                        size_t n) {
    AUTO(profile_open_free) struct profile_open *o = profile_open_new(buf_str(doc));
    for (size_t i = 0; o && i < n; i++)
        profile_open_change(o, op, edits[i].name, edits[i].element);
    if (!o || profile_open_err(o).code != ERR_OK) {
        if (buf_err(doc).code == ERR_OK) doc->failed = ERR_NOMEM;
        return;
    }
    buf_clear(doc);
    profile_open_write(o, doc);
}

void profile_change(struct buf *doc, enum profile_op op, struct id128 name, struct str element) {
    struct profile_edit edit = {.name = name, .element = element};
    profile_change_all(doc, op, &edit, 1);
}
