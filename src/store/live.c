/* live.c: the last events of each project, as they arrive, for the console's live view.
 *
 * Kept as hashes and plain values in a small ring; labels are made when somebody looks, by that
 * person's rights.
 */
#include <stdlib.h>
#include <time.h>

#include "store/internal.h"

static bool scalar(const struct frame *f, struct cursor value, struct part_value *out) {
    *out = (struct part_value){0};
    switch ((enum frame_value)cursor_u8(&value)) {
    case V_TRUE:
        out->type = PV_TRUE;
        return true;
    case V_FALSE:
        out->type = PV_FALSE;
        return true;
    case V_NUMBER:
        out->type = PV_NUMBER;
        out->number = cursor_f64(&value);
        return true;
    case V_TEXT: {
        const struct frame_text *t = &f->texts[cursor_u32(&value)];
        out->type = PV_TEXT;
        out->hash = t->hash;
        out->text_type = t->type;
        return true;
    }
    case V_NULL:
    case V_LIST:
    case V_OBJECT:
    case V_EMPTY_OBJECT:
    case V_TIME:
        return false;
    }
    return false;
}

static void keep(struct live_ring *ring, const struct frame *f, const struct frame_event *event) {
    struct live_event *l = &ring->events[++ring->last % STORE_LIVE_N];
    *l = (struct live_event){.number = ring->last,
                             .name = f->texts[event->name].hash,
                             .person = event->person,
                             .time_us = event->time_us};
    struct cursor props = event->props, value;
    uint32_t path = 0;
    for (uint16_t i = 0; i < event->n_props && l->n_props < STORE_LIVE_PROPS; i++) {
        if (!frame_next_prop(&props, &path, &value)) break;
        struct live_prop *p = &l->props[l->n_props];
        p->name = f->texts[path].hash;
        if (scalar(f, value, &p->value)) l->n_props++;
    }
}

void live_add(struct store *s, struct project *p, struct frame *f) {
    struct frame walk = *f;
    struct frame_event event;
    struct frame_profile op;
    enum frame_record_type type;
    uint32_t seen = 0;
    pthread_mutex_lock(&s->lock);
    while ((type = frame_next(&walk, &event, &op))) {
        /* Of a large frame only the last ones would survive in the ring. */
        if (++seen + STORE_LIVE_N <= f->n_records || type != RECORD_EVENT) continue;
        keep(&p->live, f, &event);
    }
    pthread_mutex_unlock(&s->lock);
}

void live_forget(struct project *p, bool (*gone)(void *ctx, struct id128 person), void *ctx) {
    for (size_t i = 0; i < STORE_LIVE_N; i++)
        if (gone(ctx, p->live.events[i].person)) p->live.events[i] = (struct live_event){0};
}

#define BATCH 32
#define OPEN_BYTES ((size_t)16 << 20)

struct store_live {
    uint64_t project, cursor;
    size_t n;
    struct live_event events[BATCH];
};

struct store_live *store_live_new(uint64_t project) {
    struct store_live *v = calloc(1, sizeof *v);
    if (v) v->project = project;
    return v;
}

void store_live_free(struct store_live *v) {
    free(v);
}

struct label {
    const struct query_world *world;
    bool opened;
    struct arena *arena;
    struct jout *out;
};

/* The text as this viewer may see it; p NULL: sealed to them. */
static struct str text_of(const struct label *l, struct id128 hash) {
    const struct query_world *w = l->world;
    struct str text = w->word(w->words_ctx, hash);
    if (!text.p && l->opened && w->open && !w->open(w->words_ctx, hash, l->arena, &text))
        text.p = NULL;
    return text;
}

static void put_text(const struct label *l, struct id128 hash) {
    struct str text = text_of(l, hash);
    char sealed[7 + 32];
    if (!text.p) {
        memcpy(sealed, "sealed:", 7);
        str_to_hex(seal_handle(l->world->keys, HANDLE_TEXT, hash).b, 16, sealed + 7);
        text = (struct str){sealed, sizeof sealed};
    }
    jout_str(l->out, text);
}

static void put_value(const struct label *l, const struct part_value *v) {
    if (v->type == PV_TEXT)
        put_text(l, v->hash);
    else if (v->type == PV_NUMBER)
        jout_f64(l->out, v->number);
    else
        jout_bool(l->out, v->type == PV_TRUE);
}

static void put_props(const struct label *l, const struct live_event *e) {
    jout_keyz(l->out, "properties");
    jout_object(l->out);
    for (size_t i = 0; i < e->n_props; i++) {
        struct str name = text_of(l, e->props[i].name);
        if (!name.p) continue;
        jout_key(l->out, name);
        put_value(l, &e->props[i].value);
    }
    jout_object_end(l->out);
}

static void put_event(const struct label *l, const struct live_event *e) {
    char time[32], person[32];
    zone_format(l->world->zone, e->time_us, time);
    str_to_hex(seal_handle(l->world->keys, HANDLE_PERSON, e->person).b, 16, person);
    jout_object(l->out);
    jout_keyz(l->out, "event");
    put_text(l, e->name);
    jout_keyz(l->out, "time");
    jout_strz(l->out, time);
    jout_keyz(l->out, "person");
    jout_str(l->out, (struct str){person, sizeof person});
    put_props(l, e);
    jout_object_end(l->out);
}

static void wait_for_live(struct store *s, const struct project *p, uint64_t cursor,
                          int timeout_ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000 + 1;
    while (!s->stopping && p->live.last <= cursor)
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until)) break;
}

struct err store_live_next(struct store *s, struct store_live *v, int timeout_ms, size_t *out_n) {
    v->n = 0;
    pthread_mutex_lock(&s->lock);
    struct project *p = store_find(s, v->project);
    if (p && timeout_ms) wait_for_live(s, p, v->cursor, timeout_ms);
    if (p) {
        uint64_t from = v->cursor + 1, oldest = p->live.last > BATCH ? p->live.last - BATCH + 1 : 1;
        for (uint64_t i = from > oldest ? from : oldest; i <= p->live.last; i++)
            if (p->live.events[i % STORE_LIVE_N].number)
                v->events[v->n++] = p->live.events[i % STORE_LIVE_N];
        v->cursor = p->live.last;
    }
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    if (!p) return ERR(ERR_NOTFOUND, "project");
    if (stopping) return ERR(ERR_CANCELLED, "store is stopping");
    *out_n = v->n;
    return ERR_NONE;
}

struct err store_live_write(const struct store_live *v, const struct store_world *w,
                            const struct query_rights *r, struct buf *out) {
    AUTO(arena_free) struct arena *a = arena_new(OPEN_BYTES);
    if (!a) return ERR(ERR_NOMEM, "live view");
    struct jout j;
    jout_init(&j, out);
    const struct label l = {store_world_query(w), r->opened, a, &j};
    jout_array(&j);
    for (size_t i = 0; i < v->n; i++)
        put_event(&l, &v->events[i]);
    jout_array_end(&j);
    return buf_err(out);
}
