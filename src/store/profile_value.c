/* profile_value.c: profile documents: reading, writing, and what each operation does to one
 * property. */
#include <stdlib.h>

#include "store/element_set.h"
#include "store/profile.h"

#define NAME_BYTES 16

static void put_list(struct buf *out, const struct frame *f, struct cursor *value) {
    uint32_t count = cursor_u32(value), bytes = cursor_u32(value);
    struct cursor items = {cursor_bytes(value, bytes), bytes, false};
    buf_put_u8(out, PV_LIST);
    size_t at = out->n;
    buf_put_u32(out, 0);
    for (uint32_t i = 0; i < count && i < PROFILE_MAX_LIST; i++)
        profile_put_value(out, f, &items);
    if (buf_err(out).code != ERR_OK) return;
    uint32_t n = (uint32_t)(out->n - at - 4);
    memcpy(out->p + at, &n, sizeof n);
}

static void put_object(struct buf *out, const struct frame *f, struct cursor *value) {
    uint32_t count = cursor_u32(value), bytes = cursor_u32(value);
    struct cursor items = {cursor_bytes(value, bytes), bytes, false};
    buf_put_u8(out, PV_OBJECT);
    size_t at = out->n;
    buf_put_u32(out, 0);
    for (uint32_t i = 0; i < count; i++) {
        buf_put(out, f->texts[cursor_u32(&items)].hash.b, NAME_BYTES);
        profile_put_value(out, f, &items);
    }
    if (buf_err(out).code != ERR_OK) return;
    uint32_t n = (uint32_t)(out->n - at - 4);
    memcpy(out->p + at, &n, sizeof n);
}

static void put_text(struct buf *out, const struct frame *f, struct cursor *value) {
    const struct frame_text *t = &f->texts[cursor_u32(value)];
    buf_put_u8(out, PV_TEXT);
    buf_put_u8(out, t->type);
    buf_put(out, t->hash.b, sizeof t->hash.b);
}

void profile_put_value(struct buf *out, const struct frame *f, struct cursor *value) {
    switch ((enum frame_value)cursor_u8(value)) {
    case V_NULL:
        buf_put_u8(out, PV_NULL);
        break;
    case V_FALSE:
        buf_put_u8(out, PV_FALSE);
        break;
    case V_TRUE:
        buf_put_u8(out, PV_TRUE);
        break;
    case V_EMPTY_OBJECT:
        buf_put_u8(out, PV_EMPTY_OBJECT);
        break;
    case V_NUMBER:
        buf_put_u8(out, PV_NUMBER);
        buf_put_f64(out, cursor_f64(value));
        break;
    case V_TIME:
        buf_put_u8(out, PV_TIME);
        buf_put_i64(out, cursor_i64(value));
        break;
    case V_TEXT:
        put_text(out, f, value);
        break;
    case V_LIST:
        put_list(out, f, value);
        break;
    case V_OBJECT:
        put_object(out, f, value);
        break;
    }
}

struct str profile_element(struct cursor *c) {
    const uint8_t *start = c->p;
    switch ((enum part_value_type)(cursor_u8(c) & 127)) {
    case PV_TEXT:
        cursor_bytes(c, 1 + NAME_BYTES);
        break;
    case PV_NUMBER:
    case PV_TIME:
        cursor_bytes(c, 8);
        break;
    case PV_LIST:
    case PV_OBJECT:
        cursor_bytes(c, cursor_u32(c));
        break;
    case PV_NONE:
    case PV_FALSE:
    case PV_TRUE:
    case PV_NULL:
    case PV_EMPTY_OBJECT:
        break;
    }
    return c->bad ? (struct str){NULL, 0}
                  : (struct str){(const char *)start, (size_t)(c->p - start)};
}

bool profile_next(struct cursor *doc, struct id128 *out_name, struct str *out_element) {
    if (doc->n == 0) return false;
    const uint8_t *name = cursor_bytes(doc, NAME_BYTES);
    if (!name) return false;
    memcpy(out_name->b, name, NAME_BYTES);
    *out_element = profile_element(doc);
    return out_element->p != NULL;
}

struct str profile_find(struct str doc, struct id128 name) {
    struct cursor c = {(const uint8_t *)doc.p, doc.n, false};
    struct id128 at;
    struct str element;
    while (profile_next(&c, &at, &element))
        if (id128_eq(at, name)) return element;
    return (struct str){NULL, 0};
}

