/* kuma.c: what Uptime Kuma's own page and the widgets made for it read (protocols/status.md 3b):
 * the page's configuration with groups and monitors, the beats, the history of incidents.
 *
 * Kuma numbers incidents; ours have words for ids, so the number shown is a hash of the word. Both
 * the list of incidents and the single `incident` of version 1 are sent.
 */
#include "page/inside.h"

#define MAX_ANSWER_BYTES ((size_t)16 << 20)
#define MOST_BEATS 100
#define ALL_BEATS 40000 /* of all monitors together: each then shows fewer */

/* ---- pieces ---- */

/* "YYYY-MM-DD HH:mm:ss.SSS" of UTC. */
static void put_time(struct jout *j, const char *key, int64_t us) {
    char iso[32];
    page_iso(us, iso);
    iso[10] = ' ';
    jout_keyz(j, key);
    jout_str(j, (struct str){iso, 23});
}

static void put_z(struct jout *j, const char *key, const char *value) {
    jout_keyz(j, key);
    jout_strz(j, value);
}

static void put_str(struct jout *j, const char *key, struct str value) {
    jout_keyz(j, key);
    jout_str(j, value);
}

static void put_i64(struct jout *j, const char *key, int64_t value) {
    jout_keyz(j, key);
    jout_i64(j, value);
}

static void put_flag(struct jout *j, const char *key, bool value) {
    jout_keyz(j, key);
    jout_bool(j, value);
}

static void put_config(struct work *w, struct jout *j) {
    static const char *const nulls[] = {"icon",        "customCSS",          "footerText",
                                        "analyticsId", "analyticsScriptUrl", "analyticsType",
                                        "rssTitle"};
    jout_keyz(j, "config");
    jout_object(j);
    put_z(j, "slug", "status");
    put_str(j, "title", w->m->page.name);
    put_str(j, "description", w->m->page.description);
    put_i64(j, "autoRefreshInterval", 60);
    put_z(j, "theme", "auto");
    put_flag(j, "published", true);
    put_flag(j, "showTags", false);
    put_flag(j, "showPoweredBy", false);
    put_flag(j, "showCertificateExpiry", true);
    put_flag(j, "showOnlyLastHeartbeat", false);
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        put_z(j, nulls[i], NULL);
    jout_object_end(j);
}

/* ---- incidents ---- */

static const char *style_of(enum status_impact impact) {
    if (impact == STATUS_IMPACT_CRITICAL || impact == STATUS_IMPACT_MAJOR) return "danger";
    return impact == STATUS_IMPACT_MINOR ? "warning" : "info";
}

static void put_incident(struct jout *j, const struct status_incident *i) {
    jout_object(j);
    put_i64(j, "id", (int64_t)(checksum64(i->id, strlen(i->id)) & 0x7fffffff));
    put_z(j, "style", style_of(i->impact));
    put_str(j, "title", i->name);
    put_str(j, "content", i->n_updates ? i->updates[0].body : STR(""));
    put_flag(j, "pin", page_is_open(i));
    put_flag(j, "active", page_is_open(i));
    put_time(j, "createdDate", i->created_us);
    put_time(j, "lastUpdatedDate", i->updated_us ? i->updated_us : i->created_us);
    put_i64(j, "status_page_id", 1);
    jout_object_end(j);
}

static const struct status_incident *newest_open(const struct status_model *m) {
    for (size_t i = 0; i < m->n_incidents; i++)
        if (page_is_open(&m->incidents[i])) return &m->incidents[i];
    return NULL;
}

static void put_incidents(struct work *w, struct jout *j, bool all) {
    jout_keyz(j, "incidents");
    jout_array(j);
    for (size_t i = 0; i < w->m->n_incidents; i++) {
        const struct status_incident *one = &w->m->incidents[i];
        if (one->phase != STATUS_DRAFT && (all || page_is_open(one))) put_incident(j, one);
    }
    jout_array_end(j);
}

/* ---- monitors ---- */

static void put_monitor(struct jout *j, const struct status_probe *p) {
    jout_object(j);
    put_i64(j, "id", p->number);
    put_str(j, "name", p->name);
    put_i64(j, "sendUrl", p->target.n > 0);
    put_str(j, "type", p->kind);
    if (p->target.n > 0) put_str(j, "url", p->target);
    if (p->cert_days >= 0) {
        put_i64(j, "certExpiryDaysRemaining", p->cert_days);
        put_flag(j, "validCert", p->cert_days > 0);
    }
    jout_object_end(j);
}

static bool is_first_of_group(const struct status_model *m, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (m->probes[i].is_public && str_eq(m->probes[i].group, m->probes[at].group)) return false;
    return m->probes[at].is_public;
}

