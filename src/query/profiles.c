/* profiles.c: the reports users and groups: one walk over the profiles, filtered; the page in hand
 * is written as it comes. A profile whose owner is a device that became a person's is no longer a
 * person and is not listed (the merge copies no properties). */
#include <stdlib.h>

#include "query/row.h"

struct listing {
    struct run *run;
    struct jout *j;
    struct arena *scratch; /* of one profile */
    struct id128 handles[PLAN_MAX_IDS];
    size_t n_handles;
    uint64_t total, seen, unknown;
    struct query_alias *by_person;       /* [w->n_aliases]: sorted by person */
    const struct query_profile *profile; /* in hand */
    struct err error;
};

/* ---- filters ---- */

static bool passes(struct listing *l) {
    const struct query *q = l->run->q;
    struct id128 owner = l->profile->owner;
    if (q->has_cohort && filter_profile(l->run, &q->cohort, owner) != TRI_YES) return false;
    enum tri t = filter_profile(l->run, &q->filter, owner);
    l->unknown += t == TRI_UNKNOWN;
    return t == TRI_YES;
}

/* ---- one profile ---- */

static struct err write_props(struct listing *l) {
    const struct query_profile *p = l->profile;
    struct row_name *names = arena_array(l->scratch, p->n_props, sizeof *names);
    struct row_nest nest = {.j = l->j};
    if (!names) return ERR(ERR_NOMEM, "query: profile");
    for (size_t i = 0; i < p->n_props; i++) {
        TRY(row_name_of(l->run, p->props[i].name, l->scratch, &names[i]));
        names[i].index = (uint32_t)i;
    }
    if (p->n_props) qsort(names, p->n_props, sizeof *names, row_name_cmp);
    jout_keyz(l->j, "properties");
    jout_object(l->j);
    for (size_t i = 0; i < p->n_props; i++) {
        row_member(&nest, &names[i]);
        value_write(l->run, l->j, &p->props[names[i].index].value);
    }
    row_members_end(&nest);
    jout_object_end(l->j);
    return ERR_NONE;
}

static void widen(const struct part *p, struct id128 id, int64_t oldest_us, int64_t *first,
                  int64_t *last) {
    uint32_t at = part_find_person(p, id);
    if (at >= part_info(p)->persons || !id128_eq(part_persons(p)[at], id)) return;
    const uint32_t *starts = part_person_starts(p);
    uint32_t row = starts[at], behind = starts[at + 1];
    while (oldest_us && row < behind && part_time_at(p, row) < oldest_us)
        row++;
    if (row == behind) return;
    int64_t t[2] = {part_time_at(p, row), part_time_at(p, behind - 1)};
    *first = t[0] < *first ? t[0] : *first;
    *last = t[1] > *last ? t[1] : *last;
}

static int cmp_alias_persons(const void *a, const void *b) {
    return id128_cmp(((const struct query_alias *)a)->person,
                     ((const struct query_alias *)b)->person);
}

