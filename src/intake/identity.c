/* identity.c: who a record is of, and whom the crowd counts for it.
 *
 * Person (INTERFACE.md, Mixpanel's simplified merge): $user_id, else "$device:" + $device_id, else
 * distinct_id. A $user_id that stands for nobody ("anonymous", "undefined") is no user: it would
 * merge all devices that ever sent it.
 *
 * Counted: a user or a plain distinct_id is itself. A device that nobody logged in on counts as one
 * token of its network, its system and its browser, so that one person with ten fresh browsers is
 * one; the token is a keyed hash and is stored nowhere but as the crowd's short fingerprints. Ids
 * that stand for nobody count as nobody.
 */
#include "intake/record.h"

#define DEVICE_PREFIX STR("$device:")
/* First bytes that no id has (JSON ids hold no such control character in practice, and a clash
 * merely miscounts by one). */
#define DOMAIN_ANONYMOUS '\x01'
#define DOMAIN_INSERT '\x02'

struct str intake_id_text(const struct json *v) {
    if (!v) return (struct str){0};
    switch ((enum json_type)v->type) {
    case JSON_NULL:
        return (struct str){0};
    case JSON_FALSE:
        return STR("false");
    case JSON_TRUE:
        return STR("true");
    case JSON_INT:
    case JSON_NUM:
    case JSON_BIGINT:
        return v->raw;
    case JSON_STR:
        return v->s;
    case JSON_ARRAY:
        return STR("[]");
    case JSON_OBJECT:
        return STR("{}");
    }
    return (struct str){0};
}

/* An id's pseudonym and fingerprint, remembered under the hash of the id: BLAKE2b costs ten times
 * the SipHash. */
static const struct intake_person *look_up(struct intake_door *d, struct str id) {
    const struct seal_keys *k = &d->project->keys;
    struct id128 h = seal_hash(k, TEXT_VALUE, TEXT_STRING, STR("distinct_id"), id);
    uint64_t at;
    memcpy(&at, h.b, sizeof at);
    struct intake_person *p = &d->in->persons[(at ^ d->key) % PERSON_SLOTS];
    if (p->key == d->key && id128_eq(p->hash, h)) return p;
    bool nobody = id.n == 0 || intake_id_refused(id);
    *p = (struct intake_person){.key = d->key,
                                .hash = h,
                                .pseudonym = seal_pseudonym(k, id),
                                .fingerprint = nobody ? 0 : seal_person_fingerprint(k, id)};
    return p;
}

/* Of the distinct id; that of the record before is remembered, as most have the same. */
static struct intake_person look_up_sent(struct intake_door *d, struct str id) {
    struct intake_last *l = d->in->last;
    if (l->id_key == d->key && id.n > 0 && l->id_n == id.n && memcmp(l->id, id.p, id.n) == 0)
        return l->person;
    struct intake_person p = *look_up(d, id);
    if (!l->on || id.n == 0 || id.n > sizeof l->id) return p;
    l->id_key = d->key;
    l->person = p;
    l->id_n = (uint8_t)id.n;
    memcpy(l->id, id.p, id.n);
    return p;
}

struct id128 intake_pseudonym(struct intake_door *d, struct str id) {
    return look_up(d, id)->pseudonym;
}

uint64_t intake_insert_fingerprint(const struct intake_door *d, struct str insert_id) {
    char bytes[256] = {DOMAIN_INSERT};
    if (insert_id.n == 0) return 0;
    if (insert_id.n > sizeof bytes - 1) insert_id.n = sizeof bytes - 1;
    memcpy(bytes + 1, insert_id.p, insert_id.n);
    uint64_t f = seal_person_fingerprint(&d->project->keys, (struct str){bytes, insert_id.n + 1});
    return f ? f : 1;
}

/* The network (/24 or /48), system and browser of an anonymous device as one fingerprint. Only
 * listed systems and browsers tell devices apart: free text would let one sender be a crowd. */
static uint64_t anonymous_token(const struct intake_door *d, const struct intake_ids *ids) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nowhere[16] = {0};
    const uint8_t *a = ids->address ? ids->address : nowhere;
    bool v4 = memcmp(a, mapped, 12) == 0;
    struct str os = intake_value_listed(VALUES_OS, ids->os) ? ids->os : STR("");
    struct str browser = intake_value_listed(VALUES_BROWSER, ids->browser) ? ids->browser : STR("");
    char bytes[128] = {DOMAIN_ANONYMOUS};
    size_t n = 1;
    memcpy(bytes + n, v4 ? a + 12 : a, v4 ? 3 : 6);
    n += v4 ? 3 : 6;
    if (os.n > 0) memcpy(bytes + n, os.p, os.n);
    n += os.n;
    bytes[n++] = '\x1f';
    if (browser.n > 0) memcpy(bytes + n, browser.p, browser.n);
    n += browser.n;
    return seal_person_fingerprint(&d->project->keys, (struct str){bytes, n});
}

/* "$device:" + id, in the caller's bytes or, if it is long, in the arena. */
static struct str device_identity(struct intake_door *d, struct str device, char *bytes,
                                  size_t cap) {
    struct str prefix = DEVICE_PREFIX;
    if (str_starts(device, prefix)) return device;
    size_t n = prefix.n + device.n;
    char *to = n <= cap ? bytes : arena_alloc(d->arena, n);
    if (!to) {
        d->failed = ERR(ERR_NOMEM, "intake: device id");
        return device;
    }
    memcpy(to, prefix.p, prefix.n);
    memcpy(to + prefix.n, device.p, device.n);
    return (struct str){to, n};
}

void intake_who_is(struct intake_door *d, const struct intake_ids *ids, struct intake_who *out) {
    char bytes[256];
    *out = (struct intake_who){0};
    struct intake_person sent = look_up_sent(d, ids->distinct);
    d->id = ids->distinct;
    d->id_hash = sent.hash;
    out->sent = sent.pseudonym;
    out->refused = ids->distinct.n > 0 && sent.fingerprint == 0;
    struct str device = ids->device.n > 0 && !intake_id_refused(ids->device)
                            ? device_identity(d, ids->device, bytes, sizeof bytes)
                            : (struct str){0};
    struct intake_person user = {0};
    if (ids->user.n > 0) user = *look_up(d, ids->user);
    bool anonymous = device.n > 0 && (ids->distinct.n == 0 || str_eq(ids->distinct, ids->device));
    anonymous = anonymous || str_starts(ids->distinct, DEVICE_PREFIX);
    if (user.fingerprint) {
        out->person = user.pseudonym;
        if (device.n > 0 && !str_eq(device, ids->user)) out->device = look_up(d, device)->pseudonym;
        d->sender = user.fingerprint;
        return;
    }
    out->person = device.n > 0 ? look_up(d, device)->pseudonym : sent.pseudonym;
    d->sender = anonymous ? anonymous_token(d, ids) : sent.fingerprint;
}
