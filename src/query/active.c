/* active.c: which parts a question must look at, which of their events it wants, and where the rows
 * of people's devices lie.
 *
 * Identity is an overlay: a part sorts rows by the pseudonym that they arrived under. A device that
 * has become a person's is marked hidden in every part that has it, and the place of its rows is
 * noted under the person; so a slice skips devices where it meets them and reads their rows where
 * their person is. The two sorted lists, devices and a part's persons, are walked once against each
 * other.
 */
#include <stdlib.h>

#include "query/run.h"

bool active_is_hidden_event(const struct query_world *w, struct id128 hash) {
    static const char *const never[] = {"$identify", "$create_alias", "$merge"};
    for (size_t i = 0; i < 3; i++) {
        if (id128_eq(hash, seal_hash(w->keys, TEXT_EVENT, TEXT_STRING, STR(""), str_z(never[i]))))
            return true;
    }
    return false;
}

/* ---- wanted events ---- */

struct wish {
    bool any, is_handle;
    bool is_secret;  /* a clear name that is not readable: it may name a sealed event */
    struct id128 id; /* hash or handle */
};

static struct wish wish_of(struct run *r, const struct plan_selector *s) {
    struct wish w = {.any = s->any};
    if (s->any) return w;
    w.is_handle = plan_handle_read(s->event, &w.id);
    if (w.is_handle) return w;
    w.id = seal_hash(r->w->keys, TEXT_EVENT, TEXT_STRING, STR(""), s->event);
    w.is_secret = !r->w->word(r->w->words_ctx, w.id).p;
    r->used_literal |= w.is_secret;
    return w;
}

static bool grants(const struct run *r, const struct wish *w, struct id128 hash) {
    if (w->any) return true;
    if (!w->is_handle) return id128_eq(w->id, hash);
    return id128_eq(w->id, seal_handle(r->w->keys, HANDLE_TEXT, hash));
}

static struct err want_events(struct run *r, struct active_part *a, const struct wish *wishes,
                              uint64_t *out_all) {
    uint64_t *wanted = arena_array(r->arena, (size_t)a->n_events + 1, sizeof *wanted);
    uint64_t *needed = arena_array(r->arena, (size_t)a->n_events + 1, sizeof *needed);
    uint32_t *ids = arena_array(r->arena, (size_t)a->n_events + 1, sizeof *ids);
    if (!wanted || !needed || !ids) return ERR(ERR_NOMEM, "query: events");
    for (uint32_t code = 1; code <= a->n_events; code++) {
        struct id128 hash = part_event_hash(a->part, code);
        if (!r->want_hidden && active_is_hidden_event(r->w, hash)) continue;
        for (size_t i = 0; i < r->n_selectors; i++)
            wanted[code] |= (uint64_t)grants(r, &wishes[i], hash) << i;
        *out_all |= wanted[code];
        needed[code] = wanted[code] & r->must;
        if (r->want_event_ids && wanted[code]) ids[code] = table_put(&r->events, &hash, NULL);
        if (ids[code] == TABLE_NONE) return ERR(ERR_NOMEM, "query: events");
    }
    a->wanted = wanted;
    a->needed = needed;
    a->event_ids = ids;
    return ERR_NONE;
}

static struct err add_part(struct run *r, const struct part *p, const struct wish *wishes) {
    const struct part_info *i = part_info(p);
    if (i->rows == 0 || i->max_time_us < r->lo_us || i->min_time_us >= r->hi_us) return ERR_NONE;
    struct active_part *a = &r->parts[r->n_parts];
    *a = (struct active_part){.part = p,
                              .persons = part_persons(p),
                              .starts = part_person_starts(p),
                              .n_persons = i->persons,
                              .rows = i->rows,
                              .n_events = (uint32_t)i->n_events};
    uint64_t all = 0;
    TRY(want_events(r, a, wishes, &all));
    if (!all) return ERR_NONE;
    r->n_parts++;
    r->total_persons += i->persons;
    return ERR_NONE;
}