/* The first alias of the owner among those sorted by person; n_aliases: none. */
static size_t first_alias(struct listing *l, struct id128 owner) {
    size_t n = l->run->w->n_aliases, low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (id128_cmp(l->by_person[mid].person, owner) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct err sort_aliases(struct listing *l) {
    size_t n = l->run->w->n_aliases;
    if (l->by_person || n == 0) return ERR_NONE;
    l->by_person = arena_array(l->run->arena, n, sizeof *l->by_person);
    if (!l->by_person) return ERR(ERR_NOMEM, "query: devices");
    memcpy(l->by_person, l->run->w->aliases, n * sizeof *l->by_person);
    qsort(l->by_person, n, sizeof *l->by_person, cmp_alias_persons);
    return ERR_NONE;
}

static struct err write_seen(struct listing *l) {
    const struct query_world *w = l->run->w;
    struct id128 owner = l->profile->owner;
    int64_t first = INT64_MAX, last = INT64_MIN;
    TRY(sort_aliases(l));
    for (size_t i = 0; i < w->n_parts; i++)
        widen(w->parts[i], owner, w->oldest_us, &first, &last);
    for (size_t a = first_alias(l, owner);
         a < w->n_aliases && id128_eq(l->by_person[a].person, owner); a++) {
        for (size_t i = 0; i < w->n_parts; i++)
            widen(w->parts[i], l->by_person[a].device, w->oldest_us, &first, &last);
    }
    char text[2][32];
    zone_format(w->zone, first <= last ? first : 0, text[0]);
    zone_format(w->zone, first <= last ? last : 0, text[1]);
    jout_keyz(l->j, "first_seen");
    jout_strz(l->j, first <= last ? text[0] : NULL);
    jout_keyz(l->j, "last_seen");
    jout_strz(l->j, first <= last ? text[1] : NULL);
    return ERR_NONE;
}

static struct err write_profile(struct listing *l) {
    const struct run *r = l->run;
    jout_object(l->j);
    if (r->q->report == REPORT_USERS) {
        char hex[32];
        struct id128 handle = seal_handle(r->w->keys, HANDLE_PERSON, l->profile->owner);
        str_to_hex(handle.b, 16, hex);
        jout_keyz(l->j, "person");
        jout_str(l->j, (struct str){hex, sizeof hex});
        jout_keyz(l->j, "distinct_id");
        value_write_text(r, l->j, l->profile->id, TEXT_STRING);
        TRY(write_seen(l));
    } else {
        jout_keyz(l->j, "group_key");
        jout_str(l->j, r->q->group_key);
        jout_keyz(l->j, "group_id");
        value_write_text(r, l->j, l->profile->id, TEXT_STRING);
    }
    struct err e = write_props(l);
    arena_reset(l->scratch);
    jout_object_end(l->j);
    TRY(e);
    return buf_err(l->j->b);
}

/* ---- the walk ---- */

static bool wanted_handle(const struct listing *l) {
    struct id128 h = seal_handle(l->run->w->keys, HANDLE_TEXT, l->profile->id);
    for (size_t i = 0; i < l->n_handles; i++) {
        if (id128_eq(h, l->handles[i])) return true;
    }
    return l->n_handles == 0;
}

static bool each(void *ctx, const struct query_profile *p) {
    struct listing *l = ctx;
    const struct query *q = l->run->q;
    uint64_t from = (uint64_t)q->page * q->limit;
    l->profile = p;
    if (++l->seen % 256 == 0) l->error = run_check(l->run->limits);
    if (l->error.code != ERR_OK) return false;
    bool gone = q->report == REPORT_USERS && !id128_eq(person_of(l->run->w, p->owner), p->owner);
    if (gone || !wanted_handle(l) || !passes(l)) return true;
    if (l->total >= from && l->total < from + q->limit) l->error = write_profile(l);
    l->total++;
    return l->error.code == ERR_OK;
}

static int cmp_ids(const void *a, const void *b) {
    return id128_cmp(*(const struct id128 *)a, *(const struct id128 *)b);
}

static struct err find_group(struct run *r, struct str id, struct id128 *out) {
    *out = seal_hash(r->w->keys, TEXT_VALUE, TEXT_STRING, r->q->group_key, id);
    if (r->w->word(r->w->words_ctx, *out).p) return ERR_NONE;
    if (!r->rights->may_reveal)
        return run_fault(r, ERR_DENIED, "ids",
                         "holds a group id that is not readable: asking by it needs the right to "
                         "reveal; ask by its "
                         "sealed: handle");
    r->used_literal = true;
    return ERR_NONE;
}

/* The owners that the question names, each once, sorted; handles of groups are looked for in the
 * walk. */
static struct err find_owners(struct listing *l, struct id128 **out, size_t *out_n) {
    struct run *r = l->run;
    const struct query *q = r->q;
    struct id128 *ids = arena_array(r->arena, q->n_ids + 1, sizeof *ids);
    size_t n = 0, kept = 0;
    if (!ids) return ERR(ERR_NOMEM, "query: ids");
    for (size_t i = 0; i < q->n_ids; i++) {
        if (q->report == REPORT_USERS)
            TRY(person_find(r, q->ids[i], &ids[n++]));
        else if (plan_handle_read(q->ids[i], &l->handles[l->n_handles]))
            l->n_handles++;
        else
            TRY(find_group(r, q->ids[i], &ids[n++]));
    }
    for (size_t i = 0; i < n && l->n_handles; i++)
        l->handles[l->n_handles++] = seal_handle(r->w->keys, HANDLE_TEXT, ids[i]);
    if (n) qsort(ids, n, sizeof *ids, cmp_ids);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !id128_eq(ids[i], ids[i - 1])) ids[kept++] = ids[i];
    }
    *out = ids;
    *out_n = kept;
    return ERR_NONE;
}

static struct err walk(struct listing *l) {
    struct run *r = l->run;
    const struct query *q = r->q;
    bool groups = q->report == REPORT_GROUPS;
    struct id128 *only = NULL, key = {{0}};
    size_t n_only = 0;
    if (groups) {
        key = seal_hash(r->w->keys, TEXT_GROUP_KEY, TEXT_STRING, STR(""), q->group_key);
        if (!bind_may_name(r, key)) return ERR_NONE;
    }
    if (q->has_ids) TRY(find_owners(l, &only, &n_only));
    if (l->n_handles) only = NULL;
    if (!r->w->profiles.walk) return ERR_NONE;
    const struct query_walk how = {
        .groups = groups, .group_key = key, .only = only, .n_only = n_only, .each = each, .ctx = l};
    TRY(r->w->profiles.walk(r->w->profiles.ctx, &how));
    return l->error;
}

struct err profiles_report(struct run *r, struct jout *j, uint64_t *out_unknown) {
    bool groups = r->q->report == REPORT_GROUPS;
    TRY(bind_all(r));
    struct listing *l = arena_alloc(r->arena, sizeof *l);
    AUTO(arena_free) struct arena *scratch = arena_new(64u << 20);
    AUTO(buf_done) struct buf rows;
    struct jout list;
    buf_init(&rows, j->b->max);
    if (!l || !scratch) return ERR(ERR_NOMEM, "query: profiles");
    jout_init(&list, &rows);
    *l = (struct listing){.run = r, .j = &list, .scratch = scratch};
    jout_array(&list);
    TRY(walk(l));
    jout_array_end(&list);
    TRY(buf_err(&rows));
    jout_keyz(j, "report");
    jout_strz(j, groups ? "groups" : "users");
    jout_keyz(j, "total");
    jout_i64(j, (int64_t)l->total);
    jout_keyz(j, groups ? "groups" : "users");
    jout_raw(j, buf_str(&rows));
    *out_unknown = l->unknown;
    return ERR_NONE;
}
