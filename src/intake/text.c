/* text.c: entering texts.
 *
 * The order of the rule, for one text:
 *   a test project          everything is admitted
 *   POLICY_SEAL             sealed, and not counted: identity, shapes
 *   POLICY_ADMIT            on a list: the trackers' names, closed values, addresses of readable
 * pieces published by a member   admitted else                    the crowd decides
 *
 * A text that a crowd's verdict makes readable must be in this very frame in the clear, since the
 * crowd will take it for known from the commit on. So a text that lies in the frame sealed is
 * entered again (frame_add_text); and when an entry fails after such a verdict, d->failed tells the
 * front to give up the group.
 */
#include <assert.h>

#include "intake/shapes.h"
#include "intake/state.h"

const struct intake_scope intake_event_scope = {.name_kind = TEXT_PROPERTY,
                                                .value_kind = TEXT_VALUE};
const struct intake_scope intake_user_scope = {.name_kind = TEXT_USER_PROPERTY,
                                               .value_kind = TEXT_USER_VALUE};

/* ---- the cache of hot texts ---- */

/* Names have a table of their own: in one with the values, of which there are a thousand times as
 * many, they were pushed out all the time, and a name is asked for with each of its values. */
static bool is_name(enum text_kind kind) {
    return kind != TEXT_VALUE && kind != TEXT_USER_VALUE && kind != TEXT_GROUP_VALUE;
}

static struct intake_known *slot_of(const struct intake_door *d, const struct intake_text *t) {
    uint64_t path;
    memcpy(&path, t->path_hash.b, 8);
    uint64_t h = intake_quick_hash(t->value) ^ path ^ d->key ^ ((uint64_t)t->kind << 7);
    h ^= h >> 17;
    return is_name(t->kind) ? &d->in->names_known[h % NAME_SLOTS] : &d->in->known[h % KNOWN_SLOTS];
}

static bool slot_is(const struct intake_known *k, const struct intake_door *d,
                    const struct intake_text *t) {
    return k->key == d->key && k->n == t->value.n && k->kind == (uint8_t)t->kind &&
           k->type == (uint8_t)t->type && id128_eq(k->path_hash, t->path_hash) &&
           memcmp(k->bytes, t->value.p, k->n) == 0;
}

static void remember(struct intake_door *d, const struct intake_text *t, struct id128 hash) {
    if (t->value.n > KNOWN_BYTES || t->value.n == 0) return;
    struct intake_known *k = slot_of(d, t);
    *k = (struct intake_known){.key = d->key,
                               .path_hash = t->path_hash,
                               .hash = hash,
                               .flags = t->flags,
                               .kind = (uint8_t)t->kind,
                               .type = (uint8_t)t->type,
                               .values = t->values,
                               .n = (uint8_t)t->value.n};
    memcpy(k->bytes, t->value.p, t->value.n);
}

/* ---- the frame ---- */

static uint32_t add(struct intake_door *d, const struct intake_text *t, struct id128 hash,
                    enum frame_text_state state) {
    uint32_t index = 0;
    if (d->failed.code != ERR_OK) return 0;
    if (frame_find_text(d->writer, hash, &index) &&
        (state == FRAME_TEXT_SEALED || !frame_text_is_sealed(d->writer, index)))
        return index;
    const struct frame_text f = {.hash = hash,
                                 .kind = (uint8_t)t->kind,
                                 .type = (uint8_t)t->type,
                                 .state = (uint8_t)state,
                                 .path = t->path_index,
                                 .bytes = t->value};
    d->failed = frame_add_text(d->writer, &f, &index);
    return index;
}

bool intake_text_known(struct intake_door *d, const struct intake_text *t, uint32_t *out_index,
                       const struct intake_known **out_known) {
    if (t->value.n > KNOWN_BYTES || t->value.n == 0) return false;
    struct intake_known *k = slot_of(d, t);
    if (!slot_is(k, d, t)) return false;
    if (k->frame != d->frame || d->failed.code != ERR_OK) {
        k->index = add(d, t, k->hash, FRAME_TEXT_KNOWN);
        k->frame = d->failed.code == ERR_OK ? d->frame : 0;
    }
    *out_index = k->index;
    if (out_known) *out_known = k;
    return true;
}

/* ---- the rule ---- */

static enum crowd_verdict judge(struct intake_door *d, const struct intake_text *t,
                                struct id128 hash) {
    if (d->project->test) return crowd_admit(d->crowd, hash);
    if (t->policy == POLICY_SEAL) return CROWD_SEALED;
    if (t->policy == POLICY_ADMIT || id128_list_has(&d->project->published, hash))
        return crowd_admit(d->crowd, hash);
    return crowd_see(d->crowd, hash, d->sender, t->needed);
}

