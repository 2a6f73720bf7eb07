/* frame_write.c: builds one frame in memory (doc/journal-format.md).
 *
 * Three buffers grow side by side: the text table, the texts' bytes, the records; frame_finish puts
 * the head in front and the checksum behind. Whatever a written frame holds, frame_parse accepts:
 * each rule that the reader holds to is checked here at the put, and a record that breaks one is
 * refused by frame_record_end and leaves no trace.
 *
 * Finding a text must cost one cache line or two, since every string of every event asks. The
 * hashes are keyed and uniform, so their first bytes are the slot; slots carry a generation, so
 * that a new frame empties the table by counting up instead of by clearing megabytes.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "journal/layout.h"

#define TABLE_FIRST_SLOTS 4096u
#define OVERHEAD_BYTES (FRAME_HEAD_BYTES + SEAL_BOX_BYTES + FRAME_SUM_BYTES)

struct slot {
    uint32_t generation; /* of the frame that filled it */
    uint32_t text;
};
struct container {
    size_t at;      /* in records: of the count */
    uint32_t count; /* elements so far */
    bool is_object;
};
struct frame_writer {
    struct seal_frame seal;
    struct team_public team;
    int64_t arrival_us;
    struct buf table, text, records, out;
    struct slot *slots; /* [n_slots], a power of two */
    uint32_t n_slots, generation;
    uint32_t n_texts, n_records;
    bool any_sealed;
    /* The record under construction. */
    bool in_record, want_value; /* want_value: a path was put, its value is due */
    enum frame_record_type type;
    size_t record_at, props_at; /* of its length; of its u16 number of properties */
    uint32_t n_props, depth;
    struct err fault; /* the first broken rule */
    struct container open[FRAME_MAX_NEST];
};

struct frame_writer *frame_writer_new(void) {
    struct frame_writer *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    w->slots = calloc(TABLE_FIRST_SLOTS, sizeof *w->slots);
    if (!w->slots) {
        free(w);
        return NULL;
    }
    w->n_slots = TABLE_FIRST_SLOTS;
    buf_init(&w->table, JOURNAL_MAX_FRAME_BYTES);
    buf_init(&w->text, JOURNAL_MAX_FRAME_BYTES);
    buf_init(&w->records, JOURNAL_MAX_FRAME_BYTES);
    buf_init(&w->out, JOURNAL_MAX_FRAME_BYTES);
    return w;
}

void frame_writer_free(struct frame_writer *w) {
    if (!w) return;
    seal_frame_done(&w->seal);
    buf_done(&w->table);
    buf_wipe_done(&w->text);
    buf_done(&w->records);
    buf_wipe_done(&w->out);
    free(w->slots);
    free(w);
}

void frame_begin(struct frame_writer *w, uint64_t project, const struct team_public *team,
                 int64_t arrival_us) {
    seal_frame_done(&w->seal);
    seal_frame_init(&w->seal, project, team);
    w->team = *team;
    w->arrival_us = arrival_us;
    buf_clear(&w->table);
    buf_clear(&w->text);
    buf_clear(&w->records);
    if (++w->generation == 0) { /* wrapped: old stamps would look new */
        memset(w->slots, 0, w->n_slots * sizeof *w->slots);
        w->generation = 1;
    }
    w->n_texts = w->n_records = 0;
    w->any_sealed = w->in_record = false;
}

/* ---- texts ---- */

static const uint8_t *entry(const struct frame_writer *w, uint32_t text) {
    return (const uint8_t *)w->table.p + (size_t)text * TEXT_ENTRY_BYTES;
}

/* The slot that holds the hash, or the free one where it belongs. At most half of the slots are
 * taken. */
static struct slot *find_slot(const struct frame_writer *w, const uint8_t hash[16]) {
    uint32_t mask = w->n_slots - 1;
    for (uint32_t i = get_u32(hash) & mask;; i = (i + 1) & mask) {
        struct slot *s = &w->slots[i];
        if (s->generation != w->generation) return s;
        if (memcmp(entry(w, s->text) + TEXT_AT_HASH, hash, 16) == 0) return s;
    }
}

