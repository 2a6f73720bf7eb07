/* event.c: one event of /track or /import -> one record.
 *
 * Two passes over the properties: the first finds what intake itself needs (token, time, ids),
 * since the token, which is mostly the last property, decides under whose keys everything is
 * hashed; the second collects the rest (props.c). Then the record is put, with what the request
 * adds: place, system, browser.
 *
 * Lenient (/track, /import without strict): what cannot be kept is left out, the event stays.
 * Strict: the event is refused with the field and the reason. Refused either way: no name, no
 * project, a time that cannot be one.
 */
#include "intake/record.h"

#define MAX_EVENT_NAME_BYTES 255
#define MAX_ID_BYTES 255
#define MAX_INSERT_ID_BYTES 36

struct event {
    struct str name, token, ip, insert_id, user_agent;
    const struct json *props, *time, *latitude, *longitude;
    const struct json *distinct, *user, *device;
    struct str os, browser;
    bool ignore, has_os, has_browser, has_device, has_city, has_region, has_country;
};

/* ---- first pass ---- */

static struct str string_of(const struct json *v) {
    return v->type == JSON_STR ? v->s : (struct str){0};
}

static void note(struct event *e, enum intake_special special, const struct json *v) {
    switch (special) {
    case SPECIAL_NONE:
        return;
    case SPECIAL_TIME:
        e->time = v;
        return;
    case SPECIAL_TOKEN:
        e->token = string_of(v);
        return;
    case SPECIAL_IP:
        e->ip = string_of(v);
        return;
    case SPECIAL_INSERT_ID:
        e->insert_id = intake_id_text(v);
        return;
    case SPECIAL_DISTINCT_ID:
        e->distinct = v;
        return;
    case SPECIAL_USER_ID:
        e->user = v;
        return;
    case SPECIAL_DEVICE_ID:
        e->device = v;
        return;
    case SPECIAL_IGNORE:
        e->ignore = v->type == JSON_TRUE;
        return;
    case SPECIAL_LATITUDE:
        e->latitude = v;
        return;
    case SPECIAL_LONGITUDE:
        e->longitude = v;
        return;
    case SPECIAL_USER_AGENT:
        e->user_agent = string_of(v);
        return;
    case SPECIAL_OS:
        e->has_os = true;
        e->os = string_of(v);
        return;
    case SPECIAL_BROWSER:
        e->has_browser = true;
        e->browser = string_of(v);
        return;
    case SPECIAL_DEVICE:
        e->has_device = true;
        return;
    case SPECIAL_CITY:
        e->has_city = true;
        return;
    case SPECIAL_REGION:
        e->has_region = true;
        return;
    case SPECIAL_COUNTRY:
        e->has_country = true;
        return;
    }
}

static void read_specials(const struct intake *in, struct event *e) {
    size_t place = 0;
    if (!e->props) return;
    for (const struct json *c = json_first(e->props); c != json_end(e->props); c = json_next(c)) {
        const struct intake_seen *seen = intake_seen_place(in->last, &in->names, place++, c->key);
        enum intake_special s =
            seen ? (enum intake_special)seen->special : intake_special_of(&in->names, c->key);
        if (s != SPECIAL_NONE) note(e, s, c);
    }
}

/* Left out of the stored event: used here, or never to be stored. A raw User-Agent is known by its
 * start under any name. */
static bool is_dropped(enum intake_special special, const struct json *m) {
    switch (special) {
    case SPECIAL_TIME:
    case SPECIAL_TOKEN:
    case SPECIAL_IP:
    case SPECIAL_INSERT_ID:
    case SPECIAL_IGNORE:
    case SPECIAL_LATITUDE:
    case SPECIAL_LONGITUDE:
    case SPECIAL_USER_AGENT:
        return true;
    case SPECIAL_NONE:
    case SPECIAL_DISTINCT_ID:
    case SPECIAL_USER_ID:
    case SPECIAL_DEVICE_ID:
    case SPECIAL_OS:
    case SPECIAL_BROWSER:
    case SPECIAL_DEVICE:
    case SPECIAL_CITY:
    case SPECIAL_REGION:
    case SPECIAL_COUNTRY:
        break;
    }
    return m->type == JSON_STR && str_starts(m->s, STR("Mozilla/"));
}

/* ---- checks ---- */

static struct intake_fault bad(const char *field, const char *message) {
    return (struct intake_fault){field, message};
}

