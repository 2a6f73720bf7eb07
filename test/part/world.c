#include "world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORLD_PROJECT 7u

uint32_t world_random(struct world *w, uint32_t below) {
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return below ? (uint32_t)((w->rng >> 20) % below) : 0;
}

int world_find_text(const struct world *w, struct id128 hash) {
    for (uint32_t i = 0; i < w->n_texts; i++)
        if (id128_eq(w->texts[i].t.hash, hash)) return (int)i;
    return -1;
}

static uint32_t add_text(struct world *w, enum text_kind kind, uint32_t path, const char *value) {
    struct str path_text = path == FRAME_NO_PATH ? STR("") : w->texts[path].t.bytes;
    static const enum text_type types[] = {TEXT_STRING, TEXT_STRING, TEXT_INTEGER, TEXT_DECIMAL};
    enum text_type type = kind == TEXT_VALUE ? types[world_random(w, 4)] : TEXT_STRING;
    if (w->n_texts == w->cap_texts) {
        w->cap_texts = w->cap_texts ? w->cap_texts * 2 : 64;
        w->texts = realloc(w->texts, w->cap_texts * sizeof *w->texts);
    }
    struct world_text *t = &w->texts[w->n_texts];
    *t = (struct world_text){.t = {.kind = (uint8_t)kind, .type = (uint8_t)type, .path = path}};
    t->t.bytes = str_z(strdup(value));
    t->t.hash = seal_hash(&w->keys, kind, type, path_text, t->t.bytes);
    t->from = world_random(w, 3) == 0 ? UINT32_MAX : world_random(w, w->plan.frames * 2);
    return w->n_texts++;
}

/* Texts are laid out as: events, properties, then `values` per property. */
static void make_texts(struct world *w) {
    char name[64];
    for (uint32_t i = 0; i < w->plan.events; i++) {
        snprintf(name, sizeof name, "event %u", i);
        add_text(w, TEXT_EVENT, FRAME_NO_PATH, name);
    }
    for (uint32_t i = 0; i < w->plan.properties; i++) {
        snprintf(name, sizeof name, "property %u", i);
        add_text(w, TEXT_PROPERTY, FRAME_NO_PATH, name);
    }
    for (uint32_t i = 0; i < w->plan.properties; i++)
        for (uint32_t j = 0; j < w->plan.values; j++) {
            snprintf(name, sizeof name, "clear-text-%u-of-%u-%0*u", j, i, (int)world_random(w, 40),
                     1);
            add_text(w, TEXT_VALUE, w->plan.events + i, name);
        }
}

/* ---- one row: into the frame and into the model alike ---- */

struct making {
    struct world *w;
    struct frame_writer *f;
    struct world_row *row;
    uint32_t frame;
    FILE *out;
};

static void hex(FILE *out, struct id128 id) {
    for (int i = 0; i < 16; i++)
        fprintf(out, "%02x", id.b[i]);
}

static uint32_t use_text(struct making *m, uint32_t text) {
    struct world_text *t = &m->w->texts[text];
    uint32_t index;
    m->row->texts = realloc(m->row->texts, (m->row->n_texts + 1) * sizeof *m->row->texts);
    m->row->texts[m->row->n_texts++] = text;
    if (frame_find_text(m->f, t->t.hash, &index)) return index;
    struct frame_text copy = t->t;
    if (copy.path != FRAME_NO_PATH) copy.path = use_text(m, copy.path);
    copy.state = m->frame < t->from      ? FRAME_TEXT_SEALED
                 : world_random(m->w, 2) ? FRAME_TEXT_KNOWN
                                         : FRAME_TEXT_READABLE;
    assert_int_equal(frame_add_text(m->f, &copy, &index).code, ERR_OK);
    return index;
}

static uint32_t value_text(struct making *m, uint32_t property) {
    uint32_t v = world_random(m->w, m->w->plan.values);
    if (world_random(m->w, 2)) v = world_random(m->w, v + 1);
    return m->w->plan.events + m->w->plan.properties + property * m->w->plan.values + v;
}