static struct err grow_table(struct frame_writer *w) {
    struct slot *bigger = calloc((size_t)w->n_slots * 2, sizeof *bigger);
    if (!bigger) return ERR(ERR_NOMEM, "frame: text table");
    free(w->slots);
    w->slots = bigger;
    w->n_slots *= 2;
    for (uint32_t i = 0; i < w->n_texts; i++)
        *find_slot(w, entry(w, i)) = (struct slot){w->generation, i};
    return ERR_NONE;
}

bool frame_find_text(const struct frame_writer *w, struct id128 hash, uint32_t *out_index) {
    const struct slot *s = find_slot(w, hash.b);
    if (s->generation != w->generation) return false;
    *out_index = s->text;
    return true;
}

uint64_t frame_tag(const struct frame_writer *w) {
    return get_u64(w->seal.id.b);
}

bool frame_text_is_sealed(const struct frame_writer *w, uint32_t index) {
    assert(index < w->n_texts);
    return entry(w, index)[TEXT_AT_STATE] == FRAME_TEXT_SEALED;
}

bool frame_text_is_known(const struct frame_writer *w, uint32_t index) {
    return index < w->n_texts && entry(w, index)[TEXT_AT_STATE] == FRAME_TEXT_KNOWN;
}

static struct err check_text(const struct frame_writer *w, const struct frame_text *t) {
    if (!is_text_kind(t->kind) || !is_text_type(t->type) || t->state < FRAME_TEXT_SEALED ||
        t->state > FRAME_TEXT_KNOWN)
        return ERR(ERR_INVALID, "frame: kind, type or state of a text");
    uint8_t wants = path_kind_of(t->kind);
    if (!wants && t->path != FRAME_NO_PATH) return ERR(ERR_INVALID, "frame: a path too many");
    if (wants && (t->path >= w->n_texts || entry(w, t->path)[TEXT_AT_KIND] != wants))
        return ERR(ERR_INVALID, "frame: path of a text");
    if (t->bytes.n > SEAL_MAX_TEXT_BYTES) return ERR(ERR_LIMIT, "frame: text too long");
    if (w->n_texts >= FRAME_MAX_STRINGS) return ERR(ERR_LIMIT, "frame: too many texts");
    if (frame_bytes(w) + TEXT_ENTRY_BYTES + seal_text_bytes(t->bytes.n) > JOURNAL_MAX_FRAME_BYTES)
        return ERR(ERR_LIMIT, "frame: full");
    return ERR_NONE;
}

/* Puts the text's bytes as its state wants them; out_n: how many. */
static struct err put_text_bytes(struct frame_writer *w, const struct frame_text *t,
                                 size_t *out_n) {
    if (t->state == FRAME_TEXT_KNOWN) {
        *out_n = 0;
        return ERR_NONE;
    }
    bool sealed = t->state == FRAME_TEXT_SEALED;
    size_t n = sealed ? seal_text_bytes(t->bytes.n) : t->bytes.n;
    char *at = buf_room(&w->text, n + 32);
    if (!at) {
        struct err e = buf_err(&w->text);
        w->text.failed = ERR_OK; /* the bytes before are whole */
        return e;
    }
    if (sealed) {
        n = seal_text(&w->seal, w->n_texts, t->bytes, (uint8_t *)at);
        w->any_sealed = true;
    } else if (n > 0) {
        memcpy(at, t->bytes.p, n);
    }
    w->text.n += n;
    *out_n = n;
    return ERR_NONE;
}

