// modules: base seal journal
/* One journal frame, hostile. Magic, length and checksum are put right, else no input would get
 * past them. Invariant: a frame that parses can be walked to its last value without a step outside
 * of it, and every index leads to a text of the kind that its place wants. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "journal/layout.h"

static void walk_value(const struct frame *f, struct cursor c, unsigned depth) {
    struct cursor all = c;
    frame_skip_value(&all);
    assert(!all.bad && all.n == 0 && depth <= FRAME_MAX_NEST);
    uint8_t tag = cursor_u8(&c);
    if (tag == V_TEXT) assert(is_value_kind(f->texts[cursor_u32(&c)].kind));
    if (tag != V_LIST && tag != V_OBJECT) return;
    uint32_t n = cursor_u32(&c);
    (void)cursor_u32(&c);
    for (uint32_t i = 0; i < n; i++) {
        if (tag == V_OBJECT) assert(f->texts[cursor_u32(&c)].kind == TEXT_PROPERTY);
        struct cursor value = c;
        frame_skip_value(&c);
        value.n -= c.n;
        walk_value(f, value, depth + 1);
    }
    assert(!c.bad && c.n == 0);
}

static void walk_props(const struct frame *f, struct cursor props, uint16_t n, uint8_t kind) {
    uint32_t path;
    struct cursor value;
    uint16_t seen = 0;
    for (; frame_next_prop(&props, &path, &value); seen++) {
        assert(f->texts[path].kind == kind);
        walk_value(f, value, 0);
    }
    assert(seen == n && !props.bad);
}

static void walk(struct frame *f) {
    for (uint32_t i = 0; i < f->n_texts; i++) {
        uint8_t wants = path_kind_of(f->texts[i].kind);
        assert(wants ? f->texts[f->texts[i].path].kind == wants
                     : f->texts[i].path == FRAME_NO_PATH);
        for (size_t k = 0; k < f->texts[i].bytes.n; k++)
            (void)*(const volatile char *)(f->texts[i].bytes.p + k);
    }
    struct frame_event e;
    struct frame_profile p;
    uint32_t records = 0;
    for (enum frame_record_type t; (t = frame_next(f, &e, &p)) != 0; records++) {
        if (t == RECORD_EVENT)
            assert(f->texts[e.name].kind == TEXT_EVENT);
        else
            assert(f->texts[p.id].kind == TEXT_VALUE);
        walk_props(f, t == RECORD_EVENT ? e.props : p.props,
                   t == RECORD_EVENT ? e.n_props : p.n_props, prop_kind_of(t));
    }
    assert(records == f->n_records);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (n > JOURNAL_MAX_FRAME_BYTES) return 0;
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy) return 0;
    if (n > 0) memcpy(copy, bytes, n);
    if (n >= FRAME_MIN_BYTES) {
        memcpy(copy, FRAME_MAGIC, MAGIC_BYTES);
        set_u32(copy + FRAME_AT_LENGTH, (uint32_t)n);
        set_u64(copy + n - FRAME_SUM_BYTES, checksum64(copy, n - FRAME_SUM_BYTES));
    }
    struct frame f;
    if (frame_parse((struct str){(const char *)copy, n}, &f).code == ERR_OK) {
        walk(&f);
        frame_done(&f);
    }
    free(copy);
    return 0;
}
