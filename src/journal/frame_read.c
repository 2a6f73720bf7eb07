/* frame_read.c: checks one frame whole, then iterates without being able to fail.
 *
 * The bytes are hostile: a disk may have turned them, a stranger may have written the file.
 * frame_parse is the only judge; it walks head, text table and every value of every record once and
 * holds each to doc/journal-format.md. What passes may be read by frame_next, frame_next_prop and
 * frame_skip_value with plain arithmetic. The checks mirror frame_write.c rule by rule.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "journal/layout.h"

struct sizes {
    uint32_t n_texts, n_records, text_bytes, record_bytes;
    bool box;
};

static struct err corrupt(const char *what) {
    return ERR(ERR_CORRUPT, what);
}

bool journal_frame_length(const uint8_t head[FRAME_HEAD_BYTES], uint32_t *out) {
    if (memcmp(head, FRAME_MAGIC, MAGIC_BYTES) != 0) return false;
    uint32_t length = get_u32(head + FRAME_AT_LENGTH);
    if (length < FRAME_MIN_BYTES || length > JOURNAL_MAX_FRAME_BYTES) return false;
    *out = length;
    return true;
}

/* Magic, length, sizes: that the pieces fill the frame exactly. */
static struct err read_sizes(const uint8_t *p, size_t n, struct sizes *s) {
    uint32_t length;
    if (n < FRAME_MIN_BYTES || !journal_frame_length(p, &length) || length != n)
        return corrupt("frame: magic or length");
    uint32_t flags = get_u32(p + FRAME_AT_FLAGS);
    if ((flags & ~FRAME_FLAG_BOX) != 0 || get_u32(p + FRAME_HEAD_BYTES - 4) != 0)
        return corrupt("frame: flags");
    *s = (struct sizes){.n_texts = get_u32(p + FRAME_AT_TEXTS),
                        .n_records = get_u32(p + FRAME_AT_RECORDS),
                        .text_bytes = get_u32(p + FRAME_AT_TEXT_BYTES),
                        .record_bytes = get_u32(p + FRAME_AT_RECORD_BYTES),
                        .box = (flags & FRAME_FLAG_BOX) != 0};
    if (s->n_texts > FRAME_MAX_STRINGS || s->n_records > FRAME_MAX_RECORDS)
        return corrupt("frame: counts");
    uint64_t sum = FRAME_MIN_BYTES + (s->box ? SEAL_BOX_BYTES : 0u) +
                   (uint64_t)s->n_texts * TEXT_ENTRY_BYTES + s->text_bytes + s->record_bytes;
    return sum == n ? ERR_NONE : corrupt("frame: sizes");
}

bool journal_frame_is_whole(struct str bytes) {
    const uint8_t *p = (const uint8_t *)bytes.p;
    struct sizes s;
    return read_sizes(p, bytes.n, &s).code == ERR_OK &&
           checksum64(p, bytes.n - FRAME_SUM_BYTES) == get_u64(p + bytes.n - FRAME_SUM_BYTES);
}

/* ---- texts ---- */

static bool text_bytes_ok(const struct frame_text *t, bool box) {
    switch ((enum frame_text_state)t->state) {
    case FRAME_TEXT_SEALED:
        return box && t->bytes.n >= 16 + SEAL_TAG_BYTES && t->bytes.n % 16 == 0 &&
               t->bytes.n <= SEAL_MAX_TEXT_BYTES + 16 + SEAL_TAG_BYTES;
    case FRAME_TEXT_READABLE:
        return t->bytes.n <= SEAL_MAX_TEXT_BYTES;
    case FRAME_TEXT_KNOWN:
        return t->bytes.n == 0;
    }
    return false;
}

static bool text_ok(const struct frame *f, uint32_t i, bool box) {
    const struct frame_text *t = &f->texts[i];
    if (!is_text_kind(t->kind) || !is_text_type(t->type) || !text_bytes_ok(t, box)) return false;
    uint8_t wants = path_kind_of(t->kind);
    if (!wants) return t->path == FRAME_NO_PATH;
    return t->path < i && f->texts[t->path].kind == wants;
}

static struct err read_texts(struct frame *f, const uint8_t *table, const struct sizes *s) {
    const char *bytes = (const char *)table + (size_t)s->n_texts * TEXT_ENTRY_BYTES;
    size_t left = s->text_bytes;
    for (uint32_t i = 0; i < s->n_texts; i++) {
        const uint8_t *e = table + (size_t)i * TEXT_ENTRY_BYTES;
        uint32_t n = get_u32(e + TEXT_AT_BYTES);
        if (n > left || e[TEXT_AT_STATE + 1] != 0) return corrupt("frame: text table");
        struct frame_text *t = &f->texts[i];
        *t = (struct frame_text){.kind = e[TEXT_AT_KIND],
                                 .type = e[TEXT_AT_TYPE],
                                 .state = e[TEXT_AT_STATE],
                                 .path = get_u32(e + TEXT_AT_PATH),
                                 .bytes = {bytes, n}};
        memcpy(t->hash.b, e + TEXT_AT_HASH, 16);
        if (!text_ok(f, i, s->box)) return corrupt("frame: text");
        bytes += n;
        left -= n;
    }
    return left == 0 ? ERR_NONE : corrupt("frame: text bytes");
}

