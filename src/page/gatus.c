/* gatus.c: Gatus' statuses (protocols/status.md 3b): the list of all endpoints lies ready, a single
 * one is made when it is asked for.
 *
 * Results are oldest to newest; page 1 holds the newest. Events are the changes between up and down
 * among the beats that are kept, after a START at the first.
 */
#include <stdlib.h>

#include "page/inside.h"

#define MAX_ANSWER_BYTES ((size_t)16 << 20)
#define LISTED 50        /* results of an endpoint in the list */
#define ALL_LISTED 40000 /* of all endpoints together */

static void put_z(struct jout *j, const char *key, const char *value) {
    jout_keyz(j, key);
    jout_strz(j, value);
}

static void put_time(struct jout *j, int64_t us) {
    char iso[32];
    page_iso(us, iso);
    put_z(j, "timestamp", iso);
}

static void put_result(struct jout *j, const struct page_beat *b) {
    jout_object(j);
    jout_keyz(j, "duration");
    jout_i64(j, b->ms > 0 ? (int64_t)b->ms * 1000000 : 0);
    if (b->up == 0) {
        jout_keyz(j, "errors");
        jout_array(j);
        jout_strz(j, "down");
        jout_array_end(j);
    }
    jout_keyz(j, "success");
    jout_bool(j, b->up != 0);
    put_time(j, b->at_us);
    jout_object_end(j);
}

static void put_event(struct jout *j, const char *type, int64_t us) {
    jout_object(j);
    put_z(j, "type", type);
    put_time(j, us);
    jout_object_end(j);
}

static void put_events(struct jout *j, const struct page_probe *p) {
    jout_keyz(j, "events");
    jout_array(j);
    if (p->n_beats > 0) put_event(j, "START", p->beats[0].at_us);
    for (size_t i = 0; i < p->n_beats; i++) {
        bool up = p->beats[i].up != 0;
        if (i > 0 && up == (p->beats[i - 1].up != 0)) continue;
        put_event(j, up ? "HEALTHY" : "UNHEALTHY", p->beats[i].at_us);
    }
    jout_array_end(j);
}

/* The beats from, but not including, `to` back to `from`. */
static void put_endpoint(struct jout *j, const struct page_probe *p, size_t from, size_t to) {
    jout_object(j);
    jout_keyz(j, "name");
    jout_str(j, p->name);
    jout_keyz(j, "group");
    jout_str(j, p->group);
    put_z(j, "key", p->key);
    jout_keyz(j, "results");
    jout_array(j);
    for (size_t i = from; i < to; i++)
        put_result(j, &p->beats[i]);
    jout_array_end(j);
    put_events(j, p);
    jout_object_end(j);
}

void page_put_gatus_endpoint(struct buf *b, const struct page_probe *p, int64_t page,
                             int64_t page_size) {
    struct jout j;
    size_t size = page_size < 1 ? LISTED : page_size > 100 ? 100 : (size_t)page_size;
    size_t skipped = page < 2 ? 0 : page > 1000 ? 1000 * size : (size_t)(page - 1) * size;
    size_t to = skipped < p->n_beats ? p->n_beats - skipped : 0;
    jout_init(&j, b);
    put_endpoint(&j, p, to > size ? to - size : 0, to);
}

/* The probes as the front will hold them. */
static struct err table_of(const struct status_model *m, struct buf *bytes, struct page *out) {
    page_put_probes(bytes, m);
    TRY(buf_err(bytes));
    struct cursor c = {.p = (const uint8_t *)bytes->p, .n = bytes->n};
    return page_take_probes(&c, out);
}

static void put_list(struct buf *b, const struct page *table) {
    struct jout j;
    size_t most = table->n_probes ? ALL_LISTED / table->n_probes : 0;
    if (most > LISTED) most = LISTED;
    jout_init(&j, b);
    jout_array(&j);
    for (size_t i = 0; i < table->n_probes; i++) {
        const struct page_probe *p = &table->probes[i];
        put_endpoint(&j, p, p->n_beats > most ? p->n_beats - most : 0, p->n_beats);
    }
    jout_array_end(&j);
}

void page_make_gatus(struct work *w) {
    AUTO(buf_done) struct buf bytes, b;
    struct page table = {0};
    buf_init(&bytes, PAGE_MAX_BYTES);
    buf_init(&b, MAX_ANSWER_BYTES);
    if (table_of(w->m, &bytes, &table).code == ERR_OK) put_list(&b, &table);
    page_bundle_add(w->out, "/api/v1/endpoints/statuses", PAGE_JSON, &b);
    free(table.probes);
    free(table.beats);
}