/* ---- operations: old element (p NULL: none) and operand -> new element ---- */

static uint8_t tag(struct str element) {
    return element.p ? (uint8_t)element.p[0] : (uint8_t)PV_NONE;
}

static double number(struct str element) {
    struct cursor c = {(const uint8_t *)element.p + 1, element.n - 1, false};
    return cursor_f64(&c);
}

/* The elements of a list; a scalar is a list of itself, none is empty. */
static struct cursor items(struct str element) {
    const uint8_t *p = (const uint8_t *)element.p;
    if (!p || tag(element) == PV_NULL) return (struct cursor){(const uint8_t *)"", 0, false};
    return tag(element) == PV_LIST ? (struct cursor){p + 5, element.n - 5, false}
                                   : (struct cursor){p, element.n, false};
}

static size_t count_items(struct cursor list) {
    size_t n = 0;
    while (list.n && profile_element(&list).p)
        n++;
    return n;
}

/* Starts a list element in out; end_list closes it. */
static size_t begin_list(struct buf *out) {
    buf_put_u8(out, PV_LIST);
    buf_put_u32(out, 0);
    return out->n;
}

static void end_list(struct buf *out, size_t start) {
    if (buf_err(out).code != ERR_OK) return;
    uint32_t n = (uint32_t)(out->n - start);
    memcpy(out->p + start - 4, &n, sizeof n);
}

/* The elements of `add` that are not there yet. */
static void append_new(struct buf *out, size_t start, struct cursor add, size_t count) {
    struct element_set set;
    element_set_init(&set, count + count_items(add));
    struct cursor have = {(const uint8_t *)out->p + start, out->n - start, false};
    for (const uint8_t *first = have.p; have.n;) {
        size_t at = (size_t)(have.p - first);
        if (!profile_element(&have).p) break;
        element_set_put(&set, (struct str){(const char *)first, out->n - start}, at);
    }
    while (add.n && count < PROFILE_MAX_LIST && buf_err(out).code == ERR_OK) {
        struct str e = profile_element(&add), list = {out->p + start, out->n - start};
        if (!e.p) break;
        if (element_set_has(&set, list, e)) continue;
        size_t at = list.n;
        buf_put_str(out, e);
        if (buf_err(out).code != ERR_OK) break;
        element_set_put(&set, (struct str){out->p + start, out->n - start}, at);
        count++;
    }
    element_set_done(&set);
}

static void append(struct buf *out, struct str old, struct str operand, bool only_new) {
    size_t start = begin_list(out), count = 0;
    for (struct cursor c = items(old); c.n && !c.bad; count++)
        buf_put_str(out, profile_element(&c));
    /* A scalar null is an element for $append; lists carry what is to be added (journal.h). */
    bool whole = !only_new && tag(operand) != PV_LIST;
    struct cursor add =
        whole ? (struct cursor){(const uint8_t *)operand.p, operand.n, false} : items(operand);
    if (only_new) append_new(out, start, add, count);
    for (; !only_new && add.n && count < PROFILE_MAX_LIST; count++) {
        struct str e = profile_element(&add);
        if (!e.p) break;
        buf_put_str(out, e);
    }
    end_list(out, start);
}

static void remove_items(struct buf *out, struct str old, struct str operand) {
    size_t start = begin_list(out);
    struct cursor gone = items(operand);
    struct str list = {(const char *)gone.p, gone.n};
    struct element_set set;
    element_set_init(&set, count_items(gone));
    while (gone.n) {
        size_t at = list.n - gone.n;
        if (!profile_element(&gone).p) break;
        element_set_put(&set, list, at);
    }
    for (struct cursor c = items(old); c.n && !c.bad;) {
        struct str e = profile_element(&c);
        if (e.p && !element_set_has(&set, list, e)) buf_put_str(out, e);
    }
    element_set_done(&set);
    end_list(out, start);
}

static void add(struct buf *out, struct str old, struct str operand) {
    if (tag(operand) != PV_NUMBER) {
        buf_put_str(out, old);
        return;
    }
    double sum = (tag(old) == PV_NUMBER ? number(old) : 0) + number(operand);
    buf_put_u8(out, PV_NUMBER);
    buf_put_f64(out, sum);
}

