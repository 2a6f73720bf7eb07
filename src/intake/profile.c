/* profile.c: one message of /engage or /groups -> a record for each operation in it, in the order
 * of the message.
 *
 * Shapes of values in records (the store applies them):
 *   SET, SET_ONCE   any value; nulls of SET_ONCE are left out (browsers send them for campaigns
 * that were not there) ADD             numbers only APPEND          a scalar: that element; a list:
 * its elements; an object: a list that holds it UNION, REMOVE   a list, whatever was sent UNSET
 * V_NULL for each name DELETE          nothing: whatever value `$delete` has
 */
#include <math.h>

#include "intake/record.h"

#define MAX_ID_BYTES 255
#define LARGEST_ADDEND                                                                             \
    1e7 /* eight digits are a name in disguise unless the property is a measure */

struct message {
    struct str id, token, ip, group_key;
    int64_t time_us;
    bool is_group;
    uint32_t id_text, group_text;
    struct id128 person;
};

static struct intake_fault bad(const char *field, const char *message) {
    return (struct intake_fault){field, message};
}

static enum profile_op op_of(struct str name) {
    static const struct {
        const char *name;
        enum profile_op op;
    } ops[] = {{"$set", PROFILE_SET},     {"$set_once", PROFILE_SET_ONCE},
               {"$add", PROFILE_ADD},     {"$append", PROFILE_APPEND},
               {"$union", PROFILE_UNION}, {"$remove", PROFILE_REMOVE},
               {"$unset", PROFILE_UNSET}, {"$delete", PROFILE_DELETE}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (str_is(name, ops[i].name)) return ops[i].op;
    }
    return (enum profile_op)0;
}

/* ---- reading ---- */

static struct intake_fault read_group(const struct json *v, struct message *m) {
    const struct json *key = json_get(v, "$group_key");
    if (!key || key->type != JSON_STR || key->s.n == 0 || key->s.n > MAX_ID_BYTES)
        return bad("$group_key",
                   "'$group_key' is missing or invalid: must be a string of 1 to 255 bytes");
    m->group_key = key->s;
    m->id = intake_id_text(json_get(v, "$group_id"));
    if (m->id.n == 0) return bad("$group_id", "'$group_id' is missing");
    return bad(NULL, NULL);
}

static struct intake_fault read_user(struct intake_job *j, const struct json *v,
                                     struct message *m) {
    m->id = intake_id_text(json_get(v, "$distinct_id"));
    if (m->id.n == 0) m->id = intake_id_text(json_get(v, "$user_id"));
    struct str device = intake_id_text(json_get(v, "$device_id"));
    if (m->id.n == 0 && device.n > 0)
        m->id = arena_printf(j->in->record, "$device:" STR_FMT, STR_ARG(device));
    if (m->id.n == 0) return bad("$distinct_id", "'$distinct_id' is missing");
    if (j->strict && intake_id_refused(m->id))
        return bad("$distinct_id", "'$distinct_id' is invalid: this value stands for nobody");
    return bad(NULL, NULL);
}

static struct intake_fault read_message(struct intake_job *j, const struct json *v,
                                        struct message *m) {
    if (v->type != JSON_OBJECT) return bad("", "an update must be a JSON object");
    const struct json *token = json_get(v, "$token"), *ip = json_get(v, "$ip");
    if (!token) token = json_get(v, "token");
    if (token && token->type == JSON_STR) m->token = token->s;
    if (ip && ip->type == JSON_STR) m->ip = ip->s;
    m->is_group = j->request->endpoint == INTAKE_GROUPS;
    m->time_us = j->request->arrival_us;
    enum intake_when when =
        intake_when_read(json_get(v, "$time"), j->request->arrival_us, &m->time_us);
    if (j->strict && (when == WHEN_BAD || when == WHEN_FAR))
        return bad("$time", "'$time' is invalid: must be specified as seconds since epoch");
    return m->is_group ? read_group(v, m) : read_user(j, v, m);
}

/* ---- who and what ---- */

/* Whom the crowd counts: the person of a user profile; for a group the user who sent it, else the
 * sender's network. */
