/* row.c: a part's columns back into the objects that were sent. A canonical path "a.b" is the
 * member b of the object a; names are sorted by their pieces, so members of one object lie together
 * and one pass with a stack of open objects writes them. */
#include "query/row.h"

#include <math.h>
#include <stdlib.h>

#define MAX_KEY_BYTES (1u << 20)

/* ---- names ---- */

static struct err split(struct str path, struct arena *a, struct row_name *out) {
    char *copy = arena_alloc(a, path.n + 1);
    size_t n = 0, begin = 0;
    if (!copy) return ERR(ERR_NOMEM, "query: names");
    out->n = 0;
    for (size_t i = 0; i < path.n; i++) {
        char c = path.p[i];
        if (c == '.' && out->n < ROW_MAX_DEPTH - 1) {
            out->parts[out->n++] = (struct str){copy + begin, n - begin};
            begin = n;
            continue;
        }
        if (c == '\\' && i + 1 < path.n) c = path.p[++i];
        copy[n++] = c;
    }
    out->parts[out->n++] = (struct str){copy + begin, n - begin};
    return ERR_NONE;
}

static struct err key_of(struct str name, struct arena *a, struct str *out) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    buf_init(&b, MAX_KEY_BYTES);
    jout_init(&j, &b);
    jout_str(&j, name);
    TRY(buf_err(&b));
    *out = arena_str(a, buf_str(&b));
    return out->p ? ERR_NONE : ERR(ERR_NOMEM, "query: names");
}

struct err row_name_of(const struct run *r, struct id128 name, struct arena *a,
                       struct row_name *out) {
    bool sealed;
    struct str s = value_text(r, name, a, &sealed);
    if (!s.p) return ERR(ERR_NOMEM, "query: names");
    out->parts[0] = s;
    out->n = 1;
    if (!sealed) TRY(split(s, a, out));
    return key_of(out->parts[out->n - 1], a, &out->key);
}