/* What no mode forgives. */
static struct intake_fault check_event(const struct json *v, struct event *e) {
    if (v->type != JSON_OBJECT) return bad("", "an event must be a JSON object");
    const struct json *name = json_get(v, "event"), *props = json_get(v, "properties");
    if (!name) return bad("event", "'event' is missing");
    if (name->type != JSON_STR || name->s.n == 0)
        return bad("event", "'event' is invalid: must be a string that is not empty");
    if (name->s.n > MAX_EVENT_NAME_BYTES)
        return bad("event", "'event' is invalid: longer than 255 bytes");
    if (props && props->type != JSON_OBJECT && props->type != JSON_NULL)
        return bad("properties", "'properties' is invalid: must be an object");
    e->name = name->s;
    e->props = props && props->type == JSON_OBJECT ? props : NULL;
    return bad(NULL, NULL);
}

/* A problem report or a beat that comes by a tracker's door: its prefix, its country and its
 * monitor would be what the sender likes. */
static bool is_forged(const struct intake_job *j, struct str name) {
    if (j->request->is_own || j->request->is_local || name.p[0] != '$') return false;
    const struct intake_name *own = intake_name_find(&j->in->names, name);
    return own && own->flags & NAME_OWN;
}

static bool insert_id_ok(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool ok =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (!ok) return false;
    }
    return s.n <= MAX_INSERT_ID_BYTES;
}

static struct intake_fault check_strict(const struct event *e, const struct intake_ids *ids,
                                        const struct intake_who *who) {
    if (!e->props) return bad("properties", "'properties' is missing");
    if (!e->distinct) return bad("properties.distinct_id", "'properties.distinct_id' is missing");
    if (e->distinct->type == JSON_ARRAY || e->distinct->type == JSON_OBJECT || who->refused)
        return bad("properties.distinct_id",
                   "'properties.distinct_id' is invalid: this value stands for nobody");
    if (ids->distinct.n > MAX_ID_BYTES)
        return bad("properties.distinct_id",
                   "'properties.distinct_id' is invalid: longer than 255 bytes");
    if (!insert_id_ok(e->insert_id))
        return bad("properties.$insert_id",
                   "'properties.$insert_id' is invalid: at most 36 of A-Z, a-z, 0-9 and '-'");
    return bad(NULL, NULL);
}

static struct intake_fault check_time(const struct intake_job *j, const struct event *e,
                                      int64_t *out_us) {
    int64_t now = j->request->arrival_us;
    switch (intake_when_read(e->time, now, out_us)) {
    case WHEN_OK:
        return bad(NULL, NULL);
    case WHEN_MISSING:
        if (j->is_import) return bad("properties.time", "'properties.time' is missing");
        *out_us = now;
        return bad(NULL, NULL);
    case WHEN_BAD:
        return bad("properties.time",
                   "'properties.time' is invalid: must be specified as seconds since epoch");
    case WHEN_FAR:
        return bad("properties.time",
                   "'properties.time' is invalid: must lie between 1971 and one hour from now");
    }
    return bad(NULL, NULL);
}

/* ---- what the request adds ---- */

/* The address to place the event by: the one it names, else the sender's if it asks for that. */
static const uint8_t *address_of(const struct intake_job *j, const struct event *e,
                                 uint8_t bytes[16]) {
    if (e->ip.n > 0) return intake_geo_address(e->ip, bytes) ? bytes : NULL;
    return intake_param_on(j->params.ip) && !j->request->is_local ? j->request->peer : NULL;
}

static void put_place(struct intake_job *j, const struct event *e, const uint8_t *address) {
    struct intake_place place = {0};
    double latitude, longitude;
    struct intake_geo *g = j->in->geo;
    if (!g) return;
    bool known = json_number(e->latitude, &latitude) && json_number(e->longitude, &longitude)
                     ? intake_geo_near(g, latitude, longitude, &place)
                     : address && intake_geo_find(g, address, &place);
    if (!known) return;
    if (!e->has_city) intake_extra_put(&j->door, &intake_event_scope, "$city", place.city);
    if (!e->has_region) intake_extra_put(&j->door, &intake_event_scope, "$region", place.region);
    if (!e->has_country)
        intake_extra_put(&j->door, &intake_event_scope, "mp_country_code", place.country);
}

/* What the User-Agent says, for events that do not say it: the one in the event, else the request's
 * if a browser sent it. */