static void put_group(struct work *w, struct jout *j, size_t first, int64_t number) {
    const struct status_model *m = w->m;
    struct str name = m->probes[first].group;
    jout_object(j);
    put_i64(j, "id", number);
    put_str(j, "name", name.n ? name : STR("Services"));
    put_i64(j, "weight", number);
    jout_keyz(j, "monitorList");
    jout_array(j);
    for (size_t i = first; i < m->n_probes; i++)
        if (m->probes[i].is_public && str_eq(m->probes[i].group, name))
            put_monitor(j, &m->probes[i]);
    jout_array_end(j);
    jout_object_end(j);
}

static void make_status_page(struct work *w) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    int64_t groups = 0;
    const struct status_incident *open = newest_open(w->m);
    buf_init(&b, MAX_ANSWER_BYTES);
    jout_init(&j, &b);
    jout_object(&j);
    put_config(w, &j);
    jout_keyz(&j, "incident");
    if (open)
        put_incident(&j, open);
    else
        jout_null(&j);
    put_incidents(w, &j, false);
    jout_keyz(&j, "publicGroupList");
    jout_array(&j);
    for (size_t i = 0; i < w->m->n_probes; i++)
        if (is_first_of_group(w->m, i)) put_group(w, &j, i, ++groups);
    jout_array_end(&j);
    jout_keyz(&j, "maintenanceList");
    jout_array(&j);
    jout_array_end(&j);
    jout_object_end(&j);
    page_bundle_add(w->out, "/api/status-page/status", PAGE_JSON, &b);
}

/* ---- beats ---- */

static void put_beats(struct jout *j, const struct status_probe *p, size_t most) {
    size_t n = p->n_beats < STATUS_BEATS_MAX ? p->n_beats : STATUS_BEATS_MAX;
    jout_array(j);
    for (size_t i = n > most ? n - most : 0; i < n; i++) {
        jout_object(j);
        put_i64(j, "status", p->beats[i].up);
        put_time(j, "time", p->beats[i].at_us);
        put_z(j, "msg", "");
        jout_keyz(j, "ping");
        if (p->beats[i].ms >= 0)
            jout_i64(j, p->beats[i].ms);
        else
            jout_null(j);
        jout_object_end(j);
    }
    jout_array_end(j);
}

static void put_number_key(struct jout *j, uint32_t number, const char *suffix) {
    char key[32];
    struct str digits = {key, 0};
    for (uint32_t n = number, unit = 1000000000; unit > 0; n %= unit, unit /= 10)
        if (digits.n > 0 || n / unit > 0 || unit == 1) key[digits.n++] = (char)('0' + n / unit);
    for (; *suffix; suffix++)
        key[digits.n++] = *suffix;
    jout_key(j, digits);
}

static void make_heartbeat(struct work *w) {
    const struct status_model *m = w->m;
    AUTO(buf_done) struct buf b;
    struct jout j;
    size_t most = m->n_probes ? ALL_BEATS / m->n_probes : 0;
    if (most > MOST_BEATS) most = MOST_BEATS;
    buf_init(&b, MAX_ANSWER_BYTES);
    jout_init(&j, &b);
    jout_object(&j);
    jout_keyz(&j, "heartbeatList");
    jout_object(&j);
    for (size_t i = 0; i < m->n_probes; i++) {
        if (!m->probes[i].is_public) continue;
        put_number_key(&j, m->probes[i].number, "");
        put_beats(&j, &m->probes[i], most);
    }
    jout_object_end(&j);
    jout_keyz(&j, "uptimeList");
    jout_object(&j);
    for (size_t i = 0; i < m->n_probes; i++) {
        if (!m->probes[i].is_public) continue;
        put_number_key(&j, m->probes[i].number, "_24");
        jout_f64(&j, m->probes[i].uptime_24h);
    }
    jout_object_end(&j);
    jout_object_end(&j);
    page_bundle_add(w->out, "/api/status-page/heartbeat/status", PAGE_JSON, &b);
}

static void make_history(struct work *w) {
    AUTO(buf_done) struct buf b;
    struct jout j;
    buf_init(&b, MAX_ANSWER_BYTES);
    jout_init(&j, &b);
    jout_object(&j);
    put_flag(&j, "ok", true);
    put_incidents(w, &j, true);
    put_z(&j, "nextCursor", NULL);
    put_flag(&j, "hasMore", false);
    jout_object_end(&j);
    page_bundle_add(w->out, "/api/status-page/status/incident-history", PAGE_JSON, &b);
}

void page_make_kuma(struct work *w) {
    make_status_page(w);
    make_heartbeat(w);
    make_history(w);
}
