/* merge_persons.c: who comes next, and which stretches of which sources are theirs.
 *
 * Persons are sorted in every source, so this is a k-way merge; those that the identity map moves
 * leave their place and wait in one list, sorted by where they go.
 */
#include "part/merge.h"

static struct err move_person(struct part_persons *w, struct part_moved moved) {
    if (w->moved_n == w->moved_cap) {
        size_t cap = w->moved_cap ? w->moved_cap * 2 : 256;
        void *grown = realloc(w->moved, cap * sizeof *w->moved);
        if (!grown) return ERR(ERR_NOMEM, "part: moved persons");
        w->moved = grown;
        w->moved_cap = cap;
    }
    w->moved[w->moved_n++] = moved;
    return ERR_NONE;
}

static bool dropped(const struct part_merge *m, struct id128 person) {
    return m->drop_person && m->drop_person(m->ctx, person);
}

static struct err sort_out(struct part_persons *w, uint32_t source) {
    const struct part_merge *m = w->x->m;
    struct part_source *s = &w->x->sources[source];
    if (!m->drop_person && !m->person_of) return ERR_NONE;
    s->skip = part_bits_new(s->p->file.persons);
    if (!s->skip) return ERR(ERR_NOMEM, "part: persons");
    for (uint32_t i = 0; i < s->p->file.persons; i++) {
        struct id128 here = s->p->persons[i];
        struct id128 to = m->person_of ? m->person_of(m->ctx, here) : here;
        bool moves = !id128_eq(here, to);
        if (dropped(m, here) || (moves && dropped(m, to))) {
            part_bit_set(s->skip, i);
            w->x->loses = true;
        } else if (moves) {
            part_bit_set(s->skip, i);
            TRY(move_person(w, (struct part_moved){to, source, i}));
        }
    }
    return ERR_NONE;
}

static int moved_cmp(const void *a, const void *b) {
    const struct part_moved *x = a, *y = b;
    int c = id128_cmp(x->to, y->to);
    if (c != 0) return c;
    if (x->source != y->source) return x->source < y->source ? -1 : 1;
    return x->person < y->person ? -1 : x->person > y->person;
}

static void skip(struct part_persons *w, uint32_t source) {
    const struct part_source *s = &w->x->sources[source];
    uint32_t at = w->at[source];
    while (s->skip && at < s->p->file.persons && part_bit(s->skip, at))
        at++;
    w->at[source] = at;
}

struct err part_persons_begin(struct part_persons *w, struct part_merging *x) {
    *w = (struct part_persons){.x = x};
    w->at = calloc(x->n, sizeof *w->at);
    if (!w->at) return ERR(ERR_NOMEM, "part: persons");
    for (uint32_t i = 0; i < x->n; i++) {
        TRY(sort_out(w, i));
        skip(w, i);
    }
    if (w->moved_n > 1) qsort(w->moved, w->moved_n, sizeof *w->moved, moved_cmp);
    return ERR_NONE;
}

void part_persons_done(struct part_persons *w) {
    free(w->at);
    free(w->moved);
    free(w->stretches);
}

static bool least(const struct part_persons *w, struct id128 *out) {
    bool any = w->moved_at < w->moved_n;
    if (any) *out = w->moved[w->moved_at].to;
    for (uint32_t i = 0; i < w->x->n; i++) {
        const struct part *p = w->x->sources[i].p;
        if (w->at[i] == p->file.persons) continue;
        if (any && id128_cmp(p->persons[w->at[i]], *out) >= 0) continue;
        *out = p->persons[w->at[i]];
        any = true;
    }
    return any;
}

/* Cut to the merge's time range. */
static void narrow(struct part_merging *x, struct part_stretch *s) {
    const struct part *p = x->sources[s->source].p;
    uint32_t from = s->from, to = s->to;
    if (x->m->from_us > p->file.min_time_us) s->from = part_first_row(p, from, to, x->m->from_us);
    if (x->m->to_us <= p->file.max_time_us) s->to = part_first_row(p, s->from, to, x->m->to_us);
    if (s->from != from || s->to != to) x->loses = true;
}

static struct err add_stretch(struct part_persons *w, uint32_t source, uint32_t person,
                              bool moved) {
    if (w->stretches_n == w->stretches_cap) {
        uint32_t cap = w->stretches_cap ? w->stretches_cap * 2 : 64;
        void *grown = realloc(w->stretches, cap * sizeof *w->stretches);
        if (!grown) return ERR(ERR_NOMEM, "part: stretches");
        w->stretches = grown;
        w->stretches_cap = cap;
    }
    const uint32_t *starts = w->x->sources[source].p->starts;
    struct part_stretch s = {
        .source = source, .from = starts[person], .to = starts[person + 1], .moved = moved};
    narrow(w->x, &s);
    if (s.from < s.to) w->stretches[w->stretches_n++] = s;
    return ERR_NONE;
}

static struct err collect(struct part_persons *w, struct id128 person) {
    w->stretches_n = 0;
    for (uint32_t i = 0; i < w->x->n; i++) {
        while (w->moved_at < w->moved_n && w->moved[w->moved_at].source == i &&
               id128_eq(w->moved[w->moved_at].to, person)) {
            TRY(add_stretch(w, i, w->moved[w->moved_at].person, true));
            w->moved_at++;
        }
        const struct part *p = w->x->sources[i].p;
        if (w->at[i] == p->file.persons || !id128_eq(p->persons[w->at[i]], person)) continue;
        TRY(add_stretch(w, i, w->at[i], false));
        w->at[i]++;
        skip(w, i);
    }
    return ERR_NONE;
}

bool part_persons_next(struct part_persons *w, struct id128 *out, struct err *out_err) {
    while (least(w, out)) {
        struct err e = collect(w, *out);
        if (e.code != ERR_OK) {
            *out_err = e;
            return false;
        }
        if (w->stretches_n > 0) return true;
    }
    return false;
}
