/* compare.c: a part against the model, by plain means: sort, scan, render as text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

static void hex(FILE *out, struct id128 id) {
    for (int i = 0; i < 16; i++)
        fprintf(out, "%02x", id.b[i]);
}

static void render(FILE *out, const struct part *p, struct part_value v) {
    struct id128 key;
    struct part_value inner;
    struct part_sealed sealed;
    switch (v.type) {
    case PV_NONE:
        fprintf(out, "NONE");
        return;
    case PV_TEXT:
        fprintf(out, "%c", v.text_type);
        hex(out, v.hash);
        assert_int_equal(part_sealed(p, v.hash, &sealed), v.sealed_here);
        return;
    case PV_FALSE:
        fprintf(out, "false");
        return;
    case PV_TRUE:
        fprintf(out, "true");
        return;
    case PV_NULL:
        fprintf(out, "null");
        return;
    case PV_EMPTY_OBJECT:
        fprintf(out, "{}");
        return;
    case PV_TIME:
        fprintf(out, "@%lld", (long long)v.time_us);
        return;
    case PV_NUMBER:
        fprintf(out, "%.17g", v.number);
        return;
    case PV_LIST:
        fprintf(out, "[");
        while (part_list_next(&v.list, &inner)) {
            render(out, p, inner);
            fprintf(out, ",");
        }
        fprintf(out, "]");
        assert_false(v.list.bad);
        return;
    case PV_OBJECT:
        fprintf(out, "{");
        while (part_object_next(&v.list, &key, &inner)) {
            hex(out, key);
            fprintf(out, ":");
            render(out, p, inner);
            fprintf(out, ",");
        }
        fprintf(out, "}");
        assert_false(v.list.bad);
        return;
    }
}

char *world_row_text(const struct part *p, uint32_t row) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    for (int c = 0; c < (int)part_info(p)->n_columns; c++) {
        const struct part_column_info *info = part_column(p, c);
        struct part_value v = {.type = PV_NUMBER};
        if (info->class == PART_NUMBER) {
            part_numbers(p, c, row, 1, &v.number);
            if (isnan(v.number)) continue;
            assert_true(v.number >= info->min && v.number <= info->max);
        } else {
            uint32_t code;
            part_codes(p, c, row, 1, &code);
            if (code == 0) continue;
            part_entry(p, c, code, &v);
            assert_int_equal(part_find_code(p, c, v.hash), code);
        }
        hex(out, info->property);
        fprintf(out, "=");
        render(out, p, v);
        fprintf(out, ";");
    }
    fclose(out);
    return text;
}

/* ---- what should be there ---- */

struct order {
    struct id128 person;
    int64_t time;
    uint32_t row;
    const struct world_row *r;
};

static int order_cmp(const void *a, const void *b) {
    const struct order *x = a, *y = b;
    int c = id128_cmp(x->person, y->person);
    if (c != 0) return c;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static bool twins(const struct order *a, const struct order *b) {
    return a->r->insert != 0 && a->r->insert == b->r->insert && id128_eq(a->r->sent, b->r->sent) &&
           id128_eq(a->r->event, b->r->event);
}

static bool folded(const struct order *o, uint32_t n, uint32_t i) {
    for (uint32_t j = i + 1; j < n && id128_eq(o[j].person, o[i].person) && o[j].time == o[i].time;
         j++)
        if (twins(&o[i], &o[j])) return true;
    return false;
}

uint32_t *world_expect(struct world *w, const struct world_choice *c, uint32_t *out_n) {
    struct order *o = calloc(w->n_rows + 1, sizeof *o);
    uint32_t n = 0, k = 0;
    for (uint32_t i = 0; i < w->n_rows; i++) {
        const struct world_row *r = &w->rows[i];
        if (r->frame < c->from_frame || r->frame >= c->to_frame || r->time_us < c->from_us ||
            r->time_us >= c->to_us)
            continue;
        struct id128 person = c->person_of ? c->person_of(r->person) : r->person;
        if (c->drop && (c->drop(person) || c->drop(r->person))) continue;
        o[n++] = (struct order){person, r->time_us, i, r};
    }
    qsort(o, n, sizeof *o, order_cmp);
    uint32_t *rows = calloc(n + 1, sizeof *rows);
    for (uint32_t i = 0; i < n; i++)
        if (!folded(o, n, i)) rows[k++] = o[i].row;
    free(o);
    *out_n = k;
    return rows;
}

/* ---- sealed texts ---- */

/* Which texts the rows refer to: 0 no, 1 yes. */
static uint8_t *used_texts(const struct world *w, const uint32_t *rows, uint32_t n) {
    uint8_t *used = calloc(w->n_texts + 1, 1);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < w->rows[rows[i]].n_texts; j++) {
            uint32_t t = w->rows[rows[i]].texts[j];
            used[t] = 1;
            if (w->texts[t].t.path != FRAME_NO_PATH) used[w->texts[t].t.path] = 1;
        }
    return used;
}

/* Is it readable by a frame of the choice in which it appears? Also by rows that were folded. */
static bool readable(const struct world *w, const struct world_choice *c, uint32_t text) {
    if (c->merged) return w->texts[text].from < c->to_frame;
    for (uint32_t i = 0; i < w->n_rows; i++) {
        const struct world_row *r = &w->rows[i];
        if (r->frame < c->from_frame || r->frame >= c->to_frame || r->frame < w->texts[text].from)
            continue;
        for (uint32_t j = 0; j < r->n_texts; j++)
            if (r->texts[j] == text || w->texts[r->texts[j]].t.path == text) return true;
    }
    return false;
}