/* Writes the new element; nothing written: the property goes. */
static void change(struct buf *out, enum profile_op op, struct str old, struct str operand) {
    switch (op) {
    case PROFILE_SET:
        buf_put_str(out, operand);
        break;
    case PROFILE_SET_ONCE:
        if (old.p || tag(operand) != PV_NULL) buf_put_str(out, old.p ? old : operand);
        break;
    case PROFILE_ADD:
        add(out, old, operand);
        break;
    case PROFILE_APPEND:
        append(out, old, operand, false);
        break;
    case PROFILE_UNION:
        append(out, old, operand, true);
        break;
    case PROFILE_REMOVE:
        if (tag(old) == PV_LIST)
            remove_items(out, old, operand);
        else
            buf_put_str(out, old);
        break;
    case PROFILE_UNSET:
    case PROFILE_DELETE:
        break;
    }
}

/* ---- all changes of a record in one walk: a document may be a megabyte, a record 255 changes ----
 */

static int by_name(const void *a, const void *b) {
    const struct profile_edit *const *x = a, *const *y = b;
    return id128_cmp((*x)->name, (*y)->name);
}

/* Writes the changed property, or the old one if the document would grow too large. *size: of the
 * document with all changes so far. False: nothing stands there now. */
static bool put_changed(struct buf *next, enum profile_op op, const struct profile_edit *edit,
                        struct str old, size_t *size) {
    size_t start = next->n, had = old.p ? NAME_BYTES + old.n : 0;
    buf_put(next, edit->name.b, NAME_BYTES);
    change(next, op, old, edit->element);
    if (next->n == start + NAME_BYTES) next->n = start;
    size_t now = next->n - start;
    if (*size - had + now > PROFILE_MAX_BYTES && now > had) {
        next->n = start;
        if (had) buf_put(next, edit->name.b, NAME_BYTES);
        if (had) buf_put_str(next, old);
        return had > 0;
    }
    *size = *size - had + now;
    return now > 0;
}

static struct profile_edit *edit_of(struct profile_edit **sorted, size_t n, struct id128 name) {
    struct profile_edit key = {.name = name}, *k = &key;
    struct profile_edit **found = n ? bsearch(&k, sorted, n, sizeof *sorted, by_name) : NULL;
    return found ? *found : NULL;
}

static void change_all(struct buf *next, const struct buf *doc, enum profile_op op,
                       struct profile_edit **sorted, size_t n) {
    struct cursor c = {(const uint8_t *)doc->p, doc->n, false};
    struct id128 at;
    struct str e;
    size_t size = doc->n, props = 0;
    while (profile_next(&c, &at, &e)) {
        struct profile_edit *edit = edit_of(sorted, n, at);
        if (edit) {
            edit->done = true;
            props += put_changed(next, op, edit, e, &size);
            continue;
        }
        buf_put(next, at.b, NAME_BYTES);
        buf_put_str(next, e);
        props++;
    }
    for (size_t i = 0; i < n; i++)
        if (!sorted[i]->done && props < PROFILE_MAX_PROPS)
            props += put_changed(next, op, sorted[i], (struct str){NULL, 0}, &size);
}

void profile_change_all(struct buf *doc, enum profile_op op, struct profile_edit *edits, size_t n) {
    AUTO(buf_done) struct buf next;
    struct profile_edit **sorted = calloc(n + 1, sizeof *sorted);
    size_t kept = 0;
    buf_init(&next, 3 * (size_t)PROFILE_MAX_BYTES);
    for (size_t i = 0; sorted && i < n; i++) {
        edits[i].done = false;
        sorted[i] = &edits[i];
    }
    if (sorted && n) qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; sorted && i < n; i++) /* intake names none twice */
        if (i == 0 || by_name(&sorted[i], &sorted[kept - 1])) sorted[kept++] = sorted[i];
    if (sorted) change_all(&next, doc, op, sorted, kept);
    if (sorted && buf_err(&next).code == ERR_OK) {
        buf_clear(doc);
        buf_put_str(doc, buf_str(&next));
    } else if (buf_err(doc).code == ERR_OK) {
        doc->failed = ERR_NOMEM;
    }
    free(sorted);
}

void profile_change(struct buf *doc, enum profile_op op, struct id128 name, struct str element) {
    struct profile_edit edit = {.name = name, .element = element};
    profile_change_all(doc, op, &edit, 1);
}
