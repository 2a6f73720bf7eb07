/* put.c: monitors, places and beats as JSON for people. */
#include "monitor/inside.h"

static const char *const states[] = {"up", "failing", "down", "unknown"};
static const char *const ups[] = {"down", "up", "pending", "maintenance", "unknown"};
static const char *const phases[POST_PHASES_N] = {"dns", "connect", "tls", "first_byte",
                                                  "transfer"};

static void put_ms(struct jout *j, const char *key, int32_t us) {
    jout_keyz(j, key);
    if (us < 0)
        jout_null(j);
    else
        jout_f64(j, (double)us / 1000);
}

void monitors_put_beat(struct jout *j, const struct post_beat *b) {
    AUTO(zone_free) struct zone *utc = NULL;
    char at[32] = "";
    if (zone_open(STR("UTC"), &utc).code == ERR_OK) zone_format(utc, b->at_us, at);
    jout_object(j);
    jout_keyz(j, "at");
    jout_strz(j, at);
    jout_keyz(j, "up");
    jout_strz(j, ups[b->up <= POST_UNKNOWN ? b->up : POST_UNKNOWN]);
    jout_keyz(j, "fault");
    jout_strz(j, b->fault ? post_fault_name((enum post_fault)b->fault) : NULL);
    jout_keyz(j, "says");
    jout_strz(j, post_fault_text((enum post_fault)b->fault));
    jout_keyz(j, "code");
    jout_i64(j, b->code);
    put_ms(j, "ms", b->total_us);
    jout_keyz(j, "phases_ms");
    jout_object(j);
    for (int i = 0; i < POST_PHASES_N; i++)
        put_ms(j, phases[i], b->phase_us[i]);
    jout_object_end(j);
    jout_keyz(j, "cert_days");
    if (b->cert_days < 0)
        jout_null(j);
    else
        jout_i64(j, b->cert_days);
    jout_keyz(j, "attempt");
    jout_i64(j, b->attempt);
    jout_object_end(j);
}

static const char *place_name(const struct monitors *m, uint32_t place) {
    if (place == 0) return "local";
    for (size_t i = 0; i < m->n_agents; i++)
        if (m->agents[i].number == place) return m->agents[i].name;
    return "gone";
}

static void put_words(const struct monitors *m, const struct monitor *k, struct jout *j) {
    jout_keyz(j, "places_last");
    jout_array(j);
    for (size_t i = 0; i < k->n_words; i++) {
        jout_object(j);
        jout_keyz(j, "place");
        jout_strz(j, place_name(m, k->words[i].place));
        jout_keyz(j, "last");
        monitors_put_beat(j, &k->words[i].beat);
        jout_object_end(j);
    }
    jout_array_end(j);
}

/* The members that were given when it was made, as they are stored. */
static void put_how(const struct monitor *k, struct jout *j) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(HOW_BYTES + 1);
    const struct json *how = NULL;
    if (!a || !p || json_parse_copy(p, k->how, a, &how).code != ERR_OK) return;
    for (const struct json *v = json_first(how); v != json_end(how); v = json_next(v)) {
        if (str_is(v->key, "headers")) continue; /* keys may be in them */
        jout_key(j, v->key);
        json_write(j, v);
    }
}

static void put_component(const struct status_model *model, uint32_t number, struct jout *j) {
    const char *id = NULL;
    for (size_t i = 0; number && i < model->n_components; i++)
        if (model->components[i].number == number) id = model->components[i].id;
    jout_keyz(j, "component");
    jout_strz(j, id);
}

static void put_monitor(const struct monitor *k, const struct status_model *model, struct jout *j) {
    jout_object(j);
    jout_keyz(j, "number");
    jout_i64(j, k->number);
    jout_keyz(j, "name");
    jout_str(j, k->name);
    jout_keyz(j, "group");
    jout_str(j, k->group);
    jout_keyz(j, "kind");
    jout_strz(j, probe_kind_name(k->kind));
    jout_keyz(j, "target");
    jout_str(j, k->target);
    jout_keyz(j, "interval_s");
    jout_i64(j, k->interval_us / US_PER_S);
    put_component(model, k->component, j);
    jout_keyz(j, "public");
    jout_bool(j, k->is_public);
    jout_keyz(j, "active");
    jout_bool(j, !k->is_off);
    jout_keyz(j, "state");
    jout_strz(j, states[k->state]);
    jout_keyz(j, "beats");
    jout_i64(j, (int64_t)k->beats);
    jout_keyz(j, "late");
    jout_i64(j, (int64_t)k->late);
    jout_keyz(j, "worst_late_ms");
    jout_f64(j, (double)k->worst_late_us / 1000);
    put_how(k, j);
}

struct err monitors_put_list(struct monitors *m, const struct status_model *model, struct jout *j) {
    pthread_mutex_lock(&m->lock);
    jout_array(j);
    for (size_t i = 0; i < m->n; i++) {
        put_monitor(&m->list[i], model, j);
        jout_object_end(j);
    }
    jout_array_end(j);
    pthread_mutex_unlock(&m->lock);
    return buf_err(j->b);
}

struct err monitors_put_one(struct monitors *m, uint32_t number, const struct status_model *model,
                            struct jout *j) {
    pthread_mutex_lock(&m->lock);
    const struct monitor *k = monitors_find(m, number);
    if (k) {
        put_monitor(k, model, j);
        put_words(m, k, j);
    }
    pthread_mutex_unlock(&m->lock);
    return k ? buf_err(j->b) : ERR(ERR_NOTFOUND, "monitor");
}

void monitors_put_places(struct monitors *m, struct jout *j) {
    pthread_mutex_lock(&m->lock);
    jout_array(j);
    jout_object(j);
    jout_keyz(j, "number");
    jout_i64(j, 0);
    jout_keyz(j, "name");
    jout_strz(j, "local");
    jout_keyz(j, "offline");
    jout_bool(j, m->offline);
    jout_object_end(j);
    for (size_t i = 0; i < m->n_agents; i++) {
        const struct agent *a = &m->agents[i];
        jout_object(j);
        jout_keyz(j, "number");
        jout_i64(j, a->number);
        jout_keyz(j, "name");
        jout_strz(j, a->name);
        jout_keyz(j, "seen_s_ago");
        if (a->seen_us)
            jout_i64(j, (time_now_us() - a->seen_us) / US_PER_S);
        else
            jout_null(j);
        jout_object_end(j);
    }
    jout_array_end(j);
    pthread_mutex_unlock(&m->lock);
}