static void open_sealed(const struct world *w, const struct part_sealed *s,
                        const struct world_text *t) {
    uint8_t key[32], out[4096];
    size_t n = 0;
    assert_true(s->text.ciphertext.n <= sizeof out);
    assert_int_equal(seal_open_box(s->box, &w->team, 7, s->text.frame, key).code, ERR_OK);
    assert_int_equal(seal_open_text(key, 7, &s->text, out, &n).code, ERR_OK);
    assert_int_equal(n, t->t.bytes.n);
    assert_memory_equal(out, t->t.bytes.p, n);
    assert_int_equal(s->text.kind, t->t.kind);
    assert_int_equal(s->text.type, t->t.type);
    struct id128 path = {0};
    if (t->t.path != FRAME_NO_PATH) path = w->texts[t->t.path].t.hash;
    assert_memory_equal(s->path_hash.b, path.b, 16);
}

static void compare_sealed(const struct world *w, const struct world_choice *c, const uint8_t *used,
                           const struct part *p) {
    size_t count = 0, at = 0;
    struct part_sealed s;
    for (uint32_t i = 0; i < w->n_texts; i++) {
        bool expected = used[i] && !readable(w, c, i);
        if (part_sealed(p, w->texts[i].t.hash, &s) != expected)
            fail_msg("text %u (" STR_FMT ") sealed: %d expected", i, STR_ARG(w->texts[i].t.bytes),
                     expected);
        count += expected;
        if (expected && i % 7 == 0) open_sealed(w, &s, &w->texts[i]);
    }
    while (part_sealed_next(p, &at, &s))
        count--;
    assert_int_equal(count, 0);
}

/* ---- rows ---- */

static void compare_row(struct world *w, const struct part *p, uint32_t row,
                        const struct world_row *r) {
    int64_t time;
    uint32_t event;
    uint64_t insert;
    part_times(p, row, 1, &time);
    struct part_ticks t = part_ticks_of(p);
    uint32_t tick;
    part_ticks(p, row, 1, &tick);
    if (t.most < UINT32_MAX) assert_int_equal(t.base_us + (int64_t)tick * t.unit_us, time);
    part_event_codes(p, row, 1, &event);
    part_inserts(p, row, 1, &insert);
    assert_int_equal(time, r->time_us);
    struct id128 hash = part_event_hash(p, event);
    assert_memory_equal(hash.b, r->event.b, 16);
    assert_int_equal(part_find_event(p, r->event), event);
    assert_int_equal(insert != 0, r->insert != 0);
    char *text = world_row_text(p, row);
    if (strcmp(text, r->props) != 0)
        fail_msg("row %u of world row %u:\n got %s\nwant %s", row, (uint32_t)(r - w->rows), text,
                 r->props);
    free(text);
}

static void compare_persons(struct world *w, const struct world_choice *c, const struct part *p,
                            const uint32_t *rows) {
    const struct part_info *info = part_info(p);
    const struct id128 *persons = part_persons(p);
    const uint32_t *starts = part_person_starts(p);
    for (uint32_t i = 0; i < info->persons; i++) {
        assert_true(i == 0 || id128_cmp(persons[i - 1], persons[i]) < 0);
        assert_true(starts[i] < starts[i + 1]);
        assert_int_equal(part_find_person(p, persons[i]), i);
        for (uint32_t row = starts[i]; row < starts[i + 1]; row++) {
            struct id128 person = w->rows[rows[row]].person;
            if (c->person_of) person = c->person_of(person);
            assert_memory_equal(person.b, persons[i].b, 16);
            struct id128 back = part_row_person(p, row);
            assert_memory_equal(back.b, person.b, 16);
        }
    }
}

static void compare_event_counts(const struct part *p) {
    uint64_t total = 0;
    for (uint32_t i = 1; i <= part_info(p)->n_events; i++)
        total += part_event_rows(p, i);
    assert_int_equal(total, part_info(p)->rows);
}

void world_compare(struct world *w, const struct world_choice *c, const struct part *p) {
    uint32_t n;
    uint32_t *rows = world_expect(w, c, &n);
    if (n == 0) {
        assert_null(p);
        free(rows);
        return;
    }
    assert_non_null(p);
    assert_int_equal(part_info(p)->rows, n);
    int64_t min = INT64_MAX, max = INT64_MIN;
    for (uint32_t i = 0; i < n; i++) {
        const struct world_row *r = &w->rows[rows[i]];
        compare_row(w, p, i, r);
        min = r->time_us < min ? r->time_us : min;
        max = r->time_us > max ? r->time_us : max;
    }
    assert_int_equal(part_info(p)->min_time_us, min);
    assert_int_equal(part_info(p)->max_time_us, max);
    compare_persons(w, c, p, rows);
    compare_event_counts(p);
    uint8_t *used = used_texts(w, rows, n);
    compare_sealed(w, c, used, p);
    struct err e = part_check(p);
    if (e.code != ERR_OK) fail_msg("check: %s", e.what);
    free(used);
    free(rows);
}
