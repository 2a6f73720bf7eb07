/* tap.c: what the store follows, counted: the product's events, problem reports, heartbeats.
 *
 * Runs in the store's follower, for each frame once and in the journal's order. A frame's cell is
 * that of its arrival; an event that happened more than an hour before it arrived is history (an
 * import) and counts nowhere.
 */
#include <stdlib.h>

#include "status/watch.h"

#define HISTORY_US (3600 * US_PER_S)

struct taking {
    struct status *status;
    struct watch *watch;
    const struct frame *frame;
    const struct frame_event *event;
    int64_t at_us;
    bool has_region;
    uint32_t region; /* series, 0 none */
};

static uint64_t identity_of(const struct frame_event *e) {
    uint64_t h;
    memcpy(&h, e->person.b, sizeof h);
    return h;
}

/* ---- numbers off an event's properties, by the hashes of their names ---- */

static bool number_of(struct cursor value, double *out) {
    switch ((enum frame_value)cursor_u8(&value)) {
    case V_NUMBER:
        *out = cursor_f64(&value);
        return true;
    case V_TRUE:
        *out = 1;
        return true;
    case V_FALSE:
        *out = 0;
        return true;
    case V_NULL:
    case V_TEXT:
    case V_LIST:
    case V_OBJECT:
    case V_EMPTY_OBJECT:
    case V_TIME:
        return false;
    }
    return false;
}

static void read_numbers(const struct taking *t, const struct id128 *names, size_t n, double *out) {
    uint32_t path = 0;
    struct cursor props = t->event->props, value;
    for (uint16_t i = 0; i < t->event->n_props && frame_next_prop(&props, &path, &value); i++)
        for (size_t k = 0; k < n; k++)
            if (id128_eq(t->frame->texts[path].hash, names[k])) (void)number_of(value, &out[k]);
}

static uint64_t whole(double v, double most) {
    return v >= 0 && v <= most ? (uint64_t)v : 0;
}

/* ---- problem reports ---- */

static bool is_shared(const struct watch *w, uint32_t network) {
    for (size_t i = 0; i < w->n_shared; i++)
        if (w->shared[i] == network) return true;
    return false;
}

static bool make_room(struct guard *g) {
    if (!g->chart) g->chart = calloc(1, sizeof *g->chart);
    if (!g->gate) g->gate = calloc(1, sizeof *g->gate);
    return g->chart && g->gate;
}

static void count_report(struct watch *w, struct guard *g, const struct report *r, bool verified) {
    struct signal *s = &g->signals[HEALTH_REPORTS];
    uint32_t region = watch_region(w, watch_country(r->country));
    gate_put(g->gate, r, verified);
    if (!s->detector) return;
    s->seen[0]++;
    if (region) s->seen[region]++;
    s->seen[1 + WATCH_REGIONS + r->type]++;
}

static void take_report(struct taking *t) {
    double v[6] = {0};
    bool verified = false;
    struct watch *w = t->watch;
    read_numbers(t, w->properties, 6, v);
    struct report r = {.component = (uint32_t)whole(v[0], UINT32_MAX),
                       .type = (uint8_t)whole(v[1], STATUS_TYPES_MAX - 1),
                       .prefix = whole(v[2], 9007199254740992.0),
                       .network = (uint32_t)whole(v[3], UINT32_MAX),
                       .country = (uint16_t)whole(v[4], UINT16_MAX),
                       .signed_in = v[5] != 0,
                       .identity = identity_of(t->event),
                       .at_us = t->at_us};
    struct guard *g = watch_guard(w, r.component);
    if (!g || !make_room(g)) return;
    r.shared = is_shared(w, r.network);
    bool counted = reports_take(w->reports, &r, &verified) == REPORTS_COUNTED;
    chart_add(g->chart, &r, counted, verified);
    if (counted) count_report(w, g, &r, verified);
}

/* ---- heartbeats ---- */

static void take_beat(struct taking *t) {
    double v[5] = {0, 0, -1, 0, 0};
    const struct status_hooks *hooks = &t->status->config.hooks;
    read_numbers(t, t->watch->beat_properties, 5, v);
    struct status_heartbeat b = {.probe = (uint32_t)whole(v[0], UINT32_MAX),
                                 .up = v[1] != 0,
                                 .ms = v[2] >= 0 && v[2] < 1e9 ? (int32_t)v[2] : -1,
                                 .place = (uint32_t)whole(v[3], UINT32_MAX),
                                 .code = (int32_t)whole(v[4], INT32_MAX),
                                 .at_us = t->at_us};
    if (hooks->heartbeat) {
        hooks->heartbeat(hooks->ctx, &b);
        return;
    }
    struct status_result r = {.probe = b.probe,
                              .beat = {.at_us = b.at_us, .up = b.up, .ms = b.ms},
                              .hard = true,
                              .cert_days = -1};
    status_probe_take(t->status, &r);
}

