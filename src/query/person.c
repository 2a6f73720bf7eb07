/* person.c: which person an id in a question means. Ids are given in the clear and matched by their
 * pseudonym, so nobody needs to read a stored one; the handles that answers show are taken too:
 * "sealed:<hex>" of a profile's distinct_id and "person:<hex>". */
#include "query/run.h"

struct id128 person_of(const struct query_world *w, struct id128 id) {
    size_t low = 0, high = w->n_aliases;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = id128_cmp(w->aliases[mid].device, id);
        if (c == 0) return w->aliases[mid].person;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return id;
}

static bool has_rows(const struct query_world *w, struct id128 id) {
    for (size_t i = 0; i < w->n_parts; i++) {
        uint32_t at = part_find_person(w->parts[i], id);
        if (at < part_info(w->parts[i])->persons && id128_eq(part_persons(w->parts[i])[at], id))
            return true;
    }
    return false;
}

/* ---- handles ---- */

struct by_handle {
    const struct run *run;
    struct id128 handle;
    bool person; /* a person's, else a distinct_id's */
    bool found;
    struct id128 owner;
};

static bool check_profile(void *ctx, const struct query_profile *p) {
    struct by_handle *b = ctx;
    struct id128 h = b->person ? seal_handle(b->run->w->keys, HANDLE_PERSON, p->owner)
                               : seal_handle(b->run->w->keys, HANDLE_TEXT, p->id);
    b->found = id128_eq(h, b->handle);
    if (b->found) b->owner = p->owner;
    return !b->found;
}

static bool check_part(struct by_handle *b, const struct part *p) {
    const struct id128 *persons = part_persons(p);
    for (uint32_t i = 0; i < part_info(p)->persons && !b->found; i++) {
        b->owner = person_of(b->run->w, persons[i]);
        b->found = id128_eq(seal_handle(b->run->w->keys, HANDLE_PERSON, b->owner), b->handle);
    }
    return b->found;
}

static struct err find_handle(struct run *r, struct by_handle *b, struct id128 *out) {
    const struct query_profiles *p = &r->w->profiles;
    *out = (struct id128){{0}};
    const struct query_walk all = {.each = check_profile, .ctx = b};
    if (p->walk) TRY(p->walk(p->ctx, &all));
    for (size_t i = 0; i < r->w->n_parts && !b->found && b->person; i++) {
        TRY(run_check(r->limits));
        check_part(b, r->w->parts[i]);
    }
    if (b->found) *out = person_of(r->w, b->owner);
    return ERR_NONE;
}

struct err person_find(struct run *r, struct str id, struct id128 *out) {
    struct by_handle b = {.run = r};
    struct str person = STR("person:");
    if (plan_handle_read(id, &b.handle)) return find_handle(r, &b, out);
    b.person = true;
    if (id.n == person.n + 32 && str_starts(id, person) &&
        str_from_hex(str_from(id, person.n), b.handle.b, 16))
        return find_handle(r, &b, out);
    if (!r->rights->may_reveal)
        return run_fault(
            r, ERR_DENIED, r->q->report == REPORT_USERS ? "distinct_ids" : "distinct_id",
            "names a person in the clear: asking by it needs the right to reveal; ask by its "
            "person: or sealed: handle");
    r->used_literal = true;
    struct id128 plain = seal_pseudonym(r->w->keys, id);
    *out = person_of(r->w, plain);
    if (!id128_eq(*out, plain) || has_rows(r->w, plain)) return ERR_NONE;
    /* A device's id as its tracker names it. */
    struct str name = arena_printf(r->arena, "$device:" STR_FMT, STR_ARG(id));
    if (!name.p) return ERR(ERR_NOMEM, "query: person");
    struct id128 device = seal_pseudonym(r->w->keys, name), owner = person_of(r->w, device);
    if (!id128_eq(owner, device) || has_rows(r->w, device)) *out = owner;
    return ERR_NONE;
}