/* ---- values ---- */

static bool index_ok(const struct frame *f, uint32_t text, uint8_t kind) {
    return text < f->n_texts && f->texts[text].kind == kind;
}

static bool value_ok(const struct frame *f, struct cursor *c, unsigned depth);

/* A list or an object behind its tag: the elements fill its bytes exactly. */
static bool container_ok(const struct frame *f, struct cursor *c, unsigned depth, bool is_object) {
    if (depth >= FRAME_MAX_NEST || (is_object && depth == 0)) return false;
    uint32_t count = cursor_u32(c);
    uint32_t n = cursor_u32(c);
    const uint8_t *p = cursor_bytes(c, n);
    if (c->bad || !p) return false;
    struct cursor in = {.p = p, .n = n};
    for (uint32_t i = 0; i < count; i++) { /* ends by the bytes: each turn takes at least one */
        if (is_object && !index_ok(f, cursor_u32(&in), TEXT_PROPERTY)) return false;
        if (in.bad || !value_ok(f, &in, depth + 1)) return false;
    }
    return in.n == 0;
}

static bool value_ok(const struct frame *f, struct cursor *c, unsigned depth) {
    uint8_t tag = cursor_u8(c);
    if (c->bad) return false;
    switch (tag) {
    case V_NULL:
    case V_FALSE:
    case V_TRUE:
    case V_EMPTY_OBJECT:
        return true;
    case V_NUMBER: {
        double v = cursor_f64(c);
        return !c->bad && isfinite(v);
    }
    case V_TIME:
        (void)cursor_i64(c);
        return !c->bad;
    case V_TEXT: {
        uint32_t text = cursor_u32(c);
        return !c->bad && text < f->n_texts && is_value_kind(f->texts[text].kind);
    }
    case V_LIST:
        return container_ok(f, c, depth, false);
    case V_OBJECT:
        return container_ok(f, c, depth, true);
    default:
        return false;
    }
}

/* ---- records ---- */

static void read_event(struct cursor *c, struct frame_event *e) {
    *e = (struct frame_event){0};
    uint8_t flags = cursor_u8(c);
    const uint8_t *person = cursor_bytes(c, 16);
    const uint8_t *device = flags & EVENT_HAS_DEVICE ? cursor_bytes(c, 16) : NULL;
    const uint8_t *sent = flags & EVENT_HAS_SENT_ID ? cursor_bytes(c, 16) : person;
    if (person) memcpy(e->person.b, person, 16);
    if (device) memcpy(e->device.b, device, 16);
    if (sent) memcpy(e->sent_id.b, sent, 16);
    if (flags & EVENT_HAS_INSERT) {
        e->insert = cursor_u64(c);
        if (e->insert == 0) c->bad = true;
    }
    if (flags & ~(EVENT_HAS_DEVICE | EVENT_HAS_SENT_ID | EVENT_HAS_INSERT)) c->bad = true;
    e->time_us = cursor_i64(c);
    e->name = cursor_u32(c);
    e->n_props = cursor_u16(c);
    e->props = *c;
}

static void read_profile(struct cursor *c, enum frame_record_type type, struct frame_profile *p) {
    *p = (struct frame_profile){.op = cursor_u8(c), .group_key = FRAME_NO_PATH};
    if (type == RECORD_USER) {
        const uint8_t *person = cursor_bytes(c, 16);
        if (person) memcpy(p->person.b, person, 16);
    }
    p->id = cursor_u32(c);
    if (type == RECORD_GROUP) p->group_key = cursor_u32(c);
    p->time_us = cursor_i64(c);
    p->n_props = cursor_u16(c);
    p->props = *c;
}

static bool props_ok(const struct frame *f, struct cursor c, uint16_t n, uint8_t kind) {
    for (uint16_t i = 0; i < n; i++) {
        uint32_t path = cursor_u32(&c);
        if (c.bad || !index_ok(f, path, kind) || !value_ok(f, &c, 0)) return false;
    }
    return c.n == 0;
}