static struct id128 hash_of(const struct intake_door *d, const struct intake_text *t) {
    if (t->kind == TEXT_VALUE && t->value.p == d->id.p && t->value.n == d->id.n &&
        t->type == TEXT_STRING && str_is(t->path, "distinct_id"))
        return d->id_hash;
    return seal_hash(&d->project->keys, t->kind, t->type, t->path, t->value);
}

static bool put_hashed(struct intake_door *d, const struct intake_text *t, struct id128 hash,
                       uint32_t *out_index) {
    *out_index = 0;
    if (d->failed.code != ERR_OK) return false;
    switch (judge(d, t, hash)) {
    case CROWD_SEALED:
        *out_index = add(d, t, hash, FRAME_TEXT_SEALED);
        return false;
    case CROWD_BECOMES:
        *out_index = add(d, t, hash, FRAME_TEXT_READABLE);
        return true;
    case CROWD_KNOWN:
        *out_index = add(d, t, hash, FRAME_TEXT_KNOWN);
        remember(d, t, hash);
        return true;
    }
    return false;
}

bool intake_text_put(struct intake_door *d, const struct intake_text *t, uint32_t *out_index) {
    return put_hashed(d, t, hash_of(d, t), out_index);
}

bool intake_text_sight(struct intake_door *d, const struct intake_text *t, bool path_readable) {
    if (d->failed.code != ERR_OK) return false;
    struct id128 hash = hash_of(d, t);
    enum crowd_verdict v = judge(d, t, hash);
    if (v != CROWD_BECOMES) return v == CROWD_KNOWN;
    struct intake_text path = {.kind = t->kind == TEXT_VALUE ? TEXT_PROPERTY : TEXT_USER_PROPERTY,
                               .type = TEXT_STRING,
                               .path_index = FRAME_NO_PATH,
                               .value = t->path,
                               .policy = path_readable ? POLICY_ADMIT : POLICY_SEAL};
    struct intake_text piece = *t;
    intake_text_put(d, &path, &piece.path_index);
    add(d, &piece, hash, FRAME_TEXT_READABLE);
    return true;
}

uint32_t intake_needed(const struct intake_door *d, uint16_t flags) {
    return d->project->crowd * (flags & NAME_PLACE ? CROWD_PLACE_FACTOR : 1);
}

/* ---- names ---- */

/* What lists, words and the lexicon say about the values under a name. */
static void judge_values(struct intake_door *d, const struct intake_scope *s, struct str last,
                         struct intake_path *p) {
    const struct intake_name *own = intake_name_find(&d->in->names, last);
    if (own) {
        p->flags = own->flags & (uint16_t) ~(NAME_EVENT | NAME_PROPERTY);
        p->values = own->values;
    } else {
        p->flags = intake_name_words(last);
    }
    const struct registry_project *r = d->project;
    if (r->measures.n + r->times.n + r->identities.n == 0) return;
    struct id128 name = p->hash;
    if (s->name_kind != TEXT_PROPERTY)
        name = seal_hash(&r->keys, TEXT_PROPERTY, TEXT_STRING, STR(""), p->name);
    const struct id128 both[] = {name, p->hash};
    for (int i = 0; i < 2; i++) {
        if (id128_list_has(&r->measures, both[i]))
            p->flags = (p->flags & (uint16_t)~NAME_COORDINATE) | NAME_MEASURE;
        if (id128_list_has(&r->times, both[i])) p->flags |= NAME_TIME;
        if (id128_list_has(&r->identities, both[i])) p->flags |= NAME_SEALED;
    }
}

void intake_path_put(struct intake_door *d, const struct intake_scope *s, struct str name,
                     struct str last, struct intake_path *out) {
    struct intake_text t = {.kind = s->name_kind,
                            .type = TEXT_STRING,
                            .path = s->group_key,
                            .path_hash = s->group_hash,
                            .path_index = s->name_kind == TEXT_GROUP_PROPERTY ? s->group_index
                                                                              : FRAME_NO_PATH,
                            .value = name,
                            .needed = d->project->crowd};
    const struct intake_known *k = NULL;
    *out = (struct intake_path){.name = name};
    if (intake_text_known(d, &t, &out->index, &k)) {
        out->hash = k->hash;
        out->flags = k->flags;
        out->values = k->values;
        return;
    }
    const struct intake_name *own = intake_name_find(&d->in->names, name);
    if (own && own->flags & NAME_PROPERTY)
        t.policy = POLICY_ADMIT;
    else if (intake_shape_sealed(name))
        t.policy = POLICY_SEAL;
    out->hash = hash_of(d, &t);
    judge_values(d, s, last, out);
    t.flags = out->flags | NAME_READABLE;
    t.values = out->values;
    if (put_hashed(d, &t, out->hash, &out->index)) out->flags |= NAME_READABLE;
}

