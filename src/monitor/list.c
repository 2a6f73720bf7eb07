/* list.c: the list of monitors: read whole from status' table whenever it changed, told whole to
 * the courier. What was known of a monitor stays with it. */
#include <stdio.h>
#include <stdlib.h>

#include "monitor/inside.h"

#define TELL_EACH_US (US_PER_S / 4)

/* ---- this module's members of `how` ---- */

static struct err wrong(char fault[MONITOR_FAULT_BYTES], const char *text) {
    (void)snprintf(fault, MONITOR_FAULT_BYTES, "%s", text);
    return ERR(ERR_INVALID, "a monitor");
}

static bool whole(const struct json *v, int64_t most, uint32_t *out) {
    if (v->type != JSON_INT || v->i < 0 || v->i > most) return false;
    *out = (uint32_t)v->i;
    return true;
}

static struct err read_windows(const struct json *v, struct monitor *k, char *fault) {
    if (v->type != JSON_ARRAY || v->n > WINDOWS_MAX)
        return wrong(fault, "windows: a list of at most 8");
    for (const struct json *w = json_first(v); w != json_end(v); w = json_next(w)) {
        struct err e = w->type == JSON_OBJECT ? window_read(w, &k->windows[k->n_windows])
                                              : ERR(ERR_INVALID, "windows: a list of objects");
        if (e.code != ERR_OK) return wrong(fault, e.what);
        k->n_windows++;
    }
    return ERR_NONE;
}

static struct err read_places(const struct json *v, struct monitor *k, char *fault) {
    if (v->type != JSON_ARRAY || v->n > MONITOR_PLACES_MAX)
        return wrong(fault, "places: a list of places' numbers");
    for (const struct json *p = json_first(v); p != json_end(v); p = json_next(p))
        if (!whole(p, UINT32_MAX, &k->places[k->n_places++]))
            return wrong(fault, "places: a list of places' numbers");
    return ERR_NONE;
}

struct err monitors_read_how(const struct json *how, struct monitor *k,
                             char fault[MONITOR_FAULT_BYTES]) {
    uint32_t grace = 0;
    for (const struct json *v = json_first(how); v != json_end(how); v = json_next(v)) {
        struct err e = ERR_NONE;
        if (str_is(v->key, "windows"))
            e = read_windows(v, k, fault);
        else if (str_is(v->key, "places"))
            e = read_places(v, k, fault);
        else if (str_is(v->key, "parent") && !whole(v, UINT32_MAX, &k->parent))
            e = wrong(fault, "parent: a monitor's number");
        else if (str_is(v->key, "quorum") && !whole(v, MONITOR_PLACES_MAX, &k->quorum))
            e = wrong(fault, "quorum: 1 to 16 places");
        else if (str_is(v->key, "grace_s") && !whole(v, 86400, &grace))
            e = wrong(fault, "grace_s: 0 to 86400 seconds");
        TRY(e);
        if (str_is(v->key, "grace_s")) k->grace_us = grace * US_PER_S;
    }
    return ERR_NONE;
}

/* ---- reading ---- */

void monitors_list_free(struct arena *a, struct monitor *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t w = 0; w < list[i].n_windows; w++)
            window_done(&list[i].windows[w]);
    free(list);
    arena_free(a);
}