static const struct intake_agent *agent_of(struct intake_job *j, const struct event *e) {
    struct str agent = e->user_agent;
    if (agent.n == 0 && !j->is_import) agent = j->request->user_agent;
    if (!j->in->device || e->has_os || e->has_browser || !str_starts(agent, STR("Mozilla/")))
        return NULL;
    return intake_device_find(j->in->device, agent);
}

static void put_agent(struct intake_job *j, const struct event *e, const struct intake_agent *a) {
    if (!a) return;
    intake_extra_put(&j->door, &intake_event_scope, "$os", a->os);
    intake_extra_put(&j->door, &intake_event_scope, "$browser", a->browser);
    if (!e->has_device) intake_extra_put(&j->door, &intake_event_scope, "$device", a->device);
}

/* ---- the record ---- */

static void collect(struct intake_job *j, const struct event *e) {
    const struct intake *in = j->in;
    size_t place = 0;
    intake_props_begin(in->props);
    if (!e->props) return;
    for (const struct json *c = json_first(e->props); c != json_end(e->props); c = json_next(c)) {
        struct intake_seen *seen = intake_seen_place(in->last, &in->names, place++, c->key);
        enum intake_special s =
            seen ? (enum intake_special)seen->special : intake_special_of(&in->names, c->key);
        if (is_dropped(s, c)) continue;
        if (seen)
            intake_props_add_seen(&j->door, in->props, seen, c);
        else
            intake_props_add(&j->door, &intake_event_scope, in->props, STR(""), c);
    }
}

static enum intake_taken put_record(struct intake_job *j, const struct event *e,
                                    const struct frame_event *f, const uint8_t *address,
                                    const struct intake_agent *agent) {
    struct intake_door *d = &j->door;
    if (d->failed.code != ERR_OK) return TAKEN_LATER;
    frame_event_begin(d->writer, f);
    for (size_t i = 0; i < j->in->props->n; i++)
        intake_prop_put(d, &intake_event_scope, &j->in->props->list[i]);
    put_place(j, e, address);
    put_agent(j, e, agent);
    struct err end = frame_record_end(d->writer);
    if (d->failed.code == ERR_OK) d->failed = end;
    return d->failed.code == ERR_OK ? TAKEN : TAKEN_LATER;
}

static enum intake_taken take_known(struct intake_job *j, const struct event *e, int64_t time_us,
                                    struct intake_fault *fault) {
    uint8_t bytes[16];
    const uint8_t *address = address_of(j, e, bytes);
    const struct intake_agent *agent = agent_of(j, e);
    struct intake_who who;
    struct intake_ids ids = {.distinct = intake_id_text(e->distinct),
                             .user = intake_id_text(e->user),
                             .device = intake_id_text(e->device),
                             .address = e->ip.n > 0 && j->is_import ? address : j->request->peer,
                             .os = agent ? agent->os : e->os,
                             .browser = agent ? agent->browser : e->browser};
    intake_who_is(&j->door, &ids, &who);
    *fault = intake_trial_check(&j->door, who.person, time_us, j->request->arrival_us);
    if (fault->message) return TAKEN_FAULTY;
    if (j->strict) {
        *fault = check_strict(e, &ids, &who);
        if (fault->message) return TAKEN_FAULTY;
    }
    collect(j, e);
    *fault = j->in->props->fault;
    if (j->strict && fault->message) return TAKEN_FAULTY;
    const struct frame_event f = {.person = who.person,
                                  .device = who.device,
                                  .sent_id = who.sent,
                                  .insert = intake_insert_fingerprint(&j->door, e->insert_id),
                                  .time_us = time_us,
                                  .name = intake_event_name_put(&j->door, e->name)};
    return put_record(j, e, &f, address, agent);
}

enum intake_taken intake_take_event(struct intake_job *j, const struct json *v,
                                    struct str *out_insert_id, struct intake_fault *fault) {
    struct event e = {0};
    int64_t time_us = 0;
    *fault = check_event(v, &e);
    if (!fault->message && is_forged(j, e.name))
        *fault = bad("event", "'event' is invalid: the server itself makes this event");
    if (fault->message) return TAKEN_FAULTY;
    read_specials(j->in, &e);
    *out_insert_id = e.insert_id;
    enum intake_taken opened =
        intake_open_door(j, e.token.n > 0 ? e.token : j->params.token, fault);
    if (opened != TAKEN) return opened;
    *fault = check_time(j, &e, &time_us);
    if (fault->message) return TAKEN_FAULTY;
    if (e.ignore) return TAKEN_IGNORED;
    return take_known(j, &e, time_us, fault);
}