uint32_t intake_event_name_put(struct intake_door *d, struct str name) {
    struct intake_text t = {.kind = TEXT_EVENT,
                            .type = TEXT_STRING,
                            .path_index = FRAME_NO_PATH,
                            .value = name,
                            .needed = d->project->crowd};
    uint32_t index;
    if (intake_text_known(d, &t, &index, NULL)) return index;
    const struct intake_name *own = intake_name_find(&d->in->names, name);
    if (own && own->flags & NAME_EVENT)
        t.policy = POLICY_ADMIT;
    else if (intake_shape_sealed(name))
        t.policy = POLICY_SEAL;
    intake_text_put(d, &t, &index);
    return index;
}

void intake_group_scope(struct intake_door *d, struct str group_key, struct intake_scope *out) {
    struct intake_text t = {.kind = TEXT_GROUP_KEY,
                            .type = TEXT_STRING,
                            .path_index = FRAME_NO_PATH,
                            .value = group_key,
                            .policy = intake_shape_sealed(group_key) ? POLICY_SEAL : POLICY_COUNT,
                            .needed = d->project->crowd};
    *out = (struct intake_scope){.name_kind = TEXT_GROUP_PROPERTY,
                                 .value_kind = TEXT_GROUP_VALUE,
                                 .group_key = group_key,
                                 .group_hash = hash_of(d, &t)};
    out->group_sealed = !put_hashed(d, &t, out->group_hash, &out->group_index);
}

/* ---- values ---- */

struct str intake_value_path(const struct intake_scope *s, const struct intake_path *p,
                             char bytes[VALUE_PATH_BYTES]) {
    if (s->value_kind != TEXT_GROUP_VALUE) return p->name;
    size_t n = s->group_key.n;
    assert(n + 1 + p->name.n <= VALUE_PATH_BYTES);
    memcpy(bytes, s->group_key.p, n);
    bytes[n++] = '\x1f';
    memcpy(bytes + n, p->name.p, p->name.n);
    return (struct str){bytes, n + p->name.n};
}

static enum intake_policy value_policy(struct intake_door *d, const struct intake_scope *s,
                                       const struct intake_path *p, const struct intake_text *t) {
    if (p->flags & NAME_SEALED) return POLICY_SEAL;
    if (t->type != TEXT_STRING) return intake_shape_card(t->value) ? POLICY_SEAL : POLICY_COUNT;
    if (p->values && intake_value_listed((enum intake_values)p->values, t->value))
        return POLICY_ADMIT;
    if (t->value.n > 0 &&
        (t->value.p[0] == '/' || t->value.p[0] == '?' || (t->value.p[0] | 0x20) == 'h'))
        return intake_address_policy(d, s, p, t->value);
    return intake_shape_sealed(t->value) ? POLICY_SEAL : POLICY_COUNT;
}

static struct str cut_string(struct str s) {
    if (s.n <= INTAKE_MAX_STRING_BYTES) return s;
    return (struct str){s.p, str_utf8_prefix((struct str){s.p, INTAKE_MAX_STRING_BYTES})};
}

void intake_value_expect(const struct intake_door *d, const struct intake_scope *s,
                         const struct intake_path *p, struct str value) {
    const struct intake_text t = {.kind = s->value_kind, .path_hash = p->hash, .value = value};
    const char *slot = (const char *)slot_of(d, &t);
    __builtin_prefetch(slot);
    __builtin_prefetch(slot + 64);
}

uint32_t intake_value_put(struct intake_door *d, const struct intake_scope *s,
                          const struct intake_path *p, enum text_type type, struct str value) {
    struct intake_text t = {.kind = s->value_kind,
                            .type = type,
                            .path_hash = p->hash,
                            .path_index = p->index,
                            .value = cut_string(value),
                            .needed = intake_needed(d, p->flags)};
    uint32_t index = 0;
    if (intake_text_known(d, &t, &index, NULL)) return index;
    char bytes[VALUE_PATH_BYTES];
    t.path = intake_value_path(s, p, bytes);
    t.policy = value_policy(d, s, p, &t);
    intake_text_put(d, &t, &index);
    return index;
}