/* ---- devices ---- */

static struct err note_device(struct run *r, uint32_t part, uint32_t at, struct id128 person,
                              uint32_t *cap) {
    if (r->n_devices >= UINT32_MAX) return ERR(ERR_LIMIT, "query: devices");
    struct device_run *d =
        table_grow(r->arena, r->devices, cap, (uint32_t)r->n_devices + 1, sizeof *d);
    if (!d) return ERR(ERR_NOMEM, "query: devices");
    r->devices = d;
    d[r->n_devices++] = (struct device_run){person, at, (uint16_t)part};
    return ERR_NONE;
}

static struct err hide_devices(struct run *r, uint32_t part, uint32_t *cap) {
    struct active_part *a = &r->parts[part];
    uint64_t *hidden = NULL;
    uint32_t at = 0;
    for (size_t i = 0; i < r->w->n_aliases && at < a->n_persons; i++) {
        const struct query_alias *x = &r->w->aliases[i];
        while (at < a->n_persons && id128_cmp(a->persons[at], x->device) < 0)
            at++;
        if (at == a->n_persons || !id128_eq(a->persons[at], x->device) ||
            id128_eq(x->device, x->person))
            continue;
        if (!hidden) hidden = arena_array(r->arena, (size_t)a->n_persons / 64 + 1, sizeof *hidden);
        if (!hidden) return ERR(ERR_NOMEM, "query: devices");
        hidden[at / 64] |= UINT64_C(1) << (at % 64);
        TRY(note_device(r, part, at, x->person, cap));
    }
    a->hidden = hidden;
    return ERR_NONE;
}

static int cmp_devices(const void *a, const void *b) {
    const struct device_run *x = a, *y = b;
    int c = id128_cmp(x->person, y->person);
    if (c) return c;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static bool has_sealed_events(const struct run *r) {
    for (size_t i = 0; i < r->w->n_parts; i++) {
        const struct part *p = r->w->parts[i];
        for (uint32_t code = 1; code <= part_info(p)->n_events; code++)
            if (!r->w->word(r->w->words_ctx, part_event_hash(p, code)).p) return true;
    }
    return false;
}

/* A clear name that is not readable is refused whenever there are sealed names, whether or not it
 * is one of them: so the refusal confirms nothing. */
static struct err check_reveal(struct run *r, const struct wish *wishes) {
    bool secret = false;
    for (size_t i = 0; i < r->n_selectors; i++)
        secret |= wishes[i].is_secret;
    if (!secret || r->rights->may_reveal || !has_sealed_events(r)) return ERR_NONE;
    return run_fault(
        r, ERR_DENIED, "event",
        "names an event that is not readable: asking by it needs the right to reveal; ask by "
        "its sealed: handle");
}

struct err active_parts(struct run *r) {
    struct wish wishes[PLAN_MAX_SELECTORS];
    uint32_t cap = 0;
    for (size_t i = 0; i < r->n_selectors; i++)
        wishes[i] = wish_of(r, r->selectors[i]);
    TRY(check_reveal(r, wishes));
    r->has_filters = r->q->filter.n > 0;
    for (size_t i = 0; i < r->n_selectors; i++)
        r->has_filters |= r->selectors[i]->filter.n > 0;
    if (r->w->n_parts > UINT16_MAX) return ERR(ERR_LIMIT, "query: parts");
    table_init(&r->events, r->arena, sizeof(struct id128));
    r->parts = arena_array(r->arena, r->w->n_parts, sizeof *r->parts);
    if (!r->parts) return ERR(ERR_NOMEM, "query: parts");
    for (size_t i = 0; i < r->w->n_parts; i++)
        TRY(add_part(r, r->w->parts[i], wishes));
    for (uint32_t i = 0; i < r->n_parts && r->w->n_aliases; i++)
        TRY(hide_devices(r, i, &cap));
    if (r->n_devices) qsort(r->devices, r->n_devices, sizeof *r->devices, cmp_devices);
    return ERR_NONE;
}