static struct err fill(struct arena *a, struct json_parser *p, const struct status_probe_setup *s,
                       struct monitor *k) {
    char fault[MONITOR_FAULT_BYTES];
    const struct json *how = NULL;
    *k = (struct monitor){.number = s->number,
                          .component = s->component,
                          .is_off = s->is_off,
                          .is_public = s->is_public,
                          .name = s->name,
                          .group = s->group,
                          .target = s->target,
                          .how = s->how,
                          .interval_us = s->every_s * US_PER_S,
                          .grace_us = -1,
                          .kind = PROBE_PUSH,
                          .state = NOBODY_KNOWS,
                          .alive_us = time_monotonic_us(),
                          .born_us = time_monotonic_us()};
    memcpy(k->token_hash, s->token_hash, sizeof k->token_hash);
    for (int i = 0; i < PROBE_KINDS_N; i++)
        if (str_is(s->kind, probe_kind_name((enum probe_kind)i))) k->kind = (enum probe_kind)i;
    if (s->how.n > 0) TRY(json_parse_copy(p, s->how, a, &how));
    if (how && how->type == JSON_OBJECT) TRY(monitors_read_how(how, k, fault));
    if (k->grace_us < 0) k->grace_us = k->interval_us / 2;
    return ERR_NONE;
}

static void keep_known(const struct monitor *old, struct monitor *k) {
    memcpy(k->words, old->words, sizeof k->words);
    k->n_words = old->n_words;
    k->state = old->state;
    k->told_down = old->told_down;
    k->failing_us = old->failing_us;
    k->decided_us = old->decided_us;
    k->decided_at_us = old->decided_at_us;
    k->alive_us = old->alive_us;
    k->born_us = old->born_us;
    k->late = old->late;
    k->worst_late_us = old->worst_late_us;
    k->beats = old->beats;
}

static int by_number(const void *a, const void *b) {
    const struct monitor *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

struct monitor *monitors_find(struct monitors *m, uint32_t number) {
    struct monitor key = {.number = number};
    return m->n ? bsearch(&key, m->list, m->n, sizeof *m->list, by_number) : NULL;
}

static struct err read_list(struct monitors *m, struct arena *a, struct monitor **out,
                            size_t *out_n) {
    struct status_probe_setup *all = NULL;
    size_t n = 0;
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(HOW_BYTES + 1);
    TRY(status_probes(m->config.status, a, &all, &n));
    struct monitor *list = calloc(n + 1, sizeof *list);
    if (!list || !p) {
        free(list);
        return ERR(ERR_NOMEM, "monitors");
    }
    size_t taken = 0;
    for (size_t i = 0; i < n && taken < MONITORS_MAX; i++) {
        struct err e = fill(a, p, &all[i], &list[taken]);
        if (e.code == ERR_OK)
            taken++;
        else
            log_error("monitor %u cannot be read and is not checked", all[i].number);
    }
    qsort(list, taken, sizeof *list, by_number);
    *out = list;
    *out_n = taken;
    return ERR_NONE;
}

/* What a prober would be told, as one number. */
static uint64_t sum_of(const struct monitors *m) {
    uint64_t sum = m->project + 1;
    for (size_t i = 0; i < m->n_agents; i++)
        sum = sum * 31 + checksum64(m->agents[i].key_hash, sizeof m->agents[i].key_hash);
    for (size_t i = 0; i < m->n; i++) {
        const struct monitor *k = &m->list[i];
        const uint64_t parts[] = {k->number,
                                  k->kind,
                                  k->is_off,
                                  (uint64_t)k->interval_us,
                                  checksum64(k->target.p, k->target.n),
                                  checksum64(k->how.p, k->how.n)};
        sum = sum * 31 + checksum64(parts, sizeof parts);
    }
    return sum ? sum : 1;
}

static uint64_t page_project(struct monitors *m) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    struct status_model *model = NULL;
    if (!a || status_snapshot(m->config.status, a, &model).code != ERR_OK) return 0;
    return model->page.project;
}