struct err frame_add_text(struct frame_writer *w, const struct frame_text *t, uint32_t *out_index) {
    TRY(check_text(w, t));
    if ((w->n_texts + 1) * 2 > w->n_slots) TRY(grow_table(w));
    struct slot *s = find_slot(w, t->hash.b);
    /* The caller asked frame_find_text first; only what lies here sealed may come again, readable.
     */
    assert(s->generation != w->generation || frame_text_is_sealed(w, s->text));
    char *at = buf_room(&w->table, TEXT_ENTRY_BYTES);
    if (!at) {
        struct err e = buf_err(&w->table);
        w->table.failed = ERR_OK;
        return e;
    }
    size_t n = 0;
    TRY(put_text_bytes(w, t, &n));
    uint8_t *e = (uint8_t *)at;
    memcpy(e + TEXT_AT_HASH, t->hash.b, 16);
    e[TEXT_AT_KIND] = t->kind;
    e[TEXT_AT_TYPE] = t->type;
    e[TEXT_AT_STATE] = t->state;
    e[TEXT_AT_STATE + 1] = 0;
    set_u32(e + TEXT_AT_PATH, path_kind_of(t->kind) ? t->path : FRAME_NO_PATH);
    set_u32(e + TEXT_AT_BYTES, (uint32_t)n);
    w->table.n += TEXT_ENTRY_BYTES;
    *s = (struct slot){w->generation, w->n_texts};
    *out_index = w->n_texts++;
    return ERR_NONE;
}

/* ---- records ---- */

static void fault(struct frame_writer *w, struct err e) {
    if (w->fault.code == ERR_OK) w->fault = e;
}

static inline __attribute__((always_inline)) void put(struct frame_writer *w, const void *bytes,
                                                      size_t n) {
    struct buf *b = &w->records;
    if (b->cap - b->n < n && !buf_room(b, n)) {
        fault(w, buf_err(b));
        b->failed = ERR_OK; /* record_end takes the half record back */
        return;
    }
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
}
static void put_u8(struct frame_writer *w, uint8_t v) {
    put(w, &v, sizeof v);
}
static void put_u16(struct frame_writer *w, uint16_t v) {
    put(w, &v, sizeof v);
}
static void put_u32(struct frame_writer *w, uint32_t v) {
    put(w, &v, sizeof v);
}

static void put_index(struct frame_writer *w, uint32_t text, uint8_t kind) {
    if (text >= w->n_texts || entry(w, text)[TEXT_AT_KIND] != kind)
        fault(w, ERR(ERR_INVALID, "frame: text index of a record"));
    put_u32(w, text);
}

static void record_begin(struct frame_writer *w, enum frame_record_type type) {
    assert(!w->in_record);
    w->in_record = true;
    w->want_value = false;
    w->type = type;
    w->record_at = w->records.n;
    w->n_props = w->depth = 0;
    w->fault = ERR_NONE;
    put_u32(w, 0); /* its length, known at the end */
    put_u8(w, (uint8_t)type);
}

void frame_event_begin(struct frame_writer *w, const struct frame_event *e) {
    record_begin(w, RECORD_EVENT);
    bool device = !id128_is_zero(e->device);
    bool sent = !id128_eq(e->sent_id, e->person);
    put_u8(w, (uint8_t)((device ? EVENT_HAS_DEVICE : 0) | (sent ? EVENT_HAS_SENT_ID : 0) |
                        (e->insert ? EVENT_HAS_INSERT : 0)));
    put(w, e->person.b, 16);
    if (device) put(w, e->device.b, 16);
    if (sent) put(w, e->sent_id.b, 16);
    if (e->insert) put(w, &e->insert, 8);
    put(w, &e->time_us, 8);
    put_index(w, e->name, TEXT_EVENT);
    w->props_at = w->records.n;
    put_u16(w, 0);
}