static double number(struct world *w) {
    switch (world_random(w, 6)) {
    case 0:
        return (double)world_random(w, 10);
    case 1:
        return (double)world_random(w, 100000) / 100;
    case 2:
        return -(double)world_random(w, 1000);
    case 3:
        return 1e15 + world_random(w, 1000);
    case 4:
        return world_random(w, 4) ? 0.25 : 1.0 / 3;
    default:
        return 7;
    }
}

static void put_value(struct making *m, uint32_t property, int depth);

static void put_container(struct making *m, uint32_t property, int depth, bool object) {
    uint32_t n = world_random(m->w, 4);
    if (object && n == 0) n = 1;
    if (object) {
        frame_put_object(m->f);
    } else {
        frame_put_list(m->f);
    }
    fprintf(m->out, object ? "{" : "[");
    for (uint32_t i = 0; i < n; i++) {
        if (object) {
            uint32_t key = m->w->plan.events + world_random(m->w, m->w->plan.properties);
            frame_put_prop(m->f, use_text(m, key));
            hex(m->out, m->w->texts[key].t.hash);
            fprintf(m->out, ":");
        }
        put_value(m, property, depth + 1);
        fprintf(m->out, ",");
    }
    fprintf(m->out, object ? "}" : "]");
    if (object) {
        frame_put_object_end(m->f);
    } else {
        frame_put_list_end(m->f);
    }
}

static void put_text(struct making *m, uint32_t property) {
    uint32_t text = value_text(m, property);
    frame_put_text(m->f, use_text(m, text));
    fprintf(m->out, "%c", m->w->texts[text].t.type);
    hex(m->out, m->w->texts[text].t.hash);
}

static void put_simple(struct making *m) {
    static const enum frame_value tags[] = {V_NULL, V_FALSE, V_TRUE, V_EMPTY_OBJECT};
    static const char *const names[] = {"null", "false", "true", "{}"};
    uint32_t i = world_random(m->w, 4);
    frame_put_simple(m->f, tags[i]);
    fprintf(m->out, "%s", names[i]);
}

static void put_value(struct making *m, uint32_t property, int depth) {
    uint32_t kind = m->w->plan.simple ? 0 : world_random(m->w, 10);
    if (kind == 9 && depth < 4) {
        put_container(m, property, depth, depth > 0 && world_random(m->w, 2));
    } else if (kind == 8) {
        int64_t us = (int64_t)world_random(m->w, 50) * 1000000 - 5;
        frame_put_time(m->f, us);
        fprintf(m->out, "@%lld", (long long)us);
    } else if (kind == 7) {
        put_simple(m);
    } else if (kind >= 5) {
        double v = number(m->w);
        frame_put_number(m->f, v);
        fprintf(m->out, "%.17g", v + 0.0);
    } else {
        put_text(m, property);
    }
}

struct prop_text {
    struct id128 property;
    char *text;
};

static int prop_cmp(const void *a, const void *b) {
    return id128_cmp(((const struct prop_text *)a)->property,
                     ((const struct prop_text *)b)->property);
}

static void put_props(struct making *m) {
    struct world *w = m->w;
    struct prop_text *props = calloc(w->plan.properties + 1, sizeof *props);
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->plan.properties; i++) {
        uint32_t fill = w->plan.rare ? w->plan.fill / (1 + i * i) : w->plan.fill;
        bool rare_hit = w->plan.rare && fill == 0 && world_random(w, 500) == 0;
        if (!rare_hit && world_random(w, 100) >= fill) continue;
        char *text = NULL;
        size_t bytes = 0;
        m->out = open_memstream(&text, &bytes);
        frame_put_prop(m->f, use_text(m, w->plan.events + i));
        hex(m->out, w->texts[w->plan.events + i].t.hash);
        fprintf(m->out, "=");
        put_value(m, i, 0);
        fclose(m->out);
        props[n++] = (struct prop_text){w->texts[w->plan.events + i].t.hash, text};
    }
    qsort(props, n, sizeof *props, prop_cmp);
    size_t bytes = 0;
    m->out = open_memstream(&m->row->props, &bytes);
    for (uint32_t i = 0; i < n; i++) {
        fprintf(m->out, "%s;", props[i].text);
        free(props[i].text);
    }
    fclose(m->out);
    free(props);
}