struct err monitors_load(struct monitors *m) {
    struct monitor *list = NULL, *old;
    size_t n = 0, old_n;
    uint64_t generation = status_generation(m->config.status);
    struct arena *a = arena_new(0), *old_arena;
    struct err e = a ? read_list(m, a, &list, &n) : ERR(ERR_NOMEM, "monitors");
    if (e.code != ERR_OK) {
        arena_free(a);
        return e;
    }
    uint64_t project = m->n_agents ? page_project(m) : 0;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < n; i++) {
        const struct monitor *known = monitors_find(m, list[i].number);
        if (known && known->kind == list[i].kind) keep_known(known, &list[i]);
    }
    old = m->list, old_n = m->n, old_arena = m->arena;
    m->list = list, m->n = n, m->arena = a;
    m->generation = generation;
    m->project = project;
    m->sum = sum_of(m);
    pthread_mutex_unlock(&m->lock);
    monitors_list_free(old_arena, old, old_n);
    monitors_wake(m);
    return ERR_NONE;
}

/* ---- telling ---- */

bool monitors_runs_at(const struct monitor *k, uint32_t place) {
    if (k->is_off || k->kind == PROBE_PUSH) return false;
    for (size_t i = 0; i < k->n_places; i++)
        if (k->places[i] == place) return true;
    return k->n_places == 0;
}

/* Places that check the same monitor share its interval: n of them look n times as often. */
struct share monitors_share(const struct monitors *m, const struct monitor *k, uint32_t place) {
    struct share s = {.place = place};
    s.n = monitors_runs_at(k, 0);
    for (size_t i = 0; i < m->n_agents; i++) {
        if (!monitors_runs_at(k, m->agents[i].number)) continue;
        if (m->agents[i].number == place) s.index = s.n;
        s.n++;
    }
    return s;
}

void monitors_put_config(struct jout *j, const struct monitor *k, const struct share *s) {
    AUTO(arena_free) struct arena *a = arena_new(0);
    AUTO(json_parser_free) struct json_parser *p = json_parser_new(HOW_BYTES + 1);
    const struct json *how = NULL;
    double interval = (double)k->interval_us / 1e6;
    double at = (double)(k->number * UINT32_C(2654435769)) / 4294967296.0;
    at += s->n ? (double)s->index / (double)s->n : 0;
    jout_object(j);
    jout_keyz(j, "number");
    jout_i64(j, k->number);
    jout_keyz(j, "kind");
    jout_strz(j, probe_kind_name(k->kind));
    jout_keyz(j, "target");
    jout_str(j, k->target);
    jout_keyz(j, "interval_s");
    jout_f64(j, interval);
    jout_keyz(j, "phase_s");
    jout_f64(j, (at >= 1 ? at - 1 : at) * interval);
    if (a && p && k->how.n > 0 && json_parse_copy(p, k->how, a, &how).code == ERR_OK)
        for (const struct json *v = json_first(how); v != json_end(how); v = json_next(v))
            if (probe_config_knows(v->key)) {
                jout_key(j, v->key);
                json_write(j, v);
            }
    jout_object_end(j);
}

static void tell(struct monitors *m, enum post_kind kind, const struct monitor *k) {
    AUTO(buf_done) struct buf b = {0};
    struct jout j;
    buf_init(&b, POST_MAX_BYTES);
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "kind");
    jout_strz(&j, post_kind_name(kind));
    if (k) {
        struct share s = monitors_share(m, k, 0);
        jout_keyz(&j, "probe");
        monitors_put_config(&j, k, &s);
    }
    jout_object_end(&j);
    monitors_post(m, &b);
}

/* At most a few times a second, so that a thousand monitors made one by one are told a few dozen
 * times. */
void monitors_tell(struct monitors *m) {
    int64_t now = time_monotonic_us();
    pthread_mutex_lock(&m->lock);
    bool due = m->sum != m->told && now - m->told_us >= TELL_EACH_US;
    if (due) {
        tell(m, POST_PROBE_BEGIN, NULL);
        for (size_t i = 0; i < m->n; i++)
            if (monitors_runs_at(&m->list[i], 0)) tell(m, POST_PROBE_SET, &m->list[i]);
        tell(m, POST_PROBE_END, NULL);
        m->told = m->sum;
        m->told_us = now;
    }
    pthread_mutex_unlock(&m->lock);
    if (due) monitors_write_agents(m);
}