static bool record_ok(const struct frame *f, struct cursor c) {
    uint8_t type = cursor_u8(&c);
    if (c.bad) return false;
    if (type == RECORD_EVENT) {
        struct frame_event e;
        read_event(&c, &e);
        return !c.bad && index_ok(f, e.name, TEXT_EVENT) &&
               props_ok(f, e.props, e.n_props, TEXT_PROPERTY);
    }
    if (type != RECORD_USER && type != RECORD_GROUP) return false;
    struct frame_profile p;
    read_profile(&c, (enum frame_record_type)type, &p);
    if (c.bad || p.op < PROFILE_SET || p.op > PROFILE_DELETE) return false;
    if (type == RECORD_GROUP && !index_ok(f, p.group_key, TEXT_GROUP_KEY)) return false;
    return index_ok(f, p.id, TEXT_VALUE) &&
           props_ok(f, p.props, p.n_props, prop_kind_of((enum frame_record_type)type));
}

static struct err check_records(const struct frame *f, const struct sizes *s) {
    struct cursor c = f->records;
    for (uint32_t i = 0; i < s->n_records; i++) {
        uint32_t n = cursor_u32(&c);
        const uint8_t *p = cursor_bytes(&c, n);
        if (c.bad || !p || !record_ok(f, (struct cursor){.p = p, .n = n}))
            return corrupt("frame: record");
    }
    return c.n == 0 ? ERR_NONE : corrupt("frame: record bytes");
}

/* ---- the whole ---- */

static struct err parse_into(struct str bytes, const struct sizes *s, struct frame *f) {
    const uint8_t *p = (const uint8_t *)bytes.p;
    size_t at = FRAME_HEAD_BYTES;
    *f = (struct frame){.project = get_u64(p + FRAME_AT_PROJECT),
                        .arrival_us = (int64_t)get_u64(p + FRAME_AT_ARRIVAL),
                        .team_key_id = get_u64(p + FRAME_AT_TEAM),
                        .texts = f->texts,
                        .n_texts = s->n_texts,
                        .n_records = s->n_records};
    memcpy(f->id.b, p + FRAME_AT_ID, 16);
    if (s->box) {
        f->box = p + at;
        at += SEAL_BOX_BYTES;
    }
    TRY(read_texts(f, p + at, s));
    at += (size_t)s->n_texts * TEXT_ENTRY_BYTES + s->text_bytes;
    f->records = (struct cursor){.p = p + at, .n = s->record_bytes};
    return check_records(f, s);
}

struct err frame_parse(struct str bytes, struct frame *out) {
    struct sizes s;
    const uint8_t *p = (const uint8_t *)bytes.p;
    TRY(read_sizes(p, bytes.n, &s));
    if (checksum64(p, bytes.n - FRAME_SUM_BYTES) != get_u64(p + bytes.n - FRAME_SUM_BYTES))
        return corrupt("frame: checksum");
    struct frame f = {0};
    f.texts = malloc(s.n_texts ? s.n_texts * sizeof *f.texts : 1);
    if (!f.texts) return ERR(ERR_NOMEM, "frame: texts");
    struct err e = parse_into(bytes, &s, &f);
    if (e.code != ERR_OK) {
        free(f.texts);
        return e;
    }
    *out = f;
    return ERR_NONE;
}

void frame_done(struct frame *f) {
    if (!f) return;
    free(f->texts);
    *f = (struct frame){0};
}

enum frame_record_type frame_next(struct frame *f, struct frame_event *event,
                                  struct frame_profile *profile) {
    if (f->records.n == 0) return (enum frame_record_type)0;
    uint32_t n = cursor_u32(&f->records);
    struct cursor c = {.p = cursor_bytes(&f->records, n), .n = n};
    assert(c.p); /* frame_parse walked here */
    enum frame_record_type type = (enum frame_record_type)cursor_u8(&c);
    if (type == RECORD_EVENT)
        read_event(&c, event);
    else
        read_profile(&c, type, profile);
    return type;
}

bool frame_next_prop(struct cursor *props, uint32_t *out_path, struct cursor *value) {
    if (props->n == 0) return false;
    *out_path = cursor_u32(props);
    struct cursor start = *props;
    frame_skip_value(props);
    *value = (struct cursor){.p = start.p, .n = start.n - props->n};
    return true;
}

void frame_skip_value(struct cursor *c) {
    switch ((enum frame_value)cursor_u8(c)) {
    case V_NULL:
    case V_FALSE:
    case V_TRUE:
    case V_EMPTY_OBJECT:
        return;
    case V_NUMBER:
    case V_TIME:
        (void)cursor_bytes(c, 8);
        return;
    case V_TEXT:
        (void)cursor_bytes(c, 4);
        return;
    case V_LIST:
    case V_OBJECT:
        (void)cursor_u32(c);
        (void)cursor_bytes(c, cursor_u32(c));
        return;
    }
}