static void count_sender(struct intake_job *j, const struct json *v, const struct message *m) {
    struct intake_who who;
    const struct intake_agent *a = NULL;
    if (j->in->device && str_starts(j->request->user_agent, STR("Mozilla/")))
        a = intake_device_find(j->in->device, j->request->user_agent);
    struct intake_ids ids = {.address = j->request->peer,
                             .distinct =
                                 m->is_group ? intake_id_text(json_get(v, "$distinct_id")) : m->id,
                             .user = intake_id_text(json_get(v, "$user_id")),
                             .device = intake_id_text(json_get(v, "$device_id"))};
    if (a) {
        ids.os = a->os;
        ids.browser = a->browser;
    }
    if (m->is_group && ids.distinct.n == 0 && ids.user.n == 0) ids.distinct = STR("$device:");
    intake_who_is(&j->door, &ids, &who);
}

static void put_ids(struct intake_job *j, struct message *m, struct intake_scope *s) {
    struct intake_door *d = &j->door;
    struct intake_path path;
    if (!m->is_group) {
        intake_path_put(d, &intake_event_scope, STR("distinct_id"), STR("distinct_id"), &path);
        m->person = intake_pseudonym(d, m->id);
        m->id_text = intake_value_put(d, &intake_event_scope, &path, TEXT_STRING, m->id);
        *s = intake_user_scope;
        m->group_text = FRAME_NO_PATH;
        return;
    }
    intake_path_put(d, &intake_event_scope, m->group_key, m->group_key, &path);
    m->id_text = intake_value_put(d, &intake_event_scope, &path, TEXT_STRING, m->id);
    intake_group_scope(d, m->group_key, s);
    m->group_text = s->group_index;
}

/* ---- values ---- */

/* As the one element of a list. */
static void put_wrapped(struct intake_door *d, const struct intake_scope *s,
                        const struct intake_prop *p) {
    frame_put_list(d->writer);
    intake_json_put(d, s, &p->path, p->value);
    frame_put_list_end(d->writer);
}

static void put_listed(struct intake_door *d, const struct intake_scope *s,
                       const struct intake_prop *p) {
    if (p->value->type == JSON_ARRAY)
        intake_json_put(d, s, &p->path, p->value);
    else
        put_wrapped(d, s, p);
}

static void put_value(struct intake_door *d, const struct intake_scope *s, enum profile_op op,
                      const struct intake_prop *p) {
    double number = 0;
    frame_put_prop(d->writer, p->path.index);
    switch (op) {
    case PROFILE_SET:
    case PROFILE_SET_ONCE:
        intake_json_put(d, s, &p->path, p->value);
        return;
    case PROFILE_ADD:
        (void)json_number(p->value, &number);
        frame_put_number(d->writer, number);
        return;
    case PROFILE_APPEND:
        if (p->value->type == JSON_OBJECT || p->value->type == JSON_ARRAY)
            put_wrapped(d, s, p);
        else
            intake_json_put(d, s, &p->path, p->value);
        return;
    case PROFILE_UNION:
    case PROFILE_REMOVE:
        put_listed(d, s, p);
        return;
    case PROFILE_UNSET:
    case PROFILE_DELETE:
        frame_put_simple(d->writer, V_NULL);
        return;
    }
}

/* ---- collecting ---- */

/* ADD takes numbers; long integers only where the property is a measure. */
static bool addable(const struct intake_prop *p) {
    double number;
    if (!json_number(p->value, &number)) return false;
    return fabs(number) < LARGEST_ADDEND || number != trunc(number) || p->path.flags & NAME_MEASURE;
}

static void keep_addable(struct intake_props *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (addable(&p->list[i]))
            p->list[n++] = p->list[i];
        else if (!p->fault.message)
            p->fault =
                bad("$add", "'$add' takes numbers below 10,000,000, larger ones for measures only");
    }
    p->n = n;
}

static struct intake_fault collect_names(struct intake_job *j, const struct intake_scope *s,
                                         const struct json *v) {
    struct intake_props *p = j->in->props;
    if (v->type != JSON_ARRAY && v->type != JSON_STR)
        return bad("$unset", "'$unset' is invalid: must be a list of names");
    const struct json *first = v->type == JSON_ARRAY ? json_first(v) : v;
    for (const struct json *c = first; c != json_end(v); c = json_next(c)) {
        size_t before = p->n;
        const struct json name = {.type = JSON_NULL, .skip = 1, .key = c->s};
        if (c->type != JSON_STR) continue;
        intake_props_add_whole(&j->door, s, p, &name);
        if (p->n > before) p->list[before].value = c;
    }
    return bad(NULL, NULL);
}