/* ---- the product's events ---- */

static uint32_t region_of(struct taking *t) {
    uint32_t path = 0;
    struct watch *w = t->watch;
    struct cursor props = t->event->props, value;
    for (uint16_t i = 0; i < t->event->n_props && frame_next_prop(&props, &path, &value); i++) {
        if (!id128_eq(t->frame->texts[path].hash, w->property_country)) continue;
        if (cursor_u8(&value) != V_TEXT) return 0;
        struct id128 text = t->frame->texts[cursor_u32(&value)].hash;
        uint64_t h;
        memcpy(&h, text.b, sizeof h);
        size_t at = (size_t)h % 2048;
        for (; !id128_is_zero(w->countries[at].text); at = (at + 1) % 2048)
            if (id128_eq(w->countries[at].text, text))
                return watch_region(w, w->countries[at].index + 1u);
        return 0;
    }
    return 0;
}

static void count(uint32_t *cell, uint32_t region) {
    cell[0]++;
    if (region) cell[region]++;
}

static void count_people(struct people **p, const struct taking *t) {
    if (!*p) *p = calloc(1, sizeof **p);
    if (*p) people_add(*p, identity_of(t->event), t->at_us);
}

static void count_event(struct taking *t, struct guard *g, bool traffic, bool error) {
    if (!t->has_region) t->region = region_of(t);
    t->has_region = true;
    if (traffic) {
        count_people(&g->active, t);
        if (g->signals[HEALTH_EVENTS].detector) count(g->signals[HEALTH_EVENTS].seen, t->region);
        if (g->signals[HEALTH_ERRORS].detector) count(g->signals[HEALTH_ERRORS].traffic, t->region);
    }
    if (!error) return;
    count_people(&g->troubled, t);
    reports_error(t->watch->reports, identity_of(t->event), g->number, t->at_us);
    if (g->signals[HEALTH_ERRORS].detector) count(g->signals[HEALTH_ERRORS].seen, t->region);
}

/* One alternative fits: the event counts once as traffic and once as an error, whichever of its
 * filters it meets how often. */
static void take_entry(struct taking *t, const struct watch_entry *e) {
    if (e->guard >= t->watch->n) return; /* memory was out when the guards were made */
    struct guard *g = t->watch->guards[e->guard];
    uint64_t serial = t->watch->serial;
    bool traffic = g->serial[0] != serial, error = e->errors && g->serial[1] != serial;
    if (!traffic && !error) return;
    g->serial[0] = serial;
    if (error) g->serial[1] = serial;
    count_event(t, g, traffic, error);
}

static void take_chain(struct taking *t, int32_t first) {
    for (int32_t i = first; i >= 0; i = t->watch->entries[i].next)
        if (status_where_holds(&t->watch->entries[i].how, t->frame, t->event))
            take_entry(t, &t->watch->entries[i]);
}

static void take_product(struct taking *t, const struct id128 *name) {
    struct watch *w = t->watch;
    uint64_t h;
    if (w->n_entries == 0) return;
    memcpy(&h, name->b, sizeof h);
    size_t at = (size_t)h & (w->n_names - 1);
    w->serial++;
    for (; !id128_is_zero(w->names[at].event); at = (at + 1) & (w->n_names - 1)) {
        if (!id128_eq(w->names[at].event, *name)) continue;
        take_chain(t, w->names[at].first);
        break;
    }
    take_chain(t, w->any_event);
}

/* ---- frames ---- */

static void take_event(struct taking *t) {
    const struct id128 name = t->frame->texts[t->event->name].hash;
    int64_t late = t->frame->arrival_us - t->event->time_us;
    if (id128_eq(name, t->watch->name_report))
        take_report(t);
    else if (id128_eq(name, t->watch->name_beat))
        take_beat(t);
    else if (late < HISTORY_US && late > -HISTORY_US)
        take_product(t, &name);
}

static void take_frame(struct status *s, struct frame *f) {
    struct frame_event event;
    struct frame_profile op;
    enum frame_record_type type;
    struct taking t = {.status = s,
                       .watch = s->watch,
                       .frame = f,
                       .event = &event,
                       .at_us = status_clock(s, f->arrival_us)};
    struct frame walk = *f;
    while ((type = frame_next(&walk, &event, &op))) {
        if (type != RECORD_EVENT) continue;
        t.has_region = false;
        t.region = 0;
        take_event(&t);
    }
}

void status_take(void *status, struct frame *f, uint64_t end) {
    struct status *s = status;
    pthread_mutex_lock(&s->lock);
    watch_advance(s->watch, status_clock(s, f->arrival_us));
    if (s->watch->project && f->project == s->watch->project) take_frame(s, f);
    s->watch->position = end;
    if (s->watch->n_news) pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}