int row_name_cmp(const void *a, const void *b) {
    const struct row_name *x = a, *y = b;
    for (uint32_t i = 0; i < x->n && i < y->n; i++) {
        int c = str_cmp(x->parts[i], y->parts[i]);
        if (c) return c;
    }
    if (x->n != y->n) return x->n < y->n ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* ---- members ---- */

static uint32_t common(const struct row_nest *n, const struct row_name *name) {
    uint32_t k = 0;
    while (n->open && k < n->depth && k + 1 < name->n && str_eq(n->open->parts[k], name->parts[k]))
        k++;
    return k;
}

void row_member(struct row_nest *n, const struct row_name *name) {
    uint32_t k = common(n, name);
    for (; n->depth > k; n->depth--)
        jout_object_end(n->j);
    for (; n->depth + 1 < name->n; n->depth++) {
        jout_key(n->j, name->parts[n->depth]);
        jout_object(n->j);
    }
    jout_key_raw(n->j, name->key);
    n->open = name;
}

void row_members_end(struct row_nest *n) {
    for (; n->depth; n->depth--)
        jout_object_end(n->j);
}

/* ---- rows ---- */

static int cmp_columns(const void *a, const void *b) {
    const struct row_column *x = a, *y = b;
    return row_name_cmp(&x->name, &y->name);
}

static struct err memo_new(struct row_reader *rr, uint32_t entries, struct row_memo **out) {
    struct row_memo *m = arena_alloc(rr->arena, sizeof *m);
    if (!m) return ERR(ERR_NOMEM, "query: rows");
    size_t bytes = ((size_t)entries + 1) * sizeof *m->known;
    if (entries <= ROW_MEMO_ENTRIES && rr->kept_bytes + bytes <= ROW_MEMO_ALL) {
        m->known = arena_alloc(rr->arena, bytes);
        if (!m->known) return ERR(ERR_NOMEM, "query: rows");
        rr->kept_bytes += bytes;
    }
    *out = m;
    return ERR_NONE;
}

struct err row_reader_new(const struct run *r, const struct part *p, uint32_t window_rows,
                          struct arena *a, struct row_reader **out) {
    struct row_reader *rr = arena_alloc(a, sizeof *rr);
    size_t n = part_info(p)->n_columns;
    if (!rr) return ERR(ERR_NOMEM, "query: rows");
    *rr = (struct row_reader){.run = r, .part = p, .arena = a, .window_rows = window_rows};
    rr->columns = arena_array(a, n, sizeof *rr->columns);
    if (!rr->columns) return ERR(ERR_NOMEM, "query: rows");
    for (size_t i = 0; i < n; i++) {
        const struct part_column_info *info = part_column(p, (int)i);
        struct row_column *c = &rr->columns[rr->n++];
        *c = (struct row_column){.column = (int)i, .class = info->class};
        TRY(row_name_of(r, info->property, a, &c->name));
        c->name.index = (uint32_t)i;
        if (c->class == PART_CODE) TRY(memo_new(rr, info->dictionary_n, &c->memo));
    }
    if (rr->n) qsort(rr->columns, rr->n, sizeof *rr->columns, cmp_columns);
    *out = rr;
    return ERR_NONE;
}

static struct err load(struct row_reader *rr, struct row_column *c, uint32_t row) {
    uint32_t rows = part_info(rr->part)->rows;
    bool codes = c->class == PART_CODE;
    if (!c->win.codes)
        c->win.codes =
            arena_array(rr->arena, rr->window_rows, codes ? sizeof(uint32_t) : sizeof(double));
    if (!c->win.codes) return ERR(ERR_NOMEM, "query: rows");
    c->win.base = row / rr->window_rows * rr->window_rows;
    c->win.n = rows - c->win.base < rr->window_rows ? rows - c->win.base : rr->window_rows;
    c->empty = true;
    if (codes)
        part_codes(rr->part, c->column, c->win.base, c->win.n, c->win.codes);
    else
        part_numbers(rr->part, c->column, c->win.base, c->win.n, c->win.numbers);
    for (uint32_t i = 0; i < c->win.n && c->empty; i++)
        c->empty = codes ? c->win.codes[i] == 0 : isnan(c->win.numbers[i]);
    return ERR_NONE;
}

/* Keeps the text of a code, if it is short and there is room. */
static void keep(struct row_reader *rr, struct row_memo *m, uint32_t code, struct str text) {
    m->code = 0;
    if (text.n > ROW_MEMO_BYTES || !text.n) return;
    if (!m->known) {
        memcpy(m->last, text.p, text.n);
        m->n = (uint32_t)text.n;
        m->code = code;
    } else if (rr->kept_bytes + text.n <= ROW_MEMO_ALL) {
        m->known[code] = arena_str(rr->arena, text);
        rr->kept_bytes += text.n;
    }
}

static void write_code(struct row_reader *rr, struct row_column *c, uint32_t code, struct jout *j) {
    struct row_memo *m = c->memo;
    struct str known = m->known          ? m->known[code]
                       : m->code == code ? (struct str){m->last, m->n}
                                         : (struct str){0};
    if (known.p) {
        jout_raw(j, known);
        return;
    }
    struct part_value v;
    size_t from = j->b->n;
    part_entry(rr->part, c->column, code, &v);
    value_write(rr->run, j, &v);
    if (j->b->failed == ERR_OK) keep(rr, m, code, (struct str){j->b->p + from, j->b->n - from});
}

struct err row_write(struct row_reader *rr, uint32_t row, struct jout *j) {
    struct row_nest nest = {.j = j};
    for (uint32_t i = 0; i < rr->n; i++) {
        struct row_column *c = &rr->columns[i];
        if (row - c->win.base >= c->win.n) TRY(load(rr, c, row));
        if (c->empty) continue;
        uint32_t at = row - c->win.base;
        if (c->class == PART_CODE ? !c->win.codes[at] : isnan(c->win.numbers[at])) continue;
        row_member(&nest, &c->name);
        if (c->class == PART_CODE)
            write_code(rr, c, c->win.codes[at], j);
        else
            jout_f64(j, c->win.numbers[at]);
    }
    row_members_end(&nest);
    return ERR_NONE;
}
