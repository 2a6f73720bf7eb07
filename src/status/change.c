/* change.c: the end of every change, in one place: states noted for the days, the generation, the
 * commit, the hooks. Also the checks of texts that all writers share.
 */
#include "status/internal.h"

bool status_line_ok(struct str s, size_t least, size_t most) {
    if (s.n < least || s.n > most || str_utf8_prefix(s) != s.n) return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F) return false;
    return true;
}

bool status_text_ok(struct str s, size_t most) {
    if (s.n > most || str_utf8_prefix(s) != s.n) return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F) return false;
    }
    return true;
}

void status_copy_id(char out[STATUS_ID_BYTES + 1], struct str id) {
    size_t n = id.n < STATUS_ID_BYTES ? id.n : STATUS_ID_BYTES;
    memset(out, 0, STATUS_ID_BYTES + 1);
    if (n) memcpy(out, id.p, n);
}

struct err status_number(struct status *s, int64_t *out, const char *sql, int64_t key) {
    AUTO(meta_end) struct meta_row *row = NULL;
    struct err e = ERR_NONE;
    TRY(meta_query(s->config.meta, &row, sql, "i", key));
    *out = meta_next(row, &e) ? meta_i64(row, 0) : 0;
    return e;
}

/* What a component is: a person's word, or worse if an incident or a running maintenance says so.
 */
#define STATES_NOW                                                                                 \
    "SELECT c.number, max(c.state, coalesce((SELECT max(n.state) FROM status_named n JOIN "        \
    "status_incident i ON i.id = n.incident WHERE n.component = c.number AND i.phase IN (1, 2, "   \
    "3, "                                                                                          \
    "7, 8) AND i.merged_into = ''), 0)) AS now_state FROM status_component c WHERE NOT c.is_group"

static struct err note_states(struct status *s) {
    return meta_exec(
        s->config.meta,
        "INSERT OR REPLACE INTO status_change SELECT number, ?, now_state FROM (" STATES_NOW
        ") AS a WHERE now_state IS NOT (SELECT state FROM status_change h WHERE h.component = "
        "a.number ORDER BY at_us DESC LIMIT 1)",
        "i", status_now_us(s));
}

static struct err end(struct status *s, uint64_t *generation) {
    int64_t n = 0;
    TRY(note_states(s));
    TRY(meta_exec(s->config.meta, "UPDATE status_page SET generation = generation + 1", ""));
    TRY(status_number(s, &n, "SELECT generation FROM status_page WHERE one = ?", 1));
    *generation = (uint64_t)n;
    return ERR_NONE;
}

static void call_hooks(struct status *s, uint64_t generation, const struct status_touch *t) {
    const struct status_hooks *h = &s->config.hooks;
    if (h->changed) h->changed(h->ctx, generation);
    if (h->noticed && t && t->noticed) h->noticed(h->ctx, t->incident, t->update);
}

struct err status_finish(struct status *s, struct err e, const struct status_touch *t) {
    uint64_t generation = 0;
    if (e.code == ERR_OK) e = end(s, &generation);
    if (e.code != ERR_OK) {
        meta_rollback(s->config.meta);
        return e;
    }
    TRY(meta_commit(s->config.meta));
    atomic_store(&s->generation, generation);
    if (t && t->setups) atomic_fetch_add(&s->setups, 1);
    call_hooks(s, generation, t);
    return ERR_NONE;
}