void frame_profile_begin(struct frame_writer *w, enum frame_record_type type,
                         const struct frame_profile *p) {
    assert(type == RECORD_USER || type == RECORD_GROUP);
    record_begin(w, type);
    if (p->op < PROFILE_SET || p->op > PROFILE_DELETE)
        fault(w, ERR(ERR_INVALID, "frame: profile operation"));
    put_u8(w, p->op);
    if (type == RECORD_USER) put(w, p->person.b, 16);
    put_index(w, p->id, TEXT_VALUE);
    if (type == RECORD_GROUP) put_index(w, p->group_key, TEXT_GROUP_KEY);
    put(w, &p->time_us, 8);
    w->props_at = w->records.n;
    put_u16(w, 0);
}

void frame_put_prop(struct frame_writer *w, uint32_t path_text) {
    bool in_object = w->depth > 0 && w->open[w->depth - 1].is_object;
    if (w->want_value || (w->depth > 0 && !in_object))
        fault(w, ERR(ERR_INVALID, "frame: property out of place"));
    put_index(w, path_text, in_object ? (uint8_t)TEXT_PROPERTY : prop_kind_of(w->type));
    if (in_object)
        w->open[w->depth - 1].count++;
    else
        w->n_props++;
    w->want_value = true;
}

/* One value begins: it is due after a path, or an element of a list. */
static void value_tag(struct frame_writer *w, enum frame_value tag) {
    bool in_list = w->depth > 0 && !w->open[w->depth - 1].is_object;
    if (in_list)
        w->open[w->depth - 1].count++;
    else if (!w->want_value)
        fault(w, ERR(ERR_INVALID, "frame: value out of place"));
    w->want_value = false;
    put_u8(w, (uint8_t)tag);
}

void frame_put_simple(struct frame_writer *w, enum frame_value v) {
    assert(v == V_NULL || v == V_FALSE || v == V_TRUE || v == V_EMPTY_OBJECT);
    value_tag(w, v);
}

void frame_put_number(struct frame_writer *w, double v) {
    if (!isfinite(v)) fault(w, ERR(ERR_INVALID, "frame: number is not finite"));
    value_tag(w, V_NUMBER);
    put(w, &v, 8);
}

void frame_put_time(struct frame_writer *w, int64_t us) {
    value_tag(w, V_TIME);
    put(w, &us, 8);
}

void frame_put_text(struct frame_writer *w, uint32_t text) {
    value_tag(w, V_TEXT);
    if (text >= w->n_texts || !is_value_kind(entry(w, text)[TEXT_AT_KIND]))
        fault(w, ERR(ERR_INVALID, "frame: text index of a value"));
    put_u32(w, text);
}

static void container_begin(struct frame_writer *w, bool is_object) {
    if (is_object && w->depth == 0) fault(w, ERR(ERR_INVALID, "frame: object outside a list"));
    value_tag(w, is_object ? V_OBJECT : V_LIST);
    if (w->depth < FRAME_MAX_NEST)
        w->open[w->depth] = (struct container){.at = w->records.n, .is_object = is_object};
    else
        fault(w, ERR(ERR_LIMIT, "frame: values nest too deeply"));
    put_u32(w, 0);
    put_u32(w, 0);
    if (w->depth < FRAME_MAX_NEST) w->depth++;
}

static void container_end(struct frame_writer *w, bool is_object) {
    if (w->depth == 0 || w->open[w->depth - 1].is_object != is_object || w->want_value) {
        fault(w, ERR(ERR_INVALID, "frame: list or object ends out of place"));
        return;
    }
    const struct container *c = &w->open[--w->depth];
    if (w->fault.code != ERR_OK) return; /* positions may be off; the record is refused anyway */
    uint8_t *at = (uint8_t *)w->records.p + c->at;
    set_u32(at, c->count);
    set_u32(at + 4, (uint32_t)(w->records.n - c->at - 8));
}

void frame_put_list(struct frame_writer *w) {
    container_begin(w, false);
}
void frame_put_list_end(struct frame_writer *w) {
    container_end(w, false);
}
void frame_put_object(struct frame_writer *w) {
    container_begin(w, true);
}
void frame_put_object_end(struct frame_writer *w) {
    container_end(w, true);
}