static struct intake_fault collect(struct intake_job *j, const struct intake_scope *s,
                                   enum profile_op op, const struct json *v) {
    struct intake_props *p = j->in->props;
    intake_props_begin(p);
    if (op == PROFILE_DELETE) return p->fault;
    if (op == PROFILE_UNSET) return collect_names(j, s, v);
    if (v->type != JSON_OBJECT)
        return bad("", "an operation's value is invalid: must be an object");
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        if (op == PROFILE_SET_ONCE && c->type == JSON_NULL) continue;
        if (op == PROFILE_SET || op == PROFILE_SET_ONCE)
            intake_props_add(&j->door, s, p, STR(""), c);
        else
            intake_props_add_whole(&j->door, s, p, c);
    }
    if (op == PROFILE_ADD) keep_addable(p);
    return j->strict ? p->fault : bad(NULL, NULL);
}

/* ---- records ---- */

static void begin(struct intake_job *j, const struct message *m, enum profile_op op) {
    const struct frame_profile f = {.op = (uint8_t)op,
                                    .person = m->person,
                                    .id = m->id_text,
                                    .group_key = m->group_text,
                                    .time_us = m->time_us};
    frame_profile_begin(j->door.writer, m->is_group ? RECORD_GROUP : RECORD_USER, &f);
}

static void end(struct intake_job *j) {
    struct err e = frame_record_end(j->door.writer);
    if (j->door.failed.code == ERR_OK) j->door.failed = e;
}

static void put_operation(struct intake_job *j, const struct message *m,
                          const struct intake_scope *s, enum profile_op op) {
    struct intake_props *p = j->in->props;
    if (j->door.failed.code != ERR_OK || (p->n == 0 && op != PROFILE_DELETE)) return;
    begin(j, m, op);
    for (size_t i = 0; i < p->n; i++)
        put_value(&j->door, s, op, &p->list[i]);
    end(j);
}

/* The place of a person, as one more SET. */
static void put_place(struct intake_job *j, const struct message *m, const struct intake_scope *s) {
    uint8_t bytes[16];
    struct intake_place place;
    const uint8_t *address = NULL;
    if (m->ip.n > 0)
        address = intake_geo_address(m->ip, bytes) ? bytes : NULL;
    else if (intake_param_on(j->params.ip) && !j->request->is_local)
        address = j->request->peer;
    if (!j->in->geo || !address || j->door.failed.code != ERR_OK) return;
    if (!intake_geo_find(j->in->geo, address, &place)) return;
    begin(j, m, PROFILE_SET);
    intake_extra_put(&j->door, s, "$city", place.city);
    intake_extra_put(&j->door, s, "$region", place.region);
    intake_extra_put(&j->door, s, "$country_code", place.country);
    intake_extra_put(&j->door, s, "$timezone", place.timezone);
    end(j);
}

static enum intake_taken put_all(struct intake_job *j, const struct json *v,
                                 const struct message *m, const struct intake_scope *s,
                                 struct intake_fault *fault) {
    bool any = false, sets = false;
    for (const struct json *c = json_first(v); c != json_end(v); c = json_next(c)) {
        enum profile_op op = op_of(c->key);
        if (op == 0) continue;
        any = true;
        *fault = collect(j, s, op, c);
        if (fault->message) return TAKEN_FAULTY;
        put_operation(j, m, s, op);
        sets = sets || op == PROFILE_SET || op == PROFILE_SET_ONCE;
    }
    if (!any) {
        *fault = bad("", "the update holds no operation ($set, $set_once, $add, ...)");
        return TAKEN_FAULTY;
    }
    if (sets && !m->is_group) put_place(j, m, s);
    return j->door.failed.code == ERR_OK ? TAKEN : TAKEN_LATER;
}

enum intake_taken intake_take_profile(struct intake_job *j, const struct json *v,
                                      struct intake_fault *fault) {
    struct message m = {0};
    struct intake_scope s;
    *fault = read_message(j, v, &m);
    if (fault->message) return TAKEN_FAULTY;
    enum intake_taken opened =
        intake_open_door(j, m.token.n > 0 ? m.token : j->params.token, fault);
    if (opened != TAKEN) return opened;
    count_sender(j, v, &m);
    if (!m.is_group) {
        int64_t now = j->request->arrival_us;
        *fault = intake_trial_check(&j->door, intake_pseudonym(&j->door, m.id), now, now);
        if (fault->message) return TAKEN_FAULTY;
    }
    put_ids(j, &m, &s);
    return put_all(j, v, &m, &s, fault);
}