static struct id128 person_id(struct world *w, uint32_t i) {
    char name[32];
    snprintf(name, sizeof name, "person %u", i);
    return seal_pseudonym(&w->keys, str_z(name));
}

static void make_row(struct making *m, uint32_t index) {
    struct world *w = m->w;
    struct world_row *row = m->row = &w->rows[index];
    uint32_t person = world_random(w, w->plan.persons);
    if (world_random(w, 2)) person = world_random(w, person + 1);
    row->person = person_id(w, person);
    row->frame = m->frame;
    row->sent = person_id(w, person + world_random(w, 2));
    row->insert = world_random(w, 4) ? 1 + world_random(w, 1000000) : 0;
    row->time_us =
        (int64_t)world_random(w, w->plan.time_steps) * w->plan.time_step_us + 1780272000000000;
    uint32_t event = world_random(w, w->plan.events);
    if (index > 0 && world_random(w, 100) < w->plan.duplicates) {
        const struct world_row *old = &w->rows[world_random(w, index)];
        row->person = old->person;
        row->sent = old->sent;
        row->insert = old->insert;
        row->time_us = old->time_us;
        event = (uint32_t)world_find_text(w, old->event);
    }
    row->event = w->texts[event].t.hash;
    struct frame_event e = {.person = row->person,
                            .sent_id = row->sent,
                            .insert = row->insert,
                            .time_us = row->time_us};
    e.name = use_text(m, event);
    frame_event_begin(m->f, &e);
    put_props(m);
    assert_int_equal(frame_record_end(m->f).code, ERR_OK);
}

void world_make(struct world *w, const struct world_plan *plan) {
    *w = (struct world){.plan = *plan, .rng = plan->seed * 2654435761u + 1};
    assert_int_equal(seal_start().code, ERR_OK);
    uint8_t root[32] = {1}, salt[32] = {2};
    seal_keys_derive(root, salt, WORLD_PROJECT, &w->keys);
    team_generate(&w->team);
    make_texts(w);
    w->rows = calloc((size_t)plan->frames * plan->rows_per_frame + 1, sizeof *w->rows);
    w->frames = calloc(plan->frames, sizeof *w->frames);
    AUTO(frame_writer_free) struct frame_writer *f = frame_writer_new();
    for (uint32_t i = 0; i < plan->frames; i++) {
        frame_begin(f, WORLD_PROJECT, &w->team.pub, 1);
        struct making m = {.w = w, .f = f, .frame = i};
        for (uint32_t j = 0; j < plan->rows_per_frame; j++)
            make_row(&m, w->n_rows++);
        struct str bytes;
        assert_int_equal(frame_finish(f, &bytes).code, ERR_OK);
        char *copy = malloc(bytes.n + 1);
        memcpy(copy, bytes.p, bytes.n);
        w->frames[i] = (struct str){copy, bytes.n};
    }
}

void world_free(struct world *w) {
    for (uint32_t i = 0; i < w->n_texts; i++)
        free((char *)(uintptr_t)w->texts[i].t.bytes.p);
    for (uint32_t i = 0; i < w->n_rows; i++) {
        free(w->rows[i].props);
        free(w->rows[i].texts);
    }
    for (uint32_t i = 0; i < w->plan.frames; i++)
        free((char *)(uintptr_t)w->frames[i].p);
    free(w->texts);
    free(w->rows);
    free(w->frames);
}

struct part *world_build(struct world *w, uint32_t from, uint32_t to) {
    AUTO(part_builder_free) struct part_builder *b = part_builder_new(WORLD_PROJECT);
    for (uint32_t i = from; i < to; i++) {
        struct frame f;
        assert_int_equal(frame_parse(w->frames[i], &f).code, ERR_OK);
        assert_int_equal(part_builder_add(b, &f).code, ERR_OK);
        frame_done(&f);
    }
    struct part *p = NULL;
    struct err e = part_build(b, from, to, &p);
    if (e.code != ERR_OK) fail_msg("build: %s", e.what);
    return p;
}