struct err frame_record_end(struct frame_writer *w) {
    assert(w->in_record);
    if (w->depth > 0 || w->want_value)
        fault(w, ERR(ERR_INVALID, "frame: record ends inside a value"));
    if (w->n_props > UINT16_MAX) fault(w, ERR(ERR_LIMIT, "frame: too many properties"));
    if (w->n_records >= FRAME_MAX_RECORDS) fault(w, ERR(ERR_LIMIT, "frame: too many records"));
    if (frame_bytes(w) > JOURNAL_MAX_FRAME_BYTES) fault(w, ERR(ERR_LIMIT, "frame: full"));
    if (w->fault.code != ERR_OK) {
        struct err e = w->fault;
        frame_record_drop(w);
        return e;
    }
    uint8_t *p = (uint8_t *)w->records.p;
    set_u32(p + w->record_at, (uint32_t)(w->records.n - w->record_at - 4));
    uint16_t n = (uint16_t)w->n_props;
    memcpy(p + w->props_at, &n, sizeof n);
    w->n_records++;
    w->in_record = false;
    return ERR_NONE;
}

void frame_record_drop(struct frame_writer *w) {
    assert(w->in_record);
    w->records.n = w->record_at;
    w->in_record = false;
}

size_t frame_records_n(const struct frame_writer *w) {
    return w->n_records;
}

size_t frame_bytes(const struct frame_writer *w) {
    return OVERHEAD_BYTES + w->table.n + w->text.n + w->records.n;
}

/* ---- the whole ---- */

static void put_head(struct frame_writer *w, uint32_t length) {
    uint8_t h[FRAME_HEAD_BYTES] = {0};
    memcpy(h, FRAME_MAGIC, MAGIC_BYTES);
    set_u32(h + FRAME_AT_LENGTH, length);
    set_u32(h + FRAME_AT_FLAGS, w->any_sealed ? FRAME_FLAG_BOX : 0);
    set_u64(h + FRAME_AT_PROJECT, w->seal.project);
    memcpy(h + FRAME_AT_ID, w->seal.id.b, 16);
    set_u64(h + FRAME_AT_ARRIVAL, (uint64_t)w->arrival_us);
    set_u64(h + FRAME_AT_TEAM, w->team.id);
    set_u32(h + FRAME_AT_TEXTS, w->n_texts);
    set_u32(h + FRAME_AT_RECORDS, w->n_records);
    set_u32(h + FRAME_AT_TEXT_BYTES, (uint32_t)w->text.n);
    set_u32(h + FRAME_AT_RECORD_BYTES, (uint32_t)w->records.n);
    buf_put(&w->out, h, sizeof h);
}

struct err frame_finish(struct frame_writer *w, struct str *out) {
    assert(!w->in_record);
    size_t length = frame_bytes(w) - (w->any_sealed ? 0 : SEAL_BOX_BYTES);
    if (length > JOURNAL_MAX_FRAME_BYTES) return ERR(ERR_LIMIT, "frame: full");
    buf_clear(&w->out);
    if (!buf_room(&w->out, length)) return buf_err(&w->out);
    put_head(w, (uint32_t)length);
    if (w->any_sealed) {
        uint8_t box[SEAL_BOX_BYTES];
        seal_frame_box(&w->seal, &w->team, box);
        buf_put(&w->out, box, sizeof box);
    }
    buf_put(&w->out, w->table.p, w->table.n);
    buf_put(&w->out, w->text.p, w->text.n);
    buf_put(&w->out, w->records.p, w->records.n);
    buf_put_u64(&w->out, checksum64(w->out.p, w->out.n));
    TRY(buf_err(&w->out));
    assert(w->out.n == length);
    seal_frame_done(&w->seal);
    *out = buf_str(&w->out);
    return ERR_NONE;
}
